/* SPDX-License-Identifier: Apache-2.0 */
/* format: the parameters that choose what an output holds and how it looks. row.of are the
 * formats that have it, or NULL: all that hold events. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "base/units.h"
#include "format/format.h"
#include "format/pcap.h"
#include "format/sflow.h"

static bool valid_snap(const char *value)
{
    const char *rest;
    uint64_t n;

    return ft_parse_number(value, &n, &rest) && *rest == '\0' && n >= 1 && n <= FT_PCAP_SNAP_MOST;
}

static bool valid_number(const char *value)
{
    const char *rest;
    uint64_t n;

    return ft_parse_number(value, &n, &rest) && *rest == '\0' && n <= UINT32_MAX;
}

static bool valid_header(const char *value)
{
    const char *rest;
    uint64_t n;

    return ft_parse_number(value, &n, &rest) && *rest == '\0' && n >= FT_SFLOW_HEADER_LEAST &&
           n <= FT_SFLOW_HEADER_MOST;
}

static bool valid_often(const char *value)
{
    const char *rest;
    uint64_t n;

    return ft_parse_number(value, &n, &rest) && *rest == '\0' && n <= 86400;
}

static bool valid_address(const char *value)
{
    uint8_t address[16];

    return inet_pton(AF_INET, value, address) == 1 || inet_pton(AF_INET6, value, address) == 1;
}

static bool valid_rate(const char *value)
{
    return valid_number(value) && strtoul(value, NULL, 10) > 0;
}

/* Which names there are is known when the columns are composed. */
static bool some(const char *value)
{
    return value[0] != '\0';
}

static const struct ft_param rows[] = {
    {.row = {.name = "event",
             .choices =
                 "sample|flow|stats|window|alert|afterimage|template|counter|discard|exporter",
             .help = "this kind of event only; a CSV file holds one"}},
    {.row = {.name = "columns",
             .value = "NAME,...",
             .help = "columns of flow records by name, in that order, in no objects; or of "
                     "samples, where no "
                     "flow records go"},
     .check = some,
     .allowed = "a list of names, with commas"},
    {.row = {.name = "profile",
             .value = "LIST",
             .help = "profiles of flow records, in place of --profile"},
     .check = some,
     .allowed = "a list of names, with commas"},
    {.row = {.name = "where",
             .value = "CONDITION",
             .help = "flow records that satisfy it only, as --where; & is %26 in it"},
     .check = some,
     .allowed = "a condition"},
    {.row =
         {.name = "null", .of = "ndjson", .choices = "omit", .help = "what is null is left out"}},
    {.row = {.name = "schema",
             .of = "ndjson",
             .choices = "goflow2|ecs|ocsf|otel|pmacct|nfdump|akvorado",
             .help = "collect's records in the shape of another collector"}},
    {.row = {.name = "dialect",
             .of = "csv, arrow, parquet",
             .value = "PROFILE",
             .help = "the columns of a profile that is named for a tool, as the tool writes them"},
     .check = some,
     .allowed = "a profile that is named for a tool"},
    {.row = {.name = "spreadsheet",
             .of = "csv",
             .choices = "safe",
             .help = "text that a spreadsheet would take for a formula is marked as text"}},
    {.row = {.name = "addresses",
             .of = "arrow",
             .choices = "text|binary",
             .defval = "text",
             .help = "as text, or as 16 bytes, IPv4 as ::ffff:a.b.c.d"}},
    {.row = {.name = "codec",
             .of = "avro",
             .choices = "null|deflate|zstandard",
             .defval = "null",
             .help = "what packs the blocks of a container"}},
    {.row = {.name = "vector",
             .of = "copy",
             .value = "NAME,...",
             .help =
                 "a column of pgvector's type: the numbers of these columns, those of lists one "
                 "by one; vector (profile vector): that column itself is of that type"},
     .check = some,
     .allowed = "a list of names, with commas"},
    {.row = {.name = "domain",
             .of = "ipfix, netflow9, netflow5, sflow",
             .value = "NUMBER",
             .defval = "--observation-domain",
             .help = "observation domain; netflow9: source id, netflow5: engine type and id, "
                     "sflow: sub-agent"},
     .check = valid_number,
     .allowed = "a number from 0 to 4294967295"},
    {.row = {.name = "times",
             .of = "ipfix",
             .choices = "ms|us|ns",
             .defval = "ms",
             .help = "unit of the times of a record: flowStartMilliseconds, Microseconds or "
                     "Nanoseconds, and so on"}},
    {.row = {.name = "biflow",
             .of = "ipfix",
             .choices = "true|false",
             .defval = "true",
             .help = "both directions of a flow in one record (RFC 5103), or a record of each, for "
                     "collectors that do not read reverse elements"}},
    {.row = {.name = "pen",
             .of = "ipfix",
             .value = "NUMBER",
             .help = "private enterprise number, for columns that have no element of IANA's; "
                     "default: these are left out"},
     .check = valid_number,
     .allowed = "a number from 0 to 4294967295"},
    {.row = {.name = "sampling",
             .of = "ipfix, netflow9, netflow5",
             .value = "NUMBER",
             .help = "the source hands on 1 in so many packets, which collectors are told; "
                     "netflow5: at most 16383"},
     .check = valid_rate,
     .allowed = "a number from 1 to 4294967295"},
    {.row = {.name = "options",
             .of = "ipfix, netflow9",
             .choices = "true|false",
             .defval = "true",
             .help = "options data: names of the interfaces, types of elements of pen="}},
    {.row = {.name = "agent",
             .of = "sflow",
             .value = "ADDRESS",
             .help = "IPv4 or IPv6 address of the agent; default: that of the socket"},
     .check = valid_address,
     .allowed = "an IPv4 or IPv6 address"},
    {.row = {.name = "header",
             .of = "sflow",
             .value = "BYTES",
             .defval = "128",
             .help = "of each sampled packet that are sent, at most"},
     .check = valid_header,
     .allowed = "a number of bytes from 16 to 16384"},
    {.row = {.name = "counters",
             .of = "sflow",
             .value = "SECONDS",
             .defval = "20",
             .help = "live: how often counters of the interfaces are sent; 0: never"},
     .check = valid_often,
     .allowed = "a number of seconds from 0 to 86400"},
    {.row = {.name = "snap",
             .of = "pcap",
             .value = "BYTES",
             .defval = "262144",
             .help = "of each packet that are kept"},
     .check = valid_snap,
     .allowed = "a number of bytes from 1 to 262144"},
};

const struct ft_params ft_format_params = {rows, sizeof rows / sizeof rows[0]};
