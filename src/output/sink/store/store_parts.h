/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/store: what its files share. */
#ifndef FT_OUTPUT_SINK_STORE_PARTS_H
#define FT_OUTPUT_SINK_STORE_PARTS_H

#include "output/output.h"

enum { FT__STORE_SLICE_S = 60, FT__STORE_SLICE_MOST_S = 3600 };

extern const struct ft_params ft__store_params;

#endif
