/* SPDX-License-Identifier: Apache-2.0 */
/* flow: the table's struct and the cold paths that table.c calls (lifecycle.c). */
#ifndef FT_FLOW_INTERNAL_H
#define FT_FLOW_INTERNAL_H

#include "flow/entry.h"
#include "flow/index.h"
#include "flow/stat.h"
#include "flow/table.h"
#include "flow/tcp.h"
#include "flow/timer.h"

/* What a packet touches besides hot: two lines side by side, which the processor fetches as a pair.
 */
struct ft__more {
    struct ft__tcp_hot tcp;
    struct ft__stat stat;
} FT_ALIGNED(128);

_Static_assert(sizeof(struct ft__hot) + sizeof(struct ft__cold) + sizeof(struct ft__link) + 32 +
                       sizeof(struct ft__more) + sizeof(struct ft__tcp_cold) +
                       2 * sizeof(struct ft__tcp_copies) + sizeof(struct ft__stat_wide) +
                       sizeof(struct ft__extra) + sizeof(struct ft__prev) + 16 ==
                   816,
               "as entry.h and docs/architecture.md say, with the index");

/* owner: one thread */
struct ft_table {
    struct ft__hot *hot; /* [max_flows], mapped, like the arrays below */
    struct ft__cold *cold;
    struct ft__link *link;
    uint8_t (*addr6)[32];
    struct ft__more *more;
    struct ft__tcp_cold *tcp_cold;
    struct ft__tcp_copies (*copies)[2];
    struct ft__stat_wide *wide;
    struct ft__extra *extra;
    struct ft__prev *prev;
    struct ft__index index;
    struct ft_table_config cfg;
    ft_flow_emit_fn emit;
    void *cookie;
    uint32_t fresh;    /* entries never used yet begin here */
    uint32_t free;     /* list of entries given back, or FT__NONE */
    int64_t now_ns;    /* the packet clock; FT__NEVER before the first packet */
    int64_t newest_ns; /* newest packet time ever */
    uint32_t last;     /* entry of the packet that was counted last */
    uint8_t last_dir;  /* its direction */
    struct ft_table_stats stats;
    struct ft__timers timers;
};

/* Where the TCP state of an entry lies. since_ns: as in struct ft__tcp; 0 for a record. */
FT_INLINE struct ft__tcp ft__flow_tcp(const struct ft_table *t, uint32_t i, int64_t since_ns)
{
    struct ft__more *m = &t->more[i];

    return (struct ft__tcp){.hot = &m->tcp,
                            .cold = &t->tcp_cold[i],
                            .copies = t->copies[i],
                            .rtt_us = {&m->stat.side[0].rtt_us, &m->stat.side[1].rtt_us},
                            .last_ns = t->hot[i].last_ns,
                            .since_ns = since_ns};
}

/* The next two deadlines of an entry. */
struct ft__deadlines {
    int64_t end_ns;    /* idle, or the end of the linger: the flow is over */
    int64_t active_ns; /* an interim record is due, if there were packets */
};

struct ft__deadlines ft__flow_deadlines(const struct ft_table *t, uint32_t i);

/* Makes an entry for pkt's key, not yet counted. salt: 0, or the id of the flow it follows. */
uint32_t ft__flow_create(struct ft_table *t, const struct ft_packet *pkt, uint64_t salt);

/* Does what is due at now_ns: an interim record, the end. True when the entry is gone. */
bool ft__flow_settle(struct ft_table *t, uint32_t i, int64_t now_ns);

/* A packet of ts_ns, an idle timeout or more before the first of the entry's: files follow each
 * other backwards, or the clock did. Such a gap ends a flow as one forward does; true when it did.
 */
bool ft__flow_settle_before(struct ft_table *t, uint32_t i, int64_t ts_ns);

/* Final record and removal. */
void ft__flow_end(struct ft_table *t, uint32_t i, enum ft_reason reason, int64_t at_ns);

/* Interim record. */
void ft__flow_interim(struct ft_table *t, uint32_t i, enum ft_reason reason, int64_t at_ns);

/* Puts the entry into the timer list of its next deadline / moves it there. */
void ft__flow_schedule(struct ft_table *t, uint32_t i);
void ft__flow_reschedule(struct ft_table *t, uint32_t i);

/* Looks at timers due at now_ns, at most budget of them; true when more are due. */
bool ft__table_tick(struct ft_table *t, int64_t now_ns, uint32_t budget);

/* Sets the hint hot.active_at from the exact deadline. */
void ft__flow_hint(struct ft_table *t, uint32_t i, int64_t now_ns);

/* The wide part of an entry's sizes and gaps, made when it is first needed. */
struct ft__stat_wide *ft__flow_wide(struct ft_table *t, uint32_t i);

/* Packets of both directions together. */
uint64_t ft__flow_packets(const struct ft_table *t, uint32_t i);

#endif
