/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: see json.h. */
#include "output/sink/http/presets/json.h"

/* Behind the text that begins at its quote. */
static size_t text_end(const uint8_t *line, size_t len, size_t at)
{
    for (at++; at < len && line[at] != '"'; at++) {
        at += line[at] == '\\';
    }
    return at < len ? at + 1 : len;
}

static size_t value_end(const uint8_t *line, size_t len, size_t at)
{
    int depth = 0;

    while (at < len) {
        uint8_t c = line[at];

        if (c == '"') {
            at = text_end(line, len, at);
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
            break;
        }
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        at++;
    }
    return at;
}

bool ft_json_next(const uint8_t *line, size_t len, size_t *at, struct ft_json_pair *out)
{
    size_t p = *at;

    if (p >= len || (line[p] != '{' && line[p] != ',') || p + 1 >= len || line[p + 1] != '"') {
        return false;
    }
    size_t key = p + 1, key_end = text_end(line, len, key);

    if (key_end >= len || line[key_end] != ':') {
        return false;
    }
    size_t end = value_end(line, len, key_end + 1);

    *out = (struct ft_json_pair){.key = line + key + 1,
                                 .key_len = key_end - key - 2,
                                 .value = line + key_end + 1,
                                 .value_len = end - key_end - 1};
    *at = end;
    return true;
}
