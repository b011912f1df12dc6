/* SPDX-License-Identifier: Apache-2.0 */
/* feature/zeek: flows as Zeek's conn.log has them (base/protocols/conn, packet_analysis/tcp).
 *
 * Theory of operation: most of it is what the core, the tcp and the app feature know, told in
 * Zeek's words. Kept here, of TCP alone, is what Zeek's sizes and duration are worked out from:
 *
 *     size       from the first to the last sequence number of a side, or the last acknowledged one
 *                where that is further, without SYN and FIN; what was lost is in it
 *     duration   to the last packet before both sides had closed: the ACK of the last FIN is not in
 *                it
 *
 * A side that was not seen begins where the other says that it is. */
#include "feature/feature.h"

#include <string.h>

#include "base/time.h"
#include "feature/zeek/zeek.h"
#include "model/conn.h"

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMPV6 = 58, AHEAD = 12 };

enum { FAR = 1 << 20 /* a SYN or RST whose number is further away than this is not believed */ };

enum {
    SEEN = 1,         /* it sent something that counts */
    OPENING = 2,      /* the initiator's SYN, not answered yet */
    CLOSED = 4,       /* it sent a FIN */
    RESET = 8,        /* it sent a RST */
    RESET_FIRST = 16, /* and nothing before */
    FIN = 32,
    DONE = 64 /* its end was noted */
};

struct side {
    uint32_t start, last, ack;
    uint16_t last_wraps, ack_wraps; /* how often those went beyond 2^32 */
    uint8_t bits;
};

/* owner: the table's thread */
struct conn {
    struct side side[2]; /* FT_DIR_* */
    int64_t last_ns;
} FT_ALIGNED(64);

_Static_assert(sizeof(struct conn) == 64, "one cache line");

struct zeek {
    struct conn *conn; /* [entries], mapped */
    struct ft_zeek_record record;
};

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_ARRAY(struct zeek, conn, FT_ARRAY_EVERY),
};

/* ---- sequence numbers ---- */

static void start_at(struct side *s, uint32_t start, uint32_t last)
{
    s->start = s->ack = start;
    s->last = last;
    s->last_wraps = last < start; /* in Zeek a SYN at the very end of the numbers breaks the size */
    s->ack_wraps = 0;
}

static void move(uint32_t *at, uint16_t *wraps, uint32_t to)
{
    *wraps = (uint16_t)(*wraps + (to < *at));
    *at = to;
}

/* A segment of a side begins its numbers, or begins them anew. */
static void begin(struct side *s, const struct ft_packet *pkt, uint32_t end)
{
    bool syn = (pkt->tcp_flags & FT_TCP_SYN) != 0;

    if ((s->bits & SEEN) == 0) {
        start_at(s, syn ? pkt->tcp_seq : pkt->tcp_seq - 1, syn ? end : pkt->tcp_seq);
        return;
    }
    bool may = (s->bits & CLOSED) == 0 && ((s->bits & RESET) == 0 || (s->bits & RESET_FIRST));

    if (syn && may && ((s->bits & OPENING) == 0 || pkt->tcp_seq != s->start)) {
        start_at(s, pkt->tcp_seq, end);
    }
}

/* Does an acknowledgment lie before what it could be of? */
static bool is_under(const struct side *s, uint32_t ack)
{
    int32_t delta = (int32_t)(ack - s->ack);
    int32_t wraps = s->ack_wraps;

    wraps -= delta < 0 && wraps > 0 && ack > s->ack;
    wraps += delta > 0 && ack < s->ack;
    return wraps == 0 && (int32_t)(ack - s->start) < 0;
}

static void take_ack(struct side *peer, const struct ft_packet *pkt)
{
    uint32_t ack = pkt->tcp_ack;
    int32_t delta = (int32_t)(ack - peer->ack);

    if ((peer->bits & SEEN) == 0) {
        start_at(peer, ack - 1, ack - 1);
    } else if (!is_under(peer, ack) && (pkt->tcp_flags & FT_TCP_RST) == 0 && delta > 0 &&
               !(ack == 0 && delta > FAR)) {
        move(&peer->ack, &peer->ack_wraps, ack);
    }
}

static void take_last(struct side *s, const struct ft_packet *pkt, uint32_t end)
{
    int32_t delta = (int32_t)(end - s->last);

    if ((pkt->tcp_flags & (FT_TCP_SYN | FT_TCP_RST)) && (delta > FAR || delta < -FAR)) {
        return;
    }
    if (((pkt->tcp_flags & FT_TCP_FIN) && s->last == s->start + 1) ||
        ((s->bits & RESET) == 0 && delta > 0)) {
        move(&s->last, &s->last_wraps, end);
    }
}

/* ---- states ---- */

static void open_side(struct conn *c, const struct ft_packet *pkt, int d)
{
    struct side *s = &c->side[d], *peer = &c->side[!d];
    uint8_t flags = pkt->tcp_flags;

    if (flags & FT_TCP_SYN) {
        s->bits |= d == FT_DIR_FWD ? SEEN | OPENING : SEEN;
        peer->bits &= (uint8_t)(d == FT_DIR_REV ? ~OPENING : ~0);
    }
    if (flags & FT_TCP_FIN) {
        s->bits |= SEEN | CLOSED | DONE;
    }
    if (flags & FT_TCP_RST) {
        s->bits |= SEEN | RESET | DONE | (flags & (FT_TCP_SYN | FT_TCP_FIN) ? 0 : RESET_FIRST);
    }
    if ((s->bits & SEEN) == 0 &&
        !(d == FT_DIR_REV && pkt->payload_len == 0 && (peer->bits & OPENING))) {
        s->bits |= SEEN;
    }
}

static void follow(struct conn *c, const struct ft_packet *pkt, int d)
{
    struct side *s = &c->side[d], *peer = &c->side[!d];
    uint8_t flags = pkt->tcp_flags;

    if ((s->bits & SEEN) == 0) {
        open_side(c, pkt, d);
    } else if (s->bits & RESET) {
        return;
    } else if (s->bits & CLOSED) {
        s->bits |= (flags & FT_TCP_RST) && (peer->bits & CLOSED) == 0 ? RESET | DONE : 0;
        s->bits &= (uint8_t)(s->bits & RESET ? ~CLOSED : ~0);
    } else if (flags & FT_TCP_RST) {
        s->bits |= RESET | DONE;
    } else if (flags & FT_TCP_FIN) {
        s->bits |= CLOSED | DONE;
    }
}

FT_INLINE void segment(struct conn *c, const struct ft_packet *pkt, int d)
{
    struct side *s = &c->side[d];
    uint8_t flags = pkt->tcp_flags, both = c->side[0].bits & c->side[1].bits;
    uint32_t end = pkt->tcp_seq + (flags & FT_TCP_RST ? 0 : pkt->payload_len) +
                   ((flags & FT_TCP_SYN) != 0) + ((flags & FT_TCP_FIN) != 0);

    if ((both & DONE) == 0) {
        c->last_ns = pkt->ts_ns;
    }
    if ((pkt->tcp_opts & FT_TCPO_WHOLE) == 0) {
        return;
    }
    if ((flags & FT_TCP_SYN) || (s->bits & SEEN) == 0) {
        begin(s, pkt, end);
    }
    s->bits |= flags & FT_TCP_FIN ? FIN : 0;
    if (flags & FT_TCP_ACK) {
        take_ack(&c->side[!d], pkt);
    }
    take_last(s, pkt, end);
    if ((flags & (FT_TCP_SYN | FT_TCP_FIN | FT_TCP_RST)) || (s->bits & SEEN) == 0) {
        follow(c, pkt, d);
    }
}

FT_INLINE void ask_packet(const struct zeek *z, const struct ft_packet *pkt,
                          const struct ft_counted *at)
{
    if (pkt->key.proto == PROTO_TCP) {
        __builtin_prefetch(&z->conn[at->entry], 1);
    }
}

static void zeek_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                         uint32_t n)
{
    struct zeek *z = state;

    for (uint32_t k = 0; k < n && k < AHEAD; k++) {
        ask_packet(z, &pkts[k], &at[k]);
    }
    for (uint32_t k = 0; k < n; k++) {
        struct conn *c = &z->conn[at[k].entry];

        if (k + AHEAD < n) {
            ask_packet(z, &pkts[k + AHEAD], &at[k + AHEAD]);
        }
        if (pkts[k].key.proto != PROTO_TCP) {
            continue;
        }
        if (at[k].bits & FT_AT_NEW) {
            memset(c, 0, sizeof *c);
        }
        segment(c, &pkts[k], at[k].dir);
    }
}

static void zeek_ask(const void *state, uint32_t entry)
{
    const struct zeek *z = state;

    __builtin_prefetch(&z->conn[entry]);
}

/* ---- records ---- */

static uint64_t size_of(const struct side *s)
{
    uint64_t last = ((uint64_t)s->last_wraps << 32) + s->last;
    uint64_t ack = ((uint64_t)s->ack_wraps << 32) + s->ack;
    uint64_t most = last > ack ? last : ack, size = most > s->start ? most - s->start : 0;

    size -= size != 0;
    size -= (s->bits & FIN) && size != 0;
    return size;
}

static const char *proto_of(uint8_t proto)
{
    switch (proto) {
    case PROTO_TCP:
        return "tcp";
    case PROTO_UDP:
        return "udp";
    case PROTO_ICMP:
    case PROTO_ICMPV6:
        return "icmp";
    default:
        return "unknown_transport";
    }
}

/* Of others Zeek looks at nothing behind the IP header. */
static bool is_known(uint8_t proto)
{
    return proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_ICMP || proto == PROTO_ICMPV6;
}

/* The state by the sides as Zeek has them. */
static const char *state_of(const struct ft_flow_record *core, const struct ft_zeek_record *r,
                            bool turned, bool held)
{
    struct ft_flow_record one = *core;

    for (int k = 0; k < 2; k++) {
        one.tcp_state[k] = core->tcp_state[k ^ turned];
        one.packets[k] = r->packets[k];
        one.payload_bytes[k] = r->bytes[k];
    }
    if (held && one.tcp_state[FT_DIR_FWD] == FT_TCP_ESTABLISHED) {
        one.tcp_state[FT_DIR_FWD] = FT_TCP_SYN_ACK_SENT;
    }
    one.syn_then_reset = core->syn_then_reset && !turned;
    return ft_conn_state(&one);
}

static void record_sides(const struct conn *c, const struct ft_flow_record *core, bool turned,
                         struct ft_zeek_record *r)
{
    bool known = is_known(core->proto);

    for (int k = 0; k < 2; k++) {
        int d = k ^ turned;

        r->packets[k] = core->packets[d];
        r->ip_bytes[k] = core->ip_bytes[d];
        r->bytes[k] = core->proto == PROTO_TCP ? size_of(&c->side[d])
                      : known                  ? core->payload_bytes[d]
                                               : 0;
        r->port[k] = !known ? 0 : d == FT_DIR_FWD ? core->src_port : core->dst_port;
        memcpy(r->addr[k], d == FT_DIR_FWD ? core->src : core->dst, sizeof r->addr[k]);
        r->local[k] = ft__zeek_is_local(core->ip_version, r->addr[k]);
    }
}

/* Zeek makes no connection of what it cannot look into. */
static bool has_no_conn(uint8_t proto)
{
    enum { ESP = 50, NO_NEXT_HEADER = 59, MOBILITY = 135 };

    return proto == ESP || proto == NO_NEXT_HEADER || proto == MOBILITY;
}

static const void *zeek_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct zeek *z = state;
    struct ft_zeek_record *r = &z->record;
    const struct ft_tcp_record *tcp = core->part[FT_PART_TCP];
    const struct conn *c = &z->conn[entry];
    bool is_tcp = core->proto == PROTO_TCP, held;

    if (has_no_conn(core->proto)) {
        return FT_RECORD_DROPPED;
    }
    bool turned = ft__zeek_turn(core, tcp != NULL ? tcp->history : "", &held, r->history);

    record_sides(c, core, turned, r);
    r->missed_bytes = tcp != NULL ? tcp->missed_bytes[0] + tcp->missed_bytes[1] : 0;
    r->first_ns = core->first_ns;
    r->duration_us = ft_time_floor(is_tcp ? c->last_ns : core->last_ns, 1000) -
                     ft_time_floor(core->first_ns, 1000);
    r->flow_id = core->flow_id;
    r->conn_state = state_of(core, r, turned, held);
    r->proto = proto_of(core->proto);
    ft__zeek_service(core->part[FT_PART_APP], core->proto, r->service);
    r->ip_version = core->ip_version;
    r->ip_proto = core->proto;
    return r;
}

static void zeek_hide(struct ft_cryptopan *map, enum ft_names names, void *part)
{
    struct ft_zeek_record *r = part;

    (void)names;
    ft_cryptopan_map_ip(map, r->ip_version, r->addr[0]);
    ft_cryptopan_map_ip(map, r->ip_version, r->addr[1]);
    r->flow_id = ft_cryptopan_id(map, r->flow_id);
}

const struct ft_feature ft_feature_zeek = {
    .name = "zeek",
    .meaning = "the columns of Zeek's conn.log",
    .columns = &ft_columns_zeek,
    .needs = 1u << FT_PART_TCP | 1u << FT_PART_APP,
    .drops = true,
    .state = sizeof(struct zeek),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .packets = zeek_packets,
    .ask = zeek_ask,
    .record = zeek_record,
    .hide = zeek_hide,
    .part = sizeof(struct ft_zeek_record),
};
