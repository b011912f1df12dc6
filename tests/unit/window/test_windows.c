/* SPDX-License-Identifier: Apache-2.0 */
/* Packets by hand through workers and table: correct/windows.py looks at values. */
#include "model/failed.h"
#include "window/window.h"

#include "harness.h"

static const int64_t s = 1000000000;

enum { ENTRIES = 4096, ROWS = 65536 };

struct rows {
    struct ft_window_row row[ROWS];
    uint32_t n;
};
static struct rows got;

static void keep(void *cookie, const struct ft_window_row *row)
{
    struct rows *r = cookie;

    CHECK(r->n < ROWS);
    r->row[r->n++] = *row;
}

static struct ft_windows *table(uint32_t workers, uint32_t max_hosts, const char *spans)
{
    struct ft_windows_config cfg = {
        .max_hosts = max_hosts, .n_workers = workers, .step_ns = 30 * s};
    struct ft_windows *t = NULL;

    for (const char *p = spans; *p != '\0'; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ',')) {
        cfg.span_s[cfg.n_spans++] = (uint32_t)atoi(p);
    }
    ft_hash_seed_fixed(&cfg.seed, 1);
    CHECK_EQ(ft_windows_new(&cfg, &t), FT_OK);
    got.n = 0;
    return t;
}

static struct ft_window_worker *worker(struct ft_windows *t, uint32_t i)
{
    struct ft_window_worker *w = NULL;

    CHECK_EQ(ft_window_worker_new(t, i, ENTRIES, &w), FT_OK);
    return w;
}

/* A UDP packet of host `from` to host 1, which is entry `from` of its flow table. */
static void packet(struct ft_window_worker *w, uint32_t from, int64_t ts, bool first)
{
    struct ft_packet p = {.ts_ns = ts, .frame_len = 100, .key.proto = 17, .key.port = {53, 1000}};
    struct ft_counted at = {.entry = from % ENTRIES,
                            .other_ns = INT64_MIN,
                            .bits = (uint8_t)(first ? FT_AT_NEW | FT_AT_FIRST : 0)};

    p.key.addr[0] = 1; /* lo: the responder */
    p.key.addr[1] = from;
    p.swap = 1;
    ft_window_packets(w, &p, &at, 1);
}

static uint64_t sent(uint32_t span_s)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < got.n; i++) {
        n += got.row[i].entity == FT_ENTITY_HOST && got.row[i].span_s == span_s
                 ? got.row[i].packets[FT_WINDOW_OUT]
                 : 0;
    }
    return n;
}

/* Rows come when the window is over, and only when every worker has passed it. */
static void test_when_rows_come(void)
{
    struct ft_windows *t = table(2, 100, "1,2");
    struct ft_window_worker *a = worker(t, 0), *b = worker(t, 1);
    struct ft_window_clock later = {.now_ns = 100 * s};

    packet(a, 2, 10 * s, true);
    ft_window_turn(a, 8 * s, keep, &got);
    CHECK_EQ(got.n, 0);
    ft_window_advance(a, &later);
    ft_window_turn(a, 98 * s, keep, &got);
    CHECK_EQ(got.n, 0); /* b may still have packets of then */
    packet(b, 3, 10 * s, true);
    ft_window_advance(b, &later);
    ft_window_turn(b, 50 * s, keep, &got); /* its flows end before as well */
    ft_window_turn(a, 98 * s, keep, &got);
    CHECK_EQ(got.n, 2 * (2 + 1 + 3)); /* pairs, service, hosts; both spans */
    CHECK_EQ(got.row[0].start_ns, 10 * s);
    CHECK_EQ(got.row[0].entity, FT_ENTITY_PAIR);
    CHECK_EQ(got.row[5].entity, FT_ENTITY_HOST);
    CHECK_EQ(got.row[6].span_s, 2);
    packet(a, 2, 95 * s, false);
    ft_window_turn(a, 98 * s, keep, &got);
    ft_window_finish(b, keep, &got);
    ft_window_finish(a, keep, &got);
    struct ft_windows_stats stats;

    ft_windows_get_stats(t, &stats);
    CHECK_EQ(stats.late, 1);
    CHECK_EQ(stats.rows, got.n);
    CHECK_EQ(sent(1), 2);
    CHECK_EQ(sent(2), 2);
    ft_window_worker_free(a);
    ft_window_worker_free(b);
    ft_windows_free(t);
}

/* Entries that go to and fro between windows, and are other flows' by and by. */
static void test_entries_and_windows(void)
{
    struct ft_windows *t = table(1, 5000, "1,10");
    struct ft_window_worker *w = worker(t, 0);
    struct ft_flow_record over = {.proto = 17, .packets = {1, 0}, .dst = {1}, .ip_version = 4};
    uint64_t n = 0;

    for (int64_t i = 0; i < 20000; i++) {
        int64_t ts = 100 * s + i * s / 500 - (i % 3) * (s - s / 10);
        uint32_t from = 2 + (uint32_t)(i * 7 % 97);

        packet(w, from, ts, i < 97 || i % 11 == 0);
        n++;
        if (i % 11 == 10) {
            ft_window_ended(w, 2 + (uint32_t)((i + 1) * 7 % 97), &over, ts);
        }
        if (i % 64 == 0) {
            ft_window_turn(w, ft_window_now(w).now_ns - 2 * s, keep, &got);
        }
    }
    ft_window_finish(w, keep, &got);
    CHECK_EQ(sent(1), n);
    CHECK_EQ(sent(10), n);
    for (uint32_t i = 1; i < got.n; i++) { /* windows, kinds and addresses in order */
        const struct ft_window_row *a = &got.row[i - 1], *b = &got.row[i];

        CHECK(a->span_s != b->span_s || a->start_ns <= b->start_ns);
        CHECK(a->span_s != b->span_s || a->start_ns < b->start_ns || a->entity < b->entity ||
              memcmp(a->address, b->address, 16) < 0 || a->entity == FT_ENTITY_PAIR);
    }
    ft_window_worker_free(w);
    ft_windows_free(t);
}

/* Any clock: bounded, and nothing is lost without being counted. */
static void test_wild_clocks(void)
{
    uint64_t x = 88172645463325252ull;
    struct ft_windows *t = table(1, 64, "1,60");
    struct ft_window_worker *w = worker(t, 0);
    struct ft_windows_stats stats;

    for (uint32_t i = 0; i < 3000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        int64_t ts = i % 5 == 0   ? (int64_t)x
                     : i % 5 == 1 ? INT64_MAX - (int64_t)(x >> 60)
                     : i % 5 == 2 ? -INT64_MAX + (int64_t)(x >> 60)
                                  : (int64_t)i * s;
        packet(w, 2 + i, ts, true);
        ft_window_turn(w, INT64_MAX, keep, &got);
    }
    ft_window_finish(w, keep, &got);
    ft_windows_get_stats(t, &stats);
    CHECK_EQ(sent(1) + stats.late + stats.untracked, 3000);
    CHECK(stats.steps > 100);
    ft_window_worker_free(w);
    ft_windows_free(t);
}

static void test_failed_flows(void)
{
    struct ft_flow_record r = {.proto = 6, .ip_version = 4, .dst = {10, 0, 0, 1}};

    CHECK(!ft_flow_failed(&r)); /* it did not begin with a SYN */
    r.tcp_flags[0] = FT_TCP_SYN;
    CHECK(ft_flow_failed(&r)); /* S0 */
    r.packets[1] = 1;
    CHECK(!ft_flow_failed(&r));
    r.tcp_flags[1] = FT_TCP_RST;
    CHECK(ft_flow_failed(&r)); /* REJ */
    r.tcp_flags[1] = FT_TCP_SYN | FT_TCP_ACK;
    r.tcp_flags[0] |= FT_TCP_RST;
    CHECK(ft_flow_failed(&r)); /* RSTO without data */
    r.payload_bytes[0] = 1;
    CHECK(!ft_flow_failed(&r));
    r = (struct ft_flow_record){.proto = 17, .ip_version = 4, .dst = {10, 0, 0, 1}};
    CHECK(ft_flow_failed(&r));
    r.dst[0] = 239;
    CHECK(!ft_flow_failed(&r)); /* a group does not answer */
    memset(r.dst, 255, 4);
    CHECK(!ft_flow_failed(&r));
    r.ip_version = 6;
    CHECK(!ft_flow_failed(&r));
    r.dst[0] = 0x20;
    CHECK(ft_flow_failed(&r));
    r.packets[1] = 1;
    CHECK(!ft_flow_failed(&r));
    r = (struct ft_flow_record){.proto = 1, .ip_version = 4};
    CHECK(!ft_flow_failed(&r));
}

/* Windows that would begin before there is time are none, in longer spans as in the shortest. */
static void test_where_time_ends(void)
{
    struct ft_windows *t = table(1, 100, "1,3600");
    struct ft_window_worker *w = worker(t, 0);
    struct ft_windows_stats stats;

    packet(w, 2, INT64_MIN + 7 * s, true);
    packet(w, 2, INT64_MIN + 8000 * s, false);
    ft_window_finish(w, keep, &got);
    ft_windows_get_stats(t, &stats);
    CHECK_EQ(stats.late, 1);
    CHECK_EQ(sent(1), 1);
    CHECK_EQ(sent(3600), 1);
    for (uint32_t i = 0; i < got.n; i++) {
        CHECK(got.row[i].start_ns < 0);
    }
    ft_window_worker_free(w);
    ft_windows_free(t);
}

/* Behind a packet beyond where time ends, packets are in the windows that they were in. */
static void test_around_where_time_ends(void)
{
    struct ft_windows *t = table(1, 100, "1,60");
    struct ft_window_worker *w = worker(t, 0);
    int64_t last = (INT64_MAX / s - 60 - 1) * s; /* the last window that there is */

    packet(w, 2, last, true);
    packet(w, 2, last + s, false); /* in none */
    packet(w, 2, last + 1, false);
    ft_window_finish(w, keep, &got);
    CHECK_EQ(sent(1), 2);
    for (uint32_t i = 0; i < got.n; i++) {
        CHECK(got.row[i].span_s == 60 || got.row[i].start_ns == last);
    }
    ft_window_worker_free(w);
    ft_windows_free(t);
}

/* Each packet in a window of its own, and each end: they are written as fast as they come. */
static void test_sparse_packets(void)
{
    static const struct ft_flow_record end = {.reason = FT_REASON_IDLE};
    struct ft_windows *t = table(1, 64, "1");
    struct ft_window_worker *w = worker(t, 0);
    struct ft_windows_stats stats;
    uint64_t n = 0;

    for (uint32_t i = 0; i < 20000; i++) {
        packet(w, 2 + i % 1000, (int64_t)i * 100 * s, true);
        ft_window_ended(w, (2 + i % 1000) % ENTRIES, &end, (int64_t)(i * 100 - 50) * s);
        if (i % 64 == 63) {
            ft_window_turn(w, INT64_MAX, keep, &got);
            n += sent(1);
            got.n = 0;
        }
    }
    ft_window_finish(w, keep, &got);
    ft_windows_get_stats(t, &stats);
    CHECK_EQ(n + sent(1), 20000);
    CHECK_EQ(stats.untracked, 0);
    ft_window_worker_free(w);
    ft_windows_free(t);
}

/* A worker is far ahead of another: windows of a packet each wait for that one, however small the
 * tables are. */
static void test_a_worker_that_lags(void)
{
    struct ft_windows *t = table(2, 16, "1,10");
    struct ft_window_worker *ahead = worker(t, 0), *behind = worker(t, 1);
    struct ft_windows_stats stats;
    const uint32_t n = 5000;

    for (uint32_t i = 0; i < n; i++) {
        packet(ahead, 2 + i % 7, (int64_t)i * 2 * s, i < 7);
        if (i % 64 == 63) {
            ft_window_turn(ahead, INT64_MAX, keep, &got);
        }
    }
    CHECK_EQ(got.n, 0);
    packet(behind, 9, 0, true);
    ft_window_finish(behind, keep, &got);
    ft_window_finish(ahead, keep, &got);
    ft_windows_get_stats(t, &stats);
    CHECK_EQ(sent(1), n + 1);
    CHECK_EQ(sent(10), n + 1);
    CHECK_EQ(stats.untracked, 0);
    ft_window_worker_free(ahead);
    ft_window_worker_free(behind);
    ft_windows_free(t);
}

static uint64_t new_peers(void)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < got.n; i++) {
        n += got.row[i].entity == FT_ENTITY_PAIR ? got.row[i].new_peers : 0;
    }
    return n;
}

/* A peer is forgotten after an hour or two, also when nobody else came in between. */
static void test_peers_are_forgotten(void)
{
    struct ft_windows *t = table(1, 100, "1");
    struct ft_window_worker *w = worker(t, 0);

    packet(w, 2, 0, true);
    packet(w, 2, 1800 * s, true);
    packet(w, 2, 5000 * s, true);
    packet(w, 2, 50000 * s, true);
    ft_window_finish(w, keep, &got);
    CHECK_EQ(new_peers(), 2);
    ft_window_worker_free(w);
    ft_windows_free(t);
}

/* Where the pairs of a window were too many, nobody knows how many new peers hosts had in it: not
 * in a longer span that it is in, either, also when all that had to go were ends of flows. */
static void test_new_peers_of_too_many_pairs(void)
{
    static const struct ft_flow_record end = {.reason = FT_REASON_IDLE};
    struct ft_windows *t = table(1, 4, "1,10");
    struct ft_window_worker *w = worker(t, 0);
    uint32_t rows = 0;

    for (uint32_t i = 2; i < 6; i++) {
        packet(w, i, 0, true);
    }
    packet(w, 9, 40 * s, true);
    packet(w, 9, 41 * s, false); /* what it did goes before the ends */
    for (uint32_t i = 2; i < 6; i++) {
        ft_window_ended(w, i, &end, 40 * s);
    }
    ft_window_finish(w, keep, &got);
    for (uint32_t i = 0; i < got.n; i++) {
        const struct ft_window_row *r = &got.row[i];

        if (r->entity == FT_ENTITY_HOST && r->start_ns == 40 * s && r->packets[0] > 0) {
            CHECK_EQ(r->new_peers, UINT64_MAX);
            rows++;
        }
    }
    CHECK_EQ(rows, 2); /* of both spans */
    ft_window_worker_free(w);
    ft_windows_free(t);
}

/* Records that claim more packets than there can be: bounds hold all the same. */
static void test_absurd_records(void)
{
    struct ft_windows *t = table(1, 2, "1,60");
    struct ft_window_worker *w = worker(t, 0);
    struct ft_window_told o = {
        .ip_version = 4, .exporter_version = 4, .packets = {UINT64_MAX, UINT64_MAX}};
    uint64_t least = UINT64_MAX;

    o.bytes[0] = o.bytes[1] = UINT64_MAX;
    for (uint32_t i = 0; i < 40; i++) {
        o.at_ns = i / 10 * s;
        o.addr[0][3] = (uint8_t)(1 + i % 5);
        ft_window_tell(w, &o);
    }
    ft_window_finish(w, keep, &got);
    for (uint32_t i = 0; i < got.n; i++) {
        const struct ft_window_row *r = &got.row[i];
        uint64_t n = r->packets[0] + r->packets[1];

        CHECK(n >= r->packets[0]);
        CHECK(n + r->error >= n);
        least = n < least ? n : least;
    }
    CHECK(got.n > 0 && least >= UINT32_MAX);
    ft_window_worker_free(w);
    ft_windows_free(t);
}

int main(void)
{
    RUN(test_when_rows_come);
    RUN(test_entries_and_windows);
    RUN(test_wild_clocks);
    RUN(test_failed_flows);
    RUN(test_where_time_ends);
    RUN(test_around_where_time_ends);
    RUN(test_sparse_packets);
    RUN(test_a_worker_that_lags);
    RUN(test_peers_are_forgotten);
    RUN(test_new_peers_of_too_many_pairs);
    RUN(test_absurd_records);
    return test_end();
}
