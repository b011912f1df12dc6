/* SPDX-License-Identifier: Apache-2.0 */
/* codec: sFlow version 5 that is written: datagrams, flow samples of packets, counters of
 * interfaces (sflow_version_5.txt §5). sflow.h reads the same.
 *
 * Theory of operation: a sample is made when its packet is there, and numbered when it goes into a
 * datagram: who makes it leaves sequence, pool and drops open, ft_sflow_put_numbers() fills them
 * in.
 *
 *     flow sample, 1     0 tag  4 length  8 sequence  12 source  16 rate  20 pool  24 drops
 *                        28 input  32 output  36 records  40 ...
 *     expanded, 3        0 tag  4 length  8 sequence  12 class  16 source  20 rate  24 pool
 *                        28 drops  32 input (2)  40 output (2)  48 records  52 ...
 *     sampled header     0 tag  4 length  8 protocol  12 frame  16 stripped  20 bytes  24 ...
 *     extended switch    0 tag  4 length  8 VLAN  12 priority (in)  16 VLAN  20 priority (out)
 *
 * Pure functions: any thread. */
#ifndef FT_CODEC_EXPORT_SFLOW_PUT_H
#define FT_CODEC_EXPORT_SFLOW_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/if_counters.h"

enum {
    FT_SFLOW_PUT_DATAGRAM_MOST = 40, /* bytes before the first sample */
    FT_SFLOW_PUT_FLOW_MOST = 104,    /* of a flow sample besides the sampled bytes */
    FT_SFLOW_PUT_COUNTERS_MOST = 120 /* of the counters of an interface */
};

struct ft_sflow_put_datagram {
    uint8_t agent_version; /* 4, 6; 0: not known */
    uint8_t agent[16];     /* network order, IPv4 in the first 4 bytes */
    uint32_t sub_agent, sequence, uptime_ms, n_samples;
};

/* Bytes of a datagram before the first sample. */
uint32_t ft_sflow_put_datagram_len(uint8_t agent_version);
void ft_sflow_put_datagram(uint8_t *p, const struct ft_sflow_put_datagram *d);

struct ft_sflow_put_flow {
    uint32_t source;        /* ifIndex of who sampled; 0: not known */
    uint32_t rate;          /* one of so many */
    uint32_t input, output; /* ifIndex; 0: not known */
    uint32_t protocol;      /* of the header: 1 Ethernet, 11 IPv4, ... */
    uint32_t frame_len;     /* bytes on the wire, of Ethernet with the FCS */
    uint32_t stripped;      /* of them, bytes that are nowhere in the header */
    uint32_t header_len;    /* bytes of the packet that follow */
    uint32_t vlan_tci;      /* with tagged: of the tag that the frame had */
    bool tagged;
};

/* Writes a flow sample; returns its bytes, at most FT_SFLOW_PUT_FLOW_MOST + header_len.
 * *out_header: where the caller puts header_len bytes of the packet. */
size_t ft_sflow_put_flow(uint8_t *p, const struct ft_sflow_put_flow *f, uint8_t **out_header);

/* A counters sample of an interface; returns its bytes. */
size_t ft_sflow_put_counters(uint8_t *p, const struct ft_if_counters *c);

/* Fills in what counts samples, of a sample that one of the two above has written; pool and drops
 * are of flow samples. */
void ft_sflow_put_numbers(uint8_t *sample, uint32_t sequence, uint32_t pool, uint32_t drops);

#endif
