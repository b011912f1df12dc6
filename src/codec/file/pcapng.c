/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file: pcapng blocks, see pcapng.h. */
#include "codec/file/pcapng.h"

#include <string.h>

enum {
    BLOCK_IDB = 1,
    BLOCK_PB = 2, /* obsolete packet block */
    BLOCK_SPB = 3,
    BLOCK_EPB = 6,
    BLOCK_MIN = 12,
    BLOCK_MAX = FT_CAPLEN_MAX + 65536,
    OPT_END = 0,
    OPT_TSRESOL = 9,
    OPT_TSOFFSET = 14,
};

static uint32_t u32(const struct ft_pcapng *f, const uint8_t *p)
{
    uint32_t v = ft_load_u32(p);

    return f->swapped ? bswap_32(v) : v;
}

static uint16_t u16(const struct ft_pcapng *f, const uint8_t *p)
{
    uint16_t v = ft_load_u16(p);

    return f->swapped ? bswap_16(v) : v;
}

static uint64_t u64(const struct ft_pcapng *f, const uint8_t *p)
{
    uint64_t v = ft_load_u64(p);

    return f->swapped ? bswap_64(v) : v;
}

/* ns since 1970 of a timestamp in the interface's units, saturating. */
static int64_t to_ns(const struct ft_pcapng_iface *i, uint64_t ts)
{
    __int128 ns;

    if (i->units == 1000000) {
        ns = (__int128)ts * 1000;
    } else if (i->units == 1000000000) {
        ns = ts;
    } else {
        ns = (__int128)(ts / i->units) * 1000000000 +
             (__int128)((unsigned __int128)(ts % i->units) * 1000000000 / i->units);
    }
    ns += (__int128)i->offset_s * 1000000000;
    return ns > INT64_MAX ? INT64_MAX : ns < -INT64_MAX ? -INT64_MAX : (int64_t)ns;
}

/* Units per second of an if_tsresol octet; 0 when it cannot be counted in 64 bits. */
static uint64_t units_of(uint8_t resol)
{
    uint64_t units = 1;

    if (resol & 0x80) {
        return (resol & 0x7f) < 64 ? UINT64_C(1) << (resol & 0x7f) : 0;
    }
    for (uint8_t i = 0; i < resol; i++) {
        if (__builtin_mul_overflow(units, 10u, &units)) {
            return 0;
        }
    }
    return units;
}

static bool read_options(const struct ft_pcapng *f, struct ft_rd rd, struct ft_pcapng_iface *i)
{
    while (ft_rd_left(&rd) >= 4) {
        const uint8_t *head = ft_rd_view(&rd, 4);
        uint16_t code = u16(f, head), len = u16(f, head + 2);
        const uint8_t *value = ft_rd_view(&rd, ((uint32_t)len + 3) & ~3u);

        if (code == OPT_END) {
            return true;
        }
        if (value == NULL) {
            return false;
        }
        if (code == OPT_TSRESOL && len == 1) {
            i->units = units_of(value[0]);
        } else if (code == OPT_TSOFFSET && len == 8) {
            i->offset_s = (int64_t)u64(f, value);
        }
    }
    return i->units != 0;
}

static const char *read_iface(struct ft_pcapng *f, struct ft_rd body)
{
    const uint8_t *p = ft_rd_view(&body, 8);

    if (p == NULL) {
        return "an interface description is too short";
    }
    if (f->n_ifaces == FT_PCAPNG_IFACES) {
        return "a section has more than 1024 interfaces";
    }
    struct ft_pcapng_iface *i = &f->ifaces[f->n_ifaces];

    *i =
        (struct ft_pcapng_iface){.units = 1000000, .snaplen = u32(f, p + 4), .linktype = u16(f, p)};
    if (!read_options(f, body, i) || i->units == 0) {
        return "an interface description has damaged options";
    }
    f->n_ifaces++;
    return NULL;
}

/* Fills a packet from its interface, time and lengths; the data comes next in body. */
static const char *fill(const struct ft_pcapng *f, struct ft_rd *body, uint64_t ts,
                        struct ft_pcapng_block *out)
{
    if (out->iface >= f->n_ifaces) {
        return "a packet names an interface that is not described";
    }
    if (out->caplen > FT_CAPLEN_MAX) {
        return "a packet is longer than 16 MiB";
    }
    out->data = ft_rd_view(body, out->caplen);
    if (out->data == NULL) {
        return "a packet is longer than its block";
    }
    out->ts_ns = to_ns(&f->ifaces[out->iface], ts);
    out->wire_len = out->wire_len < out->caplen ? out->caplen : out->wire_len;
    out->kind = FT_PCAPNG_PACKET;
    return NULL;
}

static const char *read_epb(const struct ft_pcapng *f, struct ft_rd body, bool obsolete,
                            struct ft_pcapng_block *out)
{
    const uint8_t *p = ft_rd_view(&body, 20);

    if (p == NULL) {
        return "a packet block is too short";
    }
    out->iface = obsolete ? u16(f, p) : u32(f, p);
    out->caplen = u32(f, p + 12);
    out->wire_len = u32(f, p + 16);
    return fill(f, &body, (uint64_t)u32(f, p + 4) << 32 | u32(f, p + 8), out);
}

/* Simple packet block: interface 0, no time, cut at the interface's snaplen. */
static const char *read_spb(const struct ft_pcapng *f, struct ft_rd body,
                            struct ft_pcapng_block *out)
{
    const uint8_t *p = ft_rd_view(&body, 4);

    if (p == NULL || f->n_ifaces == 0) {
        return p == NULL ? "a packet block is too short"
                         : "a packet names an interface that is not described";
    }
    uint32_t snaplen = f->ifaces[0].snaplen, left = (uint32_t)ft_rd_left(&body);

    out->iface = 0;
    out->wire_len = u32(f, p);
    out->caplen = out->wire_len < left ? out->wire_len : left;
    if (snaplen > 0 && out->caplen > snaplen) {
        out->caplen = snaplen;
    }
    return fill(f, &body, 0, out);
}

/* A section header: its byte order counts from here on. */
static const char *read_section(struct ft_pcapng *f, const uint8_t *p)
{
    uint32_t order = ft_load_u32(p + 8);

    if (order != 0x1a2b3c4d && order != 0x4d3c2b1a) {
        return "a section header has no byte order mark";
    }
    f->swapped = order == 0x4d3c2b1a;
    f->in_section = true;
    f->n_ifaces = 0;
    return NULL;
}

static const char *read_body(struct ft_pcapng *f, uint32_t type, struct ft_rd body,
                             struct ft_pcapng_block *out)
{
    switch (type) {
    case BLOCK_IDB:
        out->kind = FT_PCAPNG_IFACE;
        return read_iface(f, body);
    case BLOCK_EPB:
        return read_epb(f, body, false, out);
    case BLOCK_PB:
        return read_epb(f, body, true, out);
    case BLOCK_SPB:
        return read_spb(f, body, out);
    default:
        return NULL; /* names, statistics, secrets, custom and unknown blocks */
    }
}

int ft_pcapng_block(struct ft_pcapng *f, const uint8_t *p, uint64_t left,
                    struct ft_pcapng_block *out, uint64_t *out_need, const char **out_why)
{
    bool section = left >= 4 && ft_load_u32(p) == (uint32_t)FT_PCAPNG_MAGIC;

    *out_need = section ? 16 : BLOCK_MIN;
    if (left < *out_need) {
        return FT_E_AGAIN;
    }
    *out_why = section ? read_section(f, p) : f->in_section ? NULL : "it begins with no section";
    if (*out_why != NULL) {
        return FT_E_CORRUPT;
    }
    uint32_t len = u32(f, p + 4);

    if (len < *out_need || len % 4 != 0 || len > BLOCK_MAX) {
        *out_why = "a block has an impossible length";
        return FT_E_CORRUPT;
    }
    *out_need = len;
    if (left < len) {
        return FT_E_AGAIN;
    }
    if (u32(f, p + len - 4) != len) {
        *out_why = "the two lengths of a block differ";
        return FT_E_CORRUPT;
    }
    *out = (struct ft_pcapng_block){.kind = FT_PCAPNG_OTHER, .len = len};
    if (!section) {
        *out_why = read_body(f, u32(f, p), ft_rd_make(p + 8, len - BLOCK_MIN), out);
    }
    return *out_why == NULL ? FT_OK : FT_E_CORRUPT;
}
