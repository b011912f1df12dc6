/* SPDX-License-Identifier: Apache-2.0 */
/* decode: names of numbers: an open-addressed table that doubles, see names.h. */
#include "decode/names.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "flowtap/errors.h"

enum { CAP_MIN = 16, NAMES_MAX = 8192 };

struct name {
    uint64_t id;
    uint8_t kind;
    bool used;
    char text[FT__NAME_LEN];
};

struct ft__names {
    const struct ft_hash_seed *seed;
    struct name *slot;
    uint32_t cap, n; /* cap is a power of two */
};

/* Ids come from the exporter: the hash is keyed, so that it cannot choose them to lie in a row. */
static struct name *slot_of(const struct ft__names *t, enum ft__name_kind kind, uint64_t id)
{
    uint32_t i = (uint32_t)(ft_hash_16(t->seed, id, kind) >> 32) & (t->cap - 1);

    while (t->slot[i].used && (t->slot[i].id != id || t->slot[i].kind != kind)) {
        i = (i + 1) & (t->cap - 1);
    }
    return &t->slot[i];
}

static int grow(struct ft__names *t)
{
    struct ft__names more = {.seed = t->seed, .cap = t->cap == 0 ? CAP_MIN : t->cap * 2, .n = t->n};

    more.slot = ft_mem_alloc(more.cap, sizeof *more.slot);
    if (more.slot == NULL) {
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < t->cap; i++) {
        if (t->slot[i].used) {
            *slot_of(&more, (enum ft__name_kind)t->slot[i].kind, t->slot[i].id) = t->slot[i];
        }
    }
    ft_mem_free(t->slot);
    *t = more;
    return FT_OK;
}

/* Up to the first NUL, at most FT__NAME_LEN - 1 bytes, not inside a UTF-8 character. */
static void copy_text(char out[FT__NAME_LEN], const uint8_t *text, size_t len)
{
    const uint8_t *nul = len > 0 ? memchr(text, 0, len) : NULL;

    len = nul != NULL ? (size_t)(nul - text) : len;
    if (len > FT__NAME_LEN - 1) {
        len = FT__NAME_LEN - 1;
        while (len > 0 && (text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    if (len > 0) {
        memcpy(out, text, len);
    }
    out[len] = '\0';
}

int ft__names_set(struct ft__names **names, const struct ft_hash_seed *seed,
                  enum ft__name_kind kind, uint64_t id, const uint8_t *text, size_t len)
{
    struct ft__names *t = *names;

    if (t == NULL) {
        t = ft_mem_alloc(1, sizeof *t);
        if (t == NULL) {
            return FT_E_NOMEM;
        }
        t->seed = seed;
        *names = t;
    }
    if (t->n * 2 >= t->cap && t->n < NAMES_MAX && grow(t) != FT_OK) {
        return FT_E_NOMEM;
    }
    struct name *s = slot_of(t, kind, id);

    if (!s->used) {
        if (t->n == NAMES_MAX) {
            return FT_E_FULL;
        }
        t->n++;
        s->used = true;
        s->id = id;
        s->kind = (uint8_t)kind;
    }
    copy_text(s->text, text, len);
    return FT_OK;
}

const char *ft__names_get(const struct ft__names *names, enum ft__name_kind kind, uint64_t id)
{
    const struct name *s;

    if (names == NULL || names->cap == 0) {
        return NULL;
    }
    s = slot_of(names, kind, id);
    return s->used && s->text[0] != '\0' ? s->text : NULL;
}

uint32_t ft__names_count(const struct ft__names *names)
{
    return names != NULL ? names->n : 0;
}

void ft__names_free(struct ft__names *names)
{
    if (names != NULL) {
        ft_mem_free(names->slot);
        ft_mem_free(names);
    }
}
