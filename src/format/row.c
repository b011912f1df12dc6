/* SPDX-License-Identifier: Apache-2.0 */
/* format: events as rows, see row.h. */
#include "format/row.h"

static size_t put_event(const struct ft_format *f, uint8_t *p, const void *event)
{
    const void *part[1] = {event};

    return f->ops->row(f, p, part);
}

size_t ft__row_sample(const struct ft_format *f, uint8_t *p, const struct ft_packet *pkt,
                      const struct ft_tuple_counts *counts)
{
    struct ft_sample s = {pkt, counts};

    return put_event(f, p, &s);
}

size_t ft__row_flow(const struct ft_format *f, uint8_t *p, const struct ft_flow_record *rec)
{
    return f->ops->row(f, p, rec->part);
}

size_t ft__row_stats(const struct ft_format *f, uint8_t *p, const struct ft_stats *s)
{
    return put_event(f, p, s);
}

size_t ft__row_export_flow(const struct ft_format *f, uint8_t *p, size_t room,
                           const struct ft_export_record *rec)
{
    const void *parts[FT_PARTS_MAX];

    (void)room;
    ft_export_parts(rec, parts);
    return f->ops->row(f, p, parts);
}

size_t ft__row_export_event(const struct ft_format *f, uint8_t *p, enum ft_event e,
                            const void *event)
{
    (void)e;
    return put_event(f, p, event);
}
