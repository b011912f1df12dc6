/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file: pcap files, draft-ietf-opsawg-pcap (https://www.tcpdump.org/manpages/pcap-savefile).
 *
 * Theory of operation: ft_pcap_parse() reads the 24-byte header once; ft_pcap_walk() then turns
 * records into views, in batches, without touching anything outside its window.
 *
 *   file header                              record header
 *    0  magic     a1b2c3d4 us  a1b23c4d ns    0  seconds since 1970, unsigned
 *    4  version   2.4                         4  microseconds or nanoseconds
 *    8  zone, sigfigs: not used               8  caplen, bytes that follow
 *   16  snaplen                              12  len, bytes on the wire
 *   20  f/FCS bits and link type             16  [modified only: ifindex, protocol, type, pad: 8]
 *
 * What is taken as it comes: both byte orders, any snaplen (a record may be longer than it), a
 * caplen above len (len becomes caplen), a fraction above one second. Magic a1b2cd34 ("modified",
 * Kuznetsov's patch) has 24-byte record headers in microseconds. Versions before 2.3 hold len
 * before caplen, as does 543.0 (DG/UX); in 2.3 the smaller of the two is caplen. Of the link type
 * word the low 16 bits are the link type. Bit 26 says that frames end with a frame check sequence
 * of (bits 28-31) * 2 bytes: fcs_len tells, but the views keep those bytes, as every other reader
 * of these files does; IP lengths end the packet before them.
 *
 * Files are put behind one another (cat, gzip members, rotation into one pipe): where a record
 * should begin there is a file header then, which would be taken for an empty packet of 2055.
 * ft_capture_begins() knows it, and the walkers of both formats stop before it. */
#ifndef FT_CODEC_FILE_PCAP_H
#define FT_CODEC_FILE_PCAP_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"
#include "codec/file/walk.h"
#include "flowtap/errors.h"
#include "model/packet.h"

enum { FT_PCAP_HEADER_LEN = 24, FT_PCAP_RECORD_LEN = 16, FT_PCAP_MODIFIED_LEN = 24 };

/* Order of the two length words of a record. */
enum ft_pcap_lens { FT_PCAP_CAPLEN_FIRST, FT_PCAP_LEN_FIRST, FT_PCAP_SMALLER_IS_CAPLEN };

struct ft_pcap {
    bool swap;          /* the other byte order than this machine's */
    uint8_t record_len; /* bytes of a record header: 16, modified 24 */
    uint8_t lens;       /* enum ft_pcap_lens */
    uint8_t fcs_len;    /* bytes of frame check sequence at each frame's end; 0: none or unknown */
    uint16_t linktype;  /* LINKTYPE_* */
    uint16_t major, minor;
    uint32_t frac_ns; /* nanoseconds of one unit of the second time word: 1000 or 1 */
    uint32_t snaplen; /* as written; for people */
};

struct ft_pcap_record {
    int64_t ts_ns;
    uint32_t caplen;
    uint32_t len; /* as written, may be below caplen */
};

/* True when the four bytes start a pcap file. */
bool ft_pcap_is_magic(const uint8_t p[4]);

/* Reads a file header of FT_PCAP_HEADER_LEN bytes. FT_OK; FT_E_TRUNCATED: len is less; FT_E_FORMAT:
 * not a pcap magic; FT_E_UNSUPPORTED: a version that is not known (major, minor are set). */
FT_NODISCARD int ft_pcap_parse(const uint8_t *p, size_t len, struct ft_pcap *out);

/* Fills views[*n..cap) and counts *n up. FT_OK: cap is reached; FT_E_AGAIN: the next record does
 * not end in the window, w->need says how many bytes from w->p it takes (at least a header; exact
 * when the header is there); FT_E_CORRUPT: the record at w->p is impossible, see w->what;
 * FT_E_FORMAT: another capture begins at w->p. Views taken before are valid on every code. iface of
 * a view is 0. */
FT_NODISCARD int ft_pcap_walk(const struct ft_pcap *h, struct ft_walk *w, struct ft_view *views,
                              uint32_t cap, uint32_t *n);

/* Does another capture begin at p, where a record or a block should? FT_OK: yes; FT_E_FORMAT: no;
 * FT_E_AGAIN: it looks so, and FT_PCAP_HEADER_LEN bytes are needed. */
FT_NODISCARD int ft_capture_begins(const uint8_t *p, size_t left);

/* Both read records alike. */
bool ft_pcap_same(const struct ft_pcap *a, const struct ft_pcap *b);

/* Can the first word of a record be that of a capture? Asked for every packet, so it is coarse. */
FT_INLINE bool ft_capture_may_begin(const uint8_t *p)
{
    uint32_t word = ft_load_u32(p);

    return word >> 16 == 0xa1b2 || (word & 0xffff) == 0xb2a1 || word == 0x0a0d0d0a;
}

/* The record header at p, h->record_len bytes that are there. The time cannot overflow: both words
 * are 32 bits. */
FT_INLINE void ft_pcap_load(const struct ft_pcap *h, const uint8_t *p, struct ft_pcap_record *out)
{
    uint32_t sec = ft_load_u32(p), frac = ft_load_u32(p + 4);
    uint32_t a = ft_load_u32(p + 8), b = ft_load_u32(p + 12);

    if (h->swap) {
        sec = __builtin_bswap32(sec);
        frac = __builtin_bswap32(frac);
        a = __builtin_bswap32(a);
        b = __builtin_bswap32(b);
    }
    if (h->lens == FT_PCAP_LEN_FIRST || (h->lens == FT_PCAP_SMALLER_IS_CAPLEN && a > b)) {
        uint32_t t = a;

        a = b;
        b = t;
    }
    out->ts_ns = (int64_t)sec * 1000000000 + (int64_t)frac * h->frac_ns;
    out->caplen = a;
    out->len = b;
}

#endif
