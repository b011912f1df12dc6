/* SPDX-License-Identifier: Apache-2.0 */
/* base: all memory of ours comes from here, so that a test can make the n-th allocation fail and a
 * test can prove that the packet path allocates nothing. What libraries allocate (libcrypto,
 * libpcap, zlib, libzstd, libyaml, libc) is theirs and not counted.
 *
 * Theory of operation: ft_mem_alloc() zeroes and counts. Big tables come from ft_map_alloc(), which
 * is address space: pages cost memory when they are first touched, and MADV_HUGEPAGE is asked for
 * behind the first 256 KiB (measured: 1.6 to 2.6 times faster at 10 M flows; the first stay
 * small, so that a small run is a small process). */
#ifndef FT_BASE_MEM_H
#define FT_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"

/* n * size zeroed bytes, or NULL (also on overflow). Caller frees with ft_mem_free. Any thread. */
FT_NODISCARD void *ft_mem_alloc(size_t n, size_t size);

/* A heap copy of a string, or NULL. Caller frees with ft_mem_free. */
FT_NODISCARD char *ft_mem_strdup(const char *s);

/* Frees what ft_mem_alloc or ft_mem_strdup gave; NULL is a no-op. */
void ft_mem_free(void *p);

/* len zero bytes of address space, page aligned; from 2 MiB on with huge pages asked for behind the
 * first 256 KiB. NULL when there is no memory. Freed with ft_map_free(p, the same len). */
FT_NODISCARD void *ft_map_alloc(size_t len);
/* The same without huge pages: for what few items of a table touch. */
FT_NODISCARD void *ft_map_alloc_sparse(size_t len);
void ft_map_free(void *p, size_t len);

/* Tests only: the n-th allocation from now fails (1 = the next); 0 turns it off. */
void ft_mem_fail_at(uint64_t n);

/* Allocations made since start, by all threads. */
uint64_t ft_mem_count(void);

/* a * b into out; true when it does not fit. */
FT_INLINE bool ft_mul_overflow(size_t a, size_t b, size_t *out)
{
    return __builtin_mul_overflow(a, b, out);
}

#endif
