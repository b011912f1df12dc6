/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file: pcap, see pcap.h. */
#include "codec/file/pcap.h"

enum { MAGIC_US = 0xa1b2c3d4, MAGIC_NS = 0xa1b23c4d, MAGIC_MODIFIED = 0xa1b2cd34 };

bool ft_pcap_magic(const uint8_t magic[4])
{
    uint32_t m = ft_load_u32(magic), s = bswap_32(m);

    return m == (uint32_t)MAGIC_US || m == (uint32_t)MAGIC_NS || m == (uint32_t)MAGIC_MODIFIED ||
           s == (uint32_t)MAGIC_US || s == (uint32_t)MAGIC_NS || s == (uint32_t)MAGIC_MODIFIED;
}

int ft_pcap_open(const uint8_t header[FT_PCAP_HEADER], struct ft_pcap *out)
{
    uint32_t magic = ft_load_u32(header);

    if (!ft_pcap_magic(header)) {
        return FT_E_FORMAT;
    }
    out->swapped = (magic & 0xff) == 0xa1;
    magic = out->swapped ? bswap_32(magic) : magic;
    out->nano = magic == (uint32_t)MAGIC_NS;
    out->record = magic == (uint32_t)MAGIC_MODIFIED ? FT_PCAP_RECORD + 8 : FT_PCAP_RECORD;
    out->snaplen = ft_pcap_u32(out, header + 16);
    out->linktype = (uint16_t)ft_pcap_u32(out, header + 20);
    return FT_OK;
}

bool ft_pcap_plausible(const struct ft_pcap *f, const uint8_t *p, uint32_t first_s)
{
    uint32_t s = ft_pcap_u32(f, p), frac = ft_pcap_u32(f, p + 4);
    uint32_t caplen = ft_pcap_u32(f, p + 8), len = ft_pcap_u32(f, p + 12);
    int64_t away = (int64_t)s - first_s;

    return frac < (f->nano ? 1000000000u : 1000000u) && caplen <= len && caplen > 0 &&
           caplen <= 262144 && len <= 1 << 20 && away > -86400 && away < 86400 * 366;
}
