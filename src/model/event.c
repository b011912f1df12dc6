/* SPDX-License-Identifier: Apache-2.0 */
/* model: names of events and reasons, see flowtap/event.h. */
#include "flowtap/event.h"

#include <stddef.h>

static const struct {
    const char *word, *type;
} events[FT_EVENT__COUNT] = {
    [FT_EVENT_SAMPLE] = {"sample", "network_flow_sample"},
    [FT_EVENT_FLOW] = {"flow", "network_flow_record"},
    [FT_EVENT_STATS] = {"stats", "pipeline_stats"},
    [FT_EVENT_TEMPLATE] = {"template", "template_change"},
    [FT_EVENT_COUNTER] = {"counter", "counter_sample"},
    [FT_EVENT_DISCARD] = {"discard", "discarded_packet"},
    [FT_EVENT_EXPORTER] = {"exporter", "exporter_health"},
    [FT_EVENT_PACKET] = {"packet", "packet"},
    [FT_EVENT_WINDOW] = {"window", "window"},
    [FT_EVENT_ALERT] = {"alert", "alert"},
    [FT_EVENT_AFTERIMAGE] = {"afterimage", "afterimage"},
};

static const char *const reasons[FT_REASON__COUNT] = {
    [FT_REASON_END] = "end",         [FT_REASON_IDLE] = "idle",
    [FT_REASON_ACTIVE] = "active",   [FT_REASON_SNAPSHOT] = "snapshot",
    [FT_REASON_EVICTED] = "evicted", [FT_REASON_SHUTDOWN] = "shutdown",
    [FT_REASON_EOF] = "eof",         [FT_REASON_REUSE] = "reuse",
};

const char *ft_event_word(enum ft_event e)
{
    return e < FT_EVENT__COUNT ? events[e].word : NULL;
}

const char *ft_event_type(enum ft_event e)
{
    return e < FT_EVENT__COUNT ? events[e].type : NULL;
}

const char *ft_reason_name(enum ft_reason r)
{
    return r < FT_REASON__COUNT ? reasons[r] : NULL;
}
