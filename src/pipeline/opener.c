/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the opener, a child that keeps the right to open the output files; flowtap/sandbox.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "flowtap/sandbox.h"

enum { PATH_LEN = 4096, FILES = 64 };
enum op { OP_OPEN, OP_RENAME, OP_SEAL };

struct request {
    int op, flags;
    char path[PATH_LEN], to[PATH_LEN];
};

struct opener {
    int fd; /* our end of the socket pair */
    pid_t pid;
    pthread_mutex_t lock; /* one request at a time */
};

/* ---- the child ---- */

struct child {
    int fd;
    bool sealed;
    char *files[FILES]; /* paths opened before the seal */
    unsigned n;
};

static bool known(struct child *c, const char *path)
{
    for (unsigned i = 0; i < c->n; i++) {
        if (strcmp(c->files[i], path) == 0) {
            return true;
        }
    }
    if (c->sealed || c->n == FILES) {
        return false;
    }
    c->files[c->n] = strdup(path);
    return c->files[c->n] != NULL && ++c->n > 0;
}

/* "dir/x.json" may become "dir/x-ANYTHING.json" and nothing else. */
static bool same_beginning(const char *from, const char *to)
{
    const char *slash = strrchr(from, '/');
    const char *dot = strchr(slash != NULL ? slash + 2 : from + 1, '.');
    size_t stem = dot != NULL ? (size_t)(dot - from) : strlen(from);

    return strncmp(from, to, stem) == 0 && to[stem] == '-' && strchr(to + stem, '/') == NULL;
}

/* "x.new" may become "x": a file that is replaced as a whole. */
static bool replaces(const char *from, const char *to)
{
    size_t len = strlen(to);

    return strncmp(from, to, len) == 0 && strcmp(from + len, ".new") == 0;
}

/* 0 or errno; *out_fd is the opened file. */
static int serve(struct child *c, const struct request *r, int *out_fd)
{
    if (r->op == OP_SEAL) {
        c->sealed = true;
        return 0;
    }
    if (memchr(r->path, '\0', PATH_LEN) == NULL || memchr(r->to, '\0', PATH_LEN) == NULL ||
        !known(c, r->path)) {
        return EPERM;
    }
    if (r->op == OP_RENAME) {
        bool may = same_beginning(r->path, r->to) || replaces(r->path, r->to);

        return !may ? EPERM : rename(r->path, r->to) == 0 ? 0 : errno;
    }
    *out_fd =
        open(r->path, (r->flags & (O_APPEND | O_TRUNC)) | O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return *out_fd < 0 ? errno : 0;
}

static bool reply(int sock, int result, int fd)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = &result, .iov_len = sizeof result};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd >= 0) {
        m.msg_control = control.space;
        m.msg_controllen = sizeof control.space;
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    }
    return sendmsg(sock, &m, MSG_NOSIGNAL) >= 0;
}

static void child_run(int sock, pid_t parent)
{
    static struct request r;
    struct child c = {.fd = sock};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (getppid() != parent || null < 0) {
        _exit(1);
    }
    dup2(null, STDIN_FILENO); /* it must not keep the user's pipes open */
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    for (;;) {
        ssize_t n = recv(sock, &r, sizeof r, 0);
        int fd = -1;

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            _exit(0); /* the parent is gone */
        }
        int result = n == (ssize_t)sizeof r ? serve(&c, &r, &fd) : EINVAL;
        bool sent = reply(sock, result, fd);

        if (fd >= 0) {
            close(fd);
        }
        if (!sent) {
            _exit(0);
        }
    }
}

/* ---- the parent ---- */

/* Sends a request and takes the answer: 0 or errno; *out_fd is the file that came with it. */
static int ask(struct opener *o, const struct request *r, int *out_fd)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    int result = EIO;
    struct iovec iov = {.iov_base = &result, .iov_len = sizeof result};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.space,
                       .msg_controllen = sizeof control.space};
    ssize_t n;

    *out_fd = -1;
    if (send(o->fd, r, sizeof *r, MSG_NOSIGNAL) != (ssize_t)sizeof *r) {
        return EIO;
    }
    do {
        n = recvmsg(o->fd, &m, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof result) {
        return EIO;
    }
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);

    if (h != NULL && h->cmsg_type == SCM_RIGHTS) {
        memcpy(out_fd, CMSG_DATA(h), sizeof *out_fd);
    } else if (result == 0 && (m.msg_flags & MSG_CTRUNC) != 0) {
        return EMFILE; /* it was opened, and there is no number for it here */
    }
    return result;
}

static int transact(struct opener *o, enum op op, int flags, const char *path, const char *to)
{
    static struct request r; /* guarded by the lock: too big for a thread's stack */
    int fd = -1;

    if (strlen(path) >= PATH_LEN || strlen(to) >= PATH_LEN) {
        errno = ENAMETOOLONG;
        return -1;
    }
    pthread_mutex_lock(&o->lock);
    memset(&r, 0, sizeof r);
    r.op = op;
    r.flags = flags;
    memcpy(r.path, path, strlen(path));
    memcpy(r.to, to, strlen(to));
    int result = ask(o, &r, &fd);

    pthread_mutex_unlock(&o->lock);
    if (result != 0) {
        errno = result;
        return -1;
    }
    return op == OP_OPEN ? fd : 0;
}

static int hook_open(void *cookie, const char *path, int flags)
{
    return transact(cookie, OP_OPEN, flags, path, "");
}

static int hook_rename(void *cookie, const char *from, const char *to)
{
    return transact(cookie, OP_RENAME, 0, from, to);
}

int ft_opener_start(struct ft_pipeline_hooks *hooks, struct ft_err *err)
{
    int pair[2];

    memset(hooks, 0, sizeof *hooks);
    if (geteuid() != 0) {
        return FT_OK;
    }
    struct opener *o = ft_mem_alloc(1, sizeof *o);
    pid_t parent = getpid();

    if (o == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        ft_mem_free(o);
        return ft_err_set(err, FT_E_IO, "the opener could not be started: %s", strerror(errno));
    }
    o->pid = fork();
    if (o->pid == 0) {
        close(pair[0]);
        child_run(pair[1], parent);
    }
    close(pair[1]);
    o->fd = pair[0];
    pthread_mutex_init(&o->lock, NULL);
    if (o->pid < 0) {
        close(o->fd);
        ft_mem_free(o);
        return ft_err_set(err, FT_E_IO, "the opener could not be started: %s", strerror(errno));
    }
    *hooks = (struct ft_pipeline_hooks){hook_open, hook_rename, o};
    return FT_OK;
}

void ft_opener_seal(const struct ft_pipeline_hooks *hooks)
{
    if (hooks->cookie != NULL) {
        transact(hooks->cookie, OP_SEAL, 0, "", "");
    }
}

void ft_opener_stop(struct ft_pipeline_hooks *hooks)
{
    struct opener *o = hooks->cookie;

    if (o == NULL) {
        return;
    }
    close(o->fd);
    waitpid(o->pid, NULL, 0);
    pthread_mutex_destroy(&o->lock);
    ft_mem_free(o);
    memset(hooks, 0, sizeof *hooks);
}
