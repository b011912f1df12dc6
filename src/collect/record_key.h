/* SPDX-License-Identifier: Apache-2.0 */
/* collect: which fields of a template are the key, when it describes more than one packet header.
 *
 * Theory of operation: a template may have an element twice: the outer header of a tunnel and the
 * inner one (RFC 7011 §8: in the order in which they were looked at). A key whose address is of one
 * and whose port is of the other is no key of anything, so its fields are parted into headers, and
 * all of the key comes from one of them: the innermost, as with packets, or the outermost
 * (--keep-tunnels). A field is of the header that begins before it, where a header begins with an
 * element that the one before has already. Where a part would lack an address that others have
 * (elements stand pairwise), the n-th of an element is the n-th header's, counted from the
 * innermost. The others' values stay columns like all others. */
#ifndef FT_COLLECT_RECORD_KEY_H
#define FT_COLLECT_RECORD_KEY_H

#include "collect/plan.h"

/* Fields of a template by number. */
struct ft__field_set {
    uint64_t bits[FT__PLAN_FIELDS_MAX / 64];
};

FT_INLINE bool ft__field_in(const struct ft__field_set *s, uint32_t field)
{
    return (s->bits[field / 64] >> field % 64 & 1) != 0;
}

/* Elements of the key that the key of the plan's records is not taken from. False: none, and *out
 * is not written. */
bool ft__key_of_others(const struct ft__template_plan *plan, bool outermost,
                       struct ft__field_set *out);

#endif
