/* SPDX-License-Identifier: Apache-2.0 */
/* source: capture files: opening, mapped reading, splitting. */
#include "source/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/file_internal.h"

enum {
    PAGES_AHEAD = 2 << 20,   /* pages are asked for in steps of this, before the walk gets there */
    PAGES_BEHIND = 32 << 20, /* and let go in steps of this, so a big file does not fill memory */
    CHAIN = 12,              /* plausible headers in a row that make a guess */
    PROBE_VIEWS = 1,
};

static struct ft__file *file_of(struct ft_source *s)
{
    return (struct ft__file *)(void *)s;
}

int ft__file_error(struct ft__file *f, int rc, const struct ft_walked *w, uint64_t off,
                   uint64_t left, struct ft_err *err)
{
    const char *name = f->targets[f->at].name;
    unsigned long long at = off;

    switch (rc) {
    case FT_E_TRUNCATED:
        if (f->walker.kind == FT_WALK_START) {
            return ft_err_set(
                err, FT_E_FORMAT,
                left == 0 ? "%s: the file is empty" : "%s: too short for a capture file", name);
        }
        ft_err_set(err, rc,
                   "%s: truncated: the record at byte %llu needs %llu bytes, %llu are left", name,
                   at, (unsigned long long)w->need, (unsigned long long)left);
        break;
    case FT_E_CORRUPT:
        ft_err_set(err, rc, "%s: damaged at byte %llu: %s", name, at, w->why);
        break;
    case FT_E_UNSUPPORTED:
        return ft_err_set(err, rc, "%s: link type %u (%s) is not supported", name, w->linktype,
                          f->cfg.linktype_name != NULL ? f->cfg.linktype_name(w->linktype) : "?");
    default:
        return ft_err_set(err, rc, "%s: %s", name, w->why != NULL ? w->why : ft_strerror(rc));
    }
    err->off = off;
    return rc;
}

/* ---- opening ---- */

static int open_one(struct ft__file *f, struct ft__target *t, const char *name, struct ft_err *err)
{
    struct stat st;
    uint8_t magic[4] = {0};
    bool input = strcmp(name, "-") == 0;

    t->name = ft_mem_strdup(input ? "stdin" : name);
    t->fd = input ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
    if (t->name == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "%s: out of memory", name);
    }
    if (t->fd < 0 || fstat(t->fd, &st) != 0) {
        return ft_err_set(err, FT_E_IO, "%s: %s", name, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return ft_err_set(err, FT_E_IO, "%s: is a directory", name);
    }
    bool regular = S_ISREG(st.st_mode) && !input;

    t->len = regular ? (uint64_t)st.st_size : 0;
    if (regular && t->len == 0) {
        return ft_err_set(err, FT_E_FORMAT, "%s: the file is empty", name);
    }
    if (regular && pread(t->fd, magic, 4, 0) == 4 && !ft_stream_compressed(magic)) {
        void *map = mmap(NULL, t->len, PROT_READ, MAP_PRIVATE, t->fd, 0);

        if (map != MAP_FAILED) {
            t->map = map;
            madvise(map, t->len, MADV_SEQUENTIAL); /* best effort */
            close(t->fd);
            t->fd = -1;
            return FT_OK;
        }
    }
    int rc = ft_stream_open(t->fd, &t->stream);

    if (rc != FT_OK) {
        return ft_err_set(err, rc, "%s: %s", name, ft_strerror(rc));
    }
    t->fd = -1;
    (void)f;
    return FT_OK;
}

/* Looks at the first packet of a mapped target: is it a capture, and of a link type we know? */
static int probe(struct ft__file *f, struct ft_err *err)
{
    const struct ft__target *t = &f->targets[f->at];
    struct ft_view view[PROBE_VIEWS];
    struct ft_walked w;
    int rc = ft_walk(&f->walker, t->map, t->len, UINT64_MAX, view, PROBE_VIEWS, &w);
    bool any = f->walker.kind != FT_WALK_PCAPNG || f->walker.ng.n_ifaces == 0;

    for (uint32_t i = 0; f->walker.kind == FT_WALK_PCAPNG && i < f->walker.ng.n_ifaces; i++) {
        w.linktype = f->walker.ng.ifaces[i].linktype;
        any = any || f->cfg.linktype_ok == NULL || f->cfg.linktype_ok(w.linktype);
    }
    if (!any) {
        rc = FT_E_UNSUPPORTED;
    } else if (f->walker.kind != FT_WALK_START) {
        rc = FT_OK; /* damage further on is met when it is read */
    } else if (rc == FT_E_AGAIN) {
        rc = FT_E_TRUNCATED;
    }
    rc = rc == FT_OK ? rc : ft__file_error(f, rc, &w, 0, t->len, err);
    f->walker.kind = FT_WALK_START;
    return rc;
}

static int open_targets(struct ft__file *f, const struct ft_source_config *cfg, struct ft_err *err)
{
    bool streamed = false, unknown = false;
    int rc = FT_OK;

    for (uint32_t i = 0; i < cfg->n_targets && rc == FT_OK; i++) {
        f->n = i + 1;
        f->at = i;
        f->targets[i].fd = -1;
        rc = open_one(f, &f->targets[i], cfg->targets[i], err);
        if (rc == FT_OK && f->targets[i].map != NULL) {
            rc = probe(f, err);
        }
        streamed = streamed || f->targets[i].map == NULL;
        unknown = unknown || f->targets[i].len == 0;
        f->size += f->targets[i].len;
    }
    f->at = 0;
    f->size = unknown ? 0 : f->size;
    if (rc == FT_OK && streamed && ft__file_stream_init(f) != FT_OK) {
        rc = ft_err_set(err, FT_E_NOMEM, "no memory for the input's buffers");
    }
    return rc;
}

static void file_close(struct ft_source *s)
{
    struct ft__file *f = file_of(s);

    if (f == NULL) {
        return;
    }
    for (uint32_t i = 0; i < f->n; i++) {
        struct ft__target *t = &f->targets[i];

        if (t->map != NULL) {
            munmap(t->map, t->len);
        }
        ft_stream_close(t->stream);
        if (t->fd >= 0) {
            close(t->fd);
        }
        ft_mem_free(t->name);
    }
    ft__file_stream_fini(f);
    ft_filter_free(f->filter);
    if (f->wake_fd >= 0) {
        close(f->wake_fd);
    }
    ft_mem_free(f->walker.ng.ifaces);
    ft_mem_free(f->targets);
    ft_mem_free(f);
}

static int file_open(const struct ft_source_config *cfg, struct ft_source **out, struct ft_err *err)
{
    struct ft__file *f = ft_mem_alloc(1, sizeof *f);

    if (f == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    f->source.ops = &ft_source_file;
    f->cfg = *cfg;
    f->walker.linktype_ok = cfg->linktype_ok;
    f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    f->targets = ft_mem_alloc(cfg->n_targets, sizeof *f->targets);
    f->walker.ng.ifaces = ft_mem_alloc(FT_PCAPNG_IFACES, sizeof *f->walker.ng.ifaces);
    int rc = f->wake_fd < 0 || f->targets == NULL || f->walker.ng.ifaces == NULL
                 ? ft_err_set(err, FT_E_NOMEM, "out of memory or file descriptors")
                 : FT_OK;

    if (rc == FT_OK && cfg->filter != NULL) {
        rc = ft_filter_new(cfg->filter, &f->filter, err);
        f->walker.filter = f->filter;
    }
    if (rc == FT_OK) {
        rc = open_targets(f, cfg, err);
    }
    if (rc != FT_OK) {
        file_close(&f->source);
        return rc;
    }
    *out = &f->source;
    return FT_OK;
}

/* ---- reading ---- */

/* Pages come in ahead of the walk in one call instead of a fault each, and go behind it. */
static void turn_pages(uint8_t *map, uint64_t len, uint64_t off, uint64_t *populated,
                       uint64_t *behind)
{
    while (*populated < len && off + PAGES_AHEAD > *populated) {
        uint64_t n = len - *populated < PAGES_AHEAD ? len - *populated : PAGES_AHEAD;

#ifdef MADV_POPULATE_READ
        madvise(map + *populated, n, MADV_POPULATE_READ); /* best effort: else pages fault in */
#endif
        *populated += n;
    }
    if (off > *behind + 2 * (uint64_t)PAGES_BEHIND) {
        madvise(map + *behind, PAGES_BEHIND, MADV_DONTNEED); /* they stay in the page cache */
        *behind += PAGES_BEHIND;
    }
}

static int read_mapped(struct ft__file *f, struct ft_batch *b, struct ft_err *err)
{
    struct ft__target *t = &f->targets[f->at];
    struct ft_walked w;

    turn_pages(t->map, t->len, f->off, &f->populated, &f->behind);
    int rc =
        ft_walk(&f->walker, t->map + f->off, t->len - f->off, UINT64_MAX, b->views, b->cap, &w);

    f->off += w.used;
    atomic_store_explicit(&f->pos, f->off, memory_order_relaxed);
    if (w.n > 0) { /* damage behind them is found again next time */
        b->n = w.n;
        b->token = UINT64_MAX;
        return FT_OK;
    }
    if (rc == FT_OK && f->off == t->len) {
        return FT_E_EOF;
    }
    return ft__file_error(f, rc == FT_E_AGAIN ? FT_E_TRUNCATED : rc, &w, f->off, t->len - f->off,
                          err);
}

static void next_target(struct ft__file *f)
{
    uint64_t len = f->targets[f->at].len;

    atomic_fetch_add_explicit(&f->done, len, memory_order_relaxed);
    atomic_store_explicit(&f->pos, 0, memory_order_relaxed);
    f->at++;
    f->off = f->populated = f->behind = 0;
    f->walker.kind = FT_WALK_START;
    f->buf[f->cur].start = f->buf[f->cur].end;
}

/* Says once that packets of an interface will be ignored. */
static void warn_linktype(struct ft__file *f, const struct ft_batch *b)
{
    for (uint32_t i = 0; i < b->n && f->walker.kind == FT_WALK_PCAPNG && !f->warned; i++) {
        uint16_t type = b->views[i].linktype;

        if (f->cfg.linktype_ok != NULL && !f->cfg.linktype_ok(type)) {
            f->warned = true;
            ft_log(f->cfg.log, FT_LOG_WARN,
                   "%s: has packets of link type %u (%s), which is not supported: they are ignored "
                   "and counted",
                   f->targets[f->at].name, type,
                   f->cfg.linktype_name != NULL ? f->cfg.linktype_name(type) : "?");
        }
    }
}

static int file_read(struct ft_source *s, struct ft_batch *b, int timeout_ms, struct ft_err *err)
{
    struct ft__file *f = file_of(s);

    b->n = 0;
    while (f->at < f->n && !atomic_load_explicit(&f->stopped, memory_order_relaxed)) {
        int rc = f->targets[f->at].map != NULL ? read_mapped(f, b, err)
                                               : ft__file_stream_read(f, b, timeout_ms, err);

        if (rc == FT_OK) {
            warn_linktype(f, b);
            return rc;
        }
        next_target(f);
        if (rc != FT_E_EOF) {
            return rc;
        }
    }
    return FT_E_EOF;
}

static void file_release(struct ft_source *s, uint64_t token)
{
    struct ft__file *f = file_of(s);

    if (token < FT__BUFFERS) { /* pairs with make_room() */
        atomic_fetch_sub_explicit(&f->buf[token].held, 1, memory_order_release);
    }
}

static void file_stop(struct ft_source *s)
{
    struct ft__file *f = file_of(s);
    uint64_t one = 1;

    atomic_store_explicit(&f->stopped, true, memory_order_relaxed);
    if (write(f->wake_fd, &one, sizeof one) < 0) {
        return; /* the counter is full: it is awake */
    }
}

static void file_stats(struct ft_source *s, struct ft_source_stats *out)
{
    struct ft__file *f = file_of(s);

    *out = (struct ft_source_stats){
        .input_pos = atomic_load_explicit(&f->done, memory_order_relaxed) +
                     atomic_load_explicit(&f->pos, memory_order_relaxed),
        .input_size = f->size,
    };
}

const struct ft_source_ops ft_source_file = {
    .name = "file",
    .help = "pcap and pcapng files, also .gz and .zst, and stdin",
    .open = file_open,
    .read = file_read,
    .release = file_release,
    .stop = file_stop,
    .stats = file_stats,
    .close = file_close,
};

/* ---- splitting ---- */

int ft_file_split_open(struct ft_source *s, struct ft_file_split *out)
{
    struct ft__file *f = file_of(s);
    struct ft_view view;
    struct ft_walked w;

    if (s->ops != &ft_source_file || f->n != 1 || f->targets[0].map == NULL || f->off != 0) {
        return FT_E_UNSUPPORTED;
    }
    out->base = f->targets[0].map;
    out->len = f->targets[0].len;
    out->first = FT_PCAP_HEADER;
    out->name = f->targets[0].name;
    out->walker = f->walker;
    if (ft_walk(&out->walker, out->base, out->len, UINT64_MAX, &view, 1, &w) != FT_OK ||
        out->walker.kind != FT_WALK_PCAP || w.n != 1) {
        return FT_E_UNSUPPORTED;
    }
    out->first_s = ft_pcap_u32(&out->walker.pcap, out->base + FT_PCAP_HEADER);
    return FT_OK;
}

/* True when a chain of plausible record headers begins at off, or one that ends with the file. */
static bool chain_at(const struct ft_file_split *sp, uint64_t off)
{
    const struct ft_pcap *pcap = &sp->walker.pcap;

    for (int i = 0; i < CHAIN; i++) {
        if (off == sp->len && i > 0) {
            return true;
        }
        if (sp->len - off < pcap->record || !ft_pcap_plausible(pcap, sp->base + off, sp->first_s)) {
            return false;
        }
        uint64_t step = pcap->record + ft_pcap_record(pcap, sp->base + off).caplen;

        if (step > sp->len - off) {
            return false;
        }
        off += step;
    }
    return true;
}

uint64_t ft_file_split_guess(const struct ft_file_split *sp, uint64_t from, uint64_t limit)
{
    uint64_t end = limit < sp->len ? limit : sp->len;

    if (from <= sp->first) {
        return sp->first;
    }
    for (uint64_t off = from; off < end; off++) {
        if (chain_at(sp, off)) {
            return off;
        }
    }
    return UINT64_MAX;
}

int ft_file_split_walk(const struct ft_file_split *sp, uint64_t from, uint64_t limit,
                       struct ft_view *views, uint32_t cap, uint32_t *out_n, uint64_t *out_next,
                       struct ft_err *err)
{
    struct ft_walker walker = sp->walker;
    struct ft_walked w = {0};
    int rc = FT_OK;

    if (from < limit && from < sp->len) {
        rc = ft_walk(&walker, sp->base + from, sp->len - from, limit - from, views, cap, &w);
    }
    *out_n = w.n;
    *out_next = from + w.used;
    if (rc == FT_OK) {
        return rc;
    }
    struct ft__target t = {.name = (char *)(uintptr_t)sp->name};
    struct ft__file f = {.targets = &t, .n = 1, .walker = walker};

    return ft__file_error(&f, rc == FT_E_AGAIN ? FT_E_TRUNCATED : rc, &w, *out_next,
                          sp->len - *out_next, err);
}

void ft_file_split_at(struct ft_source *s, uint64_t pos)
{
    atomic_store_explicit(&file_of(s)->pos, pos, memory_order_relaxed);
}

void ft_file_split_pages(const struct ft_file_split *sp, uint64_t from, uint64_t len,
                         uint64_t behind)
{
    uint64_t start = from & ~(uint64_t)4095;
    uint64_t n = sp->len - start < len + (from - start) ? sp->len - start : len + (from - start);

    if (start < sp->len) {
#ifdef MADV_POPULATE_READ
        madvise((void *)(uintptr_t)(sp->base + start), n, MADV_POPULATE_READ); /* best effort */
#endif
    }
    if (behind >= PAGES_BEHIND && behind % PAGES_BEHIND < len) {
        uint64_t at = (behind / PAGES_BEHIND - 1) * PAGES_BEHIND;

        madvise((void *)(uintptr_t)(sp->base + at), PAGES_BEHIND, MADV_DONTNEED);
    }
}
