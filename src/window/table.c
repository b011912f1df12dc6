/* SPDX-License-Identifier: Apache-2.0 */
/* window: entities of windows, see table.h. */
#include "window/table.h"

#include <string.h>

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
}

/* ---- a full window: the one with the fewest packets ---- */

static int64_t rank(const struct ft__acc *a)
{
    return (int64_t)(a->packets[0] + a->packets[1]) + a->credit;
}

static uint32_t *heap_of(const struct ft_windows *t, const struct ft__window *w, uint8_t kind)
{
    return t->heaps + (size_t)(w->heap[kind] - 1) * t->cfg.max_hosts;
}

static void sift_down(const struct ft_windows *t, uint32_t *heap, uint32_t n, uint32_t at)
{
    uint32_t it = heap[at];
    int64_t of_it = rank(&t->accs[it]);

    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && rank(&t->accs[heap[child + 1]]) < rank(&t->accs[heap[child]])) {
            child++;
        }
        if (of_it <= rank(&t->accs[heap[child]])) {
            break;
        }
        heap[at] = heap[child];
        t->accs[heap[at]].heap_at = at;
    }
    heap[at] = it;
    t->accs[it].heap_at = at;
}

static void sift_up(const struct ft_windows *t, uint32_t *heap, uint32_t at)
{
    uint32_t it = heap[at];
    int64_t of_it = rank(&t->accs[it]);

    for (; at > 0 && rank(&t->accs[heap[(at - 1) / 2]]) > of_it; at = (at - 1) / 2) {
        heap[at] = heap[(at - 1) / 2];
        t->accs[heap[at]].heap_at = at;
    }
    heap[at] = it;
    t->accs[it].heap_at = at;
}

/* False: too many windows are full. */
static bool make_heap(struct ft_windows *t, struct ft__window *w, uint8_t kind)
{
    uint8_t h = 0;
    uint32_t *heap, n = 0;

    while (h < FT__HEAPS && t->heap_taken[h]) {
        h++;
    }
    if (h == FT__HEAPS) {
        return false;
    }
    t->heap_taken[h] = true;
    w->heap[kind] = (uint8_t)(h + 1);
    heap = heap_of(t, w, kind);
    for (uint32_t i = w->head[kind]; i != 0; i = t->accs[i - 1].link) {
        heap[n] = i - 1;
        t->accs[i - 1].heap_at = n++;
    }
    for (uint32_t i = n / 2; i-- > 0;) {
        sift_down(t, heap, n, i);
    }
    return true;
}

void ft__acc_grew(struct ft_windows *t, struct ft__acc *a)
{
    struct ft__window *w = &t->windows[a->window];
    uint8_t kind = ft__acc_kind(a);

    if (FT_UNLIKELY(w->heap[kind] != 0)) {
        uint32_t *heap = heap_of(t, w, kind);

        sift_down(t, heap, w->n[kind], a->heap_at);
        sift_up(t, heap, a->heap_at);
    }
}

uint64_t ft__window_owed(const struct ft_windows *t, const struct ft__window *w, uint8_t kind)
{
    int64_t least = w->heap[kind] != 0 ? rank(&t->accs[heap_of(t, w, kind)[0]]) : 0;

    return w->owed[kind] + (uint64_t)least;
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
    return a->hash == hash && a->window == window && a->kind == who->kind && a->port == who->port &&
           a->proto == who->proto && memcmp(a->addr[0], who->addr, 16) == 0 &&
           (who->peer == NULL || memcmp(a->addr[1], who->peer, 16) == 0);
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

static void clear_sets(struct ft_windows *t, struct ft__acc *a)
{
    ft__set_clear(&t->room, &a->peers[0]);
    ft__set_clear(&t->room, &a->peers[1]);
    ft__set_clear(&t->room, &a->ports);
}

void ft__acc_free(struct ft_windows *t, struct ft__acc *a)
{
    unindex(t, a);
    clear_sets(t, a);
    a->next = t->free_acc;
    t->free_acc = (uint32_t)(a - t->accs) + 1;
}

/* Becomes this entity, all else 0, and is in the index. */
static void enter(struct ft_windows *t, struct ft__acc *a, const struct ft__who *who,
                  uint32_t window)
{
    uint32_t hash = hash_in(who, window), *at = &t->index[hash & t->index_mask];

    memset(a, 0, sizeof *a);
    a->hash = hash;
    a->window = window;
    a->kind = who->kind;
    a->port = who->port;
    a->proto = who->proto;
    memcpy(a->addr[0], who->addr, 16);
    if (who->peer != NULL) {
        memcpy(a->addr[1], who->peer, 16);
    }
    a->next = *at;
    *at = (uint32_t)(a - t->accs) + 1;
}

/* A new one, in the window's list; NULL: the pool is empty. */
static struct ft__acc *append(struct ft_windows *t, const struct ft__who *who, uint32_t window)
{
    struct ft__window *w = &t->windows[window];
    uint8_t kind = who->kind & 15;
    uint32_t i = t->free_acc;

    if (i != 0) {
        t->free_acc = t->accs[i - 1].next;
    } else if (t->fresh_acc < t->n_accs) {
        i = ++t->fresh_acc;
    } else {
        return NULL;
    }
    enter(t, &t->accs[i - 1], who, window);
    t->accs[i - 1].link = w->head[kind];
    w->head[kind] = i;
    w->n[kind]++;
    return &t->accs[i - 1];
}

/* Space-Saving. */
static struct ft__acc *replace(struct ft_windows *t, const struct ft__who *who, uint32_t window)
{
    struct ft__window *w = &t->windows[window];
    uint8_t kind = who->kind & 15;

    if (w->heap[kind] == 0 && !make_heap(t, w, kind)) {
        return NULL;
    }
    struct ft__acc *a = &t->accs[heap_of(t, w, kind)[0]];
    uint32_t link = a->link;
    int64_t credit = rank(a);

    if (kind == FT_ENTITY_HOST && w->span == 0) {
        ft_count_add(&t->untracked, a->packets[FT_WINDOW_OUT]);
    }
    unindex(t, a);
    clear_sets(t, a);
    enter(t, a, who, window);
    a->link = link;
    a->credit = credit;
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
        a = append(t, who, window);
        if (a != NULL) {
            return a;
        }
    }
    /* an empty pool: the window is full before its time */
    a = weight > 0 && t->windows[window].n[who->kind & 15] > 0 ? replace(t, who, window) : NULL;
    t->windows[window].owed[who->kind & 15] += a == NULL ? weight : 0;
    return a;
}

/* ---- sums ---- */

static void add_squares(struct ft__acc *to, const struct ft__acc *from)
{
    unsigned __int128 a = (unsigned __int128)to->gap_squares[1] << 64 | to->gap_squares[0];
    unsigned __int128 b = (unsigned __int128)from->gap_squares[1] << 64 | from->gap_squares[0];

    a += b;
    to->gap_squares[0] = (uint64_t)a;
    to->gap_squares[1] = (uint64_t)(a >> 64);
    if (__builtin_add_overflow(to->squares, from->squares, &to->squares)) {
        to->squares = UINT64_MAX;
    }
}

void ft__acc_merge(struct ft_windows *t, struct ft__acc *to, const struct ft__acc *from,
                   uint64_t error, uint64_t m)
{
    for (int d = 0; d < 2; d++) {
        to->packets[d] += from->packets[d];
        to->bytes[d] += from->bytes[d];
        to->flows[d] = ft__add32(to->flows[d], from->flows[d]);
        to->failed[d] = ft__add32(to->failed[d], from->failed[d]);
        to->syn[d] = ft__add32(to->syn[d], from->syn[d]);
        to->syn_ack[d] = ft__add32(to->syn_ack[d], from->syn_ack[d]);
        to->rst[d] = ft__add32(to->rst[d], from->rst[d]);
        ft__set_merge(&t->room, &to->peers[d], &from->peers[d], false);
    }
    ft__set_merge(&t->room, &to->ports, &from->ports, true);
    for (int i = 0; i < FT_WINDOW_SIZES; i++) {
        to->sizes[i] = ft__add32(to->sizes[i], from->sizes[i]);
    }
    to->ended = ft__add32(to->ended, from->ended);
    to->new_peers = ft__add32(to->new_peers, from->new_peers);
    to->gaps += from->gaps;
    to->gap_us += from->gap_us;
    add_squares(to, from);
    to->credit += (int64_t)error - (int64_t)m;
    ft__acc_grew(t, to);
}
