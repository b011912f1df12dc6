/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the events of collect to outputs, see emit.h. */
#include "pipeline/emit.h"

#include "model/field_export.h"

#define HAS(mask, event) (((mask) >> (event)) & 1u)

/* A copy of a record that has what files say of its hosts, by their true addresses. */
static const struct ft_export_record *enrich(struct ft_emitter *e,
                                             const struct ft_export_record *rec)
{
    struct ft_enriched *to = &e->enriched;
    bool src = (rec->has & FT_XR_SRC_ADDR) != 0, dst = (rec->has & FT_XR_DST_ADDR) != 0;

    ft_enrich_ask(e->answers, src ? e->enrich : NULL, rec->ip_version, rec->src,
                  &to->extra.side[0]);
    ft_enrich_ask(e->answers, dst ? e->enrich : NULL, rec->ip_version, rec->dst,
                  &to->extra.side[1]);
    to->extra.if_in = rec->names != NULL ? rec->names->if_in : NULL;
    to->extra.if_out = rec->names != NULL ? rec->names->if_out : NULL;
    to->record = *rec;
    to->record.enrich = &to->extra;
    return &to->record;
}

void ft_emit_export_flow(struct ft_emitter *e, const struct ft_export_record *rec)
{
    const void *parts[FT_PARTS_MAX];

    if (FT_UNLIKELY(e->enriches)) {
        rec = enrich(e, rec);
    }
    ft_export_parts(rec, parts);
    if (!ft_emit_wanted(e, parts)) {
        return;
    }
    if (FT_UNLIKELY(e->anon != NULL)) {
        rec = ft_anonymize_export(e->anon, FT_EVENT_FLOW, rec);
    }
    for (uint32_t k = 0; k < e->n; k++) {
        struct ft_writer *w = e->to[k].writer;
        size_t room = FT_FORMAT_EXPORT_MIN + (size_t)rec->text_max +
                      (rec->enrich != NULL ? FT_FORMAT_ENRICH : 0);

        if (!HAS(e->to[k].events, FT_EVENT_FLOW) || !ft_emit_wanted_by(e, k, parts)) {
            continue;
        }
        if (e->to[k].count_only) {
            ft_writer_count(w, FT_EVENT_FLOW, 1);
            continue;
        }
        room = room < FT_FORMAT_MAX ? room : FT_FORMAT_MAX;
        const struct ft_format *f = e->to[k].format;
        uint8_t *p = ft_emit_begin(e, k, FT_EVENT_FLOW, rec->timestamp_ns, room);

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

void ft_emit_export_event(struct ft_emitter *e, enum ft_event event, const void *what)
{
    if (FT_UNLIKELY(e->anon != NULL)) {
        what = ft_anonymize_export(e->anon, event, what);
    }
    int64_t ts_ns = ft_export_head(event, what).timestamp_ns;

    for (uint32_t k = 0; k < e->n; k++) {
        struct ft_writer *w = e->to[k].writer;

        if (!HAS(e->to[k].events, event)) {
            continue;
        }
        if (e->to[k].count_only) {
            ft_writer_count(w, event, 1);
            continue;
        }
        const struct ft_format *f = e->to[k].format;
        bool table = event == FT_EVENT_WINDOW || event == FT_EVENT_AFTERIMAGE;
        size_t room = table ? FT_FORMAT_FLOW_MIN : FT_FORMAT_MAX;
        uint8_t *p = ft_emit_begin(e, k, event, ts_ns, room);

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
