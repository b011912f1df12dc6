/* SPDX-License-Identifier: Apache-2.0 */
/* codec: the Initial packets of a QUIC client (RFC 9000, 9001, 9369), which anybody can read.
 *
 * Theory of operation: an Initial is encrypted with keys that follow from the destination
 * connection ID of the client's first one. A flow keeps that ID; each datagram from the client is
 * opened with it, and the CRYPTO frames in it are handed out one by one, in whatever order they
 * come: the caller puts them together by their offsets. */
#ifndef FT_CODEC_APP_QUIC_H
#define FT_CODEC_APP_QUIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"

enum { FT_QUIC_CID = 20, FT_QUIC_DATAGRAM = 2048 };

struct ft_quic {
    uint32_t version;
    uint8_t cid_len; /* of the first Initial; 0 with version 0: none seen */
    uint8_t cid[FT_QUIC_CID];
};

/* len bytes of the CRYPTO stream at offset; borrowed. False: no more is wanted. */
typedef bool (*ft_quic_crypto_fn)(void *cookie, uint64_t offset, const uint8_t *data, size_t len);

/* True when a datagram begins with a long header of a version that is known here. */
bool ft_quic_is(const uint8_t *p, size_t len);

/* Opens the Initials of a client's datagram; q is zeroed before the first. Returns how many could
 * be opened. */
uint32_t ft_quic_open(struct ft_quic *q, const uint8_t *p, size_t len, ft_quic_crypto_fn fn,
                      void *cookie);

#endif
