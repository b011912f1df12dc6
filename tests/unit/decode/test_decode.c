/* SPDX-License-Identifier: Apache-2.0 */
/* decode: the values of whole packets, keys, directions and the account. */
#include <arpa/inet.h>

#include "decode/key.h"
#include "frames.h"

static const uint8_t addrs6[32] = {ADDRS6};
static const uint8_t addrs4[8] = {ADDRS4};

/* The TCP data offset of a frame. */
static int offset_of(const struct frame *f)
{
    if (!f->want.tcp || strcmp(f->name, "ip4 short first fragment") == 0) {
        return 0; /* the fragment ends before it */
    }
    return strcmp(f->name, "tcp4 options") == 0 ? 6 : 5;
}

static void check_packet(const struct frame *f, const struct ft_packet *p)
{
    const struct expect *w = &f->want;

    CHECK_EQ(p->key.proto, w->proto);
    bool keyed = p->tunnel == FT_TUNNEL_PPPOE;
    uint64_t key_hash =
        ft_hash_16(&test_seed, ft_load_u64(&p->key), ft_load_u64((const uint8_t *)&p->key + 8));

    CHECK_EQ(strncmp(f->name, "pppoe", 5) == 0, keyed);
    CHECK_EQ(p->key.bits,
             w->bits | (w->version == 6 ? FT_KEY_V6 : 0) | (keyed ? FT_KEY_TUNNEL : 0));
    CHECK_EQ(p->key.scope, w->scope);
    CHECK_EQ(p->key.port[p->swap], w->sport);
    CHECK_EQ(p->key.port[!p->swap], w->dport);
    CHECK_EQ(p->swap, 0);
    if (w->version == 4) {
        CHECK_MEM(p->key.addr, addrs4, 8);
    } else {
        uint64_t hash = ft_hash_32(&test_seed, addrs6);

        CHECK_MEM(p->addr6, addrs6, 32);
        CHECK_MEM(p->key.addr, &hash, 8);
    }
    if (keyed) {
        key_hash = ft_hash_16(&test_seed, key_hash, (uint64_t)p->tunnel << 32 | p->tunnel_id);
    }
    CHECK_EQ(p->hash, key_hash);
    CHECK_EQ(p->ts_ns, 1700000000123456789);
    CHECK_EQ(p->frame_len, f->len);
    CHECK_EQ(p->ip_len, w->ip_len);
    CHECK_EQ(p->payload_len, w->payload_len);
    CHECK_EQ(p->frag, w->frag);
    CHECK_EQ(p->ttl, 61);
    CHECK_EQ(p->tos, 0xb8);
    CHECK_EQ(p->mark & ~FT_MARK_OFFSET, 0);
    CHECK_EQ(p->mark >> 4, offset_of(f));
    CHECK_EQ(p->tcp_flags, w->tcp ? FT_TCP_PSH | FT_TCP_ACK : 0);
    CHECK_EQ(p->tcp_window, w->tcp ? 502 : 0);
    if (strcmp(f->name, "ip4 short first fragment") == 0) {
        CHECK_EQ(p->tcp_seq, 9); /* the fragment ends right after it */
    } else {
        CHECK_EQ(p->tcp_seq, w->tcp ? 0x01020304 : 0);
    }
}

static void test_values(void)
{
    for (int i = 0; i < N_FRAMES; i++) {
        const struct frame *f = &frames[i];
        struct ft_view v = make_view(f->linktype, f->data, f->len, f->len);
        int before = test_case_failed;
        struct ft_packet p;

        CHECK_STR(ft_verdict_name(decode_both(&v, &p)), "decoded");
        check_packet(f, &p);
        if (test_case_failed > before) {
            fprintf(stderr, "  in frame \"%s\"\n", f->name);
        }
    }
}

/* a packet and its answer: one key, one hash, the sender told apart by swap */
static void check_pair(const uint8_t *there, const uint8_t *back, uint32_t len)
{
    struct ft_view v[2] = {make_view(1, there, len, len), make_view(1, back, len, len)};
    struct ft_packet p[2];

    CHECK_EQ(decode_both(&v[0], &p[0]), FT_V_DECODED);
    CHECK_EQ(decode_both(&v[1], &p[1]), FT_V_DECODED);
    CHECK_MEM(&p[0].key, &p[1].key, sizeof p[0].key);
    CHECK_EQ(p[0].hash, p[1].hash);
    CHECK_EQ(p[0].swap, 0);
    CHECK_EQ(p[1].swap, 1);
    if (p[0].key.bits & FT_KEY_V6) {
        CHECK_MEM(p[0].addr6, p[1].addr6, 32);
    }
}

static void test_directions(void)
{
    static const uint8_t tcp4[] = {ETH(0x0800), TCP4};
    static const uint8_t tcp6[] = {ETH(0x86dd), TCP6};
    static const uint8_t same4[] = {ETH(0x0800), UDP4};
    uint8_t back4[sizeof tcp4], back6[sizeof tcp6], one[sizeof same4], two[sizeof same4];

    memcpy(back4, tcp4, sizeof tcp4);
    memcpy(back4 + 26, addrs4 + 4, 4); /* source */
    memcpy(back4 + 30, addrs4, 4);     /* destination */
    memcpy(back4 + 34, tcp4 + 36, 2);  /* ports */
    memcpy(back4 + 36, tcp4 + 34, 2);
    check_pair(tcp4, back4, sizeof tcp4);

    memcpy(back6, tcp6, sizeof tcp6);
    memcpy(back6 + 22, addrs6 + 16, 16);
    memcpy(back6 + 38, addrs6, 16);
    memcpy(back6 + 54, tcp6 + 56, 2);
    memcpy(back6 + 56, tcp6 + 54, 2);
    check_pair(tcp6, back6, sizeof tcp6);

    memcpy(two, same4, sizeof same4); /* one address on both ends: the ports decide */
    memcpy(two + 30, addrs4, 4);
    memcpy(one, two, sizeof two);
    memcpy(one + 34, two + 36, 2); /* 53 -> 40000 */
    memcpy(one + 36, two + 34, 2);
    check_pair(one, two, sizeof one);
}

/* the order is that of the bytes on the wire, not of this machine's numbers */
static void test_order(void)
{
    uint8_t f4[] = {ETH(0x0800), UDP4}, f6[] = {ETH(0x86dd), UDP6};
    struct ft_view v4 = make_view(1, f4, sizeof f4, sizeof f4);
    struct ft_view v6 = make_view(1, f6, sizeof f6, sizeof f6);
    struct ft_packet p;

    memcpy(f4 + 26, (const uint8_t[]){1, 0, 0, 9}, 4);
    memcpy(f4 + 30, (const uint8_t[]){1, 0, 1, 0}, 4);
    CHECK_EQ(decode_both(&v4, &p), FT_V_DECODED);
    CHECK_EQ(p.swap, 0);
    CHECK_EQ(p.key.addr[0], htonl(0x01000009));
    memcpy(f4 + 26, (const uint8_t[]){200, 0, 0, 1}, 4); /* as a signed number it is below 0 */
    CHECK_EQ(decode_both(&v4, &p), FT_V_DECODED);
    CHECK_EQ(p.swap, 1);

    f6[22 + 7] = 9; /* source 2001:db8:0:9::1, destination ...:0:0::9 */
    CHECK_EQ(decode_both(&v6, &p), FT_V_DECODED);
    CHECK_EQ(p.swap, 1);
    f6[38 + 6] = 1; /* destination ...:0:100::9 */
    CHECK_EQ(decode_both(&v6, &p), FT_V_DECODED);
    CHECK_EQ(p.swap, 0);

    memcpy(f6 + 38, f6 + 22, 16); /* equal ends */
    memcpy(f6 + 56, f6 + 54, 2);
    CHECK_EQ(decode_both(&v6, &p), FT_V_DECODED);
    CHECK_EQ(p.swap, 0);
}

/* Community ID: request and reply share a key; what nothing answers keeps its direction */
static void test_icmp(void)
{
    static const uint8_t echo[] = {ETH(0x0800), IP4(28, 1), ICMP(8, 0)};
    uint8_t back[sizeof echo] = {0};
    struct ft_view v = make_view(1, back, sizeof back, sizeof back);
    struct ft_packet p;

    memcpy(back, echo, sizeof echo);
    memcpy(back + 26, addrs4 + 4, 4);
    memcpy(back + 30, addrs4, 4);
    back[34] = 0; /* echo reply */
    check_pair(echo, back, sizeof echo);

    back[34] = 11; /* time exceeded */
    CHECK_EQ(decode_both(&v, &p), FT_V_DECODED);
    CHECK_EQ(p.swap, 0);
    CHECK_EQ(p.key.bits, FT_KEY_ONE_WAY);
    CHECK_MEM(p.key.addr, back + 26, 8); /* the higher address is first: it is the source */
    CHECK_EQ(p.key.port[0], 11);
    CHECK_EQ(p.key.port[1], 0);
}

static void test_icmp6_one_way(void)
{
    uint8_t f[] = {ETH(0x86dd), IP6(8, 58), ICMP(1, 4)};
    struct ft_view v = make_view(1, f, sizeof f, sizeof f);
    struct ft_packet p;

    memcpy(f + 22, addrs6 + 16, 16);
    memcpy(f + 38, addrs6, 16);
    CHECK_EQ(decode_both(&v, &p), FT_V_DECODED);
    CHECK_EQ(p.swap, 0);
    CHECK_EQ(p.key.bits, FT_KEY_ONE_WAY | FT_KEY_V6);
    CHECK_MEM(p.addr6, f + 22, 32);
    CHECK_EQ(p.key.port[0], 1);
    CHECK_EQ(p.key.port[1], 4);
}

/* a tag that the kernel took off gives the packet that the tagged frame gives */
static void test_stripped_tag(void)
{
    static const uint8_t tagged[] = {ETH(0x8100), TAG(0x6007, 0x0800), TCP4};
    static const uint8_t bare[] = {ETH(0x0800), TCP4};
    static const uint8_t inner[] = {ETH(0x8100), TAG(9, 0x0800), TCP4};
    struct ft_view a = make_view(1, tagged, sizeof tagged, sizeof tagged);
    struct ft_view b = make_view(1, bare, sizeof bare, sizeof bare);
    struct ft_packet pa, pb;

    b.flags = FT_VIEW_VLAN;
    b.vlan_tci = 0x6007;
    CHECK_EQ(decode_both(&a, &pa), FT_V_DECODED);
    CHECK_EQ(decode_both(&b, &pb), FT_V_DECODED);
    CHECK(same_packet(&pa, &pb));
    CHECK_EQ(pb.frame_len, sizeof tagged);
    CHECK_EQ(pb.ip_len, 44);

    b.vlan_tci = 0xe000; /* priority only */
    CHECK_EQ(decode_both(&b, &pb), FT_V_DECODED);
    CHECK_EQ(pb.key.scope, 0);

    b = make_view(1, inner, sizeof inner, sizeof inner); /* the innermost wins */
    b.flags = FT_VIEW_VLAN;
    b.vlan_tci = 100;
    CHECK_EQ(decode_both(&b, &pb), FT_V_DECODED);
    CHECK_EQ(pb.key.scope, VID(9));
}

/* packets above 65535 bytes: only the first of them is captured, the lengths are the wire's */
static void test_big(void)
{
    static const uint8_t tso4[] = {ETH(0x0800), IP4(0, 6), TCP};
    static const uint8_t gro6[] = {ETH(0x86dd), IP6(0, 6), TCP};
    static const uint8_t jumbo[] = {ETH(0x86dd), IP6(0, 0), 6, 0, 0xc2, 4, B4(80000), TCP};
    static const uint8_t padded[] = {ETH(0x86dd),
                                     IP6(0, 0),
                                     17,
                                     1,
                                     0,
                                     1,
                                     0,
                                     5,
                                     2,
                                     0,
                                     0,
                                     /* Pad1, PadN, router alert */ 0,
                                     0xc2,
                                     4,
                                     B4(70016),
                                     0,
                                     UDP(0)};
    struct ft_view v = make_view(1, tso4, sizeof tso4, 14 + 80040);
    struct ft_packet p;

    CHECK_EQ(decode_both(&v, &p), FT_V_DECODED);
    CHECK_EQ(p.ip_len, 80040);
    CHECK_EQ(p.payload_len, 80000);
    v = make_view(1, gro6, sizeof gro6, 14 + 80060);
    CHECK_EQ(decode_both(&v, &p), FT_V_DECODED);
    CHECK_EQ(p.ip_len, 80060);
    CHECK_EQ(p.payload_len, 80000);
    v = make_view(1, jumbo, sizeof jumbo, 14 + 40 + 80000 + 6); /* 6 of padding */
    CHECK_EQ(decode_both(&v, &p), FT_V_DECODED);
    CHECK_EQ(p.ip_len, 80040);
    CHECK_EQ(p.payload_len, 80000 - 8 - 20);
    CHECK_EQ(p.frame_len, 14 + 40 + 80000 + 6);
    v.len = 14 + 40 + 79999;
    CHECK_EQ(decode_both(&v, &p), FT_V_IP6_LENGTH);
    v = make_view(1, padded, sizeof padded, 14 + 40 + 70020);
    CHECK_EQ(decode_both(&v, &p), FT_V_DECODED);
    CHECK_EQ(p.ip_len, 40 + 70016);
    CHECK_EQ(p.payload_len, 70016 - 16 - 8);
}

/* the frame of 2^32 - 1 bytes that a file can claim */
static void test_claimed_length(void)
{
    static const uint8_t tso4[] = {ETH(0x0800), IP4(0, 17), UDP(0)};
    struct ft_view v = make_view(1, tso4, sizeof tso4, UINT32_MAX);
    struct ft_packet p;

    CHECK_EQ(decode_both(&v, &p), FT_V_DECODED);
    CHECK_EQ(p.frame_len, UINT32_MAX);
    CHECK_EQ(p.ip_len, UINT32_MAX - 14);
    CHECK_EQ(p.payload_len, UINT32_MAX - 14 - 28);
}

/* TCP cut by the snap length: what was captured is there, the rest is 0, lengths stay */
static void test_cut_tcp(void)
{
    static const uint8_t f[] = {ETH(0x0800), IP4(60, 6), TCPX(8), 1, 1, 1, 1,     1,    1,
                                1,           1,          1,       1, 1, 1, DATA4, DATA4};
    static const struct {
        uint32_t cap; /* bytes of the TCP header */
        uint32_t seq, payload;
        uint16_t window;
        uint8_t flags;
    } rows[] = {
        {4, 0, 20, 0, 0},
        {7, 0, 20, 0, 0},
        {8, 0x01020304, 20, 0, 0},
        {12, 0x01020304, 20, 0, 0},
        {13, 0x01020304, 8, 0, 0},
        {14, 0x01020304, 8, 0, 0x18},
        {16, 0x01020304, 8, 502, 0x18},
        {40, 0x01020304, 8, 502, 0x18},
    };
    struct ft_packet p;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ft_view v = make_view(1, f, 34 + rows[i].cap, sizeof f);

        CHECK_EQ(decode_both(&v, &p), FT_V_DECODED);
        CHECK_EQ(p.key.port[0], 40000);
        CHECK_EQ(p.tcp_seq, rows[i].seq);
        CHECK_EQ(p.tcp_flags, rows[i].flags);
        CHECK_EQ(p.tcp_window, rows[i].window);
        CHECK_EQ(p.payload_len, rows[i].payload);
        CHECK_EQ(p.ip_len, 60);
        CHECK_EQ(p.frame_len, sizeof f);
    }
}

/* packets come out in order and packed; every view is counted once */
static void test_batch(void)
{
    static const uint8_t arp[] = {ETH(0x0806), 0, 1};
    struct ft_view views[4 * N_FRAMES];
    struct ft_packet out[4 * N_FRAMES];
    struct ft_decoder d;
    uint32_t n_views = 0, n_out;
    uint64_t bytes = 0, decoded_bytes = 0;

    for (int i = 0; i < N_FRAMES; i++) {
        const struct frame *f = &frames[i];

        views[n_views] = make_view(f->linktype, f->data, f->len, f->len);
        views[n_views++].ts_ns = i;
        views[n_views++] = make_view(1, arp, sizeof arp, 60);
        views[n_views] = make_view(f->linktype, f->data, f->len, f->len);
        views[n_views++].flags = FT_VIEW_FILTERED;
        views[n_views++] = make_view(147, f->data, f->len, f->len);
        decoded_bytes += f->len;
        bytes += 3 * (uint64_t)f->len + 60;
    }
    ft_decoder_init(&d, &test_seed);
    ft_decode_batch(&d, views, n_views, out, &n_out);
    CHECK_EQ(n_out, N_FRAMES);
    for (uint32_t i = 0; i < n_out; i++) {
        CHECK_EQ(out[i].ts_ns, i);
        CHECK_EQ(out[i].frame_len, frames[i].len);
    }
    CHECK_EQ(d.verdict[FT_V_DECODED], N_FRAMES);
    CHECK_EQ(d.verdict[FT_V_NOT_IP], N_FRAMES);
    CHECK_EQ(d.verdict[FT_V_FILTERED], N_FRAMES);
    CHECK_EQ(d.verdict[FT_V_LINK_TYPE], N_FRAMES);
    CHECK_EQ(d.bytes, bytes);
    CHECK_EQ(d.decoded_bytes, decoded_bytes);
    ft_decode_batch(&d, views, 0, out, &n_out);
    CHECK_EQ(n_out, 0);
    CHECK_EQ(d.bytes, bytes);
}

/* a filtered view is not looked at */
static void test_filtered(void)
{
    struct ft_view v = make_view(1, NULL, 1000, 1000);
    struct ft_packet out[1];
    struct ft_decoder d;
    uint32_t n;

    v.flags = FT_VIEW_FILTERED | FT_VIEW_VLAN;
    ft_decoder_init(&d, &test_seed);
    ft_decode_batch(&d, &v, 1, out, &n);
    CHECK_EQ(n, 0);
    CHECK_EQ(d.verdict[FT_V_FILTERED], 1);
    CHECK_EQ(d.bytes, 1004);
    CHECK_EQ(d.decoded_bytes, 0);
}

static void test_linktypes(void)
{
    static const uint16_t supported[] = {
        0,   1,   6,   8,   9,   10,  12,  14,  50,  51,  100, 101, 104, 105, 107, 108, 109,
        113, 117, 119, 122, 123, 127, 130, 131, 132, 133, 134, 135, 136, 137, 138, 143, 163,
        164, 166, 167, 168, 178, 179, 180, 181, 183, 192, 194, 197, 200, 204, 205, 206, 219,
        226, 228, 229, 232, 233, 239, 240, 242, 258, 259, 276, 281, 282, 284, 285};
    struct ft_decoder d;
    uint32_t n = 0;

    ft_decoder_init(&d, &test_seed);

    for (size_t i = 0; i < sizeof supported / sizeof *supported; i++) {
        CHECK(ft_linktype_supported(supported[i]));
    }
    for (uint32_t t = 0; t < 65536; t++) {
        struct ft_view v = make_view((uint16_t)t, NULL, 0, 0);
        bool known = ft_linktype_supported((uint16_t)t);
        struct ft_packet p;

        n += known;
        CHECK(ft_linktype_name((uint16_t)t) != NULL);
        CHECK_EQ(ft__decode_general(&d, &v, &p) != FT_V_LINK_TYPE, known);
    }
    CHECK_EQ(n, sizeof supported / sizeof *supported);
    CHECK_STR(ft_linktype_name(1), "EN10MB");
    CHECK_STR(ft_linktype_name(127), "IEEE802_11_RADIO");
    CHECK_STR(ft_linktype_name(276), "LINUX_SLL2");
    CHECK_STR(ft_linktype_name(60000), "unassigned");
}

int main(void)
{
    RUN(test_values);
    RUN(test_directions);
    RUN(test_order);
    RUN(test_icmp);
    RUN(test_icmp6_one_way);
    RUN(test_stripped_tag);
    RUN(test_big);
    RUN(test_claimed_length);
    RUN(test_cut_tcp);
    RUN(test_batch);
    RUN(test_filtered);
    RUN(test_linktypes);
    return test_end();
}
