/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: FlatBuffers, read out of untrusted bytes.
 *
 * Theory of operation: everything is an offset; each one is held against the end before anything is
 * read there. What does not lie within makes the buffer bad, for good, and reads as absent: who
 * reads asks once, at the end. Offsets of a table point forward, so that what is read cannot go in
 * circles deeper than the reader asks. */
#ifndef FT_CODEC_COLUMNAR_FLATREAD_H
#define FT_CODEC_COLUMNAR_FLATREAD_H

#include <stdbool.h>
#include <stdint.h>

struct ft_flat_in {
    const uint8_t *data; /* borrowed */
    uint32_t len;
    bool bad; /* sticky */
};

/* Where a table is, and what says where its fields are. at 0: it is not there. */
struct ft_flat_tab {
    uint32_t at, len;
    uint32_t vtable, vtable_len;
};

/* Tables, structs or offsets beside each other. n 0: there are none. */
struct ft_flat_vec {
    uint32_t at, n;
};

struct ft_flat_tab ft_flat_root(struct ft_flat_in *in);
/* A field that is a scalar of width bytes; otherwise what it is by default. */
uint64_t ft_flat_u(struct ft_flat_in *in, const struct ft_flat_tab *t, uint32_t field,
                   uint32_t width, uint64_t otherwise);
struct ft_flat_tab ft_flat_sub(struct ft_flat_in *in, const struct ft_flat_tab *t, uint32_t field);
/* A vector of items of width bytes. */
struct ft_flat_vec ft_flat_vector(struct ft_flat_in *in, const struct ft_flat_tab *t,
                                  uint32_t field, uint32_t width);
/* The item number i, which there is, of a vector of tables. */
struct ft_flat_tab ft_flat_item(struct ft_flat_in *in, const struct ft_flat_vec *v, uint32_t i);
/* A string; *out_len bytes, no NUL behind them. NULL: it is not there. */
const char *ft_flat_text(struct ft_flat_in *in, const struct ft_flat_tab *t, uint32_t field,
                         uint32_t *out_len);

#endif
