/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/stream: the window against a model that keeps everything, in random sequences: chunks
 * are put, bytes sent in pieces, connections break and what is not acknowledged is sent again from
 * the first event that is not; acknowledgements end within events. */
#include <string.h>

#include "harness.h"
#include "output/sink/stream/window.h"

enum {
    CHUNK_MOST = 1024,
    SEQUENCES = 4000,
    STEPS = 400,
    BYTES_MOST = STEPS * CHUNK_MOST,
    EVENTS_MOST = BYTES_MOST / 2
};

/* All that was ever put; offsets are the stream's. */
static struct {
    uint8_t byte[BYTES_MOST];
    uint64_t end;
    uint64_t event_end[EVENTS_MOST]; /* where each ends, and of which kind it is */
    uint8_t event[EVENTS_MOST];
    uint32_t n_events;
    uint64_t frame_begin[STEPS]; /* of chunks */
    uint32_t n_frames;
    uint64_t done, sent;
    struct ft_tally arrived;
} model;

static uint32_t state;

static uint32_t below(uint32_t n)
{
    state = state * 1664525 + 1013904223;
    return (uint32_t)(((uint64_t)state * n) >> 32);
}

/* A chunk of 1 to 20 events of some kinds, one or several to a mark, its lines ended by newlines.
 */
static struct ft_chunk random_chunk(uint8_t *data, struct ft_mark *marks, uint32_t most)
{
    static const enum ft_event kinds[] = {FT_EVENT_SAMPLE, FT_EVENT_FLOW, FT_EVENT_STATS};
    struct ft_chunk c = {.data = data, .behind = marks + 20, .lines = true};
    uint32_t n = 1 + below(20);

    for (uint32_t i = 0; i < n && c.len + 2 <= most; i++) {
        uint32_t room = most - c.len, len = 2 + below(room < 200 ? room - 1 : 199);
        enum ft_event kind = kinds[below(3)];
        struct ft_mark *last = c.n > 0 ? &c.behind[-(int)c.n] : NULL;

        for (uint32_t k = 0; k + 1 < len; k++) {
            data[c.len + k] = (uint8_t)('a' + below(26));
        }
        c.len += len;
        data[c.len - 1] = '\n';
        if (last == NULL || last->event != kind || below(3) == 0) {
            last = &c.behind[-1 - (int)c.n++];
            *last = (struct ft_mark){.event = kind};
        }
        last->end = c.len;
        last->count++;
    }
    return c;
}

/* The model's word on a chunk: its lines, each of the kind of the mark that it lies before. */
static void note(const struct ft_chunk *c)
{
    uint32_t mark = 0;

    model.frame_begin[model.n_frames++] = model.end;
    memcpy(model.byte + model.end, c->data, c->len);
    for (uint32_t i = 0; i < c->len; i++) {
        mark += i == ft_chunk_mark(c, mark)->end;
        if (c->data[i] == '\n') {
            model.event_end[model.n_events] = model.end + i + 1;
            model.event[model.n_events++] = (uint8_t)ft_chunk_mark(c, mark)->event;
        }
    }
    model.end += c->len;
}

static void put(struct ft__window *w)
{
    _Alignas(8) uint8_t data[CHUNK_MOST];
    struct ft_mark marks[20];
    /* with its marks, padded, it is not more than the largest chunk is */
    struct ft_chunk c = random_chunk(data, marks, 1 + below(4) == 1 ? 40 : CHUNK_MOST - 328);

    if (!ft__window_fits(w, &c)) {
        CHECK(w->n > 0); /* an empty one takes every chunk */
        return;
    }
    ft__window_put(w, &c);
    note(&c);
    memset(data, '!', sizeof data); /* it has its own */
    memset(marks, 0xff, sizeof marks);
}

/* A piece of what is behind sent, as long as the window has it together, or less. */
static void send_piece(const struct ft__window *w)
{
    size_t len = 0;
    const uint8_t *p = ft__window_from(w, model.sent, &len);

    CHECK((p == NULL) == (model.sent == model.end));
    if (p != NULL) {
        uint64_t next = model.end;

        for (uint32_t i = 0; i < model.n_frames; i++) {
            if (model.frame_begin[i] > model.sent && model.frame_begin[i] < next) {
                next = model.frame_begin[i];
            }
        }
        CHECK_EQ(len, next - model.sent);
        CHECK(memcmp(p, model.byte + model.sent, len) == 0);
        model.sent += below(3) == 0 ? len : below((uint32_t)len + 1);
    }
}

/* Everything before offset is acknowledged, once more or less of it than before, too. */
static void acknowledge(struct ft__window *w, uint64_t offset)
{
    struct ft_tally t = {{0}, 0}, want = {{0}, 0};
    uint64_t done = model.done;

    for (uint32_t i = 0; i < model.n_events && model.event_end[i] <= offset; i++) {
        if (model.event_end[i] > model.done) {
            want.n[model.event[i]]++;
            done = model.event_end[i];
        }
    }
    want.bytes = done - model.done;
    CHECK_EQ(ft__window_done(w, model.done, offset, &t), done);
    CHECK(memcmp(&t, &want, sizeof t) == 0);
    model.done = done;
    ft_tally_move(&model.arrived, &t);
}

static void check_held(const struct ft__window *w)
{
    CHECK_EQ(w->end, model.end);
    CHECK((w->n == 0) == (model.done == model.end));
}

static void test_model(void)
{
    struct ft__window w;

    CHECK_EQ(ft__window_open(&w, CHUNK_MOST), FT_OK);
    for (uint32_t seed = 1; seed <= SEQUENCES; seed++) {
        struct ft_tally all = {{0}, 0}, lost = {{0}, 0};
        uint32_t steps = 20 + seed % (STEPS - 20);

        w.head = w.n = w.at = 0;
        w.end = 0;
        memset(&model, 0, sizeof model);
        state = seed * 2654435761u;
        for (uint32_t i = 0; i < steps; i++) {
            switch (below(8)) {
            case 0:
            case 1:
            case 2:
                put(&w);
                break;
            case 3:
            case 4:
                send_piece(&w);
                break;
            case 5:
            case 6: /* a part of what was sent, seldom all */
                acknowledge(&w, model.done + below((uint32_t)(model.sent - model.done) + 1));
                break;
            default: /* the connection broke: again from the first that is not acknowledged */
                acknowledge(&w, below(2) == 0 ? model.sent : model.done);
                model.sent = model.done;
                break;
            }
            check_held(&w);
        }
        ft__window_lose(&w, model.done, &lost);
        ft_tally_move(&model.arrived, &lost);
        for (uint32_t i = 0; i < model.n_events; i++) {
            all.n[model.event[i]]++;
        }
        all.bytes = model.end;
        CHECK(memcmp(&all, &model.arrived, sizeof all) == 0); /* each in one of the two, once */
        CHECK_EQ(w.n, 0);
    }
    ft__window_close(&w);
}

/* As many chunks as it has places for, and one more; acknowledged one by one, twice around. */
static void test_places(void)
{
    struct ft__window w;
    struct ft_mark mark = {.end = 2, .count = 1, .event = FT_EVENT_FLOW};
    uint8_t data[8] = "x\n";
    struct ft_chunk c = {.data = data, .len = 2, .n = 1, .behind = &mark + 1, .lines = true};
    uint64_t done = 0;

    CHECK_EQ(ft__window_open(&w, CHUNK_MOST), FT_OK);
    for (uint32_t i = 0; i < FT_WINDOW_FRAMES; i++) {
        CHECK(ft__window_fits(&w, &c));
        ft__window_put(&w, &c);
    }
    CHECK(!ft__window_fits(&w, &c));
    for (uint32_t i = 0; i < 2 * FT_WINDOW_FRAMES; i++) {
        struct ft_tally t = {{0}, 0};

        CHECK_EQ(ft__window_done(&w, done, done + 1, &t), done); /* half an event */
        done = ft__window_done(&w, done, done + 2, &t);
        CHECK_EQ(done, 2 * (uint64_t)(i + 1));
        CHECK_EQ(t.n[FT_EVENT_FLOW], 1);
        CHECK(ft__window_fits(&w, &c));
        ft__window_put(&w, &c);
        CHECK(!ft__window_fits(&w, &c));
    }
    ft__window_close(&w);
}

int main(void)
{
    RUN(test_model);
    RUN(test_places);
    return test_end();
}
