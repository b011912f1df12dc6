/* SPDX-License-Identifier: Apache-2.0 */
/* serve: a store for agents; see flowtap/serve.h. */
#include "flowtap/serve.h"

#include <poll.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "serve/http.h"
#include "serve/pool.h"
#include "serve/stdio.h"

struct ft_serve {
    atomic_bool closing;
    int stop_fd; /* of stdio, while it runs; -1: none */
    struct ft_pool pool;
    struct ft_rpc rpc;
    struct ft_web *http; /* owned; NULL: stdio */
};

/* Shall it end? Any thread's; stop_fd is set by the one that asks. */
static bool is_to_end(void *cookie)
{
    struct ft_serve *s = cookie;
    struct pollfd fd = {.fd = s->stop_fd, .events = POLLIN};

    return atomic_load(&s->closing) || (s->stop_fd >= 0 && poll(&fd, 1, 0) > 0);
}

/* Where it listens and who may ask. */
static int read_http(const struct ft_serve_config *config, struct ft_endpoint *at,
                     struct ft_gate *gate, struct ft_err *err)
{
    int rc = FT_OK;

    if (!ft_endpoint_parse(config->http, at)) {
        return ft_err_set(err, FT_E_USAGE, "--http: '%.100s' is no ADDR:PORT", config->http);
    }
    gate->loopback = at->loopback;
    if (!at->loopback && config->token_file == NULL) {
        return ft_err_set(err, FT_E_USAGE,
                          "--http %.100s: others reach that address: it wants --token-file",
                          config->http);
    }
    for (uint32_t i = 0; i < config->n_origins && rc == FT_OK; i++) {
        rc = ft_gate_origin(gate, config->origins[i], err);
    }
    return rc == FT_OK && config->token_file != NULL ? ft_gate_token(gate, config->token_file, err)
                                                     : rc;
}

static int open_parts(struct ft_serve *s, const struct ft_serve_config *config,
                      const struct ft_endpoint *at, struct ft_gate *gate, struct ft_err *err)
{
    struct ft_desk_config desk = {
        .folder = config->store, .privacy = config->privacy, .stop = is_to_end, .cookie = s};

    if (config->privacy == -1) {
        desk.privacy = at == NULL || at->loopback ? FT_PRIVACY_RAW : FT_PRIVACY_TOKENS;
    }
    int rc = ft_pool_init(&s->pool, &desk, at != NULL ? FT_POOL_DESKS : 1, err);

    if (rc != FT_OK) {
        ft_gate_fini(gate);
        return rc;
    }
    s->rpc = (struct ft_rpc){.catalogue = &ft_desk_catalogue,
                             .take = ft_pool_take,
                             .give = ft_pool_give,
                             .cookie = &s->pool,
                             .shared = at != NULL};
    rc = at != NULL ? ft_web_open(at, gate, &s->rpc, &s->http, err) : FT_OK;
    if (rc != FT_OK) {
        ft_pool_fini(&s->pool);
    }
    return rc;
}

int ft_serve_open(const struct ft_serve_config *config, struct ft_serve **out, struct ft_err *err)
{
    struct ft_gate gate = {0};
    struct ft_endpoint at;
    int rc = config->http != NULL ? read_http(config, &at, &gate, err) : FT_OK;

    if (rc != FT_OK) {
        ft_gate_fini(&gate);
        return rc;
    }
    struct ft_serve *s = ft_mem_alloc(1, sizeof *s);

    if (s == NULL) {
        ft_gate_fini(&gate);
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    s->stop_fd = -1;
    rc = open_parts(s, config, config->http != NULL ? &at : NULL, &gate, err);
    if (rc != FT_OK) {
        ft_mem_free(s);
        return rc;
    }
    *out = s;
    return FT_OK;
}

int ft_serve_stdio(struct ft_serve *s, int in_fd, int out_fd, int stop_fd, struct ft_err *err)
{
    struct ft_stdio io = {.in = in_fd, .out = out_fd, .stop = stop_fd};

    s->stop_fd = stop_fd;
    int rc = ft_stdio_run(&s->rpc, &io, err);

    s->stop_fd = -1;
    return rc;
}

int ft_serve_http(struct ft_serve *s, struct ft_err *err)
{
    return ft_web_start(s->http, err);
}

const char *ft_serve_address(const struct ft_serve *s)
{
    return s->http != NULL ? ft_web_address(s->http) : NULL;
}

void ft_serve_close(struct ft_serve *s)
{
    if (s != NULL) {
        atomic_store(&s->closing, true);
        ft_pool_stop(&s->pool);
        ft_web_free(s->http);
        ft_pool_fini(&s->pool);
        ft_mem_free(s);
    }
}
