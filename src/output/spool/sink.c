/* SPDX-License-Identifier: Apache-2.0 */
/* output/spool: the sink in front of another one; see sink.h. */
#include "output/spool/sink.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/wait.h"
#include "output/spool/store.h"

enum {
    BARRIER_BYTES = 8 * 1024 * 1024, /* handed over at most before the other sink is flushed */
    BARRIER_MS = 1000,
    LOOK_MS = 100,      /* how often the other sink's news are looked at */
    TIGHT_PERCENT = 75, /* from here on samples are left out */
    CALM_PERCENT = 50,
    MAX_DEFAULT_MB = 1024
};

/* What the deliver thread tells of events, since the output thread has looked. */
struct news {
    struct ft_tally arrived, lost, dropped;                  /* of this run */
    struct ft_tally replayed, earlier_dropped, earlier_lost; /* of earlier ones */
};

struct spool_sink {
    struct ft_sink sink;
    struct ft_log log;
    char *folder;
    struct ft_spool *store;
    struct ft_sink *inner;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards: news, stop, reopen, appended, idle_at, ended */
    pthread_cond_t work;  /* the deliver thread waits here */
    pthread_cond_t told;  /* a flush waits here */
    struct news news;
    bool stop, reopen, ended;
    uint64_t appended, idle_at; /* frames; all of them were delivered when the two are equal */
    _Atomic bool given_up;
    /* owner: the output's thread */
    uint8_t *scratch; /* [scratch_len], of a chunk without its samples */
    uint32_t scratch_len;
    bool tight, full, disk_failed, removed; /* it was said */
    /* owner: the deliver thread; since the last barrier */
    uint64_t handed; /* events that the other sink has not told of yet */
    uint64_t bytes;
    int64_t since_ms;
    bool own, pending;
};

static struct spool_sink *spool_of(struct ft_sink *s)
{
    return (struct spool_sink *)(void *)s;
}

static bool gives_up(struct spool_sink *s)
{
    return atomic_load_explicit(&s->given_up, memory_order_relaxed);
}

/* ---- the deliver thread ---- */

/* What the other sink has told. What it lost because it was told to give up stays in the spool. */
static void listen(struct spool_sink *s, int rc)
{
    struct ft_sink *in = s->inner;
    bool kept = gives_up(s) || rc == FT_E_CLOSED || rc == FT_E_INTERRUPTED;

    s->handed -= ft_tally_events(&in->arrived) + ft_tally_events(&in->lost);
    pthread_mutex_lock(&s->lock);
    s->ended = s->ended || rc == FT_E_CLOSED;
    ft_tally_move(s->own ? &s->news.arrived : &s->news.replayed, &in->arrived);
    if (!kept) {
        ft_tally_move(s->own ? &s->news.lost : &s->news.earlier_lost, &in->lost);
    }
    pthread_mutex_unlock(&s->lock);
    in->lost = (struct ft_tally){{0}, 0};
    if (kept) {
        s->pending = false; /* no barrier: it comes again */
        atomic_store_explicit(&s->given_up, true, memory_order_relaxed);
    }
}

/* What was handed over arrives, or is refused or given up. */
static void flush_inner(struct spool_sink *s)
{
    if (s->handed > 0 && s->inner->ops->flush != NULL) {
        listen(s, s->inner->ops->flush(s->inner));
    }
}

/* All that was handed over has arrived or was refused, and the spool knows it. */
static void barrier(struct spool_sink *s)
{
    flush_inner(s);
    if (s->pending && !gives_up(s)) {
        ft_spool_done(s->store);
        s->pending = false;
    }
    s->bytes = 0;
    s->since_ms = ft_mono_ms();
}

static void say_passed_over(struct spool_sink *s, const struct ft_spool_frame *f)
{
    if (f->state == FT_SPOOL_MISSING) {
        ft_log(&s->log, FT_LOG_WARN,
               "spool %s: batches from number %llu on are damaged or gone; their %llu events are "
               "lost",
               s->folder, (unsigned long long)f->chunk.number,
               (unsigned long long)ft_tally_events(&f->tally));
        return;
    }
    ft_log(&s->log, FT_LOG_WARN, "spool %s: frame %llu of %u.seg %s; its %llu events are %s",
           s->folder, (unsigned long long)f->chunk.number, f->segment,
           f->state == FT_SPOOL_EXPIRED ? "is older than spool_age" : "is damaged",
           (unsigned long long)ft_tally_events(&f->tally),
           f->state == FT_SPOOL_EXPIRED ? "dropped" : "lost");
}

/* A frame that will not be delivered. */
static void pass_over(struct spool_sink *s, struct ft_spool_frame *f)
{
    bool expired = f->state == FT_SPOOL_EXPIRED;

    say_passed_over(s, f);
    pthread_mutex_lock(&s->lock);
    if (s->own) {
        ft_tally_move(expired ? &s->news.dropped : &s->news.lost, &f->tally);
    } else {
        ft_tally_move(expired ? &s->news.earlier_dropped : &s->news.earlier_lost, &f->tally);
    }
    pthread_mutex_unlock(&s->lock);
}

/* The next frame goes to the other sink. false: there is none. */
static bool deliver_one(struct spool_sink *s)
{
    struct ft_spool_frame f;
    uint32_t n = 1;

    if (ft_spool_next(s->store, &f) != FT_OK) {
        return false;
    }
    bool own = f.run == ft_spool_run(s->store);

    if (own != s->own) { /* what it tells later is of one of the two */
        flush_inner(s);
    }
    s->own = own;
    s->pending = true;
    if (f.state != FT_SPOOL_WHOLE) {
        pass_over(s, &f);
        return true;
    }
    s->handed += ft_tally_events(&f.tally);
    s->bytes += f.chunk.len;
    listen(s, s->inner->ops->write(s->inner, &f.chunk, &n));
    if (s->bytes >= BARRIER_BYTES || ft_mono_ms() - s->since_ms >= BARRIER_MS) {
        barrier(s);
    }
    return true;
}

static void pass_news(struct spool_sink *s)
{
    atomic_store_explicit(&s->sink.absent,
                          atomic_load_explicit(&s->inner->absent, memory_order_relaxed),
                          memory_order_relaxed);
}

/* Nothing to deliver: waits for a frame, for what is due by time, or for the end. */
static void idle(struct spool_sink *s, uint64_t seen)
{
    int64_t next_ms = -1;

    barrier(s);
    if (s->inner->ops->tick != NULL && !gives_up(s)) {
        listen(s, s->inner->ops->tick(s->inner, &next_ms));
    }
    pthread_mutex_lock(&s->lock);
    s->idle_at = seen;
    pthread_cond_broadcast(&s->told);
    if (s->appended == seen && !s->stop && !s->reopen) {
        struct timespec until =
            ft_wait_until(next_ms < 0 || next_ms > BARRIER_MS ? BARRIER_MS : next_ms);
        pthread_cond_timedwait(&s->work, &s->lock, &until);
    }
    pthread_mutex_unlock(&s->lock);
}

static void *deliver(void *arg)
{
    struct spool_sink *s = arg;
    bool stop = false;

    s->since_ms = ft_mono_ms();
    while (!stop) {
        pthread_mutex_lock(&s->lock);
        uint64_t seen = s->appended;
        bool reopen = s->reopen;

        stop = s->stop;
        s->reopen = false;
        pthread_mutex_unlock(&s->lock);
        if (reopen && s->inner->ops->reopen != NULL) {
            listen(s, s->inner->ops->reopen(s->inner));
        }
        if (!stop && (gives_up(s) || !deliver_one(s))) {
            idle(s, seen);
        }
    }
    return NULL;
}

/* ---- the output's thread ---- */

static int start(struct spool_sink *s)
{
    if (!s->started && pthread_create(&s->thread, NULL, deliver, s) == 0) {
        s->started = true;
    }
    return s->started ? FT_OK : FT_E_NOMEM;
}

static void take_out(struct ft_tally *from, const struct ft_tally *t)
{
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        from->n[e] -= t->n[e];
    }
    from->bytes -= t->bytes;
}

/* Moves at most n from one to another: of what arrived and was not told to be done, too. */
static void move_most(struct ft_tally *to, struct ft_tally *from, const struct ft_tally *n)
{
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        uint64_t k = n->n[e] < from->n[e] ? n->n[e] : from->n[e];

        from->n[e] -= k;
        to->n[e] += k;
    }
}

/* What the deliver thread told becomes this sink's word. */
static void collect(struct spool_sink *s)
{
    struct news n;

    pthread_mutex_lock(&s->lock);
    n = s->news;
    s->news = (struct news){.arrived = {{0}, 0}};
    pthread_mutex_unlock(&s->lock);
    take_out(&s->sink.spooled, &n.arrived);
    take_out(&s->sink.spooled, &n.lost);
    take_out(&s->sink.spooled, &n.dropped);
    ft_tally_move(&s->sink.arrived, &n.arrived);
    ft_tally_move(&s->sink.lost, &n.lost);
    ft_tally_move(&s->sink.dropped, &n.dropped);
    take_out(&s->sink.earlier, &n.replayed);
    take_out(&s->sink.earlier, &n.earlier_dropped);
    take_out(&s->sink.earlier, &n.earlier_lost);
    ft_tally_move(&s->sink.replayed, &n.replayed);
    ft_tally_move(&s->sink.earlier_dropped, &n.earlier_dropped);
    ft_tally_move(&s->sink.earlier_lost, &n.earlier_lost);
    pass_news(s);
}

/* A chunk without its samples, in scratch. */
static struct ft_chunk without_samples(struct spool_sink *s, const struct ft_chunk *c)
{
    struct ft_chunk out = *c;
    uint32_t begin = 0;

    out.data = s->scratch;
    out.behind = (struct ft_mark *)(void *)(s->scratch + s->scratch_len);
    out.len = out.n = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        struct ft_mark m = *ft_chunk_mark(c, i);
        uint32_t len = m.end - begin;

        if (m.event != FT_EVENT_SAMPLE) {
            memcpy(out.data + out.len, c->data + begin, len);
            out.len += len;
            begin = m.end;
            m.end = out.len;
            out.behind[-1 - (int64_t)out.n++] = m;
        }
        begin = ft_chunk_mark(c, i)->end;
    }
    return out;
}

static void say_once(struct spool_sink *s, bool now, bool *said, const char *what)
{
    if (now && !*said) {
        ft_log(&s->log, FT_LOG_WARN, "spool %s: %s", s->folder, what);
    }
    *said = now;
}

/* Appends a chunk, or what it has without its samples when the spool is tight or has no room for
 * all of it; *c is what was tried last. Result as ft_spool_append's. */
static int append_some(struct spool_sink *s, struct ft_chunk *c, uint32_t fill)
{
    bool tight = fill >= TIGHT_PERCENT;
    int rc = tight ? FT_E_AGAIN : ft_spool_append(s->store, c);

    if (rc == FT_E_AGAIN) {
        uint32_t all = c->len;

        *c = without_samples(s, c);
        rc = c->len == 0 ? FT_OK : tight || c->len < all ? ft_spool_append(s->store, c) : rc;
    }
    return rc;
}

static void append(struct spool_sink *s, const struct ft_chunk *chunk)
{
    struct ft_chunk c = *chunk;
    struct ft_tally all = {{0}, 0}, kept = {{0}, 0};
    uint32_t fill = ft_spool_fill(s->store);
    int rc = append_some(s, &c, fill);

    ft_tally_chunk(&all, chunk, 0, chunk->len);
    ft_tally_chunk(&kept, &c, 0, c.len);
    take_out(&all, &kept);
    ft_tally_move(&s->sink.dropped, &all);
    if (fill >= TIGHT_PERCENT || fill < CALM_PERCENT) {
        say_once(s, fill >= TIGHT_PERCENT, &s->tight,
                 "three quarters full: samples are dropped and counted");
    }
    say_once(s, rc == FT_E_AGAIN || (c.len < chunk->len && fill < TIGHT_PERCENT), &s->full,
             "full (spool_max or the disk): events are dropped");
    say_once(s, rc == FT_E_IO, &s->disk_failed, "cannot be written: events are lost");
    ft_tally_move(rc == FT_OK     ? &s->sink.spooled
                  : rc == FT_E_IO ? &s->sink.lost
                                  : &s->sink.dropped,
                  &kept);
    if (rc == FT_OK && c.len > 0) {
        pthread_mutex_lock(&s->lock);
        s->appended++;
        pthread_cond_signal(&s->work);
        pthread_mutex_unlock(&s->lock);
    }
}

static int spool_write(struct ft_sink *sink, const struct ft_chunk *chunks, uint32_t *n)
{
    struct spool_sink *s = spool_of(sink);

    for (uint32_t i = 0; i < *n; i++) {
        append(s, &chunks[i]);
    }
    collect(s);
    return FT_OK;
}

static int spool_tick(struct ft_sink *sink, int64_t *out_next_ms)
{
    struct spool_sink *s = spool_of(sink);
    struct ft_tally own, earlier;

    if (start(s) != FT_OK) {
        *out_next_ms = LOOK_MS; /* there may be memory for a thread later */
        return FT_OK;
    }
    collect(s);
    say_once(s, s->removed || ft_spool_gone(s->store, &own, &earlier), &s->removed,
             "its files were removed: what waits in them is lost when flowtap ends");
    pthread_mutex_lock(&s->lock);
    *out_next_ms =
        s->idle_at == s->appended && ft_tally_events(&s->sink.spooled) == 0 ? BARRIER_MS : LOOK_MS;
    pthread_mutex_unlock(&s->lock);
    return FT_OK;
}

/* With the lock: waits until all frames are delivered, or nothing is to be waited for any more. */
static void wait_delivered(struct spool_sink *s)
{
    while (s->started && s->idle_at != s->appended && !s->ended && !gives_up(s)) {
        struct timespec until = ft_wait_until(LOOK_MS);

        pthread_cond_timedwait(&s->told, &s->lock, &until);
        atomic_store_explicit(&s->sink.moved,
                              atomic_load_explicit(&s->inner->moved, memory_order_relaxed) +
                                  s->idle_at,
                              memory_order_relaxed);
        pass_news(s);
    }
}

static void spool_give_up(struct ft_sink *sink)
{
    struct spool_sink *s = spool_of(sink);

    atomic_store_explicit(&s->given_up, true, memory_order_relaxed);
    if (s->inner->ops->give_up != NULL) {
        s->inner->ops->give_up(s->inner);
    }
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->told);
    pthread_mutex_unlock(&s->lock);
}

/* The deliver thread is gone after it. */
static void stop(struct spool_sink *s)
{
    if (s->started) {
        spool_give_up(&s->sink); /* what could be delivered was, by the flush before */
        pthread_mutex_lock(&s->lock);
        s->stop = true;
        pthread_cond_signal(&s->work);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
        s->started = false;
    }
}

/* What lies in files that somebody has removed does not outlive this program. */
static void lose_removed(struct spool_sink *s)
{
    struct ft_tally own, earlier;

    if (!ft_spool_gone(s->store, &own, &earlier)) {
        return;
    }
    stop(s);
    collect(s);
    ft_ignore(ft_spool_gone(s->store, &own, &earlier));
    move_most(&s->sink.lost, &s->sink.spooled, &own);
    move_most(&s->sink.earlier_lost, &s->sink.earlier, &earlier);
}

static int spool_flush(struct ft_sink *sink)
{
    struct spool_sink *s = spool_of(sink);

    pthread_mutex_lock(&s->lock);
    pthread_cond_signal(&s->work);
    wait_delivered(s);
    pthread_mutex_unlock(&s->lock);
    collect(s);
    lose_removed(s);
    return FT_OK;
}

static int spool_reopen(struct ft_sink *sink)
{
    struct spool_sink *s = spool_of(sink);

    pthread_mutex_lock(&s->lock);
    s->reopen = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    return FT_OK;
}

static int spool_close(struct ft_sink *sink)
{
    struct spool_sink *s = spool_of(sink);

    stop(s);
    s->inner->ops->close(s->inner); /* nothing that it still had is counted as written */
    ft_spool_close(s->store, true);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->told);
    ft_mem_free(s->folder);
    ft_mem_free(s->scratch);
    ft_mem_free(s);
    return FT_OK;
}

static const struct ft_sink_ops spool_ops = {
    .name = "spool",
    .help = "events wait on disk for the receiver",
    .needs = FT_SANDBOX_FILES,
    .write = spool_write,
    .flush = spool_flush,
    .tick = spool_tick,
    .reopen = spool_reopen,
    .give_up = spool_give_up,
    .close = spool_close,
};

/* ---- opening ---- */

static uint64_t hash_text(uint64_t h, const void *data, size_t len)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i++) { /* FNV-1a: not against anybody, and the same for ever */
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

/* What tells events apart that one receiver cannot take in one stream. */
static uint64_t shape_of(const struct ft_output_url *url, const struct ft_output_env *env)
{
    uint64_t h = hash_text(UINT64_C(0xcbf29ce484222325), url->format, strlen(url->format));

    return hash_text(h, env->header, env->header != NULL ? env->header_len : 0);
}

/* Where spools lie when the URL does not say it. */
static char *default_folder(const struct ft_output_url *url)
{
    const char *state = getenv("STATE_DIRECTORY"), *home = getenv("HOME");
    uint64_t h = hash_text(UINT64_C(0xcbf29ce484222325), url->target, strlen(url->target));
    char path[FT_FILE_PATH];
    int n;

    if (state != NULL) {
        n = snprintf(path, sizeof path, "%s/spool", state);
    } else if (geteuid() == 0 || home == NULL) {
        n = snprintf(path, sizeof path, "/var/lib/flowtap/spool");
    } else {
        n = snprintf(path, sizeof path, "%s/.local/state/flowtap/spool", home);
    }
    if (n < 0 || n >= (int)sizeof path - 64) {
        return NULL;
    }
    snprintf(path + n, sizeof path - (size_t)n, "/%s-%016llx", url->transport,
             (unsigned long long)h);
    return ft_mem_strdup(path);
}

/* The folders above the last one. */
static void make_folders(char *path)
{
    for (char *p = path + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '\0';
            ft_ignore(mkdir(path, 0750)); /* what is missing then is told by who needs it */
            *p = '/';
        }
    }
}

static int open_store(struct spool_sink *s, const struct ft_output_url *url,
                      const struct ft_output_env *env, struct ft_err *err)
{
    const char *folder = ft_output_url_get(url, "spool");
    const char *max = ft_output_url_get(url, "spool_max");
    const char *age = ft_output_url_get(url, "spool_age");
    struct ft_spool_config cfg = {.max_bytes = (uint64_t)MAX_DEFAULT_MB * 1000000,
                                  .frame_most = env->chunk_most,
                                  .shape = shape_of(url, env)};
    struct ft_spool_content found;

    if (max != NULL) {
        ft_ignore(ft_parse_size(max, &cfg.max_bytes)); /* it was checked with the URL */
    }
    if (age != NULL) {
        ft_ignore(ft_parse_duration(age, &cfg.max_age_ns));
    }
    s->folder = folder != NULL ? ft_mem_strdup(folder) : default_folder(url);
    if (s->folder == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: no folder for its spool", url->text);
    }
    make_folders(s->folder);
    cfg.folder = s->folder;
    int rc = ft_spool_open(&cfg, &s->store, err);

    if (rc == FT_OK) {
        ft_spool_content(s->store, &found);
        if (found.damaged > 0) {
            ft_log(&s->log, FT_LOG_WARN,
                   "spool %s: %llu of its files were not whole: what a kill or a power cut had "
                   "torn is lost",
                   s->folder, (unsigned long long)found.damaged);
        }
        if (found.frames > 0) {
            ft_log(&s->log, FT_LOG_INFO, "spool %s: %llu events of earlier are delivered first",
                   s->folder, (unsigned long long)ft_tally_events(&found.tally));
        }
        ft_tally_move(&s->sink.earlier, &found.tally);
        ft_tally_move(&s->sink.earlier, &found.missing);
    }
    return rc;
}

int ft_spool_sink_open(const struct ft_output_url *url, const struct ft_output_env *env,
                       struct ft_sink *inner, struct ft_sink **out, struct ft_err *err)
{
    struct spool_sink *s = ft_mem_alloc(1, sizeof *s);
    int rc = FT_E_NOMEM;

    if (s != NULL) {
        s->sink.ops = &spool_ops;
        s->sink.needs = inner->ops->needs | inner->needs;
        s->sink.keys = inner->keys;
        s->inner = inner;
        s->scratch_len = env->chunk_most;
        s->scratch = ft_mem_alloc(1, s->scratch_len);
        if (env->log != NULL) {
            s->log = *env->log;
        }
        rc = s->scratch != NULL
                 ? open_store(s, url, env, err)
                 : ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    if (rc != FT_OK) {
        inner->ops->close(inner);
        if (s != NULL) {
            ft_mem_free(s->folder);
            ft_mem_free(s->scratch);
            ft_mem_free(s);
        }
        return rc;
    }
    pthread_mutex_init(&s->lock, NULL);
    ft_cond_init(&s->work);
    ft_cond_init(&s->told);
    s->sink.memory = inner->memory + s->scratch_len + ft_spool_budget(env->chunk_most);
    s->idle_at = UINT64_MAX; /* nothing is known of what an earlier run left */
    *out = &s->sink;
    return FT_OK;
}
