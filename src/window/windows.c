/* SPDX-License-Identifier: Apache-2.0 */
/* window: life of the table of all workers, and its account. */
#include "base/mem.h"
#include "window/fold.h"
#include "window/usual.h"

enum { KINDS = 3 /* that there may be max_hosts of; exporters are few */ };

static uint32_t accs_for(uint32_t max_hosts)
{
    uint64_t n = (uint64_t)max_hosts * KINDS * FT__POOLS;

    return n < UINT32_MAX / 2 ? (uint32_t)n : UINT32_MAX / 2;
}

/* Every window and kind may have some that are not full. */
static uint32_t members_for(uint32_t accs)
{
    uint32_t open = FT__WINDOWS * FT_ENTITY__COUNT;

    return accs / FT__MEMBERS + (accs < open ? accs : open);
}

/* Of the log: what most flows do in a window or two, while it is added up. */
static uint32_t entries_for(uint32_t max_hosts)
{
    uint64_t n = (uint64_t)max_hosts * FT__POOLS + 4 * FT__CHUNK;

    return n < UINT32_MAX / 4 ? (uint32_t)n : UINT32_MAX / 4;
}

/* Each window takes one, however few its packets are, and waits for the worker that is the last. */
static uint32_t chunks_for(uint32_t max_hosts)
{
    uint32_t n = entries_for(max_hosts) / FT__CHUNK;

    return n > FT__WINDOWS ? n : FT__WINDOWS;
}

static uint32_t order_for(uint32_t max_hosts)
{
    uint32_t refs = entries_for(max_hosts) * 2;

    return refs > max_hosts ? refs : max_hosts;
}

static uint32_t index_for(uint32_t accs)
{
    uint32_t n = 1024;

    while (n < accs / 2 && n < 1u << 30) {
        n *= 2;
    }
    return n;
}

static uint32_t blocks_for(uint32_t max_hosts)
{
    return max_hosts / 4 + 256;
}

/* Entities and spans that it knows what is usual of. */
static uint64_t usual_for(const struct ft_windows_config *cfg)
{
    return (uint64_t)cfg->max_hosts * KINDS * cfg->n_spans;
}

size_t ft_windows_budget(const struct ft_windows_config *cfg, uint32_t *out_host)
{
    uint32_t accs = accs_for(cfg->max_hosts);

    *out_host = sizeof(struct ft__acc) + 2 * sizeof(uint32_t);
    return sizeof(struct ft_windows) +
           (sizeof(struct ft__acc) + sizeof(struct ft__many) + 2 * sizeof(uint32_t)) * accs +
           sizeof(struct ft__members) * members_for(accs) + sizeof(uint32_t) * index_for(accs) +
           sizeof(struct ft__window) * FT__WINDOWS +
           (sizeof(struct ft__entry) * FT__CHUNK + sizeof(uint32_t)) * chunks_for(cfg->max_hosts) +
           sizeof(struct ft__ranked) * FT__HEAPS * cfg->max_hosts +
           sizeof(struct ft__ordered) * 2 * order_for(cfg->max_hosts) +
           ft__set_room_budget(accs, accs / 4, blocks_for(cfg->max_hosts)) +
           (cfg->apps ? ft__apps_budget(accs / 8) : 0) + ft__usual_budget(usual_for(cfg)) +
           ft__known_budget(cfg->max_hosts);
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
    t->n_chunks = chunks_for(cfg->max_hosts);
    t->log_most = entries_for(cfg->max_hosts);
    t->n_order = order_for(cfg->max_hosts);
    t->n_members = members_for(t->n_accs);
    t->index_mask = index_for(t->n_accs) - 1;
    t->free_window = t->oldest = t->newest = t->closing.window = FT__NO_WINDOW;
    for (int s = 0; s < FT_WINDOW_SPANS; s++) {
        t->longer[s] = FT__NO_WINDOW;
    }
    for (uint32_t i = 0; i < cfg->n_workers; i++) {
        t->passed[i].index = INT64_MIN;
    }
    t->accs = ft_map_alloc(sizeof *t->accs * t->n_accs);
    t->free_accs = ft_map_alloc(sizeof *t->free_accs * t->n_accs);
    t->manys = ft_map_alloc(sizeof *t->manys * (t->n_accs + FT__AHEAD));
    t->log = ft_map_alloc(sizeof *t->log * FT__CHUNK * t->n_chunks);
    t->chunk_next = ft_map_alloc(sizeof *t->chunk_next * t->n_chunks);
    t->ring = ft_map_alloc(sizeof *t->ring * FT__AHEAD);
    t->members = ft_map_alloc(sizeof *t->members * t->n_members);
    t->index = ft_map_alloc(sizeof *t->index * (t->index_mask + 1));
    t->windows = ft_map_alloc(sizeof *t->windows * FT__WINDOWS);
    t->heaps = ft_map_alloc_sparse(sizeof *t->heaps * cfg->max_hosts * FT__HEAPS);
    t->heap_at = ft_map_alloc_sparse(sizeof *t->heap_at * t->n_accs);
    t->order[0] = ft_map_alloc(sizeof *t->order[0] * t->n_order);
    t->order[1] = ft_map_alloc(sizeof *t->order[1] * t->n_order);
    bool whole = t->accs != NULL && t->free_accs != NULL && t->manys != NULL && t->log != NULL &&
                 t->chunk_next != NULL && t->ring != NULL && t->members != NULL &&
                 t->index != NULL && t->windows != NULL && t->heaps != NULL && t->heap_at != NULL &&
                 t->order[0] != NULL && t->order[1] != NULL;
    int rc = whole ? FT_OK : FT_E_NOMEM;

    rc = rc == FT_OK
             ? ft__set_room_open(&t->room, t->n_accs, t->n_accs / 4, blocks_for(cfg->max_hosts))
             : rc;
    if (rc == FT_OK && cfg->apps) {
        rc = ft__apps_open(&t->apps, t->n_accs / 8);
    }
    rc = rc == FT_OK ? ft__usual_open(&t->usual, usual_for(cfg)) : rc;
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
    unmap(t->free_accs, sizeof *t->free_accs, t->n_accs);
    unmap(t->manys, sizeof *t->manys, t->n_accs + FT__AHEAD);
    unmap(t->log, sizeof *t->log * FT__CHUNK, t->n_chunks);
    unmap(t->chunk_next, sizeof *t->chunk_next, t->n_chunks);
    unmap(t->ring, sizeof *t->ring, FT__AHEAD);
    unmap(t->members, sizeof *t->members, t->n_members);
    unmap(t->index, sizeof *t->index, t->index_mask + 1);
    unmap(t->windows, sizeof *t->windows, FT__WINDOWS);
    unmap(t->heaps, sizeof *t->heaps, (size_t)t->cfg.max_hosts * FT__HEAPS);
    unmap(t->heap_at, sizeof *t->heap_at, t->n_accs);
    unmap(t->order[0], sizeof *t->order[0], t->n_order);
    unmap(t->order[1], sizeof *t->order[1], t->n_order);
    ft__set_room_close(&t->room);
    ft__apps_close(&t->apps);
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
