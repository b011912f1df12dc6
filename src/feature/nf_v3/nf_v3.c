/* SPDX-License-Identifier: Apache-2.0 */
/* feature/nf_v3: flows as nProbe says them for the NF data sets.
 *
 * Theory of operation: most of it is what core, sizes, tcp and packets know. Kept here, one line a
 * flow, are how many packets there were of each size, the largest windows, and the bytes of each
 * second of the clock in which a side sent something: the most of them, and their decimal digits
 * one behind the other, which is what files of NF-*-v2 hold:
 *
 *     140 bytes, then in another second 180   ->   140180
 *
 * Of those digits the first 18 are kept and the number of the rest. What DNS and FTP say is kept
 * for few flows. */
#include "feature/feature.h"

#include <string.h>

#include "base/time.h"
#include "codec/app/dns.h"

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMPV6 = 58 };
enum { PORT_FTP = 21, PORT_DNS = 53, SIZED = 5, AHEAD = 12 };
enum { BYTES_BITS = 40, FTP_CODE = 3 };

#define SEC_NS     INT64_C(1000000000)
#define MS_NS      INT64_C(1000000)
#define DIGITS_END UINT64_C(1000000000000000000) /* 18 digits are below */

struct side {
    uint64_t digits;              /* of the seconds before the current one: the first 18 */
    uint64_t second : BYTES_BITS; /* bytes of the current one */
    uint64_t digits_more : 16;    /* how many more there are */
    uint64_t most : BYTES_BITS;   /* bytes of a second */
    uint64_t begin_ms : 10;       /* when its first packet came, in the current second */
};

struct flow {
    struct side side[2];   /* FT_DIR_* */
    uint16_t window[2];    /* largest */
    uint16_t sized[SIZED]; /* packets by size, the low 16 bits */
    bool is_wide;          /* wide holds */
    bool has_names;        /* names holds */
} FT_ALIGNED(64);

struct names {
    uint32_t ttl;
    uint16_t id, type, code;
    bool has_question, has_ttl, has_code;
};

_Static_assert(sizeof(struct flow) == 64, "one cache line");

/* owner: the table's thread */
struct nf {
    struct flow *flow;       /* [entries], mapped, like the next two */
    uint64_t (*wide)[SIZED]; /* packets by size, units of 2^16 */
    struct names *names;
    struct ft_nf_v3_record record;
};

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_ARRAY(struct nf, flow, FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct nf, wide, FT_ARRAY_FEW),
    FT_FEATURE_ARRAY(struct nf, names, FT_ARRAY_FEW),
};

/* a / b, rounded down */
/* ---- seconds ---- */

static uint32_t digits_of(uint64_t n)
{
    uint32_t digits = 1;

    for (; n >= 10; n /= 10) {
        digits++;
    }
    return digits;
}

/* Puts the digits of n behind those that are there. */
static void append(uint64_t *digits, uint32_t *more, uint64_t n)
{
    uint32_t left = digits_of(n);
    uint64_t unit = 1;

    for (uint32_t i = 1; i < left; i++) {
        unit *= 10;
    }
    for (; left > 0 && *more == 0 && *digits < DIGITS_END / 10; left--, unit /= 10) {
        *digits = *digits * 10 + n / unit % 10;
    }
    *more = *more + left < UINT16_MAX ? *more + left : UINT16_MAX;
}

FT_COLD static void next_second(struct side *s)
{
    uint64_t digits = s->digits;
    uint32_t more = (uint32_t)s->digits_more;

    append(&digits, &more, s->second);
    s->digits = digits;
    s->digits_more = more & UINT16_MAX;
    s->second = 0;
}

/* A packet of a side: what comes late counts for the second that is on. */
FT_INLINE void count_second(struct side *s, const struct ft_packet *pkt,
                            const struct ft_counted *at)
{
    int64_t now = ft_time_floor(pkt->ts_ns, SEC_NS);
    int64_t before = (int64_t)((uint64_t)pkt->ts_ns - (uint64_t)at->since_ns);
    bool first = (at->bits & FT_AT_FIRST) != 0;
    uint64_t sum;

    if (first || (at->since_ns > 0 && ft_time_floor(before, SEC_NS) != now)) {
        if (!first) {
            next_second(s);
        }
        s->begin_ms = (uint64_t)(ft_time_floor(pkt->ts_ns, MS_NS) - now * 1000) & 1023;
    }
    sum = s->second + pkt->ip_len;
    sum = sum >> BYTES_BITS == 0 ? sum : ((uint64_t)1 << BYTES_BITS) - 1;
    s->second = sum;
    s->most = sum > s->most ? sum : s->most;
}

/* ---- sizes ---- */

FT_COLD static void widen(struct nf *nf, uint32_t entry, int i)
{
    struct flow *f = &nf->flow[entry];

    if (!f->is_wide) {
        memset(nf->wide[entry], 0, sizeof nf->wide[entry]);
        f->is_wide = true;
    }
    nf->wide[entry][i]++;
}

FT_INLINE void count_size(struct nf *nf, uint32_t entry, uint32_t len)
{
    int i = (len > 128) + (len > 256) + (len > 512) + (len > 1024);

    if (len <= 1514 && FT_UNLIKELY(++nf->flow[entry].sized[i] == 0)) {
        widen(nf, entry, i);
    }
}

/* ---- names ---- */

static struct names *names_of(struct nf *nf, uint32_t entry)
{
    if (!nf->flow[entry].has_names) {
        nf->names[entry] = (struct names){0};
        nf->flow[entry].has_names = true;
    }
    return &nf->names[entry];
}

static void see_dns(struct nf *nf, uint32_t entry, const struct ft_packet *pkt)
{
    struct names *n;
    struct ft_dns dns;
    bool cut = pkt->payload_cap < pkt->payload_len;

    if (!ft_dns_read(pkt->payload, pkt->payload_cap, cut, FT_DNS_PLAIN, &dns)) {
        return;
    }
    n = names_of(nf, entry);
    if (!n->has_question && dns.has_question) {
        n->has_question = true;
        n->id = dns.id;
        n->type = dns.qtype;
    }
    if (!n->has_ttl && n->has_question && dns.response && dns.has_a && dns.id == n->id) {
        n->has_ttl = true;
        n->ttl = dns.a_ttl;
    }
}

/* The last line of a reply has a blank behind its code (RFC 959 §4.2). */
static void see_ftp(struct nf *nf, uint32_t entry, const struct ft_packet *pkt)
{
    const uint8_t *p = pkt->payload;
    uint32_t code = 0;

    if (pkt->payload_cap < FTP_CODE + 1 || (p[FTP_CODE] != ' ' && p[FTP_CODE] != '-')) {
        return;
    }
    for (int i = 0; i < FTP_CODE; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return;
        }
        code = code * 10 + (p[i] - '0');
    }
    struct names *n = names_of(nf, entry);

    n->code = (uint16_t)code;
    n->has_code = true;
}

FT_INLINE void see(struct nf *nf, uint32_t entry, const struct ft_packet *pkt)
{
    const struct ft_key *key = &pkt->key;

    if (pkt->frag != FT_FRAG_NONE || pkt->payload_cap == 0) {
        return;
    }
    if (key->proto == PROTO_UDP && (key->port[0] == PORT_DNS || key->port[1] == PORT_DNS)) {
        see_dns(nf, entry, pkt);
    } else if (key->proto == PROTO_TCP && key->port[pkt->swap] == PORT_FTP) {
        see_ftp(nf, entry, pkt);
    }
}

/* ---- packets ---- */

static void nf_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                       uint32_t n)
{
    struct nf *nf = state;

    for (uint32_t k = 0; k < n && k < AHEAD; k++) {
        __builtin_prefetch(&nf->flow[at[k].entry], 1);
    }
    for (uint32_t k = 0; k < n; k++) {
        struct flow *f = &nf->flow[at[k].entry];
        int d = at[k].dir;

        if (k + AHEAD < n) {
            __builtin_prefetch(&nf->flow[at[k + AHEAD].entry], 1);
        }
        if (at[k].bits & FT_AT_NEW) {
            memset(f, 0, sizeof *f);
        }
        count_second(&f->side[d], &pkts[k], &at[k]);
        count_size(nf, at[k].entry, pkts[k].ip_len);
        f->window[d] = pkts[k].tcp_window > f->window[d] ? pkts[k].tcp_window : f->window[d];
        see(nf, at[k].entry, &pkts[k]);
    }
}

static void nf_ask(const void *state, uint32_t entry)
{
    const struct nf *nf = state;

    __builtin_prefetch(&nf->flow[entry]);
}

/* ---- records ---- */

static uint64_t ms_between(int64_t first_ns, int64_t last_ns)
{
    return last_ns > first_ns ? ((uint64_t)last_ns - (uint64_t)first_ns) / MS_NS : 0;
}

static void record_iat(const struct ft_distribution *gap, uint64_t *iat)
{
    if (gap->n > 0) {
        iat[0] = gap->min / MS_NS;
        iat[1] = gap->max / MS_NS;
        iat[2] = gap->sum / gap->n / MS_NS;
    }
    if (gap->n > 1) {
        iat[3] = (uint64_t)(ft_distribution_std(gap) / MS_NS);
    }
}

static void record_seconds(const struct side *s, const struct ft_flow_record *core, int d,
                           struct ft_nf_v3_record *r)
{
    int64_t last = core->dir_last_ns[d], second = ft_time_floor(last, SEC_NS);

    r->maybe[FT_NF_SECOND_IN + d] = s->most;
    r->digits[d] = s->digits;
    r->digits_more[d] = (uint32_t)s->digits_more;
    append(&r->digits[d], &r->digits_more[d], s->second);
    r->last_bytes[d] = s->second;
    r->last_ms[d] =
        (uint64_t)(ft_time_floor(last, MS_NS) - second * 1000 - (int64_t)(uint64_t)s->begin_ms);
}

static void record_side(const struct flow *f, const struct ft_flow_record *core, int d,
                        struct ft_nf_v3_record *r)
{
    const struct ft_sizes_record *sizes = core->part[FT_PART_SIZES];
    const struct ft_packets_record *packets = core->part[FT_PART_PACKETS];
    uint32_t least = (uint32_t)sizes->size[d].min, most = (uint32_t)sizes->size[d].max;

    r->maybe[FT_NF_DURATION_IN + d] = ms_between(core->dir_first_ns[d], core->dir_last_ns[d]);
    r->shortest = least < r->shortest ? least : r->shortest;
    r->longest = most > r->longest ? most : r->longest;
    r->ttl_min = packets->ttl_min[d] < r->ttl_min ? packets->ttl_min[d] : r->ttl_min;
    r->ttl_max = packets->ttl_max[d] > r->ttl_max ? packets->ttl_max[d] : r->ttl_max;
    record_iat(&sizes->gap[d], &r->maybe[FT_NF_IAT_IN + 4 * d]);
    record_seconds(&f->side[d], core, d, r);
    if (core->proto == PROTO_TCP) {
        r->maybe[FT_NF_WINDOW_IN + d] = f->window[d];
    }
}

static void record_tcp(const struct ft_flow_record *core, struct ft_nf_v3_record *r)
{
    const struct ft_tcp_record *tcp = core->part[FT_PART_TCP];

    if (core->proto == PROTO_TCP) {
        r->maybe[FT_NF_TCP_FLAGS] = core->tcp_flags[0] | core->tcp_flags[1];
        r->maybe[FT_NF_CLIENT_FLAGS] = core->tcp_flags[0];
        r->maybe[FT_NF_SERVER_FLAGS] = core->tcp_flags[1];
    }
    for (int d = 0; d < 2 && tcp != NULL; d++) {
        r->maybe[FT_NF_RETRANS_IN_BYTES + 2 * d] = tcp->retrans_bytes[d];
        r->maybe[FT_NF_RETRANS_IN_PKTS + 2 * d] = tcp->retrans[d];
    }
}

static void record_icmp(const struct ft_flow_record *core, struct ft_nf_v3_record *r)
{
    uint32_t code = core->has_icmp_code ? core->icmp_code : 0;

    if (core->proto == PROTO_ICMP || core->proto == PROTO_ICMPV6) {
        r->maybe[FT_NF_ICMP_TYPE] = (core->src_port & UINT8_MAX) << 8 | code;
    }
    if (core->proto == PROTO_ICMP) {
        r->maybe[FT_NF_ICMP4_TYPE] = core->src_port & UINT8_MAX;
    }
}

static void record_names(const struct names *n, struct ft_nf_v3_record *r)
{
    if (n->has_question) {
        r->maybe[FT_NF_DNS_ID] = n->id;
        r->maybe[FT_NF_DNS_TYPE] = n->type;
    }
    if (n->has_ttl) {
        r->maybe[FT_NF_DNS_TTL] = n->ttl;
    }
    if (n->has_code) {
        r->maybe[FT_NF_FTP_CODE] = n->code;
    }
}

static bool has_ports(const struct ft_flow_record *core)
{
    return core->proto != PROTO_ICMP && core->proto != PROTO_ICMPV6;
}

static void record_core(const struct ft_flow_record *core, struct ft_nf_v3_record *r)
{
    uint64_t us = ((uint64_t)core->last_ns - (uint64_t)core->first_ns) / 1000;

    r->start_ms = ft_time_floor(core->first_ns, MS_NS);
    r->end_ms = ft_time_floor(core->last_ns, MS_NS);
    r->duration_us = us;
    r->duration_ms = us / 1000;
    for (int d = 0; d < 2; d++) {
        r->packets[d] = core->packets[d];
        r->bytes[d] = core->ip_bytes[d];
        if (us > 0) {
            r->maybe[FT_NF_THROUGHPUT_IN + d] =
                (uint64_t)((unsigned __int128)core->ip_bytes[d] * 8000000 / us);
        }
    }
    r->port[0] = has_ports(core) ? core->src_port : 0;
    r->port[1] = has_ports(core) ? core->dst_port : 0;
    r->proto = core->proto;
    r->ip_version = core->ip_version;
    memcpy(r->src, core->src, sizeof r->src);
    memcpy(r->dst, core->dst, sizeof r->dst);
}

static const void *nf_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct nf *nf = state;
    const struct flow *f = &nf->flow[entry];
    struct ft_nf_v3_record *r = &nf->record;

    memset(r, 0, sizeof *r);
    memset(r->maybe, 0xff, sizeof r->maybe);
    r->shortest = UINT32_MAX;
    r->ttl_min = UINT8_MAX;
    record_core(core, r);
    for (int d = 0; d < 2; d++) {
        if (core->packets[d] > 0) {
            record_side(f, core, d, r);
        }
    }
    r->ip_min = r->shortest;
    r->ip_max = r->longest;
    for (int i = 0; i < SIZED; i++) {
        r->sized[i] = ((f->is_wide ? nf->wide[entry][i] : 0) << 16) + f->sized[i];
    }
    record_tcp(core, r);
    record_icmp(core, r);
    if (f->has_names) {
        record_names(&nf->names[entry], r);
    }
    return r;
}

static void nf_hide(struct ft_cryptopan *map, enum ft_names names, void *part)
{
    struct ft_nf_v3_record *r = part;

    (void)names;
    ft_cryptopan_map_ip(map, r->ip_version, r->src);
    ft_cryptopan_map_ip(map, r->ip_version, r->dst);
}

const struct ft_feature ft_feature_nf_v3 = {
    .name = "nf-v3",
    .meaning = "flows as nProbe says them for the NF data sets",
    .columns = &ft_columns_nf_v3,
    .needs = 1u << FT_PART_SIZES | 1u << FT_PART_TCP | 1u << FT_PART_PACKETS,
    .payload = true,
    .state = sizeof(struct nf),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .packets = nf_packets,
    .ask = nf_ask,
    .record = nf_record,
    .hide = nf_hide,
    .part = sizeof(struct ft_nf_v3_record),
};
