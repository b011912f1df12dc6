/* SPDX-License-Identifier: Apache-2.0 */
/* codec: DTLS hellos, see dtls.h.
 *
 *   record (RFC 6347 §4.1)        type 1 | version 2 | epoch 2 | sequence 6 | length 2
 *   handshake (RFC 6347 §4.2.2)   type 1 | length 3 | number 2 | offset 3 | part's length 3 */
#include "codec/app/dtls.h"

#include "base/rd.h"

enum { CAPWAP = 4, RECORD = 13, HANDSHAKE_HEADER = 12, RECORD_MAX = 16384 + 2048 };
enum { CIPHER_SPEC = 20, HANDSHAKE = 22, DATA = 23, CLIENT_HELLO = 1, SERVER_HELLO = 2 };
enum {
    V10 = 0xfeff,
    V12 = 0xfefd,
    V13 = 0xfefc,
    V_BEFORE = 0x0100 /* of OpenSSL before RFC 4347 */
};

static uint32_t load_be24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

size_t ft_dtls_capwap(const uint8_t *p, size_t len)
{
    return len > CAPWAP && ft_load_be32(p) == 0x01000000 ? CAPWAP : 0;
}

bool ft_dtls_is(const uint8_t *p, size_t len)
{
    uint16_t version, size;

    if (len < RECORD || p[0] < CIPHER_SPEC || p[0] > DATA) {
        return false;
    }
    version = ft_load_be16(p + 1);
    size = ft_load_be16(p + 11);
    if (version != V10 && version != V12 && version != V13 &&
        (version != V_BEFORE || ft_load_be16(p + 3) > 1)) {
        return false;
    }
    return size > 0 && size <= RECORD_MAX && size <= len - RECORD;
}

/* The parts in one record. False: the caller wants no more. */
static bool read_record(struct ft_rd rd, ft_dtls_part_fn fn, void *cookie, uint32_t *n)
{
    while (ft_rd_left(&rd) >= HANDSHAKE_HEADER) { /* so many bytes less each time at least */
        const uint8_t *h = ft_rd_view(&rd, HANDSHAKE_HEADER);
        struct ft_dtls_part part = {.type = h[0],
                                    .total = load_be24(h + 1),
                                    .number = ft_load_be16(h + 4),
                                    .offset = load_be24(h + 6),
                                    .len = load_be24(h + 9)};

        part.data = ft_rd_view(&rd, part.len);
        if (part.data == NULL || part.len > part.total || part.offset > part.total - part.len) {
            return true;
        }
        if (part.type != CLIENT_HELLO && part.type != SERVER_HELLO) {
            continue;
        }
        ++*n;
        if (!fn(cookie, &part)) {
            return false;
        }
    }
    return true;
}

uint32_t ft_dtls_open(const uint8_t *p, size_t len, ft_dtls_part_fn fn, void *cookie)
{
    uint32_t n = 0;

    while (ft_dtls_is(p, len)) { /* a record less each time */
        size_t size = ft_load_be16(p + 11);

        if (p[0] == HANDSHAKE && ft_load_be16(p + 3) == 0 && /* the first epoch: in the clear */
            !read_record(ft_rd_make(p + RECORD, size), fn, cookie, &n)) {
            break;
        }
        p += RECORD + size;
        len -= RECORD + size;
    }
    return n;
}
