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

uint8_t *ft_put_value(uint8_t *p, enum ft_type type, const struct ft_value *v, bool quoted)
{
    switch (type) {
    case FT_T_BOOL:
        return ft_put_str(p, v->u != 0 ? "true" : "false");
    case FT_T_TIME:
        return ft_put_time(p, v->i);
    case FT_T_I64:
        if (v->i < 0) {
            *p++ = '-';
        }
        return ft_put_u64(p, v->i < 0 ? (uint64_t)0 - (uint64_t)v->i : (uint64_t)v->i);
    case FT_T_TEXT: /* quoted in CSV as well: it may hold anything */
        *p++ = '"';
        p = ft_put_text(p, v->text, v->text_len, quoted);
        *p++ = '"';
        return p;
    case FT_T_F64:
        return ft_put_f64(p, v->f);
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
