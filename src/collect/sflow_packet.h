/* SPDX-License-Identifier: Apache-2.0 */
/* collect: the packet of an sFlow sample: its sampled header, or what the agent read in it.
 *
 * Theory of operation: a sample may tell its packet twice, as the packet's first bytes and as
 * records of its fields (sampled_ipv4, sampled_ipv6), in any order. The bytes count when they
 * decode, else the fields do: damage of one does not hide the other. Agents may say a frame length
 * that is below the packet's own (some say how much they sampled); then the packet's counts. */
#ifndef FT_COLLECT_SFLOW_PACKET_H
#define FT_COLLECT_SFLOW_PACKET_H

#include <stdbool.h>

#include "codec/export/sflow.h"
#include "decode/decode.h"
#include "model/export.h"

/* A packet in the making. All zero but decoder, pkt and out: nothing is known yet. */
struct ft__sampled {
    struct ft_decoder *decoder;   /* borrowed */
    struct ft_packet *pkt;        /* valid when have */
    struct ft_export_sample *out; /* its sizes, what was seen of the packet */
    bool has_frame_len;           /* out->frame_len is its header's */
    bool have;                    /* *pkt is the packet */
    bool from_header;             /* from its first bytes */
    bool bad_header;              /* there are some, and they are wrong or too few */
    bool malformed;               /* since they are wrong, not only few */
    bool too_short;               /* the agent's frame length is below the packet's */
};

/* The record of a sample's header, or of its fields, or of its Ethernet frame. */
void ft__sampled_header(struct ft__sampled *s, const struct ft_sflow_header *h);
void ft__sampled_ip(struct ft__sampled *s, const struct ft_sflow_ip *ip);
void ft__sampled_ethernet(struct ft__sampled *s, const struct ft_sflow_ethernet *eth);

/* After the last record. True: something was wrong with the packet, to be counted. */
bool ft__sampled_end(struct ft__sampled *s);

#endif
