/* SPDX-License-Identifier: Apache-2.0 */
/* base: which of the names that there are somebody may have meant. */
#ifndef FT_BASE_NEAREST_H
#define FT_BASE_NEAREST_H

enum { FT_NEAREST_MAX = 3 }; /* what is farther away was not meant */

/* How far a name that does not exist is from one that does: the edits that make one of the other;
 * its beginning is near, too. Of names of up to 64 bytes; longer ones are far from everything. */
unsigned ft_name_distance(const char *name, const char *other);

/* The nearest so far: begins as {0}. */
struct ft_nearest {
    const char *name; /* NULL: none is near */
    unsigned distance;
};

void ft_nearest_try(struct ft_nearest *n, const char *name, const char *other);

#endif
