/* SPDX-License-Identifier: Apache-2.0 */
/* Compiler attributes behind names, for every public header. */
#ifndef FLOWTAP_MACROS_H
#define FLOWTAP_MACROS_H

#if defined(__GNUC__) || defined(__clang__)
#define FT_NODISCARD    __attribute__((warn_unused_result))
#define FT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define FT_API          __attribute__((visibility("default")))
#define FT_HOT          __attribute__((hot))
#define FT_COLD         __attribute__((cold, noinline))
#define FT_INLINE       static inline __attribute__((always_inline))
#define FT_LIKELY(x)    __builtin_expect(!!(x), 1)
#define FT_UNLIKELY(x)  __builtin_expect(!!(x), 0)
#define FT_ALIGNED(n)   __attribute__((aligned(n)))
#else
#define FT_NODISCARD
#define FT_PRINTF(f, a)
#define FT_API
#define FT_HOT
#define FT_COLD
#define FT_INLINE      static inline
#define FT_LIKELY(x)   (x)
#define FT_UNLIKELY(x) (x)
#define FT_ALIGNED(n)
#endif

/* A result that is thrown away on purpose, with a comment that says why. */
#define ft_ignore(x)                                                                               \
    do {                                                                                           \
        if (x) {                                                                                   \
        }                                                                                          \
    } while (0)

#endif
