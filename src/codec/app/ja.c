/* SPDX-License-Identifier: Apache-2.0 */
/* codec: fingerprints of hellos, see tls.h: JA3 and JA3S (salesforce/ja3), JA4 of clients (FoxIO's
 * JA4 technical details). The other fingerprints of the JA4+ family are under a licence of their
 * own and are not here. */
#include <string.h>

#include "base/rd.h"
#include "codec/app/digest.h"
#include "codec/app/tls.h"
#include "codec/text/digits.h"

enum { X_SERVER_NAME = 0, X_ALPN = 16 };

/* The numbers of a list of two bytes each, GREASE left out; returns how many. */
static uint32_t numbers(struct ft_text list, uint16_t *out)
{
    uint32_t n = 0;

    for (uint32_t at = 0; at + 2 <= list.len; at += 2) {
        uint16_t v = ft_load_be16(list.p + at);

        if (!ft_tls_grease(v)) {
            out[n++] = v;
        }
    }
    return n;
}

/* The types of all extensions, GREASE left out, and without what JA4 leaves out of its hash. */
static uint32_t types(struct ft_text extensions, bool named, uint16_t *out)
{
    uint32_t n = 0;

    for (uint32_t at = 0; at + 4 <= extensions.len;) { /* each one is whole */
        uint16_t v = ft_load_be16(extensions.p + at);

        if (!ft_tls_grease(v) && (named || (v != X_SERVER_NAME && v != X_ALPN))) {
            out[n++] = v;
        }
        at += 4u + ft_load_be16(extensions.p + at + 2);
    }
    return n;
}

/* ---- JA3 ---- */

static uint8_t *put_decimals(uint8_t *p, const uint16_t *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) {
            *p++ = '-';
        }
        p = ft_put_u64(p, v[i]);
    }
    return p;
}

bool ft_tls_ja3(const struct ft_tls_hello *h, struct ft_tls_work *work, char out[FT_MD5_TEXT])
{
    uint8_t *p = work->text;
    uint16_t *v = work->list;

    p = ft_put_u64(p, h->legacy_version);
    *p++ = ',';
    p = put_decimals(p, v, numbers(h->ciphers, v));
    *p++ = ',';
    p = put_decimals(p, v, types(h->extensions, true, v));
    if (h->client) {
        *p++ = ',';
        p = put_decimals(p, v, numbers(h->groups, v));
        *p++ = ',';
        for (uint32_t i = 0; i < h->formats.len; i++) {
            if (i > 0) {
                *p++ = '-';
            }
            p = ft_put_u64(p, h->formats.p[i]);
        }
    }
    return ft_md5_text(work->text, (size_t)(p - work->text), out);
}

/* ---- JA4 ---- */

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

/* Sifts v[at] down in a heap of n; the highest comes to the top. */
static void sift(uint16_t *v, uint32_t at, uint32_t n)
{
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) { /* a level less each time */
        uint16_t moved = v[at];

        child += child + 1 < n && v[child + 1] > v[child];
        if (v[child] <= moved) {
            return;
        }
        v[at] = v[child];
        v[child] = moved;
    }
}

/* Not qsort(): it allocates for long lists. */
static void sort(uint16_t *v, uint32_t n)
{
    for (uint32_t i = n / 2; i-- > 0;) {
        sift(v, i, n);
    }
    for (uint32_t end = n; end-- > 1;) {
        uint16_t highest = v[0];

        v[0] = v[end];
        v[end] = highest;
        sift(v, 0, end);
    }
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

bool ft_tls_ja4(const struct ft_tls_hello *h, char transport, struct ft_tls_work *work,
                char out[FT_JA4_TEXT])
{
    uint8_t *text = work->text, *p;
    uint16_t *v = work->list;
    uint32_t n = numbers(h->ciphers, v), n_all, n_signature;

    out[0] = transport;
    memcpy(out + 1, version_name(h->version), 2);
    out[3] = h->has_sni ? 'd' : 'i';
    put_count(n, out + 4);
    put_alpn(h, out + 8);
    out[10] = out[23] = '_';
    out[36] = '\0';

    sort(v, n);
    p = put_hexes(text, v, n);
    if (!put_hash12(text, (size_t)(p - text), out + 11)) {
        return false;
    }
    n_all = types(h->extensions, true, v);
    put_count(n_all, out + 6);
    n = types(h->extensions, false, v);
    sort(v, n);
    p = put_hexes(text, v, n);
    n_signature = numbers(h->signatures, v);
    if (n_signature > 0) {
        *p++ = '_';
        p = put_hexes(p, v, n_signature);
    }
    return put_hash12(text, n_all > 0 ? (size_t)(p - text) : 0, out + 24);
}
