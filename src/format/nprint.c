/* SPDX-License-Identifier: Apache-2.0 */
/* format: nPrint's table, see nprint.h. */
#include "format/nprint.h"

#include <string.h>

#include "codec/text/digits.h"

enum { PACKETS, PAYLOAD };                    /* options of the profile */
enum { BIT = 3, INDEX = 2 * 46 + 2 * 6 + 5 }; /* most bytes of a cell, "-1,", and of the first */
enum { TCP = 6, UDP = 17 };

/* The fields, and how many bits each has; the payload's are as many as were asked for. */
static const struct {
    const char *name;
    uint16_t bits;
} fields[] = {
    {"ipv4_ver", 4},   {"ipv4_hl", 4},     {"ipv4_tos", 8},   {"ipv4_tl", 16},    {"ipv4_id", 16},
    {"ipv4_rbit", 1},  {"ipv4_dfbit", 1},  {"ipv4_mfbit", 1}, {"ipv4_foff", 13},  {"ipv4_ttl", 8},
    {"ipv4_proto", 8}, {"ipv4_cksum", 16}, {"ipv4_src", 32},  {"ipv4_dst", 32},   {"ipv4_opt", 320},
    {"ipv6_ver", 4},   {"ipv6_tc", 8},     {"ipv6_fl", 20},   {"ipv6_len", 16},   {"ipv6_nh", 8},
    {"ipv6_hl", 8},    {"ipv6_src", 128},  {"ipv6_dst", 128}, {"tcp_sprt", 16},   {"tcp_dprt", 16},
    {"tcp_seq", 32},   {"tcp_ackn", 32},   {"tcp_doff", 4},   {"tcp_res", 3},     {"tcp_ns", 1},
    {"tcp_cwr", 1},    {"tcp_ece", 1},     {"tcp_urg", 1},    {"tcp_ackf", 1},    {"tcp_psh", 1},
    {"tcp_rst", 1},    {"tcp_syn", 1},     {"tcp_fin", 1},    {"tcp_wsize", 16},  {"tcp_cksum", 16},
    {"tcp_urp", 16},   {"tcp_opt", 320},   {"udp_sport", 16}, {"udp_dport", 16},  {"udp_len", 16},
    {"udp_cksum", 16}, {"icmp_type", 8},   {"icmp_code", 8},  {"icmp_cksum", 16}, {"icmp_roh", 32},
};

int ft__nprint_open(const struct ft_format_config *cfg, uint32_t *out_payload, size_t *out_max,
                    struct ft_err *err)
{
    const uint64_t *option = cfg->options->of[FT_PART_NPRINT];
    size_t line = INDEX + (FT_NPRINT_HEADERS + (size_t)option[PAYLOAD]) * 8 * BIT;

    if (cfg->hidden) {
        return ft_err_set(err, FT_E_USAGE,
                          "dialect=nprint: carries headers of packets: not with --anonymize or "
                          "--no-identity");
    }
    *out_payload = (uint32_t)option[PAYLOAD];
    *out_max = option[PACKETS] * line + FT_PUT_SLACK;
    if (*out_max > FT_FORMAT_MAX) {
        return ft_err_set(err, FT_E_USAGE,
                          "dialect=nprint has lines of at most %zu packets of a flow with so much "
                          "payload (--nprint-packets)",
                          (FT_FORMAT_MAX - FT_PUT_SLACK) / line);
    }
    return FT_OK;
}

/* ---- header ---- */

static uint8_t *put_names(uint8_t *p, const char *name, uint32_t bits)
{
    for (uint32_t i = 0; i < bits; i++) {
        *p++ = ',';
        p = ft_put_str(p, name);
        *p++ = '_';
        p = ft_put_u64(p, i);
    }
    return p;
}

size_t ft__nprint_header(uint32_t payload, uint8_t *out)
{
    uint8_t *p = FT_PUT_LIT(out, "flow");

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        p = put_names(p, fields[i].name, fields[i].bits);
    }
    p = put_names(p, "payload_bit", payload * 8);
    *p++ = '\n';
    return (size_t)(p - out);
}

/* ---- lines ---- */

static uint8_t *put_port(uint8_t *p, const struct ft_flow_record *rec, uint16_t port)
{
    return rec->proto == TCP || rec->proto == UDP ? ft_put_u64(p, port) : FT_PUT_LIT(p, "NULL");
}

static uint8_t *put_addr(uint8_t *p, const struct ft_flow_record *rec, const uint8_t *addr)
{
    return rec->ip_version == 4 ? ft_put_ip4(p, addr) : ft_put_ip6(p, addr);
}

/* The name that all packets of the flow have. */
static uint8_t *put_index(uint8_t *p, const struct ft_flow_record *rec)
{
    p = put_addr(p, rec, rec->src);
    *p++ = '_';
    p = put_addr(p, rec, rec->dst);
    *p++ = '_';
    p = put_port(p, rec, rec->src_port);
    *p++ = '_';
    p = put_port(p, rec, rec->dst_port);
    *p++ = '_';
    return rec->proto == TCP   ? FT_PUT_LIT(p, "TCP")
           : rec->proto == UDP ? FT_PUT_LIT(p, "UDP")
                               : FT_PUT_LIT(p, "NULL");
}

/* Width bytes, of which len are there. */
static uint8_t *put_bits(uint8_t *p, const uint8_t *bytes, uint32_t len, uint32_t width)
{
    for (uint32_t i = 0; i < len; i++) {
        for (int bit = 7; bit >= 0; bit--) {
            *p++ = ',';
            *p++ = (uint8_t)('0' + (bytes[i] >> bit & 1));
        }
    }
    for (uint32_t i = len * 8; i < width * 8; i++) {
        p = FT_PUT_LIT(p, ",-1");
    }
    return p;
}

size_t ft__nprint_rows(const struct ft_flow_record *rec, uint8_t *out)
{
    const struct ft_nprint_record *r = rec->part[FT_PART_NPRINT];
    const uint8_t *bytes = r->bytes;
    uint8_t *p = out;

    for (uint32_t i = 0; i < r->packets; i++) {
        p = put_index(p, rec);
        for (uint32_t k = 0; k < FT_NPRINT__COUNT; k++) {
            uint32_t width = k == FT_NPRINT_DATA ? r->payload : ft_nprint_widths[k];

            p = put_bits(p, bytes, r->lengths[i][k], width);
            bytes += width;
        }
        *p++ = '\n';
    }
    return (size_t)(p - out);
}
