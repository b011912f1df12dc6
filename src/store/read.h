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
    int64_t version;                /* of the database that facts are of, -1: of none */
    struct ft_store_result facts;   /* what goes with every answer */
    uint64_t columns_of;            /* the versions of columns that its tables have, hashed */
    int failure;                    /* of a slice, FT_E_...; FT_OK */
};

extern const char *const ft__store_tables[FT__STORE_TABLES];

/* Makes the tables of its connection. FT_E_IO. */
FT_NODISCARD int ft__store_tables_make(struct ft_store *s);

/* Makes the functions of its connection: in_prefix(address, prefix). FT_E_IO. */
FT_NODISCARD int ft__store_functions_make(struct ft_store *s);
/* xFindFunction of tables: in_prefix() of a column is a condition, FT__BOUND_PREFIX. */
int ft__store_find_function(sqlite3_vtab *table, int n, const char *name,
                            void (**out)(sqlite3_context *, int, sqlite3_value **), void **out_arg);

/* A transaction in which all is as it is now, for so long (0: any time); what goes with an answer,
 * into *out, which is filled on until _end(). FT_E_IO. */
FT_NODISCARD int ft__store_begin(struct ft_store *s, int64_t timeout_ms,
                                 struct ft_store_result *out, struct ft_err *err);
void ft__store_end(struct ft_store *s);

/* Is its time over? */
bool ft__store_late(const struct ft_store *s);
/* FT_E_RANGE: it is. */
FT_NODISCARD int ft__store_too_late(int64_t timeout_ms, struct ft_err *err);

/* ---- slices, one after the other ---- */

/* A value that a condition names, as SQLite has it. */
enum ft__want_kind { FT__WANT_NULL, FT__WANT_INTEGER, FT__WANT_REAL, FT__WANT_TEXT, FT__WANT_BLOB };

struct ft__want {
    enum ft__want_kind kind;
    int64_t i;
    double f;
    char *text; /* owned: ft_mem memory, with a NUL */
    size_t len;
    bool is_address;
    uint8_t address[16], last[16]; /* last: of a prefix, whose first one is address */
};

/* in_prefix(column, 'a/n') as a condition of the column. */
enum { FT__BOUND_PREFIX = SQLITE_INDEX_CONSTRAINT_FUNCTION };

/* Ordered numbers (column.h), both ends included. */
struct ft__range {
    uint64_t least, most;
};

/* A condition on a column that a row has to keep. Begins zeroed. */
struct ft__bound {
    int column;            /* of the table */
    int op;                /* SQLITE_INDEX_CONSTRAINT_..., FT__BOUND_PREFIX; EQ of several: any */
    struct ft__want *want; /* [n] owned; of IS NULL and IS NOT NULL: none */
    uint32_t n, cap;
    /* For columns of a type: */
    struct ft__range *ranges; /* [n_known] owned, ascending: of numbers */
    uint32_t n_known;         /* of addresses and texts: the first of want[], ascending */
    uint8_t type;
    bool is_ready;
};

/* Adds a value to a condition. FT_E_NOMEM. */
FT_NODISCARD int ft__bound_add(struct ft__bound *b, const struct ft__want *want);
void ft__bound_fini(struct ft__bound *b);

/* Makes it ready for a column of a slice, or of none (NULL: all is null). FT_E_NOMEM. */
FT_NODISCARD int ft__bound_ready(struct ft__bound *b, const struct ft_store_column *c);
/* Can any value of a block have it; of numbers between two? What it cannot tell is. */
bool ft__bound_block(const struct ft__bound *b, const struct ft_store_column *c, uint32_t rows,
                     const struct ft_store_extent *ext);
bool ft__bound_between(const struct ft__bound *b, uint64_t least, uint64_t most);
/* Is it one value of bytes of a column, which it is ready for? *out: it. */
bool ft__bound_key(const struct ft__bound *b, const struct ft_store_column *c,
                   struct ft_store_key *out);
/* Leaves of n rows those whose value has it, in their order; returns how many. Of numbers exactly
 * those that SQLite would say yes to; of others none less. */
uint32_t ft__bound_select(const struct ft__bound *b, const struct ft_store_column *c,
                          const struct ft_store_values *v, uint32_t *rows, uint32_t n);

/* The columns of all slices of a table, by name, those of the newest first; of numbers as wide as
 * all of them need. *out: ft_mem memory.
 * FT_E_NOMEM, FT_E_IO. */
FT_NODISCARD int ft__store_columns(struct ft_store *s, const char *table,
                                   struct ft_store_column **out, uint32_t *out_n);

/* The name that a column of them has: of those that are the same to SQLite, whatever their case,
 * all but the first have their turn behind it. */
enum { FT__STORE_SHOWN = FT_STORE_NAME + 12 };
void ft__store_name(const struct ft_store_column *columns, uint32_t i, char out[FT__STORE_SHOWN]);

/* A slice that is open. */
struct ft__part {
    struct ft_slice slice;
    int32_t *map;  /* [n] owned: the table's columns' numbers in it, -1: it has none */
    uint32_t file; /* of the scan's */
    uint32_t uses;
};

/* A block that is read. */
struct ft__view {
    struct ft__part *part; /* NULL: none */
    uint32_t block, rows;
    struct ft_store_values *values; /* [n] owned */
    uint8_t *have;                  /* [n] owned: they are those of the block */
    uint32_t *row;                  /* [FT_STORE_BLOCK] owned: those that keep the bounds, */
    uint32_t n_row;                 /* ascending */
    size_t len;                     /* bytes of those that it has */
};

struct ft__file {
    char name[FT_STORE_FILE];
    int64_t id;
    int64_t min_us, max_us; /* min > max: it has no times */
};

/* By timestamp; rows of one time by their rowids, the least or the greatest first. */
enum ft__sort {
    FT__SORT_NONE = 0,
    FT__SORT_OLDEST = 1, /* first */
    FT__SORT_NEWEST = 2,
    FT__SORT_LAST_ROW = 4 /* with one of them */
};

/* The slices of a table at the time of the transaction, read block by block. Begins zeroed, but for
 * what is borrowed, used and sort. */
struct ft__scan {
    struct ft_store *store;
    const struct ft_store_column *columns; /* [n] of the table, borrowed */
    uint32_t n;
    struct ft__bound *bounds; /* [n_bounds], borrowed */
    uint32_t n_bounds;
    uint64_t used;          /* columns that will be asked for, as SQLite's colUsed */
    unsigned sort;          /* enum ft__sort */
    struct ft__file *files; /* [n_files], owned */
    uint32_t n_files, file;
    struct ft__part *part; /* that is being read; NULL: none */
    uint32_t block;
    struct ft__view *view; /* of the row */
    uint32_t row, at;      /* of the block; it is view->row[at] when there is no order */
    struct ft__view own;
    struct ft__sorted *order; /* when there is one, owned */
    struct ft_store_buf scratch;
    struct ft_store_values nulls; /* of a column that is looked for one value */
};

FT_NODISCARD int ft__scan_begin(struct ft__scan *s, struct ft_store *store, const char *table);
void ft__scan_end(struct ft__scan *s);
/* The next block that has rows, in no order: *out_more. FT_E_INTERRUPTED: the time is over;
 * FT_E_IO, FT_E_NOMEM, FT_E_UNSUPPORTED. */
FT_NODISCARD int ft__scan_next(struct ft__scan *s, bool *out_more);
/* The next row, in the order that is asked for. Likewise. */
FT_NODISCARD int ft__scan_step(struct ft__scan *s, bool *out_more);
/* The slice of the row is damaged, and nobody reads it again, gone, or cannot be read: it is said.
 * False: rc is another. */
bool ft__scan_leave_out(struct ft__scan *s, int rc);
/* The number of the row: the same in each query. */
int64_t ft__scan_rowid(const struct ft__scan *s);
/* What a column is in the slice of the row, which has it. */
const struct ft_store_column *ft__scan_type(const struct ft__scan *s, uint32_t column);
/* The values of a column in the block of the row. NULL: there are none; *rc: FT_OK, or why. */
const struct ft_store_values *ft__scan_column(struct ft__scan *s, uint32_t column, int *rc);

/* ---- parts of it ---- */

FT_NODISCARD bool ft__view_init(struct ft__view *v, uint32_t n);
void ft__view_fini(struct ft__view *v, uint32_t n);
/* Opens a file. *out NULL: it is damaged, gone or cannot be read, which is said. FT_E_NOMEM,
 * FT_E_UNSUPPORTED. */
FT_NODISCARD int ft__part_open(struct ft__scan *s, uint32_t file, struct ft__part **out);
void ft__part_release(struct ft__part *p); /* NULL is a no-op */
/* Closes its file; opens it again, as it has to be for ft__view_load(). */
void ft__part_pause(struct ft__part *p);
FT_NODISCARD int ft__part_resume(struct ft__scan *s, struct ft__part *p);
/* No more of it is read if it is damaged, gone or cannot be read, which is said. False: rc is
 * another. */
bool ft__part_leave_out(struct ft__scan *s, const struct ft__part *p, int rc);
/* Can a block have rows, by what its slice says of it? It is counted. FT_E_NOMEM. */
FT_NODISCARD int ft__part_fits(struct ft__scan *s, const struct ft__part *p, uint32_t block,
                               bool *out_fits);
/* Reads the columns of the bounds, and finds the rows that keep them; then, if any does, the
 * columns that will be asked for. FT_E_CORRUPT, FT_E_IO, FT_E_NOMEM. */
FT_NODISCARD int ft__view_load(struct ft__scan *s, struct ft__view *v, struct ft__part *p,
                               uint32_t block);
/* The same block again, without the rows. */
void ft__view_set(struct ft__scan *s, struct ft__view *v, struct ft__part *p, uint32_t block);
const struct ft_store_values *ft__view_column(struct ft__scan *s, struct ft__view *v,
                                              uint32_t column, int *rc);

/* Rows by their timestamps (sorted.c). The slices are those of the scan; time: that column. */
FT_NODISCARD int ft__sorted_begin(struct ft__scan *s);
void ft__sorted_end(struct ft__scan *s);
FT_NODISCARD int ft__sorted_step(struct ft__scan *s, bool *out_more);

/* The number of the column "timestamp" of times. -1: there is none. */
int ft__store_time(const struct ft_store_column *columns, uint32_t n);

#endif
