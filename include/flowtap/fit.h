/* SPDX-License-Identifier: Apache-2.0 */
/* What vectors are centred, scaled and whitened by, out of records: `flowtap fit`.
 *
 * Theory of operation: lines of NDJSON whose column `vector` holds components as they are
 * (--vector-fit raw) come in; of each kind, flows and hosts, a sample is kept: the lines with the
 * least hashes of their text, so that neither their order nor the number of workers changes it.
 * Medians and interquartile ranges are exact of the sample; docs/vectors.md has the file's form. */
#ifndef FLOWTAP_FIT_H
#define FLOWTAP_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FT_FIT_ROWS = 262144, FT_FIT_ROWS_MOST = 16777216 };

struct ft_fit_config {
    uint32_t max_rows; /* of each kind that are kept: 1 to FT_FIT_ROWS_MOST; 132 bytes each */
    bool whiten;       /* a matrix, too */
};

struct ft_fit_stats {
    uint64_t rows[2]; /* with a vector: flows, hosts */
    uint64_t kept[2]; /* of them, in the sample */
    uint64_t cooked;  /* whose vectors are none of --vector-fit raw: left out */
    uint64_t interim; /* flow records that are not final: left out */
    uint64_t without; /* lines without a vector */
};

struct ft_fit;

/* FT_E_NOMEM, FT_E_USAGE. */
FT_API FT_NODISCARD int ft_fit_new(const struct ft_fit_config *cfg, struct ft_fit **out,
                                   struct ft_err *err);
FT_API void ft_fit_free(struct ft_fit *f); /* NULL is a no-op */

/* Takes len bytes of lines, the last of which may be cut and goes on in the next call. An
 * ft_output_fn. 1: there is no memory. One thread at a time. */
FT_API int ft_fit_lines(void *fit, const void *data, size_t len);

/* The text of the file: *out is NUL-terminated, the caller frees it with ft_fit_free_text.
 * FT_E_NOT_FOUND: no line had a vector that could be used; FT_E_NOMEM. */
FT_API FT_NODISCARD int ft_fit_finish(struct ft_fit *f, char **out, size_t *out_len,
                                      struct ft_err *err);
FT_API void ft_fit_free_text(char *text);

FT_API void ft_fit_get_stats(const struct ft_fit *f, struct ft_fit_stats *out);

#ifdef __cplusplus
}
#endif

#endif
