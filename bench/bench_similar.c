/* SPDX-License-Identifier: Apache-2.0 */
/* bench_similar: what finding the nearest vectors costs.
 *
 *   cc -O3 -D_GNU_SOURCE -Isrc -Iinclude -o bench_similar bench/bench_similar.c libflowtap.a LIBS
 *   bench_similar [VECTORS]
 *   bench_similar STORE ID [ROUNDS]
 *
 * LIBS are those of build.ninja. Without a store: products and the ten nearest of random vectors in
 * memory; with one: all of ft_store_similar().
 *
 * Each prints the best and the median round in ms of this thread's CPU. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "flowtap/store.h"
#include "store/dot.h"
#include "store/nearest.h"

enum { ROUNDS = 21, ROUNDS_MOST = 1001, K = 10, CHUNK = 2048 };

static double now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void tell(const char *what, double *ms, int n)
{
    qsort(ms, (size_t)n, sizeof *ms, by_size);
    printf("%-28s best %8.2f  median %8.2f ms\n", what, ms[0], ms[n / 2]);
}

static void scan(ft_store_dot_fn dot, const float *q, const float *rows, size_t n)
{
    struct ft_store_near near[K];
    struct ft_store_nearest t = {.v = near, .k = K};
    float score[CHUNK], floor = ft_store_nearest_floor(&t);

    for (size_t at = 0; at < n; at += CHUNK) {
        size_t m = n - at < CHUNK ? n - at : CHUNK;

        dot(q, rows + at * FT_STORE_VECTOR, m, score);
        for (size_t i = 0; i < m; i++) {
            if (!(score[i] < floor)) {
                struct ft_store_near c = {.score = score[i], .id_len = 8};
                uint64_t id = at + i;

                memcpy(c.id, &id, sizeof id);
                ft_store_nearest_add(&t, &c);
                floor = ft_store_nearest_floor(&t);
            }
        }
    }
}

static int of_memory(size_t n)
{
    size_t len = n * FT_STORE_VECTOR * sizeof(float);
    float *rows = ft_map_alloc_sparse(len);
    double ms[ROUNDS];

    if (rows == NULL) {
        return 1;
    }
    srand(1);
    for (size_t i = 0; i < n; i++) {
        float *v = rows + i * FT_STORE_VECTOR, sum = 0;

        for (int k = 0; k < FT_STORE_VECTOR; k++) {
            v[k] = (float)rand() / (float)RAND_MAX - 0.5F;
            sum += v[k] * v[k];
        }
        for (int k = 0; k < FT_STORE_VECTOR; k++) {
            v[k] /= sqrtf(sum);
        }
    }
    for (int how = 0; how < 2; how++) {
        for (int r = 0; r < ROUNDS; r++) {
            double t = now_ms();

            scan(how == 0 ? ft_store_dot() : ft_store_dot_plain, rows, rows, n);
            ms[r] = now_ms() - t;
        }
        tell(how == 0 ? "memory" : "memory, without AVX2", ms, ROUNDS);
    }
    ft_map_free(rows, len);
    return 0;
}

static int no_columns(void *cookie, const struct ft_store_heading *h, uint32_t n)
{
    (void)cookie;
    (void)h;
    (void)n;
    return 0;
}

static int no_row(void *cookie, const struct ft_store_cell *c, uint32_t n)
{
    (void)cookie;
    (void)c;
    (void)n;
    return 0;
}

static int of_store(const char *folder, const char *id, int rounds)
{
    struct ft_store_similar ask = {.id = id, .k = K, .to = 1e12};
    struct ft_store_take take = {no_columns, no_row, NULL};
    struct ft_store_limits limits = {0};
    struct ft_store_origin origin = {0};
    struct ft_store_result result;
    struct ft_store *s;
    struct ft_err err = {0};
    static double ms[ROUNDS_MOST];
    int rc = ft_store_open(folder, &s, &err);

    for (int r = 0; r < rounds && rc == FT_OK; r++) {
        double t = now_ms();

        rc = ft_store_similar(s, &ask, &limits, &take, &origin, &result, &err);
        ms[r] = now_ms() - t;
    }
    if (rc != FT_OK) {
        fprintf(stderr, "%s\n", err.what);
        return 1;
    }
    printf("%llu vectors\n", (unsigned long long)origin.vectors);
    tell("store", ms, rounds);
    ft_store_close(s);
    return 0;
}

int main(int argc, char **argv)
{
    int rounds = argc > 3 ? atoi(argv[3]) : ROUNDS;

    if (argc > 2) {
        return of_store(argv[1], argv[2], rounds >= 1 && rounds <= ROUNDS_MOST ? rounds : ROUNDS);
    }
    return of_memory(argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000);
}
