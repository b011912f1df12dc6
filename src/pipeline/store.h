/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: starts the process that keeps a store: before privileges go, confined to its folder. */
#ifndef FT_PIPELINE_STORE_H
#define FT_PIPELINE_STORE_H

#include "model/store_wire.h"

/* struct ft_store_start's start; cookie: const bool *, whether it is confined. */
int ft_store_start_keeper(void *cookie, const struct ft_store_ask *ask, int *out_fd, pid_t *out_pid,
                          struct ft_err *err);

#endif
