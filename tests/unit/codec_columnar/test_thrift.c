/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: bytes of Thrift's compact protocol, worked out by hand from its specification. */
#include "codec/columnar/thrift.h"

#include "harness.h"

static uint8_t data[512];

static struct ft_thrift begin(size_t cap)
{
    memset(data, 0xee, sizeof data);
    return (struct ft_thrift){.data = data, .cap = cap};
}

#define CHECK_BYTES(t, ...)                                                                        \
    do {                                                                                           \
        static const uint8_t want[] = {__VA_ARGS__};                                               \
        CHECK(!(t).full);                                                                          \
        CHECK_EQ((t).len, sizeof want);                                                            \
        CHECK_MEM(data, want, sizeof want);                                                        \
    } while (0)

static void test_integers(void)
{
    static const struct {
        int64_t v;
        uint8_t bytes[10], n;
    } cases[] = {
        {0, {0}, 1},
        {-1, {1}, 1},
        {1, {2}, 1},
        {63, {0x7e}, 1},
        {64, {0x80, 0x01}, 2},
        {-64, {0x7f}, 1},
        {300, {0xd8, 0x04}, 2},
        {INT64_MAX, {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 10},
        {INT64_MIN, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 10},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_thrift t = begin(sizeof data);

        ft_thrift_i64(&t, 1, cases[i].v);
        CHECK_EQ(t.len, 1u + cases[i].n);
        CHECK_EQ(data[0], 0x16);
        CHECK_MEM(data + 1, cases[i].bytes, cases[i].n);
    }
}

/* Ids by their distance; a long one, and one that does not ascend, in full. */
static void test_fields(void)
{
    struct ft_thrift t = begin(sizeof data);

    ft_thrift_i32(&t, 1, 7);
    ft_thrift_bool(&t, 3, true);
    ft_thrift_bool(&t, 4, false);
    ft_thrift_byte(&t, 19, -3);
    ft_thrift_i32(&t, 35, 1);
    ft_thrift_text(&t, 36, "ab");
    ft_thrift_end(&t);
    CHECK_BYTES(t, 0x15, 14, 0x21, 0x12, 0xf3, 0xfd, 0x05, 70, 2, 0x18, 2, 'a', 'b', 0);
}

/* Inside of a struct ids begin anew, and go on behind it. */
static void test_structs(void)
{
    struct ft_thrift t = begin(sizeof data);

    ft_thrift_begin(&t, 5);
    ft_thrift_i32(&t, 1, 1);
    ft_thrift_begin(&t, 2);
    ft_thrift_end(&t);
    ft_thrift_end(&t);
    ft_thrift_i32(&t, 6, 2);
    ft_thrift_end(&t);
    CHECK_BYTES(t, 0x5c, 0x15, 2, 0x1c, 0, 0, 0x15, 4, 0);
}

static void test_lists(void)
{
    struct ft_thrift t = begin(sizeof data);

    ft_thrift_list(&t, 1, FT_THRIFT_I32, 2);
    ft_thrift_item_i32(&t, -1);
    ft_thrift_item_i32(&t, 1);
    ft_thrift_list(&t, 2, FT_THRIFT_STRUCT, 1);
    ft_thrift_item_begin(&t);
    ft_thrift_i32(&t, 1, 3);
    ft_thrift_end(&t);
    ft_thrift_list(&t, 3, FT_THRIFT_BINARY, 16);
    for (int i = 0; i < 16; i++) {
        ft_thrift_item_text(&t, "x");
    }
    ft_thrift_end(&t);
    CHECK_EQ(t.len, 4u + 5 + 3 + 32 + 1);
    CHECK_MEM(data, "\x19\x25\x01\x02\x19\x1c\x15\x06\x00\x19\xf8\x10\x01x", 14);
}

static void test_no_room(void)
{
    for (size_t cap = 0; cap < 9; cap++) {
        struct ft_thrift t = begin(cap);

        ft_thrift_i32(&t, 1, 1);
        ft_thrift_text(&t, 2, "abcd");
        ft_thrift_end(&t);
        CHECK(t.full);
        CHECK(t.len <= cap);
        CHECK_EQ(data[cap], 0xee);
    }
}

static void test_too_deep(void)
{
    struct ft_thrift t = begin(sizeof data);

    for (int i = 0; i < FT_THRIFT_DEPTH; i++) {
        ft_thrift_begin(&t, 1);
    }
    CHECK(t.full);
}

int main(void)
{
    RUN(test_integers);
    RUN(test_fields);
    RUN(test_structs);
    RUN(test_lists);
    RUN(test_no_room);
    RUN(test_too_deep);
    return test_end();
}
