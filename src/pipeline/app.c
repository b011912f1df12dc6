/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: names on flows, see app.h. */
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
    uint64_t least = (uint64_t)2 * FT_BATCH * FT_PAYLOAD_MAX;

    return places(p) * PAYLOAD_SHARE > least ? places(p) * PAYLOAD_SHARE : least;
}

static bool see(void *cookie, uint32_t entry, int dir, const struct ft_packet *pkt)
{
    struct ft_worker *w = cookie;
    int from = pkt->swap;
    struct ft_app_packet p = {
        .data = pkt->payload,
        .cap = pkt->payload_cap,
        .len = pkt->payload_len,
        /* what a SYN carries lies behind it (RFC 7413) */
        .seq = pkt->tcp_seq + ((pkt->tcp_flags & FT_TCP_SYN) != 0),
        .src_port = pkt->key.port[dir == FT_DIR_FWD ? from : !from],
        .dst_port = pkt->key.port[dir == FT_DIR_FWD ? !from : from],
        .dir = (uint8_t)dir,
        .proto = pkt->key.proto,
    };

    p.midstream = !ft_table_isn(w->table, entry, &p.start);
    p.start_known = dir == FT_DIR_FWD && !p.midstream;
    return ft_apps_see(w->apps, entry, &p);
}

static void end(void *cookie, uint32_t entry)
{
    struct ft_worker *w = cookie;

    ft_apps_end(w->apps, entry);
}

int ft__app_new(struct ft_worker *w)
{
    struct ft_pipeline *p = w->p;

    w->watch = (struct ft_flow_watch){.see = see, .end = end, .cookie = w};
    if (p->plan.mode == FT_MODE_HANDOFF) {
        w->payloads = ft_map_alloc(payload_bytes(p));
        w->payload_at = ft_map_alloc(places(p) * sizeof *w->payload_at);
        if (w->payloads == NULL || w->payload_at == NULL) {
            return FT_E_NOMEM;
        }
    }
    return ft_apps_new(p->plan.table.max_flows, &w->apps);
}

void ft__app_free(struct ft_worker *w)
{
    ft_apps_free(w->apps);
    if (w->payloads != NULL) {
        ft_map_free(w->payloads, payload_bytes(w->p));
    }
    if (w->payload_at != NULL) {
        ft_map_free(w->payload_at, places(w->p) * sizeof *w->payload_at);
    }
}

size_t ft__app_budget(const struct ft_pipeline *p)
{
    bool ring = p->plan.mode == FT_MODE_HANDOFF;

    return ft_apps_budget(p->plan.table.max_flows) +
           (ring ? payload_bytes(p) + places(p) * sizeof(uint64_t) : 0);
}

void ft__app_emit(void *cookie, const struct ft_flow_record *rec)
{
    struct ft_worker *w = cookie;
    struct ft_flow_record named = *rec;

    named.part[FT_PART_CORE] = &named;
    named.part[FT_PART_APP] = ft_apps_get(w->apps, rec->entry);
    ft_emit_flow(&w->emit, &named);
}

void ft__app_copy(const struct ft_packet *pkts, uint32_t n, struct ft_packet *out, uint8_t *room)
{
    for (uint32_t i = 0; i < n; i++) {
        out[i] = pkts[i];
        if (pkts[i].payload_cap > 0) {
            memcpy(room, pkts[i].payload, pkts[i].payload_cap);
            out[i].payload = room;
            room += pkts[i].payload_cap;
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
        uint64_t begin = to->payload_end, cap = pkts[done].payload_cap;

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
