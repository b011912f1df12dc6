/* SPDX-License-Identifier: Apache-2.0 */
#ifdef FT_HAVE_SERVE

#include "serve/schema.h"

#include "harness.h"
#include "serve/catalogue_fake.h"

static char why[FT_SCHEMA_WHY];

static enum ft_schema_verdict check(const char *schema, const char *args)
{
    cJSON *s = cJSON_Parse(schema), *a = cJSON_Parse(args);
    enum ft_schema_verdict v = ft_schema_check(s, a, why);

    CHECK(s != NULL && a != NULL);
    cJSON_Delete(s);
    cJSON_Delete(a);
    return v;
}

static void test_top(void)
{
    static const struct {
        const char *args;
        enum ft_schema_verdict verdict;
        const char *why;
    } cases[] = {
        {"{}", FT_SCHEMA_FITS, ""},
        {"{\"by\":\"bytes\",\"limit\":100,\"share\":0.5,\"all\":false}", FT_SCHEMA_FITS, NULL},
        {"{\"limit\":1.0}", FT_SCHEMA_FITS, NULL},
        {"[]", FT_SCHEMA_SHAPE, "arguments: it wants type object"},
        {"{\"by\":1}", FT_SCHEMA_SHAPE, "by: it wants type string"},
        {"{\"by\":null}", FT_SCHEMA_SHAPE, "by: it wants type string"},
        {"{\"limit\":\"5\"}", FT_SCHEMA_SHAPE, "limit: it wants type integer"},
        {"{\"limit\":1.5}", FT_SCHEMA_SHAPE, "limit: it wants type integer"},
        {"{\"limit\":1e300}", FT_SCHEMA_SHAPE, "limit: it wants type integer"},
        {"{\"share\":1e999}", FT_SCHEMA_SHAPE, "share: it wants type number"},
        {"{\"all\":0}", FT_SCHEMA_SHAPE, "all: it wants type boolean"},
        {"{\"BY\":\"bytes\"}", FT_SCHEMA_SHAPE, "BY: there is no such argument"},
        {"{\"\\u001b[2J\xc3\xa9\":1}", FT_SCHEMA_SHAPE, "?[2J??: there is no such argument"},
        {"{\"limit\":0}", FT_SCHEMA_VALUE, "limit: at least 1"},
        {"{\"limit\":101}", FT_SCHEMA_VALUE, "limit: at most 100"},
        {"{\"by\":\"Bytes\"}", FT_SCHEMA_VALUE, "by: allowed is bytes, packets, fail, long"},
        {"{\"where\":\"12345678\"}", FT_SCHEMA_FITS, NULL},
        {"{\"where\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}", FT_SCHEMA_FITS, NULL},
        {"{\"where\":\"123456789\"}", FT_SCHEMA_VALUE, "where: at most 8 characters"},
        {"{\"names\":[\"a\",\"b\"]}", FT_SCHEMA_FITS, NULL},
        {"{\"names\":[\"a\",1]}", FT_SCHEMA_SHAPE, "names: it wants type string"},
        {"{\"names\":[\"a\",\"b\",\"c\"]}", FT_SCHEMA_VALUE, "names: at most 2"},
        /* the graver mistake is told, wherever it stands */
        {"{\"limit\":0,\"all\":1}", FT_SCHEMA_SHAPE, "all: it wants type boolean"},
        {"{\"limit\":0,\"by\":\"x\"}", FT_SCHEMA_VALUE, "limit: at least 1"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQ(check(fake_tools[0].input_schema, cases[i].args), cases[i].verdict);
        if (cases[i].why != NULL) {
            CHECK_STR(why, cases[i].why);
        }
    }
}

static void test_required(void)
{
    CHECK_EQ(check(fake_tools[1].input_schema, "{}"), FT_SCHEMA_SHAPE);
    CHECK_STR(why, "id: it is missing");
    CHECK_EQ(check(fake_tools[1].input_schema, "{\"id\":\"\"}"), FT_SCHEMA_FITS);
    CHECK_EQ(check("{\"type\":\"object\"}", "{\"x\":1}"), FT_SCHEMA_FITS);
}

/* An enum longer than a sentence is cut, and nothing else. */
static void test_long_enum(void)
{
    char schema[4096] = "{\"type\":\"string\",\"enum\":[";
    size_t at = strlen(schema);

    for (int i = 0; i < 100; i++) {
        at += (size_t)snprintf(schema + at, sizeof schema - at, "%s\"value number %d\"",
                               i ? "," : "", i);
    }
    snprintf(schema + at, sizeof schema - at, "]}");
    CHECK_EQ(check(schema, "\"none\""), FT_SCHEMA_VALUE);
    CHECK_EQ(strlen(why), FT_SCHEMA_WHY - 1);
    CHECK_EQ(check(schema, "\"value number 99\""), FT_SCHEMA_FITS);
}

static void test_strange(void)
{
    static const char *const bad[] = {
        "{\"type\":\"object\",\"pattern\":\"x\"}",
        "{\"properties\":{\"a\":{\"minLength\":1}}}",
        "{\"type\":\"array\",\"items\":{\"format\":\"uri\"}}",
    };

    for (size_t i = 0; i < 3; i++) {
        cJSON *s = cJSON_Parse(bad[i]);

        CHECK(ft_schema_strange(s) != NULL);
        cJSON_Delete(s);
    }
    for (size_t i = 0; i < 2; i++) {
        cJSON *s = cJSON_Parse(fake_tools[i].input_schema);

        CHECK(ft_schema_strange(s) == NULL);
        cJSON_Delete(s);
    }
}

int main(void)
{
    RUN(test_top);
    RUN(test_required);
    RUN(test_long_enum);
    RUN(test_strange);
    return test_end();
}

#else

int main(void)
{
    return 77; /* skipped: a build without what it takes */
}

#endif
