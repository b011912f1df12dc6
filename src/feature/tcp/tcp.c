/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tcp: TCP, everything that is not a segment in order; see tcp.h. */
#include "feature/tcp/tcp.h"

#include <string.h>

#include "base/time.h"
#include "feature/tcp/tcp_parts.h"

enum {
    REORDER_NS = 3000000,
    GAP_MAX = 1 << 24 /* more than this is far */
};

/* ---- the cold part ---- */

void ft__tcp_warm(struct ft__tcp_hot *h, struct ft__tcp_cold *c)
{
    struct ft__tcp_side *first = &h->side[FT_DIR_FWD];

    memset(c, 0, sizeof *c);
    for (int d = 0; d < 2; d++) {
        const struct ft__tcp_side *s = &h->side[d];

        if ((s->letters & (FT__H_SYN | FT__H_DATA)) == FT__H_SYN) {
            c->side[d].syn_seq = s->next - 1;
        }
    }
    c->syns = (h->side[FT_DIR_FWD].letters & FT__H_SYN) != 0;
    c->answers = (h->side[FT_DIR_REV].letters & FT__H_SYN) != 0;
    if (first->bits & FT__T_SYNS) {
        c->side[FT_DIR_FWD].retrans = first->dup_run;
        c->syns = (uint8_t)(c->syns + first->dup_run); /* dup_run is below 255 */
        c->side[FT_DIR_FWD].dup_frames = h->side[FT_DIR_REV].dup_run;
        first->dup_run = h->side[FT_DIR_REV].dup_run = 0;
        first->bits &= (uint8_t)~FT__T_SYNS;
    }
}

/* ---- the handshake ---- */

/* Microseconds from a to b, or not known. */
static uint32_t round_trip(int64_t a, int64_t b)
{
    int64_t us = ft_time_sub(b, a) / 1000;

    return b >= a && us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static void take_options(struct ft__segment *g)
{
    struct ft__tcp_side *s = g->s, *peer = g->peer;
    const struct ft_packet *p = g->pkt;

    s->mss = p->tcp_opts & FT_TCPO_MSS ? p->tcp_mss : 0;
    s->scale = p->tcp_opts & FT_TCPO_SCALE;
    if ((p->tcp_flags & FT_TCP_ACK) == 0) {
        return;
    }
    if (s->scale == FT_TCPO_NO_SCALE) {
        peer->scale = FT_TCPO_NO_SCALE;
    } else if ((peer->letters & FT__H_SYN) && peer->scale == FT_TCPO_NO_SCALE) {
        s->scale = FT_TCPO_NO_SCALE; /* scaling needs both (RFC 7323 §2.2) */
    }
}

/* When the SYN of direction d was captured first; it is the newest packet of its direction. */
static int64_t syn_ns(const struct ft__segment *g, int d)
{
    return ft_time_sub(g->t->last_ns[d], ft__tcp_copies_of_syn(g, d));
}

static bool sent_syn_only(const struct ft__tcp_side *s)
{
    return (s->letters & (uint8_t)~FT__H_AGAIN) == FT__H_SYN;
}

/* The round trip to the responder: from the only SYN to the first answer to it. */
static void take_answer(struct ft__segment *g)
{
    const struct ft_packet *p = g->pkt;
    int64_t asked = syn_ns(g, FT_DIR_FWD);
    bool sole = ft__tcp_is_warm(g) ? g->t->cold->syns == 1 && g->t->cold->answers == 0
                                   : (g->s->letters & FT__H_SYN) == 0;

    if (sole && g->d == FT_DIR_REV && sent_syn_only(g->peer) && p->tcp_ack == g->peer->next &&
        p->ts_ns >= asked) {
        *g->t->rtt_us[FT_DIR_REV] = round_trip(asked, p->ts_ns);
        g->s->bits |= FT__T_RTT;
    }
}

/* A SYN, with or without ACK, before its letter is noted. */
static void take_syn(struct ft__segment *g)
{
    const struct ft_packet *p = g->pkt;
    bool again = (g->s->letters & FT__H_SYN) != 0;

    if (p->tcp_flags & FT_TCP_ACK) {
        take_answer(g);
    }
    take_options(g);
    if (!again) {
        g->s->init_window = p->tcp_window;
    }
    if (again || ft__tcp_is_warm(g)) {
        ft__tcp_bump8(p->tcp_flags & FT_TCP_ACK ? &ft__tcp_cold(g)->answers
                                                : &ft__tcp_cold(g)->syns);
    }
}

/* The round trip to the initiator: the third segment, pure, the first after the only SYN-ACK. */
static void take_third(struct ft__segment *g)
{
    const struct ft_packet *p = g->pkt;
    bool sole = !ft__tcp_is_warm(g) || g->t->cold->answers == 1;
    int64_t asked = syn_ns(g, FT_DIR_REV);

    if (g->d == FT_DIR_FWD && sole && sent_syn_only(g->s) && sent_syn_only(g->peer) &&
        p->payload_len == 0 && p->tcp_ack == g->peer->next &&
        (p->tcp_flags & (FT__SYN_FIN_RST | FT_TCP_ACK)) == FT_TCP_ACK && p->tcp_seq == g->s->next &&
        p->ts_ns >= asked) {
        *g->t->rtt_us[FT_DIR_FWD] = round_trip(asked, p->ts_ns);
        g->s->bits |= FT__T_RTT;
    }
}

/* ---- sequence numbers ---- */

/* After side d's holes changed. */
static void look_for_holes(struct ft__segment *g, int d)
{
    uint8_t *bits = &g->t->hot->side[d].bits;

    *bits = (uint8_t)(*bits & ~FT__T_HOLE) |
            (ft__holes_any(&ft__tcp_cold(g)->holes[d]) ? FT__T_HOLE : 0);
}

static void open_hole(struct ft__segment *g)
{
    ft__holes_open(&ft__tcp_cold(g)->holes[g->d], g->s->next, g->pkt->tcp_seq);
    ft__tcp_cold(g)->hole_at = (uint32_t)(g->pkt->ts_ns >> FT__T_TIME_SHIFT);
    g->s->bits |= FT__T_HOLE;
}

/* True when some of the segment lay in a hole. */
static bool fill_hole(struct ft__segment *g)
{
    bool found = (g->s->bits & FT__T_HOLE) != 0 &&
                 ft__holes_fill(&ft__tcp_cold(g)->holes[g->d], g->s->next, g->pkt->tcp_seq, g->end);

    if (found) {
        look_for_holes(g, g->d);
    }
    return found;
}

/* Has the newest hole been there for at most so long? What came late is as if it came at once. */
static bool hole_is_young(struct ft__segment *g, int64_t ns)
{
    uint32_t now = (uint32_t)(g->pkt->ts_ns >> FT__T_TIME_SHIFT);

    return (int32_t)(now - ft__tcp_cold(g)->hole_at) <= ns >> FT__T_TIME_SHIFT;
}

static void sent_again(struct ft__segment *g, bool fast)
{
    uint32_t old = g->s->next - g->pkt->tcp_seq, len = g->pkt->payload_len;

    ft__tcp_mine(g)->retrans++;
    ft__tcp_mine(g)->retrans_bytes += len < old ? len : old;
    if (fast) {
        ft__tcp_bump16(&ft__tcp_mine(g)->fast);
    }
}

/* A segment that begins below next. */
static void classify_old(struct ft__segment *g)
{
    const struct ft_packet *p = g->pkt;
    bool fast = ft__tcp_is_fast(g), filled = fill_hole(g);
    bool known = (g->s->bits & g->peer->bits & FT__T_RTT) != 0;
    int64_t soon = known ? ft__tcp_whole_trip_ns(g) : REORDER_NS;

    if (filled && !fast && hole_is_young(g, soon)) {
        ft__tcp_mine(g)->out_of_order++;
    } else {
        sent_again(g, fast);
    }
    if (!filled && ft__tcp_came_again(g)) {
        return; /* its letter waits until it is certain that it is no copy */
    }
    if (p->payload_len > 0 && ft__tcp_after(g->end, g->s->next) <= 0) {
        ft__tcp_bump16(&ft__tcp_mine(g)->rexmits);
        ft__tcp_counted(g, g->d, 'T', ft__tcp_mine(g)->rexmits);
    }
}

/* What the sequence number tells. False: it is to have no further effect. */
static bool classify(struct ft__segment *g)
{
    struct ft__tcp_side *s = g->s;
    const struct ft_packet *p = g->pkt;
    int32_t ahead = ft__tcp_after(p->tcp_seq, s->next);

    if (p->tcp_flags & FT_TCP_RST) {
        return true; /* its sequence number is often of no account */
    }
    if (p->tcp_flags & FT_TCP_SYN) {
        if ((s->letters & FT__H_SYN) && p->tcp_seq == ft__tcp_mine(g)->syn_seq) {
            ft__tcp_mine(g)->retrans++;
        } else { /* another beginning: what was open before is of no account */
            s->next = g->end;
            if (s->bits & FT__T_HOLE) {
                memset(&ft__tcp_cold(g)->holes[g->d], 0, sizeof ft__tcp_cold(g)->holes[0]);
                look_for_holes(g, g->d);
            }
        }
        return true;
    }
    if (ahead == -1 && p->payload_len <= 1 && (p->tcp_flags & FT_TCP_FIN) == 0 &&
        (s->bits & FT__T_FIN) == 0) {
        ft__tcp_bump16(&ft__tcp_mine(g)->keep_alives);
        return false;
    }
    if (ahead == 0 && p->payload_len == 1 && g->len == 1 && g->peer->window == 0 &&
        (g->peer->bits & FT__T_SEEN)) {
        ft__tcp_bump16(&ft__tcp_mine(g)->probes);
        return false;
    }
    if (ahead > 0) {
        open_hole(g);
    } else if (ahead < 0 && g->len > 0) {
        classify_old(g);
    }
    if (ft__tcp_after(g->end, s->next) > 0) {
        s->next = g->end;
    }
    return true;
}

/* ---- acknowledgments ---- */

static void missed(struct ft__segment *g, uint32_t bytes)
{
    ft__tcp_others(g)->missed += bytes;
    ft__tcp_bump16(&ft__tcp_others(g)->gaps);
    ft__tcp_counted(g, !g->d, 'G', ft__tcp_others(g)->gaps);
}

/* The peer's holes that are acknowledged. */
static void miss_holes(struct ft__segment *g, uint32_t ack)
{
    uint32_t next = g->peer->next, behind = ft__tcp_after(ack, next) < 0 ? next - ack : 0;

    for (int i = 0; i < FT__HOLES; i++) {
        uint32_t bytes = ft__hole_miss(&ft__tcp_cold(g)->holes[!g->d], i, next, behind);

        if (bytes > 0) {
            missed(g, bytes);
        }
    }
    look_for_holes(g, !g->d);
}

/* An acknowledgment of more than was seen. Far ones are believed of a side whose acknowledgments
 * and whose own numbers have fitted so far: there are captures in which they never do. */
static bool believes(const struct ft__segment *g, int32_t beyond)
{
    return (g->peer->bits & FT__T_SEEN) &&
           (beyond < GAP_MAX || (g->s->acks_fit && g->end == g->s->next));
}

/* The peer's bytes that are acknowledged, and were never captured. */
static void find_missed(struct ft__segment *g, uint32_t ack)
{
    struct ft__tcp_side *peer = g->peer;
    int32_t beyond = ft__tcp_after(ack, peer->next);

    if (peer->bits & FT__T_HOLE) {
        miss_holes(g, ack);
    }
    if (beyond > 0 && believes(g, beyond)) {
        if (beyond > 1) { /* one alone is most likely a FIN */
            missed(g, (uint32_t)beyond);
        }
        peer->next = ack;
    }
    if ((peer->bits & FT__T_SEEN) && peer->next - ack < GAP_MAX) {
        g->s->acks_fit = 1;
    }
}

/* Is ack more than this side has acknowledged? One that is half of the numbers away may be both:
 * then what is near the peer's next is right. */
static bool acks_more(const struct ft__segment *g, uint32_t ack)
{
    uint32_t next = g->peer->next;

    if ((g->s->bits & FT__T_ACKED) == 0 || ft__tcp_after(ack, g->s->acked) > 0) {
        return true;
    }
    return (g->peer->bits & FT__T_SEEN) && next - ack < GAP_MAX && next - g->s->acked >= GAP_MAX;
}

static void take_ack(struct ft__segment *g)
{
    struct ft__tcp_side *s = g->s, *peer = g->peer;
    const struct ft_packet *p = g->pkt;
    uint32_t ack = p->tcp_ack;
    bool again = (s->bits & FT__T_ACKED) && ack == s->acked;

    if ((p->tcp_flags & FT_TCP_ACK) == 0 || (p->tcp_flags & FT_TCP_RST)) {
        return;
    }
    find_missed(g, ack);
    /* RFC 5681 §2; with SACK blocks (RFC 6675) the window may move */
    if (again && (p->tcp_flags & FT__SYN_FIN_RST) == 0 && p->payload_len == 0 &&
        p->tcp_window != 0 && (peer->bits & FT__T_SEEN) && ft__tcp_after(peer->next, ack) > 0 &&
        (p->tcp_window == s->window || (p->tcp_opts & FT_TCPO_SACK))) {
        ft__tcp_mine(g)->dup_acks++;
        ft__tcp_bump8(&s->dup_run);
    }
    if (acks_more(g, ack)) {
        s->acked = ack;
        s->bits |= FT__T_ACKED;
        s->dup_run = 0;
    }
}

static void follow_end(struct ft__segment *g, bool first)
{
    struct ft__tcp_side *s = g->s, *peer = g->peer;
    uint8_t flags = g->pkt->tcp_flags;

    if (flags & FT_TCP_RST) {
        if (s->end == FT__E_NOT) {
            s->end = FT__E_RESET;
        } else if (s->end == FT__E_CLOSED && peer->end != FT__E_CLOSED) {
            s->end = FT__E_CUT;
        }
    } else if ((flags & FT_TCP_FIN) && s->end == FT__E_NOT) {
        s->end = FT__E_CLOSED;
        if (!first && peer->end == FT__E_CUT) {
            peer->end = FT__E_CLOSED; /* a normal end after all */
        }
    }
}

static void take_window(struct ft__segment *g)
{
    struct ft__tcp_side *s = g->s;
    const struct ft_packet *p = g->pkt;
    bool scaled = (p->tcp_flags & FT_TCP_SYN) == 0 && s->scale != FT_TCPO_NO_SCALE;
    uint32_t window = (uint32_t)p->tcp_window << (scaled ? s->scale : 0);

    if (p->tcp_flags & FT_TCP_RST) {
        return;
    }
    if (p->tcp_window == 0 && (p->tcp_flags & (FT_TCP_SYN | FT_TCP_FIN)) == 0) {
        ft__tcp_mine(g)->zero_windows++;
        if (g->peer->end != FT__E_CLOSED && s->end != FT__E_RESET && s->end != FT__E_CUT) {
            ft__tcp_counted(g, g->d, 'W', ft__tcp_mine(g)->zero_windows);
        }
    }
    s->window = p->tcp_window;
    s->window_max = window > s->window_max ? window : s->window_max;
}

/* ---- the whole ---- */

/* Do the ids of this side tell its segments apart? Segments that are plain are not asked. */
static void note_id(struct ft__tcp_side *s, uint16_t ip_id)
{
    uint8_t id = ((uint16_t)(ip_id * 0x9e3bu) >> 11 | 1) & 31;

    if (ip_id != 0) {
        s->ids_move |= s->id != 0 && s->id != id;
        s->id = id;
    }
}

static void look(struct ft__segment *g)
{
    struct ft__tcp_side *s = g->s;
    const struct ft_packet *p = g->pkt;
    bool first = (s->bits & FT__T_SEEN) == 0, counts = true;

    take_third(g);
    if (first) {
        s->next = g->end;
        s->bits |= FT__T_SEEN;
    } else {
        counts = classify(g);
        if (counts && g->len == 0 && ft__tcp_after(p->tcp_ack, s->acked) < 0) {
            ft__tcp_came_again(g);
        }
    }
    if (p->tcp_flags & FT_TCP_SYN) {
        take_syn(g);
    }
    ft__tcp_history(g);
    if ((p->tcp_flags & FT_TCP_SYN) && ft__tcp_is_warm(g)) {
        ft__tcp_mine(g)->syn_seq = p->tcp_seq;
    }
    if (p->tcp_flags & FT_TCP_FIN) {
        s->bits |= FT__T_FIN;
        ft__tcp_mine(g)->fin_end = g->end;
    }
    follow_end(g, first);
    if (counts) {
        take_ack(g);
    }
    take_window(g);
}

/* The SYN that opened the connection is sent again, and nothing else has come. False: it is
 * something else, or it is too much for this. */
static bool syn_again(struct ft__segment *g)
{
    struct ft__tcp_side *s = g->s;
    const struct ft_packet *p = g->pkt;
    bool alone = g->d == FT_DIR_FWD && s->letters == FT__H_SYN &&
                 (s->bits & ~FT__T_SYNS) == FT__T_SEEN && (g->peer->bits & FT__T_SEEN) == 0;

    if (!alone || (p->tcp_flags & (FT__SYN_FIN_RST | FT_TCP_ACK)) != FT_TCP_SYN ||
        (p->tcp_opts & FT_TCPO_WHOLE) == 0 || p->payload_len != 0 || p->tcp_seq + 1 != s->next ||
        g->t->since_ns <= FT__COPY_NS || s->dup_run == UINT8_MAX - 1 ||
        g->peer->dup_run == UINT8_MAX) {
        return false;
    }
    s->bits |= FT__T_SYNS;
    note_id(s, p->ip_id);
    if (ft__tcp_is_copied_syn(g)) {
        g->peer->dup_run++;
        return true;
    }
    s->dup_run++;
    take_options(g);
    take_window(g);
    ft__tcp_remember(s, g->print, g->t->since_ns);
    return true;
}

void ft__tcp_slow(const struct ft__tcp *t, const struct ft_packet *pkt, int d)
{
    struct ft__tcp_hot *h = t->hot;
    struct ft__segment g = {.pkt = pkt, .t = t, .s = &h->side[d], .peer = &h->side[!d], .d = d};

    g.print = ft__tcp_print(pkt);
    if (syn_again(&g)) {
        return;
    }
    if (h->side[FT_DIR_FWD].bits & FT__T_SYNS) {
        ft__tcp_cold(&g);
    }
    if ((pkt->tcp_opts & FT_TCPO_WHOLE) == 0) {
        ft__tcp_forget(&g);
        return;
    }
    g.len = pkt->tcp_flags & FT_TCP_RST ? 0 : pkt->payload_len;
    g.len += ((pkt->tcp_flags & FT_TCP_SYN) != 0) + ((pkt->tcp_flags & FT_TCP_FIN) != 0);
    g.end = pkt->tcp_seq + g.len;
    note_id(g.s, pkt->ip_id);
    if (!ft__tcp_may_be_copy(&g) || !ft__tcp_is_copy(&g)) {
        uint32_t next = g.s->next, acked = g.s->acked;

        look(&g);
        ft__tcp_keep(&g, g.s->next != next || g.s->acked != acked);
    }
}

/* ---- the record ---- */

static void cold_record(const struct ft__tcp_cold *c, struct ft_tcp_record *r)
{
    for (int d = 0; d < 2; d++) {
        const struct ft__tcp_cold_side *s = &c->side[d];

        r->retrans_bytes[d] = s->retrans_bytes;
        r->retrans[d] = s->retrans;
        r->fast[d] = s->fast;
        r->out_of_order[d] = s->out_of_order;
        r->dup_acks[d] = s->dup_acks;
        r->dup_frames[d] = s->dup_frames;
        r->zero_windows[d] = s->zero_windows;
        r->probes[d] = s->probes;
        r->keep_alives[d] = s->keep_alives;
        r->missed_bytes[d] = s->missed;
    }
}

static void history_record(const struct ft__tcp *t, bool warm, struct ft_tcp_record *r)
{
    char *p = r->history;

    for (uint64_t h = t->hot->history; h != 0; h >>= FT__LETTER_BITS) {
        *p++ = FT__LETTERS[(h & ((1u << FT__LETTER_BITS) - 1)) - 1];
    }
    if (warm) {
        memcpy(p, t->cold->history, t->cold->history_len);
    }
}

void ft__tcp_record(const struct ft__tcp *t, struct ft_tcp_record *r)
{
    bool warm = (t->hot->side[FT_DIR_FWD].bits & FT__T_COLD) != 0;

    memset(r, 0, sizeof *r);
    if (warm) {
        ft__tcp_tell_runs(t);
        cold_record(t->cold, r);
    }
    if (t->hot->side[FT_DIR_FWD].bits & FT__T_SYNS) {
        r->retrans[FT_DIR_FWD] = t->hot->side[FT_DIR_FWD].dup_run;
        r->dup_frames[FT_DIR_FWD] = t->hot->side[FT_DIR_REV].dup_run;
    }
    history_record(t, warm, r);
    r->midstream = !t->hot->side[FT_DIR_FWD].begun;
    for (int d = 0; d < 2; d++) {
        const struct ft__tcp_side *s = &t->hot->side[d];

        r->window_max[d] = s->window_max;
        r->init_window[d] = s->letters & FT__H_SYN ? s->init_window : UINT32_MAX;
        r->mss[d] = s->mss;
        r->scale[d] = s->scale != FT_TCPO_NO_SCALE ? s->scale : UINT8_MAX;
        r->rtt_us[d] = s->bits & FT__T_RTT ? *t->rtt_us[d] : UINT32_MAX;
    }
}
