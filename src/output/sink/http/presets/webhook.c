/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: a JSON array of events. */
#include "output/sink/http/presets/presets.h"

static void begin(struct ft_body *b)
{
    ft_body_text(b, "[");
}

static void line(struct ft_body *b, const uint8_t *text, size_t len)
{
    if (b->n > 0) {
        ft_body_text(b, ",\n");
    }
    ft_body_put(b, text, len);
}

static void end(struct ft_body *b)
{
    ft_body_text(b, "]\n");
}

const struct ft_preset ft_preset_webhook = {
    .name = "webhook",
    .formats = "ndjson",
    .method = "POST",
    .path = "/",
    .type = "application/json",
    .auth = "Authorization: Bearer ",
    .into = "",
    .begin = begin,
    .line = line,
    .end = end,
};
