/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: Loki's push: one stream, of the label job, with the events' times. */
#include "output/sink/http/presets/presets.h"

static void begin(struct ft_body *b)
{
    ft_body_text(b, "{\"streams\":[{\"stream\":{\"job\":\"");
    ft_body_text(b, b->into);
    ft_body_text(b, "\"},\"values\":[");
}

static void line(struct ft_body *b, const uint8_t *text, size_t len)
{
    ft_body_text(b, b->n > 0 ? ",[\"" : "[\"");
    ft_body_number(b, (uint64_t)ft_line_ns(b, text, len));
    ft_body_text(b, "\",\"");
    ft_body_escaped(b, text, len);
    ft_body_text(b, "\"]");
}

static void end(struct ft_body *b)
{
    ft_body_text(b, "]}]}");
}

const struct ft_preset ft_preset_loki = {
    .name = "loki",
    .formats = "ndjson",
    .method = "POST",
    .path = "/loki/api/v1/push",
    .type = "application/json",
    .auth = "Authorization: Bearer ",
    .into = "flowtap",
    .begin = begin,
    .line = line,
    .end = end,
};
