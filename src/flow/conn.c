/* SPDX-License-Identifier: Apache-2.0 */
/* flow: the states of a TCP connection, see conn.h. */
#include "flow/conn.h"

#include "model/record.h"

enum { SYN_FIN_RST = FT_TCP_SYN | FT_TCP_FIN | FT_TCP_RST, FAR = 1 << 24 };

static bool silent(uint8_t state)
{
    return state == FT_TCP_INACTIVE || state == FT_TCP_PARTIAL;
}

/* ---- while it only opens ---- */

/* A segment of the initiator. True: it goes on opening. */
static bool opens_more(const struct ft__hot *h, struct ft__cold *c, const struct ft_packet *pkt,
                       uint32_t end)
{
    switch (pkt->tcp_flags & SYN_FIN_RST) {
    case 0:
        if (pkt->payload_len == 0) {
            return (pkt->tcp_flags & FT_TCP_ACK) == 0;
        }
        if ((int32_t)(pkt->tcp_seq - c->opened) <= 0 && (int32_t)(end - c->opened) > 0) {
            c->opened = end;
        }
        return true;
    case FT_TCP_SYN:
        if (pkt->tcp_seq == h->isn) {
            return true;
        }
        c->opened = end;
        return (pkt->tcp_flags & FT_TCP_ACK) == 0;
    case FT_TCP_RST:
        c->tcp_bits |= FT__C_SYN_RESET;
        return false;
    default:
        return false;
    }
}

/* A segment of the responder. True: it tells of nothing that was not captured. */
static bool fits_opened(struct ft__cold *c, const struct ft_packet *pkt)
{
    uint32_t beyond = pkt->tcp_ack - c->opened;

    if ((pkt->tcp_flags & (FT_TCP_ACK | FT_TCP_RST)) != FT_TCP_ACK || beyond == 0 ||
        beyond >= FAR) {
        return true;
    }
    c->opened = pkt->tcp_ack;
    return beyond == 1; /* one alone is most likely a FIN */
}

static void follow_opening(const struct ft__hot *h, struct ft__cold *c, const struct ft_packet *pkt,
                           int d, uint32_t end)
{
    bool opens = false;

    if (c->tcp_bits & FT__C_OPENS) {
        opens = d == FT_DIR_FWD ? opens_more(h, c, pkt, end) : fits_opened(c, pkt);
    } else if (d == FT_DIR_FWD && c->tcp_state[0] == FT_TCP_INACTIVE &&
               c->tcp_state[1] == FT_TCP_INACTIVE) {
        opens = (pkt->tcp_flags & (SYN_FIN_RST | FT_TCP_ACK)) == FT_TCP_SYN;
        c->opened = end;
    }
    c->tcp_bits = (uint8_t)((c->tcp_bits & ~FT__C_OPENS) | (opens ? FT__C_OPENS : 0));
}

/* ---- states ---- */

static uint8_t first_state(struct ft__cold *c, const struct ft_packet *pkt, int d)
{
    uint8_t flags = pkt->tcp_flags, state = FT_TCP_INACTIVE, *peer = &c->tcp_state[!d];
    bool forward = d == FT_DIR_FWD;

    if ((flags & FT_TCP_SYN) && forward && *peer == FT_TCP_ESTABLISHED) {
        state = FT_TCP_ESTABLISHED; /* the SYN and its answer changed places on the way */
    } else if ((flags & FT_TCP_SYN) && forward) {
        state = flags & FT_TCP_ACK ? FT_TCP_SYN_ACK_SENT : FT_TCP_SYN_SENT;
    } else if (flags & FT_TCP_SYN) {
        state = FT_TCP_ESTABLISHED;
        if (*peer == FT_TCP_SYN_SENT) {
            *peer = FT_TCP_ESTABLISHED;
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
    if (!forward && pkt->payload_len == 0 && *peer == FT_TCP_SYN_SENT) {
        return state; /* an acknowledgment before the SYN-ACK says nothing yet */
    }
    return (flags & FT_TCP_ACK) && *peer == FT_TCP_ESTABLISHED ? FT_TCP_ESTABLISHED
                                                               : FT_TCP_PARTIAL;
}

static void reset_side(struct ft__cold *c, int d)
{
    if (c->tcp_state[d] == FT_TCP_CLOSED) {
        c->tcp_bits |= (uint8_t)(FT__C_WAS_CLOSED << d);
    }
    c->tcp_state[d] = FT_TCP_RESET;
}

static void next_state(struct ft__cold *c, const struct ft_packet *pkt, int d)
{
    uint8_t flags = pkt->tcp_flags, *state = &c->tcp_state[d], *peer = &c->tcp_state[!d];

    switch (*state) {
    case FT_TCP_INACTIVE:
        *state = first_state(c, pkt, d);
        return;
    case FT_TCP_CLOSED:
        if ((flags & FT_TCP_RST) && *peer != FT_TCP_CLOSED) {
            reset_side(c, d);
        }
        return;
    case FT_TCP_RESET:
        return;
    default:
        break;
    }
    if ((flags & (FT_TCP_SYN | FT_TCP_ACK)) == FT_TCP_SYN && *state == FT_TCP_PARTIAL &&
        *peer == FT_TCP_INACTIVE) {
        *state = FT_TCP_SYN_SENT;
    }
    if (flags & FT_TCP_RST) {
        reset_side(c, d);
    } else if (flags & FT_TCP_FIN) {
        *state = FT_TCP_CLOSED;
        if (*peer == FT_TCP_RESET && (c->tcp_bits & (FT__C_WAS_CLOSED << !d))) {
            *peer = FT_TCP_CLOSED; /* FIN, then RST: a normal end after all */
        }
    }
}

/* ---- the whole ---- */

bool ft__conn_segment(struct ft__hot *h, struct ft__cold *c, const struct ft_packet *pkt, int d)
{
    uint8_t flags = pkt->tcp_flags, both = FT__C_ACKED | FT__C_ACKED << 1;
    uint32_t end = pkt->tcp_seq + (flags & FT_TCP_RST ? 0 : pkt->payload_len) +
                   ((flags & FT_TCP_SYN) != 0) + ((flags & FT_TCP_FIN) != 0);

    if ((flags & (FT_TCP_SYN | FT_TCP_ACK)) != FT_TCP_SYN) {
        c->beyond_syn = true;
    }
    if ((pkt->tcp_opts & FT_TCPO_WHOLE) == 0) {
        return false;
    }
    follow_opening(h, c, pkt, d, end);
    if (flags & FT_TCP_FIN) {
        c->tcp_bits |= (uint8_t)(FT__C_FIN << d);
        c->fin_end[d] = end;
    }
    next_state(c, pkt, d);
    if (!silent(c->tcp_state[FT_DIR_REV])) {
        c->tcp_bits &= (uint8_t)~FT__C_OPENS;
    }
    if ((flags & (FT_TCP_ACK | FT_TCP_RST)) == FT_TCP_ACK && (c->tcp_bits & (FT__C_FIN << !d)) &&
        (int32_t)(pkt->tcp_ack - c->fin_end[!d]) >= 0) {
        c->tcp_bits |= (uint8_t)(FT__C_ACKED << !d);
    }
    bool turn = (c->tcp_bits & (FT__C_OPENS | FT__C_FIN | FT__C_FIN << 1)) != 0 || !c->beyond_syn;
    uint8_t seen = (uint8_t)(h->seen & ~FT__SEEN_TURN);

    seen |= turn ? FT__SEEN_TURN : 0;
    for (int k = 0; k < 2; k++) {
        seen |= c->tcp_state[k] != FT_TCP_INACTIVE ? (uint8_t)(FT__SEEN_STATE << k) : 0;
    }
    h->seen = seen & 0x7f;
    return (flags & FT_TCP_RST) || (c->tcp_bits & both) == both;
}
