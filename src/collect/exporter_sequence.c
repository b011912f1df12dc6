/* SPDX-License-Identifier: Apache-2.0 */
/* collect: what an exporter's sequence numbers say is lost, late, repeated or restarted.
 *
 * Theory of operation: a number says how much was sent before its message, in a unit: v9 and sFlow
 * count messages, v5 and IPFIX records. Exporters count other things, too: records and templates,
 * sets, records where it should be messages. So the step from each message to the next is held
 * against what each unit would make of it. Where two units say the same, the step tells nothing;
 * where they do not, and the step is exactly that of another unit several times in a row, that is
 * the exporter's unit, and what was said to be lost meanwhile was not. How many times: what loss
 * can look like (a larger step, in messages) takes more of them than what it cannot. */
#include "codec/export/netflow.h"
#include "collect/exporter.h"
#include "collect/protocol.h"

/* A step forward beyond these is a restart, not loss; a step back beyond those, not a late message;
 * and so are several steps back in a row. */
enum { RESET_MESSAGES = 1 << 24, RESET_RECORDS = 1 << 28 };
enum { LATE_MESSAGES = 64, LATE_RECORDS = 8192, LATE_RUN = 8 };
enum { CLASH = 2, CLASHES = 16 }; /* of a sender's turn that does not fit; together: they clash */
enum { TOLD_OTHER = 8, TOLD_ALIKE = 3 }; /* messages that tell for another unit, or one alike */

bool ft__sequence_seen(const struct ft__sequence *s, uint32_t sequence)
{
    for (uint32_t i = 0; i < FT__SEQ_SEEN && i < s->n_seen; i++) {
        if (s->seen[i] == sequence) {
            return true;
        }
    }
    return false;
}

/* ---- units ---- */

void ft__sequence_sets(const struct ft_nf_message *m, struct ft__counted *out)
{
    struct ft_rd rd = m->body;
    const struct ft__protocol *p = &ft__protocols[m->protocol];

    while (p->sets && ft_rd_left(&rd) >= 4) { /* a set at a time */
        uint16_t id = ft_load_be16(rd.p), len = ft_load_be16(rd.p + 2);

        if (len >= 4 && len > ft_rd_left(&rd)) { /* it is cut: nobody knows how many it had */
            out->sets = 0;
            return;
        }
        if (len < 4) {
            return;
        }
        ft_ignore(ft_rd_view(&rd, len));
        out->sets++;
        out->template_sets += ft__protocol_templates(p, id);
    }
}

/* What the next number would be more than this message's, by unit. */
static void take_steps(struct ft__sequence *s, const struct ft__counted *n)
{
    uint32_t data = n->records - n->options;
    const uint32_t step[] = {
        [FT_SEQUENCE_MESSAGES] = 1,
        [FT_SEQUENCE_RECORDS] = n->records,
        [FT_SEQUENCE_RECORDS_TEMPLATES] = n->records + n->templates,
        [FT_SEQUENCE_RECORDS_TEMPLATE_SETS] = n->records + n->template_sets,
        [FT_SEQUENCE_DATA_RECORDS] = data,
        [FT_SEQUENCE_DATA_RECORDS_TEMPLATES] = data + n->templates,
        [FT_SEQUENCE_SETS] = n->sets > 0 ? n->sets : FT__STEP_UNKNOWN,
        [FT_SEQUENCE_DATA_SETS] = n->sets > 0 ? n->sets - n->template_sets : FT__STEP_UNKNOWN,
    };

    _Static_assert(sizeof step == sizeof s->step, "one for each");
    for (int u = 0; u < FT_SEQUENCE__UNITS; u++) {
        bool of_records = u >= FT_SEQUENCE_RECORDS && u < FT_SEQUENCE_SETS;

        s->step[u] = of_records && !n->records_known ? FT__STEP_UNKNOWN : step[u];
    }
}

static bool of_records(uint32_t unit)
{
    return unit >= FT_SEQUENCE_RECORDS && unit < FT_SEQUENCE_SETS;
}

/* Messages that it takes to believe in unit u. A step that is smaller than it should be is no loss,
 * and neither is one that is larger by the templates whenever there are some. */
static uint32_t needed(const struct ft__sequence *s, uint32_t u)
{
    return of_records(s->unit) && of_records(u) ? TOLD_ALIKE : TOLD_OTHER;
}

/* Holds a number against all units. True: it is what another one expects, and this one does not. */
static bool learn(struct ft__exporter *e, uint32_t sequence)
{
    struct ft__sequence *s = &e->seq;
    uint32_t step = sequence - s->newest, own = s->step[s->unit], best = s->unit;
    uint32_t lost = step - own < RESET_MESSAGES ? step - own : 0;
    bool told = false;

    if (!s->known || own == FT__STEP_UNKNOWN) {
        return false;
    }
    for (uint32_t u = 0; u < FT_SEQUENCE__UNITS; u++) {
        if (s->step[u] == own || s->step[u] == FT__STEP_UNKNOWN) {
            continue; /* tells nothing */
        }
        if (step != s->step[u]) {
            s->fits[u] = 0;
            s->doubt[u] = 0;
            continue;
        }
        told = true;
        s->fits[u]++;
        s->doubt[u] += lost;
        if (best == s->unit && s->fits[u] >= needed(s, u)) {
            best = u;
        }
    }
    e->h.lost += told ? lost : 0; /* until it is known better */
    if (best != s->unit) {
        e->h.lost -= e->h.lost < s->doubt[best] ? e->h.lost : s->doubt[best];
        s->unit = (uint8_t)best;
        memset(s->fits, 0, sizeof s->fits);
        memset(s->doubt, 0, sizeof s->doubt);
    }
    return told;
}

/* ---- numbers ---- */

/* A number that is not the expected one. True: the message is an old one that came late. */
static bool take_gap(struct ft__exporter *e, uint32_t gap, uint32_t n)
{
    bool messages = e->seq.unit == FT_SEQUENCE_MESSAGES;
    uint32_t reset = messages ? RESET_MESSAGES : RESET_RECORDS;
    uint32_t late = messages ? LATE_MESSAGES : LATE_RECORDS;
    struct ft_exporter_health *h = &e->h;

    if (gap < reset) {
        h->lost += gap;
        return false;
    }
    if (-gap < late && ++e->seq.late_run < LATE_RUN) {
        h->reordered++;
        h->lost -= h->lost < n ? h->lost : n;
        return true;
    }
    h->resets++;
    return false;
}

static void remember(struct ft__sequence *s, uint32_t sequence)
{
    s->seen[s->n_seen % FT__SEQ_SEEN] = sequence;
    s->n_seen = s->n_seen == 2 * FT__SEQ_SEEN - 1 ? FT__SEQ_SEEN : (uint8_t)(s->n_seen + 1);
}

/* What a message that came late counts for. */
static uint32_t units_of(const struct ft__sequence *s, const struct ft__counted *n)
{
    struct ft__sequence of = {.unit = s->unit};

    take_steps(&of, n);
    return of.step[s->unit] == FT__STEP_UNKNOWN ? n->records : of.step[s->unit];
}

bool ft__sequence_take(struct ft__exporter *e, uint32_t sequence, const struct ft__counted *n)
{
    struct ft__sequence *s = &e->seq;
    uint32_t gap = sequence - s->expected;
    bool fits = !s->known || gap == 0, late = false, other;

    if (s->unit == FT_SEQUENCE_NONE) {
        return true;
    }
    other = learn(e, sequence);
    if (s->known && gap != 0 && !other) {
        if (ft__sequence_seen(s, sequence) && ++s->late_run < LATE_RUN) {
            e->h.duplicates++;
            return false;
        }
        late = take_gap(e, gap, units_of(s, n));
    }
    remember(s, sequence);
    if (!late) {
        s->late_run = 0;
        take_steps(s, n);
        s->newest = sequence;
        s->known = s->step[s->unit] != FT__STEP_UNKNOWN;
        s->expected = sequence + s->step[s->unit];
    }
    return fits || other;
}

bool ft__sequence_clash(struct ft__exporter *e, uint16_t port, bool fits)
{
    bool turn = e->h.messages > 0 && port != e->last_port;

    e->last_port = port;
    if (!turn || e->said) {
        return false;
    }
    if (fits) {
        e->clashes -= e->clashes > 0;
    } else if ((e->clashes += CLASH) >= CLASHES) {
        e->said = true;
    }
    return e->said;
}
