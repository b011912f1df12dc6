/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up privileges, for programs that run a pipeline.
 *
 *     opener_start -> pipeline_new (opens everything) -> opener_seal -> drop_user -> enter -> start
 *
 * Theory of operation: packets are hostile, so what parses them holds as little as possible. After
 * everything is open the process becomes an unprivileged user without capabilities (live capture
 * keeps CAP_NET_RAW, to open an interface again that vanished and came back), and a system-call
 * filter lets through what capturing and writing need and ends the process on anything else. A root
 * process that will have to reopen or rotate its output files keeps a small child, the opener,
 * which stays root, reads nothing but requests on a socket pair, and opens only the files that were
 * opened before the seal, or renames them to names with the same beginning. */
#ifndef FLOWTAP_SANDBOX_H
#define FLOWTAP_SANDBOX_H

#include "flowtap/errors.h"
#include "flowtap/pipeline.h"

#ifdef __cplusplus
extern "C" {
#endif

/* When root: become user (NULL: nobody), without supplementary groups, with no capability but, if
 * keep_net_raw, CAP_NET_RAW. Always: no new privileges. FT_E_USAGE: no such user, or not root;
 * FT_E_PRIVILEGE: the system refused. Before any thread is started. */
FT_API FT_NODISCARD int ft_sandbox_drop_user(const char *user, int keep_net_raw,
                                             struct ft_err *err);

/* Turns on the system-call filter for this and all later threads. FT_E_UNSUPPORTED: not built in,
 * or a sanitizer build. */
FT_API FT_NODISCARD int ft_sandbox_enter(struct ft_err *err);

/* Starts the opener when the process is root, and fills the hooks; otherwise leaves them empty.
 * Before any thread is started. FT_E_IO. */
FT_API FT_NODISCARD int ft_opener_start(struct ft_pipeline_hooks *hooks, struct ft_err *err);

/* From now on only files that were opened before are opened. A no-op without an opener. */
FT_API void ft_opener_seal(const struct ft_pipeline_hooks *hooks);

/* Ends the opener and empties the hooks. A no-op without an opener. */
FT_API void ft_opener_stop(struct ft_pipeline_hooks *hooks);

#ifdef __cplusplus
}
#endif

#endif
