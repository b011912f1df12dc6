/* SPDX-License-Identifier: Apache-2.0 */
/* model: databases in MaxMind's format (--geo): AS and country of an address.
 *
 *     tree | 16 zeros | data | ... | 0xab 0xcd 0xef MaxMind.com | metadata
 *
 * Theory of operation: the tree has a node for each bit of an address, two records each: another
 * node, nothing, or a place in the data, whose maps, texts and numbers describe themselves
 * (MaxMind DB File Format Specification 2.0). It is read here and not by libmaxminddb, which opens
 * names of files only: a process that has given up the file system takes another database by its
 * bytes. The bytes are anybody's: a place is looked at before it is read, a pointer leads to no
 * other one (specification, "pointer"), and one record costs a bounded number of values. All that
 * the tree points to is read once when a database is opened, so a damaged one is refused as a
 * whole; what the records say is kept, and where the first 16 bits of an address lead. Nothing
 * changes after that: any number of threads may ask. */
#ifndef FT_MODEL_MMDB_H
#define FT_MODEL_MMDB_H

#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "model/record.h"

enum { FT_MMDB_TEXT = 127 /* bytes of a name, at most; longer ones are cut */ };

/* What a record says. */
struct ft_mmdb_says {
    const char *as_name; /* in the bytes of the database, or NULL */
    uint32_t as;         /* 0: nothing */
    uint8_t as_name_len;
    char country[3]; /* NUL-terminated; "": nothing */
};

/* The bytes are borrowed, the rest is its own. */
struct ft_mmdb {
    const uint8_t *tree, *data;
    size_t data_len;
    uint32_t n_nodes;
    uint32_t *top[2];          /* [65536] of IPv4 and IPv6: where 16 bits lead; mapped */
    struct ft_mmdb_says *says; /* [n_says]; mapped */
    uint32_t n_says, cap_says;
    struct ft_mmdb_slot {
        uint32_t at, no; /* place in the data + 1, number in says */
    } * slots;           /* [mask + 1]; mapped */
    uint32_t mask;
    uint8_t record_bits; /* 24, 28 or 32 */
    uint8_t ip_version;  /* 4: it knows no others; 6 */
    bool knows_as, knows_country;
    char type[64];  /* as it calls itself: "GeoLite2-City" */
    uint64_t epoch; /* s since 1970, when it was built; 0: it does not say */
};

/* Takes the bytes of a database, and looks at all of them; they stay until ft_mmdb_close().
 * FT_E_FORMAT: it is none, is damaged, or knows neither AS nor country, err says what; FT_E_NOMEM.
 * Nothing is to be closed then. */
FT_NODISCARD int ft_mmdb_open(const uint8_t *bytes, size_t len, struct ft_mmdb *out,
                              struct ft_err *err);

void ft_mmdb_close(struct ft_mmdb *db); /* zeroed: a no-op */

/* Bytes of memory besides the database. */
size_t ft_mmdb_memory(const struct ft_mmdb *db);

/* Fills what *out has not yet of AS, its name and country. The text is the database's, without NUL.
 * O(bits of the address). */
FT_HOT void ft_mmdb_find(const struct ft_mmdb *db, uint8_t ip_version, const uint8_t *addr,
                         struct ft_enrich_side *out);

#endif
