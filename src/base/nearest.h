/* SPDX-License-Identifier: Apache-2.0 */
/* base: which of some names somebody may have meant who wrote one that there is not. */
#ifndef FT_BASE_NEAREST_H
#define FT_BASE_NEAREST_H

struct ft_nearest {
    const char *name; /* as written; borrowed */
    const char *best; /* the nearest of those looked at, borrowed; NULL: none is near */
    unsigned far;     /* how far that is, in letters */
};

/* Looks at one that there is: at most three letters differ, or it begins as what was written. */
void ft_nearest_look(struct ft_nearest *n, const char *candidate);

#endif
