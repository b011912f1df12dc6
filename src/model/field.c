/* SPDX-License-Identifier: Apache-2.0 */
/* model: what a row says of a struct; the columns of samples. Those of flow records stand with
 * their owners, of pipeline_stats in field_stats.c, of the events of collect in field_export.c. */
#include "model/field.h"

#include <string.h>

#include "model/field_afterimage.h"
#include "model/field_alert.h"
#include "model/field_export.h"
#include "model/field_stats.h"
#include "model/field_window.h"
#include "model/observer.h"

const char *ft_group_name(uint8_t group)
{
    static const char *const names[] = {[FT_GROUP_TOP] = "",
                                        [FT_GROUP_FLOW_KEY] = "flow_key",
                                        [FT_GROUP_AGGREGATE] = "aggregate_metrics",
                                        [FT_GROUP_FEATURES] = "features",
                                        [FT_GROUP_EXPORTER] = "exporter",
                                        [FT_GROUP_ENRICHMENT] = "enrichment"};

    return group < sizeof names / sizeof names[0] ? names[group] : "";
}

const char *ft_field_flat_name(const struct ft_field *f)
{
    return f->type == FT_T_JSON && strcmp(f->name, "features") == 0 ? "other" : f->name;
}

static uint64_t load(const uint8_t *at, uint8_t width)
{
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    switch (width) {
    case 1:
        return *at;
    case 2:
        memcpy(&u16, at, sizeof u16);
        return u16;
    case 4:
        memcpy(&u32, at, sizeof u32);
        return u32;
    default:
        memcpy(&u64, at, sizeof u64);
        return u64;
    }
}

void ft_field_get(const struct ft_field *f, const void *part, struct ft_value *out)
{
    out->null = false;
    out->nonfinite = 0;
    if (f->width == 0) {
        out->item = f->item;
        f->get(part, out);
        return;
    }
    out->u = load((const uint8_t *)part + f->at, f->width);
    out->null = (f->absent == FT_ABSENT_ZERO && out->u == 0) ||
                (f->absent == FT_ABSENT_ONES && out->u == UINT64_MAX >> (64 - 8 * f->width));
}

/* ---- getters of a sample ---- */

#define SAMPLE(name, stmt)                                                                         \
    static void s_##name(const void *event, struct ft_value *v)                                    \
    {                                                                                              \
        const struct ft_sample *s = event;                                                         \
        stmt;                                                                                      \
    }

static void sample_addr(const struct ft_packet *p, int side, struct ft_value *v)
{
    v->ip_version = (p->key.bits & FT_KEY_V6) ? 6 : 4;
    v->addr = v->ip_version == 6 ? p->addr6 + 16 * side : (const uint8_t *)&p->key.addr[side];
}

static uint64_t sample_port(const struct ft_packet *p, int side)
{
    return ft_proto_has_ports(p->key.proto) ? p->key.port[side] : 0;
}

SAMPLE(timestamp, v->i = s->pkt->ts_ns)
SAMPLE(src_ip, sample_addr(s->pkt, s->pkt->swap, v))
SAMPLE(dst_ip, sample_addr(s->pkt, !s->pkt->swap, v))
SAMPLE(src_port, v->u = sample_port(s->pkt, s->pkt->swap))
SAMPLE(dst_port, v->u = sample_port(s->pkt, !s->pkt->swap))
SAMPLE(protocol, v->u = s->pkt->key.proto)
SAMPLE(size, v->u = s->pkt->frame_len)
SAMPLE(packets, v->u = s->counts->packets)
SAMPLE(bytes, v->u = s->counts->bytes)
SAMPLE(first_seen, v->i = s->counts->first_ns)

static const struct ft_field sample_fields[] = {
    {.name = "timestamp",
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     .get = s_timestamp,
     .ie = 325,
     .source = "capture",
     .meaning = "time of the packet"},
    {.name = "src_ip",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_ADDR,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .get = s_src_ip,
     .ie = 8,
     .source = "IPv4/IPv6 header",
     .meaning = "source address (IPv6: element 27)"},
    {.name = "dst_ip",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_ADDR,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .get = s_dst_ip,
     .ie = 12,
     .source = "IPv4/IPv6 header",
     .meaning = "destination address (IPv6: element 28)"},
    {.name = "src_port",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U16,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = s_src_port,
     .ie = 7,
     .source = "transport header",
     .meaning = "source port; 0 for protocols without ports and later fragments"},
    {.name = "dst_port",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U16,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = s_dst_port,
     .ie = 11,
     .source = "transport header",
     .meaning = "destination port; 0 for protocols without ports and later fragments"},
    {.name = "protocol",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U8,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = s_protocol,
     .ie = 4,
     .source = "IP header",
     .meaning = "IP protocol; of IPv6, the one after the extension headers"},
    {.name = "packet_size_bytes",
     .type = FT_T_U32,
     .privacy = FT_PRIVACY_NONE,
     .unit = "bytes",
     .get = s_size,
     .ie = 312,
     .source = "capture",
     .meaning = "the frame on the wire, never what a snap length left of it"},
    {.name = "packet_count",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_U64,
     .privacy = FT_PRIVACY_NONE,
     .unit = "packets",
     .get = s_packets,
     .ie = 86,
     .source = "flowtap",
     .meaning = "packets of this 5-tuple in this direction so far, this one included"},
    {.name = "byte_count",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_U64,
     .privacy = FT_PRIVACY_NONE,
     .unit = "bytes",
     .get = s_bytes,
     .ie = 353,
     .source = "flowtap",
     .meaning = "wire bytes of this 5-tuple in this direction so far, this packet included"},
    {.name = "first_seen",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     .get = s_first_seen,
     .ie = 156,
     .source = "flowtap",
     .meaning = "earliest packet of this 5-tuple in this direction"},
    {.name = "last_seen",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     .get = s_timestamp,
     .ie = 157,
     .source = "flowtap",
     .meaning = "time of this packet"},
    FT_OBSERVER_ROWS,
};

enum { OBSERVER_ROWS = 2 };

const struct ft_field *ft_fields_sample(uint32_t *out_n)
{
    *out_n = sizeof sample_fields / sizeof sample_fields[0];
    return sample_fields;
}

const struct ft_field *ft_fields(enum ft_event e, uint32_t *out_n)
{
    switch (e) {
    case FT_EVENT_SAMPLE:
        *out_n = sizeof sample_fields / sizeof sample_fields[0] - OBSERVER_ROWS;
        return sample_fields;
    case FT_EVENT_STATS:
        return ft__fields_stats(out_n);
    case FT_EVENT_WINDOW:
        return ft__fields_window(out_n);
    case FT_EVENT_ALERT:
        return ft__fields_alert(out_n);
    case FT_EVENT_AFTERIMAGE:
        return ft__fields_afterimage(out_n);
    default:
        return ft_fields_export(e, out_n);
    }
}
