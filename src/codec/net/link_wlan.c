/* SPDX-License-Identifier: Apache-2.0 */
/* codec: IEEE 802.11 and the headers that capture programs put before it, see link_parts.h.
 *
 *   802.11     frame control 2 | duration 2 | address 1, 2, 3: 18 | sequence 2 | [address 4: 6]
 *              | [QoS control 2] | [HT control 4] | LLC
 *   radiotap   version 1 | 0 1 | length 2 | present 4 ... | [TSFT 8] | [flags 1], little-endian
 *   PPI        version 1 | flags 1 | length 2 | DLT 4, little-endian
 *   Prism      message code 4 | length 4 | ...         AVS   magic 4 | length 4 | ..., big-endian
 */
#include "codec/net/link_parts.h"

enum { FC_DATA = 0x08, FC_TYPE = 0x0c, FC_NULL = 0x40, FC_QOS = 0x80 }; /* first byte */
enum { FC_TO_DS = 0x01, FC_FROM_DS = 0x02, FC_PROTECTED = 0x40, FC_ORDER = 0x80 };
enum { WLAN_LEN = 24, QOS_AMSDU = 0x80, SUBFRAME_LEN = 14 };
enum { PRESENT_TSFT = 1, PRESENT_FLAGS = 2, RT_FCS = 0x10, RT_PAD = 0x20, FCS_LEN = 4 };
enum { AVS_MAGIC = 0x80211000 };

static uint32_t load_le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool skip(struct ft_net *n, uint32_t len)
{
    return len <= n->wire && ft_net_take(n, len) != NULL;
}

/* padded: zeros fill the header up to a multiple of four bytes; swapped: as in link_parts.h. */
static enum ft_verdict take_frame(struct ft_net *n, bool padded, bool swapped)
{
    uint32_t len = WLAN_LEN;
    const uint8_t *p = n->rd.p;
    uint8_t type, flags;
    bool amsdu = false;

    if (ft_rd_left(&n->rd) < 2) {
        return FT_V_LINK_SHORT;
    }
    type = p[swapped];
    flags = p[!swapped];
    if ((type & FC_TYPE) != FC_DATA) {
        return FT_V_NOT_IP;
    }
    if (ft_rd_left(&n->rd) < WLAN_LEN) {
        return FT_V_LINK_SHORT;
    }
    if (type & FC_NULL) {
        return FT_V_NOT_IP;
    }
    if (flags & FC_PROTECTED) {
        return FT_V_ENCRYPTED;
    }
    len += (flags & FC_TO_DS) && (flags & FC_FROM_DS) ? 6 : 0;
    if (type & FC_QOS) {
        if (ft_rd_left(&n->rd) < len + 2) {
            return FT_V_LINK_SHORT;
        }
        amsdu = (p[len] & QOS_AMSDU) != 0;
        len += flags & FC_ORDER ? 6 : 2;
    }
    len = padded ? (len + 3) & ~3u : len;
    len += amsdu ? SUBFRAME_LEN : 0; /* the first of the frames that it holds */
    return skip(n, len) ? ft__link_llc(n) : FT_V_LINK_SHORT;
}

static enum ft_verdict take_wlan(struct ft_net *n, bool padded)
{
    return take_frame(n, padded, false);
}

enum ft_verdict ft__link_wlan_tunnelled(struct ft_net *n, bool swapped)
{
    return take_frame(n, false, swapped);
}

/* The frame check sequence at the end of a frame is no part of it. */
static void drop_fcs(struct ft_net *n)
{
    if (n->wire > FCS_LEN) {
        ft_net_narrow(n, n->wire - FCS_LEN);
    }
}

static enum ft_verdict take_radiotap(struct ft_net *n)
{
    const uint8_t *p = n->rd.p;
    size_t left = ft_rd_left(&n->rd);
    uint32_t len, present, at = 8;
    uint8_t flags = 0;

    if (left < 8) {
        return FT_V_LINK_SHORT;
    }
    len = load_le32(p) >> 16;
    present = load_le32(p + 4);
    for (uint32_t more = present; (more >> 31) != 0 && at + 4 <= left; at += 4) {
        more = load_le32(p + at);
    }
    at = present & PRESENT_TSFT ? ((at + 7) & ~7u) + 8 : at;
    if ((present & PRESENT_FLAGS) && at < left && at < len) {
        flags = p[at];
    }
    if (len < 8 || !skip(n, len)) {
        return FT_V_LINK_SHORT;
    }
    if (flags & RT_FCS) {
        drop_fcs(n);
    }
    return take_wlan(n, (flags & RT_PAD) != 0);
}

static enum ft_verdict take_ppi(struct ft_net *n)
{
    uint32_t len, dlt;

    if (ft_rd_left(&n->rd) < 8) {
        return FT_V_LINK_SHORT;
    }
    len = load_le32(n->rd.p) >> 16;
    dlt = load_le32(n->rd.p + 4);
    if (dlt == FT_LINK_PPI || dlt == FT_LINK_PKTAP || dlt > UINT16_MAX) {
        return FT_V_LINK_TYPE; /* one such header is enough */
    }
    return len >= 8 && skip(n, len) ? ft_link_decode(n, (uint16_t)dlt) : FT_V_LINK_SHORT;
}

/* Prism's own header in the order of the machine that captured, or AVS's under the same number. */
static enum ft_verdict take_prism(struct ft_net *n)
{
    uint32_t len;

    if (ft_rd_left(&n->rd) < 8) {
        return FT_V_LINK_SHORT;
    }
    len = ft_load_be32(n->rd.p + 4);
    if ((ft_load_be32(n->rd.p) & 0xfffff000) != AVS_MAGIC && len > UINT16_MAX) {
        len = load_le32(n->rd.p + 4);
    }
    return len >= 8 && skip(n, len) ? take_wlan(n, false) : FT_V_LINK_SHORT;
}

enum ft_verdict ft__link_wlan(struct ft_net *n, uint16_t linktype)
{
    switch (linktype) {
    case FT_LINK_IEEE802_11:
        return take_wlan(n, false);
    case FT_LINK_RADIOTAP:
        return take_radiotap(n);
    case FT_LINK_PPI:
        return take_ppi(n);
    case FT_LINK_PRISM:
    case FT_LINK_AVS:
        return take_prism(n);
    default:
        return FT_V_LINK_TYPE;
    }
}
