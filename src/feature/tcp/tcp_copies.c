/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tcp: TCP segments that were captured more than once; see tcp.h.
 *
 * Theory of operation: the line of state has the prints of a side's newest two segments, which is
 * enough to see copies that follow at once. What is further behind is told from its place. As soon
 * as something of a side comes again, this part keeps a cursor for it: the place behind the newest
 * copy. A mirror copies everything in order, so that the next copy begins at the cursor, while what
 * is sent again lies before it:
 *
 *     ------ copied ------|---- captured once, a short while ago ----|
 *        sent again       to               copies                    next
 *
 * Until a copy is certain, what comes again is counted as sent again, and remembered as a run. When
 * the run ends in a segment that equals one of the newest two, all of it was copies, and is counted
 * anew; so the first batch is right as well. A copy of what did not go beyond what was seen (sent
 * again, out of order) lies before the cursor: the prints of the newest of those are kept too. */
#include <string.h>

#include "base/time.h"
#include "feature/tcp/tcp_parts.h"

enum {
    COPY_NS = 3000000,       /* a frame that comes again later was sent again */
    SYN_COPY_NS = 200000000, /* the same of a SYN: initial timeouts are longer (RFC 6298 §2) */
    FAR_NS = 1000000000,     /* what was captured so long ago is of no account */
    SYN_BEHIND = 1 << 24     /* a SYN that lies so far before is of another connection */
};

/* ---- time ---- */

static uint32_t stamp(const struct ft__segment *g)
{
    return (uint32_t)((uint64_t)g->pkt->ts_ns >> FT__T_STAMP_SHIFT);
}

static int64_t ago(const struct ft__segment *g, uint32_t then)
{
    int64_t units = (int32_t)(stamp(g) - then);

    return (units < 0 ? -units : units) * (1 << FT__T_STAMP_SHIFT);
}

static uint16_t asked_stamp(const struct ft__segment *g)
{
    return (uint16_t)((uint64_t)g->pkt->ts_ns >> FT__T_TIME_SHIFT);
}

/* From the newest packet of this side, forward or back. */
static int64_t since(const struct ft__segment *g)
{
    return g->t->since_ns < 0 ? -(g->t->since_ns + 1) : g->t->since_ns;
}

/* Sooner than anybody sends again? */
static bool is_soon(const struct ft__segment *g, int64_t ns)
{
    int64_t trip = ft__tcp_whole_trip_ns(g);

    return ns <= COPY_NS && (trip == 0 || ns < trip);
}

/* ---- a side of which segments came again ---- */

static bool is_on(const struct ft__segment *g)
{
    return (g->s->letters & FT__H_AGAIN) != 0;
}

static struct ft__tcp_copies *copies(struct ft__segment *g)
{
    struct ft__tcp_copies *c = &ft__tcp_cold(g)->copies[g->d];

    if (!is_on(g)) {
        int64_t ns = since(g) < FAR_NS ? since(g) : FAR_NS;

        memset(c, 0, sizeof *c);
        c->seen_at = stamp(g) - (uint32_t)(ns >> FT__T_STAMP_SHIFT);
        c->odd_at = c->old_at = c->due_at = stamp(g);
        c->due = g->s->next;
        c->asked_at = asked_stamp(g);
        c->asked = g->peer->dup_run >= FT__FAST_AFTER;
        g->s->letters |= FT__H_AGAIN;
    }
    return c;
}

static void tell_run(const struct ft__tcp *t, int d)
{
    struct ft__tcp_copies *c = &t->cold->copies[d];
    struct ft__tcp_copies *other = &t->cold->copies[!d];
    struct ft__segment g = {.t = t};
    int before = ft__tcp_history_len(&g);

    for (int i = c->told ? c->sent : 0; i < c->sent; i++) {
        ft__tcp_bump16(&t->cold->side[d].rexmits);
        ft__tcp_counted_at(&g, d, 'T', t->cold->side[d].rexmits, c->place);
    }
    c->told = 1;
    if ((t->hot->side[!d].letters & FT__H_AGAIN) && other->place >= c->place) {
        other->place = (other->place + ft__tcp_history_len(&g) - before) & FT__PLACE_MAX;
    }
}

void ft__tcp_tell_runs(const struct ft__tcp *t)
{
    for (int d = 0; d < 2; d++) {
        if (t->hot->side[d].letters & FT__H_AGAIN) {
            tell_run(t, d);
        }
    }
}

/* The run is no more: it stays as it was counted. */
static void end_run(struct ft__segment *g, struct ft__tcp_copies *c)
{
    tell_run(g->t, g->d);
    c->bytes = c->sent = c->pure = 0;
    c->told = 0;
}

static bool has_run(const struct ft__tcp_copies *c)
{
    return c->sent != 0 || c->pure != 0;
}

/* Copies that are late will not come: then the next one is not expected any more. */
static void look_for_due(struct ft__segment *g, struct ft__tcp_copies *c)
{
    if (ago(g, c->due_at) <= COPY_NS && since(g) <= COPY_NS) {
        return;
    }
    c->proven = c->known && ft__tcp_after(c->to, c->due) >= 0;
    c->known = c->proven;
    c->due = g->s->next;
    c->due_at = stamp(g);
}

/* Ends what time has ended, before the segment is looked at. */
static void age(struct ft__segment *g)
{
    struct ft__tcp_copies *c = copies(g);

    if (g->peer->dup_run >= FT__FAST_AFTER) {
        c->asked_at = asked_stamp(g);
        c->asked = 1;
    }
    look_for_due(g, c);
    if (since(g) <= COPY_NS && ago(g, c->old_at) <= COPY_NS) {
        return;
    }
    end_run(g, c);
    if (!c->known) {
        g->s->letters &= (uint8_t)~FT__H_AGAIN;
        g->s->seen[0] = g->s->seen[1] = 0;
    } else if (since(g) > COPY_NS) {
        memset(c->odd, 0, sizeof c->odd);
        c->odd_at = stamp(g);
        if (since(g) >= FAR_NS) {
            g->s->seen[0] = g->s->seen[1] = 0;
            c->seen_at = stamp(g) - (FAR_NS >> FT__T_STAMP_SHIFT);
            c->old_at = c->seen_at;
        }
    }
}

/* ---- the same print ---- */

/* The peer asks for something, or did so of late: more may be sent again than it asked for. */
static bool is_in_recovery(const struct ft__segment *g)
{
    if (g->peer->dup_run >= FT__FAST_AFTER || !is_on(g)) {
        return g->peer->dup_run >= FT__FAST_AFTER;
    }
    const struct ft__tcp_copies *c = &g->t->cold->copies[g->d];
    uint16_t units = (uint16_t)(asked_stamp(g) - c->asked_at);

    return c->asked && units <= COPY_NS >> FT__T_TIME_SHIFT;
}

/* Is an equal print enough? While the peer asks for something, and no id tells one segment from
 * another, what is sent again twice looks like a copy. */
static bool is_sure(const struct ft__segment *g)
{
    bool has_id = g->pkt->ip_id != 0 && g->s->ids_move;

    return has_id || !is_in_recovery(g) || (is_on(g) && g->t->cold->copies[g->d].proven);
}

static void keep_odd(struct ft__segment *g, struct ft__tcp_copies *c)
{
    c->odd[c->head] = (uint32_t)g->print << 16 | (uint16_t)stamp(g);
    c->head = (c->head + 1) % FT__ODD;
    c->odd_at = stamp(g);
}

static int64_t odd_ago(const struct ft__segment *g)
{
    const struct ft__tcp_copies *c = &g->t->cold->copies[g->d];

    for (int i = 0; i < FT__ODD && ago(g, c->odd_at) <= COPY_NS; i++) {
        if (c->odd[i] >> 16 == g->print) {
            int64_t units = (int16_t)(stamp(g) - c->odd[i]);

            return (units < 0 ? -units : units) * (1 << FT__T_STAMP_SHIFT);
        }
    }
    return INT64_MAX;
}

/* How long ago a segment with this print was captured; INT64_MAX: it is not remembered. */
static int64_t seen_ago(const struct ft__segment *g)
{
    const struct ft__tcp_side *s = g->s;
    int64_t ns = is_on(g) ? ago(g, g->t->cold->copies[g->d].seen_at) : since(g);

    if (g->print == s->seen[0]) {
        return ns;
    }
    if (g->print == s->seen[1] && s->apart != UINT8_MAX) {
        return ft_time_add(ns, ((int64_t)s->apart + 1) << FT__T_TIME_SHIFT);
    }
    return is_on(g) && is_sure(g) ? odd_ago(g) : INT64_MAX;
}

void ft__tcp_keep(struct ft__segment *g, bool moved)
{
    if (!is_on(g)) {
        ft__tcp_remember(g->s, g->print, g->t->since_ns);
    } else if (moved) {
        struct ft__tcp_copies *c = copies(g);

        ft__tcp_remember(g->s, g->print, ago(g, c->seen_at));
        c->seen_at = stamp(g);
    } else {
        keep_odd(g, copies(g));
    }
}

void ft__tcp_forget(struct ft__segment *g)
{
    if (is_on(g)) {
        end_run(g, copies(g));
        g->s->letters &= (uint8_t)~FT__H_AGAIN;
    }
    g->s->seen[0] = g->s->seen[1] = 0; /* since_ns of the next one is from here */
}

/* ---- the place ---- */

/* Does all of it lie in what was seen of this side: numbers, and acknowledgments? */
static bool is_old(const struct ft__segment *g)
{
    const struct ft_packet *p = g->pkt;
    int32_t seq = ft__tcp_after(p->tcp_seq, g->s->next), end = ft__tcp_after(g->end, g->s->next);
    int32_t ack = g->s->bits & FT__T_ACKED ? ft__tcp_after(p->tcp_ack, g->s->acked) : 1;

    return (p->tcp_flags & (FT_TCP_SYN | FT_TCP_RST | FT_TCP_ACK)) == FT_TCP_ACK && seq <= 0 &&
           end <= 0 && ack <= 0 && (seq < 0 || ack < 0);
}

/* Was something new captured of this side so lately that this may be a copy of it? */
static bool is_young(const struct ft__segment *g)
{
    int64_t ns = is_on(g) ? ago(g, g->t->cold->copies[g->d].seen_at) : since(g);

    return is_soon(g, since(g)) && is_soon(g, ns);
}

static bool in_hole(const struct ft__segment *g)
{
    if ((g->s->bits & FT__T_HOLE) == 0) {
        return false;
    }
    struct ft__holes h = g->t->cold->holes[g->d];

    return ft__holes_fill(&h, g->s->next, g->pkt->tcp_seq, g->end);
}

/* Does it come after the newest copy, or what may be one? At once, or a few further. */
static bool goes_on(const struct ft__segment *g, const struct ft__tcp_copies *c)
{
    int32_t seq = ft__tcp_after(g->pkt->tcp_seq, c->to);
    int32_t ack = c->has_ack ? ft__tcp_after(g->pkt->tcp_ack, c->ack) : 1;

    bool again = g->len == 0 && c->proven && g->pkt->tcp_ack != g->s->acked; /* of a duplicate */

    return (seq == 0 || (seq > 0 && ago(g, c->old_at) <= COPY_NS)) && ack >= 0 &&
           (ack > 0 || again || ft__tcp_after(g->end, c->to) > 0);
}

static void move_cursor(struct ft__segment *g, struct ft__tcp_copies *c)
{
    c->old_at = stamp(g);
    c->to = g->end;
    if (g->pkt->tcp_flags & FT_TCP_ACK) {
        c->ack = g->pkt->tcp_ack;
        c->has_ack = 1;
    }
}

/* Does it lie where the run is? Copies of what was out of order are so too. */
static bool is_inside_run(const struct ft__segment *g, const struct ft__tcp_copies *c)
{
    uint32_t behind = c->to - g->pkt->tcp_seq;

    return ft__tcp_after(c->to, g->end) > 0 && behind <= c->bytes + g->len;
}

bool ft__tcp_came_again(struct ft__segment *g)
{
    bool bare_fin = g->len > 0 && g->pkt->payload_len == 0;
    bool maybe = is_old(g) && is_young(g) && !ft__tcp_is_fast(g) && !bare_fin;

    if (g->len == 0 && (!maybe || g->pkt->tcp_ack == g->s->acked)) {
        return false;
    }
    struct ft__tcp_copies *c = copies(g);
    bool next = goes_on(g, c);

    c->old_at = c->known ? c->old_at : stamp(g);
    if (!maybe || (c->known && !next && ft__tcp_after(g->pkt->tcp_seq, c->to) <= 0)) {
        return false;
    }
    if (!has_run(c) || (!next && !is_inside_run(g, c))) {
        end_run(g, c);
        c->place = ft__tcp_history_len(g) & FT__PLACE_MAX;
        next = true;
    }
    if (next) {
        move_cursor(g, c);
    }
    if (g->len == 0) {
        ft__tcp_bump16(&c->pure);
        return true;
    }
    ft__tcp_bump16(&c->sent);
    c->bytes += g->pkt->payload_len;
    return !c->told;
}

/* ---- copies ---- */

uint32_t ft__tcp_copies_of_syn(const struct ft__segment *g, int d)
{
    const struct ft__tcp_side *side = g->t->hot->side;

    return side[d].copied && (side[!d].bits & FT__T_RTT) == 0 ? *g->t->rtt_us[!d] : 0;
}

/* The answer to a SYN is timed from its first copy. */
static void copy_of_syn(struct ft__segment *g)
{
    struct ft__tcp_side *s = g->s;
    uint32_t *ns = g->t->rtt_us[!g->d];

    if (g->peer->bits & FT__T_RTT) {
        return; /* it has been answered */
    }
    *ns = ft__tcp_copies_of_syn(g, g->d);
    s->copied = 1;
    if (g->t->since_ns > 0) {
        *ns += (uint32_t)g->t->since_ns; /* at most SYN_COPY_NS */
    }
}

/* The only SYN of a side that went on since: nobody sends it again after that. */
static bool is_past_syn(const struct ft__segment *g)
{
    uint32_t behind = g->s->next - g->pkt->tcp_seq;
    bool answer = (g->pkt->tcp_flags & FT_TCP_ACK) != 0;
    int sent = !ft__tcp_is_warm(g) ? 1 : answer ? g->t->cold->answers : g->t->cold->syns;

    return sent == 1 && (g->s->letters & FT__H_SYN) && (g->s->letters & (FT__H_DATA | FT__H_ACK)) &&
           behind > 0 && behind < SYN_BEHIND && since(g) <= SYN_COPY_NS;
}

/* May this be the same acknowledgment sent twice, and not only captured twice? */
static bool may_be_dup_ack(const struct ft__segment *g)
{
    const struct ft_packet *p = g->pkt;
    bool pure = p->payload_len == 0 && (p->tcp_flags & FT__SYN_FIN_RST) == 0;
    bool outstanding = (g->peer->bits & FT__T_SEEN) && ft__tcp_after(g->peer->next, p->tcp_ack) > 0;
    bool newest = (g->s->bits & FT__T_ACKED) == 0 || p->tcp_ack == g->s->acked;

    return pure && outstanding && newest && (p->ip_id == 0 || !g->s->ids_move);
}

/* All of the run were copies, since this one is and goes on where it ended. */
static void turn_run(struct ft__segment *g, struct ft__tcp_copies *c)
{
    struct ft__tcp_cold_side *mine = ft__tcp_mine(g);
    uint32_t frames = (uint32_t)mine->dup_frames + c->sent + c->pure;

    mine->retrans -= c->sent;
    mine->retrans_bytes -= c->bytes;
    mine->dup_frames = (uint16_t)(frames < UINT16_MAX ? frames : UINT16_MAX);
    c->bytes = c->sent = c->pure = 0;
}

/* A copy that came at once, or in its turn: the next ones are expected after it. */
static void take_cursor(struct ft__segment *g)
{
    struct ft__tcp_copies *c = copies(g);

    if (g->pkt->tcp_flags & FT_TCP_RST) {
        return;
    }
    if (has_run(c) && ft__tcp_after(g->end, c->to) < 0) {
        return; /* out of order */
    }
    if (has_run(c) && goes_on(g, c) && is_sure(g)) {
        turn_run(g, c);
    }
    end_run(g, c);
    if (!c->known || ft__tcp_after(g->end, c->to) > 0 ||
        (g->end == c->to && (!c->has_ack || ft__tcp_after(g->pkt->tcp_ack, c->ack) > 0))) {
        move_cursor(g, c);
    }
    c->old_at = stamp(g);
    c->known |= is_sure(g);
}

/* Has the run come so far that this was captured a moment ago, after the run began? */
static bool is_run_certain(const struct ft__segment *g, const struct ft__tcp_copies *c)
{
    return has_run(c) && g->len > 0 && ft__tcp_after(g->pkt->tcp_seq, c->due) >= 0 &&
           is_soon(g, ago(g, c->due_at)) && !is_in_recovery(g);
}

/* The next copy, by its place. */
static bool is_expected(const struct ft__segment *g)
{
    const struct ft__tcp_copies *c = &g->t->cold->copies[g->d];

    if (!is_on(g) || !is_old(g) || !is_young(g) || !goes_on(g, c) || ft__tcp_is_fast(g) ||
        in_hole(g)) {
        return false;
    }
    return is_run_certain(g, c) || (c->known && !has_run(c) && (c->proven || !is_in_recovery(g)));
}

/* A SYN that was captured before. */
static bool is_copied_syn(struct ft__segment *g, int64_t seen)
{
    int64_t more = is_on(g) ? 0 : ft__tcp_copies_of_syn(g, g->d); /* seen: of the newest copy */

    if (ft_time_add(seen, more) <= SYN_COPY_NS) {
        copy_of_syn(g);
        return true;
    }
    return is_past_syn(g);
}

bool ft__tcp_is_copy(struct ft__segment *g)
{
    bool syn = (g->pkt->tcp_flags & FT_TCP_SYN) != 0, copy;
    int64_t seen;

    if ((g->s->bits & FT__T_SEEN) == 0) {
        return false;
    }
    if (is_on(g)) {
        age(g);
    }
    seen = seen_ago(g);
    if (syn) {
        copy = is_copied_syn(g, seen);
    } else {
        copy = seen == INT64_MAX ? is_expected(g) : is_soon(g, seen) && !may_be_dup_ack(g);
    }
    if (!copy) {
        return false;
    }
    ft__tcp_bump16(&ft__tcp_mine(g)->dup_frames);
    if (!syn || is_soon(g, since(g))) {
        take_cursor(g);
    }
    return true;
}
