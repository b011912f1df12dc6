/* SPDX-License-Identifier: Apache-2.0 */
/* model: address prefixes, see prefix.h. */
#include "model/prefix.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ft_prefix_parse(const char *text, struct ft_prefix *out)
{
    char copy[64], *slash;
    unsigned long bits;
    size_t len = strlen(text);

    if (len >= sizeof copy) {
        return FT_E_RANGE;
    }
    memcpy(copy, text, len + 1);
    slash = strchr(copy, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    memset(out, 0, sizeof *out);
    out->ip_version = strchr(copy, ':') != NULL ? 6 : 4;
    if (inet_pton(out->ip_version == 4 ? AF_INET : AF_INET6, copy, out->addr) != 1) {
        return FT_E_RANGE;
    }
    bits = out->ip_version == 4 ? 32 : 128;
    if (slash != NULL) {
        char *end;
        unsigned long n = strtoul(slash + 1, &end, 10);

        if (slash[1] < '0' || slash[1] > '9' || *end != '\0' || n > bits) {
            return FT_E_RANGE;
        }
        bits = n;
    }
    out->bits = (uint8_t)bits;
    return FT_OK;
}

int ft_prefixes_parse(const char *text, struct ft_prefixes *out, struct ft_err *err)
{
    char word[64];

    out->n = 0;
    for (const char *p = text; p != NULL && *p != '\0';) {
        size_t len = strcspn(p, ",");

        snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : 0), p);
        if (out->n == FT_PREFIXES_MAX || ft_prefix_parse(word, &out->list[out->n]) != FT_OK) {
            return ft_err_set(err, FT_E_USAGE,
                              "allow: '%s': allowed are addresses and prefixes like 10.0.0.0/8, "
                              "2001:db8::/32, at most %d",
                              word, FT_PREFIXES_MAX);
        }
        out->n++;
        p += len + (p[len] == ',');
    }
    return FT_OK;
}

bool ft_prefix_holds(const struct ft_prefix *p, uint8_t ip_version, const uint8_t *addr)
{
    uint32_t whole = p->bits / 8, rest = p->bits % 8;

    if (p->ip_version != ip_version || memcmp(p->addr, addr, whole) != 0) {
        return false;
    }
    return rest == 0 || ((p->addr[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}

bool ft_prefixes_allow(const struct ft_prefixes *p, const struct ft_peer *peer)
{
    for (uint32_t i = 0; i < p->n; i++) {
        if (ft_prefix_holds(&p->list[i], peer->ip_version, peer->addr)) {
            return true;
        }
    }
    return p->n == 0;
}
