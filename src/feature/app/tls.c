/* SPDX-License-Identifier: Apache-2.0 */
/* feature/app: what TLS says of a flow: at the beginning of a stream, behind something else in it,
 * in QUIC and in DTLS; see state.h. */
#include <string.h>

#include "base/rd.h"
#include "codec/app/dtls.h"
#include "codec/app/known.h"
#include "feature/app/keep.h"
#include "feature/app/state.h"

enum { TLS_PLACES = 8, TLS_DATA = 23 };

/* transport: as JA4 writes it. What is named beside TLS stays: a request to a proxy. */
static void take_hello(struct ft_apps *a, struct state *st, enum ft_app app, char transport,
                       int dir)
{
    const struct ft_tls_hello *h = &a->hello;
    struct ft_app_tls *t = &st->info.tls;
    bool beside = st->info.part == FT_APP_PART_HTTP;

    st->read_tls[dir] = true;
    found(st, app, beside ? FT_APP_PART_HTTP : FT_APP_PART_TLS, dir);
    if (transport == 'q') {
        t->quic_version = st->quic.version;
    }
    if (!h->client) {
        t->has_server = true;
        t->version = h->version;
        t->cipher = h->cipher;
        ft_ignore(ft_tls_ja3(h, &a->work, t->ja3s));
        return;
    }
    t->has_client = true;
    t->ech = h->ech;
    t->version = t->has_server ? t->version : h->version;
    ft__app_keep_name(&st->info, h->sni);
    t->alpn = ft__app_keep(h->alpn, t->alpn_text, sizeof t->alpn_text);
    ft_ignore(ft_tls_ja3(h, &a->work, t->ja3));
    if (!ft_tls_ja4(h, transport, &a->work, t->ja4)) {
        t->ja4[0] = '\0';
    }
}

static enum ft_parse read_records(struct ft_apps *a, struct state *st, enum ft_app app, int dir,
                                  const uint8_t *p, size_t len)
{
    size_t n = 0;
    enum ft_parse rc = ft_tls_records(p, len, a->message, &n);

    if (rc != FT_PARSE_DONE) {
        return rc;
    }
    rc = ft_tls_hello(a->message, n, &a->hello);
    if (rc == FT_PARSE_DONE) {
        take_hello(a, st, app, 't', dir);
    }
    return rc;
}

enum ft_parse ft__app_tls(struct ft_apps *a, struct state *st, int dir, const uint8_t *p,
                          size_t len)
{
    enum ft_parse rc = read_records(a, st, FT_APP_TLS, dir, p, len);

    if (rc == FT_PARSE_MORE && len >= 6) {
        looks_like(st, FT_APP_TLS);
        st->stream[dir].hello = true;
    }
    return rc;
}

/* ---- TLS behind something else ---- */

/* Applications that change to TLS in the middle: STARTTLS (RFC 3207, 2595, 6120 §5, 4511 §4.14),
 * AUTH TLS (RFC 4217), SSLRequest (PostgreSQL §55.2.10, MySQL's protocol), security of RDP
 * (MS-RDPBCGR §5.4.5). */
static bool upgrades(enum ft_app app)
{
    switch (app) {
    case FT_APP_SMTP:
    case FT_APP_IMAP:
    case FT_APP_POP3:
    case FT_APP_FTP:
    case FT_APP_XMPP:
    case FT_APP_LDAP:
    case FT_APP_MYSQL:
    case FT_APP_POSTGRESQL:
    case FT_APP_RDP:
    case FT_APP_SOCKS:
        return true;
    default:
        return false;
    }
}

static bool begins(const uint8_t *p, size_t len, const char *with, size_t n)
{
    return len >= n && memcmp(p, with, n) == 0;
}

#define BEGINS(p, len, s) begins(p, len, s, sizeof(s) - 1)

/* What this flow is as far as its bytes or its port tell; what a record was given on the way does
 * not count. */
static enum ft_app outer(const struct state *st)
{
    return st->info.confidence >= FT_APP_BY_PATTERN ? (enum ft_app)st->info.app
                                                    : ft_known_port(st->proto, st->dst_port);
}

/* A client's first message to a SOCKS proxy on any port: version 5 (RFC 1928 §3) offers methods,
 * version 4 ends in a name with a zero behind it. */
static bool is_socks(const uint8_t *p, size_t len)
{
    if (len >= 3 && p[0] == 5) {
        return p[1] >= 1 &&
               (len == 2u + p[1] || (len > 2u + p[1] && (p[2 + p[1]] == 5 || p[2 + p[1]] == 1)));
    }
    return len >= 9 && p[0] == 4 && (p[1] == 1 || p[1] == 2) && memchr(p + 8, 0, len - 8) != NULL;
}

static bool is_text(uint8_t c)
{
    return c >= ' ' && c < 0x7f;
}

static bool is_socks_answer(const uint8_t *p, size_t len)
{
    return (len == 2 && p[0] == 5) || (len == 8 && p[0] == 0 && p[1] >= 90 && p[1] <= 93);
}

/* Lines of servers that TLS may follow, of SMTP, LMTP and FTP, NNTP (RFC 3977 §5.1), POP3. */
static bool greets(const uint8_t *p, size_t len)
{
    return BEGINS(p, len, "220") || BEGINS(p, len, "200 ") || BEGINS(p, len, "201 ") ||
           BEGINS(p, len, "+OK");
}

bool ft__app_wraps(struct state *st, int dir, const uint8_t *p, size_t len)
{
    bool proxied = st->info.part == FT_APP_PART_HTTP && st->info.http.method.len == 7 &&
                   memcmp(st->info.http.method_text, "CONNECT", 7) == 0;

    if (st->stream[!dir].wrapped && is_socks_answer(p, len)) {
        looks_like(st, FT_APP_SOCKS);
    }
    return st->stream[!dir].wrapped || proxied || upgrades(outer(st)) || is_socks(p, len) ||
           greets(p, len) ||
           (is_text(*p) && memmem(p, len < 256 ? len : 256, "STARTTLS", 8) != NULL);
}

enum ft_parse ft__app_wrapped(struct ft_apps *a, struct state *st, int dir, const uint8_t *p,
                              size_t len, size_t *out_skip)
{
    enum ft_app app = outer(st);
    size_t at = 0, next;

    app = upgrades(app) || app == FT_APP_HTTP ? app : FT_APP_TLS;
    for (int i = 0; i < TLS_PLACES; i++) {
        enum ft_parse rc = ft_tls_find(p + at, len - at, &next);

        if (rc == FT_PARSE_NOT) {
            break;
        }
        at += next;
        rc = rc == FT_PARSE_DONE ? read_records(a, st, app, dir, p + at, len - at) : rc;
        if (rc == FT_PARSE_DONE) {
            return rc;
        }
        if (rc == FT_PARSE_MORE) {
            st->stream[dir].hello = true;
            *out_skip = at;
            return rc;
        }
        at++;
    }
    st->stream[dir].hello = false;
    *out_skip = len;
    return FT_PARSE_MORE;
}

/* ---- datagrams ---- */

/* A frame's or part's way into the flow's buffer. */
struct place {
    struct ft_apps *a;
    struct state *st;
    int dir;
    uint8_t begun; /* QUIC: how often the client had begun when the datagram came */
};

/* Another ID of the client: after a Retry it says all of its hello again, and another connection
 * between the same ports has a hello of its own. The server's belongs to the last. */
static void begin_again(struct place *c)
{
    c->begun = c->st->quic.begun;
    for (int d = 0; d < 2; d++) {
        ft__app_give_back(c->a, &c->st->stream[d]);
        c->st->stream[d].over = false;
    }
}

static bool see_crypto(void *cookie, uint64_t offset, const uint8_t *data, size_t len)
{
    struct place *c = cookie;
    struct stream *s = &c->st->stream[c->dir];
    enum ft_parse rc;
    struct buffer *b;

    if (c->begun != c->st->quic.begun) {
        begin_again(c);
    }
    if (s->over) {
        return false;
    }
    if (!ft__app_take_buffer(c->a, s)) {
        s->over = true;
        return false;
    }
    b = &c->a->buffer[s->buffer];
    if (!ft__app_put(b, offset, data, (uint32_t)len)) {
        ft__app_finish(c->a, s);
        return false;
    }
    rc = ft_tls_hello(b->data, ft__app_prefix(b), &c->a->hello);
    if (rc == FT_PARSE_MORE) {
        return true;
    }
    if (rc == FT_PARSE_DONE) {
        take_hello(c->a, c->st, FT_APP_QUIC, 'q', c->dir);
    }
    ft__app_finish(c->a, s);
    return false;
}

/* The client's Initials are opened until the server's hello is there, although its own was read:
 * one after a Retry says what the server's keys follow from. */
bool ft__app_quic(struct ft_apps *a, struct state *st, const struct ft_app_packet *p)
{
    struct place c = {a, st, p->dir, st->quic.begun};
    bool known = st->quic.version != 0, server = known && p->dir != st->quic_client;
    uint32_t n;

    looks_like(st, FT_APP_QUIC);
    n = ft_quic_open(&st->quic, server, p->data, p->cap, a->message, see_crypto, &c);
    if (!known && n > 0) {
        st->quic_client = p->dir;
    }
    return !(st->stream[0].over && st->stream[1].over) && st->datagrams < HELLO_DATAGRAMS;
}

/* ---- DTLS ---- */

static void read_message(struct place *c, uint8_t type, const uint8_t *p, uint32_t len)
{
    if (ft_tls_hello_dtls(type, p, len, &c->a->hello) == FT_PARSE_DONE) {
        take_hello(c->a, c->st, FT_APP_DTLS, 'd', c->dir);
    }
    ft__app_finish(c->a, &c->st->stream[c->dir]);
}

/* A message of a higher number takes the place of one that is not whole: the client says hello
 * again after HelloVerifyRequest (RFC 6347 §4.2.1). */
static bool see_part(void *cookie, const struct ft_dtls_part *part)
{
    struct place *c = cookie;
    struct stream *s = &c->st->stream[c->dir];
    struct buffer *b;

    if (s->over || part->total > FT_TLS_MESSAGE) {
        return false;
    }
    if (part->len == part->total) {
        read_message(c, part->type, part->data, part->len);
        return false;
    }
    if (s->begun && part->number < s->base) {
        return true;
    }
    if (!ft__app_take_buffer(c->a, s)) {
        s->over = true;
        return false;
    }
    b = &c->a->buffer[s->buffer];
    if (part->number != s->base) {
        b->n_ranges = 0;
    }
    s->begun = true;
    s->base = part->number;
    if (!ft__app_put(b, part->offset, part->data, part->len)) {
        ft__app_finish(c->a, s);
        return false;
    }
    if (ft__app_prefix(b) >= part->total) {
        read_message(c, part->type, b->data, part->total);
        return false;
    }
    return true;
}

bool ft__app_dtls(struct ft_apps *a, struct state *st, const struct ft_app_packet *p, size_t skip)
{
    struct place c = {a, st, p->dir, 0};

    looks_like(st, FT_APP_DTLS);
    if (p->data[skip] == TLS_DATA) {
        return false; /* the hellos are over */
    }
    ft_ignore(ft_dtls_open(p->data + skip, p->cap - skip, see_part, &c) == 0);
    return !(st->stream[0].over && st->stream[1].over) && st->datagrams < HELLO_DATAGRAMS;
}
