/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tcp: what the sequence numbers of a TCP connection tell.
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
 *     duplicate frame  captured a second time: see below
 *     fast             the peer asked for it: two duplicate acknowledgments or more, of just there
 *     out of order     it fills a hole, sooner than a sender could have noticed the loss: within
 *                      the round trip of the handshake, or 3 ms where that is not known
 *     retransmission   everything else with bytes that were seen, or are long since due
 *
 * A duplicate frame has the numbers, flags, window, length, checksum and IPv4 id of the one before,
 * and comes sooner than anybody sends again: within 3 ms, and within less than the round trip of
 * the handshake where that is known; a SYN and its answer within 200 ms, since their senders have
 * no shorter timeout. The id alone tells nothing: there are stacks that always send the same one,
 * and stacks that keep it when they send again. What a receiver sends twice in a row is a pure
 * acknowledgment, and it does so at once: where bytes are outstanding it is a duplicate
 * acknowledgment (RFC 5681 §2), unless this side's ids differ from segment to segment and this one
 * has that of the one before.
 *
 * The prints of a side's newest two segments are in the line; when something of a side comes again
 * that is further behind, its place tells (tcp_copies.c).
 *
 * Round trips are taken from the first copy of a SYN to the first copy of the answer.
 *
 * What the peer acknowledges and nobody captured is missed (hole.h). An acknowledgment far beyond
 * what was seen is believed when its sender acknowledged what was seen before.
 *
 * The history is that of Zeek's conn.log (base/protocols/conn), without checksums. When a
 * connection is over, and its states, the flow table knows. */
#ifndef FT_FEATURE_TCP_H
#define FT_FEATURE_TCP_H

#include <stdbool.h>
#include <string.h>

#include "feature/feature.h"
#include "feature/tcp/hole.h"

enum { FT__TCP_PACKED = 12, FT__TCP_HISTORY = 33 };

/* What one side sent. owner: the table's thread */
struct ft__tcp_side {
    uint32_t next;        /* after the highest sequence number sent; like the rest with T_SEEN */
    uint32_t acked;       /* highest acknowledgment sent; with T_ACKED */
    uint32_t window_max;  /* largest window advertised, in bytes as far as the scale is known */
    uint16_t seen[2];     /* prints of its newest two segments, the newest first; 0: none */
    uint8_t apart;        /* time between the two, in units of 2^T_TIME_SHIFT ns; at most 255 */
    uint8_t id : 5;       /* of the newest IPv4 id that was looked at, hashed; 0: none */
    uint8_t ids_move : 1; /* two of its segments had different IPv4 ids */
    uint8_t copied : 1;   /* its SYN was captured more than once: see struct ft__tcp.rtt_us */
    uint8_t acks_fit : 1; /* it acknowledged what was seen of the peer */
    uint16_t window;      /* as on the wire */
    uint16_t mss;         /* of the SYN; 0: none */
    uint16_t init_window; /* of the first SYN, as on the wire; with H_SYN */
    uint8_t letters;      /* that the history has, H_* */
    uint8_t bits;         /* T_* */
    uint8_t dup_run;      /* duplicate acknowledgments in a row; T_SYNS: see there */
    uint8_t begun : 1;    /* of side 0: its SYN was seen, or the answer came first */
    uint8_t scale : 4;    /* shift of its windows, or FT_TCPO_NO_SCALE: unknown or none */
    uint8_t end : 2;      /* E_* */
};

/* How a side ended, as flow/conn.c has it. */
enum {
    FT__E_NOT,
    FT__E_CLOSED, /* by a FIN */
    FT__E_RESET,
    FT__E_CUT /* closed, then reset while its peer was not closed */
};

struct ft__tcp_hot {
    struct ft__tcp_side side[2]; /* FT_DIR_* */
    uint64_t history;            /* the first twelve letters, 5 bits each, the first lowest */
} FT_ALIGNED(64);

struct ft__tcp_cold_side {
    uint64_t retrans_bytes, missed;
    uint32_t retrans, out_of_order, dup_acks, zero_windows;
    uint32_t syn_seq;                                              /* of the last SYN */
    uint32_t fin_end;                                              /* T_FIN: after the last FIN */
    uint32_t rst_seq;                                              /* H_RST: of the last RST */
    uint16_t fast, keep_alives, probes, dup_frames, rexmits, gaps; /* they stop at 65535 */
};

enum { FT__ODD = 6, FT__PLACE_MAX = 63 };

/* What is remembered of a side of which segments came again; times in units of 2^T_STAMP_SHIFT ns,
 * wrapping. With H_AGAIN, when no segment of the side goes the short way. */
struct ft__tcp_copies {
    uint32_t odd[FT__ODD]; /* prints and times of segments that did not go beyond what was seen */
    uint32_t odd_at;       /* when the newest of them was captured */
    uint32_t seen_at;      /* the same of side.seen[0]; only what went beyond is in seen */
    uint32_t old_at;       /* of the newest copy, or of what may be one */
    uint32_t to, ack;      /* its numbers: after it; as far as copies have come */
    uint32_t due, due_at;  /* where next stood then: so far copies have to come within 3 ms */
    /* Of the run of segments that may be copies and end there: */
    uint32_t bytes;       /* counted as sent again */
    uint16_t sent;        /* segments counted as sent again; stops at 65535 */
    uint16_t pure;        /* segments that count nowhere: acknowledgments; stops at 65535 */
    uint16_t asked_at;    /* when the peer last asked for something, in units of 2^T_TIME_SHIFT */
    uint16_t head : 3;    /* where the next one goes in odd */
    uint16_t known : 1;   /* copies were seen: the next one is expected at `to` */
    uint16_t proven : 1;  /* and they came of everything for a while */
    uint16_t has_ack : 1; /* ack holds */
    uint16_t asked : 1;   /* asked_at holds */
    uint16_t told : 1;    /* the history has the letters of the run */
    uint16_t place : 6;   /* where in the history they go */
};

/* owner: the table's thread */
struct ft__tcp_cold {
    struct ft__tcp_cold_side side[2];
    struct ft__holes holes[2]; /* what the sides sent and nobody saw */
    uint32_t hole_at; /* when the newest hole was opened, in units of 2^T_TIME_SHIFT ns, wrapping */
    uint8_t syns, answers; /* how many SYNs and SYN-ACKs; stop at 255 */
    uint8_t history_len;   /* letters after the first twelve */
    char history[FT__TCP_HISTORY];
};

_Static_assert(sizeof(struct ft__tcp_hot) == 64, "one cache line");
_Static_assert(sizeof(struct ft__tcp_copies) == 64, "one cache line");
_Static_assert(sizeof(struct ft__tcp_cold) == 192, "three cache lines");

/* FT__T_SYNS: the initiator sent nothing but its SYN, again and again. dup_run of side 0 says how
 * often it was sent again, that of side 1 how often it was captured again, later than at once; the
 * cold part is not in use, so that floods of SYNs take no more memory. */
enum {
    FT__T_SEEN = 1,   /* it sent something */
    FT__T_ACKED = 2,  /* it acknowledged something */
    FT__T_FIN = 4,    /* it sent a FIN: the cold part is in use */
    FT__T_SYNS = 8,   /* of side 0: nothing but SYNs, see below */
    FT__T_COLD = 16,  /* of side 0: the cold part is in use */
    FT__T_RTT = 64,   /* the round trip of the handshake to this side and back is known */
    FT__T_HOLE = 128, /* the cold part has a hole of what it sent */
};

enum { FT__T_TIME_SHIFT = 14, FT__T_STAMP_SHIFT = 10 };

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
    FT__H_MULTI = 64,
    FT__H_AGAIN = 128, /* no letter: copies[] of this side holds */
    FT__H_RESET = FT__H_RST | FT__H_FIN_RST
};

/* A flow of which nothing is known yet. flipped: its first packet is the responder's. */
FT_INLINE void ft__tcp_begin(struct ft__tcp_hot *h, bool flipped)
{
    memset(h, 0, sizeof *h);
    h->side[0].scale = h->side[1].scale = FT_TCPO_NO_SCALE;
    h->side[FT_DIR_FWD].begun = flipped;
    h->history = flipped ? FT__LETTER_FLIPPED : 0;
}

/* Where a flow's TCP state lies, and what else it is worked out from. */
struct ft__tcp {
    struct ft__tcp_hot *hot;
    struct ft__tcp_cold *cold;     /* not touched before it is needed */
    struct ft__tcp_copies *copies; /* of both sides; the same */
    /* of the handshake, to that side and back, with T_RTT; until then, with copied of the peer, how
     * many ns lie between the first and the last copy of the peer's SYN */
    uint32_t *rtt_us[2];
    const int64_t *last_ns; /* newest packet of each direction, this one included */
    int64_t
        since_ns; /* from the newest packet of this direction to this one, wrapping; < 0: late */
};

/* What makes a segment this one and no other: 16 bits of it, never 0. Segments that differ in the
 * checksum or the IPv4 id only never have the same. */
FT_INLINE uint16_t ft__tcp_print(const struct ft_packet *p)
{
    uint64_t numbers = (uint64_t)p->tcp_ack << 32 | p->tcp_seq;
    uint64_t rest = (uint64_t)p->payload_len << 24 | (uint32_t)p->tcp_flags << 16 | p->tcp_window;
    uint64_t h = (numbers ^ rest << 8) * 0x9e3779b97f4a7c15u;
    uint16_t id = (uint16_t)(p->ip_id << 5 | p->ip_id >> 11);
    uint16_t print = (uint16_t)(h >> 48) ^ p->tcp_sum ^ id;

    return print != 0 ? print : 1;
}

/* Remembers the print of a segment of side s. */
FT_INLINE void ft__tcp_remember(struct ft__tcp_side *s, uint16_t print, int64_t since_ns)
{
    uint64_t apart = (uint64_t)since_ns >> FT__T_TIME_SHIFT; /* far when it came late */

    s->seen[1] = s->seen[0];
    s->seen[0] = print;
    s->apart = (uint8_t)(apart < UINT8_MAX ? apart : UINT8_MAX);
}

/* Everything that is not plain. */
void ft__tcp_slow(const struct ft__tcp *t, const struct ft_packet *pkt, int d);

/* True when a segment of direction d is plain, and is counted: else it is for ft__tcp_slow, and
 * where the rest of the state lies need not be known before. since_ns: as in struct ft__tcp. */
FT_INLINE bool ft__tcp_plain(struct ft__tcp_hot *h, const struct ft_packet *pkt, int d,
                             int64_t since_ns)
{
    struct ft__tcp_side *s = &h->side[d], *peer = &h->side[!d];
    uint8_t letter = pkt->payload_len > 0 ? FT__H_DATA : FT__H_ACK;
    uint32_t window;

    /* in order, acknowledges nothing that was not seen, says nothing for the first time */
    if (FT_UNLIKELY(
            (pkt->tcp_flags & (FT_TCP_SYN | FT_TCP_FIN | FT_TCP_RST | FT_TCP_ACK)) != FT_TCP_ACK ||
            (pkt->tcp_opts & FT_TCPO_WHOLE) == 0 || pkt->tcp_seq != s->next ||
            (s->letters & (letter | FT__H_AGAIN)) != letter ||
            (s->bits & (FT__T_SEEN | FT__T_ACKED | FT__T_FIN)) != (FT__T_SEEN | FT__T_ACKED) ||
            (peer->bits & (FT__T_SEEN | FT__T_FIN | FT__T_HOLE)) != FT__T_SEEN ||
            (pkt->payload_len == 0 && pkt->tcp_ack == s->acked && pkt->tcp_ack != peer->next) ||
            pkt->tcp_window == 0 || peer->window == 0 || (int32_t)(pkt->tcp_ack - s->acked) < 0 ||
            (int32_t)(pkt->tcp_ack - peer->next) > 0 ||
            (s->letters & ((FT__H_SYN & ~peer->letters) | FT__H_RESET)) != 0)) {
        return false;
    }
    uint16_t print = ft__tcp_print(pkt);

    if (FT_UNLIKELY(pkt->payload_len == 0 && (print == s->seen[0] || print == s->seen[1]))) {
        return false; /* the same acknowledgment captured twice */
    }
    s->next += pkt->payload_len;
    s->dup_run = pkt->tcp_ack != s->acked ? 0 : s->dup_run;
    s->acked = pkt->tcp_ack;
    ft__tcp_remember(s, print, since_ns);
    s->window = pkt->tcp_window;
    window = (uint32_t)pkt->tcp_window << (s->scale == FT_TCPO_NO_SCALE ? 0 : s->scale);
    s->window_max = window > s->window_max ? window : s->window_max;
    return true;
}

/* The connection's columns. */
void ft__tcp_record(const struct ft__tcp *t, struct ft_tcp_record *r);

#endif
