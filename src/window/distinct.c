/* SPDX-License-Identifier: Apache-2.0 */
/* window: sets that are exact while they are small, see distinct.h. */
#include "window/distinct.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "flowtap/errors.h"

enum { NODE_WORDS = 7, NODE_PAIRS = 3, INDEX_BITS = 10, HASH_BITS = 32 };

_Static_assert(sizeof(struct ft__set_node) == 32, "two in a cache line");
_Static_assert(sizeof(struct ft__set_block) == 1280, "as docs/windows.md says");
_Static_assert(FT__REGISTERS == 1 << INDEX_BITS, "registers are chosen by these bits");

/* ---- room ---- */

size_t ft__set_room_budget(uint32_t nodes, uint32_t runs, uint32_t blocks)
{
    return sizeof(struct ft__set_node) * nodes + sizeof(struct ft__set_run) * runs +
           sizeof(struct ft__set_block) * blocks;
}

int ft__set_room_open(struct ft__set_room *r, uint32_t nodes, uint32_t runs, uint32_t blocks)
{
    r->n_nodes = nodes;
    r->n_runs = runs;
    r->n_blocks = blocks;
    for (uint32_t n = 1; n < FT__LOGS; n++) {
        r->n_log_n[n] = n * log2(n);
    }
    r->nodes = ft_map_alloc(sizeof *r->nodes * nodes);
    r->runs = ft_map_alloc(sizeof *r->runs * runs);
    r->blocks = ft_map_alloc(sizeof *r->blocks * blocks);
    return r->nodes != NULL && r->runs != NULL && r->blocks != NULL ? FT_OK : FT_E_NOMEM;
}

void ft__set_room_close(struct ft__set_room *r)
{
    if (r->nodes != NULL) {
        ft_map_free(r->nodes, sizeof *r->nodes * r->n_nodes);
    }
    if (r->runs != NULL) {
        ft_map_free(r->runs, sizeof *r->runs * r->n_runs);
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

/* Likewise a run. */
static uint32_t take_run(struct ft__set_room *r)
{
    uint32_t i = r->free_runs;

    if (i != 0) {
        r->free_runs = r->runs[i - 1].word[0];
        return i;
    }
    return r->fresh_runs < r->n_runs ? ++r->fresh_runs : 0;
}

static void give_run(struct ft__set_room *r, struct ft__set *s)
{
    r->runs[s->head - 1].word[0] = r->free_runs;
    r->free_runs = s->head;
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
    } else if (s->state == FT__SET_RUN) {
        give_run(r, s);
    } else if (s->state == FT__SET_EXACT) {
        give_nodes(r, s);
    }
    s->head = 0;
    s->n = 0;
    s->state = FT__SET_EXACT;
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

/* n: 0 where values are not counted. */
static void into_block(struct ft__set_block *b, uint32_t value, uint32_t n)
{
    uint32_t h = mix(value), rest = h << INDEX_BITS;
    uint8_t rank = rest != 0 ? (uint8_t)(__builtin_clz(rest) + 1) : HASH_BITS - INDEX_BITS + 1;
    uint8_t *reg = &b->reg[h >> (HASH_BITS - INDEX_BITS)];

    *reg = rank > *reg ? rank : *reg;
    if (n > 0) {
        uint32_t *count = &b->count[h % FT__CLASSES];

        *count = add_saturated(*count, n);
    }
}

/* The values (and counts) of an exact set, one by one. The first node may have room left, the
 * others are full. */
struct walk {
    uint32_t *word;
    uint32_t k, n; /* in it: the next one, how many */
    uint32_t next; /* node + 1 */
};

static struct walk walk_from(struct ft__set_room *r, const struct ft__set *s, bool counts)
{
    uint32_t each = counts ? NODE_PAIRS : NODE_WORDS;

    if (s->state == FT__SET_RUN) {
        return (struct walk){.word = r->runs[s->head - 1].word, .n = s->n};
    }
    if (s->n == 0) {
        return (struct walk){0};
    }
    return (struct walk){.word = r->nodes[s->head - 1].word,
                         .n = (s->n - 1u) % each + 1,
                         .next = r->nodes[s->head - 1].next};
}

FT_INLINE uint32_t *walk_next(struct ft__set_room *r, struct walk *w, bool counts)
{
    if (w->k == w->n) {
        struct ft__set_node *node = &r->nodes[w->next - 1];

        if (w->next == 0) {
            return NULL;
        }
        *w = (struct walk){
            .word = node->word, .n = counts ? NODE_PAIRS : NODE_WORDS, .next = node->next};
    }
    return &w->word[counts ? 2 * w->k++ : w->k++];
}

/* The block that its values make. False: the set is lost. */
static bool estimate(struct ft__set_room *r, struct ft__set *s, bool counts)
{
    struct walk at = walk_from(r, s, counts);
    const uint32_t *w;
    uint32_t block;

    if (!take_block(r, &block)) {
        lose(r, s);
        return false;
    }
    while ((w = walk_next(r, &at, counts)) != NULL) {
        into_block(&r->blocks[block], w[0], counts ? w[1] : 0);
    }
    ft__set_clear(r, s);
    s->head = block;
    s->state = FT__SET_ESTIMATED;
    return true;
}

/* ---- values ---- */

/* The values of a node that is full are a run's. False: there is none. */
static bool begin_run(struct ft__set_room *r, struct ft__set *s)
{
    uint32_t i = take_run(r);

    if (i == 0) {
        return false;
    }
    memcpy(r->runs[i - 1].word, r->nodes[s->head - 1].word, sizeof r->nodes[0].word);
    give_nodes(r, s);
    s->head = i;
    s->state = FT__SET_RUN;
    return true;
}

/* Likewise the counted ones of full nodes have one more in front. */
static bool begin_node(struct ft__set_room *r, struct ft__set *s)
{
    uint32_t i = take_node(r);

    if (i == 0) {
        return false;
    }
    r->nodes[i - 1].next = s->head;
    s->head = i;
    return true;
}

/* Room for one value more; NULL: there is none, so the set is lost. */
static uint32_t *append(struct ft__set_room *r, struct ft__set *s, bool counts)
{
    uint32_t at = s->n % (counts ? NODE_PAIRS : NODE_WORDS);
    bool room = true;

    if (!counts && s->n == NODE_WORDS) {
        room = begin_run(r, s);
    } else if (s->state == FT__SET_EXACT && at == 0) {
        room = begin_node(r, s);
    }
    if (!room) {
        lose(r, s);
        return NULL;
    }
    if (s->state == FT__SET_RUN) {
        return &r->runs[s->head - 1].word[s->n++];
    }
    s->n++;
    return &r->nodes[s->head - 1].word[counts ? 2 * at : at];
}

/* Where an exact set has the value, or NULL. */
FT_INLINE uint32_t *find(struct ft__set_room *r, const struct ft__set *s, uint32_t value,
                         bool counts)
{
    struct walk at = walk_from(r, s, counts);
    uint32_t *w = walk_next(r, &at, counts);

    while (w != NULL && *w != value) {
        w = walk_next(r, &at, counts);
    }
    return w;
}

FT_INLINE void put(struct ft__set_room *r, struct ft__set *s, uint32_t value, uint32_t n,
                   bool counts)
{
    if (s->state <= FT__SET_RUN) {
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
    put(r, s, value, 0, false);
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
    struct walk at = walk_from(r, from, counts);
    const uint32_t *w;

    while ((w = walk_next(r, &at, counts)) != NULL) {
        put(r, to, w[0], counts ? w[1] : 0, counts);
    }
}

void ft__set_merge(struct ft__set_room *r, struct ft__set *to, const struct ft__set *from,
                   bool counts)
{
    if (to->state == FT__SET_LOST) {
        return;
    }
    if (from->state <= FT__SET_RUN) {
        merge_exact(r, to, from, counts);
    } else if (from->state == FT__SET_LOST) {
        ft__set_clear(r, to); /* it was counted when `from` was */
        to->state = FT__SET_LOST;
    } else if (to->state == FT__SET_ESTIMATED || estimate(r, to, counts)) {
        merge_blocks(&r->blocks[to->head], &r->blocks[from->head]);
    }
}

void ft__set_ask(const struct ft__set_room *r, const struct ft__set *s)
{
    const uint8_t *at = s->state == FT__SET_RUN     ? (const uint8_t *)&r->runs[s->head - 1]
                        : s->state == FT__SET_EXACT ? (const uint8_t *)&r->nodes[s->head - 1]
                                                    : NULL;

    __builtin_prefetch(at, 1);
    if (s->state == FT__SET_RUN) {
        __builtin_prefetch(at + 64, 1);
    }
}

/* ---- what they say ---- */

uint64_t ft__set_size(const struct ft__set_room *r, const struct ft__set *s)
{
    const double m = FT__REGISTERS, alpha = 0.7213 / (1 + 1.079 / m);
    uint32_t ranks[HASH_BITS] = {0}; /* registers of each */
    double sum = 0;

    if (s->state != FT__SET_ESTIMATED) {
        return s->state <= FT__SET_RUN ? s->n : UINT64_MAX;
    }
    for (uint32_t i = 0; i < FT__REGISTERS; i++) {
        ranks[r->blocks[s->head].reg[i]]++;
    }
    for (int rank = 0; rank < HASH_BITS; rank++) {
        sum += ldexp(ranks[rank], -rank);
    }
    double estimate = alpha * m * m / sum;

    if (estimate <= 2.5 * m && ranks[0] > 0) { /* linear counting, Flajolet 2007 figure 3 */
        estimate = m * log(m / ranks[0]);
    }
    return (uint64_t)llround(estimate);
}

static double n_log_n(const struct ft__set_room *r, uint64_t n)
{
    return n < FT__LOGS ? r->n_log_n[n] : (double)n * log2((double)n);
}

double ft__entropy(const struct ft__set_room *r, const uint32_t *counts, uint32_t n)
{
    double logs = 0, bits;
    uint64_t sum = 0;
    uint32_t some = 0;

    for (uint32_t i = 0; i < n; i++) {
        sum += counts[i];
        some += counts[i] > 0;
        logs += n_log_n(r, counts[i]);
    }
    if (some < 2) {
        return some > 0 ? 0 : -1;
    }
    bits = (n_log_n(r, sum) - logs) / (double)sum;
    return bits > 0 ? bits : 0;
}

double ft__entropy_sorted(const struct ft__set_room *r, uint32_t *counts, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint32_t it = counts[i], k = i;

        for (; k > 0 && counts[k - 1] > it; k--) {
            counts[k] = counts[k - 1];
        }
        counts[k] = it;
    }
    return ft__entropy(r, counts, n);
}

double ft__set_entropy(struct ft__set_room *r, const struct ft__set *s)
{
    struct walk at = walk_from(r, s, true);
    uint32_t counts[FT__EXACT], n = 0;
    const uint32_t *w;

    if (s->state == FT__SET_ESTIMATED) {
        return ft__entropy(r, r->blocks[s->head].count, FT__CLASSES);
    }
    if (s->state == FT__SET_LOST) {
        return -1;
    }
    while ((w = walk_next(r, &at, true)) != NULL) {
        counts[n++] = w[1];
    }
    return ft__entropy_sorted(r, counts, n);
}
