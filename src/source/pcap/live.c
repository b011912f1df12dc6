/* SPDX-License-Identifier: Apache-2.0 */
/* source/pcap: live capture with libpcap, where AF_PACKET is not there or does not know the device:
 * other systems, older kernels, other link types.
 *
 * Theory of operation: libpcap hands out one packet at a time from memory that it reuses, so
 * packets are copied into buffers of ours; a buffer is filled again when its batch was released.
 * The handles are non-blocking and waited for with poll: a blocking pcap_dispatch() may sleep for
 * ever on an idle interface. */

#include <pcap/pcap.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/filter.h"
#include "source/source.h"

#ifdef FT_HAVE_PCAP

enum { HANDLES = 32, BUFFERS = 8, BUFFER_LEN = 1 << 20, SNAPLEN = 262144, DRAIN_ROUNDS = 3 };

struct handle {
    pcap_t *pcap;
    char name[64];
    uint16_t linktype;
    bool nano;
    uint32_t drops; /* ps_drop as last read, it may wrap */
};

struct buffer {
    uint8_t *data; /* [BUFFER_LEN + SNAPLEN] */
    _Atomic bool held;
};

struct pcaplive {
    struct ft_source source;
    struct handle handle[HANDLES];
    uint32_t n, turn;
    struct buffer buf[BUFFERS];
    uint8_t *map;
    int wake_fd;
    uint32_t rounds; /* reads since stop */
    _Atomic bool stopped;
    _Atomic uint64_t dropped;
    pthread_mutex_t lock; /* pcap_stats */
    /* of the read under way: */
    struct ft_batch *batch;
    uint8_t *at, *end;
    uint32_t reading;
};

static struct pcaplive *live_of(struct ft_source *s)
{
    return (struct pcaplive *)(void *)s;
}

/* DLT_* of this system to LINKTYPE_*: they differ for raw IP and LOOP only, of those we read. */
static uint16_t linktype_of(int dlt)
{
    return dlt == DLT_RAW ? FT_LINK_RAW : dlt == DLT_LOOP ? FT_LINK_LOOP : (uint16_t)dlt;
}

static int activate(struct handle *h, const struct ft_source_config *cfg, struct ft_err *err)
{
    uint64_t want = (uint64_t)cfg->queue * FT_RING_BYTES;
    int rc;

    pcap_set_snaplen(h->pcap, cfg->snaplen > 0 ? (int)cfg->snaplen : SNAPLEN);
    pcap_set_buffer_size(h->pcap, want > 1 << 30 ? 1 << 30 : (int)want);
    pcap_set_timeout(h->pcap, 20);
    pcap_set_promisc(h->pcap, cfg->promiscuous && strcmp(h->name, "any") != 0);
    pcap_set_tstamp_precision(h->pcap, PCAP_TSTAMP_PRECISION_NANO);
    rc = pcap_activate(h->pcap);
    if (rc == PCAP_ERROR_PERM_DENIED) {
        return ft_err_set(err, FT_E_PRIVILEGE,
                          "capturing on %s needs the capability CAP_NET_RAW: run as root, or grant "
                          "it once with: sudo setcap cap_net_raw,cap_net_admin=eip flowtap",
                          h->name);
    }
    if (rc < 0) {
        return ft_err_set(err, FT_E_IO, "%s: %s", h->name, pcap_geterr(h->pcap));
    }
    h->nano = pcap_get_tstamp_precision(h->pcap) == PCAP_TSTAMP_PRECISION_NANO;
    return FT_OK;
}

static int set_filter(struct handle *h, const struct ft_source_config *cfg, struct ft_err *err)
{
    const struct ft_filter_wait wait = {.log = cfg->log};
    const char *filter = cfg->filter;
    struct bpf_program prog;
    int rc = FT_OK;

    if (filter == NULL) {
        return FT_OK;
    }
    rc = ft_filter_compile(h->pcap, filter, &wait, &prog, err);
    if (rc != FT_OK) {
        return rc;
    }
    if (pcap_setfilter(h->pcap, &prog) != 0) {
        rc = ft_err_set(err, FT_E_IO, "filter '%s': %s", filter, pcap_geterr(h->pcap));
    }
    pcap_freecode(&prog);
    return rc;
}

/* On loopback, where libpcap hands out what comes in only, "out" gives nothing. */
static int set_direction(struct handle *h, const struct ft_source_config *cfg, struct ft_err *err)
{
    pcap_direction_t way = cfg->direction == FT_DIRECTION_IN ? PCAP_D_IN : PCAP_D_OUT;

    if (cfg->direction != FT_DIRECTION_ANY && pcap_setdirection(h->pcap, way) != 0) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "%s: --direction: %s", h->name,
                          pcap_geterr(h->pcap));
    }
    return FT_OK;
}

static int open_handle(struct handle *h, const struct ft_source_config *cfg, struct ft_err *err)
{
    char why[PCAP_ERRBUF_SIZE] = "";

    h->pcap = pcap_create(h->name, why);
    if (h->pcap == NULL) {
        return ft_err_set(err, FT_E_IO, "%s: %s", h->name, why);
    }
    int rc = activate(h, cfg, err);

    rc = rc == FT_OK ? set_direction(h, cfg, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    /* of any: SLL, into which libpcap puts the tag that the kernel took off; into SLL2 it does not
     */
    h->linktype = linktype_of(pcap_datalink(h->pcap));
    if (cfg->linktype_ok != NULL && !cfg->linktype_ok(h->linktype)) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "%s: link type %u (%s) is not supported", h->name,
                          h->linktype, cfg->linktype_name(h->linktype));
    }
    if (pcap_setnonblock(h->pcap, 1, why) != 0) {
        return ft_err_set(err, FT_E_IO, "%s: %s", h->name, why);
    }
    return set_filter(h, cfg, err);
}

static void live_close(struct ft_source *s)
{
    struct pcaplive *l = live_of(s);

    if (l == NULL) {
        return;
    }
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->handle[i].pcap != NULL) {
            pcap_close(l->handle[i].pcap);
        }
    }
    if (l->wake_fd >= 0) {
        close(l->wake_fd);
    }
    pthread_mutex_destroy(&l->lock);
    ft_map_free(l->map, (size_t)BUFFERS * (BUFFER_LEN + SNAPLEN));
    ft_mem_free(l);
}

static int live_open(const struct ft_source_config *cfg, struct ft_source **out, struct ft_err *err)
{
    struct pcaplive *l = ft_mem_alloc(1, sizeof *l);
    int rc = FT_OK;

    if (l == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    l->source.ops = &ft_source_pcap;
    pthread_mutex_init(&l->lock, NULL);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->map = ft_map_alloc((size_t)BUFFERS * (BUFFER_LEN + SNAPLEN));
    if (l->wake_fd < 0 || l->map == NULL) {
        rc = ft_err_set(err, FT_E_NOMEM, "out of memory or file descriptors");
    }
    for (int i = 0; i < BUFFERS && rc == FT_OK; i++) {
        l->buf[i].data = l->map + (size_t)i * (BUFFER_LEN + SNAPLEN);
    }
    for (uint32_t i = 0; i < cfg->n_targets && i < HANDLES && rc == FT_OK; i++) {
        l->n = i + 1;
        snprintf(l->handle[i].name, sizeof l->handle[i].name, "%s", cfg->targets[i]);
        rc = open_handle(&l->handle[i], cfg, err);
    }
    if (rc != FT_OK) {
        live_close(&l->source);
        return rc;
    }
    *out = &l->source;
    return FT_OK;
}

/* pcap_handler: copies one packet behind the others of the batch. */
static void take(u_char *cookie, const struct pcap_pkthdr *h, const u_char *data)
{
    struct pcaplive *l = (struct pcaplive *)(void *)cookie;
    const struct handle *from = &l->handle[l->reading];
    uint32_t caplen = h->caplen < SNAPLEN ? h->caplen : SNAPLEN;

    l->batch->views[l->batch->n++] = (struct ft_view){
        .data = l->at,
        .ts_ns =
            (int64_t)h->ts.tv_sec * 1000000000 + (int64_t)h->ts.tv_usec * (from->nano ? 1 : 1000),
        .caplen = caplen,
        .len = h->len < caplen ? caplen : h->len,
        .linktype = from->linktype,
        .iface = (uint16_t)l->reading,
    };
    memcpy(l->at, data, caplen);
    l->at += caplen;
    if (l->batch->n == l->batch->cap || l->at >= l->end) {
        pcap_breakloop(from->pcap);
    }
}

static void wait_handles(struct pcaplive *l, int timeout_ms)
{
    struct pollfd fds[HANDLES + 1];
    uint32_t n = 0;

    for (uint32_t i = 0; i < l->n; i++) {
        int fd = pcap_get_selectable_fd(l->handle[i].pcap);

        if (fd >= 0) {
            fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
    fds[n++] = (struct pollfd){.fd = l->wake_fd, .events = POLLIN};
    if (poll(fds, n, timeout_ms) < 0) {
        return; /* interrupted: the next round looks again */
    }
}

static int fill(struct pcaplive *l, struct ft_batch *b, uint32_t slot, struct ft_err *err)
{
    l->batch = b;
    l->at = l->buf[slot].data;
    l->end = l->at + BUFFER_LEN;
    for (uint32_t k = 0; k < l->n && b->n == 0; k++) {
        l->reading = (l->turn + k) % l->n;
        struct handle *h = &l->handle[l->reading];
        int rc = pcap_dispatch(h->pcap, (int)b->cap, take, (u_char *)l);

        if (rc == PCAP_ERROR && b->n == 0 && strstr(pcap_geterr(h->pcap), "down") == NULL) {
            return ft_err_set(err, FT_E_IO, "%s: %s", h->name, pcap_geterr(h->pcap));
        }
    }
    l->turn = (l->reading + 1) % l->n;
    return FT_OK;
}

static int live_read(struct ft_source *s, struct ft_batch *b, int timeout_ms, struct ft_err *err)
{
    struct pcaplive *l = live_of(s);
    bool stopped = atomic_load_explicit(&l->stopped, memory_order_relaxed);
    uint32_t slot = 0;

    b->n = 0;
    while (slot < BUFFERS && atomic_load_explicit(&l->buf[slot].held, memory_order_acquire)) {
        slot++;
    }
    if (slot == BUFFERS) {
        return FT_E_AGAIN;
    }
    int rc = fill(l, b, slot, err);

    if (rc == FT_OK && b->n == 0) {
        wait_handles(l, stopped ? 20 : timeout_ms);
        rc = fill(l, b, slot, err);
        if (rc == FT_OK && b->n == 0 && stopped && ++l->rounds >= DRAIN_ROUNDS) {
            return FT_E_EOF;
        }
    }
    if (b->n > 0) {
        b->token = slot;
        atomic_store_explicit(&l->buf[slot].held, true, memory_order_relaxed);
    }
    return rc;
}

static void live_release(struct ft_source *s, uint64_t token)
{
    if (token < BUFFERS) { /* pairs with live_read() */
        atomic_store_explicit(&live_of(s)->buf[token].held, false, memory_order_release);
    }
}

static void live_stop(struct ft_source *s)
{
    struct pcaplive *l = live_of(s);
    uint64_t one = 1;

    atomic_store_explicit(&l->stopped, true, memory_order_relaxed);
    if (write(l->wake_fd, &one, sizeof one) < 0) {
        return; /* the counter is full: it is awake */
    }
}

static void live_stats(struct ft_source *s, struct ft_source_stats *out)
{
    struct pcaplive *l = live_of(s);
    struct pcap_stat st;

    pthread_mutex_lock(&l->lock);
    for (uint32_t i = 0; i < l->n; i++) {
        if (pcap_stats(l->handle[i].pcap, &st) == 0) {
            uint32_t more = st.ps_drop - l->handle[i].drops;

            l->handle[i].drops = st.ps_drop;
            atomic_fetch_add_explicit(&l->dropped, more, memory_order_relaxed);
        }
    }
    pthread_mutex_unlock(&l->lock);
    *out = (struct ft_source_stats){
        .dropped_known = true, .dropped = atomic_load_explicit(&l->dropped, memory_order_relaxed)};
}

const struct ft_source_ops ft_source_pcap = {
    .name = "pcap",
    .help = "libpcap: other systems, older kernels, other link types",
    .flags = FT_SOURCE_LIVE,
    .open = live_open,
    .read = live_read,
    .release = live_release,
    .stop = live_stop,
    .stats = live_stats,
    .close = live_close,
};

#endif
