/* SPDX-License-Identifier: Apache-2.0 */
/* detect: says what is unusual of hosts, pairs and services, with its evidence.
 *
 * Theory of operation: each worker makes a note of each flow that ends. Notes go in batches to one
 * pool of all workers; when every worker has passed a time, worker 0 takes the notes up to it, puts
 * them in the order of (time, flow id) and shows them to the detectors, whose state is its own:
 *
 *     flow over -> note -> notes [64] -> pool -> in order -> detectors -> rate limit -> alert
 *
 * So the same alerts come, in the same order, whatever the number of workers. All state is
 * bounded; what found no room is counted. A detector is a row of rules.c and a function of its own
 * file; it never calls up. */
#ifndef FT_DETECT_DETECT_H
#define FT_DETECT_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "detect/note.h"
#include "detect/rules.h"
#include "flowtap/errors.h"
#include "model/alert.h"
#include "model/counted.h"
#include "model/packet.h"

enum { FT_DETECT_WORKERS = 128 };

struct ft_detect_config {
    uint32_t max_hosts; /* bound of the entities of each kind that a detector keeps */
    uint32_t max_flows; /* that may end at once, all workers together */
    uint32_t n_workers;
    struct ft_hash_seed seed; /* of equal ones, equal alerts */
};

struct ft_detect_stats {
    uint64_t alerts;
    uint64_t suppressed; /* kept back: of an entity that had one, or beyond the bound a second */
    uint64_t no_room;    /* notes, or entities that others took the place of */
};

struct ft_detect;
struct ft_detect_worker;

/* Takes an alert, which is borrowed. */
typedef void (*ft_alert_emit_fn)(void *cookie, const struct ft_alert *a);

/* Bytes of address space. */
size_t ft_detect_budget(const struct ft_detect_config *cfg);

/* rules: taken over, also on failure. On success *out is the caller's, freed when the workers are.
 * FT_E_NOMEM. */
FT_NODISCARD int ft_detect_new(const struct ft_detect_config *cfg, struct ft_rules *rules,
                               struct ft_detect **out);
void ft_detect_free(struct ft_detect *d);

/* Any thread. */
void ft_detect_get_stats(const struct ft_detect *d, struct ft_detect_stats *out);

/* Other rules hold from the next turn of worker 0 on; taken over. Any thread. */
void ft_detect_use(struct ft_detect *d, struct ft_rules *rules);

/* Worker number i. FT_E_NOMEM. All that follows is for its thread. */
FT_NODISCARD int ft_detect_worker_new(struct ft_detect *d, uint32_t i,
                                      struct ft_detect_worker **out);
void ft_detect_worker_free(struct ft_detect_worker *w);

/* Would anybody look at a note of a flow that goes on, and has lasted so long? */
bool ft_detect_wants(const struct ft_detect_worker *w, int64_t lasted_ns);

/* A flow is over, or goes on for long: copied. */
void ft_detect_note(struct ft_detect_worker *w, const struct ft_note *note);

/* n packets, at most 64, in the order in which they were counted. */
FT_HOT void ft_detect_packets(struct ft_detect_worker *w, const struct ft_packet *pkts,
                              const struct ft_counted *at, uint32_t n);

/* Likewise, with their payloads: names that were asked for. */
void ft_detect_answers(struct ft_detect_worker *w, const struct ft_packet *pkts, uint32_t n);

/* The clock of the packets stepped back: an epoch begins, if it is not that already. What comes is
 * of it. */
void ft_detect_epoch_begins(struct ft_detect_worker *w, uint32_t epoch);

/* Once a batch. All notes of this worker
 * that are of earlier epochs, or of this one and before passed_ns, have been made. Number 0 shows
 * a slice of what all have passed to the detectors. */
void ft_detect_turn(struct ft_detect_worker *w, uint32_t epoch, int64_t passed_ns,
                    ft_alert_emit_fn emit, void *cookie);

/* The newest epoch of any worker. */
uint32_t ft_detect_epoch(const struct ft_detect_worker *w);

/* It makes no more notes; also of one whose thread could not be started. Number 0 waits until all
 * have said so, and shows all that is left; the others emit nothing. */
void ft_detect_finish(struct ft_detect_worker *w, ft_alert_emit_fn emit, void *cookie);

#endif
