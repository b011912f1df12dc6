/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: Elasticsearch's and OpenSearch's _bulk. Each event has an id of its
 * own, so that one that is sent again is not there twice; what became of each is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/sink/http/presets/presets.h"

static void line(struct ft_body *b, const uint8_t *text, size_t len)
{
    char action[96];
    int n = snprintf(action, sizeof action, "{\"create\":{\"_id\":\"%016llx-%llu-%u\"}}\n",
                     (unsigned long long)b->producer, (unsigned long long)b->sequence, b->n);

    ft_body_put(b, action, (size_t)n);
    ft_body_put(b, text, len);
    ft_body_text(b, "\n");
}

/* 409: it is there already. */
static enum ft_item item_of(long status)
{
    return (status >= 200 && status < 300) || status == 409  ? FT_ITEM_TAKEN
           : status == 429 || status == 503 || status == 408 ? FT_ITEM_AGAIN
                                                             : FT_ITEM_LOST;
}

/* Behind the text that begins at its quote: at its last quote, or at the end. */
static const char *text_end(const char *p)
{
    for (p++; *p != '"' && *p != '\0'; p++) {
        p += *p == '\\' && p[1] != '\0';
    }
    return p;
}

/* The items' statuses in the order of the events: [{"create":{... "status":201}}, ...]. Texts are
 * stepped over, objects inside of an item, too. Returns how many there are. */
static uint32_t read_items(const char *p, uint32_t n, uint8_t *out)
{
    uint32_t at = 0;
    int depth = 0;

    for (; *p != '\0' && at < n; p++) {
        if (*p == '"') {
            const char *text = p;

            p = text_end(p);
            if (*p == '\0') {
                break;
            }
            if (depth == 2 && p - text == 7 && strncmp(text, "\"status", 7) == 0) {
                p += 1 + strspn(p + 1, " \t\r\n:");
                out[at++] = (uint8_t)item_of(strtol(p, NULL, 10));
                p--;
            }
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if (*p == '}' || *p == ']') {
            depth--;
        }
        if (depth < 0) {
            break;
        }
    }
    return at;
}

/* Who answers without items says of all whether there were errors. */
static void items(const char *reply, uint32_t n, uint8_t *out)
{
    const char *p = ft_reply_value(reply, "items"), *errors = ft_reply_value(reply, "errors");

    if (p == NULL || *p != '[' || read_items(p + 1, n, out) < n) {
        memset(out, errors != NULL && *errors == 't' ? FT_ITEM_LOST : FT_ITEM_TAKEN, n);
    }
}

const struct ft_preset ft_preset_elastic = {
    .name = "elastic",
    .formats = "ndjson",
    .method = "POST",
    .path = "/%s/_bulk?filter_path=errors,items.*.status,items.*.error.type",
    .type = "application/x-ndjson",
    .auth = "Authorization: ApiKey ",
    .into = "flowtap",
    .line = line,
    .items = items,
};
