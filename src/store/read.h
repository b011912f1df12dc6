/* SPDX-License-Identifier: Apache-2.0 */
/* store: what reading a store is made of: a connection, a virtual table for each kind of slices. */
#ifndef FT_STORE_READ_H
#define FT_STORE_READ_H

#include <sqlite3.h>

#include "flowtap/store.h"
#include "store/slice.h"

enum { FT__STORE_TABLES = 4 };

struct ft__store_module {
    struct ft_store *store;
    const char *table;
};

/* One thread at a time. */
struct ft_store {
    char *folder; /* owned */
    int dir;
    sqlite3 *db;
    struct ft_store_coder *coder;
    struct ft__store_module module[FT__STORE_TABLES];
    struct ft_store_result *result; /* of the query that runs, or NULL */
    int64_t until_ms;               /* monotonic: it may run up to then; 0: for ever */
    char refused[128];              /* by the authorizer, and why */
    int failure;                    /* of a slice, FT_E_...; FT_OK */
};

extern const char *const ft__store_tables[FT__STORE_TABLES];

/* Makes the tables of its connection. FT_E_IO. */
FT_NODISCARD int ft__store_tables_make(struct ft_store *s);

/* Makes the functions of its connection: in_prefix(address, prefix). FT_E_IO. */
FT_NODISCARD int ft__store_functions_make(struct ft_store *s);

/* A transaction in which all is as it is now; what goes with an answer, into *out, which is filled
 * on until _end(). FT_E_IO. */
FT_NODISCARD int ft__store_begin(struct ft_store *s, struct ft_store_result *out,
                                 struct ft_err *err);
void ft__store_end(struct ft_store *s);

/* Is its time over? */
bool ft__store_late(const struct ft_store *s);

/* ---- slices, one after the other ---- */

/* A column's bound that a row has to keep. */
struct ft__bound {
    int column; /* of the table */
    int op;     /* SQLITE_INDEX_CONSTRAINT_... */
    enum ft_store_kind kind;
    int64_t i;
    double f;
    char *text; /* owned: sqlite3_free() */
    size_t len;
    bool is_address;
    uint8_t address[16];
};

/* Can a value of a column be within it? The row, or any of the block's. What it cannot tell is. */
bool ft__bound_row(const struct ft__bound *b, const struct ft_store_column *c,
                   const struct ft_store_values *v, uint32_t row);
bool ft__bound_block(const struct ft__bound *b, const struct ft_store_column *c,
                     const struct ft_store_extent *ext);

/* The columns of all slices of a table, by name; the newest ones' types hold. *out: ft_mem memory.
 * FT_E_NOMEM, FT_E_IO. */
FT_NODISCARD int ft__store_columns(struct ft_store *s, const char *table,
                                   struct ft_store_column **out, uint32_t *out_n);

/* The slices of a table at the time of the transaction, read block by block. Begins zeroed. */
struct ft__scan {
    struct ft_store *store;
    const struct ft_store_column *columns; /* [n] of the table, borrowed */
    uint32_t n;
    const struct ft__bound *bounds; /* [n_bounds], borrowed */
    uint32_t n_bounds;
    uint64_t used;                /* columns that will be asked for, as SQLite's colUsed */
    char (*files)[FT_STORE_FILE]; /* [n_files], owned */
    uint32_t n_files, file;
    bool open;
    struct ft_slice slice;
    int32_t *map;                   /* [n] owned: their numbers in the slice, -1: it has none */
    struct ft_store_values *values; /* [n] owned */
    uint8_t *have;                  /* [n] owned: they are those of the block */
    struct ft_store_buf scratch;
    uint32_t block, rows;
};

FT_NODISCARD int ft__scan_begin(struct ft__scan *s, struct ft_store *store, const char *table);
void ft__scan_end(struct ft__scan *s);
/* The next block that may have rows: *out_more. FT_E_INTERRUPTED: the time is over; FT_E_IO,
 * FT_E_NOMEM, FT_E_UNSUPPORTED. */
FT_NODISCARD int ft__scan_next(struct ft__scan *s, bool *out_more);
/* The slice that is read is damaged: nobody reads it again. */
void ft__scan_set_aside(struct ft__scan *s);
/* Do the values of a row of the block keep the bounds? */
bool ft__scan_keeps(const struct ft__scan *s, uint32_t row);
/* What a column is in this slice, which has it. */
const struct ft_store_column *ft__scan_type(const struct ft__scan *s, uint32_t column);
/* The values of a column in the block. NULL: there are none; *rc: FT_OK, or why. */
const struct ft_store_values *ft__scan_column(struct ft__scan *s, uint32_t column, int *rc);

#endif
