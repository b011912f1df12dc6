/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: events to outputs, see emit.h. */
#include "pipeline/emit.h"

#include "base/mem.h"
#include "base/wait.h"
#include "feature/feature.h"
#include "pipeline/samples.h"

#define HAS(mask, event) (((mask) >> (event)) & 1u)

/* Are there counts that records alone can tell? */
static bool tells_by_record(uint32_t parts)
{
    return ft_features_drop(parts) || HAS(parts, FT_PART_LABEL);
}

/* Writer slot i of a route becomes output k. */
static void take_route(struct ft_emitter *e, uint32_t k, const struct ft_route *r, uint32_t i)
{
    e->to[k].writer = ft_output_writer(r->output, i);
    e->to[k].format = r->format;
    e->to[k].events = r->events;
    e->to[k].parts = r->parts;
    e->to[k].packets = r->packets;
    e->to[k].sampler = r->sampler;
    e->to[k].lane = r->sampler != NULL ? &r->sampler->lane[i] : NULL;
    e->to[k].where = r->where;
    e->to[k].split = r->split;
    e->to[k].keys = ft_output_keys(r->output);
    e->to[k].key_room = e->to[k].keys != FT_KEYS_NONE ? FT_KEY_MOST : 0;
    e->to[k].count_only = ft_writer_count_only(e->to[k].writer);
    e->makes_packets |= r->packets != NULL || r->sampler != NULL;
    e->events |= r->events;
    e->makes_samples |= !e->to[k].count_only && HAS(r->events, FT_EVENT_SAMPLE);
    e->makes_flows |= (!e->to[k].count_only || r->where != NULL || tells_by_record(r->parts)) &&
                      HAS(r->events, FT_EVENT_FLOW);
}

bool ft_emitter_turn(struct ft_emitter *e, const struct ft_route *routes, uint32_t n, uint32_t i)
{
    bool keyed = false;

    e->n = 0;
    e->events = 0;
    e->makes_samples = e->makes_flows = e->makes_packets = false;
    for (uint32_t k = 0; k < n; k++) {
        if (!routes[k].leaving) {
            take_route(e, e->n, &routes[k], i);
            keyed |= e->to[e->n++].keys != FT_KEYS_NONE;
        }
    }
    e->makes_flows |= e->where != NULL && HAS(e->events, FT_EVENT_FLOW);
    return keyed;
}

int ft_emitter_init(struct ft_emitter *e, const struct ft_route *routes, uint32_t n, uint32_t i)
{
    bool keyed = ft_emitter_turn(e, routes, n, i);

    if (keyed && e->keys == NULL) {
        e->keys = ft_key_cache_new();
    }
    return keyed && e->keys == NULL ? FT_E_NOMEM : FT_OK;
}

void ft_emitter_fini(struct ft_emitter *e)
{
    ft_anonymizer_free(e->anon);
    e->anon = NULL;
    ft_map_free(e->answers, sizeof *e->answers);
    e->answers = NULL;
    ft_mem_free(e->keys);
    e->keys = NULL;
}

/* Writes n samples to output k. */
static void samples_to(struct ft_emitter *e, uint32_t k, const struct ft_packet *pkts,
                       const struct ft_tuple_counts *counts, uint32_t n)
{
    struct ft_writer *w = e->to[k].writer;
    const struct ft_format *f = e->to[k].format;
    enum ft_keys keys = e->to[k].keys;

    for (uint32_t i = 0; i < n; i++) {
        uint8_t *p = ft_emit_begin(e, k, FT_EVENT_SAMPLE, pkts[i].ts_ns, FT_FORMAT_SAMPLE_MAX);

        if (p != NULL) {
            size_t key =
                FT_UNLIKELY(keys != FT_KEYS_NONE) ? ft_key_packet(e->keys, keys, &pkts[i], p) : 0;

            ft_emit_end(w, FT_EVENT_SAMPLE, key, f->ops->sample(f, p + key, &pkts[i], &counts[i]));
        }
    }
}

void ft_emit_samples(struct ft_emitter *e, const struct ft_packet *pkts,
                     const struct ft_tuple_counts *counts, uint32_t n)
{
    for (uint32_t k = 0; k < e->n; k++) {
        struct ft_writer *w = e->to[k].writer;

        if (!HAS(e->to[k].events, FT_EVENT_SAMPLE)) {
            continue;
        }
        if (e->to[k].count_only) {
            ft_writer_count(w, FT_EVENT_SAMPLE, n);
        } else if (e->anon == NULL) {
            samples_to(e, k, pkts, counts, n);
        } else {
            for (uint32_t i = 0; i < n; i++) {
                samples_to(e, k, ft_anonymize_packet(e->anon, &pkts[i]), &counts[i], 1);
            }
        }
    }
}

void ft_emit_flow(void *cookie, const struct ft_flow_record *rec)
{
    struct ft_emitter *e = cookie;
    const struct ft_flow_record *as_it_is = rec;
    uint32_t dropped = rec != NULL ? rec->dropped : 0;
    bool skipped = false;

    if (rec != NULL && !ft_emit_wanted(e, rec->part)) {
        return;
    }
    if (FT_UNLIKELY(e->anon != NULL) && rec != NULL) {
        rec = ft_anonymize_flow(e->anon, rec);
    }
    for (uint32_t k = 0; k < e->n; k++) {
        struct ft_writer *w = e->to[k].writer;

        if (!HAS(e->to[k].events, FT_EVENT_FLOW)) {
            continue;
        }
        if (FT_UNLIKELY((dropped & e->to[k].parts) != 0)) {
            skipped = true;
            continue;
        }
        if (as_it_is != NULL && !ft_emit_wanted_by(e, k, as_it_is->part)) {
            continue;
        }
        if (e->to[k].count_only) {
            ft_writer_count(w, FT_EVENT_FLOW, 1);
            continue;
        }
        const struct ft_format *f = e->to[k].format;
        uint8_t *p = ft_emit_begin(e, k, FT_EVENT_FLOW, rec->timestamp_ns, f->flow_max);

        if (p != NULL) {
            size_t key =
                FT_UNLIKELY(e->to[k].keys != FT_KEYS_NONE) ? ft_key_flow(e->to[k].keys, rec, p) : 0;

            ft_emit_end(w, FT_EVENT_FLOW, key, f->ops->flow(f, p + key, rec));
        }
    }
    e->profile_skipped += skipped;
}

void ft_emit_stats(struct ft_emitter *e, const struct ft_stats *s)
{
    for (uint32_t k = 0; k < e->n; k++) {
        struct ft_writer *w = e->to[k].writer;

        if (!HAS(e->to[k].events, FT_EVENT_STATS)) {
            continue;
        }
        if (e->to[k].count_only) {
            ft_writer_count(w, FT_EVENT_STATS, 1);
            continue;
        }
        const struct ft_format *f = e->to[k].format;
        uint8_t *p = ft_emit_begin(e, k, FT_EVENT_STATS, s->timestamp_ns, FT_FORMAT_MAX);

        if (p != NULL) {
            ft_writer_end(w, FT_EVENT_STATS, f->ops->stats(f, p, s));
        }
    }
}

void ft_emitter_flush(struct ft_emitter *e)
{
    for (uint32_t k = 0; k < e->n; k++) {
        if (!e->to[k].count_only) {
            ft_writer_flush(e->to[k].writer);
        }
    }
}

void ft_emitter_breathe(struct ft_emitter *e, int64_t now_ns)
{
    for (uint32_t k = 0; k < e->n; k++) {
        if (!e->to[k].count_only) {
            ft_writer_breathe(e->to[k].writer, now_ns);
        }
    }
}

bool ft_emitter_settle(struct ft_emitter *e, int64_t patience_ms)
{
    int64_t until_ms = ft_mono_ms() + patience_ms;

    ft_emitter_flush(e);
    for (uint32_t k = 0; k < e->n; k++) {
        struct ft_output_drain d = {0};

        while (!e->to[k].count_only &&
               !ft_output_drain_step(ft_writer_output(e->to[k].writer), &d, -1)) {
            if (ft_mono_ms() >= until_ms) {
                return false;
            }
        }
    }
    return true;
}
