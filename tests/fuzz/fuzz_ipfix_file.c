/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes codec/file/ipfix. The input's first byte sizes the steps in which a window grows over the
 * rest. Properties: messages lie inside the bytes, one right behind the other; need asks for more
 * than there is, never for more than a message can have; growing windows give the same messages and
 * the same end as one window over everything. */
#include "codec/file/ipfix.h"

#include <string.h>

#include "base/rd.h"
#include "must.h"

enum { VIEWS = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int walk_steps(const uint8_t *p, size_t len, size_t step, struct ft_view *v, uint32_t *n,
                      size_t *off)
{
    size_t from = 0, to = 0;
    struct ft_walk w;
    int rc;

    do {
        to = step < len - to ? to + step : len;
        ft_walk_set(&w, p + from, to - from);
        rc = ft_ipfix_walk(3, &w, v, VIEWS, n);
        from = (size_t)(w.p - p);
        MUST(rc != FT_E_AGAIN || (w.need > ft_walk_left(&w) && w.need <= UINT16_MAX));
        MUST(rc != FT_E_CORRUPT || w.what != NULL);
    } while (rc == FT_E_AGAIN && to < len);
    *off = from;
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ft_view one[VIEWS], many[VIEWS];
    uint32_t n_one = 0, n_many = 0;
    size_t off_one, off_many;
    const uint8_t *p = data + 1;

    if (size == 0) {
        return 0;
    }
    MUST(walk_steps(p, size - 1, SIZE_MAX, one, &n_one, &off_one) ==
         walk_steps(p, size - 1, data[0] + 1u, many, &n_many, &off_many));
    MUST(n_one == n_many && off_one == off_many);
    MUST(n_one == 0 || memcmp(one, many, n_one * sizeof one[0]) == 0);
    for (uint32_t i = 0; i < n_one; i++) {
        MUST(one[i].data == p && one[i].caplen == ft_load_be16(p + 2));
        p += one[i].caplen;
    }
    MUST(p == data + 1 + off_one);
    return 0;
}
