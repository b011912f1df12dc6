/* SPDX-License-Identifier: Apache-2.0 */
/* output: compression, a complete zstd frame or gzip member per call.
 *
 * Theory of operation: each piece of data handed over becomes one whole frame (member). Frames one
 * after the other are one valid file for zstd(1), gzip(1) and their libraries; so a file is whole
 * at every moment, and a write that fails loses its own frame and nothing else. */
#ifndef FT_OUTPUT_COMPRESS_H
#define FT_OUTPUT_COMPRESS_H

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

#endif
