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

#include "model/networks.h"
#include "model/record.h"

struct ft_enrich {
    struct ft_networks *networks; /* owned, or NULL */
};

void ft_enrich_free(struct ft_enrich *e); /* NULL is a no-op */

/* Fills *out, whose text is e's; e may be NULL. Any thread. */
FT_HOT void ft_enrich_address(const struct ft_enrich *e, uint8_t ip_version, const uint8_t *addr,
                              struct ft_enrich_side *out);

#endif
