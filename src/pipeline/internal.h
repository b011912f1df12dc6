/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/* pipeline: the structs that plan, worker, lanes, stats and run share.
 *
 * Theory of operation: a plan (from the configuration) picks one of three ways for a packet to
 * walk:
 *
 *   direct    every worker has a source of its own and runs to completion:
 *                 source -> decode -> table -> outputs
 *             live capture (the kernel shares by flow; its ring is the bounded buffer), and files
 *             with one worker
 *   hand-off  one reader decodes and hands values to the workers' bounded rings:
 *                 source -> decode -> [ring] -> table -> outputs
 *             when --overflow drop is asked for on files, and sources that cannot be shared
 *   lanes     every worker claims stretches of one input, decodes them into slots, and takes its
 *             own flows out of everybody's slots in the order of the input (lanes.h): files with
 *             several workers
 *
 * A flow belongs to one worker (by the kernel's or our hash), so tables need no locks.
 *
 * Threads: workers (and the reader) run the packets; the control thread runs the statistics clock,
 * reopening and stopping. Stop order: the sources are stopped; what they still hold is read;
 * workers meet, agree on the last packet time, flush their tables; the control thread drains the
 * outputs, writes the last stats event and closes them. */
/* clang-format on */
#ifndef FT_PIPELINE_INTERNAL_H
#define FT_PIPELINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "afterimage/afterimage.h"
#include "base/count.h"
#include "base/files.h"
#include "base/ring.h"
#include "config/config.h"
#include "decode/decode.h"
#include "decode/fragment.h"
#include "flowtap/interfaces.h"
#include "flowtap/log.h"
#include "flowtap/pipeline.h"
#include "model/prefix.h"
#include "pipeline/emit.h"
#include "pipeline/meter.h"
#include "source/limit.h"
#include "source/source.h"

enum { FT_BATCH = 64 };

/* What may change while it runs (reload.c): who uses it has a copy. */
struct ft_rates {
    uint32_t sample_n;
    uint32_t amplification; /* collect: most bytes of events for each of a message */
    int64_t stats_ns;
    int drain_ms; /* at the end, for an output that takes nothing any more */
};

enum ft_mode { FT_MODE_DIRECT, FT_MODE_HANDOFF, FT_MODE_LANES };

struct ft_plan {
    enum ft_mode mode;
    const struct ft_source_ops *source;
    uint32_t n_workers;
    uint32_t n_sources; /* n_workers when direct, else 1 */
    uint32_t queue;     /* packets */
    bool drop;          /* full hand-off rings drop; else the reader waits */
    bool live;
    bool collect;      /* datagrams, not packets */
    bool again;        /* with live: the source can wait, and what was not settled comes again */
    bool keep_tunnels; /* the flow is that of the outermost packet */
    struct ft_tunnel_ports tunnel_ports;
    uint32_t profiles; /* of -p: a bit for each of ft_column_sets */
    uint32_t parts;    /* of records that some output writes: a bit for each enum ft_part */
    struct ft_set_options options;             /* of their owners */
    const struct ft_flow_rules *profile_rules; /* of the profiles that have some, or NULL */
    struct ft_flow_rules rules; /* of the profiles among them that have some, or flowtap's */
    bool aligned;        /* their own do not agree, or were not wanted: both timeouts were given */
    bool heads;          /* likewise at headers; payloads holds, too */
    bool links;          /* likewise at what frames say */
    bool events_given;   /* by --events */
    unsigned events;     /* that --events names: a bit for each */
    bool packets;        /* some output holds packets */
    bool windows;        /* some output takes window events */
    bool window_vectors; /* some output has the vector profile: hosts have vectors */
    struct ft_windows_config window; /* with windows */
    bool alerts;                     /* some output takes alert events */
    struct ft_detect_config detect;  /* with alerts */
    bool afterimage;                 /* -p afterimage */
    struct ft_afterimage_config image;
    bool payloads;    /* some of them look into payloads: packets carry those */
    const char *user; /* that root becomes, NULL: nobody; the configuration's, while it opens */
    bool no_identity; /* flow records do not tell of hosts, networks or times */
    struct ft_observer observer;  /* as events say it: with anonymize, a pseudonym */
    bool anonymize;               /* no true address leaves: events, messages, saved state */
    struct ft_rates rates;        /* guarded by the pipeline's lock once it runs */
    int64_t duration_ns;          /* live: of wall time; 0: no end */
    int read_ms;                  /* live: how long a worker waits for packets */
    struct ft_table_config table; /* of one worker */
};

/* (A) A worker's struct ft_ethertypes, as the control thread may read it. */
struct ft__type_counts {
    struct ft_count type[FT_ETHERTYPES_MAX], n[FT_ETHERTYPES_MAX], other;
};

/* owner: its thread, except what is marked (A): the control thread reads those at any time. */
struct ft_worker {
    struct ft_pipeline *p;
    uint32_t index;
    pthread_t thread;
    bool started;
    struct ft_meter meter; /* without a table: the reader */
    struct ft_emitter emit;
    struct ft_rates rates;           /* as it has taken them up */
    uint32_t generation;             /* of the pipeline, likewise */
    _Atomic uint32_t adopted;        /* (A) the same, said once it uses nothing older */
    struct ft_key_cache *spare_keys; /* for outputs that were added; guarded by p->lock; owned */
    struct ft_source_files *files;   /* that its source is to take; likewise; NULL: none */
    struct ft_decoder dec;
    uint8_t *payloads;              /* hand-off with --app: copies of payloads in the ring; owned */
    uint64_t *payload_at;           /* where each begins, counted from the start; owner: reader */
    uint64_t payload_end;           /* where the last one ends; owner: reader */
    struct ft_fragments *fragments; /* direct, and of the reader; owned */
    uint8_t *joined; /* with --app: [FT_BATCH][FT_FRAGMENTS_KEPT] payloads of what it put together;
                        owned, or NULL */
    struct ft_source *source;       /* direct: its own; else NULL */
    struct ft_ring ring;            /* hand-off: packets for this worker (A: fill) */
    _Atomic bool sleeping;          /* hand-off: waits for p->pushed (A) */
    uint64_t dropped;               /* hand-off: packets that found the ring full; owner: reader */
    uint32_t countdown;             /* direct: packets until the next sample */
    int64_t flushed_ns;             /* monotonic time of the last emitter flush */
    uint64_t next_chunk;            /* lanes: the next slot to take packets from */
    uint64_t ordinal;               /* lanes: decoded packets in the slots before it */
    uint32_t lane_pos;              /* lanes: packets taken out of that slot */
    struct ft_window_clock *clocks; /* lanes: [FT_BATCH], of the packets taken; mapped, owned, or
                                       NULL */
    struct ft_window_worker *told;  /* collect -e window; owned, or NULL */
    int64_t looked_ns;              /* -e window: timers of flows were looked at up to here */
    uint32_t looked_epoch;          /* in this epoch */
    struct ft_window_clock lane_clock;  /* lanes: as of lane_seen packets of the slot */
    struct ft_window_clock lane_before; /* lanes: the last of the epoch before, with lane_steps */
    uint32_t lane_seen;
    bool lane_steps;    /* lanes: the clock steps to lane_clock before anything else is counted */
    uint32_t lane_held; /* lanes: number + 1 of a slot whose payloads are still in use, or 0 */
    struct ft_collect_worker *collect;                   /* collect: its collector; owned */
    FT_ALIGNED(64) struct ft_count verdict[FT_V__COUNT]; /* (A) */
    struct ft_count bytes, decoded_bytes;                /* (A) */
    struct ft__type_counts types;                        /* (A) */
    struct ft_count created, active, updates, packets, table_bytes, packets_final,
        bytes_final;                                                        /* (A) */
    struct ft_count fragments_held, fragments_duplicate, fragments_overlap; /* (A) */
    struct ft_count fragments_unassembled;                                  /* (A) */
    struct ft_count app_packets, app_no_buffer;                             /* (A) */
    struct ft_count late, steps, ended[FT_REASON__COUNT];                   /* (A) */
    struct ft_count ring_dropped, ring_dropped_bytes;     /* (A) written by the reader */
    _Atomic int64_t now_ns;                               /* (A) newest packet time of its table */
    struct ft_count turns;                                /* (A) times that it published */
    _Atomic bool ended_input;                             /* (A) it flushes, or is over */
    struct ft_count where_left_out, profile_skipped;      /* (A) */
    struct ft_count labelled, unlabelled, labels_unclear; /* (A) */
    struct ft_count collected[FT_COLLECT__COUNT];         /* (A) */
};

struct ft_lanes;
struct ft_scrub;
struct ft_collect_worker;

/* Accounts that were taken name outputs that may be gone. */
struct ft_output_name {
    struct ft_output_name *next;
    char text[];
};

struct ft_pipeline {
    struct ft_plan plan;
    struct ft_log log; /* copy of the embedder's; with anonymize, one that maps addresses first */
    struct ft_where *where;         /* --where; owned, or NULL */
    struct ft_labels *labels;       /* --labels; owned, or NULL */
    struct ft_vector_fits *vectors; /* --vector-fit FILE; owned, or NULL */
    struct ft_enrich *enrich;       /* --geo and --networks; owned, or NULL; guarded by lock: */
    char interface[FT_IFACE_NAME];  /* live, of one interface: its name; else "" */
    struct ft_flow_interface *interfaces; /* live: that are captured from; owned */
    uint32_t n_interfaces;
    struct ft_interface *interface_list; /* whose texts these have; owned */
    struct ft_if_watch *watch;           /* live, when some output holds packets; owned, or NULL */
    struct ft_enrich *retired;           /* those before, which some worker may still ask; owned */
    struct ft_scrub *scrub;              /* anonymize: behind log; owned */
    struct ft_files files;               /* who opens files that are written */
    bool confines;                       /* processes that it starts are confined */
    struct ft_places *places;            /* without an opener: this process; owned, or NULL */
    int32_t state_file;                  /* collect: --state's place in files */
    char *input_name;                    /* owned */
    char *state_path;                    /* collect: --state; owned, or NULL */
    bool state_due;                      /* a worker has handed its state over; guarded by lock */
    struct ft_hash_seed seed;
    struct ft_source *source[FT_MAX_WORKERS]; /* plan.n_sources of them */
    struct ft_fanout_share fanout;            /* of the sources */
    struct ft_limit limit;                    /* of the sources: --count, --duration */
    struct ft_worker *workers;                /* [n_workers], mapped */
    struct ft_prefixes *allow;  /* collect: who may speak, one for each worker, who owns it once it
                                   runs; mapped */
    struct ft_prefixes allowed; /* as it was configured last; guarded by lock */
    /* From the start to the end both are guarded by lock: reload() adds, the control thread takes
     * out what leaves. */
    struct ft_route routes[FT_MAX_OUTPUTS];
    uint32_t n_routes;
    uint32_t n_routes_made;       /* by who opens outputs */
    struct ft_output_name *names; /* of all outputs that there were; owned. By who opens outputs */
    struct ft_count reloads, reloads_refused;
    struct ft_emitter control_emit; /* owner: control thread, then finish() */
    struct ft_rates control_rates;  /* likewise */
    uint32_t control_generation;    /* likewise */
    _Atomic uint32_t generation;    /* grows with each reload() */
    bool confined;                  /* what is not open, or among needs, is out of reach */
    unsigned needs;                 /* with confined: of the kernel, that it still has */
    bool nudged;                    /* wait() returns; guarded by lock */
    struct ft_detect *detect;       /* -e alert; owned, or NULL */
    struct ft_windows *windows;     /* -e window; owned, or NULL */
    /* -p afterimage; owned, or NULL. Whose thread reads the source has it, and the next */
    struct ft_afterimage *afterimage;
    uint32_t afterimage_left;           /* frames until the next one that has a row */
    struct ft_count afterimage_evicted; /* (A) */
    struct ft_lanes *lanes;
    struct ft_worker *reader; /* hand-off: a worker without a table that reads and decodes */
    pthread_t control;
    bool control_started, started;
    bool dry;                /* a configuration is checked: nothing is opened */
    _Atomic bool finished;   /* (A) */
    uint64_t budget;         /* bytes */
    int64_t started_ns;      /* monotonic */
    uint32_t queue_limit;    /* packets, as shown */
    unsigned events;         /* asked for */
    int stop_fd;             /* eventfd: wakes the control thread */
    pthread_mutex_t lock;    /* guards: error, running, and the conditions */
    pthread_cond_t meet;     /* workers that finished their input wait here for the others */
    pthread_cond_t ended;    /* wait() waits here */
    pthread_cond_t pushed;   /* hand-off: workers without work wait here */
    uint32_t met;            /* workers at the meeting point */
    uint32_t running;        /* worker threads that have not ended */
    int64_t end_ns;          /* newest packet time of all workers, known when all have met */
    struct ft_err error;     /* the first failure, code FT_OK if none */
    _Atomic bool stopping;   /* stop was asked for */
    _Atomic bool reopening;  /* reopen was asked for */
    _Atomic bool input_done; /* hand-off: the reader pushed its last packet */
    /* -e window, hand-off: the clock of all that was pushed, for workers without packets. A new
     * epoch is told between two times: INT64_MIN, and its own (A: the reader). */
    _Atomic int64_t handed_ns;
    _Atomic uint32_t handed_epoch;
    _Atomic bool all_done; /* every worker has ended */
    _Atomic bool over;     /* finish(): the control thread may end */
};

/* Keeps the first failure for finish(). Any thread. */
void ft__pipeline_fail(struct ft_pipeline *p, const struct ft_err *err);

/* An output that is closed did not keep what it was to keep: its result is not FT_OK. */
void ft__tell_lost(struct ft_pipeline *p, struct ft_output *o, int rc);

/* Wakes the control thread of a struct ft_pipeline. Any thread, async-signal-safe. */
void ft__pipeline_wake(void *pipeline);

/* plan.c: what the configuration means, with --where as it was read, or NULL. FT_E_USAGE,
 * FT_E_NOT_FOUND. */
FT_NODISCARD int ft__plan_make(const struct ft_config *cfg, const struct ft_where *where,
                               struct ft_plan *out, struct ft_err *err);
struct ft_rates ft__plan_rates(const struct ft_config *cfg);
/* Opens the plan's sources into p->source. */
FT_NODISCARD int ft__plan_open_sources(struct ft_pipeline *p, const struct ft_config *cfg,
                                       struct ft_err *err);

/* A decoder as the plan wants it. */
void ft__decoder_start(const struct ft_pipeline *p, struct ft_decoder *d);

/* worker.c: thread bodies; arg is the struct ft_worker. */
void *ft__worker_direct(void *arg);
void *ft__worker_handoff(void *arg);
void *ft__worker_lanes(void *arg);
void *ft__reader_run(void *arg);

/* The end of every worker: flush the table, hand on the last events, say that it has ended. */
void *ft__worker_end(struct ft_worker *w);

/* True when the source has no more, for good or because of a failure, which is said and kept. */
bool ft__source_over(struct ft_pipeline *p, int rc, struct ft_err *err);
/* The worker, of n, that owns the flow of a packet with this hash. */
FT_INLINE uint32_t ft__owner(uint64_t hash, uint32_t n)
{
    return (uint32_t)(((hash >> 32) * n) >> 32);
}

/* What a batch of decoded packets may grow to when held fragments are released. */
enum { FT_BATCH_FRAGMENTS = FT_BATCH + FT_FRAGMENTS_HELD };

/* Counts n packets (at most FT_BATCH_FRAGMENTS) in the worker's table and emits what comes of it.
 */
FT_HOT void ft__worker_packets(struct ft_worker *w, const struct ft_packet *pkts, uint32_t n);
/* Its part of the windows, or NULL. */
FT_INLINE struct ft_window_worker *ft__worker_window(const struct ft_worker *w)
{
    return w->told != NULL ? w->told : w->meter.window;
}
/* Writes a row of a window, of hosts with a vector when one is asked for; worker: struct ft_worker.
 */
void ft__worker_row(void *worker, const struct ft_window_row *row);
/* Writes an alert; emitter: struct ft_emitter. */
void ft__worker_alert(void *emitter, const struct ft_alert *a);
/* Makes the worker's totals visible to the control thread. */
void ft__worker_publish(struct ft_worker *w);
/* Flushes the open chunks when they are older than 100 ms or the worker is idle. */
void ft__worker_breathe(struct ft_worker *w, bool idle);

/* reload.c: takes up what was loaded again since, between two batches; likewise the control thread,
 * which also closes what has left, as far as it is ready. */
void ft__worker_adopt(struct ft_worker *w);
/* Gives up what its source was to take. The lock is held, or it does not run any more. */
void ft__worker_drop_files(struct ft_worker *w);
void ft__control_adopt(struct ft_pipeline *p);
/* True while outputs leave. */
bool ft__control_closes(struct ft_pipeline *p);

/* stats.c: the account now; exact when nothing runs any more (is_final). */
uint64_t
ft__stats_packets_lost(void *pipeline); /* until now, by the kernel and queues; any thread */
uint64_t ft__stats_kernel_lost(void *pipeline); /* likewise, by the kernel */
void ft__stats_collect(struct ft_pipeline *p, bool is_final, struct ft_stats *out);

int64_t ft__clock_mono_ns(void);
int64_t ft__clock_real_ns(void);

#endif
