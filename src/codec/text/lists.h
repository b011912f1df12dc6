/* SPDX-License-Identifier: Apache-2.0 */
/* codec/text: structured lists (RFC 6313) as JSON. */
#ifndef FT_CODEC_TEXT_LISTS_H
#define FT_CODEC_TEXT_LISTS_H

#include "model/export.h"

enum { FT_LISTS_DEPTH = 4 }; /* lists in lists; a deeper one is shown as its bytes */

/* Writes a basicList, subTemplateList or subTemplateMultiList of len bytes at `at`:
 *     {"semantic":"all_of","element":"interface_name","values":[...]}
 *     {"semantic":"ordered","template_id":300,"records":[{...},...]}
 *     {"semantic":"undefined","lists":[{"template_id":300,"records":[...]},...]}
 * Records of a template that is not known, and what is malformed, become "data":"hex". What does
 * not fit before end is left out and said: "cut":true. Writes at most FT_LISTS_TAIL bytes beyond
 * end. */
enum { FT_LISTS_TAIL = 512 };
uint8_t *ft_lists_put(uint8_t *p, const uint8_t *end, const uint8_t *at, uint32_t len, uint8_t type,
                      const struct ft_export_lists *lists, uint32_t depth);

#endif
