/* SPDX-License-Identifier: Apache-2.0 */
/* format: CSV (RFC 4180), one kind of event in a file, a header line of the columns; null is an
 * empty field. Only untrusted text may hold a comma or quote: it is always quoted.
 *
 * A spreadsheet takes a cell that begins with = + - @ (or with their full-width forms, in some
 * countries) for a formula and computes it, quoted or not. With ?spreadsheet=safe such text gets an
 * apostrophe in front; what stands in front of the sign (spaces, tabs, line ends) does not hide it.
 * Only text: numbers stay numbers. */
#include <string.h>

#include "codec/text/column.h"
#include "codec/text/digits.h"
#include "format/format.h"
#include "model/columns.h"
#include "model/field_export.h"

/* Every cell is followed by a comma, an empty one too; a line ends in place of the last. */
static size_t end_line(uint8_t *p, uint8_t *out)
{
    p[-1] = '\n';
    return (size_t)(p - out);
}

static size_t put_header(const struct ft_field *f, uint32_t n, uint8_t *out)
{
    uint8_t *p = out;

    for (uint32_t i = 0; i < n; i++) {
        if (f[i].type != FT_T_JSON) {
            p = ft_put_str(p, f[i].name);
            *p++ = ',';
        }
    }
    return end_line(p, out);
}

static size_t csv_header(enum ft_event e, bool app_on, uint8_t *p)
{
    uint8_t *out = p;
    uint32_t n;

    if (e != FT_EVENT_FLOW) {
        const struct ft_field *f = ft_fields(e, &n);

        return put_header(f, n, p);
    }
    const struct ft_columns *c = ft_columns_flow(app_on);

    for (uint32_t i = 0; i < c->n; i++) {
        p = ft_put_str(p, c->col[i].field->name);
        *p++ = ',';
    }
    return end_line(p, out);
}

static size_t csv_export_header(enum ft_event e, bool app_on, uint8_t *p)
{
    (void)app_on;
    uint32_t n;
    const struct ft_field *f = ft_fields_export(e, &n);

    return put_header(f, n, p);
}

/* Would a spreadsheet compute this text? */
static bool is_formula(const uint8_t *text, size_t len)
{
    static const char signs[] = "=+-@";
    static const uint8_t wide[] = {0x9d, 0x8b, 0x8d, 0xa0}; /* of EF BC xx: U+FF1D 0B 0D 20 */

    if (len > 0 && (text[0] < 0x20 || text[0] == 0x7f)) {
        return true;
    }
    while (len > 0 && (text[0] <= 0x20 || text[0] == 0x7f)) {
        text++;
        len--;
    }
    if (len >= 3 && text[0] == 0xef && text[1] == 0xbc) {
        return memchr(wide, text[2], sizeof wide) != NULL;
    }
    return len > 0 && memchr(signs, text[0], sizeof signs - 1) != NULL;
}

static uint8_t *put_cell(uint8_t *p, enum ft_type type, const struct ft_value *v, bool safe)
{
    if (safe && type == FT_T_TEXT && is_formula(v->text, v->text_len)) {
        uint8_t *end = ft_put_value(p + 1, type, v, false); /* "text" */

        p[0] = '"';
        p[1] = '\'';
        return end;
    }
    if (safe && type == FT_T_STRING && is_formula((const uint8_t *)v->s, strlen(v->s))) {
        *p++ = '\'';
    }
    return ft_put_value(p, type, v, false);
}

static size_t put_row(const struct ft_field *f, uint32_t n, const void *event, bool safe,
                      uint8_t *out)
{
    uint8_t *p = out;

    for (uint32_t i = 0; i < n; i++) {
        struct ft_value v;

        if (f[i].type == FT_T_JSON) {
            continue;
        }
        ft_field_get(&f[i], event, &v);
        if (!v.null) {
            p = put_cell(p, (enum ft_type)f[i].type, &v, safe);
        }
        *p++ = ',';
    }
    return end_line(p, out);
}

static size_t csv_row(enum ft_event e, const void *event, bool safe, uint8_t *p)
{
    uint32_t n;
    const struct ft_field *f = ft_fields(e, &n);

    return put_row(f, n, event, safe, p);
}

static size_t export_row(enum ft_event e, const void *event, bool safe, uint8_t *p)
{
    uint32_t n;
    const struct ft_field *f = ft_fields_export(e, &n);

    return put_row(f, n, event, safe, p);
}

static size_t flow_row(const struct ft_flow_record *rec, bool safe, uint8_t *out)
{
    const struct ft_columns *c = ft_columns_flow(rec->app_on);
    uint8_t *p = out;

    for (uint32_t i = 0; i < c->n; i++) {
        struct ft_value v;

        ft_column_get(&c->col[i], rec, &v);
        if (!v.null) {
            p = put_cell(p, (enum ft_type)c->col[i].field->type, &v, safe);
        }
        *p++ = ',';
    }
    return end_line(p, out);
}

/* The ops have no context: each form has functions of its own. */
#define CSV_FORM(form, safe)                                                                       \
    static size_t form##_sample(uint8_t *p, const struct ft_packet *pkt,                           \
                                const struct ft_tuple_counts *counts)                              \
    {                                                                                              \
        struct ft_sample s = {pkt, counts};                                                        \
        return csv_row(FT_EVENT_SAMPLE, &s, safe, p);                                              \
    }                                                                                              \
    static size_t form##_flow(uint8_t *p, const struct ft_flow_record *rec)                        \
    {                                                                                              \
        return flow_row(rec, safe, p);                                                             \
    }                                                                                              \
    static size_t form##_stats(uint8_t *p, const struct ft_stats *s)                               \
    {                                                                                              \
        return csv_row(FT_EVENT_STATS, s, safe, p);                                                \
    }                                                                                              \
    static size_t form##_export_flow(uint8_t *p, size_t room, const struct ft_export_record *rec)  \
    {                                                                                              \
        (void)room;                                                                                \
        return export_row(FT_EVENT_FLOW, rec, safe, p);                                            \
    }                                                                                              \
    static size_t form##_export_event(uint8_t *p, enum ft_event e, const void *event)              \
    {                                                                                              \
        return export_row(e, event, safe, p);                                                      \
    }

CSV_FORM(plain, false)
CSV_FORM(safe, true)

#define CSV_OPS(form)                                                                              \
    .name = "csv",                                                                                 \
    .help = "comma-separated values with a header line; one kind of event (?event=)",              \
    .suffix = ".csv", .events = (1u << FT_EVENT_PACKET) - 1, .single_event = true,                 \
    .header = csv_header, .sample = form##_sample, .flow = form##_flow, .stats = form##_stats,     \
    .export_header = csv_export_header, .export_flow = form##_export_flow,                         \
    .export_event = form##_export_event

const struct ft_format_ops ft_format_csv = {CSV_OPS(plain)};
const struct ft_format_ops ft_format_csv_safe = {CSV_OPS(safe)}; /* ?spreadsheet=safe */
