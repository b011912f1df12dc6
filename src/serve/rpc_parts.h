/* SPDX-License-Identifier: Apache-2.0 */
/* serve: what rpc.c and methods.c share. */
#ifndef FT_SERVE_RPC_PARTS_H
#define FT_SERVE_RPC_PARTS_H

#include "serve/eras.h"
#include "serve/rpc.h"

/* A request that is one, while it is answered. */
struct ft_rpc_call {
    const struct ft_rpc *rpc;
    struct ft_rpc_client *client;
    const struct ft_era *era;
    const char *method;
    const cJSON *params; /* an object, or NULL */
    const char *id;      /* as JSON */
    struct ft_rpc_reply *out;
};

/* Runs the method. False: there is none of that name in the era of the call, or its transport. */
bool ft_rpc_run(struct ft_rpc_call *c);

/* An error in place of what was written. uri (may be NULL): what it is about, as data. */
void ft_rpc_error(struct ft_rpc_call *c, int code, const char *uri, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static inline const cJSON *ft_rpc_get(const cJSON *o, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(o, name);
}

static inline const char *ft_rpc_string(const cJSON *o, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
}

#endif
