/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: what windows are told of records and samples of collect. */
#ifndef FT_PIPELINE_COLLECT_TOLD_H
#define FT_PIPELINE_COLLECT_TOLD_H

#include "model/export.h"
#include "window/window.h"

/* A record that came at at_ns. Counters are estimates where the sampling rate is known, and as they
 * were exported else; totals, which come again, count when the flow is over. A record of an answer
 * is of the flow that it answers. */
void ft__told_of_record(const struct ft_export_record *r, int64_t at_ns,
                        struct ft_window_told *out);

/* Likewise a sample: what it stands for, of no flow. */
void ft__told_of_sample(const struct ft_export_sample *s, int64_t at_ns,
                        struct ft_window_told *out);

#endif
