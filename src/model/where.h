/* SPDX-License-Identifier: Apache-2.0 */
/* model: conditions on the columns of a record (--where).
 *
 *     or    = and { ("or" | "||") and }
 *     and   = one { ("and" | "&&") one }
 *     one   = ("not" | "!") one | "(" or ")" | test
 *     test  = column                                             a column of true and false
 *           | column ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") value
 *           | column ("~" | "!~") text                           holds the text
 *           | column ["not"] "in" ("[" | "(") value { "," value } ("]" | ")")
 *
 * Theory of operation: a condition knows nothing but columns (columns.h), so it reaches every
 * record that is walked by them, and whatever columns there will be. It is read once, at the start;
 * what it leaves is a row of tests, each with the test that comes next when it holds and when it
 * does not, and the operands as they are compared:
 *
 *     dst_port=443 and (byte_count>1e6 or not is_final)
 *
 *     [dst_port=443] --yes--> [byte_count>1e6] --no--> [is_final] --no--> YES
 *           |no                     |yes                    |yes
 *           NO                      YES                     NO
 *
 * so that a record costs one getter for each test that matters, and no memory. Values are compared
 * as they are written: times in microseconds. A test of a column that is null does not hold,
 * whichever it is, but for "= null"; "not" turns a test around. */
#ifndef FT_MODEL_WHERE_H
#define FT_MODEL_WHERE_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "model/columns.h"

enum {
    FT_WHERE_TESTS = 256,     /* most of a condition */
    FT_WHERE_OPERANDS = 4096, /* likewise, of all its tests */
    FT_WHERE_DEPTH = 64       /* of parentheses and nots */
};

struct ft_where;

/* Reads a condition on these columns, whose rows must stay. FT_E_USAGE: err->what says where it is
 * wrong, and of a column that does not exist, which is near; FT_E_NOMEM. */
FT_NODISCARD int ft_where_new(const char *text, const struct ft_column *columns, uint32_t n,
                              struct ft_where **out, struct ft_err *err);
void ft_where_free(struct ft_where *w); /* NULL is a no-op */

/* The same on all columns of flow records: of packets, or as exported. */
FT_NODISCARD int ft_where_flow(const char *text, bool exported, struct ft_where **out,
                               struct ft_err *err);

/* Does a record satisfy it? parts: of the record, by the number of a column's part; NULL: its
 * columns are null. Any number of threads. */
FT_HOT bool ft_where_holds(const struct ft_where *w, const void *const *parts);

/* Gives it the observer that its columns are asked of, which lives as long. w: NULL is a no-op. */
void ft_where_observe(struct ft_where *w, const struct ft_observer *observer);

/* The column of test number i, for who keeps what columns need; NULL behind the last. */
const struct ft_column *ft_where_uses(const struct ft_where *w, uint32_t i);

#endif
