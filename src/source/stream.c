/* SPDX-License-Identifier: Apache-2.0 */
/* source: plain and compressed byte streams, see stream.h. */
#include "source/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#ifdef FT_HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef FT_HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/mem.h"

enum { IN_LEN = 256 * 1024, GZIP_WINDOW = 15 + 16 };
enum kind { KIND_UNKNOWN, KIND_PLAIN, KIND_GZIP, KIND_ZSTD };

struct ft_stream {
    int fd;
    enum kind kind;
    bool eof;          /* of the descriptor */
    bool open_frame;   /* inside a compressed frame: the end may not come now */
    uint8_t *in;       /* [IN_LEN] */
    size_t start, end; /* unread bytes of in */
    _Atomic uint64_t pos;
#ifdef FT_HAVE_ZLIB
    z_stream gzip;
    bool gzip_on;
#endif
#ifdef FT_HAVE_ZSTD
    ZSTD_DCtx *zstd;
#endif
};

static bool is_gzip(const uint8_t *m)
{
    return m[0] == 0x1f && m[1] == 0x8b;
}

static bool is_zstd(const uint8_t *m)
{
    return m[0] == 0x28 && m[1] == 0xb5 && m[2] == 0x2f && m[3] == 0xfd;
}

bool ft_stream_compressed(const uint8_t magic[4])
{
    return is_gzip(magic) || is_zstd(magic);
}

int ft_stream_open(int fd, struct ft_stream **out)
{
    struct ft_stream *s = ft_mem_alloc(1, sizeof *s);

    if (s == NULL || (s->in = ft_mem_alloc(1, IN_LEN)) == NULL) {
        ft_mem_free(s);
        return FT_E_NOMEM;
    }
#ifdef FT_HAVE_ZLIB
    s->gzip_on = inflateInit2(&s->gzip, GZIP_WINDOW) == Z_OK;
#endif
#ifdef FT_HAVE_ZSTD
    s->zstd = ZSTD_createDCtx();
#endif
    s->fd = fd;
    *out = s;
    return FT_OK;
}

void ft_stream_close(struct ft_stream *s)
{
    if (s == NULL) {
        return;
    }
#ifdef FT_HAVE_ZLIB
    if (s->gzip_on) {
        inflateEnd(&s->gzip);
    }
#endif
#ifdef FT_HAVE_ZSTD
    ZSTD_freeDCtx(s->zstd);
#endif
    close(s->fd);
    ft_mem_free(s->in);
    ft_mem_free(s);
}

uint64_t ft_stream_pos(const struct ft_stream *s)
{
    return atomic_load_explicit(&s->pos, memory_order_relaxed);
}

/* Reads from the descriptor once, up to cap bytes. */
static int read_fd(struct ft_stream *s, uint8_t *dst, size_t cap, int timeout_ms, int wake_fd,
                   size_t *out_n)
{
    struct pollfd p[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};

    if (s->eof) {
        return FT_E_EOF;
    }
    if (poll(p, 2, timeout_ms) <= 0 || p[0].revents == 0) {
        return FT_E_AGAIN;
    }
    ssize_t n = read(s->fd, dst, cap);

    if (n < 0) {
        return errno == EINTR || errno == EAGAIN ? FT_E_AGAIN : FT_E_IO;
    }
    s->eof = n == 0;
    *out_n = (size_t)n;
    atomic_fetch_add_explicit(&s->pos, (uint64_t)n, memory_order_relaxed);
    return n == 0 ? FT_E_EOF : FT_OK;
}

/* More compressed bytes into `in`. */
static int refill(struct ft_stream *s, int timeout_ms, int wake_fd)
{
    size_t n = 0;

    memmove(s->in, s->in + s->start, s->end - s->start);
    s->end -= s->start;
    s->start = 0;
    int rc = read_fd(s, s->in + s->end, IN_LEN - s->end, timeout_ms, wake_fd, &n);

    s->end += n;
    return rc;
}

static int step_gzip(struct ft_stream *s, uint8_t *dst, size_t cap, size_t *out_n)
{
#ifdef FT_HAVE_ZLIB
    s->gzip.next_in = s->in + s->start;
    s->gzip.avail_in = (uInt)(s->end - s->start);
    s->gzip.next_out = dst;
    s->gzip.avail_out = (uInt)(cap < UINT32_MAX ? cap : UINT32_MAX);
    size_t room = s->gzip.avail_out;

    int rc = s->gzip_on ? inflate(&s->gzip, Z_NO_FLUSH) : Z_MEM_ERROR;

    s->start = s->end - s->gzip.avail_in;
    *out_n = room - s->gzip.avail_out;
    s->open_frame = rc != Z_STREAM_END;
    if (rc == Z_STREAM_END) {
        inflateReset(&s->gzip); /* another member may follow */
    }
    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR ? FT_OK : FT_E_CORRUPT;
#else
    (void)s;
    (void)dst;
    (void)cap;
    (void)out_n;
    return FT_E_UNSUPPORTED;
#endif
}

static int step_zstd(struct ft_stream *s, uint8_t *dst, size_t cap, size_t *out_n)
{
#ifdef FT_HAVE_ZSTD
    ZSTD_inBuffer in = {s->in + s->start, s->end - s->start, 0};
    ZSTD_outBuffer out = {dst, cap, 0};

    if (s->zstd == NULL) {
        return FT_E_NOMEM;
    }
    size_t rc = ZSTD_decompressStream(s->zstd, &out, &in);

    s->start += in.pos;
    *out_n = out.pos;
    s->open_frame = rc != 0;
    return ZSTD_isError(rc) ? FT_E_CORRUPT : FT_OK;
#else
    (void)s;
    (void)dst;
    (void)cap;
    (void)out_n;
    return FT_E_UNSUPPORTED;
#endif
}

/* Looks at the first bytes. FT_OK when the kind is known. */
static int learn_kind(struct ft_stream *s, int timeout_ms, int wake_fd)
{
    while (s->end < 4) {
        int rc = refill(s, timeout_ms, wake_fd);

        if (rc == FT_E_EOF) {
            s->kind = KIND_PLAIN;
            return FT_OK;
        }
        if (rc != FT_OK) {
            return rc;
        }
    }
    s->kind = is_gzip(s->in) ? KIND_GZIP : is_zstd(s->in) ? KIND_ZSTD : KIND_PLAIN;
    return FT_OK;
}

static int read_plain(struct ft_stream *s, uint8_t *dst, size_t cap, int timeout_ms, int wake_fd,
                      size_t *out_n)
{
    size_t held = s->end - s->start;

    if (held > 0) { /* what learn_kind read */
        *out_n = held < cap ? held : cap;
        memcpy(dst, s->in + s->start, *out_n);
        s->start += *out_n;
        return FT_OK;
    }
    return read_fd(s, dst, cap, timeout_ms, wake_fd, out_n);
}

int ft_stream_read(struct ft_stream *s, uint8_t *dst, size_t cap, int timeout_ms, int wake_fd,
                   size_t *out_n)
{
    int rc = s->kind == KIND_UNKNOWN ? learn_kind(s, timeout_ms, wake_fd) : FT_OK;

    *out_n = 0;
    if (rc != FT_OK) {
        return rc;
    }
    if (s->kind == KIND_PLAIN) {
        return read_plain(s, dst, cap, timeout_ms, wake_fd, out_n);
    }
    for (;;) {
        if (s->start < s->end || s->open_frame) {
            rc = s->kind == KIND_GZIP ? step_gzip(s, dst, cap, out_n)
                                      : step_zstd(s, dst, cap, out_n);
            if (rc != FT_OK || *out_n > 0) {
                return rc;
            }
        }
        if (s->start < s->end) {
            continue;
        }
        rc = refill(s, timeout_ms, wake_fd);
        if (rc == FT_E_EOF) {
            return s->open_frame ? FT_E_TRUNCATED : FT_E_EOF;
        }
        if (rc != FT_OK) {
            return rc;
        }
    }
}
