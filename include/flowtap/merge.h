/* SPDX-License-Identifier: Apache-2.0 */
/* Flow records of many observers as one stream: what several of them say of one flow becomes one
 * record.
 *
 * Theory of operation: a group names observers and says how its members' counts go together. The
 * records of a group that have one Community ID and overlap in time are one flow. It is written
 * when the stream is a window past the newest of them, and holds the record of the member that saw
 * most of it, with what has been merged in its place; see docs/observers.md. Records of observers
 * in no group, and other events, go through as they are. */
#ifndef FLOWTAP_MERGE_H
#define FLOWTAP_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the counts of a group's members go together. */
enum ft_merge_how {
    FT_MERGE_COPIES, /* all see the same packets: the larger count holds */
    FT_MERGE_PARTS   /* each packet is seen by one: they add up */
};

struct ft_merge_config {
    int64_t window_ns;    /* a flow is written this long behind its newest record; 0: at the end */
    int64_t tolerance_ns; /* by which clocks may differ */
    uint32_t max_flows;   /* that are held at a time */
};

/* The account. */
struct ft_merge_stats {
    uint64_t lines, records;  /* that came; flow records among them */
    uint64_t merged;          /* records that became part of a flow that was written */
    uint64_t written;         /* flows that were merged */
    uint64_t passed;          /* lines that went through as they are */
    uint64_t malformed;       /* lines that are no object of JSON: left out */
    uint64_t without_key;     /* records of a group in which there is no key: they passed */
    uint64_t late;            /* records of flows that had been written already */
    uint64_t late_left_out;   /* of them, of copies: they may be counted already */
    uint64_t early;           /* flows written before their time: max_flows were held */
    uint64_t by_shape;        /* lines whose keys were those of a line before */
    uint32_t observers;       /* that were seen */
    uint64_t events_left_out; /* of Arrow: events that are no flow records, */
    uint64_t values_left_out; /* and values that have no column or are not of its type */
};

struct ft_merge;

/* FT_E_NOMEM, FT_E_USAGE. */
FT_API FT_NODISCARD int ft_merge_new(const struct ft_merge_config *cfg, struct ft_merge **out,
                                     struct ft_err *err);
FT_API void ft_merge_free(struct ft_merge *m); /* NULL is a no-op */

/* A group: "NAME=PATTERN,PATTERN" or without a name; the first group whose pattern (as of shells)
 * fits an observer has it. Before the first input is read. FT_E_USAGE. */
FT_API FT_NODISCARD int ft_merge_group(struct ft_merge *m, enum ft_merge_how how, const char *text,
                                       struct ft_err *err);
/* "PATTERN=N": observers that see 1 packet in N. */
FT_API FT_NODISCARD int ft_merge_sampled(struct ft_merge *m, const char *text, struct ft_err *err);

/* What comes of it goes out as an Arrow IPC stream, or file with its footer, of flow records
 * instead of lines. Its columns are those of the first ones that are written. Before
 * ft_merge_run(). */
FT_API void ft_merge_arrow(struct ft_merge *m, bool is_file);

/* Adds a file of NDJSON or Arrow IPC; "-" is stdin. FT_E_USAGE, FT_E_NOT_FOUND, FT_E_IO. */
FT_API FT_NODISCARD int ft_merge_input(struct ft_merge *m, const char *path, struct ft_err *err);

/* Reads all inputs to their ends, in the order of their time, and hands out what comes of it, in
 * whole lines (or as Arrow), to write, whose result other than 0 ends it. An input that fails ends
 * there, the others go on; then the first failure: FT_E_IO, FT_E_CORRUPT, FT_E_TRUNCATED,
 * FT_E_UNSUPPORTED, FT_E_NOMEM. */
FT_API FT_NODISCARD int ft_merge_run(struct ft_merge *m,
                                     int (*write)(void *cookie, const char *data, size_t len),
                                     void *cookie, struct ft_err *err);

FT_API void ft_merge_get_stats(const struct ft_merge *m, struct ft_merge_stats *out);

#ifdef __cplusplus
}
#endif

#endif
