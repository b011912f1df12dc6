/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: messages in flight, see flight.h. */
#include "output/sink/flight.h"

#include <string.h>

static struct ft_message *message_at(struct ft_flight *f, uint64_t number)
{
    return &f->message[number % FT_FLIGHT_MOST];
}

void ft_flight_begin(struct ft_flight *f, const struct ft_chunk *chunks, uint32_t n)
{
    f->chunks = chunks;
    f->n = n;
    f->chunk = f->mark = f->at = 0;
    f->head = f->next = f->end;
    f->waiting = 0;
}

/* The end of the message that begins at f->at, in front of the end of its mark. */
static uint32_t find_end(const struct ft_flight *f, const struct ft_chunk *c, uint32_t mark_end,
                         uint32_t *out_count)
{
    uint32_t end = f->at, count = 0;

    while (end < mark_end) {
        const uint8_t *newline = memchr(c->data + end, '\n', mark_end - end);
        uint32_t next = newline != NULL ? (uint32_t)(newline + 1 - c->data) : mark_end;

        if (count > 0 && next - f->at > f->most) {
            break;
        }
        end = next;
        count++;
    }
    *out_count = count;
    return end;
}

/* Looks at one more; false: there is none. */
static bool look(struct ft_flight *f)
{
    while (f->chunk < f->n) {
        const struct ft_chunk *c = &f->chunks[f->chunk];

        if (f->mark == c->n) {
            f->chunk++;
            f->mark = f->at = 0;
            continue;
        }
        const struct ft_mark *m = ft_chunk_mark(c, f->mark);

        if (f->at >= m->end) {
            f->mark++;
            continue;
        }
        uint32_t count, end = find_end(f, c, m->end, &count);

        *message_at(f, f->end++) = (struct ft_message){
            .chunk = f->chunk, .begin = f->at, .end = end, .count = count, .event = m->event};
        f->at = end;
        return true;
    }
    return false;
}

const struct ft_message *ft_flight_next(struct ft_flight *f, uint64_t *out_number)
{
    while (f->next < f->end && message_at(f, f->next)->settled) {
        f->next++;
    }
    if (f->next == f->end && (f->end - f->head == FT_FLIGHT_MOST || !look(f))) {
        return NULL;
    }
    f->waiting++;
    *out_number = f->next;
    return message_at(f, f->next++);
}

/* Settles a message that was looked at. */
static void settle(struct ft_message *m, struct ft_tally *to)
{
    m->settled = true;
    to->n[m->event] += m->count;
    to->bytes += m->end - m->begin;
}

bool ft_flight_settle(struct ft_flight *f, uint64_t number, bool arrived)
{
    struct ft_message *m = message_at(f, number);

    if (number < f->head || number >= f->next || m->settled) {
        return false;
    }
    settle(m, arrived ? &f->sink->arrived : &f->sink->lost);
    f->waiting--;
    atomic_fetch_add_explicit(&f->sink->moved, m->end - m->begin, memory_order_relaxed);
    while (f->head < f->next && message_at(f, f->head)->settled) {
        f->head++;
    }
    return true;
}

void ft_flight_refused(struct ft_flight *f)
{
    f->waiting -= f->waiting > 0;
}

uint64_t ft_flight_oldest(const struct ft_flight *f, uint64_t from)
{
    from = from > f->head ? from : f->head;
    while (from < f->next && f->message[from % FT_FLIGHT_MOST].settled) {
        from++;
    }
    return from;
}

void ft_flight_rewind(struct ft_flight *f)
{
    f->next = f->head;
    f->waiting = 0;
}

bool ft_flight_is_over(const struct ft_flight *f)
{
    return f->head == f->end && f->chunk == f->n;
}

void ft_flight_lose(struct ft_flight *f)
{
    do {
        for (; f->head < f->end; f->head++) {
            struct ft_message *m = message_at(f, f->head);

            if (!m->settled) {
                settle(m, &f->sink->lost);
            }
        }
    } while (look(f));
    f->next = f->end;
    f->waiting = 0;
}
