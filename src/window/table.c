/* SPDX-License-Identifier: Apache-2.0 */
/* window: entities of windows, see table.h. */
#include "window/table.h"

#include <string.h>

enum { ACCS_AHEAD = 8 };

/* ---- windows ---- */

static uint32_t take_window(struct ft_windows *t)
{
    uint32_t w = t->free_window;

    if (w != FT__NO_WINDOW) {
        t->free_window = t->windows[w].next;
    } else if (t->fresh_window < FT__WINDOWS) {
        w = t->fresh_window++;
    } else {
        return FT__NO_WINDOW;
    }
    t->windows[w] = (struct ft__window){.next = FT__NO_WINDOW, .prev = FT__NO_WINDOW};
    t->n_windows++;
    return w;
}

uint32_t ft__window_new(struct ft_windows *t, uint8_t span, uint32_t epoch, int64_t index)
{
    uint32_t w = take_window(t);

    if (w != FT__NO_WINDOW) {
        t->windows[w].span = span;
        t->windows[w].epoch = epoch;
        t->windows[w].index = index;
    }
    return w;
}

/* Puts w behind `before`, FT__NO_WINDOW: at the beginning. */
static void insert(struct ft_windows *t, uint32_t w, uint32_t before)
{
    struct ft__window *it = &t->windows[w];

    it->prev = before;
    it->next = before != FT__NO_WINDOW ? t->windows[before].next : t->oldest;
    *(before != FT__NO_WINDOW ? &t->windows[before].next : &t->oldest) = w;
    *(it->next != FT__NO_WINDOW ? &t->windows[it->next].prev : &t->newest) = w;
}

uint32_t ft__window_get(struct ft_windows *t, uint32_t epoch, int64_t index)
{
    uint32_t at = t->newest;

    while (at != FT__NO_WINDOW &&
           (t->windows[at].epoch > epoch ||
            (t->windows[at].epoch == epoch && t->windows[at].index > index))) {
        at = t->windows[at].prev;
    }
    if (at != FT__NO_WINDOW && t->windows[at].epoch == epoch && t->windows[at].index == index) {
        return at;
    }
    uint32_t w = ft__window_new(t, 0, epoch, index);

    if (w != FT__NO_WINDOW) {
        insert(t, w, at);
    }
    return w;
}

void ft__window_free(struct ft_windows *t, uint32_t window)
{
    struct ft__window *w = &t->windows[window];

    for (int k = 0; k < FT_ENTITY__COUNT; k++) {
        if (w->heap[k] != 0) {
            t->heap_taken[w->heap[k] - 1] = false;
        }
    }
    if (w->span == 0) {
        *(w->prev != FT__NO_WINDOW ? &t->windows[w->prev].next : &t->oldest) = w->next;
        *(w->next != FT__NO_WINDOW ? &t->windows[w->next].prev : &t->newest) = w->prev;
    }
    w->next = t->free_window;
    t->free_window = window;
    t->n_windows--;
}

/* ---- a full window: the one with the fewest packets ---- */

static int64_t rank(const struct ft_windows *t, const struct ft__acc *a)
{
    return ft__bound((int64_t)ft__acc_packets(t, a) +
                     (a->many != 0 ? t->manys[a->many - 1].credit : 0));
}

static struct ft__ranked *heap_of(const struct ft_windows *t, const struct ft__window *w,
                                  uint8_t kind)
{
    return t->heaps + (size_t)(w->heap[kind] - 1) * t->cfg.max_hosts;
}

static void put(const struct ft_windows *t, struct ft__ranked *heap, uint32_t at,
                struct ft__ranked it)
{
    heap[at] = it;
    t->heap_at[it.acc] = at;
}

static void sift_down(const struct ft_windows *t, struct ft__ranked *heap, uint32_t n, uint32_t at)
{
    struct ft__ranked it = heap[at];

    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && heap[child + 1].rank < heap[child].rank;
        if (it.rank <= heap[child].rank) {
            break;
        }
        put(t, heap, at, heap[child]);
    }
    put(t, heap, at, it);
}

static void sift_up(const struct ft_windows *t, struct ft__ranked *heap, uint32_t at)
{
    struct ft__ranked it = heap[at];

    for (; at > 0 && heap[(at - 1) / 2].rank > it.rank; at = (at - 1) / 2) {
        put(t, heap, at, heap[(at - 1) / 2]);
    }
    put(t, heap, at, it);
}

/* False: too many windows are full. */
static bool make_heap(struct ft_windows *t, struct ft__window *w, uint8_t kind)
{
    struct ft__ranked *heap;
    uint32_t n = 0;
    uint8_t h = 0;

    while (h < FT__HEAPS && t->heap_taken[h]) {
        h++;
    }
    if (h == FT__HEAPS) {
        return false;
    }
    t->heap_taken[h] = true;
    w->heap[kind] = (uint8_t)(h + 1);
    heap = heap_of(t, w, kind);
    for (uint32_t i = w->head[kind]; i != 0; i = t->members[i - 1].next) {
        for (uint32_t k = ft__members_in(w->n[kind] - n); k-- > 0; n++) {
            uint32_t acc = t->members[i - 1].acc[k];

            put(t, heap, n, (struct ft__ranked){rank(t, &t->accs[acc]), acc});
        }
    }
    for (uint32_t i = n / 2; i-- > 0;) {
        sift_down(t, heap, n, i);
    }
    return true;
}

void ft__acc_grew(struct ft_windows *t, const struct ft__acc *a)
{
    struct ft__window *w = &t->windows[a->window];
    uint8_t kind = ft__acc_kind(a);

    if (FT_UNLIKELY(w->heap[kind] != 0)) {
        struct ft__ranked *heap = heap_of(t, w, kind);
        uint32_t number = (uint32_t)(a - t->accs), at = t->heap_at[number];
        int64_t before = heap[at].rank;

        heap[at].rank = rank(t, a);
        if (heap[at].rank > before) {
            sift_down(t, heap, w->n[kind], at);
        } else {
            sift_up(t, heap, at);
        }
    }
}

uint64_t ft__window_owed(const struct ft_windows *t, const struct ft__window *w, uint8_t kind)
{
    int64_t least = w->heap[kind] != 0 ? heap_of(t, w, kind)[0].rank : 0;

    return (uint64_t)ft__bound((int64_t)w->owed[kind] + least);
}

/* ---- the index ---- */

static uint32_t hash_in(const struct ft__who *who, uint32_t window)
{
    uint64_t h = (who->hash ^ window) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)(h >> 32);
}

uint32_t *ft__acc_place(const struct ft_windows *t, const struct ft__who *who, uint32_t window)
{
    return &t->index[hash_in(who, window) & t->index_mask];
}

static bool is(const struct ft__acc *a, const struct ft__who *who, uint32_t window, uint32_t hash)
{
    return a->hash == hash && a->window == window && a->kind == who->kind &&
           a->proto == who->proto && memcmp(a->name, who->name, sizeof a->name) == 0;
}

static void unindex(struct ft_windows *t, const struct ft__acc *a)
{
    uint32_t number = (uint32_t)(a - t->accs) + 1;
    uint32_t *at = &t->index[a->hash & t->index_mask];

    while (*at != number) {
        at = &t->accs[*at - 1].next;
    }
    *at = a->next;
}

struct ft__acc *ft__acc_find(struct ft_windows *t, const struct ft__who *who, uint32_t window)
{
    uint32_t hash = hash_in(who, window);

    for (uint32_t i = t->index[hash & t->index_mask]; i != 0; i = t->accs[i - 1].next) {
        if (is(&t->accs[i - 1], who, window, hash)) {
            return &t->accs[i - 1];
        }
    }
    return NULL;
}

void ft__acc_give_back(struct ft_windows *t, struct ft__acc *a)
{
    ft__sets_clear(&t->room, &a->sets);
    if (a->many != 0) {
        ft__apps_clear(&t->apps, &t->manys[a->many - 1]);
        t->manys[a->many - 1].flows[0] = t->free_many;
        t->free_many = a->many;
    }
}

void ft__acc_free(struct ft_windows *t, struct ft__acc *a)
{
    unindex(t, a);
    ft__acc_give_back(t, a);
    t->free_accs[t->n_free_accs++] = (uint32_t)(a - t->accs);
}

/* Becomes this entity, all else 0, and is in the index. */
static void enter(struct ft_windows *t, struct ft__acc *a, const struct ft__who *who,
                  uint32_t window)
{
    uint32_t hash = hash_in(who, window), *at = &t->index[hash & t->index_mask];

    memset(a, 0, sizeof *a);
    a->hash = hash;
    a->window = (uint16_t)window;
    a->kind = who->kind;
    a->proto = who->proto;
    memcpy(a->name, who->name, sizeof a->name);
    a->next = *at;
    *at = (uint32_t)(a - t->accs) + 1;
}

/* The place of a new member of a window, or NULL. */
static uint32_t *new_member(struct ft_windows *t, struct ft__window *w, uint8_t kind)
{
    uint32_t in = w->n[kind] % FT__MEMBERS, i = t->free_members;

    if (in != 0) {
        return &t->members[w->head[kind] - 1].acc[in];
    }
    if (i != 0) {
        t->free_members = t->members[i - 1].next;
    } else if (t->fresh_members < t->n_members) {
        i = ++t->fresh_members;
    } else {
        return NULL;
    }
    t->members[i - 1].next = w->head[kind];
    w->head[kind] = i;
    return &t->members[i - 1].acc[0];
}

uint32_t ft__members_free(struct ft_windows *t, uint32_t members)
{
    uint32_t next = t->members[members - 1].next;

    t->members[members - 1].next = t->free_members;
    t->free_members = members;
    return next;
}

/* Ends of flows leave half of each pool to packets. */
static bool has_room(uint32_t fresh, uint32_t n, uint32_t free, uint64_t weight)
{
    uint32_t left = n - fresh + free;

    return weight > 0 ? left > 0 : left > n / 2;
}

/* A new one; NULL: the pool is empty. */
static struct ft__acc *append(struct ft_windows *t, const struct ft__who *who, uint32_t window,
                              uint64_t weight)
{
    struct ft__window *w = &t->windows[window];
    uint8_t kind = who->kind & 15;
    uint32_t i = t->fresh_acc, *member;

    if (!has_room(t->fresh_acc, t->n_accs, t->n_free_accs, weight)) {
        return NULL;
    }
    member = new_member(t, w, kind);
    if (member == NULL) {
        return NULL;
    }
    if (t->n_free_accs > 0) {
        i = t->free_accs[--t->n_free_accs];
    } else {
        t->fresh_acc++;
    }
    if (t->n_free_accs >= ACCS_AHEAD) { /* the one that is taken in some time */
        const struct ft__acc *then = &t->accs[t->free_accs[t->n_free_accs - ACCS_AHEAD]];

        __builtin_prefetch(then, 1);
        __builtin_prefetch((const uint8_t *)then + 64, 1);
    }
    enter(t, &t->accs[i], who, window);
    *member = i;
    w->n[kind]++;
    return &t->accs[i];
}

/* Space-Saving. */
static struct ft__acc *replace(struct ft_windows *t, const struct ft__who *who, uint32_t window)
{
    struct ft__window *w = &t->windows[window];
    uint8_t kind = who->kind & 15;

    if (w->heap[kind] == 0 && !make_heap(t, w, kind)) {
        return NULL;
    }
    int64_t credit = heap_of(t, w, kind)[0].rank;
    struct ft__acc *a = &t->accs[heap_of(t, w, kind)[0].acc];

    if (kind == FT_ENTITY_HOST && w->span == 0) {
        ft_count_add(&t->untracked, ft__acc_many(t, a)->packets[FT_WINDOW_OUT]);
    }
    unindex(t, a);
    ft__acc_give_back(t, a);
    enter(t, a, who, window);
    ft__acc_many(t, a)->credit = credit;
    return a; /* at the top of the heap, as heap_at says: 0 */
}

struct ft__acc *ft__acc_get(struct ft_windows *t, const struct ft__who *who, uint32_t window,
                            uint64_t weight)
{
    struct ft__acc *a = ft__acc_find(t, who, window);

    if (FT_LIKELY(a != NULL)) {
        return a;
    }
    if (t->windows[window].n[who->kind & 15] < t->cfg.max_hosts &&
        t->windows[window].heap[who->kind & 15] == 0) {
        a = append(t, who, window, weight);
        if (a != NULL) {
            return a;
        }
    }
    /* an empty pool: the window is full before its time */
    a = weight > 0 && t->windows[window].n[who->kind & 15] > 0 ? replace(t, who, window) : NULL;
    if (a == NULL) {
        ft__window_owe(&t->windows[window], who->kind & 15, weight);
    }
    return a;
}

/* ---- the log ---- */

struct ft__entry *ft__log_new(struct ft_windows *t, struct ft__window *w, uint64_t weight)
{
    uint32_t in = w->n_log % FT__CHUNK, i = t->free_chunk;

    if (w->n_log == t->log_most) {
        return NULL;
    }
    if (in != 0) {
        w->n_log++;
        return &t->log[(size_t)(w->log - 1) * FT__CHUNK + in];
    }
    if (!has_room(t->fresh_chunk, t->n_chunks, t->n_free_chunks, weight)) {
        return NULL;
    }
    if (i != 0) {
        t->free_chunk = t->chunk_next[i - 1];
        t->n_free_chunks--;
    } else {
        i = ++t->fresh_chunk;
    }
    t->chunk_next[i - 1] = w->log;
    w->log = i;
    w->n_log++;
    return &t->log[(size_t)(i - 1) * FT__CHUNK];
}

void ft__log_free(struct ft_windows *t, struct ft__window *w)
{
    while (w->log != 0) {
        uint32_t i = w->log;

        w->log = t->chunk_next[i - 1];
        t->chunk_next[i - 1] = t->free_chunk;
        t->free_chunk = i;
        t->n_free_chunks++;
    }
    w->n_log = 0;
}

/* ---- sums ---- */

/* There is one for each entity. */
static uint32_t take_many(struct ft_windows *t)
{
    uint32_t i = t->free_many;

    if (i != 0) {
        t->free_many = t->manys[i - 1].flows[0];
        return i;
    }
    return ++t->fresh_many;
}

struct ft__many *ft__acc_many(struct ft_windows *t, struct ft__acc *a)
{
    if (a->many == 0) {
        a->many = take_many(t);
        ft__many_of(&a->few, &t->manys[a->many - 1]);
    }
    return &t->manys[a->many - 1];
}

void ft__acc_add_many(struct ft_windows *t, struct ft__acc *a, const struct ft__many *many)
{
    struct ft__many *to = ft__acc_many(t, a);

    ft__apps_add(&t->apps, to, many);
    ft__many_add(to, many);
}

/* Bytes of several applications are kept, and will be. */
static bool keeps_apps(const struct ft_windows *t, uint8_t a, uint8_t b)
{
    return t->apps.bytes != NULL && ft__app_both(a, b) == FT__APP_SEVERAL;
}

void ft__acc_add(struct ft_windows *t, struct ft__acc *a, const struct ft__few *few)
{
    struct ft__many more;

    if (FT_UNLIKELY(a->many != 0) || FT_UNLIKELY(keeps_apps(t, a->few.app, few->app)) ||
        FT_UNLIKELY(!ft__few_add(&a->few, few))) {
        ft__many_of(few, &more);
        ft__acc_add_many(t, a, &more);
    }
}

void ft__acc_merge(struct ft_windows *t, struct ft__acc *to, const struct ft__acc *from,
                   uint64_t error, uint64_t m)
{
    if (from->many == 0) {
        ft__acc_add(t, to, &from->few);
    } else {
        ft__acc_add_many(t, to, &t->manys[from->many - 1]);
    }
    ft__sets_merge(&t->room, &to->sets, &from->sets);
    if (FT_UNLIKELY(error != m)) {
        int64_t *credit = &ft__acc_many(t, to)->credit;

        *credit = ft__bound(*credit + (int64_t)error - (int64_t)m);
    }
    ft__acc_grew(t, to);
}
