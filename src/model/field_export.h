/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of the events of collect. */
#ifndef FT_MODEL_FIELD_EXPORT_H
#define FT_MODEL_FIELD_EXPORT_H

#include "model/export.h"
#include "model/field.h"

/* The columns of an event as collect makes it, in order: FT_EVENT_FLOW of struct ft_export_record,
 * SAMPLE and DISCARD of ft_export_sample, COUNTER of ft_export_counters, TEMPLATE of
 * ft_template_change, EXPORTER of ft_exporter_health; STATS as ever. */
const struct ft_field *ft_fields_export(enum ft_event e, uint32_t *out_n);

/* Whose such an event is, and when it came; not of FLOW and STATS. */
struct ft_export_head {
    const struct ft_exporter_info *exporter; /* may be NULL */
    int64_t timestamp_ns;
};
struct ft_export_head ft_export_head(enum ft_event e, const void *event);

/* Deterministic id of an exported record: of exporter, domain, key and start. */
uint64_t ft_export_flow_id(const struct ft_export_record *r);

/* The reason of an exported record by its flowEndReason; FT_REASON__COUNT: not told. */
enum ft_reason ft_export_reason(const struct ft_export_record *r);

/* False: the exporter says that the flow goes on: by its firewall event, else by flowEndReason. */
bool ft_export_is_final(const struct ft_export_record *r);

/* a * rate; UINT64_MAX when it is more. */
uint64_t ft_export_estimate(uint64_t a, uint32_t rate);

/* The features object of a record: values up to end (see ft_xvalues_put), then five names of 63
 * bytes, each of which may become six in JSON. Writes less than FT_EXPORT_NAMES_ROOM beyond end. */
enum { FT_EXPORT_NAMES_ROOM = 2304 };
uint8_t *ft_export_features(const struct ft_export_record *r, uint8_t *p, const uint8_t *end);

#endif
