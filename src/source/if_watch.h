/* SPDX-License-Identifier: Apache-2.0 */
/* source: interfaces that are captured, what their numbers are and what they have counted.
 *
 * Theory of operation: the kernel is asked over rtnetlink, on a socket that is open before the
 * process gives up its rights: no file of /sys is needed, which shows the interfaces of another
 * namespace where it was mounted there. An interface is followed by its number; when that is gone,
 * by the name that it was asked for by. Its speed and duplex are those that it had when the watch
 * began. */
#ifndef FT_SOURCE_IF_WATCH_H
#define FT_SOURCE_IF_WATCH_H

#include "flowtap/errors.h"
#include "model/if_counters.h"

struct ft_if_watch;

/* Of these names, at most FT_SOURCE_INTERFACES; `any`, and what is no interface, has no number and
 * no counters. FT_E_NOMEM. Without a socket there are no counters. */
FT_NODISCARD int ft_if_watch_new(const char *const *names, uint32_t n, struct ft_if_watch **out);
void ft_if_watch_free(struct ft_if_watch *w); /* NULL is a no-op */

uint32_t ft_if_watch_n(const struct ft_if_watch *w);

/* Its ifIndex as it was last seen; 0: none. Any thread. */
uint32_t ft_if_watch_index(const struct ft_if_watch *w, uint32_t i);

/* What it has counted. False: it is not there now. One thread. */
bool ft_if_watch_read(struct ft_if_watch *w, uint32_t i, struct ft_if_counters *out);

#endif
