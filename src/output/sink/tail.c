/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: the whole part of a file, see tail.h. */
#include "output/sink/tail.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum { TRIES = 64 }; /* marks that are looked at: a file may be made of them */

static int read_at(int fd, uint8_t *buf, size_t len, uint64_t off)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = pread(fd, buf + at, len - at, (off_t)(off + at));

        if (n == 0 || (n < 0 && errno != EINTR)) {
            return FT_E_IO;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return FT_OK;
}

/* Lines end with a newline. One that was never ended at the very start counts as torn. */
static int last_line(const uint8_t *buf, size_t len, uint64_t off, uint64_t *out_end)
{
    const uint8_t *nl = memrchr(buf, '\n', len);

    if (nl == NULL && off > 0) {
        return FT_E_FORMAT;
    }
    *out_end = nl != NULL ? off + (uint64_t)(nl + 1 - buf) : 0;
    return FT_OK;
}

/* The last frame that unpacks to its end: looked for from behind, so that the time does not depend
 * on the size of the file. A mark that stands there by chance does not unpack. */
static int last_frame(enum ft_pack kind, const uint8_t *buf, size_t len, uint64_t off,
                      uint64_t *out_end)
{
    if (off == 0 && len < FT_FRAME_MARK && ft_frame_begins(kind, buf, len)) {
        *out_end = 0; /* the mark of the first one was cut */
        return FT_OK;
    }
    int tries = TRIES;

    for (size_t at = len >= FT_FRAME_MARK ? len - FT_FRAME_MARK + 1 : 0; at-- > 0 && tries > 0;) {
        size_t n;

        if (!ft_frame_begins(kind, buf + at, len - at)) {
            continue;
        }
        tries--;
        int rc = ft_frame_check(kind, buf + at, len - at, FT_TAIL_UNPACKED_MOST, &n);

        if (rc == FT_OK) {
            *out_end = off + at + n;
            return FT_OK;
        }
        if (rc == FT_E_NOMEM || rc == FT_E_UNSUPPORTED) {
            return rc;
        }
        if (rc == FT_E_TRUNCATED && off + at == 0) { /* the first one was never finished */
            *out_end = 0;
            return FT_OK;
        }
    }
    return FT_E_FORMAT;
}

int ft_tail_find(int fd, uint64_t size, enum ft_pack kind, uint64_t *out_end)
{
    size_t len = size < FT_TAIL_MOST ? (size_t)size : FT_TAIL_MOST;
    uint8_t *buf = ft_mem_alloc(1, len);
    int rc = buf == NULL ? FT_E_NOMEM : read_at(fd, buf, len, size - len);

    if (rc == FT_OK) {
        rc = kind == FT_PACK_NONE ? last_line(buf, len, size - len, out_end)
                                  : last_frame(kind, buf, len, size - len, out_end);
    }
    ft_mem_free(buf);
    return rc;
}
