/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: payloads that cross to another thread, see app.h. */
#include "pipeline/app.h"

#include <string.h>

#include "base/mem.h"

/* Places beside a ring: those that it holds, and those of the batch that its consumer looks at. */
static uint64_t places(const struct ft_pipeline *p)
{
    return (uint64_t)p->plan.queue + 2 * FT_BATCH;
}

/* Bytes beside a ring: enough for what common frames carry, and always for one batch that is looked
 * at and the next packet. */
enum { PAYLOAD_SHARE = 2048 };

static uint64_t payload_bytes(const struct ft_pipeline *p)
{
    uint64_t least = (uint64_t)2 * FT_BATCH * (FT_PAYLOAD_MAX + FT_HEAD_MAX);

    return places(p) * PAYLOAD_SHARE > least ? places(p) * PAYLOAD_SHARE : least;
}

int ft__app_new(struct ft_worker *w)
{
    struct ft_pipeline *p = w->p;

    w->payloads = ft_map_alloc(payload_bytes(p));
    w->payload_at = ft_map_alloc(places(p) * sizeof *w->payload_at);
    return w->payloads != NULL && w->payload_at != NULL ? FT_OK : FT_E_NOMEM;
}

void ft__app_free(struct ft_worker *w)
{
    if (w->payloads != NULL) {
        ft_map_free(w->payloads, payload_bytes(w->p));
    }
    if (w->payload_at != NULL) {
        ft_map_free(w->payload_at, places(w->p) * sizeof *w->payload_at);
    }
}

size_t ft__app_budget(const struct ft_pipeline *p)
{
    return payload_bytes(p) + places(p) * sizeof(uint64_t);
}

/* Bytes before the payload that go with it. */
static uint32_t head_of(const struct ft_packet *pkt)
{
    return pkt->frag == FT_FRAG_NONE ? pkt->head_len : 0;
}

void ft__app_copy(const struct ft_packet *pkts, uint32_t n, struct ft_packet *out, uint8_t *room)
{
    for (uint32_t i = 0; i < n; i++) {
        out[i] = pkts[i];
        uint32_t head = head_of(&pkts[i]), len = head + pkts[i].payload_cap;

        if (len > 0) {
            memcpy(room, pkts[i].payload - head, len);
            out[i].payload = room + head;
            room += len;
        }
    }
}

/* Where the oldest payload begins that may still be read: of the ring, or of the batch that the
 * consumer took out last. held: packets in the ring, before packet number at. */
static uint64_t oldest(const struct ft_worker *to, uint64_t at, uint32_t held)
{
    uint64_t used = (uint64_t)held + FT_BATCH;

    return at > used ? to->payload_at[(at - used) % places(to->p)] : 0;
}

uint32_t ft__app_push(struct ft_worker *to, const struct ft_packet *pkts, uint32_t n)
{
    FT_ALIGNED(64) struct ft_packet copy[FT_BATCH];
    uint64_t at, size = payload_bytes(to->p);
    uint32_t room = ft_ring_room(&to->ring, &at), done = 0;
    uint64_t from = oldest(to, at, to->ring.limit - room);

    for (; done < n && done < room; done++) {
        uint64_t begin = to->payload_end, cap = head_of(&pkts[done]) + pkts[done].payload_cap;

        begin += begin % size + cap > size ? size - begin % size : 0; /* in one piece */
        if (begin + cap - from > size) {
            break;
        }
        to->payload_at[(at + done) % places(to->p)] = begin;
        ft__app_copy(&pkts[done], 1, &copy[done], to->payloads + begin % size);
        to->payload_end = begin + cap;
    }
    return ft_ring_push(&to->ring, copy, done);
}
