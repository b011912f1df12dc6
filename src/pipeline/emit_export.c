/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the events of collect to outputs, see emit.h. */
#include "pipeline/emit.h"

#define HAS(mask, event) (((mask) >> (event)) & 1u)

void ft_emit_export_flow(struct ft_emitter *e, const struct ft_export_record *rec)
{
    const void *part = rec;

    if (!ft_emit_wanted(e, &part)) {
        return;
    }
    if (FT_UNLIKELY(e->anon != NULL)) {
        rec = ft_anonymize_export(e->anon, FT_EVENT_FLOW, rec);
    }
    for (uint32_t k = 0; k < e->n; k++) {
        struct ft_writer *w = e->to[k].writer;
        size_t room = FT_FORMAT_EXPORT_MIN + (size_t)rec->text_max;

        if (!HAS(e->to[k].events, FT_EVENT_FLOW) || !ft_emit_wanted_by(e, k, &part)) {
            continue;
        }
        if (e->to[k].count_only) {
            ft_writer_count(w, FT_EVENT_FLOW, 1);
            continue;
        }
        if (FT_UNLIKELY(e->to[k].split)) {
            ft_writer_at(w, rec->timestamp_ns);
        }
        room = room < FT_FORMAT_MAX ? room : FT_FORMAT_MAX;
        const struct ft_format *f = e->to[k].format;
        uint8_t *p = ft_writer_begin(w, FT_EVENT_FLOW, room + e->to[k].key_room);

        if (p != NULL) {
            size_t key = FT_UNLIKELY(e->to[k].keys != FT_KEYS_NONE)
                             ? ft_key_export(e->to[k].keys, rec, p)
                             : 0;

            ft_emit_end(w, FT_EVENT_FLOW, key, f->ops->export_flow(f, p + key, room, rec));
        }
    }
}

void ft_emit_export_count(struct ft_emitter *e, uint32_t n)
{
    for (uint32_t k = 0; k < e->n; k++) {
        if (HAS(e->to[k].events, FT_EVENT_FLOW)) {
            ft_writer_count(e->to[k].writer, FT_EVENT_FLOW, n);
        }
    }
}

static int64_t time_of(enum ft_event event, const void *what)
{
    switch (event) {
    case FT_EVENT_COUNTER:
        return ((const struct ft_export_counters *)what)->timestamp_ns;
    case FT_EVENT_TEMPLATE:
        return ((const struct ft_template_change *)what)->timestamp_ns;
    case FT_EVENT_EXPORTER:
        return ((const struct ft_exporter_health *)what)->timestamp_ns;
    default: /* samples and discards */
        return ((const struct ft_export_sample *)what)->timestamp_ns;
    }
}

void ft_emit_export_event(struct ft_emitter *e, enum ft_event event, const void *what)
{
    if (FT_UNLIKELY(e->anon != NULL)) {
        what = ft_anonymize_export(e->anon, event, what);
    }
    for (uint32_t k = 0; k < e->n; k++) {
        struct ft_writer *w = e->to[k].writer;

        if (!HAS(e->to[k].events, event)) {
            continue;
        }
        if (e->to[k].count_only) {
            ft_writer_count(w, event, 1);
            continue;
        }
        if (FT_UNLIKELY(e->to[k].split)) {
            ft_writer_at(w, time_of(event, what));
        }
        const struct ft_format *f = e->to[k].format;
        uint8_t *p = ft_writer_begin(w, event, FT_FORMAT_MAX + e->to[k].key_room);

        if (p != NULL) {
            size_t key = FT_UNLIKELY(e->to[k].keys != FT_KEYS_NONE)
                             ? ft_key_event(e->keys, e->to[k].keys, event, what, p)
                             : 0;

            ft_emit_end(w, event, key, f->ops->export_event(f, p + key, event, what));
        }
    }
}

void ft_emit_export_sample(struct ft_emitter *e, enum ft_event event,
                           const struct ft_export_sample *s)
{
    ft_emit_export_event(e, event, s);
}
