/* SPDX-License-Identifier: Apache-2.0 */
/* decode: the table of exporters, see exporter.h. */
#include "decode/exporter.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "decode/names.h"

enum { BUCKETS_MIN = 256 };

static const int64_t probation_ns = 1000000000;

int ft__exporters_init(struct ft__exporters *t, const struct ft_hash_seed *seed, uint32_t max,
                       struct ft__xplans *plans)
{
    memset(t, 0, sizeof *t);
    t->seed = *seed;
    t->max = max;
    t->plans = plans;
    t->n_buckets = BUCKETS_MIN;
    while (t->n_buckets < max && t->n_buckets < 1u << 24) {
        t->n_buckets *= 2;
    }
    t->bucket = ft_mem_alloc(t->n_buckets, sizeof(struct ft__exporter *));
    return t->bucket != NULL ? FT_OK : FT_E_NOMEM;
}

/* ---- the two lists, newest first ---- */

static void list_remove(struct ft__exporters *t, struct ft__exporter *e)
{
    struct ft__exporter **newest = &t->newest[e->proven], **oldest = &t->oldest[e->proven];

    if (e->newer != NULL) {
        e->newer->older = e->older;
    } else {
        *newest = e->older;
    }
    if (e->older != NULL) {
        e->older->newer = e->newer;
    } else {
        *oldest = e->newer;
    }
    t->count[e->proven]--;
}

static void list_push(struct ft__exporters *t, struct ft__exporter *e)
{
    e->newer = NULL;
    e->older = t->newest[e->proven];
    if (e->older != NULL) {
        e->older->newer = e;
    } else {
        t->oldest[e->proven] = e;
    }
    t->newest[e->proven] = e;
    t->count[e->proven]++;
}

/* ---- finding ---- */

static uint64_t hash_key(const struct ft__exporters *t, const struct ft_exporter_info *k)
{
    uint64_t h = ft_hash_16(&t->seed, ft_load_u64(k->addr), ft_load_u64(k->addr + 8));

    h = ft_hash_16(&t->seed, h,
                   (uint64_t)k->domain_id << 32 | (uint64_t)k->port << 16 |
                       (uint64_t)k->protocol << 8 | k->ip_version);
    if (k->agent_version != 0) {
        h = ft_hash_16(&t->seed, h ^ ft_load_u64(k->agent), ft_load_u64(k->agent + 8));
    }
    return h;
}

static bool same_key(const struct ft_exporter_info *a, const struct ft_exporter_info *b)
{
    return a->domain_id == b->domain_id && a->port == b->port && a->protocol == b->protocol &&
           a->ip_version == b->ip_version && a->agent_version == b->agent_version &&
           memcmp(a->addr, b->addr, sizeof a->addr) == 0 &&
           memcmp(a->agent, b->agent, sizeof a->agent) == 0;
}

static void write_address(char out[48], uint8_t version, const uint8_t *addr)
{
    if (version == 0 || inet_ntop(version == 4 ? AF_INET : AF_INET6, addr, out, 48) == NULL) {
        out[0] = '\0';
    }
}

void ft__exporter_give_up(struct ft__exporters *t, struct ft__exporter *e)
{
    while (e->waiting != NULL) {
        struct ft__waiting *next = e->waiting->next;

        e->h.no_template++;
        t->gone.no_template++;
        ft_mem_free(e->waiting);
        e->waiting = next;
    }
    t->waiting -= e->waiting_bytes;
    e->waiting_bytes = 0;
    e->h.waiting = 0;
}

static void free_exporter(struct ft__exporters *t, struct ft__exporter *e)
{
    t->names -= ft__names_count(e->names);
    t->templates -= e->n_templates;
    t->pools -= e->n_pools;
    for (uint32_t i = 0; i < e->n_templates; i++) {
        ft__xplan_put(t->plans, e->templates[i].plan);
    }
    ft__exporter_give_up(t, e);
    ft__types_forget(t->plans, &e->types);
    ft_mem_free(e->templates);
    ft_mem_free(e->samplers);
    ft_mem_free(e->pools);
    ft__names_free(e->names);
    ft_mem_free(e);
}

static void drop_exporter(struct ft__exporters *t, struct ft__exporter *e)
{
    struct ft__exporter **at = &t->bucket[hash_key(t, &e->info) & (t->n_buckets - 1)];

    while (*at != e) {
        at = &(*at)->chain;
    }
    *at = e->chain;
    list_remove(t, e);
    t->n--;
    if (t->last == e) {
        t->last = NULL;
    }
    free_exporter(t, e);
}

void ft__exporters_fini(struct ft__exporters *t)
{
    for (int list = 0; list < 2 && t->bucket != NULL; list++) {
        while (t->oldest[list] != NULL) {
            drop_exporter(t, t->oldest[list]);
        }
    }
    ft_mem_free(t->bucket);
    memset(t, 0, sizeof *t);
}

/* Drops one for want of room; its account goes on in that of all. */
static void evict(struct ft__exporters *t, struct ft__exporter *e)
{
    t->gone.lost += e->h.lost;
    t->gone.reordered += e->h.reordered;
    t->gone.duplicates += e->h.duplicates;
    t->gone.resets += e->h.resets;
    drop_exporter(t, e);
    t->evicted++;
}

bool ft__exporters_drop_probation(struct ft__exporters *t, const struct ft__exporter *keep)
{
    struct ft__exporter *e = t->oldest[0];

    if (e == keep && e != NULL) {
        e = e->newer;
    }
    if (e == NULL) {
        return false;
    }
    evict(t, e);
    return true;
}

static struct ft__exporter *make_exporter(struct ft__exporters *t,
                                          const struct ft_exporter_info *key, uint64_t hash,
                                          int64_t now_ns)
{
    struct ft__exporter **bucket = &t->bucket[hash & (t->n_buckets - 1)];
    struct ft__exporter *e;

    if (t->n >= t->max) {
        evict(t, t->oldest[0] != NULL ? t->oldest[0] : t->oldest[1]);
    }
    e = ft_mem_alloc(1, sizeof *e);
    if (e == NULL) {
        return NULL;
    }
    e->info = *key;
    write_address(e->info.text, key->ip_version, key->addr);
    write_address(e->info.agent_text, key->agent_version, key->agent);
    e->init_ns = INT64_MIN;
    e->h.exporter = &e->info;
    e->h.first_ns = now_ns;
    e->h.export_ns = INT64_MIN;
    e->seq.unit = key->protocol == FT_XP_NETFLOW_V1 ? FT_SEQUENCE_NONE
                  : key->protocol == FT_XP_NETFLOW_V9 || key->protocol == FT_XP_SFLOW_V5
                      ? FT_SEQUENCE_MESSAGES
                      : FT_SEQUENCE_RECORDS;
    e->chain = *bucket;
    *bucket = e;
    t->n++;
    list_push(t, e);
    return e;
}

struct ft__exporter *ft__exporter_find(struct ft__exporters *t, const struct ft_exporter_info *key,
                                       int64_t now_ns)
{
    struct ft__exporter *e = t->last;

    if (e == NULL || !same_key(&e->info, key)) {
        uint64_t hash = hash_key(t, key);

        for (e = t->bucket[hash & (t->n_buckets - 1)]; e != NULL; e = e->chain) {
            if (same_key(&e->info, key)) {
                break;
            }
        }
        if (e == NULL) {
            e = make_exporter(t, key, hash, now_ns);
            if (e == NULL) {
                return NULL;
            }
        }
        t->last = e;
    }
    bool proves = !e->proven && now_ns - e->h.first_ns >= probation_ns;

    if (proves || t->newest[e->proven] != e) {
        list_remove(t, e);
        e->proven |= proves;
        list_push(t, e);
    }
    e->h.last_ns = now_ns;
    return e;
}

/* ---- templates ---- */

/* Index of the first template whose id is not below. */
static uint32_t lower(const struct ft__exporter *e, uint16_t id)
{
    uint32_t lo = 0, hi = e->n_templates;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (e->templates[mid].id < id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

struct ft__template *ft__exporter_template(struct ft__exporter *e, uint16_t id)
{
    uint32_t i = e->last_template;

    if (i >= e->n_templates || e->templates[i].id != id) {
        i = lower(e, id);
        if (i == e->n_templates || e->templates[i].id != id) {
            return NULL;
        }
        e->last_template = i;
    }
    return &e->templates[i];
}

static int grow(struct ft__exporter *e, uint32_t max)
{
    uint32_t cap = e->cap_templates == 0 ? 4 : e->cap_templates * 2;
    struct ft__template *more;

    if (e->n_templates < e->cap_templates) {
        return FT_OK;
    }
    if (e->n_templates >= max) {
        return FT_E_FULL;
    }
    more = ft_mem_alloc(cap, sizeof *more);
    if (more == NULL) {
        return FT_E_NOMEM;
    }
    if (e->n_templates > 0) {
        memcpy(more, e->templates, e->n_templates * sizeof *more);
    }
    ft_mem_free(e->templates);
    e->templates = more;
    e->cap_templates = cap;
    return FT_OK;
}

int ft__exporter_set(struct ft__exporter *e, uint16_t id, struct ft__xplan *plan, int64_t now_ns,
                     uint32_t max, struct ft__xplan **out_before)
{
    struct ft__template *t = ft__exporter_template(e, id);

    *out_before = NULL;
    if (t == NULL) {
        int rc = grow(e, max);

        if (rc != FT_OK) {
            return rc;
        }
        uint32_t i = lower(e, id);

        memmove(&e->templates[i + 1], &e->templates[i], (e->n_templates - i) * sizeof *t);
        e->n_templates++;
        e->h.templates = e->n_templates;
        t = &e->templates[i];
        t->id = id;
    } else {
        *out_before = t->plan;
    }
    t->plan = plan;
    t->options = plan->options;
    t->seen_ns = now_ns;
    return FT_OK;
}

struct ft__xplan *ft__exporter_unset(struct ft__exporter *e, uint32_t i)
{
    struct ft__xplan *plan = e->templates[i].plan;

    memmove(&e->templates[i], &e->templates[i + 1],
            (e->n_templates - i - 1) * sizeof *e->templates);
    e->n_templates--;
    e->h.templates = e->n_templates;
    return plan;
}

/* ---- sampling ---- */

uint32_t ft__exporter_sampler(const struct ft__exporter *e, uint64_t id)
{
    for (uint32_t i = 0; i < e->n_samplers; i++) {
        if (e->samplers[i].id == id) {
            return e->samplers[i].rate;
        }
    }
    return 0;
}

int ft__exporter_set_sampler(struct ft__exporter *e, uint64_t id, uint32_t rate)
{
    for (uint32_t i = 0; i < e->n_samplers; i++) {
        if (e->samplers[i].id == id) {
            e->samplers[i].rate = rate;
            return FT_OK;
        }
    }
    if (e->n_samplers == FT__SAMPLERS_MAX) {
        return FT_E_FULL;
    }
    if ((e->n_samplers & (e->n_samplers - 1)) == 0) { /* 0, 1, 2, 4, ...: it is full */
        uint32_t cap = e->n_samplers == 0 ? 1 : e->n_samplers * 2;
        struct ft__sampler *more = ft_mem_alloc(cap, sizeof *more);

        if (more == NULL) {
            return FT_E_NOMEM;
        }
        if (e->n_samplers > 0) {
            memcpy(more, e->samplers, e->n_samplers * sizeof *more);
        }
        ft_mem_free(e->samplers);
        e->samplers = more;
    }
    e->samplers[e->n_samplers++] = (struct ft__sampler){.id = id, .rate = rate};
    return FT_OK;
}
