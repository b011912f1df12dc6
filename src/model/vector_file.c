/* SPDX-License-Identifier: Apache-2.0 */
/* model: the file of `flowtap fit`, see vector.h. It is YAML of one shape:
 *
 *     format: flowtap-fit-1
 *     flow:                                  or host:
 *       transform: flowtap-flow-1
 *       rows: 4711                           that it was fitted on
 *       fwd_packets: [1.58496249, 2]         median and interquartile range, of each component that
 *                                            is centred
 *       mean: [0.1, ...]                     with a matrix: 31 numbers
 *       matrix:                              and 31 rows of 31, by which they become the first one,
 *         - [1, ...]                         the second, and so on */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/vector.h"

enum { LINE = 4096, MOST = 1000000 };

struct reader {
    const char *at, *end;
    uint32_t line;
    struct ft_err *err;
    struct ft_vector_fits *out;
    int kind; /* of the section; -1: none */
    bool has_format;
    bool has[FT_VECTOR__KINDS]; /* the section */
    bool has_transform[FT_VECTOR__KINDS], has_rows[FT_VECTOR__KINDS];
    bool has_mean[FT_VECTOR__KINDS], has_matrix[FT_VECTOR__KINDS];
    bool has_component[FT_VECTOR__KINDS][FT_VECTOR];
    bool in_matrix;
    uint32_t rows[FT_VECTOR__KINDS]; /* of the matrix */
};

/* ---- messages ---- */

static int wrong(const struct reader *r, const char *key, const char *value, const char *allowed)
{
    return ft_err_set(r->err, FT_E_FORMAT, "line %u: %.63s: '%.60s': allowed is %s", r->line, key,
                      value, allowed);
}

/* ---- numbers ---- */

/* [a, b, ...] of exactly n numbers within +-1e6: no sum of products of them is beyond what float32
 * has. */
static bool read_numbers(const char *text, uint32_t n, float *out)
{
    char *end;

    if (*text++ != '[') {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        double v;

        text += strspn(text, " ");
        if (strspn(text, "+-.0123456789") == 0) { /* no names of numbers */
            return false;
        }
        v = strtod(text, &end);
        if (end == text || !(fabs(v) <= MOST)) {
            return false;
        }
        out[i] = (float)v;
        text = end + strspn(end, " ");
        if (*text++ != (i + 1 < n ? ',' : ']')) {
            return false;
        }
    }
    return *text == '\0';
}

/* ---- values ---- */

static int take_component(struct reader *r, uint32_t i, const char *key, const char *value)
{
    struct ft_vector_fit *fit = &r->out->of[r->kind];
    float v[2];

    if (r->has_component[r->kind][i]) {
        return wrong(r, key, value, "each component once");
    }
    if (!read_numbers(value, 2, v) || v[1] < 0) {
        return wrong(r, key, value,
                     "[MEDIAN, INTERQUARTILE RANGE], within 1e6, the second at least 0");
    }
    r->has_component[r->kind][i] = true;
    fit->center[i] = v[0];
    fit->spread[i] = v[1] > 0.5f ? v[1] : 0.5f;
    fit->inverse[i] = 1.0 / (double)fit->spread[i];
    return FT_OK;
}

static int take_transform(struct reader *r, const char *key, const char *value)
{
    const char *want = ft_vector_specs[r->kind].transform;

    if (strcmp(value, want) != 0) {
        return wrong(r, key, value, want);
    }
    r->has_transform[r->kind] = true;
    return FT_OK;
}

static int take_rows(struct reader *r, const char *key, const char *value)
{
    size_t n = strspn(value, "0123456789");

    r->has_rows[r->kind] = n > 0 && n < 20 && value[n] == '\0';
    return r->has_rows[r->kind] ? FT_OK : wrong(r, key, value, "a whole number");
}

static int take_mean(struct reader *r, const char *key, const char *value)
{
    float *mean = r->out->of[r->kind].mean;

    r->has_mean[r->kind] = read_numbers(value, FT_VECTOR_FITTED, mean);
    return r->has_mean[r->kind] ? FT_OK : wrong(r, key, value, "[...] of 31 numbers within 1e6");
}

/* Of what a section has once and is no component: was it there before? */
static bool is_again(const struct reader *r, const char *key)
{
    int k = r->kind;

    return (strcmp(key, "transform") == 0 && r->has_transform[k]) ||
           (strcmp(key, "rows") == 0 && r->has_rows[k]) ||
           (strcmp(key, "mean") == 0 && r->has_mean[k]) ||
           (strcmp(key, "matrix") == 0 && r->has_matrix[k]);
}

/* Of a section. */
static int take_value(struct reader *r, const char *key, const char *value)
{
    const struct ft_vector_spec *spec = &ft_vector_specs[r->kind];
    r->in_matrix = false;
    if (is_again(r, key)) {
        return wrong(r, key, value, "each key once");
    }
    if (strcmp(key, "transform") == 0) {
        return take_transform(r, key, value);
    }
    if (strcmp(key, "rows") == 0) {
        return take_rows(r, key, value);
    }
    if (strcmp(key, "mean") == 0) {
        return take_mean(r, key, value);
    }
    if (strcmp(key, "matrix") == 0) {
        r->in_matrix = r->has_matrix[r->kind] = value[0] == '\0';
        return r->in_matrix ? FT_OK : wrong(r, key, value, "nothing, and 31 lines of '- [...]'");
    }
    for (uint32_t i = 0; i < FT_VECTOR; i++) {
        if (strcmp(key, spec->component[i].name) == 0 &&
            spec->component[i].scale <= FT_VECTOR_RATIO) {
            return take_component(r, i, key, value);
        }
    }
    return wrong(r, key, value,
                 "transform, rows, mean, matrix, or a component that is centred "
                 "(docs/vectors.md)");
}

/* A row of the matrix. */
static int take_row(struct reader *r, const char *value)
{
    float row[FT_VECTOR_FITTED];

    if (!r->in_matrix || r->rows[r->kind] == FT_VECTOR_FITTED) {
        return wrong(r, "-", value, "a row of a matrix below 'matrix:', 31 of them");
    }
    if (!read_numbers(value, FT_VECTOR_FITTED, row)) {
        return wrong(r, "matrix", value, "- [...] of 31 numbers within 1e6");
    }
    for (uint32_t i = 0; i < FT_VECTOR_FITTED; i++) {
        r->out->of[r->kind].matrix[i][r->rows[r->kind]] = row[i];
    }
    r->rows[r->kind]++;
    return FT_OK;
}

/* On the left margin. */
static int take_top(struct reader *r, const char *key, const char *value)
{
    r->in_matrix = false;
    r->kind = -1;
    if (strcmp(key, "format") == 0 && !r->has_format) {
        r->has_format = strcmp(value, "flowtap-fit-1") == 0;
        return r->has_format ? FT_OK : wrong(r, key, value, "flowtap-fit-1");
    }
    for (int k = 0; k < FT_VECTOR__KINDS; k++) {
        if (strcmp(key, ft_vector_specs[k].word) == 0 && value[0] == '\0' && !r->has[k]) {
            r->kind = k;
            r->has[k] = true;
            return FT_OK;
        }
    }
    return wrong(r, key, value, "format, flow, host, each once, the last two without a value");
}

/* ---- lines ---- */

/* The next line without its comment and the blanks at its end. FT_E_EOF. */
static int next_line(struct reader *r, char out[LINE])
{
    const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    const char *to = newline != NULL ? newline : r->end;
    size_t len = (size_t)(to - r->at);

    if (r->at == r->end) {
        return FT_E_EOF;
    }
    r->line++;
    if (len >= LINE || memchr(r->at, '\0', len) != NULL) {
        return ft_err_set(r->err, FT_E_FORMAT, "line %u: it is no text, or longer than %d bytes",
                          r->line, LINE - 1);
    }
    memcpy(out, r->at, len);
    out[len] = '\0';
    r->at = newline != NULL ? newline + 1 : r->end;
    len = strcspn(out, "#\r");
    while (len > 0 && out[len - 1] == ' ') {
        len--;
    }
    out[len] = '\0';
    return FT_OK;
}

static int take_line(struct reader *r, char *line)
{
    size_t indent = strspn(line, " ");
    char *key = line + indent, *colon, *value;

    if (*key == '\0') {
        return FT_OK;
    }
    if (key[0] == '-' && r->kind >= 0) {
        return take_row(r, key + 1 + strspn(key + 1, " "));
    }
    colon = strchr(key, ':');
    if (colon == NULL || (indent != 0 && indent != 2) || (indent == 2 && r->kind < 0)) {
        return ft_err_set(
            r->err, FT_E_FORMAT,
            "line %u: '%.60s': allowed is KEY: VALUE, two blanks in front below flow: "
            "and host:",
            r->line, key);
    }
    *colon = '\0';
    value = colon + 1 + strspn(colon + 1, " ");
    return indent == 0 ? take_top(r, key, value) : take_value(r, key, value);
}

/* ---- all of it ---- */

/* A section without something that it has to have. */
static int check_section(const struct reader *r, int k)
{
    const struct ft_vector_spec *spec = &ft_vector_specs[k];

    if (!r->has_transform[k]) {
        return ft_err_set(r->err, FT_E_FORMAT, "%s: 'transform' is missing", spec->word);
    }
    for (uint32_t i = 0; i < FT_VECTOR; i++) {
        if (spec->component[i].scale <= FT_VECTOR_RATIO && !r->has_component[k][i]) {
            return ft_err_set(r->err, FT_E_FORMAT, "%s: '%s' is missing", spec->word,
                              spec->component[i].name);
        }
    }
    if (r->rows[k] != (r->has_mean[k] ? (uint32_t)FT_VECTOR_FITTED : 0)) {
        return ft_err_set(r->err, FT_E_FORMAT,
                          "%s: 'mean' and 'matrix' of 31 rows go together; there are %u rows",
                          spec->word, r->rows[k]);
    }
    return FT_OK;
}

/* FNV-1a of 64 bits. */
static uint64_t hash_of(const char *text, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++) {
        h = (h ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

static int finish(struct reader *r, uint64_t hash)
{
    if (!r->has_format) {
        return ft_err_set(r->err, FT_E_FORMAT, "'format: flowtap-fit-1' is missing");
    }
    for (int k = 0; k < FT_VECTOR__KINDS; k++) {
        int rc = r->has[k] ? check_section(r, k) : FT_OK;

        if (rc != FT_OK) {
            return rc;
        }
        if (r->has[k]) {
            r->out->of[k].whitens = r->has_mean[k];
            snprintf(r->out->of[k].id, FT_VECTOR_ID, "%s:%016llx", ft_vector_specs[k].transform,
                     (unsigned long long)hash);
        }
    }
    return FT_OK;
}

int ft_vector_parse(const char *text, size_t len, struct ft_vector_fits **out, struct ft_err *err)
{
    struct reader r = {.at = text, .end = text + len, .err = err, .kind = -1};
    char line[LINE];
    int rc;

    r.out = ft_mem_alloc(1, sizeof *r.out);
    if (r.out == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    *r.out = ft_vector_builtin;
    while ((rc = next_line(&r, line)) == FT_OK) {
        rc = take_line(&r, line);
        if (rc != FT_OK) {
            break;
        }
    }
    rc = rc == FT_E_EOF ? finish(&r, hash_of(text, len)) : rc;
    if (rc != FT_OK) {
        ft_mem_free(r.out);
        return rc;
    }
    *out = r.out;
    return FT_OK;
}
