/* SPDX-License-Identifier: Apache-2.0 */
/* store: the process that keeps a store, at the other end of an output's socket. */
#ifndef FT_STORE_SERVE_H
#define FT_STORE_SERVE_H

#include "model/store_wire.h"

/* Opens the store, says so or why not, and takes chunks until the other side is gone; what is held
 * goes to disk then. confine (may be NULL): called once the store is open, with the folder's
 * handle; other than FT_OK ends it. Returns the exit status. */
int ft_store_serve(int sock, const struct ft_store_ask *ask,
                   int (*confine)(void *cookie, int folder, struct ft_err *err), void *cookie);

#endif
