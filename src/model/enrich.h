/* SPDX-License-Identifier: Apache-2.0 */
/* model: what files say of an address: AS, country (--geo), network (--networks).
 *
 * Theory of operation: the tables are read before anything else, and do not change; a reload makes
 * others, which workers turn to between two batches. They are asked when a record is written, with
 * true addresses, and answer with text of their own. */
#ifndef FT_MODEL_ENRICH_H
#define FT_MODEL_ENRICH_H

#include <stddef.h>
#include <stdint.h>

#include "base/big.h"
#include "model/mmdb.h"
#include "model/networks.h"
#include "model/record.h"

enum { FT_ENRICH_GEO = 8 };

struct ft_enrich {
    struct ft_networks *networks; /* owned, or NULL */
    struct ft_geo {
        struct ft_big file; /* owned */
        struct ft_mmdb db;
    } geo[FT_ENRICH_GEO]; /* [n_geo]: what the first one does not know the next may */
    uint32_t n_geo;
    uint32_t retired;       /* the generation of the pipeline that does not use it any more */
    struct ft_enrich *next; /* another one that is retired */
};

void ft_enrich_free(struct ft_enrich *e); /* NULL is a no-op */

/* Fills *out, whose text is e's; e may be NULL. Any thread. */
FT_HOT void ft_enrich_address(const struct ft_enrich *e, uint8_t ip_version, const uint8_t *addr,
                              struct ft_enrich_side *out);

/* The answers to the addresses that were asked about last. owner: one thread */
enum { FT_ENRICH_CACHED = 8192 };
struct ft_enrich_cache {
    const struct ft_enrich *of; /* whose answers they are */
    struct ft_enrich_answer {
        FT_ALIGNED(64) uint8_t addr[16]; /* IPv4 in the first 4 bytes, then zeros */
        uint8_t ip_version;              /* 0: none */
        struct ft_enrich_side side;
    } answer[FT_ENRICH_CACHED];
};

/* The same through a cache, which is mapped and begins zeroed; NULL: without. */
FT_HOT void ft_enrich_ask(struct ft_enrich_cache *c, const struct ft_enrich *e, uint8_t ip_version,
                          const uint8_t *addr, struct ft_enrich_side *out);

#endif
