/* SPDX-License-Identifier: Apache-2.0 */
/* metrics: an account as a page of text.
 *
 * Theory of operation: the rows of table.c are walked; each writes its family's head and its
 * series into a buffer that grows. OpenMetrics differs from Prometheus' text in little: a counter's
 * family has no _total, units are said, and the page says where it ends. */
#ifndef FT_METRICS_PAGE_H
#define FT_METRICS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/metrics.h"
#include "flowtap/stats.h"

struct ft__page {
    char *text; /* owned */
    size_t len, cap;
    bool openmetrics;
    bool failed;                 /* no memory: what was written is not whole */
    const struct ft_metric *row; /* that is written */
};

/* The account as a page; *out is filled, to be freed with _fini. False: no memory. */
bool ft__page_make(struct ft__page *out, const struct ft_stats *s, bool openmetrics);
void ft__page_fini(struct ft__page *p);

/* Would a client with this header (NULL: none) rather have OpenMetrics? */
bool ft__page_wants_openmetrics(const char *accept);

/* What table.c writes with: a series of the row's, its labels as text that begins with a brace, or
 * "". */
void ft__page_series(struct ft__page *p, const char *labels, uint64_t value);
/* The same of seconds. */
void ft__page_seconds(struct ft__page *p, const char *labels, int64_t ns);
/* name="value" of a label into out[0..cap), escaped, cut when there is no room. */
size_t ft__page_label(char *out, size_t cap, const char *name, const char *value);

/* The table's writers. */
struct ft__metric_row {
    struct ft_metric metric;
    void (*write)(struct ft__page *p, const struct ft_stats *s, size_t at);
    size_t at; /* the writer's: where in struct ft_stats or ft_output_stats the value is */
};
const struct ft__metric_row *ft__metric_row(uint32_t i);

/* Why the program is not ready, a line each, into out[0..cap); true when it is. */
bool ft__page_ready(const struct ft_stats *s, char *out, size_t cap);

#endif
