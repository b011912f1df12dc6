/* SPDX-License-Identifier: Apache-2.0 */
/* window: sums, see counts.h. */
#include "window/counts.h"

#include <stddef.h>
#include <string.h>

/* The counters of one byte: none is more than all packets, but for two. */
enum {
    BYTES_AT = offsetof(struct ft__few, sizes),
    BYTES = offsetof(struct ft__few, app) - BYTES_AT
};

static uint32_t sum(const uint8_t two[2])
{
    return (uint32_t)two[0] + two[1];
}

bool ft__few_add(struct ft__few *to, const struct ft__few *from)
{
    uint64_t squares, gap_us, gap_squares;
    uint32_t bytes[2];
    bool over = sum(to->packets) + sum(from->packets) > FT__FEW ||
                (uint32_t)to->gaps + from->gaps > UINT8_MAX ||
                (uint32_t)to->ended + from->ended > UINT8_MAX ||
                (uint32_t)to->new_peers + from->new_peers > UINT8_MAX;

    over |= __builtin_add_overflow(to->bytes[0], from->bytes[0], &bytes[0]);
    over |= __builtin_add_overflow(to->bytes[1], from->bytes[1], &bytes[1]);
    over |= __builtin_add_overflow(to->squares, from->squares, &squares);
    over |= __builtin_add_overflow(to->gap_us, from->gap_us, &gap_us);
    over |= __builtin_add_overflow(to->gap_squares, from->gap_squares, &gap_squares);
    if (FT_UNLIKELY(over)) {
        return false;
    }
    uint8_t *a = (uint8_t *)to + BYTES_AT;
    const uint8_t *b = (const uint8_t *)from + BYTES_AT;

    to->app = ft__app_both(to->app, from->app);
    to->squares = squares;
    to->gap_us = gap_us;
    to->gap_squares = gap_squares;
    to->bytes[0] = bytes[0];
    to->bytes[1] = bytes[1];
    for (int i = 0; i < BYTES; i++) {
        a[i] = (uint8_t)(a[i] + b[i]);
    }
    return true;
}

static uint64_t add_squares(uint64_t a, uint64_t b)
{
    uint64_t c;

    return __builtin_add_overflow(a, b, &c) ? UINT64_MAX : c;
}

void ft__many_of(const struct ft__few *few, struct ft__many *out)
{
    *out = (struct ft__many){.squares = few->squares,
                             .gaps = few->gaps,
                             .gap_us = few->gap_us,
                             .gap_squares = few->gap_squares,
                             .ended = few->ended,
                             .new_peers = few->new_peers,
                             .app = few->app};
    for (int d = 0; d < 2; d++) {
        out->packets[d] = few->packets[d];
        out->bytes[d] = few->bytes[d];
        out->flows[d] = few->flows[d];
        out->failed[d] = few->failed[d];
        out->syn[d] = few->syn[d];
        out->syn_ack[d] = few->syn_ack[d];
        out->rst[d] = few->rst[d];
    }
    for (int i = 0; i < FT_WINDOW_SIZES; i++) {
        out->sizes[i] = few->sizes[i];
    }
}

void ft__many_add(struct ft__many *to, const struct ft__many *from)
{
    for (int d = 0; d < 2; d++) {
        to->packets[d] = ft__at_most(to->packets[d] + from->packets[d]);
        to->bytes[d] = ft__at_most(to->bytes[d] + from->bytes[d]);
        to->flows[d] = ft__add32(to->flows[d], from->flows[d]);
        to->failed[d] = ft__add32(to->failed[d], from->failed[d]);
        to->syn[d] = ft__add32(to->syn[d], from->syn[d]);
        to->syn_ack[d] = ft__add32(to->syn_ack[d], from->syn_ack[d]);
        to->rst[d] = ft__add32(to->rst[d], from->rst[d]);
    }
    for (int i = 0; i < FT_WINDOW_SIZES; i++) {
        to->sizes[i] = ft__add32(to->sizes[i], from->sizes[i]);
    }
    to->ended = ft__add32(to->ended, from->ended);
    to->new_peers = ft__add32(to->new_peers, from->new_peers);
    to->squares = add_squares(to->squares, from->squares);
    to->gaps += from->gaps;
    to->gap_us += from->gap_us;
    to->gap_squares += from->gap_squares;
}
