/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: packets to capture files, see packets.h. */
#include "pipeline/packets.h"

#include "base/units.h"
#include "decode/decode.h"
#include "format/pcap.h"

void ft_packet_file_init(struct ft_packet_file *f, const struct ft_output_url *url,
                         const struct ft_log *log)
{
    const char *snap = ft_output_url_get(url, "snap"), *rest;
    uint64_t n = FT_PCAP_SNAP_MOST;

    if (snap != NULL) {
        ft_ignore(ft_parse_number(snap, &n, &rest)); /* it was checked with the URL */
    }
    f->snap = (uint32_t)n;
    f->log = log;
}

size_t ft_packet_file_header(void *packet_file, uint8_t *out)
{
    struct ft_packet_file *f = packet_file;
    uint32_t type = atomic_load_explicit(&f->linktype, memory_order_relaxed);

    return ft_pcap_put_header(out, f->snap, type != 0 ? (uint16_t)(type - 1) : FT_LINK_ETHERNET);
}

/* Can a packet of this link type be in the file? The first one decides. */
static bool fits_in(struct ft_packet_file *f, uint16_t linktype)
{
    uint32_t mine = (uint32_t)linktype + 1, there = 0;

    if (FT_LIKELY(atomic_load_explicit(&f->linktype, memory_order_relaxed) == mine) ||
        atomic_compare_exchange_strong(&f->linktype, &there, mine) || there == mine) {
        return true;
    }
    if (!atomic_exchange(&f->said, true)) {
        ft_log(f->log, FT_LOG_ERROR,
               "%s: holds packets of link type %s (%u); those of %s (%u) are lost and counted",
               f->name, ft_linktype_name((uint16_t)(there - 1)), there - 1,
               ft_linktype_name(linktype), linktype);
    }
    return false;
}

static void write_packets(struct ft_writer *w, struct ft_packet_file *f,
                          const struct ft_view *views, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct ft_view *v = &views[i];
        uint32_t kept = v->caplen < f->snap ? v->caplen : f->snap;

        if ((v->flags & FT_VIEW_FILTERED) != 0) {
            continue;
        }
        if (FT_UNLIKELY(!fits_in(f, v->linktype))) {
            ft_writer_lose(w, FT_EVENT_PACKET, 1);
            continue;
        }
        uint8_t *p = ft_writer_begin(w, FT_EVENT_PACKET, FT_PCAP_ROOM + kept);

        if (p != NULL) {
            ft_writer_end(w, FT_EVENT_PACKET, ft_pcap_put_packet(p, v, f->snap));
        }
    }
}

void ft_emit_packets(struct ft_emitter *e, const struct ft_view *views, uint32_t n)
{
    for (uint32_t k = 0; k < e->n; k++) {
        if (e->to[k].packets != NULL) {
            write_packets(e->to[k].writer, e->to[k].packets, views, n);
        }
    }
}
