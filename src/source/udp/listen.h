/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: the addresses that a collector listens on. */
#ifndef FT_SOURCE_UDP_LISTEN_H
#define FT_SOURCE_UDP_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>

#include "flowtap/errors.h"

struct ft__listen {
    struct sockaddr_storage addr;
    socklen_t addr_len;
    bool stream; /* IPFIX over TCP */
};

/* Parses netflow://HOST:PORT, ipfix://, sflow://, udp://, ipfix+tcp://; the port may be missing
 * (2055, 4739, 6343, -, 4739); HOST is a numeric address, IPv6 in brackets. FT_E_USAGE. */
FT_NODISCARD int ft__listen_parse(const char *url, struct ft__listen *out, struct ft_err *err);

#endif
