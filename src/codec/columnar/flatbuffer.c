/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: FlatBuffers, see flatbuffer.h. */
#include "codec/columnar/flatbuffer.h"

#include <string.h>

/* len zero bytes at the end; where they begin, 0 when there is no room. */
static uint32_t grow(struct ft_flat *b, uint32_t len)
{
    uint32_t at = b->len;

    if (b->full || len > b->cap - b->len) {
        b->full = true;
        return 0;
    }
    memset(b->data + at, 0, len);
    b->len += len;
    return at;
}

static void put(struct ft_flat *b, uint32_t at, const void *value, uint32_t len)
{
    if (!b->full) {
        memcpy(b->data + at, value, len);
    }
}

static void put32(struct ft_flat *b, uint32_t at, uint32_t v)
{
    put(b, at, &v, sizeof v);
}

/* So that what comes `behind` bytes later stands at a multiple of to. */
static void align(struct ft_flat *b, uint32_t to, uint32_t behind)
{
    grow(b, (to - (b->len + behind) % to) % to);
}

void ft_flat_begin(struct ft_flat *b, uint8_t *data, uint32_t cap)
{
    *b = (struct ft_flat){.data = data, .cap = cap};
    grow(b, sizeof(uint32_t));
}

/* Where each field stands in its table, the widest first. Returns the length of the table. */
static uint32_t place(const struct ft_flat_slot *slots, uint32_t n, uint32_t *at)
{
    uint32_t len = sizeof(uint32_t);

    for (uint32_t width = 8; width > 0; width /= 2) {
        for (uint32_t i = 0; i < n; i++) {
            if (slots[i].width == width) {
                len = (len + width - 1) / width * width;
                at[i] = len;
                len += width;
            }
        }
    }
    return len;
}

/* Where a vtable stands: an equal one that was written before, if it is remembered. Behind it there
 * is room for a table at a multiple of to. */
static uint32_t put_vtable(struct ft_flat *b, const uint16_t *vtable, uint32_t to)
{
    uint32_t len = vtable[0], at;

    for (uint32_t i = 0; i < b->n_vtables && !b->full; i++) {
        if (memcmp(b->data + b->vtable[i], vtable, len) == 0) {
            align(b, to, 0);
            return b->vtable[i];
        }
    }
    align(b, to, len);
    at = grow(b, len);
    put(b, at, vtable, len);
    if (b->n_vtables < FT_FLAT_VTABLES) {
        b->vtable[b->n_vtables++] = at;
    }
    return at;
}

uint32_t ft_flat_table(struct ft_flat *b, const struct ft_flat_slot *slots, uint32_t n,
                       uint32_t *at)
{
    uint32_t len = place(slots, n, at), to = sizeof(uint32_t), vtable, table;
    uint16_t vt[2 + FT_FLAT_SLOTS_MAX] = {(uint16_t)(sizeof *vt * (2 + n)), (uint16_t)len};

    for (uint32_t i = 0; i < n; i++) {
        vt[2 + i] = slots[i].width > 0 ? (uint16_t)at[i] : 0;
        to = slots[i].width == 8 ? 8 : to;
    }
    vtable = put_vtable(b, vt, to);
    table = grow(b, len);
    put32(b, table, table - vtable);
    for (uint32_t i = 0; i < n; i++) {
        if (slots[i].width > 0) {
            at[i] += table;
            put(b, at[i], &slots[i].value, slots[i].width); /* little-endian, as we are */
        }
    }
    return table;
}

void ft_flat_point(struct ft_flat *b, uint32_t at, uint32_t target)
{
    put32(b, at, target - at);
}

uint32_t ft_flat_string(struct ft_flat *b, const char *text)
{
    uint32_t len = (uint32_t)strlen(text), at = ft_flat_string_room(b, len);

    if (!b->full) {
        ft_flat_set_string(b->data, at, text, len);
    }
    return at;
}

uint32_t ft_flat_string_room(struct ft_flat *b, uint32_t most)
{
    align(b, 4, 0);
    return grow(b, (uint32_t)sizeof(uint32_t) + most + 1);
}

void ft_flat_set_string(uint8_t *data, uint32_t at, const char *text, uint32_t len)
{
    memcpy(data + at, &len, sizeof len);
    memcpy(data + at + sizeof len, text, len);
    data[at + sizeof len + len] = 0;
}

uint32_t ft_flat_offsets(struct ft_flat *b, uint32_t n)
{
    align(b, 4, 0);
    uint32_t at = grow(b, (uint32_t)sizeof(uint32_t) * (1 + n));

    put32(b, at, n);
    b->n_vtables = 0;
    return at;
}

uint32_t ft_flat_structs(struct ft_flat *b, uint32_t n, uint32_t len, bool there)
{
    align(b, 8, sizeof(uint32_t));
    uint32_t at = grow(b, (uint32_t)sizeof(uint32_t) + (there ? n * len : 0));

    put32(b, at, n);
    return at;
}

void ft_flat_pad(struct ft_flat *b)
{
    align(b, 8, 0);
}
