/* SPDX-License-Identifier: Apache-2.0 */
/* format: events to bytes, written straight into an output's open chunk.
 *
 * Theory of operation: a format is one ft_format_ops; each output opens an instance of it, with the
 * columns and options that it was asked for, and ends it when it is over:
 *
 *     open -> header (at the start of every file) -> events ... -> end
 *
 * Each function writes one whole event (for text: one line with its newline) at p, where at least
 * FT_FORMAT_MAX bytes are free, and returns its length in bytes, 1..FT_FORMAT_MAX, or 0 when this
 * format has no such event. After open an instance does not change: its functions may run on any
 * thread. */
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
#include "model/packet.h"
#include "model/param.h"
#include "model/record.h"

enum { FT_FORMAT_MAX = FT_EVENT_ROOM }; /* a stats event of 128 workers and 16 outputs fits */
enum { FT_FORMAT_SAMPLE_MAX = 1024 };
enum { FT_FORMAT_FLOW_MIN = 16384 }; /* a flow record besides its lists */
enum { FT_FORMAT_HEADER_MAX = 32768 };
enum { FT_FORMAT_EXPORT_MIN = 4096 }; /* an exported record besides its values */

/* What an output was asked for. */
struct ft_format_config {
    /* of flow records (of collect too); read while it opens; NULL: of no flow records */
    const struct ft_columns *columns;
    unsigned events;    /* bit per enum ft_event: those that will come; single_event: one */
    bool collect;       /* events as collect makes them */
    const char *schema; /* ndjson of collect: another collector's shape, or NULL */
    bool safe;          /* csv: no text that a spreadsheet takes for a formula */
    bool omit_null;     /* ndjson: what is null is left out */
    bool dialect;       /* csv: the table of a tool: what is no number as it writes it */
};

struct ft_format_ops;

/* An instance; formats have more behind it. */
struct ft_format {
    const struct ft_format_ops *ops;
    size_t flow_max; /* bytes that a flow record takes, at most */
};

struct ft_format_ops {
    const char *name;   /* "ndjson", "csv", "null" */
    const char *help;   /* one line */
    const char *suffix; /* of file names: ".ndjson" */
    /* bit per enum ft_event: which events this format can hold in one file (csv: exactly one kind)
     */
    unsigned events;
    bool single_event; /* one file holds one kind of event only */
    /* it carries bytes of packets: not with --anonymize, which could not look into them */
    bool carries_raw;
    /* On success *out is the caller's, given back by end(). FT_E_NOMEM; FT_E_USAGE: it has no such
     * schema or option, err tells. */
    /* NULL, with end: it holds packets, and no instance is made (pipeline/packets.h) */
    int (*open)(const struct ft_format_config *cfg, struct ft_format **out, struct ft_err *err);
    void (*end)(struct ft_format *f);
    /* at the start of every file, at most FT_FORMAT_HEADER_MAX bytes, or NULL */
    size_t (*header)(const struct ft_format *f, uint8_t *p);
    size_t (*sample)(const struct ft_format *f, uint8_t *p, const struct ft_packet *pkt,
                     const struct ft_tuple_counts *counts);
    size_t (*flow)(const struct ft_format *f, uint8_t *p, const struct ft_flow_record *rec);
    size_t (*stats)(const struct ft_format *f, uint8_t *p, const struct ft_stats *s);
    /* those of collect; NULL: this format has them not. export_flow needs FT_FORMAT_EXPORT_MIN +
     * text_max bytes, or FT_FORMAT_MAX when that is less. export_event: COUNTER, DISCARD, TEMPLATE,
     * EXPORTER and SAMPLE by their structs (model/field_export.h), FT_FORMAT_MAX bytes. */
    size_t (*export_flow)(const struct ft_format *f, uint8_t *p, size_t room,
                          const struct ft_export_record *rec);
    size_t (*export_event)(const struct ft_format *f, uint8_t *p, enum ft_event e,
                           const void *event);
};

/* NULL-terminated; what was built in. */
extern const struct ft_format_ops *const ft_formats[];

const struct ft_format_ops *ft_format_find(const char *name);

/* For open(): flow_max of an instance. */
size_t ft_format_flow_max(const struct ft_format_config *cfg);

extern const struct ft_params ft_format_params;

#endif
