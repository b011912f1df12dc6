/* SPDX-License-Identifier: Apache-2.0 */
/* feature: names on flows, see app.h. */
#include "feature/app.h"

#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "codec/app/dtls.h"
#include "codec/app/known.h"
#include "codec/app/plain.h"
#include "feature/app_state.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17 };
/* Packets with payload of a stream that are looked at: of any, of one in which TLS may begin, of a
 * hello, which may be long. */
enum { STREAM_PACKETS = 12, WRAPPED_PACKETS = 24, HELLO_PACKETS = 64, DATAGRAMS = 10 };
enum { PORT_DNS = 53, PORT_MDNS = 5353, PORT_LLMNR = 5355, PORT_NBNS = 137 };

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

static struct ft_app_text keep(struct ft_text from, uint8_t *room, uint32_t size)
{
    uint32_t len = from.len < size ? from.len : size;

    if (len > 0) {
        memcpy(room, from.p, len);
    }
    return (struct ft_app_text){.len = (uint8_t)len, .cut = from.len > size};
}

static void keep_name(struct state *st, struct ft_text name)
{
    st->info.name = keep(name, st->info.name_text, FT_APP_NAME);
}

static enum ft_parse inspect_http(struct state *st, int dir, const uint8_t *p, size_t len,
                                  bool final)
{
    struct ft_http h;
    struct ft_app_http *out = &st->info.http;
    enum ft_parse rc = ft_http_read(p, len, final, &h);

    if (rc != FT_PARSE_DONE) {
        return rc;
    }
    if (st->info.part != FT_APP_PART_HTTP) {
        memset(out, 0, sizeof *out);
    }
    found(st,
          h.websocket                        ? FT_APP_WEBSOCKET
          : st->info.app == FT_APP_WEBSOCKET ? FT_APP_WEBSOCKET
                                             : FT_APP_HTTP,
          FT_APP_PART_HTTP, dir);
    if (h.response) {
        out->status = h.status;
        return rc;
    }
    keep_name(st, h.host);
    out->method = keep(h.method, out->method_text, sizeof out->method_text);
    out->target = keep(h.target, out->target_text, sizeof out->target_text);
    out->agent = keep(h.user_agent, out->agent_text, sizeof out->agent_text);
    return rc;
}

static enum ft_parse inspect_ssh(struct state *st, int dir, const uint8_t *p, size_t len)
{
    struct ft_ssh s;
    struct ft_app_ssh *out = &st->info.ssh;
    enum ft_parse rc = ft_ssh_read(p, len, dir == FT_DIR_FWD, &s);

    if (rc == FT_PARSE_NOT || s.banner.len == 0) {
        return rc;
    }
    if (st->info.part != FT_APP_PART_SSH) {
        memset(out, 0, sizeof *out);
    }
    found(st, FT_APP_SSH, FT_APP_PART_SSH, dir);
    out->banner[dir] = keep(s.banner, out->banner_text[dir], sizeof out->banner_text[dir]);
    memcpy(out->hassh[dir], s.has_hassh ? s.hassh : "", s.has_hassh ? sizeof s.hassh : 1);
    return rc;
}

/* The name of the first question, and what came back for it. */
static bool inspect_dns(struct state *st, int dir, enum ft_app app, const uint8_t *p, size_t len)
{
    struct ft_dns d;
    struct ft_app_dns *out = &st->info.dns;
    bool same;

    if (!ft_dns_read(p, len, &d)) {
        return false;
    }
    same = st->info.part == FT_APP_PART_DNS && st->info.name.len == d.name_len &&
           memcmp(st->info.name_text, d.name, d.name_len) == 0 && out->qtype == d.qtype;
    if (st->info.part != FT_APP_PART_DNS) {
        memset(out, 0, sizeof *out);
        keep_name(st, (struct ft_text){d.name, d.name_len});
        out->qtype = d.qtype;
        same = true;
    }
    found(st, app, FT_APP_PART_DNS, dir);
    if (d.response && same && !out->has_answer) {
        out->has_answer = true;
        out->rcode = d.rcode;
        out->answers = d.answers;
        out->has_ttl = d.answers_read;
        out->ttl = d.ttl;
    }
    return true;
}

/* ---- streams ---- */

/* The beginning of one side's stream, of which nothing was recognised before. */
static enum ft_parse inspect_begin(struct ft_apps *a, struct state *st, int dir, const uint8_t *p,
                                   size_t len, bool final)
{
    enum ft_parse rc = ft__app_tls(a, st, dir, p, len);

    if (rc != FT_PARSE_NOT) {
        return rc;
    }
    if (st->dst_port == PORT_DNS || st->src_port == PORT_DNS) {
        if ((len < 2 || ft_load_be16(p) > len - 2) && !final) {
            return FT_PARSE_MORE;
        }
        return len > 2 && inspect_dns(st, dir, FT_APP_DNS, p + 2, len - 2) ? FT_PARSE_DONE
                                                                           : FT_PARSE_NOT;
    }
    rc = inspect_ssh(st, dir, p, len);
    if (rc == FT_PARSE_NOT &&
        !st->info.tls.has_client) { /* else a server that was not asked for it */
        rc = inspect_http(st, dir, p, len, final);
    }
    if (rc == FT_PARSE_NOT) {
        looks_like(st, ft_known_tcp(p, len, dir == FT_DIR_REV, st->dst_port));
    }
    return rc;
}

/* What has come of one side's stream. final: no more of it will come in order. With MORE the first
 * *out_skip bytes are not needed again. */
static enum ft_parse inspect(struct ft_apps *a, struct state *st, int dir, const uint8_t *p,
                             size_t len, bool final, size_t *out_skip)
{
    struct stream *s = &st->stream[dir];

    *out_skip = 0;
    if (!s->wrapped) {
        enum ft_parse rc = inspect_begin(a, st, dir, p, len, final);

        s->wrapped = rc != FT_PARSE_MORE && !st->read_tls[dir] && ft__app_wraps(st, dir, p, len);
        if (!s->wrapped) {
            return rc;
        }
    }
    return ft__app_wrapped(a, st, dir, p, len, out_skip);
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

    if (now > before && !seen &&
        inspect(a, st, dir, b->data, now, final || !fits, &skip) != FT_PARSE_MORE) {
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

static enum ft_app dns_family(const struct state *st)
{
    if (st->src_port == PORT_MDNS || st->dst_port == PORT_MDNS) {
        return FT_APP_MDNS;
    }
    if (st->src_port == PORT_LLMNR || st->dst_port == PORT_LLMNR) {
        return FT_APP_LLMNR;
    }
    if (st->dst_port == PORT_NBNS) {
        return FT_APP_NBNS;
    }
    return st->src_port == PORT_DNS || st->dst_port == PORT_DNS ? FT_APP_DNS : FT_APP_UNKNOWN;
}

/* Datagrams of these flows may be anything, until both hellos were read: STUN comes before DTLS in
 * WebRTC (RFC 8827 §6.5), 0-RTT of QUIC between its Initials. */
static bool hello_may_follow(const struct state *st)
{
    return st->info.confidence >= FT_APP_BY_PATTERN &&
           (st->info.app == FT_APP_QUIC || st->info.app == FT_APP_DTLS ||
            st->info.app == FT_APP_STUN);
}

static bool see_datagram(struct ft_apps *a, struct state *st, const struct ft_app_packet *p)
{
    enum ft_app dns = dns_family(st);
    bool more = ++st->datagrams < DATAGRAMS;
    size_t capwap = ft_dtls_capwap(p->data, p->cap);

    if (dns != FT_APP_UNKNOWN && inspect_dns(st, p->dir, dns, p->data, p->cap)) {
        return more && !(st->info.part == FT_APP_PART_DNS && st->info.dns.has_answer);
    }
    if (ft_quic_is(p->data, p->cap, st->quic.version != 0)) {
        return ft__app_quic(a, st, p);
    }
    if (ft_dtls_is(p->data + capwap, p->cap - capwap)) {
        return ft__app_dtls(a, st, p, capwap);
    }
    if (hello_may_follow(st)) {
        return st->datagrams < HELLO_DATAGRAMS;
    }
    if (looks_like(st, ft_known_udp(p->data, p->cap, p->src_port, p->dst_port))) {
        return hello_may_follow(st);
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
        st->src_port = p->src_port;
        st->dst_port = p->dst_port;
        st->stream[0].buffer = st->stream[1].buffer = NO_BUFFER;
    }
    if (p->proto == PROTO_UDP) {
        bool more = see_datagram(a, st, p);

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
        ft__app_finish(a, &st->stream[!p->dir]); /* the other side says nothing */
    }
    return !st->stream[0].over || !st->stream[1].over;
}

const struct ft_app_info *ft_apps_get(struct ft_apps *a, uint32_t entry)
{
    struct state *st = &a->state[entry];

    if (!st->used) {
        return NULL;
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
        ft__app_give_back(a, &st->stream[0]);
        ft__app_give_back(a, &st->stream[1]);
        st->used = false;
    }
}
