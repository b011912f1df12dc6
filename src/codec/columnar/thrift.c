/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: Thrift's compact protocol, see thrift.h. */
#include "codec/columnar/thrift.h"

#include <string.h>

enum { VARINT = 10, LONG_LIST = 15 };

static void put(struct ft_thrift *t, const void *data, size_t len)
{
    if (t->full || len > t->cap - t->len) {
        t->full = true;
        return;
    }
    memcpy(t->data + t->len, data, len);
    t->len += len;
}

static void put_byte(struct ft_thrift *t, uint8_t v)
{
    put(t, &v, 1);
}

static void put_varint(struct ft_thrift *t, uint64_t v)
{
    uint8_t bytes[VARINT];
    size_t n = 0;

    for (; v >= 0x80; v >>= 7) {
        bytes[n++] = (uint8_t)(v | 0x80);
    }
    bytes[n++] = (uint8_t)v;
    put(t, bytes, n);
}

static void put_zigzag(struct ft_thrift *t, int64_t v)
{
    put_varint(t, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void put_field(struct ft_thrift *t, int16_t id, enum ft_thrift_type type)
{
    int delta = id - t->last[t->depth];

    if (delta > 0 && delta <= 15) {
        put_byte(t, (uint8_t)(delta << 4 | (int)type));
    } else {
        put_byte(t, (uint8_t)type);
        put_zigzag(t, id);
    }
    t->last[t->depth] = id;
}

static void open_struct(struct ft_thrift *t)
{
    if (t->depth + 1 == FT_THRIFT_DEPTH) {
        t->full = true;
        return;
    }
    t->last[++t->depth] = 0;
}

/* ---- fields ---- */

void ft_thrift_bool(struct ft_thrift *t, int16_t id, bool v)
{
    put_field(t, id, v ? FT_THRIFT_TRUE : FT_THRIFT_FALSE);
}

void ft_thrift_byte(struct ft_thrift *t, int16_t id, int8_t v)
{
    put_field(t, id, FT_THRIFT_BYTE);
    put_byte(t, (uint8_t)v);
}

void ft_thrift_i32(struct ft_thrift *t, int16_t id, int32_t v)
{
    put_field(t, id, FT_THRIFT_I32);
    put_zigzag(t, v);
}

void ft_thrift_i64(struct ft_thrift *t, int16_t id, int64_t v)
{
    put_field(t, id, FT_THRIFT_I64);
    put_zigzag(t, v);
}

void ft_thrift_binary(struct ft_thrift *t, int16_t id, const void *data, size_t len)
{
    put_field(t, id, FT_THRIFT_BINARY);
    put_varint(t, len);
    put(t, data, len);
}

void ft_thrift_text(struct ft_thrift *t, int16_t id, const char *text)
{
    ft_thrift_binary(t, id, text, strlen(text));
}

void ft_thrift_begin(struct ft_thrift *t, int16_t id)
{
    put_field(t, id, FT_THRIFT_STRUCT);
    open_struct(t);
}

void ft_thrift_list(struct ft_thrift *t, int16_t id, enum ft_thrift_type type, uint32_t n)
{
    put_field(t, id, FT_THRIFT_LIST);
    if (n < LONG_LIST) {
        put_byte(t, (uint8_t)(n << 4 | (uint32_t)type));
    } else {
        put_byte(t, (uint8_t)(LONG_LIST << 4 | (int)type));
        put_varint(t, n);
    }
}

/* ---- items of a list ---- */

void ft_thrift_item_i32(struct ft_thrift *t, int32_t v)
{
    put_zigzag(t, v);
}

void ft_thrift_item_text(struct ft_thrift *t, const char *text)
{
    size_t len = strlen(text);

    put_varint(t, len);
    put(t, text, len);
}

void ft_thrift_item_begin(struct ft_thrift *t)
{
    open_struct(t);
}

void ft_thrift_end(struct ft_thrift *t)
{
    put_byte(t, 0);
    t->depth -= t->depth > 0;
}
