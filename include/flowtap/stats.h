/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/* The account of a pipeline: what went in, what came out, what was lost and why.
 *
 * Theory of operation: totals since start. These hold in every snapshot that is_final, and in every
 * other one up to what is in flight between two threads:
 *
 *     received = captured + kernel_dropped      (kernel_dropped unknown: received = captured)
 *     captured = queue_dropped + decoded + ignored + malformed
 *     decoded  = packets in final flow records + packets of flows in the table
 *     flow records (ended, interim; of collect: records) = made + where_left_out, of all and its
 *                own, for each output that takes flow records; + profile_skipped where its columns
 *                are of such a profile; + unfit where its format cannot hold all of them
 *     made     = written + dropped + lost + spooled + waiting, for each output and event; waiting is
 *                0 at the end (the stats event that carries the numbers is not in them) */
/* clang-format on */
#ifndef FLOWTAP_STATS_H
#define FLOWTAP_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/event.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FT_MAX_OUTPUTS = 16, FT_MAX_WORKERS = 128, FT_NOT_IP_TYPES = 16 };

/* What the packets of verdict not_ip were; their sum is that verdict's. */
struct ft_not_ip_stats {
    uint16_t type[FT_NOT_IP_TYPES]; /* EtherTypes, the most frequent first; 4: 802.2 (LLC) */
    uint64_t packets[FT_NOT_IP_TYPES];
    uint32_t n;     /* types in use */
    uint64_t other; /* packets of other types, or of no EtherType */
};

/* Why a format of flow export cannot hold a record, or a sample: X(SYMBOL, name, "meaning"). */
#define FT_UNFIT(X)                                                                                \
    X(IPV6, ipv6, "NetFlow v5 has IPv4 addresses only")                                            \
    X(COUNTER, counter, "a counter is more than the 32 bits of NetFlow v5 hold")                   \
    X(TIME, time, "it lasted longer than the clock of NetFlow counts, 49.7 days")                  \
    X(NOTHING, nothing, "no packets since the record before: NetFlow has no record of none")       \
    X(LENGTH, length, "longer than a message")                                                     \
    X(TEMPLATES, templates, "it needs another template, and there are 1024")                       \
    X(LINK, link, "sFlow has no protocol for frames of its link type, or it is no IP packet")      \
    X(MISSING, missing, "addresses, counters or times that NetFlow v5 has in each record")         \
    X(NUMBER, number, "an interface or AS number is more than the 16 bits of NetFlow v5 hold")     \
    X(SAMPLING, sampling, "a sampling rate is more than the 14 bits of NetFlow v5 hold")

enum ft_unfit {
#define X(symbol, name, meaning) FT_UNFIT_##symbol,
    FT_UNFIT(X)
#undef X
        FT_UNFIT__COUNT
};

/* One output's account, by event. */
struct ft_output_stats {
    const char *name; /* as given with -o; valid as long as the pipeline */
    uint32_t number;  /* of its outputs, those that were taken out counted */
    uint64_t made[FT_EVENT__COUNT];
    uint64_t written[FT_EVENT__COUNT];
    uint64_t dropped[FT_EVENT__COUNT]; /* its queue or its spool was full */
    uint64_t lost[FT_EVENT__COUNT];    /* the target refused or lost them */
    uint64_t spooled[FT_EVENT__COUNT]; /* on disk now, for a receiver that is away */
    /* what earlier runs had left on disk, besides: written now, dropped (older than spool_age),
     * lost (damaged, or the target refused them), there still */
    uint64_t replayed[FT_EVENT__COUNT];
    uint64_t earlier_dropped[FT_EVENT__COUNT];
    uint64_t earlier_lost[FT_EVENT__COUNT];
    uint64_t earlier_spooled[FT_EVENT__COUNT];
    uint64_t where_left_out;         /* flow records that do not satisfy its where=: not made */
    uint64_t unfit[FT_UNFIT__COUNT]; /* flow records, or samples, that its format cannot hold: not
                                        made */
    uint64_t bytes;                  /* written to the target, after compression is not counted */
    uint32_t queue_len;              /* chunks waiting now */
    uint32_t queue_cap;              /* most that may wait */
    bool failed;                     /* the output is gone for good */
    uint64_t errors;                 /* calls of the target that failed */
    int64_t lag_ns;          /* since when it takes nothing of what waits for it; 0: nothing does */
    uint64_t folder_changes; /* times that the folder of a file was replaced by another one */
};

/* What collect counts besides: X(SYMBOL, name, "meaning"). */
#define FT_COLLECT_COUNTS(X)                                                                       \
    X(RECORDS, records, "flow records")                                                            \
    X(OPTIONS, options_records, "options data records")                                            \
    X(SAMPLES, samples, "sFlow flow samples")                                                      \
    X(SAMPLES_NOT_IP, samples_not_ip, "of them, those without an IP packet: they make no event")   \
    X(COUNTERS, counter_samples, "sFlow counter samples")                                          \
    X(DISCARDS, discards, "sFlow discard notifications")                                           \
    X(TEMPLATES, templates, "templates that came")                                                 \
    X(NO_TEMPLATE, no_template, "data sets given up for want of a template")                       \
    X(LOST, lost, "by sequence numbers, in the exporters' units")                                  \
    X(REORDERED, reordered, "messages that came late")                                             \
    X(DUPLICATES, duplicates, "messages that came twice")                                          \
    X(RESETS, resets, "times that an exporter started again")                                      \
    X(EXPORTERS, exporters, "exporters and domains known now")                                     \
    X(EVICTED, exporters_evicted, "exporters forgotten because the table was full")                \
    X(CONNECTIONS, connections, "connections and DTLS associations open now")                      \
    X(CONN_IDLE, connections_idle, "closed: no message for --tcp-idle-timeout")                    \
    X(CONN_DISPLACED, connections_displaced, "idle ones closed for others: all places taken")      \
    X(CONN_REFUSED, connections_refused,                                                           \
      "refused: not in --allow, a certificate that does not fit, or all places of their source "   \
      "busy")

enum ft_collect_count {
#define FT_COLLECT_ENUM(sym, name, text) FT_COLLECT_##sym,
    FT_COLLECT_COUNTS(FT_COLLECT_ENUM)
#undef FT_COLLECT_ENUM
        FT_COLLECT__COUNT
};

struct ft_stats {
    int64_t timestamp_ns;          /* when taken: wall clock live, newest packet time on replay */
    int64_t elapsed_ns;            /* since start, monotonic clock */
    bool is_final;                 /* nothing is in flight any more: the numbers are exact */
    uint64_t received;             /* packets that the source offered */
    uint64_t received_bytes;       /* wire bytes of the captured packets */
    uint64_t captured;             /* packets that were handed to flowtap */
    bool kernel_dropped_known;     /* false: the source cannot know (JSON null) */
    uint64_t kernel_dropped;       /* packets that the kernel dropped for want of room */
    uint64_t queue_dropped;        /* packets dropped at full hand-off queues */
    uint64_t verdict[FT_V__COUNT]; /* packets by verdict; [FT_V_DECODED] = decoded */
    uint64_t decoded_bytes;        /* wire bytes of the decoded packets */
    struct ft_not_ip_stats not_ip; /* verdict[FT_V_NOT_IP] by EtherType */
    uint64_t clock_steps;    /* times the packet clock went back by more than the idle timeout */
    uint64_t fragments_held; /* fragments that waited for the first of their datagram */
    uint64_t fragments_duplicate, fragments_overlap; /* whose bytes had come before, all or some */
    uint64_t fragments_unassembled; /* of tunnels' packets that could not be put together */
    uint64_t app_packets;           /* --app: packets that were looked into */
    uint64_t app_no_buffer;         /* streams given up because all buffers were taken */
    uint64_t late_packets;          /* packets older than their flow's newest packet */
    uint64_t window_late;           /* -e window: packets that came too late for theirs */
    uint64_t window_untracked;      /* packets of hosts that others took the place of */
    uint64_t alerts;                /* -e alert: written */
    uint64_t alerts_suppressed;     /* kept back: of an entity that had one, or too many at once */
    uint64_t alerts_no_room;        /* notes of flows, or entities, that found no room */
    uint64_t window_no_room;        /* counts of distinct values that found no room */
    uint64_t afterimage_evicted;    /* -p afterimage: streams and pairs that made room for others */
    uint64_t interface_events;      /* an interface went down, vanished or came back */
    uint32_t interfaces_down;       /* now */
    uint64_t flows_created;
    uint64_t flows_active;                  /* in the table now */
    uint64_t flows_ended[FT_REASON__COUNT]; /* final records by reason */
    uint64_t flow_updates;                  /* interim records (active, snapshot) */
    uint64_t packets_final;                 /* packets in final flow records */
    uint64_t packets_active;                /* packets of flows in the table now */
    uint64_t where_left_out;  /* flow records that do not satisfy --where: no output has them */
    uint64_t profile_skipped; /* those that the tool drops that a profile is named for: outputs with
                                 its columns have them not */
    uint64_t labelled, unlabelled; /* final records that a rule of --labels knows, or none */
    uint64_t labels_unclear;       /* of the labelled: another rule says something else */
    uint64_t bytes_final;          /* wire bytes, likewise */
    uint64_t bytes_active;
    uint64_t flows_max; /* bound of the table, all workers */
    uint32_t n_workers;
    uint64_t worker_dropped[FT_MAX_WORKERS]; /* queue_dropped by worker's queue */
    uint32_t worker_queue[FT_MAX_WORKERS];   /* packets waiting now */
    uint64_t worker_turns[FT_MAX_WORKERS];   /* looks at its input and the clock: it is alive */
    bool worker_ended[FT_MAX_WORKERS];       /* its input has ended: it takes no more turns */
    uint32_t queue_cap;                      /* bound of each queue, packets */
    uint64_t input_bytes, input_size; /* position and size of file input; size 0 when unknown */
    uint64_t unpacked_bytes;          /* what compressed files have unpacked to so far */
    uint64_t memory_budget;           /* bytes, as planned at start */
    bool collecting;                  /* the unit of received, captured and so on is the datagram */
    uint64_t collected[FT_COLLECT__COUNT];
    uint64_t reloads, reloads_refused; /* ft_pipeline_reload() */
    bool clock_known;                  /* the kernel says that its clock is kept right */
    int64_t clock_offset_ns; /* then: what it is still to be corrected by, reference less clock */
    uint32_t n_outputs;
    struct ft_output_stats output[FT_MAX_OUTPUTS];
};

/* Sum of the verdicts of one class. Any thread. */
FT_API uint64_t ft_stats_class(const struct ft_stats *s, enum ft_verdict_class c);

#ifdef __cplusplus
}
#endif

#endif
