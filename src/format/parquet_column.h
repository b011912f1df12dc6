/* SPDX-License-Identifier: Apache-2.0 */
/* format: a column of a row group as Parquet has it: pages, and what the footer says of them.
 *
 * Theory of operation: the columns of a batch (batch.h) are nearly Parquet's already; those of a
 * group's batches are put one behind the other. A column chunk is a dictionary page, where one
 * pays, and one data page, each packed by zstd:
 *
 *     [values that occur] | levels | values, or their numbers in the dictionary
 *
 * Validity bits are definition levels of one bit, bit-packed; of a list an entry's level says null
 * (0), empty (1) or item (2), and repetition tells the first item of a row from the next ones. Of a
 * list of lists it is null (0), empty (1), an empty list (2) or item (3), and of a row (0), a list
 * (1) or the same one (2). What is null has no value. Reference:
 * parquet.apache.org/docs/file-format, parquet.thrift (2.10). */
#ifndef FT_FORMAT_PARQUET_COLUMN_H
#define FT_FORMAT_PARQUET_COLUMN_H

#include "codec/columnar/thrift.h"
#include "format/batch.h"
#include "model/loss.h"

/* The elements of the schema that a column is: how many; and they. */
uint32_t ft__parquet_elements(const struct ft__batch_column *c);
void ft__parquet_put_elements(struct ft_thrift *t, const struct ft__batch_column *c);

/* The place for one column's work, of the output's thread. */
struct ft__parquet_work;

/* For row groups whose rows take at most raw bytes, laid out. level: of zstd. NULL: out of memory.
 */
struct ft__parquet_work *ft__parquet_work_new(size_t raw, int level);
void ft__parquet_work_free(struct ft__parquet_work *w); /* NULL is a no-op */

/* Whether a column since the last call has no pages, for want of memory. */
bool ft__parquet_work_failed(struct ft__parquet_work *w);

/* Bytes that the pages of all n columns of such a group take at most. */
size_t ft__parquet_room(size_t raw, uint32_t n);

/* Rows that were laid out together, at a multiple of eight bytes; the next ones are behind them:
 * this head, nodes, buffers (places counted from the body), the body. */
struct ft__parquet_rows {
    uint64_t len; /* all of it */
    uint64_t n;
    struct ft_loss lost;
};

/* Where the body begins. */
size_t ft__parquet_body_at(const struct ft__batch *b);

/* A column of all rows of a group. */
struct ft__parquet_in {
    const struct ft__batch *batch;
    const struct ft__batch_column *column;
    uint64_t rows, nulls;
    const uint8_t *held; /* the rows */
    size_t len;
};

/* Writes a column as pages at out, which has room for them and will lie at offset at of the file;
 * adds its ColumnChunk to the list that is open in meta. Returns the bytes, adds to *raw what they
 * are unpacked. */
size_t ft__parquet_put_column(struct ft__parquet_work *w, const struct ft__parquet_in *in,
                              uint64_t at, uint8_t *out, struct ft_thrift *meta, uint64_t *raw);

#endif
