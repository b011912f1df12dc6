/* SPDX-License-Identifier: Apache-2.0 */
/* source: the file source's structs, shared by file.c (mapped) and file_stream.c (streamed). */
#ifndef FT_SOURCE_FILE_INTERNAL_H
#define FT_SOURCE_FILE_INTERNAL_H

#include <stdatomic.h>

#include "source/file.h"
#include "source/stream.h"

enum {
    FT__BUFFERS = 8,
    FT__BUFFER_FILL = 1 << 20,                  /* bytes a buffer is usually filled to */
    FT__BUFFER_LEN = FT_CAPLEN_MAX + (1 << 20), /* address space, so that any record fits */
};

struct ft__target {
    char *name;   /* owned */
    int fd;       /* -1 once mapped or streamed */
    uint8_t *map; /* NULL: streamed */
    uint64_t len; /* of the file; 0: unknown */
    struct ft_stream *stream;
};

struct ft__buffer {
    uint8_t *mem;          /* [FT__BUFFER_LEN], mapped */
    uint64_t start, end;   /* bytes not walked yet */
    _Atomic uint32_t held; /* batches out that point into it */
};

struct ft__file {
    struct ft_source source;
    struct ft__target *targets; /* [n] */
    uint32_t n, at;             /* at: the current one; owner: reader */
    struct ft_walker walker;
    struct ft_filter *filter;
    struct ft_source_config cfg; /* strings of it are not used after open */
    uint64_t off;                /* of the current target, decompressed; owner: reader */
    uint64_t populated, behind;  /* mapped: pages asked for, pages let go */
    struct ft__buffer buf[FT__BUFFERS];
    uint32_t cur; /* the buffer that is being walked */
    bool warned;  /* an interface of a link type that is not decoded was said */
    int wake_fd;  /* eventfd: stop */
    _Atomic bool stopped;
    _Atomic uint64_t done, pos; /* bytes of targets finished; of the current one */
    uint64_t size;              /* of all targets, 0: unknown */
};

/* Damage of the current target, in words. */
int ft__file_error(struct ft__file *f, int rc, const struct ft_walked *w, uint64_t off,
                   uint64_t left, struct ft_err *err);

/* Makes the buffers. FT_E_NOMEM. */
FT_NODISCARD int ft__file_stream_init(struct ft__file *f);
void ft__file_stream_fini(struct ft__file *f);

/* A batch of the current target, which is streamed; FT_E_EOF at its end. */
int ft__file_stream_read(struct ft__file *f, struct ft_batch *b, int timeout_ms,
                         struct ft_err *err);

#endif
