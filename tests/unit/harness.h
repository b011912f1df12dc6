/* SPDX-License-Identifier: Apache-2.0 */
/* The test harness: CHECK* macros that print file:line and go on, RUN() per case, exit 0, 1 or 77.
 *
 *     static void test_x(void) { CHECK_EQ(1 + 1, 2); }
 *     int main(void) { RUN(test_x); return test_end(); }
 */
#ifndef FT_TEST_HARNESS_H
#define FT_TEST_HARNESS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int test_failed, test_passed, test_case_failed;

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond);                     \
            test_case_failed++;                                                                    \
        }                                                                                          \
    } while (0)

#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        long long a_ = (long long)(a), b_ = (long long)(b);                                        \
        if (a_ != b_) {                                                                            \
            fprintf(stderr, "%s:%d: %s is %lld, expected %s = %lld\n", __FILE__, __LINE__, #a, a_, \
                    #b, b_);                                                                       \
            test_case_failed++;                                                                    \
        }                                                                                          \
    } while (0)

#define CHECK_STR(a, b)                                                                            \
    do {                                                                                           \
        const char *a_ = (a), *b_ = (b);                                                           \
        if (strcmp(a_, b_) != 0) {                                                                 \
            fprintf(stderr, "%s:%d: %s is\n  \"%s\"\nexpected\n  \"%s\"\n", __FILE__, __LINE__,    \
                    #a, a_, b_);                                                                   \
            test_case_failed++;                                                                    \
        }                                                                                          \
    } while (0)

#define CHECK_MEM(a, b, n) CHECK(memcmp((a), (b), (n)) == 0)

#define RUN(fn)                                                                                    \
    do {                                                                                           \
        test_case_failed = 0;                                                                      \
        fn();                                                                                      \
        printf("%s %s\n", test_case_failed ? "FAIL" : "ok  ", #fn);                                \
        fflush(stdout);                                                                            \
        test_failed += test_case_failed != 0;                                                      \
        test_passed += test_case_failed == 0;                                                      \
    } while (0)

static inline int test_end(void)
{
    printf("%d passed, %d failed\n", test_passed, test_failed);
    return test_failed ? 1 : 0;
}

static inline int test_skip(const char *why)
{
    printf("skipped: %s\n", why);
    return 77;
}

#endif
