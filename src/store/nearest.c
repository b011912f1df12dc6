/* SPDX-License-Identifier: Apache-2.0 */
/* store: the nearest, see nearest.h. */
#include "store/nearest.h"

#include <math.h>
#include <string.h>

/* Does a stand before b? */
static bool before(const struct ft_store_near *a, const struct ft_store_near *b)
{
    if (a->score != b->score) {
        return a->score > b->score;
    }
    if (a->at_us != b->at_us) {
        return a->at_us > b->at_us;
    }
    if (a->place != b->place) {
        return a->place < b->place;
    }
    uint32_t len = a->id_len < b->id_len ? a->id_len : b->id_len;
    int is = memcmp(a->id, b->id, len);

    return is != 0 ? is < 0 : a->id_len < b->id_len;
}

static bool same(const struct ft_store_near *a, const struct ft_store_near *b)
{
    return a->id_len == b->id_len && memcmp(a->id, b->id, a->id_len) == 0;
}

float ft_store_nearest_floor(const struct ft_store_nearest *t)
{
    return t->n == t->k ? t->v[t->n - 1].score : -INFINITY;
}

void ft_store_nearest_add(struct ft_store_nearest *t, const struct ft_store_near *c)
{
    uint32_t at = 0, gap;

    if (t->n == t->k && !before(c, &t->v[t->n - 1])) {
        return;
    }
    while (at < t->n && !before(c, &t->v[at])) {
        if (same(c, &t->v[at])) {
            return;
        }
        at++;
    }
    for (gap = at; gap < t->n && !same(c, &t->v[gap]); gap++) { /* its record that is further */
    }
    if (gap == t->n && t->n == t->k) {
        gap--;
    }
    t->n += gap == t->n;
    memmove(&t->v[at + 1], &t->v[at], (gap - at) * sizeof t->v[0]);
    t->v[at] = *c;
}
