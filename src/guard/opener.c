/* SPDX-License-Identifier: Apache-2.0 */
/* guard: the opener, a child that keeps the right to open the output files; flowtap/sandbox.h.
 *
 *     main ---- call, answer, descriptors ----> opener
 *                                                 | child of
 *                                               keeper
 *
 * Theory of operation: until the seal one child answers. Then it becomes the keeper, which only
 * waits, and the opener proper is a child of the keeper that has given up all that it does not
 * need. Landlock ties the opener to its folders as they are; when one was replaced by its owner,
 * the opener says so (ESTALE) and ends, the keeper looks at the new folder, and starts the next
 * opener with it. The call is made again then. All of them end when the main process is gone: its
 * end of the socket pair closes with it, however it died. */
#include "guard/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wait.h"
#include "guard/confine.h"

enum { OP_SEAL = FT_FILE__COUNT, RENEW = 75, ATTEMPTS = 3, ANSWER_MS = 5000 };
enum { END_STEP_NS = 1000000, END_STEPS = 100 };

struct ft_opener {
    int fd; /* our end of the socket pair; -1: there is no opener any more */
    pid_t pid;
    pthread_mutex_t lock; /* one call at a time */
    struct ft_file_call call;
};

/* ---- the children ---- */

struct child {
    int sock;
    struct ft_places *places;
    bool sealed;
    bool sandbox;
    int missing; /* FT_E_UNSUPPORTED: no filter */
};

static bool reply(int sock, const struct ft_file_answer *a, int fd)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)a, .iov_len = sizeof *a};
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

/* Answers calls until the seal (0), the end (1), or a folder that needs another opener (RENEW). */
static int serve(struct child *c, struct ft_file_call *call)
{
    for (;;) {
        ssize_t n = recv(c->sock, call, sizeof *call, 0);
        struct ft_file_answer a = {.error = EINVAL, .id = -1};
        int fd = -1;

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return 1; /* the main process is gone */
        }
        if (n == (ssize_t)sizeof *call && call->op == OP_SEAL && !c->sealed) {
            return 0;
        }
        if (n == (ssize_t)sizeof *call && memchr(call->path, '\0', sizeof call->path) != NULL &&
            memchr(call->part, '\0', sizeof call->part) != NULL) {
            ft_places_call(c->places, call, &a, &fd);
        }
        bool sent = reply(c->sock, &a, fd);

        if (fd >= 0) {
            close(fd);
        }
        if (!sent) {
            return 1;
        }
        if (a.notes & FT_FILE_RENEW) {
            return RENEW;
        }
    }
}

/* The groups that files are to belong to: the owner of a file may give it to a group of his. */
static int join_groups(const struct ft_places *places)
{
    gid_t groups[FT_FILES_MAX];
    size_t n = 0;

    for (int32_t i = 0; i < ft_places_count(places); i++) {
        if (ft_places_group(places, i) >= 0) {
            groups[n++] = (gid_t)ft_places_group(places, i);
        }
    }
    if (setgroups(n, groups) == 0 || (n == 0 && errno == EPERM)) {
        return 0; /* root without the right to set groups has none to gain */
    }
    return -1;
}

/* Keeper: root keeps the one capability that opens other people's folders. 0 or errno. */
static int lower(struct child *c, bool root)
{
    struct ft_err err;

    if (root && join_groups(c->places) != 0) {
        return errno;
    }
    for (int cap = 0; root && cap < 64; cap++) { /* best effort: there may be fewer */
        prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    }
    if (ft__confine_caps(root ? 1u << CAP_DAC_OVERRIDE : 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return errno;
    }
    c->missing = c->sandbox ? ft__confine_calls(FT__ROLE_KEEPER, 0, &err) : FT_OK;
    return c->missing == FT_OK || c->missing == FT_E_UNSUPPORTED ? 0 : EPERM;
}

/* Opener: its folders and the calls for them, nothing else. 0 or errno. */
static int confine(struct child *c)
{
    struct ft__folder folders[FT_FILES_MAX];
    int n = ft_places_count(c->places);
    struct ft_err err;

    if (!c->sandbox) {
        return 0;
    }
    for (int i = 0; i < n; i++) {
        folders[i] = (struct ft__folder){.fd = ft_places_folder(c->places, i),
                                         .grows = ft_places_parted(c->places, i)};
    }
    int rc = ft__confine_files(&(struct ft__confine_left){.folders = folders, .n = n}, &err);

    if (rc == FT_OK) {
        ft_places_confine(c->places);
    } else if (rc != FT_E_UNSUPPORTED) {
        return EPERM;
    }
    rc = ft__confine_calls(FT__ROLE_OPENER, 0, &err);
    return rc == FT_OK || rc == FT_E_UNSUPPORTED ? 0 : EPERM;
}

/* The body of an opener. Its first answer is that of the seal. */
static int opener_run(struct child *c, struct ft_file_call *call, bool first, pid_t keeper)
{
    struct ft_file_answer a = {.id = -1};

    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != keeper) {
        return 1;
    }
    a.error = confine(c);
    if (first) {
        a.n = c->missing == FT_E_UNSUPPORTED;
        if (!reply(c->sock, &a, -1)) {
            return 1;
        }
    }
    return a.error != 0 ? 1 : serve(c, call);
}

/* Sealed: an opener after the other, as long as folders that were replaced can be taken. */
static void keeper_run(struct child *c, struct ft_file_call *call)
{
    bool again = true;

    for (bool first = true; again; first = false) {
        pid_t self = getpid(), pid = fork(), ended;
        int status = 0;

        if (pid == 0) {
            _exit(opener_run(c, call, first, self));
        }
        do {
            ended = pid > 0 ? waitpid(pid, &status, 0) : -1;
        } while (ended < 0 && pid > 0 && errno == EINTR);
        again = ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == RENEW;
        if (again) {
            ft_places_renew(c->places);
        }
    }
}

/* Nothing of what the main process had open stays open here. */
static bool detach(int sock)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0) {
        return false;
    }
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    for (int fd = STDERR_FILENO + 1, end = (int)sysconf(_SC_OPEN_MAX); fd < end; fd++) {
        if (fd == sock) {
            continue;
        }
#ifdef SYS_close_range
        if (syscall(SYS_close_range, fd, fd < sock ? (unsigned)sock - 1 : ~0u, 0) == 0) {
            fd = fd < sock ? sock : end;
            continue;
        }
#endif
        close(fd);
    }
    return true;
}

static void child_run(int sock)
{
    struct ft_file_call *call = ft_mem_alloc(1, sizeof *call);
    struct child c = {.sock = sock, .places = ft_places_new()};
    bool root = geteuid() == 0;

    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* it may have been inherited as ignored, and then nothing waits */
    ft_sandbox_protect();
    if (call == NULL || c.places == NULL || !detach(sock) || serve(&c, call) != 0) {
        _exit(1);
    }
    c.sealed = true;
    c.sandbox = call->mode != 0;
    ft_places_seal(c.places);
    ft_places_trust(c.places, (uid_t)call->group);
    int error = ft_places_count(c.places) > 0 ? lower(&c, root) : ENOENT;

    if (error != 0) {
        struct ft_file_answer a = {.error = error, .id = -1};

        ft_ignore(reply(sock, &a, -1)); /* best effort: nobody may listen any more */
        _exit(1);
    }
    keeper_run(&c, call);
    _exit(0);
}

/* ---- the main process ---- */

/* Waits for the answer. A file system that hangs (a dead server) must not hang us. */
static bool answers(const struct ft_opener *o)
{
    struct pollfd p = {.fd = o->fd, .events = POLLIN};
    int64_t end = ft_mono_ms() + ANSWER_MS, left = ANSWER_MS;
    int rc;

    do {
        rc = poll(&p, 1, (int)left);
        left = end - ft_mono_ms();
    } while (rc < 0 && errno == EINTR && left > 0);
    return rc > 0;
}

/* Sends the call and takes the answer. An opener that is gone answers EIO. */
static void ask(struct ft_opener *o, struct ft_file_answer *out, int *out_fd)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = out, .iov_len = sizeof *out};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.space,
                       .msg_controllen = sizeof control.space};
    ssize_t n = -1;

    *out_fd = -1;
    if (o->fd >= 0 && send(o->fd, &o->call, sizeof o->call, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 &&
        answers(o)) {
        n = recvmsg(o->fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    }
    if (n != (ssize_t)sizeof *out) { /* gone, or stuck: its next answer would be another call's */
        *out = (struct ft_file_answer){.error = EIO, .id = -1};
        if (o->fd >= 0) {
            close(o->fd);
            o->fd = -1;
        }
        return;
    }
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);

    if (h != NULL && h->cmsg_type == SCM_RIGHTS) {
        memcpy(out_fd, CMSG_DATA(h), sizeof *out_fd);
    } else if (out->error == 0 && (m.msg_flags & MSG_CTRUNC) != 0) {
        out->error = EMFILE; /* it was opened, and there is no number for it here */
    }
}

static void files_call(void *cookie, const struct ft_file_call *c, struct ft_file_answer *out,
                       int *out_fd)
{
    struct ft_opener *o = cookie;

    pthread_mutex_lock(&o->lock);
    o->call = *c;
    for (int i = 0; i < ATTEMPTS; i++) {
        ask(o, out, out_fd);
        if ((out->notes & FT_FILE_RENEW) == 0) { /* else: the next opener has the folder */
            break;
        }
    }
    pthread_mutex_unlock(&o->lock);
}

struct ft_files ft__opener_files(struct ft_opener *o)
{
    return (struct ft_files){.call = files_call, .cookie = o};
}

int ft_opener_start(struct ft_opener **out, struct ft_err *err)
{
    struct ft_opener *o = ft_mem_alloc(1, sizeof *o);
    int pair[2];

    if (o == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "the opener could not be started: out of memory");
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        int error = errno;

        ft_mem_free(o);
        return ft_err_set(err, FT_E_IO, "the opener could not be started: %s", strerror(error));
    }
    o->pid = fork();
    if (o->pid == 0) {
        close(pair[0]);
        child_run(pair[1]);
    }
    int error = errno;

    close(pair[1]);
    o->fd = pair[0];
    pthread_mutex_init(&o->lock, NULL);
    if (o->pid < 0) {
        ft_opener_stop(o);
        return ft_err_set(err, FT_E_IO, "the opener could not be started: %s", strerror(error));
    }
    *out = o;
    return FT_OK;
}

int ft_opener_seal(struct ft_opener *o, unsigned uid, int sandbox, const struct ft_log *log,
                   struct ft_err *err)
{
    struct ft_file_answer a;
    int fd;

    pthread_mutex_lock(&o->lock);
    memset(&o->call, 0, sizeof o->call);
    o->call.op = OP_SEAL;
    o->call.mode = sandbox != 0;
    o->call.group = (int32_t)uid;
    ask(o, &a, &fd);
    if (a.error == ENOENT) { /* no files: it has ended */
        close(o->fd);
        o->fd = -1;
        a.error = 0;
    }
    pthread_mutex_unlock(&o->lock);
    if (a.error == 0 && a.n != 0) {
        ft_log(log, FT_LOG_DEBUG, "the opener has no system-call filter in this build");
    }
    return a.error == 0 ? FT_OK
                        : ft_err_set(err, FT_E_PRIVILEGE, "the opener could not be confined: %s",
                                     strerror(a.error));
}

void ft_opener_stop(struct ft_opener *o)
{
    if (o == NULL) {
        return;
    }
    if (o->fd >= 0) {
        close(o->fd);
    }
    for (int i = 0; o->pid > 0 && i < END_STEPS && waitpid(o->pid, NULL, WNOHANG) == 0; i++) {
        struct timespec step = {.tv_nsec = END_STEP_NS << (i < 4 ? i : 4)};

        nanosleep(&step, NULL); /* it sees the end of the socket; stuck, it is left to init */
    }
    pthread_mutex_destroy(&o->lock);
    ft_mem_free(o);
}
