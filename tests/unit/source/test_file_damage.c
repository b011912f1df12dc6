/* SPDX-License-Identifier: Apache-2.0 */
/* source/file: every place where a file can end, every wrong byte, in every way to read it. */
#include "source/file_run.h"

enum { N = 6 };

/* Offsets behind each record of a small capture. */
static struct cap small_capture(bool ng, bool be, size_t ends[N + 1])
{
    struct cap c = {0};

    for (uint32_t n = 0; n <= N; n++) {
        cap_fini(&c);
        c = make_capture(ng, be, n, 40);
        ends[n] = c.len;
    }
    return c;
}

/* The first len bytes come as the file `name`: all before the damage, then the damage, once. */
static void check_prefix(const char *name, const struct cap *c, size_t len, bool ng,
                         const size_t ends[N + 1])
{
    struct result r = run_file(name);
    uint32_t whole = 0;
    size_t header = ng ? 0 : 24;

    if (r.open_code == FT_E_FORMAT) {
        CHECK(len < 4);
        return;
    }
    CHECK_EQ(r.open_code, FT_OK);
    while (whole < N && ends[whole + 1] <= len) {
        whole++;
    }
    CHECK_EQ(r.n, whole);
    if (len == c->len || (len == ends[whole] && !ng)) {
        CHECK_EQ(r.n_told, 0);
    } else if (!ng) {
        CHECK_EQ(r.n_told, 1);
        CHECK_EQ(r.told[0].code, FT_E_TRUNCATED);
        CHECK_EQ(r.told[0].off, len < header ? 0 : ends[whole]);
    } else { /* blocks that are no packets lie between: the damage is at one of them */
        CHECK(r.n_told <= 1);
        CHECK(r.n_told == 0 || r.told[0].code == FT_E_TRUNCATED);
        CHECK(r.n_told == 0 ||
              (r.told[0].off < len && (whole == 0 || r.told[0].off >= ends[whole])));
    }
    if (r.n_told == 1) {
        CHECK(strstr(r.told[0].what, "truncated") != NULL);
        CHECK_EQ(r.told[0].after, whole);
    }
    result_fini(&r);
}

static void test_every_truncation(void)
{
    for (unsigned kind = 0; kind < 4; kind++) {
        size_t ends[N + 1];
        struct cap c = small_capture(kind & 1, kind & 2, ends);

        for (size_t len = 1; len <= c.len; len++) {
            check_prefix(tmp_write("t", c.p, len), &c, len, kind & 1, ends);
#ifdef FT_HAVE_ZLIB
            struct cap gz = pack_gzip(c.p, len);

            check_prefix(tmp_write("t", gz.p, gz.len), &c, len, kind & 1, ends);
            cap_fini(&gz);
#endif
#ifdef FT_HAVE_ZSTD
            struct cap zst = pack_zstd(c.p, len);

            check_prefix(tmp_write("t", zst.p, zst.len), &c, len, kind & 1, ends);
            cap_fini(&zst);
#endif
        }
        cap_fini(&c);
    }
}

/* The packed file itself ends early: what was unpacked is delivered, then the damage. */
static void check_packed_prefixes(const struct cap *packed, const char *name)
{
    for (size_t len = 4; len < packed->len; len++) {
        struct result r = run_file(tmp_write("t", packed->p, len));

        CHECK_EQ(r.open_code, FT_OK);
        CHECK_EQ(r.n_told, 1);
        CHECK_EQ(r.told[0].code, FT_E_TRUNCATED);
        CHECK(strstr(r.told[0].what, name) != NULL);
        CHECK(r.n <= N);
        for (uint32_t i = 0; i < r.n; i++) {
            CHECK_EQ(r.seen[i].ts_ns, (1700000000ll + i) * 1000000000 + i);
        }
        if (len == packed->len - 1) {
            CHECK_EQ(r.n, N);
        }
        result_fini(&r);
    }
}

/* Any one bit of the packed file is wrong: no crash, and never more packets than there were. */
static void check_packed_corruptions(const struct cap *packed)
{
    unsigned damaged = 0;

    for (size_t at = 4; at < packed->len; at++) {
        struct result r;

        packed->p[at] ^= (uint8_t)(1u << at % 8);
        r = run_file(tmp_write("t", packed->p, packed->len));
        packed->p[at] ^= (uint8_t)(1u << at % 8);
        CHECK(r.n <= N + 1 || r.n_told > 0);
        damaged += r.n_told > 0 || r.open_code != FT_OK;
        result_fini(&r);
    }
    CHECK(damaged > packed->len / 2); /* header fields like the time of packing may be anything */
}

static void test_packed_damage(void)
{
    size_t ends[N + 1];
    struct cap c = small_capture(false, false, ends);

#ifdef FT_HAVE_ZLIB
    struct cap gz = pack_gzip(c.p, c.len);

    check_packed_prefixes(&gz, "gzip data is damaged after");
    check_packed_corruptions(&gz);
    cap_fini(&gz);
#endif
#ifdef FT_HAVE_ZSTD
    struct cap zst = pack_zstd(c.p, c.len);

    check_packed_prefixes(&zst, "zstd data is damaged after");
    check_packed_corruptions(&zst);
    cap_fini(&zst);
#endif
    cap_fini(&c);
}

static void check_told(const struct cap *c, uint64_t n, int code, uint64_t off, const char *what)
{
    const char *path = tmp_write("d", c->p, c->len);
    struct result r = run_file(path);
    char want[400];

    snprintf(want, sizeof want, "%s: %s", path, what);
    CHECK_EQ(r.open_code, FT_OK);
    CHECK_EQ(r.n, n);
    CHECK_EQ(r.n_told, 1);
    CHECK_EQ(r.told[0].code, code);
    CHECK_EQ(r.told[0].off, off);
    CHECK_STR(r.told[0].what, want);
    result_fini(&r);
}

static void test_words(void)
{
    struct cap c = {0};

    cap_pcap(&c, 0xa1b2c3d4, 4, 0, 1);
    cap_record(&c, 1, 1, 60, 60, 1);
    cap_record(&c, 1, 1, 60, 60, 1);
    c.len -= 10;
    check_told(&c, 1, FT_E_TRUNCATED, 100,
               "record at offset 100 is truncated: needs 76 bytes, 66 left");
    c.len = 107;
    check_told(&c, 1, FT_E_TRUNCATED, 100,
               "record at offset 100 is truncated: needs 16 bytes, 7 left");
    c.len = 20;
    check_told(&c, 0, FT_E_TRUNCATED, 0, "file header is truncated: needs 24 bytes, 20 left");
    c.len = 100;
    cap_record(&c, 1, 1, 0, 60, 1);
    c.p[111] = 0x7f; /* caplen 0x7f000000 */
    check_told(&c, 1, FT_E_CORRUPT, 100,
               "record at offset 100 is damaged: its captured length is beyond 16777216 bytes "
               "(2130706432)");
    c.len = 0;
    cap_shb(&c);
    cap_other(&c, 4, 100);
    c.len -= 20;
    check_told(&c, 0, FT_E_TRUNCATED, c.len - 92,
               "block at offset 48 is truncated: needs 112 bytes, 92 left");
    c.len = 48;
    cap_epb(&c, 3, 1, 1, 1, 1);
    check_told(&c, 0, FT_E_CORRUPT, 48,
               "block at offset 48 is damaged: its interface was not described (3)");
    cap_fini(&c);
}

static void test_every_corruption(void)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        size_t ends[N + 1];
        struct cap c = small_capture(kind, false, ends);

        for (size_t at = 0; at < c.len; at++) {
            static const uint8_t flips[] = {0xff, 0x80, 0x01};

            for (unsigned f = 0; f < sizeof flips; f++) {
                struct result r;

                c.p[at] ^= flips[f];
                r = run_file(tmp_write("c", c.p, c.len));
                c.p[at] ^= flips[f];
                CHECK(r.n_told <= 1);
                CHECK(r.n <= c.len / 16);
                for (unsigned i = 0; i < r.n_told; i++) {
                    CHECK(r.told[i].code == FT_E_TRUNCATED || r.told[i].code == FT_E_CORRUPT);
                    CHECK(r.told[i].off <= c.len);
                }
                result_fini(&r);
            }
        }
        cap_fini(&c);
    }
}

int main(void)
{
    tmp_make();
    RUN(test_every_truncation);
    RUN(test_packed_damage);
    RUN(test_words);
    RUN(test_every_corruption);
    tmp_remove();
    return test_end();
}
