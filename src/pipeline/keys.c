/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the keys of messages, see keys.h. */
#include "pipeline/keys.h"

#include <string.h>

#include "base/mem.h"
#include "model/community.h"
#include "model/field.h"
#include "model/field_export.h"

enum { KEPT = 4096, PROTO_ICMP = 1, PROTO_ICMPV6 = 58 };

_Static_assert((int)FT_COMMUNITY_LEN <= (int)FT_KEY_MOST, "a key is a Community ID");
_Static_assert(sizeof(((struct ft_exporter_info *)0)->text) <= FT_KEY_MOST, "or an exporter");

/* What a key was made of, and the key. */
struct kept {
    struct ft_key key;
    uint8_t addr6[32];
    char text[FT_COMMUNITY_LEN];
    bool there;
};

struct ft_key_cache {
    struct kept kept[KEPT]; /* by the hash of the flow */
};

struct ft_key_cache *ft_key_cache_new(void)
{
    return ft_mem_alloc(1, sizeof(struct ft_key_cache));
}

static void community_of(const struct ft_packet *pkt, char *out)
{
    bool v6 = (pkt->key.bits & FT_KEY_V6) != 0;
    struct ft_community c = {
        .src = v6 ? pkt->addr6 : (const uint8_t *)&pkt->key.addr[0],
        .dst = v6 ? pkt->addr6 + 16 : (const uint8_t *)&pkt->key.addr[1],
        .ip_version = v6 ? 6 : 4,
        .proto = pkt->key.proto,
        .src_port = pkt->key.port[0],
        .dst_port = pkt->key.port[1],
        .one_way = (pkt->key.bits & FT_KEY_ONE_WAY) != 0,
    };

    ft_community_id(&c, out);
}

size_t ft_key_packet(struct ft_key_cache *cache, enum ft_keys keys, const struct ft_packet *pkt,
                     uint8_t *out)
{
    struct kept *k = &cache->kept[pkt->hash % KEPT];

    if (keys != FT_KEYS_FLOW) {
        return 0;
    }
    if (!k->there || memcmp(&k->key, &pkt->key, sizeof k->key) != 0 ||
        ((pkt->key.bits & FT_KEY_V6) && memcmp(k->addr6, pkt->addr6, sizeof k->addr6) != 0)) {
        k->key = pkt->key;
        if (pkt->key.bits & FT_KEY_V6) {
            memcpy(k->addr6, pkt->addr6, sizeof k->addr6);
        }
        k->there = true;
        community_of(pkt, k->text);
    }
    memcpy(out, k->text, FT_COMMUNITY_LEN);
    return FT_COMMUNITY_LEN;
}

size_t ft_key_flow(enum ft_keys keys, const struct ft_flow_record *rec, uint8_t *out)
{
    struct ft_community c = {.src = rec->src,
                             .dst = rec->dst,
                             .ip_version = rec->ip_version,
                             .proto = rec->proto,
                             .src_port = rec->src_port,
                             .dst_port = rec->dst_port,
                             .one_way = rec->one_way};

    if (keys != FT_KEYS_FLOW) {
        return 0;
    }
    ft_community_id(&c, (char *)out);
    return FT_COMMUNITY_LEN;
}

static size_t exporter_key(const struct ft_exporter_info *x, uint8_t *out)
{
    size_t len = x != NULL ? strlen(x->text) : 0;

    memcpy(out, len > 0 ? x->text : "", len);
    return len;
}

size_t ft_key_export(enum ft_keys keys, const struct ft_export_record *rec, uint8_t *out)
{
    bool icmp = rec->proto == PROTO_ICMP || rec->proto == PROTO_ICMPV6;
    struct ft_community c = {.src = rec->src,
                             .dst = rec->dst,
                             .ip_version = rec->ip_version,
                             .proto = rec->proto,
                             .src_port = icmp ? 0 : rec->src_port,
                             .dst_port = icmp ? 0 : rec->dst_port};

    if (keys == FT_KEYS_EXPORTER) {
        return exporter_key(rec->exporter, out);
    }
    if (keys != FT_KEYS_FLOW || rec->ip_version == 0 ||
        (rec->has & FT_XR_ADDRESSES) != FT_XR_ADDRESSES) {
        return 0;
    }
    ft_community_id(&c, (char *)out);
    return FT_COMMUNITY_LEN;
}

size_t ft_key_event(struct ft_key_cache *cache, enum ft_keys keys, enum ft_event event,
                    const void *what, uint8_t *out)
{
    const struct ft_export_sample *s = what;

    if (keys == FT_KEYS_EXPORTER) {
        return exporter_key(ft_export_head(event, what).exporter, out);
    }
    return (event == FT_EVENT_SAMPLE || event == FT_EVENT_DISCARD) && s->pkt != NULL
               ? ft_key_packet(cache, keys, s->pkt, out)
               : 0;
}
