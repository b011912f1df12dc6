/* SPDX-License-Identifier: Apache-2.0 */
/* codec: QUIC Initial packets, see quic.h.
 *
 *   long header (RFC 9000 §17.2)   1 1 type 2, reserved 2, pn length 2 | version 4 | DCID: length 1
 *                                  | SCID: length 1 | Initial: token: length varint
 *                                  | length varint | pn 1..4
 *   keys (RFC 9001 §5.2)           initial = HKDF-Extract(salt, DCID); "client in", "server in"
 *   header protection (§5.4)       mask = AES(hp, 16 bytes from 4 after the pn) */
#include "codec/app/quic.h"

#include <string.h>

#include "base/rd.h"
#include "codec/app/digest.h"

enum { LONG_FIXED = 0xc0, LONG = 0x80, TAG_LEN = 16, SAMPLE_AT = 4, SALT = 20 };
enum { F_PADDING = 0, F_PING = 1, F_ACK = 2, F_ACK_ECN = 3, F_CRYPTO = 6, F_GOOGLE = 8 };
enum { INITIAL = 0, RETRY = 3, TRIES = 2 };

enum { S_V1, S_V2, S_22, S_23, S_29, S_V2_DRAFT, S_T050, S_T051 };

/* RFC 9001 §5.2, RFC 9369 §3.3.1, draft-ietf-quic-tls-22, -23, -29, draft-ietf-quic-v2-01; the last
 * two are Chromium's */
static const uint8_t salts[][SALT] = {
    [S_V1] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
              0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
    [S_V2] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
              0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
    [S_22] = {0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a,
              0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a},
    [S_23] = {0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
              0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02},
    [S_29] = {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
              0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99},
    [S_V2_DRAFT] = {0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d,
                    0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3},
    [S_T050] = {0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80,
                0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83, 0x10},
    [S_T051] = {0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50,
                0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03, 0x3d},
};

/* Versions that share their keys; the first row that fits counts. */
static const struct version {
    uint32_t first, last, mask;
    uint8_t salt[TRIES]; /* twice the same: there is but one */
    bool v2;             /* other names of keys and numbers of packet types (RFC 9369 §3) */
    bool google;         /* another number of CRYPTO frames */
} versions[] = {
    {0x00000001, 0x00000001, UINT32_MAX, {S_V1, S_V1}, false, false},
    {0x6b3343cf, 0x6b3343cf, UINT32_MAX, {S_V2, S_V2}, true, false},
    {0xff000016, 0xff000016, UINT32_MAX, {S_22, S_22}, false, false},
    {0xff000017, 0xff00001c, UINT32_MAX, {S_23, S_23}, false, false},
    {0xff00001d, 0xff000020, UINT32_MAX, {S_29, S_29}, false, false},
    {0xff000021, 0xff000022, UINT32_MAX, {S_V1, S_V1}, false, false},
    {0x709a50c4, 0x709a50c4, UINT32_MAX, {S_V2_DRAFT, S_V2_DRAFT}, true, false},
    {0xfaceb001, 0xfaceb001, UINT32_MAX, {S_22, S_22}, false, false}, /* mvfst, QuicConstants.h */
    {0xfaceb003, 0xfaceb004, UINT32_MAX, {S_V1, S_V1}, false, false},
    {0xfaceb000, 0xfaceb01f, UINT32_MAX, {S_23, S_23}, false, false},
    {0x54303530, 0x54303530, UINT32_MAX, {S_T050, S_T050}, false, true}, /* "T050" */
    {0x54303531, 0x54303531, UINT32_MAX, {S_T051, S_T051}, false, true},
    {0x0a0a0a0a, 0x0a0a0a0a, 0x0f0f0f0f, {S_V1, S_29}, false, false}, /* reserved, RFC 9000 §15 */
};

struct keys {
    uint8_t key[16], iv[12], hp[16];
};

static const struct version *find_version(uint32_t number)
{
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        uint32_t n = number & versions[i].mask;

        if (n >= versions[i].first && n <= versions[i].last) {
            return &versions[i];
        }
    }
    return NULL;
}

/* Version negotiation: version 0, both IDs, the versions that the server has, one of them known. */
static bool is_negotiation(const uint8_t *p, size_t len)
{
    struct ft_rd rd = ft_rd_make(p, len);

    if (ft_rd_view(&rd, 5) == NULL || ft_rd_view(&rd, ft_rd_u8(&rd)) == NULL ||
        ft_rd_view(&rd, ft_rd_u8(&rd)) == NULL || ft_rd_left(&rd) % 4 != 0) {
        return false;
    }
    while (ft_rd_left(&rd) > 0) { /* four bytes less each time */
        if (find_version(ft_rd_u32(&rd)) != NULL) {
            return true;
        }
    }
    return false;
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

/* 0: Initial, 1: 0-RTT, 2: Handshake, 3: Retry. */
static int packet_type(const uint8_t *p)
{
    int bits = p[0] >> 4 & 3;

    return find_version(ft_load_be32(p + 1))->v2 ? (bits + 3) & 3 : bits;
}

/* A packet's header and length fit into a datagram of wire bytes, as far as len of them tell. */
static bool shape_fits(const uint8_t *p, size_t len, size_t wire)
{
    struct ft_rd rd = ft_rd_make(p, len);
    bool cut = len < wire;
    uint64_t size = 0;

    if (!take_bytes(&rd, 6u + p[5]) || ft_rd_left(&rd) < 1) {
        return cut;
    }
    if (rd.p[0] > FT_QUIC_CID || !take_bytes(&rd, 1u + rd.p[0])) {
        return rd.p[0] <= FT_QUIC_CID && cut;
    }
    if (packet_type(p) == RETRY) {
        return wire - (size_t)(rd.p - p) >= TAG_LEN;
    }
    if (packet_type(p) == INITIAL) {
        size = take_varint(&rd);
        if (size == UINT64_MAX || !take_bytes(&rd, size)) {
            return cut && (size == UINT64_MAX || size < wire);
        }
    }
    size = take_varint(&rd);
    return size == UINT64_MAX ? cut
                              : size >= SAMPLE_AT + TAG_LEN && size <= wire - (size_t)(rd.p - p);
}

bool ft_quic_is(const uint8_t *p, size_t len, size_t wire, bool known)
{
    uint32_t version;

    if (len < 7 || (p[0] & LONG) == 0 || p[5] > FT_QUIC_CID) {
        return false;
    }
    version = ft_load_be32(p + 1);
    if (version == 0) {
        return is_negotiation(p, len);
    }
    return find_version(version) != NULL &&
           (known || ((p[0] & LONG_FIXED) == LONG_FIXED && shape_fits(p, len, wire)));
}

/* What an Initial is opened with. */
struct how {
    const struct version *version;
    uint8_t salt; /* S_* */
    bool server;  /* sent by the server */
    uint8_t cid_len;
    const uint8_t *cid;
};

static bool make_keys(const struct how *h, struct keys *k)
{
    uint8_t initial[FT_SHA256], side[FT_SHA256];
    bool v2 = h->version->v2;

    return ft_hkdf_extract(salts[h->salt], SALT, h->cid, h->cid_len, initial) &&
           ft_hkdf_label(initial, h->server ? "server in" : "client in", side, sizeof side) &&
           ft_hkdf_label(side, v2 ? "quicv2 key" : "quic key", k->key, sizeof k->key) &&
           ft_hkdf_label(side, v2 ? "quicv2 iv" : "quic iv", k->iv, sizeof k->iv) &&
           ft_hkdf_label(side, v2 ? "quicv2 hp" : "quic hp", k->hp, sizeof k->hp);
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

/* Hands the CRYPTO frames out, whose type is crypto; false when the caller wants no more. */
static bool read_frames(struct ft_rd rd, uint8_t crypto, ft_quic_crypto_fn fn, void *cookie)
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
        if (type != crypto) {
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

/* A packet: its header without the packet number is p[0, at), the rest p[at, end). */
struct packet {
    const uint8_t *p;
    size_t at, end;
};

/* The text goes behind a copy of the header in work, which has end bytes. */
static bool open_initial(const struct how *h, const struct packet *in, uint8_t *work,
                         struct ft_rd *out_text)
{
    const uint8_t *p = in->p;
    size_t at = in->at, left = in->end - at, pn_len, text_len;
    uint8_t mask[16], iv[12];
    struct keys k;

    if (left < SAMPLE_AT + TAG_LEN || !make_keys(h, &k) ||
        !ft_aes128_block(k.hp, p + at + SAMPLE_AT, mask)) {
        return false;
    }
    memcpy(work, p, at + 4);
    work[0] ^= mask[0] & 0x0f;
    pn_len = (work[0] & 3u) + 1;
    memcpy(iv, k.iv, sizeof iv);
    for (size_t i = 0; i < pn_len; i++) {
        work[at + i] ^= mask[1 + i];
        iv[sizeof iv - pn_len + i] ^= work[at + i];
    }
    if (left < pn_len + TAG_LEN) {
        return false;
    }
    text_len = left - pn_len - TAG_LEN;
    *out_text = ft_rd_make(work + at + pn_len, text_len);
    return ft_aes128_gcm_open(k.key, iv, work, at + pn_len, p + at + pn_len, text_len,
                              work + at + pn_len);
}

static bool open_with(struct how *h, const struct packet *in, uint8_t *work, struct ft_rd *out_text)
{
    const uint8_t *salt = h->version->salt;

    for (int i = 0; i < TRIES && (i == 0 || salt[i] != salt[0]); i++) {
        h->salt = salt[i];
        if (open_initial(h, in, work, out_text)) {
            return true;
        }
    }
    return false;
}

/* The ID that the keys follow from: that of the client's first Initial, or this one's when those
 * keys do not fit. */
static bool open_with_ids(struct ft_quic *q, bool server, const struct packet *in, uint8_t *work,
                          struct ft_rd *out_text)
{
    uint32_t number = ft_load_be32(in->p + 1);
    struct how h = {find_version(number), 0, server, q->cid_len, q->cid};

    if (q->version != 0 && open_with(&h, in, work, out_text)) {
        q->version = number;
        return true;
    }
    h.cid_len = in->p[5];
    h.cid = in->p + 6;
    if (server || !open_with(&h, in, work, out_text)) {
        return false;
    }
    q->version = number;
    q->begun++;
    q->cid_len = h.cid_len;
    memcpy(q->cid, h.cid, h.cid_len);
    return true;
}

/* The packet that a datagram begins with. False: it is cut, or has no length. */
static bool take_packet(const uint8_t *p, size_t len, struct packet *out)
{
    struct ft_rd rd = ft_rd_make(p, len);
    int type = packet_type(p);
    uint64_t size;

    if (type == RETRY || !take_bytes(&rd, 6u + p[5]) || ft_rd_left(&rd) < 1 ||
        !take_bytes(&rd, 1u + rd.p[0]) || (type == INITIAL && !take_bytes(&rd, take_varint(&rd)))) {
        return false;
    }
    size = take_varint(&rd);
    if (size > ft_rd_left(&rd)) {
        return false;
    }
    *out = (struct packet){p, (size_t)(rd.p - p), (size_t)(rd.p - p) + (size_t)size};
    return true;
}

uint32_t ft_quic_open(struct ft_quic *q, bool server, const uint8_t *p, size_t len, uint8_t *work,
                      ft_quic_crypto_fn fn, void *cookie)
{
    uint32_t opened = 0;
    struct packet in;

    /* coalesced ones, RFC 9000 §12.2: a packet less each time */
    while (ft_quic_is(p, len, len, true) && ft_load_be32(p + 1) != 0 && take_packet(p, len, &in)) {
        if (packet_type(p) == INITIAL) {
            struct ft_rd text;

            if (!open_with_ids(q, server, &in, work, &text)) {
                break;
            }
            opened++;
            bool google = find_version(ft_load_be32(p + 1))->google;

            if (!read_frames(text, google ? F_GOOGLE : F_CRYPTO, fn, cookie)) {
                break;
            }
        }
        p += in.end;
        len -= in.end;
    }
    return opened;
}
