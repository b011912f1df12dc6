/* SPDX-License-Identifier: Apache-2.0 */
/* source/afpacket: the AF_PACKET ring, see afpacket.h; packet(7),
 * Documentation/networking/packet_mmap.rst.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/afpacket/afpacket.h"
#include "source/afpacket/fanout.h"
#include "source/afpacket/filter.h"
#include "source/iface.h"

enum {
    BLOCK_BIG = 1 << 20,
    BLOCK_SMALL = 1 << 17, /* a super-frame of 64 KiB fits */
    BLOCKS_MIN = 4,
    RETIRE_MS = 20,
};
#ifndef PACKET_FANOUT_FLAG_UNIQUEID
#define PACKET_FANOUT_FLAG_UNIQUEID 0x2000 /* Linux 4.12 */
#endif

static int system_error(const struct ft__ring *r, const char *what, struct ft_err *err)
{
    char self[512];

    if (errno == EPERM || errno == EACCES) {
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

        self[n > 0 ? n : 0] = '\0';
        return ft_err_set(err, FT_E_PRIVILEGE,
                          "capturing on %s needs the capability CAP_NET_RAW: run as root, or grant "
                          "it once with: sudo setcap cap_net_raw,cap_net_admin=eip %.200s",
                          r->name, n > 0 ? self : "flowtap");
    }
    return ft_err_set(err, FT_E_IO, "%s: %s: %s", r->name, what, strerror(errno));
}

/* Link type by the device's ARPHRD_*; false when it is none that is read as it comes. */
static bool learn_linktype(struct ft__ring *r, unsigned *out_arphrd)
{
    struct ifreq ifr = {0};

    if (r->any) {
        return true; /* each packet has its own */
    }
    memcpy(ifr.ifr_name, r->name, IFNAMSIZ - 1);
    if (ioctl(r->fd, SIOCGIFHWADDR, &ifr) != 0) {
        return false;
    }
    *out_arphrd = ifr.ifr_hwaddr.sa_family;
    r->loopback = *out_arphrd == ARPHRD_LOOPBACK;
    r->linktype = ft__device_linktype(*out_arphrd);
    return r->linktype != FT_LINK_LINUX_SLL;
}

static int attach(struct ft__ring *r, struct sock_filter *code, uint32_t len)
{
    struct sock_fprog prog = {.len = (unsigned short)len, .filter = code};

    return setsockopt(r->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog);
}

static int attach_nothing(struct ft__ring *r)
{
    struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);

    return attach(r, &none, 1);
}

/* The filter's code for this interface: the first of the instances compiles it, the others copy. */
static int get_code(struct ft__ring *r, const struct ft_source_config *cfg, uint32_t ordinal,
                    struct ft_err *err)
{
    const struct ft__ring *first = cfg->fanout->first_ring[ordinal];

    if (r->code != NULL) {
        return FT_OK; /* opened again */
    }
    if (cfg->fanout_i == 0 || first == NULL || first->code == NULL) {
        cfg->fanout->first_ring[ordinal] = r;
        r->code_linktype = r->linktype;
        return ft__ring_compile(r, cfg, err);
    }
    r->code = ft_mem_alloc(first->code_len, sizeof *r->code);
    if (r->code == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "filter: out of memory");
    }
    memcpy(r->code, first->code, first->code_len * sizeof *r->code);
    r->code_len = first->code_len;
    r->code_linktype = first->code_linktype;
    return FT_OK;
}

static int make_ring(struct ft__ring *r, const struct ft_source_config *cfg, struct ft_err *err)
{
    uint64_t want = (uint64_t)cfg->queue * FT_RING_BYTES;
    int version = TPACKET_V3;

    r->block_len = want >= 8 * (uint64_t)BLOCK_BIG ? BLOCK_BIG : BLOCK_SMALL;
    r->n_blocks = (uint32_t)(want / r->block_len);
    r->n_blocks = r->n_blocks < BLOCKS_MIN ? BLOCKS_MIN : r->n_blocks;
    struct tpacket_req3 req = {
        .tp_block_size = r->block_len,
        .tp_block_nr = r->n_blocks,
        .tp_frame_size = FT_RING_BYTES,
        .tp_frame_nr = r->block_len / FT_RING_BYTES * r->n_blocks,
        .tp_retire_blk_tov = RETIRE_MS,
    };

    if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0) {
        return system_error(r, "TPACKET_V3", err);
    }
    if (setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof req) != 0) {
        return system_error(r, "the ring", err);
    }
    r->map_len = (size_t)r->block_len * r->n_blocks;
    void *map = mmap(NULL, r->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);

    if (map == MAP_FAILED) {
        return system_error(r, "the ring cannot be mapped", err);
    }
    r->map = map;
    return FT_OK;
}

/* The kernel said no to a group. It did so before it knew how to choose a number, too. */
static int no_group(const struct ft__ring *r, struct ft_err *err)
{
    struct ifreq ifr = {0};

    if (errno != EINVAL) {
        return system_error(r, "PACKET_FANOUT", err);
    }
    memcpy(ifr.ifr_name, r->name, IFNAMSIZ - 1);
    if (!r->any && (ioctl(r->fd, SIOCGIFFLAGS, &ifr) != 0 || (ifr.ifr_flags & IFF_UP) == 0)) {
        return ft_err_set(err, FT_E_IO, "%s: its packets cannot be shared while it is down",
                          r->name);
    }
    return ft_err_set(err, FT_E_UNSUPPORTED,
                      "%s: sharing its packets among workers needs Linux 4.12 (-w 1 does without)",
                      r->name);
}

static int index_now(const struct ft__ring *r)
{
    struct ifreq ifr = {0};

    if (r->any) {
        return 0;
    }
    memcpy(ifr.ifr_name, r->name, IFNAMSIZ - 1);
    return ioctl(r->fd, SIOCGIFINDEX, &ifr) == 0 ? ifr.ifr_ifindex : 0;
}

/* The interface of a number is there. */
static bool is_there(const struct ft__ring *r, int ifindex)
{
    struct ifreq ifr = {.ifr_ifindex = ifindex};

    return ioctl(r->fd, SIOCGIFNAME, &ifr) == 0;
}

/* Joins, or makes, the group of the interface's sockets. With the lock. */
static int join_group(struct ft__ring *r, struct ft_fanout_share *share, uint32_t ordinal,
                      struct ft_err *err)
{
    bool made = share->group[ordinal].members > 0 && share->group[ordinal].ifindex == r->ifindex;
    uint32_t how = made ? PACKET_FANOUT_CBPF : PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID;
    uint32_t group = how << 16 | (made ? share->group[ordinal].id : 0);
    socklen_t len = sizeof group;

    if (index_now(r) != r->ifindex) { /* gone again: the others may have the group of its heir */
        return ft_err_set(err, FT_E_NOT_FOUND, "%s: the interface is gone", r->name);
    }
    if (!made && share->group[ordinal].members > 0 &&
        is_there(r,
                 share->group[ordinal].ifindex)) { /* of two that have its names, they have one */
        return ft_err_set(err, FT_E_NOT_FOUND, "%s: another interface took its place", r->name);
    }
    if (setsockopt(r->fd, SOL_PACKET, PACKET_FANOUT, &group, sizeof group) != 0) {
        return no_group(r, err);
    }
    if (getsockopt(r->fd, SOL_PACKET, PACKET_FANOUT, &group, &len) != 0) {
        return system_error(r, "PACKET_FANOUT", err);
    }
    share->group[ordinal].members = made ? share->group[ordinal].members + 1 : 1;
    share->group[ordinal].ifindex = r->ifindex;
    share->group[ordinal].id = (uint16_t)group;
    r->share = share;
    r->ordinal = ordinal;
    return FT_OK;
}

/* With the lock, and before the socket is closed. */
static void leave_group(struct ft__ring *r)
{
    if (r->share->group[r->ordinal].ifindex == r->ifindex) { /* else it has a successor */
        r->share->group[r->ordinal].members--;
    }
    r->share = NULL;
}

static int bind_ring(struct ft__ring *r, const struct ft_source_config *cfg, struct ft_err *err)
{
    struct sockaddr_ll addr = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = r->ifindex};
    struct packet_mreq mreq = {.mr_ifindex = r->ifindex, .mr_type = PACKET_MR_PROMISC};

    if (bind(r->fd, (const struct sockaddr *)&addr, sizeof addr) != 0) {
        return system_error(r, "it cannot be bound", err);
    }
    if (cfg->promiscuous && !r->loopback && !r->any &&
        setsockopt(r->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof mreq) != 0) {
        ft_log(cfg->log, FT_LOG_WARN, "%s: not promiscuous: %s", r->name, strerror(errno));
    }
    return FT_OK;
}

/* Throws the kernel's counters away: nothing of ours is in them yet. */
static void reset_count(struct ft__ring *r)
{
    struct tpacket_stats_v3 st;
    socklen_t len = sizeof st;

    if (getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &st, &len) != 0) {
        return; /* then they count from the start */
    }
}

/* Lets packets in. */
static int admit(struct ft__ring *r, struct ft_err *err)
{
    reset_count(r);
    return attach(r, r->code, r->code_len) == 0 ? FT_OK
                                                : system_error(r, "the filter was refused", err);
}

/* Into the group. As its last member it gets nothing before the program that counts it in, and by
 * then it lets packets in: all of them reach one of the members all the time. */
static int admit_shared(struct ft__ring *r, const struct ft_source_config *cfg, uint32_t ordinal,
                        struct ft_err *err)
{
    struct sock_filter filter[FT_FANOUT_MAX];
    struct sock_fprog program = {.filter = filter};

    pthread_mutex_lock(&cfg->fanout->lock);
    int rc = join_group(r, cfg->fanout, ordinal, err);

    rc = rc == FT_OK ? admit(r, err) : rc;
    if (rc == FT_OK) {
        program.len = ft_fanout_program(filter, cfg->fanout->group[ordinal].members);
        if (setsockopt(r->fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof program) != 0) {
            rc = system_error(r, "PACKET_FANOUT_DATA", err);
        }
    }
    r->last = cfg->fanout->group[ordinal].members == cfg->fanout_n;
    pthread_mutex_unlock(&cfg->fanout->lock);
    return rc;
}

static int set_up(struct ft__ring *r, const struct ft_source_config *cfg, uint32_t ordinal,
                  struct ft_err *err)
{
    unsigned arphrd = 0;
    int rc;

    if (!learn_linktype(r, &arphrd)) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "%s: link type %s (ARPHRD %u) has no ring source",
                          r->name, ft_iface_arphrd_name(arphrd), arphrd);
    }
    if (r->code != NULL && cfg->filter != NULL && r->linktype != r->code_linktype) {
        /* compiling asks files and sockets, which the sandbox does not let through any more */
        return ft_err_set(
            err, FT_E_UNSUPPORTED,
            "%s: what has this name now is of another link type, which the filter was "
            "not made for; waiting for the one that it was",
            r->name);
    }
    if (attach_nothing(r) != 0) {
        return system_error(r, "a filter", err);
    }
    rc = make_ring(r, cfg, err);
    rc = rc == FT_OK ? bind_ring(r, cfg, err) : rc;
    rc = rc == FT_OK ? get_code(r, cfg, ordinal, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    return cfg->fanout_n > 1 ? admit_shared(r, cfg, ordinal, err) : admit(r, err);
}

int ft__ring_open(struct ft__ring *r, const struct ft_source_config *cfg, uint32_t ordinal,
                  struct ft_err *err)
{
    r->entered = false;
    r->block = 0;
    r->last = true;
    r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (r->fd < 0) {
        return system_error(r, "no packet socket", err);
    }
    r->ifindex = index_now(r);
    int rc = r->ifindex != 0 || r->any
                 ? FT_OK
                 : ft_err_set(err, FT_E_NOT_FOUND, "there is no interface '%s'", r->name);

    rc = rc == FT_OK ? set_up(r, cfg, ordinal, err) : rc;

    if (rc != FT_OK) {
        ft__ring_close(r);
    }
    return rc;
}

void ft__ring_close(struct ft__ring *r)
{
    if (r->map != NULL) {
        munmap(r->map, r->map_len);
        r->map = NULL;
    }
    struct ft_fanout_share *share = r->share;

    if (share != NULL) { /* until it is closed nobody may count on the group, or make a new one */
        pthread_mutex_lock(&share->lock);
        leave_group(r);
    }
    if (r->fd >= 0) {
        close(r->fd);
        r->fd = -1;
    }
    if (share != NULL) {
        pthread_mutex_unlock(&share->lock);
    }
}

void ft__ring_stop(struct ft__ring *r)
{
    if (r->fd >= 0 && attach_nothing(r) != 0) {
        return; /* then packets go on until the socket is closed */
    }
}

void ft__ring_count(struct ft__ring *r)
{
    struct tpacket_stats_v3 st;
    socklen_t len = sizeof st;

    if (r->fd >= 0 && getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &st, &len) == 0) {
        atomic_fetch_add_explicit(&r->dropped, st.tp_drops, memory_order_relaxed);
        atomic_fetch_add_explicit(&r->kernel_packets, st.tp_packets, memory_order_relaxed);
    }
}

static struct tpacket_block_desc *block_of(const struct ft__ring *r)
{
    return (struct tpacket_block_desc *)(void *)(r->map + (size_t)r->block * r->block_len);
}

/* Enters the current block if the kernel has handed it over. */
static bool enter(struct ft__ring *r)
{
    struct tpacket_block_desc *b = block_of(r);

    if (!r->entered) {
        /* pairs with the kernel's release of the block */
        uint32_t status = __atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE);

        if ((status & TP_STATUS_USER) == 0) {
            return false;
        }
        r->left = b->hdr.bh1.num_pkts;
        r->next = (uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;
        r->entered = true;
    }
    return true;
}

/* A packet of a device whose own header is none of ours: with the cooked one instead, written into
 * the room that the kernel leaves before the network header (FT__COOKED_LEN bytes at least). */
static void cook(uint8_t *frame, const struct tpacket3_hdr *h, const struct sockaddr_ll *from,
                 struct ft_view *v)
{
    uint32_t own = (uint32_t)h->tp_net - h->tp_mac; /* bytes of the device's header */
    uint16_t kind = htons(from->sll_hatype);
    uint8_t *p = frame + h->tp_net - FT__COOKED_LEN;

    memset(p, 0, FT__COOKED_LEN);
    p[1] = from->sll_pkttype;
    memcpy(p + 2, &kind, sizeof kind);
    p[5] = from->sll_halen;
    memcpy(p + 6, from->sll_addr, sizeof from->sll_addr);
    memcpy(p + 14, &from->sll_protocol, 2); /* is in network order */
    v->data = p;
    v->caplen = FT__COOKED_LEN + (v->caplen > own ? v->caplen - own : 0);
    v->len = FT__COOKED_LEN + (v->len > own ? v->len - own : 0);
}

/* Of packets of all interfaces: each has the link type of its own. */
static void fit_linktype(uint8_t *frame, struct ft_view *v)
{
    const struct tpacket3_hdr *h = (const struct tpacket3_hdr *)(const void *)frame;
    const struct sockaddr_ll *from =
        (const struct sockaddr_ll *)(const void *)(frame + TPACKET_ALIGN(sizeof *h));

    v->linktype = ft__device_linktype(from->sll_hatype);
    if (FT_UNLIKELY(v->linktype == FT_LINK_LINUX_SLL)) {
        cook(frame, h, from, v);
    }
}

uint32_t ft__ring_read(struct ft__ring *r, struct ft_view *views, uint32_t cap, uint16_t iface)
{
    uint32_t n = 0;

    if (r->map == NULL || !enter(r)) {
        return 0;
    }
    for (; n < cap && r->left > 0; n++, r->left--) {
        const struct tpacket3_hdr *h = (const struct tpacket3_hdr *)(const void *)r->next;
        const struct sockaddr_ll *from =
            (const struct sockaddr_ll *)(const void *)(r->next + TPACKET_ALIGN(sizeof *h));
        bool vlan = (h->tp_status & TP_STATUS_VLAN_VALID) != 0;
        uint16_t way = from->sll_pkttype == PACKET_OUTGOING ? FT_VIEW_OUT : FT_VIEW_IN;

        views[n] = (struct ft_view){
            .data = r->next + h->tp_mac,
            .ts_ns = (int64_t)h->tp_sec * 1000000000 + h->tp_nsec,
            .caplen = h->tp_snaplen,
            .len = h->tp_len,
            .linktype = r->linktype,
            .vlan_tci = vlan ? (uint16_t)h->hv1.tp_vlan_tci : 0,
            .flags = (uint16_t)(way | (vlan ? FT_VIEW_VLAN : 0)),
            .iface = iface,
        };
        if (r->any) {
            fit_linktype(r->next, &views[n]);
        }
        r->next += h->tp_next_offset;
        __builtin_prefetch(r->next);
        __builtin_prefetch(r->next + 128);
    }
    return n;
}

bool ft__ring_holds(struct ft__ring *r)
{
    return r->map != NULL && enter(r);
}

void ft__ring_advance(struct ft__ring *r)
{
    if (r->map == NULL || !r->entered || r->left > 0) {
        return;
    }
    /* pairs with the kernel's acquire */
    __atomic_store_n(&block_of(r)->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    r->block = (r->block + 1) % r->n_blocks;
    r->entered = false;
}
