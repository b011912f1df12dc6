/* SPDX-License-Identifier: Apache-2.0 */
/* store: what stands in a slice besides columns. */
#ifndef FT_STORE_SLICE_PARTS_H
#define FT_STORE_SLICE_PARTS_H

#include "store/slice.h"

#define FT__SLICE_MAGIC "FTslice\n"
enum { FT__SLICE_ORDER = 0x01020304, FT__SLICE_COLUMNS_MOST = 1024, FT__SLICE_BLOCKS_MOST = 65536 };

struct ft__slice_head {
    uint8_t magic[8];
    uint32_t version, order;
};

/* The footer, unpacked: this, columns, and of each block: ft_slice_block, an extent a column. */
struct ft__slice_footer {
    uint32_t n, n_blocks;
};

struct ft__slice_tail {
    uint64_t footer_at;
    uint32_t footer_len, footer_raw;
    uint32_t version, order;
    uint8_t magic[8];
};

_Static_assert(sizeof(struct ft_store_column) == FT_STORE_NAME + 8, "as it is on disk");
_Static_assert(sizeof(struct ft_store_extent) == 24 + 2 * FT_STORE_BOUND, "as it is on disk");
_Static_assert(sizeof(struct ft__slice_tail) == 32, "as it is on disk");

#endif
