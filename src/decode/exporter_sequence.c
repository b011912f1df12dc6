/* SPDX-License-Identifier: Apache-2.0 */
/* decode: what an exporter's sequence numbers say is lost, late, repeated or restarted. */
#include "decode/exporter.h"

/* A step forward beyond these is a restart, not loss; a step back beyond those, not a late message;
 * and so are several steps back in a row. */
enum { RESET_MESSAGES = 1 << 24, RESET_RECORDS = 1 << 28 };
enum { LATE_MESSAGES = 64, LATE_RECORDS = 8192, LATE_RUN = 8 };
enum { OTHER_UNIT = 8 };

bool ft__sequence_seen(const struct ft__sequence *s, uint32_t sequence)
{
    for (uint32_t i = 0; i < FT__SEQ_SEEN && i < s->n_seen; i++) {
        if (s->seen[i] == sequence) {
            return true;
        }
    }
    return false;
}

/* Some exporters count records where they should count messages, and the other way round: when
 * eight messages in a row with more than one record fit the other unit and not this one, that is
 * their unit, and what was said to be lost meanwhile was not. True: this message fits the other. */
static bool fits_other(struct ft__exporter *e, uint32_t gap)
{
    struct ft__sequence *s = &e->seq;
    bool messages = s->unit == FT_SEQUENCE_MESSAGES;
    uint32_t step = messages ? 1 : e->last_records, other = messages ? e->last_records : 1;

    if (e->last_records <= 1 || gap + step != other) {
        s->as_other = 0;
        return false;
    }
    if (s->as_other++ == 0) {
        e->lost_before = e->h.lost;
    }
    if (s->as_other == OTHER_UNIT) {
        s->unit = messages ? FT_SEQUENCE_RECORDS : FT_SEQUENCE_MESSAGES;
        s->as_other = 0;
        e->h.lost = e->lost_before;
    } else if (messages) {
        e->h.lost += gap;
    }
    return true;
}

/* A number that is not the expected one. True: the message is an old one that came late. */
static bool take_gap(struct ft__exporter *e, uint32_t gap, uint32_t n_records)
{
    bool messages = e->seq.unit == FT_SEQUENCE_MESSAGES;
    uint32_t reset = messages ? RESET_MESSAGES : RESET_RECORDS;
    uint32_t late = messages ? LATE_MESSAGES : LATE_RECORDS;
    struct ft_exporter_health *h = &e->h;

    if (fits_other(e, gap)) {
        return false;
    }
    if (gap < reset) {
        h->lost += gap;
        return false;
    }
    if (-gap < late && ++e->seq.late_run < LATE_RUN) {
        uint64_t n = messages ? 1 : n_records;

        h->reordered++;
        h->lost -= h->lost < n ? h->lost : n;
        return true;
    }
    h->resets++;
    return false;
}

void ft__sequence_take(struct ft__exporter *e, uint32_t sequence, uint32_t n_records,
                       bool records_known)
{
    struct ft__sequence *s = &e->seq;
    uint32_t gap = sequence - s->expected;
    bool late = false;

    if (s->unit == FT_SEQUENCE_NONE) {
        return;
    }
    if (s->known && gap != 0) {
        if (ft__sequence_seen(s, sequence) && ++s->late_run < LATE_RUN) {
            e->h.duplicates++;
            return;
        }
        late = take_gap(e, gap, n_records);
    } else if (e->last_records > 1) {
        s->as_other = 0;
    }
    s->seen[s->n_seen % FT__SEQ_SEEN] = sequence;
    s->n_seen = s->n_seen == 2 * FT__SEQ_SEEN - 1 ? FT__SEQ_SEEN : (uint8_t)(s->n_seen + 1);
    if (!late) {
        s->late_run = 0;
        s->expected = sequence + (s->unit == FT_SEQUENCE_MESSAGES ? 1 : n_records);
        s->known = s->unit == FT_SEQUENCE_MESSAGES || records_known;
        e->last_records = n_records;
    }
}
