/* SPDX-License-Identifier: Apache-2.0 */
/* Frames as byte arrays, what must come out of each, and how the tests decode one.
 *
 * Every frame goes from 192.0.2.1 to 198.51.100.9 or from 2001:db8::1 to 2001:db8::9, so that the
 * sender is "lo" of the key. The macros are headers; their arguments are what the tests vary. */
#ifndef FT_TEST_FRAMES_H
#define FT_TEST_FRAMES_H

#include "decode/decode.h"
#include "decode/general.h"
#include "harness.h"

#define B2(x) (uint8_t)((x) >> 8), (uint8_t)((x)&0xff)
#define B4(x) B2((uint32_t)(x) >> 16), B2((uint32_t)(x)&0xffff)

#define MACS                 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1 /* destination, source */
#define ETH(type)            MACS, B2(type)
#define TAG(tci, type)       B2(tci), B2(type)
#define LABEL(label, bottom) B4((uint32_t)(label) << 12 | (bottom) << 8 | 64) /* TTL 64 */
#define PPPOE(len)           0x11, 0, B2(0x0005), B2(len) /* version 1 type 1, code 0, session 5 */
#define SNAP(type)           0xaa, 0xaa, 3, 0, 0, 0, B2(type)
/* to us, ARPHRD, address length 6, address and 2 of padding, protocol */
#define SLL(arphrd, proto) B2(0), B2(arphrd), B2(6), 2, 0, 0, 0, 0, 1, 0, 0, B2(proto)
/* protocol, reserved, interface 3, ARPHRD, to us, address length 6, address and 2 of padding */
#define SLL2(arphrd, proto) B2(proto), B2(0), B4(3), B2(arphrd), 0, 6, 2, 0, 0, 0, 0, 1, 0, 0

#define ADDRS4 192, 0, 2, 1, 198, 51, 100, 9
/* IHL, TOS, total length, id, flags and offset, TTL, protocol, checksum, addresses */
#define IP4X(ihl, total, frag, proto)                                                              \
    0x40 | (ihl), 0xb8, B2(total), B2(0x1234), B2(frag), 61, proto, B2(0), ADDRS4
#define IP4(total, proto) IP4X(5, total, 0x4000, proto)

#define ADDRS6                                                                                     \
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0,   \
        0, 0, 0, 0, 0, 0, 0, 0, 9
/* version 6, class 0xb8, flow label, payload length, next header, hop limit, addresses */
#define IP6(len, next)        0x6b, 0x81, 0x23, 0x45, B2(len), next, 61, ADDRS6
#define EXT8(next)            next, 0, 1, 4, 0, 0, 0, 0 /* 8 bytes, PadN */
#define EXT16(next)           next, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define AH12(next)            next, 1, B2(0), B4(0x11), B4(1) /* (1 + 2) * 4 bytes */
#define FRAG(next, off, more) next, 0, B2((off) << 3 | (more)), B4(0xabcd)

/* ports, sequence, acknowledgment, data offset, flags PSH ACK, window, checksum, urgent */
#define TCPX(doff)       B2(40000), B2(443), B4(0x01020304), B4(7), (doff) << 4, 0x18, B2(502), B4(0)
#define TCP              TCPX(5)
#define TCP_OPT4         2, 4, B2(1460) /* MSS */
#define UDP(len)         B2(40000), B2(53), B2(len), B2(0)
#define ICMP(type, code) type, code, B2(0), B4(0x00010002) /* checksum, id and sequence */
#define DATA4            'd', 'a', 't', 'a'

/* What must come out. */
struct expect {
    uint8_t version, proto, frag, tcp; /* tcp: the fields of TCP above are there */
    uint16_t sport, dport, scope;
    uint8_t bits; /* FT_KEY_ONE_WAY or 0 */
    uint32_t ip_len, payload_len;
};

struct frame {
    const char *name;
    uint16_t linktype;
    uint32_t len;
    const uint8_t *data;
    struct expect want;
};

#define BYTES(...)                                                                                 \
    sizeof((const uint8_t[]){__VA_ARGS__}), (const uint8_t[])                                      \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define VID(n) (FT_SCOPE_VLAN | (n))
/* {version, proto, frag, tcp, sport, dport, scope, bits, ip_len, payload_len} */
#define TCP4_WANT(scope)                                                                           \
    {                                                                                              \
        4, 6, 0, 1, 40000, 443, scope, 0, 44, 4                                                    \
    }
#define TCP6_WANT(scope)                                                                           \
    {                                                                                              \
        6, 6, 0, 1, 40000, 443, scope, 0, 64, 4                                                    \
    }
#define UDP4_WANT(scope)                                                                           \
    {                                                                                              \
        4, 17, 0, 0, 40000, 53, scope, 0, 32, 4                                                    \
    }
#define UDP6_WANT(scope)                                                                           \
    {                                                                                              \
        6, 17, 0, 0, 40000, 53, scope, 0, 52, 4                                                    \
    }
#define TCP4 IP4(44, 6), TCP, DATA4
#define TCP6 IP6(24, 6), TCP, DATA4
#define UDP4 IP4(32, 17), UDP(12), DATA4
#define UDP6 IP6(12, 17), UDP(12), DATA4
#define PAD6 0, 0, 0, 0, 0, 0

static const struct frame frames[] = {
    {"tcp4", 1, BYTES(ETH(0x0800), TCP4), TCP4_WANT(0)},
    {"udp4 padded", 1, BYTES(ETH(0x0800), UDP4, PAD6, PAD6), UDP4_WANT(0)},
    {"tcp6", 1, BYTES(ETH(0x86dd), TCP6), TCP6_WANT(0)},
    {"udp6 trailer", 1, BYTES(ETH(0x86dd), UDP6, PAD6), UDP6_WANT(0)},
    {"tcp4 options",
     1,
     BYTES(ETH(0x0800), IP4(48, 6), TCPX(6), TCP_OPT4, DATA4),
     {4, 6, 0, 1, 40000, 443, 0, 0, 48, 4}},
    {"vlan", 1, BYTES(ETH(0x8100), TAG(0x6007, 0x0800), TCP4), TCP4_WANT(VID(7))},
    {"vlan 6", 1, BYTES(ETH(0x8100), TAG(0x0fff, 0x86dd), UDP6), UDP6_WANT(VID(4095))},
    {"vlan priority", 1, BYTES(ETH(0x8100), TAG(0xe000, 0x0800), UDP4), UDP4_WANT(0)},
    {"qinq", 1, BYTES(ETH(0x88a8), TAG(100, 0x8100), TAG(7, 0x0800), UDP4), UDP4_WANT(VID(7))},
    {"qinq old", 1, BYTES(ETH(0x9100), TAG(100, 0x8100), TAG(0, 0x86dd), TCP6),
     TCP6_WANT(VID(100))},
    {"vlan twice", 1, BYTES(ETH(0x8100), TAG(5, 0x8100), TAG(6, 0x0800), TCP4), TCP4_WANT(VID(6))},
    {"mpls", 1, BYTES(ETH(0x8847), LABEL(16, 0), LABEL(17, 1), TCP4), TCP4_WANT(0)},
    {"mpls 6", 1, BYTES(ETH(0x8848), LABEL(2, 1), UDP6), UDP6_WANT(0)},
    {"pppoe", 1, BYTES(ETH(0x8864), PPPOE(34), B2(0x0021), UDP4, PAD6), UDP4_WANT(0)},
    {"pppoe compressed 6", 1, BYTES(ETH(0x8864), PPPOE(65), 0x57, TCP6), TCP6_WANT(0)},
    {"pppoe compressed", 1, BYTES(ETH(0x8864), PPPOE(45), 0x21, TCP4), TCP4_WANT(0)},
    {"pppoe 6", 1, BYTES(ETH(0x8864), PPPOE(54), B2(0x0057), UDP6), UDP6_WANT(0)},
    {"snap", 1, BYTES(ETH(40), SNAP(0x0800), UDP4, PAD6), UDP4_WANT(0)},
    {"snap vlan", 1, BYTES(ETH(44), SNAP(0x8100), TAG(9, 0x0800), UDP4), UDP4_WANT(VID(9))},
    {"snap in vlan", 1, BYTES(ETH(0x8100), TAG(9, 60), SNAP(0x86dd), UDP6), UDP6_WANT(VID(9))},
    {"sll", 113, BYTES(SLL(1, 0x0800), TCP4), TCP4_WANT(0)},
    {"sll vlan", 113, BYTES(SLL(1, 0x8100), TAG(3, 0x86dd), UDP6), UDP6_WANT(VID(3))},
    {"sll llc", 113, BYTES(SLL(1, 4), SNAP(0x0800), UDP4), UDP4_WANT(0)},
    {"sll2", 276, BYTES(SLL2(1, 0x86dd), TCP6), TCP6_WANT(0)},
    {"sll2 vlan", 276, BYTES(SLL2(772, 0x8100), TAG(3, 0x0800), TCP4), TCP4_WANT(VID(3))},
    {"sll2 hidden tag", 276, BYTES(SLL2(1, 0x0800), TAG(9, 0x0800), TCP4), TCP4_WANT(VID(9))},
    {"sll2 hidden tag 6", 276, BYTES(SLL2(1, 0x86dd), TAG(9, 0x86dd), UDP6), UDP6_WANT(VID(9))},
    {"sll2 hidden as 4", 276, BYTES(SLL2(1, 0x0800), TAG(0x4567, 0x0800), TCP4),
     TCP4_WANT(VID(0x567))},
    {"sll2 hidden as 6", 276, BYTES(SLL2(1, 0x86dd), TAG(0x6005, 0x86dd), UDP6), UDP6_WANT(VID(5))},
    {"sll2 two hidden", 276, BYTES(SLL2(1, 0x0800), TAG(7, 0x8100), TAG(9, 0x0800), TCP4),
     TCP4_WANT(VID(9))},
    {"sll2 hidden priority", 276, BYTES(SLL2(1, 0x0800), TAG(7, 0x88a8), TAG(0xa000, 0x0800), TCP4),
     TCP4_WANT(VID(7))},
    {"sll hidden behind one", 113, BYTES(SLL(1, 0x88a8), TAG(3, 0x0800), TAG(9, 0x0800), TCP4),
     TCP4_WANT(VID(9))},
    {"pppoe hidden in sll", 113, BYTES(SLL(1, 0x8864), TAG(4, 0x8864), PPPOE(54), B2(0x0057), UDP6),
     UDP6_WANT(VID(4))},
    {"sll2 hidden mpls", 276, BYTES(SLL2(1, 0x8847), TAG(4, 0x8847), LABEL(16, 1), TCP4),
     TCP4_WANT(VID(4))},
    {"null little", 0, BYTES(2, 0, 0, 0, TCP4), TCP4_WANT(0)},
    {"null big", 0, BYTES(B4(30), TCP6), TCP6_WANT(0)},
    {"null freebsd 6", 0, BYTES(28, 0, 0, 0, UDP6), UDP6_WANT(0)},
    {"null bsd 6", 0, BYTES(24, 0, 0, 0, UDP6), UDP6_WANT(0)},
    {"null ethertype", 0, BYTES(B2(0x0f00), B2(0x0800), UDP4), UDP4_WANT(0)},
    {"loop", 108, BYTES(B4(2), UDP4), UDP4_WANT(0)},
    {"loop 6", 108, BYTES(B4(10), UDP6), UDP6_WANT(0)},
    {"raw", 101, BYTES(TCP4), TCP4_WANT(0)},
    {"raw 6", 101, BYTES(TCP6), TCP6_WANT(0)},
    {"raw 12", 12, BYTES(UDP4), UDP4_WANT(0)},
    {"raw 14", 14, BYTES(UDP6), UDP6_WANT(0)},
    {"ipv4", 228, BYTES(UDP4), UDP4_WANT(0)},
    {"ipv6", 229, BYTES(UDP6), UDP6_WANT(0)},
    {"ip4 options",
     1, /* router alert */
     BYTES(ETH(0x0800), IP4X(6, 36, 0, 17), 0x94, 4, 0, 0, UDP(12), DATA4),
     {4, 17, 0, 0, 40000, 53, 0, 0, 36, 4}},
    {"ip4 length 0", 1, BYTES(ETH(0x0800), IP4(0, 6), TCP, DATA4), TCP4_WANT(0)},
    {"ip4 first fragment",
     1,
     BYTES(ETH(0x0800), IP4X(5, 32, 0x2000, 17), UDP(3000), DATA4),
     {4, 17, FT_FRAG_FIRST, 0, 40000, 53, 0, 0, 32, 4}},
    {"ip4 short first fragment",
     1,
     BYTES(ETH(0x0800), IP4X(5, 28, 0x2000, 6), B2(40000), B2(443), B4(9)),
     {4, 6, FT_FRAG_FIRST, 0, 40000, 443, 0, 0, 28, 0}},
    {"ip4 later fragment",
     1,
     BYTES(ETH(0x0800), IP4X(5, 23, 0x2001, 6), 1, 2, 3, PAD6),
     {4, 6, FT_FRAG_LATER, 0, 0, 0, 0, 0, 23, 3}},
    {"ip4 last fragment",
     1,
     BYTES(ETH(0x0800), IP4X(5, 20, 0x1fff, 1)),
     {4, 1, FT_FRAG_LATER, 0, 0, 0, 0, 0, 20, 0}},
    {"ip4 reserved bit", 1, BYTES(ETH(0x0800), IP4X(5, 32, 0x8000, 17), UDP(12), DATA4),
     UDP4_WANT(0)},
    {"udp length 0", 1, BYTES(ETH(0x0800), IP4(32, 17), UDP(0), DATA4), UDP4_WANT(0)},
    {"udp below packet",
     1,
     BYTES(ETH(0x0800), IP4(32, 17), UDP(8), DATA4),
     {4, 17, 0, 0, 40000, 53, 0, 0, 32, 0}},
    {"ip6 extensions",
     1,
     BYTES(ETH(0x86dd), IP6(76, 0), EXT8(43), EXT16(60), EXT8(51), AH12(60), EXT8(6), TCP, DATA4),
     {6, 6, 0, 1, 40000, 443, 0, 0, 116, 4}},
    {"ip6 atomic fragment",
     1,
     BYTES(ETH(0x86dd), IP6(20, 44), FRAG(17, 0, 0), UDP(12), DATA4),
     {6, 17, 0, 0, 40000, 53, 0, 0, 60, 4}},
    {"ip6 first fragment",
     1,
     BYTES(ETH(0x86dd), IP6(28, 60), EXT8(44), FRAG(17, 0, 1), UDP(3000), DATA4),
     {6, 17, FT_FRAG_FIRST, 0, 40000, 53, 0, 0, 68, 4}},
    {"ip6 later fragment",
     1,
     BYTES(ETH(0x86dd), IP6(13, 44), FRAG(6, 100, 0), 1, 2, 3, 4, 5),
     {6, 6, FT_FRAG_LATER, 0, 0, 0, 0, 0, 53, 5}},
    {"ip6 fragment of a list",
     1,
     BYTES(ETH(0x86dd), IP6(16, 44), FRAG(60, 1, 1), EXT8(6)),
     {6, 60, FT_FRAG_LATER, 0, 0, 0, 0, 0, 56, 8}},
    {"ip6 length 0", 1, BYTES(ETH(0x86dd), IP6(0, 6), TCP, DATA4), TCP6_WANT(0)},
    {"ip6 mobility",
     1,
     BYTES(ETH(0x86dd), IP6(8, 135), EXT8(59)),
     {6, 135, 0, 0, 0, 0, 0, 0, 48, 8}},
    {"ip6 hip", 1, BYTES(ETH(0x86dd), IP6(8, 139), EXT8(59)), {6, 139, 0, 0, 0, 0, 0, 0, 48, 8}},
    {"ip6 shim6",
     1,
     BYTES(ETH(0x86dd), IP6(20, 140), EXT8(17), UDP(12), DATA4),
     {6, 17, 0, 0, 40000, 53, 0, 0, 60, 4}},
    {"ip6 esp",
     1,
     BYTES(ETH(0x86dd), IP6(12, 50), B4(0x1001), B4(1), DATA4),
     {6, 50, 0, 0, 0, 0, 0, 0, 52, 12}},
    {"ip6 nothing", 1, BYTES(ETH(0x86dd), IP6(0, 59), PAD6), {6, 59, 0, 0, 0, 0, 0, 0, 40, 0}},
    {"icmp echo",
     1,
     BYTES(ETH(0x0800), IP4(32, 1), ICMP(8, 0), DATA4),
     {4, 1, 0, 0, 8, 0, 0, 0, 32, 4}},
    {"icmp unreachable",
     1,
     BYTES(ETH(0x0800), IP4(32, 1), ICMP(3, 1), DATA4),
     {4, 1, 0, 0, 3, 1, 0, FT_KEY_ONE_WAY, 32, 4}},
    {"icmp short", 1, BYTES(ETH(0x0800), IP4(22, 1), 13, 0), {4, 1, 0, 0, 13, 14, 0, 0, 22, 0}},
    {"icmp6 solicitation",
     1,
     BYTES(ETH(0x86dd), IP6(12, 58), ICMP(135, 0), DATA4),
     {6, 58, 0, 0, 135, 136, 0, 0, 52, 4}},
    {"icmp6 too big",
     1,
     BYTES(ETH(0x86dd), IP6(8, 58), ICMP(2, 0)),
     {6, 58, 0, 0, 2, 0, 0, FT_KEY_ONE_WAY, 48, 0}},
    {"sctp",
     1,
     BYTES(ETH(0x0800), IP4(36, 132), B2(5000), B2(38412), B4(1), B4(0), DATA4),
     {4, 132, 0, 0, 5000, 38412, 0, 0, 36, 4}},
    {"udp-lite",
     1,
     BYTES(ETH(0x0800), IP4(32, 136), UDP(8), DATA4),
     {4, 136, 0, 0, 40000, 53, 0, 0, 32, 4}},
    {"dccp",
     1,
     BYTES(ETH(0x0800), IP4(40, 33), B2(5001), B2(5002), 4, 0, B2(0), B4(0), B4(0), DATA4),
     {4, 33, 0, 0, 5001, 5002, 0, 0, 40, 4}},
    {"gre",
     1,
     BYTES(ETH(0x0800), IP4(28, 47), B4(0x0800), DATA4),
     {4, 47, 0, 0, 0, 0, 0, 0, 28, 8}},
    {"ip4 nothing after", 1, BYTES(ETH(0x0800), IP4(20, 2)), {4, 2, 0, 0, 0, 0, 0, 0, 20, 0}},
};

enum { N_FRAMES = sizeof frames / sizeof *frames };

static const struct ft_hash_seed test_seed = {{0x1111, 0x2222333344445555, 0x6666, 0x77778888}};

static inline struct ft_view make_view(uint16_t linktype, const uint8_t *data, uint32_t caplen,
                                       uint32_t len)
{
    return (struct ft_view){.data = data,
                            .ts_ns = 1700000000123456789,
                            .caplen = caplen,
                            .len = len,
                            .linktype = linktype};
}

/* True when all that a packet promises is equal; addr6 is promised for IPv6 only. */
static inline bool same_packet(const struct ft_packet *a, const struct ft_packet *b)
{
    size_t n = offsetof(struct ft_packet, addr6) + (a->key.bits & FT_KEY_V6 ? sizeof a->addr6 : 0);

    return memcmp(a, b, n) == 0;
}

/* Decodes one view both ways into memory that holds something else before, and checks that they
 * agree and that exactly one verdict is counted. */
static inline enum ft_verdict decode_both(const struct ft_view *v, struct ft_packet *out)
{
    struct ft_decoder d;
    struct ft_packet other;
    enum ft_verdict verdict = FT_V__COUNT, general;
    uint32_t n = 77;
    uint64_t sum = 0;

    memset(out, 0xa5, sizeof *out);
    memset(&other, 0x5a, sizeof other);
    ft_decoder_init(&d, &test_seed);
    ft_decode_batch(&d, v, 1, out, &n);
    for (int i = 0; i < FT_V__COUNT; i++) {
        sum += d.verdict[i];
        verdict = d.verdict[i] > 0 ? (enum ft_verdict)i : verdict;
    }
    CHECK_EQ(sum, 1);
    CHECK_EQ(n, verdict == FT_V_DECODED);
    general = ft__decode_general(&d, v, &other);
    CHECK_STR(ft_verdict_name(verdict), ft_verdict_name(general));
    if (verdict == FT_V_DECODED) {
        CHECK(same_packet(out, &other));
    }
    return verdict;
}

#endif
