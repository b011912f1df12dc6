/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the meter of a worker: the flow table, the features that are on, and where records go.
 *
 * Theory of operation: the one place where packets meet flows, for every mode and for the samples
 * of collect. The table counts as many packets of a batch as it can; the features see those; then
 * the records that are due are put together and written, and the table goes on.
 *
 *     packets -> table -> at[] -> features     due: core + parts -> emitter
 *
 * owner: its worker's thread */
#ifndef FT_PIPELINE_METER_H
#define FT_PIPELINE_METER_H

#include "detect/detect.h"
#include "feature/feature.h"
#include "flow/table.h"
#include "window/window.h"

/* Takes a record, which is borrowed. */
typedef void (*ft_meter_emit_fn)(void *cookie, const struct ft_flow_record *rec);

/* All zero before it is opened. */
struct ft_meter {
    struct ft_table *table; /* owned, like the states */
    struct {
        const struct ft_feature *feature;
        void *state;
        struct ft_feature_config cfg;
        uint8_t part;   /* enum ft_part */
    } on[FT_PARTS_MAX]; /* [n_on]: in the order of their parts */
    uint32_t n_on;
    struct ft_window_worker *window; /* -e window; owned, or NULL: looks at packets and ends, too */
    struct ft_detect_worker *detect; /* -e alert; likewise: is told of ends, and looks at packets */
    struct ft_window_clock clock;    /* with detect and without window: of the packets counted */
    const struct ft_window_clock *given; /* likewise: as of the packets that come next, or NULL */
    int64_t step_ns;                     /* likewise: a clock that goes back by more is believed */
    bool reads_names;                    /* with detect: packets carry payloads */
    bool caught_up;                      /* no timer that was due at the last look is left */
    ft_meter_emit_fn emit;               /* NULL: nobody asks for records */
    void *cookie;
    bool counts_only; /* the bytes of records are not asked for: emit gets NULL for each */
};

/* Bytes of address space, and of memory that a plain IPv4 flow takes; features: a bit per enum
 * ft_part. */
size_t ft_meter_budget(const struct ft_table_config *cfg, uint32_t features,
                       const struct ft_set_options *options, uint32_t *out_flow);

/* FT_E_NOMEM, FT_E_RANGE; m is to be closed in any case. Who takes records is set by the owner. */
FT_NODISCARD int ft_meter_open(struct ft_meter *m, const struct ft_table_config *cfg,
                               uint32_t features, const struct ft_set_options *options);
void ft_meter_close(struct ft_meter *m);

/* Counts n (at most 64) packets, in order, looks at as many timers, and writes the records that
 * come of it. at: [n], where each was counted. counts: NULL or [n], as ft_table_update(). */
FT_HOT void ft_meter_count(struct ft_meter *m, const struct ft_packet *pkts, uint32_t n,
                           struct ft_counted *at, struct ft_tuple_counts *counts);

/* With windows or detectors: the clock of the packets. */
struct ft_window_clock ft_meter_clock(const struct ft_meter *m);

/* It is this late, at least. */
void ft_meter_advance(struct ft_meter *m, const struct ft_window_clock *c);

/* Its clock is about to go back: ends what was due. */
void ft_meter_step(struct ft_meter *m);

/* It is now_ns, and no packet came: looks at up to so many timers that are due. */
void ft_meter_idle(struct ft_meter *m, int64_t now_ns, uint32_t timers);

/* Ends every flow, as ft_table_flush(). */
void ft_meter_flush(struct ft_meter *m, int64_t end_ns, enum ft_reason reason);

/* The state of a feature, or NULL when it is off. */
const void *ft_meter_state(const struct ft_meter *m, enum ft_part part);

/* The tables that records are enriched from, from now on; borrowed, or NULL. */
void ft_meter_enrich(struct ft_meter *m, const struct ft_enrich *tables);

#endif
