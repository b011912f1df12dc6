/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap query: rows of an answer, see rows.h. */
#include "rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { CELL_SHOWN = 40, HELD_MOST = 1000 /* rows whose widths a table waits for */ };

struct column {
    char *name;
    enum ft_store_form form;
    int width;
};

struct rows {
    enum rows_form form;
    FILE *to;
    struct column *columns; /* [n] */
    uint32_t n;
    char **held; /* [n_held * n] a table's cells */
    size_t n_held;
    bool begun; /* its head is written */
};

struct rows *rows_new(enum rows_form form, FILE *to)
{
    struct rows *r = calloc(1, sizeof *r);

    if (r != NULL) {
        r->form = form;
        r->to = to;
    }
    return r;
}

/* ---- numbers ---- */

/* As few digits as tell it from every other, and no fewer than 15 would. */
static void put_real(double v, char *out, size_t cap)
{
    snprintf(out, cap, "%.15g", v);
    if (strtod(out, NULL) != v) {
        snprintf(out, cap, "%.17g", v);
    }
}

/* A cell that is no text. */
static const char *plain(enum ft_store_form form, const struct ft_store_cell *c, char *out,
                         size_t cap)
{
    if (c->kind == FT_STORE_NULL || (c->kind == FT_STORE_REAL && !isfinite(c->f))) {
        return "null";
    }
    if (form == FT_STORE_BOOL && c->kind == FT_STORE_INTEGER) {
        return c->i != 0 ? "true" : "false";
    }
    if (c->kind == FT_STORE_INTEGER) {
        snprintf(out, cap, "%lld", (long long)c->i);
    } else if (form == FT_STORE_TIME) {
        snprintf(out, cap, "%.6f", c->f);
    } else {
        put_real(c->f, out, cap);
    }
    return out;
}

/* ---- lines ---- */

static void json_text(FILE *to, const char *s, size_t len)
{
    fputc('"', to);
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '"' || s[i] == '\\') {
            fputc('\\', to);
        }
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f) {
            fprintf(to, "\\u%04x", (unsigned)s[i]);
        } else {
            fputc(s[i], to);
        }
    }
    fputc('"', to);
}

/* Whoever wrote a store may not begin a line of ours. */
static bool is_line(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)s[i] < ' ') {
            return false;
        }
    }
    return true;
}

static int json_row(struct rows *r, const struct ft_store_cell *cells)
{
    char text[64];

    for (uint32_t i = 0; i < r->n; i++) {
        const struct ft_store_cell *c = &cells[i];

        fputs(i > 0 ? "," : "{", r->to);
        json_text(r->to, r->columns[i].name, strlen(r->columns[i].name));
        fputc(':', r->to);
        if (c->kind != FT_STORE_STRING) {
            fputs(plain(r->columns[i].form, c, text, sizeof text), r->to);
        } else if (r->columns[i].form == FT_STORE_JSON && is_line(c->text, c->len)) {
            fwrite(c->text, 1, c->len, r->to);
        } else {
            json_text(r->to, c->text, c->len);
        }
    }
    fputs("}\n", r->to);
    return ferror(r->to);
}

static void csv_text(struct rows *r, const char *s, size_t len)
{
    fputc('"', r->to);
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '"') {
            fputc('"', r->to);
        }
        fputc((unsigned char)s[i] < ' ' ? ' ' : s[i], r->to);
    }
    fputc('"', r->to);
}

static int csv_row(struct rows *r, const struct ft_store_cell *cells)
{
    char text[64];

    for (uint32_t i = 0; i < r->n; i++) {
        const struct ft_store_cell *c = &cells[i];

        if (i > 0) {
            fputc(',', r->to);
        }
        if (c->kind == FT_STORE_STRING) {
            csv_text(r, c->text, c->len);
        } else if (c->kind != FT_STORE_NULL) {
            fputs(plain(r->columns[i].form, c, text, sizeof text), r->to);
        }
    }
    fputc('\n', r->to);
    return ferror(r->to);
}

/* ---- tables ---- */

static void pad(FILE *to, int n)
{
    for (; n > 0; n--) {
        fputc(' ', to);
    }
}

static void table_row(struct rows *r, char *const *cells)
{
    for (uint32_t i = 0; i < r->n; i++) {
        int shown = text_print(r->to, cells[i]);

        if (i + 1 < r->n) {
            pad(r->to, r->columns[i].width - shown + 2);
        }
    }
    fputc('\n', r->to);
}

static void table_flush(struct rows *r)
{
    char *names[1];

    for (uint32_t i = 0; !r->begun && i < r->n; i++) {
        names[0] = r->columns[i].name;
        int shown = text_print(r->to, names[0]);

        pad(r->to, i + 1 < r->n ? r->columns[i].width - shown + 2 : 0);
    }
    if (!r->begun && r->n > 0) {
        fputc('\n', r->to);
    }
    r->begun = true;
    for (size_t k = 0; k < r->n_held; k++) {
        table_row(r, &r->held[k * r->n]);
        for (uint32_t i = 0; i < r->n; i++) {
            free(r->held[k * r->n + i]);
        }
    }
    r->n_held = 0;
}

static char *shown_cell(enum ft_store_form form, const struct ft_store_cell *c)
{
    char text[64];

    if (c->kind != FT_STORE_STRING) {
        return strdup(c->kind == FT_STORE_NULL ? "-" : plain(form, c, text, sizeof text));
    }
    bool cut = c->len > CELL_SHOWN;
    size_t len = cut ? CELL_SHOWN - 3 : c->len;
    char *s = malloc(len + 4);

    if (s != NULL) {
        memcpy(s, c->text, len);
        memcpy(s + len, cut ? "..." : "", cut ? 4 : 1);
    }
    return s;
}

static int table_add(struct rows *r, const struct ft_store_cell *cells)
{
    char **row = &r->held[r->n_held * r->n];

    for (uint32_t i = 0; i < r->n; i++) {
        row[i] = shown_cell(r->columns[i].form, &cells[i]);
        if (row[i] == NULL) {
            return 1;
        }
        int width = (int)strlen(row[i]);

        if (!r->begun && width > r->columns[i].width) {
            r->columns[i].width = width;
        }
    }
    if (++r->n_held == HELD_MOST) {
        table_flush(r);
    }
    return ferror(r->to);
}

/* ---- all of them ---- */

int rows_columns(void *cookie, const struct ft_store_heading *columns, uint32_t n)
{
    struct rows *r = cookie;

    r->columns = calloc(n + 1, sizeof *r->columns);
    r->held = calloc((size_t)n * HELD_MOST + 1, sizeof *r->held);
    if (r->columns == NULL || r->held == NULL) {
        return 1;
    }
    for (r->n = 0; r->n < n; r->n++) {
        struct column *c = &r->columns[r->n];

        c->form = columns[r->n].form;
        c->name = strdup(columns[r->n].name);
        if (c->name == NULL) {
            return 1;
        }
        c->width = (int)strlen(c->name);
        if (r->form == ROWS_CSV) {
            fputs(r->n > 0 ? "," : "", r->to);
            csv_text(r, c->name, strlen(c->name));
        }
    }
    if (r->form == ROWS_CSV) {
        fputc('\n', r->to);
    }
    return 0;
}

int rows_row(void *cookie, const struct ft_store_cell *cells, uint32_t n)
{
    struct rows *r = cookie;

    (void)n;
    return r->form == ROWS_NDJSON ? json_row(r, cells)
           : r->form == ROWS_CSV  ? csv_row(r, cells)
                                  : table_add(r, cells);
}

void rows_end(struct rows *r)
{
    if (r == NULL) {
        return;
    }
    if (r->form == ROWS_TABLE) {
        table_flush(r);
    }
    for (uint32_t i = 0; i < r->n; i++) {
        free(r->columns[i].name);
    }
    free(r->columns);
    free(r->held);
    free(r);
}
