/* SPDX-License-Identifier: Apache-2.0 */
/* metrics: the one table of metrics, and how the series of each are written. Names follow
 * Prometheus' conventions: base units, _total for what only grows. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "flowtap/version.h"
#include "metrics/page.h"

enum { LABELS_MAX = 2048 };

static const char *const class_names[] = {
    [FT_CLASS_DECODED] = "decoded",
    [FT_CLASS_IGNORED] = "ignored",
    [FT_CLASS_MALFORMED] = "malformed",
};

static uint64_t u64_at(const void *base, size_t at)
{
    uint64_t v;

    memcpy(&v, (const char *)base + at, sizeof v);
    return v;
}

static uint32_t u32_at(const void *base, size_t at)
{
    uint32_t v;

    memcpy(&v, (const char *)base + at, sizeof v);
    return v;
}

/* A set of labels of one. */
static const char *label(char out[LABELS_MAX], const char *name, const char *value)
{
    size_t len = 0;

    out[len++] = '{';
    len += ft__page_label(out + len, LABELS_MAX - len - 1, name, value);
    out[len++] = '}';
    out[len] = '\0';
    return out;
}

static const char *label_number(char out[LABELS_MAX], const char *name, uint32_t value)
{
    snprintf(out, LABELS_MAX, "{%s=\"%u\"}", name, value);
    return out;
}

/* ---- of the program ---- */

static void write_build(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    char labels[LABELS_MAX];

    (void)s;
    (void)at;
    ft__page_series(p, label(labels, "version", ft_version()), 1);
}

static void write_uptime(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    (void)at;
    ft__page_seconds(p, "", s->elapsed_ns);
}

static void write_cpu(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    struct rusage r;

    (void)s;
    (void)at;
    if (getrusage(RUSAGE_SELF, &r) == 0) {
        int64_t sec = (int64_t)r.ru_utime.tv_sec + (int64_t)r.ru_stime.tv_sec;

        ft__page_seconds(p, "",
                         sec * 1000000000 +
                             ((int64_t)r.ru_utime.tv_usec + (int64_t)r.ru_stime.tv_usec) * 1000);
    }
}

static void write_u64(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    ft__page_series(p, "", u64_at(s, at));
}

static void write_u32(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    ft__page_series(p, "", u32_at(s, at));
}

/* What only packets have, or only datagrams of exporters. */
static void write_packets(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    if (!s->collecting) {
        write_u64(p, s, at);
    }
}

static void write_input(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    if (s->input_bytes > 0 || s->input_size > 0) {
        write_u64(p, s, at);
    }
}

static void write_kernel(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    if (s->kernel_dropped_known) {
        write_u64(p, s, at);
    }
}

/* ---- packets ---- */

static void write_verdicts(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    (void)at;
    for (enum ft_verdict v = 0; v < FT_V__COUNT; v++) {
        char labels[LABELS_MAX];

        snprintf(labels, sizeof labels, "{class=\"%s\",verdict=\"%s\"}",
                 class_names[ft_verdict_class(v)], ft_verdict_name(v));
        ft__page_series(p, labels, s->verdict[v]);
    }
}

static void write_not_ip(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    char labels[LABELS_MAX];

    (void)at;
    for (uint32_t i = 0; i < s->not_ip.n; i++) {
        char type[16];

        snprintf(type, sizeof type, "0x%04x", s->not_ip.type[i]);
        ft__page_series(p, label(labels, "ethertype", s->not_ip.type[i] == 4 ? "llc" : type),
                        s->not_ip.packets[i]);
    }
    ft__page_series(p, label(labels, "ethertype", "other"), s->not_ip.other);
}

/* ---- flows ---- */

static void write_ended(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    (void)at;
    for (enum ft_reason r = 0; r < FT_REASON__COUNT && !s->collecting; r++) {
        char labels[LABELS_MAX];

        ft__page_series(p, label(labels, "reason", ft_reason_name(r)), s->flows_ended[r]);
    }
}

/* ---- workers ---- */

static void write_worker_u64(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    char labels[LABELS_MAX];

    for (uint32_t i = 0; i < s->n_workers; i++) {
        ft__page_series(p, label_number(labels, "worker", i), u64_at(s, at + i * sizeof(uint64_t)));
    }
}

static void write_worker_u32(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    char labels[LABELS_MAX];

    for (uint32_t i = 0; i < s->n_workers; i++) {
        ft__page_series(p, label_number(labels, "worker", i), u32_at(s, at + i * sizeof(uint32_t)));
    }
}

/* ---- collect ---- */

static void write_collected(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    if (s->collecting) {
        ft__page_series(p, "", s->collected[at]);
    }
}

/* ---- outputs ---- */

/* Its labels, with another one behind them or without. */
static const char *output_labels(char out[LABELS_MAX], const struct ft_stats *s, uint32_t i,
                                 const char *key, const char *value)
{
    size_t len = (size_t)snprintf(out, LABELS_MAX, "{index=\"%u\",", s->output[i].number);

    len += ft__page_label(out + len, LABELS_MAX - len - 64, "output", s->output[i].name);
    if (key != NULL) {
        len += (size_t)snprintf(out + len, LABELS_MAX - len, ",%s=\"%s\"", key, value);
    }
    out[len++] = '}';
    out[len] = '\0';
    return out;
}

static void write_events(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    char labels[LABELS_MAX];

    for (uint32_t i = 0; i < s->n_outputs; i++) {
        for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
            ft__page_series(p, output_labels(labels, s, i, "event", ft_event_word(e)),
                            u64_at(&s->output[i], at + e * sizeof(uint64_t)));
        }
    }
}

static void write_unfit(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    static const char *const names[FT_UNFIT__COUNT] = {
#define X(symbol, name, meaning) #name,
        FT_UNFIT(X)
#undef X
    };
    char labels[LABELS_MAX];

    for (uint32_t i = 0; i < s->n_outputs; i++) {
        for (enum ft_unfit u = 0; u < FT_UNFIT__COUNT; u++) {
            ft__page_series(p, output_labels(labels, s, i, "reason", names[u]),
                            u64_at(&s->output[i], at + u * sizeof(uint64_t)));
        }
    }
}

static void write_output_u64(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    char labels[LABELS_MAX];

    for (uint32_t i = 0; i < s->n_outputs; i++) {
        ft__page_series(p, output_labels(labels, s, i, NULL, NULL), u64_at(&s->output[i], at));
    }
}

static void write_output_u32(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    char labels[LABELS_MAX];

    for (uint32_t i = 0; i < s->n_outputs; i++) {
        ft__page_series(p, output_labels(labels, s, i, NULL, NULL), u32_at(&s->output[i], at));
    }
}

static void write_waiting(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    char labels[LABELS_MAX];

    (void)at;
    for (uint32_t i = 0; i < s->n_outputs; i++) {
        const struct ft_output_stats *o = &s->output[i];
        uint64_t made = 0, gone = 0;

        for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
            made += o->made[e];
            gone += o->written[e] + o->dropped[e] + o->lost[e] + o->spooled[e];
        }
        ft__page_series(p, output_labels(labels, s, i, NULL, NULL), made > gone ? made - gone : 0);
    }
}

static void write_failed(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    char labels[LABELS_MAX];

    (void)at;
    for (uint32_t i = 0; i < s->n_outputs; i++) {
        ft__page_series(p, output_labels(labels, s, i, NULL, NULL), s->output[i].failed);
    }
}

static void write_lag(struct ft__page *p, const struct ft_stats *s, size_t at)
{
    char labels[LABELS_MAX];

    (void)at;
    for (uint32_t i = 0; i < s->n_outputs; i++) {
        ft__page_seconds(p, output_labels(labels, s, i, NULL, NULL), s->output[i].lag_ns);
    }
}

/* ---- the table ---- */

/* clang-format off */
#define S(member)                       offsetof(struct ft_stats, member)
#define O(member)                       offsetof(struct ft_output_stats, member)
#define ROW(name, type, unit, labels, help, write, at) {{name, type, unit, labels, help}, write, at}
#define COUNTER(name, help, write, at)  ROW("flowtap_" name "_total", "counter", NULL, NULL, help, write, at)
#define COUNTERS(name, labels, help, write, at) \
    ROW("flowtap_" name "_total", "counter", NULL, labels, help, write, at)
#define BYTES(name, labels, help, write, at) \
    ROW("flowtap_" name "_bytes_total", "counter", "bytes", labels, help, write, at)
#define GAUGE(name, unit, labels, help, write, at) \
    ROW("flowtap_" name, "gauge", unit, labels, help, write, at)
#define OUTPUT "index, output"

static const struct ft__metric_row rows[] = {
    GAUGE("build_info", NULL, "version", "1; the program's version is in its label", write_build, 0),
    GAUGE("uptime_seconds", "seconds", NULL, "Since the pipeline was started", write_uptime, 0),
    ROW("process_cpu_seconds_total", "counter", "seconds", NULL, "User and system time of all threads", write_cpu, 0),
    GAUGE("memory_budget_bytes", "bytes", NULL, "What tables, rings and queues may take, as planned at the start", write_u64, S(memory_budget)),
    COUNTER("config_reloads", "Times that the configuration was loaded again (SIGHUP)", write_u64, S(reloads)),
    COUNTER("config_reloads_refused", "Times that it was wrong, or asked for what changes with a restart only: nothing changed", write_u64, S(reloads_refused)),
    GAUGE("workers", NULL, NULL, "Worker threads", write_u32, S(n_workers)),

    COUNTER("packets_received", "Packets (of collect: datagrams and messages) that the source offered", write_u64, S(received)),
    BYTES("received", NULL, "Wire bytes of the captured packets", write_u64, S(received_bytes)),
    COUNTER("packets_captured", "Packets that were handed to flowtap", write_u64, S(captured)),
    COUNTER("packets_kernel_dropped", "Packets that the kernel dropped for want of room; absent where the source cannot know", write_kernel, S(kernel_dropped)),
    COUNTER("packets_queue_dropped", "Packets dropped at full hand-off queues", write_u64, S(queue_dropped)),
    COUNTERS("packets_verdict", "class, verdict", "Captured packets by what became of them; verdict decoded is what flows are made of", write_verdicts, 0),
    COUNTERS("packets_not_ip", "ethertype", "Packets of verdict not_ip by EtherType, the most frequent ones", write_not_ip, 0),
    BYTES("decoded", NULL, "Wire bytes of the decoded packets", write_u64, S(decoded_bytes)),
    COUNTER("packets_late", "Packets older than their flow's newest packet", write_u64, S(late_packets)),
    COUNTER("clock_steps", "Times that packet time went back by more than the idle timeout", write_u64, S(clock_steps)),
    COUNTER("fragments_held", "Fragments that waited for the first of their datagram", write_u64, S(fragments_held)),
    COUNTER("fragments_duplicate", "Fragments whose bytes had all come before", write_u64, S(fragments_duplicate)),
    COUNTER("fragments_overlap", "Fragments some of whose bytes had come before", write_u64, S(fragments_overlap)),
    COUNTER("fragments_unassembled", "Fragments of tunnels' packets that could not be put together", write_u64, S(fragments_unassembled)),
    COUNTER("app_packets", "Packets that -p app looked into", write_u64, S(app_packets)),
    COUNTER("app_no_buffer", "Streams that -p app gave up because all buffers were taken", write_u64, S(app_no_buffer)),
    COUNTER("interface_events", "Times that an interface went down, vanished or came back", write_u64, S(interface_events)),
    GAUGE("interfaces_down", NULL, NULL, "Interfaces that are down or gone now", write_u32, S(interfaces_down)),
    BYTES("input_read", NULL, "Bytes of the input files that were read; of compressed ones before unpacking", write_input, S(input_bytes)),
    GAUGE("input_size_bytes", "bytes", NULL, "Size of the input files; 0: unknown", write_input, S(input_size)),
    BYTES("input_unpacked", NULL, "What compressed input has unpacked to", write_input, S(unpacked_bytes)),

    COUNTER("flows_created", "Flows that were begun", write_packets, S(flows_created)),
    GAUGE("flows_active", NULL, NULL, "Flows in the table", write_packets, S(flows_active)),
    GAUGE("flows_limit", NULL, NULL, "Bound of the table (--max-flows)", write_packets, S(flows_max)),
    COUNTERS("flows_ended", "reason", "Flows that ended, by reason; a final record each", write_ended, 0),
    COUNTER("flow_updates", "Interim records: active timeout, snapshots", write_packets, S(flow_updates)),
    COUNTER("flow_packets_final", "Packets in final flow records", write_packets, S(packets_final)),
    GAUGE("flow_packets_active", NULL, NULL, "Packets of flows in the table", write_packets, S(packets_active)),
    BYTES("flow_final", NULL, "Wire bytes in final flow records", write_packets, S(bytes_final)),
    GAUGE("flow_active_bytes", "bytes", NULL, "Wire bytes of flows in the table", write_packets, S(bytes_active)),
    COUNTER("window_late_packets", "Packets that came too late for their window", write_u64, S(window_late)),
    COUNTER("window_untracked_packets", "Packets of hosts that others took the place of in a full window", write_u64, S(window_untracked)),
    COUNTER("window_no_room", "Counts of distinct values in windows that found no room", write_u64, S(window_no_room)),
    COUNTER("alerts", "Alerts that were made", write_u64, S(alerts)),
    COUNTER("alerts_suppressed", "Alerts that were kept back", write_u64, S(alerts_suppressed)),
    COUNTER("alerts_no_room", "Ended flows and entities that found no room in detectors", write_u64, S(alerts_no_room)),
    COUNTER("afterimage_evicted", "Streams and pairs of -p afterimage that made room for others", write_u64, S(afterimage_evicted)),
    COUNTER("where_left_out", "Flow records that do not satisfy --where", write_u64, S(where_left_out)),
    COUNTER("profile_skipped", "Flow records that the tool drops that a profile is named for", write_u64, S(profile_skipped)),
    COUNTER("flows_labelled", "Final records that a rule of --labels knows", write_packets, S(labelled)),
    COUNTER("flows_unlabelled", "Final records that no rule of --labels knows", write_packets, S(unlabelled)),
    COUNTER("flows_labels_unclear", "Labelled records of which another rule says something else", write_packets, S(labels_unclear)),

    COUNTERS("worker_queue_dropped", "worker", "Packets dropped at this worker's full hand-off queue", write_worker_u64, S(worker_dropped)),
    GAUGE("worker_queue_packets", NULL, "worker", "Packets that wait in this worker's hand-off queue", write_worker_u32, S(worker_queue)),
    GAUGE("worker_queue_limit_packets", NULL, NULL, "Bound of each hand-off queue (--queue)", write_u32, S(queue_cap)),
    COUNTERS("worker_turns", "worker", "Looks of this worker at its input and the clock; one that stands still hangs, or its input has ended", write_worker_u64, S(worker_turns)),

#define COLLECTED(sym, name, help) COUNTER("collect_" name, help, write_collected, FT_COLLECT_##sym)
#define COLLECTED_NOW(sym, name, help) GAUGE("collect_" name, NULL, NULL, help, write_collected, FT_COLLECT_##sym)
    COLLECTED(RECORDS, "records", "Flow records that exporters sent"),
    COLLECTED(OPTIONS, "options_records", "Options data records"),
    COLLECTED(SAMPLES, "samples", "sFlow flow samples"),
    COLLECTED(SAMPLES_NOT_IP, "samples_not_ip", "sFlow flow samples without an IP packet: they make no event"),
    COLLECTED(COUNTERS, "counters", "sFlow counter samples"),
    COLLECTED(DISCARDS, "discards", "sFlow discard notifications"),
    COLLECTED(TEMPLATES, "templates", "Templates that came"),
    COLLECTED(NO_TEMPLATE, "no_template", "Data sets given up for want of a template"),
    COLLECTED(LOST, "lost", "What exporters' sequence numbers say is missing, in their units"),
    COLLECTED(REORDERED, "reordered", "Messages that came late"),
    COLLECTED(DUPLICATES, "duplicates", "Messages that came twice"),
    COLLECTED(RESETS, "resets", "Times that an exporter started again"),
    COLLECTED_NOW(EXPORTERS, "exporters", "Exporters and domains known now"),
    COLLECTED(EVICTED, "exporters_evicted", "Exporters forgotten because the table was full"),
    COLLECTED_NOW(CONNECTIONS, "connections", "Connections and DTLS associations open now"),
    COLLECTED(CONN_IDLE, "connections_idle", "Connections and DTLS associations closed: no message for --tcp-idle-timeout"),
    COLLECTED(CONN_DISPLACED, "connections_displaced", "Idle connections and DTLS associations closed for others: all places taken"),
    COLLECTED(CONN_REFUSED, "connections_refused", "Connections and DTLS associations refused: not in --allow, a certificate that does not fit, or all places of their source busy"),

    COUNTERS("output_events_made", OUTPUT ", event", "Events for this output: written + dropped + lost + spooled + waiting", write_events, O(made)),
    COUNTERS("output_events_written", OUTPUT ", event", "Events that the target has taken", write_events, O(written)),
    COUNTERS("output_events_dropped", OUTPUT ", event", "Events dropped: the output's queue or its spool was full", write_events, O(dropped)),
    COUNTERS("output_events_lost", OUTPUT ", event", "Events that the target refused or lost", write_events, O(lost)),
    GAUGE("output_events_spooled", NULL, OUTPUT ", event", "Events on disk now, for a receiver that is away (overflow=spool)", write_events, O(spooled)),
    COUNTERS("output_events_replayed", OUTPUT ", event", "Events that an earlier run had left on disk, written now", write_events, O(replayed)),
    COUNTERS("output_events_earlier_dropped", OUTPUT ", event", "Events that an earlier run had left on disk, older than spool_age", write_events, O(earlier_dropped)),
    COUNTERS("output_events_earlier_lost", OUTPUT ", event", "Events that an earlier run had left on disk, damaged or refused", write_events, O(earlier_lost)),
    GAUGE("output_events_earlier_spooled", NULL, OUTPUT ", event", "Events that an earlier run had left on disk and that are there still", write_events, O(earlier_spooled)),
    GAUGE("output_events_waiting", NULL, OUTPUT, "Events made that are in none of the other counters yet", write_waiting, 0),
    COUNTERS("output_where_left_out", OUTPUT, "Flow records that do not satisfy the output's where=", write_output_u64, O(where_left_out)),
    COUNTERS("output_unfit", OUTPUT ", reason", "Flow records, or samples, that the output's format of flow export cannot hold", write_unfit, O(unfit)),
    BYTES("output_written", OUTPUT, "Bytes written to the target, before compression", write_output_u64, O(bytes)),
    GAUGE("output_queue_chunks", NULL, OUTPUT, "Chunks of events that wait", write_output_u32, O(queue_len)),
    GAUGE("output_queue_limit_chunks", NULL, OUTPUT, "Chunks of events that the queue has room for (?queue=)", write_output_u32, O(queue_cap)),
    GAUGE("output_lag_seconds", "seconds", OUTPUT, "Since when the target takes nothing of what waits for it; 0: nothing waits", write_lag, 0),
    COUNTERS("output_errors", OUTPUT, "Calls of the target that failed", write_output_u64, O(errors)),
    GAUGE("output_failed", NULL, OUTPUT, "1: the output is gone for good", write_failed, 0),
    COUNTERS("output_folder_changes", OUTPUT, "Times that the folder of the output's file was replaced by another one", write_output_u64, O(folder_changes)),
};
/* clang-format on */

const struct ft__metric_row *ft__metric_row(uint32_t i)
{
    return i < sizeof rows / sizeof rows[0] ? &rows[i] : NULL;
}

const struct ft_metric *ft_metric_at(uint32_t i)
{
    const struct ft__metric_row *row = ft__metric_row(i);

    return row != NULL ? &row->metric : NULL;
}
