/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/s3: objects in S3 and what speaks its protocol; shared by sink.c (events to bytes,
 * rotation), object.c (bytes to objects) and credentials.c.
 *
 *     chunks -> file sink -> memory file -> parts -> complete: the object appears
 *
 * Theory of operation: what an object holds is written by the file sink, frames, row groups, header
 * and end as for any file, into a file that is memory only. As soon as there is a part of it, it
 * goes up; of what is up only the little stays in memory that the format reads again when it writes
 * the end (env.trailer_head, trailer_tail). A small object goes up at once. An object appears when
 * it is complete, with all its events or not at all: they are held until then. What a killed
 * process has sent of one is not seen by anybody (a rule of the bucket may sweep it).
 *
 * What the other side refuses, or could not take for as long as retry= says, is lost with its
 * object; for a pause that grows, what comes then is lost at once, so that nobody waits. */
#ifndef FT_OUTPUT_SINK_S3_PARTS_H
#define FT_OUTPUT_SINK_S3_PARTS_H

#include "output/output.h"
#include "output/sink/file_parts.h"
#include "output/sink/http/client.h"
#include "output/sink/http/outage.h"

enum {
    FT__S3_PART_DEFAULT = 8 << 20,
    FT__S3_PART_LEAST = 5 << 20,
    FT__S3_PARTS_MOST = 10000,
    FT__S3_KEY_MOST = 1024,            /* bytes of a key */
    FT__S3_NAME = 3 * FT__S3_KEY_MOST, /* of it in a URL */
    FT__S3_UPLOAD_ID = 1024,
    FT__S3_PIECES = 1024, /* writes that are looked at again when their part is up */
    FT__S3_PART_XML = 192,
    FT__S3_XML = (FT__S3_PARTS_MOST + 2) * FT__S3_PART_XML,
};

struct ft__s3_keys {
    char *text;  /* owned, "ID:SECRET" */
    char *token; /* owned, of a session, or NULL */
};

/* From credentials= (NULL: not given), the environment, or the file of the AWS programs.
 * FT_E_USAGE: there are none. Freed with _fini. */
FT_NODISCARD int ft__s3_keys_find(const char *credentials, struct ft__s3_keys *out,
                                  struct ft_err *err);
void ft__s3_keys_fini(struct ft__s3_keys *k);

/* The object that is being made. */
struct ft__s3_object {
    char name[FT__S3_NAME];            /* key as in a URL; "": it has none yet */
    char upload[FT__S3_UPLOAD_ID * 3]; /* id of the upload as in a URL; "": none was begun */
    uint64_t sent;                     /* bytes of the memory file that are up */
    uint32_t parts;                    /* that are up */
    size_t xml_len;
    int64_t begun_s; /* wall clock: of its first event */
    bool published;  /* it was put, and may grow */
};

/* Where a piece of the memory file begins and ends. */
struct ft__s3_piece {
    uint64_t begin, end;
};

/* owner: the output's thread, but for give_up() */
struct s3_sink {
    struct ft_sink sink;
    struct ft_output_env env;
    struct ft_log log;
    char *text;         /* the output's name, for messages */
    char *base;         /* URL of the bucket, without a slash at its end */
    char *key;          /* as given */
    char *token_header; /* or NULL */
    struct ft_http *http;
    int fd;                 /* the memory file */
    struct file_sink *body; /* writes into it */
    bool begun;             /* the memory file has its beginning, and not its end */
    struct ft__s3_object object;
    char *xml; /* mapped: the parts that are up, as the other side wants them named */
    struct ft__s3_piece piece[FT__S3_PIECES]; /* that are not given back yet */
    uint32_t n_pieces;
    uint64_t given_back; /* bytes of the memory file that are not in memory any more */
    uint64_t part;
    uint32_t objects; /* made so far */
    struct ft_tally held;
    uint64_t rotate_size;
    int64_t rotate_ns, rotate_at;
    struct ft_http_outage outage;
};

extern const struct ft_params ft__s3_params;

/* What may be done about a refusal, or NULL. */
const char *ft__s3_advice(int status, const char *body);

uint64_t ft__s3_body_size(const struct s3_sink *s);

/* Sends the parts that are whole; with rest also what is behind them. FT_OK or why the object
 * cannot be made. */
FT_NODISCARD int ft__s3_send_parts(struct s3_sink *s, bool rest);

/* Makes the object of all that is in the memory file: it appears. */
FT_NODISCARD int ft__s3_complete(struct s3_sink *s);

/* What was sent of an object is not wanted any more. */
void ft__s3_abort(struct s3_sink *s);

#endif
