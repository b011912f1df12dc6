/* SPDX-License-Identifier: Apache-2.0 */
/* source: what the file source offers beyond ft_source_ops: splitting one mapped pcap.
 *
 * Theory of operation: several workers can walk one mapped pcap at once when each knows where a
 * record begins. A guess is made from the bytes (a chain of plausible record headers) and is a hint
 * only: packets may hold anything, even record headers. It is right exactly when the walk of the
 * stretch before it ends there; the caller checks that, in order, and walks again from the true
 * place if not. All three functions are pure over the mapping: any thread, until the source is
 * closed. */
#ifndef FT_SOURCE_FILE_H
#define FT_SOURCE_FILE_H

#include "source/source.h"
#include "source/walk.h"

struct ft_file_split {
    const uint8_t *base; /* the mapping; borrowed */
    uint64_t len;
    uint64_t first;          /* offset of the first record */
    const char *name;        /* borrowed */
    struct ft_walker walker; /* copied by each walk */
    uint32_t first_s;        /* seconds of the first record */
};

/* FT_E_UNSUPPORTED unless s is a file source over exactly one mapped classic pcap. */
FT_NODISCARD int ft_file_split_open(struct ft_source *s, struct ft_file_split *out);

/* Offset in [from, limit) where a record seems to begin, or UINT64_MAX. */
uint64_t ft_file_split_guess(const struct ft_file_split *sp, uint64_t from, uint64_t limit);

/* Views of at most cap records that begin at from and before limit; *out_next: where the next one
 * begins. FT_OK, FT_E_TRUNCATED or FT_E_CORRUPT with err; the views before the damage are valid. */
FT_NODISCARD int ft_file_split_walk(const struct ft_file_split *sp, uint64_t from, uint64_t limit,
                                    struct ft_view *views, uint32_t cap, uint32_t *out_n,
                                    uint64_t *out_next, struct ft_err *err);

/* Tells the source how far the input is read, for its progress. */
void ft_file_split_at(struct ft_source *s, uint64_t pos);

/* Brings the pages of [from, from + len) in, and lets go of those before `behind`. */
void ft_file_split_pages(const struct ft_file_split *sp, uint64_t from, uint64_t len,
                         uint64_t behind);

#endif
