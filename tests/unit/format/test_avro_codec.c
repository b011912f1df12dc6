/* SPDX-License-Identifier: Apache-2.0 */
/* format/avro_codec: blocks that are joined and packed hold the rows that they were made of, also
 * when these do not get smaller and are as many as there may be. */
#include "format/avro_codec.h"

#include <string.h>
#ifdef FT_HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef FT_HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/bounds.h"
#include "base/mem.h"
#include "harness.h"

enum { HEAD = 2 * FT__AVRO_LONG, AROUND = HEAD + FT__AVRO_SYNC };

static const uint8_t marker[FT__AVRO_SYNC] = "0123456789abcde";
static uint8_t *held, *rows, *unpacked; /* [FT_PACK_MOST] */
static uint64_t state = 5;

static uint64_t any(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return state >> 33;
}

/* A block of len bytes, like noise or all alike. Returns the place behind. */
static uint8_t *put_block(uint8_t *p, uint64_t n, size_t len, bool noise, size_t *rows_len)
{
    p = ft__avro_put_long(p, (int64_t)n);
    p = ft__avro_put_long(p, (int64_t)len);
    for (size_t i = 0; i < len; i++) {
        p[i] = noise ? (uint8_t)any() : 'x';
    }
    memcpy(rows + *rows_len, p, len);
    *rows_len += len;
    memcpy(p + len, marker, sizeof marker);
    return p + len + sizeof marker;
}

static uint64_t get_long(const uint8_t **p)
{
    uint64_t z = 0;

    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*p)++;

        z |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return z >> 1;
        }
    }
}

/* Bytes of what is packed at p, at to. */
static size_t unpack(const char *codec, const uint8_t *p, size_t len, uint8_t *to, size_t room)
{
#ifdef FT_HAVE_ZSTD
    if (strcmp(codec, "zstandard") == 0) {
        size_t n = ZSTD_decompress(to, room, p, len);

        return ZSTD_isError(n) ? 0 : n;
    }
#endif
#ifdef FT_HAVE_ZLIB
    if (strcmp(codec, "deflate") == 0) {
        z_stream z = {.next_in = (Bytef *)(uintptr_t)p,
                      .avail_in = (uInt)len,
                      .next_out = to,
                      .avail_out = (uInt)room};

        CHECK_EQ(inflateInit2(&z, -15), Z_OK);
        CHECK_EQ(inflate(&z, Z_FINISH), Z_STREAM_END);
        inflateEnd(&z);
        return z.total_out;
    }
#endif
    return 0;
}

static void check_packed(struct ft__avro_codec *c, const char *codec, size_t len, uint64_t n,
                         size_t rows_len)
{
    const uint8_t *out, *p;
    size_t out_len, at = 0;
    uint64_t found = 0;

    CHECK_EQ(ft__avro_codec_pack(c, held, len, marker, &out, &out_len), FT_OK);
    for (p = out; p < out + out_len; p += sizeof marker) {
        found += get_long(&p);
        size_t bytes = get_long(&p);

        at += unpack(codec, p, bytes, unpacked + at, FT_PACK_MOST - at);
        p += bytes;
        CHECK(memcmp(p, marker, sizeof marker) == 0);
    }
    CHECK(p == out + out_len);
    CHECK_EQ(found, n);
    CHECK_EQ(at, rows_len);
    CHECK(memcmp(unpacked, rows, rows_len) == 0);
}

/* Blocks of about so many bytes each, until nothing more is held. */
static void check_sizes(const char *codec, size_t each, bool noise)
{
    struct ft__avro_codec *c;
    uint8_t *p = held;
    size_t rows_len = 0;
    uint64_t n = 0;
    int rc = ft__avro_codec_new(codec, &c);

    CHECK_EQ(rc, FT_OK);
    if (rc != FT_OK) {
        return;
    }
    check_packed(c, codec, 0, 0, 0);
    while ((size_t)(p - held) + each + AROUND <= FT_PACK_MOST) {
        uint64_t some = 1 + any() % 3000;

        p = put_block(p, some, each, noise, &rows_len);
        n += some;
    }
    check_packed(c, codec, (size_t)(p - held), n, rows_len);
    ft__avro_codec_free(c);
}

static void test_codecs(void)
{
    static const char *const codecs[] = {
#ifdef FT_HAVE_ZLIB
        "deflate",
#endif
#ifdef FT_HAVE_ZSTD
        "zstandard",
#endif
        NULL};

    for (size_t i = 0; codecs[i] != NULL; i++) {
        check_sizes(codecs[i], 300, false);
        check_sizes(codecs[i], 200 * 1024, true);
        check_sizes(codecs[i], FT_PACK_MOST - AROUND, true);
    }
}

static void test_unknown(void)
{
    struct ft__avro_codec *c = NULL;

    CHECK_EQ(ft__avro_codec_new("snappy", &c), FT_E_UNSUPPORTED);
    CHECK(c == NULL);
}

int main(void)
{
    held = ft_map_alloc_sparse(FT_PACK_MOST);
    rows = ft_map_alloc_sparse(FT_PACK_MOST);
    unpacked = ft_map_alloc_sparse(FT_PACK_MOST);
    if (held == NULL || rows == NULL || unpacked == NULL) {
        return 1;
    }
    RUN(test_codecs);
    RUN(test_unknown);
    ft_map_free(held, FT_PACK_MOST);
    ft_map_free(rows, FT_PACK_MOST);
    ft_map_free(unpacked, FT_PACK_MOST);
    return test_end();
}
