/* SPDX-License-Identifier: Apache-2.0 */
/* serve: a build without SQLite, zstd or cJSON answers no agents. */
#include "flowtap/serve.h"

#ifndef FT_HAVE_SERVE

#include <stddef.h>

static const char why[] = "answering agents takes a build with SQLite, zstd and cJSON";

int ft_serve_open(const struct ft_serve_config *config, struct ft_serve **out, struct ft_err *err)
{
    (void)config;
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "%s", why);
}

int ft_serve_stdio(struct ft_serve *s, int in_fd, int out_fd, int stop_fd, struct ft_err *err)
{
    (void)s;
    (void)in_fd;
    (void)out_fd;
    (void)stop_fd;
    return ft_err_set(err, FT_E_UNSUPPORTED, "%s", why);
}

int ft_serve_http(struct ft_serve *s, struct ft_err *err)
{
    (void)s;
    return ft_err_set(err, FT_E_UNSUPPORTED, "%s", why);
}

const char *ft_serve_address(const struct ft_serve *s)
{
    (void)s;
    return NULL;
}

void ft_serve_close(struct ft_serve *s)
{
    (void)s;
}

#endif
