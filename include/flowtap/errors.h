/* SPDX-License-Identifier: Apache-2.0 */
/* Return codes, error details and packet verdicts.
 *
 * Theory of operation: a function that can fail returns 0 (FT_OK) or a negative FT_E_* code.
 * Details for people go into a caller's struct ft_err, which is written only on failure. A captured
 * packet ends in exactly one verdict; a verdict's class says whether it was decoded, ignored or
 * malformed. */
#ifndef FLOWTAP_ERRORS_H
#define FLOWTAP_ERRORS_H

#include <stdint.h>

#include "flowtap/macros.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ft_error {
#define X(sym, code, text) FT_##sym = code,
#include "flowtap/errors.def"
#undef X
};

enum ft_verdict_class { FT_CLASS_DECODED, FT_CLASS_IGNORED, FT_CLASS_MALFORMED };

enum ft_verdict {
#define X(sym, class, metric, text) FT_V_##sym,
#include "flowtap/verdicts.def"
#undef X
    FT_V__COUNT
};

/* Why something failed, for people. Caller's memory; written only on failure. */
struct ft_err {
    int code;       /* FT_E_* */
    uint64_t off;   /* byte offset in the input or line of the file; 0 when it has no place */
    char what[320]; /* one sentence; control characters in it were made '?' */
};

/* The text of an FT_E_* code; never NULL. Any thread. */
FT_API const char *ft_strerror(int code);

/* Fills err (which may be NULL) and returns code, so that a failure is one line. No argument may
 * point into err. Any thread. */
FT_API int ft_err_set(struct ft_err *err, int code, const char *fmt, ...) FT_PRINTF(3, 4);

/* Metric name (snake_case), class and meaning of a verdict. Any thread. */
FT_API const char *ft_verdict_name(enum ft_verdict v);
FT_API enum ft_verdict_class ft_verdict_class(enum ft_verdict v);
FT_API const char *ft_verdict_text(enum ft_verdict v);

#ifdef __cplusplus
}
#endif

#endif
