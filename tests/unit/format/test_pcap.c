/* SPDX-License-Identifier: Apache-2.0 */
/* format: pcap records byte for byte, as the reader of pcap files takes them apart again; the tag
 * that the kernel took off. */
#include "format/pcap.h"

#include "base/mem.h"
#include "codec/file/pcap.h"
#include "harness.h"

static uint32_t word(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static void test_header_is_taken(void)
{
    uint8_t head[FT_PCAP_HEADER_LEN];
    struct ft_pcap p;

    CHECK_EQ(ft_pcap_put_header(head, 1500, FT_LINK_LINUX_SLL2), sizeof head);
    CHECK_EQ(ft_pcap_parse(head, sizeof head, &p), FT_OK);
    CHECK_EQ(p.linktype, FT_LINK_LINUX_SLL2);
    CHECK_EQ(word(head + 16), 1500);
}

static void test_records(void)
{
    uint8_t data[100], *out = ft_mem_alloc(1, sizeof data + FT_PCAP_ROOM);
    struct ft_view v = {.data = data, .caplen = 100, .len = 120, .linktype = FT_LINK_RAW};

    for (uint8_t i = 0; i < 100; i++) {
        data[i] = i;
    }
    for (uint32_t snap = 1; snap < 130; snap++) {
        uint32_t kept = snap < 100 ? snap : 100;

        v.ts_ns = INT64_C(1719409375123456789);
        CHECK_EQ(ft_pcap_put_packet(out, &v, snap), 16 + kept);
        CHECK_EQ(word(out), 1719409375);
        CHECK_EQ(word(out + 4), 123456789);
        CHECK_EQ(word(out + 8), kept);
        CHECK_EQ(word(out + 12), 120);
        CHECK_MEM(out + 16, data, kept);
    }
    v.ts_ns = -1;
    ft_pcap_put_packet(out, &v, 10);
    CHECK_EQ(word(out), UINT32_MAX);
    CHECK_EQ(word(out + 4), 999999999);
    ft_mem_free(out);
}

/* Back where it was, cut where the snap says, in a block of exactly the promised size. */
static void test_tag_is_put_back(void)
{
    static const uint8_t tag[] = {0x81, 0x00, 0xa0, 0x07};

    for (uint32_t cap = 0; cap < 40; cap++) {
        for (uint32_t snap = 1; snap < 50; snap++) {
            uint32_t whole = cap < 12 ? cap : cap + 4, kept = whole < snap ? whole : snap;
            uint8_t *data = ft_mem_alloc(1, cap + 1), want[48],
                    *out = ft_mem_alloc(1, FT_PCAP_ROOM + (cap < snap ? cap : snap));
            struct ft_view v = {.data = data,
                                .caplen = cap,
                                .len = 60,
                                .linktype = FT_LINK_ETHERNET,
                                .vlan_tci = 0xa007,
                                .flags = FT_VIEW_VLAN};

            for (uint32_t i = 0; i < cap; i++) {
                data[i] = (uint8_t)(i + 1);
            }
            memcpy(want, data, cap < 12 ? cap : 12);
            if (cap >= 12) {
                memcpy(want + 12, tag, 4);
                memcpy(want + 16, data + 12, cap - 12);
            }
            CHECK_EQ(ft_pcap_put_packet(out, &v, snap), 16 + kept);
            CHECK_EQ(word(out + 8), kept);
            CHECK_EQ(word(out + 12), cap < 12 ? 60 : 64);
            CHECK_MEM(out + 16, want, kept);
            ft_mem_free(out);
            ft_mem_free(data);
        }
    }
}

int main(void)
{
    RUN(test_header_is_taken);
    RUN(test_records);
    RUN(test_tag_is_put_back);
    return test_end();
}
