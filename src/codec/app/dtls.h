/* SPDX-License-Identifier: Apache-2.0 */
/* codec: records and handshake messages of DTLS (RFC 4347, 6347, 9147) that are not encrypted.
 *
 * Theory of operation: a datagram holds records, a record of the first epoch handshake messages or
 * parts of them. Each part is handed out with its place; the caller puts them together by message
 * number and offset, in whatever order they come. */
#ifndef FT_CODEC_APP_DTLS_H
#define FT_CODEC_APP_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of a ClientHello or ServerHello. */
struct ft_dtls_part {
    uint8_t type;        /* 1 or 2 */
    uint16_t number;     /* of the message, 0.. */
    uint32_t total;      /* bytes of the message without its header */
    uint32_t offset;     /* of this part in it; offset + len is not above total */
    uint32_t len;        /* bytes at data */
    const uint8_t *data; /* borrowed */
};

/* False: no more is wanted. */
typedef bool (*ft_dtls_part_fn)(void *cookie, const struct ft_dtls_part *part);

/* How many bytes CAPWAP puts before a record (RFC 5415 §4.2): 4 or 0. */
size_t ft_dtls_capwap(const uint8_t *p, size_t len);

/* True when a datagram begins with a whole record of DTLS with a header in the clear. */
bool ft_dtls_is(const uint8_t *p, size_t len);

/* Hands out the parts of hellos in a datagram. Returns how many there were. */
uint32_t ft_dtls_open(const uint8_t *p, size_t len, ft_dtls_part_fn fn, void *cookie);

#endif
