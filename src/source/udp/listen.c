/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: listen addresses, see listen.h. */
#include "source/udp/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const struct scheme {
    const char *prefix;
    const char *port; /* NULL: must be given */
    bool stream;
} schemes[] = {
    {"netflow://", "2055", false}, {"ipfix://", "4739", false},    {"sflow://", "6343", false},
    {"udp://", NULL, false},       {"ipfix+tcp://", "4739", true},
};

static int bad(const char *url, const char *why, struct ft_err *err)
{
    return ft_err_set(err, FT_E_USAGE,
                      "listen: '%s': %s; allowed is netflow://HOST:PORT, ipfix://HOST:PORT, "
                      "sflow://HOST:PORT, udp://HOST:PORT, ipfix+tcp://HOST:PORT, with a numeric "
                      "HOST, IPv6 in brackets, or pcap:FILE, ipfix:FILE",
                      url, why);
}

/* "HOST:PORT", "[HOST]:PORT", either part may be missing. */
static bool split(const char *text, char host[64], char port[8])
{
    const char *end = text[0] == '[' ? strchr(text, ']') : strrchr(text, ':');
    const char *from = text[0] == '[' ? text + 1 : text, *colon;

    if (text[0] == '[' && end == NULL) {
        return false;
    }
    end = end != NULL ? end : text + strlen(text);
    if ((size_t)(end - from) >= 64) {
        return false;
    }
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    colon = *end == ']' ? end + 1 : end;
    if (*colon == '\0') {
        return true;
    }
    if (*colon != ':' || strlen(colon + 1) > 5) {
        return false;
    }
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return true;
}

static bool set_address(const char *host, unsigned long port, struct ft__listen *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&out->addr;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&out->addr;

    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        out->addr_len = sizeof *in;
        return true;
    }
    if (inet_pton(AF_INET6, host[0] != '\0' ? host : "::", &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        out->addr_len = sizeof *in6;
        return true;
    }
    return false;
}

int ft__listen_parse(const char *url, struct ft__listen *out, struct ft_err *err)
{
    const struct scheme *s = NULL;
    char host[64], port[8] = "", *end;
    unsigned long number;

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(url, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
            s = &schemes[i];
        }
    }
    if (s == NULL) {
        return bad(url, "there is no such scheme", err);
    }
    if (!split(url + strlen(s->prefix), host, port)) {
        return bad(url, "host and port cannot be read", err);
    }
    if (port[0] == '\0' && s->port != NULL) {
        memcpy(port, s->port, strlen(s->port) + 1);
    }
    number = strtoul(port, &end, 10);
    if (port[0] < '0' || port[0] > '9' || *end != '\0' || number == 0 || number > 65535) {
        return bad(url, "the port is a number from 1 to 65535", err);
    }
    memset(out, 0, sizeof *out);
    out->stream = s->stream;
    return set_address(host, number, out) ? FT_OK : bad(url, "the host is no numeric address", err);
}
