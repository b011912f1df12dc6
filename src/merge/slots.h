/* SPDX-License-Identifier: Apache-2.0 */
/* merge: the values of a flow record that merging looks at. */
#ifndef FT_MERGE_SLOTS_H
#define FT_MERGE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* The slot of a key that stands in an object ("": the first level, or in none); FT__MERGE_SLOTS_N:
 * it is of no interest. */
uint8_t ft__merge_slot_of(const char *object, size_t object_len, const char *key, size_t key_len);
/* Is it an object whose members are looked at? */
bool ft__merge_object(const char *name, size_t len);

#endif
