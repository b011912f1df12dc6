/* SPDX-License-Identifier: Apache-2.0 */
/* merge: shapes of lines, see shape.h. */
#include "merge/shape.h"

#include <string.h>

void ft__shape_begin(struct ft__shape *s)
{
    s->n = s->text_len = s->held = s->lines = 0;
    s->whole = false;
    s->id++;
}

bool ft__shape_step(struct ft__shape *s, const char *before, size_t len, uint8_t slot)
{
    if (s->n == FT__SHAPE_STEPS || len > UINT16_MAX || s->text_len + len > FT__SHAPE_TEXT) {
        return false;
    }
    struct ft__step *t = &s->step[s->n++];
    size_t n = len < sizeof t->first ? len : sizeof t->first;

    *t = (struct ft__step){.at = s->text_len, .len = (uint16_t)len, .slot = slot};
    memcpy(t->first, before, n);
    memset(t->mask, 0xff, n);
    memcpy(s->text + t->at, before, len);
    s->text_len += (uint32_t)len;
    return true;
}

bool ft__shape_end(struct ft__shape *s, const char *behind, size_t len, uint32_t own_n,
                   size_t own_end)
{
    bool seen[FT__MERGE_SLOTS_N + 1] = {false};

    if (s->text_len + len > FT__SHAPE_TEXT) {
        return false;
    }
    s->end_at = s->text_len;
    s->end_len = (uint32_t)len;
    memcpy(s->text + s->end_at, behind, len);
    for (uint32_t i = s->n; i-- > 0;) {
        uint8_t slot = s->step[i].slot;

        s->step[i].slot = seen[slot] ? FT__MERGE_SLOTS_N : slot;
        seen[slot] = true;
    }
    s->own_n = own_n;
    s->own_end = (uint32_t)own_end;
    s->own_text = (own_n < s->n ? s->step[own_n].at : s->end_at) + s->own_end;
    s->whole = true;
    return true;
}

/* ---- what is the same in most lines ---- */

/* Where the text before a value begins in the sample. */
static uint32_t begin_of(const struct ft__shape *s, uint32_t i)
{
    return i > 0 ? s->step[i - 1].end : 0;
}

/* Values that most lines have alike, as long as they stand together; and lengths. */
static void find_runs(struct ft__shape *s)
{
    uint32_t n;

    for (uint32_t i = 0; i<s->n; i += n> 0 ? n : 1) {
        for (n = 0; i + n < s->n && s->step[i + n].same >= FT__SHAPE_MOST; n++) {
        }
        bool enough = n > 0 && s->step[i + n - 1].end - begin_of(s, i) >= FT__SHAPE_RUN;

        s->step[i].run = enough ? (uint16_t)n : 0;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t len = s->step[i].end - begin_of(s, i) - s->step[i].len;

        s->step[i].usual = s->step[i].alike >= FT__SHAPE_MOST ? len : 0;
    }
}

/* The first of some lines: the others are held against it. */
static void take_sample(struct ft__shape *s, const char *line, const uint32_t *end)
{
    bool fits = end[s->n - 1] <= sizeof s->sample;

    memcpy(s->sample, line, fits ? end[s->n - 1] : 0);
    for (uint32_t i = 0; i < s->n; i++) {
        s->step[i].end = fits ? end[i] : 0;
        s->step[i].run = s->step[i].same = s->step[i].alike = 0;
    }
}

void ft__shape_learn(struct ft__shape *s, const char *line, const uint32_t *end)
{
    if (s->lines % FT__SHAPE_MANY == 1) {
        take_sample(s, line, end);
    }
    for (uint32_t i = 0, begin = 0; i < s->n; begin = end[i++]) {
        struct ft__step *t = &s->step[i];
        uint32_t len = t->end - begin_of(s, i);

        if (end[i] - begin == len) {
            t->alike++;
            t->same += memcmp(line + begin, s->sample + t->end - len, len) == 0;
        }
    }
    if (s->lines % FT__SHAPE_MANY == FT__SHAPE_FEW) {
        find_runs(s);
    }
}
