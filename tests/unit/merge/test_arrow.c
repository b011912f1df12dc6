/* SPDX-License-Identifier: Apache-2.0 */
/* merge: values of JSON as cells of Arrow, read back as the JSON that they were; each prefix of the
 * stream, and each of its bytes changed, from blocks of exactly that length; and shapes of lines
 * that go on being found when values stop being the same. */
#include "merge/arrow.h"
#include "merge/arrow_cells.h"

#include "base/mem.h"
#include "codec/columnar/flatbuffer.h"
#include "harness.h"

enum { COLUMNS = 11 };

static const struct {
    const char *name;
    uint8_t kind, width, lists;
    const char *value[3]; /* as JSON; of rows */
    const char *back[3];
} columns[COLUMNS] = {
    {"flow_id",
     FT__CELL_TEXT,
     1,
     0,
     {"\"a\\\"\\\\\\u00e9\\ud83d\\ude00\"", "null", "\"\""},
     {"\"a\\\"\\\\\xc3\xa9\xf0\x9f\x98\x80\"", "null", "\"\""}},
    {"packet_count",
     FT__CELL_UNSIGNED,
     8,
     0,
     {"18446744073709551615", "9007199254740993", "-1"},
     {"18446744073709551615", "9007199254740993", "null"}},
    {"src_port", FT__CELL_UNSIGNED, 2, 0, {"65535", "65536", "0"}, {"65535", "null", "0"}},
    {"offset",
     FT__CELL_SIGNED,
     8,
     0,
     {"-9223372036854775808", "9223372036854775807", "9223372036854775808"},
     {"-9223372036854775808", "9223372036854775807", "null"}},
    {"mean",
     FT__CELL_FLOAT,
     8,
     0,
     {"0.125", "1e+300", "nan"},
     {"0.125", "1.0000000000000001e+300", "null"}},
    {"timestamp",
     FT__CELL_TIME,
     8,
     0,
     {"1700000005.380550", "-0.000001", "\"x\""},
     {"1700000005.380550", "-0.000001", "null"}},
    {"is_final", FT__CELL_BOOL, 1, 0, {"true", "false", "null"}, {"true", "false", "null"}},
    {"sizes", FT__CELL_UNSIGNED, 4, 1, {"[1,2,3]", "[]", "[1,x]"}, {"[1,2,3]", "[]", "null"}},
    {"bits",
     FT__CELL_BOOL,
     1,
     2,
     {"[[true,false],[]]", "null", "[[true],[true]]"},
     {"[[true,false],[]]", "null", "[[true],[true]]"}},
    {"vector",
     FT__CELL_FLOAT,
     4,
     1,
     {"[0.217701957,-0.5]", "null", "[1e-30,16777217]"},
     {"[0.217701957,-0.5]", "null", "[1e-30,16777216]"}},
    {"vector_wrong", /* too few, too many, one that float32 has not */
     FT__CELL_FLOAT,
     4,
     1,
     {"[0.5]", "[1,2,3]", "[0,1e39]"},
     {"null", "null", "null"}},
};

/* The columns in a stream of one batch. */
static struct ft__cell_bytes make(void)
{
    static struct ft__cells cells[COLUMNS];
    struct ft__cell_bytes out = {NULL, 0, 0};
    static const uint8_t end[8] = {0xff, 0xff, 0xff, 0xff};
    uint64_t meta;

    memset(cells, 0, sizeof cells);
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(cells[i].name, sizeof cells[i].name, "%s", columns[i].name);
        cells[i].kind = columns[i].kind;
        cells[i].width = columns[i].width;
        cells[i].lists = columns[i].lists;
        cells[i].fixed = strncmp(columns[i].name, "vector", 6) == 0 ? 2 : 0;
        for (int row = 0; row < 3; row++) {
            char text[128] = {0}; /* with what may be read behind a line */
            size_t len = strlen(columns[i].value[row]);
            bool fits = strcmp(columns[i].back[row], "null") != 0 ||
                        strcmp(columns[i].value[row], "null") == 0;

            memcpy(text, columns[i].value[row], len);
            CHECK_EQ(ft__cells_put(&cells[i], text, (uint32_t)len), fits ? FT_OK : FT_E_RANGE);
        }
        CHECK_EQ(cells[i].n, 3);
    }
    CHECK_EQ(ft__cells_schema(cells, COLUMNS, &out), FT_OK);
    CHECK_EQ(ft__cells_batch(cells, COLUMNS, 3, &out, &meta), FT_OK);
    CHECK_EQ(out.len % 8, 0);
    CHECK_EQ(ft__cell_bytes_add(&out, end, sizeof end), FT_OK);
    for (int i = 0; i < COLUMNS; i++) {
        ft__cells_free(&cells[i]);
    }
    return out;
}

static void check_row(const struct ft__record *r, int row)
{
    char text[1024];

    snprintf(text, sizeof text, "%.*s", (int)r->len, r->line);
    for (int i = 0; i < COLUMNS; i++) {
        char want[256];

        snprintf(want, sizeof want, "\"%s\":%s", columns[i].name, columns[i].back[row]);
        if (strstr(text, want) == NULL) {
            fprintf(stderr, "%s is not in %s\n", want, text);
        }
        CHECK(strstr(text, want) != NULL);
    }
}

/* All rows of a stream, which is in a block of its own length. */
static int read_stream(const uint8_t *data, size_t len, bool check)
{
    struct ft__arrow_input *a = ft__arrow_input_new();
    struct ft__arrow_text text = {NULL, 0};
    static struct ft__record record;
    enum ft_arrow_event event = FT_ARROW_MORE;
    struct ft_err err;
    int rc = FT_OK, rows = 0;

    CHECK(a != NULL);
    record = (struct ft__record){0};
    for (size_t at = 0, used, need; rc == FT_OK && event != FT_ARROW_END; at += used) {
        rc = ft_arrow_take(a->reader, data + at, len - at, true, &event, &used, &need, &err);
        if (rc == FT_OK && event == FT_ARROW_SCHEMA) {
            rc = ft__arrow_layout(a, &err);
        }
        if (rc == FT_OK && event == FT_ARROW_BATCH) {
            ft_arrow_columns(a->reader, &a->rows);
            for (a->row = 0; rc == FT_OK && a->row < a->rows && rows < 100; rows++) {
                rc = ft__arrow_row(a, &text, &record);
                if (check && rc == FT_OK) {
                    check_row(&record, rows);
                }
            }
        }
    }
    CHECK(!check || (rc == FT_OK && rows == 3));
    ft_mem_free(text.at);
    ft__arrow_input_free(a);
    return rc;
}

static int read_copy(const uint8_t *data, size_t len, bool check)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    memcpy(copy, data, len);
    int rc = read_stream(copy, len, check);

    free(copy);
    return rc;
}

static void test_back(void)
{
    struct ft__cell_bytes stream = make();

    CHECK_EQ(read_copy(stream.at, stream.len, true), FT_OK);
    ft_mem_free(stream.at);
}

static void test_prefixes(void)
{
    struct ft__cell_bytes stream = make();
    uint32_t schema;

    memcpy(&schema, stream.at + 4, sizeof schema);
    for (size_t len = 0; len + 8 < stream.len; len++) {
        int rc = read_copy(stream.at, len, false);

        /* a stream that was killed ends behind a message */
        CHECK_EQ(rc, len == 8 + schema ? FT_OK : FT_E_TRUNCATED);
    }
    ft_mem_free(stream.at);
}

static void test_bytes(void)
{
    static const uint8_t turns[] = {0x01, 0x80, 0xff};
    struct ft__cell_bytes stream = make();

    for (size_t i = 0; i < stream.len; i++) {
        for (size_t k = 0; k < sizeof turns; k++) {
            stream.at[i] ^= turns[k];
            int rc = read_copy(stream.at, stream.len, false);

            stream.at[i] ^= turns[k];
            CHECK(rc == FT_OK || rc == FT_E_CORRUPT || rc == FT_E_UNSUPPORTED ||
                  rc == FT_E_TRUNCATED || rc == FT_E_RANGE);
        }
    }
    ft_mem_free(stream.at);
}

/* A schema of two columns, the first of numbers of a byte, that have one dictionary; the second is
 * of this type (2: numbers of so many bits, 5: text). */
static struct ft__cell_bytes share_dictionary(uint8_t type, uint32_t bits)
{
    static const uint8_t end[8] = {0xff, 0xff, 0xff, 0xff};
    static uint8_t data[4096];
    struct ft_flat_slot message[] = {{2, 4}, {1, 1}, FT_FLAT_OFFSET};
    struct ft_flat_slot schema[] = {{2, 0}, FT_FLAT_OFFSET};
    struct ft_flat_slot dictionary[] = {{8, 7}};
    uint32_t at[FT_FLAT_SLOTS_MAX], prefix[2] = {UINT32_MAX}, fields;
    struct ft__cell_bytes out = {NULL, 0, 0};
    struct ft_flat b;

    ft_flat_begin(&b, data, sizeof data);
    ft_flat_point(&b, 0, ft_flat_table(&b, message, 3, at));
    ft_flat_point(&b, at[2], ft_flat_table(&b, schema, 2, at));
    fields = ft_flat_offsets(&b, 2);
    ft_flat_point(&b, at[1], fields);
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t kind = i == 0 ? 2 : type;
        struct ft_flat_slot field[] = {FT_FLAT_OFFSET, {1, true},      {1, kind},
                                       FT_FLAT_OFFSET, FT_FLAT_OFFSET, FT_FLAT_OFFSET};
        struct ft_flat_slot integer[] = {{4, i == 0 ? 8 : bits}, {1, false}};
        uint32_t unused[FT_FLAT_SLOTS_MAX];

        ft_flat_point(&b, fields + 4 + 4 * i, ft_flat_table(&b, field, 6, at));
        ft_flat_point(&b, at[0], ft_flat_string(&b, i == 0 ? "a" : "b"));
        ft_flat_point(&b, at[3], ft_flat_table(&b, integer, kind == 2 ? 2 : 0, unused));
        ft_flat_point(&b, at[4], ft_flat_table(&b, dictionary, 1, unused));
        ft_flat_point(&b, at[5], ft_flat_offsets(&b, 0));
    }
    ft_flat_pad(&b);
    CHECK(!b.full);
    prefix[1] = b.len;
    CHECK_EQ(ft__cell_bytes_add(&out, prefix, sizeof prefix), FT_OK);
    CHECK_EQ(ft__cell_bytes_add(&out, data, b.len), FT_OK);
    CHECK_EQ(ft__cell_bytes_add(&out, end, sizeof end), FT_OK);
    return out;
}

/* What a dictionary was checked for is what every column reads of it. */
static void test_shared_dictionary(void)
{
    static const struct {
        uint8_t type;
        uint32_t bits;
        int rc;
    } second[] = {{2, 8, FT_OK}, {2, 64, FT_E_CORRUPT}, {5, 0, FT_E_CORRUPT}};

    for (size_t i = 0; i < sizeof second / sizeof second[0]; i++) {
        struct ft__cell_bytes stream = share_dictionary(second[i].type, second[i].bits);

        CHECK_EQ(read_copy(stream.at, stream.len, false), second[i].rc);
        ft_mem_free(stream.at);
    }
}

/* Values that were the same in all lines are others, longer and shorter, from some line on. */
static void test_shape(void)
{
    static const char *const reasons[] = {"end", "idle", "e", "shutdown, or so", "a\\\"b", "eof"};
    struct ft__scan *s = ft__scan_new();
    static struct ft__record r, alone;
    uint64_t shaped, read;

    r = (struct ft__record){0};
    for (int i = 0; i < 600; i++) {
        char line[512] = {0};
        const char *reason = i < 100 ? "end" : reasons[i % 6];
        int len =
            snprintf(line, sizeof line - FT__SCAN_SLACK,
                     "{\"event_type\":\"network_flow_record\",\"reason\":\"%s\",\"segment\":%d,"
                     "\"flow_key\":{\"protocol\":%d},\"observer_id\":%s}",
                     reason, i < 100 ? 1 : i, i < 300 ? 6 : 17,
                     i < 200      ? "\"a\""
                     : i % 2 != 0 ? "null"
                                  : "\"bb\"");
        struct ft__scan *fresh = ft__scan_new();

        alone = (struct ft__record){0};
        CHECK(ft__scan_line(s, line, (size_t)len, &r));
        CHECK(ft__scan_line(fresh, line, (size_t)len, &alone));
        CHECK_EQ(r.own_len, alone.own_len);
        CHECK_EQ(r.shape->n, 5);
        CHECK_MEM(r.end, alone.end, 5 * sizeof r.end[0]);
        for (int k = 0; k < FT__MERGE_SLOTS_N; k++) {
            CHECK(r.of[k].at == alone.of[k].at && r.of[k].len == alone.of[k].len &&
                  r.of[k].text == alone.of[k].text);
        }
        ft__scan_free(fresh);
    }
    ft__scan_counts(s, &shaped, &read);
    CHECK_EQ(read, 1);
    CHECK_EQ(shaped, 599);
    ft__scan_free(s);
}

int main(void)
{
    RUN(test_back);
    RUN(test_prefixes);
    RUN(test_bytes);
    RUN(test_shared_dictionary);
    RUN(test_shape);
    return test_end();
}
