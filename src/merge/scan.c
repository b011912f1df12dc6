/* SPDX-License-Identifier: Apache-2.0 */
/* merge: lines by their shape, and JSON in any order; see scan.h. */
#include "merge/scan.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/mem.h"

enum { SHAPES = 16, DEPTH_MAX = 64, BLOCK = 16 };

struct ft__scan {
    struct ft__shape *shape[SHAPES]; /* owned; the first n */
    uint32_t n;
    uint64_t shaped, read;
    struct ft__shape *fresh; /* learned from the line in hand; owned */
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

/* ---- bytes, many at a time ---- */

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

#ifdef __SSE2__
FT_INLINE __m128i load16(const void *p)
{
    return _mm_loadu_si128(p);
}

FT_INLINE __m128i aligned16(const void *p)
{
    return _mm_load_si128(p);
}
#endif

/* Which of the 16 bytes at p is the first that is a or b; 16: none. */
FT_INLINE uint32_t first_of(const char *p, char a, char b)
{
#ifdef __SSE2__
    __m128i v = load16(p);
    __m128i hit =
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(a)), _mm_cmpeq_epi8(v, _mm_set1_epi8(b)));

    return (uint32_t)__builtin_ctz((uint32_t)_mm_movemask_epi8(hit) | 1u << BLOCK);
#else
    for (uint32_t i = 0; i < BLOCK; i += 8) {
        uint64_t v = load(p + i), hit = bytes_of(v, (uint8_t)a) | bytes_of(v, (uint8_t)b);

        if (hit != 0) {
            return i + (uint32_t)__builtin_ctzll(hit) / 8;
        }
    }
    return BLOCK;
#endif
}

/* The next comma or closing brace, or end. */
FT_INLINE const char *plain_end(const char *p, const char *end)
{
    uint32_t n = BLOCK;

    for (; p < end && n == BLOCK; p += n) {
        n = first_of(p, ',', '}');
    }
    return p < end ? p : end;
}

/* The quote that ends a text, p behind the one that begins it; end: there is none. */
FT_INLINE const char *text_end(const char *p, const char *end)
{
    while (p < end) {
        uint32_t n = first_of(p, '"', '\\');

        p += n;
        if (n == BLOCK) {
            continue;
        }
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
static const char *value_end(const char *p, const char *end, struct ft__span *out)
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

/* Likewise of most values, which have no more than two blocks and no escapes. It may find an end
 * that lies behind the line's: whoever asks holds what comes next against that. */
FT_INLINE const char *quick_end(const char *p, const char *end, struct ft__span *out)
{
    const char *close = p;
    uint32_t n;

    if (*p == '"') {
        n = first_of(++close, '"', '\\');
        close += n;
        if (n == BLOCK) {
            close += n = first_of(close, '"', '\\');
        }
        if (FT_LIKELY(n < BLOCK && *close == '"')) {
            *out = (struct ft__span){p + 1, (uint32_t)(close - p - 1), true};
            return close + 1;
        }
    } else if (FT_LIKELY((*p | 0x20) != '{')) {
        close += n = first_of(close, ',', '}');
        if (n == BLOCK) {
            close += n = first_of(close, ',', '}');
        }
        if (FT_LIKELY(n < BLOCK && close > p)) {
            *out = (struct ft__span){p, (uint32_t)(close - p), false};
            return close;
        }
    }
    return value_end(p, end, out);
}

FT_INLINE bool begins(const struct ft__shape *s, const struct ft__step *t, const char *p)
{
#ifdef __SSE2__
    __m128i a = _mm_and_si128(_mm_xor_si128(load16(p), aligned16(t->first)), aligned16(t->mask));
    __m128i b = _mm_and_si128(_mm_xor_si128(load16(p + BLOCK), aligned16(t->first + BLOCK)),
                              aligned16(t->mask + BLOCK));
    __m128i same = _mm_cmpeq_epi8(_mm_or_si128(a, b), _mm_setzero_si128());
    bool differ = _mm_movemask_epi8(same) != 0xffff;
#else
    uint64_t differ = 0;

    for (int i = 0; i < FT__SHAPE_FIRST; i += 8) {
        const char *first = (const char *)t->first + i, *mask = (const char *)t->mask + i;

        differ |= (load(p + i) ^ load(first)) & load(mask);
    }
#endif
    return !differ && (t->len <= FT__SHAPE_FIRST ||
                       memcmp(p + FT__SHAPE_FIRST, s->text + t->at + FT__SHAPE_FIRST,
                              t->len - (size_t)FT__SHAPE_FIRST) == 0);
}

FT_INLINE bool same_bytes(const char *a, const char *b, size_t len)
{
#ifdef __SSE2__
    size_t i = 0;
    __m128i same = _mm_cmpeq_epi8(load16(a + len - BLOCK), load16(b + len - BLOCK));

    for (; i + BLOCK < len; i += BLOCK) {
        same = _mm_and_si128(same, _mm_cmpeq_epi8(load16(a + i), load16(b + i)));
    }
    return _mm_movemask_epi8(same) == 0xffff;
#else
    return memcmp(a, b, len) == 0;
#endif
}

/* The values of a run from number i on, when they are what they mostly are. Returns the place
 * behind; NULL: they are not. */
FT_INLINE const char *by_run(const struct ft__shape *s, uint32_t i, const char *p, const char *end,
                             struct ft__record *out)
{
    uint32_t n = s->step[i].run, from = i > 0 ? s->step[i - 1].end : 0;
    uint32_t len = s->step[i + n - 1].end - from, line = (uint32_t)(p - out->line);

    if (p + len >= end || (p[len] != ',' && p[len] != '}') ||
        !same_bytes(p, s->sample + from, len)) {
        return NULL;
    }
    for (uint32_t at = 0; n > 0; n--, i++) {
        const struct ft__step *t = &s->step[i];
        uint32_t begin = at + t->len;

        at = t->end - from;
        out->end[i] = line + at;
        if (t->slot < FT__MERGE_SLOTS_N) {
            bool text = p[begin] == '"';

            out->of[t->slot] = (struct ft__span){p + begin + text, at - begin - 2u * text, text};
        }
    }
    return p + len;
}

/* Behind its values: does the line end as the shape does? */
FT_INLINE bool ends(const struct ft__shape *s, const char *line, uint32_t len,
                    struct ft__record *out)
{
    uint32_t at = out->end[s->n - 1], own = out->end[s->own_n - 1];

    out->own_len = own + s->own_end;
    return len - at == s->end_len && memcmp(line + at, s->text + s->end_at, s->end_len) == 0 &&
           (s->own_n == s->n || line[own + s->step[s->own_n].len] == '[');
}

/* Where a value ends says where the next one begins, so that one load waits for another. Of values
 * that mostly have one length the processor may bet on it: behind the branch nothing depends on
 * what was found. */
FT_INLINE const char *expected(const struct ft__step *t, const char *value, const char *end)
{
    const char *bet = value + t->usual;

    __asm__("" : "+r"(bet)); /* else it is the same for the compiler */
    if (FT_UNLIKELY(bet != end)) {
        __asm__ volatile("" : "+r"(end)); /* a branch, no choice that waits for both */
        bet = end;
    }
    return bet;
}

static bool by_shape(const struct ft__shape *s, const char *line, const char *end,
                     struct ft__record *out)
{
    const struct ft__step *t = s->step, *last = t + s->n;
    const char *p = line;

    while (t < last) {
        struct ft__span value;

        if (t->run > 0) {
            const char *behind = by_run(s, (uint32_t)(t - s->step), p, end, out);

            if (behind != NULL) {
                p = behind;
                t += t->run;
                continue;
            }
        }
        if (p + t->len >= end || !begins(s, t, p)) {
            return false;
        }
        p = expected(t, p + t->len, quick_end(p + t->len, end, &value));
        if (p == NULL) {
            return false;
        }
        out->end[t - s->step] = (uint32_t)(p - line);
        if (t->slot < FT__MERGE_SLOTS_N) {
            out->of[t->slot] = value;
        }
        t++;
    }
    return ends(s, line, (uint32_t)(end - line), out);
}

/* ---- as JSON ---- */

/* A line while it is read, and the shape that comes of it. */
struct reader {
    const char *line, *p, *end;
    const char *behind; /* the last value */
    const char *ours;   /* the comma before what merge itself wrote, with nothing behind that
                           matters; or NULL */
    uint32_t ours_at;   /* which value that is */
    struct ft__record *out;
    struct ft__shape *shape;
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

/* A value of no members of its own that matter. */
static bool read_value(struct reader *r, uint8_t slot)
{
    struct ft__span value;
    const char *behind = r->p < r->end ? value_end(r->p, r->end, &value) : NULL;

    if (behind == NULL) {
        return false;
    }
    if (r->ours != NULL && (slot == FT__MERGE_EST_PACKETS || slot == FT__MERGE_EST_BYTES)) {
        slot = FT__MERGE_SLOTS_N; /* merge's own */
    }
    r->fits = r->fits && ft__shape_step(r->shape, r->behind, (size_t)(r->p - r->behind), slot);
    if (r->fits) {
        r->out->end[r->shape->n - 1] = (uint32_t)(behind - r->line);
    }
    if (slot < FT__MERGE_SLOTS_N) {
        r->out->of[slot] = value;
        r->ours = NULL;
    }
    r->p = r->behind = behind;
    return true;
}

/* Is this, behind a comma, what merge itself wrote? */
static void look_for_ours(struct reader *r, const struct ft__span *key)
{
    static const char mark[] = ",\"observers\":[";

    if (r->ours == NULL && key->len == 9 && key->at - r->line >= 2 && r->p < r->end &&
        memcmp(key->at - 2, mark, sizeof mark - 1) == 0) {
        r->ours = key->at - 2;
        r->ours_at = r->shape->n;
    }
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
    if (object->len == 0 && r->p < r->end && *r->p == '{' && ft__merge_object(key.at, key.len) &&
        !(key.len == 8 && memcmp(key.at, "features", 8) == 0 &&
          r->out->of[FT__MERGE_ADDRESS].at != NULL)) {
        r->p++;
        return read_members(r, &key);
    }
    if (object->len == 0) {
        look_for_ours(r, &key);
    }
    return read_value(r, ft__merge_slot_of(object->at, object->len, key.at, key.len));
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

/* The shape of the line in hand, in place of the one that is not held and was used the longest ago.
 * NULL: there is none, or no memory; it is learned again some time. */
static struct ft__shape *keep(struct ft__scan *s)
{
    struct ft__shape *shape = s->fresh, *next;
    uint32_t at = s->n;

    if (at == SHAPES) {
        for (uint32_t i = 0; i < s->n; i++) {
            if (s->shape[i]->held == 0 &&
                (at == SHAPES || s->shape[i]->used < s->shape[at]->used)) {
                at = i;
            }
        }
        if (at == SHAPES) {
            return NULL;
        }
    }
    next = at < s->n ? s->shape[at] : ft_mem_alloc(1, sizeof *next);
    if (next == NULL) {
        return NULL;
    }
    s->n += at == s->n;
    s->shape[at] = shape;
    s->fresh = next;
    return shape;
}

static bool as_json(struct ft__scan *s, const char *line, const char *end, struct ft__record *out)
{
    static const struct ft__span top = {"", 0, false};
    struct reader r = {
        .line = line, .p = line, .end = end, .behind = line, .out = out, .fits = true};

    r.shape = s->fresh;
    out->shape = NULL;
    memset(out->of, 0, sizeof out->of);
    ft__shape_begin(s->fresh);
    s->fresh->used = s->read + s->shaped;
    if (!take(&r, '{') || !read_members(&r, &top)) {
        return false;
    }
    const char *own = r.ours != NULL ? r.ours : r.p - 1;
    uint32_t own_n = r.ours != NULL ? r.ours_at : r.shape->n;
    size_t rest = (size_t)(end - r.behind);

    skip_space(&r);
    if (r.p != end) {
        return false;
    }
    out->own_len = (uint32_t)(own - line);
    if (r.fits && own_n > 0 &&
        ft__shape_end(s->fresh, r.behind, rest, own_n, out->own_len - out->end[own_n - 1])) {
        out->shape = keep(s);
    }
    s->fresh->whole = false;
    return true;
}

FT_INLINE bool find_values(struct ft__scan *s, const char *line, const char *end,
                           struct ft__record *out)
{
    struct ft__shape *last = out->shape;

    if (last != NULL && by_shape(last, line, end, out)) { /* which says all of its slots again */
        return true;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        memset(out->of, 0, sizeof out->of);
        if (s->shape[i] != last && by_shape(s->shape[i], line, end, out)) {
            out->shape = s->shape[i];
            return true;
        }
    }
    return false;
}

bool ft__scan_line(struct ft__scan *s, const char *line, size_t len, struct ft__record *out)
{
    const char *end = line + len;
    bool is_object = true;

    out->line = line;
    out->len = (uint32_t)len;
    ft__record_release(out);
    if (find_values(s, line, end, out)) {
        out->shape->used = ++s->shaped + s->read;
        ft__shape_line(out->shape, line, out->end);
    } else {
        s->read++;
        is_object = as_json(s, line, end, out);
    }
    ft__record_hold(out);
    return is_object;
}
