/* SPDX-License-Identifier: Apache-2.0 */
/* format: what collect has heard as rows of flow export (model/flow_templates.h), in the version of
 * the output: records of NetFlow and IPFIX, and sampled packets of sFlow as records of one packet.
 * What the version cannot hold is FT_FORMAT_UNFIT(), by its reason. */
#ifndef FT_FORMAT_FLOW_COLLECT_H
#define FT_FORMAT_FLOW_COLLECT_H

#include "model/export.h"
#include "model/flow_templates.h"

enum { FT__FLOW_ROW_MOST = 65000 }; /* of a row: a message of 65535 bytes holds it */

/* Writes the row, or two when it is of both directions and the version has none of both, at most
 * room bytes. Returns its bytes. */
FT_HOT size_t ft__flow_collect_record(struct ft_flow_template_list *l,
                                      const struct ft_export_record *r, uint8_t *row, size_t room);
FT_HOT size_t ft__flow_collect_sample(struct ft_flow_template_list *l,
                                      const struct ft_export_sample *s, uint8_t *row, size_t room);

#endif
