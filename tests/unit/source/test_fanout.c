/* SPDX-License-Identifier: Apache-2.0 */
/* source: the program that shares packets, run here as the kernel runs it. */
#include <stdbool.h>
#include <string.h>

#include "base/rd.h"
#include "harness.h"
#include "source/afpacket/fanout.h"

enum { WORKERS = 7 };

/* The instructions that the program is made of. Loads beyond the packet return 0, as the kernel
 * does by ending the program. */
static uint32_t run(const struct sock_filter *f, uint16_t n, uint16_t protocol, const uint8_t *net,
                    uint32_t len)
{
    uint32_t a = 0, x = 0, mem[16] = {0};

    for (uint32_t pc = 0; pc < n; pc++) {
        uint32_t k = f[pc].k, at = k - (uint32_t)SKF_NET_OFF + x;

        switch (f[pc].code) {
        case BPF_LD | BPF_W | BPF_ABS:
            CHECK_EQ(k, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
            a = protocol;
            break;
        case BPF_LD | BPF_W | BPF_IND:
        case BPF_LD | BPF_H | BPF_IND:
        case BPF_LD | BPF_B | BPF_IND: {
            uint32_t size = BPF_SIZE(f[pc].code) == BPF_W   ? 4
                            : BPF_SIZE(f[pc].code) == BPF_H ? 2
                                                            : 1;

            if (at + size > len) {
                return 0;
            }
            a = size == 4 ? ft_load_be32(net + at) : size == 2 ? ft_load_be16(net + at) : net[at];
            break;
        }
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

static struct sock_filter program[FT_FANOUT_MAX];
static uint16_t program_len;

/* An IP header between two hosts, behind some bytes. */
static uint32_t owner(uint16_t protocol, const uint8_t *front, uint32_t front_len, uint8_t version,
                      uint8_t from, uint8_t to, uint8_t noise)
{
    uint8_t p[128];

    memset(p, noise, sizeof p);
    if (front_len > 0) {
        memcpy(p, front, front_len);
    }
    p[front_len] = (uint8_t)(version << 4 | 5);
    for (uint32_t i = 0; i < (version == 4 ? 4u : 16u); i++) {
        uint32_t src = front_len + (version == 4 ? 12 : 8), len = version == 4 ? 4 : 16;

        p[src + i] = (uint8_t)(from + i);
        p[src + len + i] = (uint8_t)(to + i);
    }
    return run(program, program_len, protocol, p, front_len + 60);
}

/* Both directions, whatever else is in the packet and before it, are one worker's. */
static void test_pairs(void)
{
    static const uint8_t vlan[] = {0, 5, 0x08, 0}, qinq[] = {0, 5, 0x81, 0, 0, 6, 0x08, 0},
                         vlan6[] = {0, 5, 0x86, 0xdd}, label[] = {0, 1, 1, 64},
                         labels[] = {0, 1, 0, 64, 0, 2, 1, 64},
                         pppoe[] = {0x11, 0, 0, 1, 0, 40, 0, 0x21};

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
    CHECK_EQ(owner(0x894f, (const uint8_t *)"\x0f\xc2\2\5\0\0\1\xff", 8, 4, 1, 2, 0), 0); /* MPLS */
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
    RUN(test_spread);
    return test_end();
}
