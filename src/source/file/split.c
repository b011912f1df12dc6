/* SPDX-License-Identifier: Apache-2.0 */
/* source/file: several threads walk one mapped pcap file, see file.h. */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "source/direction.h"
#include "source/file/parts.h"

enum {
    CHAIN_LEN = 16,    /* plausible records in a row that make a guess */
    CHAIN_CUT = 4,     /* the same when the file ends in the middle of the next one */
    DAY_S = 24 * 3600, /* how far the times of a guessed record may lie from those of the first */
    TIME_SLACK_DAYS = 32,
    LEN_SLACK = 64,     /* by how much len may be too small: some writers do not count padding */
    MAP_STEP = 4 << 20, /* pages are asked for and given back in such steps, see map.c */
    FOLLOWED = 1024, /* mean bytes of a record below which guesses cost what following saves: chunks
                        are short */
    MAP_LAG = 32 << 20, /* how far behind the newest chunk they are given back */
};

struct ft_file_split {
    struct ft__file *source; /* borrowed */
    const uint8_t *base;     /* the mapping */
    uint64_t size;           /* its bytes */
    uint32_t first_s;        /* seconds of the first record */
    uint32_t frac_max;       /* most units in a second, exclusive */
    struct ft_pcap pcap;
    bool followed;          /* records can be followed by the scout */
    _Atomic uint32_t mean;  /* bytes of a record in the chunk guessed last; 0: none was */
    _Atomic uint64_t asked; /* pages before this offset were asked for */
    _Atomic uint64_t given; /* pages before this offset were given back */
};

int ft_file_split_open(struct ft_source *source, struct ft_file_split **out)
{
    struct ft__file *s = (struct ft__file *)source;
    struct ft_file_split *sp;

    if (source->ops->read != ft_source_file.read || s->n_inputs != 1 || s->inputs[0].map == NULL ||
        s->format.kind != FT__FORMAT_PCAP) {
        return FT_E_UNSUPPORTED;
    }
    if (s->begun || s->cur > 0 || s->split) {
        return FT_E_STATE;
    }
    sp = ft_mem_alloc(1, sizeof *sp);
    if (sp == NULL) {
        return FT_E_NOMEM;
    }
    sp->source = s;
    sp->base = s->inputs[0].map;
    sp->size = s->inputs[0].map_len;
    sp->pcap = s->format.pcap;
    sp->followed = ft__scout_can(&sp->pcap);
    sp->frac_max = sp->pcap.frac_ns == 1 ? 1000000000 : 1000000;
    if (sp->size >= (uint64_t)FT_PCAP_HEADER_LEN + sp->pcap.record_len) {
        struct ft_pcap_record first;

        ft_pcap_load(&sp->pcap, sp->base + FT_PCAP_HEADER_LEN, &first);
        sp->first_s = (uint32_t)(first.ts_ns / 1000000000);
    }
    s->split = true;
    *out = sp;
    return FT_OK;
}

void ft_file_split_close(struct ft_file_split *sp)
{
    if (sp != NULL) {
        sp->source->split = false;
        ft_mem_free(sp);
    }
}

uint64_t ft_file_split_begin(const struct ft_file_split *sp)
{
    (void)sp;
    return FT_PCAP_HEADER_LEN;
}

uint64_t ft_file_split_end(const struct ft_file_split *sp)
{
    return sp->size;
}

/* Could there be a record header at this offset? Looks at the fields only. */
static bool plausible(const struct ft_file_split *sp, uint64_t off, struct ft_pcap_record *r)
{
    const uint8_t *p = sp->base + off;
    uint32_t frac = ft_load_u32(p + 4);
    int64_t days;

    ft_pcap_load(&sp->pcap, p, r);
    if (r->caplen > FT_CAPLEN_MAX || r->len > FT_CAPLEN_MAX || r->caplen > r->len + LEN_SLACK ||
        (sp->pcap.swap ? __builtin_bswap32(frac) : frac) >= sp->frac_max) {
        return false;
    }
    days = (r->ts_ns / 1000000000 - (int64_t)sp->first_s) / DAY_S;
    return days >= -TIME_SLACK_DAYS && days <= TIME_SLACK_DAYS;
}

/* A chain of CHAIN_LEN plausible records, or one that ends with the file. */
static bool chain(const struct ft_file_split *sp, uint64_t off)
{
    for (unsigned n = 0; n < CHAIN_LEN; n++) {
        struct ft_pcap_record r;

        if (off == sp->size) {
            return n > 0;
        }
        if (ft_capture_begins(sp->base + off, (size_t)(sp->size - off)) == FT_OK) {
            off += FT_PCAP_HEADER_LEN; /* of any kind: the walk will tell */
            continue;
        }
        if (sp->size - off < sp->pcap.record_len) {
            return n >= CHAIN_CUT;
        }
        if (!plausible(sp, off, &r)) {
            return false;
        }
        if (r.caplen > sp->size - off - sp->pcap.record_len) {
            return n >= CHAIN_CUT;
        }
        off += (uint64_t)sp->pcap.record_len + r.caplen;
    }
    return true;
}

/* Moves *edge to `to` if it lies before it; the thread that moves it does what is due, from
 * *out_from on. */
static bool move_edge(_Atomic uint64_t *edge, uint64_t to, uint64_t *out_from)
{
    uint64_t seen = atomic_load_explicit(edge, memory_order_relaxed);

    while (seen < to) {
        if (atomic_compare_exchange_weak_explicit(edge, &seen, to, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            *out_from = seen;
            return true;
        }
    }
    return false;
}

/* Before a chunk that ends at `to` is walked: brings the pages of its MAP_STEP in with one call,
 * and gives back those far behind. Every call stops the other threads for a moment (their cores
 * forget mappings), so they are few. A thread that still wants a page that was given back gets it
 * again by itself. */
static void step(struct ft_file_split *sp, uint64_t to)
{
    uint64_t limit = (to + MAP_STEP - 1) / MAP_STEP * MAP_STEP, from;
    uint8_t *map = sp->source->inputs[0].map;

    limit = limit < sp->size ? limit : sp->size;
#ifdef MADV_POPULATE_READ
    if (move_edge(&sp->asked, limit, &from)) {
        atomic_store_explicit(&sp->mean, 0,
                              memory_order_relaxed); /* they may be others from here */
        madvise(map + from / MAP_STEP * MAP_STEP, (size_t)(limit - from / MAP_STEP * MAP_STEP),
                MADV_POPULATE_READ);
    }
#endif
    uint64_t behind = limit / MAP_LAG * MAP_LAG;

    if (behind > MAP_LAG && move_edge(&sp->given, behind - MAP_LAG, &from)) {
        madvise(map + from, (size_t)(behind - MAP_LAG - from), MADV_DONTNEED);
    }
}

/* Are the lines of a chunk's headers asked for before it is walked? Where records are short, the
 * walk asks for all. Relaxed: whatever is seen is good for a guess. */
static bool scouted(const struct ft_file_split *sp)
{
    uint32_t mean = atomic_load_explicit(&sp->mean, memory_order_relaxed);

    return sp->followed && (mean == 0 || mean >= FOLLOWED);
}

static int found(struct ft_file_split *sp, uint64_t start, uint64_t limit, uint64_t *out_start)
{
    if (scouted(sp) && start < limit) {
        uint32_t n = ft__scout_follow(sp->base + start, sp->base + limit);

        atomic_store_explicit(&sp->mean, (uint32_t)((limit - start) / (n + 1)) + 1,
                              memory_order_relaxed);
    }
    *out_start = start;
    return FT_OK;
}

int ft_file_split_guess(struct ft_file_split *sp, uint64_t from, uint64_t limit,
                        uint64_t *out_start)
{
    step(sp, limit);
    if (from == FT_PCAP_HEADER_LEN && from < sp->size) {
        return found(sp, from, limit, out_start);
    }
    for (uint64_t off = from; off < limit; off++) {
        if (chain(sp, off)) {
            return found(sp, off, limit, out_start);
        }
    }
    return FT_E_NOT_FOUND;
}

/* Words for the record at the walk's place; the file's end is that of the mapping. */
static int damage(const struct ft_file_split *sp, const struct ft_walk *w, int rc,
                  struct ft_err *err)
{
    const char *name = sp->source->inputs[0].name;
    uint64_t off = (uint64_t)(w->p - sp->base);

    if (rc == FT_E_CORRUPT) {
        return ft__file_err(err, rc, off,
                            "%s: record at offset %" PRIu64 " is damaged: %s (%" PRIu64 ")", name,
                            off, w->what, w->value);
    }
    return ft__file_err(err, FT_E_TRUNCATED, off,
                        "%s: record at offset %" PRIu64 " is truncated: needs %zu bytes, %" PRIu64
                        " left",
                        name, off, w->need, sp->size - off);
}

/* Views whose records start at or behind the limit are dropped again: they are few (a batch passes
 * the limit once a chunk), and the walker's loop stays free of another test. */
static uint32_t cut_at(const struct ft_file_split *sp, struct ft_walk *w, uint64_t limit,
                       const struct ft_view *views, uint32_t n)
{
    while (n > 0) {
        const uint8_t *record = views[n - 1].data - sp->pcap.record_len;

        if ((uint64_t)(record - sp->base) < limit) {
            break;
        }
        w->p = record;
        n--;
    }
    return n;
}

/* A file header stands at off: can what is behind it be walked in the same way? */
static bool pass_header(const struct ft_file_split *sp, uint64_t off, uint64_t *out_joined)
{
    struct ft_pcap h;

    if (ft_pcap_parse(sp->base + off, (size_t)(sp->size - off), &h) != FT_OK ||
        !ft_pcap_same(&h, &sp->pcap)) {
        return false;
    }
    *out_joined = *out_joined == 0 ? off : *out_joined;
    return true;
}

int ft_file_split_walk(const struct ft_file_split *sp, uint64_t start, uint64_t limit,
                       struct ft_view *views, uint32_t cap, uint32_t *out_n, uint64_t *out_next,
                       uint64_t *out_joined, struct ft_err *err)
{
    struct ft_walk w;
    uint32_t n = 0;
    int rc;

    for (;; start += FT_PCAP_HEADER_LEN) {
        if (start >= limit || start >= sp->size) {
            *out_n = 0;
            *out_next = start;
            return FT_E_EOF;
        }
        ft_walk_set(&w, sp->base + start, (size_t)(sp->size - start));
        if (limit < sp->size && scouted(sp)) {
            w.ahead = sp->base + limit;
        }
        rc = ft_pcap_walk(&sp->pcap, &w, views, cap, &n);
        if (n > 0 || rc != FT_E_FORMAT) {
            break;
        }
        if (!pass_header(sp, start, out_joined)) {
            *out_next = start;
            return rc;
        }
    }
    if (n == 0) {
        return rc == FT_OK ? ft_err_set(err, FT_E_RANGE, "no room for a view") /* cap is 0 */
                           : damage(sp, &w, rc, err);
    }
    n = cut_at(sp, &w, limit, views, n);
    ft_direction_mark(sp->source->direction, views, n);
    if (sp->source->filter != NULL) {
        ft_filter_mark(sp->source->filter, views, n);
    }
    *out_n = n;
    *out_next = (uint64_t)(w.p - sp->base);
    return FT_OK;
}

void ft_file_split_tell(struct ft_file_split *sp, uint64_t off)
{
    ft__format_tell_join(sp->source, &sp->source->inputs[0], off);
}

void ft_file_split_leave(struct ft_file_split *sp, uint64_t off)
{
    struct ft__file *s = sp->source;

    s->format.pcap = sp->pcap;
    s->format.kind = FT__FORMAT_PCAP;
    s->format.vetted = true;
    ft__map_resume(s, &s->inputs[0], off);
    s->split = false;
}

void ft_file_split_done(struct ft_file_split *sp, uint64_t to)
{
    ft_count_set(&sp->source->pos, to);
}
