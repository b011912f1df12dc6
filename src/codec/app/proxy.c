/* SPDX-License-Identifier: Apache-2.0 */
/* codec: the PROXY protocol, see proxy.h. */
#include "codec/app/proxy.h"

#include <string.h>

#include "base/rd.h"

/* version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", 107 bytes at most
 * version 2: signature 12, version and command 1, family 1, length 2, so many bytes */
enum { V1_MIN = 10, V1_MAX = 107, V2_HEADER = 16, V2_VERSION = 2 };

static const char v1[] = "PROXY ";
static const char v2[] = "\r\n\r\n\0\r\nQUIT\n";

static bool begins(const uint8_t *p, size_t len, const char *with, size_t n)
{
    return memcmp(p, with, len < n ? len : n) == 0;
}

static enum ft_parse read_v1(const uint8_t *p, size_t len, size_t *out_skip)
{
    size_t max = len < V1_MAX ? len : V1_MAX;
    const uint8_t *end = memchr(p, '\n', max);

    if (end == NULL) {
        return len < V1_MAX ? FT_PARSE_MORE : FT_PARSE_NOT;
    }
    if (end - p < V1_MIN || end[-1] != '\r' ||
        (memcmp(p + sizeof v1 - 1, "TCP", 3) != 0 && memcmp(p + sizeof v1 - 1, "UNK", 3) != 0)) {
        return FT_PARSE_NOT;
    }
    *out_skip = (size_t)(end + 1 - p);
    return FT_PARSE_DONE;
}

static enum ft_parse read_v2(const uint8_t *p, size_t len, size_t *out_skip)
{
    size_t size;

    if (len < V2_HEADER) {
        return FT_PARSE_MORE;
    }
    size = V2_HEADER + (size_t)ft_load_be16(p + 14);
    if (p[12] >> 4 != V2_VERSION || (p[12] & 15) > 1) {
        return FT_PARSE_NOT;
    }
    if (len < size) {
        return FT_PARSE_MORE;
    }
    *out_skip = size;
    return FT_PARSE_DONE;
}

enum ft_parse ft_proxy_read(const uint8_t *p, size_t len, size_t *out_skip)
{
    if (begins(p, len, v1, sizeof v1 - 1)) {
        return read_v1(p, len, out_skip);
    }
    return begins(p, len, v2, sizeof v2 - 1) ? read_v2(p, len, out_skip) : FT_PARSE_NOT;
}
