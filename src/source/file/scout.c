/* SPDX-License-Identifier: Apache-2.0 */
/* source/file: follows records in several places at once, see scout.h. */
#include "source/file/scout.h"

enum {
    LANES = 16,         /* at most */
    LANE_MIN = 65536,   /* bytes: a guess costs as much as some records */
    RECORDS = 2048,     /* of a stretch, about; their headers are twice as many lines, 256 KiB */
    MEAN_MIN = 256,     /* bytes of a record from which following is better than asking for all */
    FIRST_LOOK = 65536, /* bytes that the first mean is taken from */
    CHAIN = 4,          /* records in a row that make a guess */
    SEARCH = 4096,      /* bytes looked through for one */
    CAPLEN_MAX = 65536,
    DAY_S = 24 * 3600 /* how far the times may lie from that of the walk's place */
};

static bool plausible(const uint8_t *p, uint32_t now_s)
{
    uint32_t caplen = ft_load_u32(p + 8), len = ft_load_u32(p + 12);

    return caplen <= CAPLEN_MAX && caplen <= len && len <= CAPLEN_MAX &&
           ft_load_u32(p) - now_s + DAY_S <= 2 * DAY_S;
}

/* Where a record seems to begin; end: nowhere near. */
static const uint8_t *guess(const uint8_t *p, const uint8_t *end, uint32_t now_s)
{
    const uint8_t *limit = end - p > SEARCH ? p + SEARCH : end;

    for (; limit - p >= FT_PCAP_RECORD_LEN; p++) {
        const uint8_t *q = p;
        unsigned n = 0;

        while (n < CHAIN && end - q >= FT_PCAP_RECORD_LEN && plausible(q, now_s)) {
            size_t len = FT_PCAP_RECORD_LEN + (size_t)ft_load_u32(q + 8);

            q = (size_t)(end - q) > len ? q + len : end;
            n++;
        }
        if (n == CHAIN) {
            return p;
        }
    }
    return end;
}

struct lane {
    const uint8_t *p, *end;
};

/* A record of each lane in turn, until all are through. What is asked for is never read beyond a
 * lane's end. */
static uint32_t follow(struct lane *lanes, unsigned n)
{
    uint32_t records = 0;

    while (n > 0) {
        for (unsigned i = 0; i < n; i++) {
            struct lane *l = &lanes[i];
            size_t left = (size_t)(l->end - l->p), len = FT_PCAP_RECORD_LEN;

            if (left > len) {
                len += ft_load_u32(l->p + 8);
            }
            if (len >= left) { /* the last one, or damage */
                *l = lanes[--n];
                continue;
            }
            __builtin_prefetch(l->p + 64);
            l->p += len;
            __builtin_prefetch(l->p);
            records++;
        }
    }
    return records;
}

bool ft__scout_can(const struct ft_pcap *h)
{
    return !h->swap && h->lens == FT_PCAP_CAPLEN_FIRST && h->record_len == FT_PCAP_RECORD_LEN;
}

uint32_t ft__scout_follow(const uint8_t *p, const uint8_t *end)
{
    size_t len = (size_t)(end - p), each;
    struct lane lanes[LANES];
    unsigned n = 0;
    uint32_t now_s;

    if (len < FT_PCAP_RECORD_LEN) {
        return 0;
    }
    now_s = ft_load_u32(p);
    each = len / LANES > LANE_MIN ? len / LANES + 1 : LANE_MIN;
    for (; p < end; p = lanes[n++].end) {
        lanes[n].end = (size_t)(end - p) > each ? p + each : end;
        lanes[n].p = n == 0 ? p : guess(p, lanes[n].end, now_s);
    }
    return follow(lanes, n);
}

const uint8_t *ft__scout_next(struct ft__scout *s, const uint8_t *p, const uint8_t *end)
{
    size_t left = (size_t)(end - p), len = FIRST_LOOK;
    uint32_t n;

    if (s->mean != 0) {
        len = s->mean >= MEAN_MIN ? (size_t)s->mean * RECORDS : 0;
    }
    s->until = end;
    if (len == 0 || left < FIRST_LOOK) {
        s->mean = 0; /* for another look, at the next piece of the file */
        return p;
    }
    len = len < left ? len : left;
    n = ft__scout_follow(p, p + len);
    s->mean = (uint32_t)(len / (n + 1));
    s->until = p + len;
    return s->until;
}
