/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http: the parameters of every sink that has a client. */
#include <string.h>

#include "base/units.h"
#include "output/sink/http/client.h"

#define CLIENTS "http, https, s3"

/* No credentials: they would be in messages. */
static bool valid_proxy(const char *value)
{
    return value[0] != '\0' && strchr(value, '@') == NULL;
}

static bool valid_duration(const char *value)
{
    int64_t ns;

    return ft_parse_duration(value, &ns);
}

static const struct ft_param rows[] = {
    {.row = {.name = "proxy",
             .of = CLIENTS,
             .value = "URL",
             .defval = "the environment's",
             .help = "the proxy to go through, or none"},
     .check = valid_proxy,
     .allowed = "the URL of a proxy, without credentials, or none"},
    {.row = {.name = "retry",
             .of = CLIENTS,
             .value = "DURATION",
             .defval = "5m",
             .help = "how long what failed is tried again, with growing pauses, before it is lost"},
     .check = valid_duration,
     .allowed = "a duration such as 30s or 5m"},
    {.row = {.name = "timeout",
             .of = CLIENTS,
             .value = "DURATION",
             .defval = "30s",
             .help = "how long a request may stand still; connecting may take 10s"},
     .check = valid_duration,
     .allowed = "a duration such as 30s or 5m"},
};

const struct ft_params ft_http_params = {rows, sizeof rows / sizeof rows[0]};
