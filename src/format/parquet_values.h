/* SPDX-License-Identifier: Apache-2.0 */
/* format: values of a column as Parquet's PLAIN encoding has them: those that occur, the least and
 * the most of them. */
#ifndef FT_FORMAT_PARQUET_VALUES_H
#define FT_FORMAT_PARQUET_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values one after the other. */
struct ft__plain {
    const uint8_t *at;
    size_t len;
    uint64_t n;
    uint32_t width; /* 0: each behind its length (4) */
};

enum { FT__DICTIONARY_MOST = 8192, FT__DICTIONARY_TABLE = 4 * FT__DICTIONARY_MOST };

/* Values that occur, each numbered when it is met first. */
struct ft__dictionary {
    uint8_t *data;    /* [bytes of the values, at most]: the values as PLAIN; owner: the caller */
    uint16_t *number; /* [values, at most]: of each value; owner: the caller */
    uint16_t table[FT__DICTIONARY_TABLE];                                   /* numbers by hash */
    uint32_t value_at[FT__DICTIONARY_MOST], value_len[FT__DICTIONARY_MOST]; /* in data */
};

/* Numbers all values; *out is what occurs, in data. False: too many are different for a dictionary
 * to pay, or there are none. */
bool ft__dictionary_make(struct ft__dictionary *d, const struct ft__plain *v,
                         struct ft__plain *out);

/* How values are compared: numbers of 4 or 8 bytes, doubles, or bytes of any width. */
enum ft__order { FT__ORDER_UNSIGNED, FT__ORDER_SIGNED, FT__ORDER_REAL, FT__ORDER_BYTES };

/* The least and the most of values; they point into the values, or into number. */
struct ft__range {
    const uint8_t *least, *most;
    uint32_t least_len, most_len;
    uint64_t number[2];
};

/* Of one value at least. SIGNED and REAL are of 8 bytes. */
void ft__plain_range(const struct ft__plain *v, enum ft__order order, struct ft__range *out);

#endif
