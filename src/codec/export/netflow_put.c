/* SPDX-License-Identifier: Apache-2.0 */
/* codec: headers of messages, see netflow_put.h. */
#include "codec/export/netflow_put.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

uint32_t ft_nf_header_len(uint16_t version)
{
    return version == 5   ? FT_NF_PUT_V5_HEADER
           : version == 9 ? FT_NF_PUT_V9_HEADER
                          : FT_NF_PUT_IPFIX_HEADER;
}

void ft_nf_put_header(uint8_t *p, const struct ft_nf_header *h)
{
    p = ft_store_be16(p, h->version);
    if (h->version == 10) {
        p = ft_store_be16(p, h->len);
        p = ft_store_be32(p, h->time_s);
        p = ft_store_be32(p, h->sequence);
        ft_store_be32(p, h->domain);
        return;
    }
    p = ft_store_be16(p, h->count);
    p = ft_store_be32(p, h->uptime_ms);
    p = ft_store_be32(p, h->time_s);
    if (h->version == 9) {
        p = ft_store_be32(p, h->sequence);
        ft_store_be32(p, h->domain);
        return;
    }
    p = ft_store_be32(p, 0); /* ns besides the seconds */
    p = ft_store_be32(p, h->sequence);
    p = ft_store_be16(p, h->domain);
    /* mode in the high bits, 01: one packet in each interval */
    ft_store_be16(p, h->sampling > 0 ? 0x4000u | (h->sampling & 0x3fffu) : 0);
}

uint32_t ft_nf_header_sequence(const uint8_t *message)
{
    return ft_load_be32(message + (ft_load_be16(message) == 10 ? 8 : 12));
}

void ft_nf_put_set(uint8_t *p, uint16_t id, uint32_t len)
{
    ft_store_be16(ft_store_be16(p, id), len);
}
