/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: opening, adding to, putting aside and rotating the files of the file sink.
 *
 * What an earlier run left is whole lines or frames, but for its end, which may be torn (the
 * process was killed, the power failed): that is cut off before anything is added or put aside. A
 * file that does not begin as ours do, or is packed otherwise, is put aside as it is. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wait.h"
#include "output/sink/file_parts.h"
#include "output/sink/tail.h"

enum {
    PIPE_LEN = 1 << 20,
    ROTATE_RETRY_MS = 1000,
    REOPEN_RETRY_MS = 500,
    ROTATE_LOOK_MS = 5000,
    END_PATIENCE_MS = 1000,
    BEGIN_MOST = 16384
};

/* ---- calls ---- */

/* One call for this sink's file; errno of what failed, or 0. What happened to the folder is said.
 */
static int call(struct file_sink *f, int32_t id, enum ft_file_op op, struct ft_file_answer *out,
                int *out_fd)
{
    struct ft_file_call c = {.op = op, .id = id, .now_s = ft__file_wall_ns() / 1000000000};

    memcpy(c.part, f->part, sizeof c.part);
    f->env.files.call(f->env.files.cookie, &c, out, out_fd);
    if (out->notes & FT_FILE_FOLDER_REPLACED) {
        ft_count_add(&f->sink.folder_changes, 1);
        f->folder_foreign = false;
        ft_log(&f->log, FT_LOG_WARN, "%s: its folder was replaced; the new one is used", f->path);
    }
    if ((out->notes & FT_FILE_FOLDER_FOREIGN) && !f->folder_foreign) {
        ft_count_add(&f->sink.folder_changes, 1);
        f->folder_foreign = true;
        ft_log(&f->log, FT_LOG_ERROR,
               "%s: its folder was replaced by one of another owner or mode, which is not used",
               f->path);
    }
    return out->error;
}

static bool keeps_all(const struct file_sink *f)
{
    return f->keep.files == 0 && f->keep.age_s == 0 && f->keep.bytes == 0;
}

static void say_sweep(const struct file_sink *f, int error, uint32_t n)
{
    if (error != 0) {
        ft_log(&f->log, FT_LOG_WARN, "%s: old files cannot be removed: %s", f->path,
               strerror(error));
    } else if (n > 0) {
        ft_log(&f->log, FT_LOG_DEBUG, "%s: %u old files were removed", f->path, n);
    }
}

/* Rotated files beyond what is kept go. */
static void sweep(struct file_sink *f)
{
    struct ft_file_answer a;
    int fd;

    if (!f->parted && !keeps_all(f)) {
        int error = call(f, f->whole >= 0 ? f->whole : f->id, FT_FILE_SWEEP, &a, &fd);

        say_sweep(f, error, a.n);
    }
}

void ft__file_sweep_before(struct file_sink *f, const char *folders, int64_t now_s)
{
    struct ft_file_call c = {
        .op = FT_FILE_SWEEP, .id = f->whole >= 0 ? f->whole : f->id, .now_s = now_s};
    struct ft_file_answer a;
    int fd;

    if (!keeps_all(f)) {
        snprintf(c.part, sizeof c.part, "%s", folders);
        f->env.files.call(f->env.files.cookie, &c, &a, &fd);
        say_sweep(f, a.error, a.n);
    }
}

/* ---- what fd is ---- */

/* A pipe or terminal through a description of our own: O_NONBLOCK on the one that was handed to us
 * would be everybody's. */
static void own_description(struct file_sink *f)
{
    char name[64];

    if (!f->at.own_fd) {
        snprintf(name, sizeof name, "/proc/self/fd/%d", f->at.fd);
        int own = open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (own < 0) {
            return;
        }
        f->at.fd = own;
        f->at.own_fd = true;
    }
    f->at.piece = SIZE_MAX;
#ifdef F_SETPIPE_SZ
    if (fcntl(f->at.fd, F_SETPIPE_SZ, PIPE_LEN) < 0) {
        return; /* best effort: the pipe stays as it was */
    }
#endif
}

/* Looks at what fd is and prepares for waiting in poll. */
static void learn_fd(struct file_sink *f)
{
    struct stat st = {0};

    bool known = fstat(f->at.fd, &st) == 0;

    f->at.file = known && S_ISREG(st.st_mode);
    f->at.regular = f->at.file || (known && S_ISCHR(st.st_mode) && isatty(f->at.fd) == 0);
    f->at.socket = known && S_ISSOCK(st.st_mode);
    f->at.size = f->at.file ? (uint64_t)st.st_size : 0;
    f->at.piece = f->at.regular || f->at.socket ? SIZE_MAX : FT__PIECE_LEN;
    if (known && (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && !f->at.regular))) {
        own_description(f);
    }
}

int ft__file_begin(struct file_sink *f)
{
    uint64_t before = f->at.size;
    size_t taken;

    struct iovec v = {f->header, f->header_len};
    struct ft_chunk hello = {0};

    if (f->at.size > 0 && f->path != NULL) { /* what is added to has one */
        return FT_OK;
    }
    if (f->env.greet != NULL) { /* what it says counts as told: it is written */
        f->env.greet(f->env.greet_cookie, f->coming, &hello);
        v = (struct iovec){hello.data, hello.len};
    }
    if (v.iov_len == 0) {
        return FT_OK;
    }
    int rc = ft__file_write_raw(f, &v, 1, &taken);

    if (rc != FT_OK) {
        ft__file_cut(f, before);
    }
    f->at.begun = rc == FT_OK;
    return rc;
}

int ft__file_hold_end(struct file_sink *f, uint64_t len, uint32_t n)
{
    uint64_t end = f->env.trailer_room + f->env.trailer_each * (f->at.chunks + n);

    if (f->trailer == NULL || !f->at.file || f->path == NULL || f->env.trailer_room == 0) {
        return FT_OK;
    }
    if (f->size_most > 0 && f->at.size + len + end > f->size_most) {
        return FT_E_IO;
    }
    /* for what is to be added, too: what was held until now is not given up for bytes that do not
     * fit, which others might take before they are cut off again */
    if (fallocate(f->at.fd, FALLOC_FL_KEEP_SIZE, (off_t)f->at.size, (off_t)(len + end)) == 0) {
        f->at.held = true;
        return FT_OK;
    }
    /* a file system that cannot hold room: the end is written when it is written */
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? FT_E_IO : FT_OK;
}

int ft__file_again(struct file_sink *f)
{
    f->at.size = 0;
    f->at.chunks = 0;
    f->at.begun = false;
    return ft__file_begin(f);
}

/* What was held and is not needed is given back. */
static void let_go(struct file_sink *f)
{
    struct stat st;

    if (f->at.held && fstat(f->at.fd, &st) == 0) {
        ft_ignore(ftruncate(f->at.fd, st.st_size)); /* best effort: it is only room */
    }
    f->at.held = false;
}

/* A pipe whose reader has stopped is not waited for: it has all but the end. */
static bool takes_end(const struct file_sink *f)
{
    struct pollfd p = {.fd = f->at.fd, .events = POLLOUT};

    return f->at.regular || poll(&p, 1, END_PATIENCE_MS) > 0;
}

/* The file gets its rotated name. 0 or errno. */
static int put_aside(struct file_sink *f, int32_t id)
{
    struct ft_file_answer a;
    int fd, error = call(f, id, FT_FILE_ASIDE, &a, &fd);

    if (error == 0) {
        memcpy(f->aside, a.name, sizeof f->aside);
        f->aside[sizeof f->aside - 1] = '\0';
    }
    return error;
}

/* path.part is whole, and becomes path; what an earlier run left there is put aside, and always
 * what this one did. */
static void publish(struct file_sink *f)
{
    struct ft_file_answer a;
    int fd, error = 0;

    if (f->env.keep_earlier) {
        error = put_aside(f, f->whole);
        if (error == 0) {
            ft_log(&f->log, f->again ? FT_LOG_DEBUG : FT_LOG_WARN,
                   "%s: there was a file of this name; it is now %s", f->path, f->aside);
        }
    }
    if (error == 0 || error == ENOENT) {
        error = fsync(f->at.fd) == 0 ? 0 : errno;
    }
    error = error == 0 ? call(f, f->id, FT_FILE_PUBLISH, &a, &fd) : error;
    if (error != 0) {
        ft_log(&f->log, FT_LOG_ERROR, "%s: cannot get its name: %s", f->path, strerror(error));
        f->sink.failed++;
    }
    f->env.keep_earlier = f->again = true; /* what this run has written is not replaced */
}

/* len bytes of the trailer over the beginning of the file, which is otherwise only added to. */
static int write_over(struct file_sink *f, size_t len)
{
    int flags = fcntl(f->at.fd, F_GETFL);

    if (!f->at.file) {
        return FT_OK; /* /dev/null */
    }
    if (flags < 0 || fcntl(f->at.fd, F_SETFL, flags & ~O_APPEND) != 0 ||
        lseek(f->at.fd, 0, SEEK_SET) != 0 || write(f->at.fd, f->trailer, len) != (ssize_t)len) {
        return FT_E_IO;
    }
    f->at.dirty = true;
    return FT_OK;
}

void ft__file_end(struct file_sink *f)
{
    struct ft_trailer t = {.fd = f->at.fd, .size = f->at.size};
    int rc = FT_OK;
    size_t len, taken;

    if (f->trailer == NULL || f->at.fd < 0 || !f->at.begun || !takes_end(f)) {
        return;
    }
    f->at.begun = false;
    if (f->env.events_lost != NULL) {
        t.lost.events = f->env.events_lost(f->env.events_cookie);
    }
    while (rc == FT_OK &&
           (len = f->env.trailer(f->env.trailer_cookie, &t, f->trailer, FT__TRAILER_ROOM)) > 0) {
        struct iovec v = {f->trailer, len};

        rc = t.over ? write_over(f, len) : ft__file_write_raw(f, &v, 1, &taken);
    }
    if (t.note[0] != '\0') {
        ft_log(&f->log, FT_LOG_WARN, "%s: %s", f->path != NULL ? f->path : "stdout", t.note);
    }
    if (rc != FT_OK && rc != FT_E_CLOSED) {
        ft__file_cut(f, t.size);
        ft_log(&f->log, FT_LOG_ERROR, "%s: its end could not be written",
               f->path != NULL ? f->path : "stdout");
        f->sink.failed += f->env.needs_file; /* nobody can read it */
    }
    let_go(f);
    if (rc == FT_OK && f->whole >= 0 && f->at.file) {
        publish(f);
    }
}

/* ---- what is there of an earlier run ---- */

/* The file begins as one of ours: with the same columns, packed in the same way. */
static bool begins_alike(const struct file_sink *f)
{
    static const char line[] = "{\"event_type\":\"";
    uint8_t begin[BEGIN_MOST];
    size_t want = f->header_len > 0 ? f->header_len : sizeof line - 1;
    enum ft_pack kind = ft_compressor_kind(f->z);

    want = want < sizeof begin ? want : sizeof begin;
    ssize_t n = pread(f->at.fd, begin, want, 0);

    if (n <= 0) {
        return false;
    }
    if (f->header_len > 0) { /* an own header that was cut short is one, too */
        return memcmp(begin, f->header, (size_t)n) == 0;
    }
    if (kind != FT_PACK_NONE) {
        return ft_frame_begins(kind, begin, (size_t)n);
    }
    /* of other shapes (?schema=) the first key differs: they are objects */
    return memcmp(begin, line, f->env.plain_events || n < 2 ? (size_t)n : 2) == 0;
}

/* Cuts off what is torn at the end. FT_OK: it can be added to; FT_E_FORMAT: it is not one of ours.
 */
static int mend(struct file_sink *f)
{
    uint64_t end;
    int rc = !f->env.binary && begins_alike(f)
                 ? ft_tail_find(f->at.fd, f->at.size, ft_compressor_kind(f->z), &end)
                 : FT_E_FORMAT;

    if (rc != FT_OK || end == f->at.size) {
        return rc;
    }
    if (end == 0 && f->z == NULL && f->header_len == 0 && !f->env.plain_events) {
        return FT_E_FORMAT; /* one object, perhaps a document of somebody's: nothing says it is ours
                             */
    }
    if (end < f->header_len) { /* it begins anew, with a whole header */
        end = 0;
    }
    uint64_t torn = f->at.size - end;

    ft__file_cut(f, end);
    if (f->at.size != end) {
        return FT_E_IO;
    }
    ft_log(&f->log, FT_LOG_WARN,
           "%s: %llu bytes of a torn %s at its end were cut off: an earlier run did not finish it",
           f->path, (unsigned long long)torn, f->z != NULL ? "frame" : "line");
    return FT_OK;
}

/* Opens the path; errno or 0. */
static int open_path(struct file_sink *f)
{
    struct ft_file_answer a;
    int error = call(f, f->id, FT_FILE_OPEN, &a, &f->at.fd);

    f->sink.absent = error == ENXIO;
    f->at.own_fd = error == 0;
    if (error == 0) {
        f->no_reader = f->cannot_open = false;
        learn_fd(f);
    }
    return error;
}

/* A file that is there and cannot be added to makes room for a new one. */
static int begin_new(struct file_sink *f, const char *why)
{
    int error = put_aside(f, f->id);

    ft__file_close(f);
    if (error == 0) {
        ft_log(&f->log, f->again ? FT_LOG_DEBUG : FT_LOG_WARN, "%s: %s; it is now %s", f->path, why,
               f->aside);
        error = open_path(f);
    }
    sweep(f);
    return error;
}

/* What is there is mended or put aside. errno or 0. */
static int settle_earlier(struct file_sink *f, bool rotates)
{
    int rc = mend(f);

    if (rc == FT_E_FORMAT) {
        return begin_new(f, f->env.binary       ? "an earlier run left it"
                            : f->header_len > 0 ? "what it holds has other columns or another form"
                                                : "what it holds has another form");
    }
    if (rc != FT_OK) {
        return rc == FT_E_NOMEM ? ENOMEM : EIO;
    }
    return rotates && f->at.size > 0 ? begin_new(f, "an earlier run left it") : 0;
}

/* Opens the path to add to it. errno, and nothing is open, or 0. */
static int open_to_add(struct file_sink *f, bool rotates)
{
    int error = open_path(f);

    if (error == 0 && f->at.file && f->at.size > 0) {
        error = settle_earlier(f, rotates);
    }
    if (error != 0 && f->at.fd >= 0) { /* nothing was written to it */
        close(f->at.fd);
        f->at = (struct ft__target){.fd = -1};
    }
    return error;
}

/* ---- opening ---- */

static void next_rotation(struct file_sink *f)
{
    if (f->rotate_ns > 0) {
        f->rotate_at = (ft__file_wall_ns() / f->rotate_ns + 1) * f->rotate_ns;
    }
}

static const char *why(int error)
{
    return error == EBUSY    ? "another output or program is writing it"
           : error == ELOOP  ? "it is a symbolic link, which is not followed"
           : error == ENODEV ? "it is neither a file nor a FIFO"
           : error == EMLINK ? "it has another name (a hard link) in a folder that is not ours"
           : error == EINVAL ? "it is not a file any more"
           : error == EPERM  ? "it, or its folder, belongs to somebody else now"
                             : strerror(error);
}

static int ready_errno(struct file_sink *f, int error)
{
    if (error == 0) {
        return ft__file_begin(f);
    }
    if (!f->cannot_open) {
        f->cannot_open = true;
        ft_log(&f->log, FT_LOG_ERROR, "%s: cannot be opened: %s", f->path, why(error));
    }
    return FT_E_IO;
}

static void say_no_reader(struct file_sink *f)
{
    if (!f->no_reader) {
        f->no_reader = true;
        ft_log(&f->log, FT_LOG_WARN, "%s: a FIFO that nobody reads yet; waiting for a reader",
               f->path);
    }
}

int ft__file_ready(struct file_sink *f)
{
    if (f->at.fd >= 0) {
        /* one that was handed to us has its beginning as soon as there is room for it */
        return f->path != NULL || !f->at.begun ? ft__file_begin(f) : FT_OK;
    }
    int error = open_to_add(f, false);

    while (error == ENXIO) {
        struct pollfd wake = {.fd = f->wake_fd, .events = POLLIN};

        say_no_reader(f);
        if (poll(&wake, 1, FT__RETRY_MS) > 0) {
            return FT_E_INTERRUPTED;
        }
        error = open_to_add(f, false);
    }
    return ready_errno(f, error);
}

/* Opens the path beside the target of until now, which is closed when that went well, and else goes
 * on. 0 or errno. */
static int change_target(struct file_sink *f)
{
    struct ft__target before = f->at, now;

    f->at = (struct ft__target){.fd = -1};
    if (before.file) { /* it may be the same file: ours is not in the way */
        flock(before.fd, LOCK_UN);
    }
    int error = open_to_add(f, false);

    now = f->at;
    f->at = before;
    if (error == ENXIO) { /* a FIFO: it is waited for before the next write */
        say_no_reader(f);
    } else if (error != 0) {
        if (before.file) {
            flock(before.fd, LOCK_EX | LOCK_NB); /* best effort: it was ours */
        }
        return error;
    }
    ft__file_close(f);
    f->at = now;
    f->reopen_ms = 0;
    if (error == 0) {
        ft_ignore(ft__file_begin(f)); /* tried again with the next write */
    }
    return 0;
}

/* True when the file that is open has a name: what is written to it can be found. */
static bool is_reachable(const struct file_sink *f)
{
    struct stat st;

    return f->at.fd >= 0 && fstat(f->at.fd, &st) == 0 && (!f->at.file || st.st_nlink > 0);
}

void ft__file_reopen(struct file_sink *f)
{
    if (f->whole >= 0) {
        ft__file_end(f);
    }
    int error = change_target(f);

    if (error == 0) {
        return;
    }
    if (!is_reachable(f)) { /* removed: what would be written there is lost, and is to be counted */
        ft__file_close(f);
    }
    ft_log(&f->log, FT_LOG_ERROR, "%s: cannot be opened again: %s%s", f->path, why(error),
           f->at.fd >= 0 ? "; the file that was open goes on being written" : "");
    f->cannot_open = true; /* said */
    f->reopen_ms = f->at.fd >= 0 ? ft_mono_ms() + REOPEN_RETRY_MS : 0;
}

void ft__file_reopen_if_due(struct file_sink *f)
{
    if (f->reopen_ms == 0 || ft_mono_ms() < f->reopen_ms || change_target(f) == 0) {
        return;
    }
    if (is_reachable(f)) {
        f->reopen_ms = ft_mono_ms() + REOPEN_RETRY_MS;
    } else { /* tried again with each write */
        ft__file_close(f);
        f->reopen_ms = 0;
    }
}

void ft__file_close(struct file_sink *f)
{
    ft__file_end(f);
    if (f->at.fd < 0 || !f->at.own_fd) {
        return;
    }
    ft_ignore(ft__file_sync(f)); /* told by the sink's count */
    if (close(f->at.fd) != 0 && errno != EINTR) {
        f->sink.failed++; /* a network file system may say only now that it lost data */
        ft_log(&f->log, FT_LOG_ERROR, "%s: was not closed well: %s",
               f->path != NULL ? f->path : "stdout", strerror(errno));
    } else {
        f->sink.sealed++;
    }
    f->at.fd = -1;
    f->at.own_fd = false;
    f->at.dirty = false;
}

/* The descriptor that a target names without a path of its own: -, /dev/stdout, /dev/fd/N; or -1.
 */
static int named_descriptor(const char *target)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};

    if (strcmp(target, "-") == 0 || strcmp(target, "/dev/stdout") == 0) {
        return STDOUT_FILENO;
    }
    if (strcmp(target, "/dev/stderr") == 0) {
        return STDERR_FILENO;
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        size_t len = strlen(folders[i]);
        char *end;

        if (strncmp(target, folders[i], len) == 0 && target[len] >= '0' && target[len] <= '9') {
            long n = strtol(target + len, &end, 10);

            return *end == '\0' && n >= 0 && n < 1 << 20 ? (int)n : -1;
        }
    }
    return -1;
}

static int start_descriptor(struct file_sink *f, const char *target, struct ft_err *err)
{
    int flags = fcntl(f->at.fd, F_GETFD);

    /* what was handed to us has no FD_CLOEXEC; what has it is a socket or event of our own */
    if (flags < 0 || (f->at.fd > STDERR_FILENO && (flags & FD_CLOEXEC) != 0)) {
        f->at.fd = -1;
        return ft_err_set(err, FT_E_IO, "%s: no such descriptor is open", target);
    }
    learn_fd(f);
    if (f->at.file && f->at.size > 0) { /* where we begin; what stands before is not ours to cut */
        off_t at = lseek(f->at.fd, 0, (fcntl(f->at.fd, F_GETFL) & O_APPEND) ? SEEK_END : SEEK_CUR);

        f->at.size = at > 0 ? (uint64_t)at : 0;
    }
    return ft__file_begin(f) == FT_OK ? FT_OK
                                      : ft_err_set(err, FT_E_IO, "stdout: %s", strerror(errno));
}

/* mode= and group= of new files. */
static int file_rights(const struct ft_output_url *url, struct ft_file_call *c, struct ft_err *err)
{
    const char *mode = ft_output_url_get(url, "mode"), *group = ft_output_url_get(url, "group");

    c->mode = mode != NULL ? (uint32_t)strtoul(mode, NULL, 8) : FT_FILE_MODE_DEFAULT;
    c->mode_exact = mode != NULL;
    c->group = -1;
    if (group != NULL) {
        struct group *g = getgrnam(group);

        if (g == NULL) {
            return ft_err_set(err, FT_E_USAGE, "output %s: group=%s: there is no such group",
                              url->text, group);
        }
        c->group = (int32_t)g->gr_gid;
    }
    return FT_OK;
}

static int place(struct file_sink *f, const char *path, const struct ft_output_url *url,
                 int32_t *out_id, struct ft_err *err)
{
    struct ft_file_call c = {.op = FT_FILE_PLACE,
                             .id = -1,
                             .kind = FT_FILE_OUTPUT,
                             .keep = f->keep,
                             .parted = f->parted};
    struct ft_file_answer a;
    int fd, rc = file_rights(url, &c, err);

    if (rc != FT_OK) {
        return rc;
    }
    if (strlen(path) >= sizeof c.path) {
        return ft_err_set(err, FT_E_USAGE, "output: the file name is longer than %zu bytes",
                          sizeof c.path - 1);
    }
    memcpy(c.path, path, strlen(path) + 1);
    f->env.files.call(f->env.files.cookie, &c, &a, &fd);
    if (a.error != 0) {
        return ft_err_set(err,
                          a.error == ENAMETOOLONG ? FT_E_USAGE
                          : a.error == ENOMEM     ? FT_E_NOMEM
                                                  : FT_E_IO,
                          "%s: %s", path, strerror(a.error));
    }
    *out_id = a.id;
    return FT_OK;
}

/* The places of the path, and of the name that it gets when it is whole. */
static int place_all(struct file_sink *f, const struct ft_output_url *url, struct ft_err *err)
{
    size_t len = strlen(url->target);
    struct stat st; /* what is no file, or a link, is refused by who opens it */
    bool part = f->env.pack != NULL && f->env.trailer != NULL &&
                (f->parted || lstat(url->target, &st) != 0 || S_ISREG(st.st_mode));

    f->path = ft_mem_alloc(1, len + FT_FILE_FOLDERS + sizeof FT_FILE_PART);
    if (f->path == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    memcpy(f->path, url->target, len + 1);
    int rc = part ? place(f, f->path, url, &f->whole, err) : FT_OK;

    if (rc == FT_OK && part) {
        memcpy(f->path + len, FT_FILE_PART, sizeof FT_FILE_PART);
    }
    return rc == FT_OK ? place(f, f->path, url, &f->id, err) : rc;
}

/* FILE.json, as one step. errno or 0. */
static int write_sidecar(struct file_sink *f)
{
    struct ft_file_call c = {.op = FT_FILE_PLACE,
                             .id = -1,
                             .kind = FT_FILE_STATE,
                             .mode = FT_FILE_MODE_DEFAULT,
                             .group = -1};
    struct ft_file_answer a;
    size_t len = strlen(f->env.sidecar);
    int fd;

    if (snprintf(c.path, sizeof c.path, "%s.json", f->path) >= (int)sizeof c.path) {
        return ENAMETOOLONG;
    }
    f->env.files.call(f->env.files.cookie, &c, &a, &fd);
    if (a.error == 0) {
        c.id = a.id;
        if (f->aside[0] != '\0') { /* with the file of an earlier run that it belongs to */
            c.op = FT_FILE_ASIDE;
            c.now_s = ft__file_wall_ns() / 1000000000;
            f->env.files.call(f->env.files.cookie, &c, &a, &fd);
        }
        c.op = FT_FILE_OPEN_NEW;
        f->env.files.call(f->env.files.cookie, &c, &a, &fd);
    }
    if (a.error != 0) {
        return a.error;
    }
    errno = ENOSPC; /* what a short write does not say */
    bool whole = write(fd, f->env.sidecar, len) == (ssize_t)len;

    if (close(fd) != 0 || !whole) {
        return errno;
    }
    c.op = FT_FILE_REPLACE;
    f->env.files.call(f->env.files.cookie, &c, &a, &fd);
    return a.error;
}

static int needs_file(const struct ft_output_url *url, struct ft_err *err)
{
    return ft_err_set(err, FT_E_USAGE, "output %s: %s needs a file", url->text, url->format);
}

static int start_sidecar(struct file_sink *f, struct ft_err *err)
{
    if (f->env.sidecar == NULL || !f->at.file) { /* /dev/null */
        return FT_OK;
    }
    int error = write_sidecar(f);

    return error == 0 ? FT_OK : ft_err_set(err, FT_E_IO, "%s.json: %s", f->path, strerror(error));
}

/* What the path holds when a run begins: read empties it, as a converter does, unless append=true;
 * live and collect never do. */
static int open_first(struct file_sink *f, const char *append)
{
    bool add = append != NULL && strcmp(append, "true") == 0;

    if (!add && !f->env.keep_earlier) {
        int error = open_path(f);

        if (error == 0 && f->at.file) {
            ft__file_cut(f, 0);
            error = f->at.size == 0 ? 0 : errno;
        }
        return error;
    }
    if (add || append == NULL) {
        return open_to_add(f,
                           !add && (f->rotate_ns > 0 || f->rotate_size > 0 || f->rotate_rows > 0));
    }
    return open_to_add(f, true); /* append=false */
}

int ft__file_start(struct file_sink *f, const struct ft_output_url *url, struct ft_err *err)
{
    f->at.fd = named_descriptor(url->target);
    if (f->at.fd >= 0 && f->env.needs_file) {
        f->at.fd = -1;
        return needs_file(url, err);
    }
    if (f->at.fd >= 0) {
        return start_descriptor(f, url->target, err);
    }
    int rc = place_all(f, url, err);

    if (rc != FT_OK) {
        return rc;
    }
    int error = open_first(f, ft_output_url_get(url, "append"));

    if (f->env.needs_file && (error == ENXIO || (error == 0 && !f->at.regular))) {
        return needs_file(url, err);
    }
    if (error == ENXIO) {
        say_no_reader(f);
        return FT_OK;
    }
    if (error != 0 || ft__file_begin(f) != FT_OK) {
        error = error != 0 ? error : errno;
        return ft_err_set(err, error == ENOMEM ? FT_E_NOMEM : FT_E_IO, "%s: %s", f->path,
                          why(error));
    }
    next_rotation(f);
    sweep(f);
    return start_sidecar(f, err);
}

/* ---- files of a time ---- */

int ft__file_place_part(struct file_sink *f, const struct ft_output_url *url, struct ft_err *err)
{
    const char *append = ft_output_url_get(url, "append");

    if (named_descriptor(url->target) >= 0 || strcmp(url->target, "/dev/null") == 0) {
        return ft_err_set(err, FT_E_USAGE, "output %s: hive= needs the name of a file", url->text);
    }
    f->parted = true;
    f->append = append == NULL ? NULL : strcmp(append, "true") == 0 ? "true" : "false";
    f->target = ft_mem_strdup(url->target);
    if (f->target == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    return place_all(f, url, err);
}

void ft__file_begin_part(struct file_sink *f, const char *folders)
{
    const char *slash = strrchr(f->target, '/');
    size_t folder = slash != NULL ? (size_t)(slash - f->target) + 1 : 0;
    size_t cap = strlen(f->target) + FT_FILE_FOLDERS + sizeof FT_FILE_PART;

    snprintf(f->part, sizeof f->part, "%s", folders);
    snprintf(f->path, cap, "%.*s%s/%s%s", (int)folder, f->target, f->part, f->target + folder,
             f->whole >= 0 ? FT_FILE_PART : "");
    f->cannot_open = false;
    ft_ignore(ready_errno(f, open_first(f, f->append))); /* tried again with the first event */
    next_rotation(f);
}

void ft__file_finish_part(struct file_sink *f)
{
    ft__file_say_rotations(f);
    ft__file_close(f);
    f->at = (struct ft__target){.fd = -1};
    f->reopen_ms = 0;
}

/* ---- rotation ---- */

static void rotation_failed(struct file_sink *f, int error)
{
    if (f->rotate_failed++ == 0) {
        ft_log(&f->log, FT_LOG_ERROR, "%s: cannot be rotated: %s%s", f->path, why(error),
               f->at.fd >= 0 ? "; the file goes on growing" : "");
    }
    f->rotate_retry_ms = ft_mono_ms() + ROTATE_RETRY_MS;
}

static void rotate(struct file_sink *f)
{
    if (f->whole >= 0) {
        ft__file_end(f);
    }
    int error = put_aside(f, f->whole >= 0 ? f->whole : f->id);

    if (error != 0 && error != ENOENT) { /* ENOENT: it is aside, a new one could not be opened */
        rotation_failed(f, error);
        return;
    }
    error = change_target(f);
    if (error != 0) {
        if (!is_reachable(f)) { /* removed with its folder */
            ft__file_close(f);
        }
        rotation_failed(f, error);
        return;
    }
    next_rotation(f);
    ft__file_say_rotations(f);
    sweep(f);
}

void ft__file_say_rotations(struct file_sink *f)
{
    if (f->rotate_failed > 0) {
        ft_log(&f->log, FT_LOG_WARN, "%s: %llu times it could not be rotated", f->path,
               (unsigned long long)f->rotate_failed);
    }
    f->rotate_failed = 0;
}

/* The time to rotate has come, or the clock was set back so far that it would come too late. */
static bool time_is_up(const struct file_sink *f)
{
    int64_t now = f->rotate_ns > 0 ? ft__file_wall_ns() : 0;

    return f->rotate_ns > 0 && (now >= f->rotate_at || f->rotate_at - now > f->rotate_ns);
}

int64_t ft__file_rotate_in(const struct file_sink *f)
{
    if (f->rotate_ns == 0 || f->path == NULL || f->at.fd < 0 || !f->at.file) {
        return -1;
    }
    if (time_is_up(f)) {
        int64_t retry = f->rotate_failed > 0 ? f->rotate_retry_ms - ft_mono_ms() : 0;

        return retry > 0 ? retry : 0;
    }
    int64_t ms = (f->rotate_at - ft__file_wall_ns()) / 1000000 + 1;

    return ms < ROTATE_LOOK_MS ? ms : ROTATE_LOOK_MS; /* the wall clock may be set meanwhile */
}

/* A file without events stays; it begins anew with the time. */
void ft__file_rotate_if_due(struct file_sink *f, uint64_t more, uint64_t events)
{
    bool late = time_is_up(f);
    bool full = (f->rotate_size > 0 && f->at.size + more > f->rotate_size) ||
                (f->rotate_rows > 0 && f->at.events + events > f->rotate_rows);

    if (f->path == NULL || f->at.fd < 0 || !f->at.file || f->at.size <= f->header_len) {
        if (late) {
            next_rotation(f);
        }
        return;
    }
    if (!late && !full) {
        return;
    }
    if (f->rotate_failed == 0 || ft_mono_ms() >= f->rotate_retry_ms) {
        rotate(f);
    }
}
