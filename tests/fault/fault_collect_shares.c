/* SPDX-License-Identifier: Apache-2.0 */
/* The collector when one sender, or many invented ones, take what all have together: who was there
 * and proved itself keeps what it has, one sender has a share, and nothing costs a walk over what
 * somebody else filled. Each test of cost compares the CPU time of the same messages with and
 * without what somebody filled before. */
#include "base/mem.h"
#include "collect_flood.h"

enum { ATTACKER = 0x0a000001, SITE = 0xc0000901, NEWCOMER = 0xc0000a01 };

static void one_template(uint32_t id, uint32_t element, uint32_t len)
{
    begin_set(2);
    p16(id);
    p16(1);
    p16(element);
    p16(len);
    end_set();
}

/* A message of a domain with a template of its own, and a record of it. */
static void send_both(uint32_t address, uint32_t domain, uint32_t sequence, int64_t now_ns)
{
    begin_message(domain, sequence);
    one_template(256, 8, 4);
    begin_set(256);
    p32(address);
    end_set();
    end_message();
    give(address, now_ns);
}

static void send_data(uint32_t address, uint32_t domain, uint32_t sequence, int64_t now_ns)
{
    begin_message(domain, sequence);
    begin_set(256);
    p32(address);
    end_set();
    end_message();
    give(address, now_ns);
}

/* ---- exporters ---- */

/* One sender invents more domains than there are places, until it has all of them and each has been
 * heard again, after the routers were; then more. It pushes out itself. A router that comes
 * meanwhile stays from its first message on. */
static void test_domains_of_one_sender(void)
{
    struct ft_collect_stats st;
    int64_t now_ns;
    uint64_t before;
    uint32_t n = 0;

    begin();
    now_ns = routers_come();
    for (int round = 0; round < 3; round++) {
        for (uint32_t d = 0; d < 16384 - ROUTERS; d++) {
            send_both(ATTACKER, 1000 + d, 0, now_ns + d * INT64_C(1000));
        }
        now_ns += 2 * (int64_t)SECOND;
    }
    for (uint32_t d = 0; d < 20; d++) {
        send_both(ATTACKER, 90000 + d, 0, now_ns);
    }
    routers_still_there(now_ns);
    before = seen.router_records;
    send_both(NEWCOMER, 1, n++, now_ns);
    for (uint32_t d = 0; d < 100000; d++) {
        send_both(ATTACKER, 100000 + d, 0, now_ns);
        now_ns += 10000;
        if (d % 5000 == 0) {
            send_data(NEWCOMER, 1, n++, now_ns);
        }
    }
    CHECK_EQ(seen.router_records - before, n);
    ft_collector_get_stats(collector, &st);
    CHECK_EQ(st.exporters, 16384);
    end("one sender with 116,000 domains", 64);
}

/* The same over a connection, whose exporters are proven at once: new routers, more than have a
 * place by themselves, are not pushed out for it. */
static void test_domains_of_one_connection(void)
{
    enum { NEW = 100 };
    int64_t now_ns;
    uint64_t before;

    begin();
    now_ns = routers_come();
    before = seen.router_records;
    for (uint32_t i = 0; i < NEW; i++) {
        send_both(NEWCOMER + i, 1, 0, now_ns);
    }
    for (uint32_t d = 0; d < 20000; d++) {
        begin_message(d, 0);
        one_template(256, 8, 4);
        end_message();
        CHECK_EQ(give_stream(ATTACKER, 1, now_ns), FT_V_DECODED);
    }
    for (uint32_t i = 0; i < NEW; i++) { /* not yet a second later */
        send_data(NEWCOMER + i, 1, 1, now_ns + SECOND / 2);
    }
    CHECK_EQ(seen.router_records - before, 2 * NEW);
    routers_still_there(now_ns);
    end("one connection with 20,000 domains", 64);
}

/* Addresses of one /64 are one source: who has a network of them pushes out itself, too. */
static void test_addresses_of_one_network(void)
{
    struct ft_peer peer = {.ip_version = 6, .addr = {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4}};
    int64_t now_ns;

    begin();
    now_ns = routers_come();
    for (uint32_t round = 0; round < 4; round++) { /* three times the same, then more */
        uint32_t from = round < 3 ? 0 : 100000, n = round < 3 ? 16384 - ROUTERS : 20;

        for (uint32_t i = from; i < from + n; i++) {
            for (int k = 0; k < 4; k++) {
                peer.addr[12 + k] = (uint8_t)(i >> 8 * k);
            }
            begin_message(1, 0);
            one_template(256, 8, 4);
            end_message();
            CHECK_EQ(ft_collector_take(collector, &peer, message, (size_t)(at - message),
                                       now_ns + (i - from) * INT64_C(1000)),
                     FT_V_DECODED);
            at = message;
        }
        now_ns += 2 * (int64_t)SECOND;
    }
    routers_still_there(now_ns);
    end("16,340 addresses of one network", 64);
}

/* Invented senders that are heard again, so that they count as proven, fill the table; and more of
 * them come. Routers that were there before stay, though they are silent meanwhile. */
static void test_invented_senders_that_prove(void)
{
    int64_t now_ns;

    begin();
    now_ns = routers_come();
    for (uint32_t wave = 0; wave < 80; wave++) { /* 68 of them fill the table exactly */
        for (int round = 0; round < 3; round++) {
            for (uint32_t i = 0; i < 240; i++) {
                send_both(0x0a000000 + wave * 1000 + i, 1, 0, now_ns + i * INT64_C(1000));
            }
            now_ns += 2 * (int64_t)SECOND;
        }
    }
    routers_still_there(now_ns);
    end("19,200 invented senders that come again", 64);
}

/* A site behind one address with more domains than a share: a flood of invented senders takes no
 * more of it than new ones have places. */
static void test_a_big_site(void)
{
    int64_t now_ns;
    uint64_t before;

    begin();
    now_ns = routers_come();
    for (uint32_t k = 0; k < 3; k++) {
        for (uint32_t d = 0; d < 3000; d++) {
            send_both(SITE, d, k, now_ns);
        }
        now_ns += 2 * (int64_t)SECOND;
    }
    for (uint32_t i = 0; i < 200000; i++) {
        send_both(0x0a000000 + i, 1, 0, now_ns);
    }
    before = seen.router_records;
    for (uint32_t d = 0; d < 3000; d++) {
        send_data(SITE, d, 3, now_ns);
    }
    CHECK(seen.router_records - before >= 3000 - 16384 / 256);
    routers_still_there(now_ns);
    end("200,000 invented senders against a big site", 64);
}

/* A forgotten exporter costs no walk: as much in a table of 16384 as in one of 262144. */
static void test_cost_of_forgetting(void)
{
    static const uint32_t sizes[2] = {16384, 262144};
    double took[2];

    for (int k = 0; k < 2; k++) {
        begin_with(sizes[k]);
        for (uint32_t i = 0; i < sizes[k]; i++) {
            send_both(0x0a000000 + i, 1, 0, start_ns);
        }
        took[k] = cpu_s();
        for (uint32_t i = 0; i < 100000; i++) {
            send_both(0x0b000000 + i, 1, 0, start_ns);
        }
        took[k] = cpu_s() - took[k];
        ft_collector_free(collector);
    }
    printf("100,000 senders, each in place of another: %.3f s, of 262,144 %.3f s\n", took[0],
           took[1]);
    CHECK(took[1] < 8 * took[0] + 0.2); /* a walk over the table: 100,000 x 1 ms */
}

/* ---- templates ---- */

/* One sender, then many, take all that templates may take. A site with a moderate number of them
 * keeps them. */
static void test_templates_of_one_sender(void)
{
    int64_t now_ns;
    uint64_t before;

    begin();
    now_ns = routers_come();
    for (uint32_t k = 0; k < 2; k++) {
        for (uint32_t d = 0; d < 100; d++) {
            begin_message(d, 0);
            begin_set(2);
            for (uint32_t i = 0; i < 20; i++) {
                flow_template(256 + i, 500000 + 20 * d + i);
            }
            end_set();
            end_message();
            give(SITE, now_ns);
        }
        now_ns += 2 * (int64_t)SECOND;
    }
    for (uint32_t d = 0; d < 70; d++) { /* it proves itself, then sends all at once */
        send_both(ATTACKER, d, 0, now_ns);
        send_both(ATTACKER, d, 1, now_ns + 2 * (int64_t)SECOND);
    }
    now_ns = template_flood(70, 4096, true, now_ns + 3 * (int64_t)SECOND);
    for (uint32_t s = 0; s < 3000; s++) { /* and many: each has little */
        begin_message(1, 0);
        begin_set(2);
        for (uint32_t i = 0; i < 60; i++) {
            flow_template(256 + i, 9000000 + s * 60 + i);
        }
        end_set();
        end_message();
        give(0x0b000000 + s, now_ns);
    }
    before = seen.router_records;
    for (uint32_t d = 0; d < 100; d++) {
        begin_message(d, 0);
        for (uint32_t i = 0; i < 20; i++) {
            begin_set(256 + i);
            flow_data(1);
            end_set();
        }
        end_message();
        give(SITE, now_ns);
    }
    CHECK_EQ(seen.router_records - before, 2000);
    routers_still_there(now_ns);
    end("286,720 templates of one sender, 180,000 of many", 200);
}

/* 20 datagrams full of templates, with ids that repeat below a bound. */
static double template_ids(uint32_t bound)
{
    double from = cpu_s();
    uint32_t id = 0;

    for (int k = 0; k < 20; k++) {
        begin_message(1, 0);
        begin_set(2);
        for (int i = 0; i < 8000; i++) {
            p16(256 + id++ % bound);
            p16(1);
            p16(8);
            p16(4);
        }
        end_set();
        end_message();
        give(ATTACKER, start_ns);
    }
    return cpu_s() - from;
}

/* Which of 4096 templates is the oldest, and where a new id belongs, is not searched for. */
static void test_cost_of_templates(void)
{
    double few, many;

    begin();
    template_ids(4096);
    few = template_ids(4096);
    many = template_ids(65000);
    printf("160,000 templates: %.3f s, each in place of another %.3f s\n", few, many);
    CHECK(many < 5 * few + 0.15);
    end("templates of which each replaces the oldest", 8);
}

/* 20 messages full of withdrawals of what is not there. */
static double withdrawals(void)
{
    double from = cpu_s();

    for (int k = 0; k < 20; k++) {
        begin_message(1, 0);
        for (uint32_t set = 2; set <= 3; set++) {
            begin_set(set);
            for (uint32_t i = 0; i < 8000; i++) {
                p16(set == 2 ? 40000 + i % 4096 : 3); /* one; all options templates */
                p16(0);
            }
            end_set();
        }
        end_message();
        give_stream(ATTACKER, 1, start_ns);
    }
    return cpu_s() - from;
}

static void test_cost_of_withdrawals(void)
{
    double none, many;

    begin();
    none = withdrawals();
    for (uint32_t id = 256; id < 4352;) {
        begin_message(1, 0);
        for (int i = 0; i < 16; i++) {
            one_template(id++, 8, 4);
        }
        end_message();
        give_stream(ATTACKER, 1, start_ns);
    }
    many = withdrawals();
    printf("320,000 withdrawals: %.3f s, among 4,096 templates %.3f s\n", none, many);
    CHECK(many < 5 * none + 0.1);
    end("withdrawals", 8);
}

/* 16,000 times the same template under another id; types: described anew each time. */
static double stale_plans(bool types)
{
    double from;

    begin();
    describe(ATTACKER, start_ns, true, 1, 1, 0);
    from = cpu_s();
    for (uint32_t i = 0; i < 16000; i++) {
        if (types) {
            describe(ATTACKER, start_ns, false, 1, 1, i);
        }
        begin_message(2 + i / 4000, 0);
        begin_set(2);
        p16(256 + i % 4000);
        p16(1);
        p16(0x8000 | 1);
        p16(4);
        p32(77777);
        end_set();
        end_message();
        give(ATTACKER, start_ns);
    }
    from = cpu_s() - from;
    ft_collector_free(collector);
    return from;
}

/* ---- what else all share ---- */

/* Data without templates, of one sender and of many: a router's still waits for its template. */
static void test_waiting_data(void)
{
    int64_t now_ns;
    uint64_t before;

    begin();
    now_ns = routers_come();
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t d = 0; d < 400; d++) {
            begin_message(d, 0);
            begin_set(300);
            at += round == 0 ? 10 : 32000;
            end_set();
            end_message();
            give(ATTACKER, now_ns);
        }
        now_ns += 2 * (int64_t)SECOND;
    }
    for (uint32_t s = 0; s < 1000; s++) {
        begin_message(1, 0);
        begin_set(300);
        at += 60000;
        end_set();
        end_message();
        give(0x0b000000 + s, now_ns);
    }
    before = seen.router_records;
    for (uint32_t r = 0; r < ROUTERS; r++) {
        begin_message(1, router_sequence);
        begin_set(300);
        at += 50000;
        end_set();
        end_message();
        give(0xc0000200 + r, now_ns);
        begin_message(1, router_sequence);
        one_template(300, 1, 8);
        end_message();
        give(0xc0000200 + r, now_ns);
    }
    CHECK_EQ(seen.router_records - before, ROUTERS * UINT64_C(6250));
    end("data of 400 domains and 1,000 senders that waits", 64);
}

static void options_names(uint32_t id)
{
    begin_set(3);
    p16(id);
    p16(2);
    p16(1);
    p16(10);
    p16(8);
    p16(82);
    p16(4);
    end_set();
}

/* n interface names with ids that multiply spreads. */
static void names(uint32_t address, uint32_t domain, uint64_t first, uint32_t n, uint64_t multiply,
                  int64_t now_ns)
{
    while (n > 0) {
        uint32_t most = n < 5000 ? n : 5000;

        begin_message(domain, 0);
        options_names(300);
        begin_set(300);
        for (uint32_t i = 0; i < most; i++, first++) {
            p32((uint32_t)(first * multiply >> 32));
            p32((uint32_t)(first * multiply));
            memcpy(at, "name", 4);
            at += 4;
        }
        end_set();
        end_message();
        give(address, now_ns);
        n -= most;
    }
}

/* All names that all may have, of one sender and of many: a router's are still learnt. */
static void test_names_of_others(void)
{
    int64_t now_ns;

    begin();
    now_ns = routers_come();
    for (uint32_t d = 0; d < 64; d++) {
        names(ATTACKER, d, 0, 8, 1, now_ns);
        names(ATTACKER, d, 0, 8192, 1, now_ns + 2 * (int64_t)SECOND);
    }
    now_ns += 3 * (int64_t)SECOND;
    for (uint32_t s = 0; s < 100; s++) {
        names(0x0b000000 + s, 1, 0, 8192, 1, now_ns);
    }
    names(0xc0000200, 1, 77, 1, 1, now_ns);
    begin_message(1, router_sequence);
    one_template(400, 10, 4);
    begin_set(400);
    p32(77);
    end_set();
    end_message();
    seen.format = true;
    give(0xc0000200, now_ns);
    CHECK(strstr((const char *)line, "\"ingress_interface_name\":\"name\"") != NULL);
    end("names of 64 domains and 100 senders", 64);
}

/* Names are full. A source that has its share gets no more, and nobody goes for that; for one that
 * may have more, new ones go that have names, and no others. */
static void test_room_for_names(void)
{
    enum { NEW = 10, HOARDERS = 4 };
    int64_t now_ns;
    uint64_t before;
    struct ft_collect_stats st;

    begin();
    now_ns = routers_come();
    for (uint32_t s = 0; s < HOARDERS; s++) {
        for (uint32_t d = 0; d < 9; d++) {
            names(ATTACKER + s, d, 0, 1, 1, now_ns);
        }
    }
    now_ns += 2 * (int64_t)SECOND;
    for (uint32_t s = 0; s < HOARDERS; s++) {
        for (uint32_t d = 0; d < 8; d++) {
            names(ATTACKER + s, d, 0, s < 3 ? 8192 : 8000, 1, now_ns);
        }
    }
    names(0x0b000001, 1, 0, 8192, 1, now_ns); /* a new one fills them up */
    before = seen.router_records;
    for (uint32_t i = 0; i < NEW; i++) {
        send_both(NEWCOMER + i, 1, 0, now_ns);
    }
    for (uint32_t d = 0; d < 9; d++) {
        names(ATTACKER, d, 0, 8192, 1, now_ns);
    }
    ft_collector_get_stats(collector, &st);
    CHECK_EQ(st.exporters_evicted, 0);
    names(0xc0000200, 1, 77, 1, 1, now_ns);
    ft_collector_get_stats(collector, &st);
    CHECK_EQ(st.exporters_evicted, 1);
    for (uint32_t i = 0; i < NEW; i++) {
        send_data(NEWCOMER + i, 1, 1, now_ns);
    }
    CHECK_EQ(seen.router_records - before, 2 * NEW);
    end("names of sources that have their share", 64);
}

/* 10 datagrams of records whose interfaces have no name, ids as before. */
static double nameless(uint64_t first, uint64_t multiply)
{
    double from = cpu_s();

    for (int k = 0; k < 10; k++) {
        begin_message(1, 0);
        one_template(400, 10, 8);
        begin_set(400);
        for (uint64_t i = first; i < first + 8000; i++) {
            p32((uint32_t)(i * multiply >> 32));
            p32((uint32_t)(i * multiply));
        }
        end_set();
        end_message();
        give(ATTACKER, start_ns);
    }
    return cpu_s() - from;
}

/* Ids of names that would lie in a row if the hash were the golden ratio's, as it was. */
static void test_cost_of_names(void)
{
    uint64_t inverse = 1, chosen;
    double any, row;

    for (int i = 0; i < 6; i++) { /* Newton, modulo 2^64 */
        inverse *= 2 - UINT64_C(0x9e3779b97f4a7c15) * inverse;
    }
    chosen = inverse << 32; /* multiplied by the ratio: 1 << 32, the next slot */
    begin();
    names(ATTACKER, 1, 0, 8000, 0x9e3779b1u, start_ns);
    any = nameless(9000, 0x9e3779b1u);
    ft_collector_free(collector);
    begin();
    names(ATTACKER, 1, 0, 8000, chosen, start_ns);
    row = nameless(16384, chosen);
    printf("80,000 names that are not there: %.3f s, with chosen ids %.3f s\n", any, row);
    CHECK(row < 5 * any + 0.1);
    end("names with chosen ids", 8);
}

/* 40 times: sets that wait, then templates that they do not wait for. */
static double templates_beside(bool waiting)
{
    double from = cpu_s();

    for (uint32_t k = 0; k < 40; k++) {
        begin_message(k, 0);
        for (uint32_t i = 0; waiting && i < 8000; i++) {
            begin_set(60000 + i % 5000);
            p32(1);
            end_set();
        }
        end_message();
        give(ATTACKER, start_ns);
        begin_message(k, 0);
        begin_set(2);
        for (uint32_t i = 0; i < 8000; i++) {
            p16(256 + i % 4000);
            p16(1);
            p16(8);
            p16(4);
        }
        end_set();
        end_message();
        give(ATTACKER, start_ns);
    }
    return cpu_s() - from;
}

static void test_cost_of_waiting(void)
{
    double none, many;

    begin();
    templates_beside(false);
    none = templates_beside(false);
    many = templates_beside(true);
    printf("320,000 templates: %.3f s, with data that waits for others %.3f s\n", none, many);
    CHECK(many < 6 * none + 0.1);
    end("templates beside data that waits", 8);
}

static void test_cost_of_stale_plans(void)
{
    double same = stale_plans(false), anew = stale_plans(true);

    printf("16,000 equal templates: %.3f s, with types that change %.3f s\n", same, anew);
    CHECK(anew < 12 * same + 0.3); /* it is compiled each time; no walk over those before */
}

static void described_record(uint32_t address, int64_t now_ns, bool template)
{
    begin_message(1, 0);
    if (template) {
        begin_set(2);
        p16(400);
        p16(1);
        p16(0x8000 | 7);
        p16(1);
        p32(99999);
        end_set();
    }
    begin_set(400);
    p8(200);
    end_set();
    end_message();
    seen.format = true;
    CHECK_EQ(give(address, now_ns), FT_V_DECODED);
    seen.format = false;
}

/* An element that one source described is read by that, whatever another one says of it, before or
 * after; one that described it anew is read by the new words, and no change of the template is told
 * that is none. */
static void test_types_of_another(void)
{
    enum { B = 0xc0000b01 };

    begin();
    describe(ATTACKER, start_ns, true, 7, 1, 1); /* it comes first */
    describe(B, start_ns, true, 7, 1, 2);
    described_record(B, start_ns, true);
    CHECK(strstr((const char *)line, "\"n0000009\":") != NULL);
    described_record(ATTACKER, start_ns, true);
    CHECK(strstr((const char *)line, "\"n0000008\":") != NULL);
    describe(ATTACKER, start_ns, false, 7, 1, 4);
    for (int again = 0; again < 2; again++) {
        described_record(B, start_ns, again == 1);
        CHECK(strstr((const char *)line, "\"n0000009\":") != NULL);
    }
    described_record(NEWCOMER, start_ns, true); /* has described nothing */
    CHECK(strstr((const char *)line, "\"pen_99999_ie_7\":") != NULL);
    describe(NEWCOMER, start_ns, true, 7, 1, 5);
    described_record(NEWCOMER, start_ns, true);
    CHECK(strstr((const char *)line, "\"n0000002\":") != NULL);
    CHECK_EQ(seen.changed, 0); /* the same fields: only what is known of them is new */
    describe(B, start_ns, false, 7, 1, 3);
    described_record(B, start_ns, true);
    CHECK(strstr((const char *)line, "\"n0000000\":") != NULL);
    CHECK_EQ(seen.changed, 0);
    end("an element that another source describes", 8);
}

/* ---- connections ---- */

/* What ends with its connection ends: exporters, and what was said of them. */
static void test_sessions(void)
{
    struct ft_collect_stats st;
    char *state = NULL;
    size_t len = 0, cap = 0;

    begin();
    for (uint32_t session = 1; session <= 5000; session++) {
        for (uint32_t d = 0; d < 3; d++) {
            begin_message(d, 0);
            begin_set(2);
            flow_template(256, d);
            end_set();
            begin_set(256);
            flow_data(2);
            end_set();
            begin_set(300); /* waits for a template that does not come */
            flow_data(1);
            end_set();
            end_message();
            CHECK_EQ(give_stream(0xc0000201, session, start_ns), FT_V_DECODED);
        }
        if (session > 1) { /* always two at a time */
            end_stream(0xc0000201, session - 1);
        }
        ft_collector_get_stats(collector, &st);
        CHECK_EQ(st.exporters, 3);
        CHECK_EQ(seen.health, (session - 1) * UINT64_C(3)); /* the last word on each */
    }
    ft_collector_report(collector, start_ns);
    CHECK_EQ(seen.health, 4999 * 3 + 3);
    CHECK_EQ(ft_collector_save(collector, true, &state, &len, &cap), FT_OK);
    CHECK(len > 0 && memmem(state, len, "exporter", 8) == NULL); /* nor does it survive a restart */
    ft_mem_free(state);
    end_stream(0xc0000201, 5000);
    seen.health = 0;
    ft_collector_report(collector, start_ns);
    ft_collector_get_stats(collector, &st);
    CHECK_EQ(seen.health, 0);
    CHECK_EQ(st.exporters, 0);
    CHECK_EQ(st.exporters_evicted, 0);
    CHECK_EQ(st.records, 30000);
    CHECK_EQ(st.no_template, 15000);
    end("5,000 connections one after the other", 4);
}

/* The end of a connection costs no walk over the exporters that others have. */
static void test_cost_of_sessions(void)
{
    double none = 0, many = 0;

    begin();
    for (int k = 0; k < 2; k++) {
        double from = cpu_s();

        for (uint32_t session = 1; session <= 5000; session++) {
            begin_message(1, 0);
            end_message();
            give_stream(ATTACKER, session, start_ns);
            end_stream(ATTACKER, session);
        }
        *(k == 0 ? &none : &many) = cpu_s() - from;
        for (uint32_t i = 0; i < 16000; i++) {
            send_both(ATTACKER, i, 0, start_ns);
        }
    }
    printf("5,000 connections: %.3f s, beside 16,000 exporters %.3f s\n", none, many);
    CHECK(many < 6 * none + 0.1);
    end("connections beside many exporters", 32);
}

int main(void)
{
    at = message;
    RUN(test_domains_of_one_sender);
    RUN(test_domains_of_one_connection);
    RUN(test_addresses_of_one_network);
    RUN(test_invented_senders_that_prove);
    RUN(test_a_big_site);
    RUN(test_cost_of_forgetting);
    RUN(test_templates_of_one_sender);
    RUN(test_cost_of_templates);
    RUN(test_cost_of_withdrawals);
    RUN(test_cost_of_stale_plans);
    RUN(test_waiting_data);
    RUN(test_names_of_others);
    RUN(test_room_for_names);
    RUN(test_types_of_another);
    RUN(test_cost_of_names);
    RUN(test_cost_of_waiting);
    RUN(test_sessions);
    RUN(test_cost_of_sessions);
    return test_end();
}
