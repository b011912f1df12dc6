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
 *     cold[i]  64 bytes: first times, timer list, flow_id, TCP's states         start, timer, end
 *     addr6[i], ...: see entry.h
 *
 * The table calls nobody. It counts the packets of a batch up to one that needs a record to be
 * written first, and says where each was counted; the records that are due stand in a list, until
 * the owner has taken them:
 *
 *     k = ft_table_update(...)           at[0..k): what else is kept of flows is kept by entry
 *     while (ft_table_due(t, 0)) {       ended flows are out of index and timers, but their
 *         ft_table_record(...);          entries are not used again before their release
 *         ft_table_release(t);
 *     }
 *
 * So there are some more entries than flows, and a scan beyond max_flows runs in batches, too.
 *
 * Time is packet time. Whether a packet opens a new flow is decided from the two timestamps when
 * the packet arrives, so the records do not depend on when a timer happens to be looked at; timers
 * only decide when a silent flow's record is written. */
#ifndef FT_FLOW_TABLE_H
#define FT_FLOW_TABLE_H

#include <stddef.h>

#include "base/hash.h"
#include "flowtap/errors.h"
#include "model/counted.h"
#include "model/packet.h"
#include "model/record.h"
#include "model/rules.h"

enum { FT_MAX_SNAPSHOTS = 8 };

struct ft_table_config {
    uint32_t max_flows; /* bound of this table, 1..2^27 */
    struct ft_flow_rules rules;
    int64_t linger_ns; /* a closed TCP connection stays this long for stragglers */
    uint64_t snapshots[FT_MAX_SNAPSHOTS]; /* ascending packet counts, both directions together */
    uint32_t n_snapshots;
    bool replay; /* packets of files: after a step back of the clock flows wait for their time */
};

struct ft_table_stats {
    uint64_t created, active;
    uint64_t ended[FT_REASON__COUNT]; /* final records */
    uint64_t updates;                 /* interim records */
    uint64_t packets_final, bytes_final;
    uint64_t packets, bytes; /* all counted since start; active = packets - packets_final */
    uint64_t late_packets;   /* older than their flow's newest packet */
    uint64_t clock_steps;    /* the packet clock went back by more than the idle timeout */
};

/* A record that is to be written. */
struct ft_due {
    int64_t at_ns; /* when the reason came true */
    uint32_t entry;
    uint8_t reason; /* enum ft_reason */
    bool is_final;
};

struct ft_table;

/* Entries of a table: entry numbers are below. */
uint32_t ft_table_entries(uint32_t max_flows);

enum { FT_TABLE_FLOW_BYTES = 64 + 64 + 16 }; /* an IPv4 flow of a full table, index included */

/* Bytes of address space that a table of this configuration may come to use. */
size_t ft_table_budget(const struct ft_table_config *cfg);

/* A table. On success *out is the caller's, freed with ft_table_free. FT_E_NOMEM, FT_E_RANGE. */
FT_NODISCARD int ft_table_new(const struct ft_table_config *cfg, struct ft_table **out);
void ft_table_free(struct ft_table *t);

/* Counts the packets of a batch (n at most 64) in order, until records have to be taken before the
 * next one. Returns how many were counted, at least 1 when nothing is due; at[0..k) says where.
 * out_counts is NULL or [n]: each packet's tuple counts after it was counted. Allocates nothing. */
FT_HOT uint32_t ft_table_update(struct ft_table *t, const struct ft_packet *pkts, uint32_t n,
                                struct ft_counted *at, struct ft_tuple_counts *out_counts);

/* Looks at timers due at now_ns, or two seconds behind the packets if that is later
 * (FT_PACKET_TIME: always that), at most *budget of them, and takes those from it. True: records
 * have to be taken before there is more. */
bool ft_table_tick(struct ft_table *t, int64_t now_ns, uint32_t *budget);
#define FT_PACKET_TIME INT64_MIN

/* Ends every flow: those that are due by end_ns as their timer would have, the others with reason
 * (EOF or SHUTDOWN) at end_ns. Records come in the order of the entries: that of the flows' starts
 * for as long as no entry was used a second time. True: to be called again, when the records that
 * are due were taken. */
bool ft_table_flush(struct ft_table *t, int64_t end_ns, enum ft_reason reason);

/* The record that is due, and those behind it (ahead 1, 2, ...), or NULL. Valid until the release
 * of the one before. */
const struct ft_due *ft_table_due(const struct ft_table *t, uint32_t ahead);

/* The core of the record that is due. At most once for each; may be left out when nobody reads it.
 */
void ft_table_record(struct ft_table *t, struct ft_flow_record *out);

/* The record that is due was taken. With the final one the entry may be another flow's. */
void ft_table_release(struct ft_table *t);

/* Where a packet's hash is looked up, as struct ft_decoder wants it: *out_n places of 64 bytes, or
 * 0 while the table is small enough to be in the cache. Holds until the next update. */
const uint8_t *ft_table_lookup(const struct ft_table *t, uint32_t *out_n);

/* Newest packet time seen, or INT64_MIN. */
int64_t ft_table_now(const struct ft_table *t);

/* Copies the account; owner thread only. */
void ft_table_get_stats(const struct ft_table *t, struct ft_table_stats *out);

#endif
