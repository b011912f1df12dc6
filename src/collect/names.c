/* SPDX-License-Identifier: Apache-2.0 */
/* collect: names of numbers: an open-addressed table that doubles, see names.h. */
#include "collect/names.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "flowtap/errors.h"

enum { CAP_MIN = 16, NAMES_MAX = 8192 };

/* Engines of RFC 6759 §4.1 whose selectors begin with an enterprise number. */
enum { ENGINE_PEN = 20, PEN_LEN = 4 };

/* A number, or the bytes of an application: longer ones as their front and a hash of all, of which
 * nobody who does not know the seed makes two alike. */
struct id {
    uint8_t kind; /* enum ft__name_kind */
    uint8_t len;
    uint8_t bytes[22];
};

enum { ID_BYTES = sizeof((struct id *)0)->bytes, HASH_BYTES = 16 };

struct name {
    struct id id;
    bool used;
    char text[FT__NAME_LEN];
};

struct ft__names {
    const struct ft_hash_seed *seed;
    struct name *slot;
    uint32_t cap, n; /* cap is a power of two */
};

static struct id number_id(enum ft__name_kind kind, uint64_t number)
{
    struct id id = {.kind = (uint8_t)kind, .len = sizeof number};

    memcpy(id.bytes, &number, sizeof number);
    return id;
}

static uint64_t hash_bytes(const struct ft_hash_seed *seed, uint64_t h, const uint8_t *p,
                           size_t len)
{
    for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
        size_t left = len - i;
        uint64_t word = 0;

        memcpy(&word, p + i, left < sizeof word ? left : sizeof word);
        h = ft_hash_16(seed, h, word);
    }
    return h;
}

static struct id application_id(const struct ft_hash_seed *seed, const uint8_t *p, size_t len)
{
    struct id id = {.kind = FT__NAME_APPLICATION};
    size_t head = len > PEN_LEN && p[0] == ENGINE_PEN ? 1 + PEN_LEN : len > 0, zeros = 0;

    while (head + zeros < len && p[head + zeros] == 0) {
        zeros++;
    }
    size_t rest = len - head - zeros;

    memcpy(id.bytes, p, head);
    id.len = (uint8_t)(head + rest < UINT8_MAX ? head + rest : UINT8_MAX);
    if (head + rest <= ID_BYTES) {
        if (rest > 0) {
            memcpy(id.bytes + head, p + head + zeros, rest);
        }
        return id;
    }
    for (uint64_t i = 0; i < HASH_BYTES / sizeof i; i++) {
        uint64_t h = hash_bytes(seed, len - zeros + (i << 32), p + head + zeros, rest);

        memcpy(id.bytes + 1 + PEN_LEN + i * sizeof h, &h, sizeof h);
    }
    return id;
}

/* Ids come from the exporter: the hash is keyed, so that it cannot choose them to lie in a row. */
static struct name *slot_of(const struct ft__names *t, const struct id *id)
{
    uint64_t h = hash_bytes(t->seed, 0, (const uint8_t *)id, sizeof *id);
    uint32_t i = (uint32_t)(h >> 32) & (t->cap - 1);

    while (t->slot[i].used && memcmp(&t->slot[i].id, id, sizeof *id) != 0) {
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
            *slot_of(&more, &t->slot[i].id) = t->slot[i];
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

static int set(struct ft__names *t, const struct id *id, const uint8_t *text, size_t len)
{
    if (t->n * 2 >= t->cap && t->n < NAMES_MAX && grow(t) != FT_OK) {
        return FT_E_NOMEM;
    }
    struct name *s = slot_of(t, id);

    if (!s->used) {
        if (t->n == NAMES_MAX) {
            return FT_E_FULL;
        }
        t->n++;
        s->used = true;
        s->id = *id;
    }
    copy_text(s->text, text, len);
    return FT_OK;
}

static const char *get(const struct ft__names *t, const struct id *id)
{
    const struct name *s = slot_of(t, id);

    return s->used && s->text[0] != '\0' ? s->text : NULL;
}

/* Makes *names when it is NULL. */
static bool make(struct ft__names **names, const struct ft_hash_seed *seed)
{
    if (*names == NULL) {
        *names = ft_mem_alloc(1, sizeof **names);
        if (*names != NULL) {
            (*names)->seed = seed;
        }
    }
    return *names != NULL;
}

int ft__names_set(struct ft__names **names, const struct ft_hash_seed *seed,
                  enum ft__name_kind kind, uint64_t id, const uint8_t *text, size_t len)
{
    const struct id key = number_id(kind, id);

    return make(names, seed) ? set(*names, &key, text, len) : FT_E_NOMEM;
}

int ft__names_set_application(struct ft__names **names, const struct ft_hash_seed *seed,
                              const uint8_t *id, size_t id_len, const uint8_t *text, size_t len)
{
    const struct id key = application_id(seed, id, id_len);

    return make(names, seed) ? set(*names, &key, text, len) : FT_E_NOMEM;
}

const char *ft__names_get(const struct ft__names *names, enum ft__name_kind kind, uint64_t id)
{
    const struct id key = number_id(kind, id);

    return names != NULL && names->cap != 0 ? get(names, &key) : NULL;
}

const char *ft__names_application(const struct ft__names *names, const uint8_t *id, size_t id_len)
{
    if (names == NULL || names->cap == 0) {
        return NULL;
    }
    const struct id key = application_id(names->seed, id, id_len);

    return get(names, &key);
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
