/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file: IPFIX files, see ipfix.h for the layout. */
#include "codec/file/ipfix.h"

#include "base/rd.h"
#include "model/peer.h"

bool ft_ipfix_is_magic(const uint8_t p[4])
{
    return ft_load_be16(p) == FT_IPFIX_VERSION && ft_load_be16(p + 2) >= FT_IPFIX_HEADER_LEN;
}

static int damaged(struct ft_walk *w, const char *what, uint64_t value)
{
    w->what = what;
    w->value = value;
    return FT_E_CORRUPT;
}

int ft_ipfix_walk(uint16_t input, struct ft_walk *w, struct ft_view *views, uint32_t cap,
                  uint32_t *n)
{
    while (*n < cap) {
        size_t left = ft_walk_left(w);
        uint16_t len;

        w->need = FT_IPFIX_HEADER_LEN;
        if (left >= 2 && ft_load_be16(w->p) != FT_IPFIX_VERSION) {
            return damaged(w, "its version is not 10", ft_load_be16(w->p));
        }
        if (left < FT_IPFIX_HEADER_LEN) {
            return FT_E_AGAIN;
        }
        len = ft_load_be16(w->p + 2);
        if (len < FT_IPFIX_HEADER_LEN) {
            return damaged(w, "its length is less than that of its header", len);
        }
        if (len > left) {
            w->need = len;
            return FT_E_AGAIN;
        }
        views[(*n)++] = (struct ft_view){.data = w->p,
                                         .ts_ns = (int64_t)ft_load_be32(w->p + 4) * 1000000000,
                                         .caplen = len,
                                         .len = len,
                                         .linktype = FT_LINK_MESSAGE,
                                         .iface = input};
        w->p += len;
    }
    return FT_OK;
}
