/* SPDX-License-Identifier: Apache-2.0 */
/* collect: what exporters count in their sequence numbers, agents of several addresses, and several
 * senders in one exporter; docs/rfc/ipfix.md C33, docs/rfc/sflow.md S25, docs/rfc/netflow.md N34.
 */
#include "feed.h"

/* What a message has, and what it would count for. */
struct content {
    uint32_t templates, options_templates, data, options, sets;
};

/* Data records of template 256 (4 bytes), options data of 300; templates in sets of their own, two
 * to a set. */
static void content(bool is_v9, const struct content *n)
{
    for (uint32_t i = 0; i < n->templates; i++) {
        if (i % 2 == 0) {
            set(is_v9 ? 0 : 2);
        }
        p16(256 + i);
        p16(1);
        p16(2);
        p16(4);
        if (i % 2 != 0 || i + 1 == n->templates) {
            set_end();
        }
    }
    if (n->options_templates > 0) {
        set(is_v9 ? 1 : 3);
        p16(300);
        p16(is_v9 ? 4 : 2);
        p16(is_v9 ? 4 : 1);
        p16(is_v9 ? 1 : 149);
        p16(4);
        p16(41);
        p16(4);
        set_end();
    }
    for (uint32_t i = 0; i < n->data; i++) {
        if (i == 0 || n->sets > 1) {
            set(256);
        }
        p32(i);
        if (i + 1 == n->data || n->sets > 1) {
            set_end();
        }
    }
    if (n->options > 0) {
        set(300);
        for (uint32_t i = 0; i < n->options; i++) {
            p32(1);
            p32(i);
        }
        set_end();
    }
}

static uint32_t counts(enum ft_sequence_unit u, const struct content *n)
{
    uint32_t t = n->templates + n->options_templates;
    uint32_t ts = (n->templates + 1) / 2 + n->options_templates;
    uint32_t ds = (n->data == 0 ? 0 : n->sets > 1 ? n->data : 1) + (n->options > 0);

    switch (u) {
    case FT_SEQUENCE_MESSAGES:
        return 1;
    case FT_SEQUENCE_RECORDS:
        return n->data + n->options;
    case FT_SEQUENCE_RECORDS_TEMPLATES:
        return n->data + n->options + t;
    case FT_SEQUENCE_RECORDS_TEMPLATE_SETS:
        return n->data + n->options + ts;
    case FT_SEQUENCE_DATA_RECORDS:
        return n->data;
    case FT_SEQUENCE_DATA_RECORDS_TEMPLATES:
        return n->data + t;
    case FT_SEQUENCE_SETS:
        return ds + ts;
    default:
        return ds;
    }
}

/* Message i of a stream: templates at first and with every fourth, options data with every fifth.
 */
static struct content nth(uint32_t i)
{
    return (struct content){.templates = i % 4 == 0 ? 3 : 0,
                            .options_templates = i % 8 == 0,
                            .data = 2 + i % 3,
                            .options = i % 5 == 2 ? 2 : 0,
                            .sets = i % 7 == 3 ? 2 : 1};
}

static void message(struct ft_collector *c, bool is_v9, uint32_t sequence, const struct content *n)
{
    if (is_v9) {
        v9(sequence, 1, 1000);
    } else {
        ipfix(sequence, 1);
    }
    content(is_v9, n);
    CHECK_EQ(give(c), FT_V_DECODED);
}

/* Whatever an exporter counts, its unit is found by what it sends, nothing was lost, and from then
 * on what is lost is told in that unit. */
static void test_c33_units(void)
{
    for (int u = 0; u < FT_SEQUENCE__UNITS; u++) {
        for (int is_v9 = 0; is_v9 < 2; is_v9++) {
            struct ft_collector *c = make();
            uint32_t sequence = 0xffffffc0, lost = 0;
            struct content n;

            for (uint32_t i = 0; i < 60; i++) {
                n = nth(i);
                message(c, is_v9, sequence, &n);
                sequence += counts((enum ft_sequence_unit)u, &n);
            }
            CHECK_EQ(health(c, 0)->unit, u);
            CHECK_EQ(got.h[0].lost, 0);
            CHECK_EQ(got.h[0].resets + got.h[0].duplicates + got.h[0].reordered, 0);
            for (uint32_t i = 60; i < 100; i++) {
                n = nth(i);
                if (i % 9 == 4) {
                    lost += counts((enum ft_sequence_unit)u, &n);
                } else {
                    message(c, is_v9, sequence, &n);
                }
                sequence += counts((enum ft_sequence_unit)u, &n);
            }
            CHECK_EQ(health(c, 0)->unit, u);
            CHECK_EQ(got.h[0].lost, lost);
            ft_collector_free(c);
        }
    }
}

/* Templates in the numbers, as soon as it can be told: the third message after one with templates;
 * what was really lost meanwhile stays. */
static void test_c33_templates_soon(void)
{
    struct ft_collector *c = make();
    uint32_t sequence = 0;

    for (uint32_t i = 0; i < 10; i++) {
        const struct content n = {.templates = i % 2 == 0, .data = 2, .sets = 1};

        message(c, false, sequence, &n);
        sequence += 2 + n.templates;
        sequence += i == 3 ? 50 : 0; /* lost, between messages that have no templates */
    }
    CHECK_EQ(health(c, 0)->unit, FT_SEQUENCE_RECORDS_TEMPLATES);
    CHECK_EQ(got.h[0].lost, 50);
    ft_collector_free(c);
}

/* Loss that only now and then looks like another unit changes nothing */
static void test_c33_loss_is_loss(void)
{
    struct ft_collector *c = make();
    uint32_t sequence = 0, lost = 0;

    for (uint32_t i = 0; i < 200; i++) {
        const struct content n = {.templates = i % 10 == 0, .data = 2, .sets = 1};
        uint32_t gap = i % 20 == 0 ? 1 : i % 20 == 10 ? 7 : i % 4 == 3 ? 2 : 0;

        message(c, false, sequence, &n);
        sequence += 2 + gap;
        lost += i < 199 ? gap : 0;
    }
    CHECK_EQ(health(c, 0)->unit, FT_SEQUENCE_RECORDS);
    CHECK_EQ(got.h[0].lost, lost);
    ft_collector_free(c);
}

/* ---- sFlow agents ---- */

static struct ft_peer senders[] = {{.addr = {192, 0, 2, 1}, .ip_version = 4, .port = 6343},
                                   {.addr = {198, 51, 100, 1}, .ip_version = 4, .port = 6343},
                                   {.addr = {203, 0, 113, 1}, .ip_version = 4, .port = 6343}};

/* A datagram with one sample of an agent, by a sender. */
static void datagram(struct ft_collector *c, uint32_t by, uint32_t agent, uint32_t sequence,
                     uint32_t uptime_ms)
{
    struct ft_peer before = peer;

    at = msg;
    p32(5);
    p32(1);
    p32(agent);
    p32(0);
    p32(sequence);
    p32(uptime_ms);
    p32(1);
    p32(1);
    p32(32);
    p32(sequence);
    p32(3);
    p32(1000);
    p32(sequence * 1000);
    p32(0);
    p32(1);
    p32(2);
    p32(0);
    peer = senders[by];
    CHECK_EQ(give(c), FT_V_DECODED);
    peer = before;
}

/* Sums of all exporters. */
static struct ft_exporter_health sums(struct ft_collector *c)
{
    struct ft_exporter_health all = {0};

    health(c, 0);
    for (uint32_t i = 0; i < got.n_h; i++) {
        all.lost += got.h[i].lost;
        all.reordered += got.h[i].reordered;
        all.duplicates += got.h[i].duplicates;
        all.resets += got.h[i].resets;
        all.messages += got.h[i].messages;
    }
    return all;
}

/* One agent by three addresses: no loss, the pool is one; each sample names its own sender, and all
 * are of one source. What is lost or late is told once; a restart, too. */
static void test_s25_one_agent(void)
{
    struct ft_collector *c = make();
    struct ft_exporter_health all;
    int64_t start = now_ns;

    for (uint32_t i = 0; i < 60; i++) {
        now_ns = start + (int64_t)i * 300000000;
        datagram(c, i % 3, 0x0a090909, 1 + i, 5000 + 300 * i);
    }
    all = sums(c);
    CHECK_EQ(got.n_h, 3);
    CHECK_EQ(all.messages, 60);
    CHECK_EQ(all.lost + all.reordered + all.duplicates + all.resets, 0);
    CHECK(got.s[59].effective_rate > 999 && got.s[59].effective_rate < 1001);
    CHECK_STR(got.s[58].exporter->text, "198.51.100.1");
    CHECK_EQ(got.s[58].source, got.s[59].source);
    datagram(c, 0, 0x0a090909, 65, 5000 + 300 * 64);
    CHECK_EQ(sums(c).lost, 4);
    datagram(c, 1, 0x0a090909, 62, 5000 + 300 * 61);
    CHECK_EQ(sums(c).lost, 3);
    CHECK_EQ(sums(c).reordered, 1);
    datagram(c, 1, 0x0a090909, 1, 10); /* started again, and by its other address first */
    datagram(c, 2, 0x0a090909, 2, 20);
    datagram(c, 0, 0x0a090909, 3, 30);
    CHECK_EQ(sums(c).resets, 1);
    CHECK_EQ(sums(c).lost, 3);
    now_ns = start;
    ft_collector_free(c);
}

/* Two devices that say the same agent: their numbers are elsewhere, or they have not run for as
 * long, or the numbers come twice. None is told as losing. */
static void test_s25_two_devices(void)
{
    static const struct {
        uint32_t first, uptime_ms; /* of the second */
    } rows[] = {{1, 5000}, {2, 900000}, {5000, 5000}};

    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        struct ft_collector *c = make();
        int64_t start = now_ns;

        for (uint32_t i = 0; i < 40; i++) {
            now_ns = start + (int64_t)i * 100000000;
            datagram(c, 0, 0, 1 + i, 5000 + 100 * i);
            datagram(c, 1, 0, rows[r].first + i, rows[r].uptime_ms + 100 * i);
        }
        CHECK_EQ(sums(c).lost, 0);
        CHECK_EQ(sums(c).resets + sums(c).reordered + sums(c).duplicates, 0);
        CHECK(got.s[78].source != got.s[79].source);
        now_ns = start;
        ft_collector_free(c);
    }
}

/* Two devices that look like one at first are told apart by what follows */
static void test_s25_taken_for_one(void)
{
    struct ft_collector *c = make();
    int64_t start = now_ns;
    uint64_t before = 0;

    for (uint32_t i = 0; i < 60; i++) {
        now_ns = start + (int64_t)i * 100000000;
        datagram(c, 0, 0, 1 + i, 5000 + 100 * i);
        now_ns += 50000000;
        datagram(c, 1, 0, 20 + i, 5000 + 100 * i + 50);
        if (i == 29) {
            before = sums(c).lost + sums(c).reordered;
        }
    }
    CHECK_EQ(sums(c).lost + sums(c).reordered, before); /* they stay apart */
    now_ns = start;
    ft_collector_free(c);
}

/* The address that came first is forgotten: the others go on by themselves */
static void test_s25_leader_goes(void)
{
    struct ft_collector *c = make_limited((struct ft_collect_limits){
        .exporters = 2, .templates = 4, .amplification = 1000, .waiting = 65536});
    uint32_t n = 1;

    for (uint32_t i = 0; i < 40; i++, n++) {
        datagram(c, i % 2, 0x0a090909, n, 5000 + n);
    }
    for (uint32_t i = 0; i < 40; i++) {
        datagram(c, 2, 0x0a000000 + i % 3, 100 + i, 5000 + i); /* push out what there is */
        n++;
        datagram(c, i & 1, 0x0a090909, n, 5000 + n);
    }
    CHECK_EQ(got.n_s, 120);
    ft_collector_free(c);
}

/* ---- two senders in one exporter ---- */

static bool clash(struct ft_collector *c, struct ft_collect_clash *out)
{
    return ft_collector_clash(c, out);
}

/* Two processes behind one address with one domain, whose numbers do not fit each other: told once,
 * with both ports. One that uses several ports, or changes its port, is not told. */
static void test_n34_two_processes(void)
{
    static const struct {
        uint32_t second; /* its first number; 0: one process with two ports */
        bool clash;
    } rows[] = {{90000, true}, {0, false}, {7, true}};

    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        struct ft_collector *c = make();
        struct ft_collect_clash what;
        uint32_t sequence[2] = {0, rows[r].second}, told = 0;

        for (uint32_t i = 0; i < 60; i++) {
            uint32_t k = rows[r].second != 0 ? i % 2 : 0;

            peer.port = (uint16_t)(i % 2 == 0 ? 50000 : 50001);
            v5(sequence[k], 2, 1000, 0);
            v5_record(0, 0);
            v5_record(0, 0);
            CHECK_EQ(give(c), FT_V_DECODED);
            sequence[k] += 2;
            if (clash(c, &what)) {
                told++;
                CHECK_EQ(what.port[0] + what.port[1], 100001);
                CHECK_STR(what.exporter.text, "192.0.2.1");
            }
        }
        CHECK_EQ(told, rows[r].clash);
        peer.port = 4739;
        ft_collector_free(c);
    }
}

/* Loss and a restart on a port of its own are not two processes */
static void test_n34_restart(void)
{
    struct ft_collector *c = make();
    struct ft_collect_clash what;

    for (uint32_t i = 0; i < 40; i++) {
        peer.port = (uint16_t)(50000 + i / 10);
        v5(i % 10 * 5, 1, 1000, 0); /* four of five are lost, and four restarts */
        v5_record(0, 0);
        give(c);
    }
    CHECK(!clash(c, &what));
    peer.port = 4739;
    ft_collector_free(c);
}

int main(void)
{
    RUN(test_c33_units);
    RUN(test_c33_templates_soon);
    RUN(test_c33_loss_is_loss);
    RUN(test_s25_one_agent);
    RUN(test_s25_two_devices);
    RUN(test_s25_taken_for_one);
    RUN(test_s25_leader_goes);
    RUN(test_n34_two_processes);
    RUN(test_n34_restart);
    return test_end();
}
