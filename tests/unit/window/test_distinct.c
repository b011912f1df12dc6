/* SPDX-License-Identifier: Apache-2.0 */
#include "window/distinct.h"

#include <math.h>

#include "flowtap/errors.h"
#include "harness.h"

static struct ft__set_room room;

static void open_room(uint32_t nodes, uint32_t runs, uint32_t blocks)
{
    CHECK_EQ(ft__set_room_open(&room, nodes, runs, blocks), FT_OK);
}

/* Of numbers, as hosts have them. */
static uint32_t value(uint32_t i)
{
    return i * 2654435761u ^ 0x5bd1e995;
}

static struct ft__set of(uint32_t from, uint32_t n)
{
    struct ft__set s = {0};

    for (uint32_t k = 0; k < 3; k++) { /* each several times */
        for (uint32_t i = 0; i < n; i++) {
            ft__set_add(&room, &s, value(from + i));
        }
    }
    return s;
}

static void test_exact_while_small(void)
{
    open_room(64, 16, 4);
    for (uint32_t n = 0; n <= FT__EXACT; n++) {
        struct ft__set s = of(100, n);

        CHECK_EQ(ft__set_size(&room, &s), n);
        CHECK_EQ(s.state, n <= 7 ? FT__SET_EXACT : FT__SET_RUN);
        ft__set_clear(&room, &s);
        CHECK_EQ(ft__set_size(&room, &s), 0);
    }
    CHECK_EQ(room.fresh_nodes, 1); /* given back, and taken again */
    CHECK_EQ(room.fresh_runs, 1);
    ft__set_room_close(&room);
}

/* Standard error 1.04 / sqrt(1024) = 3.25 %: over many sets the mean is near, and few are beyond
 * three of it. */
static void test_estimates(void)
{
    static const uint32_t sizes[] = {33, 100, 1000, 2600, 10000, 100000};
    enum { SETS = 60 };

    open_room(64, 16, 4);
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        double off = 0, worst = 0;

        for (uint32_t i = 0; i < SETS; i++) {
            struct ft__set s = of(i * 1000003, sizes[k]);
            double error = (double)ft__set_size(&room, &s) / sizes[k] - 1;

            CHECK_EQ(s.state, FT__SET_ESTIMATED);
            off += error / SETS;
            worst = fabs(error) > worst ? fabs(error) : worst;
            ft__set_clear(&room, &s);
        }
        CHECK(fabs(off) < 0.02);
        CHECK(worst < 0.14);
    }
    CHECK_EQ(room.fresh_blocks, 1);
    ft__set_room_close(&room);
}

/* The same set, whatever the order, and however it was put together. */
static void test_order_and_merges(void)
{
    open_room(4096, 64, 64);
    for (uint32_t n = 1; n < 200; n += 7) {
        struct ft__set whole = of(0, n), back = {0}, merged = {0};

        for (uint32_t i = n; i-- > 0;) {
            ft__set_add(&room, &back, value(i));
        }
        for (uint32_t i = 0; i < n; i += 13) { /* parts overlap */
            struct ft__set part = of(i, n - i < 20 ? n - i : 20);

            ft__set_merge(&room, &merged, &part, false);
            ft__set_clear(&room, &part);
        }
        CHECK_EQ(ft__set_size(&room, &whole), ft__set_size(&room, &back));
        CHECK_EQ(ft__set_size(&room, &whole), ft__set_size(&room, &merged));
        if (n > FT__EXACT) {
            CHECK_MEM(room.blocks[whole.head].reg, room.blocks[merged.head].reg, FT__REGISTERS);
            CHECK_MEM(room.blocks[whole.head].reg, room.blocks[back.head].reg, FT__REGISTERS);
        }
        ft__set_clear(&room, &whole);
        ft__set_clear(&room, &back);
        ft__set_clear(&room, &merged);
    }
    ft__set_room_close(&room);
}

static void test_entropy(void)
{
    struct ft__set s = {0};
    const uint32_t two[] = {1, 1}, quarter[] = {3, 0, 1};

    open_room(64, 16, 4);
    CHECK(ft__set_entropy(&room, &s) < 0);
    ft__set_count(&room, &s, 80, 7);
    CHECK(ft__set_entropy(&room, &s) == 0);
    for (uint32_t port = 0; port < 32; port++) { /* equal parts of a power of two */
        ft__set_clear(&room, &s);
        for (uint32_t i = 0; i <= port; i++) {
            ft__set_count(&room, &s, i, 2);
            ft__set_count(&room, &s, i, 3);
        }
        CHECK(fabs(ft__set_entropy(&room, &s) - log2(port + 1)) < 1e-12);
    }
    for (uint32_t port = 32; port < 5000; port++) {
        ft__set_count(&room, &s, port, 5);
    }
    CHECK_EQ(s.state, FT__SET_ESTIMATED);
    CHECK(ft__set_entropy(&room, &s) > 5.9 && ft__set_entropy(&room, &s) <= 6);
    CHECK(fabs(ft__entropy(&room, two, 2) - 1) < 1e-12);
    CHECK(fabs(ft__entropy(&room, quarter, 3) - 0.8112781244591328) < 1e-12);
    CHECK(ft__entropy(&room, two, 0) < 0);
    ft__set_room_close(&room);
}

static void test_counts_stay_at_the_most(void)
{
    struct ft__set s = {0};

    open_room(64, 16, 4);
    ft__set_count(&room, &s, 1, UINT32_MAX);
    ft__set_count(&room, &s, 1, 5);
    ft__set_count(&room, &s, 2, UINT32_MAX);
    CHECK(fabs(ft__set_entropy(&room, &s) - 1) < 1e-9);
    ft__set_room_close(&room);
}

/* A pool that is empty: the set says so, once, and takes nothing from others. */
static void test_no_room(void)
{
    struct ft__set a, b = {0}, c = {0};

    open_room(1, 1, 1);
    a = of(0, 32); /* the run */
    b = of(0, 7);  /* the node */
    ft__set_add(&room, &b, 1);
    CHECK_EQ(ft__set_size(&room, &b), UINT64_MAX);
    ft__set_add(&room, &b, 2);
    CHECK_EQ(room.lost, 1);
    ft__set_add(&room, &a, 7777777); /* the block */
    CHECK_EQ(a.state, FT__SET_ESTIMATED);
    c = of(0, 32);
    CHECK_EQ(ft__set_size(&room, &c), 32);
    ft__set_add(&room, &c, 7777777);
    CHECK_EQ(ft__set_size(&room, &c), UINT64_MAX);
    CHECK_EQ(room.lost, 2);
    ft__set_merge(&room, &a, &c, false);
    CHECK_EQ(ft__set_size(&room, &a), UINT64_MAX);
    c = of(0, 40); /* its block is free again */
    CHECK_EQ(c.state, FT__SET_ESTIMATED);
    ft__set_room_close(&room);
}

int main(void)
{
    RUN(test_exact_while_small);
    RUN(test_estimates);
    RUN(test_order_and_merges);
    RUN(test_entropy);
    RUN(test_counts_stay_at_the_most);
    RUN(test_no_room);
    return test_end();
}
