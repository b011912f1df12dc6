/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what vectors are fitted by: files of --vector-fit, and lines of `flowtap fit`. Properties:
 * a file that is refused has a message of one line; with one that is taken every vector is finite
 * and of length 1. What lines come to is a file that can be read, whatever the pieces that they
 * come in. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "flowtap/fit.h"
#include "model/vector.h"
#include "must.h"

enum { TEXT_MAX = 1 << 16, ROWS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_vector(const struct ft_vector_fit *fit, double by)
{
    double x[FT_VECTOR], sum = 0;
    float v[FT_VECTOR];

    for (int i = 0; i < FT_VECTOR; i++) {
        x[i] = i + 1 < FT_VECTOR ? by * (i % 2 ? -i : i) : 1;
    }
    ft_vector_make(fit, x, v);
    for (int i = 0; i < FT_VECTOR; i++) {
        sum += (double)v[i] * (double)v[i];
    }
    MUST(fabs(sqrt(sum) - 1) < 1e-5);
}

static void check_file(const char *text, size_t len, bool must)
{
    struct ft_vector_fits *fits = NULL;
    struct ft_err err = {0};
    int rc = ft_vector_parse(text, len, &fits, &err);

    MUST(rc == FT_OK || (rc == FT_E_FORMAT && !must));
    MUST(rc == FT_OK || (fits == NULL && err.what[0] != '\0' && strchr(err.what, '\n') == NULL));
    for (int k = 0; rc == FT_OK && k < FT_VECTOR__KINDS; k++) {
        for (double by = 1e-300; by < 1e300; by *= 1e60) {
            check_vector(&fits->of[k], by);
        }
        MUST(strncmp(fits->of[k].id, ft_vector_specs[k].transform,
                     strlen(ft_vector_specs[k].transform)) == 0);
    }
    ft_mem_free(fits);
}

static char *fitted(const uint8_t *data, size_t size, size_t piece)
{
    const struct ft_fit_config cfg = {.max_rows = ROWS, .whiten = size % 2 == 0};
    struct ft_err err = {0};
    struct ft_fit *f;
    char *text = NULL;
    size_t len = 0;

    MUST(ft_fit_new(&cfg, &f, &err) == FT_OK);
    for (size_t at = 0; at < size; at += piece) {
        MUST(ft_fit_lines(f, data + at, size - at < piece ? size - at : piece) == 0);
    }
    int rc = ft_fit_finish(f, &text, &len, &err);

    MUST(rc == FT_OK || (rc == FT_E_NOT_FOUND && err.what[0] != '\0'));
    if (rc == FT_OK) {
        check_file(text, len, true);
    }
    ft_fit_free(f);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size = size < TEXT_MAX ? size : TEXT_MAX;
    check_file((const char *)data, size, false);

    char *whole = fitted(data, size, size > 0 ? size : 1), *cut = fitted(data, size, 7);

    MUST((whole == NULL) == (cut == NULL));
    MUST(whole == NULL || strcmp(whole, cut) == 0);
    ft_fit_free_text(whole);
    ft_fit_free_text(cut);
    return 0;
}
