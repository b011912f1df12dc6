/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: packets to capture files, see packets.h. */
#include "pipeline/packets.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/units.h"
#include "decode/decode.h"
#include "format/pcap.h"
#include "model/datagram.h"
#include "pipeline/samples.h"

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

        if ((v->flags & FT_VIEW_LEFT_OUT) != 0) {
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

void ft_emit_packets(struct ft_emitter *e, const struct ft_view *views, uint32_t n,
                     uint32_t sample_n)
{
    for (uint32_t k = 0; k < e->n; k++) {
        if (e->to[k].packets != NULL) {
            write_packets(e->to[k].writer, e->to[k].packets, views, n);
        } else if (e->to[k].sampler != NULL) {
            ft_sampler_packets(e->to[k].sampler, e->to[k].lane, e->to[k].writer, views, n,
                               sample_n);
        }
    }
}

/* ---- datagrams of exporters ---- */

enum {
    UDP_HEAD = 8,
    IP4_HEAD = 20,
    IP6_HEAD = 40,
    IP_MOST = 65535,
    TTL = 64,
    IP_UDP = 17,
    VERSION_SFLOW = 0, /* the upper half of its 32 bits */
    VERSION_IPFIX = 10,
};

/* The port at which collectors take this protocol. */
static uint16_t port_of(const uint8_t *data, uint32_t len)
{
    uint16_t version = len >= 2 ? ft_load_be16(data) : 0;

    return version == VERSION_SFLOW ? 6343 : version == VERSION_IPFIX ? 4739 : 2055;
}

static void store16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint16_t checksum(const uint8_t *p)
{
    uint32_t sum = 0;

    for (int i = 0; i < IP4_HEAD; i += 2) {
        sum += ft_load_be16(p + i);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~(sum + (sum >> 16));
}

/* The headers of IP and UDP before len bytes; their length. Without a checksum of UDP. */
static uint32_t put_headers(uint8_t *p, const struct ft_peer *peer, const uint8_t *data,
                            uint32_t len)
{
    uint32_t ip = peer->ip_version == 4 ? IP4_HEAD : IP6_HEAD;

    memset(p, 0, ip + UDP_HEAD);
    if (ip == IP4_HEAD) {
        p[0] = 0x45;
        store16(p + 2, ip + UDP_HEAD + len);
        p[8] = TTL;
        p[9] = IP_UDP;
        memcpy(p + 12, peer->addr, 4);
        store16(p + 10, checksum(p));
    } else {
        p[0] = 0x60;
        store16(p + 4, UDP_HEAD + len);
        p[6] = IP_UDP;
        p[7] = TTL;
        memcpy(p + 8, peer->addr, 16);
    }
    store16(p + ip, peer->port);
    store16(p + ip + 2, port_of(data, len));
    store16(p + ip + 4, UDP_HEAD + len);
    return ip + UDP_HEAD;
}

static void write_as_packet(struct ft_writer *w, const struct ft_packet_file *f,
                            const struct ft_peer *peer, const uint8_t *data, uint32_t len,
                            int64_t ts_ns)
{
    uint8_t *p;

    if (len + IP6_HEAD + UDP_HEAD > IP_MOST) { /* of a stream: no datagram is so long */
        ft_writer_lose(w, FT_EVENT_PACKET, 1);
        return;
    }
    p = ft_writer_begin(w, FT_EVENT_PACKET, FT_PCAP_ROOM + IP6_HEAD + UDP_HEAD + len);
    if (p == NULL) {
        return;
    }
    uint32_t head = put_headers(p + FT_PCAP_RECORD_LEN, peer, data, len);
    uint32_t kept = head + len < f->snap ? head + len : f->snap;

    ft_pcap_put_head(p, ts_ns, kept, head + len);
    if (kept > head) {
        memcpy(p + FT_PCAP_RECORD_LEN + head, data, kept - head);
    }
    ft_writer_end(w, FT_EVENT_PACKET, FT_PCAP_RECORD_LEN + kept);
}

static void write_bare(struct ft_writer *w, enum ft_keys keys, const struct ft_peer *peer,
                       const uint8_t *data, uint32_t len, int64_t ts_ns)
{
    struct ft_datagram_head head = {.ts_ns = ts_ns, .peer = *peer};
    uint8_t *p = ft_writer_begin(w, FT_EVENT_PACKET, FT_KEY_MOST + FT_DATAGRAM_HEAD + len);
    size_t key = 0;

    if (p == NULL) {
        return;
    }
    if (keys == FT_KEYS_EXPORTER && inet_ntop(peer->ip_version == 4 ? AF_INET : AF_INET6,
                                              peer->addr, (char *)p, FT_KEY_MOST) != NULL) {
        key = strlen((const char *)p);
    }
    memcpy(p + key, &head, sizeof head);
    if (len > 0) {
        memcpy(p + key + sizeof head, data, len);
    }
    ft_writer_end_as(w, FT_EVENT_PACKET, 1, key, key + sizeof head + len);
}

void ft_packet_file_collect(struct ft_packet_file *f, struct ft_output_config *cfg)
{
    cfg->event_most =
        IP_MOST + 1 +
        (f->bare ? FT_KEY_MOST + FT_DATAGRAM_HEAD : FT_PCAP_ROOM + IP6_HEAD + UDP_HEAD);
    atomic_store_explicit(&f->linktype, FT_LINK_RAW + 1, memory_order_relaxed);
}

void ft_emit_datagram(struct ft_emitter *e, const struct ft_peer *peer, const uint8_t *data,
                      uint32_t len, int64_t ts_ns)
{
    for (uint32_t k = 0; k < e->n; k++) {
        struct ft_packet_file *f = e->to[k].packets;

        if (f != NULL && e->to[k].count_only) {
            ft_writer_count(e->to[k].writer, FT_EVENT_PACKET, 1);
        } else if (f != NULL && f->bare) {
            write_bare(e->to[k].writer, e->to[k].keys, peer, data, len, ts_ns);
        } else if (f != NULL) {
            write_as_packet(e->to[k].writer, f, peer, data, len, ts_ns);
        }
    }
}
