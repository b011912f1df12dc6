/* SPDX-License-Identifier: Apache-2.0 */
/* source/afpacket: one AF_PACKET socket with its TPACKET_V3 ring on one interface.
 *
 *     ring: [block][block][block]...   the kernel fills a block, hands it over when it is full or
 *                                      after 20 ms, and takes it back when we say so
 *
 * Theory of operation: packets are read in place; a block goes back when all of its packets have
 * been handed out and the batch that held the last of them is released. What the kernel cannot put
 * into the ring it counts as a drop. Before the ring exists a filter keeps everything out, so that
 * only packets that match ours are ever in it; at the end the same filter stops the flow, and what
 * is in the ring is still read: every packet that the kernel counted is delivered or counted as
 * dropped.
 *
 * An interface is followed by its number, whatever it is called meanwhile. One that is gone is
 * waited for under the name that was asked for and under the one that it had last.
 *
 * `any` is one socket on all interfaces, those that come later too. Each packet says what kind of
 * device it is of, and has that link type: the same bytes, tags and sizes as on the interface
 * itself (filter.h). What passes several interfaces (a VLAN device and its link, a bridge
 * and its ports) is seen on each of them.
 *
 * Several workers' sockets on one interface are a fan-out group, whose program says which of them
 * gets a packet. One that joins a group that is at work (an interface came back, each worker sees
 * it when it looks) is the last of it, and the program knows nothing of it until it is ready:
 * packets go on to the others. So from the first socket on no packet is lost, or seen twice; a flow
 * keeps its worker from the last one on. */
#ifndef FT_SOURCE_AFPACKET_AFPACKET_H
#define FT_SOURCE_AFPACKET_AFPACKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "flowtap/interfaces.h"
#include "source/source.h"

struct sock_filter;

struct ft__ring {
    char asked[FT_IFACE_NAME];     /* as the user named it */
    char name[FT_IFACE_NAME];      /* what it is called now */
    bool any;                      /* all interfaces: `any` */
    int fd;                        /* -1: the interface is gone */
    int ifindex;                   /* 0: of any */
    struct ft_fanout_share *share; /* NULL: in no group; borrowed */
    uint32_t ordinal;              /* of its group there */
    bool last;                     /* all others were there when it was opened, or there are none */
    uint16_t linktype;             /* of any: each packet has its own */
    uint16_t code_linktype;        /* that code was made for */
    bool loopback;
    uint8_t *map;
    size_t map_len;
    uint32_t block_len, n_blocks;
    uint32_t block;                           /* the block that is read now */
    uint32_t left;                            /* packets of it that are not handed out yet */
    uint8_t *next;                            /* header of the next one */
    bool entered;                             /* left and next mean something */
    bool down;                                /* it was said that the interface is down */
    bool gone;                                /* likewise that it is gone; down holds, too */
    bool refused;                             /* and that what took its name cannot be captured */
    _Atomic uint64_t dropped, kernel_packets; /* of PACKET_STATISTICS, summed up */
    struct sock_filter *code; /* the socket's filter; owned, freed by the source's close */
    uint32_t code_len;        /* instructions */
};

/* Opens socket and ring. FT_E_PRIVILEGE, FT_E_NOT_FOUND, FT_E_UNSUPPORTED (link type; opened again:
 * also one that the filter was not made for), FT_E_IO. */
FT_NODISCARD int ft__ring_open(struct ft__ring *r, const struct ft_source_config *cfg,
                               uint32_t ordinal, struct ft_err *err);
void ft__ring_close(struct ft__ring *r);

/* No more packets get into the ring. */
void ft__ring_stop(struct ft__ring *r);

/* Adds PACKET_STATISTICS, which the kernel resets, to the sums. One thread at a time. */
void ft__ring_count(struct ft__ring *r);

/* Up to cap views of the current block; 0 when the kernel holds it. */
uint32_t ft__ring_read(struct ft__ring *r, struct ft_view *views, uint32_t cap, uint16_t iface);

/* The ring has packets that were not handed out, or not given back. */
bool ft__ring_holds(struct ft__ring *r);

/* Gives the current block back when it is used up. */
void ft__ring_advance(struct ft__ring *r);

#endif
