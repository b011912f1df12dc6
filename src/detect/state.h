/* SPDX-License-Identifier: Apache-2.0 */
/* detect: what the detectors share; for src/detect only. owner: worker 0's thread, but for what is
 * marked. */
#ifndef FT_DETECT_STATE_H
#define FT_DETECT_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/count.h"
#include "detect/detect.h"
#include "detect/hosts.h"

enum {
    FT__NOTES = 64,   /* of a batch of one worker */
    FT__SLICE = 1024, /* notes that are shown in a turn, for each worker */
    FT__PEERS = 128,  /* distinct hosts or ports that a scan is counted up to */
};

/* Flow ids of some evidence, the newest ones. */
struct ft__ids {
    uint64_t id[FT_ALERT_FLOWS];
    uint32_t n; /* that there were */
};

/* Up to here: all notes of a worker that are older were made. */
struct ft__passed {
    uint32_t epoch;
    int64_t ns;
};

/* Notes of all workers, with the lock. */
struct ft__pool {
    struct ft_note *notes;                 /* [cap], mapped; likewise: */
    uint32_t *free;                        /* [n_free]: notes that nobody uses */
    uint32_t *pending;                     /* [n_pending]: that wait for their time */
    uint32_t cap, used, n_free, n_pending; /* used: of notes, once at least */
    struct ft__passed passed[FT_DETECT_WORKERS];
    uint32_t n_ended;
};

struct ft_detect {
    struct ft_detect_config cfg;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct ft__pool pool;   /* guarded by lock */
    struct ft_rules *next;  /* likewise: that hold from the next turn on; owned, or NULL */
    _Atomic uint32_t epoch; /* newest */
    _Atomic bool changed;   /* pool.passed, or next */
    struct ft_rules *rules; /* owned */
    uint32_t *order;        /* [n_order]: notes that all have passed, in order; mapped */
    uint32_t n_order, shown;
    struct ft__passed until; /* they are before this */
    int64_t begun_ns;        /* the first packet that anything was said of; INT64_MIN: none */
    struct ft__hosts limits, address_scans, port_scans, beacons;
    int64_t second; /* that the alerts are counted in */
    uint32_t in_second;
    ft_alert_emit_fn emit; /* of this turn */
    void *cookie;
    struct ft_count alerts, suppressed, no_room; /* any thread reads */
};

/* owner: its worker's thread */
struct ft_detect_worker {
    struct ft_detect *d;
    uint32_t number, n;
    struct ft__passed said;
    uint32_t epoch; /* of notes */
    struct ft_note notes[FT__NOTES];
};

/* A detector looks at a note. */
typedef void (*ft__detector_fn)(struct ft_detect *d, const struct ft_note *note);

void ft__detect_scan(struct ft_detect *d, const struct ft_note *note);
void ft__detect_beacon(struct ft_detect *d, const struct ft_note *note);
void ft__detect_policy(struct ft_detect *d, const struct ft_note *note);

/* Bytes that an entity of each takes. */
size_t ft__scan_entity(void);
size_t ft__beacon_entity(void);
size_t ft__limit_entity(void);

/* A key of zeros but for its version and address. */
struct ft__host_key ft__key_of(const struct ft_note *note, int side);

void ft__ids_add(struct ft__ids *ids, uint64_t id);
/* The newest ones, oldest first. */
void ft__ids_say(const struct ft__ids *ids, struct ft_alert *a);

/* An alert about the addresses of a note, all else null. blame: whose it is, FT_DIR_*. */
void ft__alert_begin(const struct ft_detect *d, enum ft_rule_id rule, const struct ft_note *note,
                     int blame, struct ft_alert *a);

/* Is anything said about this rule at all, and not of these hosts? blame: as above. */
bool ft__is_watched(const struct ft_detect *d, enum ft_rule_id rule, const struct ft_note *note,
                    int blame);

/* What was to be said is, unless it is kept back: of this entity not long ago, or too much. */
void ft__raise(struct ft_detect *d, enum ft_rule_id rule, struct ft_alert *a);

FT_INLINE double ft__value(const struct ft_detect *d, enum ft_rule_id rule, int param)
{
    return d->rules->rule[rule].value[param];
}

/* Its span of seconds in ns. */
FT_INLINE int64_t ft__span_ns(const struct ft_detect *d, enum ft_rule_id rule, int param)
{
    return (int64_t)(ft__value(d, rule, param) * 1e9);
}

#endif
