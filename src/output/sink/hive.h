/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: files in folders of the hour or day that their events are of (?hive=), as Hive names
 * them:
 *
 *     -o parquet:/data/flows.parquet?hive=hour   /data/date=2026-11-23/hour=13/flows.parquet
 *
 * Theory of operation: chunks come divided by time (ft_output_config.split_ns). Each time that is
 * open has a file sink, with all that it can (rotation, frames, .part), whose files lie in that
 * folder; a few are open at once, the one that was written to longest ago makes room. A file is
 * closed when its time is over: nothing has come for it for a minute while others were written to,
 * or while the clock went past it. One that is opened again in a run is never emptied.
 *
 * What times come is for others to choose (exporters, who made a capture): the number of folders
 * that a run makes, and how often each is opened again, have bounds; live, a time that is more than
 * a day from the clock is none. What is beyond them goes where Hive puts values that are not known:
 * date=__HIVE_DEFAULT_PARTITION__. */
#ifndef FT_OUTPUT_SINK_HIVE_H
#define FT_OUTPUT_SINK_HIVE_H

#include "output/output.h"

enum {
    FT__HIVE_OPEN = 4,       /* files that are open at once */
    FT__HIVE_FOLDERS = 8192, /* that a run may make; almost a year of hours */
    FT__HIVE_AGAIN = 64,     /* times that one of them may be opened */
};

/* The nanoseconds of hive=hour or day; 0: there is no hive=. */
int64_t ft_hive_span_ns(const struct ft_output_url *url);

/* ft_sink_ops' open, for the file sink. */
FT_NODISCARD int ft__hive_open(const struct ft_output_url *url, const struct ft_output_env *env,
                               struct ft_sink **out, struct ft_err *err);

#endif
