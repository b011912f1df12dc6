/* SPDX-License-Identifier: Apache-2.0 */
/* model: Community ID v1, see community.h. */
#include "model/community.h"

#include <string.h>

#include "base/sha1.h"

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 20 bytes to 28 characters, RFC 4648 §4. */
static void encode(const uint8_t *in, char *out)
{
    for (int i = 0; i < 21; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | (i < 18 ? in[i + 2] : 0u);

        *out++ = base64[v >> 18];
        *out++ = base64[v >> 12 & 63];
        *out++ = base64[v >> 6 & 63];
        *out++ = i < 18 ? base64[v & 63] : '=';
    }
}

static bool has_ports(uint8_t proto)
{
    return proto == 6 || proto == 17 || proto == 132 || proto == 1 || proto == 58;
}

void ft_community_id(const struct ft_community *c, char out[FT_COMMUNITY_LEN])
{
    uint8_t msg[2 + 32 + 2 + 4] = {0}, digest[21];
    size_t alen = c->ip_version == 4 ? 4 : 16, n = 2;
    int order = memcmp(c->src, c->dst, alen);
    bool turn = !c->one_way && (order > 0 || (order == 0 && c->src_port > c->dst_port));
    uint16_t port[2] = {turn ? c->dst_port : c->src_port, turn ? c->src_port : c->dst_port};

    memcpy(msg + n, turn ? c->dst : c->src, alen);
    memcpy(msg + n + alen, turn ? c->src : c->dst, alen);
    n += 2 * alen;
    msg[n++] = c->proto;
    msg[n++] = 0;
    for (int i = 0; i < 2 && has_ports(c->proto); i++) {
        msg[n++] = (uint8_t)(port[i] >> 8);
        msg[n++] = (uint8_t)port[i];
    }
    ft_sha1_short(msg, n, digest);
    digest[20] = 0;
    out[0] = '1';
    out[1] = ':';
    encode(digest, out + 2);
}
