/* SPDX-License-Identifier: Apache-2.0 */
/* Repairs of packets and export datagrams after a mutation, see mutate.h. */
#include <string.h>

#include "base/rd.h"
#include "mutate_parts.h"

enum { LINK_MAX = 64, DEPTH = 4, SETS_MAX = 64, IP4_LEN = 20, IP6_LEN = 40, UDP_LEN = 8 };
enum { PROTO_IPIP = 4, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_SIXIN4 = 41, PROTO_GRE = 47 };
enum { FORMAT_FLOW = 1, FORMAT_COUNTERS, FORMAT_FLOW_EXPANDED, FORMAT_COUNTERS_EXPANDED };

static void put32(uint8_t *p, uint32_t v)
{
    mutate_put16(p, v >> 16);
    mutate_put16(p + 2, v & 0xffff);
}

static bool often(struct mutate *m) /* 15 of 16 */
{
    return mutate_random(m) % 16 != 0;
}

/* A length field that must be min..left: what it says, when it can be, else all that is left. */
static uint32_t plausible(struct mutate *m, uint32_t says, size_t min, size_t left)
{
    bool possible = says >= min && says <= left;

    if (possible ? mutate_random(m) % 4 != 0 : !often(m)) {
        return says;
    }
    return left < 65535 ? (uint32_t)left : 65535;
}

/* ---- packets ---- */

static void repair_ip(struct mutate *m, uint8_t *p, size_t len, int depth);

static bool is_ip(const uint8_t *p, size_t len)
{
    if (len >= IP4_LEN && p[0] >> 4 == 4) {
        return (p[0] & 15) >= 5 && (p[9] < 60 || p[9] == 132 || p[9] == 136);
    }
    return len >= IP6_LEN && p[0] >> 4 == 6 && (p[6] < 62 || p[6] == 132);
}

static void repair_inside(struct mutate *m, uint8_t *p, size_t len, int depth)
{
    for (size_t at = 0; at < LINK_MAX && at < len && depth < DEPTH; at++) {
        if (is_ip(p + at, len - at)) {
            repair_ip(m, p + at, len - at, depth);
            return;
        }
    }
}

static bool is_tunnel(uint16_t port)
{
    return port == 4789 || port == 2152 || port == 6081 || port == 3544 || port == 1701;
}

static void repair_transport(struct mutate *m, uint8_t proto, uint8_t *p, size_t len, int depth)
{
    if (proto == PROTO_UDP && len >= UDP_LEN) {
        mutate_put16(p + 4, plausible(m, ft_load_be16(p + 4), UDP_LEN, len));
        if (is_tunnel(ft_load_be16(p)) || is_tunnel(ft_load_be16(p + 2))) {
            repair_inside(m, p + UDP_LEN, len - UDP_LEN, depth + 1);
        }
    } else if (proto == PROTO_TCP && len > 12 && often(m)) {
        if (p[12] >> 4 < 5 || (size_t)(p[12] >> 4) * 4 > len) {
            p[12] = 0x50;
        }
    } else if (proto == PROTO_IPIP || proto == PROTO_SIXIN4 || proto == PROTO_GRE) {
        repair_inside(m, p, len, depth + 1);
    }
}

static void repair_ip4(struct mutate *m, uint8_t *p, size_t len, int depth)
{
    size_t head = (size_t)(p[0] & 15) * 4, total;
    uint32_t sum = 0;

    if (head > len) {
        p[0] = 0x45;
        head = IP4_LEN;
    }
    total = plausible(m, ft_load_be16(p + 2), head, len);
    mutate_put16(p + 2, (uint32_t)total);
    if ((ft_load_be16(p + 6) & 0x1fff) == 0 && total > head && total <= len) {
        repair_transport(m, p[9], p + head, total - head, depth);
    }
    if (often(m)) {
        mutate_put16(p + 10, 0);
        for (size_t i = 0; i < head; i += 2) {
            sum += ft_load_be16(p + i);
        }
        sum = (sum & 0xffff) + (sum >> 16);
        mutate_put16(p + 10, ~(sum + (sum >> 16)) & 0xffff);
    }
}

static void repair_ip6(struct mutate *m, uint8_t *p, size_t len, int depth)
{
    uint8_t next = p[6];
    size_t at = IP6_LEN;

    mutate_put16(p + 4, plausible(m, ft_load_be16(p + 4), 0, len - IP6_LEN));
    for (int i = 0; i < 8 && len - at >= 8; i++) {
        size_t ext = 8 + (size_t)p[at + 1] * 8;

        if (next != 0 && next != 43 && next != 44 && next != 60) {
            repair_transport(m, next, p + at, len - at, depth);
            return;
        }
        if (next == 44) {
            ext = 8;
        } else if (ext > len - at) {
            p[at + 1] = 0;
            ext = 8;
        }
        next = p[at];
        at += ext;
    }
}

static void repair_ip(struct mutate *m, uint8_t *p, size_t len, int depth)
{
    if (p[0] >> 4 == 4) {
        repair_ip4(m, p, len, depth);
    } else {
        repair_ip6(m, p, len, depth);
    }
}

void mutate_repair_frame(struct mutate *m, uint8_t *p, size_t len)
{
    repair_inside(m, p, len, 0);
}

/* ---- NetFlow, IPFIX ---- */

/* Sets end where the datagram does; data sets carry ids that templates here have. */
static void repair_sets(struct mutate *m, uint8_t *p, size_t len)
{
    for (int n = 0; len >= 4 && n < SETS_MAX; n++) {
        size_t set = ft_load_be16(p + 2);
        uint16_t id = ft_load_be16(p);

        if (set < 4 || set > len) {
            set = len;
            mutate_put16(p + 2, (uint32_t)(set < 65535 ? set : 65535));
        }
        if (id < 4 && set >= 8 && ft_load_be16(p + 4) >= 256) {
            m->ids[mutate_random(m) & 3] = ft_load_be16(p + 4);
        } else if (id > 255 && (mutate_random(m) & 3) != 0) {
            mutate_put16(p, m->ids[mutate_random(m) & 3]);
        }
        p += set;
        len -= set;
    }
}

static void repair_sflow(struct mutate *m, uint8_t *p, size_t len)
{
    size_t at = mutate_sflow_head(p, len);
    uint32_t n = 0;

    for (; len - at >= 8 && n < SETS_MAX; n++) {
        size_t size = ft_load_be32(p + at + 4);

        if (size > len - at - 8 || size % 4 != 0) {
            size = (len - at - 8) & ~(size_t)3;
            put32(p + at + 4, (uint32_t)size);
        }
        mutate_repair_sample(m, ft_load_be32(p + at), p + at + 8, size);
        at += 8 + size;
    }
    if (len > 28 && often(m)) {
        put32(p + mutate_sflow_head(p, len) - 4, n);
    }
}

void mutate_repair_export(struct mutate *m, uint8_t *p, size_t len)
{
    uint16_t version = len >= 4 ? ft_load_be16(p) : 0;

    if (len >= 8 && ft_load_be32(p) == 5) {
        repair_sflow(m, p, len);
    } else if (version == 10 && len >= 16) {
        mutate_put16(p + 2, plausible(m, ft_load_be16(p + 2), 16, len));
        repair_sets(m, p + 16, len - 16);
    } else if (version == 9 && len >= 20) {
        repair_sets(m, p + 20, len - 20);
    } else if ((version == 5 || version == 7) && len >= 24) {
        mutate_put16(p + 2,
                     plausible(m, ft_load_be16(p + 2), 1, (len - 24) / (version == 5 ? 48 : 52)));
    }
}

/* ---- sFlow ---- */

size_t mutate_sflow_head(const uint8_t *p, size_t len)
{
    size_t head = len >= 8 && ft_load_be32(p + 4) == 2 ? 40 : 28;

    return head < len ? head : len;
}

/* A sampled header: its length is that of the bytes there. */
static void repair_header(struct mutate *m, uint8_t *p, size_t len)
{
    if (len < 16) {
        return;
    }
    put32(p + 12, plausible(m, ft_load_be32(p + 12), 0, len - 16));
    mutate_repair_frame(m, p + 16, len - 16);
}

void mutate_repair_sample(struct mutate *m, uint32_t format, uint8_t *p, size_t len)
{
    static const uint8_t heads[] = {[FORMAT_FLOW] = 32,
                                    [FORMAT_COUNTERS] = 12,
                                    [FORMAT_FLOW_EXPANDED] = 44,
                                    [FORMAT_COUNTERS_EXPANDED] = 16};
    size_t at = format < sizeof heads ? heads[format] : 0;
    uint32_t n = 0;

    if (at == 0 || len < at) {
        return;
    }
    size_t count = at - 4;

    for (; len - at >= 8 && n < SETS_MAX; n++) {
        size_t size = ft_load_be32(p + at + 4);

        if (size > len - at - 8) {
            size = len - at - 8;
            put32(p + at + 4, (uint32_t)size);
        }
        if (ft_load_be32(p + at) == 1 && (format & 1) == 1) {
            repair_header(m, p + at + 8, size);
        }
        at += 8 + ((size + 3) & ~(size_t)3);
        at = at < len ? at : len;
    }
    if (often(m)) {
        put32(p + count, n);
    }
}
