/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/stream: the parameters of tls. */
#include "output/sink/stream/stream_parts.h"

static bool valid_file(const char *value)
{
    return value[0] != '\0';
}

static const struct ft_param rows[] = {
    {.row = {.name = "ca",
             .of = "tls",
             .value = "FILE",
             .defval = "the system's",
             .help = "certificates of the authorities that the other side's is checked against"},
     .check = valid_file,
     .allowed = "the name of a file"},
    {.row = {.name = "cert",
             .of = "tls",
             .value = "FILE",
             .help = "our certificate (PEM), for who asks for one"},
     .check = valid_file,
     .allowed = "the name of a file"},
    {.row = {.name = "key", .of = "tls", .value = "FILE", .help = "the key of cert="},
     .check = valid_file,
     .allowed = "the name of a file"},
    {.row = {.name = "verify",
             .of = "tls",
             .choices = "true|false",
             .defval = "true",
             .help = "false: any certificate will do, and who takes the events may be anybody"}},
};

const struct ft_params ft__tls_params = {rows, sizeof rows / sizeof rows[0]};
