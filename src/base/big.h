/* SPDX-License-Identifier: Apache-2.0 */
/* base: files that may be large and are kept as they are: tables of addresses.
 *
 * Theory of operation: all of a file is read into memory of this process. It is not mapped: who
 * writes into a mapped file, or cuts it, changes or ends the program that looks at it. */
#ifndef FT_BASE_BIG_H
#define FT_BASE_BIG_H

#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"

/* Begins zeroed. */
struct ft_big {
    uint8_t *data; /* [len], mapped; NULL: nothing */
    size_t len, cap;
};

/* Reads all of a file. 0, or errno: EFBIG when it has `most` bytes or more. */
FT_NODISCARD int ft_big_read(const char *path, size_t most, struct ft_big *out);
void ft_big_free(struct ft_big *b);

#endif
