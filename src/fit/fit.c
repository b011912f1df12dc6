/* SPDX-License-Identifier: Apache-2.0 */
/* fit: lines in, a file's text out; flowtap/fit.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "fit/internal.h"
#include "flowtap/version.h"

enum { LINE = 1 << 20, SEED = 32, NUMBER = 40 };

struct ft_fit {
    struct ft_fit_config cfg;
    struct ft_hash_seed seed;
    struct ft__fit_sample sample[FT_VECTOR__KINDS];
    struct ft_fit_stats stats;
    char *cut; /* [LINE + 1]: a line as far as it has come, owned */
    size_t cut_len;
    bool too_long; /* the line in hand */
};

int ft_fit_new(const struct ft_fit_config *cfg, struct ft_fit **out, struct ft_err *err)
{
    if (cfg->max_rows < 1 || cfg->max_rows > FT_FIT_ROWS_MOST) {
        return ft_err_set(err, FT_E_USAGE, "rows: '%u': allowed is a whole number from 1 to %d",
                          cfg->max_rows, FT_FIT_ROWS_MOST);
    }
    struct ft_fit *f = ft_mem_alloc(1, sizeof *f);

    if (f == NULL || (f->cut = ft_mem_alloc(1, LINE + 1)) == NULL) {
        ft_fit_free(f);
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    f->cfg = *cfg;
    ft_hash_seed_fixed(&f->seed, SEED);
    for (int k = 0; k < FT_VECTOR__KINDS; k++) {
        f->sample[k].most = cfg->max_rows;
    }
    *out = f;
    return FT_OK;
}

void ft_fit_free(struct ft_fit *f)
{
    if (f != NULL) {
        for (int k = 0; k < FT_VECTOR__KINDS; k++) {
            ft_mem_free(f->sample[k].row);
        }
        ft_mem_free(f->cut);
        ft_mem_free(f);
    }
}

/* ---- lines ---- */

/* The value of a key, which is in quotes: no text inside of a JSON string has those. Behind the
 * line stands a NUL. NULL: there is none. */
static const char *value_of(const char *line, size_t len, const char *key)
{
    const char *at = line, *end = line + len;

    while ((at = memmem(at, (size_t)(end - at), key, strlen(key))) != NULL) {
        at += strlen(key);
        at += strspn(at, " ");
        if (*at == ':') {
            return at + 1 + strspn(at + 1, " ");
        }
    }
    return NULL;
}

/* [32 numbers] */
static bool read_components(const char *at, float out[FT_VECTOR])
{
    if (*at++ != '[') {
        return false;
    }
    for (int i = 0; i < FT_VECTOR; i++) {
        char *end;
        double v = strtod(at, &end);

        end += strspn(end, " ");
        if (end == at || *end != (i + 1 < FT_VECTOR ? ',' : ']') || !(fabs(v) <= 1e6)) {
            return false;
        }
        out[i] = (float)v;
        at = end + 1;
    }
    return true;
}

static int kind_of(const char *id)
{
    for (int k = 0; k < FT_VECTOR__KINDS; k++) {
        const char *raw = ft_vector_raw.of[k].id;

        if (id[0] == '"' && strncmp(id + 1, raw, strlen(raw)) == 0 && id[1 + strlen(raw)] == '"') {
            return k;
        }
    }
    return -1;
}

static uint64_t hash_line(const struct ft_fit *f, const char *line, size_t len)
{
    uint64_t h = len;

    for (size_t i = 0; i < len; i += sizeof h) {
        uint64_t word = 0;

        memcpy(&word, line + i, len - i < sizeof word ? len - i : sizeof word);
        h = ft_hash_16(&f->seed, h, word);
    }
    return h;
}

/* A whole line, with a NUL behind it. */
static int take_line(struct ft_fit *f, const char *line, size_t len)
{
    const char *at = value_of(line, len, "\"vector\"");
    const char *id = value_of(line, len, "\"vector_id\"");
    const char *final = value_of(line, len, "\"is_final\"");
    float component[FT_VECTOR];

    if (at == NULL || id == NULL || *at == 'n') { /* null: no host */
        f->stats.without++;
        return FT_OK;
    }
    int kind = kind_of(id);

    if (kind < 0 || !read_components(at, component)) {
        f->stats.cooked++;
        return FT_OK;
    }
    if (final != NULL && *final == 'f') {
        f->stats.interim++;
        return FT_OK;
    }
    uint64_t hash = hash_line(f, line, len);

    if (value_of(line, len, "\"timestamp\"") == NULL) { /* lines that are alike are several rows */
        hash = ft_hash_16(&f->seed, hash, f->sample[kind].seen);
    }
    return ft__fit_add(&f->sample[kind], hash, component);
}

/* More of the line in hand. */
static void keep(struct ft_fit *f, const char *data, size_t len)
{
    f->too_long |= len > LINE - f->cut_len;
    if (!f->too_long) {
        memcpy(f->cut + f->cut_len, data, len);
        f->cut_len += len;
    }
}

static int end_line(struct ft_fit *f)
{
    int rc = FT_OK;

    if (f->too_long) {
        f->stats.without++;
    } else if (f->cut_len > 0) {
        f->cut[f->cut_len] = '\0';
        rc = take_line(f, f->cut, f->cut_len);
    }
    f->cut_len = 0;
    f->too_long = false;
    return rc;
}

int ft_fit_lines(void *fit, const void *data, size_t len)
{
    struct ft_fit *f = fit;
    const char *at = data, *end = at + len, *newline;

    while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        keep(f, at, (size_t)(newline - at));
        if (end_line(f) != FT_OK) {
            return 1;
        }
        at = newline + 1;
    }
    keep(f, at, (size_t)(end - at));
    return 0;
}

/* ---- the file ---- */

static void put_numbers(FILE *to, const double *v, int n)
{
    for (int i = 0; i < n; i++) {
        fprintf(to, "%s%.9g", i > 0 ? ", " : "[", (double)(float)v[i]);
    }
    fputs("]\n", to);
}

static void put_whitening(FILE *to, const struct ft__fit_sample *s, const struct ft_vector_fit *fit)
{
    double mean[FT__FIT_SIDE], matrix[FT__FIT_SIDE][FT__FIT_SIDE];

    ft__fit_whitening(s, fit, mean, matrix);
    fputs("  mean: ", to);
    put_numbers(to, mean, FT__FIT_SIDE);
    fputs("  matrix:\n", to);
    for (int i = 0; i < FT__FIT_SIDE; i++) {
        fputs("    - ", to);
        put_numbers(to, matrix[i], FT__FIT_SIDE);
    }
}

static int put_kind(const struct ft_fit *f, FILE *to, int kind)
{
    const struct ft_vector_spec *spec = &ft_vector_specs[kind];
    const struct ft__fit_sample *s = &f->sample[kind];
    struct ft_vector_fit fit = {.raw = false};
    float *scratch = ft_mem_alloc(s->n, sizeof *scratch);
    float range[FT_VECTOR];

    if (scratch == NULL) {
        return FT_E_NOMEM;
    }
    ft__fit_quantiles(s, spec, scratch, fit.center, range);
    ft_mem_free(scratch);
    fprintf(to, "%s:\n  transform: %s\n  rows: %llu\n", spec->word, spec->transform,
            (unsigned long long)s->seen);
    for (int i = 0; i < FT_VECTOR; i++) {
        double v[2] = {(double)fit.center[i], (double)range[i]};

        fit.spread[i] = range[i] > 0.5f ? range[i] : 0.5f;
        fit.spread[i] = spec->component[i].scale <= FT_VECTOR_RATIO ? fit.spread[i] : 1;
        fit.inverse[i] = 1.0 / (double)fit.spread[i];
        if (spec->component[i].scale <= FT_VECTOR_RATIO) {
            fprintf(to, "  %s: ", spec->component[i].name);
            put_numbers(to, v, 2);
        }
    }
    if (f->cfg.whiten) {
        put_whitening(to, s, &fit);
    }
    return FT_OK;
}

int ft_fit_finish(struct ft_fit *f, char **out, size_t *out_len, struct ft_err *err)
{
    char *text = NULL;
    int rc = end_line(f);

    if (rc == FT_OK && f->sample[0].n + f->sample[1].n == 0) {
        return ft_err_set(err, FT_E_NOT_FOUND,
                          f->stats.cooked > 0
                              ? "no record has components as they are: write records with "
                                "-p vector --vector-fit raw"
                              : "no flow and no window came: there is nothing to fit");
    }
    FILE *to = rc == FT_OK ? open_memstream(&text, out_len) : NULL;

    if (to == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    fprintf(to,
            "# medians and interquartile ranges of feature vectors, for --vector-fit; made by "
            "flowtap %s\nformat: flowtap-fit-1\n",
            ft_version());
    for (int k = 0; k < FT_VECTOR__KINDS && rc == FT_OK; k++) {
        ft__fit_sort(&f->sample[k]);
        rc = f->sample[k].n > 0 ? put_kind(f, to, k) : FT_OK;
    }
    rc = fclose(to) == 0 ? rc : FT_E_NOMEM;
    if (rc != FT_OK) {
        ft_fit_free_text(text);
        return ft_err_set(err, rc, "out of memory");
    }
    *out = text;
    return FT_OK;
}

void ft_fit_free_text(char *text)
{
    free(text);
}

void ft_fit_get_stats(const struct ft_fit *f, struct ft_fit_stats *out)
{
    *out = f->stats;
    for (int k = 0; k < FT_VECTOR__KINDS; k++) {
        out->rows[k] = f->sample[k].seen;
        out->kept[k] = f->sample[k].n;
    }
}
