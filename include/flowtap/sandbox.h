/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up privileges, for programs that run a pipeline.
 *
 *     opener_start -> pipeline_new (opens everything) -> opener_seal -> drop_user -> enter_with
 *                  -> start
 *
 * Theory of operation: packets are hostile, so what parses them holds as little as possible. After
 * everything is open the process becomes an unprivileged user without capabilities (live capture
 * keeps CAP_NET_RAW, to open an interface again that vanished and came back). Landlock, where the
 * kernel has it, takes the file system away; a filter lets through the system calls that capturing
 * and writing need, ends the process on those that only an intruder makes, and answers all others
 * with ENOSYS. Files are opened, rotated and removed by a small child, the opener: it keeps the
 * rights that the process was started with as far as files need them (of root's capabilities
 * CAP_DAC_OVERRIDE alone), knows only the files that were placed before the seal, reaches them
 * through handles of their folders, follows no links, and has a filter of its own. A folder that
 * its owner replaced is looked up again and taken if it is like the old one: Landlock holds an
 * opener to the folders that it began with, so its parent, the keeper, starts another one. Where a
 * configuration may be loaded again, another child, the loader, keeps the right to read files
 * (root's CAP_DAC_READ_SEARCH), and reads what the configuration names when it is told to. */
#ifndef FLOWTAP_SANDBOX_H
#define FLOWTAP_SANDBOX_H

#include "flowtap/errors.h"
#include "flowtap/log.h"

#ifdef __cplusplus
extern "C" {
#endif

/* When root: become user (NULL: nobody), without supplementary groups, with no capability but, if
 * keep_net_raw, CAP_NET_RAW, and not to be traced or dumped by others who run as that user. Always:
 * no new privileges. FT_E_USAGE: no such user, or not root; FT_E_PRIVILEGE: the system refused.
 * Before any thread is started. */
FT_API FT_NODISCARD int ft_sandbox_drop_user(const char *user, int keep_net_raw,
                                             struct ft_err *err);

/* The ids of a user (NULL: nobody), before the files that tell them are out of reach. FT_E_USAGE.
 */
FT_API FT_NODISCARD int ft_sandbox_user(const char *user, unsigned *out_uid, unsigned *out_gid,
                                        struct ft_err *err);

/* There is a secret in memory (a key): no core dumps, no tracing. */
FT_API void ft_sandbox_protect(void);

/* What a pipeline asks of the kernel besides writing to what is open: ft_pipeline_needs(), which
 * asks its sources and each of its sinks. A sink that needs a call that none needed before gets a
 * bit here and rows in guard/confine.c. */
enum ft_sandbox_needs {
    FT_SANDBOX_CAPTURE = 1,   /* packet sockets: opens an interface again that came back */
    FT_SANDBOX_SOCKETS = 2,   /* takes connections and datagrams on sockets that are open */
    FT_SANDBOX_FILES = 4,     /* writes files: cuts, locks and syncs what is open */
    FT_SANDBOX_NETWORK = 8,   /* connects to hosts, whose names it looks up */
    FT_SANDBOX_BROKERS = 16,  /* with the one before: librdkafka's threads */
    FT_SANDBOX_REPLIES = 256, /* answers datagrams (DTLS) */
    FT_SANDBOX_RELOAD = 128,  /* opens outputs later: ft_pipeline_reload() */
    FT_SANDBOX_METRICS = 64   /* answers on a socket that listens (flowtap/metrics.h) */
};

/* Takes the file system away and turns on the system-call filter, for this and all later threads;
 * needs: bits of enum ft_sandbox_needs. FT_E_UNSUPPORTED: no filter is built in, or a sanitizer
 * build. _enter: without needs. */
FT_API FT_NODISCARD int ft_sandbox_enter(struct ft_err *err);
FT_API FT_NODISCARD int ft_sandbox_enter_with(unsigned needs, struct ft_err *err);

/* For a program that answers agents (flowtap/serve.h), after ft_serve_open(): leaves it nothing of
 * the file system but the store's folder, no way to connect anywhere or to run a program, and of
 * the system calls those that reading a store and answering take. Before any thread is started.
 * FT_E_UNSUPPORTED: no filter is built in, or a sanitizer build; FT_E_IO, FT_E_PRIVILEGE. */
FT_API FT_NODISCARD int ft_sandbox_enter_serve(const char *store, struct ft_err *err);

struct ft_opener;

/* Starts the opener, a child of this process. Before any thread is started and before anything is
 * open that it shall not hold. FT_E_IO, FT_E_NOMEM. Freed with ft_opener_stop. */
FT_API FT_NODISCARD int ft_opener_start(struct ft_opener **out, struct ft_err *err);

/* From now on the opener serves only the files that were placed before, and is confined itself;
 * uid: who this process will be. An opener without files ends. With sandbox 0 it keeps the system
 * calls and the file system. FT_E_IO, FT_E_PRIVILEGE. log (may be NULL) hears what is missing. */
FT_API FT_NODISCARD int ft_opener_seal(struct ft_opener *o, unsigned uid, int sandbox,
                                       const struct ft_log *log, struct ft_err *err);

/* Ends the opener and frees it; NULL is a no-op. After the pipeline was freed. */
FT_API void ft_opener_stop(struct ft_opener *o);

/* ---- a configuration that is loaded again ---- */

struct ft_config;
struct ft_loader;

/* Starts the loader, a child of this process that keeps the right to read files, to read the
 * configuration again: load makes it as it was made at the start, in that child, where nothing that
 * it prints is seen; NULL: it is wrong. Files that its outputs write to may then be placed with the
 * opener, also after the seal. After ft_opener_start(), before any thread is started and before
 * anything is open that it shall not hold. FT_E_IO, FT_E_NOMEM. Freed with ft_loader_stop. */
FT_API FT_NODISCARD int ft_loader_start(struct ft_opener *opener,
                                        struct ft_config *(*load)(void *cookie), void *cookie,
                                        struct ft_loader **out, struct ft_err *err);

/* From now on it can read, and nothing else; before ft_opener_seal(). With sandbox 0 it keeps the
 * system calls and the file system. FT_E_PRIVILEGE. */
FT_API FT_NODISCARD int ft_loader_seal(struct ft_loader *l, int sandbox, struct ft_err *err);

/* Has the configuration, and the files that it names, read as they are now: until _done() this
 * thread finds them so when it reads files of those names, whatever it may reach itself. FT_E_IO.
 */
FT_API FT_NODISCARD int ft_loader_load(struct ft_loader *l, struct ft_err *err);
FT_API void ft_loader_done(struct ft_loader *l); /* forgets them */

/* Ends the loader and frees it; NULL is a no-op. */
FT_API void ft_loader_stop(struct ft_loader *l);

#ifdef __cplusplus
}
#endif

#endif
