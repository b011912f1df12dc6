/* SPDX-License-Identifier: Apache-2.0 */
/* format: Avro's numbers, and blocks of an object container that are packed.
 *
 * Theory of operation: workers make blocks of what a chunk holds, which are not packed yet. The
 * file sink holds them for a while; on its thread they are joined until they are large enough to be
 * worth packing, packed, and written as blocks:
 *
 *     rows, bytes, the rows, marker | rows, bytes, ... -> rows, bytes when packed, packed, marker
 *
 * Source: Apache Avro 1.12 specification, "Object Container Files", "Required Codecs" (deflate:
 * RFC 1951 without a frame) and "Optional Codecs" (zstandard: RFC 8878). */
#ifndef FT_FORMAT_AVRO_CODEC_H
#define FT_FORMAT_AVRO_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/macros.h"

enum {
    FT__AVRO_LONG = 10, /* bytes of a number at most */
    FT__AVRO_SYNC = 16, /* bytes of the marker behind each block */
};

/* Writes a long (zigzag, seven bits a byte). Returns the place behind. */
FT_INLINE uint8_t *ft__avro_put_long(uint8_t *p, int64_t v)
{
    uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);

    for (; z >= 0x80; z >>= 7) {
        *p++ = (uint8_t)(z | 0x80);
    }
    *p++ = (uint8_t)z;
    return p;
}

struct ft__avro_codec;

/* name: "deflate" or "zstandard". On success *out is the caller's, given back by _free. FT_E_NOMEM,
 * FT_E_UNSUPPORTED: the library is not there. */
FT_NODISCARD int ft__avro_codec_new(const char *name, struct ft__avro_codec **out);
void ft__avro_codec_free(struct ft__avro_codec *c); /* NULL is a no-op */

/* len bytes, at most FT_PACK_MOST, of whole blocks with this marker become packed ones at *out,
 * valid until the next call. One thread at a time. FT_E_NOMEM: the library had none. */
FT_NODISCARD int ft__avro_codec_pack(struct ft__avro_codec *c, const uint8_t *blocks, size_t len,
                                     const uint8_t sync[FT__AVRO_SYNC], const uint8_t **out,
                                     size_t *out_len);

#endif
