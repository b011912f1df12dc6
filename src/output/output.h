/* SPDX-License-Identifier: Apache-2.0 */
/* output: bounded queues between the workers and the world, one thread each.
 *
 *   worker 0 --writer--> [open chunk] --full/flush--+
 *   worker 1 --writer--> [open chunk] --full/flush--+--> queue (bounded) --> output thread --> sink
 *   stats    --writer--> [open chunk] --------------+
 *
 * Theory of operation: an output owns a fixed pool of chunks. A writer (one per worker and output)
 * formats events into its open chunk and pushes it when it is full or flushed. When the pool is
 * empty the policy decides: drop (the event is counted as dropped) or block (the worker waits). The
 * last quarter of the pool is kept for flow records and stats, so a sample is given up before a
 * record is. The output thread hands each chunk to the sink, counts its events as written when the
 * sink took all of them, and as dropped when it failed. made = written + dropped, always.
 *
 * Ownership: ft_writer_begin() lends the caller at least max_len bytes until ft_writer_end() or the
 * next begin. A chunk pushed belongs to the output thread until it goes back to the pool. */
#ifndef FT_OUTPUT_OUTPUT_H
#define FT_OUTPUT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/count.h"
#include "flowtap/errors.h"
#include "flowtap/event.h"
#include "flowtap/log.h"
#include "flowtap/stats.h"

enum ft_overflow { FT_OVERFLOW_DROP, FT_OVERFLOW_BLOCK };

/* A parsed -o URL: FORMAT[+TRANSPORT]:TARGET[?key=value&...]. Owned strings; free with _fini. */
struct ft_output_url {
    char *text;      /* as given */
    char *format;    /* "ndjson", "csv", "null" */
    char *transport; /* "file", or the word after "+" */
    char *target;    /* "-" or a path; "" for null */
    struct {
        char *key, *value;
    } param[16];
    uint32_t n_params;
};

FT_NODISCARD int ft_output_url_parse(const char *text, struct ft_output_url *out,
                                     struct ft_err *err);
void ft_output_url_fini(struct ft_output_url *u);
/* value of a key or NULL */
const char *ft_output_url_get(const struct ft_output_url *u, const char *key);

/* Opens files on behalf of the outputs (privileges may have been dropped meanwhile). Returns a file
 * descriptor, or -1 with errno. flags as open(2), mode 0644. */
typedef int (*ft_open_fn)(void *cookie, const char *path, int flags);
/* rename(2) on behalf of the outputs: 0, or -1 with errno. */
typedef int (*ft_rename_fn)(void *cookie, const char *from, const char *to);

struct ft_output_env {
    const struct ft_log *log; /* may be NULL; outlives the output */
    ft_open_fn open_file;     /* NULL: open(2) */
    ft_rename_fn rename_file; /* NULL: rename(2) */
    void *cookie;             /* of both */
    /* bytes to be written at the start of every file (a CSV header), borrowed; may be NULL */
    const uint8_t *header;
    size_t header_len;
};

/* A sink: where bytes go. All calls on the output's own thread, except open (the thread that
 * starts) and interrupt. */
struct ft_sink;
struct ft_sink_ops {
    const char *name; /* "file", "null", "callback" */
    const char *help;
    int (*open)(const struct ft_output_url *url, const struct ft_output_env *env,
                struct ft_sink **out, struct ft_err *err);
    /* Takes len bytes of whole events. FT_OK: all taken. Otherwise *out_taken bytes were, always up
     * to the end of an event: FT_E_IO (e.g. no space: may work again later), FT_E_CLOSED (the other
     * side is gone for good), FT_E_INTERRUPTED (told to give up). May block. */
    int (*write)(struct ft_sink *s, const uint8_t *data, size_t len, size_t *out_taken);
    void (*tick)(struct ft_sink *s);    /* about every second; NULL ok */
    void (*reopen)(struct ft_sink *s);  /* SIGHUP; NULL ok */
    void (*give_up)(struct ft_sink *s); /* any thread: a blocked write returns; NULL ok */
    int (*close)(struct ft_sink *s);    /* flushes; FT_OK or why the end of the data is lost */
};
struct ft_sink {
    const struct ft_sink_ops *ops;
    _Atomic uint64_t moved; /* grows whenever bytes get through; tells slow from stuck */
};

extern const struct ft_sink_ops ft_sink_file;
extern const struct ft_sink_ops *const ft_sinks[]; /* NULL-terminated */

/* The sink of an embedder: fn gets whole events; anything but 0 ends the output. FT_E_NOMEM. */
FT_NODISCARD int ft_sink_callback_new(int (*fn)(void *cookie, const void *data, size_t len),
                                      void *cookie, struct ft_sink **out);

struct ft_output_config {
    const struct ft_sink_ops *sink; /* NULL: by the URL's transport */
    struct ft_sink *sink_instance;  /* with sink: already open (embedder's callback); taken */
    enum ft_overflow overflow;      /* default when the URL does not say overflow= */
    uint32_t n_writers;             /* workers + 1 */
    bool count_only;                /* null: no chunks, no thread, events are only counted */
};

struct ft_output;
struct ft_writer;

/* Opens the sink and allocates pool and writers; the thread is started by _start. url is copied.
 * URL keys read here: overflow=drop|block, queue=BYTES (pool size, default 16MB, e.g. 512KB, 64MB).
 */
FT_NODISCARD int ft_output_open(const struct ft_output_url *url, const struct ft_output_config *cfg,
                                const struct ft_output_env *env, struct ft_output **out,
                                struct ft_err *err);
FT_NODISCARD int ft_output_start(struct ft_output *o);

/* Bytes of memory that the output holds: pool and writers. */
size_t ft_output_budget(const struct ft_output *o);

/* The writer of a thread, 0..n_writers-1; each is used by one thread only. */
struct ft_writer *ft_output_writer(struct ft_output *o, uint32_t i);

/* At least max_len bytes for one event, or NULL: it was dropped and counted. FT_HOT. */
uint8_t *ft_writer_begin(struct ft_writer *w, enum ft_event e, size_t max_len);
/* The event is len bytes long (0: none after all, nothing is counted). */
void ft_writer_end(struct ft_writer *w, enum ft_event e, size_t len);
/* Counts n events as made and written without bytes (count_only outputs). */
void ft_writer_count(struct ft_writer *w, enum ft_event e, uint64_t n);
bool ft_writer_count_only(const struct ft_writer *w);
/* Pushes the open chunk, if it holds anything. */
void ft_writer_flush(struct ft_writer *w);

/* True when a full pool makes writers wait. */
bool ft_output_blocks(const struct ft_output *o);

/* Nobody is to wait for this output any more: a blocked write returns, waiting writers drop, what
 * is queued is dropped and counted. Any thread. */
void ft_output_give_up(struct ft_output *o);

/* Bytes that got through, in any unit that grows: tells a slow output from a stuck one. Any thread.
 */
uint64_t ft_output_progress(struct ft_output *o);

/* True when the sink is gone for good: what is still made for it is dropped and counted. */
bool ft_output_failed(const struct ft_output *o);

/* SIGHUP: the output thread reopens its target. Any thread. */
void ft_output_reopen(struct ft_output *o);

/* The input has ended and the last flow records are to come: from now on a writer waits for room,
 * as long as the target takes something every two seconds, whatever the policy. Any thread. */
void ft_output_ending(struct ft_output *o);

/* No writer writes any more: waits until everything queued is written, at most patience_ms without
 * progress (negative: for ever); then what is left is given up and counted as dropped. */
void ft_output_drain(struct ft_output *o, int patience_ms);

/* Drains, closes the sink, joins the thread. FT_OK, or FT_E_* when the target lost data. */
int ft_output_close(struct ft_output *o, int patience_ms);
void ft_output_free(struct ft_output *o); /* NULL is a no-op */

void ft_output_get_stats(struct ft_output *o, struct ft_output_stats *out); /* any thread */

#endif
