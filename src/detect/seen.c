/* SPDX-License-Identifier: Apache-2.0 */
/* detect: what was seen before, see seen.h. */
#include "detect/seen.h"

#include <string.h>

#include "base/mem.h"

enum { LINE_WORDS = 8, LINE_BITS = 512, KEYS_A_LINE = 32, HASHES = 4 };

static uint32_t lines_for(uint32_t keys)
{
    return keys / KEYS_A_LINE + 1;
}

static size_t bytes_of(uint32_t lines)
{
    return (size_t)lines * LINE_WORDS * sizeof(uint64_t);
}

size_t ft__seen_budget(uint32_t keys)
{
    return 2 * bytes_of(lines_for(keys));
}

bool ft__seen_init(struct ft__seen *s, uint32_t keys)
{
    s->n_lines = lines_for(keys);
    s->room = keys;
    s->bits[0] = ft_map_alloc(bytes_of(s->n_lines));
    s->bits[1] = ft_map_alloc(bytes_of(s->n_lines));
    return s->bits[0] != NULL && s->bits[1] != NULL;
}

void ft__seen_fini(struct ft__seen *s)
{
    for (int i = 0; i < 2; i++) {
        if (s->bits[i] != NULL) {
            ft_map_free(s->bits[i], bytes_of(s->n_lines));
        }
    }
}

/* Are the bits of a key all set in a line? Nobody can guess which of them are. */
static bool has(const uint64_t *line, uint64_t hash)
{
    uint64_t all = 1;

    for (int i = 0; i < HASHES; i++) {
        uint32_t bit = (uint32_t)(hash >> (9 * i)) % LINE_BITS;

        all &= line[bit / 64] >> bit % 64;
    }
    return all != 0;
}

static void put(uint64_t *line, uint64_t hash)
{
    for (int i = 0; i < HASHES; i++) {
        uint32_t bit = (uint32_t)(hash >> (9 * i)) % LINE_BITS;

        line[bit / 64] |= UINT64_C(1) << bit % 64;
    }
}

static size_t line_of(const struct ft__seen *s, uint64_t hash)
{
    return (size_t)(((hash >> 36) * s->n_lines) >> 28) * LINE_WORDS;
}

void ft__seen_ask(const struct ft__seen *s, uint64_t hash)
{
    __builtin_prefetch(s->bits[0] + line_of(s, hash), 1);
    __builtin_prefetch(s->bits[1] + line_of(s, hash));
}

bool ft__seen_has(const struct ft__seen *s, uint64_t hash)
{
    size_t line = line_of(s, hash);

    return has(s->bits[0] + line, hash) || has(s->bits[1] + line, hash);
}

void ft__seen_turn(struct ft__seen *s)
{
    uint64_t *older = s->bits[1];

    s->bits[1] = s->bits[0];
    s->bits[0] = older;
    memset(older, 0, bytes_of(s->n_lines));
    s->n = 0;
}

bool ft__seen_see(struct ft__seen *s, uint64_t hash)
{
    size_t line = line_of(s, hash);

    if (has(s->bits[0] + line, hash)) {
        return true;
    }
    bool before = has(s->bits[1] + line, hash);

    put(s->bits[0] + line, hash);
    if (++s->n >= s->room) {
        ft__seen_turn(s);
    }
    return before;
}
