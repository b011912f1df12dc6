/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file: pcap files, see pcap.h for the layout. */
#include "codec/file/pcap.h"

#define MAGIC_US       0xa1b2c3d4u
#define MAGIC_NS       0xa1b23c4du
#define MAGIC_MODIFIED 0xa1b2cd34u

#define SECTION_TYPE  0x0a0d0d0au /* of pcapng; the same in both byte orders */
#define SECTION_MAGIC 0x1a2b3c4du

enum { MAJOR_DGUX = 543 };

#define LINKTYPE_HAS_FCS   0x04000000u /* f bit */
#define LINKTYPE_FCS_SHIFT 28          /* length of the FCS in 16-bit words */

static bool magic_known(uint32_t magic)
{
    return magic == MAGIC_US || magic == MAGIC_NS || magic == MAGIC_MODIFIED;
}

bool ft_pcap_is_magic(const uint8_t p[4])
{
    uint32_t magic = ft_load_u32(p);

    return magic_known(magic) || magic_known(__builtin_bswap32(magic));
}

bool ft_pcap_same(const struct ft_pcap *a, const struct ft_pcap *b)
{
    return a->swap == b->swap && a->record_len == b->record_len && a->lens == b->lens &&
           a->linktype == b->linktype && a->frac_ns == b->frac_ns;
}

static uint32_t load32(bool swap, const uint8_t *p)
{
    uint32_t v = ft_load_u32(p);

    return swap ? __builtin_bswap32(v) : v;
}

static uint16_t load16(bool swap, const uint8_t *p)
{
    uint16_t v = ft_load_u16(p);

    return swap ? __builtin_bswap16(v) : v;
}

static bool version_known(const struct ft_pcap *h)
{
    return (h->major == 2 && h->minor <= 4) || (h->major == MAJOR_DGUX && h->minor == 0);
}

int ft_pcap_parse(const uint8_t *p, size_t len, struct ft_pcap *out)
{
    struct ft_pcap h = {.record_len = FT_PCAP_RECORD_LEN, .frac_ns = 1000};
    uint32_t magic, link;

    if (len < FT_PCAP_HEADER_LEN) {
        return FT_E_TRUNCATED;
    }
    magic = ft_load_u32(p);
    if (!magic_known(magic)) {
        h.swap = true;
        magic = __builtin_bswap32(magic);
        if (!magic_known(magic)) {
            return FT_E_FORMAT;
        }
    }
    if (magic == MAGIC_NS) {
        h.frac_ns = 1;
    }
    if (magic == MAGIC_MODIFIED) {
        h.record_len = FT_PCAP_MODIFIED_LEN;
    }
    h.major = load16(h.swap, p + 4);
    h.minor = load16(h.swap, p + 6);
    h.snaplen = load32(h.swap, p + 16);
    link = load32(h.swap, p + 20);
    h.linktype = (uint16_t)link;
    if ((link & LINKTYPE_HAS_FCS) != 0) {
        h.fcs_len = (uint8_t)((link >> LINKTYPE_FCS_SHIFT) * 2);
    }
    if (h.minor < 3 || h.major == MAJOR_DGUX) {
        h.lens = FT_PCAP_LEN_FIRST;
    } else if (h.minor == 3) {
        h.lens = FT_PCAP_SMALLER_IS_CAPLEN;
    }
    *out = h;
    return version_known(&h) ? FT_OK : FT_E_UNSUPPORTED;
}

/* A pcapng section: byte order magic and major version 1 behind its type and length. */
static bool section_begins(const uint8_t *p)
{
    uint32_t magic = ft_load_u32(p + 8);

    return (magic == SECTION_MAGIC && ft_load_u16(p + 12) == 1) ||
           (magic == __builtin_bswap32(SECTION_MAGIC) && ft_load_u16(p + 12) == 0x0100);
}

/* A record of that time has no version where its fraction is, and is not of 0 bytes. The zone was
 * not 0 in old files, and a version that nobody knows is one all the same. */
int ft_capture_begins(const uint8_t *p, size_t left)
{
    struct ft_pcap h = {0};
    bool swap;

    if (left < FT_PCAP_RECORD_LEN || !ft_capture_may_begin(p)) {
        return FT_E_FORMAT;
    }
    if (ft_load_u32(p) == SECTION_TYPE) {
        return section_begins(p) ? FT_OK : FT_E_FORMAT;
    }
    swap = !magic_known(ft_load_u32(p));
    h.major = load16(swap, p + 4);
    h.minor = load16(swap, p + 6);
    if (!ft_pcap_is_magic(p) || ft_load_u32(p + 12) != 0 ||
        (ft_load_u32(p + 8) != 0 && !version_known(&h))) {
        return FT_E_FORMAT;
    }
    return left < FT_PCAP_HEADER_LEN ? FT_E_AGAIN : FT_OK;
}

/* A record that may be none. FT_OK: it is one. */
static int look_closer(struct ft_walk *w, const struct ft_pcap_record *r)
{
    int begins = ft_capture_begins(w->p, ft_walk_left(w));

    if (begins != FT_E_FORMAT) { /* another capture, or the beginning of one */
        w->need = FT_PCAP_HEADER_LEN;
        return begins == FT_OK ? FT_E_FORMAT : begins;
    }
    if (r->caplen > FT_CAPLEN_MAX) {
        w->what = "its captured length is beyond 16777216 bytes";
        w->value = r->caplen;
        return FT_E_CORRUPT;
    }
    return FT_OK;
}

/* One body for all variants; inlined with constants for the common one. */
FT_INLINE int walk(const struct ft_pcap *h, struct ft_walk *w, struct ft_view *views, uint32_t cap,
                   uint32_t *n)
{
    while (*n < cap) {
        size_t left = ft_walk_left(w);
        struct ft_pcap_record r;

        if (FT_UNLIKELY(left < h->record_len)) {
            w->need = h->record_len;
            return FT_E_AGAIN;
        }
        ft_walk_prefetch(w);
        ft_pcap_load(h, w->p, &r);
        if (FT_UNLIKELY(r.len == 0 || r.caplen > FT_CAPLEN_MAX ||
                        h->lens != FT_PCAP_CAPLEN_FIRST)) {
            /* as one of those would a file header be read: its last word here is 0 */
            int rc = look_closer(w, &r);

            if (rc != FT_OK) {
                return rc;
            }
        }
        if (FT_UNLIKELY(r.caplen > left - h->record_len)) {
            w->need = (size_t)h->record_len + r.caplen;
            return FT_E_AGAIN;
        }
        views[*n] = (struct ft_view){
            .data = w->p + h->record_len,
            .ts_ns = r.ts_ns,
            .caplen = r.caplen,
            .len = r.len > r.caplen ? r.len : r.caplen,
            .linktype = h->linktype,
        };
        w->p += (size_t)h->record_len + r.caplen;
        ++*n;
    }
    return FT_OK;
}

FT_HOT int ft_pcap_walk(const struct ft_pcap *h, struct ft_walk *w, struct ft_view *views,
                        uint32_t cap, uint32_t *n)
{
    if (!h->swap && h->lens == FT_PCAP_CAPLEN_FIRST && h->record_len == FT_PCAP_RECORD_LEN) {
        struct ft_pcap plain = *h;

        plain.swap = false;
        plain.lens = FT_PCAP_CAPLEN_FIRST;
        plain.record_len = FT_PCAP_RECORD_LEN;
        return walk(&plain, w, views, cap, n);
    }
    return walk(h, w, views, cap, n);
}
