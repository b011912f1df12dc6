/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap: the account for people, on stderr: a line while it runs, a table at the end. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

static const int64_t refresh_ns = 250000000;

static int64_t mono_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* "1.23 M" */
static const char *human(double v, char *buf, size_t cap)
{
    static const char *const units[] = {"", " k", " M", " G", " T", " P"};
    int u = 0;

    while (v >= 1000 && u < 5) {
        v /= 1000;
        u++;
    }
    snprintf(buf, cap,
             v < 10 && u > 0    ? "%.2f%s"
             : v < 100 && u > 0 ? "%.1f%s"
                                : "%.0f%s",
             v, units[u]);
    return buf;
}

void summary_init(struct summary *s, struct cli_log *log, bool live, bool quiet, int64_t every_ns)
{
    memset(s, 0, sizeof *s);
    s->log = log;
    s->tty = isatty(STDERR_FILENO) == 1 && !log->json;
    s->live = live;
    s->quiet = quiet;
    s->every_ns = every_ns;
    s->next_ns = mono_ns() + (s->tty && !live ? refresh_ns : every_ns);
}

static uint64_t events_dropped(const struct ft_stats *s)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < s->n_outputs; i++) {
        for (int e = 0; e < FT_EVENT__COUNT; e++) {
            n += s->output[i].dropped[e];
        }
    }
    return n;
}

static uint32_t waiting(const struct ft_stats *s)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < s->n_workers; i++) {
        most = s->worker_queue[i] > most ? s->worker_queue[i] : most;
    }
    return most;
}

static void line(struct summary *s, const struct ft_stats *now, char *out, size_t cap)
{
    double seconds = (double)(now->elapsed_ns - s->last.elapsed_ns) / 1e9;
    char pps[16], bps[16], flows[16], share[16] = "";

    seconds = seconds > 0 ? seconds : 1;
    human((double)(now->received - s->last.received) / seconds, pps, sizeof pps);
    human((double)(now->received_bytes - s->last.received_bytes) * 8 / seconds, bps, sizeof bps);
    human((double)now->flows_active, flows, sizeof flows);
    if (now->input_size > 0) {
        snprintf(share, sizeof share, "%3.0f%% ",
                 100.0 * (double)now->input_bytes / (double)now->input_size);
    }
    snprintf(
        out, cap,
        "%s%spps %sbit/s | %llu packets, dropped %llu kernel %llu queue | %s flows | queue %u | "
        "events dropped %llu",
        share, pps, bps, (unsigned long long)now->received, (unsigned long long)now->kernel_dropped,
        (unsigned long long)now->queue_dropped, flows, waiting(now),
        (unsigned long long)events_dropped(now));
}

void summary_tick(struct summary *s, struct ft_pipeline *p)
{
    int64_t now_ns = mono_ns();
    char text[256];
    struct ft_stats now;

    if (s->quiet || now_ns < s->next_ns || (s->every_ns == 0 && (s->live || !s->tty))) {
        return;
    }
    s->next_ns = now_ns + (s->tty && !s->live ? refresh_ns : s->every_ns);
    ft_pipeline_get_stats(p, &now);
    line(s, &now, text, sizeof text);
    if (s->tty) {
        fprintf(stderr, "\r\033[K%s", text);
        s->log->status_line = true;
    } else {
        cli_log(s->log, FT_LOG_INFO, text);
    }
    s->last = now;
}

/* ---- the table at the end ---- */

static bool check(bool holds, bool *all)
{
    *all = *all && holds;
    return holds;
}

static void row(const char *name, uint64_t n, const char *note)
{
    fprintf(stderr, "  %-22s %14llu%s%s\n", name, (unsigned long long)n, note[0] ? "  " : "", note);
}

static void reasons(const struct ft_stats *s, enum ft_verdict_class class)
{
    for (enum ft_verdict v = 0; v < FT_V__COUNT; v++) {
        if (ft_verdict_class(v) == class && s->verdict[v] > 0) {
            char name[64];

            snprintf(name, sizeof name, "    %s", ft_verdict_name(v));
            row(name, s->verdict[v], ft_verdict_text(v));
        }
    }
}

static void packets(const struct ft_stats *s, bool *all)
{
    uint64_t ignored = ft_stats_class(s, FT_CLASS_IGNORED);
    uint64_t malformed = ft_stats_class(s, FT_CLASS_MALFORMED);
    uint64_t decoded = s->verdict[FT_V_DECODED];
    bool in = check(s->received == s->captured + s->kernel_dropped, all);
    bool out = check(s->captured == s->queue_dropped + decoded + ignored + malformed, all);

    row("packets received", s->received, in ? "= captured + kernel dropped" : "DOES NOT ADD UP");
    row("  kernel dropped", s->kernel_dropped, s->kernel_dropped_known ? "" : "(not known here)");
    row("  captured", s->captured,
        out ? "= queue dropped + decoded + ignored + malformed" : "DOES NOT ADD UP");
    row("  queue dropped", s->queue_dropped, "");
    row("  decoded", decoded, "");
    row("  ignored", ignored, "");
    reasons(s, FT_CLASS_IGNORED);
    row("  malformed", malformed, "");
    reasons(s, FT_CLASS_MALFORMED);
}

static void flows(const struct ft_stats *s, bool *all)
{
    uint64_t ended = 0;
    bool counted = check(s->verdict[FT_V_DECODED] == s->packets_final + s->packets_active, all);

    for (enum ft_reason r = 0; r < FT_REASON__COUNT; r++) {
        ended += s->flows_ended[r];
    }
    row("flows", s->flows_created,
        check(s->flows_created == ended + s->flows_active, all) ? "= ended + in the table"
                                                                : "DOES NOT ADD UP");
    row("  packets in them", s->packets_final + s->packets_active,
        counted ? "= decoded" : "DOES NOT ADD UP");
    for (enum ft_reason r = 0; r < FT_REASON__COUNT; r++) {
        if (s->flows_ended[r] > 0) {
            char name[64];

            snprintf(name, sizeof name, "  ended: %s", ft_reason_name(r));
            row(name, s->flows_ended[r], "");
        }
    }
}

static void outputs(const struct ft_stats *s, bool *all)
{
    for (uint32_t i = 0; i < s->n_outputs; i++) {
        const struct ft_output_stats *o = &s->output[i];

        for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
            if (o->made[e] > 0) {
                bool holds = check(o->made[e] == o->written[e] + o->dropped[e], all);

                fprintf(stderr, "  %-22.60s %14llu %s events = %llu written + %llu dropped%s\n",
                        o->name, (unsigned long long)o->made[e], ft_event_word(e),
                        (unsigned long long)o->written[e], (unsigned long long)o->dropped[e],
                        holds ? "" : "  DOES NOT ADD UP");
            }
        }
    }
}

bool summary_end(struct summary *s, struct ft_pipeline *p)
{
    struct ft_stats st;
    char pps[16];
    bool all = true;

    ft_pipeline_get_stats(p, &st);
    if (s->quiet) {
        return true;
    }
    if (s->log->status_line) {
        fprintf(stderr, "\r\033[K");
        s->log->status_line = false;
    }
    if (s->log->json) {
        return true;
    }
    double seconds = (double)st.elapsed_ns / 1e9;

    fprintf(stderr, "flowtap: %s: %.3f s, %spps, %u worker%s\n", ft_pipeline_input_name(p), seconds,
            human((double)st.captured / (seconds > 0 ? seconds : 1), pps, sizeof pps), st.n_workers,
            st.n_workers == 1 ? "" : "s");
    packets(&st, &all);
    flows(&st, &all);
    outputs(&st, &all);
    return all;
}
