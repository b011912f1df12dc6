/* SPDX-License-Identifier: Apache-2.0 */
/* base: an address and a port to listen on, see endpoint.h. */
#include "base/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

enum { HOST_MAX = 64, PORT_DIGITS = 5 };

static bool parse_port(const char *s, uint16_t *out)
{
    uint32_t v = 0;
    size_t n = strlen(s);

    if (n == 0 || n > PORT_DIGITS || strspn(s, "0123456789") != n) {
        return false;
    }
    for (; *s != '\0'; s++) {
        v = v * 10 + (uint32_t)(*s - '0');
    }
    *out = (uint16_t)v;
    return v <= UINT16_MAX;
}

/* What stands before the port, without brackets; *out_port: behind the colon. */
static bool split(const char *text, char host[HOST_MAX], bool *out_brackets, const char **out_port)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;

    *out_port = colon != NULL ? colon + 1 : text;
    *out_brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    text += *out_brackets;
    len -= *out_brackets ? 2 : 0;
    if (len >= HOST_MAX) {
        return false;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    return true;
}

bool ft_endpoint_parse(const char *text, struct ft_endpoint *out)
{
    struct ft_endpoint e = {.len = 0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    char host[HOST_MAX];
    const char *digits;
    bool brackets;
    uint16_t port;

    if (!split(text, host, &brackets, &digits) || !parse_port(digits, &port)) {
        return false;
    }
    if (!brackets && (host[0] == '\0' || strcmp(host, "localhost") == 0)) {
        memcpy(host, "127.0.0.1", sizeof "127.0.0.1");
    }
    if (!brackets && inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        in.sin_port = htons(port);
        e.loopback = ntohl(in.sin_addr.s_addr) >> 24 == 127;
        e.len = sizeof in;
        memcpy(&e.addr, &in, sizeof in);
    } else if (brackets && inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
        in6.sin6_port = htons(port);
        e.loopback = IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
        e.len = sizeof in6;
        memcpy(&e.addr, &in6, sizeof in6);
    } else {
        return false;
    }
    *out = e;
    return true;
}
