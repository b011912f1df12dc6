/* SPDX-License-Identifier: Apache-2.0 */
/* codec: TLS hellos, see tls.h.
 *
 *   record (RFC 8446 §5.1)       type 1: 22 handshake | version 2 | length 2
 *   handshake (§4)               type 1: 1 ClientHello, 2 ServerHello | length 3
 *   ClientHello (§4.1.2)         version 2 | random 32 | session: length 1 | ciphers: length 2
 *                                | compression: length 1 | extensions: length 2
 *   ServerHello (§4.1.3)         version 2 | random 32 | session: length 1 | cipher 2
 *                                | compression 1 | extensions: length 2
 *   extension (§4.2)             type 2 | length 2 */
#include "codec/app/tls.h"

#include <stdlib.h>
#include <string.h>

#include "base/digits.h"
#include "base/rd.h"
#include "codec/app/digest.h"

enum { HANDSHAKE = 22, CLIENT_HELLO = 1, SERVER_HELLO = 2, RECORD_MAX = 16384 + 256 };
enum {
    X_SERVER_NAME = 0,
    X_GROUPS = 10,
    X_FORMATS = 11,
    X_SIGNATURES = 13,
    X_ALPN = 16,
    X_VERSIONS = 43,
    X_ECH = 0xfe0d
};

enum ft_parse ft_tls_records(const uint8_t *p, size_t len, uint8_t *out, size_t *out_len)
{
    struct ft_rd rd = ft_rd_make(p, len);
    size_t have = 0;

    while (ft_rd_left(&rd) >= 5) { /* five bytes less each time at least */
        const uint8_t *h = rd.p;
        size_t size = ft_load_be16(h + 3), part;

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
    return len > 0 && p[0] != HANDSHAKE ? FT_PARSE_NOT : FT_PARSE_MORE;
}

/* ---- reading ---- */

/* Numbers of two bytes, as many as fit. */
static uint16_t take_list(struct ft_rd rd, uint16_t *out)
{
    uint16_t n = 0;

    while (ft_rd_left(&rd) >= 2 && n < FT_TLS_LIST) {
        out[n++] = ft_rd_u16(&rd);
    }
    return n;
}

/* A list behind its own length of two bytes. */
static uint16_t take_vector(struct ft_rd rd, uint16_t *out)
{
    struct ft_rd list;

    return ft_rd_left(&rd) >= 2 && ft_rd_sub(&rd, ft_rd_u16(&rd), &list) ? take_list(list, out) : 0;
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
            h->sni = (struct ft_text){name.p, (uint32_t)ft_rd_left(&name)};
            return;
        }
    }
}

static void take_alpn(struct ft_rd rd, struct ft_tls_hello *h)
{
    struct ft_rd list, name;

    if (ft_rd_left(&rd) >= 2 && ft_rd_sub(&rd, ft_rd_u16(&rd), &list) && ft_rd_left(&list) >= 1 &&
        ft_rd_sub(&list, ft_rd_u8(&list), &name)) {
        h->alpn = (struct ft_text){name.p, (uint32_t)ft_rd_left(&name)};
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
        h->n_group = take_vector(body, h->group);
        break;
    case X_FORMATS:
        if (ft_rd_left(&body) >= 1) {
            struct ft_rd list;

            if (ft_rd_sub(&body, ft_rd_u8(&body), &list)) {
                while (ft_rd_left(&list) > 0 && h->n_format < sizeof h->format) {
                    h->format[h->n_format++] = ft_rd_u8(&list);
                }
            }
        }
        break;
    case X_SIGNATURES:
        h->n_signature = take_vector(body, h->signature);
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
    while (ft_rd_left(&list) >= 4) { /* four bytes less each time at least */
        uint16_t type = ft_rd_u16(&list);

        if (!ft_rd_sub(&list, ft_rd_u16(&list), &body)) {
            return false;
        }
        if (h->n_extension < FT_TLS_LIST) {
            h->extension[h->n_extension++] = type;
        }
        take_extension(h, type, body);
    }
    return ft_rd_left(&list) == 0;
}

static bool take_hello(struct ft_rd *rd, struct ft_tls_hello *h)
{
    struct ft_rd list;

    if (ft_rd_left(rd) < 35) {
        return false;
    }
    h->legacy_version = h->version = ft_rd_u16(rd);
    if (ft_rd_view(rd, 32) == NULL || ft_rd_view(rd, ft_rd_u8(rd)) == NULL || ft_rd_left(rd) < 3) {
        return false;
    }
    if (!h->client) {
        h->cipher[h->n_cipher++] = ft_rd_u16(rd);
        return ft_rd_view(rd, 1) != NULL && take_extensions(rd, h);
    }
    if (!ft_rd_sub(rd, ft_rd_u16(rd), &list)) {
        return false;
    }
    h->n_cipher = take_list(list, h->cipher);
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
    return take_hello(&body, out) ? FT_PARSE_DONE : FT_PARSE_NOT;
}

/* ---- fingerprints ---- */

/* Room for the decimal text of every list. */
enum { TEXT_MAX = 6 * 4 * FT_TLS_LIST };

static uint8_t *put_decimals(uint8_t *p, const uint16_t *v, uint32_t n)
{
    bool first = true;

    for (uint32_t i = 0; i < n; i++) {
        if (!ft_tls_grease(v[i])) {
            if (!first) {
                *p++ = '-';
            }
            p = ft_put_u64(p, v[i]);
            first = false;
        }
    }
    return p;
}

bool ft_tls_ja3(const struct ft_tls_hello *h, char out[FT_MD5_TEXT])
{
    uint8_t text[TEXT_MAX + FT_PUT_SLACK], *p = text;

    p = ft_put_u64(p, h->legacy_version);
    *p++ = ',';
    p = put_decimals(p, h->cipher, h->n_cipher);
    *p++ = ',';
    p = put_decimals(p, h->extension, h->n_extension);
    if (h->client) {
        *p++ = ',';
        p = put_decimals(p, h->group, h->n_group);
        *p++ = ',';
        for (uint32_t i = 0; i < h->n_format; i++) {
            if (i > 0) {
                *p++ = '-';
            }
            p = ft_put_u64(p, h->format[i]);
        }
    }
    return ft_md5_text(text, (size_t)(p - text), out);
}

static const char hex[] = "0123456789abcdef";

static uint8_t *put_hexes(uint8_t *p, const uint16_t *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) {
            *p++ = ',';
        }
        for (int shift = 12; shift >= 0; shift -= 4) {
            *p++ = (uint8_t)hex[v[i] >> shift & 15];
        }
    }
    return p;
}

static bool put_hash12(const uint8_t *p, size_t len, char *out)
{
    uint8_t md[FT_SHA256];

    if (len == 0) {
        memset(out, '0', 12);
        return ft_digest_available();
    }
    if (!ft_sha256(p, len, md)) {
        return false;
    }
    for (int i = 0; i < 6; i++) {
        out[2 * i] = hex[md[i] >> 4];
        out[2 * i + 1] = hex[md[i] & 15];
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    uint16_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* Copies what is no GREASE, nor one of two given values; returns how many. */
static uint32_t without(const uint16_t *v, uint32_t n, bool names, uint16_t *out)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < n; i++) {
        bool name = names && (v[i] == X_SERVER_NAME || v[i] == X_ALPN);

        if (!ft_tls_grease(v[i]) && !name) {
            out[kept++] = v[i];
        }
    }
    return kept;
}

static const char *version_name(uint16_t v)
{
    switch (v) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    case 0x0002:
        return "s2";
    case 0xfeff:
        return "d1";
    case 0xfefd:
        return "d2";
    case 0xfefc:
        return "d3";
    default:
        return "00";
    }
}

static bool alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void put_alpn(const struct ft_tls_hello *h, char *out)
{
    uint8_t first, last;

    out[0] = out[1] = '0';
    if (h->alpn.len == 0) {
        return;
    }
    first = h->alpn.p[0];
    last = h->alpn.p[h->alpn.len - 1];
    if (alphanumeric(first) && alphanumeric(last)) {
        out[0] = (char)first;
        out[1] = (char)last;
    } else {
        out[0] = hex[first >> 4];
        out[1] = hex[last & 15];
    }
}

static void put_count(uint32_t n, char *out)
{
    n = n < 99 ? n : 99;
    out[0] = (char)('0' + n / 10);
    out[1] = (char)('0' + n % 10);
}

bool ft_tls_ja4(const struct ft_tls_hello *h, char transport, char out[FT_JA4_TEXT])
{
    uint16_t ciphers[FT_TLS_LIST], extensions[FT_TLS_LIST], signatures[FT_TLS_LIST];
    uint8_t text[TEXT_MAX + FT_PUT_SLACK], *p;
    uint32_t n_cipher = without(h->cipher, h->n_cipher, false, ciphers);
    uint32_t n_all = without(h->extension, h->n_extension, false, extensions), n_extension,
             n_signature;

    out[0] = transport;
    memcpy(out + 1, version_name(h->version), 2);
    out[3] = h->has_sni ? 'd' : 'i';
    put_count(n_cipher, out + 4);
    put_count(n_all, out + 6);
    put_alpn(h, out + 8);
    out[10] = out[23] = '_';
    out[36] = '\0';

    qsort(ciphers, n_cipher, sizeof ciphers[0], by_value);
    p = put_hexes(text, ciphers, n_cipher);
    if (!put_hash12(text, (size_t)(p - text), out + 11)) {
        return false;
    }
    n_extension = without(h->extension, h->n_extension, true, extensions);
    n_signature = without(h->signature, h->n_signature, false, signatures);
    qsort(extensions, n_extension, sizeof extensions[0], by_value);
    p = put_hexes(text, extensions, n_extension);
    if (n_signature > 0 && n_all > 0) {
        *p++ = '_';
        p = put_hexes(p, signatures, n_signature);
    }
    return put_hash12(text, n_all > 0 ? (size_t)(p - text) : 0, out + 24);
}
