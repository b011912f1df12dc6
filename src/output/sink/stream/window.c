/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/stream: the window, see window.h. */
#include "output/sink/stream/window.h"

#include <string.h>

#include "base/mem.h"

enum { ROOM_CHUNKS = 8 };

int ft__window_open(struct ft__window *w, uint32_t chunk_most)
{
    *w = (struct ft__window){.room = chunk_most * ROOM_CHUNKS, .chunk_most = chunk_most};
    w->data = ft_map_alloc(w->room);
    return w->data != NULL ? FT_OK : FT_E_NOMEM;
}

void ft__window_close(struct ft__window *w)
{
    if (w->data != NULL) {
        ft_map_free(w->data, w->room);
    }
    w->data = NULL;
}

static struct ft__window_frame *frame_at(const struct ft__window *w, uint32_t i)
{
    return (struct ft__window_frame *)&w->frame[(w->head + i) % FT_WINDOW_FRAMES];
}

/* Bytes that a chunk takes: its marks lie behind it. */
static uint32_t space_of(const struct ft_chunk *c)
{
    return ((c->len + 7) & ~7u) + (uint32_t)sizeof(struct ft_mark) * c->n;
}

/* Where a chunk would lie; UINT32_MAX: nowhere now. */
static uint32_t place_for(const struct ft__window *w, uint32_t space)
{
    uint32_t oldest;

    if (w->n == 0) {
        return space <= w->room ? 0 : UINT32_MAX;
    }
    if (w->n == FT_WINDOW_FRAMES) {
        return UINT32_MAX;
    }
    oldest = (uint32_t)(frame_at(w, 0)->chunk.data - w->data);
    if (w->at > oldest) {
        if (w->room - w->at >= space) {
            return w->at;
        }
        return oldest >= space ? 0 : UINT32_MAX;
    }
    return oldest - w->at >= space ? w->at : UINT32_MAX;
}

bool ft__window_fits(const struct ft__window *w, const struct ft_chunk *c)
{
    return place_for(w, space_of(c)) != UINT32_MAX;
}

void ft__window_put(struct ft__window *w, const struct ft_chunk *c)
{
    uint32_t space = space_of(c), at = place_for(w, space);
    struct ft__window_frame *f = frame_at(w, w->n);
    uint8_t *p = w->data + at;

    f->begin = w->end;
    f->chunk = *c;
    f->chunk.data = memcpy(p, c->data, c->len);
    f->chunk.behind = (struct ft_mark *)(void *)(p + space);
    memcpy(f->chunk.behind - c->n, c->behind - c->n, sizeof(struct ft_mark) * c->n);
    w->n++;
    w->at = at + space;
    w->end += c->len;
}

const uint8_t *ft__window_from(const struct ft__window *w, uint64_t offset, size_t *out_len)
{
    for (uint32_t i = w->n; i-- > 0;) { /* usually the newest */
        const struct ft__window_frame *f = frame_at(w, i);

        if (offset >= f->begin) {
            *out_len = (size_t)(f->begin + f->chunk.len - offset);
            return *out_len > 0 ? f->chunk.data + (offset - f->begin) : NULL;
        }
    }
    return NULL;
}

uint64_t ft__window_done(struct ft__window *w, uint64_t before, uint64_t offset, struct ft_tally *t)
{
    uint64_t done = before;

    while (w->n > 0) {
        struct ft__window_frame *f = frame_at(w, 0);
        uint32_t from = (uint32_t)(done - f->begin);
        uint32_t to = offset >= f->begin + f->chunk.len ? f->chunk.len
                      : offset > f->begin ? ft_chunk_whole(&f->chunk, offset - f->begin)
                                          : 0;

        if (to > from) {
            ft_tally_chunk(t, &f->chunk, from, to);
            done = f->begin + to;
        }
        if (to < f->chunk.len) {
            break;
        }
        w->head = (w->head + 1) % FT_WINDOW_FRAMES;
        w->n--;
    }
    return done;
}

void ft__window_lose(struct ft__window *w, uint64_t before, struct ft_tally *t)
{
    ft__window_done(w, before, w->end, t);
}
