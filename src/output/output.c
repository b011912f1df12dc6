/* SPDX-License-Identifier: Apache-2.0 */
/* output: pool, queue, writers and the output thread; see output.h.
 *
 *     chunk: [event event event ...        free        ... mark mark mark]
 *
 * Marks stand behind the events, so that a write that got half way counts exactly the events that
 * are out. */
#include "output/output.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/bounds.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/units.h"
#include "base/wait.h"
#include "output/sink/datagrams.h"
#include "output/sink/messages.h"
#include "output/spool/sink.h"

enum {
    CHUNK_LEN = 256 * 1024,
    PAGE = 4096,
    CHUNK_REST = PAGE, /* of a chunk besides the largest event: marks */
    CHUNK_MIN = FT_EVENT_ROOM + CHUNK_REST,
    BATCH_LEN = 512 * 1024, /* of rows */
    POOL_DEFAULT = 16 * 1024 * 1024,
    POOL_CHUNKS_MIN = 16, /* smaller pools get smaller chunks */
    WRITE_MOST = 8,       /* chunks that a sink is handed at once */
    SPLIT_OPEN = 4,       /* chunks that a writer has open, of other hours or days each */
    DRAIN_STEP_MS = 20,
    ENDING_STEP_MS = 250,
    ABSENT_PATIENCE_MS = 1000, /* nobody reads: somebody may be about to */
    SPOOL_PATIENCE_MS = 10000, /* what is left stays on disk */
};

static const int64_t batch_ns = 1000000000; /* rows wait no longer to be handed on */

_Static_assert(BATCH_LEN < 1 << 24, "the events of a chunk can be counted in its marks");

struct chunk {
    struct ft_chunk c;
    bool scarce;      /* taken from the last quarter of the pool: not for samples */
    bool left;        /* it lies aside, and another one has become full meanwhile */
    int64_t since_ns; /* it has rows since then; 0: that was not seen yet */
};

/* owner: one worker thread; counters are read by any. */
struct ft_writer {
    struct ft_output *o;
    struct chunk *open;
    struct chunk *aside[SPLIT_OPEN - 1]; /* open, too: of other times than from_ns; or NULL */
    uint32_t oldest;                     /* of those: the next to make room */
    int64_t from_ns;                     /* split_ns: what comes is of this time */
    uint8_t *spare;                      /* [chunk_len], where rows become a batch; or NULL */
    struct ft_count made[FT_EVENT__COUNT];
    struct ft_count dropped[FT_EVENT__COUNT];
    struct ft_count lost[FT_EVENT__COUNT];  /* made when the target was gone */
    struct ft_count left_out;               /* flow records of another kind than it asks for */
    struct ft_count unfit[FT_UNFIT__COUNT]; /* and such as its format cannot hold */
    FT_ALIGNED(64) uint8_t pad[1];
};

struct ft_output {
    const char *name;
    char *own_name; /* the same, or NULL: it is somebody else's */
    struct ft_log log;
    struct ft_sink *sink;
    struct ft__messages *messages;   /* what is queued becomes messages; or NULL */
    struct ft__datagrams *datagrams; /* or datagrams of sFlow; or NULL */
    void (*on_failed)(void *cookie);
    void *failed_cookie;
    enum ft_overflow overflow;
    bool count_only;
    bool spools; /* a spool stands before the sink */
    size_t (*seal)(const void *cookie, enum ft_event e, const uint8_t *rows, uint32_t n,
                   const struct ft_loss *lost, uint8_t *out);
    const void *seal_cookie;
    uint32_t seal_room;
    uint64_t (*packets_lost)(void *cookie);
    void *packets_cookie;
    int64_t split_ns;
    bool by_kind, has_aside; /* chunks aside are of other kinds, not times; there may be some */
    struct ft_writer *writers;
    uint32_t n_writers;
    uint8_t *pool; /* n_blocks * chunk_len, mapped: chunks, and what writers have spare */
    uint32_t chunk_len, n_chunks, n_blocks;
    struct chunk *chunks;
    struct chunk **free;  /* stack */
    struct chunk **queue; /* ring of n_chunks */
    /* guards: free, n_free, queue, head, n_queued, due_ms, busy, stop, flush, and the end of sink
     */
    pthread_mutex_t lock;
    pthread_cond_t ready; /* the output thread waits here */
    pthread_cond_t freed; /* writers of a full pool, and drain, wait here */
    uint32_t n_free, head, n_queued;
    int64_t due_ms; /* since when the sink takes nothing of what it is to; 0: nothing waits */
    bool busy, stop, flush, started;
    pthread_t thread;
    _Atomic uint32_t free_seen; /* n_free for a look without the lock */
    _Atomic bool failed, given_up, reopen;
    _Atomic int ending_ms; /* the input has ended: records wait for room, see wait_for_room */
    /* owner: output thread */
    bool outage;                      /* the last write failed, it may work again */
    uint64_t outage_lost;             /* events lost in the outage */
    uint64_t held;                    /* events that the sink has told nothing of yet */
    uint64_t unsure[FT_EVENT__COUNT]; /* written, and not yet known to be safe */
    uint32_t sealed_seen, failed_seen;
    uint64_t producer, number; /* of the chunks that were handed over */
    uint64_t changes;          /* of the folder, when the sink is closed */
    struct ft_count written[FT_EVENT__COUNT];
    struct ft_count lost[FT_EVENT__COUNT];
    struct ft_count dropped[FT_EVENT__COUNT]; /* by a spool */
    struct ft_count spooled[FT_EVENT__COUNT]; /* now */
    struct ft_count replayed[FT_EVENT__COUNT];
    struct ft_count earlier_dropped[FT_EVENT__COUNT];
    struct ft_count earlier_lost[FT_EVENT__COUNT];
    struct ft_count earlier_spooled[FT_EVENT__COUNT]; /* now */
    struct ft_count bytes;
    struct ft_count calls;  /* of the sink's write that returned */
    struct ft_count errors; /* calls of the sink that failed */
    bool took;              /* since it was last looked at, the sink took events */
};

/* What the system has said meanwhile about events that were written before. */
static uint64_t settle_unsure(struct ft_output *o)
{
    bool failed = o->sink->failed != o->failed_seen;
    uint64_t lost = 0;

    if (!failed && o->sink->sealed == o->sealed_seen) {
        return 0;
    }
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        if (failed) {
            ft_count_set(&o->written[e], ft_count_get(&o->written[e]) - o->unsure[e]);
            ft_count_add(&o->lost[e], o->unsure[e]);
            lost += o->unsure[e];
        }
        o->unsure[e] = 0;
    }
    o->failed_seen = o->sink->failed;
    o->sealed_seen = o->sink->sealed;
    return lost;
}

/* ---- writers ---- */

static bool nobody_takes(const struct ft_output *o)
{
    return atomic_load_explicit(&o->failed, memory_order_relaxed) ||
           atomic_load_explicit(&o->given_up, memory_order_relaxed);
}

/* No chunk for this event: the pool is full, or there is no target any more. */
static void drop(struct ft_writer *w, enum ft_event e)
{
    ft_count_add(&w->made[e], 1);
    ft_count_add(nobody_takes(w->o) ? &w->lost[e] : &w->dropped[e], 1);
}

/* Free chunks that an event of this kind must leave: a sample is given up before a record is. */
static uint32_t reserve_for(const struct ft_output *o, enum ft_event e)
{
    return e == FT_EVENT_SAMPLE && o->overflow == FT_OVERFLOW_DROP ? (o->n_chunks + 3) / 4 : 0;
}

static void push(struct ft_output *o, struct chunk *c)
{
    pthread_mutex_lock(&o->lock);
    o->queue[(o->head + o->n_queued) % o->n_chunks] = c;
    o->n_queued++;
    if (o->due_ms == 0) {
        o->due_ms = ft_mono_ms();
    }
    pthread_cond_signal(&o->ready);
    pthread_mutex_unlock(&o->lock);
}

/* A FIFO that nobody reads yet is waited for, not for long. So is whatever a spool can keep. */
static int patience_with(const struct ft_output *o, int ms)
{
    bool absent = o->sink != NULL && atomic_load_explicit(&o->sink->absent, memory_order_relaxed);
    int most = absent ? ABSENT_PATIENCE_MS : SPOOL_PATIENCE_MS;

    if (o->spools && ms < 0) {
        return most;
    }
    return absent && ms > ABSENT_PATIENCE_MS ? ABSENT_PATIENCE_MS : ms;
}

/* With the lock, when the input has ended and only flow records are still to come: nothing is
 * slowed any more by waiting for a reader that reads, so a record is not given up before bytes have
 * stopped to move. */
static void wait_for_room(struct ft_output *o, uint32_t reserve, int patience_ms)
{
    uint64_t seen = ft_output_progress(o);
    int64_t since = ft_mono_ms();

    while (o->n_free <= reserve && !nobody_takes(o)) {
        struct timespec until = ft_wait_until(ENDING_STEP_MS);

        pthread_cond_timedwait(&o->freed, &o->lock, &until);
        if (ft_output_progress(o) != seen) {
            seen = ft_output_progress(o);
            since = ft_mono_ms();
        } else if (ft_mono_ms() - since >= patience_with(o, patience_ms)) {
            atomic_store_explicit(&o->ending_ms, 0, memory_order_relaxed);
            return;
        }
    }
}

void ft_output_ending(struct ft_output *o, int patience_ms)
{
    atomic_store_explicit(&o->ending_ms, patience_ms, memory_order_relaxed);
}

/* An empty chunk, or NULL: the policy says that the event is dropped. */
static struct chunk *acquire(struct ft_output *o, enum ft_event e)
{
    uint32_t reserve = reserve_for(o, e);
    struct chunk *c = NULL;

    int ending_ms = atomic_load_explicit(&o->ending_ms, memory_order_relaxed);

    if (nobody_takes(o) || (o->overflow == FT_OVERFLOW_DROP && ending_ms == 0 &&
                            atomic_load_explicit(&o->free_seen, memory_order_relaxed) <= reserve)) {
        return NULL; /* without the lock: an overloaded output must not slow the workers */
    }
    pthread_mutex_lock(&o->lock);
    while (o->n_free == 0 && o->overflow == FT_OVERFLOW_BLOCK && !nobody_takes(o)) {
        pthread_cond_wait(&o->freed, &o->lock);
    }
    if (o->n_free <= reserve && ending_ms > 0) {
        wait_for_room(o, reserve, ending_ms);
    }
    if (o->n_free > reserve && !nobody_takes(o)) {
        c = o->free[--o->n_free];
        atomic_store_explicit(&o->free_seen, o->n_free, memory_order_relaxed);
        c->c.len = 0;
        c->c.n = 0;
        c->since_ns = 0;
        c->left = false;
        c->scarce = o->overflow == FT_OVERFLOW_DROP && o->n_free <= reserve_for(o, FT_EVENT_SAMPLE);
    }
    pthread_mutex_unlock(&o->lock);
    return c;
}

static bool fits(const struct ft_output *o, const struct ft_chunk *c, size_t max_len)
{
    return c->len + max_len + o->seal_room + FT_EVENT_SLACK + sizeof(struct ft_mark) * (c->n + 1) <=
           o->chunk_len;
}

/* A chunk of the last quarter stays closed to samples until the pool has recovered. */
static bool still_scarce(struct ft_writer *w)
{
    w->open->scarce = atomic_load_explicit(&w->o->free_seen, memory_order_relaxed) <=
                      reserve_for(w->o, FT_EVENT_SAMPLE);
    return w->open->scarce;
}

void ft_writer_end_as(struct ft_writer *w, enum ft_event e, uint32_t n, uint64_t key, size_t len)
{
    struct ft_chunk *c = &w->open->c;
    struct ft_mark *last = c->behind - c->n;

    if (len == 0) {
        return;
    }
    c->len += (uint32_t)len;
    if ((c->lines || w->o->seal != NULL) && c->n > 0 && last->event == e && key == FT_NO_KEY &&
        last->key == FT_NO_KEY) {
        last->end = c->len;
        last->count += n;
    } else {
        c->n++;
        last[-1] = (struct ft_mark){.key = key, .end = c->len, .count = n, .event = e};
    }
    ft_count_add(&w->made[e], n);
}

void ft_writer_end(struct ft_writer *w, enum ft_event e, size_t len)
{
    ft_writer_end_as(w, e, 1, FT_NO_KEY, len);
}

void ft_writer_count(struct ft_writer *w, enum ft_event e, uint64_t n)
{
    ft_count_add(&w->made[e], n);
}

bool ft_writer_count_only(const struct ft_writer *w)
{
    return w->o->count_only;
}

void ft_writer_leave_out(struct ft_writer *w)
{
    ft_count_add(&w->left_out, 1);
}

void ft_writer_unfit(struct ft_writer *w, enum ft_unfit why)
{
    ft_count_add(&w->unfit[why], 1);
}

void ft_writer_lose(struct ft_writer *w, enum ft_event e, uint64_t n)
{
    ft_count_add(&w->made[e], n);
    ft_count_add(&w->lost[e], n);
}

static uint64_t lost_so_far(const void *cookie)
{
    const struct ft_output *o = cookie;
    uint64_t lost = 0;

    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        lost += ft_count_get(&o->lost[e]);
        for (uint32_t i = 0; o->writers != NULL && i < o->n_writers; i++) {
            lost += ft_count_get(&o->writers[i].dropped[e]) + ft_count_get(&o->writers[i].lost[e]);
        }
    }
    return lost;
}

/* The rows of the open chunk become a batch. */
static void seal(struct ft_writer *w)
{
    const struct ft_output *o = w->o;
    struct ft_chunk *c = &w->open->c;
    struct ft_mark rows = *ft_chunk_mark(c, 0);
    uint8_t *out = w->spare;
    struct ft_loss lost = {lost_so_far(o),
                           o->packets_lost != NULL ? o->packets_lost(o->packets_cookie) : 0};

    c->len = (uint32_t)o->seal(o->seal_cookie, (enum ft_event)rows.event, c->data, rows.count,
                               &lost, out);
    rows.end = c->len;
    w->spare = c->data;
    c->data = out;
    c->behind = (struct ft_mark *)(void *)(out + o->chunk_len);
    c->behind[-1] = rows;
}

static void push_open(struct ft_writer *w)
{
    if (w->open != NULL && w->open->c.len > 0) {
        if (w->o->seal != NULL) {
            seal(w);
        }
        push(w->o, w->open);
        w->open = NULL;
    }
}

/* The chunk of other times, or of another kind, goes aside, for one that is open for this one. */
static void turn_to(struct ft_writer *w, int64_t from_ns)
{
    struct chunk *found = NULL, **to = NULL;

    for (uint32_t i = 0; i < SPLIT_OPEN - 1 && found == NULL; i++) {
        struct chunk **at = &w->aside[(w->oldest + i) % (SPLIT_OPEN - 1)];

        if (*at != NULL && (*at)->c.from_ns == from_ns) {
            found = *at;
            found->left = false;
            to = at;
        } else if (*at == NULL && to == NULL) {
            to = at;
        }
    }
    if (to == NULL) { /* the one that lay longest makes room */
        struct chunk *open = w->open;

        to = &w->aside[w->oldest];
        w->oldest = (w->oldest + 1) % (SPLIT_OPEN - 1);
        w->open = *to;
        push_open(w);
        w->open = open;
    }
    *to = w->open;
    w->open = found;
}

/* The next events are of this time, or of the kind of this number. */
static void turn(struct ft_writer *w, int64_t from_ns)
{
    if (w->open != NULL && w->open->c.len == 0) { /* it is of none yet */
        w->open->c.from_ns = from_ns;
    } else {
        turn_to(w, from_ns);
    }
    w->from_ns = from_ns;
}

/* What lies aside while others become full is of a time that is over: it goes after two of them. */
static void push_left(struct ft_writer *w)
{
    struct chunk *open = w->open;

    for (uint32_t i = 0; w->o->has_aside && i < SPLIT_OPEN - 1; i++) {
        struct chunk **at = &w->aside[(w->oldest + i) % (SPLIT_OPEN - 1)];

        if (*at != NULL && (*at)->left) {
            w->open = *at;
            *at = NULL;
            push_open(w);
        } else if (*at != NULL) {
            (*at)->left = true;
        }
    }
    w->open = open;
}

uint8_t *ft_writer_begin(struct ft_writer *w, enum ft_event e, size_t max_len)
{
    if (FT_UNLIKELY(w->o->by_kind && w->from_ns != (int64_t)e)) {
        turn(w, e);
    }
    if (FT_LIKELY(w->open != NULL && fits(w->o, &w->open->c, max_len))) {
        if (FT_UNLIKELY(w->open->scarce && e == FT_EVENT_SAMPLE && still_scarce(w))) {
            drop(w, e);
            return NULL;
        }
        return w->open->c.data + w->open->c.len;
    }
    if (w->open != NULL) {
        push_left(w);
        push_open(w);
    }
    w->open = acquire(w->o, e);
    if (w->open == NULL) {
        drop(w, e);
        return NULL;
    }
    w->open->c.from_ns = w->from_ns;
    return w->open->c.data;
}

void ft_writer_at(struct ft_writer *w, int64_t ts_ns)
{
    int64_t split = w->o->split_ns;
    int64_t from_ns = ft_time_sub(ts_ns, (ts_ns % split + split) % split);

    if (FT_UNLIKELY(from_ns != w->from_ns)) {
        turn(w, from_ns);
    }
}

/* Pushes the open chunk, or one of rows only when it is old. */
static void push_if_old(struct ft_writer *w, int64_t now_ns)
{
    struct chunk *c = w->open;

    if (w->o->seal == NULL || (c != NULL && c->since_ns != 0 && now_ns - c->since_ns >= batch_ns)) {
        push_open(w);
    } else if (c != NULL && c->since_ns == 0 && c->c.len > 0) {
        c->since_ns = now_ns;
    }
}

/* What lies aside, the longest first; now_ns: INT64_MAX: whatever its age. */
static void push_aside(struct ft_writer *w, int64_t now_ns)
{
    struct chunk *open = w->open;

    for (uint32_t i = 0; i < SPLIT_OPEN - 1; i++) {
        struct chunk **at = &w->aside[(w->oldest + i) % (SPLIT_OPEN - 1)];

        w->open = *at;
        if (now_ns == INT64_MAX) {
            push_open(w);
        } else {
            push_if_old(w, now_ns);
        }
        *at = w->open;
    }
    w->open = open;
}

void ft_writer_breathe(struct ft_writer *w, int64_t now_ns)
{
    if (w->o->has_aside) {
        push_aside(w, now_ns);
    }
    push_if_old(w, now_ns);
}

void ft_writer_flush(struct ft_writer *w)
{
    if (w->o->has_aside) {
        push_aside(w, INT64_MAX);
    }
    push_open(w);
}

/* ---- the output thread ---- */

static void say_outage(struct ft_output *o, int rc, bool arrived, uint64_t lost)
{
    if (rc == FT_OK && arrived && o->outage) {
        ft_log(&o->log, FT_LOG_WARN, "%s: works again; %llu events were lost", o->name,
               (unsigned long long)o->outage_lost);
        o->outage = false;
        o->outage_lost = 0;
    } else if (rc == FT_E_IO) {
        if (!o->outage) {
            ft_log(&o->log, FT_LOG_WARN,
                   "%s: cannot be written (disk full?); its events are lost and counted until it "
                   "works again",
                   o->name);
        }
        o->outage = true;
        o->outage_lost += lost;
    } else if (rc == FT_E_CLOSED) {
        ft_log(&o->log, FT_LOG_WARN, "%s: the reader went away; this output has ended", o->name);
        atomic_store_explicit(&o->failed, true, memory_order_relaxed);
        if (o->on_failed != NULL) {
            o->on_failed(o->failed_cookie);
        }
    }
}

/* What the sink has told of counts; returns how many events are lost. */
static uint64_t settle(struct ft_output *o, bool *out_arrived)
{
    struct ft_sink *s = o->sink;
    uint64_t lost = settle_unsure(o), arrived = 0; /* first, what was written before */

    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) { /* never at two places at once */
        ft_count_set(&o->spooled[e], s->spooled.n[e]);
        ft_count_tell(&o->written[e], s->arrived.n[e]);
        ft_count_tell(&o->lost[e], s->lost.n[e]);
        ft_count_tell(&o->dropped[e], s->dropped.n[e]);
        ft_count_set(&o->earlier_spooled[e], s->earlier.n[e]);
        ft_count_add(&o->replayed[e], s->replayed.n[e]);
        ft_count_add(&o->earlier_dropped[e], s->earlier_dropped.n[e]);
        ft_count_add(&o->earlier_lost[e], s->earlier_lost.n[e]);
        o->unsure[e] += s->arrived.n[e];
        o->held -= s->arrived.n[e] + s->lost.n[e] + s->dropped.n[e];
        arrived += s->arrived.n[e];
        lost += s->lost.n[e];
    }
    ft_count_add(&o->bytes, s->arrived.bytes + s->replayed.bytes);
    s->arrived = s->lost = s->dropped = (struct ft_tally){{0}, 0};
    s->replayed = s->earlier_dropped = s->earlier_lost = (struct ft_tally){{0}, 0};
    *out_arrived = arrived > 0;
    return lost;
}

/* After each call of the sink. */
static void after(struct ft_output *o, int rc)
{
    bool arrived;
    uint64_t lost = settle(o, &arrived);

    if (rc != FT_OK) {
        ft_count_add(&o->errors, 1);
    }
    say_outage(o, rc, arrived, lost);
}

static void lose_chunks(struct ft_output *o, const struct ft_chunk *chunks, uint32_t n)
{
    struct ft_tally t = {{0}, 0};

    for (uint32_t i = 0; i < n; i++) {
        ft_tally_chunk(&t, &chunks[i], 0, chunks[i].len);
    }
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        ft_count_add(&o->lost[e], t.n[e]);
    }
}

static void hand_over(struct ft_output *o, const struct ft_chunk *chunks, uint32_t n)
{
    while (n > 0 && !nobody_takes(o)) {
        struct ft_tally t = {{0}, 0};
        uint32_t done = n;
        int rc = o->sink->ops->write(o->sink, chunks, &done);

        for (uint32_t i = 0; i < done; i++) {
            ft_tally_chunk(&t, &chunks[i], 0, chunks[i].len);
        }
        for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
            o->held += t.n[e];
        }
        after(o, rc);
        ft_count_add(&o->calls, 1);
        o->took |= rc == FT_OK && done > 0;
        chunks += done;
        n -= done;
    }
    lose_chunks(o, chunks, n);
}

static void hand_over_messages(struct ft_output *o)
{
    struct ft_chunk c;

    while (ft__messages_next(o->messages, &c)) {
        hand_over(o, &c, 1);
    }
}

static void hand_over_datagrams(struct ft_output *o, const struct ft_chunk *rows)
{
    struct ft_chunk c;

    ft__datagrams_of(o->datagrams, rows);
    while (ft__datagrams_next(o->datagrams, &c)) {
        hand_over(o, &c, 1);
    }
}

static void write_chunks(struct ft_output *o, const struct ft_chunk *chunks, uint32_t n)
{
    if (o->messages == NULL && o->datagrams == NULL) {
        hand_over(o, chunks, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (o->datagrams != NULL) {
            hand_over_datagrams(o, &chunks[i]);
        } else {
            ft__messages_of(o->messages, &chunks[i]);
            hand_over_messages(o);
        }
    }
}

/* With the lock: n chunks are free again. */
static void give_back(struct ft_output *o, struct chunk *const *c, uint32_t n)
{
    for (uint32_t i = n; i-- > 0;) { /* the first is warmest: it is taken next */
        o->free[o->n_free++] = c[i];
    }
    atomic_store_explicit(&o->free_seen, o->n_free, memory_order_relaxed);
    if (o->took) {
        o->due_ms = o->n_queued > 0 ? ft_mono_ms() : 0;
        o->took = false;
    }
    o->busy = false;
    pthread_cond_broadcast(&o->freed);
}

/* With the lock: takes what is queued, but not so much that the writers would have to wait for all
 * of it to be written. */
static uint32_t take_queued(struct ft_output *o, struct chunk **out, struct ft_chunk *views)
{
    uint32_t most = o->n_chunks / 4 < WRITE_MOST ? o->n_chunks / 4 : WRITE_MOST, n = 0;

    while (o->n_queued > 0 && (n == 0 || n < most)) {
        out[n] = o->queue[o->head];
        views[n] = out[n]->c;
        views[n].producer = o->producer;
        views[n].number = ++o->number;
        o->head = (o->head + 1) % o->n_chunks;
        o->n_queued--;
        n++;
    }
    return n;
}

/* With the lock: nothing is queued; waits for that, for next_ms (-1: for ever), or for a request.
 */
static void wait_ready(struct ft_output *o, int64_t next_ms)
{
    if (o->stop || o->flush || atomic_load_explicit(&o->reopen, memory_order_acquire)) {
        return;
    }
    if (next_ms < 0) {
        pthread_cond_wait(&o->ready, &o->lock);
    } else if (next_ms > 0) {
        struct timespec until = ft_wait_until(next_ms);

        pthread_cond_timedwait(&o->ready, &o->lock, &until);
    }
}

/* What is due besides the next chunk; returns when it is to be called again at the latest. */
static int64_t maintain(struct ft_output *o, bool flush)
{
    const struct ft_sink_ops *ops = o->sink->ops;
    int64_t next_ms = -1;

    if (atomic_exchange_explicit(&o->reopen, false, memory_order_acq_rel) && ops->reopen != NULL) {
        after(o, ops->reopen(o->sink));
    }
    if (flush && (o->held > 0 || o->spools) && ops->flush != NULL) {
        after(o, ops->flush(o->sink));
    }
    if (ops->tick != NULL) {
        after(o, ops->tick(o->sink, &next_ms));
    }
    if (o->messages != NULL) {
        ft__messages_due(o->messages, &next_ms);
        hand_over_messages(o);
    }
    return next_ms;
}

static void *output_run(void *arg)
{
    struct ft_output *o = arg;
    struct chunk *taken[WRITE_MOST];
    struct ft_chunk views[WRITE_MOST];
    int64_t next_ms = 0;
    bool last = false;

    pthread_mutex_lock(&o->lock);
    while (!last) {
        if (o->n_queued == 0) {
            wait_ready(o, next_ms);
        }
        last = o->n_queued == 0 && o->stop;
        bool flush = o->n_queued == 0 && (o->flush || last);
        uint32_t n = take_queued(o, taken, views);

        o->busy = true;
        pthread_mutex_unlock(&o->lock);
        next_ms = maintain(o, flush);
        if (n > 0) {
            write_chunks(o, views, n);
            next_ms = 0; /* to be asked again */
        }
        pthread_mutex_lock(&o->lock);
        if (flush) {
            o->flush = false;
        }
        give_back(o, taken, n);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* ---- life ---- */

static int make_pool(struct ft_output *o, uint64_t want, const struct ft_output_config *cfg)
{
    uint64_t n = want / o->chunk_len;
    uint64_t least = (uint64_t)o->n_writers * (o->has_aside ? SPLIT_OPEN : 1) + 2;

    if (n < least) { /* every writer may hold some; one is written, one is free */
        n = least;
    }
    o->n_chunks = (uint32_t)n;
    o->n_free = o->n_chunks;
    atomic_store_explicit(&o->free_seen, o->n_chunks, memory_order_relaxed);
    o->n_blocks = o->n_chunks + (o->seal != NULL ? o->n_writers : 0);
    o->pool = ft_map_alloc((size_t)o->n_blocks * o->chunk_len);
    o->chunks = ft_mem_alloc(o->n_chunks, sizeof *o->chunks);
    o->free = ft_mem_alloc(o->n_chunks, sizeof *o->free);
    o->queue = ft_mem_alloc(o->n_chunks, sizeof *o->queue);
    if (o->pool == NULL || o->chunks == NULL || o->free == NULL || o->queue == NULL) {
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < o->n_chunks; i++) {
        struct ft_chunk *c = &o->chunks[i].c;

        c->data = o->pool + (size_t)i * o->chunk_len;
        c->behind = (struct ft_mark *)(void *)(c->data + o->chunk_len); /* it is whole pages */
        c->lines = !cfg->binary;
        o->free[o->n_chunks - 1 - i] = &o->chunks[i];
    }
    for (uint32_t i = 0; i < o->n_blocks - o->n_chunks; i++) {
        o->writers[i].spare = o->pool + (size_t)(o->n_chunks + i) * o->chunk_len;
    }
    return FT_OK;
}

/* Bytes of the pool and of a chunk, whole pages. */
static uint64_t size_pool(struct ft_output *o, const struct ft_output_url *url,
                          const struct ft_output_config *cfg)
{
    const char *queue = ft_output_url_get(url, "queue");
    uint32_t least = cfg->event_most > 0 ? cfg->event_most + CHUNK_REST : CHUNK_MIN;
    uint64_t want = POOL_DEFAULT;

    if (queue != NULL) {
        ft_ignore(ft_parse_size(queue, &want)); /* it was checked with the URL */
    }
    uint32_t usual = cfg->seal != NULL ? BATCH_LEN : CHUNK_LEN;

    least += cfg->seal_room;
    o->chunk_len = want / POOL_CHUNKS_MIN >= usual && least < usual ? usual : least;
    o->chunk_len = (o->chunk_len + PAGE - 1) / PAGE * PAGE;
    return want;
}

static int make_output(struct ft_output *o, const struct ft_output_url *url,
                       const struct ft_output_config *cfg, uint64_t pool_len, struct ft_err *err)
{
    const char *policy = ft_output_url_get(url, "overflow");
    int rc = FT_OK;

    o->overflow = cfg->overflow;
    if (policy != NULL && strcmp(policy, "spool") != 0) {
        o->overflow = strcmp(policy, "block") == 0 ? FT_OVERFLOW_BLOCK : FT_OVERFLOW_DROP;
    }
    o->writers = ft_map_alloc(sizeof *o->writers * o->n_writers);
    if (o->name == NULL || o->writers == NULL) {
        rc = FT_E_NOMEM;
    } else if (!o->count_only) {
        rc = make_pool(o, pool_len, cfg);
    }
    if (rc != FT_OK) {
        return ft_err_set(err, rc, "output %s: no memory for its queue", url->text);
    }
    for (uint32_t i = 0; i < o->n_writers; i++) {
        o->writers[i].o = o;
    }
    return FT_OK;
}

/* The sink of the URL, with a spool before it when it is asked for. */
static int with_spool(struct ft_output *o, const struct ft_sink_ops *ops,
                      const struct ft_output_url *url, const struct ft_output_env *env,
                      struct ft_err *err)
{
    const char *overflow = ft_output_url_get(url, "overflow");
    struct ft_sink *sink = NULL;

    if (overflow == NULL || strcmp(overflow, "spool") != 0) {
        return ops->open(url, env, &o->sink, err);
    }
    if (!ops->waits || env->needs_file || env->pack != NULL || env->late_header != NULL) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: overflow=spool is for receivers at the other end of a "
                          "connection, and for events that stand alone",
                          url->text);
    }
    struct ft_output_env most = *env;

    most.spooled = true;
    /* what an earlier run left may be of chunks that were larger, with another queue= */
    most.chunk_most = env->chunk_most > BATCH_LEN ? env->chunk_most : BATCH_LEN;
    int rc = ops->open(url, &most, &sink, err);

    o->spools = true;
    return rc == FT_OK ? ft_spool_sink_open(url, env, sink, &o->sink, err) : rc;
}

static int open_sink(struct ft_output *o, const struct ft_output_url *url,
                     const struct ft_output_config *cfg, struct ft_output_env *env,
                     struct ft_err *err)
{
    const struct ft_sink_ops *ops = cfg->sink;

    if (cfg->sink_instance != NULL) {
        o->sink = cfg->sink_instance;
        return FT_OK;
    }
    for (int i = 0; ops == NULL && ft_sinks[i] != NULL; i++) {
        if (strcmp(ft_sinks[i]->name, url->transport) == 0) {
            ops = ft_sinks[i];
        }
    }
    if (ops == NULL || ops->open == NULL) {
        return ft_err_set(err, FT_E_USAGE, "output %s: there is no transport '%s'", url->text,
                          url->transport);
    }
    if (env->templates != NULL) {
        int rc = ft__messages_open(ops, url, env, &o->messages, err);

        rc = rc == FT_OK ? ops->open(url, env, &o->sink, err) : rc;
        if (rc == FT_OK) {
            ft__messages_sink(o->messages, o->sink);
        }
        return rc;
    }
    if (env->sflow != NULL) {
        return ft__datagrams_open(ops, url, env, &o->sink, &o->datagrams, err);
    }
    if (ops->datagrams) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: %s is for ipfix, netflow9, netflow5 and sflow", url->text,
                          url->transport);
    }
    return with_spool(o, ops, url, env, err);
}

int ft_output_open(const struct ft_output_url *url, const struct ft_output_config *cfg,
                   const struct ft_output_env *env, struct ft_output **out, struct ft_err *err)
{
    struct ft_output *o = ft_mem_alloc(1, sizeof *o);

    if (o == NULL) {
        if (cfg->sink_instance != NULL) {
            cfg->sink_instance->ops->close(cfg->sink_instance);
        }
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    o->own_name = env->name == NULL ? ft_mem_strdup(url->text) : NULL;
    o->name = env->name == NULL ? o->own_name : env->name;
    o->n_writers = cfg->n_writers;
    o->count_only = cfg->count_only;
    o->seal = cfg->seal;
    o->seal_cookie = cfg->seal_cookie;
    o->seal_room = cfg->seal_room;
    o->packets_lost = cfg->packets_lost;
    o->packets_cookie = cfg->packets_cookie;
    o->split_ns = cfg->split_ns;
    o->by_kind = cfg->by_kind;
    o->has_aside = o->split_ns > 0 || o->by_kind;
    o->on_failed = env->on_failed;
    o->failed_cookie = env->failed_cookie;
    if (env->log != NULL) {
        o->log = *env->log;
    }
    pthread_mutex_init(&o->lock, NULL);
    ft_cond_init(&o->ready);
    ft_cond_init(&o->freed);
    uint64_t pool_len = size_pool(o, url, cfg);
    struct ft_output_env with = *env;

    with.chunk_most = o->chunk_len;
    with.binary = cfg->binary;
    with.producer = o->producer = ft_random_id();
    with.events_lost = lost_so_far;
    with.events_cookie = o;
    int rc = o->count_only ? FT_OK : open_sink(o, url, cfg, &with, err);

    if (rc == FT_OK) {
        rc = make_output(o, url, cfg, pool_len, err);
    }
    if (rc != FT_OK) {
        ft_output_free(o);
        return rc;
    }
    *out = o;
    return FT_OK;
}

int ft_output_start(struct ft_output *o)
{
    if (o->count_only) {
        return FT_OK;
    }
    o->started = true; /* before there is another thread that reads beside it */
    if (pthread_create(&o->thread, NULL, output_run, o) != 0) {
        o->started = false;
        return FT_E_NOMEM;
    }
    return FT_OK;
}

enum ft_keys ft_output_keys(const struct ft_output *o)
{
    return o->sink != NULL ? o->sink->keys : FT_KEYS_NONE;
}

const char *ft_output_name(const struct ft_output *o)
{
    return o->name;
}

unsigned ft_output_needs(const struct ft_output *o)
{
    return o->sink != NULL ? o->sink->ops->needs | o->sink->needs : 0;
}

size_t ft_output_budget(const struct ft_output *o)
{
    return (size_t)o->n_blocks * o->chunk_len + sizeof *o->writers * o->n_writers +
           (o->sink != NULL ? o->sink->memory : 0) +
           (o->messages != NULL ? ft__messages_memory(o->messages) : 0) +
           (o->datagrams != NULL ? ft__datagrams_memory(o->datagrams) : 0);
}

struct ft_writer *ft_output_writer(struct ft_output *o, uint32_t i)
{
    return &o->writers[i];
}

bool ft_output_failed(const struct ft_output *o)
{
    return atomic_load_explicit(&o->failed, memory_order_relaxed);
}

struct ft_output *ft_writer_output(const struct ft_writer *w)
{
    return w->o;
}

bool ft_output_blocks(const struct ft_output *o)
{
    return o->overflow == FT_OVERFLOW_BLOCK;
}

void ft_output_reopen(struct ft_output *o)
{
    if (o->started) {
        atomic_store_explicit(&o->reopen, true, memory_order_release); /* pairs with maintain() */
        pthread_mutex_lock(&o->lock);
        pthread_cond_signal(&o->ready);
        pthread_mutex_unlock(&o->lock);
    }
}

void ft_output_give_up(struct ft_output *o)
{
    /* a spool goes on taking events: only delivering is given up */
    atomic_store_explicit(&o->given_up, !o->spools, memory_order_relaxed);
    if (!o->started) {
        return;
    }
    if (o->sink->ops->give_up != NULL) {
        o->sink->ops->give_up(o->sink);
    }
    pthread_mutex_lock(&o->lock);
    pthread_cond_broadcast(&o->freed);
    pthread_mutex_unlock(&o->lock);
}

uint64_t ft_output_progress(struct ft_output *o)
{
    return o->sink != NULL ? atomic_load_explicit(&o->sink->moved, memory_order_relaxed) +
                                 ft_count_get(&o->calls)
                           : 0;
}

static bool has_work(struct ft_output *o)
{
    pthread_mutex_lock(&o->lock);
    bool work = o->n_queued > 0 || o->busy || o->flush;

    pthread_mutex_unlock(&o->lock);
    return work;
}

void ft_output_lose_patience(struct ft_output *o, struct ft_output_drain *d, int patience_ms)
{
    uint64_t now = ft_output_progress(o);

    if (!o->started || d->given_up) {
        return;
    }
    if (!d->begun || now != d->seen || !has_work(o)) {
        d->begun = true;
        d->seen = now;
        d->since_ms = ft_mono_ms();
    } else if (patience_with(o, patience_ms) >= 0 &&
               ft_mono_ms() - d->since_ms >= patience_with(o, patience_ms)) {
        ft_log(&o->log, FT_LOG_WARN, "%s: takes nothing any more; what is left %s", o->name,
               o->spools ? "stays in its spool" : "is lost");
        ft_output_give_up(o);
        d->given_up = true;
    }
}

/* Waits a step for what is queued and held to be written; true when it is. */
static bool drained(struct ft_output *o)
{
    struct timespec until = ft_wait_until(DRAIN_STEP_MS);

    pthread_mutex_lock(&o->lock);
    if (o->n_queued > 0 || o->busy || o->flush) {
        pthread_cond_timedwait(&o->freed, &o->lock, &until);
    }
    bool done = o->n_queued == 0 && !o->busy && !o->flush;

    pthread_mutex_unlock(&o->lock);
    return done;
}

static void ask_for_flush(struct ft_output *o)
{
    pthread_mutex_lock(&o->lock);
    o->flush = true;
    pthread_cond_signal(&o->ready);
    pthread_mutex_unlock(&o->lock);
}

bool ft_output_drain_step(struct ft_output *o, struct ft_output_drain *d, int patience_ms)
{
    if (!o->started) {
        return true;
    }
    if (!d->flushing) {
        ask_for_flush(o);
        d->flushing = true;
    }
    ft_output_lose_patience(o, d, patience_ms);
    return drained(o);
}

/* The sink is closed; a last word of the system about what was written is heard. */
static int close_sink(struct ft_output *o)
{
    struct ft_sink *sink = o->sink;

    pthread_mutex_lock(&o->lock); /* somebody may be looking at the account */
    o->changes = ft_count_get(&sink->folder_changes);
    o->sink = NULL;
    pthread_mutex_unlock(&o->lock);
    int rc = sink->ops->close(sink);

    if (rc != FT_OK) {
        for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
            ft_count_set(&o->written[e], ft_count_get(&o->written[e]) - o->unsure[e]);
            ft_count_add(&o->lost[e], o->unsure[e]);
            o->unsure[e] = 0;
        }
    }
    return rc;
}

int ft_output_close(struct ft_output *o)
{
    struct ft_output_stats s;
    int rc = FT_OK;

    if (o->started) {
        pthread_mutex_lock(&o->lock);
        o->stop = true;
        pthread_cond_signal(&o->ready);
        pthread_mutex_unlock(&o->lock);
        pthread_join(o->thread, NULL);
        o->started = false;
    }
    if (o->sink != NULL) {
        rc = close_sink(o);
    }
    if (ft_output_failed(o)) {
        return FT_E_CLOSED;
    }
    ft_output_get_stats(o, &s);
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        rc = s.lost[e] + s.earlier_lost[e] > 0 ? FT_E_IO : rc;
    }
    return rc;
}

void ft_output_free(struct ft_output *o)
{
    if (o == NULL) {
        return;
    }
    ft_output_give_up(o);
    ft_ignore(ft_output_close(o)); /* best effort: who wanted to know has closed before */
    pthread_mutex_destroy(&o->lock);
    pthread_cond_destroy(&o->ready);
    pthread_cond_destroy(&o->freed);
    ft__messages_close(o->messages); /* a sink that is closed greets nobody */
    ft__datagrams_close(o->datagrams);
    ft_map_free(o->pool, (size_t)o->n_blocks * o->chunk_len);
    ft_map_free(o->writers, sizeof *o->writers * o->n_writers);
    ft_mem_free(o->chunks);
    ft_mem_free(o->free);
    ft_mem_free(o->queue);
    ft_mem_free(o->own_name);
    ft_mem_free(o);
}

void ft_output_get_stats(struct ft_output *o, struct ft_output_stats *out)
{
    *out = (struct ft_output_stats){.name = o->name, .queue_cap = o->n_chunks};
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        out->written[e] = ft_count_see(&o->written[e]); /* before made: never more than made */
        out->lost[e] = ft_count_see(&o->lost[e]);
        out->dropped[e] = ft_count_see(&o->dropped[e]);
        out->spooled[e] = ft_count_get(&o->spooled[e]); /* after what it may have become */
        out->replayed[e] = ft_count_get(&o->replayed[e]);
        out->earlier_dropped[e] = ft_count_get(&o->earlier_dropped[e]);
        out->earlier_lost[e] = ft_count_get(&o->earlier_lost[e]);
        out->earlier_spooled[e] = ft_count_get(&o->earlier_spooled[e]);
        for (uint32_t i = 0; o->writers != NULL && i < o->n_writers; i++) {
            out->dropped[e] += ft_count_get(&o->writers[i].dropped[e]);
            out->lost[e] += ft_count_get(&o->writers[i].lost[e]);
        }
        for (uint32_t i = 0; o->writers != NULL && i < o->n_writers; i++) {
            out->made[e] += ft_count_get(&o->writers[i].made[e]);
        }
        out->written[e] = o->count_only ? out->made[e] : out->written[e];
    }
    for (uint32_t i = 0; o->writers != NULL && i < o->n_writers; i++) {
        out->where_left_out += ft_count_get(&o->writers[i].left_out);
        for (enum ft_unfit u = 0; u < FT_UNFIT__COUNT; u++) {
            out->unfit[u] += ft_count_get(&o->writers[i].unfit[u]);
        }
    }
    out->bytes = ft_count_get(&o->bytes);
    out->failed = ft_output_failed(o);
    out->errors = ft_count_get(&o->errors);
    pthread_mutex_lock(&o->lock);
    out->folder_changes = o->sink != NULL ? ft_count_get(&o->sink->folder_changes) : o->changes;
    out->lag_ns = o->due_ms != 0 ? (ft_mono_ms() - o->due_ms) * 1000000 : 0;
    out->queue_len = o->n_queued;
    pthread_mutex_unlock(&o->lock);
}
