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

static uint64_t check_segment_header(const struct ft__segment_header *h)
{
    return check_of(h, offsetof(struct ft__segment_header, check));
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

bool ft__frame_sound(const struct ft__frame_header *h)
{
    return h->magic == FT__FRAME_MAGIC && h->data_len <= FT__FRAME_MOST &&
           h->n_marks <= h->data_len && number_sound(h->number) &&
           h->check == check_frame_header(h);
}

bool ft__segment_sound(const struct ft__segment_header *h)
{
    return memcmp(h->magic, FT__SEGMENT_MAGIC, sizeof h->magic) == 0 && number_sound(h->number) &&
           h->check == check_segment_header(h);
}

bool ft__cursor_sound(const struct ft__cursor *c)
{
    return memcmp(c->magic, FT__CURSOR_MAGIC, sizeof c->magic) == 0 &&
           number_sound(c->generation) && number_sound(c->first) && number_sound(c->next) &&
           c->check == check_cursor(c);
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

void ft__cursor_write(struct ft_spool *s, bool orderly)
{
    struct ft__cursor *c = &s->cursor;
    struct iovec v = {c, sizeof *c};

    if (s->cfg.look) {
        return;
    }
    c->generation++;
    c->orderly = orderly;
    c->check = check_cursor(c);
    /* a cursor that cannot be written is an old one, in the other place: more comes twice */
    ft_ignore(write_at(s->cursor_fd, &v, 1, c->generation % 2 * FT__CURSOR_PLACE));
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
        g->number = s->next_segment++;
        g->size = 0;
    }
    return g;
}

static int write_segment_header(struct ft_spool *s, const struct ft__segment *g)
{
    struct ft__segment_header h = {.magic = FT__SEGMENT_MAGIC,
                                   .number = g->number,
                                   .producer = s->cursor.producer,
                                   .shape = s->cfg.shape,
                                   .made_ns = wall_ns()};
    struct iovec v = {&h, sizeof h};

    h.check = check_segment_header(&h);
    return append_at(g->fd, &v, 1, 0);
}

/* The segment that takes a frame of len bytes. FT_E_AGAIN: there is none. */
static int segment_for(struct ft_spool *s, size_t len, struct ft__segment **out)
{
    struct ft__segment *g = s->newest;
    uint64_t limit = s->cfg.max_bytes / FT_SPOOL_SEGMENTS;

    pthread_mutex_lock(&s->lock);
    bool room = s->bytes + len + sizeof(struct ft__segment_header) <= s->cfg.max_bytes;

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
        int rc = write_segment_header(s, g);

        pthread_mutex_lock(&s->lock);
        if (rc == FT_OK) {
            g->size = sizeof(struct ft__segment_header);
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
                                   .made_ns = wall_ns()};
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

/* The segment and place of the next frame, as far as what is appended reaches. FT_E_AGAIN. */
static int find_next(struct ft_spool *s, struct ft__segment **out, uint64_t *out_end)
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
            s->at = sizeof(struct ft__segment_header);
        }
        if (s->at < g->size) {
            *out = g;
            *out_end = g->size;
            rc = FT_OK;
            break;
        }
        if (g == s->newest || segment_from(s, s->at_segment + 1) == NULL) {
            break;
        }
        s->at_segment++;
        s->at = sizeof(struct ft__segment_header);
    }
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
                             .producer = s->cursor.producer,
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

/* The header of the next frame that is not delivered, at s->at of *out. FT_E_AGAIN. */
static int next_header(struct ft_spool *s, struct ft__segment **out, struct ft__frame_header *h)
{
    uint64_t end = 0;

    while (find_next(s, out, &end) == FT_OK) {
        if (end - s->at < sizeof *h || !ft__read_at((*out)->fd, h, sizeof *h, s->at) ||
            !ft__frame_sound(h) || ft__frame_len(h) > end - s->at) {
            s->at = end; /* what follows the damage in this segment cannot be found */
        } else if (h->number < s->cursor.first) {
            s->at += ft__frame_len(h);
        } else {
            return FT_OK;
        }
    }
    return FT_E_AGAIN;
}

int ft_spool_next(struct ft_spool *s, struct ft_spool_frame *out)
{
    struct ft__segment *g = NULL;
    struct ft__frame_header h;

    if (next_header(s, &g, &h) != FT_OK) {
        return FT_E_AGAIN;
    }
    size_t body = ft__frame_len(&h) - sizeof h;

    if (body > s->frame_room) { /* look: it was appended since, by somebody with larger ones */
        return FT_E_AGAIN;
    }

    fill_frame(s, &h, g, out);
    if (out->state == FT_SPOOL_WHOLE) {
        fill_chunk(s, &h, &out->chunk);
        if (!ft__read_at(g->fd, s->frame, body, s->at + sizeof h) ||
            check_body(&out->chunk) != h.body_check || !marks_sound(&out->chunk)) {
            out->state = FT_SPOOL_DAMAGED;
        }
    }
    s->at += sizeof h + body;
    s->read_to = h.number + 1;
    return FT_OK;
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
    if (s->cfg.look || s->read_to <= s->cursor.first) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->cursor.first = s->read_to;
    ft__cursor_write(s, false);
    for (uint32_t i = 0; i < FT_SPOOL_SEGMENTS; i++) {
        struct ft__segment *g = &s->segment[i];

        if (g->number != 0 && g->number < s->at_segment) {
            empty(s, g);
        }
    }
    pthread_mutex_unlock(&s->lock);
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
    return (uint32_t)(ft_spool_bytes(s) * 100 / s->cfg.max_bytes);
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
