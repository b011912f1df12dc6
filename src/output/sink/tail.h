/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: where the whole part of a file ends that an earlier run was writing when it died. */
#ifndef FT_OUTPUT_SINK_TAIL_H
#define FT_OUTPUT_SINK_TAIL_H

#include <stdint.h>

#include "flowtap/errors.h"
#include "output/sink/compress.h"

/* Bytes at the end of a file that are looked at: more than two of the largest frames. */
enum { FT_TAIL_MOST = 4 << 20, FT_TAIL_UNPACKED_MOST = 16 << 20 };

/* The end of the last whole line (kind NONE) or frame of a file of size bytes, fd open for reading.
 * FT_OK: *out_end, which is size when nothing is torn and 0 when the first line or frame is.
 * FT_E_FORMAT: no line or frame ends within FT_TAIL_MOST of the end, or the file is packed
 * otherwise: it is not ours to cut. FT_E_IO, FT_E_NOMEM. */
FT_NODISCARD int ft_tail_find(int fd, uint64_t size, enum ft_pack kind, uint64_t *out_end);

#endif
