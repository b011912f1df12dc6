/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline/samples: every Nth of each source is taken, however the packets come in batches; pool
 * and drops of all rows, and what is still held, are what there was; what cannot be sent is
 * counted. */
#include "pipeline/samples.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness.h"

enum { LANES = 2, MOST = 20000, FRAME = 60 };

/* A sink that keeps the heads of rows; or blocks. */
struct memory {
    struct ft_sink sink;
    _Atomic bool blocked;
    struct ft_sflow_row row[MOST];
    uint32_t n;
};

static int memory_write(struct ft_sink *s, const struct ft_chunk *chunks, uint32_t *n)
{
    struct memory *m = (struct memory *)(void *)s;

    while (atomic_load(&m->blocked)) {
        usleep(1000);
    }
    for (uint32_t i = 0; i < *n; i++) {
        for (uint32_t at = 0; at < chunks[i].len && m->n < MOST; at += m->row[m->n++].len) {
            memcpy(&m->row[m->n], chunks[i].data + at, sizeof m->row[0]);
        }
        ft_tally_chunk(&s->arrived, &chunks[i], 0, chunks[i].len);
    }
    return FT_OK;
}

static int memory_close(struct ft_sink *s)
{
    (void)s;
    return FT_OK;
}

static const struct ft_sink_ops ops = {
    .name = "memory", .write = memory_write, .close = memory_close};

struct setup {
    struct memory m;
    struct ft_output *o;
    struct ft_sampler *s;
    size_t size;
    struct ft_output_stats stats;
};

static struct setup *begin(uint32_t n_sources, bool blocked)
{
    static char text[] = "sflow+memory:x", key[] = "queue", value[] = "64KB";
    struct ft_output_url url = {.text = text, .n_params = 1};
    struct setup *t = ft_mem_alloc(1, sizeof *t);
    struct ft_output_config cfg = {.n_writers = LANES,
                                   .sink = &ops,
                                   .sink_instance = &t->m.sink,
                                   .overflow = blocked ? FT_OVERFLOW_DROP : FT_OVERFLOW_BLOCK,
                                   .binary = true};
    struct ft_output_env env = {0};
    struct ft_err err;

    url.param[0].key = key;
    url.param[0].value = value;
    t->size = sizeof *t->s + LANES * sizeof t->s->lane[0];
    t->s = ft_map_alloc(t->size);
    t->s->n_sources = n_sources;
    t->s->header = 128;
    t->s->n_lanes = LANES;
    t->s->name = text;
    cfg.event_most = ft_sampler_row_most(t->s);
    t->m.sink.ops = &ops;
    atomic_store(&t->m.blocked, blocked);
    CHECK_EQ(ft_output_open(&url, &cfg, &env, &t->o, &err), FT_OK);
    CHECK_EQ(ft_output_start(t->o), FT_OK);
    return t;
}

static void end(struct setup *t)
{
    for (uint32_t i = 0; i < LANES; i++) {
        ft_writer_flush(ft_output_writer(t->o, i));
    }
    atomic_store(&t->m.blocked, false);
    struct ft_output_drain d = {0};

    while (!ft_output_drain_step(t->o, &d, 5000)) {
    }
    CHECK_EQ(ft_output_close(t->o), FT_OK);
    ft_output_get_stats(t->o, &t->stats);
}

static void finish(struct setup *t)
{
    ft_output_free(t->o);
    ft_map_free(t->s, t->size);
    ft_mem_free(t);
}

static struct ft_view view(uint32_t i, uint16_t iface, uint16_t flags)
{
    static const uint8_t frame[FRAME];

    return (struct ft_view){.data = frame,
                            .caplen = FRAME,
                            .len = FRAME,
                            .linktype = FT_LINK_ETHERNET,
                            .ts_ns = i,
                            .flags = flags,
                            .iface = iface};
}

/* n packets to a lane in batches of many sizes; of sources by turns, each k-th left out. */
static void feed(struct setup *t, uint32_t lane, uint32_t n, uint32_t every, uint32_t left_out)
{
    struct ft_view v[64];
    uint32_t at = 0, len;

    for (uint32_t round = 0; at < n; at += len, round++) {
        len = 1 + round * 7 % 64;
        len = len < n - at ? len : n - at;
        for (uint32_t i = 0; i < len; i++) {
            bool out = left_out > 0 && (at + i) % left_out == 0;

            v[i] = view(at + i, (uint16_t)((at + i) % 3), out ? FT_VIEW_FILTERED : 0);
        }
        ft_sampler_packets(t->s, &t->s->lane[lane], ft_output_writer(t->o, lane), v, len, every);
    }
}

/* Sum over rows and lanes; pool when drops is not asked for. */
static uint64_t sum(const struct setup *t, uint32_t source, bool drops)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < t->m.n; i++) {
        if (t->m.row[i].source == source) {
            sum += drops ? t->m.row[i].drops : t->m.row[i].pool;
        }
    }
    for (uint32_t i = 0; i < LANES; i++) {
        const struct ft_sampled_source *at = &t->s->lane[i].source[source];

        sum += drops ? at->drops : at->pool;
    }
    return sum;
}

static void test_every_nth(void)
{
    static const uint32_t rates[] = {1, 2, 7, 64, 65, 1000, UINT32_MAX};

    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct setup *t = begin(1, false);
        uint32_t want = 0;

        feed(t, 0, 9001, rates[i], 0);
        end(t);
        for (uint64_t at = 0; at < 9001; at += rates[i], want++) {
            CHECK_EQ(t->m.row[want].ts_ns, at);
            CHECK_EQ(t->m.row[want].pool, at == 0 ? 1 : rates[i]);
            CHECK_EQ(t->m.row[want].rate, rates[i]);
        }
        CHECK_EQ(t->m.n, want);
        CHECK_EQ(sum(t, 0, false), 9001);
        CHECK_EQ(t->stats.made[FT_EVENT_SAMPLE], want);
        CHECK_EQ(t->stats.written[FT_EVENT_SAMPLE], want);
        finish(t);
    }
}

/* What a filter left out is in no pool, with one source and with several. */
static void test_sources(void)
{
    for (uint32_t n_sources = 1; n_sources <= 3; n_sources += 2) {
        struct setup *t = begin(n_sources, false);
        uint64_t all = 0;

        feed(t, 0, 6000, 10, 4);
        feed(t, 1, 3000, 10, 0);
        end(t);
        for (uint32_t i = 0; i < n_sources; i++) {
            uint64_t pool = sum(t, i, false);

            CHECK_EQ(pool, (4500 + 3000) / n_sources);
            all += (pool / 2 + 9) / 10; /* of each lane about so many: the first, and each 10th */
        }
        CHECK(t->m.n >= all && t->m.n <= 760);
        CHECK_EQ(t->stats.written[FT_EVENT_SAMPLE], t->m.n);
        finish(t);
    }
}

/* --sample may change at any time. */
static void test_another_rate(void)
{
    struct setup *t = begin(1, false);

    feed(t, 0, 10, 1000, 0); /* the first is taken */
    feed(t, 0, 10, 5, 0);    /* at once again, and one more */
    feed(t, 0, 10, 1, 0);
    end(t);
    CHECK_EQ(t->m.n, 1 + 2 + 10);
    CHECK_EQ(t->m.row[1].pool, 10);
    CHECK_EQ(sum(t, 0, false), 30);
    finish(t);
}

static void test_full_queue(void)
{
    struct setup *t = begin(3, true);

    feed(t, 0, 9000, 1, 0);
    feed(t, 1, 300, 1, 0);
    end(t);
    uint64_t dropped = t->stats.dropped[FT_EVENT_SAMPLE];

    CHECK(dropped > 0);
    CHECK_EQ(t->stats.made[FT_EVENT_SAMPLE], 9300);
    CHECK_EQ(t->stats.written[FT_EVENT_SAMPLE] + dropped, 9300);
    CHECK_EQ(t->m.n, t->stats.written[FT_EVENT_SAMPLE]);
    CHECK_EQ(sum(t, 0, true) + sum(t, 1, true) + sum(t, 2, true), dropped);
    CHECK_EQ(sum(t, 0, false), 3100);
    CHECK_EQ(sum(t, 2, false), 3100);
    finish(t);
}

static void test_unfit(void)
{
    struct setup *t = begin(1, false);
    struct ft_view v[10];

    for (uint32_t i = 0; i < 10; i++) {
        v[i] = view(i, 0, 0);
        v[i].linktype = i % 2 == 0 ? FT_LINK_RADIOTAP : FT_LINK_ETHERNET;
    }
    ft_sampler_packets(t->s, &t->s->lane[0], ft_output_writer(t->o, 0), v, 10, 1);
    end(t);
    CHECK_EQ(t->stats.unfit[FT_UNFIT_LINK], 5);
    CHECK_EQ(t->stats.made[FT_EVENT_SAMPLE], 5);
    CHECK_EQ(t->m.n, 5);
    CHECK_EQ(sum(t, 0, false), 10);
    finish(t);
}

int main(void)
{
    RUN(test_every_nth);
    RUN(test_sources);
    RUN(test_another_rate);
    RUN(test_full_queue);
    RUN(test_unfit);
    return test_end();
}
