/* SPDX-License-Identifier: Apache-2.0 */
/* base: an address and a port to listen on, as text. */
#ifndef FT_BASE_ENDPOINT_H
#define FT_BASE_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>

struct ft_endpoint {
    struct sockaddr_storage addr;
    socklen_t len;
    bool loopback; /* only programs of this host reach it */
};

/* "PORT", ":PORT" (127.0.0.1), "localhost:PORT", "ADDR:PORT", "[ADDR]:PORT"; port 0: any that is
 * free. Addresses are numeric: nothing is looked up. False: it is none of these. */
bool ft_endpoint_parse(const char *text, struct ft_endpoint *out);

#endif
