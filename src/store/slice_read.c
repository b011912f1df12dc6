/* SPDX-License-Identifier: Apache-2.0 */
/* store: slices are read, see slice.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/slice_parts.h"

enum { FOOTER_MOST = 64 << 20 };

static int read_at(int fd, void *out, size_t len, uint64_t at)
{
    uint8_t *p = out;

    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? FT_E_CORRUPT : FT_E_IO;
        }
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return FT_OK;
}

static int no_slice(const char *name, int rc, const char *why, struct ft_err *err)
{
    return ft_err_set(err, rc, "%s: %s", name, why);
}

static int check_version(const char *name, uint32_t version, struct ft_err *err)
{
    return version <= FT_STORE_VERSION
               ? FT_OK
               : ft_err_set(err, FT_E_UNSUPPORTED,
                            "%s: a slice of version %u, and this flowtap reads %d", name, version,
                            FT_STORE_VERSION);
}

static size_t block_len(const struct ft_slice *s)
{
    return sizeof(struct ft_slice_block) + (size_t)s->n * sizeof(struct ft_store_extent);
}

static const uint8_t *block_at(const struct ft_slice *s, uint32_t block)
{
    return s->footer.p + sizeof(struct ft__slice_footer) + s->n * sizeof(struct ft_store_column) +
           block * block_len(s);
}

static bool blocks_valid(const struct ft_slice *s)
{
    for (uint32_t b = 0; b < s->n_blocks; b++) {
        uint32_t rows = ft_slice_rows(s, b);

        if (rows == 0 || rows > FT_STORE_BLOCK) {
            return false;
        }
        for (uint32_t i = 0; i < s->n; i++) {
            const struct ft_store_extent *e = ft_slice_extent(s, b, i);

            if (e->at > s->footer_at || e->len > s->footer_at - e->at || e->nulls > rows ||
                !ft_store_layout_valid(&s->columns[i], e->layout)) {
                return false;
            }
        }
    }
    return true;
}

static bool footer_valid(struct ft_slice *s)
{
    const struct ft__slice_footer *f = (const void *)s->footer.p;

    if (s->footer.len < sizeof *f || f->n == 0 || f->n > FT__SLICE_COLUMNS_MOST ||
        f->n_blocks > FT__SLICE_BLOCKS_MOST) {
        return false;
    }
    s->n = f->n;
    s->n_blocks = f->n_blocks;
    s->columns = (const void *)(s->footer.p + sizeof *f);
    if (s->footer.len !=
        sizeof *f + s->n * sizeof *s->columns + (uint64_t)s->n_blocks * block_len(s)) {
        return false;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        if (!ft_store_column_valid(&s->columns[i])) {
            return false;
        }
    }
    return blocks_valid(s);
}

static int read_footer(const char *name, struct ft_store_coder *k, struct ft_slice *s,
                       struct ft_err *err)
{
    struct ft__slice_head head;
    struct ft__slice_tail tail;
    struct ft_store_buf packed = {0};

    if (s->size < sizeof head + sizeof tail || read_at(s->fd, &head, sizeof head, 0) != FT_OK ||
        read_at(s->fd, &tail, sizeof tail, s->size - sizeof tail) != FT_OK ||
        memcmp(head.magic, FT__SLICE_MAGIC, sizeof head.magic) != 0 ||
        head.order != FT__SLICE_ORDER) {
        return no_slice(name, FT_E_CORRUPT, "it is no slice, or damaged", err);
    }
    int rc = check_version(name, head.version, err);

    if (rc != FT_OK) {
        return rc;
    }
    uint64_t end = s->size - sizeof tail;

    if (memcmp(tail.magic, FT__SLICE_MAGIC, sizeof tail.magic) != 0 ||
        tail.version != head.version || tail.order != head.order || tail.footer_at > end ||
        tail.footer_len != end - tail.footer_at || tail.footer_len > FOOTER_MOST ||
        tail.footer_raw > FOOTER_MOST) {
        return no_slice(name, FT_E_CORRUPT, "its end is damaged", err);
    }
    s->footer_at = tail.footer_at;
    rc = ft_store_buf_set(&packed, tail.footer_len) ? FT_OK : FT_E_NOMEM;
    rc = rc == FT_OK ? read_at(s->fd, packed.p, packed.len, tail.footer_at) : rc;
    if (rc == FT_OK) {
        rc = ft_store_unpack(k, packed.p, packed.len, tail.footer_raw, &s->footer);
    }
    ft_store_buf_fini(&packed);
    if (rc == FT_OK && !footer_valid(s)) {
        rc = FT_E_CORRUPT;
    }
    return rc == FT_OK ? rc
                       : no_slice(name, rc,
                                  rc == FT_E_CORRUPT ? "what it says of itself is damaged"
                                                     : ft_strerror(rc),
                                  err);
}

static int open_file(int dir, const char *name)
{
    return openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

int ft_slice_open(int dir, const char *name, struct ft_store_coder *k, struct ft_slice *out,
                  struct ft_err *err)
{
    int fd = open_file(dir, name);

    if (fd < 0) {
        return no_slice(name, errno == ENOENT ? FT_E_NOT_FOUND : FT_E_IO, strerror(errno), err);
    }
    return ft_slice_take(fd, name, k, out, err);
}

int ft_slice_take(int fd, const char *name, struct ft_store_coder *k, struct ft_slice *out,
                  struct ft_err *err)
{
    struct ft_slice s = {.fd = fd};
    struct stat st;
    int rc = fstat(s.fd, &st) == 0 ? FT_OK : no_slice(name, FT_E_IO, strerror(errno), err);

    if (rc == FT_OK && !S_ISREG(st.st_mode)) {
        rc = no_slice(name, FT_E_CORRUPT, "it is no file", err);
    }
    s.size = rc == FT_OK ? (uint64_t)st.st_size : 0;
    rc = rc == FT_OK ? read_footer(name, k, &s, err) : rc;
    if (rc != FT_OK) {
        ft_slice_close(&s);
        return rc;
    }
    *out = s;
    return FT_OK;
}

void ft_slice_close(struct ft_slice *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = -1;
    ft_store_buf_fini(&s->footer);
}

void ft_slice_pause(struct ft_slice *s)
{
    close(s->fd);
    s->fd = -1;
}

int ft_slice_resume(struct ft_slice *s, int dir, const char *name)
{
    int fd = open_file(dir, name);
    struct stat st;

    if (fd < 0) {
        return errno == ENOENT ? FT_E_NOT_FOUND : FT_E_IO;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != s->size) {
        close(fd);
        return FT_E_CORRUPT;
    }
    s->fd = fd;
    return FT_OK;
}

uint32_t ft_slice_rows(const struct ft_slice *s, uint32_t block)
{
    struct ft_slice_block b;

    memcpy(&b, block_at(s, block), sizeof b);
    return b.rows;
}

const struct ft_store_extent *ft_slice_extent(const struct ft_slice *s, uint32_t block,
                                              uint32_t column)
{
    const struct ft_store_extent *of =
        (const void *)(block_at(s, block) + sizeof(struct ft_slice_block));

    return &of[column];
}

/* The bytes of a column of a block. */
static int read_column(const struct ft_slice *s, const struct ft_store_extent *e,
                       struct ft_store_buf *scratch)
{
    return ft_store_buf_set(scratch, e->len) ? read_at(s->fd, scratch->p, e->len, e->at)
                                             : FT_E_NOMEM;
}

int ft_slice_column(const struct ft_slice *s, struct ft_store_coder *k, uint32_t block,
                    uint32_t column, struct ft_store_buf *scratch, struct ft_store_values *out)
{
    return ft_slice_column_rows(s, k, block, column, NULL, 0, scratch, out);
}

int ft_slice_column_rows(const struct ft_slice *s, struct ft_store_coder *k, uint32_t block,
                         uint32_t column, const uint32_t *rows, uint32_t n_rows,
                         struct ft_store_buf *scratch, struct ft_store_values *out)
{
    const struct ft_store_extent *e = ft_slice_extent(s, block, column);
    int rc = read_column(s, e, scratch);

    return rc != FT_OK ? rc
                       : ft_store_column_get_rows(k, &s->columns[column], ft_slice_rows(s, block),
                                                  e, scratch->p, rows, n_rows, out);
}

int ft_slice_find_rows(const struct ft_slice *s, struct ft_store_coder *k, uint32_t block,
                       uint32_t column, const struct ft_store_key *key,
                       struct ft_store_buf *scratch, struct ft_store_values *nulls, uint32_t *rows,
                       uint32_t *out_n)
{
    const struct ft_store_extent *e = ft_slice_extent(s, block, column);
    int rc = read_column(s, e, scratch);

    return rc != FT_OK ? rc
                       : ft_store_column_find(k, &s->columns[column], ft_slice_rows(s, block), e,
                                              scratch->p, key, nulls, rows, out_n);
}

int ft_slice_find(const struct ft_slice *s, const char *name)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (strcmp(s->columns[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
