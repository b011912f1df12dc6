/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: the sink of an embedder's callback. */
#include "base/mem.h"
#include "output/output.h"

struct callback_sink {
    struct ft_sink sink;
    int (*fn)(void *cookie, const void *data, size_t len);
    void *cookie;
};

static int callback_write(struct ft_sink *s, const uint8_t *data, size_t len, size_t *out_taken)
{
    struct callback_sink *c = (struct callback_sink *)(void *)s;

    if (c->fn(c->cookie, data, len) != 0) {
        *out_taken = 0;
        return FT_E_CLOSED;
    }
    *out_taken = len;
    return FT_OK;
}

static int callback_close(struct ft_sink *s)
{
    ft_mem_free(s);
    return FT_OK;
}

static const struct ft_sink_ops callback_ops = {
    .name = "callback",
    .help = "a function of the program that embeds the library",
    .write = callback_write,
    .close = callback_close,
};

int ft_sink_callback_new(int (*fn)(void *cookie, const void *data, size_t len), void *cookie,
                         struct ft_sink **out)
{
    struct callback_sink *c = ft_mem_alloc(1, sizeof *c);

    if (c == NULL) {
        return FT_E_NOMEM;
    }
    c->sink.ops = &callback_ops;
    c->fn = fn;
    c->cookie = cookie;
    *out = &c->sink;
    return FT_OK;
}
