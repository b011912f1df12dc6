/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what messages of Kafka say of a datagram: its sender and time. Properties: what is taken
 * is an address of IPv4 or IPv6 that reads the same when it is written again; a time is not
 * negative; what is not taken changes nothing. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "must.h"
#include "source/kafka/kafka_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sender(const struct ft_peer *p)
{
    char addr[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 16];
    struct ft_peer again;
    int len;

    MUST(p->ip_version == 4 || p->ip_version == 6);
    MUST(inet_ntop(p->ip_version == 4 ? AF_INET : AF_INET6, p->addr, addr, sizeof addr) != NULL);
    len = snprintf(text, sizeof text, p->ip_version == 4 ? "%s:%u" : "[%s]:%u", addr, p->port);
    MUST(ft__kafka_sender(text, (size_t)len, &again));
    MUST(memcmp(&again, p, sizeof again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size > 0 ? size : 1);
    struct ft_peer peer, before;
    int64_t ns = -7;

    MUST(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    memset(&peer, 0xa5, sizeof peer);
    before = peer;
    if (ft__kafka_sender(text, size, &peer)) {
        check_sender(&peer);
    } else {
        MUST(memcmp(&peer, &before, sizeof peer) == 0);
    }
    MUST(ft__kafka_time(text, size, &ns) ? ns >= 0 : ns == -7);
    free(text);
    return 0;
}
