/* SPDX-License-Identifier: Apache-2.0 */
/* codec: sFlow that is written, see sflow_put.h. */
#include "codec/export/sflow_put.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"
#include "codec/export/sflow.h"

enum {
    TAG_FLOW = 1,
    TAG_COUNTERS = 2,
    TAG_FLOW_EXPANDED = 3,
    TAG_COUNTERS_EXPANDED = 4,
    TAG_GENERIC = 1,   /* of counters: struct if_counters */
    TAG_SWITCH = 1001, /* struct extended_switch */
    SWITCH_LEN = 16,
    GENERIC_LEN = 88,
    HEADER_FIXED = 16,        /* of struct sampled_header before its bytes */
    INDEX_COMPACT = 0xffffff, /* most that a source has room for in 24 bits */
    VLAN_ID = 0xfff,          /* of a tag; */
    PRIORITY_SHIFT = 13,      /* above it */
    STATUS_UP = 1,            /* of ifStatus */
    STATUS_RUNNING = 2,
    TRUTH_TRUE = 1, /* RFC 2579, TruthValue */
    TRUTH_FALSE = 2
};

/* ---- datagrams ---- */

static uint32_t address_len(uint8_t version)
{
    return version == 4 ? 4 : version == 6 ? 16 : 0;
}

uint32_t ft_sflow_put_datagram_len(uint8_t agent_version)
{
    return 24 + address_len(agent_version);
}

void ft_sflow_put_datagram(uint8_t *p, const struct ft_sflow_put_datagram *d)
{
    uint32_t len = address_len(d->agent_version);

    p = ft_store_be32(p, 5);
    p = ft_store_be32(p, len == 4 ? 1 : len == 16 ? 2 : 0);
    memcpy(p, d->agent, len);
    p = ft_store_be32(p + len, d->sub_agent);
    p = ft_store_be32(p, d->sequence);
    p = ft_store_be32(p, d->uptime_ms);
    ft_store_be32(p, d->n_samples);
}

/* ---- flow samples ---- */

static uint8_t *put_switch(uint8_t *p, uint32_t tci)
{
    p = ft_store_be32(p, TAG_SWITCH);
    p = ft_store_be32(p, SWITCH_LEN);
    for (int way = 0; way < 2; way++) { /* what goes along a wire keeps its tag */
        p = ft_store_be32(p, tci & VLAN_ID);
        p = ft_store_be32(p, tci >> PRIORITY_SHIFT);
    }
    return p;
}

/* Everything behind the length and before the records; sequence, pool and drops are open. */
static uint8_t *put_head(uint8_t *p, const struct ft_sflow_put_flow *f, bool expanded)
{
    p = ft_store_be32(p, 0);
    if (expanded) {
        p = ft_store_be32(p, 0); /* class ifIndex */
    }
    p = ft_store_be32(p, f->source);
    p = ft_store_be32(p, f->rate);
    p = ft_store_be32(p, 0);
    p = ft_store_be32(p, 0);
    if (expanded) {
        p = ft_store_be32(p, FT_SFLOW_PORT_INDEX);
    }
    p = ft_store_be32(p, f->input);
    if (expanded) {
        p = ft_store_be32(p, FT_SFLOW_PORT_INDEX);
    }
    p = ft_store_be32(p, f->output);
    return ft_store_be32(p, 1 + f->tagged);
}

size_t ft_sflow_put_flow(uint8_t *p, const struct ft_sflow_put_flow *f, uint8_t **out_header)
{
    bool expanded = (f->source | f->input | f->output) > INDEX_COMPACT;
    uint32_t padded = (f->header_len + 3) & ~3u;
    uint8_t *at = ft_store_be32(p, expanded ? TAG_FLOW_EXPANDED : TAG_FLOW) + 4;

    at = put_head(at, f, expanded);
    at = ft_store_be32(at, FT_SFLOW_HEADER);
    at = ft_store_be32(at, HEADER_FIXED + padded);
    at = ft_store_be32(at, f->protocol);
    at = ft_store_be32(at, f->frame_len);
    at = ft_store_be32(at, f->stripped);
    at = ft_store_be32(at, f->header_len);
    *out_header = at;
    if (padded > f->header_len) {
        ft_store_be32(at + padded - 4, 0);
    }
    at += padded;
    if (f->tagged) {
        at = put_switch(at, f->vlan_tci);
    }
    ft_store_be32(p + 4, (uint32_t)(at - p) - 8);
    return (size_t)(at - p);
}

void ft_sflow_put_numbers(uint8_t *sample, uint32_t sequence, uint32_t pool, uint32_t drops)
{
    uint32_t tag = ft_load_be32(sample);

    ft_store_be32(sample + 8, sequence);
    if (tag == TAG_FLOW || tag == TAG_FLOW_EXPANDED) {
        ft_store_be32(ft_store_be32(sample + (tag == TAG_FLOW ? 20 : 24), pool), drops);
    }
}

/* ---- counters ---- */

/* In 32 bits, all ones of what nobody counts. */
static uint8_t *put_count(uint8_t *p, uint64_t v)
{
    return ft_store_be32(p, (uint32_t)v);
}

size_t ft_sflow_put_counters(uint8_t *p, const struct ft_if_counters *c)
{
    bool expanded = c->index > INDEX_COMPACT;
    bool split = c->in_packets != UINT64_MAX && c->in_multicast <= c->in_packets;
    uint8_t *at = ft_store_be32(p, expanded ? TAG_COUNTERS_EXPANDED : TAG_COUNTERS) + 4;

    at = ft_store_be32(at, 0);
    if (expanded) {
        at = ft_store_be32(at, 0);
    }
    at = ft_store_be32(at, c->index);
    at = ft_store_be32(at, 1);
    at = ft_store_be32(at, TAG_GENERIC);
    at = ft_store_be32(at, GENERIC_LEN);
    at = ft_store_be32(at, c->index);
    at = ft_store_be32(at, c->type);
    at = ft_store_be64(at, c->speed);
    at = ft_store_be32(at, c->duplex);
    at = ft_store_be32(at, (c->up ? STATUS_UP : 0) | (c->running ? STATUS_RUNNING : 0));
    at = ft_store_be64(at, c->in_bytes);
    at = put_count(at, split ? c->in_packets - c->in_multicast : c->in_packets);
    at = put_count(at, split ? c->in_multicast : UINT64_MAX);
    at = put_count(at, UINT64_MAX); /* ifInBroadcastPkts */
    at = put_count(at, c->in_discards);
    at = put_count(at, c->in_errors);
    at = put_count(at, UINT64_MAX); /* ifInUnknownProtos */
    at = ft_store_be64(at, c->out_bytes);
    at = put_count(at, c->out_packets);
    at = put_count(at, UINT64_MAX); /* ifOutMulticastPkts */
    at = put_count(at, UINT64_MAX); /* ifOutBroadcastPkts */
    at = put_count(at, c->out_discards);
    at = put_count(at, c->out_errors);
    at = ft_store_be32(at, c->promiscuous ? TRUTH_TRUE : TRUTH_FALSE);
    ft_store_be32(p + 4, (uint32_t)(at - p) - 8);
    return (size_t)(at - p);
}
