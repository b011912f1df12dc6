/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: Qdrant's upsert: the numbers that an event has on its first level, but
 * for its time and its observation domain, are the vector (null is 0), in their order; the event is
 * the payload. A point's id is the producer's, so that one that is sent again takes its own place.
 */
#include <stdio.h>
#include <string.h>

#include "output/sink/http/presets/json.h"
#include "output/sink/http/presets/presets.h"

static void begin(struct ft_body *b)
{
    ft_body_text(b, "{\"points\":[");
}

static bool is_number(const struct ft_json_pair *p)
{
    uint8_t c = p->value_len > 0 ? p->value[0] : 0;

    return (c == '-' || (c >= '0' && c <= '9')) &&
           !(p->key_len == 9 && memcmp(p->key, "timestamp", 9) == 0) &&
           !(p->key_len == 18 && memcmp(p->key, "observation_domain", 18) == 0);
}

static bool is_null(const struct ft_json_pair *p)
{
    return p->value_len == 4 && memcmp(p->value, "null", 4) == 0;
}

static void line(struct ft_body *b, const uint8_t *text, size_t len)
{
    struct ft_json_pair p;
    char id[64];
    size_t at = 0;
    bool any = false;

    snprintf(id, sizeof id, "%s{\"id\":\"%08llx-%04llx-%04llx-%04llx-%06llx%06x\",\"vector\":[",
             b->n > 0 ? "," : "", (unsigned long long)(b->producer >> 32),
             (unsigned long long)(b->producer >> 16 & 0xffff),
             (unsigned long long)(b->producer & 0xffff),
             (unsigned long long)(b->sequence >> 24 & 0xffff),
             (unsigned long long)(b->sequence & 0xffffff), b->n & 0xffffff);
    ft_body_text(b, id);
    while (ft_json_next(text, len, &at, &p)) {
        if (is_number(&p) || is_null(&p)) {
            ft_body_text(b, any ? "," : "");
            ft_body_put(b, is_null(&p) ? (const uint8_t *)"0" : p.value,
                        is_null(&p) ? 1 : p.value_len);
            any = true;
        }
    }
    ft_body_text(b, "],\"payload\":");
    ft_body_put(b, text, len);
    ft_body_text(b, "}");
}

static void end(struct ft_body *b)
{
    ft_body_text(b, "]}");
}

const struct ft_preset ft_preset_qdrant = {
    .name = "qdrant",
    .formats = "ndjson",
    .method = "PUT",
    .path = "/collections/%s/points?wait=true",
    .type = "application/json",
    .auth = "api-key: ",
    .begin = begin,
    .line = line,
    .end = end,
};
