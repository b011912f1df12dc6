/* SPDX-License-Identifier: Apache-2.0 */
/* model: samples of an output of sFlow as they lie in chunks, and who sends them.
 *
 * Theory of operation: who samples a packet writes it as a row: a head, then the sample as it is on
 * the wire, but for what counts samples of all workers: sequence, pool and drops. Of those a row
 * says what is new since the one before of its worker and source. The output's thread adds that up,
 * by source, and puts samples into datagrams, so that the numbers of a source never go back.
 *
 *     chunk     [head | sample] [head | sample] ...
 *     datagram  [header][sample][sample] ... */
#ifndef FT_MODEL_SFLOW_ROWS_H
#define FT_MODEL_SFLOW_ROWS_H

#include <stdbool.h>
#include <stdint.h>

enum { FT_SFLOW_SOURCES = 32 }; /* interfaces of one output */

/* Before each sample, in host order, not aligned. */
struct ft_sflow_row {
    uint32_t len;    /* of the row, bytes: this head and the sample */
    uint32_t source; /* 0 to FT_SFLOW_SOURCES - 1: whose sample it is */
    uint32_t pool;   /* packets of it since the row before, this one included */
    uint32_t drops;  /* samples of it that found the queue full since then */
    uint32_t rate;   /* one of so many; 0: counters */
    uint32_t zero;
    int64_t ts_ns; /* when, ns since 1970 */
};

/* As long as the output. */
struct ft_sflow_agent {
    uint32_t sub_agent;
    uint8_t address[16]; /* network order, IPv4 in the first 4 bytes */
    uint8_t version;     /* of address: 4, 6; 0: that of the socket */
    bool by_clock;       /* uptime is the clock's; else that of the packets */
    /* packets that the kernel dropped before anybody could sample them, until now, any thread; of
     * one source, NULL when there are several */
    uint64_t (*packets_lost)(void *cookie);
    void *packets_cookie;
};

#endif
