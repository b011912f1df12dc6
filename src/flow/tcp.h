/* SPDX-License-Identifier: Apache-2.0 */
/* flow: what the sequence numbers of a TCP connection tell.
 *
 * Theory of operation: an entry has one line of state that every segment touches, both sides
 * together, and a cold part for what goes wrong and how it ends. A connection that is opened and
 * carries data as it should never touches that: its first twelve letters of history are packed into
 * the line, and the round trips are taken from the times of the newest packets.
 *
 *     seq   ------ seen ------|  hole  |--- seen ---|next
 *                                                    ^ acked by the peer <= next
 *
 * A segment that begins at next is in order and takes the short way. What begins before next is
 * told apart like this, in this order (RFC 5681, RFC 6675; as in Wireshark where that is sound):
 *
 *     keep-alive       at next - 1, no more than a byte, without SYN, FIN or RST (RFC 9293 §3.8.4)
 *     duplicate frame  the IPv4 id, sequence number and length of the segment just before: the same
 *                      frame captured twice, not sent twice
 *     fast             the peer asked for it: two duplicate acknowledgments or more, of just there
 *     out of order     it fills a hole, sooner than a sender could have noticed the loss: within
 *                      the round trip of the handshake, or 3 ms where that is not known
 *     retransmission   everything else with bytes that were seen, or are long since due
 *
 * States and history are those of Zeek's conn.log (base/protocols/conn), without checksums. */
#ifndef FT_FLOW_TCP_H
#define FT_FLOW_TCP_H

#include <stdbool.h>
#include <string.h>

#include "model/packet.h"
#include "model/record.h"

enum { FT__TCP_HOLES = 2, FT__TCP_PACKED = 12, FT__TCP_HISTORY = 37 };

/* What one side sent. owner: the table's thread */
struct ft__tcp_side {
    uint32_t next;       /* after the highest sequence number sent; like the rest with T_SEEN */
    uint32_t acked;      /* highest acknowledgment sent; with T_ACKED */
    uint32_t window_max; /* largest window advertised, in bytes as far as the scale is known */
    uint32_t last_seq;   /* of the segment before; likewise the next two */
    uint16_t last_id;
    uint16_t window;      /* as on the wire */
    uint16_t mss;         /* of the SYN; 0: none */
    uint16_t init_window; /* of the first SYN, as on the wire; with H_SYN */
    uint8_t letters;      /* that the history has, H_* */
    uint8_t bits;         /* T_* */
    uint8_t dup_run;      /* duplicate acknowledgments in a row */
    uint8_t state : 4;    /* enum ft_tcp_state */
    uint8_t scale : 4;    /* shift of its windows, or FT_TCPO_NO_SCALE: unknown or none */
};

struct ft__tcp_hot {
    struct ft__tcp_side side[2]; /* FT_DIR_* */
    uint64_t history;            /* the first twelve letters, 5 bits each, the first lowest */
} FT_ALIGNED(64);

struct ft__tcp_cold_side {
    uint32_t hole[FT__TCP_HOLES][2]; /* [start, end) not seen below next; start == end: none */
    uint64_t retrans_bytes;
    uint32_t retrans, out_of_order, dup_acks, zero_windows, missed;
    uint32_t syn_seq;                                              /* of the last SYN */
    uint32_t fin_end;                                              /* T_FIN: after the last FIN */
    uint32_t rst_seq;                                              /* H_RST: of the last RST */
    uint16_t fast, keep_alives, probes, dup_frames, rexmits, gaps; /* they stop at 65535 */
};

/* owner: the table's thread */
struct ft__tcp_cold {
    struct ft__tcp_cold_side side[2];
    int64_t hole_ns;       /* when the newest hole was opened */
    uint8_t syns, answers; /* how many SYNs and SYN-ACKs; stop at 255 */
    uint8_t history_len;   /* letters after the first twelve */
    char history[FT__TCP_HISTORY];
};

_Static_assert(sizeof(struct ft__tcp_hot) == 64, "one cache line");
_Static_assert(sizeof(struct ft__tcp_cold) == 192, "three cache lines");

enum {
    FT__T_SEEN = 1,        /* it sent something */
    FT__T_ACKED = 2,       /* it acknowledged something */
    FT__T_FIN = 4,         /* it sent a FIN: the cold part is in use */
    FT__T_FIN_ACKED = 8,   /* which the peer acknowledged */
    FT__T_COLD = 16,       /* of side 0: the cold part is in use */
    FT__T_WAS_CLOSED = 32, /* it went from closed to reset */
    FT__T_RTT = 64,        /* the round trip of the handshake to this side and back is known */
};

/* A letter of the packed history: its place in this string, plus 1. */
#define FT__LETTERS "SHADFRIQTWGshadfriqtwg^"
enum { FT__LETTER_BITS = 5, FT__LETTER_FLIPPED = sizeof FT__LETTERS - 1 };

/* Letters of the history that are noted once; the case tells the side. */
enum {
    FT__H_SYN = 1,
    FT__H_FIN = 2,
    FT__H_RST = 4,
    FT__H_DATA = 8,
    FT__H_ACK = 16,
    FT__H_FIN_RST = 32,
    FT__H_MULTI = 64
};

/* A flow of which nothing is known yet. flipped: its first packet is the responder's. */
FT_INLINE void ft__tcp_begin(struct ft__tcp_hot *h, bool flipped)
{
    memset(h, 0, sizeof *h);
    h->side[0].scale = h->side[1].scale = FT_TCPO_NO_SCALE;
    h->history = flipped ? FT__LETTER_FLIPPED : 0;
}

/* Where a flow's TCP state lies, and what else it is worked out from. */
struct ft__tcp {
    struct ft__tcp_hot *hot;
    struct ft__tcp_cold *cold; /* not touched before it is needed */
    uint32_t *rtt_us[2];       /* of the handshake, to that side and back; with T_RTT */
    const int64_t *last_ns;    /* newest packet of each direction, this one included */
};

/* Everything that is not plain. True: the connection is over now: both FINs acknowledged, or a RST.
 */
bool ft__tcp_slow(const struct ft__tcp *t, const struct ft_packet *pkt, int d);

/* Looks at a segment of direction d. True as ft__tcp_slow. */
FT_INLINE bool ft__tcp_packet(const struct ft__tcp *t, const struct ft_packet *pkt, int d)
{
    struct ft__tcp_side *s = &t->hot->side[d], *peer = &t->hot->side[!d];
    uint8_t letter = pkt->payload_len > 0 ? FT__H_DATA : FT__H_ACK;
    uint32_t window;

    /* in order, acknowledges nothing that was not seen, says nothing for the first time */
    if (FT_UNLIKELY(
            (pkt->tcp_flags & (FT_TCP_SYN | FT_TCP_FIN | FT_TCP_RST | FT_TCP_ACK)) != FT_TCP_ACK ||
            (pkt->tcp_opts & FT_TCPO_WHOLE) == 0 || pkt->tcp_seq != s->next ||
            (s->letters & letter) == 0 ||
            (s->bits & (FT__T_SEEN | FT__T_ACKED | FT__T_FIN)) != (FT__T_SEEN | FT__T_ACKED) ||
            (peer->bits & (FT__T_SEEN | FT__T_FIN)) != FT__T_SEEN ||
            (pkt->payload_len == 0 && pkt->tcp_ack == s->acked && pkt->tcp_ack != peer->next) ||
            pkt->tcp_window == 0 || peer->window == 0 || (int32_t)(pkt->tcp_ack - s->acked) < 0 ||
            (int32_t)(pkt->tcp_ack - peer->next) > 0 || (s->state & 1) == 0)) {
        return ft__tcp_slow(t, pkt, d);
    }
    if (FT_UNLIKELY(pkt->payload_len == 0 && pkt->ip_id != 0 && pkt->ip_id == s->last_id)) {
        return ft__tcp_slow(t, pkt, d); /* the same acknowledgment captured twice */
    }
    s->next += pkt->payload_len;
    s->dup_run = pkt->tcp_ack != s->acked ? 0 : s->dup_run;
    s->acked = pkt->tcp_ack;
    s->last_seq = pkt->tcp_seq;
    s->last_id = pkt->ip_id;
    s->window = pkt->tcp_window;
    window = (uint32_t)pkt->tcp_window << (s->scale == FT_TCPO_NO_SCALE ? 0 : s->scale);
    s->window_max = window > s->window_max ? window : s->window_max;
    return false;
}

/* The connection's columns. */
void ft__tcp_record(const struct ft__tcp *t, struct ft_tcp_record *r);

#endif
