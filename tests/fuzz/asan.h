/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzz targets ask of AddressSanitizer; without it: nothing. */
#ifndef FT_TESTS_FUZZ_ASAN_H
#define FT_TESTS_FUZZ_ASAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

size_t __sanitizer_get_current_allocated_bytes(void); /* gcc has it, but not its header */

#define POISON(p, n)   __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

enum { CANARY_MAX = 4096, CANARY = 0xa5 };

/* Are n bytes (at most CANARY_MAX) still CANARY? */
static inline bool canary_lives(const uint8_t *p, size_t n)
{
    static uint8_t canary[CANARY_MAX];

    if (canary[0] != CANARY) {
        memset(canary, CANARY, sizeof canary);
    }
    return memcmp(p, canary, n) == 0;
}

/* Bytes on the heap now; 0 when nobody counts them. */
static inline size_t heap_bytes(void)
{
#ifdef __SANITIZE_ADDRESS__
    return __sanitizer_get_current_allocated_bytes();
#else
    return 0;
#endif
}

#endif
