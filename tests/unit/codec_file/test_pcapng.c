/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file/pcapng: blocks of every kind, times, sections, prefixes, corruptions. */
#include "codec/file/pcapng.h"

#include "codec_file/captures.h"
#include "harness.h"

enum { IFACES = 8, VIEWS = 32 };

struct run {
    struct ft_pcapng_iface ifaces[IFACES];
    struct ft_pcapng s;
    struct ft_walk w;
    struct ft_view v[VIEWS];
    uint32_t n;
    uint8_t *copy; /* exact size, so that ASan sees any over-read */
    int rc;
};

static void run(struct run *r, const uint8_t *p, size_t len)
{
    r->copy = malloc(len > 0 ? len : 1);
    memcpy(r->copy, p, len);
    r->n = 0;
    ft_pcapng_init(&r->s, r->ifaces, IFACES);
    ft_walk_set(&r->w, r->copy, len);
    r->rc = ft_pcapng_walk(&r->s, &r->w, r->v, VIEWS, &r->n);
}

/* Two sections of different byte order, every kind of block, 7 packets; ends: behind each block. */
static void build(struct cap *c, size_t *ends, unsigned *n_ends)
{
    unsigned n = 0;

    cap_shb(c), ends[n++] = c->len;
    cap_idb(c, 1, 64, -1, 0), ends[n++] = c->len;
    cap_other(c, 4, 24), ends[n++] = c->len; /* names */
    cap_epb(c, 0, 1700000000123456ull, 61, 1514, 1), ends[n++] = c->len;
    cap_idb(c, 101, 0, 9, 0), ends[n++] = c->len;
    cap_pb(c, 1, 1700000000123456789ull, 40, 40, 2), ends[n++] = c->len;
    cap_spb(c, 1000, 64, 3), ends[n++] = c->len;
    cap_other(c, 5, 40), ends[n++] = c->len; /* statistics */
    c->be = !c->be;
    cap_shb(c), ends[n++] = c->len;
    cap_other(c, 0xbad, 16), ends[n++] = c->len; /* custom */
    cap_idb(c, 113, 0, 0x80 | 10, -3600), ends[n++] = c->len;
    cap_epb(c, 0, 1024ull * 1700000000 + 512, 4, 4, 4), ends[n++] = c->len;
    cap_spb(c, 5, 5, 5), ends[n++] = c->len;
    cap_epb(c, 0, 0, 0, 0, 6), ends[n++] = c->len;
    cap_other(c, 0x77777777, 0), ends[n++] = c->len;
    cap_epb(c, 0, 3600 * 1024, 3, 2, 7), ends[n++] = c->len;
    *n_ends = n;
}

static void test_all_blocks(void)
{
    for (unsigned i = 0; i < 2; i++) {
        struct cap c = {.be = i};
        struct run r;
        size_t ends[32];
        unsigned n_ends;

        build(&c, ends, &n_ends);
        run(&r, c.p, c.len);
        CHECK_EQ(r.rc, FT_E_AGAIN);
        CHECK_EQ(r.n, 7);
        CHECK_EQ(ft_walk_left(&r.w), 0);
        CHECK_EQ(r.s.passed, 0);
        CHECK_EQ(r.v[0].ts_ns, 1700000000123456000);
        CHECK_EQ(r.v[0].caplen, 61);
        CHECK_EQ(r.v[0].len, 1514);
        CHECK_EQ(r.v[0].linktype, 1);
        CHECK_EQ(r.v[1].ts_ns, 1700000000123456789);
        CHECK_EQ(r.v[1].linktype, 101);
        CHECK_EQ(r.v[1].iface, 1);
        CHECK_EQ(r.v[2].ts_ns, 1700000000123456789); /* no time of its own */
        CHECK_EQ(r.v[2].caplen, 64);                 /* interface 0's snaplen */
        CHECK_EQ(r.v[2].len, 1000);
        CHECK_EQ(r.v[2].linktype, 1);
        CHECK_EQ(r.v[3].ts_ns, (1700000000 - 3600) * 1000000000ll + 500000000);
        CHECK_EQ(r.v[3].linktype, 113);
        CHECK_EQ(r.v[4].caplen, 5);
        CHECK_EQ(r.v[5].ts_ns, -3600ll * 1000000000);
        CHECK_EQ(r.v[6].ts_ns, 0);
        CHECK_EQ(r.v[6].len, 3); /* below caplen: raised */
        for (uint32_t k = 0; k < r.n; k++) {
            CHECK(r.v[k].caplen == 0 ||
                  r.v[k].data[r.v[k].caplen - 1] == cap_fill(k + 1, r.v[k].caplen - 1));
        }
        free(r.copy);
        cap_fini(&c);
    }
}

static void test_every_prefix(void)
{
    /* packets behind each block of build() */
    static const unsigned packets[] = {0, 0, 0, 1, 1, 2, 3, 3, 3, 3, 3, 4, 5, 6, 6, 7};
    struct cap c = {0};
    size_t ends[32];
    unsigned n_ends;

    build(&c, ends, &n_ends);
    for (size_t len = 0; len <= c.len; len++) {
        unsigned whole = 0;
        struct run r;

        run(&r, c.p, len);
        while (whole < n_ends && ends[whole] <= len) {
            whole++;
        }
        CHECK_EQ(r.rc, FT_E_AGAIN);
        CHECK_EQ(r.n, whole == 0 ? 0 : packets[whole - 1]);
        CHECK_EQ(r.w.p - r.copy - (ptrdiff_t)r.s.passed, whole == 0 ? 0 : ends[whole - 1]);
        CHECK(r.w.need > ft_walk_left(&r.w));
        free(r.copy);
    }
    cap_fini(&c);
}

/* The same file in windows of any size gives the same packets: skipping over window ends works. */
static void test_every_window(void)
{
    struct cap c = {0};
    size_t ends[32];
    unsigned n_ends;

    build(&c, ends, &n_ends);
    for (size_t step = 1; step < 200; step++) {
        struct ft_pcapng_iface ifaces[IFACES];
        struct ft_pcapng s;
        struct ft_view v[VIEWS];
        uint32_t n = 0;
        size_t from = 0, to = 0;

        ft_pcapng_init(&s, ifaces, IFACES);
        while (to < c.len) {
            struct ft_walk w;

            to = to + step < c.len ? to + step : c.len;
            ft_walk_set(&w, c.p + from, to - from);
            CHECK_EQ(ft_pcapng_walk(&s, &w, v, VIEWS, &n), FT_E_AGAIN);
            from = (size_t)(w.p - c.p);
        }
        CHECK_EQ(n, 7);
        CHECK_EQ(from, c.len);
        CHECK_EQ(s.passed, 0);
        CHECK_EQ(v[6].ts_ns, 0);
    }
    cap_fini(&c);
}

static void test_stops_at_first_packet(void)
{
    struct cap c = {0};
    struct run r;
    size_t ends[32];
    unsigned n_ends;

    build(&c, ends, &n_ends);
    run(&r, c.p, c.len);
    r.n = 0;
    ft_pcapng_init(&r.s, r.ifaces, IFACES);
    ft_walk_set(&r.w, r.copy, c.len);
    CHECK_EQ(ft_pcapng_walk(&r.s, &r.w, NULL, 0, &r.n), FT_OK);
    CHECK_EQ(r.s.n, 1);
    CHECK_EQ(r.w.p - r.copy, ends[2]);
    free(r.copy);
    cap_fini(&c);
}

/* Builds shb, idb, then what the case adds; checks code and place. */
static void check_damage(const struct cap *tail, bool with_idb, size_t want_off, const char *what)
{
    struct cap c = {0};
    struct run r;
    size_t before;

    cap_shb(&c);
    if (with_idb) {
        cap_idb(&c, 1, 0, -1, 0);
        cap_epb(&c, 0, 1, 20, 20, 1);
    }
    before = c.len;
    cap_bytes(&c, tail->p, tail->len);
    run(&r, c.p, c.len);
    CHECK_EQ(r.rc, FT_E_CORRUPT);
    CHECK_EQ(r.n, with_idb);
    CHECK_EQ((size_t)(r.w.p - r.copy) - r.s.passed, before + want_off);
    CHECK_STR(r.w.what != NULL ? r.w.what : "", what);
    CHECK_EQ(ft_pcapng_walk(&r.s, &r.w, r.v, VIEWS, &r.n), FT_E_CORRUPT); /* and stays so */
    free(r.copy);
    cap_fini(&c);
}

static void poke32(struct cap *c, size_t at, uint32_t v)
{
    memcpy(c->p + at, &v, 4);
}

static void test_damage(void)
{
    struct cap c = {0};

    cap_epb(&c, 1, 1, 20, 20, 1);
    check_damage(&c, true, 0, "its interface was not described");
    poke32(&c, 8, 0);
    check_damage(&c, false, 0, "its interface was not described");
    poke32(&c, 20, 33); /* 20 bytes of data and 12 of options are there */
    check_damage(&c, true, 0, "its captured length does not fit");
    poke32(&c, 20, UINT32_MAX);
    check_damage(&c, true, 0, "its captured length does not fit");
    poke32(&c, 20, 20);
    poke32(&c, c.len - 4, (uint32_t)c.len + 4);
    check_damage(&c, true, 0, "the length behind it differs");
    poke32(&c, 4, (uint32_t)c.len - 1);
    check_damage(&c, true, 0, "its length is not a multiple of 4");
    poke32(&c, 4, 28);
    check_damage(&c, true, 0, "its length is below the least for its type");
    poke32(&c, 4, 0xfffffffc);
    check_damage(&c, true, 0, "its length is beyond the limit");
    c.len = 0;
    cap_other(&c, 4, 64);
    poke32(&c, c.len - 4, 0);
    check_damage(&c, true, 0, "the length behind it differs");
    poke32(&c, 4, 8);
    check_damage(&c, true, 0, "its length is below the least for its type");
    c.len = 0;
    cap_spb(&c, 17, 16, 1);
    check_damage(&c, true, 0, "its captured length does not fit");
    check_damage(&c, false, 0, "its interface was not described");
    cap_fini(&c);
}

static void test_section_damage(void)
{
    struct cap c = {0};
    struct run r;

    cap_shb(&c);
    c.p[8] ^= 1;
    check_damage(&c, true, 0, "the byte order of its section is not known");
    c.p[8] ^= 1;
    c.p[12] = 2;
    check_damage(&c, true, 0, "the major version of its section is not known");
    c.p[12] = 1;
    c.p[26] = 0xff; /* length of the first option */
    check_damage(&c, true, 0, "an option is longer than its block");
    c.len = 0;
    cap_idb(&c, 1, 0, 6, 0);
    c.p[18] = 0xff;
    check_damage(&c, true, 0, "an option is longer than its block");
    c.len = 0;
    for (unsigned i = 0; i < IFACES; i++) {
        cap_idb(&c, 1, 0, 6, 0);
    }
    check_damage(&c, true, 7 * (c.len / IFACES), "its section has too many interfaces");
    run(&r, c.p, c.len);
    CHECK_EQ(r.rc, FT_E_CORRUPT);
    CHECK_STR(r.w.what, "it stands before any section");
    free(r.copy);
    cap_fini(&c);
}

static int64_t time_of(int resol, int64_t offset, uint64_t ts)
{
    struct cap c = {0};
    struct run r;
    int64_t ns;

    cap_shb(&c);
    cap_idb(&c, 1, 0, resol, offset);
    cap_epb(&c, 0, ts, 0, 0, 0);
    run(&r, c.p, c.len);
    CHECK_EQ(r.n, 1);
    ns = r.v[0].ts_ns;
    free(r.copy);
    cap_fini(&c);
    return ns;
}

static void test_times(void)
{
    CHECK_EQ(time_of(-1, 0, 1), 1000);
    CHECK_EQ(time_of(0, 0, 7), 7000000000);
    CHECK_EQ(time_of(3, 0, 7), 7000000);
    CHECK_EQ(time_of(9, 0, 7), 7);
    CHECK_EQ(time_of(12, 0, 7999), 7);
    CHECK_EQ(time_of(12, 0, UINT64_MAX), UINT64_MAX / 1000);
    CHECK_EQ(time_of(28, 0, UINT64_MAX), 1); /* 10^19 to a nanosecond */
    CHECK_EQ(time_of(29, 0, UINT64_MAX), 0);
    CHECK_EQ(time_of(127, 0, UINT64_MAX), 0);
    CHECK_EQ(time_of(9, 0, UINT64_MAX), INT64_MAX);
    CHECK_EQ(time_of(0, 0, UINT64_MAX), INT64_MAX);
    CHECK_EQ(time_of(6, 0, (uint64_t)INT64_MAX / 1000 + 1), INT64_MAX);
    CHECK_EQ(time_of(0x80, 0, 5), 5000000000);
    CHECK_EQ(time_of(0x80 | 32, 0, 3ull << 31), 1500000000);
    CHECK_EQ(time_of(0x80 | 64, 0, 1ull << 63), 500000000);
    CHECK_EQ(time_of(0x80 | 93, 0, UINT64_MAX), 1);
    CHECK_EQ(time_of(0x80 | 94, 0, UINT64_MAX), 0);
    CHECK_EQ(time_of(0xff, 0, UINT64_MAX), 0);
    CHECK_EQ(time_of(6, 10, 1), 10000001000);
    CHECK_EQ(time_of(6, -10, 1), -9999999000);
    CHECK_EQ(time_of(6, INT64_MAX, UINT64_MAX), INT64_MAX);
    CHECK_EQ(time_of(6, INT64_MIN, 0), INT64_MIN + 1); /* INT64_MIN is no time */
    CHECK_EQ(time_of(6, -9000000000, (uint64_t)10000000000000000), INT64_C(1000000000) * 1000000000);
}

/* Nothing but a code comes of any single wrong byte; views stay inside the file. */
static void test_every_corruption(void)
{
    struct cap c = {0};
    size_t ends[32];
    unsigned n_ends;

    build(&c, ends, &n_ends);
    for (size_t at = 0; at < c.len; at++) {
        for (unsigned bit = 0; bit < 9; bit++) {
            uint8_t saved = c.p[at];
            struct run r;

            c.p[at] = bit == 8 ? 0xff : (uint8_t)(saved ^ (1u << bit));
            run(&r, c.p, c.len);
            CHECK(r.rc == FT_E_AGAIN || r.rc == FT_E_CORRUPT || r.rc == FT_OK);
            for (uint32_t k = 0; k < r.n; k++) {
                CHECK(r.v[k].data >= r.copy && r.v[k].caplen <= r.copy + c.len - r.v[k].data);
                CHECK(r.v[k].len >= r.v[k].caplen);
            }
            free(r.copy);
            c.p[at] = saved;
        }
    }
    cap_fini(&c);
}

int main(void)
{
    RUN(test_all_blocks);
    RUN(test_every_prefix);
    RUN(test_every_window);
    RUN(test_stops_at_first_packet);
    RUN(test_damage);
    RUN(test_section_damage);
    RUN(test_times);
    RUN(test_every_corruption);
    return test_end();
}
