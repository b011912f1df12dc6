/* SPDX-License-Identifier: Apache-2.0 */
/* format/parquet_values: dictionaries that give the values back; ranges as a plain search finds
 * them. */
#include "format/parquet_values.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

enum { MOST = 40000 };

static uint32_t seed = 1;

static uint32_t rng(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

struct column {
    struct ft__plain v;
    uint8_t *data;
};

/* n values of width bytes, or texts of up to 12, of `kinds` different ones. */
static struct column make(uint32_t width, uint64_t n, uint32_t kinds)
{
    struct column c = {.data = malloc(n * 64 + 1)};
    uint8_t *p = c.data;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t x = (rng() % kinds) * 0x9e3779b97f4a7c15u, word[8] = {x, x >> 7, x, x, x, x, x, x};
        uint32_t len = width > 0 ? width : (uint32_t)(x >> 32) % 13;

        if (width == 0) {
            memcpy(p, &len, sizeof len);
            p += sizeof len;
        }
        memcpy(p, word, len);
        p += len;
    }
    c.v = (struct ft__plain){.at = c.data, .len = (size_t)(p - c.data), .n = n, .width = width};
    return c;
}

static const uint8_t *next(const struct ft__plain *v, const uint8_t *p, uint32_t *len)
{
    *len = v->width;
    if (v->width == 0) {
        memcpy(len, p, sizeof *len);
        p += sizeof *len;
    }
    return p;
}

/* Where the k-th value begins. */
static const uint8_t *nth(const struct ft__plain *v, uint64_t k, uint32_t *len)
{
    const uint8_t *p = next(v, v->at, len);

    for (; k > 0; k--) {
        p = next(v, p + *len, len);
    }
    return p;
}

static bool dictionary_of(const struct ft__plain *v, struct ft__plain *out)
{
    struct ft__dictionary *d = calloc(1, sizeof *d);
    const uint8_t *p = v->at;
    bool made;

    d->data = malloc(v->len + 4096);
    d->number = malloc(v->n * sizeof *d->number + 1);
    made = ft__dictionary_make(d, v, out);
    for (uint64_t i = 0; made && i < v->n; i++) {
        uint32_t len, other;
        const uint8_t *value = next(v, p, &len), *same = nth(out, d->number[i], &other);

        CHECK(d->number[i] < out->n && len == other && memcmp(value, same, len) == 0);
        p = value + len;
    }
    free(d->data);
    free(d->number);
    free(d);
    return made;
}

static void test_dictionary(void)
{
    static const uint32_t widths[] = {0, 4, 8, 16, 60};

    for (int w = 0; w < 4; w++) {
        static const uint32_t kinds[] = {1, 2, 7, 300};

        for (int k = 0; k < 4; k++) {
            struct column c = make(widths[w], 3000, kinds[k]);
            struct ft__plain out;

            CHECK(dictionary_of(&c.v, &out));
            CHECK(out.n <= kinds[k] && out.n >= kinds[k] / 2);
            free(c.data);
        }
    }
}

static void test_no_dictionary(void)
{
    struct column one = make(8, 1, 5), none = make(8, 0, 5), many = make(8, MOST, 1u << 24);
    struct ft__plain out;

    CHECK(!dictionary_of(&one.v, &out)); /* it would be no shorter */
    CHECK(!dictionary_of(&none.v, &out));
    CHECK(!dictionary_of(&many.v, &out));
    free(one.data);
    free(none.data);
    free(many.data);
}

static int by_bytes(const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len)
{
    int c = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return c != 0 ? c : (a_len > b_len) - (a_len < b_len);
}

static void test_range_of_bytes(void)
{
    for (uint32_t width = 0; width <= 16; width += 16) {
        for (uint64_t n = 1; n < 400; n += 13) {
            struct column c = make(width, n, n % 2 == 0 ? 3 : 1u << 20);
            struct ft__range r = {0};
            uint32_t len, least = 0, most = 0;

            ft__plain_range(&c.v, FT__ORDER_BYTES, &r);
            for (uint64_t i = 0; i < n; i++) {
                const uint8_t *p = nth(&c.v, i, &len);

                CHECK(by_bytes(p, len, r.least, r.least_len) >= 0);
                CHECK(by_bytes(p, len, r.most, r.most_len) <= 0);
                least += by_bytes(p, len, r.least, r.least_len) == 0;
                most += by_bytes(p, len, r.most, r.most_len) == 0;
            }
            CHECK(least > 0 && most > 0);
            free(c.data);
        }
    }
}

/* The same bytes are other numbers by another order. */
static void test_range_of_numbers(void)
{
    const uint64_t v[] = {5, UINT64_MAX, 7, 0x8000000000000000u, 6};
    struct ft__plain wide = {(const uint8_t *)v, sizeof v, 5, 8};
    const double reals[] = {-0.5, 3e9, -7.25};
    struct ft__plain real = {(const uint8_t *)reals, sizeof reals, 3, 8};
    struct ft__plain narrow = {(const uint8_t *)v, sizeof v, 10, 4};
    struct ft__range r = {0};
    double least, most;

    ft__plain_range(&wide, FT__ORDER_UNSIGNED, &r);
    CHECK(r.number[0] == 5 && r.number[1] == UINT64_MAX && r.least_len == 8);
    ft__plain_range(&wide, FT__ORDER_SIGNED, &r);
    CHECK(r.number[0] == 0x8000000000000000u && r.number[1] == 7);
    ft__plain_range(&real, FT__ORDER_REAL, &r);
    memcpy(&least, r.least, sizeof least);
    memcpy(&most, r.most, sizeof most);
    CHECK(least == -7.25 && most == 3e9);
    ft__plain_range(&narrow, FT__ORDER_UNSIGNED, &r);
    CHECK(r.most_len == 4 && memcmp(r.most, "\xff\xff\xff\xff", 4) == 0);
    CHECK(memcmp(r.least, "\0\0\0\0", 4) == 0);
}

int main(void)
{
    RUN(test_dictionary);
    RUN(test_no_dictionary);
    RUN(test_range_of_bytes);
    RUN(test_range_of_numbers);
    return test_end();
}
