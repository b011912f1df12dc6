/* SPDX-License-Identifier: Apache-2.0 */
/* source: bytes in order from a descriptor: plain, gzip or zstd, told by their first bytes.
 *
 * Theory of operation: ft_stream_read() gives the next decompressed bytes as soon as there are any;
 * it waits in poll(2), where stop reaches it. Several gzip members or zstd frames one after the
 * other are one stream. */
#ifndef FT_SOURCE_STREAM_H
#define FT_SOURCE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"

struct ft_stream;

/* True when the four bytes begin a compressed file. */
bool ft_stream_compressed(const uint8_t magic[4]);

/* Takes fd, which is closed with the stream. FT_E_NOMEM. */
FT_NODISCARD int ft_stream_open(int fd, struct ft_stream **out);
void ft_stream_close(struct ft_stream *s);

/* Up to cap bytes to dst. FT_OK with *out_n > 0; FT_E_AGAIN: nothing came within timeout_ms, or
 * wake_fd became readable; FT_E_EOF; FT_E_TRUNCATED, FT_E_CORRUPT: the compressed data is damaged;
 * FT_E_UNSUPPORTED: this build lacks the library; FT_E_IO with errno. */
FT_NODISCARD int ft_stream_read(struct ft_stream *s, uint8_t *dst, size_t cap, int timeout_ms,
                                int wake_fd, size_t *out_n);

/* Bytes taken from the descriptor so far. Any thread. */
uint64_t ft_stream_pos(const struct ft_stream *s);

#endif
