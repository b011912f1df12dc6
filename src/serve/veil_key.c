/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the key in the folder of a store.
 *
 * It is made under another name and linked to its own, which fails when somebody else was first:
 * then that one holds. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/veil_key.h"

#define KEY_FILE "privacy.key"

static int failed(const char *folder, const char *what, struct ft_err *err)
{
    return ft_err_set(err, FT_E_IO, "%s/" KEY_FILE ": %s: %s", folder, what, strerror(errno));
}

static bool write_key(int dir, const char *name)
{
    uint8_t key[FT_VEIL_KEY];
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        return false;
    }
    bool good = getrandom(key, sizeof key, 0) == (ssize_t)sizeof key &&
                write(fd, key, sizeof key) == (ssize_t)sizeof key && fsync(fd) == 0;

    explicit_bzero(key, sizeof key);
    return close(fd) == 0 && good;
}

static int make_key(int dir, const char *folder, struct ft_err *err)
{
    char name[64];
    uint64_t number;
    int rc = FT_OK;

    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
        return failed(folder, "no random numbers", err);
    }
    snprintf(name, sizeof name, KEY_FILE ".%016llx", (unsigned long long)number);
    if (!write_key(dir, name)) {
        rc = failed(folder, "it cannot be made", err);
    } else if (linkat(dir, name, dir, KEY_FILE, 0) != 0 && errno != EEXIST) {
        rc = failed(folder, "it cannot be made", err);
    }
    unlinkat(dir, name, 0);
    return rc == FT_OK && fsync(dir) != 0 ? failed(folder, "it cannot be made", err) : rc;
}

static int read_key(int fd, const char *folder, uint8_t out[FT_VEIL_KEY], struct ft_err *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return ft_err_set(err, FT_E_IO, "%s/" KEY_FILE ": it is no file", folder);
    }
    if ((st.st_mode & 077) != 0) {
        return ft_err_set(err, FT_E_IO, "%s/" KEY_FILE ": others may read or write it (mode %03o)",
                          folder, (unsigned)st.st_mode & 0777);
    }
    if (st.st_size != FT_VEIL_KEY || read(fd, out, FT_VEIL_KEY) != FT_VEIL_KEY) {
        return ft_err_set(err, FT_E_IO, "%s/" KEY_FILE ": it is not %d bytes long", folder,
                          FT_VEIL_KEY);
    }
    return FT_OK;
}

static int open_key(int dir, const char *folder, uint8_t out[FT_VEIL_KEY], struct ft_err *err)
{
    enum { FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC };
    int fd = openat(dir, KEY_FILE, FLAGS), rc;

    if (fd < 0 && errno == ENOENT) {
        rc = make_key(dir, folder, err);
        if (rc != FT_OK) {
            return rc;
        }
        fd = openat(dir, KEY_FILE, FLAGS);
    }
    if (fd < 0) {
        return failed(folder, "it cannot be read", err);
    }
    rc = read_key(fd, folder, out, err);
    close(fd);
    return rc;
}

int ft_veil_key(const char *folder, uint8_t out[FT_VEIL_KEY], struct ft_err *err)
{
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0) {
        return failed(folder, "it cannot be read", err);
    }
    int rc = open_key(dir, folder, out, err);

    close(dir);
    return rc;
}
