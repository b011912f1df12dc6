/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: table, features, records: see meter.h. */
#include "pipeline/meter.h"

#include <string.h>

#include "base/time.h"
#include "feature/enrich/enrich.h"

enum { TIMER_VISITS = 2, /* for each packet */ ASK_AHEAD = 4 /* records */ };

static struct ft_feature_config feature_config(const struct ft_table_config *cfg, uint32_t part,
                                               const struct ft_set_options *options)
{
    struct ft_feature_config c = {.entries = ft_table_entries(cfg->max_flows),
                                  .labels = options->labels,
                                  .enrich = options->enrich,
                                  .vectors = options->vectors,
                                  .interface = options->interface};

    memcpy(c.option, options->of[part], sizeof c.option);
    return c;
}

static bool is_on(uint32_t features, uint32_t part)
{
    return (features >> part & 1) && ft_feature_at(part) != NULL;
}

size_t ft_meter_budget(const struct ft_table_config *cfg, uint32_t features,
                       const struct ft_set_options *options, uint32_t *out_flow)
{
    size_t sum = ft_table_budget(cfg);
    uint32_t flow = FT_TABLE_FLOW_BYTES;

    for (uint32_t p = 0; p < FT_PARTS_MAX; p++) {
        if (is_on(features, p)) {
            struct ft_feature_config c = feature_config(cfg, p, options);
            uint32_t of_it = 0;

            sum += ft_feature_budget(ft_feature_at(p), &c, &of_it);
            flow += of_it;
        }
    }
    *out_flow = flow;
    return sum;
}

int ft_meter_open(struct ft_meter *m, const struct ft_table_config *cfg, uint32_t features,
                  const struct ft_set_options *options)
{
    int rc = ft_table_new(cfg, &m->table);

    for (uint32_t p = 0; rc == FT_OK && p < FT_PARTS_MAX; p++) {
        if (is_on(features, p)) {
            m->on[m->n_on].cfg = feature_config(cfg, p, options);
            m->on[m->n_on].feature = ft_feature_at(p);
            m->on[m->n_on].part = (uint8_t)p;
            rc = ft_feature_open(ft_feature_at(p), &m->on[m->n_on].cfg, &m->on[m->n_on].state);
            m->n_on += rc == FT_OK;
        }
    }
    return rc;
}

void ft_meter_close(struct ft_meter *m)
{
    for (uint32_t k = 0; k < m->n_on; k++) {
        ft_feature_close(m->on[k].feature, &m->on[k].cfg, m->on[k].state);
    }
    ft_window_worker_free(m->window);
    m->window = NULL;
    ft_detect_worker_free(m->detect);
    m->detect = NULL;
    ft_table_free(m->table);
    m->n_on = 0;
    m->table = NULL;
}

const void *ft_meter_state(const struct ft_meter *m, enum ft_part part)
{
    for (uint32_t k = 0; k < m->n_on; k++) {
        if (m->on[k].part == part) {
            return m->on[k].state;
        }
    }
    return NULL;
}

void ft_meter_enrich(struct ft_meter *m, const struct ft_enrich *tables)
{
    for (uint32_t k = 0; k < m->n_on; k++) {
        if (m->on[k].part == FT_PART_ENRICH) {
            ft_enrich_use(m->on[k].state, tables);
        }
    }
}

/* ---- records ---- */

/* r: its core. */
static void write_record(struct ft_meter *m, uint32_t entry, struct ft_flow_record *r)
{
    for (uint32_t k = 0; k < m->n_on; k++) {
        const void *part = m->on[k].feature->record(m->on[k].state, entry, r);
        bool dropped = part == FT_RECORD_DROPPED;

        r->part[m->on[k].part] = dropped ? NULL : part;
        r->dropped |= (uint32_t)dropped << m->on[k].part;
    }
    m->emit(m->cookie, r);
}

/* Detectors are told of ends, and of flows that go on. */
static void note(struct ft_meter *m, const struct ft_flow_record *r)
{
    struct ft_note n;

    if (!r->is_final && !ft_detect_wants(m->detect, ft_time_sub(r->last_ns, r->first_ns))) {
        return;
    }
    ft_note_of(r, &n);
    ft_detect_note(m->detect, &n);
}

/* A flow is due: whoever looks at its record does. */
static void take_record(struct ft_meter *m, const struct ft_due *due, bool writes)
{
    bool looks = m->window != NULL && due->is_final;
    bool notes = m->detect != NULL && m->emit != NULL; /* not of the samples of collect */
    struct ft_flow_record r;

    if (writes || looks || notes) {
        ft_table_record(m->table, &r);
    }
    if (looks) {
        ft_window_ended(m->window, due->entry, &r, due->at_ns);
    }
    if (notes) {
        note(m, &r);
    }
    if (writes) {
        write_record(m, due->entry, &r);
    } else if (m->emit != NULL) {
        m->emit(m->cookie, NULL);
    }
}

static void ask(const struct ft_meter *m, const struct ft_due *due)
{
    for (uint32_t k = 0; k < m->n_on; k++) {
        if (m->on[k].feature->ask != NULL) {
            m->on[k].feature->ask(m->on[k].state, due->entry);
        }
    }
}

/* Writes what is due, and lets it go. */
static void settle(struct ft_meter *m)
{
    bool writes = m->emit != NULL && !m->counts_only;
    const struct ft_due *due, *next;

    for (uint32_t k = 0; writes && k < ASK_AHEAD; k++) {
        next = ft_table_due(m->table, k);
        if (next != NULL) {
            ask(m, next);
        }
    }
    while ((due = ft_table_due(m->table, 0)) != NULL) {
        next = writes ? ft_table_due(m->table, ASK_AHEAD) : NULL;
        if (next != NULL) {
            ask(m, next);
        }
        take_record(m, due, writes);
        for (uint32_t k = 0; due->is_final && k < m->n_on; k++) {
            if (m->on[k].feature->end != NULL) {
                m->on[k].feature->end(m->on[k].state, due->entry);
            }
        }
        ft_table_release(m->table);
    }
}

/* ---- packets and time ---- */

struct ft_window_clock ft_meter_clock(const struct ft_meter *m)
{
    return m->window != NULL ? ft_window_now(m->window) : m->clock;
}

void ft_meter_advance(struct ft_meter *m, const struct ft_window_clock *c)
{
    if (m->window != NULL) {
        ft_window_advance(m->window, c);
    } else if (c->epoch != m->clock.epoch || c->now_ns > m->clock.now_ns) {
        m->clock = *c;
    }
    if (m->detect != NULL) {
        ft_detect_epoch_begins(m->detect, c->epoch);
    }
}

void ft_meter_step(struct ft_meter *m)
{
    int64_t now_ns = ft_meter_clock(m).now_ns;
    uint32_t all = UINT32_MAX;

    while (ft_table_tick(m->table, ft_time_sub(now_ns, FT_WINDOW_GRACE_NS), &all)) {
        settle(m);
    }
    settle(m);
}

/* How many of the packets that come next are of one epoch; *out_steps: of another one than before.
 */
static uint32_t run_of(const struct ft_meter *m, const struct ft_packet *pkts, uint32_t n,
                       bool *out_steps)
{
    struct ft_window_clock c = m->clock;
    uint32_t epoch = c.epoch, k;

    if (m->window != NULL) {
        return ft_window_run(m->window, pkts, n, out_steps);
    }
    for (k = 0; k < n; k++) {
        if (m->given != NULL) {
            c.epoch = m->given[k].epoch;
        } else {
            ft_window_clock_see(&c, pkts[k].ts_ns, m->step_ns);
        }
        if (k == 0) {
            *out_steps = c.epoch != epoch;
            epoch = c.epoch;
        } else if (c.epoch != epoch) {
            break;
        }
    }
    return k;
}

/* Detectors look at packets that were counted, by the clock of windows or their own. */
static void detect_packets(struct ft_meter *m, const struct ft_packet *pkts,
                           const struct ft_counted *at, uint32_t n)
{
    if (m->window == NULL && m->given != NULL) {
        m->given += n;
        m->clock = m->given[-1];
    }
    for (uint32_t i = 0; m->window == NULL && m->given == NULL && i < n; i++) {
        ft_window_clock_see(&m->clock, pkts[i].ts_ns, m->step_ns);
    }
    ft_detect_epoch_begins(m->detect, ft_meter_clock(m).epoch);
    ft_detect_packets(m->detect, pkts, at, n);
    if (m->reads_names) {
        ft_detect_answers(m->detect, pkts, n);
    }
}

void ft_meter_count(struct ft_meter *m, const struct ft_packet *pkts, uint32_t n,
                    struct ft_counted *at, struct ft_tuple_counts *counts)
{
    uint32_t timers = n * TIMER_VISITS;
    bool detects = m->detect != NULL && m->emit != NULL; /* not of the samples of collect */

    for (uint32_t done = 0; done < n;) {
        uint32_t most = n - done;
        bool steps = false;

        if (m->window != NULL || detects) {
            most = run_of(m, pkts + done, most, &steps);
        }
        if (FT_UNLIKELY(steps)) {
            ft_meter_step(m);
        }
        uint32_t k = ft_table_update(m->table, pkts + done, most, at + done,
                                     counts != NULL ? counts + done : NULL);

        for (uint32_t f = 0; k > 0 && f < m->n_on; f++) {
            if (m->on[f].feature->packets != NULL) {
                m->on[f].feature->packets(m->on[f].state, pkts + done, at + done, k);
            }
        }
        if (k > 0 && m->window != NULL) {
            ft_window_packets(m->window, pkts + done, at + done, k);
        }
        if (k > 0 && detects) {
            detect_packets(m, pkts + done, at + done, k);
        }
        settle(m);
        done += k;
    }
    while (ft_table_tick(m->table, FT_PACKET_TIME, &timers)) {
        settle(m);
    }
    settle(m);
    m->caught_up = timers > 0;
}

void ft_meter_idle(struct ft_meter *m, int64_t now_ns, uint32_t timers)
{
    while (ft_table_tick(m->table, now_ns, &timers)) {
        settle(m);
    }
    settle(m);
    m->caught_up = timers > 0;
}

void ft_meter_flush(struct ft_meter *m, int64_t end_ns, enum ft_reason reason)
{
    while (ft_table_flush(m->table, end_ns, reason)) {
        settle(m);
    }
    settle(m);
}
