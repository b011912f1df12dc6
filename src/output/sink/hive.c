/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: folders of hours and days, see hive.h. */
#include "output/sink/hive.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/wait.h"
#include "output/sink/file_parts.h"

#define UNKNOWN "__HIVE_DEFAULT_PARTITION__"

enum { IDLE_MS = 60000, LOOK_MS = 5000, SLOTS = FT__HIVE_OPEN + 1 };

static const int64_t hour_ns = INT64_C(3600) * 1000000000, day_ns = INT64_C(86400) * 1000000000;
static const int64_t no_time = INT64_MIN; /* of what has no folder of its own */

/* owner: the output's thread, except give_up */
struct hive {
    struct ft_sink sink;
    struct ft_log log;
    char *name; /* as given; owned */
    int64_t span_ns;
    bool by_clock, earlier; /* as of the environment */
    int64_t idle_ms;
    /* the files that are open; the last one is that of no time */
    struct slot {
        struct file_sink *f;
        int64_t from_ns;
        bool open;
        bool unsure;     /* written to since the system said that all is safe */
        uint64_t used;   /* the greatest was written to last */
        int64_t used_ms; /* monotonic */
        uint32_t sealed, failed;
        uint64_t moved, changes;
    } slot[SLOTS];
    uint64_t uses;
    /* the folders of this run */
    struct folder {
        int64_t from_ns;
        uint32_t opened; /* times */
    } folder[FT__HIVE_FOLDERS];
    uint32_t n_folders, oldest;
    bool said;
};

static struct hive *hive_of(struct ft_sink *s)
{
    return (struct hive *)(void *)s;
}

int64_t ft_hive_span_ns(const struct ft_output_url *url)
{
    const char *word = ft_output_url_get(url, "hive");

    return word == NULL ? 0 : strcmp(word, "hour") == 0 ? hour_ns : day_ns;
}

/* ---- names ---- */

static void folder_name(const struct hive *h, int64_t from_ns, char out[FT_FILE_FOLDERS])
{
    time_t t = (time_t)ft_time_floor(from_ns, 1000000000);
    bool hours = h->span_ns == hour_ns;
    struct tm tm;

    if (from_ns == no_time || gmtime_r(&t, &tm) == NULL) {
        snprintf(out, FT_FILE_FOLDERS, "date=" UNKNOWN "%s", hours ? "/hour=" UNKNOWN : "");
        return;
    }
    strftime(out, FT_FILE_FOLDERS, hours ? "date=%Y-%m-%d/hour=%H" : "date=%Y-%m-%d", &tm);
}

/* ---- which folder ---- */

static void say_unplaced(struct hive *h, const char *why)
{
    if (!h->said) {
        ft_log(&h->log, FT_LOG_WARN, "%s: %s: such events go to date=" UNKNOWN, h->name, why);
    }
    h->said = true;
}

static bool near_clock(const struct hive *h, int64_t from_ns)
{
    int64_t now = ft__file_wall_ns();

    return ft_time_sub(from_ns, now) <= day_ns && ft_time_sub(now, from_ns) <= day_ns + h->span_ns;
}

/* A place for a folder that is new to this run, or NULL: there are too many. */
static struct folder *new_folder(struct hive *h)
{
    if (h->n_folders < FT__HIVE_FOLDERS) {
        return &h->folder[h->n_folders++];
    }
    if (!h->by_clock) {
        return NULL;
    }
    h->oldest = (h->oldest + 1) % FT__HIVE_FOLDERS;
    return &h->folder[h->oldest];
}

/* The time whose folder is to be opened for events of from_ns, and whether it was before. */
static int64_t admit(struct hive *h, int64_t from_ns, bool *out_again)
{
    struct folder *found = NULL;

    if (h->by_clock && !near_clock(h, from_ns)) {
        say_unplaced(h, "times that are more than a day from the clock");
        return no_time;
    }
    for (uint32_t i = 0; i < h->n_folders && found == NULL; i++) {
        found = h->folder[i].from_ns == from_ns ? &h->folder[i] : NULL;
    }
    *out_again = found != NULL;
    if (found == NULL) {
        found = new_folder(h);
        if (found == NULL) {
            say_unplaced(h, "events are of too many hours or days");
            return no_time;
        }
        *found = (struct folder){.from_ns = from_ns};
    }
    if (found->opened == FT__HIVE_AGAIN) {
        say_unplaced(h, "an hour or day has come again too often");
        return no_time;
    }
    found->opened++;
    return from_ns;
}

/* ---- slots ---- */

/* What the file sink has told goes into ours. */
static void gather(struct hive *h, struct slot *s)
{
    struct ft_sink *from = &s->f->sink;
    uint64_t moved = atomic_load_explicit(&from->moved, memory_order_relaxed);
    uint64_t changes = ft_count_get(&from->folder_changes);
    bool all_safe = from->sealed != s->sealed;

    s->unsure = (s->unsure && !all_safe) || from->arrived.bytes > 0;
    for (uint32_t i = 0; i < SLOTS; i++) { /* what has just arrived is looked at with the next */
        all_safe = all_safe && (&h->slot[i] == s || !h->slot[i].unsure);
    }
    h->sink.sealed += all_safe;
    h->sink.failed += from->failed - s->failed;
    atomic_fetch_add_explicit(&h->sink.moved, moved - s->moved, memory_order_relaxed);
    ft_count_add(&h->sink.folder_changes, changes - s->changes);
    ft_tally_move(&h->sink.arrived, &from->arrived);
    ft_tally_move(&h->sink.lost, &from->lost);
    s->sealed = from->sealed;
    s->failed = from->failed;
    s->moved = moved;
    s->changes = changes;
}

static int finish(struct hive *h, struct slot *s)
{
    int rc = ft_sink_file.flush(&s->f->sink);

    gather(h, s);
    ft__file_finish_part(s->f);
    gather(h, s);
    s->open = false;
    return rc;
}

/* The time of the clock: whatever comes does not close its file. */
static bool is_now(const struct hive *h, const struct slot *s)
{
    int64_t now = ft__file_wall_ns();

    return h->by_clock && s->open && s->from_ns <= now && now < ft_time_add(s->from_ns, h->span_ns);
}

/* Does a make room rather than b? A free one; that of which nothing has come longest. */
static bool is_better(const struct hive *h, const struct slot *a, const struct slot *b)
{
    if (is_now(h, a) || is_now(h, b)) {
        return is_now(h, b);
    }
    return a->open != b->open ? !a->open : a->used < b->used;
}

static struct slot *slot_for(struct hive *h, int64_t from_ns, int *rc)
{
    struct slot *best = &h->slot[from_ns == no_time ? FT__HIVE_OPEN : 0];

    for (uint32_t i = 1; i < FT__HIVE_OPEN && from_ns != no_time; i++) {
        best = is_better(h, &h->slot[i], best) ? &h->slot[i] : best;
    }
    if (best->open && best->from_ns != from_ns) {
        *rc = finish(h, best);
    }
    return best;
}

static struct slot *find_open(struct hive *h, int64_t from_ns)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (h->slot[i].open && h->slot[i].from_ns == from_ns) {
            return &h->slot[i];
        }
    }
    return NULL;
}

/* Folders whose time is over go, when they are beyond what is kept. */
static void sweep(struct hive *h, struct slot *s)
{
    int64_t oldest = INT64_MAX, newest = no_time;
    char before[FT_FILE_FOLDERS];

    for (uint32_t i = 0; i < FT__HIVE_OPEN; i++) {
        if (h->slot[i].open) {
            oldest = h->slot[i].from_ns < oldest ? h->slot[i].from_ns : oldest;
            newest = h->slot[i].from_ns > newest ? h->slot[i].from_ns : newest;
        }
    }
    if (newest != no_time) {
        int64_t end_ns = ft_time_add(newest, h->span_ns), wall_ns = ft__file_wall_ns();

        folder_name(h, oldest, before);
        ft__file_sweep_before(s->f, before, (end_ns < wall_ns ? end_ns : wall_ns) / 1000000000);
    }
}

/* The file for events of a time. rc: what is held of the one that made room. */
static struct slot *open_slot(struct hive *h, int64_t from_ns, int *rc)
{
    struct slot *s = find_open(h, from_ns);
    char folder[FT_FILE_FOLDERS];
    bool again = false;

    if (s != NULL) {
        return s;
    }
    from_ns = admit(h, from_ns, &again);
    s = slot_for(h, from_ns, rc);
    if (!s->open) {
        folder_name(h, from_ns, folder);
        s->from_ns = from_ns;
        s->open = true;
        s->f->env.keep_earlier = h->earlier || again || from_ns == no_time;
        s->f->again = again;
        ft__file_begin_part(s->f, folder);
        sweep(h, s);
    }
    return s;
}

/* ---- the sink's operations ---- */

static int hive_write(struct ft_sink *sink, const struct ft_chunk *chunks, uint32_t *n)
{
    struct hive *h = hive_of(sink);
    int rc = FT_OK;
    uint32_t i = 0;

    while (i < *n && rc == FT_OK) {
        struct slot *s = open_slot(h, chunks[i].from_ns, &rc);
        uint32_t k = 1;

        while (i + k < *n && chunks[i + k].from_ns == chunks[i].from_ns) {
            k++;
        }
        int written = ft_sink_file.write(&s->f->sink, chunks + i, &k);

        rc = written != FT_OK ? written : rc;
        s->used = ++h->uses;
        s->used_ms = ft_mono_ms();
        gather(h, s);
        i += k;
    }
    *n = i;
    return rc;
}

static int hive_flush(struct ft_sink *sink)
{
    struct hive *h = hive_of(sink);
    int rc = FT_OK;

    for (uint32_t i = 0; i < SLOTS; i++) {
        if (h->slot[i].open) {
            int one = ft_sink_file.flush(&h->slot[i].f->sink);

            rc = rc == FT_OK ? one : rc;
            gather(h, &h->slot[i]);
        }
    }
    return rc;
}

/* Nothing has come for a while, and the time is over. */
static bool is_over(const struct hive *h, const struct slot *s)
{
    int64_t end = ft_time_add(s->from_ns, h->span_ns);

    return ft_mono_ms() - s->used_ms >= h->idle_ms &&
           (s->used != h->uses || (h->by_clock && ft__file_wall_ns() >= end));
}

static int hive_tick(struct ft_sink *sink, int64_t *out_next_ms)
{
    struct hive *h = hive_of(sink);
    int rc = FT_OK;

    *out_next_ms = -1;
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct slot *s = &h->slot[i];
        int64_t look = h->idle_ms < LOOK_MS ? h->idle_ms : LOOK_MS, next = look;

        if (!s->open) {
            continue;
        }
        int one = is_over(h, s) ? finish(h, s) : ft_sink_file.tick(&s->f->sink, &next);

        rc = rc == FT_OK ? one : rc;
        gather(h, s);
        next = next < 0 || next > look ? look : next;
        *out_next_ms = *out_next_ms < 0 || next < *out_next_ms ? next : *out_next_ms;
    }
    return rc;
}

static int hive_reopen(struct ft_sink *sink)
{
    struct hive *h = hive_of(sink);
    int rc = FT_OK;

    for (uint32_t i = 0; i < SLOTS; i++) {
        if (h->slot[i].open) {
            int one = ft_sink_file.reopen(&h->slot[i].f->sink);

            rc = rc == FT_OK ? one : rc;
            gather(h, &h->slot[i]);
        }
    }
    return rc;
}

static void hive_give_up(struct ft_sink *sink)
{
    struct hive *h = hive_of(sink);

    for (uint32_t i = 0; i < SLOTS; i++) {
        ft_sink_file.give_up(&h->slot[i].f->sink);
    }
}

static int hive_close(struct ft_sink *sink)
{
    struct hive *h = hive_of(sink);
    int rc = FT_OK;

    for (uint32_t i = 0; i < SLOTS; i++) {
        struct slot *s = &h->slot[i];
        int one = s->f != NULL ? ft_sink_file.close(&s->f->sink) : FT_OK;

        rc = rc == FT_OK ? one : rc;
    }
    ft_mem_free(h->name);
    ft_map_free(h, sizeof *h);
    return rc;
}

static const struct ft_sink_ops hive_ops = {
    .name = "file",
    .help = "files in folders of hours or days",
    .needs = FT_SANDBOX_FILES,
    .open = ft__hive_open,
    .write = hive_write,
    .flush = hive_flush,
    .tick = hive_tick,
    .reopen = hive_reopen,
    .give_up = hive_give_up,
    .close = hive_close,
};

int ft__hive_open(const struct ft_output_url *url, const struct ft_output_env *env,
                  struct ft_sink **out, struct ft_err *err)
{
    struct hive *h = ft_map_alloc(sizeof *h);
    int rc = FT_OK;

    if (h == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    h->sink.ops = &hive_ops;
    h->span_ns = ft_hive_span_ns(url);
    h->by_clock = env->by_clock;
    h->earlier = env->keep_earlier;
    h->idle_ms = env->idle_ms > 0 ? env->idle_ms : IDLE_MS;
    if (env->log != NULL) {
        h->log = *env->log;
    }
    h->name = ft_mem_strdup(url->text);
    rc = h->name == NULL ? ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text) : rc;
    for (uint32_t i = 0; i < SLOTS && rc == FT_OK; i++) {
        rc = ft__file_new_part(url, env, &h->slot[i].f, err);
        h->sink.memory += rc == FT_OK ? h->slot[i].f->sink.memory : 0;
    }
    if (rc != FT_OK) {
        hive_close(&h->sink);
        return rc;
    }
    *out = &h->sink;
    return FT_OK;
}
