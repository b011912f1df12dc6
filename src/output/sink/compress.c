/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: zstd frames and gzip members, see compress.h. */
#include "output/sink/compress.h"

#include <stdlib.h>
#include <string.h>
#ifdef FT_HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef FT_HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/mem.h"

enum {
    ZSTD_LEVEL = 3,
    GZIP_LEVEL = 6,
    GZIP_WINDOW = 15 + 16,
    /* RFC 1952: 10 bytes, XLEN, then our subfield: 'F' 'T' LEN=4 and the length */
    EXTRA_LEN = 8,
    EXTRA_SIZE_AT = 16,
    SCRATCH = 64 * 1024,
    WINDOW_LOG_MOST = 23, /* what is looked at is small */
};

struct ft_compressor {
    uint8_t *buf;
    size_t cap;
    int level;
#ifdef FT_HAVE_ZSTD
    ZSTD_CCtx *zstd;
#endif
#ifdef FT_HAVE_ZLIB
    z_stream gzip;
    gz_header head;
    uint8_t extra[EXTRA_LEN];
    int gzip_on;
#endif
};

#ifdef FT_HAVE_ZSTD
static int open_zstd(struct ft_compressor *c, size_t max_len)
{
    c->cap = ZSTD_compressBound(max_len);
    c->zstd = ZSTD_createCCtx();
    if (c->zstd == NULL) {
        return FT_E_NOMEM;
    }
    ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, c->level > 0 ? c->level : ZSTD_LEVEL);
    ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_checksumFlag, 1);
    return FT_OK;
}
#endif

#ifdef FT_HAVE_ZLIB
static int open_gzip(struct ft_compressor *c, size_t max_len)
{
    if (deflateInit2(&c->gzip, c->level > 0 ? c->level : GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return FT_E_NOMEM;
    }
    c->gzip_on = 1;
    c->cap = deflateBound(&c->gzip, max_len) + 32 + EXTRA_LEN; /* header and trailer of a member */
    memcpy(c->extra, "FT\4\0\0\0\0", EXTRA_LEN);
    c->head = (gz_header){.os = 255, .extra = c->extra, .extra_len = EXTRA_LEN};
    return FT_OK;
}
#endif

int ft_compressor_new(const char *spec, size_t max_len, struct ft_compressor **out)
{
    struct ft_compressor *c = ft_mem_alloc(1, sizeof *c);
    const char *colon = strchr(spec, ':');
    int rc = FT_E_UNSUPPORTED;

    if (c == NULL) {
        return FT_E_NOMEM;
    }
    c->level = colon != NULL ? (int)strtol(colon + 1, NULL, 10) : 0;
#ifdef FT_HAVE_ZSTD
    if (strncmp(spec, "zstd", 4) == 0) {
        rc = open_zstd(c, max_len);
    }
#endif
#ifdef FT_HAVE_ZLIB
    if (strncmp(spec, "gzip", 4) == 0) {
        rc = open_gzip(c, max_len);
    }
#endif
    if (rc == FT_OK) {
        c->buf = ft_mem_alloc(1, c->cap);
        rc = c->buf == NULL ? FT_E_NOMEM : FT_OK;
    }
    if (rc != FT_OK) {
        ft_compressor_free(c);
        return rc;
    }
    *out = c;
    return FT_OK;
}

void ft_compressor_free(struct ft_compressor *c)
{
    if (c == NULL) {
        return;
    }
#ifdef FT_HAVE_ZSTD
    ZSTD_freeCCtx(c->zstd);
#endif
#ifdef FT_HAVE_ZLIB
    if (c->gzip_on) {
        deflateEnd(&c->gzip);
    }
#endif
    ft_mem_free(c->buf);
    ft_mem_free(c);
}

int ft_compress(struct ft_compressor *c, const uint8_t *data, size_t len, const uint8_t **out_data,
                size_t *out_len)
{
#ifdef FT_HAVE_ZSTD
    if (c->zstd != NULL) {
        size_t n = ZSTD_compress2(c->zstd, c->buf, c->cap, data, len);

        *out_data = c->buf;
        *out_len = n;
        return ZSTD_isError(n) ? FT_E_IO : FT_OK;
    }
#endif
#ifdef FT_HAVE_ZLIB
    if (c->gzip_on) {
        deflateReset(&c->gzip);
        deflateSetHeader(&c->gzip, &c->head);
        c->gzip.next_in = (Bytef *)(uintptr_t)data;
        c->gzip.avail_in = (uInt)len;
        c->gzip.next_out = c->buf;
        c->gzip.avail_out = (uInt)c->cap;
        int rc = deflate(&c->gzip, Z_FINISH);

        size_t n = c->cap - c->gzip.avail_out;

        for (int i = 0; i < 4; i++) { /* now it is known */
            c->buf[EXTRA_SIZE_AT + i] = (uint8_t)(n >> 8 * i);
        }
        *out_data = c->buf;
        *out_len = n;
        return rc == Z_STREAM_END ? FT_OK : FT_E_IO;
    }
#endif
    (void)data;
    (void)len;
    (void)out_data;
    (void)out_len;
    return FT_E_IO;
}

enum ft_pack ft_compressor_kind(const struct ft_compressor *c)
{
#ifdef FT_HAVE_ZLIB
    if (c != NULL && c->gzip_on) {
        return FT_PACK_GZIP;
    }
#endif
    return c != NULL ? FT_PACK_ZSTD : FT_PACK_NONE;
}

/* ---- frames that are there ---- */

bool ft_frame_begins(enum ft_pack kind, const uint8_t *p, size_t len)
{
    static const uint8_t gzip[FT_FRAME_MARK] = {0x1f, 0x8b, 8,
                                                4}; /* with an extra field, as ours */
    static const uint8_t zstd[FT_FRAME_MARK] = {0x28, 0xb5, 0x2f, 0xfd};
    size_t n = len < FT_FRAME_MARK ? len : FT_FRAME_MARK;

    return n > 0 && kind != FT_PACK_NONE && memcmp(p, kind == FT_PACK_GZIP ? gzip : zstd, n) == 0;
}

#ifdef FT_HAVE_ZSTD
static int check_zstd(const uint8_t *p, size_t len, uint64_t most, uint8_t *scratch,
                      size_t *out_len)
{
    ZSTD_DCtx *d = ZSTD_createDCtx();
    ZSTD_inBuffer in = {.src = p, .size = len};
    uint64_t made = 0;
    size_t left = d == NULL ? 0 : 1;
    int rc = d == NULL ? FT_E_NOMEM : FT_OK;

    if (d != NULL) {
        ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, WINDOW_LOG_MOST);
    }
    while (rc == FT_OK && left != 0) {
        ZSTD_outBuffer out = {.dst = scratch, .size = SCRATCH};

        left = ZSTD_decompressStream(d, &out, &in);
        made += out.pos;
        if (ZSTD_isError(left) || made > most) {
            rc = FT_E_CORRUPT;
        } else if (left != 0 && in.pos == len && out.pos < out.size) {
            rc = FT_E_TRUNCATED;
        }
    }
    ZSTD_freeDCtx(d);
    *out_len = in.pos;
    return rc;
}
#endif

#ifdef FT_HAVE_ZLIB
static int check_gzip(const uint8_t *p, size_t len, uint64_t most, uint8_t *scratch,
                      size_t *out_len)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)len};
    int rc = inflateInit2(&z, GZIP_WINDOW) == Z_OK ? FT_OK : FT_E_NOMEM;
    int got = Z_OK;

    while (rc == FT_OK && got != Z_STREAM_END) {
        z.next_out = scratch;
        z.avail_out = SCRATCH;
        got = inflate(&z, Z_NO_FLUSH);
        if (got == Z_BUF_ERROR || (got == Z_OK && z.avail_in == 0 && z.avail_out > 0)) {
            rc = FT_E_TRUNCATED;
        } else if ((got != Z_OK && got != Z_STREAM_END) || z.total_out > most) {
            rc = FT_E_CORRUPT;
        }
    }
    *out_len = z.total_in;
    inflateEnd(&z);
    return rc;
}
#endif

int ft_frame_check(enum ft_pack kind, const uint8_t *p, size_t len, uint64_t most, size_t *out_len)
{
    uint8_t *scratch = ft_mem_alloc(1, SCRATCH);
    int rc = scratch == NULL ? FT_E_NOMEM : FT_E_UNSUPPORTED;

    *out_len = 0;
#ifdef FT_HAVE_ZSTD
    if (scratch != NULL && kind == FT_PACK_ZSTD) {
        rc = check_zstd(p, len, most, scratch, out_len);
    }
#endif
#ifdef FT_HAVE_ZLIB
    if (scratch != NULL && kind == FT_PACK_GZIP) {
        rc = check_gzip(p, len, most, scratch, out_len);
    }
#endif
    (void)p;
    (void)len;
    (void)most;
    ft_mem_free(scratch);
    return rc;
}
