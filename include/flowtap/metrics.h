/* SPDX-License-Identifier: Apache-2.0 */
/* The account of a running pipeline over HTTP, for Prometheus and for those who ask whether it is
 * well.
 *
 *     open (binds) -> [ privileges go ] -> start -> ... -> free, before the pipeline is freed
 *
 * Theory of operation: a thread of its own answers GET and HEAD of /metrics, /healthz and /readyz
 * from ft_pipeline_get_stats(): what clients do costs the workers nothing. Connections are few and
 * bounded; one that does not get its request done in time is closed, and when all are taken the one
 * that has waited longest makes room, so that clients that say nothing keep nobody out. Metrics
 * are rows of one table (ft_metric_at); the page is Prometheus text 0.0.4, or OpenMetrics 1.0 for
 * those who would rather have that (Accept). Everything a start needs is made by open, so
 * that it works behind the system-call filter with FT_SANDBOX_METRICS. */
#ifndef FLOWTAP_METRICS_H
#define FLOWTAP_METRICS_H

#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/log.h"
#include "flowtap/macros.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ft_pipeline;
struct ft_metrics;

/* A row of the table. */
struct ft_metric {
    const char *name;   /* flowtap_packets_captured_total */
    const char *type;   /* "counter" or "gauge" */
    const char *unit;   /* "bytes", "seconds", or NULL: things are counted */
    const char *labels; /* "output, index", or NULL: one series */
    const char *help;   /* one sentence */
};

/* Metric number i in the order of the page, NULL after the last. Any thread. */
FT_API const struct ft_metric *ft_metric_at(uint32_t i);

/* Binds ADDR:PORT (":PORT": 127.0.0.1; port 0: one that is free, the log tells). log (may be NULL)
 * outlives it. FT_E_USAGE: it is no address; FT_E_IO: it cannot be bound; FT_E_UNSUPPORTED: this
 * build lacks libmicrohttpd; FT_E_NOMEM. Freed with ft_metrics_free. */
FT_API FT_NODISCARD int ft_metrics_open(const char *address, const struct ft_log *log,
                                        struct ft_metrics **out, struct ft_err *err);

/* Answers from now on, with the account of p, which outlives m. FT_E_NOMEM: no thread. */
FT_API FT_NODISCARD int ft_metrics_start(struct ft_metrics *m, struct ft_pipeline *p,
                                         struct ft_err *err);

/* Closes all connections; NULL is a no-op. */
FT_API void ft_metrics_free(struct ft_metrics *m);

#ifdef __cplusplus
}
#endif

#endif
