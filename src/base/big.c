/* SPDX-License-Identifier: Apache-2.0 */
/* base: large files, see big.h. */
#include "base/big.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"

/* 0 or errno. Pages that nothing is read into cost no memory. */
static int read_all(int fd, size_t most, struct ft_big *out)
{
    ssize_t n = 1;

    out->data = ft_map_alloc_sparse(most);
    out->cap = most;
    while (out->data != NULL && n > 0 && out->len < most) {
        n = read(fd, out->data + out->len, most - out->len);
        n = n < 0 && errno == EINTR ? 1 : n;
        out->len += n > 0 ? (size_t)n : 0;
    }
    return out->data == NULL ? ENOMEM : n < 0 ? errno : out->len == most ? EFBIG : 0;
}

int ft_big_read(const char *path, size_t most, struct ft_big *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int error = fd < 0 ? errno : 0;

    *out = (struct ft_big){0};
    if (fd >= 0) {
        error = read_all(fd, most, out);
        close(fd);
    }
    if (error != 0) {
        ft_big_free(out);
    }
    return error;
}

void ft_big_free(struct ft_big *b)
{
    ft_map_free(b->data, b->cap);
    *b = (struct ft_big){0};
}
