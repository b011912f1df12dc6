/* SPDX-License-Identifier: Apache-2.0 */
/* collect: templates compiled into plans, see plan.h. */
#include "collect/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "collect/slots.h"

enum { BUCKETS = 16384, NAME_LEN = 48, NO_VALUE = 0xffff, PADDING_OCTETS = 210 };

/* CERT's own elements have their reverse ones beside them (libfixbuf), with this bit set. */
enum { CERT_PEN = 6871, CERT_REVERSE = 0x4000 };

int ft__template_plans_init(struct ft__template_plans *p, const struct ft_hash_seed *seed,
                            size_t max_bytes)
{
    memset(p, 0, sizeof *p);
    p->seed = *seed;
    p->n_buckets = BUCKETS;
    p->max_bytes = max_bytes;
    p->bucket = ft_mem_alloc(BUCKETS, sizeof *p->bucket);
    p->type_bucket = ft_mem_alloc(FT__TYPES_MAX, sizeof *p->type_bucket);
    int rc = p->bucket != NULL && p->type_bucket != NULL ? ft__builtin_plans(p) : FT_E_NOMEM;

    if (rc != FT_OK) {
        ft__template_plans_fini(p);
    }
    return rc;
}

void ft__template_plans_fini(struct ft__template_plans *p)
{
    for (uint32_t i = 0; p->bucket != NULL && i < p->n_buckets; i++) {
        while (p->bucket[i] != NULL) {
            struct ft__template_plan *next = p->bucket[i]->next;

            ft_mem_free(p->bucket[i]);
            p->bucket[i] = next;
        }
    }
    ft_mem_free(p->bucket);
    ft_mem_free(p->types);
    ft_mem_free(p->type_bucket);
    memset(p, 0, sizeof *p);
}

static uint64_t hash_fields(const struct ft__template_plans *p, uint64_t owner, uint8_t protocol,
                            bool options, uint16_t n_scope, const struct ft_template_field *f,
                            uint32_t n)
{
    uint64_t h = ft_hash_16(&p->seed, (uint64_t)protocol << 32 | (uint64_t)options << 24 | n_scope,
                            owner << 32 | n);

    for (uint32_t i = 0; i < n; i++) {
        h = ft_hash_16(&p->seed, h, (uint64_t)f[i].pen << 32 | (uint64_t)f[i].id << 16 | f[i].len);
    }
    return h;
}

static bool same_fields(const struct ft__template_plan *plan, uint8_t protocol, bool options,
                        uint16_t n_scope, const struct ft_template_field *f, uint32_t n)
{
    if (plan->protocol != protocol || plan->options != options || plan->n_scope != n_scope ||
        plan->n_fields != n) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct ft_template_field *g = &plan->fields[i];

        if (g->pen != f[i].pen || g->id != f[i].id || g->len != f[i].len ||
            g->scope != f[i].scope) {
            return false;
        }
    }
    return true;
}

bool ft__template_plan_equal(const struct ft__template_plan *a, const struct ft__template_plan *b)
{
    return same_fields(a, b->protocol, b->options, b->n_scope, b->fields, b->n_fields);
}

/* ---- compiling ---- */

/* Bytes of one record: of the shortest when some field is variable. False: not readable. */
static bool record_length(const struct ft_template_field *f, uint32_t n, uint32_t *out_len,
                          bool *out_fixed)
{
    uint32_t len = 0;

    *out_fixed = true;
    for (uint32_t i = 0; i < n; i++) {
        if (f[i].len == FT_NF_VARIABLE) { /* of v9 H3C's exporters: no datagram holds 65535 bytes */
            *out_fixed = false;
            len += 1; /* its length */
        } else {
            len += f[i].len;
        }
        if (len > FT__PLAN_RECORD_MAX) {
            return false;
        }
    }
    *out_len = len;
    return len > 0;
}

/* The name of a field that no table has, or of a reverse element, at `to`; its length. */
static int make_name(const struct ft_template_field *f, const struct ft_element *e,
                     char to[NAME_LEN])
{
    if (e != NULL) {
        return snprintf(to, NAME_LEN, "reverse_%.38s", e->name);
    }
    if (f->pen != 0) {
        return snprintf(to, NAME_LEN, "pen_%u_ie_%u", f->pen, f->id);
    }
    return snprintf(to, NAME_LEN, "ie_%u", f->id);
}

/* Sorts field numbers by element, then by place: equal ones stand together. */
struct ordered {
    uint64_t element;
    uint32_t field;
};

static int by_element(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;

    if (x->element != y->element) {
        return x->element < y->element ? -1 : 1;
    }
    return x->field < y->field ? -1 : x->field > y->field;
}

static uint16_t *type_bucket(const struct ft__template_plans *p, uint64_t owner, uint32_t pen,
                             uint16_t id)
{
    return &p->type_bucket[ft_hash_16(&p->seed, owner, (uint64_t)pen << 16 | id) % FT__TYPES_MAX];
}

static struct ft__type *find_type(const struct ft__template_plans *p, uint64_t owner, uint32_t pen,
                                  uint16_t id)
{
    for (uint16_t at = *type_bucket(p, owner, pen, id); at != 0; at = p->types[at - 1].chain) {
        struct ft__type *t = &p->types[at - 1];

        if (t->owner == owner && t->element.pen == pen && t->element.id == id) {
            return t;
        }
    }
    return NULL;
}

/* Whether a type of a source may be in a plan of these fields: the source's number, or 0. */
static uint64_t learner(const struct ft__type_share *types, const struct ft_template_field *f,
                        uint32_t n)
{
    if (types == NULL || types->owner == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (f[i].pen != 0 && !f[i].scope && ft_element_find(f[i].pen, f[i].id) == NULL) {
            return types->owner;
        }
    }
    return 0;
}

/* What an exporter says about the type of its own elements is not believed further than that it is
 * an address: who calls one a number, or calls it so anew for somebody else, makes it readable. */
static enum ft_privacy class_of(const struct ft_element *e, bool learnt)
{
    enum ft_privacy class = ft_element_privacy(e);

    return learnt && class != FT_PRIVACY_IDENTITY ? FT_PRIVACY_PAYLOAD : class;
}

static void describe(const struct ft__template_plans *p, struct ft__template_plan *plan,
                     const struct ft_template_field *f, char **names, struct ft_xvalue *v)
{
    const struct ft_element *e = f->scope ? NULL : ft_element_find(f->pen, f->id);
    const struct ft__type *t = e == NULL && f->pen != 0 && plan->owner != 0
                                   ? find_type(p, plan->owner, f->pen, f->id)
                                   : NULL;
    bool learnt = t != NULL;
    bool reverse = f->pen == FT_NF_REVERSE_PEN;

    e = learnt ? &t->element : e;
    if (e == NULL && f->pen == CERT_PEN && (f->id & CERT_REVERSE) != 0) {
        e = ft_element_find(CERT_PEN, f->id & (uint16_t)~CERT_REVERSE);
        reverse = e != NULL;
    }
    v->type = e != NULL ? e->type : FT_X_OCTETS;
    v->len = f->len;
    v->ie = f->scope ? 0 : f->id;
    v->pen = f->pen;
    v->flags |= class_of(e, learnt) != ft_xtype_privacy((enum ft_xtype)v->type) ? FT_XV_TELLING : 0;
    if (learnt && p->no_names) {
        v->key_len = (uint16_t)make_name(f, NULL, *names);
        v->key = *names;
        *names += NAME_LEN;
    } else if (learnt) { /* its name may be learnt anew: a copy */
        v->key_len = (uint16_t)snprintf(*names, NAME_LEN, "%s", e->name);
        v->key = *names;
        *names += NAME_LEN;
    } else if (e != NULL && !reverse) {
        v->key = e->name;
        v->key_len = (uint16_t)strlen(e->name);
    } else {
        v->key_len = (uint16_t)make_name(f, e, *names);
        v->key = *names;
        *names += NAME_LEN;
    }
    if (f->len != FT_NF_VARIABLE && !ft_xvalue_fits(v->type, f->len)) {
        v->flags |= FT_XV_WRONG;
    }
}

static uint64_t element_key(const struct ft_template_field *f)
{
    return (uint64_t)f->scope << 63 | (uint64_t)f->pen << 16 | f->id;
}

static bool is_padding(const struct ft_template_field *f)
{
    return f->pen == 0 && f->id == PADDING_OCTETS && !f->scope;
}

/* Gives every field that is no padding a value, in the order of the template, but the fields of one
 * element after each other. Until make_values() a value's offset is the number of its field. */
static void number_values(struct ft__template_plan *plan, struct ordered *order)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < plan->n_fields; i++) {
        order[i] = (struct ordered){element_key(&plan->fields[i]), i};
        plan->value_of[i] = NO_VALUE;
    }
    qsort(order, plan->n_fields, sizeof *order, by_element);
    for (uint32_t i = 0; i < plan->n_fields; i++) {
        struct ordered key = {element_key(&plan->fields[i]), i};
        const struct ordered *at = bsearch(&key, order, plan->n_fields, sizeof key, by_element);
        bool head = at == order || at[-1].element != key.element;

        if (!head || is_padding(&plan->fields[i])) {
            continue;
        }
        for (; at < order + plan->n_fields && at->element == key.element; at++) {
            plan->values[n++].offset = at->field;
        }
    }
    plan->n_values = (uint16_t)n;
}

/* Values and their places. names: room for NAME_LEN bytes a field. */
static void make_values(const struct ft__template_plans *p, struct ft__template_plan *plan,
                        char *names)
{
    uint32_t last = UINT32_MAX;

    for (uint32_t k = 0; k < plan->n_values; k++) {
        struct ft_xvalue *v = &plan->values[k];
        uint32_t field = v->offset;
        const struct ft_template_field *f = &plan->fields[field];

        if (last != UINT32_MAX && element_key(&plan->fields[last]) == element_key(f)) {
            struct ft_xvalue *before = v - 1;

            before->flags |= (before->flags & FT_XV_MORE) ? 0 : FT_XV_FIRST;
            *v = *before;
            v->flags = FT_XV_MORE | (before->flags & FT_XV_TELLING);
            v->len = f->len;
            if (f->len != FT_NF_VARIABLE && !ft_xvalue_fits(v->type, f->len)) {
                v->flags |= FT_XV_WRONG;
            }
        } else {
            describe(p, plan, f, &names, v);
        }
        plan->value_of[field] = (uint16_t)k;
        plan->n_wrong += (v->flags & FT_XV_WRONG) != 0;
        plan->lists |= v->type == FT_X_BASIC_LIST || v->type == FT_X_SUBTEMPLATE_LIST ||
                       v->type == FT_X_SUBTEMPLATE_MULTI_LIST;
        last = field;
    }
}

static void place_values(struct ft__template_plan *plan)
{
    uint32_t offset = 0;

    for (uint32_t i = 0; i < plan->n_fields; i++) {
        if (plan->value_of[i] != NO_VALUE) {
            plan->values[plan->value_of[i]].offset = offset;
        }
        offset += plan->fields[i].len;
    }
}

static struct ft__template_plan *allocate(uint32_t n_fields, size_t *out_bytes, char **out_names)
{
    size_t head = (sizeof(struct ft__template_plan) + 15) & ~(size_t)15;
    size_t bytes = head +
                   n_fields * (sizeof(struct ft_xvalue) + sizeof(struct ft_template_field) +
                               sizeof(struct ft_xkey) + sizeof(uint16_t) + NAME_LEN) +
                   FT__SLOT__COUNT * sizeof(struct ft__step) + 16;
    uint8_t *at = ft_mem_alloc(1, bytes);
    struct ft__template_plan *plan = (struct ft__template_plan *)(void *)at;

    if (plan == NULL) {
        return NULL;
    }
    at += head;
    plan->values = (struct ft_xvalue *)(void *)at;
    at += n_fields * sizeof *plan->values;
    plan->steps = (struct ft__step *)(void *)at;
    at += FT__SLOT__COUNT * sizeof *plan->steps;
    plan->fields = (struct ft_template_field *)(void *)at;
    at += n_fields * sizeof *plan->fields;
    plan->keys = (struct ft_xkey *)(void *)at;
    at += n_fields * sizeof *plan->keys;
    plan->value_of = (uint16_t *)(void *)at;
    at += n_fields * sizeof *plan->value_of;
    *out_names = (char *)at;
    *out_bytes = bytes;
    return plan;
}

static void prepare_keys(struct ft__template_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_values; i++) {
        const struct ft_xvalue *v = &plan->values[i];
        struct ft_xkey *k = &plan->keys[i];

        if (v->key_len + 4u <= sizeof k->text && (v->flags & (FT_XV_FIRST | FT_XV_MORE)) == 0) {
            memcpy(k->text, ",\"", 2);
            memcpy(k->text + 2, v->key, v->key_len);
            memcpy(k->text + 2 + v->key_len, "\":", 2);
            k->len = (uint8_t)(v->key_len + 4);
        }
    }
}

static int compile(const struct ft__template_plans *p, struct ft__template_plan *plan, char *names)
{
    struct ordered *order = ft_mem_alloc(plan->n_fields, sizeof *order);

    if (order == NULL) {
        return FT_E_NOMEM;
    }
    number_values(plan, order);
    ft_mem_free(order);
    make_values(p, plan, names);
    if (plan->fixed) {
        place_values(plan);
    }
    prepare_keys(plan);
    plan->text_max = ft_xvalues_room(plan->values, plan->n_values);
    ft__template_plan_steps(plan, p->outermost);
    return FT_OK;
}

static void enlist(struct ft__template_plans *p, struct ft__template_plan **bucket,
                   struct ft__template_plan *plan)
{
    plan->next = *bucket;
    plan->listed = true;
    *bucket = plan;
    p->n++;
    p->bytes += plan->bytes;
}

int ft__template_plan_make(struct ft__template_plans *p, const struct ft__type_share *types,
                           uint8_t protocol, bool options, uint16_t n_scope,
                           const struct ft_template_field *fields, uint32_t n_fields,
                           struct ft__template_plan **out)
{
    uint64_t owner = n_fields <= FT__PLAN_FIELDS_MAX ? learner(types, fields, n_fields) : 0;
    uint64_t hash = hash_fields(p, owner, protocol, options, n_scope, fields, n_fields);
    struct ft__template_plan **bucket = &p->bucket[hash % p->n_buckets], *plan;
    uint32_t record_len;
    size_t bytes;
    char *names;
    bool fixed;

    for (struct ft__template_plan **at = bucket; (plan = *at) != NULL; at = &plan->next) {
        bool stale = owner != 0 && plan->types != types->generation;

        if (plan->hash != hash || plan->owner != owner ||
            !same_fields(plan, protocol, options, n_scope, fields, n_fields)) {
            continue;
        }
        if (stale) { /* nobody finds it any more: else equal ones would pile up here */
            *at = plan->next;
            plan->listed = false;
            break;
        }
        plan->users++;
        *out = plan;
        return FT_OK;
    }
    if (n_fields > FT__PLAN_FIELDS_MAX) {
        return FT_E_RANGE;
    }
    if (!record_length(fields, n_fields, &record_len, &fixed)) {
        return FT_E_FORMAT;
    }
    if (p->bytes > p->max_bytes) {
        return FT_E_FULL;
    }
    plan = allocate(n_fields, &bytes, &names);
    if (plan == NULL) {
        return FT_E_NOMEM;
    }
    plan->hash = hash;
    plan->users = 1;
    plan->owner = owner;
    plan->types = owner != 0 ? types->generation : 0;
    plan->protocol = protocol;
    plan->options = options;
    plan->fixed = fixed;
    plan->n_fields = (uint16_t)n_fields;
    plan->n_scope = n_scope;
    plan->record_len = record_len;
    plan->bytes = bytes;
    memcpy(plan->fields, fields, n_fields * sizeof *fields);
    int rc = compile(p, plan, names);

    if (rc != FT_OK) {
        ft_mem_free(plan);
        return rc;
    }
    enlist(p, bucket, plan);
    *out = plan;
    return FT_OK;
}

int ft__template_plan_get(struct ft__template_plans *p, const struct ft__type_share *types,
                          const struct ft_nf_message *m, struct ft_nf_template *t,
                          struct ft__template_plan **out)
{
    struct ft_template_field *fields;
    int rc;

    if (t->n_fields > FT__PLAN_FIELDS_MAX) {
        return FT_E_RANGE;
    }
    fields = ft_mem_alloc(t->n_fields, sizeof *fields);
    if (fields == NULL) {
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < t->n_fields; i++) {
        ft_nf_next_field(m, t, i, &fields[i]);
    }
    rc = ft__template_plan_make(p, types, m->protocol, t->options, t->n_scope, fields, t->n_fields,
                                out);
    ft_mem_free(fields);
    return rc;
}

void ft__template_plan_put(struct ft__template_plans *p, struct ft__template_plan *plan)
{
    struct ft__template_plan **at;

    if (plan == NULL || --plan->users > 0) {
        return;
    }
    if (plan->listed) {
        at = &p->bucket[plan->hash % p->n_buckets];
        while (*at != plan) {
            at = &(*at)->next;
        }
        *at = plan->next;
    }
    p->n--;
    p->bytes -= plan->bytes;
    ft_mem_free(plan);
}

/* Letters and digits, the others and the steps from small to capital letters as '_'. */
static void snake_case(char out[FT__TYPE_NAME], const uint8_t *name, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len && name[i] != 0 && n + 2 < FT__TYPE_NAME; i++) {
        bool upper = name[i] >= 'A' && name[i] <= 'Z';
        bool word =
            upper || (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9');

        if (upper && i > 0 && name[i - 1] >= 'a' && name[i - 1] <= 'z') {
            out[n++] = '_';
        }
        out[n++] = (char)(upper ? name[i] + 32 : word ? name[i] : '_');
    }
    out[n] = '\0';
}

static int grow_types(struct ft__template_plans *p)
{
    uint32_t cap = p->cap_types == 0 ? 64 : p->cap_types * 2;
    struct ft__type *more = ft_mem_alloc(cap, sizeof *more);

    if (more == NULL) {
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < p->used_types; i++) {
        more[i] = p->types[i];
        more[i].element.name = more[i].text;
    }
    ft_mem_free(p->types);
    p->types = more;
    p->cap_types = cap;
    return FT_OK;
}

/* A place for a new type, or 0: no memory. */
static uint16_t type_place(struct ft__template_plans *p)
{
    uint16_t at = p->free_type;

    if (at != 0) {
        p->free_type = p->types[at - 1].chain;
        return at;
    }
    if (p->used_types == p->cap_types && grow_types(p) != FT_OK) {
        return 0;
    }
    return (uint16_t)++p->used_types;
}

static void set_type(struct ft__type *t, uint8_t type, const char *text)
{
    memcpy(t->text, text, FT__TYPE_NAME);
    t->element.name = t->text;
    t->element.type = type;
}

int ft__types_learn(struct ft__template_plans *p, struct ft__type_share *share, bool proven,
                    const struct ft_element *element, const uint8_t *name, size_t len)
{
    char text[FT__TYPE_NAME] = "";
    struct ft__type *t;
    uint16_t at;

    snake_case(text, name, len);
    if (element->pen == 0 || element->pen == FT_NF_REVERSE_PEN || text[0] == '\0' ||
        ft_element_find(element->pen, element->id) != NULL) {
        return FT_E_RANGE;
    }
    t = share->owner != 0 ? find_type(p, share->owner, element->pen, element->id) : NULL;
    if (t != NULL) { /* its own: nobody's else is looked at */
        if (strcmp(t->text, text) != 0 || t->element.type != element->type) {
            set_type(t, element->type, text);
            share->generation++;
        }
        return FT_OK;
    }
    if (share->n >= FT__TYPES_SHARE || p->n_types >= (proven ? FT__TYPES_MAX : FT__TYPES_NEW)) {
        return FT_E_FULL;
    }
    at = type_place(p);
    if (at == 0) {
        return FT_E_NOMEM;
    }
    share->owner = share->owner != 0 ? share->owner : ++p->owners;
    t = &p->types[at - 1];
    t->element = *element;
    t->owner = share->owner;
    set_type(t, element->type, text);
    uint16_t *bucket = type_bucket(p, t->owner, element->pen, element->id);

    t->chain = *bucket;
    *bucket = at;
    t->mate = share->first;
    share->first = at;
    share->n++;
    p->n_types++;
    share->generation++;
    return FT_OK;
}

void ft__types_forget(struct ft__template_plans *p, struct ft__type_share *share)
{
    while (share->first != 0) {
        uint16_t at = share->first;
        struct ft__type *t = &p->types[at - 1];
        uint16_t *link = type_bucket(p, t->owner, t->element.pen, t->element.id);

        while (*link != at) {
            link = &p->types[*link - 1].chain;
        }
        *link = t->chain;
        share->first = t->mate;
        t->chain = p->free_type;
        p->free_type = at;
        p->n_types--;
    }
    share->n = 0;
    share->generation++;
}

uint32_t ft__template_plan_measure(const struct ft__template_plan *plan, const uint8_t *record,
                                   size_t left, struct ft_xvalue *values)
{
    struct ft_rd rd = ft_rd_make(record, left);

    memcpy(values, plan->values, plan->n_values * sizeof *values);
    for (uint32_t i = 0; i < plan->n_fields; i++) {
        uint32_t len = plan->fields[i].len;

        if (len == FT_NF_VARIABLE) { /* RFC 7011 §7 */
            len = ft_rd_u8(&rd);
            len = len == 255 ? ft_rd_u16(&rd) : len;
        }
        const uint8_t *at = ft_rd_view(&rd, len);

        if (at == NULL) {
            return 0;
        }
        if (plan->value_of[i] != NO_VALUE) {
            struct ft_xvalue *v = &values[plan->value_of[i]];

            v->offset = (uint32_t)(at - record);
            v->len = (uint16_t)len;
            if (plan->fields[i].len == FT_NF_VARIABLE && !ft_xvalue_fits(v->type, v->len)) {
                v->flags |= FT_XV_WRONG;
            }
        }
    }
    return (uint32_t)(rd.p - record);
}
