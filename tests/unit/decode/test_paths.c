/* SPDX-License-Identifier: Apache-2.0 */
/* decode: what must hold of any bytes. Every view is in a heap block of its exact size, so that the
 * address sanitizer sees a read beyond it, and goes through both paths, which must agree. */
#include "frames.h"

static uint64_t rng = 0x9e3779b97f4a7c15;

static uint32_t below(uint32_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(((rng >> 32) * n) >> 32);
}

static enum ft_verdict decode_exact(uint16_t linktype, const uint8_t *data, uint32_t caplen,
                                    uint32_t len, struct ft_packet *out)
{
    uint8_t *exact = calloc(1, caplen > 0 ? caplen : 1);
    struct ft_view v = make_view(linktype, exact, caplen, len);
    enum ft_verdict verdict;

    memcpy(exact, data, caplen);
    verdict = decode_both(&v, out);
    free(exact);
    return verdict;
}

/* A frame cut by the snap length is the same packet as far as it decodes; it is never said to have
 * lengths that are wrong. */
static void check_cut(const struct frame *f, uint32_t cut)
{
    struct ft_packet whole, p;
    enum ft_verdict v = decode_exact(f->linktype, f->data, cut, f->len, &p);

    CHECK_EQ(decode_exact(f->linktype, f->data, f->len, f->len, &whole), FT_V_DECODED);
    CHECK(v != FT_V_IP4_LENGTH && v != FT_V_IP6_LENGTH && v != FT_V_TCP_OFFSET &&
          v != FT_V_UDP_LENGTH && v != FT_V_PPPOE_LENGTH && v != FT_V_IP4_IHL);
    if (v == FT_V_DECODED) {
        CHECK_MEM(&p.key, &whole.key, sizeof p.key);
        CHECK_EQ(p.hash, whole.hash);
        CHECK_EQ(p.frame_len, whole.frame_len);
        CHECK_EQ(p.ip_len, whole.ip_len);
        CHECK_EQ(p.frag, whole.frag);
        CHECK(p.payload_len >= whole.payload_len); /* more, when the data offset was cut off */
    }
}

static void test_prefixes(void)
{
    for (int i = 0; i < N_FRAMES; i++) {
        const struct frame *f = &frames[i];
        int before = test_case_failed;

        for (uint32_t n = 0; n < f->len; n++) {
            struct ft_packet p;

            check_cut(f, n);
            /* and really as short as that: what decodes now never says more than there is */
            if (decode_exact(f->linktype, f->data, n, n, &p) == FT_V_DECODED) {
                CHECK(p.payload_len <= p.ip_len && p.ip_len <= n && p.frame_len == n);
            }
        }
        if (test_case_failed > before) {
            fprintf(stderr, "  in frame \"%s\"\n", f->name);
        }
    }
}

/* every byte of every frame with every other value */
static void test_corruptions(void)
{
    uint8_t copy[256];

    for (int i = 0; i < N_FRAMES; i++) {
        const struct frame *f = &frames[i];

        memcpy(copy, f->data, f->len);
        for (uint32_t at = 0; at < f->len; at++) {
            for (int delta = 1; delta < 256; delta++) {
                struct ft_packet p;

                copy[at] = (uint8_t)(f->data[at] + delta);
                if (decode_exact(f->linktype, copy, f->len, f->len, &p) == FT_V_DECODED) {
                    CHECK(p.payload_len <= p.ip_len && p.ip_len <= f->len);
                }
            }
            copy[at] = f->data[at];
        }
    }
}

/* several bytes changed, cut or grown, another link type, a stripped tag */
static void test_mutations(void)
{
    static const uint16_t links[] = {0, 1, 1, 1, 12, 101, 108, 113, 228, 229, 276, 147};
    uint64_t decoded = 0;

    for (int i = 0; i < 300000; i++) {
        const struct frame *f = &frames[below(N_FRAMES)];
        uint8_t *exact = malloc(f->len);
        struct ft_view v = make_view(f->linktype, exact, f->len, f->len);
        struct ft_packet p;

        memcpy(exact, f->data, f->len);
        for (uint32_t k = below(4); k > 0; k--) {
            exact[below(f->len)] = (uint8_t)below(256);
        }
        v.caplen -= below(4) == 0 ? below(f->len) : 0;
        v.len = v.caplen + (below(4) == 0 ? below(100) : 0);
        v.flags = below(4) == 0 ? FT_VIEW_VLAN : 0;
        v.vlan_tci = (uint16_t)below(65536);
        if (below(16) == 0) {
            v.linktype = links[below(sizeof links / sizeof *links)];
        }
        decoded += decode_both(&v, &p) == FT_V_DECODED;
        free(exact);
    }
    CHECK(decoded > 30000);
}

/* nothing but noise behind the type */
static void test_noise(void)
{
    for (int i = 0; i < 100000; i++) {
        const struct frame *f = &frames[below(N_FRAMES)];
        uint32_t keep = below(f->len), len = keep + below(120);
        uint8_t data[512];
        struct ft_packet p;

        memcpy(data, f->data, keep);
        for (uint32_t k = keep; k < len; k++) {
            data[k] = (uint8_t)below(256);
        }
        if (decode_exact(f->linktype, data, len, len, &p) == FT_V_DECODED) {
            CHECK(p.payload_len <= p.ip_len && p.ip_len <= len);
        }
    }
}

/* a source that claims to have captured more than there was: the wire's length bounds it */
static void test_caplen_above_len(void)
{
    for (int i = 0; i < N_FRAMES; i++) {
        const struct frame *f = &frames[i];

        for (uint32_t len = 0; len < f->len; len++) {
            struct ft_view v = make_view(f->linktype, f->data, f->len, len);
            struct ft_view same = make_view(f->linktype, f->data, len, len);
            struct ft_packet a, b;
            enum ft_verdict verdict = decode_both(&v, &a);

            CHECK_EQ(verdict, decode_both(&same, &b));
            CHECK(verdict != FT_V_DECODED || same_packet(&a, &b));
        }
    }
}

int main(void)
{
    RUN(test_prefixes);
    RUN(test_corruptions);
    RUN(test_mutations);
    RUN(test_noise);
    RUN(test_caplen_above_len);
    return test_end();
}
