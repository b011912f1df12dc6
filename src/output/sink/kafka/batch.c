/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/kafka: lines of one partition become a message. */
#include "output/sink/kafka/kafka_parts.h"

#ifdef FT_HAVE_RDKAFKA

#include <string.h>

#include "base/mem.h"
#include "base/wait.h"

bool ft__kafka_next(struct ft__kafka_walk *w, struct ft__kafka_event *out)
{
    const struct ft_chunk *c = w->c;

    if (w->mark >= c->n) {
        return false;
    }
    const struct ft_mark *m = ft_chunk_mark(c, w->mark);
    const uint8_t *p = c->data + w->at;
    uint32_t len = m->end - w->at, key = (uint32_t)m->key;

    if (key == FT_NO_KEY && m->count > 1) { /* lines that share it */
        const uint8_t *end = memchr(p, '\n', len);

        len = end != NULL ? (uint32_t)(end + 1 - p) : len;
    }
    w->at += len;
    w->mark += w->at == m->end;
    *out = (struct ft__kafka_event){.key = p,
                                    .data = p + key,
                                    .key_len = key,
                                    .len = len - key,
                                    .event = (enum ft_event)m->event};
    out->len -= c->lines && out->len > 0 && out->data[out->len - 1] == '\n';
    return true;
}

static uint8_t *bytes_of(const struct kafka_sink *s, const struct ft__kafka_slot *slot)
{
    return s->room + (size_t)(slot - s->slot) * s->slot_len;
}

/* A slot becomes a message, without the last newline. */
static void send_slot(struct kafka_sink *s, struct ft__kafka_slot *slot)
{
    struct ft_tally *tally = ft_mem_alloc(1, sizeof *tally);

    if (tally == NULL) {
        ft__kafka_lose(s, &slot->tally);
    } else {
        *tally = slot->tally;
        ft__kafka_add(s, NULL, 0, bytes_of(s, slot), slot->len - 1, slot->partition, FT_EVENT_FLOW,
                      tally);
        ft__kafka_send(s); /* it is copied here */
    }
    slot->tally = (struct ft_tally){{0}, 0};
    slot->len = 0;
}

/* The partition of an event; -1: any. */
static int32_t partition_of(const struct kafka_sink *s, const struct ft__kafka_event *e)
{
    return e->key_len > 0 ? (int32_t)((ft__kafka_murmur2(e->key, e->key_len) & 0x7fffffff) %
                                      (uint32_t)s->partitions)
                          : -1;
}

static void put(struct kafka_sink *s, const struct ft__kafka_event *e, int64_t now_ms)
{
    int32_t partition = partition_of(s, e);
    struct ft__kafka_slot *slot = &s->slot[(uint32_t)(partition + 1) % s->n_slots];

    if (slot->len > 0 && (slot->partition != partition || slot->len + e->len + 1 > s->slot_len)) {
        send_slot(s, slot);
    }
    if (e->len + 1 > s->slot_len) { /* larger than a batch: a message of its own */
        ft__kafka_add(s, NULL, 0, e->data, e->len, partition, e->event, NULL);
        ft__kafka_send(s);
        return;
    }
    if (slot->len == 0) {
        slot->partition = partition;
        slot->since_ms = now_ms;
    }
    uint8_t *to = bytes_of(s, slot) + slot->len;

    memcpy(to, e->data, e->len);
    to[e->len] = '\n';
    slot->len += e->len + 1;
    slot->tally.n[e->event]++;
    slot->tally.bytes += e->len + 1;
}

void ft__kafka_batch_begin(struct kafka_sink *s)
{
    uint32_t n = (uint32_t)s->partitions + 1;

    s->n_slots = n < FT__KAFKA_SLOTS ? n : FT__KAFKA_SLOTS;
    s->slot_len = FT__KAFKA_ROOM / s->n_slots;
    s->slot_len = s->slot_len < s->batch_len ? s->slot_len : s->batch_len;
}

void ft__kafka_batch(struct kafka_sink *s, const struct ft_chunk *c)
{
    struct ft__kafka_walk w = {.c = c};
    struct ft__kafka_event e;
    int64_t now_ms = ft_mono_ms();

    while (ft__kafka_next(&w, &e)) {
        put(s, &e, now_ms);
    }
}

int64_t ft__kafka_batch_due(struct kafka_sink *s, bool all)
{
    int64_t now_ms = ft_mono_ms(), next_ms = -1;

    for (uint32_t i = 0; i < s->n_slots; i++) {
        struct ft__kafka_slot *slot = &s->slot[i];
        int64_t left = slot->since_ms + s->age_ms - now_ms;

        if (slot->len > 0 && (all || left <= 0)) {
            send_slot(s, slot);
        } else if (slot->len > 0 && (next_ms < 0 || left < next_ms)) {
            next_ms = left;
        }
    }
    return next_ms;
}

#endif
