/* SPDX-License-Identifier: Apache-2.0 */
/* base: files below directory handles, see files.h. */
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/files_parts.h"
#include "base/mem.h"

enum { TRIES = 4, MEM_MAJOR = 1, NULL_MINOR = 3, FULL_MINOR = 7 };

struct ft_places {
    struct ft__place place[FT_FILES_MAX];
    int32_t n;
    uint64_t added; /* places since the seal */
    uid_t trusted;  /* (uid_t)-1: nobody */
    bool confined, sealed;
};

struct ft_places *ft_places_new(void)
{
    struct ft_places *s = ft_mem_alloc(1, sizeof *s);

    if (s != NULL) {
        s->trusted = (uid_t)-1;
    }
    return s;
}

void ft_places_free(struct ft_places *s)
{
    if (s == NULL) {
        return;
    }
    for (int32_t i = 0; i < s->n; i++) {
        close(s->place[i].dir);
        ft_mem_free(s->place[i].folder);
        ft_mem_free(s->place[i].given);
    }
    ft_mem_free(s);
}

void ft_places_confine(struct ft_places *s)
{
    s->confined = true;
}

void ft_places_seal(struct ft_places *s)
{
    s->sealed = true;
}

void ft_places_trust(struct ft_places *s, uid_t uid)
{
    s->trusted = uid;
}

int32_t ft_places_count(const struct ft_places *s)
{
    return s->n;
}

int ft_places_folder(const struct ft_places *s, int32_t id)
{
    return s->place[id].dir;
}

bool ft_places_parted(const struct ft_places *s, int32_t id)
{
    return s->place[id].parted;
}

int32_t ft_places_group(const struct ft_places *s, int32_t id)
{
    return s->place[id].group;
}

/* ---- folders ---- */

/* The folder at an absolute path without links, or -1 with errno: no component is followed. */
static int walk(const char *path)
{
    int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    while (at >= 0) {
        char part[FT_FILE_NAME];
        size_t len;

        path += strspn(path, "/");
        len = strcspn(path, "/");
        if (len == 0) {
            return at;
        }
        if (len >= sizeof part) {
            close(at);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, path, len);
        part[len] = '\0';
        path += len;

        int next = openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int saved = errno;

        close(at);
        errno = saved;
        at = next;
    }
    return -1;
}

static bool same_kind(const struct stat *a, const struct stat *b)
{
    return a->st_uid == b->st_uid && a->st_gid == b->st_gid && a->st_mode == b->st_mode;
}

/* 0 when the handle is still the folder at that path, or has become it; else errno. */
static int folder_ready(struct ft__place *p, bool confined, uint32_t *notes)
{
    struct stat st;
    int now = walk(p->folder);

    if (now < 0) {
        return errno;
    }
    if (fstat(now, &st) != 0 || (st.st_dev == p->seen.st_dev && st.st_ino == p->seen.st_ino)) {
        close(now);
        return 0;
    }
    if (!same_kind(&st, &p->seen)) {
        *notes |= FT_FILE_FOLDER_FOREIGN;
        close(now);
        return EPERM;
    }
    if (confined) {
        *notes |= FT_FILE_RENEW;
        close(now);
        return ESTALE;
    }
    *notes |= FT_FILE_FOLDER_REPLACED;
    close(p->dir);
    p->dir = now;
    p->seen = st;
    return 0;
}

void ft_places_renew(struct ft_places *s)
{
    for (int32_t i = 0; i < s->n; i++) {
        uint32_t notes = 0;

        int error = folder_ready(&s->place[i], false, &notes);

        s->place[i].notes = error == 0 ? notes : 0; /* told with the next answer */
    }
}

/* ---- opening ---- */

static bool harmless_device(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && major(st->st_rdev) == MEM_MAJOR &&
           (minor(st->st_rdev) == NULL_MINOR || minor(st->st_rdev) == FULL_MINOR);
}

/* Others than we may make files there, so what stands there may be anybody's. */
static bool others_may_make(const struct ft__place *p)
{
    return p->seen.st_uid != geteuid() || (p->seen.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

static bool owner_fits(const struct ft_places *s, const struct ft__place *p, const struct stat *st)
{
    if (st->st_uid == geteuid() || st->st_uid == p->seen.st_uid || st->st_uid == s->trusted) {
        return true;
    }
    return st->st_uid == p->owner && (p->seen.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* 0, or why a file of this kind is not opened. Another name of the file (a hard link) may be one
 * that who made it there must not reach. */
static int fits(const struct ft_places *s, const struct ft__place *p, const struct stat *st)
{
    if (S_ISLNK(st->st_mode)) {
        return ELOOP;
    }
    if (S_ISDIR(st->st_mode)) {
        return EISDIR;
    }
    if (harmless_device(st)) {
        return 0;
    }
    if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode)) {
        return ENODEV;
    }
    if (!owner_fits(s, p, st)) {
        return EPERM;
    }
    return st->st_nlink > 1 && others_may_make(p) ? EMLINK : 0;
}

static int flags_for(const struct stat *st)
{
    int access = S_ISREG(st->st_mode) ? O_RDWR | O_APPEND : O_WRONLY;

    return access | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
}

static int dress(const struct ft__place *p, int fd)
{
    if (p->group >= 0 && fchown(fd, (uid_t)-1, (gid_t)p->group) != 0) {
        return errno;
    }
    return p->mode_exact && fchmod(fd, p->mode) != 0 ? errno : 0;
}

/* A file of that name that was not there before. EEXIST: somebody was faster. */
static int make(const struct ft__place *p, const char *name, int *out_fd)
{
    int fd =
        openat(p->dir, name,
               O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, p->mode);
    int error = fd < 0 ? errno : dress(p, fd);

    if (error != 0 && fd >= 0) {
        close(fd);
        unlinkat(p->dir, name, 0);
        fd = -1;
    }
    *out_fd = fd;
    return error;
}

/* What is there: looked at before it is opened and again afterwards. */
static int take(const struct ft_places *s, const struct ft__place *p, const struct stat *before,
                int *out_fd)
{
    int error = fits(s, p, before);

    if (error != 0) {
        return error;
    }
    int fd = openat(p->dir, p->name, flags_for(before));

    if (fd < 0 && errno == EACCES && S_ISREG(before->st_mode)) { /* may be written, not read */
        fd = openat(p->dir, p->name, (flags_for(before) & ~O_ACCMODE) | O_WRONLY);
    }
    if (fd < 0) {
        return errno;
    }
    struct stat st;

    if (fstat(fd, &st) != 0 || (st.st_mode & S_IFMT) != (before->st_mode & S_IFMT)) {
        close(fd);
        return EEXIST; /* it changed under our hands: once more */
    }
    error = fits(s, p, &st);
    if (error != 0) {
        close(fd);
        return error;
    }
    *out_fd = fd;
    return 0;
}

/* A regular file is written by one output at a time: another one would cut off what it takes for a
 * torn end. File systems without locks are taken as they are. */
static bool alone(int fd)
{
    struct stat st;

    return fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || flock(fd, LOCK_EX | LOCK_NB) == 0 ||
           errno != EWOULDBLOCK;
}

static int busy(int *fd)
{
    close(*fd);
    *fd = -1;
    return EBUSY;
}

static int open_place(const struct ft_places *s, const struct ft__place *p, int *out_fd)
{
    int error = EEXIST;

    for (int i = 0; i < TRIES && (error == EEXIST || error == ENOENT); i++) {
        struct stat st;

        if (fstatat(p->dir, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            error = take(s, p, &st, out_fd);
        } else {
            error = errno == ENOENT ? make(p, p->name, out_fd) : errno;
            if (error == ENOENT) {
                break; /* the folder has been removed */
            }
        }
    }
    return error == 0 && !alone(*out_fd) ? busy(out_fd) : error;
}

/* ---- placing ---- */

/* Splits a path into its folder, resolved, and its last component. */
static int split(struct ft__place *p, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *last = slash != NULL ? slash + 1 : path;
    char folder[FT_FILE_PATH], resolved[FT_FILE_PATH];
    size_t len = slash != NULL ? (size_t)(slash - path) : 0;

    if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
        return EISDIR;
    }
    if (strlen(last) > FT_FILE_NAME - FT__ROTATED_MORE || len >= sizeof folder) {
        return ENAMETOOLONG;
    }
    if (slash == NULL) {
        snprintf(folder, sizeof folder, ".");
    } else if (len == 0) {
        snprintf(folder, sizeof folder, "/");
    } else {
        snprintf(folder, sizeof folder, "%.*s", (int)len, path);
    }
    if (realpath(folder, resolved) == NULL) {
        return errno;
    }
    memcpy(p->name, last, strlen(last) + 1);
    p->folder = ft_mem_strdup(resolved);
    return p->folder != NULL ? 0 : ENOMEM;
}

/* A file that has a place is placed anew: how it is to be written may be another. */
static void place_again(struct ft__place *q, const struct ft__place *p)
{
    q->mode = p->mode;
    q->mode_exact = p->mode_exact;
    q->parted = p->parted;
    q->keep = p->keep;
    q->group = p->group;
    ft_mem_free(p->folder);
}

/* The number of what is in a slot: another one each time. */
static int32_t number_of(const struct ft_places *s, int32_t slot)
{
    return slot + s->place[slot].turn * FT_FILES_MAX;
}

/* The slot that another place is to have; -1: none is free, or gives way. */
static int32_t find_slot(struct ft_places *s, const struct ft_places_adder *by)
{
    int32_t slot = -1;

    if (s->n < FT_FILES_MAX) {
        return s->n++;
    }
    for (int32_t i = 0; by != NULL && i < s->n; i++) {
        const struct ft__place *p = &s->place[i];

        if (p->given != NULL && (slot < 0 || p->added < s->place[slot].added) &&
            p->turn < INT32_MAX / FT_FILES_MAX - 1 && !by->kept(by->cookie, p->given)) {
            slot = i;
        }
    }
    return slot;
}

/* A place goes into its slot, what was there goes. */
static int settle(struct ft_places *s, struct ft__place *p, const struct ft_file_call *c,
                  const struct ft_places_adder *by, int32_t *out_id)
{
    p->given = by != NULL ? ft_mem_strdup(c->path) : NULL;
    p->added = by != NULL ? ++s->added : 0;
    if (by != NULL && p->given == NULL) {
        return ENOMEM;
    }
    int32_t before = s->n, slot = find_slot(s, by);

    if (slot < 0) {
        ft_mem_free(p->given);
        return ENFILE;
    }
    if (slot < before) {
        struct ft__place *old = &s->place[slot];

        p->turn = old->turn + 1;
        close(old->dir);
        ft_mem_free(old->folder);
        ft_mem_free(old->given);
    }
    s->place[slot] = *p;
    *out_id = number_of(s, slot);
    return 0;
}

/* by: one that was placed before keeps its number; NULL: it is another. */
static int place(struct ft_places *s, const struct ft_file_call *c,
                 const struct ft_places_adder *by, int32_t *out_id)
{
    struct ft__place p = {.dir = -1,
                          .mode = c->mode & 07777,
                          .mode_exact = c->mode_exact,
                          .kind = c->kind,
                          .parted = c->parted,
                          .keep = c->keep,
                          .owner = geteuid(),
                          .group = c->group};
    struct stat st;

    if (s->sealed) {
        return EPERM;
    }
    int error = split(&p, c->path);

    if (error != 0) {
        return error;
    }
    for (int32_t i = 0; i < s->n && by != NULL; i++) {
        struct ft__place *q = &s->place[i];

        if (q->kind == p.kind && strcmp(q->folder, p.folder) == 0 && strcmp(q->name, p.name) == 0) {
            place_again(q, &p);
            *out_id = number_of(s, i);
            return 0;
        }
    }
    p.dir = open(p.folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    error = p.dir < 0 || fstat(p.dir, &p.seen) != 0 ? errno : 0;
    if (error == 0 && fstatat(p.dir, p.name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        p.owner = st.st_uid;
    }
    error = error == 0 ? settle(s, &p, c, by, out_id) : error;
    if (error != 0) {
        if (p.dir >= 0) {
            close(p.dir);
        }
        ft_mem_free(p.folder);
    }
    return error;
}

/* ---- one call ---- */

/* There is room for it: split(). */
static void new_name(const struct ft__place *p, char out[FT_FILE_NAME])
{
    snprintf(out, FT_FILE_NAME, "%.*s.new", FT_FILE_NAME - 5, p->name);
}

static int open_new(struct ft__place *p, int *out_fd)
{
    char name[FT_FILE_NAME];

    new_name(p, name);
    if (unlinkat(p->dir, name, 0) != 0 && errno != ENOENT) {
        return errno;
    }
    return make(p, name, out_fd);
}

/* A file of ours takes the place of another one. */
static int take_place(const struct ft__place *p, const char *from, const char *to)
{
    struct stat st;

    if (fstatat(p->dir, from, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        return EPERM;
    }
    return renameat(p->dir, from, p->dir, to) == 0 ? 0 : errno;
}

static int replace(struct ft__place *p)
{
    char name[FT_FILE_NAME];

    new_name(p, name);
    return take_place(p, name, p->name);
}

static int publish(struct ft__place *p)
{
    char name[FT_FILE_NAME];
    size_t len = strlen(p->name), part = strlen(FT_FILE_PART);

    if (len <= part || strcmp(p->name + len - part, FT_FILE_PART) != 0) {
        return EINVAL;
    }
    memcpy(name, p->name, len - part);
    name[len - part] = '\0';
    return take_place(p, p->name, name);
}

/* Whether a file of this kind is ever treated so. */
static bool may(const struct ft__place *p, int32_t op)
{
    switch (op) {
    case FT_FILE_OPEN:
    case FT_FILE_PUBLISH:
    case FT_FILE_SWEEP:
        return p->kind == FT_FILE_OUTPUT;
    case FT_FILE_OPEN_NEW:
    case FT_FILE_REPLACE:
        return p->kind == FT_FILE_STATE;
    default:
        return op == FT_FILE_ASIDE;
    }
}

/* One operation on a file of a folder. errno or 0. */
static int operate(const struct ft_places *s, struct ft__place *p, int32_t op, int64_t now_s,
                   struct ft_file_answer *out, int *out_fd)
{
    switch (op) {
    case FT_FILE_OPEN:
        return open_place(s, p, out_fd);
    case FT_FILE_OPEN_NEW:
        return open_new(p, out_fd);
    case FT_FILE_REPLACE:
        return replace(p);
    case FT_FILE_ASIDE:
        return ft__place_aside(p, now_s, out->name);
    case FT_FILE_PUBLISH:
        return publish(p);
    default:
        return EINVAL;
    }
}

/* Of a parted place: as old as the newest time that is written is, but not of times to come. */
static int sweep(const struct ft_places *s, const struct ft__place *p, const struct ft_file_call *c,
                 int64_t now_s, uint32_t *out_n)
{
    struct ft__sweep w = {.now_s = p->parted && c->now_s < now_s ? c->now_s : now_s};
    int error =
        p->parted ? ft__place_sweep_folders(p, s->trusted, c->part, &w) : ft__place_sweep(p, &w);

    *out_n = w.removed;
    return error;
}

/* Likewise in a folder below. */
static int operate_below(const struct ft_places *s, struct ft__place *p,
                         const struct ft_file_call *c, int64_t now_s, struct ft_file_answer *out,
                         int *out_fd)
{
    struct ft__place in;
    int error = ft__place_enter(p, s->trusted, c->part, c->op == FT_FILE_OPEN, &in);

    if (error == 0) {
        error = operate(s, &in, c->op, now_s, out, out_fd);
        ft__place_leave(p, &in);
    }
    return error;
}

void ft_places_add(struct ft_places *s, const struct ft_file_call *c,
                   const struct ft_places_adder *by, struct ft_file_answer *out)
{
    bool sealed = s->sealed;

    *out = (struct ft_file_answer){.id = -1};
    s->sealed = false;
    out->error = place(s, c, by, &out->id);
    s->sealed = sealed;
}

void ft_places_call(void *cookie, const struct ft_file_call *c, struct ft_file_answer *out,
                    int *out_fd)
{
    struct ft_places *s = cookie;
    int64_t now_s = s->sealed ? (int64_t)time(NULL) : c->now_s;

    *out = (struct ft_file_answer){.id = -1};
    *out_fd = -1;
    if (c->op == FT_FILE_PLACE) {
        out->error = place(s, c, NULL, &out->id);
        return;
    }
    int32_t slot = c->id >= 0 ? c->id % FT_FILES_MAX : -1;

    if (slot < 0 || slot >= s->n || number_of(s, slot) != c->id) {
        out->error = EBADF;
        return;
    }
    struct ft__place *p = &s->place[slot];

    if (!may(p, c->op)) {
        out->error = EPERM;
        return;
    }

    out->notes = p->notes;
    p->notes = 0;
    out->error = folder_ready(p, s->confined, &out->notes);
    if (out->error != 0) {
        return;
    }
    if (c->op == FT_FILE_SWEEP) {
        out->error = sweep(s, p, c, now_s, &out->n);
        return;
    }
    out->error = p->parted ? operate_below(s, p, c, now_s, out, out_fd)
                           : operate(s, p, c->op, now_s, out, out_fd);
}
