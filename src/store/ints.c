/* SPDX-License-Identifier: Apache-2.0 */
/* store: numbers as few bytes, see ints.h. */
#include "store/ints.h"

enum { PLAIN = 0, DELTA = 1, HEAD = 18, EIGHT = 8, RUN = 1024 };

static unsigned width_of(uint64_t most)
{
    return most == 0 ? 0 : (unsigned)(EIGHT - __builtin_clzll(most) / 8);
}

/* Byte k of each of v[i] - base, or of the differences less base. */
static void put_plane(uint8_t *to, const uint64_t *v, size_t n, uint64_t base, unsigned k,
                      bool delta)
{
    unsigned shift = k * 8;

    if (!delta) {
        for (size_t i = 0; i < n; i++) {
            to[i] = (uint8_t)((v[i] - base) >> shift);
        }
        return;
    }
    to[0] = 0;
    for (size_t i = 1; i < n; i++) {
        to[i] = (uint8_t)((v[i] - v[i - 1] - base) >> shift);
    }
}

bool ft_store_ints_put(struct ft_store_buf *out, const uint64_t *v, size_t n)
{
    uint64_t least = n > 0 ? v[0] : 0, most = least;
    int64_t dleast = INT64_MAX, dmost = INT64_MIN;

    for (size_t i = 0; i < n; i++) {
        least = v[i] < least ? v[i] : least;
        most = v[i] > most ? v[i] : most;
    }
    for (size_t i = 1; i < n; i++) {
        int64_t d = (int64_t)(v[i] - v[i - 1]);

        dleast = d < dleast ? d : dleast;
        dmost = d > dmost ? d : dmost;
    }
    unsigned width = width_of(most - least);
    unsigned dwidth = n > 1 ? width_of((uint64_t)dmost - (uint64_t)dleast) : EIGHT;
    bool delta = dwidth < width;
    uint64_t base = delta ? (uint64_t)dleast : least, first = n > 0 ? v[0] : 0;

    width = delta ? dwidth : width;
    if (!ft_store_buf_room(out, HEAD + width * n)) {
        return false;
    }
    uint8_t *p = out->p + out->len;

    p[0] = delta ? DELTA : PLAIN;
    p[1] = (uint8_t)width;
    memcpy(p + 2, &base, sizeof base);
    memcpy(p + 10, &first, sizeof first);
    for (unsigned k = 0; k < width; k++) {
        put_plane(p + HEAD + k * n, v, n, base, k, delta);
    }
    out->len += HEAD + width * n;
    return true;
}

/* Some of the numbers, which stay near while their bytes come together. */
static void get_run(const uint8_t *p, size_t stride, unsigned width, uint64_t base, uint64_t *v,
                    size_t n)
{
    if (width == 0) {
        for (size_t i = 0; i < n; i++) {
            v[i] = base;
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        v[i] = base + p[i];
    }
    for (unsigned k = 1; k < width; k++) {
        const uint8_t *from = p + k * stride;

        for (size_t i = 0; i < n; i++) {
            v[i] += (uint64_t)from[i] << (k * 8);
        }
    }
}

static void get_rows(const uint8_t *planes, size_t n, unsigned width, uint64_t base, uint64_t *v,
                     const uint32_t *rows, uint32_t n_rows)
{
    for (uint32_t i = 0; i < n_rows; i++) {
        uint64_t x = base;

        for (unsigned k = 0; k < width; k++) {
            x += (uint64_t)planes[k * n + rows[i]] << (k * 8);
        }
        v[rows[i]] = x;
    }
}

bool ft_store_ints_get(struct ft_rd *rd, uint64_t *v, size_t n)
{
    return ft_store_ints_get_rows(rd, v, n, NULL, 0);
}

bool ft_store_ints_get_rows(struct ft_rd *rd, uint64_t *v, size_t n, const uint32_t *rows,
                            uint32_t n_rows)
{
    const uint8_t *head = ft_rd_view(rd, HEAD);

    if (head == NULL || head[0] > DELTA || head[1] > EIGHT) {
        return false;
    }
    uint64_t base = ft_load_u64(head + 2), last = ft_load_u64(head + 10);
    unsigned width = head[1];
    const uint8_t *planes = ft_rd_view(rd, width * n);

    if (planes == NULL) {
        return false;
    }
    if (rows != NULL && head[0] == PLAIN) { /* differences take all */
        get_rows(planes, n, width, base, v, rows, n_rows);
        return true;
    }
    for (size_t at = 0; at < n; at += RUN) {
        get_run(planes + at, n, width, base, v + at, n - at < RUN ? n - at : RUN);
    }
    if (head[0] == DELTA && n > 0) {
        v[0] = last;
        for (size_t i = 1; i < n; i++) {
            last += v[i];
            v[i] = last;
        }
    }
    return true;
}
