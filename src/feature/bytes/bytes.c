/* SPDX-License-Identifier: Apache-2.0 */
/* feature/bytes: the first bytes of the first packets of each flow, as models of encrypted traffic
 * read them.
 *
 * Theory of operation: a packet has a place of fixed length, in whole lines, filled up with zeros.
 * The places of the first packets of all flows lie together, so do those of the second ones, and so
 * on: a flow touches as many places as it has packets.
 *
 *     place   | headers, from the IP header on | payload |
 *
 * Headers and payload are the frame's own, where it lies in one piece: of fragments, and of what
 * came in fragments of a tunnel, a place has nothing but the payload of the latter. Of other
 * protocols than TCP and UDP all is header. */
#include "feature/feature.h"

#include <string.h>

#include "feature/bytes/mask.h"

enum { LINE = 64 };
enum { PACKETS, HEADER, PAYLOAD, MASKED }; /* the options */

/* owner: the table's thread */
struct bytes {
    uint8_t *place; /* [packets][entries][stride], mapped */
    uint8_t *n;     /* packets of each entry that have one; mapped */
    size_t stride;
    uint32_t entries, packets, header, payload;
    bool masked;
    struct ft_bytes_record record;
};

static uint32_t lines_of(const struct ft_feature_config *cfg)
{
    return (uint32_t)(cfg->option[HEADER] + cfg->option[PAYLOAD] + LINE - 1) / LINE;
}

static uint32_t lines(const struct ft_feature_config *cfg)
{
    return (uint32_t)cfg->option[PACKETS] * lines_of(cfg);
}

static const struct ft_feature_array arrays[] = {
    {offsetof(struct bytes, place), LINE, FT_ARRAY_LONG, lines},
    FT_FEATURE_ARRAY(struct bytes, n, FT_ARRAY_EVERY),
};

static int bytes_open(void *state, const struct ft_feature_config *cfg)
{
    struct bytes *b = state;

    b->stride = (size_t)lines_of(cfg) * LINE;
    b->entries = cfg->entries;
    b->packets = (uint32_t)cfg->option[PACKETS];
    b->header = (uint32_t)cfg->option[HEADER];
    b->payload = (uint32_t)cfg->option[PAYLOAD];
    b->masked = cfg->option[MASKED] != 0;
    return FT_OK;
}

static uint8_t *place_of(const struct bytes *b, uint32_t entry, uint32_t i)
{
    return b->place + ((size_t)i * b->entries + entry) * b->stride;
}

/* ---- packets ---- */

static void take(struct bytes *b, const struct ft_packet *pkt, uint32_t entry)
{
    uint8_t *p = place_of(b, entry, b->n[entry]);
    uint32_t whole = pkt->frag == FT_FRAG_NONE ? pkt->head_len : 0;
    uint32_t cap = pkt->frag == FT_FRAG_NONE ? pkt->payload_cap : 0;
    uint32_t head = whole < b->header ? whole : b->header;

    memset(p, 0, (size_t)b->header + b->payload);
    if (head > 0) {
        memcpy(p, pkt->payload - whole, head);
    }
    if (b->masked && head > 0) {
        ft__bytes_mask(p, head, pkt->payload - whole, whole);
    }
    cap = cap < b->payload ? cap : b->payload;
    if (cap > 0) {
        memcpy(p + b->header, pkt->payload, cap);
    }
    b->n[entry]++;
}

static void bytes_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                          uint32_t n)
{
    struct bytes *b = state;

    for (uint32_t k = 0; k < n; k++) {
        if (at[k].bits & FT_AT_NEW) {
            b->n[at[k].entry] = 0;
        }
        if (b->n[at[k].entry] < b->packets) {
            take(b, &pkts[k], at[k].entry);
        }
    }
}

static void bytes_ask(const void *state, uint32_t entry)
{
    const struct bytes *b = state;

    __builtin_prefetch(place_of(b, entry, 0));
    __builtin_prefetch(&b->n[entry]);
}

static const void *bytes_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct bytes *b = state;
    struct ft_bytes_record *r = &b->record;
    uint32_t len = b->header + b->payload;

    (void)core;
    r->packets = b->n[entry];
    r->n = b->packets * len;
    for (uint32_t i = 0; i < r->packets; i++) {
        memcpy(r->bytes + (size_t)i * len, place_of(b, entry, i), len);
    }
    memset(r->bytes + (size_t)r->packets * len, 0, (size_t)(b->packets - r->packets) * len);
    return r;
}

/* Bytes may say anything: none are told. */
static void bytes_hide(struct ft_cryptopan *map, enum ft_names names, void *part)
{
    (void)map;
    (void)names;
    ((struct ft_bytes_record *)part)->n = 0;
}

const struct ft_feature ft_feature_bytes = {
    .name = "bytes",
    .meaning = "the first bytes of the first packets of a flow",
    .columns = &ft_columns_bytes,
    .payload = true,
    .heads = true,
    .state = sizeof(struct bytes),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .open = bytes_open,
    .packets = bytes_packets,
    .ask = bytes_ask,
    .record = bytes_record,
    .hide = bytes_hide,
    .part = sizeof(struct ft_bytes_record),
};
