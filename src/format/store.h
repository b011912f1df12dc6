/* SPDX-License-Identifier: Apache-2.0 */
/* format: what an output to a store is handed: tables of several kinds of events, in batches.
 *
 * Theory of operation: the header says once which tables there are and what their columns are
 * called; then a chunk is one batch, of one table, as batch.h lays it out:
 *
 *     header   ft_store_head | n_tables times: ft_store_table | its columns
 *     chunk    ft_store_rows | nodes | buffers (places counted from the body) | body, at a multiple
 *              of eight
 *
 * Numbers are in the order of this machine: it is what two processes of one program say to each
 * other (store/serve.h). */
#ifndef FT_FORMAT_STORE_H
#define FT_FORMAT_STORE_H

#include "flowtap/event.h"
#include "format/batch.h"

enum { FT_STORE_NAME = 72, FT_STORE_TABLES = FT_EVENT__COUNT };

struct ft_store_head {
    uint32_t n_tables;
};

struct ft_store_table {
    uint32_t event; /* enum ft_event */
    uint32_t n;     /* columns */
};

/* What a column is; as slices keep it, too. */
struct ft_store_column {
    char name[FT_STORE_NAME]; /* ends with a NUL */
    uint8_t type, item;       /* enum ft_type */
    uint8_t cell;             /* enum ft__cell */
    uint8_t spare;
    uint16_t width; /* bytes of a value, of an item */
    uint16_t zero;
};

struct ft_store_rows {
    uint64_t len; /* of the whole chunk */
    uint32_t n;   /* rows */
    uint32_t event;
};

/* Where the body of a chunk begins. */
FT_INLINE size_t ft_store_body_at(uint32_t n_nodes, uint32_t n_buffers)
{
    return (sizeof(struct ft_store_rows) + n_nodes * sizeof(struct ft__batch_node) +
            n_buffers * sizeof(struct ft__batch_buffer) + 7) /
           8 * 8;
}

#endif
