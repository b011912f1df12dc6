/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: what lanes.c and lanes_split.c share; for them only. */
#ifndef FT_PIPELINE_LANES_PARTS_H
#define FT_PIPELINE_LANES_PARTS_H

#include "pipeline/lanes.h"
#include "source/file/file.h"

/* A slot has room for the fragments that its packets may release. */
enum { SLOT_PACKETS = FT_LANE_PACKETS + FT_FRAGMENTS_HELD };

/* In `users` of a slot that is being filled, so that nobody claims it a second time. */
#define SLOT_CLAIMED UINT32_MAX

/* owner: the worker that claimed it until published; then read by all until users is 0. */
struct ft__slot {
    struct ft_packet *pkts;         /* [SLOT_PACKETS] */
    struct ft_window_clock *clocks; /* [SLOT_PACKETS], as of each packet; or NULL */
    uint8_t *kept;     /* [FT_LANE_PACKETS][FT_FRAGMENTS_KEPT] or NULL; without --app, where the
                          source's memory goes, what fragments hold; with it, what they became */
    uint8_t *payloads; /* [FT_LANE_PACKETS][FT_PAYLOAD_MAX] or NULL; with --app, where the source's
                          memory goes, copies of payloads */
    uint16_t *order;   /* [SLOT_PACKETS] packet numbers, sorted by owner */
    uint32_t *first;   /* [n_workers + 1] where each owner's part of order begins */
    uint32_t n;        /* packets */
    _Atomic uint32_t users;     /* workers that have still to consume it; 0: free */
    _Atomic uint64_t published; /* chunk number + 1 */
    /* until it is published; guarded by the claim lock once done is set: */
    bool done;      /* decoded, but not yet all before it */
    bool fragments; /* there are some among the packets */
    uint64_t chunk; /* its number */
    /* of a split file: */
    uint64_t from, limit; /* the chunk: records that begin in between */
    uint64_t start, next; /* where the walk began, and where it ended */
    uint64_t joined;      /* offset of a file header among its records; 0: none */
    uint32_t walked;      /* records */
    uint64_t tail;        /* where the last of them were read from, */
    uint32_t n_tail;      /* so many */
    int rc; /* FT_E_EOF: all walked; FT_OK: the slot is full; FT_E_FORMAT: another kind of capture
               begins at next; else damage, err */
    struct ft_err err;
    uint64_t verdict[FT_V__COUNT], bytes, decoded_bytes; /* what decoding it counted */
    struct ft_ethertypes types;                          /* likewise, with verdict NOT_IP */
};

struct ft_lanes {
    struct ft_pipeline *p;
    struct ft_source *source;
    uint32_t n_workers, n_slots;
    struct ft__slot *slots;
    struct ft_view *views; /* [n_workers][FT_LANE_PACKETS] scratch */
    void *map;             /* all of the above lie in it */
    size_t map_len;
    struct ft_file_split *split; /* NULL: batches are read from the source */
    pthread_mutex_t claim;       /* guards what follows, and the source's read() */
    uint64_t next;               /* chunk to be claimed */
    uint64_t verified;           /* chunks that are known to be right, or published */
    bool eof;
    bool ended;  /* all chunks of the input, n_whole of them, are published */
    bool ending; /* but for what fragments still hold */
    uint64_t n_whole;
    struct ft_lanes_work work;
    /* of a split file: */
    uint64_t at;                    /* where the chunk to be claimed begins */
    uint64_t len, len_max;          /* of a chunk, now, and as far as it may grow */
    uint32_t calm;                  /* chunks since len_max changed */
    uint32_t walking;               /* workers in a stretch */
    _Atomic bool left;              /* splitting was given up, the source is read; set with claim,
                                       asked without */
    uint64_t expect;                /* where the next chunk to be verified truly begins */
    struct ft_window_clock clock;   /* of the packets published; likewise guarded by claim: */
    struct ft_fragments *fragments; /* guarded by claim: it sees the chunks in order */
    _Atomic uint64_t total;         /* chunks of the input, UINT64_MAX while unknown */
    _Atomic bool stopped;           /* claim no more */
};

/* Sorts the packet numbers of a slot by owner, keeping their order. */
void ft__slot_sort(struct ft__slot *s, uint32_t n_workers);

/* With the claim lock, in the order of the input: a slot's packets are final. w counts them. */
void ft__slot_publish(struct ft_lanes *l, struct ft_worker *w, struct ft__slot *s, uint64_t chunk);

/* With the claim lock: what was decoded ahead is thrown away. */
void ft__lanes_forget(struct ft_lanes *l);

/* With the claim lock: the input has no more than this many chunks, and all are published. */
void ft__lanes_end_at(struct ft_lanes *l, struct ft_worker *w, uint64_t chunks);

/* With the claim lock: if all chunks are published, what fragments still hold comes out in a slot
 * of its own, as soon as one is free. To be called again until then. */
void ft__lanes_end(struct ft_lanes *l, struct ft_worker *w);

/* Splits the input if it is one mapped pcap; else l->split stays NULL. */
void ft__lanes_split(struct ft_lanes *l);

/* ft_lanes_decode() of a split file. */
int ft__lanes_split_decode(struct ft_lanes *l, struct ft_worker *w);

#endif
