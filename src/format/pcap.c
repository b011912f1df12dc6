/* SPDX-License-Identifier: Apache-2.0 */
/* format: pcap (draft-ietf-opsawg-pcap), in the byte order of this machine, nanoseconds.
 *
 *   file header                        record header
 *    0  magic  a1b23c4d                 0  seconds since 1970, unsigned
 *    4  version  2.4                    4  nanoseconds
 *    8  zone, sigfigs  0                8  bytes that follow
 *   16  snap                           12  bytes on the wire
 *   20  link type
 *
 * The tag of a VLAN that the kernel took off an Ethernet frame is put back. Times before 1970 and
 * after 2106 do not fit: their seconds wrap, as in every such file. */
#include "format/pcap.h"

#include <string.h>

#include "base/time.h"
#include "format/format.h"
#include "format/frame.h"

#define MAGIC_NS 0xa1b23c4du

size_t ft_pcap_put_header(uint8_t *p, uint32_t snap, uint16_t linktype)
{
    const uint32_t words[] = {MAGIC_NS, 0, 0, 0, snap, linktype};
    const uint16_t version[] = {2, 4};

    memcpy(p, words, sizeof words);
    memcpy(p + 4, version, sizeof version);
    return sizeof words;
}

size_t ft_pcap_put_head(uint8_t *p, int64_t ts_ns, uint32_t kept, uint32_t len)
{
    int64_t sec = ft_time_floor(ts_ns, 1000000000);
    const uint32_t head[] = {(uint32_t)sec, (uint32_t)(ts_ns - sec * 1000000000), kept, len};

    memcpy(p, head, sizeof head);
    return sizeof head;
}

size_t ft_pcap_put_packet(uint8_t *p, const struct ft_view *v, uint32_t snap)
{
    bool tagged = ft_frame_untagged(v);
    uint32_t all = v->caplen + (tagged ? FT_FRAME_TAG : 0), kept = all < snap ? all : snap;
    size_t head = ft_pcap_put_head(p, v->ts_ns, kept, v->len + (tagged ? FT_FRAME_TAG : 0));

    if (FT_LIKELY(!tagged)) {
        memcpy(p + head, v->data, kept);
    } else {
        ft_frame_copy_tagged(p + head, v, kept);
    }
    return head + kept;
}

const struct ft_format_ops ft_format_pcap = {
    .name = "pcap",
    .help = "the packets themselves; of collect the datagrams, as UDP",
    .suffix = ".pcap",
    .events = 1u << FT_EVENT_PACKET,
    .single_event = true,
    .carries_raw = true,
};

/* No instance is made: it is written as pcap is (pipeline/packets.h). */
const struct ft_format_ops ft_format_datagram = {
    .name = "datagram",
    .help = "datagrams of exporters as they came (collect, to Kafka)",
    .suffix = "",
    .events = 1u << FT_EVENT_PACKET,
    .single_event = true,
    .carries_raw = true,
};
