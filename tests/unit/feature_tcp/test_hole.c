/* SPDX-License-Identifier: Apache-2.0 */
/* feature: what was not captured, against a map of every byte. Bytes are sent in order; some are left
 * out, some of those come late, once each; acknowledgments come in between. What is missed in the
 * end is what was acknowledged and never came, whatever the holes were. */
#include "feature/tcp/hole.h"

#include "../harness.h"

enum { BYTES = 4000 };

struct run {
    struct ft__holes holes;
    uint32_t base;     /* number of byte 0 */
    uint32_t step;     /* numbers to a byte of the map */
    bool there[BYTES]; /* captured */
    uint32_t next;     /* bytes sent */
    uint32_t acked;    /* bytes acknowledged */
    uint64_t missed;   /* as told, in bytes of the map */
};

static uint64_t state;

static uint32_t rnd(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

static uint32_t number(const struct run *r, uint32_t byte)
{
    return r->base + byte * r->step;
}

/* New bytes; of `skip` before them nothing was captured. */
static void send_new(struct run *r, uint32_t skip, uint32_t n)
{
    if (r->next + skip + n > BYTES) {
        return;
    }
    if (skip > 0) {
        ft__holes_open(&r->holes, number(r, r->next), number(r, r->next + skip));
    }
    memset(r->there + r->next + skip, 1, n);
    r->next += skip + n;
}

/* Some bytes that were left out and are not acknowledged come late: a run of them, or part. */
static void send_late(struct run *r)
{
    uint32_t from = r->acked + rnd(r->next - r->acked + 1), to;

    while (from < r->next && r->there[from]) {
        from++;
    }
    from += from < r->next ? rnd(3) : 0;
    for (to = from; to < r->next && !r->there[to] && to - from < 12; to++) {
        r->there[to] = true;
    }
    if (to > from) {
        CHECK(ft__holes_fill(&r->holes, number(r, r->next), number(r, from), number(r, to)));
    }
}

static void acknowledge(struct run *r, uint32_t byte)
{
    uint32_t behind = (r->next - byte) * r->step;

    for (int i = 0; i < FT__HOLES; i++) {
        uint32_t n = ft__hole_miss(&r->holes, i, number(r, r->next), behind);

        CHECK_EQ(n % r->step, 0);
        r->missed += n / r->step;
    }
    r->acked = byte > r->acked ? byte : r->acked;
}

static uint64_t absent(const struct run *r)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < r->next; i++) {
        n += !r->there[i];
    }
    return n;
}

static void play(uint64_t seed, uint32_t base, uint32_t step)
{
    static struct run r;

    state = seed;
    r = (struct run){.base = base, .step = step};
    for (int i = 0; i < 400; i++) {
        switch (rnd(8)) {
        case 0:
        case 1:
            send_late(&r);
            break;
        case 2:
            acknowledge(&r, r.next);
            break;
        default:
            send_new(&r, rnd(2) * rnd(20), 1 + rnd(20));
        }
        CHECK(ft__holes_any(&r.holes) == (absent(&r) > r.missed));
    }
    acknowledge(&r, r.next);
    CHECK_EQ(r.missed, absent(&r));
    CHECK(!ft__holes_any(&r.holes));
}

/* any base, and bytes so large that the holes reach round most of the numbers */
static void test_whole_acknowledgments(void)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        play(seed, (uint32_t)seed * 0x9e3779b9u, 1);
        play(seed, UINT32_MAX - 1000, 1000000);
    }
}

static void test_two_holes_are_exact(void)
{
    struct ft__holes h = {0};

    ft__holes_open(&h, 100, 200);
    CHECK(ft__holes_fill(&h, 300, 120, 150)); /* the middle: two holes */
    CHECK_EQ(ft__hole_miss(&h, 1, 300, 300 - 110), 10);
    CHECK_EQ(ft__hole_miss(&h, 0, 300, 300 - 110), 0);
    CHECK(!ft__holes_fill(&h, 300, 121, 149));
    CHECK(ft__holes_fill(&h, 300, 110, 120));
    CHECK(ft__holes_fill(&h, 300, 190, 250)); /* the end, and bytes that are there */
    CHECK_EQ(ft__hole_miss(&h, 1, 300, 0), 0);
    CHECK_EQ(ft__hole_miss(&h, 0, 300, 0), 40);
    CHECK(!ft__holes_any(&h));
}

/* of three, the older two are one: what it lacks is right, wherever it lies */
static void test_a_third_hole(void)
{
    struct ft__holes h = {0};

    ft__holes_open(&h, 100, 110);
    ft__holes_open(&h, 120, 150);
    ft__holes_open(&h, 160, 165);
    CHECK(ft__holes_fill(&h, 200, 120, 130));
    CHECK_EQ(ft__hole_miss(&h, 1, 200, 0), 30);
    CHECK_EQ(ft__hole_miss(&h, 0, 200, 0), 5);
    ft__holes_open(&h, 200, 210);
    ft__holes_open(&h, 220, 230);
    ft__holes_open(&h, 240, 250);
    CHECK(ft__holes_fill(&h, 300, 200, 210));
    CHECK(ft__holes_fill(&h, 300, 220, 230));
    CHECK(!ft__holes_fill(&h, 300, 200, 230)); /* nothing is missing of it */
    CHECK_EQ(ft__hole_miss(&h, 1, 300, 0), 0);
    CHECK_EQ(ft__hole_miss(&h, 0, 300, 0), 10);
}

/* a jump as far as numbers go, and one through their wrap */
static void test_far(void)
{
    struct ft__holes h = {0};

    ft__holes_open(&h, 0xfffffff0, 0x7ffffff0 - 1);
    CHECK_EQ(ft__hole_miss(&h, 0, 0x80000000, 0), 0x7fffffff);
    ft__holes_open(&h, 0xffffff00, 0x50000000);
    ft__holes_open(&h, 0x50000001, 0xa0000000);
    CHECK_EQ(ft__hole_miss(&h, 1, 0xb0000000, 0), 0x50000100);
    CHECK_EQ(ft__hole_miss(&h, 0, 0xb0000000, 0), 0x4fffffff);
}

int main(void)
{
    RUN(test_two_holes_are_exact);
    RUN(test_a_third_hole);
    RUN(test_far);
    RUN(test_whole_acknowledgments);
    return test_end();
}
