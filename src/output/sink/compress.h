/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: compression, a complete zstd frame or gzip member per call.
 *
 * Theory of operation: each piece of data handed over becomes one whole frame (member). Frames one
 * after the other are one valid file for zstd(1), gzip(1) and their libraries; so a file is whole
 * at every moment, and a write that fails loses its own frame and nothing else. A gzip member has
 * no length of its own, so ours carry it in an extra field (RFC 1952 2.3.1.1: "FT", 4 bytes, the
 * bytes of the whole member, little-endian): the end of a torn file is found from its tail. */
#ifndef FT_OUTPUT_SINK_COMPRESS_H
#define FT_OUTPUT_SINK_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"

struct ft_compressor;

/* spec: "zstd[:LEVEL]" or "gzip[:LEVEL]"; max_len: the most bytes of one call. FT_E_UNSUPPORTED
 * when the library is not there, FT_E_NOMEM. Freed with _free. */
FT_NODISCARD int ft_compressor_new(const char *spec, size_t max_len, struct ft_compressor **out);
void ft_compressor_free(struct ft_compressor *c);

/* Compresses len bytes into one frame; *out_data is valid until the next call. FT_OK or FT_E_IO. */
FT_NODISCARD int ft_compress(struct ft_compressor *c, const uint8_t *data, size_t len,
                             const uint8_t **out_data, size_t *out_len);

/* The kind of compression, also of files that were there before. */
enum ft_pack { FT_PACK_NONE, FT_PACK_GZIP, FT_PACK_ZSTD };
enum ft_pack ft_compressor_kind(const struct ft_compressor *c); /* NULL: FT_PACK_NONE */

enum { FT_FRAME_MARK = 4 };

/* True when a frame may begin at p, or the len bytes there are the beginning of its mark. */
bool ft_frame_begins(enum ft_pack kind, const uint8_t *p, size_t len);

/* Unpacks the frame at p and looks at its checksum; one of more than most bytes is none of ours.
 * FT_OK: it is whole and *out_len bytes long; FT_E_TRUNCATED: it goes on behind len; FT_E_CORRUPT,
 * FT_E_NOMEM, FT_E_UNSUPPORTED: the library is not there. */
FT_NODISCARD int ft_frame_check(enum ft_pack kind, const uint8_t *p, size_t len, uint64_t most,
                                size_t *out_len);

#endif
