/* SPDX-License-Identifier: Apache-2.0 */
/* model: a datagram of an exporter as it is handed on: -o kafka://...?format=datagram.
 *
 * In a chunk it is this head and the bytes as they came, behind the key. A message of Kafka has the
 * bytes as its value, the sender's address as its key, and headers for the rest. */
#ifndef FT_MODEL_DATAGRAM_H
#define FT_MODEL_DATAGRAM_H

#include "model/peer.h"

struct ft_datagram_head {
    int64_t ts_ns; /* when it came, ns since 1970 */
    struct ft_peer peer;
};

enum { FT_DATAGRAM_HEAD = sizeof(struct ft_datagram_head) };

/* Of messages: "ADDRESS:PORT", IPv6 in brackets, and ts_ns as a decimal number. */
#define FT_DATAGRAM_EXPORTER "flowtap-exporter"
#define FT_DATAGRAM_TIME     "flowtap-time-ns"

#endif
