/* SPDX-License-Identifier: Apache-2.0 */
/* serve: a few desks that threads share.
 *
 * Theory of operation: a desk is one thread's at a time. Who needs one waits for it, for a bounded
 * time: a store that is slow makes some questions fail with a reason, not all of them hang. */
#ifndef FT_SERVE_POOL_H
#define FT_SERVE_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "serve/desk.h"

enum { FT_POOL_DESKS = 4, FT_POOL_WAIT_MS = 10 * 1000 };

struct ft_pool {
    struct ft_desk *free[FT_POOL_DESKS]; /* [n_free]: owned; n - n_free are taken */
    uint32_t n, n_free;
    bool stopped;
    pthread_mutex_t lock;
    pthread_cond_t given;
};

/* n desks of one store. As ft_desk_open(). */
FT_NODISCARD int ft_pool_init(struct ft_pool *p, const struct ft_desk_config *config, uint32_t n,
                              struct ft_err *err);
void ft_pool_fini(struct ft_pool *p); /* all were given back */

/* From now on nobody gets one, and who waits is told so. */
void ft_pool_stop(struct ft_pool *p);

/* struct ft_rpc's: cookie is a struct ft_pool. NULL: none was given back in time, or it was
 * stopped. */
struct ft_desk *ft_pool_take(void *cookie);
void ft_pool_give(void *cookie, struct ft_desk *d);

#endif
