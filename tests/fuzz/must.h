/* SPDX-License-Identifier: Apache-2.0 */
/* What has to hold in a fuzz target, in every build. */
#ifndef FT_TESTS_FUZZ_MUST_H
#define FT_TESTS_FUZZ_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
