/* SPDX-License-Identifier: Apache-2.0 */
/* format: each schema as a format of its own, see map.h and format.h. */
#include <string.h>

#include "format/map.h"
#include "format/ndjson.h"

extern const struct ft_format_ops ft_format_ndjson;

static size_t export_event(const struct ft__map *map, uint8_t *p, enum ft_event e,
                           const void *event)
{
    if (e == FT_EVENT_SAMPLE) {
        return ft__map_sample(map, p, event);
    }
    return ft__ndjson_walk_export(e, event, p);
}

/* A format has no place for its table: one pair of functions for each schema. */
#define SCHEMA(i)                                                                                  \
    static size_t flow_##i(uint8_t *p, size_t room, const struct ft_export_record *r)              \
    {                                                                                              \
        return ft__map_flow(&ft__maps[i], p, room, r);                                             \
    }                                                                                              \
    static size_t event_##i(uint8_t *p, enum ft_event e, const void *event)                        \
    {                                                                                              \
        return export_event(&ft__maps[i], p, e, event);                                            \
    }

SCHEMA(0)
SCHEMA(1)
SCHEMA(2)
SCHEMA(3)
SCHEMA(4)
SCHEMA(5)
SCHEMA(6)

#define OPS(i)                                                                                     \
    {                                                                                              \
        .name = "ndjson", .suffix = ".ndjson", .events = (1u << FT_EVENT_PACKET) - 1,              \
        .stats = ft__ndjson_stats, .export_flow = flow_##i, .export_event = event_##i,             \
    }

static const struct ft_format_ops ops[] = {OPS(0), OPS(1), OPS(2), OPS(3), OPS(4), OPS(5), OPS(6)};

const struct ft_format_ops *ft_format_schema(const char *schema)
{
    _Static_assert(sizeof ops / sizeof ops[0] == 7, "a format for each schema");
    for (uint32_t i = 0; i < ft__maps_n; i++) {
        if (strcmp(ft__maps[i].name, schema) == 0) {
            return &ops[i];
        }
    }
    return NULL;
}
