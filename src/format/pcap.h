/* SPDX-License-Identifier: Apache-2.0 */
/* format: packets as they are, into a capture file: pcap with nanoseconds, see pcap.c. */
#ifndef FT_FORMAT_PCAP_H
#define FT_FORMAT_PCAP_H

#include <stddef.h>
#include <stdint.h>

#include "codec/file/pcap.h"
#include "model/packet.h"

enum {
    FT_PCAP_SNAP_MOST = 262144, /* bytes of a packet, as others take it */
    /* of a packet besides its bytes: record header, a tag that was taken off */
    FT_PCAP_ROOM = FT_PCAP_RECORD_LEN + 4
};

/* The header of a file: FT_PCAP_HEADER_LEN bytes. */
size_t ft_pcap_put_header(uint8_t *p, uint32_t snap, uint16_t linktype);

/* The header of a record of so many bytes, FT_PCAP_RECORD_LEN of them. */
size_t ft_pcap_put_head(uint8_t *p, int64_t ts_ns, uint32_t kept, uint32_t len);

/* One record: at most FT_PCAP_ROOM + the smaller of snap and caplen bytes. */
FT_HOT size_t ft_pcap_put_packet(uint8_t *p, const struct ft_view *v, uint32_t snap);

#endif
