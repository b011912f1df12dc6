/* SPDX-License-Identifier: Apache-2.0 */
/* model/labels: rules files, right and wrong; which rule a flow gets. */
#include "model/labels.h"

#include <arpa/inet.h>

#include "harness.h"

#define SEC INT64_C(1000000000)

static struct ft_labels *rules;

static void parse(const char *text)
{
    struct ft_err err = {0};
    int rc = ft_labels_parse(text, strlen(text), &rules, &err);

    CHECK_EQ(rc, FT_OK);
    if (rc != FT_OK) {
        fprintf(stderr, "%s\n", err.what);
        abort();
    }
}

static struct ft_flow_record flow(const char *src, uint16_t sport, const char *dst, uint16_t dport,
                                  int64_t first_ns)
{
    struct ft_flow_record r = {
        .ip_version = 4, .proto = 6, .src_port = sport, .dst_port = dport, .first_ns = first_ns};

    CHECK_EQ(inet_pton(AF_INET, src, r.src), 1);
    CHECK_EQ(inet_pton(AF_INET, dst, r.dst), 1);
    return r;
}

/* The line of the rule that it gets; 0: none. */
static uint32_t line(struct ft_flow_record r, bool unclear)
{
    bool other;
    const struct ft_label_rule *got = ft_labels_find(rules, &r, &other);

    CHECK_EQ(other, unclear);
    return got != NULL ? got->line : 0;
}

static void test_times(void)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"1499247780", 1499247780 * SEC},
        {"1499247780.25", 1499247780 * SEC + SEC / 4},
        {"2017-07-05T09:43:00Z", 1499247780 * SEC},
        {"2017-07-05 09:43:00", 1499247780 * SEC},
        {"2017-07-05T06:43:00-03:00", 1499247780 * SEC},
        {"2017-07-05T09:43:00.000001Z", 1499247780 * SEC + 1000},
        {"2016-02-29T00:00:00Z", 1456704000 * SEC},
        {"1970-01-01T00:00:00Z", 0},
        {"2262-04-11T23:47:14Z", INT64_C(9223372034000000000)},
        {"9999-12-31T23:59:59Z", INT64_MAX},
    };
    char text[128];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "start,attack\n%s,x\n", cases[i].text);
        parse(text);
        CHECK_EQ(rules->rules[0].from_ns, cases[i].ns);
        ft_labels_free(rules);
    }
}

static void test_every_condition(void)
{
    static const char text[] =
        "# DoS of a morning\n"
        "start,end,src,dst,src_port,dst_port,protocol,direction,label,attack\n"
        "100,200,10.0.0.0/8,192.168.1.1,1024-65535,80,tcp,forward,1,\"a, b\"\n";
    struct ft_flow_record good = flow("10.1.2.3", 5000, "192.168.1.1", 80, 150 * SEC), r;

    parse(text);
    CHECK_EQ(rules->n, 1);
    CHECK_EQ(line(good, false), 3);
    CHECK_MEM(rules->rules[0].attack, "a, b", 4);
    r = good;
    r.first_ns = 100 * SEC;
    CHECK_EQ(line(r, false), 3);
    r = good;
    r.first_ns = 200 * SEC;
    CHECK_EQ(line(r, false), 3);
    r = good;
    r.first_ns = 100 * SEC - 1;
    CHECK_EQ(line(r, false), 0);
    r = good;
    r.first_ns = 200 * SEC + 1;
    CHECK_EQ(line(r, false), 0);
    r = good;
    r.src[0] = 11;
    CHECK_EQ(line(r, false), 0);
    r = good;
    r.dst[3] = 2;
    CHECK_EQ(line(r, false), 0);
    r = good;
    r.src_port = 1023;
    CHECK_EQ(line(r, false), 0);
    r = good;
    r.dst_port = 81;
    CHECK_EQ(line(r, false), 0);
    r = good;
    r.proto = 17;
    CHECK_EQ(line(r, false), 0);
    r = good;
    r.ip_version = 6;
    CHECK_EQ(line(r, false), 0);
    CHECK_EQ(line(flow("192.168.1.1", 80, "10.1.2.3", 5000, 150 * SEC), false), 0);
    ft_labels_free(rules);
}

static void test_either_way(void)
{
    parse("src,dst_port,attack\n10.0.0.1,80,x\n");
    CHECK_EQ(line(flow("10.0.0.1", 5000, "10.0.0.2", 80, 0), false), 2);
    CHECK_EQ(line(flow("10.0.0.2", 80, "10.0.0.1", 5000, 0), false), 2);
    CHECK_EQ(line(flow("10.0.0.2", 5000, "10.0.0.1", 80, 0), false), 0);
    ft_labels_free(rules);
}

/* The type of ICMP is kept where ports are, and is none. */
static void test_no_ports(void)
{
    struct ft_flow_record r = flow("10.0.0.1", 8, "10.0.0.2", 0, 0);

    parse("dst_port,attack\n8,x\n");
    CHECK_EQ(line(r, false), 2);
    r.proto = 1;
    CHECK_EQ(line(r, false), 0);
    r.proto = 132;
    CHECK_EQ(line(r, false), 2);
    r.no_ports = true;
    CHECK_EQ(line(r, false), 0);
    ft_labels_free(rules);
    parse("src_port,attack\n0,x\n");
    CHECK_EQ(line(r, false), 2);
    ft_labels_free(rules);
}

/* The first rule stands; one that asks for less of the same is for the rest, and no contradiction.
 */
static void test_order(void)
{
    parse("start,end,src,label,attack\r\n"
          "0,100,10.0.0.1,1,scan\r\n"
          "\r\n"
          "50,150,10.0.0.1,1,flood\r\n"
          "50,150,,1,scan\r\n"
          ",,,0,\r\n");
    CHECK_EQ(rules->n, 4);
    CHECK_EQ(line(flow("10.0.0.1", 1, "1.1.1.1", 2, 20 * SEC), false), 2);
    CHECK_EQ(line(flow("10.0.0.1", 1, "1.1.1.1", 2, 60 * SEC), true), 2);
    CHECK_EQ(line(flow("10.0.0.1", 1, "1.1.1.1", 2, 120 * SEC), false), 4);
    CHECK_EQ(line(flow("10.0.0.9", 1, "1.1.1.1", 2, 120 * SEC), false), 5);
    CHECK_EQ(line(flow("10.0.0.9", 1, "1.1.1.1", 2, 500 * SEC), false), 6);
    CHECK_EQ(rules->rules[3].label, 0);
    CHECK_EQ(rules->rules[3].attack_len, 0);
    ft_labels_free(rules);
    parse("dst_port,label\n80,1\n80,0\n"); /* asks for the same, not for less */
    CHECK_EQ(line(flow("10.0.0.1", 1, "1.1.1.1", 80, 0), true), 2);
    ft_labels_free(rules);
}

/* As spreadsheets write UTF-8. */
static void test_byte_order_mark(void)
{
    parse("\xef\xbb\xbflabel\n1\n");
    CHECK_EQ(rules->n, 1);
    ft_labels_free(rules);
}

static void test_wrong(void)
{
    static const char *const cases[][2] = {
        {"", "there is no header"},
        {"# only this\n", "there is no header"},
        {"src,dst\n", "line 1: neither 'label' nor 'attack' is among the columns"},
        {"src,srcc,label\n", "line 1: 'srcc': no column of rules, or twice"},
        {"src,src,label\n", "line 1: 'src': no column of rules, or twice"},
        {"src,label\n10.0.0.1\n", "line 2: there are fewer cells than columns"},
        {"src,label\n10.0.0.1,1,2\n", "line 2: there are more cells than columns"},
        {"src,label\n10.0.0,1\n", "line 2: src: '10.0.0': allowed is an address or a prefix"},
        {"label\n\n2\n", "line 3: label: '2': allowed is 0, 1"},
        {"start,end,label\n5,4,1\n", "line 2: it ends before it starts"},
        {"dst_port,label\n80-79,1\n", "line 2: dst_port: '80-79': allowed is a port, or FROM-TO"},
        {"protocol,label\n256,1\n", "line 2: protocol: '256': allowed is a number up to 255, tcp, "
                                    "udp, icmp, icmpv6, sctp"},
        {"start,label\n2017-13-01T00:00:00Z,1\n",
         "line 2: start: '2017-13-01T00:00:00Z': allowed is seconds since 1970, or "
         "2017-07-05T09:43:00Z"},
        {"start,label\n2017-02-29T00:00:00Z,1\n",
         "line 2: start: '2017-02-29T00:00:00Z': allowed is seconds since 1970, or "
         "2017-07-05T09:43:00Z"},
        {"start,label\n2017- 7- 5T09:43:00Z,1\n",
         "line 2: start: '2017- 7- 5T09:43:00Z': allowed is seconds since 1970, or "
         "2017-07-05T09:43:00Z"},
        {"end,label\n2017-07-05T09:43:00+-1:00,1\n",
         "line 2: end: '2017-07-05T09:43:00+-1:00': allowed is seconds since 1970, or "
         "2017-07-05T09:43:00Z"},
        {"start,label\n2017-07-05,1\n", "line 2: start: '2017-07-05': allowed is seconds since "
                                        "1970, or 2017-07-05T09:43:00Z"},
        {"attack\n\"x\n", "line 2: a quoted cell has no end, or is too long"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_err err = {0};

        CHECK_EQ(ft_labels_parse(cases[i][0], strlen(cases[i][0]), &rules, &err), FT_E_FORMAT);
        CHECK_STR(err.what, cases[i][1]);
    }
}

int main(void)
{
    RUN(test_times);
    RUN(test_every_condition);
    RUN(test_either_way);
    RUN(test_no_ports);
    RUN(test_order);
    RUN(test_byte_order_mark);
    RUN(test_wrong);
    return test_end();
}
