/* SPDX-License-Identifier: Apache-2.0 */
/* format/batch: rows become columns with the same values: every type, nulls, texts and lists of any
 * length, numbers of rows around the words of validity; and never more bytes than were promised. */
#include "format/batch.h"

#include "base/mem.h"
#include "harness.h"

enum { ROWS_MOST = 200, ITEMS_MOST = 9, LISTS_MOST = 4, TEXT_MOST = 20, ROOM = 1 << 20 };

/* One event of the test. */
struct values {
    uint8_t flag, u8;
    uint16_t u16;
    uint32_t u32, zero;
    uint64_t u64;
    int64_t time;
    double f64;
    uint32_t items[ITEMS_MOST], n_items;
    uint16_t inner[ITEMS_MOST];
    uint32_t ends[LISTS_MOST], n_lists;
    uint8_t truths[ITEMS_MOST];
    uint8_t text[TEXT_MOST];
    uint32_t text_len;
    uint8_t addr[16], version;
    uint8_t fixed[33];
    bool null;
};

#define GET(name, stmt)                                                                            \
    static void g_##name(const void *part, struct ft_value *v)                                     \
    {                                                                                              \
        const struct values *r = part;                                                             \
        stmt;                                                                                      \
        v->null = r->null;                                                                         \
    }

GET(f64, v->f = r->f64)
GET(text, v->text = r->text; v->text_len = r->text_len)
GET(list, v->items = r->items; v->n_items = r->n_items)
GET(lists, v->items = r->inner; v->ends = r->ends; v->n_items = r->n_lists)
GET(truths, v->items = r->truths; v->n_items = r->n_items)
GET(addr, v->addr = r->addr; v->ip_version = r->version)
GET(time, v->i = r->time)
GET(fixed, v->text = r->fixed; v->text_len = sizeof r->fixed)

/* What the option of its owner says. */
static uint32_t as_told(const uint64_t *option)
{
    return (uint32_t)option[0];
}

static const struct ft_field rows_of[] = {
    {.name = "flag", .type = FT_T_BOOL, FT_AT(struct values, flag)},
    {.name = "u8", .type = FT_T_U8, FT_AT(struct values, u8)},
    {.name = "u16", .type = FT_T_U16, FT_AT(struct values, u16)},
    {.name = "u32", .type = FT_T_U32, FT_AT(struct values, u32)},
    {.name = "wider", .type = FT_T_U64, FT_AT(struct values, u16)},
    {.name = "zero", .type = FT_T_U32, FT_AT(struct values, zero), .absent = FT_ABSENT_ZERO},
    {.name = "u64", .type = FT_T_U64, FT_AT(struct values, u64)},
    {.name = "time", .type = FT_T_TIME, .get = g_time},
    {.name = "f64", .type = FT_T_F64, .get = g_f64},
    {.name = "text", .type = FT_T_TEXT, .get = g_text},
    {.name = "list", .type = FT_T_LIST, .item = FT_T_U32, .most = ITEMS_MOST, .get = g_list},
    {.name = "lists",
     .type = FT_T_LISTS,
     .item = FT_T_U16,
     .most = ITEMS_MOST,
     .most_lists = LISTS_MOST,
     .get = g_lists},
    {.name = "truths", .type = FT_T_LIST, .item = FT_T_BOOL, .most = ITEMS_MOST, .get = g_truths},
    {.name = "addr", .type = FT_T_ADDR, .get = g_addr},
    {.name = "fixed", .type = FT_T_BYTES, .most = 40, .asked = as_told, .get = g_fixed},
};
enum { FLAG, U8, U16, U32, WIDER, ZERO, U64, TIME, F64, TEXT, LIST, LISTS, TRUTHS, ADDR, FIXED, N };
enum { NODES = N + 1 + 2 + 1 };

static struct values of[ROWS_MOST];
static uint8_t *rows, *out;
static struct ft__batch *batch;
static struct ft__batch_node nodes[NODES];
static struct ft__batch_buffer buffers[6 * N];
static uint64_t state = 7;

static uint32_t any(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static void invent(struct values *r, int nulls)
{
    *r = (struct values){
        .flag = any() & 1,
        .u8 = (uint8_t)any(),
        .u16 = (uint16_t)any(),
        .u32 = any(),
        .zero = any() % 3,
        .u64 = (uint64_t)any() << 31 | any(),
        .f64 = any() / 7.0,
        .time = (int64_t)any() * 1000003 - 1000000000,
        .version = any() % 2 ? 4 : 6,
    };
    r->n_items = any() % (ITEMS_MOST + 1);
    r->text_len = any() % (TEXT_MOST + 1);
    r->null = nulls == 2 || (nulls == 1 && any() % 2 == 0);
    for (uint32_t i = 0; i < ITEMS_MOST; i++) {
        r->items[i] = any();
    }
    r->n_lists = any() % (LISTS_MOST + 1);
    for (uint32_t i = 0, left = ITEMS_MOST; i < r->n_lists; i++) {
        uint32_t n = any() % 3 == 0 ? 0 : any() % (left + 1);

        left -= n;
        r->ends[i] = (i > 0 ? r->ends[i - 1] : 0) + n;
    }
    for (uint32_t i = 0; i < ITEMS_MOST; i++) {
        r->inner[i] = (uint16_t)any();
        r->truths[i] = any() & 1;
    }
    for (uint32_t i = 0; i < TEXT_MOST; i++) {
        r->text[i] = (uint8_t)('a' + any() % 26);
    }
    for (uint32_t i = 0; i < 16; i++) {
        r->addr[i] = (uint8_t)any();
    }
    for (uint32_t i = 0; i < sizeof r->fixed; i++) {
        r->fixed[i] = (uint8_t)any();
    }
}

/* n rows of which none, some or all are null in the columns that can be. */
static void lay(uint32_t n, int nulls)
{
    size_t len = 0, used;

    for (uint32_t i = 0; i < n; i++) {
        const void *part[1] = {&of[i]};

        invent(&of[i], nulls);
        used = ft__batch_put(batch, part, rows + len);
        CHECK(used <= ft__batch_row_max(batch));
        len += used;
    }
    memset(out, 0xaa, len + ft__batch_room(batch));
    used = ft__batch_lay(batch, rows, n, out, nodes, buffers);
    CHECK(used <= len + ft__batch_room(batch));
    CHECK_EQ(used % 8, 0);
    CHECK_EQ(out[used], 0xaa);
}

static bool valid(int column, uint32_t i)
{
    const struct ft__batch_buffer *v = &buffers[batch->col[column].buffer];

    return v->len == 0 || (out[v->offset + i / 8] >> (i % 8) & 1) != 0;
}

/* Bytes of value i of a column that is width bytes wide. */
static const uint8_t *at(int column, int buffer, uint32_t i, uint32_t width)
{
    const struct ft__batch_buffer *b = &buffers[batch->col[column].buffer + buffer];

    CHECK((uint64_t)(i + 1) * width <= b->len);
    CHECK_EQ(b->offset % 8, 0);
    return out + b->offset + (size_t)i * width;
}

static void check_number(int column, uint32_t i, uint64_t want, uint32_t width)
{
    CHECK(valid(column, i));
    CHECK_MEM(at(column, 1, i, width), &want, width);
}

static void check_long(int column, int buffer, uint32_t i, const void *want, uint32_t n,
                       uint32_t width)
{
    uint32_t from, to;

    memcpy(&from, at(column, 1, i, 4), 4);
    memcpy(&to, at(column, 1, i + 1, 4), 4);
    CHECK_EQ(to - from, n);
    if (n > 0) {
        CHECK_MEM(at(column, buffer, from, width), want, (size_t)n * width);
        at(column, buffer, to - 1, width);
    }
}

static uint32_t word(int column, int buffer, uint32_t i)
{
    uint32_t v;

    memcpy(&v, at(column, buffer, i, 4), 4);
    return v;
}

static void check_lists(uint32_t i, const struct values *r)
{
    uint32_t from = word(LISTS, 1, i), n = r->null ? 0 : r->n_lists;
    uint32_t begin = word(LISTS, 3, from);

    CHECK_EQ(word(LISTS, 1, i + 1) - from, n);
    for (uint32_t k = 0; k < n; k++) {
        CHECK_EQ(word(LISTS, 3, from + k + 1) - begin, r->ends[k]);
    }
    if (n > 0 && r->ends[n - 1] > 0) {
        CHECK_MEM(at(LISTS, 5, begin, 2), r->inner, r->ends[n - 1] * sizeof r->inner[0]);
    }
}

static void check_truths(uint32_t i, const struct values *r)
{
    uint32_t from = word(TRUTHS, 1, i), n = r->null ? 0 : r->n_items;

    CHECK_EQ(word(TRUTHS, 1, i + 1) - from, n);
    for (uint32_t k = 0; k < n; k++) {
        CHECK_EQ(*at(TRUTHS, 3, (from + k) / 8, 1) >> ((from + k) % 8) & 1, r->truths[k]);
    }
}

static void check_row(uint32_t i)
{
    const struct values *r = &of[i];
    int64_t us = r->time / 1000 - (r->time % 1000 < 0);
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t zeros[sizeof r->fixed];

    CHECK_EQ(*at(FLAG, 1, i / 8, 1) >> (i % 8) & 1, r->flag);
    check_number(U8, i, r->u8, 1);
    check_number(U16, i, r->u16, 2);
    check_number(U32, i, r->u32, 4);
    check_number(WIDER, i, r->u16, 8);
    check_number(U64, i, r->u64, 8);
    CHECK_EQ(valid(ZERO, i), r->zero != 0);
    for (int c = TIME; c < N; c++) {
        CHECK_EQ(valid(c, i), !r->null);
    }
    check_long(TEXT, 2, i, r->text, r->null ? 0 : r->text_len, 1);
    check_long(LIST, 3, i, r->items, r->null ? 0 : r->n_items, 4);
    check_lists(i, r);
    check_truths(i, r);
    CHECK_MEM(at(FIXED, 1, i, sizeof r->fixed), r->null ? zeros : r->fixed, sizeof r->fixed);
    if (!r->null) {
        CHECK_MEM(at(TIME, 1, i, 8), &us, 8);
        CHECK_MEM(at(F64, 1, i, 8), &r->f64, 8);
        if (r->version == 6) {
            CHECK_MEM(at(ADDR, 1, i, 16), r->addr, 16);
        } else {
            CHECK_MEM(at(ADDR, 1, i, 16), mapped, 12);
            CHECK_MEM(at(ADDR, 1, i, 16) + 12, r->addr, 4);
        }
    }
}

static void check_nulls(uint32_t n)
{
    const struct ft__batch_node *node = nodes;
    uint64_t items = 0, lists = 0, inner = 0;

    for (int c = 0; c < N; c++) {
        uint64_t nulls = 0;

        for (uint32_t i = 0; i < n; i++) {
            nulls += !valid(c, i);
        }
        CHECK_EQ(node->n, n);
        CHECK_EQ(node->nulls, nulls);
        node += ft__batch_nodes(&batch->col[c]);
    }
    for (uint32_t i = 0; i < n; i++) {
        items += of[i].null ? 0 : of[i].n_items;
        lists += of[i].null ? 0 : of[i].n_lists;
        inner += of[i].null || of[i].n_lists == 0 ? 0 : of[i].ends[of[i].n_lists - 1];
    }
    CHECK_EQ(nodes[LIST + 1].n, items);
    CHECK_EQ(nodes[LISTS + 2].n, lists);
    CHECK_EQ(nodes[LISTS + 3].n, inner);
    CHECK_EQ(nodes[TRUTHS + 4].n, items);
}

static void test_values(void)
{
    static const uint32_t sizes[] = {1, 2, 7, 8, 9, 63, 64, 65, 127, 128, 129, ROWS_MOST};

    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int nulls = 0; nulls < 3; nulls++) {
            lay(sizes[s], nulls);
            for (uint32_t i = 0; i < sizes[s]; i++) {
                check_row(i);
            }
            check_nulls(sizes[s]);
        }
    }
}

/* A column without nulls has no validity; rows alone take no more than they must. */
static void test_no_nulls(void)
{
    lay(100, 0);
    CHECK_EQ(buffers[batch->col[TEXT].buffer].len, 0);
    CHECK_EQ(nodes[TEXT].nulls, 0);
    lay(100, 2);
    CHECK_EQ(buffers[batch->col[TEXT].buffer].len, 13);
    CHECK_EQ(nodes[TEXT].nulls, 100);
}

/* A part that says nothing: all its columns are null, and the others stay where they are. */
static void test_no_part(void)
{
    struct ft__batch_options options = {.binary_addresses = false};
    struct ft_columns columns;
    const void *part[1] = {NULL};

    ft_columns_rows(rows_of, N, &columns);
    struct ft__batch *b = ft__batch_new(&columns, &options);
    size_t len = ft__batch_put(b, part, rows);

    CHECK_EQ(len, b->row_min);
    ft__batch_lay(b, rows, 1, out, nodes, buffers);
    for (uint32_t i = 0; i < b->n; i++) {
        CHECK_EQ(buffers[b->col[i].buffer].len, 1);
    }
    ft__batch_free(b);
}

int main(void)
{
    static const struct ft_set_options owners = {.of = {{sizeof of[0].fixed}}};
    struct ft__batch_options options = {.binary_addresses = true, .owners = &owners};
    struct ft_columns columns;

    rows = ft_mem_alloc(1, ROOM);
    out = ft_mem_alloc(1, ROOM);
    ft_columns_rows(rows_of, N, &columns);
    batch = ft__batch_new(&columns, &options);
    RUN(test_values);
    RUN(test_no_nulls);
    RUN(test_no_part);
    ft__batch_free(batch);
    ft_mem_free(rows);
    ft_mem_free(out);
    return test_end();
}
