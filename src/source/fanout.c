/* SPDX-License-Identifier: Apache-2.0 */
/* source: the program that shares packets among workers, see fanout.h and the kernel's
 * Documentation/networking/filter.rst. X is the place of what comes next, from the network header.
 */
#include "source/fanout.h"

#include <stdbool.h>

enum { TAGS = 2, LABELS = 4, WORDS6 = 8 };
enum { P_IPV4 = 0x0800, P_IPV6 = 0x86dd, P_8021Q = 0x8100, P_8021AD = 0x88a8 };
enum { P_MPLS = 0x8847, P_MPLS_MCAST = 0x8848, P_PPPOE = 0x8864 };

/* Places that are jumped to before they are known. */
enum label { L_TYPE, L_MPLS, L_NIBBLE, L_V4, L_V6, L_MIX, L_FIRST, L__COUNT };

struct program {
    struct sock_filter *out;
    uint16_t n;
    uint16_t place[L__COUNT];
    struct {
        uint16_t at;
        uint8_t to; /* enum label */
    } jump[48];
    uint16_t n_jumps;
};

static void put(struct program *p, uint16_t code, uint32_t k)
{
    p->out[p->n++] = (struct sock_filter)BPF_STMT(code, k);
}

/* Goes on at to when A equals k. */
static void put_if(struct program *p, uint32_t k, enum label to)
{
    p->jump[p->n_jumps].at = p->n;
    p->jump[p->n_jumps++].to = (uint8_t)to;
    p->out[p->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, 0);
}

static void put_goto(struct program *p, enum label to)
{
    p->jump[p->n_jumps].at = p->n;
    p->jump[p->n_jumps++].to = (uint8_t)to;
    put(p, BPF_JMP | BPF_JA, 0);
}

static void here(struct program *p, enum label l)
{
    p->place[l] = p->n;
}

static void load(struct program *p, uint16_t size, uint32_t offset)
{
    put(p, (uint16_t)(BPF_LD | size | BPF_IND), (uint32_t)SKF_NET_OFF + offset);
}

/* X += n. A is lost. */
static void advance(struct program *p, uint32_t n)
{
    put(p, BPF_MISC | BPF_TXA, 0);
    put(p, BPF_ALU | BPF_ADD | BPF_K, n);
    put(p, BPF_MISC | BPF_TAX, 0);
}

/* A is an EtherType: where to, unless it is a VLAN tag. */
static void put_types(struct program *p)
{
    put_if(p, P_IPV4, L_V4);
    put_if(p, P_IPV6, L_V6);
    put_if(p, P_MPLS, L_MPLS);
    put_if(p, P_MPLS_MCAST, L_MPLS);
}

/* Tags that are still in the frame, then PPPoE. */
static void put_link(struct program *p)
{
    put(p, BPF_LDX | BPF_IMM, 0);
    put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
    for (int i = 0; i < TAGS; i++) {
        put_types(p);
        /* a tag: skip what follows otherwise */
        p->out[p->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, P_8021Q, 1, 0);
        p->out[p->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, P_8021AD, 0, 6);
        load(p, BPF_H, 2);
        put(p, BPF_ST, 0);
        advance(p, 4);
        put(p, BPF_LD | BPF_MEM, 0);
    }
    put_types(p);
    p->out[p->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, P_PPPOE, 1, 0);
    put_goto(p, L_FIRST);
    advance(p, 8); /* PPPoE and PPP's protocol */
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
        put_if(p, 1, L_NIBBLE);
    }
    put_goto(p, L_FIRST);
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

static void resolve(struct program *p)
{
    for (uint16_t i = 0; i < p->n_jumps; i++) {
        struct sock_filter *f = &p->out[p->jump[i].at];
        uint16_t distance = (uint16_t)(p->place[p->jump[i].to] - p->jump[i].at - 1);

        if (f->code == (BPF_JMP | BPF_JA)) {
            f->k = distance;
        } else {
            f->jt = (uint8_t)distance;
        }
    }
}

uint16_t ft_fanout_program(struct sock_filter out[FT_FANOUT_MAX], uint32_t n)
{
    struct program p = {.out = out};

    put_link(&p);
    put_labels(&p);
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
