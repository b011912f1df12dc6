/* SPDX-License-Identifier: Apache-2.0 */
/* output/spool: what waits on disk for a receiver.
 *
 *     folder/000.seg ... 031.seg, cursor
 *     segment: [magic][frame][frame]...        frame: [header][data][marks]
 *     cursor: two places that take turns, the newer one that is whole counts
 *
 * Theory of operation: a spool is a fixed set of segment files that are opened once, so that a
 * process without rights can go on using them. Frames, each a chunk of events, are appended to the
 * newest segment and read in order from the oldest; a segment whose frames have all been delivered
 * is emptied and used again. Every frame has a number, one more than the last; the cursor tells the
 * first that is not known to be delivered. Nothing that was written is changed, so a process that
 * is killed leaves a whole spool but for its last frame, which its checks find. What was read and
 * not told to be done comes again after a start: a frame is delivered at least once, and its
 * producer and number are the same each time.
 *
 * The number of the first frame after a start that followed no orderly end leaves one out: a reader
 * sees a gap where memory may have been lost. When the machine was started anew meanwhile it leaves
 * 2^32 out: frames that were delivered may never have reached the disk, and no number is used
 * twice.
 *
 * One thread appends, one other reads. All integers are little-endian, as the machine's. */
#ifndef FT_OUTPUT_SPOOL_STORE_H
#define FT_OUTPUT_SPOOL_STORE_H

#include "output/output.h"

enum { FT_SPOOL_SEGMENTS = 32 };

struct ft_spool_config {
    const char *folder;
    uint64_t max_bytes;  /* of all segments */
    int64_t max_age_ns;  /* older frames are not delivered; 0: no bound */
    uint64_t shape;      /* what its events look like; those of another shape cannot be read */
    uint32_t frame_most; /* bytes of a chunk that is appended, with its marks */
    bool look;           /* nothing is made, cut, locked or moved on */
    uint64_t upto;       /* look: frames from that number on are left out; 0: none */
};

enum ft_spool_state {
    FT_SPOOL_WHOLE,
    FT_SPOOL_EXPIRED, /* older than max_age_ns */
    FT_SPOOL_DAMAGED,
    FT_SPOOL_MISSING /* not one frame: all from that number up to the next one that is there */
};

/* A frame that was read; chunk, only of a whole one, is valid until the next read. Of what is
 * missing, tally is exact, and there are two when a part of it is of this run. */
struct ft_spool_frame {
    enum ft_spool_state state;
    struct ft_chunk chunk;
    struct ft_tally tally;
    uint64_t run;      /* of which start of a program; of what is missing 0: of an earlier one */
    int64_t made_ns;   /* wall clock */
    uint32_t segment;  /* file */
    uint64_t position; /* in it */
};

/* What is in it and not known to be delivered. */
struct ft_spool_content {
    struct ft_tally tally;   /* events and their bytes, of frames that are there */
    struct ft_tally missing; /* of those that are not */
    uint64_t frames;
    uint64_t first, next; /* number of the first, and of the next that is appended */
    uint64_t producer;
    uint64_t shape;
    int64_t oldest_ns;   /* 0: it is empty */
    uint64_t disk_bytes; /* of all segments, with what was delivered and not yet emptied */
    uint64_t damaged;    /* segments that were not whole */
    bool orderly;        /* the last one that wrote ended in order */
    uint32_t segments;   /* in use */
};

struct ft_spool;

/* Opens a spool, made if it is not there (its last folder, mode 0750). FT_E_IO, FT_E_NOMEM,
 * FT_E_FORMAT (it holds events of another shape, or files that are not of this version: they are
 * left as they are), FT_E_USAGE (another process has it). */
FT_NODISCARD int ft_spool_open(const struct ft_spool_config *cfg, struct ft_spool **out,
                               struct ft_err *err);
/* Reader and appender are gone. orderly: nothing that was made is missing. NULL is a no-op. */
void ft_spool_close(struct ft_spool *s, bool orderly);

/* The run of this opening, as its frames carry it. */
uint64_t ft_spool_run(const struct ft_spool *s);

/* Appends a chunk as the next frame. FT_E_AGAIN: no room within max_bytes or on the disk; FT_E_IO:
 * the disk fails. Then nothing is in it of the chunk. */
FT_NODISCARD int ft_spool_append(struct ft_spool *s, const struct ft_chunk *c);

/* The next frame, or what is missing before it or at the end. FT_E_AGAIN: there is none now. */
FT_NODISCARD int ft_spool_next(struct ft_spool *s, struct ft_spool_frame *out);
/* All frames that were read are delivered. */
void ft_spool_done(struct ft_spool *s);

/* Bytes on disk of what it may have, max_bytes or with all that the disk has left, in percent. Any
 * thread. */
uint32_t ft_spool_fill(struct ft_spool *s);
uint64_t ft_spool_bytes(struct ft_spool *s);

/* What was not delivered and would be gone if it was closed now, because the files were removed: of
 * this run, and of earlier ones. False: nothing. Any thread. */
bool ft_spool_gone(struct ft_spool *s, struct ft_tally *own, struct ft_tally *earlier);

/* look: whether who writes it has moved on since it was opened: what seems to be missing or damaged
 * may have been delivered, and its place used again. */
bool ft_spool_moved(const struct ft_spool *s);

/* As it was found when it was opened. */
void ft_spool_content(const struct ft_spool *s, struct ft_spool_content *out);

/* Bytes of memory, with a frame of frame_most bytes. */
size_t ft_spool_budget(uint32_t frame_most);

#endif
