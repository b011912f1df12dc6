/* SPDX-License-Identifier: Apache-2.0 */
/* detect: trw_scan, the threshold random walk of Jung, Paxson, Berger and Balakrishnan (2004): the
 * outcomes of a host's first contacts with others are held against how they would be if it were
 * benign, and if it scanned. Peers of a file exchange are gone as often as not; who talks to about
 * as many ports as hosts, high ones, is one of them (Karagiannis et al. 2004), and no scanner: such
 * a decision is not told. */
#include <stddef.h>

#include "base/time.h"
#include "detect/state.h"

enum { P_THETA0, P_THETA1, P_ALPHA, P_BETA };
enum { PEER_PORTS = 10000 /* from here on */, PEERS = 8 };

static const int64_t turn_ns = INT64_C(1000000000) * 1800;

/* A source. */
struct walk {
    struct ft__entity head;
    double ratio;              /* of the likelihoods */
    uint32_t contacts, failed; /* since it was 1 */
    int64_t first_ns, last_ns;
    uint64_t
        ports[2]; /* high ones of its contacts, a bit each: of this half hour, the one before */
    int64_t turned_ns;
    struct ft__ids ids; /* last: the ids themselves need not be cleared */
} FT_ALIGNED(64);

size_t ft__walk_entity(size_t *out_clear)
{
    *out_clear = offsetof(struct walk, ids.id);
    return sizeof(struct walk);
}

static void begin(struct walk *w, const struct ft_note *note)
{
    w->ratio = 1;
    w->contacts = w->failed = 0;
    w->first_ns = note->first_ns;
    w->last_ns = note->last_ns;
    w->ids.n = 0;
}

static void count(const struct ft_detect *d, struct walk *w, const struct ft_note *note)
{
    double theta0 = ft__value(d, FT_RULE_TRW_SCAN, P_THETA0);
    double theta1 = ft__value(d, FT_RULE_TRW_SCAN, P_THETA1);
    bool failed = (note->bits & FT_NOTE_FAILED) != 0;

    w->ratio *= failed ? (1 - theta1) / (1 - theta0) : theta1 / theta0;
    w->contacts++;
    w->failed += failed;
    w->first_ns = note->first_ns < w->first_ns ? note->first_ns : w->first_ns;
    w->last_ns = note->last_ns > w->last_ns ? note->last_ns : w->last_ns;
    w->head.weight = w->failed;
    ft__ids_add(&w->ids, note->flow_id);
}

static void count_port(struct walk *w, const struct ft_note *note)
{
    if (note->port[1] < PEER_PORTS) {
        return;
    }
    if (ft_time_sub(note->at_ns, w->turned_ns) > turn_ns) {
        w->ports[1] = ft_time_sub(note->at_ns, w->turned_ns) > 2 * turn_ns ? 0 : w->ports[0];
        w->ports[0] = 0;
        w->turned_ns = note->at_ns;
    }
    w->ports[0] |= UINT64_C(1) << note->port[1] % 64;
}

static bool is_peer(const struct walk *w)
{
    return __builtin_popcountll(w->ports[0] | w->ports[1]) >= PEERS;
}

void ft__detect_walk(struct ft_detect *d, const struct ft_note *note)
{
    double alpha = ft__value(d, FT_RULE_TRW_SCAN, P_ALPHA);
    double beta = ft__value(d, FT_RULE_TRW_SCAN, P_BETA);
    struct ft__host_key key;
    struct ft_alert a;
    struct walk *w;
    bool fresh;

    if (!d->first_contact || (note->bits & FT_NOTE_SYN) == 0 ||
        !ft__is_watched(d, FT_RULE_TRW_SCAN, note, 0)) {
        return;
    }
    key = ft__key_of(note, 0);
    w = ft__entity_get(d, FT__WALKS, &key, note->at_ns, &fresh);
    if (fresh) {
        begin(w, note);
    }
    count_port(w, note);
    count(d, w, note);
    if (w->ratio <= (1 - beta) / (1 - alpha)) {
        begin(w, note); /* it is benign, so far */
        return;
    }
    if (w->ratio < beta / alpha) {
        return;
    }
    if (is_peer(w)) {
        begin(w, note);
        return;
    }
    ft__alert_begin(d, FT_RULE_TRW_SCAN, note, 0, &a);
    a.first_ns = w->first_ns;
    a.last_ns = w->last_ns;
    a.value = a.likelihood = w->ratio;
    a.threshold = beta / alpha;
    a.flows = a.hosts = w->contacts;
    a.failed = w->failed;
    ft__ids_say(&w->ids, &a);
    ft__raise(d, FT_RULE_TRW_SCAN, &a);
    begin(w, note);
}
