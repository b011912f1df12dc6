/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tcp: what tcp.c, tcp_copies.c and tcp_history.c share: a segment while it is looked at;
 * for them only. */
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

enum { FT__FAST_AFTER = 2 /* duplicate acknowledgments */ };

/* The round trip of the handshake from end to end; 0: not known. */
FT_INLINE int64_t ft__tcp_whole_trip_ns(const struct ft__segment *g)
{
    bool known = (g->s->bits & g->peer->bits & FT__T_RTT) != 0;

    return known ? ((int64_t)*g->t->rtt_us[0] + *g->t->rtt_us[1]) * 1000 : 0;
}

/* Did the peer ask for just this? */
FT_INLINE bool ft__tcp_is_fast(const struct ft__segment *g)
{
    return g->peer->dup_run >= FT__FAST_AFTER && g->peer->acked == g->pkt->tcp_seq;
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

/* ---- tcp_copies.c ---- */

/* True when the segment was captured before and is no more than counted; see tcp.h. */
bool ft__tcp_is_copy(struct ft__segment *g);

/* A segment that does not go beyond what was seen, and is counted as sent again. True when it may
 * still be told to be a copy: then its letter is added later. */
bool ft__tcp_came_again(struct ft__segment *g);

/* Remembers a segment that is no copy. moved: it went beyond what was seen. */
void ft__tcp_keep(struct ft__segment *g, bool moved);

/* Of this side nothing is remembered: a segment whose numbers were not captured. */
void ft__tcp_forget(struct ft__segment *g);

/* Adds the letters that wait. */
void ft__tcp_tell_runs(const struct ft__tcp *t);

/* Nanoseconds between the first and the last copy of the SYN of direction d, until it is answered.
 */
uint32_t ft__tcp_copies_of_syn(const struct ft__segment *g, int d);

/* ---- tcp_history.c ---- */

/* Letters that count: the first, the tenth, the hundredth, ... of side d. */
void ft__tcp_counted(struct ft__segment *g, int d, char letter, uint32_t n);

/* The same, at a place that the history had reached before. */
void ft__tcp_counted_at(struct ft__segment *g, int d, char letter, uint32_t n, int place);

/* How many letters the history has. */
int ft__tcp_history_len(struct ft__segment *g);

/* What the segment adds to the history. */
void ft__tcp_history(struct ft__segment *g);

#endif
