/* SPDX-License-Identifier: Apache-2.0 */
/* serve: desks that threads share; see pool.h. */
#include "serve/pool.h"

#include "base/wait.h"

int ft_pool_init(struct ft_pool *p, const struct ft_desk_config *config, uint32_t n,
                 struct ft_err *err)
{
    int rc = FT_OK;

    *p = (struct ft_pool){.n = n};
    pthread_mutex_init(&p->lock, NULL);
    ft_cond_init(&p->given);
    while (rc == FT_OK && p->n_free < n) {
        rc = ft_desk_open(config, &p->free[p->n_free], err);
        p->n_free += rc == FT_OK;
    }
    if (rc != FT_OK) {
        ft_pool_fini(p);
    }
    return rc;
}

void ft_pool_fini(struct ft_pool *p)
{
    while (p->n_free > 0) {
        ft_desk_close(p->free[--p->n_free]);
    }
    pthread_cond_destroy(&p->given);
    pthread_mutex_destroy(&p->lock);
}

void ft_pool_stop(struct ft_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->stopped = true;
    pthread_cond_broadcast(&p->given);
    pthread_mutex_unlock(&p->lock);
}

struct ft_desk *ft_pool_take(void *cookie)
{
    struct ft_pool *p = cookie;
    struct timespec until = ft_wait_until(FT_POOL_WAIT_MS);
    struct ft_desk *d = NULL;
    int rc = 0;

    pthread_mutex_lock(&p->lock);
    while (p->n_free == 0 && !p->stopped && rc == 0) {
        rc = pthread_cond_timedwait(&p->given, &p->lock, &until);
    }
    if (p->n_free > 0 && !p->stopped) {
        d = p->free[--p->n_free];
    }
    pthread_mutex_unlock(&p->lock);
    return d;
}

void ft_pool_give(void *cookie, struct ft_desk *d)
{
    struct ft_pool *p = cookie;

    pthread_mutex_lock(&p->lock);
    p->free[p->n_free++] = d;
    pthread_cond_signal(&p->given);
    pthread_mutex_unlock(&p->lock);
}
