/* SPDX-License-Identifier: Apache-2.0 */
/* source: made-up packets for tests. The first target says what to make:
 *
 *     "packets=N flows=N size=BYTES corrupt=N fatal=N drops=N live=1 step_us=N other=N start_s=N"
 *
 * UDP over Ethernet, flow k of `flows` in turn, `step_us` apart. corrupt / fatal: the n-th read
 * fails with damage (reading goes on) or for good. drops: what the kernel is said to have lost.
 * live: no end until stop. other: every n-th frame is ARP. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "source/source.h"

enum { SLOTS = 64 * 4096 }; /* FT_SOURCE_MAX_HELD batches stay whole */

struct mock {
    struct ft_source source;
    uint64_t packets, flows, size, corrupt, fatal, drops, live, step_us, other, start_s;
    uint64_t made, reads;
    uint8_t (*frames)[64]; /* [SLOTS] the headers; frames are cut to them, and used again in turn */
    _Atomic bool stopped;
};

static uint64_t value_of(const char *spec, const char *key, uint64_t otherwise)
{
    const char *at = strstr(spec, key);

    return at != NULL && at[strlen(key)] == '=' ? strtoull(at + strlen(key) + 1, NULL, 10)
                                                : otherwise;
}

static void mock_close(struct ft_source *s)
{
    struct mock *m = (struct mock *)(void *)s;

    if (m != NULL) {
        ft_mem_free(m->frames);
        ft_mem_free(m);
    }
}

static int mock_open(const struct ft_source_config *cfg, struct ft_source **out, struct ft_err *err)
{
    const char *spec = cfg->n_targets > 0 ? cfg->targets[0] : "";
    struct mock *m = ft_mem_alloc(1, sizeof *m);

    if (m == NULL || (m->frames = ft_mem_alloc(SLOTS, sizeof *m->frames)) == NULL) {
        ft_mem_free(m);
        return ft_err_set(err, FT_E_NOMEM, "mock: out of memory");
    }
    m->source.ops = &ft_source_mock;
    m->packets = value_of(spec, "packets", 0);
    m->flows = value_of(spec, "flows", 1);
    m->size = value_of(spec, "size", 100);
    m->corrupt = value_of(spec, "corrupt", 0);
    m->fatal = value_of(spec, "fatal", 0);
    m->drops = value_of(spec, "drops", 0);
    m->live = value_of(spec, "live", 0);
    m->step_us = value_of(spec, "step_us", 1);
    m->other = value_of(spec, "other", 0);
    m->start_s = value_of(spec, "start_s", 1000);
    *out = &m->source;
    return FT_OK;
}

static void make(struct mock *m, struct ft_view *v)
{
    uint8_t *f = m->frames[m->made % SLOTS];
    uint32_t flow = (uint32_t)(m->made % m->flows);
    uint32_t ip_len = (uint32_t)m->size - 14;
    bool other = m->other > 0 && m->made % m->other == 0;
    const uint8_t head[42] = {2,
                              0,
                              0,
                              0,
                              0,
                              1,
                              2,
                              0,
                              0,
                              0,
                              0,
                              2,
                              8,
                              other ? 6 : 0, /* Ethernet */
                              0x45,
                              0,
                              (uint8_t)(ip_len >> 8),
                              (uint8_t)ip_len,
                              0,
                              0,
                              0,
                              0,
                              64,
                              17, /* IPv4, UDP */
                              0,
                              0,
                              10,
                              (uint8_t)(flow >> 16),
                              (uint8_t)(flow >> 8),
                              (uint8_t)flow,
                              10,
                              255,
                              0,
                              1,
                              4,
                              0,
                              0,
                              53,
                              (uint8_t)((ip_len - 20) >> 8),
                              (uint8_t)(ip_len - 20),
                              0,
                              0};

    memcpy(f, head, sizeof head);
    *v = (struct ft_view){
        .data = f,
        .ts_ns = (int64_t)(m->start_s * 1000000 + m->made * m->step_us) * 1000,
        .caplen = sizeof head,
        .len = (uint32_t)m->size,
        .linktype = FT_LINK_ETHERNET,
    };
    m->made++;
}

static int mock_read(struct ft_source *s, struct ft_batch *b, int timeout_ms, struct ft_err *err)
{
    struct mock *m = (struct mock *)(void *)s;
    struct timespec nap = {.tv_nsec = 1000000};

    b->n = 0;
    m->reads++;
    if (m->reads == m->fatal) {
        return ft_err_set(err, FT_E_IO, "mock: fails at read %llu", (unsigned long long)m->fatal);
    }
    if (m->reads == m->corrupt) {
        return ft_err_set(err, FT_E_CORRUPT, "mock: damaged at read %llu",
                          (unsigned long long)m->corrupt);
    }
    if (atomic_load_explicit(&m->stopped, memory_order_relaxed)) {
        return FT_E_EOF;
    }
    if (m->made == m->packets) {
        if (m->live && timeout_ms > 0) {
            nanosleep(&nap, NULL);
        }
        return m->live ? FT_OK : FT_E_EOF;
    }
    while (b->n < b->cap && m->made < m->packets) {
        make(m, &b->views[b->n++]);
    }
    return FT_OK;
}

static void mock_release(struct ft_source *s, uint64_t token)
{
    (void)s;
    (void)token;
}

static void mock_stop(struct ft_source *s)
{
    atomic_store_explicit(&((struct mock *)(void *)s)->stopped, true, memory_order_relaxed);
}

static void mock_stats(struct ft_source *s, struct ft_source_stats *out)
{
    const struct mock *m = (const struct mock *)(const void *)s;

    *out = (struct ft_source_stats){.dropped_known = m->drops > 0, .dropped = m->drops};
}

const struct ft_source_ops ft_source_mock = {
    .name = "mock",
    .help = "made-up packets, for tests",
    .open = mock_open,
    .read = mock_read,
    .release = mock_release,
    .stop = mock_stop,
    .stats = mock_stats,
    .close = mock_close,
};
