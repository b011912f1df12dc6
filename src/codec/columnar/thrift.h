/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: writing structs in Thrift's compact protocol, which Parquet's metadata are in.
 *
 * Theory of operation: a struct is its fields and a 0; a field begins with its id, as the distance
 * to the one before where that is 1 to 15, and its type; integers are zigzag varints. Fields are
 * written in ascending order of their ids. What has no room sets `full`, and nothing more is
 * written. Reference: thrift/doc/specs/thrift-compact-protocol.md. */
#ifndef FT_CODEC_COLUMNAR_THRIFT_H
#define FT_CODEC_COLUMNAR_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FT_THRIFT_DEPTH = 12 };

enum ft_thrift_type {
    FT_THRIFT_TRUE = 1,
    FT_THRIFT_FALSE = 2,
    FT_THRIFT_BYTE = 3,
    FT_THRIFT_I32 = 5,
    FT_THRIFT_I64 = 6,
    FT_THRIFT_BINARY = 8,
    FT_THRIFT_LIST = 9,
    FT_THRIFT_STRUCT = 12
};

/* Begins as {data, cap}: a struct is open. */
struct ft_thrift {
    uint8_t *data;
    size_t cap, len;
    bool full;
    uint8_t depth;
    int16_t last[FT_THRIFT_DEPTH]; /* of each open struct, the last field's id */
};

/* ---- fields ---- */

void ft_thrift_bool(struct ft_thrift *t, int16_t id, bool v);
void ft_thrift_byte(struct ft_thrift *t, int16_t id, int8_t v);
void ft_thrift_i32(struct ft_thrift *t, int16_t id, int32_t v);
void ft_thrift_i64(struct ft_thrift *t, int16_t id, int64_t v);
void ft_thrift_binary(struct ft_thrift *t, int16_t id, const void *data, size_t len);
void ft_thrift_text(struct ft_thrift *t, int16_t id, const char *text);
void ft_thrift_begin(struct ft_thrift *t, int16_t id); /* a struct; up to its end() */
/* A list of n: its items follow. */
void ft_thrift_list(struct ft_thrift *t, int16_t id, enum ft_thrift_type type, uint32_t n);

/* ---- items of a list ---- */

void ft_thrift_item_i32(struct ft_thrift *t, int32_t v);
void ft_thrift_item_text(struct ft_thrift *t, const char *text);
void ft_thrift_item_begin(struct ft_thrift *t); /* a struct; up to its end() */

/* Ends the struct that was begun last, or the outermost. */
void ft_thrift_end(struct ft_thrift *t);

#endif
