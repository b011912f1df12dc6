/* SPDX-License-Identifier: Apache-2.0 */
/* flow: the table's struct and the cold paths that table.c calls (lifecycle.c). */
#ifndef FT_FLOW_INTERNAL_H
#define FT_FLOW_INTERNAL_H

#include "flow/entry.h"
#include "flow/index.h"
#include "flow/table.h"
#include "flow/timer.h"

enum {
    FT__DUES = 128,           /* records that wait at most, and entries more than flows */
    FT__OVER_SHIFT = 20,      /* of cold.active_k with rules.linger_fixed */
    FT__DUES_OF_A_PACKET = 16 /* more do not come of one: its own flow's, those of an eviction */
};

_Static_assert(sizeof(struct ft__hot) + sizeof(struct ft__cold) + 16 == FT_TABLE_FLOW_BYTES,
               "as entry.h and docs/architecture.md say");
_Static_assert(128 + 32 + sizeof(struct ft__high) + sizeof(struct ft__prev) +
                       sizeof(struct ft__tunnel) + 16 ==
                   280,
               "as docs/architecture.md says, with the index");

/* owner: one thread */
struct ft_table {
    struct ft__hot *hot; /* [ft_table_entries()], mapped, like the arrays below */
    struct ft__cold *cold;
    uint8_t (*addr6)[32];
    struct ft__high *high;
    struct ft__tunnel *tunnel;
    struct ft__prev *prev;
    struct ft__index index;
    struct ft_table_config cfg;
    int64_t idle_least_ns; /* of the protocols */
    uint32_t fresh;        /* entries never used yet begin here */
    uint32_t free;         /* list of entries given back, or FT__NONE */
    uint32_t flushed;      /* the next entry that ft_table_flush() looks at */
    int64_t now_ns;        /* the packet clock; FT__NEVER before the first packet */
    int64_t newest_ns;     /* newest packet time ever */
    struct ft_table_stats stats;
    struct ft_due due[FT__DUES];
    uint32_t due_begin, due_end;
    bool stop; /* a flow that goes on has a record due: nothing is counted before it is taken */
    struct ft__timers timers;
};

/* The next two deadlines of an entry. */
struct ft__deadlines {
    int64_t end_ns;    /* idle, or the end of the linger: the flow is over */
    int64_t active_ns; /* an interim record is due, if there were packets */
};

struct ft__deadlines ft__flow_deadlines(const struct ft_table *t, uint32_t i);

/* Earliest packet of both directions. */
int64_t ft__flow_first(const struct ft_table *t, uint32_t i);

/* Makes an entry for pkt's key, not yet counted. salt: 0, or the id of the flow it follows. */
uint32_t ft__flow_create(struct ft_table *t, const struct ft_packet *pkt, uint64_t salt);

/* The entry, new with pkt, faces the way of another one, which is over. */
void ft__flow_face(struct ft_table *t, uint32_t i, uint32_t before, const struct ft_packet *pkt);

/* Does what is due at now_ns: an interim record, the end. True when the flow is over. */
bool ft__flow_settle(struct ft_table *t, uint32_t i, int64_t now_ns);

/* A packet of ts_ns, to which nothing else is due: by rules that look for the active timeout when a
 * packet comes, it may be another flow's. True when it is. */
bool ft__flow_settle_active(struct ft_table *t, uint32_t i, int64_t ts_ns);

/* A packet of ts_ns, an idle timeout or more before the first of the entry's: files follow each
 * other backwards, or the clock did. Such a gap ends a flow as one forward does; true when it did.
 */
bool ft__flow_settle_before(struct ft_table *t, uint32_t i, int64_t ts_ns);

/* Final record, and out of index and timers. */
void ft__flow_end(struct ft_table *t, uint32_t i, enum ft_reason reason, int64_t at_ns);

/* Interim record of a flow that goes on. */
void ft__flow_interim(struct ft_table *t, uint32_t i, enum ft_reason reason, int64_t at_ns);

/* Moves the entry into the timer list of its next deadline. */
void ft__flow_reschedule(struct ft_table *t, uint32_t i);

/* Sets the hint hot.active_at from the exact deadline. */
void ft__flow_hint(struct ft_table *t, uint32_t i, int64_t now_ns);

/* The carries of an entry. */
FT_INLINE const struct ft__high *ft__flow_high(const struct ft_table *t, uint32_t i)
{
    static const struct ft__high none;

    return FT_UNLIKELY(t->hot[i].seen & FT__SEEN_HIGH) ? &t->high[i] : &none;
}

/* Packets of both directions together. */
uint64_t ft__flow_packets(const struct ft_table *t, uint32_t i);

/* Is there room for what may become due with n more packets or flows? */
FT_INLINE bool ft__dues_left(const struct ft_table *t, uint32_t n)
{
    return t->due_end + n <= FT__DUES;
}

#endif
