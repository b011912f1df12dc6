/* SPDX-License-Identifier: Apache-2.0 */
#include "window/usual.h"

#include <math.h>

#include "harness.h"

static const int64_t hour = (int64_t)3600 * 1000000000;

static uint64_t mixed(uint64_t i)
{
    return (i + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (i + 1) * UINT64_C(0xc2b2ae3d27d4eb4f) << 17;
}

/* None that was seen is forgotten for an hour; of others as many are known as it says. */
static void test_known(void)
{
    struct ft__bloom b = {0};
    uint32_t wrong = 0;
    enum { N = 40000 };

    CHECK_EQ(ft__known_open(&b, N / 2), FT_OK);
    ft__known_turn(&b, 0);
    CHECK(ft__known_false(&b) == 0);
    for (uint32_t i = 0; i < N; i++) {
        wrong += ft__known_see(&b, mixed(i));
    }
    CHECK(wrong < N / 200);
    ft__known_turn(&b, hour - 1);
    for (uint32_t i = 0; i < N; i++) {
        CHECK(ft__known_see(&b, mixed(i)));
    }
    double said = ft__known_false(&b);

    wrong = 0;
    for (uint32_t i = 0; i < N / 4; i++) { /* that many change it a little */
        wrong += ft__known_see(&b, mixed(i + 1000000));
    }
    CHECK(said > 0.002 && said < 0.01);
    CHECK(wrong > said * N / 4 / 2 && wrong < said * N / 4 * 3);
    ft__known_turn(&b, hour); /* the filter before still knows them */
    CHECK(ft__known_see(&b, mixed(5)));
    ft__known_turn(&b, 2 * hour);
    CHECK(ft__known_see(&b, mixed(5))); /* seen within the hour */
    CHECK(!ft__known_see(&b, mixed(6)));
    ft__known_close(&b);
}

/* Half full it turns, whatever the time. */
static void test_a_flood_turns_it(void)
{
    struct ft__bloom b = {0};

    CHECK_EQ(ft__known_open(&b, 1000), FT_OK);
    for (uint32_t i = 0; i < 200000; i++) {
        ft__known_see(&b, mixed(i));
        if (i % 100 == 0) {
            ft__known_turn(&b, i);
        }
    }
    CHECK(ft__known_false(&b) < 0.2);
    ft__known_close(&b);
}

static void test_a_clock_that_steps_back(void)
{
    struct ft__bloom b = {0};

    CHECK_EQ(ft__known_open(&b, 1000), FT_OK);
    ft__known_turn(&b, INT64_MAX);
    ft__known_see(&b, mixed(1));
    ft__known_turn(&b, INT64_MIN);
    CHECK(ft__known_see(&b, mixed(1)));
    ft__known_turn(&b, INT64_MIN + 2 * hour);
    ft__known_turn(&b, INT64_MIN + 4 * hour);
    CHECK(!ft__known_see(&b, mixed(1)));
    ft__known_close(&b);
}

static bool is_null(double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof bits);
    return bits == UINT64_MAX;
}

static void test_usual(void)
{
    struct ft__usual u = {0};
    struct ft__usual_says says;
    double mean = 0, var = 0;

    CHECK_EQ(ft__usual_open(&u, 1000), FT_OK);
    for (uint32_t i = 0; i < 60; i++) {
        const uint64_t now[2] = {1000 + i % 7 * 10, 5};

        ft__usual_see(&u, 0x123456789abcdef, now, &says);
        if (i < 8) {
            CHECK(is_null(says.mean[0]) && is_null(says.z[0]));
        } else {
            CHECK(fabs(says.mean[0] - mean) < 0.01);
            CHECK(fabs(says.z[0] - ((double)now[0] - mean) / sqrt(var)) < 0.01);
            CHECK(says.mean[1] == 5 && is_null(says.z[1])); /* all alike */
        }
        double off = (double)now[0] - mean;

        var = i > 0 ? 0.9 * (var + 0.1 * off * off) : 0;
        mean = i > 0 ? mean + 0.1 * off : (double)now[0];
    }
    ft__usual_close(&u);
}

/* More entities than places: those that come again and again stay. */
static void test_usual_is_bounded(void)
{
    struct ft__usual u = {0};
    struct ft__usual_says says;
    const uint64_t now[2] = {7, 7};

    CHECK_EQ(ft__usual_open(&u, 16), FT_OK);
    for (uint32_t i = 0; i < 100000; i++) {
        ft__usual_see(&u, mixed(i), now, &says);
        if (i % 50 == 0) {
            ft__usual_see(&u, mixed(UINT64_C(1) << 40), now, &says);
        }
    }
    CHECK(says.mean[0] == 7 || is_null(says.mean[0]));
    ft__usual_see(&u, mixed(UINT64_C(1) << 40), now, &says);
    CHECK(says.mean[0] == 7);
    ft__usual_close(&u);
}

int main(void)
{
    RUN(test_known);
    RUN(test_a_flood_turns_it);
    RUN(test_a_clock_that_steps_back);
    RUN(test_usual);
    RUN(test_usual_is_bounded);
    return test_end();
}
