/* SPDX-License-Identifier: Apache-2.0 */
/* format: events to bytes, written straight into an output's open chunk.
 *
 * Theory of operation: a format is one ft_format_ops; each output opens an instance of it, with the
 * columns and options that it was asked for, and ends it when it is over:
 *
 *     open -> header (at the start of every file) -> events ... -> trailer (at its end) -> end
 *
 * Each function writes one whole event (for text: one line with its newline) at p, where at least
 * FT_FORMAT_MAX bytes are free, and returns its length in bytes, 1..FT_FORMAT_MAX, or 0 when this
 * format has no such event. A columnar format's events are rows: seal makes a batch of those that a
 * chunk holds, which is what goes into the file. After open an instance does not change: its
 * functions may run on any thread. */
#ifndef FT_FORMAT_FORMAT_H
#define FT_FORMAT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bounds.h"
#include "flowtap/errors.h"
#include "flowtap/event.h"
#include "flowtap/stats.h"
#include "model/columns.h"
#include "model/export.h"
#include "model/flow_templates.h"
#include "model/loss.h"
#include "model/packet.h"
#include "model/param.h"
#include "model/record.h"
#include "model/trailer.h"

enum { FT_FORMAT_MAX = FT_EVENT_ROOM }; /* a stats event of 128 workers and 16 outputs fits */
enum { FT_FORMAT_SAMPLE_MAX = 1024 };
enum { FT_FORMAT_FLOW_MIN = 16384 }; /* a flow record besides its lists */
enum { FT_FORMAT_HEADER_MAX = 262144 };
enum { FT_FORMAT_TRAILER_ROOM = 262144 }; /* for one piece of a file's end */
enum { FT_FORMAT_EXPORT_MIN = 4096 };     /* an exported record besides its values */
enum { FT_FORMAT_ENRICH = 4096 };         /* of it, what files say of its hosts */

/* All kinds of events but packets as they are. */
#define FT_FORMAT_EVENTS (((1u << FT_EVENT__COUNT) - 1) & ~(1u << FT_EVENT_PACKET))

/* What an output was asked for. */
struct ft_format_config {
    /* of flow records (of collect too); read while it opens; NULL: of no flow records */
    const struct ft_columns *columns;
    /* of samples of packets, when some were chosen; while it opens; or NULL */
    const struct ft_columns *sample_columns;
    const struct ft_columns *window_columns; /* of windows; while it opens; NULL: all but vectors */
    unsigned events;       /* bit per enum ft_event: those that will come; single_event: one */
    bool collect;          /* events as collect makes them */
    const char *schema;    /* ndjson of collect: another collector's shape, or NULL */
    const char *vector;    /* copy: columns of the vector, with commas, or NULL */
    const char *dialect;   /* csv, columnar: the tool whose table it is, or NULL */
    bool safe;             /* csv: no text that a spreadsheet takes for a formula */
    bool omit_null;        /* ndjson: what is null is left out */
    const char *target;    /* the file's name, or NULL */
    bool binary_addresses; /* columnar: 16 bytes each */
    const char *codec;     /* avro: what packs its blocks, by Avro's name, or NULL */
    bool framed;           /* avro: each event alone, behind schema_id of a schema registry */
    uint32_t schema_id;
    bool aligned;                       /* flows did not end by the rules of their profile */
    bool hidden;                        /* --anonymize or --no-identity */
    const struct ft_observer *observer; /* lives as long as the instance; NULL: none */
    const char *domain;   /* flow export: observation domain, or NULL; likewise the next two */
    const char *times;    /* the unit of times */
    const char *pen;      /* of columns without an element of IANA's */
    const char *sampling; /* 1 in so many packets reaches flowtap */
    const char *spoof;    /* collect: from whose addresses, or NULL */
    bool no_options;      /* but for sampling */
    bool uniflow;         /* ipfix: a record of each direction */
    /* that packets are taken from, named in options data; [n_interfaces] */
    const struct ft_flow_interface *interfaces;
    uint32_t n_interfaces;
    bool picked;                          /* columns= says what a record has */
    const struct ft_set_options *options; /* of the owners of columns; while it opens; or NULL */
};

struct ft_format_ops;

/* An instance; formats have more behind it. */
struct ft_format {
    const struct ft_format_ops *ops;
    size_t flow_max;  /* bytes that a flow record takes, at most */
    size_t seal_room; /* with seal: most bytes that a batch has more than its rows */
    size_t trailer_room, trailer_each; /* with trailer: bytes of it, and for each batch */
    /* with trailer: what it reads again of a batch, bytes at the beginning and at the end of it */
    size_t trailer_head, trailer_tail;
    uint32_t pack_ms; /* with pack: chunks are held this long at most */
    bool needs_file;  /* its end is made of what is in the file: not for a pipe, or for stdout */
    /* flow export: events are rows that messages are made of (model/flow_templates.h) */
    const struct ft_flow_template_list *templates;
};

/* What flow() and export_flow() return of a record that this format cannot hold: nothing is made,
 * and the reason (enum ft_unfit) is counted. */
#define FT_FORMAT_UNFIT(reason) (SIZE_MAX - (size_t)(reason))

struct ft_format_ops {
    const char *name;      /* "ndjson", "csv", "null" */
    const char *help;      /* one line */
    const char *suffix;    /* of file names: ".ndjson" */
    const char *transport; /* the one that it goes by; NULL: any, a file unless it is named */
    bool keeps_accounts;   /* with seal: pipeline_stats come whatever is asked for */
    /* bit per enum ft_event: which events this format can hold in one file (csv: exactly one kind)
     */
    unsigned events;
    bool single_event;       /* one file holds one kind of event only */
    bool prefers_flows;      /* without --events it takes flow records */
    bool samples_of_collect; /* its samples are those of collect only */
    /* it carries bytes of packets: not with --anonymize, which could not look into them */
    bool carries_raw;
    bool binary; /* without seal: its events are no lines */
    /* On success *out is the caller's, given back by end(). FT_E_NOMEM; FT_E_USAGE: it has no such
     * schema or option, err tells. What is asked for may need other ops than these: out's hold. */
    /* NULL, with end: it holds packets, and no instance is made (pipeline/packets.h) */
    int (*open)(const struct ft_format_config *cfg, struct ft_format **out, struct ft_err *err);
    void (*end)(struct ft_format *f);
    /* at the start of every file, at most FT_FORMAT_HEADER_MAX bytes, or NULL */
    size_t (*header)(const struct ft_format *f, uint8_t *p);
    /* n rows of events of one kind, written one behind the other, become a batch at out; lost:
     * until now. Returns its bytes. NULL: events are what they are */
    size_t (*seal)(const struct ft_format *f, enum ft_event e, const uint8_t *rows, uint32_t n,
                   const struct ft_loss *lost, uint8_t *out);
    /* Chunks that were held, one behind the other, become what will lie at offset at of the file;
     * *out is valid until the next call, on the output's thread. NULL: chunks go into the file as
     * they are */
    int (*pack)(struct ft_format *f, const uint8_t *held, size_t len, uint64_t at,
                const uint8_t **out, size_t *out_len);
    /* The next piece of a file's end, at most room (FT_FORMAT_TRAILER_ROOM) bytes; 0: it is over.
     * NULL: files just end */
    size_t (*trailer)(const struct ft_format *f, struct ft_trailer *t, uint8_t *out, size_t room);
    /* What stands in a file beside, FILE.json; as long as the instance. NULL: nothing */
    const char *(*sidecar)(const struct ft_format *f);
    /* columns and their types as CREATE TABLE has them; as long as the instance. NULL: nothing */
    const char *(*table)(const struct ft_format *f);
    /* tables, whose events are rows of the same columns (format/row.h): one, by the parts that its
     * columns look at */
    size_t (*row)(const struct ft_format *f, uint8_t *p, const void *const *parts);
    size_t (*sample)(const struct ft_format *f, uint8_t *p, const struct ft_packet *pkt,
                     const struct ft_tuple_counts *counts);
    size_t (*flow)(const struct ft_format *f, uint8_t *p, const struct ft_flow_record *rec);
    size_t (*stats)(const struct ft_format *f, uint8_t *p, const struct ft_stats *s);
    /* those of collect; NULL: this format has them not. export_flow needs FT_FORMAT_EXPORT_MIN +
     * text_max bytes and, when it is enriched, FT_FORMAT_ENRICH, or FT_FORMAT_MAX when that is
     * less. export_event: COUNTER, DISCARD, TEMPLATE, EXPORTER and SAMPLE by their structs
     * (model/field_export.h), FT_FORMAT_MAX bytes; WINDOW and ALERT, whatever the input
     * (model/window.h, alert.h), and of packets AFTERIMAGE (afterimage.h), FT_FORMAT_FLOW_MIN. */
    size_t (*export_flow)(const struct ft_format *f, uint8_t *p, size_t room,
                          const struct ft_export_record *rec);
    size_t (*export_event)(const struct ft_format *f, uint8_t *p, enum ft_event e,
                           const void *event);
};

/* NULL-terminated; what was built in. */
extern const struct ft_format_ops *const ft_formats[];

const struct ft_format_ops *ft_format_find(const char *name);

/* For open(): flow_max of an instance that writes text. FT_E_USAGE: a record might not fit. */
FT_NODISCARD int ft_format_flow_max(const struct ft_format_config *cfg, size_t *out,
                                    struct ft_err *err);

extern const struct ft_params ft_format_params;

#endif
