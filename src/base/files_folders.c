/* SPDX-License-Identifier: Apache-2.0 */
/* base: folders of a time below a place's folder, see files.h.
 *
 * They are made by who opens files, as deep as a call names them, and never followed when they are
 * links. One of another owner than ours or the place's is not used. No handle of them is kept: they
 * are looked up with each call, of which there are few. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/files_parts.h"
#include "base/mem.h"

enum { LEVELS = 2, FOLDERS_MOST = 65536, HOUR_S = 3600, DAY_S = 86400 };

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

    return word > 0 && word + 1 < len && name[word] == '=' &&
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

/* ---- what is kept ---- */

struct names {
    char (*name)[FT_FILE_FOLDERS]; /* owned */
    size_t n, cap;
};

static int backwards(const void *a, const void *b)
{
    return strcmp(b, a);
}

static int add_name(struct names *all, const char *name)
{
    size_t len = strlen(name);

    if (len >= FT_FILE_FOLDERS || !is_folder(name, len)) {
        return 0;
    }
    if (all->n == all->cap) {
        struct names more = {.cap = all->cap * 2 + 64};

        more.name = ft_mem_alloc(more.cap, sizeof *more.name);
        if (more.name == NULL) {
            return ENOMEM;
        }
        if (all->n > 0) {
            memcpy(more.name, all->name, all->n * sizeof *more.name);
        }
        ft_mem_free(all->name);
        all->name = more.name;
        all->cap = more.cap;
    }
    memcpy(all->name[all->n++], name, len + 1);
    return 0;
}

/* The folders of times in a folder, the newest first: their names are in the order of time. */
static int list_folders(int at, struct names *out)
{
    int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;
    int error = 0;

    if (d == NULL) {
        error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return error;
    }
    while (error == 0 && (e = readdir(d)) != NULL && out->n < FOLDERS_MOST) {
        error = add_name(out, e->d_name);
    }
    closedir(d);
    if (out->n > 0) {
        qsort(out->name, out->n, sizeof *out->name, backwards);
    }
    return error;
}

/* When the time of a folder is over; false: it is of no time. */
static bool end_of(const char *path, int64_t *out_s)
{
    struct tm tm = {0};
    int len = 0;
    bool hour = strchr(path, '/') != NULL;
    int n = hour ? sscanf(path, "date=%4d-%2d-%2d/hour=%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                          &tm.tm_hour, &len)
                 : sscanf(path, "date=%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &len);

    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *out_s = (int64_t)timegm(&tm) + (hour ? HOUR_S : DAY_S);
    return n == (hour ? 4 : 3) && path[len] == '\0';
}

struct below {
    const struct ft__place *p;
    uid_t trusted;
    const char *before;
    struct ft__sweep *w;
};

static int sweep_below(const struct below *b, int at, const char *path);

/* One folder, whose path ends in name. */
static int sweep_one(const struct below *b, int at, const char *path, const char *name)
{
    bool leaf = (strchr(path, '/') != NULL) == (strchr(b->before, '/') != NULL);
    int order = strncmp(path, b->before, strlen(path));
    uint32_t removed = b->w->removed;
    int fd, error = 0;

    if (order > 0 || (leaf && order == 0) || (leaf && !end_of(path, &b->w->end_s)) ||
        step(b->p, b->trusted, at, name, false, &fd) != 0) {
        return 0; /* newer, or not one of ours */
    }
    if (leaf) {
        struct ft__place in = *b->p;

        in.dir = fd;
        error = ft__place_sweep(&in, b->w);
    } else {
        error = sweep_below(b, fd, path);
    }
    close(fd);
    if (b->w->removed != removed && unlinkat(at, name, AT_REMOVEDIR) != 0 && errno != ENOTEMPTY &&
        errno != EEXIST) {
        error = error == 0 ? errno : error;
    }
    return error;
}

static int sweep_below(const struct below *b, int at, const char *path)
{
    struct names all = {0};
    int error = list_folders(at, &all);

    for (size_t i = 0; i < all.n; i++) {
        char next[2 * FT_FILE_FOLDERS];

        snprintf(next, sizeof next, "%s%s%s", path, path[0] != '\0' ? "/" : "", all.name[i]);
        int one = sweep_one(b, at, next, all.name[i]);

        error = error == 0 ? one : error;
    }
    ft_mem_free(all.name);
    return error;
}

int ft__place_sweep_folders(const struct ft__place *p, uid_t trusted, const char *before,
                            struct ft__sweep *w)
{
    struct below b = {.p = p, .trusted = trusted, .before = before, .w = w};

    return sweep_below(&b, p->dir, "");
}
