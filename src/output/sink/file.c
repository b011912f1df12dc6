/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: the file sink: stdout, files, FIFOs; see file_parts.h. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/wait.h"
#include "output/sink/file_parts.h"
#include "output/sink/hive.h"

enum { PACKS_TO = 4 }; /* what is packed here takes about a quarter, for rotate= */

static struct file_sink *file_of(struct ft_sink *s)
{
    return (struct file_sink *)(void *)s;
}

int64_t ft__file_wall_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- raw writes ---- */

/* Waits until fd may take bytes. FT_OK or FT_E_INTERRUPTED. */
static int wait_room(struct file_sink *f)
{
    struct pollfd p[2] = {{.fd = f->at.fd, .events = POLLOUT},
                          {.fd = f->wake_fd, .events = POLLIN}};

    while (poll(p, 2, -1) < 0 && errno == EINTR) {
    }
    return (p[1].revents & POLLIN) ? FT_E_INTERRUPTED : FT_OK;
}

static int error_code(int error)
{
    return error == EPIPE || error == ECONNRESET ? FT_E_CLOSED : FT_E_IO;
}

/* One write of what stands in v, of which the first done bytes are out. */
static ssize_t write_some(struct file_sink *f, const struct iovec *v, int n)
{
    size_t len = v[0].iov_len < f->at.piece ? v[0].iov_len : f->at.piece;

    if (f->at.socket) {
        return send(f->at.fd, v[0].iov_base, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (n == 1 || f->at.piece != SIZE_MAX) {
        return write(f->at.fd, v[0].iov_base, len);
    }
    return writev(f->at.fd, v, n);
}

/* Steps over what is out. */
static void advance(struct iovec **v, int *n, size_t done)
{
    while (*n > 0 && done >= (*v)->iov_len) {
        done -= (*v)->iov_len;
        (*v)++;
        (*n)--;
    }
    if (*n > 0) {
        (*v)->iov_base = (uint8_t *)(*v)->iov_base + done;
        (*v)->iov_len -= done;
    }
}

int ft__file_write_raw(struct file_sink *f, struct iovec *v, int n, size_t *out_taken)
{
    size_t done = 0;
    int rc = FT_OK;

    while (n > 0 && rc == FT_OK) {
        if (!f->at.regular && f->at.piece == FT__PIECE_LEN) {
            rc = wait_room(f);
            if (rc != FT_OK) {
                break;
            }
        }
        ssize_t got = write_some(f, v, n);

        if (got > 0) {
            done += (size_t)got;
            advance(&v, &n, (size_t)got);
            atomic_fetch_add_explicit(&f->sink.moved, (uint64_t)got, memory_order_relaxed);
        } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            rc = wait_room(f);
        } else if (got == 0 || errno != EINTR) {
            rc = got == 0 ? FT_E_IO : error_code(errno);
        }
    }
    *out_taken = done;
    f->at.size += done;
    f->at.dirty = f->at.dirty || done > 0;
    return rc;
}

void ft__file_cut(struct file_sink *f, uint64_t size)
{
    struct stat st;

    if (!f->at.file || f->at.size == size) {
        return;
    }
    /* somebody else may have emptied it meanwhile: it is never made longer. And what others have
     * added to a file that was handed to us is not ours to cut. */
    if (fstat(f->at.fd, &st) == 0 && (uint64_t)st.st_size > size &&
        (f->path != NULL || (uint64_t)st.st_size == f->at.size) &&
        ftruncate(f->at.fd, (off_t)size) == 0 && lseek(f->at.fd, (off_t)size, SEEK_SET) >= 0) {
        f->at.size = size;
    }
}

/* ---- what is written stays ---- */

int ft__file_sync(struct file_sink *f)
{
    if (f->fsync == FT__FSYNC_NO || !f->at.file || !f->at.dirty || f->at.fd < 0) {
        return FT_OK;
    }
    f->at.dirty = false;
    f->synced_ms = ft_mono_ms();
    if (fdatasync(f->at.fd) != 0 && errno != EINVAL && errno != ENOSYS) {
        if (!f->sync_failed) {
            ft_log(&f->log, FT_LOG_ERROR, "%s: cannot be brought to the disk: %s",
                   f->path != NULL ? f->path : "stdout", strerror(errno));
        }
        f->sync_failed = true;
        f->sink.failed++;
        return FT_E_IO;
    }
    f->sync_failed = false;
    f->sink.sealed += !f->env.needs_file; /* that is safe when it has its end */
    return FT_OK;
}

static uint64_t total(const struct iovec *v, int n)
{
    uint64_t len = 0;

    for (int i = 0; i < n; i++) {
        len += v[i].iov_len;
    }
    return len;
}

/* Bytes into the file that is open; *out_before: its size until now. */
static int put(struct file_sink *f, struct iovec *v, int n, uint64_t *out_before, size_t *out_taken)
{
    int rc = ft__file_ready(f);

    *out_taken = 0;
    *out_before = f->at.size;
    if (rc == FT_OK) {
        rc = ft__file_hold_end(f, total(v, n), (uint32_t)n);
    }
    return rc == FT_OK ? ft__file_write_raw(f, v, n, out_taken) : rc;
}

static uint64_t events_of(const struct ft_chunk *c)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        n += ft_chunk_mark(c, i)->count;
    }
    return n;
}

/* How many chunks go into the file before it is due for the next rotation by size or events. */
static uint32_t before_rotation(const struct file_sink *f, const struct ft_chunk *chunks,
                                uint32_t n)
{
    uint64_t size = f->at.size + chunks[0].len;
    uint64_t events = f->rotate_rows > 0 ? f->at.events + events_of(&chunks[0]) : 0;
    uint32_t k = 1;

    for (; k < n && k < FT__CHUNKS_MOST; k++) {
        size += chunks[k].len;
        events += f->rotate_rows > 0 ? events_of(&chunks[k]) : 0;
        if ((f->rotate_size > 0 && size > f->rotate_size) || events > f->rotate_rows) {
            break;
        }
    }
    return k;
}

/* Of n chunks taken bytes are out: whole events stay, the rest of the chunk that was begun is lost.
 * Returns how many chunks that were. */
static uint32_t keep_whole(struct file_sink *f, const struct ft_chunk *chunks, uint32_t n,
                           uint64_t before, size_t taken)
{
    size_t kept = 0;
    uint32_t i = 0;

    for (; i < n && taken - kept >= chunks[i].len; i++, f->at.chunks++) {
        f->at.events += events_of(&chunks[i]);
        ft_tally_chunk(&f->sink.arrived, &chunks[i], 0, chunks[i].len);
        kept += chunks[i].len;
    }
    if (i == n) {
        return n;
    }
    uint32_t whole = ft_chunk_whole(&chunks[i], taken - kept);

    ft_tally_chunk(&f->sink.arrived, &chunks[i], 0, whole);
    ft_tally_chunk(&f->sink.lost, &chunks[i], whole, chunks[i].len);
    ft__file_cut(f, before + kept + whole);
    return i + 1;
}

/* Several chunks with one call. */
static int put_chunks(struct file_sink *f, const struct ft_chunk *chunks, uint32_t *n)
{
    struct iovec v[FT__CHUNKS_MOST];
    uint64_t before;
    size_t taken;

    f->coming = chunks[0].data;
    ft__file_rotate_if_due(f, chunks[0].len, f->rotate_rows > 0 ? events_of(&chunks[0]) : 0);
    uint32_t k = before_rotation(f, chunks, *n);

    for (uint32_t i = 0; i < k; i++) {
        v[i] = (struct iovec){chunks[i].data, chunks[i].len};
    }
    int rc = put(f, v, (int)k, &before, &taken);

    f->coming = NULL;
    if (rc == FT_OK && f->fsync == FT__FSYNC_FRAME) {
        rc = ft__file_sync(f);
        if (rc != FT_OK) { /* it is in the file, but may not stay there */
            for (uint32_t i = 0; i < k; i++) {
                ft_tally_chunk(&f->sink.lost, &chunks[i], 0, chunks[i].len);
            }
            *n = k;
            return rc;
        }
    }
    *n = keep_whole(f, chunks, k, before, taken);
    return rc;
}

/* The open frame as it goes into the file, for whose size it may rotate first; the time was looked
 * at before the frame was begun. */
static int pack_frame(struct file_sink *f, const uint8_t **out, size_t *len)
{
    int rc = f->z != NULL ? ft_compress(f->z, f->frame, f->frame_len, out, len) : FT_OK;

    if (rc == FT_OK && ft__file_rotate_in(f) != 0) { /* what is late belongs where it is */
        ft__file_rotate_if_due(f, f->z != NULL ? *len : f->frame_len / PACKS_TO,
                               ft_tally_events(&f->held));
    }
    if (rc != FT_OK || f->z != NULL) {
        return rc;
    }
    rc = ft__file_ready(f); /* it has to be known where it will lie */
    return rc == FT_OK
               ? f->env.pack(f->env.pack_cookie, f->frame, f->frame_len, f->at.size, out, len)
               : rc;
}

static int put_frame(struct file_sink *f)
{
    uint64_t before;
    const uint8_t *z;
    size_t zlen, taken;
    int rc = pack_frame(f, &z, &zlen);

    if (rc != FT_OK) {
        return rc;
    }
    struct iovec v = {(void *)(uintptr_t)z, zlen};

    rc = put(f, &v, 1, &before, &taken);
    if (rc != FT_OK) {
        ft__file_cut(f, before);
        return rc;
    }
    f->at.chunks++;
    f->at.events += ft_tally_events(&f->held);
    return f->fsync == FT__FSYNC_FRAME ? ft__file_sync(f) : FT_OK;
}

/* Closes the open frame: all that is held has arrived, or is lost. */
static int close_frame(struct file_sink *f)
{
    int rc = f->frame_len > 0 ? put_frame(f) : FT_OK;

    f->frame_len = 0;
    ft_tally_move(rc == FT_OK ? &f->sink.arrived : &f->sink.lost, &f->held);
    return rc;
}

static bool frame_due(const struct file_sink *f)
{
    return f->frame_len >= f->frame_most || ft_mono_ms() - f->frame_ms >= f->frame_span_ms;
}

/* ---- the sink's operations ---- */

/* The header as it goes into each file: its compression must not be in the way of an event's. */
static int keep_header(struct file_sink *f)
{
    const uint8_t *data = f->env.header;
    size_t len = f->env.header_len;

    if (len > 0 && f->z != NULL) {
        int rc = ft_compress(f->z, data, len, &data, &len);

        if (rc != FT_OK) {
            return rc;
        }
    }
    if (len > 0) {
        f->header = ft_mem_alloc(1, len);
        if (f->header == NULL) {
            return FT_E_NOMEM;
        }
        memcpy(f->header, data, len);
        f->header_len = len;
    }
    return FT_OK;
}

/* What every file begins with, now that it can be known. */
static int make_late_header(struct file_sink *f)
{
    uint8_t head[FT_LATE_HEADER];

    if (f->env.late_header == NULL || f->header != NULL) {
        return FT_OK;
    }
    f->env.header_len = f->env.late_header(f->env.header_cookie, head);
    f->env.header = head;
    int rc = keep_header(f);

    f->env.header = NULL;
    return rc == FT_OK && f->at.fd >= 0 ? ft__file_begin(f) : rc;
}

/* Events that the file may still have, besides those that are held. */
static uint64_t events_room(const struct file_sink *f)
{
    uint64_t has = f->at.events + ft_tally_events(&f->held);

    return f->rotate_rows == 0 ? UINT64_MAX : has < f->rotate_rows ? f->rotate_rows - has : 0;
}

static int hold(struct file_sink *f, const struct ft_chunk *c)
{
    uint64_t events = f->rotate_rows > 0 ? events_of(c) : 0;
    int rc = FT_OK;

    if (f->frame_len > 0 && events_room(f) < events) {
        rc = close_frame(f);
    }
    if (f->frame_len == 0) {
        ft__file_rotate_if_due(f, 0, events);
        f->frame_ms = ft_mono_ms();
    }
    memcpy(f->frame + f->frame_len, c->data, c->len); /* there is room: frame_cap */
    f->frame_len += c->len;
    ft_tally_chunk(&f->held, c, 0, c->len);
    if (frame_due(f)) {
        int last = close_frame(f);

        rc = rc == FT_OK ? last : rc;
    }
    return rc;
}

/* Whole chunks, as many as go together. */
static int take_chunks(struct file_sink *f, const struct ft_chunk *chunks, uint32_t *n)
{
    if (f->frame != NULL) {
        *n = 1;
        return hold(f, &chunks[0]);
    }
    return put_chunks(f, chunks, n);
}

/* The end of so many lines behind offset at. */
static uint32_t lines_end(const struct ft_chunk *c, uint32_t at, uint64_t lines)
{
    const uint8_t *p = c->data + at, *end = c->data + c->len;

    for (; lines > 0 && p < end; lines--) {
        const uint8_t *nl = memchr(p, '\n', (size_t)(end - p));

        p = nl != NULL ? nl + 1 : end;
    }
    return (uint32_t)(p - c->data);
}

/* A chunk of more events than the file may still have: lines and messages one by one go into this
 * file or the next; a batch is not divided. */
static int take_divided(struct file_sink *f, const struct ft_chunk *c)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        const struct ft_mark *m = ft_chunk_mark(c, i);
        uint32_t left = m->count, one = 1;

        while (left > 0) {
            uint64_t room = events_room(f) > 0 ? events_room(f) : f->rotate_rows;
            uint32_t take = c->lines && room < left ? (uint32_t)room : left;
            uint32_t end = take < left ? lines_end(c, at, take) : m->end;
            struct ft_mark mark = {
                .key = m->key, .end = end - at, .count = take, .event = m->event};
            struct ft_chunk piece = {
                .data = c->data + at, .len = end - at, .n = 1, .behind = &mark + 1};

            piece.lines = c->lines;
            int rc = take_chunks(f, &piece, &one);

            at = end;
            left -= take;
            if (rc != FT_OK) {
                ft_tally_chunk(&f->sink.lost, c, at, c->len);
                return rc;
            }
        }
    }
    return FT_OK;
}

static int file_write(struct ft_sink *s, const struct ft_chunk *chunks, uint32_t *n)
{
    struct file_sink *f = file_of(s);
    int rc = FT_OK;

    ft__file_reopen_if_due(f);
    rc = make_late_header(f);
    if (rc != FT_OK) {
        ft_tally_chunk(&s->lost, &chunks[0], 0, chunks[0].len);
        *n = 1;
        return rc;
    }
    for (uint32_t i = 0; i < *n && rc == FT_OK; i++) {
        bool fits = f->rotate_rows == 0 || events_of(&chunks[i]) <= events_room(f);
        uint32_t done = fits ? *n - i : 1;

        rc = fits ? take_chunks(f, chunks + i, &done) : take_divided(f, &chunks[i]);
        i += done - 1;
        if (rc != FT_OK) {
            *n = i + 1;
        }
    }
    return rc;
}

static int file_flush(struct ft_sink *s)
{
    return close_frame(file_of(s));
}

/* The sooner of two delays; -1 is never. */
static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int64_t left(int64_t since_ms, int64_t span_ms)
{
    int64_t ms = since_ms + span_ms - ft_mono_ms();

    return ms > 0 ? ms : 0;
}

static int file_tick(struct ft_sink *s, int64_t *out_next_ms)
{
    struct file_sink *f = file_of(s);
    int rc = FT_OK;

    if (f->frame_len > 0 && (frame_due(f) || ft__file_rotate_in(f) == 0)) {
        rc = close_frame(f);
    }
    if (f->rotate_ns >
        0) { /* by size: when there is more to come, or an empty file would be left */
        ft__file_rotate_if_due(f, 0, 0);
    }
    if (f->fsync == FT__FSYNC_TIME && f->at.dirty && left(f->synced_ms, f->fsync_ms) == 0) {
        ft_ignore(ft__file_sync(f)); /* what fails is told by the sink's count */
    }
    *out_next_ms = ft__file_rotate_in(f);
    if (f->frame_len > 0) {
        *out_next_ms = sooner(*out_next_ms, left(f->frame_ms, f->frame_span_ms));
    }
    if (f->fsync == FT__FSYNC_TIME && f->at.dirty) {
        *out_next_ms = sooner(*out_next_ms, left(f->synced_ms, f->fsync_ms));
    }
    return rc;
}

static int file_reopen(struct ft_sink *s)
{
    struct file_sink *f = file_of(s);
    int rc;

    if (f->path == NULL || (f->at.fd >= 0 && !f->at.file)) {
        return FT_OK; /* what is not a file is not moved away */
    }
    rc = close_frame(f);
    ft__file_reopen(f);
    return rc;
}

static void file_give_up(struct ft_sink *s)
{
    uint64_t one = 1;

    if (write(file_of(s)->wake_fd, &one, sizeof one) < 0) {
        return; /* the counter is full: it is awake */
    }
}

static int file_close(struct ft_sink *s)
{
    struct file_sink *f = file_of(s);
    uint32_t failed = f->sink.failed;

    ft__file_say_rotations(f);
    if (f->at.fd >= 0) {
        ft_ignore(make_late_header(f)); /* nothing has come: an empty file with its beginning */
    }
    ft__file_close(f);
    int rc = f->sink.failed != failed ? FT_E_IO : FT_OK;

    if (f->wake_fd >= 0) {
        close(f->wake_fd);
    }
    ft_compressor_free(f->z);
    ft_map_free(f->frame, f->frame_cap);
    ft_mem_free(f->header);
    ft_mem_free(f->trailer);
    ft_mem_free(f->path);
    ft_mem_free(f->target);
    ft_mem_free(f);
    return rc;
}

/* ---- configuration ---- */

/* rotate=, keep=, fsync=: their texts were checked with the URL. */
static void configure_times(struct file_sink *f, const struct ft_output_url *url)
{
    const char *rotate = ft_output_url_get(url, "rotate");
    const char *keep = ft_output_url_get(url, "keep");
    const char *fsync = ft_output_url_get(url, "fsync");
    int64_t ns;

    if (rotate != NULL && !ft_parse_duration(rotate, &f->rotate_ns) &&
        !ft__file_parse_rows(rotate, &f->rotate_rows)) {
        ft_ignore(ft_parse_size(rotate, &f->rotate_size));
    }
    if (keep != NULL) {
        ft_ignore(ft_parse_keep(keep, &f->keep));
    }
    if (fsync != NULL && strcmp(fsync, "frame") == 0) {
        f->fsync = FT__FSYNC_FRAME;
    } else if (fsync != NULL && ft_parse_duration(fsync, &ns)) {
        f->fsync = FT__FSYNC_TIME;
        f->fsync_ms = ns / 1000000;
    }
}

static int configure_frames(struct file_sink *f, const struct ft_output_url *url,
                            struct ft_err *err)
{
    const char *compress = ft_output_url_get(url, "compress");
    size_t most = f->env.pack != NULL ? FT_PACK_MOST - f->env.chunk_most : FT__FRAME_MOST;
    int rc = FT_OK;

    if (compress == NULL && f->env.pack == NULL) {
        return FT_OK;
    }
    f->frame_most = f->rotate_size > 0 && f->rotate_size < most ? (size_t)f->rotate_size : most;
    f->frame_cap = f->frame_most + f->env.chunk_most;
    f->frame_span_ms = f->env.pack != NULL ? f->env.pack_ms : FT__FRAME_MS;
    f->sink.memory = f->frame_cap;
    if (compress != NULL) {
        rc = ft_compressor_new(compress, f->frame_cap, &f->z);
    }
    if (rc == FT_OK) {
        f->frame = ft_map_alloc_sparse(f->frame_cap);
        rc = f->frame == NULL ? FT_E_NOMEM : FT_OK;
    }
    return rc == FT_OK
               ? FT_OK
               : ft_err_set(
                     err, rc, "output %s: %s: %s", url->text, compress != NULL ? compress : "",
                     rc == FT_E_UNSUPPORTED ? "this build lacks the library" : ft_strerror(rc));
}

/* How long a file may become, 0: any length; the system would not say so before it writes. */
static uint64_t longest(void)
{
    struct rlimit most;

    return getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur != RLIM_INFINITY ? most.rlim_cur
                                                                                 : 0;
}

static int configure(struct file_sink *f, const struct ft_output_url *url, struct ft_err *err)
{
    f->size_most = longest();
    configure_times(f, url);
    int rc = configure_frames(f, url, err);

    if (rc != FT_OK) {
        return rc;
    }
    rc = keep_header(f);
    if (rc == FT_OK && f->env.trailer != NULL) {
        f->trailer = ft_mem_alloc(1, FT__TRAILER_ROOM);
        rc = f->trailer == NULL ? FT_E_NOMEM : FT_OK;
    }
    return rc == FT_OK ? rc : ft_err_set(err, rc, "output %s: %s", url->text, ft_strerror(rc));
}

/* One that has nothing open yet. On failure it is closed. */
static int file_new(const struct ft_output_url *url, const struct ft_output_env *env,
                    struct file_sink **out, struct ft_err *err)
{
    struct file_sink *f = ft_mem_alloc(1, sizeof *f);

    if (f == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    f->sink.ops = &ft_sink_file;
    f->env = *env;
    f->at.fd = -1;
    f->id = f->whole = -1;
    if (env->log != NULL) {
        f->log = *env->log;
    }
    f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = f->wake_fd < 0 ? ft_err_set(err, FT_E_IO, "output %s: %s", url->text, strerror(errno))
                            : configure(f, url, err);

    if (rc != FT_OK) {
        file_close(&f->sink);
        return rc;
    }
    *out = f;
    return FT_OK;
}

int ft__file_new_part(const struct ft_output_url *url, const struct ft_output_env *env,
                      struct file_sink **out, struct ft_err *err)
{
    struct file_sink *f = NULL;
    int rc = file_new(url, env, &f, err);

    rc = rc == FT_OK ? ft__file_place_part(f, url, err) : rc;
    if (rc != FT_OK) {
        if (f != NULL) {
            file_close(&f->sink);
        }
        return rc;
    }
    *out = f;
    return FT_OK;
}

static int file_open(const struct ft_output_url *url, const struct ft_output_env *env,
                     struct ft_sink **out, struct ft_err *err)
{
    struct file_sink *f = NULL;

    if (ft_hive_span_ns(url) > 0) {
        return ft__hive_open(url, env, out, err);
    }
    int rc = file_new(url, env, &f, err);

    if (rc != FT_OK) {
        return rc;
    }
    rc = ft__file_start(f, url, err);
    if (rc != FT_OK) {
        file_close(&f->sink);
        return rc;
    }
    *out = &f->sink;
    return FT_OK;
}

const struct ft_sink_ops ft_sink_file = {
    .name = "file",
    .help = "a file, a FIFO, or - for stdout",
    .params = {&ft__file_params, &ft__compress_params, &ft__rotate_params},
    .needs = FT_SANDBOX_FILES,
    .messages = true,
    .open = file_open,
    .write = file_write,
    .flush = file_flush,
    .tick = file_tick,
    .reopen = file_reopen,
    .give_up = file_give_up,
    .close = file_close,
};
