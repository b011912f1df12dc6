/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: OTLP/HTTP logs as JSON (opentelemetry-proto 1.x,
 * ExportLogsServiceRequest): the body of a log record is the event's line. */
#include <stdlib.h>
#include <string.h>

#include "output/sink/http/presets/presets.h"

static void begin(struct ft_body *b)
{
    ft_body_text(b, "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
                    "\"value\":{\"stringValue\":\"");
    ft_body_text(b, b->into);
    ft_body_text(b,
                 "\"}}]},\"scopeLogs\":[{\"scope\":{\"name\":\"flowtap\",\"version\":\"" FT_VERSION
                 "\"},\"logRecords\":[");
}

static void line(struct ft_body *b, const uint8_t *text, size_t len)
{
    ft_body_text(b, b->n > 0 ? ",{\"timeUnixNano\":\"" : "{\"timeUnixNano\":\"");
    ft_body_number(b, (uint64_t)ft_line_ns(b, text, len));
    ft_body_text(b, "\",\"observedTimeUnixNano\":\"");
    ft_body_number(b, (uint64_t)b->now_ns);
    ft_body_text(b, "\",\"severityNumber\":9,\"body\":{\"stringValue\":\"");
    ft_body_escaped(b, text, len);
    ft_body_text(b, "\"}}");
}

static void end(struct ft_body *b)
{
    ft_body_text(b, "]}]}]}");
}

/* "partialSuccess":{"rejectedLogRecords":"3"}: which ones is not told. */
static void items(const char *reply, uint32_t n, uint8_t *out)
{
    const char *p = ft_reply_value(reply, "rejectedLogRecords");
    unsigned long lost = p != NULL ? strtoul(p + (*p == '"'), NULL, 10) : 0;

    for (uint32_t i = 0; i < n; i++) {
        out[i] = i < lost ? FT_ITEM_LOST : FT_ITEM_TAKEN;
    }
}

const struct ft_preset ft_preset_otlp = {
    .name = "otlp",
    .formats = "ndjson",
    .method = "POST",
    .path = "/v1/logs",
    .type = "application/json",
    .auth = "Authorization: Bearer ",
    .into = "flowtap",
    .begin = begin,
    .line = line,
    .end = end,
    .items = items,
};
