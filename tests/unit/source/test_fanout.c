/* SPDX-License-Identifier: Apache-2.0 */
/* source: the program that shares packets, run here as the kernel runs it. */
#include <stdbool.h>
#include <string.h>

#include "base/rd.h"
#include "codec/net/net.h"
#include "harness.h"
#include "source/afpacket/fanout.h"

enum { WORKERS = 7 };

static struct sock_filter program[FT_FANOUT_MAX];
static uint16_t program_len;

/* A packet as the kernel has it: what is received begins at the network header, what is sent at the
 * link header. Offsets from the network header reach the first piece only (Linux before 6.16). */
struct skb {
    const uint8_t *data;
    uint32_t len;
    uint32_t network; /* where the network header is said to be */
    uint32_t piece;   /* bytes of data in the first piece */
    uint16_t protocol;
    uint16_t arphrd;
    bool sent;
};

static bool ancillary(const struct skb *skb, uint32_t k, uint32_t *out)
{
    switch (k) {
    case (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL):
        *out = skb->protocol;
        return true;
    case (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE):
        *out = skb->sent ? 4 : 0;
        return true;
    case (uint32_t)(SKF_AD_OFF + SKF_AD_HATYPE):
        *out = skb->arphrd;
        return true;
    default:
        return false;
    }
}

static bool load(const struct skb *skb, uint32_t size, uint32_t at, uint32_t *out)
{
    uint32_t reach = skb->len;

    if ((int32_t)at < 0) {
        at += skb->network - (uint32_t)SKF_NET_OFF;
        reach = skb->piece;
    }
    if (at >= reach || size > reach - at) {
        return false;
    }
    *out = size == 4   ? ft_load_be32(skb->data + at)
           : size == 2 ? ft_load_be16(skb->data + at)
                       : skb->data[at];
    return true;
}

/* The instructions that the program is made of. Loads beyond the packet return 0, as the kernel
 * does by ending the program. */
static uint32_t run(const struct sock_filter *f, uint16_t n, const struct skb *skb)
{
    uint32_t a = 0, x = 0, mem[16] = {0};

    for (uint32_t pc = 0; pc < n; pc++) {
        uint32_t k = f[pc].k, size = BPF_SIZE(f[pc].code) == BPF_W   ? 4
                                     : BPF_SIZE(f[pc].code) == BPF_H ? 2
                                                                     : 1;

        switch (f[pc].code) {
        case BPF_LD | BPF_W | BPF_ABS:
            CHECK(ancillary(skb, k, &a));
            break;
        case BPF_LD | BPF_H | BPF_ABS:
            if (!load(skb, size, k, &a)) {
                return 0;
            }
            break;
        case BPF_LD | BPF_W | BPF_IND:
        case BPF_LD | BPF_H | BPF_IND:
        case BPF_LD | BPF_B | BPF_IND:
            if (!load(skb, size, k + x, &a)) {
                return 0;
            }
            break;
        case BPF_LD | BPF_IMM:
            a = k;
            break;
        case BPF_LDX | BPF_IMM:
            x = k;
            break;
        case BPF_LD | BPF_MEM:
            a = mem[k];
            break;
        case BPF_LDX | BPF_MEM:
            x = mem[k];
            break;
        case BPF_ST:
            mem[k] = a;
            break;
        case BPF_STX:
            mem[k] = x;
            break;
        case BPF_MISC | BPF_TXA:
            a = x;
            break;
        case BPF_MISC | BPF_TAX:
            x = a;
            break;
        case BPF_ALU | BPF_ADD | BPF_K:
            a += k;
            break;
        case BPF_ALU | BPF_ADD | BPF_X:
            a += x;
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= k;
            break;
        case BPF_ALU | BPF_RSH | BPF_K:
            a >>= k;
            break;
        case BPF_ALU | BPF_MUL | BPF_K:
            a *= k;
            break;
        case BPF_ALU | BPF_MOD | BPF_K:
            a %= k;
            break;
        case BPF_JMP | BPF_JA:
            pc += k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            pc += a == k ? f[pc].jt : f[pc].jf;
            break;
        case BPF_RET | BPF_K:
            return k;
        case BPF_RET | BPF_A:
            return a;
        default:
            CHECK_EQ(f[pc].code, 0xffff);
            return 0;
        }
    }
    CHECK(false); /* it runs off its end */
    return 0;
}

/* The same packet, received and sent, in one piece and in several, sent with the network header
 * behind its tags and on a device that is not Ethernet: one worker's. net: 14 bytes into a frame.
 */
static uint32_t same(uint16_t protocol, const uint8_t *net, uint32_t len, uint32_t front)
{
    uint32_t pieces[] = {0, len + 14}, w;
    struct skb skb = {.data = net, .len = len, .piece = len, .protocol = protocol, .arphrd = 1};

    w = run(program, program_len, &skb);
    for (int i = 0; i < 8; i++) {
        skb = (struct skb){.data = net, .len = len, .piece = pieces[i & 1], .protocol = protocol};
        skb.arphrd = i & 2 ? 772 : 1;
        if (i & 4) {
            skb.data -= 14;
            skb.len += 14;
            skb.network = 14 + front;
            skb.sent = true;
        }
        CHECK_EQ(run(program, program_len, &skb), w);
    }
    if (front == 0) {
        skb = (struct skb){net, len, 0, len, protocol, 65534, true};
        CHECK_EQ(run(program, program_len, &skb), w);
        skb = (struct skb){net - 6, len + 6, 6, len + 6, protocol, 32, true};
        CHECK_EQ(run(program, program_len, &skb), w);
    }
    return w;
}

/* An IP header between two hosts, behind some bytes. */
static uint32_t owner(uint16_t protocol, const uint8_t *front, uint32_t front_len, uint8_t version,
                      uint8_t from, uint8_t to, uint8_t noise)
{
    uint8_t frame[400], *p = frame + 14;

    memset(frame, noise, sizeof frame);
    frame[12] = (uint8_t)(protocol >> 8);
    frame[13] = (uint8_t)protocol;
    if (front_len > 0) {
        memcpy(p, front, front_len);
    }
    p[front_len] = (uint8_t)(version << 4 | 5);
    for (uint32_t i = 0; i < (version == 4 ? 4u : 16u); i++) {
        uint32_t src = front_len + (version == 4 ? 12 : 8), len = version == 4 ? 4 : 16;

        p[src + i] = (uint8_t)(from + i);
        p[src + len + i] = (uint8_t)(to + i);
    }
    return same(protocol, p, front_len + 60, front_len);
}

/* Both directions, whatever else is in the packet and before it, are one worker's. */
static void test_pairs(void)
{
    static const uint8_t vlan[] = {0, 5, 0x08, 0}, qinq[] = {0, 5, 0x81, 0, 0, 6, 0x08, 0},
                         vlan6[] = {0, 5, 0x86, 0xdd}, label[] = {0, 1, 1, 64},
                         labels[] = {0, 1, 0, 64, 0, 2, 1, 64},
                         pppoe[] = {0x11, 0, 0, 1, 0, 40, 0, 0x21},
                         pppoe1[] = {0x11, 0, 0, 1, 0, 40, 0x21};

    for (int i = 0; i < 200; i++) {
        uint8_t a = (uint8_t)i, b = (uint8_t)(i * 7 + 3);
        uint32_t w4 = owner(0x0800, NULL, 0, 4, a, b, 1), w6 = owner(0x86dd, NULL, 0, 6, a, b, 1);

        CHECK(w4 < WORKERS && w6 < WORKERS);
        CHECK_EQ(owner(0x0800, NULL, 0, 4, b, a, 99), w4);
        CHECK_EQ(owner(0x86dd, NULL, 0, 6, b, a, 99), w6);
        CHECK_EQ(owner(0x8100, vlan, 4, 4, b, a, 3), w4);
        CHECK_EQ(owner(0x88a8, qinq, 8, 4, a, b, 3), w4);
        CHECK_EQ(owner(0x8100, vlan6, 4, 6, b, a, 3), w6);
        CHECK_EQ(owner(0x8847, label, 4, 4, b, a, 3), w4);
        CHECK_EQ(owner(0x8847, labels, 8, 6, a, b, 3), w6);
        CHECK_EQ(owner(0x8864, pppoe, 8, 4, a, b, 3), w4);
        CHECK_EQ(owner(0x8864, pppoe1, 7, 4, b, a, 3), w4);
    }
}

/* Tags that the talker, a switch or a tap adds may be there one way only: nothing depends on them.
 */
static void test_tags(void)
{
    static const struct {
        uint16_t type;
        uint8_t len;
        uint8_t tag[40]; /* with the type that follows in the last two bytes of len, or none */
        bool bare;       /* IP follows, no type */
    } tags[] = {
        {0x8926, 6, {0x80, 1, 0, 2, 8, 0}, false},
        {0x893f, 8, {0, 1, 0, 2, 0, 0, 8, 0}, false},
        {0xf1c1, 6, {0, 0, 0, 9, 8, 0}, false},
        {0x892f, 6, {0x10, 0x40, 0, 9, 8, 0}, false},
        {0x8909, 8, {1, 1, 0, 1, 0, 100, 8, 0}, false},
        {0x88e5, 8, {0, 0, 0, 0, 0, 9, 8, 0}, false},
        {0x88e5, 16, {0x20, 0, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 8, 0}, false},
        {0xd28b, 14, {0, 1, 0, 0x10, 1, 2, 3, 4, 5, 6, 7, 8, 8, 0}, false},
        {0xd28b, 12, {0, 1, 1, 0x21, 1, 2, 3, 4, 5, 6, 8, 0}, false},
        {0x8903, 16, {0, 0x60, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 8, 0}, false},
        {0x88e7, 18, {0, 1, 2, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 8, 0}, false},
        {0x22f3, 20, {0, 5, 0, 1, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 8, 0}, false},
        {0x22f3,
         24,
         {0, 0x45, 0, 1, 0, 2, 9, 9, 9, 9, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 8, 0},
         false},
        {0xdada, 8, {0, 0, 0xc0, 0, 0, 0, 8, 0}, false},
        {0x8874, 6, {0x60, 0, 0, 1, 8, 0}, false},
        {0x9100, 4, {0, 5, 8, 0}, false},
        {0x894f, 8, {0x0f, 0xc2, 2, 1, 0, 0, 1, 255}, true},
        {0x894f,
         22,
         {0x0f, 0xc2, 2, 3, 0, 0, 1, 255, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 8, 0},
         false},
    };

    for (size_t t = 0; t < sizeof tags / sizeof tags[0]; t++) {
        for (int i = 0; i < 50; i++) {
            uint8_t a = (uint8_t)(i + 1), b = (uint8_t)(i * 7 + 3), two[44];
            uint32_t w4 = owner(0x0800, NULL, 0, 4, a, b, 1);

            CHECK_EQ(owner(tags[t].type, tags[t].tag, tags[t].len, 4, b, a, 3), w4);
            two[0] = 0; /* behind a VLAN tag */
            two[1] = 5;
            two[2] = (uint8_t)(tags[t].type >> 8);
            two[3] = (uint8_t)tags[t].type;
            memcpy(two + 4, tags[t].tag, tags[t].len);
            CHECK_EQ(owner(0x8100, two, tags[t].len + 4u, 4, a, b, 3), w4);
            if (!tags[t].bare) { /* and before one */
                memcpy(two, tags[t].tag, tags[t].len);
                two[tags[t].len - 2] = 0x81;
                two[tags[t].len - 1] = 0;
                memcpy(two + tags[t].len, "\0\7\x08\0", 4);
                CHECK_EQ(owner(tags[t].type, two, tags[t].len + 4u, 4, b, a, 9), w4);
            }
        }
    }
}

/* As many as the decoder reads, so that a flow with more one way than the other stays whole. */
static void test_depth(void)
{
    static const uint8_t nsh_mpls[] = {0x0f, 0xc2, 2, 5, 0, 0, 1, 255, 0, 1, 1, 64},
                         nsh_nsh[] = {0x0f, 0xc2, 2, 4, 0, 0, 1, 255,
                                      0x0f, 0xc2, 2, 2, 0, 0, 1, 255};
    uint8_t tags[FT_NET_MAX_TAGS * 18], labels[FT_NET_MAX_LABELS * 4];

    for (int i = 0; i < 50; i++) {
        uint8_t a = (uint8_t)(i + 1), b = (uint8_t)(i * 7 + 3);
        uint32_t w4 = owner(0x0800, NULL, 0, 4, a, b, 1), w6 = owner(0x86dd, NULL, 0, 6, a, b, 1);

        for (uint32_t n = 1; n <= FT_NET_MAX_TAGS; n++) {
            memset(tags, 2, sizeof tags);
            for (uint32_t t = 0; t < n; t++) {
                memcpy(tags + t * 4, t + 1 < n ? "\0\5\x81\0" : "\0\5\x08\0", 4);
            }
            CHECK_EQ(owner(0x88a8, tags, n * 4, 4, b, a, 3), w4);
            for (uint32_t t = 0; t < n; t++) {
                memcpy(tags + t * 18 + 16, t + 1 < n ? "\x88\xe7" : "\x86\xdd", 2);
            }
            CHECK_EQ(owner(0x88e7, tags, n * 18, 6, b, a, 3), w6);
        }
        for (uint32_t n = 1; n <= FT_NET_MAX_LABELS; n++) {
            for (uint32_t t = 0; t < n; t++) {
                memcpy(labels + t * 4, t + 1 < n ? "\0\1\0\x40" : "\0\1\1\x40", 4);
            }
            CHECK_EQ(owner(0x8847, labels, n * 4, 4, b, a, 3), w4);
        }
        CHECK_EQ(owner(0x894f, nsh_mpls, sizeof nsh_mpls, 4, b, a, 3), w4);
        CHECK_EQ(owner(0x894f, nsh_nsh, sizeof nsh_nsh, 6, a, b, 3), w6);
    }
}

/* Frames behind labels: whatever the address of the host that they go to begins with. */
static void test_pseudowires(void)
{
    static const struct {
        uint8_t len;
        uint8_t type[10];
    } types[] = {{2, {8, 0}},
                 {2, {0x86, 0xdd}},
                 {6, {0x81, 0, 0, 5, 8, 0}},
                 {6, {0x88, 0xa8, 0, 5, 0x86, 0xdd}},
                 {10, {0x88, 0xa8, 0, 5, 0x81, 0, 0, 5, 8, 0}}};
    uint8_t front[64];

    for (uint32_t first = 0; first < 256; first += 2) {
        for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
            uint32_t len = types[t].len;
            uint8_t version = types[t].type[len - 1] == 0 ? 4 : 6;

            memset(front, 9, sizeof front);
            memcpy(front, "\0\1\1\x40", 4);
            front[4] = (uint8_t)first;
            memcpy(front + 16, types[t].type, len);
            CHECK_EQ(owner(0x8847, front, 16 + len, version, 1, 2, 3), 0);
        }
    }
    for (uint8_t i = 0; i < 50; i++) { /* the same, of IP that begins alike */
        static const uint8_t label[] = {0, 1, 1, 64};

        CHECK_EQ(owner(0x8847, label, 4, 6, i, 8, 3), owner(0x86dd, NULL, 0, 6, 8, i, 3));
    }
}

static void test_spread(void)
{
    uint32_t got[WORKERS] = {0};

    for (int i = 0; i < 250; i++) {
        got[owner(0x0800, NULL, 0, 4, (uint8_t)i, 200, 0)]++;
    }
    for (int w = 0; w < WORKERS; w++) {
        CHECK(got[w] > 250 / WORKERS / 3);
    }
    CHECK_EQ(owner(0x0806, NULL, 0, 4, 1, 2, 0), 0); /* ARP */
}

int main(void)
{
    program_len = ft_fanout_program(program, WORKERS);
    CHECK(program_len <= FT_FANOUT_MAX);
    RUN(test_pairs);
    RUN(test_tags);
    RUN(test_depth);
    RUN(test_pseudowires);
    RUN(test_spread);
    return test_end();
}
