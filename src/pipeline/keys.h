/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the keys of messages, for outputs that ask for them.
 *
 * Theory of operation: the key of a flow is its Community ID as text, equal in both directions, so
 * that all that is said of a flow comes in order to one reader. That is a SHA-1; samples come many
 * of a flow, so their newest keys are kept. */
#ifndef FT_PIPELINE_KEYS_H
#define FT_PIPELINE_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "model/export.h"
#include "model/packet.h"
#include "model/record.h"
#include "output/output.h"

struct ft_key_cache;

/* NULL: out of memory. Freed with ft_mem_free(). */
struct ft_key_cache *ft_key_cache_new(void);

/* Each writes a key of at most FT_KEY_MOST bytes, as it is asked for, and returns its bytes, 0:
 * there is none. */
FT_HOT size_t ft_key_packet(struct ft_key_cache *cache, enum ft_keys keys,
                            const struct ft_packet *pkt, uint8_t *out);
size_t ft_key_flow(enum ft_keys keys, const struct ft_flow_record *rec, uint8_t *out);
size_t ft_key_export(enum ft_keys keys, const struct ft_export_record *rec, uint8_t *out);
/* An event of collect by its struct. */
size_t ft_key_event(struct ft_key_cache *cache, enum ft_keys keys, enum ft_event event,
                    const void *what, uint8_t *out);

#endif
