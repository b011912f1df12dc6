/* SPDX-License-Identifier: Apache-2.0 */
/* decode: the general path (internal): any supported frame, through codec/net. */
#ifndef FT_DECODE_GENERAL_H
#define FT_DECODE_GENERAL_H

#include <stdbool.h>

#include "base/hash.h"
#include "flowtap/errors.h"
#include "model/packet.h"

/* Decodes one view that is not FT_VIEW_FILTERED: its innermost packet, or with keep_tunnels the one
 * that carries it. Writes *out only with FT_V_DECODED: every field,
 * but addr6 only for IPv6. Any thread. */
enum ft_verdict ft__decode_general(const struct ft_hash_seed *seed, bool keep_tunnels,
                                   const struct ft_view *v, struct ft_packet *out);

/* Where the transport header of a packet stands, in the view's bytes. */
struct ft__l4_place {
    const uint8_t *p;
    uint32_t cap;  /* bytes captured from there on, of the IP packet */
    uint32_t wire; /* of those that there were */
};

/* The same, and *out_l4, likewise. */
enum ft_verdict ft__decode_general_to(const struct ft_hash_seed *seed, bool keep_tunnels,
                                      const struct ft_view *v, struct ft_packet *out,
                                      struct ft__l4_place *out_l4);

#endif
