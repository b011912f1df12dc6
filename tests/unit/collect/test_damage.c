/* SPDX-License-Identifier: Apache-2.0 */
/* collect: datagrams that are cut, or whose lengths are wrong: what is whole is used, what is not
 * is counted once (docs/rfc/netflow.md, docs/rfc/ipfix.md). */
#include "feed.h"

enum { RECORDS = 20 };

static void record(unsigned n)
{
    p32(0x0a000000 + n);
    p32(0x0a000100 + n);
    p32(n);
    p32(1000 * n);
}

/* A message of one template, given whole, and then one of RECORDS records: its length. */
static size_t begin(struct ft_collector *c, bool v9_, bool variable, size_t *out_data)
{
    if (v9_) {
        v9(0, 1, 3600000);
        TEMPLATE(0, 256, 8, 4, 12, 4, 2, 4, 1, 4);
    } else {
        ipfix(0, 1);
        TEMPLATE(2, 256, 8, 4, 12, 4, 2, 4, 1, 4, variable ? 82 : 10, variable ? 65535 : 0);
    }
    CHECK_EQ(give(c), FT_V_DECODED);
    if (v9_) {
        v9(1, 1, 3600000);
    } else {
        ipfix(0, 1);
    }
    set(256);
    *out_data = (size_t)(at - msg);
    for (unsigned i = 0; i < RECORDS; i++) {
        record(i + 1);
        if (variable) {
            p8(3);
            p8('e');
            p8('t');
            p8('h');
        }
    }
    set_end();
    return (size_t)(at - msg);
}

/* Cut at every byte: the records before the cut, and one fault. */
static void check_cut(bool v9_, bool variable)
{
    size_t data, each = variable ? 20 : 16;

    for (size_t less = 1; less < RECORDS * each; less++) {
        struct ft_collector *c = make();
        size_t len = begin(c, v9_, variable, &data);

        msg[2] = v9_ ? msg[2] : (uint8_t)(len >> 8);
        msg[3] = v9_ ? msg[3] : (uint8_t)len;
        CHECK_EQ(give_len(c, len - less, false), v9_ ? FT_V_EXPORT_SET : FT_V_EXPORT_LENGTH);
        CHECK_EQ(got.n, (len - less - data) / each);
        CHECK(got.n == 0 || LAST.bytes == 1000 * got.n);
        CHECK_EQ(health(c, 0)->malformed, 1);
        if (v9_) {
            v9(2, 1, 3601000);
        } else {
            ipfix(RECORDS, 1);
        }
        set(256);
        record(77);
        p8(0);
        set_end();
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(LAST.bytes, 77000);
        CHECK_EQ(health(c, 0)->lost, 0); /* what was cut off is told as that */
        ft_collector_free(c);
    }
}

static void test_cut_v9(void)
{
    check_cut(true, false);
}

static void test_cut_ipfix(void)
{
    check_cut(false, false);
    check_cut(false, true);
}

static void test_cut_v5(void)
{
    for (size_t less = 1; less < 10 * 48; less++) {
        struct ft_collector *c = make();

        v5(0, 10, 3600000, 0);
        for (int i = 0; i < 10; i++) {
            v5_record(3590000, 3599000);
        }
        CHECK_EQ(give_len(c, (size_t)(at - msg) - less, false), FT_V_EXPORT_COUNT);
        CHECK_EQ(got.n, (480 - less) / 48);
        CHECK_EQ(health(c, 0)->malformed, 1);
        ft_collector_free(c);
    }
}

/* A set that says to be longer than the datagram: RFC 7011 §3.3.2, RFC 3954 §5 */
static void test_set_too_long(void)
{
    for (unsigned more = 1; more <= 64; more++) {
        for (int v9_ = 0; v9_ < 2; v9_++) {
            struct ft_collector *c = make();
            size_t data;

            begin(c, v9_ != 0, false, &data);
            unsigned said = 4 + RECORDS * 16 + more;

            set_at[2] = (uint8_t)(said >> 8);
            set_at[3] = (uint8_t)said;
            CHECK_EQ(give(c), FT_V_EXPORT_SET);
            CHECK_EQ(got.n, RECORDS);
            CHECK_EQ(health(c, 0)->malformed, 1);
            ft_collector_free(c);
        }
    }
}

/* Of a template set that is cut the whole definitions are learnt, and what cannot be read whole
 * does not change a layout that is known. */
static void test_cut_templates(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 3600000);
    TEMPLATE(0, 257, 8, 4, 12, 4, 2, 4);
    CHECK_EQ(give(c), FT_V_DECODED);
    v9(1, 1, 3600000);
    set(0);
    p16(256);
    p16(2);
    p16(8);
    p16(4);
    p16(1);
    p16(4);
    p16(257);
    p16(3);
    p16(8);
    p16(4);
    p16(12);
    p16(4);
    set_end();
    set_at[3] += 4; /* its third field is cut off */
    CHECK_EQ(give(c), FT_V_EXPORT_SET);
    CHECK_EQ(health(c, 0)->malformed, 1);
    CHECK_EQ(health(c, 0)->templates, 2);
    v9(2, 1, 3600000);
    set(256);
    p32(0x0a000001);
    p32(500);
    set_end();
    set(257);
    p32(0x0a000001);
    p32(0x0a000002);
    p32(9);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.n, 2);
    CHECK_EQ(got.r[0].bytes, 500);
    CHECK_EQ(got.r[1].packets, 9);
    ft_collector_free(c);
}

/* Options data: what is whole counts */
static void test_cut_options(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    OPTIONS(300, 1, 302, 4, 305, 4, 306, 4);
    TEMPLATE(2, 256, 8, 4, 12, 4, 2, 4, 302, 4);
    CHECK_EQ(give(c), FT_V_DECODED);
    ipfix(0, 1);
    set(300);
    for (unsigned i = 1; i <= 3; i++) {
        p32(i);
        p32(1);
        p32(100 * i - 1);
    }
    set_end();
    size_t len = (size_t)(at - msg);

    msg[3] = (uint8_t)len;
    CHECK_EQ(give_len(c, len - 5, false), FT_V_EXPORT_LENGTH);
    CHECK_EQ(health(c, 0)->options_records, 2);
    CHECK_EQ(health(c, 0)->malformed, 1);
    ipfix(3, 1);
    set(256);
    for (unsigned i = 1; i <= 3; i++) {
        p32(1);
        p32(2);
        p32(7);
        p32(i);
    }
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.r[0].sampling_rate, 100);
    CHECK_EQ(got.r[1].sampling_rate, 200);
    ft_collector_free(c);
}

/* A cut set that waits for its template gives what it has, once. */
static void test_cut_waiting(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 3600000);
    set(256);
    for (unsigned i = 1; i <= 3; i++) {
        record(i);
    }
    set_end();
    CHECK_EQ(give_len(c, (size_t)(at - msg) - 6, false), FT_V_EXPORT_SET);
    CHECK_EQ(got.n, 0);
    v9(1, 1, 3600000);
    TEMPLATE(0, 256, 8, 4, 12, 4, 2, 4, 1, 4);
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.n, 2);
    CHECK_EQ(health(c, 0)->malformed, 1);
    ft_collector_free(c);
}

/* What an IPFIX message says of its length, against the datagram's: -30 … +30, and what is less
 * than a header. The sets that are there are used; a message behind is one. */
static void test_message_length(void)
{
    for (int off = -30; off <= 30; off++) {
        struct ft_collector *c = make();
        size_t data, len = begin(c, false, false, &data);

        msg[2] = (uint8_t)((len + (size_t)off) >> 8);
        msg[3] = (uint8_t)(len + (size_t)off);
        CHECK_EQ(give_len(c, len, false), off == 0 ? FT_V_DECODED : FT_V_EXPORT_LENGTH);
        CHECK_EQ(got.n, RECORDS);
        CHECK_EQ(health(c, 0)->malformed, off != 0);
        ft_collector_free(c);
    }
    for (uint8_t said = 0; said < 16; said++) {
        struct ft_collector *c = make();
        size_t data, len = begin(c, false, false, &data);

        msg[2] = 0;
        msg[3] = said;
        CHECK_EQ(give_len(c, len, false), FT_V_EXPORT_LENGTH);
        CHECK_EQ(got.n, RECORDS);
        CHECK_EQ(health(c, 0)->malformed, 1);
        ft_collector_free(c);
    }
}

/* A set that reaches into the next message of its datagram ends where that begins. */
static void test_set_into_next_message(void)
{
    struct ft_collector *c = make();
    uint8_t copy[1200];
    size_t data, len = begin(c, false, false, &data);

    set_at[3] = (uint8_t)(set_at[3] + 4);
    msg[2] = (uint8_t)(len >> 8);
    msg[3] = (uint8_t)len;
    memcpy(copy, msg, len);
    memcpy(copy + len, msg, len);
    copy[len + data - 1] = msg[data - 1] - 4;
    memcpy(msg, copy, 2 * len);
    CHECK_EQ(give_len(c, 2 * len, false), FT_V_EXPORT_SET);
    CHECK_EQ(got.n, 2 * RECORDS);
    CHECK_EQ(health(c, 0)->malformed, 1);
    ft_collector_free(c);
}

int main(void)
{
    RUN(test_cut_v9);
    RUN(test_cut_ipfix);
    RUN(test_cut_v5);
    RUN(test_set_too_long);
    RUN(test_cut_templates);
    RUN(test_cut_options);
    RUN(test_cut_waiting);
    RUN(test_message_length);
    RUN(test_set_into_next_message);
    return test_end();
}
