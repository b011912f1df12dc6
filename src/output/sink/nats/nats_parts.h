/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/nats: parameters, for sink.c. */
#ifndef FT_OUTPUT_SINK_NATS_PARTS_H
#define FT_OUTPUT_SINK_NATS_PARTS_H

#include "output/output.h"

extern const struct ft_params ft__nats_params;

#endif
