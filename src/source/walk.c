/* SPDX-License-Identifier: Apache-2.0 */
/* source: walking capture files, see walk.h. */
#include "source/walk.h"

enum {
    AHEAD = 4096, /* bytes that are asked for before the walk gets there: the next record's header
                     is known only from this one's, so without it every record waits for memory */
    LINE = 64,
};

FT_INLINE void filter_view(const struct ft_walker *w, struct ft_view *v)
{
    if (FT_UNLIKELY(w->filter != NULL) && !ft_filter_match(w->filter, v)) {
        v->flags |= FT_VIEW_FILTERED;
    }
}

FT_INLINE const uint8_t *prefetch_to(const uint8_t *ahead, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *to = (uint64_t)(end - p) > AHEAD ? p + AHEAD : end;

    for (ahead = ahead < p ? p : ahead; ahead < to; ahead += LINE) {
        __builtin_prefetch(ahead);
    }
    return ahead;
}

static int walk_pcap(struct ft_walker *w, const uint8_t *p, uint64_t left, uint64_t limit,
                     struct ft_view *views, uint32_t cap, struct ft_walked *out)
{
    const uint8_t *start = p, *end = p + left, *ahead = p;
    uint32_t head = w->pcap.record;
    int rc = FT_OK;
    uint32_t n = 0;

    for (; n < cap && (uint64_t)(p - start) < limit; n++) {
        ahead = prefetch_to(ahead, p, end);
        if (FT_UNLIKELY((uint64_t)(end - p) < head)) {
            out->need = head;
            rc = p == end ? FT_OK : FT_E_AGAIN;
            break;
        }
        struct ft_pcap_record r = ft_pcap_record(&w->pcap, p);

        if (FT_UNLIKELY(r.caplen > FT_CAPLEN_MAX)) {
            out->why = "a record is longer than 16 MiB";
            rc = FT_E_CORRUPT;
            break;
        }
        if (FT_UNLIKELY((uint64_t)(end - p) - head < r.caplen)) {
            out->need = (uint64_t)head + r.caplen;
            rc = FT_E_AGAIN;
            break;
        }
        views[n] = (struct ft_view){.data = p + head,
                                    .ts_ns = r.ts_ns,
                                    .caplen = r.caplen,
                                    .len = r.len,
                                    .linktype = w->pcap.linktype};
        filter_view(w, &views[n]);
        p += head + r.caplen;
    }
    out->n = n;
    out->used += (uint64_t)(p - start);
    return rc;
}

static int walk_pcapng(struct ft_walker *w, const uint8_t *p, uint64_t left, struct ft_view *views,
                       uint32_t cap, struct ft_walked *out)
{
    const uint8_t *start = p, *end = p + left, *ahead = p;
    int rc = FT_OK;

    while (out->n < cap && p < end) {
        struct ft_pcapng_block b;

        ahead = prefetch_to(ahead, p, end);
        rc = ft_pcapng_block(&w->ng, p, (uint64_t)(end - p), &b, &out->need, &out->why);
        if (rc != FT_OK) {
            break;
        }
        p += b.len;
        if (b.kind == FT_PCAPNG_IFACE && w->filter != NULL) {
            ft_filter_prepare(w->filter, w->ng.ifaces[w->ng.n_ifaces - 1].linktype);
        }
        if (b.kind == FT_PCAPNG_PACKET) {
            struct ft_view *v = &views[out->n++];

            *v = (struct ft_view){.data = b.data,
                                  .ts_ns = b.ts_ns,
                                  .caplen = b.caplen,
                                  .len = b.wire_len,
                                  .linktype = w->ng.ifaces[b.iface].linktype,
                                  .iface = (uint16_t)b.iface};
            filter_view(w, v);
        }
    }
    out->used += (uint64_t)(p - start);
    return rc;
}

/* The first bytes say what the file is. */
static int start(struct ft_walker *w, const uint8_t *p, uint64_t left, struct ft_walked *out)
{
    out->need = FT_PCAP_HEADER;
    if (left < 4) {
        return FT_E_AGAIN;
    }
    if (ft_load_u32(p) == (uint32_t)FT_PCAPNG_MAGIC) {
        w->kind = FT_WALK_PCAPNG;
        w->ng.in_section = false;
        w->ng.n_ifaces = 0;
        return FT_OK;
    }
    if (!ft_pcap_magic(p)) {
        out->why = "neither pcap nor pcapng";
        return FT_E_FORMAT;
    }
    if (left < FT_PCAP_HEADER) {
        return FT_E_AGAIN;
    }
    int rc = ft_pcap_open(p, &w->pcap);

    if (rc != FT_OK) {
        return rc;
    }
    if (w->linktype_ok != NULL && !w->linktype_ok(w->pcap.linktype)) {
        out->linktype = w->pcap.linktype;
        return FT_E_UNSUPPORTED;
    }
    if (w->filter != NULL) {
        ft_filter_prepare(w->filter, w->pcap.linktype);
    }
    w->kind = FT_WALK_PCAP;
    out->used = FT_PCAP_HEADER;
    return FT_OK;
}

int ft_walk(struct ft_walker *w, const uint8_t *p, uint64_t left, uint64_t limit,
            struct ft_view *views, uint32_t cap, struct ft_walked *out)
{
    *out = (struct ft_walked){0};
    if (w->kind == FT_WALK_START) {
        int rc = start(w, p, left, out);

        if (rc != FT_OK) {
            return rc;
        }
        p += out->used;
        left -= out->used;
        limit -= limit < out->used ? limit : out->used;
    }
    if (w->kind == FT_WALK_PCAP) {
        return walk_pcap(w, p, left, limit, views, cap, out);
    }
    return walk_pcapng(w, p, left, views, cap, out);
}
