/* SPDX-License-Identifier: Apache-2.0 */
/* fit: samples that their order does not change, eigenvectors, lines cut anywhere. */
#include <math.h>

#include "base/mem.h"
#include "fit/internal.h"
#include "harness.h"

enum { N = FT__FIT_SIDE, ROWS = 2000 };

static uint64_t state;

static uint64_t rng(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void test_the_order_does_not_matter(void)
{
    struct ft__fit_sample a = {.most = 100}, b = {.most = 100};
    static uint64_t hash[ROWS];
    uint64_t least = 0;

    for (int i = 0; i < ROWS; i++) {
        hash[i] = rng();
    }
    for (int i = 0; i < ROWS; i++) {
        float up[FT_VECTOR] = {(float)i}, down[FT_VECTOR] = {(float)(ROWS - 1 - i)};

        CHECK_EQ(ft__fit_add(&a, hash[i], up), FT_OK);
        CHECK_EQ(ft__fit_add(&b, hash[ROWS - 1 - i], down), FT_OK);
    }
    ft__fit_sort(&a);
    ft__fit_sort(&b);
    CHECK_EQ(a.n, 100);
    CHECK_EQ(a.seen, ROWS);
    CHECK_MEM(a.row, b.row, a.n * sizeof *a.row);
    for (int i = 0; i < ROWS; i++) { /* and they are the least */
        least += hash[i] < a.row[99].hash;
    }
    CHECK_EQ(least, 99);
    ft_mem_free(a.row);
    ft_mem_free(b.row);
}

static void test_quantiles(void)
{
    struct ft__fit_sample s = {.most = 1000};
    float scratch[9], median[FT_VECTOR], range[FT_VECTOR];

    for (int i = 0; i < 9; i++) {
        float c[FT_VECTOR] = {(float)((i * 5) % 9), 7};

        CHECK_EQ(ft__fit_add(&s, rng(), c), FT_OK);
    }
    ft__fit_quantiles(&s, &ft_vector_specs[FT_VECTOR_FLOW], scratch, median, range);
    CHECK(median[0] == 4 && range[0] == 4);
    CHECK(median[1] == 7 && range[1] == 0);
    CHECK(median[31] == 0 && range[31] == 1); /* not centred */
    ft_mem_free(s.row);
}

static void test_eigenvectors(void)
{
    static double a[N][N], of[N][N], value[N], v[N][N];

    for (int round = 0; round < 20; round++) {
        int rank = round % 4 == 0 ? 3 : N;

        memset(a, 0, sizeof a);
        for (int e = 0; e < rank; e++) { /* sums of squares: symmetric, none below 0 */
            double x[N], by = pow(10, (double)(rng() % 7) - 3);

            for (int i = 0; i < N; i++) {
                x[i] = (double)(int64_t)rng() / 1e19 * by;
            }
            for (int i = 0; i < N; i++) {
                for (int k = 0; k < N; k++) {
                    a[i][k] += x[i] * x[k];
                }
            }
        }
        memcpy(of, a, sizeof a);
        ft__fit_eigen(of, value, v);
        double most = 0;

        for (int i = 0; i < N; i++) {
            most = fabs(value[i]) > most ? fabs(value[i]) : most;
        }
        for (int i = 0; i < N; i++) {
            CHECK(value[i] > -1e-12 * most);
            for (int k = 0; k < N; k++) {
                double sum = 0, dot = 0;

                for (int e = 0; e < N; e++) {
                    sum += v[i][e] * value[e] * v[k][e];
                    dot += v[e][i] * v[e][k];
                }
                CHECK(fabs(sum - a[i][k]) <= 1e-11 * most);
                CHECK(fabs(dot - (i == k)) < 1e-11);
            }
        }
    }
}

static size_t a_line(char *out, size_t cap, int i)
{
    size_t n = (size_t)snprintf(
        out, cap, "{\"timestamp\":%d,\"sni\":\"\\\"vector\\\":[9\",\"vector\" : [", i);

    for (int k = 0; k < FT_VECTOR; k++) {
        n +=
            (size_t)snprintf(out + n, cap - n, "%s%g", k > 0 ? ", " : "", (double)(i * k % 13) / 4);
    }
    return n + (size_t)snprintf(out + n, cap - n, "],\"vector_id\":\"flowtap-%s-1:%s\"}\n",
                                i % 3 == 0 ? "host" : "flow", i % 5 == 0 ? "builtin" : "raw");
}

/* The file that a text gives, taken in pieces of so many bytes. */
static char *fitted(const char *text, size_t len, size_t piece, struct ft_fit_stats *stats)
{
    const struct ft_fit_config cfg = {.max_rows = 1000, .whiten = true};
    struct ft_fit *f;
    struct ft_err err;
    char *out = NULL;
    size_t out_len;

    CHECK_EQ(ft_fit_new(&cfg, &f, &err), FT_OK);
    for (size_t at = 0; at < len; at += piece) {
        CHECK_EQ(ft_fit_lines(f, text + at, len - at < piece ? len - at : piece), 0);
    }
    CHECK_EQ(ft_fit_finish(f, &out, &out_len, &err), FT_OK);
    CHECK_EQ(out_len, strlen(out));
    ft_fit_get_stats(f, stats);
    ft_fit_free(f);
    return out;
}

static void test_lines_in_pieces(void)
{
    static char text[65536];
    struct ft_fit_stats stats;
    struct ft_vector_fits *fits;
    struct ft_err err;
    size_t len = 0;

    for (int i = 0; i < 100; i++) {
        len += a_line(text + len, sizeof text - len, i);
    }
    char *want = fitted(text, len - 1, len, &stats); /* the last one has no newline */

    CHECK_EQ(stats.rows[0] + stats.rows[1], 80);
    CHECK_EQ(stats.cooked, 20);
    for (size_t piece = 1; piece < 200; piece += 7) {
        char *got = fitted(text, len, piece, &stats);

        CHECK_STR(got, want);
        ft_fit_free_text(got);
    }
    CHECK_EQ(ft_vector_parse(want, strlen(want), &fits, &err), FT_OK); /* it is one */
    CHECK(fits->of[0].whitens && fits->of[1].whitens);
    ft_mem_free(fits);
    ft_fit_free_text(want);
}

static void test_long_lines_and_none(void)
{
    const struct ft_fit_config cfg = {.max_rows = 1}, wrong = {.max_rows = 0};
    static char text[2 << 20];
    struct ft_fit_stats stats;
    struct ft_fit *f;
    struct ft_err err;
    char *out;
    size_t len;

    CHECK_EQ(ft_fit_new(&wrong, &f, &err), FT_E_USAGE);
    CHECK_EQ(ft_fit_new(&cfg, &f, &err), FT_OK);
    CHECK_EQ(ft_fit_finish(f, &out, &len, &err), FT_E_NOT_FOUND);
    memset(text, 'x', sizeof text);
    CHECK_EQ(ft_fit_lines(f, text, sizeof text), 0);
    CHECK_EQ(ft_fit_lines(f, "\n", 1), 0);
    len = a_line(text, sizeof text, 1);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(ft_fit_lines(f, text, len), 0);
    }
    ft_fit_get_stats(f, &stats);
    CHECK_EQ(stats.without, 1);
    CHECK_EQ(stats.rows[0], 3);
    CHECK_EQ(stats.kept[0], 1);
    CHECK_EQ(ft_fit_finish(f, &out, &len, &err), FT_OK);
    ft_fit_free_text(out);
    ft_fit_free(f);
}

int main(void)
{
    RUN(test_the_order_does_not_matter);
    RUN(test_quantiles);
    RUN(test_eigenvectors);
    RUN(test_lines_in_pieces);
    RUN(test_long_lines_and_none);
    return test_end();
}
