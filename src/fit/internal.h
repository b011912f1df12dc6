/* SPDX-License-Identifier: Apache-2.0 */
/* fit: what its files share. */
#ifndef FT_FIT_INTERNAL_H
#define FT_FIT_INTERNAL_H

#include "flowtap/fit.h"
#include "model/vector.h"

/* A row of the sample. */
struct ft__fit_row {
    uint64_t hash;
    float component[FT_VECTOR];
};

/* Of one kind: a heap whose first row has the greatest hash. */
struct ft__fit_sample {
    struct ft__fit_row *row; /* [cap], owned */
    uint32_t n, cap, most;
    uint64_t seen;
};

/* FT_E_NOMEM. */
FT_NODISCARD int ft__fit_add(struct ft__fit_sample *s, uint64_t hash,
                             const float component[FT_VECTOR]);

/* Rows by their hashes, then by what they hold: the sample is over. */
void ft__fit_sort(struct ft__fit_sample *s);

/* Median and interquartile range of each component of n >= 1 rows, those that are not centred but
 * for their place; scratch has n numbers. */
void ft__fit_quantiles(const struct ft__fit_sample *s, const struct ft_vector_spec *spec,
                       float *scratch, float median[FT_VECTOR], float range[FT_VECTOR]);

enum { FT__FIT_SIDE = FT_VECTOR_FITTED };

/* The eigenvalues of a symmetric matrix, in value, and its eigenvectors, the columns of vector:
 * Jacobi's rotations, row by row, until nothing is left beside the diagonal. matrix is used up. */
void ft__fit_eigen(double matrix[FT__FIT_SIDE][FT__FIT_SIDE], double value[FT__FIT_SIDE],
                   double vector[FT__FIT_SIDE][FT__FIT_SIDE]);

/* Means of the centred components, and the matrix that whitens them (ZCA): V (L + 0.01)^(-1/2) V^T
 * of their covariance V L V^T. fit has what centres them. */
void ft__fit_whitening(const struct ft__fit_sample *s, const struct ft_vector_fit *fit,
                       double mean[FT__FIT_SIDE], double matrix[FT__FIT_SIDE][FT__FIT_SIDE]);

#endif
