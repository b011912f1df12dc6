/* SPDX-License-Identifier: Apache-2.0 */
/* feature/bytes: zeros for addresses and ports, see mask.h. */
#include "feature/bytes/mask.h"

#include <stdbool.h>
#include <string.h>

#include "model/field.h"

enum { IP4_LEN = 20, IP6_LEN = 40, DEEP = 3, NONE = 256 };
enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, OPTIONS = 60 };
enum { ICMP = 1, IGMP = 2, IPV4 = 4, IPV6 = 41, ICMPV6 = 58 };

struct headers {
    uint8_t *p;
    uint32_t len;
    const uint8_t *whole;
    uint32_t whole_len;
};

static void zero(const struct headers *h, uint32_t from, uint32_t n)
{
    if (from < h->len) {
        memset(h->p + from, 0, n < h->len - from ? n : h->len - from);
    }
}

/* ---- IP ---- */

static bool holds_addresses(uint8_t option)
{
    enum { RECORD_ROUTE = 7, TIMES = 68, LOOSE_ROUTE = 131, STRICT_ROUTE = 137 };

    return option == RECORD_ROUTE || option == TIMES || option == LOOSE_ROUTE ||
           option == STRICT_ROUTE;
}

/* Options of IPv4 (RFC 791 §3.1) from at up to end, which was captured. */
static void mask_options(const struct headers *h, uint32_t at, uint32_t end)
{
    enum { END = 0, NO_OPERATION = 1, HEAD = 3 };

    while (at < end && h->whole[at] != END) {
        uint32_t n = h->whole[at] == NO_OPERATION ? 1 : at + 1 < end ? h->whole[at + 1] : 0;

        if (n == 0 || n > end - at) {
            return;
        }
        if (n > HEAD && holds_addresses(h->whole[at])) {
            zero(h, at + HEAD, n - HEAD);
        }
        at += n;
    }
}

/* Returns where the next header begins, and which it is. */
static uint32_t mask_ip4(const struct headers *h, uint32_t at, uint32_t *out_next)
{
    const uint8_t *p = h->whole + at;

    zero(h, at + 12, 8);
    *out_next = NONE;
    if (h->whole_len - at < IP4_LEN) {
        return at;
    }
    uint32_t end = at + (p[0] & 15) * 4u, captured = end < h->whole_len ? end : h->whole_len;

    mask_options(h, at + IP4_LEN, captured);
    if (((p[6] & 0x1f) | p[7]) == 0) { /* not a later fragment, as an error may quote it */
        *out_next = p[9];
    }
    if (*out_next == AUTHENTICATION && end + 1 < h->whole_len) {
        *out_next = h->whole[end];
        end += 8 + h->whole[end + 1] * 4u;
    }
    return end;
}

static uint32_t mask_ip6(const struct headers *h, uint32_t at, uint32_t *out_next)
{
    uint32_t next = h->whole_len - at > IP6_LEN ? h->whole[at + 6] : NONE;

    zero(h, at + 8, 32);
    at += IP6_LEN;
    while ((next == HOP_BY_HOP || next == ROUTING || next == FRAGMENT || next == OPTIONS ||
            next == AUTHENTICATION) &&
           at + 3 < h->whole_len) { /* each takes 8 bytes at least */
        const uint8_t *p = h->whole + at;
        uint32_t more = next == FRAGMENT ? 0 : p[1] * (next == AUTHENTICATION ? 4u : 8u);
        bool later = next == FRAGMENT && (p[2] | (p[3] & 0xf8)) != 0;

        if (next == ROUTING) {
            zero(h, at + 8, more);
        }
        next = later ? NONE : p[0];
        at += 8 + more;
    }
    *out_next = next;
    return at;
}

/* ---- what is behind it ---- */

/* Where the packet that an ICMP message quotes begins, from its own beginning on; 0: it has none.
 * What else it tells of hosts becomes zeros. */
static uint32_t mask_icmp(const struct headers *h, uint32_t at)
{
    enum { UNREACHABLE = 3, QUENCH = 4, REDIRECT = 5, ROUTER = 9, EXCEEDED = 11, PROBLEM = 12 };

    switch (h->whole[at]) {
    case REDIRECT:
        zero(h, at + 4, 4);
        return 8;
    case UNREACHABLE:
    case QUENCH:
    case EXCEEDED:
    case PROBLEM:
        return 8;
    case ROUTER:
        zero(h, at + 8, h->len);
        return 0;
    default:
        return 0;
    }
}

static uint32_t mask_icmp6(const struct headers *h, uint32_t at)
{
    enum { LAST_ERROR = 127, LISTENERS = 130, REDIRECT = 137, REPORT = 143 };
    uint8_t type = h->whole[at];

    if ((type >= LISTENERS && type <= REDIRECT) || type == REPORT) {
        zero(h, at + 8, h->len);
    }
    return type <= LAST_ERROR ? 8 : 0;
}

void ft__bytes_mask(uint8_t *p, uint32_t len, const uint8_t *whole, uint32_t whole_len)
{
    const struct headers h = {p, len, whole, whole_len};
    uint32_t at = 0, next, quoted;

    for (int deep = 0; deep < DEEP && at < whole_len; deep++) {
        at = whole[at] >> 4 == 4 ? mask_ip4(&h, at, &next) : mask_ip6(&h, at, &next);
        if (at >= whole_len || next == NONE) {
            return;
        }
        if (ft_proto_has_ports((uint8_t)next)) {
            zero(&h, at, 4);
            return;
        }
        if (next == IGMP) {
            zero(&h, at + 4, len);
            return;
        }
        quoted = next == ICMP ? mask_icmp(&h, at) : next == ICMPV6 ? mask_icmp6(&h, at) : 0;
        if (quoted == 0 && next != IPV4 && next != IPV6) {
            return;
        }
        at += quoted;
    }
}
