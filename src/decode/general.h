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

#endif
