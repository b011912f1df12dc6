/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: packets as they are, to the outputs that hold them (-o pcap:FILE, and of collect
 * kafka://...?format=datagram).
 *
 * Theory of operation: who decodes a batch, while its views are valid, copies it into the open
 * chunks of these outputs: a worker that has a source of its own, or the reader. So packets stand
 * in a file in the order in which one thread saw them: for read, that of the input whatever the
 * number of workers (it takes the way of the hand-off); for live with several workers, each
 * worker's packets are in order, and the workers' chunks follow one another as they fill. What the
 * filter does not match, and what went another way than that of --direction, is not written; what
 * is not IP is.
 *
 * Of collect, they are the datagrams that the collector takes, whatever it makes of them, one for
 * each message of a stream. In a file each is a UDP packet of raw IP, from its exporter to nobody
 * (the receiver's address is not known), to the port that its protocol has.
 *
 * A file has one link type, that of the first packet. Packets of another one cannot be in it: they
 * are lost, counted, and that is said once. */
#ifndef FT_PIPELINE_PACKETS_H
#define FT_PIPELINE_PACKETS_H

#include <stdatomic.h>

#include "model/peer.h"
#include "pipeline/emit.h"

struct ft_packet_file {
    _Atomic uint32_t linktype; /* of the first packet + 1; 0: none has come */
    _Atomic bool said;         /* that there are others */
    uint32_t snap;             /* bytes kept of each */
    bool bare;                 /* datagrams by their bytes, not as packets */
    const char *name;          /* of the output, borrowed */
    const struct ft_log *log;
};

/* By the URL's snap=. */
void ft_packet_file_init(struct ft_packet_file *f, const struct ft_output_url *url,
                         const struct ft_log *log);

/* It will hold datagrams: how long an event may be. */
void ft_packet_file_collect(struct ft_packet_file *f, struct ft_output_config *cfg);

/* The header of its files, once a packet has come (Ethernet's, if none ever does). */
size_t ft_packet_file_header(void *packet_file, uint8_t *out);

/* n packets of a batch to every output that holds packets, and one of sample_n to those that get
 * samples of them (samples.h). Its thread. */
FT_HOT void ft_emit_packets(struct ft_emitter *e, const struct ft_view *views, uint32_t n,
                            uint32_t sample_n);

/* A datagram of an exporter, likewise. */
void ft_emit_datagram(struct ft_emitter *e, const struct ft_peer *peer, const uint8_t *data,
                      uint32_t len, int64_t ts_ns);

#endif
