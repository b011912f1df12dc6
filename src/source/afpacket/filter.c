/* SPDX-License-Identifier: Apache-2.0 */
/* source/afpacket: the filter of a ring's socket, see filter.h. */
#include "source/afpacket/filter.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#ifdef FT_HAVE_PCAP
#include <pcap/pcap.h>
#endif

#include "base/mem.h"
#include "flowtap/interfaces.h"
#include "source/filter.h"

enum { SNAPLEN = 262144 };

const struct ft__device ft__devices[] = {
    {ARPHRD_ETHER, FT_LINK_ETHERNET}, {ARPHRD_LOOPBACK, FT_LINK_ETHERNET},
    {ARPHRD_NONE, FT_LINK_RAW},       {ARPHRD_TUNNEL, FT_LINK_RAW},
    {ARPHRD_TUNNEL6, FT_LINK_RAW},    {ARPHRD_SIT, FT_LINK_RAW},
    {ARPHRD_IPGRE, FT_LINK_RAW},      {519 /* RAWIP, which older headers lack */, FT_LINK_RAW},
    {0, FT_LINK_LINUX_SLL}, /* the last one: all others */
};

/* What one link type's packets have to pass. */
struct section {
    uint16_t linktype;
    struct sock_filter *code; /* owned; NULL: none of them passes */
    uint32_t len;
};

/* ---- one link type ---- */

#ifdef FT_HAVE_PCAP

/* Only a live handle knows that the kernel keeps VLAN tags beside the packet. */
static pcap_t *open_live(const char *name, int dlt)
{
    char why[PCAP_ERRBUF_SIZE];
    pcap_t *p = pcap_create(name, why);

    if (p == NULL) {
        return NULL;
    }
    pcap_set_snaplen(p, SNAPLEN);
    pcap_set_buffer_size(p, 1 << 20);
    if (pcap_activate(p) < 0 || pcap_datalink(p) != dlt) {
        pcap_close(p);
        return NULL;
    }
    return p;
}

/* A live handle on some interface of this kind that is up. */
static pcap_t *open_any(int dlt)
{
    const char *kind = dlt == DLT_EN10MB ? "EN10MB" : "RAW";
    struct ft_interface *list = NULL;
    struct ft_err err;
    pcap_t *p = NULL;
    size_t n = 0;

    if (ft_interfaces_list(&list, &n, &err) != FT_OK) {
        return NULL;
    }
    for (size_t i = 0; i < n && p == NULL; i++) {
        bool fits = strcmp(list[i].link_type, kind) == 0 ||
                    (dlt == DLT_EN10MB && list[i].link_type[0] == '\0');

        p = list[i].up && fits ? open_live(list[i].name, dlt) : NULL;
    }
    ft_interfaces_free(list);
    return p;
}

/* The handle to compile with. */
static int open_handle(const struct ft__ring *r, const struct ft_source_config *cfg,
                       uint16_t linktype, pcap_t **out, struct ft_err *err)
{
    int dlt = linktype == FT_LINK_RAW ? DLT_RAW : linktype;
    pcap_t *p = NULL;

    if (linktype != FT_LINK_LINUX_SLL) {
        p = r->any ? open_any(dlt) : open_live(r->name, dlt);
    }
    if (p == NULL && linktype == FT_LINK_ETHERNET && strstr(cfg->filter, "vlan") != NULL) {
        return ft_err_set(err, FT_E_IO, "%s: a filter with vlan cannot be compiled while %s is up",
                          r->name, r->any ? "no Ethernet interface, lo among them," : "it is not");
    }
    p = p != NULL ? p : pcap_open_dead(dlt, SNAPLEN);
    if (p == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "filter: out of memory");
    }
    *out = p;
    return FT_OK;
}

/* A load from the cooked header or behind it, for a socket that has the device's own header there
 * instead. False: of the header only protocol and packet type are to be had. */
static bool move_load(struct sock_filter *f)
{
    bool header = f->k < FT__COOKED_LEN;

    if (f->k >= (uint32_t)SKF_LL_OFF) {
        return true; /* an ancillary word */
    }
    if (!header) {
        f->k = (uint32_t)SKF_NET_OFF + f->k - FT__COOKED_LEN;
    } else if (f->code == (BPF_LD | BPF_H | BPF_ABS) && f->k == 14) {
        f->k = (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL);
    } else if (f->code == (BPF_LD | BPF_H | BPF_ABS) && f->k == 0) {
        f->k = (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE);
    } else {
        return false;
    }
    return true;
}

static bool is_load(uint16_t code)
{
    return (BPF_CLASS(code) == BPF_LD &&
            (BPF_MODE(code) == BPF_ABS || BPF_MODE(code) == BPF_IND)) ||
           (BPF_CLASS(code) == BPF_LDX && BPF_MODE(code) == BPF_MSH);
}

/* libpcap's program as the socket needs it. */
static int take_program(const struct bpf_program *prog, uint32_t snaplen, struct section *s,
                        struct ft_err *err)
{
    s->code = ft_mem_alloc(prog->bf_len, sizeof *s->code);
    if (s->code == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "filter: out of memory");
    }
    s->len = prog->bf_len;
    for (uint32_t i = 0; i < prog->bf_len; i++) {
        const struct bpf_insn *from = &prog->bf_insns[i];
        struct sock_filter *f = &s->code[i];

        *f = (struct sock_filter){from->code, from->jt, from->jf, from->k};
        if (f->code == (BPF_RET | BPF_K) && f->k != 0) {
            f->k = snaplen;
        }
        if (s->linktype == FT_LINK_LINUX_SLL && is_load(f->code) && !move_load(f)) {
            return ft_err_set(err, FT_E_USAGE, "it asks for a field that this link layer lacks");
        }
    }
    return FT_OK;
}

static int compile(const struct ft__ring *r, const struct ft_source_config *cfg, uint32_t snaplen,
                   struct section *s, struct ft_err *err)
{
    const struct ft_filter_wait wait = {.log = cfg->log};
    struct bpf_program prog;
    pcap_t *p = NULL;
    int rc = open_handle(r, cfg, s->linktype, &p, err);

    if (rc != FT_OK) {
        return rc;
    }
    rc = ft_filter_compile(p, cfg->filter, &wait, &prog, err);
    if (rc == FT_E_INTERRUPTED) {
        return rc; /* the handle is the thread's that was left behind */
    }
    if (rc == FT_OK) {
        rc = take_program(&prog, snaplen, s, err);
        pcap_freecode(&prog);
    }
    pcap_close(p);
    return rc;
}

#else

static int compile(const struct ft__ring *r, const struct ft_source_config *cfg, uint32_t snaplen,
                   struct section *s, struct ft_err *err)
{
    (void)r, (void)snaplen, (void)s;
    return ft_err_set(err, FT_E_UNSUPPORTED,
                      "filter '%s': this build has no filters: it was made without libpcap",
                      cfg->filter);
}

#endif

/* All packets pass. */
static int pass_all(uint32_t snaplen, struct section *s, struct ft_err *err)
{
    s->code = ft_mem_alloc(1, sizeof *s->code);
    if (s->code == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "filter: out of memory");
    }
    *s->code = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, snaplen);
    s->len = 1;
    return FT_OK;
}

static int make_section(const struct ft__ring *r, const struct ft_source_config *cfg,
                        struct section *s, struct ft_err *err)
{
    uint32_t snaplen = cfg->snaplen > 0 ? cfg->snaplen : SNAPLEN;
    int rc = cfg->filter != NULL ? compile(r, cfg, snaplen, s, err) : pass_all(snaplen, s, err);

    if (rc != FT_OK) {
        ft_mem_free(s->code);
        s->code = NULL;
        s->len = 0;
    }
    return rc;
}

/* ---- all of them ---- */

enum { N_SECTIONS = 3, N_DEVICES = sizeof ft__devices / sizeof *ft__devices };
enum { WAY_LEN = 3 }; /* of put_way() */
enum { DISPATCH_LEN = 7 + 2 * (N_DEVICES - 1) };

/* What goes the other way is refused; with FT_DIRECTION_ANY, writes nothing. */
static void put_way(enum ft_direction way, struct sock_filter *out)
{
    bool in = way == FT_DIRECTION_IN;

    if (way == FT_DIRECTION_ANY) {
        return;
    }
    out[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                          (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE));
    out[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, in ? 0 : 1,
                                          in ? 1 : 0);
    out[2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
}

static uint32_t find(const struct section *s, uint16_t linktype)
{
    uint32_t i = 0;

    while (s[i].linktype != linktype) {
        i++;
    }
    return i;
}

/* Which section a device's packets go to; loopback's outgoing copies go nowhere, unless they are
 * what is wanted. */
static void put_dispatch(const struct section *s, enum ft_direction way, struct sock_filter *out)
{
    uint32_t at = 0, place[N_SECTIONS], next = DISPATCH_LEN;

    for (uint32_t i = 0; i < N_SECTIONS; next += s[i].len, i++) {
        place[i] = s[i].code != NULL ? next : DISPATCH_LEN - 1;
    }
    out[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                             (uint32_t)(SKF_AD_OFF + SKF_AD_HATYPE));
    out[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPHRD_LOOPBACK, 0, 3);
    out[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                             (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE));
    out[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING,
                                             way == FT_DIRECTION_OUT ? 0 : DISPATCH_LEN - 5, 0);
    out[at] =
        (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, place[find(s, FT_LINK_ETHERNET)] - at - 1);
    at++;
    for (uint32_t d = 0; d < N_DEVICES; d++) {
        if (d < N_DEVICES - 1) { /* the last one is for all others */
            out[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                     ft__devices[d].arphrd, 0, 1);
        }
        out[at] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
                                               place[find(s, ft__devices[d].linktype)] - at - 1);
        at++;
    }
    out[at] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
}

static int join(struct ft__ring *r, const struct section *s, enum ft_direction way,
                struct ft_err *err)
{
    uint32_t before = way != FT_DIRECTION_ANY ? WAY_LEN : 0, n = before + DISPATCH_LEN;

    for (uint32_t i = 0; i < N_SECTIONS; i++) {
        n += s[i].len;
    }
    r->code = ft_mem_alloc(n, sizeof *r->code);
    if (r->code == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "filter: out of memory");
    }
    r->code_len = n;
    put_way(way, r->code);
    put_dispatch(s, way, r->code + before);
    n = before + DISPATCH_LEN;
    for (uint32_t i = 0; i < N_SECTIONS; n += s[i].len, i++) {
        if (s[i].len > 0) {
            memcpy(r->code + n, s[i].code, s[i].len * sizeof *r->code);
        }
    }
    return FT_OK;
}

/* An expression that makes no sense on a link type matches none of its packets; one that makes
 * sense on none is the user's mistake. */
static int make_sections(const struct ft__ring *r, const struct ft_source_config *cfg,
                         struct section s[N_SECTIONS], struct ft_err *err)
{
    static const char *const whose[N_SECTIONS] = {"Ethernet", "tun and IP tunnels", "other links"};
    struct ft_err why[N_SECTIONS];
    int rc[N_SECTIONS];
    bool any = false;

    for (uint32_t i = 0; i < N_SECTIONS; i++) {
        rc[i] = make_section(r, cfg, &s[i], &why[i]);
        if (rc[i] != FT_OK && rc[i] != FT_E_USAGE) {
            *err = why[i];
            return rc[i];
        }
        any |= rc[i] == FT_OK;
    }
    for (uint32_t i = 0; any && i < N_SECTIONS; i++) {
        if (rc[i] != FT_OK && cfg->fanout_i == 0) {
            ft_log(cfg->log, FT_LOG_INFO, "%s: no packets of %s: %s", r->name, whose[i],
                   why[i].what);
        }
    }
    if (!any) {
        *err = why[0]; /* what is wrong on Ethernet says most */
    }
    return any ? FT_OK : FT_E_USAGE;
}

static int compile_any(struct ft__ring *r, const struct ft_source_config *cfg, struct ft_err *err)
{
    struct section s[N_SECTIONS] = {
        {.linktype = FT_LINK_ETHERNET}, {.linktype = FT_LINK_RAW}, {.linktype = FT_LINK_LINUX_SLL}};
    int rc = make_sections(r, cfg, s, err);

    rc = rc == FT_OK ? join(r, s, cfg->direction, err) : rc;
    for (uint32_t i = 0; i < N_SECTIONS; i++) {
        ft_mem_free(s[i].code);
    }
    return rc;
}

/* What one interface's packets have to pass; of loopback's each comes in again that went out. */
static int compile_one(struct ft__ring *r, const struct ft_source_config *cfg, struct ft_err *err)
{
    enum ft_direction way =
        r->loopback && cfg->direction == FT_DIRECTION_ANY ? FT_DIRECTION_IN : cfg->direction;
    uint32_t n = way != FT_DIRECTION_ANY ? WAY_LEN : 0;
    struct section s = {.linktype = r->linktype};
    int rc = make_section(r, cfg, &s, err);

    if (rc != FT_OK) {
        return rc;
    }
    r->code = ft_mem_alloc(n + s.len, sizeof *r->code);
    if (r->code == NULL) {
        ft_mem_free(s.code);
        return ft_err_set(err, FT_E_NOMEM, "filter: out of memory");
    }
    put_way(way, r->code);
    memcpy(r->code + n, s.code, s.len * sizeof *r->code);
    r->code_len = n + s.len;
    ft_mem_free(s.code);
    return FT_OK;
}

int ft__ring_compile(struct ft__ring *r, const struct ft_source_config *cfg, struct ft_err *err)
{
    int rc = r->any ? compile_any(r, cfg, err) : compile_one(r, cfg, err);

    if (rc == FT_OK && r->code_len > BPF_MAXINSNS) {
        return ft_err_set(err, FT_E_USAGE,
                          "%s: the filter is too long for the kernel: %u instructions, %d are "
                          "possible",
                          r->name, r->code_len, BPF_MAXINSNS);
    }
    return rc;
}
