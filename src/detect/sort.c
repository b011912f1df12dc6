/* SPDX-License-Identifier: Apache-2.0 */
/* detect: the order of notes: a radix sort, byte by byte from the least; bytes that are all alike
 * are left out, which at the end of an input are those of the time. */
#include <string.h>

#include "detect/state.h"

enum { BYTES = 8, VALUES = 256, FEW = 48 };

static bool is_before(const struct ft__turn *a, const struct ft__turn *b)
{
    if (a->epoch != b->epoch) {
        return a->epoch < b->epoch;
    }
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->flow_id < b->flow_id;
}

static void sort_few(struct ft__turn *v, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        struct ft__turn t = v[i];
        uint32_t k = i;

        for (; k > 0 && is_before(&t, &v[k - 1]); k--) {
            v[k] = v[k - 1];
        }
        v[k] = t;
    }
}

/* What is sorted by: 0 the flow id, 1 the time, 2 the epoch. */
static uint64_t key_of(const struct ft__turn *t, int key)
{
    return key == 0   ? t->flow_id
           : key == 1 ? (uint64_t)t->at_ns ^ UINT64_C(1) << 63 /* before 1970 is before */
                      : t->epoch;
}

/* By one byte; where it went, unless all are alike. */
static bool pass(const struct ft__turn *from, struct ft__turn *to, uint32_t n, int key, int byte,
                 uint32_t counts[VALUES])
{
    uint32_t at = 0;

    if (counts[(key_of(&from[0], key) >> (8 * byte)) & (VALUES - 1)] == n) {
        return false;
    }
    for (int i = 0; i < VALUES; i++) {
        uint32_t count = counts[i];

        counts[i] = at;
        at += count;
    }
    for (uint32_t i = 0; i < n; i++) {
        to[counts[(key_of(&from[i], key) >> (8 * byte)) & (VALUES - 1)]++] = from[i];
    }
    return true;
}

static void sort_by(struct ft_detect *d, int key)
{
    uint32_t counts[BYTES][VALUES] = {0};

    for (uint32_t i = 0; i < d->n_order; i++) {
        uint64_t k = key_of(&d->order[i], key);

        for (int b = 0; b < BYTES; b++) {
            counts[b][(k >> (8 * b)) & (VALUES - 1)]++;
        }
    }
    for (int b = 0; b < BYTES; b++) {
        if (pass(d->order, d->aside, d->n_order, key, b, counts[b])) {
            struct ft__turn *sorted = d->aside;

            d->aside = d->order;
            d->order = sorted;
        }
    }
}

void ft__notes_sort(struct ft_detect *d)
{
    if (d->n_order < FEW) {
        sort_few(d->order, d->n_order);
        return;
    }
    for (int key = 0; key < 3; key++) {
        sort_by(d, key);
    }
}
