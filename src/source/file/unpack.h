/* SPDX-License-Identifier: Apache-2.0 */
/* source/file: gzip and zstd streams, told apart by their first bytes, not by the file's name.
 *
 * Theory of operation: the caller brings packed bytes and room for unpacked ones, in any portions;
 * ft__unpack_run() moves as much as it can. Several gzip members or zstd frames in a row are one
 * stream, as gzip and zstd themselves have it; zero bytes behind a gzip member are padding. Between
 * members ft__unpack_whole() is true: a file that ends elsewhere is truncated. zlib and libzstd
 * keep their own bounded memory (32 KiB; the frame's window, at most 128 MiB). */
#ifndef FT_SOURCE_FILE_UNPACK_H
#define FT_SOURCE_FILE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"

enum { FT__UNPACK_WINDOW_LOG = 27 }; /* 128 MiB: what zstd takes without --long=N, too */
enum ft__pack { FT__PACK_NONE, FT__PACK_GZIP, FT__PACK_ZSTD };

struct ft__unpack;

/* Portions of bytes: in moves on as it is used, out as it is filled. */
struct ft__unpack_io {
    const uint8_t *in;
    size_t in_len;
    uint8_t *out;
    size_t out_len;
};

/* What the first four bytes of a file say. */
enum ft__pack ft__unpack_detect(const uint8_t p[4]);
const char *ft__pack_name(enum ft__pack pack); /* "gzip", "zstd" */

/* An unpacker at the start of a stream; not for FT__PACK_NONE. FT_E_UNSUPPORTED: built without the
 * library; FT_E_NOMEM. */
FT_NODISCARD int ft__unpack_new(enum ft__pack pack, struct ft__unpack **out);
void ft__unpack_free(struct ft__unpack *u); /* NULL is a no-op */

/* Unpacks until in is used up or out is full; with no in it puts out what is still inside. FT_OK;
 * FT_E_CORRUPT: damaged from here, *what is the library's word for it (static); what was put out
 * before is good. */
FT_NODISCARD int ft__unpack_run(struct ft__unpack *u, struct ft__unpack_io *io, const char **what);

/* Is this a place where the stream may end? */
bool ft__unpack_whole(const struct ft__unpack *u);

#endif
