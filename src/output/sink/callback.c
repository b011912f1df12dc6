/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: the sink of an embedder's callback. */
#include "base/mem.h"
#include "output/output.h"

struct callback_sink {
    struct ft_sink sink;
    int (*fn)(void *cookie, const void *data, size_t len);
    void *cookie;
};

static int callback_write(struct ft_sink *s, const struct ft_chunk *chunks, uint32_t *n)
{
    struct callback_sink *c = (struct callback_sink *)(void *)s;

    for (uint32_t i = 0; i < *n; i++) {
        if (c->fn(c->cookie, chunks[i].data, chunks[i].len) != 0) {
            ft_tally_chunk(&s->lost, &chunks[i], 0, chunks[i].len);
            *n = i + 1;
            return FT_E_CLOSED;
        }
        ft_tally_chunk(&s->arrived, &chunks[i], 0, chunks[i].len);
    }
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
