/* SPDX-License-Identifier: Apache-2.0 */
/* store: values, see value.h. */
#include "store/value.h"

#include <arpa/inet.h>

#include "codec/text/column.h"
#include "codec/text/digits.h"

enum { MAPPED = 12, ITEM_TEXT = 32, LESS = 64 };

static const uint8_t mapped[MAPPED] = {[10] = 0xff, [11] = 0xff};

enum ft_type ft_store_value_type(const struct ft_store_column *c)
{
    bool text = c->cell == FT__CELL_TEXT && c->type != FT_T_JSON && c->type != FT_T_BYTES;

    return text ? FT_T_TEXT : (enum ft_type)c->type;
}

/* n items, as wide as their type is. */
static bool narrow(const struct ft_store_column *c, const struct ft_store_values *v, uint32_t first,
                   uint32_t n, struct ft_store_buf *to)
{
    const uint64_t *from = ft_store_buf_u64(&v->num) + first;

    if (!ft_store_buf_set(to, (size_t)n * c->width + sizeof(uint64_t))) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) { /* little-endian: the low bytes come first */
        memcpy(to->p + (size_t)i * c->width, &from[i], c->width);
    }
    return true;
}

/* The ends of a row's inner lists, counted from its first item. */
static bool ends_of(const struct ft_store_values *v, uint32_t first, uint32_t n, uint32_t item,
                    struct ft_store_buf *scratch, size_t at)
{
    const uint32_t *inner = ft_store_buf_u32(&v->inner);

    if (!ft_store_buf_room(scratch, at + (n + 1) * sizeof(uint32_t))) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t end = inner[first + i + 1] - item;

        memcpy(scratch->p + at + i * sizeof end, &end, sizeof end);
    }
    return true;
}

static bool lists(const struct ft_store_column *c, const struct ft_store_values *v, uint32_t row,
                  struct ft_store_buf *scratch, struct ft_value *out)
{
    const uint32_t *end = ft_store_buf_u32(&v->end);
    uint32_t first = end[row], n = end[row + 1] - first;

    out->item = c->item;
    out->n_items = n;
    if (c->cell == FT__CELL_LIST) {
        bool good = narrow(c, v, first, n, scratch);

        out->items = scratch->p;
        return good;
    }
    const uint32_t *inner = ft_store_buf_u32(&v->inner);
    uint32_t item = inner[first], items = inner[first + n] - item;
    size_t at = ((size_t)items * c->width + sizeof(uint64_t)) / 8 * 8 + 8;

    if (!narrow(c, v, item, items, scratch) || !ends_of(v, first, n, item, scratch, at)) {
        return false;
    }
    out->items = scratch->p;
    out->ends = (const uint32_t *)(const void *)(scratch->p + at);
    return true;
}

bool ft_store_value(const struct ft_store_column *c, const struct ft_store_values *v, uint32_t row,
                    struct ft_store_buf *scratch, struct ft_value *out)
{
    *out = (struct ft_value){.null = ft_store_value_null(v, row)};
    if (out->null) {
        return true;
    }
    if (ft_store_is_address(c)) {
        const uint8_t *a = v->bytes.p + (size_t)row * 16;
        bool v4 = memcmp(a, mapped, MAPPED) == 0;

        out->ip_version = v4 ? 4 : 6;
        out->addr = v4 ? a + MAPPED : a;
    } else if (ft_store_is_number(c)) {
        out->u = ft_store_buf_u64(&v->num)[row];
        if (c->type == FT_T_TIME) {
            out->i *= 1000; /* from µs */
        }
    } else if (c->cell == FT__CELL_FIXED) {
        out->text = v->bytes.p + (size_t)row * c->width;
        out->text_len = c->width;
    } else if (c->cell == FT__CELL_VECTOR) {
        out->items = v->bytes.p + (size_t)row * c->width;
        out->n_items = c->width / (uint32_t)sizeof(float);
        out->item = FT_T_F32;
    } else if (c->cell == FT__CELL_TEXT) {
        out->text = v->bytes.p + ft_store_buf_u32(&v->end)[row];
        out->text_len = ft_store_buf_u32(&v->end)[row + 1] - ft_store_buf_u32(&v->end)[row];
    } else {
        return lists(c, v, row, scratch, out);
    }
    return true;
}

void ft_store_put_address(const uint8_t address[16], char out[FT_STORE_ADDRESS])
{
    bool v4 = memcmp(address, mapped, MAPPED) == 0;
    struct ft_value v = {.ip_version = v4 ? 4 : 6, .addr = v4 ? address + MAPPED : address};
    uint8_t text[FT_STORE_ADDRESS + FT_PUT_SLACK];
    uint8_t *end = ft_put_value(text, FT_T_ADDR, &v, false);

    *end = '\0';
    memcpy(out, text, (size_t)(end - text) + 1);
}

bool ft_store_parse_address(const char *text, uint8_t out[16])
{
    memcpy(out, mapped, MAPPED);
    return inet_pton(AF_INET, text, out + MAPPED) == 1 || inet_pton(AF_INET6, text, out) == 1;
}

/* Bytes that a value takes as text, at most. */
static size_t room_of(const struct ft_store_column *c, const struct ft_value *v)
{
    if (c->cell == FT__CELL_TEXT || c->type == FT_T_BYTES) {
        return (size_t)v->text_len * 6 + LESS;
    }
    if (c->cell == FT__CELL_LIST || c->cell == FT__CELL_VECTOR) {
        return (size_t)v->n_items * ITEM_TEXT + LESS;
    }
    if (c->cell == FT__CELL_LISTS) {
        return ((size_t)v->n_items + (v->n_items > 0 ? v->ends[v->n_items - 1] : 0)) * ITEM_TEXT +
               LESS;
    }
    return LESS * 2;
}

bool ft_store_put_json(const struct ft_store_column *c, const struct ft_store_values *values,
                       uint32_t row, struct ft_store_buf *scratch, struct ft_store_buf *out)
{
    struct ft_value v;

    if (!ft_store_value(c, values, row, scratch, &v) ||
        !ft_store_buf_room(out, v.null ? LESS : room_of(c, &v) + FT_PUT_SLACK)) {
        return false;
    }
    if (v.null) {
        return ft_store_buf_add(out, "null", 4);
    }
    if (ft_store_value_type(c) == FT_T_JSON) {
        return ft_store_buf_add(out, v.text, v.text_len);
    }
    const uint8_t *end = ft_put_value(out->p + out->len, ft_store_value_type(c), &v, true);

    out->len = (size_t)(end - out->p);
    return true;
}
