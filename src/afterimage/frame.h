/* SPDX-License-Identifier: Apache-2.0 */
/* afterimage: what Kitsune reads of a frame, as the texts that it puts together.
 *
 * Theory of operation: the outermost IP packet of a frame has the addresses, its TCP or UDP header
 * the ports; `icmp` stands for the ports of ICMP (not ICMPv6) without them, nothing for those of
 * others. ARP has the addresses that it asks and answers for; what is neither has the MAC addresses
 * in their place. Without Ethernet MAC addresses are empty. Whatever is malformed counts as what
 * was understood of it: each frame has texts. */
#ifndef FT_AFTERIMAGE_FRAME_H
#define FT_AFTERIMAGE_FRAME_H

#include "afterimage/streams.h"
#include "model/packet.h"

/* Names of streams, and the value. */
struct ft__frame {
    struct ft__name mac_host; /* source MAC and source address */
    struct ft__name host[2];  /* addresses: source, destination */
    struct ft__name channel;  /* both behind each other */
    struct ft__name end[2];   /* addresses and ports; of ARP the MAC addresses */
    uint32_t len;             /* bytes on the wire */
};

void ft__image_read(const struct ft_view *v, struct ft__frame *out);

#endif
