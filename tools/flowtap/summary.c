/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap: a line on stderr while it runs, the account at the end. */
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

enum { NOT_IP_SHARE = 4, NO_TYPE = 1500 };
enum { WAIT_LEAST_MS = 20, WAIT_MOST_MS = 60000 };

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
    static const char *const units[] = {" ", " k", " M", " G", " T", " P"};
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

/* What outputs did not get: dropped and lost. */
static uint64_t events_dropped(const struct ft_stats *s)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < s->n_outputs; i++) {
        for (int e = 0; e < FT_EVENT__COUNT; e++) {
            n += s->output[i].dropped[e] + s->output[i].lost[e];
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

static uint64_t not_ip(const struct ft_stats *s)
{
    return s->verdict[FT_V_NOT_IP];
}

/* A quarter of the packets is in no flow: that is no ARP, it is a layer that is not known here. */
static bool much_not_ip(const struct ft_stats *s)
{
    return !s->collecting && not_ip(s) > 0 && not_ip(s) >= s->captured / NOT_IP_SHARE;
}

static void warn_not_ip(const struct summary *s, const struct ft_stats *now)
{
    const struct ft_not_ip_stats *t = &now->not_ip;
    char text[200], type[40] = "no EtherType";

    if (t->n > 0 && t->packets[0] >= t->other) {
        snprintf(type, sizeof type, t->type[0] <= NO_TYPE ? "802.2 frames" : "EtherType 0x%04x",
                 t->type[0]);
    }
    snprintf(text, sizeof text,
             "%llu of %llu packets are not IP and in no flow (most: %s); the account and "
             "not_ip_by_ethertype say what they are",
             (unsigned long long)not_ip(now), (unsigned long long)now->captured, type);
    cli_log(s->log, FT_LOG_WARN, text);
}

static void line(struct summary *s, const struct ft_stats *now, char *out, size_t cap)
{
    double seconds = (double)(now->elapsed_ns - s->last.elapsed_ns) / 1e9;
    char pps[16], bps[16], share[40] = "", lost[40] = "";

    char size[16];

    seconds = seconds > 0 ? seconds : 1;
    human((double)(now->received - s->last.received) / seconds, pps, sizeof pps);
    human((double)(now->received_bytes - s->last.received_bytes) * 8 / seconds, bps, sizeof bps);
    if (now->input_size > 0) {
        snprintf(share, sizeof share, "%3.0f%% ",
                 100.0 * (double)now->input_bytes / (double)now->input_size);
    }
    if (now->unpacked_bytes > 0) { /* the share alone says little when little becomes much */
        size_t at = strlen(share);

        human((double)now->unpacked_bytes, size, sizeof size);
        snprintf(share + at, sizeof share - at, "%sB unpacked | ", size);
    }
    if (now->collecting) {
        snprintf(out, cap,
                 "%s%s datagrams/s | %llu datagrams, dropped %llu kernel | %llu records, %llu "
                 "samples | %llu lost, %llu without template | events dropped %llu",
                 share, pps, (unsigned long long)now->received,
                 (unsigned long long)now->kernel_dropped,
                 (unsigned long long)now->collected[FT_COLLECT_RECORDS],
                 (unsigned long long)now->collected[FT_COLLECT_SAMPLES],
                 (unsigned long long)now->collected[FT_COLLECT_LOST],
                 (unsigned long long)now->collected[FT_COLLECT_NO_TEMPLATE],
                 (unsigned long long)events_dropped(now));
        return;
    }
    if (much_not_ip(now)) {
        snprintf(lost, sizeof lost, " | %llu NOT IP", (unsigned long long)not_ip(now));
    }
    snprintf(
        out, cap,
        "%s%spps %sbit/s | %llu packets, dropped %llu kernel %llu queue | %llu flows | queue %u | "
        "events dropped %llu%s",
        share, pps, bps, (unsigned long long)now->received, (unsigned long long)now->kernel_dropped,
        (unsigned long long)now->queue_dropped, (unsigned long long)now->flows_active, waiting(now),
        (unsigned long long)events_dropped(now), lost);
}

/* Columns that a line can fill without going on to the next, where \r would not reach it. */
static int width(void)
{
    struct winsize ws;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 1 ? ws.ws_col - 1 : 79;
}

int summary_wait_ms(const struct summary *s)
{
    int64_t ms = (s->next_ns - mono_ns()) / 1000000 + 1;
    bool never = s->quiet || (s->every_ns == 0 && (s->live || !s->tty));

    return never || ms > WAIT_MOST_MS ? WAIT_MOST_MS : ms > WAIT_LEAST_MS ? (int)ms : WAIT_LEAST_MS;
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
        flockfile(stderr);
        fprintf(stderr, "\r\033[K%.*s", width(), text);
        fflush(stderr);
        s->log->status_line = true;
        funlockfile(stderr);
    } else {
        cli_log(s->log, FT_LOG_INFO, text);
    }
    s->last = now;
}

bool summary_end(struct summary *s, struct ft_pipeline *p)
{
    struct ft_stats st;
    char pps[16];

    ft_pipeline_get_stats(p, &st);
    if (s->log->status_line) {
        fprintf(stderr, "\r\033[K");
        s->log->status_line = false;
    }
    if (!s->quiet && s->log->json) {
        account_json(&st, ft_pipeline_input_name(p));
    } else if (!s->quiet) {
        double seconds = (double)st.elapsed_ns / 1e9;

        fputs("flowtap: ", stderr);
        text_print(stderr, ft_pipeline_input_name(p));
        fprintf(stderr, ": %.3f s, %spps, %u worker%s\n", seconds,
                human((double)st.captured / (seconds > 0 ? seconds : 1), pps, sizeof pps),
                st.n_workers, st.n_workers == 1 ? "" : "s");
        account_table(&st);
    }
    if (!s->quiet && much_not_ip(&st)) {
        warn_not_ip(s, &st);
    }
    fflush(stderr);
    return account_holds(&st);
}
