/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: reading FlatBuffers, see flatread.h. */
#include "codec/columnar/flatread.h"

#include <stddef.h>
#include <string.h>

enum { OFFSET = 4 };

/* Are there len bytes at a place? */
static bool within(struct ft_flat_in *in, uint64_t at, uint64_t len)
{
    in->bad = in->bad || at > in->len || len > in->len - at;
    return !in->bad;
}

/* Little-endian; 0: it is not within. */
static uint64_t get(struct ft_flat_in *in, uint64_t at, uint32_t width)
{
    uint64_t v = 0;

    for (uint32_t i = 0; within(in, at, width) && i < width; i++) {
        v |= (uint64_t)in->data[at + i] << 8 * i;
    }
    return v;
}

/* What an offset at a place points to; 0: nowhere within. */
static uint32_t follow(struct ft_flat_in *in, uint32_t at)
{
    uint64_t offset = get(in, at, OFFSET), to = at + offset;

    in->bad = in->bad || offset == 0;
    return within(in, to, OFFSET) ? (uint32_t)to : 0;
}

static struct ft_flat_tab table_at(struct ft_flat_in *in, uint32_t at)
{
    struct ft_flat_tab t = {.at = at};
    int64_t vtable = (int64_t)at - (int32_t)get(in, at, OFFSET);

    if (in->bad || vtable < 0 || !within(in, (uint64_t)vtable, 4)) {
        in->bad = true;
        return (struct ft_flat_tab){0};
    }
    t.vtable = (uint32_t)vtable;
    t.vtable_len = (uint32_t)get(in, t.vtable, 2);
    t.len = (uint32_t)get(in, t.vtable + 2, 2);
    if (t.vtable_len < 4 || !within(in, t.vtable, t.vtable_len) || !within(in, at, t.len)) {
        in->bad = true;
        return (struct ft_flat_tab){0};
    }
    return t;
}

/* Where a field of width bytes is; 0: it is not there. */
static uint32_t field_at(struct ft_flat_in *in, const struct ft_flat_tab *t, uint32_t field,
                         uint32_t width)
{
    uint32_t slot = 4 + 2 * field;

    if (t->at == 0 || in->bad || slot + 2 > t->vtable_len) {
        return 0;
    }
    uint32_t offset = (uint32_t)get(in, t->vtable + slot, 2);

    if (offset != 0 && (offset < OFFSET || offset + width > t->len)) {
        in->bad = true;
    }
    return offset == 0 || in->bad ? 0 : t->at + offset;
}

struct ft_flat_tab ft_flat_root(struct ft_flat_in *in)
{
    uint32_t at = follow(in, 0);

    return at != 0 ? table_at(in, at) : (struct ft_flat_tab){0};
}

uint64_t ft_flat_u(struct ft_flat_in *in, const struct ft_flat_tab *t, uint32_t field,
                   uint32_t width, uint64_t otherwise)
{
    uint32_t at = field_at(in, t, field, width);

    return at != 0 ? get(in, at, width) : otherwise;
}

struct ft_flat_tab ft_flat_sub(struct ft_flat_in *in, const struct ft_flat_tab *t, uint32_t field)
{
    uint32_t at = field_at(in, t, field, OFFSET);

    at = at != 0 ? follow(in, at) : 0;
    return at != 0 ? table_at(in, at) : (struct ft_flat_tab){0};
}

struct ft_flat_vec ft_flat_vector(struct ft_flat_in *in, const struct ft_flat_tab *t,
                                  uint32_t field, uint32_t width)
{
    struct ft_flat_vec v = {0, 0};
    uint32_t at = field_at(in, t, field, OFFSET);

    at = at != 0 ? follow(in, at) : 0;
    if (at != 0) {
        v = (struct ft_flat_vec){at + OFFSET, (uint32_t)get(in, at, OFFSET)};
        if (!within(in, v.at, (uint64_t)v.n * width)) {
            v.n = 0;
        }
    }
    return v;
}

struct ft_flat_tab ft_flat_item(struct ft_flat_in *in, const struct ft_flat_vec *v, uint32_t i)
{
    uint32_t at = follow(in, v->at + OFFSET * i);

    return at != 0 ? table_at(in, at) : (struct ft_flat_tab){0};
}

const char *ft_flat_text(struct ft_flat_in *in, const struct ft_flat_tab *t, uint32_t field,
                         uint32_t *out_len)
{
    struct ft_flat_vec v = ft_flat_vector(in, t, field, 1);

    *out_len = v.n;
    return v.at != 0 && !in->bad ? (const char *)in->data + v.at : NULL;
}
