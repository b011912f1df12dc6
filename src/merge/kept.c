/* SPDX-License-Identifier: Apache-2.0 */
/* merge: texts of flows that are held, see kept.h. */
#include "merge/kept.h"

#include <string.h>

#include "base/mem.h"

enum { STEP = 32, BLOCK = 16 };

/* Room for len bytes; what is there is gone. */
static int room(struct ft__kept *k, size_t len)
{
    if (len + FT__KEPT_SLACK > k->cap) {
        size_t cap = (len + FT__KEPT_SLACK + STEP - 1) / STEP * STEP;
        uint8_t *data = ft_mem_alloc(1, cap);

        if (data == NULL) {
            return FT_E_NOMEM;
        }
        ft_mem_free(k->data);
        k->data = data;
        k->cap = (uint32_t)cap;
    }
    return FT_OK;
}

static void hold(struct ft__kept *k, struct ft__shape *shape)
{
    if (k->shape != NULL) {
        k->shape->held--;
    }
    k->shape = shape;
    if (shape != NULL) {
        shape->held++;
    }
}

/* Bytes behind either place may be read and written. */
FT_INLINE uint8_t *put(uint8_t *p, const char *from, uint32_t len)
{
    for (uint32_t i = 0; i < len; i += BLOCK) {
        memcpy(p + i, from + i, BLOCK);
    }
    return p + len;
}

static int take_values(struct ft__kept *k, const struct ft__record *r)
{
    const struct ft__shape *s = r->shape;
    uint32_t values = r->own_len - s->own_text, begin = 0;

    if (room(k, s->own_n + values + values / FT__KEPT_LONG * sizeof begin) != FT_OK) {
        return FT_E_NOMEM;
    }
    uint8_t *p = k->data + s->own_n;

    for (uint32_t i = 0; i < s->own_n; i++) {
        begin += s->step[i].len;
        uint32_t len = r->end[i] - begin;

        k->data[i] = (uint8_t)(len < FT__KEPT_LONG ? len : FT__KEPT_LONG);
        if (len >= FT__KEPT_LONG) {
            memcpy(p, &len, sizeof len);
            p += sizeof len;
        }
        p = put(p, r->line + begin, len);
        begin = r->end[i];
    }
    k->len = (uint32_t)(p - k->data);
    return FT_OK;
}

/* The values that may be replaced, in the order of their places. */
static uint32_t places(const struct ft__record *r, struct ft__kept_place *out)
{
    uint32_t n = 0;

    for (uint32_t slot = 0; slot < FT__MERGE_SLOTS_N; slot++) {
        const struct ft__span *s = &r->of[slot];

        if (s->at != NULL && s->at < r->line + r->own_len) {
            uint32_t at = (uint32_t)(s->at - r->line) - s->text, i = n++;

            for (; i > 0 && out[i - 1].at > at; i--) {
                out[i] = out[i - 1];
            }
            out[i] = (struct ft__kept_place){at, s->len + 2u * s->text, slot};
        }
    }
    return n;
}

static int take_line(struct ft__kept *k, const struct ft__record *r)
{
    struct ft__kept_place place[FT__MERGE_SLOTS_N];
    size_t len = places(r, place) * sizeof place[0];

    if (room(k, len + r->own_len) != FT_OK) {
        return FT_E_NOMEM;
    }
    memcpy(k->data, place, len);
    memcpy(k->data + len, r->line, r->own_len);
    k->len = (uint32_t)len + r->own_len;
    k->text_len = r->own_len;
    return FT_OK;
}

int ft__kept_take(struct ft__kept *k, const struct ft__record *r)
{
    struct ft__shape *shape =
        r->shape != NULL && r->shape->lines >= FT__SHAPE_FEW ? r->shape : NULL;
    int rc = shape != NULL ? take_values(k, r) : take_line(k, r);

    if (rc == FT_OK) {
        hold(k, shape);
    }
    return rc;
}

void ft__kept_drop(struct ft__kept *k, uint32_t most)
{
    hold(k, NULL);
    k->len = 0;
    if (k->cap > most) {
        ft_mem_free(k->data);
        k->data = NULL;
        k->cap = 0;
    }
}
