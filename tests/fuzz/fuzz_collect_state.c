/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reading of a collector's saved state: as it is, and with the head and the hash that
 * make its lines count. Property: what was loaded saves to a state that loads without a bad line
 * and saves to as many bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "collect/collect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void no_record(void *cookie, const struct ft_export_record *r)
{
    (void)cookie, (void)r;
    abort(); /* a state holds no records */
}
static void no_sample(void *cookie, const struct ft_export_sample *s)
{
    (void)cookie, (void)s;
    abort();
}
static void no_counters(void *cookie, const struct ft_export_counters *c)
{
    (void)cookie, (void)c;
    abort();
}
static void template_change(void *cookie, const struct ft_template_change *t)
{
    (void)cookie, (void)t;
}
static void health(void *cookie, const struct ft_exporter_health *h)
{
    (void)cookie, (void)h;
    abort(); /* nobody was heard */
}

static struct ft_collector *make(void)
{
    static const struct ft_collect_ops ops = {no_record,       no_sample, no_sample, no_counters,
                                              template_change, health,    NULL};
    static const struct ft_collect_limits limits = {.exporters = 4,
                                                    .templates = 6,
                                                    .amplification = 200,
                                                    .waiting = 4096,
                                                    .template_life_ns = 1000};
    struct ft_hash_seed seed;
    struct ft_collector *c;

    ft_hash_seed_fixed(&seed, 1);
    must(ft_collector_new(&limits, &seed, &ops, NULL, &c) == FT_OK);
    return c;
}

static char *save(struct ft_collector *c, size_t *out_len)
{
    char *text = NULL;
    size_t cap = 0;

    *out_len = 0;
    must(ft_collector_save(c, true, &text, out_len, &cap) == FT_OK);
    return text;
}

static void load(const char *text, size_t len, bool whole)
{
    struct ft_collector *c = make(), *again = make();
    uint32_t bad;
    int rc = ft_collector_load(c, text, len, 1000, &bad);

    must(rc == FT_OK || rc == FT_E_FORMAT);
    must(!whole || rc == FT_OK);
    size_t n, n2;
    char *first = save(c, &n), *second;

    must(ft_collector_load(again, first, n, 1000, &bad) == FT_OK && bad == 0);
    second = save(again, &n2);
    must(n2 == n);
    ft_collector_report(c, 5000); /* templates end */
    ft_mem_free(first);
    ft_mem_free(second);
    ft_collector_free(c);
    ft_collector_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char magic[] = "flowtap-collect-state 1\n";
    size_t head = sizeof magic - 1, n;
    char *text = malloc(head + size + 64);
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    must(text != NULL);
    memcpy(text, data, size);
    load(text, size, false);
    memcpy(text, magic, head);
    memcpy(text + head, data, size);
    n = head + size;
    if (text[n - 1] != '\n') {
        text[n++] = '\n';
    }
    for (size_t i = 0; i < n; i++) {
        h = (h ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    }
    n += (size_t)snprintf(text + n, 32, "end %016" PRIx64 "\n", h);
    text = realloc(text, n); /* exact size, for the sanitizer */
    must(text != NULL);
    load(text, n, memmem(text, n, "\nend ", 5) == text + n - 22);
    free(text);
    return 0;
}
