/* SPDX-License-Identifier: Apache-2.0 */
/* codec: transport headers, see l4.h.
 *
 *   TCP, RFC 9293 §3.1                                    UDP, RFC 768
 *    0 source port   2 destination port                    0 source port   2 destination port
 *    4 sequence      8 acknowledgment                      4 length        6 checksum
 *   12 data offset 4 bits, reserved 4   13 flags
 *   14 window       16 checksum   18 urgent pointer
 *
 *   SCTP, RFC 9260 §3.1: ports, tag 4, checksum 4         DCCP, RFC 4340 §5.1: ports, data offset 1
 *   UDP-Lite, RFC 3828 §3.1: ports, coverage 2, checksum 2    ICMP: type 1, code 1, checksum 2, 4
 */
#include "codec/net/l4.h"

#include "codec/net/icmp.h"
#include "codec/net/tcp_options.h"

enum {
    ROCE_PORT = 4791,
    BTH_LEN = 12
}; /* RoCEv2, IBTA annex A17; BTH: opcode 1, flags 1, key 2, QP 4 */
enum { PORTS_LEN = 4, TCP_MIN = 20, UDP_LEN = 8, SCTP_LEN = 12, DCCP_MIN = 12, ICMP_LEN = 8 };

static bool read_ports(struct ft_net *n)
{
    if (ft_rd_left(&n->rd) < PORTS_LEN) {
        return false;
    }
    n->port[0] = ft_load_be16(n->rd.p);
    n->port[1] = ft_load_be16(n->rd.p + 2);
    return true;
}

static void set_payload(struct ft_net *n, uint32_t header)
{
    n->payload_len = n->wire > header ? n->wire - header : 0;
}

/* The captured part of the payload, for those who want to look into it. */
static void note_payload(struct ft_net *n, uint32_t header)
{
    size_t left = ft_rd_left(&n->rd);

    if (left > header) {
        n->payload = n->rd.p + header;
        n->payload_cap = left - header;
    }
}

static enum ft_verdict decode_tcp(struct ft_net *n)
{
    const uint8_t *p = n->rd.p;
    size_t left = ft_rd_left(&n->rd);
    bool whole = n->frag == FT_FRAG_NONE;
    uint32_t header = TCP_MIN;

    if (!read_ports(n)) {
        return FT_V_L4_SHORT;
    }
    if (whole && n->wire < TCP_MIN) {
        return FT_V_TCP_OFFSET;
    }
    n->tcp_seq = left >= 8 ? ft_load_be32(p + 4) : 0;
    n->tcp_ack = left >= 12 ? ft_load_be32(p + 8) : 0;
    n->tcp_flags = left >= 14 ? p[13] : 0;
    n->tcp_window = left >= 16 ? ft_load_be16(p + 14) : 0;
    if (left >= 13) {
        header = (p[12] >> 4) * 4u;
        n->tcp_offset = p[12] & FT_MARK_OFFSET;
        if (whole && (header < TCP_MIN || header > n->wire)) {
            return FT_V_TCP_OFFSET;
        }
    }
    header = header > TCP_MIN ? header : TCP_MIN;
    set_payload(n, header);
    if (whole && left >= TCP_MIN) {
        n->tcp_sum = ft_load_be16(p + 16);
        n->tcp_opts = ft_tcp_options(p, header, (uint32_t)left, n->tcp_flags, &n->tcp_mss);
        note_payload(n, header);
    }
    return FT_V_DECODED;
}

/* The length field of a whole datagram must lie within the packet; what lies behind it is not the
 * datagram's. 0 is what offload and jumbograms (RFC 2675 §4) put there, and what the field says of
 * a packet that is longer than it can tell is of no account: then all of it is. */
static enum ft_verdict decode_udp(struct ft_net *n)
{
    if (!read_ports(n)) {
        return FT_V_L4_SHORT;
    }
    if (n->frag == FT_FRAG_NONE) {
        uint16_t len = ft_rd_left(&n->rd) >= 6 ? ft_load_be16(n->rd.p + 4) : 0;

        if (n->wire < UDP_LEN || (len != 0 && (len < UDP_LEN || len > n->wire))) {
            return FT_V_UDP_LENGTH;
        }
        if (len != 0 && n->wire <= UINT16_MAX) {
            ft_net_narrow(n, len);
        }
    }
    set_payload(n, UDP_LEN);
    if (n->frag == FT_FRAG_NONE) {
        note_payload(n, UDP_LEN);
        if (n->port[1] == ROCE_PORT && n->payload_cap >= BTH_LEN) {
            n->has_bth = true;
            n->roce_bth = (uint32_t)n->payload[0] << 24 | (ft_load_be32(n->payload + 4) & 0xffffff);
        }
    }
    return FT_V_DECODED;
}

static enum ft_verdict decode_ports(struct ft_net *n, uint32_t header)
{
    if (!read_ports(n)) {
        return FT_V_L4_SHORT;
    }
    set_payload(n, header);
    return FT_V_DECODED;
}

static enum ft_verdict decode_dccp(struct ft_net *n)
{
    uint32_t header = ft_rd_left(&n->rd) > 4 ? n->rd.p[4] * 4u : 0;

    return decode_ports(n, header > DCCP_MIN ? header : DCCP_MIN);
}

static enum ft_verdict decode_icmp(struct ft_net *n)
{
    if (ft_rd_left(&n->rd) < 2) {
        return FT_V_L4_SHORT;
    }
    n->icmp = ft_load_be16(n->rd.p);
    n->key_bits = ft_icmp_ports(n->proto, n->rd.p[0], n->rd.p[1], n->port) ? 0 : FT_KEY_ONE_WAY;
    set_payload(n, ICMP_LEN);
    return FT_V_DECODED;
}

enum ft_verdict ft_l4_decode(struct ft_net *n)
{
    n->port[0] = n->port[1] = 0;
    n->key_bits = 0;
    n->tcp_flags = 0;
    n->tcp_window = 0;
    n->tcp_sum = 0;
    n->tcp_seq = n->tcp_ack = 0;
    n->tcp_mss = 0;
    n->icmp = 0;
    n->tcp_opts = 0;
    n->tcp_offset = 0;
    n->has_bth = false;
    n->payload = NULL;
    n->payload_cap = 0;
    if (n->frag == FT_FRAG_LATER) {
        set_payload(n, 0);
        return FT_V_DECODED;
    }
    switch (n->proto) {
    case FT_IP_TCP:
        return decode_tcp(n);
    case FT_IP_UDP:
        return decode_udp(n);
    case FT_IP_UDPLITE:
        return decode_ports(n, UDP_LEN);
    case FT_IP_SCTP:
        return decode_ports(n, SCTP_LEN);
    case FT_IP_DCCP:
        return decode_dccp(n);
    case FT_IP_ICMP:
    case FT_IP_ICMPV6:
        return decode_icmp(n);
    default:
        set_payload(n, 0);
        return FT_V_DECODED;
    }
}
