/* SPDX-License-Identifier: Apache-2.0 */
/* source/file: reads a mapped input in place, see file.h.
 *
 * Every MAP_STEP the next MAP_STEP of pages is asked for at once (MADV_POPULATE_READ), and pages
 * MAP_LAG behind the walk are given back. Measured with 1 GB and 3 GB, whole process, Linux 6.18:
 * in the page cache that costs what faults by themselves cost (20-23 ns a packet of an Internet
 * mix) and read() into a buffer twice as much on large packets; from the disk it runs at the disk's
 * rate (190 ns a packet, faults 480). Not MADV_SEQUENTIAL: it fills the page cache with small
 * folios, and every later walk of that file takes three times as long (68 ns instead of 23). */
#include <sys/mman.h>
#include <sys/stat.h>

#include "source/file/parts.h"

enum { MAP_STEP = 4 << 20, MAP_LAG = 16 << 20 };

void ft__map_resume(struct ft__file *s, const struct ft__input *in, uint64_t off)
{
    ft_walk_set(&s->walk, in->map + off, (size_t)(in->map_len - off));
    s->win = in->map;
    s->win_off = 0;
    s->map_checked = 0;
    s->map_given = 0;
    s->scout = (struct ft__scout){NULL, 0};
    s->begun = true;
}

static int begin(struct ft__file *s, struct ft__input *in, struct ft_err *err)
{
    size_t used = 0;
    int rc = ft__format_begin(s, in, in->map, in->map_len, &used, err);

    if (rc == FT_E_TRUNCATED) {
        return ft__file_err(err, rc, 0, "%s: file header is truncated: needs %zu bytes, %zu left",
                            in->name, used, in->map_len);
    }
    if (rc != FT_OK) {
        return rc;
    }
    ft__map_resume(s, in, used);
    return FT_OK;
}

/* The file may have been cut since it was mapped: nothing behind its end is touched then. */
static void check_size(struct ft__file *s, const struct ft__input *in, uint64_t off)
{
    struct stat st;

    if (fstat(in->fd, &st) == 0 && (uint64_t)st.st_size < (uint64_t)(s->walk.end - s->win)) {
        s->walk.end = s->win + ((uint64_t)st.st_size > off ? (uint64_t)st.st_size : off);
    }
}

/* At the first byte of every MAP_STEP. What madvise() cannot do happens by itself, only slower. */
static void step(struct ft__file *s, struct ft__input *in, uint64_t off)
{
    uint64_t at = off / MAP_STEP * MAP_STEP;

    check_size(s, in, off);
    s->map_checked = at + MAP_STEP;
#ifdef MADV_POPULATE_READ
    if (at < (uint64_t)(s->walk.end - s->win)) {
        uint64_t left = (uint64_t)(s->walk.end - s->win) - at;

        madvise(in->map + at, left < MAP_STEP ? (size_t)left : MAP_STEP, MADV_POPULATE_READ);
    }
#endif
    if (at > MAP_LAG + s->map_given) {
        uint64_t to = at - MAP_LAG;

        madvise(in->map + s->map_given, (size_t)(to - s->map_given), MADV_DONTNEED);
        s->map_given = to;
    }
}

/* At a stretch's end: has the next one followed, of the pages that step() brought. */
static void scout(struct ft__file *s)
{
    const uint8_t *edge = s->win + s->map_checked;

    if (s->walk.p < s->scout.until || s->format.kind != FT__FORMAT_PCAP ||
        !ft__scout_can(&s->format.pcap)) {
        return;
    }
    edge = edge < s->walk.end ? edge : s->walk.end;
    if (edge > s->walk.p) {
        s->walk.ahead = ft__scout_next(&s->scout, s->walk.p, edge);
    }
}

/* Packets from the walk's place on, through as many captures as begin there. */
static int walk(struct ft__file *s, struct ft__input *in, struct ft_batch *b, struct ft_err *err)
{
    for (;;) {
        int rc = ft__format_walk(&s->format, &s->walk, b->views, b->cap, &b->n);

        if (b->n > 0 || rc != FT_E_FORMAT) {
            return rc;
        }
        rc = ft__format_join(s, in, err);
        rc = rc == FT_OK ? ft__format_vet(s, in, err) : rc;
        if (rc != FT_OK && rc != FT_E_AGAIN) {
            return rc;
        }
    }
}

int ft__map_read(struct ft__file *s, struct ft__input *in, struct ft_batch *b, struct ft_err *err)
{
    uint64_t off;
    int rc;

    if (!s->begun && (rc = begin(s, in, err)) != FT_OK) {
        return rc;
    }
    off = (uint64_t)(s->walk.p - s->win);
    if (off >= s->map_checked) {
        step(s, in, off);
    }
    scout(s);
    rc = walk(s, in, b, err);
    ft_count_set(&s->pos, s->done + (uint64_t)(s->walk.p - s->win));
    if (b->n > 0) {
        return ft__format_filter(s, in, b->views, b->n, err);
    }
    if (rc == FT_E_AGAIN) {
        return ft__format_whole(s) ? FT_E_EOF : ft__format_truncated(s, in, err);
    }
    return rc == FT_E_CORRUPT ? ft__format_corrupt(s, in, err) : rc;
}
