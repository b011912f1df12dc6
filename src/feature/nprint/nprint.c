/* SPDX-License-Identifier: Apache-2.0 */
/* feature/nprint: the headers of the first packets of each flow, as nPrint lays out their bits.
 *
 * Theory of operation: a packet has a place of fixed length, in whole lines, in which its headers
 * lie one behind the other, as long as they are: most fit into the first line. The places of the
 * first packets of all flows lie together, so do those of the second ones, and so on (as in
 * feature/bytes). A record lays them out: each header where nPrint has it, and how long it is.
 *
 * A packet is one that nPrint would write: TCP, UDP or ICMP right behind the IP header. Fragments
 * have no place: what lies in them is no header, or not all of it. */
#include "feature/feature.h"

#include <string.h>

#include "model/field.h"

enum { LINE = 64, IP4_LEN = 20, IP6_LEN = 40, TCP_MIN = 20, UDP_LEN = 8, ICMP_LEN = 8 };
enum { TCP_OFFSET = 12, IP4_PROTO = 9, IP6_NEXT = 6 };
enum { ICMP = 1, TCP = 6, UDP = 17 };
enum { PACKETS, PAYLOAD, MASKED }; /* the options */

/* What stands in a place. */
struct place {
    uint8_t ip;      /* bytes of the IP header; its first one says which it is */
    uint8_t l4;      /* of the transport header */
    uint8_t payload; /* likewise */
    uint8_t proto;
    uint8_t bytes[]; /* one behind the other */
};

/* owner: the table's thread */
struct nprint {
    uint8_t *place; /* [packets][entries][stride], mapped */
    uint8_t *n;     /* packets of each entry that have one; mapped */
    size_t stride;
    uint32_t entries, packets, payload;
    bool masked;
    struct ft_nprint_record record;
};

static uint32_t lines_of(const struct ft_feature_config *cfg)
{
    size_t most = sizeof(struct place) + ft_nprint_widths[FT_NPRINT_IP4] +
                  ft_nprint_widths[FT_NPRINT_TCP] + cfg->option[PAYLOAD];

    return (uint32_t)(most + LINE - 1) / LINE;
}

static uint32_t lines(const struct ft_feature_config *cfg)
{
    return (uint32_t)cfg->option[PACKETS] * lines_of(cfg);
}

static const struct ft_feature_array arrays[] = {
    {offsetof(struct nprint, place), LINE, FT_ARRAY_LONG, lines},
    FT_FEATURE_ARRAY(struct nprint, n, FT_ARRAY_EVERY),
};

static int nprint_open(void *state, const struct ft_feature_config *cfg)
{
    struct nprint *s = state;

    s->stride = (size_t)lines_of(cfg) * LINE;
    s->entries = cfg->entries;
    s->packets = (uint32_t)cfg->option[PACKETS];
    s->payload = (uint32_t)cfg->option[PAYLOAD];
    s->masked = cfg->option[MASKED] != 0;
    return FT_OK;
}

static struct place *place_of(const struct nprint *s, uint32_t entry, uint32_t i)
{
    return (struct place *)(s->place + ((size_t)i * s->entries + entry) * s->stride);
}

/* ---- packets ---- */

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The headers of a packet, where they lie. */
struct heads {
    const uint8_t *ip, *payload;
    uint32_t ip_len, l4_len, payload_len; /* that were captured */
    uint8_t proto;
};

/* False: nPrint would not write this packet. */
static bool find(const struct ft_packet *pkt, struct heads *h)
{
    uint32_t len = pkt->frag == FT_FRAG_NONE ? pkt->head_len : 0, left;

    if (len < IP4_LEN) {
        return false;
    }
    h->ip = pkt->payload - len;
    h->ip_len = h->ip[0] >> 4 == 4 ? (h->ip[0] & 15) * 4u : IP6_LEN;
    if (len < h->ip_len) {
        return false;
    }
    left = len - h->ip_len;
    h->proto = h->ip[h->ip[0] >> 4 == 4 ? IP4_PROTO : IP6_NEXT];
    h->payload = pkt->payload;
    h->payload_len = pkt->payload_cap;
    switch (h->proto) {
    case TCP:
        h->l4_len = left > TCP_OFFSET ? (h->ip[h->ip_len + TCP_OFFSET] >> 4) * 4u : TCP_MIN;
        h->l4_len = least(h->l4_len, left);
        return true;
    case UDP:
        h->l4_len = least(UDP_LEN, left);
        return true;
    case ICMP: /* all of it counts as header */
        h->l4_len = least(ICMP_LEN, left);
        h->payload = h->ip + h->ip_len + h->l4_len;
        h->payload_len = left - h->l4_len;
        return true;
    default:
        return false;
    }
}

/* Zeros for addresses and ports. */
static void mask(struct place *p)
{
    bool ip4 = p->bytes[0] >> 4 == 4;

    memset(p->bytes + (ip4 ? 12 : 8), 0, ip4 ? 8 : 32);
    if (p->proto != ICMP) {
        memset(p->bytes + p->ip, 0, least(p->l4, 4));
    }
}

static void take(struct nprint *s, const struct ft_packet *pkt, uint32_t entry)
{
    struct place *p = place_of(s, entry, s->n[entry]);
    struct heads h;

    if (!find(pkt, &h)) {
        return;
    }
    p->ip = (uint8_t)h.ip_len;
    p->l4 = (uint8_t)h.l4_len;
    p->payload = (uint8_t)least(h.payload_len, s->payload);
    p->proto = h.proto;
    memcpy(p->bytes, h.ip, h.ip_len + h.l4_len);
    if (p->payload > 0) {
        memcpy(p->bytes + h.ip_len + h.l4_len, h.payload, p->payload);
    }
    if (s->masked) {
        mask(p);
    }
    s->n[entry]++;
}

static void nprint_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                           uint32_t n)
{
    struct nprint *s = state;

    for (uint32_t k = 0; k < n; k++) {
        if (at[k].bits & FT_AT_NEW) {
            s->n[at[k].entry] = 0;
        }
        if (s->n[at[k].entry] < s->packets) {
            take(s, &pkts[k], at[k].entry);
        }
    }
}

/* ---- records ---- */

static void nprint_ask(const void *state, uint32_t entry)
{
    const struct nprint *s = state;

    __builtin_prefetch(place_of(s, entry, 0));
    __builtin_prefetch(&s->n[entry]);
}

static void lay_part(enum ft_nprint_part part, const uint8_t *from, uint8_t len, uint8_t *out,
                     uint8_t *lengths)
{
    for (int i = 0; i < (int)part; i++) {
        out += ft_nprint_widths[i];
    }
    memcpy(out, from, len);
    lengths[part] = len;
}

/* Into zeros. */
static void lay(const struct place *p, uint8_t *out, uint8_t *lengths)
{
    const uint8_t *l4 = p->bytes + p->ip;

    lay_part(p->bytes[0] >> 4 == 4 ? FT_NPRINT_IP4 : FT_NPRINT_IP6, p->bytes, p->ip, out, lengths);
    lay_part(p->proto == TCP   ? FT_NPRINT_TCP
             : p->proto == UDP ? FT_NPRINT_UDP
                               : FT_NPRINT_ICMP,
             l4, p->l4, out, lengths);
    lay_part(FT_NPRINT_DATA, l4 + p->l4, p->payload, out, lengths);
}

static const void *nprint_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct nprint *s = state;
    struct ft_nprint_record *r = &s->record;
    uint32_t len = FT_NPRINT_HEADERS + s->payload;

    /* nPrint has each packet once: nothing is said again of a flow that goes on */
    if (s->n[entry] == 0 || (core->reason == FT_REASON_ACTIVE && !core->is_final)) {
        return FT_RECORD_DROPPED;
    }
    r->packets = s->n[entry];
    r->most = (uint8_t)s->packets;
    r->payload = (uint8_t)s->payload;
    r->n = s->packets * len;
    memset(r->bytes, 0, r->n);
    memset(r->lengths, 0, s->packets * sizeof r->lengths[0]);
    for (uint32_t i = 0; i < r->packets; i++) {
        lay(place_of(s, entry, i), r->bytes + (size_t)i * len, r->lengths[i]);
    }
    return r;
}

/* Headers tell of hosts wherever one looks: none are told. */
static void nprint_hide(struct ft_cryptopan *map, enum ft_names names, void *part)
{
    (void)map;
    (void)names;
    ((struct ft_nprint_record *)part)->n = 0;
}

const struct ft_feature ft_feature_nprint = {
    .name = "nprint",
    .meaning = "the headers of the first packets of a flow, as nPrint lays them out",
    .columns = &ft_columns_nprint,
    .payload = true,
    .heads = true,
    .drops = true,
    .state = sizeof(struct nprint),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .open = nprint_open,
    .packets = nprint_packets,
    .ask = nprint_ask,
    .record = nprint_record,
    .hide = nprint_hide,
    .part = sizeof(struct ft_nprint_record),
};
