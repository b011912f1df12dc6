/* SPDX-License-Identifier: Apache-2.0 */
/* format: an exported flow record as NDJSON, written by hand; a test holds it to the walk over
 * its columns. */
#include <string.h>

#include "codec/text/digits.h"
#include "codec/text/escape.h"
#include "format/format.h"
#include "format/ndjson.h"
#include "model/field_export.h"

static uint8_t *put_address(uint8_t *p, const struct ft_export_record *r, bool there,
                            const uint8_t *a)
{
    if (!there) {
        return FT_PUT_LIT(p, "null");
    }
    *p++ = '"';
    p = r->ip_version == 4 ? ft_put_ip4(p, a) : ft_put_ip6(p, a);
    *p++ = '"';
    return p;
}

static uint8_t *put_or_null(uint8_t *p, bool there, uint64_t v)
{
    return there ? ft_put_u64(p, v) : FT_PUT_LIT(p, "null");
}

static uint8_t *put_time_or_null(uint8_t *p, int64_t ns)
{
    return ns != INT64_MIN ? ft_put_time(p, ns) : FT_PUT_LIT(p, "null");
}

static uint8_t *put_head(uint8_t *p, const struct ft_export_record *r)
{
    enum ft_reason reason = ft_export_reason(r);

    p = FT_PUT_LIT(p, "{\"event_type\":\"network_flow_record\",\"timestamp\":");
    p = ft_put_time(p, r->timestamp_ns);
    p = FT_PUT_LIT(p, ",\"flow_id\":\"");
    p = ft_put_hex64(p, ft_export_flow_id(r));
    if (FT_LIKELY(reason == FT_REASON__COUNT)) {
        p = FT_PUT_LIT(p, "\",\"reason\":null");
    } else {
        p = FT_PUT_LIT(p, "\",\"reason\":\"");
        p = ft_put_str(p, ft_reason_name(reason));
        *p++ = '"';
    }
    return ft_export_is_final(r) ? FT_PUT_LIT(p, ",\"is_final\":true,\"segment\":0")
                                 : FT_PUT_LIT(p, ",\"is_final\":false,\"segment\":0");
}

static uint8_t *put_key(uint8_t *p, const struct ft_export_record *r)
{
    bool shown = !(r->has & FT_XR_PROTO) || ft_proto_has_ports(r->proto);

    p = FT_PUT_LIT(p, ",\"flow_key\":{\"src_ip\":");
    p = put_address(p, r, (r->has & FT_XR_SRC_ADDR) != 0, r->src);
    p = FT_PUT_LIT(p, ",\"dst_ip\":");
    p = put_address(p, r, (r->has & FT_XR_DST_ADDR) != 0, r->dst);
    p = FT_PUT_LIT(p, ",\"src_port\":");
    p = put_or_null(p, (r->has & FT_XR_SRC_PORT) != 0, shown ? r->src_port : 0);
    p = FT_PUT_LIT(p, ",\"dst_port\":");
    p = put_or_null(p, (r->has & FT_XR_DST_PORT) != 0, shown ? r->dst_port : 0);
    p = FT_PUT_LIT(p, ",\"protocol\":");
    return put_or_null(p, (r->has & FT_XR_PROTO) != 0, r->proto);
}

static uint8_t *put_counts(uint8_t *p, const struct ft_export_record *r)
{
    p = FT_PUT_LIT(p, "},\"aggregate_metrics\":{\"packet_count\":");
    p = put_or_null(p, (r->has & FT_XR_PACKETS) != 0, r->packets + r->rev_packets);
    p = FT_PUT_LIT(p, ",\"byte_count\":");
    p = put_or_null(p, (r->has & FT_XR_BYTES) != 0, r->bytes + r->rev_bytes);
    p = FT_PUT_LIT(p, ",\"first_seen\":");
    p = put_time_or_null(p, r->first_ns);
    p = FT_PUT_LIT(p, ",\"last_seen\":");
    return put_time_or_null(p, r->last_ns);
}

static uint8_t *put_exporter(uint8_t *p, const struct ft_export_record *r)
{
    bool rate = r->sampling_rate != 0;

    p = FT_PUT_LIT(p, "},\"exporter\":{\"address\":\"");
    p = ft_put_str(p, r->exporter->text);
    p = FT_PUT_LIT(p, "\",\"domain_id\":");
    p = ft_put_u64(p, r->exporter->domain_id);
    p = FT_PUT_LIT(p, ",\"export_protocol\":\"");
    p = ft_put_str(p, ft_export_protocol_name((enum ft_export_protocol)r->exporter->protocol));
    p = FT_PUT_LIT(p, "\",\"sampling_rate\":");
    p = put_or_null(p, rate, r->sampling_rate);
    p = FT_PUT_LIT(p, ",\"sequence\":");
    p = ft_put_u64(p, r->sequence);
    p = FT_PUT_LIT(p, "},\"estimated_packets\":");
    p = put_or_null(p, rate && (r->has & FT_XR_PACKETS),
                    ft_export_estimate(r->packets + r->rev_packets, r->sampling_rate));
    p = FT_PUT_LIT(p, ",\"estimated_bytes\":");
    return put_or_null(p, rate && (r->has & FT_XR_BYTES),
                       ft_export_estimate(r->bytes + r->rev_bytes, r->sampling_rate));
}

static uint8_t *put_text_or_null(uint8_t *p, const char *text, uint32_t len)
{
    if (text == NULL) {
        return FT_PUT_LIT(p, "null");
    }
    *p++ = '"';
    p = ft_put_text(p, (const uint8_t *)text, len, true);
    *p++ = '"';
    return p;
}

static uint8_t *put_side(uint8_t *p, const struct ft_enrich_side *s, const char *side)
{
    *p++ = '"';
    p = ft_put_str(p, side);
    p = FT_PUT_LIT(p, "_as\":");
    p = put_or_null(p, s->as != 0, s->as);
    p = FT_PUT_LIT(p, ",\"");
    p = ft_put_str(p, side);
    p = FT_PUT_LIT(p, "_as_name\":");
    p = put_text_or_null(p, s->as_name, s->as_name_len);
    p = FT_PUT_LIT(p, ",\"");
    p = ft_put_str(p, side);
    p = FT_PUT_LIT(p, "_country\":");
    p = put_text_or_null(p, s->country[0] != '\0' ? s->country : NULL, 2);
    p = FT_PUT_LIT(p, ",\"");
    p = ft_put_str(p, side);
    p = FT_PUT_LIT(p, "_network\":");
    return put_text_or_null(p, s->network, s->network_len);
}

static uint8_t *put_name(uint8_t *p, const char *name)
{
    return put_text_or_null(p, name, name != NULL ? (uint32_t)strlen(name) : 0);
}

/* Without the brace at its end. */
static uint8_t *put_enrichment(uint8_t *p, const struct ft_enrich_record *e)
{
    static const struct ft_enrich_record nothing;

    e = e != NULL ? e : &nothing;
    p = FT_PUT_LIT(p, ",\"enrichment\":{");
    p = put_side(p, &e->side[0], "src");
    *p++ = ',';
    p = put_side(p, &e->side[1], "dst");
    p = FT_PUT_LIT(p, ",\"ingress_interface_name\":");
    p = put_name(p, e->if_in);
    p = FT_PUT_LIT(p, ",\"egress_interface_name\":");
    return put_name(p, e->if_out);
}

static uint8_t *put_record(uint8_t *p, const uint8_t *end, const struct ft_export_record *r)
{
    p = put_head(p, r);
    p = put_key(p, r);
    p = put_counts(p, r);
    p = put_exporter(p, r);
    p = FT_PUT_LIT(p, ",\"features\":");
    return ft_export_features(r, p, end);
}

size_t ft__ndjson_export_flow(uint8_t *out, size_t room, const struct ft_export_record *r,
                              const struct ft__walk *walk)
{
    const uint8_t *tail = (const uint8_t *)"}\n";
    uint32_t tail_len = 2;
    uint8_t *p = put_record(out, out + room - FT_EXPORT_NAMES_ROOM - FT__WALK_SLACK, r);

    tail = walk != NULL ? ft__walk_tail(walk, &tail_len) : tail;
    memcpy(p, tail, tail_len);
    return (size_t)(p - out) + tail_len;
}

size_t ft__ndjson_export_enriched(uint8_t *out, size_t room, const struct ft_export_record *r,
                                  const struct ft__walk *walk)
{
    uint32_t tail_len;
    const uint8_t *tail = ft__walk_tail(walk, &tail_len); /* closes the object, too */
    uint8_t *p =
        put_record(out, out + room - FT_FORMAT_ENRICH - FT_EXPORT_NAMES_ROOM - FT__WALK_SLACK, r);

    p = put_enrichment(p, r->enrich);
    memcpy(p, tail, tail_len);
    return (size_t)(p - out) + tail_len;
}
