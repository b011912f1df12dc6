/* SPDX-License-Identifier: Apache-2.0 */
/* format: records of exporters as data records of IPFIX again: what collect relays.
 *
 * Theory of operation: a record's values are copied as they came, in the order in which the
 * collector has them, each with its element, whatever the version was: NetFlow's numbers are
 * IANA's. What holds only where it came from is made to hold anywhere:
 *
 *     sysUpTime of first and last, and times before the export     flowStart/EndMilliseconds
 *     templates that lists name (RFC 6313 subTemplateList)         left out
 *     who sent it                                                  exporterIPv4/IPv6Address,
 *                                                                  originalObservationDomainId
 *     how it was sampled, when the record does not say it          samplingInterval
 *
 * The key of a template is the fields themselves: records of different exporters that have the same
 * fields have the same template. */
#ifndef FT_FORMAT_FLOW_RELAY_H
#define FT_FORMAT_FLOW_RELAY_H

#include "model/export.h"
#include "model/flow_templates.h"

enum { FT__RELAY_FIELDS = 126, FT__RELAY_KEY_WORDS = FT__RELAY_FIELDS + 2 };
enum { FT__RELAY_FIELDS_ROOM = 8 * FT__RELAY_FIELDS };

/* Writes a record at out, at most room bytes, and its template's number. Returns its bytes; 0: it
 * has more fields, or bytes, than there is room for, or there is no place for its template. */
FT_HOT size_t ft__flow_relay_put(struct ft_flow_template_list *l, const struct ft_export_record *r,
                                 uint8_t *out, size_t room, uint32_t *out_template);

#endif
