/* SPDX-License-Identifier: Apache-2.0 */
/* collect: the table of exporters, see exporter.h. */
#include "collect/exporter.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"
#include "collect/names.h"
#include "collect/protocol.h"

enum { BUCKETS_MIN = 256, SHARE = 16, FEW = 256 }; /* of the table: a sixteenth, a 256th */

static const int64_t probation_ns = 1000000000, silent_ns = (int64_t)1800 * 1000000000;

int ft__exporters_init(struct ft__exporters *t, const struct ft_hash_seed *seed, uint32_t max,
                       struct ft__template_plans *plans)
{
    memset(t, 0, sizeof *t);
    t->seed = *seed;
    t->max = max;
    t->share = max >= SHARE ? max / SHARE : 1;
    t->few = max >= FEW ? max / FEW : 1;
    t->plans = plans;
    t->n_buckets = BUCKETS_MIN;
    while (t->n_buckets < max && t->n_buckets < 1u << 24) {
        t->n_buckets *= 2;
    }
    t->bucket = ft_mem_alloc(t->n_buckets, sizeof(struct ft__exporter *));
    t->agent = ft_mem_alloc(t->n_buckets, sizeof *t->agent);
    return t->bucket != NULL && t->agent != NULL ? ft__origins_init(&t->origins, seed, max)
                                                 : FT_E_NOMEM;
}

/* ---- lists, newest first ---- */

void ft__list_remove(struct ft__list *list, struct ft__exporter *e, enum ft__listed in)
{
    struct ft__link *l = &e->link[in];

    if (l->newer != NULL) {
        l->newer->link[in].older = l->older;
    } else {
        list->newest = l->older;
    }
    if (l->older != NULL) {
        l->older->link[in].newer = l->newer;
    } else {
        list->oldest = l->newer;
    }
    list->n--;
}

void ft__list_push(struct ft__list *list, struct ft__exporter *e, enum ft__listed in)
{
    struct ft__link *l = &e->link[in];

    l->newer = NULL;
    l->older = list->newest;
    if (l->older != NULL) {
        l->older->link[in].newer = e;
    } else {
        list->oldest = e;
    }
    list->newest = e;
    list->n++;
}

/* Out of the lists of its class, or into them as the newest. */
static void leave_class(struct ft__exporters *t, struct ft__exporter *e)
{
    ft__list_remove(&t->all[e->proven], e, FT__IN_ALL);
    ft__list_remove(&e->origin->exporters[e->proven], e, FT__IN_ORIGIN);
}

static void join_class(struct ft__exporters *t, struct ft__exporter *e)
{
    ft__list_push(&t->all[e->proven], e, FT__IN_ALL);
    ft__list_push(&e->origin->exporters[e->proven], e, FT__IN_ORIGIN);
}

void ft__exporter_holds(struct ft__exporters *t, struct ft__exporter *e)
{
    const bool some[] = {ft__names_count(e->names) > 0, e->waiting_bytes > 0, e->n_pools > 0,
                         e->n_templates > 0};

    for (uint8_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        uint8_t bit = (uint8_t)(1u << i);
        bool in = some[i] && !e->proven;

        if (in == ((e->holds & bit) != 0)) {
            continue;
        }
        e->holds ^= bit;
        (in ? ft__list_push : ft__list_remove)(&t->holds[i], e, FT__IN_HOLDS + i);
    }
}

/* It is heard. */
static void refresh(struct ft__exporters *t, struct ft__exporter *e, int64_t now_ns)
{
    bool proves = !e->proven && now_ns - e->h.first_ns >= probation_ns;

    if (proves || t->all[e->proven].newest != e) {
        leave_class(t, e);
        e->proven |= proves;
        join_class(t, e);
    }
    if (proves) {
        ft__list_push(&t->proof, e, FT__IN_PROOF);
        ft__exporter_holds(t, e);
    }
    e->h.last_ns = now_ns;
}

static struct ft__list *session_list(struct ft__exporters *t, const struct ft__exporter *e)
{
    return &t->session[e->session % FT__SESSIONS];
}

void ft__exporter_of_session(struct ft__exporters *t, struct ft__exporter *e, uint32_t session)
{
    if (e->session != session) {
        ft__list_remove(session_list(t, e), e, FT__IN_SESSION);
        e->session = session;
        ft__list_push(session_list(t, e), e, FT__IN_SESSION);
    }
}

/* ---- the account ---- */

static uint64_t take_over(uint64_t now, uint64_t *told)
{
    uint64_t change = now - *told; /* modular: late messages take off what was lost */

    *told = now;
    return change;
}

void ft__exporter_account(struct ft__exporters *t, struct ft__exporter *e)
{
    t->sum.lost += take_over(e->h.lost, &e->told.lost);
    t->sum.reordered += take_over(e->h.reordered, &e->told.reordered);
    t->sum.duplicates += take_over(e->h.duplicates, &e->told.duplicates);
    t->sum.resets += take_over(e->h.resets, &e->told.resets);
}

/* ---- forgetting ---- */

static uint64_t hash_key(const struct ft__exporters *t, const struct ft_exporter_info *k)
{
    uint64_t h = ft_hash_16(&t->seed, ft_load_u64(k->addr), ft_load_u64(k->addr + 8));

    h = ft_hash_16(&t->seed, h ^ (uint64_t)k->stream,
                   (uint64_t)k->domain_id << 32 | (uint64_t)k->port << 16 |
                       (uint64_t)k->protocol << 8 | k->ip_version);
    if (k->agent_version != 0) {
        h = ft_hash_16(&t->seed, h ^ ft_load_u64(k->agent), ft_load_u64(k->agent + 8));
    }
    return h;
}

static void free_exporter(struct ft__exporters *t, struct ft__exporter *e)
{
    uint32_t names = ft__names_count(e->names);

    ft__exporter_give_up(t, e);
    while (e->n_templates > 0) {
        ft__template_plan_put(t->plans,
                              ft__exporter_unset(t, e, &e->templates[e->n_templates - 1]));
    }
    e->proven = true; /* no longer of those that make room */
    ft__exporter_holds(t, e);
    t->names -= names;
    e->origin->names -= names;
    t->pools -= e->n_pools;
    e->origin->pools -= e->n_pools;
    ft_mem_free(e->templates);
    ft__rates_fini(&e->rates);
    ft_mem_free(e->pools);
    ft_mem_free(e->waiting);
    ft__names_free(e->names);
    ft__origin_hold(&t->origins, e->origin, FT__SHARE_EXPORTERS, -1);
    if (e->origin->held[FT__SHARE_EXPORTERS] == 0) {
        ft__types_forget(t->plans, &e->origin->types);
        ft__origin_drop(&t->origins, e->origin);
    }
    ft_mem_free(e);
}

static void drop_exporter(struct ft__exporters *t, struct ft__exporter *e)
{
    struct ft__exporter **at = &t->bucket[hash_key(t, &e->info) & (t->n_buckets - 1)];

    while (*at != e) {
        at = &(*at)->chain;
    }
    *at = e->chain;
    ft__agent_leave(t, e);
    leave_class(t, e);
    if (e->proven) {
        ft__list_remove(&t->proof, e, FT__IN_PROOF);
    }
    if (e->info.stream) {
        ft__list_remove(session_list(t, e), e, FT__IN_SESSION);
    }
    t->n--;
    if (t->last == e) {
        t->last = NULL;
    }
    free_exporter(t, e);
}

void ft__exporter_end(struct ft__exporters *t, struct ft__exporter *e)
{
    ft__exporter_account(t, e);
    drop_exporter(t, e);
}

void ft__exporters_fini(struct ft__exporters *t)
{
    for (int list = 0; list < 2 && t->agent != NULL; list++) {
        while (t->all[list].oldest != NULL) {
            drop_exporter(t, t->all[list].oldest);
        }
    }
    ft_mem_free(t->bucket);
    ft_mem_free(t->agent);
    ft__origins_fini(&t->origins);
    memset(t, 0, sizeof *t);
}

static void evict(struct ft__exporters *t, struct ft__exporter *e)
{
    ft__exporter_end(t, e);
    t->evicted++;
}

static bool drop_oldest(struct ft__exporters *t, const struct ft__list *list, enum ft__listed in,
                        const struct ft__exporter *keep)
{
    struct ft__exporter *e = list->oldest;

    if (e == keep && e != NULL) {
        e = e->link[in].newer;
    }
    if (e == NULL) {
        return false;
    }
    evict(t, e);
    return true;
}

bool ft__exporters_drop_new(struct ft__exporters *t, const struct ft__origin *of,
                            const struct ft__exporter *keep)
{
    return drop_oldest(t, &of->exporters[0], FT__IN_ORIGIN, keep);
}

bool ft__exporters_drop_holder(struct ft__exporters *t, enum ft__listed what,
                               const struct ft__exporter *keep)
{
    return drop_oldest(t, &t->holds[what - FT__IN_HOLDS], what, keep);
}

/* Who goes when the table is full: see the head of exporter.h. */
static struct ft__exporter *victim(const struct ft__exporters *t, const struct ft__origin *own,
                                   int64_t now_ns)
{
    const struct ft__origin *most = ft__origins_most(&t->origins, FT__SHARE_EXPORTERS);
    bool over = most->held[FT__SHARE_EXPORTERS] > t->share;

    if (own != NULL && own->held[FT__SHARE_EXPORTERS] > t->share) {
        return own->exporters[own->exporters[0].n == 0].oldest;
    }
    if (over && most->exporters[0].n > 0) {
        return most->exporters[0].oldest;
    }
    if (t->all[0].n > t->few) {
        return t->all[0].oldest;
    }
    if (over) {
        return most->exporters[1].oldest;
    }
    if (t->all[0].n > 0) {
        return t->all[0].oldest;
    }
    return now_ns - t->all[1].oldest->h.last_ns > silent_ns ? t->all[1].oldest : t->proof.newest;
}

/* ---- finding ---- */

static bool same_key(const struct ft_exporter_info *a, const struct ft_exporter_info *b)
{
    return a->domain_id == b->domain_id && a->port == b->port && a->protocol == b->protocol &&
           a->ip_version == b->ip_version && a->agent_version == b->agent_version &&
           a->stream == b->stream && memcmp(a->addr, b->addr, sizeof a->addr) == 0 &&
           memcmp(a->agent, b->agent, sizeof a->agent) == 0;
}

static void write_address(char out[48], uint8_t version, const uint8_t *addr)
{
    if (version == 0 || inet_ntop(version == 4 ? AF_INET : AF_INET6, addr, out, 48) == NULL) {
        out[0] = '\0';
    }
}

static void set_up(struct ft__exporter *e, const struct ft_exporter_info *key, uint64_t hash,
                   int64_t now_ns)
{
    e->info = *key;
    write_address(e->info.text, key->ip_version, key->addr);
    write_address(e->info.agent_text, key->agent_version, key->agent);
    e->salt = hash;
    e->init_ns = INT64_MIN;
    e->h.exporter = &e->info;
    e->h.first_ns = now_ns;
    e->h.export_ns = INT64_MIN;
    e->seq.unit = ft__protocols[key->protocol].unit;
}

static struct ft__exporter *make_exporter(struct ft__exporters *t,
                                          const struct ft_exporter_info *key, uint64_t hash,
                                          bool trusted, int64_t now_ns)
{
    struct ft__exporter **bucket = &t->bucket[hash & (t->n_buckets - 1)];
    struct ft__origin *origin;
    struct ft__exporter *e;

    if (t->n >= t->max) {
        evict(t, victim(t, ft__origin_known(&t->origins, key->ip_version, key->addr), now_ns));
    }
    e = ft_mem_alloc(1, sizeof *e);
    origin = e != NULL ? ft__origin_find(&t->origins, key->ip_version, key->addr) : NULL;
    if (origin == NULL) {
        ft_mem_free(e);
        return NULL;
    }
    set_up(e, key, hash, now_ns);
    e->origin = origin;
    e->proven = trusted;
    ft__origin_hold(&t->origins, origin, FT__SHARE_EXPORTERS, 1);
    e->chain = *bucket;
    *bucket = e;
    t->n++;
    join_class(t, e);
    ft__agent_join(t, e);
    if (trusted) {
        ft__list_push(&t->proof, e, FT__IN_PROOF);
    }
    if (key->stream) {
        ft__list_push(session_list(t, e), e, FT__IN_SESSION);
    }
    return e;
}

struct ft__exporter *ft__exporter_find(struct ft__exporters *t, const struct ft_exporter_info *key,
                                       bool trusted, int64_t now_ns)
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
            e = make_exporter(t, key, hash, trusted, now_ns);
            if (e == NULL) {
                return NULL;
            }
        }
        t->last = e;
    }
    refresh(t, e, now_ns);
    return e;
}
