/* SPDX-License-Identifier: Apache-2.0 */
/* output: the file sink: stdout, files, FIFOs; rotation, compression, reopening, full disks.
 *
 * Theory of operation: what is handed over is whole events. A regular file only ever holds whole
 * events: after a write that got half way, the torn event is cut off again. Targets that can block
 * (pipes, terminals, sockets) are written so that the thread waits in poll(2), where give_up()
 * reaches it: a pipe through a file description of our own with O_NONBLOCK (the one that was handed
 * to us is shared with others and is left alone), anything else in pieces that a ready poll
 * promises room for. SIGPIPE is expected to be ignored by the process. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/mem.h"
#include "output/compress.h"
#include "output/output.h"
#include "output/url.h"

enum { PIPE_LEN = 1 << 20, PIECE_LEN = 4096, CHUNK_MOST = 256 * 1024, PATH_LEN = 4096 };

/* owner: the output thread, except wake_fd (any thread) */
struct file_sink {
    struct ft_sink sink;
    struct ft_output_env env;
    struct ft_log log;
    char *path;              /* NULL: stdout */
    uint8_t *header;         /* owned, compressed if the file is; at the start of every file */
    size_t header_len;       /* bytes */
    struct ft_compressor *z; /* NULL: none */
    int fd;                  /* -1: could not be opened again, tried at each write */
    int wake_fd;             /* eventfd: give up */
    bool regular;            /* fd is a regular file */
    bool socket;
    size_t piece;         /* most bytes of one write */
    uint64_t size;        /* bytes of the file */
    uint64_t rotate_size; /* 0: never */
    int64_t rotate_ns;    /* 0: never */
    int64_t rotate_at;    /* wall clock, ns */
    char last_name[32];   /* time text of the last rotation */
    unsigned last_n;      /* rotations within that second */
};

static struct file_sink *file_of(struct ft_sink *s)
{
    return (struct file_sink *)(void *)s;
}

static int64_t wall_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- raw writes ---- */

/* Looks at what fd is and prepares for waiting in poll. */
static void learn_fd(struct file_sink *f)
{
    struct stat st;
    char name[64];

    f->regular = fstat(f->fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)) &&
                 isatty(f->fd) == 0;
    f->socket = !f->regular && S_ISSOCK(st.st_mode);
    f->size = f->regular && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    f->piece = f->regular || f->socket ? SIZE_MAX : PIECE_LEN;
    if (f->regular || !S_ISFIFO(st.st_mode)) {
        return;
    }
    snprintf(name, sizeof name, "/proc/self/fd/%d", f->fd);
    int own = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    if (own >= 0) {
        if (f->path != NULL) {
            close(f->fd);
        }
        f->fd = own;
        f->piece = SIZE_MAX;
#ifdef F_SETPIPE_SZ
        if (fcntl(own, F_SETPIPE_SZ, PIPE_LEN) < 0) {
            return; /* best effort: the pipe stays as it was */
        }
#endif
    }
}

/* Waits until fd may take bytes. FT_OK or FT_E_INTERRUPTED. */
static int wait_room(struct file_sink *f)
{
    struct pollfd p[2] = {{.fd = f->fd, .events = POLLOUT}, {.fd = f->wake_fd, .events = POLLIN}};

    while (poll(p, 2, -1) < 0 && errno == EINTR) {
    }
    return (p[1].revents & POLLIN) ? FT_E_INTERRUPTED : FT_OK;
}

static int error_code(int error)
{
    return error == EPIPE || error == ECONNRESET ? FT_E_CLOSED : FT_E_IO;
}

/* Writes all, or says how far it came. */
static int write_raw(struct file_sink *f, const uint8_t *data, size_t len, size_t *out_taken)
{
    size_t done = 0;
    int rc = FT_OK;

    while (done < len && rc == FT_OK) {
        size_t n = len - done < f->piece ? len - done : f->piece;

        if (!f->regular && f->piece == PIECE_LEN) {
            rc = wait_room(f);
            if (rc != FT_OK) {
                break;
            }
        }
        ssize_t got = f->socket ? send(f->fd, data + done, n, MSG_DONTWAIT | MSG_NOSIGNAL)
                                : write(f->fd, data + done, n);

        if (got > 0) {
            done += (size_t)got;
            atomic_fetch_add_explicit(&f->sink.moved, (uint64_t)got, memory_order_relaxed);
        } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            rc = wait_room(f);
        } else if (got == 0 || errno != EINTR) {
            rc = got == 0 ? FT_E_IO : error_code(errno);
        }
    }
    *out_taken = done;
    f->size += done;
    return rc;
}

/* Cuts a regular file back to len bytes from where the last write began. */
static void cut_back(struct file_sink *f, uint64_t size)
{
    if (f->regular && f->size != size) {
        if (ftruncate(f->fd, (off_t)size) == 0 && lseek(f->fd, (off_t)size, SEEK_SET) >= 0) {
            f->size = size;
        }
    }
}

/* ---- opening ---- */

static int open_path(struct file_sink *f, int flags)
{
    if (f->env.open_file != NULL) {
        return f->env.open_file(f->env.cookie, f->path, flags);
    }
    return open(f->path, flags, 0644);
}

static int write_header(struct file_sink *f)
{
    uint64_t before = f->size;
    size_t taken;

    if (f->header_len == 0 || (f->size > 0 && f->path != NULL)) { /* what is added to has one */
        return FT_OK;
    }
    int rc = write_raw(f, f->header, f->header_len, &taken);

    if (rc != FT_OK) {
        cut_back(f, before);
    }
    return rc;
}

/* Opens the path; append keeps what is there. FT_OK, FT_E_IO with errno. */
static int open_file(struct file_sink *f, bool append)
{
    f->fd = open_path(f, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC));
    if (f->fd < 0) {
        return FT_E_IO;
    }
    learn_fd(f);
    return write_header(f);
}

/* A file that can be written to: one that could not be opened, or whose header found no room, is
 * tried again. */
static int make_ready(struct file_sink *f)
{
    if (f->fd < 0) {
        return open_file(f, true);
    }
    return f->path != NULL ? write_header(f) : FT_OK;
}

static void close_file(struct file_sink *f)
{
    if (f->fd >= 0 && f->path != NULL) {
        close(f->fd);
        f->fd = -1;
    }
}

/* ---- rotation ---- */

static void next_rotation(struct file_sink *f)
{
    if (f->rotate_ns > 0) {
        f->rotate_at = (wall_ns() / f->rotate_ns + 1) * f->rotate_ns;
    }
}

/* "dir/x.ndjson.zst" to "dir/x-20261123T131500.ndjson.zst", with -N when the second had others. */
static void rotated_name(struct file_sink *f, char *out, size_t cap)
{
    const char *slash = strrchr(f->path, '/');
    const char *dot = strchr(slash != NULL ? slash + 2 : f->path + 1, '.');
    size_t stem = dot != NULL ? (size_t)(dot - f->path) : strlen(f->path);
    char now[32], number[16] = "";
    time_t t = time(NULL);
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(now, sizeof now, "%Y%m%dT%H%M%S", &tm);
    f->last_n = strcmp(now, f->last_name) == 0 ? f->last_n + 1 : 0;
    memcpy(f->last_name, now, sizeof now);
    do {
        if (f->last_n > 0) {
            snprintf(number, sizeof number, "-%u", f->last_n);
        }
        snprintf(out, cap, "%.*s-%s%s%s", (int)stem, f->path, now, number, dot != NULL ? dot : "");
        f->last_n++;
    } while (access(out, F_OK) == 0 && f->last_n < 10000);
    f->last_n--;
}

static void rotate(struct file_sink *f)
{
    char name[PATH_LEN];
    int rc;

    rotated_name(f, name, sizeof name);
    rc = f->env.rename_file != NULL ? f->env.rename_file(f->env.cookie, f->path, name)
                                    : rename(f->path, name);
    next_rotation(f);
    if (rc != 0) {
        ft_log(&f->log, FT_LOG_ERROR, "%s: cannot be renamed to %s: %s", f->path, name,
               strerror(errno));
        return; /* goes on in the old file */
    }
    close_file(f);
    if (open_file(f, false) != FT_OK) {
        ft_log(&f->log, FT_LOG_ERROR, "%s: cannot be opened: %s", f->path, strerror(errno));
    }
}

/* The time to rotate has come, or the clock was set back so far that it would come too late. */
static bool time_is_up(const struct file_sink *f)
{
    int64_t now = f->rotate_ns > 0 ? wall_ns() : 0;

    return f->rotate_ns > 0 && (now >= f->rotate_at || f->rotate_at - now > f->rotate_ns);
}

/* A file without events stays; it begins anew with the time. */
static bool rotation_due(struct file_sink *f, size_t more)
{
    bool late = time_is_up(f);

    if (f->path == NULL || f->fd < 0 || !f->regular || f->size <= f->header_len) {
        if (late) {
            next_rotation(f);
        }
        return false;
    }
    return late || (f->rotate_size > 0 && f->size + more > f->rotate_size);
}

/* ---- the sink's operations ---- */

static int file_write(struct ft_sink *s, const uint8_t *data, size_t len, size_t *out_taken)
{
    struct file_sink *f = file_of(s);
    const uint8_t *z = data;
    size_t zlen = len, taken = 0;
    int rc = FT_OK;

    *out_taken = 0;
    if (f->z != NULL) {
        rc = ft_compress(f->z, data, len, &z, &zlen);
        if (rc != FT_OK) {
            return rc;
        }
    }
    if (rotation_due(f, zlen)) {
        rotate(f);
    }
    rc = make_ready(f);
    if (rc != FT_OK) {
        return rc;
    }
    uint64_t before = f->size;

    rc = write_raw(f, z, zlen, &taken);
    if (rc == FT_OK) {
        *out_taken = len;
        return FT_OK;
    }
    if (f->z == NULL) { /* whole lines stay */
        const uint8_t *last = memrchr(data, '\n', taken);

        *out_taken = last != NULL ? (size_t)(last + 1 - data) : 0;
    }
    cut_back(f, before + *out_taken);
    return rc;
}

static void file_tick(struct ft_sink *s)
{
    struct file_sink *f = file_of(s);

    if (f->rotate_ns > 0 && rotation_due(f, 0)) {
        rotate(f);
    }
}

static void file_reopen(struct ft_sink *s)
{
    struct file_sink *f = file_of(s);

    if (f->path == NULL || !f->regular) {
        return;
    }
    close_file(f);
    if (open_file(f, true) != FT_OK) {
        ft_log(&f->log, FT_LOG_ERROR, "%s: cannot be opened again: %s", f->path, strerror(errno));
    }
}

static void file_give_up(struct ft_sink *s)
{
    uint64_t one = 1;

    if (write(file_of(s)->wake_fd, &one, sizeof one) < 0) {
        return; /* the counter is full: it is awake */
    }
}

static int file_close(struct ft_sink *s)
{
    struct file_sink *f = file_of(s);
    int rc = FT_OK;

    if (f->fd >= 0 && f->path != NULL && close(f->fd) != 0 && errno != EINTR) {
        rc = FT_E_IO; /* a network file system may say only now that it lost data */
    }
    if (f->wake_fd >= 0) {
        close(f->wake_fd);
    }
    ft_compressor_free(f->z);
    ft_mem_free(f->header);
    ft_mem_free(f->path);
    ft_mem_free(f);
    return rc;
}

/* The header as it goes into each file: its compression must not be in the way of an event's. */
static int keep_header(struct file_sink *f)
{
    const uint8_t *data = f->env.header;
    size_t len = f->env.header_len;

    if (len > 0 && f->z != NULL) {
        int rc = ft_compress(f->z, data, len, &data, &len);

        if (rc != FT_OK) {
            return rc;
        }
    }
    if (len > 0) {
        f->header = ft_mem_alloc(1, len);
        if (f->header == NULL) {
            return FT_E_NOMEM;
        }
        memcpy(f->header, data, len);
        f->header_len = len;
    }
    return FT_OK;
}

static int configure(struct file_sink *f, const struct ft_output_url *url, struct ft_err *err)
{
    const char *compress = ft_output_url_get(url, "compress");

    for (uint32_t i = 0; i < url->n_params; i++) {
        if (strcmp(url->param[i].key, "rotate") == 0 &&
            !ft_parse_duration(url->param[i].value, &f->rotate_ns) &&
            !ft_parse_size(url->param[i].value, &f->rotate_size)) {
            return ft_err_set(err, FT_E_USAGE, "output %s: rotate=%s", url->text,
                              url->param[i].value);
        }
    }
    next_rotation(f);
    if (compress != NULL) {
        int rc = ft_compressor_new(compress, CHUNK_MOST, &f->z);

        if (rc != FT_OK) {
            return ft_err_set(err, rc, "output %s: compress=%s: %s", url->text, compress,
                              rc == FT_E_UNSUPPORTED ? "this build lacks the library"
                                                     : ft_strerror(rc));
        }
    }
    int rc = keep_header(f);

    return rc == FT_OK ? rc : ft_err_set(err, rc, "output %s: %s", url->text, ft_strerror(rc));
}

static int open_target(struct file_sink *f, const struct ft_output_url *url, struct ft_err *err)
{
    const char *append = ft_output_url_get(url, "append");

    if (strcmp(url->target, "-") == 0) {
        f->fd = STDOUT_FILENO;
        learn_fd(f);
        if (f->regular && f->size > 0) { /* where we begin; what stands before is not ours to cut */
            off_t at = lseek(f->fd, 0, (fcntl(f->fd, F_GETFL) & O_APPEND) ? SEEK_END : SEEK_CUR);

            f->size = at > 0 ? (uint64_t)at : 0;
        }
        return write_header(f) == FT_OK ? FT_OK
                                        : ft_err_set(err, FT_E_IO, "stdout: %s", strerror(errno));
    }
    f->path = ft_mem_strdup(url->target);
    if (f->path == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    if (strlen(f->path) > PATH_LEN - 64) {
        return ft_err_set(err, FT_E_USAGE, "output: the file name is longer than %d bytes",
                          PATH_LEN - 64);
    }
    if (open_file(f, append != NULL && strcmp(append, "true") == 0) != FT_OK) {
        return ft_err_set(err, FT_E_IO, "%s: %s", f->path, strerror(errno));
    }
    return FT_OK;
}

static int file_open(const struct ft_output_url *url, const struct ft_output_env *env,
                     struct ft_sink **out, struct ft_err *err)
{
    struct file_sink *f = ft_mem_alloc(1, sizeof *f);

    if (f == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    f->sink.ops = &ft_sink_file;
    f->env = *env;
    f->fd = -1;
    if (env->log != NULL) {
        f->log = *env->log;
    }
    f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = f->wake_fd < 0 ? ft_err_set(err, FT_E_IO, "output %s: %s", url->text, strerror(errno))
                            : configure(f, url, err);

    if (rc == FT_OK) {
        rc = open_target(f, url, err);
    }
    if (rc != FT_OK) {
        file_close(&f->sink);
        return rc;
    }
    *out = &f->sink;
    return FT_OK;
}

const struct ft_sink_ops ft_sink_file = {
    .name = "file",
    .help = "a file, a FIFO, or - for stdout",
    .open = file_open,
    .write = file_write,
    .tick = file_tick,
    .reopen = file_reopen,
    .give_up = file_give_up,
    .close = file_close,
};
