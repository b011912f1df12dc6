/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap: what systemd (or who speaks its protocol, sd_notify(3)) is told.
 *
 * Theory of operation: a datagram socket, connected before the file system is out of reach. Ready
 * is said when packets are taken, the state every few seconds, and the watchdog is fed only when
 * every worker has looked at its input since the last time, or has come to the end of it. */
#ifndef FLOWTAP_NOTIFY_H
#define FLOWTAP_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/pipeline.h"

struct notify {
    int fd;               /* -1: nobody listens */
    int64_t watchdog_ns;  /* it is to be fed within this; 0: there is none */
    int64_t next_ns;      /* the next look */
    struct ft_stats last; /* when it was fed */
};

/* Takes $NOTIFY_SOCKET and $WATCHDOG_USEC out of the environment. What is not there is not told. */
void notify_open(struct notify *n);
void notify_ready(struct notify *n, struct ft_pipeline *p);
/* How long nothing is to be told, at most most_ms. */
int notify_wait_ms(const struct notify *n, int most_ms);
/* Called after that, while the pipeline runs. */
void notify_tick(struct notify *n, struct ft_pipeline *p);
/* The configuration is loaded again; _ready() when that is over. */
void notify_reloading(struct notify *n);
/* It is ending: what is queued is still to be written. */
void notify_stopping(struct notify *n);
void notify_close(struct notify *n);

/* Has every worker that has an input turned since before? */
bool notify_advanced(const struct ft_stats *before, const struct ft_stats *now);

#endif
