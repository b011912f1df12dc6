/* SPDX-License-Identifier: Apache-2.0 */
/* model: feature vectors of flows and of hosts in windows: 32 float32 of length 1, docs/vectors.md.
 *
 * Theory of operation: a thing has 31 numbers, its components; the last place is the anchor.
 *
 *     component    first ones: sign(x) * log2(1 + |x|); then ratios; then what is 0 to 1 anyway
 *     centred      (component - median) / spread, within -8 to 8; the spread is the
 *                  interquartile range, 1/2 where it is less
 *     whitened     W * (centred - mean), when the fit has a matrix
 *     anchor       1: what is like the median is near one place, and no vector is all zeros
 *     vector       all of them, divided by their Euclidean length
 *
 * All of it is sums, products, quotients and square roots of IEEE 754 in a fixed order: the same
 * bits on every machine. The medians, spreads and matrix are those of the built-in fit or of a file
 * that `flowtap fit` wrote; no weight is learned. */
#ifndef FT_MODEL_VECTOR_H
#define FT_MODEL_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/macros.h"

enum { FT_VECTOR = 32, FT_VECTOR_FITTED = FT_VECTOR - 1, FT_VECTOR_ID = 64 };
enum { FT_VECTOR_MOST = 8 /* of a centred component, either way */ };

enum ft_vector_kind { FT_VECTOR_FLOW, FT_VECTOR_HOST, FT_VECTOR__KINDS };

enum ft_vector_scale {
    FT_VECTOR_LOG,   /* logarithm, centred */
    FT_VECTOR_RATIO, /* centred */
    FT_VECTOR_PLAIN, /* as it is: 0 to 1 */
    FT_VECTOR_ANCHOR
};

struct ft_vector_component {
    const char *name;
    const char *meaning;
    uint8_t scale; /* enum ft_vector_scale */
};

/* What there is of a kind, fixed for a version: components in order, the first n_logs of them
 * FT_VECTOR_LOG. */
struct ft_vector_spec {
    const char *transform; /* "flowtap-flow-1" */
    const char *word;      /* "flow" */
    uint32_t n_logs;
    struct ft_vector_component component[FT_VECTOR];
};
extern const struct ft_vector_spec ft_vector_specs[FT_VECTOR__KINDS];

/* The numbers of a fit, of one kind. */
struct ft_vector_fit {
    char id[FT_VECTOR_ID]; /* transform's version : what it was fitted on */
    bool raw;              /* components are left as they are */
    bool whitens;
    float center[FT_VECTOR], spread[FT_VECTOR]; /* as in the file */
    double inverse[FT_VECTOR];                  /* of spread */
    float mean[FT_VECTOR];                      /* whitens; of centred components; likewise: */
    float matrix[FT_VECTOR_FITTED][FT_VECTOR];  /* [from][to] */
};

struct ft_vector_fits {
    struct ft_vector_fit of[FT_VECTOR__KINDS];
};

/* That of the program. */
extern const struct ft_vector_fits ft_vector_builtin;

/* Components as they are: for `flowtap fit`. */
extern const struct ft_vector_fits ft_vector_raw;

/* Logarithms of the first ones, in place. All of x are finite. */
FT_HOT void ft_vector_logs(const struct ft_vector_spec *spec, double x[FT_VECTOR]);

/* Components (finite, the anchor 1) to a vector. */
FT_HOT void ft_vector_make(const struct ft_vector_fit *fit, const double component[FT_VECTOR],
                           float out[FT_VECTOR]);

/* log2(1 + x) of x >= 0, finite; 0 of 0. Its error is below 1e-11. */
double ft_vector_log(double x);

struct ft_window_row;

/* The components of a host's window. */
void ft_vector_host(const struct ft_window_row *row, double out[FT_VECTOR]);

/* Reads the text of a file of `flowtap fit`. A kind that it does not have is that of the program.
 * On success *out is the caller's, freed with ft_mem_free. FT_E_FORMAT: err says line, key, value
 * and what is allowed; FT_E_NOMEM. */
FT_NODISCARD int ft_vector_parse(const char *text, size_t len, struct ft_vector_fits **out,
                                 struct ft_err *err);

enum { FT_VECTOR_FILE = 1 << 20 /* bytes of a file at most */ };

#endif
