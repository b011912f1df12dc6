/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: datagrams of sFlow: what several writers have seen of a source adds up, numbers
 * never go back, datagrams are no longer than they may be and of one kind of event. */
#include "output/sink/datagrams.h"

#include "base/mem.h"
#include "codec/export/sflow.h"
#include "codec/export/sflow_put.h"
#include "harness.h"

enum { CHUNK = 64 * 1024, SAMPLES = 400 };

static uint8_t known; /* of the sink: its address */

static uint8_t local(struct ft_sink *s, uint8_t out[16])
{
    (void)s;
    memcpy(out, "\xc0\0\2\1", 4);
    return known;
}

static int open_sink(const struct ft_output_url *url, const struct ft_output_env *env,
                     struct ft_sink **out, struct ft_err *err);

static const struct ft_sink_ops ops = {
    .name = "test", .datagrams = true, .local = local, .open = open_sink};
static struct ft_sink sink = {.ops = &ops};

static int open_sink(const struct ft_output_url *url, const struct ft_output_env *env,
                     struct ft_sink **out, struct ft_err *err)
{
    (void)url;
    (void)env;
    (void)err;
    *out = &sink;
    return FT_OK;
}

static uint64_t lost;

static uint64_t packets_lost(void *cookie)
{
    (void)cookie;
    return lost;
}

/* Rows as writers leave them. */
struct rows {
    uint8_t *data;
    struct ft_chunk c;
};

static void begin(struct rows *r)
{
    r->data = ft_map_alloc(CHUNK);
    r->c =
        (struct ft_chunk){.data = r->data, .behind = (struct ft_mark *)(void *)(r->data + CHUNK)};
}

static void end(struct rows *r)
{
    ft_map_free(r->data, CHUNK);
}

static void add_row(struct rows *r, const uint8_t *sample, size_t len, struct ft_sflow_row head)
{
    head.len = (uint32_t)(sizeof head + len);
    memcpy(r->data + r->c.len, &head, sizeof head);
    memcpy(r->data + r->c.len + sizeof head, sample, len);
    r->c.len += head.len;
    r->c.n++;
    r->c.behind[-(int64_t)r->c.n] = (struct ft_mark){
        .end = r->c.len, .count = 1, .event = head.rate > 0 ? FT_EVENT_SAMPLE : FT_EVENT_COUNTER};
}

static void add_flow(struct rows *r, struct ft_sflow_row head, uint32_t header)
{
    struct ft_sflow_put_flow f = {
        .source = head.source + 1, .rate = head.rate, .protocol = 1, .header_len = header};
    uint8_t sample[FT_SFLOW_PUT_FLOW_MOST + 256] = {0}, *to;

    add_row(r, sample, ft_sflow_put_flow(sample, &f, &to), head);
}

static void add_counters(struct rows *r, uint32_t source)
{
    struct ft_if_counters c = {.index = source + 1};
    uint8_t sample[FT_SFLOW_PUT_COUNTERS_MOST];

    add_row(r, sample, ft_sflow_put_counters(sample, &c), (struct ft_sflow_row){.source = source});
}

/* What came out. */
struct out {
    uint32_t n_datagrams, n, events, longest, agent_version, uptime_ms;
    bool mixed;
    struct ft_sflow_sample s[SAMPLES];
};

static void take_datagram(struct out *o, const uint8_t *p, uint32_t len, const struct ft_mark *m)
{
    struct ft_sflow_datagram d;
    uint32_t before = o->n;

    CHECK_EQ(ft_sflow_begin(p, len, &d), FT_OK);
    CHECK_EQ(d.sequence, o->n_datagrams);
    CHECK_EQ(d.sub_agent, 5);
    while (o->n < SAMPLES && ft_sflow_next(&d, &o->s[o->n]) == FT_OK) {
        o->mixed |= (o->s[o->n].kind == FT_SFLOW_FLOW) != (m->event == FT_EVENT_SAMPLE);
        o->n++;
    }
    CHECK_EQ(o->n - before, d.n_samples);
    CHECK_EQ(m->count, d.n_samples);
    o->n_datagrams++;
    o->events += m->count;
    o->longest = len > o->longest ? len : o->longest;
    o->agent_version = d.agent_version;
    o->uptime_ms = d.uptime_ms;
}

static void take(struct out *o, struct ft__datagrams *d, const struct ft_chunk *rows)
{
    struct ft_chunk c;

    ft__datagrams_of(d, rows);
    while (ft__datagrams_next(d, &c)) {
        uint32_t at = 0;

        for (uint32_t i = 0; i < c.n; i++) {
            take_datagram(o, c.data + at, ft_chunk_mark(&c, i)->end - at, ft_chunk_mark(&c, i));
            at = ft_chunk_mark(&c, i)->end;
        }
        CHECK_EQ(at, c.len);
    }
}

static struct ft__datagrams *open_with(struct ft_sflow_agent *a, char *mtu)
{
    static char key[] = "mtu", name[] = "sflow+udp://x:1";
    struct ft_output_url url = {.text = name, .n_params = mtu != NULL};
    struct ft_output_env env = {.sflow = a};
    struct ft__datagrams *d = NULL;
    struct ft_sink *opened;
    struct ft_err err;

    url.param[0].key = key;
    url.param[0].value = mtu;
    a->sub_agent = 5;
    CHECK_EQ(ft__datagrams_open(&ops, &url, &env, &opened, &d, &err), FT_OK);
    CHECK(ft__datagrams_memory(d) > 0);
    return d;
}

static void test_numbers_add_up(void)
{
    struct ft_sflow_agent a = {0};
    struct ft__datagrams *d = open_with(&a, NULL);
    struct out *o = ft_mem_alloc(1, sizeof *o);
    struct rows r;
    uint32_t sequence[2] = {0}, pool[2] = {0}, drops[2] = {0};

    known = 4;
    begin(&r);
    for (uint32_t i = 0; i < 100; i++) { /* of two sources, as several writers would */
        struct ft_sflow_row head = {
            .source = i % 2, .pool = 10 + i, .drops = i % 3, .rate = 10, .ts_ns = i * 1000000};

        add_flow(&r, head, 64);
    }
    take(o, d, &r.c);
    CHECK_EQ(o->n, 100);
    CHECK_EQ(o->events, 100);
    CHECK_EQ(o->agent_version, 4);
    CHECK_EQ(o->uptime_ms, 99);
    CHECK(o->longest <= FT_OUTPUT_MTU && o->longest > FT_OUTPUT_MTU - 136);
    for (uint32_t i = 0; i < 100; i++) {
        const struct ft_sflow_sample *s = &o->s[i];

        pool[i % 2] += 10 + i;
        drops[i % 2] += i % 3;
        CHECK_EQ(s->source_index, i % 2 + 1);
        CHECK_EQ(s->sequence, sequence[i % 2]++);
        CHECK_EQ(s->sample_pool, pool[i % 2]);
        CHECK_EQ(s->drops, drops[i % 2]);
    }
    ft__datagrams_close(d);
    ft_mem_free(o);
    end(&r);
}

/* Samples and counters have datagrams and numbers of their own. */
static void test_kinds(void)
{
    struct ft_sflow_agent a = {.version = 6, .address = {0x20, 1}};
    struct ft__datagrams *d = open_with(&a, NULL);
    struct out *o = ft_mem_alloc(1, sizeof *o);
    struct rows r;

    begin(&r);
    for (uint32_t i = 0; i < 5; i++) {
        add_flow(&r, (struct ft_sflow_row){.pool = 1, .rate = 1}, 20);
        add_counters(&r, 0);
    }
    take(o, d, &r.c);
    CHECK_EQ(o->n, 10);
    CHECK_EQ(o->n_datagrams, 10);
    CHECK(!o->mixed);
    CHECK_EQ(o->agent_version, 6); /* the socket's is not asked */
    for (uint32_t i = 0; i < 10; i++) {
        CHECK_EQ(o->s[i].sequence, i / 2);
    }
    CHECK_EQ(o->s[8].sample_pool, 5);
    ft__datagrams_close(d);
    ft_mem_free(o);
    end(&r);
}

static void test_small_datagrams(void)
{
    static char mtu[] = "512";
    struct ft_sflow_agent a = {0};
    struct ft__datagrams *d = open_with(&a, mtu);
    struct out *o = ft_mem_alloc(1, sizeof *o);
    struct rows r;

    known = 0;
    begin(&r);
    for (uint32_t i = 0; i < 200; i++) {
        add_flow(&r, (struct ft_sflow_row){.pool = 1, .rate = 1}, i % 200);
    }
    take(o, d, &r.c);
    CHECK_EQ(o->n, 200);
    CHECK(o->longest <= 512 && o->longest > 400);
    CHECK_EQ(o->agent_version, 0);
    known = 4; /* it is known from now on */
    r.c.len = r.c.n = 0;
    add_flow(&r, (struct ft_sflow_row){.pool = 1, .rate = 1}, 60);
    take(o, d, &r.c);
    CHECK_EQ(o->agent_version, 4);
    CHECK_EQ(o->s[200].sample_pool, 201);
    ft__datagrams_close(d);
    ft_mem_free(o);
    end(&r);
}

/* What the kernel dropped was in the pool, and of it one of rate was to be sampled. */
static void test_kernel_drops(void)
{
    struct ft_sflow_agent a = {.packets_lost = packets_lost};
    struct ft__datagrams *d = open_with(&a, NULL);
    struct out *o = ft_mem_alloc(1, sizeof *o);
    static const struct {
        uint64_t lost;
        uint32_t pool, drops;
    } steps[] = {{0, 10, 0}, {25, 45, 2}, {29, 59, 2}, {30, 70, 3}, {1030, 1080, 103}};
    struct rows r;

    begin(&r);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        lost = steps[i].lost;
        r.c.len = r.c.n = 0;
        add_flow(&r, (struct ft_sflow_row){.pool = 10, .rate = 10}, 60);
        take(o, d, &r.c);
        CHECK_EQ(o->s[i].sample_pool, steps[i].pool);
        CHECK_EQ(o->s[i].drops, steps[i].drops);
    }
    ft__datagrams_close(d);
    ft_mem_free(o);
    end(&r);
}

int main(void)
{
    RUN(test_numbers_add_up);
    RUN(test_kinds);
    RUN(test_small_datagrams);
    RUN(test_kernel_drops);
    return test_end();
}
