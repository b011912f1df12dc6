/* SPDX-License-Identifier: Apache-2.0 */
/* afterimage: the features of Kitsune (Mirsky and others, NDSS 2018) of each frame: what its
 * source, its channel and its connection have been like lately.
 *
 * Theory of operation: each frame names streams (frame.h), whose damped statistics it brings up to
 * date and is described by (stat.h):
 *
 *     MI    source MAC + source address        sizes of frames
 *     HH    source address                     likewise; with the destination address
 *     jit   source + destination address       gaps between frames
 *     HpHp  source address + port              sizes; with the destination's
 *
 * The order of frames is part of what is reckoned: all of them are seen by one thread. */
#ifndef FT_AFTERIMAGE_AFTERIMAGE_H
#define FT_AFTERIMAGE_AFTERIMAGE_H

#include <stddef.h>

#include "base/hash.h"
#include "flowtap/errors.h"
#include "model/afterimage.h"
#include "model/packet.h"

struct ft_afterimage_config {
    uint32_t max_hosts; /* of MI and HH each: 2 and more */
    uint32_t max_flows; /* of jit and HpHp each, and pairs of HH and HpHp each: likewise */
    struct ft_hash_seed seed;
};

struct ft_afterimage;

/* On success *out is the caller's. FT_E_NOMEM. */
FT_NODISCARD int ft_afterimage_new(const struct ft_afterimage_config *cfg,
                                   struct ft_afterimage **out);
void ft_afterimage_free(struct ft_afterimage *a); /* NULL is a no-op */
/* Bytes of address space. */
size_t ft_afterimage_budget(const struct ft_afterimage_config *cfg);

/* The row of a frame, of whatever link type; it never fails. One thread. */
FT_HOT void ft_afterimage_see(struct ft_afterimage *a, const struct ft_view *v,
                              struct ft_afterimage_row *out);

/* Streams and pairs that had to make room for others, until now. That thread. */
uint64_t ft_afterimage_evicted(const struct ft_afterimage *a);

#endif
