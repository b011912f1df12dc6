/* SPDX-License-Identifier: Apache-2.0 */
/* store: can values be within a bound? Never no for one that SQLite would say yes to: it looks
 * again. */
#include "base/rd.h"
#include "store/read.h"

/* A number of a column, as SQLite sees it. */
struct number {
    bool whole;
    int64_t i;
    double f;
};

static struct number number_of(const struct ft_store_column *c, uint64_t v)
{
    double f;

    if (c->type == FT_T_TIME) {
        return (struct number){.f = (double)(int64_t)v / 1e6};
    }
    if (c->type == FT_T_F64) {
        memcpy(&f, &v, sizeof f);
        return (struct number){.f = f};
    }
    if (c->type != FT_T_I64 && v > INT64_MAX) {
        return (struct number){.f = (double)v};
    }
    return (struct number){.whole = true, .i = (int64_t)v, .f = (double)(int64_t)v};
}

/* -1, 0, 1: less than, maybe equal to, more than the bound. */
static int compare(const struct ft__bound *b, struct number n)
{
    if (b->kind == FT_STORE_INTEGER && n.whole) {
        return n.i < b->i ? -1 : n.i > b->i;
    }
    double f = b->kind == FT_STORE_INTEGER ? (double)b->i : b->f;

    return n.f < f ? -1 : n.f > f;
}

static bool is_numeric(const struct ft__bound *b, const struct ft_store_column *c)
{
    return ft_store_is_number(c) && (b->kind == FT_STORE_INTEGER || b->kind == FT_STORE_REAL);
}

/* Between two values that are the least and the greatest. */
static bool between(int op, int least, int most)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return least <= 0 && most >= 0;
    case SQLITE_INDEX_CONSTRAINT_GT:
    case SQLITE_INDEX_CONSTRAINT_GE:
        return most >= 0;
    default:
        return least <= 0;
    }
}

bool ft__bound_row(const struct ft__bound *b, const struct ft_store_column *c,
                   const struct ft_store_values *v, uint32_t row)
{
    if (ft_store_value_null(v, row)) {
        return false;
    }
    if (is_numeric(b, c)) {
        int is = compare(b, number_of(c, ft_store_buf_u64(&v->num)[row]));

        return between(b->op, is, is);
    }
    if (b->op != SQLITE_INDEX_CONSTRAINT_EQ || b->kind != FT_STORE_STRING) {
        return true;
    }
    if (ft_store_is_address(c)) {
        return !b->is_address || memcmp(v->bytes.p + (size_t)row * 16, b->address, 16) == 0;
    }
    if (c->cell != FT__CELL_TEXT || c->type == FT_T_BYTES) {
        return true;
    }
    uint32_t at = ft_store_buf_u32(&v->end)[row], end = ft_store_buf_u32(&v->end)[row + 1];

    return end - at == b->len && memcmp(v->bytes.p + at, b->text, b->len) == 0;
}

bool ft__bound_block(const struct ft__bound *b, const struct ft_store_column *c,
                     const struct ft_store_extent *ext)
{
    if (memcmp(ext->min, ext->max, sizeof ext->min) > 0) {
        return false; /* all are null */
    }
    if (is_numeric(b, c)) {
        uint64_t least = ft_store_unordered(c->type, ft_load_be64(ext->min));
        uint64_t most = ft_store_unordered(c->type, ft_load_be64(ext->max));

        return between(b->op, compare(b, number_of(c, least)), compare(b, number_of(c, most)));
    }
    if (b->op != SQLITE_INDEX_CONSTRAINT_EQ || b->kind != FT_STORE_STRING) {
        return true;
    }
    uint8_t head[FT_STORE_BOUND] = {0};

    if (ft_store_is_address(c)) {
        if (!b->is_address) {
            return true;
        }
        memcpy(head, b->address, sizeof head);
    } else if (c->cell == FT__CELL_TEXT && c->type != FT_T_BYTES) {
        memcpy(head, b->text, b->len < sizeof head ? b->len : sizeof head);
    } else {
        return true;
    }
    return memcmp(head, ext->min, sizeof head) >= 0 && memcmp(head, ext->max, sizeof head) <= 0;
}
