/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes codec/file/pcapng. The input's first byte sizes the steps in which a window grows over the
 * rest. Properties: as in fuzz_pcap.c, blocks that are skipped over window ends included. */
#include "codec/file/pcapng.h"

#include <stdlib.h>
#include <string.h>

enum { VIEWS = 4096, IFACES = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check_views(const struct ft_walk *w, const uint8_t *p, const struct ft_view *v,
                        uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        must(v[i].data >= p && v[i].data <= w->end);
        must(v[i].caplen <= (size_t)(w->end - v[i].data));
        must(v[i].len >= v[i].caplen);
    }
}

/* Walks windows that grow by step; returns the last code, *off is the start of the block where it
 * stopped. */
static int walk_steps(const uint8_t *p, size_t len, size_t step, struct ft_view *v, uint32_t *n,
                      size_t *off)
{
    struct ft_pcapng_iface ifaces[IFACES];
    struct ft_pcapng s;
    struct ft_walk w;
    size_t from = 0, to = 0;
    int rc;

    ft_pcapng_init(&s, ifaces, IFACES);
    s.directions = true;
    do {
        to = step < len - to ? to + step : len;
        ft_walk_set(&w, p + from, to - from);
        rc = ft_pcapng_walk(&s, &w, v, VIEWS, n);
        from = (size_t)(w.p - p);
        must(rc != FT_E_AGAIN ||
             (w.need > ft_walk_left(&w) && w.need <= (size_t)FT_WALK_RECORD_MAX));
        must(rc != FT_E_CORRUPT || w.what != NULL);
        must(s.n <= IFACES && s.passed <= from);
    } while (rc == FT_E_AGAIN && to < len);
    check_views(&w, p, v, *n);
    *off = from - (size_t)s.passed;
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ft_view one[VIEWS], many[VIEWS];
    uint32_t n_one = 0, n_many = 0;
    size_t off_one, off_many;

    if (size < 1) {
        return 0;
    }
    must(walk_steps(data + 1, size - 1, SIZE_MAX, one, &n_one, &off_one) ==
         walk_steps(data + 1, size - 1, data[0] + 1u, many, &n_many, &off_many));
    must(n_one == n_many && off_one == off_many);
    must(n_one == 0 || memcmp(one, many, n_one * sizeof one[0]) == 0);
    return 0;
}
