/* SPDX-License-Identifier: Apache-2.0 */
/* serve: what the parts of a desk share. For serve/ only.
 *
 *     desk.c       a store that is open, its tables, one call after the other
 *     said.c       what goes with every answer: window, age, loss, sampling
 *     span.c       windows of time from words
 *     veil.c       what may be shown of a value, by the class of its column, and how
 *     grid.c       rows of a query, and how they are printed
 *     filter.c     conditions to SQL
 *     cursor.c     where an answer goes on
 *     tools/       one file a tool */
#ifndef FT_SERVE_DESK_PARTS_H
#define FT_SERVE_DESK_PARTS_H

#include "flowtap/store.h"
#include "model/field.h"
#include "model/prefix.h"
#include "serve/desk.h"

enum {
    FT__DESK_NAME = 80,         /* bytes of a column's name */
    FT__DESK_TEXT = 64,         /* characters of what others wrote */
    FT__DESK_DEFAULT = 3800,    /* bytes of rows of an answer that nobody asked to be longer */
    FT__DESK_MOST = 62 << 10,   /* of any: an answer is at most 64 KiB */
    FT__DESK_TIMEOUT_MS = 5000, /* of all queries of one call */
    FT__DESK_TRIES = 3, /* a slice that is found damaged is set aside, and is to be asked again */
    FT__DESK_K = 5,     /* hosts that an aggregate is of, at FT_PRIVACY_AGGREGATES */
};

enum ft__desk_table { FT__FLOW, FT__WINDOW, FT__ALERT, FT__TABLES };

/* A column of a table as it is in this store. */
struct ft__desk_column {
    char name[FT__DESK_NAME];
    const struct ft_field *field; /* NULL: no row describes it */
    uint8_t privacy;              /* enum ft_privacy; UNSET: no row describes it */
    uint8_t form;                 /* enum ft_store_form */
};

struct ft__desk_columns {
    struct ft__desk_column *column; /* [n] owned */
    uint32_t n;
    uint64_t rows;       /* of all slices; 0: it was not written */
    double min_s, max_s; /* of their timestamps */
};

struct ft_veil;

struct ft_desk {
    char *folder; /* owned */
    int privacy;
    struct ft_store *store;
    struct ft__desk_columns table[FT__TABLES];
    struct ft_veil *veil; /* or NULL: below FT_PRIVACY_MAPPED */
    /* ---- of the call ---- */
    struct ft_store_result said; /* of all its queries */
    int64_t until_ms;
    double now; /* seconds since 1970 */
    /* ---- of the store as it was when it was opened ---- */
    int64_t newest_s;
    double first_s, last_s; /* of flow records and alerts, or of windows; NAN: there is nothing */
    bool of_future;         /* records say that they are: last_s is of the others */
    double left_out;        /* by the account: records that a condition (--where) left out */
    double exports_lost;    /* messages that exporters sent and that did not come */
    double alerts_unseen;   /* what detectors had no room for */
    bool opened;
};

/* ---- desk.c ---- */

/* Begins a call: the time runs; a store that has new slices is opened anew. */
FT_NODISCARD int ft__desk_begin(struct ft_desk *d, struct ft_err *err);

/* Runs a SELECT in the time that the call has left; rows: at most, 0: any. What it says of slices
 * is added to d->said. */
FT_NODISCARD int ft__desk_query(struct ft_desk *d, const char *sql, uint64_t rows,
                                const struct ft_store_take *take, bool *out_cut,
                                struct ft_err *err);

/* The nearest vectors, likewise. */
FT_NODISCARD int ft__desk_similar(struct ft_desk *d, const struct ft_store_similar *ask,
                                  const struct ft_store_take *take,
                                  struct ft_store_origin *out_origin, struct ft_err *err);

/* The first row's first n cells as numbers; null and no row: NAN. */
FT_NODISCARD int ft__desk_numbers(struct ft_desk *d, const char *sql, uint32_t n, double *out,
                                  struct ft_err *err);

/* The column of a table in this store, or NULL. */
const struct ft__desk_column *ft__desk_find(const struct ft_desk *d, enum ft__desk_table t,
                                            const char *name);

/* "out of memory", when the text of an answer could not be written. */
FT_NODISCARD int ft__desk_done(const struct ft_text *out, struct ft_err *err);

/* ---- said.c ---- */

/* A span of packet time, microseconds since 1970: from <= timestamp < to. */
struct ft__span {
    int64_t from_us, to_us;
};

/* ,"data":{...}: what every answer has. s: its window, or NULL. Begins with a comma. */
FT_NODISCARD int ft__desk_said(struct ft_desk *d, const struct ft__span *s, struct ft_text *out,
                               struct ft_err *err);

/* "2026-11-29T13:15:00Z", with quotes. */
void ft__desk_put_time(struct ft_text *out, double seconds);
/* Three significant digits; null when it is not finite. */
void ft__desk_put_rate(struct ft_text *out, double v);
/* A counter, exact; null when it is not finite. */
void ft__desk_put_count(struct ft_text *out, double v);

/* ---- span.c ---- */

/* The window of a call: "10m", "1h", "7d", "all", or "FROM/TO". text: NULL: fallback. It ends with
 * the newest record. FT_E_USAGE. */
FT_NODISCARD int ft__span_read(struct ft_desk *d, const char *text, const char *fallback,
                               struct ft__span *out, struct ft_err *err);
/* The same in whole minutes: it begins and ends with one, but not behind the newest record. */
void ft__span_minutes(const struct ft_desk *d, struct ft__span *s);
double ft__span_s(const struct ft__span *s);
/* How much of it is behind the oldest record, that one's unit included: what rates are of. */
double ft__span_stored_s(const struct ft_desk *d, const struct ft__span *s, int64_t unit_us);
/* "timestamp >= ... AND timestamp < ..." */
void ft__span_sql(const struct ft__span *s, struct ft_text *sql);

/* ---- tools ---- */

/* "baseline" of a host, an address as the store has it; or null. bytes_per_hour: NAN, or what is
 * held against it. */
FT_NODISCARD int ft__host_baseline(struct ft_desk *d, const char *address, double bytes_per_hour,
                                   struct ft_text *out, struct ft_err *err);

/* A text among the arguments, or NULL; a number, or what else. */
const char *ft__arg_text(const cJSON *args, const char *name);
double ft__arg_number(const cJSON *args, const char *name, double fallback);

int ft__tool_similar(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err);
int ft__tool_flow(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err);
int ft__tool_host(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err);
int ft__tool_detect(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err);
int ft__tool_changes(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err);
int ft__tool_explain(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err);
int ft__tool_top(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err);
int ft__tool_flows(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err);
int ft__tool_overview(struct ft_desk *d, const cJSON *args, struct ft_text *out,
                      struct ft_err *err);

#endif
