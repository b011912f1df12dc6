/* SPDX-License-Identifier: Apache-2.0 */
/* output: the end of the whole part of a file, for every place at which an earlier run may have
 * died, and for files that are not ours. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness.h"
#include "output/sink/tail.h"

enum { LINES = 3000, FRAMES = 4, FILE_MOST = 1 << 22 };

static uint8_t *file;
static size_t len, ends[FRAMES + 1]; /* bytes after the i-th frame */

static int memory_file(const uint8_t *data, size_t n)
{
    int fd = memfd_create("tail", 0);

    CHECK_EQ(write(fd, data, n), (ssize_t)n);
    return fd;
}

static int find(const uint8_t *data, size_t n, enum ft_pack kind, uint64_t *out)
{
    int fd = memory_file(data, n);
    int rc = ft_tail_find(fd, n, kind, out);

    close(fd);
    return rc;
}

/* Frames of lines that do not compress to nothing. */
static void make(const char *spec)
{
    struct ft_compressor *c = NULL;
    static uint8_t text[LINES * 32];
    unsigned seed = 7;

    CHECK_EQ(ft_compressor_new(spec, sizeof text, &c), FT_OK);
    len = 0;
    for (int i = 0; i < FRAMES; i++) {
        const uint8_t *z;
        size_t n = 0, zlen;

        for (int k = 0; k < LINES; k++) {
            seed = seed * 1103515245 + 12345;
            n += (size_t)snprintf((char *)text + n, sizeof text - n, "{\"a\":%u}\n", seed);
        }
        CHECK_EQ(ft_compress(c, text, n, &z, &zlen), FT_OK);
        memcpy(file + len, z, zlen);
        len += zlen;
        ends[i + 1] = len;
    }
    ft_compressor_free(c);
}

/* Cut at every place of the last frame and a few of the others: what is whole before is found. */
static void every_cut(const char *spec, enum ft_pack kind)
{
    uint64_t end;

    make(spec);
    for (size_t cut = 1; cut <= len;
         cut += cut > ends[FRAMES - 1] && cut < ends[FRAMES - 1] + 40 ? 1 : 997) {
        size_t whole = 0;

        for (int i = 0; i <= FRAMES; i++) {
            whole = ends[i] <= cut ? ends[i] : whole;
        }
        int rc = find(file, cut, kind, &end);

        CHECK_EQ(rc, FT_OK);
        CHECK_EQ(end, whole);
    }
    CHECK_EQ(find(file, len, kind, &end), FT_OK);
    CHECK_EQ(end, len);
}

/* A power cut leaves a file that is longer than what arrived: zeros, or other bytes, behind it. */
static void other_bytes_behind(const char *spec, enum ft_pack kind)
{
    uint64_t end;

    make(spec);
    memset(file + len, 0, 70000);
    CHECK_EQ(find(file, len + 70000, kind, &end), FT_OK);
    CHECK_EQ(end, len);
    memset(file + ends[2] + 100, 0, len - ends[2] - 100); /* the frame's own bytes did not arrive */
    CHECK_EQ(find(file, len, kind, &end), FT_OK);
    CHECK_EQ(end, ends[2]);
    make(spec);
    file[ends[FRAMES] - 9] ^= 1; /* the last frame's checksum is wrong */
    CHECK_EQ(find(file, len, kind, &end), FT_OK);
    CHECK_EQ(end, ends[FRAMES - 1]);
}

static void test_gzip(void)
{
    every_cut("gzip", FT_PACK_GZIP);
    other_bytes_behind("gzip", FT_PACK_GZIP);
}

static void test_zstd(void)
{
    every_cut("zstd", FT_PACK_ZSTD);
    other_bytes_behind("zstd", FT_PACK_ZSTD);
}

/* RFC 1952 2.3.1.1: the extra field tells the length, so that members can be hopped over. */
static void test_gzip_members_carry_their_size(void)
{
    make("gzip");
    for (int i = 0; i < FRAMES; i++) {
        const uint8_t *m = file + ends[i];

        CHECK_EQ(m[3], 4); /* FEXTRA alone */
        CHECK_EQ(m[12], 'F');
        CHECK_EQ(m[13], 'T');
        CHECK_EQ(m[16] | m[17] << 8 | m[18] << 16 | (unsigned)m[19] << 24, ends[i + 1] - ends[i]);
    }
}

static void test_lines(void)
{
    const char *whole = "{\"a\":1}\n{\"b\":2}\n", *torn = "{\"a\":1}\n{\"b\":";
    uint64_t end;

    CHECK_EQ(find((const uint8_t *)whole, strlen(whole), FT_PACK_NONE, &end), FT_OK);
    CHECK_EQ(end, 16);
    CHECK_EQ(find((const uint8_t *)torn, strlen(torn), FT_PACK_NONE, &end), FT_OK);
    CHECK_EQ(end, 8);
    CHECK_EQ(find((const uint8_t *)torn + 8, strlen(torn) - 8, FT_PACK_NONE, &end), FT_OK);
    CHECK_EQ(end, 0);
    memset(file, 0, 1 << 20);
    memcpy(file, torn, strlen(torn)); /* and space that a power cut left empty */
    CHECK_EQ(find(file, 1 << 20, FT_PACK_NONE, &end), FT_OK);
    CHECK_EQ(end, 8);
}

static void test_what_is_not_ours_is_not_cut(void)
{
    size_t most = (size_t)FT_TAIL_MOST + 100;
    uint8_t *big = ft_mem_alloc(1, most);
    uint64_t end = 77;

    memset(big, 'x', most);
    CHECK_EQ(find(big, most, FT_PACK_NONE, &end), FT_E_FORMAT); /* a line longer than any of ours */
    CHECK_EQ(find(big, 4000, FT_PACK_GZIP, &end), FT_E_FORMAT);
    CHECK_EQ(find(big, 4000, FT_PACK_ZSTD, &end), FT_E_FORMAT);
    CHECK_EQ(end, 77);
    ft_mem_free(big);
}

int main(void)
{
    file = ft_mem_alloc(1, FILE_MOST);
    RUN(test_lines);
#ifdef FT_HAVE_ZLIB
    RUN(test_gzip);
    RUN(test_gzip_members_carry_their_size);
#endif
#ifdef FT_HAVE_ZSTD
    RUN(test_zstd);
#endif
    RUN(test_what_is_not_ours_is_not_cut);
    ft_mem_free(file);
    return test_end();
}
