/* SPDX-License-Identifier: Apache-2.0 */
/* merge: flow records as text, and where in it the values are that merging looks at.
 *
 * Theory of operation: a probe writes its records with the same keys in the same order, so a line
 * is held to the shape of one before: what stood between the values, byte for byte, and what kind
 * of value each was. A shape is learned by reading a line as JSON, whatever its order. Values are
 * places in the line; nothing is copied. */
#ifndef FT_MERGE_SCAN_H
#define FT_MERGE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"

/* X(SYMBOL, key, object that it is in; "" is the first level, where ?columns= has all of them). */
#define FT_MERGE_SLOTS(X)                                                                          \
    X(EVENT, "event_type", "")                                                                     \
    X(TIMESTAMP, "timestamp", "")                                                                  \
    X(FLOW_ID, "flow_id", "")                                                                      \
    X(SRC_IP, "src_ip", "flow_key")                                                                \
    X(DST_IP, "dst_ip", "flow_key")                                                                \
    X(SRC_PORT, "src_port", "flow_key")                                                            \
    X(DST_PORT, "dst_port", "flow_key")                                                            \
    X(PROTOCOL, "protocol", "flow_key")                                                            \
    X(PACKETS, "packet_count", "aggregate_metrics")                                                \
    X(BYTES, "byte_count", "aggregate_metrics")                                                    \
    X(FIRST, "first_seen", "aggregate_metrics")                                                    \
    X(LAST, "last_seen", "aggregate_metrics")                                                      \
    X(ADDRESS, "address", "exporter")                                                              \
    X(RATE, "sampling_rate", "exporter")                                                           \
    X(EST_PACKETS, "estimated_packets", "")                                                        \
    X(EST_BYTES, "estimated_bytes", "")                                                            \
    X(DURATION, "duration_us", "features")                                                         \
    X(FWD_PACKETS, "fwd_packets", "features")                                                      \
    X(REV_PACKETS, "rev_packets", "features")                                                      \
    X(FWD_BYTES, "fwd_bytes", "features")                                                          \
    X(REV_BYTES, "rev_bytes", "features")                                                          \
    X(FWD_IP_BYTES, "fwd_ip_bytes", "features")                                                    \
    X(REV_IP_BYTES, "rev_ip_bytes", "features")                                                    \
    X(FWD_PAYLOAD, "fwd_payload_bytes", "features")                                                \
    X(REV_PAYLOAD, "rev_payload_bytes", "features")                                                \
    X(FWD_FLAGS, "fwd_tcp_flags", "features")                                                      \
    X(REV_FLAGS, "rev_tcp_flags", "features")                                                      \
    X(COMMUNITY, "community_id", "features")                                                       \
    X(FWD_PACKETS_DELTA, "fwd_packets_delta", "features")                                          \
    X(REV_PACKETS_DELTA, "rev_packets_delta", "features")                                          \
    X(FWD_BYTES_DELTA, "fwd_bytes_delta", "features")                                              \
    X(REV_BYTES_DELTA, "rev_bytes_delta", "features")                                              \
    X(OBSERVER, "observer_id", "")                                                                 \
    X(DOMAIN, "observation_domain", "")

enum ft__merge_slot {
#define X(symbol, key, object) FT__MERGE_##symbol,
    FT_MERGE_SLOTS(X)
#undef X
        FT__MERGE_SLOTS_N
};

enum {
    FT__SCAN_SLACK = 64,   /* bytes that can be read behind a line */
    FT__SCAN_STEPS = 1024, /* values of a line: what has more is read as JSON each time */
    FT__SCAN_LINE = 1 << 20
};

/* A value in a line: text without its quotes; len 0 and at NULL: it is not there. */
struct ft__span {
    const char *at;
    uint32_t len;
    bool text; /* it was in quotes */
};

struct ft__record {
    const char *line; /* without its newline */
    uint32_t len;
    struct ft__span of[FT__MERGE_SLOTS_N];
};

struct ft__scan;

/* NULL: out of memory. */
struct ft__scan *ft__scan_new(void);
void ft__scan_free(struct ft__scan *s);

/* Finds the values of a line (at least FT__SCAN_SLACK readable bytes stand behind it). False: it is
 * no object of JSON. */
FT_HOT bool ft__scan_line(struct ft__scan *s, const char *line, size_t len, struct ft__record *out);

/* Lines that had the shape of one before, and those that were read as JSON. */
void ft__scan_counts(const struct ft__scan *s, uint64_t *shaped, uint64_t *read);

/* Whole numbers, and seconds with a point as us. False: it is not there or none. */
bool ft__span_u64(const struct ft__span *s, uint64_t *out);
bool ft__span_us(const struct ft__span *s, int64_t *out);

#endif
