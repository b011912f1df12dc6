/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: Splunk's HTTP Event Collector: objects one after the other. */
#include <stdio.h>

#include "output/sink/http/presets/presets.h"

static void line(struct ft_body *b, const uint8_t *text, size_t len)
{
    int64_t ns = ft_line_ns(b, text, len);
    char time[48];

    snprintf(time, sizeof time, "{\"time\":%lld.%06lld,", (long long)(ns / 1000000000),
             (long long)(ns % 1000000000 / 1000));
    ft_body_text(b, time);
    ft_body_text(b, "\"source\":\"flowtap\",\"sourcetype\":\"");
    ft_body_text(b, b->into);
    ft_body_text(b, "\",\"event\":");
    ft_body_put(b, text, len);
    ft_body_text(b, "}\n");
}

const struct ft_preset ft_preset_splunk = {
    .name = "splunk",
    .formats = "ndjson",
    .method = "POST",
    .path = "/services/collector/event",
    .type = "application/json",
    .auth = "Authorization: Splunk ",
    .into = "flowtap",
    .line = line,
};
