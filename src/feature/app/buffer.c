/* SPDX-License-Identifier: Apache-2.0 */
/* feature/app: buffers of streams whose first bytes are not whole, see state.h. */
#include <string.h>

#include "feature/app/state.h"

void ft__app_give_back(struct ft_apps *a, struct stream *s)
{
    if (s->buffer != NO_BUFFER) {
        a->buffer[s->buffer].next_free = a->free;
        a->free = s->buffer;
        s->buffer = NO_BUFFER;
    }
}

void ft__app_finish(struct ft_apps *a, struct stream *s)
{
    ft__app_give_back(a, s);
    s->over = true;
    s->packets = 0; /* now those that come while the other side says nothing */
}

bool ft__app_take_buffer(struct ft_apps *a, struct stream *s)
{
    if (s->buffer != NO_BUFFER) {
        return true;
    }
    if (a->free != NO_BUFFER) {
        s->buffer = a->free;
        a->free = a->buffer[s->buffer].next_free;
    } else if (a->fresh < FT_APP_BUFFERS) {
        s->buffer = a->fresh++;
    } else {
        a->stats.no_buffer++;
        return false;
    }
    a->buffer[s->buffer].n_ranges = 0;
    return true;
}

bool ft__app_put(struct buffer *b, uint64_t offset, const uint8_t *data, uint32_t len)
{
    uint32_t from = (uint32_t)offset, to;
    uint16_t kept = 0;
    bool cut = offset >= BUFFER_LEN || len > BUFFER_LEN - offset;

    if (offset >= BUFFER_LEN) {
        return false;
    }
    len = cut ? BUFFER_LEN - from : len;
    to = from + len;
    memcpy(b->data + from, data, len);
    for (uint16_t i = 0; i < b->n_ranges; i++) {
        uint32_t start = b->range[i][0], end = b->range[i][1];

        if (end < from || to < start) {
            b->range[kept][0] = start;
            b->range[kept++][1] = end;
        } else {
            from = start < from ? start : from;
            to = end > to ? end : to;
        }
    }
    if (kept == RANGES) {
        b->n_ranges = kept;
        return false;
    }
    b->range[kept][0] = from;
    b->range[kept][1] = to;
    b->n_ranges = (uint16_t)(kept + 1);
    return !cut;
}

uint32_t ft__app_prefix(const struct buffer *b)
{
    for (uint16_t i = 0; i < b->n_ranges; i++) {
        if (b->range[i][0] == 0) {
            return b->range[i][1];
        }
    }
    return 0;
}

void ft__app_drop(struct buffer *b, uint32_t n)
{
    uint16_t kept = 0;

    memmove(b->data, b->data + n, BUFFER_LEN - n);
    for (uint16_t i = 0; i < b->n_ranges; i++) {
        uint32_t start = b->range[i][0], end = b->range[i][1];

        if (end > n) {
            b->range[kept][0] = start > n ? start - n : 0;
            b->range[kept++][1] = end - n;
        }
    }
    b->n_ranges = kept;
}
