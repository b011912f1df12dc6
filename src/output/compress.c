/* SPDX-License-Identifier: Apache-2.0 */
/* output: zstd frames and gzip members, see compress.h. */
#include "output/compress.h"

#include <stdlib.h>
#include <string.h>
#ifdef FT_HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef FT_HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/mem.h"

enum { ZSTD_LEVEL = 3, GZIP_LEVEL = 6, GZIP_WINDOW = 15 + 16 };

struct ft_compressor {
    uint8_t *buf;
    size_t cap;
    int level;
#ifdef FT_HAVE_ZSTD
    ZSTD_CCtx *zstd;
#endif
#ifdef FT_HAVE_ZLIB
    z_stream gzip;
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
    c->cap = deflateBound(&c->gzip, max_len) + 32; /* header and trailer of the member */
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
        c->gzip.next_in = (Bytef *)(uintptr_t)data;
        c->gzip.avail_in = (uInt)len;
        c->gzip.next_out = c->buf;
        c->gzip.avail_out = (uInt)c->cap;
        int rc = deflate(&c->gzip, Z_FINISH);

        *out_data = c->buf;
        *out_len = c->cap - c->gzip.avail_out;
        return rc == Z_STREAM_END ? FT_OK : FT_E_IO;
    }
#endif
    (void)data;
    (void)len;
    (void)out_data;
    (void)out_len;
    return FT_E_IO;
}
