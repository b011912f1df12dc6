/* SPDX-License-Identifier: Apache-2.0 */
/* base: files that are read as a whole: configurations, keys, certificates.
 *
 *     with rights      ft_bundle_record(&b), ft_whole_read() ..., ft_bundle_record(NULL)
 *     without any      ft_bundle_use(&b), ft_whole_read() ..., ft_bundle_use(NULL)
 *
 * Theory of operation: who reads a configuration also reads the files that it names. When a process
 * that has given up the file system is to do that, another one does it first and keeps a bundle of
 * what it read, found missing or was refused; with the bundle in use the first one gets the same
 * answers. What is not in the bundle is looked for in the file system. */
#ifndef FT_BASE_WHOLE_H
#define FT_BASE_WHOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"

/* All of a file, ft_mem memory, with a NUL behind it. NULL: errno; EFBIG when it is longer than
 * most. */
FT_NODISCARD char *ft_whole_read(const char *path, size_t most, size_t *out_len);

/* Can it be read? */
bool ft_whole_there(const char *path);

/* The file that has the certificates of the system's authorities; NULL: none of the usual ones is
 * there. */
const char *ft_whole_authorities(void);

/* Frees what may be secret; NULL is a no-op. */
void ft_whole_forget(char *text, size_t len);

/* Files one after the other: path, what reading it came to, bytes. Begins zeroed. */
struct ft_bundle {
    uint8_t *data; /* ft_mem memory */
    size_t len, cap;
    bool full; /* there was no memory, or more than FT_BUNDLE_MOST: it is not all there */
};
enum { FT_BUNDLE_MOST = 32 << 20 };

/* Is it one? What another process has sent may be anything. */
bool ft_bundle_valid(const uint8_t *data, size_t len);
void ft_bundle_fini(struct ft_bundle *b); /* wiped and freed */

/* Of this thread: what is read from now on is kept in b, or is taken from there; NULL: neither. b
 * is borrowed. */
void ft_bundle_record(struct ft_bundle *b);
void ft_bundle_use(const struct ft_bundle *b);

#endif
