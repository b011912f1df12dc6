/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes decode/collect with its state. The input is a byte of limits, then datagrams:
 *
 *     [control 1][length 2][datagram ...]
 *     control: bits 0-1 peer, 2 over a stream, 3 the stream ends after it, 4-5 step of the clock,
 *              6 a report after it, 7 saved and loaded after it
 *
 * Properties: every event becomes whole JSON lines and CSV rows within the room that is promised,
 * every value lies in readable bytes, the account adds up, what one datagram gives is bounded by
 * max-amplification, a saved state loads without a bad line and saves to as many bytes; a collector
 * whose records nobody reads comes to the same verdicts and accounts. */
#include <stdlib.h>
#include <string.h>

#include "asan.h"
#include "base/rd.h"
#include "collect/collect.h"
#include "format/format.h"
#include "format/ndjson.h"
#include "json_check.h"
#include "lines.h"
#include "mutate.h"

MUTATE_AS(mutate_exports);

enum { SLACK = CANARY_MAX, EVENTS_MAX = 400, HEAD = 3, WAITING = 4096, FORMATS = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint64_t records, samples, discards, counters, learnt;
    uint64_t formatted; /* of this input: the rest is only looked at, for speed */
    uint64_t text;      /* bytes of records of this datagram */
    uint64_t n_text;    /* records of it */
    uint64_t health;    /* what exporters' accounts said, as one number */
    enum ft_verdict verdict;
};

static uint8_t room_of_event[FT_FORMAT_MAX + SLACK];
static volatile uint8_t sink;

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* A block that ends after room bytes: for the sanitizer, and for a look at the bytes behind it. */
static uint8_t *begin(size_t room)
{
    must(room > 0 && room <= FT_FORMAT_MAX);
    UNPOISON(room_of_event, sizeof room_of_event);
    memset(room_of_event + room, CANARY, SLACK);
    POISON(room_of_event + room, sizeof room_of_event - room);
    return room_of_event;
}

static void end(size_t room, size_t n)
{
    UNPOISON(room_of_event, sizeof room_of_event);
    must(n <= room);
    must(canary_lives(room_of_event + room, SLACK));
}

/* An instance for one event, made when it is first asked for. */
static const struct ft_format *format_of(uint32_t i, enum ft_event e)
{
    static struct ft_format *all[FORMATS][FT_EVENT__COUNT];

    must(i < FORMATS);
    if (all[i][e] == NULL) {
        all[i][e] = lines_open(ft_formats[i]->name, 1u << e, NULL, NULL);
    }
    return all[i][e];
}

/* Records by the walk, not by hand: ?null=omit. */
static const struct ft_format *walked(void)
{
    static struct ft_format *f;
    struct ft_format_config cfg = {
        .events = 1u << FT_EVENT_FLOW, .collect = true, .omit_null = true};
    struct ft_err err;

    must(f != NULL || ft_format_find("ndjson")->open(&cfg, &f, &err) == FT_OK);
    return f;
}

static void check_text(const struct ft_format *f, size_t n)
{
    if (strcmp(f->ops->name, "ndjson") == 0) {
        must(json_line(room_of_event, n));
    } else if (n > 0 && lines_are(f)) {
        must(room_of_event[n - 1] == '\n');
    }
}

static void check_values(const uint8_t *base, const struct ft_xvalue *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        must(v[i].key != NULL && v[i].key_len > 0 && strlen(v[i].key) == v[i].key_len);
        if ((v[i].flags & FT_XV_ABSENT) == 0) {
            for (uint32_t k = 0; k < v[i].len; k++) {
                sink = base[v[i].offset + k];
            }
        }
        if (v[i].flags & FT_XV_MORE) {
            must(i > 0 && v[i - 1].key == v[i].key);
        }
    }
}

/* Keys that are prepared are those that are not. */
static void check_keys(const struct ft_export_record *r, size_t room)
{
    static uint8_t plain[FT_FORMAT_MAX + SLACK];
    struct ft_export_record without = *r;
    size_t n = ft__ndjson_export_flow(begin(room), room, r, NULL);

    end(room, n);
    without.keys = NULL;
    must(ft__ndjson_export_flow(plain, room, &without, NULL) == n &&
         memcmp(plain, room_of_event, n) == 0);
}

static void on_record(void *cookie, const struct ft_export_record *r)
{
    struct seen *s = cookie;
    size_t room = FT_FORMAT_EXPORT_MIN + (size_t)r->text_max;

    s->records++;
    check_values(r->base, r->values, r->n_values);
    must(r->text_max >= ft_xvalues_room(r->values, r->n_values));
    room = room < FT_FORMAT_MAX ? room : FT_FORMAT_MAX;
    s->text += 900 + (uint64_t)r->text_max;
    s->n_text++;
    if (s->formatted++ > EVENTS_MAX) {
        return;
    }
    end(room, walked()->ops->export_flow(walked(), begin(room), room, r));
    for (uint32_t i = 0; ft_formats[i] != NULL; i++) {
        if (ft_formats[i]->export_flow != NULL) {
            const struct ft_format *f = format_of(i, FT_EVENT_FLOW);
            size_t n = f->ops->export_flow(f, begin(room), room, r);

            must(!lines_unfit(n) || f->templates != NULL);
            n = lines_unfit(n) ? 0 : n;
            end(room, n);
            check_text(f, n);
        }
    }
    check_keys(r, room);
}

static void write_event(struct seen *s, enum ft_event e, const void *what)
{
    if (s->formatted++ > EVENTS_MAX) {
        return;
    }
    for (uint32_t i = 0; ft_formats[i] != NULL; i++) {
        if (ft_formats[i]->export_event != NULL) {
            const struct ft_format *f = format_of(i, e);
            size_t n = f->ops->export_event(f, begin(FT_FORMAT_MAX), e, what);

            must(!lines_unfit(n) || f->templates != NULL);
            n = lines_unfit(n) ? 0 : n;
            end(FT_FORMAT_MAX, n);
            check_text(f, n);
        }
    }
}

static void on_sample(void *cookie, const struct ft_export_sample *e)
{
    static const struct ft_tuple_counts one = {1, 1, 1};
    struct ft_export_sample copy = *e;
    struct seen *s = cookie;

    s->samples++;
    check_values(e->base, e->values, e->n_values);
    copy.counts = e->pkt != NULL ? &one : NULL;
    write_event(s, FT_EVENT_SAMPLE, &copy);
}

static void on_discard(void *cookie, const struct ft_export_sample *e)
{
    struct seen *s = cookie;

    s->discards++;
    check_values(e->base, e->values, e->n_values);
    write_event(s, FT_EVENT_DISCARD, e);
}

static void on_counters(void *cookie, const struct ft_export_counters *e)
{
    struct seen *s = cookie;

    s->counters++;
    check_values(e->base, e->values, e->n_values);
    for (uint32_t i = 0; i < e->n_groups; i++) {
        must(e->groups[i].first + e->groups[i].n <= e->n_values);
    }
    write_event(s, FT_EVENT_COUNTER, e);
}

static void on_template(void *cookie, const struct ft_template_change *e)
{
    struct seen *s = cookie;

    s->learnt += e->kind == FT_TEMPLATE_LEARNT;
    must(e->n_fields > 0 && e->n_scope <= e->n_fields && e->template_id >= 256);
    write_event(s, FT_EVENT_TEMPLATE, e);
}

static void on_health(void *cookie, const struct ft_exporter_health *e)
{
    struct seen *s = cookie;

    must(e->timestamp_ns >= e->first_ns);
    s->health += e->messages + 3 * e->records + 5 * e->malformed + 7 * e->wrong_values +
                 11 * e->lost + 13 * e->no_template + 17 * e->sampling_rate;
    write_event(cookie, FT_EVENT_EXPORTER, e);
}

static void on_count(void *cookie, uint32_t n)
{
    struct seen *s = cookie;

    s->records += n;
}

static const struct ft_collect_ops ops = {on_record,   on_sample, on_discard, on_counters,
                                          on_template, on_health, on_count};

static void save_and_load(const struct ft_collector *c, const struct ft_collect_limits *limits,
                          const struct ft_hash_seed *seed, int64_t now_ns)
{
    char *text = NULL, *again = NULL;
    size_t len = 0, cap = 0, len2 = 0, cap2 = 0;
    struct ft_collector *other;
    struct seen s = {0};
    uint32_t bad;

    must(ft_collector_save(c, true, &text, &len, &cap) == FT_OK);
    must(ft_collector_new(limits, seed, &ops, &s, &other) == FT_OK);
    must(ft_collector_load(other, text, len, now_ns, &bad) == FT_OK && bad == 0);
    must(ft_collector_save(other, true, &again, &len2, &cap2) == FT_OK && len2 == len);
    ft_collector_free(other);
    free(text);
    free(again);
}

static void check_account(const struct ft_collector *c, const struct seen *s,
                          const struct ft_collect_limits *limits)
{
    struct ft_collect_stats st;

    ft_collector_get_stats(c, &st);
    must(st.records == s->records && st.samples == s->samples);
    must(st.discards == s->discards && st.counters == s->counters);
    must(st.templates >= s->learnt && st.exporters <= limits->exporters);
}

static struct ft_peer make_peer(uint8_t control)
{
    struct ft_peer p = {.addr = {192, 0, 2, 1}, .port = 4739, .ip_version = 4};

    p.addr[3] = (uint8_t)(1 + (control & 1));
    if (control & 2) {
        p.ip_version = 6;
        p.addr[15] = control & 1;
    }
    return p;
}

/* One datagram from a block of its size; returns the bytes of the input that it took. */
static size_t one(struct ft_collector *c, struct seen *s, const uint8_t *data, size_t size,
                  int64_t *now_ns, uint32_t amplification)
{
    static const int64_t steps[] = {0, 1000000, 2000000000, 40 * INT64_C(60000000000)};
    uint8_t control = data[0];
    size_t len = ft_load_be16(data + 1);
    struct ft_peer peer = make_peer(control);
    enum ft_verdict v;
    uint8_t *copy;

    len = len < size - HEAD ? len : size - HEAD;
    copy = malloc(len > 0 ? len : 1);
    must(copy != NULL);
    memcpy(copy, data + HEAD, len);
    *now_ns += steps[control >> 4 & 3];
    s->text = s->n_text = 0;
    v = (control & 4) ? ft_collector_take_stream(c, &peer, copy, len, *now_ns)
                      : ft_collector_take(c, &peer, copy, len, *now_ns);
    free(copy);
    must(v <= FT_V__COUNT);
    s->verdict = v;
    must(s->n_text <= 1 || s->text <= (len + WAITING) * (uint64_t)amplification);
    if (control & 8) {
        ft_collector_end_stream(c, &peer);
    }
    if (control & 64) {
        ft_collector_report(c, *now_ns);
    }
    return HEAD + len;
}

/* What a collector that only counts has to come to, too. */
static void check_twin(const struct ft_collector *c, const struct seen *s,
                       const struct ft_collector *twin, const struct seen *t)
{
    struct ft_collect_stats a, b;

    ft_collector_get_stats(c, &a);
    ft_collector_get_stats(twin, &b);
    must(memcmp(&a, &b, sizeof a) == 0);
    must(s->verdict == t->verdict && s->records == t->records && s->health == t->health);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t now_ns = INT64_C(1700000000000000000);
    struct ft_collect_limits limits = {.exporters = 4, .templates = 6, .amplification = 200};
    struct ft_hash_seed seed;
    struct ft_collector *c, *twin;
    struct seen s = {0}, t = {.formatted = EVENTS_MAX + 1};

    if (size < 1) {
        return 0;
    }
    limits.by_port = (data[0] & 1) != 0;
    limits.waiting = (data[0] & 2) != 0 ? 0 : WAITING;
    limits.template_life_ns = (data[0] & 4) != 0 ? 0 : 30 * INT64_C(60000000000);
    limits.exporters = (data[0] & 8) != 0 ? 1 : 4;
    ft_hash_seed_fixed(&seed, 1);
    must(ft_collector_new(&limits, &seed, &ops, &s, &c) == FT_OK);
    must(ft_collector_new(&limits, &seed, &ops, &t, &twin) == FT_OK);
    ft_collector_read(twin, false);
    for (size_t at = 1; size - at >= HEAD;) {
        uint8_t control = data[at];

        int64_t then_ns = now_ns;

        one(twin, &t, data + at, size - at, &then_ns, limits.amplification);
        at += one(c, &s, data + at, size - at, &now_ns, limits.amplification);
        check_account(c, &s, &limits);
        check_twin(c, &s, twin, &t);
        if (control & 128) {
            save_and_load(c, &limits, &seed, now_ns);
        }
    }
    ft_collector_report(c, now_ns);
    ft_collector_report(twin, now_ns);
    check_twin(c, &s, twin, &t);
    ft_collector_free(c);
    ft_collector_free(twin);
    return 0;
}
