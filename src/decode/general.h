/* SPDX-License-Identifier: Apache-2.0 */
/* decode: the general path (internal): any supported frame, through codec/net. */
#ifndef FT_DECODE_GENERAL_H
#define FT_DECODE_GENERAL_H

#include "decode/decode.h"

/* Decodes one view that is not FT_VIEW_FILTERED: its innermost packet, or with d->keep_tunnels the
 * one that carries it. Writes *out only with FT_V_DECODED: every field, but addr6 only for IPv6.
 * With NOT_IP the type of what it is was counted in d->types; no verdict is. Owner thread of d. */
enum ft_verdict ft__decode_general(struct ft_decoder *d, const struct ft_view *v,
                                   struct ft_packet *out);

#endif
