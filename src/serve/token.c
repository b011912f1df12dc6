/* SPDX-License-Identifier: Apache-2.0 */
/* serve: tokens that stand for addresses and flows, see token.h. */
#include "serve/token.h"

#include <stdio.h>
#include <string.h>

enum { ROUNDS = 10, BYTES = 18, MAPPED = 12 };
enum { LETTERS_V4 = 9, LETTERS_V6 = 28, LETTERS_FLOW = 15 };

/* None that look alike. */
static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
static const uint8_t mapped[MAPPED] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* ---- encryption ---- */

static uint64_t load(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static void store(uint8_t *p, size_t n, uint64_t v)
{
    for (size_t i = n; i-- > 0; v >>= 8) {
        p[i] = (uint8_t)v;
    }
}

static uint64_t round_of(struct ft_cryptopan *c, size_t n, uint8_t round, uint64_t half)
{
    uint8_t text[16] = {'t', 'o', 'k', 'e', 'n', (uint8_t)n, round};

    store(text + 8, 8, half);
    return ft_cryptopan_digest(c, text, sizeof text);
}

/* n bytes in place, 4, 8 or 16: there, or back. */
static void turn(struct ft_cryptopan *c, uint8_t *p, size_t n, bool back)
{
    size_t half = n / 2;
    uint64_t mask = half == 8 ? UINT64_MAX : ((uint64_t)1 << 8 * half) - 1;
    uint64_t l = load(p, half), r = load(p + half, half);

    for (int i = 0; i < ROUNDS; i++) {
        uint8_t round = (uint8_t)(back ? ROUNDS - 1 - i : i);
        uint64_t keep = back ? l : r;
        uint64_t next = (back ? r : l) ^ (round_of(c, n, round, keep) & mask);

        l = back ? next : keep;
        r = back ? keep : next;
    }
    store(p, half, l);
    store(p + half, half, r);
}

/* ---- letters ---- */

static void put_letters(const uint8_t bytes[BYTES], size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        unsigned v = 0;

        for (size_t bit = i * 5; bit < i * 5 + 5; bit++) {
            v = v << 1 | (bytes[bit / 8] >> (7 - bit % 8) & 1);
        }
        out[i] = letters[v];
    }
    out[n] = '\0';
}

static bool read_letters(const char *text, size_t n, uint8_t bytes[BYTES])
{
    memset(bytes, 0, BYTES);
    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(letters, text[i]);

        if (at == NULL || text[i] == '\0') {
            return false;
        }
        for (size_t k = 0; k < 5; k++) {
            size_t bit = i * 5 + k;

            bytes[bit / 8] |= (uint8_t)(((at - letters) >> (4 - k) & 1) << (7 - bit % 8));
        }
    }
    return true;
}

/* Puts the check behind n bytes: the bits of the letters that are left. */
static void put_check(struct ft_cryptopan *c, const char *word, uint8_t bytes[BYTES], size_t n,
                      size_t n_letters)
{
    uint8_t text[40] = {'c', 'h', 'e', 'c', 'k'};
    size_t bits = n_letters * 5 - n * 8;

    memcpy(text + 8, word, strlen(word));
    memcpy(text + 16, bytes, n);
    uint64_t check = ft_cryptopan_digest(c, text, sizeof text) >> (64 - bits) << (16 - bits);

    bytes[n] = (uint8_t)(check >> 8);
    bytes[n + 1] = (uint8_t)check;
}

/* ---- both ---- */

static void make(struct ft_cryptopan *c, const char *word, const uint8_t *value, size_t n,
                 size_t n_letters, char *out)
{
    uint8_t bytes[BYTES] = {0};

    memcpy(bytes, value, n);
    turn(c, bytes, n, false);
    put_check(c, word, bytes, n, n_letters);
    put_letters(bytes, n_letters, out);
}

static enum ft_token_kind read(struct ft_cryptopan *c, const char *word, const char *text, size_t n,
                               size_t n_letters, uint8_t *out)
{
    uint8_t bytes[BYTES], again[BYTES] = {0};

    if (strlen(text) != n_letters || !read_letters(text, n_letters, bytes)) {
        return FT_TOKEN_NONE;
    }
    memcpy(again, bytes, n);
    put_check(c, word, again, n, n_letters);
    if (memcmp(again, bytes, n + 2) != 0) {
        return FT_TOKEN_OTHER;
    }
    turn(c, bytes, n, true);
    memcpy(out, bytes, n);
    return FT_TOKEN_GOOD;
}

/* ---- addresses ---- */

static const char *const words[] = {"int", "ext", "link", "loop", "multi"};
enum { INT, EXT, LINK, LOOP, MULTI };

static int kind_v4(const uint8_t *a)
{
    if (a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168)) {
        return INT;
    }
    return a[0] == 127                  ? LOOP
           : a[0] == 169 && a[1] == 254 ? LINK
           : a[0] >= 224 && a[0] < 240  ? MULTI
           : load(a, 4) == UINT32_MAX   ? MULTI
                                        : EXT;
}

static int kind_v6(const uint8_t *a)
{
    static const uint8_t loop[16] = {[15] = 1};

    return (a[0] & 0xfe) == 0xfc                   ? INT
           : a[0] == 0xfe && (a[1] & 0xc0) == 0x80 ? LINK
           : memcmp(a, loop, sizeof loop) == 0     ? LOOP
           : a[0] == 0xff                          ? MULTI
                                                   : EXT;
}

void ft_token_address(struct ft_cryptopan *c, const uint8_t address[16], char out[FT_TOKEN])
{
    bool v4 = memcmp(address, mapped, MAPPED) == 0;
    const char *word = words[v4 ? kind_v4(address + MAPPED) : kind_v6(address)];
    char text[LETTERS_V6 + 1];

    make(c, word, v4 ? address + MAPPED : address, v4 ? 4 : 16, v4 ? LETTERS_V4 : LETTERS_V6, text);
    snprintf(out, FT_TOKEN, "%s-host-%s", word, text);
}

enum ft_token_kind ft_token_read_address(struct ft_cryptopan *c, const char *token, uint8_t out[16])
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);
        const char *text = token + len + strlen("-host-");

        if (strncmp(token, words[i], len) != 0 || strncmp(token + len, "-host-", 6) != 0) {
            continue;
        }
        if (strlen(text) == LETTERS_V4) {
            memcpy(out, mapped, MAPPED);
            return read(c, words[i], text, 4, LETTERS_V4, out + MAPPED);
        }
        return read(c, words[i], text, 16, LETTERS_V6, out);
    }
    return FT_TOKEN_NONE;
}

/* ---- flows ---- */

void ft_token_flow(struct ft_cryptopan *c, uint64_t id, char out[FT_TOKEN])
{
    uint8_t value[8];
    char text[LETTERS_FLOW + 1];

    store(value, sizeof value, id);
    make(c, "flow", value, sizeof value, LETTERS_FLOW, text);
    snprintf(out, FT_TOKEN, "flow-%s", text);
}

enum ft_token_kind ft_token_read_flow(struct ft_cryptopan *c, const char *token, uint64_t *out)
{
    uint8_t value[8] = {0};

    if (strncmp(token, "flow-", 5) != 0) {
        return FT_TOKEN_NONE;
    }
    enum ft_token_kind kind = read(c, "flow", token + 5, sizeof value, LETTERS_FLOW, value);

    *out = load(value, sizeof value);
    return kind;
}
