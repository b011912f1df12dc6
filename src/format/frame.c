/* SPDX-License-Identifier: Apache-2.0 */
/* format: frames as they were, see frame.h. */
#include "format/frame.h"

#include <string.h>

enum { ETHERTYPE_VLAN = 0x8100 };

void ft_frame_copy_tagged(uint8_t *to, const struct ft_view *v, uint32_t kept)
{
    const uint8_t tag[FT_FRAME_TAG] = {ETHERTYPE_VLAN >> 8, ETHERTYPE_VLAN & 0xff,
                                       (uint8_t)(v->vlan_tci >> 8), (uint8_t)v->vlan_tci};
    uint32_t macs = kept < FT_FRAME_MACS ? kept : FT_FRAME_MACS, rest = kept - macs;
    uint32_t of_tag = rest < FT_FRAME_TAG ? rest : FT_FRAME_TAG;

    memcpy(to, v->data, macs);
    memcpy(to + macs, tag, of_tag);
    memcpy(to + macs + of_tag, v->data + macs, rest - of_tag);
}
