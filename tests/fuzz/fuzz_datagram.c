/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes decode/datagram: packets, many of them fragments, to UDP payloads. The input is packets:
 *
 *     [link 1][clock 1][length 2][packet ...]
 *
 * Properties: a payload lies in readable bytes, is at most 65527 long, and has a sender; a packet
 * that is no fragment gives a payload of its own bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "decode/datagram.h"
#include "mutate.h"

MUTATE_AS(mutate_datagrams);

enum { HEAD = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static size_t one(struct ft_datagrams *d, const uint8_t *data, size_t size, int64_t *now_ns)
{
    static const int64_t steps[] = {
        0, 1000000, 31000000000, -1000000, -61000000000, INT64_C(1) << 62, INT64_MIN / 2, 5};
    static const uint16_t links[] = {FT_LINK_ETHERNET, FT_LINK_RAW, FT_LINK_ETHERNET, 113};
    size_t len = ft_load_be16(data + 2);
    struct ft_peer peer;
    const uint8_t *out = NULL;
    uint32_t n = 0;
    uint8_t *copy;

    len = len < size - HEAD ? len : size - HEAD;
    copy = malloc(len > 0 ? len : 1);
    must(copy != NULL);
    memcpy(copy, data + HEAD, len);
    *now_ns = (int64_t)((uint64_t)*now_ns + (uint64_t)steps[data[1] & 7]);
    struct ft_view v = {.data = copy,
                        .caplen = (uint32_t)len,
                        .len = (uint32_t)len + (data[0] >> 4),
                        .linktype = links[data[0] & 3],
                        .ts_ns = *now_ns};
    enum ft_verdict verdict = ft_datagram_take(d, &v, &peer, &out, &n);

    if (verdict == FT_V_DECODED) {
        must(n <= 65535 - 8 && (peer.ip_version == 4 || peer.ip_version == 6));
        for (uint32_t i = 0; i < n; i++) {
            sink = out[i];
        }
        if (out >= copy && out < copy + len) {
            must(n <= (size_t)(copy + len - out));
        }
    }
    free(copy);
    return HEAD + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ft_datagrams *d;
    int64_t now_ns = INT64_C(1700000000000000000);

    must(ft_datagrams_new(&d) == FT_OK);
    for (size_t at = 0; size - at >= HEAD;) {
        at += one(d, data + at, size - at, &now_ns);
    }
    ft_datagrams_free(d);
    return 0;
}
