/* SPDX-License-Identifier: Apache-2.0 */
/* model: what a format knows of a file when it writes its end. */
#ifndef FT_MODEL_TRAILER_H
#define FT_MODEL_TRAILER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/loss.h"

/* Begins as zeros, but for fd, size and the events lost; the rest is the format's, from call to
 * call. */
struct ft_trailer {
    int fd;         /* of the file, which can be read */
    uint64_t size;  /* bytes that are in it */
    uint64_t state; /* of the format's own */
    uint64_t at, n, left;
    struct ft_loss lost;
    bool over;      /* set by the format: this piece goes over the file's beginning */
    char note[256]; /* likewise: a warning about what is in the file, or "" */
};

#endif
