/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: record batches of Arrow (format/Message.fbs), see arrow_read.h. */
#include <string.h>

#include "codec/columnar/arrow_parts.h"

enum { NODE = 16, BUFFER = 16, ROWS_MOST = 1 << 24 };

/* A batch while its nodes and buffers are taken in order. */
struct taking {
    const struct ft__arrow_batch_in *b;
    struct ft_flat_vec nodes, buffers;
    uint32_t node, buffer;
    const char *column; /* that is taken */
    struct ft_err *err;
};

static int bad(const struct taking *t, const char *what)
{
    return ft_err_set(t->err, FT_E_CORRUPT, "column '%s': %s", t->column, what);
}

static uint64_t word(const struct taking *t, uint32_t at)
{
    uint64_t v;

    memcpy(&v, t->b->in->data + at, sizeof v);
    return v;
}

/* The next buffer, of need bytes at least. */
static int take_buffer(struct taking *t, uint64_t need, const uint8_t **out, uint64_t *out_len)
{
    if (t->buffer == t->buffers.n) {
        return bad(t, "has a buffer too few");
    }
    uint64_t at = word(t, t->buffers.at + BUFFER * t->buffer);
    uint64_t len = word(t, t->buffers.at + BUFFER * t->buffer + 8);

    t->buffer++;
    if (at > t->b->body_len || len > t->b->body_len - at) {
        return bad(t, "a buffer lies beyond the batch");
    }
    if (len < need) {
        return bad(t, "a buffer is too short");
    }
    *out = t->b->body + at;
    *out_len = len;
    return FT_OK;
}

/* Offsets never go back, nor beyond `most`. */
static bool offsets_rise(const uint8_t *at, uint64_t n, bool large, uint64_t most)
{
    uint64_t before = 0;
    bool rise = true;

    for (uint64_t i = 0; i <= n; i++) {
        uint64_t v;

        if (large) {
            memcpy(&v, at + 8 * i, sizeof v);
        } else {
            uint32_t narrow;

            memcpy(&narrow, at + 4 * i, sizeof narrow);
            v = narrow;
        }
        rise &= v >= before;
        before = v;
    }
    return rise && before <= most;
}

static int take_offsets(struct taking *t, const struct ft_arrow_field *f, struct ft_arrow_column *c)
{
    static const uint8_t none[8] = {0}; /* of no values there need be none */
    uint64_t width = f->large ? 8 : 4, len;
    int rc = take_buffer(t, c->n > 0 ? (c->n + 1) * width : 0, &c->offsets, &len);

    if (rc == FT_OK && len < (c->n + 1) * width) {
        c->offsets = none;
    }
    return rc;
}

static int take_indices(struct taking *t, struct ft_arrow *a, const struct ft_arrow_field *f,
                        struct ft_arrow_column *c)
{
    uint64_t len, w = f->index_width;
    int rc = take_buffer(t, c->n * w, &c->index, &len);

    c->dictionary = ft__arrow_dictionary(a, f->dictionary);
    if (rc != FT_OK) {
        return rc;
    }
    if (c->dictionary == NULL) {
        return bad(t, "its dictionary has not come");
    }
    for (uint64_t i = 0; i < c->n; i++) {
        uint64_t v = 0;

        memcpy(&v, c->index + i * w, w);
        bool below = f->index_signed && v >> (8 * w - 1) != 0;

        if (ft_arrow_valid(c, i) && (below || v >= c->dictionary->n)) {
            return bad(t, "a value is beyond its dictionary");
        }
    }
    return FT_OK;
}

/* What is behind the validity. */
static int take_values(struct taking *t, const struct ft_arrow_field *f, struct ft_arrow_column *c)
{
    uint64_t len, need;
    int rc;

    switch ((enum ft_arrow_kind)f->kind) {
    case FT_ARROW_NULL:
        return FT_OK;
    case FT_ARROW_LIST:
        return f->fixed == 0 ? take_offsets(t, f, c) : FT_OK;
    case FT_ARROW_TEXT:
    case FT_ARROW_BYTES:
        rc = take_offsets(t, f, c);
        rc = rc == FT_OK ? take_buffer(t, 0, &c->data, &len) : rc;
        if (rc == FT_OK && !offsets_rise(c->offsets, c->n, f->large, len)) {
            return bad(t, "its offsets go back, or beyond its bytes");
        }
        return rc;
    case FT_ARROW_BOOL:
        need = (c->n + 7) / 8;
        break;
    default:
        need = c->n * f->width;
    }
    return take_buffer(t, need, &c->data, &len);
}

static int take_column(struct taking *t, struct ft_arrow *a, const struct ft_arrow_field *f,
                       bool indexed, struct ft_arrow_column *c)
{
    if (t->node == t->nodes.n) {
        return bad(t, "has no node");
    }
    uint64_t nulls = word(t, t->nodes.at + NODE * t->node + 8), len;

    *c = (struct ft_arrow_column){.n = word(t, t->nodes.at + NODE * t->node)};
    t->node++;
    if (c->n > INT32_MAX || nulls > c->n) { /* what is below 0 is large */
        return bad(t, "the number of its values, or of its nulls, cannot be");
    }
    if (f->kind != FT_ARROW_NULL || indexed) {
        int rc = take_buffer(t, 0, &c->valid, &len);

        if (rc != FT_OK) {
            return rc;
        }
        if (nulls == 0) {
            c->valid = NULL;
        } else if (len < (c->n + 7) / 8) {
            return bad(t, "says that it has nulls, but not which");
        }
    }
    return indexed ? take_indices(t, a, f, c) : take_values(t, f, c);
}

/* Lists against the items behind them. */
static int check_list(const struct taking *t, const struct ft_arrow_field *f,
                      const struct ft_arrow_column *c)
{
    uint64_t items = c[1].n;
    bool good =
        f->fixed != 0 ? items / f->fixed >= c->n : offsets_rise(c->offsets, c->n, f->large, items);

    return good ? FT_OK : bad(t, "its lists go back, or beyond their items");
}

int ft__arrow_columns(struct ft_arrow *a, const struct ft__arrow_batch_in *b,
                      const struct ft_arrow_field *fields, uint32_t n, bool indexed,
                      struct ft_arrow_column *out, uint64_t *out_rows, struct ft_err *err)
{
    struct taking t = {.b = b, .err = err, .column = ""};
    int rc = FT_OK;

    *out_rows = ft_flat_u(b->in, &b->table, 0, 8, 0);
    t.nodes = ft_flat_vector(b->in, &b->table, 1, NODE);
    t.buffers = ft_flat_vector(b->in, &b->table, 2, BUFFER);
    if (ft_flat_sub(b->in, &b->table, 3).at != 0) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "a compressed batch is not read");
    }
    if (b->in->bad) {
        return ft_err_set(err, FT_E_CORRUPT, "a batch points out of its message");
    }
    if (*out_rows > ROWS_MOST) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "a batch of more than %d rows is not read",
                          ROWS_MOST);
    }
    for (uint32_t i = 0; i < n && rc == FT_OK; i++) {
        t.column = fields[i].depth == 0 ? fields[i].name : t.column;
        rc = take_column(&t, a, &fields[i], indexed && fields[i].is_indexed, &out[i]);
        if (rc == FT_OK && fields[i].depth == 0 && out[i].n != *out_rows) {
            rc = bad(&t, "has another number of values than the batch");
        }
    }
    for (uint32_t i = 0; i < n && rc == FT_OK; i++) {
        t.column = fields[i].name;
        rc = fields[i].kind == FT_ARROW_LIST ? check_list(&t, &fields[i], &out[i]) : FT_OK;
    }
    if (rc == FT_OK && (t.node != t.nodes.n || t.buffer != t.buffers.n)) {
        return ft_err_set(err, FT_E_CORRUPT, "a batch has more than its columns");
    }
    return rc;
}
