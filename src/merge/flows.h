/* SPDX-License-Identifier: Apache-2.0 */
/* merge: the flows that are held, each with what its observers said.
 *
 * Theory of operation: a hash table by group and Community ID. Flows of one key that are apart in
 * time are several entries of its chain, at most FT__FLOWS_OF_KEY; a list has all entries in the
 * order of their last record, so the oldest is found at once. Entries are a mapped array that is
 * used again; an entry keeps the buffer of its text. */
#ifndef FT_MERGE_FLOWS_H
#define FT_MERGE_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "flowtap/errors.h"
#include "merge/kept.h"
#include "merge/scan.h"

enum { FT__FLOWS_OF_KEY = 64, FT__FLOWS_KEY = 32, FT__FLOW_INLINE = 2 };

/* Counters of a record, forward and reverse beside each other. */
enum ft__merge_counter {
    FT__COUNT_PACKETS,
    FT__COUNT_BYTES = 2,
    FT__COUNT_IP_BYTES = 4,
    FT__COUNT_PAYLOAD = 6,
    FT__COUNT_N = 8
};

/* What one observer said of one flow_id. */
struct ft__member {
    uint64_t flow;     /* hash of the flow_id */
    uint32_t observer; /* its number */
    uint32_t rate;     /* 1 packet in so many was seen */
    uint64_t n[FT__COUNT_N];
    uint8_t known; /* a bit for each pair of counters */
    uint8_t flags[2];
};

/* What a record adds. */
struct ft__said {
    struct ft__member m;
    int64_t first_us, last_us, time_us;
    uint64_t from, to; /* hashes of its two ends */
    uint64_t hash;     /* of key and group: ft__flows_ahead() */
    bool adds;         /* packets and bytes are since the record before, else in all */
    char key[FT__FLOWS_KEY];
};

/* The first line of the cache decides whether a record is of it. */
struct ft__flow {
    struct ft__flow *next;  /* of its chain */
    struct ft__flow **here; /* what points to it there */
    uint64_t hash;
    int64_t first_us, last_us, time_us;
    uint32_t group;
    uint32_t n, cap;
    uint32_t records;                 /* that it is made of */
    struct ft__flow *older, *younger; /* by its last record */
    char key[FT__FLOWS_KEY];
    uint64_t from;        /* the end that is forward */
    struct ft__kept text; /* the record of who saw most of it */
    uint64_t text_packets;
    uint64_t text_flow;
    uint32_t text_observer;
    bool text_swapped;    /* its forward is the other way */
    struct ft__member *m; /* [n], inside or owned */
    struct ft__member few[FT__FLOW_INLINE];
};

/* A flow that was written: as long as its place is not taken by another. */
struct ft__grave {
    uint64_t hash;
    int64_t first_us, last_us;
};

struct ft__flows {
    struct ft_hash_seed seed;
    struct ft__flow *flow;    /* [max], mapped */
    struct ft__flow **bucket; /* [n_buckets], mapped */
    struct ft__grave *grave;  /* [n_buckets], mapped */
    struct ft__flow *free;
    struct ft__flow *oldest, *youngest;
    uint32_t max, n, used, n_buckets;
    uint64_t members, max_members, text, max_text;
    int64_t tolerance_us;
};

FT_NODISCARD int ft__flows_init(struct ft__flows *f, uint32_t max, int64_t tolerance_us);
void ft__flows_fini(struct ft__flows *f);

/* Is there no room for another flow, record or text? Then the oldest has to go. */
bool ft__flows_full(const struct ft__flows *f);

/* Works out where a record belongs, and asks memory for it. */
void ft__flows_ahead(struct ft__flows *f, uint32_t group, struct ft__said *said);
/* Likewise for what lies there, when ahead() is some time ago. */
void ft__flows_near(const struct ft__flows *f, const struct ft__said *said);

/* The flow that a record is of, others of which it shows that they are the same united with it; or
 * NULL. *out_of_key: the oldest of FT__FLOWS_OF_KEY flows of its key, when there are as many; else
 * NULL. */
struct ft__flow *ft__flows_find(struct ft__flows *f, uint32_t group, const struct ft__said *said,
                                struct ft__flow **out_of_key);
/* A flow that begins with this record; there is room. */
struct ft__flow *ft__flows_new(struct ft__flows *f, uint32_t group, const struct ft__said *said);
/* Adds a record and, when it is of who saw most, its text. FT_E_NOMEM: as if it had not come. */
FT_NODISCARD int ft__flows_add(struct ft__flows *f, struct ft__flow *w, const struct ft__said *said,
                               const struct ft__record *r);
/* Asks for what burying and dropping a flow will need. */
void ft__flows_ask(const struct ft__flows *f, const struct ft__flow *w);
/* It was written: what is said of it later comes too late. */
void ft__flows_bury(struct ft__flows *f, const struct ft__flow *w);
/* Was the flow of a record written? False when that is not known any more. */
bool ft__flows_buried(const struct ft__flows *f, const struct ft__said *said);
void ft__flows_drop(struct ft__flows *f, struct ft__flow *w);

#endif
