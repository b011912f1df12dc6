/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes decode/fragment: fragments of many datagrams in any order and at any time. The input is
 * commands of 8 bytes:
 *
 *     0 identification            4 ports, of first fragments
 *     1 bit 0 IPv6, 1 VLAN,       5 step of the clock
 *       2 tunnel, 3 the ends      6 so many times more
 *       the other way round,      7 bit 0 the batch ends here,
 *       4 IPv4 in IPv4,             1-7 bytes on the wire beyond the packet
 *       5 each time the next
 *       identification, 6 not a
 *       fragment, 7 more follow
 *     2 offset in units of 8      3 length
 *
 * Properties: what goes in comes out once, or is counted as an orphan or as reassembled, packets
 * and bytes; what was put together is what was in the fragments, and has the bytes of all of them;
 * never are more held than there is room for; a later fragment has the ports, the key and the hash
 * of the newest first fragment of its datagram; later fragments of a datagram, and packets that are
 * none, keep their order; nothing else of a packet changes, but one that was held names no payload.
 */
#include <string.h>

#include "decode/fragment.h"
#include "decode/key.h"
#include "must.h"

enum { COMMAND = 8, PACKETS = 6144, BATCH = 64, IDS = PACKETS + 256, KINDS = 32 };
enum {
    K_V6 = 1,
    K_VLAN = 2,
    K_TUNNEL = 4,
    K_BACK = 8,
    K_CARRIER = 0x10,
    K_NEXT = 0x20,
    K_WHOLE = 0x40,
    K_MORE = 0x80
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is known of a datagram by the packets that came out. */
struct known {
    uint32_t input; /* number of the input that wrote it: others hold nothing */
    uint32_t last_later;
    uint16_t sport, dport;
    bool ports;
};

struct sent {
    struct ft_packet pkt;
    uint32_t call; /* of ft_fragments_run() */
    uint16_t id;
    uint8_t kind;
    bool out;
};

struct run {
    struct ft_decoder decoder;
    struct ft_fragments *fragments;
    struct ft_packet batch[BATCH + FT_FRAGMENTS_HELD];
    uint32_t n; /* in batch */
    uint32_t n_sent, n_out, n_joined, calls;
    uint64_t sent_bytes, out_bytes;
    uint32_t last_whole, next_id;
    int64_t now_ns;
};

static struct known known[KINDS][IDS];
static struct sent sent[PACKETS + 1]; /* by the number that a packet carries; 0 is none */
static struct run run;
static uint32_t input;

/* What the first fragment of a carrier holds: a packet of 28 bytes, padded. */
static const uint8_t carried[28] = {0x45, 0, 0,   28, 0,   1, 0, 0,   64, 17,  0, 0, 198, 51,
                                    100,  7, 198, 51, 100, 8, 0, 111, 0,  222, 0, 8, 0,   0};

/* The key and the hash that a packet of this kind has with these ports. */
static void set_key(struct ft_packet *p, uint8_t kind, uint16_t sport, uint16_t dport)
{
    static const uint8_t ends[2][16] = {{192, 0, 2, 1, 9}, {192, 0, 2, 77, 1}};
    bool back = (kind & K_BACK) != 0;
    struct ft__ends e = {.sport = sport,
                         .dport = dport,
                         .scope = kind & K_VLAN ? FT_SCOPE_VLAN | 5 : 0,
                         .proto = kind & K_CARRIER ? 4 : 17,
                         .bits = kind & K_TUNNEL ? FT_KEY_TUNNEL : 0};
    const struct ft_hash_seed *seed = &run.decoder.seed;

    p->swap = kind & K_V6 ? ft__key_ip6(p, seed, ends[back], ends[!back], e)
                          : ft__key_ip4(p, seed, ends[back], ends[!back], e);
    if (kind & K_TUNNEL) {
        p->tunnel = FT_TUNNEL_VXLAN;
        p->tunnel_id = 7;
        p->tunnel_flags = FT_TUNNEL_ID | FT_TUNNEL_KEYED;
        p->hash = ft_hash_16(seed, p->hash, (uint64_t)p->tunnel << 32 | p->tunnel_id);
    }
}

static struct known *known_of(const struct sent *s)
{
    struct known *k = &known[s->kind & (KINDS - 1)][s->id];

    if (k->input != input) {
        *k = (struct known){.input = input};
    }
    return k;
}

/* A packet came out that none of those is that went in. */
static void check_carried(const struct ft_packet *p)
{
    MUST(p->frag == FT_FRAG_NONE && p->tunnel == FT_TUNNEL_IPIP && p->key.proto == 17);
    MUST(p->ip_len == 28 && p->payload_len == 0 && p->frame_len >= 48);
    MUST(memcmp(&p->key.addr[p->swap], carried + 12, 4) == 0);
    MUST(memcmp(&p->key.addr[!p->swap], carried + 16, 4) == 0);
    MUST(p->key.port[p->swap] == 111 && p->key.port[!p->swap] == 222 && p->payload_cap == 0);
    run.n_joined++;
    run.n_out++;
    run.out_bytes += p->frame_len;
}

/* A packet came out: it is one that went in. */
static void check_out(const struct ft_packet *p)
{
    if (p->tcp_ack == 0) {
        check_carried(p);
        return;
    }
    struct sent *s = &sent[p->tcp_ack];
    struct ft_packet as_it_was = *p, with_ports = s->pkt;
    struct known *k = known_of(s);

    MUST(p->tcp_ack > 0 && p->tcp_ack <= run.n_sent && !s->out);
    s->out = true;
    run.n_out++;
    run.out_bytes += p->frame_len;
    if (p->frag == FT_FRAG_FIRST) {
        k->ports = true;
        k->sport = s->pkt.key.port[s->pkt.swap];
        k->dport = s->pkt.key.port[!s->pkt.swap];
    } else if (p->frag == FT_FRAG_LATER) {
        MUST(k->ports && p->tcp_ack > k->last_later);
        k->last_later = p->tcp_ack;
        set_key(&with_ports, s->kind, k->sport, k->dport);
        MUST(s->call == run.calls || p->payload_cap == 0);
    } else {
        MUST(p->tcp_ack > run.last_whole);
        run.last_whole = p->tcp_ack;
    }
    MUST(p->hash == with_ports.hash && p->swap == with_ports.swap);
    as_it_was.payload_cap = with_ports.payload_cap;
    MUST(memcmp(&as_it_was, &with_ports, sizeof as_it_was) == 0);
}

static void check_batch(uint32_t n)
{
    MUST(n <= run.n + FT_FRAGMENTS_HELD);
    for (uint32_t i = 0; i < n; i++) {
        check_out(&run.batch[i]);
    }
}

static void end_batch(void)
{
    struct ft_decoder *d = &run.decoder;

    check_batch(ft_fragments_run(run.fragments, d, run.batch, run.n, NULL));
    MUST(d->verdict[FT_V_DECODED] + d->verdict[FT_V_FRAGMENT_ORPHAN] +
             d->verdict[FT_V_REASSEMBLED] ==
         run.n_sent);
    MUST(d->verdict[FT_V_DECODED] >= run.n_out);
    MUST(d->verdict[FT_V_DECODED] - run.n_out <= FT_FRAGMENTS_HELD);
    run.n = 0;
    run.calls++;
}

static void put(const uint8_t *c)
{
    static const int64_t steps[] = {0,           1000000,          -1000000,
                                    29999999999, INT64_C(1) << 62, -61000000000,
                                    31000000000, INT64_MIN / 4};
    uint8_t kind = c[1] & K_V6 ? c[1] & (uint8_t)~K_CARRIER : c[1];
    struct ft_packet *p = &run.batch[run.n++];
    struct sent *s = &sent[++run.n_sent];

    memset(p, 0, sizeof *p);
    run.next_id += (kind & K_NEXT) != 0;
    run.now_ns = (int64_t)((uint64_t)run.now_ns + (uint64_t)steps[c[5] & 7]);
    run.now_ns = run.now_ns == INT64_MIN ? 0 : run.now_ns;
    s->id = (uint16_t)(c[0] + (kind & K_NEXT ? run.next_id : 0));
    s->kind = kind;
    s->call = run.calls;
    s->out = false;
    p->ts_ns = run.now_ns;
    p->ip_len = 20u + c[3];
    p->frame_len = p->ip_len + (c[7] >> 1);
    p->tcp_ack = run.n_sent;
    p->payload = c;
    p->payload_cap = c[3] < 8 ? c[3] : 8;
    if ((kind & K_CARRIER) && c[2] == 0) {
        p->payload = carried;
        p->payload_cap = c[3] < sizeof carried ? c[3] : sizeof carried;
    }
    if ((kind & K_WHOLE) == 0) {
        p->frag = c[2] == 0 ? FT_FRAG_FIRST : FT_FRAG_LATER;
        p->frag_id = s->id;
        p->frag_off = (uint16_t)(c[2] * 8);
        p->frag_len = c[3];
        p->frag_more = (kind & K_MORE) != 0;
        p->frag_sum = c[4] % 4; /* of first fragments: they tell of the ports */
    }
    set_key(p, kind, p->frag == FT_FRAG_LATER ? 0 : 5000 + c[4] % 4,
            p->frag == FT_FRAG_LATER ? 0 : 53);
    s->pkt = *p;
    run.decoder.verdict[FT_V_DECODED]++;
    run.decoder.decoded_bytes += p->frame_len;
    run.sent_bytes += p->frame_len;
    if (run.n == BATCH) {
        end_batch();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ft_hash_seed seed;

    input++;
    memset(&run, 0, sizeof run);
    ft_hash_seed_fixed(&seed, 1);
    ft_decoder_init(&run.decoder, &seed);
    MUST(ft_fragments_new(&seed, &run.fragments) == FT_OK);
    run.now_ns = INT64_C(1700000000000000000);
    for (size_t at = 0; size - at >= COMMAND; at += COMMAND) {
        for (uint32_t i = 0; i <= data[at + 6] && run.n_sent < PACKETS; i++) {
            put(data + at);
        }
        if (data[at + 7] & 1) {
            end_batch();
        }
    }
    end_batch();
    check_batch(ft_fragments_end(run.fragments, &run.decoder, run.batch));
    MUST(run.decoder.verdict[FT_V_DECODED] == run.n_out);
    MUST(run.n_out + run.decoder.verdict[FT_V_FRAGMENT_ORPHAN] +
             run.decoder.verdict[FT_V_REASSEMBLED] ==
         run.n_sent);
    MUST(run.decoder.verdict[FT_V_REASSEMBLED] == 0 || run.n_joined > 0);
    MUST(run.decoder.decoded_bytes == run.out_bytes && run.out_bytes <= run.sent_bytes);
    MUST(run.decoder.fragment.held <= run.n_sent);
    ft_fragments_free(run.fragments);
    return 0;
}
