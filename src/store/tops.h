/* SPDX-License-Identifier: Apache-2.0 */
/* store: who had most in each minute, of what is stored.
 *
 * Theory of operation: each record is of the minute of its timestamp, and brings what came since
 * the record before of its flow, so that records of long flows are counted once. A minute has a
 * table (heavy.h) for each kind of entity; a few minutes are open at a time, and the one that was
 * touched longest ago is written when another begins. What a slice has of a minute are its first
 * FT_TOPS_ROWS of each kind and one row of all others: their sums are exact. A minute that several
 * slices have has rows in each. */
#ifndef FT_STORE_TOPS_H
#define FT_STORE_TOPS_H

#include "store/gather.h"
#include "store/heavy.h"

enum ft_tops_kind { FT_TOPS_SRC, FT_TOPS_DST, FT_TOPS_PAIR, FT_TOPS_PORT, FT_TOPS__COUNT };
enum { FT_TOPS_COUNTERS = 512, FT_TOPS_ROWS = 64, FT_TOPS_MINUTES = 16 };
enum { FT_TOPS_PENDING = 32768 /* rows of minutes that are over */ };

/* What a record says to them, by the columns that its table has. */
struct ft_tops_flow {
    int64_t at_us;
    uint8_t src[16], dst[16];
    uint16_t port;
    uint8_t proto;
    bool has_addresses;
    uint64_t bytes, packets, flows;
};

struct ft_tops;

struct ft_tops *ft_tops_new(void); /* NULL: no memory */
void ft_tops_free(struct ft_tops *t);

void ft_tops_add(struct ft_tops *t, const struct ft_tops_flow *f);

/* The slice should end: there are many rows. */
bool ft_tops_full(const struct ft_tops *t);

/* All minutes are over. How many rows there are, for blocks of up to FT_STORE_BLOCK. */
uint32_t ft_tops_close(struct ft_tops *t);
void ft_tops_clear(struct ft_tops *t);

/* The table of those rows: its columns, and an ft_slice_fill_fn of them all. */
const struct ft_store_column *ft_tops_columns(uint32_t *out_n);
FT_NODISCARD int ft_tops_fill(void *tops, uint32_t column, struct ft_store_values *out);

#endif
