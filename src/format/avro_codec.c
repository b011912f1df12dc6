/* SPDX-License-Identifier: Apache-2.0 */
/* format: packed blocks of Avro, see avro_codec.h. */
#include "format/avro_codec.h"

#include <stdbool.h>
#include <string.h>
#ifdef FT_HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef FT_HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/bounds.h"
#include "base/mem.h"

enum {
    ZSTD_LEVEL = 1,
    DEFLATE_LEVEL = 6,
    RAW_WINDOW = -15,   /* deflate alone: neither zlib's head nor its sum */
    BLOCK = 256 * 1024, /* bytes of rows that are packed together at least */
    /* what does not get smaller grows by less than this, of all blocks */
    OUT_CAP = FT_PACK_MOST + FT_PACK_MOST / 64,
};

struct ft__avro_codec {
    uint8_t *rows; /* [FT_PACK_MOST]: of the block that is being made */
    size_t rows_len;
    uint64_t n_rows;
    uint8_t *out; /* [OUT_CAP] */
    size_t out_len;
#ifdef FT_HAVE_ZSTD
    ZSTD_CCtx *zstd; /* or NULL */
#endif
#ifdef FT_HAVE_ZLIB
    z_stream deflate;
    bool deflates;
#endif
};

static int open_codec(struct ft__avro_codec *c, const char *name)
{
#ifdef FT_HAVE_ZSTD
    if (strcmp(name, "zstandard") == 0) {
        c->zstd = ZSTD_createCCtx();
        if (c->zstd != NULL) {
            ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
        }
        return c->zstd != NULL ? FT_OK : FT_E_NOMEM;
    }
#endif
#ifdef FT_HAVE_ZLIB
    if (strcmp(name, "deflate") == 0) {
        c->deflates = deflateInit2(&c->deflate, DEFLATE_LEVEL, Z_DEFLATED, RAW_WINDOW, 8,
                                   Z_DEFAULT_STRATEGY) == Z_OK;
        return c->deflates ? FT_OK : FT_E_NOMEM;
    }
#endif
    (void)c;
    (void)name;
    return FT_E_UNSUPPORTED;
}

int ft__avro_codec_new(const char *name, struct ft__avro_codec **out)
{
    struct ft__avro_codec *c = ft_mem_alloc(1, sizeof *c);
    int rc = FT_E_NOMEM;

    if (c != NULL) {
        c->rows = ft_map_alloc_sparse(FT_PACK_MOST);
        c->out = ft_map_alloc_sparse(OUT_CAP);
        rc = c->rows != NULL && c->out != NULL ? open_codec(c, name) : FT_E_NOMEM;
    }
    if (rc != FT_OK) {
        ft__avro_codec_free(c);
        return rc;
    }
    *out = c;
    return FT_OK;
}

void ft__avro_codec_free(struct ft__avro_codec *c)
{
    if (c == NULL) {
        return;
    }
#ifdef FT_HAVE_ZSTD
    ZSTD_freeCCtx(c->zstd);
#endif
#ifdef FT_HAVE_ZLIB
    if (c->deflates) {
        deflateEnd(&c->deflate);
    }
#endif
    ft_map_free(c->rows, FT_PACK_MOST);
    ft_map_free(c->out, OUT_CAP);
    ft_mem_free(c);
}

/* The rows as packed bytes at to, of at most room; 0: the library failed. */
static size_t pack_rows(struct ft__avro_codec *c, uint8_t *to, size_t room)
{
#ifdef FT_HAVE_ZSTD
    if (c->zstd != NULL) {
        size_t n = ZSTD_compress2(c->zstd, to, room, c->rows, c->rows_len);

        return ZSTD_isError(n) ? 0 : n;
    }
#endif
#ifdef FT_HAVE_ZLIB
    if (c->deflates) {
        deflateReset(&c->deflate);
        c->deflate.next_in = c->rows;
        c->deflate.avail_in = (uInt)c->rows_len;
        c->deflate.next_out = to;
        c->deflate.avail_out = (uInt)room;
        return deflate(&c->deflate, Z_FINISH) == Z_STREAM_END ? (size_t)(c->deflate.next_out - to)
                                                              : 0;
    }
#endif
    (void)to;
    (void)room;
    return 0;
}

/* The rows that were put together become a block. */
static int put_block(struct ft__avro_codec *c, const uint8_t sync[FT__AVRO_SYNC])
{
    enum { AROUND = 2 * FT__AVRO_LONG + FT__AVRO_SYNC };
    uint8_t *p = c->out + c->out_len, *packed = p + 2 * FT__AVRO_LONG;

    if (c->n_rows == 0) {
        return FT_OK;
    }
    size_t n =
        OUT_CAP - c->out_len > AROUND ? pack_rows(c, packed, OUT_CAP - c->out_len - AROUND) : 0;

    if (n == 0) {
        return FT_E_NOMEM;
    }
    p = ft__avro_put_long(p, (int64_t)c->n_rows);
    p = ft__avro_put_long(p, (int64_t)n);
    memmove(p, packed, n);
    memcpy(p + n, sync, FT__AVRO_SYNC);
    c->out_len = (size_t)(p + n + FT__AVRO_SYNC - c->out);
    c->n_rows = 0;
    c->rows_len = 0;
    return FT_OK;
}

/* One of ours: it is whole. */
static const uint8_t *get_long(const uint8_t *p, uint64_t *out)
{
    uint64_t z = 0;
    unsigned shift = 0;

    for (; (*p & 0x80) != 0; shift += 7) {
        z |= (uint64_t)(*p++ & 0x7f) << shift;
    }
    z |= (uint64_t)*p++ << shift;
    *out = z >> 1; /* none of ours is negative */
    return p;
}

int ft__avro_codec_pack(struct ft__avro_codec *c, const uint8_t *blocks, size_t len,
                        const uint8_t sync[FT__AVRO_SYNC], const uint8_t **out, size_t *out_len)
{
    const uint8_t *p = blocks, *end = blocks + len;
    int rc = FT_OK;

    c->out_len = 0;
    c->rows_len = 0;
    c->n_rows = 0;
    while (p < end && rc == FT_OK) {
        uint64_t n, bytes;

        p = get_long(get_long(p, &n), &bytes);
        memcpy(c->rows + c->rows_len, p, bytes);
        c->rows_len += bytes;
        c->n_rows += n;
        p += bytes + FT__AVRO_SYNC;
        rc = c->rows_len >= BLOCK ? put_block(c, sync) : FT_OK;
    }
    rc = rc == FT_OK ? put_block(c, sync) : rc;
    *out = c->out;
    *out_len = c->out_len;
    return rc;
}
