/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the account, summed over workers, sources and outputs. */
#include <string.h>
#include <sys/timex.h>

#include "pipeline/internal.h"

static void add_decoder(const struct ft_worker *w, struct ft_stats *s)
{
    for (int v = 0; v < FT_V__COUNT; v++) {
        uint64_t n = ft_count_get(&w->verdict[v]);

        s->verdict[v] += n;
        s->captured += n;
    }
    s->fragments_held += ft_count_get(&w->fragments_held);
    s->fragments_duplicate += ft_count_get(&w->fragments_duplicate);
    s->fragments_overlap += ft_count_get(&w->fragments_overlap);
    s->fragments_unassembled += ft_count_get(&w->fragments_unassembled);
    s->received_bytes += ft_count_get(&w->bytes);
    s->decoded_bytes += ft_count_get(&w->decoded_bytes);
}

static void add_types(const struct ft_worker *w, struct ft_ethertypes *types)
{
    struct ft_ethertypes t = {.other = ft_count_get(&w->types.other)};

    for (; t.used < FT_ETHERTYPES_MAX && ft_count_get(&w->types.type[t.used]) != 0; t.used++) {
        t.type[t.used] = (uint16_t)ft_count_get(&w->types.type[t.used]);
        t.n[t.used] = ft_count_get(&w->types.n[t.used]);
    }
    ft_ethertypes_merge(types, &t);
}

static void add_collected(const struct ft_worker *w, struct ft_stats *s)
{
    for (int i = 0; i < FT_COLLECT__COUNT; i++) {
        s->collected[i] += ft_count_get(&w->collected[i]);
    }
}

static void add_table(const struct ft_worker *w, struct ft_stats *s)
{
    uint64_t packets = ft_count_get(&w->packets), final = ft_count_get(&w->packets_final);
    uint64_t bytes = ft_count_get(&w->table_bytes), bytes_final = ft_count_get(&w->bytes_final);

    s->flows_created += ft_count_get(&w->created);
    s->flows_active += ft_count_get(&w->active);
    s->flow_updates += ft_count_get(&w->updates);
    s->packets_final += final;
    s->packets_active += packets > final ? packets - final : 0;
    s->bytes_final += bytes_final;
    s->bytes_active += bytes > bytes_final ? bytes - bytes_final : 0;
    s->app_packets += ft_count_get(&w->app_packets);
    s->app_no_buffer += ft_count_get(&w->app_no_buffer);
    s->late_packets += ft_count_get(&w->late);
    s->clock_steps += ft_count_get(&w->steps);
    for (int r = 0; r < FT_REASON__COUNT; r++) {
        s->flows_ended[r] += ft_count_get(&w->ended[r]);
    }
}

/* Of each worker. What the rings lost was decoded by the reader, and is to be counted as dropped
 * only. */
static void add_ring(const struct ft_worker *w, struct ft_stats *s)
{
    uint64_t n = ft_count_get(&w->ring_dropped);

    s->worker_dropped[w->index] = n;
    s->worker_turns[w->index] = ft_count_get(&w->turns);
    s->worker_ended[w->index] = atomic_load_explicit(&w->ended_input, memory_order_relaxed);
    s->worker_queue[w->index] = w->ring.slots != NULL ? ft_ring_fill(&w->ring) : 0;
    s->queue_dropped += n;
    s->verdict[FT_V_DECODED] -= n < s->verdict[FT_V_DECODED] ? n : s->verdict[FT_V_DECODED];
    n = ft_count_get(&w->ring_dropped_bytes);
    s->decoded_bytes -= n < s->decoded_bytes ? n : s->decoded_bytes;
}

static void add_sources(struct ft_pipeline *p, struct ft_stats *s)
{
    s->kernel_dropped_known = p->plan.n_sources > 0;
    for (uint32_t i = 0; i < p->plan.n_sources; i++) {
        struct ft_source_stats ss = {0};

        p->source[i]->ops->stats(p->source[i], &ss);
        s->kernel_dropped_known = s->kernel_dropped_known && ss.dropped_known;
        s->kernel_dropped += ss.dropped;
        s->interface_events += ss.interface_events;
        s->interfaces_down += ss.interfaces_down;
        s->collected[FT_COLLECT_CONNECTIONS] += ss.connections;
        s->collected[FT_COLLECT_CONN_IDLE] += ss.connections_idle;
        s->collected[FT_COLLECT_CONN_DISPLACED] += ss.connections_displaced;
        s->collected[FT_COLLECT_CONN_REFUSED] += ss.connections_refused;
        s->input_bytes += ss.input_pos;
        s->input_size += ss.input_size;
        s->unpacked_bytes += ss.unpacked;
    }
    if (!s->kernel_dropped_known) {
        s->kernel_dropped = 0;
    }
}

uint64_t ft__stats_kernel_lost(void *pipeline)
{
    struct ft_pipeline *p = pipeline;
    uint64_t lost = 0;

    for (uint32_t i = 0; i < p->plan.n_sources; i++) {
        struct ft_source_stats ss = {0};

        p->source[i]->ops->stats(p->source[i], &ss);
        lost += ss.dropped_known ? ss.dropped : 0;
    }
    return lost;
}

uint64_t ft__stats_packets_lost(void *pipeline)
{
    struct ft_pipeline *p = pipeline;
    uint64_t lost = ft__stats_kernel_lost(p);

    for (uint32_t i = 0; i < p->plan.n_workers; i++) {
        lost += ft_count_get(&p->workers[i].ring_dropped);
    }
    return lost;
}

/* What the kernel has still to slew by: of who keeps its clock right, ntpd or chronyd or a
 * hypervisor. False: nobody says that he does. */
static bool clock_offset(int64_t *out_ns)
{
    struct timex t = {.modes = 0};
    int state = adjtimex(&t);

    if (state < 0 || state == TIME_ERROR || (t.status & STA_UNSYNC) != 0) {
        return false;
    }
    *out_ns = (t.status & STA_NANO) != 0 ? t.offset : t.offset * 1000;
    return true;
}

static void add_windows(const struct ft_windows *t, struct ft_stats *s)
{
    struct ft_windows_stats w;

    ft_windows_get_stats(t, &w);
    s->window_late = w.late;
    s->window_untracked = w.untracked;
    s->window_no_room = w.no_room;
}

static void add_alerts(const struct ft_detect *d, struct ft_stats *s)
{
    struct ft_detect_stats a;

    ft_detect_get_stats(d, &a);
    s->alerts = a.alerts;
    s->alerts_suppressed = a.suppressed;
    s->alerts_no_room = a.no_room;
}

void ft__stats_collect(struct ft_pipeline *p, bool is_final, struct ft_stats *s)
{
    struct ft_ethertypes types = {0};
    int64_t newest = INT64_MIN;

    memset(s, 0, sizeof *s);
    s->is_final = is_final;
    s->elapsed_ns = ft__clock_mono_ns() - p->started_ns;
    s->n_workers = p->plan.n_workers;
    s->queue_cap = p->queue_limit;
    s->flows_max = (uint64_t)p->plan.table.max_flows * p->plan.n_workers;
    s->memory_budget = p->budget;
    s->collecting = p->plan.collect;
    s->reloads = ft_count_get(&p->reloads);
    s->reloads_refused = ft_count_get(&p->reloads_refused);
    if (p->reader != NULL) {
        add_decoder(p->reader, s);
        add_types(p->reader, &types);
    }
    for (uint32_t i = 0; i < p->plan.n_workers; i++) {
        const struct ft_worker *w = &p->workers[i];
        int64_t now = atomic_load_explicit(&w->now_ns, memory_order_relaxed);

        add_decoder(w, s);
        add_types(w, &types);
        if (p->plan.collect) {
            add_collected(w, s); /* its table only counts samples */
        } else {
            add_table(w, s);
        }
        add_ring(w, s);
        s->where_left_out += ft_count_get(&w->where_left_out);
        s->profile_skipped += ft_count_get(&w->profile_skipped);
        s->labelled += ft_count_get(&w->labelled);
        s->unlabelled += ft_count_get(&w->unlabelled);
        s->labels_unclear += ft_count_get(&w->labels_unclear);
        newest = now > newest ? now : newest;
    }
    ft_ethertypes_top(&types, &s->not_ip);
    s->afterimage_evicted = ft_count_get(&p->afterimage_evicted);
    if (p->windows != NULL) {
        add_windows(p->windows, s);
    }
    if (p->detect != NULL) {
        add_alerts(p->detect, s);
    }
    add_sources(p, s);
    s->received = s->captured + s->kernel_dropped;
    s->timestamp_ns = p->plan.live || newest == INT64_MIN ? ft__clock_real_ns() : newest;
    s->clock_known = clock_offset(&s->clock_offset_ns);
    pthread_mutex_lock(&p->lock);
    s->n_outputs = p->n_routes;
    for (uint32_t i = 0; i < p->n_routes; i++) {
        ft_output_get_stats(p->routes[i].output, &s->output[i]);
        s->output[i].number = p->routes[i].number;
    }
    pthread_mutex_unlock(&p->lock);
}
