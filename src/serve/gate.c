/* SPDX-License-Identifier: Apache-2.0 */
/* serve: who may ask over HTTP; see gate.h. */
#include "serve/gate.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/secret.h"

/* ---- what is configured ---- */

static size_t scheme_len(const char *origin)
{
    return strncasecmp(origin, "http://", 7) == 0    ? 7
           : strncasecmp(origin, "https://", 8) == 0 ? 8
                                                     : 0;
}

int ft_gate_origin(struct ft_gate *g, const char *origin, struct ft_err *err)
{
    size_t scheme = scheme_len(origin);

    if (scheme == 0 || origin[scheme] == '\0' || strpbrk(origin + scheme, "/?#@*, ") != NULL) {
        return ft_err_set(err, FT_E_USAGE,
                          "--origin '%.100s': it wants https://host or https://host:port", origin);
    }
    if (g->n == FT_GATE_ORIGINS) {
        return ft_err_set(err, FT_E_USAGE, "--origin: %d at most", FT_GATE_ORIGINS);
    }
    g->origins[g->n] = ft_mem_strdup(origin);
    if (g->origins[g->n] == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    g->n++;
    return FT_OK;
}

int ft_gate_token(struct ft_gate *g, const char *file, struct ft_err *err)
{
    char name[4096];
    int rc;

    if (strlen(file) >= sizeof name - 1) {
        return ft_err_set(err, FT_E_USAGE, "--token-file: the name is too long");
    }
    name[0] = '@';
    memcpy(name + 1, file, strlen(file) + 1);
    rc = ft_secret_read(name, &g->token, err);
    if (rc != FT_OK) {
        return rc;
    }
    size_t visible = 0;

    while (g->token[visible] > 0x20 && g->token[visible] < 0x7f) {
        visible++;
    }
    if (visible < FT_GATE_TOKEN_LEAST || g->token[visible] != '\0') {
        return ft_err_set(err, FT_E_USAGE,
                          "--token-file %.100s: it wants one word of %d characters or more "
                          "(openssl rand -hex 32)",
                          file, FT_GATE_TOKEN_LEAST);
    }
    return FT_OK;
}

void ft_gate_fini(struct ft_gate *g)
{
    while (g->n > 0) {
        ft_mem_free(g->origins[--g->n]);
    }
    ft_secret_forget(g->token);
    g->token = NULL;
}

/* ---- who comes ---- */

/* Bytes of the name in "name[:port]" or "[address][:port]"; 0: it is none. */
static size_t name_len(const char *host)
{
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

    if (strlen(host) < len) {
        return 0;
    }
    const char *port = host + len;

    if (*port == ':') {
        port += 1 + strspn(port + 1, "0123456789");
    }
    return *port == '\0' ? len : 0;
}

static bool is_loopback(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    size_t len = name_len(host);

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == len && strncasecmp(host, names[i], len) == 0) {
            return true;
        }
    }
    return false;
}

bool ft_gate_host(const struct ft_gate *g, const char *host)
{
    if (!g->loopback) {
        return true;
    }
    if (host == NULL) {
        return false;
    }
    size_t len = name_len(host);

    for (uint32_t i = 0; i < g->n; i++) { /* a front may hand on the name that it was asked for */
        const char *own = g->origins[i] + scheme_len(g->origins[i]);

        if (len > 0 && name_len(own) == len && strncasecmp(own, host, len) == 0) {
            return true;
        }
    }
    return is_loopback(host);
}

bool ft_gate_page(const struct ft_gate *g, const char *origin)
{
    if (origin == NULL) {
        return true; /* no browser */
    }
    for (uint32_t i = 0; i < g->n; i++) {
        if (strcasecmp(g->origins[i], origin) == 0) {
            return true;
        }
    }
    size_t scheme = scheme_len(origin);

    return g->loopback && scheme > 0 && is_loopback(origin + scheme);
}

bool ft_gate_shown(const struct ft_gate *g, const char *authorization)
{
    static const char scheme[] = "Bearer ";

    if (g->token == NULL) {
        return true;
    }
    if (authorization == NULL || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    const char *shown = authorization + sizeof scheme - 1;
    size_t len = strlen(g->token), n = strlen(shown);
    unsigned differ = len != n;

    for (size_t i = 0; i < n; i++) {
        differ |= (unsigned)(uint8_t)shown[i] ^ (uint8_t)g->token[i < len ? i : 0];
    }
    return differ == 0;
}

static bool is_type(const char *p, size_t len, const char *type, bool ranges)
{
    size_t main_len = strcspn(type, "/") + 1;

    if (len == strlen(type) && strncasecmp(p, type, len) == 0) {
        return true;
    }
    return ranges &&
           ((len == 3 && strncmp(p, "*/*", 3) == 0) ||
            (len == main_len + 1 && strncasecmp(p, type, main_len) == 0 && p[main_len] == '*'));
}

bool ft_gate_names(const char *value, const char *type, bool ranges)
{
    while (*value != '\0') {
        value += strspn(value, " \t,");
        size_t len = strcspn(value, ";, \t");

        if (is_type(value, len, type, ranges)) {
            return true;
        }
        value += strcspn(value, ",");
    }
    return false;
}
