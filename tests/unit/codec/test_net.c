/* SPDX-License-Identifier: Apache-2.0 */
/* codec: the steps one by one: what each takes, what it leaves, and how it narrows the frame. */
#include "codec/net/ip.h"
#include "codec/net/l4.h"
#include "codec/net/link.h"
#include "harness.h"

/* Ethernet, 802.1Q tag VID 5, IPv4 of 24 bytes (proto 99), 4 bytes of data, 6 of padding */
static const uint8_t frame[] = {
    2,    0,    0, 0,  0,  2,          /* destination */
    2,    0,    0, 0,  0,  1,          /* source */
    0x81, 0x00,                        /* 802.1Q */
    0x20, 0x05,                        /* priority 1, VID 5 */
    0x08, 0x00,                        /* IPv4 */
    0x45, 0x2e, 0, 24, 0,  1, 0x40, 0, /* version, IHL, TOS, total length, id, DF */
    7,    99,   0, 0,                  /* TTL, protocol, checksum */
    10,   0,    0, 1,  10, 0, 0,    2, /* source, destination */
    1,    2,    3, 4,                  /* data */
    0,    0,    0, 0,  0,  0,          /* padding */
};

static struct ft_net start(const uint8_t *p, uint32_t cap, uint32_t len)
{
    return (struct ft_net){.rd = ft_rd_make(p, cap), .wire = len};
}

static void test_steps(void)
{
    struct ft_net n = start(frame, sizeof frame, sizeof frame);

    CHECK_EQ(ft_link_decode(&n, FT_LINK_ETHERNET), FT_V_DECODED);
    CHECK_EQ(n.version, 4);
    CHECK_EQ(n.scope, FT_SCOPE_VLAN | 5);
    CHECK_EQ(n.rd.p - frame, 18);
    CHECK_EQ(n.wire, sizeof frame - 18);

    CHECK_EQ(ft_ip_decode(&n), FT_V_DECODED);
    CHECK_EQ(n.rd.p - frame, 38);
    CHECK_EQ(n.rd.end - frame, 42); /* the padding is gone */
    CHECK_EQ(n.wire, 4);
    CHECK_EQ(n.ip_len, 24);
    CHECK_EQ(n.proto, 99);
    CHECK_EQ(n.ttl, 7);
    CHECK_EQ(n.tos, 0x2e);
    CHECK_EQ(n.frag, FT_FRAG_NONE);
    CHECK_EQ(n.src - frame, 30);
    CHECK_EQ(n.dst - frame, 34);

    CHECK_EQ(ft_l4_decode(&n), FT_V_DECODED);
    CHECK_EQ(n.payload_len, 4);
    CHECK_EQ(n.port[0], 0);
}

/* the wire goes on where the capture ends */
static void test_cut(void)
{
    struct ft_net n = start(frame, 39, 1514);

    CHECK_EQ(ft_link_decode(&n, FT_LINK_ETHERNET), FT_V_DECODED);
    CHECK_EQ(ft_ip_decode(&n), FT_V_DECODED);
    CHECK_EQ(ft_rd_left(&n.rd), 1);
    CHECK_EQ(n.wire, 4);
    CHECK_EQ(ft_l4_decode(&n), FT_V_DECODED);
    CHECK_EQ(n.payload_len, 4);
}

static void test_take(void)
{
    struct ft_net n = start(frame, 10, 20);

    CHECK(ft_net_take(&n, 4) == frame);
    CHECK_EQ(n.wire, 16);
    ft_net_narrow(&n, 8); /* ends beyond the captured 6 */
    CHECK_EQ(ft_rd_left(&n.rd), 6);
    CHECK_EQ(n.wire, 8);
    ft_net_narrow(&n, 5);
    CHECK_EQ(ft_rd_left(&n.rd), 5);
    CHECK(ft_net_take(&n, 6) == NULL);
    CHECK_EQ(n.wire, 5); /* a failed take takes nothing */
}

static void test_scope(void)
{
    CHECK_EQ(ft_link_scope(0, 0x6000), 0);
    CHECK_EQ(ft_link_scope(0, 0x6001), FT_SCOPE_VLAN | 1);
    CHECK_EQ(ft_link_scope(FT_SCOPE_VLAN | 9, 0), FT_SCOPE_VLAN | 9);
    CHECK_EQ(ft_link_scope(FT_SCOPE_VLAN | 9, 0x0fff), FT_SCOPE_VLAN | 4095);
}

int main(void)
{
    RUN(test_steps);
    RUN(test_cut);
    RUN(test_take);
    RUN(test_scope);
    return test_end();
}
