/* SPDX-License-Identifier: Apache-2.0 */
/* store: dot products, see dot.h. */
#include "store/dot.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { LANES = 8 };

void ft_store_dot_plain(const float q[FT_STORE_VECTOR], const float *rows, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++, rows += FT_STORE_VECTOR) {
        float a[LANES], b[LANES / 2];

        for (int l = 0; l < LANES; l++) {
            a[l] = q[l] * rows[l];
        }
        for (int at = LANES; at < FT_STORE_VECTOR; at += LANES) {
            for (int l = 0; l < LANES; l++) {
                a[l] += q[at + l] * rows[at + l];
            }
        }
        for (int l = 0; l < LANES / 2; l++) {
            b[l] = a[l] + a[l + LANES / 2];
        }
        out[i] = (b[0] + b[2]) + (b[1] + b[3]);
    }
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) static void by_avx2(const float q[FT_STORE_VECTOR],
                                                    const float *rows, size_t n, float *out)
{
    const __m256 q0 = _mm256_loadu_ps(q), q1 = _mm256_loadu_ps(q + 8);
    const __m256 q2 = _mm256_loadu_ps(q + 16), q3 = _mm256_loadu_ps(q + 24);

    for (size_t i = 0; i < n; i++, rows += FT_STORE_VECTOR) {
        __m256 a = _mm256_mul_ps(q0, _mm256_loadu_ps(rows));

        a = _mm256_add_ps(a, _mm256_mul_ps(q1, _mm256_loadu_ps(rows + 8)));
        a = _mm256_add_ps(a, _mm256_mul_ps(q2, _mm256_loadu_ps(rows + 16)));
        a = _mm256_add_ps(a, _mm256_mul_ps(q3, _mm256_loadu_ps(rows + 24)));
        __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));

        b = _mm_add_ps(b, _mm_movehl_ps(b, b));
        b = _mm_add_ss(b, _mm_shuffle_ps(b, b, 1));
        out[i] = _mm_cvtss_f32(b);
    }
}

#endif

ft_store_dot_fn ft_store_dot(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        return by_avx2;
    }
#endif
    return ft_store_dot_plain;
}
