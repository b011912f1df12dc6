/* SPDX-License-Identifier: Apache-2.0 */
/* source/file: what its parts share: the inputs, the format of the current one, the two ways to
 * read. For src/source/file/ only.
 *
 *     file.c    ops: open all, read from the current one, move to the next
 *     format.c  pcap, pcapng or IPFIX over a window; which link types are taken; words for damage
 *     input.c   opens one target: mapped, packed or live; refuses what is no capture
 *     map.c     reads a mapped input
 *     scout.c   brings the headers of a mapped pcap into the cache
 *     stream.c  reads any other through the pool of buffers
 *     unpack.c  gzip and zstd, for stream.c
 *     split.c   several threads walk one mapped pcap */
#ifndef FT_SOURCE_FILE_PARTS_H
#define FT_SOURCE_FILE_PARTS_H

#include <stdatomic.h>

#include "base/count.h"
#include "codec/file/ipfix.h"
#include "codec/file/pcap.h"
#include "codec/file/pcapng.h"
#include "source/file/file.h"
#include "source/file/scout.h"
#include "source/file/unpack.h"
#include "source/filter.h"

enum { FT__IFACES_CAP = 4096 }; /* interfaces of one pcapng section */

enum ft__format_kind { FT__FORMAT_NONE, FT__FORMAT_PCAP, FT__FORMAT_PCAPNG, FT__FORMAT_IPFIX };

/* The capture format of the current input. */
struct ft__format {
    enum ft__format_kind kind;
    bool vetted;        /* its link types were looked at */
    uint64_t joined_at; /* where in its input it begins; 0: it is the first one */
    struct ft_pcap pcap;
    struct ft_pcapng ng; /* ifaces is the source's array */
    uint16_t input;      /* IPFIX: number of the target */
};

/* One target. */
struct ft__input {
    char *name;     /* as in messages; owned */
    int fd;         /* -1 when closed; 0 is not closed */
    uint8_t *map;   /* the whole file, or NULL: read as a stream */
    size_t map_len; /* bytes mapped */
    uint64_t size;  /* bytes, 0: unknown */
    bool live;      /* bytes may be slow to come: poll before read */
    bool vetted;    /* open() looked inside */
    bool joined;    /* it was said that several captures stand in it */
};

struct ft__stream;

/* owner: the reading thread. stop and the counts: any thread. */
struct ft__file {
    struct ft_source base;
    struct ft_err why_left_out; /* of the first target that open() left out */
    struct ft__input *inputs;   /* those that can be read */
    uint32_t n_inputs;
    uint32_t cur;         /* input being read */
    bool begun;           /* its header was read */
    bool goes_on;         /* what read() returned is no end of it */
    bool split;           /* ft_file_split_open() took it over */
    uint64_t done;        /* bytes of the inputs before cur */
    uint64_t size;        /* bytes of all inputs, 0: unknown */
    uint64_t map_checked; /* mapped: the file's size was looked at for the bytes before this one */
    uint64_t map_given;   /* mapped: pages before this one were given back */
    struct ft__scout scout; /* mapped: of the walk */
    struct ft__format format;
    struct ft_walk walk;
    const uint8_t *win;             /* start of the walk's window; mapped: of the file */
    uint64_t win_off;               /* its offset in the unpacked file */
    struct ft_pcapng_iface *ifaces; /* FT__IFACES_CAP */
    struct ft_filter *filter;       /* or NULL */
    bool filter_usable;             /* it could be compiled for some link type */
    struct ft_err filter_failed;    /* why it could not for the last one */
    enum ft_direction direction;    /* packets that go this way only */
    struct ft__stream *stream;      /* or NULL when all inputs are mapped */
    bool (*linktype_ok)(uint16_t linktype);
    const char *(*linktype_name)(uint16_t linktype);
    const struct ft_log *log;
    int stop_fd;              /* eventfd that wakes a poll */
    atomic_bool stop;         /* pairs: relaxed; the eventfd orders nothing either */
    struct ft_count pos;      /* bytes of all inputs consumed */
    struct ft_count unpacked; /* bytes that packed inputs unpacked to */
};

/* --- format.c --- */

/* Takes the file header at p. FT_OK: *out_used bytes of it are behind us; FT_E_TRUNCATED: len is
 * too short to tell, *out_used is what is needed; FT_E_FORMAT, FT_E_UNSUPPORTED: err says what it
 * is instead. */
FT_NODISCARD int ft__format_begin(struct ft__file *s, const struct ft__input *in, const uint8_t *p,
                                  size_t len, size_t *out_used, struct ft_err *err);

/* Nothing of a record was taken that is not whole: the input may end here. */
bool ft__format_whole(const struct ft__file *s);

/* The walkers behind one name. */
FT_NODISCARD int ft__format_walk(struct ft__format *f, struct ft_walk *w, struct ft_view *views,
                                 uint32_t cap, uint32_t *n);

/* Walks up to the first packet and looks at the link types so far. FT_OK: one of them is taken, or
 * there is nothing to say; FT_E_AGAIN: more bytes are needed (pcapng); FT_E_UNSUPPORTED: err names
 * the link type, and s->goes_on when it is that of a capture that was joined: its packets are
 * handed out all the same, for decoding to ignore them; FT_E_FULL: too many link types for the
 * filter. Damage is left for the reader. */
FT_NODISCARD int ft__format_vet(struct ft__file *s, const struct ft__input *in, struct ft_err *err);

/* After FT_E_FORMAT of ft__format_walk(): goes over to the capture that begins there, and says so.
 * Its link types are vetted next. FT_E_UNSUPPORTED: err says what is left out. */
FT_NODISCARD int ft__format_join(struct ft__file *s, struct ft__input *in, struct ft_err *err);

/* Says, once for an input, that another capture begins in it. */
void ft__format_tell_join(const struct ft__file *s, struct ft__input *in, uint64_t off);

/* Filters what was walked; compiles for link types met for the first time. */
FT_NODISCARD int ft__format_filter(struct ft__file *s, const struct ft__input *in,
                                   struct ft_view *views, uint32_t n, struct ft_err *err);

/* The file offset of the record at the walk's place. */
uint64_t ft__format_offset(const struct ft__file *s);

/* Fill err for a record that ends behind the end of the file, or that cannot be. Return the code.
 */
int ft__format_truncated(const struct ft__file *s, const struct ft__input *in, struct ft_err *err);
int ft__format_corrupt(const struct ft__file *s, const struct ft__input *in, struct ft_err *err);

/* What the bytes look like when they are no capture: "a PNG image"; never NULL. */
const char *ft__format_guess(const uint8_t *p, size_t len);

/* ft_err_set() with an offset. */
int ft__file_err(struct ft_err *err, int code, uint64_t off, const char *fmt, ...) FT_PRINTF(4, 5);

/* --- input.c --- */

/* Opens one target, maps it if it can be, looks inside if it may. in is zeroed memory. */
FT_NODISCARD int ft__input_open(struct ft__file *s, struct ft__input *in, const char *target,
                                struct ft_err *err);
void ft__input_close(struct ft__input *in);

/* --- map.c --- */

/* The current input is read on from offset off, where a record or a capture begins. */
void ft__map_resume(struct ft__file *s, const struct ft__input *in, uint64_t off);

/* As ft_source_ops.read for the current input; FT_E_EOF: this input is at its end. */
FT_NODISCARD int ft__map_read(struct ft__file *s, struct ft__input *in, struct ft_batch *b,
                              struct ft_err *err);

/* --- stream.c --- */

/* The pool, made once. FT_E_NOMEM. */
FT_NODISCARD int ft__stream_new(struct ft__stream **out);
void ft__stream_free(struct ft__stream *st);

/* As ft__map_read. */
FT_NODISCARD int ft__stream_read(struct ft__file *s, struct ft__input *in, struct ft_batch *b,
                                 int timeout_ms, struct ft_err *err);

/* Any thread. */
void ft__stream_release(struct ft__stream *st, uint64_t token);

/* Looks into a regular file at open: link types, format. Rewinds it. */
FT_NODISCARD int ft__stream_peek(struct ft__file *s, struct ft__input *in, struct ft_err *err);

/* Forgets the current input's bytes, so that the next one can begin. */
void ft__stream_end(struct ft__stream *st);

#endif
