/* SPDX-License-Identifier: Apache-2.0 */
/* source/afpacket: the program that shares packets among workers, see fanout.h and the kernel's
 * Documentation/networking/filter.rst. X is the place of what comes next, in the packet.
 *
 * Offsets count from where the kernel's packet begins: at the network header of what is received,
 * at the link header of what is sent. Those that count from the network header (SKF_NET_OFF) would
 * need no difference, but before Linux 6.16 they reach only what lies in the first piece of a
 * packet, which for some drivers is the Ethernet header alone; and of a frame that is sent with its
 * tags inside, they count from behind the tags. They are for what is sent where the length of the
 * link header is not known: on what is not Ethernet. */
#include "source/afpacket/fanout.h"

#include <stddef.h>

enum { TAGS = 8, LABELS = 16, WORDS6 = 8, ADDRESSES = 12, ETHERNET = ADDRESSES + 2 };
enum { OUTGOING = 4, ARPHRD_ETHER_ = 1, ARPHRD_LOOPBACK_ = 772 }; /* linux/if_packet.h, if_arp.h */
enum { P_IPV4 = 0x0800, P_IPV6 = 0x86dd };
enum { P_MPLS = 0x8847, P_MPLS_MCAST = 0x8848, P_PPPOE = 0x8864 };
enum {
    P_METADATA = 0x8909,
    P_NSH = 0x894f,
    P_MACSEC = 0x88e5,
    P_ARISTA = 0xd28b,
    P_TRILL = 0x22f3
};

/* Tags of one length, to the end of the type that follows (codec/net/link_tags.c). */
static const struct {
    uint16_t type;
    uint8_t len;
} plain[] = {
    {0x8100, 4},                 /* 802.1Q */
    {0x88a8, 4},                 /* 802.1ad */
    {0x9100, 4},                 /* before 802.1ad */
    {0x8926, 6},                 /* VN-Tag */
    {0x893f, 8},                 /* E-tag */
    {0xf1c1, 6},                 /* R-TAG */
    {0x892f, 6},                 /* HSR */
    {0x8874, 6},                 /* Broadcom */
    {0xdada, 8},                 /* EDSA */
    {0x8903, 2 + ADDRESSES + 2}, /* FabricPath */
    {0x88e7, 4 + ADDRESSES + 2}, /* I-tag */
};

/* Places that are jumped to before they are known. L_TYPE: the type is in A, before each of TAGS
 * and after the last. L_TAG: the length of the tag is in A. */
enum label {
    L_MPLS,
    L_BOTTOM,
    L_NIBBLE,
    L_V4,
    L_V6,
    L_MIX,
    L_FIRST,
    L_PPPOE,
    L_TYPE,
    L_TAG = L_TYPE + TAGS + 1,
    L__COUNT = L_TAG + TAGS
};

struct program {
    struct sock_filter *out;
    uint16_t n;
    uint16_t place[L__COUNT];
    struct {
        uint16_t at;
        uint8_t to; /* enum label */
    } jump[320];
    uint16_t n_jumps;
    uint32_t base; /* of the offsets of load() */
};

static void put(struct program *p, uint16_t code, uint32_t k)
{
    p->out[p->n++] = (struct sock_filter)BPF_STMT(code, k);
}

static void put_goto(struct program *p, enum label to)
{
    p->jump[p->n_jumps].at = p->n;
    p->jump[p->n_jumps++].to = (uint8_t)to;
    put(p, BPF_JMP | BPF_JA, 0);
}

/* What is put between begin() and end() is for A that equals k; at most 255 instructions. */
static uint16_t begin(struct program *p, uint32_t k)
{
    p->out[p->n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, 0);
    return p->n++;
}

static void end(struct program *p, uint16_t begun)
{
    p->out[begun].jf = (uint8_t)(p->n - begun - 1);
}

/* Goes on at to when A equals k. Far: a conditional jump reaches 255 instructions only. */
static void put_if(struct program *p, uint32_t k, enum label to)
{
    uint16_t only = begin(p, k);

    put_goto(p, to);
    end(p, only);
}

static void here(struct program *p, enum label l)
{
    p->place[l] = p->n;
}

static void load(struct program *p, uint16_t size, uint32_t offset)
{
    put(p, (uint16_t)(BPF_LD | size | BPF_IND), p->base + offset);
}

/* X += n. A is lost. */
static void advance(struct program *p, uint32_t n)
{
    put(p, BPF_MISC | BPF_TXA, 0);
    put(p, BPF_ALU | BPF_ADD | BPF_K, n);
    put(p, BPF_MISC | BPF_TAX, 0);
}

/* A is an EtherType: where to, unless it is a tag's. */
static void put_types(struct program *p)
{
    put_if(p, P_IPV4, L_V4);
    put_if(p, P_IPV6, L_V6);
    put_if(p, P_MPLS, L_MPLS);
    put_if(p, P_MPLS_MCAST, L_MPLS);
    put_if(p, P_PPPOE, L_PPPOE);
}

static void load_part(struct program *p, uint32_t offset, uint32_t mask, uint32_t unit)
{
    load(p, BPF_B, offset);
    put(p, BPF_ALU | BPF_AND | BPF_K, mask);
    put(p, BPF_ALU | BPF_MUL | BPF_K, unit);
}

/* Tags that say how long they are. A is the type; at to it is the length. */
static void put_long_tags(struct program *p, enum label to)
{
    uint16_t only = begin(p, P_MACSEC);

    load_part(p, 0, 0x20, 1); /* with an SCI: 32, of which 8 are wanted */
    put(p, BPF_ALU | BPF_RSH | BPF_K, 2);
    put(p, BPF_ALU | BPF_ADD | BPF_K, 6 + 2);
    put_goto(p, to);
    end(p, only);

    only = begin(p, P_METADATA);
    load_part(p, 1, 0xff, 4);
    put(p, BPF_ALU | BPF_ADD | BPF_K, 2 + 2);
    put_goto(p, to);
    end(p, only);

    only = begin(p, P_ARISTA);
    load_part(p, 3, 0x30,
              1); /* 64 bits: 16, of which 2 are to be subtracted; 48 bits: twice that */
    put(p, BPF_ALU | BPF_RSH | BPF_K, 3);
    put(p, BPF_ALU | BPF_MUL | BPF_K, UINT32_MAX);
    put(p, BPF_ALU | BPF_ADD | BPF_K, 4 + 8 + 2 + 2);
    put_goto(p, to);
    end(p, only);

    only = begin(p, P_TRILL);
    load(p, BPF_H, 0);
    put(p, BPF_ALU | BPF_RSH | BPF_K, 6);
    put(p, BPF_ALU | BPF_AND | BPF_K, 0x1f);
    put(p, BPF_ALU | BPF_MUL | BPF_K, 4);
    put(p, BPF_ALU | BPF_ADD | BPF_K, 6 + ADDRESSES + 2);
    put_goto(p, to);
    end(p, only);
}

/* A is the type. NSH says what comes by a number of its own, of which 3 is a frame. */
static void put_nsh(struct program *p, enum label to, enum label then)
{
    static const struct {
        uint16_t type;
        uint8_t next;
    } kinds[] = {{P_IPV4, 1}, {P_IPV6, 2}, {P_NSH, 4}, {P_MPLS, 5}};
    uint16_t only = begin(p, P_NSH), next;

    load(p, BPF_B, 3);
    next = begin(p, 3);
    load_part(p, 1, 0x3f, 4);
    put(p, BPF_ALU | BPF_ADD | BPF_K, ADDRESSES + 2);
    put_goto(p, to);
    end(p, next);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        next = begin(p, kinds[k].next);
        load_part(p, 1, 0x3f, 4);
        put(p, BPF_ALU | BPF_ADD | BPF_X, 0);
        put(p, BPF_MISC | BPF_TAX, 0);
        put(p, BPF_LD | BPF_IMM, kinds[k].type);
        put_goto(p, then);
        end(p, next);
    }
    put_goto(p, L_FIRST);
    end(p, only);
}

/* Tags that are still in the frame. X is behind the type, which is in A. */
static void put_tags(struct program *p)
{
    for (int i = 0; i < TAGS; i++) {
        enum label behind = (enum label)(L_TAG + i);

        here(p, (enum label)(L_TYPE + i));
        put_types(p);
        for (size_t k = 0; k < sizeof plain / sizeof plain[0]; k++) {
            uint16_t only = begin(p, plain[k].type);

            put(p, BPF_LD | BPF_IMM, plain[k].len);
            put_goto(p, behind);
            end(p, only);
        }
        put_long_tags(p, behind);
        put_nsh(p, behind, (enum label)(L_TYPE + i + 1));
        put_goto(p, L_FIRST);
        here(p, behind);
        put(p, BPF_ALU | BPF_ADD | BPF_X, 0);
        put(p, BPF_MISC | BPF_TAX, 0);
        load(p, BPF_H, UINT32_MAX - 1); /* the last two bytes of the tag */
    }
    here(p, (enum label)(L_TYPE + TAGS));
    put_types(p);
    put_goto(p, L_FIRST);
}

/* PPPoE, and PPP's protocol of two bytes or, when the first is odd, one. */
static void put_pppoe(struct program *p)
{
    here(p, L_PPPOE);
    load(p, BPF_B, 6);
    put(p, BPF_ALU | BPF_AND | BPF_K, 1);
    put(p, BPF_ALU | BPF_MUL | BPF_K, UINT32_MAX);
    put(p, BPF_ALU | BPF_ADD | BPF_K, 8);
    put(p, BPF_ALU | BPF_ADD | BPF_X, 0);
    put(p, BPF_MISC | BPF_TAX, 0);
    put_goto(p, L_NIBBLE);
}

static void put_labels(struct program *p)
{
    here(p, L_MPLS);
    for (int i = 0; i < LABELS; i++) {
        load(p, BPF_B, 2);
        put(p, BPF_ALU | BPF_AND | BPF_K, 1); /* bottom of stack */
        put(p, BPF_ST, 0);
        advance(p, 4);
        put(p, BPF_LD | BPF_MEM, 0);
        put_if(p, 1, L_BOTTOM);
    }
    put_goto(p, L_FIRST);
}

/* Goes to the first worker when A equals one of the types. */
static void put_first_if(struct program *p, const uint16_t *types, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_if(p, types[i], L_FIRST);
    }
}

/* Behind the labels stands IP, or a frame: whose address may begin like IP one way and not the
 * other, so all frames go to the first worker. 45 begins no host's address, what is below no IP; of
 * the rest, a frame has a type with what fits it behind. */
static void put_bottom(struct program *p)
{
    static const uint16_t types[] = {P_IPV4, P_IPV6, 0x8100};
    uint16_t only;

    here(p, L_BOTTOM);
    load(p, BPF_B, 0);
    put_if(p, 0x45, L_V4);
    for (uint32_t short_header = 0x40; short_header < 0x45; short_header++) {
        put_if(p, short_header, L_FIRST);
    }
    for (size_t i = 0; i < 2; i++) {
        load(p, BPF_H, ADDRESSES);
        only = begin(p, types[i]);
        load(p, BPF_B, ETHERNET);
        put(p, BPF_ALU | BPF_RSH | BPF_K, 4);
        put_if(p, i == 0 ? 4 : 6, L_FIRST);
        end(p, only);
    }
    for (size_t i = 0; i < 2; i++) {
        load(p, BPF_H, ADDRESSES);
        only = begin(p, i == 0 ? 0x8100 : 0x88a8);
        load(p, BPF_H, ETHERNET + 2);
        put_first_if(p, types, 3);
        end(p, only);
    }
    put_goto(p, L_NIBBLE);
}

/* The sum of n words from offset on is in A. */
static void put_sum(struct program *p, uint32_t offset, int n)
{
    for (int i = 0; i < n; i++) {
        load(p, BPF_W, offset + 4 * (uint32_t)i);
        if (i > 0) {
            put(p, BPF_ST, 1);
            put(p, BPF_STX, 2); /* X makes room for the sum */
            put(p, BPF_LDX | BPF_MEM, 0);
            put(p, BPF_LD | BPF_MEM, 1);
            put(p, BPF_ALU | BPF_ADD | BPF_X, 0);
            put(p, BPF_LDX | BPF_MEM, 2);
        }
        put(p, BPF_ST, 0);
    }
}

/* A is a type, the offsets of the addresses are p->base's: their sum, whichever IP it is. */
static void put_addresses(struct program *p, uint32_t version, int words, uint32_t offset)
{
    uint16_t only = begin(p, version);

    put(p, BPF_LDX | BPF_IMM, 0);
    put_sum(p, offset, words);
    put_goto(p, L_MIX);
    end(p, only);
}

/* Where the packet begins, and with which type. */
static void put_start(struct program *p)
{
    static const uint16_t ethernets[] = {ARPHRD_ETHER_, ARPHRD_LOOPBACK_};
    uint16_t sent, only;

    put(p, BPF_LDX | BPF_IMM, 0);
    put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE));
    sent = begin(p, OUTGOING);
    put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_HATYPE));
    for (size_t i = 0; i < 2; i++) {
        only = begin(p, ethernets[i]);
        put(p, BPF_LDX | BPF_IMM, ETHERNET);
        put(p, BPF_LD | BPF_H | BPF_ABS, ADDRESSES);
        put_goto(p, L_TYPE);
        end(p, only);
    }
    p->base = (uint32_t)SKF_NET_OFF;
    put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
    put_addresses(p, P_IPV4, 2, 12);
    put_addresses(p, P_IPV6, WORDS6, 8);
    put_goto(p, L_FIRST);
    p->base = 0;
    end(p, sent);
    put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
}

static void resolve(struct program *p)
{
    for (uint16_t i = 0; i < p->n_jumps; i++) {
        p->out[p->jump[i].at].k = p->place[p->jump[i].to] - p->jump[i].at - 1u;
    }
}

uint16_t ft_fanout_program(struct sock_filter out[FT_FANOUT_MAX], uint32_t n)
{
    struct program p = {.out = out};

    put_start(&p);
    put_tags(&p);
    put_pppoe(&p);
    put_labels(&p);
    put_bottom(&p);
    here(&p, L_NIBBLE);
    load(&p, BPF_B, 0);
    put(&p, BPF_ALU | BPF_RSH | BPF_K, 4);
    put_if(&p, 4, L_V4);
    put_if(&p, 6, L_V6);
    here(&p, L_FIRST);
    put(&p, BPF_RET | BPF_K, 0);
    here(&p, L_V4);
    put_sum(&p, 12, 2);
    put_goto(&p, L_MIX);
    here(&p, L_V6);
    put_sum(&p, 8, WORDS6);
    here(&p, L_MIX);
    put(&p, BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1u);
    put(&p, BPF_ALU | BPF_RSH | BPF_K, 16);
    put(&p, BPF_ALU | BPF_MOD | BPF_K, n);
    put(&p, BPF_RET | BPF_A, 0);
    resolve(&p);
    return p.n;
}
