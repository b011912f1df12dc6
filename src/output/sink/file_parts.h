/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: the file sink, shared by file.c (writing) and file_open.c (opening, rotating).
 *
 *     file_write -> [frame, when compressed] -> put -> writev(2)
 *                                                | rotation, opening again
 *
 * Theory of operation: what is handed over is whole events. A regular file only ever holds whole
 * events: after a write that got half way, the torn event is cut off again. Compressed events are
 * collected in a frame that is open for a second or a MiB at most; they count as written when the
 * frame is in the file. Targets that can block (pipes, terminals, sockets) are written so that the
 * thread waits in poll(2), where give_up() reaches it: a FIFO or pipe through a file description of
 * our own with O_NONBLOCK (the one that was handed to us is shared with others and is left alone),
 * anything else in pieces that a ready poll promises room for. SIGPIPE is expected to be ignored by
 * the process. */
#ifndef FT_OUTPUT_SINK_FILE_PARTS_H
#define FT_OUTPUT_SINK_FILE_PARTS_H

#include <sys/uio.h>

#include "base/files.h"
#include "output/output.h"
#include "output/sink/compress.h"

enum {
    FT__CHUNKS_MOST = 8,      /* of one write */
    FT__FRAME_MOST = 1 << 20, /* bytes of events after which a frame is closed */
    FT__FRAME_MS = 1000,
    FT__PIECE_LEN = 4096,
    FT__TRAILER_ROOM = 256 * 1024,
    FT__RETRY_MS = 200, /* a FIFO without a reader, a file that cannot be opened */
};

enum ft__fsync { FT__FSYNC_NO, FT__FSYNC_TIME, FT__FSYNC_FRAME };

/* What is written to now. */
struct ft__target {
    int fd;       /* -1: not open yet, tried at each write */
    bool own_fd;  /* ours to close */
    bool regular; /* no poll is needed: a file, a device that takes all */
    bool file;    /* a regular file: can be cut, rotated, added to */
    bool socket;
    bool dirty;      /* written since the last fsync */
    bool held;       /* room for its end is */
    bool begun;      /* its beginning is in it: it is to have an end */
    uint64_t chunks; /* that are in it */
    uint64_t events; /* likewise, of this run */
    size_t piece;    /* most bytes of one write */
    uint64_t size;   /* bytes of the file */
};

/* owner: the output thread, except wake_fd (any thread) */
struct file_sink {
    struct ft_sink sink;
    struct ft_output_env env;
    struct ft_log log;
    char *path;    /* NULL: a descriptor that was handed to us */
    int32_t id;    /* path: its place in env.files */
    int32_t whole; /* the place that path.part takes when it is whole; -1: there is only path */
    /* ?hive=: below which folders of its place the file lies; path is made anew for each */
    char part[FT_FILE_FOLDERS];
    char *target;       /* as given; owned, or NULL */
    const char *append; /* "true", "false" or NULL */
    bool parted;
    bool again;               /* this run has had a file there */
    char aside[FT_FILE_NAME]; /* where the file of an earlier run went, "" if nowhere */
    uint8_t *trailer;         /* owned: room for pieces of the end of a file, or NULL */
    uint8_t *header;          /* owned, compressed if the file is; at the start of every file */
    size_t header_len;        /* bytes */
    const uint8_t *coming;    /* what is being written, or NULL */
    uint64_t size_most;       /* bytes that a file may have (RLIMIT_FSIZE); 0: any */
    /* frames */
    struct ft_compressor *z; /* NULL: none */
    uint8_t *frame;          /* owned; events of the open frame; NULL: they are not held */
    size_t frame_len, frame_cap, frame_most;
    int64_t frame_span_ms; /* it is open this long at most */
    int64_t frame_ms;      /* monotonic time of its first byte */
    struct ft_tally held;  /* what is in it */
    struct ft__target at;
    int wake_fd; /* eventfd: give up */
    /* rotation */
    uint64_t rotate_size;    /* 0: never */
    uint64_t rotate_rows;    /* events of a file; 0: any number */
    int64_t rotate_ns;       /* 0: never */
    int64_t rotate_at;       /* wall clock, ns */
    int64_t rotate_retry_ms; /* after a rotation that failed: not before */
    uint64_t rotate_failed;  /* times since it was said */
    int64_t reopen_ms;       /* after a reopening that failed: when to try again; 0: not */
    struct ft_file_keep keep;
    /* fsync */
    enum ft__fsync fsync;
    int64_t fsync_ms;  /* FT__FSYNC_TIME */
    int64_t synced_ms; /* monotonic time of the last one */
    /* said once */
    bool no_reader, cannot_open, folder_foreign, sync_failed;
};

extern const struct ft_params ft__file_params;
/* Of other sinks, too. */
extern const struct ft_params ft__compress_params, ft__rotate_params;

/* "1000000rows". */
bool ft__file_parse_rows(const char *text, uint64_t *out);

int64_t ft__file_wall_ns(void);

/* Opens the descriptor or path of the URL. What is there of an earlier run is put aside, added to
 * or emptied (env.keep_earlier, append=). FT_OK also when a FIFO has no reader yet. */
FT_NODISCARD int ft__file_start(struct file_sink *f, const struct ft_output_url *url,
                                struct ft_err *err);

/* A sink for files in folders that _begin_part() names; nothing is open yet. */
FT_NODISCARD int ft__file_new_part(const struct ft_output_url *url, const struct ft_output_env *env,
                                   struct file_sink **out, struct ft_err *err);
FT_NODISCARD int ft__file_place_part(struct file_sink *f, const struct ft_output_url *url,
                                     struct ft_err *err);
/* Opens the file in these folders. What cannot be is said, and tried again when it is written to.
 */
void ft__file_begin_part(struct file_sink *f, const char *folders);
/* Files in folders before these that are beyond what is kept go; by the clock, or by now_s when
 * that is earlier. */
void ft__file_sweep_before(struct file_sink *f, const char *folders, int64_t now_s);
/* Closes it; nothing is held. */
void ft__file_finish_part(struct file_sink *f);

/* What a file begins with, into the one that is open, if that is empty or was handed to us. */
FT_NODISCARD int ft__file_begin(struct file_sink *f);

/* What a file ends with, into the one that is open, which gets its name if it has none yet. What
 * cannot be is said. */
void ft__file_end(struct file_sink *f);

/* The end was written, and the target emptied: it begins again. */
FT_NODISCARD int ft__file_again(struct file_sink *f);

/* Holds the room for n chunks of len bytes, and for the end that the file will need with them.
 * FT_OK, or FT_E_IO: the disk has none. */
FT_NODISCARD int ft__file_hold_end(struct file_sink *f, uint64_t len, uint32_t n);

/* A target that can be written to: waits for a FIFO's reader, opens a file again. FT_OK, FT_E_IO,
 * FT_E_INTERRUPTED. */
FT_NODISCARD int ft__file_ready(struct file_sink *f);

/* Opens the path again, adding to what is there (SIGHUP). When that cannot be, the file that was
 * open goes on being written. */
void ft__file_reopen(struct file_sink *f);

/* After a reopening that failed: tries again, twice a second. */
void ft__file_reopen_if_due(struct file_sink *f);

/* Rotates when it is due with more bytes, of so many events, to come. */
void ft__file_rotate_if_due(struct file_sink *f, uint64_t more, uint64_t events);
/* Milliseconds until the time to rotate, -1: there is none. */
int64_t ft__file_rotate_in(const struct file_sink *f);

/* Closes the file; what the system says about what was written before goes into the sink. */
void ft__file_close(struct file_sink *f);

/* Says how often it could not be rotated since that was said. */
void ft__file_say_rotations(struct file_sink *f);

/* file.c: with fsync=, brings what was written to the disk. FT_OK, or FT_E_IO: what was written
 * since the last time may be gone. */
FT_NODISCARD int ft__file_sync(struct file_sink *f);

/* file.c: writes all, or says how far it came; v is used up. */
FT_NODISCARD int ft__file_write_raw(struct file_sink *f, struct iovec *v, int n, size_t *out_taken);
/* Cuts a regular file back to size bytes. */
void ft__file_cut(struct file_sink *f, uint64_t size);

#endif
