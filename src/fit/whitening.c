/* SPDX-License-Identifier: Apache-2.0 */
/* fit: the matrix that whitens, see internal.h. */
#include <math.h>
#include <string.h>

#include "fit/internal.h"

enum { N = FT__FIT_SIDE, SWEEPS = 64 };

static const double least = 0.01; /* added to each eigenvalue: what never changes is not blown up */

/* ---- eigenvectors ---- */

/* The rotation by which place (p, q) becomes 0: its sine and cosine (Golub, Van Loan, §8.5.2). */
static void angle(const double a[N][N], int p, int q, double *out_c, double *out_s)
{
    double tau = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    double t = (tau >= 0 ? 1.0 : -1.0) / (fabs(tau) + sqrt(1.0 + tau * tau));

    *out_c = 1.0 / sqrt(1.0 + t * t);
    *out_s = t * *out_c;
}

static void rotate(double a[N][N], double v[N][N], int p, int q)
{
    double c, s;

    angle(a, p, q, &c, &s);
    for (int k = 0; k < N; k++) {
        double x = a[k][p], y = a[k][q];

        a[k][p] = c * x - s * y;
        a[k][q] = s * x + c * y;
    }
    for (int k = 0; k < N; k++) {
        double x = a[p][k], y = a[q][k];

        a[p][k] = c * x - s * y;
        a[q][k] = s * x + c * y;
    }
    for (int k = 0; k < N; k++) {
        double x = v[k][p], y = v[k][q];

        v[k][p] = c * x - s * y;
        v[k][q] = s * x + c * y;
    }
}

void ft__fit_eigen(double matrix[N][N], double value[N], double vector[N][N])
{
    double trace = 0;
    bool any = true;

    for (int i = 0; i < N; i++) {
        trace += fabs(matrix[i][i]);
        for (int k = 0; k < N; k++) {
            vector[i][k] = i == k;
        }
    }
    for (int sweep = 0; any && sweep < SWEEPS; sweep++) {
        any = false;
        for (int p = 0; p < N; p++) {
            for (int q = p + 1; q < N; q++) {
                if (fabs(matrix[p][q]) > trace * 1e-15) {
                    rotate(matrix, vector, p, q);
                    any = true;
                }
            }
        }
    }
    for (int i = 0; i < N; i++) {
        value[i] = matrix[i][i];
    }
}

/* ---- whitening ---- */

/* As ft_vector_make() has it before the matrix. */
static void centred(const struct ft_vector_fit *fit, const float component[FT_VECTOR],
                    double out[N])
{
    const double most = FT_VECTOR_MOST;

    for (int i = 0; i < N; i++) {
        double v = ((double)component[i] - (double)fit->center[i]) * fit->inverse[i];

        out[i] = v > most ? most : v < -most ? -most : v;
    }
}

/* In the order of the rows. */
static void covariance(const struct ft__fit_sample *s, const struct ft_vector_fit *fit,
                       double mean[N], double out[N][N])
{
    double x[N];

    memset(mean, 0, N * sizeof *mean);
    memset(out, 0, N * sizeof *out);
    for (uint32_t r = 0; r < s->n; r++) {
        centred(fit, s->row[r].component, x);
        for (int i = 0; i < N; i++) {
            mean[i] += x[i];
        }
    }
    for (int i = 0; i < N; i++) {
        mean[i] /= (double)s->n;
    }
    for (uint32_t r = 0; r < s->n; r++) {
        centred(fit, s->row[r].component, x);
        for (int i = 0; i < N; i++) {
            for (int k = 0; k < N; k++) {
                out[i][k] += (x[i] - mean[i]) * (x[k] - mean[k]);
            }
        }
    }
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < N; k++) {
            out[i][k] /= (double)s->n;
        }
    }
}

void ft__fit_whitening(const struct ft__fit_sample *s, const struct ft_vector_fit *fit,
                       double mean[N], double matrix[N][N])
{
    double of[N][N], value[N], vector[N][N];

    covariance(s, fit, mean, of);
    ft__fit_eigen(of, value, vector);
    for (int i = 0; i < N; i++) {
        value[i] = 1.0 / sqrt((value[i] > 0 ? value[i] : 0) + least);
    }
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < N; k++) {
            matrix[i][k] = 0;
            for (int e = 0; e < N; e++) {
                matrix[i][k] += vector[i][e] * value[e] * vector[k][e];
            }
        }
    }
}
