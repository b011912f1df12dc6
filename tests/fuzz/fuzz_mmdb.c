/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes databases of --geo: the first 16 bytes are an address, the rest is the database. Also of
 * bytes that no opening has looked at: whatever the tree and its records say, nothing is read
 * beyond them and every answer ends. Properties: what is refused has a message; text lies in the
 * database; a country is two letters; an answer is the same each time, and adds to one that is
 * there without changing it. */
#include <stdlib.h>
#include <string.h>

#include "model/mmdb.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const struct ft_enrich_side *s, const uint8_t *bytes, size_t len)
{
    const uint8_t *name = (const uint8_t *)s->as_name;

    MUST(name == NULL || (name >= bytes && s->as_name_len > 0 && s->as_name_len <= FT_MMDB_TEXT &&
                          (size_t)(name - bytes) + s->as_name_len <= len));
    MUST(s->country[0] == '\0' ||
         (s->country[0] >= 'A' && s->country[0] <= 'Z' && s->country[1] >= 'A' &&
          s->country[1] <= 'Z' && s->country[2] == '\0'));
}

static void ask(const struct ft_mmdb *db, const uint8_t addr[16], const uint8_t *bytes, size_t len)
{
    for (uint8_t version = 4; version <= 6; version += 2) {
        struct ft_enrich_side one = {0}, two = {0}, full = {.as = 7, .country = "ZZ"};

        ft_mmdb_find(db, version, addr, &one);
        ft_mmdb_find(db, version, addr, &two);
        ft_mmdb_find(db, version, addr, &full);
        MUST(memcmp(&one, &two, sizeof one) == 0);
        MUST(full.as == 7 && full.country[0] == 'Z');
        check_answer(&one, bytes, len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t addr[16] = {0};
    struct ft_mmdb db;
    struct ft_err err = {0};

    if (size < sizeof addr) {
        return 0;
    }
    memcpy(addr, data, sizeof addr);
    size -= sizeof addr;
    uint8_t *bytes = malloc(size); /* of exactly that size: a sanitizer sees what is beyond */

    MUST(bytes != NULL || size == 0);
    if (size > 0) {
        memcpy(bytes, data + sizeof addr, size);
    }
    int rc = ft_mmdb_open(bytes, size, &db, &err);

    MUST(rc == FT_OK || (rc == FT_E_FORMAT && err.what[0] != '\0'));
    if (rc == FT_OK) {
        ask(&db, addr, bytes, size);
        ft_mmdb_close(&db);
    }
    free(bytes);
    return 0;
}
