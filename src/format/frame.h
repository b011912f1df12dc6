/* SPDX-License-Identifier: Apache-2.0 */
/* format: a frame as it was on the wire: the tag of a VLAN that the kernel took off is put back. */
#ifndef FT_FORMAT_FRAME_H
#define FT_FORMAT_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "model/packet.h"

enum { FT_FRAME_MACS = 12, FT_FRAME_TAG = 4 };

/* Was a tag taken off, and is there where it stood? Then the frame is FT_FRAME_TAG bytes longer. */
FT_INLINE bool ft_frame_untagged(const struct ft_view *v)
{
    return (v->flags & FT_VIEW_VLAN) != 0 && v->linktype == FT_LINK_ETHERNET &&
           v->caplen >= FT_FRAME_MACS;
}

/* Its first bytes, kept of them, the tag counted; with ft_frame_untagged(). */
void ft_frame_copy_tagged(uint8_t *to, const struct ft_view *v, uint32_t kept);

#endif
