/* SPDX-License-Identifier: Apache-2.0 */
/* format: Zeek's tables, see zeek.h. */
#include "format/zeek.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "codec/text/column.h"
#include "codec/text/digits.h"

/* Columns whose type in Zeek is not that of their kind. */
static const struct {
    const char *name, *type;
} special[] = {
    {"id.orig_p", "port"},
    {"id.resp_p", "port"},
    {"proto", "enum"},
    {"tunnel_parents", "set[string]"},
};

static const char *type_of(const struct ft_field *f)
{
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        if (strcmp(special[i].name, f->name) == 0) {
            return special[i].type;
        }
    }
    switch ((enum ft_type)f->type) {
    case FT_T_BOOL:
        return "bool";
    case FT_T_U8:
    case FT_T_U16:
    case FT_T_U32:
    case FT_T_U64:
        return "count";
    case FT_T_I64:
        return "int";
    case FT_T_F64:
        return strcmp(f->unit, "s") == 0 ? "interval" : "double";
    case FT_T_TIME:
        return "time";
    case FT_T_ADDR:
        return "addr";
    default:
        return "string";
    }
}

static uint8_t *end_line(uint8_t *p)
{
    *p++ = '\n';
    return p;
}

/* "2026-11-29-08-04-41", local time. */
static uint8_t *put_now(uint8_t *p)
{
    time_t now = time(NULL);
    struct tm tm;
    char text[32];

    strftime(text, sizeof text, "%Y-%m-%d-%H-%M-%S", localtime_r(&now, &tm));
    return ft_put_str(p, text);
}

size_t ft__zeek_close(uint8_t *out)
{
    return (size_t)(end_line(put_now(FT_PUT_LIT(out, "#close\t"))) - out);
}

size_t ft__zeek_header(const struct ft_columns *c, const char *path, uint8_t *out)
{
    uint8_t *p = FT_PUT_LIT(out, "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n"
                                 "#unset_field\t-\n#path\t");

    p = end_line(ft_put_str(p, path));
    p = FT_PUT_LIT(p, "#open\t");
    p = end_line(put_now(p));
    p = FT_PUT_LIT(p, "#fields");
    for (uint32_t i = 0; i < c->n; i++) {
        *p++ = '\t';
        p = ft_put_str(p, c->col[i].field->name);
    }
    p = end_line(p);
    p = FT_PUT_LIT(p, "#types");
    for (uint32_t i = 0; i < c->n; i++) {
        *p++ = '\t';
        p = ft_put_str(p, type_of(c->col[i].field));
    }
    return (size_t)(end_line(p) - out);
}

/* Texts of these columns are flowtap's own, but for one that could be taken for no value. */
static uint8_t *put_text(uint8_t *p, const char *s)
{
    if (s[0] == '\0') {
        return FT_PUT_LIT(p, "(empty)");
    }
    return strcmp(s, "-") == 0 ? FT_PUT_LIT(p, "\\x2d") : ft_put_str(p, s);
}

uint8_t *ft__zeek_cell(uint8_t *p, const struct ft_field *f, const struct ft_value *v)
{
    if (v->null) {
        *p++ = '-';
        return p;
    }
    switch ((enum ft_type)f->type) {
    case FT_T_BOOL:
        *p++ = v->u != 0 ? 'T' : 'F';
        return p;
    case FT_T_F64: /* six places, as times */
        return ft_put_time(p, llround(v->f * 1e6) * 1000);
    case FT_T_STRING:
        return put_text(p, v->s);
    default:
        return ft_put_value(p, (enum ft_type)f->type, v, false);
    }
}
