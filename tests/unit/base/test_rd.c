/* SPDX-License-Identifier: Apache-2.0 */
/* base: the read cursor: every read at every place of messages of every short length, each in a
 * heap block of its exact size, so that a sanitizer sees a byte too many. */
#include "base/rd.h"

#include "harness.h"

enum { LONGEST = 24 };

/* A heap block of exactly len bytes 1, 2, 3, ... */
static uint8_t *make_block(size_t len)
{
    static const uint8_t bytes[LONGEST] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                                           13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
    uint8_t *p = malloc(len);

    memcpy(p, bytes, len);
    return p;
}

/* Through a pointer, so that the compiler does not know the size: it must not judge in the place of
 * the cursor. */
static uint8_t *(*volatile block)(size_t len) = make_block;

/* What the big-endian number of width bytes from offset at on is in such a block. */
static uint64_t number(size_t at, size_t width)
{
    uint64_t v = 0;

    for (size_t i = 0; i < width; i++) {
        v = v << 8 | (at + i + 1);
    }
    return v;
}

static uint64_t read_width(struct ft_rd *rd, size_t width)
{
    switch (width) {
    case 1:
        return ft_rd_u8(rd);
    case 2:
        return ft_rd_u16(rd);
    case 4:
        return ft_rd_u32(rd);
    default:
        return ft_rd_u64(rd);
    }
}

/* One read from offset at of len bytes: the value, or 0 and bad for good. */
static void check_number(const uint8_t *data, size_t len, size_t at, size_t width)
{
    struct ft_rd rd = ft_rd_make(data, len);

    CHECK(ft_rd_view(&rd, at) == data);
    uint64_t v = read_width(&rd, width);

    if (width <= len - at) {
        CHECK(v == number(at, width));
        CHECK(ft_rd_ok(&rd));
        CHECK_EQ(ft_rd_left(&rd), len - at - width);
        return;
    }
    CHECK_EQ(v, 0);
    CHECK(!ft_rd_ok(&rd));
    CHECK_EQ(ft_rd_left(&rd), len - at); /* nothing was consumed */
    CHECK_EQ(ft_rd_u8(&rd), 0);          /* not even what is there */
    CHECK(ft_rd_view(&rd, 0) == NULL);
    CHECK(!ft_rd_ok(&rd));
}

static void test_numbers(void)
{
    static const size_t widths[] = {1, 2, 4, 8};

    for (size_t len = 0; len <= LONGEST; len++) {
        uint8_t *data = block(len);

        for (size_t at = 0; at <= len; at++) {
            for (size_t w = 0; w < 4; w++) {
                check_number(data, len, at, widths[w]);
            }
        }
        free(data);
    }
}

static void test_views(void)
{
    static const size_t huge[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1, (size_t)1 << 32};

    for (size_t len = 0; len <= LONGEST; len++) {
        uint8_t *data = block(len);

        for (size_t n = 0; n <= len + 2; n++) {
            struct ft_rd rd = ft_rd_make(data, len);
            const uint8_t *p = ft_rd_view(&rd, n);

            CHECK((p == data) == (n <= len));
            CHECK(ft_rd_ok(&rd) == (n <= len));
            CHECK_EQ(ft_rd_left(&rd), n <= len ? len - n : len);
        }
        for (size_t k = 0; k < sizeof huge / sizeof huge[0]; k++) { /* no sum that turns over */
            struct ft_rd rd = ft_rd_make(data, len), sub = {0};

            CHECK(ft_rd_view(&rd, huge[k]) == NULL);
            CHECK(!ft_rd_ok(&rd));
            rd = ft_rd_make(data, len);
            CHECK(!ft_rd_sub(&rd, huge[k], &sub));
        }
        free(data);
    }
}

/* Sets a cursor bad in every way there is; the next good read must not heal it. */
static void test_bad_is_sticky(void)
{
    uint8_t *data = block(8);

    for (int way = 0; way < 6; way++) {
        struct ft_rd rd = ft_rd_make(data, 8), sub;

        ft_rd_u8(&rd);
        switch (way) {
        case 0:
            CHECK_EQ(ft_rd_u64(&rd), 0);
            break;
        case 1:
            CHECK(ft_rd_view(&rd, 8) == NULL);
            break;
        case 2:
            CHECK(!ft_rd_sub(&rd, 8, &sub));
            break;
        case 3:
            ft_rd_u32(&rd);
            CHECK_EQ(ft_rd_u32(&rd), 0);
            break;
        case 4:
            CHECK(ft_rd_view(&rd, 6) != NULL);
            CHECK_EQ(ft_rd_u16(&rd), 0);
            break;
        default:
            CHECK(ft_rd_view(&rd, 7) != NULL);
            CHECK_EQ(ft_rd_u8(&rd), 0);
            break;
        }
        CHECK(!ft_rd_ok(&rd));
        CHECK_EQ(ft_rd_u8(&rd) + ft_rd_u16(&rd) + ft_rd_u32(&rd), 0);
        CHECK(ft_rd_u64(&rd) == 0 && ft_rd_view(&rd, 0) == NULL && !ft_rd_sub(&rd, 0, &sub));
        CHECK(!ft_rd_ok(&rd));
    }
    free(data);
}

/* A child sees its own bytes and no others; the parent goes on behind it, whatever the child did.
 */
static void test_children(void)
{
    for (size_t len = 0; len <= LONGEST; len++) {
        uint8_t *data = block(len);

        for (size_t at = 0; at <= len; at++) {
            for (size_t n = 0; n <= len - at + 1; n++) {
                struct ft_rd rd = ft_rd_make(data, len), sub = {.bad = true};

                CHECK(ft_rd_view(&rd, at) != NULL || len == 0);
                if (n > len - at) {
                    CHECK(!ft_rd_sub(&rd, n, &sub));
                    CHECK(!ft_rd_ok(&rd) && sub.p == NULL); /* out only on success */
                    continue;
                }
                CHECK(ft_rd_sub(&rd, n, &sub));
                CHECK(ft_rd_ok(&sub) && ft_rd_left(&sub) == n && ft_rd_left(&rd) == len - at - n);
                for (size_t i = 0; i < n; i++) {
                    CHECK_EQ(ft_rd_u8(&sub), at + i + 1);
                }
                CHECK_EQ(ft_rd_u8(&sub), 0); /* the neighbour's first byte is not readable */
                CHECK(!ft_rd_ok(&sub) && ft_rd_ok(&rd));
                CHECK_EQ(ft_rd_u8(&rd), at + n < len ? at + n + 1 : 0);
            }
        }
        free(data);
    }
}

static void test_children_of_children(void)
{
    uint8_t *data = block(16);
    struct ft_rd rd = ft_rd_make(data, 16), mid = {0}, leaf = {0};

    CHECK(ft_rd_sub(&rd, 12, &mid));
    ft_rd_u16(&mid);
    CHECK(!ft_rd_sub(&mid, 11, &leaf)); /* the outermost has them, its child has not */
    CHECK(!ft_rd_ok(&mid) && ft_rd_ok(&rd));
    CHECK_EQ(ft_rd_u32(&rd), 0x0d0e0f10);
    free(data);
}

/* Loads at every alignment, in both byte orders. */
static void test_loads(void)
{
    for (size_t at = 0; at < 8; at++) {
        uint8_t *data = block(at + 8);
        uint64_t v = number(at, 8);

        CHECK(ft_load_be64(data + at) == v);
        CHECK(ft_load_be32(data + at) == (uint32_t)(v >> 32));
        CHECK(ft_load_be16(data + at) == (uint16_t)(v >> 48));
        CHECK(ft_load_u64(data + at) == htobe64(v));
        CHECK(ft_load_u32(data + at) == htobe32((uint32_t)(v >> 32)));
        CHECK(ft_load_u16(data + at) == htobe16((uint16_t)(v >> 48)));
        free(data);
    }
}

int main(void)
{
    RUN(test_numbers);
    RUN(test_views);
    RUN(test_bad_is_sticky);
    RUN(test_children);
    RUN(test_children_of_children);
    RUN(test_loads);
    return test_end();
}
