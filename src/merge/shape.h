/* SPDX-License-Identifier: Apache-2.0 */
/* merge: the shape of a line: what stands between its values.
 *
 * Theory of operation: a probe writes its records with the same keys in the same order. So a line
 * is its shape and the texts of its values; only these are held of a flow (kept.h), and what comes
 * out is written from both. A shape is learned of a line that was read as JSON, or made of the
 * schema of Arrow.
 *
 * Many values are the same in nearly all lines. What is seen of some lines, now and then, says
 * which: from there on a run of them is one text, whose end has not to be looked for. */
#ifndef FT_MERGE_SHAPE_H
#define FT_MERGE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"
#include "merge/slots.h"

enum {
    FT__SHAPE_STEPS = 640, /* values of a line: what has more is read as JSON each time */
    FT__SHAPE_TEXT = 64 * 1024,
    FT__SHAPE_FEW = 64,    /* lines that say which values are the same, */
    FT__SHAPE_MANY = 1024, /* of so many */
    FT__SHAPE_MOST = 58,   /* of them */
    FT__SHAPE_RUN = 16,    /* bytes of a run at least */
    FT__SHAPE_FIRST = 32,  /* bytes that are compared at once */
    FT__SHAPE_SLACK = 64   /* bytes that can be read behind its text */
};

/* What stands before a value. */
struct ft__step {
    uint8_t first[FT__SHAPE_FIRST] FT_ALIGNED(16); /* its first bytes, */
    uint8_t mask[FT__SHAPE_FIRST];                 /* and which of them there are */
    uint32_t at;                                   /* in text */
    uint16_t len;
    uint8_t slot;   /* FT__MERGE_SLOTS_N: of no interest */
    uint8_t same;   /* lines among the first ones that had the sample's value, */
    uint8_t alike;  /* and one of its length */
    uint16_t run;   /* values from this one on that are the same in most lines; 0: none */
    uint32_t usual; /* bytes of the value in most lines; 0: it differs */
    uint32_t end;   /* of the value in the sample */
};

struct ft__shape {
    uint32_t n;
    uint32_t text_len;
    uint32_t end_at, end_len; /* what stands behind the last value */
    /* values, and bytes behind the last of them, that stand before the last brace and before what
     * merge itself wrote */
    uint32_t own_n, own_end;
    uint32_t own_text; /* bytes between the own values, those behind them with them */
    uint32_t held;     /* records in hand and texts that have it: it stays */
    uint64_t lines;    /* that had it */
    uint64_t used;     /* the last time */
    uint64_t id;       /* no other shape at this place had it */
    bool whole;        /* ft__shape_end() was said */
    struct ft__step step[FT__SHAPE_STEPS];
    char text[FT__SHAPE_TEXT + FT__SHAPE_SLACK];
    char sample[FT__SHAPE_TEXT]; /* a line */
};

/* Nothing yet. */
void ft__shape_begin(struct ft__shape *s);
/* A value behind this text. False: there is no room for it. */
FT_NODISCARD bool ft__shape_step(struct ft__shape *s, const char *before, size_t len, uint8_t slot);
/* The text behind the last value; own_n and own_end as above. Of a slot that comes more than once
 * the last one counts. */
FT_NODISCARD bool ft__shape_end(struct ft__shape *s, const char *behind, size_t len, uint32_t own_n,
                                size_t own_end);

/* One of the lines that say what is the same in most of them, and the ends of its values. */
void ft__shape_learn(struct ft__shape *s, const char *line, const uint32_t *end);

/* Another line that has it. */
FT_INLINE void ft__shape_line(struct ft__shape *s, const char *line, const uint32_t *end)
{
    if (FT_UNLIKELY(s->lines++ % FT__SHAPE_MANY < FT__SHAPE_FEW)) {
        ft__shape_learn(s, line, end);
    }
}

#endif
