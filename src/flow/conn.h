/* SPDX-License-Identifier: Apache-2.0 */
/* flow: how a TCP connection begins and ends.
 *
 * Theory of operation: when a connection is over, and which of Zeek's states both sides are in, is
 * for every profile to know, so the table keeps it by itself, in a few bytes of the cold line. Only
 * segments that can change it are looked at: SYN, FIN, RST, the first of a side, and all of them
 * while the initiator has only opened, or after a FIN.
 *
 *     closed    a RST, or the FINs of both sides and acknowledgments of both (RFC 9293 §3.6)
 *     states    enum ft_tcp_state, as Zeek's conn.log has them (base/protocols/conn)
 *     opens     nothing is known but the initiator's SYN and data: a RST of its own now is what
 *               Zeek calls RSTOS0. `opened` is the number after what it sent without a gap: an
 *               acknowledgment beyond it tells of segments that nobody captured. */
#ifndef FT_FLOW_CONN_H
#define FT_FLOW_CONN_H

#include "flow/entry.h"

enum {
    FT__C_FIN = 1,         /* side 0 sent a FIN, 2: side 1 */
    FT__C_ACKED = 4,       /* which was acknowledged, 8: of side 1 */
    FT__C_WAS_CLOSED = 16, /* side 0 went from closed to reset, 32: side 1 */
    FT__C_OPENS = 64,      /* see above */
    FT__C_SYN_RESET = 128, /* a RST of the initiator ended that */
};

/* May this segment of direction d change anything? known_syn: the initiator's SYN once more. */
FT_INLINE bool ft__conn_looks(const struct ft__hot *h, const struct ft_packet *pkt, int d,
                              bool known_syn)
{
    uint8_t stated = (uint8_t)(FT__SEEN_STATE << d);
    bool plain = (h->seen & (stated | FT__SEEN_TURN)) == stated &&
                 (pkt->tcp_flags & (FT_TCP_SYN | FT_TCP_FIN | FT_TCP_RST)) == 0;

    return !plain && !(known_syn && (h->seen & stated));
}

/* Looks at it. True: the connection is over. */
bool ft__conn_segment(struct ft__hot *h, struct ft__cold *c, const struct ft_packet *pkt, int d);

#endif
