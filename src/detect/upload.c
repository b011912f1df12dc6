/* SPDX-License-Identifier: Apache-2.0 */
/* detect: exfiltration: a host sends far more out of the house in a minute than it used to, to one
 * that it met not long ago. What it used to: moving mean and variance (EWMA, alpha 0.1) of the
 * bytes that the flows that it began to others outside sent, of the minutes in which some ended;
 * flows that sent less than 256 bytes are left out. Only flows that sent 64 KiB are parts of an
 * upload: others need no memory. */
#include <math.h>
#include <string.h>

#include "base/time.h"
#include "detect/state.h"

enum { P_Z, P_BYTES, P_LEARN, P_PCR, P_NEW, MINUTES = 8 };

static const int64_t minute_ns = INT64_C(60000000000);
static const double alpha = 0.1, least_part = 0.1, least_bytes = 1500, least_flow = 256,
                    least_part_sent = 65536;

/* A host. */
struct sender {
    struct ft__entity head;
    int64_t minute;   /* that is being added up */
    uint64_t bytes;   /* in it */
    uint32_t minutes; /* in mean and variance */
    double mean, var;
};

/* A host, and one outside that it met not long ago. */
struct receiver {
    struct ft__entity head;
    int64_t first_ns;
    uint64_t sent, got, packets; /* since then */
    uint32_t flows;
    struct ft__ids ids;
};

size_t ft__receiver_entity(size_t *out_clear)
{
    *out_clear = sizeof(struct receiver);
    return sizeof(struct receiver);
}

size_t ft__sender_entity(size_t *out_clear)
{
    *out_clear = sizeof(struct sender);
    return sizeof(struct sender);
}

/* The minute is over. */
static void fold(struct sender *s)
{
    double off = (double)s->bytes - s->mean;

    if (s->minutes == 0) {
        s->mean = (double)s->bytes;
    } else {
        s->mean += alpha * off;
        s->var = (1 - alpha) * (s->var + alpha * off * off);
    }
    s->minutes++;
    s->bytes = 0;
}

/* How far the minute is from what is usual, in standard deviations, of which there is a least. */
static double z_of(const struct sender *s)
{
    double std = fmax(sqrt(s->var), fmax(least_part * s->mean, least_bytes));

    return ((double)s->bytes - s->mean) / std;
}

/* Producer-consumer ratio (Bullard and Gerth 2014): from -1, it only takes, to 1, it only sends. */
static double pcr_of(const struct receiver *r)
{
    double out = (double)r->sent, in = (double)r->got;

    return (out - in) / (out + in);
}

static struct sender *count(struct ft_detect *d, const struct ft_note *note)
{
    struct ft__host_key key = ft__key_of(note, 0);
    int64_t minute = ft_time_floor(note->at_ns, minute_ns);
    struct sender *s;
    bool fresh;

    s = ft__entity_get(d, FT__SENDERS, &key, note->at_ns, &fresh);
    if (!fresh && minute != s->minute) {
        fold(s);
    }
    s->minute = minute;
    s->bytes += note->bytes[0];
    s->head.weight = s->minutes;
    return s;
}

/* Who met longer ago than one to two spans has met long ago. */
static void forget(struct ft_detect *d, const struct ft_note *note)
{
    int64_t ago = ft_time_sub(note->at_ns, d->met_ns);
    int64_t span = ft__span_ns(d, FT_RULE_EXFILTRATION, P_NEW);

    if (ago >= 0 && ago <= span) {
        return;
    }
    ft__seen_turn(&d->met);
    if (ago < 0 || ago > 2 * span) {
        ft__seen_turn(&d->met);
    }
    d->met_ns = note->at_ns;
}

/* One outside that the host met not long ago; NULL: it did not. */
static struct receiver *receiver_of(struct ft_detect *d, const struct ft_note *note,
                                    const struct ft__host_key *key, uint64_t pair)
{
    struct receiver *r;
    bool fresh;

    if (!ft__seen_has(&d->met, pair)) {
        return NULL;
    }
    r = ft__entity_get(d, FT__RECEIVERS, key, note->at_ns, &fresh);
    r->first_ns = fresh || note->first_ns < r->first_ns ? note->first_ns : r->first_ns;
    r->sent += note->bytes[0];
    r->got += note->bytes[1];
    r->packets += note->packets[0] + note->packets[1];
    r->flows++;
    r->head.weight = r->sent < UINT32_MAX ? (uint32_t)r->sent : UINT32_MAX;
    ft__ids_add(&r->ids, note->flow_id);
    return r;
}

static void say(struct ft_detect *d, const struct ft_note *note, const struct sender *s,
                const struct receiver *r)
{
    struct ft_alert a;

    ft__alert_begin(d, FT_RULE_EXFILTRATION, note, 0, &a);
    a.first_ns = r->first_ns < note->first_ns ? r->first_ns : note->first_ns;
    a.has_port = true;
    a.value = a.z = z_of(s);
    a.threshold = ft__value(d, FT_RULE_EXFILTRATION, P_Z);
    a.usual = s->mean;
    a.flows = r->flows;
    a.packets = r->packets;
    a.bytes_out = r->sent;
    a.bytes_in = r->got;
    ft__ids_say(&r->ids, &a);
    ft__raise(d, FT_RULE_EXFILTRATION, &a);
}

void ft__detect_upload(struct ft_detect *d, const struct ft_note *note)
{
    const enum ft_rule_id rule = FT_RULE_EXFILTRATION;
    double sent = (double)note->bytes[0];
    struct ft__host_key key;
    const struct receiver *r;
    const struct sender *s;
    uint64_t pair;

    if ((sent < least_flow && !d->first_contact) ||
        (note->bits & (FT_NOTE_GROUP | FT_NOTE_ANSWER)) != 0 ||
        ((note->bits & FT_NOTE_ON) != 0 && (note->bits & FT_NOTE_EXPORTED) == 0) ||
        !ft__is_watched(d, rule, note, 0) || !d->coming->goes_out) {
        return;
    }
    forget(d, note);
    key = ft__pair_of(note);
    pair = d->coming->pair;
    if (d->first_contact && (note->bits & FT_NOTE_FAILED) == 0) {
        ft__seen_see(&d->met, pair);
    }
    if (sent < least_flow) {
        return;
    }
    s = count(d, note);
    r = sent >= least_part_sent ? receiver_of(d, note, &key, pair) : NULL;
    if (r == NULL || s->minutes < MINUTES || (double)r->sent < ft__value(d, rule, P_BYTES) ||
        pcr_of(r) < ft__value(d, rule, P_PCR) || z_of(s) <= ft__value(d, rule, P_Z) ||
        !ft__has_learnt(d, rule, P_LEARN, note)) {
        return;
    }
    say(d, note, s, r);
}
