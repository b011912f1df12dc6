/* SPDX-License-Identifier: Apache-2.0 */
/* base: waiting on the monotonic clock, so that a clock that is set hangs nobody.
 *
 * Theory of operation: pthread_cond_timedwait() waits on the wall clock unless the condition was
 * made otherwise; every condition of this project is made here. */
#ifndef FT_BASE_WAIT_H
#define FT_BASE_WAIT_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* A condition whose timed waits are ft_wait_until()'s. */
void ft_cond_init(pthread_cond_t *c);

/* CLOCK_MONOTONIC, milliseconds. */
int64_t ft_mono_ms(void);

/* The time that many milliseconds from now, for pthread_cond_timedwait(). */
struct timespec ft_wait_until(int64_t ms);

#endif
