/* SPDX-License-Identifier: Apache-2.0 */
/* collect: restarts of exporters.
 *
 * Theory of operation: an exporter that restarts begins its clock (v9, v5) or its sequence (IPFIX
 * over UDP) again, and what it defined before holds no more: the same template number may mean
 * another layout. So templates are of an epoch, and a restart begins the next one: data whose
 * template is of an older epoch waits, as data without one does, until the exporter sends it again
 * (RFC 3954 §9, RFC 7011 §8.4). Nothing is guessed from the old layout.
 *
 * A clock that only steps back is no restart: the machine must have had the time to come up. And
 * when the old clock goes on afterwards, two processes send behind one address and domain: their
 * templates are taken as they come, for good, and what waited is read. */
#include "collect/internal.h"

/* A step back of the uptime that is no late message; how long a machine may be up that restarted
 * after it was heard last; what two readings of one clock may differ. */
enum { STEP_MS = 60000, YOUNG_MS = 600000, APART_MS = 60000 };
/* Records by which two sequence numbers of one stream may differ. */
enum { APART_RECORDS = 1024 };
/* Records by which a message that was not sent later than the last one may be late, or that may be
 * lost before a sequence wraps to 0. */
enum { LATE_RECORDS = 8192 };

static uint32_t to_ms(int64_t ns)
{
    return (uint32_t)(uint64_t)(ns / 1000000); /* modulo 2^32, as uptimes */
}

/* When the exporter started, by what a message says; modulo 2^32 ms. */
static uint32_t boot_of(int64_t now_ns, uint32_t uptime_ms)
{
    return to_ms(now_ns) - uptime_ms;
}

static bool is_near(uint32_t a, uint32_t b, uint32_t apart)
{
    return a - b <= apart || b - a <= apart;
}

bool ft__restart_stale(const struct ft__exporter *e, const struct ft__template *t)
{
    return t->epoch != e->epoch && !e->several;
}

static void begin_epoch(struct ft__exporter *e, uint32_t before)
{
    e->epoch++;
    e->before = before;
}

/* Another process behind the same address and domain: what waits is of a layout that is known. */
static void note_several(struct ft_collector *c)
{
    struct ft__exporter *e = c->exporter;

    e->several = true;
    for (uint32_t i = 0; i < e->n_templates; i++) {
        ft__waiting_take(c, e->templates[i].id);
    }
}

static bool is_same_clock(const struct ft__exporter *e, uint32_t uptime_ms, int64_t now_ns)
{
    return is_near(boot_of(now_ns, uptime_ms), boot_of(e->heard_ns, e->uptime_ms), APART_MS);
}

/* Not by its wrap after 49.7 days, when the clock that it is of goes on. */
bool ft__restart_stepped_back(const struct ft__exporter *e, uint32_t uptime_ms, int64_t now_ns,
                              uint32_t late_ms)
{
    uint32_t step = e->uptime_ms - uptime_ms;

    return uptime_ms < e->uptime_ms && step > late_ms &&
           (step < UINT32_MAX / 2 || !is_same_clock(e, uptime_ms, now_ns));
}

static void note_uptime(struct ft_collector *c, const struct ft_nf_message *m)
{
    struct ft__exporter *e = c->exporter;
    uint32_t boot = boot_of(c->now_ns, m->uptime_ms), line = boot_of(e->heard_ns, e->uptime_ms);
    int64_t silence_ns = c->now_ns - e->heard_ns;
    int64_t young_ms = YOUNG_MS + (silence_ns > 0 ? silence_ns / 1000000 : 0);

    if (!e->clock_known) {
        return;
    }
    if (ft__restart_stepped_back(e, m->uptime_ms, c->now_ns, STEP_MS)) {
        if (e->seq.known) {
            e->seq.known = false;
            e->h.resets++;
        }
        if (m->uptime_ms <= young_ms) {
            begin_epoch(e, line);
        }
    } else if (e->epoch > 0 && !e->several && !is_near(boot, line, APART_MS) &&
               is_near(boot, e->before, APART_MS)) {
        note_several(c);
    }
}

uint32_t ft__restart_sequence(const struct ft__exporter *e)
{
    const struct ft__sequence *s = &e->seq;

    if (!s->known) {
        return e->sequence_saved;
    }
    return s->newest != 0 ? s->expected : 0; /* always 0: it does not count */
}

/* RFC 7011 §3.1: a sequence begins with 0. Not a restart: its wrap, a first message that is
 * repeated or late, an exporter that does not count. */
static void note_sequence(struct ft_collector *c, const struct ft_nf_message *m)
{
    struct ft__exporter *e = c->exporter;
    struct ft__sequence *s = &e->seq;
    uint32_t before = ft__restart_sequence(e);
    bool late = before <= LATE_RECORDS && m->export_ns <= e->h.export_ns;
    bool wraps = -before <= LATE_RECORDS; /* what is between was lost */

    if (e->info.stream) {
        return;
    }
    e->sequence_saved = 0;
    if (m->sequence == 0 && before != 0 && !wraps && !late && !ft__sequence_seen(s, 0)) {
        begin_epoch(e, before);
        e->init_ns = INT64_MIN; /* of the system that it was */
        s->known = false;
        e->h.resets++;
    } else if (e->epoch > 0 && !e->several && m->sequence - e->before <= APART_RECORDS &&
               !is_near(m->sequence, s->expected, APART_RECORDS)) {
        note_several(c);
    }
}

void ft__restart_note(struct ft_collector *c, const struct ft_nf_message *m)
{
    struct ft__exporter *e = c->exporter;

    if (m->protocol == FT_XP_IPFIX) {
        note_sequence(c, m);
        return;
    }
    note_uptime(c, m);
    e->uptime_ms = m->uptime_ms;
    e->heard_ns = c->now_ns;
    e->clock_known = true;
}
