/* SPDX-License-Identifier: Apache-2.0 */
/* base: files that may be large and are kept as they are: tables of addresses.
 *
 *     with rights      ft_big_copy() -> descriptors
 *     without any      ft_big_use(tables, n), ft_big_read() ..., ft_big_use(NULL, 0)
 *
 * Theory of operation: all of a file is read into memory of this process. It is not mapped: who
 * writes into a mapped file, or cuts it, changes or ends the program that looks at it. When a
 * process has given up the file system, another one copies the file into memory that has no name,
 * and hands over a descriptor of that; nobody else has it, and it is mapped. */
#ifndef FT_BASE_BIG_H
#define FT_BASE_BIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"

/* Begins zeroed. */
struct ft_big {
    uint8_t *data; /* [len]; NULL: nothing */
    size_t len, cap;
    bool handed; /* mapped from a descriptor */
};

/* Reads all of a file. 0, or errno: EFBIG when it has `most` bytes or more. */
FT_NODISCARD int ft_big_read(const char *path, size_t most, struct ft_big *out);
void ft_big_free(struct ft_big *b);

/* What another process says of a file. */
enum { FT_BIG_MOST = 16, FT_BIG_PATH = 4096 };
struct ft_big_file {
    int32_t error; /* 0 or errno */
    uint64_t len;
    char path[FT_BIG_PATH]; /* as it was named, NUL-terminated */
};

/* Copies a file into memory without a name; its descriptor, or -1. out->error says which. */
int ft_big_copy(const char *path, size_t most, struct ft_big_file *out);

/* Of this thread: these files are read by their descriptors from now on; what is not among them is
 * looked for in the file system. Borrowed, and so are the descriptors. */
struct ft_big_table {
    struct ft_big_file file;
    int fd;
};
void ft_big_use(const struct ft_big_table *tables, uint32_t n);

#endif
