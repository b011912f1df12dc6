/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: what known receivers want to be sent, and what they answer.
 *
 * Theory of operation: a preset is one row. Bodies are what the format makes, or, where there is a
 * line(), made of its lines one by one, between a begin() and an end(). Whoever writes into a body
 * finds room for twice a line and FT_PRESET_ROOM bytes. A reply of 2xx may say that some of the
 * events were not taken: items() reads it. */
#ifndef FT_OUTPUT_SINK_HTTP_PRESETS_H
#define FT_OUTPUT_SINK_HTTP_PRESETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FT_PRESET_ROOM = 1024, FT_PRESET_INTO_MOST = 128 };

/* A body that is being made. */
struct ft_body {
    uint8_t *data;
    size_t len, cap;
    const char *into;            /* into= */
    uint64_t producer, sequence; /* of the batch */
    uint32_t n;                  /* lines that are in it */
    int64_t now_ns;              /* wall clock, of lines that tell no time */
    bool full;                   /* something had no room */
};

/* What became of an event. */
enum ft_item { FT_ITEM_TAKEN, FT_ITEM_AGAIN, FT_ITEM_LOST };

struct ft_preset {
    const char *name;
    const char *formats; /* that it takes, "ndjson csv" */
    const char *method;
    const char *path; /* where the URL has none; %s is into= */
    const char *type; /* Content-Type; NULL: as for the format */
    const char *auth; /* the header that carries a token, up to it */
    const char *into; /* into= when it is not given; NULL: it has to be; "": it says nothing */
    /* what goes behind the path, for this batch; NULL: nothing */
    void (*query)(const struct ft_body *b, const char *format, char *out, size_t cap);
    void (*begin)(struct ft_body *b);
    void (*line)(struct ft_body *b, const uint8_t *line, size_t len); /* without its newline */
    void (*end)(struct ft_body *b);
    /* a body of lines becomes another at out (cap: twice it, and FT_PRESET_ROOM); returns its
     * length, 0: there was no room. NULL: it stays */
    size_t (*turn)(const struct ft_body *b, uint8_t *out, size_t cap);
    /* of a reply of 2xx: what became of each of the n events, as enum ft_item. NULL: all were taken
     */
    void (*items)(const char *reply, uint32_t n, uint8_t *out);
};

/* NULL-terminated */
extern const struct ft_preset *const ft_presets[];
const struct ft_preset *ft_preset_find(const char *name);

/* ---- for presets ---- */

void ft_body_put(struct ft_body *b, const void *data, size_t len);
void ft_body_text(struct ft_body *b, const char *text);
void ft_body_number(struct ft_body *b, uint64_t n);
/* As the inside of a JSON string. */
void ft_body_escaped(struct ft_body *b, const uint8_t *line, size_t len);
/* Behind "key": of a reply, wherever it is and however it is spaced; NULL: there is none. */
const char *ft_reply_value(const char *reply, const char *key);
/* When the event was, in ns since 1970: its "timestamp", or now. */
int64_t ft_line_ns(const struct ft_body *b, const uint8_t *line, size_t len);

extern const struct ft_preset ft_preset_clickhouse, ft_preset_elastic, ft_preset_feast,
    ft_preset_loki, ft_preset_otlp, ft_preset_qdrant, ft_preset_splunk, ft_preset_webhook;

#endif
