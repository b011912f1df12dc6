/* SPDX-License-Identifier: Apache-2.0 */
/* afterimage: streams and pairs, see streams.h. */
#include "afterimage/streams.h"

#include <string.h>

#include "base/mem.h"

/* ---- life ---- */

static uint32_t buckets_for(uint32_t most)
{
    uint32_t n = 64;

    while (n < most) {
        n *= 2;
    }
    return n;
}

enum { LINE = 64 };
enum { MAP_BUCKETS, MAP_STREAMS, MAP_SIDES, MAP_PAIRS, MAPS };

static void lengths(uint32_t most, uint32_t most_pairs, size_t out[MAPS])
{
    out[MAP_BUCKETS] = buckets_for(most) * sizeof(uint32_t);
    out[MAP_STREAMS] = most * sizeof(struct ft__stream);
    out[MAP_SIDES] = most_pairs > 0 ? most * sizeof(struct ft__side) : 0;
    out[MAP_PAIRS] = most_pairs * sizeof(struct ft__pair);
}

size_t ft__image_budget(uint32_t most, uint32_t most_pairs)
{
    size_t len[MAPS], sum = 0;

    lengths(most, most_pairs, len);
    for (int i = 0; i < MAPS; i++) {
        sum += len[i];
    }
    return sum;
}

int ft__image_open(struct ft__streams *t, uint32_t most, uint32_t most_pairs,
                   const struct ft_hash_seed *seed)
{
    *t = (struct ft__streams){.seed = *seed, .most = most, .most_pairs = most_pairs};
    lengths(most, most_pairs, t->map_len);
    for (int i = 0; i < MAPS; i++) {
        t->map[i] = t->map_len[i] > 0 ? ft_map_alloc(t->map_len[i]) : NULL;
        if (t->map_len[i] > 0 && t->map[i] == NULL) {
            ft__image_close(t);
            return FT_E_NOMEM;
        }
    }
    t->mask = buckets_for(most) - 1;
    t->buckets = t->map[MAP_BUCKETS];
    t->stream = t->map[MAP_STREAMS];
    t->side = t->map[MAP_SIDES];
    t->pair = t->map[MAP_PAIRS];
    return FT_OK;
}

void ft__image_close(struct ft__streams *t)
{
    for (int i = 0; i < MAPS; i++) {
        if (t->map[i] != NULL) {
            ft_map_free(t->map[i], t->map_len[i]);
            t->map[i] = NULL;
        }
    }
}

/* ---- what was used least recently ---- */

static struct ft__link *stream_link(struct ft__streams *t, uint32_t i)
{
    return &t->stream[i].recent;
}

static struct ft__link *pair_link(struct ft__streams *t, uint32_t i)
{
    return &t->pair[i].recent;
}

typedef struct ft__link *link_fn(struct ft__streams *t, uint32_t i);

static void link_in(struct ft__streams *t, struct ft__recent *r, link_fn *at, uint32_t i)
{
    *at(t, i) = (struct ft__link){.newer = 0, .older = r->newest};
    if (r->newest != 0) {
        at(t, r->newest - 1)->newer = i + 1;
    } else {
        r->oldest = i + 1;
    }
    r->newest = i + 1;
}

static void link_out(struct ft__streams *t, struct ft__recent *r, link_fn *at, uint32_t i)
{
    struct ft__link l = *at(t, i);

    *(l.newer != 0 ? &at(t, l.newer - 1)->older : &r->newest) = l.older;
    *(l.older != 0 ? &at(t, l.older - 1)->newer : &r->oldest) = l.newer;
}

static void touch(struct ft__streams *t, struct ft__recent *r, link_fn *at, uint32_t i)
{
    if (r->newest != i + 1) {
        link_out(t, r, at, i);
        link_in(t, r, at, i);
    }
}

/* ---- pairs ---- */

static uint32_t node_of(uint32_t pair, uint32_t side)
{
    return pair * 2 + side;
}

static void hang(struct ft__streams *t, uint32_t pair, uint32_t side)
{
    struct ft__pair *p = &t->pair[pair];
    struct ft__stream *s = &t->stream[p->stream[side]];
    uint32_t node = node_of(pair, side) + 1;

    p->next[side] = 0;
    p->prev[side] = s->last;
    if (s->last != 0) {
        t->pair[(s->last - 1) / 2].next[(s->last - 1) % 2] = node;
    } else {
        s->first = node;
    }
    s->last = node;
    s->n_pairs++;
}

static void unhang(struct ft__streams *t, uint32_t pair, uint32_t side)
{
    struct ft__pair *p = &t->pair[pair];
    struct ft__stream *s = &t->stream[p->stream[side]];
    uint32_t next = p->next[side], prev = p->prev[side];

    *(prev != 0 ? &t->pair[(prev - 1) / 2].next[(prev - 1) % 2] : &s->first) = next;
    *(next != 0 ? &t->pair[(next - 1) / 2].prev[(next - 1) % 2] : &s->last) = prev;
    s->n_pairs--;
}

static void remove_pair(struct ft__streams *t, uint32_t pair)
{
    unhang(t, pair, 0);
    unhang(t, pair, 1);
    link_out(t, &t->recent_pairs, pair_link, pair);
    t->pair[pair].recent.older = t->free_pair;
    t->free_pair = pair + 1;
    t->evicted_pairs++;
}

/* A stream that knows too many gives up the one that it was asked with least recently. */
static void make_room(struct ft__streams *t, uint32_t stream)
{
    uint32_t oldest = t->stream[stream].first;

    if (t->stream[stream].n_pairs < FT__PEERS) {
        return;
    }
    for (uint32_t n = oldest; n != 0; n = t->pair[(n - 1) / 2].next[(n - 1) % 2]) {
        if (t->pair[(n - 1) / 2].asked < t->pair[(oldest - 1) / 2].asked) {
            oldest = n;
        }
    }
    remove_pair(t, (oldest - 1) / 2);
}

static uint32_t add_pair(struct ft__streams *t, uint32_t from, uint32_t to, double t_s)
{
    uint32_t i;

    make_room(t, from);
    make_room(t, to);
    if (t->free_pair == 0 && t->used_pairs == t->most_pairs) {
        remove_pair(t, t->recent_pairs.oldest - 1);
    }
    if (t->free_pair != 0) {
        i = t->free_pair - 1;
        t->free_pair = t->pair[i].recent.older;
    } else {
        i = t->used_pairs++;
    }
    struct ft__pair *p = &t->pair[i];

    p->stream[0] = from;
    p->stream[1] = to;
    p->told[0] = p->told[1] = false;
    ft__image_joint_begin(&p->joint, t_s);
    hang(t, i, 0);
    hang(t, i, 1);
    link_in(t, &t->recent_pairs, pair_link, i);
    return i;
}

/* A value of the stream at that node came. Of a pair of a stream with itself it is always the first
 * one's. */
static void tell(struct ft__streams *t, uint32_t node, double t_s)
{
    struct ft__pair *p = &t->pair[node / 2];
    uint32_t mine = p->stream[0] == p->stream[1] ? 0 : node % 2, other = !mine;

    ft__image_stat_decay(&t->stream[p->stream[other]].stat, t_s, &t->decay);
    ft__image_joint_add(&p->joint, t_s, &t->decay, &t->side[p->stream[mine]],
                        p->told[other] ? &t->side[p->stream[other]] : NULL);
    p->told[mine] = true;
}

/* ---- streams ---- */

static uint64_t hash_of(const struct ft_hash_seed *seed, const uint8_t *text, uint32_t len)
{
    uint64_t h = len, w[2];

    for (uint32_t at = 0; at < len; at += sizeof w) {
        uint32_t left = len - at;

        memset(w, 0, sizeof w);
        memcpy(w, text + at, left < sizeof w ? left : sizeof w);
        h = ft_hash_16(seed, w[0] ^ h, w[1]);
    }
    return h;
}

void ft__image_ask(const struct ft__streams *t, struct ft__name *name)
{
    name->hash = hash_of(&t->seed, name->text, name->len);
    __builtin_prefetch(&t->buckets[name->hash & t->mask]);
}

void ft__image_ask_again(const struct ft__streams *t, const struct ft__name *name)
{
    uint32_t n = t->buckets[name->hash & t->mask];
    const uint8_t *at = (const uint8_t *)&t->stream[n > 0 ? n - 1 : 0];

    for (size_t i = 0; i < sizeof *t->stream; i += LINE) {
        __builtin_prefetch(at + i, 1);
    }
}

/* The oldest one's place, which is out of all lists. */
static uint32_t evict(struct ft__streams *t)
{
    uint32_t i = t->recent.oldest - 1;
    struct ft__stream *s = &t->stream[i];
    uint32_t *at = &t->buckets[hash_of(&t->seed, s->text, s->len) & t->mask];

    while (s->first != 0) {
        remove_pair(t, (s->first - 1) / 2);
    }
    while (*at != i + 1) {
        at = &t->stream[*at - 1].next;
    }
    *at = s->next;
    link_out(t, &t->recent, stream_link, i);
    t->evicted++;
    return i;
}

/* The stream of that name, which is now the one that was used last. */
static uint32_t find(struct ft__streams *t, const struct ft__name *name, double t_s)
{
    uint32_t *bucket = &t->buckets[name->hash & t->mask];

    for (uint32_t n = *bucket; n != 0; n = t->stream[n - 1].next) {
        struct ft__stream *s = &t->stream[n - 1];

        if (s->len == name->len && memcmp(s->text, name->text, s->len) == 0) {
            touch(t, &t->recent, stream_link, n - 1);
            return n - 1;
        }
    }
    uint32_t i = t->used < t->most ? t->used++ : evict(t);
    struct ft__stream *s = &t->stream[i];

    *s = (struct ft__stream){.next = *bucket, .len = (uint8_t)name->len};
    memcpy(s->text, name->text, name->len);
    ft__image_stat_begin(&s->stat, t_s);
    if (t->side != NULL) {
        memset(&t->side[i], 0, sizeof t->side[i]);
    }
    *bucket = i + 1;
    link_in(t, &t->recent, stream_link, i);
    return i;
}

void ft__image_one(struct ft__streams *t, const struct ft__name *name, double t_s, double v,
                   bool gap, double *out)
{
    struct ft__stat *s = &t->stream[find(t, name, t_s)].stat;

    if (gap) {
        v = t_s - s->last > 0 ? t_s - s->last : 0;
    }
    ft__image_stat_add(s, v, t_s, &t->decay, NULL);
    ft__image_stat_one(s, out, FT_AFTERIMAGE_ONE);
}

/* Tells all pairs of a stream of its value; the pair with `to` among them, + 1, or 0. Of a stream
 * with itself that is any: the first. */
static uint32_t tell_all(struct ft__streams *t, uint32_t from, uint32_t to, double t_s)
{
    uint32_t found = 0, next;

    for (uint32_t n = t->stream[from].first; n != 0; n = next) {
        struct ft__pair *p = &t->pair[(n - 1) / 2];

        next = p->next[(n - 1) % 2];
        if (next != 0) {
            __builtin_prefetch(&t->pair[(next - 1) / 2]);
        }
        tell(t, n - 1, t_s);
        if (found == 0 && (p->stream[0] == to || p->stream[1] == to)) {
            found = (n - 1) / 2 + 1;
        }
    }
    return found;
}

void ft__image_two(struct ft__streams *t, const struct ft__name *from, const struct ft__name *to,
                   double t_s, double v, double *out)
{
    uint32_t a = find(t, from, t_s), b = find(t, to, t_s), pair;

    ft__image_stat_add(&t->stream[a].stat, v, t_s, &t->decay, &t->side[a]);
    pair = tell_all(t, a, b, t_s);
    if (pair == 0) {
        pair = add_pair(t, a, b, t_s) + 1;
    }
    struct ft__pair *p = &t->pair[pair - 1];

    p->asked = ++t->asked;
    touch(t, &t->recent_pairs, pair_link, pair - 1);
    tell(t, node_of(pair - 1, p->stream[0] == a ? 0 : 1), t_s); /* a second time, as there */

    const struct ft__stat *const s[] = {&t->stream[p->stream[0]].stat,
                                        &t->stream[p->stream[1]].stat};
    const struct ft__side *const side[] = {&t->side[p->stream[0]], &t->side[p->stream[1]]};

    ft__image_stat_one(&t->stream[a].stat, out, FT_AFTERIMAGE_TWO);
    ft__image_stat_two(s, side, &p->joint, out + FT_AFTERIMAGE_ONE, FT_AFTERIMAGE_TWO);
}
