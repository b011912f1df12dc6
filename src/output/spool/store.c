/* SPDX-License-Identifier: Apache-2.0 */
/* output/spool: segments, frames and the cursor; see store.h. */
#include "output/spool/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#ifdef FT_HAVE_XXHASH
#include <xxhash.h>
#endif

#include "base/bounds.h"
#include "base/mem.h"
#include "base/time.h"
#include "output/spool/store_parts.h"

#ifndef FT_HAVE_XXHASH
static uint64_t XXH3_64bits(const void *data, size_t len) /* never called: it does not open */
{
    (void)data;
    return len;
}
#endif

/* ---- checks ---- */

static uint64_t check_of(const void *data, size_t len)
{
    return XXH3_64bits(data, len);
}

static uint64_t check_frame_header(const struct ft__frame_header *h)
{
    return check_of(h, offsetof(struct ft__frame_header, check));
}

static uint64_t check_cursor(const struct ft__cursor *c)
{
    return check_of(c, offsetof(struct ft__cursor, check));
}

static size_t padded(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

size_t ft__frame_len(const struct ft__frame_header *h)
{
    return sizeof *h + padded(h->data_len) + sizeof(struct ft_mark) * h->n_marks;
}

static bool number_sound(uint64_t n)
{
    return n > 0 && n <= FT__NUMBER_MOST;
}

static bool frame_sound(const struct ft__frame_header *h)
{
    return h->magic == FT__FRAME_MAGIC && h->data_len <= FT__FRAME_MOST &&
           h->n_marks <= h->data_len && ft__frame_len(h) <= FT__FRAME_MOST &&
           number_sound(h->number) && h->check == check_frame_header(h);
}

bool ft__cursor_sound(const struct ft__cursor *c)
{
    return memcmp(c->magic, FT__CURSOR_MAGIC, sizeof c->magic) == 0 &&
           number_sound(c->generation) && number_sound(c->first) && number_sound(c->next) &&
           c->first <= c->next && c->check == check_cursor(c);
}

static int64_t wall_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

bool ft__read_at(int fd, void *out, size_t len, uint64_t at)
{
    uint8_t *p = out;

    while (len > 0) {
        ssize_t got = pread(fd, p, len, (off_t)at);

        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        if (got > 0) {
            p += got;
            len -= (size_t)got;
            at += (uint64_t)got;
        }
    }
    return true;
}

bool ft__frame_find(int fd, uint64_t at, uint64_t end, struct ft__frame_header *h, uint64_t *out_at)
{
    union {
        struct ft__frame_header header;
        uint8_t bytes[16384];
    } window;

    if (end - at >= sizeof *h && ft__read_at(fd, h, sizeof *h, at) && frame_sound(h) &&
        ft__frame_len(h) <= end - at) {
        *out_at = at;
        return true;
    }
    at += 8; /* from here on it is searched for */
    while (at < end && end - at >= sizeof *h) {
        size_t len = end - at < sizeof window ? (size_t)(end - at) : sizeof window;
        size_t starts = (len - sizeof *h) / 8 + 1; /* places of a header that is in it whole */
        bool there = ft__read_at(fd, window.bytes, len, at);

        for (size_t i = 0; there && i < starts; i++) {
            memcpy(&h->magic, window.bytes + i * 8, sizeof h->magic);
            if (h->magic != FT__FRAME_MAGIC) {
                continue;
            }
            memcpy(h, window.bytes + i * 8, sizeof *h);
            if (frame_sound(h) && ft__frame_len(h) <= end - at - i * 8) {
                *out_at = at + i * 8;
                return true;
            }
        }
        at += starts * 8;
    }
    return false;
}

struct ft__totals ft__totals_behind(const struct ft__frame_header *h)
{
    struct ft__totals t = h->before;

    for (int e = 0; e < FT__EVENTS; e++) {
        t.n[e] += h->events[e];
    }
    t.bytes += h->data_len;
    return t;
}

bool ft__totals_between(const struct ft__totals *a, const struct ft__totals *b,
                        struct ft_tally *out)
{
    *out = (struct ft_tally){{0}, 0};
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        if (b->n[e] < a->n[e]) {
            return false;
        }
        out->n[e] = b->n[e] - a->n[e];
    }
    out->bytes = b->bytes - a->bytes;
    return b->bytes >= a->bytes;
}

/* Cuts what a failed write left. */
static void cut(int fd, uint64_t size)
{
    ft_ignore(ftruncate(fd, (off_t)size)); /* what stays fails its check */
}

/* Writes all of v at an offset; FT_E_AGAIN: no room; FT_E_IO. Then a part of it may be there. */
static int write_at(int fd, struct iovec *v, int n, uint64_t at)
{
    while (n > 0) {
        ssize_t got = pwritev(fd, v, n, (off_t)at);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 || errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? FT_E_AGAIN
                                                                                    : FT_E_IO;
        }
        at += (uint64_t)got;
        while (n > 0 && (size_t)got >= v->iov_len) {
            got -= (ssize_t)v->iov_len;
            v++;
            n--;
        }
        if (n > 0) {
            v->iov_base = (uint8_t *)v->iov_base + got;
            v->iov_len -= (size_t)got;
        }
    }
    return FT_OK;
}

/* Writes all of v behind what a segment has, or nothing; result as above. */
static int append_at(int fd, struct iovec *v, int n, uint64_t size)
{
    int rc = write_at(fd, v, n, size);

    if (rc != FT_OK) {
        cut(fd, size);
    }
    return rc;
}

/* ---- the cursor ---- */

bool ft__cursor_write(struct ft_spool *s, bool orderly)
{
    struct ft__cursor *c = &s->cursor;
    struct iovec v = {c, sizeof *c};

    if (s->cfg.look) {
        return true;
    }
    c->generation++;
    c->orderly = orderly;
    c->check = check_cursor(c);
    /* a cursor that cannot be written is an old one, in the other place: more comes twice */
    return write_at(s->cursor_fd, &v, 1, c->generation % 2 * FT__CURSOR_PLACE) == FT_OK;
}

/* ---- appending ---- */

/* With the lock: an empty segment becomes the newest. */
static struct ft__segment *begin_segment(struct ft_spool *s)
{
    struct ft__segment *g = NULL;

    for (uint32_t i = 0; i < FT_SPOOL_SEGMENTS && g == NULL; i++) {
        g = s->segment[i].number == 0 ? &s->segment[i] : NULL;
    }
    if (g != NULL) {
        g->number = s->cursor.next;
        g->size = 0;
    }
    return g;
}

static int write_segment_header(const struct ft__segment *g)
{
    static char magic[] = FT__SEGMENT_MAGIC;
    struct iovec v = {magic, FT__SEGMENT_HEADER};

    return append_at(g->fd, &v, 1, 0);
}

/* The segment that takes a frame of len bytes. FT_E_AGAIN: there is none. */
static int segment_for(struct ft_spool *s, size_t len, struct ft__segment **out)
{
    struct ft__segment *g = s->newest;
    uint64_t limit = s->cfg.max_bytes / FT_SPOOL_SEGMENTS;

    limit = limit > FT__SEGMENT_HEADER ? limit : FT__SEGMENT_HEADER + 1; /* a frame in each */
    pthread_mutex_lock(&s->lock);
    bool room = s->bytes + len + FT__SEGMENT_HEADER <= s->cfg.max_bytes;

    if (room && (g == NULL || g->number == 0 || g->size >= limit)) {
        struct ft__segment *fresh = begin_segment(s);

        /* max_bytes has grown since the others were begun: the last one takes more than its share
         */
        g = fresh != NULL || g == NULL || g->number == 0 ? fresh : g;
    }
    pthread_mutex_unlock(&s->lock);
    if (!room || g == NULL) {
        return FT_E_AGAIN;
    }
    if (g->size == 0) {
        int rc = write_segment_header(g);

        pthread_mutex_lock(&s->lock);
        if (rc == FT_OK) {
            g->size = FT__SEGMENT_HEADER;
            s->bytes += g->size;
            s->newest = g;
        } else {
            g->number = 0;
        }
        pthread_mutex_unlock(&s->lock);
        if (rc != FT_OK) {
            return rc;
        }
    }
    *out = g;
    return FT_OK;
}

static void fill_header(struct ft_spool *s, const struct ft_chunk *c, struct ft__frame_header *h)
{
    struct ft_tally t = {{0}, 0};

    ft_tally_chunk(&t, c, 0, c->len);
    *h = (struct ft__frame_header){.magic = FT__FRAME_MAGIC,
                                   .data_len = c->len,
                                   .n_marks = c->n,
                                   .lines = c->lines,
                                   .number = s->cursor.next,
                                   .run = s->run,
                                   .producer = s->cursor.producer,
                                   .shape = s->cfg.shape,
                                   .made_ns = wall_ns(),
                                   .before = s->cursor.next_before};
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        h->events[e] = (uint32_t)t.n[e];
    }
}

static uint64_t check_body(const struct ft_chunk *c)
{
    uint64_t parts[2] = {check_of(c->data, c->len),
                         check_of(c->behind - c->n, sizeof(struct ft_mark) * c->n)};

    return check_of(parts, sizeof parts);
}

int ft_spool_append(struct ft_spool *s, const struct ft_chunk *c)
{
    static uint8_t zeros[8];
    struct ft__frame_header h;
    struct ft__segment *g = NULL;

    fill_header(s, c, &h);
    h.body_check = check_body(c);
    h.check = check_frame_header(&h);
    size_t len = ft__frame_len(&h);
    struct iovec v[] = {{&h, sizeof h},
                        {c->data, c->len},
                        {zeros, padded(c->len) - c->len},
                        {c->behind - c->n, sizeof(struct ft_mark) * c->n}};
    int rc = segment_for(s, len, &g);

    if (rc == FT_OK) {
        rc = append_at(g->fd, v, 4, g->size);
    }
    if (rc == FT_OK) {
        pthread_mutex_lock(&s->lock);
        g->size += len;
        s->bytes += len;
        s->cursor.next++;
        s->cursor.next_before = ft__totals_behind(&h);
        pthread_mutex_unlock(&s->lock);
    }
    return rc;
}

/* ---- reading ---- */

/* With the lock: the oldest segment from that number on. */
static struct ft__segment *segment_from(struct ft_spool *s, uint64_t number)
{
    struct ft__segment *best = NULL;

    for (uint32_t i = 0; i < FT_SPOOL_SEGMENTS; i++) {
        struct ft__segment *g = &s->segment[i];

        if (g->number >= number && g->number != 0 && (best == NULL || g->number < best->number)) {
            best = g;
        }
    }
    return best;
}

/* How far the frames go that are there. */
struct reach {
    struct ft__segment *segment; /* of the next one */
    uint64_t end;                /* of what is whole in it */
    uint64_t number;             /* after the last that was appended */
    struct ft__totals before;    /* likewise */
};

/* The segment and place of the next frame, as far as what is appended reaches. FT_E_AGAIN. */
static int find_next(struct ft_spool *s, struct reach *out)
{
    int rc = FT_E_AGAIN;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        struct ft__segment *g = segment_from(s, s->at_segment);

        if (g == NULL || g->size == 0) {
            break;
        }
        if (g->number != s->at_segment) {
            s->at_segment = g->number;
            s->at = FT__SEGMENT_HEADER;
        }
        if (s->at < g->size) {
            out->segment = g;
            out->end = g->size;
            rc = FT_OK;
            break;
        }
        if (g == s->newest || segment_from(s, s->at_segment + 1) == NULL) {
            break;
        }
        s->at_segment++;
        s->at = FT__SEGMENT_HEADER;
    }
    out->number = s->cursor.next;
    out->before = s->cursor.next_before;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static void fill_frame(struct ft_spool *s, const struct ft__frame_header *h,
                       const struct ft__segment *g, struct ft_spool_frame *out)
{
    *out = (struct ft_spool_frame){.run = h->run,
                                   .made_ns = h->made_ns,
                                   .segment = (uint32_t)(g - s->segment),
                                   .position = s->at};
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        out->tally.n[e] = h->events[e];
    }
    out->tally.bytes = h->data_len;
    out->chunk.number = h->number;
    if (s->cfg.max_age_ns > 0 && ft_time_sub(wall_ns(), h->made_ns) > s->cfg.max_age_ns) {
        out->state = FT_SPOOL_EXPIRED;
    }
}

static void fill_chunk(struct ft_spool *s, const struct ft__frame_header *h, struct ft_chunk *out)
{
    size_t marks = sizeof(struct ft_mark) * h->n_marks;
    uint8_t *end = s->frame + padded(h->data_len) + marks;

    *out = (struct ft_chunk){.data = s->frame,
                             .len = h->data_len,
                             .n = h->n_marks,
                             .behind = (struct ft_mark *)(void *)end,
                             .lines = h->lines != 0,
                             .producer = h->producer,
                             .number = h->number};
}

/* Whether the marks of a chunk lie within it, one after the other. */
static bool marks_sound(const struct ft_chunk *c)
{
    uint32_t before = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        const struct ft_mark *m = ft_chunk_mark(c, i);

        if (m->end < before || m->end > c->len || m->event >= FT_EVENT__COUNT) {
            return false;
        }
        before = m->end;
    }
    return before == c->len;
}

/* The header of the next frame that was not read, at s->at of r->segment. FT_E_AGAIN. */
static int next_header(struct ft_spool *s, struct reach *r, struct ft__frame_header *h)
{
    while (find_next(s, r) == FT_OK) {
        if (!ft__frame_find(r->segment->fd, s->at, r->end, h, &s->at)) {
            s->at = r->end;
        } else if (h->number < s->read_to || h->number >= r->number) {
            s->at += ft__frame_len(h); /* it was read; look: it came since, where another was */
        } else {
            return FT_OK;
        }
    }
    return FT_E_AGAIN;
}

/* What is missing between what was read and upto, as a frame. False: nothing. */
static bool take_missing(struct ft_spool *s, const struct ft__totals *upto,
                         struct ft_spool_frame *out)
{
    struct ft_tally rest;
    bool earlier = ft__totals_between(&s->before, &s->border, &rest) && ft_tally_events(&rest) > 0;
    const struct ft__totals *to =
        earlier && ft__totals_between(&s->border, upto, &rest) ? &s->border : upto;

    *out = (struct ft_spool_frame){.state = FT_SPOOL_MISSING,
                                   .run = earlier ? 0 : s->run,
                                   .chunk.number = s->read_to,
                                   .position = s->at};
    bool some = ft__totals_between(&s->before, to, &out->tally) && ft_tally_events(&out->tally) > 0;

    s->before = *to;
    return some;
}

static int read_frame(struct ft_spool *s, const struct ft__segment *g,
                      const struct ft__frame_header *h, struct ft_spool_frame *out)
{
    size_t body = ft__frame_len(h) - sizeof *h;

    if (body > s->frame_room) { /* look: it was appended since, by somebody with larger ones */
        return FT_E_AGAIN;
    }
    fill_frame(s, h, g, out);
    if (out->state == FT_SPOOL_WHOLE) {
        fill_chunk(s, h, &out->chunk);
        if (!ft__read_at(g->fd, s->frame, body, s->at + sizeof *h) ||
            check_body(&out->chunk) != h->body_check || !marks_sound(&out->chunk)) {
            out->state = FT_SPOOL_DAMAGED;
        }
    }
    s->at += sizeof *h + body;
    s->read_to = h->number + 1;
    s->before = ft__totals_behind(h);
    return FT_OK;
}

int ft_spool_next(struct ft_spool *s, struct ft_spool_frame *out)
{
    struct ft__frame_header h;
    struct reach r = {.segment = NULL};
    bool there = next_header(s, &r, &h) == FT_OK;
    const struct ft__totals *upto = there ? &h.before : &r.before;

    while (memcmp(&s->before, upto, sizeof *upto) != 0) {
        if (take_missing(s, upto, out)) {
            out->segment = there ? (uint32_t)(r.segment - s->segment) : 0;
            return FT_OK;
        }
    }
    if (!there) {
        s->read_to = r.number;
        return FT_E_AGAIN;
    }
    return read_frame(s, r.segment, &h, out);
}

/* With the lock: a segment is free again. */
static void empty(struct ft_spool *s, struct ft__segment *g)
{
    cut(g->fd, 0);
    s->bytes -= g->size;
    g->number = 0;
    g->size = 0;
}

void ft_spool_done(struct ft_spool *s)
{
    if (s->cfg.look || (s->read_to <= s->cursor.first &&
                        memcmp(&s->before, &s->cursor.first_before, sizeof s->before) == 0)) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->cursor.first = s->read_to;
    s->cursor.first_before = s->before;
    bool told = ft__cursor_write(s, false);

    for (uint32_t i = 0; i < FT_SPOOL_SEGMENTS; i++) {
        struct ft__segment *g = &s->segment[i];

        if (g->number != 0 && g->number < s->at_segment) {
            empty(s, g);
        }
    }
    if (!told) { /* there may be room now; or what was emptied is said to be missing next time */
        ft_ignore(ft__cursor_write(s, false));
    }
    pthread_mutex_unlock(&s->lock);
}

/* Adds what of a segment was not delivered. */
static void add_segment(struct ft_spool *s, const struct ft__segment *g, struct ft_tally *own,
                        struct ft_tally *earlier)
{
    struct ft__frame_header h;
    uint64_t at = FT__SEGMENT_HEADER;

    while (ft__frame_find(g->fd, at, g->size, &h, &at)) {
        struct ft_tally *t = h.run == s->run ? own : earlier;

        for (enum ft_event e = 0; e < FT_EVENT__COUNT && h.number >= s->cursor.first; e++) {
            t->n[e] += h.events[e];
        }
        at += ft__frame_len(&h);
    }
}

bool ft_spool_gone(struct ft_spool *s, struct ft_tally *own, struct ft_tally *earlier)
{
    struct stat st;

    *own = *earlier = (struct ft_tally){{0}, 0};
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < FT_SPOOL_SEGMENTS; i++) {
        struct ft__segment *g = &s->segment[i];

        if (g->number != 0 && fstat(g->fd, &st) == 0 && st.st_nlink == 0) {
            add_segment(s, g, own, earlier);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return ft_tally_events(own) + ft_tally_events(earlier) > 0;
}

/* ---- what is in it ---- */

uint64_t ft_spool_bytes(struct ft_spool *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t n = s->bytes;

    pthread_mutex_unlock(&s->lock);
    return n;
}

uint32_t ft_spool_fill(struct ft_spool *s)
{
    uint64_t bytes = ft_spool_bytes(s), most = s->cfg.max_bytes;
    struct statfs disk;

    if (fstatfs(s->folder_fd, &disk) == 0 && disk.f_blocks > 0) { /* 0: it does not tell */
        uint64_t room = (uint64_t)disk.f_bavail * (uint64_t)disk.f_bsize;

        most = room < most && bytes + room < most ? bytes + room : most;
    }
    return most > 0 ? (uint32_t)(bytes * 100 / most) : 100;
}

uint64_t ft_spool_run(const struct ft_spool *s)
{
    return s->run;
}

void ft_spool_content(const struct ft_spool *s, struct ft_spool_content *out)
{
    *out = s->found;
}

size_t ft_spool_budget(uint32_t frame_most)
{
    return sizeof(struct ft_spool) + frame_most;
}
