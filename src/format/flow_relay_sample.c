/* SPDX-License-Identifier: Apache-2.0 */
/* format: sampled packets of sFlow as flow records of one packet, see flow_relay.h. */
#include "format/flow_relay_parts.h"

enum { LAST_UPTIME = 21, FIRST_UPTIME = 22, PROTO_ICMP = 1 };

static void put_times(struct ft__relay *x, const struct ft_export_sample *s, bool v9)
{
    uint64_t ms = s->timestamp_ns > 0 ? (uint64_t)s->timestamp_ns / 1000000 : 0;

    ft__relay_add_uint(x, v9 ? FIRST_UPTIME : FT__IE_START_MS, ms, v9 ? 4 : 8);
    ft__relay_add_uint(x, v9 ? LAST_UPTIME : FT__IE_END_MS, ms, v9 ? 4 : 8);
}

static void put_packet(struct ft__relay *x, const struct ft_export_sample *s)
{
    const struct ft_packet *p = s->pkt;
    bool v6 = (p->key.bits & FT_KEY_V6) != 0;
    int from = p->swap, to = !p->swap;
    const uint8_t *src = v6 ? p->addr6 + 16 * from : (const uint8_t *)&p->key.addr[from];
    const uint8_t *dst = v6 ? p->addr6 + 16 * to : (const uint8_t *)&p->key.addr[to];

    ft__relay_add_bytes(x, v6 ? 27 : 8, src, v6 ? 16 : 4);
    ft__relay_add_bytes(x, v6 ? 28 : 12, dst, v6 ? 16 : 4);
    if (ft_proto_has_ports(p->key.proto)) {
        ft__relay_add_uint(x, 7, p->key.port[from], 2);
        ft__relay_add_uint(x, 11, p->key.port[to], 2);
    }
    ft__relay_add_uint(x, 4, p->key.proto, 1);
    ft__relay_add_uint(x, 2, 1, 8);
    ft__relay_add_uint(x, 1, p->ip_len, 8);
    if (s->seen & FT_XS_TOS) {
        ft__relay_add_uint(x, 5, p->tos, 1);
    }
    if (s->seen & FT_XS_TCP_FLAGS) {
        ft__relay_add_uint(x, 6, p->tcp_flags, 1);
    }
    if (s->seen & FT_XS_ICMP) {
        ft__relay_add_uint(x, p->key.proto == PROTO_ICMP ? 32 : 139,
                           (uint64_t)s->icmp_type << 8 | s->icmp_code, 2);
    }
}

size_t ft__flow_relay_sample(struct ft_flow_template_list *l, const struct ft_export_sample *s,
                             uint8_t *out, size_t room, uint32_t *out_template)
{
    const struct ft_exporter_info *e = s->exporter;
    struct ft__relay x;

    ft__relay_begin(&x, out, room, out);
    put_times(&x, s, l->version == FT_FLOW_NETFLOW_9);
    put_packet(&x, s);
    if (ft_export_interface_known(s->input_format, s->input)) {
        ft__relay_add_uint(&x, 10, s->input, 4);
    }
    if (ft_export_interface_known(s->output_format, s->output)) {
        ft__relay_add_uint(&x, 14, s->output, 4);
    }
    if (s->seen & FT_XS_MACS) {
        ft__relay_add_bytes(&x, 56, s->src_mac, 6);
        ft__relay_add_bytes(&x, 80, s->dst_mac, 6);
    }
    if (s->sampling_rate > 0) {
        ft__relay_add_uint(&x, FT__IE_SAMPLING_INTERVAL, s->sampling_rate, 4);
    }
    ft__relay_add_exporter(&x, e->agent_version != 0 ? e->agent_version : e->ip_version,
                           e->agent_version != 0 ? e->agent : e->addr, e->domain_id);
    return ft__relay_end(&x, l, out, out_template);
}
