/* SPDX-License-Identifier: Apache-2.0 */
/* format: CSV (RFC 4180), one kind of event in a file, a header line of the columns; null is an
 * empty field. Only untrusted text may hold a comma or quote: it is always quoted. */
#include "base/digits.h"
#include "format/format.h"
#include "format/value.h"
#include "model/field_export.h"

static size_t put_header(const struct ft_field *f, uint32_t n, uint8_t *out)
{
    uint8_t *p = out;

    for (uint32_t i = 0; i < n; i++) {
        if (f[i].type != FT_T_JSON) {
            if (p != out) {
                *p++ = ',';
            }
            p = ft_put_str(p, f[i].name);
        }
    }
    *p++ = '\n';
    return (size_t)(p - out);
}

static size_t csv_header(enum ft_event e, bool app_on, uint8_t *p)
{
    uint32_t n, n_app;
    const struct ft_field *f = ft_fields(e, &n), *app = ft_fields_app(&n_app);
    size_t len = put_header(f, n, p);

    if (app_on && e == FT_EVENT_FLOW) {
        p[len - 1] = ',';
        len += put_header(app, n_app, p + len);
    }
    return len;
}

static size_t csv_export_header(enum ft_event e, bool app_on, uint8_t *p)
{
    (void)app_on;
    uint32_t n;
    const struct ft_field *f = ft_fields_export(e, &n);

    return put_header(f, n, p);
}

static size_t put_row(const struct ft_field *f, uint32_t n, const void *event, uint8_t *out)
{
    uint8_t *p = out;

    for (uint32_t i = 0; i < n; i++) {
        struct ft_value v;

        if (f[i].type == FT_T_JSON) {
            continue;
        }
        if (p != out) {
            *p++ = ',';
        }
        v.null = false;
        f[i].get(event, &v);
        if (!v.null) {
            p = ft_put_value(p, (enum ft_type)f[i].type, &v, false);
        }
    }
    *p++ = '\n';
    return (size_t)(p - out);
}

static size_t csv_row(enum ft_event e, const void *event, uint8_t *p)
{
    uint32_t n;
    const struct ft_field *f = ft_fields(e, &n);

    return put_row(f, n, event, p);
}

static size_t csv_export_event(uint8_t *p, enum ft_event e, const void *event)
{
    uint32_t n;
    const struct ft_field *f = ft_fields_export(e, &n);

    return put_row(f, n, event, p);
}

static size_t csv_export_flow(uint8_t *p, size_t room, const struct ft_export_record *rec)
{
    (void)room;
    return csv_export_event(p, FT_EVENT_FLOW, rec);
}

static size_t csv_sample(uint8_t *p, const struct ft_packet *pkt,
                         const struct ft_tuple_counts *counts)
{
    struct ft_sample s = {pkt, counts};

    return csv_row(FT_EVENT_SAMPLE, &s, p);
}

static size_t csv_flow(uint8_t *p, const struct ft_flow_record *rec)
{
    size_t len = csv_row(FT_EVENT_FLOW, rec, p);

    if (rec->app_on) {
        uint32_t n;
        const struct ft_field *f = ft_fields_app(&n);

        p[len - 1] = ',';
        len += put_row(f, n, rec, p + len);
    }
    return len;
}

static size_t csv_stats(uint8_t *p, const struct ft_stats *s)
{
    return csv_row(FT_EVENT_STATS, s, p);
}

const struct ft_format_ops ft_format_csv = {
    .name = "csv",
    .help = "comma-separated values with a header line; one kind of event (?event=)",
    .suffix = ".csv",
    .events = (1u << FT_EVENT__COUNT) - 1,
    .single_event = true,
    .header = csv_header,
    .sample = csv_sample,
    .flow = csv_flow,
    .stats = csv_stats,
    .export_header = csv_export_header,
    .export_flow = csv_export_flow,
    .export_event = csv_export_event,
};
