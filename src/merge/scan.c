/* SPDX-License-Identifier: Apache-2.0 */
/* merge: lines by their shape, and JSON in any order; see scan.h. */
#include "merge/scan.h"

#include <string.h>

#include "base/mem.h"

enum { SHAPES = 8, DEPTH_MAX = 64, WORDS = 4, LITERALS = 64 * 1024 };

/* What stands before a value. */
struct step {
    uint64_t word[WORDS], mask[WORDS]; /* its first bytes */
    uint32_t at;                       /* in text */
    uint16_t len;
    uint8_t slot; /* FT__MERGE_SLOTS_N: of no interest */
};

struct shape {
    uint32_t n;
    uint32_t text_len;
    uint32_t end_at, end_len; /* what stands behind the last value */
    uint64_t used;
    struct step step[FT__SCAN_STEPS];
    char text[LITERALS];
};

struct ft__scan {
    struct shape *shape[SHAPES]; /* owned; the first n */
    uint32_t n, last;
    uint64_t shaped, read;
    struct shape *fresh; /* learned from the line in hand; owned */
};

static const struct {
    const char *key, *object;
} slots[] = {
#define X(symbol, key, object) {key, object},
    FT_MERGE_SLOTS(X)
#undef X
};

struct ft__scan *ft__scan_new(void)
{
    struct ft__scan *s = ft_mem_alloc(1, sizeof *s);

    if (s != NULL && (s->fresh = ft_mem_alloc(1, sizeof *s->fresh)) == NULL) {
        ft_mem_free(s);
        return NULL;
    }
    return s;
}

void ft__scan_free(struct ft__scan *s)
{
    for (uint32_t i = 0; s != NULL && i < s->n; i++) {
        ft_mem_free(s->shape[i]);
    }
    if (s != NULL) {
        ft_mem_free(s->fresh);
        ft_mem_free(s);
    }
}

void ft__scan_counts(const struct ft__scan *s, uint64_t *shaped, uint64_t *read)
{
    *shaped = s->shaped;
    *read = s->read;
}

/* ---- words of eight bytes ---- */

FT_INLINE uint64_t load(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

/* The highest bit of each byte that is c, of the lowest one for sure. */
FT_INLINE uint64_t bytes_of(uint64_t v, uint8_t c)
{
    uint64_t x = v ^ (UINT64_C(0x0101010101010101) * c);

    return (x - UINT64_C(0x0101010101010101)) & ~x & UINT64_C(0x8080808080808080);
}

/* The next comma or closing brace, or end. */
FT_INLINE const char *plain_end(const char *p, const char *end)
{
    for (; p < end; p += 8) {
        uint64_t v = load(p), hit = bytes_of(v, ',') | bytes_of(v, '}');

        if (hit != 0) {
            p += __builtin_ctzll(hit) / 8;
            return p < end ? p : end;
        }
    }
    return end;
}

/* The quote that ends a text, p behind the one that begins it; end: there is none. */
FT_INLINE const char *text_end(const char *p, const char *end)
{
    while (p < end) {
        uint64_t v = load(p), hit = bytes_of(v, '"') | bytes_of(v, '\\');

        if (hit == 0) {
            p += 8;
            continue;
        }
        p += __builtin_ctzll(hit) / 8;
        if (p >= end) {
            return end;
        }
        if (*p == '"') {
            return p;
        }
        p += 2;
    }
    return end;
}

/* Behind an object or array that begins at p; NULL: it does not end, or is too deep. */
static const char *nested_end(const char *p, const char *end)
{
    uint32_t depth = 0;

    while (p < end) {
        uint64_t v = load(p) | UINT64_C(0x2020202020202020); /* brackets read as braces */
        uint64_t hit = bytes_of(v, '"') | bytes_of(v, '{') | bytes_of(v, '}');

        if (hit == 0) {
            p += 8;
            continue;
        }
        p += __builtin_ctzll(hit) / 8;
        if (p >= end) {
            return NULL;
        }
        char c = *p++;

        if (c == '"') {
            p = text_end(p, end) + 1;
        } else if ((c | 0x20) == '{' && ++depth > DEPTH_MAX) {
            return NULL;
        } else if ((c | 0x20) == '}' && --depth == 0) {
            return p;
        }
    }
    return NULL;
}

/* The value at p: out, without quotes. Returns the place behind it; NULL: there is none. */
FT_INLINE const char *value_end(const char *p, const char *end, struct ft__span *out)
{
    const char *close;

    if (*p == '"') {
        close = text_end(p + 1, end);
        *out = (struct ft__span){p + 1, (uint32_t)(close - p - 1), true};
        return close < end ? close + 1 : NULL;
    }
    close = *p == '{' || *p == '[' ? nested_end(p, end) : plain_end(p, end);
    if (close == NULL || close == p || close == end) {
        return NULL;
    }
    *out = (struct ft__span){p, (uint32_t)(close - p), false};
    return close;
}

/* ---- by shape ---- */

FT_INLINE bool begins(const struct shape *s, const struct step *t, const char *p)
{
    uint64_t differ = 0;

    for (int i = 0; i < WORDS; i++) {
        differ |= (load(p + 8 * i) ^ t->word[i]) & t->mask[i];
    }
    return differ == 0 && (t->len <= 8 * WORDS || memcmp(p + 8 * WORDS, s->text + t->at + 8 * WORDS,
                                                         t->len - 8u * WORDS) == 0);
}

static bool by_shape(const struct shape *s, const char *line, const char *end,
                     struct ft__record *out)
{
    const char *p = line;

    for (uint32_t i = 0; i < s->n; i++) {
        const struct step *t = &s->step[i];
        struct ft__span value;

        if (p + t->len >= end || !begins(s, t, p)) {
            return false;
        }
        p = value_end(p + t->len, end, &value);
        if (p == NULL) {
            return false;
        }
        if (t->slot < FT__MERGE_SLOTS_N) {
            out->of[t->slot] = value;
        }
    }
    return (size_t)(end - p) == s->end_len && memcmp(p, s->text + s->end_at, s->end_len) == 0;
}

/* ---- as JSON ---- */

/* A line while it is read, and the shape that comes of it. */
struct reader {
    const char *p, *end;
    const char *behind; /* the last value */
    struct ft__record *out;
    struct shape *shape;
    bool fits; /* into a shape */
};

static void skip_space(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r')) {
        r->p++;
    }
}

static bool take(struct reader *r, char c)
{
    skip_space(r);
    if (r->p < r->end && *r->p == c) {
        r->p++;
        return true;
    }
    return false;
}

static uint8_t slot_of(const struct ft__span *object, const struct ft__span *key)
{
    for (uint8_t i = 0; i < FT__MERGE_SLOTS_N; i++) {
        if (strlen(slots[i].key) == key->len && memcmp(slots[i].key, key->at, key->len) == 0 &&
            (object->len == 0 || (strlen(slots[i].object) == object->len &&
                                  memcmp(slots[i].object, object->at, object->len) == 0))) {
            return i;
        }
    }
    return FT__MERGE_SLOTS_N;
}

static void add_step(struct reader *r, const char *value, uint8_t slot)
{
    struct shape *s = r->shape;
    size_t len = (size_t)(value - r->behind);

    if (s->n == FT__SCAN_STEPS || s->text_len + len + FT__SCAN_SLACK > LITERALS ||
        len > UINT16_MAX) {
        r->fits = false;
        return;
    }
    struct step *t = &s->step[s->n++];
    char first[8 * WORDS] = {0}, mask[8 * WORDS] = {0};
    size_t n = len < sizeof first ? len : sizeof first;

    *t = (struct step){.at = s->text_len, .len = (uint16_t)len, .slot = slot};
    memcpy(s->text + t->at, r->behind, len);
    memcpy(first, r->behind, n);
    memset(mask, 0xff, n);
    memcpy(t->word, first, sizeof first);
    memcpy(t->mask, mask, sizeof mask);
    s->text_len += (uint32_t)len;
}

/* A value of no members of its own that matter. */
static bool read_value(struct reader *r, uint8_t slot)
{
    struct ft__span value;
    const char *behind = r->p < r->end ? value_end(r->p, r->end, &value) : NULL;

    if (behind == NULL) {
        return false;
    }
    add_step(r, r->p, slot);
    if (slot < FT__MERGE_SLOTS_N) {
        r->out->of[slot] = value;
    }
    r->p = r->behind = behind;
    return true;
}

static bool is_known(const struct ft__span *key)
{
    static const char *const objects[] = {"flow_key", "aggregate_metrics", "features", "exporter"};

    for (int i = 0; i < 4; i++) {
        if (strlen(objects[i]) == key->len && memcmp(objects[i], key->at, key->len) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_members(struct reader *r, const struct ft__span *object);

static bool read_member(struct reader *r, const struct ft__span *object)
{
    struct ft__span key;
    const char *close;

    if (!take(r, '"')) {
        return false;
    }
    close = text_end(r->p, r->end);
    if (close == r->end) {
        return false;
    }
    key = (struct ft__span){r->p, (uint32_t)(close - r->p), true};
    r->p = close + 1;
    if (!take(r, ':')) {
        return false;
    }
    skip_space(r);
    /* what exporters sent is not looked into: its names may be anybody's */
    if (object->len == 0 && r->p < r->end && *r->p == '{' && is_known(&key) &&
        !(key.len == 8 && memcmp(key.at, "features", 8) == 0 &&
          r->out->of[FT__MERGE_ADDRESS].at != NULL)) {
        r->p++;
        return read_members(r, &key);
    }
    return read_value(r, slot_of(object, &key));
}

/* p is behind the brace. */
static bool read_members(struct reader *r, const struct ft__span *object)
{
    if (take(r, '}')) {
        return true;
    }
    do {
        if (!read_member(r, object)) {
            return false;
        }
    } while (take(r, ','));
    return take(r, '}');
}

/* The shape of the line in hand, in place of the one that is used least. */
static void keep(struct ft__scan *s)
{
    uint32_t at = s->n;

    if (s->n < SHAPES) {
        s->n++;
    } else {
        at = 0;
        for (uint32_t i = 1; i < SHAPES; i++) {
            at = s->shape[i]->used < s->shape[at]->used ? i : at;
        }
    }
    struct shape *old = s->shape[at];

    s->shape[at] = s->fresh;
    s->fresh = old != NULL ? old : ft_mem_alloc(1, sizeof *s->fresh);
    if (s->fresh == NULL) { /* it is learned again some time */
        s->fresh = s->shape[at];
        s->shape[at] = s->shape[s->n - 1];
        s->shape[--s->n] = NULL;
        return;
    }
    s->last = at;
}

static bool as_json(struct ft__scan *s, const char *line, const char *end, struct ft__record *out)
{
    static const struct ft__span top = {"", 0, false};
    struct reader r = {line, end, line, out, s->fresh, true};

    memset(out->of, 0, sizeof out->of);
    s->fresh->n = s->fresh->text_len = 0;
    s->fresh->used = s->read;
    if (!take(&r, '{') || !read_members(&r, &top)) {
        return false;
    }
    skip_space(&r);
    if (r.p != end) {
        return false;
    }
    size_t rest = (size_t)(end - r.behind);

    if (r.fits && s->fresh->text_len + rest <= LITERALS) {
        s->fresh->end_at = s->fresh->text_len;
        s->fresh->end_len = (uint32_t)rest;
        memcpy(s->fresh->text + s->fresh->end_at, r.behind, rest);
        keep(s);
    }
    return true;
}

bool ft__scan_line(struct ft__scan *s, const char *line, size_t len, struct ft__record *out)
{
    const char *end = line + len;

    out->line = line;
    out->len = (uint32_t)len;
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t k = (s->last + i) % s->n;

        memset(out->of, 0, sizeof out->of);
        if (by_shape(s->shape[k], line, end, out)) {
            s->last = k;
            s->shape[k]->used = ++s->shaped + s->read;
            return true;
        }
    }
    s->read++;
    return as_json(s, line, end, out);
}

/* ---- values ---- */

bool ft__span_u64(const struct ft__span *s, uint64_t *out)
{
    uint64_t v = 0;

    if (s->at == NULL || s->len == 0 || s->len > 20) {
        return false;
    }
    for (uint32_t i = 0; i < s->len; i++) {
        uint32_t digit = (uint32_t)(s->at[i] - '0');

        if (digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, digit, &v)) {
            return false;
        }
    }
    *out = v;
    return true;
}

bool ft__span_us(const struct ft__span *s, int64_t *out)
{
    enum { PLACES = 6, DIGITS = 12 };
    uint32_t i = 0, point = UINT32_MAX;
    int64_t v = 0;
    bool minus = s->len > 0 && s->at[0] == '-';

    for (i = minus; i < s->len; i++) {
        char c = s->at[i];

        if (c == '.' && point == UINT32_MAX && i > minus) {
            point = i;
        } else if (c < '0' || c > '9' || (point == UINT32_MAX && i - minus >= DIGITS)) {
            return false;
        } else if (point == UINT32_MAX || i - point <= PLACES) {
            v = v * 10 + (c - '0');
        }
    }
    for (uint32_t n = point == UINT32_MAX ? 0 : s->len - point - 1; n < PLACES; n++) {
        v *= 10;
    }
    *out = minus ? -v : v;
    return s->len > minus && point != s->len - 1 && v <= INT64_MAX / 1000; /* ns fit, too */
}
