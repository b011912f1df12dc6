/* SPDX-License-Identifier: Apache-2.0 */
/* base: the names of rotated files, and how many of them stay; see files.h. */
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

enum { STAMP_LEN = 15, NUMBERS = 100000, SWEEP_MOST = 65536 };

/* Where "x" of "x.ndjson.zst" ends; a dot at the beginning is part of it. */
static size_t stem_len(const char *name)
{
    const char *dot = name[0] != '\0' ? strchr(name + 1, '.') : NULL;

    return dot != NULL ? (size_t)(dot - name) : strlen(name);
}

bool ft_file_rotated_name(const char *name, int64_t now_s, unsigned n, char out[FT_FILE_NAME])
{
    size_t stem = stem_len(name);
    char stamp[STAMP_LEN + 1], number[16] = "";
    time_t t = (time_t)now_s;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL ||
        strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &tm) != STAMP_LEN) {
        return false;
    }
    if (n > 0) {
        snprintf(number, sizeof number, "-%u", n);
    }
    int len =
        snprintf(out, FT_FILE_NAME, "%.*s-%s%s%s", (int)stem, name, stamp, number, name + stem);

    return len > 0 && len < FT_FILE_NAME;
}

/* n digits, as a number. */
static bool digits(const char *s, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return false;
        }
        *out = *out * 10 + (s[i] - '0');
    }
    return true;
}

static bool read_stamp(const char *s, int64_t *out_s)
{
    struct tm tm = {0};
    bool good = digits(s, 4, &tm.tm_year) && digits(s + 4, 2, &tm.tm_mon) &&
                digits(s + 6, 2, &tm.tm_mday) && s[8] == 'T' && digits(s + 9, 2, &tm.tm_hour) &&
                digits(s + 11, 2, &tm.tm_min) && digits(s + 13, 2, &tm.tm_sec);

    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *out_s = good ? (int64_t)timegm(&tm) : 0;
    return good;
}

bool ft_file_is_rotated(const char *name, const char *other, int64_t *out_s, unsigned *out_n)
{
    size_t stem = stem_len(name);
    char again[FT_FILE_NAME];
    unsigned long n = 0;

    if (strncmp(name, other, stem) != 0 || other[stem] != '-' ||
        strlen(other) < stem + 1 + STAMP_LEN || !read_stamp(other + stem + 1, out_s)) {
        return false;
    }
    if (other[stem + 1 + STAMP_LEN] == '-') {
        n = strtoul(other + stem + 2 + STAMP_LEN, NULL, 10);
    }
    *out_n = (unsigned)n;
    return ft_file_rotated_name(name, *out_s, *out_n, again) && strcmp(again, other) == 0;
}

/* Renames without ever replacing; where the file system cannot promise that, after a look. */
static int rename_free(int dir, const char *from, const char *to)
{
    struct stat st;

    if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    if (fstatat(dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return EEXIST;
    }
    return renameat(dir, from, dir, to) == 0 ? 0 : errno;
}

int ft__place_aside(struct ft__place *p, int64_t now_s, char out_name[FT_FILE_NAME])
{
    struct stat st;
    unsigned n = now_s == p->last_s ? p->last_n + 1 : 0;
    int error = EEXIST;

    if (fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return EINVAL;
    }
    for (; error == EEXIST && n < NUMBERS; n++) {
        if (!ft_file_rotated_name(p->name, now_s, n, out_name)) {
            return ENAMETOOLONG;
        }
        error = rename_free(p->dir, p->name, out_name);
    }
    if (error == 0) {
        p->last_s = now_s;
        p->last_n = n - 1;
    }
    return error;
}

/* ---- how many stay ---- */

struct rotated {
    char name[FT_FILE_NAME];
    int64_t at_s;
    unsigned n;
    uint64_t bytes;
};

/* The newest first. */
static int by_age(const void *a, const void *b)
{
    const struct rotated *x = a, *y = b;

    if (x->at_s != y->at_s) {
        return x->at_s > y->at_s ? -1 : 1;
    }
    return x->n > y->n ? -1 : x->n < y->n;
}

/* Is it one of those that are counted? In a folder whose time is over, the file itself, too. */
static bool counts(const struct ft__place *p, const char *name, struct rotated *out)
{
    if (p->parted && strcmp(name, p->name) == 0) {
        out->at_s = INT64_MAX;
        return true;
    }
    return strlen(name) < sizeof out->name &&
           ft_file_is_rotated(p->name, name, &out->at_s, &out->n);
}

/* The rotated files of a place; grows the list as needed, up to SWEEP_MOST. */
static int list(const struct ft__place *p, DIR *d, struct rotated **files, size_t *out_n)
{
    size_t n = 0, cap = 0;
    struct dirent *e;

    while ((e = readdir(d)) != NULL && n < SWEEP_MOST) {
        struct rotated r = {0};
        struct stat st;

        if (!counts(p, e->d_name, &r) ||
            fstatat(p->dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) {
            continue;
        }
        if (n == cap) {
            struct rotated *more = ft_mem_alloc(cap * 2 + 64, sizeof *more);

            if (more == NULL) {
                return ENOMEM;
            }
            if (n > 0) {
                memcpy(more, *files, n * sizeof *more);
            }
            ft_mem_free(*files);
            *files = more;
            cap = cap * 2 + 64;
        }
        memcpy(r.name, e->d_name, strlen(e->d_name) + 1); /* there is room: counts() */
        r.bytes = (uint64_t)st.st_size;
        (*files)[n++] = r;
    }
    *out_n = n;
    return 0;
}

/* One more file, older than those before: does it go? */
static bool goes(const struct ft_file_keep *keep, struct ft__sweep *w, uint64_t bytes, int64_t at_s)
{
    w->files++;
    w->bytes += bytes;
    return (keep->files > 0 && w->files > keep->files) ||
           (keep->bytes > 0 && w->bytes > keep->bytes) ||
           (keep->age_s > 0 && w->now_s - at_s > keep->age_s);
}

static int sweep(const struct ft__place *p, DIR *d, struct ft__sweep *w)
{
    struct rotated *files = NULL;
    size_t n = 0;
    int error = list(p, d, &files, &n);

    if (error == 0 && n > 0) {
        qsort(files, n, sizeof *files, by_age);
    }
    for (size_t i = 0; i < n; i++) {
        if (goes(&p->keep, w, files[i].bytes, w->end_s != 0 ? w->end_s : files[i].at_s)) {
            bool gone = unlinkat(p->dir, files[i].name, 0) == 0 || errno == ENOENT;

            error = error == 0 && !gone ? errno : error; /* the first; the others go all the same */
            w->removed += gone;
        }
    }
    ft_mem_free(files);
    return error;
}

int ft__place_sweep(const struct ft__place *p, struct ft__sweep *w)
{
    int fd = openat(p->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

    if (d == NULL) {
        int error = errno;

        if (fd >= 0) {
            close(fd);
        }
        return error;
    }
    int error = sweep(p, d, w);

    closedir(d);
    return error;
}
