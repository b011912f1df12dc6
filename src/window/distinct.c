/* SPDX-License-Identifier: Apache-2.0 */
/* window: sets that are exact while they are small, see distinct.h. */
#include "window/distinct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flowtap/errors.h"

enum { NODE_WORDS = 7, NODE_PAIRS = 3, INDEX_BITS = 10, HASH_BITS = 32 };

_Static_assert(sizeof(struct ft__set_node) == 32, "two in a cache line");
_Static_assert(sizeof(struct ft__set_block) == 1280, "as docs/windows.md says");
_Static_assert(FT__REGISTERS == 1 << INDEX_BITS, "registers are chosen by these bits");

/* ---- room ---- */

size_t ft__set_room_budget(uint32_t nodes, uint32_t blocks)
{
    return sizeof(struct ft__set_node) * nodes + sizeof(struct ft__set_block) * blocks;
}

int ft__set_room_open(struct ft__set_room *r, uint32_t nodes, uint32_t blocks)
{
    r->n_nodes = nodes;
    r->n_blocks = blocks;
    r->nodes = ft_map_alloc(sizeof *r->nodes * nodes);
    r->blocks = ft_map_alloc(sizeof *r->blocks * blocks);
    return r->nodes != NULL && r->blocks != NULL ? FT_OK : FT_E_NOMEM;
}

void ft__set_room_close(struct ft__set_room *r)
{
    if (r->nodes != NULL) {
        ft_map_free(r->nodes, sizeof *r->nodes * r->n_nodes);
    }
    if (r->blocks != NULL) {
        ft_map_free(r->blocks, sizeof *r->blocks * r->n_blocks);
    }
    memset(r, 0, sizeof *r);
}

/* A node, empty, + 1; 0: there is none. */
static uint32_t take_node(struct ft__set_room *r)
{
    uint32_t i = r->free_nodes;

    if (i != 0) {
        r->free_nodes = r->nodes[i - 1].next;
    } else if (r->fresh_nodes < r->n_nodes) {
        i = ++r->fresh_nodes;
    } else {
        return 0;
    }
    r->nodes[i - 1].next = 0;
    return i;
}

static void give_nodes(struct ft__set_room *r, struct ft__set *s)
{
    while (s->head != 0) {
        uint32_t i = s->head;

        s->head = r->nodes[i - 1].next;
        r->nodes[i - 1].next = r->free_nodes;
        r->free_nodes = i;
    }
}

/* A block of zeros. */
static bool take_block(struct ft__set_room *r, uint32_t *out)
{
    if (r->free_blocks != 0) {
        *out = r->free_blocks - 1;
        r->free_blocks = r->blocks[*out].count[0];
        memset(&r->blocks[*out], 0, sizeof r->blocks[*out]);
        return true;
    }
    *out = r->fresh_blocks;
    r->fresh_blocks += r->fresh_blocks < r->n_blocks;
    return *out < r->n_blocks;
}

static void lose(struct ft__set_room *r, struct ft__set *s)
{
    ft__set_clear(r, s);
    s->state = FT__SET_LOST;
    r->lost++;
}

void ft__set_clear(struct ft__set_room *r, struct ft__set *s)
{
    if (s->state == FT__SET_ESTIMATED) {
        r->blocks[s->head].count[0] = r->free_blocks;
        r->free_blocks = s->head + 1;
    } else if (s->state == FT__SET_EXACT) {
        give_nodes(r, s);
    }
    memset(s, 0, sizeof *s);
}

/* ---- blocks ---- */

/* Of 32 bits; it is a bijection (Mueller). */
static uint32_t mix(uint32_t v)
{
    v = (v ^ (v >> 16)) * 0x45d9f3bu;
    v = (v ^ (v >> 16)) * 0x45d9f3bu;
    return v ^ (v >> 16);
}

static uint32_t add_saturated(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void into_block(struct ft__set_block *b, uint32_t value, uint32_t n)
{
    uint32_t h = mix(value), rest = h << INDEX_BITS;
    uint8_t rank = rest != 0 ? (uint8_t)(__builtin_clz(rest) + 1) : HASH_BITS - INDEX_BITS + 1;
    uint8_t *reg = &b->reg[h >> (HASH_BITS - INDEX_BITS)];
    uint32_t *count = &b->count[h % FT__CLASSES];

    *reg = rank > *reg ? rank : *reg;
    *count = add_saturated(*count, n);
}

/* The values (and counts) of an exact set, one by one. The first node may have room left, the
 * others are full. */
struct walk {
    uint32_t node; /* + 1 */
    uint32_t k, n; /* in it: the next one, how many */
};

static struct walk walk_from(const struct ft__set *s, bool counts)
{
    uint32_t each = counts ? NODE_PAIRS : NODE_WORDS;

    return (struct walk){.node = s->head, .n = s->n == 0 ? 0 : (s->n - 1u) % each + 1};
}

static uint32_t *walk_next(struct ft__set_room *r, struct walk *w, bool counts)
{
    if (w->node != 0 && w->k == w->n) {
        *w = (struct walk){.node = r->nodes[w->node - 1].next,
                           .n = counts ? NODE_PAIRS : NODE_WORDS};
    }
    if (w->node == 0) {
        return NULL;
    }
    return &r->nodes[w->node - 1].word[counts ? 2 * w->k++ : w->k++];
}

/* The block that its values make. False: the set is lost. */
static bool estimate(struct ft__set_room *r, struct ft__set *s, bool counts)
{
    struct walk at = walk_from(s, counts);
    const uint32_t *w;
    uint32_t block;

    if (!take_block(r, &block)) {
        lose(r, s);
        return false;
    }
    while ((w = walk_next(r, &at, counts)) != NULL) {
        into_block(&r->blocks[block], w[0], counts ? w[1] : 1);
    }
    give_nodes(r, s);
    *s = (struct ft__set){.head = block, .state = FT__SET_ESTIMATED};
    return true;
}

/* ---- values ---- */

/* Room for one value more: in the last node, or in a new one at the front. Nodes but the first are
 * full. */
static uint32_t *append(struct ft__set_room *r, struct ft__set *s, bool counts)
{
    uint32_t each = counts ? NODE_PAIRS : NODE_WORDS, at = s->n % each;

    if (at == 0) {
        uint32_t i = take_node(r);

        if (i == 0) {
            lose(r, s);
            return NULL;
        }
        r->nodes[i - 1].next = s->head;
        s->head = i;
    }
    s->n++;
    return &r->nodes[s->head - 1].word[counts ? 2 * at : at];
}

/* Where an exact set has the value, or NULL. */
static uint32_t *find(struct ft__set_room *r, const struct ft__set *s, uint32_t value, bool counts)
{
    struct walk at = walk_from(s, counts);
    uint32_t *w = walk_next(r, &at, counts);

    while (w != NULL && *w != value) {
        w = walk_next(r, &at, counts);
    }
    return w;
}

static void put(struct ft__set_room *r, struct ft__set *s, uint32_t value, uint32_t n, bool counts)
{
    if (s->state == FT__SET_EXACT) {
        uint32_t *w = find(r, s, value, counts);

        if (w == NULL && s->n < FT__EXACT) {
            w = append(r, s, counts);
            if (w != NULL) {
                w[0] = value;
            }
            if (w != NULL && counts) {
                w[1] = 0;
            }
        } else if (w == NULL && !estimate(r, s, counts)) {
            return;
        }
        if (w != NULL && counts) {
            w[1] = add_saturated(w[1], n);
        }
    }
    if (s->state == FT__SET_ESTIMATED) {
        into_block(&r->blocks[s->head], value, n);
    }
}

void ft__set_add(struct ft__set_room *r, struct ft__set *s, uint32_t value)
{
    put(r, s, value, 1, false);
}

void ft__set_count(struct ft__set_room *r, struct ft__set *s, uint32_t value, uint32_t n)
{
    put(r, s, value, n, true);
}

static void merge_blocks(struct ft__set_block *to, const struct ft__set_block *from)
{
    for (uint32_t i = 0; i < FT__REGISTERS; i++) {
        to->reg[i] = from->reg[i] > to->reg[i] ? from->reg[i] : to->reg[i];
    }
    for (uint32_t i = 0; i < FT__CLASSES; i++) {
        to->count[i] = add_saturated(to->count[i], from->count[i]);
    }
}

static void merge_exact(struct ft__set_room *r, struct ft__set *to, const struct ft__set *from,
                        bool counts)
{
    struct walk at = walk_from(from, counts);
    const uint32_t *w;

    while ((w = walk_next(r, &at, counts)) != NULL) {
        put(r, to, w[0], counts ? w[1] : 1, counts);
    }
}

void ft__set_merge(struct ft__set_room *r, struct ft__set *to, const struct ft__set *from,
                   bool counts)
{
    if (to->state == FT__SET_LOST) {
        return;
    }
    if (from->state == FT__SET_EXACT) {
        merge_exact(r, to, from, counts);
    } else if (from->state == FT__SET_LOST) {
        ft__set_clear(r, to); /* it was counted when `from` was */
        to->state = FT__SET_LOST;
    } else if (to->state == FT__SET_ESTIMATED || estimate(r, to, counts)) {
        merge_blocks(&r->blocks[to->head], &r->blocks[from->head]);
    }
}

/* ---- what they say ---- */

uint64_t ft__set_size(const struct ft__set_room *r, const struct ft__set *s)
{
    const double m = FT__REGISTERS, alpha = 0.7213 / (1 + 1.079 / m);
    double sum = 0;
    uint32_t zeros = 0;

    if (s->state != FT__SET_ESTIMATED) {
        return s->state == FT__SET_EXACT ? s->n : UINT64_MAX;
    }
    for (uint32_t i = 0; i < FT__REGISTERS; i++) {
        uint8_t rank = r->blocks[s->head].reg[i];

        sum += ldexp(1, -rank);
        zeros += rank == 0;
    }
    double estimate = alpha * m * m / sum;

    if (estimate <= 2.5 * m && zeros > 0) { /* linear counting, Flajolet 2007 figure 3 */
        estimate = m * log(m / zeros);
    }
    return (uint64_t)llround(estimate);
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

double ft__entropy(const uint32_t *counts, uint32_t n)
{
    double sum = 0, bits = 0;
    uint32_t some = 0;

    for (uint32_t i = 0; i < n; i++) {
        sum += counts[i];
        some += counts[i] > 0;
    }
    for (uint32_t i = 0; some > 1 && i < n; i++) {
        if (counts[i] > 0) {
            bits -= counts[i] / sum * log2(counts[i] / sum);
        }
    }
    return some > 0 ? bits : -1;
}

double ft__set_entropy(struct ft__set_room *r, const struct ft__set *s)
{
    struct walk at = walk_from(s, true);
    uint32_t counts[FT__EXACT], n = 0;
    const uint32_t *w;

    if (s->state == FT__SET_ESTIMATED) {
        return ft__entropy(r->blocks[s->head].count, FT__CLASSES);
    }
    if (s->state == FT__SET_LOST) {
        return -1;
    }
    while ((w = walk_next(r, &at, true)) != NULL) {
        counts[n++] = w[1];
    }
    if (n > 2) { /* sums of doubles have an order, values of a set have none */
        qsort(counts, n, sizeof counts[0], ascending);
    }
    return ft__entropy(counts, n);
}
