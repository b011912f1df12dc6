/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: one frame through the decode stage.
 *
 *   byte 0   link type: index into links
 *   byte 1   bit 0: a tag was stripped (its TCI are the frame's first two bytes)
 *            bits 1-7: bytes on the wire that were not captured, times 3
 *   rest     the frame
 *
 * Holds of every input: one verdict; both paths agree on it and on the packet; lengths are within
 * the frame; a packet with its ends exchanged has the same key and hash and the other swap. */
#include "codec/net/tunnel.h"
#include "decode/decode.h"
#include "decode/general.h"
#include "decode/key.h"
#include "mutate.h"

MUTATE_AS(mutate_frame);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t links[] = {
    0,   1,   6,   9,   10,  12,  14,  50,  51,  100, 101, 104, 105, 107, 108, 109, 113,
    117, 119, 122, 123, 127, 130, 131, 132, 133, 134, 135, 136, 137, 138, 143, 163, 164,
    166, 167, 168, 178, 179, 180, 181, 183, 192, 194, 197, 200, 204, 205, 206, 219, 226,
    228, 229, 232, 233, 239, 240, 242, 258, 259, 276, 147, 8,   281, 282, 284, 285};

#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            __builtin_trap();                                                                      \
        }                                                                                          \
    } while (0)

enum { NAMED_PORTS = 12340 }; /* from here on, one for each tunnel, as with --tunnel-port */

static const struct ft_tunnel_ports *named_ports(void)
{
    static struct ft_tunnel_ports ports;
    enum ft_tunnel_udp other;

    if (ports.n == 0) {
        ports = ft_tunnel_ports_known;
        for (enum ft_tunnel_udp k = 0; k < FT_TUNNEL_UDP__COUNT; k++) {
            MUST(ft_tunnel_ports_add(&ports, k, (uint16_t)(NAMED_PORTS + k), &other) == FT_OK);
        }
    }
    return &ports;
}

/* What is NOT_IP has a type, or none: the table's sum is the verdict's count. */
static void check_types(const struct ft_decoder *d, uint64_t not_ip)
{
    uint64_t sum = d->types.other;

    for (uint32_t i = 0; i < d->types.used; i++) {
        sum += d->types.n[i];
    }
    MUST(sum == not_ip);
}

static enum ft_verdict decode_batch_of_one(struct ft_decoder *d, const struct ft_view *v,
                                           struct ft_packet *out)
{
    enum ft_verdict verdict = FT_V__COUNT;
    uint64_t sum = 0;
    uint32_t n;

    ft_decode_batch(d, v, 1, out, &n);
    for (int i = 0; i < FT_V__COUNT; i++) {
        sum += d->verdict[i];
        verdict = d->verdict[i] > 0 ? (enum ft_verdict)i : verdict;
    }
    MUST(sum == 1);
    MUST(n == (verdict == FT_V_DECODED));
    MUST(d->bytes == ft__frame_len(v));
    MUST(d->decoded_bytes == (n > 0 ? d->bytes : 0));
    return verdict;
}

static void check_packet(const struct ft_view *v, const struct ft_packet *p)
{
    MUST(p->frame_len == ft__frame_len(v));
    MUST(p->ip_len <= v->len);
    MUST(p->payload_len < p->ip_len);
    MUST(p->swap <= 1 && p->frag <= FT_FRAG_LATER);
    MUST(p->swap == 0 || (p->key.bits & FT_KEY_ONE_WAY) == 0);
}

/* The same ends the other way round. */
static void check_symmetry(const struct ft_hash_seed *seed, const struct ft_packet *p)
{
    struct ft__ends e = {.sport = p->key.port[!p->swap],
                         .dport = p->key.port[p->swap],
                         .scope = p->key.scope,
                         .proto = p->key.proto,
                         .bits = p->key.bits & FT_KEY_TUNNEL};
    const uint8_t *addr4 = (const uint8_t *)p->key.addr;
    struct ft_packet back;
    bool v6 = (p->key.bits & FT_KEY_V6) != 0, same_ends;

    if (p->key.bits & FT_KEY_ONE_WAY) {
        return;
    }
    back.swap =
        v6 ? ft__key_ip6(&back, seed, p->addr6 + (p->swap ? 0 : 16), p->addr6 + (p->swap ? 16 : 0),
                         e)
           : ft__key_ip4(&back, seed, addr4 + (p->swap ? 0 : 4), addr4 + (p->swap ? 4 : 0), e);
    MUST(memcmp(&back.key, &p->key, sizeof back.key) == 0);
    if (p->key.bits & FT_KEY_TUNNEL) {
        back.hash = ft_hash_16(seed, back.hash, (uint64_t)p->tunnel << 32 | p->tunnel_id);
    }
    MUST(back.hash == p->hash);
    MUST(!v6 || memcmp(back.addr6, p->addr6, sizeof back.addr6) == 0);
    same_ends = p->key.port[0] == p->key.port[1] &&
                (v6 ? memcmp(p->addr6, p->addr6 + 16, 16) == 0 : p->key.addr[0] == p->key.addr[1]);
    MUST(back.swap == (same_ends ? 0 : !p->swap));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ft_hash_seed seed = {{1, 2, 3, 4}};
    struct ft_packet fast, general;
    struct ft_decoder d;
    struct ft_view v;
    enum ft_verdict verdict;

    if (size < 2 || size > 70000) {
        return 0;
    }
    v = (struct ft_view){.data = data + 2,
                         .ts_ns = 1,
                         .caplen = (uint32_t)size - 2,
                         .len = (uint32_t)size - 2 + (data[1] >> 1) * 3u,
                         .linktype = links[data[0] % (sizeof links / sizeof *links)],
                         .flags = data[1] & 1 ? FT_VIEW_VLAN : 0,
                         .vlan_tci = size >= 4 ? ft_load_be16(data + 2) : 0};
    memset(&fast, 0xa5, sizeof fast);
    memset(&general, 0x5a, sizeof general);
    ft_decoder_init(&d, &seed);
    d.ports = named_ports();
    verdict = decode_batch_of_one(&d, &v, &fast);
    check_types(&d, verdict == FT_V_NOT_IP);
    MUST(verdict == ft__decode_general(&d, &v, &general));
    if (verdict == FT_V_DECODED) {
        bool v6 = (fast.key.bits & FT_KEY_V6) != 0;

        MUST(memcmp(&fast, &general, offsetof(struct ft_packet, addr6)) == 0);
        MUST(!v6 || memcmp(fast.addr6, general.addr6, sizeof fast.addr6) == 0);
        check_packet(&v, &fast);
        check_symmetry(&seed, &fast);
    }
    return 0;
}
