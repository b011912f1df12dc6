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
        w->payloads = ft_map_alloc(places(p) * FT_PAYLOAD_MAX);
        if (w->payloads == NULL) {
            return FT_E_NOMEM;
        }
    }
    return ft_apps_new(p->plan.table.max_flows, &w->apps);
}

void ft__app_free(struct ft_worker *w)
{
    ft_apps_free(w->apps);
    if (w->payloads != NULL) {
        ft_map_free(w->payloads, places(w->p) * FT_PAYLOAD_MAX);
    }
}

size_t ft__app_budget(const struct ft_pipeline *p)
{
    bool ring = p->plan.mode == FT_MODE_HANDOFF;

    return ft_apps_budget(p->plan.table.max_flows) + (ring ? places(p) * FT_PAYLOAD_MAX : 0);
}

void ft__app_emit(void *cookie, const struct ft_flow_record *rec)
{
    struct ft_worker *w = cookie;
    struct ft_flow_record named = *rec;

    named.app_on = true;
    named.app = ft_apps_get(w->apps, rec->entry);
    ft_emit_flow(&w->emit, &named);
}

void ft__app_copy(const struct ft_packet *pkts, uint32_t n, struct ft_packet *out, uint8_t *room)
{
    for (uint32_t i = 0; i < n; i++, room += FT_PAYLOAD_MAX) {
        out[i] = pkts[i];
        if (pkts[i].payload_cap > 0) {
            memcpy(room, pkts[i].payload, pkts[i].payload_cap);
            out[i].payload = room;
        }
    }
}

uint32_t ft__app_push(struct ft_worker *to, const struct ft_packet *pkts, uint32_t n)
{
    FT_ALIGNED(64) struct ft_packet copy[FT_BATCH];
    uint64_t at;
    uint32_t room = ft_ring_room(&to->ring, &at);

    n = n < room ? n : room;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t place = (at + i) % places(to->p);

        ft__app_copy(&pkts[i], 1, &copy[i], to->payloads + place * FT_PAYLOAD_MAX);
    }
    return ft_ring_push(&to->ring, copy, n);
}
