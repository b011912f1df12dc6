/* SPDX-License-Identifier: Apache-2.0 */
/* codec: TLS hellos, see tls.h.
 *
 *   record (RFC 8446 §5.1)       type 1: 22 handshake | version 2 | length 2
 *   handshake (§4)               type 1: 1 ClientHello, 2 ServerHello | length 3
 *   ClientHello (§4.1.2)         version 2 | random 32 | session: length 1 | (DTLS, RFC 6347
 *                                §4.2.1: cookie: length 1) | ciphers: length 2
 *                                | compression: length 1 | extensions: length 2
 *   ServerHello (§4.1.3)         version 2 | random 32 | session: length 1 | cipher 2
 *                                | compression 1 | extensions: length 2
 *   extension (§4.2)             type 2 | length 2 */
#include "codec/app/tls.h"

#include <string.h>

#include "base/rd.h"

enum { CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, RECORD_MAX = 16384 + 256 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2 };
/* Drafts of TLS 1.3 up to this one had neither session nor compression in a ServerHello; some wrote
 * the version that was to come, which the final one does not. */
enum { DRAFT_FIRST = 0x7f00, DRAFT_SHORT = 0x7f15, TLS_13 = 0x0304 };
enum {
    X_SERVER_NAME = 0,
    X_GROUPS = 10,
    X_FORMATS = 11,
    X_SIGNATURES = 13,
    X_ALPN = 16,
    X_VERSIONS = 43,
    X_ECH = 0xfe0d
};

/* A record that may come before a hello: a warning (RFC 5246 §7.2), or change_cipher_spec (RFC 8446
 * §D.4). */
static bool passed_over(const uint8_t *h, size_t size)
{
    return (h[0] == ALERT && size == 2) || (h[0] == CIPHER_SPEC && size == 1);
}

static bool may_begin(const uint8_t *p, size_t len)
{
    return len == 0 || (p[0] >= CIPHER_SPEC && p[0] <= HANDSHAKE && (len < 2 || p[1] == 3));
}

enum ft_parse ft_tls_records(const uint8_t *p, size_t len, uint8_t *out, size_t *out_len)
{
    struct ft_rd rd = ft_rd_make(p, len);
    size_t have = 0;

    while (ft_rd_left(&rd) >= 5) { /* five bytes less each time at least */
        const uint8_t *h = rd.p;
        size_t size = ft_load_be16(h + 3), part;

        if (have == 0 && h[1] == 3 && passed_over(h, size)) {
            if (ft_rd_view(&rd, 5 + size) == NULL) {
                return FT_PARSE_MORE;
            }
            continue;
        }
        if (h[0] != HANDSHAKE || h[1] != 3 || size == 0 || size > RECORD_MAX) {
            return FT_PARSE_NOT;
        }
        ft_ignore(ft_rd_view(&rd, 5) == NULL);
        part = ft_rd_left(&rd) < size ? ft_rd_left(&rd) : size;
        if (have + part > FT_TLS_MESSAGE) {
            return FT_PARSE_NOT;
        }
        memcpy(out + have, rd.p, part);
        ft_ignore(ft_rd_view(&rd, part) == NULL);
        have += part;
        if (have >= 1 && out[0] != CLIENT_HELLO && out[0] != SERVER_HELLO) {
            return FT_PARSE_NOT;
        }
        if (have >= 4) {
            size_t want = 4 + ((size_t)out[1] << 16 | (size_t)out[2] << 8 | out[3]);

            if (want > FT_TLS_MESSAGE) {
                return FT_PARSE_NOT;
            }
            if (have >= want) {
                *out_len = want;
                return FT_PARSE_DONE;
            }
        }
    }
    return may_begin(p, len) ? FT_PARSE_MORE : FT_PARSE_NOT;
}

/* ---- among other bytes ---- */

/* A handshake record that a hello begins in: every byte that is known of it. */
static bool fits(const uint8_t *p, size_t len)
{
    size_t record = len >= 5 ? ft_load_be16(p + 3) : 4;
    size_t message = len >= 9 ? (size_t)p[6] << 16 | ft_load_be16(p + 7) : 0;

    return p[0] == HANDSHAKE && (len < 2 || p[1] == 3) && (len < 3 || p[2] <= 4) && record >= 4 &&
           record <= RECORD_MAX && (len < 6 || p[5] == CLIENT_HELLO || p[5] == SERVER_HELLO) &&
           (len < 9 || (message >= 35 && message <= FT_TLS_MESSAGE)) &&
           (len < 10 || record < 5 || p[9] == 3) && (len < 11 || record < 6 || p[10] <= 4);
}

enum ft_parse ft_tls_find(const uint8_t *p, size_t len, size_t *out_at)
{
    const uint8_t *end = p + len;

    for (const uint8_t *q = p; (q = memchr(q, HANDSHAKE, (size_t)(end - q))) != NULL; q++) {
        if (fits(q, (size_t)(end - q))) {
            *out_at = (size_t)(q - p);
            return end - q >= 11 ? FT_PARSE_DONE : FT_PARSE_MORE;
        }
    }
    return FT_PARSE_NOT;
}

/* ---- reading ---- */

static struct ft_text text_of(struct ft_rd rd)
{
    return (struct ft_text){rd.p, (uint32_t)ft_rd_left(&rd)};
}

/* A list behind its own length of two bytes; nothing when it is longer than what there is. */
static struct ft_text take_vector(struct ft_rd rd)
{
    struct ft_rd list = ft_rd_make(rd.p, 0);

    if (ft_rd_left(&rd) >= 2 && !ft_rd_sub(&rd, ft_rd_u16(&rd), &list)) {
        list = ft_rd_make(rd.p, 0);
    }
    return text_of(list);
}

static void take_server_name(struct ft_rd rd, struct ft_tls_hello *h)
{
    struct ft_rd list, name;

    h->has_sni = true;
    if (ft_rd_left(&rd) < 2 || !ft_rd_sub(&rd, ft_rd_u16(&rd), &list)) {
        return;
    }
    while (ft_rd_left(&list) >= 3) { /* three bytes less each time at least */
        uint8_t type = ft_rd_u8(&list);

        if (!ft_rd_sub(&list, ft_rd_u16(&list), &name)) {
            return;
        }
        if (type == 0) {
            h->sni = text_of(name);
            return;
        }
    }
}

static void take_alpn(struct ft_rd rd, struct ft_tls_hello *h)
{
    struct ft_rd list, name;

    if (ft_rd_left(&rd) >= 2 && ft_rd_sub(&rd, ft_rd_u16(&rd), &list) && ft_rd_left(&list) >= 1 &&
        ft_rd_sub(&list, ft_rd_u8(&list), &name)) {
        h->alpn = text_of(name);
    }
}

static void take_versions(struct ft_rd rd, struct ft_tls_hello *h)
{
    struct ft_rd list;
    uint16_t best = 0;

    if (!h->client) {
        h->version = ft_rd_left(&rd) == 2 ? ft_rd_u16(&rd) : h->version;
        return;
    }
    if (ft_rd_left(&rd) < 1 || !ft_rd_sub(&rd, ft_rd_u8(&rd), &list)) {
        return;
    }
    while (ft_rd_left(&list) >= 2) {
        uint16_t v = ft_rd_u16(&list);

        /* of DTLS the lower number is the higher version */
        if (!ft_tls_grease(v) && (best == 0 || (v >> 8 == 0xfe ? v < best : v > best))) {
            best = v;
        }
    }
    h->version = best != 0 ? best : h->version;
}

static void take_extension(struct ft_tls_hello *h, uint16_t type, struct ft_rd body)
{
    switch (type) {
    case X_SERVER_NAME:
        take_server_name(body, h);
        break;
    case X_GROUPS:
        h->groups = take_vector(body);
        break;
    case X_FORMATS:
        if (ft_rd_left(&body) >= 1) {
            struct ft_rd list;

            if (ft_rd_sub(&body, ft_rd_u8(&body), &list)) {
                h->formats = text_of(list);
            }
        }
        break;
    case X_SIGNATURES:
        h->signatures = take_vector(body);
        break;
    case X_ALPN:
        take_alpn(body, h);
        break;
    case X_VERSIONS:
        take_versions(body, h);
        break;
    case X_ECH:
        h->ech = true;
        break;
    default:
        break;
    }
}

static bool take_extensions(struct ft_rd *rd, struct ft_tls_hello *h)
{
    struct ft_rd list, body;

    if (ft_rd_left(rd) == 0) {
        return true; /* older hellos have none */
    }
    if (ft_rd_left(rd) < 2 || !ft_rd_sub(rd, ft_rd_u16(rd), &list)) {
        return false;
    }
    h->extensions = text_of(list);
    while (ft_rd_left(&list) >= 4) { /* four bytes less each time at least */
        uint16_t type = ft_rd_u16(&list);

        if (!ft_rd_sub(&list, ft_rd_u16(&list), &body)) {
            return false;
        }
        take_extension(h, type, body);
    }
    return ft_rd_left(&list) == 0;
}

static bool take_hello(struct ft_rd *rd, bool cookie, struct ft_tls_hello *h)
{
    struct ft_rd list;
    bool short_form;

    if (ft_rd_left(rd) < 35) {
        return false;
    }
    h->legacy_version = h->version = ft_rd_u16(rd);
    short_form = !h->client &&
                 ((h->version >= DRAFT_FIRST && h->version <= DRAFT_SHORT) || h->version == TLS_13);
    if (ft_rd_view(rd, 32) == NULL || (!short_form && ft_rd_view(rd, ft_rd_u8(rd)) == NULL) ||
        ft_rd_left(rd) < 2) {
        return false;
    }
    if (!h->client) {
        h->ciphers = (struct ft_text){rd->p, 2};
        h->cipher = ft_rd_u16(rd);
        return (short_form || ft_rd_view(rd, 1) != NULL) && take_extensions(rd, h);
    }
    if (cookie && (ft_rd_view(rd, ft_rd_u8(rd)) == NULL || ft_rd_left(rd) < 2)) {
        return false;
    }
    if (!ft_rd_sub(rd, ft_rd_u16(rd), &list)) {
        return false;
    }
    h->ciphers = text_of(list);
    return ft_rd_left(rd) >= 1 && ft_rd_view(rd, ft_rd_u8(rd)) != NULL && take_extensions(rd, h);
}

enum ft_parse ft_tls_hello(const uint8_t *p, size_t len, struct ft_tls_hello *out)
{
    struct ft_rd rd = ft_rd_make(p, len), body;
    size_t size;

    if (len < 4) {
        return FT_PARSE_MORE;
    }
    size = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    if ((p[0] != CLIENT_HELLO && p[0] != SERVER_HELLO) || size > FT_TLS_MESSAGE) {
        return FT_PARSE_NOT;
    }
    if (ft_rd_view(&rd, 4) == NULL || !ft_rd_sub(&rd, size, &body)) {
        return FT_PARSE_MORE;
    }
    memset(out, 0, sizeof *out);
    out->client = p[0] == CLIENT_HELLO;
    return take_hello(&body, false, out) ? FT_PARSE_DONE : FT_PARSE_NOT;
}

enum ft_parse ft_tls_hello_dtls(uint8_t type, const uint8_t *p, size_t len,
                                struct ft_tls_hello *out)
{
    struct ft_rd body = ft_rd_make(p, len);

    if ((type != CLIENT_HELLO && type != SERVER_HELLO) || len > FT_TLS_MESSAGE) {
        return FT_PARSE_NOT;
    }
    memset(out, 0, sizeof *out);
    out->client = type == CLIENT_HELLO;
    return take_hello(&body, out->client, out) ? FT_PARSE_DONE : FT_PARSE_NOT;
}
