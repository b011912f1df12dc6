/* SPDX-License-Identifier: Apache-2.0 */
/* output: messages in flight: each event is settled once, whatever is sent again; and targets of
 * receivers. */
#include <string.h>

#include "base/mem.h"
#include "harness.h"
#include "output/sink/flight.h"
#include "output/sink/receiver.h"

enum { LINES = 20000, LINE = 8, CHUNKS = 2 };

static uint8_t text[CHUNKS][LINES * LINE];
static struct ft_mark marks[CHUNKS][4];
static struct ft_chunk chunks[CHUNKS];

/* Each chunk: LINES / 4 samples, as many flows, and the same again. */
static void make_chunks(void)
{
    for (uint32_t k = 0; k < CHUNKS; k++) {
        chunks[k] = (struct ft_chunk){
            .data = text[k], .len = LINES * LINE, .n = 4, .behind = marks[k] + 4, .lines = true};
        for (uint32_t i = 0; i < LINES; i++) {
            memcpy(text[k] + (size_t)i * LINE, "1234567\n", LINE);
        }
        for (uint32_t i = 0; i < 4; i++) {
            chunks[k].behind[-1 - (int)i] =
                (struct ft_mark){.end = (i + 1) * LINES / 4 * LINE,
                                 .count = LINES / 4,
                                 .event = i % 2 == 0 ? FT_EVENT_SAMPLE : FT_EVENT_FLOW};
        }
    }
}

static struct ft_flight *new_flight(struct ft_sink *sink, size_t most)
{
    struct ft_flight *f = ft_mem_alloc(1, sizeof *f);

    CHECK(f != NULL);
    *sink = (struct ft_sink){.ops = NULL};
    f->sink = sink;
    f->most = most;
    return f;
}

/* Sends and settles in an order that has nothing to do with that of sending, and begins again now
 * and then, before all was answered. */
static void settle_some(struct ft_flight *f, uint32_t *random)
{
    uint64_t number, first = f->head;

    while (ft_flight_next(f, &number) != NULL) {
        CHECK(number < f->head + FT_FLIGHT_MOST);
    }
    uint64_t end = f->next;

    for (uint64_t i = first; i < end; i++) {
        *random = *random * 1103515245 + 12345;
        if ((*random >> 16) % 4 != 0) {
            uint64_t n = first + end - 1 - i;
            bool before = f->message[n % FT_FLIGHT_MOST].settled;

            CHECK_EQ(ft_flight_settle(f, n, true), !before);
            CHECK(!ft_flight_settle(f, n, true)); /* a second answer */
        }
    }
    ft_flight_rewind(f);
}

static void test_each_once(void)
{
    struct ft_sink sink;
    uint32_t random = 1;

    for (size_t most = 0; most <= 64; most += 64) {
        struct ft_flight *f = new_flight(&sink, most);

        for (int turn = 0; turn < 2; turn++) {
            ft_flight_begin(f, chunks, CHUNKS);
            while (!ft_flight_is_over(f)) {
                settle_some(f, &random);
            }
        }
        CHECK_EQ(sink.arrived.n[FT_EVENT_SAMPLE], 2 * CHUNKS * LINES / 2);
        CHECK_EQ(sink.arrived.n[FT_EVENT_FLOW], 2 * CHUNKS * LINES / 2);
        CHECK_EQ(sink.arrived.bytes, 2 * CHUNKS * LINES * LINE);
        CHECK_EQ(sink.lost.n[FT_EVENT_FLOW], 0);
        ft_mem_free(f);
    }
}

static void test_lost(void)
{
    struct ft_sink sink;
    struct ft_flight *f = new_flight(&sink, 0);
    uint64_t number;

    ft_flight_begin(f, chunks, CHUNKS);
    CHECK(ft_flight_next(f, &number) != NULL);
    CHECK(ft_flight_next(f, &number) != NULL);
    CHECK(ft_flight_settle(f, number, true));
    CHECK(ft_flight_next(f, &number) != NULL);
    CHECK(ft_flight_settle(f, number, false));
    ft_flight_lose(f);
    CHECK(ft_flight_is_over(f));
    CHECK_EQ(sink.arrived.n[FT_EVENT_SAMPLE], 1);
    CHECK_EQ(sink.lost.n[FT_EVENT_SAMPLE], CHUNKS * LINES / 2 - 1);
    CHECK_EQ(sink.lost.n[FT_EVENT_FLOW], CHUNKS * LINES / 2);
    CHECK(!ft_flight_settle(f, number, true));
    ft_mem_free(f);
}

/* Answers in the order of sending, of which some say no. */
static void test_in_order(void)
{
    struct ft_sink sink;
    struct ft_flight *f = new_flight(&sink, 0);
    uint64_t number, at = 0, sent = 0;

    ft_flight_begin(f, chunks, CHUNKS);
    while (sent < 10 && ft_flight_next(f, &number) != NULL) {
        sent++;
    }
    for (uint32_t i = 0; i < 10; i++) {
        at = ft_flight_oldest(f, at);
        CHECK_EQ(at, i);
        if (i % 3 == 0) {
            ft_flight_refused(f);
        } else {
            CHECK(ft_flight_settle(f, at, true));
        }
        at++;
    }
    CHECK_EQ(f->waiting, 0);
    ft_flight_rewind(f);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK(ft_flight_next(f, &number) != NULL);
        CHECK_EQ(number, 3 * i);
    }
    CHECK(ft_flight_next(f, &number) != NULL);
    CHECK_EQ(number, 10);
    ft_mem_free(f);
}

static void test_targets(void)
{
    static const struct {
        const char *text, *host, *port, *rest; /* host NULL: wrong */
    } rows[] = {
        {"//h/x", "h", "1", "x"},
        {"//h:22/x/y", "h", "22", "x/y"},
        {"//h", "h", "1", NULL},
        {"//h/", "h", "1", NULL},
        {"//[::1]:5/x", "::1", "5", "x"},
        {"//[::1]/x", "::1", "1", "x"},
        {"//[::1/x", NULL, NULL, NULL},
        {"//[::1]5/x", NULL, NULL, NULL},
        {"/h/x", NULL, NULL, NULL},
        {"///x", NULL, NULL, NULL},
        {"//u@h/x", NULL, NULL, NULL},
        {"//h:/x", NULL, NULL, NULL},
        {"//h:123456/x", NULL, NULL, NULL},
        {"//h:1a/x", NULL, NULL, NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ft_target t = {NULL, NULL, NULL};
        int rc = ft_target_split(rows[i].text, "1", &t);

        CHECK_EQ(rc, rows[i].host != NULL ? FT_OK : FT_E_USAGE);
        if (rc == FT_OK) {
            CHECK_STR(t.host, rows[i].host);
            CHECK_STR(t.port, rows[i].port);
            CHECK_EQ(t.rest != NULL, rows[i].rest != NULL);
            if (t.rest != NULL && rows[i].rest != NULL) {
                CHECK_STR(t.rest, rows[i].rest);
            }
            ft_mem_free(t.host);
        }
    }
}

int main(void)
{
    make_chunks();
    RUN(test_each_once);
    RUN(test_lost);
    RUN(test_in_order);
    RUN(test_targets);
    return test_end();
}
