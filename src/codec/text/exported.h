/* SPDX-License-Identifier: Apache-2.0 */
/* codec/text: exported values as JSON. */
#ifndef FT_CODEC_TEXT_EXPORTED_H
#define FT_CODEC_TEXT_EXPORTED_H

#include "model/export.h"

/* Writes one value (no key): numbers, addresses and text by their type; null when it is absent or
 * of a wrong length. Text from the wire is escaped and cut (FT_XTEXT_*). Writes at most
 * ft_xvalue_room(v) bytes and FT_PUT_SLACK beyond. */
uint8_t *ft_xvalue_put(uint8_t *p, const uint8_t *base, const struct ft_xvalue *v,
                       const struct ft_export_lists *lists);

/* Writes "key":value,... of n values that stand one after the other (lists: for
 * those of RFC 6313, may be NULL), arrays for keys that come
 * several times. What does not fit before end is left out and said: "values_cut":number. end must
 * leave FT_XVALUES_TAIL bytes of room behind it. */
enum { FT_XVALUES_TAIL = 128 };
uint8_t *ft_xvalues_put(uint8_t *p, const uint8_t *end, const uint8_t *base,
                        const struct ft_xvalue *v, uint32_t n, const struct ft_export_lists *lists);

/* The same of a record's values, with keys that are prepared, when it has them. */
uint8_t *ft_xrecord_put(uint8_t *p, const uint8_t *end, const struct ft_export_record *r);

#endif
