/* SPDX-License-Identifier: Apache-2.0 */
/* decode: captured frames to packet values.
 *
 * Theory of operation: ft_decode_batch() walks views in order, writes one ft_packet for each that
 * is IP and counts every view under exactly one verdict. A fast path takes Ethernet with at most
 * one VLAN tag / IPv4 without options or fragments, or IPv6 without extension headers / TCP or UDP;
 * everything else goes the general way through codec/net. */
#ifndef FT_DECODE_DECODE_H
#define FT_DECODE_DECODE_H

#include <stdbool.h>

#include "base/hash.h"
#include "decode/ethertypes.h"
#include "flowtap/errors.h"
#include "model/packet.h"

/* What the fragments of IP datagrams were like (fragment.h). */
struct ft_fragments_stats {
    uint64_t held;        /* had to wait for the first fragment of their datagram */
    uint64_t duplicates;  /* all their bytes had come before */
    uint64_t overlaps;    /* some of their bytes had come before */
    uint64_t evicted;     /* datagrams that were forgotten because the table was full */
    uint64_t unassembled; /* that may be a tunnel's, of a datagram that was not whole in time, for
                             which there was no room, or that contradicted itself */
};

struct ft_tunnel_ports;

struct ft_decoder {
    struct ft_hash_seed seed;           /* the same for all decoders of a pipeline */
    uint64_t verdict[FT_V__COUNT];      /* views by verdict; owner thread */
    uint64_t decoded_bytes;             /* wire bytes of the decoded ones */
    uint64_t bytes;                     /* wire bytes of all views */
    struct ft_fragments_stats fragment; /* owner thread */
    const uint8_t
        *lookup;       /* set by the owner: where hashes will be looked up, lookup_n places of */
    uint32_t lookup_n; /* 64 bytes by the low half of the hash; each is asked for early. 0: none */
    struct ft_ethertypes types;          /* of what is NOT_IP; owner thread */
    const struct ft_tunnel_ports *ports; /* set by the owner, who keeps it: UDP ports of tunnels */
    bool five_tuple;   /* set by the owner: neither VLANs nor ids of tunnels are part of keys */
    bool keep_tunnels; /* set by the owner: the flow is that of the outermost packet */
    bool few_ports;    /* set by the owner: as struct ft_flow_rules.few_ports says */
    bool payloads;     /* set by the owner: packets say where their payload lies */
    bool links;        /* set by the owner: packets say what their frame's header says */
    bool fragments;    /* the last batch held fragments of IP packets */
};

void ft_decoder_init(struct ft_decoder *d, const struct ft_hash_seed *seed);

/* Decodes n views; writes out[0..*out_n) in order of the views: the fields of their first 64 bytes,
 * addr6 of IPv6, the others as struct ft_packet tells. out must have room for n, on a 32-byte
 * boundary. Owner thread; never fails. */
FT_HOT void ft_decode_batch(struct ft_decoder *d, const struct ft_view *views, uint32_t n,
                            struct ft_packet *out, uint32_t *out_n);

/* True when a link type is decoded. Any thread. */
bool ft_linktype_supported(uint16_t linktype);

/* Its name for messages: "EN10MB", "IEEE802_11_RADIO", ...; "unassigned" for a number that has none
 * (say the number too). Never NULL. Any thread. */
const char *ft_linktype_name(uint16_t linktype);

#endif
