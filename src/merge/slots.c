/* SPDX-License-Identifier: Apache-2.0 */
/* merge: slots by their keys, see slots.h. */
#include "merge/slots.h"

#include <string.h>

static const struct {
    const char *key, *object;
} slots[] = {
#define X(symbol, key, object) {key, object},
    FT_MERGE_SLOTS(X)
#undef X
};

static bool is(const char *name, const char *text, size_t len)
{
    return strlen(name) == len && memcmp(name, text, len) == 0;
}

uint8_t ft__merge_slot_of(const char *object, size_t object_len, const char *key, size_t key_len)
{
    for (uint8_t i = 0; i < FT__MERGE_SLOTS_N; i++) {
        if (is(slots[i].key, key, key_len) &&
            (object_len == 0 || is(slots[i].object, object, object_len))) {
            return i;
        }
    }
    return FT__MERGE_SLOTS_N;
}

bool ft__merge_object(const char *name, size_t len)
{
    static const char *const objects[] = {"flow_key", "aggregate_metrics", "features", "exporter"};

    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        if (is(objects[i], name, len)) {
            return true;
        }
    }
    return false;
}
