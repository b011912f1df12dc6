/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/redis: parameters, for sink.c. */
#ifndef FT_OUTPUT_SINK_REDIS_PARTS_H
#define FT_OUTPUT_SINK_REDIS_PARTS_H

#include "output/output.h"

extern const struct ft_params ft__redis_params;

#endif
