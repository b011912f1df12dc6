/* SPDX-License-Identifier: Apache-2.0 */
/* collect: who exports: the table of exporters and what is known of each.
 *
 * Theory of operation: an exporter is (protocol, address, domain), with the port when sessions are
 * told apart by it, and for sFlow (agent, sub-agent) as well. The table is bounded. New ones are on
 * probation until they are heard again a second later; those of a connection, which nobody can
 * invent, are proven at once. When the table is full, somebody goes, the first of these that is
 * there:
 *
 *   0. of the source (origin.h) that the new one comes from, if that has more than its share: a new
 *      one, else the one silent longest
 *   1. of the source that holds most, if that is more than its share: its new ones
 *   2. of all new ones the one that is silent longest, if there are more than a few
 *   3. of the source that holds most, if that is more than its share: the one silent longest
 *   4. a new one, after all
 *   5. one that was silent for half an hour
 *   6. the one that was proven last
 *
 * So a flood of domains from one address pushes itself out, as does one of invented addresses, and
 * who was there before it stays, also when the invented ones prove themselves: seniority is what
 * a flood cannot have. None of this looks at more than a few exporters. */
#ifndef FT_COLLECT_EXPORTER_H
#define FT_COLLECT_EXPORTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "collect/origin.h"
#include "collect/plan.h"
#include "collect/rates.h"
#include "model/export.h"

/* Numbers of templates are places + 1, 0: none. They change when one is taken out. */
struct ft__template {
    struct ft__template_plan *plan; /* one use of it is ours */
    int64_t seen_ns;                /* last sent */
    uint32_t charge;                /* bytes that it counts for, of its source */
    uint32_t epoch;                 /* of its exporter, when it was sent */
    uint16_t id;
    uint16_t chain;        /* next of the hash bucket */
    uint16_t newer, older; /* by when they were sent */
};

enum { FT__SEQ_SEEN = 16 };

/* What a message had, by which its exporter may count. */
struct ft__counted {
    uint32_t records; /* of data and options data */
    uint32_t options; /* of them, of options data */
    uint32_t templates, sets, template_sets;
    bool records_known; /* none was given up, or waits for its template */
};

/* Sequence numbers of one stream. */
struct ft__sequence {
    uint32_t expected;           /* newest + step[unit] */
    uint32_t newest;             /* of the newest message */
    uint32_t seen[FT__SEQ_SEEN]; /* the last ones, for duplicates */
    uint8_t n_seen;
    uint8_t unit;                       /* enum ft_sequence_unit */
    uint8_t late_run;                   /* old messages in a row */
    bool known;                         /* expected, newest and step hold */
    uint8_t fits[FT_SEQUENCE__UNITS];   /* messages in a row that told for this unit */
    uint32_t step[FT_SEQUENCE__UNITS];  /* that the newest message took; FT__STEP_UNKNOWN */
    uint64_t doubt[FT_SEQUENCE__UNITS]; /* what is told to be lost, but would not be */
};

#define FT__STEP_UNKNOWN UINT32_MAX

/* Sets that came before their template, by template id, in the order in which they came. */
enum { FT__WAITING_LISTS = 16 };

struct ft__waitings {
    struct ft__waiting *first[FT__WAITING_LISTS], *last[FT__WAITING_LISTS];
};

struct ft__waiting {
    struct ft__waiting *next;
    struct ft_nf_message m; /* its header; the body lies behind this struct */
    uint16_t template_id;
    bool cut;
    uint32_t len, cost; /* bytes of the body, bytes that count */
};

struct ft__losses {
    uint64_t lost, reordered, duplicates, resets;
};

struct ft__names;
struct ft__source_pool;

enum { FT__FOLLOWERS_MAX = 16 };

struct ft__exporter {
    struct ft_exporter_info info;
    struct ft__exporter *chain; /* of the hash bucket */
    struct ft__origin *origin;
    struct ft__link link[FT__IN__COUNT];
    bool proven;
    uint8_t holds;                  /* bits: of which FT__IN_HOLDS lists it is */
    uint32_t session;               /* stream: number of its connection */
    uint64_t salt;                  /* of the hashes of ids that it chooses */
    struct ft__template *templates; /* [n_templates] of [cap_templates]; their buckets behind */
    uint32_t n_templates, cap_templates;
    uint32_t n_options;                        /* of them, options templates */
    uint16_t newest_template, oldest_template; /* numbers */
    uint32_t last_template;                    /* index of the one that was used last */
    struct ft__sequence seq;
    struct ft__rates rates;       /* sFlow: usual is that of its last sample */
    struct ft__names *names;      /* or NULL */
    struct ft__waitings *waiting; /* or NULL */
    uint32_t waiting_bytes;
    struct ft__source_pool *pools; /* sFlow: sample pools by source */
    uint32_t n_pools;
    struct ft__exporter *leader; /* it is the same agent as this one, at another address; or NULL */
    struct ft__exporter *follows; /* its first follower, or of a follower the next one */
    uint8_t n_followers;
    uint8_t strange;         /* of a leader: what speaks against its followers */
    bool apart;              /* it turned out not to be the agent that it followed */
    bool said;               /* that several senders count apart */
    uint16_t last_port;      /* of its last message */
    uint8_t clashes;         /* messages of another port than before: unfit less fit ones */
    int64_t init_ns;         /* systemInitTimeMilliseconds by options data; INT64_MIN: unknown */
    uint32_t uptime_ms;      /* of its last message, */
    int64_t heard_ns;        /* which came then: */
    bool clock_known;        /* both are (sFlow: not used) */
    bool several;            /* several processes send as this one */
    uint32_t epoch;          /* counts its restarts */
    uint32_t sequence_saved; /* IPFIX: the next one by a saved state, until it is heard; or 0 */
    uint32_t before;         /* start (ms, modulo 2^32) or IPFIX sequence before the last restart */
    bool touched;            /* heard since start: what it has is newer than a saved state */
    bool loaded;             /* it was in the saved state */
    struct ft_exporter_health h;
    struct ft__losses told; /* of h, what is in the sum */
};

enum { FT__SESSIONS = 1024 };

struct ft__exporters {
    struct ft_hash_seed seed;
    struct ft__exporter **bucket;
    uint32_t n_buckets, n, max;
    uint32_t share;         /* a source that holds more gives way first */
    uint32_t few;           /* so many new ones have a place */
    struct ft__list all[2]; /* [proven], by when they were heard */
    struct ft__list proof;  /* proven ones, by when they were */
    struct ft__list holds[FT__IN__COUNT - FT__IN_HOLDS]; /* on probation, FT__IN_HOLDS_... */
    struct ft__list session[FT__SESSIONS];               /* of streams, by connection */
    struct ft__origins origins;
    struct ft__template_plans *plans;
    uint64_t evicted;
    struct ft__losses sum; /* of all, those that are gone too: totals never go back */
    uint64_t given_up;     /* sets that waited in vain */
    uint64_t names, templates, waiting, pools; /* of all exporters; waiting in bytes */
    struct ft__exporter *last;                 /* the one found last */
    struct ft__list *agent;                    /* [n_buckets] by agent and sub-agent */
};

FT_NODISCARD int ft__exporters_init(struct ft__exporters *t, const struct ft_hash_seed *seed,
                                    uint32_t max, struct ft__template_plans *plans);
void ft__exporters_fini(struct ft__exporters *t);

/* The exporter of a key (info without texts), made when it is new; trusted: not on probation. NULL:
 * no memory. */
struct ft__exporter *ft__exporter_find(struct ft__exporters *t, const struct ft_exporter_info *key,
                                       bool trusted, int64_t now_ns);

/* sFlow: who keeps the numbers of e's agent: e itself, or another address of the same agent, when
 * this datagram's sequence number and uptime go on where that one's are (exporter_agent.c). */
struct ft__exporter *ft__agent_of(struct ft__exporters *t, struct ft__exporter *e,
                                  uint32_t sequence, uint32_t uptime_ms, int64_t now_ns);
/* Whether what e, which is l or follows it, says now is still of the agent that l is. True: it is
 * not, and nobody follows l any more. */
bool ft__agent_doubt(struct ft__exporter *l, const struct ft__exporter *e, uint32_t sequence,
                     uint32_t uptime_ms);
/* e comes, or goes. */
void ft__agent_join(struct ft__exporters *t, struct ft__exporter *e);
void ft__agent_leave(struct ft__exporters *t, struct ft__exporter *e);

/* e's messages come over this connection. */
void ft__exporter_of_session(struct ft__exporters *t, struct ft__exporter *e, uint32_t session);

/* Takes what h says is lost and so on into the sum; after each message. */
void ft__exporter_account(struct ft__exporters *t, struct ft__exporter *e);

/* Forgets one whose connection ended. */
void ft__exporter_end(struct ft__exporters *t, struct ft__exporter *e);

/* What e holds of what all have together has changed, or it is proven: its FT__IN_HOLDS lists. */
void ft__exporter_holds(struct ft__exporters *t, struct ft__exporter *e);

/* Drops one on probation, other than keep: of a source the one silent longest. False: none. */
bool ft__exporters_drop_new(struct ft__exporters *t, const struct ft__origin *of,
                            const struct ft__exporter *keep);
/* Of all that hold something (FT__IN_HOLDS_...) the one that has held it longest. */
bool ft__exporters_drop_holder(struct ft__exporters *t, enum ft__listed what,
                               const struct ft__exporter *keep);

/* Its template, or NULL. */
struct ft__template *ft__exporter_template(struct ft__exporter *e, uint16_t id);
/* The one that was not sent longest, or NULL. */
struct ft__template *ft__exporter_oldest_template(struct ft__exporter *e);

/* Sets a template (a use of plan is taken over). *out_before: a use of the plan that it had, to be
 * put back, or NULL. FT_E_FULL: it has too many; FT_E_NOMEM. */
FT_NODISCARD int ft__exporter_set(struct ft__exporters *t, struct ft__exporter *e, uint16_t id,
                                  struct ft__template_plan *plan, int64_t now_ns, uint32_t max,
                                  struct ft__template_plan **out_before);

/* Takes a template out; the use of its plan goes to the caller. Another one may take its place. */
struct ft__template_plan *ft__exporter_unset(struct ft__exporters *t, struct ft__exporter *e,
                                             struct ft__template *tmpl);

/* Puts a set (ft_mem memory, taken over on FT_OK, cost bytes) last of those that wait for its
 * template; FT_E_NOMEM. */
FT_NODISCARD int ft__exporter_hold(struct ft__exporters *t, struct ft__exporter *e,
                                   struct ft__waiting *w, uint32_t cost);
/* Takes the first set out that waits for a template, and its cost off; NULL: there is none. */
struct ft__waiting *ft__exporter_release(struct ft__exporters *t, struct ft__exporter *e,
                                         uint16_t template_id);
/* Gives up the sets of e that wait for a template, and counts them. */
void ft__exporter_give_up(struct ft__exporters *t, struct ft__exporter *e);

/* Lists (FT__IN_...), for the files of the table. */
void ft__list_push(struct ft__list *list, struct ft__exporter *e, enum ft__listed in);
void ft__list_remove(struct ft__list *list, struct ft__exporter *e, enum ft__listed in);

/* Accounts for a message with this sequence number. False: it is not the one that was expected. */
bool ft__sequence_take(struct ft__exporter *e, uint32_t sequence, const struct ft__counted *n);

/* The number is one of the last that were taken. */
bool ft__sequence_seen(const struct ft__sequence *s, uint32_t sequence);

/* A message of e came from this port, and its number fits or does not. True, once: e is two
 * senders that count apart. */
bool ft__sequence_clash(struct ft__exporter *e, uint16_t port, bool fits);

/* Counts the sets of a message's body. */
void ft__sequence_sets(const struct ft_nf_message *m, struct ft__counted *out);

#endif
