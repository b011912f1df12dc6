/* SPDX-License-Identifier: Apache-2.0 */
/* window: what hosts, pairs, services and exporters do in spans of packet time.
 *
 * Theory of operation: a worker counts by flow: 64 bytes by number of the entry hold what a flow
 * did in the window of its last packet, so a packet touches one line. When that window is over, or
 * the flow is, or goes on in another one, what it did is added to its four entities (the pair, the
 * service, both hosts) in the table of all workers, some dozens of flows at a time:
 *
 *     packet -> delta[entry]      window over, flow over -> folds [64] -> table (table.h)
 *     lists of entries by window --^
 *
 * Time is packet time. A packet is late, counted and in no window, when the clock is FT_WINDOW_
 * GRACE_NS or more beyond the end of its window; a window is written half a second and more later,
 * when every worker has passed it and the timers of flows have been looked at up to there. The
 * clock follows the packets; a step back by more than step_ns is believed: it begins an epoch, in
 * which a window may come a second time. Where packets have an order, but several workers (lanes),
 * the clock is that of the order (ft_window_clock), so that the same packets are late whatever the
 * number of workers.
 *
 * What happens to a window that is over (close.c) is done in slices by worker 0, so that rows
 * have one order; it is added to the one of the next longer span, and so on. Rows come by window,
 * then pairs, services, hosts, each in the order of their addresses, ports and protocols. */
#ifndef FT_WINDOW_WINDOW_H
#define FT_WINDOW_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "flowtap/errors.h"
#include "model/counted.h"
#include "model/packet.h"
#include "model/record.h"
#include "model/window.h"

enum { FT_WINDOW_WORKERS = 128 };
#define FT_WINDOW_GRACE_NS INT64_C(2000000000)

/* What a flow record or sample of collect says. By FT_DIR_* where it is an array of two. */
struct ft_window_told {
    int64_t at_ns;       /* when it came */
    uint8_t addr[2][16]; /* initiator, responder; zeros behind IPv4 */
    uint8_t ip_version;  /* 0: it does not say between whom it was */
    uint8_t proto;
    uint16_t port;     /* the responder's */
    bool flow, failed; /* a flow ended with it; and came to nothing */
    uint64_t packets[2], bytes[2];
    uint8_t exporter[16]; /* likewise an address */
    uint8_t exporter_version;
    uint32_t domain_id;
};

struct ft_windows_config {
    uint32_t span_s[FT_WINDOW_SPANS]; /* [n_spans], ascending, each a multiple of the one before */
    uint32_t n_spans;
    uint32_t max_hosts; /* bound of the entities of each kind in a window */
    uint32_t n_workers;
    int64_t step_ns;          /* a clock that goes back by more is believed */
    bool apps;                /* what is known of applications: several of an entity */
    bool told;                /* of collect: nothing is known of single packets */
    struct ft_hash_seed seed; /* of estimates, too: of equal ones, equal rows */
    /* Rows are shown with what this makes of their addresses (16 bytes, in place), and are in an
     * order that depends on nothing else: that of the true ones would take the mapping back. Called
     * by number 0's thread. NULL: they are shown as they are, in their order. */
    void (*map_address)(void *map_cookie, uint8_t ip_version, uint8_t *address);
    void *map_cookie; /* borrowed */
};

/* The clock of packets that have an order. */
struct ft_window_clock {
    int64_t now_ns; /* newest of the epoch; INT64_MIN: none yet */
    uint32_t epoch;
};

/* It sees one packet more. */
FT_INLINE void ft_window_clock_see(struct ft_window_clock *c, int64_t ts_ns, int64_t step_ns)
{
    if (FT_LIKELY(ts_ns >= c->now_ns)) {
        c->now_ns = ts_ns;
    } else if (FT_UNLIKELY((uint64_t)c->now_ns - (uint64_t)ts_ns > (uint64_t)step_ns)) {
        c->now_ns = ts_ns;
        c->epoch++;
    }
}

struct ft_windows_stats {
    uint64_t late;      /* packets, in no window */
    uint64_t untracked; /* packets of hosts that others took the place of */
    uint64_t no_room;   /* counts of distinct values, and ends of flows, that found no room */
    uint64_t steps;     /* epochs begun */
    uint64_t rows;
};

struct ft_windows;
struct ft_window_worker;

/* Takes a row, which is borrowed. */
typedef void (*ft_window_emit_fn)(void *cookie, const struct ft_window_row *row);

/* Bytes of address space, and of memory that a host with a peer takes in each window that is
 * kept. */
size_t ft_windows_budget(const struct ft_windows_config *cfg, uint32_t *out_host);

/* The table of all workers. On success *out is the caller's, freed when the workers are.
 * FT_E_NOMEM. */
FT_NODISCARD int ft_windows_new(const struct ft_windows_config *cfg, struct ft_windows **out);
void ft_windows_free(struct ft_windows *t);

/* Any thread. */
void ft_windows_get_stats(const struct ft_windows *t, struct ft_windows_stats *out);

/* Worker number i, whose flows have so many entries. FT_E_NOMEM. All that follows is for its
 * thread. */
FT_NODISCARD int ft_window_worker_new(struct ft_windows *t, uint32_t i, uint32_t entries,
                                      struct ft_window_worker **out);
void ft_window_worker_free(struct ft_window_worker *w);
size_t ft_window_worker_budget(uint32_t entries);

/* Who knows the application (enum ft_app) of the flow of an entry. Else its port says it. */
void ft_window_apps(struct ft_window_worker *w,
                    uint8_t (*app_of)(const void *state, uint32_t entry), const void *state);

/* The clock as of each of the packets that come next, in the order of the input; NULL: the worker's
 * own. Borrowed until they have been counted. */
void ft_window_given(struct ft_window_worker *w, const struct ft_window_clock *clocks);

/* n packets in the order in which they were counted. */
FT_HOT void ft_window_packets(struct ft_window_worker *w, const struct ft_packet *pkts,
                              const struct ft_counted *at, uint32_t n);

/* A record or sample of collect, in place of packets and ends; borrowed. */
void ft_window_tell(struct ft_window_worker *w, const struct ft_window_told *told);

/* The flow of an entry is over; core: its final record, whose reason came true at at_ns. */
void ft_window_ended(struct ft_window_worker *w, uint32_t entry, const struct ft_flow_record *core,
                     int64_t at_ns);

/* How many of these n packets that come next, at least 1, are of one epoch; *out_steps: of another
 * one than what was counted. Whoever counts them ends flows that were due, before. */
uint32_t ft_window_run(const struct ft_window_worker *w, const struct ft_packet *pkts, uint32_t n,
                       bool *out_steps);

/* Nothing older comes any more: of this worker's packets, or of all. */
void ft_window_advance(struct ft_window_worker *w, const struct ft_window_clock *clock);

/* Its clock now. */
struct ft_window_clock ft_window_now(const struct ft_window_worker *w);

/* Once a batch: folds a slice of what is over; number 0 also writes a slice of a window that all
 * have passed. looked_ns: flows that were due by then have ended. */
void ft_window_turn(struct ft_window_worker *w, int64_t looked_ns, ft_window_emit_fn emit,
                    void *cookie);

/* It counts nothing more; also of one whose thread could not be started. Number 0 waits until all
 * have said so, and writes all that is left; the others emit nothing. */
void ft_window_finish(struct ft_window_worker *w, ft_window_emit_fn emit, void *cookie);

#endif
