/* SPDX-License-Identifier: Apache-2.0 */
/* collect: what is known of an exporter: templates, sets that wait for one.
 *
 * Theory of operation: templates lie in an array without holes. They are found by a hash of their
 * id, which is salted, since the exporter chooses ids, and stand in the order in which they were
 * sent, so that the oldest is known at once. Buckets and that order are linked by numbers. */
#include <string.h>

#include "base/mem.h"
#include "collect/exporter.h"

enum { TEMPLATES_MIN = 4 };

static uint32_t hash_id(const struct ft__exporter *e, uint16_t id)
{
    return (uint32_t)(ft_hash_fold(e->salt ^ id, e->salt >> 7 | 1) >> 16);
}

/* ---- templates ---- */

static uint16_t *buckets_of(struct ft__template *templates, uint32_t cap)
{
    return (uint16_t *)(void *)(templates + cap);
}

static uint16_t *bucket_of(struct ft__exporter *e, uint16_t id)
{
    return &buckets_of(e->templates, e->cap_templates)[hash_id(e, id) & (e->cap_templates - 1)];
}

static struct ft__template *by_number(struct ft__exporter *e, uint16_t number)
{
    return number != 0 ? &e->templates[number - 1] : NULL;
}

static uint16_t number_of(const struct ft__exporter *e, const struct ft__template *t)
{
    return (uint16_t)(t - e->templates + 1);
}

struct ft__template *ft__exporter_template(struct ft__exporter *e, uint16_t id)
{
    uint32_t i = e->last_template;
    struct ft__template *t;

    if (i < e->n_templates && e->templates[i].id == id) {
        return &e->templates[i];
    }
    if (e->n_templates == 0) {
        return NULL;
    }
    t = by_number(e, *bucket_of(e, id));
    while (t != NULL && t->id != id) {
        t = by_number(e, t->chain);
    }
    if (t != NULL) {
        e->last_template = (uint32_t)(t - e->templates);
    }
    return t;
}

struct ft__template *ft__exporter_oldest_template(struct ft__exporter *e)
{
    return by_number(e, e->oldest_template);
}

static void link_newest(struct ft__exporter *e, struct ft__template *t)
{
    uint16_t number = number_of(e, t);

    t->newer = 0;
    t->older = e->newest_template;
    if (t->older != 0) {
        by_number(e, t->older)->newer = number;
    } else {
        e->oldest_template = number;
    }
    e->newest_template = number;
}

/* Those beside t, and the ends, point to number instead of to each other (0), or to t. */
static void relink(struct ft__exporter *e, const struct ft__template *t, uint16_t number)
{
    if (t->newer != 0) {
        by_number(e, t->newer)->older = number != 0 ? number : t->older;
    } else {
        e->newest_template = number != 0 ? number : t->older;
    }
    if (t->older != 0) {
        by_number(e, t->older)->newer = number != 0 ? number : t->newer;
    } else {
        e->oldest_template = number != 0 ? number : t->newer;
    }
}

/* The link of its bucket that points to t. */
static uint16_t *link_to(struct ft__exporter *e, const struct ft__template *t)
{
    uint16_t *link = bucket_of(e, t->id), number = number_of(e, t);

    while (*link != number) {
        link = &by_number(e, *link)->chain;
    }
    return link;
}

static int grow(struct ft__exporter *e, uint32_t max)
{
    uint32_t cap = e->cap_templates == 0 ? TEMPLATES_MIN : e->cap_templates * 2;
    struct ft__template *more;

    if (e->n_templates >= max) {
        return FT_E_FULL;
    }
    if (e->n_templates < e->cap_templates) {
        return FT_OK;
    }
    more = ft_mem_alloc(cap, sizeof *more + sizeof(uint16_t));
    if (more == NULL) {
        return FT_E_NOMEM;
    }
    if (e->n_templates > 0) {
        memcpy(more, e->templates, e->n_templates * sizeof *more);
    }
    ft_mem_free(e->templates);
    e->templates = more;
    e->cap_templates = cap;
    for (uint32_t i = 0; i < e->n_templates; i++) {
        uint16_t *bucket = bucket_of(e, more[i].id);

        more[i].chain = *bucket;
        *bucket = (uint16_t)(i + 1);
    }
    return FT_OK;
}

static struct ft__template *add_template(struct ft__exporters *t, struct ft__exporter *e,
                                         uint16_t id)
{
    struct ft__template *n = &e->templates[e->n_templates++];
    uint16_t *bucket = bucket_of(e, id);

    *n = (struct ft__template){.id = id, .chain = *bucket};
    *bucket = number_of(e, n);
    e->h.templates = e->n_templates;
    t->templates++;
    link_newest(e, n);
    return n;
}

/* What it counts for its source: a plan that several use, for each of them a part. */
static void charge(struct ft__exporters *t, struct ft__exporter *e, struct ft__template *n,
                   uint32_t bytes)
{
    int64_t change = (int64_t)bytes - n->charge;

    n->charge = bytes;
    if (change != 0) {
        ft__origin_hold(&t->origins, e->origin, FT__SHARE_TEMPLATES, change);
    }
}

/* Its source's list of those with templates, after a change. */
static void list_by_templates(struct ft__exporter *e, bool was_in)
{
    struct ft__list *list = &e->origin->with_templates;

    if (was_in && list->newest == e && e->n_templates > 0) {
        return;
    }
    if (was_in) {
        ft__list_remove(list, e, FT__IN_TEMPLATES);
    }
    if (e->n_templates > 0) {
        ft__list_push(list, e, FT__IN_TEMPLATES);
    }
}

int ft__exporter_set(struct ft__exporters *t, struct ft__exporter *e, uint16_t id,
                     struct ft__template_plan *plan, int64_t now_ns, uint32_t max,
                     struct ft__template_plan **out_before)
{
    struct ft__template *n = ft__exporter_template(e, id);
    bool was_in = e->n_templates > 0;

    if (n == NULL) {
        int rc = grow(e, max);

        if (rc != FT_OK) {
            return rc;
        }
        n = add_template(t, e, id);
    } else if (e->newest_template != number_of(e, n)) {
        relink(e, n, 0);
        link_newest(e, n);
    }
    *out_before = n->plan;
    e->n_options += plan->options - (n->plan != NULL && n->plan->options);
    n->plan = plan;
    n->seen_ns = now_ns;
    n->epoch = e->epoch;
    charge(t, e, n, (uint32_t)(sizeof *n + plan->bytes / plan->users));
    list_by_templates(e, was_in);
    ft__exporter_holds(t, e);
    return FT_OK;
}

struct ft__template_plan *ft__exporter_unset(struct ft__exporters *t, struct ft__exporter *e,
                                             struct ft__template *n)
{
    struct ft__template_plan *plan = n->plan;
    struct ft__template *last = &e->templates[e->n_templates - 1];

    charge(t, e, n, 0);
    *link_to(e, n) = n->chain;
    relink(e, n, 0);
    if (last != n) { /* it takes the place */
        *link_to(e, last) = number_of(e, n);
        relink(e, last, number_of(e, n));
        *n = *last;
    }
    e->n_templates--;
    e->n_options -= plan->options;
    e->h.templates = e->n_templates;
    t->templates--;
    if (e->n_templates == 0) {
        ft__list_remove(&e->origin->with_templates, e, FT__IN_TEMPLATES);
        ft__exporter_holds(t, e);
    }
    return plan;
}

/* ---- sets that wait ---- */

int ft__exporter_hold(struct ft__exporters *t, struct ft__exporter *e, struct ft__waiting *w,
                      uint32_t cost)
{
    uint32_t i = hash_id(e, w->template_id) % FT__WAITING_LISTS;

    if (e->waiting == NULL) {
        e->waiting = ft_mem_alloc(1, sizeof *e->waiting);
        if (e->waiting == NULL) {
            return FT_E_NOMEM;
        }
    }
    w->next = NULL;
    w->cost = cost;
    *(e->waiting->first[i] != NULL ? &e->waiting->last[i]->next : &e->waiting->first[i]) = w;
    e->waiting->last[i] = w;
    e->waiting_bytes += cost;
    e->origin->waiting += cost;
    t->waiting += cost;
    e->h.waiting = e->waiting_bytes;
    ft__exporter_holds(t, e);
    return FT_OK;
}

/* Takes the one after before (NULL: the first) out of list i. */
static struct ft__waiting *take_out(struct ft__exporters *t, struct ft__exporter *e, uint32_t i,
                                    struct ft__waiting *before)
{
    struct ft__waiting **at = before != NULL ? &before->next : &e->waiting->first[i];
    struct ft__waiting *w = *at;

    *at = w->next;
    if (w->next == NULL) {
        e->waiting->last[i] = before;
    }
    e->waiting_bytes -= w->cost;
    e->origin->waiting -= w->cost;
    t->waiting -= w->cost;
    e->h.waiting = e->waiting_bytes;
    ft__exporter_holds(t, e);
    return w;
}

struct ft__waiting *ft__exporter_release(struct ft__exporters *t, struct ft__exporter *e,
                                         uint16_t template_id)
{
    uint32_t i = hash_id(e, template_id) % FT__WAITING_LISTS;
    struct ft__waiting *before = NULL, *w;

    if (e->waiting_bytes == 0) {
        return NULL;
    }
    for (w = e->waiting->first[i]; w != NULL && w->template_id != template_id; w = w->next) {
        before = w;
    }
    return w != NULL ? take_out(t, e, i, before) : NULL;
}

void ft__exporter_give_up(struct ft__exporters *t, struct ft__exporter *e)
{
    for (uint32_t i = 0; i < FT__WAITING_LISTS && e->waiting != NULL; i++) {
        while (e->waiting->first[i] != NULL) {
            e->h.no_template++;
            t->given_up++;
            ft_mem_free(take_out(t, e, i, NULL));
        }
    }
}
