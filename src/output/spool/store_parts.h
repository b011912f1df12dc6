/* SPDX-License-Identifier: Apache-2.0 */
/* output/spool: what store.c and store_open.c share, and what lies on the disk; for them only. */
#ifndef FT_OUTPUT_SPOOL_STORE_PARTS_H
#define FT_OUTPUT_SPOOL_STORE_PARTS_H

#include <pthread.h>

#include "output/spool/store.h"

#define FT__SEGMENT_MAGIC "FTSPOOL2"
#define FT__CURSOR_MAGIC  "FTCURSR2"

enum {
    FT__SEGMENT_HEADER = 8,       /* bytes: its magic */
    FT__FRAME_MAGIC = 0x324d5246, /* FRM2 */
    FT__FRAME_MOST = 1 << 28,     /* bytes of a frame */
    FT__CURSOR_PLACE = 4096,      /* a cursor lies in a sector and a page of its own */
    FT__EVENTS = 16               /* kinds that a frame has room for */
};

_Static_assert((int)FT_EVENT__COUNT <= (int)FT__EVENTS, "a frame counts every kind of event");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are the machine's integers");

/* Of all frames that were ever appended, up to some frame. */
struct ft__totals {
    uint64_t n[FT__EVENTS]; /* events */
    uint64_t bytes;         /* of them */
};

/* Behind it lie the data, filled up to eight bytes, and n_marks marks, the last one first. It lies
 * at a multiple of eight bytes. */
struct ft__frame_header {
    uint32_t magic, data_len, n_marks, lines;
    uint64_t number, run, producer, shape;
    int64_t made_ns;
    uint32_t events[FT__EVENTS];
    struct ft__totals before; /* what a frame that is missing held is told by the next one */
    uint64_t body_check;      /* of data and marks */
    uint64_t check;           /* of what is before it */
};

struct ft__cursor {
    char magic[8];
    uint64_t generation;
    uint64_t producer;
    uint64_t first; /* number of the first frame that is not known to be delivered */
    uint64_t next;  /* of the next that is appended, when it was written */
    struct ft__totals first_before, next_before; /* of the frames before these */
    uint64_t orderly;
    uint64_t boot;  /* of the machine: which one wrote it */
    uint64_t check; /* of what is before it */
};

_Static_assert(sizeof(struct ft__frame_header) == 272, "no gaps");
_Static_assert(sizeof(struct ft__cursor) <= 512, "it lies in a sector");
_Static_assert(sizeof(struct ft_mark) == 16, "as it lies on the disk");

struct ft__segment {
    int fd;
    uint64_t number; /* of its first frame; 0: it is empty */
    uint64_t size;   /* to where it is whole */
};

struct ft_spool {
    struct ft_spool_config cfg;
    int folder_fd, cursor_fd;
    uint64_t run;
    struct ft_spool_content found;
    uint64_t generation;  /* of the cursor that it was opened with */
    uint64_t oldest;      /* while it opens, without a cursor: number of the oldest frame */
    pthread_mutex_t lock; /* guards: segments' numbers and sizes, bytes, newest, cursor */
    struct ft__segment segment[FT_SPOOL_SEGMENTS];
    struct ft__segment *newest; /* that is appended to; changed by the appender only */
    uint64_t bytes;
    struct ft__cursor cursor;
    struct ft__totals border; /* before the first frame of this run; since open */
    /* owner: the reader */
    uint64_t at_segment, at;  /* number of the segment and place in it of the next frame */
    uint64_t read_to;         /* number after the last frame that was read */
    struct ft__totals before; /* of the frames before that */
    uint8_t *frame;           /* [frame_room]: the largest that there is, or that may be appended */
    size_t frame_room;
};

/* Left out after a power cut: what was delivered may be gone from the disk, its numbers with it. */
#define FT__NUMBERS_LEFT_OUT (UINT64_C(1) << 32)

/* Numbers of frames, segments and cursors are from 1 up to here; no machine gets so far. */
#define FT__NUMBER_MOST (UINT64_C(1) << 62)

/* Bytes of a frame with its header. */
size_t ft__frame_len(const struct ft__frame_header *h);
/* The first sound frame from at on that ends at end or before; *out_at is where it begins. False:
 * there is none. */
bool ft__frame_find(int fd, uint64_t at, uint64_t end, struct ft__frame_header *h,
                    uint64_t *out_at);
/* What is before the frame behind this one. */
struct ft__totals ft__totals_behind(const struct ft__frame_header *h);
/* What lies between two of them. False: b is not behind a in everything. */
bool ft__totals_between(const struct ft__totals *a, const struct ft__totals *b,
                        struct ft_tally *out);
bool ft__cursor_sound(const struct ft__cursor *c);
bool ft__read_at(int fd, void *out, size_t len, uint64_t at);
/* False: it cannot be written. */
bool ft__cursor_write(struct ft_spool *s, bool orderly);

#endif
