/* SPDX-License-Identifier: Apache-2.0 */
/* detect: what the detectors share; for src/detect only. owner: worker 0's thread, but for what is
 * marked. */
#ifndef FT_DETECT_STATE_H
#define FT_DETECT_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/count.h"
#include "detect/burst.h"
#include "detect/detect.h"
#include "detect/hosts.h"
#include "detect/names.h"
#include "detect/recent.h"
#include "detect/seen.h"

enum {
    FT__NOTES = 64,    /* of a batch of one worker */
    FT__SLICE = 1024,  /* notes that are shown in a turn, for each worker */
    FT__NAMES = 65536, /* that wait for their time */
    FT__MOST_PACKETS = 64,
};

/* Flow ids of some evidence, the newest ones. */
struct ft__ids {
    uint32_t n; /* that there were */
    uint64_t id[FT_ALERT_FLOWS];
};

/* Up to here: all notes of a worker that are older were made. */
struct ft__passed {
    uint32_t epoch;
    int64_t ns;
};

/* A note's place in the order. */
struct ft__turn {
    int64_t at_ns;
    uint64_t flow_id;
    uint32_t note, epoch;
};

/* Tables of entities, a row of order.c each. */
enum ft__table_id {
    FT__LIMITS,
    FT__ADDRESS_SCANS,
    FT__PORT_SCANS,
    FT__WALKS,
    FT__AMPLIFIED,
    FT__BEACONS,
    FT__SERVERS,
    FT__LASTING,
    FT__SENDERS,
    FT__RECEIVERS,
    FT__TUNNELS,
    FT__ASKERS,
    FT__TABLES
};

enum { FT__COMING = 16 /* notes, a power of two */ };
enum { FT__FIRST_HOST, FT__FIRST_OTHER, FT__FIRST_PEER, FT__FIRST_SERVICE, FT__FIRSTS };

/* What a note will be looked for by: worked out some notes ahead (coming.c), so that memory is
 * there when it is looked at. */
struct ft__coming {
    uint64_t pair;              /* hash of initiator and responder */
    uint64_t first[FT__FIRSTS]; /* of what may be a first one (first.c), where .. */
    uint64_t in[FT__TABLES];    /* of its key in a table, where .. */
    uint32_t tables;            /* .. it has a bit here */
    uint8_t firsts;             /* .. it has a bit here */
    bool goes_out;              /* a host of one's own talks to one that is not */
};

/* Notes of all workers, with the lock. */
struct ft__pool {
    struct ft_note *notes;      /* [cap], mapped; likewise: */
    uint32_t *free;             /* [n_free]: notes that nobody uses */
    uint32_t *pending;          /* [n_pending]: that wait for their time */
    struct ft_note_name *names; /* [FT__NAMES], mapped; likewise: */
    uint32_t *free_names;       /* [n_free_names] */
    uint32_t used_names, n_free_names;
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
    /* what the rules that hold can use: of a class in a span, and of a flow that goes on */
    _Atomic uint64_t least_packets, least_bytes;
    _Atomic int64_t least_lasting_ns;
    struct ft_rules *rules; /* owned */
    struct ft__turn *order; /* [n_order]: notes that all have passed, in order; mapped, as: */
    struct ft__turn *aside; /* for sorting */
    uint32_t n_order, shown;
    struct ft__passed until; /* they are before this */
    int64_t begun_ns; /* since when all that came is known, see watch(); INT64_MIN: nothing came */
    int64_t shown_ns; /* at_ns of the flow before */
    struct ft__hosts tables[FT__TABLES];
    struct ft__seen contacts, known;    /* pairs of all flows; hosts, peers and services */
    struct ft__seen met;                /* pairs that met outside not long ago */
    int64_t met_ns;                     /* when it turned */
    uint32_t n_internal;                /* hosts that talked to one outside, and again */
    struct ft__coming ring[FT__COMING]; /* by number in d->order */
    const struct ft__coming *coming;    /* of the note that is shown */
    bool first_contact;                 /* the pair of the note that is shown */
    struct ft_note burst;               /* bits != 0: what was added up of a class */
    uint64_t evicted;                   /* of the tables, that no_room has */
    int64_t entity_ns;                  /* an entity has one alert of a rule in so long */
    int64_t second;                     /* that the alerts are counted in */
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
    struct ft_note_name names[FT__NOTES]; /* of the notes */
    struct ft__burst bursts[2];           /* spans of even and of odd number */
    uint32_t newest;                      /* of them, that of the last packet */
};

/* Puts d->order in the order of epoch, time and flow id. */
void ft__notes_sort(struct ft_detect *d);

/* A detector looks at a note. */
typedef void (*ft__detector_fn)(struct ft_detect *d, const struct ft_note *note);

void ft__detect_scan(struct ft_detect *d, const struct ft_note *note);
void ft__detect_walk(struct ft_detect *d, const struct ft_note *note);
void ft__detect_amplified(struct ft_detect *d, const struct ft_note *note);
void ft__detect_beacon(struct ft_detect *d, const struct ft_note *note);
void ft__detect_lasting(struct ft_detect *d, const struct ft_note *note);
void ft__detect_upload(struct ft_detect *d, const struct ft_note *note);
void ft__detect_first(struct ft_detect *d, const struct ft_note *note);
void ft__detect_policy(struct ft_detect *d, const struct ft_note *note);

/* A burst; a name. */
void ft__detect_flood(struct ft_detect *d, const struct ft_note *note);
void ft__detect_asked(struct ft_detect *d, const struct ft_note *note);

/* All bursts of a class were shown: what they come to. */
void ft__bursts_end(struct ft_detect *d);

/* A worker's spans that end by this become notes. */
void ft__bursts_until(struct ft_detect_worker *w, int64_t passed_ns);

/* ft_detect_note() of a name. */
void ft__note_name(struct ft_detect_worker *w, const struct ft_note *note,
                   const struct ft_note_name *name);

/* Bytes that an entity of each takes, and that begin as zeros. */
size_t ft__limit_entity(size_t *out_clear);
size_t ft__scan_entity(size_t *out_clear);
size_t ft__walk_entity(size_t *out_clear);
size_t ft__amplified_entity(size_t *out_clear);
size_t ft__beacon_entity(size_t *out_clear);
size_t ft__server_entity(size_t *out_clear);
size_t ft__lasting_entity(size_t *out_clear);
size_t ft__sender_entity(size_t *out_clear);
size_t ft__receiver_entity(size_t *out_clear);
size_t ft__tunnel_entity(size_t *out_clear);
size_t ft__asker_entity(size_t *out_clear);

/* Was the rule told to learn for some time, which is over by now? param: that threshold. */
bool ft__has_learnt(const struct ft_detect *d, enum ft_rule_id rule, int param,
                    const struct ft_note *note);

/* A keyed hash of an address. */
uint32_t ft__host_hash(const struct ft_detect *d, const uint8_t *addr);

/* Does a host of one's own talk to one that is not? Not to link-local addresses. Where nobody knows
 * whose they are, they all do. */
bool ft__goes_out(const struct ft_detect *d, const struct ft_note *note);

/* The severity of a band, 0 the lowest, where the rules do not say another. */
void ft__alert_band(const struct ft_detect *d, enum ft_rule_id rule, uint32_t band,
                    struct ft_alert *a);

/* A key of zeros but for its version and address. */
FT_INLINE struct ft__host_key ft__key_of(const struct ft_note *note, int side)
{
    struct ft__host_key k = {.version = note->ip_version};

    memcpy(k.addr, note->addr[side], sizeof k.addr);
    return k;
}

/* Likewise, with the address of the responder. */
FT_INLINE struct ft__host_key ft__pair_of(const struct ft_note *note)
{
    struct ft__host_key k = ft__key_of(note, 0);

    memcpy(k.peer, note->addr[1], sizeof k.peer);
    return k;
}

/* The entry of an entity, as ft__hosts_get(); and find. */
FT_INLINE uint64_t ft__hash_in(const struct ft_detect *d, enum ft__table_id id,
                               const struct ft__host_key *key)
{
    const struct ft__coming *c = d->coming;

    return (c->tables >> id & 1) != 0 ? c->in[id] : ft__key_hash(&d->cfg.seed, key);
}

FT_INLINE void *ft__entity_get(struct ft_detect *d, enum ft__table_id id,
                               const struct ft__host_key *key, int64_t now_ns, bool *fresh)
{
    return ft__hosts_get(&d->tables[id], key, ft__hash_in(d, id, key), now_ns, fresh);
}

FT_INLINE void *ft__entity_find(const struct ft_detect *d, enum ft__table_id id,
                                const struct ft__host_key *key, int64_t now_ns)
{
    return ft__hosts_find(&d->tables[id], key, ft__hash_in(d, id, key), now_ns);
}

/* The note of number i in d->order is to be shown soon: what it will be looked for by is worked
 * out. Then, some notes later: what was asked for is there, and says where it goes on. */
void ft__coming_plan(struct ft_detect *d, uint32_t i);
void ft__coming_go_on(const struct ft_detect *d, uint32_t i);

/* What detectors say of it: which first ones (bits of FT__FIRST_*) it may be, with their hashes;
 * the key of a connection that may last; would it be looked for? */
uint8_t ft__first_keys(const struct ft_detect *d, const struct ft_note *note, uint64_t *hash);
struct ft__host_key ft__lasting_key(const struct ft_note *note);
bool ft__may_last(const struct ft_note *note);
bool ft__is_scan(const struct ft_note *note);
bool ft__is_connection(const struct ft_note *note);

/* Is it the port of a UDP service that is known for amplification? */
bool ft__amplifies(uint16_t port);

FT_INLINE void ft__ids_add(struct ft__ids *ids, uint64_t id)
{
    if (id != 0) {
        ids->id[ids->n++ % FT_ALERT_FLOWS] = id;
    }
}
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
