/* SPDX-License-Identifier: Apache-2.0 */
/* detect: what hosts receive in spans of 5 s, counted packet by packet; for src/detect only.
 *
 * Theory of operation: hosts are in 4096 classes by their hash. A worker counts the packets to a
 * class, one cache line, and keeps the host that most of them are for (Boyer and Moore's majority
 * vote). When the span is over each class that had packets becomes a note; the sums of all
 * workers' are the same whatever their number, and who has the majority of all is found, for such
 * votes can be added up (Misra and Gries; Tang et al., MV-Sketch, 2019). A flood is the majority
 * of its class. Of n packets, c of them for a host, it has from 2c - n to c votes, by the order of
 * the packets and of what is added: with n / 2 or more it is told, so with c of 3n / 4 always and
 * below n / 2 never. */
#ifndef FT_DETECT_BURST_H
#define FT_DETECT_BURST_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/macros.h"

enum { FT__CLASSES = 4096, FT__BURST_S = 5 };

/* Packets to a class in a span. */
struct ft__class {
    uint64_t addr[2]; /* who has the majority, if anybody has: as ft_note.addr */
    uint64_t bytes;
    uint32_t packets, votes;
    uint32_t flows; /* begun */
    uint32_t syns;  /* without ACK */
    uint32_t tcp;   /* packets of it */
    uint16_t port;  /* of all votes; 0: they have several */
    uint8_t version;
    uint8_t proto;
} FT_ALIGNED(64);

/* owner: its worker's thread */
struct ft__burst {
    struct ft__class of[FT__CLASSES];
    uint16_t touched[FT__CLASSES]; /* [n]: classes with packets */
    uint32_t n;
    int64_t from_ns, until_ns; /* of the span; equal: none yet */
};

#endif
