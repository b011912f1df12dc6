/* SPDX-License-Identifier: Apache-2.0 */
/* codec/text: the value of a column, see column.h. */
#include "codec/text/column.h"

#include "codec/text/digits.h"
#include "codec/text/escape.h"

static uint8_t *put_quoted_body(uint8_t *p, enum ft_type type, const struct ft_value *v)
{
    if (type == FT_T_STRING) {
        return ft_put_str(p, v->s);
    }
    if (type == FT_T_ID) {
        return ft_put_hex64(p, v->u);
    }
    return v->ip_version == 4 ? ft_put_ip4(p, v->addr) : ft_put_ip6(p, v->addr);
}

static uint8_t *put_i64(uint8_t *p, int64_t v)
{
    if (v < 0) {
        *p++ = '-';
    }
    return ft_put_u64(p, v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v);
}

static uint8_t *put_item(uint8_t *p, enum ft_type item, const void *items, uint32_t i)
{
    switch (item) {
    case FT_T_BOOL:
        return ((const uint8_t *)items)[i] != 0 ? FT_PUT_LIT(p, "true") : FT_PUT_LIT(p, "false");
    case FT_T_U8:
        return ft_put_u64(p, ((const uint8_t *)items)[i]);
    case FT_T_U16:
        return ft_put_u64(p, ((const uint16_t *)items)[i]);
    case FT_T_U32:
        return ft_put_u64(p, ((const uint32_t *)items)[i]);
    case FT_T_I64:
        return put_i64(p, ((const int64_t *)items)[i]);
    case FT_T_F64:
        return ft_put_f64(p, ((const double *)items)[i]);
    case FT_T_F32:
        return ft_put_f32(p, ((const float *)items)[i]);
    default:
        return ft_put_u64(p, ((const uint64_t *)items)[i]);
    }
}

/* Items from one up to another. */
static uint8_t *put_list(uint8_t *p, const struct ft_value *v, uint32_t from, uint32_t to,
                         bool json)
{
    if (!json && from == to) { /* nothing is what null is in a table */
        return FT_PUT_LIT(p, "[]");
    }
    if (json) {
        *p++ = '[';
    }
    for (uint32_t i = from; i < to; i++) {
        if (i > from) {
            *p++ = json ? ',' : ';';
        }
        p = put_item(p, (enum ft_type)v->item, v->items, i);
    }
    if (json) {
        *p++ = ']';
    }
    return p;
}

static uint8_t *put_lists(uint8_t *p, const struct ft_value *v, bool json)
{
    uint32_t from = 0;

    if (v->n_items == 0) {
        return FT_PUT_LIT(p, "[]");
    }
    if (json) {
        *p++ = '[';
    }
    for (uint32_t i = 0; i < v->n_items; i++) {
        if (i > 0) {
            *p++ = json ? ',' : '|';
        }
        p = put_list(p, v, from, v->ends[i], json);
        from = v->ends[i];
    }
    if (json) {
        *p++ = ']';
    }
    return p;
}

/* Commas are inside of quotes in a table. */
static uint8_t *put_vector(uint8_t *p, const struct ft_value *v, bool json)
{
    if (json) {
        return put_list(p, v, 0, v->n_items, true);
    }
    *p++ = '"';
    p = put_list(p, v, 0, v->n_items, true);
    *p++ = '"';
    return p;
}

static uint8_t *put_hex(uint8_t *p, const uint8_t *bytes, uint32_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (uint32_t i = 0; i < n; i++) {
        *p++ = (uint8_t)digits[bytes[i] >> 4];
        *p++ = (uint8_t)digits[bytes[i] & 15];
    }
    return p;
}

uint8_t *ft_put_value(uint8_t *p, enum ft_type type, const struct ft_value *v, bool quoted)
{
    switch (type) {
    case FT_T_BOOL:
        return v->u != 0 ? FT_PUT_LIT(p, "true") : FT_PUT_LIT(p, "false");
    case FT_T_TIME:
        return ft_put_time(p, v->i);
    case FT_T_I64:
        return put_i64(p, v->i);
    case FT_T_LIST:
        return put_list(p, v, 0, v->n_items, quoted);
    case FT_T_LISTS:
        return put_lists(p, v, quoted);
    case FT_T_VECTOR:
        return put_vector(p, v, quoted);
    case FT_T_TEXT: /* quoted in CSV as well: it may hold anything */
        *p++ = '"';
        p = ft_put_text(p, v->text, v->text_len, quoted);
        *p++ = '"';
        return p;
    case FT_T_F64:
        return ft_put_f64(p, v->f);
    case FT_T_BYTES:
        if (quoted) {
            *p++ = '"';
        }
        p = put_hex(p, v->text, v->text_len);
        if (quoted) {
            *p++ = '"';
        }
        return p;
    case FT_T_STRING:
    case FT_T_ID:
    case FT_T_ADDR:
        if (quoted) {
            *p++ = '"';
        }
        p = put_quoted_body(p, type, v);
        if (quoted) {
            *p++ = '"';
        }
        return p;
    default:
        return ft_put_u64(p, v->u);
    }
}
