/* SPDX-License-Identifier: Apache-2.0 */
/* base: secrets, see secret.h. */
#include "base/secret.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/whole.h"

enum { SECRET_MOST = 64 * 1024 };

void ft_secret_forget(char *secret)
{
    if (secret != NULL) {
        explicit_bzero(secret, strlen(secret));
        ft_mem_free(secret);
    }
}

int ft_secret_read(const char *name, char **out, struct ft_err *err)
{
    size_t len;
    char *text;

    if (name[0] != '@') {
        *out = ft_mem_strdup(name);
        return *out != NULL ? FT_OK : ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    text = ft_whole_read(name + 1, SECRET_MOST, &len);
    if (text == NULL) {
        return ft_err_set(err, errno == ENOMEM ? FT_E_NOMEM : FT_E_IO, "%s: %s", name + 1,
                          strerror(errno));
    }
    if (memchr(text, '\0', len) != NULL) { /* what is behind it would not count */
        explicit_bzero(text, len);
        ft_mem_free(text);
        return ft_err_set(err, FT_E_USAGE, "%s: there is a NUL in it", name + 1);
    }
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        text[--len] = '\0';
    }
    *out = text;
    return FT_OK;
}
