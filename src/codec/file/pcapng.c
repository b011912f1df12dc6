/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file: pcapng files, see pcapng.h for the layout. */
#include "codec/file/pcapng.h"

#include "base/rd.h"
#include "codec/file/pcap.h"

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

enum block_type {
    BLOCK_IDB = 1,
    BLOCK_PB = 2,
    BLOCK_SPB = 3,
    BLOCK_EPB = 6,
    BLOCK_SHB = 0x0a0d0d0a, /* the same in both byte orders */
};

enum { OPT_END = 0, OPT_FLAGS = 2, OPT_TSRESOL = 9, OPT_TSOFFSET = 14 };
enum { FLAGS_WAY = 3, FLAGS_IN = 1, FLAGS_OUT = 2 }; /* of epb_flags and pack_flags */

/* Bytes before the data of a packet block, and with the trailing length. */
enum { PACKET_HEAD = 28, PACKET_MIN = 32, SPB_HEAD = 12, SPB_MIN = 16, IDB_MIN = 20, SHB_MIN = 28 };

__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 i128;

bool ft_pcapng_is_magic(const uint8_t p[4])
{
    return ft_load_u32(p) == BLOCK_SHB;
}

void ft_pcapng_init(struct ft_pcapng *s, struct ft_pcapng_iface *ifaces, uint32_t cap)
{
    *s = (struct ft_pcapng){
        .ifaces = ifaces,
        .cap = cap < FT_PCAPNG_IFACES_MAX ? cap : FT_PCAPNG_IFACES_MAX,
    };
}

FT_INLINE uint32_t get32(const struct ft_pcapng *s, const uint8_t *p)
{
    uint32_t v = ft_load_u32(p);

    return s->swap ? __builtin_bswap32(v) : v;
}

FT_INLINE uint16_t get16(const struct ft_pcapng *s, const uint8_t *p)
{
    uint16_t v = ft_load_u16(p);

    return s->swap ? __builtin_bswap16(v) : v;
}

static uint64_t get64(const struct ft_pcapng *s, const uint8_t *p)
{
    uint64_t v = ft_load_u64(p);

    return s->swap ? __builtin_bswap64(v) : v;
}

/* A time as 64 bits hold it; INT64_MIN is none. */
static int64_t saturated(i128 ns)
{
    return ns > INT64_MAX ? INT64_MAX : ns <= INT64_MIN ? INT64_MIN + 1 : (int64_t)ns;
}

int64_t ft_pcapng_time(const struct ft_pcapng_iface *iface, uint64_t ts)
{
    u128 ns;

    if (iface->div == 0) {
        return saturated(iface->offset_ns);
    }
    ns = (u128)ts * iface->mul;
    if (FT_UNLIKELY(iface->div != 1)) {
        ns /= iface->div;
    }
    ns >>= iface->shift;
    return saturated((i128)ns + iface->offset_ns); /* below 2^94 */
}

/* if_tsresol: bit 7 clear: units of 10^-v seconds, set: of 2^-v seconds. */
static void set_resolution(struct ft_pcapng_iface *iface, uint8_t resol)
{
    unsigned v = resol & 0x7f;

    iface->mul = 1;
    iface->div = 1;
    iface->shift = 0;
    if ((resol & 0x80) != 0) {
        iface->mul = 1000000000;
        iface->shift = (uint8_t)v;
        if (v >= 94) { /* 2^64 * 10^9 < 2^94 */
            iface->div = 0;
        }
        return;
    }
    for (; v < 9; v++) {
        iface->mul *= 10;
    }
    for (; v > 9 && iface->div != 0; v--) {
        iface->div = iface->div > UINT64_MAX / 10 ? 0 : iface->div * 10;
    }
}

static void set_offset(struct ft_pcapng_iface *iface, int64_t seconds)
{
    if (__builtin_mul_overflow(seconds, (int64_t)1000000000, &iface->offset_ns)) {
        iface->offset_ns = seconds < 0 ? INT64_MIN : INT64_MAX;
    }
}

static int corrupt(struct ft_walk *w, const char *what, uint64_t value)
{
    w->what = what;
    w->value = value;
    return FT_E_CORRUPT;
}

/* Walks the options of a block; with an interface, takes those that change its times. */
static int read_options(const struct ft_pcapng *s, struct ft_walk *w, const uint8_t *p, size_t len,
                        struct ft_pcapng_iface *iface)
{
    while (len >= 4) {
        uint16_t code = get16(s, p), n = get16(s, p + 2);
        size_t padded = ((size_t)n + 3) & ~(size_t)3;

        if (code == OPT_END) {
            return FT_OK;
        }
        if (padded > len - 4) {
            return corrupt(w, "an option is longer than its block", n);
        }
        if (iface != NULL && code == OPT_TSRESOL && n >= 1) {
            set_resolution(iface, p[4]);
        }
        if (iface != NULL && code == OPT_TSOFFSET && n >= 8) {
            set_offset(iface, (int64_t)get64(s, p + 4));
        }
        p += 4 + padded;
        len -= 4 + padded;
    }
    return FT_OK;
}

static int read_section(struct ft_pcapng *s, struct ft_walk *w, uint32_t total)
{
    uint16_t major = get16(s, w->p + 12);
    int rc;

    if (major != 1) {
        return corrupt(w, "the major version of its section is not known", major);
    }
    rc = read_options(s, w, w->p + 24, total - SHB_MIN, NULL);
    s->in_section = rc == FT_OK;
    s->n = 0;
    return rc;
}

static int read_interface(struct ft_pcapng *s, struct ft_walk *w, uint32_t total)
{
    struct ft_pcapng_iface iface = {
        .mul = 1000,
        .div = 1,
        .linktype = get16(s, w->p + 8),
        .snaplen = get32(s, w->p + 12),
    };
    int rc;

    if (s->n == s->cap) {
        return corrupt(w, "its section has too many interfaces", s->n);
    }
    rc = read_options(s, w, w->p + 16, total - IDB_MIN, &iface);
    if (rc == FT_OK) {
        s->ifaces[s->n++] = iface;
    }
    return rc;
}

/* What the options of a packet block say of its direction: a flag of the view, or 0. Options that
 * do not end within the block say nothing. */
static uint16_t read_direction(const struct ft_pcapng *s, const uint8_t *p, size_t len)
{
    while (len >= 4) {
        uint16_t code = get16(s, p), n = get16(s, p + 2);
        size_t padded = ((size_t)n + 3) & ~(size_t)3;

        if (code == OPT_END || padded > len - 4) {
            return 0;
        }
        if (code == OPT_FLAGS && n >= 4) {
            uint32_t way = get32(s, p + 4) & FLAGS_WAY;

            return way == FLAGS_IN ? FT_VIEW_IN : way == FLAGS_OUT ? FT_VIEW_OUT : 0;
        }
        p += 4 + padded;
        len -= 4 + padded;
    }
    return 0;
}

/* EPB and PB differ in how the interface is written only. */
FT_INLINE int read_packet(struct ft_pcapng *s, struct ft_walk *w, uint32_t type, uint32_t total,
                          struct ft_view *out)
{
    const uint8_t *p = w->p;
    uint32_t id = type == BLOCK_EPB ? get32(s, p + 8) : get16(s, p + 8);
    uint64_t ts = (uint64_t)get32(s, p + 12) << 32 | get32(s, p + 16);
    uint32_t caplen = get32(s, p + 20), len = get32(s, p + 24);
    const struct ft_pcapng_iface *iface;

    if (id >= s->n) {
        return corrupt(w, "its interface was not described", id);
    }
    if (caplen > total - PACKET_MIN || caplen > FT_CAPLEN_MAX) {
        return corrupt(w, "its captured length does not fit", caplen);
    }
    iface = &s->ifaces[id];
    s->last_ts_ns = ft_pcapng_time(iface, ts);
    *out = (struct ft_view){
        .data = p + PACKET_HEAD,
        .ts_ns = s->last_ts_ns,
        .caplen = caplen,
        .len = len > caplen ? len : caplen,
        .linktype = iface->linktype,
        .iface = (uint16_t)id,
    };
    if (FT_UNLIKELY(s->directions)) {
        uint32_t data = (caplen + 3) & ~(uint32_t)3;

        out->flags = read_direction(s, p + PACKET_HEAD + data, total - PACKET_MIN - data);
    }
    return FT_OK;
}

static int read_simple(struct ft_pcapng *s, struct ft_walk *w, uint32_t total, struct ft_view *out)
{
    uint32_t len = get32(s, w->p + 8), caplen = len;

    if (s->n == 0) {
        return corrupt(w, "its interface was not described", 0);
    }
    if (s->ifaces[0].snaplen != 0 && caplen > s->ifaces[0].snaplen) {
        caplen = s->ifaces[0].snaplen;
    }
    if (caplen > total - SPB_MIN || caplen > FT_CAPLEN_MAX) {
        return corrupt(w, "its captured length does not fit", caplen);
    }
    *out = (struct ft_view){
        .data = w->p + SPB_HEAD,
        .ts_ns = s->last_ts_ns,
        .caplen = caplen,
        .len = len,
        .linktype = s->ifaces[0].linktype,
    };
    return FT_OK;
}

/* Passes over what is there of a skipped block, then checks the length behind it. */
static int skip_rest(struct ft_pcapng *s, struct ft_walk *w)
{
    size_t left = ft_walk_left(w);
    size_t n = s->skip < left ? (size_t)s->skip : left;

    w->p += n;
    s->skip -= n;
    s->passed += n;
    if (s->skip > 0 || ft_walk_left(w) < 4) {
        w->need = s->skip > 0 ? 1 : 4;
        return FT_E_AGAIN;
    }
    if (get32(s, w->p) != s->trailer) {
        return corrupt(w, "the length behind it differs", get32(s, w->p));
    }
    w->p += 4;
    s->trailer = 0;
    s->passed = 0;
    return FT_OK;
}

static uint32_t least_length(uint32_t type)
{
    switch (type) {
    case BLOCK_SHB:
        return SHB_MIN;
    case BLOCK_IDB:
        return IDB_MIN;
    case BLOCK_PB:
    case BLOCK_EPB:
        return PACKET_MIN;
    case BLOCK_SPB:
        return SPB_MIN;
    default:
        return FT_PCAPNG_MIN_LEN;
    }
}

static bool is_kept(uint32_t type)
{
    return type == BLOCK_SHB || type == BLOCK_IDB || type == BLOCK_PB || type == BLOCK_EPB ||
           type == BLOCK_SPB;
}

/* The byte order of a Section Header whose first 12 bytes are there. */
static int read_order(struct ft_pcapng *s, struct ft_walk *w)
{
    uint32_t magic = ft_load_u32(w->p + 8);

    if (magic == BYTE_ORDER_MAGIC) {
        s->swap = false;
        return FT_OK;
    }
    if (magic == __builtin_bswap32(BYTE_ORDER_MAGIC)) {
        s->swap = true;
        return FT_OK;
    }
    return corrupt(w, "the byte order of its section is not known", magic);
}

/* Type and length of the block at w->p. FT_OK: it is whole and its two lengths agree, or it is one
 * to skip (*skip), of any length. */
FT_INLINE int read_head(struct ft_pcapng *s, struct ft_walk *w, uint32_t *type, uint32_t *total,
                        bool *skip)
{
    int rc;

    w->need = FT_PCAPNG_MIN_LEN;
    if (ft_walk_left(w) < FT_PCAPNG_MIN_LEN) {
        return FT_E_AGAIN;
    }
    if (FT_UNLIKELY(ft_capture_may_begin(w->p)) && ft_pcap_is_magic(w->p)) {
        w->need = FT_PCAP_HEADER_LEN;
        rc = ft_walk_left(w) < FT_PCAP_RECORD_LEN ? FT_E_AGAIN
                                                  : ft_capture_begins(w->p, ft_walk_left(w));
        if (rc != FT_E_FORMAT) {
            return rc == FT_OK ? FT_E_FORMAT : rc;
        }
        w->need = FT_PCAPNG_MIN_LEN;
    }
    if (FT_UNLIKELY(ft_load_u32(w->p) == BLOCK_SHB) && (rc = read_order(s, w)) != FT_OK) {
        return rc;
    }
    *type = get32(s, w->p);
    *total = get32(s, w->p + 4);
    if (FT_UNLIKELY(!s->in_section && *type != BLOCK_SHB)) {
        return corrupt(w, "it stands before any section", *type);
    }
    if (FT_UNLIKELY(*total % 4 != 0)) {
        return corrupt(w, "its length is not a multiple of 4", *total);
    }
    if (FT_UNLIKELY(*total < least_length(*type))) {
        return corrupt(w, "its length is below the least for its type", *total);
    }
    *skip = !is_kept(*type);
    if (*skip) {
        return FT_OK;
    }
    if (FT_UNLIKELY(*total > FT_WALK_RECORD_MAX)) {
        return corrupt(w, "its length is beyond the limit", *total);
    }
    w->need = *total;
    if (FT_UNLIKELY(*total > ft_walk_left(w))) {
        return FT_E_AGAIN;
    }
    if (FT_UNLIKELY(get32(s, w->p + *total - 4) != *total)) {
        return corrupt(w, "the length behind it differs", get32(s, w->p + *total - 4));
    }
    return FT_OK;
}

static int read_kept(struct ft_pcapng *s, struct ft_walk *w, uint32_t type, uint32_t total)
{
    return type == BLOCK_SHB ? read_section(s, w, total) : read_interface(s, w, total);
}

FT_HOT int ft_pcapng_walk(struct ft_pcapng *s, struct ft_walk *w, struct ft_view *views,
                          uint32_t cap, uint32_t *n)
{
    for (;;) {
        uint32_t type, total;
        bool skip;
        int rc;

        if (FT_UNLIKELY(s->trailer != 0) && (rc = skip_rest(s, w)) != FT_OK) {
            return rc;
        }
        ft_walk_prefetch(w);
        rc = read_head(s, w, &type, &total, &skip);
        if (FT_UNLIKELY(rc != FT_OK)) {
            return rc;
        }
        if (skip) {
            s->trailer = total;
            s->skip = total - 4;
            continue;
        }
        if (type == BLOCK_SHB || type == BLOCK_IDB) {
            rc = read_kept(s, w, type, total);
        } else if (*n == cap) {
            return FT_OK;
        } else {
            rc = type == BLOCK_SPB ? read_simple(s, w, total, &views[*n])
                                   : read_packet(s, w, type, total, &views[*n]);
            *n += rc == FT_OK;
        }
        if (FT_UNLIKELY(rc != FT_OK)) {
            return rc;
        }
        w->p += total;
    }
}
