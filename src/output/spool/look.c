/* SPDX-License-Identifier: Apache-2.0 */
/* output/spool: what is in a spool, for people; see flowtap/spool.h. */
#include "flowtap/spool.h"

#include <string.h>

#include "output/spool/store.h"

static int look_into(const char *folder, struct ft_spool **out, struct ft_err *err)
{
    struct ft_spool_config cfg = {.folder = folder, .max_bytes = UINT64_MAX, .look = true};

    return ft_spool_open(&cfg, out, err);
}

int ft_spool_look(const char *folder, struct ft_spool_info *out, struct ft_err *err)
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
    ft_spool_close(s, false);
    return FT_OK;
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
