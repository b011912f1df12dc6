/* SPDX-License-Identifier: Apache-2.0 */
/* flow: TCP, everything that is not a segment in order; see tcp.h. */
#include "flow/tcp.h"

#include <ctype.h>
#include <string.h>

#include "flow/entry.h"

enum {
    REORDER_NS = 3000000,
    COPY_NS = 3000000,       /* a frame that comes again later was sent again */
    SYN_COPY_NS = 200000000, /* the same of a SYN: initial timeouts are longer (RFC 6298 §2) */
    FAST_AFTER = 2,
    GAP_MAX = 1 << 24 /* more than this is far */
};

#define SYN_FIN_RST (FT_TCP_SYN | FT_TCP_FIN | FT_TCP_RST)

/* A segment while it is looked at. */
struct segment {
    const struct ft_packet *pkt;
    const struct ft__tcp *t;
    struct ft__tcp_side *s, *peer;
    int d;
    uint32_t len; /* sequence numbers that it takes */
    uint32_t end; /* the one after it */
    uint16_t print;
};

static int32_t after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static void bump16(uint16_t *n)
{
    *n = (uint16_t)(*n + (*n < UINT16_MAX));
}

static void bump8(uint8_t *n)
{
    *n = (uint8_t)(*n + (*n < UINT8_MAX));
}

/* ---- the cold part ---- */

static bool is_warm(const struct segment *g)
{
    return (g->t->hot->side[FT_DIR_FWD].bits & FT__T_COLD) != 0;
}

/* An empty cold part: what the line of state tells of the handshake is told to it. */
static void warm(const struct ft__tcp_hot *h, struct ft__tcp_cold *c)
{
    memset(c, 0, sizeof *c);
    for (int d = 0; d < 2; d++) {
        const struct ft__tcp_side *s = &h->side[d];

        if ((s->letters & (FT__H_SYN | FT__H_DATA)) == FT__H_SYN) {
            c->side[d].syn_seq = s->next - 1;
        }
    }
    c->syns = (h->side[FT_DIR_FWD].letters & FT__H_SYN) != 0;
    c->answers = (h->side[FT_DIR_REV].letters & FT__H_SYN) != 0;
}

static struct ft__tcp_cold *cold(struct segment *g)
{
    if (!is_warm(g)) {
        warm(g->t->hot, g->t->cold);
        g->t->hot->side[FT_DIR_FWD].bits |= FT__T_COLD;
    }
    return g->t->cold;
}

static struct ft__tcp_cold_side *mine(struct segment *g)
{
    return &cold(g)->side[g->d];
}

static struct ft__tcp_cold_side *others(struct segment *g)
{
    return &cold(g)->side[!g->d];
}

/* ---- history ---- */

static void add_letter(struct segment *g, int d, char letter)
{
    struct ft__tcp_hot *h = g->t->hot;
    char c = d == FT_DIR_FWD ? letter : (char)tolower(letter);
    uint64_t code = (uint64_t)(strchr(FT__LETTERS, c) - FT__LETTERS) + 1;
    int used = h->history == 0
                   ? 0
                   : (63 - __builtin_clzll(h->history)) / FT__LETTER_BITS + 1; /* no code is 0 */

    if (used < FT__TCP_PACKED) {
        h->history |= code << (used * FT__LETTER_BITS);
        return;
    }
    struct ft__tcp_cold *more = cold(g);

    if (more->history_len < FT__TCP_HISTORY) {
        more->history[more->history_len++] = c;
    }
}

/* Notes a letter the first time; true when it stands there already. */
static bool noted(struct segment *g, uint8_t bit, char letter)
{
    if (g->s->letters & bit) {
        return true;
    }
    g->s->letters |= bit;
    add_letter(g, g->d, letter);
    return false;
}

/* Letters that count: the first, the tenth, the hundredth, ... */
static void add_counted(struct segment *g, int d, char letter, uint32_t n)
{
    if (n == 1 || n == 10 || n == 100 || n == 1000 || n == 10000) {
        add_letter(g, d, letter);
    }
}

static void note_history(struct segment *g)
{
    const struct ft_packet *p = g->pkt;
    uint8_t flags = p->tcp_flags & SYN_FIN_RST;

    switch (flags) {
    case 0:
        if (p->payload_len > 0) {
            noted(g, FT__H_DATA, 'D');
        } else if (p->tcp_flags & FT_TCP_ACK) {
            noted(g, FT__H_ACK, 'A');
        }
        return;
    case FT_TCP_SYN: {
        char letter = p->tcp_flags & FT_TCP_ACK ? 'H' : 'S';

        if (noted(g, FT__H_SYN, letter) && p->tcp_seq != mine(g)->syn_seq) {
            add_letter(g, g->d, letter);
        }
        return;
    }
    case FT_TCP_FIN:
        if (noted(g, FT__H_FIN, 'F') && g->end != mine(g)->fin_end) {
            add_letter(g, g->d, 'F');
        }
        return;
    case FT_TCP_RST:
        if (noted(g, FT__H_RST, 'R') && p->tcp_seq != mine(g)->rst_seq) {
            add_letter(g, g->d, 'R');
        }
        mine(g)->rst_seq = p->tcp_seq;
        return;
    default:
        if ((flags & FT_TCP_FIN) && (flags & FT_TCP_RST)) {
            noted(g, FT__H_FIN_RST, 'I');
        } else {
            noted(g, FT__H_MULTI, 'Q');
        }
    }
}

/* ---- states ---- */

static uint8_t first_state(const struct segment *g)
{
    uint8_t flags = g->pkt->tcp_flags, state = FT_TCP_INACTIVE;
    bool forward = g->d == FT_DIR_FWD;

    if ((flags & FT_TCP_SYN) && forward && g->peer->state == FT_TCP_ESTABLISHED) {
        state = FT_TCP_ESTABLISHED; /* the SYN and its answer changed places on the way */
    } else if ((flags & FT_TCP_SYN) && forward) {
        state = flags & FT_TCP_ACK ? FT_TCP_SYN_ACK_SENT : FT_TCP_SYN_SENT;
    } else if (flags & FT_TCP_SYN) {
        state = FT_TCP_ESTABLISHED;
        if (g->peer->state == FT_TCP_SYN_SENT) {
            g->peer->state = FT_TCP_ESTABLISHED;
        }
    }
    if (flags & FT_TCP_FIN) {
        state = FT_TCP_CLOSED;
    }
    if (flags & FT_TCP_RST) {
        state = FT_TCP_RESET;
    }
    if (state != FT_TCP_INACTIVE) {
        return state;
    }
    if (!forward && g->pkt->payload_len == 0 && g->peer->state == FT_TCP_SYN_SENT) {
        return state; /* an acknowledgment before the SYN-ACK says nothing yet */
    }
    return (flags & FT_TCP_ACK) && g->peer->state == FT_TCP_ESTABLISHED ? FT_TCP_ESTABLISHED
                                                                        : FT_TCP_PARTIAL;
}

static void reset_side(struct segment *g)
{
    if (g->s->state == FT_TCP_CLOSED) {
        g->s->bits |= FT__T_WAS_CLOSED;
    }
    g->s->state = FT_TCP_RESET;
}

static void next_state(struct segment *g)
{
    struct ft__tcp_side *s = g->s, *peer = g->peer;
    uint8_t flags = g->pkt->tcp_flags;

    switch (s->state) {
    case FT_TCP_INACTIVE:
        s->state = first_state(g);
        return;
    case FT_TCP_CLOSED:
        if ((flags & FT_TCP_RST) && peer->state != FT_TCP_CLOSED) {
            reset_side(g);
        }
        return;
    case FT_TCP_RESET:
        return;
    default:
        break;
    }
    if ((flags & (FT_TCP_SYN | FT_TCP_ACK)) == FT_TCP_SYN && s->state == FT_TCP_PARTIAL &&
        peer->state == FT_TCP_INACTIVE) {
        s->state = FT_TCP_SYN_SENT;
    }
    if (flags & FT_TCP_RST) {
        reset_side(g);
    } else if (flags & FT_TCP_FIN) {
        s->state = FT_TCP_CLOSED;
        if (peer->state == FT_TCP_RESET && (peer->bits & FT__T_WAS_CLOSED)) {
            peer->state = FT_TCP_CLOSED; /* FIN, then RST: a normal end after all */
        }
    }
}

/* ---- the handshake ---- */

/* Microseconds from a to b, or not known. */
static uint32_t round_trip(int64_t a, int64_t b)
{
    int64_t us = ft__time_sub(b, a) / 1000;

    return b >= a && us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static void take_options(struct segment *g)
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

/* Nanoseconds between the first and the last copy of the SYN of direction d, until it is answered.
 */
static uint32_t copies_of_syn(const struct segment *g, int d)
{
    const struct ft__tcp_side *side = g->t->hot->side;

    return side[d].copied && (side[!d].bits & FT__T_RTT) == 0 ? *g->t->rtt_us[!d] : 0;
}

/* When the SYN of direction d was captured first; it is the newest packet of its direction. */
static int64_t syn_ns(const struct segment *g, int d)
{
    return ft__time_sub(g->t->last_ns[d], copies_of_syn(g, d));
}

/* The round trip to the responder: from the only SYN to the first answer to it. */
static void take_answer(struct segment *g)
{
    const struct ft_packet *p = g->pkt;
    int64_t asked = syn_ns(g, FT_DIR_FWD);
    bool sole = is_warm(g) ? g->t->cold->syns == 1 && g->t->cold->answers == 0
                           : (g->s->letters & FT__H_SYN) == 0;

    if (sole && g->d == FT_DIR_REV && g->peer->letters == FT__H_SYN &&
        p->tcp_ack == g->peer->next && p->ts_ns >= asked) {
        *g->t->rtt_us[FT_DIR_REV] = round_trip(asked, p->ts_ns);
        g->s->bits |= FT__T_RTT;
    }
}

/* A SYN, with or without ACK, before its letter is noted. */
static void take_syn(struct segment *g)
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
    if (again || is_warm(g)) {
        bump8(p->tcp_flags & FT_TCP_ACK ? &cold(g)->answers : &cold(g)->syns);
    }
}

/* The round trip to the initiator: the third segment, pure, the first after the only SYN-ACK. */
static void take_third(struct segment *g)
{
    const struct ft_packet *p = g->pkt;
    bool sole = !is_warm(g) || g->t->cold->answers == 1;
    int64_t asked = syn_ns(g, FT_DIR_REV);

    if (g->d == FT_DIR_FWD && sole && g->s->letters == FT__H_SYN && g->peer->letters == FT__H_SYN &&
        p->payload_len == 0 && p->tcp_ack == g->peer->next &&
        (p->tcp_flags & (SYN_FIN_RST | FT_TCP_ACK)) == FT_TCP_ACK && p->tcp_seq == g->s->next &&
        p->ts_ns >= asked) {
        *g->t->rtt_us[FT_DIR_FWD] = round_trip(asked, p->ts_ns);
        g->s->bits |= FT__T_RTT;
    }
}

/* ---- sequence numbers ---- */

/* After side d's holes changed. */
static void look_for_holes(struct segment *g, int d)
{
    uint8_t *bits = &g->t->hot->side[d].bits;

    *bits = (uint8_t)(*bits & ~FT__T_HOLE) | (ft__holes_any(&cold(g)->holes[d]) ? FT__T_HOLE : 0);
}

static void open_hole(struct segment *g)
{
    ft__holes_open(&cold(g)->holes[g->d], g->s->next, g->pkt->tcp_seq);
    cold(g)->hole_at = (uint32_t)(g->pkt->ts_ns >> FT__T_TIME_SHIFT);
    g->s->bits |= FT__T_HOLE;
}

/* True when some of the segment lay in a hole. */
static bool fill_hole(struct segment *g)
{
    bool found = (g->s->bits & FT__T_HOLE) != 0 &&
                 ft__holes_fill(&cold(g)->holes[g->d], g->s->next, g->pkt->tcp_seq, g->end);

    if (found) {
        look_for_holes(g, g->d);
    }
    return found;
}

/* Has the newest hole been there for at most so long? What came late is as if it came at once. */
static bool hole_is_young(struct segment *g, int64_t ns)
{
    uint32_t now = (uint32_t)(g->pkt->ts_ns >> FT__T_TIME_SHIFT);

    return (int32_t)(now - cold(g)->hole_at) <= ns >> FT__T_TIME_SHIFT;
}

static void sent_again(struct segment *g, bool fast)
{
    uint32_t old = g->s->next - g->pkt->tcp_seq, len = g->pkt->payload_len;

    mine(g)->retrans++;
    mine(g)->retrans_bytes += len < old ? len : old;
    if (fast) {
        bump16(&mine(g)->fast);
    }
}

/* The round trip of the handshake from end to end; 0: not known. */
static int64_t whole_trip_ns(const struct segment *g)
{
    bool known = (g->s->bits & g->peer->bits & FT__T_RTT) != 0;

    return known ? ((int64_t)*g->t->rtt_us[0] + *g->t->rtt_us[1]) * 1000 : 0;
}

/* A segment that begins below next. */
static void classify_old(struct segment *g)
{
    const struct ft_packet *p = g->pkt;
    bool fast = g->peer->dup_run >= FAST_AFTER && g->peer->acked == p->tcp_seq;
    bool known = (g->s->bits & g->peer->bits & FT__T_RTT) != 0;
    int64_t soon = known ? whole_trip_ns(g) : REORDER_NS;

    if (fill_hole(g) && !fast && hole_is_young(g, soon)) {
        mine(g)->out_of_order++;
    } else {
        sent_again(g, fast);
    }
    if (p->payload_len > 0 && after(g->end, g->s->next) <= 0) {
        bump16(&mine(g)->rexmits);
        add_counted(g, g->d, 'T', mine(g)->rexmits);
    }
}

/* What the sequence number tells. False: it is to have no further effect. */
static bool classify(struct segment *g)
{
    struct ft__tcp_side *s = g->s;
    const struct ft_packet *p = g->pkt;
    int32_t ahead = after(p->tcp_seq, s->next);

    if (p->tcp_flags & FT_TCP_RST) {
        return true; /* its sequence number is often of no account */
    }
    if (p->tcp_flags & FT_TCP_SYN) {
        if ((s->letters & FT__H_SYN) && p->tcp_seq == mine(g)->syn_seq) {
            mine(g)->retrans++;
        } else { /* another beginning: what was open before is of no account */
            s->next = g->end;
            if (s->bits & FT__T_HOLE) {
                memset(&cold(g)->holes[g->d], 0, sizeof cold(g)->holes[0]);
                look_for_holes(g, g->d);
            }
        }
        return true;
    }
    if (ahead == -1 && p->payload_len <= 1 && (p->tcp_flags & FT_TCP_FIN) == 0 &&
        (s->bits & FT__T_FIN) == 0) {
        bump16(&mine(g)->keep_alives);
        return false;
    }
    if (ahead == 0 && p->payload_len == 1 && g->len == 1 && g->peer->window == 0 &&
        (g->peer->bits & FT__T_SEEN)) {
        bump16(&mine(g)->probes);
        return false;
    }
    if (ahead > 0) {
        open_hole(g);
    } else if (ahead < 0 && g->len > 0) {
        classify_old(g);
    }
    if (after(g->end, s->next) > 0) {
        s->next = g->end;
    }
    return true;
}

/* ---- acknowledgments ---- */

static void missed(struct segment *g, uint32_t bytes)
{
    others(g)->missed += bytes;
    bump16(&others(g)->gaps);
    add_counted(g, !g->d, 'G', others(g)->gaps);
}

/* The peer's holes that are acknowledged. */
static void miss_holes(struct segment *g, uint32_t ack)
{
    uint32_t next = g->peer->next, behind = after(ack, next) < 0 ? next - ack : 0;

    for (int i = 0; i < FT__HOLES; i++) {
        uint32_t bytes = ft__hole_miss(&cold(g)->holes[!g->d], i, next, behind);

        if (bytes > 0) {
            missed(g, bytes);
        }
    }
    look_for_holes(g, !g->d);
}

/* An acknowledgment of more than was seen. Far ones are believed of a side whose acknowledgments
 * and whose own numbers have fitted so far: there are captures in which they never do. */
static bool believes(const struct segment *g, int32_t beyond)
{
    return (g->peer->bits & FT__T_SEEN) &&
           (beyond < GAP_MAX || (g->s->acks_fit && g->end == g->s->next));
}

/* The peer's bytes that are acknowledged, and were never captured. */
static void find_missed(struct segment *g, uint32_t ack)
{
    struct ft__tcp_side *peer = g->peer;
    int32_t beyond = after(ack, peer->next);

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
static bool acks_more(const struct segment *g, uint32_t ack)
{
    uint32_t next = g->peer->next;

    if ((g->s->bits & FT__T_ACKED) == 0 || after(ack, g->s->acked) > 0) {
        return true;
    }
    return (g->peer->bits & FT__T_SEEN) && next - ack < GAP_MAX && next - g->s->acked >= GAP_MAX;
}

static void take_ack(struct segment *g)
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
    if (again && (p->tcp_flags & SYN_FIN_RST) == 0 && p->payload_len == 0 && p->tcp_window != 0 &&
        (peer->bits & FT__T_SEEN) && after(peer->next, ack) > 0 &&
        (p->tcp_window == s->window || (p->tcp_opts & FT_TCPO_SACK))) {
        mine(g)->dup_acks++;
        bump8(&s->dup_run);
    }
    if (acks_more(g, ack)) {
        s->acked = ack;
        s->bits |= FT__T_ACKED;
        s->dup_run = 0;
    }
    if ((peer->bits & FT__T_FIN) && after(ack, others(g)->fin_end) >= 0) {
        peer->bits |= FT__T_FIN_ACKED;
    }
}

static void take_window(struct segment *g)
{
    struct ft__tcp_side *s = g->s;
    const struct ft_packet *p = g->pkt;
    bool scaled = (p->tcp_flags & FT_TCP_SYN) == 0 && s->scale != FT_TCPO_NO_SCALE;
    uint32_t window = (uint32_t)p->tcp_window << (scaled ? s->scale : 0);

    if (p->tcp_flags & FT_TCP_RST) {
        return;
    }
    if (p->tcp_window == 0 && (p->tcp_flags & (FT_TCP_SYN | FT_TCP_FIN)) == 0) {
        mine(g)->zero_windows++;
        if (g->peer->state != FT_TCP_CLOSED && s->state != FT_TCP_RESET) {
            add_counted(g, g->d, 'W', mine(g)->zero_windows);
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

/* May this be the same acknowledgment sent twice, and not only captured twice? */
static bool may_be_dup_ack(const struct segment *g)
{
    const struct ft_packet *p = g->pkt;
    bool pure = p->payload_len == 0 && (p->tcp_flags & SYN_FIN_RST) == 0;
    bool outstanding = (g->peer->bits & FT__T_SEEN) && after(g->peer->next, p->tcp_ack) > 0;

    return pure && outstanding && (p->ip_id == 0 || !g->s->ids_move);
}

/* How long ago a segment with this print was captured; INT64_MAX: not among the last two. */
static int64_t seen_ago(const struct segment *g)
{
    const struct ft__tcp_side *s = g->s;
    int64_t since = g->t->since_ns < 0 ? -(g->t->since_ns + 1) : g->t->since_ns;

    if (g->print == s->seen[0]) {
        return since;
    }
    if (g->print != s->seen[1] || s->apart == UINT8_MAX) {
        return INT64_MAX;
    }
    return ft__time_add(since, ((int64_t)s->apart + 1) << FT__T_TIME_SHIFT);
}

/* A segment captured a second time; see tcp.h. */
static bool same_frame(struct segment *g)
{
    const struct ft_packet *p = g->pkt;
    int64_t ago = seen_ago(g), trip = whole_trip_ns(g);

    if (p->tcp_flags & FT_TCP_SYN) {
        return ft__time_add(ago, copies_of_syn(g, g->d)) <= SYN_COPY_NS;
    }
    return ago <= COPY_NS && (trip == 0 || ago < trip) && !may_be_dup_ack(g);
}

/* The answer to a SYN is timed from its first copy. */
static void copy_of_syn(struct segment *g)
{
    struct ft__tcp_side *s = g->s;
    uint32_t *copies = g->t->rtt_us[!g->d];

    if (g->peer->bits & FT__T_RTT) {
        return; /* it has been answered */
    }
    *copies = copies_of_syn(g, g->d);
    s->copied = 1;
    if (g->t->since_ns > 0) {
        *copies += (uint32_t)g->t->since_ns; /* at most SYN_COPY_NS */
    }
}

static void look(struct segment *g)
{
    struct ft__tcp_side *s = g->s;
    const struct ft_packet *p = g->pkt;
    bool first = (s->bits & FT__T_SEEN) == 0, counts = true;

    if (!first && same_frame(g)) {
        bump16(&mine(g)->dup_frames);
        if (p->tcp_flags & FT_TCP_SYN) {
            copy_of_syn(g);
        }
        return;
    }
    take_third(g);
    if (first) {
        s->next = g->end;
        s->bits |= FT__T_SEEN;
    } else {
        counts = classify(g);
    }
    if (p->tcp_flags & FT_TCP_SYN) {
        take_syn(g);
    }
    note_history(g);
    if ((p->tcp_flags & FT_TCP_SYN) && is_warm(g)) {
        mine(g)->syn_seq = p->tcp_seq;
    }
    if (p->tcp_flags & FT_TCP_FIN) {
        s->bits |= FT__T_FIN;
        mine(g)->fin_end = g->end;
    }
    next_state(g);
    if (counts) {
        take_ack(g);
    }
    take_window(g);
}

bool ft__tcp_slow(const struct ft__tcp *t, const struct ft_packet *pkt, int d)
{
    struct ft__tcp_hot *h = t->hot;
    struct segment g = {.pkt = pkt, .t = t, .s = &h->side[d], .peer = &h->side[!d], .d = d};

    g.print = ft__tcp_print(pkt);

    if ((pkt->tcp_opts & FT_TCPO_WHOLE) == 0) {
        g.s->seen[0] = g.s->seen[1] = 0; /* since_ns of the next one is from here */
        return false;
    }
    g.len = pkt->tcp_flags & FT_TCP_RST ? 0 : pkt->payload_len;
    g.len += ((pkt->tcp_flags & FT_TCP_SYN) != 0) + ((pkt->tcp_flags & FT_TCP_FIN) != 0);
    g.end = pkt->tcp_seq + g.len;
    note_id(g.s, pkt->ip_id);
    look(&g);
    ft__tcp_remember(g.s, g.print, t->since_ns);
    return (pkt->tcp_flags & FT_TCP_RST) ||
           (h->side[0].bits & h->side[1].bits & FT__T_FIN_ACKED) != 0;
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
        cold_record(t->cold, r);
    }
    history_record(t, warm, r);
    for (int d = 0; d < 2; d++) {
        const struct ft__tcp_side *s = &t->hot->side[d];

        r->window_max[d] = s->window_max;
        r->init_window[d] = s->letters & FT__H_SYN ? s->init_window : -1;
        r->mss[d] = s->mss;
        r->scale[d] = s->scale;
        r->state[d] = s->state;
        r->rtt_us[d] = s->bits & FT__T_RTT ? *t->rtt_us[d] : UINT32_MAX;
    }
}
