/* SPDX-License-Identifier: Apache-2.0 */
/* format: events to bytes, written straight into an output's open chunk.
 *
 * Theory of operation: a format is one ft_format_ops with a function per event. Each writes one
 * whole event (for text: one line with its newline) at p, where at least FT_FORMAT_MAX bytes are
 * free, and returns its length in bytes, 1..FT_FORMAT_MAX, or 0 when this format has no such event.
 * They touch no shared state and may run on any thread. */
#ifndef FT_FORMAT_FORMAT_H
#define FT_FORMAT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bounds.h"
#include "flowtap/event.h"
#include "flowtap/stats.h"
#include "model/export.h"
#include "model/packet.h"
#include "model/param.h"
#include "model/record.h"

enum { FT_FORMAT_MAX = FT_EVENT_ROOM }; /* a stats event of 128 workers and 16 outputs fits */
enum { FT_FORMAT_SAMPLE_MAX = 1024, FT_FORMAT_FLOW_MAX = 16384 }; /* tighter bounds of these two */
enum { FT_FORMAT_EXPORT_MIN = 4096 }; /* an exported record besides its values */

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
    /* at the start of every file, or NULL; app_on: with the columns of ft_columns_app */
    size_t (*header)(enum ft_event e, bool app_on, uint8_t *p);
    size_t (*sample)(uint8_t *p, const struct ft_packet *pkt, const struct ft_tuple_counts *counts);
    size_t (*flow)(uint8_t *p, const struct ft_flow_record *rec);
    size_t (*stats)(uint8_t *p, const struct ft_stats *s);
    /* those of collect; NULL: this format has them not. export_flow needs FT_FORMAT_EXPORT_MIN +
     * text_max bytes, or FT_FORMAT_MAX when that is less. export_event: COUNTER, DISCARD, TEMPLATE,
     * EXPORTER and SAMPLE by their structs (model/field_export.h), FT_FORMAT_MAX bytes. */
    size_t (*export_header)(enum ft_event e, bool app_on, uint8_t *p);
    size_t (*export_flow)(uint8_t *p, size_t room, const struct ft_export_record *rec);
    size_t (*export_event)(uint8_t *p, enum ft_event e, const void *event);
};

/* NULL-terminated; what was built in. */
extern const struct ft_format_ops *const ft_formats[];

const struct ft_format_ops *ft_format_find(const char *name);

extern const struct ft_params ft_format_params;

/* CSV whose text no spreadsheet takes for a formula: csv with ?spreadsheet=safe. */
extern const struct ft_format_ops ft_format_csv_safe;

/* NDJSON of collect in another collector's shape: goflow2, ecs, ocsf, otel, pmacct, nfdump,
 * akvorado. NULL: there is no such schema. */
const struct ft_format_ops *ft_format_schema(const char *schema);

#endif
