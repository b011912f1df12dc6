/* SPDX-License-Identifier: Apache-2.0 */
/* serve: tokens there and back; text of others; what is shown at which level; cursors; the words
 * that every conversation pays for. */
#ifdef FT_HAVE_SERVE

#include <arpa/inet.h>

#include "harness.h"
#include "model/columns.h"
#include "model/field_export.h"
#include "serve/cursor.h"
#include "serve/token.h"
#include "serve/veil.h"

enum { LEVELS = FT_PRIVACY_LEVELS };

#ifdef FT_HAVE_OPENSSL

static struct ft_cryptopan *key_of(uint8_t first)
{
    uint8_t key[FT_CRYPTOPAN_KEY];
    struct ft_cryptopan *c = NULL;

    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)(first + 7 * i);
    }
    CHECK_EQ(ft_cryptopan_new(key, &c), FT_OK);
    return c;
}

/* ---- tokens ---- */

static void address(const char *text, uint8_t out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    memcpy(out, mapped, sizeof mapped);
    CHECK(inet_pton(AF_INET, text, out + 12) == 1 || inet_pton(AF_INET6, text, out) == 1);
}

static void test_addresses_there_and_back(void)
{
    static const struct {
        const char *address, *word;
    } rows[] = {
        {"10.1.2.3", "int"},
        {"172.16.0.1", "int"},
        {"172.32.0.1", "ext"},
        {"192.168.255.1", "int"},
        {"8.8.8.8", "ext"},
        {"127.0.0.1", "loop"},
        {"169.254.1.1", "link"},
        {"224.0.0.1", "multi"},
        {"255.255.255.255", "multi"},
        {"2001:db8::1", "ext"},
        {"fd00::1", "int"},
        {"fe80::1", "link"},
        {"::1", "loop"},
        {"ff02::1", "multi"},
        {"0.0.0.0", "ext"},
        {"::", "ext"},
        {"239.1.1.1", "multi"},
        {"240.0.0.1", "ext"},
        {"2001:db8::ffff", "ext"},
    };
    struct ft_cryptopan *one = key_of(1), *other = key_of(2);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char token[FT_TOKEN], again[FT_TOKEN], elsewhere[FT_TOKEN];
        uint8_t a[16], back[16];

        address(rows[i].address, a);
        ft_token_address(one, a, token);
        ft_token_address(one, a, again);
        ft_token_address(other, a, elsewhere);
        CHECK_STR(token, again);
        CHECK(strcmp(token, elsewhere) != 0);
        CHECK(strncmp(token, rows[i].word, strlen(rows[i].word)) == 0);
        CHECK_EQ(strlen(token) - strlen(rows[i].word) - strlen("-host-"),
                 strchr(rows[i].address, ':') == NULL ? 9 : 28);
        CHECK_EQ(ft_token_read_address(one, token, back), FT_TOKEN_GOOD);
        CHECK_MEM(back, a, 16);
        CHECK_EQ(ft_token_read_address(other, token, back), FT_TOKEN_OTHER);
    }
    ft_cryptopan_free(one);
    ft_cryptopan_free(other);
}

/* Another letter, another word, another length: none of them is a token; of 13 bits of check. */
static void test_tokens_that_were_made_up(void)
{
    struct ft_cryptopan *c = key_of(3);
    char token[FT_TOKEN], wrong[FT_TOKEN];
    uint8_t a[16], back[16];
    int taken = 0, tried = 0;

    address("203.0.113.9", a);
    ft_token_address(c, a, token);
    for (size_t at = strlen("ext-host-"); token[at] != '\0'; at++) {
        for (const char *l = "abcdefghijkmnpqrstuvwxyz23456789"; *l != '\0'; l++) {
            memcpy(wrong, token, sizeof wrong);
            wrong[at] = *l;
            if (*l != token[at]) {
                taken += ft_token_read_address(c, wrong, back) == FT_TOKEN_GOOD;
                tried++;
            }
        }
    }
    CHECK_EQ(tried, 9 * 31);
    CHECK(taken <= 1);
    memcpy(wrong, token, sizeof wrong);
    memcpy(wrong, "int", 3);
    CHECK_EQ(ft_token_read_address(c, wrong, back), FT_TOKEN_OTHER);
    static const char *const none[] = {"",
                                       "ext-host-",
                                       "ext-host-abc",
                                       "10.0.0.1",
                                       "host",
                                       "ext-host-k3f9x2md!",
                                       "flow-k3f9x2mda",
                                       "EXT-HOST-k3f9x2mda",
                                       "ext-host-0123456lo"};

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        CHECK_EQ(ft_token_read_address(c, none[i], back), FT_TOKEN_NONE);
    }
    ft_cryptopan_free(c);
}

static void test_flows_there_and_back(void)
{
    struct ft_cryptopan *one = key_of(4), *other = key_of(5);
    static const uint64_t ids[] = {0, 1, UINT64_MAX, 0x0123456789abcdef, 0xe2b396a7b928f298};

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char token[FT_TOKEN];
        uint64_t back = 7;

        ft_token_flow(one, ids[i], token);
        CHECK_EQ(strlen(token), 20);
        CHECK_EQ(ft_token_read_flow(one, token, &back), FT_TOKEN_GOOD);
        CHECK(back == ids[i]);
        CHECK_EQ(ft_token_read_flow(other, token, &back), FT_TOKEN_OTHER);
        CHECK_EQ(ft_token_read_flow(one, token + 1, &back), FT_TOKEN_NONE);
    }
    ft_cryptopan_free(one);
    ft_cryptopan_free(other);
}

/* One to one: a permutation of what is near has no two alike, and no order that can be seen. */
static void test_tokens_are_one_to_one(void)
{
    enum { N = 2000 };
    static char tokens[N][FT_TOKEN];
    struct ft_cryptopan *c = key_of(6);
    uint32_t rising = 0;

    for (uint32_t i = 0; i < N; i++) {
        uint8_t a[16];

        address("10.0.0.0", a);
        a[14] = (uint8_t)(i >> 8);
        a[15] = (uint8_t)i;
        ft_token_address(c, a, tokens[i]);
        rising += i > 0 && strcmp(tokens[i - 1], tokens[i]) < 0;
        for (uint32_t k = i > 50 ? i - 50 : 0; k < i; k++) {
            CHECK(strcmp(tokens[k], tokens[i]) != 0);
        }
    }
    CHECK(rising > N * 4 / 10 && rising < N * 6 / 10);
    ft_cryptopan_free(c);
}

#endif

/* ---- text ---- */

static void shown_as(const char *text, size_t len, const char *want)
{
    struct ft_text out = {0};

    ft_veil_text(text, len, &out);
    CHECK_STR(out.p, want);
    cJSON *back = cJSON_Parse(out.p);

    CHECK(cJSON_IsString(back));
    cJSON_Delete(back);
    ft_text_fini(&out);
}

#define FFFD "\xef\xbf\xbd"

static void test_text_of_others(void)
{
    shown_as("", 0, "\"\"");
    shown_as("www.example.com", 15, "\"www.example.com\"");
    shown_as("a\nb\r\tc", 6, "\"a" FFFD "b" FFFD FFFD "c\"");
    shown_as("\x1b[31m", 5, "\"" FFFD "[31m\"");
    shown_as("nul\0in", 6, "\"nul" FFFD "in\"");
    shown_as("quote\" back\\", 12, "\"quote\\\" back\\\\\"");
    shown_as("\xe2\x80\xaegnp.exe", 10, "\"" FFFD "gnp.exe\""); /* right to left */
    shown_as("\xe2\x80\xa8\xe2\x80\x8b\xef\xbb\xbf", 9, "\"" FFFD FFFD FFFD "\"");
    shown_as("\xf3\xa0\x81\x81", 4, "\"" FFFD "\""); /* a tag */
    shown_as("\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80", 9, "\"\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80\"");
    shown_as("\xc3", 1, "\"" FFFD "\"");                   /* cut */
    shown_as("\xc0\xaf", 2, "\"" FFFD FFFD "\"");          /* too long */
    shown_as("\xed\xa0\x80", 3, "\"" FFFD FFFD FFFD "\""); /* a surrogate */
    shown_as("\xff\xfe", 2, "\"" FFFD FFFD "\"");
    shown_as("\xc2\x85", 2, "\"" FFFD "\""); /* next line */
    shown_as("\xc2\xad", 2, "\"" FFFD "\""); /* soft hyphen */
}

static void test_text_is_cut(void)
{
    char text[4 * 200 + 1];
    struct ft_text out = {0};

    memset(text, 'a', sizeof text);
    ft_veil_text(text, 64, &out);
    CHECK_EQ(out.len, 66);
    out.len = 0;
    ft_veil_text(text, 65, &out);
    CHECK_EQ(out.len, 2 + 63 + 3);
    CHECK(strcmp(out.p + 64, "\xe2\x80\xa6\"") == 0);
    for (size_t i = 0; i + 4 < sizeof text; i += 4) {
        memcpy(text + i, "\xf0\x9f\x98\x80", 4);
    }
    out.len = 0;
    ft_veil_text(text, 800, &out);
    CHECK_EQ(out.len, 2 + 63 * 4 + 3);
    ft_text_fini(&out);
}

/* ---- levels ---- */

static void shown_at(const struct ft_field *f, int level, enum ft_veiled *out, bool *out_asked)
{
    struct ft_desk d = {.privacy = level};
    struct ft__desk_column c = {.field = f, .privacy = f->privacy};

    c.form = f->type == FT_T_TIME ? FT_STORE_TIME : f->type == FT_T_BOOL ? FT_STORE_BOOL : 0;
    *out = ft_veil_shows(&d, &c);
    *out_asked = ft_veil_asks(&d, &c);
}

/* Every column of every event at every level. */
static void look_at_column(const struct ft_field *f)
{
    for (int level = 0; level < LEVELS; level++) {
        enum ft_veiled how;
        bool asked, not = false;

        shown_at(f, level, &how, &asked);
        switch ((enum ft_privacy)f->privacy) {
        case FT_PRIVACY_NONE:
            CHECK(how == FT_VEILED_PLAIN || how == FT_VEILED_TEXT);
            break;
        case FT_PRIVACY_TIME:
            CHECK_EQ(how, FT_VEILED_TIME);
            break;
        case FT_PRIVACY_IDENTITY:
            not = level == FT_PRIVACY_AGGREGATES;
            CHECK(level < FT_PRIVACY_MAPPED || how == FT_VEILED_NOT || how == FT_VEILED_ADDRESS ||
                  how == FT_VEILED_FLOW);
            CHECK(level < FT_PRIVACY_MAPPED || !asked || f->type == FT_T_ADDR ||
                  f->type == FT_T_ID);
            break;
        default: /* names, payload, objects */
            not = level > FT_PRIVACY_RAW;
            CHECK(level > FT_PRIVACY_RAW || how == FT_VEILED_TEXT || how == FT_VEILED_PLAIN);
        }
        if (not ) {
            CHECK_EQ(how, FT_VEILED_NOT);
            CHECK(!asked);
        }
        if (f->type == FT_T_TEXT || f->type == FT_T_BYTES) {
            CHECK(how == FT_VEILED_TEXT || how == FT_VEILED_NOT);
        }
        if (test_case_failed > 0) {
            fprintf(stderr, "%s at %d\n", f->name, level);
            return;
        }
    }
}

static void test_columns_by_their_class(void)
{
    uint32_t n, all = 0;
    const struct ft_field *rows;

    for (uint32_t k = 0; ft_column_sets[k] != NULL; k++) {
        for (uint32_t i = 0; i < ft_column_sets[k]->n; i++, all++) {
            look_at_column(&ft_column_sets[k]->rows[i]);
        }
    }
    rows = ft_fields_export(FT_EVENT_FLOW, &n);
    for (uint32_t i = 0; i < n; i++, all++) {
        look_at_column(&rows[i]);
    }
    static const enum ft_event events[] = {FT_EVENT_WINDOW, FT_EVENT_ALERT};

    for (int e = 0; e < 2; e++) {
        rows = ft_fields(events[e], &n);
        for (uint32_t i = 0; i < n; i++, all++) {
            look_at_column(&rows[i]);
        }
    }
    CHECK(all > 300);
}

/* What no row describes is shown where all is, as text of others, and nowhere else. */
static void test_a_column_of_nobody(void)
{
    struct ft__desk_column c = {.name = "surprise", .privacy = FT_PRIVACY_UNSET};

    for (int level = 0; level < LEVELS; level++) {
        struct ft_desk d = {.privacy = level};

        CHECK_EQ(ft_veil_shows(&d, &c), level == 0 ? FT_VEILED_TEXT : FT_VEILED_NOT);
    }
}

static void test_ids_that_are_none(void)
{
    struct ft_desk d = {.privacy = 0};
    struct ft_text out = {0};
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"0123456789abcdef", "\"0123456789abcdef\""},
        {"0123456789abcdef;fedcba9876543210", "\"0123456789abcdef;fedcba9876543210\""},
        {"1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "null"},
        {"", "null"},
        {"0123456789abcde", "null"},
        {"0123456789abcdef,", "null"},
        {"0123456789ABCDEF", "null"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        out.len = 0;
        ft_veil_flow(&d, rows[i].text, strlen(rows[i].text), &out);
        CHECK_STR(out.p, rows[i].want);
    }
    ft_text_fini(&out);
}

/* ---- cursors ---- */

static void test_cursors_there_and_back(void)
{
    static const struct ft__cursor rows[] = {
        {.span = {1700000000000000, 1700003600000000}, .has_value = true, .value = 443, .skip = 7},
        {.span = {-5, 5}, .has_value = true, .value = -3, .skip = 0},
        {.span = {0, 1}, .has_value = true, .null = true, .skip = 9},
        {.span = {0, INT64_MAX}, .skip = 4000000000},
        {.span = {INT64_MIN / 2, INT64_MAX / 4}, .has_value = true, .value = INT64_MAX},
    };
    const char *words[] = {"dst_port=1", NULL, "-timestamp"};
    uint32_t question = ft__cursor_question(words, 3);

    words[1] = "";
    CHECK_EQ(ft__cursor_question(words, 3), question); /* nothing is nothing */
    words[1] = "x";
    CHECK(ft__cursor_question(words, 3) != question);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ft__cursor c = rows[i], back;
        char text[FT__CURSOR];
        struct ft_err err;

        c.question = question;
        ft__cursor_put(&c, text);
        CHECK_EQ(ft__cursor_read(text, question, &back, &err), FT_OK);
        CHECK(back.span.from_us == c.span.from_us && back.span.to_us == c.span.to_us);
        CHECK(back.value == c.value && back.skip == c.skip);
        CHECK(back.has_value == c.has_value && back.null == c.null);
        CHECK_EQ(ft__cursor_read(text, question + 1, &back, &err), FT_E_USAGE);
    }
    static const char *const wrong[] = {"",
                                        "v",
                                        "v1.2.3.4",
                                        "v1.2.3.4.5.6",
                                        "w1.2.3.4.5",
                                        "v1.2.3.4.x",
                                        "v-1.2.3.4.5",
                                        "v11111111111111111.2.3.4.5",
                                        "v7fffffffffffffff.7fffffffffffffff.0.0.0",
                                        "v1.2.3.ffffffffff.5"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ft__cursor c;
        struct ft_err err;

        CHECK_EQ(ft__cursor_read(wrong[i], 5, &c, &err), FT_E_USAGE);
    }
}

/* ---- words ---- */

static void test_words_are_few(void)
{
    const struct ft_catalogue *k = &ft_desk_catalogue;
    struct ft_text t = {0};

    CHECK(k->n_tools <= 9);
    ft_text_put(&t, "{\"tools\":[");
    for (uint32_t i = 0; i < k->n_tools; i++) {
        const struct ft_tool *tool = &k->tools[i];

        ft_text_format(
            &t,
            "%s{\"name\":\"%s\",\"title\":\"%s\",\"description\":\"%s\",\"inputSchema\":%s,"
            "\"outputSchema\":%s,\"annotations\":{\"readOnlyHint\":true,"
            "\"idempotentHint\":true,\"openWorldHint\":false}}",
            i > 0 ? "," : "", tool->name, tool->title, tool->description, tool->input_schema,
            tool->output_schema);
    }
    ft_text_put(&t, "]}");
    cJSON *all = cJSON_Parse(t.p);

    CHECK(all != NULL);
    cJSON_Delete(all);
    double tokens = (double)(t.len + strlen(k->instructions)) / 3.3;

    printf("     manifest and instructions: %.0f tokens\n", tokens);
    CHECK(tokens <= 2500);
    for (uint32_t i = 0; i < k->n_resources; i++) {
        CHECK(strncmp(k->resources[i].uri, "telemetry://", 12) == 0);
        CHECK(k->resources[i].subscribable == (k->resources[i].version != NULL));
    }
    ft_text_fini(&t);
}

int main(void)
{
#ifdef FT_HAVE_OPENSSL
    RUN(test_addresses_there_and_back);
    RUN(test_tokens_that_were_made_up);
    RUN(test_flows_there_and_back);
    RUN(test_tokens_are_one_to_one);
#endif
    RUN(test_text_of_others);
    RUN(test_text_is_cut);
    RUN(test_columns_by_their_class);
    RUN(test_a_column_of_nobody);
    RUN(test_ids_that_are_none);
    RUN(test_cursors_there_and_back);
    RUN(test_words_are_few);
    return test_end();
}

#else

int main(void)
{
    return 77;
}

#endif
