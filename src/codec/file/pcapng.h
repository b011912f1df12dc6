/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file: pcapng files, draft-ietf-opsawg-pcapng.
 *
 * Theory of operation: a file is a row of blocks, each with its type and its total length in front
 * and the length again behind. A Section Header starts a section: byte order and interfaces begin
 * anew. ft_pcapng_walk() keeps the interfaces of the current section in the caller's array and
 * turns packet blocks into views; every other block is passed over by its length, also when it is
 * longer than the window (skip), so that no block length ever asks for memory.
 *
 *   type            total length: body behind type and length            kept
 *   0A0D0D0A  SHB   28..  byte order magic, version 1.x, section length   byte order
 *   1         IDB   20..  link type, reserved, snaplen, options           link type, snaplen,
 *                                                                         if_tsresol, if_tsoffset
 *   6         EPB   32..  interface, time high, low, caplen, len, data    a view
 *   2         PB    32..  interface u16, drops u16, times, caplen, len    a view (obsolete block)
 *   3         SPB   16..  len, data                                       a view, see below
 *   others          12..  name resolution, statistics, custom, unknown    nothing
 *
 * A Simple Packet Block carries no time: it gets the time of the last packet before it in the file
 * (0 when there is none), so that it neither opens nor closes a gap. It belongs to interface 0 and
 * its captured length is the smaller of len and that interface's snaplen (0: no limit).
 * Times are saturated to int64 nanoseconds. A caplen above len or snaplen is taken as it comes.
 * Damage, where nothing after can be trusted: a total length that is not a multiple of four, is
 * below the type's minimum or differs from the one behind; a packet longer than its block or than
 * FT_CAPLEN_MAX; a packet of an interface that was not described; options that do not end within
 * their block; a section of an unknown byte order or version; more than the caller's cap of
 * interfaces in a section. */
#ifndef FT_CODEC_FILE_PCAPNG_H
#define FT_CODEC_FILE_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/file/walk.h"
#include "flowtap/errors.h"
#include "model/packet.h"

/* One described interface of the current section. */
struct ft_pcapng_iface {
    uint64_t mul;      /* ns = ts * mul / div >> shift */
    uint64_t div;      /* 0: the unit is so small that every time is 0 */
    int64_t offset_ns; /* if_tsoffset */
    uint32_t snaplen;  /* 0: no limit */
    uint16_t linktype; /* LINKTYPE_* */
    uint8_t shift;     /* for units of 2^-shift seconds */
};

enum { FT_PCAPNG_MIN_LEN = 12, FT_PCAPNG_IFACES_MAX = 65536 };

struct ft_pcapng {
    struct ft_pcapng_iface *ifaces; /* caller's array */
    uint32_t cap;                   /* its length, at most FT_PCAPNG_IFACES_MAX */
    uint32_t n;                     /* interfaces of this section */
    bool in_section;                /* a Section Header was read */
    bool swap;                      /* this section's byte order is not this machine's */
    bool directions;                /* set by the owner: views say which way packets went */
    int64_t last_ts_ns;             /* of the last packet with a time */
    uint64_t skip;                  /* bytes of the current block still to be passed over, without
                                     * its trailing length */
    uint64_t passed;                /* bytes of the current block that are behind w->p already */
    uint32_t trailer;               /* total length that has to stand behind the skipped part */
};

/* True when the four bytes start a pcapng file. */
bool ft_pcapng_is_magic(const uint8_t p[4]);

/* A state for the start of a file. */
void ft_pcapng_init(struct ft_pcapng *s, struct ft_pcapng_iface *ifaces, uint32_t cap);

/* Fills views[*n..cap) and counts *n up; takes other blocks on the way. With cap == *n it stops at
 * the first packet block, so that the interfaces before it can be looked at. FT_OK: cap is reached
 * and a packet block follows; FT_E_AGAIN: the next block does not end in the window, w->need is as
 * in ft_pcap_walk() and never more than FT_WALK_RECORD_MAX; a whole file ends here with
 * ft_walk_left() == 0 and s->passed == 0. FT_E_CORRUPT: the block that starts s->passed bytes
 * before w->p is damaged, see w->what; FT_E_FORMAT: a pcap file begins at w->p. The views' iface is
 * the number in the section. */
FT_NODISCARD int ft_pcapng_walk(struct ft_pcapng *s, struct ft_walk *w, struct ft_view *views,
                                uint32_t cap, uint32_t *n);

/* Nanoseconds since 1970 of a time stamp of an interface, saturated. */
int64_t ft_pcapng_time(const struct ft_pcapng_iface *iface, uint64_t ts);

#endif
