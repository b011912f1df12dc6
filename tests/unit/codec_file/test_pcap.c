/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file/pcap: headers of every kind, records of both byte orders, prefixes, damage. */
#include "codec/file/pcap.h"

#include "codec_file/captures.h"
#include "harness.h"

#define US  0xa1b2c3d4u
#define NS  0xa1b23c4du
#define MOD 0xa1b2cd34u

static int parse(const struct cap *c, struct ft_pcap *out)
{
    return ft_pcap_parse(c->p, c->len, out);
}

static void test_header_kinds(void)
{
    static const struct {
        uint32_t magic, frac_ns, record_len;
    } kinds[] = {{US, 1000, 16}, {NS, 1, 16}, {MOD, 1000, 24}};

    for (unsigned i = 0; i < 6; i++) {
        struct cap c = {.be = i % 2};
        struct ft_pcap h;

        cap_pcap(&c, kinds[i / 2].magic, 4, 65535, 0x34000071);
        CHECK(ft_pcap_is_magic(c.p));
        CHECK_EQ(parse(&c, &h), FT_OK);
        CHECK_EQ(h.swap, i % 2);
        CHECK_EQ(h.frac_ns, kinds[i / 2].frac_ns);
        CHECK_EQ(h.record_len, kinds[i / 2].record_len);
        CHECK_EQ(h.linktype, 113); /* upper bits are not the link type */
        CHECK_EQ(h.fcs_len, 6);
        CHECK_EQ(h.snaplen, 65535);
        for (size_t n = 0; n < 24; n++) {
            CHECK_EQ(ft_pcap_parse(c.p, n, &h), FT_E_TRUNCATED);
        }
        c.p[0] ^= 1;
        CHECK_EQ(parse(&c, &h), FT_E_FORMAT);
        cap_fini(&c);
    }
}

static void test_fcs_without_flag(void)
{
    struct cap c = {0};
    struct ft_pcap h;

    cap_pcap(&c, US, 4, 65535, 0x30000001); /* a length, but bit 26 does not say that it counts */
    CHECK_EQ(parse(&c, &h), FT_OK);
    CHECK_EQ(h.fcs_len, 0);
    CHECK_EQ(h.linktype, 1);
    cap_fini(&c);
}

static void test_versions(void)
{
    for (uint16_t minor = 0; minor < 7; minor++) {
        struct cap c = {0};
        struct ft_pcap h;

        cap_pcap(&c, US, minor, 65535, 1);
        CHECK_EQ(parse(&c, &h), minor <= 4 ? FT_OK : FT_E_UNSUPPORTED);
        CHECK_EQ(h.lens, minor < 3    ? FT_PCAP_LEN_FIRST
                         : minor == 3 ? FT_PCAP_SMALLER_IS_CAPLEN
                                      : FT_PCAP_CAPLEN_FIRST);
        cap_fini(&c);
    }
    for (uint16_t minor = 0; minor < 2; minor++) { /* 543.0 of DG/UX is like 2.2 */
        struct cap c = {0};
        struct ft_pcap h;

        cap_pcap(&c, US, minor, 65535, 1);
        c.p[4] = 0x1f;
        c.p[5] = 2;
        CHECK_EQ(parse(&c, &h), minor == 0 ? FT_OK : FT_E_UNSUPPORTED);
        CHECK_EQ(h.lens, FT_PCAP_LEN_FIRST);
        c.p[4] = 3;
        c.p[5] = 0;
        CHECK_EQ(parse(&c, &h), FT_E_UNSUPPORTED);
        CHECK_EQ(h.major, 3);
        cap_fini(&c);
    }
}

/* Walks the records behind the header, from an exact-size copy so that ASan sees any over-read. */
static int walk(const struct cap *c, size_t len, struct ft_walk *w, struct ft_view *views,
                uint32_t cap, uint32_t *n, uint8_t **copy)
{
    struct ft_pcap h;

    *copy = malloc(len > 0 ? len : 1);
    memcpy(*copy, c->p, len);
    *n = 0;
    if (ft_pcap_parse(*copy, len, &h) != FT_OK) {
        return FT_E_FORMAT;
    }
    ft_walk_set(w, *copy + 24, len - 24);
    return ft_pcap_walk(&h, w, views, cap, n);
}

static void test_records(void)
{
    for (unsigned i = 0; i < 6; i++) {
        static const uint32_t magics[] = {US, NS, MOD};
        uint32_t magic = magics[i / 2], n;
        struct cap c = {.be = i % 2};
        struct ft_view v[4];
        struct ft_walk w;
        uint8_t *copy;

        cap_pcap(&c, magic, 4, 96, 1);
        for (uint32_t k = 0; k < 3; k++) {
            cap_u32(&c, k == 2 ? UINT32_MAX : 1700000000 + k);
            cap_u32(&c, k == 2 ? UINT32_MAX : 123456);
            cap_u32(&c, 60 + k);
            cap_u32(&c, k == 0 ? 1514 : k == 1 ? 10 : 62); /* second: below caplen */
            if (magic == MOD) {
                cap_payload(&c, 99, 8);
            }
            cap_payload(&c, k, 60 + k);
        }
        CHECK_EQ(walk(&c, c.len, &w, v, 4, &n, &copy), FT_E_AGAIN);
        CHECK_EQ(n, 3);
        CHECK_EQ(ft_walk_left(&w), 0);
        CHECK_EQ(w.need, magic == MOD ? 24 : 16);
        CHECK_EQ(v[0].ts_ns, 1700000000000000000 + 123456 * (magic == NS ? 1 : 1000));
        CHECK_EQ(v[0].caplen, 60);
        CHECK_EQ(v[0].len, 1514);
        CHECK_EQ(v[1].len, 61);
        CHECK_EQ(v[2].ts_ns, UINT32_MAX * 1000000000ll + UINT32_MAX * (magic == NS ? 1 : 1000ll));
        for (uint32_t k = 0; k < n; k++) {
            CHECK_EQ(v[k].linktype, 1);
            CHECK_EQ(v[k].flags, 0);
            CHECK_EQ(v[k].data[59], cap_fill(k, 59));
        }
        free(copy);
        cap_fini(&c);
    }
}

static void test_old_lengths(void)
{
    for (uint16_t minor = 2; minor <= 3; minor++) {
        struct cap c = {0};
        struct ft_view v[2];
        struct ft_walk w;
        uint8_t *copy;
        uint32_t n;

        cap_pcap(&c, US, minor, 96, 1);
        for (uint32_t k = 0; k < 2; k++) {
            bool len_first = minor == 2 || k == 0;

            cap_u32(&c, 1);
            cap_u32(&c, 2);
            cap_u32(&c, len_first ? 100 : 20);
            cap_u32(&c, len_first ? 20 : 100);
            cap_payload(&c, k, 20);
        }
        CHECK_EQ(walk(&c, c.len, &w, v, 2, &n, &copy), FT_OK);
        CHECK_EQ(n, 2);
        CHECK_EQ(v[1].caplen, 20);
        CHECK_EQ(v[1].len, 100);
        free(copy);
        cap_fini(&c);
    }
}

static void test_every_prefix(void)
{
    struct cap c = {0};

    cap_pcap(&c, US, 4, 96, 1);
    for (uint32_t k = 0; k < 4; k++) {
        cap_record(&c, k, k, 10 * k, 10 * k, k); /* the first one is empty */
    }
    for (size_t len = 24; len <= c.len; len++) {
        static const size_t ends[] = {40, 66, 102, 148};
        struct ft_view v[8];
        struct ft_walk w;
        uint8_t *copy;
        uint32_t n, want = 0;
        size_t start;

        while (want < 4 && ends[want] <= len) {
            want++;
        }
        start = want == 0 ? 24 : ends[want - 1];
        CHECK_EQ(walk(&c, len, &w, v, 8, &n, &copy), FT_E_AGAIN);
        CHECK_EQ(n, want);
        CHECK_EQ(w.p - copy, start);
        CHECK_EQ(w.need, want == 4 || len - start < 16 ? 16 : ends[want] - start);
        free(copy);
    }
    cap_fini(&c);
}

static void test_cap_and_damage(void)
{
    struct cap c = {0};
    struct ft_view v[4];
    struct ft_pcap h;
    struct ft_walk w;
    uint8_t *copy;
    uint32_t n;

    cap_pcap(&c, US, 4, 96, 1);
    cap_record(&c, 1, 1, 30, 30, 1);
    cap_record(&c, 2, 2, 30, 30, 2);
    cap_u32(&c, 3);
    cap_u32(&c, 3);
    cap_u32(&c, FT_CAPLEN_MAX + 1);
    cap_u32(&c, FT_CAPLEN_MAX + 1);
    CHECK_EQ(walk(&c, c.len, &w, v, 1, &n, &copy), FT_OK);
    CHECK_EQ(n, 1);
    CHECK_EQ(ft_pcap_parse(copy, 24, &h), FT_OK);
    CHECK_EQ(ft_pcap_walk(&h, &w, v, 4, &n), FT_E_CORRUPT);
    CHECK_EQ(n, 2);
    CHECK_EQ(w.value, FT_CAPLEN_MAX + 1);
    CHECK_EQ(w.p - copy, 24 + 46 * 2);
    free(copy);
    c.p[24 + 46 * 2 + 8] = 0; /* exactly the limit: it is only not there */
    CHECK_EQ(walk(&c, c.len, &w, v, 4, &n, &copy), FT_E_AGAIN);
    CHECK_EQ(w.need, FT_CAPLEN_MAX + 16);
    free(copy);
    cap_fini(&c);
}

int main(void)
{
    RUN(test_header_kinds);
    RUN(test_fcs_without_flag);
    RUN(test_versions);
    RUN(test_records);
    RUN(test_old_lengths);
    RUN(test_every_prefix);
    RUN(test_cap_and_damage);
    return test_end();
}
