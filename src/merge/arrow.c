/* SPDX-License-Identifier: Apache-2.0 */
/* merge: rows of Arrow as lines, see arrow.h. */
#include "merge/arrow.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "codec/text/escape.h"
#include "model/columns.h"
#include "model/field_export.h"

enum {
    TYPE_MOST = 40,
    BLOCK = 16,
    ROW_MOST = 8 * FT__SCAN_LINE,
    ROOM_STEP = 4096,
    BEFORE = 6 * FT_ARROW_NAME + 96
};

struct ft__arrow_input *ft__arrow_input_new(void)
{
    struct ft__arrow_input *a = ft_mem_alloc(1, sizeof *a);

    if (a != NULL && (a->reader = ft_arrow_new()) == NULL) {
        ft_mem_free(a);
        return NULL;
    }
    return a;
}

void ft__arrow_input_free(struct ft__arrow_input *a)
{
    if (a != NULL) {
        ft_arrow_free(a->reader);
        ft_mem_free(a->shape);
        ft_mem_free(a);
    }
}

/* ---- what the columns are in NDJSON ---- */

/* Which event the rows are, and the columns that such may have. */
struct known {
    const char *type; /* of event_type; NULL: a column says it */
    bool is_flow;
    struct ft_columns exported;  /* of flows of collect; n 0: it is none */
    const struct ft_field *rows; /* [n], of other events */
    uint32_t n;
};

static bool has_column(const struct ft_arrow *a, const char *name)
{
    const struct ft_arrow_field *f;
    uint32_t n = ft_arrow_fields(a, &f);

    for (uint32_t i = 0; i < n; i++) {
        if (f[i].depth == 0 && strcmp(f[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void find_event(const struct ft_arrow *a, struct known *out)
{
    const char *type = ft_arrow_pair(a, "flowtap.event");
    enum ft_event e = FT_EVENT_SAMPLE;
    bool collected = has_column(a, "domain_id") && has_column(a, "address");

    memset(out, 0, sizeof *out);
    if (type == NULL || strspn(type, "abcdefghijklmnopqrstuvwxyz_") != strlen(type) ||
        strlen(type) > TYPE_MOST) {
        type = ft_event_type(FT_EVENT_FLOW);
    }
    while (e < FT_EVENT__COUNT && strcmp(ft_event_type(e), type) != 0) {
        e++;
    }
    out->is_flow = e == FT_EVENT_FLOW;
    out->type = has_column(a, "event_type") ? NULL : type;
    if (out->is_flow && collected) {
        ft_columns_exported(true, &out->exported);
    } else if (!out->is_flow && e < FT_EVENT__COUNT) {
        out->rows = collected ? ft_fields_export(e, &out->n) : ft_fields(e, &out->n);
    }
}

static const struct ft_field *field_in(const struct ft_field *rows, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* What the columns of that name are; NULL: nobody knows. */
static const struct ft_field *field_of(const struct known *k, const char *name)
{
    const struct ft_field *f = NULL;

    if (strcmp(name, "other") == 0 && (k->exported.n > 0 || !k->is_flow)) {
        name = "features"; /* which is an object there, and of another name in tables */
    }
    for (uint32_t i = 0; i < k->exported.n && f == NULL; i++) {
        f = field_in(k->exported.col[i].field, 1, name);
    }
    for (uint32_t i = 0; k->is_flow && k->exported.n == 0 && ft_column_sets[i] != NULL && f == NULL;
         i++) {
        f = field_in(ft_column_sets[i]->rows, ft_column_sets[i]->n, name);
    }
    return f != NULL ? f : field_in(k->rows, k->n, name);
}

const struct ft_field *ft__arrow_known(const struct ft_columns *exported, const char *object,
                                       const char *name)
{
    for (uint32_t i = 0; ft_column_sets[i] != NULL; i++) {
        const struct ft_column_set *set = ft_column_sets[i];
        const struct ft_field *f = field_in(set->rows, set->n, name);

        if (f != NULL && (object[0] == '\0' || strcmp(ft_group_name(f->group), object) == 0)) {
            return f;
        }
    }
    for (uint32_t i = 0; i < exported->n; i++) {
        const struct ft_field *f = exported->col[i].field;

        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

/* What merge adds stands beside the objects. */
static bool is_ours(const char *name)
{
    static const char *const ours[] = {"event_type",      "observers",
                                       "merged",          "estimated_packets",
                                       "estimated_bytes", "estimated_packets_sigma"};

    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (strcmp(ours[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the shape ---- */

/* A column while the shape is made. */
struct column {
    uint32_t field; /* its number */
    const char *name;
    uint8_t group;
    bool is_object, is_address, done;
};

/* What has been written before the next value. */
struct making {
    struct ft__arrow_input *a;
    char before[BEFORE];
    size_t len;
    uint32_t own_n; /* values before what merge itself wrote */
    size_t own_end;
};

static int add_value(struct making *k, const struct column *c, const char *comma)
{
    struct ft__shape *s = k->a->shape;
    const char *object = ft_group_name(c->group);
    uint8_t slot = ft__merge_slot_of(object, strlen(object), c->name, strlen(c->name));
    uint8_t *p = (uint8_t *)k->before + k->len;

    if (k->own_n != UINT32_MAX && (slot == FT__MERGE_EST_PACKETS || slot == FT__MERGE_EST_BYTES)) {
        slot = FT__MERGE_SLOTS_N; /* merge's own */
    }
    if (slot != FT__MERGE_SLOTS_N) {
        k->own_n = UINT32_MAX; /* what follows belongs to the record */
    }
    if (c->group == FT_GROUP_TOP && strcmp(c->name, "observers") == 0) {
        k->own_n = s->n;
        k->own_end = k->len;
    }
    p += snprintf((char *)p, 2, "%s", comma);
    p = ft_put_json_string(p, c->name, FT_ARROW_NAME);
    *p++ = ':';
    k->a->value[s->n] = (struct ft__arrow_value){c->field, c->is_object, c->is_address};
    if (!ft__shape_step(s, k->before, (size_t)((char *)p - k->before), slot)) {
        return FT_E_RANGE;
    }
    k->len = 0;
    return FT_OK;
}

/* An object with all of its columns. */
static int add_object(struct making *k, struct column *c, uint32_t n, uint8_t group)
{
    int rc = FT_OK;
    bool first = true;

    k->len += (size_t)snprintf(k->before + k->len, BEFORE - k->len, "%s\"%s\":{",
                               k->len == 1 && k->before[0] == '{' ? "" : ",", ft_group_name(group));
    for (uint32_t i = 0; i < n && rc == FT_OK; i++) {
        if (c[i].group == group && !c[i].done) {
            c[i].done = true;
            rc = add_value(k, &c[i], first ? "" : ",");
            first = false;
        }
    }
    k->before[k->len++] = '}';
    return rc;
}

static int make_shape(struct ft__arrow_input *a, const struct known *known, struct column *c,
                      uint32_t n)
{
    struct making k = {.a = a, .own_n = UINT32_MAX};
    int rc = FT_OK;

    ft__shape_begin(a->shape);
    k.len = (size_t)snprintf(k.before, BEFORE, known->type != NULL ? "{\"event_type\":" : "{");
    if (known->type != NULL) { /* a value that is always the same */
        a->value[0].field = UINT32_MAX;
        rc = ft__shape_step(a->shape, k.before, k.len, FT__MERGE_EVENT) ? FT_OK : FT_E_RANGE;
        k.len = 0;
    }
    for (uint32_t i = 0; i < n && rc == FT_OK; i++) {
        if (!c[i].done && c[i].group != FT_GROUP_TOP) {
            rc = add_object(&k, c, n, c[i].group);
        } else if (!c[i].done) {
            rc = add_value(&k, &c[i], k.len == 1 && k.before[0] == '{' ? "" : ",");
        }
    }
    if (rc != FT_OK || a->shape->n == 0) {
        return FT_E_RANGE;
    }
    k.before[k.len++] = '}';
    if (k.own_n == UINT32_MAX) {
        k.own_n = a->shape->n;
        k.own_end = k.len - 1;
    }
    if (k.own_n == 0 || !ft__shape_end(a->shape, k.before, k.len, k.own_n, k.own_end)) {
        return FT_E_RANGE;
    }
    a->shape->lines = FT__SHAPE_FEW; /* all rows have it */
    return FT_OK;
}

static uint32_t list_columns(struct ft__arrow_input *a, const struct known *known, struct column *c)
{
    const struct ft_arrow_field *f;
    uint32_t all = ft_arrow_fields(a->reader, &f), n = 0;

    for (uint32_t i = 0; i < all; i++) {
        if (f[i].depth > 0) {
            continue;
        }
        const struct ft_field *is = field_of(known, f[i].name);
        bool other = is != NULL && strcmp(f[i].name, "other") == 0;

        c[n] = (struct column){.field = i, .name = other ? is->name : f[i].name};
        if (is != NULL) {
            c[n].group = is->group;
            c[n].is_object = is->type == FT_T_JSON;
            c[n].is_address = is->type == FT_T_ADDR;
        } else if (known->is_flow && known->exported.n == 0 && !is_ours(f[i].name)) {
            c[n].group = FT_GROUP_FEATURES;
        }
        if (ft__arrow_fixed_room(&f[i]) > 0) {
            a->fixed_room += ft__arrow_fixed_room(&f[i]);
        } else {
            a->of_long[a->n_long++] = (uint16_t)i;
        }
        n++;
    }
    return n;
}

int ft__arrow_layout(struct ft__arrow_input *a, struct ft_err *err)
{
    struct known *known = ft_mem_alloc(1, sizeof *known);
    struct column *c = ft_mem_alloc(FT_ARROW_FIELDS, sizeof *c);
    int rc = FT_E_NOMEM;

    a->shape = ft_mem_alloc(1, sizeof *a->shape);
    if (known != NULL && c != NULL && a->shape != NULL) {
        find_event(a->reader, known);
        rc = make_shape(a, known, c, list_columns(a, known, c));
    }
    if (rc == FT_OK && known->type != NULL) {
        a->type_len = (uint32_t)snprintf(a->type, sizeof a->type, "\"%s\"", known->type);
    }
    ft_mem_free(known);
    ft_mem_free(c);
    if (rc == FT_E_RANGE) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "it has no columns, or more than %d",
                          FT__SHAPE_STEPS - 1);
    }
    return rc == FT_OK ? FT_OK : ft_err_set(err, rc, "out of memory");
}

/* ---- rows ---- */

static int make_room(struct ft__arrow_input *a, struct ft__arrow_text *text,
                     const struct ft_arrow_field *f, const struct ft_arrow_column *c)
{
    uint64_t room = a->shape->text_len + a->shape->end_len + a->fixed_room + a->type_len;

    for (uint32_t i = 0; i < a->n_long; i++) {
        uint32_t k = a->of_long[i];

        room += ft__arrow_value_room(&f[k], &c[k], a->row);
    }
    if (room > ROW_MOST) {
        return FT_E_RANGE;
    }
    if (room + FT__SCAN_SLACK > text->cap) {
        size_t cap = (room + FT__SCAN_SLACK + ROOM_STEP) / ROOM_STEP * ROOM_STEP;
        char *at = ft_mem_alloc(1, cap);

        if (at == NULL) {
            return FT_E_NOMEM;
        }
        ft_mem_free(text->at);
        text->at = at;
        text->cap = cap;
    }
    return FT_OK;
}

/* Bytes behind either place may be read and written. */
FT_INLINE uint8_t *put(uint8_t *p, const char *from, uint32_t len)
{
    for (uint32_t i = 0; i < len; i += 2 * BLOCK) {
        memcpy(p + i, from + i, 2 * BLOCK);
    }
    return p + len;
}

static void set_span(struct ft__record *out, uint8_t slot, const uint8_t *from, const uint8_t *to)
{
    bool text = *from == '"';

    out->of[slot] =
        (struct ft__span){(const char *)from + text, (uint32_t)(to - from) - 2u * text, text};
}

int ft__arrow_row(struct ft__arrow_input *a, struct ft__arrow_text *text, struct ft__record *out)
{
    const struct ft__shape *s = a->shape;
    const struct ft_arrow_field *f;
    uint64_t rows;
    const struct ft_arrow_column *c = ft_arrow_columns(a->reader, &rows);

    ft_arrow_fields(a->reader, &f);
    int rc = make_room(a, text, f, c);
    uint64_t row = a->row++;

    if (rc != FT_OK) {
        return rc;
    }
    uint8_t *const line = (uint8_t *)text->at, *p = line;

    for (uint32_t i = 0; i < s->n; i++) {
        const struct ft__step *t = &s->step[i];
        const struct ft__arrow_value *v = &a->value[i];

        p = put(p, s->text + t->at, t->len);
        const uint8_t *from = p;

        p = v->field == UINT32_MAX ? put(p, a->type, a->type_len)
                                   : ft__arrow_put(p, v, &f[v->field], &c[v->field], row);
        out->end[i] = (uint32_t)(p - line);
        if (t->slot < FT__MERGE_SLOTS_N) {
            set_span(out, t->slot, from, p);
        }
    }
    p = put(p, s->text + s->end_at, s->end_len);
    out->line = text->at;
    out->len = (uint32_t)(p - line);
    out->own_len = out->end[s->own_n - 1] + s->own_end;
    return out->len <= FT__SCAN_LINE ? FT_OK : FT_E_RANGE;
}
