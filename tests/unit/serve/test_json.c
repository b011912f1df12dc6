/* SPDX-License-Identifier: Apache-2.0 */
#ifdef FT_HAVE_SERVE

#include "serve/json.h"

#include "harness.h"

static bool good(const char *text)
{
    return ft_json_wrong(text, strlen(text)) == NULL;
}

static void test_taken(void)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        " { } ",
        "0",
        "-0",
        "-1.5e+3",
        "1E9",
        "true",
        "null",
        "\"\"",
        "\t{\"a\" : [ 1 , 2 , {\"b\":null} ] , \"c\":\"\\u00e9\\n\\/\"}\r\n",
        "\"\xc3\xa9\xf0\x9f\x98\x80\"",
        "\"\\ud83d\\ude00\"",
        "\"\x7f\"",
        "{\"a\":1,\"A\":2}",
        "\"\xed\x9f\xbf\xee\x80\x80\"",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!good(texts[i])) {
            printf("%s: %s\n", texts[i], ft_json_wrong(texts[i], strlen(texts[i])));
        }
        CHECK(good(texts[i]));
    }
}

static void test_refused(void)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "[1",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "01",
        "1.",
        ".5",
        "+1",
        "-",
        "1e",
        "1e+",
        "0x10",
        "NaN",
        "Infinity",
        "-Infinity",
        "tru",
        "truee",
        "nul",
        "1 2",
        "{}{}",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u0000\"",
        "\"\\ud83d\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ude00\"",
        "\"\xc0\xaf\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xff\"",
        "\"\xc3\"",
        "\"\xc3\x28\"",
        "\"\xe0\x80\x80\"",
        "\xef\xbb\xbf{}",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\x01\"",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"b\":{\"c\":1,\"d\":2,\"c\":3}}",
        "{\"\\u0061\":1}",
        "/* */{}",
        "{}\f",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (good(texts[i])) {
            printf("taken: %s\n", texts[i]);
        }
        CHECK(!good(texts[i]));
    }
    CHECK(ft_json_wrong("{}\0", 3) != NULL);
    CHECK(ft_json_wrong("\"a\0b\"", 5) != NULL);
    CHECK(ft_json_wrong("truex", 4) == NULL);
}

/* n times open, then as many closes. */
static bool nested(int n)
{
    char text[256];

    memset(text, '[', (size_t)n);
    memset(text + n, ']', (size_t)n);
    return ft_json_wrong(text, (size_t)n * 2) == NULL;
}

static bool members(int n)
{
    char text[4096] = "{";
    size_t at = 1;

    for (int i = 0; i < n; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s\"m%d\":%d", i ? "," : "", i, i);
    }
    text[at] = '}';
    return ft_json_wrong(text, at + 1) == NULL;
}

static bool values(size_t n)
{
    static char text[4 * FT_JSON_VALUES];
    size_t at = 0;

    text[at++] = '[';
    for (size_t i = 1; i < n; i++) { /* the list is one itself */
        text[at++] = '0';
        text[at++] = i + 1 < n ? ',' : ']';
    }
    return ft_json_wrong(text, at) == NULL;
}

static bool name_of(int n)
{
    char text[2 * FT_JSON_NAME];
    int len = snprintf(text, sizeof text, "{\"%0*d\":1}", n - 2, 0);

    return ft_json_wrong(text, (size_t)len) == NULL;
}

static bool digits_of(int n)
{
    char text[2 * FT_JSON_NUMBER];

    snprintf(text, sizeof text, "1.%0*d", n - 2, 0);
    return ft_json_wrong(text, strlen(text)) == NULL;
}

static void test_bounds(void)
{
    CHECK(nested(FT_JSON_DEPTH));
    CHECK(!nested(FT_JSON_DEPTH + 1));
    CHECK(members(FT_JSON_MEMBERS));
    CHECK(!members(FT_JSON_MEMBERS + 1));
    CHECK(values(FT_JSON_VALUES));
    CHECK(!values(FT_JSON_VALUES + 1));
    CHECK(digits_of(FT_JSON_NUMBER));
    CHECK(!digits_of(FT_JSON_NUMBER + 1));
    CHECK(name_of(FT_JSON_NAME));
    CHECK(!name_of(FT_JSON_NAME + 1));
}

int main(void)
{
    RUN(test_taken);
    RUN(test_refused);
    RUN(test_bounds);
    return test_end();
}

#else

int main(void)
{
    return 77; /* skipped: a build without what it takes */
}

#endif
