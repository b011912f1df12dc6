/* SPDX-License-Identifier: Apache-2.0 */
/* feature: names on flows, see app.h. */
#include "feature/app.h"

#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "codec/app/known.h"
#include "codec/app/proxy.h"
#include "codec/app/quic.h"
#include "feature/app_keep.h"
#include "model/record.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17 };
enum { STREAM_PACKETS = 12, DATAGRAMS = 10, BUFFER_LEN = FT_TLS_MESSAGE, RANGES = 8 };
enum { NO_BUFFER = 0xffff };
enum { PORT_SSH = 22, PORT_DNS = 53, PORT_MDNS = 5353, PORT_LLMNR = 5355, PORT_NBNS = 137 };
enum { DNS_LENGTH = 2, DNS_HEADER = 12, DNS_LEAST = 17 }; /* of any; of one with a question */

/* Bytes of a stream that have come, by their offset. */
struct buffer {
    uint16_t next_free;
    uint16_t n_ranges;
    uint32_t range[RANGES][2]; /* [start, end), apart from each other */
    uint8_t data[BUFFER_LEN];
};

struct stream {
    uint32_t base;   /* sequence number of the first byte */
    uint16_t buffer; /* or NO_BUFFER */
    uint8_t packets;
    bool begun, over;
};

struct state {
    bool used;
    uint8_t proto;
    uint8_t datagrams;
    bool read[2];   /* a message of this direction was read */
    bool midstream; /* the connection's beginning was not seen */
    uint16_t src_port, dst_port;
    struct stream stream[2];
    struct ft_quic quic;
    struct ft_app_info info;
};

struct ft_apps {
    struct state *state; /* [max_flows], mapped */
    struct buffer *buffer;
    uint32_t max_flows;
    uint16_t free;
    struct ft_apps_stats stats;
    uint8_t message[FT_TLS_MESSAGE];
    struct ft_tls_hello hello;
};

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
    for (uint16_t i = 0; i < FT_APP_BUFFERS; i++) {
        a->buffer[i].next_free = i + 1 < FT_APP_BUFFERS ? (uint16_t)(i + 1) : NO_BUFFER;
    }
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

/* A message of this application was read; both ways make it sure. */
static void found(struct state *st, enum ft_app app, enum ft_app_part part, int dir)
{
    st->read[dir] = true;
    st->info.app = (uint8_t)app;
    st->info.part = (uint8_t)part;
    st->info.confidence = st->read[0] && st->read[1] ? FT_APP_BY_EXCHANGE : FT_APP_BY_MESSAGE;
}

/* Only its first bytes are known; they say nothing against a message that was read. */
static bool looks_like(struct state *st, enum ft_app app)
{
    if (app != FT_APP_UNKNOWN && st->info.confidence < FT_APP_BY_PATTERN) {
        st->info.app = (uint8_t)app;
        st->info.confidence = FT_APP_BY_PATTERN;
    }
    return app != FT_APP_UNKNOWN;
}

static void take_hello(struct state *st, const struct ft_tls_hello *h, enum ft_app app, int dir)
{
    struct ft_app_tls *t = &st->info.tls;
    uint32_t quic = app == FT_APP_QUIC ? st->quic.version : 0;

    if (st->info.part != FT_APP_PART_TLS) {
        memset(t, 0, sizeof *t);
    }
    found(st, app, FT_APP_PART_TLS, dir);
    t->quic_version = quic;
    if (!h->client) {
        t->has_server = true;
        t->version = h->version;
        t->cipher = h->cipher[0];
        ft_ignore(ft_tls_ja3(h, t->ja3s));
        return;
    }
    t->has_client = true;
    t->ech = h->ech;
    t->version = t->has_server ? t->version : h->version;
    ft__app_keep_name(&st->info, h->sni);
    t->alpn = ft__app_keep(h->alpn, t->alpn_text, sizeof t->alpn_text);
    ft_ignore(ft_tls_ja3(h, t->ja3));
    if (!ft_tls_ja4(h, quic != 0 ? 'q' : 't', t->ja4)) {
        t->ja4[0] = '\0';
    }
}

static enum ft_parse inspect_tls(struct ft_apps *a, struct state *st, int dir, const uint8_t *p,
                                 size_t len)
{
    size_t n = 0;
    enum ft_parse rc = ft_tls_records(p, len, a->message, &n);

    if (rc == FT_PARSE_MORE && len >= 6) {
        looks_like(st, FT_APP_TLS);
    }
    if (rc != FT_PARSE_DONE) {
        return rc;
    }
    rc = ft_tls_hello(a->message, n, &a->hello);
    if (rc == FT_PARSE_DONE) {
        take_hello(st, &a->hello, FT_APP_TLS, dir);
    }
    return rc;
}

static enum ft_parse inspect_http(struct state *st, int dir, const uint8_t *p, size_t len,
                                  bool final, bool *out_sure)
{
    struct ft_http h;
    enum ft_parse rc = ft_http_read(p, len, final, &h);
    bool websocket = h.websocket || st->info.app == FT_APP_WEBSOCKET;

    *out_sure = h.sure;
    if (rc == FT_PARSE_DONE) {
        ft__app_keep_http(&st->info, &h);
        found(st, websocket ? FT_APP_WEBSOCKET : FT_APP_HTTP, FT_APP_PART_HTTP, dir);
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

/* Behind the text that a server may send first. */
static enum ft_parse inspect_ssh_text(struct state *st, int dir, const uint8_t *p, size_t len)
{
    size_t skip = 0;
    enum ft_parse rc = FT_PARSE_NOT;

    if (ssh_role(st, dir) == FT_DIR_REV || st->info.app == FT_APP_SSH) {
        rc = ft_ssh_text(p, len, &skip);
    }
    return rc == FT_PARSE_DONE ? inspect_ssh(st, dir, p + skip, len - skip) : rc;
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

    if ((app == FT_APP_UNKNOWN && !ft_dns_is(p, len, cut)) ||
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
static enum ft_parse inspect_dns_stream(struct state *st, int dir, const uint8_t *p, size_t len,
                                        bool final)
{
    enum ft_parse over = FT_PARSE_NOT; /* what it is when no more will do */

    for (;;) { /* DNS_LENGTH bytes less each time */
        size_t size = len >= DNS_LENGTH ? ft_load_be16(p) : 0, left = len - DNS_LENGTH;
        bool response = false;

        if (!dns_stream_begins(st, p, len)) {
            return over;
        }
        if (len <= DNS_LENGTH || (size > left && !final)) {
            return final ? over : FT_PARSE_MORE;
        }
        if (!inspect_dns(st, dir, p + DNS_LENGTH, size > left ? left : size, size > left,
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

/* The beginning of one side's stream. final: no more of it will come in order. */
static enum ft_parse inspect(struct ft_apps *a, struct state *st, int dir, const uint8_t *p,
                             size_t len, bool final)
{
    size_t skip = 0;
    bool sure = true; /* that MORE is of this protocol */
    enum ft_parse rc = ft_proxy_read(p, len, &skip);

    if (rc == FT_PARSE_MORE || skip == len) {
        return final ? FT_PARSE_NOT : FT_PARSE_MORE;
    }
    p += skip;
    len -= skip;
    rc = inspect_tls(a, st, dir, p, len);
    if (rc == FT_PARSE_NOT) {
        rc = inspect_ssh(st, dir, p, len);
    }
    if (rc == FT_PARSE_NOT) {
        rc = inspect_http(st, dir, p, len, final, &sure);
    }
    if (rc == FT_PARSE_NOT) {
        sure = false;
        rc = inspect_dns_stream(st, dir, p, len, final);
    }
    if ((rc == FT_PARSE_NOT || (rc == FT_PARSE_MORE && !sure)) &&
        looks_like(st, ft_known_tcp(p, len, dir == FT_DIR_REV, st->dst_port))) {
        return FT_PARSE_NOT;
    }
    return rc == FT_PARSE_NOT ? inspect_ssh_text(st, dir, p, len) : rc;
}

static void give_back(struct ft_apps *a, struct stream *s)
{
    if (s->buffer != NO_BUFFER) {
        a->buffer[s->buffer].next_free = a->free;
        a->free = s->buffer;
        s->buffer = NO_BUFFER;
    }
}

static void finish(struct ft_apps *a, struct stream *s)
{
    give_back(a, s);
    s->over = true;
}

static bool take_buffer(struct ft_apps *a, struct stream *s)
{
    if (s->buffer != NO_BUFFER) {
        return true;
    }
    if (a->free == NO_BUFFER) {
        a->stats.no_buffer++;
        return false;
    }
    s->buffer = a->free;
    a->free = a->buffer[s->buffer].next_free;
    a->buffer[s->buffer].n_ranges = 0;
    return true;
}

/* Puts bytes at their offset; what came before stays. False: too many holes, or beyond the end. */
static bool put(struct buffer *b, uint64_t offset, const uint8_t *data, uint32_t len)
{
    uint32_t from = (uint32_t)offset, to = from + len;
    uint16_t kept = 0;

    if (offset + len > BUFFER_LEN) {
        return false;
    }
    memcpy(b->data + offset, data, len);
    for (uint16_t i = 0; i < b->n_ranges; i++) {
        uint32_t start = b->range[i][0], end = b->range[i][1];

        if (end < from || to < start) {
            b->range[kept][0] = start;
            b->range[kept++][1] = end;
        } else {
            from = start < from ? start : from;
            to = end > to ? end : to;
        }
    }
    if (kept == RANGES) {
        b->n_ranges = kept;
        return false;
    }
    b->range[kept][0] = from;
    b->range[kept][1] = to;
    b->n_ranges = (uint16_t)(kept + 1);
    return true;
}

/* How many bytes there are from the beginning. */
static uint32_t prefix(const struct buffer *b)
{
    for (uint16_t i = 0; i < b->n_ranges; i++) {
        if (b->range[i][0] == 0) {
            return b->range[i][1];
        }
    }
    return 0;
}

/* What has come of a stream that is not whole has to do now; more may come yet. */
static void conclude(struct ft_apps *a, struct state *st, int dir)
{
    const struct stream *s = &st->stream[dir];
    uint32_t len = s->buffer != NO_BUFFER && !st->read[dir] ? prefix(&a->buffer[s->buffer]) : 0;

    if (len > 0) {
        ft_ignore(inspect(a, st, dir, a->buffer[s->buffer].data, len, true) == FT_PARSE_DONE);
    }
}

/* A segment of a stream that is not over. */
static void see_segment(struct ft_apps *a, struct state *st, struct stream *s,
                        const struct ft_app_packet *p)
{
    bool last = ++s->packets >= STREAM_PACKETS, cut = p->cap < p->len;
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
        enum ft_parse rc = inspect(a, st, p->dir, data, len, last || cut);

        if (rc != FT_PARSE_MORE || last || cut) {
            finish(a, s);
            return;
        }
    }
    if (len > 0) {
        if (!take_buffer(a, s)) {
            s->over = true;
            return;
        }
        struct buffer *b = &a->buffer[s->buffer];
        uint32_t before = prefix(b), now;
        bool fits = put(b, (uint32_t)at, data, len);

        now = prefix(b);
        bool seen = at == 0 && before == 0 && now == len; /* in place, a moment ago */

        last |= !fits || cut;
        if (((now > before && !seen) || last) && now > 0 &&
            inspect(a, st, p->dir, b->data, now, last) != FT_PARSE_MORE) {
            finish(a, s);
            return;
        }
    }
    if (last) {
        finish(a, s);
    }
}

/* ---- datagrams ---- */

/* One CRYPTO frame's way into the flow's buffer. */
struct crypto {
    struct ft_apps *a;
    struct state *st;
    int dir;
};

static bool see_crypto(void *cookie, uint64_t offset, const uint8_t *data, size_t len)
{
    struct crypto *c = cookie;
    struct stream *s = &c->st->stream[FT_DIR_FWD];
    struct buffer *b;

    if (s->over || !take_buffer(c->a, s)) {
        return false;
    }
    b = &c->a->buffer[s->buffer];
    if (offset > BUFFER_LEN || !put(b, offset, data, (uint32_t)len)) {
        finish(c->a, s);
        return false;
    }
    if (ft_tls_hello(b->data, prefix(b), &c->a->hello) == FT_PARSE_MORE) {
        return true;
    }
    if (ft_tls_hello(b->data, prefix(b), &c->a->hello) == FT_PARSE_DONE) {
        take_hello(c->st, &c->a->hello, FT_APP_QUIC, c->dir);
    }
    finish(c->a, s);
    return false;
}

static bool see_quic(struct ft_apps *a, struct state *st, const struct ft_app_packet *p)
{
    struct crypto c = {a, st, p->dir};

    looks_like(st, FT_APP_QUIC);
    if (!st->stream[FT_DIR_FWD].over) {
        ft_quic_open(&st->quic, p->data, p->cap, see_crypto, &c);
    }
    if (st->info.app == FT_APP_QUIC && st->read[!p->dir]) { /* the other side answers */
        st->info.confidence = FT_APP_BY_EXCHANGE;
        return false;
    }
    return true;
}

static bool see_datagram(struct ft_apps *a, struct state *st, const struct ft_app_packet *p)
{
    enum ft_app dns = dns_family(st);
    bool more = ++st->datagrams < DATAGRAMS, cut = p->cap < p->len, response;

    if (dns != FT_APP_UNKNOWN && inspect_dns(st, p->dir, p->data, p->cap, cut, &response)) {
        return more && !ft__app_dns_over(&st->info);
    }
    if (ft_quic_is(p->data, p->cap)) {
        return see_quic(a, st, p) && more;
    }
    if (looks_like(st, ft_known_udp(p->data, p->cap, p->src_port, p->dst_port))) {
        st->read[p->dir] = true;
        return false;
    }
    if (dns == FT_APP_UNKNOWN && inspect_dns(st, p->dir, p->data, p->cap, cut, &response)) {
        return more && !ft__app_dns_over(&st->info);
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
            finish(a, &st->stream[FT_DIR_FWD]);
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
        finish(a, &st->stream[!p->dir]);
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

void ft_apps_end(struct ft_apps *a, uint32_t entry)
{
    struct state *st = &a->state[entry];

    if (st->used) {
        give_back(a, &st->stream[0]);
        give_back(a, &st->stream[1]);
        st->used = false;
    }
}
