/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/nats: the parameters. */
#include <string.h>

#include "base/units.h"
#include "output/sink/nats/nats_parts.h"

#define NATS "nats, natss"

static bool valid_batch(const char *value)
{
    uint64_t size;

    return ft_parse_size(value, &size) && size >= 1024 && size <= UINT64_C(64) << 20;
}

static bool valid_stream(const char *value)
{
    return value[0] != '\0' && strlen(value) <= 256 && strpbrk(value, " .*>\t\r\n") == NULL;
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
    {.row = {.name = "batch",
             .of = NATS,
             .value = "SIZE",
             .defval = "one event",
             .help = "lines of so many bytes at most go into a message together"},
     .check = valid_batch,
     .allowed = "a size from 1KB to 64MiB"},
    {.row = {.name = "password", .of = NATS, .value = "@FILE", .help = "the password of user="},
     .check = valid_secret,
     .allowed = "@FILE",
     .secret = true},
    {.row = {.name = "stream",
             .of = NATS,
             .value = "NAME",
             .help = "the stream that must take it; another one refuses it"},
     .check = valid_stream,
     .allowed = "a name without spaces, dots and wildcards"},
    {.row = {.name = "token",
             .of = NATS,
             .value = "@FILE",
             .help = "what the server asks for in place of a user"},
     .check = valid_secret,
     .allowed = "@FILE",
     .secret = true},
    {.row = {.name = "user", .of = NATS, .value = "NAME", .help = "who the server is asked as"},
     .check = valid_word,
     .allowed = "a name"},
};

const struct ft_params ft__nats_params = {rows, sizeof rows / sizeof rows[0]};
