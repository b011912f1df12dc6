/* SPDX-License-Identifier: Apache-2.0 */
/* flow: the core of a record, from an entry; and the list of those that are due. */
#include <string.h>

#include "flow/conn.h"
#include "flow/internal.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

uint64_t ft__flow_packets(const struct ft_table *t, uint32_t i)
{
    const struct ft__hot *h = &t->hot[i];
    const struct ft__high *c = ft__flow_high(t, i);

    return ((uint64_t)c->pkts[0] << 16) + h->pkts[0] + ((uint64_t)c->pkts[1] << 16) + h->pkts[1];
}

static uint64_t wire_bytes(const struct ft_table *t, uint32_t i, int d)
{
    return ((uint64_t)ft__flow_high(t, i)->bytes[d] << 32) + t->hot[i].bytes[d];
}

static void orient(const struct ft_table *t, uint32_t i, struct ft_flow_record *r)
{
    const struct ft__hot *h = &t->hot[i];
    uint8_t fwd = h->fwd;

    r->ip_version = (h->key.bits & FT_KEY_V6) ? 6 : 4;
    if (r->ip_version == 6) {
        memcpy(r->src, t->addr6[i] + 16 * fwd, 16);
        memcpy(r->dst, t->addr6[i] + 16 * !fwd, 16);
    } else {
        memcpy(r->src, &h->key.addr[fwd], 4);
        memcpy(r->dst, &h->key.addr[!fwd], 4);
    }
    r->src_port = h->key.port[fwd];
    r->dst_port = h->key.port[!fwd];
    r->scope = h->key.scope;
    r->proto = h->key.proto;
    r->no_ports = t->cfg.rules.few_ports && h->key.proto != PROTO_TCP && h->key.proto != PROTO_UDP;
    r->one_way = (h->key.bits & FT_KEY_ONE_WAY) != 0;
}

static void totals(const struct ft_table *t, uint32_t i, struct ft_flow_record *r)
{
    const struct ft__hot *h = &t->hot[i];
    const struct ft__high *c = ft__flow_high(t, i);

    for (int d = 0; d < 2; d++) {
        uint64_t over = (c->over[d] << 16) + h->over[d];
        uint64_t hdr = ((uint64_t)c->hdr[d] << 16) + h->hdr[d];

        r->packets[d] = ((uint64_t)c->pkts[d] << 16) + h->pkts[d];
        r->bytes[d] = wire_bytes(t, i, d);
        r->ip_bytes[d] = r->bytes[d] - over;
        r->payload_bytes[d] = r->ip_bytes[d] - hdr;
        r->tcp_flags[d] = h->tcp_flags[d];
    }
}

/* What has come since the record before; the totals are kept when another record will follow. */
static void deltas(struct ft_table *t, uint32_t i, bool final, struct ft_flow_record *r)
{
    static const struct ft__prev none;
    const struct ft__prev *before = t->cold[i].segment > 0 ? &t->prev[i] : &none;

    for (int d = 0; d < 2; d++) {
        r->packets_delta[d] = r->packets[d] - before->packets[d];
        r->bytes_delta[d] = r->bytes[d] - before->bytes[d];
        r->ip_bytes_delta[d] = r->ip_bytes[d] - before->ip_bytes[d];
    }
    if (!final) {
        memcpy(t->prev[i].packets, r->packets, sizeof r->packets);
        memcpy(t->prev[i].bytes, r->bytes, sizeof r->bytes);
        memcpy(t->prev[i].ip_bytes, r->ip_bytes, sizeof r->ip_bytes);
    }
}

/* When the packets were that have come since the record before. */
static void segment_times(const struct ft_table *t, uint32_t i, struct ft_flow_record *r)
{
    bool any = r->packets_delta[0] + r->packets_delta[1] > 0;

    r->since_ns = r->segment == 0 ? r->first_ns : any ? t->prev[i].first_ns : r->last_ns;
    for (int d = 0; d < 2; d++) {
        int64_t first = r->dir_first_ns[d], last = r->dir_last_ns[d];
        int64_t since = r->segment == 0 || first > r->since_ns ? first : r->since_ns;

        r->dir_since_ns[d] = since < last ? since : last;
    }
}

static void tunnel(const struct ft_table *t, uint32_t i, struct ft_flow_record *r)
{
    static const struct ft__tunnel none;
    const struct ft__tunnel *x = t->hot[i].seen & FT__SEEN_TUNNEL ? &t->tunnel[i] : &none;

    r->tunnel = x->type;
    r->has_tunnel_id = x->has;
    r->tunnel_id = x->id;
}

/* ---- the list ---- */

const struct ft_due *ft_table_due(const struct ft_table *t, uint32_t ahead)
{
    return t->due_begin + ahead < t->due_end ? &t->due[t->due_begin + ahead] : NULL;
}

void ft_table_record(struct ft_table *t, struct ft_flow_record *r)
{
    const struct ft_due *due = &t->due[t->due_begin];
    uint32_t i = due->entry;
    const struct ft__hot *h = &t->hot[i];
    struct ft__cold *c = &t->cold[i];

    memset(r->part, 0, sizeof r->part);
    r->part[FT_PART_CORE] = r;
    r->dropped = 0;
    r->entry = i;
    totals(t, i, r);
    orient(t, i, r);
    r->flow_id = c->flow_id;
    r->timestamp_ns = due->at_ns;
    r->first_ns = ft__flow_first(t, i);
    r->last_ns = ft__hot_last(h);
    memcpy(r->dir_first_ns, c->first_ns, sizeof r->dir_first_ns);
    memcpy(r->dir_last_ns, h->last_ns, sizeof r->dir_last_ns);
    r->segment = c->segment;
    r->reason = due->reason;
    r->is_final = due->is_final;
    r->truncated = (h->seen & FT__SEEN_TRUNCATED) != 0;
    memcpy(r->tcp_state, c->tcp_state, sizeof r->tcp_state);
    r->syn_then_reset = (c->tcp_bits & FT__C_SYN_RESET) != 0;
    r->has_icmp_code = c->icmp_known && !r->no_ports;
    r->icmp_code = c->icmp_code;
    tunnel(t, i, r);
    deltas(t, i, due->is_final, r);
    segment_times(t, i, r);
    c->segment++;
}

void ft_table_release(struct ft_table *t)
{
    const struct ft_due *due = &t->due[t->due_begin];
    uint32_t i = due->entry;

    if (due->is_final) {
        t->stats.packets_final += ft__flow_packets(t, i);
        t->stats.bytes_final += wire_bytes(t, i, 0) + wire_bytes(t, i, 1);
        t->cold[i].next = t->free;
        t->free = i;
    }
    if (++t->due_begin == t->due_end) {
        t->due_begin = t->due_end = 0;
        t->stop = false;
    }
}
