/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: messages of flow export: how long they are, what their headers say, the clock of
 * NetFlow's records, greetings. Each message is read back by the collector's own codec. */
#include <time.h>

#include "base/rd.h"
#include "codec/export/netflow.h"
#include "harness.h"
#include "output/sink/messages.h"

enum { ROWS_ROOM = 1 << 20, ROWS_MOST = 4096, MESSAGES_MOST = 8192, HEAD = 24 };

static struct ft_flow_template_list list;
static struct ft__messages *messages;
static struct ft_output_env env;
static uint8_t rows[ROWS_ROOM];
static struct ft_mark marks[ROWS_MOST];
static struct ft_chunk chunk;

/* What became of all chunks. */
static struct message {
    struct ft_nf_message m;
    uint32_t bytes, records, events;
} seen[MESSAGES_MOST];
static uint32_t n_seen;
static uint8_t kept[64 << 20];
static size_t n_kept;

/* Fields of a template: key[0] of four bytes, each an enterprise's. */
static size_t specify(const void *cookie, const uint64_t *key, uint8_t *out, uint16_t *out_n)
{
    (void)cookie;
    for (uint64_t i = 0; i < key[0]; i++) {
        memcpy(out + 8 * i, (const uint8_t[]){0x80, (uint8_t)i, 0, 4, 0, 0, 0x12, 0x67}, 8);
    }
    *out_n = (uint16_t)key[0];
    return 8 * key[0];
}

static void open_messages(enum ft_flow_version version, bool datagrams, bool by_clock,
                          const char *mtu)
{
    const struct ft_sink_ops ops = {.name = "test", .messages = true, .datagrams = datagrams};
    static char name[] = "test", key[] = "mtu";
    char value[16];
    struct ft_output_url url = {.text = name, .format = name};
    struct ft_err err = {0};

    if (mtu != NULL) {
        snprintf(value, sizeof value, "%s", mtu);
        url.param[0].key = key;
        url.param[0].value = value;
        url.n_params = 1;
    }
    memset(&list, 0, sizeof list);
    CHECK_EQ(ft_flow_templates_init(&list, version, 7, 2, 8 * 200), FT_OK);
    env =
        (struct ft_output_env){.templates = &list, .by_clock = by_clock, .chunk_most = sizeof rows};
    CHECK_EQ(ft__messages_open(&ops, &url, &env, &messages, &err), FT_OK);
    chunk = (struct ft_chunk){.data = rows, .behind = marks + ROWS_MOST};
    n_seen = 0;
    n_kept = 0;
}

static void close_messages(void)
{
    ft__messages_close(messages);
    ft_flow_templates_fini(&list);
}

/* A row of so many bytes of a record; the template is told apart by both numbers. */
static void add(uint32_t fields, uint64_t which, uint32_t len, uint32_t time_s, int64_t first_ms)
{
    uint64_t key[2] = {fields, which};
    struct ft_flow_head h = {
        .len = (uint16_t)(HEAD + len), .time_s = time_s, .first_ms = first_ms, .last_ms = first_ms};

    if (list.version != FT_FLOW_NETFLOW_5) {
        h.template = (uint16_t)ft_flow_templates_get(&list, key, 2, specify, NULL);
    }
    CHECK(chunk.len + HEAD + len <= sizeof rows && chunk.n < ROWS_MOST);
    memcpy(rows + chunk.len, &h, sizeof h);
    memset(rows + chunk.len + HEAD, 0xee, len);
    chunk.len += HEAD + len;
    chunk.behind[-1 - (int)chunk.n++] =
        (struct ft_mark){.end = chunk.len, .count = 1, .event = FT_EVENT_FLOW};
}

/* Reads what a chunk of messages has. */
static void see(const struct ft_chunk *c)
{
    for (uint32_t i = 0, at = 0; i < c->n; i++) {
        struct message *s = &seen[n_seen++];
        struct ft_nf_set set;

        *s = (struct message){.bytes = ft_chunk_mark(c, i)->end - at,
                              .events = ft_chunk_mark(c, i)->count};
        memcpy(kept + n_kept, c->data + at, s->bytes);
        CHECK_EQ(ft_nf_begin(list.version == FT_FLOW_IPFIX       ? ft_nf_begin_ipfix
                             : list.version == FT_FLOW_NETFLOW_9 ? ft_nf_begin_v9
                                                                 : ft_nf_begin_v5,
                             kept + n_kept, s->bytes, &s->m),
                 FT_V_DECODED);
        CHECK_EQ(s->m.len, s->bytes);
        if (list.version != FT_FLOW_NETFLOW_5) {
            struct ft_nf_message m = s->m;

            while (ft_nf_next_set(&m, &set) == FT_V_DECODED) {
                CHECK(!set.cut);
                s->records += set.id >= FT_NF_DATA_MIN;
            }
            CHECK(!m.grown);
        }
        at = ft_chunk_mark(c, i)->end;
        n_kept += s->bytes;
    }
}

static void make(void)
{
    struct ft_chunk c;

    ft__messages_of(messages, &chunk);
    while (ft__messages_next(messages, &c)) {
        see(&c);
    }
    chunk.len = chunk.n = 0;
}

/* Records of two templates in turns. */
static void fill(const char *mtu, uint32_t most, uint32_t len, uint32_t more)
{
    uint32_t longest = 0, events = 0;

    for (uint32_t i = 0; i < 200; i++) {
        add(2, i % 3 == 0, len + (i % 3 == 0 ? more : 0), 1700000000, 1699999999000);
    }
    make();
    for (uint32_t i = 0; i < n_seen; i++) {
        longest = seen[i].bytes > longest ? seen[i].bytes : longest;
        events += seen[i].events;
    }
    if (longest > most || longest + 2 * 60 < most) {
        fprintf(stderr, "mtu=%s, records of %u and %u: %u\n", mtu, len, len + more, longest);
        CHECK(false);
    }
    CHECK_EQ(events, 200);
}

/* Whatever the records' lengths are, and what is filled up with zeros: no message is longer than
 * mtu=. */
static void test_mtu(void)
{
    static const char *const mtus[] = {"512", "513", "514", "515"};

    for (uint32_t version = FT_FLOW_NETFLOW_9; version <= FT_FLOW_IPFIX; version++) {
        for (uint32_t i = 0; i < 4; i++) {
            for (uint32_t k = 0; k < 50 * 5; k++) {
                open_messages(version, true, false, mtus[i]);
                fill(mtus[i], 512 + i, 8 + k / 5, k % 5);
                close_messages();
            }
        }
    }
}

/* A record as long as they get, with a template that has no room beside it. */
static void test_longest(void)
{
    open_messages(FT_FLOW_IPFIX, false, false, NULL);
    add(126, 0, 65000 - HEAD, 1700000000, 0);
    add(126, 1, 65000 - HEAD, 1700000000, 0);
    make();
    CHECK(n_seen >= 2);
    uint32_t events = 0;

    for (uint32_t i = 0; i < n_seen; i++) {
        CHECK(seen[i].bytes <= UINT16_MAX);
        events += seen[i].events;
    }
    CHECK_EQ(events, 2);
    /* who has had the first message on another connection needs its templates on this one */
    struct ft_chunk hello;

    CHECK_EQ(seen[0].records, 0);
    env.greet(env.greet_cookie, seen[0].m.base, &hello);
    CHECK_EQ(hello.n, 0);
    env.greet(env.greet_cookie, seen[1].m.base, &hello);
    CHECK_EQ(seen[1].m.sequence, 0);
    CHECK_EQ(hello.n, 1);
    close_messages();
}

/* What fits mtu= without its template has it in a message before. */
static void test_template_apart(void)
{
    open_messages(FT_FLOW_IPFIX, true, false, "1400");
    add(100, 0, 900, 1700000000, 0);
    make();
    CHECK_EQ(n_seen, 2);
    CHECK(seen[0].bytes <= 1400 && seen[1].bytes <= 1400);
    CHECK_EQ(seen[0].records, 0);
    CHECK_EQ(seen[0].events, 0);
    CHECK_EQ(seen[1].events, 1);
    CHECK_EQ(seen[1].m.sequence, 0);
    close_messages();
}

/* An exporter whose clock is wrong does not set ours. */
static void test_clock_of_others(void)
{
    open_messages(FT_FLOW_IPFIX, true, true, NULL);
    add(2, 0, 8, UINT32_MAX - 5, 0);
    add(2, 0, 8, (uint32_t)time(NULL), 0);
    make();
    add(2, 0, 8, (uint32_t)time(NULL), 0);
    make();
    CHECK_EQ(n_seen, 2);
    for (uint32_t i = 0; i < n_seen; i++) {
        CHECK(seen[i].m.export_ns / 1000000000 - time(NULL) < 2);
    }
    close_messages();
}

/* When the first record of a message of v9 began, by its header and its clock, ms since 1970. */
static int64_t first_ms_of(const struct message *s)
{
    struct ft_nf_message m = s->m;
    struct ft_nf_set set;

    while (ft_nf_next_set(&m, &set) == FT_V_DECODED) {
        if (set.id >= FT_NF_DATA_MIN) {
            return m.export_ns / 1000000 - m.uptime_ms + ft_rd_u32(&set.body);
        }
    }
    return 0;
}

/* Captures that are read in any order. */
static void test_back_in_time(void)
{
    const int64_t day_s = 86400, when_s[] = {1700000000, 1700000000 - 60 * day_s,
                                             1700000000 + 300 * day_s, 1500000000};
    uint32_t k = 0;

    open_messages(FT_FLOW_NETFLOW_9, true, false, NULL);
    for (int i = 0; i < 4; i++) {
        add(2, 0, 16, (uint32_t)when_s[i], when_s[i] * 1000 - 777);
        make();
    }
    CHECK_EQ(n_seen, 4);
    for (k = 0; k < n_seen; k++) {
        CHECK_EQ(first_ms_of(&seen[k]), when_s[k] * 1000 - 777);
        CHECK_EQ(seen[k].m.sequence, k);
    }
    close_messages();
}

/* A greeting of several messages of v9 is numbered up to what comes next. */
static void test_greeting(void)
{
    struct ft_chunk hello, c;

    open_messages(FT_FLOW_NETFLOW_9, true, false, "512");
    for (uint32_t i = 0; i < 40; i++) {
        add(30, i, 300, 1700000000, 1699999999000);
    }
    make();
    uint32_t next = seen[n_seen - 1].m.sequence + 1, from = n_seen;

    add(30, 0, 300, 1700000000, 1699999999000);
    ft__messages_of(messages, &chunk);
    CHECK(ft__messages_next(messages, &c));
    env.greet(env.greet_cookie, c.data, &hello);
    see(&hello);
    CHECK(n_seen - from > 2);
    for (uint32_t i = from; i < n_seen; i++) {
        CHECK_EQ(seen[i].m.sequence, next - (n_seen - i));
        CHECK(seen[i].bytes <= 512);
    }
    close_messages();
}

/* ---- by source ---- */

/* Options data comes with the first records, and has their time: before them there is none. */
static void test_options_time(enum ft_flow_version version)
{
    static const uint8_t v9[] = {5, 1, 0, 4, 0, 4, 0, 1, 0, 4, 0, 34, 0, 4};
    static const uint8_t ipfix[] = {5, 1, 0, 2, 0, 1, 0, 149, 0, 4, 0, 34, 0, 4};
    static const uint8_t record[8] = {0, 0, 0, 7, 0, 0, 0, 10};
    int64_t next_ms = -1;
    struct ft_chunk c;

    open_messages(version, true, false, NULL);
    CHECK_EQ(ft_flow_options_init(&list.options, 1), FT_OK);
    ft_flow_options_template(&list.options, FT_FLOW_OPTION_SAMPLING,
                             version == FT_FLOW_NETFLOW_9 ? v9 : ipfix, sizeof v9);
    ft_flow_options_add(&list.options, FT_FLOW_OPTION_SAMPLING, record, sizeof record);
    ft__messages_due(messages, &next_ms);
    CHECK(!ft__messages_next(messages, &c));
    add(2, 0, 8, 1700000000, 1699999999000);
    make();
    CHECK_EQ(n_seen, 2);
    for (uint32_t i = 0; i < n_seen; i++) {
        CHECK_EQ(seen[i].m.export_ns, INT64_C(1700000000) * 1000000000);
        CHECK_EQ(seen[i].m.sequence, i);
        CHECK_EQ(seen[i].m.uptime_ms, seen[1].m.uptime_ms);
    }
    CHECK_EQ(seen[0].events, 0);
    close_messages();
}

static void test_options_v9(void)
{
    test_options_time(FT_FLOW_NETFLOW_9);
}

static void test_options_ipfix(void)
{
    test_options_time(FT_FLOW_IPFIX);
}

static bool sends_as(struct ft_sink *s, const struct ft_flow_source *from)
{
    (void)s;
    return from->ip_version == 4;
}

static const struct ft_sink_ops spoof_ops = {
    .name = "test", .messages = true, .datagrams = true, .sends_as = sends_as};
static struct ft_sink spoof_sink = {.ops = &spoof_ops};

static void open_sources(enum ft_flow_version version, const char *mtu)
{
    open_messages(version, true, false, mtu);
    ft__messages_close(messages); /* again, with a list that says so */
    list.sources = list.relayed = true;
    char name[] = "test", key[] = "mtu", value[16];
    struct ft_output_url url = {.text = name, .format = name, .n_params = 1};

    snprintf(value, sizeof value, "%s", mtu);
    url.param[0].key = key;
    url.param[0].value = value;
    CHECK_EQ(ft__messages_open(&spoof_ops, &url, &env, &messages, &(struct ft_err){0}), FT_OK);
    ft__messages_sink(messages, &spoof_sink);
}

/* The row behind which somebody's address stands. */
static void add_of(uint8_t version, uint32_t who, uint64_t which, uint32_t len, uint32_t time_s)
{
    struct ft_flow_source from = {version,
                                  {10, (uint8_t)(who >> 16), (uint8_t)(who >> 8), (uint8_t)who}};

    add(1, which, len + sizeof from, time_s, time_s * INT64_C(1000) - 1000);
    memcpy(rows + chunk.len - sizeof from, &from, sizeof from);
}

/* Of whom each message is, and the message itself, which see() reads. */
static struct ft_flow_source from_of[MESSAGES_MOST];

static void make_of(void)
{
    struct ft_chunk c;

    ft__messages_of(messages, &chunk);
    while (ft__messages_next(messages, &c)) {
        for (uint32_t i = 0, at = 0; i < c.n; i++) {
            uint32_t end = ft_chunk_mark(&c, i)->end;
            struct ft_mark one[1] = {*ft_chunk_mark(&c, i)};

            memcpy(&from_of[n_seen], c.data + at, sizeof from_of[0]);
            at += (uint32_t)sizeof from_of[0];
            one[0].end = end - at;
            see(&(struct ft_chunk){
                .data = c.data + at, .len = end - at, .n = 1, .behind = one + 1});
            at = end;
        }
    }
    chunk.len = chunk.n = 0;
}

/* Each message is of one source, which has its own numbers from 0, clock and templates; those that
 * cannot be sent as who they are share one. */
static void test_sources(enum ft_flow_version version)
{
    enum { N = 5, ROUNDS = 40 };
    uint64_t next[N] = {0};
    uint32_t records[N] = {0}, first_templates = 0;

    open_sources(version, "512");
    for (uint32_t i = 0; i < ROUNDS * N; i++) {
        for (uint32_t k = 0; k <= i % 3; k++) {
            add_of(i % N < 3 ? 4 : 6, i % N, 0, version == FT_FLOW_NETFLOW_5 ? 48 : 24, 1700000000);
        }
        if (i % 50 == 49) {
            make_of();
        }
    }
    CHECK(n_seen >= ROUNDS * 4);
    for (uint32_t i = 0; i < n_seen; i++) {
        const struct ft_flow_source *s = &from_of[i];
        uint32_t who = s->ip_version == 4 ? s->addr[3] : 3;

        CHECK(s->ip_version == 4 ? s->addr[0] == 10 && who < 3
                                 : s->ip_version == 0 && s->addr[0] == 0);
        CHECK(seen[i].bytes <= 512);
        CHECK_EQ(seen[i].m.sequence, next[who]);
        next[who] += version == FT_FLOW_NETFLOW_9 ? 1 : seen[i].events;
        records[who] += seen[i].events;
        first_templates += version != FT_FLOW_NETFLOW_5 && seen[i].m.sequence == 0;
    }
    CHECK_EQ(records[0] + records[1] + records[2] + records[3],
             ROUNDS * N / 3 * 6 + (ROUNDS * N % 3 > 0) + 2 * (ROUNDS * N % 3 > 1));
    CHECK_EQ(first_templates, version == FT_FLOW_NETFLOW_5 ? 0 : 4);
    close_messages();
}

static void test_sources_ipfix(void)
{
    test_sources(FT_FLOW_IPFIX);
}

static void test_sources_v9(void)
{
    test_sources(FT_FLOW_NETFLOW_9);
}

static void test_sources_v5(void)
{
    test_sources(FT_FLOW_NETFLOW_5);
}

/* More sources than are remembered: what is forgotten begins at 0, with its template. */
static void test_sources_forgotten(void)
{
    enum { MANY = 1025 };

    open_sources(FT_FLOW_IPFIX, "1400");
    for (uint32_t i = 0; i < MANY; i++) {
        add_of(4, i, 0, 4, 1700000000);
    }
    add_of(4, 2, 0, 4, 1700000000); /* known still */
    add_of(4, 0, 0, 4, 1700000000); /* forgotten */
    make_of();
    CHECK_EQ(n_seen, MANY + 2);
    for (uint32_t i = 0; i < MANY; i++) {
        CHECK_EQ(seen[i].m.sequence, 0);
        CHECK_EQ(seen[i].bytes, seen[0].bytes);
    }
    CHECK_EQ(seen[MANY].m.sequence, 1);
    CHECK(seen[MANY].bytes < seen[0].bytes);
    CHECK_EQ(seen[MANY + 1].m.sequence, 0);
    CHECK_EQ(seen[MANY + 1].bytes, seen[0].bytes);
    CHECK_EQ(from_of[MANY + 1].addr[3], 0);
    close_messages();
}

int main(void)
{
    RUN(test_mtu);
    RUN(test_longest);
    RUN(test_template_apart);
    RUN(test_clock_of_others);
    RUN(test_back_in_time);
    RUN(test_greeting);
    RUN(test_options_v9);
    RUN(test_options_ipfix);
    RUN(test_sources_ipfix);
    RUN(test_sources_v9);
    RUN(test_sources_v5);
    RUN(test_sources_forgotten);
    return test_end();
}
