/* SPDX-License-Identifier: Apache-2.0 */
/* store: rows by their timestamps, see read.h.
 *
 * Theory of operation: slices say within which times they are, and so do their blocks. Each waits
 * until its end of them (the newest, or the oldest) is the next:
 *
 *     slices, by their ends -> open: its blocks wait -> read: a heap of the rows that keep the
 *     bounds, by time -> the best row of all heaps, if nothing that waits can have a better one
 *
 * So the first rows come from one or two blocks, however many there are. Of a block that is read
 * the times are kept; its other columns are kept for the last few, and are read again else. So are
 * files open.
 *
 * A key is the time, or for the oldest first its complement: the greatest one is next, and of equal
 * ones that of the block whose place is. What has no time at all is the least of all as SQLite
 * orders it. */
#include <stdlib.h>

#include "base/rd.h"
#include "store/read.h"

enum {
    VIEWS = 256,
    OPEN_MOST = 64,          /* blocks whose files stay open */
    VALUES_MOST = 256 << 20, /* bytes of their columns, but for one */
    HELD_MOST = 256 << 20    /* bytes of rows of heaps */
};

/* When it is a block's turn, at the earliest: the greatest first. */
struct rank {
    int64_t key;
    uint64_t place;
};

struct entry {
    int64_t key;
    uint32_t row;
};

/* A block that waits. */
struct waiting {
    struct ft__part *part;
    uint32_t block;
    struct rank rank;
};

/* A block that is read. */
struct run {
    struct ft__part *part;
    uint32_t block, n, view; /* view: where it was */
    struct entry *heap;      /* [n], the greatest key first; owned */
    size_t len;
};

struct ft__sorted {
    int time;                /* the column */
    struct waiting *waiting; /* [n_waiting] of cap, owned */
    uint32_t n_waiting, cap_waiting;
    struct run *runs;               /* [n_runs] of cap, owned */
    uint32_t n_runs, cap_runs, run; /* run: of the row; n_runs: of none */
    struct rank second;             /* the greatest of the others */
    size_t held;
    struct ft__view views[VIEWS]; /* [n_views] */
    uint64_t used[VIEWS], turns;
    size_t len[VIEWS], values; /* bytes of their columns, of all */
    uint32_t n_views;
};

static int64_t key_of(const struct ft__scan *s, int64_t us)
{
    return (s->sort & FT__SORT_NEWEST) != 0 ? us : ~us;
}

static bool more(struct rank a, struct rank b)
{
    return a.key != b.key ? a.key > b.key : a.place > b.place;
}

static const struct rank none = {INT64_MIN, 0};

static bool last_row(const struct ft__scan *s)
{
    return (s->sort & FT__SORT_LAST_ROW) != 0;
}

static uint64_t place_of(const struct ft__scan *s, uint32_t file, uint32_t block)
{
    uint64_t place = (uint64_t)s->files[file].id << 16 | block;

    return last_row(s) ? place : ~place;
}

/* Of the end that comes first. */
static int64_t key_of_range(const struct ft__scan *s, int64_t min_us, int64_t max_us)
{
    if (min_us > max_us) { /* no times */
        return (s->sort & FT__SORT_NEWEST) != 0 ? INT64_MIN : INT64_MAX;
    }
    return key_of(s, (s->sort & FT__SORT_NEWEST) != 0 ? max_us : min_us);
}

/* ---- room ---- */

/* Room for one more of len bytes. NULL: no memory. */
static void *grow(void *of, uint32_t n, uint32_t *cap, size_t len)
{
    if (n < *cap) {
        return of;
    }
    uint32_t more = *cap > 0 ? *cap * 2 : 64;
    void *p = ft_mem_alloc(more, len);

    if (p == NULL) {
        return NULL;
    }
    if (n > 0) {
        memcpy(p, of, n * len);
    }
    ft_mem_free(of);
    *cap = more;
    return p;
}

/* ---- heaps ---- */

static bool before(struct entry a, struct entry b, bool last)
{
    return a.key != b.key ? a.key > b.key : (a.row > b.row) == last;
}

static void sink(struct entry *h, uint32_t n, uint32_t at, bool last)
{
    struct entry e = h[at];

    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && before(h[child + 1], h[child], last);
        if (before(e, h[child], last)) {
            break;
        }
        h[at] = h[child];
    }
    h[at] = e;
}

static void pop(struct run *r, bool last)
{
    r->heap[0] = r->heap[--r->n];
    if (r->n > 0) {
        sink(r->heap, r->n, 0, last);
    }
}

static void end_run(struct ft__sorted *o, uint32_t i)
{
    o->held -= o->runs[i].len;
    ft_mem_free(o->runs[i].heap);
    ft__part_release(o->runs[i].part);
    o->runs[i] = o->runs[--o->n_runs];
}

/* ---- blocks ---- */

/* Bytes of its columns, as they are now. */
static void weigh(const struct ft__scan *s, uint32_t view)
{
    struct ft__sorted *o = s->order;
    size_t len = 0;

    for (uint32_t i = 0; i < s->n; i++) {
        const struct ft_store_values *v = &o->views[view].values[i];

        len += v->valid.cap + v->num.cap + v->bytes.cap + v->end.cap + v->inner.cap;
    }
    o->values += len - o->len[view];
    o->len[view] = len;
}

/* A place for a block: a new one, or that which was not asked for the longest. FT_E_NOMEM. */
static int take_view(const struct ft__scan *s, uint32_t *out)
{
    struct ft__sorted *o = s->order;
    bool fresh = o->n_views == 0;
    uint32_t i = 0;

    if (o->n_views > 0) {
        weigh(s, o->n_views - 1);
        fresh = o->n_views < VIEWS && o->values < VALUES_MOST;
    }
    if (fresh) {
        if (!ft__view_init(&o->views[o->n_views], s->n)) {
            ft__view_fini(&o->views[o->n_views], s->n);
            return FT_E_NOMEM;
        }
        i = o->n_views++;
    }
    for (uint32_t k = 0; !fresh && k < o->n_views; k++) {
        i = o->used[k] < o->used[i] ? k : i;
    }
    o->used[i] = ++o->turns;
    *out = i;
    return FT_OK;
}

/* Its rows, by their times. FT_E_CORRUPT: they are not where the block says. */
static int fill(struct ft__scan *s, struct ft__view *v, struct run *r, int64_t most)
{
    int rc;
    const struct ft_store_values *times = ft__view_column(s, v, (uint32_t)s->order->time, &rc);

    for (uint32_t i = 0; i < r->n && rc == FT_OK; i++) {
        bool null = times == NULL || ft_store_value_null(times, v->row[i]);
        int64_t key = null ? key_of_range(s, 1, 0)
                           : key_of(s, (int64_t)ft_store_buf_u64(&times->num)[v->row[i]]);

        r->heap[i] = (struct entry){key, v->row[i]};
        rc = key <= most ? FT_OK : FT_E_CORRUPT;
    }
    for (uint32_t i = r->n / 2; i-- > 0 && rc == FT_OK;) {
        sink(r->heap, r->n, i, last_row(s));
    }
    return rc;
}

/* A block that waited is read. */
static int load(struct ft__scan *s, const struct waiting *w)
{
    struct ft__sorted *o = s->order;
    struct run r = {.part = w->part, .block = w->block};
    int rc = take_view(s, &r.view);
    struct ft__view *v = &o->views[r.view];

    rc = rc == FT_OK ? ft__view_load(s, v, w->part, w->block) : rc;
    if (rc != FT_OK || v->n_row == 0) {
        return rc;
    }
    struct run *more = grow(o->runs, o->n_runs, &o->cap_runs, sizeof *more);

    o->runs = more != NULL ? more : o->runs;
    r.n = v->n_row;
    r.len = r.n * sizeof *r.heap;
    r.heap =
        more != NULL && r.len <= HELD_MOST - o->held ? ft_mem_alloc(r.n, sizeof *r.heap) : NULL;
    if (r.heap == NULL) {
        return FT_E_NOMEM;
    }
    rc = fill(s, v, &r, w->rank.key);
    if (rc != FT_OK) {
        ft_mem_free(r.heap);
        return rc;
    }
    w->part->uses++;
    o->held += r.len;
    o->runs[o->n_runs++] = r;
    return FT_OK;
}

/* What waits, or has rows yet, need not be open. */
static void rest(const struct ft__sorted *o, struct ft__part *p)
{
    if (o->n_waiting + o->n_runs > OPEN_MOST) {
        ft__part_pause(p);
    }
}

/* The greatest that waits. n_waiting: none does. */
static uint32_t best_waiting(const struct ft__sorted *o)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < o->n_waiting; i++) {
        best = more(o->waiting[i].rank, o->waiting[best].rank) ? i : best;
    }
    return best;
}

static void forget_waiting(struct ft__sorted *o, uint32_t i)
{
    ft__part_release(o->waiting[i].part);
    o->waiting[i] = o->waiting[--o->n_waiting];
}

/* No more of a slice that cannot be read; else it is rc. */
static int leave_out(struct ft__scan *s, const struct ft__part *p, int rc)
{
    struct ft__sorted *o = s->order;

    if (!ft__part_leave_out(s, p, rc)) {
        return rc;
    }
    for (uint32_t i = o->n_waiting; i-- > 0;) {
        if (o->waiting[i].part == p) {
            forget_waiting(o, i);
        }
    }
    return FT_OK;
}

static int load_best(struct ft__scan *s)
{
    struct ft__sorted *o = s->order;
    uint32_t i = best_waiting(o);
    struct waiting w = o->waiting[i];

    w.part->uses++;
    forget_waiting(o, i);
    int rc = ft__part_resume(s, w.part);

    rc = leave_out(s, w.part, rc == FT_OK ? load(s, &w) : rc);
    rest(o, w.part);
    ft__part_release(w.part);
    return rc;
}

/* ---- slices ---- */

static int wait_block(struct ft__scan *s, struct ft__part *p, uint32_t block, int64_t most)
{
    struct ft__sorted *o = s->order;
    int64_t key = key_of_range(s, 1, 0);

    if (p->map[o->time] >= 0) {
        const struct ft_store_extent *e =
            ft_slice_extent(&p->slice, block, (uint32_t)p->map[o->time]);
        int64_t min = (int64_t)ft_store_unordered(FT_T_TIME, ft_load_be64(e->min));
        int64_t max = (int64_t)ft_store_unordered(FT_T_TIME, ft_load_be64(e->max));
        bool is_time = p->slice.columns[p->map[o->time]].type == FT_T_TIME;

        if (!is_time || (e->nulls > 0 && e->nulls < ft_slice_rows(&p->slice, block))) {
            return FT_E_CORRUPT; /* times are there or not */
        }
        key = e->nulls > 0 ? key : key_of_range(s, min, max);
    }
    struct waiting *more = grow(o->waiting, o->n_waiting, &o->cap_waiting, sizeof *more);

    if (more == NULL || key > most) {
        return more == NULL ? FT_E_NOMEM : FT_E_CORRUPT;
    }
    o->waiting = more;
    o->waiting[o->n_waiting++] = (struct waiting){p, block, {key, place_of(s, p->file, block)}};
    p->uses++;
    return FT_OK;
}

/* The next slice's blocks wait. */
static int open_next(struct ft__scan *s)
{
    const struct ft__file *f = &s->files[s->file];
    int64_t most = key_of_range(s, f->min_us, f->max_us);
    struct ft__part *p;
    bool fits;
    int rc = ft__part_open(s, s->file++, &p);

    for (uint32_t b = 0; p != NULL && rc == FT_OK && b < p->slice.n_blocks; b++) {
        rc = ft__part_fits(s, p, b, &fits);
        rc = rc == FT_OK && fits ? wait_block(s, p, b, most) : rc;
    }
    if (p != NULL) {
        rc = leave_out(s, p, rc);
        rest(s->order, p);
    }
    ft__part_release(p);
    return rc;
}

/* ---- all of it ---- */

static struct rank rank_of(const struct ft__scan *s, const struct run *r)
{
    return (struct rank){r->heap[0].key, place_of(s, r->part->file, r->block)};
}

/* Of a slice's first row, at the earliest. */
static struct rank rank_of_file(const struct ft__scan *s, uint32_t file)
{
    const struct ft__file *f = &s->files[file];

    return (struct rank){key_of_range(s, f->min_us, f->max_us),
                         place_of(s, file, last_row(s) ? UINT16_MAX : 0)};
}

/* The run whose turn it is; o->second: of the others. n_runs: there is none. */
static uint32_t best_run(const struct ft__scan *s)
{
    struct ft__sorted *o = s->order;
    struct rank best = o->n_runs > 0 ? rank_of(s, &o->runs[0]) : none;
    uint32_t at = 0;

    o->second = none;
    for (uint32_t i = 1; i < o->n_runs; i++) {
        struct rank r = rank_of(s, &o->runs[i]), less = more(r, best) ? best : r;

        at = more(r, best) ? i : at;
        best = more(r, best) ? r : best;
        o->second = more(less, o->second) ? less : o->second;
    }
    return at;
}

/* Reads all that may have a row before the best one of those that are read; finds that. */
static int settle(struct ft__scan *s)
{
    struct ft__sorted *o = s->order;

    for (;;) {
        o->run = best_run(s);
        bool empty = o->n_runs == 0, files = s->file<s->n_files, waits = o->n_waiting> 0;
        struct rank best = empty ? none : rank_of(s, &o->runs[o->run]);
        struct rank file = files ? rank_of_file(s, s->file) : none;
        struct rank block = waits ? o->waiting[best_waiting(o)].rank : none;
        int rc;

        if (ft__store_late(s->store)) {
            return FT_E_INTERRUPTED;
        }
        if (files && (empty || more(file, best)) && (!waits || !more(block, file))) {
            rc = open_next(s);
        } else if (waits && (empty || more(block, best))) {
            rc = load_best(s);
        } else {
            o->second = more(file, o->second) ? file : o->second;
            o->second = more(block, o->second) ? block : o->second;
            return FT_OK;
        }
        if (rc != FT_OK) {
            return rc;
        }
    }
}

int ft__sorted_step(struct ft__scan *s, bool *out_more)
{
    struct ft__sorted *o = s->order;

    *out_more = false;
    if (o->run < o->n_runs) {
        pop(&o->runs[o->run], last_row(s));
        if (o->runs[o->run].n == 0) {
            end_run(o, o->run);
            o->run = o->n_runs;
        }
    }
    if (o->run >= o->n_runs || more(o->second, rank_of(s, &o->runs[o->run]))) {
        int rc = settle(s);

        if (rc != FT_OK || o->n_runs == 0) {
            return rc;
        }
    }
    struct run *r = &o->runs[o->run];

    s->view = &o->views[r->view];
    if (s->view->part != r->part || s->view->block != r->block) {
        int rc = take_view(s, &r->view);

        if (rc != FT_OK) {
            return rc;
        }
        s->view = &o->views[r->view];
        ft__view_set(s, s->view, r->part, r->block);
    }
    o->used[r->view] = ++o->turns;
    s->row = r->heap[0].row;
    *out_more = true;
    return FT_OK;
}

static int compare(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int newest_first(const void *a, const void *b)
{
    const struct ft__file *x = a, *y = b;
    int is = compare(y->min_us > y->max_us ? INT64_MIN : y->max_us,
                     x->min_us > x->max_us ? INT64_MIN : x->max_us);

    return is != 0 ? is : compare(x->id, y->id);
}

static int oldest_first(const void *a, const void *b)
{
    const struct ft__file *x = a, *y = b;
    int is = compare(x->min_us > x->max_us ? INT64_MIN : x->min_us,
                     y->min_us > y->max_us ? INT64_MIN : y->min_us);

    return is != 0 ? is : compare(x->id, y->id);
}

/* Slices of one time, whose last row is first. */
static void turn_equal(struct ft__scan *s)
{
    for (uint32_t i = 0, n; i < s->n_files; i += n) {
        int64_t key = rank_of_file(s, i).key;

        for (n = 1; i + n < s->n_files && rank_of_file(s, i + n).key == key; n++) {
        }
        for (uint32_t k = 0; k < n / 2; k++) {
            struct ft__file f = s->files[i + k];

            s->files[i + k] = s->files[i + n - 1 - k];
            s->files[i + n - 1 - k] = f;
        }
    }
}

int ft__sorted_begin(struct ft__scan *s)
{
    struct ft__sorted *o = ft_mem_alloc(1, sizeof *o);

    s->order = o;
    if (o == NULL) {
        return FT_E_NOMEM;
    }
    o->time = ft__store_time(s->columns, s->n);
    if (s->n_files > 1) { /* no files: NULL */
        qsort(s->files, s->n_files, sizeof *s->files,
              (s->sort & FT__SORT_NEWEST) != 0 ? newest_first : oldest_first);
    }
    if (last_row(s)) {
        turn_equal(s);
    }
    return FT_OK;
}

void ft__sorted_end(struct ft__scan *s)
{
    struct ft__sorted *o = s->order;

    if (o == NULL) {
        return;
    }
    while (o->n_waiting > 0) {
        forget_waiting(o, o->n_waiting - 1);
    }
    while (o->n_runs > 0) {
        end_run(o, o->n_runs - 1);
    }
    for (uint32_t i = 0; i < o->n_views; i++) {
        ft__part_release(o->views[i].part);
        ft__view_fini(&o->views[i], s->n);
    }
    ft_mem_free(o->waiting);
    ft_mem_free(o->runs);
    ft_mem_free(o);
    s->order = NULL;
    s->view = &s->own;
}
