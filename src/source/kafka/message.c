/* SPDX-License-Identifier: Apache-2.0 */
/* source/kafka: what messages say of a datagram besides its bytes (model/datagram.h). */
#include <arpa/inet.h>
#include <string.h>

#include "source/kafka/kafka_parts.h"

/* A number of len digits, at most most. */
static bool number(const char *text, size_t len, uint64_t most, uint64_t *out)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len; i++) {
        uint64_t digit = (uint64_t)(unsigned char)text[i] - '0';

        if (digit > 9 || v > (most - digit) / 10) {
            return false;
        }
        v = v * 10 + digit;
    }
    *out = v;
    return len > 0;
}

static bool address(const char *text, size_t len, struct ft_peer *out)
{
    char addr[INET6_ADDRSTRLEN];
    struct in6_addr six;

    if (len == 0 || len >= sizeof addr || memchr(text, '\0', len) != NULL) {
        return false;
    }
    memcpy(addr, text, len);
    addr[len] = '\0';
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, addr, out->addr) == 1) {
        out->ip_version = 4;
        return true;
    }
    if (inet_pton(AF_INET6, addr, &six) != 1) {
        return false;
    }
    out->ip_version = IN6_IS_ADDR_V4MAPPED(&six) ? 4 : 6;
    memcpy(out->addr, six.s6_addr + (out->ip_version == 4 ? 12 : 0), out->ip_version == 4 ? 4 : 16);
    return true;
}

bool ft__kafka_sender(const char *text, size_t len, struct ft_peer *out)
{
    const char *end = len > 0 && text[0] == '[' ? memchr(text, ']', len) : NULL;
    const char *colon = end != NULL ? end + 1 : len > 0 ? memchr(text, ':', len) : NULL;
    size_t addr_len = len, skip = 0;
    struct ft_peer peer;
    uint64_t port = 0;

    if (end != NULL) {
        skip = 1;
        addr_len = (size_t)(end - text) - 1;
    } else if (colon != NULL && memchr(colon + 1, ':', len - (size_t)(colon + 1 - text)) == NULL) {
        addr_len = (size_t)(colon - text);
    } else {
        colon = NULL; /* more than one: an address of IPv6 alone */
    }
    if (colon != NULL && (size_t)(colon - text) < len &&
        (*colon != ':' ||
         !number(colon + 1, len - (size_t)(colon + 1 - text), UINT16_MAX, &port))) {
        return false;
    }
    if (!address(text + skip, addr_len, &peer)) {
        return false;
    }
    peer.port = (uint16_t)port;
    *out = peer;
    return true;
}

bool ft__kafka_time(const char *text, size_t len, int64_t *out_ns)
{
    uint64_t v;

    if (!number(text, len, INT64_MAX, &v)) {
        return false;
    }
    *out_ns = (int64_t)v;
    return true;
}
