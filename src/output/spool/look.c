/* SPDX-License-Identifier: Apache-2.0 */
/* output/spool: what is in a spool, for people; see flowtap/spool.h. */
#include "flowtap/spool.h"

#include <string.h>

#include "output/spool/store.h"

enum { LOOKS = 4 };

/* Opens twice: what is appended between the files that the first time goes over is left out. */
static int look_into(const char *folder, struct ft_spool **out, struct ft_err *err)
{
    struct ft_spool_config cfg = {.folder = folder, .max_bytes = UINT64_MAX, .look = true};
    struct ft_spool_content c;
    int rc = ft_spool_open(&cfg, out, err);

    if (rc == FT_OK) {
        ft_spool_content(*out, &c);
        ft_spool_close(*out, false);
        cfg.upto = c.next;
        rc = ft_spool_open(&cfg, out, err);
    }
    return rc;
}

/* One look; *out_moved: who writes it has moved on meanwhile. */
static int look_once(const char *folder, struct ft_spool_info *out, bool *out_moved,
                     struct ft_err *err)
{
    struct ft_spool_content c;
    struct ft_spool_frame f;
    struct ft_spool *s = NULL;
    int rc = look_into(folder, &s, err);

    if (rc != FT_OK) {
        return rc;
    }
    ft_spool_content(s, &c);
    *out = (struct ft_spool_info){.bytes = c.tally.bytes,
                                  .frames = c.frames,
                                  .first_frame = c.first,
                                  .next_frame = c.next,
                                  .producer = c.producer,
                                  .oldest_ns = c.oldest_ns,
                                  .disk_bytes = c.disk_bytes,
                                  .segments = c.segments,
                                  .damaged_segments = c.damaged,
                                  .missing_events = ft_tally_events(&c.missing),
                                  .orderly = c.orderly};
    memcpy(out->events, c.tally.n, sizeof out->events);
    while (ft_spool_next(s, &f) == FT_OK) {
        out->damaged_frames += f.state == FT_SPOOL_DAMAGED;
    }
    *out_moved = ft_spool_moved(s);
    ft_spool_close(s, false);
    return FT_OK;
}

int ft_spool_look(const char *folder, struct ft_spool_info *out, struct ft_err *err)
{
    bool moved = true;
    int rc = FT_OK;

    for (int i = 0; i < LOOKS && rc == FT_OK && moved; i++) {
        rc = look_once(folder, out, &moved, err);
    }
    if (rc == FT_OK && moved) { /* it goes on too fast to tell */
        out->missing_events = out->damaged_frames = out->damaged_segments = 0;
    }
    return rc;
}

int ft_spool_each(const char *folder, int (*fn)(void *cookie, const void *data, size_t len),
                  void *cookie, struct ft_err *err)
{
    struct ft_spool_frame f;
    struct ft_spool *s = NULL;
    int rc = look_into(folder, &s, err);

    if (rc != FT_OK) {
        return rc;
    }
    while (ft_spool_next(s, &f) == FT_OK) {
        if (f.state == FT_SPOOL_WHOLE && fn(cookie, f.chunk.data, f.chunk.len) != 0) {
            break;
        }
    }
    ft_spool_close(s, false);
    return FT_OK;
}
