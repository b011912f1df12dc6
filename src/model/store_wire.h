/* SPDX-License-Identifier: Apache-2.0 */
/* model: what an output to a store and the process that keeps the store say to each other.
 *
 *     output                         keeper
 *       | <------- OPENED or FAILED ---- |
 *       | -- ROWS (a chunk), ... ------> |
 *       | <------- TOLD ---------------- |  whenever a slice is on disk, or is not
 *       | -- FLUSH --------------------> |
 *       | <------- FLUSHED ------------- |  everything before is told
 *
 * Frames over a stream socket: a head and as many bytes as it says. */
#ifndef FT_MODEL_STORE_WIRE_H
#define FT_MODEL_STORE_WIRE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/files.h"
#include "flowtap/errors.h"
#include "flowtap/event.h"

enum ft_store_say {
    FT_STORE_ROWS,  /* to the keeper: a chunk of format/store.h */
    FT_STORE_FLUSH, /* to the keeper: what is held goes to disk */
    FT_STORE_OPENED,
    FT_STORE_FAILED, /* it ends; why: text */
    FT_STORE_TOLD,
    FT_STORE_FLUSHED
};

enum { FT_STORE_FRAME_MOST = 64 << 20, FT_STORE_TEXT = 400 };

struct ft_store_frame {
    uint32_t say; /* to the keeper */
    uint32_t len; /* bytes behind it */
};

struct ft_store_answer {
    uint32_t say;
    int32_t rc; /* FAILED, TOLD: FT_OK or why not */
    uint64_t arrived[FT_EVENT__COUNT], lost[FT_EVENT__COUNT];
    uint64_t bytes; /* on disk, of those that arrived */
    char text[FT_STORE_TEXT];
};

/* What a keeper is told at its start. */
struct ft_store_ask {
    const char *folder;
    const uint8_t *header; /* format/store.h */
    size_t header_len;
    struct ft_file_keep keep; /* age_s, bytes */
    int64_t slice_ms;         /* rows wait no longer for their slice */
};

/* Starts the process; valid while an output opens. */
struct ft_store_start {
    /* *out_fd: a socket to it, owned by the caller; *out_pid: to be waited for. FT_E_PRIVILEGE:
     * processes can be started no more; FT_E_UNSUPPORTED; FT_E_IO; what the store says */
    int (*start)(void *cookie, const struct ft_store_ask *ask, int *out_fd, pid_t *out_pid,
                 struct ft_err *err);
    void *cookie;
};

#endif
