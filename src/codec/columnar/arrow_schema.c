/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: the schema of Arrow (format/Schema.fbs), see arrow_read.h. */
#include <string.h>

#include "base/mem.h"
#include "codec/columnar/arrow_parts.h"

/* Type, a union. */
enum {
    TYPE_NULL = 1,
    TYPE_INT,
    TYPE_FLOAT,
    TYPE_BINARY,
    TYPE_UTF8,
    TYPE_BOOL,
    TYPE_DECIMAL,
    TYPE_DATE,
    TYPE_TIME,
    TYPE_TIMESTAMP,
    TYPE_INTERVAL,
    TYPE_LIST,
    TYPE_STRUCT,
    TYPE_UNION,
    TYPE_FIXED_BINARY,
    TYPE_FIXED_LIST,
    TYPE_MAP,
    TYPE_DURATION,
    TYPE_LARGE_BINARY,
    TYPE_LARGE_UTF8,
    TYPE_LARGE_LIST,
    TYPE__COUNT
};

enum { FIELD_NAME, FIELD_NULLABLE, FIELD_KIND, FIELD_TYPE, FIELD_DICTIONARY, FIELD_CHILDREN };

static const char *const names[TYPE__COUNT] = {
    [TYPE_INTERVAL] = "interval",
    [TYPE_STRUCT] = "struct",
    [TYPE_UNION] = "union",
    [TYPE_MAP] = "map",
};

static bool integer(struct ft_flat_in *in, const struct ft_flat_tab *type, struct ft_arrow_field *f)
{
    uint32_t bits = (uint32_t)ft_flat_u(in, type, 0, 4, 0);

    f->width = bits / 8;
    f->kind = ft_flat_u(in, type, 1, 1, 0) != 0 ? FT_ARROW_SIGNED : FT_ARROW_UNSIGNED;
    return bits == 8 || bits == 16 || bits == 32 || bits == 64;
}

/* Seconds, ms, us, ns. */
static bool unit(struct ft_flat_in *in, const struct ft_flat_tab *type, uint64_t otherwise,
                 struct ft_arrow_field *f)
{
    uint64_t v = ft_flat_u(in, type, 0, 2, otherwise);

    f->scale = (int16_t)(3 * v);
    return v <= 3;
}

static bool time_type(struct ft_flat_in *in, const struct ft_flat_tab *type, uint8_t kind,
                      struct ft_arrow_field *f)
{
    f->kind = FT_ARROW_SIGNED;
    f->width = 8;
    if (kind == TYPE_TIME) {
        f->width = (uint32_t)ft_flat_u(in, type, 1, 4, 32) / 8;
        return f->width == 4 || f->width == 8;
    }
    if (kind == TYPE_DURATION) {
        return true;
    }
    f->kind = FT_ARROW_TIME;
    if (kind == TYPE_TIMESTAMP) {
        return unit(in, type, 0, f);
    }
    uint64_t days = ft_flat_u(in, type, 0, 2, 1);

    f->width = days == 0 ? 4 : 8;
    f->scale = days == 0 ? -1 : 3;
    return days <= 1;
}

static bool sized(struct ft_flat_in *in, const struct ft_flat_tab *type, uint8_t kind,
                  struct ft_arrow_field *f)
{
    uint64_t v = ft_flat_u(in, type, 0, kind == TYPE_FLOAT ? 2 : 4, 0);

    switch (kind) {
    case TYPE_FIXED_BINARY:
        f->kind = FT_ARROW_FIXED;
        f->width = (uint32_t)v;
        return v > 0 && v <= UINT16_MAX;
    case TYPE_FIXED_LIST:
        f->kind = FT_ARROW_LIST;
        f->fixed = (uint32_t)v;
        return v > 0 && v <= UINT16_MAX;
    case TYPE_DECIMAL:
        f->kind = FT_ARROW_DECIMAL;
        f->scale = (int16_t)ft_flat_u(in, type, 1, 4, 0);
        f->width = 16;
        return ft_flat_u(in, type, 2, 4, 128) == 128 && f->scale >= -38 && f->scale <= 38;
    default:
        f->kind = FT_ARROW_FLOAT;
        f->width = v == 1 ? 4 : 8;
        return v == 1 || v == 2;
    }
}

/* False: it is of no type that is read. */
static bool type_of(struct ft_flat_in *in, const struct ft_flat_tab *type, uint8_t kind,
                    struct ft_arrow_field *f)
{
    f->large = kind == TYPE_LARGE_BINARY || kind == TYPE_LARGE_UTF8 || kind == TYPE_LARGE_LIST;
    switch (kind) {
    case TYPE_NULL:
        f->kind = FT_ARROW_NULL;
        return true;
    case TYPE_BOOL:
        f->kind = FT_ARROW_BOOL;
        return true;
    case TYPE_INT:
        return integer(in, type, f);
    case TYPE_UTF8:
    case TYPE_LARGE_UTF8:
        f->kind = FT_ARROW_TEXT;
        return true;
    case TYPE_BINARY:
    case TYPE_LARGE_BINARY:
        f->kind = FT_ARROW_BYTES;
        return true;
    case TYPE_LIST:
    case TYPE_LARGE_LIST:
        f->kind = FT_ARROW_LIST;
        return true;
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_DURATION:
        return time_type(in, type, kind, f);
    case TYPE_FLOAT:
    case TYPE_DECIMAL:
    case TYPE_FIXED_BINARY:
    case TYPE_FIXED_LIST:
        return sized(in, type, kind, f);
    default:
        return false;
    }
}

static int name_of(struct ft_flat_in *in, const struct ft_flat_tab *t, struct ft_arrow_field *f,
                   struct ft_err *err)
{
    uint32_t len;
    const char *name = ft_flat_text(in, t, FIELD_NAME, &len);

    if (len > FT_ARROW_NAME) {
        return ft_err_set(err, FT_E_CORRUPT, "the name of a column has %u bytes", len);
    }
    f->name = ft_mem_alloc(1, (size_t)len + 1);
    if (f->name == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    if (name != NULL) {
        memcpy(f->name, name, len);
    }
    return FT_OK;
}

static bool dictionary_of(struct ft_flat_in *in, const struct ft_flat_tab *t,
                          struct ft_arrow_field *f)
{
    struct ft_flat_tab d = ft_flat_sub(in, t, FIELD_DICTIONARY), type;
    struct ft_arrow_field index = {.width = 4, .kind = FT_ARROW_SIGNED};

    f->is_indexed = d.at != 0;
    if (!f->is_indexed) {
        return true;
    }
    f->dictionary = (int64_t)ft_flat_u(in, &d, 0, 8, 0);
    type = ft_flat_sub(in, &d, 1);
    if (type.at != 0 && !integer(in, &type, &index)) {
        return false;
    }
    f->index_width = (uint8_t)index.width;
    f->index_signed = index.kind == FT_ARROW_SIGNED;
    return f->kind != FT_ARROW_LIST && f->kind != FT_ARROW_NULL;
}

/* Columns that share a dictionary read its values alike: what is checked of one holds for all. */
static bool shares_type(const struct ft_arrow *a, const struct ft_arrow_field *f)
{
    for (uint32_t i = 0; f->is_indexed && &a->field[i] < f; i++) {
        const struct ft_arrow_field *other = &a->field[i];

        if (other->is_indexed && other->dictionary == f->dictionary) {
            return other->kind == f->kind && other->width == f->width && other->large == f->large;
        }
    }
    return true;
}

static int add_field(struct ft_arrow *a, struct ft_flat_in *in, const struct ft_flat_tab *t,
                     uint32_t depth, struct ft_err *err);

/* The one item of a list. */
static int add_item(struct ft_arrow *a, struct ft_flat_in *in, const struct ft_flat_tab *t,
                    uint32_t depth, struct ft_err *err)
{
    struct ft_flat_vec children = ft_flat_vector(in, t, FIELD_CHILDREN, 4);

    if (in->bad || children.n != 1) {
        return ft_err_set(err, FT_E_CORRUPT, "a list of %u items in the schema", children.n);
    }
    struct ft_flat_tab child = ft_flat_item(in, &children, 0);

    return add_field(a, in, &child, depth + 1, err);
}

static int add_field(struct ft_arrow *a, struct ft_flat_in *in, const struct ft_flat_tab *t,
                     uint32_t depth, struct ft_err *err)
{
    uint8_t kind = (uint8_t)ft_flat_u(in, t, FIELD_KIND, 1, 0);
    struct ft_flat_tab type = ft_flat_sub(in, t, FIELD_TYPE);

    if (a->n == FT_ARROW_FIELDS || depth > FT_ARROW_DEPTH) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "more than %d columns, or lists in %d lists",
                          FT_ARROW_FIELDS, FT_ARROW_DEPTH);
    }
    struct ft_arrow_field *f = &a->field[a->n++];
    int rc = name_of(in, t, f, err);

    f->depth = (uint8_t)depth;
    if (rc != FT_OK) {
        return rc;
    }
    if (in->bad) {
        return ft_err_set(err, FT_E_CORRUPT, "the schema points out of its message");
    }
    if (!type_of(in, &type, kind, f) || !dictionary_of(in, t, f)) {
        const char *name = kind < TYPE__COUNT && names[kind] != NULL ? names[kind] : "that";

        return ft_err_set(err, FT_E_UNSUPPORTED, "column '%s': type %u (%s) is not read", f->name,
                          kind, name);
    }
    if (!shares_type(a, f)) {
        return ft_err_set(err, FT_E_CORRUPT, "column '%s': its dictionary is of another type",
                          f->name);
    }
    return f->kind == FT_ARROW_LIST ? add_item(a, in, t, depth, err) : FT_OK;
}

static int add_pairs(struct ft_arrow *a, struct ft_flat_in *in, const struct ft_flat_tab *schema)
{
    struct ft_flat_vec pairs = ft_flat_vector(in, schema, 2, 4);

    for (uint32_t i = 0; i < pairs.n && a->n_pairs < FT__ARROW_PAIRS_MAX; i++) {
        struct ft_flat_tab t = ft_flat_item(in, &pairs, i);
        uint32_t key_len, value_len;
        const char *key = ft_flat_text(in, &t, 0, &key_len);
        const char *value = ft_flat_text(in, &t, 1, &value_len);

        if (key == NULL || value == NULL) {
            continue;
        }
        char *copy = ft_mem_alloc(1, (size_t)key_len + value_len + 2);

        if (copy == NULL) {
            return FT_E_NOMEM;
        }
        memcpy(copy, key, key_len);
        memcpy(copy + key_len + 1, value, value_len);
        a->pair[a->n_pairs].key = copy;
        a->pair[a->n_pairs++].value = copy + key_len + 1;
    }
    return FT_OK;
}

int ft__arrow_schema(struct ft_arrow *a, struct ft_flat_in *in, const struct ft_flat_tab *schema,
                     struct ft_err *err)
{
    struct ft_flat_vec fields = ft_flat_vector(in, schema, 1, 4);
    int rc = FT_OK;

    if (ft_flat_u(in, schema, 0, 2, 0) != 0) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "big-endian Arrow is not read");
    }
    a->field = ft_mem_alloc(FT_ARROW_FIELDS, sizeof *a->field);
    a->column = ft_mem_alloc(FT_ARROW_FIELDS, sizeof *a->column);
    if (a->field == NULL || a->column == NULL || add_pairs(a, in, schema) != FT_OK) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < fields.n && rc == FT_OK; i++) {
        struct ft_flat_tab t = ft_flat_item(in, &fields, i);

        rc = add_field(a, in, &t, 0, err);
    }
    if (rc == FT_OK && in->bad) {
        return ft_err_set(err, FT_E_CORRUPT, "the schema points out of its message");
    }
    return rc;
}
