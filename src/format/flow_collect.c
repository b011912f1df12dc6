/* SPDX-License-Identifier: Apache-2.0 */
/* format: rows of what collect has heard, see flow_collect.h. */
#include "format/flow_collect.h"

#include <string.h>

#include "base/rd.h"
#include "base/time.h"
#include "format/flow_relay.h"
#include "format/format.h"

enum { DAY_S = 86400, ICMP = 1 };

static const int64_t ns_in_s = 1000000000, ns_in_ms = 1000000;

static struct ft_flow_head head_at(int64_t timestamp_ns, int64_t first_ns, int64_t last_ns)
{
    return (struct ft_flow_head){.time_s = (uint32_t)ft_time_floor(timestamp_ns, ns_in_s),
                                 .first_ms = ft_time_floor(first_ns, ns_in_ms),
                                 .last_ms = ft_time_floor(last_ns, ns_in_ms)};
}

/* Behind a record: who sent it. Returns its bytes. */
static size_t put_source(uint8_t *p, const struct ft_exporter_info *e)
{
    struct ft_flow_source s = {0};

    if (e != NULL) {
        s.ip_version = e->ip_version;
        memcpy(s.addr, e->addr, e->ip_version == 4 ? 4 : sizeof s.addr);
    }
    memcpy(p, &s, sizeof s);
    return sizeof s;
}

/* A row of so many bytes behind its head, 0: it does not fit, or why not. template: of v5, which
 * has none, the rate. */
static size_t finish(const struct ft_flow_template_list *l, const struct ft_exporter_info *e,
                     struct ft_flow_head *h, uint8_t *row, size_t len, uint32_t template)
{
    bool full = template == FT_FLOW_TEMPLATES_FULL && l->version != FT_FLOW_NETFLOW_5;

    if (FT_UNLIKELY(len == 0 || full)) {
        return FT_FORMAT_UNFIT(len == 0 ? FT_UNFIT_LENGTH : FT_UNFIT_TEMPLATES);
    }
    len += sizeof *h;
    len += FT_UNLIKELY(l->sources) ? put_source(row + len, e) : 0;
    if (len > FT__FLOW_ROW_MOST) {
        return FT_FORMAT_UNFIT(FT_UNFIT_LENGTH);
    }
    h->template = (uint16_t) template;
    h->len = (uint16_t)len;
    memcpy(row, h, sizeof *h);
    return len;
}

/* Does a message's clock, set by when it was exported, hold its times? */
static bool clock_holds(const struct ft_export_record *r)
{
    return r->first_ns <= r->last_ns && r->last_ns - r->timestamp_ns < DAY_S * ns_in_s &&
           r->timestamp_ns - r->first_ns < (UINT32_MAX / 1000 - 3 * DAY_S) * ns_in_s;
}

static size_t put_ipfix(struct ft_flow_template_list *l, const struct ft_export_record *r,
                        uint8_t *row, size_t room)
{
    struct ft_flow_head h = head_at(r->timestamp_ns, 0, 0);
    uint32_t t = 0;
    size_t len = ft__flow_relay_put(l, r, row + sizeof h, room - sizeof h, &t);

    return finish(l, r->exporter, &h, row, len, t);
}

static size_t put_v9(struct ft_flow_template_list *l, const struct ft_export_record *r,
                     uint8_t *row, size_t room)
{
    bool timed = r->first_ns >= 0 && r->last_ns >= 0, both = r->rev_packets > 0;
    struct ft_flow_head h = head_at(r->timestamp_ns, r->first_ns, r->last_ns);
    uint32_t t = 0;

    if (!timed) {
        h.first_ms = h.last_ms = INT64_MIN;
    } else if (!clock_holds(r)) {
        return FT_FORMAT_UNFIT(FT_UNFIT_TIME);
    }
    room = both ? room / 2 : room;
    size_t len = ft__flow_relay9_put(l, r, timed, row + sizeof h, room - sizeof h, &t);
    size_t at = finish(l, r->exporter, &h, row, len, t);

    if (FT_LIKELY(!both) || at > FT__FLOW_ROW_MOST) {
        return at;
    }
    row += at;
    len = ft__flow_relay9_reverse(l, r, timed, row + sizeof h, room - sizeof h, &t);
    len = finish(l, r->exporter, &h, row, len, t);
    return len > FT__FLOW_ROW_MOST ? len : at + len;
}

static size_t put_v5(const struct ft_flow_template_list *l, const struct ft_export_record *r,
                     uint8_t *row)
{
    struct ft_flow_head h = head_at(r->timestamp_ns, r->first_ns, r->last_ns);
    enum ft_unfit why = ft__flow_relay5_why(r);
    uint8_t *record = row + sizeof h;
    uint32_t rate = r->sampling_rate;

    if (why == FT_UNFIT__COUNT && !clock_holds(r)) {
        why = FT_UNFIT_TIME;
    }
    if (why == FT_UNFIT__COUNT && !ft__flow_relay5_put(r, record)) {
        why = FT_UNFIT_NUMBER;
    }
    if (why != FT_UNFIT__COUNT) {
        return FT_FORMAT_UNFIT(why);
    }
    size_t len = finish(l, r->exporter, &h, row, FT__RELAY_V5_RECORD, rate);

    if (r->rev_packets > 0) {
        ft__flow_relay5_reverse(r, record, row + len + sizeof h);
        len += finish(l, r->exporter, &h, row + len, FT__RELAY_V5_RECORD, rate);
    }
    return len;
}

size_t ft__flow_collect_record(struct ft_flow_template_list *l, const struct ft_export_record *r,
                               uint8_t *row, size_t room)
{
    room -= l->sources ? 2 * sizeof(struct ft_flow_source) : 0; /* of rows of both directions */
    if (FT_LIKELY(l->version == FT_FLOW_IPFIX)) {
        return put_ipfix(l, r, row, room);
    }
    return l->version == FT_FLOW_NETFLOW_9 ? put_v9(l, r, row, room) : put_v5(l, r, row);
}

/* v5: the sample as a record of one packet. */
static size_t put_v5_sample(const struct ft_flow_template_list *l, const struct ft_export_sample *s,
                            uint8_t *row)
{
    const struct ft_packet *p = s->pkt;
    struct ft_export_record r = {.exporter = s->exporter,
                                 .sampling_rate = s->sampling_rate,
                                 .timestamp_ns = s->timestamp_ns,
                                 .first_ns = s->timestamp_ns,
                                 .last_ns = s->timestamp_ns,
                                 .packets = 1,
                                 .bytes = p->ip_len,
                                 .ip_version = (p->key.bits & FT_KEY_V6) != 0 ? 6 : 4,
                                 .proto = p->key.proto,
                                 .tcp_flags = p->tcp_flags,
                                 .has = FT_XR_PACKETS | FT_XR_BYTES | FT_XR_ADDRESSES};
    struct ft_xvalue values[4];
    uint32_t in = htobe32(s->input), out = htobe32(s->output);
    uint8_t base[12];

    memcpy(r.src, &p->key.addr[p->swap], 4);
    memcpy(r.dst, &p->key.addr[!p->swap], 4);
    if (ft_proto_has_ports(p->key.proto)) {
        r.src_port = p->key.port[p->swap];
        r.dst_port = p->key.port[!p->swap];
        r.has |= FT_XR_PORTS;
    }
    memcpy(base, &in, 4);
    memcpy(base + 4, &out, 4);
    base[8] = p->tos;
    base[9] = s->icmp_type;
    base[10] = s->icmp_code;
    r.base = base;
    r.values = values;
    if (ft_export_interface_known(s->input_format, s->input)) {
        values[r.n_values++] = (struct ft_xvalue){.ie = 10, .offset = 0, .len = 4};
    }
    if (ft_export_interface_known(s->output_format, s->output)) {
        values[r.n_values++] = (struct ft_xvalue){.ie = 14, .offset = 4, .len = 4};
    }
    if (s->seen & FT_XS_TOS) {
        values[r.n_values++] = (struct ft_xvalue){.ie = 5, .offset = 8, .len = 1};
    }
    if ((s->seen & FT_XS_ICMP) && p->key.proto == ICMP) {
        values[r.n_values++] = (struct ft_xvalue){.ie = 32, .offset = 9, .len = 2};
    }
    return put_v5(l, &r, row);
}

size_t ft__flow_collect_sample(struct ft_flow_template_list *l, const struct ft_export_sample *s,
                               uint8_t *row, size_t room)
{
    struct ft_flow_head h = head_at(s->timestamp_ns, s->timestamp_ns, s->timestamp_ns);
    uint32_t t = 0;

    if (s->pkt == NULL || s->timestamp_ns < 0) {
        return FT_FORMAT_UNFIT(FT_UNFIT_MISSING);
    }
    if (l->version == FT_FLOW_NETFLOW_5) {
        return put_v5_sample(l, s, row);
    }
    room -= l->sources ? sizeof(struct ft_flow_source) : 0;
    size_t len = ft__flow_relay_sample(l, s, row + sizeof h, room - sizeof h, &t);

    return finish(l, s->exporter, &h, row, len, t);
}
