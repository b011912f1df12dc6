/* SPDX-License-Identifier: Apache-2.0 */
/* model: what an interface has counted, by the names of IF-MIB (RFC 2863). */
#ifndef FT_MODEL_IF_COUNTERS_H
#define FT_MODEL_IF_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

/* Totals since the interface is there. UINT64_MAX: nobody counts that. */
struct ft_if_counters {
    uint32_t index;   /* ifIndex */
    uint32_t type;    /* ifType, IANAifType-MIB: 6 Ethernet, 24 loopback, 1 other */
    uint64_t speed;   /* bits a second; 0: not known */
    uint8_t duplex;   /* 0 not known, 1 full, 2 half */
    bool up, running; /* ifAdminStatus, ifOperStatus */
    bool promiscuous;
    uint64_t in_bytes, in_packets, in_multicast, in_discards, in_errors; /* packets: of all kinds */
    uint64_t out_bytes, out_packets, out_discards, out_errors;
};

#endif
