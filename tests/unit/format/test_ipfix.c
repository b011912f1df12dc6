/* SPDX-License-Identifier: Apache-2.0 */
/* format/ipfix: each field of a record by its template, times in their units to the last digit,
 * values that elements cannot hold, what NetFlow cannot, how many templates there may be. */
#include <string.h>

#include "base/rd.h"
#include "format/flow_steps.h"
#include "format/format.h"
#include "harness.h"

enum { ENTERPRISE = 4711 };

static uint8_t row[2 * FT_FORMAT_FLOW_MIN];
static struct ft_columns columns;

static struct ft_flow_record make(int version)
{
    struct ft_flow_record r = {.flow_id = 0x0123456789abcdef,
                               .timestamp_ns = 1719409374999999999,
                               .first_ns = 1719409371020000001,
                               .last_ns = 1719409371100200999,
                               .packets = {8, 5},
                               .bytes = {986, 2682},
                               .ip_bytes = {832, 2600},
                               .packets_delta = {8, 5},
                               .bytes_delta = {986, 2682},
                               .ip_bytes_delta = {832, 2600},
                               .src_port = 50000,
                               .dst_port = 443,
                               .proto = 6,
                               .ip_version = (uint8_t)version,
                               .tcp_flags = {27, 18},
                               .reason = FT_REASON_END,
                               .is_final = true,
                               .src = {192, 0, 2, 1},
                               .dst = {198, 51, 100, 80}};

    memcpy(r.dir_first_ns, (int64_t[]){r.first_ns, r.first_ns + 11000000}, 16);
    r.since_ns = r.first_ns;
    memcpy(r.dir_since_ns, r.dir_first_ns, 16);
    memcpy(r.dir_last_ns, (int64_t[]){r.last_ns, r.last_ns - 5000000}, 16);
    return r;
}

static struct ft_format *open_one(const char *format, const char *times, bool uniflow,
                                  const char *pen)
{
    struct ft_format_config cfg = {.columns = &columns,
                                   .events = 1u << FT_EVENT_FLOW,
                                   .times = times,
                                   .uniflow = uniflow,
                                   .pen = pen};
    struct ft_format *f = NULL;
    struct ft_err err = {0};

    ft_columns_compose(1, &columns);
    CHECK_EQ(ft_format_find(format)->open(&cfg, &f, &err), FT_OK);
    return f;
}

/* Bytes of one record. */
static size_t put(const struct ft_format *f, struct ft_flow_record *r)
{
    r->part[FT_PART_CORE] = r;
    return f->ops->flow(f, row, r);
}

/* The place of a field in a row, by its template; its length is *out_len (variable: of its bytes).
 * NULL: the record does not have it. */
static const uint8_t *field(const struct ft_format *f, const uint8_t *at, uint32_t pen, uint16_t ie,
                            size_t *out_len)
{
    struct ft_flow_head h;

    memcpy(&h, at, sizeof h);
    const struct ft_flow_template *t = &f->templates->of[h.template];
    const uint8_t *p = at + sizeof h, *found = NULL;
    struct ft_rd rd = ft_rd_make(t->record, t->len);

    CHECK_EQ(ft_rd_u16(&rd), FT_FLOW_TEMPLATE_FIRST + h.template);
    for (uint16_t n = ft_rd_u16(&rd); n > 0; n--) {
        uint16_t id = ft_rd_u16(&rd), len = ft_rd_u16(&rd);
        uint32_t whose = id & 0x8000 ? ft_rd_u32(&rd) : 0;

        if (len == FT__FLOW_VARIABLE) {
            len = *p++;
            CHECK(len < 255);
        }
        if ((id & 0x7fff) == ie && whose == pen) {
            found = p;
            *out_len = len;
        }
        p += len;
    }
    CHECK(ft_rd_ok(&rd) && ft_rd_left(&rd) == 0);
    CHECK(p == at + h.len); /* the template says all of it */
    return found;
}

static uint64_t number(const struct ft_format *f, const uint8_t *at, uint32_t pen, uint16_t ie)
{
    size_t len = 0;
    const uint8_t *p = field(f, at, pen, ie, &len);
    uint64_t v = 0;

    CHECK(p != NULL);
    for (size_t i = 0; p != NULL && i < len; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static bool has(const struct ft_format *f, const uint8_t *at, uint32_t pen, uint16_t ie)
{
    size_t len;

    return field(f, at, pen, ie, &len) != NULL;
}

static void test_biflow(void)
{
    struct ft_format *f = open_one("ipfix", NULL, false, NULL);
    struct ft_flow_record r = make(4);

    CHECK(put(f, &r) < FT_FORMAT_FLOW_MIN);
    CHECK_EQ(number(f, row, 0, 8), 0xc0000201);
    CHECK_EQ(number(f, row, 0, 12), 0xc6336450);
    CHECK_EQ(number(f, row, 0, 148), 0x0123456789abcdef);
    CHECK_EQ(number(f, row, 0, 136), 3);
    CHECK_EQ(number(f, row, 0, 1), 832);
    CHECK_EQ(number(f, row, FT_PEN_REVERSE, 1), 2600);
    CHECK_EQ(number(f, row, 0, 2), 8);
    CHECK_EQ(number(f, row, FT_PEN_REVERSE, 86), 5);
    CHECK_EQ(number(f, row, 0, 6), 27);
    CHECK_EQ(number(f, row, FT_PEN_REVERSE, 6), 18);
    CHECK_EQ(number(f, row, 0, 152), 1719409371020);
    CHECK_EQ(number(f, row, 0, 153), 1719409371100);
    CHECK_EQ(number(f, row, 0, 239), 1);
    CHECK(!has(f, row, 0, 243) && !has(f, row, 0, 176) && !has(f, row, 0, 27));
    CHECK_EQ(f->templates->n, 1);
    CHECK(put(f, &r) < FT_FORMAT_FLOW_MIN);
    CHECK_EQ(f->templates->n, 1);

    r.packets[1] = r.packets_delta[1] = 0; /* one direction: nothing of the other */
    r.scope = 42;
    CHECK(put(f, &r) < FT_FORMAT_FLOW_MIN);
    CHECK_EQ(f->templates->n, 2);
    CHECK(!has(f, row, FT_PEN_REVERSE, 1) && !has(f, row, 0, 239));
    CHECK_EQ(number(f, row, 0, 243), 42);
    f->ops->end(f);
}

static void test_times(void)
{
    struct ft_format *us = open_one("ipfix", "us", false, NULL),
                     *ns = open_one("ipfix", "ns", false, NULL);
    struct ft_flow_record r = make(6);

    for (int64_t i = 0; i < 4000; i++) {
        r.last_ns = r.first_ns + i * 999999937 % 70000000000;
        r.last_ns += i == 3999 ? (int64_t)5000 * 1000000000 : 0;
        CHECK(put(ns, &r) < FT_FORMAT_FLOW_MIN);
        CHECK_EQ(ft_ntp_to_ns(number(ns, row, 0, 156), false), r.first_ns);
        CHECK_EQ(ft_ntp_to_ns(number(ns, row, 0, 157), false), r.last_ns);
        CHECK_EQ(has(ns, row, 0, 162), i < 3999); /* 32 bits of us: 71 minutes */
        CHECK(put(us, &r) < FT_FORMAT_FLOW_MIN);
        CHECK_EQ(ft_ntp_to_ns(number(us, row, 0, 155), true) / 1000, r.last_ns / 1000);
        CHECK_EQ(number(us, row, 0, 155) & 0x7ff, 0); /* RFC 7011 §6.1.9 */
    }
    CHECK(has(ns, row, 0, 27) && has(ns, row, 0, 28) && !has(ns, row, 0, 8));
    r.since_ns = -1; /* before 1970: none */
    CHECK(put(ns, &r) < FT_FORMAT_FLOW_MIN);
    CHECK(!has(ns, row, 0, 156) && has(ns, row, 0, 157));
    us->ops->end(us);
    ns->ops->end(ns);
}

static void test_enterprise(void)
{
    struct ft_format *f = open_one("ipfix", NULL, false, "4711");
    struct ft_flow_record r = make(4);
    size_t len = 0;

    CHECK(put(f, &r) < FT_FORMAT_FLOW_MIN);
    const uint8_t *p = field(f, row, ENTERPRISE, 641, &len); /* conn_state: rank 640 */

    CHECK(p != NULL && len >= 2);
    CHECK_EQ(number(f, row, ENTERPRISE, 231), r.payload_bytes[0]);
    CHECK_EQ(number(f, row, ENTERPRISE, 31), 1); /* is_final: true is 1, RFC 7011 §6.1.5 */
    f->ops->end(f);
}

/* Options data: each record by its template. */
static void check_option(const struct ft_format *f, uint32_t i, enum ft_flow_option_kind kind,
                         const uint8_t *template, size_t template_len, const uint8_t *record,
                         size_t len)
{
    const struct ft_flow_options *o = &f->templates->options;

    CHECK(i < o->n && o->of[i].kind == kind);
    CHECK_EQ(o->template[kind].len, template_len);
    CHECK(memcmp(o->template[kind].record, template, template_len) == 0);
    CHECK_EQ(o->of[i].len, len);
    CHECK(memcmp(o->bytes + o->of[i].at, record, len) == 0);
}

static struct ft_format *open_options(const char *format, const char *pen, bool none)
{
    static const struct ft_flow_interface interfaces[] = {{7, "eth0", "uplink"}};
    struct ft_format_config cfg = {.columns = &columns,
                                   .events = 1u << FT_EVENT_FLOW,
                                   .domain = strcmp(format, "netflow5") == 0 ? "5" : "16909060",
                                   .sampling = "1000",
                                   .pen = pen,
                                   .no_options = none,
                                   .interfaces = interfaces,
                                   .n_interfaces = 1};
    struct ft_format *f = NULL;
    struct ft_err err = {0};

    ft_columns_compose(1, &columns);
    CHECK_EQ(ft_format_find(format)->open(&cfg, &f, &err), FT_OK);
    return f;
}

static void test_options(void)
{
    /* clang-format off */
    static const uint8_t sampling[] = {
        5, 1, 0, 7, 0, 1,       /* id 1281, fields, scopes */
        0, 149, 0, 4,           /* observationDomainId */
        1, 46, 0, 8,            /* selectorId */
        1, 48, 0, 2,            /* selectorAlgorithm */
        1, 53, 0, 4,            /* samplingSize */
        1, 54, 0, 4,            /* samplingPopulation */
        0, 34, 0, 4, 0, 35, 0, 1, /* samplingInterval, samplingAlgorithm */
    };
    static const uint8_t rate[] = {
        1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3, /* domain, selector, random n-out-of-N */
        0, 0, 0, 1, 0, 0, 3, 0xe8,                /* 1 of 1000 */
        0, 0, 3, 0xe8, 2,
    };
    static const uint8_t interface[] = {
        5, 2, 0, 3, 0, 1, 0, 10, 0, 4, 0, 82, 0xff, 0xff, 0, 83, 0xff, 0xff,
    };
    static const uint8_t eth0[] = {
        0, 0, 0, 7, 4, 'e', 't', 'h', '0', 6, 'u', 'p', 'l', 'i', 'n', 'k',
    };
    static const uint8_t type[] = { /* RFC 5610 §3.9 */
        5, 3, 0, 5, 0, 2, 1, 47, 0, 2, 1, 90, 0, 4, 1, 83, 0, 1, 1, 88, 0, 1, 1, 85, 0xff, 0xff,
    };
    static const uint8_t is_final[] = {
        0, 31, 0, 0, 18, 103, 11, 0, 8, 'i', 's', '_', 'f', 'i', 'n', 'a', 'l',
    };
    static const uint8_t v9_sampling[] = {
        5, 1, 0, 4, 0, 8, 0, 1, 0, 4, 0, 34, 0, 4, 0, 35, 0, 1, /* scope: System */
    };
    static const uint8_t v9_rate[] = {1, 2, 3, 4, 0, 0, 3, 0xe8, 2};
    static const uint8_t v9_interface[] = {
        5, 2, 0, 4, 0, 8, 0, 2, 0, 4, 0, 82, 0, 32, 0, 83, 0, 64, /* scope: Interface */
    };
    static const uint8_t v9_eth0[100] = {
        0, 0, 0, 7, 'e', 't', 'h', '0', [36] = 'u', 'p', 'l', 'i', 'n', 'k',
    };
    /* clang-format on */
    struct ft_format *f = open_options("ipfix", "4711", false),
                     *v9 = open_options("netflow9", NULL, false),
                     *v5 = open_options("netflow5", NULL, false),
                     *none = open_options("ipfix", "4711", true);
    struct ft_flow_record r = make(4);
    struct ft_flow_head h;
    uint32_t i = 2;

    check_option(f, 0, FT_FLOW_OPTION_SAMPLING, sampling, sizeof sampling, rate, sizeof rate);
    check_option(f, 1, FT_FLOW_OPTION_INTERFACE, interface, sizeof interface, eth0, sizeof eth0);
    while (i + 1 < f->templates->options.n && /* of all columns without an element */
           ft_load_be16(f->templates->options.bytes + f->templates->options.of[i].at) != 31) {
        i++;
    }
    check_option(f, i, FT_FLOW_OPTION_TYPE, type, sizeof type, is_final, sizeof is_final);
    check_option(v9, 0, FT_FLOW_OPTION_SAMPLING, v9_sampling, sizeof v9_sampling, v9_rate,
                 sizeof v9_rate);
    check_option(v9, 1, FT_FLOW_OPTION_INTERFACE, v9_interface, sizeof v9_interface, v9_eth0,
                 sizeof v9_eth0);
    CHECK_EQ(v9->templates->options.n, 2);
    CHECK_EQ(none->templates->options.n, 1); /* the rate is no option: records would be wrong */

    CHECK(put(f, &r) < FT_FORMAT_FLOW_MIN); /* of one interface, records say which */
    CHECK_EQ(number(f, row, 0, 10), 7);
    CHECK_EQ(v5->templates->options.n, 0);
    CHECK(put(v5, &r) < FT_FORMAT_FLOW_MIN);
    memcpy(&h, row, sizeof h);
    CHECK_EQ(h.template, 1000);
    CHECK_EQ(ft_load_be16(row + sizeof h + 12), 7);
    f->ops->end(f);
    v9->ops->end(v9);
    v5->ops->end(v5);
    none->ops->end(none);
}

static void test_one_direction(void)
{
    struct ft_format *f = open_one("ipfix", NULL, true, NULL),
                     *v9 = open_one("netflow9", NULL, false, NULL);
    struct ft_flow_record r = make(4);
    struct ft_flow_head h;
    size_t len = put(f, &r);

    memcpy(&h, row, sizeof h);
    CHECK(len > h.len); /* two rows */
    CHECK_EQ(number(f, row, 0, 2), 8);
    CHECK_EQ(number(f, row + h.len, 0, 2), 5);
    CHECK_EQ(number(f, row + h.len, 0, 8), 0xc6336450);
    CHECK_EQ(number(f, row + h.len, 0, 7), 443);
    CHECK_EQ(number(f, row + h.len, 0, 6), 18);
    CHECK_EQ(number(f, row + h.len, 0, 152), 1719409371031);
    CHECK(!has(f, row + h.len, FT_PEN_REVERSE, 2) && !has(f, row, 0, 162));

    CHECK(put(v9, &r) < FT_FORMAT_FLOW_MIN);
    memcpy(&h, row, sizeof h);
    CHECK_EQ(h.first_ms, 1719409371020);
    CHECK_EQ(number(v9, row + h.len, 0, 1), 2600);
    CHECK(!has(v9, row, 0, 148) && !has(v9, row, 0, 323));
    r.packets_delta[0] = r.packets_delta[1] = 0;
    CHECK_EQ(put(v9, &r), FT_FORMAT_UNFIT(FT_UNFIT_NOTHING));
    r.packets_delta[0] = 1;
    r.first_ns = r.timestamp_ns - INT64_C(1000000000) * 86400 * 48; /* told of by records before */
    CHECK(put(v9, &r) < FT_FORMAT_FLOW_MIN);
    r.since_ns = r.first_ns;
    CHECK_EQ(put(v9, &r), FT_FORMAT_UNFIT(FT_UNFIT_TIME));
    f->ops->end(f);
    v9->ops->end(v9);
}

static void test_v5(void)
{
    struct ft_format *f = open_one("netflow5", NULL, false, NULL);
    struct ft_flow_record r = make(6);
    struct ft_flow_head h;

    CHECK_EQ(put(f, &r), FT_FORMAT_UNFIT(FT_UNFIT_IPV6));
    r = make(4);
    CHECK_EQ(put(f, &r), 2 * (sizeof h + 48));
    CHECK_EQ(ft_load_be32(row + sizeof h + 16), 8);
    CHECK_EQ(ft_load_be32(row + 2 * sizeof h + 48 + 20), 2600);
    CHECK_EQ(ft_load_be16(row + 2 * sizeof h + 48 + 32), 443);
    r.ip_bytes_delta[1] = UINT32_MAX;
    CHECK_EQ(put(f, &r), 2 * (sizeof h + 48));
    r.ip_bytes_delta[1] = (uint64_t)UINT32_MAX + 1;
    CHECK_EQ(put(f, &r), FT_FORMAT_UNFIT(FT_UNFIT_COUNTER));
    f->ops->end(f);
}

static size_t no_fields(const void *cookie, const uint64_t *key, uint8_t *out, uint16_t *out_n)
{
    (void)cookie;
    memcpy(out, key, 8);
    *out_n = 2;
    return 8;
}

static void test_templates(void)
{
    static struct ft_flow_template_list l;

    CHECK_EQ(ft_flow_templates_init(&l, FT_FLOW_IPFIX, 0, 2, 8), FT_OK);
    for (int again = 0; again < 2; again++) {
        for (uint64_t i = 0; i < FT_FLOW_TEMPLATES_MOST + 10; i++) {
            uint64_t key[2] = {i / 2, i % 2};

            CHECK_EQ(ft_flow_templates_get(&l, key, 2, no_fields, NULL),
                     i < FT_FLOW_TEMPLATES_MOST ? i : FT_FLOW_TEMPLATES_FULL);
        }
    }
    CHECK_EQ(l.n, FT_FLOW_TEMPLATES_MOST);
    CHECK_EQ(ft_load_be16(l.of[255].record), 511);
    ft_flow_templates_fini(&l);
}

int main(void)
{
    RUN(test_biflow);
    RUN(test_times);
    RUN(test_enterprise);
    RUN(test_options);
    RUN(test_one_direction);
    RUN(test_v5);
    RUN(test_templates);
    return test_end();
}
