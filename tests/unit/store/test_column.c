/* SPDX-License-Identifier: Apache-2.0 */
/* store: columns of every type there and back, against random values; bounds; damage; who had most;
 * what is usual. */
#include "harness.h"

#ifdef FT_HAVE_STORE
#include <math.h>

#include "store/heavy.h"
#include "store/ints.h"
#include "store/usual.h"
#include "store/value.h"

static uint64_t state = 88172645463325252u;

static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static struct ft_store_coder *coder;

/* ---- numbers ---- */

static uint64_t shaped(int shape, size_t i)
{
    switch (shape) {
    case 0:
        return 42;
    case 1:
        return rnd() % 7;
    case 2:
        return 1719409375420000u + i * 1000 + rnd() % 300;
    case 3:
        return rnd();
    case 4:
        return i % 2 != 0 ? UINT64_MAX : 0;
    default:
        return (uint64_t)0 - i * 3;
    }
}

static void test_ints(void)
{
    static uint64_t in[5000], out[5000];
    static const size_t sizes[] = {0, 1, 2, 255, 5000};

    for (int shape = 0; shape < 6; shape++) {
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            struct ft_store_buf b = {0};

            for (size_t i = 0; i < sizes[k]; i++) {
                in[i] = shaped(shape, i);
            }
            CHECK(ft_store_ints_put(&b, in, sizes[k]));
            struct ft_rd rd = ft_rd_make(b.p, b.len);

            CHECK(ft_store_ints_get(&rd, out, sizes[k]));
            CHECK_EQ(ft_rd_left(&rd), 0);
            CHECK_MEM(in, out, sizes[k] * sizeof in[0]);
            CHECK(shape > 2 || b.len <= 18 + sizes[k] * 2);
            for (size_t cut = 0; cut < b.len && cut < 40; cut++) {
                rd = ft_rd_make(b.p, cut);
                CHECK(!ft_store_ints_get(&rd, out, sizes[k]));
            }
            ft_store_buf_fini(&b);
        }
    }
}

/* ---- columns ---- */

static struct ft_store_values in, out;
static struct ft_store_buf packed, scratch, one, other;

/* Random values of a column; kind: how many differ. */
static void fill(const struct ft_store_column *c, uint32_t n, int kind)
{
    uint32_t end = 0, inner = 0, zero = 0;

    in.n = n;
    in.nulls = 0;
    in.num.len = in.bytes.len = in.end.len = in.inner.len = in.valid.len = 0;
    ft_store_buf_add(&in.end, &zero, sizeof zero);
    ft_store_buf_add(&in.inner, &zero, sizeof zero);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t bytes[64], valid = kind == 3 ? 0 : kind == 2 ? rnd() % 3 != 0 : 1;
        uint64_t seed = kind == 1 ? rnd() : rnd() % 5;

        for (size_t k = 0; k < sizeof bytes; k++) {
            bytes[k] = (uint8_t)('a' + (seed >> (k % 8 * 8)) % 26);
        }
        ft_store_buf_add(&in.valid, &valid, 1);
        in.nulls += valid == 0;
        if (ft_store_is_number(c)) {
            uint64_t v = valid == 0            ? 0
                         : c->type == FT_T_F64 ? 0
                         : c->width == 8       ? seed
                                               : seed & ((UINT64_C(1) << (c->width * 8)) - 1);
            double f = (double)(int64_t)seed / 7;

            if (c->type == FT_T_F64 && valid != 0) {
                memcpy(&v, &f, sizeof v);
            }
            v = c->type == FT_T_BOOL ? v & 1 : c->type == FT_T_TIME ? v / 4000 : v;
            ft_store_buf_add(&in.num, &v, sizeof v);
        } else if (c->cell == FT__CELL_FIXED || c->cell == FT__CELL_VECTOR) {
            ft_store_buf_add(&in.bytes, bytes, c->width);
        } else if (c->cell == FT__CELL_TEXT) {
            uint32_t len = valid != 0 ? (uint32_t)(rnd() % 2 != 0 ? seed % 60 : 3) : 0;

            ft_store_buf_add(&in.bytes, bytes, len);
            end += len;
            ft_store_buf_add(&in.end, &end, sizeof end);
        } else {
            uint32_t lists = valid != 0 ? (uint32_t)(seed % 4) : 0;
            uint32_t items = lists;

            end += lists;
            ft_store_buf_add(&in.end, &end, sizeof end);
            for (uint32_t l = 0; c->cell == FT__CELL_LISTS && l < lists; l++) {
                inner += l;
                ft_store_buf_add(&in.inner, &inner, sizeof inner);
                items = l == 0 ? 0 : items;
            }
            items = c->cell == FT__CELL_LISTS ? lists * (lists > 0 ? lists - 1 : 0) / 2 : lists;
            for (uint32_t k = 0; k < items; k++) {
                uint64_t v = (seed + k) & 0xff;

                v = c->item == FT_T_BOOL ? v & 1 : v;
                ft_store_buf_add(&in.num, &v, sizeof v);
            }
        }
    }
}

static void check_same(const struct ft_store_column *c, uint32_t n)
{
    CHECK_EQ(out.n, n);
    CHECK_EQ(out.nulls, in.nulls);
    one.len = other.len = 0;
    for (uint32_t i = 0; i < n; i++) {
        CHECK(ft_store_put_json(c, &in, i, &scratch, &one));
        CHECK(ft_store_put_json(c, &out, i, &scratch, &other));
    }
    CHECK_EQ(one.len, other.len);
    CHECK_MEM(one.p, other.p, one.len < other.len ? one.len : other.len);
}

static void check_bounds(const struct ft_store_column *c, const struct ft_store_extent *ext)
{
    for (uint32_t i = 0; i < in.n; i++) {
        if (ft_store_value_null(&in, i)) {
            continue;
        }
        if (ft_store_is_address(c)) {
            const uint8_t *a = in.bytes.p + (size_t)i * 16;

            CHECK(memcmp(a, ext->min, 16) >= 0 && memcmp(a, ext->max, 16) <= 0);
        } else if (ft_store_is_number(c)) {
            uint64_t v = ft_store_ordered(c->type, ft_store_buf_u64(&in.num)[i]);

            CHECK(v >= ft_load_be64(ext->min) && v <= ft_load_be64(ext->max));
        }
    }
}

/* The rows of a value are those that have its bytes. */
static void check_find(const struct ft_store_column *c, uint32_t n,
                       const struct ft_store_extent *ext)
{
    static uint32_t rows[5000];
    static struct ft_store_values nulls;
    const uint32_t *end = ft_store_buf_u32(&in.end);
    bool address = ft_store_is_address(c);

    for (uint32_t k = 0; k < 6; k++) {
        uint32_t row = (uint32_t)(rnd() % n), found = 0, at = 0;
        size_t len = address ? 16 : k == 5 ? 16 : end[row + 1] - end[row];
        const uint8_t *of = in.bytes.p + (address ? row * 16u : end[row]);
        struct ft_store_key key = {k == 5 ? (const uint8_t *)"0123456789abcdeX" : of, len};

        CHECK_EQ(ft_store_column_find(coder, c, n, ext, packed.p, &key, &nulls, rows, &found),
                 FT_OK);
        for (uint32_t i = 0; i < n; i++) {
            const uint8_t *p = in.bytes.p + (address ? i * 16u : end[i]);
            size_t has = address ? 16 : end[i + 1] - end[i];
            bool same = !ft_store_value_null(&in, i) && has == len && memcmp(p, key.p, len) == 0;

            CHECK(!same || (at < found && rows[at] == i));
            at += same;
        }
        CHECK_EQ(at, found);
    }
}

/* Some rows are what they are among all. */
static void check_rows(const struct ft_store_column *c, uint32_t n,
                       const struct ft_store_extent *ext)
{
    static uint32_t rows[5000];
    uint32_t k = 0;

    for (uint32_t i = 0; i < n; i++) {
        rows[k] = i;
        k += rnd() % 9 == 0;
    }
    CHECK_EQ(ft_store_column_get_rows(coder, c, n, ext, packed.p, rows, k, &out), FT_OK);
    CHECK_EQ(out.nulls, in.nulls);
    one.len = other.len = 0;
    for (uint32_t i = 0; i < k; i++) {
        CHECK(ft_store_put_json(c, &in, rows[i], &scratch, &one));
        CHECK(ft_store_put_json(c, &out, rows[i], &scratch, &other));
    }
    CHECK_EQ(one.len, other.len);
    CHECK_MEM(one.p, other.p, one.len < other.len ? one.len : other.len);
}

static const struct ft_store_column columns[] = {
    {.name = "bool", .type = FT_T_BOOL, .cell = FT__CELL_BOOL, .width = 1},
    {.name = "u8", .type = FT_T_U8, .cell = FT__CELL_FIXED, .width = 1},
    {.name = "u16", .type = FT_T_U16, .cell = FT__CELL_FIXED, .width = 2},
    {.name = "u32", .type = FT_T_U32, .cell = FT__CELL_FIXED, .width = 4},
    {.name = "u64", .type = FT_T_U64, .cell = FT__CELL_FIXED, .width = 8},
    {.name = "i64", .type = FT_T_I64, .cell = FT__CELL_FIXED, .width = 8},
    {.name = "f64", .type = FT_T_F64, .cell = FT__CELL_FIXED, .width = 8},
    {.name = "time", .type = FT_T_TIME, .cell = FT__CELL_FIXED, .width = 8},
    {.name = "string", .type = FT_T_STRING, .cell = FT__CELL_TEXT, .width = 1},
    {.name = "text", .type = FT_T_TEXT, .cell = FT__CELL_TEXT, .width = 1},
    {.name = "id", .type = FT_T_ID, .cell = FT__CELL_TEXT, .width = 1},
    {.name = "bytes", .type = FT_T_BYTES, .cell = FT__CELL_FIXED, .width = 33},
    {.name = "address", .type = FT_T_ADDR, .cell = FT__CELL_FIXED, .width = 16},
    {.name = "list", .type = FT_T_LIST, .item = FT_T_U8, .cell = FT__CELL_LIST, .width = 1},
    {.name = "list64", .type = FT_T_LIST, .item = FT_T_U64, .cell = FT__CELL_LIST, .width = 8},
    {.name = "truths", .type = FT_T_LIST, .item = FT_T_BOOL, .cell = FT__CELL_LIST, .width = 1},
    {.name = "lists", .type = FT_T_LISTS, .item = FT_T_U16, .cell = FT__CELL_LISTS, .width = 2},
    {.name = "vector", .type = FT_T_VECTOR, .cell = FT__CELL_VECTOR, .width = 32},
};

static void test_every_type(void)
{
    static const uint32_t sizes[] = {1, 3, 300, 5000};

    for (size_t t = 0; t < sizeof columns / sizeof columns[0]; t++) {
        const struct ft_store_column *c = &columns[t];

        CHECK(ft_store_column_valid(c));
        for (size_t k = 0; k < 4 * 4; k++) {
            struct ft_store_extent ext;
            uint32_t n = sizes[k / 4];

            fill(c, n, (int)(k % 4));
            packed.len = 0;
            CHECK_EQ(ft_store_column_put(coder, c, &in, &packed, &ext), FT_OK);
            CHECK_EQ(ext.len, packed.len);
            CHECK_EQ(ft_store_column_get(coder, c, n, &ext, packed.p, &out), FT_OK);
            check_same(c, n);
            check_bounds(c, &ext);
            check_rows(c, n, &ext);
            if (ft_store_is_address(c) || c->cell == FT__CELL_TEXT) {
                check_find(c, n, &ext);
            }
            CHECK(in.nulls < n || memcmp(ext.min, ext.max, 16) > 0);
        }
    }
}

/* A byte that is another, or one that is missing, is damage. */
static void test_damage(void)
{
    for (size_t t = 0; t < sizeof columns / sizeof columns[0]; t++) {
        const struct ft_store_column *c = &columns[t];
        struct ft_store_extent ext;

        fill(c, 300, 1);
        packed.len = 0;
        CHECK_EQ(ft_store_column_put(coder, c, &in, &packed, &ext), FT_OK);
        for (int k = 0; k < 60; k++) {
            size_t at = rnd() % packed.len;
            uint8_t bit = (uint8_t)(1u << rnd() % 8);

            packed.p[at] ^= bit;
            int rc = ft_store_column_get(coder, c, 300, &ext, packed.p, &out);

            if (rc == FT_OK) { /* a bit that says nothing */
                check_same(c, 300);
            }
            packed.p[at] ^= bit;
        }
        ext.len--;
        CHECK_EQ(ft_store_column_get(coder, c, 300, &ext, packed.p, &out), FT_E_CORRUPT);
        ext.len++;
        CHECK_EQ(ft_store_column_get(coder, c, 299, &ext, packed.p, &out), FT_E_CORRUPT);
    }
}

static void test_order(void)
{
    static const double sorted[] = {-1e300, -2, -1e-300, 0, 1e-300, 1, 1.5, 1e300};
    uint64_t last = 0, v;

    for (size_t i = 0; i < sizeof sorted / sizeof sorted[0]; i++) {
        memcpy(&v, &sorted[i], sizeof v);
        uint64_t o = ft_store_ordered(FT_T_F64, v);

        CHECK(i == 0 || o > last);
        CHECK(ft_store_unordered(FT_T_F64, o) == v);
        last = o;
    }
    CHECK(ft_store_ordered(FT_T_I64, (uint64_t)-1) < ft_store_ordered(FT_T_I64, 0));
    CHECK_EQ(ft_store_unordered(FT_T_TIME, ft_store_ordered(FT_T_TIME, 77)), 77);
}

/* ---- who had most ---- */

enum { KEYS = 4000, COUNTERS = 64 };

static void test_heavy(void)
{
    static uint64_t true_bytes[KEYS];
    struct ft_heavy h;
    uint64_t all = 0, sum = 0, flows = 0;
    uint32_t most[COUNTERS];

    CHECK_EQ(ft_heavy_init(&h, COUNTERS), FT_OK);
    for (int i = 0; i < 100000; i++) {
        uint32_t key = (uint32_t)(rnd() % 2 != 0 ? rnd() % 10 : rnd() % KEYS);
        uint8_t k[FT_HEAVY_KEY] = {0};
        uint64_t bytes = 60 + rnd() % 1400;

        memcpy(k, &key, sizeof key);
        ft_heavy_add(&h, k, bytes, 1, 1);
        true_bytes[key] += bytes;
        all += bytes;
    }
    CHECK_EQ(h.bytes, all);
    CHECK_EQ(h.flows, 100000);
    uint32_t n = ft_heavy_most(&h, COUNTERS, most);

    CHECK_EQ(n, COUNTERS);
    for (uint32_t i = 0; i < n; i++) {
        const struct ft_heavy_count *c = &h.count[most[i]];
        uint32_t key;

        memcpy(&key, c->key, sizeof key);
        CHECK(c->bytes >= true_bytes[key] && c->bytes - c->error <= true_bytes[key]);
        CHECK(i == 0 || c->bytes <= h.count[most[i - 1]].bytes);
        CHECK(i >= 10 || key < 10); /* the ten that have most */
        sum += c->bytes;
        flows += c->flows;
    }
    CHECK_EQ(sum, all); /* every byte is somebody's */
    CHECK(flows < 100000);
    ft_heavy_fini(&h);
}

/* ---- what is usual ---- */

static void test_usual(void)
{
    static struct ft_usual_host h;
    const struct ft_usual_span *week = &h.span[0];

    for (int64_t hour = 1000; hour < 1000 + 24 * 21; hour++) {
        ft_usual_turn(&h, hour, hour % 20 == 0 ? 64000 : 1000);
    }
    CHECK_EQ(h.hours, 24 * 21);
    CHECK(fabs(week->mean - (0.95 * 1000 + 0.05 * 64000)) < 600);
    CHECK(fabs(ft_usual_deviation(week) - 63000 * sqrt(0.05 * 0.95)) < 1500);
    double half = ft_usual_quantile(week, 0.5), most = ft_usual_quantile(week, 0.99);

    CHECK(half >= 1000 / 1.42 && half <= 1000 * 1.42);
    CHECK(most >= 64000 / 1.42 && most <= 64000 * 1.42);
    ft_usual_turn(&h, 1000, 5); /* of before: no */
    CHECK_EQ(h.hours, 24 * 21);
    ft_usual_turn(&h, h.hour + 25, 1000); /* a day of nothing */
    CHECK_EQ(h.hours, 24 * 21 + 25);
    CHECK(week->mean < 0.95 * 1000 + 0.05 * 64000);
    ft_usual_turn(&h, h.hour + 100000, 9); /* nobody remembers */
    CHECK_EQ(h.hours, 1);
    CHECK(fabs(week->mean - 9) < 1e-9);
}

int main(void)
{
    coder = ft_store_coder_new();
    RUN(test_ints);
    RUN(test_every_type);
    RUN(test_damage);
    RUN(test_order);
    RUN(test_heavy);
    RUN(test_usual);
    ft_store_coder_free(coder);
    ft_store_values_fini(&in);
    ft_store_values_fini(&out);
    ft_store_buf_fini(&packed);
    ft_store_buf_fini(&scratch);
    ft_store_buf_fini(&one);
    ft_store_buf_fini(&other);
    return test_end();
}

#else

int main(void)
{
    return test_skip("a build without SQLite or zstd");
}

#endif
