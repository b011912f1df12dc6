/* SPDX-License-Identifier: Apache-2.0 */
/* collect: one sFlow agent behind several source addresses.
 *
 * Theory of operation: an agent counts its datagrams once, whatever address they leave by (equal
 * paths, a virtual router's address). Each address is an exporter, but the numbers and the sample
 * pools are the agent's: the first one keeps them, the others follow it. Whether two are the same
 * agent their datagrams say, not the agent's address alone, which devices that nobody has set up
 * share: the numbers of the one go on where the other's are, and both have run for as long. When
 * a number comes again from another address, or one that is older was sent later, they are several
 * agents after all, and stay apart.
 *
 *     bucket -> oldest <-> ... <-> newest     by hash of (agent, sub-agent); a few are looked at
 *     leader -> follower -> follower          at most FT__FOLLOWERS_MAX */
#include "collect/exporter.h"

#include <string.h>

#include "base/mem.h"

enum { LOOKED_AT = 16, NEAR = 64, STRANGE = 6 };

static const int64_t apart_ns = (int64_t)2 * 1000000000;

static struct ft__list *bucket_of(struct ft__exporters *t, const struct ft_exporter_info *k)
{
    uint64_t h = ft_hash_16(&t->seed, ft_load_u64(k->agent), ft_load_u64(k->agent + 8));

    h = ft_hash_16(&t->seed, h, (uint64_t)k->domain_id << 8 | k->agent_version);
    return &t->agent[h & (t->n_buckets - 1)];
}

static bool is_agent(const struct ft__exporter *e)
{
    return e->info.protocol == FT_XP_SFLOW_V5 && e->info.agent_version != 0;
}

void ft__agent_join(struct ft__exporters *t, struct ft__exporter *e)
{
    if (is_agent(e)) {
        ft__list_push(bucket_of(t, &e->info), e, FT__IN_AGENT);
    }
}

static void unfollow(struct ft__exporter *e)
{
    struct ft__exporter **at = &e->leader->follows;

    while (*at != e) {
        at = &(*at)->follows;
    }
    *at = e->follows;
    e->leader->n_followers--;
    e->leader = e->follows = NULL;
    e->seq.known = false; /* its own numbers are old */
}

void ft__agent_leave(struct ft__exporters *t, struct ft__exporter *e)
{
    if (!is_agent(e)) {
        return;
    }
    if (e->leader != NULL) {
        unfollow(e);
    }
    while (e->follows != NULL) {
        unfollow(e->follows);
    }
    ft__list_remove(bucket_of(t, &e->info), e, FT__IN_AGENT);
}

/* The datagram is the next of the agent that l keeps the numbers of, or one near it. */
static bool goes_on(const struct ft__exporter *l, uint32_t sequence, uint32_t uptime_ms,
                    int64_t now_ns)
{
    int64_t ran_ns = (int64_t)(int32_t)(uptime_ms - l->uptime_ms) * 1000000;
    int64_t off_ns = now_ns - l->heard_ns - ran_ns;

    return l->seq.known && sequence - l->seq.expected + NEAR < 2 * NEAR &&
           !ft__sequence_seen(&l->seq, sequence) && off_ns > -apart_ns && off_ns < apart_ns;
}

static bool same_agent(const struct ft_exporter_info *a, const struct ft_exporter_info *b)
{
    return a->domain_id == b->domain_id && a->agent_version == b->agent_version &&
           memcmp(a->agent, b->agent, sizeof a->agent) == 0;
}

/* What e has learnt of pools is the leader's from now on: who holds none, nobody wants to go. */
static void follow(struct ft__exporters *t, struct ft__exporter *e, struct ft__exporter *l)
{
    t->pools -= e->n_pools;
    e->origin->pools -= e->n_pools;
    e->n_pools = 0;
    ft_mem_free(e->pools);
    e->pools = NULL;
    ft__exporter_holds(t, e);
    e->leader = l;
    e->follows = l->follows;
    l->follows = e;
    l->n_followers++;
    l->strange = 0;
}

struct ft__exporter *ft__agent_of(struct ft__exporters *t, struct ft__exporter *e,
                                  uint32_t sequence, uint32_t uptime_ms, int64_t now_ns)
{
    struct ft__exporter *l;

    if (e->leader != NULL) {
        return e->leader;
    }
    if (!is_agent(e) || e->apart || e->follows != NULL ||
        (e->seq.known && sequence == e->seq.expected)) {
        return e;
    }
    l = bucket_of(t, &e->info)->oldest;
    for (int i = 0; l != NULL && i < LOOKED_AT; i++, l = l->link[FT__IN_AGENT].newer) {
        if (l != e && l->leader == NULL && l->n_followers < FT__FOLLOWERS_MAX &&
            same_agent(&l->info, &e->info) && goes_on(l, sequence, uptime_ms, now_ns)) {
            follow(t, e, l);
            return l;
        }
    }
    return e;
}

bool ft__agent_doubt(struct ft__exporter *l, const struct ft__exporter *e, uint32_t sequence,
                     uint32_t uptime_ms)
{
    bool sent_later = (int32_t)(uptime_ms - l->uptime_ms) > 0;
    bool numbered_before = l->seq.known && (int32_t)(sequence - l->seq.newest) < 0;

    if (l->follows == NULL) {
        return false;
    }
    if (sent_later && numbered_before) {
        l->strange += 2; /* one agent cannot have done this */
    } else if (l != e && ft__sequence_seen(&l->seq, sequence)) {
        l->strange++; /* nor this, but the network can */
    } else {
        l->strange -= l->strange > 0;
    }
    if (l->strange < STRANGE) {
        return false;
    }
    while (l->follows != NULL) {
        l->follows->apart = true;
        unfollow(l->follows);
    }
    l->strange = 0;
    return true;
}
