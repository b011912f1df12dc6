/* SPDX-License-Identifier: Apache-2.0 */
/* decode: the general path (internal): any supported frame, through codec/net. */
#ifndef FT_DECODE_GENERAL_H
#define FT_DECODE_GENERAL_H

#include "decode/decode.h"

/* Decodes one view that is not FT_VIEW_LEFT_OUT: its innermost packet, or with d->keep_tunnels the
 * one that carries it. Writes *out only with FT_V_DECODED: every field, but addr6 only for IPv6.
 * With NOT_IP the type of what it is was counted in d->types; no verdict is. Owner thread of d. */
enum ft_verdict ft__decode_general(struct ft_decoder *d, const struct ft_view *v,
                                   struct ft_packet *out);

/* False: for d, no datagram of this protocol and these ports (source, destination; NULL: not known
 * yet) is a tunnel. */
bool ft__may_carry(const struct ft_decoder *d, uint8_t proto, const uint16_t *ports);

/* A datagram that came in fragments. Borrowed. */
struct ft__joined {
    const struct ft_packet *first; /* its first fragment */
    const uint8_t *data;           /* what was captured of it, from the transport header on */
    uint32_t cap;                  /* bytes there */
    uint32_t len;                  /* bytes on the wire, from the transport header on; >= cap */
    uint32_t frame_len;            /* of all its frames, > 0 */
    int64_t ts_ns;                 /* of the packet that it becomes */
    bool truncated;                /* some of its frames were not captured whole */
};

/* What a tunnel's datagram carries: as ft__decode_general(). False: it is no tunnel, or what it
 * carries does not decode; *out is undefined. out is not j->first; out->payload lies in j->data.
 * Any thread. */
bool ft__decode_joined(const struct ft_decoder *d, const struct ft__joined *j,
                       struct ft_packet *out);

/* Where the transport header of a packet stands, in the view's bytes. */
struct ft__l4_place {
    const uint8_t *p;
    uint32_t cap;  /* bytes captured from there on, of the IP packet */
    uint32_t wire; /* of those that there were */
};

/* ft__decode_general(), with another keep_tunnels, and *out_l4, likewise. */
enum ft_verdict ft__decode_general_to(struct ft_decoder *d, bool keep_tunnels,
                                      const struct ft_view *v, struct ft_packet *out,
                                      struct ft__l4_place *out_l4);

#endif
