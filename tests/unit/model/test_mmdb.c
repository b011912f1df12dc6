/* SPDX-License-Identifier: Apache-2.0 */
/* model/mmdb: a small database by hand, each beginning of it, each byte of it changed; records that
 * mean harm. What databases say is compared with other readers in tests/cli/cli_enrich.py. */
#include "model/mmdb.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "harness.h"

/* 24 bits a record, IPv4: 0.0.0.0/1 is the first place of the data, the rest is not known. */
#define TREE  "\x00\x00\x11\x00\x00\x01" ZEROS
#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define META                                                                                       \
    "\xab\xcd\xefMaxMind.com\xe4\x4a"                                                              \
    "node_count\xc1\x01\x4b"                                                                       \
    "record_size\xa1\x18\x4a"                                                                      \
    "ip_version\xa1\x04\x5b"                                                                       \
    "binary_format_major_version\xa1\x02"
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* {"asn": 64500, "country": {"iso_code": "DE"}, "as_name": -> "Mine"}, behind it "Mine" */
#define RECORD                                                                                     \
    "\xe3\x43"                                                                                     \
    "asn\xa2\xfb\xf4\x47"                                                                          \
    "country\xe1\x48"                                                                              \
    "iso_code\x42"                                                                                 \
    "DE\x47"                                                                                       \
    "as_name\x20\x27"
#define TEXT "\x44Mine"

static const uint8_t low[4] = {10, 1, 2, 3}, high[4] = {200, 1, 2, 3};

static int open_copy(const uint8_t *bytes, size_t len, uint8_t **copy, struct ft_mmdb *db,
                     struct ft_err *err)
{
    *copy = malloc(len > 0 ? len : 1); /* of exactly that size: ASan sees what is beyond */
    CHECK(*copy != NULL);
    memcpy(*copy, bytes, len);
    return ft_mmdb_open(*copy, len, db, err);
}

static void test_record(void)
{
    struct ft_enrich_side s = {0}, none = {0}, six = {0}, full = {.as = 1, .country = "FR"};
    struct ft_err err = {0};
    struct ft_mmdb db;

    CHECK_EQ(sizeof RECORD - 1, 0x27);
    CHECK_EQ(ft_mmdb_open(BYTES(TREE RECORD TEXT META), &db, &err), FT_OK);
    CHECK_STR(err.what, "");
    CHECK(db.knows_as && db.knows_country);
    ft_mmdb_find(&db, 4, low, &s);
    CHECK_EQ(s.as, 64500);
    CHECK_STR(s.country, "DE");
    CHECK_EQ(s.as_name_len, 4);
    CHECK_MEM(s.as_name, "Mine", 4);
    ft_mmdb_find(&db, 4, high, &none);
    CHECK(none.as == 0 && none.as_name == NULL && none.country[0] == '\0');
    ft_mmdb_find(&db, 6, (const uint8_t[16]){0}, &six); /* it knows none */
    CHECK(six.as == 0);
    ft_mmdb_find(&db, 4, low, &full); /* what another one said stays */
    CHECK_EQ(full.as, 1);
    CHECK_STR(full.country, "FR");
    CHECK_EQ(full.as_name_len, 4);
    CHECK(ft_mmdb_memory(&db) > 0);
    ft_mmdb_close(&db);
    ft_mmdb_close(&db);
}

static void test_wrong(void)
{
    static const struct {
        const uint8_t *bytes;
        size_t len;
        const char *what;
    } cases[] = {
        {BYTES(""), "it is no database of MaxMind's format: there is no metadata"},
        {BYTES(TREE RECORD TEXT), "it is no database of MaxMind's format: there is no metadata"},
        {BYTES("\xab\xcd\xefMaxMind.com"), "its metadata cannot be read"},
        {BYTES("\xab\xcd\xefMaxMind.com\xe0"), "its format has version 0, and 2 is known"},
        {BYTES("\x00\x00\x11\x00\x00\x01" META),
         "its tree has not the length that its metadata says"},
        {BYTES(TREE META), "what node 0 points to is not there"},
        {BYTES("\x00\x00\x10\x00\x00\x01" ZEROS RECORD TEXT META),
         "what node 0 points to is not there"}, /* before the data */
        {BYTES(TREE RECORD META), "the record at 0 of its data cannot be read"},
        {BYTES(TREE "\xe1\x41x\x41y" META), "it knows neither AS nor country of any address"},
        /* a pointer to itself, to another one, away; a map in itself; more than there is */
        {BYTES(TREE "\x20\x00" META), "the record at 0 of its data cannot be read"},
        {BYTES(TREE "\x20\x02\x20\x04" TEXT META), "the record at 0 of its data cannot be read"},
        {BYTES(TREE "\x38\xff\xff\xff\xff" META), "the record at 0 of its data cannot be read"},
        {BYTES(TREE "\xff\xff\xff\xff" META), "the record at 0 of its data cannot be read"},
        {BYTES(TREE "\xe1\x47"
                    "as_name\x5f\xff\xff\xff" META),
         "the record at 0 of its data cannot be read"},
        {BYTES(TREE "\xe1\x20\x00\x41x" META), "the record at 0 of its data cannot be read"},
        {BYTES(TREE "\xe1\x47"
                    "country\x20\x00" META),
         "it knows neither AS nor country of any address"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_err err = {0};
        struct ft_mmdb db;
        uint8_t *copy;

        CHECK_EQ(open_copy(cases[i].bytes, cases[i].len, &copy, &db, &err), FT_E_FORMAT);
        CHECK_STR(err.what, cases[i].what);
        free(copy);
    }
}

/* Whatever is left of it, it is refused or answers. */
static void test_damage(void)
{
    static const uint8_t good[] = TREE RECORD TEXT META;
    const size_t len = sizeof good - 1;
    uint32_t taken = 0;

    for (size_t i = 0; i <= len; i++) {
        for (int change = 0; change < (i < len ? 256 : 1); change += change % 8 == 7 ? 13 : 1) {
            struct ft_enrich_side s = {0};
            struct ft_err err = {0};
            struct ft_mmdb db;
            uint8_t *copy, bytes[sizeof good];

            memcpy(bytes, good, sizeof bytes);
            if (change > 0) {
                bytes[i] ^= (uint8_t)change;
            }
            int rc = open_copy(bytes, change > 0 ? len : i, &copy, &db, &err);

            CHECK(rc == FT_OK || (rc == FT_E_FORMAT && err.what[0] != '\0'));
            if (rc == FT_OK) {
                ft_mmdb_find(&db, 4, low, &s);
                ft_mmdb_find(&db, 4, high, &s);
                ft_mmdb_find(&db, 6, (const uint8_t[16]){0x20, 1}, &s);
                taken++;
                ft_mmdb_close(&db);
            }
            free(copy);
        }
    }
    CHECK(taken > 1);
}

/* Maps in maps, as deep as there is room: looked at up to a bound, whatever points to them. */
static void test_time(void)
{
    enum { DEEP = 1 << 20, NODES = 1 };
    static uint8_t bytes[DEEP + 256];
    struct timespec a, b;
    struct ft_err err = {0};
    struct ft_mmdb db;
    uint8_t *p = bytes;

    memcpy(p, TREE, sizeof TREE - 1);
    p += sizeof TREE - 1;
    *p++ = 0xe1; /* a map of one */
    *p++ = 0x41;
    *p++ = 'x';
    for (int i = 0; i < DEEP / 2; i++) { /* arrays of one */
        *p++ = 0x01;
        *p++ = 0x04;
    }
    memcpy(p, META, sizeof META - 1);
    p += sizeof META - 1;
    clock_gettime(CLOCK_MONOTONIC, &a);
    CHECK_EQ(ft_mmdb_open(bytes, (size_t)(p - bytes), &db, &err), FT_E_FORMAT);
    clock_gettime(CLOCK_MONOTONIC, &b);
    CHECK_STR(err.what, "the record at 0 of its data cannot be read");
    CHECK(b.tv_sec - a.tv_sec < 5);
}

static void test_out_of_memory(void)
{
    struct ft_err err = {0};
    struct ft_mmdb db;

    int rc = FT_E_NOMEM;

    for (uint64_t i = 1; rc != FT_OK && i < 20; i++) {
        ft_mem_fail_at(i);
        rc = ft_mmdb_open(BYTES(TREE RECORD TEXT META), &db, &err);
        ft_mem_fail_at(0);
        CHECK(rc == FT_OK || rc == FT_E_NOMEM);
    }
    CHECK_EQ(rc, FT_OK);
    ft_mmdb_close(&db);
}

int main(void)
{
    RUN(test_record);
    RUN(test_wrong);
    RUN(test_damage);
    RUN(test_time);
    RUN(test_out_of_memory);
    return test_end();
}
