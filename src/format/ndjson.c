/* SPDX-License-Identifier: Apache-2.0 */
/* format: NDJSON, one object a line. Samples, and exported flow records in ndjson_export.c, are
 * written by hand, for speed, the others by a walk over the field table; a test holds both to the
 * same bytes. */
#include "format/ndjson.h"

#include "codec/text/column.h"
#include "codec/text/digits.h"
#include "format/format.h"
#include "model/columns.h"
#include "model/field_export.h"

static uint8_t *put_addr(uint8_t *p, const struct ft_packet *pkt, int side)
{
    if (FT_LIKELY((pkt->key.bits & FT_KEY_V6) == 0)) {
        return ft_put_ip4(p, (const uint8_t *)&pkt->key.addr[side]);
    }
    return ft_put_ip6(p, pkt->addr6 + 16 * side);
}

static size_t ndjson_sample(uint8_t *out, const struct ft_packet *pkt,
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

/* The object of a group opens with its first column and closes after its last. */
static uint8_t *put_group(uint8_t *p, uint8_t before, uint8_t group)
{
    static const char *const opens[] = {
        [FT_GROUP_TOP] = ",",
        [FT_GROUP_FLOW_KEY] = ",\"flow_key\":{",
        [FT_GROUP_AGGREGATE] = ",\"aggregate_metrics\":{",
        [FT_GROUP_FEATURES] = ",\"features\":{",
        [FT_GROUP_EXPORTER] = ",\"exporter\":{",
    };

    if (before == group) {
        *p++ = ',';
        return p;
    }
    if (before != FT_GROUP_TOP) {
        *p++ = '}';
    }
    return ft_put_str(p, opens[group]);
}

static uint8_t *put_field(uint8_t *p, const struct ft_field *f, const void *event)
{
    struct ft_value v;

    if (f->type == FT_T_JSON) {
        return f->json(event, p);
    }
    ft_field_get(f, event, &v);
    return v.null ? FT_PUT_LIT(p, "null") : ft_put_value(p, (enum ft_type)f->type, &v, true);
}

static uint8_t *put_head(uint8_t *p, enum ft_event e)
{
    p = FT_PUT_LIT(p, "{\"event_type\":\"");
    p = ft_put_str(p, ft_event_type(e));
    *p++ = '"';
    return p;
}

static uint8_t *put_key(uint8_t *p, const struct ft_field *f, uint8_t *group)
{
    p = put_group(p, *group, f->group);
    *group = f->group;
    *p++ = '"';
    p = ft_put_str(p, f->name);
    return FT_PUT_LIT(p, "\":");
}

static uint8_t *put_tail(uint8_t *p, uint8_t group)
{
    if (group != FT_GROUP_TOP) {
        *p++ = '}';
    }
    return FT_PUT_LIT(p, "}\n");
}

static size_t walk(enum ft_event e, const struct ft_field *f, uint32_t n, const void *event,
                   uint8_t *out)
{
    uint8_t group = FT_GROUP_TOP, *p = put_head(out, e);

    for (uint32_t i = 0; i < n; i++) {
        p = put_key(p, &f[i], &group);
        p = put_field(p, &f[i], event);
    }
    return (size_t)(put_tail(p, group) - out);
}

size_t ft__ndjson_walk(enum ft_event e, const void *event, uint8_t *out)
{
    uint32_t n;
    const struct ft_field *f = ft_fields(e, &n);

    return walk(e, f, n, event, out);
}

size_t ft__ndjson_walk_export(enum ft_event e, const void *event, uint8_t *out)
{
    uint32_t n;
    const struct ft_field *f = ft_fields_export(e, &n);

    return walk(e, f, n, event, out);
}

static size_t ndjson_export_event(uint8_t *p, enum ft_event e, const void *event)
{
    return ft__ndjson_walk_export(e, event, p);
}

static size_t ndjson_flow(uint8_t *out, const struct ft_flow_record *rec)
{
    const struct ft_columns *c = ft_columns_flow(rec->app_on);
    uint8_t group = FT_GROUP_TOP, *p = put_head(out, FT_EVENT_FLOW);

    for (uint32_t i = 0; i < c->n; i++) {
        const void *part = rec->part[c->col[i].part];

        p = put_key(p, c->col[i].field, &group);
        p = part == NULL ? FT_PUT_LIT(p, "null") : put_field(p, c->col[i].field, part);
    }
    return (size_t)(put_tail(p, group) - out);
}

size_t ft__ndjson_stats(uint8_t *p, const struct ft_stats *s)
{
    return ft__ndjson_walk(FT_EVENT_STATS, s, p);
}

const struct ft_format_ops ft_format_ndjson = {
    .name = "ndjson",
    .help = "one JSON object a line",
    .suffix = ".ndjson",
    .events = (1u << FT_EVENT_PACKET) - 1,
    .sample = ndjson_sample,
    .flow = ndjson_flow,
    .stats = ft__ndjson_stats,
    .export_flow = ft__ndjson_export_flow,
    .export_event = ndjson_export_event,
};
