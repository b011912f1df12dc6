/* SPDX-License-Identifier: Apache-2.0 */
/* base: large files, see big.h. */
#include "base/big.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

static _Thread_local const struct ft_big_table *used;
static _Thread_local uint32_t n_used;

/* ---- reading ---- */

static ssize_t read_some(int fd, void *to, size_t room)
{
    ssize_t n = read(fd, to, room);

    while (n < 0 && errno == EINTR) {
        n = read(fd, to, room);
    }
    return n;
}

/* 0 or errno. Pages that nothing is read into cost no memory. */
static int read_all(int fd, size_t most, struct ft_big *out)
{
    ssize_t n = 1;

    out->data = ft_map_alloc(most); /* huge pages: addresses come in no order */
    out->cap = most;
    while (out->data != NULL && n > 0 && out->len < most) {
        n = read_some(fd, out->data + out->len, most - out->len);
        out->len += n > 0 ? (size_t)n : 0;
    }
    return out->data == NULL ? ENOMEM : n < 0 ? errno : out->len == most ? EFBIG : 0;
}

/* 0 or errno. */
static int map_handed(const struct ft_big_table *t, size_t most, struct ft_big *out)
{
    void *p;

    if (t->file.error != 0 || t->file.len >= most) {
        return t->file.error != 0 ? t->file.error : EFBIG;
    }
    out->len = out->cap = (size_t)t->file.len;
    out->handed = true;
    if (out->len == 0) {
        return 0;
    }
    p = mmap(NULL, out->len, PROT_READ, MAP_PRIVATE, t->fd, 0);
    out->data = p != MAP_FAILED ? p : NULL;
    return p != MAP_FAILED ? 0 : errno;
}

int ft_big_read(const char *path, size_t most, struct ft_big *out)
{
    int error;

    *out = (struct ft_big){0};
    for (uint32_t i = 0; i < n_used; i++) {
        if (strcmp(used[i].file.path, path) == 0) {
            return map_handed(&used[i], most, out);
        }
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        return errno;
    }
    error = read_all(fd, most, out);
    close(fd);
    if (error != 0) {
        ft_big_free(out);
    }
    return error;
}

void ft_big_free(struct ft_big *b)
{
    if (b->handed && b->data != NULL) {
        munmap(b->data, b->len);
    } else if (!b->handed) {
        ft_map_free(b->data, b->cap);
    }
    *b = (struct ft_big){0};
}

/* ---- handing over ---- */

static bool write_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* 0 or errno. */
static int copy_all(int from, int to, size_t most, uint64_t *out_len)
{
    uint8_t piece[64 * 1024];
    ssize_t n;

    while ((n = read_some(from, piece, sizeof piece)) > 0) {
        *out_len += (uint64_t)n;
        if (*out_len >= most) {
            return EFBIG;
        }
        if (!write_all(to, piece, (size_t)n)) {
            return errno;
        }
    }
    return n < 0 ? errno : 0;
}

int ft_big_copy(const char *path, size_t most, struct ft_big_file *out)
{
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int to = -1;

    *out = (struct ft_big_file){.error = from < 0 ? errno : 0};
    snprintf(out->path, sizeof out->path, "%s", path);
    if (from < 0) {
        return -1;
    }
    to = memfd_create("table", MFD_CLOEXEC);
    out->error = to < 0 ? errno : copy_all(from, to, most, &out->len);
    close(from);
    if (to >= 0 && out->error != 0) {
        close(to);
        to = -1;
    }
    return to;
}

void ft_big_use(const struct ft_big_table *tables, uint32_t n)
{
    used = tables;
    n_used = n;
}
