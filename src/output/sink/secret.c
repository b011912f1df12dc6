/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: secrets, see secret.h. */
#include "output/sink/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum { SECRET_MOST = 64 * 1024 };

void ft_secret_forget(char *secret)
{
    if (secret != NULL) {
        explicit_bzero(secret, strlen(secret));
        ft_mem_free(secret);
    }
}

char *ft_secret_file(const char *path, size_t most, size_t *out_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *text = fd >= 0 ? ft_mem_alloc(1, most + 1) : NULL;
    size_t len = 0;
    ssize_t n = -1;
    int error = errno;

    if (text != NULL) {
        while (len < most && (n = read(fd, text + len, most - len)) > 0) {
            len += (size_t)n;
        }
        error = n < 0 ? errno : len == most ? EFBIG : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (text != NULL && error != 0) {
        explicit_bzero(text, len);
        ft_mem_free(text);
        text = NULL;
    }
    errno = error;
    *out_len = len;
    return text;
}

int ft_secret_read(const char *name, char **out, struct ft_err *err)
{
    size_t len;
    char *text;

    if (name[0] != '@') {
        *out = ft_mem_strdup(name);
        return *out != NULL ? FT_OK : ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    text = ft_secret_file(name + 1, SECRET_MOST, &len);
    if (text == NULL) {
        return ft_err_set(err, errno == ENOMEM ? FT_E_NOMEM : FT_E_IO, "%s: %s", name + 1,
                          strerror(errno));
    }
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        text[--len] = '\0';
    }
    *out = text;
    return FT_OK;
}
