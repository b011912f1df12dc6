/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tcp: what tcp.c and tcp_history.c share: a segment while it is looked at; for them only.
 */
#ifndef FT_FEATURE_TCP_PARTS_H
#define FT_FEATURE_TCP_PARTS_H

#include "feature/tcp/tcp.h"

#define FT__SYN_FIN_RST (FT_TCP_SYN | FT_TCP_FIN | FT_TCP_RST)

/* A segment while it is looked at. */
struct ft__segment {
    const struct ft_packet *pkt;
    const struct ft__tcp *t;
    struct ft__tcp_side *s, *peer;
    int d;
    uint32_t len; /* sequence numbers that it takes */
    uint32_t end; /* the one after it */
    uint16_t print;
};

FT_INLINE int32_t ft__tcp_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

FT_INLINE void ft__tcp_bump16(uint16_t *n)
{
    *n = (uint16_t)(*n + (*n < UINT16_MAX));
}

FT_INLINE void ft__tcp_bump8(uint8_t *n)
{
    *n = (uint8_t)(*n + (*n < UINT8_MAX));
}

/* ---- the cold part ---- */

FT_INLINE bool ft__tcp_is_warm(const struct ft__segment *g)
{
    return (g->t->hot->side[FT_DIR_FWD].bits & FT__T_COLD) != 0;
}

/* An empty cold part: what the line of state tells of the handshake is told to it. */
void ft__tcp_warm(const struct ft__tcp_hot *h, struct ft__tcp_cold *c);

FT_INLINE struct ft__tcp_cold *ft__tcp_cold(struct ft__segment *g)
{
    if (!ft__tcp_is_warm(g)) {
        ft__tcp_warm(g->t->hot, g->t->cold);
        g->t->hot->side[FT_DIR_FWD].bits |= FT__T_COLD;
    }
    return g->t->cold;
}

FT_INLINE struct ft__tcp_cold_side *ft__tcp_mine(struct ft__segment *g)
{
    return &ft__tcp_cold(g)->side[g->d];
}

FT_INLINE struct ft__tcp_cold_side *ft__tcp_others(struct ft__segment *g)
{
    return &ft__tcp_cold(g)->side[!g->d];
}

/* ---- tcp_history.c ---- */

/* Letters that count: the first, the tenth, the hundredth, ... of side d. */
void ft__tcp_counted(struct ft__segment *g, int d, char letter, uint32_t n);

/* What the segment adds to the history. */
void ft__tcp_history(struct ft__segment *g);

#endif
