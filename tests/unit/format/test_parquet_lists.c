/* SPDX-License-Identifier: Apache-2.0 */
/* format/parquet: lists of truths, whose entries take less than a byte: chunks have as many bytes
 * as entries, as the work of a column was told, and no more than rows and their room; a group as
 * large as there may be is packed. */
#include "base/mem.h"
#include "format/format.h"
#include "harness.h"

enum { ITEMS = 200, LISTS = 8, ROWS_MOST = 300, CHUNK = 1 << 18, HELD = FT_PACK_MOST - CHUNK };

struct values {
    uint8_t truths[ITEMS];
    uint32_t n, ends[LISTS], n_lists;
};

static void g_truths(const void *part, struct ft_value *v)
{
    const struct values *r = part;

    v->items = r->truths;
    v->n_items = r->n;
}

static void g_lists(const void *part, struct ft_value *v)
{
    const struct values *r = part;

    v->items = r->truths;
    v->ends = r->ends;
    v->n_items = r->n_lists;
}

static const struct ft_field rows_of[] = {
    {.name = "truths", .type = FT_T_LIST, .item = FT_T_BOOL, .most = ITEMS, .get = g_truths},
    {.name = "lists",
     .type = FT_T_LISTS,
     .item = FT_T_BOOL,
     .most = ITEMS,
     .most_lists = LISTS,
     .get = g_lists},
};
enum { N = sizeof rows_of / sizeof rows_of[0] };

static uint64_t state = 3;

static uint32_t any(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static void invent(struct values *r)
{
    *r = (struct values){.n = any() % 3 == 0 ? 0 : ITEMS, .n_lists = any() % (LISTS + 1)};
    for (uint32_t i = 0; i < ITEMS; i++) {
        r->truths[i] = any() & 1;
    }
    for (uint32_t i = 0; i < r->n_lists; i++) {
        uint32_t before = i > 0 ? r->ends[i - 1] : 0;

        r->ends[i] = any() % 3 == 0 ? before : before + (ITEMS - before) / 2;
    }
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Rows that are laid out at out. Returns the bytes. */
static size_t chunk(const struct ft_format *f, uint8_t *rows, uint8_t *out)
{
    uint32_t n = 1 + any() % ROWS_MOST;
    uint64_t truths = 0, inner = 0;
    struct ft_loss lost = {0};
    size_t len = 0, sealed;

    for (uint32_t i = 0; i < n; i++) {
        struct values r;
        struct ft_flow_record rec = {.part = {&r}};
        size_t row;

        invent(&r);
        row = f->ops->flow(f, rows + len, &rec);
        CHECK(row <= f->flow_max);
        len += row;
        truths += r.n > 0 ? r.n : 1;
        inner += r.n_lists == 0;
        for (uint32_t k = 0, from = 0; k < r.n_lists; from = r.ends[k++]) {
            inner += r.ends[k] > from ? r.ends[k] - from : 1;
        }
    }
    CHECK(len + f->seal_room <= CHUNK);
    sealed = f->ops->seal(f, FT_EVENT_FLOW, rows, n, &lost, out);
    CHECK(sealed <= len + f->seal_room);
    CHECK(sealed >= most(truths, inner));
    CHECK_EQ(sealed % 8, 0);
    return sealed;
}

static void test_as_many_bytes_as_entries(void)
{
    struct ft_columns columns;
    struct ft_format_config cfg = {.columns = &columns, .events = 1u << FT_EVENT_FLOW};
    struct ft_format *f = NULL;
    struct ft_err err;
    uint8_t *rows = ft_map_alloc(CHUNK), *held = ft_map_alloc(FT_PACK_MOST);
    const uint8_t *out;
    size_t len = 0, out_len = 0;

    ft_columns_rows(rows_of, N, &columns);
    CHECK_EQ(ft_format_find("parquet")->open(&cfg, &f, &err), FT_OK);
    CHECK(rows != NULL && held != NULL);
    while (len < HELD) {
        len += chunk(f, rows, held + len);
    }
    CHECK_EQ(f->ops->pack(f, held, len, 4, &out, &out_len), FT_OK);
    CHECK(out_len > 0 && out_len < len);
    f->ops->end(f);
    ft_map_free(rows, CHUNK);
    ft_map_free(held, FT_PACK_MOST);
}

int main(void)
{
    RUN(test_as_many_bytes_as_entries);
    return test_end();
}
