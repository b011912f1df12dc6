/* SPDX-License-Identifier: Apache-2.0 */
/* model: what the parts of a condition share. For where*.c, and for who asks something else than a
 * record (serve/filter.c).
 *
 *     where.c         asks a record
 *     where_read.c    from text to tests: words, grammar, columns
 *     where_value.c   operands from words */
#ifndef FT_MODEL_WHERE_PARTS_H
#define FT_MODEL_WHERE_PARTS_H

#include "model/prefix.h"
#include "model/where.h"

__extension__ typedef __int128 ft__i128;

/* How a test compares. */
enum ft__where_kind {
    FT__WHERE_NULL,  /* is it null? */
    FT__WHERE_WHOLE, /* whole numbers, signed or not, true and false, ids, microseconds */
    FT__WHERE_REAL,
    FT__WHERE_TEXT,
    FT__WHERE_HOLDS, /* text that holds the operand, in any case */
    FT__WHERE_GLOB,  /* text that is like the operand, whose * stand for anything */
    FT__WHERE_ADDR
};

/* Outcomes of a comparison; a test wants some of them. */
enum { FT__BELOW = 1, FT__EQUAL = 2, FT__ABOVE = 4 };

/* Where a test may lead besides to another one. */
enum { FT__WHERE_YES = UINT16_MAX - 1, FT__WHERE_NO = UINT16_MAX };

struct ft__where_operand {
    union {
        struct {
            ft__i128 whole; /* rounded down */
            bool more;      /* there was something behind the point */
        };
        double real;
        struct {
            const char *text; /* in words of the condition */
            uint32_t len;
        };
        struct ft_prefix prefix;
    };
};

struct ft__where_test {
    struct ft_column column;
    uint32_t first, n; /* its operands: one of them has to do */
    uint16_t yes, no;  /* the next test, or FT__WHERE_YES, FT__WHERE_NO */
    uint8_t kind;      /* enum ft__where_kind */
    uint8_t wanted;    /* FT__BELOW, ... */
};

/* The condition as it was read: a tree, whose leaves are tests. */
enum ft__where_node_kind { FT__NODE_TEST, FT__NODE_AND, FT__NODE_OR, FT__NODE_NOT };

enum { FT__WHERE_NODES = 3 * FT_WHERE_TESTS };

struct ft__where_node {
    uint8_t kind;  /* enum ft__where_node_kind */
    uint16_t a, b; /* nodes, or of a test its number */
};

struct ft_where {
    uint16_t start; /* the first test */
    uint16_t root;  /* of nodes */
    struct ft__where_node nodes[FT__WHERE_NODES];
    uint32_t n_tests, n_operands, cap_operands;
    struct ft__where_test tests[FT_WHERE_TESTS];
    struct ft__where_operand *operands; /* owned */
    char *words;                        /* NUL-terminated words of the text; owned */
};

/* What values of a type are called: "a number", "an address or prefix like 10.0.0.0/8", ...; NULL:
 * conditions cannot ask columns of this type. */
const char *ft__where_value_name(enum ft_type type);

/* Reads a word as a value that is compared with columns of a type, and says how. False: it is none.
 */
bool ft__where_value(enum ft_type type, const char *word, struct ft__where_operand *out,
                     enum ft__where_kind *out_kind);

#endif
