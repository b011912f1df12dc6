/* SPDX-License-Identifier: Apache-2.0 */
/* collect: by which sampling rate a record is scaled; docs/rfc/netflow.md N31 to N33. */
#include "feed.h"

enum { NONE = -1 };

/* One options record and its template: options fields as id, length and value of 4 bytes (311: 8,
 * from a double). */
struct said {
    long id; /* -1: no more */
    double v;
};

static void value(long id, double v)
{
    if (id == 311) {
        uint64_t bits;

        memcpy(&bits, &v, sizeof bits);
        p64(bits);
    } else {
        p32((uint32_t)v);
    }
}

/* Options of IPFIX whose first n_scope fields are scopes, in a template of their own. */
static void options(unsigned id, unsigned n_scope, const struct said *said)
{
    unsigned n = 0;

    while (said[n].id >= 0) {
        n++;
    }
    set(3);
    p16(id);
    p16(n);
    p16(n_scope);
    for (unsigned i = 0; i < n; i++) {
        p16((unsigned)said[i].id);
        p16(said[i].id == 311 ? 8 : 4);
    }
    set_end();
    set(id);
    for (unsigned i = 0; i < n; i++) {
        value(said[i].id, said[i].v);
    }
    set_end();
}

#define SAID(id, n_scope, ...) options(id, n_scope, (const struct said[]){__VA_ARGS__, {-1, 0}})

/* A data record and its template. */
static void record(unsigned id, const struct said *said)
{
    unsigned n = 0;

    while (said[n].id >= 0) {
        n++;
    }
    set(2);
    p16(id);
    p16(n + 1);
    p16(2);
    p16(4);
    for (unsigned i = 0; i < n; i++) {
        p16((unsigned)said[i].id);
        p16(said[i].id == 311 ? 8 : 4);
    }
    set_end();
    set(id);
    p32(10);
    for (unsigned i = 0; i < n; i++) {
        value(said[i].id, said[i].v);
    }
    set_end();
}

#define RECORD(id, ...) record(id, (const struct said[]){__VA_ARGS__, {-1, 0}})

/* The rates of the records that a message gives, in order; -1 ends the list. */
static void expect(struct ft_collector *c, const char *what, const long *rates)
{
    uint32_t before = got.n;

    CHECK_EQ(give(c), FT_V_DECODED);
    for (uint32_t i = 0; rates[i] >= 0; i++) {
        if (before + i >= got.n || got.r[before + i].sampling_rate != (uint32_t)rates[i]) {
            fprintf(stderr, "%s: record %u: %u, not %ld\n", what, i,
                    before + i < got.n ? got.r[before + i].sampling_rate : 0, rates[i]);
            test_case_failed++;
        }
    }
}

#define EXPECT(c, what, ...) expect(c, what, (const long[]){__VA_ARGS__, -1})

/* What is kept over a restart: the same collector again, from its saved state. */
static struct ft_collector *reborn(struct ft_collector *c)
{
    char *buf = NULL;
    size_t len = 0, cap = 0;
    uint32_t bad = 0;

    CHECK_EQ(ft_collector_save(c, false, &buf, &len, &cap), FT_OK);
    ft_collector_free(c);
    c = make();
    CHECK_EQ(ft_collector_load(c, buf, len, now_ns, &bad), FT_OK);
    CHECK_EQ(bad, 0);
    ft_mem_free(buf);
    return c;
}

/* A sampler that nobody told of has no rate, whatever others have: also after a restart, also with
 * one that is known, and when the domain has a rate of its own. */
static void test_n31_unknown_sampler(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    SAID(300, 1, {48, 1}, {50, 2000});
    EXPECT(c, "options", NONE);
    for (int turn = 0; turn < 2; turn++) {
        ipfix(1, 1);
        RECORD(256, {48, 2});
        RECORD(257, {48, 1});
        RECORD(258, {48, 0});
        RECORD(259, {302, 7});
        RECORD(260, {10, 1}); /* names none: the only one that there is */
        EXPECT(c, "samplers", 0, 2000, 0, 0, 2000);
        CHECK_EQ(health(c, 0)->sampling_rate, 2000);
        c = reborn(c);
    }
    ipfix(6, 1);
    SAID(301, 1, {149, 1}, {34, 50}); /* the domain's own */
    RECORD(256, {48, 2});
    RECORD(260, {10, 1});
    EXPECT(c, "domain", 0, 50);
    ft_collector_free(c);
}

/* A rate of an interface is that interface's: not another's, not that of records which name none;
 * the direction says which of the two a record is of. */
static void test_n31_interfaces(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    SAID(300, 1, {10, 1}, {34, 1000});
    EXPECT(c, "options", NONE);
    for (int turn = 0; turn < 2; turn++) {
        ipfix(1, 1);
        RECORD(256, {10, 1}, {14, 9});
        RECORD(256, {10, 2}, {14, 9});
        RECORD(256, {10, 2}, {14, 1});
        RECORD(257, {10, 2}, {14, 1}, {61, 0});
        RECORD(257, {10, 2}, {14, 1}, {61, 1});
        RECORD(257, {10, 1}, {14, 2}, {61, 1});
        RECORD(258, {4, 6});
        RECORD(259, {14, 1});
        EXPECT(c, "interfaces", 1000, 0, 1000, 0, 1000, 0, 0, 1000);
        CHECK_EQ(health(c, 0)->sampling_rate, 0);
        c = reborn(c);
    }
    ipfix(9, 1);
    SAID(300, 1, {10, 1}, {34, 0}); /* samples no more */
    SAID(301, 1, {149, 1}, {34, 64});
    RECORD(256, {10, 1}, {14, 9});
    RECORD(256, {10, 2}, {14, 9});
    EXPECT(c, "domain", 0, 64);
    ft_collector_free(c);
}

/* A sampler at an interface: the interface's, too; elsewhere what it has everywhere, if that is one
 * rate. */
static void test_n31_sampler_at_interface(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    SAID(300, 1, {10, 1}, {48, 5}, {50, 100});
    SAID(301, 1, {10, 2}, {48, 5}, {50, 200});
    SAID(302, 1, {10, 1}, {48, 6}, {50, 300});
    EXPECT(c, "options", NONE);
    for (int turn = 0; turn < 2; turn++) {
        ipfix(3, 1);
        RECORD(256, {48, 5}, {10, 1});
        RECORD(256, {48, 5}, {10, 2});
        RECORD(256, {48, 5}, {10, 3}); /* has several */
        RECORD(256, {48, 6}, {10, 3});
        RECORD(257, {10, 2});
        RECORD(257, {10, 3});
        EXPECT(c, "samplers at interfaces", 100, 200, 0, 300, 200, 0);
        c = reborn(c);
    }
    ft_collector_free(c);
}

/* Several samplers at one interface: a record that names none of them is scaled by what all of them
 * have, also when one is told anew, and not by the one that was told last. */
static void test_n31_samplers_of_interface(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    SAID(300, 1, {10, 5}, {48, 1}, {50, 100});
    SAID(300, 1, {10, 5}, {48, 2}, {50, 1000});
    SAID(300, 1, {10, 6}, {48, 3}, {50, 70});
    SAID(301, 1, {149, 1}, {34, 64});
    EXPECT(c, "options", NONE);
    for (int turn = 0; turn < 2; turn++) {
        ipfix(4, 1);
        RECORD(256, {10, 5}, {48, 1});
        RECORD(256, {10, 5}, {48, 2});
        RECORD(257, {10, 5});
        RECORD(257, {10, 6});
        RECORD(258, {14, 5});
        RECORD(256, {10, 6}, {48, 9}); /* one that nobody told of */
        RECORD(256, {10, 6}, {48, 1});
        EXPECT(c, "they differ", 100, 1000, 0, 70, 0, 0, 100);
        c = reborn(c);
    }
    ipfix(9, 1);
    SAID(300, 1, {10, 5}, {48, 2}, {50, 100});
    RECORD(257, {10, 5});
    SAID(302, 1, {10, 6}, {34, 80}); /* of the interface itself */
    SAID(300, 1, {10, 6}, {48, 3}, {50, 90});
    RECORD(257, {10, 6});
    EXPECT(c, "they agree", 100, 80);
    ft_collector_free(c);
}

/* An interface that samples what comes in and what goes out at different rates */
static void test_n31_directions(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    SAID(300, 1, {10, 5}, {34, 100}); /* by the element of the scope */
    SAID(301, 1, {14, 5}, {34, 200});
    SAID(302, 1, {10, 6}, {61, 0}, {34, 300}); /* by flowDirection */
    SAID(302, 1, {10, 6}, {61, 1}, {34, 400});
    SAID(302, 1, {10, 7}, {61, 0}, {34, 500});
    EXPECT(c, "options", NONE);
    for (int turn = 0; turn < 2; turn++) {
        ipfix(5, 1);
        RECORD(256, {10, 5}, {14, 9}, {61, 0});
        RECORD(256, {10, 9}, {14, 5}, {61, 1});
        RECORD(256, {10, 6}, {14, 9}, {61, 0});
        RECORD(256, {10, 9}, {14, 6}, {61, 1});
        RECORD(256, {10, 7}, {14, 9}, {61, 0});
        RECORD(256, {10, 9}, {14, 7}, {61, 1});
        RECORD(257, {10, 5}, {14, 6});
        RECORD(257, {10, 9}, {14, 6});
        EXPECT(c, "directions", 100, 200, 300, 400, 500, 0, 100, 400);
        c = reborn(c);
    }
    ft_collector_free(c);
}

/* Rates of a template are its records'; those of line cards, which no record names, are used when
 * they agree. */
static void test_n31_templates_and_parts(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    SAID(300, 1, {145, 256}, {34, 10});
    SAID(301, 1, {141, 1}, {34, 20});
    SAID(302, 1, {141, 2}, {34, 20});
    RECORD(256, {4, 6});
    RECORD(257, {4, 6});
    EXPECT(c, "agree", 10, 20);
    c = reborn(c);
    ipfix(5, 1);
    RECORD(257, {4, 6});
    SAID(302, 1, {141, 2}, {34, 30});
    RECORD(256, {4, 6});
    RECORD(257, {4, 6});
    EXPECT(c, "differ", 20, 10, 0);
    ft_collector_free(c);
}

/* Scopes that no record is told by, whatever they are of: the rate is known as long as all of them
 * have the same; those of the whole exporter are the newest. */
static void test_n31_other_scopes(void)
{
    static const long scopes[] = {252, 58, 84, 141, 8, 234};

    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        struct ft_collector *c = make();

        ipfix(0, 1);
        SAID(300, 1, {scopes[i], 1}, {34, 20});
        RECORD(257, {4, 6});
        SAID(300, 1, {scopes[i], 2}, {34, 20});
        RECORD(257, {4, 6});
        SAID(300, 1, {scopes[i], 2}, {34, 30});
        RECORD(257, {4, 6});
        EXPECT(c, "another one", 20, 20, 0);
        c = reborn(c);
        ipfix(6, 1);
        RECORD(257, {4, 6});
        SAID(300, 1, {scopes[i], 1}, {34, 30});
        RECORD(257, {4, 6});
        SAID(301, 2, {scopes[i], 1}, {142, 1}, {34, 30}); /* a port of it */
        SAID(301, 2, {scopes[i], 1}, {142, 2}, {34, 40});
        RECORD(257, {4, 6});
        EXPECT(c, "told anew", 0, 30, 0);
        ft_collector_free(c);
    }
    for (long scope = 143; scope <= 149; scope += 6) {
        struct ft_collector *c = make();

        ipfix(0, 1);
        SAID(300, 1, {scope, 1}, {34, 20});
        SAID(300, 1, {scope, 2}, {34, 30});
        RECORD(257, {4, 6});
        EXPECT(c, "of the whole", 30);
        ft_collector_free(c);
    }
}

/* v9: scopes are types of their own (RFC 3954 §6.1): 2 interface, 5 template */
static void test_n31_v9_scopes(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 1000);
    for (unsigned scope = 2; scope <= 5; scope += 3) {
        set(1);
        p16(300 + scope);
        p16(4);
        p16(4);
        p16(scope);
        p16(4);
        p16(34);
        p16(4);
        set_end();
        set(300 + scope);
        p32(scope == 2 ? 7 : 257);
        p32(scope == 2 ? 70 : 80);
        set_end();
    }
    TEMPLATE(0, 256, 10, 4, 14, 4, 2, 4);
    TEMPLATE(0, 257, 2, 4);
    set(256);
    p32(7);
    p32(8);
    p32(1);
    p32(8);
    p32(9);
    p32(1);
    set_end();
    set(257);
    p32(1);
    set_end();
    EXPECT(c, "scopes of v9", 70, 0, 80);
    ft_collector_free(c);
}

/* One saying of several elements, in options and in records: none is mixed with another, and one
 * that is 0 says nothing. */
static void test_n32_elements(void)
{
    static const struct {
        struct said said[5];
        long rate;
    } rows[] = {
        {{{34, 1000}, {305, 1}, {306, 999}, {-1, 0}}, 1000},
        {{{305, 1}, {306, 999}, {34, 1000}, {-1, 0}}, 1000},
        {{{50, 1000}, {305, 1}, {306, 999}, {-1, 0}}, 1000},
        {{{34, 1000}, {305, 0}, {306, 0}, {-1, 0}}, 1000},
        {{{34, 1000}, {50, 0}, {-1, 0}}, 1000},
        {{{34, 1000}, {310, 500}, {309, 5}, {-1, 0}}, 100},
        {{{34, 1000}, {306, 999}, {-1, 0}}, 1000},
        {{{34, 1000}, {309, 4}, {-1, 0}}, 1000},
        {{{34, 1}, {50, 1000}, {-1, 0}}, 1000},
        {{{305, 10}, {306, 90}, {-1, 0}}, 10},
        {{{305, 100}, {-1, 0}}, 100},
        {{{311, 0.01}, {-1, 0}}, 100},
        {{{311, 0.0}, {34, 7}, {-1, 0}}, 7},
        {{{311, 1.5}, {-1, 0}}, 0},
        {{{310, 5}, {309, 10}, {-1, 0}}, 0},
        {{{34, 0}, {-1, 0}}, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ft_collector *c = make();
        struct said scoped[6] = {{149, 1}};
        char what[32];

        snprintf(what, sizeof what, "row %zu", i);
        memcpy(scoped + 1, rows[i].said, sizeof rows[i].said);
        ipfix(0, 1);
        record(256, rows[i].said);
        options(300, 1, scoped);
        RECORD(257, {4, 6});
        EXPECT(c, what, rows[i].rate, rows[i].rate);
        ft_collector_free(c);
    }
}

/* What a record says is its own; when it says 0, what was told counts. */
static void test_n32_record_first(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    SAID(300, 1, {302, 3}, {34, 500});
    RECORD(256, {302, 3}, {34, 9});
    RECORD(256, {302, 3}, {34, 0});
    RECORD(257, {302, 4}, {311, 0.25});
    EXPECT(c, "records", 9, 500, 4);
    ft_collector_free(c);
}

/* Sampling that ends: options with an interval of 0, of a domain and of a sampler; over a restart,
 * when an older state still has the rate. */
static void test_n33_rate_taken_back(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    SAID(300, 1, {149, 1}, {34, 100});
    SAID(301, 1, {48, 3}, {50, 10});
    RECORD(256, {48, 3});
    RECORD(257, {4, 6});
    EXPECT(c, "told", 10, 100);
    c = reborn(c);
    ipfix(4, 1);
    SAID(300, 1, {149, 1}, {34, 0});
    SAID(301, 1, {48, 3}, {50, 0});
    EXPECT(c, "taken back", NONE);
    for (int turn = 0; turn < 2; turn++) {
        ipfix(6, 1);
        RECORD(256, {48, 3});
        RECORD(257, {4, 6});
        EXPECT(c, "none", 0, 0);
        c = reborn(c);
    }
    ft_collector_free(c);
}

/* v5: the header's rate is that of now; an older state does not bring back one that ended, also
 * when a worker that never heard the exporter saved it. */
static void test_n33_v5_rate_then_zero(void)
{
    static const unsigned header[] = {0x4000 | 100, 0, 0x4000 | 50, 0};
    static const long rates[] = {100, 0, 50, 0};
    struct ft_collector *c = make(), *other;
    char *buf = NULL;
    size_t len = 0, cap = 0;
    uint32_t bad = 0;

    for (uint32_t i = 0; i < 4; i++) {
        v5(i, 1, 1000, header[i]);
        v5_record(0, 0);
        EXPECT(c, "v5", rates[i]);
        c = reborn(c);
        other = i == 0 ? c : NULL; /* it has a rate of 100 */
        if (other != NULL) {
            CHECK_EQ(ft_collector_save(other, true, &buf, &len, &cap), FT_OK);
        }
    }
    v5(4, 1, 1000, 0);
    v5_record(0, 0);
    EXPECT(c, "v5", 0);
    CHECK_EQ(ft_collector_save(c, false, &buf, &len, &cap), FT_OK); /* behind the other's */
    CHECK(strstr(buf, " 100\n") != NULL);
    ft_collector_free(c);
    c = make();
    CHECK_EQ(ft_collector_load(c, buf, len, now_ns, &bad), FT_OK);
    ft_mem_free(buf);
    buf = NULL;
    len = cap = 0;
    CHECK_EQ(ft_collector_save(c, true, &buf, &len, &cap), FT_OK);
    CHECK(strstr(buf, " 100\n") == NULL);
    ft_mem_free(buf);
    ft_collector_free(c);
}

/* As many as can be kept of every kind come back from a saved state without a fault, whatever they
 * were told in, with the largest numbers. */
static void test_n31_full_state(void)
{
    struct ft_collector *c = make();

    for (uint32_t i = 0; i < 300; i++) {
        ipfix(i, 1);
        if (i < 250) {
            SAID(300, 1, {10, i}, {34, 100});
        } else {
            SAID(301, 1, {10, 1}, {48, i}, {34, 50});
        }
        give(c);
    }
    ipfix(300, 1);
    set(3);
    p16(302);
    p16(2);
    p16(1);
    p16(302);
    p16(8);
    p16(34);
    p16(4);
    set_end();
    set(302);
    p64(UINT64_MAX);
    p32(7);
    set_end();
    give(c);
    for (int turn = 0; turn < 2; turn++) {
        c = reborn(c);
        ipfix(301, 1);
        RECORD(256, {10, 249});
        RECORD(257, {48, 250}, {10, 1});
        RECORD(257, {48, 250}, {10, 999999});
        RECORD(257, {48, 299}, {10, 999999});
        EXPECT(c, "full", 100, 50, 50, 0);
    }
    ft_collector_free(c);
}

/* More than can be kept: those that are not are unknown, and no other stands for them */
static void test_n31_many(void)
{
    struct ft_collector *c = make();

    for (uint32_t i = 0; i < 300; i++) {
        ipfix(i, 1);
        SAID(300, 1, {48, i}, {50, 100});
        give(c);
    }
    ipfix(300, 1);
    RECORD(256, {48, 255});
    RECORD(256, {48, 299});
    RECORD(257, {4, 6});
    EXPECT(c, "many", 100, 0, 0);
    ft_collector_free(c);
}

/* Likewise of interfaces and templates, where the domain has a rate of its own */
static void test_n31_many_interfaces(void)
{
    static const unsigned scopes[] = {10, 145};

    for (size_t s = 0; s < 2; s++) {
        struct ft_collector *c = make();

        ipfix(0, 1);
        SAID(301, 1, {149, 1}, {34, 64});
        give(c);
        for (uint32_t i = 0; i < 300; i++) {
            ipfix(i + 1, 1);
            SAID(300, 1, {scopes[s], 400 + i}, {34, 100});
            give(c);
        }
        for (int turn = 0; turn < 2; turn++) {
            ipfix(301, 1);
            RECORD(400, {10, 400});
            RECORD(699, {10, 699});
            EXPECT(c, s == 0 ? "interfaces" : "templates", 100, 0);
            ipfix(303, 1);
            RECORD(398, {4, 6});
            EXPECT(c, "names nothing", s == 0 ? 64 : 0);
            c = reborn(c);
        }
        ft_collector_free(c);
    }
}

int main(void)
{
    RUN(test_n31_unknown_sampler);
    RUN(test_n31_interfaces);
    RUN(test_n31_sampler_at_interface);
    RUN(test_n31_samplers_of_interface);
    RUN(test_n31_directions);
    RUN(test_n31_templates_and_parts);
    RUN(test_n31_other_scopes);
    RUN(test_n31_v9_scopes);
    RUN(test_n32_elements);
    RUN(test_n32_record_first);
    RUN(test_n33_rate_taken_back);
    RUN(test_n33_v5_rate_then_zero);
    RUN(test_n31_full_state);
    RUN(test_n31_many);
    RUN(test_n31_many_interfaces);
    return test_end();
}
