/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: the list, and what presets share. */
#include "output/sink/http/presets/presets.h"

#include <stdio.h>
#include <string.h>

const struct ft_preset *const ft_presets[] = {
    &ft_preset_clickhouse, &ft_preset_elastic, &ft_preset_feast,
    &ft_preset_loki,       &ft_preset_otlp,    &ft_preset_qdrant,
    &ft_preset_splunk,     &ft_preset_webhook, NULL,
};

const struct ft_preset *ft_preset_find(const char *name)
{
    for (size_t i = 0; ft_presets[i] != NULL; i++) {
        if (strcmp(ft_presets[i]->name, name) == 0) {
            return ft_presets[i];
        }
    }
    return NULL;
}

void ft_body_put(struct ft_body *b, const void *data, size_t len)
{
    if (len > b->cap - b->len) {
        b->full = true;
        return;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void ft_body_text(struct ft_body *b, const char *text)
{
    ft_body_put(b, text, strlen(text));
}

void ft_body_number(struct ft_body *b, uint64_t n)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)n);

    ft_body_put(b, text, (size_t)len);
}

void ft_body_escaped(struct ft_body *b, const uint8_t *line, size_t len)
{
    const uint8_t *end = line + len;

    while (line < end) { /* of what is JSON already, only these two have to be */
        const uint8_t *p = line;

        while (p < end && *p != '"' && *p != '\\') {
            p++;
        }
        ft_body_put(b, line, (size_t)(p - line));
        if (p < end) {
            ft_body_put(b, "\\", 1);
            ft_body_put(b, p++, 1);
        }
        line = p;
    }
}

const char *ft_reply_value(const char *reply, const char *key)
{
    size_t len = strlen(key);

    for (const char *p = reply; (p = strchr(p, '"')) != NULL; p++) {
        if (strncmp(p + 1, key, len) != 0 || p[len + 1] != '"') {
            continue;
        }
        const char *value = p + len + 2;

        value += strspn(value, " \t\r\n");
        if (*value == ':') {
            return value + 1 + strspn(value + 1, " \t\r\n");
        }
    }
    return NULL;
}

int64_t ft_line_ns(const struct ft_body *b, const uint8_t *line, size_t len)
{
    static const char key[] = "\"timestamp\":";
    const uint8_t *p = memmem(line, len < 128 ? len : 128, key, sizeof key - 1);
    const uint8_t *end = line + len;
    int64_t ns = 0, unit = 0;

    if (p == NULL) {
        return b->now_ns;
    }
    for (p += sizeof key - 1; p < end && ns < INT64_MAX / 1000; p++) {
        if (*p >= '0' && *p <= '9' && unit != 1) {
            ns = ns * 10 + (*p - '0');
            unit = unit > 0 ? unit / 10 : 0;
        } else if (*p == '.' && unit == 0) {
            unit = 1000000000;
        } else {
            break;
        }
    }
    return __builtin_mul_overflow(ns, unit > 0 ? unit : 1000000000, &ns) ? b->now_ns : ns;
}
