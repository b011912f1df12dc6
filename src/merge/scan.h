/* SPDX-License-Identifier: Apache-2.0 */
/* merge: flow records as text, and where in it the values are that merging looks at.
 *
 * Theory of operation: a line is held to the shape of one before (shape.h): what stood between the
 * values, byte for byte. A shape is learned by reading a line as JSON, whatever its order. Values
 * are places in the line; nothing is copied. */
#ifndef FT_MERGE_SCAN_H
#define FT_MERGE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"
#include "merge/shape.h"
#include "merge/slots.h"
#include "merge/span.h"

enum {
    FT__SCAN_SLACK = FT__SPAN_SLACK, /* bytes that can be read behind a line */
    FT__SCAN_LINE = 1 << 20
};

/* Begins zeroed. */
struct ft__record {
    const char *line; /* without its newline */
    uint32_t len;
    uint32_t own_len; /* what stands before the last brace and before what merge itself wrote */
    struct ft__shape *shape;       /* that it has; NULL: none that is known */
    uint32_t end[FT__SHAPE_STEPS]; /* with a shape: the ends of its values */
    struct ft__span of[FT__MERGE_SLOTS_N];
};

/* As long as a record has a shape, it stays. */
FT_INLINE void ft__record_hold(struct ft__record *r)
{
    if (r->shape != NULL) {
        r->shape->held++;
    }
}

FT_INLINE void ft__record_release(struct ft__record *r)
{
    if (r->shape != NULL) {
        r->shape->held--;
    }
}

struct ft__scan;

/* NULL: out of memory. */
struct ft__scan *ft__scan_new(void);
void ft__scan_free(struct ft__scan *s);

/* Finds the values of a line (at least FT__SCAN_SLACK readable bytes stand behind it); out is of
 * the line before, or zeroed, and is released when there is no other. False: it is no object of
 * JSON. */
FT_HOT bool ft__scan_line(struct ft__scan *s, const char *line, size_t len, struct ft__record *out);

/* Lines that had the shape of one before, and those that were read as JSON. */
void ft__scan_counts(const struct ft__scan *s, uint64_t *shaped, uint64_t *read);

#endif
