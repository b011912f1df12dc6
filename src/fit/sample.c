/* SPDX-License-Identifier: Apache-2.0 */
/* fit: rows that stand for all, and their quantiles, see internal.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fit/internal.h"

enum { FIRST = 1024 };

static bool grow(struct ft__fit_sample *s)
{
    uint32_t cap = s->cap < FIRST ? FIRST : s->cap > s->most / 2 ? s->most : 2 * s->cap;

    cap = cap < s->most ? cap : s->most;
    struct ft__fit_row *row = ft_mem_alloc(cap, sizeof *row);

    if (row == NULL) {
        return false;
    }
    if (s->n > 0) {
        memcpy(row, s->row, s->n * sizeof *row);
    }
    ft_mem_free(s->row);
    s->row = row;
    s->cap = cap;
    return true;
}

static void swap(struct ft__fit_row *a, struct ft__fit_row *b)
{
    struct ft__fit_row t = *a;

    *a = *b;
    *b = t;
}

static void rise(struct ft__fit_row *row, uint32_t i)
{
    for (; i > 0 && row[(i - 1) / 2].hash < row[i].hash; i = (i - 1) / 2) {
        swap(&row[i], &row[(i - 1) / 2]);
    }
}

static void sink(struct ft__fit_row *row, uint32_t n)
{
    for (uint32_t i = 0, child; (child = 2 * i + 1) < n; i = child) {
        child += child + 1 < n && row[child + 1].hash > row[child].hash;
        if (row[child].hash <= row[i].hash) {
            break;
        }
        swap(&row[i], &row[child]);
    }
}

int ft__fit_add(struct ft__fit_sample *s, uint64_t hash, const float component[FT_VECTOR])
{
    s->seen++;
    if (s->n == s->most) {
        if (hash < s->row[0].hash) {
            s->row[0].hash = hash;
            memcpy(s->row[0].component, component, sizeof s->row[0].component);
            sink(s->row, s->n);
        }
        return FT_OK;
    }
    if (s->n == s->cap && !grow(s)) {
        return FT_E_NOMEM;
    }
    s->row[s->n].hash = hash;
    memcpy(s->row[s->n].component, component, sizeof s->row[0].component);
    rise(s->row, s->n++);
    return FT_OK;
}

static int by_hash(const void *a, const void *b)
{
    const struct ft__fit_row *x = a, *y = b;

    return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash)
                              : memcmp(x->component, y->component, sizeof x->component);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

void ft__fit_sort(struct ft__fit_sample *s)
{
    if (s->n > 0) {
        qsort(s->row, s->n, sizeof *s->row, by_hash);
    }
}

/* The value that so many quarters of the rest are not above: an element, nothing between two. */
static float quartile(const float *sorted, uint32_t n, uint32_t quarters)
{
    return sorted[(uint64_t)(n - 1) * quarters / 4];
}

void ft__fit_quantiles(const struct ft__fit_sample *s, const struct ft_vector_spec *spec,
                       float *scratch, float median[FT_VECTOR], float range[FT_VECTOR])
{
    for (uint32_t i = 0; i < FT_VECTOR; i++) {
        median[i] = 0;
        range[i] = 1;
        if (spec->component[i].scale > FT_VECTOR_RATIO) {
            continue;
        }
        for (uint32_t r = 0; r < s->n; r++) {
            scratch[r] = s->row[r].component[i];
        }
        qsort(scratch, s->n, sizeof *scratch, by_size);
        median[i] = quartile(scratch, s->n, 2);
        range[i] = quartile(scratch, s->n, 3) - quartile(scratch, s->n, 1);
    }
}
