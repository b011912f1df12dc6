/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: Feast's push: a table by columns. They are those of the first line;
 * what a line has not is null. */
#include <string.h>

#include "output/sink/http/presets/json.h"
#include "output/sink/http/presets/presets.h"

static void line(struct ft_body *b, const uint8_t *text, size_t len)
{
    ft_body_put(b, text, len);
    ft_body_text(b, "\n");
}

/* The value of a key in a line; null where there is none. */
static void put_value(struct ft_body *out, const uint8_t *text, size_t len,
                      const struct ft_json_pair *key)
{
    struct ft_json_pair p;
    size_t at = 0;

    while (ft_json_next(text, len, &at, &p)) {
        if (p.key_len == key->key_len && memcmp(p.key, key->key, p.key_len) == 0) {
            ft_body_put(out, p.value, p.value_len);
            return;
        }
    }
    ft_body_text(out, "null");
}

static void put_column(struct ft_body *out, const struct ft_body *b, const struct ft_json_pair *key)
{
    const uint8_t *p = b->data, *end = b->data + b->len, *next;

    ft_body_text(out, "\"");
    ft_body_put(out, key->key, key->key_len);
    ft_body_text(out, "\":[");
    for (; p < end && (next = memchr(p, '\n', (size_t)(end - p))) != NULL; p = next + 1) {
        if (p > b->data) {
            ft_body_text(out, ",");
        }
        put_value(out, p, (size_t)(next - p), key);
    }
    ft_body_text(out, "]");
}

static size_t turn(const struct ft_body *b, uint8_t *data, size_t cap)
{
    struct ft_body out = {.data = data, .cap = cap};
    const uint8_t *first = memchr(b->data, '\n', b->len);
    struct ft_json_pair key;
    size_t at = 0;
    bool any = false;

    ft_body_text(&out, "{\"push_source_name\":\"");
    ft_body_text(&out, b->into);
    ft_body_text(&out, "\",\"df\":{");
    while (first != NULL && ft_json_next(b->data, (size_t)(first - b->data), &at, &key)) {
        ft_body_text(&out, any ? "," : "");
        put_column(&out, b, &key);
        any = true;
    }
    ft_body_text(&out, "}}");
    return out.full ? 0 : out.len;
}

const struct ft_preset ft_preset_feast = {
    .name = "feast",
    .formats = "ndjson",
    .method = "POST",
    .path = "/push",
    .type = "application/json",
    .auth = "Authorization: Bearer ",
    .line = line,
    .turn = turn,
};
