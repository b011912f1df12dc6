/* SPDX-License-Identifier: Apache-2.0 */
/* format: packets as flow samples of sFlow, and counters of interfaces, as rows
 * (model/sflow_rows.h).
 *
 * Theory of operation: a sample holds the first bytes of a frame as it was on the wire, under the
 * protocol that sFlow has for its link type:
 *
 *     Ethernet 1   token ring 3   FDDI 4   frame relay 5   PPP 7   IPv4 11   IPv6 12   MPLS 13
 *     PPP in HDLC framing 14      802.11 15
 *
 * What a capture puts before a packet that was never on a wire (LINUX_SLL, LINUX_SLL2, NULL, LOOP)
 * is left out: IP is what there is. Other link types have no place in sFlow. */
#ifndef FT_FORMAT_SFLOW_H
#define FT_FORMAT_SFLOW_H

#include <stddef.h>
#include <stdint.h>

#include "codec/export/sflow_put.h"
#include "model/if_counters.h"
#include "model/packet.h"
#include "model/sflow_rows.h"

enum {
    FT_SFLOW_HEADER_USUAL = 128, /* bytes of a packet */
    FT_SFLOW_HEADER_LEAST = 16,
    FT_SFLOW_HEADER_MOST = 16384, /* as mtu= lets it */
    /* of a row besides the bytes of the packet and their padding */
    FT_SFLOW_ROW_MOST = sizeof(struct ft_sflow_row) + FT_SFLOW_PUT_FLOW_MOST,
    FT_SFLOW_ROW_COUNTERS = sizeof(struct ft_sflow_row) + FT_SFLOW_PUT_COUNTERS_MOST
};

/* Writes a row of a packet that was sampled at the interface of this index (0: not known), at most
 * header bytes of it; head->rate, source, pool and drops are set. Returns its bytes, at most
 * FT_SFLOW_ROW_MOST + header; 0: sFlow has no protocol for it. */
FT_HOT size_t ft_sflow_put_packet(uint8_t *p, const struct ft_view *v, struct ft_sflow_row head,
                                  uint32_t ifindex, uint32_t header);

/* A row of counters, likewise; at most FT_SFLOW_ROW_COUNTERS. */
size_t ft_sflow_put_interface(uint8_t *p, const struct ft_if_counters *c, struct ft_sflow_row head);

#endif
