/* SPDX-License-Identifier: Apache-2.0 */
/* feature: how many packets had each TCP flag, eight counters in two words.
 *
 * Theory of operation: a word holds four counters of 16 bits, so a packet's flags are counted by
 * two additions. Before one can overflow, its top bit says so, and the owner adds them to wide
 * ones. */
#ifndef FT_FEATURE_FLAGS_H
#define FT_FEATURE_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/macros.h"

enum { FT_FLAGS = 8 };

/* Four flags as four numbers of 16 bits. */
#define FT__FLAG(v, i) ((uint64_t)((v) >> (i)&1) << ((i)*16))
#define FT__FLAGS_4(v) (FT__FLAG(v, 0) | FT__FLAG(v, 1) | FT__FLAG(v, 2) | FT__FLAG(v, 3))
#define FT__FLAGS_4_OF4(v)                                                                         \
    FT__FLAGS_4(v), FT__FLAGS_4((v) + 1), FT__FLAGS_4((v) + 2), FT__FLAGS_4((v) + 3)

/* Counts a packet's flags, FIN in the lowest counter. True: the counters have to go to wide ones
 * and begin anew. */
FT_INLINE bool ft_flags_add(uint64_t counts[2], uint8_t tcp_flags)
{
    static const uint64_t spread[16] = {FT__FLAGS_4_OF4(0), FT__FLAGS_4_OF4(4), FT__FLAGS_4_OF4(8),
                                        FT__FLAGS_4_OF4(12)};
    static const uint64_t tops = UINT64_C(0x8000800080008000);

    counts[0] += spread[tcp_flags & 15];
    counts[1] += spread[tcp_flags >> 4];
    return ((counts[0] | counts[1]) & tops) != 0;
}

FT_INLINE void ft_flags_widen(uint64_t wide[FT_FLAGS], const uint64_t counts[2])
{
    for (int i = 0; i < FT_FLAGS; i++) {
        wide[i] += counts[i / 4] >> (i % 4 * 16) & UINT16_MAX;
    }
}

#endif
