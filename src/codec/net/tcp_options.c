/* SPDX-License-Identifier: Apache-2.0 */
/* codec: TCP options, see tcp_options.h.
 *
 *   kind 1, length 1 (both together), value   0 end   1 no operation: without a length
 *   2 MSS 2 bytes   3 window scale 1   4 SACK permitted 0   5 SACK 8 for each block */
#include "codec/net/tcp_options.h"

enum { KIND_END = 0, KIND_NOP = 1, KIND_MSS = 2, KIND_SCALE = 3, KIND_SACK_OK = 4, KIND_SACK = 5 };
enum { SCALE_MAX = 14 /* RFC 7323 §2.3 */ };

uint8_t ft_tcp_options_read(const uint8_t *p, uint32_t len, uint8_t tcp_flags, uint16_t *out_mss)
{
    struct ft_rd rd = ft_rd_make(p, len);
    bool syn = (tcp_flags & FT_TCP_SYN) != 0;
    uint8_t scale = FT_TCPO_NO_SCALE, bits = FT_TCPO_WHOLE;

    while (ft_rd_left(&rd) > 0) { /* at least one byte less each time, 40 at most */
        uint8_t kind = ft_rd_u8(&rd);
        uint8_t size;
        struct ft_rd value;

        if (kind == KIND_END) {
            break;
        }
        if (kind == KIND_NOP) {
            continue;
        }
        size = ft_rd_left(&rd) > 0 ? ft_rd_u8(&rd) : 0;
        if (size < 2 || !ft_rd_sub(&rd, size - 2u, &value)) {
            break;
        }
        if (kind == KIND_SACK && size >= 10) {
            bits |= FT_TCPO_SACK;
        } else if (syn && kind == KIND_MSS && size == 4) {
            *out_mss = ft_rd_u16(&value);
            bits |= FT_TCPO_MSS;
        } else if (syn && kind == KIND_SCALE && size == 3) {
            uint8_t shift = ft_rd_u8(&value);

            scale = shift < SCALE_MAX ? shift : SCALE_MAX;
        } else if (syn && kind == KIND_SACK_OK && size == 2) {
            bits |= FT_TCPO_SACK_OK;
        }
    }
    return bits | scale;
}
