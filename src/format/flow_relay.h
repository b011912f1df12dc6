/* SPDX-License-Identifier: Apache-2.0 */
/* format: what exporters have told as data records again: what collect relays.
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

#include "flowtap/stats.h"
#include "model/export.h"
#include "model/flow_templates.h"

enum { FT__RELAY_FIELDS = 126, FT__RELAY_KEY_WORDS = FT__RELAY_FIELDS + 2 };
enum { FT__RELAY_FIELDS_ROOM = 8 * FT__RELAY_FIELDS };

/* Writes a record at out, at most room bytes, and its template's number
 * (FT_FLOW_TEMPLATES_FULL: there is no place for it). Returns its bytes; 0: it has more fields, or
 * bytes, than there is room for. */
FT_HOT size_t ft__flow_relay_put(struct ft_flow_template_list *l, const struct ft_export_record *r,
                                 uint8_t *out, size_t room, uint32_t *out_template);

/* The same for NetFlow v9, which has no enterprises' elements but those that Cisco and ntop have
 * types for, no lists and no variable lengths: text and bytes are filled with zeros. timed: it
 * begins with 8 bytes of FIRST_SWITCHED and LAST_SWITCHED, which are filled in with the message, in
 * place of all others. */
FT_HOT size_t ft__flow_relay9_put(struct ft_flow_template_list *l, const struct ft_export_record *r,
                                  bool timed, uint8_t *out, size_t room, uint32_t *out_template);

/* Of a record of both directions the other one: key, counters, TCP flags. */
size_t ft__flow_relay9_reverse(struct ft_flow_template_list *l, const struct ft_export_record *r,
                               bool timed, uint8_t *out, size_t room, uint32_t *out_template);

/* A sampled packet, which is decoded, as a record of one packet: IPFIX, v9. */
size_t ft__flow_relay_sample(struct ft_flow_template_list *l, const struct ft_export_sample *s,
                             uint8_t *out, size_t room, uint32_t *out_template);

/* NetFlow v5: why it cannot hold the record, FT_UNFIT__COUNT: it can, unless _put() says false: an
 * interface or AS number has more than 16 bits. p: FT__RELAY_V5_RECORD bytes. _reverse: of a record
 * of both directions the other one, by the first. */
enum { FT__RELAY_V5_RECORD = 48 };
enum ft_unfit ft__flow_relay5_why(const struct ft_export_record *r);
FT_HOT bool ft__flow_relay5_put(const struct ft_export_record *r, uint8_t *p);
void ft__flow_relay5_reverse(const struct ft_export_record *r, const uint8_t *fwd, uint8_t *p);

#endif
