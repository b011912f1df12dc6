/* SPDX-License-Identifier: Apache-2.0 */
/* source: capture files that cannot be mapped: stdin, FIFOs, compressed ones.
 *
 * Theory of operation: bytes are read into one of a few buffers; whole records are handed out as
 * views into it. When it is full, the torn record at its end moves to the front of a buffer that no
 * batch points into. Packets are handed out as they come: a buffer need not be full. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "source/file_internal.h"

int ft__file_stream_init(struct ft__file *f)
{
    for (int i = 0; i < FT__BUFFERS; i++) {
        f->buf[i].mem = ft_map_alloc(FT__BUFFER_LEN);
        if (f->buf[i].mem == NULL) {
            return FT_E_NOMEM;
        }
    }
    return FT_OK;
}

void ft__file_stream_fini(struct ft__file *f)
{
    for (int i = 0; i < FT__BUFFERS; i++) {
        ft_map_free(f->buf[i].mem, FT__BUFFER_LEN);
    }
}

/* Room for `need` bytes from the front of what is unread. FT_E_AGAIN: every buffer is held. */
static int make_room(struct ft__file *f, uint64_t need)
{
    struct ft__buffer *b = &f->buf[f->cur];
    uint64_t left = b->end - b->start;
    uint64_t most = need > FT__BUFFER_FILL ? need : FT__BUFFER_FILL;

    if (b->start == b->end && atomic_load_explicit(&b->held, memory_order_acquire) == 0) {
        b->start = b->end = 0;
    }
    if (b->end < most && b->start + need <= FT__BUFFER_LEN) {
        return FT_OK;
    }
    for (uint32_t i = 0; i < FT__BUFFERS; i++) {
        struct ft__buffer *to = &f->buf[i];

        if (to != b && atomic_load_explicit(&to->held, memory_order_acquire) == 0) {
            memcpy(to->mem, b->mem + b->start, left);
            to->start = 0;
            to->end = left;
            f->cur = i;
            return FT_OK;
        }
    }
    return FT_E_AGAIN;
}

/* More bytes behind the unread ones. FT_OK: some came. */
static int refill(struct ft__file *f, uint64_t need, int timeout_ms)
{
    struct ft__target *t = &f->targets[f->at];
    size_t n = 0;
    int rc = make_room(f, need);

    if (rc != FT_OK) {
        return rc;
    }
    struct ft__buffer *b = &f->buf[f->cur];
    uint64_t to = b->start + need > FT__BUFFER_FILL ? b->start + need : FT__BUFFER_FILL;

    rc = ft_stream_read(t->stream, b->mem + b->end, to - b->end, timeout_ms, f->wake_fd, &n);
    b->end += n;
    atomic_store_explicit(&f->pos, ft_stream_pos(t->stream), memory_order_relaxed);
    return rc;
}

static int stream_error(struct ft__file *f, int rc, uint64_t off, struct ft_err *err)
{
    const char *name = f->targets[f->at].name;

    switch (rc) {
    case FT_E_TRUNCATED:
        ft_err_set(err, rc, "%s: the compressed data ends too early, after %llu bytes of capture",
                   name, (unsigned long long)off);
        break;
    case FT_E_CORRUPT:
        ft_err_set(err, rc, "%s: the compressed data is damaged, after %llu bytes of capture", name,
                   (unsigned long long)off);
        break;
    case FT_E_UNSUPPORTED:
        return ft_err_set(err, rc, "%s: this build cannot decompress it", name);
    default:
        return ft_err_set(err, FT_E_IO, "%s: %s", name, strerror(errno));
    }
    err->off = off;
    return rc;
}

/* The stream has ended with `left` bytes unread. */
static int at_end(struct ft__file *f, const struct ft_walked *w, uint64_t left, struct ft_err *err)
{
    if (left == 0 && f->walker.kind != FT_WALK_START) {
        return FT_E_EOF;
    }
    return ft__file_error(f, FT_E_TRUNCATED, w, f->off, left, err);
}

int ft__file_stream_read(struct ft__file *f, struct ft_batch *batch, int timeout_ms,
                         struct ft_err *err)
{
    for (;;) {
        struct ft__buffer *b = &f->buf[f->cur];
        struct ft_walked w;
        int rc = ft_walk(&f->walker, b->mem + b->start, b->end - b->start, UINT64_MAX, batch->views,
                         batch->cap, &w);

        b->start += w.used;
        f->off += w.used;
        if (w.n > 0) { /* damage behind them is found again next time */
            batch->n = w.n;
            batch->token = f->cur;
            atomic_fetch_add_explicit(&b->held, 1, memory_order_relaxed);
            return FT_OK;
        }
        if (rc != FT_OK && rc != FT_E_AGAIN) {
            return ft__file_error(f, rc, &w, f->off, b->end - b->start, err);
        }
        uint64_t left = b->end - b->start, need = w.need > left ? w.need : left + 1;

        rc = refill(f, need, timeout_ms);
        if (rc == FT_E_EOF) {
            return at_end(f, &w, left, err);
        }
        if (rc == FT_E_AGAIN) {
            batch->n = 0;
            return FT_OK;
        }
        if (rc != FT_OK) {
            return stream_error(f, rc, f->off + left, err);
        }
    }
}
