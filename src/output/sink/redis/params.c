/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/redis: the parameters. */
#include <string.h>

#include "base/units.h"
#include "output/sink/redis/redis_parts.h"

#define REDIS "redis, rediss"

static bool valid_count(const char *value)
{
    const char *rest;
    uint64_t n;

    return ft_parse_number(value, &n, &rest) && *rest == '\0' && n >= 1;
}

static bool valid_db(const char *value)
{
    const char *rest;
    uint64_t n;

    return ft_parse_number(value, &n, &rest) && *rest == '\0' && n <= 65535;
}

static bool valid_word(const char *value)
{
    return value[0] != '\0';
}

static bool valid_secret(const char *value)
{
    return value[0] != '\0' && strcmp(value, "@") != 0 && strpbrk(value, "\r\n") == NULL;
}

static const struct ft_param rows[] = {
    {.row = {.name = "db",
             .of = REDIS,
             .value = "N",
             .defval = "0",
             .help = "the database of the server"},
     .check = valid_db,
     .allowed = "a number from 0 to 65535"},
    {.row = {.name = "field",
             .of = REDIS,
             .value = "NAME",
             .defval = "event",
             .help = "the field of an entry that has the event"},
     .check = valid_word,
     .allowed = "a name"},
    {.row = {.name = "maxlen",
             .of = REDIS,
             .value = "N",
             .help = "the stream is cut to about so many entries (MAXLEN ~)"},
     .check = valid_count,
     .allowed = "a number from 1"},
    {.row = {.name = "password",
             .of = REDIS,
             .value = "@FILE",
             .help = "what the server asks for (AUTH)"},
     .check = valid_secret,
     .allowed = "@FILE",
     .secret = true},
    {.row = {.name = "user",
             .of = REDIS,
             .value = "NAME",
             .help = "whose password it is, where there are users"},
     .check = valid_word,
     .allowed = "a name"},
};

const struct ft_params ft__redis_params = {rows, sizeof rows / sizeof rows[0]};
