/* SPDX-License-Identifier: Apache-2.0 */
/* codec: headers of messages that are written: IPFIX (RFC 7011 §3.1), NetFlow v9 (RFC 3954 §5.1)
 * and v5. The layouts stand in netflow.c, which reads them. */
#ifndef FT_CODEC_EXPORT_NETFLOW_PUT_H
#define FT_CODEC_EXPORT_NETFLOW_PUT_H

#include <stdint.h>

enum {
    FT_NF_PUT_V5_HEADER = 24,
    FT_NF_PUT_V9_HEADER = 20,
    FT_NF_PUT_IPFIX_HEADER = 16,
    FT_NF_PUT_V5_MOST = 30 /* records of a message */
};

struct ft_nf_header {
    uint16_t version;   /* 5, 9 or 10 */
    uint16_t count;     /* v5, v9: records, of v9 templates among them */
    uint32_t len;       /* IPFIX: bytes of the message */
    uint32_t time_s;    /* when it was sent, s since 1970 */
    uint32_t uptime_ms; /* v5, v9 */
    uint32_t sequence;
    uint32_t domain;   /* v5: engine type << 8 | engine id */
    uint16_t sampling; /* v5: 1 in so many packets, 14 bits; 0: not known, or all */
};

uint32_t ft_nf_header_len(uint16_t version);

/* Writes ft_nf_header_len() bytes. */
void ft_nf_put_header(uint8_t *p, const struct ft_nf_header *h);

/* The sequence number in a header of v9 or IPFIX. */
uint32_t ft_nf_header_sequence(const uint8_t *message);

/* The header of a set, or its length when it is known (of v9: a flow set). */
void ft_nf_put_set(uint8_t *p, uint16_t id, uint32_t len);

#endif
