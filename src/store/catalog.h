/* SPDX-License-Identifier: Apache-2.0 */
/* store: what SQLite keeps of a store: store.db, in WAL mode.
 *
 * Theory of operation: a slice is there when its row is. Files are written, synced and named first;
 * then one transaction adds their rows, the account of the pipeline, baselines, and takes the rows
 * of what is dropped away. Files of dropped slices stay FT_CATALOG_LINGER_S longer, since a reader
 * may have begun before. At the start a whole file without a row (a transaction that did not come)
 * gets one, and what is not whole is removed. */
#ifndef FT_STORE_CATALOG_H
#define FT_STORE_CATALOG_H

#include <sqlite3.h>

#include "base/files.h"
#include "store/slice.h"

enum { FT_CATALOG_VERSION = 1, FT_CATALOG_LINGER_S = 120 };

#define FT_CATALOG_FILE "store.db"

/* A slice's row. */
struct ft_catalog_slice {
    int64_t id;
    char table[16]; /* "flow" */
    char file[FT_STORE_FILE];
    uint64_t rows, bytes;
    int64_t min_us, max_us; /* of its timestamps */
    int64_t written_s;      /* by the clock */
};

struct ft_catalog {
    sqlite3 *db;
    int dir;       /* borrowed */
    uint64_t last; /* the greatest number of a slice's file, since _recover() */
};

/* Opens the database of a folder to write, making it when it is not there. FT_E_UNSUPPORTED: of a
 * newer version; FT_E_CORRUPT, FT_E_IO. */
FT_NODISCARD int ft_catalog_open(const char *folder, int dir, struct ft_catalog *out,
                                 struct ft_err *err);
void ft_catalog_close(struct ft_catalog *c);

FT_NODISCARD int ft_catalog_begin(struct ft_catalog *c);
FT_NODISCARD int ft_catalog_commit(struct ft_catalog *c);
void ft_catalog_rollback(struct ft_catalog *c);

/* Within a transaction; likewise the next ones. Its columns become a version of the schema. */
FT_NODISCARD int ft_catalog_add(struct ft_catalog *c, const struct ft_catalog_slice *s,
                                const struct ft_store_column *columns, uint32_t n);
/* An account: columns of pipeline_stats as JSON. */
FT_NODISCARD int ft_catalog_account(struct ft_catalog *c, int64_t written_s, const char *json);
/* Drops the oldest slices that are beyond this, never the newest of all; *out_n: how many. */
FT_NODISCARD int ft_catalog_retain(struct ft_catalog *c, const struct ft_file_keep *keep,
                                   int64_t now_s, uint32_t *out_n);
/* Removes files whose time to linger is over. */
void ft_catalog_remove(struct ft_catalog *c, int64_t now_s);

/* The slice of a file as its row would be. */
void ft_catalog_describe(const struct ft_slice *s, const char *file, int64_t now_s,
                         struct ft_catalog_slice *out);

/* Adopts and removes what the start finds; text: what there is to say of it, or "". */
FT_NODISCARD int ft_catalog_recover(struct ft_catalog *c, struct ft_store_coder *k, int64_t now_s,
                                    char *text, size_t cap);

/* Runs statements without results. */
FT_NODISCARD int ft_catalog_run(struct ft_catalog *c, const char *sql);
/* A statement, or NULL. */
sqlite3_stmt *ft_catalog_prepare(struct ft_catalog *c, const char *sql);
/* Steps once and frees it. FT_OK: it is done. */
FT_NODISCARD int ft_catalog_step(sqlite3_stmt *s);

/* "flow-000000000042.fts": the table and number of a file of ours. */
bool ft_catalog_parse_name(const char *name, char table[16], uint64_t *out);

#endif
