/* SPDX-License-Identifier: Apache-2.0 */
/* feature/netfound: the first packets of each flow as netFound reads them: bursts, and of each
 * packet its header fields and the beginning of its payload.
 *
 * Theory of operation: what netFound works out of whole files of one flow is worked out packet by
 * packet. A burst is the packets of one direction without a gap of more than 10 ms between them; of
 * the first twelve by their beginnings, the first six packets each are kept:
 *
 *     flow    times, numbers that sequence numbers count from, the burst that is open each way
 *     start   of each burst; the first ones of all flows lie together, so do the second ones ...
 *     place   of each packet that is kept, in the order of their coming; likewise
 *
 * Two bursts may begin at the same time, and that of the forward direction comes first then: the
 * twelfth may lose its place, and its packets count for none. Tokens are made for a record. */
#include "feature/feature.h"

#include <string.h>

#include "base/rd.h"
#include "base/time.h"

enum {
    BURSTS = FT_NETFOUND_BURSTS,
    EACH = FT_NETFOUND_EACH,
    PLACES = (BURSTS + 1) * EACH,
    NO_BURST = 15, /* none is open, or it is not kept */
    GAP_US = 10000,
    OPTIONS = 40,
    PAYLOAD = 12,
    WORD = 8,
    AHEAD = 12
};
enum { IP4_LEN = 20, IP6_LEN = 40, TCP_LEN = 20, ECHO_LEN = 16 };
enum { ICMP = 1, TCP = 6, UDP = 17 };
enum { WITH_OPTIONS, NO_PAYLOAD }; /* the options */

/* A packet that is kept; TCP's options behind it. */
struct one {
    uint32_t seq, ack; /* TCP: counted from the flow's first ones */
    uint16_t word;     /* TCP: window; UDP: length; ICMP: type << 8 | code */
    uint16_t urgent;   /* TCP */
    uint16_t total;    /* IP total length */
    uint8_t tos, ttl;  /* as netFound has them */
    uint8_t tcp_flags;
    uint8_t burst : 4;
    uint8_t ip_flags : 3;
    uint8_t ip_header; /* bytes */
    uint8_t payload[PAYLOAD];
};

_Static_assert(sizeof(struct one) % WORD == 0, "a place is whole words");

struct flow {
    int64_t least_us, most_us;
    int64_t last_us[2];  /* forward, backward; likewise below */
    uint32_t seq, ack;   /* TCP: where the first packet's side begins, and the other one */
    uint32_t first, fwd; /* addresses: of the first packet's source, of the forward direction */
    uint16_t backward;   /* bits by burst */
    uint8_t packets;     /* up to 2 */
    uint8_t places, bursts;
    uint8_t open[2]; /* the newest burst, or NO_BURST */
    uint8_t in[2];   /* packets of it */
    bool any[2];     /* there was a packet */
} FT_ALIGNED(64);

_Static_assert(sizeof(struct flow) == 64, "a cache line");

/* owner: the table's thread */
struct netfound {
    struct flow *flow; /* mapped; likewise: */
    int64_t *start_us; /* [BURSTS][entries] */
    uint8_t *place;    /* [PLACES][entries][stride] */
    uint32_t entries;
    size_t stride;
    bool options, no_payload;
    struct ft_netfound_record record;
};

static uint32_t stride_of(const struct ft_feature_config *cfg)
{
    return sizeof(struct one) + (cfg->option[WITH_OPTIONS] != 0 ? OPTIONS : 0);
}

static uint32_t words(const struct ft_feature_config *cfg)
{
    return PLACES * stride_of(cfg) / WORD;
}

static uint32_t bursts(const struct ft_feature_config *cfg)
{
    (void)cfg;
    return BURSTS;
}

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_ARRAY(struct netfound, flow, FT_ARRAY_EVERY),
    {offsetof(struct netfound, start_us), sizeof(int64_t), FT_ARRAY_LONG, bursts},
    {offsetof(struct netfound, place), WORD, FT_ARRAY_LONG, words},
};

static int netfound_open(void *state, const struct ft_feature_config *cfg)
{
    struct netfound *s = state;

    s->entries = cfg->entries;
    s->stride = stride_of(cfg);
    s->options = cfg->option[WITH_OPTIONS] != 0;
    s->no_payload = cfg->option[NO_PAYLOAD] != 0;
    return FT_OK;
}

static struct one *one_at(const struct netfound *s, uint32_t entry, uint32_t i)
{
    return (struct one *)(void *)(s->place + ((size_t)i * s->entries + entry) * s->stride);
}

static int64_t *start_of(const struct netfound *s, uint32_t entry, uint32_t burst)
{
    return &s->start_us[(size_t)burst * s->entries + entry];
}

/* ---- packets ---- */

/* What netFound's steps see of a packet. */
struct seen {
    const uint8_t *ip, *l4;
    uint32_t l4_len; /* captured, header included */
    const uint8_t *payload;
    uint32_t payload_cap;
    uint32_t src, dst; /* of IPv6 the first 32 bits */
};

/* PcapPlusPlus takes an ICMP message for one when it has so many bytes; 0: it knows no such type.
 */
static uint32_t icmp_least(uint8_t type)
{
    static const uint8_t least[] = {
        [0] = 4,  [3] = 8,   [4] = 8,   [5] = 8,  [8] = 4,  [9] = 8,   [10] = 4, [11] = 8,
        [12] = 8, [13] = 20, [14] = 20, [15] = 4, [16] = 4, [17] = 12, [18] = 12};

    return type < sizeof least ? least[type] : 0;
}

static bool see_icmp(struct seen *out)
{
    uint32_t least = out->l4_len >= 4 ? icmp_least(out->l4[0]) : 0, header = 0;

    if (least == 0 || out->l4_len < least) {
        return false;
    }
    if (out->l4[0] == 0 || out->l4[0] == 8) {
        header = ECHO_LEN < out->l4_len ? ECHO_LEN : out->l4_len;
    }
    out->payload = out->l4 + header;
    out->payload_cap = out->l4_len - header;
    return true;
}

/* False: netFound does not have this packet. */
static bool see(const struct ft_packet *pkt, struct seen *out)
{
    uint32_t ip_len = pkt->key.bits & FT_KEY_V6 ? IP6_LEN : IP4_LEN;

    if (pkt->frag != FT_FRAG_NONE || pkt->head_len < ip_len) {
        return false;
    }
    out->ip = pkt->payload - pkt->head_len;
    if (ip_len == IP4_LEN) {
        ip_len = (out->ip[0] & 15) * 4u;
        out->src = ft_load_be32(out->ip + 12);
        out->dst = ft_load_be32(out->ip + 16);
    } else if (out->ip[6] != pkt->key.proto || pkt->key.proto == ICMP) {
        return false; /* what has extension headers is another flow's there, and no use */
    } else {
        out->src = ft_load_be32(out->ip + 8);
        out->dst = ft_load_be32(out->ip + 24);
    }
    if (pkt->head_len < ip_len) {
        return false;
    }
    out->l4 = out->ip + ip_len;
    out->l4_len = pkt->head_len - ip_len;
    out->payload = pkt->payload;
    out->payload_cap = pkt->payload_cap;
    switch (pkt->key.proto) {
    case TCP:
        return out->l4_len >= TCP_LEN && out->l4_len >= (out->l4[12] >> 4) * 4u;
    case UDP:
        return out->l4_len >= 8;
    case ICMP:
        return see_icmp(out);
    default:
        return false;
    }
}

/* netFound's configuration, as it is published: 127.0.0.0/8 and 169.231.0.0/16. */
static bool is_internal(uint32_t addr)
{
    return addr >> 24 == 127 || addr >> 16 == (169u << 8 | 231);
}

static void begin(struct flow *f, const struct seen *x, int64_t us)
{
    *f = (struct flow){.least_us = us,
                       .most_us = us,
                       .first = x->src,
                       .fwd = !is_internal(x->src) && is_internal(x->dst) ? x->dst : x->src,
                       .open = {NO_BURST, NO_BURST}};
}

/* Where both sides begin is what the first packet says, or the second one. */
static void note_numbers(struct flow *f, const struct ft_packet *pkt)
{
    if (f->packets == 0) {
        f->seq = pkt->tcp_seq;
        f->ack = pkt->tcp_ack;
    } else if (f->packets == 1 && f->ack == 0) {
        f->ack = pkt->tcp_seq;
    }
    f->packets += f->packets < 2;
}

/* Who sent it is told by the addresses. */
static void put_numbers(const struct flow *f, const struct ft_packet *pkt, uint32_t src,
                        struct one *one)
{
    if (src == f->first) {
        one->seq = pkt->tcp_seq - f->seq;
        one->ack = f->ack != 0 ? pkt->tcp_ack - f->ack : 0;
    } else {
        one->seq = pkt->tcp_seq - f->ack;
        one->ack = pkt->tcp_ack - f->seq;
    }
}

/* The packets of a burst are no longer kept. */
FT_COLD static void let_go(const struct netfound *s, const struct flow *f, uint32_t entry,
                           uint8_t burst)
{
    for (uint32_t i = 0; i < f->places; i++) {
        struct one *one = one_at(s, entry, i);

        one->burst = one->burst == burst ? NO_BURST : one->burst;
    }
}

static void open_burst(const struct netfound *s, struct flow *f, uint32_t entry, int d, int64_t us)
{
    uint8_t last = BURSTS - 1, burst = NO_BURST;

    if (f->bursts < BURSTS) {
        burst = f->bursts++;
    } else if (d == 0 && (f->backward >> last & 1) && *start_of(s, entry, last) == us) {
        let_go(s, f, entry, last);
        f->open[1] = NO_BURST;
        burst = last;
    }
    f->open[d] = burst;
    f->in[d] = 0;
    if (burst != NO_BURST) {
        *start_of(s, entry, burst) = us;
        f->backward = (uint16_t)((f->backward & ~(1u << burst)) | (uint32_t)d << burst);
    }
}

static void keep(const struct netfound *s, const struct flow *f, uint32_t entry, int d,
                 const struct ft_packet *pkt, const struct seen *x)
{
    struct one *one = one_at(s, entry, f->places);
    bool v6 = (pkt->key.bits & FT_KEY_V6) != 0, tcp = pkt->key.proto == TCP;
    uint32_t cap = x->payload_cap < PAYLOAD ? x->payload_cap : PAYLOAD;
    uint32_t options = tcp ? (x->l4[12] >> 4) * 4u - TCP_LEN : 0;

    *one = (struct one){
        .word = pkt->tcp_window,
        .total = (uint16_t)(v6 ? ft_load_be16(x->ip + 4) + IP6_LEN : ft_load_be16(x->ip + 2)),
        .tos = v6 ? x->ip[0] & 15 : x->ip[1],
        .ttl = v6 ? x->ip[7] : x->ip[8],
        .tcp_flags = pkt->tcp_flags,
        .burst = f->open[d],
        .ip_flags = v6 ? 0 : x->ip[6] >> 5,
        .ip_header = (uint8_t)(x->l4 - x->ip),
    };
    if (tcp) {
        put_numbers(f, pkt, x->src, one);
        one->urgent = ft_load_be16(x->l4 + 18);
    } else {
        one->word = ft_load_be16(pkt->key.proto == UDP ? x->l4 + 4 : x->l4);
    }
    if (cap > 0 && !s->no_payload) {
        memcpy(one->payload, x->payload, cap);
    }
    if (s->options) {
        memset(one + 1, 0, OPTIONS);
        memcpy(one + 1, x->l4 + TCP_LEN, options);
    }
}

static void take(struct netfound *s, const struct ft_packet *pkt, uint32_t entry)
{
    struct flow *f = &s->flow[entry];
    int64_t us = ft_time_floor(pkt->ts_ns, 1000);
    struct seen x;

    if (!see(pkt, &x)) {
        return;
    }
    if (f->packets == 0) {
        begin(f, &x, us);
    }
    note_numbers(f, pkt);
    int d = x.src != f->fwd;

    if (!f->any[d] || us - f->last_us[d] > GAP_US) {
        open_burst(s, f, entry, d, us);
    }
    f->last_us[d] = f->any[d] && f->last_us[d] > us ? f->last_us[d] : us;
    f->any[d] = true;
    f->least_us = us < f->least_us ? us : f->least_us;
    f->most_us = us > f->most_us ? us : f->most_us;
    if (f->open[d] != NO_BURST && f->in[d] < EACH) {
        keep(s, f, entry, d, pkt, &x);
        f->in[d]++;
        f->places++;
    }
}

FT_INLINE void ask_packet(const struct netfound *s, const struct ft_counted *at)
{
    __builtin_prefetch(&s->flow[at->entry], 1);
}

static void netfound_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                             uint32_t n)
{
    struct netfound *s = state;

    for (uint32_t k = 0; k < n && k < AHEAD; k++) {
        ask_packet(s, &at[k]);
    }
    for (uint32_t k = 0; k < n; k++) {
        if (k + AHEAD < n) {
            ask_packet(s, &at[k + AHEAD]);
        }
        if (at[k].bits & FT_AT_NEW) {
            s->flow[at[k].entry].packets = 0;
        }
        take(s, &pkts[k], at[k].entry);
    }
}

static void netfound_ask(const void *state, uint32_t entry)
{
    const struct netfound *s = state;

    __builtin_prefetch(&s->flow[entry]);
    __builtin_prefetch(start_of(s, entry, 0));
    __builtin_prefetch(one_at(s, entry, 0));
}

/* ---- records ---- */

static uint32_t tokens_of(const struct netfound *s, uint8_t proto)
{
    return proto == TCP ? 18 + (s->options ? OPTIONS / 2u : 0) : proto == UDP ? 12 : 13;
}

static uint16_t *put_wide(uint16_t *to, uint32_t v)
{
    *to++ = (uint16_t)(v >> 16);
    *to++ = (uint16_t)v;
    return to;
}

static uint16_t *put_bytes(uint16_t *to, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i += 2) {
        *to++ = (uint16_t)(bytes[i] << 8 | bytes[i + 1]);
    }
    return to;
}

static uint16_t *put_tcp(uint16_t *to, const struct netfound *s, const struct one *one)
{
    *to++ = one->tcp_flags;
    *to++ = one->word;
    to = put_wide(to, one->seq);
    to = put_wide(to, one->ack);
    *to++ = one->urgent;
    return s->options ? put_bytes(to, (const uint8_t *)(one + 1), OPTIONS) : to;
}

static void put_tokens(uint16_t *to, const struct netfound *s, const struct one *one, uint8_t proto)
{
    *to++ = one->ip_header;
    *to++ = one->tos;
    *to++ = one->total;
    *to++ = one->ip_flags;
    *to++ = one->ttl;
    if (proto == TCP) {
        to = put_tcp(to, s, one);
    } else if (proto == UDP) {
        *to++ = one->word;
    } else {
        *to++ = one->word >> 8;
        *to++ = one->word & 0xff;
    }
    put_bytes(to, one->payload, PAYLOAD);
}

/* Which burst comes where: by their beginnings, the forward ones first. */
static void order(const struct netfound *s, const struct flow *f, uint32_t entry, uint8_t *of)
{
    for (uint8_t i = 0; i < f->bursts; i++) {
        int64_t us = *start_of(s, entry, i);
        uint32_t at = i;

        for (; at > 0; at--) {
            int64_t other = *start_of(s, entry, of[at - 1]);

            if (other < us || (other == us && (f->backward >> of[at - 1] & 1) == 0)) {
                break;
            }
            of[at] = of[at - 1];
        }
        of[at] = i;
    }
}

/* Directions, and the times between the beginnings of bursts of one direction. */
static void fill_bursts(const struct netfound *s, const struct flow *f, uint32_t entry,
                        const uint8_t *of, struct ft_netfound_record *r)
{
    int64_t before[2] = {0, 0};
    bool any[2] = {false, false};

    for (uint32_t i = 0; i < f->bursts; i++) {
        int64_t us = *start_of(s, entry, of[i]);
        int d = f->backward >> of[i] & 1;

        r->directions[i] = d == 0;
        r->iats[i] = any[d] ? (uint64_t)(us - before[d]) : 0;
        r->bytes[i] = r->counts[i] = 0;
        before[d] = us;
        any[d] = true;
    }
}

static void fill_packets(const struct netfound *s, const struct flow *f, uint32_t entry,
                         const uint8_t *of, struct ft_netfound_record *r)
{
    uint32_t each = r->each, at[BURSTS], end = 0;
    uint8_t where[NO_BURST + 1];

    memset(where, NO_BURST, sizeof where);
    for (uint8_t i = 0; i < f->bursts; i++) {
        where[of[i]] = i;
    }
    for (uint32_t i = 0; i < f->places; i++) {
        const struct one *one = one_at(s, entry, i);

        if (where[one->burst] != NO_BURST) {
            r->counts[where[one->burst]]++;
            r->bytes[where[one->burst]] += one->total;
        }
    }
    for (uint32_t i = 0; i < f->bursts; i++) {
        at[i] = end;
        end += r->counts[i] * each;
        r->ends[i] = end;
    }
    for (uint32_t i = 0; i < f->places; i++) {
        const struct one *one = one_at(s, entry, i);
        uint8_t burst = where[one->burst];

        if (burst != NO_BURST) {
            put_tokens(r->tokens + at[burst], s, one, (uint8_t)r->protocol);
            at[burst] += each;
        }
    }
}

/* As the attack is called, else 1 for one and 0 for none. */
static void fill_label(const struct ft_label_record *label, struct ft_netfound_record *r)
{
    r->label = NULL;
    if (label != NULL && label->attack != NULL) {
        r->label = label->attack;
        r->label_len = label->attack_len;
    } else if (label != NULL) {
        r->label = label->label != 0 ? "1" : "0";
        r->label_len = 1;
    }
}

static const void *netfound_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct netfound *s = state;
    const struct flow *f = &s->flow[entry];
    struct ft_netfound_record *r = &s->record;
    uint8_t of[BURSTS];

    if (f->packets == 0) {
        return FT_RECORD_DROPPED;
    }
    r->flow_duration = (uint64_t)(f->most_us - f->least_us);
    r->protocol = core->proto;
    r->each = tokens_of(s, core->proto);
    r->n = f->bursts;
    order(s, f, entry, of);
    fill_bursts(s, f, entry, of, r);
    fill_packets(s, f, entry, of, r);
    fill_label(core->part[FT_PART_LABEL], r);
    return r;
}

/* Payloads may say anything, and are among the tokens. */
static void netfound_hide(struct ft_cryptopan *map, enum ft_names names, void *part)
{
    (void)map;
    (void)names;
    ((struct ft_netfound_record *)part)->hidden = true;
}

const struct ft_feature ft_feature_netfound = {
    .name = "netfound",
    .meaning = "the first packets as tokens, in bursts",
    .columns = &ft_columns_netfound,
    .payload = true,
    .heads = true,
    .drops = true,
    .state = sizeof(struct netfound),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .open = netfound_open,
    .packets = netfound_packets,
    .ask = netfound_ask,
    .record = netfound_record,
    .hide = netfound_hide,
    .part = sizeof(struct ft_netfound_record),
};
