/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: --anonymize: what is done with each class of columns before an event is written.
 *
 * Theory of operation: between the stages that make events and the formats that write them stands
 * one copy of the event in which each class (model/privacy.h) has been dealt with:
 *
 *   identity   IPv4 and IPv6 addresses are mapped by Crypto-PAn, MAC addresses become keyed
 *              pseudonyms; ids are worked out from the mapped addresses (community_id, flow_id of
 *              collect) or mapped themselves (flow_id)
 *   name       null, or with FT_NAMES_HASH 16 hex digits: a keyed digest
 *   payload    null
 *   the rest   as it is
 *
 * Formats know nothing of it, so none can forget it. A test (unit/pipeline/test_anonymize) walks
 * all columns of all events and compares what each gives before and after by its class; a column
 * whose place in its struct is not dealt with here fails it. Exported values carry their type,
 * which has a class; no value is looked at by name.
 *
 * An instance belongs to one thread. What its functions return is valid until their next call. */
#ifndef FT_PIPELINE_ANONYMIZE_H
#define FT_PIPELINE_ANONYMIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/net/cryptopan.h"
#include "flowtap/event.h"
#include "model/export.h"
#include "model/packet.h"
#include "model/record.h"

struct ft_anonymizer;

/* FT_E_NOMEM; FT_E_UNSUPPORTED in a build without OpenSSL. Freed with _free. */
FT_NODISCARD int ft_anonymizer_new(const uint8_t key[FT_CRYPTOPAN_KEY], enum ft_names names,
                                   struct ft_anonymizer **out);
void ft_anonymizer_free(struct ft_anonymizer *a); /* NULL is a no-op */

/* Its mapping, for what is kept besides events; owned by a. */
struct ft_cryptopan *ft_anonymizer_map(struct ft_anonymizer *a);

const struct ft_packet *ft_anonymize_packet(struct ft_anonymizer *a, const struct ft_packet *pkt);
const struct ft_flow_record *ft_anonymize_flow(struct ft_anonymizer *a,
                                               const struct ft_flow_record *rec);

/* An event of collect, by its struct (model/field_export.h), or WINDOW (model/window.h). */
const void *ft_anonymize_export(struct ft_anonymizer *a, enum ft_event event, const void *what);

#endif
