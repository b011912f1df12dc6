/* SPDX-License-Identifier: Apache-2.0 */
/* format: events of all kinds as rows of one table, for formats that have row(): each finds out
 * what its columns look at, and hands that on. */
#ifndef FT_FORMAT_ROW_H
#define FT_FORMAT_ROW_H

#include "format/format.h"

size_t ft__row_sample(const struct ft_format *f, uint8_t *p, const struct ft_packet *pkt,
                      const struct ft_tuple_counts *counts);
size_t ft__row_flow(const struct ft_format *f, uint8_t *p, const struct ft_flow_record *rec);
size_t ft__row_stats(const struct ft_format *f, uint8_t *p, const struct ft_stats *s);
size_t ft__row_export_flow(const struct ft_format *f, uint8_t *p, size_t room,
                           const struct ft_export_record *rec);
size_t ft__row_export_event(const struct ft_format *f, uint8_t *p, enum ft_event e,
                            const void *event);

#endif
