/* SPDX-License-Identifier: Apache-2.0 */
/* format: NDJSON, one object a line: the compiled walk of each event (walk.h). Samples, and
 * exported flow records in ndjson_export.c, are written by hand, for speed, unless columns were
 * chosen; a test holds both to the same bytes. */
#include "format/ndjson.h"
#include "base/mem.h"
#include "codec/text/digits.h"
#include "format/format.h"
#include "format/map.h"
#include "format/walk.h"
#include "model/field_export.h"

struct ndjson {
    struct ft_format format;
    const struct ft__map *map;              /* ?schema=, or NULL */
    bool by_hand;                           /* exported flow records */
    bool chosen;                            /* columns of samples */
    bool enriched;                          /* they have the columns of the enrich profile */
    struct ft__walk *walk[FT_EVENT__COUNT]; /* of the events that come; owned */
};

static const struct ndjson *self(const struct ft_format *f)
{
    return (const struct ndjson *)f;
}

static uint8_t *put_addr(uint8_t *p, const struct ft_packet *pkt, int side)
{
    if (FT_LIKELY((pkt->key.bits & FT_KEY_V6) == 0)) {
        return ft_put_ip4(p, (const uint8_t *)&pkt->key.addr[side]);
    }
    return ft_put_ip6(p, pkt->addr6 + 16 * side);
}

static size_t put_sample(uint8_t *out, const struct ft_packet *pkt,
                         const struct ft_tuple_counts *counts)
{
    bool ports = ft_proto_has_ports(pkt->key.proto);
    int from = pkt->swap, to = !pkt->swap;
    uint8_t *p = out, *time, *time_end;

    p = FT_PUT_LIT(p, "{\"event_type\":\"network_flow_sample\",\"timestamp\":");
    time = p;
    p = time_end = ft_put_time(p, pkt->ts_ns);
    p = FT_PUT_LIT(p, ",\"flow_key\":{\"src_ip\":\"");
    p = put_addr(p, pkt, from);
    p = FT_PUT_LIT(p, "\",\"dst_ip\":\"");
    p = put_addr(p, pkt, to);
    p = FT_PUT_LIT(p, "\",\"src_port\":");
    p = ft_put_u64(p, ports ? pkt->key.port[from] : 0);
    p = FT_PUT_LIT(p, ",\"dst_port\":");
    p = ft_put_u64(p, ports ? pkt->key.port[to] : 0);
    p = FT_PUT_LIT(p, ",\"protocol\":");
    p = ft_put_u64(p, pkt->key.proto);
    p = FT_PUT_LIT(p, "},\"packet_size_bytes\":");
    p = ft_put_u64(p, pkt->frame_len);
    p = FT_PUT_LIT(p, ",\"aggregate_metrics\":{\"packet_count\":");
    p = ft_put_u64(p, counts->packets);
    p = FT_PUT_LIT(p, ",\"byte_count\":");
    p = ft_put_u64(p, counts->bytes);
    p = FT_PUT_LIT(p, ",\"first_seen\":");
    p = ft_put_time(p, counts->first_ns);
    p = FT_PUT_LIT(p, ",\"last_seen\":");
    memcpy(p, time, FT_PUT_SLACK); /* the text of the timestamp again */
    p += time_end - time;
    p = FT_PUT_LIT(p, "}}\n");
    return (size_t)(p - out);
}

/* An event that is one struct. */
static size_t put_event(const struct ft_format *f, uint8_t *p, enum ft_event e, const void *event)
{
    const void *part[1] = {event};

    return ft__walk_put(self(f)->walk[e], part, p);
}

static size_t ndjson_sample(const struct ft_format *f, uint8_t *p, const struct ft_packet *pkt,
                            const struct ft_tuple_counts *counts)
{
    struct ft_sample s = {pkt, counts};

    if (FT_UNLIKELY(self(f)->chosen)) {
        return put_event(f, p, FT_EVENT_SAMPLE, &s);
    }
    return put_sample(p, pkt, counts); /* none of its columns is ever null */
}

static size_t ndjson_flow(const struct ft_format *f, uint8_t *p, const struct ft_flow_record *rec)
{
    return ft__walk_put(self(f)->walk[FT_EVENT_FLOW], rec->part, p);
}

static size_t ndjson_stats(const struct ft_format *f, uint8_t *p, const struct ft_stats *s)
{
    return put_event(f, p, FT_EVENT_STATS, s);
}

static size_t ndjson_export_flow(const struct ft_format *f, uint8_t *p, size_t room,
                                 const struct ft_export_record *rec)
{
    if (self(f)->map != NULL) {
        return ft__map_flow(self(f)->map, p, room, rec);
    }
    if (self(f)->by_hand) {
        const struct ft__walk *walk = self(f)->walk[FT_EVENT_FLOW];

        return self(f)->enriched ? ft__ndjson_export_enriched(p, room, rec, walk)
                                 : ft__ndjson_export_flow(p, room, rec, walk);
    }
    const void *parts[FT_PARTS_MAX];

    ft_export_parts(rec, parts);
    return ft__walk_put(self(f)->walk[FT_EVENT_FLOW], parts, p);
}

static size_t ndjson_export_event(const struct ft_format *f, uint8_t *p, enum ft_event e,
                                  const void *event)
{
    if (self(f)->map != NULL && e == FT_EVENT_SAMPLE) {
        return ft__map_sample(self(f)->map, p, event);
    }
    return put_event(f, p, e, event);
}

/* ---- life ---- */

static void ndjson_end(struct ft_format *f)
{
    struct ndjson *n = (struct ndjson *)f;

    for (int e = 0; n != NULL && e < FT_EVENT__COUNT; e++) {
        ft__walk_free(n->walk[e]);
    }
    ft_mem_free(n);
}

/* The walk of one event. */
static int open_event(struct ndjson *n, enum ft_event e, const struct ft_format_config *cfg)
{
    struct ft_columns rows;
    uint32_t count;

    if (e == FT_EVENT_FLOW && cfg->columns != NULL) {
        rows = *cfg->columns;
        ft_columns_observe(&rows, cfg->observer);
        return ft__walk_new(e, &rows, cfg->omit_null, &n->walk[e]);
    }
    if (e == FT_EVENT_SAMPLE && cfg->sample_columns != NULL) {
        n->chosen = true;
        return ft__walk_new(e, cfg->sample_columns, cfg->omit_null, &n->walk[e]);
    }
    if (e == FT_EVENT_WINDOW && cfg->window_columns != NULL) {
        rows = *cfg->window_columns;
    } else {
        const struct ft_field *f =
            cfg->collect ? ft_fields_export(e, &count) : ft_fields(e, &count);

        ft_columns_rows(f, count, &rows);
    }
    ft_columns_observe(&rows, cfg->observer);
    return ft__walk_new(e, &rows, cfg->omit_null, &n->walk[e]);
}

static int ndjson_open(const struct ft_format_config *cfg, struct ft_format **out,
                       struct ft_err *err)
{
    struct ndjson *n = ft_mem_alloc(1, sizeof *n);
    int rc;

    if (n == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "the columns of an output: out of memory");
    }
    rc = ft_format_flow_max(cfg, &n->format.flow_max, err);
    if (rc != FT_OK) {
        ft_mem_free(n);
        return rc;
    }
    n->format.ops = &ft_format_ndjson;
    n->by_hand = !cfg->omit_null && (cfg->columns == NULL || !cfg->columns->flat);
    n->enriched =
        cfg->columns != NULL && (ft_columns_parts(cfg->columns) >> FT_PART_ENRICH & 1) != 0;
    n->map = cfg->schema != NULL ? ft__map_find(cfg->schema) : NULL;
    if (cfg->schema != NULL && n->map == NULL) {
        ft_mem_free(n);
        return ft_err_set(err, FT_E_USAGE,
                          "schema=%s: allowed are goflow2, ecs, ocsf, otel, pmacct, nfdump, "
                          "akvorado",
                          cfg->schema);
    }
    for (enum ft_event e = 0; rc == FT_OK && e < FT_EVENT__COUNT; e++) {
        rc = cfg->events >> e & 1 ? open_event(n, e, cfg) : FT_OK;
    }
    if (rc != FT_OK) {
        ndjson_end(&n->format);
        return ft_err_set(err, rc, "the columns of an output: %s", ft_strerror(rc));
    }
    *out = &n->format;
    return FT_OK;
}

const struct ft_format_ops ft_format_ndjson = {
    .name = "ndjson",
    .help = "one JSON object a line",
    .suffix = ".ndjson",
    .events = FT_FORMAT_EVENTS,
    .open = ndjson_open,
    .end = ndjson_end,
    .sample = ndjson_sample,
    .flow = ndjson_flow,
    .stats = ndjson_stats,
    .export_flow = ndjson_export_flow,
    .export_event = ndjson_export_event,
};
