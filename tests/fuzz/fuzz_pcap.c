/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes codec/file/pcap. The input's first byte sizes the steps in which a window grows over the
 * rest. Properties: views lie inside the bytes; need asks for more than there is, never beyond the
 * limit; growing windows give the same packets and the same end as one window over everything. */
#include "codec/file/pcap.h"

#include <stdlib.h>
#include <string.h>

enum { VIEWS = 4096 };

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
        must(v[i].ts_ns >= 0);
    }
}

/* Walks windows that grow by step; returns the last code, *off is where it stopped. */
static int walk_steps(const struct ft_pcap *h, const uint8_t *p, size_t len, size_t step,
                      struct ft_view *v, uint32_t *n, size_t *off)
{
    size_t from = 0, to = 0;
    struct ft_walk w;
    int rc;

    do {
        to = step < len - to ? to + step : len;
        ft_walk_set(&w, p + from, to - from);
        rc = ft_pcap_walk(h, &w, v, VIEWS, n);
        from = (size_t)(w.p - p);
        must(rc != FT_E_AGAIN ||
             (w.need > ft_walk_left(&w) && w.need <= (size_t)FT_WALK_RECORD_MAX));
        must(rc != FT_E_CORRUPT || w.what != NULL);
    } while (rc == FT_E_AGAIN && to < len);
    check_views(&w, p, v, *n);
    *off = from;
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ft_view one[VIEWS], many[VIEWS];
    uint32_t n_one = 0, n_many = 0;
    size_t off_one, off_many, len;
    const uint8_t *p;
    struct ft_pcap h;

    if (size < 1 + FT_PCAP_HEADER_LEN || ft_pcap_parse(data + 1, size - 1, &h) != FT_OK) {
        return 0;
    }
    p = data + 1 + FT_PCAP_HEADER_LEN;
    len = size - 1 - FT_PCAP_HEADER_LEN;
    must(walk_steps(&h, p, len, SIZE_MAX, one, &n_one, &off_one) ==
         walk_steps(&h, p, len, data[0] + 1u, many, &n_many, &off_many));
    must(n_one == n_many && off_one == off_many);
    must(n_one == 0 || memcmp(one, many, n_one * sizeof one[0]) == 0);
    return 0;
}
