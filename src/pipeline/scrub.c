/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: addresses in messages, see scrub.h. */
#include "pipeline/scrub.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { LINE = 2048, WORD = INET6_ADDRSTRLEN };

struct ft_scrub {
    struct ft_log to;
    pthread_mutex_t lock; /* guards map: messages come from any thread */
    struct ft_cryptopan *map;
};

int ft_scrub_new(const uint8_t key[FT_CRYPTOPAN_KEY], const struct ft_log *to,
                 struct ft_scrub **out)
{
    struct ft_scrub *s = ft_mem_alloc(1, sizeof *s);
    int rc;

    if (s == NULL) {
        return FT_E_NOMEM;
    }
    s->to = *to;
    pthread_mutex_init(&s->lock, NULL);
    rc = ft_cryptopan_new(key, &s->map);
    if (rc != FT_OK) {
        ft_scrub_free(s);
        return rc;
    }
    *out = s;
    return FT_OK;
}

void ft_scrub_free(struct ft_scrub *s)
{
    if (s != NULL) {
        ft_cryptopan_free(s->map);
        pthread_mutex_destroy(&s->lock);
        ft_mem_free(s);
    }
}

/* "aa:bb:cc:dd:ee:ff", also with '-' */
static bool parse_mac(const char *word, uint8_t mac[6])
{
    unsigned b[6];
    char end;

    if (strlen(word) != 17 || sscanf(word, "%2x%*[:-]%2x%*[:-]%2x%*[:-]%2x%*[:-]%2x%*[:-]%2x%c",
                                     &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) != 6) {
        return false;
    }
    for (int i = 0; i < 6; i++) {
        mac[i] = (uint8_t)b[i];
    }
    return true;
}

/* Maps an address into word; false: it is that of nobody. */
static bool map_address(struct ft_scrub *s, int family, uint8_t a[16], char word[WORD])
{
    static const uint8_t nobody[16];
    size_t len = family == AF_INET ? 4 : 16;

    if (memcmp(a, nobody, len) == 0) {
        return false;
    }
    ft_cryptopan_map(s->map, a, len);
    return inet_ntop(family, a, word, WORD) != NULL;
}

/* Maps a word that is a MAC or IPv6 address, in place; false: it is none. */
static bool map_word(struct ft_scrub *s, char word[WORD])
{
    uint8_t a[16] = {0};

    if (parse_mac(word, a)) {
        ft_cryptopan_mac(s->map, a);
        snprintf(word, WORD, "%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
        return true;
    }
    return inet_pton(AF_INET6, word, a) == 1 && map_address(s, AF_INET6, a, word);
}

/* Bytes of the IPv4 address that begins at text, whatever letters stand around it: of
 * "10.0.0.1.pcap", "10.0.0.1"; also one with zeros before its numbers. 0: none. */
static size_t map_v4(struct ft_scrub *s, const char *text, char word[WORD])
{
    uint8_t a[16] = {0};
    size_t at = 0;

    for (int i = 0; i < 4; i++) {
        unsigned v = 0;
        size_t digits = 0;

        if (i > 0 && text[at++] != '.') {
            return 0;
        }
        for (; digits < 4 && isdigit((unsigned char)text[at]); digits++, at++) {
            v = v * 10 + (unsigned)(text[at] - '0');
        }
        if (digits == 0 || digits == 4 || v > 255) {
            return 0;
        }
        a[i] = (uint8_t)v;
    }
    return map_address(s, AF_INET, a, word) ? at : 0;
}

/* Bytes of the longest MAC or IPv6 address that begins at text: of "2001:db8::1]:2055", the first
 * 11. 0: none. The mapped one stands in word then. */
static size_t map_hex(struct ft_scrub *s, const char *text, char word[WORD])
{
    size_t len = strspn(text, "0123456789abcdefABCDEF:.-");

    if (isalnum((unsigned char)text[len])) { /* of a longer word: it ends before its last letters */
        while (len > 0 && isalnum((unsigned char)text[len - 1])) {
            len--;
        }
    }
    for (len = len < WORD - 1 ? len : WORD - 1; len >= 2; len--) {
        if (isxdigit((unsigned char)text[len - 1]) && isxdigit((unsigned char)text[len])) {
            continue; /* inside a number */
        }
        memcpy(word, text, len);
        word[len] = '\0';
        if (map_word(s, word)) {
            return len;
        }
    }
    return 0;
}

void ft_scrub_text(struct ft_scrub *s, const char *text, char *out, size_t cap)
{
    char word[WORD];
    size_t n = 0;
    bool inside = false; /* a word that began before: its letters may be hex digits by chance */
    bool number = false; /* a number that began before */

    pthread_mutex_lock(&s->lock);
    while (*text != '\0' && n + 1 < cap) {
        size_t len = number ? 0 : map_v4(s, text, word);

        len = len == 0 && !inside ? map_hex(s, text, word) : len;
        if (len > 0) {
            int put = snprintf(out + n, cap - n, "%s", word);

            n = n + (size_t)put < cap ? n + (size_t)put : cap - 1;
            text += len;
            inside = number = true;
            continue;
        }
        inside = isalnum((unsigned char)*text);
        number = isdigit((unsigned char)*text);
        out[n++] = *text++;
    }
    pthread_mutex_unlock(&s->lock);
    out[n] = '\0';
}

static void on_message(void *cookie, enum ft_log_level level, const char *message)
{
    struct ft_scrub *s = cookie;
    char line[LINE];

    ft_scrub_text(s, message, line, sizeof line);
    s->to.fn(s->to.cookie, level, line);
}

struct ft_log ft_scrub_log(struct ft_scrub *s)
{
    return (struct ft_log){s->to.fn != NULL ? on_message : NULL, s, s->to.level};
}
