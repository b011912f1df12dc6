/* SPDX-License-Identifier: Apache-2.0 */
/* A store (-o store:DIR) that is read: SQL over the flow records, windows and alerts that it keeps.
 *
 * Theory of operation: the tables flow, window, alert and top_minute are made of the columns of all
 * slices that are there when a query begins, which are read where it asks for them: columns that it
 * does not name are not read, nor blocks whose least and greatest values cannot satisfy its
 * conditions. slices, account and
 * baseline are what the store keeps of itself. A query sees the store as it was when it began. It
 * can read and nothing else, has a bound of rows, of time, and of memory, and says which one cut
 * it. A store may be written meanwhile by another process. */
#ifndef FLOWTAP_STORE_H
#define FLOWTAP_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ft_store;

/* Opens the store of a folder, for as long as one likes. SQLite's memory is bounded from now on:
 * 256 MiB of all handles of the process together, as it counts. FT_E_NOT_FOUND: there is none;
 * FT_E_UNSUPPORTED: it is of a newer version, or this build has no SQLite; FT_E_CORRUPT, FT_E_IO,
 * FT_E_NOMEM. One thread at a time; others have handles of their own. */
FT_API FT_NODISCARD int ft_store_open(const char *folder, struct ft_store **out,
                                      struct ft_err *err);
FT_API void ft_store_close(struct ft_store *s); /* NULL is a no-op */

struct ft_store_limits {
    uint64_t rows;      /* at most; 0: any number */
    int64_t timeout_ms; /* 0: any time */
};

enum ft_store_kind { FT_STORE_NULL, FT_STORE_INTEGER, FT_STORE_REAL, FT_STORE_STRING };

/* A value; borrowed until the row is over. */
struct ft_store_cell {
    enum ft_store_kind kind;
    int64_t i;
    double f;
    const char *text; /* [len], UTF-8 */
    size_t len;
};

/* What a column of a result is, when it is one of a table as it is: how NDJSON writes it. */
enum ft_store_form {
    FT_STORE_PLAIN,
    FT_STORE_BOOL, /* 0 or 1 */
    FT_STORE_TIME, /* seconds since 1970, six decimals */
    FT_STORE_JSON  /* text that is JSON: lists, objects */
};

struct ft_store_heading {
    const char *name;
    enum ft_store_form form;
};

/* Who takes rows: columns once, before the first; each row. Other than 0 ends the query. */
struct ft_store_take {
    int (*columns)(void *cookie, const struct ft_store_heading *columns, uint32_t n);
    int (*row)(void *cookie, const struct ft_store_cell *cells, uint32_t n);
    void *cookie;
};

/* What goes with every answer. */
struct ft_store_result {
    uint64_t rows;
    bool cut;             /* there were more rows than the limit */
    uint32_t slices_bad;  /* left out: damaged, and set aside as FILE.bad, or not to be read */
    uint32_t slices_gone; /* dropped while they were read, and left out */
    uint64_t blocks_read, blocks_passed; /* whose bounds said that they cannot matter */
    int64_t newest_s; /* when the newest slice was written, by the clock; 0: there is none */
    double min_timestamp, max_timestamp; /* of what is stored, seconds */
    bool has_account;                    /* of the pipeline that wrote, the newest account: */
    uint64_t received, kernel_dropped, queue_dropped; /* packets, datagrams */
    uint64_t events_lost;                             /* by the store's output: dropped and lost */
    bool has_kernel_dropped;                          /* false: the source cannot know */
    char bad[160];                                    /* the first of slices_bad and why, or "" */
};

/* Runs one SELECT. FT_E_USAGE: it is none, or does what is not allowed: err has the reason;
 * FT_E_RANGE: it took longer, more memory, or a longer value (1 MiB) than it may; FT_E_INTERRUPTED:
 * the taker ended it; FT_E_CORRUPT, FT_E_IO. *out is filled in any case. */
FT_API FT_NODISCARD int ft_store_query(struct ft_store *s, const char *sql,
                                       const struct ft_store_limits *limits,
                                       const struct ft_store_take *take,
                                       struct ft_store_result *out, struct ft_err *err);

/* A table's rows of a time, by their timestamps: from <= timestamp < to, seconds since 1970. */
struct ft_store_range {
    const char *table; /* NULL: "flow" */
    double from, to;
};

/* Writes them into a file of Parquet, which is there, in the place of another, when it is whole: it
 * is written as PATH.part. *out is filled as by a query. FT_E_USAGE: there is no such table, or the
 * path is of something that is no file; FT_E_RANGE: it took longer than it may; FT_E_IO,
 * FT_E_NOMEM, FT_E_CORRUPT. */
FT_API FT_NODISCARD int ft_store_export(struct ft_store *s, const struct ft_store_range *range,
                                        const struct ft_store_limits *limits, const char *path,
                                        struct ft_store_result *out, struct ft_err *err);

/* What is like what: the flows, or the hosts, whose feature vectors (-p vector) are nearest to
 * one's. */
struct ft_store_similar {
    const char *id;    /* a flow_id; a host's address */
    const char *table; /* "flow", "window": of hosts; NULL: what the id is of */
    uint32_t k;        /* so many, 1 to FT_STORE_SIMILAR_MOST */
    double from, to;   /* among those of these timestamps: from <= timestamp < to, seconds */
    uint32_t span_s;   /* of the windows; 0: the longest of the host's newest ones */
    const char *const *columns; /* [n_columns] that rows have; NULL: the usual ones */
    uint32_t n_columns;
    uint64_t shuffle; /* not 0: what is as near in one second stands in an order that tells nothing
                       * of ids, another one for each number; 0: in that of times and ids */
};

enum { FT_STORE_SIMILAR_MOST = 1000 };

/* What was asked of. */
struct ft_store_origin {
    double timestamp; /* of the record, seconds */
    uint32_t span_s;  /* of the window; 0: a flow */
    char vector_id[64];
    uint64_t vectors; /* that it was compared with, at most: other vector_ids are among them */
};

/* The nearest first, each row `similarity` (cosine, of float32; 1: alike) and the columns. Of a
 * flow the newest record is compared, of a host the newest window that has packets, with all
 * records of the same vector_id, and of the same span; each other flow or host counts once, by the
 * record that is nearest. What is as near stands by its timestamp, the later first, then by its id
 * (ask->shuffle: another order).
 * The scan is exact, in the memory of a block and k rows, and the same with AVX2 and without.
 * FT_E_NOT_FOUND: there is no such flow or host, or it has no vector; FT_E_USAGE: what is asked is
 * wrong; FT_E_RANGE: the time was over; FT_E_CORRUPT: a slice was found damaged too late, ask
 * again; FT_E_INTERRUPTED: the taker ended it; FT_E_UNSUPPORTED, FT_E_IO, FT_E_NOMEM. *out is
 * filled in any case; limits->rows is not looked at. */
FT_API FT_NODISCARD int ft_store_similar(struct ft_store *s, const struct ft_store_similar *ask,
                                         const struct ft_store_limits *limits,
                                         const struct ft_store_take *take,
                                         struct ft_store_origin *out_origin,
                                         struct ft_store_result *out, struct ft_err *err);

#ifdef __cplusplus
}
#endif

#endif
