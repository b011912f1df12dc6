/* SPDX-License-Identifier: Apache-2.0 */
/* model: vectors: logarithms beside libm's, lengths, what is huge, files that are wrong at every
 * byte. */
#include "model/vector.h"

#include <math.h>

#include "base/mem.h"
#include "harness.h"
#include "model/window.h"

static uint64_t state;

static uint64_t rng(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void test_logarithms(void)
{
    double most = 0, before = -1;

    CHECK(ft_vector_log(0) == 0);
    CHECK(ft_vector_log(1) == 1);
    CHECK(ft_vector_log(3) == 2);
    for (int i = 0; i < 1000000; i++) {
        double x = (double)(rng() >> rng() % 64) / (double)(1 + (rng() & 1023));
        double off = fabs(ft_vector_log(x) - log2(1 + x));

        most = off > most ? off : most;
    }
    CHECK(most < 1e-11);
    for (double x = 0; x < 1e15; x = x * 1.0001 + 0.001) { /* never less for more */
        double v = ft_vector_log(x);

        CHECK(v > before);
        before = v;
    }
    CHECK(isfinite(ft_vector_log((double)UINT64_MAX)) && ft_vector_log((double)UINT64_MAX) == 64);
}

static void test_signs(void)
{
    double x[FT_VECTOR] = {7, -7, 0, -0.0, 1e30};

    ft_vector_logs(&ft_vector_specs[FT_VECTOR_FLOW], x);
    CHECK(x[0] == 3 && x[1] == -3 && x[2] == 0 && x[3] == 0);
    CHECK(x[4] > 99 && x[4] < 100);
}

static double length(const float v[FT_VECTOR])
{
    double sum = 0;

    for (int i = 0; i < FT_VECTOR; i++) {
        sum += (double)v[i] * (double)v[i];
    }
    return sqrt(sum);
}

static void test_any_numbers(void)
{
    static const double odd[] = {0, -0.0, 1e300, -1e300, 1e-300, 8, -8, 5e-324};
    const struct ft_vector_fit *fit = &ft_vector_builtin.of[FT_VECTOR_FLOW];

    for (int round = 0; round < 100000; round++) {
        double x[FT_VECTOR];
        float v[FT_VECTOR];

        for (int i = 0; i + 1 < FT_VECTOR; i++) {
            x[i] = round % 3 == 0 ? odd[rng() % 8]
                                  : (double)(int64_t)rng() / (double)(1 + rng() % 1000000);
        }
        x[FT_VECTOR - 1] = 1;
        ft_vector_make(fit, x, v);
        CHECK(fabs(length(v) - 1) < 1e-6);
        CHECK(v[FT_VECTOR - 1] > 0);
    }
}

static void test_the_median_is_the_anchor(void)
{
    for (int k = 0; k < FT_VECTOR__KINDS; k++) {
        const struct ft_vector_fit *fit = &ft_vector_builtin.of[k];
        double x[FT_VECTOR];
        float v[FT_VECTOR];

        for (int i = 0; i + 1 < FT_VECTOR; i++) {
            x[i] = (double)fit->center[i];
        }
        x[FT_VECTOR - 1] = 1;
        ft_vector_make(fit, x, v);
        for (int i = 0; i + 1 < FT_VECTOR; i++) {
            CHECK(v[i] == 0);
        }
        CHECK(v[FT_VECTOR - 1] == 1);
        ft_vector_make(&ft_vector_raw.of[k], x, v);
        CHECK_MEM(v, fit->center, sizeof v - sizeof *v);
    }
}

static void test_tables(void)
{
    for (int k = 0; k < FT_VECTOR__KINDS; k++) {
        const struct ft_vector_spec *s = &ft_vector_specs[k];
        uint8_t before = FT_VECTOR_LOG;

        for (uint32_t i = 0; i < FT_VECTOR; i++) {
            CHECK(s->component[i].name != NULL && s->component[i].scale >= before);
            before = s->component[i].scale;
            CHECK_EQ(before == FT_VECTOR_LOG, i < s->n_logs);
            CHECK_EQ(before == FT_VECTOR_ANCHOR, i == FT_VECTOR - 1);
            if (before > FT_VECTOR_RATIO) { /* not centred */
                CHECK(ft_vector_builtin.of[k].center[i] == 0);
                CHECK(ft_vector_builtin.of[k].inverse[i] == 1);
            }
        }
    }
}

/* A row of which all that can be null is. */
static void test_nulls_of_hosts(void)
{
    struct ft_window_row row = {.packets = {3, 1}, .peers = {UINT64_MAX, UINT64_MAX}};
    double x[FT_VECTOR], null = ft_window_null();
    float v[FT_VECTOR];

    row.ports = row.new_peers = row.ended = UINT64_MAX;
    for (int d = 0; d < 2; d++) { /* what collect is not told */
        row.failed[d] = row.syn[d] = row.syn_ack[d] = row.rst[d] = UINT64_MAX;
    }
    row.port_entropy = row.size_entropy = row.answered = row.reset = null;
    row.size_mean = row.size_std = row.gap_mean = row.gap_std = row.bytes_z = row.flows_z = null;
    ft_vector_host(&row, x);
    for (int i = 6; i < 25; i++) {
        CHECK(x[i] == 0);
    }
    CHECK(x[0] == 2 && x[1] == 1 && x[9] == 0 && x[25] == 1 && x[27] == 0.5 && x[31] == 1);
    ft_vector_make(&ft_vector_builtin.of[FT_VECTOR_HOST], x, v);
    CHECK(fabs(length(v) - 1) < 1e-6);
    row.bytes_z = -1e9;
    row.answered = 50;
    ft_vector_host(&row, x);
    CHECK(x[29] == -8 && x[25] == 1);
}

/* ---- files ---- */

static size_t a_file(char *out, size_t cap, bool matrix)
{
    size_t n = (size_t)snprintf(out, cap, "# a comment\nformat: flowtap-fit-1\n");

    for (int k = 0; k < FT_VECTOR__KINDS; k++) {
        const struct ft_vector_spec *s = &ft_vector_specs[k];

        n += (size_t)snprintf(out + n, cap - n, "%s:\n  transform: %s # yes\n  rows: 12\n", s->word,
                              s->transform);
        for (int i = 0; i < FT_VECTOR; i++) {
            if (s->component[i].scale <= FT_VECTOR_RATIO) {
                n += (size_t)snprintf(out + n, cap - n, "  %s: [%d, 1e0]\n", s->component[i].name,
                                      i);
            }
        }
        for (int row = -1; matrix && row < FT_VECTOR_FITTED; row++) {
            n += (size_t)snprintf(out + n, cap - n, row < 0 ? "  mean: [" : "    - [");
            for (int i = 0; i < FT_VECTOR_FITTED; i++) {
                n += (size_t)snprintf(out + n, cap - n, "%s%d", i > 0 ? "," : "", row == i);
            }
            n += (size_t)snprintf(out + n, cap - n, row < 0 ? "]\n  matrix:\n" : "]\n");
        }
    }
    return n;
}

static int parse(const char *text, size_t len, struct ft_vector_fits **out)
{
    struct ft_err err = {0};
    int rc = ft_vector_parse(text, len, out, &err);

    if (rc != FT_OK) {
        CHECK_EQ(rc, FT_E_FORMAT);
        CHECK(err.what[0] != '\0');
    }
    return rc;
}

static void test_a_matrix_that_changes_nothing(void)
{
    static char text[16384];
    struct ft_vector_fits *with, *without;
    float v[2][FT_VECTOR];
    double x[FT_VECTOR];

    CHECK_EQ(parse(text, a_file(text, sizeof text, true), &with), FT_OK);
    CHECK_EQ(parse(text, a_file(text, sizeof text, false), &without), FT_OK);
    for (int k = 0; k < FT_VECTOR__KINDS; k++) {
        CHECK(with->of[k].whitens && !without->of[k].whitens);
        CHECK(strcmp(with->of[k].id, without->of[k].id) != 0);
        for (int i = 0; i < FT_VECTOR; i++) {
            x[i] = (double)(rng() % 100) / 7;
        }
        ft_vector_make(&with->of[k], x, v[0]);
        ft_vector_make(&without->of[k], x, v[1]);
        CHECK_MEM(v[0], v[1], sizeof v[0]);
    }
    ft_mem_free(with);
    ft_mem_free(without);
}

/* A line of a file that stands there a second time. */
static void test_each_key_once(void)
{
    static const char *const keys[] = {
        "format:", "flow:", "  transform:", "  rows:", "  mean:", "  matrix:", "  fwd_packets:"};
    static char text[16384], twice[2 * sizeof text];
    struct ft_vector_fits *fits;
    size_t len = a_file(text, sizeof text, true);

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t at = (size_t)(strstr(text, keys[i]) - text);
        size_t line = strcspn(text + at, "\n") + 1;

        memcpy(twice, text, at + line);
        memcpy(twice + at + line, text + at, len - at);
        CHECK_EQ(parse(twice, len + line, &fits), FT_E_FORMAT);
    }
}

static void test_every_cut_and_every_byte(void)
{
    static char text[16384];
    struct ft_vector_fits *fits;
    size_t len = a_file(text, sizeof text, true);
    uint32_t good = 0;

    for (size_t n = 0; n < len; n++) { /* at its exact size: nothing is read behind it */
        char *copy = ft_mem_alloc(1, n > 0 ? n : 1);

        memcpy(copy, text, n);
        if (parse(copy, n, &fits) == FT_OK) {
            good++;
            ft_mem_free(fits);
        }
        ft_mem_free(copy);
    }
    CHECK(good < 16); /* without its last newline; without a host's section */
    for (size_t n = 0; n < len; n++) {
        char was = text[n];

        text[n] = (char)rng();
        if (parse(text, len, &fits) == FT_OK) {
            ft_mem_free(fits);
        }
        text[n] = was;
    }
}

static void test_without_memory(void)
{
    static char text[16384];
    struct ft_vector_fits *fits;
    struct ft_err err = {0};
    size_t len = a_file(text, sizeof text, false);

    ft_mem_fail_at(1);
    CHECK_EQ(ft_vector_parse(text, len, &fits, &err), FT_E_NOMEM);
    ft_mem_fail_at(0);
}

int main(void)
{
    RUN(test_logarithms);
    RUN(test_signs);
    RUN(test_any_numbers);
    RUN(test_the_median_is_the_anchor);
    RUN(test_tables);
    RUN(test_nulls_of_hosts);
    RUN(test_a_matrix_that_changes_nothing);
    RUN(test_each_key_once);
    RUN(test_every_cut_and_every_byte);
    RUN(test_without_memory);
    return test_end();
}
