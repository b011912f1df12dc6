/* SPDX-License-Identifier: Apache-2.0 */
/* bench_file: what the file source costs, whole process, page faults included.
 *
 *   bench_file [-b BATCH] [-f BPF] [-t] [-j THREADS] FILE...
 *
 * Every packet's first 64 bytes after the Ethernet addresses are read once, so that headers do come
 * into the cache as they do for a decoder. -t leaves that out; -b sets the views asked for per read
 * (default 256). -j walks one pcap in chunks of 1 MiB by so many threads; it says how many guessed
 * starts were right, and does not walk the others again. One line: packets, wall ns a packet, GB/s,
 * user and system seconds, resident MiB.
 *
 *   gcc -O2 -Iinclude -Isrc bench/bench_file.c build/release/libflowtap.a -lpcap -lz -lzstd -lm \
 *       -lpthread */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "source/file/file.h"

enum { BATCH_MAX = 4096 };

static double now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

struct totals {
    uint64_t packets, bytes, matched, sum;
};

static void touch(const struct ft_view *v, struct totals *t)
{
    uint64_t word;

    for (uint32_t i = 12; i + 8 <= v->caplen && i < 60; i += 8) {
        memcpy(&word, v->data + i, sizeof word);
        t->sum += word;
    }
}

static int read_all(struct ft_source *s, uint32_t batch, bool touched, struct totals *t)
{
    static struct ft_view views[BATCH_MAX];
    struct ft_batch b = {.views = views, .cap = batch};
    struct ft_err err = {0};
    int rc;

    while ((rc = s->ops->read(s, &b, 1000, &err)) != FT_E_EOF) {
        if (rc != FT_OK) {
            fprintf(stderr, "bench_file: %s (%s)\n", err.what, ft_strerror(rc));
            if (rc != FT_E_TRUNCATED && rc != FT_E_CORRUPT) {
                return 1;
            }
            continue;
        }
        for (uint32_t i = 0; i < b.n; i++) {
            t->bytes += views[i].len;
            t->matched += (views[i].flags & FT_VIEW_FILTERED) == 0;
            if (touched) {
                touch(&views[i], t);
            }
        }
        t->packets += b.n;
        s->ops->release(s, b.token);
    }
    return 0;
}

struct split_job {
    struct ft_file_split *sp;
    _Atomic uint64_t *next; /* chunk to be taken */
    uint64_t *starts, *ends;
    uint32_t batch;
    bool touched;
    struct totals totals;
    pthread_t thread;
};

static uint64_t edge(const struct ft_file_split *sp, uint64_t i)
{
    uint64_t at = ft_file_split_begin(sp) + (i << 20), end = ft_file_split_end(sp);

    return at < end ? at : end;
}

static void walk_chunk(struct split_job *j, uint64_t i, struct ft_view *views)
{
    uint64_t at, joined, limit = edge(j->sp, i + 1);
    struct ft_err err;
    uint32_t n;

    if (ft_file_split_guess(j->sp, edge(j->sp, i), limit, &at) != FT_OK) {
        return;
    }
    j->starts[i] = at;
    while (ft_file_split_walk(j->sp, at, limit, views, j->batch, &n, &at, &joined, &err) == FT_OK) {
        for (uint32_t k = 0; k < n; k++) {
            j->totals.bytes += views[k].len;
            j->totals.matched += (views[k].flags & FT_VIEW_FILTERED) == 0;
            if (j->touched) {
                touch(&views[k], &j->totals);
            }
        }
        j->totals.packets += n;
    }
    j->ends[i] = at;
}

static void *walk_chunks(void *arg)
{
    struct split_job *j = arg;
    struct ft_view *views = calloc(j->batch, sizeof *views);
    uint64_t i;

    while (views != NULL &&
           edge(j->sp, i = atomic_fetch_add(j->next, 1)) < ft_file_split_end(j->sp)) {
        walk_chunk(j, i, views);
    }
    free(views);
    return NULL;
}

static int read_split(struct ft_source *s, uint32_t batch, bool touched, uint32_t threads,
                      struct totals *t)
{
    struct split_job jobs[64];
    struct ft_file_split *sp;
    _Atomic uint64_t next = 0;
    uint64_t right = 1, count, *ends;

    if (threads > 64 || ft_file_split_open(s, &sp) != FT_OK) {
        fprintf(stderr, "bench_file: cannot be split\n");
        return 1;
    }
    count = (ft_file_split_end(sp) - ft_file_split_begin(sp) + (1 << 20) - 1) >> 20;
    ends = calloc(2 * count + 1, sizeof *ends);
    for (uint32_t i = 0; i < threads; i++) {
        jobs[i] = (struct split_job){.sp = sp,
                                     .next = &next,
                                     .ends = ends,
                                     .starts = ends + count,
                                     .batch = batch,
                                     .touched = touched};
        pthread_create(&jobs[i].thread, NULL, walk_chunks, &jobs[i]);
    }
    for (uint32_t i = 0; i < threads; i++) {
        pthread_join(jobs[i].thread, NULL);
        t->packets += jobs[i].totals.packets;
        t->bytes += jobs[i].totals.bytes;
        t->matched += jobs[i].totals.matched;
        t->sum += jobs[i].totals.sum;
    }
    for (uint64_t i = 1; i < count; i++) {
        right += ends[count + i] == ends[i - 1];
    }
    printf("chunks %" PRIu64 " guessed right %" PRIu64 "\n", count, right);
    free(ends);
    ft_file_split_close(sp);
    return 0;
}

static void report(const struct totals *t, const struct ft_source_stats *st, double seconds)
{
    struct rusage r;

    getrusage(RUSAGE_SELF, &r);
    printf("packets %" PRIu64 " matched %" PRIu64 " bytes %" PRIu64
           "  %.2f ns/packet  %.2f GB/s  user %.2f sys %.2f s  rss %ld MiB  sum %" PRIx64 "\n",
           t->packets, t->matched, t->bytes, seconds / (double)(t->packets ? t->packets : 1) * 1e9,
           (double)st->input_pos / seconds * 1e-9,
           (double)r.ru_utime.tv_sec + (double)r.ru_utime.tv_usec * 1e-6,
           (double)r.ru_stime.tv_sec + (double)r.ru_stime.tv_usec * 1e-6, r.ru_maxrss >> 10,
           t->sum);
}

int main(int argc, char **argv)
{
    struct ft_source_config cfg = {0};
    struct ft_source_stats st;
    struct ft_source *s = NULL;
    struct ft_err err = {0};
    struct totals t = {0};
    uint32_t batch = 256, threads = 0;
    bool touched = true;
    double start = now_s();
    int opt, rc;

    while ((opt = getopt(argc, argv, "b:f:j:t")) != -1) {
        if (opt == 'b') {
            batch = (uint32_t)strtoul(optarg, NULL, 10);
        } else if (opt == 'j') {
            threads = (uint32_t)strtoul(optarg, NULL, 10);
        } else if (opt == 'f') {
            cfg.filter = optarg;
        } else {
            touched = false;
        }
    }
    if (optind == argc || batch == 0 || batch > BATCH_MAX) {
        fprintf(stderr, "usage: bench_file [-b 1..%d] [-f BPF] [-t] [-j THREADS] FILE...\n",
                BATCH_MAX);
        return 2;
    }
    cfg.targets = (const char *const *)argv + optind;
    cfg.n_targets = (uint32_t)(argc - optind);
    if (ft_source_file.open(&cfg, &s, &err) != FT_OK) {
        fprintf(stderr, "bench_file: %s\n", err.what);
        return 1;
    }
    rc = threads > 0 ? read_split(s, batch, touched, threads, &t) : read_all(s, batch, touched, &t);
    s->ops->stats(s, &st);
    s->ops->close(s);
    report(&t, &st, now_s() - start);
    return rc;
}
