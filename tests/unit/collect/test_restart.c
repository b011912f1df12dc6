/* SPDX-License-Identifier: Apache-2.0 */
/* collect: layouts that are over: restarts of an exporter, definitions that cannot be used. */
#include "feed.h"

#define MS INT64_C(1000000)

/* The same template number with two layouts: packets before or behind the address. */
static void layout(bool v9_, bool behind)
{
    if (behind) {
        TEMPLATE(v9_ ? 0 : 2, 256, 8, 4, 2, 4);
    } else {
        TEMPLATE(v9_ ? 0 : 2, 256, 2, 4, 8, 4);
    }
}

static void record(bool behind, uint32_t packets)
{
    set(256);
    p32(behind ? 0x0a000001 : packets);
    p32(behind ? packets : 0x0a000001);
    set_end();
}

static void head(bool v9_, uint32_t sequence, uint32_t uptime_ms)
{
    if (v9_) {
        v9(sequence, 1, uptime_ms);
    } else {
        ipfix(sequence, 1);
    }
}

/* An exporter with the first layout, that has been heard for a while: three records. */
static struct ft_collector *heard_at(bool v9_, bool sequence_of_nothing, uint32_t uptime_ms)
{
    struct ft_collector *c = make();

    for (uint32_t i = 0; i < 3; i++) {
        head(v9_, sequence_of_nothing ? 0 : 100000 + i, uptime_ms + 10 * i);
        layout(v9_, false);
        record(false, i + 1);
        CHECK_EQ(give(c), FT_V_DECODED);
        now_ns += 10 * MS;
    }
    CHECK_EQ(got.n, 3);
    return c;
}

static struct ft_collector *heard(bool v9_, bool sequence_of_nothing)
{
    return heard_at(v9_, sequence_of_nothing, 100000000);
}

/* Data of a restarted exporter waits for its template, whichever layout that has; options data too.
 * v9: the uptime begins again; IPFIX: the sequence does. */
static void test_restart(void)
{
    for (int kind = 0; kind < 4; kind++) {
        bool v9_ = kind & 1, behind = kind & 2;
        struct ft_collector *c = heard(v9_, false);

        head(v9_, 0, 5000);
        record(behind, 7);
        CHECK_EQ(give(c), FT_V_DECODED);
        now_ns += 10 * MS;
        head(v9_, 1, 5010);
        record(behind, 8);
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(got.n, 3);
        CHECK(health(c, 0)->waiting > 0);
        CHECK_EQ(health(c, 0)->resets, 1);
        CHECK_EQ(health(c, 0)->lost, 0);
        now_ns += 10 * MS;
        head(v9_, 2, 5020);
        layout(v9_, behind);
        record(behind, 9);
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(got.n, 6);
        for (uint32_t i = 3; i < 6; i++) {
            CHECK_EQ(got.r[i].packets, 4 + i);
            CHECK_EQ(got.r[i].src[0], 10);
        }
        CHECK_EQ(health(c, 0)->waiting, 0);
        CHECK_EQ(health(c, 0)->no_template, 0);
        ft_collector_free(c);
    }
}

/* However long it was up before: 70 s to 49 days */
static void test_restart_after_uptimes(void)
{
    static const uint32_t up[] = {70000, 3600000, 2100000000, 2200000000, 3456000000, 4233600000};

    for (size_t i = 0; i < sizeof up / sizeof up[0]; i++) {
        struct ft_collector *c = heard_at(true, false, up[i]);

        v9(1, 1, 5000);
        record(true, 7);
        give(c);
        CHECK_EQ(got.n, 3);
        CHECK_EQ(health(c, 0)->resets, 1);
        CHECK(health(c, 0)->waiting > 0);
        ft_collector_free(c);
    }
}

/* What waits in vain is counted, and bounded. */
static void test_restart_without_template(void)
{
    struct ft_collector *c = make_limited((struct ft_collect_limits){
        .exporters = 4, .templates = 4, .amplification = 1000, .waiting = 400});
    struct ft_collect_stats stats;

    v9(100000, 1, 100000000);
    layout(true, false);
    give(c);
    for (uint32_t i = 0; i < 20; i++) {
        v9(i, 1, 5000 + i);
        record(true, i);
        give(c);
    }
    CHECK_EQ(got.n, 0);
    CHECK(health(c, 0)->waiting <= 400);
    ft_collector_finish(c);
    ft_collector_get_stats(c, &stats);
    CHECK_EQ(stats.no_template, 20);
    ft_collector_free(c);
}

/* A clock that steps back is no restart when the machine is up for longer than it was silent; nor
 * are the wrap of the uptime, a late message, an IPFIX sequence that wraps, is repeated or never
 * counts. */
static void test_no_restart(void)
{
    static const uint32_t up[] = {100000000 - 3600000, 99990000, 100000000 - 70000};

    for (size_t i = 0; i < sizeof up / sizeof up[0]; i++) {
        struct ft_collector *c = heard(true, false);

        v9(100003, 1, up[i]);
        record(false, 4);
        give(c);
        CHECK_EQ(got.n, 4);
        ft_collector_free(c);
    }
    struct ft_collector *c = make();

    v9(0, 1, UINT32_MAX - 5);
    layout(true, false);
    record(false, 1);
    give(c);
    v9(1, 1, 4);
    record(false, 2);
    give(c);
    CHECK_EQ(got.n, 2);
    ft_collector_free(c);

    c = heard(false, true); /* always 0 */
    ipfix(0, 1);
    record(false, 4);
    give(c);
    CHECK_EQ(got.n, 4);
    ft_collector_free(c);

    c = make();
    for (uint32_t i = 0; i < 3; i++) { /* over the wrap, then the first two again */
        ipfix(UINT32_MAX + i, 1);
        layout(false, false);
        record(false, i + 1);
        give(c);
    }
    ipfix(0, 1);
    record(false, 2);
    give(c);
    CHECK_EQ(got.n, 4);
    CHECK_EQ(health(c, 0)->duplicates, 1);
    ft_collector_free(c);

    c = make(); /* over the wrap, where the message before it was lost */
    for (uint32_t i = 0; i < 3; i++) {
        ipfix((uint32_t)0 - 20 + 10 * i, 1);
        if (i == 0) {
            layout(false, false);
        }
        set(256);
        for (uint32_t k = 0; k < 10; k++) {
            p32(k);
            p32(0x0a000001);
        }
        set_end();
        if (i != 1) {
            give(c);
        }
    }
    CHECK_EQ(got.n, 20);
    CHECK_EQ(health(c, 0)->resets, 0);
    CHECK_EQ(health(c, 0)->lost, 10);
    ft_collector_free(c);

    c = make(); /* a first message that is late */
    ipfix(7, 1);
    layout(false, false);
    record(false, 8);
    give(c);
    ipfix(0, 1);
    layout(false, false);
    record(false, 1);
    give(c);
    ipfix(8, 1);
    record(false, 9);
    give(c);
    CHECK_EQ(got.n, 3);
    CHECK_EQ(health(c, 0)->resets, 0);
    CHECK_EQ(health(c, 0)->reordered, 1);
    ft_collector_free(c);
}

/* A restart after a silence, however long the machine was up meanwhile */
static void test_restart_after_silence(void)
{
    struct ft_collector *c = heard(true, false);

    now_ns += 7200 * 1000 * MS;
    v9(5, 1, 7000000);
    record(true, 7);
    give(c);
    CHECK_EQ(got.n, 3);
    v9(6, 1, 7000001);
    layout(true, true);
    give(c);
    CHECK_EQ(got.n, 4);
    CHECK_EQ(LAST.packets, 7);
    ft_collector_free(c);
}

/* Two processes behind one address and domain: the old clock goes on, so nothing has restarted, and
 * nothing waits. */
static void test_two_processes(void)
{
    for (int v9_ = 0; v9_ < 2; v9_++) {
        struct ft_collector *c = heard(v9_ != 0, false);

        for (uint32_t i = 0; i < 10; i++) {
            head(v9_ != 0, i, 5000 + 10 * i);
            record(false, 100 + i);
            CHECK_EQ(give(c), FT_V_DECODED);
            head(v9_ != 0, 100003 + i, 100000030 + 10 * i);
            record(false, 200 + i);
            CHECK_EQ(give(c), FT_V_DECODED);
            now_ns += 10 * MS;
        }
        CHECK_EQ(got.n, 23);
        CHECK_EQ(got.r[3].packets, 100);
        CHECK_EQ(health(c, 0)->waiting, 0);
        ft_collector_free(c);
    }
}

/* A restart between two runs, by the saved state; without one the first datagram gives events. */
static void test_restart_over_state(void)
{
    for (int kind = 0; kind < 4; kind++) {
        bool v9_ = kind & 1, again = kind & 2;
        struct ft_collector *c = heard(v9_, false);
        size_t len = 0, cap = 0;
        char *buf = NULL;
        uint32_t bad = 0;

        CHECK_EQ(ft_collector_save(c, false, &buf, &len, &cap), FT_OK);
        ft_collector_free(c);
        c = make();
        CHECK_EQ(ft_collector_load(c, buf, len, now_ns, &bad), FT_OK);
        CHECK_EQ(bad, 0);
        ft_mem_free(buf);
        head(v9_, again ? 0 : 100003, again ? 5000 : 100000030);
        record(again, 7);
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(got.n, !again);
        head(v9_, again ? 1 : 100004, again ? 5001 : 100000031);
        layout(v9_, again);
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(got.n, 1);
        CHECK_EQ(LAST.packets, 7);
        ft_collector_free(c);
    }
}

/* IPFIX: the start of the system is another one after its restart. */
static void test_restart_of_init_time(void)
{
    struct ft_collector *c = make();

    ipfix(50, 1);
    OPTIONS(300, 1, 149, 4, 160, 8);
    TEMPLATE(2, 256, 22, 4, 2, 4);
    set(300);
    p32(1);
    p64(1699000000000);
    set_end();
    give(c);
    ipfix(0, 1);
    msg[7]++; /* a second later */
    TEMPLATE(2, 256, 22, 4, 2, 4);
    set(256);
    p32(1000);
    p32(1);
    set_end();
    give(c);
    CHECK_EQ(got.n, 1);
    CHECK_EQ(LAST.first_ns, INT64_MIN); /* rather than of the system before */
    ft_collector_free(c);
}

/* The rate of sampler 1, as options data; its template when told. */
static void sampler(bool v9_, bool layout_, uint32_t rate)
{
    if (layout_) {
        set(v9_ ? 1 : 3);
        p16(300);
        p16(v9_ ? 4 : 3);
        p16(v9_ ? 8 : 1);
        p16(v9_ ? 1 : 149);
        p16(4);
        p16(48);
        p16(4);
        p16(50);
        p16(4);
        set_end();
    }
    if (rate != 0) {
        set(300);
        p32(0);
        p32(1);
        p32(rate);
        set_end();
    }
}

static void sampled(bool v9_, bool layout_, uint32_t packets)
{
    if (layout_) {
        TEMPLATE(v9_ ? 0 : 2, 256, 2, 4, 48, 4);
    }
    set(256);
    p32(packets);
    p32(1);
    set_end();
}

/* Rates hold over a restart until they are told anew: by options data that waits as well. */
static void test_restart_keeps_rates(void)
{
    for (int v9_ = 0; v9_ < 2; v9_++) {
        struct ft_collector *c = make();

        head(v9_, 100000, 100000000);
        sampler(v9_, true, 1000);
        sampled(v9_, true, 1);
        give(c);
        CHECK_EQ(got.r[0].sampling_rate, 1000);
        head(v9_, 0, 5000);
        sampled(v9_, false, 2); /* waits */
        give(c);
        CHECK_EQ(got.n, 1);
        head(v9_, 1, 5010);
        sampled(v9_, true, 3);
        give(c);
        CHECK_EQ(got.n, 3);
        CHECK_EQ(got.r[1].sampling_rate, 1000);
        CHECK_EQ(got.r[2].sampling_rate, 1000);
        head(v9_, 2, 5020);
        sampler(v9_, false, 50); /* waits */
        sampled(v9_, false, 4);
        give(c);
        CHECK_EQ(LAST.sampling_rate, 1000);
        head(v9_, v9_ ? 3 : 4, 5030);
        sampler(v9_, true, 0);
        sampled(v9_, false, 5);
        give(c);
        CHECK_EQ(LAST.sampling_rate, 50);
        CHECK_EQ(health(c, 0)->resets, 1);
        CHECK_EQ(health(c, 0)->lost, 0);
        ft_collector_free(c);
    }
}

/* So does the unit that an exporter was found to count in: here records and templates. */
static void test_restart_keeps_unit(void)
{
    struct ft_collector *c = make();

    for (uint32_t i = 0; i < 20; i++) {
        ipfix(i < 10 ? 100000 + 2 * i : 2 * (i - 10), 1);
        layout(false, i >= 10);
        record(i >= 10, i);
        give(c);
    }
    CHECK_EQ(got.n, 20);
    CHECK_EQ(health(c, 0)->unit, FT_SEQUENCE_RECORDS_TEMPLATES);
    CHECK_EQ(health(c, 0)->resets, 1);
    CHECK_EQ(health(c, 0)->lost, 0);
    ft_collector_free(c);
}

/* ---- definitions that cannot be used ---- */

/* Each begins at the template's number. */
static void no_bytes(bool v9_)
{
    (void)v9_;
    p16(256);
    p16(1);
    p16(8);
    p16(0);
}

static void no_fields(bool v9_)
{
    (void)v9_;
    p16(256);
    p16(0);
}

static void too_long(bool v9_)
{
    (void)v9_;
    p16(256);
    p16(2);
    p16(8);
    p16(65000);
    p16(12);
    p16(65000);
}

static void fields_missing(bool v9_)
{
    (void)v9_;
    p16(256);
    p16(9);
    p16(8);
    p16(4);
}

static void other_order(bool v9_)
{
    (void)v9_;
    p16(256);
    p16(2);
    p16(8);
    p16(4);
}

static void bad_scope(bool v9_)
{
    p16(256);
    p16(v9_ ? 3 : 1);
    p16(v9_ ? 4 : 2);
    p16(8);
    p16(4);
}

/* A layout that was over when the state was saved is not read by after it, also when a worker that
 * did not hear the exporter saved it as it was before. */
static void test_over_before_state(void)
{
    for (int kind = 0; kind < 8; kind++) {
        bool v9_ = kind & 1, ended = kind & 2, other = kind & 4;
        struct ft_collector *c = heard(v9_, false);
        size_t len = 0, cap = 0;
        char *buf = NULL;
        uint32_t bad = 0;

        CHECK_EQ(ft_collector_save(c, false, &buf, &len, &cap), FT_OK);
        ft_collector_free(c);
        c = make();
        CHECK_EQ(ft_collector_load(c, buf, len, now_ns, &bad), FT_OK);
        head(v9_, ended ? 100003 : 0, ended ? 100000030 : 5000);
        if (ended) {
            set(v9_ ? 0 : 2);
            no_bytes(v9_);
            set_end();
        }
        record(true, 6);
        give(c);
        CHECK_EQ(got.n, 0);
        len = other ? len : 0;
        CHECK_EQ(ft_collector_save(c, false, &buf, &len, &cap), FT_OK);
        ft_collector_free(c);
        c = make();
        CHECK_EQ(ft_collector_load(c, buf, len, now_ns, &bad), FT_OK);
        CHECK_EQ(bad, 0);
        ft_mem_free(buf);
        head(v9_, ended ? 100004 : 1, ended ? 100000040 : 5010);
        record(true, 7);
        give(c);
        CHECK_EQ(got.n, 0);
        head(v9_, ended ? 100005 : 2, ended ? 100000050 : 5020);
        layout(v9_, true);
        give(c);
        CHECK_EQ(got.n, 1);
        CHECK_EQ(LAST.packets, 7);
        ft_collector_free(c);
    }
}

/* An unusable redefinition ends the layout that it replaces: data waits, it is not read by that. */
static void test_unusable_redefinition(void)
{
    void (*const bad[])(bool) = {no_bytes,    too_long,  fields_missing,
                                 other_order, bad_scope, no_fields};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (int v9_ = bad[i] == no_fields; v9_ < 2; v9_++) { /* IPFIX: a withdrawal */
            struct ft_collector *c = heard(v9_ != 0, false);
            bool options = bad[i] == bad_scope;

            head(v9_ != 0, 100003, 100000030);
            set((v9_ ? 0 : 2) + (options ? 1 : 0));
            bad[i](v9_ != 0);
            set_end();
            record(true, 7);
            CHECK_EQ(give(c), FT_V_EXPORT_TEMPLATE);
            CHECK_EQ(got.n, 3);
            CHECK_EQ(health(c, 0)->templates, 0);
            CHECK_EQ(health(c, 0)->malformed, 1);
            CHECK_EQ(got.t[got.n_t - 1].kind, FT_TEMPLATE_WITHDRAWN);
            head(v9_ != 0, 100004, 100000040);
            layout(v9_ != 0, true);
            CHECK_EQ(give(c), FT_V_DECODED);
            CHECK_EQ(got.n, 4);
            CHECK_EQ(LAST.packets, 7);
            ft_collector_free(c);
        }
    }
}

/* A definition that is cut, and the same as far as it goes, changes nothing. */
static void test_cut_redefinition(void)
{
    for (int v9_ = 0; v9_ < 2; v9_++) {
        for (unsigned less = 1; less <= 12; less++) {
            struct ft_collector *c = heard(v9_ != 0, false);

            head(v9_ != 0, 100003, 100000030);
            layout(v9_ != 0, false);
            at -= less;
            set_end();
            give(c);
            CHECK_EQ(health(c, 0)->templates, 1);
            head(v9_ != 0, 100003, 100000030);
            record(false, 9);
            CHECK_EQ(give(c), FT_V_DECODED);
            CHECK_EQ(got.n, 4);
            CHECK_EQ(LAST.packets, 9);
            ft_collector_free(c);
        }
    }
}

int main(void)
{
    RUN(test_restart);
    RUN(test_restart_after_uptimes);
    RUN(test_restart_without_template);
    RUN(test_no_restart);
    RUN(test_restart_after_silence);
    RUN(test_two_processes);
    RUN(test_restart_over_state);
    RUN(test_restart_of_init_time);
    RUN(test_restart_keeps_rates);
    RUN(test_restart_keeps_unit);
    RUN(test_over_before_state);
    RUN(test_unusable_redefinition);
    RUN(test_cut_redefinition);
    return test_end();
}
