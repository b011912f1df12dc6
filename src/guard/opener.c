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
#include "guard/confine.h"
#include "guard/pass.h"

enum { OP_SEAL = FT_FILE__COUNT, RENEW = 75, ADD = 76, ATTEMPTS = 3, ANSWER_MS = 5000 };
enum { SEAL_SANDBOX = 1, SEAL_ADDS = 2 }; /* of the seal's mode */
enum { END_STEP_NS = 1000000, END_STEPS = 100 };

struct ft_opener {
    int fd;                 /* our end of the socket pair; -1: there is no opener any more */
    struct ft__named named; /* where a loader names files that may be placed; -1: see there */
    pid_t pid;
    pthread_mutex_t lock; /* one call at a time */
    struct ft_file_call call;
};

/* ---- the children ---- */

struct child {
    int sock;
    int named;    /* what a loader says comes here */
    char *listed; /* the last of it: names, each with its NUL, the end is empty; owned */
    bool adds;    /* files may be placed after the seal: those that a loader names */
    struct ft_places *places;
    bool sealed;
    bool sandbox;
    int missing; /* FT_E_UNSUPPORTED: no filter */
};

/* Whether a call is whole. */
static bool sound(const struct ft_file_call *call, ssize_t n)
{
    return n == (ssize_t)sizeof *call && memchr(call->path, '\0', sizeof call->path) != NULL &&
           memchr(call->part, '\0', sizeof call->part) != NULL;
}

/* Answers calls until the seal (0), the end (1), a folder that needs another opener (RENEW), or a
 * file that only the keeper can place (ADD). */
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
        if (sound(call, n) && call->op == FT_FILE_PLACE && c->sealed && c->adds) {
            a = (struct ft_file_answer){.error = ESTALE, .id = -1, .notes = FT_FILE_RENEW};
            return ft__pass_send(c->sock, &a, sizeof a, -1) ? ADD : 1;
        }
        if (sound(call, n)) {
            ft_places_call(c->places, call, &a, &fd);
        }
        bool sent = ft__pass_send(c->sock, &a, sizeof a, fd);

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
        if (!ft__pass_send(c->sock, &a, sizeof a, -1)) {
            return 1;
        }
    }
    return a.error != 0 ? 1 : serve(c, call);
}

/* Is a path this name, or that of a file that comes with it: what is not whole yet, a sidecar? */
static bool goes_with(const char *name, const char *path)
{
    static const char *const more[] = {"", FT_FILE_PART, ".json", FT_FILE_PART ".json"};
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (strncmp(path, name, len) == 0 && strcmp(path + len, more[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Is it a file that the configuration names, as was heard last? Cookie: the child. */
static bool is_named(void *cookie, const char *path)
{
    const struct child *c = cookie;

    for (const char *p = c->listed; *p != '\0'; p += strlen(p) + 1) {
        if (goes_with(p, path)) {
            return true;
        }
    }
    return false;
}

/* What the loader has said last. */
static void hear_names(struct child *c)
{
    ssize_t n;

    while ((n = recv(c->named, c->listed, FT__NAMED_MOST - 1, MSG_DONTWAIT)) > 0) {
        c->listed[n] = '\0';
        c->listed[n - 1] = '\0'; /* the last name has its end, and the list, too */
    }
}

/* The call that the opener left to us comes again. False: the main process is gone. */
static bool add_place(struct child *c, struct ft_file_call *call)
{
    struct ft_file_answer a = {.error = EPERM, .id = -1};
    ssize_t n;

    do {
        n = recv(c->sock, call, sizeof *call, 0);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        return false;
    }
    hear_names(c);
    if (sound(call, n) && call->op == FT_FILE_PLACE && is_named(c, call->path)) {
        ft_places_add(c->places, call, &(struct ft_places_adder){is_named, c}, &a);
    }
    return ft__pass_send(c->sock, &a, sizeof a, -1);
}

/* Sealed: an opener after the other, as long as folders that were replaced can be taken, and as
 * files are added. */
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
        int why = ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;

        again = why == RENEW || (why == ADD && add_place(c, call));
        if (why == RENEW) {
            ft_places_renew(c->places);
        }
    }
}

static void child_run(int sock, int named)
{
    const int keep[] = {sock, named};
    struct ft_file_call *call = ft_mem_alloc(1, sizeof *call);
    struct child c = {.sock = sock,
                      .named = named,
                      .listed = ft_mem_alloc(1, FT__NAMED_MOST),
                      .places = ft_places_new()};
    bool root = geteuid() == 0;

    ft__pass_keep_on();
    signal(SIGCHLD, SIG_DFL); /* it may have been inherited as ignored, and then nothing waits */
    ft_sandbox_protect();
    if (call == NULL || c.places == NULL || c.listed == NULL || !ft__pass_detach(keep, 2) ||
        serve(&c, call) != 0) {
        _exit(1);
    }
    c.sealed = true;
    c.sandbox = (call->mode & SEAL_SANDBOX) != 0;
    c.adds = (call->mode & SEAL_ADDS) != 0;
    ft_places_seal(c.places);
    ft_places_trust(c.places, (uid_t)call->group);
    int error = ft_places_count(c.places) > 0 || c.adds ? lower(&c, root) : ENOENT;

    if (error != 0) {
        struct ft_file_answer a = {.error = error, .id = -1};

        ft_ignore(
            ft__pass_send(sock, &a, sizeof a, -1)); /* best effort: nobody may listen any more */
        _exit(1);
    }
    keeper_run(&c, call);
    _exit(0);
}

/* ---- the main process ---- */

/* Sends the call and takes the answer. An opener that is gone answers EIO. A file system that hangs
 * (a dead server) must not hang us. */
static void ask(struct ft_opener *o, struct ft_file_answer *out, int *out_fd)
{
    ssize_t n = -1;
    bool cut;

    *out_fd = -1;
    if (o->fd >= 0 && send(o->fd, &o->call, sizeof o->call, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 &&
        ft__pass_wait(o->fd, ANSWER_MS)) {
        n = ft__pass_recv(o->fd, out, sizeof *out, out_fd, &cut);
    }
    if (n != (ssize_t)sizeof *out) { /* gone, or stuck: its next answer would be another call's */
        *out = (struct ft_file_answer){.error = EIO, .id = -1};
        if (o->fd >= 0) {
            close(o->fd);
            o->fd = -1;
        }
    } else if (*out_fd < 0 && out->error == 0 && cut) {
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

struct ft__named ft__opener_named(struct ft_opener *o)
{
    struct ft__named named = o->named;

    o->named = (struct ft__named){-1, -1};
    return named;
}

/* Nobody will name any file. */
static void close_named(struct ft_opener *o)
{
    if (o->named.ours >= 0) {
        close(o->named.ours);
        close(o->named.keepers);
        o->named = (struct ft__named){-1, -1};
    }
}

int ft_opener_start(struct ft_opener **out, struct ft_err *err)
{
    struct ft_opener *o = ft_mem_alloc(1, sizeof *o);
    int pair[2], named[2];

    if (o == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "the opener could not be started: out of memory");
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, named) != 0) {
        int error = errno; /* no descriptors: the caller is about to end */

        ft_mem_free(o);
        return ft_err_set(err, FT_E_IO, "the opener could not be started: %s", strerror(error));
    }
    o->pid = fork();
    if (o->pid == 0) {
        close(pair[0]); /* now: it may need their numbers */
        close(named[0]);
        child_run(pair[1], named[1]);
    }
    int error = errno;

    close(pair[1]);
    o->fd = pair[0];
    o->named = (struct ft__named){.ours = named[0], .keepers = named[1]};
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
    o->call.mode = (sandbox != 0 ? SEAL_SANDBOX : 0) | (o->named.ours < 0 ? SEAL_ADDS : 0);
    close_named(o);
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
    close_named(o);
    for (int i = 0; o->pid > 0 && i < END_STEPS && waitpid(o->pid, NULL, WNOHANG) == 0; i++) {
        struct timespec step = {.tv_nsec = END_STEP_NS << (i < 4 ? i : 4)};

        nanosleep(&step, NULL); /* it sees the end of the socket; stuck, it is left to init */
    }
    pthread_mutex_destroy(&o->lock);
    ft_mem_free(o);
}
