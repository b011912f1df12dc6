/* SPDX-License-Identifier: Apache-2.0 */
/* format: CSV (RFC 4180), one kind of event in a file, a header line of the columns; null is an
 * empty field, a list without items []. Only untrusted text may hold a comma or quote: it is always
 * quoted.
 *
 * A spreadsheet takes a cell that begins with = + - @ (or with their full-width forms, in some
 * countries) for a formula and computes it, quoted or not. With ?spreadsheet=safe such text gets an
 * apostrophe in front; what stands in front of the sign (spaces, tabs, line ends) does not hide it.
 * Only text: numbers stay numbers.
 *
 * With ?dialect=zeek lines are those of Zeek's tables (zeek.h), with ?dialect=nprint those of
 * nPrint's, several for a flow (nprint.h). */
#include <string.h>

#include "base/mem.h"
#include "codec/text/column.h"
#include "codec/text/digits.h"
#include "format/columnar.h"
#include "format/format.h"
#include "format/nprint.h"
#include "format/row.h"
#include "format/zeek.h"

extern const struct ft_format_ops ft_format_csv;

/* Every cell is followed by a comma or tab, an empty one too; a line ends in place of the last. */
static size_t end_line(uint8_t *p, const uint8_t *out)
{
    p[-1] = '\n';
    return (size_t)(p - out);
}

struct csv {
    struct ft_format format;
    bool safe;                 /* ?spreadsheet=safe */
    bool dialect;              /* ?dialect= */
    bool zeek;                 /* ?dialect=zeek: a table of Zeek's */
    bool nprint;               /* ?dialect=nprint: a table of nPrint's */
    uint32_t nprint_payload;   /* bytes of payload that it has of a packet */
    struct ft_columns columns; /* of its one kind of event */
};

static const struct csv *self(const struct ft_format *f)
{
    return (const struct csv *)f;
}

static size_t csv_header(const struct ft_format *f, uint8_t *out)
{
    const struct ft_columns *c = &self(f)->columns;
    uint8_t *p = out;

    if (self(f)->zeek) {
        return ft__zeek_header(c, "conn", out);
    }
    if (self(f)->nprint) {
        return ft__nprint_header(self(f)->nprint_payload, out);
    }
    for (uint32_t i = 0; i < c->n; i++) {
        p = ft_put_str(p, c->col[i].field->name);
        *p++ = ',';
    }
    return end_line(p, out);
}

/* Only tables of Zeek's have an end. */
static size_t csv_trailer(const struct ft_format *f, struct ft_trailer *t, uint8_t *out,
                          size_t room)
{
    if (!self(f)->zeek || t->state != 0 || room < FT__ZEEK_CLOSE) {
        return 0;
    }
    t->state = 1;
    return ft__zeek_close(out);
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

/* A tool's table has quotes where RFC 4180 asks for them, and no others. */
static uint8_t *put_bare(uint8_t *p, const struct ft_value *v)
{
    uint8_t *end = ft_put_value(p, FT_T_TEXT, v, false);

    for (uint32_t i = 0; i < v->text_len; i++) {
        if (memchr(",\"", v->text[i], 2) != NULL) {
            return end;
        }
    }
    memmove(p, p + 1, (size_t)(end - p) - 2);
    return end - 2;
}

static uint8_t *put_cell(uint8_t *p, enum ft_type type, const struct ft_value *v,
                         const struct csv *csv)
{
    bool safe = csv->safe;

    if (safe && type == FT_T_TEXT && is_formula(v->text, v->text_len)) {
        uint8_t *end = ft_put_value(p + 1, type, v, false); /* "text" */

        p[0] = '"';
        p[1] = '\'';
        return end;
    }
    if (safe && type == FT_T_STRING && is_formula((const uint8_t *)v->s, strlen(v->s))) {
        *p++ = '\'';
    }
    if (csv->dialect && type == FT_T_TEXT) {
        return put_bare(p, v);
    }
    return ft_put_value(p, type, v, false);
}

static size_t put_row(const struct ft_format *f, uint8_t *out, const void *const *parts)
{
    const struct csv *csv = self(f);
    uint8_t *p = out;

    for (uint32_t i = 0; i < csv->columns.n; i++) {
        const struct ft_column *c = &csv->columns.col[i];
        struct ft_value v;

        ft_column_get(c, parts, &v);
        if (csv->zeek) {
            p = ft__zeek_cell(p, c->field, &v);
        } else if (!v.null) {
            p = put_cell(p, (enum ft_type)c->field->type, &v, csv);
        } else if (csv->dialect && v.nonfinite != 0) {
            p = v.nonfinite == 'I' ? FT_PUT_LIT(p, "Infinity") : FT_PUT_LIT(p, "NaN");
        }
        *p++ = csv->zeek ? '\t' : ',';
    }
    return end_line(p, out);
}

static size_t csv_flow(const struct ft_format *f, uint8_t *p, const struct ft_flow_record *rec)
{
    return self(f)->nprint ? ft__nprint_rows(rec, p) : put_row(f, p, rec->part);
}

/* ---- life ---- */

static void csv_end(struct ft_format *f)
{
    ft_mem_free(f);
}

static int open_dialect(struct csv *csv, const struct ft_format_config *cfg, struct ft_err *err)
{
    csv->dialect = cfg->dialect != NULL;
    csv->zeek = csv->dialect && strcmp(cfg->dialect, "zeek") == 0;
    csv->nprint = csv->dialect && strcmp(cfg->dialect, "nprint") == 0;
    csv->format.trailer_room = csv->zeek ? FT__ZEEK_CLOSE : 0;
    return csv->nprint ? ft__nprint_open(cfg, &csv->nprint_payload, &csv->format.flow_max, err)
                       : ft_format_flow_max(cfg, &csv->format.flow_max, err);
}

static int csv_open(const struct ft_format_config *cfg, struct ft_format **out, struct ft_err *err)
{
    struct csv *csv = ft_mem_alloc(1, sizeof *csv);

    if (csv == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "the columns of an output: out of memory");
    }
    csv->format.ops = &ft_format_csv;
    csv->safe = cfg->safe;
    ft__columnar_columns(cfg, ft__columnar_event(cfg), &csv->columns);
    ft__columnar_no_objects(&csv->columns);
    if (csv->columns.n == 0) {
        csv_end(&csv->format);
        return ft_err_set(err, FT_E_USAGE, "columns=: objects have no place in CSV");
    }
    if (open_dialect(csv, cfg, err) != FT_OK) {
        csv_end(&csv->format);
        return FT_E_USAGE;
    }
    *out = &csv->format;
    return FT_OK;
}

const struct ft_format_ops ft_format_csv = {
    .name = "csv",
    .help = "comma-separated values with a header line; one kind of event (?event=)",
    .suffix = ".csv",
    .events = FT_FORMAT_EVENTS,
    .single_event = true,
    .open = csv_open,
    .end = csv_end,
    .header = csv_header,
    .trailer = csv_trailer,
    .row = put_row,
    .sample = ft__row_sample,
    .flow = csv_flow,
    .stats = ft__row_stats,
    .export_flow = ft__row_export_flow,
    .export_event = ft__row_export_event,
};
