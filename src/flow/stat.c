/* SPDX-License-Identifier: Apache-2.0 */
/* flow: the wide part of sizes and gaps, and what a record gets of them; see stat.h. */
#include "flow/stat.h"

#include "flow/entry.h"

#include <stddef.h>

void ft__stat_wide_begin(struct ft__stat_wide *w)
{
    for (int d = 0; d < 2; d++) {
        w->side[d] = (struct ft__stat_wide_side){
            .gap_min = UINT64_MAX, .size_min = UINT32_MAX, .came_first = FT__NEVER};
    }
}

void ft__stat_add_wide(struct ft__stat_side *s, struct ft__stat_wide_side *w, uint32_t size,
                       uint64_t gap)
{
    unsigned __int128 squares = (unsigned __int128)gap * gap + s->gap_squares;
    uint32_t narrow_gap = gap < UINT32_MAX ? (uint32_t)gap : UINT32_MAX;
    uint16_t narrow_size = size < UINT16_MAX ? (uint16_t)size : UINT16_MAX;

    s->gap_squares = (uint64_t)squares;
    w->gap_squares += (uint64_t)(squares >> 64);
    w->gap_min = gap < w->gap_min ? gap : w->gap_min;
    w->gap_max = gap > w->gap_max ? gap : w->gap_max;
    w->size_min = size < w->size_min ? size : w->size_min;
    w->size_max = size > w->size_max ? size : w->size_max;
    s->gap_min = narrow_gap < s->gap_min ? narrow_gap : s->gap_min;
    s->gap_max = narrow_gap > s->gap_max ? narrow_gap : s->gap_max;
    s->size_squares += (uint64_t)size * size;
    s->size_min = narrow_size < s->size_min ? narrow_size : s->size_min;
    s->size_max = narrow_size > s->size_max ? narrow_size : s->size_max;
}

void ft__stat_record(const struct ft__stat_side *s, const struct ft__stat_wide_side *w, uint64_t n,
                     uint64_t ip_bytes, uint64_t gap_sum, struct ft_distribution *size,
                     struct ft_distribution *gap)
{
    unsigned __int128 high = w != NULL ? w->gap_squares : 0;

    if (n < 2) {
        *size = (struct ft_distribution){.squares = (unsigned __int128)ip_bytes * ip_bytes,
                                         .sum = ip_bytes,
                                         .n = n,
                                         .min = ip_bytes,
                                         .max = ip_bytes};
        *gap = (struct ft_distribution){0};
        return;
    }
    *size = (struct ft_distribution){
        .squares = s->size_squares,
        .sum = ip_bytes,
        .n = n,
        .min = w != NULL && s->size_min == UINT16_MAX ? w->size_min : s->size_min,
        .max = w != NULL && s->size_max == UINT16_MAX ? w->size_max : s->size_max};
    *gap = (struct ft_distribution){
        .squares = high << 64 | s->gap_squares,
        .sum = gap_sum,
        .n = n - 1,
        .min = w != NULL && s->gap_min == UINT32_MAX ? w->gap_min : s->gap_min,
        .max = w != NULL && s->gap_max == UINT32_MAX ? w->gap_max : s->gap_max};
}
