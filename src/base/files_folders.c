/* SPDX-License-Identifier: Apache-2.0 */
/* base: folders of a time below a place's folder, see files.h.
 *
 * They are made by who opens files, as deep as a call names them, and never followed when they are
 * links. One of another owner than ours or the place's is not used. No handle of them is kept: they
 * are looked up with each call, of which there are few. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files_parts.h"

enum { LEVELS = 4 };

/* Who may read a file may look into its folder. */
static mode_t folder_mode(const struct ft__place *p)
{
    return p->mode | (p->mode & 0444) >> 2;
}

static int dress(const struct ft__place *p, int fd)
{
    if (p->group >= 0 && fchown(fd, (uid_t)-1, (gid_t)p->group) != 0) {
        return errno;
    }
    return p->mode_exact && fchmod(fd, folder_mode(p)) != 0 ? errno : 0;
}

/* One folder further. errno or 0. */
static int step(const struct ft__place *p, uid_t trusted, int at, const char *name, bool make,
                int *out)
{
    bool made = make && mkdirat(at, name, folder_mode(p)) == 0;
    struct stat st;

    if (make && !made && errno != EEXIST) {
        return errno;
    }
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        return errno;
    }
    int error = fstat(fd, &st) != 0 ? errno : made ? dress(p, fd) : 0;

    if (error == 0 && st.st_uid != geteuid() && st.st_uid != p->seen.st_uid &&
        st.st_uid != trusted) {
        error = EPERM;
    }
    if (error != 0) {
        close(fd);
        return error;
    }
    *out = fd;
    return 0;
}

/* "date=2026-11-23", "hour=13", "hour=__HIVE_DEFAULT_PARTITION__": never one that leads elsewhere.
 */
static bool is_folder(const char *name, size_t len)
{
    static const char value[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-";
    size_t word = strspn(name, "abcdefghijklmnopqrstuvwxyz");

    return word > 0 && word < len && name[word] == '=' &&
           strspn(name + word + 1, value) == len - word - 1;
}

int ft__place_enter(const struct ft__place *p, uid_t trusted, const char *part, bool make,
                    struct ft__place *out)
{
    char name[FT_FILE_FOLDERS];
    int at = p->dir, levels = 0;

    if (!p->parted || part[0] == '\0') {
        return EPERM;
    }
    while (*part != '\0') {
        size_t len = strcspn(part, "/");
        int next = -1;
        int error = len < sizeof name && is_folder(part, len) && ++levels <= LEVELS ? 0 : EINVAL;

        if (error == 0) {
            memcpy(name, part, len);
            name[len] = '\0';
            error = step(p, trusted, at, name, make, &next);
        }
        if (at != p->dir) {
            close(at);
        }
        if (error != 0) {
            return error;
        }
        at = next;
        part += len + (part[len] == '/');
    }
    *out = *p;
    out->dir = at;
    out->owner = geteuid();
    if (fstat(at, &out->seen) != 0) {
        int error = errno;

        close(at);
        return error;
    }
    return 0;
}

void ft__place_leave(struct ft__place *p, const struct ft__place *in)
{
    p->last_s = in->last_s;
    p->last_n = in->last_n;
    close(in->dir);
}
