/* SPDX-License-Identifier: Apache-2.0 */
/* merge: what its parts share.
 *
 *     input.c   files to lines, by the order of their time
 *     arrow.c   rows of Arrow to lines (arrow_value.c)
 *     scan.c    a line to values, by its shape (shape.c) or as JSON
 *     said.c    values to what a record adds
 *     flows.c   flows that are held, each with a text (kept.c)
 *     write.c   a flow to a line
 *     merge.c   goes round */
#ifndef FT_MERGE_INTERNAL_H
#define FT_MERGE_INTERNAL_H

#include "flowtap/merge.h"
#include "merge/arrow.h"
#include "merge/arrow_out.h"
#include "merge/flows.h"
#include "merge/observers.h"
#include "merge/scan.h"

enum {
    FT__INPUTS = 1024,
    FT__AHEAD = 8,     /* lines */
    FT__OUT = 1 << 18, /* bytes that are handed out at once, at least */
    /* a line, and who saw it: all observers; the rest is numbers */
    FT__OUT_ROOM = FT__OUT + FT__SCAN_LINE + FT__OBSERVERS * (FT__OBSERVER_TEXT + 4) + (1 << 16)
};

/* A line, before it is its turn. */
struct ft__line {
    struct ft__record record;
    int64_t time_us;
    bool has_time;
    struct ft__observer *who; /* of a flow record of a group; else NULL */
    bool is_flow, has_said;
    struct ft__said said;
    struct ft__arrow_text text; /* of a row */
};

/* A file, and its lines in hand: what is in the buffer already is read some lines ahead, so that
 * memory has been asked for when a line's turn comes. */
struct ft__input {
    char *name;   /* owned */
    int fd;       /* -1: it is over */
    char *buffer; /* owned; FT__SCAN_SLACK more than cap */
    size_t cap, begin, end;
    bool ended;                    /* what is in the buffer is the rest */
    bool begun;                    /* it is known what it is: */
    struct ft__arrow_input *arrow; /* owned; NULL: lines */
    struct ft__line *line;         /* [FT__AHEAD], owned; at, and those behind it, are to come */
    uint32_t at, n;
    int64_t time_us; /* of the line in hand */
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
    char *out; /* [FT__OUT_ROOM], owned */
    size_t out_len;
    bool to_arrow, to_arrow_file;
    struct ft__arrow_out *arrow; /* owned; NULL: lines go out */
    bool refused;                /* by write */
    struct ft_err failed;        /* the first input that did; code 0: none */
    struct ft_err why;           /* of the input in hand */
};

/* Lines of an input, which is not over, behind those that were in hand: one at least. False: it is
 * over, or failed. */
FT_NODISCARD bool ft__merge_input_lines(struct ft_merge *m, struct ft__input *in,
                                        struct ft_err *err);
FT_NODISCARD int ft__merge_input_open(const char *path, struct ft__input **out, struct ft_err *err);
void ft__merge_input_free(struct ft__input *in);

/* Looks at a line some lines before it is its turn: who says what, and where that belongs. */
void ft__merge_look(struct ft_merge *m, const struct ft__input *in, struct ft__line *line);

/* What a record says. False: it has no key, times or counts. */
FT_HOT bool ft__said_of(const struct ft__record *r, const struct ft__flows *f,
                        const struct ft__observer *who, uint32_t number, struct ft__said *out);

/* A line to the output, as it is; likewise a flow, which is merged now. */
void ft__write_line(struct ft_merge *m, const char *line, size_t len);
void ft__write_flow(struct ft_merge *m, const struct ft__flow *w);
void ft__write_flush(struct ft_merge *m);

#endif
