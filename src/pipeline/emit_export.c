/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the events of collect to outputs, see emit.h. */
#include <string.h>

#include "model/field_export.h"
#include "pipeline/emit.h"

#define HAS(mask, event) (((mask) >> (event)) & 1u)

/* Maps the addresses among the values in a copy of the record's bytes; what may hold addresses
 * inside (packet sections, lists) becomes null. */
static const uint8_t *anonymous_values(struct ft_emitter *e, const uint8_t *base,
                                       const struct ft_xvalue *in, uint32_t n)
{
    uint32_t end = 0;

    n = n < FT_EMIT_VALUES ? n : FT_EMIT_VALUES;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t to = in[i].offset + in[i].len;

        end = to > end ? to : end;
        e->anon_values[i] = in[i];
        if (in[i].type == FT_X_OCTETS || in[i].type >= FT_X_BASIC_LIST) {
            e->anon_values[i].flags |= FT_XV_ABSENT;
        }
    }
    if (end > FT_EMIT_BYTES) {
        return NULL;
    }
    memcpy(e->anon_bytes, base, end);
    for (uint32_t i = 0; i < n; i++) {
        size_t len = in[i].type == FT_X_IPV4 ? 4 : in[i].type == FT_X_IPV6 ? 16 : 0;

        if (len > 0 && in[i].len == len) {
            ft_cryptopan_map(e->anon, e->anon_bytes + in[i].offset, len);
        }
    }
    return e->anon_bytes;
}

static bool anonymous_export(struct ft_emitter *e, const struct ft_export_record *in,
                             struct ft_export_record *out)
{
    *out = *in;
    out->base = anonymous_values(e, in->base, in->values, in->n_values);
    out->values = e->anon_values;
    if (out->has & FT_XR_ADDRESSES) {
        ft_cryptopan_map(e->anon, out->src, out->ip_version == 4 ? 4 : 16);
        ft_cryptopan_map(e->anon, out->dst, out->ip_version == 4 ? 4 : 16);
    }
    return out->base != NULL;
}

void ft_emit_export_flow(struct ft_emitter *e, const struct ft_export_record *rec)
{
    struct ft_export_record mapped;

    if (FT_UNLIKELY(e->anon != NULL)) {
        if (!anonymous_export(e, rec, &mapped)) {
            return;
        }
        rec = &mapped;
    }
    for (uint32_t k = 0; k < e->n; k++) {
        struct ft_writer *w = e->to[k].writer;
        size_t room = FT_FORMAT_EXPORT_MIN + (size_t)rec->text_max;

        if (!HAS(e->to[k].events, FT_EVENT_FLOW)) {
            continue;
        }
        if (e->to[k].count_only) {
            ft_writer_count(w, FT_EVENT_FLOW, 1);
            continue;
        }
        room = room < FT_FORMAT_MAX ? room : FT_FORMAT_MAX;
        uint8_t *p = ft_writer_begin(w, FT_EVENT_FLOW, room);

        if (p != NULL) {
            ft_writer_end(w, FT_EVENT_FLOW, e->to[k].format->export_flow(p, room, rec));
        }
    }
}

void ft_emit_export_event(struct ft_emitter *e, enum ft_event event, const void *what)
{
    for (uint32_t k = 0; k < e->n; k++) {
        struct ft_writer *w = e->to[k].writer;

        if (!HAS(e->to[k].events, event)) {
            continue;
        }
        if (e->to[k].count_only) {
            ft_writer_count(w, event, 1);
            continue;
        }
        uint8_t *p = ft_writer_begin(w, event, FT_FORMAT_MAX);

        if (p != NULL) {
            ft_writer_end(w, event, e->to[k].format->export_event(p, event, what));
        }
    }
}

void ft_emit_export_sample(struct ft_emitter *e, enum ft_event event,
                           const struct ft_export_sample *s)
{
    struct ft_export_sample mapped = *s;
    struct ft_packet pkt;

    if (e->anon == NULL) {
        ft_emit_export_event(e, event, s);
        return;
    }
    mapped.base = anonymous_values(e, s->base, s->values, s->n_values);
    mapped.values = e->anon_values;
    mapped.n_values = mapped.base != NULL ? s->n_values : 0;
    if (s->pkt != NULL) {
        pkt = ft_emit_anonymous_packet(e, s->pkt);
        mapped.pkt = &pkt;
    }
    ft_emit_export_event(e, event, &mapped);
}
