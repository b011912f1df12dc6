/* SPDX-License-Identifier: Apache-2.0 */
/* source/file: reads packed files, pipes and standard input through a pool of buffers, see file.h.
 *
 *     fd -> raw (64 KiB) -> unpacker -> [buffer: taken | window of the walk | room]
 *     fd ------------------------------^  when it is not packed
 *
 * A buffer is free when no batch holds it and it is not the current one. It is appended to while
 * batches hold its front: bytes before `fill` never change then. Only when its room is used up does
 * the walk move on, to the same buffer's start (nobody holds it) or to another one. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/file/parts.h"

enum {
    RAW_LEN = 64 << 10,
    BUF_LEN = 256 << 10,
    BUF_ROOM = 64 << 10,            /* with less room than this a new buffer is begun */
    BUF_N = FT_SOURCE_MAX_HELD + 2, /* each batch out in its own, the current one, the next one */
    BIG_LEN = FT_WALK_RECORD_MAX + 64,
    BIG_N = 2,
};

struct buffer {
    uint8_t *p;
    size_t len;
    _Atomic uint32_t held; /* batches that are out */
};

struct ft__stream {
    struct buffer bufs[BUF_N + BIG_N]; /* the big ones last */
    uint8_t *memory, *big;             /* behind bufs */
    _Atomic uint32_t n_held;           /* batches that are out, all buffers */
    uint32_t cur;                      /* buffer being filled */
    size_t fill;                       /* its bytes */
    enum ft__pack pack;
    bool detected; /* pack is known */
    struct ft__unpack *unpack;
    uint64_t unpacked;   /* bytes put out for this input */
    const uint8_t *rest; /* raw bytes that were read and not used; in raw */
    size_t rest_len;
    int ended;              /* FT_OK: goes on; FT_E_EOF, or the code of the damage */
    const char *ended_what; /* the unpacker's words, or NULL */
    int ended_errno;        /* of FT_E_IO */
    uint8_t raw[RAW_LEN];
};

int ft__stream_new(struct ft__stream **out)
{
    struct ft__stream *st = ft_mem_alloc(1, sizeof *st);

    if (st == NULL) {
        return FT_E_NOMEM;
    }
    st->memory = ft_map_alloc((size_t)BUF_N * BUF_LEN);
    st->big = ft_map_alloc((size_t)BIG_N * BIG_LEN);
    if (st->memory == NULL || st->big == NULL) {
        ft__stream_free(st);
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < BUF_N + BIG_N; i++) {
        bool is_big = i >= BUF_N;

        st->bufs[i].p =
            is_big ? st->big + (size_t)(i - BUF_N) * BIG_LEN : st->memory + (size_t)i * BUF_LEN;
        st->bufs[i].len = is_big ? BIG_LEN : BUF_LEN;
    }
    *out = st;
    return FT_OK;
}

void ft__stream_free(struct ft__stream *st)
{
    if (st == NULL) {
        return;
    }
    ft__unpack_free(st->unpack);
    ft_map_free(st->memory, (size_t)BUF_N * BUF_LEN);
    ft_map_free(st->big, (size_t)BIG_N * BIG_LEN);
    ft_mem_free(st);
}

static bool is_free(struct buffer *buf)
{
    /* pairs with the release in ft__stream_release(): its reads of the buffer are over */
    return atomic_load_explicit(&buf->held, memory_order_acquire) == 0;
}

void ft__stream_release(struct ft__stream *st, uint64_t token)
{
    /* pairs with the acquire in is_free() */
    atomic_fetch_sub_explicit(&st->bufs[token - 1].held, 1, memory_order_release);
    atomic_fetch_sub_explicit(&st->n_held, 1, memory_order_release);
}

void ft__stream_end(struct ft__stream *st)
{
    ft__unpack_free(st->unpack);
    st->unpack = NULL;
    st->detected = false;
    st->pack = FT__PACK_NONE;
    st->unpacked = 0;
    st->rest_len = 0;
    st->ended = FT_OK;
    st->ended_what = NULL;
}

/* Moves the walk's window to the start of buffer `to`. */
static void move_window(struct ft__file *s, struct ft__stream *st, uint32_t to)
{
    size_t left = ft_walk_left(&s->walk);

    if (left > 0) {
        memmove(st->bufs[to].p, s->walk.p, left);
    }
    s->win_off += (uint64_t)(s->walk.p - s->win);
    s->win = st->bufs[to].p;
    st->cur = to;
    st->fill = left;
    ft_walk_set(&s->walk, s->win, left);
}

/* The first free buffer that takes need bytes, other than the current one; UINT32_MAX: none. The
 * lowest one, so that few pages are ever touched. */
static uint32_t find_free(struct ft__stream *st, size_t need)
{
    for (uint32_t i = need > BUF_LEN ? BUF_N : 0; i < BUF_N + BIG_N; i++) {
        if (i != st->cur && st->bufs[i].len >= need && is_free(&st->bufs[i])) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* Makes room behind the window's bytes so that need bytes fit from walk.p on; *out_room is the most
 * to be put there. FT_E_AGAIN: all buffers are held. */
static int make_room(struct ft__file *s, struct ft__stream *st, size_t *out_room)
{
    struct buffer *buf = &st->bufs[st->cur];
    size_t need = s->walk.need, used = (size_t)(s->walk.p - buf->p);
    bool is_big = st->cur >= BUF_N;
    bool fits = need <= buf->len - used && (is_big ? need > st->fill - used && need > BUF_LEN
                                                   : buf->len - st->fill >= BUF_ROOM);

    if (!fits) {
        uint32_t to = st->cur;

        if (need > buf->len || (is_big && need <= BUF_LEN) || !is_free(buf)) {
            to = find_free(st, need);
            if (to == UINT32_MAX) {
                return FT_E_AGAIN;
            }
        }
        move_window(s, st, to);
    }
    /* a big buffer ends with its long record, so that it is not left waiting for small ones */
    used = (size_t)(s->walk.p - st->bufs[st->cur].p);
    *out_room = (st->cur >= BUF_N ? used + need : BUF_LEN) - st->fill;
    return FT_OK;
}

static bool stopped(const struct ft__file *s)
{
    return atomic_load_explicit(&s->stop, memory_order_relaxed);
}

/* Waits for a live input. FT_E_AGAIN: nothing came in time, or stop() was called. */
static int wait_input(struct ft__file *s, const struct ft__input *in, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = in->fd, .events = POLLIN}, {.fd = s->stop_fd, .events = POLLIN}};

    if (stopped(s)) { /* a small file may unpack to bytes without end */
        return FT_E_AGAIN;
    }
    if (!in->live) {
        return FT_OK;
    }
    if (poll(fds, 2, timeout_ms) <= 0 || fds[1].revents != 0 || fds[0].revents == 0) {
        return FT_E_AGAIN;
    }
    return FT_OK;
}

/* One read(2). *out_n == 0 on FT_OK: the end, noted in st->ended. */
static int read_fd(struct ft__file *s, struct ft__stream *st, const struct ft__input *in,
                   uint8_t *to, size_t room, int timeout_ms, size_t *out_n)
{
    ssize_t n;

    *out_n = 0;
    if (wait_input(s, in, timeout_ms) != FT_OK) {
        return FT_E_AGAIN;
    }
    n = read(in->fd, to, room);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return FT_E_AGAIN;
    }
    if (n < 0) {
        st->ended = FT_E_IO;
        st->ended_errno = errno;
        return FT_OK;
    }
    if (n == 0) {
        st->ended = FT_E_EOF;
        if (st->unpack != NULL && !ft__unpack_whole(st->unpack)) {
            st->ended = FT_E_TRUNCATED;
            st->ended_what = "unexpected end";
        }
    }
    *out_n = (size_t)n;
    ft_count_add(&s->pos, (uint64_t)n);
    return FT_OK;
}

/* Reads until the first four bytes are there, which say how the input is packed. */
static int detect(struct ft__file *s, struct ft__stream *st, const struct ft__input *in,
                  int timeout_ms, struct ft_err *err)
{
    while (st->rest_len < 4 && st->ended == FT_OK) {
        size_t n;

        if (read_fd(s, st, in, st->raw + st->rest_len, RAW_LEN - st->rest_len, timeout_ms, &n) !=
            FT_OK) {
            return FT_E_AGAIN;
        }
        st->rest_len += n;
    }
    st->rest = st->raw;
    st->detected = true;
    st->pack = st->rest_len >= 4 ? ft__unpack_detect(st->raw) : FT__PACK_NONE;
    if (st->pack != FT__PACK_NONE) {
        int rc = ft__unpack_new(st->pack, &st->unpack);

        if (rc == FT_E_UNSUPPORTED) {
            return ft_err_set(err, rc, "%s: %s-compressed, and this build has no %s", in->name,
                              ft__pack_name(st->pack), ft__pack_name(st->pack));
        }
        return rc == FT_OK ? rc : ft_err_set(err, rc, "%s: no memory to unpack it", in->name);
    }
    return FT_OK;
}

/* Puts unpacked bytes into the room. */
static int fill_packed(struct ft__file *s, struct ft__stream *st, const struct ft__input *in,
                       struct ft__unpack_io *io, int timeout_ms)
{
    size_t room = io->out_len;

    for (;;) {
        io->in = st->rest;
        io->in_len = st->rest_len;
        if (ft__unpack_run(st->unpack, io, &st->ended_what) != FT_OK) {
            st->ended = FT_E_CORRUPT;
        }
        st->rest = io->in;
        st->rest_len = io->in_len;
        if (io->out_len == 0 || st->ended != FT_OK) {
            return FT_OK;
        }
        if (in->live && io->out_len < room) {
            return FT_OK; /* what came is handed on before more is waited for */
        }
        if (read_fd(s, st, in, st->raw, RAW_LEN, timeout_ms, &st->rest_len) != FT_OK) {
            return FT_E_AGAIN;
        }
        st->rest = st->raw;
        if (st->ended != FT_OK) {
            return FT_OK;
        }
    }
}

/* Brings more bytes into the window. FT_OK: some, or st->ended is set; FT_E_AGAIN: none in time. */
static int fill(struct ft__file *s, struct ft__stream *st, const struct ft__input *in, size_t room,
                int timeout_ms)
{
    uint8_t *to = st->bufs[st->cur].p + st->fill;
    size_t n = 0;
    int rc = FT_OK;

    if (st->pack != FT__PACK_NONE) {
        struct ft__unpack_io io = {.out = to, .out_len = room};

        rc = fill_packed(s, st, in, &io, timeout_ms);
        n = room - io.out_len;
    } else if (st->rest_len > 0) {
        n = st->rest_len < room ? st->rest_len : room;
        memcpy(to, st->rest, n);
        st->rest += n;
        st->rest_len -= n;
    } else {
        rc = read_fd(s, st, in, to, room, timeout_ms, &n);
    }
    st->fill += n;
    st->unpacked += n;
    if (st->pack != FT__PACK_NONE) {
        ft_count_add(&s->unpacked, n);
    }
    s->walk.end = to + n;
    return n > 0 ? FT_OK : rc;
}

/* Looks for the file header in the window. FT_E_TRUNCATED: more bytes are needed. */
static int begin(struct ft__file *s, const struct ft__input *in, struct ft_err *err)
{
    size_t used = 0;
    int rc = ft__format_begin(s, in, s->walk.p, ft_walk_left(&s->walk), &used, err);

    if (rc == FT_E_TRUNCATED) {
        s->walk.need = used;
        return rc;
    }
    if (rc == FT_OK) {
        s->walk.p += used;
        s->begun = true;
        s->format.vetted = in->vetted;
    }
    return rc;
}

/* The window holds no whole record and nothing more will come: how does the input end? */
static int finish(struct ft__file *s, const struct ft__stream *st, const struct ft__input *in,
                  struct ft_err *err)
{
    uint64_t off = s->begun ? ft__format_offset(s) : 0;
    bool whole = s->begun && ft__format_whole(s);

    if (st->ended == FT_E_IO) {
        return ft__file_err(err, FT_E_CORRUPT, off, "%s: cannot be read on at byte %llu: %s",
                            in->name, (unsigned long long)st->unpacked, strerror(st->ended_errno));
    }
    if (st->ended_what != NULL) {
        return ft__file_err(
            err, st->ended, off, "%s: %s data is damaged after %llu unpacked bytes: %s", in->name,
            ft__pack_name(st->pack), (unsigned long long)st->unpacked, st->ended_what);
    }
    if (!s->begun && st->unpacked == 0) {
        return ft__file_err(err, FT_E_TRUNCATED, 0, "%s: empty input", in->name);
    }
    if (!s->begun) {
        return ft__file_err(err, FT_E_TRUNCATED, 0,
                            "%s: file header is truncated: needs %zu bytes, %zu left", in->name,
                            s->walk.need, ft_walk_left(&s->walk));
    }
    return whole ? FT_E_EOF : ft__format_truncated(s, in, err);
}

static void start_window(struct ft__file *s, struct ft__stream *st)
{
    s->win_off = 0;
    s->win = st->bufs[st->cur].p + st->fill; /* behind what batches of the last input hold */
    ft_walk_set(&s->walk, s->win, 0);
    s->walk.need = 4;
}

/* Detects, begins, vets: whatever of it is still to be done. FT_E_TRUNCATED, FT_E_AGAIN: more bytes
 * are needed first. */
static int prepare(struct ft__file *s, const struct ft__input *in, struct ft_err *err)
{
    int rc = FT_OK;

    if (!s->begun) {
        rc = begin(s, in, err);
    }
    return rc == FT_OK ? ft__format_vet(s, in, err) : rc;
}

static int hand_out(struct ft__file *s, struct ft__stream *st, const struct ft__input *in,
                    struct ft_batch *b, struct ft_err *err)
{
    int rc = ft__format_filter(s, in, b->views, b->n, err);

    if (rc == FT_OK) {
        atomic_fetch_add_explicit(&st->bufs[st->cur].held, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&st->n_held, 1, memory_order_relaxed);
        b->token = st->cur + 1;
    }
    return rc;
}

int ft__stream_read(struct ft__file *s, struct ft__input *in, struct ft_batch *b, int timeout_ms,
                    struct ft_err *err)
{
    struct ft__stream *st = s->stream;
    int rc;

    if (atomic_load_explicit(&st->n_held, memory_order_relaxed) >= FT_SOURCE_MAX_HELD) {
        return FT_E_AGAIN;
    }
    if (!st->detected) {
        rc = detect(s, st, in, timeout_ms, err);
        if (rc != FT_OK) {
            return rc == FT_E_AGAIN ? FT_OK : rc; /* nothing came in time */
        }
        start_window(s, st);
    }
    while (!stopped(s)) {
        size_t room;

        rc = prepare(s, in, err);
        if (rc == FT_OK) {
            rc = ft__format_walk(&s->format, &s->walk, b->views, b->cap, &b->n);
        }
        if (b->n > 0) {
            return hand_out(s, st, in, b, err);
        }
        if (rc == FT_E_FORMAT && s->begun && s->format.vetted) {
            rc = ft__format_join(s, in, err);
            if (rc != FT_OK) {
                return rc;
            }
            continue;
        }
        if (rc == FT_E_CORRUPT) {
            return ft__format_corrupt(s, in, err);
        }
        if (rc != FT_E_AGAIN && rc != FT_E_TRUNCATED) {
            return rc;
        }
        if (st->ended != FT_OK && (st->rest_len == 0 || st->pack != FT__PACK_NONE)) {
            return finish(s, st, in, err);
        }
        if (make_room(s, st, &room) != FT_OK) {
            return FT_E_AGAIN;
        }
        if (fill(s, st, in, room, timeout_ms) != FT_OK) {
            return FT_OK; /* nothing came in time */
        }
        if (in->live) {
            timeout_ms = 0;
        }
    }
    return FT_OK; /* and file_read() ends it */
}

/* The first buffer's worth of the input, without handing anything out. */
static int peek(struct ft__file *s, struct ft__stream *st, struct ft__input *in, struct ft_err *err)
{
    int rc = detect(s, st, in, 0, err);

    if (rc != FT_OK) {
        return rc;
    }
    start_window(s, st);
    for (;;) {
        rc = prepare(s, in, err);
        if (rc != FT_E_AGAIN && rc != FT_E_TRUNCATED) {
            in->vetted = rc == FT_OK;
            return rc;
        }
        if (st->ended != FT_OK || st->fill == BUF_LEN) {
            break;
        }
        if (fill(s, st, in, BUF_LEN - st->fill, 0) != FT_OK) {
            break;
        }
    }
    if (st->ended == FT_E_EOF && st->unpacked < 4) {
        return ft_err_set(err, FT_E_FORMAT, "%s: too short for a capture (%llu bytes)", in->name,
                          (unsigned long long)st->unpacked);
    }
    return FT_OK; /* read() says what is damaged, after what comes before it */
}

int ft__stream_peek(struct ft__file *s, struct ft__input *in, struct ft_err *err)
{
    struct ft__stream *st = s->stream;
    int rc;

    st->cur = 0;
    st->fill = 0;
    rc = peek(s, st, in, err);
    ft__stream_end(st);
    st->fill = 0;
    s->begun = false;
    ft_count_set(&s->pos, 0);
    ft_count_set(&s->unpacked, 0);
    if (rc == FT_OK && lseek(in->fd, 0, SEEK_SET) < 0) {
        return ft_err_set(err, FT_E_IO, "%s: %s", in->name, strerror(errno));
    }
    return rc;
}
