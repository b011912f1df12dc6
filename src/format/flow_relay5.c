/* SPDX-License-Identifier: Apache-2.0 */
/* format: records of exporters as records of NetFlow v5, see flow_relay.h. */
#include "base/rd.h"
#include "base/wr.h"
#include "format/flow_relay.h"
#include "format/format.h"

enum { ICMP = 1 };

static uint64_t number(const uint8_t *p, uint16_t len)
{
    uint64_t v = 0;

    for (uint16_t i = 0; i < len && len <= 8; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

/* What a record says besides; false: an interface or AS of it is more than 16 bits hold. */
static bool put_values(uint8_t *p, const struct ft_export_record *r)
{
    for (uint32_t i = 0; i < r->n_values; i++) {
        const struct ft_xvalue *v = &r->values[i];
        uint64_t n = number(r->base + v->offset, v->len);
        uint8_t at = 0;

        if (v->pen != 0 || (v->flags & FT_XV_ABSENT)) {
            continue;
        }
        switch (v->ie) {
        case 5: /* ipClassOfService */
            p[39] = (uint8_t)n;
            continue;
        case 9: /* sourceIPv4PrefixLength, destination... */
        case 13:
            p[v->ie == 9 ? 44 : 45] = (uint8_t)n;
            continue;
        case 15: /* ipNextHopIPv4Address */
            ft_store_be32(p + 8, n);
            continue;
        case 32: /* icmpTypeCodeIPv4: in place of the port */
            if (r->proto == ICMP) {
                ft_store_be16(p + 34, n);
            }
            continue;
        case 10: /* ingressInterface, egress... */
        case 14:
            at = v->ie == 10 ? 12 : 14;
            break;
        case 16: /* bgpSourceAsNumber, bgpDestination... */
        case 17:
            at = v->ie == 16 ? 40 : 42;
            break;
        default:
            continue;
        }
        if (n > UINT16_MAX) {
            return false;
        }
        ft_store_be16(p + at, n);
    }
    return true;
}

enum ft_unfit ft__flow_relay5_why(const struct ft_export_record *r)
{
    const uint16_t all = FT_XR_ADDRESSES | FT_XR_PACKETS | FT_XR_BYTES;

    if (r->ip_version == 6) {
        return FT_UNFIT_IPV6;
    }
    if ((r->has & all) != all || r->first_ns < 0 || r->last_ns < 0) {
        return FT_UNFIT_MISSING;
    }
    if (r->packets > UINT32_MAX || r->bytes > UINT32_MAX || r->rev_packets > UINT32_MAX ||
        r->rev_bytes > UINT32_MAX) {
        return FT_UNFIT_COUNTER;
    }
    return r->sampling_rate > FT_FLOW_V5_RATE ? FT_UNFIT_SAMPLING : FT_UNFIT__COUNT;
}

bool ft__flow_relay5_put(const struct ft_export_record *r, uint8_t *p)
{
    memset(p, 0, FT__RELAY_V5_RECORD);
    memcpy(p, r->src, 4);
    memcpy(p + 4, r->dst, 4);
    ft_store_be32(p + 16, r->packets);
    ft_store_be32(p + 20, r->bytes);
    if (r->has & FT_XR_SRC_PORT) {
        ft_store_be16(p + 32, r->src_port);
    }
    if (r->has & FT_XR_DST_PORT) {
        ft_store_be16(p + 34, r->dst_port);
    }
    p[37] = (uint8_t)r->tcp_flags;
    p[38] = r->proto;
    return put_values(p, r);
}

void ft__flow_relay5_reverse(const struct ft_export_record *r, const uint8_t *fwd, uint8_t *p)
{
    memcpy(p, fwd, FT__RELAY_V5_RECORD);
    memset(p + 8, 0, 4); /* the next hop, and flags, are those of the other direction */
    p[37] = 0;
    for (int i = 0; i < 2; i++) { /* source and destination, in pairs */
        static const uint8_t pairs[][2] = {{0, 4}, {12, 2}, {32, 2}, {40, 2}, {44, 1}};

        for (size_t k = 0; k < sizeof pairs / sizeof pairs[0]; k++) {
            uint8_t at = pairs[k][0], len = pairs[k][1];

            memcpy(p + at + (i == 0 ? len : 0), fwd + at + (i == 0 ? 0 : len), len);
        }
    }
    if (r->proto == ICMP) { /* type and code, of the other direction */
        memset(p + 32, 0, 4);
    }
    ft_store_be32(p + 16, r->rev_packets);
    ft_store_be32(p + 20, r->rev_bytes);
    for (uint32_t i = 0; i < r->n_values; i++) {
        const struct ft_xvalue *v = &r->values[i];

        if (v->pen == FT_PEN_REVERSE && v->ie == 6) {
            p[37] = (uint8_t)number(r->base + v->offset, v->len);
        }
    }
}
