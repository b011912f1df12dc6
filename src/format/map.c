/* SPDX-License-Identifier: Apache-2.0 */
/* format: the walk over a schema's rows, see map.h. */
#include "format/map.h"

#include <string.h>
#include <time.h>

#include "codec/text/digits.h"
#include "codec/text/exported.h"
#include "model/field_export.h"

enum { ROW_ROOM = 128, DEPTH = 8 };

/* What is being written: a record, which for a sample is made from it. */
struct source {
    const struct ft_export_record *r;
    const struct ft_export_sample *s; /* or NULL */
    const uint8_t *end;
};

static const struct ft_xvalue *find(const struct ft_export_record *r, uint16_t id)
{
    const struct ft_element *e = ft_element_find(0, id);

    for (uint32_t i = 0; e != NULL && i < r->n_values; i++) {
        if (r->values[i].key == e->name &&
            (r->values[i].flags & (FT_XV_WRONG | FT_XV_ABSENT | FT_XV_FIRST | FT_XV_MORE)) == 0) {
            return &r->values[i];
        }
    }
    return NULL;
}

static uint64_t number(const struct ft_export_record *r, const struct ft_xvalue *v)
{
    const uint8_t *at = r->base + v->offset;
    uint64_t n = 0;

    for (uint32_t i = 0; i < v->len && v->len <= 8; i++) {
        n = n << 8 | at[i];
    }
    return n;
}

/* ---- values; each returns NULL when the record has none ---- */

static uint8_t *put_address(uint8_t *p, const struct ft_export_record *r, const uint8_t *a,
                            int version, bool mapped)
{
    uint16_t which = a == r->src ? FT_XR_SRC_ADDR : FT_XR_DST_ADDR;

    if (!(r->has & which) || (version != 0 && r->ip_version != version)) {
        return NULL;
    }
    *p++ = '"';
    if (r->ip_version == 4) {
        p = mapped ? FT_PUT_LIT(p, "::ffff:") : p;
        p = ft_put_ip4(p, a);
    } else {
        p = ft_put_ip6(p, a);
    }
    *p++ = '"';
    return p;
}

static uint8_t *put_text(uint8_t *p, const char *text)
{
    *p++ = '"';
    p = ft_put_str(p, text);
    *p++ = '"';
    return p;
}

static const char *proto_name(uint8_t proto)
{
    switch (proto) {
    case 1:
        return "ICMP";
    case 2:
        return "IGMP";
    case 6:
        return "TCP";
    case 17:
        return "UDP";
    case 47:
        return "GRE";
    case 50:
        return "ESP";
    case 51:
        return "AH";
    case 58:
        return "IPv6-ICMP";
    case 89:
        return "OSPF";
    case 132:
        return "SCTP";
    default:
        return NULL;
    }
}

static uint8_t *put_proto(uint8_t *p, const struct ft_export_record *r, bool lower)
{
    const char *name = proto_name(r->proto);

    if (!(r->has & FT_XR_PROTO)) {
        return NULL;
    }
    *p++ = '"';
    if (name == NULL) {
        p = ft_put_u64(p, r->proto);
    }
    for (; name != NULL && *name != '\0'; name++) {
        *p++ = (uint8_t)(lower && *name >= 'A' && *name <= 'Z' ? *name + 32 : *name);
    }
    *p++ = '"';
    return p;
}

static uint8_t *put_flags(uint8_t *p, const struct ft_export_record *r, uint8_t kind)
{
    static const char letters[] = "CEUAPRSF";

    if (!(r->has & FT_XR_TCP_FLAGS)) {
        return NULL;
    }
    if (kind == FT__MAP_FLAGS) {
        return ft_put_u64(p, r->tcp_flags);
    }
    *p++ = '"';
    if (kind == FT__MAP_FLAGS_TEXT) {
        p = ft_put_u64(p, r->tcp_flags);
    } else {
        for (int i = 0; i < 8; i++) {
            *p++ = (uint8_t)((r->tcp_flags >> (7 - i)) & 1 ? letters[i] : '.');
        }
    }
    *p++ = '"';
    return p;
}

/* UTC, as "2023-11-14T22:13:20.123Z" or "2023-11-14 22:13:20.123456". */
static uint8_t *put_date(uint8_t *p, int64_t ns, bool sql)
{
    time_t s = (time_t)(ns / 1000000000);
    int64_t frac = ns % 1000000000;
    struct tm tm;
    char text[48];

    if (frac < 0) {
        frac += 1000000000;
        s--;
    }
    gmtime_r(&s, &tm);
    size_t n = strftime(text, sizeof text, sql ? "%Y-%m-%d %H:%M:%S." : "%Y-%m-%dT%H:%M:%S.", &tm);
    uint32_t digits = sql ? 6 : 3;

    *p++ = '"';
    memcpy(p, text, n);
    p += n;
    for (uint32_t i = 0, unit = 100000000; i < digits; i++, unit /= 10) {
        *p++ = (uint8_t)('0' + frac / unit % 10);
    }
    if (!sql) {
        *p++ = 'Z';
    }
    *p++ = '"';
    return p;
}

/* A time in a form; `of` is that of its nanoseconds: ns, ms, ISO, SQL. */
static uint8_t *put_time(uint8_t *p, int64_t ns, uint8_t form)
{
    if (ns == INT64_MIN || (ns < 0 && form < 3)) {
        return NULL;
    }
    switch (form) {
    case 0:
        return ft_put_u64(p, (uint64_t)ns);
    case 1:
        return ft_put_u64(p, (uint64_t)ns / 1000000);
    case 2:
        return ft_put_u64(p, (uint64_t)ns / 1000000000);
    default:
        return put_date(p, ns, form == 4);
    }
}

/* Two clocks of one record may be more than an int64_t apart. */
static uint8_t *put_duration(uint8_t *p, const struct ft_export_record *r, uint64_t unit)
{
    if (r->first_ns == INT64_MIN || r->last_ns == INT64_MIN || r->last_ns < r->first_ns) {
        return NULL;
    }
    return ft_put_u64(p, ((uint64_t)r->last_ns - (uint64_t)r->first_ns) / unit);
}

static uint8_t *put_interface(uint8_t *p, const struct source *f, bool out)
{
    const struct ft_xvalue *v = find(f->r, out ? 14 : 10);

    if (f->s != NULL) {
        uint32_t format = out ? f->s->output_format : f->s->input_format;
        uint32_t value = out ? f->s->output : f->s->input;

        return ft_export_interface_known(format, value) ? ft_put_u64(p, value) : NULL;
    }
    return v != NULL ? ft_put_u64(p, number(f->r, v)) : NULL;
}

static uint8_t *put_direction(uint8_t *p, const struct ft_export_record *r, bool ocsf)
{
    const struct ft_xvalue *v = find(r, 61);
    uint64_t n = v != NULL ? number(r, v) : UINT64_MAX;

    if (ocsf) {
        return ft_put_u64(p, n == 0 ? 1 : n == 1 ? 2 : 0);
    }
    return n == 0 ? FT_PUT_LIT(p, "\"ingress\"") : n == 1 ? FT_PUT_LIT(p, "\"egress\"") : NULL;
}

static uint8_t *put_exporter(uint8_t *p, const struct ft_exporter_info *e, bool mapped)
{
    const char *text = e->agent_version != 0 ? e->agent_text : e->text;
    uint8_t version = e->agent_version != 0 ? e->agent_version : e->ip_version;

    *p++ = '"';
    p = mapped && version == 4 ? FT_PUT_LIT(p, "::ffff:") : p;
    p = ft_put_str(p, text);
    *p++ = '"';
    return p;
}

static uint8_t *put_version(uint8_t *p, const struct ft_exporter_info *e, uint8_t kind)
{
    static const char *const goflow[] = {"NETFLOW_V1", "NETFLOW_V5", "NETFLOW_V7",
                                         "NETFLOW_V9", "IPFIX",      "SFLOW_5"};
    static const char *const otel[] = {"netflow_v1", "netflow_v5", "netflow_v7",
                                       "netflow_v9", "ipfix",      "sflow_5"};
    static const uint8_t versions[] = {1, 5, 7, 9, 10, 5};

    if (kind == FT__MAP_VERSION) {
        return ft_put_u64(p, versions[e->protocol]);
    }
    return put_text(p, kind == FT__MAP_OTEL_TYPE ? otel[e->protocol] : goflow[e->protocol]);
}

static uint8_t *put_first_value(uint8_t *p, const struct source *f, const uint16_t ie[4])
{
    for (int i = 0; i < 4 && ie[i] != 0; i++) {
        const struct ft_xvalue *v = find(f->r, ie[i]);

        if (v != NULL && ft_xvalue_room(v) < (size_t)(f->end - p)) {
            return ft_xvalue_put(p, f->r->base, v, f->r->lists);
        }
    }
    return NULL;
}

static uint8_t *put_count(uint8_t *p, bool there, uint64_t n)
{
    return there ? ft_put_u64(p, n) : NULL;
}

/* Addresses, ports, protocol. */
static uint8_t *put_key(uint8_t *p, const struct ft_export_record *r, uint8_t kind)
{
    bool address = (r->has & FT_XR_ADDRESSES) != 0;

    switch (kind) {
    case FT__MAP_SRC:
    case FT__MAP_SRC_MAPPED:
        return put_address(p, r, r->src, 0, kind == FT__MAP_SRC_MAPPED);
    case FT__MAP_DST:
    case FT__MAP_DST_MAPPED:
        return put_address(p, r, r->dst, 0, kind == FT__MAP_DST_MAPPED);
    case FT__MAP_SRC4:
    case FT__MAP_SRC6:
        return put_address(p, r, r->src, kind == FT__MAP_SRC4 ? 4 : 6, false);
    case FT__MAP_DST4:
    case FT__MAP_DST6:
        return put_address(p, r, r->dst, kind == FT__MAP_DST4 ? 4 : 6, false);
    case FT__MAP_SPORT:
        return put_count(p, (r->has & FT_XR_SRC_PORT) != 0, r->src_port);
    case FT__MAP_DPORT:
        return put_count(p, (r->has & FT_XR_DST_PORT) != 0, r->dst_port);
    case FT__MAP_PROTO:
        return put_count(p, (r->has & FT_XR_PROTO) != 0, r->proto);
    case FT__MAP_PROTO_NAME:
    case FT__MAP_PROTO_LOWER:
        return put_proto(p, r, kind == FT__MAP_PROTO_LOWER);
    case FT__MAP_ETYPE:
        return put_count(p, address, r->ip_version == 4 ? 2048 : 34525);
    case FT__MAP_ETYPE_NAME:
        return address ? put_text(p, r->ip_version == 4 ? "IPv4" : "IPv6") : NULL;
    case FT__MAP_IP_LOWER:
        return address ? put_text(p, r->ip_version == 4 ? "ipv4" : "ipv6") : NULL;
    default:
        return put_count(p, address, r->ip_version);
    }
}

static uint8_t *put_times(uint8_t *p, const struct ft_export_record *r, uint8_t kind)
{
    switch (kind) {
    case FT__MAP_TIME_NS:
        return put_time(p, r->timestamp_ns, 0);
    case FT__MAP_TIME_MS:
        return put_time(p, r->timestamp_ns, 1);
    case FT__MAP_TIME_S:
        return put_time(p, r->timestamp_ns, 2);
    case FT__MAP_TIME_ISO:
        return put_time(p, r->timestamp_ns, 3);
    case FT__MAP_FIRST_NS:
    case FT__MAP_LAST_NS:
        return put_time(p, kind == FT__MAP_FIRST_NS ? r->first_ns : r->last_ns, 0);
    case FT__MAP_FIRST_MS:
    case FT__MAP_LAST_MS:
        return put_time(p, kind == FT__MAP_FIRST_MS ? r->first_ns : r->last_ns, 1);
    case FT__MAP_FIRST_ISO:
    case FT__MAP_LAST_ISO:
        return put_time(p, kind == FT__MAP_FIRST_ISO ? r->first_ns : r->last_ns, 3);
    case FT__MAP_FIRST_SQL:
    case FT__MAP_LAST_SQL:
        return put_time(p, kind == FT__MAP_FIRST_SQL ? r->first_ns : r->last_ns, 4);
    default:
        return put_duration(p, r, kind == FT__MAP_DURATION_NS ? 1 : 1000000);
    }
}

static uint8_t *put_rest(uint8_t *p, const struct source *f, const struct ft__map_row *row)
{
    const struct ft_export_record *r = f->r;
    bool biflow = (r->has & FT_XR_BIFLOW) != 0;

    switch (row->kind) {
    case FT__MAP_TEXT:
        return ft_put_str(p, row->text);
    case FT__MAP_VALUE:
        return put_first_value(p, f, row->ie);
    case FT__MAP_BYTES:
        return put_count(p, (r->has & FT_XR_BYTES) != 0, r->bytes);
    case FT__MAP_PACKETS:
        return put_count(p, (r->has & FT_XR_PACKETS) != 0, r->packets);
    case FT__MAP_BYTES_BACK:
        return put_count(p, biflow, r->rev_bytes);
    case FT__MAP_PACKETS_BACK:
        return put_count(p, biflow, r->rev_packets);
    case FT__MAP_FLAGS:
    case FT__MAP_FLAGS_TEXT:
    case FT__MAP_FLAGS_DOTS:
        return put_flags(p, r, row->kind);
    case FT__MAP_RATE:
        return put_count(p, r->sampling_rate != 0, r->sampling_rate);
    case FT__MAP_SEQUENCE:
        return ft_put_u64(p, r->sequence);
    case FT__MAP_DOMAIN:
        return ft_put_u64(p, r->exporter->domain_id);
    case FT__MAP_EXPORTER:
    case FT__MAP_EXPORTER_MAPPED:
        return put_exporter(p, r->exporter, row->kind == FT__MAP_EXPORTER_MAPPED);
    case FT__MAP_VERSION:
    case FT__MAP_GOFLOW_TYPE:
    case FT__MAP_OTEL_TYPE:
        return put_version(p, r->exporter, row->kind);
    case FT__MAP_IN_IF:
    case FT__MAP_OUT_IF:
        return put_interface(p, f, row->kind == FT__MAP_OUT_IF);
    case FT__MAP_DIRECTION:
    case FT__MAP_DIRECTION_ID:
        return put_direction(p, r, row->kind == FT__MAP_DIRECTION_ID);
    case FT__MAP_FEATURES:
        return ft_export_features(r, p, f->end);
    default:
        return FT_PUT_LIT(p, "1");
    }
}

static uint8_t *put_value(uint8_t *p, const struct source *f, const struct ft__map_row *row)
{
    if (row->kind >= FT__MAP_SRC && row->kind <= FT__MAP_IP_LOWER) {
        return put_key(p, f->r, row->kind);
    }
    if (row->kind >= FT__MAP_TIME_NS && row->kind <= FT__MAP_DURATION_MS) {
        return put_times(p, f->r, row->kind);
    }
    return put_rest(p, f, row);
}

/* The key of a row, with a comma before it. */
static uint8_t *put_row_key(uint8_t *p, const struct ft__map_row *row, bool first)
{
    p = first ? p : FT_PUT_LIT(p, ",");
    *p++ = '"';
    p = ft_put_str(p, row->key);
    return FT_PUT_LIT(p, "\":");
}

/* One row with a value; p as it was when there is none and nothing stands for it. */
static uint8_t *put_row(uint8_t *p, const struct source *f, const struct ft__map_row *row,
                        bool first)
{
    uint8_t *value, *after;

    if ((size_t)(f->end - p) < ROW_ROOM) {
        return p; /* the bounds of a record leave room for the closing braces */
    }
    value = put_row_key(p, row, first);
    after = put_value(value, f, row);
    if (after != NULL) {
        return after;
    }
    return row->none == FT__MAP_OMIT    ? p
           : row->none == FT__MAP_EMPTY ? FT_PUT_LIT(value, "\"\"")
                                        : FT_PUT_LIT(value, "0");
}

/* Objects that stay empty are left out. */
static size_t walk(const struct ft__map *map, uint8_t *out, const struct source *f)
{
    struct {
        uint8_t *start; /* before the key of the object */
        bool first;     /* nothing stands before it in the object around it */
    } open[DEPTH];
    uint32_t depth = 0;
    uint8_t *p = out;
    bool first = true;

    *p++ = '{';
    for (uint32_t i = 0; i < map->n; i++) {
        const struct ft__map_row *row = &map->rows[i];
        uint8_t *before = p;

        if (row->kind == FT__MAP_OPEN) {
            open[depth].start = p;
            open[depth++].first = first;
            p = put_row_key(p, row, first);
            *p++ = '{';
            first = true;
        } else if (row->kind == FT__MAP_CLOSE && first) {
            p = open[--depth].start;
            first = open[depth].first;
        } else if (row->kind == FT__MAP_CLOSE) {
            depth--;
            *p++ = '}';
        } else {
            p = put_row(p, f, row, first);
            first = first && p == before;
        }
    }
    p = FT_PUT_LIT(p, "}\n");
    return (size_t)(p - out);
}

const struct ft__map *ft__map_find(const char *schema)
{
    for (uint32_t i = 0; i < ft__maps_n; i++) {
        if (strcmp(ft__maps[i].name, schema) == 0) {
            return &ft__maps[i];
        }
    }
    return NULL;
}

size_t ft__map_flow(const struct ft__map *map, uint8_t *p, size_t room,
                    const struct ft_export_record *r)
{
    struct source f = {.r = r, .end = p + room - FT_FORMAT_EXPORT_MIN / 4};

    return walk(map, p, &f);
}

size_t ft__map_sample(const struct ft__map *map, uint8_t *p, const struct ft_export_sample *s)
{
    struct ft_export_record r = {
        .exporter = s->exporter,
        .base = s->base,
        .values = s->values,
        .n_values = s->n_values,
        .sequence = s->sequence,
        .sampling_rate = s->sampling_rate,
        .timestamp_ns = s->timestamp_ns,
        .first_ns = s->timestamp_ns,
        .last_ns = s->timestamp_ns,
        .packets = 1,
        .bytes = s->frame_len,
        .has = FT_XR_PACKETS | FT_XR_BYTES,
    };
    struct source f = {.r = &r, .s = s, .end = p + FT_FORMAT_MAX - FT_FORMAT_EXPORT_MIN};

    if (s->pkt != NULL) {
        const struct ft_packet *k = s->pkt;
        bool v6 = (k->key.bits & FT_KEY_V6) != 0;
        size_t len = v6 ? 16 : 4;

        memcpy(r.src, v6 ? k->addr6 + 16 * k->swap : (const uint8_t *)&k->key.addr[k->swap], len);
        memcpy(r.dst, v6 ? k->addr6 + 16 * !k->swap : (const uint8_t *)&k->key.addr[!k->swap], len);
        r.src_port = k->key.port[k->swap];
        r.dst_port = k->key.port[!k->swap];
        r.proto = k->key.proto;
        r.ip_version = v6 ? 6 : 4;
        r.tcp_flags = k->tcp_flags;
        r.has |= FT_XR_ADDRESSES | FT_XR_PORTS | FT_XR_PROTO;
        r.has |= (s->seen & FT_XS_TCP_FLAGS) != 0 ? FT_XR_TCP_FLAGS : 0;
    }
    return walk(map, p, &f);
}
