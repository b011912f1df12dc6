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
 * record is. The output thread hands the chunks, several at once when they have queued up, to the
 * sink, which tells of each event once, then or later, that it arrived or that it is lost: a sink
 * may hold what it took, in an open frame or until the other side has said that it has it. written
 * is what arrived, lost what the target refused or lost, dropped what a full pool cost. With
 * overflow=spool a spool stands before the sink (spool/sink.h), and spooled is what is on disk.
 * When nothing is queued or held, made = written + dropped + lost + spooled.
 *
 * A mark tells where an event ends and of what kind it is. Events that are lines, one after the
 * other, share a mark, since their ends can be seen; a batch of rows is one event of a count; an
 * event with a key, which says where it belongs, has a mark of its own, and the key stands before
 * it: only for a sink that asks for keys.
 *
 * An output may want its events by their time (split_ns): a chunk holds those of one hour or day,
 * and a writer has a few chunks open, so that clocks that differ do not end one with each event.
 *
 * Where events are rows of a table, a chunk of them is sealed by its writer before it is pushed: a
 * batch takes the place of the rows, in a block that the writer has spare.
 *
 * Ownership: ft_writer_begin() lends the caller at least max_len bytes until ft_writer_end() or the
 * next begin. A chunk pushed belongs to the output thread until it goes back to the pool. */
#ifndef FT_OUTPUT_OUTPUT_H
#define FT_OUTPUT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/count.h"
#include "base/files.h"
#include "flowtap/errors.h"
#include "flowtap/event.h"
#include "flowtap/log.h"
#include "flowtap/sandbox.h"
#include "flowtap/stats.h"
#include "model/flow_templates.h"
#include "model/loss.h"
#include "model/param.h"
#include "model/sflow_rows.h"
#include "model/store_wire.h"
#include "model/trailer.h"
#include "output/url.h"

/* What keys a sink asks for. */
enum ft_keys {
    FT_KEYS_NONE,
    FT_KEYS_FLOW,     /* the Community ID of the flow, as text */
    FT_KEYS_EXPORTER, /* collect: the exporter's address, as text */
};
enum { FT_KEY_MOST = 48 }; /* bytes of a key */

enum ft_overflow { FT_OVERFLOW_DROP, FT_OVERFLOW_BLOCK };

enum { FT_LATE_HEADER = 64 };
enum { FT_OUTPUT_MTU = 1400 }; /* bytes of a datagram, unless mtu= says */

struct ft_chunk;

struct ft_output_env {
    const struct ft_log *log; /* may be NULL; outlives the output */
    const char *name;         /* of the output, in accounts; outlives those. NULL: its own copy */
    struct ft_files files;    /* who opens files; used by the output's thread, too */
    struct ft_store_start store; /* who starts the process that keeps a store, while it opens */
    bool keep_earlier; /* a file of an earlier run is added to or put aside, not emptied */
    bool by_clock;     /* events are of now */
    uint32_t idle_ms;  /* hive=: a file whose time is over is closed; 0: after a minute */
    void (*on_failed)(void *cookie); /* the target is gone for good: output thread; NULL ok */
    void *failed_cookie;
    const char *user;    /* that root becomes, NULL: nobody; borrowed while it opens */
    bool no_identity;    /* nothing may tell of hosts */
    bool collect;        /* events are of exporters */
    bool spooled;        /* a spool stands before the sink: ft_output_open's */
    uint64_t producer;   /* who makes its chunks: ft_output_open's */
    bool plain_events;   /* each event begins with {"event_type":" */
    uint32_t chunk_most; /* bytes that a sink is handed in one chunk at most: ft_output_open's */
    /* bytes to be written at the start of every file (a CSV header), borrowed; may be NULL */
    const uint8_t *header;
    size_t header_len;
    /* the same when it is known only with the first event: asked for once, by the output's thread,
     * before anything is written, or at the end; at most FT_LATE_HEADER bytes. NULL ok */
    size_t (*late_header)(void *cookie, uint8_t *out);
    void *header_cookie;
    bool binary; /* what is in the file has no lines: it is never added to */
    /* the next piece of a file's end into out, of at most room bytes, 0: it is over; NULL: files
     * just end. trailer_room and _each: bytes of an end, and for each chunk of the file */
    size_t (*trailer)(const void *cookie, struct ft_trailer *t, uint8_t *out, size_t room);
    const void *trailer_cookie;
    /* Chunks that were held, FT_PACK_MOST bytes or pack_ms of them, become what will lie at offset
     * at of the file; *out is valid until the next call. NULL: chunks go into it as they are */
    int (*pack)(void *cookie, const uint8_t *held, size_t len, uint64_t at, const uint8_t **out,
                size_t *out_len);
    void *pack_cookie;
    uint32_t pack_ms;
    bool needs_file;     /* with a name, and neither a FIFO nor a terminal */
    const char *table;   /* columns and types as CREATE TABLE has them, borrowed; NULL ok */
    const char *sidecar; /* what stands in FILE.json, borrowed; NULL ok */
    size_t trailer_room, trailer_each;
    /* flow export: events are rows that messages are made of; or NULL */
    const struct ft_flow_template_list *templates;
    /* sFlow: events are rows that datagrams are made of; as long as the output, or NULL */
    const struct ft_sflow_agent *sflow;
    /* What goes before next, the first message that is to come (NULL: not known), wherever a
     * receiver begins: at the start of every file and connection, or when it was away; *out is
     * valid until the next call. NULL: nothing but the header */
    void (*greet)(void *cookie, const uint8_t *next, struct ft_chunk *out);
    void *greet_cookie;
    /* events that this output has lost or dropped until now: ft_output_open's; the output's thread
     */
    uint64_t (*events_lost)(const void *cookie);
    const void *events_cookie;
    /* what it reads again of what was written at once: bytes at its beginning and at its end */
    size_t trailer_head, trailer_tail;
};

/* Where something of a chunk ends, and what it is. */
struct ft_mark {
    uint64_t key;        /* bytes of a key that stand before the event; FT_NO_KEY: there are none */
    uint32_t end;        /* offset of its end in the chunk */
    uint32_t count : 24; /* events */
    uint32_t event : 8;  /* enum ft_event */
};
enum { FT_NO_KEY = 0 };

/* Whole events, as a sink is handed them; borrowed until its write() returns. */
struct ft_chunk {
    uint8_t *data;
    uint32_t len;           /* bytes of events */
    uint32_t n;             /* marks */
    struct ft_mark *behind; /* mark i is behind[-1 - i] */
    bool lines;             /* events are lines, and a mark may be that of several */
    int64_t from_ns;        /* split_ns: the time that all of them are of begins here */
    /* Who made it and which it is, one more than the one before: the same each time that it is
     * handed over, so that a receiver can tell what came twice, and what is missing. */
    uint64_t producer, number;
};

FT_INLINE const struct ft_mark *ft_chunk_mark(const struct ft_chunk *c, uint32_t i)
{
    return c->behind - 1 - i;
}

/* Events by kind. */
struct ft_tally {
    uint64_t n[FT_EVENT__COUNT];
    uint64_t bytes;
};

/* The end of the last whole event within len bytes of a chunk. */
uint32_t ft_chunk_whole(const struct ft_chunk *c, size_t len);
/* Adds the events of a chunk that end behind from and not behind to. */
void ft_tally_chunk(struct ft_tally *t, const struct ft_chunk *c, uint32_t from, uint32_t to);
/* Events of all kinds. */
uint64_t ft_tally_events(const struct ft_tally *t);
/* Adds what is in from, which is empty then. */
void ft_tally_move(struct ft_tally *t, struct ft_tally *from);

/* A sink: where bytes go. All calls on the output's own thread, except open (the thread that
 * starts) and give_up. Each event that it was handed it adds once to arrived or to lost: in the
 * call or in a later one, but not later than in the flush that comes before close. */
struct ft_sink;
enum { FT_SINK_PARAMS = 5 };
struct ft_sink_ops {
    const char *name; /* "file", "callback" */
    const char *help;
    /* of its URLs, besides those that every output has: its own, and such as several sinks have */
    const struct ft_params *params[FT_SINK_PARAMS];
    unsigned needs;    /* of the kernel, besides writing to what is open: enum ft_sandbox_needs */
    bool alone;        /* NAME://TARGET?format=F is F+NAME://TARGET, and ndjson without format= */
    const char *usual; /* with alone: the format without format=; NULL: ndjson */
    bool waits;        /* write() waits for a receiver that is away: a spool may stand before it */
    bool messages;     /* takes messages of flow export: it greets */
    bool datagrams;    /* each event is one, and that is all it takes */
    int (*open)(const struct ft_output_url *url, const struct ft_output_env *env,
                struct ft_sink **out, struct ft_err *err);
    /* Takes *n >= 1 chunks. FT_OK: all of them. Otherwise *n is how many it dealt with, the one
     * that failed included, and the others are not its affair: FT_E_IO (e.g. no space: may work
     * again later), FT_E_CLOSED (the other side is gone for good), FT_E_INTERRUPTED (told to give
     * up). May block. */
    int (*write)(struct ft_sink *s, const struct ft_chunk *chunks, uint32_t *n);
    /* What it holds arrives, or is lost, before this returns. NULL: it never holds anything. */
    int (*flush)(struct ft_sink *s);
    /* What is due by time, also what is held: result as flush's; *out_next_ms: when to call again
     * at the latest, -1: not for its own sake. NULL ok. */
    int (*tick)(struct ft_sink *s, int64_t *out_next_ms);
    int (*reopen)(struct ft_sink *s);   /* SIGHUP; result as flush's; NULL ok */
    void (*give_up)(struct ft_sink *s); /* any thread: a blocked write returns; NULL ok */
    /* Can messages have this source (version 0: no)? Those that it says yes to, and those of
     * version 0, stand behind theirs in a chunk. NULL: of those without sources */
    bool (*sends_as)(struct ft_sink *s, const struct ft_flow_source *source);
    /* The own address that a receiver sees, network order, IPv4 in the first 4 bytes. Returns 4, 6;
     * 0: it is not known yet. NULL ok, but of those with datagrams */
    uint8_t (*local)(struct ft_sink *s, uint8_t out[16]);
    int (*close)(struct ft_sink *s); /* FT_OK or why the end of the data is lost */
};
struct ft_sink {
    const struct ft_sink_ops *ops;
    _Atomic uint64_t moved;         /* grows whenever bytes get through; tells slow from stuck */
    _Atomic bool absent;            /* nobody is at the other end yet (a FIFO without a reader) */
    struct ft_count folder_changes; /* times that the target's folder was another one */
    enum ft_keys keys;              /* that its events are to have; since open */
    /* owner: the output's thread */
    struct ft_tally arrived, lost; /* since the output has looked */
    struct ft_tally dropped;       /* likewise: a spool was full */
    struct ft_tally replayed;      /* likewise: of an earlier run, that arrived now */
    struct ft_tally earlier_dropped, earlier_lost; /* likewise: too old; refused or damaged */
    struct ft_tally spooled; /* that it has on disk now; they may stay there at the end */
    struct ft_tally earlier; /* that it has there still of earlier runs */
    unsigned needs;          /* besides its ops' */
    uint32_t sealed; /* grows when all that arrived is safe: closed or synced without error */
    uint32_t failed; /* grows when the system says that what arrived since may be lost */
    size_t memory;   /* bytes that it holds */
};

extern const struct ft_sink_ops ft_sink_file;
extern const struct ft_sink_ops ft_sink_http, ft_sink_https;
extern const struct ft_sink_ops ft_sink_nats, ft_sink_natss;
extern const struct ft_sink_ops ft_sink_postgres;
extern const struct ft_sink_ops ft_sink_redis, ft_sink_rediss;
extern const struct ft_sink_ops ft_sink_tcp, ft_sink_tls, ft_sink_unix;
extern const struct ft_sink_ops ft_sink_udp;
extern const struct ft_sink_ops ft_sink_s3;
extern const struct ft_sink_ops ft_sink_store;
extern const struct ft_sink_ops ft_sink_kafka;
extern const struct ft_sink_ops *const ft_sinks[]; /* NULL-terminated */
extern const struct ft_params ft_output_params;    /* that every output has */
extern const struct ft_params ft_tls_params;       /* that every sink with TLS has */

/* The sink of an embedder: fn gets whole events; anything but 0 ends the output. FT_E_NOMEM. */
FT_NODISCARD int ft_sink_callback_new(int (*fn)(void *cookie, const void *data, size_t len),
                                      void *cookie, struct ft_sink **out);

struct ft_output_config {
    const struct ft_sink_ops *sink; /* NULL: by the URL's transport */
    struct ft_sink *sink_instance;  /* with sink: already open (embedder's callback); taken */
    enum ft_overflow overflow;      /* default when the URL does not say overflow= */
    uint32_t n_writers;             /* workers + 1 */
    bool count_only;                /* null: no chunks, no thread, events are only counted */
    bool binary;                    /* events are not lines: each has a mark of its own */
    uint32_t event_most;            /* most bytes of an event; 0: FT_EVENT_ROOM */
    /* binary: events are rows; n of them become a batch at out, of at most seal_room bytes more;
     * lost: until now. Returns its bytes. NULL ok */
    size_t (*seal)(const void *cookie, enum ft_event e, const uint8_t *rows, uint32_t n,
                   const struct ft_loss *lost, uint8_t *out);
    const void *seal_cookie;
    uint32_t seal_room;
    uint64_t (*packets_lost)(void *cookie); /* with seal: until now; any thread */
    void *packets_cookie;
    int64_t split_ns; /* a chunk holds events of one hour or day (ft_writer_at); 0: of any time */
    bool by_kind;     /* with seal, without split_ns: a chunk holds events of one kind */
};

struct ft_output;
struct ft_writer;

/* May a URL's output be opened, as far as that takes a privilege that is given up after the start?
 * FT_E_PRIVILEGE. */
FT_NODISCARD int ft_output_permitted(const struct ft_output_url *url, struct ft_err *err);

/* Opens the sink and allocates pool and writers; the thread is started by _start. url is copied.
 * URL keys read here: overflow=drop|block, queue=BYTES (pool size, default 16MB, e.g. 512KB, 64MB).
 */
FT_NODISCARD int ft_output_open(const struct ft_output_url *url, const struct ft_output_config *cfg,
                                const struct ft_output_env *env, struct ft_output **out,
                                struct ft_err *err);
FT_NODISCARD int ft_output_start(struct ft_output *o);

/* What its sink asks of the kernel: enum ft_sandbox_needs. */
unsigned ft_output_needs(const struct ft_output *o);

/* The keys that its events are to have: ft_writer_end_as(). */
enum ft_keys ft_output_keys(const struct ft_output *o);

/* Its URL as it was given; as long as the output. */
const char *ft_output_name(const struct ft_output *o);

/* Bytes of memory that the output holds: pool and writers. */
size_t ft_output_budget(const struct ft_output *o);

/* The writer of a thread, 0..n_writers-1; each is used by one thread only. */
struct ft_writer *ft_output_writer(struct ft_output *o, uint32_t i);

/* split_ns: the next events are of this time, nanoseconds since 1970. */
void ft_writer_at(struct ft_writer *w, int64_t ts_ns);

/* At least max_len bytes for one event, or NULL: it was dropped and counted. FT_HOT. */
uint8_t *ft_writer_begin(struct ft_writer *w, enum ft_event e, size_t max_len);
/* The event is len bytes long (0: none after all, nothing is counted). */
void ft_writer_end(struct ft_writer *w, enum ft_event e, size_t len);
/* What was begun are n events, of len bytes together (0: none): lines, a batch of rows, or one with
 * a key, which is the first so many bytes. */
void ft_writer_end_as(struct ft_writer *w, enum ft_event e, uint32_t n, uint64_t key, size_t len);
/* Counts n events as made and written without bytes (count_only outputs). */
void ft_writer_count(struct ft_writer *w, enum ft_event e, uint64_t n);
bool ft_writer_count_only(const struct ft_writer *w);
/* The output that it writes to. */
struct ft_output *ft_writer_output(const struct ft_writer *w);
/* Pushes the open chunk, if it holds anything. */
void ft_writer_flush(struct ft_writer *w);
/* Called about ten times a second: pushes the open chunk, but one of rows only when it is a second
 * old. now_ns: monotonic. */
void ft_writer_breathe(struct ft_writer *w, int64_t now_ns);

/* Counts a flow record that does not satisfy this output's condition; it is not made. */
void ft_writer_leave_out(struct ft_writer *w);

/* Counts a flow record that its format cannot hold; it is not made. */
void ft_writer_unfit(struct ft_writer *w, enum ft_unfit why);

/* Counts n events as made, and lost: this output cannot hold them. */
void ft_writer_lose(struct ft_writer *w, enum ft_event e, uint64_t n);

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
 * as long as bytes move within patience_ms, whatever the policy. Any thread. */
void ft_output_ending(struct ft_output *o, int patience_ms);

/* No writer writes any more: one step of waiting until everything queued and held is written; true
 * when it is. After patience_ms without progress (negative: for ever; it may change from step to
 * step) what is left is given up and counted as lost. d is zero at the first step. */
struct ft_output_drain {
    uint64_t seen;    /* progress */
    int64_t since_ms; /* monotonic: of the last one */
    bool begun, flushing, given_up;
};
bool ft_output_drain_step(struct ft_output *o, struct ft_output_drain *d, int patience_ms);

/* Without waiting, also while writers write: the same patience with an output that has something to
 * write and writes nothing. */
void ft_output_lose_patience(struct ft_output *o, struct ft_output_drain *d, int patience_ms);

/* Writes what is queued, joins the thread, closes the sink. FT_OK, FT_E_CLOSED (the target is
 * gone), FT_E_IO (it lost events: the account says how many). */
int ft_output_close(struct ft_output *o);
void ft_output_free(struct ft_output *o); /* NULL is a no-op */

void ft_output_get_stats(struct ft_output *o, struct ft_output_stats *out); /* any thread */

#endif
