/* SPDX-License-Identifier: Apache-2.0 */
/* source/afpacket: live capture with AF_PACKET: the rings of one worker, and interfaces that come
 * and go. */
#include "source/afpacket/afpacket.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum { RINGS_MAX = FT_SOURCE_INTERFACES, DRAIN_MS = 60, CHECK_MS = 500, COUNT_MS = 200 };

struct afpacket {
    struct ft_source source;
    struct ft_source_config cfg; /* names and filter are owned copies */
    char *filter;
    struct ft__ring ring[RINGS_MAX];
    uint32_t n;
    uint32_t turn;    /* the ring that is looked at first */
    uint32_t reading; /* the ring that the last batch came from */
    int wake_fd;
    _Atomic bool stopped;
    bool draining;              /* stop was seen: no new packets, the rings are being emptied */
    int64_t drain_ms;           /* until when a partly filled block may still come */
    int64_t check_ms;           /* when interfaces are looked at next */
    pthread_mutex_t count_lock; /* PACKET_STATISTICS is read and reset by one at a time */
    _Atomic uint64_t events;
    _Atomic uint32_t n_down; /* interfaces that are down or gone; of the first instance */
};

static struct afpacket *afpacket_of(struct ft_source *s)
{
    return (struct afpacket *)(void *)s;
}

static int64_t mono_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void afpacket_close(struct ft_source *s)
{
    struct afpacket *a = afpacket_of(s);

    if (a == NULL) {
        return;
    }
    for (uint32_t i = 0; i < a->n; i++) {
        ft__ring_close(&a->ring[i]);
        ft_mem_free(a->ring[i].code);
    }
    if (a->wake_fd >= 0) {
        close(a->wake_fd);
    }
    pthread_mutex_destroy(&a->count_lock);
    ft_mem_free(a->filter);
    ft_mem_free(a);
}

static int open_rings(struct afpacket *a, const struct ft_source_config *cfg, struct ft_err *err)
{
    int rc = FT_OK;

    for (uint32_t i = 0; i < cfg->n_targets && rc == FT_OK; i++) {
        struct ft__ring *r = &a->ring[i];

        r->fd = -1;
        a->n = i + 1;
        strncpy(r->asked, cfg->targets[i], sizeof r->asked - 1);
        memcpy(r->name, r->asked, sizeof r->name);
        r->any = strcmp(r->name, "any") == 0;
        rc = ft__ring_open(r, &a->cfg, i, err);
    }
    return rc;
}

static int afpacket_open(const struct ft_source_config *cfg, struct ft_source **out,
                         struct ft_err *err)
{
    struct afpacket *a = ft_mem_alloc(1, sizeof *a);

    if (a == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    a->source.ops = &ft_source_afpacket;
    a->cfg = *cfg;
    pthread_mutex_init(&a->count_lock, NULL);
    a->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    a->filter = cfg->filter != NULL ? ft_mem_strdup(cfg->filter) : NULL;
    a->cfg.filter = a->filter;
    int rc = FT_OK;

    if (a->wake_fd < 0 || (cfg->filter != NULL && a->filter == NULL)) {
        rc = ft_err_set(err, FT_E_NOMEM, "out of memory or file descriptors");
    } else if (cfg->n_targets > RINGS_MAX) {
        rc = ft_err_set(err, FT_E_USAGE, "--interface: at most %d are possible", RINGS_MAX);
    } else {
        rc = open_rings(a, cfg, err);
    }
    if (rc != FT_OK) {
        afpacket_close(&a->source);
        return rc;
    }
    *out = &a->source;
    return FT_OK;
}

static void count_rings(struct afpacket *a)
{
    pthread_mutex_lock(&a->count_lock);
    for (uint32_t i = 0; i < a->n; i++) {
        ft__ring_count(&a->ring[i]);
    }
    pthread_mutex_unlock(&a->count_lock);
}

/* ---- interfaces that come and go ---- */

static bool is_up(const struct ft__ring *r)
{
    struct ifreq ifr = {0};

    memcpy(ifr.ifr_name, r->name, IFNAMSIZ - 1);
    return ioctl(r->fd, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP) != 0;
}

/* The kernel lets go of an interface that leaves, to another namespace too; from there it may come
 * back with the number that it had. */
static bool is_bound(const struct ft__ring *r)
{
    struct sockaddr_ll addr;
    socklen_t len = sizeof addr;

    return getsockname(r->fd, (struct sockaddr *)&addr, &len) != 0 ||
           addr.sll_ifindex == r->ifindex;
}

static void tell(struct afpacket *a, const struct ft__ring *r, const char *what)
{
    atomic_fetch_add_explicit(&a->events, 1, memory_order_relaxed);
    ft_log(a->cfg.log, r->down ? FT_LOG_WARN : FT_LOG_INFO, "%s: %s", r->name, what);
}

/* Every worker has a ring on the interface and sees the same: one of them tells it. */
static void say(struct afpacket *a, struct ft__ring *r, bool down, const char *what)
{
    if (r->down == down) {
        return;
    }
    r->down = down;
    r->gone = r->gone && down;
    if (a->cfg.fanout_i == 0) {
        tell(a, r, what);
    }
}

/* The interface is gone: after it went down, if that was seen, which was the same event. */
static void say_gone(struct afpacket *a, struct ft__ring *r)
{
    static const char what[] = "the interface is gone; waiting for it";

    if (r->down && !r->gone && a->cfg.fanout_i == 0) {
        ft_log(a->cfg.log, FT_LOG_WARN, "%s: %s", r->name, what);
    }
    r->gone = true;
    say(a, r, true, what);
}

/* Asks the kernel about an interface. The ring's own socket does, while it has one: that
 * descriptors run out does not make the interface vanish, and closing one makes the kernel wait. */
static bool ask(const struct ft__ring *r, unsigned long what, struct ifreq *ifr)
{
    int fd = r->fd >= 0 ? r->fd : socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    bool answered = fd >= 0 && ioctl(fd, what, ifr) == 0;

    if (fd >= 0 && fd != r->fd) {
        close(fd);
    }
    return answered;
}

static bool has_name(const struct ft__ring *r, const char *name)
{
    struct ifreq ifr = {0};

    memcpy(ifr.ifr_name, name, IFNAMSIZ - 1);
    return ask(r, SIOCGIFINDEX, &ifr);
}

/* The interface of an index, by its name now. */
static bool name_of(const struct ft__ring *r, int ifindex, char out[FT_IFACE_NAME])
{
    struct ifreq ifr = {.ifr_ifindex = ifindex};

    if (!ask(r, SIOCGIFNAME, &ifr)) {
        return false;
    }
    memset(out, 0, FT_IFACE_NAME);
    memcpy(out, ifr.ifr_name, IFNAMSIZ - 1);
    return true;
}

/* The name of an interface that takes the place of the one that is gone: that of the workers who
 * found one before us, or one of the two names that we know. */
static bool find_return(struct afpacket *a, uint32_t i, char out[FT_IFACE_NAME])
{
    const struct ft__ring *r = &a->ring[i];
    struct ft_fanout_share *share = a->cfg.fanout;
    int others = 0;

    pthread_mutex_lock(&share->lock);
    if (share->group[i].members > 0 && share->group[i].ifindex != r->ifindex) {
        others = share->group[i].ifindex;
    }
    pthread_mutex_unlock(&share->lock);
    if (others != 0 && name_of(r, others, out)) {
        return true;
    }
    memcpy(out, has_name(r, r->asked) ? r->asked : r->name, FT_IFACE_NAME);
    return has_name(r, out);
}

/* The interface vanished: what its ring holds is read first, then it is closed. */
static void look_for_return(struct afpacket *a, uint32_t i)
{
    struct ft__ring *r = &a->ring[i];
    char was[FT_IFACE_NAME], name[FT_IFACE_NAME];
    struct ft_err err;

    if (!find_return(a, i, name) || ft__ring_holds(r)) {
        return;
    }
    memcpy(was, r->name, sizeof was);
    memcpy(r->name, name, sizeof r->name);
    pthread_mutex_lock(&a->count_lock);
    ft__ring_count(r);
    ft__ring_close(r);
    int rc = ft__ring_open(r, &a->cfg, i, &err);

    pthread_mutex_unlock(&a->count_lock);
    if (rc != FT_OK) {
        if (rc == FT_E_UNSUPPORTED && !r->refused && a->cfg.fanout_i == 0) {
            ft_log(a->cfg.log, FT_LOG_WARN, "%s", err.what);
        }
        r->refused |= rc == FT_E_UNSUPPORTED;
        memcpy(r->name, was, sizeof r->name);
        return;
    }
    r->down = r->gone = r->refused = false;
    if (r->last) { /* from here on each flow has its worker */
        tell(a, r, "the interface is back");
    }
}

/* Is the interface there? It is followed by its number: with a new name it is still the same. */
static bool follow(struct afpacket *a, struct ft__ring *r)
{
    char name[FT_IFACE_NAME];

    if (r->fd < 0 || !is_bound(r) || !name_of(r, r->ifindex, name)) {
        return false;
    }
    if (strcmp(name, r->name) != 0) {
        if (a->cfg.fanout_i == 0) {
            ft_log(a->cfg.log, FT_LOG_INFO, "%s: the interface is called %s now", r->name, name);
        }
        memcpy(r->name, name, sizeof r->name);
    }
    return true;
}

static void check_interfaces(struct afpacket *a)
{
    uint32_t down = 0;

    for (uint32_t i = 0; i < a->n; i++) {
        struct ft__ring *r = &a->ring[i];

        if (r->any) {
            continue; /* there is always one, or one to come */
        }
        if (!follow(a, r)) {
            say_gone(a, r);
            look_for_return(a, i);
        } else if (!is_up(r)) {
            say(a, r, true, "the interface is down; waiting for it");
        } else {
            say(a, r, false, "the interface is up again");
        }
        down += r->down;
    }
    atomic_store_explicit(&a->n_down, a->cfg.fanout_i == 0 ? down : 0, memory_order_relaxed);
}

/* ---- reading ---- */

/* A batch of the first ring that has a block for us. */
static bool read_rings(struct afpacket *a, struct ft_batch *b)
{
    for (uint32_t k = 0; k < a->n; k++) {
        uint32_t i = (a->turn + k) % a->n;

        b->n = ft__ring_read(&a->ring[i], b->views, b->cap, (uint16_t)i);
        if (b->n > 0) {
            a->reading = i;
            b->token = i;
            a->turn = a->ring[i].left > 0 ? i : (i + 1) % a->n;
            return true;
        }
        ft__ring_advance(&a->ring[i]); /* an empty block */
    }
    return false;
}

static void wait_rings(struct afpacket *a, int timeout_ms)
{
    struct pollfd fds[RINGS_MAX + 1];
    uint32_t n = 0;

    for (uint32_t i = 0; i < a->n; i++) {
        if (a->ring[i].fd < 0 || a->ring[i].down) { /* that it is back nobody tells us */
            timeout_ms = timeout_ms < CHECK_MS ? timeout_ms : CHECK_MS;
        }
        if (a->ring[i].fd >= 0) { /* down, too: packets come before we know that it is up */
            fds[n++] = (struct pollfd){.fd = a->ring[i].fd, .events = POLLIN};
        }
    }
    fds[n++] = (struct pollfd){.fd = a->draining ? -1 : a->wake_fd, .events = POLLIN};
    if (poll(fds, n, timeout_ms) > 0) {
        for (uint32_t i = 0; i + 1 < n; i++) {
            if (fds[i].revents & POLLERR) { /* went down: reading the error clears it */
                int error;
                socklen_t len = sizeof error;

                if (getsockopt(fds[i].fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0) {
                    a->check_ms = 0;
                }
            }
        }
    }
}

/* Stop was asked for: the flow of new packets ends; the rings are read until they are empty and the
 * kernel has retired the block it was filling. */
static int drain(struct afpacket *a, struct ft_batch *b)
{
    if (!a->draining) {
        a->draining = true;
        for (uint32_t i = 0; i < a->n; i++) {
            ft__ring_stop(&a->ring[i]);
        }
        a->drain_ms = mono_ms() + DRAIN_MS;
    }
    for (;;) {
        if (read_rings(a, b)) {
            return FT_OK;
        }
        if (mono_ms() > a->drain_ms) {
            count_rings(a);
            return FT_E_EOF;
        }
        wait_rings(a, 5);
    }
}

static int afpacket_read(struct ft_source *s, struct ft_batch *b, int timeout_ms,
                         struct ft_err *err)
{
    struct afpacket *a = afpacket_of(s);

    (void)err;
    b->n = 0;
    if (atomic_load_explicit(&a->stopped, memory_order_relaxed)) {
        return drain(a, b);
    }
    int64_t now = mono_ms();

    if (now >= a->check_ms) { /* also while another interface keeps us busy */
        a->check_ms = now + CHECK_MS;
        check_interfaces(a);
    }
    if (read_rings(a, b)) {
        return FT_OK;
    }
    wait_rings(a, timeout_ms);
    read_rings(a, b);
    return FT_OK;
}

static void afpacket_release(struct ft_source *s, uint64_t token)
{
    struct afpacket *a = afpacket_of(s);

    if (token < a->n) {
        ft__ring_advance(&a->ring[token]);
    }
}

static void afpacket_stop(struct ft_source *s)
{
    struct afpacket *a = afpacket_of(s);
    uint64_t one = 1;

    atomic_store_explicit(&a->stopped, true, memory_order_relaxed);
    if (write(a->wake_fd, &one, sizeof one) < 0) {
        return; /* the counter is full: it is awake */
    }
}

static void afpacket_stats(struct ft_source *s, struct ft_source_stats *out)
{
    struct afpacket *a = afpacket_of(s);

    *out = (struct ft_source_stats){.dropped_known = true};
    count_rings(a);
    for (uint32_t i = 0; i < a->n; i++) {
        out->dropped += atomic_load_explicit(&a->ring[i].dropped, memory_order_relaxed);
        out->kernel_packets +=
            atomic_load_explicit(&a->ring[i].kernel_packets, memory_order_relaxed);
    }
    out->interface_events = atomic_load_explicit(&a->events, memory_order_relaxed);
    out->interfaces_down = atomic_load_explicit(&a->n_down, memory_order_relaxed);
}

const struct ft_source_ops ft_source_afpacket = {
    .name = "afpacket",
    .help = "Linux packet sockets with a memory-mapped ring for each worker",
    .flags = FT_SOURCE_LIVE | FT_SOURCE_FANOUT,
    .open = afpacket_open,
    .read = afpacket_read,
    .release = afpacket_release,
    .stop = afpacket_stop,
    .stats = afpacket_stats,
    .close = afpacket_close,
};
