/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: the parameters of every sink that has TLS. */
#include "output/output.h"

#define SINKS "http, https, s3, tls"

static bool valid_file(const char *value)
{
    return value[0] != '\0';
}

static const struct ft_param rows[] = {
    {.row = {.name = "ca",
             .of = SINKS,
             .value = "FILE",
             .defval = "the system's",
             .help = "certificates of the authorities that the other side's is checked against"},
     .check = valid_file,
     .allowed = "the name of a file"},
    {.row = {.name = "cert",
             .of = SINKS,
             .value = "FILE",
             .help = "our certificate (PEM), for who asks for one"},
     .check = valid_file,
     .allowed = "the name of a file"},
    {.row = {.name = "key", .of = SINKS, .value = "FILE", .help = "the key of cert="},
     .check = valid_file,
     .allowed = "the name of a file"},
    {.row = {.name = "verify",
             .of = SINKS,
             .choices = "true|false",
             .defval = "true",
             .help = "false: any certificate will do, and who takes the events may be anybody"}},
};

const struct ft_params ft_tls_params = {rows, sizeof rows / sizeof rows[0]};
