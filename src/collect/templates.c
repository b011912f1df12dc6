/* SPDX-License-Identifier: Apache-2.0 */
/* collect: template sets: definitions, withdrawals, and room for them. */
#include "collect/internal.h"

enum { ROOM_TRIES = 16, ROOM_TEMPLATES = 128 };

static void tell_change(struct ft_collector *c, uint16_t id, enum ft_template_change_kind kind,
                        const struct ft__template_plan *now, const struct ft__template_plan *before)
{
    const struct ft__template_plan *plan = now != NULL ? now : before;
    struct ft_template_change t = {
        .exporter = &c->exporter->info,
        .timestamp_ns = c->now_ns,
        .template_id = id,
        .kind = (uint8_t)kind,
        .options = plan->options,
        .n_scope = plan->n_scope,
        .n_fields = plan->n_fields,
        .fields = plan->fields,
    };

    if (kind == FT_TEMPLATE_CHANGED) {
        t.before = before->fields;
        t.n_before = before->n_fields;
    }
    c->ops.template_change(c->cookie, &t);
}

void ft__template_remove(struct ft_collector *c, struct ft__template *t,
                         enum ft_template_change_kind kind)
{
    uint16_t id = t->id;
    struct ft__template_plan *plan = ft__exporter_unset(&c->exporters, c->exporter, t);

    tell_change(c, id, kind, NULL, plan);
    ft__template_plan_put(&c->plans, plan);
}

/* All templates of a kind; a walk only when there are some. */
static void withdraw_all(struct ft_collector *c, bool options)
{
    struct ft__exporter *e = c->exporter;

    if ((options ? e->n_options : e->n_templates - e->n_options) == 0) {
        return;
    }
    for (uint32_t i = e->n_templates; i-- > 0;) { /* the last one takes the place */
        if (e->templates[i].plan->options == options) {
            ft__template_remove(c, &e->templates[i], FT_TEMPLATE_WITHDRAWN);
        }
    }
}

/* RFC 7011 §8.1: over UDP a withdrawal is not to be sent and is not followed. id 2 and 3 mean all.
 */
static void withdraw(struct ft_collector *c, const struct ft_nf_template *t)
{
    struct ft__template *known;

    if (!c->stream) {
        ft__collect_fault(c, FT_V_EXPORT_TEMPLATE);
        return;
    }
    if (t->id < FT_NF_DATA_MIN) {
        withdraw_all(c, t->options);
        return;
    }
    known = ft__exporter_template(c->exporter, t->id);
    if (known != NULL) {
        ft__template_remove(c, known, FT_TEMPLATE_WITHDRAWN);
    }
}

/* Makes room when an exporter has as many templates as it may: the one not sent longest goes. */
static void drop_oldest_template(struct ft_collector *c)
{
    struct ft__template *t = ft__exporter_oldest_template(c->exporter);

    if (t != NULL) {
        ft__template_remove(c, t, FT_TEMPLATE_EXPIRED);
    }
}

/* The source gives up templates: of the exporter that sent none for longest, those that it has not
 * sent longest. False: it has none. */
static bool drop_templates_of(struct ft_collector *c, struct ft__origin *s)
{
    struct ft__exporter *e = c->exporter;
    bool some = s->with_templates.n > 0;

    for (uint32_t i = 0; i < ROOM_TEMPLATES && s->with_templates.n > 0; i++) {
        c->exporter = s->with_templates.oldest;
        drop_oldest_template(c);
    }
    c->exporter = e;
    return some;
}

/* Makes room when all exporters have as many templates as they may together, in the order in which
 * exporters give way (exporter.h); hard: templates go, not only exporters, which may have none.
 * False: nobody has any. */
static bool make_room(struct ft_collector *c, bool hard)
{
    struct ft__exporters *t = &c->exporters;
    struct ft__origin *most = ft__origins_most(&t->origins, FT__SHARE_TEMPLATES);
    struct ft__origin *own = c->exporter->origin;
    bool over = most != NULL && most->held[FT__SHARE_TEMPLATES] > FT__TEMPLATES_SHARE;

    if (own->held[FT__SHARE_TEMPLATES] > FT__TEMPLATES_SHARE) { /* nobody else goes for it */
        return (!hard && ft__exporters_drop_new(t, own, c->exporter)) || drop_templates_of(c, own);
    }
    if (!hard && over && ft__exporters_drop_new(t, most, c->exporter)) {
        return true;
    }
    if (!hard && t->all[0].n > t->few &&
        ft__exporters_drop_holder(t, FT__IN_HOLDS_TEMPLATES, c->exporter)) {
        return true;
    }
    if (over) {
        return drop_templates_of(c, most);
    }
    return ft__exporters_drop_holder(t, FT__IN_HOLDS_TEMPLATES, c->exporter) ||
           (most != NULL && drop_templates_of(c, most));
}

static int get_plan(struct ft_collector *c, const struct ft_nf_message *m,
                    const struct ft_nf_template *t, struct ft__template_plan **out)
{
    int rc = FT_E_FULL;

    for (int tries = 0; tries < ROOM_TRIES && rc == FT_E_FULL; tries++) {
        struct ft_nf_template copy = *t;

        rc = ft__template_plan_get(&c->plans, &c->exporter->origin->types, m, &copy, out);
        if (rc == FT_E_FULL && !make_room(c, tries >= ROOM_TRIES / 2)) {
            return rc;
        }
    }
    return rc;
}

/* A use of plan is taken over. */
static void set_template(struct ft_collector *c, uint16_t id, struct ft__template_plan *plan)
{
    struct ft__exporter *e = c->exporter;
    bool known = ft__exporter_template(e, id) != NULL;
    struct ft__template_plan *before;

    if (!known && e->n_templates >= c->limits.templates) {
        drop_oldest_template(c);
    }
    for (int tries = 0; !known && tries < ROOM_TRIES && c->exporters.templates >= FT__TEMPLATES_ALL;
         tries++) {
        if (!make_room(c, tries >= ROOM_TRIES / 2)) {
            break;
        }
    }
    if ((!known && c->exporters.templates >= FT__TEMPLATES_ALL) ||
        ft__exporter_set(&c->exporters, e, id, plan, c->now_ns, c->limits.templates, &before) !=
            FT_OK) {
        ft__template_plan_put(&c->plans, plan);
        ft__collect_fault(c, FT_V_EXPORT_TEMPLATE);
        return;
    }
    c->stats.templates++;
    if (before == NULL) {
        tell_change(c, id, FT_TEMPLATE_LEARNT, plan, NULL);
    } else if (!ft__template_plan_equal(before, plan)) { /* the plan may be new for other reasons */
        tell_change(c, id, FT_TEMPLATE_CHANGED, plan, before);
    }
    ft__template_plan_put(&c->plans, before);
    ft__waiting_take(c, id);
}

/* The definition that its exporter has replaced by one that cannot be used: data is no more read by
 * a layout that is over, but waits for another one. */
static void end_definition(struct ft_collector *c, uint16_t id)
{
    struct ft__template *known = ft__exporter_template(c->exporter, id);

    if (known != NULL) {
        ft__template_remove(c, known, FT_TEMPLATE_WITHDRAWN);
    }
}

/* Whether what can be read of a cut definition is another layout than the one that is known: as it
 * may be the same one, or no definition at all, it must say so. */
static bool contradicts(const struct ft_nf_message *m, struct ft_nf_template *t,
                        const struct ft__template_plan *plan)
{
    bool some = ft_rd_left(&t->fields) > 0;
    struct ft_template_field f;

    if (some && (t->options != plan->options || t->n_fields != plan->n_fields ||
                 t->n_scope != plan->n_scope)) {
        return true;
    }
    for (uint32_t i = 0; i < t->n_fields && ft_rd_left(&t->fields) > 0; i++) {
        const struct ft_template_field *g = &plan->fields[i];

        ft_nf_next_field(m, t, i, &f);
        if (f.pen != g->pen || f.id != g->id || f.len != g->len || f.scope != g->scope) {
            return true;
        }
    }
    return false;
}

/* A definition that could not be read. */
static void note_unreadable(struct ft_collector *c, const struct ft_nf_message *m,
                            struct ft_nf_template *t)
{
    const struct ft__template *known =
        t->id >= FT_NF_DATA_MIN ? ft__exporter_template(c->exporter, t->id) : NULL;

    if (known != NULL && (t->invalid || contradicts(m, t, known->plan))) {
        end_definition(c, t->id);
    }
}

void ft__templates_take(struct ft_collector *c, struct ft_nf_message *m, struct ft_nf_set *set)
{
    struct ft_nf_template t;
    struct ft__template_plan *plan;
    enum ft_verdict v;

    while ((v = ft_nf_next_template(m, set, &t)) == FT_V_DECODED) {
        if (t.n_fields == 0) {
            withdraw(c, &t);
        } else if (get_plan(c, m, &t, &plan) != FT_OK) {
            ft__collect_fault(c, FT_V_EXPORT_TEMPLATE);
            end_definition(c, t.id);
        } else {
            set_template(c, t.id, plan);
        }
    }
    if (v != FT_V__COUNT) {
        note_unreadable(c, m, &t);
    }
    if (v != FT_V__COUNT && !c->set_cut) {
        ft__collect_fault(c, v);
    }
}
