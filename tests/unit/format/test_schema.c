/* SPDX-License-Identifier: Apache-2.0 */
/* format/schema: columns that are lists, in every form; and in a CSV file. */
#include "format/schema.h"

#include "harness.h"
#include "lines.h"

struct part {
    const void *items;
    uint32_t n;
    bool null;
};

static void g_list(const void *part, struct ft_value *v)
{
    const struct part *p = part;

    v->items = p->items;
    v->n_items = p->n;
    v->null = p->null;
}

#define LIST(column, of)                                                                           \
    .name = column, .unit = "bytes", .meaning = "sizes", .source = "test", .profile = "base",      \
    .group = FT_GROUP_FEATURES, .type = FT_T_LIST, .item = of, .get = g_list,                      \
    .privacy = FT_PRIVACY_NONE

static const struct ft_field rows[] = {
    {LIST("sizes", FT_T_U16)},
    {LIST("times", FT_T_F64), .null = "a flow without packets"},
    {.name = "in_bursts",
     .unit = "bytes",
     .meaning = "sizes",
     .source = "test",
     .profile = "base",
     .group = FT_GROUP_FEATURES,
     .type = FT_T_LISTS,
     .item = FT_T_U16,
     .get = g_list,
     .privacy = FT_PRIVACY_NONE},
};

static const char *schema(const char *form)
{
    static char text[8192];
    struct ft_columns c;
    struct ft_err err;
    char *out = NULL;
    size_t len = 0;

    ft_columns_rows(rows, 3, &c);
    CHECK_EQ(ft__schema_of(form, &c, &out, &len, &err), FT_OK);
    snprintf(text, sizeof text, "%.*s", (int)len, out);
    CHECK_EQ(strlen(text), len);
    ft_schema_free(out);
    return text;
}

static void test_lists_in_every_form(void)
{
    static const char *const want[][3] = {
        {"markdown", "| `sizes` | features | list of uint16 | bytes |",
         "| `times` | features | list of float64 | bytes |"},
        {"json-schema",
         "\"sizes\":{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":0,"
         "\"maximum\":65535}},",
         "\"times\":{\"anyOf\":[{\"type\":\"array\",\"items\":{\"type\":\"number\"}},"
         "{\"type\":\"null\"}]}"},
        {"arrow", "{\"name\":\"sizes\",\"type\":\"list<uint16>\",\"nullable\":true,",
         "{\"name\":\"times\",\"type\":\"list<double>\",\"nullable\":true,"},
        {"clickhouse", "`sizes` Array(UInt16) COMMENT", "`times` Array(Float64) COMMENT"},
        {"avro",
         "{\"name\":\"sizes\",\"type\":[\"null\",{\"type\":\"array\",\"items\":\"int\"}],"
         "\"default\":null,\"doc\"",
         "{\"name\":\"times\",\"type\":[\"null\",{\"type\":\"array\",\"items\":\"double\"}],"
         "\"default\":null,\"doc\""},
        {"protobuf", "  repeated uint32 sizes = 1; // sizes\n",
         "  repeated double times = 2; // sizes\n"},
        {"csv", "network_flow_record,features,sizes,list of uint16,bytes,,false,base,",
         "network_flow_record,features,times,list of float64,bytes,,true,base,"},
    };

    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        const char *text = schema(want[i][0]);

        CHECK(strstr(text, want[i][1]) != NULL);
        CHECK(strstr(text, want[i][2]) != NULL);
        if (strstr(text, want[i][1]) == NULL || strstr(text, want[i][2]) == NULL) {
            fprintf(stderr, "%s\n", text);
        }
    }
}

static void test_lists_of_lists_in_every_form(void)
{
    static const char *const want[][2] = {
        {"markdown", "| `in_bursts` | features | list of lists of uint16 | bytes |"},
        {"json-schema", "\"in_bursts\":{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":"
                        "{\"type\":\"integer\",\"minimum\":0,\"maximum\":65535}}}"},
        {"arrow", "{\"name\":\"in_bursts\",\"type\":\"list<list<uint16>>\",\"nullable\":true,"},
        {"clickhouse", "`in_bursts` Array(Array(UInt16)) COMMENT"},
        {"avro", "{\"name\":\"in_bursts\",\"type\":[\"null\",{\"type\":\"array\",\"items\":"
                 "{\"type\":\"array\",\"items\":\"int\"}}],\"default\":null,\"doc\""},
        {"protobuf", "  message InBursts {\n    repeated uint32 item = 1;\n  }\n"
                     "  repeated InBursts in_bursts = 3; // sizes\n"},
        {"csv",
         "network_flow_record,features,in_bursts,list of lists of uint16,bytes,,false,base,"},
    };

    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        const char *text = schema(want[i][0]);

        CHECK(strstr(text, want[i][1]) != NULL);
        if (strstr(text, want[i][1]) == NULL) {
            fprintf(stderr, "%s\n", text);
        }
    }
}

static void test_no_such_form(void)
{
    struct ft_columns c;
    struct ft_err err;
    size_t len;
    char *out;

    ft_columns_rows(rows, 2, &c);
    CHECK_EQ(ft__schema_of("parquet", &c, &out, &len, &err), FT_E_USAGE);
    CHECK_EQ(ft_schema_make("csv", "bose", false, &out, &len, &err), FT_E_USAGE);
    CHECK_STR(err.what, "--profile: 'bose': there is no such profile; did you mean base?");
}

static void test_lists_in_csv(void)
{
    static const uint16_t sizes[] = {60, 1500};
    static const struct {
        struct part part;
        const char *line;
    } cases[] = {{{sizes, 2, false}, "60;1500\n"},
                 {{sizes, 1, false}, "60\n"},
                 {{sizes, 2, true}, "\n"},
                 {{sizes, 0, false}, "[]\n"}};
    struct ft_columns c;
    struct ft_format_config cfg = {.columns = &c, .events = 1u << FT_EVENT_FLOW};
    struct ft_format *f = NULL;
    struct ft_err err;
    static uint8_t out[1024];

    ft_columns_rows(rows, 1, &c);
    CHECK_EQ(ft_format_find("csv")->open(&cfg, &f, &err), FT_OK);
    out[f->ops->header(f, out)] = 0;
    CHECK_STR((char *)out, "sizes\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_flow_record r = {.part = {[FT_PART_CORE] = &cases[i].part}};

        out[f->ops->flow(f, out, &r)] = 0;
        CHECK_STR((char *)out, cases[i].line);
    }
    lines_end(f);
}

int main(void)
{
    RUN(test_lists_in_every_form);
    RUN(test_lists_of_lists_in_every_form);
    RUN(test_no_such_form);
    RUN(test_lists_in_csv);
    return test_end();
}
