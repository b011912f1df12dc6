/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes output URLs, and the sizes and durations in them. Properties: what is taken is whole
 * (format, transport, target, each parameter with key and value), and means the same when it is
 * written again with everything escaped; what is refused has a message that ends, and leaves
 * nothing behind. */
#include <string.h>

#include "base/units.h"
#include "config/url.h"
#include "must.h"

enum { TEXT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *put(char *p, const char *s)
{
    size_t n = strlen(s);

    memcpy(p, s, n);
    return p + n;
}

static char *put_escaped(char *p, const char *s)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; *s != '\0'; s++) {
        uint8_t c = (uint8_t)*s;

        *p++ = '%';
        *p++ = digits[c >> 4];
        *p++ = digits[c & 15];
    }
    return p;
}

/* The same URL in other words. */
static void write_again(const struct ft_output_url *u, char *p)
{
    p = put(p, u->format);
    *p++ = '+';
    p = put(p, u->transport);
    *p++ = ':';
    p = put_escaped(p, u->target);
    for (uint32_t i = 0; i < u->n_params; i++) {
        *p++ = i == 0 ? '?' : '&';
        p = put(p, u->param[i].key);
        *p++ = '=';
        p = put_escaped(p, u->param[i].value);
    }
    *p = '\0';
}

static void check_taken(const struct ft_output_url *u, const char *text)
{
    MUST(strcmp(u->text, text) == 0 || strstr(u->text, "***") != NULL); /* secrets are not shown */
    MUST(u->format[0] != '\0' && u->transport[0] != '\0');
    MUST(strlen(u->transport) + strlen(u->target) < strlen(text) ||
         strlen(u->format) + strlen(u->target) < strlen(text)); /* one of them may not be said */
    MUST(u->target[0] != '\0' || strcmp(u->format, "null") == 0);
    MUST(u->n_params <= sizeof u->param / sizeof u->param[0]);
    for (uint32_t i = 0; i < u->n_params; i++) {
        MUST(u->param[i].key[0] != '\0' && u->param[i].value != NULL);
        MUST(ft_output_url_get(u, u->param[i].key) != NULL);
        MUST(strcmp(u->param[i].key, u->param[0].key) != 0 ||
             ft_output_url_get(u, u->param[i].key) == u->param[0].value); /* the first counts */
    }
    MUST(ft_output_url_get(u, "no such key") == NULL);
}

static void check_same(const struct ft_output_url *a, const struct ft_output_url *b)
{
    MUST(strcmp(a->format, b->format) == 0 && strcmp(a->transport, b->transport) == 0);
    MUST(strcmp(a->target, b->target) == 0 && a->n_params == b->n_params);
    for (uint32_t i = 0; i < a->n_params; i++) {
        MUST(strcmp(a->param[i].key, b->param[i].key) == 0);
        MUST(strcmp(a->param[i].value, b->param[i].value) == 0);
    }
}

static void check_url(const char *text)
{
    static char again[4 * TEXT_MAX];
    struct ft_output_url u, same;
    struct ft_err err;

    memset(&u, 0xa5, sizeof u);
    memset(&err, 0, sizeof err);
    if (ft_output_url_parse(text, &u, &err) != FT_OK) {
        MUST(err.code == FT_E_USAGE && err.what[0] != '\0');
        MUST(memchr(err.what, 0, sizeof err.what) != NULL);
        MUST((uint8_t)((const uint8_t *)&u)[0] == 0xa5); /* out is written on success only */
        return;
    }
    check_taken(&u, text);
    write_again(&u, again);
    MUST(ft_output_url_parse(again, &same, &err) == FT_OK);
    check_same(&u, &same);
    ft_output_url_fini(&same);
    ft_output_url_fini(&u);
    MUST(u.n_params == 0 && u.text == NULL); /* a second time would be harmless */
}

static void check_numbers(const char *text)
{
    uint64_t size;
    int64_t ns;

    if (ft_parse_size(text, &size)) {
        MUST(text[0] >= '0' && text[0] <= '9');
    }
    if (ft_parse_duration(text, &ns)) {
        MUST(ns >= 1000000000 && ns % 1000000000 == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;
    const char *eq;

    if (size >= TEXT_MAX) {
        return 0;
    }
    text = malloc(size + 1);
    MUST(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    check_url(text);
    eq = strrchr(text, '=');
    check_numbers(eq != NULL ? eq + 1 : text);
    free(text);
    return 0;
}
