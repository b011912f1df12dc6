/* SPDX-License-Identifier: Apache-2.0 */
/* merge: records of many observers, see flowtap/merge.h. */
#include "base/mem.h"
#include "merge/internal.h"

#include <string.h>

int ft_merge_new(const struct ft_merge_config *cfg, struct ft_merge **out, struct ft_err *err)
{
    struct ft_merge *m = ft_mem_alloc(1, sizeof *m);

    if (m == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    m->cfg = *cfg;
    m->now_us = INT64_MIN;
    m->scan = ft__scan_new();
    m->out = ft_mem_alloc(1, FT__OUT_ROOM);
    if (m->scan == NULL || m->out == NULL ||
        ft__flows_init(&m->flows, cfg->max_flows, cfg->tolerance_ns / 1000) != FT_OK) {
        ft_merge_free(m);
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    *out = m;
    return FT_OK;
}

void ft_merge_free(struct ft_merge *m)
{
    if (m == NULL) {
        return;
    }
    for (uint32_t i = 0; i < m->n_inputs; i++) {
        ft__merge_input_free(m->input[i]);
    }
    ft__flows_fini(&m->flows);
    ft__observers_fini(&m->observers);
    ft__arrow_out_free(m->arrow);
    ft__scan_free(m->scan);
    ft_mem_free(m->out);
    ft_mem_free(m);
}

int ft_merge_group(struct ft_merge *m, enum ft_merge_how how, const char *text, struct ft_err *err)
{
    return ft__observers_group(&m->observers, how, text, err);
}

int ft_merge_sampled(struct ft_merge *m, const char *text, struct ft_err *err)
{
    return ft__observers_sampled(&m->observers, text, err);
}

int ft_merge_input(struct ft_merge *m, const char *path, struct ft_err *err)
{
    if (m->n_inputs == FT__INPUTS) {
        return ft_err_set(err, FT_E_USAGE, "at most %d inputs are possible", FT__INPUTS);
    }
    int rc = ft__merge_input_open(path, &m->input[m->n_inputs], err);

    m->n_inputs += rc == FT_OK;
    return rc;
}

void ft_merge_arrow(struct ft_merge *m, bool is_file)
{
    m->to_arrow = true;
    m->to_arrow_file = is_file;
}

/* ---- flows ---- */

/* What has not been touched for long is asked for in time: of the flow that ends after next its
 * text and places, of the one behind that the rest. */
static void ask_for_next(const struct ft_merge *m, const struct ft__flow *w)
{
    enum { LINE = 64, LINES = 6 };
    const struct ft__flow *next = w->younger != NULL ? w->younger->younger : NULL;

    if (next == NULL) {
        return;
    }
    ft__flows_ask(&m->flows, next);
    for (int i = 0; i < LINES; i++) {
        __builtin_prefetch(next->text.data + (size_t)i * LINE);
    }
    for (size_t i = 0; next->younger != NULL && i < sizeof *next; i += LINE) {
        __builtin_prefetch((const char *)next->younger + i);
    }
}

static void end_flow(struct ft_merge *m, struct ft__flow *w)
{
    ask_for_next(m, w);
    ft__write_flow(m, w);
    ft__flows_bury(&m->flows, w);
    ft__flows_drop(&m->flows, w);
}

/* The time behind which flows are over; INT64_MIN: none is. */
static int64_t horizon(const struct ft_merge *m)
{
    int64_t behind = (m->cfg.window_ns + m->cfg.tolerance_ns) / 1000;

    return m->cfg.window_ns == 0 || m->now_us < INT64_MIN + behind ? INT64_MIN : m->now_us - behind;
}

static void end_due(struct ft_merge *m)
{
    int64_t until = horizon(m);

    while (m->flows.oldest != NULL && m->flows.oldest->time_us < until) {
        end_flow(m, m->flows.oldest);
    }
}

static void make_room(struct ft_merge *m)
{
    while (ft__flows_full(&m->flows) && m->flows.oldest != NULL) {
        m->stats.early++;
        end_flow(m, m->flows.oldest);
    }
}

/* Adds it to its flow, or to a new one. False: out of memory. */
static bool add_record(struct ft_merge *m, const struct ft__line *line)
{
    struct ft__flow *of_key, *w;
    uint32_t group = line->who->group;

    make_room(m);
    w = ft__flows_find(&m->flows, group, &line->said, &of_key);
    if (w == NULL && ft__flows_buried(&m->flows, &line->said)) {
        m->stats.late++;
        if (m->observers.group[group].how == FT_MERGE_COPIES) {
            m->stats.late_left_out++;
            return true;
        }
    }
    if (w == NULL && of_key != NULL) {
        m->stats.early++;
        end_flow(m, of_key);
    }
    w = w != NULL ? w : ft__flows_new(&m->flows, group, &line->said);
    if (ft__flows_add(&m->flows, w, &line->said, &line->record) == FT_OK) {
        return true;
    }
    if (w->n == 0) {
        ft__flows_drop(&m->flows, w);
    }
    return false;
}

static bool is_flow(const struct ft__record *r)
{
    static const char name[] = "network_flow_record";
    const struct ft__span *e = &r->of[FT__MERGE_EVENT];

    return e->at != NULL && e->len == sizeof name - 1 && memcmp(e->at, name, e->len) == 0;
}

void ft__merge_look(struct ft_merge *m, const struct ft__input *in, struct ft__line *line)
{
    line->who = NULL;
    line->has_said = false;
    line->is_flow = is_flow(&line->record);
    if (line->is_flow) {
        line->who = ft__observers_of(&m->observers, &line->record, in->name);
    }
    if (line->who == NULL || line->who->group == FT__GROUPS) {
        return;
    }
    line->has_said = ft__said_of(&line->record, &m->flows, line->who,
                                 (uint32_t)(line->who - m->observers.of), &line->said);
    if (line->has_said) {
        ft__flows_ahead(&m->flows, line->who->group, &line->said);
    }
}

/* A line comes into hand: what was seen so far. */
static void see(struct ft_merge *m, struct ft__input *in)
{
    const struct ft__line *line = &in->line[in->at];

    in->time_us = line->has_time ? line->time_us : m->now_us; /* in its place among the others */
    m->stats.records += line->is_flow;
    if (line->who != NULL) {
        line->who->seen = true;
        m->stats.without_key += line->who->group != FT__GROUPS && !line->has_said;
    }
    if (line->has_said) {
        line->who->seen_rate = line->said.m.rate;
    }
}

static void take_line(struct ft_merge *m, const struct ft__input *in)
{
    const struct ft__line *line = &in->line[in->at];

    m->now_us = in->time_us > m->now_us ? in->time_us : m->now_us;
    if (line->has_said && add_record(m, line)) {
        end_due(m);
        return;
    }
    ft__write_line(m, line->record.line, line->record.len);
    m->stats.passed++;
}

/* ---- inputs, a heap by time ---- */

static bool before(const struct ft_merge *m, uint32_t a, uint32_t b)
{
    return m->input[a]->time_us < m->input[b]->time_us;
}

static void exchange(struct ft_merge *m, uint32_t a, uint32_t b)
{
    struct ft__input *in = m->input[a];

    m->input[a] = m->input[b];
    m->input[b] = in;
}

static void sink(struct ft_merge *m, uint32_t i)
{
    for (;;) {
        uint32_t least = i;

        for (uint32_t k = 2 * i + 1; k <= 2 * i + 2 && k < m->n_live; k++) {
            least = before(m, k, least) ? k : least;
        }
        if (least == i) {
            return;
        }
        exchange(m, i, least);
        i = least;
    }
}

/* Lines behind those in hand; false: there are none. */
static bool more_lines(struct ft_merge *m, struct ft__input *in, struct ft_err *err)
{
    if (ft__merge_input_lines(m, in, err)) {
        return true;
    }
    for (uint32_t i = 0; i < FT__AHEAD; i++) {
        ft__record_release(&in->line[i].record);
        in->line[i].record.shape = NULL;
    }
    return false;
}

/* The next line of the input number i, or its end. Others go on when one fails. */
static void advance(struct ft_merge *m, uint32_t i)
{
    struct ft__input *in = m->input[i];

    m->why.code = FT_OK;
    if (++in->at < in->n || more_lines(m, in, &m->why)) {
        see(m, in);
        return;
    }
    if (m->why.code != FT_OK && m->failed.code == FT_OK) {
        m->failed = m->why;
    }
    exchange(m, i, --m->n_live);
}

static void begin(struct ft_merge *m)
{
    uint32_t i = 0;

    m->n_live = m->n_inputs;
    while (i < m->n_live) {
        uint32_t live = m->n_live;

        advance(m, i);
        i += m->n_live == live;
    }
    for (i = m->n_live / 2; i-- > 0;) {
        sink(m, i);
    }
}

static bool has_no_more(const struct ft__input *in)
{
    size_t taken = in->arrow != NULL && in->arrow->row == in->arrow->rows ? in->arrow->message : 0;

    return in->at + 1 == in->n && in->begin + taken == in->end;
}

int ft_merge_run(struct ft_merge *m, int (*write)(void *cookie, const char *data, size_t len),
                 void *cookie, struct ft_err *err)
{
    m->write = write;
    m->cookie = cookie;
    if (m->to_arrow) {
        m->arrow = ft__arrow_out_new(m->to_arrow_file, write, cookie);
        if (m->arrow == NULL) {
            return ft_err_set(err, FT_E_NOMEM, "out of memory");
        }
    }
    begin(m);
    while (m->n_live > 0 && !m->refused) {
        take_line(m, m->input[0]);
        if (has_no_more(m->input[0])) { /* it may be long until the next one */
            ft__write_flush(m);
        }
        advance(m, 0);
        sink(m, 0);
    }
    while (m->flows.oldest != NULL) {
        end_flow(m, m->flows.oldest);
    }
    ft__write_flush(m);
    if (m->arrow != NULL && !m->refused) {
        m->refused = ft__arrow_out_end(m->arrow) != 0;
    }
    if (m->failed.code != FT_OK) {
        *err = m->failed;
        return err->code;
    }
    return m->refused ? ft_err_set(err, FT_E_IO, "the output takes nothing any more") : FT_OK;
}

void ft_merge_get_stats(const struct ft_merge *m, struct ft_merge_stats *out)
{
    uint64_t shaped, read;

    *out = m->stats;
    out->observers = m->observers.n;
    ft__scan_counts(m->scan, &shaped, &read);
    out->by_shape += shaped;
    if (m->arrow != NULL) {
        ft__arrow_out_counts(m->arrow, &out->events_left_out, &out->values_left_out);
    }
}
