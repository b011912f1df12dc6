/* SPDX-License-Identifier: Apache-2.0 */
/* merge: what its parts share.
 *
 *     input.c   files to lines, by the order of their time
 *     scan.c    a line to values
 *     said.c    values to what a record adds
 *     flows.c   flows that are held
 *     write.c   a flow to a line
 *     merge.c   goes round */
#ifndef FT_MERGE_INTERNAL_H
#define FT_MERGE_INTERNAL_H

#include "flowtap/merge.h"
#include "merge/flows.h"
#include "merge/observers.h"
#include "merge/scan.h"

enum { FT__INPUTS = 1024, FT__OUT = 1 << 20 };

/* A file, and its line in hand. */
struct ft__input {
    char *name;   /* owned */
    int fd;       /* -1: it is over */
    char *buffer; /* owned; FT__SCAN_SLACK more than cap */
    size_t cap, begin, end;
    bool ended; /* what is in the buffer is the rest */
    int64_t time_us;
    bool is_object;
    struct ft__record record;
    struct ft__observer *who; /* of a flow record of a group; else NULL */
    bool has_said;
    struct ft__said said;
};

struct ft_merge {
    struct ft_merge_config cfg;
    struct ft_merge_stats stats;
    struct ft__scan *scan; /* owned */
    struct ft__flows flows;
    struct ft__observers observers;
    struct ft__input *input[FT__INPUTS]; /* owned; the first n_live as a heap by their time */
    uint32_t n_inputs, n_live;
    int64_t now_us; /* newest time */
    int (*write)(void *cookie, const char *data, size_t len);
    void *cookie;
    char *out; /* [FT__OUT], owned */
    size_t out_len;
    bool refused; /* by write */
};

/* The next line of an input, which is not over. False: it is over, or failed. */
FT_NODISCARD bool ft__merge_input_next(struct ft_merge *m, struct ft__input *in,
                                       struct ft_err *err);
FT_NODISCARD int ft__merge_input_open(const char *path, struct ft__input **out, struct ft_err *err);
void ft__merge_input_free(struct ft__input *in);

/* What a record says. False: it has no key, times or counts. */
FT_HOT bool ft__said_of(const struct ft__record *r, const struct ft__flows *f,
                        const struct ft__observer *who, uint32_t number, struct ft__said *out);

/* Bytes to the output; likewise a flow, which is merged now. */
void ft__write(struct ft_merge *m, const char *data, size_t len);
void ft__write_flow(struct ft_merge *m, const struct ft__flow *w);
void ft__write_flush(struct ft_merge *m);

#endif
