/* SPDX-License-Identifier: Apache-2.0 */
/* detect: what detectors are told of a flow. */
#ifndef FT_DETECT_NOTE_H
#define FT_DETECT_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/export.h"
#include "model/record.h"

/* Bits of ft_note.bits. */
enum {
    FT_NOTE_FAILED = 1, /* ft_flow_failed() */
    FT_NOTE_ON = 2,     /* the flow goes on */
    FT_NOTE_GROUP = 4,  /* the responder is multicast or broadcast */
    FT_NOTE_ANSWER = 8, /* exported: this is the other direction of a flow, which has a note, too */
    FT_NOTE_EXPORTED = 16, /* a record of collect: a long flow has many */
    FT_NOTE_SYN = 32,      /* TCP whose beginning was seen */
    FT_NOTE_BURST = 64,    /* no flow: what a host received in some seconds (burst.h) */
    FT_NOTE_NAME = 128,    /* no flow: an answer to a question for a name (names.h) */
    FT_NOTE_PROBE = 512,   /* of no connection, see scan.c; not of a record of collect */
    FT_NOTE_OPEN = 256,    /* TCP of both sides, or a record, whose end was not seen */
};

/* Of a flow; of a burst or a name as told. */
struct ft_note {
    int64_t at_ns;    /* when it was over, packet time */
    uint64_t flow_id; /* 0: unknown; the class of a burst */
    union {
        struct {
            int64_t first_ns, last_ns; /* its first and its newest packet */
            uint64_t bytes[2];         /* by FT_DIR_*; likewise: */
            uint64_t packets[2];
        };
        struct {
            uint64_t packets, bytes;
            uint32_t votes, flows, syns, tcp;
        } burst; /* packets to the responder, and to others of its class: see burst.h */
        struct ft_note_name *name; /* what was asked for; of who took the note */
    };
    uint32_t epoch;   /* set by ft_detect_note() */
    uint16_t port[2]; /* initiator's, responder's; 0 without ports */
    uint8_t proto, ip_version;
    uint16_t bits;       /* FT_NOTE_* */
    uint8_t addr[2][16]; /* initiator, responder; zeros behind IPv4 */
};

/* The note of a record. */
void ft_note_of(const struct ft_flow_record *core, struct ft_note *out);

/* Likewise of a record of collect that came at now_ns; false: it does not say between whom it was.
 * Without TCP flags nobody knows whether a flow came to nothing. */
bool ft_note_of_export(const struct ft_export_record *rec, int64_t now_ns, struct ft_note *out);

#endif
