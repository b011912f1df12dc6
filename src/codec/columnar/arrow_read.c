/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: messages of Arrow IPC and dictionaries, see arrow_read.h. */
#include "codec/columnar/arrow_read.h"

#include <string.h>

#include "base/mem.h"
#include "codec/columnar/arrow_parts.h"

/* A message's header, a union. */
enum { HEADER_SCHEMA = 1, HEADER_DICTIONARY = 2, HEADER_BATCH = 3 };

enum { PREFIX = 8, OLD_PREFIX = 4, VERSION_4 = 3, VERSION_5 = 4, MAGIC_LEN = 6, MAGIC_ROOM = 8 };

static const uint8_t magic[MAGIC_LEN] = "ARROW1";

struct ft_arrow *ft_arrow_new(void)
{
    return ft_mem_alloc(1, sizeof(struct ft_arrow));
}

static void free_parts(struct ft_arrow *a, struct ft_arrow_dictionary *d)
{
    while (d->part != NULL) {
        struct ft__arrow_part *next = d->part->next;

        a->dictionary_len -= d->part->len;
        ft_mem_free(d->part);
        d->part = next;
    }
    d->n = 0;
}

void ft_arrow_free(struct ft_arrow *a)
{
    if (a == NULL) {
        return;
    }
    for (uint32_t i = 0; i < a->n; i++) {
        ft_mem_free(a->field[i].name);
    }
    for (uint32_t i = 0; i < a->n_pairs; i++) {
        ft_mem_free(a->pair[i].key);
    }
    for (uint32_t i = 0; i < a->n_dictionaries; i++) {
        free_parts(a, &a->dictionary[i]);
    }
    ft_mem_free(a->field);
    ft_mem_free(a->column);
    ft_mem_free(a);
}

uint32_t ft_arrow_fields(const struct ft_arrow *a, const struct ft_arrow_field **out)
{
    *out = a->field;
    return a->n;
}

const struct ft_arrow_column *ft_arrow_columns(const struct ft_arrow *a, uint64_t *out_rows)
{
    *out_rows = a->rows;
    return a->column;
}

const char *ft_arrow_pair(const struct ft_arrow *a, const char *key)
{
    for (uint32_t i = 0; i < a->n_pairs; i++) {
        if (strcmp(a->pair[i].key, key) == 0) {
            return a->pair[i].value;
        }
    }
    return NULL;
}

/* ---- dictionaries ---- */

struct ft_arrow_dictionary *ft__arrow_dictionary(struct ft_arrow *a, int64_t id)
{
    for (uint32_t i = 0; i < a->n_dictionaries; i++) {
        if (a->dictionary[i].id == id) {
            return &a->dictionary[i];
        }
    }
    return NULL;
}

const struct ft_arrow_column *ft_arrow_look_up(const struct ft_arrow_field *f,
                                               const struct ft_arrow_column *c, uint64_t i,
                                               uint64_t *out_i)
{
    const struct ft__arrow_part *part = c->dictionary->part;
    uint64_t v = 0;

    memcpy(&v, c->index + i * f->index_width, f->index_width);
    while (part->next != NULL && v >= part->next->first) {
        part = part->next;
    }
    *out_i = v - part->first;
    return &part->column;
}

/* The field whose values a dictionary has. */
static const struct ft_arrow_field *field_of(const struct ft_arrow *a, int64_t id)
{
    for (uint32_t i = 0; i < a->n; i++) {
        if (a->field[i].is_indexed && a->field[i].dictionary == id) {
            return &a->field[i];
        }
    }
    return NULL;
}

static int add_part(struct ft_arrow *a, struct ft_arrow_dictionary *d,
                    const struct ft_arrow_field *field, struct ft__arrow_batch_in *b,
                    struct ft_err *err)
{
    struct ft__arrow_part *part, **last = &d->part;
    struct ft_arrow_field values = *field;
    uint64_t rows;

    if (b->body_len > FT_ARROW_DICTIONARY - a->dictionary_len) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "dictionaries of more than %d bytes",
                          FT_ARROW_DICTIONARY);
    }
    part = ft_mem_alloc(1, sizeof *part + b->body_len);
    if (part == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    memcpy(part->body, b->body, b->body_len);
    b->body = part->body;
    values.depth = 0;
    int rc = ft__arrow_columns(a, b, &values, 1, false, &part->column, &rows, err);

    if (rc != FT_OK) {
        ft_mem_free(part);
        return rc;
    }
    part->len = b->body_len;
    part->first = d->n;
    d->n += rows;
    a->dictionary_len += part->len;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = part;
    return FT_OK;
}

static int take_dictionary(struct ft_arrow *a, const struct ft_flat_tab *t,
                           struct ft__arrow_batch_in *b, struct ft_err *err)
{
    int64_t id = (int64_t)ft_flat_u(b->in, t, 0, 8, 0);
    bool is_delta = ft_flat_u(b->in, t, 2, 1, 0) != 0;
    const struct ft_arrow_field *field = field_of(a, id);
    struct ft_arrow_dictionary *d = ft__arrow_dictionary(a, id);

    b->table = ft_flat_sub(b->in, t, 1);
    if (field == NULL || b->table.at == 0) {
        return ft_err_set(err, FT_E_CORRUPT, "a dictionary of no column");
    }
    if (d == NULL) {
        if (a->n_dictionaries == FT__ARROW_DICTIONARIES) {
            return ft_err_set(err, FT_E_UNSUPPORTED, "more than %d dictionaries",
                              FT__ARROW_DICTIONARIES);
        }
        d = &a->dictionary[a->n_dictionaries++];
        d->id = id;
    } else if (!is_delta) {
        free_parts(a, d); /* another one in its place */
    }
    return add_part(a, d, field, b, err);
}

/* ---- messages ---- */

/* Where a message's parts are. */
struct message {
    const uint8_t *meta, *body;
    uint64_t meta_len, body_len;
    uint32_t prefix;
};

/* The description of a message, as far as it is there. FT_E_EOF: the stream is at its end;
 * FT_E_AGAIN: *out_need bytes in all are needed. */
static int find_meta(const uint8_t *data, size_t len, bool ended, struct message *out,
                     size_t *out_need, struct ft_err *err)
{
    uint32_t word;

    if (len == OLD_PREFIX && ended && memcmp(data, "\0\0\0", OLD_PREFIX) == 0) {
        return FT_E_EOF; /* as it was written before 0.15 */
    }
    if (len < PREFIX) {
        *out_need = PREFIX;
        return len == 0 && ended ? FT_E_EOF : FT_E_AGAIN;
    }
    memcpy(&word, data, sizeof word);
    out->prefix = word == UINT32_MAX ? PREFIX : OLD_PREFIX;
    memcpy(&word, data + out->prefix - sizeof word, sizeof word);
    if (word == 0) {
        return FT_E_EOF;
    }
    if (word > FT_ARROW_META) {
        return ft_err_set(err, FT_E_CORRUPT, "no message of Arrow begins here");
    }
    out->meta = data + out->prefix;
    out->meta_len = word;
    *out_need = out->prefix + (size_t)word;
    return *out_need <= len ? FT_OK : FT_E_AGAIN;
}

static int take_message(struct ft_arrow *a, const struct message *m, struct ft_flat_in *in,
                        const struct ft_flat_tab *t, enum ft_arrow_event *out, struct ft_err *err)
{
    uint64_t kind = ft_flat_u(in, t, 1, 1, 0), version = ft_flat_u(in, t, 0, 2, 0);
    struct ft_flat_tab header = ft_flat_sub(in, t, 2);
    struct ft__arrow_batch_in b = {
        .in = in, .table = header, .body = m->body, .body_len = m->body_len};

    if (in->bad || header.at == 0) {
        return ft_err_set(err, FT_E_CORRUPT, "the description of a message points out of it");
    }
    if (version != VERSION_4 && version != VERSION_5) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "version %u of Arrow's messages is not read",
                          (unsigned)version + 1);
    }
    if ((kind == HEADER_SCHEMA) == a->has_schema) {
        return ft_err_set(err, FT_E_CORRUPT,
                          a->has_schema ? "a second schema" : "a batch before the schema");
    }
    switch (kind) {
    case HEADER_SCHEMA:
        *out = FT_ARROW_SCHEMA;
        a->has_schema = true;
        return ft__arrow_schema(a, in, &header, err);
    case HEADER_DICTIONARY:
        *out = FT_ARROW_NOTHING;
        return take_dictionary(a, &header, &b, err);
    case HEADER_BATCH:
        *out = FT_ARROW_BATCH;
        return ft__arrow_columns(a, &b, a->field, a->n, true, a->column, &a->rows, err);
    default:
        return ft_err_set(err, FT_E_UNSUPPORTED, "a message of kind %u is not read",
                          (unsigned)kind);
    }
}

static int next(struct ft_arrow *a, const uint8_t *data, size_t len, bool ended,
                enum ft_arrow_event *out_event, size_t *out_used, size_t *out_need,
                struct ft_err *err)
{
    struct message m = {0};
    int rc = find_meta(data, len, ended, &m, out_need, err);

    if (rc != FT_OK) {
        *out_event = rc == FT_E_EOF ? FT_ARROW_END : FT_ARROW_MORE;
        return rc == FT_E_EOF || rc == FT_E_AGAIN ? FT_OK : rc;
    }
    struct ft_flat_in in = {.data = m.meta, .len = (uint32_t)m.meta_len};
    struct ft_flat_tab t = ft_flat_root(&in);

    m.body_len = ft_flat_u(&in, &t, 3, 8, 0);
    if (m.body_len > FT_ARROW_BODY) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "a batch of more than %d bytes is not read",
                          FT_ARROW_BODY);
    }
    *out_need += m.body_len;
    if (*out_need > len) {
        *out_event = FT_ARROW_MORE;
        return FT_OK;
    }
    m.body = m.meta + m.meta_len;
    *out_used = *out_need;
    return take_message(a, &m, &in, &t, out_event, err);
}

/* Bytes of a message that is not there as a whole, when nothing comes any more. */
static int torn(const struct ft_arrow *a, size_t len, struct ft_err *err)
{
    return ft_err_set(err, FT_E_TRUNCATED, "%s",
                      len == 0        ? "nothing is there"
                      : a->has_schema ? "it ends in the middle of a message"
                                      : "it ends before its schema");
}

int ft_arrow_take(struct ft_arrow *a, const uint8_t *data, size_t len, bool ended,
                  enum ft_arrow_event *out_event, size_t *out_used, size_t *out_need,
                  struct ft_err *err)
{
    struct ft_err why = {0};
    int rc = FT_OK;

    *out_used = 0;
    if (!a->begun && len >= MAGIC_ROOM && memcmp(data, magic, sizeof magic) == 0) {
        *out_event = FT_ARROW_NOTHING;
        *out_used = MAGIC_ROOM;
    } else {
        rc = next(a, data, len, ended, out_event, out_used, out_need, &why);
        if (rc == FT_OK && ((*out_event == FT_ARROW_MORE && ended) ||
                            (*out_event == FT_ARROW_END && !a->has_schema))) {
            rc = torn(a, len, &why);
        }
    }
    if (rc != FT_OK) {
        ft_err_set(err, rc, "byte %llu: %s", (unsigned long long)a->at, why.what);
        err->off = a->at;
        return rc;
    }
    a->begun = true;
    a->at += *out_used;
    return FT_OK;
}
