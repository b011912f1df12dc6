/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline: packets in, events out, every one accounted for.
 *
 *     new -> [ add_callback ]* -> start -> [ wait | get_stats | stop | reopen ]* -> finish -> free
 *
 * Theory of operation: new() opens every source and output and allocates everything; after it
 * privileges can be dropped. start() makes the threads. The pipeline ends when the input ends, when
 * stop() was called, or when the last output is gone; wait() tells. finish() joins the threads,
 * flushes every flow and output and makes the account exact. Two pipelines in one process do not
 * know of each other. */
#ifndef FLOWTAP_PIPELINE_H
#define FLOWTAP_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

#include "flowtap/config.h"
#include "flowtap/errors.h"
#include "flowtap/log.h"
#include "flowtap/stats.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ft_pipeline;

/* Takes len bytes of whole events (NDJSON lines). Return 0 to go on, anything else to end this
 * output. Called on the output's own thread; may block: then the output's bounded queue fills and
 * its overflow policy decides. data is borrowed. */
typedef int (*ft_output_fn)(void *cookie, const void *data, size_t len);

struct ft_opener; /* flowtap/sandbox.h */

/* Opens sources and outputs. cfg is read, not kept; log (may be NULL) and opener must outlive the
 * pipeline. The opener opens the files that are written; NULL: the pipeline does that itself, and
 * needs the rights for it as long as it lives. On failure *out is untouched and err says why.
 * FT_E_USAGE: the configuration is wrong; FT_E_PRIVILEGE: err->what names what is missing. */
FT_API FT_NODISCARD int ft_pipeline_new(const struct ft_config *cfg, const struct ft_log *log,
                                        struct ft_opener *opener, struct ft_pipeline **out,
                                        struct ft_err *err);

/* Checks what new() would, and reads the files that it would read, but opens no source and no
 * target and writes nothing. Each thing that is wrong goes to log as an error, "FILE:LINE: " in
 * front where a file said it; *out_wrong: their number. FT_E_USAGE: something is; FT_E_NOMEM. */
FT_API FT_NODISCARD int ft_pipeline_check(const struct ft_config *cfg, const struct ft_log *log,
                                          uint32_t *out_wrong);

/* Adds an output that calls fn with NDJSON; before start. name appears in the account. When the
 * configuration names no -o, callbacks are the only outputs. */
FT_API FT_NODISCARD int ft_pipeline_add_callback(struct ft_pipeline *p, const char *name,
                                                 ft_output_fn fn, void *cookie, struct ft_err *err);

/* What ft_sandbox_enter_with() must leave: bits of enum ft_sandbox_needs. */
FT_API unsigned ft_pipeline_needs(const struct ft_pipeline *p);

FT_API FT_NODISCARD int ft_pipeline_start(struct ft_pipeline *p, struct ft_err *err);

/* Waits up to timeout_ms for the end. FT_OK: ended, call finish; FT_E_AGAIN: still running, also
 * soon after reopen(). */
FT_API int ft_pipeline_wait(struct ft_pipeline *p, int timeout_ms);

/* Asks for an orderly end / for file outputs to be reopened. Async-signal-safe. */
FT_API void ft_pipeline_stop(struct ft_pipeline *p);
FT_API void ft_pipeline_reopen(struct ft_pipeline *p);

/* From now on this process reaches nothing but what is open and what ft_pipeline_needs() says:
 * ft_pipeline_reload() refuses what would have to be opened otherwise. Before start. */
FT_API void ft_pipeline_confined(struct ft_pipeline *p);

/* What a reload came to. */
struct ft_reload {
    uint32_t outputs_kept, outputs_added, outputs_removed;
    bool rates; /* --sample, --stats, --drain-timeout, --max-amplification */
    bool allow;
    bool certificates; /* of listening addresses: they were read again */
};

/* Takes up another configuration while it runs: outputs, who may send (--allow), rates; live and
 * collect from sockets. Outputs with the same URL and the same files that it names (tokens,
 * certificates) go on; addresses that are listened on have new connections by the certificates that
 * their files hold now; others are opened before anything changes, and those that are not named any
 * more get nothing new, are written out within the drain timeout and closed. Everything else has to
 * be as it is in now, the configuration that the pipeline has. FT_E_USAGE: something that cannot
 * change does, or something is wrong; FT_E_STATE: it does not run, or is about to end; others as
 * ft_pipeline_new(): nothing has changed then. Both configurations are read, not kept. next NULL:
 * there was one that could not be read, which the account is to know. By the thread that calls
 * finish(). */
FT_API FT_NODISCARD int ft_pipeline_reload(struct ft_pipeline *p, const struct ft_config *now,
                                           const struct ft_config *next, struct ft_reload *out,
                                           struct ft_err *err);

/* Ends everything: drains, flushes flows (eof or shutdown), writes the last stats event, closes the
 * outputs. FT_OK, or the first failure: FT_E_TRUNCATED / FT_E_CORRUPT (input damaged, everything
 * before it processed), FT_E_IO / FT_E_CLOSED (an output lost data or its reader). err->what says,
 * and the log had it as an error when it happened. */
FT_API int ft_pipeline_finish(struct ft_pipeline *p, struct ft_err *err);

/* The account now; exact after finish(). Any thread. */
FT_API void ft_pipeline_get_stats(struct ft_pipeline *p, struct ft_stats *out);

/* Names of the inputs for people ("eth0", "a.pcap, b.pcap"); valid as long as the pipeline. */
FT_API const char *ft_pipeline_input_name(const struct ft_pipeline *p);

FT_API void ft_pipeline_free(struct ft_pipeline *p); /* NULL is a no-op; stops what still runs */

#ifdef __cplusplus
}
#endif

#endif
