/* SPDX-License-Identifier: Apache-2.0 */
/* model: who sent a datagram. */
#ifndef FT_MODEL_PEER_H
#define FT_MODEL_PEER_H

#include <stdbool.h>
#include <stdint.h>

/* Views of these link types are datagrams, the payload, with a struct ft_peer right before it, and
 * messages of an IPFIX file, the number of which is the interface. */
enum { FT_LINK_DATAGRAM = 0xfffe, FT_LINK_MESSAGE = 0xfffd };

enum { FT_PEER_STREAM = 1, FT_PEER_ENDED = 2, FT_PEER_SEALED = 4 };

struct ft_peer {
    uint8_t addr[16]; /* network order; IPv4 (mapped ones too) in the first 4 bytes */
    uint16_t port;    /* host order */
    uint8_t ip_version;
    uint8_t flags;    /* FT_PEER_STREAM: a message of a TCP connection; FT_PEER_ENDED: it ended;
                         FT_PEER_SEALED: no session can read it, and it has no bytes */
    uint32_t session; /* stream: number of the connection */
};

#endif
