/* SPDX-License-Identifier: Apache-2.0 */
/* flow: the table of flows of one worker: counters, direction, timers, eviction.
 *
 * Theory of operation: one table belongs to one thread; nothing in it is locked. A packet finds its
 * flow through an index of one-cache-line buckets and updates one 64-byte line of the flow's entry.
 *
 *     hash -> bucket [7 tags | overflow][7 entry numbers]      64 bytes, one line
 *                 |
 *                 v
 *     hot[i]   64 bytes: key, last times, low halves of the counters, flags     every packet
 *     cold[i]  64 bytes: first times, high halves, ISN, segment                 start, carry, end
 *     link[i]  16 bytes: timer list, flow_id                                    start, timer, end
 *     addr6[i] 32 bytes: IPv6 addresses                                         IPv6 only
 *     more[i], ...: see entry.h
 *
 * Time is packet time. Whether a packet opens a new flow is decided from the two timestamps when
 * the packet arrives, so the records do not depend on when a timer happens to be looked at; timers
 * only decide when a silent flow's record is written. */
#ifndef FT_FLOW_TABLE_H
#define FT_FLOW_TABLE_H

#include <stddef.h>

#include "base/hash.h"
#include "flowtap/errors.h"
#include "model/packet.h"
#include "model/record.h"

enum { FT_MAX_SNAPSHOTS = 8 };

/* Somebody who looks into the first packets of flows, and keeps what it finds by entry number: the
 * pipeline binds the app stage to the table with it. Called on the table's thread; must not call
 * back. */
struct ft_flow_watch {
    /* a packet of the flow in this entry, after it was counted; false: no more of this flow */
    bool (*see)(void *cookie, uint32_t entry, int dir, const struct ft_packet *pkt);
    /* the flow is over, its final record was emitted; every flow, seen or not */
    void (*end)(void *cookie, uint32_t entry);
    void *cookie;
};

struct ft_table_config {
    uint32_t max_flows; /* bound of this table, 1..2^27 */
    int64_t idle_ns;    /* a gap of this or more ends the flow, in either direction of time */
    int64_t active_ns;  /* an interim record each time this has passed since the first packet */
    int64_t linger_ns;  /* a closed TCP connection stays this long for stragglers */
    uint64_t snapshots[FT_MAX_SNAPSHOTS]; /* ascending packet counts, both directions together */
    uint32_t n_snapshots;
    bool replay; /* packets of files: after a step back of the clock flows wait for their time */
    const struct ft_flow_watch *watch; /* NULL: nobody looks into packets */
};

/* Called for every record, on the thread that called into the table; rec is borrowed. Must not call
 * back into the table. */
typedef void (*ft_flow_emit_fn)(void *cookie, const struct ft_flow_record *rec);

struct ft_table_stats {
    uint64_t created, active;
    uint64_t ended[FT_REASON__COUNT]; /* final records */
    uint64_t updates;                 /* interim records */
    uint64_t packets_final, bytes_final;
    uint64_t packets, bytes; /* all counted since start; active = packets - packets_final */
    uint64_t late_packets;   /* older than their flow's newest packet */
    uint64_t clock_steps;    /* the packet clock went back by more than the idle timeout */
};

struct ft_table;

/* Bytes of address space that a table of this configuration may come to use. */
size_t ft_table_budget(const struct ft_table_config *cfg);

/* A table. emit may be NULL (records are counted only). On success *out is the caller's, freed with
 * ft_table_free. FT_E_NOMEM, FT_E_RANGE. */
FT_NODISCARD int ft_table_new(const struct ft_table_config *cfg, ft_flow_emit_fn emit, void *cookie,
                              struct ft_table **out);
void ft_table_free(struct ft_table *t); /* does not emit */

/* Counts n (at most 64) packets in order. out_counts is NULL or [n]: each packet's tuple counts
 * after it was counted. May emit (idle, active, snapshot, end, reuse, evicted). Allocates nothing
 * itself. */
FT_HOT void ft_table_update(struct ft_table *t, const struct ft_packet *pkts, uint32_t n,
                            struct ft_tuple_counts *out_counts);

/* The entry that the last packet of ft_table_update() was counted in, and its direction there. */
uint32_t ft_table_last(const struct ft_table *t, int *out_dir);

/* Looks at timers due at now_ns, visiting at most budget flows; true when more are due. */
bool ft_table_advance(struct ft_table *t, int64_t now_ns, uint32_t budget);

/* Where a packet's hash is looked up, as struct ft_decoder wants it: *out_n places of 64 bytes, or
 * 0 while the table is small enough to be in the cache. */
const uint8_t *ft_table_lookup(const struct ft_table *t, uint32_t *out_n);

/* The sequence number of the initiator's first byte, when its SYN was seen. */
bool ft_table_isn(const struct ft_table *t, uint32_t entry, uint32_t *out_start);

/* Newest packet time seen, or INT64_MIN. */
int64_t ft_table_now(const struct ft_table *t);

/* Ends every flow: those that are due by end_ns as their timer would have, the others with reason
 * (EOF or SHUTDOWN) and timestamp_ns = end_ns. Records come in the order of the entries: that of
 * the flows' starts for as long as no entry was used a second time. */
void ft_table_flush(struct ft_table *t, int64_t end_ns, enum ft_reason reason);

/* Copies the account; owner thread only. */
void ft_table_get_stats(const struct ft_table *t, struct ft_table_stats *out);

#endif
