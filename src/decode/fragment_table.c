/* SPDX-License-Identifier: Apache-2.0 */
/* decode: the table of datagrams in fragments, see fragment_table.h. */
#include "decode/fragment_table.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

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
    f->now_ns = INT64_MIN;
    memset(f->bucket, 0xff, sizeof f->bucket);
    memset(f->head, 0xff, sizeof f->head);
    memset(f->tail, 0xff, sizeof f->tail);
    f->free = f->free_held = f->free_join = FT__NO_DATAGRAM;
    *out = f;
    return FT_OK;
}

void ft_fragments_free(struct ft_fragments *f)
{
    if (f != NULL) {
        ft_map_free(f, sizeof *f);
    }
}

/* ---- stretches of bytes ---- */

enum ft__overlap ft__ranges_add(struct ft__ranges *r, uint32_t start, uint32_t end)
{
    uint32_t from = start, to = end;
    uint8_t kept = 0;
    bool overlap = false;

    for (uint8_t i = 0; i < r->n; i++) {
        if (r->at[i][0] <= start && end <= r->at[i][1]) {
            return FT__ALL_CAME;
        }
        overlap |= start < r->at[i][1] && r->at[i][0] < end;
    }
    for (uint8_t i = 0; i < r->n; i++) {
        uint16_t *at = r->at[i];

        if (at[1] < from || to < at[0]) { /* apart: it stays */
            memmove(r->at[kept++], at, sizeof r->at[0]);
        } else {
            from = at[0] < from ? at[0] : from;
            to = at[1] > to ? at[1] : to;
        }
    }
    r->n = kept;
    if (kept < FT__RANGES) {
        r->at[kept][0] = (uint16_t)from;
        r->at[kept][1] = (uint16_t)to;
        r->n++;
    }
    return overlap ? FT__PARTLY : FT__NEW;
}

uint32_t ft__ranges_first(const struct ft__ranges *r)
{
    for (uint8_t i = 0; i < r->n; i++) {
        if (r->at[i][0] == 0) {
            return r->at[i][1];
        }
    }
    return 0;
}

/* ---- datagrams ---- */

static const uint8_t *address(const struct ft_packet *p, int side)
{
    return p->key.bits & FT_KEY_V6 ? p->addr6 + 16 * side : (const uint8_t *)&p->key.addr[side];
}

void ft__tag_make(const struct ft_packet *p, struct ft__tag *t)
{
    bool v6 = (p->key.bits & FT_KEY_V6) != 0;

    memset(t, 0, sizeof *t);
    memcpy(t->src, address(p, p->swap), v6 ? 16 : 4);
    memcpy(t->dst, address(p, !p->swap), v6 ? 16 : 4);
    t->id = p->frag_id;
    t->scope = p->key.scope;
    t->proto = v6 ? 0 : p->key.proto;
    t->version = v6 ? 6 : 4;
    t->tunnel = p->tunnel;
    t->tunnel_id = p->tunnel != FT_TUNNEL_NONE ? p->tunnel_id : 0;
}

static uint64_t hash_tag(const struct ft_fragments *f, const struct ft__tag *t)
{
    uint8_t bytes[sizeof *t];

    memcpy(bytes, t, sizeof bytes);
    return ft_hash_16(&f->seed,
                      ft_hash_16(&f->seed, ft_hash_32(&f->seed, bytes), ft_load_u64(bytes + 32)),
                      ft_load_u64(bytes + 40));
}

struct ft__datagram *ft__datagram_find(struct ft_fragments *f, const struct ft__tag *t,
                                       uint64_t *out_hash)
{
    uint64_t hash = hash_tag(f, t);

    *out_hash = hash;
    for (uint32_t i = f->bucket[hash % FT__DATAGRAM_BUCKETS]; i != FT__NO_DATAGRAM;
         i = f->datagram[i].next) {
        if (f->datagram[i].hash == hash && memcmp(&f->datagram[i].tag, t, sizeof *t) == 0) {
            return &f->datagram[i];
        }
    }
    return NULL;
}

static void join_list(struct ft_fragments *f, struct ft__datagram *g, enum ft__datagram_list to)
{
    uint32_t i = (uint32_t)(g - f->datagram);

    g->list = (uint8_t)to;
    g->at_ns = f->now_ns;
    g->prev = f->tail[to];
    g->then = FT__NO_DATAGRAM;
    if (g->prev != FT__NO_DATAGRAM) {
        f->datagram[g->prev].then = i;
    } else {
        f->head[to] = i;
    }
    f->tail[to] = i;
}

static void leave_list(struct ft_fragments *f, const struct ft__datagram *g)
{
    if (g->prev != FT__NO_DATAGRAM) {
        f->datagram[g->prev].then = g->then;
    } else {
        f->head[g->list] = g->then;
    }
    if (g->then != FT__NO_DATAGRAM) {
        f->datagram[g->then].prev = g->prev;
    } else {
        f->tail[g->list] = g->prev;
    }
}

struct ft__datagram *ft__datagram_add(struct ft_fragments *f, const struct ft__tag *t,
                                      uint64_t hash)
{
    uint32_t *bucket = &f->bucket[hash % FT__DATAGRAM_BUCKETS];
    uint32_t i = f->free;

    if (i != FT__NO_DATAGRAM) {
        f->free = f->datagram[i].next;
    } else if (f->used < FT__DATAGRAMS) {
        i = f->used++;
    } else {
        return NULL;
    }
    struct ft__datagram *g = &f->datagram[i];

    memset(g, 0, offsetof(struct ft__datagram, piece));
    g->tag = *t;
    g->hash = hash;
    g->since_ns = f->now_ns;
    g->next = *bucket;
    g->held = g->held_last = g->join = FT__NO_DATAGRAM;
    *bucket = i;
    join_list(f, g, FT__G_FIRST);
    return g;
}

void ft__datagram_remove(struct ft_fragments *f, struct ft__datagram *g)
{
    uint32_t i = (uint32_t)(g - f->datagram);
    uint32_t *link = &f->bucket[g->hash % FT__DATAGRAM_BUCKETS];

    ft__datagram_empty(f, g);
    while (*link != i) {
        link = &f->datagram[*link].next;
    }
    *link = g->next;
    leave_list(f, g);
    g->next = f->free;
    f->free = i;
}

void ft__datagram_move(struct ft_fragments *f, struct ft__datagram *g, enum ft__datagram_list to)
{
    leave_list(f, g);
    join_list(f, g, to);
}

/* ---- packets that wait ---- */

bool ft__datagram_hold(struct ft_fragments *f, struct ft__datagram *g, const struct ft_packet *p,
                       bool copy)
{
    uint32_t i = f->free_held;

    if (g->n_held == FT__HELD_EACH) {
        return false;
    }
    if (i != FT__NO_DATAGRAM) {
        f->free_held = f->held[i].next;
    } else if (f->used_held < FT_FRAGMENTS_HELD) {
        i = f->used_held++;
    } else {
        return false;
    }
    struct ft__held *h = &f->held[i];

    h->pkt = *p;
    h->pkt.payload_cap = 0; /* its memory goes back to the source */
    h->copy = copy;
    h->next = FT__NO_DATAGRAM;
    if (g->held == FT__NO_DATAGRAM) {
        g->held = i;
    } else {
        f->held[g->held_last].next = i;
    }
    g->held_last = i;
    g->n_held++;
    return true;
}

void ft__datagram_empty(struct ft_fragments *f, struct ft__datagram *g)
{
    if (g->n_held > 0) {
        f->held[g->held_last].next = f->free_held;
        f->free_held = g->held;
        g->held = g->held_last = FT__NO_DATAGRAM;
        g->n_held = 0;
    }
    ft__join_free(f, g->join);
    g->join = FT__NO_DATAGRAM;
}

/* ---- bytes ---- */

void ft__join_free(struct ft_fragments *f, uint32_t join)
{
    if (join != FT__NO_DATAGRAM) {
        f->join[join].next = f->free_join;
        f->free_join = join;
    }
}

/* FT__NO_DATAGRAM: there is no room. */
static uint32_t new_join(struct ft_fragments *f)
{
    uint32_t i = f->free_join;

    if (i != FT__NO_DATAGRAM) {
        f->free_join = f->join[i].next;
    } else if (f->used_join < FT__JOINS) {
        i = f->used_join++;
    } else {
        return FT__NO_DATAGRAM;
    }
    f->join[i].got.n = 0;
    return i;
}

/* True when what came of [start, start + n) is the same as in p. */
static bool same_bytes(const struct ft__join *j, uint32_t start, const uint8_t *p, uint32_t n)
{
    for (uint8_t i = 0; i < j->got.n; i++) {
        uint32_t from = j->got.at[i][0] > start ? j->got.at[i][0] : start;
        uint32_t to = j->got.at[i][1] < start + n ? j->got.at[i][1] : start + n;

        if (from < to && memcmp(j->data + from, p + (from - start), to - from) != 0) {
            return false;
        }
    }
    return true;
}

bool ft__datagram_keep(struct ft_fragments *f, struct ft__datagram *g, const struct ft_packet *p)
{
    uint32_t start = p->frag_off, n = p->payload_cap;

    if (start >= FT_FRAGMENTS_KEPT || n == 0) {
        return true;
    }
    if (g->join == FT__NO_DATAGRAM) {
        g->join = new_join(f);
        if (g->join == FT__NO_DATAGRAM) {
            return false;
        }
    }
    struct ft__join *j = &f->join[g->join];

    n = n < FT_FRAGMENTS_KEPT - start ? n : FT_FRAGMENTS_KEPT - start;
    if (!same_bytes(j, start, p->payload, n)) {
        return false;
    }
    memcpy(j->data + start, p->payload, n);
    ft__ranges_add(&j->got, start, start + n);
    return true;
}
