/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/postgres: parameters, for sink.c. */
#ifndef FT_OUTPUT_SINK_POSTGRES_PARTS_H
#define FT_OUTPUT_SINK_POSTGRES_PARTS_H

#include "output/output.h"

extern const struct ft_params ft__postgres_params;

#endif
