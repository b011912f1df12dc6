/* SPDX-License-Identifier: Apache-2.0 */
/* window: moving means and Bloom filters, see usual.h. */
#include "window/usual.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

enum { PLACES = 4, LEARNT = 8 /* windows */, HASHES = 4, BITS_OF_A_PAIR = 16 };

static const double alpha = 0.1;
static const int64_t rotate_ns = (int64_t)3600 * 1000000000;

struct place {
    uint64_t key; /* 0: nobody's */
    float mean[2], var[2];
    uint32_t n;    /* windows, up to LEARNT */
    uint32_t seen; /* turn */
};

struct ft__usual_line {
    struct place at[PLACES];
};

_Static_assert(sizeof(struct ft__usual_line) == 128, "as docs/windows.md says");

static uint32_t lines_for(uint64_t entities)
{
    uint32_t lines = 64;

    while (lines < entities / PLACES && lines < 1u << 26) {
        lines *= 2;
    }
    return lines;
}

size_t ft__usual_budget(uint64_t entities)
{
    return sizeof(struct ft__usual_line) * lines_for(entities);
}

int ft__usual_open(struct ft__usual *u, uint64_t entities)
{
    u->mask = lines_for(entities) - 1;
    u->lines = ft_map_alloc(sizeof *u->lines * (u->mask + 1));
    return u->lines != NULL ? FT_OK : FT_E_NOMEM;
}

void ft__usual_close(struct ft__usual *u)
{
    if (u->lines != NULL) {
        ft_map_free(u->lines, sizeof *u->lines * (u->mask + 1));
    }
    u->lines = NULL;
}

/* Its place; a new one is empty. */
static struct place *place_of(struct ft__usual *u, uint64_t key)
{
    struct ft__usual_line *line = &u->lines[(key >> 32) & u->mask];
    int i = 0, oldest = 0;

    for (; i < PLACES && line->at[i].key != 0; i++) { /* they fill up from the front */
        if (line->at[i].key == key) {
            return &line->at[i];
        }
    }
    for (int k = 0; i == PLACES && k < PLACES; k++) {
        oldest = u->turn - line->at[k].seen > u->turn - line->at[oldest].seen ? k : oldest;
    }
    i = i < PLACES ? i : oldest;
    line->at[i] = (struct place){.key = key};
    return &line->at[i];
}

void ft__usual_ask(const struct ft__usual *u, uint64_t key)
{
    const uint8_t *line = (const uint8_t *)&u->lines[(key >> 32) & u->mask];

    for (uint32_t at = 0; at < sizeof(struct ft__usual_line); at += 64) {
        __builtin_prefetch(line + at, 1);
    }
}

void ft__usual_see(struct ft__usual *u, uint64_t key, const uint64_t now[2],
                   struct ft__usual_says *out)
{
    struct place *p = place_of(u, key | 1); /* never 0 */

    p->seen = ++u->turn;
    for (int i = 0; i < 2; i++) {
        double x = (double)now[i], off = x - p->mean[i];
        bool learnt = p->n >= LEARNT;

        out->mean[i] = learnt ? p->mean[i] : ft_window_null();
        out->z[i] = learnt && p->var[i] > 0 ? off / sqrt(p->var[i]) : ft_window_null();
        if (p->n == 0) {
            p->mean[i] = (float)x;
        } else {
            p->var[i] = (float)((1 - alpha) * (p->var[i] + alpha * off * off));
            p->mean[i] = (float)(p->mean[i] + alpha * off);
        }
    }
    p->n += p->n < LEARNT;
}

/* ---- who knows whom ---- */

static uint32_t words_for(uint32_t pairs)
{
    uint64_t bits = 1 << 16;

    while (bits < (uint64_t)pairs * BITS_OF_A_PAIR && bits < UINT64_C(1) << 36) {
        bits *= 2;
    }
    return (uint32_t)(bits / 64);
}

size_t ft__known_budget(uint32_t pairs)
{
    return (size_t)words_for(pairs) * sizeof(uint64_t) * 2;
}

int ft__known_open(struct ft__bloom *b, uint32_t pairs)
{
    b->words = words_for(pairs);
    b->bits[0] = ft_map_alloc(sizeof(uint64_t) * b->words);
    b->bits[1] = ft_map_alloc(sizeof(uint64_t) * b->words);
    return b->bits[0] != NULL && b->bits[1] != NULL ? FT_OK : FT_E_NOMEM;
}

void ft__known_close(struct ft__bloom *b)
{
    for (int i = 0; i < 2; i++) {
        if (b->bits[i] != NULL) {
            ft_map_free(b->bits[i], sizeof(uint64_t) * b->words);
        }
        b->bits[i] = NULL;
    }
}

void ft__known_turn(struct ft__bloom *b, int64_t now_ns)
{
    uint64_t age = (uint64_t)now_ns - (uint64_t)b->since_ns;
    uint64_t *before = b->bits[1];

    if (!b->started || now_ns < b->since_ns) { /* the clock stepped back: an hour from there */
        b->since_ns = now_ns;
        b->started = true;
        age = 0;
    }
    if (age < (uint64_t)rotate_ns && b->ones[0] < (uint64_t)b->words * 32) {
        return;
    }
    if (age >= 2 * (uint64_t)rotate_ns) { /* silence: the current one is as old */
        memset(b->bits[0], 0, sizeof(uint64_t) * b->words);
        b->ones[0] = 0;
    }
    memset(before, 0, sizeof(uint64_t) * b->words);
    b->bits[1] = b->bits[0];
    b->bits[0] = before;
    b->ones[1] = b->ones[0];
    b->ones[0] = 0;
    b->since_ns = now_ns;
}

bool ft__known_see(struct ft__bloom *b, uint64_t hash)
{
    uint64_t step = (hash >> 32) | 1, mask = (uint64_t)b->words * 64 - 1;
    bool in[2] = {true, true};

    for (int i = 0; i < HASHES; i++) {
        uint64_t bit = (hash + (uint64_t)i * step * UINT64_C(0x9e3779b97f4a7c15)) >> 7 & mask;
        uint64_t word = bit / 64, one = UINT64_C(1) << (bit & 63);

        in[1] = in[1] && (b->bits[1][word] & one) != 0;
        if ((b->bits[0][word] & one) == 0) {
            in[0] = false;
            b->bits[0][word] |= one;
            b->ones[0]++;
        }
    }
    return in[0] || in[1];
}

double ft__known_false(const struct ft__bloom *b)
{
    double bits = (double)b->words * 64;
    double now = pow((double)b->ones[0] / bits, HASHES);
    double before = pow((double)b->ones[1] / bits, HASHES);

    return 1 - (1 - now) * (1 - before);
}
