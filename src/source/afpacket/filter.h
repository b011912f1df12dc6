/* SPDX-License-Identifier: Apache-2.0 */
/* source/afpacket: the filter of a ring's socket, and what kinds of devices there are.
 *
 * Theory of operation: the kernel runs one classic BPF program for each packet of a socket. On one
 * interface that is the expression, compiled for its link type; what goes another way than the
 * wanted one is refused before that, and on loopback, unless it is what is wanted, what goes out
 * (PACKET_IGNORE_OUTGOING is not asked of the members of a fan-out group). The packets of `any` are
 * of all link types, and an expression means something else on each, so it is compiled once for
 * each of three kinds, and the program begins with the question which one it is:
 *
 *     type of the device --+-- Ethernet, loopback (unless outgoing) --> expression, for Ethernet
 *                          +-- tun, IP tunnels -----------------------> expression, for raw IP
 *                          +-- all others ----------------------------> expression, for cooked
 *
 * Cooked is the header that the kernel's own data make (LINKTYPE_LINUX_SLL): the ring writes it
 * into the room before the network header. The filter sees the packet before that, so what it asks
 * of that header is taken from where the kernel has it. */
#ifndef FT_SOURCE_AFPACKET_FILTER_H
#define FT_SOURCE_AFPACKET_FILTER_H

#include "source/afpacket/afpacket.h"

enum { FT__COOKED_LEN = 16 };

struct ft__device {
    uint16_t arphrd;   /* ARPHRD_* */
    uint16_t linktype; /* LINKTYPE_* of its packets */
};

extern const struct ft__device ft__devices[]; /* the last row stands for all others */

/* The link type of a device's packets; FT_LINK_LINUX_SLL: they have to be cooked. */
FT_INLINE uint16_t ft__device_linktype(unsigned arphrd)
{
    const struct ft__device *d = ft__devices;

    while (d->linktype != FT_LINK_LINUX_SLL && d->arphrd != arphrd) {
        d++;
    }
    return d->linktype;
}

/* Makes r->code of cfg's expression, or of none. FT_E_USAGE: err has libpcap's words; FT_E_IO: it
 * cannot be compiled now; FT_E_NOMEM; FT_E_UNSUPPORTED: this build has no libpcap. */
FT_NODISCARD int ft__ring_compile(struct ft__ring *r, const struct ft_source_config *cfg,
                                  struct ft_err *err);

#endif
