/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file: the classic pcap format (draft-ietf-opsawg-pcap,
 * tcpdump.org/manpages/pcap-savefile.5).
 *
 *     file   magic:4 version:2+2 zone:4 sigfigs:4 snaplen:4 linktype:4        24 bytes
 *     record seconds:4 fraction:4 captured:4 original:4 [8 more if modified]  16 or 24 bytes, data
 *
 * The magic tells the byte order and the unit of the fraction: a1b2c3d4 microseconds, a1b23c4d
 * nanoseconds, a1b2cd34 microseconds with longer record headers. The upper 16 bits of the link type
 * (FCS length and reserved bits) are not looked at. */
#ifndef FT_CODEC_FILE_PCAP_H
#define FT_CODEC_FILE_PCAP_H

#include <byteswap.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/rd.h"
#include "flowtap/errors.h"

enum {
    FT_PCAP_HEADER = 24,
    FT_PCAP_RECORD = 16,
    FT_CAPLEN_MAX = 16 * 1024 * 1024, /* a record that says more is damaged */
};

struct ft_pcap {
    bool swapped;     /* other byte order than this machine's */
    bool nano;        /* the fraction is in ns, not us */
    uint32_t record;  /* bytes of a record header */
    uint32_t snaplen; /* as the file says */
    uint16_t linktype;
};

struct ft_pcap_record {
    int64_t ts_ns;
    uint32_t caplen, len;
};

/* True when the four bytes begin a pcap file. */
bool ft_pcap_magic(const uint8_t magic[4]);

/* The file header; FT_E_FORMAT when it is none. */
FT_NODISCARD int ft_pcap_open(const uint8_t header[FT_PCAP_HEADER], struct ft_pcap *out);

FT_INLINE uint32_t ft_pcap_u32(const struct ft_pcap *f, const uint8_t *p)
{
    uint32_t v = ft_load_u32(p);

    return f->swapped ? bswap_32(v) : v;
}

/* The values of a record header whose bytes are there. len is never below caplen. */
FT_INLINE struct ft_pcap_record ft_pcap_record(const struct ft_pcap *f, const uint8_t *p)
{
    struct ft_pcap_record r;
    uint32_t len = ft_pcap_u32(f, p + 12);

    r.ts_ns = (int64_t)ft_pcap_u32(f, p) * 1000000000 +
              (int64_t)ft_pcap_u32(f, p + 4) * (f->nano ? 1 : 1000);
    r.caplen = ft_pcap_u32(f, p + 8);
    r.len = len < r.caplen ? r.caplen : len;
    return r;
}

/* A hint, not a proof: could a record header stand here? first_s: seconds of the file's first. */
bool ft_pcap_plausible(const struct ft_pcap *f, const uint8_t *p, uint32_t first_s);

#endif
