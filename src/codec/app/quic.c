/* SPDX-License-Identifier: Apache-2.0 */
/* codec: QUIC Initial packets, see quic.h.
 *
 *   long header (RFC 9000 §17.2)   1 1 type 2, reserved 2, pn length 2 | version 4 | DCID: length 1
 *                                  | SCID: length 1 | token: length varint | length varint
 *                                  | pn 1..4
 *   keys (RFC 9001 §5.2)           initial = HKDF-Extract(salt, DCID); client = "client in"
 *   header protection (§5.4)       mask = AES(hp, 16 bytes from 4 after the pn) */
#include "codec/app/quic.h"

#include <string.h>

#include "base/rd.h"
#include "codec/app/digest.h"

enum { V1 = 0x00000001, V2 = 0x6b3343cf, DRAFT29 = 0xff00001d };
enum { LONG_FIXED = 0xc0, TAG_LEN = 16, SAMPLE_AT = 4 };
enum { F_PADDING = 0, F_PING = 1, F_ACK = 2, F_ACK_ECN = 3, F_CRYPTO = 6 };

static const struct version {
    uint32_t number;
    uint8_t initial; /* the type bits of an Initial */
    uint8_t salt[20];
    const char *key, *iv, *hp;
} versions[] = {
    {V1,
     0,
     {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
      0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
     "quic key",
     "quic iv",
     "quic hp"},
    {V2,
     1,
     {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
      0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
     "quicv2 key",
     "quicv2 iv",
     "quicv2 hp"},
    {DRAFT29,
     0,
     {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
      0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99},
     "quic key",
     "quic iv",
     "quic hp"},
};

struct keys {
    uint8_t key[16], iv[12], hp[16];
};

static const struct version *find_version(uint32_t number)
{
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        if (versions[i].number == number) {
            return &versions[i];
        }
    }
    return NULL;
}

bool ft_quic_is(const uint8_t *p, size_t len)
{
    return len >= 7 && (p[0] & LONG_FIXED) == LONG_FIXED &&
           find_version(ft_load_be32(p + 1)) != NULL && p[5] <= FT_QUIC_CID;
}

/* A variable-length integer (RFC 9000 §16); UINT64_MAX when it is cut. */
static uint64_t take_varint(struct ft_rd *rd)
{
    uint64_t v = 0;

    if (ft_rd_left(rd) < 1 || ft_rd_left(rd) < (size_t)1 << (rd->p[0] >> 6)) {
        return UINT64_MAX;
    }
    int len = 1 << (rd->p[0] >> 6);

    for (int i = 0; i < len; i++) {
        uint8_t b = ft_rd_u8(rd);

        v = v << 8 | (i == 0 ? b & 0x3f : b);
    }
    return v;
}

static bool take_bytes(struct ft_rd *rd, uint64_t len)
{
    return len <= ft_rd_left(rd) && ft_rd_view(rd, (size_t)len) != NULL;
}

static bool make_keys(const struct ft_quic *q, const struct version *v, struct keys *k)
{
    uint8_t initial[FT_SHA256], client[FT_SHA256];

    return ft_hkdf_extract(v->salt, sizeof v->salt, q->cid, q->cid_len, initial) &&
           ft_hkdf_label(initial, "client in", client, sizeof client) &&
           ft_hkdf_label(client, v->key, k->key, sizeof k->key) &&
           ft_hkdf_label(client, v->iv, k->iv, sizeof k->iv) &&
           ft_hkdf_label(client, v->hp, k->hp, sizeof k->hp);
}

/* An ACK frame says how long it is by its counts (RFC 9000 §19.3). */
static bool skip_ack(struct ft_rd *rd, bool ecn)
{
    uint64_t ranges;

    if (take_varint(rd) == UINT64_MAX || take_varint(rd) == UINT64_MAX) {
        return false;
    }
    ranges = take_varint(rd);
    if (ranges > ft_rd_left(rd) || take_varint(rd) == UINT64_MAX) {
        return false;
    }
    for (uint64_t i = 0; i < 2 * ranges + (ecn ? 3 : 0); i++) {
        if (take_varint(rd) == UINT64_MAX) {
            return false;
        }
    }
    return true;
}

/* Hands the CRYPTO frames out; false when the caller wants no more. */
static bool read_frames(struct ft_rd rd, ft_quic_crypto_fn fn, void *cookie)
{
    while (ft_rd_left(&rd) > 0) { /* one byte less each time at least */
        uint8_t type = ft_rd_u8(&rd);

        if (type == F_PADDING || type == F_PING) {
            continue;
        }
        if (type == F_ACK || type == F_ACK_ECN) {
            if (!skip_ack(&rd, type == F_ACK_ECN)) {
                return true;
            }
            continue;
        }
        if (type != F_CRYPTO) {
            return true;
        }
        uint64_t offset = take_varint(&rd), len = take_varint(&rd);
        const uint8_t *data = rd.p;

        if (offset == UINT64_MAX || !take_bytes(&rd, len)) {
            return true;
        }
        if (!fn(cookie, offset, data, (size_t)len)) {
            return false;
        }
    }
    return true;
}

/* An Initial whose header ends (before the packet number) at at, and which ends at end. */
static bool open_initial(const struct ft_quic *q, const struct version *v, const uint8_t *p,
                         size_t at, size_t end, uint8_t *text, size_t *out_len)
{
    uint8_t header[FT_QUIC_DATAGRAM], mask[16], iv[12];
    struct keys k;
    size_t pn_len;

    if (end - at < SAMPLE_AT + TAG_LEN || at + 4 > sizeof header || !make_keys(q, v, &k) ||
        !ft_aes128_block(k.hp, p + at + SAMPLE_AT, mask)) {
        return false;
    }
    memcpy(header, p, at + 4);
    header[0] ^= mask[0] & 0x0f;
    pn_len = (header[0] & 3u) + 1;
    memcpy(iv, k.iv, sizeof iv);
    for (size_t i = 0; i < pn_len; i++) {
        header[at + i] ^= mask[1 + i];
        iv[sizeof iv - pn_len + i] ^= header[at + i];
    }
    if (end - at < pn_len + TAG_LEN) {
        return false;
    }
    *out_len = end - at - pn_len - TAG_LEN;
    return ft_aes128_gcm_open(k.key, iv, header, at + pn_len, p + at + pn_len, *out_len, text);
}

/* The ID that the keys follow from: that of the first Initial, or of this one when those keys do
 * not fit (after a Retry the client starts again with another). */
static bool open_with_ids(struct ft_quic *q, const struct version *v, const uint8_t *p, size_t at,
                          size_t end, uint8_t *text, size_t *out_len)
{
    struct ft_quic mine = {.version = v->number, .cid_len = p[5]};

    memcpy(mine.cid, p + 6, p[5]);
    if (q->version == v->number && open_initial(q, v, p, at, end, text, out_len)) {
        return true;
    }
    if (!open_initial(&mine, v, p, at, end, text, out_len)) {
        return false;
    }
    *q = mine;
    return true;
}

uint32_t ft_quic_open(struct ft_quic *q, const uint8_t *p, size_t len, ft_quic_crypto_fn fn,
                      void *cookie)
{
    uint8_t text[FT_QUIC_DATAGRAM];
    uint32_t opened = 0;

    while (len <= FT_QUIC_DATAGRAM && ft_quic_is(p, len)) { /* coalesced ones, RFC 9000 §12.2 */
        const struct version *v = find_version(ft_load_be32(p + 1));
        struct ft_rd rd = ft_rd_make(p, len);
        uint64_t size;
        size_t at, text_len = 0;

        if ((p[0] >> 4 & 3) != v->initial || !take_bytes(&rd, 6u + p[5]) || ft_rd_left(&rd) < 1 ||
            !take_bytes(&rd, 1u + rd.p[0]) || !take_bytes(&rd, take_varint(&rd))) {
            break;
        }
        size = take_varint(&rd);
        at = (size_t)(rd.p - p);
        if (size > ft_rd_left(&rd) ||
            !open_with_ids(q, v, p, at, at + (size_t)size, text, &text_len)) {
            break;
        }
        opened++;
        if (!read_frames(ft_rd_make(text, text_len), fn, cookie)) {
            break;
        }
        p += at + size;
        len -= at + (size_t)size;
    }
    return opened;
}
