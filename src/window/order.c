/* SPDX-License-Identifier: Apache-2.0 */
/* window: entities of a window and kind in the order of their rows.
 *
 * Theory of operation: IPv4 before IPv6, each by address, then peer or port, protocol: by radix,
 * the last digit first, in steps of some dozens. One word holds all of IPv4; IPv6 takes up to four,
 * the last one first. Digits that are the same for all are passed over. Where addresses are
 * mapped, all are in the order of a hash of what is shown. */
#include <string.h>

#include "window/close.h"

enum { A_STEP = 32 };

/* ---- keys ---- */

void ft__order_who(const struct ft_windows *t, uint32_t ref, struct ft__who *out)
{
    const struct ft__closing *c = &t->closing;

    if (!c->from_log) {
        const struct ft__acc *a = &t->accs[ref];

        *out = (struct ft__who){.kind = a->kind, .proto = a->proto};
        memcpy(out->name, a->name, sizeof out->name);
        return;
    }
    ft__entry_who(ft__order_entry(t, ref), ft__order_end(t, ref), out);
}

/* A hash of what is shown. */
static uint64_t as_shown(const struct ft_windows *t, struct ft__who *who)
{
    t->cfg.map_address(t->cfg.map_cookie, who->kind >> 4, who->name[0]);
    if ((who->kind & 15) == FT_ENTITY_PAIR) {
        t->cfg.map_address(t->cfg.map_cookie, who->kind >> 4, who->name[1]);
    }
    return ft__who_hash(t, who);
}

/* The last word: of IPv4 all that there is. */
static uint64_t last_word(const struct ft__who *who)
{
    const uint8_t *second = who->name[1];
    uint64_t port = (uint64_t)ft_load_be16(second) << 16 | who->proto;
    bool service = (who->kind & 15) == FT_ENTITY_SERVICE;

    if (who->kind >> 4 == 4) {
        return (uint64_t)ft_load_be32(who->name[0]) << 32 | (service ? port : ft_load_be32(second));
    }
    return service ? port : ft_load_be64(second + 8);
}

/* last_word() of an entry of the log that is of IPv4, as most are. */
static uint64_t word_of_entry(const struct ft__flow *f, int end)
{
    bool responder = end == FT__SERVICE || end == FT__RESPONDER;
    uint64_t word = (uint64_t)ft_load_be32(f->addr[responder]) << 32;

    return end == FT__PAIR      ? word | ft_load_be32(f->addr[1])
           : end == FT__SERVICE ? word | (uint64_t)f->port << 16 | f->proto
                                : word;
}

/* Words from the last one to the first. */
static uint64_t word_of(const struct ft_windows *t, uint32_t ref, uint32_t word)
{
    struct ft__who who;

    if (t->closing.from_log && t->closing.part == 0 && t->cfg.map_address == NULL) {
        return word_of_entry(&ft__order_entry(t, ref)->flow, ft__order_end(t, ref));
    }
    ft__order_who(t, ref, &who);
    if (t->cfg.map_address != NULL) {
        return as_shown(t, &who);
    }
    return word == 0   ? last_word(&who)
           : word == 1 ? ft_load_be64(who.name[1])
           : word == 2 ? ft_load_be64(who.name[0] + 8)
                       : ft_load_be64(who.name[0]);
}

static bool is_last_word(const struct ft_windows *t)
{
    return t->cfg.map_address != NULL || t->closing.part == 0 || t->closing.sort.word == 3;
}

/* ---- one word ---- */

static struct ft__ordered *from(const struct ft_windows *t)
{
    return t->order[t->closing.sort.flipped] + t->closing.sort.first;
}

static void ask(const struct ft_windows *t, uint32_t ref)
{
    if (t->closing.from_log) {
        __builtin_prefetch(&ft__order_entry(t, ref)->flow);
    } else {
        __builtin_prefetch(&t->accs[ref]);
    }
}

/* Keys, and how many there are of each digit. */
static void load(struct ft_windows *t)
{
    struct ft__sort *s = &t->closing.sort;
    struct ft__ordered *o = from(t);
    uint32_t end = s->n - s->at < A_STEP ? s->n : s->at + A_STEP;

    for (uint32_t i = end; i < end + A_STEP && i < s->n; i++) {
        ask(t, o[i].ref);
    }
    for (uint32_t i = s->at; i < end; i++) {
        uint64_t key = word_of(t, o[i].ref, s->word);

        o[i].key = key;
        for (int d = 0; d < FT__DIGITS; d++, key >>= 8) {
            s->count[d][key & 255]++;
        }
    }
    s->at = end;
    if (s->at == s->n) {
        s->loaded = true;
        s->digit = 0;
        s->counted = false;
        s->at = 0;
    }
}

/* Where each value of the digit begins. False: all have the same. */
static bool begin_digit(struct ft_windows *t)
{
    struct ft__sort *s = &t->closing.sort;
    uint32_t *count = s->count[s->digit], at = 0;

    s->counted = true;
    if (count[from(t)[0].key >> 8 * s->digit & 255] == s->n) {
        return false;
    }
    for (int i = 0; i < FT__DIGIT; i++) {
        uint32_t n = count[i];

        count[i] = at;
        at += n;
    }
    return true;
}

static void move(struct ft_windows *t)
{
    struct ft__sort *s = &t->closing.sort;
    const struct ft__ordered *o = from(t);
    struct ft__ordered *to = t->order[!s->flipped] + s->first;
    uint32_t *place = s->count[s->digit];
    uint32_t end = s->n - s->at < A_STEP * 4 ? s->n : s->at + A_STEP * 4;

    uint32_t shift = 8u * s->digit;

    for (uint32_t i = s->at; i < end; i++) {
        to[place[o[i].key >> shift & 255]++] = o[i];
    }
    s->at = end;
}

/* ---- all of it ---- */

void ft__order_add(struct ft_windows *t, uint32_t ref, uint8_t version)
{
    struct ft__closing *c = &t->closing;
    bool six = t->cfg.map_address == NULL && version == 6;
    uint32_t at = six ? t->n_order - ++c->n[1] : c->n[0]++;

    t->order[0][at].ref = ref;
}

static void begin_part(struct ft_windows *t, uint8_t part)
{
    struct ft__closing *c = &t->closing;

    c->part = part;
    memset(&c->sort, 0, sizeof c->sort);
    c->sort.n = c->n[part];
    c->sort.first = part == 0 ? 0 : t->n_order - c->n[1];
}

void ft__order_begin(struct ft_windows *t)
{
    begin_part(t, 0);
}

/* The word is in order: the next one. False: that was the last one. */
static bool next_word(struct ft_windows *t)
{
    struct ft__sort *s = &t->closing.sort;

    if (is_last_word(t)) {
        return false;
    }
    s->word++;
    s->loaded = false;
    s->at = 0;
    memset(s->count, 0, sizeof s->count);
    return true;
}

/* Puts them where ft__order_at() looks, and begins the next part. True: there is none. */
static bool end_part(struct ft_windows *t)
{
    struct ft__sort *s = &t->closing.sort;

    if (s->flipped && s->n > 0) {
        memcpy(t->order[0] + s->first, t->order[1] + s->first, sizeof *t->order[0] * s->n);
    }
    if (t->closing.part == 1) {
        return true;
    }
    begin_part(t, 1);
    return false;
}

bool ft__order_go_on(struct ft_windows *t)
{
    struct ft__sort *s = &t->closing.sort;

    if (s->n < 2) {
        return end_part(t);
    }
    if (!s->loaded) {
        load(t);
    } else if (s->digit == FT__DIGITS) {
        return next_word(t) ? false : end_part(t);
    } else if (!s->counted && !begin_digit(t)) {
        s->digit++;
        s->counted = false;
    } else if (s->at < s->n) {
        move(t);
    } else {
        s->flipped = !s->flipped;
        s->digit++;
        s->counted = false;
        s->at = 0;
    }
    return false;
}

const struct ft__ordered *ft__order_at(const struct ft_windows *t, uint32_t k)
{
    const struct ft__closing *c = &t->closing;

    return &t->order[0][k < c->n[0] ? k : t->n_order - c->n[1] + k - c->n[0]];
}

bool ft__order_same(const struct ft_windows *t, uint32_t k, uint32_t l)
{
    const struct ft__ordered *a = ft__order_at(t, k), *b = ft__order_at(t, l);
    struct ft__who one, other;

    if (a->key != b->key || (t->cfg.map_address == NULL && l < t->closing.n[0])) {
        return a->key == b->key && (k < t->closing.n[0]) == (l < t->closing.n[0]);
    }
    ft__order_who(t, a->ref, &one);
    ft__order_who(t, b->ref, &other);
    return one.kind == other.kind && one.proto == other.proto &&
           memcmp(one.name, other.name, sizeof one.name) == 0;
}
