/* SPDX-License-Identifier: Apache-2.0 */
/* window: windows that are over: rows, what is usual, the next longer span.
 *
 * Theory of operation: the oldest window of the shortest span is over when every worker has passed
 * it; one of a longer span when all that is in it was written. One is written at a time, by kinds:
 *
 *     GATHER  its entities into an array    SIFT  which becomes a heap, by address, port, protocol
 *             (or, where addresses are mapped, by a hash of what is shown)
 *     WRITE   the first of it: a row; it is added to the longer span; its place is free
 *
 * each of which can be interrupted, so that no batch of packets waits for a whole window. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "window/fold.h"
#include "window/usual.h"
#include "window/worker.h"

enum step { GATHER, SIFT, WRITE };

static int64_t span_ns(const struct ft_windows *t, uint8_t span)
{
    return (int64_t)t->cfg.span_s[span] * 1000000000;
}

/* ---- life ---- */

static uint32_t accs_for(uint32_t max_hosts)
{
    uint64_t n = (uint64_t)max_hosts * FT_ENTITY__COUNT * FT__POOLS;

    return n < UINT32_MAX / 2 ? (uint32_t)n : UINT32_MAX / 2;
}

static uint32_t index_for(uint32_t accs)
{
    uint32_t n = 1024;

    while (n < accs / 2 && n < 1u << 30) {
        n *= 2;
    }
    return n;
}

static uint32_t nodes_for(uint32_t accs)
{
    return accs < UINT32_MAX / 4 ? accs * 4 : UINT32_MAX;
}

static uint32_t blocks_for(uint32_t max_hosts)
{
    return max_hosts / 4 + 256;
}

size_t ft_windows_budget(const struct ft_windows_config *cfg, uint32_t *out_host)
{
    uint32_t accs = accs_for(cfg->max_hosts);

    *out_host = sizeof(struct ft__acc) + 2 * sizeof(struct ft__set_node) + 4;
    return sizeof(struct ft_windows) + sizeof(struct ft__acc) * accs +
           sizeof(uint32_t) * index_for(accs) + sizeof(struct ft__window) * FT__WINDOWS +
           (sizeof(uint32_t) * FT__HEAPS + sizeof(struct ft__ordered)) * cfg->max_hosts +
           ft__set_room_budget(nodes_for(accs), blocks_for(cfg->max_hosts)) +
           ft__usual_budget(cfg->max_hosts) + ft__known_budget(cfg->max_hosts);
}

int ft_windows_new(const struct ft_windows_config *cfg, struct ft_windows **out)
{
    struct ft_windows *t = ft_mem_alloc(1, sizeof *t);

    if (t == NULL) {
        return FT_E_NOMEM;
    }
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->ended, NULL);
    t->cfg = *cfg;
    t->n_accs = accs_for(cfg->max_hosts);
    t->index_mask = index_for(t->n_accs) - 1;
    t->free_window = t->oldest = t->newest = t->closing.window = FT__NO_WINDOW;
    for (int s = 0; s < FT_WINDOW_SPANS; s++) {
        t->longer[s] = FT__NO_WINDOW;
    }
    for (uint32_t i = 0; i < cfg->n_workers; i++) {
        t->passed[i].index = INT64_MIN;
    }
    t->accs = ft_map_alloc(sizeof *t->accs * t->n_accs);
    t->index = ft_map_alloc(sizeof *t->index * (t->index_mask + 1));
    t->windows = ft_map_alloc(sizeof *t->windows * FT__WINDOWS);
    t->heaps = ft_map_alloc(sizeof *t->heaps * cfg->max_hosts * FT__HEAPS);
    t->order = ft_map_alloc(sizeof *t->order * cfg->max_hosts);
    int rc = t->accs != NULL && t->index != NULL && t->windows != NULL && t->heaps != NULL &&
                     t->order != NULL
                 ? FT_OK
                 : FT_E_NOMEM;

    rc = rc == FT_OK ? ft__set_room_open(&t->room, nodes_for(t->n_accs), blocks_for(cfg->max_hosts))
                     : rc;
    rc = rc == FT_OK ? ft__usual_open(&t->usual, cfg->max_hosts) : rc;
    rc = rc == FT_OK ? ft__known_open(&t->bloom, cfg->max_hosts) : rc;
    if (rc != FT_OK) {
        ft_windows_free(t);
        return rc;
    }
    *out = t;
    return FT_OK;
}

static void unmap(void *p, size_t size, size_t n)
{
    if (p != NULL) {
        ft_map_free(p, size * n);
    }
}

void ft_windows_free(struct ft_windows *t)
{
    if (t == NULL) {
        return;
    }
    unmap(t->accs, sizeof *t->accs, t->n_accs);
    unmap(t->index, sizeof *t->index, t->index_mask + 1);
    unmap(t->windows, sizeof *t->windows, FT__WINDOWS);
    unmap(t->heaps, sizeof *t->heaps, (size_t)t->cfg.max_hosts * FT__HEAPS);
    unmap(t->order, sizeof *t->order, t->cfg.max_hosts);
    ft__set_room_close(&t->room);
    ft__usual_close(&t->usual);
    ft__known_close(&t->bloom);
    pthread_cond_destroy(&t->ended);
    pthread_mutex_destroy(&t->lock);
    ft_mem_free(t);
}

void ft_windows_get_stats(const struct ft_windows *t, struct ft_windows_stats *out)
{
    out->late = ft_count_get(&t->late);
    out->untracked = ft_count_get(&t->untracked);
    out->no_room = ft_count_get(&t->no_room);
    out->rows = ft_count_get(&t->rows);
    out->steps = atomic_load_explicit(&t->epoch, memory_order_relaxed);
}

/* ---- which one ---- */

/* All before this is known. */
static struct ft__passed all_passed(const struct ft_windows *t)
{
    struct ft__passed least = t->passed[0];

    for (uint32_t i = 1; i < t->cfg.n_workers; i++) {
        struct ft__passed p = t->passed[i];

        if (p.epoch < least.epoch || (p.epoch == least.epoch && p.index < least.index)) {
            least = p;
        }
    }
    return least;
}

/* A window that is to be written now, or FT__NO_WINDOW: the shortest span of those that are over
 * first, since it goes into the longer ones. */
static uint32_t next_over(struct ft_windows *t)
{
    struct ft__passed p = all_passed(t);
    bool some = t->oldest != FT__NO_WINDOW;
    const struct ft__window *oldest = some ? &t->windows[t->oldest] : NULL;
    bool over =
        some && (oldest->epoch < p.epoch || (oldest->epoch == p.epoch && oldest->index < p.index));

    if (over) {
        p = (struct ft__passed){oldest->epoch, oldest->index};
    }
    for (uint8_t s = 1; s < t->cfg.n_spans; s++) {
        const struct ft__window *w = &t->windows[t->longer[s]];
        int64_t ratio = t->cfg.span_s[s] / t->cfg.span_s[0];

        if (t->longer[s] != FT__NO_WINDOW &&
            (w->epoch < p.epoch || (w->epoch == p.epoch && (w->index + 1) * ratio <= p.index))) {
            return t->longer[s];
        }
    }
    return over ? t->oldest : FT__NO_WINDOW;
}

/* ---- in order ---- */

static int order_of(const struct ft__acc *a, const struct ft__acc *b)
{
    int c = (a->kind >> 4) - (b->kind >> 4);

    c = c != 0 ? c : memcmp(a->addr, b->addr, sizeof a->addr);
    c = c != 0 ? c : a->port - b->port;
    return c != 0 ? c : a->proto - b->proto;
}

/* IPv4 is before IPv6 and, but for one bit of the peer or protocol, whole. */
static uint64_t first_of(const struct ft__acc *a)
{
    uint64_t rest = ft__acc_kind(a) == FT_ENTITY_SERVICE ? (uint64_t)a->port << 16 | a->proto
                                                         : ft_load_be32(a->addr[1]);

    return a->kind >> 4 == 6 ? ft_load_be64(a->addr[0]) >> 1 | UINT64_C(1) << 63
                             : ((uint64_t)ft_load_be32(a->addr[0]) << 32 | rest) >> 1;
}

/* Of one that is shown with mapped addresses: a hash of what is shown. */
static uint64_t first_as_shown(const struct ft_windows *t, const struct ft__acc *a)
{
    uint8_t address[16], peer[16];
    bool pair = ft__acc_kind(a) == FT_ENTITY_PAIR;
    struct ft__who who = {.kind = a->kind,
                          .proto = a->proto,
                          .port = a->port,
                          .addr = address,
                          .peer = pair ? peer : NULL};

    memcpy(address, a->addr[0], sizeof address);
    memcpy(peer, a->addr[1], sizeof peer);
    t->cfg.map_address(t->cfg.map_cookie, a->kind >> 4, address);
    if (pair) {
        t->cfg.map_address(t->cfg.map_cookie, a->kind >> 4, peer);
    }
    return ft__who_hash(t, &who);
}

static bool before(const struct ft_windows *t, const struct ft__ordered *a,
                   const struct ft__ordered *b)
{
    return FT_LIKELY(a->first != b->first) ? a->first < b->first
                                           : order_of(&t->accs[a->acc], &t->accs[b->acc]) < 0;
}

/* A heap in which each has four below it. */
static void sift(const struct ft_windows *t, uint32_t at, uint32_t n)
{
    struct ft__ordered it = t->order[at];

    for (uint32_t child; (child = 4 * at + 1) < n; at = child) {
        uint32_t end = child + 4 < n ? child + 4 : n;

        for (uint32_t k = child + 1; k < end; k++) {
            child = before(t, &t->order[k], &t->order[child]) ? k : child;
        }
        if (!before(t, &t->order[child], &it)) {
            break;
        }
        t->order[at] = t->order[child];
    }
    t->order[at] = it;
}

/* ---- a row ---- */

static double ratio(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : ft_window_null();
}

/* Mean and deviation of n values with this sum and sum of squares. */
static void moments(uint64_t n, uint64_t sum, unsigned __int128 squares, bool known, double *mean,
                    double *std)
{
    struct ft_distribution d = {.n = n, .sum = sum, .squares = squares};

    *mean = n > 0 ? ft_distribution_mean(&d) : ft_window_null();
    *std = n > 1 && known ? ft_distribution_std(&d) : ft_window_null();
}

static double or_null(double entropy)
{
    return entropy >= 0 ? entropy : ft_window_null();
}

static void row_sets(struct ft_windows *t, const struct ft__acc *a, struct ft_window_row *r)
{
    bool host = r->entity == FT_ENTITY_HOST, service = r->entity == FT_ENTITY_SERVICE;
    const struct ft__window *w = &t->windows[a->window];
    bool pairs = w->heap[FT_ENTITY_PAIR] == 0 && w->owed[FT_ENTITY_PAIR] == 0;

    r->peers[0] = host ? ft__set_size(&t->room, &a->peers[0]) : UINT64_MAX;
    r->peers[1] = host || service ? ft__set_size(&t->room, &a->peers[1]) : UINT64_MAX;
    r->ports = service ? UINT64_MAX : ft__set_size(&t->room, &a->ports);
    r->port_entropy = service ? ft_window_null() : or_null(ft__set_entropy(&t->room, &a->ports));
    r->size_entropy = or_null(ft__entropy(a->sizes, FT_WINDOW_SIZES));
    r->new_peers = service || (host && !pairs) ? UINT64_MAX : a->new_peers;
    r->new_peers_false = service ? ft_window_null() : t->closing.known_false;
}

static void row_counts(const struct ft__acc *a, struct ft_window_row *r)
{
    unsigned __int128 squares = (unsigned __int128)a->gap_squares[1] << 64 | a->gap_squares[0];

    for (int d = 0; d < 2; d++) {
        r->packets[d] = a->packets[d];
        r->bytes[d] = a->bytes[d];
        r->flows[d] = a->flows[d];
        r->failed[d] = a->failed[d];
        r->syn[d] = a->syn[d];
        r->syn_ack[d] = a->syn_ack[d];
        r->rst[d] = a->rst[d];
    }
    r->ended = a->ended;
    r->answered = ratio(r->syn_ack[FT_WINDOW_IN], r->syn[FT_WINDOW_OUT]);
    r->reset = ratio(r->rst[0] + r->rst[1], r->packets[0] + r->packets[1]);
    moments(r->packets[0] + r->packets[1], r->bytes[0] + r->bytes[1], a->squares,
            a->squares != UINT64_MAX, &r->size_mean, &r->size_std);
    moments(a->gaps, a->gap_us, squares, true, &r->gap_mean, &r->gap_std);
}

static struct ft__who who_of(const struct ft_windows *t, const struct ft__acc *a)
{
    struct ft__who who = {.kind = a->kind,
                          .proto = a->proto,
                          .port = a->port,
                          .addr = a->addr[0],
                          .peer = ft__acc_kind(a) == FT_ENTITY_PAIR ? a->addr[1] : NULL};

    who.hash = ft__who_hash(t, &who);
    return who;
}

static void make_row(struct ft_windows *t, const struct ft__coming *next, struct ft_window_row *r)
{
    const struct ft__acc *a = next->acc;
    const struct ft__window *w = &t->windows[a->window];
    uint64_t now[2];
    struct ft__usual_says usual;

    memset(r, 0, sizeof *r);
    r->start_ns = w->index * span_ns(t, w->span);
    r->span_s = t->cfg.span_s[w->span];
    r->entity = ft__acc_kind(a);
    r->ip_version = a->kind >> 4;
    r->proto = a->proto;
    r->port = a->port;
    memcpy(r->address, a->addr[0], 16);
    memcpy(r->peer, a->addr[1], 16);
    row_counts(a, r);
    row_sets(t, a, r);
    now[0] = r->bytes[0] + r->bytes[1];
    now[1] = r->flows[0] + r->flows[1];
    ft__usual_see(&t->usual, next->usual, now, &usual);
    r->bytes_usual = usual.mean[0];
    r->bytes_z = usual.z[0];
    r->flows_usual = usual.mean[1];
    r->flows_z = usual.z[1];
    r->error = (uint64_t)(a->credit + (int64_t)w->owed[r->entity]);
}

/* ---- one entity ---- */

/* Of a pair of the shortest span: is it new? Its initiator has one new peer more then. */
static void meet(struct ft_windows *t, struct ft__acc *pair, const struct ft__who *who)
{
    struct ft__who host = {.kind = FT_ENTITY_HOST | (pair->kind & 0xf0), .addr = pair->addr[0]};
    struct ft__acc *a;

    if (pair->packets[0] + pair->packets[1] == 0 || ft__known_see(&t->bloom, who->hash)) {
        return;
    }
    pair->new_peers = 1;
    host.hash = ft__who_hash(t, &host);
    a = ft__acc_find(t, &host, pair->window);
    if (a != NULL) {
        a->new_peers = ft__add32(a->new_peers, 1);
    }
}

/* The window of the next longer span in which this one is; FT__NO_WINDOW: there is none, or no room
 * for it. */
static uint32_t longer_of(struct ft_windows *t, const struct ft__window *w)
{
    uint8_t s = w->span + 1;

    if (s >= t->cfg.n_spans) {
        return FT__NO_WINDOW;
    }
    if (t->longer[s] == FT__NO_WINDOW) {
        int64_t index = ft_time_floor(w->index, t->cfg.span_s[s] / t->cfg.span_s[w->span]);

        t->longer[s] = ft__window_new(t, s, w->epoch, index);
    }
    return t->longer[s];
}

static void write_one(struct ft_windows *t, struct ft__coming *next, ft_window_emit_fn emit,
                      void *cookie)
{
    struct ft__acc *a = next->acc;
    const struct ft__window *w = &t->windows[a->window];
    uint32_t longer = longer_of(t, w);
    struct ft_window_row row;

    if (ft__acc_kind(a) == FT_ENTITY_PAIR && w->span == 0) {
        meet(t, a, &next->who);
    }
    make_row(t, next, &row);
    emit(cookie, &row);
    ft_count_add(&t->rows, 1);
    if (longer != FT__NO_WINDOW) {
        struct ft__acc *to = ft__acc_get(t, &next->who, longer, row.packets[0] + row.packets[1]);

        if (to != NULL) {
            ft__acc_merge(t, to, a, row.error, t->closing.owed[row.entity]);
        }
    }
    ft__acc_free(t, a);
}

/* The first in order: its memory is asked for. */
static void take_next(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    struct ft__acc *a = &t->accs[t->order[0].acc];

    t->order[0] = t->order[--c->n];
    if (c->n > 0) {
        sift(t, 0, c->n);
    }
    c->ahead[c->taken++ % FT__AHEAD].acc = a;
    for (uint32_t at = 0; at < sizeof *a; at += 64) {
        __builtin_prefetch((const uint8_t *)a + at, 1);
    }
}

/* Likewise what else will be looked at. */
static void name_next(struct ft_windows *t)
{
    struct ft__coming *next = &t->closing.ahead[t->closing.named++ % FT__AHEAD];
    const struct ft__window *w = &t->windows[next->acc->window];
    uint32_t longer = longer_of(t, w);

    next->who = who_of(t, next->acc);
    next->usual = ft_hash_fold(next->who.hash ^ t->cfg.seed.s[3], w->span + 1u);
    ft__usual_ask(&t->usual, next->usual);
    if (longer != FT__NO_WINDOW) {
        __builtin_prefetch(ft__acc_place(t, &next->who, longer), 1);
    }
}

static void write_next(struct ft_windows *t, ft_window_emit_fn emit, void *cookie)
{
    struct ft__closing *c = &t->closing;

    while (c->n > 0 && c->taken - c->written < FT__AHEAD) {
        take_next(t);
    }
    while (c->named < c->taken && (c->n == 0 || c->named - c->written < FT__AHEAD / 2)) {
        name_next(t);
    }
    write_one(t, &c->ahead[c->written++ % FT__AHEAD], emit, cookie);
}

/* ---- slices ---- */

/* Who is in a longer span but was not in this window may have had what its last one had. */
static void owe(struct ft_windows *t, const struct ft__window *w, const uint64_t owed[])
{
    uint32_t longer = longer_of(t, w);

    for (int k = 0; longer != FT__NO_WINDOW && k < FT_ENTITY__COUNT; k++) {
        t->windows[longer].owed[k] += owed[k];
    }
}

static void begin(struct ft_windows *t, uint32_t window)
{
    const struct ft__window *w = &t->windows[window];

    if (w->span == 0) {
        ft__known_turn(&t->bloom, w->index * span_ns(t, 0));
    }
    t->closing = (struct ft__closing){.window = window,
                                      .step = GATHER,
                                      .at = w->head[0],
                                      .known_false = ft__known_false(&t->bloom)};
}

/* A kind of the window is written: the next one, or none. */
static void next_kind(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    struct ft__window *w = &t->windows[c->window];

    c->kind++;
    c->n = 0;
    c->step = GATHER;
    if (c->kind < FT_ENTITY__COUNT) {
        c->at = w->head[c->kind];
        return;
    }
    owe(t, w, c->owed);
    if (w->span > 0) {
        t->longer[w->span] = FT__NO_WINDOW;
    }
    ft__window_free(t, c->window);
    c->window = FT__NO_WINDOW;
}

/* One step of the window that is being written. */
static void go_on(struct ft_windows *t, ft_window_emit_fn emit, void *cookie)
{
    struct ft__closing *c = &t->closing;

    if (c->step == GATHER && c->at != 0) {
        const struct ft__acc *a = &t->accs[c->at - 1];

        t->order[c->n++] = (struct ft__ordered){
            t->cfg.map_address != NULL ? first_as_shown(t, a) : first_of(a), c->at - 1};
        c->at = a->link;
    } else if (c->step == GATHER) {
        c->owed[c->kind] = ft__window_owed(t, &t->windows[c->window], c->kind);
        c->step = SIFT;
        c->sift = (c->n + 2) / 4; /* the others have nobody below them */
    } else if (c->step == SIFT && c->sift > 0) {
        sift(t, --c->sift, c->n);
    } else if (c->step == SIFT) {
        c->step = WRITE;
    } else if (c->n > 0 || c->written < c->taken) {
        write_next(t, emit, cookie);
    } else {
        next_kind(t);
    }
}

bool ft__close_slice(struct ft_windows *t, uint32_t slice, ft_window_emit_fn emit, void *cookie)
{
    ft_count_set(&t->no_room, t->no_room_ends + t->room.lost);
    for (uint32_t i = 0; i < slice; i++) {
        if (t->closing.window == FT__NO_WINDOW) {
            uint32_t window = next_over(t);

            if (window == FT__NO_WINDOW) {
                return false;
            }
            begin(t, window);
        }
        go_on(t, emit, cookie);
    }
    return true;
}
