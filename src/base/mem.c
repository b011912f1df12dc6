/* SPDX-License-Identifier: Apache-2.0 */
/* base: allocation, see mem.h. */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_LEN ((size_t)2 << 20)
/* A huge page that is touched once costs 2 MiB and the time to clear them; small pages cost a fault
 * each. So the beginning of a map, where small runs stay, lies before a boundary. */
#define SMALL_LEN ((size_t)256 << 10)

/* Process-wide on purpose: failure injection and counting have to see every allocation. */
static _Atomic uint64_t mem_count;
static _Atomic uint64_t mem_fail_at;

static bool mem_must_fail(void)
{
    uint64_t n = atomic_fetch_add_explicit(&mem_count, 1, memory_order_relaxed) + 1;
    uint64_t at = atomic_load_explicit(&mem_fail_at, memory_order_relaxed);

    return at != 0 && n == at;
}

void ft_mem_fail_at(uint64_t n)
{
    uint64_t now = atomic_load_explicit(&mem_count, memory_order_relaxed);

    atomic_store_explicit(&mem_fail_at, n == 0 ? 0 : now + n, memory_order_relaxed);
}

uint64_t ft_mem_count(void)
{
    return atomic_load_explicit(&mem_count, memory_order_relaxed);
}

void *ft_mem_alloc(size_t n, size_t size)
{
    if (mem_must_fail()) {
        return NULL;
    }
    return calloc(n, size);
}

char *ft_mem_strdup(const char *s)
{
    size_t len = strlen(s) + 1;
    char *p = ft_mem_alloc(1, len);

    if (p != NULL) {
        memcpy(p, s, len);
    }
    return p;
}

void ft_mem_free(void *p)
{
    free(p);
}

/* Bytes of the mapping for len bytes: from 2 MiB on whole huge pages behind the small beginning. */
static size_t map_round(size_t len)
{
    size_t unit = len >= HUGE_LEN ? HUGE_LEN : 4096;
    size_t size = (len + unit - 1) & ~(unit - 1);

    return unit == HUGE_LEN && size >= len ? size + SMALL_LEN : size;
}

static void *map(size_t len, bool huge)
{
    size_t size = map_round(len);
    size_t extra = size >= HUGE_LEN ? HUGE_LEN : 0;

    if (size < len || size + extra < size || mem_must_fail()) {
        return NULL;
    }
    char *p = mmap(NULL, size + extra, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    if (extra != 0) { /* it begins SMALL_LEN before a boundary; the rest is given back */
        size_t head = (HUGE_LEN - (((uintptr_t)p + SMALL_LEN) & (HUGE_LEN - 1))) & (HUGE_LEN - 1);

        if (head != 0) {
            munmap(p, head);
        }
        if (extra != head) {
            munmap(p + head + size, extra - head);
        }
        p += head;
#ifdef MADV_HUGEPAGE
        /* best effort: without it the table is only slower, or takes more memory */
        madvise(p, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#endif
    }
    return p;
}

void *ft_map_alloc(size_t len)
{
    return map(len, true);
}

void *ft_map_alloc_sparse(size_t len)
{
    return map(len, false);
}

void ft_map_free(void *p, size_t len)
{
    if (p != NULL) {
        munmap(p, map_round(len));
    }
}
