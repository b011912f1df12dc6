/* SPDX-License-Identifier: Apache-2.0 */
/* The events of the stream and the reasons of a flow record. */
#ifndef FLOWTAP_EVENT_H
#define FLOWTAP_EVENT_H

#include "flowtap/macros.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ft_event {
    FT_EVENT_SAMPLE,   /* network_flow_sample */
    FT_EVENT_FLOW,     /* network_flow_record */
    FT_EVENT_STATS,    /* pipeline_stats */
    FT_EVENT_TEMPLATE, /* template_change; this and the next from collect only */
    FT_EVENT_COUNTER,  /* counter_sample */
    FT_EVENT_DISCARD,  /* discarded_packet */
    FT_EVENT_EXPORTER, /* exporter_health */
    FT_EVENT_PACKET, /* a packet as it is, in outputs that hold those (pcap); not a word of --events
                      */
    FT_EVENT_WINDOW, /* window; behind the others, whose numbers spools of earlier runs know */
    FT_EVENT_ALERT,  /* alert; likewise */
    FT_EVENT_AFTERIMAGE, /* afterimage; no word of --events either: --profile asks for it */
    FT_EVENT__COUNT
};

/* Why a flow record was written. */
enum ft_reason {
    FT_REASON_END,      /* FIN both ways or RST, then a linger */
    FT_REASON_IDLE,     /* no packet for the idle timeout */
    FT_REASON_ACTIVE,   /* interim: the active timeout passed */
    FT_REASON_SNAPSHOT, /* interim: the flow reached an asked-for packet count */
    FT_REASON_EVICTED,  /* the table was full */
    FT_REASON_SHUTDOWN, /* flowtap was stopped */
    FT_REASON_EOF,      /* the input ended */
    FT_REASON_REUSE,    /* a new connection on the same tuple */
    FT_REASON__COUNT
};

/* "sample", "flow", "stats", ...: the words of --events. NULL when out of range. */
FT_API const char *ft_event_word(enum ft_event e);

/* "network_flow_sample" and so on: the value of event_type. */
FT_API const char *ft_event_type(enum ft_event e);

/* "end", "idle" and so on: the value of reason. */
FT_API const char *ft_reason_name(enum ft_reason r);

#ifdef __cplusplus
}
#endif

#endif
