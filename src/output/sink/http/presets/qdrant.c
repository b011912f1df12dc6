/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: Qdrant's upsert. The vector of a point is the event's column `vector`
 * (profile vector), and what is left of the event is the payload; of an event whose vector is null
 * the point has none. Without such a column the numbers that the event has on its first level, but
 * for its time and its observation domain, are the vector (null is 0), in their order, and all of
 * the event is the payload. A point's id is the producer's, so that one that is sent again takes
 * its own place. */
#include <stdio.h>
#include <string.h>

#include "output/sink/http/presets/json.h"
#include "output/sink/http/presets/presets.h"

static void begin(struct ft_body *b)
{
    ft_body_text(b, "{\"points\":[");
}

static bool is_key(const struct ft_json_pair *p, const char *key)
{
    return p->key_len == strlen(key) && memcmp(p->key, key, p->key_len) == 0;
}

static bool is_number(const struct ft_json_pair *p)
{
    uint8_t c = p->value_len > 0 ? p->value[0] : 0;

    return (c == '-' || (c >= '0' && c <= '9')) && !is_key(p, "timestamp") &&
           !is_key(p, "observation_domain");
}

static bool is_null(const struct ft_json_pair *p)
{
    return p->value_len == 4 && memcmp(p->value, "null", 4) == 0;
}

/* The column `vector`, of the event or in its features. */
static bool find_vector(const uint8_t *text, size_t len, struct ft_json_pair *out)
{
    size_t at = 0, in = 0;

    while (ft_json_next(text, len, &at, out)) {
        struct ft_json_pair p = *out;

        if (is_key(&p, "vector")) {
            return true;
        }
        while (is_key(&p, "features") && ft_json_next(p.value, p.value_len, &in, out)) {
            if (is_key(out, "vector")) {
                return true;
            }
        }
    }
    return false;
}

/* The event without its vector, and the comma that stood before it, or behind it where it is the
 * first of an object. */
static void put_rest(struct ft_body *b, const uint8_t *text, size_t len,
                     const struct ft_json_pair *vector)
{
    size_t from = (size_t)(vector->key - text) - 1; /* its quote */
    size_t to = (size_t)(vector->value - text) + vector->value_len;

    if (from > 0 && text[from - 1] == ',') {
        from--;
    } else if (to < len && text[to] == ',') {
        to++;
    }
    ft_body_put(b, text, from);
    ft_body_put(b, text + to, len - to);
}

static void put_numbers(struct ft_body *b, const uint8_t *text, size_t len)
{
    struct ft_json_pair p;
    size_t at = 0;
    bool any = false;

    ft_body_text(b, "[");
    while (ft_json_next(text, len, &at, &p)) {
        if (is_number(&p) || is_null(&p)) {
            ft_body_text(b, any ? "," : "");
            ft_body_put(b, is_null(&p) ? (const uint8_t *)"0" : p.value,
                        is_null(&p) ? 1 : p.value_len);
            any = true;
        }
    }
    ft_body_text(b, "]");
}

static void line(struct ft_body *b, const uint8_t *text, size_t len)
{
    struct ft_json_pair vector;
    char id[64];

    snprintf(id, sizeof id, "%s{\"id\":\"%08llx-%04llx-%04llx-%04llx-%06llx%06x\",\"vector\":",
             b->n > 0 ? "," : "", (unsigned long long)(b->producer >> 32),
             (unsigned long long)(b->producer >> 16 & 0xffff),
             (unsigned long long)(b->producer & 0xffff),
             (unsigned long long)(b->sequence >> 24 & 0xffff),
             (unsigned long long)(b->sequence & 0xffffff), b->n & 0xffffff);
    ft_body_text(b, id);
    if (find_vector(text, len, &vector)) {
        ft_body_put(b, is_null(&vector) ? (const uint8_t *)"{}" : vector.value,
                    is_null(&vector) ? 2 : vector.value_len);
        ft_body_text(b, ",\"payload\":");
        put_rest(b, text, len, &vector);
    } else {
        put_numbers(b, text, len);
        ft_body_text(b, ",\"payload\":");
        ft_body_put(b, text, len);
    }
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
