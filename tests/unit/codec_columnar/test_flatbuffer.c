/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: a FlatBuffer read back by its rules: vtables, alignment, offsets, strings; and
 * that what does not fit is told and never written. */
#include "codec/columnar/flatbuffer.h"

#include "base/mem.h"
#include "harness.h"

static uint32_t word(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

/* Where field i of the table stands, 0: it is not there. */
static uint32_t field(const uint8_t *data, uint32_t table, uint32_t i)
{
    uint32_t vtable = table - word(data + table);
    uint16_t size, at;

    memcpy(&size, data + vtable, sizeof size);
    if (4 + 2 * i >= size) {
        return 0;
    }
    memcpy(&at, data + vtable + 4 + 2 * i, sizeof at);
    return at == 0 ? 0 : table + at;
}

static uint32_t follow(const uint8_t *data, uint32_t at)
{
    return at + word(data + at);
}

/* A table with a child, a string and structs, into a block of cap bytes. */
static struct ft_flat make(uint8_t *data, uint32_t cap)
{
    static const struct ft_flat_slot slots[] = {
        {1, 7}, FT_FLAT_OFFSET, FT_FLAT_NONE, {8, UINT64_C(1) << 40}, {2, 513}, FT_FLAT_OFFSET};
    static const struct ft_flat_slot none[] = {{4, 99}};
    uint32_t at[FT_FLAT_SLOTS_MAX], in[FT_FLAT_SLOTS_MAX];
    struct ft_flat b;

    ft_flat_begin(&b, data, cap);
    ft_flat_point(&b, 0, ft_flat_table(&b, slots, 6, at));
    ft_flat_point(&b, at[1], ft_flat_string(&b, "text"));
    uint32_t vector = ft_flat_offsets(&b, 2);

    ft_flat_point(&b, at[5], vector);
    ft_flat_point(&b, vector + 4, ft_flat_table(&b, none, 1, in));
    ft_flat_point(&b, vector + 8, ft_flat_structs(&b, 3, 16, true));
    ft_flat_pad(&b);
    return b;
}

static void test_read_back(void)
{
    uint8_t data[512];
    struct ft_flat b = make(data, sizeof data);
    uint32_t root = follow(data, 0), vector, text, structs;
    uint64_t v64;

    CHECK(!b.full);
    CHECK_EQ(b.len % 8, 0);
    CHECK_EQ(root % 8, 0);
    CHECK_EQ(data[field(data, root, 0)], 7);
    CHECK_EQ(field(data, root, 2), 0);
    CHECK_EQ(field(data, root, 6), 0);
    CHECK_EQ(field(data, root, 3) % 8, 0);
    memcpy(&v64, data + field(data, root, 3), sizeof v64);
    CHECK(v64 == UINT64_C(1) << 40);
    CHECK_EQ(data[field(data, root, 4)] | data[field(data, root, 4) + 1] << 8, 513);
    text = follow(data, field(data, root, 1));
    CHECK_EQ(word(data + text), 4);
    CHECK_STR((char *)data + text + 4, "text");
    vector = follow(data, field(data, root, 5));
    CHECK_EQ(word(data + vector), 2);
    CHECK_EQ(word(data + field(data, follow(data, vector + 4), 0)), 99);
    structs = follow(data, vector + 8);
    CHECK_EQ(word(data + structs), 3);
    CHECK_EQ((structs + 4) % 8, 0);
    CHECK(structs + 4 + 48 <= b.len);
}

/* In a block of exactly each size: whole, or full. */
static void test_bounds(void)
{
    uint8_t big[512];
    uint32_t len = make(big, sizeof big).len;

    for (uint32_t cap = 0; cap <= len; cap++) {
        uint8_t *data = ft_mem_alloc(1, cap + 1);
        struct ft_flat b;

        data[cap] = 0x55;
        b = make(data, cap);
        CHECK_EQ(b.full, cap < len);
        CHECK(b.len <= cap);
        CHECK_EQ(data[cap], 0x55);
        ft_mem_free(data);
    }
}

/* A text that grows and shrinks in its room. */
static void test_room(void)
{
    uint8_t data[64];
    struct ft_flat b;

    ft_flat_begin(&b, data, sizeof data);
    uint32_t at = ft_flat_string_room(&b, 20);

    CHECK_EQ(word(data + at), 0);
    ft_flat_set_string(data, at, "18446744073709551615", 20);
    CHECK_EQ(word(data + at), 20);
    CHECK_EQ(at + 4 + 20 + 1, b.len);
    ft_flat_set_string(data, at, "3", 1);
    CHECK_EQ(word(data + at), 1);
    CHECK_STR((char *)data + at + 4, "3");
}

static uint32_t vtable_of(const uint8_t *data, uint32_t table)
{
    return table - word(data + table);
}

/* Tables of one form have one vtable, but for those in different vectors. */
static void test_shared(void)
{
    static const struct ft_flat_slot form[] = {{4, 1}, {1, 2}}, other[] = {{1, 2}, {4, 1}};
    uint32_t at[FT_FLAT_SLOTS_MAX], a, b, c, d;
    uint8_t data[512];
    struct ft_flat f;

    ft_flat_begin(&f, data, sizeof data);
    a = ft_flat_table(&f, form, 2, at);
    ft_flat_string(&f, "of 2");
    b = ft_flat_table(&f, form, 2, at);
    c = ft_flat_table(&f, other, 2, at);
    ft_flat_offsets(&f, 0);
    d = ft_flat_table(&f, form, 2, at);
    CHECK_EQ(vtable_of(data, a), vtable_of(data, b));
    CHECK(vtable_of(data, c) != vtable_of(data, a));
    CHECK(vtable_of(data, d) > vtable_of(data, c));
    CHECK_EQ(word(data + field(data, b, 0)), 1);
    CHECK_EQ(data[field(data, b, 1)], 2);
    CHECK_EQ(data[field(data, c, 0)], 2);
    CHECK_EQ(data[field(data, d, 1)], 2);
    CHECK_EQ(b % 4, 0);
}

int main(void)
{
    RUN(test_read_back);
    RUN(test_shared);
    RUN(test_bounds);
    RUN(test_room);
    return test_end();
}
