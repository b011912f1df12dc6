/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes compressed input (source/file/unpack.c): gzip and zstd streams in any portions.
 *
 *   byte 0   bits 0-3 bytes of packed, 4-7 of unpacked portions
 *   rest     the file
 *
 * Properties: nothing is read or written outside the portions; a call that has both input and room
 * moves on; memory stays below a bound whatever the file asks for; the bytes that come out do not
 * depend on the portions, nor does the place where a whole file may end. */
#include <string.h>

#include "asan.h"
#include "must.h"
#include "source/file/unpack.h"

enum { OUT_MAX = 1 << 20, SLACK = 64, MEMORY_MAX = (128 << 20) + (1 << 20) };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What one way of unpacking gave. */
struct result {
    uint8_t out[OUT_MAX + SLACK];
    size_t len;
    int rc;
    bool whole, full; /* full: there may be more */
};

static struct result at_once, in_portions;

/* One call, with a copy of its input that ends where its block ends. */
static int step(struct ft__unpack *u, struct ft__unpack_io *io)
{
    struct ft__unpack_io before = *io, call = *io;
    uint8_t *copy = malloc(io->in_len > 0 ? io->in_len : 1);
    const char *what = NULL;
    int rc;

    MUST(copy != NULL);
    if (io->in_len > 0) {
        memcpy(copy, io->in, io->in_len);
    }
    call.in = copy;
    memset(io->out + io->out_len, CANARY, SLACK);
    rc = ft__unpack_run(u, &call, &what);
    MUST(call.in_len <= before.in_len && call.out_len <= before.out_len);
    MUST(call.in == copy + (before.in_len - call.in_len));
    MUST(call.out == before.out + (before.out_len - call.out_len));
    MUST(canary_lives(before.out + before.out_len, SLACK));
    MUST(rc == FT_OK || (rc == FT_E_CORRUPT && what != NULL));
    MUST(rc != FT_OK || before.in_len == 0 || before.out_len == 0 || call.in_len < before.in_len ||
         call.out_len < before.out_len);
    io->in += before.in_len - call.in_len;
    io->in_len = call.in_len;
    io->out = call.out;
    io->out_len = call.out_len;
    free(copy);
    return rc;
}

static void unpack(enum ft__pack pack, const uint8_t *data, size_t size, size_t in_step,
                   size_t out_step, struct result *r)
{
    size_t before = heap_bytes(), used = 0;
    struct ft__unpack *u;
    bool idle = false;

    r->len = 0;
    r->rc = FT_OK;
    r->full = false;
    MUST(ft__unpack_new(pack, &u) == FT_OK);
    while (r->rc == FT_OK && !idle && !r->full) {
        struct ft__unpack_io io = {.in = data + used, .out = r->out + r->len};
        size_t out_len = OUT_MAX - r->len < out_step ? OUT_MAX - r->len : out_step;

        io.in_len = size - used < in_step ? size - used : in_step;
        io.out_len = out_len;
        r->rc = step(u, &io);
        MUST(heap_bytes() <= before + MEMORY_MAX + size);
        used = (size_t)(io.in - data);
        r->len += out_len - io.out_len;
        idle = used == size && io.out_len > 0; /* nothing is left inside either */
        r->full = r->len == OUT_MAX;
    }
    r->whole = ft__unpack_whole(u);
    ft__unpack_free(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum ft__pack pack;
    size_t n;

    if (size < 5) {
        return 0;
    }
    pack = ft__unpack_detect(data + 1);
    if (pack == FT__PACK_NONE) {
        return 0;
    }
    unpack(pack, data + 1, size - 1, SIZE_MAX, OUT_MAX, &at_once);
    unpack(pack, data + 1, size - 1, 1 + (data[0] & 15u) * 7u, 1 + (data[0] >> 4) * 331u,
           &in_portions);
    n = at_once.len < in_portions.len ? at_once.len : in_portions.len;
    MUST(memcmp(at_once.out, in_portions.out, n) == 0);
    if (at_once.rc == FT_OK && in_portions.rc == FT_OK) {
        MUST(at_once.len == in_portions.len && at_once.full == in_portions.full);
        MUST(at_once.full || at_once.whole == in_portions.whole);
    }
    MUST(at_once.rc == in_portions.rc || at_once.full || in_portions.full);
    return 0;
}
