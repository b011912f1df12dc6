/* SPDX-License-Identifier: Apache-2.0 */
/* codec: what the options of a TCP header say (RFC 9293 §3.1). */
#ifndef FT_CODEC_NET_TCP_OPTIONS_H
#define FT_CODEC_NET_TCP_OPTIONS_H

#include <stdint.h>

#include "base/rd.h"
#include "model/packet.h"

enum { FT_TCP_MIN = 20, FT_TCP_OPTIONS_MAX = 40 };

/* Reads len captured bytes of options into tcp_opts of a packet: FT_TCPO_SACK of any segment, the
 * others of a SYN only; *out_mss is set with FT_TCPO_MSS. Ends at the first option that does not
 * fit. */
FT_NODISCARD uint8_t ft_tcp_options_read(const uint8_t *p, uint32_t len, uint8_t tcp_flags,
                                         uint16_t *out_mss);

/* The same for the two shapes that nearly all segments have, decided at a glance: no options, and
 * NOP NOP timestamps (RFC 7323 appendix A) on what is not a SYN. captured: bytes of the TCP header
 * that are there, at least FT_TCP_MIN; header: its length. */
FT_INLINE uint8_t ft_tcp_options(const uint8_t *tcp, uint32_t header, uint32_t captured,
                                 uint8_t tcp_flags, uint16_t *out_mss)
{
    enum { NOP_NOP_TIMESTAMPS = 0x0101080a, WITH_TIMESTAMPS = 32 };

    if (header == FT_TCP_MIN) {
        return FT_TCPO_NO_SCALE | FT_TCPO_WHOLE;
    }
    captured = captured < header ? captured : header;
    if (header == WITH_TIMESTAMPS && captured == header && (tcp_flags & FT_TCP_SYN) == 0 &&
        ft_load_be32(tcp + FT_TCP_MIN) == NOP_NOP_TIMESTAMPS) {
        return FT_TCPO_NO_SCALE | FT_TCPO_WHOLE;
    }
    return ft_tcp_options_read(tcp + FT_TCP_MIN, captured - FT_TCP_MIN, tcp_flags, out_mss);
}

#endif
