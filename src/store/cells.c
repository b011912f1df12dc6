/* SPDX-License-Identifier: Apache-2.0 */
/* store: the values of a row, see cells.h. */
#include "store/cells.h"

#include "base/mem.h"
#include "codec/text/escape.h"

enum { UTF8_MOST = 3, HEX = 2 /* bytes that one becomes */ };

int ft_store_cells_init(struct ft_store_cells *c, sqlite3_stmt *q)
{
    c->n = (uint32_t)sqlite3_column_count(q);
    c->cell = ft_mem_alloc(c->n + 1, sizeof *c->cell);
    return c->cell != NULL ? FT_OK : FT_E_NOMEM;
}

void ft_store_cells_fini(struct ft_store_cells *c)
{
    ft_mem_free(c->cell);
    ft_store_buf_fini(&c->text);
    *c = (struct ft_store_cells){0};
}

static bool add_text(struct ft_store_cells *c, sqlite3_stmt *q, int i)
{
    const uint8_t *p = sqlite3_column_text(q, i);
    size_t len = (size_t)sqlite3_column_bytes(q, i);

    if (p == NULL || !ft_store_buf_room(&c->text, len * UTF8_MOST)) {
        return false;
    }
    c->text.len = (size_t)(ft_put_utf8(c->text.p + c->text.len, p, (uint32_t)len) - c->text.p);
    return true;
}

static bool add_hex(struct ft_store_cells *c, sqlite3_stmt *q, int i)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = sqlite3_column_blob(q, i);
    size_t len = (size_t)sqlite3_column_bytes(q, i);

    if ((p == NULL && len > 0) || !ft_store_buf_room(&c->text, len * HEX)) {
        return false;
    }
    for (size_t k = 0; k < len; k++) {
        c->text.p[c->text.len++] = (uint8_t)digits[p[k] >> 4];
        c->text.p[c->text.len++] = (uint8_t)digits[p[k] & 15];
    }
    return true;
}

static bool take(struct ft_store_cells *c, sqlite3_stmt *q, int i)
{
    struct ft_store_cell *out = &c->cell[i];
    size_t at = c->text.len;
    int type = sqlite3_column_type(q, i);

    *out = (struct ft_store_cell){.kind = FT_STORE_NULL};
    switch (type) {
    case SQLITE_INTEGER:
        out->kind = FT_STORE_INTEGER;
        out->i = sqlite3_column_int64(q, i);
        out->f = (double)out->i;
        return true;
    case SQLITE_FLOAT:
        out->kind = FT_STORE_REAL;
        out->f = sqlite3_column_double(q, i);
        return true;
    case SQLITE_NULL:
        return true;
    default:
        out->kind = FT_STORE_STRING;
        if (!(type == SQLITE_BLOB ? add_hex(c, q, i) : add_text(c, q, i))) {
            return false;
        }
        out->len = c->text.len - at;
        return true;
    }
}

int ft_store_cells_take(struct ft_store_cells *c, sqlite3_stmt *q)
{
    size_t at = 0;

    c->text.len = 0;
    if (!ft_store_buf_room(&c->text, 1)) { /* an empty text is somewhere, too */
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        if (!take(c, q, (int)i)) {
            return FT_E_NOMEM;
        }
    }
    for (uint32_t i = 0; i < c->n; i++) { /* now that it moves no more */
        c->cell[i].text = (const char *)c->text.p + at;
        at += c->cell[i].len;
    }
    return FT_OK;
}
