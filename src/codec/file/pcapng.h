/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file: pcapng (draft-ietf-opsawg-pcapng).
 *
 *     block  type:4 total-length:4 body options total-length:4     a multiple of 4 bytes
 *
 * Theory of operation: the reader keeps what packets refer to: the section's byte order and its
 * interfaces. ft_pcapng_block() takes the block at the start of a window and says what it was; the
 * caller moves on by its length. Sections may change byte order; interfaces begin anew with each.
 */
#ifndef FT_CODEC_FILE_PCAPNG_H
#define FT_CODEC_FILE_PCAPNG_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/file/pcap.h"
#include "flowtap/errors.h"

enum { FT_PCAPNG_IFACES = 1024, FT_PCAPNG_MAGIC = 0x0a0d0d0a };

struct ft_pcapng_iface {
    uint64_t units;   /* of the timestamp, per second */
    int64_t offset_s; /* if_tsoffset */
    uint32_t snaplen; /* 0: no limit */
    uint16_t linktype;
};

struct ft_pcapng {
    struct ft_pcapng_iface *ifaces; /* [FT_PCAPNG_IFACES], caller's memory */
    uint32_t n_ifaces;
    bool swapped;
    bool in_section; /* a section header was seen */
};

enum ft_pcapng_kind { FT_PCAPNG_OTHER, FT_PCAPNG_IFACE, FT_PCAPNG_PACKET };

struct ft_pcapng_block {
    enum ft_pcapng_kind kind;
    uint32_t len; /* bytes of the whole block */
    /* of packets: */
    const uint8_t *data; /* in the window */
    int64_t ts_ns;
    uint32_t caplen, wire_len;
    uint32_t iface;
};

/* The block at p with left bytes behind it. FT_OK; FT_E_AGAIN: *out_need bytes are needed from p
 * on; FT_E_CORRUPT: *out_why (static) says what is wrong. */
FT_NODISCARD int ft_pcapng_block(struct ft_pcapng *f, const uint8_t *p, uint64_t left,
                                 struct ft_pcapng_block *out, uint64_t *out_need,
                                 const char **out_why);

#endif
