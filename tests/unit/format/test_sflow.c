/* SPDX-License-Identifier: Apache-2.0 */
/* format/sflow: what of a frame becomes a sample, by its link type, tag and length, in blocks of
 * exactly the promised size. */
#include "format/sflow.h"

#include "base/mem.h"
#include "base/rd.h"
#include "harness.h"

enum { HEAD = sizeof(struct ft_sflow_row), FIXED = 64 }; /* before the bytes: of the sample */

struct sample {
    struct ft_sflow_row row;
    uint32_t protocol, frame_len, stripped, header_len, records, len;
    uint8_t header[512];
};

/* Writes a row and takes it apart; false: none was made. */
static bool make(const struct ft_view *v, uint32_t ifindex, uint32_t header, struct sample *out)
{
    struct ft_sflow_row head = {.source = 3, .pool = 100, .drops = 2, .rate = 50};
    uint8_t *p = ft_mem_alloc(1, FT_SFLOW_ROW_MOST + header);
    size_t len = ft_sflow_put_packet(p, v, head, ifindex, header);

    memset(out, 0, sizeof *out);
    if (len > 0) {
        const uint8_t *s = p + HEAD;

        memcpy(&out->row, p, HEAD);
        CHECK_EQ(out->row.len, len);
        out->len = ft_load_be32(s + 4) + 8;
        CHECK_EQ(out->len + HEAD, len);
        out->records = ft_load_be32(s + 36);
        out->protocol = ft_load_be32(s + 48);
        out->frame_len = ft_load_be32(s + 52);
        out->stripped = ft_load_be32(s + 56);
        out->header_len = ft_load_be32(s + 60);
        memcpy(out->header, s + FIXED, out->header_len);
    }
    ft_mem_free(p);
    return len > 0;
}

static void test_ethernet(void)
{
    uint8_t data[60] = {0};
    struct sample s;

    for (uint8_t i = 0; i < sizeof data; i++) {
        data[i] = i;
    }
    for (uint32_t cap = 0; cap <= sizeof data; cap++) {
        for (uint32_t header = FT_SFLOW_HEADER_LEAST; header < 70; header++) {
            uint8_t *exact = ft_mem_alloc(1, cap > 0 ? cap : 1);
            struct ft_view v = {.data = exact,
                                .caplen = cap,
                                .len = 1514,
                                .linktype = FT_LINK_ETHERNET,
                                .ts_ns = 5};
            uint32_t want = cap < header ? cap : header;

            memcpy(exact, data, cap);
            CHECK(make(&v, 7, header, &s));
            CHECK_EQ(s.protocol, 1);
            CHECK_EQ(s.frame_len, 1518);
            CHECK_EQ(s.stripped, 4);
            CHECK_EQ(s.header_len, want);
            CHECK_EQ(s.records, 1);
            CHECK_MEM(s.header, data, want);
            CHECK_EQ(s.row.ts_ns, 5);
            CHECK_EQ(s.row.pool, 100);
            ft_mem_free(exact);
        }
    }
}

/* The tag that the kernel took off is back, and is told besides. */
static void test_tags(void)
{
    uint8_t data[40] = {0}, want[44] = {0};
    struct ft_view v = {.data = data,
                        .caplen = 40,
                        .len = 100,
                        .linktype = FT_LINK_ETHERNET,
                        .flags = FT_VIEW_VLAN,
                        .vlan_tci = 0x6123};
    struct sample s;

    for (uint8_t i = 0; i < 40; i++) {
        data[i] = (uint8_t)(i + 1);
    }
    memcpy(want, data, 12);
    memcpy(want + 12, "\x81\0\x61\x23", 4);
    memcpy(want + 16, data + 12, 28);
    for (uint32_t header = FT_SFLOW_HEADER_LEAST; header < 50; header++) {
        uint32_t kept = header < 44 ? header : 44;

        CHECK(make(&v, 7, header, &s));
        CHECK_EQ(s.header_len, kept);
        CHECK_MEM(s.header, want, kept);
        CHECK_EQ(s.frame_len, 108);
        CHECK_EQ(s.records, 2);
        CHECK_EQ(s.len, FIXED + ((kept + 3) & ~3u) + 24);
    }
    v.flags = 0; /* one that is still there */
    v.data = want;
    v.caplen = 44;
    CHECK(make(&v, 7, 128, &s));
    CHECK_EQ(s.records, 2);
    CHECK_EQ(s.frame_len, 104);
    v.caplen = 15; /* cut inside of it */
    CHECK(make(&v, 7, 128, &s));
    CHECK_EQ(s.records, 1);
}

static void test_directions(void)
{
    uint8_t data[14] = {0}, *p = ft_mem_alloc(1, FT_SFLOW_ROW_MOST + 16);
    struct ft_sflow_row head = {.rate = 1};
    static const uint16_t flags[] = {0, FT_VIEW_IN, FT_VIEW_OUT};

    for (int i = 0; i < 3; i++) {
        struct ft_view v = {
            .data = data, .caplen = 14, .len = 14, .linktype = FT_LINK_ETHERNET, .flags = flags[i]};

        CHECK(ft_sflow_put_packet(p, &v, head, 9, 16) > 0);
        CHECK_EQ(ft_load_be32(p + HEAD + 12), 9);
        CHECK_EQ(ft_load_be32(p + HEAD + 28), i < 2 ? 9 : 0);
        CHECK_EQ(ft_load_be32(p + HEAD + 32), i < 2 ? 0 : 9);
    }
    ft_mem_free(p);
}

static void test_links(void)
{
    static const struct {
        uint16_t link;
        uint32_t protocol; /* 0: none */
        uint32_t skip;
        uint8_t data[24];
    } cases[] = {
        {FT_LINK_RAW, 11, 0, {0x45}},
        {FT_LINK_RAW, 12, 0, {0x60}},
        {FT_LINK_RAW, 0, 0, {0x10}},
        {FT_LINK_IPV6, 12, 0, {0x6f}},
        {FT_LINK_RAW_BSD, 11, 0, {0x46}},
        {FT_LINK_NULL, 11, 4, {2, 0, 0, 0, 0x45}},
        {FT_LINK_LOOP, 12, 4, {0, 0, 0, 24, 0x60}},
        {FT_LINK_NULL, 0, 4, {23, 0, 0, 0, 0x83}},
        {FT_LINK_LINUX_SLL, 11, 16, {[14] = 8, 0, 0x45}},
        {FT_LINK_LINUX_SLL, 12, 16, {[14] = 0x86, 0xdd, 0x60}},
        {FT_LINK_LINUX_SLL, 0, 16, {[14] = 8, 6, 0x45}}, /* ARP */
        {FT_LINK_LINUX_SLL2, 11, 20, {[0] = 8, 0, [20] = 0x45}},
        {FT_LINK_LINUX_SLL2, 0, 20, {[0] = 8, 0, [20] = 0x60 ^ 0xf0}},
        {FT_LINK_TOKEN_RING, 3, 0, {1}},
        {FT_LINK_FDDI, 4, 0, {1}},
        {FT_LINK_FRELAY, 5, 0, {1}},
        {FT_LINK_PPP, 7, 0, {0xff, 3}},
        {FT_LINK_MPLS, 13, 0, {1}},
        {FT_LINK_PPP_HDLC, 14, 0, {0xff, 3}},
        {FT_LINK_IEEE802_11, 15, 0, {8}},
        {FT_LINK_RADIOTAP, 0, 0, {0}},
        {FT_LINK_C_HDLC, 0, 0, {0x0f}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (uint32_t cap = 0; cap <= sizeof cases[i].data; cap++) {
            uint8_t *exact = ft_mem_alloc(1, cap > 0 ? cap : 1);
            struct ft_view v = {
                .data = exact, .caplen = cap, .len = 100, .linktype = cases[i].link};
            bool whole = cap > cases[i].skip,
                 some = cases[i].skip > 0 || cases[i].protocol == 11 || cases[i].protocol == 12;
            struct sample s;

            memcpy(exact, cases[i].data, cap);
            bool made = make(&v, 0, 128, &s);

            if (cases[i].protocol == 0 || (some && !whole)) {
                CHECK(!made);
            } else {
                CHECK(made);
                CHECK_EQ(s.protocol, cases[i].protocol);
                CHECK_EQ(s.frame_len, 100 - cases[i].skip);
                CHECK_EQ(s.stripped, 0);
                CHECK_EQ(s.header_len, cap - cases[i].skip);
                CHECK_MEM(s.header, cases[i].data + cases[i].skip, s.header_len);
            }
            ft_mem_free(exact);
        }
    }
}

int main(void)
{
    RUN(test_ethernet);
    RUN(test_tags);
    RUN(test_directions);
    RUN(test_links);
    return test_end();
}
