/* SPDX-License-Identifier: Apache-2.0 */
/* feature/app: names on flows, see app.h. */
#include "feature/app/app.h"

#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "codec/app/dtls.h"
#include "codec/app/known.h"
#include "codec/app/proxy.h"
#include "feature/app/keep.h"
#include "feature/app/state.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17 };
/* Packets with payload of a stream that are looked at: of any, of one in which TLS may begin, of a
 * hello, which may be long. */
enum { STREAM_PACKETS = 12, WRAPPED_PACKETS = 24, HELLO_PACKETS = 64, DATAGRAMS = 10 };
enum { PORT_SSH = 22, PORT_DNS = 53, PORT_MDNS = 5353, PORT_LLMNR = 5355, PORT_NBNS = 137 };
enum { DNS_LENGTH = 2, DNS_HEADER = 12, DNS_LEAST = 17 }; /* of any; of one with a question */

size_t ft_apps_budget(uint32_t max_flows)
{
    return sizeof(struct ft_apps) + sizeof(struct state) * max_flows +
           sizeof(struct buffer) * FT_APP_BUFFERS;
}

int ft_apps_new(uint32_t max_flows, struct ft_apps **out)
{
    struct ft_apps *a = ft_mem_alloc(1, sizeof *a);

    if (a == NULL) {
        return FT_E_NOMEM;
    }
    a->max_flows = max_flows;
    a->state = ft_map_alloc(sizeof *a->state * max_flows);
    a->buffer = ft_map_alloc(sizeof *a->buffer * FT_APP_BUFFERS);
    if (a->state == NULL || a->buffer == NULL) {
        ft_apps_free(a);
        return FT_E_NOMEM;
    }
    a->free = NO_BUFFER;
    *out = a;
    return FT_OK;
}

void ft_apps_free(struct ft_apps *a)
{
    if (a == NULL) {
        return;
    }
    ft_map_free(a->state, sizeof *a->state * a->max_flows);
    ft_map_free(a->buffer, sizeof *a->buffer * FT_APP_BUFFERS);
    ft_mem_free(a);
}

void ft_apps_get_stats(const struct ft_apps *a, struct ft_apps_stats *out)
{
    *out = a->stats;
}

/* ---- what is found ---- */

/* Bytes of one side's stream from its beginning. */
struct begun {
    const uint8_t *p;
    size_t len;
    int dir;    /* FT_DIR_* */
    bool final; /* no more of it will come in order */
};

static enum ft_parse parse_tls(struct ft_apps *a, struct state *st, const struct begun *b,
                               bool *out_sure)
{
    (void)out_sure;
    return ft__app_tls(a, st, b->dir, b->p, b->len);
}

/* An answer in the clear to a hello, or a proxy's: the flow stays what its client began. */
static enum ft_parse parse_http(struct ft_apps *a, struct state *st, const struct begun *b,
                                bool *out_sure)
{
    struct ft_http h;
    enum ft_parse rc = ft_http_read(b->p, b->len, b->final, &h);
    bool websocket = h.websocket || st->info.app == FT_APP_WEBSOCKET;

    (void)a;
    *out_sure = h.sure;
    if (rc == FT_PARSE_DONE && st->info.tls.has_client) {
        return ft__app_keep_answer(&st->info, &h) ? FT_PARSE_DONE : FT_PARSE_NOT;
    }
    if (rc == FT_PARSE_DONE) {
        ft__app_keep_http(&st->info, &h);
        found(st, websocket ? FT_APP_WEBSOCKET : FT_APP_HTTP, FT_APP_PART_HTTP, b->dir);
    }
    return rc;
}

/* FT_DIR_FWD when this direction is the client's. Where the beginning was not seen the first packet
 * may be the server's; both send the same, so that the port has to tell. */
static int ssh_role(const struct state *st, int dir)
{
    return st->midstream && st->src_port == PORT_SSH && st->dst_port != PORT_SSH ? !dir : dir;
}

static enum ft_parse inspect_ssh(struct state *st, int dir, const uint8_t *p, size_t len)
{
    struct ft_ssh s;
    int role = ssh_role(st, dir);
    enum ft_parse rc = ft_ssh_read(p, len, role == FT_DIR_FWD, &s);

    if (rc != FT_PARSE_NOT && s.banner.len > 0) {
        ft__app_keep_ssh(&st->info, &s, role);
        found(st, FT_APP_SSH, FT_APP_PART_SSH, dir);
    }
    return rc;
}

static enum ft_parse parse_ssh(struct ft_apps *a, struct state *st, const struct begun *b,
                               bool *out_sure)
{
    (void)a;
    (void)out_sure;
    return inspect_ssh(st, b->dir, b->p, b->len);
}

/* Behind the text that a server may send first. */
static enum ft_parse parse_ssh_text(struct ft_apps *a, struct state *st, const struct begun *b,
                                    bool *out_sure)
{
    size_t skip = 0;
    enum ft_parse rc = FT_PARSE_NOT;

    (void)a;
    (void)out_sure;
    if (ssh_role(st, b->dir) == FT_DIR_REV || st->info.app == FT_APP_SSH) {
        rc = ft_ssh_text(b->p, b->len, &skip);
    }
    return rc == FT_PARSE_DONE ? inspect_ssh(st, b->dir, b->p + skip, b->len - skip) : rc;
}

/* The application that a port names, of those with DNS messages. */
static enum ft_app dns_family(const struct state *st)
{
    static const struct {
        uint16_t port;
        uint8_t app;
    } ports[] = {{PORT_DNS, FT_APP_DNS},
                 {PORT_MDNS, FT_APP_MDNS},
                 {PORT_LLMNR, FT_APP_LLMNR},
                 {PORT_NBNS, FT_APP_NBNS}};
    uint16_t of[2] = {st->dst_port, st->src_port};

    for (size_t i = 0; i < 2 * sizeof ports / sizeof ports[0]; i++) {
        size_t row = i % (sizeof ports / sizeof ports[0]);

        if (ports[row].port == of[i / (sizeof ports / sizeof ports[0])]) {
            return (enum ft_app)ports[row].app;
        }
    }
    return FT_APP_UNKNOWN;
}

/* The name of the first question, and what came back for it. Where no port says that it is DNS, the
 * bytes have to be a message and nothing else. */
static bool inspect_dns(struct state *st, int dir, const uint8_t *p, size_t len, bool cut,
                        bool *out_response)
{
    struct ft_dns d;
    enum ft_app app = dns_family(st);

    if (st->info.tls.has_client || (app == FT_APP_UNKNOWN && !ft_dns_is(p, len, cut)) ||
        !ft_dns_read(p, len, cut, app == FT_APP_NBNS ? FT_DNS_NETBIOS : FT_DNS_PLAIN, &d)) {
        return false;
    }
    ft__app_keep_dns(&st->info, &d);
    found(st, app == FT_APP_UNKNOWN ? FT_APP_DNS : app, FT_APP_PART_DNS, dir);
    *out_response = d.response;
    return true;
}

/* What there is of a message's length and of the message may belong to one. */
static bool dns_stream_begins(const struct state *st, const uint8_t *p, size_t len)
{
    bool named = dns_family(st) != FT_APP_UNKNOWN;

    if (len < DNS_LENGTH) {
        return named || len == 0 || *p < BUFFER_LEN >> 8;
    }
    if (named) {
        return ft_load_be16(p) >= DNS_HEADER;
    }
    return ft_load_be16(p) >= DNS_LEAST && ft_load_be16(p) < BUFFER_LEN &&
           ft_dns_begins(p + DNS_LENGTH, len - DNS_LENGTH);
}

/* Messages with their lengths before them (RFC 1035 §4.2.2), until one has asked or has answered
 * what was asked: answers to several questions come in any order (RFC 7766 §6.2.1.1). */
static enum ft_parse parse_dns(struct ft_apps *a, struct state *st, const struct begun *b,
                               bool *out_sure)
{
    enum ft_parse over = FT_PARSE_NOT; /* what it is when no more will do */
    const uint8_t *p = b->p;
    size_t len = b->len;

    (void)a;
    *out_sure = false; /* MORE of it would be a guess */
    for (;;) {         /* DNS_LENGTH bytes less each time */
        size_t size = len >= DNS_LENGTH ? ft_load_be16(p) : 0, left = len - DNS_LENGTH;
        bool response = false;

        if (!dns_stream_begins(st, p, len)) {
            return over;
        }
        if (len <= DNS_LENGTH || (size > left && !b->final)) {
            return b->final ? over : FT_PARSE_MORE;
        }
        if (!inspect_dns(st, b->dir, p + DNS_LENGTH, size > left ? left : size, size > left,
                         &response)) {
            return over;
        }
        if (size > left || !response || ft__app_dns_over(&st->info)) {
            return FT_PARSE_DONE;
        }
        over = FT_PARSE_DONE;
        p += DNS_LENGTH + size;
        len = left - size;
    }
}

/* ---- streams ---- */

static bool is_known(struct state *st, const struct begun *b)
{
    return looks_like(st, ft_known_tcp(b->p, b->len, b->dir == FT_DIR_REV, st->dst_port));
}

static bool is_other(struct state *st, const struct begun *b)
{
    return is_known(st, b) ||
           (dns_family(st) == FT_APP_UNKNOWN && ft__app_wraps(st, b->dir, b->p, b->len));
}

/* What reads the beginning of a stream, in this order: the first that does not say NOT. */
static const struct stream_parser {
    enum ft_parse (*parse)(struct ft_apps *a, struct state *st, const struct begun *b,
                           bool *out_sure);
    bool (*first)(struct state *st, const struct begun *b); /* what is this goes before it, or */
    bool (*guess)(struct state *st, const struct begun *b); /* only before a MORE not sure */
} stream_parsers[] = {
    {parse_tls, NULL, NULL},          /* RFC 8446 §5.1 */
    {parse_ssh, NULL, NULL},          /* RFC 4253 §4.2 */
    {parse_http, NULL, is_known},     /* RFC 9112 §2 */
    {parse_dns, NULL, is_other},      /* RFC 1035 §4.2.2 */
    {parse_ssh_text, is_other, NULL}, /* RFC 4253 §4.2: lines before the banner */
};

/* The beginning of one side's stream, of which nothing was recognised before. *out_head: bytes that
 * a proxy put before it. */
static enum ft_parse inspect_begin(struct ft_apps *a, struct state *st, int dir, const uint8_t *p,
                                   size_t len, bool final, size_t *out_head)
{
    enum ft_parse rc = ft_proxy_read(p, len, out_head);

    if (rc == FT_PARSE_MORE || *out_head == len) {
        return final ? FT_PARSE_NOT : FT_PARSE_MORE;
    }
    const struct begun b = {p + *out_head, len - *out_head, dir, final};

    for (size_t i = 0; i < sizeof stream_parsers / sizeof stream_parsers[0]; i++) {
        const struct stream_parser *s = &stream_parsers[i];
        bool sure = true;

        if (s->first != NULL && s->first(st, &b)) {
            return FT_PARSE_NOT;
        }
        rc = s->parse(a, st, &b, &sure);
        if (rc == FT_PARSE_MORE && !sure && s->guess != NULL && s->guess(st, &b)) {
            return FT_PARSE_NOT;
        }
        if (rc != FT_PARSE_NOT) {
            return rc;
        }
    }
    return FT_PARSE_NOT;
}

/* What has come of one side's stream. final: no more of it will come in order. With MORE the first
 * *out_skip bytes are not needed again. */
static enum ft_parse inspect(struct ft_apps *a, struct state *st, int dir, const uint8_t *p,
                             size_t len, bool final, size_t *out_skip)
{
    struct stream *s = &st->stream[dir];

    *out_skip = 0;
    if (!s->wrapped) {
        size_t head = 0;
        enum ft_parse rc = inspect_begin(a, st, dir, p, len, final, &head);

        s->wrapped = rc != FT_PARSE_MORE && head < len && !st->read_tls[dir] &&
                     ft__app_wraps(st, dir, p + head, len - head);
        if (!s->wrapped) {
            return rc;
        }
    }
    return ft__app_wrapped(a, st, dir, p, len, out_skip);
}

/* What has come of a stream that is not whole has to do now; more may come yet. Of one in which TLS
 * may begin all was looked at. */
static void conclude(struct ft_apps *a, struct state *st, int dir)
{
    const struct stream *s = &st->stream[dir];
    bool waits = s->buffer != NO_BUFFER && !st->read[dir] && !s->wrapped;
    uint32_t len = waits ? ft__app_prefix(&a->buffer[s->buffer]) : 0;
    size_t head = 0;

    if (len > 0) {
        ft_ignore(inspect_begin(a, st, dir, a->buffer[s->buffer].data, len, true, &head) ==
                  FT_PARSE_DONE);
    }
}

/* Puts bytes into the stream's buffer and looks at what is there from the beginning. False: the
 * stream is over. */
static bool keep_bytes(struct ft_apps *a, struct state *st, int dir, uint32_t at,
                       const uint8_t *data, uint32_t len, bool final)
{
    struct stream *s = &st->stream[dir];

    if (!ft__app_take_buffer(a, s)) {
        s->over = true;
        return false;
    }
    struct buffer *b = &a->buffer[s->buffer];
    uint32_t before = ft__app_prefix(b), now;
    bool fits = ft__app_put(b, at, data, len);
    size_t skip = 0;

    now = ft__app_prefix(b);
    bool seen = at == 0 && before == 0 && now == len; /* in place, a moment ago */

    final |= !fits;
    if (((now > before && !seen) || final) && now > 0 &&
        inspect(a, st, dir, b->data, now, final, &skip) != FT_PARSE_MORE) {
        ft__app_finish(a, s);
        return false;
    }
    if (!fits && skip == 0) {
        ft__app_finish(a, s);
        return false;
    }
    if (skip > 0) {
        ft__app_drop(b, (uint32_t)skip);
        s->base += (uint32_t)skip;
    }
    if (b->n_ranges == 0) {
        ft__app_give_back(a, s);
    }
    return true;
}

static uint8_t packets_of(const struct stream *s)
{
    return s->hello ? HELLO_PACKETS : s->wrapped ? WRAPPED_PACKETS : STREAM_PACKETS;
}

/* A segment of a stream that is not over. */
static void see_segment(struct ft_apps *a, struct state *st, struct stream *s,
                        const struct ft_app_packet *p)
{
    bool last = ++s->packets >= packets_of(s), cut = p->cap < p->len;
    size_t skip;
    const uint8_t *data = p->data;
    uint32_t len = p->cap;
    int32_t at;

    if (!s->begun) {
        if (p->midstream && p->len == 1 && *p->data == 0) {
            return; /* a keep-alive's byte, not the stream's (RFC 9293 §3.8.4) */
        }
        s->begun = true;
        s->base = p->start_known && p->seq - p->start < BUFFER_LEN ? p->start : p->seq;
    }
    at = (int32_t)(p->seq - s->base);
    if (at < 0) {                        /* sent again, or the end of what was */
        uint32_t old = s->base - p->seq; /* not -at: it may be 2^31 */

        data += old < len ? old : len;
        len -= old < len ? old : len;
        at = 0;
    }
    if (at == 0 && s->buffer == NO_BUFFER && len > 0) {
        enum ft_parse rc = inspect(a, st, p->dir, data, len, last || cut, &skip);

        if (rc != FT_PARSE_MORE || last || cut) {
            ft__app_finish(a, s);
            return;
        }
        s->base += (uint32_t)skip;
        data += skip;
        len -= (uint32_t)skip;
    }
    if (len > 0 && !keep_bytes(a, st, p->dir, (uint32_t)at, data, len, last || cut)) {
        return;
    }
    if (last || cut) {
        ft__app_finish(a, s);
    }
}

/* ---- datagrams ---- */

/* Datagrams of these flows may be anything, until both hellos were read: STUN comes before DTLS in
 * WebRTC (RFC 8827 §6.5), 0-RTT of QUIC between its Initials. */
static bool hello_may_follow(const struct state *st)
{
    return st->info.confidence >= FT_APP_BY_PATTERN &&
           (st->info.app == FT_APP_QUIC || st->info.app == FT_APP_DTLS ||
            st->info.app == FT_APP_STUN);
}

static bool read_dns(struct state *st, const struct ft_app_packet *p, bool *more)
{
    bool response;

    if (!inspect_dns(st, p->dir, p->data, p->cap, p->cap < p->len, &response)) {
        return false;
    }
    *more = *more && !ft__app_dns_over(&st->info);
    return true;
}

static bool read_dns_by_port(struct ft_apps *a, struct state *st, const struct ft_app_packet *p,
                             bool *more)
{
    (void)a;
    return dns_family(st) != FT_APP_UNKNOWN && read_dns(st, p, more);
}

static bool read_dns_by_bytes(struct ft_apps *a, struct state *st, const struct ft_app_packet *p,
                              bool *more)
{
    (void)a;
    return dns_family(st) == FT_APP_UNKNOWN && read_dns(st, p, more);
}

static bool read_quic(struct ft_apps *a, struct state *st, const struct ft_app_packet *p,
                      bool *more)
{
    if (!ft_quic_is(p->data, p->cap, p->len, st->quic.version != 0)) {
        return false;
    }
    *more = ft__app_quic(a, st, p);
    return true;
}

static bool read_dtls(struct ft_apps *a, struct state *st, const struct ft_app_packet *p,
                      bool *more)
{
    size_t capwap = ft_dtls_capwap(p->data, p->cap);

    if (!ft_dtls_is(p->data + capwap, p->cap - capwap)) {
        return false;
    }
    *more = ft__app_dtls(a, st, p, capwap);
    return true;
}

static bool read_before_hello(struct ft_apps *a, struct state *st, const struct ft_app_packet *p,
                              bool *more)
{
    (void)a;
    (void)p;
    if (!hello_may_follow(st)) {
        return false;
    }
    *more = st->datagrams < HELLO_DATAGRAMS;
    return true;
}

static bool read_known(struct ft_apps *a, struct state *st, const struct ft_app_packet *p,
                       bool *more)
{
    (void)a;
    if (!looks_like(st, ft_known_udp(p->data, p->cap, p->src_port, p->dst_port))) {
        return false;
    }
    *more = hello_may_follow(st);
    return true;
}

/* What reads a datagram, in this order: the first that says that it is its. *more: more of the flow
 * are to be looked at. */
static const struct datagram_parser {
    bool (*read)(struct ft_apps *a, struct state *st, const struct ft_app_packet *p, bool *more);
} datagram_parsers[] = {
    {read_dns_by_port},  /* RFC 1035 §4.2.1 and those that look like it, by their ports */
    {read_quic},         /* RFC 9000 §17.2 */
    {read_dtls},         /* RFC 9147 §4 */
    {read_before_hello}, /* anything, of a flow whose hello is to come */
    {read_known},        /* first bytes */
    {read_dns_by_bytes},
};

static bool see_datagram(struct ft_apps *a, struct state *st, const struct ft_app_packet *p)
{
    bool more = ++st->datagrams < DATAGRAMS;

    for (size_t i = 0; i < sizeof datagram_parsers / sizeof datagram_parsers[0]; i++) {
        if (datagram_parsers[i].read(a, st, p, &more)) {
            break;
        }
    }
    return more;
}

/* ---- flows ---- */

bool ft_apps_see(struct ft_apps *a, uint32_t entry, const struct ft_app_packet *p)
{
    struct state *st = &a->state[entry];

    a->stats.inspected++;
    if (!st->used) {
        memset(st, 0, sizeof *st);
        st->used = true;
        st->proto = p->proto;
        st->midstream = p->midstream;
        st->src_port = p->src_port;
        st->dst_port = p->dst_port;
        st->stream[0].buffer = st->stream[1].buffer = NO_BUFFER;
    }
    if (p->proto == PROTO_UDP) {
        struct ft_app_packet behind = *p;
        size_t skip = 0;

        if (ft_proxy_read(p->data, p->cap, &skip) == FT_PARSE_DONE && skip < p->cap) {
            behind.data += skip;
            behind.cap -= (uint32_t)skip;
            behind.len -= (uint32_t)skip;
        }
        bool more = see_datagram(a, st, &behind);

        if (!more) {
            ft__app_finish(a, &st->stream[0]);
            ft__app_finish(a, &st->stream[1]);
        }
        return more;
    }
    if (p->proto != PROTO_TCP) {
        return false;
    }
    if (!st->stream[p->dir].over) {
        see_segment(a, st, &st->stream[p->dir], p);
    } else if (++st->stream[p->dir].packets >= 2 * STREAM_PACKETS) {
        conclude(a, st, !p->dir); /* the other side says no more */
        ft__app_finish(a, &st->stream[!p->dir]);
    }
    return !st->stream[0].over || !st->stream[1].over;
}

const struct ft_app_info *ft_apps_get(struct ft_apps *a, uint32_t entry)
{
    struct state *st = &a->state[entry];

    if (!st->used) {
        return NULL;
    }
    for (int d = 0; d < 2 && st->proto == PROTO_TCP; d++) {
        conclude(a, st, d);
    }
    if (st->info.app == FT_APP_UNKNOWN) {
        enum ft_app app = ft_known_port(st->proto, st->dst_port);

        app = app != FT_APP_UNKNOWN ? app : ft_known_port(st->proto, st->src_port);
        if (app == FT_APP_UNKNOWN) {
            return NULL;
        }
        st->info.app = (uint8_t)app;
        st->info.confidence = FT_APP_BY_PORT;
    }
    return &st->info;
}

enum ft_app ft_apps_so_far(const struct ft_apps *a, uint32_t entry)
{
    const struct state *st = &a->state[entry];

    return st->used ? (enum ft_app)st->info.app : FT_APP_UNKNOWN;
}

void ft_apps_end(struct ft_apps *a, uint32_t entry)
{
    struct state *st = &a->state[entry];

    if (st->used) {
        ft__app_give_back(a, &st->stream[0]);
        ft__app_give_back(a, &st->stream[1]);
        st->used = false;
    }
}
