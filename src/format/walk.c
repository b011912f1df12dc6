/* SPDX-License-Identifier: Apache-2.0 */
/* format: the compiled NDJSON walk, see walk.h. */
#include "format/walk.h"

#include <string.h>

#include "base/mem.h"
#include "codec/text/column.h"
#include "codec/text/digits.h"

enum {
    KEY_ROOM = 64,
    KEY_COMMON = 32,
    TIME_TEXT = 20,
    ZERO_RUN_MIN = 4,
    ZERO_RUN_BYTES = 256,
    PART_MAX = 1024,
    TAIL_ROOM = FT__WALK_SLACK
};

_Static_assert((int)KEY_ROOM <= (int)FT__WALK_SLACK, "keys are copied whole");

/* How a value is read and written. */
enum how {
    HOW_TYPE,     /* whatever it is, as its type says */
    HOW_FIXED,    /* likewise, of what it always looks at */
    HOW_GET_UINT, /* by its getter; likewise below */
    HOW_GET_TIME,
    HOW_TIME, /* at its place, never null; likewise below */
    HOW_U8,
    HOW_U16,
    HOW_U32,
    HOW_U64
};

/* Text of columns that say nothing together. */
struct run {
    uint32_t n;       /* columns; 0: none begins here */
    uint32_t at, len; /* in texts */
    uint32_t none_at, none_len;
};

struct step {
    const struct ft_field *field;
    const void *nothing; /* of its part */
    const void *fixed;   /* looked at instead of the part, or NULL */
    struct run part;     /* of one part that is NULL, or nothing */
    struct run zeros;    /* counters that are all 0: bytes lo to hi of the part */
    uint16_t lo, hi;
    uint16_t at;
    uint8_t part_no, how, key_len;
    uint8_t name; /* where the name begins in the key: its quote */
    uint8_t group;
    uint8_t key[KEY_ROOM];
};

struct ft__walk {
    uint32_t n;
    uint32_t n_put; /* of them, those before the tail */
    bool flat, omit_null;
    size_t texts_room;
    uint8_t *texts; /* of the runs, owned */
    uint8_t head[KEY_ROOM], tail[TAIL_ROOM];
    uint32_t head_len, tail_len;
    struct step step[];
};

static const char *const opens[] = {
    [FT_GROUP_TOP] = ",",
    [FT_GROUP_FLOW_KEY] = ",\"flow_key\":{",
    [FT_GROUP_AGGREGATE] = ",\"aggregate_metrics\":{",
    [FT_GROUP_FEATURES] = ",\"features\":{",
    [FT_GROUP_EXPORTER] = ",\"exporter\":{",
    [FT_GROUP_ENRICHMENT] = ",\"enrichment\":{",
};

/* ---- values ---- */

static uint8_t *put_null(uint8_t *p)
{
    return FT_PUT_LIT(p, "null");
}

static uint8_t *put_by_type(uint8_t *p, const struct ft_field *f, const void *part)
{
    struct ft_value v;

    if (f->type == FT_T_JSON) {
        return f->json(part, p);
    }
    ft_field_get(f, part, &v);
    return v.null ? put_null(p) : ft_put_value(p, (enum ft_type)f->type, &v, true);
}

static uint8_t *put_got_uint(uint8_t *p, const struct ft_field *f, const void *part)
{
    struct ft_value v;

    v.null = false;
    f->get(part, &v);
    return v.null ? put_null(p) : ft_put_u64(p, v.u);
}

/* Many times of a record are the same: its text again. */
struct last_time {
    int64_t ns;
    const uint8_t *text; /* NULL: none yet */
    uint32_t len;
};

static uint8_t *put_time(uint8_t *p, int64_t ns, struct last_time *last)
{
    uint8_t *end;

    if (last->text != NULL && last->ns == ns) {
        memmove(p, last->text, TIME_TEXT); /* beyond last->len it may overlap */
        return p + last->len;
    }
    end = ft_put_time(p, ns);
    *last = (struct last_time){ns, p, (uint32_t)(end - p)};
    return end;
}

static uint8_t *put_got_time(uint8_t *p, const struct ft_field *f, const void *part,
                             struct last_time *last)
{
    struct ft_value v;

    v.null = false;
    f->get(part, &v);
    return v.null ? put_null(p) : put_time(p, v.i, last);
}

FT_INLINE uint8_t *put_value(uint8_t *p, const struct step *s, const uint8_t *part,
                             struct last_time *last)
{
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    int64_t ns;

    switch ((enum how)s->how) {
    case HOW_U8:
        return ft_put_u64(p, part[s->at]);
    case HOW_U16:
        memcpy(&u16, part + s->at, sizeof u16);
        return ft_put_u64(p, u16);
    case HOW_U32:
        memcpy(&u32, part + s->at, sizeof u32);
        return ft_put_u64(p, u32);
    case HOW_U64:
        memcpy(&u64, part + s->at, sizeof u64);
        return ft_put_u64(p, u64);
    case HOW_TIME:
        memcpy(&ns, part + s->at, sizeof ns);
        return put_time(p, ns, last);
    case HOW_FIXED:
        return put_by_type(p, s->field, s->fixed);
    case HOW_GET_UINT:
        return put_got_uint(p, s->field, part);
    case HOW_GET_TIME:
        return put_got_time(p, s->field, part, last);
    default:
        return put_by_type(p, s->field, part);
    }
}

/* ---- the walk ---- */

static bool all_zero(const uint8_t *p, size_t len)
{
    uint64_t any = 0, v;

    for (; len >= sizeof v; p += sizeof v, len -= sizeof v) {
        memcpy(&v, p, sizeof v);
        any |= v;
    }
    for (; len > 0; p++, len--) {
        any |= *p;
    }
    return any == 0;
}

/* The text of a run of columns from this step that say nothing, or NULL. */
FT_INLINE const struct run *quiet(const struct step *s, const uint8_t *part, bool *out_null)
{
    *out_null = part == NULL;
    if (s->part.n > 0 && (part == NULL || part == s->nothing)) {
        return &s->part;
    }
    if (s->zeros.n > 0 && part != NULL && all_zero(part + s->lo, s->hi - s->lo)) {
        return &s->zeros;
    }
    return NULL;
}

FT_INLINE uint8_t *put_key(uint8_t *p, const struct step *s)
{
    memcpy(p, s->key, KEY_COMMON);
    if (FT_UNLIKELY(s->key_len > KEY_COMMON)) {
        memcpy(p + KEY_COMMON, s->key + KEY_COMMON, KEY_ROOM - KEY_COMMON);
    }
    return p + s->key_len;
}

static size_t put_all(const struct ft__walk *w, const void *const *parts, uint8_t *out)
{
    struct last_time last = {0};
    uint8_t *p = out;

    memcpy(p, w->head, sizeof w->head);
    p += w->head_len;
    for (uint32_t i = 0; i < w->n_put;) {
        const struct step *s = &w->step[i];
        const uint8_t *part = parts[s->part_no];
        bool null;
        const struct run *r = quiet(s, part, &null);

        if (r != NULL) {
            uint32_t len = null ? r->len : r->none_len;

            memcpy(p, w->texts + (null ? r->at : r->none_at), len);
            p += len;
            i += r->n;
            continue;
        }
        p = put_key(p, s);
        p = part != NULL ? put_value(p, s, part, &last) : put_null(p);
        i++;
    }
    memcpy(p, w->tail, sizeof w->tail);
    return (size_t)(p - out) + w->tail_len;
}

static bool is_null(const struct step *s, const void *part, struct ft_value *v)
{
    if (part == NULL) {
        return true;
    }
    if (s->field->type == FT_T_JSON) {
        return false;
    }
    ft_field_get(s->field, part, v);
    return v->null;
}

static size_t put_some(const struct ft__walk *w, const void *const *parts, uint8_t *out)
{
    uint8_t group = FT_GROUP_TOP, *p = out;
    struct ft_value v;

    memcpy(p, w->head, sizeof w->head);
    p += w->head_len;
    for (uint32_t i = 0; i < w->n; i++) {
        const struct step *s = &w->step[i];
        const void *part = s->fixed != NULL ? s->fixed : parts[s->part_no];

        if (is_null(s, part, &v)) {
            continue;
        }
        if (s->group == group) {
            *p++ = ',';
        } else {
            p = group != FT_GROUP_TOP ? FT_PUT_LIT(p, "}") : p;
            p = ft_put_str(p, opens[s->group]);
            group = s->group;
        }
        memcpy(p, s->key + s->name, (size_t)s->key_len - s->name);
        p += s->key_len - s->name;
        p = s->field->type == FT_T_JSON ? s->field->json(part, p)
                                        : ft_put_value(p, (enum ft_type)s->field->type, &v, true);
    }
    p = group != FT_GROUP_TOP ? FT_PUT_LIT(p, "}") : p;
    p = FT_PUT_LIT(p, "}\n");
    return (size_t)(p - out);
}

size_t ft__walk_put(const struct ft__walk *w, const void *const *parts, uint8_t *out)
{
    return w->omit_null ? put_some(w, parts, out) : put_all(w, parts, out);
}

/* ---- compiling ---- */

static enum how how_of(const struct ft_field *f)
{
    if (f->of_observer) {
        return HOW_FIXED;
    }
    bool number = f->type >= FT_T_U8 && f->type <= FT_T_U64;

    if (f->width == 0) {
        return number ? HOW_GET_UINT : f->type == FT_T_TIME ? HOW_GET_TIME : HOW_TYPE;
    }
    if (f->absent == FT_ABSENT_NEVER && f->type == FT_T_TIME) {
        return HOW_TIME;
    }
    if (f->absent != FT_ABSENT_NEVER || !number) {
        return HOW_TYPE;
    }
    return f->width == 1 ? HOW_U8 : f->width == 2 ? HOW_U16 : f->width == 4 ? HOW_U32 : HOW_U64;
}

/* Comma or braces, key, colon. */
static int make_step(struct step *s, const struct ft_column *c, bool flat, uint8_t before)
{
    uint8_t text[2 * KEY_ROOM + FT_PUT_SLACK], *p = text;
    size_t len = strlen(c->field->name);

    s->field = c->field;
    s->nothing = c->set != NULL ? c->set->nothing : NULL;
    s->fixed = c->fixed;
    s->part_no = c->part;
    s->at = c->field->at;
    s->how = (uint8_t)how_of(c->field);
    s->group = flat ? (uint8_t)FT_GROUP_TOP : c->field->group;
    if (len > KEY_ROOM) {
        return FT_E_RANGE;
    }
    if (s->group == before) {
        *p++ = ',';
    } else {
        p = before != FT_GROUP_TOP ? FT_PUT_LIT(p, "}") : p;
        p = ft_put_str(p, opens[s->group]);
    }
    s->name = (uint8_t)(p - text);
    *p++ = '"';
    p = ft_put_str(p, c->field->name);
    p = FT_PUT_LIT(p, "\":");
    if (p - text > KEY_ROOM) {
        return FT_E_RANGE;
    }
    s->key_len = (uint8_t)(p - text);
    memcpy(s->key, text, s->key_len);
    return FT_OK;
}

/* Text of n steps whose part is this one; p is where it goes. */
static uint8_t *put_run(uint8_t *p, const struct step *s, uint32_t n, const void *part)
{
    for (uint32_t i = 0; i < n; i++) {
        memcpy(p, s[i].key, s[i].key_len);
        p += s[i].key_len;
        p = part != NULL ? put_by_type(p, s[i].field, part) : put_null(p);
    }
    return p;
}

static bool counts(const struct step *s)
{
    return s->how >= HOW_U8 && s->how <= HOW_U64;
}

/* Steps from here on that count, of one part; their bytes. Those of the core are never all 0. */
static uint32_t zeros_from(struct step *s, uint32_t left)
{
    uint32_t n = 0;
    uint16_t lo = UINT16_MAX, hi = 0;

    for (; n < left && counts(&s[n]) && s[n].part_no == s[0].part_no && s->part_no != FT_PART_CORE;
         n++) {
        uint16_t from = s[n].at, to = (uint16_t)(from + s[n].field->width);

        lo = from < lo ? from : lo;
        hi = to > hi ? to : hi;
    }
    s->lo = lo;
    s->hi = hi;
    return n >= ZERO_RUN_MIN && hi - lo <= ZERO_RUN_BYTES && hi <= PART_MAX ? n : 0;
}

static uint32_t part_from(const struct step *s, uint32_t left)
{
    uint32_t n = 0;

    while (n < left && s[n].part_no == s[0].part_no) {
        n++;
    }
    return s->part_no == FT_PART_CORE ? 0 : n;
}

static void make_runs(struct ft__walk *w)
{
    static const uint8_t zeros[PART_MAX];
    uint8_t *p = w->texts;

    for (uint32_t i = 0; i < w->n_put;) {
        struct step *s = &w->step[i];
        struct run *r = &s->part;

        r->n = part_from(s, w->n_put - i);
        if (r->n > 0) {
            r->at = (uint32_t)(p - w->texts);
            p = put_run(p, s, r->n, NULL);
            r->len = (uint32_t)(p - w->texts) - r->at;
            r->none_at = (uint32_t)(p - w->texts);
            p = s->nothing != NULL ? put_run(p, s, r->n, s->nothing) : p;
            r->none_len = (uint32_t)(p - w->texts) - r->none_at;
        }
        i += r->n > 0 ? r->n : 1;
    }
    for (uint32_t i = 0; i < w->n_put;) {
        struct step *s = &w->step[i];
        struct run *r = &s->zeros;

        r->n = zeros_from(s, w->n_put - i);
        if (r->n > 0) {
            r->none_at = (uint32_t)(p - w->texts);
            p = put_run(p, s, r->n, zeros);
            r->none_len = (uint32_t)(p - w->texts) - r->none_at;
        }
        i += r->n > 0 ? r->n : 1;
    }
}

/* The last columns, when they say always the same, and what ends the line. */
static int make_tail(struct ft__walk *w, uint8_t group)
{
    uint8_t text[2 * TAIL_ROOM], *p = text;

    w->n_put = w->n;
    while (w->n_put > 0 && w->step[w->n_put - 1].fixed != NULL) {
        w->n_put--;
    }
    for (uint32_t i = w->n_put; i < w->n; i++) {
        const struct step *s = &w->step[i];

        if (p - text > TAIL_ROOM - KEY_ROOM) {
            return FT_E_RANGE;
        }
        p = put_by_type(put_key(p, s), s->field, s->fixed);
    }
    p = group != FT_GROUP_TOP ? FT_PUT_LIT(p, "}") : p;
    p = FT_PUT_LIT(p, "}\n");
    w->tail_len = (uint32_t)(p - text);
    if (w->tail_len > TAIL_ROOM) {
        return FT_E_RANGE;
    }
    memcpy(w->tail, text, w->tail_len);
    return FT_OK;
}

const uint8_t *ft__walk_tail(const struct ft__walk *w, uint32_t *out_len)
{
    *out_len = w->tail_len;
    return w->tail;
}

static int compile(struct ft__walk *w, enum ft_event e, const struct ft_columns *c)
{
    uint8_t group = FT_GROUP_TOP, *p = w->head;

    p = FT_PUT_LIT(p, "{\"event_type\":\"");
    p = ft_put_str(p, ft_event_type(e));
    *p++ = '"';
    w->head_len = (uint32_t)(p - w->head);
    for (uint32_t i = 0; i < c->n; i++) {
        if (make_step(&w->step[i], &c->col[i], c->flat, group) != FT_OK) {
            return FT_E_RANGE;
        }
        group = w->step[i].group;
    }
    w->n = c->n;
    if (make_tail(w, group) != FT_OK) {
        return FT_E_RANGE;
    }
    w->texts = ft_mem_alloc(3, (size_t)(c->n + 1) * (KEY_ROOM + sizeof(struct ft_value)));
    if (w->texts == NULL) {
        return FT_E_NOMEM;
    }
    make_runs(w);
    return FT_OK;
}

int ft__walk_new(enum ft_event e, const struct ft_columns *columns, bool omit_null,
                 struct ft__walk **out)
{
    struct ft__walk *w = ft_mem_alloc(1, sizeof *w + columns->n * sizeof w->step[0]);

    if (w == NULL) {
        return FT_E_NOMEM;
    }
    w->omit_null = omit_null;
    int rc = compile(w, e, columns);

    if (rc != FT_OK) {
        ft__walk_free(w);
        return rc;
    }
    *out = w;
    return FT_OK;
}

void ft__walk_free(struct ft__walk *w)
{
    if (w != NULL) {
        ft_mem_free(w->texts);
        ft_mem_free(w);
    }
}
