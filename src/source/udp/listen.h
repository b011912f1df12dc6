/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: the addresses that a collector listens on. */
#ifndef FT_SOURCE_UDP_LISTEN_H
#define FT_SOURCE_UDP_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>

#include "flowtap/errors.h"

enum ft__transport {
    FT__LISTEN_UDP,
    FT__LISTEN_TCP,
    FT__LISTEN_TLS,
    FT__LISTEN_DTLS,
    FT__LISTEN_SCTP,
};

enum { FT__LISTEN_TEXT = 512 };

struct ft__listen {
    struct sockaddr_storage addr;
    socklen_t addr_len;
    enum ft__transport transport;
    bool stream; /* IPFIX over connections: TCP, TLS, SCTP */
    bool verify; /* TLS, DTLS: who sends has to have a certificate of an authority in ca */
    /* TLS, DTLS: names of files (key: cert's unless it is given); names and addresses, one of which
     * the sender's certificate has to have, "sender" for its own address. "": not given */
    char cert[FT__LISTEN_TEXT], key[FT__LISTEN_TEXT], ca[FT__LISTEN_TEXT], peers[FT__LISTEN_TEXT];
};

/* Parses netflow://HOST:PORT, ipfix://, sflow://, udp://, ipfix+tcp://, ipfix+tls://,
 * ipfix+dtls://, ipfix+sctp://; the port may be missing (2055, 4739, 6343, -, 4739, 4740, 4740,
 * 4739); HOST is a numeric address, IPv6 in brackets. TLS and DTLS have parameters behind it:
 * ?cert=FILE&key=FILE&ca=FILE&verify=true|false&peers=NAME,..., in which %XX stands for a byte.
 * FT_E_USAGE. */
FT_NODISCARD int ft__listen_parse(const char *url, struct ft__listen *out, struct ft_err *err);

#endif
