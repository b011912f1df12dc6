/* SPDX-License-Identifier: Apache-2.0 */
/* decode: the table of datagrams in fragments, see fragment.h. */
#include "decode/fragment.h"

#include <string.h>

#include "base/mem.h"
#include "decode/key.h"

enum { DATAGRAMS = 4096, BUCKETS = 8192, HELD_EACH = 64, RANGES = 8 };

#define NONE UINT32_MAX

static const int64_t life_ns = (int64_t)30 * 1000000000;

/* What the fragments of one datagram have in common. 48 bytes without padding, compared whole. */
struct tag {
    uint8_t src[16], dst[16]; /* IPv4 in the first 4 */
    uint32_t id;
    uint32_t tunnel_id;
    uint16_t scope;
    uint8_t proto;
    uint8_t version;
    uint8_t tunnel;
    uint8_t spare[3];
};

struct datagram {
    struct tag tag;
    uint64_t hash;
    int64_t seen_ns; /* its first fragment to come */
    uint32_t next;   /* in its bucket */
    uint32_t later;  /* in order of seen_ns; of a free one: the next free */
    uint32_t held;   /* list of held packets, in order, or NONE */
    uint32_t held_last;
    uint32_t n_held;
    uint32_t range[RANGES][2]; /* bytes that came, [start, end), apart from each other */
    uint8_t n_ranges;
    bool known;       /* the next three hold */
    uint16_t port[2]; /* source, destination */
    uint8_t key_bits; /* FT_KEY_ONE_WAY or 0 */
};

struct held {
    struct ft_packet pkt;
    uint32_t next;
};

struct ft_fragments {
    struct ft_hash_seed seed;
    uint32_t bucket[BUCKETS];
    uint32_t oldest, newest; /* of the datagrams */
    uint32_t free;
    uint32_t free_held;
    int64_t now_ns;
    struct datagram datagram[DATAGRAMS];
    struct held held[FT_FRAGMENTS_HELD];
};

_Static_assert(sizeof(struct tag) == 48, "a tag is compared as bytes");

size_t ft_fragments_budget(void)
{
    return sizeof(struct ft_fragments);
}

int ft_fragments_new(const struct ft_hash_seed *seed, struct ft_fragments **out)
{
    struct ft_fragments *f = ft_map_alloc(sizeof *f);

    if (f == NULL) {
        return FT_E_NOMEM;
    }
    f->seed = *seed;
    f->oldest = f->newest = NONE;
    f->now_ns = INT64_MIN;
    memset(f->bucket, 0xff, sizeof f->bucket);
    for (uint32_t i = 0; i < DATAGRAMS; i++) {
        f->datagram[i].later = i + 1 < DATAGRAMS ? i + 1 : NONE;
    }
    for (uint32_t i = 0; i < FT_FRAGMENTS_HELD; i++) {
        f->held[i].next = i + 1 < FT_FRAGMENTS_HELD ? i + 1 : NONE;
    }
    *out = f;
    return FT_OK;
}

void ft_fragments_free(struct ft_fragments *f)
{
    if (f != NULL) {
        ft_map_free(f, sizeof *f);
    }
}

/* ---- the table ---- */

static const uint8_t *address(const struct ft_packet *p, int side)
{
    return p->key.bits & FT_KEY_V6 ? p->addr6 + 16 * side : (const uint8_t *)&p->key.addr[side];
}

static void make_tag(const struct ft_packet *p, struct tag *t)
{
    bool v6 = (p->key.bits & FT_KEY_V6) != 0;

    memset(t, 0, sizeof *t);
    memcpy(t->src, address(p, p->swap), v6 ? 16 : 4);
    memcpy(t->dst, address(p, !p->swap), v6 ? 16 : 4);
    t->id = p->frag_id;
    t->scope = p->key.scope;
    t->proto = p->key.proto;
    t->version = v6 ? 6 : 4;
    t->tunnel = p->tunnel;
    t->tunnel_id = p->tunnel != FT_TUNNEL_NONE ? p->tunnel_id : 0;
}

static uint64_t hash_tag(const struct ft_fragments *f, const struct tag *t)
{
    uint8_t bytes[sizeof *t];

    memcpy(bytes, t, sizeof bytes);
    return ft_hash_16(&f->seed,
                      ft_hash_16(&f->seed, ft_hash_32(&f->seed, bytes), ft_load_u64(bytes + 32)),
                      ft_load_u64(bytes + 40));
}

static struct datagram *find(struct ft_fragments *f, const struct tag *t, uint64_t hash)
{
    for (uint32_t i = f->bucket[hash % BUCKETS]; i != NONE; i = f->datagram[i].next) {
        if (f->datagram[i].hash == hash && memcmp(&f->datagram[i].tag, t, sizeof *t) == 0) {
            return &f->datagram[i];
        }
    }
    return NULL;
}

static void orphan(struct ft_decoder *d, const struct ft_packet *p)
{
    d->verdict[FT_V_DECODED]--;
    d->verdict[FT_V_FRAGMENT_ORPHAN]++;
    d->decoded_bytes -= p->frame_len;
}

/* Forgets the oldest datagram; what it holds are orphans. */
static void drop_oldest(struct ft_fragments *f, struct ft_decoder *d)
{
    uint32_t i = f->oldest;
    struct datagram *g = &f->datagram[i];
    uint32_t *link = &f->bucket[g->hash % BUCKETS];

    while (*link != i) {
        link = &f->datagram[*link].next;
    }
    *link = g->next;
    f->oldest = g->later;
    if (f->oldest == NONE) {
        f->newest = NONE;
    }
    for (uint32_t h = g->held; h != NONE;) {
        uint32_t next = f->held[h].next;

        orphan(d, &f->held[h].pkt);
        f->held[h].next = f->free_held;
        f->free_held = h;
        h = next;
    }
    g->later = f->free;
    f->free = i;
}

static void expire(struct ft_fragments *f, struct ft_decoder *d, int64_t now_ns)
{
    f->now_ns = now_ns > f->now_ns ? now_ns : f->now_ns;
    while (f->oldest != NONE && f->datagram[f->oldest].seen_ns < f->now_ns &&
           (uint64_t)f->now_ns - (uint64_t)f->datagram[f->oldest].seen_ns >= (uint64_t)life_ns) {
        drop_oldest(f, d);
    }
}

static struct datagram *add(struct ft_fragments *f, struct ft_decoder *d, const struct tag *t,
                            uint64_t hash)
{
    if (f->free == NONE) {
        d->fragment.evicted++;
        drop_oldest(f, d);
    }
    uint32_t i = f->free;
    struct datagram *g = &f->datagram[i];

    f->free = g->later;
    *g = (struct datagram){.tag = *t,
                           .hash = hash,
                           .seen_ns = f->now_ns,
                           .next = f->bucket[hash % BUCKETS],
                           .later = NONE,
                           .held = NONE,
                           .held_last = NONE};
    f->bucket[hash % BUCKETS] = i;
    if (f->newest != NONE) {
        f->datagram[f->newest].later = i;
    } else {
        f->oldest = i;
    }
    f->newest = i;
    return g;
}

/* ---- what came ---- */

/* Notes the bytes of a fragment. Beyond RANGES holes nothing is noted any more. */
static void note_range(struct ft_decoder *d, struct datagram *g, uint32_t start, uint32_t end)
{
    uint32_t from = start, to = end;
    uint8_t kept = 0;
    bool overlap = false;

    for (uint8_t i = 0; i < g->n_ranges; i++) {
        uint32_t *r = g->range[i];

        if (r[0] <= start && end <= r[1]) {
            d->fragment.duplicates++;
            return;
        }
        overlap |= start < r[1] && r[0] < end;
    }
    d->fragment.overlaps += overlap;
    for (uint8_t i = 0; i < g->n_ranges; i++) {
        uint32_t *r = g->range[i];

        if (r[1] < from || to < r[0]) { /* apart: it stays */
            memmove(g->range[kept++], r, sizeof g->range[0]);
        } else {
            from = r[0] < from ? r[0] : from;
            to = r[1] > to ? r[1] : to;
        }
    }
    g->n_ranges = kept;
    if (kept < RANGES) {
        g->range[kept][0] = from;
        g->range[kept][1] = to;
        g->n_ranges++;
    }
}

/* Gives a fragment the ports of its datagram. */
static void take_ports(struct ft_fragments *f, const struct datagram *g, struct ft_packet *p)
{
    struct ft__ends e = {
        .sport = g->port[0],
        .dport = g->port[1],
        .scope = g->tag.scope,
        .proto = g->tag.proto,
        .bits = (uint8_t)(g->key_bits | (p->key.bits & FT_KEY_TUNNEL)),
    };

    p->swap = g->tag.version == 4 ? ft__key_ip4(p, &f->seed, g->tag.src, g->tag.dst, e)
                                  : ft__key_ip6(p, &f->seed, g->tag.src, g->tag.dst, e);
    if (p->key.bits & FT_KEY_TUNNEL) {
        p->hash = ft_hash_16(&f->seed, p->hash, (uint64_t)p->tunnel << 32 | p->tunnel_id);
    }
}

/* Keeps a copy of a packet until its first fragment comes; false when there is no room. */
static bool hold(struct ft_fragments *f, struct datagram *g, const struct ft_packet *p)
{
    uint32_t h = f->free_held;

    if (h == NONE || g->n_held == HELD_EACH) {
        return false;
    }
    f->free_held = f->held[h].next;
    f->held[h].pkt = *p;
    f->held[h].pkt.payload_cap = 0; /* its memory goes back to the source */
    f->held[h].next = NONE;
    if (g->held == NONE) {
        g->held = h;
    } else {
        f->held[g->held_last].next = h;
    }
    g->held_last = h;
    g->n_held++;
    return true;
}

/* Puts what a datagram held into out, with its ports; returns how many. */
static uint32_t release(struct ft_fragments *f, struct datagram *g, struct ft_packet *out)
{
    uint32_t n = 0;

    for (uint32_t h = g->held; h != NONE;) {
        uint32_t next = f->held[h].next;

        out[n] = f->held[h].pkt;
        take_ports(f, g, &out[n++]);
        f->held[h].next = f->free_held;
        f->free_held = h;
        h = next;
    }
    g->held = g->held_last = NONE;
    g->n_held = 0;
    return n;
}

/* A first fragment: the ports are known now. A datagram of other ports under the same number is a
 * new one. */
static void know(struct datagram *g, const struct ft_packet *p)
{
    uint16_t src = p->key.port[p->swap], dst = p->key.port[!p->swap];

    if (g->known && (g->port[0] != src || g->port[1] != dst)) {
        g->n_ranges = 0;
    }
    g->known = true;
    g->port[0] = src;
    g->port[1] = dst;
    g->key_bits = p->key.bits & FT_KEY_ONE_WAY;
}

uint32_t ft_fragments_run(struct ft_fragments *f, struct ft_decoder *d, struct ft_packet *pkts,
                          uint32_t n)
{
    uint32_t out = 0;

    for (uint32_t i = 0; i < n; i++) {
        struct ft_packet *p = &pkts[i];
        struct tag tag;

        if (p->frag == FT_FRAG_NONE) {
            pkts[out++] = *p;
            continue;
        }
        expire(f, d, p->ts_ns);
        make_tag(p, &tag);

        uint64_t hash = hash_tag(f, &tag);
        struct datagram *g = find(f, &tag, hash);

        g = g != NULL ? g : add(f, d, &tag, hash);
        if (p->frag == FT_FRAG_FIRST) {
            know(g, p);
        }
        note_range(d, g, p->frag_off, (uint32_t)p->frag_off + p->frag_len);
        if (!g->known) {
            if (hold(f, g, p)) {
                d->fragment.held++;
            } else {
                orphan(d, p);
            }
            continue;
        }
        if (p->frag == FT_FRAG_LATER) {
            take_ports(f, g, p);
        }
        pkts[out++] = *p;
        if (g->n_held > 0) {
            uint32_t more = g->n_held;

            memmove(&pkts[out + more], &pkts[i + 1], (n - i - 1) * sizeof *pkts);
            out += release(f, g, &pkts[out]);
            n += out - (i + 1);
            i = out - 1;
        }
    }
    return out;
}

void ft_fragments_end(struct ft_fragments *f, struct ft_decoder *d)
{
    while (f->oldest != NONE) {
        drop_oldest(f, d);
    }
}
