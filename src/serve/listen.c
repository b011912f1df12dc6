/* SPDX-License-Identifier: Apache-2.0 */
/* serve: listeners; see listen.h. MCP 2026-07-28, basic/patterns/subscriptions; 2025-11-25,
 * server/resources, subscriptions. */
#include "serve/listen.h"

#include <string.h>

#include "serve/eras.h"

static uint32_t rows_of(const struct ft_catalogue *c)
{
    return c->n_resources < FT_LISTEN_ROWS ? c->n_resources : FT_LISTEN_ROWS;
}

int ft_listen_row(const struct ft_catalogue *c, const char *uri)
{
    for (uint32_t i = 0; i < rows_of(c); i++) {
        if (c->resources[i].subscribable && strcmp(c->resources[i].uri, uri) == 0) {
            return (int)i;
        }
    }
    return -1;
}

void ft_listen_look(const struct ft_catalogue *c, struct ft_desk *d, uint32_t rows,
                    struct ft_versions *out)
{
    for (uint32_t i = 0; i < rows_of(c); i++) {
        if ((rows >> i & 1) != 0) {
            out->of[i] = c->resources[i].version(d);
        }
    }
}

static void put_tag(const struct ft_listener *l, struct ft_text *out)
{
    ft_text_format(out, "\"_meta\":{\"" FT_META_SUBSCRIPTION "\":%s}", l->id);
}

bool ft_listen_next(const struct ft_catalogue *c, struct ft_listener *l,
                    const struct ft_versions *now, struct ft_text *out)
{
    uint32_t i = 0;

    while (i < rows_of(c) && ((l->rows >> i & 1) == 0 || l->told.of[i] == now->of[i])) {
        i++;
    }
    if (i == rows_of(c)) {
        return false;
    }
    l->told.of[i] = now->of[i];
    ft_text_put(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\","
                     "\"params\":{\"uri\":");
    ft_text_json(out, c->resources[i].uri, strlen(c->resources[i].uri));
    if (l->id[0] != '\0') {
        ft_text_put(out, ",");
        put_tag(l, out);
    }
    ft_text_put(out, "}}");
    return true;
}

void ft_listen_begin(const struct ft_catalogue *c, const struct ft_listener *l, struct ft_text *out)
{
    bool first = true;

    ft_text_put(out, "{\"jsonrpc\":\"2.0\","
                     "\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{");
    put_tag(l, out);
    ft_text_put(out, ",\"notifications\":{");
    for (uint32_t i = 0; i < rows_of(c); i++) {
        if ((l->rows >> i & 1) != 0) {
            ft_text_put(out, first ? "\"resourceSubscriptions\":[" : ",");
            ft_text_json(out, c->resources[i].uri, strlen(c->resources[i].uri));
            first = false;
        }
    }
    ft_text_put(out, first ? "}}}" : "]}}}");
}

void ft_listen_end(const struct ft_listener *l, struct ft_text *out)
{
    ft_text_format(out, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"resultType\":\"complete\",",
                   l->id);
    put_tag(l, out);
    ft_text_put(out, "}}");
}
