/* SPDX-License-Identifier: Apache-2.0 */
/* format: Arrow's messages, see arrow_message.h. */
#include "format/arrow_message.h"

#include <string.h>

enum {
    VERSION_5 = 4,
    HEADER_SCHEMA = 1,
    HEADER_BATCH = 3,
    TYPE_INT = 2,
    TYPE_FLOAT = 3,
    TYPE_BINARY = 4,
    TYPE_UTF8 = 5,
    TYPE_BOOL = 6,
    TYPE_TIMESTAMP = 10,
    TYPE_LIST = 12,
    TYPE_FIXED_BINARY = 15,
    TYPE_FIXED_LIST = 16,
    FLOAT_SINGLE = 1,
    FLOAT_DOUBLE = 2,
    UNIT_US = 2,
    STRUCT_PAIR = 16 /* bytes of a node, and of a buffer */
};

/* Where the children of a field begin in its table. */
enum { FIELD_NAME, FIELD_NULLABLE, FIELD_TYPE_KIND, FIELD_TYPE, FIELD_CHILDREN = 5, FIELD_SLOTS };

enum { NESTED = 3 }; /* fields of a column at most: it, lists, items */

static void put32(uint8_t *data, uint32_t at, uint32_t v)
{
    memcpy(data + at, &v, sizeof v);
}

/* ---- schema ---- */

static uint8_t type_kind(const struct ft__batch_column *c, enum ft_type type)
{
    if (c->cell == FT__CELL_TEXT) {
        return type == FT_T_BYTES ? TYPE_BINARY : TYPE_UTF8;
    }
    return type == FT_T_BOOL     ? TYPE_BOOL
           : type == FT_T_TIME   ? TYPE_TIMESTAMP
           : type == FT_T_ADDR   ? TYPE_FIXED_BINARY
           : type == FT_T_BYTES  ? TYPE_FIXED_BINARY
           : type == FT_T_F64    ? TYPE_FLOAT
           : type == FT_T_LIST   ? TYPE_LIST
           : type == FT_T_LISTS  ? TYPE_LIST
           : type == FT_T_VECTOR ? TYPE_FIXED_LIST
                                 : TYPE_INT;
}

/* The table of a type. */
static uint32_t put_type(struct ft_flat *b, uint8_t kind, enum ft_type type, uint32_t width)
{
    uint32_t at[FT_FLAT_SLOTS_MAX], table;
    struct ft_flat_slot integer[] = {{4, 8 * width}, {1, type == FT_T_I64}};
    struct ft_flat_slot real[] = {{2, type == FT_T_F32 ? FLOAT_SINGLE : FLOAT_DOUBLE}};
    struct ft_flat_slot binary[] = {{4, width}}, vector[] = {{4, width / sizeof(float)}};
    struct ft_flat_slot time[] = {{2, UNIT_US}, FT_FLAT_OFFSET};

    switch (kind) {
    case TYPE_INT:
        return ft_flat_table(b, integer, 2, at);
    case TYPE_FLOAT:
        return ft_flat_table(b, real, 1, at);
    case TYPE_FIXED_BINARY:
        return ft_flat_table(b, binary, 1, at);
    case TYPE_FIXED_LIST:
        return ft_flat_table(b, vector, 1, at);
    case TYPE_TIMESTAMP:
        table = ft_flat_table(b, time, 2, at);
        ft_flat_point(b, at[1], ft_flat_string(b, "UTC"));
        return table;
    default:
        return ft_flat_table(b, NULL, 0, at);
    }
}

/* A field whose table is written, and what it will point to. */
struct field {
    uint32_t name_at, type_at, children_at; /* where offsets go */
    const char *name;
    enum ft_type type;
    uint16_t width;
    uint8_t kind;
    const struct ft__batch_column *column;
    uint32_t lists; /* around its values */
};

static uint32_t put_field(struct ft_flat *b, struct field *f)
{
    uint32_t at[FT_FLAT_SLOTS_MAX];
    struct ft_flat_slot slots[FIELD_SLOTS] = {
        [FIELD_NAME] = FT_FLAT_OFFSET,     [FIELD_NULLABLE] = {1, true},
        [FIELD_TYPE_KIND] = {1, f->kind},  [FIELD_TYPE] = FT_FLAT_OFFSET,
        [FIELD_CHILDREN] = FT_FLAT_OFFSET,
    };
    uint32_t table = ft_flat_table(b, slots, FIELD_SLOTS, at);

    f->name_at = at[FIELD_NAME];
    f->type_at = at[FIELD_TYPE];
    f->children_at = at[FIELD_CHILDREN];
    return table;
}

static struct field field_of(const struct ft__batch_column *c)
{
    enum ft_type type = (enum ft_type)c->of.field->type;

    return (struct field){.name = ft_field_flat_name(c->of.field),
                          .type = type,
                          .kind = type_kind(c, type),
                          .width = c->width,
                          .column = c,
                          .lists = ft__batch_nodes(c) - 1};
}

/* The item of a list, which may be one itself, and the vector of its one child. */
static struct field put_item(struct ft_flat *b, const struct field *list)
{
    enum ft_type type = (enum ft_type)list->column->of.field->item;
    struct field item = {.name = "item",
                         .type = type,
                         .kind = list->lists > 1     ? TYPE_LIST
                                 : type == FT_T_F64  ? TYPE_FLOAT
                                 : type == FT_T_F32  ? TYPE_FLOAT
                                 : type == FT_T_BOOL ? TYPE_BOOL
                                                     : TYPE_INT,
                         .width = list->width,
                         .column = list->column,
                         .lists = list->lists - 1};
    uint32_t vector = ft_flat_offsets(b, 1);

    ft_flat_point(b, list->children_at, vector);
    ft_flat_point(b, vector + 4, put_field(b, &item));
    return item;
}

/* The table of a field's type; that of a field before it, where it is the same. */
static uint32_t shared_type(struct ft_flat *b, const struct field *fields, uint32_t i,
                            uint32_t *types)
{
    const struct field *f = &fields[i], *g = fields;

    while (g < f && (g->kind != f->kind || g->type != f->type || g->width != f->width)) {
        g++;
    }
    types[i] = g < f ? types[g - fields] : put_type(b, f->kind, f->type, f->width);
    return types[i];
}

/* All tables of fields, then what they share, then their names: offsets point forward only. */
static void put_columns(struct ft_flat *b, const struct ft__batch *batch, uint32_t vector)
{
    struct field fields[NESTED * FT_COLUMNS_MAX];
    uint32_t n = batch->n, types[NESTED * FT_COLUMNS_MAX], none;

    for (uint32_t i = 0; i < batch->n; i++) {
        fields[i] = field_of(&batch->col[i]);
        ft_flat_point(b, vector + 4 + 4 * i, put_field(b, &fields[i]));
    }
    for (uint32_t i = 0; i < n; i++) { /* items that are lists come behind, and have their turn */
        if (fields[i].lists > 0) {
            fields[n++] = put_item(b, &fields[i]);
        }
    }
    none = ft_flat_offsets(b, 0);
    for (uint32_t i = 0; i < n; i++) {
        if (fields[i].lists == 0) {
            ft_flat_point(b, fields[i].children_at, none);
        }
        ft_flat_point(b, fields[i].type_at, shared_type(b, fields, i, types));
        ft_flat_point(b, fields[i].name_at, ft_flat_string(b, fields[i].name));
    }
}

static uint32_t put_pair(struct ft_flat *b, const struct ft__pair *pair, uint32_t room)
{
    static const struct ft_flat_slot slots[] = {FT_FLAT_OFFSET, FT_FLAT_OFFSET};
    uint32_t at[FT_FLAT_SLOTS_MAX], table = ft_flat_table(b, slots, 2, at);

    ft_flat_point(b, at[0], ft_flat_string(b, pair->key));
    ft_flat_point(b, at[1],
                  room > 0 ? ft_flat_string_room(b, room) : ft_flat_string(b, pair->value));
    return table;
}

static uint32_t put_pairs(struct ft_flat *b, const struct ft__pair *pairs, uint32_t n)
{
    uint32_t vector = ft_flat_offsets(b, n);

    for (uint32_t i = 0; i < n; i++) {
        ft_flat_point(b, vector + 4 + 4 * i, put_pair(b, &pairs[i], 0));
    }
    return vector;
}

static uint32_t put_schema(struct ft_flat *b, const struct ft__batch *batch,
                           const struct ft__pair *pairs, uint32_t n_pairs)
{
    static const struct ft_flat_slot slots[] = {{2, 0}, FT_FLAT_OFFSET, FT_FLAT_OFFSET};
    uint32_t at[FT_FLAT_SLOTS_MAX], table = ft_flat_table(b, slots, 3, at);
    uint32_t fields = ft_flat_offsets(b, batch->n);

    ft_flat_point(b, at[1], fields);
    put_columns(b, batch, fields);
    ft_flat_point(b, at[2], put_pairs(b, pairs, n_pairs));
    return table;
}

/* ---- messages ---- */

/* The message's table; its header and metadata are pointed to from at[2] and at[4]. */
static void put_message(struct ft_flat *b, uint8_t kind, bool with_metadata, uint32_t *at)
{
    struct ft_flat_slot slots[] = {
        {2, VERSION_5}, {1, kind}, FT_FLAT_OFFSET, {8, 0}, FT_FLAT_OFFSET};

    ft_flat_point(b, 0, ft_flat_table(b, slots, with_metadata ? 5 : 4, at));
}

/* A flatbuffer begins behind the prefix. */
static struct ft_flat behind_prefix(const struct ft_flat *b)
{
    struct ft_flat inner;

    ft_flat_begin(&inner, b->data + FT__ARROW_PREFIX,
                  b->cap > FT__ARROW_PREFIX ? b->cap - FT__ARROW_PREFIX : 0);
    return inner;
}

static void put_prefix(struct ft_flat *b, struct ft_flat *inner)
{
    ft_flat_pad(inner);
    b->full = inner->full;
    if (!b->full) {
        put32(b->data, 0, UINT32_MAX);
        put32(b->data, 4, inner->len);
        b->len = FT__ARROW_PREFIX + inner->len;
    }
}

void ft__arrow_put_schema(struct ft_flat *b, const struct ft__batch *batch,
                          const struct ft__pair *pairs, uint32_t n_pairs)
{
    struct ft_flat inner = behind_prefix(b);
    uint32_t at[FT_FLAT_SLOTS_MAX];

    put_message(&inner, HEADER_SCHEMA, false, at);
    ft_flat_point(&inner, at[2], put_schema(&inner, batch, pairs, n_pairs));
    put_prefix(b, &inner);
}

/* What stands in each batch besides: counts as text, of no constant length, in a room that is. */
static void put_loss(struct ft_flat *b, uint32_t at, struct ft__arrow_batch *out)
{
    static const struct ft__pair lost[] = {{"flowtap.events_lost", ""},
                                           {"flowtap.packets_lost", ""}};
    uint32_t *const places[] = {&out->events_lost, &out->packets_lost};
    uint32_t vector = ft_flat_offsets(b, 2);

    ft_flat_point(b, at, vector);
    for (uint32_t i = 0; i < 2; i++) {
        ft_flat_point(b, vector + 4 + 4 * i, put_pair(b, &lost[i], FT__ARROW_COUNT));
        *places[i] = b->len - (4 + FT__ARROW_COUNT + 1); /* the string came last */
    }
}

void ft__arrow_put_batch(struct ft_flat *b, const struct ft__batch *batch,
                         struct ft__arrow_batch *out)
{
    static const struct ft_flat_slot slots[] = {{8, 0}, FT_FLAT_OFFSET, FT_FLAT_OFFSET};
    struct ft_flat inner = behind_prefix(b);
    uint32_t at[FT_FLAT_SLOTS_MAX], in[FT_FLAT_SLOTS_MAX];

    put_message(&inner, HEADER_BATCH, true, at);
    uint32_t table = ft_flat_table(&inner, slots, 3, in);
    uint32_t nodes = ft_flat_structs(&inner, batch->n_nodes, STRUCT_PAIR, true);
    uint32_t buffers = ft_flat_structs(&inner, batch->n_buffers, STRUCT_PAIR, true);

    ft_flat_point(&inner, at[2], table);
    ft_flat_point(&inner, in[1], nodes);
    ft_flat_point(&inner, in[2], buffers);
    put_loss(&inner, at[4], out);
    out->body = FT__ARROW_PREFIX + at[3];
    out->rows = FT__ARROW_PREFIX + in[0];
    out->nodes = FT__ARROW_PREFIX + nodes + 4;
    out->buffers = FT__ARROW_PREFIX + buffers + 4;
    out->events_lost += FT__ARROW_PREFIX;
    out->packets_lost += FT__ARROW_PREFIX;
    put_prefix(b, &inner);
    out->data = b->data;
    out->len = b->len;
}

void ft__arrow_put_footer(struct ft_flat *b, const struct ft__batch *batch,
                          const struct ft__pair *pairs, uint32_t n_pairs, uint32_t *out_count)
{
    static const struct ft_flat_slot slots[] = {
        {2, VERSION_5}, FT_FLAT_OFFSET, FT_FLAT_OFFSET, FT_FLAT_OFFSET};
    uint32_t at[FT_FLAT_SLOTS_MAX];

    ft_flat_begin(b, b->data, b->cap);
    ft_flat_point(b, 0, ft_flat_table(b, slots, 4, at));
    ft_flat_point(b, at[1], put_schema(b, batch, pairs, n_pairs));
    ft_flat_point(b, at[2], ft_flat_structs(b, 0, FT__ARROW_BLOCK, false));
    *out_count = ft_flat_structs(b, 0, FT__ARROW_BLOCK, false);
    ft_flat_point(b, at[3], *out_count);
}
