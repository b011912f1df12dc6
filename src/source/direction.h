/* SPDX-License-Identifier: Apache-2.0 */
/* source: which way packets of files went: in or out of the machine that captured them.
 *
 * Theory of operation: it is told by some link types, in their header (Linux cooked, PPP and others
 * with a direction), and by pcapng, in the flags of a block, which its walker leaves in the view.
 * Live, the kernel tells, and filters before. */
#ifndef FT_SOURCE_DIRECTION_H
#define FT_SOURCE_DIRECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "model/packet.h"

/* Does a header of this link type tell? */
bool ft_direction_told(uint16_t linktype);

/* Sets FT_VIEW_OTHER_WAY on every view that did not go the wanted way, or does not tell. Pure. */
void ft_direction_mark(enum ft_direction wanted, struct ft_view *views, uint32_t n);

#endif
