/* SPDX-License-Identifier: Apache-2.0 */
/* model: what a detector says of a host, a pair or a service: the event `alert`. */
#ifndef FT_MODEL_ALERT_H
#define FT_MODEL_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/window.h"

enum ft_severity {
    FT_SEVERITY_LOW,
    FT_SEVERITY_MEDIUM,
    FT_SEVERITY_HIGH,
    FT_SEVERITY_CRITICAL,
    FT_SEVERITY__COUNT
};

enum {
    FT_ALERT_FLOWS = 8,
    FT_ALERT_IDS = FT_ALERT_FLOWS * 17,
    FT_ALERT_USED = 192,
    FT_ALERT_NAME = 96
};

/* Its numbers: UINT64_MAX, or NaN of all bits (ft_window_null()), for null. */
struct ft_alert {
    int64_t timestamp_ns; /* when it became true, packet time; likewise: */
    int64_t first_ns, last_ns;
    const char *rule, *source; /* static text */
    uint8_t severity;          /* enum ft_severity */
    uint8_t entity;            /* enum ft_entity */
    uint8_t ip_version;        /* 4 or 6, of both addresses */
    bool has_peer, has_port, has_proto;
    uint8_t proto;
    uint16_t port;
    uint8_t address[16], peer[16]; /* network order, IPv4 in the first 4 bytes */
    double score, value, threshold;
    uint64_t flows, failed, hosts, ports, packets, bytes_out, bytes_in;
    double packets_rate, bits_rate, flows_rate; /* per second */
    double ratio, usual, z, likelihood;
    double duration_s, interval_s, interval_mad_s, size_median;
    double beacon[4]; /* timestamps, sizes, durations, histogram */
    uint64_t names;
    double name_length, name_entropy;
    uint64_t suppressed;
    uint64_t flow_id[FT_ALERT_FLOWS]; /* [n_flow_ids] */
    uint32_t n_flow_ids;
    uint32_t name_len;           /* 0: null */
    uint8_t name[FT_ALERT_NAME]; /* whatever somebody asked for */
    char ids[FT_ALERT_IDS];      /* flow_id as text, see ft_alert_say_ids() */
    const char *deny;            /* policy: name of what says so, or NULL; borrowed */
    char used[FT_ALERT_USED];    /* thresholds, NUL-terminated */
};

/* All null; who it is about is not said yet. */
void ft_alert_clear(struct ft_alert *a);

/* Writes a->ids from a->flow_id. */
void ft_alert_say_ids(struct ft_alert *a);

/* "low" ...; NULL: there is no such one. */
const char *ft_severity_name(enum ft_severity s);

#endif
