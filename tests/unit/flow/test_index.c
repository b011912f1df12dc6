/* SPDX-License-Identifier: Apache-2.0 */
/* flow: the index beside a list of what is in it; growth keeps every key in reach. */
#include "flow/index.h"

#include <stdlib.h>

#include "harness.h"

enum { FLOWS = 200000 };

static uint32_t tags[FLOWS];
static bool in[FLOWS];
static uint64_t state;

static uint64_t rng(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* As the table finds it. */
static bool has(const struct ft__index *x, uint32_t tag, uint32_t entry)
{
    uint32_t b = ft__index_home(x, tag);

    for (int probes = 0; probes < FT__PROBES; probes++) {
        for (uint32_t m = ft__bucket_match(&x->buckets[b], tag); m != 0; m &= m - 1) {
            if (x->buckets[b].entry[__builtin_ctz(m)] == entry) {
                return true;
            }
        }
        if (x->buckets[b].over == 0) {
            return false;
        }
        b = ft__index_next(x, b);
    }
    return false;
}

/* All are found that are in it, and nothing of them stays when they go. */
static void check_all(struct ft__index *x, uint32_t n)
{
    uint32_t wrong = 0;

    for (uint32_t i = 0; i < n; i++) {
        wrong += has(x, tags[i], i) != in[i];
    }
    CHECK_EQ(wrong, 0);
    for (uint32_t i = 0; i < n; i++) {
        if (in[i]) {
            ft__index_remove(x, tags[i], i);
        }
    }
    for (uint32_t b = 0; b < x->top; b++) {
        wrong += x->buckets[b].over != 0 || ft__bucket_match(&x->buckets[b], 0) != 0x7f;
    }
    CHECK_EQ(wrong, 0);
    for (uint32_t i = 0; i < n; i++) {
        if (in[i]) {
            CHECK(ft__index_insert(x, tags[i], i));
        }
    }
}

/* mask: which bits of a tag differ; few make neighbours full */
static void run(uint64_t seed, uint32_t mask, uint32_t flows)
{
    struct ft__index x;
    uint64_t live = 0;
    uint32_t at_start, farthest = 0;

    state = seed;
    memset(in, 0, sizeof in);
    CHECK(ft__index_init(&x, FLOWS));
    at_start = x.n;
    for (uint32_t i = 0; i < flows; i++) {
        tags[i] = ft__index_tag(((uint32_t)rng() & mask) | (uint64_t)i << 40);
        if (ft__index_is_small(&x, live + 1)) {
            uint32_t from = x.from;

            ft__index_grow(&x);
            farthest = x.from < from && from - x.from > farthest ? from - x.from : farthest;
            if (x.n > 4000 && x.from == x.n) {
                check_all(&x, i);
            }
        }
        in[i] = ft__index_insert(&x, tags[i], i);
        live += in[i];
        if (rng() % 4 == 0) {
            uint32_t k = (uint32_t)(rng() % (i + 1));

            ft__index_remove(&x, tags[k], k); /* also of those that are not in it */
            live -= in[k];
            in[k] = false;
        }
    }
    check_all(&x, flows);
    CHECK(flows < 5000 || x.n >= 8 * at_start);
    CHECK(x.n <= x.n_max && x.top <= x.n_max);
    CHECK(mask != UINT32_MAX || farthest <= 64); /* buckets in a step */
    CHECK_EQ(ft__index_budget(FLOWS), (size_t)x.n_max * 64);
    CHECK((uint64_t)x.n_max * FT__FLOWS_PER_BUCKET >= FLOWS);
    CHECK(ft__index_budget(FLOWS) <= (size_t)17 * FLOWS);
    ft__index_fini(&x);
}

static void test_growth_keeps_all(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        run(seed, UINT32_MAX, FLOWS);
        run(seed, UINT32_MAX, 3000);
    }
    run(4, 0xffffe000, FLOWS); /* equal tags in plenty */
    run(5, 0xff000fff, FLOWS); /* some homes beyond what they hold */
}

/* Every key at the very end of the index: they go on at its beginning. */
static void test_the_end_goes_on_at_the_beginning(void)
{
    struct ft__index x;

    memset(in, 0, sizeof in);
    CHECK(ft__index_init(&x, FLOWS));
    for (uint32_t i = 0; i < 90; i++) {
        tags[i] = UINT32_MAX - i;
        in[i] = ft__index_insert(&x, tags[i], i);
        CHECK(in[i]);
    }
    while (x.n < x.n_max) {
        ft__index_grow(&x);
        if (x.n < 2000 || x.from == x.n) {
            check_all(&x, 90);
        }
    }
    ft__index_fini(&x);
}

/* Flows come and go at every place that growth may have reached. */
static void test_half_grown(void)
{
    struct ft__index x;
    uint32_t n = 0, steps = 0;

    state = 7;
    memset(in, 0, sizeof in);
    CHECK(ft__index_init(&x, FLOWS));
    for (; !ft__index_is_small(&x, n + 1); n++) {
        tags[n] = ft__index_tag(rng());
        in[n] = ft__index_insert(&x, tags[n], n);
    }
    for (uint32_t at_start = x.n; x.n == at_start; steps++) {
        ft__index_grow(&x);
        for (uint32_t k = 0; k < 8; k++) {
            uint32_t gone = (uint32_t)(rng() % n);

            ft__index_remove(&x, tags[gone], gone);
            in[gone] = false;
            tags[n] = ft__index_tag(rng());
            in[n] = ft__index_insert(&x, tags[n], n);
            n++;
        }
        check_all(&x, n);
    }
    CHECK(steps >= 8);
    ft__index_fini(&x);
}

/* Keys of two homes that fill all that is in reach of both: the later home's go to its own bucket
 * when they are moved first, and the earlier one's have room for as many less. */
static void test_lost(void)
{
    struct ft__index x;
    uint32_t left = 0;

    memset(in, 0, sizeof in);
    CHECK(ft__index_init(&x, FLOWS));
    uint32_t border = (uint32_t)(((UINT64_C(106) << 32) + x.n - 1) / x.n);

    for (uint32_t i = 0; i < 112; i++) {
        tags[i] = i < 105 ? border - 1 - i : border + i - 105;
        in[i] = ft__index_insert(&x, tags[i], i);
        CHECK(in[i]);
    }
    for (uint32_t at_start = x.n; x.n == at_start;) {
        ft__index_grow(&x);
    }
    for (uint32_t i = 0; i < 112; i++) {
        in[i] = has(&x, tags[i], i);
        left += in[i];
    }
    CHECK_EQ(left, 105);
    check_all(&x, 112);
    ft__index_fini(&x);
}

int main(void)
{
    RUN(test_growth_keeps_all);
    RUN(test_half_grown);
    RUN(test_the_end_goes_on_at_the_beginning);
    RUN(test_lost);
    return test_end();
}
