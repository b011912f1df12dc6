/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http: events by POST, a batch a request; shared by sink.c (operations, requests),
 * batch.c (what a body holds) and sink_params.c.
 *
 *     chunks -> [rows] -> body -> [turned] -> [packed] -> request
 *
 * Theory of operation: a body is whole events: lines as they are or as a preset wants them, or a
 * table with its beginning and its end. It is sent when it has batch= bytes or is linger= old. The
 * output's thread waits for the answer, and meanwhile the queue fills: what is behind it is the
 * queue's affair. 2xx: what was sent arrived, but for those events that the answer names. What is
 * refused is lost; what fails is tried again (client.h) and then lost, and a pause begins
 * (outage.h).
 *
 * A body lies in a file that is memory only, mapped, since the end of a Parquet file is made by
 * reading it. Each batch has a number, which is the same when it is sent again; with who sends it
 * a receiver can tell what it has had before. */
#ifndef FT_OUTPUT_SINK_HTTP_PARTS_H
#define FT_OUTPUT_SINK_HTTP_PARTS_H

#include "output/output.h"
#include "output/sink/compress.h"
#include "output/sink/http/client.h"
#include "output/sink/http/outage.h"
#include "output/sink/http/presets/presets.h"

enum {
    FT__HTTP_ITEMS = 8192, /* lines of a body, with a preset */
    FT__HTTP_HEADER = 512, /* bytes of one */
    FT__HTTP_MORE = 8,     /* headers of headers= */
};

/* Where a line of a preset's body ends. */
struct ft__http_line {
    uint32_t end; /* in the body */
    uint32_t len; /* of the event, with its newline */
    uint8_t event;
};

/* owner: the output's thread, but for give_up() */
struct http_sink {
    struct ft_sink sink;
    struct ft_output_env env;
    struct ft_log log;
    struct ft_http *client;
    const struct ft_preset *preset; /* NULL: bodies as formats make them */
    char *text;                     /* the output's name, for messages */
    char *format;
    char *url;     /* but for a preset's query */
    char *into;    /* into=, or the preset's */
    char *auth;    /* header, or NULL; secret */
    char *headers; /* lines of headers=, cut, or NULL; secret */
    const char *more[FT__HTTP_MORE];
    uint8_t *header; /* owned: of each body; or NULL */
    size_t header_len;
    bool header_known; /* late_header was asked for */
    uint8_t *trailer;  /* owned: room for a piece of the end, or NULL */
    /* the body */
    int fd;
    struct ft_body body; /* mapped */
    size_t batch_most;   /* bytes */
    int64_t linger_ms;   /* it is open so long at most */
    int64_t begun_ms;    /* monotonic: of its first event */
    uint8_t *rows;       /* mapped, [rows_cap]: chunks that will be packed; or NULL */
    size_t rows_len, rows_cap;
    struct ft__http_line *line; /* owned, [FT__HTTP_ITEMS], with a preset of lines */
    uint8_t *item;              /* owned, likewise */
    uint8_t *turned;            /* mapped, [turned_cap]; or NULL */
    size_t turned_cap;
    struct ft_compressor *z; /* or NULL */
    struct ft_tally held;
    struct ft_http_outage outage;
    bool spooled;    /* a spool stands before it */
    bool said_items; /* that some events of a batch were refused */
};

extern const struct ft_params ft__http_params;

/* ---- batch.c ---- */

/* The buffers; FT_E_USAGE, FT_E_NOMEM. */
FT_NODISCARD int ft__http_batch_init(struct http_sink *s, const struct ft_output_url *url,
                                     struct ft_err *err);
void ft__http_batch_fini(struct http_sink *s);

/* As much of a chunk from offset at as the body has room for; returns where it ends: at it, when
 * the body has to be sent first. */
uint32_t ft__http_batch_add(struct http_sink *s, const struct ft_chunk *c, uint32_t at);
bool ft__http_batch_is_full(const struct http_sink *s);

/* What is sent: the body with its end, turned and packed. FT_OK; otherwise it cannot be made. */
FT_NODISCARD int ft__http_batch_close(struct http_sink *s, const uint8_t **out, size_t *out_len);
/* The same when some of its lines have gone. */
FT_NODISCARD int ft__http_batch_again(struct http_sink *s, const uint8_t **out, size_t *out_len);

/* The next one begins. */
void ft__http_batch_reset(struct http_sink *s);

#endif
