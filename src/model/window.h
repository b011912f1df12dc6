/* SPDX-License-Identifier: Apache-2.0 */
/* model: what an entity did in a span of packet time: the event `window`. */
#ifndef FT_MODEL_WINDOW_H
#define FT_MODEL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* In the order in which their rows are written. */
enum ft_entity {
    FT_ENTITY_PAIR,     /* an initiator and a responder of flows */
    FT_ENTITY_SERVICE,  /* a responder's address, port and protocol */
    FT_ENTITY_HOST,     /* an address */
    FT_ENTITY_EXPORTER, /* of collect: an address and an observation domain */
    FT_ENTITY__COUNT
};

/* Which way, seen from the entity: the host; the initiator of a pair; the service. */
enum { FT_WINDOW_OUT, FT_WINDOW_IN };

enum { FT_WINDOW_SIZES = 8 /* classes of frames: up to 64, 128, 256, ... bytes, and longer */ };

/* Most spans of --window. */
enum { FT_WINDOW_SPANS = 4, FT_WINDOW_SPAN_MAX = 3600 /* s */ };

/* Doubles: NaN of all bits (FT_WINDOW_NULL) for null; likewise UINT64_MAX. */
struct ft_window_row {
    int64_t start_ns;
    uint32_t span_s;
    uint8_t entity;                /* enum ft_entity */
    uint8_t ip_version;            /* 4 or 6, of both addresses */
    uint8_t proto;                 /* service */
    uint16_t port;                 /* likewise */
    uint8_t address[16], peer[16]; /* network order, IPv4 in the first 4 bytes; peer: of a pair */
    uint64_t packets[2], bytes[2]; /* FT_WINDOW_OUT, FT_WINDOW_IN */
    uint64_t flows[2];             /* begun: by it, to it */
    uint64_t ended, failed[2];
    uint64_t peers[2]; /* distinct */
    uint64_t ports;
    double port_entropy, size_entropy; /* bits */
    uint64_t new_peers;
    double new_peers_false; /* probability */
    uint64_t syn[2], syn_ack[2], rst[2];
    double answered, reset;                        /* ratios */
    double size_mean, size_std, gap_mean, gap_std; /* bytes, us */
    double bytes_usual, bytes_z, flows_usual, flows_z;
    uint64_t error;        /* packets that may be another's */
    const float *vector;   /* of a host, FT_VECTOR numbers, borrowed; NULL: none was asked for */
    const char *vector_id; /* likewise */
    uint8_t top_app;       /* enum ft_app; 0: null */
    uint64_t records;      /* of collect: flow records and samples; else UINT64_MAX */
    uint64_t domain_id;    /* exporter; else UINT64_MAX */
};

/* All bits set: what a member of a double holds for null (FT_ABSENT_ONES). */
double ft_window_null(void);

const char *ft_entity_name(enum ft_entity e);

#endif
