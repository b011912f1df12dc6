/* SPDX-License-Identifier: Apache-2.0 */
/* format: Avro's decimals, which hold what its longest integer does not. */
#include "format/format.h"
#include "harness.h"
#include "lines.h"

static uint8_t row[FT_FORMAT_MAX];
static uint8_t part[65536] __attribute__((aligned(64)));

/* A number of 64 bits without a sign that lies in a flow record's part. */
static const struct ft_column *wide_column(const struct ft_columns *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->col[i].field->type == FT_T_U64 && c->col[i].field->width == 8) {
            return &c->col[i];
        }
    }
    return NULL;
}

/* Branch 1 of the union, length, two's complement with the highest byte first. */
static void test_decimals(void)
{
    static const struct {
        uint64_t value;
        uint8_t want[11];
        size_t len;
    } cases[] = {
        {0x1234567f, {2, 8, 0x12, 0x34, 0x56, 0x7f}, 6},
        {0x80123456, {2, 10, 0, 0x80, 0x12, 0x34, 0x56}, 7},
        {INT64_MAX, {2, 16, 0x7f, 255, 255, 255, 255, 255, 255, 255}, 10},
        {UINT64_C(1) << 63, {2, 18, 0, 0x80, 0, 0, 0, 0, 0, 0, 0}, 11},
        {UINT64_MAX, {2, 18, 0, 255, 255, 255, 255, 255, 255, 255, 255}, 11},
    };
    static struct ft_columns columns;

    ft_columns_compose(ft_column_sets_own(), &columns);
    const struct ft_column *wide = wide_column(&columns);
    const struct ft_format_config cfg = {.columns = &columns, .events = 1u << FT_EVENT_FLOW};
    struct ft_format *f = NULL;
    struct ft_err err;

    CHECK(wide != NULL);
    if (wide == NULL) {
        return;
    }
    columns.col[0] = *wide;
    columns.n = 1;
    wide = &columns.col[0];
    CHECK_EQ(ft_format_find("avro")->open(&cfg, &f, &err), FT_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const void *parts[FT_PARTS_MAX] = {NULL};

        memcpy(part + wide->field->at, &cases[i].value, sizeof cases[i].value);
        parts[wide->part] = part;
        size_t len = f->ops->row(f, row, parts);

        CHECK_EQ(len, sizeof(uint32_t) + cases[i].len);
        CHECK(memcmp(row + sizeof(uint32_t), cases[i].want, cases[i].len) == 0);
    }
    lines_end(f);
}

int main(void)
{
    RUN(test_decimals);
    return test_end();
}
