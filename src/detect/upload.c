/* SPDX-License-Identifier: Apache-2.0 */
/* detect: exfiltration: a host sends far more in a minute than it used to, to one that it never had
 * to do with. What it used to: moving mean and variance (EWMA, alpha 0.1) of the bytes that the
 * flows that it began sent, of the minutes in which some ended; flows that sent less than 256
 * bytes are left out. */
#include <math.h>

#include "base/time.h"
#include "detect/state.h"

enum { P_Z, P_BYTES, P_LEARN, MINUTES = 8 };

static const int64_t minute_ns = INT64_C(60000000000);
static const double alpha = 0.1, least_part = 0.1, least_bytes = 1500, least_flow = 256;

/* A host. */
struct sender {
    struct ft__entity head;
    int64_t minute;   /* that is being added up */
    uint64_t bytes;   /* in it */
    uint32_t minutes; /* in mean and variance */
    double mean, var;
};

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

static struct sender *count(struct ft_detect *d, const struct ft_note *note)
{
    struct ft__host_key key = ft__key_of(note, 0);
    int64_t minute = ft_time_floor(note->at_ns, minute_ns);
    struct sender *s;
    bool fresh;

    s = ft__hosts_get(&d->tables[FT__SENDERS], &key, note->at_ns, &fresh);
    if (!fresh && minute != s->minute) {
        fold(s);
    }
    s->minute = minute;
    s->bytes += note->bytes[0];
    s->head.weight = s->minutes;
    return s;
}

void ft__detect_upload(struct ft_detect *d, const struct ft_note *note)
{
    const enum ft_rule_id rule = FT_RULE_EXFILTRATION;
    struct ft_alert a;
    struct sender *s;

    if ((double)note->bytes[0] < least_flow ||
        (note->bits & (FT_NOTE_GROUP | FT_NOTE_ANSWER)) != 0 ||
        ((note->bits & FT_NOTE_ON) != 0 && (note->bits & FT_NOTE_EXPORTED) == 0) ||
        !ft__is_watched(d, rule, note, 0)) {
        return;
    }
    s = count(d, note);
    if (!d->first_contact || s->minutes < MINUTES || note->bytes[0] <= note->bytes[1] ||
        (double)note->bytes[0] < ft__value(d, rule, P_BYTES) ||
        z_of(s) <= ft__value(d, rule, P_Z) || !ft__has_learnt(d, rule, P_LEARN, note)) {
        return;
    }
    ft__alert_begin(d, rule, note, 0, &a);
    a.has_port = true;
    a.value = a.z = z_of(s);
    a.threshold = ft__value(d, rule, P_Z);
    a.usual = s->mean;
    a.flows = 1;
    a.packets = note->packets[0] + note->packets[1];
    a.bytes_out = note->bytes[0];
    a.bytes_in = note->bytes[1];
    a.n_flow_ids = note->flow_id != 0;
    a.flow_id[0] = note->flow_id;
    ft__raise(d, rule, &a);
}
