/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/postgres: the parameters. */
#include <string.h>

#include "output/sink/postgres/postgres_parts.h"

static bool valid_word(const char *value)
{
    return value[0] != '\0';
}

static bool valid_secret(const char *value)
{
    return value[0] != '\0' && strcmp(value, "@") != 0 && strpbrk(value, "\r\n") == NULL;
}

static const struct ft_param rows[] = {
    {.row = {.name = "create",
             .of = "postgres",
             .choices = "true|false",
             .defval = "false",
             .help = "make the table, if it is not there, and pgvector's type with vector="}},
    {.row =
         {.name = "password", .of = "postgres", .value = "@FILE", .help = "the password of user="},
     .check = valid_secret,
     .allowed = "@FILE",
     .secret = true},
    {.row = {.name = "tls",
             .of = "postgres",
             .choices = "disable|prefer|require",
             .defval = "prefer",
             .help = "whether the connection is enciphered; require, and each of ca=, cert= and "
                     "verify=: only with a certificate that fits"}},
    {.row = {.name = "user",
             .of = "postgres",
             .value = "NAME",
             .defval = "postgres",
             .help = "the role that writes"},
     .check = valid_word,
     .allowed = "a name"},
};

const struct ft_params ft__postgres_params = {rows, sizeof rows / sizeof rows[0]};
