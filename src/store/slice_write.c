/* SPDX-License-Identifier: Apache-2.0 */
/* store: slices are written, see slice.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "store/slice_parts.h"

static int write_all(int fd, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno != EINTR) {
            return FT_E_IO;
        }
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return FT_OK;
}

static void part_name(const struct ft_slice_writer *w, char out[FT_STORE_FILE + 8])
{
    snprintf(out, FT_STORE_FILE + 8, "%s" FT_FILE_PART, w->name);
}

void ft_slice_writer_fini(struct ft_slice_writer *w)
{
    ft_slice_give_up(w);
    ft_store_buf_fini(&w->meta);
    ft_store_buf_fini(&w->block);
    ft_store_values_fini(&w->values);
}

static uint32_t version_of(const struct ft_store_column *columns, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (columns[i].cell == FT__CELL_VECTOR) {
            return FT_STORE_VERSION;
        }
    }
    return 1;
}

int ft_slice_begin(struct ft_slice_writer *w, const char *name,
                   const struct ft_store_column *columns, uint32_t n)
{
    struct ft__slice_head head = {.version = version_of(columns, n), .order = FT__SLICE_ORDER};
    char part[FT_STORE_FILE + 8];

    memcpy(head.magic, FT__SLICE_MAGIC, sizeof head.magic);
    snprintf(w->name, sizeof w->name, "%s", name);
    part_name(w, part);
    w->fd = openat(w->dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                   FT_FILE_MODE_DEFAULT);
    if (w->fd < 0) {
        return FT_E_IO;
    }
    w->open = true;
    w->version = head.version;
    w->columns = columns;
    w->n = n;
    w->n_blocks = 0;
    w->rows = 0;
    w->meta.len = 0;
    w->at = sizeof head;
    int rc = write_all(w->fd, &head, sizeof head);

    if (rc != FT_OK) {
        ft_slice_give_up(w);
    }
    return rc;
}

int ft_slice_add(struct ft_slice_writer *w, uint32_t rows, ft_slice_fill_fn fill, void *cookie)
{
    struct ft_slice_block head = {.rows = rows};
    int rc = ft_store_buf_add(&w->meta, &head, sizeof head) ? FT_OK : FT_E_NOMEM;

    w->block.len = 0;
    for (uint32_t i = 0; i < w->n && rc == FT_OK; i++) {
        struct ft_store_extent ext;
        uint64_t at = w->at + w->block.len;

        rc = fill(cookie, i, &w->values);
        if (rc == FT_OK) {
            rc = ft_store_column_put(w->coder, &w->columns[i], &w->values, &w->block, &ext);
        }
        ext.at = at;
        if (rc == FT_OK && !ft_store_buf_add(&w->meta, &ext, sizeof ext)) {
            rc = FT_E_NOMEM;
        }
    }
    rc = rc == FT_OK ? write_all(w->fd, w->block.p, w->block.len) : rc;
    w->at += w->block.len;
    w->rows += rows;
    w->n_blocks++;
    return rc;
}

static int put_end(struct ft_slice_writer *w)
{
    struct ft__slice_footer foot = {.n = w->n, .n_blocks = w->n_blocks};
    struct ft__slice_tail tail = {
        .footer_at = w->at, .version = w->version, .order = FT__SLICE_ORDER};
    struct ft_store_buf raw = {0};

    memcpy(tail.magic, FT__SLICE_MAGIC, sizeof tail.magic);
    w->block.len = 0;
    bool good = ft_store_buf_add(&raw, &foot, sizeof foot) &&
                ft_store_buf_add(&raw, w->columns, w->n * sizeof *w->columns) &&
                ft_store_buf_add(&raw, w->meta.p, w->meta.len) &&
                ft_store_pack(w->coder, raw.p, raw.len, &w->block) == FT_OK;

    tail.footer_len = (uint32_t)w->block.len;
    tail.footer_raw = (uint32_t)raw.len;
    good = good && ft_store_buf_add(&w->block, &tail, sizeof tail);
    ft_store_buf_fini(&raw);
    return good ? write_all(w->fd, w->block.p, w->block.len) : FT_E_NOMEM;
}

int ft_slice_end(struct ft_slice_writer *w)
{
    char part[FT_STORE_FILE + 8];
    int rc = put_end(w);

    part_name(w, part);
    if (rc == FT_OK && fdatasync(w->fd) != 0) {
        rc = FT_E_IO;
    }
    if (rc == FT_OK && renameat(w->dir, part, w->dir, w->name) != 0) {
        rc = FT_E_IO;
    }
    if (rc != FT_OK) {
        ft_slice_give_up(w);
        return rc;
    }
    w->at += w->block.len;
    close(w->fd);
    w->open = false;
    return FT_OK;
}

void ft_slice_give_up(struct ft_slice_writer *w)
{
    char part[FT_STORE_FILE + 8];
    int error = errno;

    if (w->open) {
        part_name(w, part);
        unlinkat(w->dir, part, 0); /* best effort: the next start removes it, too */
        close(w->fd);
        w->open = false;
    }
    errno = error;
}
