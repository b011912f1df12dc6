/* SPDX-License-Identifier: Apache-2.0 */
/* base: the ring between two threads: fill, wrap, batches, what does not fit, and a race of two
 * threads whose every item is looked at. */
#include "base/ring.h"

#include <pthread.h>
#include <sched.h>

#include "base/mem.h"
#include "flowtap/errors.h"
#include "harness.h"

enum { ITEMS = 2000000 };

static void fill_from(uint64_t *items, uint32_t n, uint64_t first)
{
    for (uint32_t i = 0; i < n; i++) {
        items[i] = first + i;
    }
}

static void test_fill_and_drop(void)
{
    static const uint32_t limits[] = {1, 2, 3, 5, 8, 100, 1023, 1024};
    uint64_t in[2048], out[2048];
    struct ft_ring r;

    for (size_t k = 0; k < sizeof limits / sizeof limits[0]; k++) {
        uint32_t limit = limits[k];

        CHECK_EQ(ft_ring_init(&r, limit, sizeof in[0]), FT_OK);
        CHECK_EQ(ft_ring_pop(&r, out, 10), 0);
        fill_from(in, 2048, 0);
        CHECK_EQ(ft_ring_push(&r, in, limit - 1), limit - 1);
        CHECK_EQ(ft_ring_push(&r, in + limit - 1, 0), 0);
        CHECK_EQ(ft_ring_fill(&r), limit - 1);
        CHECK_EQ(ft_ring_push(&r, in + limit - 1, 1000), 1); /* 999 do not fit */
        CHECK_EQ(ft_ring_push(&r, in, 1), 0);
        CHECK_EQ(ft_ring_fill(&r), limit);
        CHECK_EQ(ft_ring_pop(&r, out, 0), 0);
        CHECK_EQ(ft_ring_pop(&r, out, 2048), limit);
        CHECK_MEM(in, out, limit * sizeof in[0]);
        CHECK_EQ(ft_ring_fill(&r), 0);
        CHECK_EQ(ft_ring_pop(&r, out, 1), 0);
        ft_ring_fini(&r);
    }
}

/* Every way to lie across the end of the slots, with every batch size. */
static void test_wrap(void)
{
    uint64_t in[16], out[16], next = 0, expected = 0;
    struct ft_ring r;

    CHECK_EQ(ft_ring_init(&r, 11, sizeof in[0]), FT_OK); /* fewer than its 16 slots */
    for (uint32_t push = 1; push <= 13; push++) {
        for (uint32_t pop = 1; pop <= 13; pop++) {
            for (int round = 0; round < 50; round++) {
                fill_from(in, push, next);
                next += ft_ring_push(&r, in, push);
                CHECK(next - expected <= 11);
                uint32_t n = ft_ring_pop(&r, out, pop);

                for (uint32_t i = 0; i < n; i++) {
                    CHECK(out[i] == expected + i);
                }
                expected += n;
                CHECK_EQ(ft_ring_fill(&r), next - expected);
            }
        }
    }
    ft_ring_fini(&r);
}

/* Items that are no power of two, to and from exact heap blocks: nothing beside them is touched. */
static void test_odd_sizes(void)
{
    for (uint32_t size = 1; size <= 67; size += 3) {
        uint8_t *in = malloc((size_t)7 * size), *out = malloc((size_t)7 * size);
        struct ft_ring r;
        uint8_t next = 0;

        CHECK_EQ(ft_ring_init(&r, 10, size), FT_OK);
        for (int round = 0; round < 30; round++) {
            for (uint32_t i = 0; i < 7 * size; i++) {
                in[i] = next++;
            }
            CHECK_EQ(ft_ring_push(&r, in, 7), 7);
            memset(out, 0xEE, (size_t)7 * size);
            CHECK_EQ(ft_ring_pop(&r, out, 7), 7);
            CHECK_MEM(in, out, (size_t)7 * size);
        }
        ft_ring_fini(&r);
        free(in);
        free(out);
    }
}

/* Positions grow for ever; the slots are found by their low bits. */
static void test_old_positions(void)
{
    uint64_t in[3] = {1, 2, 3}, out[8];
    struct ft_ring r;

    CHECK_EQ(ft_ring_init(&r, 4, sizeof in[0]), FT_OK);
    r.head = r.tail = r.head_seen = r.tail_seen = UINT32_MAX - 1;
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(ft_ring_push(&r, in, 3), 3);
        CHECK_EQ(ft_ring_push(&r, in, 3), 1);
        CHECK_EQ(ft_ring_fill(&r), 4);
        CHECK_EQ(ft_ring_pop(&r, out, 8), 4);
        CHECK(out[0] == 1 && out[2] == 3 && out[3] == 1);
    }
    ft_ring_fini(&r);
}

static void test_no_memory(void)
{
    struct ft_ring r;

    ft_mem_fail_at(1);
    CHECK_EQ(ft_ring_init(&r, 64, 8), FT_E_NOMEM);
    ft_mem_fail_at(0);
}

struct race {
    struct ft_ring ring;
    uint64_t pushed, dropped, pushed_sum; /* owner: producer */
};

/* Batches of changing size; what does not fit is dropped and counted, as a live source does. */
static void *produce(void *arg)
{
    struct race *race = arg;
    uint64_t items[64], next = 1;
    uint32_t n = 1;

    while (next <= ITEMS) {
        fill_from(items, n, next);
        uint32_t in = ft_ring_push(&race->ring, items, n);

        for (uint32_t i = 0; i < in; i++) {
            race->pushed_sum += items[i];
        }
        race->pushed += in;
        race->dropped += n - in;
        next += n;
        if (in == 0) {
            sched_yield();
        }
        n = n % 64 + 1;
        n = next + n > ITEMS + 1 ? (uint32_t)(ITEMS + 1 - next) : n;
    }
    items[0] = 0; /* the end */
    while (ft_ring_push(&race->ring, items, 1) == 0) {
        sched_yield();
    }
    return NULL;
}

static void test_two_threads(void)
{
    static struct race race;
    uint64_t items[48], sum = 0, popped = 0, last = 0;
    bool over = false, ordered = true;
    pthread_t thread;

    CHECK_EQ(ft_ring_init(&race.ring, 500, sizeof items[0]), FT_OK);
    CHECK_EQ(pthread_create(&thread, NULL, produce, &race), 0);
    for (uint32_t want = 1; !over; want = want % 48 + 1) {
        uint32_t n = ft_ring_pop(&race.ring, items, want);

        for (uint32_t i = 0; i < n && !over; i++) {
            over = items[i] == 0;
            ordered = ordered && (over || items[i] > last);
            last = over ? last : items[i];
            sum += items[i];
            popped += !over;
        }
        if (n == 0) {
            sched_yield();
        }
    }
    pthread_join(thread, NULL);
    CHECK(ordered);
    CHECK_EQ(popped, race.pushed);
    CHECK_EQ(sum, race.pushed_sum);
    CHECK_EQ(race.pushed + race.dropped, ITEMS);
    CHECK_EQ(ft_ring_fill(&race.ring), 0);
    ft_ring_fini(&race.ring);
}

int main(void)
{
    RUN(test_fill_and_drop);
    RUN(test_wrap);
    RUN(test_odd_sizes);
    RUN(test_old_positions);
    RUN(test_no_memory);
    RUN(test_two_threads);
    return test_end();
}
