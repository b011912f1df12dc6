/* SPDX-License-Identifier: Apache-2.0 */
/* merge: what a record adds to its flow. */
#include <arpa/inet.h>
#include <string.h>

#include "merge/internal.h"
#include "model/community.h"

#define OF(slot) (&r->of[FT__MERGE_##slot])

/* Up to eight bytes of a text. */
FT_INLINE uint64_t word(const struct ft__span *s, uint32_t from)
{
    uint64_t v;

    if (s->len <= from) {
        return 0;
    }
    memcpy(&v, s->at + from, sizeof v);
    return s->len - from < 8 ? v & ((UINT64_C(1) << 8 * (s->len - from)) - 1) : v;
}

/* Sixteen bytes at a time; most texts have no more. b may be NULL, and has eight at most that
 * matter. */
FT_INLINE uint64_t hash_text(const struct ft_hash_seed *seed, const struct ft__span *a,
                             const struct ft__span *b)
{
    uint64_t h = a->len + (b != NULL ? word(b, 0) << 8 : 0);

    for (uint32_t i = 0; i == 0 || i < a->len; i += 16) {
        h = ft_hash_16(seed, h ^ word(a, i), word(a, i + 8));
    }
    return h;
}

static bool address(const struct ft__span *s, uint8_t out[16], uint8_t *version)
{
    char text[INET6_ADDRSTRLEN];

    if (s->at == NULL || !s->text || s->len >= sizeof text) {
        return false;
    }
    memcpy(text, s->at, s->len);
    text[s->len] = '\0';
    *version = memchr(text, ':', s->len) != NULL ? 6 : 4;
    return inet_pton(*version == 4 ? AF_INET : AF_INET6, text, out) == 1;
}

/* The Community ID, as it is told or worked out: exporters send none. */
static bool key_of(const struct ft__record *r, char out[FT__FLOWS_KEY])
{
    const struct ft__span *told = OF(COMMUNITY);
    uint8_t src[16], dst[16], version, other;
    uint64_t proto, from = 0, to = 0;

    memset(out, 0, FT__FLOWS_KEY);
    if (told->at != NULL && told->text) {
        memcpy(out, told->at, told->len < FT__FLOWS_KEY ? told->len : FT__FLOWS_KEY);
        return told->len > 0 && told->len < FT__FLOWS_KEY;
    }
    if (told->at != NULL || !address(OF(SRC_IP), src, &version) ||
        !address(OF(DST_IP), dst, &other) || other != version ||
        !ft__span_u64(OF(PROTOCOL), &proto) || proto > UINT8_MAX) {
        return false;
    }
    (void)(ft__span_u64(OF(SRC_PORT), &from) && ft__span_u64(OF(DST_PORT), &to));
    struct ft_community c = {.src = src,
                             .dst = dst,
                             .ip_version = version,
                             .proto = (uint8_t)proto,
                             .src_port = (uint16_t)from,
                             .dst_port = (uint16_t)to};

    ft_community_id(&c, out);
    return true;
}

FT_INLINE bool pair(const struct ft__record *r, enum ft__merge_slot fwd, enum ft__merge_slot rev,
                    uint64_t *out)
{
    return ft__span_u64(&r->of[fwd], &out[0]) && ft__span_u64(&r->of[rev], &out[1]);
}

/* Packets and bytes: since the record before where that is told, else in all. */
static bool counts(const struct ft__record *r, struct ft__said *out)
{
    uint64_t all[2], *n = out->m.n;
    bool whole = pair(r, FT__MERGE_FWD_PACKETS, FT__MERGE_REV_PACKETS, all);

    out->m.known = 1 << FT__COUNT_PACKETS / 2 | 1 << FT__COUNT_BYTES / 2;
    if (pair(r, FT__MERGE_FWD_PACKETS_DELTA, FT__MERGE_REV_PACKETS_DELTA, n) &&
        pair(r, FT__MERGE_FWD_BYTES_DELTA, FT__MERGE_REV_BYTES_DELTA, n + FT__COUNT_BYTES)) {
        out->adds = true;
        whole = whole && all[0] == n[0] && all[1] == n[1];
    } else if (whole && pair(r, FT__MERGE_FWD_BYTES, FT__MERGE_REV_BYTES, n + FT__COUNT_BYTES)) {
        n[0] = all[0];
        n[1] = all[1];
    } else if (ft__span_u64(OF(PACKETS), &n[0]) && ft__span_u64(OF(BYTES), &n[FT__COUNT_BYTES])) {
        n[1] = n[FT__COUNT_BYTES + 1] = 0;
        out->adds = OF(ADDRESS)->at != NULL; /* exporters count from record to record */
        whole = true;
    } else {
        return false;
    }
    /* in all only: of a flow whose beginning was another record they say too much */
    bool ip =
        whole && pair(r, FT__MERGE_FWD_IP_BYTES, FT__MERGE_REV_IP_BYTES, n + FT__COUNT_IP_BYTES);
    bool payload =
        whole && pair(r, FT__MERGE_FWD_PAYLOAD, FT__MERGE_REV_PAYLOAD, n + FT__COUNT_PAYLOAD);

    out->m.known |= (uint8_t)(ip << FT__COUNT_IP_BYTES / 2 | payload << FT__COUNT_PAYLOAD / 2);
    return true;
}

bool ft__said_of(const struct ft__record *r, const struct ft__flows *f,
                 const struct ft__observer *who, uint32_t number, struct ft__said *out)
{
    uint64_t flags[2] = {0, 0}, rate;

    out->adds = false;
    out->m.flags[0] = out->m.flags[1] = 0;
    memset(out->m.n, 0, sizeof out->m.n);
    if (OF(FLOW_ID)->at == NULL || !ft__span_us(OF(FIRST), &out->first_us) ||
        !ft__span_us(OF(LAST), &out->last_us) || !ft__span_us(OF(TIMESTAMP), &out->time_us) ||
        !key_of(r, out->key) || !counts(r, out)) {
        return false;
    }
    out->m.flow = hash_text(&f->seed, OF(FLOW_ID), NULL);
    out->m.observer = number;
    out->m.rate = who->rate;
    if (who->rate == 0) {
        out->m.rate =
            ft__span_u64(OF(RATE), &rate) && rate > 0 && rate <= UINT32_MAX ? (uint32_t)rate : 1;
    }
    if (pair(r, FT__MERGE_FWD_FLAGS, FT__MERGE_REV_FLAGS, flags)) {
        out->m.flags[0] = (uint8_t)flags[0];
        out->m.flags[1] = (uint8_t)flags[1];
    }
    out->from = hash_text(&f->seed, OF(SRC_IP), OF(SRC_PORT));
    out->to = hash_text(&f->seed, OF(DST_IP), OF(DST_PORT));
    return true;
}
