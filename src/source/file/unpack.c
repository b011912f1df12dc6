/* SPDX-License-Identifier: Apache-2.0 */
/* source/file: gzip (RFC 1952) and zstd (RFC 8878) streams, see unpack.h. */
#include "source/file/unpack.h"

#include <limits.h>
#include <string.h>

#ifdef FT_HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef FT_HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

#include "base/mem.h"
#include "base/rd.h"

struct ft__unpack {
    enum ft__pack pack;
    bool whole;   /* between members */
    bool padding; /* zero bytes were seen behind a gzip member */
#ifdef FT_HAVE_ZLIB
    z_stream z;
    bool z_open;
#endif
#ifdef FT_HAVE_ZSTD
    ZSTD_DStream *zstd;
#endif
};

enum ft__pack ft__unpack_detect(const uint8_t p[4])
{
    uint32_t magic = ft_load_be32(p);

    if (magic >> 16 == 0x1f8b) {
        return FT__PACK_GZIP;
    }
    /* a frame, or a skippable frame in front of one: 184d2a5x little endian */
    if (magic == 0x28b52ffd || (magic & 0xf0ffffff) == 0x502a4d18) {
        return FT__PACK_ZSTD;
    }
    return FT__PACK_NONE;
}

const char *ft__pack_name(enum ft__pack pack)
{
    static const char *const names[] = {
        [FT__PACK_NONE] = "", [FT__PACK_GZIP] = "gzip", [FT__PACK_ZSTD] = "zstd"};

    return names[pack];
}

#ifdef FT_HAVE_ZLIB

static int gzip_open(struct ft__unpack *u)
{
    u->z_open = inflateInit2(&u->z, 15 + 16) == Z_OK; /* 32 KiB window, gzip header only */
    return u->z_open ? FT_OK : FT_E_NOMEM;
}

/* Between members: another one, padding, or something that does not belong here. */
static int gzip_between(struct ft__unpack *u, struct ft__unpack_io *io, const char **what)
{
    while (io->in_len > 0 && *io->in == 0) {
        u->padding = true;
        io->in++;
        io->in_len--;
    }
    if (io->in_len == 0) {
        return FT_OK;
    }
    if (u->padding || *io->in != 0x1f) {
        *what = "bytes behind the end of the stream";
        return FT_E_CORRUPT;
    }
    u->whole = false;
    return inflateReset(&u->z) == Z_OK ? FT_OK : FT_E_CORRUPT;
}

/* One call of inflate(); the portions move on by what it did. */
static int gzip_step(struct ft__unpack *u, struct ft__unpack_io *io)
{
    uInt in = io->in_len < UINT_MAX ? (uInt)io->in_len : UINT_MAX;
    uInt out = io->out_len < UINT_MAX ? (uInt)io->out_len : UINT_MAX;
    int rc;

    u->z.next_in = (Bytef *)(uintptr_t)io->in; /* zlib does not write to it */
    u->z.avail_in = in;
    u->z.next_out = io->out;
    u->z.avail_out = out;
    rc = inflate(&u->z, Z_NO_FLUSH);
    io->in += in - u->z.avail_in;
    io->in_len -= in - u->z.avail_in;
    io->out += out - u->z.avail_out;
    io->out_len -= out - u->z.avail_out;
    return rc;
}

static int gzip_run(struct ft__unpack *u, struct ft__unpack_io *io, const char **what)
{
    int rc = Z_OK;

    while (io->out_len > 0 && rc != Z_BUF_ERROR) { /* Z_BUF_ERROR: it needs more input */
        if (u->whole) {
            rc = gzip_between(u, io, what);
            if (rc != FT_OK || io->in_len == 0) {
                return rc;
            }
        }
        rc = gzip_step(u, io);
        if (rc == Z_STREAM_END) {
            u->whole = true;
        } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
            *what = u->z.msg != NULL ? u->z.msg : "invalid data"; /* string constants of zlib */
            return FT_E_CORRUPT;
        }
    }
    return FT_OK;
}

#endif

#ifdef FT_HAVE_ZSTD

static int zstd_run(struct ft__unpack *u, struct ft__unpack_io *io, const char **what)
{
    ZSTD_inBuffer in = {.src = io->in, .size = io->in_len};
    ZSTD_outBuffer out = {.dst = io->out, .size = io->out_len};
    size_t rc = 0;

    /* with the input used up there may still be output inside: only room that is left says no */
    while (out.pos < out.size && !(u->whole && in.pos == in.size)) {
        size_t before = in.pos + out.pos;

        rc = ZSTD_decompressStream(u->zstd, &out, &in);
        u->whole = rc == 0;
        if (ZSTD_isError(rc) || in.pos + out.pos == before) {
            break;
        }
    }
    io->in += in.pos;
    io->in_len -= in.pos;
    io->out += out.pos;
    io->out_len -= out.pos;
    if (ZSTD_isError(rc)) {
        *what = ZSTD_getErrorCode(rc) == ZSTD_error_frameParameter_windowTooLarge
                    ? "its window is over 128 MiB (zstd --long): unpack it first"
                    : ZSTD_getErrorName(rc);
        return FT_E_CORRUPT;
    }
    return FT_OK;
}

#endif

int ft__unpack_new(enum ft__pack pack, struct ft__unpack **out)
{
    struct ft__unpack *u = ft_mem_alloc(1, sizeof *u);
    int rc = FT_E_UNSUPPORTED;

    if (u == NULL) {
        return FT_E_NOMEM;
    }
    u->pack = pack;
#ifdef FT_HAVE_ZLIB
    if (pack == FT__PACK_GZIP) {
        rc = gzip_open(u);
    }
#endif
#ifdef FT_HAVE_ZSTD
    if (pack == FT__PACK_ZSTD) {
        u->zstd = ZSTD_createDStream();
        rc = u->zstd == NULL || ZSTD_isError(ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax,
                                                                    FT__UNPACK_WINDOW_LOG))
                 ? FT_E_NOMEM
                 : FT_OK;
    }
#endif
    if (rc != FT_OK) {
        ft__unpack_free(u);
        return rc;
    }
    *out = u;
    return FT_OK;
}

void ft__unpack_free(struct ft__unpack *u)
{
    if (u == NULL) {
        return;
    }
#ifdef FT_HAVE_ZLIB
    if (u->z_open) {
        inflateEnd(&u->z);
    }
#endif
#ifdef FT_HAVE_ZSTD
    ZSTD_freeDStream(u->zstd);
#endif
    ft_mem_free(u);
}

int ft__unpack_run(struct ft__unpack *u, struct ft__unpack_io *io, const char **what)
{
#ifdef FT_HAVE_ZLIB
    if (u->pack == FT__PACK_GZIP) {
        return gzip_run(u, io, what);
    }
#endif
#ifdef FT_HAVE_ZSTD
    if (u->pack == FT__PACK_ZSTD) {
        return zstd_run(u, io, what);
    }
#endif
    (void)u;
    (void)io;
    *what = "not built in";
    return FT_E_CORRUPT;
}

bool ft__unpack_whole(const struct ft__unpack *u)
{
    return u->whole;
}
