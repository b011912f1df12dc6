/* SPDX-License-Identifier: Apache-2.0 */
/* source: BPF expressions, see filter.h. */
#include "source/filter.h"

#include "base/mem.h"
#include "base/wait.h"

#ifdef FT_HAVE_PCAP

#include <pcap/pcap.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define FILTER_SNAPLEN 262144

enum { LOOK_MS = 50, LONG_MS = 5000 };

/* ---- compiling, in a thread that can be left behind ---- */

struct compilation {
    pcap_t *pcap;
    char *expr;
    struct bpf_program prog;
    int rc;
    char why[PCAP_ERRBUF_SIZE];
    pthread_mutex_t lock; /* guards: done, left */
    pthread_cond_t over;
    bool done; /* the results stand */
    bool left; /* nobody waits: what is left is the thread's to free */
};

static void compilation_free(struct compilation *c)
{
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->over);
    ft_mem_free(c->expr);
    ft_mem_free(c);
}

static void compile_here(struct compilation *c)
{
    c->rc = pcap_compile(c->pcap, &c->prog, c->expr, 1, PCAP_NETMASK_UNKNOWN);
    if (c->rc != 0) {
        strncpy(c->why, pcap_geterr(c->pcap), sizeof c->why - 1);
    }
}

static void *compile_run(void *arg)
{
    struct compilation *c = arg;

    compile_here(c);
    pthread_mutex_lock(&c->lock);
    bool left = c->left;

    c->done = true;
    pthread_cond_signal(&c->over);
    pthread_mutex_unlock(&c->lock);
    if (left) {
        if (c->rc == 0) {
            pcap_freecode(&c->prog);
        }
        pcap_close(c->pcap);
        compilation_free(c);
    }
    return NULL;
}

static struct compilation *compilation_new(pcap_t *p, const char *expr)
{
    struct compilation *c = ft_mem_alloc(1, sizeof *c);

    if (c == NULL) {
        return NULL;
    }
    c->pcap = p;
    c->expr = ft_mem_strdup(expr);
    pthread_mutex_init(&c->lock, NULL);
    ft_cond_init(&c->over);
    if (c->expr == NULL) {
        compilation_free(c);
        return NULL;
    }
    return c;
}

static bool stopped(const struct ft_filter_wait *wait)
{
    return wait->stop != NULL && atomic_load_explicit(wait->stop, memory_order_relaxed);
}

/* Until it is done, or stop comes: false then. */
static bool compile_wait(struct compilation *c, const struct ft_filter_wait *wait)
{
    struct timespec at;
    int waited_ms = 0;

    pthread_mutex_lock(&c->lock);
    while (!c->done && !stopped(wait)) {
        clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_nsec += LOOK_MS * 1000000;
        at.tv_sec += at.tv_nsec / 1000000000;
        at.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&c->over, &c->lock, &at);
        waited_ms += LOOK_MS;
        if (!c->done && waited_ms == LONG_MS) {
            ft_log(wait->log, FT_LOG_WARN,
                   "still compiling the filter of %zu characters: libpcap takes minutes for "
                   "hundreds of terms",
                   strlen(c->expr));
        }
    }
    c->left = !c->done;
    pthread_mutex_unlock(&c->lock);
    return !c->left;
}

/* In a thread, or here if none can be had. False: it was left behind. */
static bool compile_aside(struct compilation *c, const struct ft_filter_wait *wait)
{
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all); /* signals belong to the embedder's threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, NULL, compile_run, c);

    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        compile_here(c);
        return true;
    }
    if (!compile_wait(c, wait)) {
        pthread_detach(thread);
        return false;
    }
    pthread_join(thread, NULL);
    return true;
}

int ft_filter_compile(struct pcap *p, const char *expr, const struct ft_filter_wait *wait,
                      struct bpf_program *out, struct ft_err *err)
{
    struct compilation *c = compilation_new(p, expr);
    int rc = FT_OK;

    if (c == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for the filter");
    }
    if (!compile_aside(c, wait)) { /* c is not ours any more */
        return ft_err_set(err, FT_E_INTERRUPTED, "stopped while the filter was compiled");
    }
    if (c->rc != 0) {
        rc = ft_err_set(err, FT_E_USAGE, "filter \"%s\": %s", expr, c->why);
    } else {
        *out = c->prog;
    }
    compilation_free(c);
    return rc;
}

/* ---- programs by link type ---- */

struct ft_filter {
    char *expr;
    struct ft_filter_wait wait;
    uint32_t n;
    struct {
        struct bpf_program prog; /* bf_insns NULL: matches nothing */
        uint16_t linktype;
    } rows[FT_FILTER_LINKTYPES_MAX];
};

int ft_filter_new(const char *expr, const struct ft_filter_wait *wait, struct ft_filter **out,
                  struct ft_err *err)
{
    struct ft_filter *f = ft_mem_alloc(1, sizeof *f);

    if (f != NULL) {
        f->expr = ft_mem_strdup(expr);
        f->wait = *wait;
    }
    if (f == NULL || f->expr == NULL) {
        ft_filter_free(f);
        return ft_err_set(err, FT_E_NOMEM, "no memory for the filter");
    }
    *out = f;
    return FT_OK;
}

void ft_filter_free(struct ft_filter *f)
{
    if (f == NULL) {
        return;
    }
    for (uint32_t i = 0; i < f->n; i++) {
        pcap_freecode(&f->rows[i].prog);
    }
    ft_mem_free(f->expr);
    ft_mem_free(f);
}

static int find(const struct ft_filter *f, uint16_t linktype)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->rows[i].linktype == linktype) {
            return (int)i;
        }
    }
    return -1;
}

bool ft_filter_has(const struct ft_filter *f, uint16_t linktype)
{
    return find(f, linktype) >= 0;
}

/* The number that libpcap uses for a link type in memory: raw IP differs from that in files. */
static int dlt_of(uint16_t linktype)
{
    switch (linktype) {
    case FT_LINK_RAW_BSD:
    case FT_LINK_RAW_OPENBSD:
    case FT_LINK_RAW:
        return DLT_RAW;
    default:
        return linktype;
    }
}

int ft_filter_add(struct ft_filter *f, uint16_t linktype, struct ft_err *err)
{
    struct bpf_program prog = {0};
    pcap_t *p;
    int rc;

    if (ft_filter_has(f, linktype)) {
        return FT_OK;
    }
    if (f->n == FT_FILTER_LINKTYPES_MAX) {
        return ft_err_set(err, FT_E_FULL, "filter \"%s\": more than %d link types", f->expr,
                          FT_FILTER_LINKTYPES_MAX);
    }
    p = pcap_open_dead(dlt_of(linktype), FILTER_SNAPLEN);
    if (p == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for the filter");
    }
    rc = ft_filter_compile(p, f->expr, &f->wait, &prog, err);
    if (rc != FT_E_INTERRUPTED) {
        pcap_close(p);
    }
    if (rc != FT_OK && rc != FT_E_USAGE) {
        return rc;
    }
    f->rows[f->n].linktype = linktype;
    f->rows[f->n++].prog = prog;
    return rc;
}

void ft_filter_mark(const struct ft_filter *f, struct ft_view *views, uint32_t n)
{
    const struct bpf_insn *insns = NULL;
    uint32_t linktype = UINT32_MAX; /* of insns; the same one for most batches */

    for (uint32_t i = 0; i < n; i++) {
        struct ft_view *v = &views[i];

        if (v->linktype != linktype) {
            int row = find(f, v->linktype);

            insns = row >= 0 ? f->rows[row].prog.bf_insns : NULL;
            linktype = v->linktype;
        }
        if (insns == NULL || bpf_filter(insns, v->data, v->len, v->caplen) == 0) {
            v->flags |= FT_VIEW_FILTERED;
        }
    }
}

#else

int ft_filter_compile(struct pcap *p, const char *expr, const struct ft_filter_wait *wait,
                      struct bpf_program *out, struct ft_err *err)
{
    (void)p;
    (void)wait;
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "filter \"%s\": this build has no libpcap", expr);
}

int ft_filter_new(const char *expr, const struct ft_filter_wait *wait, struct ft_filter **out,
                  struct ft_err *err)
{
    (void)wait;
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "filter \"%s\": this build has no libpcap", expr);
}

void ft_filter_free(struct ft_filter *f)
{
    (void)f;
}

int ft_filter_add(struct ft_filter *f, uint16_t linktype, struct ft_err *err)
{
    (void)f;
    (void)linktype;
    return ft_err_set(err, FT_E_UNSUPPORTED, "this build has no libpcap");
}

bool ft_filter_has(const struct ft_filter *f, uint16_t linktype)
{
    (void)f;
    (void)linktype;
    return false;
}

void ft_filter_mark(const struct ft_filter *f, struct ft_view *views, uint32_t n)
{
    (void)f;
    (void)views;
    (void)n;
}

#endif
