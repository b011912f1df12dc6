/* SPDX-License-Identifier: Apache-2.0 */
/* model: conditions: what each operator means by type, every error with its place, and random
 * conditions against a second evaluator that knows nothing of the first. */
#include "model/where.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#include "harness.h"

/* ---- a record of its own ---- */

enum { C_BOOL, C_U8, C_U64, C_I64, C_F64, C_TIME, C_STRING, C_TEXT, C_ID, C_ADDR, C_OTHER, C__N };

struct record {
    bool null[C__N];
    uint64_t u; /* bool, u8, u64, id */
    int64_t i;  /* i64 */
    int64_t t;  /* time, ns */
    double f;
    const char *s;
    uint8_t addr[16], version;
};

#define GET(name, col, stmt)                                                                       \
    static void g_##name(const void *part, struct ft_value *v)                                     \
    {                                                                                              \
        const struct record *r = part;                                                             \
        v->null = r->null[col];                                                                    \
        stmt;                                                                                      \
    }

GET(bool, C_BOOL, v->u = r->u & 1)
GET(u8, C_U8, v->u = r->u & 255)
GET(u64, C_U64, v->u = r->u)
GET(i64, C_I64, v->i = r->i)
GET(f64, C_F64, v->f = r->f)
GET(time, C_TIME, v->i = r->t)
GET(string, C_STRING, v->s = r->s)
GET(text, C_TEXT, v->text = (const uint8_t *)r->s; v->text_len = (uint32_t)strlen(r->s))
GET(id, C_ID, v->u = r->u)
GET(addr, C_ADDR, v->addr = r->addr; v->ip_version = r->version)

static const struct ft_field rows[] = {
    [C_BOOL] = {.name = "yes", .type = FT_T_BOOL, .get = g_bool},
    [C_U8] = {.name = "u8", .type = FT_T_U8, .get = g_u8, .group = FT_GROUP_FLOW_KEY},
    [C_U64] = {.name = "u64", .type = FT_T_U64, .get = g_u64, .group = FT_GROUP_FEATURES},
    [C_I64] = {.name = "i64", .type = FT_T_I64, .get = g_i64},
    [C_F64] = {.name = "f64", .type = FT_T_F64, .get = g_f64},
    [C_TIME] = {.name = "time", .type = FT_T_TIME, .get = g_time},
    [C_STRING] = {.name = "string", .type = FT_T_STRING, .get = g_string},
    [C_TEXT] = {.name = "text", .type = FT_T_TEXT, .get = g_text},
    [C_ID] = {.name = "id", .type = FT_T_ID, .get = g_id},
    [C_ADDR] = {.name = "addr", .type = FT_T_ADDR, .get = g_addr},
    [C_OTHER] = {.name = "object", .type = FT_T_JSON},
};
/* a second part, with a name that the first one has too, in another object */
static const struct ft_field more[] = {
    {.name = "u8", .type = FT_T_U64, .get = g_u64, .group = FT_GROUP_EXPORTER},
    {.name = "second", .type = FT_T_U64, .get = g_u64},
};
static struct ft_column columns[C__N + 2];
enum { N_COLUMNS = C__N + 2 };

static void make_columns(void)
{
    for (uint32_t i = 0; i < N_COLUMNS; i++) {
        columns[i] = i < C__N ? (struct ft_column){.field = &rows[i]}
                              : (struct ft_column){.field = &more[i - C__N], .part = 1};
    }
}

static struct ft_where *make(const char *text)
{
    struct ft_where *w = NULL;
    struct ft_err err = {0};

    if (ft_where_new(text, columns, N_COLUMNS, &w, &err) != FT_OK) {
        printf("%s: %s\n", text, err.what);
        CHECK(w != NULL);
        exit(1);
    }
    return w;
}

static bool ask2(const char *text, const struct record *r, const struct record *second)
{
    const void *parts[] = {r, second};
    struct ft_where *w = make(text);
    bool holds = ft_where_holds(w, parts);

    ft_where_free(w);
    return holds;
}

static bool ask(const char *text, const struct record *r)
{
    return ask2(text, r, NULL);
}

#define HOLDS(text) CHECK(ask(text, &r))
#define FAILS(text) CHECK(!ask(text, &r))

/* ---- by type ---- */

static void test_numbers(void)
{
    struct record r = {.u = 1000000, .i = -5, .f = 12.5};

    HOLDS("u64=1000000");
    HOLDS("u64==1e6");
    HOLDS("u64 = 1M");
    HOLDS("u64 = 1000k");
    HOLDS("u64 = 1000K");
    HOLDS("u64 = 0.001G");
    HOLDS("u64 = 1.0000e+6");
    HOLDS("u64 = 10000000e-1");
    HOLDS("u64 = 0xF4240");
    HOLDS("u64 = '1000000'");
    HOLDS("u64 = 0000000000000000000000000000000000001000000");
    HOLDS("u64 < 1000000.5");
    HOLDS("u64 <= 1000000.5");
    HOLDS("u64 != 1000000.5");
    HOLDS("u64 > 999999.9999999999999999999999999999999999999");
    FAILS("u64 = 1000000.0000000000000000000000000000000000001");
    FAILS("u64 = 1000000.5");
    FAILS("u64 > 1000000.5");
    FAILS("u64 >= 1000000.5");
    FAILS("u64 <> 1e6");
    HOLDS("u64 < 1e400"); /* beyond what there is */
    HOLDS("u64 > 1e-400");
    HOLDS("u64 > -1e400");
    HOLDS("u64 >= 0e999999999999");
    HOLDS("u64 = 976Ki or u64 = 976.5625Ki");
    HOLDS("u64 < 1Mi and u64 < 1Ti");
    HOLDS("u64 in [1, 2, 1e6]");
    FAILS("u64 in (1, 2)");
    HOLDS("u64 not in [1, 2]");
    HOLDS("u8 = 64");
    FAILS("u8 = 320");
    HOLDS("i64 = -5");
    HOLDS("i64 < -4.5");
    HOLDS("i64 > -5.5");
    HOLDS("i64 >= -5 and i64 <= -5");
    FAILS("i64 = -5.5");
    FAILS("i64 > -4.5");
    HOLDS("f64 = 12.5");
    HOLDS("f64 = 125e-1");
    HOLDS("f64 = 0.0125k");
    HOLDS("f64 > 12.4999 and f64 < 1e1000 and f64 > -1e9");
    FAILS("f64 = 12.5000000000001");
    r.f = 135.12389376667133; /* its text in a record */
    HOLDS("f64 = 135.1238937666713 and f64 <= 135.1238937666713");
    FAILS("f64 > 135.1238937666713");
    HOLDS("f64 < 1e1000 and f64 > -1e1000");
    r.u = UINT64_MAX;
    HOLDS("u64 = 18446744073709551615");
    HOLDS("u64 = 0xffffffffffffffff");
    HOLDS("u64 < 18446744073709551616");
    FAILS("u64 >= 18446744073709551615.5");
    r.i = INT64_MIN;
    HOLDS("i64 = -9223372036854775808");
    HOLDS("i64 > -9223372036854775808.5");
    HOLDS("i64 < 0.5");
}

static void test_times(void)
{
    struct record r = {.t = 1719409375420000123};

    HOLDS("time = 1719409375.42"); /* as it is written: microseconds */
    HOLDS("time > 1719409375.4199999");
    HOLDS("time < 1719409375.4200001");
    HOLDS("time = 2024-06-26T13:42:55.42Z");
    HOLDS("time = '2024-06-26T13:42:55.420000'");
    HOLDS("time >= 2024-06-26 and time < 2024-06-27");
    HOLDS("time > 2024-06-26T13:42");
    FAILS("time < 2024-06-26T13:42:55");
    r.t = -1;
    HOLDS("time = -0.000001"); /* rounded down */
    HOLDS("time < 0");
    HOLDS("time > 1969-12-31");
    r.t = INT64_C(951782400) * 1000000000;
    HOLDS("time = 2000-02-29");
    HOLDS("time < 2000-03-01 and time > 2000-02-28");
    HOLDS("time > 0000-01-01 and time < 9999-12-31");
}

static void test_texts(void)
{
    struct record r = {.s = "Mail.Example.com"};
    static const char *const names[] = {"string", "text"};

    for (int i = 0; i < 2; i++) {
        char text[100];
        static const struct {
            const char *rest;
            bool holds;
        } cases[] = {
            {"= Mail.Example.com", true},
            {"= mail.example.com", false},
            {"!= mail.example.com", true},
            {"= \"Mail.Example.com\"", true},
            {"= 'Mail.Example.co\\m'", true},
            {"~ example", true},
            {"~ MAIL", true},
            {"~ .com", true},
            {"~ Mail.Example.com", true},
            {"~ Mail.Example.com.", false},
            {"~ ''", true},
            {"!~ net", true},
            {"!~ com", false},
            {"~ *.example.com", true},
            {"~ example*", false},
            {"~ mail*", true},
            {"~ *", true},
            {"~ m*.*m", true},
            {"~ m*x*e*.*c*m*", true},
            {"~ *.example", false},
            {"~ **mail**com**", true},
            {"in [a, b, Mail.Example.com]", true},
            {"not in (a, 'Mail.Example.com')", false},
            {"= ''", false},
        };

        for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
            snprintf(text, sizeof text, "%s %s", names[i], cases[k].rest);
            if (ask(text, &r) != cases[k].holds) {
                printf("%s\n", text);
                CHECK(0);
            }
        }
    }
    r.s = "";
    HOLDS("text = ''");
    HOLDS("text ~ *");
    FAILS("text ~ a");
    r.s = "say \"it's\" \\o/";
    HOLDS("text = \"say \\\"it's\\\" \\\\o/\"");
    HOLDS("text = 'say \"it\\'s\" \\\\o/'");
    r.s = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    FAILS("text ~ *a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*c"); /* ends in no time */
}

static void test_addresses(void)
{
    struct record r = {.version = 4, .addr = {10, 1, 2, 3}};

    HOLDS("addr = 10.1.2.3");
    HOLDS("addr = 10.0.0.0/8");
    HOLDS("addr = 10.9.9.9/8"); /* what is behind the prefix does not matter */
    HOLDS("addr = 0.0.0.0/0");
    HOLDS("addr != ::/0");
    FAILS("addr = 10.1.2.2/32");
    HOLDS("addr = 10.1.2.2/31");
    FAILS("addr != 10.1.0.0/16");
    HOLDS("addr in [192.0.2.0/24, 10.1.2.0/24]");
    HOLDS("addr not in [192.0.2.0/24, 2001:db8::/32]");
    r.version = 6;
    memcpy(r.addr, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    HOLDS("addr = 2001:db8::1");
    HOLDS("addr=2001:db8::/32");
    FAILS("addr = 0.0.0.0/0");
    HOLDS("addr = 2001:db8::/127 and addr = 2000::/3");
    FAILS("addr = ::ffff:10.1.2.3");
}

static void test_others(void)
{
    struct record r = {.u = 1};

    HOLDS("yes");
    HOLDS("yes = true");
    HOLDS("yes != FALSE");
    FAILS("not yes");
    FAILS("!yes");
    FAILS("yes in [false]");
    HOLDS("id = 0000000000000001");
    HOLDS("id != 0000000000000002");
    r.u = 0xfedcba9876543210;
    HOLDS("id = fedcba9876543210");
    HOLDS("id = FEDCBA9876543210");
    HOLDS("id in [0000000000000000, fedcba9876543210]");
    FAILS("yes");
    HOLDS("not yes and not yes");
}

static void test_null(void)
{
    struct record r = {.null = {[C_U64] = true, [C_TEXT] = true}, .u = 7, .s = "x"};

    HOLDS("u64 = null");
    HOLDS("u64 == NULL");
    FAILS("u64 != null");
    FAILS("u8 = null");
    HOLDS("u8 != null");
    FAILS("u64 = 7"); /* no test of null holds */
    FAILS("u64 != 7");
    FAILS("u64 < 8");
    FAILS("u64 >= 0");
    FAILS("u64 in [7]");
    FAILS("text ~ x");
    HOLDS("not u64 = 7"); /* but it can be turned around */
    HOLDS("u64 not in [7]");
    HOLDS("text !~ x");
    HOLDS("string = 'x'");
    r.s = "null";
    HOLDS("string = 'null'"); /* in quotes it is a text */
    FAILS("string = null");
}

static void test_parts(void)
{
    struct record r = {.u = 7}, second = {.u = 300};

    CHECK(ask2("second = 300", &r, &second));
    CHECK(!ask2("second = 300", &r, NULL)); /* says nothing: null */
    CHECK(ask2("second = null", &r, NULL));
    CHECK(ask2("u8 = 7", &r, &second)); /* the first of the name */
    CHECK(ask2("flow_key.u8 = 7", &r, &second));
    CHECK(ask2("exporter.u8 = 300", &r, &second));
    CHECK(ask2("features.u64 = 7", &r, &second));
    struct ft_where *w = make("second=1 and u8=2 or second=3");

    CHECK(ft_where_uses(w, 0)->field == &more[1] && ft_where_uses(w, 0)->part == 1);
    CHECK(ft_where_uses(w, 1)->field == &rows[C_U8] && ft_where_uses(w, 1)->part == 0);
    CHECK(ft_where_uses(w, 2)->field == &more[1] && ft_where_uses(w, 2)->part == 1);
    CHECK(ft_where_uses(w, 3) == NULL);
    ft_where_free(w);
}

static void test_logic(void)
{
    struct record r = {.u = 5};

    HOLDS("u8=1 or u8=5 and u64=5"); /* and binds first */
    HOLDS("u8=5 or u8=5 and u64=4");
    FAILS("(u8=5 or u8=5) and u64=4");
    HOLDS("not u8=1 and u8=5"); /* not binds before */
    FAILS("not (u8=1 or u8=5)");
    HOLDS("not not u8=5");
    HOLDS("! ! (u8=5)");
    HOLDS("u8=5 && u64=5 || u8=1");
    HOLDS("NOT u8=1 AND u8 IN [5] OR u8=3");
    HOLDS(" ( ( ( u8 = 5 ) ) ) ");
}

/* ---- errors ---- */

static void test_errors(void)
{
    static const struct {
        const char *text, *what;
    } cases[] = {
        {"", "at the end: there is no condition"},
        {"  ", "at the end: there is no condition"},
        {"u9 = 1", "at character 1, 'u9': there is no such column; did you mean u8?"},
        {"tim = 1", "at character 1, 'tim': there is no such column; did you mean time?"},
        {"nothing_like_it = 1",
         "at character 1, 'nothing_like_it': there is no such column (flowtap "
         "schema has them all)"},
        {"features.u8 = 1", "at character 1, 'features.u8': there is no such column"},
        {"object = 1",
         "at character 1, 'object': it holds many values, which a condition cannot ask"},
        {"= 1", "at character 1, '=': here a column is to stand"},
        {"'u8' = 1", "at character 1, ''u8'': here a column is to stand"},
        {"and", "at character 1, 'and': here a column is to stand"},
        {"u8", "at the end: behind u8, an operator is to stand: = != < <= > >= ~ in"},
        {"u8 5", "at character 4, '5': behind u8, an operator"},
        {"u8 and yes", "at character 4, 'and': behind u8, an operator"},
        {"u8 =", "at the end: here a number is to stand"},
        {"u8 = )", "at character 6, ')': here a number is to stand"},
        {"u8 = and", "at character 6, 'and': here a number is to stand, in quotes if it reads so"},
        {"string = in", "at character 10, 'in': here a text is to stand, in quotes if it reads so"},
        {"u8 = x", "at character 6, 'x': u8 is compared with a number"},
        {"u8 = 1x", "at character 6, '1x': u8 is compared with a number"},
        {"u8 = 1e", "is compared with a number"},
        {"u8 = 1e+", "is compared with a number"},
        {"u8 = .", "is compared with a number"},
        {"u8 = -", "is compared with a number"},
        {"u8 = --1", "is compared with a number"},
        {"u8 = 1.2.3", "is compared with a number"},
        {"u8 = 1kk", "is compared with a number"},
        {"u8 = 1kiB", "is compared with a number"},
        {"u8 = k", "is compared with a number"},
        {"u8 = 0x", "is compared with a number"},
        {"u8 = 0xg", "is compared with a number"},
        {"u8 = -0x1", "is compared with a number"},
        {"u8 = 0x11111111111111111", "is compared with a number"},
        {"u8 = inf", "is compared with a number"},
        {"f64 = nan", "at character 7, 'nan': f64 is compared with a number"},
        {"f64 = 0x10", "f64 is compared with a number"},
        {"f64 = 1e", "f64 is compared with a number"},
        {"f64 = 1m", "f64 is compared with a number"},
        {"time = now", "time is compared with a time: seconds since 1970, or like"},
        {"time = 2024-13-01", "time is compared with a time"},
        {"time = 2023-02-29", "time is compared with a time"},
        {"time = 2024-00-01", "time is compared with a time"},
        {"time = 2024-01-32", "time is compared with a time"},
        {"time = 2024-1-1", "time is compared with a time"},
        {"time = 2024-01-01T", "time is compared with a time"},
        {"time = 2024-01-01T24:00", "time is compared with a time"},
        {"time = 2024-01-01T10", "time is compared with a time"},
        {"time = 2024-01-01T10:60", "time is compared with a time"},
        {"time = 2024-01-01T10:00:", "time is compared with a time"},
        {"time = 2024-01-01T10:00:61", "time is compared with a time"},
        {"time = 2024-01-01T10:00:1", "time is compared with a time"},
        {"time = 2024-01-01T10:00:111", "time is compared with a time"},
        {"time = 2024-01-01T10:00:11z", "time is compared with a time"},
        {"time = 2024-01-01Zx", "time is compared with a time"},
        {"yes = 1", "at character 7, '1': yes is compared with true or false"},
        {"yes < true", "at character 5, '<': yes knows = and != only, and in"},
        {"id = 1", "id is compared with an id of 16 hex digits"},
        {"id = 000000000000000g", "id is compared with an id of 16 hex digits"},
        {"id >= 0000000000000001", "id knows = and != only, and in"},
        {"addr = example.com", "addr is compared with an address or prefix like 10.0.0.0/8"},
        {"addr = 10.0.0", "addr is compared with an address"},
        {"addr = 10.0.0.0/33", "addr is compared with an address"},
        {"addr = 10.0.0.0/", "addr is compared with an address"},
        {"addr = 2001:db8::/129", "addr is compared with an address"},
        {"addr < 10.0.0.1", "addr knows = and != only, and in"},
        {"addr ~ 10", "at character 6, '~': addr is no text"},
        {"u8 ~ 1", "u8 is no text"},
        {"u8 !~ 1", "u8 is no text"},
        {"string < a", "string knows = and != only, ~ and in"},
        {"string ~ ", "at the end: here a text is to stand"},
        {"string ~ (", "here a text is to stand"},
        {"u8 < null", "at character 6, 'null': with null, = and != are possible"},
        {"u8 in 1", "at character 7, '1': here a list like [1, 2] is to stand"},
        {"u8 in", "at the end: here a list like [1, 2] is to stand"},
        {"u8 in []", "at character 8, ']': here a number is to stand"},
        {"u8 in [1", "at the end: here , or ] is to stand"},
        {"u8 in [1)", "at character 9, ')': here , or ] is to stand"},
        {"u8 in (1]", "at character 9, ']': here , or ) is to stand"},
        {"u8 in [1 2]", "at character 10, '2': here , or ] is to stand"},
        {"u8 in [1,]", "at character 10, ']': here a number is to stand"},
        {"u8 in [x]", "at character 8, 'x': u8 is compared with a number"},
        {"u8 in [null]", "u8 is compared with a number"},
        {"u8 not 1", "at character 8, '1': here in is to stand"},
        {"u8 not", "at the end: here in is to stand"},
        {"(u8=1", "at the end: here ), and or or is to stand"},
        {"(u8=1]", "at character 6, ']': here ), and or or is to stand"},
        {"()", "at character 2, ')': here a column is to stand"},
        {"u8=1)", "at character 5, ')': here and, or or the end is to stand"},
        {"u8=1 u64=2", "at character 6, 'u64': here and, or or the end is to stand"},
        {"u8=1 and", "at the end: here a column is to stand"},
        {"u8=1 or or u64=2", "at character 9, 'or': here a column is to stand"},
        {"not", "at the end: here a column is to stand"},
        {"u8=1 & u64=2", "at character 6, '&': write && or and, || or or"},
        {"u8=1 | u64=2", "at character 6, '|': write && or and, || or or"},
        {"u8 = 'x", "at character 6, ''x': the quote does not end"},
        {"text = \"x\\", "the quote does not end"},
        {"text = 'x\\'", "the quote does not end"},
        {"text = '\xc3\xa4\xc3\xb6' u8", "at character 13, 'u8': here and, or"}, /* characters */
        {"u8 = 0123456789012345678901234567890123456789012345678901234567890123456789x",
         "at character 6, '0123456789012345678901234567890123456789': u8 is"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_where *w = NULL;
        struct ft_err err = {0};

        CHECK_EQ(ft_where_new(cases[i].text, columns, N_COLUMNS, &w, &err), FT_E_USAGE);
        CHECK(w == NULL);
        if (strstr(err.what, cases[i].what) == NULL) {
            printf("%s\n  %s\n  %s\n", cases[i].text, err.what, cases[i].what);
            CHECK(0);
        }
    }
}

/* n times text, between begin and end. */
static char *many(const char *begin, const char *text, size_t n, const char *end)
{
    char *out = malloc(strlen(begin) + n * strlen(text) + strlen(end) + 1), *p = out;

    p = stpcpy(p, begin);
    while (n-- > 0) {
        p = stpcpy(p, text);
    }
    stpcpy(p, end);
    return out;
}

static void check_bound(char *text, const char *what)
{
    struct ft_where *w = NULL;
    struct ft_err err = {0};
    int rc = ft_where_new(text, columns, N_COLUMNS, &w, &err);

    if (what == NULL) {
        CHECK_EQ(rc, FT_OK);
    } else {
        CHECK_EQ(rc, FT_E_USAGE);
        CHECK(strstr(err.what, what) != NULL);
    }
    ft_where_free(w);
    free(text);
}

static void test_bounds(void)
{
    check_bound(many("u8=0", " or u8=1", FT_WHERE_TESTS - 1, ""), NULL);
    check_bound(many("u8=0", " or u8=1", FT_WHERE_TESTS, ""), "at most 256 tests");
    check_bound(many("u8=0", " and not u8=1", FT_WHERE_TESTS - 1, ""), NULL);
    check_bound(many("u8=0", " or u8 not in [1]", FT_WHERE_TESTS - 1, ""), NULL);
    check_bound(many("yes", " or yes", FT_WHERE_TESTS - 1, ""), NULL);
    check_bound(many("u8 in [0", ",1", FT_WHERE_OPERANDS - 1, "]"), NULL);
    check_bound(many("u8 in [0", ",1", FT_WHERE_OPERANDS, "]"), "at most 4096 values");
    check_bound(many("u8 in [0", ",1", FT_WHERE_OPERANDS - 1, "] and yes"), "at most 4096 values");
    check_bound(many("", "not ", FT_WHERE_DEPTH, "yes"), NULL);
    check_bound(many("", "not ", FT_WHERE_DEPTH + 1, "yes"), "more than 64");
    check_bound(many("", "(", FT_WHERE_DEPTH + 1, "yes"), "more than 64");
    check_bound(many("yes", " and not not not not not yes", FT_WHERE_TESTS - 1, ""), "too long");
    check_bound(many("", "(", 1000000, ""), "more than 64");
    check_bound(many("text='", "x", 1000000, "'"), NULL);
}

/* ---- against a second evaluator ---- */

static uint64_t state = 88172645463325252;

static uint64_t any(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % n;
}

/* Values are thousandths, so that comparing them is whole numbers. */
struct tree {
    enum { T_AND, T_OR, T_NOT, T_TEST } kind;
    struct tree *a, *b;
    int col, op; /* op: of ops */
    int n;       /* operands */
    int64_t thousandths[4];
};

static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">=", "in", "not in", "null", "set"};

static char out_text[1 << 16];
static size_t out_len;

static void put(const char *fmt, ...) FT_PRINTF(1, 2);

static void put(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    out_len += (size_t)vsnprintf(out_text + out_len, sizeof out_text - out_len, fmt, ap);
    va_end(ap);
}

static void put_number(int64_t t)
{
    const char *sign = t < 0 ? "-" : any(4) == 0 ? "+" : "";
    uint64_t a = (uint64_t)(t < 0 ? -t : t);

    switch (any(5)) {
    case 0:
        put("%s%" PRIu64 "e-3", sign, a);
        break;
    case 1:
        put("%s%" PRIu64 ".%03" PRIu64 "000", sign, a / 1000, a % 1000);
        break;
    case 2:
        put("%s%" PRIu64 ".%06" PRIu64 "k", sign, a / 1000000, a % 1000000);
        break;
    case 3:
        put("'%s.%09" PRIu64 "E+6'", sign, a);
        break;
    default:
        put("%s%" PRIu64 ".%03" PRIu64, sign, a / 1000, a % 1000);
        break;
    }
}

static struct tree *grow(int depth)
{
    static const int cols[] = {C_U8, C_U64, C_I64, C_F64, C_TIME};
    struct tree *t = calloc(1, sizeof *t);

    t->kind = depth == 0 ? T_TEST : any(4);
    if (t->kind == T_AND || t->kind == T_OR) {
        put("(");
        t->a = grow(depth - 1);
        put(t->kind == T_AND ? (any(2) ? " and " : "&&") : (any(2) ? " or " : "||"));
        t->b = grow(depth - 1);
        put(")");
    } else if (t->kind == T_NOT) {
        put(any(2) ? "not (" : "!(");
        t->a = grow(depth - 1);
        put(")");
    } else {
        t->col = cols[any(5)];
        t->op = (int)any(10);
        t->n = t->op == 6 || t->op == 7 ? 1 + (int)any(4) : 1;
        for (int i = 0; i < t->n; i++) {
            t->thousandths[i] = ((int64_t)any(12) - 4) * (any(2) ? 1000 : 500);
        }
        put("%s ", rows[t->col].name);
        if (t->op >= 8) {
            put(t->op == 8 ? "= null" : "!= null");
            return t;
        }
        put("%s ", ops[t->op]);
        for (int i = 0; i < t->n; i++) {
            put(i > 0 ? ", " : t->op >= 6 ? "[" : "");
            put_number(t->thousandths[i]);
        }
        put(t->op >= 6 ? "]" : "");
    }
    return t;
}

/* What a column says, in thousandths; times in whole microseconds are seconds here. */
static int64_t thousandths_of(const struct record *r, int col)
{
    switch (col) {
    case C_U8:
    case C_U64:
        return (int64_t)r->u * 1000;
    case C_I64:
        return r->i * 1000;
    case C_F64:
        return (int64_t)(r->f * 1000);
    default:
        return r->t / 1000000; /* ns to ms */
    }
}

static bool expect(const struct tree *t, const struct record *r)
{
    if (t->kind == T_NOT) {
        return !expect(t->a, r);
    }
    if (t->kind != T_TEST) {
        bool a = expect(t->a, r), b = expect(t->b, r);

        return t->kind == T_AND ? a && b : a || b;
    }
    bool null = r->null[t->col], one = false;
    int64_t x = thousandths_of(r, t->col), y = t->thousandths[0];

    for (int i = 0; i < t->n; i++) {
        one |= x == t->thousandths[i];
    }
    switch (t->op) {
    case 0:
        return !null && x == y;
    case 1:
        return !null && x != y;
    case 2:
        return !null && x < y;
    case 3:
        return !null && x <= y;
    case 4:
        return !null && x > y;
    case 5:
        return !null && x >= y;
    case 6:
        return !null && one;
    case 7:
        return null || !one;
    case 8:
        return null;
    default:
        return !null;
    }
}

static void uproot(struct tree *t)
{
    if (t != NULL) {
        uproot(t->a);
        uproot(t->b);
        free(t);
    }
}

static void test_random(void)
{
    int held = 0, all = 0;

    for (int i = 0; i < 20000 && !test_case_failed; i++) {
        out_len = 0;
        struct tree *t = grow((int)any(5));
        struct ft_where *w = make(out_text);

        for (int k = 0; k < 8; k++) {
            struct record r = {.u = any(8), .f = ((double)any(24) - 8) / 2};
            const void *parts[] = {&r, NULL};

            r.i = (int64_t)any(12) - 4;
            r.t = ((int64_t)any(24) - 8) * 500000000;
            for (int c = 0; c < C__N; c++) {
                r.null[c] = any(5) == 0;
            }
            bool want = expect(t, &r);

            if (ft_where_holds(w, parts) != want) {
                printf("%s\n", out_text);
                CHECK(ft_where_holds(w, parts) == want);
            }
            held += want;
            all++;
        }
        ft_where_free(w);
        uproot(t);
    }
    CHECK(held > all / 5 && held < all * 4 / 5); /* it says both */
}

/* Nothing that is no condition is taken for one, and no prefix of one breaks anything. */
static void test_prefixes(void)
{
    static const char text[] = "not (addr in [10.0.0.0/8, 2001:db8::/32] and u64 >= 1.5e6k) || "
                               "text ~ \"a\\\"b*\" && time < 2024-06-26T13:42:55.5Z and yes";

    for (size_t n = 0; n < sizeof text; n++) {
        char *copy = strndup(text, n); /* of its own size */
        struct ft_where *w = NULL;
        struct ft_err err;

        if (ft_where_new(copy, columns, N_COLUMNS, &w, &err) == FT_OK) {
            ft_where_free(w);
        }
        free(copy);
    }
}

int main(void)
{
    make_columns();
    RUN(test_numbers);
    RUN(test_times);
    RUN(test_texts);
    RUN(test_addresses);
    RUN(test_others);
    RUN(test_null);
    RUN(test_parts);
    RUN(test_logic);
    RUN(test_errors);
    RUN(test_bounds);
    RUN(test_random);
    RUN(test_prefixes);
    return test_end();
}
