/* SPDX-License-Identifier: Apache-2.0 */
/* codec: the Initial packets of QUIC (RFC 9000, 9001, 9369), which anybody can read.
 *
 * Theory of operation: the Initials of both sides are encrypted with keys that follow from the
 * destination connection ID of the client's first one. A flow keeps that ID; each datagram is
 * opened with it, and the CRYPTO frames in it are handed out one by one, in whatever order they
 * come: the caller puts them together by their offsets. After a Retry, or in another version, the
 * client starts again with another ID: where the kept one does not fit, a client's own is tried,
 * and kept when it does.
 *
 * Versions: 1, 2, the drafts 22 to 34, Facebook's (0xfaceb...), Google's T050 and T051; reserved
 * ones (RFC 9000 §15) with the keys of 1 and of draft 29, as a client that greases may use. */
#ifndef FT_CODEC_APP_QUIC_H
#define FT_CODEC_APP_QUIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"

enum { FT_QUIC_CID = 20 };

struct ft_quic {
    uint32_t version; /* of the last Initial that was opened; 0: none was */
    uint8_t cid_len;  /* of the client's first Initial */
    uint8_t cid[FT_QUIC_CID];
    uint8_t begun; /* how often the client began with an ID of its own, modulo 256 */
};

/* len bytes of the CRYPTO stream at offset; borrowed. False: no more is wanted. */
typedef bool (*ft_quic_crypto_fn)(void *cookie, uint64_t offset, const uint8_t *data, size_t len);

/* True when a datagram of wire bytes, len of which are there, begins with a long header of a
 * version that is known here and the packet fits into it, or when it asks for another version (RFC
 * 9000 §17.2.1). known: other datagrams of the flow did; then the version is enough, and the fixed
 * bit may be anything (RFC 9287 §3.1). */
bool ft_quic_is(const uint8_t *p, size_t len, size_t wire, bool known);

/* Opens the Initials of a datagram of the client, or of the server (once one of the client's was
 * opened); q is zeroed before the first. work: len bytes, in which fn's data lies. Returns how many
 * could be opened. */
uint32_t ft_quic_open(struct ft_quic *q, bool server, const uint8_t *p, size_t len, uint8_t *work,
                      ft_quic_crypto_fn fn, void *cookie);

#endif
