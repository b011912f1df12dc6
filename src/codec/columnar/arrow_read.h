/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: Arrow IPC streams and files, read out of untrusted bytes (Arrow columnar format
 * 1.5, "IPC Streaming Format", "IPC File Format": what is before a file's footer is a stream).
 *
 *     ft_arrow_new()  ->  ft_arrow_take() message by message  ->  columns of the batch
 *
 * Theory of operation: who reads hands over what he has; a message that is not there as a whole is
 * asked for. The schema becomes a list of fields, each behind the one that it is a part of. Every
 * buffer of a batch is held against the body, every offset and index against what it points into,
 * before any value can be asked for: then a value is a load. Nothing is copied but dictionaries,
 * which outlive their messages. Compressed bodies and types that no column of ours has (structs,
 * unions, maps, views) are said to be so. */
#ifndef FT_CODEC_COLUMNAR_ARROW_READ_H
#define FT_CODEC_COLUMNAR_ARROW_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/macros.h"

enum {
    FT_ARROW_FIELDS = 2048,          /* columns and their items at most */
    FT_ARROW_DEPTH = 8,              /* lists in lists */
    FT_ARROW_META = 16 << 20,        /* bytes of a message's description at most */
    FT_ARROW_BODY = 256 << 20,       /* and of its body */
    FT_ARROW_DICTIONARY = 256 << 20, /* bytes of all dictionaries together at most */
    FT_ARROW_NAME = 256              /* bytes of a column's name at most */
};

/* What a value is, whatever its width in the file. */
enum ft_arrow_kind {
    FT_ARROW_NULL,
    FT_ARROW_BOOL,
    FT_ARROW_SIGNED,   /* width 1, 2, 4, 8; times of a day and spans, too */
    FT_ARROW_UNSIGNED, /* likewise */
    FT_ARROW_FLOAT,    /* width 4, 8 */
    FT_ARROW_DECIMAL,  /* width 16, scale */
    FT_ARROW_TIME,     /* since 1970 in units of 10^-scale s; width 8; days: width 4, scale -1 */
    FT_ARROW_TEXT,     /* UTF-8, hopefully */
    FT_ARROW_BYTES,
    FT_ARROW_FIXED, /* width bytes */
    FT_ARROW_LIST   /* of the field behind it */
};

/* A column, or what is in one. */
struct ft_arrow_field {
    char *name;    /* owned by the reader */
    uint8_t kind;  /* enum ft_arrow_kind */
    uint8_t depth; /* in how many lists it is */
    bool large;    /* offsets are of 8 bytes */
    int16_t scale;
    uint32_t width;     /* bytes of a value */
    uint32_t fixed;     /* FT_ARROW_LIST: items of each, when they are always as many; else 0 */
    bool is_indexed;    /* values are in a dictionary, */
    int64_t dictionary; /* which has this number */
    uint8_t index_width;
    bool index_signed;
};

/* The values of a field in a batch. All buffers are long enough for n. */
struct ft_arrow_column {
    uint64_t n;
    const uint8_t *valid;   /* a bit each; NULL: all are */
    const uint8_t *offsets; /* text, bytes and lists of any length: n + 1 */
    const uint8_t *data;
    const uint8_t *index; /* of values that are in a dictionary; else NULL */
    const struct ft_arrow_dictionary *dictionary;
};

struct ft_arrow;

enum ft_arrow_event {
    FT_ARROW_MORE,    /* *out_need bytes in all are needed */
    FT_ARROW_SCHEMA,  /* the fields are known */
    FT_ARROW_BATCH,   /* so are the columns */
    FT_ARROW_NOTHING, /* to be told: the beginning of a file, a dictionary */
    FT_ARROW_END
};

/* NULL: out of memory. */
struct ft_arrow *ft_arrow_new(void);
void ft_arrow_free(struct ft_arrow *a); /* NULL is a no-op */

/* The next message of what there is; ended: nothing comes behind it. *out_used bytes were it:
 * columns point into them. FT_E_CORRUPT: err says at which byte what is wrong; FT_E_UNSUPPORTED,
 * FT_E_NOMEM. */
FT_NODISCARD int ft_arrow_take(struct ft_arrow *a, const uint8_t *data, size_t len, bool ended,
                               enum ft_arrow_event *out_event, size_t *out_used, size_t *out_need,
                               struct ft_err *err);

/* Fields in order, those of lists behind them; columns of the batch likewise. */
uint32_t ft_arrow_fields(const struct ft_arrow *a, const struct ft_arrow_field **out);
const struct ft_arrow_column *ft_arrow_columns(const struct ft_arrow *a, uint64_t *out_rows);
/* A pair of the schema's metadata, NUL-terminated; NULL: there is none. */
const char *ft_arrow_pair(const struct ft_arrow *a, const char *key);

/* ---- values ---- */

FT_INLINE bool ft_arrow_valid(const struct ft_arrow_column *c, uint64_t i)
{
    return c->valid == NULL || (c->valid[i / 8] >> (i % 8) & 1) != 0;
}

/* Where the value number i, or a list's items, begin and end. */
FT_INLINE void ft_arrow_range(const struct ft_arrow_field *f, const struct ft_arrow_column *c,
                              uint64_t i, uint64_t *out_begin, uint64_t *out_end)
{
    if (f->fixed != 0) {
        *out_begin = i * f->fixed;
        *out_end = *out_begin + f->fixed;
    } else if (f->large) {
        __builtin_memcpy(out_begin, c->offsets + 8 * i, 8);
        __builtin_memcpy(out_end, c->offsets + 8 * i + 8, 8);
    } else {
        uint32_t at[2];

        __builtin_memcpy(at, c->offsets + 4 * i, sizeof at);
        *out_begin = at[0];
        *out_end = at[1];
    }
}

/* Of a field whose values are in a dictionary: the column there, and which of its values. */
const struct ft_arrow_column *ft_arrow_look_up(const struct ft_arrow_field *f,
                                               const struct ft_arrow_column *c, uint64_t i,
                                               uint64_t *out_i);

#endif
