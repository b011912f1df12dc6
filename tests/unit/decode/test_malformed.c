/* SPDX-License-Identifier: Apache-2.0 */
/* decode: every verdict but DECODED and FILTERED, at its edges; the last good neighbour of an edge
 * stands beside it. */
#include "frames.h"

struct row {
    const char *name;
    uint16_t linktype;
    uint32_t more; /* bytes on the wire that were not captured */
    uint32_t len;
    const uint8_t *data;
    enum ft_verdict want;
};

#define TAG8                                                                                       \
    TAG(1, 0x8100), TAG(2, 0x88a8), TAG(3, 0x9100), TAG(4, 0x8100), TAG(5, 0x8100),                \
        TAG(6, 0x8100), TAG(7, 0x8100)
#define LABEL15                                                                                    \
    LABEL(1, 0), LABEL(2, 0), LABEL(3, 0), LABEL(4, 0), LABEL(5, 0), LABEL(6, 0), LABEL(7, 0),     \
        LABEL(8, 0), LABEL(9, 0), LABEL(10, 0), LABEL(11, 0), LABEL(12, 0), LABEL(13, 0),          \
        LABEL(14, 0), LABEL(15, 0)
#define EXT5  EXT8(60), EXT8(60), EXT8(60), EXT8(60), EXT8(60)
#define EXT15 EXT5, EXT5, EXT5

static const struct row link_rows[] = {
    {"unknown link type", 147, 0, BYTES(TCP4), FT_V_LINK_TYPE},
    {"802.11 control", 105, 0, BYTES(TCP4), FT_V_NOT_IP},
    {"802.11 protected", 105, 0, BYTES(8, 0x41, 0, 0, MACS, MACS, 1, 0), FT_V_ENCRYPTED},
    {"802.11 short", 105, 0, BYTES(8, 1, 0, 0, MACS), FT_V_LINK_SHORT},
    {"arp", 1, 0, BYTES(ETH(0x0806), 0, 1), FT_V_NOT_IP},
    {"lldp in vlan", 1, 0, BYTES(ETH(0x8100), TAG(1, 0x88cc), 2, 7), FT_V_NOT_IP},
    {"neither length nor type", 1, 0, BYTES(ETH(0x05dd), SNAP(0x0800), UDP4), FT_V_NOT_IP},
    {"stp", 1, 0, BYTES(ETH(38), 0x42, 0x42, 3, 0, 0), FT_V_NOT_IP},
    {"ipx raw", 1, 0, BYTES(ETH(38), 0xff, 0xff, 0, 30), FT_V_NOT_IP},
    {"snap of a vendor", 1, 0, BYTES(ETH(40), 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0), FT_V_NOT_IP},
    {"snap arp", 1, 0, BYTES(ETH(40), SNAP(0x0806), 0, 1), FT_V_NOT_IP},
    {"snap in snap", 1, 0, BYTES(ETH(48), SNAP(40), SNAP(0x0800), UDP4), FT_V_NOT_IP},
    {"mpls pseudowire", 1, 0, BYTES(ETH(0x8847), LABEL(16, 1), B4(0), ETH(0x0800), UDP4),
     FT_V_DECODED},
    {"mpls pseudowire of arp", 1, 0, BYTES(ETH(0x8847), LABEL(16, 1), B4(0), ETH(0x0806), UDP4),
     FT_V_NOT_IP},
    {"pppoe lcp", 1, 0, BYTES(ETH(0x8864), PPPOE(6), B2(0xc021), 1, 1, B2(4)), FT_V_NOT_IP},
    {"pppoe terminate", 1, 0, BYTES(ETH(0x8864), 0x11, 0xa7, B2(5), B2(0)), FT_V_NOT_IP},
    {"pppoe version", 1, 0, BYTES(ETH(0x8864), 0x21, 0, B2(5), B2(34), B2(0x21), UDP4),
     FT_V_NOT_IP},
    {"null appletalk", 0, 0, BYTES(16, 0, 0, 0, UDP4), FT_V_NOT_IP},
    {"null ethertype arp", 0, 0, BYTES(15, 0, 8, 6, 0, 1), FT_V_NOT_IP},
    {"loop little", 108, 0, BYTES(2, 0, 0, 0, UDP4), FT_V_NOT_IP},
    {"sll can", 113, 0, BYTES(SLL(280, 0x000c), UDP4), FT_V_NOT_IP},
    {"sll netlink", 113, 0, BYTES(SLL(824, 0x0800), UDP4), FT_V_NOT_IP},
    {"sll2 novell", 276, 0, BYTES(SLL2(1, 1), UDP4), FT_V_NOT_IP},
    {"sll2 netlink", 276, 0, BYTES(SLL2(824, 0x86dd), UDP6), FT_V_NOT_IP},
    {"ethernet runt", 1, 0, BYTES(MACS, 8), FT_V_LINK_SHORT},
    {"ethernet cut", 1, 60, BYTES(MACS, 8), FT_V_LINK_SHORT},
    {"llc short", 1, 0, BYTES(ETH(2), 0xaa, 0xaa), FT_V_LINK_SHORT},
    {"llc of 3", 1, 0, BYTES(ETH(3), 0x42, 0x42, 3), FT_V_NOT_IP},
    {"snap of 3", 1, 0, BYTES(ETH(3), 0xaa, 0xaa, 3), FT_V_LINK_SHORT},
    {"snap of 6", 1, 0, BYTES(ETH(6), 0xaa, 0xaa, 3, 0, 0, 0x0c), FT_V_NOT_IP},
    {"snap short", 1, 0, BYTES(ETH(7), 0xaa, 0xaa, 3, 0, 0, 0, 8), FT_V_LINK_SHORT},
    {"null short", 0, 0, BYTES(2, 0, 0), FT_V_LINK_SHORT},
    {"sll short", 113, 0, BYTES(MACS, 0, 0, 8), FT_V_LINK_SHORT},
    {"sll2 short", 276, 0, BYTES(B2(0x0800), B2(0), B4(3), B2(1), 0, 6, 2, 0, 0, 0, 0, 1, 0),
     FT_V_LINK_SHORT},
    {"vlan short", 1, 0, BYTES(ETH(0x8100), 0, 1, 8), FT_V_TAG_SHORT},
    {"vlan absent", 1, 0, BYTES(ETH(0x8100)), FT_V_TAG_SHORT},
    {"mpls short", 1, 0, BYTES(ETH(0x8847), 0, 1, 1), FT_V_TAG_SHORT},
    {"mpls without bottom", 1, 0, BYTES(ETH(0x8847), LABEL(16, 0)), FT_V_TAG_SHORT},
    {"mpls of nothing", 1, 0, BYTES(ETH(0x8847), LABEL(16, 1)), FT_V_TAG_SHORT},
    {"pppoe short", 1, 0, BYTES(ETH(0x8864), 0x11, 0, 0, 1, 0), FT_V_TAG_SHORT},
    {"ppp short", 1, 0, BYTES(ETH(0x8864), PPPOE(1), 0x00), FT_V_TAG_SHORT},
    {"ppp absent", 1, 0, BYTES(ETH(0x8864), PPPOE(0)), FT_V_TAG_SHORT},
    {"8 tags", 1, 0, BYTES(ETH(0x8100), TAG8, TAG(8, 0x0800), UDP4), FT_V_DECODED},
    {"9 tags", 1, 0, BYTES(ETH(0x8100), TAG8, TAG(8, 0x8100), TAG(9, 0x0800), UDP4),
     FT_V_TAG_DEPTH},
    {"16 labels", 1, 0, BYTES(ETH(0x8847), LABEL15, LABEL(16, 1), UDP4), FT_V_DECODED},
    {"17 labels", 1, 0, BYTES(ETH(0x8847), LABEL15, LABEL(16, 0), LABEL(17, 1), UDP4),
     FT_V_TAG_DEPTH},
    {"pppoe length", 1, 0, BYTES(ETH(0x8864), PPPOE(35), B2(0x21), UDP4), FT_V_PPPOE_LENGTH},
    {"pppoe length cut", 1, 1, BYTES(ETH(0x8864), PPPOE(35), B2(0x21), UDP4), FT_V_DECODED},
    {"pppoe below ip", 1, 0, BYTES(ETH(0x8864), PPPOE(33), B2(0x21), UDP4), FT_V_DECODED},
    {"snap length below ip", 1, 0, BYTES(ETH(39), SNAP(0x0800), UDP4), FT_V_DECODED},
    {"snap length unknown", 1, 0, BYTES(ETH(0), SNAP(0x0800), UDP4), FT_V_DECODED},
    {"snap length beyond", 1, 0, BYTES(ETH(1500), SNAP(0x0800), UDP4), FT_V_DECODED},
};

static const struct row ip_rows[] = {
    {"ip6 as ip4", 1, 0, BYTES(ETH(0x0800), UDP6), FT_V_IP_VERSION},
    {"ip4 as ip6", 1, 0, BYTES(ETH(0x86dd), TCP4), FT_V_IP_VERSION},
    {"ip version 5", 101, 0, BYTES(0x55, 0, 0, 0), FT_V_IP_VERSION},
    {"ip version alone", 101, 0, BYTES(0x45), FT_V_IP4_SHORT},
    {"linktype ipv4", 228, 0, BYTES(UDP6), FT_V_IP_VERSION},
    {"linktype ipv6", 229, 0, BYTES(TCP4), FT_V_IP_VERSION},
    {"ip4 absent", 1, 0, BYTES(ETH(0x0800)), FT_V_IP4_SHORT},
    {"ip4 short", 1, 0, BYTES(ETH(0x0800), 0x45, 0, B2(40), B4(0), B4(0), B4(1), 1, 2, 3),
     FT_V_IP4_SHORT},
    {"ip4 cut", 1, 40, BYTES(ETH(0x0800), 0x45, 0, B2(40)), FT_V_IP4_SHORT},
    {"ip4 options cut", 1, 40, BYTES(ETH(0x0800), IP4X(7, 60, 0, 6), 1, 1, 1, 1), FT_V_IP4_SHORT},
    {"ip4 ihl 4", 1, 0, BYTES(ETH(0x0800), IP4X(4, 32, 0, 17), UDP(12), DATA4), FT_V_IP4_IHL},
    {"ip4 ihl 0", 1, 0, BYTES(ETH(0x0800), IP4X(0, 32, 0, 17), UDP(12), DATA4), FT_V_IP4_IHL},
    {"ip4 ihl beyond", 1, 0, BYTES(ETH(0x0800), IP4X(9, 32, 0, 17), UDP(12), DATA4), FT_V_IP4_IHL},
    {"ip4 total below ihl", 1, 0, BYTES(ETH(0x0800), IP4X(6, 23, 0, 17), UDP(12), DATA4),
     FT_V_IP4_LENGTH},
    {"ip4 total 19", 1, 0, BYTES(ETH(0x0800), IP4(19, 17), UDP(12), DATA4), FT_V_IP4_LENGTH},
    {"ip4 total beyond", 1, 0, BYTES(ETH(0x0800), IP4(33, 17), UDP(12), DATA4), FT_V_IP4_LENGTH},
    {"ip4 total cut", 1, 1, BYTES(ETH(0x0800), IP4(33, 17), UDP(12), DATA4), FT_V_DECODED},
    {"ip6 absent", 1, 0, BYTES(ETH(0x86dd)), FT_V_IP6_SHORT},
    {"ip6 short", 1, 0, BYTES(ETH(0x86dd), 0x60, 0, 0, 0, B2(0), 59, 64, ADDRS4, ADDRS4),
     FT_V_IP6_SHORT},
    {"ip6 length beyond", 1, 0, BYTES(ETH(0x86dd), IP6(13, 17), UDP(12), DATA4), FT_V_IP6_LENGTH},
    {"ip6 length cut", 1, 1, BYTES(ETH(0x86dd), IP6(13, 17), UDP(12), DATA4), FT_V_DECODED},
    {"ip6 extension absent", 1, 0, BYTES(ETH(0x86dd), IP6(0, 60)), FT_V_IP6_EXT},
    {"ip6 extension short", 1, 0, BYTES(ETH(0x86dd), IP6(7, 60), EXT8(17)), FT_V_IP6_EXT},
    {"ip6 extension beyond", 1, 0, BYTES(ETH(0x86dd), IP6(8, 43), EXT16(17)), FT_V_IP6_EXT},
    {"ip6 ah beyond", 1, 0, BYTES(ETH(0x86dd), IP6(11, 51), AH12(59)), FT_V_IP6_EXT},
    {"ip6 ah", 1, 0, BYTES(ETH(0x86dd), IP6(12, 51), AH12(59)), FT_V_DECODED},
    {"ip6 fragment short", 1, 0, BYTES(ETH(0x86dd), IP6(7, 44), FRAG(17, 1, 0)), FT_V_IP6_EXT},
    {"ip6 extension cut", 1, 40, BYTES(ETH(0x86dd), IP6(40, 60), 17), FT_V_IP6_EXT},
    {"ip6 jumbo without", 1, 0, BYTES(ETH(0x86dd), IP6(0, 0), EXT8(59)), FT_V_DECODED},
    {"ip6 jumbo absent", 1, 0, BYTES(ETH(0x86dd), IP6(0, 0), 17), FT_V_IP6_EXT},
    {"ip6 16 extensions", 1, 0, BYTES(ETH(0x86dd), IP6(128, 60), EXT15, EXT8(59)), FT_V_DECODED},
    {"ip6 17 extensions", 1, 0, BYTES(ETH(0x86dd), IP6(136, 60), EXT15, EXT8(60), EXT8(59)),
     FT_V_IP6_EXT_DEPTH},
    {"ip6 jumbo beyond", 1, 0, BYTES(ETH(0x86dd), IP6(0, 0), 59, 0, 0xc2, 4, B4(70000)),
     FT_V_IP6_LENGTH},
};

static const struct row l4_rows[] = {
    {"tcp absent", 1, 0, BYTES(ETH(0x0800), IP4(20, 6)), FT_V_L4_SHORT},
    {"tcp 3 bytes", 1, 0, BYTES(ETH(0x0800), IP4(23, 6), TCP), FT_V_L4_SHORT},
    {"tcp 4 bytes", 1, 0, BYTES(ETH(0x0800), IP4(24, 6), TCP), FT_V_TCP_OFFSET},
    {"tcp 19 bytes", 1, 0, BYTES(ETH(0x0800), IP4(39, 6), TCP), FT_V_TCP_OFFSET},
    {"tcp 20 bytes", 1, 0, BYTES(ETH(0x0800), IP4(40, 6), TCP), FT_V_DECODED},
    {"tcp cut at ports", 1, 40, BYTES(ETH(0x0800), IP4(60, 6), B2(40000), 1), FT_V_L4_SHORT},
    {"tcp cut after", 1, 40, BYTES(ETH(0x0800), IP4(60, 6), B2(40000), B2(443)), FT_V_DECODED},
    {"tcp offset 4", 1, 0, BYTES(ETH(0x0800), IP4(44, 6), TCPX(4), DATA4), FT_V_TCP_OFFSET},
    {"tcp offset 6", 1, 0, BYTES(ETH(0x0800), IP4(44, 6), TCPX(6), DATA4), FT_V_DECODED},
    {"tcp offset 7", 1, 0, BYTES(ETH(0x0800), IP4(44, 6), TCPX(7), DATA4), FT_V_TCP_OFFSET},
    {"tcp offset 7 padded", 1, 0, BYTES(ETH(0x0800), IP4(44, 6), TCPX(7), DATA4, PAD6),
     FT_V_TCP_OFFSET},
    {"tcp6 offset 0", 1, 0, BYTES(ETH(0x86dd), IP6(24, 6), TCPX(0), DATA4), FT_V_TCP_OFFSET},
    {"tcp first fragment", 1, 0, BYTES(ETH(0x0800), IP4X(5, 44, 0x2000, 6), TCPX(15), DATA4),
     FT_V_DECODED},
    {"first fragment of 3", 1, 0, BYTES(ETH(0x0800), IP4X(5, 23, 0x2000, 6), 1, 2, 3),
     FT_V_L4_SHORT},
    {"udp 3 bytes", 1, 0, BYTES(ETH(0x0800), IP4(23, 17), UDP(8)), FT_V_L4_SHORT},
    {"udp 4 bytes", 1, 0, BYTES(ETH(0x0800), IP4(24, 17), UDP(8)), FT_V_UDP_LENGTH},
    {"udp length 7", 1, 0, BYTES(ETH(0x0800), IP4(32, 17), UDP(7), DATA4), FT_V_UDP_LENGTH},
    {"udp length 13", 1, 0, BYTES(ETH(0x0800), IP4(32, 17), UDP(13), DATA4, PAD6), FT_V_UDP_LENGTH},
    {"udp6 length 13", 1, 0, BYTES(ETH(0x86dd), IP6(12, 17), UDP(13), DATA4), FT_V_UDP_LENGTH},
    {"udp length cut after", 1, 6, BYTES(ETH(0x0800), IP4(32, 17), B2(1), B2(2), B2(13)),
     FT_V_UDP_LENGTH},
    {"udp length not captured", 1, 8, BYTES(ETH(0x0800), IP4(32, 17), B2(1), B2(2)), FT_V_DECODED},
    {"sctp 3 bytes", 1, 0, BYTES(ETH(0x0800), IP4(23, 132), B4(1)), FT_V_L4_SHORT},
    {"udp-lite 3 bytes", 1, 0, BYTES(ETH(0x0800), IP4(23, 136), B4(1)), FT_V_L4_SHORT},
    {"dccp 3 bytes", 1, 0, BYTES(ETH(0x0800), IP4(23, 33), B4(1)), FT_V_L4_SHORT},
    {"icmp 1 byte", 1, 0, BYTES(ETH(0x0800), IP4(21, 1), 8, 0), FT_V_L4_SHORT},
    {"icmp6 absent", 1, 0, BYTES(ETH(0x86dd), IP6(8, 60), EXT8(58), 128, 0), FT_V_L4_SHORT},
};

static bool seen[FT_V__COUNT];

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        uint8_t *exact = malloc(r->len);
        struct ft_view v = make_view(r->linktype, exact, r->len, r->len + r->more);
        struct ft_packet p;
        enum ft_verdict got;

        memcpy(exact, r->data, r->len);
        got = decode_both(&v, &p);
        seen[got] = true;
        if (got != r->want) {
            fprintf(stderr, "in \"%s\":\n", r->name);
        }
        CHECK_STR(ft_verdict_name(got), ft_verdict_name(r->want));
        free(exact);
    }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof rows / sizeof *rows)

static void test_link(void)
{
    CHECK_ROWS(link_rows);
}

static void test_ip(void)
{
    CHECK_ROWS(ip_rows);
}

static void test_l4(void)
{
    CHECK_ROWS(l4_rows);
}

/* no bytes at all, of each kind of link */
static void test_empty(void)
{
    static const struct {
        uint16_t linktype;
        enum ft_verdict want;
    } rows[] = {
        {0, FT_V_LINK_SHORT},   {1, FT_V_LINK_SHORT},   {12, FT_V_LINK_SHORT},
        {14, FT_V_LINK_SHORT},  {101, FT_V_LINK_SHORT}, {108, FT_V_LINK_SHORT},
        {113, FT_V_LINK_SHORT}, {228, FT_V_IP4_SHORT},  {229, FT_V_IP6_SHORT},
        {276, FT_V_LINK_SHORT}, {147, FT_V_LINK_TYPE},
    };
    struct ft_packet p;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ft_view none = make_view(rows[i].linktype, NULL, 0, 0);
        struct ft_view cut = make_view(rows[i].linktype, NULL, 0, 1500);

        CHECK_EQ(decode_both(&none, &p), rows[i].want);
        CHECK_EQ(decode_both(&cut, &p), rows[i].want);
    }
}

/* A new verdict needs a row here, but for those that a view alone does not give: of filters, of
 * several packets, of datagrams. */
static bool of_others(enum ft_verdict v)
{
    return v == FT_V_FILTERED || v == FT_V_DIRECTION || v == FT_V_FRAGMENT_ORPHAN ||
           v == FT_V_REASSEMBLED || strncmp(ft_verdict_text(v), "collect: ", 9) == 0;
}

static void test_all_seen(void)
{
    for (int v = 0; v < FT_V__COUNT; v++) {
        if (!seen[v] && !of_others((enum ft_verdict)v)) {
            fprintf(stderr, "no row gives %s\n", ft_verdict_name((enum ft_verdict)v));
            CHECK(seen[v]);
        }
    }
}

int main(void)
{
    RUN(test_link);
    RUN(test_ip);
    RUN(test_l4);
    RUN(test_empty);
    RUN(test_all_seen);
    return test_end();
}
