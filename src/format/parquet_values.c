/* SPDX-License-Identifier: Apache-2.0 */
/* format: dictionaries and ranges of Parquet, see parquet_values.h. */
#include "format/parquet_values.h"

#include <string.h>

#include "base/rd.h"

enum {
    NO_NUMBER = UINT16_MAX,
    TRIED = 2048 /* values after which many different ones are no dictionary */
};

/* The value at p, and its length. */
FT_INLINE const uint8_t *value_at(uint32_t width, const uint8_t *p, uint32_t *out_len)
{
    *out_len = width;
    if (width == 0) {
        memcpy(out_len, p, sizeof *out_len);
        p += sizeof *out_len;
    }
    return p;
}

/* ---- dictionary ---- */

static uint32_t hash(const uint8_t *p, uint32_t len)
{
    uint64_t h = len, word;

    for (; len >= sizeof word; p += sizeof word, len -= (uint32_t)sizeof word) {
        memcpy(&word, p, sizeof word);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, p, len);
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 40);
}

/* The number of a value, new ones at the end. NO_NUMBER: there are too many. Inlined where the
 * width, and so the length, is known. */
FT_INLINE uint16_t number_of(struct ft__dictionary *d, uint32_t width, const uint8_t *value,
                             uint32_t len, struct ft__plain *out)
{
    uint32_t at = hash(value, len) % FT__DICTIONARY_TABLE, k = (uint32_t)out->n;
    uint8_t *end = d->data + out->len;

    for (; d->table[at] != NO_NUMBER; at = (at + 1) % FT__DICTIONARY_TABLE) {
        uint32_t i = d->table[at];

        if ((width != 0 || d->value_len[i] == len) &&
            memcmp(d->data + d->value_at[i], value, len) == 0) {
            return (uint16_t)i;
        }
    }
    if (k == FT__DICTIONARY_MOST) {
        return NO_NUMBER;
    }
    if (width == 0) {
        memcpy(end, &len, sizeof len);
        end += sizeof len;
    }
    memcpy(end, value, len);
    d->table[at] = (uint16_t)k;
    d->value_at[k] = (uint32_t)(end - d->data);
    d->value_len[k] = len;
    out->n++;
    out->len = (size_t)(end + len - d->data);
    return (uint16_t)k;
}

FT_INLINE bool number_all(struct ft__dictionary *d, uint32_t width, const struct ft__plain *v,
                          struct ft__plain *out)
{
    const uint8_t *p = v->at, *value, *before = NULL;
    uint32_t len, before_len = 0;

    for (uint64_t i = 0; i < v->n; i++, p = value + len) {
        value = value_at(width, p, &len);
        if (before != NULL && len == before_len && memcmp(before, value, len) == 0) {
            d->number[i] = d->number[i - 1];
            continue;
        }
        before = value;
        before_len = len;
        d->number[i] = number_of(d, width, value, len, out);
        if (d->number[i] == NO_NUMBER || (i >= TRIED && out->n > i / 2)) {
            return false;
        }
    }
    return true;
}

/* Are all values the first one? Then the bytes are those a value further on. */
static bool is_one(const struct ft__plain *v)
{
    uint32_t len;
    const uint8_t *value = value_at(v->width, v->at, &len);
    size_t step = (size_t)(value + len - v->at);

    return step > 0 && v->len == step * v->n && memcmp(v->at, v->at + step, v->len - step) == 0;
}

bool ft__dictionary_make(struct ft__dictionary *d, const struct ft__plain *v, struct ft__plain *out)
{
    bool ok;

    *out = (struct ft__plain){.at = d->data, .width = v->width};
    if (v->n == 0) {
        return false;
    }
    if (is_one(v)) {
        out->n = 1;
        out->len = v->len / v->n;
        memcpy(d->data, v->at, out->len);
        memset(d->number, 0, v->n * sizeof *d->number);
        return out->len < v->len / 2;
    }
    memset(d->table, 0xff, sizeof d->table);
    switch (v->width) {
    case 4:
        ok = number_all(d, 4, v, out);
        break;
    case 8:
        ok = number_all(d, 8, v, out);
        break;
    case 16:
        ok = number_all(d, 16, v, out);
        break;
    default:
        ok = number_all(d, v->width, v, out);
    }
    return ok && out->len < v->len / 2;
}

/* ---- range ---- */

#define RANGE(type)                                                                                \
    {                                                                                              \
        type least, most, x;                                                                       \
                                                                                                   \
        memcpy(&least, v->at, sizeof least);                                                       \
        most = least;                                                                              \
        for (uint64_t i = 1; i < v->n; i++) {                                                      \
            memcpy(&x, v->at + i * sizeof x, sizeof x);                                            \
            least = x < least ? x : least;                                                         \
            most = x > most ? x : most;                                                            \
        }                                                                                          \
        memcpy(&out->number[0], &least, sizeof least);                                             \
        memcpy(&out->number[1], &most, sizeof most);                                               \
    }

static void range_of_numbers(const struct ft__plain *v, enum ft__order order, struct ft__range *out)
{
    if (order == FT__ORDER_SIGNED) {
        RANGE(int64_t)
    } else if (order == FT__ORDER_REAL) {
        RANGE(double)
    } else if (v->width == sizeof(uint64_t)) {
        RANGE(uint64_t)
    } else {
        RANGE(uint32_t)
    }
    out->least = (const uint8_t *)&out->number[0];
    out->most = (const uint8_t *)&out->number[1];
    out->least_len = out->most_len = v->width;
}

/* The first bytes as a number that sorts as they do; what is not there sorts as 0. */
static uint64_t beginning(const uint8_t *p, uint32_t len)
{
    uint64_t word = 0;

    memcpy(&word, p, len < sizeof word ? len : sizeof word);
    return __builtin_bswap64(word);
}

static int compare(const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len)
{
    int c = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return c != 0 ? c : (a_len > b_len) - (a_len < b_len);
}

static void range_of_bytes(const struct ft__plain *v, struct ft__range *out)
{
    uint64_t least = 0, most = 0;
    const uint8_t *p = v->at, *value;
    uint32_t len;

    for (uint64_t i = 0; i < v->n; i++, p = value + len) {
        value = value_at(v->width, p, &len);
        uint64_t k = beginning(value, len);

        if (i == 0 || k < least ||
            (k == least && compare(value, len, out->least, out->least_len) < 0)) {
            out->least = value;
            out->least_len = len;
            least = k;
        }
        if (i == 0 || k > most ||
            (k == most && compare(value, len, out->most, out->most_len) > 0)) {
            out->most = value;
            out->most_len = len;
            most = k;
        }
    }
}

void ft__plain_range(const struct ft__plain *v, enum ft__order order, struct ft__range *out)
{
    if (order == FT__ORDER_BYTES) {
        range_of_bytes(v, out);
    } else {
        range_of_numbers(v, order, out);
    }
}
