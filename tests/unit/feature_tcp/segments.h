/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of one connection, straight into the tcp feature. */
#ifndef SEGMENTS_H
#define SEGMENTS_H

#include "feature/tcp/tcp.h"
#include "harness.h"

enum { MS = 1000000, SYN = FT_TCP_SYN, ACK = FT_TCP_ACK, FIN = FT_TCP_FIN, RST = FT_TCP_RST };

static const struct ft_feature_config cfg = {.entries = 1};
static void *tcp;
static int64_t now, last[2];
static uint16_t window; /* of the segments to come */

static void begin(void)
{
    CHECK_EQ(ft_feature_open(&ft_feature_tcp, &cfg, &tcp), FT_OK);
    now = INT64_C(1700000000) * 1000 * MS;
    last[0] = last[1] = INT64_MIN;
    window = 1000;
}

/* ms after the segment before */
static void segment(int dir, uint8_t flags, uint32_t seq, uint32_t ack, int64_t ms)
{
    FT_ALIGNED(64)
    struct ft_packet p = {.key = {.proto = 6},
                          .tcp_flags = flags,
                          .tcp_seq = seq,
                          .tcp_ack = ack,
                          .tcp_window = window,
                          .ip_len = 40,
                          .tcp_opts = FT_TCPO_WHOLE | FT_TCPO_NO_SCALE};
    struct ft_counted at = {.dir = (uint8_t)dir, .isn = 100, .bits = FT_AT_ISN};

    now += ms * MS;
    p.ts_ns = now;
    at.bits |= last[0] == INT64_MIN ? FT_AT_NEW : 0;
    at.bits |= last[dir] == INT64_MIN ? FT_AT_FIRST : 0;
    at.since_ns = (int64_t)((uint64_t)now - (uint64_t)last[dir]);
    at.other_ns = last[!dir];
    last[dir] = now;
    ft_feature_tcp.packets(tcp, &p, &at, 1);
}

static const struct ft_tcp_record *record(void)
{
    const struct ft_flow_record core = {.proto = 6};

    return ft_feature_tcp.record(tcp, 0, &core);
}

#endif
