/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http: the parameters of the sink. */
#include <string.h>

#include "base/units.h"
#include "output/sink/http/http_parts.h"

#define HTTP "http, https"

static bool valid_batch(const char *value)
{
    uint64_t size;

    return ft_parse_size(value, &size) && size >= 1000 && size <= UINT64_C(256) << 20;
}

static bool valid_duration(const char *value)
{
    int64_t ns;

    return ft_parse_duration(value, &ns);
}

static bool valid_secret(const char *value)
{
    return value[0] != '\0' && strcmp(value, "@") != 0 && strpbrk(value, "\r\n") == NULL;
}

static bool valid_into(const char *value)
{
    size_t len = strlen(value);

    return len > 0 && len <= FT_PRESET_INTO_MOST &&
           strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
               len;
}

static const struct ft_param rows[] = {
    {.row = {.name = "batch",
             .of = HTTP,
             .value = "SIZE",
             .defval = "1MiB; Parquet 32MB of rows",
             .help = "a request is made when it has so many bytes"},
     .check = valid_batch,
     .allowed = "a size from 1KB to 256MiB"},
    {.row = {.name = "headers",
             .of = HTTP,
             .value = "@FILE",
             .help = "more headers, up to eight lines NAME: VALUE"},
     .check = valid_secret,
     .allowed = "@FILE",
     .secret = true},
    {.row = {.name = "into",
             .of = HTTP,
             .value = "NAME",
             .defval = "flowtap, where it can",
             .help = "with preset=: the table (clickhouse), index (elastic), collection (qdrant), "
                     "push source (feast), job (loki), service (otlp), source type (splunk)"},
     .check = valid_into,
     .allowed = "up to 128 letters, digits, _, . and -"},
    {.row = {.name = "linger",
             .of = HTTP,
             .value = "DURATION",
             .defval = "1s; Parquet 1m",
             .help = "or when its first event has waited for so long"},
     .check = valid_duration,
     .allowed = "a duration such as 1s or 1m"},
    {.row = {.name = "password",
             .of = HTTP,
             .value = "@FILE",
             .help = "USER:PASSWORD, for basic authentication"},
     .check = valid_secret,
     .allowed = "@FILE",
     .secret = true},
    {.row = {.name = "preset",
             .of = HTTP,
             .choices = "clickhouse|elastic|feast|loki|otlp|qdrant|splunk|webhook",
             .help = "what the receiver is: path, body and answer are as it has them"}},
    {.row = {.name = "token",
             .of = HTTP,
             .value = "@FILE",
             .help = "a bearer token, or what a preset has in its place"},
     .check = valid_secret,
     .allowed = "@FILE",
     .secret = true},
};

const struct ft_params ft__http_params = {rows, sizeof rows / sizeof rows[0]};
