/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the shapes of other collectors (?schema=NAME, format/map*.c) and flowtap's own over any
 * record of collect. The input is 56 bytes of what a record has decoded, then its values:
 *
 *     [type 1][length 1][element 2][bytes ...]
 *     type: bits 0-4 one of enum ft_xtype, 0 or another: that of the element; 5 absent
 *
 * Properties: for every schema a record, and a sample made of the same values, is one line of JSON
 * within the room that is promised, and nothing is written behind that room. */
#include <string.h>

#include "asan.h"
#include "base/rd.h"
#include "format/format.h"
#include "format/map.h"
#include "json_check.h"
#include "lines.h"
#include "must.h"

enum { HEAD = 56, VALUE_HEAD = 4, VALUES = 256, SLACK = CANARY_MAX, FORMATS = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t room_of_event[FT_FORMAT_MAX + SLACK];
static struct ft_xvalue values[VALUES];

static uint8_t *begin(size_t room)
{
    MUST(room > 0 && room <= FT_FORMAT_MAX);
    UNPOISON(room_of_event, sizeof room_of_event);
    memset(room_of_event + room, CANARY, SLACK);
    POISON(room_of_event + room, sizeof room_of_event - room);
    return room_of_event;
}

static void end(size_t room, size_t n)
{
    UNPOISON(room_of_event, sizeof room_of_event);
    MUST(n <= room);
    MUST(canary_lives(room_of_event + room, SLACK));
    MUST(json_line(room_of_event, n));
}

/* Times lie where those of collect do: NTP's begin in 1968. INT64_MIN: none. */
static int64_t time_at(const uint8_t *p)
{
    static const int64_t first = -INT64_C(61505152) * 1000000000;
    int64_t ns = (int64_t)ft_load_be64(p);

    return ns == INT64_MIN || ns >= first ? ns : ns / 256;
}

/* One value; as collect has it, those of one key stand together, and a length that does not fit is
 * marked. Returns the bytes of the input that it took. */
static size_t add_value(const uint8_t *base, size_t at, size_t size, uint32_t *n)
{
    const uint8_t *p = base + at;
    size_t len = p[1] < size - at - VALUE_HEAD ? p[1] : size - at - VALUE_HEAD;
    const struct ft_element *e = ft_element_find(0, ft_load_be16(p + 2));
    const char *key = e != NULL ? e->name : "ie_60000";
    uint8_t type = p[0] & 0x1f;
    struct ft_xvalue *v = &values[*n];

    for (uint32_t i = 0; i + 1 < *n; i++) {
        if (values[i].key == key && values[*n - 1].key != key) {
            return VALUE_HEAD + len;
        }
    }
    *v = (struct ft_xvalue){.key = key,
                            .key_len = (uint16_t)strlen(key),
                            .offset = (uint32_t)at + VALUE_HEAD,
                            .len = (uint16_t)len,
                            .type = type > 0 && type <= FT_X_UINT32_LIST ? type
                                    : e != NULL                          ? e->type
                                                                         : FT_X_OCTETS};
    v->flags = p[0] & 0x20 ? FT_XV_ABSENT : ft_xvalue_fits(v->type, v->len) ? 0 : FT_XV_WRONG;
    if (*n > 0 && v[-1].key == key) {
        v->flags |= FT_XV_MORE;
        v[-1].flags |= v[-1].flags & FT_XV_MORE ? 0 : FT_XV_FIRST;
    }
    ++*n;
    return VALUE_HEAD + len;
}

static void make_record(const uint8_t *d, size_t size, const struct ft_exporter_info *from,
                        const struct ft_export_names *names, struct ft_export_record *r)
{
    static const uint8_t versions[] = {0, 4, 6, 4};

    *r = (struct ft_export_record){
        .exporter = from,
        .names = ft_load_be16(d + 10) & 2 ? names : NULL,
        .base = d,
        .values = values,
        .has = (uint16_t)(d[0] | (d[1] & 1) << 8),
        .ip_version = versions[(d[1] >> 1) & 3],
        .proto = d[2],
        .src_port = ft_load_be16(d + 4),
        .dst_port = ft_load_be16(d + 6),
        .tcp_flags = ft_load_be16(d + 8),
        .sampling_rate = ft_load_be32(d + 12),
        .sequence = ft_load_be32(d + 16),
        .bytes = ft_load_be64(d + 20),
        .packets = ft_load_be64(d + 28),
        .first_ns = time_at(d + 36),
        .last_ns = time_at(d + 44),
        .timestamp_ns = (int64_t)ft_load_be32(d + 48) * 1000000000,
        .template_id = 256,
        .end_reason = d[52] % 8,
        .firewall_event = d[52] / 8,
    };
    r->has &= (uint16_t) ~(r->ip_version == 0 ? FT_XR_ADDRESSES : 0);
    memcpy(r->src, d + 24, 16);
    memcpy(r->dst, d + 32, 16);
    for (size_t at = HEAD; size - at >= VALUE_HEAD && r->n_values < VALUES;) {
        at += add_value(d, at, size, &r->n_values);
    }
    r->text_max = ft_xvalues_room(values, r->n_values);
}

static void make_sample(const uint8_t *d, const struct ft_export_record *r, struct ft_packet *pkt,
                        struct ft_export_sample *s)
{
    *s = (struct ft_export_sample){
        .exporter = r->exporter,
        .base = r->base,
        .values = values,
        .n_values = r->n_values,
        .text_max = r->text_max,
        .timestamp_ns = r->timestamp_ns,
        .sequence = r->sequence,
        .sampling_rate = r->sampling_rate,
        .input_format = d[52] & 3,
        .input = ft_load_be32(d + 20),
        .output_format = d[53] & 3,
        .output = ft_load_be32(d + 24),
        .frame_len = ft_load_be32(d + 28),
    };
    memset(pkt, 0, sizeof *pkt);
    pkt->key.proto = d[2];
    pkt->key.bits = r->ip_version == 6 ? FT_KEY_V6 : 0;
    pkt->key.port[0] = r->src_port;
    pkt->key.port[1] = r->dst_port;
    pkt->swap = d[53] >> 7;
    pkt->tcp_flags = d[9];
    memcpy(pkt->key.addr, d + 24, sizeof pkt->key.addr);
    memcpy(pkt->addr6, d + 20, sizeof pkt->addr6);
    s->pkt = d[53] & 0x40 ? NULL : pkt;
}

static void write_all(const struct ft_format *f, const struct ft_export_record *r,
                      const struct ft_export_sample *s)
{
    static const struct ft_tuple_counts counts = {1, 1, 1};
    struct ft_export_sample counted = *s;
    size_t room = FT_FORMAT_EXPORT_MIN + (size_t)r->text_max;

    room = room < FT_FORMAT_MAX ? room : FT_FORMAT_MAX;
    end(room, f->ops->export_flow(f, begin(room), room, r));
    counted.counts = s->pkt != NULL ? &counts : NULL;
    end(FT_FORMAT_MAX, f->ops->export_event(f, begin(FT_FORMAT_MAX), FT_EVENT_SAMPLE, &counted));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ft_export_names names = {"Gi0/0", "a\"b\\\n", NULL, "", "\xff\x01"};
    static struct ft_format *formats[FORMATS]; /* of all inputs */
    struct ft_exporter_info from = {.ip_version = 4, .text = "192.0.2.1", .domain_id = 7};
    struct ft_export_record r;
    struct ft_export_sample s;
    struct ft_packet pkt;

    if (size < HEAD) {
        return 0;
    }
    from.protocol = data[3] % FT_XP__COUNT;
    if (from.protocol == FT_XP_SFLOW_V5) {
        from.agent_version = 6;
        memcpy(from.agent_text, "2001:db8::1", sizeof "2001:db8::1");
    }
    make_record(data, size, &from, &names, &r);
    make_sample(data, &r, &pkt, &s);
    if (formats[0] == NULL) {
        for (uint32_t i = 0; i <= ft__maps_n && i < FORMATS; i++) {
            formats[i] = lines_open("ndjson", (1u << FT_EVENT__COUNT) - 1, NULL,
                                    i < ft__maps_n ? ft__maps[i].name : NULL);
        }
    }
    for (uint32_t i = 0; i <= ft__maps_n && i < FORMATS; i++) {
        write_all(formats[i], &r, &s);
    }
    return 0;
}
