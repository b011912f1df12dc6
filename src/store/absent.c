/* SPDX-License-Identifier: Apache-2.0 */
/* store: a build without SQLite or zstd has none. */
#include "flowtap/store.h"
#include "store/serve.h"

#ifndef FT_HAVE_STORE

#include <stdio.h>
#include <sys/socket.h>

static const char why[] = "a store takes a build with SQLite and zstd";

int ft_store_serve(int sock, const struct ft_store_ask *ask,
                   int (*confine)(void *cookie, int folder, struct ft_err *err), void *cookie)
{
    struct ft_store_answer a = {.say = FT_STORE_FAILED, .rc = FT_E_UNSUPPORTED};

    (void)ask;
    (void)confine;
    (void)cookie;
    snprintf(a.text, sizeof a.text, "%s", why);
    ft_ignore(send(sock, &a, sizeof a, MSG_NOSIGNAL) > 0); /* best effort: nobody may listen */
    return 1;
}

int ft_store_open(const char *folder, struct ft_store **out, struct ft_err *err)
{
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "%s: %s", folder, why);
}

void ft_store_close(struct ft_store *s)
{
    (void)s;
}

int ft_store_query(struct ft_store *s, const char *sql, const struct ft_store_limits *limits,
                   const struct ft_store_take *take, struct ft_store_result *out,
                   struct ft_err *err)
{
    (void)s;
    (void)sql;
    (void)limits;
    (void)take;
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "%s", why);
}

int ft_store_export(struct ft_store *s, const struct ft_store_range *range,
                    const struct ft_store_limits *limits, const char *path,
                    struct ft_store_result *out, struct ft_err *err)
{
    (void)limits;
    (void)s;
    (void)range;
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "%s: %s", path, why);
}

int ft_store_similar(struct ft_store *s, const struct ft_store_similar *ask,
                     const struct ft_store_limits *limits, const struct ft_store_take *take,
                     struct ft_store_origin *out_origin, struct ft_store_result *out,
                     struct ft_err *err)
{
    (void)s;
    (void)limits;
    (void)take;
    (void)out_origin;
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "%s: %s", ask->id, why);
}

#endif
