/* SPDX-License-Identifier: Apache-2.0 */
/* source: where packets come from: files, streams, interfaces.
 *
 * Theory of operation: a back end is one ft_source_ops. open() makes an instance; read() hands out
 * a batch of views into memory that the source owns; release() gives the batch back. A batch stays
 * valid until it is released, whatever other batches are read meanwhile; a source with
 * FT_SOURCE_STABLE keeps its views valid until close and its release() does nothing.
 *
 *     open -> [ read -> release ]* -> stop -> [ read -> release ]* until FT_E_EOF -> close
 *
 * One thread at a time may be in read(). release() may be called from any thread, also while
 * another thread reads; at most FT_SOURCE_MAX_HELD batches are out at a time, after which read()
 * returns FT_E_AGAIN. stop() may be called from any thread and from a signal handler. */
#ifndef FT_SOURCE_SOURCE_H
#define FT_SOURCE_SOURCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/log.h"
#include "model/packet.h"

enum {
    FT_SOURCE_MAX_HELD = 64,
    FT_RING_BYTES = 2048,      /* of the kernel's ring, for each packet of --queue */
    FT_SOURCE_INTERFACES = 32, /* of one source (live) */
};

enum {
    FT_SOURCE_LIVE = 1, /* packets come from the wire: time passes without packets, drops happen */
    FT_SOURCE_STABLE = 2, /* views stay valid until close (a mapped file) */
    FT_SOURCE_FANOUT = 4, /* several instances of the same config share the traffic by flow */
};

struct ft__ring;

/* What the instances of one config agree on: for each of their interfaces, the group of sockets
 * that share its packets. The kernel chooses the number when the first one asks; numbers of our own
 * (of the process, say) repeat in containers, and two programs in one group see half each. owner:
 * the pipeline; fields guarded by lock. */
struct ft_fanout_share {
    pthread_mutex_t lock;
    struct {
        uint32_t members; /* sockets in it; 0: the kernel has forgotten it, its number is free */
        int ifindex;      /* of the interface that it is on: another one wants another group */
        uint16_t id;
    } group[FT_SOURCE_INTERFACES];
    /* of the first instance, whose compiled filter the others copy in open() */
    const struct ft__ring *first_ring[FT_SOURCE_INTERFACES];
};

struct ft_prefixes; /* model/prefix.h */

struct ft_source_config {
    const char *const *targets; /* file names or interface names; borrowed until open returns */
    uint32_t n_targets;
    const char *filter;             /* BPF expression or NULL */
    uint32_t queue;                 /* --queue: bound of the kernel's buffer, packets (live) */
    uint32_t snaplen;               /* bytes of a packet to keep (live); 0: the source's default */
    struct ft_fanout_share *fanout; /* of instances that share; outlives them */
    uint32_t fanout_n;              /* instances in the group, 1 = no fanout */
    uint32_t fanout_i;              /* which of them: the first speaks for all */
    bool promiscuous;               /* live */
    enum ft_direction direction;    /* packets that go this way only */
    int64_t tcp_idle_ns; /* collect: a connection that says nothing for so long ends; 0: never */
    const struct ft_prefixes *allow; /* collect: who may connect, NULL: all; borrowed. It may change
                                        between two reads */
    bool (*linktype_ok)(uint16_t linktype); /* what the decode stage knows */
    const char *(*linktype_name)(uint16_t linktype);
    const struct ft_log *log; /* may be NULL; outlives the source */
};

struct ft_batch {
    struct ft_view *views; /* caller's array */
    uint32_t cap;          /* its length */
    uint32_t n;            /* out: views filled */
    uint64_t token;        /* out: the source's, for release */
    bool
        settle; /* out, of sources with settled(): it waits for that before it goes on. Begins false
                 */
};

struct ft_source_stats {
    bool dropped_known;        /* false: the source cannot know */
    uint64_t dropped;          /* packets lost in the kernel since open */
    uint64_t kernel_packets;   /* what the kernel counted, dropped ones included; 0: unknown */
    uint64_t interface_events; /* down, vanished, came back */
    uint32_t interfaces_down;  /* now */
    uint64_t connections;      /* TCP, open now */
    uint64_t connections_idle, connections_displaced, connections_refused; /* closed by us, why */
    uint64_t input_pos,
        input_size;    /* bytes; size 0 when unknown (stdin, compressed: compressed bytes) */
    uint64_t unpacked; /* bytes that came out of compressed input so far */
};

struct ft_source;
struct ft_source_files; /* what the files that targets name hold: the source's own kind */

struct ft_source_ops {
    const char *name; /* "file", "afpacket", "pcap", "udp", "kafka", "mock" */
    const char *help; /* one line */
    unsigned flags;   /* FT_SOURCE_* */

    /* Makes an instance; all targets are opened here, so that privileges can be dropped after. On
     * failure err says why in one sentence with the target's name, *out is untouched. A source that
     * can go on without one of several targets logs why and notes it in left_out. */
    int (*open)(const struct ft_source_config *cfg, struct ft_source **out, struct ft_err *err);

    /* Fills b->views. Waits up to timeout_ms for packets (0: not at all). FT_OK with b->n >= 0
     * (0: nothing came in time); FT_E_EOF after the last packet; FT_E_TRUNCATED or FT_E_CORRUPT:
     * the input is damaged here, everything before was handed out, err->off is the byte offset and
     * err->what names file and damage, reading again gives FT_E_EOF or the next file's packets;
     * FT_E_AGAIN: too many batches are out; other FT_E_*: fatal. b->n packets are valid only on
     * FT_OK. */
    int (*read)(struct ft_source *s, struct ft_batch *b, int timeout_ms, struct ft_err *err);

    void (*release)(struct ft_source *s, uint64_t token);

    /* Ends the input: what was captured can still be read, then FT_E_EOF. */
    void (*stop)(struct ft_source *s);

    /* All that was handed out has been released, and what came of it has gone on for good; well:
     * false, it could not all, within the time that there was. The reading thread. NULL: the source
     * has no use for it. */
    void (*settled)(struct ft_source *s, bool well);

    /* Reads again the files that targets name (certificates, keys), as open() did with the same
     * cfg, and tries whether they can be used; no source changes by that. *out: for take_files() or
     * free_files(); NULL: they name none. Any thread. NULL: what they name is read once. */
    int (*read_files)(const struct ft_source_config *cfg, struct ft_source_files **out,
                      struct ft_err *err);
    /* What begins from now on goes by these, which are the source's then; what is under way goes on
     * by those that it began with. The reading thread, between two reads. */
    void (*take_files)(struct ft_source *s, struct ft_source_files *files);
    void (*free_files)(struct ft_source_files *files); /* NULL is a no-op */

    /* The account so far. Any thread. */
    void (*stats)(struct ft_source *s, struct ft_source_stats *out);

    void (*close)(struct ft_source *s); /* NULL is a no-op */
};

/* First member of every back end's own struct. */
struct ft_source {
    const struct ft_source_ops *ops;
    const struct ft_err *left_out; /* the first target that open() could not use, which it has said
                                      and gone on without; or NULL. The source's */
};

/* NULL-terminated; what was built in. */
extern const struct ft_source_ops *const ft_sources[];

/* By name, or NULL. */
const struct ft_source_ops *ft_source_find(const char *name);

extern const struct ft_source_ops ft_source_file, ft_source_mock, ft_source_udp, ft_source_afpacket,
    ft_source_pcap, ft_source_kafka;

#endif
