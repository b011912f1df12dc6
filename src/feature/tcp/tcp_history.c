/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tcp: the history of a TCP connection, as Zeek has them; see tcp.h. */
#include <ctype.h>

#include "feature/tcp/tcp_parts.h"

static int packed_len(const struct ft__tcp_hot *h)
{
    return h->history == 0
               ? 0
               : (63 - __builtin_clzll(h->history)) / FT__LETTER_BITS + 1; /* no code is 0 */
}

int ft__tcp_history_len(struct ft__segment *g)
{
    return packed_len(g->t->hot) + (ft__tcp_is_warm(g) ? g->t->cold->history_len : 0);
}

static void add_char(struct ft__segment *g, char c)
{
    struct ft__tcp_hot *h = g->t->hot;
    uint64_t code = (uint64_t)(strchr(FT__LETTERS, c) - FT__LETTERS) + 1;
    int used = packed_len(h);

    if (used < FT__TCP_PACKED) {
        h->history |= code << (used * FT__LETTER_BITS);
        return;
    }
    struct ft__tcp_cold *more = ft__tcp_cold(g);

    if (more->history_len < FT__TCP_HISTORY) {
        more->history[more->history_len++] = c;
    }
}

static char letter_of(int d, char letter)
{
    return d == FT_DIR_FWD ? letter : (char)tolower(letter);
}

static void add_letter(struct ft__segment *g, int d, char letter)
{
    add_char(g, letter_of(d, letter));
}

/* Takes off what follows the first `place` letters. How many those are; text has room for all. */
static int cut_history(struct ft__segment *g, int place, char *text)
{
    struct ft__tcp_hot *h = g->t->hot;
    int n = 0, packed = packed_len(h);

    for (int i = place; i < packed; i++) {
        uint64_t code = h->history >> (i * FT__LETTER_BITS) & ((1u << FT__LETTER_BITS) - 1);

        text[n++] = FT__LETTERS[code - 1];
    }
    if (place < packed) {
        h->history &= ((uint64_t)1 << (place * FT__LETTER_BITS)) - 1;
    }
    for (int i = place < packed ? 0 : place - packed; i < g->t->cold->history_len; i++) {
        text[n++] = g->t->cold->history[i];
    }
    g->t->cold->history_len = (uint8_t)(place < packed ? 0 : place - packed);
    return n;
}

/* Notes a letter the first time; true when it stands there already. */
static bool noted(struct ft__segment *g, uint8_t bit, char letter)
{
    if (g->s->letters & bit) {
        return true;
    }
    g->s->letters |= bit;
    add_letter(g, g->d, letter);
    return false;
}

/* Letters that count: the first, the tenth, the hundredth, ... */
void ft__tcp_counted(struct ft__segment *g, int d, char letter, uint32_t n)
{
    if (n == 1 || n == 10 || n == 100 || n == 1000 || n == 10000) {
        add_letter(g, d, letter);
    }
}

void ft__tcp_counted_at(struct ft__segment *g, int d, char letter, uint32_t n, int place)
{
    char rest[FT__TCP_PACKED + FT__TCP_HISTORY];
    int after = place < ft__tcp_history_len(g) ? cut_history(g, place, rest) : 0;

    ft__tcp_counted(g, d, letter, n);
    for (int i = 0; i < after; i++) {
        add_char(g, rest[i]);
    }
}

void ft__tcp_history(struct ft__segment *g)
{
    const struct ft_packet *p = g->pkt;
    uint8_t flags = p->tcp_flags & FT__SYN_FIN_RST;

    switch (flags) {
    case 0:
        if (p->payload_len > 0) {
            noted(g, FT__H_DATA, 'D');
        } else if (p->tcp_flags & FT_TCP_ACK) {
            noted(g, FT__H_ACK, 'A');
        }
        return;
    case FT_TCP_SYN: {
        char letter = p->tcp_flags & FT_TCP_ACK ? 'H' : 'S';

        if (noted(g, FT__H_SYN, letter) && p->tcp_seq != ft__tcp_mine(g)->syn_seq) {
            add_letter(g, g->d, letter);
        }
        return;
    }
    case FT_TCP_FIN:
        if (noted(g, FT__H_FIN, 'F') && g->end != ft__tcp_mine(g)->fin_end) {
            add_letter(g, g->d, 'F');
        }
        return;
    case FT_TCP_RST:
        if (noted(g, FT__H_RST, 'R') && p->tcp_seq != ft__tcp_mine(g)->rst_seq) {
            add_letter(g, g->d, 'R');
        }
        ft__tcp_mine(g)->rst_seq = p->tcp_seq;
        return;
    default:
        if ((flags & FT_TCP_FIN) && (flags & FT_TCP_RST)) {
            noted(g, FT__H_FIN_RST, 'I');
        } else {
            noted(g, FT__H_MULTI, 'Q');
        }
    }
}
