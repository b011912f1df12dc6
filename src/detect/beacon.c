/* SPDX-License-Identifier: Apache-2.0 */
/* detect: beacon, as RITA v5 scores a host's connections to one outside: see regular.h. The newest
 * 64 that began in distinct seconds are looked at when there are enough of them, and then when
 * there are twice as many, or 64 more. A pair's first flow only makes it known: most pairs have no
 * other. What many internal hosts talk to is less of a beacon, and what few do, a worse one (RITA's
 * prevalence). */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "detect/regular.h"
#include "detect/state.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17, FLOWS = 64, HOUR_S = 3600 };
enum { P_SCORE, P_FLOWS, P_SPAN, P_INTERVAL, P_AGAIN, P_PREVALENT };
enum { FEW_HOSTS = 10 /* of which nobody can say what most do */ };

static const double modifier = 0.15, rare = 0.02, bands[] = {0.5, 0.7, 0.9, 1};

/* One outside. */
struct server {
    struct ft__entity head;
    uint32_t hosts; /* internal ones that talked to it, and again */
};

/* A pair. */
struct beacon {
    struct ft__entity head;
    uint32_t seen;              /* flows that are in the lists, or were */
    uint32_t looked;            /* of them, at the last look */
    int64_t hour;               /* newest of those in hours */
    int64_t first_s, last_s;    /* of all */
    int64_t last_ns;            /* newest packet */
    uint16_t port, client_port; /* of the newest flow */
    uint8_t proto;
    uint16_t hours[FT__HOURS]; /* flows that began in each, by its number modulo 24 */
    struct ft__ids ids;
    uint32_t at_s[FLOWS];  /* when they began; the newest in place of the oldest */
    uint32_t bytes[FLOWS]; /* that they sent */
};

/* What a look finds. */
struct look {
    struct ft__regular interval, size;
    double duration, histogram; /* or null */
    double score;
    double threat; /* likewise, by how many talk to the other */
    uint32_t n;    /* flows in distinct seconds */
    double span_s;
};

size_t ft__beacon_entity(size_t *out_clear)
{
    *out_clear = offsetof(struct beacon, at_s);
    return sizeof(struct beacon);
}

size_t ft__server_entity(size_t *out_clear)
{
    *out_clear = sizeof(struct server);
    return sizeof(struct server);
}

/* A pair that talks again. */
static void meet(struct ft_detect *d, const struct ft_note *note)
{
    struct ft__host_key key = ft__key_of(note, 0);
    struct server *s;
    bool fresh;

    key.rule = FT_RULE_BEACON + 1;
    d->n_internal += !ft__seen_see(&d->known, ft__key_hash(&d->cfg.seed, &key));
    memcpy(key.peer, note->addr[1], sizeof key.peer);
    bool counted = ft__seen_see(&d->contacts, ft__key_hash(&d->cfg.seed, &key));

    key = ft__key_of(note, 1);
    s = ft__entity_get(d, FT__SERVERS, &key, note->at_ns, &fresh);
    s->hosts += !counted || fresh; /* else the pair was forgotten, and is back */
    s->head.weight = s->hosts;
}

/* What is added to a score: what most talk to is no secret. */
static double prevalence(struct ft_detect *d, const struct ft_note *note)
{
    struct ft__host_key key = ft__key_of(note, 1);
    const struct server *s;
    bool fresh;

    if (d->n_internal < FEW_HOSTS || ft__entity_find(d, FT__SERVERS, &key, note->at_ns) == NULL) {
        return 0; /* nobody knows */
    }
    s = ft__entity_get(d, FT__SERVERS, &key, note->at_ns, &fresh);
    double share = (double)s->hosts / d->n_internal;

    if (share >= ft__value(d, FT_RULE_BEACON, P_PREVALENT)) {
        return -modifier;
    }
    return share <= rare ? modifier : 0;
}

static void count_hour(struct beacon *b, int64_t second)
{
    int64_t hour = ft_time_floor(second, HOUR_S);
    uint16_t *bar = &b->hours[(uint64_t)hour % FT__HOURS];

    if (b->seen == 0) {
        b->hour = hour;
    }
    for (int64_t h = b->hour + 1; h <= hour && h <= b->hour + FT__HOURS; h++) {
        b->hours[(uint64_t)h % FT__HOURS] = 0;
    }
    b->hour = hour > b->hour ? hour : b->hour;
    if (hour > b->hour - FT__HOURS && *bar < UINT16_MAX) {
        (*bar)++;
    }
}

static void count(struct beacon *b, const struct ft_note *note)
{
    int64_t second = ft_time_floor(note->first_ns, 1000000000);
    uint32_t i = b->seen % FLOWS;

    count_hour(b, second);
    if (b->seen == 0) {
        b->first_s = b->last_s = second;
        b->last_ns = note->last_ns;
    }
    b->first_s = second < b->first_s ? second : b->first_s;
    b->last_s = second > b->last_s ? second : b->last_s;
    b->last_ns = note->last_ns > b->last_ns ? note->last_ns : b->last_ns;
    b->at_s[i] = (uint32_t)(uint64_t)second;
    b->bytes[i] = note->bytes[0] < UINT32_MAX ? (uint32_t)note->bytes[0] : UINT32_MAX;
    b->seen++;
    b->port = note->port[1];
    b->client_port = note->port[0];
    b->proto = note->proto;
    b->head.weight = b->seen;
    ft__ids_add(&b->ids, note->flow_id);
}

static int compare(const void *a, const void *b)
{
    int32_t d = (int32_t)(*(const uint32_t *)a - *(const uint32_t *)b);

    return d < 0 ? -1 : d > 0;
}

/* The times between flows, in seconds; those that began in one are one. */
static bool intervals(const struct beacon *b, struct look *l)
{
    uint32_t at[FLOWS], n = b->seen < FLOWS ? b->seen : FLOWS, k = 0;
    double v[FLOWS];

    memcpy(at, b->at_s, sizeof at[0] * n);
    qsort(at, n, sizeof at[0], compare);
    for (uint32_t i = 1; i < n; i++) {
        if (at[i] != at[i - 1]) {
            v[k++] = at[i] - at[i - 1];
        }
    }
    l->n = k + 1;
    l->span_s = at[n - 1] - at[0];
    if (k < 3) {
        return false;
    }
    ft__regular(v, k, 1, &l->interval);
    return true;
}

static void sizes(const struct beacon *b, struct look *l)
{
    uint32_t n = b->seen < FLOWS ? b->seen : FLOWS;
    double v[FLOWS];

    for (uint32_t i = 0; i < n; i++) {
        v[i] = b->bytes[i];
    }
    ft__regular(v, n, 0, &l->size);
}

/* The scores of hours, of a day or as much of it as was watched. */
static void hours(const struct ft_detect *d, const struct beacon *b, struct look *l)
{
    int64_t begun_s = ft_time_floor(d->begun_ns, 1000000000);
    int64_t watched_s = b->last_s - begun_s;
    int64_t n = ft_time_floor(b->last_s, HOUR_S) - ft_time_floor(begun_s, HOUR_S) + 1;
    uint32_t bars[FT__HOURS];

    l->duration = l->histogram = ft_window_null();
    if (watched_s < FT__HOURS_LEAST * HOUR_S) {
        return;
    }
    n = n < FT__HOURS ? n : FT__HOURS;
    for (int64_t i = 0; i < n; i++) {
        bars[i] = b->hours[(uint64_t)(b->hour - n + 1 + i) % FT__HOURS];
    }
    watched_s = watched_s < n * HOUR_S ? watched_s : n * HOUR_S;
    l->histogram = ft__regular_histogram(bars, (uint32_t)n);
    l->duration = ft__regular_duration(bars, (uint32_t)n,
                                       (double)(b->last_s - b->first_s) / (double)watched_s);
}

static bool look(struct ft_detect *d, const struct ft_note *note, const struct beacon *b,
                 struct look *l)
{
    if (!intervals(b, l) || l->n < ft__value(d, FT_RULE_BEACON, P_FLOWS) ||
        l->span_s < ft__value(d, FT_RULE_BEACON, P_SPAN) ||
        l->interval.median < ft__value(d, FT_RULE_BEACON, P_INTERVAL)) {
        return false;
    }
    sizes(b, l);
    hours(d, b, l);
    if (l->duration != l->duration) { /* null */
        l->score = (l->interval.score + l->size.score) / 2;
    } else {
        l->score = (l->interval.score + l->size.score + l->duration + l->histogram) / 4;
    }
    if (l->score < ft__value(d, FT_RULE_BEACON, P_SCORE)) {
        return false;
    }
    l->threat = fmin(l->score + prevalence(d, note), 1);
    return l->threat >= ft__value(d, FT_RULE_BEACON, P_SCORE);
}

static void say(struct ft_detect *d, const struct ft_note *note, const struct beacon *b,
                const struct look *l)
{
    struct ft_alert a;
    uint32_t band = 0;

    while (band + 1 < FT_SEVERITY__COUNT && l->threat >= bands[band + 1]) {
        band++;
    }
    ft__alert_begin(d, FT_RULE_BEACON, note, 0, &a);
    ft__alert_band(d, FT_RULE_BEACON, band, &a);
    a.first_ns = b->first_s >= INT64_MIN / 1000000000 ? b->first_s * 1000000000 : INT64_MIN;
    a.last_ns = b->last_ns;
    a.has_port = true;
    a.score = l->score;
    a.value = fmin(l->threat, l->score);
    a.threshold = ft__value(d, FT_RULE_BEACON, P_SCORE);
    a.flows = b->seen;
    a.interval_s = l->interval.median;
    a.interval_mad_s = l->interval.mad;
    a.size_median = l->size.median;
    a.duration_s = (double)(b->last_s - b->first_s);
    a.beacon[0] = l->interval.score;
    a.beacon[1] = l->size.score;
    a.beacon[2] = l->duration;
    a.beacon[3] = l->histogram;
    ft__ids_say(&b->ids, &a);
    ft__raise(d, FT_RULE_BEACON, &a);
}

/* One that came to something; the pieces of a TCP connection that was quiet for an idle timeout, or
 * whose beginning was not seen, begin without a SYN. */
bool ft__is_connection(const struct ft_note *note)
{
    const uint32_t none = FT_NOTE_ON | FT_NOTE_GROUP | FT_NOTE_ANSWER | FT_NOTE_FAILED;

    if ((note->bits & none) != 0 || note->bytes[0] + note->bytes[1] == 0) {
        return false;
    }
    return note->proto == PROTO_UDP ||
           (note->proto == PROTO_TCP && (note->bits & (FT_NOTE_SYN | FT_NOTE_EXPORTED)) != 0);
}

void ft__detect_beacon(struct ft_detect *d, const struct ft_note *note)
{
    struct ft__host_key key;
    struct beacon *b;
    struct look l;
    bool fresh;

    if (!ft__is_connection(note) || !ft__is_watched(d, FT_RULE_BEACON, note, 0) ||
        d->first_contact || !d->coming->goes_out) {
        return;
    }
    key = ft__pair_of(note);
    b = ft__entity_get(d, FT__BEACONS, &key, note->at_ns, &fresh);
    if (fresh) {
        meet(d, note);
    }
    if (((note->bits & FT_NOTE_EXPORTED) != 0 || note->proto == PROTO_UDP) && !fresh &&
        b->client_port == note->port[0] && b->proto == note->proto) {
        return; /* it goes on; exporters cut long flows at regular times */
    }
    count(b, note);
    if (b->seen < ft__value(d, FT_RULE_BEACON, P_FLOWS) ||
        (b->looked != 0 && b->seen - b->looked < (b->looked < FLOWS ? b->looked : FLOWS))) {
        return;
    }
    bool found = look(d, note, b, &l);

    b->looked = found || l.n >= ft__value(d, FT_RULE_BEACON, P_FLOWS) ? b->seen : b->looked;
    if (found) {
        say(d, note, b, &l);
    }
}
