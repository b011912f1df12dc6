/* SPDX-License-Identifier: Apache-2.0 */
/* output: the parameters that every output has. */
#include <string.h>

#include "base/units.h"
#include "output/output.h"

enum { SPOOL_LEAST = 16 * 1000 * 1000 };

static bool valid_queue(const char *value)
{
    uint64_t size;

    return ft_parse_size(value, &size) && size <= UINT64_C(64) << 30;
}

static bool valid_max(const char *value)
{
    uint64_t size;

    return ft_parse_size(value, &size) && size >= SPOOL_LEAST;
}

static bool valid_age(const char *value)
{
    int64_t ns;

    return ft_parse_duration(value, &ns);
}

static bool valid_folder(const char *value)
{
    return value[0] != '\0' && strlen(value) < FT_FILE_PATH;
}

static bool valid_seconds(const char *value)
{
    const char *rest;
    uint64_t n;

    return ft_parse_number(value, &n, &rest) && *rest == '\0' && n >= 1 && n <= 86400;
}

static bool valid_mtu(const char *value)
{
    const char *rest;
    uint64_t n;

    return ft_parse_number(value, &n, &rest) && *rest == '\0' && n >= 512 && n <= 65507;
}

static const struct ft_param rows[] = {
    {.row = {.name = "overflow",
             .choices = "drop|block|spool",
             .help = "when the queue is full: live and collect drop and count, read blocks; spool: "
                     "events go through files on disk and wait there for a receiver that is away"}},
    {.row = {.name = "spool",
             .value = "FOLDER",
             .help =
                 "overflow=spool: where; default: a folder of the target's in the state folder"},
     .check = valid_folder,
     .allowed = "the path of a folder"},
    {.row = {.name = "spool_max",
             .value = "SIZE",
             .defval = "1GB",
             .help = "with overflow=spool: bytes on disk at most"},
     .check = valid_max,
     .allowed = "a size of at least 16MB, such as 20GB"},
    {.row = {.name = "spool_age",
             .value = "TIME",
             .help = "with overflow=spool: what is older is dropped, e.g. 7d"},
     .check = valid_age,
     .allowed = "a time such as 1h or 7d"},
    {.row = {.name = "queue",
             .value = "SIZE",
             .defval = "16MB",
             .help = "bound of the queue between the workers and the output's thread"},
     .check = valid_queue,
     .allowed = "a size such as 512KB or 64MB, at most 64GiB"},
    {.row = {.name = "template_refresh",
             .of = "ipfix, netflow9",
             .value = "SECONDS",
             .defval = "60",
             .help = "over UDP: how often templates are sent again"},
     .check = valid_seconds,
     .allowed = "a number of seconds from 1 to 86400"},
    {.row = {.name = "report",
             .of = "ipfix, netflow9",
             .value = "SECONDS",
             .help = "options data so often: messages, records and octets that were exported, and "
                     "records that were not"},
     .check = valid_seconds,
     .allowed = "a number of seconds from 1 to 86400"},
    {.row = {.name = "spoof",
             .of = "ipfix, netflow9, netflow5",
             .choices = "true|false",
             .defval = "false",
             .help = "collect, over UDP: messages have the exporters' addresses as their source; "
                     "takes CAP_NET_RAW at the start"}},
    {.row = {.name = "mtu",
             .of = "ipfix, netflow9, netflow5, sflow",
             .value = "BYTES",
             .defval = "1400",
             .help = "over UDP: of a message at most; else it has 65535"},
     .check = valid_mtu,
     .allowed = "a number of bytes from 512 to 65507"},
};

const struct ft_params ft_output_params = {rows, sizeof rows / sizeof rows[0]};
