/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: FlatBuffers, written forward into a block of the caller's.
 *
 * Theory of operation: a table is written before what it points to, so that all offsets are
 * positive: first the table with empty offsets, then each child, then ft_flat_point(). Where a
 * scalar stands is told, so that a finished buffer is a template: values of a constant width are
 * changed in place. Tables of the same form share what says where their fields are. What does not
 * fit sets `full`, and nothing more is written. */
#ifndef FT_CODEC_COLUMNAR_FLATBUFFER_H
#define FT_CODEC_COLUMNAR_FLATBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FT_FLAT_SLOTS_MAX = 8, FT_FLAT_VTABLES = 16 };

struct ft_flat {
    uint8_t *data; /* [cap] */
    uint32_t cap, len;
    bool full;
    /* where the first ones behind the last vector of offsets stand: there are readers (Polars) for
     * whom what a vector holds lies behind its beginning */
    uint32_t n_vtables, vtable[FT_FLAT_VTABLES];
};

/* A field of a table. */
struct ft_flat_slot {
    uint8_t width; /* bytes: 1, 2, 4, 8; an offset is 4; 0: the field is not there */
    uint64_t value;
};
#define FT_FLAT_NONE                                                                               \
    {                                                                                              \
        0, 0                                                                                       \
    }
#define FT_FLAT_OFFSET                                                                             \
    {                                                                                              \
        4, 0                                                                                       \
    }

/* Begins a buffer; its first word is the offset of the root table, at 0. */
void ft_flat_begin(struct ft_flat *b, uint8_t *data, uint32_t cap);

/* A table of n slots; at[i] is where field i stands. Returns the table's place. */
uint32_t ft_flat_table(struct ft_flat *b, const struct ft_flat_slot *slots, uint32_t n,
                       uint32_t *at);

/* The offset at a place points to what was written at target. */
void ft_flat_point(struct ft_flat *b, uint32_t at, uint32_t target);

uint32_t ft_flat_string(struct ft_flat *b, const char *text);
/* A string of at most most bytes, empty until ft_flat_set_string(). */
uint32_t ft_flat_string_room(struct ft_flat *b, uint32_t most);

/* n empty offsets; the first stands 4 bytes behind. */
uint32_t ft_flat_offsets(struct ft_flat *b, uint32_t n);

/* n structs of len bytes, which need 8-byte alignment; room for all if there, else only their
 * number. The first stands 4 bytes behind. */
uint32_t ft_flat_structs(struct ft_flat *b, uint32_t n, uint32_t len, bool there);

/* Zeros until the length is a multiple of 8. */
void ft_flat_pad(struct ft_flat *b);

/* The length of a string of `data` that had room for more. */
void ft_flat_set_string(uint8_t *data, uint32_t at, const char *text, uint32_t len);

#endif
