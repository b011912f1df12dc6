/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the workers of collect, see collect.h. */
#include "pipeline/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "collect/collect.h"
#include "decode/datagram.h"
#include "decode/decode.h"
#include "model/field_export.h"
#include "model/peer.h"
#include "model/prefix.h"
#include "pipeline/collect_samples.h"
#include "pipeline/collect_told.h"
#include "pipeline/packets.h"

enum { READ_TIMEOUT_MS = 20, STATE_MAX = 256 << 20, SETTLE_MS = 1000, SETTLE_LAST_MS = 10000 };

static const int64_t state_every_ns = (int64_t)60 * 1000000000;
static const int64_t settle_every_ns = (int64_t)5 * 1000000000,
                     settle_most_ns = (int64_t)60 * 1000000000;

struct ft_collect_worker {
    struct ft_collector *collector;
    struct ft_collect_limits limits;
    struct ft_datagrams *datagrams;
    int64_t report_ns, saved_ns, published_ns; /* monotonic: next report, last saving */
    int64_t now_ns;                            /* time of the newest datagram */
    int64_t at_ns;                             /* of the one that is looked at */
    int64_t settle_ns, settle_every_ns;        /* monotonic: when the source is told next */
    bool said_sample;                          /* that samples come and nobody asked for them */
    struct ft_peer file;                       /* who sent the messages of an IPFIX file */
    uint64_t samples;                          /* seen, for --sample */
    uint64_t not_ip;                           /* samples without an IP packet */
    struct ft__estimates estimates;            /* of samples */
    struct ft__samples *waiting;               /* mapped */
    bool fresh;                                /* no sample of this datagram came yet */
    char *state; /* what is to be saved; guarded by the pipeline's lock */
    size_t state_len;
};

/* ---- plan ---- */

const char *ft__collect_file(const char *target)
{
    if (strncmp(target, "pcap:", 5) == 0) {
        return target + 5;
    }
    return strncmp(target, "ipfix:", 6) == 0 && strncmp(target + 6, "//", 2) != 0 ? target + 6
                                                                                  : NULL;
}

bool ft__collect_topics(const char *target)
{
    return strncmp(target, "kafka://", 8) == 0;
}

bool ft__collect_linktype(uint16_t linktype)
{
    return linktype == FT_LINK_MESSAGE || ft_linktype_supported(linktype);
}

int ft__collect_plan(const struct ft_config *cfg, struct ft_plan *plan, struct ft_err *err)
{
    uint32_t files = 0, topics = 0;

    for (uint32_t i = 0; i < cfg->n_inputs; i++) {
        files += ft__collect_file(cfg->inputs[i]) != NULL;
        topics += ft__collect_topics(cfg->inputs[i]);
    }
    if (topics > 0 && cfg->n_inputs > 1) {
        return ft_err_set(err, FT_E_USAGE,
                          "listen: kafka:// stands alone: kafka://HOST:PORT/TOPIC,TOPIC");
    }
    if (files > 0 && files < cfg->n_inputs) {
        return ft_err_set(err, FT_E_USAGE,
                          "listen: files (pcap:, ipfix:) and sockets cannot be read at the same "
                          "time");
    }
    plan->live = files == 0;
    plan->collect = true;
    plan->mode = FT_MODE_DIRECT;
    if (files > 0 || topics > 0) {
        plan->n_workers = 1; /* one file is one stream of datagrams in order; of topics others of
                                the group take a part */
    }
    plan->again = topics > 0;
    plan->n_sources = plan->n_workers;
    plan->source = ft_source_find(cfg->source != NULL ? cfg->source
                                  : files > 0         ? "file"
                                  : topics > 0        ? "kafka"
                                                      : "udp");
    return FT_OK;
}

void ft__collect_targets(const struct ft_config *cfg, const char **names, uint32_t *out_n)
{
    static const char *const defaults[] = {"netflow://[::]:2055", "ipfix://[::]:4739",
                                           "sflow://[::]:6343"};

    if (cfg->n_inputs == 0) {
        memcpy(names, defaults, sizeof defaults);
        *out_n = sizeof defaults / sizeof defaults[0];
        return;
    }
    for (uint32_t i = 0; i < cfg->n_inputs; i++) {
        const char *file = ft__collect_file(cfg->inputs[i]);

        names[i] = file != NULL ? file : cfg->inputs[i];
    }
    *out_n = cfg->n_inputs;
}

/* ---- what the collector finds ---- */

/* Counts and writes the samples that wait: before any other event, so that all come in order. */
static void write_samples(struct ft_worker *w)
{
    struct ft_collect_worker *c = w->collect;
    struct ft__samples *b = c->waiting;

    if (b->n == 0) {
        return;
    }
    ft__estimates_take(&c->estimates, &w->meter, b->s, b->n, b->counts);
    for (uint32_t i = 0; i < b->n; i++) {
        if (c->samples++ % w->rates.sample_n == 0) {
            ft_emit_export_sample(&w->emit, FT_EVENT_SAMPLE, &b->s[i]);
        }
    }
    b->n = b->n_values = 0;
}

/* Detectors' time goes on to this, or back: a clock that was set is believed, and the others of its
 * workers, too. */
static void see_clock(struct ft_worker *w, int64_t ts_ns)
{
    struct ft_meter *m = &w->meter;

    if (m->detect == NULL) {
        return;
    }
    uint32_t epoch = ft_detect_epoch(m->detect);

    if (epoch > m->clock.epoch) {
        m->clock = (struct ft_window_clock){INT64_MIN, epoch};
    }
    ft_window_clock_see(&m->clock, ts_ns, m->step_ns);
    ft_detect_epoch_begins(m->detect, m->clock.epoch);
}

/* Detectors are told of a record. */
static void note(struct ft_worker *w, const struct ft_export_record *r)
{
    struct ft_note n;

    if (ft_note_of_export(r, w->meter.clock.now_ns, &n)) {
        ft_detect_note(w->meter.detect, &n);
    }
}

static void on_record(void *cookie, const struct ft_export_record *r)
{
    struct ft_worker *w = cookie;

    write_samples(w);
    if (FT_UNLIKELY(w->meter.detect != NULL)) {
        note(w, r);
    }
    if (FT_UNLIKELY(w->told != NULL)) {
        struct ft_window_told told;

        ft__told_of_record(r, w->collect->at_ns, &told);
        ft_window_tell(w->told, &told);
    }
    ft_emit_export_flow(&w->emit, r);
}

static void on_count(void *cookie, uint32_t n)
{
    struct ft_worker *w = cookie;

    ft_emit_export_count(&w->emit, n);
}

static void say_samples(struct ft_worker *w)
{
    if (!w->collect->said_sample && w->told == NULL &&
        ((w->emit.events >> FT_EVENT_SAMPLE) & 1) == 0) {
        w->collect->said_sample = true;
        ft_log(&w->p->log, FT_LOG_WARN,
               "sFlow samples come in, but no output takes sample events: add -e sample");
    }
}

static void on_sample(void *cookie, const struct ft_export_sample *s)
{
    struct ft_worker *w = cookie;
    struct ft_collect_worker *c = w->collect;

    if (s->pkt == NULL && !s->truncated) {
        c->not_ip++; /* no event, as from a capture */
        return;
    }
    if (FT_UNLIKELY(w->told != NULL)) {
        struct ft_window_told told;

        ft__told_of_sample(s, c->at_ns, &told);
        ft_window_tell(w->told, &told);
    }
    if (!((w->emit.events >> FT_EVENT_SAMPLE) & 1)) {
        say_samples(w);
        return;
    }
    if (!w->emit.makes_samples) { /* outputs that only count need no counts of the 5-tuple */
        if (c->samples++ % w->rates.sample_n == 0) {
            ft_emit_export_sample(&w->emit, FT_EVENT_SAMPLE, s);
        }
        return;
    }
    if (!ft__samples_fit(c->waiting, s)) {
        write_samples(w);
    }
    if (!ft__samples_add(c->waiting, s, c->fresh)) {
        write_samples(w);
    }
    c->fresh = false;
}

static void on_discard(void *cookie, const struct ft_export_sample *s)
{
    struct ft_worker *w = cookie;

    write_samples(w);
    ft_emit_export_sample(&w->emit, FT_EVENT_DISCARD, s);
}

static void on_counters(void *cookie, const struct ft_export_counters *c)
{
    struct ft_worker *w = cookie;

    write_samples(w);
    ft_emit_export_event(&w->emit, FT_EVENT_COUNTER, c);
}

static void on_template(void *cookie, const struct ft_template_change *t)
{
    struct ft_worker *w = cookie;

    write_samples(w);
    ft_emit_export_event(&w->emit, FT_EVENT_TEMPLATE, t);
}

static void on_health(void *cookie, const struct ft_exporter_health *h)
{
    struct ft_worker *w = cookie;

    write_samples(w);
    ft_emit_export_event(&w->emit, FT_EVENT_EXPORTER, h);
}

/* ---- building ---- */

/* The text of the saved state; NULL with 0: there is none. 0 or errno. Caller frees. */
static int read_state(const char *path, char **out, size_t *out_len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    int error = fd < 0 ? errno : fstat(fd, &st) != 0 ? errno : 0;
    size_t at = 0;

    *out = NULL;
    if (error == 0 && !S_ISREG(st.st_mode)) {
        error = EINVAL;
    } else if (error == 0 && st.st_size > STATE_MAX) {
        error = EFBIG;
    }
    if (error == 0 && (*out = ft_mem_alloc(1, (size_t)st.st_size + 1)) == NULL) {
        error = ENOMEM;
    }
    while (error == 0 && at < (size_t)st.st_size) {
        ssize_t n = read(fd, *out + at, (size_t)st.st_size - at);

        if (n == 0) {
            break;
        }
        error = n < 0 && errno != EINTR ? errno : 0;
        at += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    *out_len = at;
    return error == ENOENT ? 0 : error;
}

/* Something else stands where the state is to be: it gets a rotated name, and is not written over.
 */
static void state_aside(struct ft_pipeline *p, const char *path)
{
    struct ft_file_call c = {
        .op = FT_FILE_ASIDE, .id = p->state_file, .now_s = ft__clock_real_ns() / 1000000000};
    struct ft_file_answer a;
    int fd;

    p->files.call(p->files.cookie, &c, &a, &fd);
    ft_log(&p->log, FT_LOG_WARN, "%s: is no saved state%s; starting without%s%s", path,
           p->plan.anonymize ? " of this key" : "", a.error == 0 ? ", it is now " : "",
           a.error == 0 ? a.name : "");
}

static int load_state(struct ft_worker *w, const char *path, struct ft_err *err)
{
    struct ft_pipeline *p = w->p;
    uint32_t bad = 0;
    size_t len;
    char *text;
    int error = read_state(path, &text, &len);

    if (error != 0) { /* it would be written over */
        ft_mem_free(text);
        return ft_err_set(err, error == ENOMEM ? FT_E_NOMEM : FT_E_IO,
                          "state: %s: cannot be read: %s", path,
                          error == EINVAL ? "it is not a file" : strerror(error));
    }
    if (text != NULL &&
        ft_collector_load(w->collect->collector, text, len, ft__clock_real_ns(), &bad) != FT_OK) {
        state_aside(p, path);
    } else if (bad > 0) {
        ft_log(&p->log, FT_LOG_WARN, "%s: %u lines of the saved state cannot be read", path, bad);
    }
    ft_mem_free(text);
    return FT_OK;
}

size_t ft__collect_budget(const struct ft_worker *w)
{
    return ft_collector_budget(&w->collect->limits) +
           ft__estimates_budget(w->p->plan.table.max_flows) + sizeof *w->collect->waiting;
}

int ft__collect_build(struct ft_worker *w, const struct ft_config *cfg, struct ft_err *err)
{
    static const struct ft_collect_ops ops = {on_record,   on_sample, on_discard, on_counters,
                                              on_template, on_health, on_count};
    struct ft_collect_limits limits = {
        .exporters = cfg->max_exporters,
        .templates = cfg->max_templates,
        .amplification = cfg->max_amplification,
        .waiting = cfg->pending_bytes,
        .template_life_ns = cfg->template_life_ns,
        .by_port = cfg->session_port,
        .keep_tunnels = cfg->keep_tunnels,
        .ports = &w->p->plan.tunnel_ports,
        .hide = w->emit.anon != NULL ? ft_anonymizer_map(w->emit.anon) : NULL,
    };
    int rc;

    w->collect = ft_mem_alloc(1, sizeof *w->collect);
    if (w->collect == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for a collector");
    }
    w->collect->waiting = ft_map_alloc(sizeof *w->collect->waiting);
    if (w->collect->waiting == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for samples");
    }
    w->collect->limits = limits;
    rc = ft_collector_new(&limits, &w->p->seed, &ops, w, &w->collect->collector);
    if (rc == FT_OK) {
        rc = ft_datagrams_new(&w->collect->datagrams);
    }
    if (rc == FT_OK) {
        rc = ft_meter_open(&w->meter, &w->p->plan.table, 0, &w->p->plan.options);
    }
    if (rc == FT_OK) {
        rc = ft__estimates_init(&w->collect->estimates, w->p->plan.table.max_flows, &w->p->seed);
    }
    if (rc != FT_OK) {
        return ft_err_set(err, rc, "the collector of worker %u: %s", w->index, ft_strerror(rc));
    }
    if (cfg->state != NULL) {
        return load_state(w, cfg->state, err);
    }
    return FT_OK;
}

void ft__collect_free(struct ft_worker *w)
{
    if (w->collect != NULL) {
        ft_collector_free(w->collect->collector);
        ft_datagrams_free(w->collect->datagrams);
        ft__estimates_fini(&w->collect->estimates);
        ft_map_free(w->collect->waiting, sizeof *w->collect->waiting);
        ft_mem_free(w->collect->state);
        ft_mem_free(w->collect);
        w->collect = NULL;
    }
}

/* ---- running ---- */

/* A message of an IPFIX file. It has no sender: the address is 0.0.0.0. Templates are those of the
 * file (RFC 5655 §5), which is a stream that ends where the next one begins. */
static const struct ft_peer *peer_of_file(struct ft_collect_worker *c, const struct ft_view *v)
{
    uint32_t session = (uint32_t)v->iface + 1;

    if (c->file.session != session) {
        if (c->file.session != 0) {
            ft_collector_end_stream(c->collector, &c->file);
        }
        c->file = (struct ft_peer){.ip_version = 4, .flags = FT_PEER_STREAM, .session = session};
    }
    return &c->file;
}

static void take_view(struct ft_worker *w, const struct ft_view *v)
{
    struct ft_collect_worker *c = w->collect;
    const uint8_t *data = v->data;
    uint32_t len = v->caplen;
    enum ft_verdict verdict = FT_V_DECODED;
    struct ft_peer peer;

    if (v->linktype == FT_LINK_DATAGRAM) {
        memcpy(&peer, v->data - sizeof peer, sizeof peer);
        if (peer.flags & FT_PEER_ENDED) {
            ft_collector_end_stream(c->collector, &peer);
            return;
        }
        verdict = (peer.flags & FT_PEER_SEALED) ? FT_V_EXPORT_SEALED : verdict;
    } else if (v->linktype == FT_LINK_MESSAGE) {
        peer = *peer_of_file(c, v);
    } else {
        verdict = ft_datagram_take(c->datagrams, v, &peer, &data, &len);
    }
    c->at_ns = v->ts_ns;
    see_clock(w, v->ts_ns);
    c->now_ns = v->ts_ns > c->now_ns ? v->ts_ns : c->now_ns;
    if (verdict == FT_V_DECODED && v->linktype != FT_LINK_MESSAGE &&
        !ft_prefixes_allow(&w->p->allow[w->index], &peer)) {
        verdict = FT_V_EXPORTER;
    }
    c->fresh = true;
    if (FT_UNLIKELY(w->emit.makes_packets) && verdict == FT_V_DECODED) {
        ft_emit_datagram(&w->emit, &peer, data, len, v->ts_ns);
    }
    if (verdict == FT_V_DECODED) {
        verdict = (peer.flags & FT_PEER_STREAM)
                      ? ft_collector_take_stream(c->collector, &peer, data, len, v->ts_ns)
                      : ft_collector_take(c->collector, &peer, data, len, v->ts_ns);
    }
    if (data < v->data || data >= v->data + v->caplen) {
        write_samples(w); /* put together from fragments, in memory that the next ones take */
    }
    if (verdict == FT_V_NOT_IP) {
        ft_ethertypes_add(&w->dec.types, ft_datagram_ethertype(c->datagrams), 1);
    }
    w->dec.verdict[verdict]++;
    w->dec.bytes += v->len;
    w->dec.decoded_bytes += verdict == FT_V_DECODED ? v->len : 0;
}

static void publish(struct ft_worker *w)
{
    struct ft_collect_stats s;

    ft_collector_get_stats(w->collect->collector, &s);
    const uint64_t v[FT_COLLECT__COUNT] = {
        [FT_COLLECT_RECORDS] = s.records,
        [FT_COLLECT_OPTIONS] = s.options_records,
        [FT_COLLECT_SAMPLES] = s.samples,
        [FT_COLLECT_SAMPLES_NOT_IP] = w->collect->not_ip,
        [FT_COLLECT_COUNTERS] = s.counters,
        [FT_COLLECT_DISCARDS] = s.discards,
        [FT_COLLECT_TEMPLATES] = s.templates,
        [FT_COLLECT_NO_TEMPLATE] = s.no_template,
        [FT_COLLECT_LOST] = s.lost,
        [FT_COLLECT_REORDERED] = s.reordered,
        [FT_COLLECT_DUPLICATES] = s.duplicates,
        [FT_COLLECT_RESETS] = s.resets,
        [FT_COLLECT_EXPORTERS] = s.exporters,
        [FT_COLLECT_EVICTED] = s.exporters_evicted,
    };

    for (int i = 0; i < FT_COLLECT__COUNT; i++) {
        ft_count_set(&w->collected[i], v[i]);
    }
    atomic_store_explicit(&w->now_ns, w->collect->now_ns != 0 ? w->collect->now_ns : INT64_MIN,
                          memory_order_relaxed);
}

/* Hands the state to the control thread, which writes it. */
static void hand_state(struct ft_worker *w)
{
    struct ft_collect_worker *c = w->collect;
    char *buf = NULL;
    size_t len = 0, cap = 0;

    if (w->p->state_path == NULL) {
        return;
    }
    if (ft_collector_save(c->collector, w->index == 0, &buf, &len, &cap) != FT_OK) {
        ft_mem_free(buf);
        return;
    }
    pthread_mutex_lock(&w->p->lock);
    ft_mem_free(c->state);
    c->state = buf;
    c->state_len = len;
    w->p->state_due = true;
    pthread_mutex_unlock(&w->p->lock);
    ft__pipeline_wake(w->p);
}

/* What a user can do about it. */
static void say_clash(struct ft_worker *w)
{
    struct ft_collect_clash clash;

    while (ft_collector_clash(w->collect->collector, &clash)) {
        ft_log(&w->p->log, FT_LOG_WARN,
               "%s, domain %u: two senders (ports %u and %u) count apart, so that loss cannot be "
               "told; --session-port keeps them apart",
               clash.exporter.text, clash.exporter.domain_id, clash.port[0], clash.port[1]);
    }
}

static void report(struct ft_worker *w)
{
    struct ft_collect_worker *c = w->collect;
    int64_t now = w->p->plan.live && !w->p->plan.again ? ft__clock_real_ns() : c->now_ns;

    ft_collector_report(c->collector, now);
}

static void turn_windows(struct ft_worker *w, bool idle, int64_t now_ns)
{
    struct ft_window_clock c = ft_window_now(w->told);

    if (idle && now_ns > c.now_ns) {
        c.now_ns = now_ns;
        ft_window_advance(w->told, &c);
    }
    ft_window_turn(w->told, INT64_MAX, ft__worker_row, w);
}

/* All that came is known to windows and detectors. Live, so is that nothing else did. */
static void turn(struct ft_worker *w, bool idle)
{
    int64_t now_ns = w->collect->now_ns;

    if (w->meter.detect == NULL && w->told == NULL) {
        return;
    }
    idle = idle && w->p->plan.live && !w->p->plan.again;
    if (idle) {
        int64_t clock_ns = ft__clock_real_ns() - (int64_t)2 * READ_TIMEOUT_MS * 1000000;

        see_clock(w, clock_ns);
        now_ns = clock_ns > now_ns ? clock_ns : now_ns;
    }
    if (w->meter.detect != NULL) {
        const struct ft_window_clock *c = &w->meter.clock;

        ft_detect_turn(w->meter.detect, c->epoch, c->now_ns, ft__worker_alert, &w->emit);
    }
    if (w->told != NULL) {
        turn_windows(w, idle, now_ns);
    }
}

/* Does anybody look at records? */
static bool looks_at_records(const struct ft_worker *w)
{
    return w->emit.makes_flows || w->meter.detect != NULL || w->told != NULL;
}

/* Once in a batch or so: what is due by the clock. */
static void collect_breathe(struct ft_worker *w, bool idle)
{
    struct ft_collect_worker *c = w->collect;
    int64_t now = ft__clock_mono_ns();

    if (w->p->plan.live && w->rates.stats_ns > 0 && now >= c->report_ns) {
        if (c->report_ns != 0) {
            report(w);
        }
        c->report_ns = now + w->rates.stats_ns;
    }
    if (w->p->plan.live && now - c->saved_ns >= state_every_ns) {
        if (c->saved_ns != 0) {
            hand_state(w);
        }
        c->saved_ns = now;
    }
    if (idle || now - c->published_ns > 100000000) {
        c->published_ns = now;
        publish(w);
        say_clash(w);
    }
    ft__worker_breathe(w, idle);
}

/* From time to time, when the source asks for it, and at the end: the source hears that all it has
 * given has gone on. When outputs take too long, the next time is later. */
static void settle(struct ft_worker *w, bool asked, bool last)
{
    struct ft_collect_worker *c = w->collect;
    int64_t now = ft__clock_mono_ns();
    bool well;

    if (w->source->ops->settled == NULL || (!asked && !last && now < c->settle_ns)) {
        return;
    }
    well = ft_emitter_settle(&w->emit, last ? SETTLE_LAST_MS : SETTLE_MS);
    w->source->ops->settled(w->source, well);
    c->settle_every_ns = well || c->settle_every_ns == 0       ? settle_every_ns
                         : c->settle_every_ns < settle_most_ns ? c->settle_every_ns * 2
                                                               : settle_most_ns;
    c->settle_ns = ft__clock_mono_ns() + c->settle_every_ns;
}

/* How long a worker without datagrams waits: reports are to come in time. */
static int idle_wait_ms(const struct ft_worker *w)
{
    int64_t ms = w->rates.stats_ns / 4000000;
    int most = w->p->plan.read_ms;

    return ms == 0 || ms > most ? most : ms > READ_TIMEOUT_MS ? (int)ms : READ_TIMEOUT_MS;
}

void *ft__worker_collect(void *arg)
{
    struct ft_worker *w = arg;
    struct ft_view views[FT_BATCH];
    struct ft_batch batch = {.views = views, .cap = FT_BATCH};
    struct ft_err err;
    uint32_t rounds = 0;
    int wait_ms = READ_TIMEOUT_MS; /* longer once all is handed on */

    ft_collector_read(w->collect->collector, looks_at_records(w));
    for (;;) {
        int rc = w->source->ops->read(w->source, &batch, wait_ms, &err);

        if (ft__source_over(w->p, rc, &err)) {
            break;
        }
        if (rc != FT_OK || batch.n == 0) {
            turn(w, true);
            settle(w, batch.settle, false);
            collect_breathe(w, true);
            wait_ms = idle_wait_ms(w);
            continue;
        }
        wait_ms = READ_TIMEOUT_MS;
        for (uint32_t i = 0; i < batch.n; i++) {
            take_view(w, &views[i]);
        }
        write_samples(w);
        turn(w, false);
        w->source->ops->release(w->source, batch.token);
        settle(w, batch.settle, false);
        if ((++rounds & 3) == 0) {
            collect_breathe(w, false);
        }
    }
    ft_collector_finish(w->collect->collector);
    say_clash(w);
    report(w);
    settle(w, false, true);
    hand_state(w);
    publish(w);
    return ft__worker_end(w);
}

void ft__collect_adopt(struct ft_worker *w)
{
    ft_collector_read(w->collect->collector, looks_at_records(w));
    ft_collector_amplify(w->collect->collector, w->rates.amplification);
}

/* ---- saving ---- */

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n <= 0) {
            return false;
        }
        text += n;
        len -= (size_t)n;
    }
    return true;
}

/* A call for the state's file: 0 or errno; *out_fd is what was opened, or -1. */
static int state_call(struct ft_pipeline *p, enum ft_file_op op, int *out_fd)
{
    struct ft_file_call c = {.op = op,
                             .id = p->state_file,
                             .kind = FT_FILE_STATE,
                             .mode = FT_FILE_MODE_DEFAULT,
                             .group = -1};
    struct ft_file_answer a;

    if (op == FT_FILE_PLACE) {
        memcpy(c.path, p->state_path, strlen(p->state_path) + 1);
    }
    p->files.call(p->files.cookie, &c, &a, out_fd);
    if (op == FT_FILE_PLACE) {
        p->state_file = a.id;
    }
    return a.error;
}

int ft__collect_try_state(struct ft_pipeline *p, struct ft_err *err)
{
    int fd, error;

    if (strlen(p->state_path) >= FT_FILE_PATH) {
        return ft_err_set(err, FT_E_USAGE, "state: the path is too long");
    }
    error = state_call(p, FT_FILE_PLACE, &fd);
    error = error == 0 ? state_call(p, FT_FILE_OPEN_NEW, &fd) : error;
    if (error != 0) {
        return ft_err_set(err, error == ENOMEM ? FT_E_NOMEM : FT_E_IO, "state: %s.new: %s",
                          p->state_path, strerror(error));
    }
    close(fd);
    return FT_OK;
}

/* The workers' latest states, one after the other. */
static bool write_states(struct ft_pipeline *p, int fd)
{
    bool good = true;

    for (uint32_t i = 0; i < p->plan.n_workers && good; i++) {
        const struct ft_collect_worker *c = p->workers[i].collect;

        good = c->state == NULL || write_all(fd, c->state, c->state_len);
    }
    return good;
}

/* Writes NAME.new, brings it to the disk, and puts it in the old one's place. 0 or errno. */
static int save_state(struct ft_pipeline *p)
{
    int fd, error = state_call(p, FT_FILE_OPEN_NEW, &fd);

    if (error != 0) {
        return error;
    }
    errno = EIO;
    pthread_mutex_lock(&p->lock); /* the workers hand over their states once a minute */
    bool good = write_states(p, fd);

    error = good ? 0 : errno;
    pthread_mutex_unlock(&p->lock);
    if (error == 0 && fsync(fd) != 0) {
        error = errno;
    }
    if (close(fd) != 0 && error == 0) {
        error = errno;
    }
    return error == 0 ? state_call(p, FT_FILE_REPLACE, &fd) : error;
}

void ft__collect_save(struct ft_pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    bool due = p->state_due;

    p->state_due = false;
    pthread_mutex_unlock(&p->lock);
    if (p->state_path == NULL || !due) {
        return;
    }
    int error = save_state(p);

    if (error != 0) {
        ft_log(&p->log, FT_LOG_WARN, "%s: the state cannot be saved: %s", p->state_path,
               strerror(error));
    }
}
