/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the process that keeps a store, see store.h. */
#include "pipeline/store.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wait.h"
#include "flowtap/sandbox.h"
#include "guard/confine.h"
#include "guard/pass.h"
#include "store/serve.h"

enum { OPEN_MS = 30000, FOLLOWERS = 027 /* what is not for all who may look at files */ };

/* Root becomes who owns the folder, and has no capabilities in any case. 0 or errno. */
static int become_owner(const char *folder)
{
    struct stat st;

    if (geteuid() == 0 && stat(folder, &st) == 0 && st.st_uid != 0 &&
        (setgroups(0, NULL) != 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) != 0 ||
         setresuid(st.st_uid, st.st_uid, st.st_uid) != 0)) {
        return errno;
    }
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ft__confine_caps(0) == 0 ? 0 : errno;
}

/* The folder and the calls for its files, nothing else. cookie: NULL: not confined. */
static int confine(void *cookie, int folder, struct ft_err *err)
{
    struct ft__folder one = {.fd = folder};
    struct ft__confine_left left = {.folders = &one, .n = 1};
    int rc = ft__confine_files(&left, err);

    (void)cookie;
    if (rc == FT_OK || rc == FT_E_UNSUPPORTED) {
        rc = ft__confine_calls(FT__ROLE_STORE, 0, err);
    }
    return rc == FT_E_UNSUPPORTED ? FT_OK : rc;
}

static void child(int sock, const struct ft_store_ask *ask, bool sandbox)
{
    struct ft_store_answer a = {.say = FT_STORE_FAILED, .rc = FT_E_PRIVILEGE};

    ft__pass_keep_on();
    ft_sandbox_protect();        /* it has a copy of what its parent has in memory */
    umask(umask(0) | FOLLOWERS); /* SQLite asks for no mode */
    int error = become_owner(ask->folder);

    if (error == 0 && ft__pass_detach(&sock, 1)) {
        _exit(ft_store_serve(sock, ask, sandbox ? confine : NULL, NULL));
    }
    snprintf(a.text, sizeof a.text, "%s: its keeper could not be started: %s", ask->folder,
             strerror(error));
    ft_ignore(send(sock, &a, sizeof a, MSG_NOSIGNAL) > 0); /* best effort */
    _exit(1);
}

/* What it says first. */
static int hear_open(int sock, struct ft_err *err)
{
    struct ft_store_answer a = {.say = FT_STORE_FAILED, .rc = FT_E_IO};

    if (ft__pass_wait(sock, OPEN_MS) &&
        recv(sock, &a, sizeof a, MSG_WAITALL) == (ssize_t)sizeof a && a.say == FT_STORE_OPENED) {
        a.text[sizeof a.text - 1] = '\0';
        return ft_err_set(err, FT_OK, "%s", a.text);
    }
    a.text[sizeof a.text - 1] = '\0';
    return ft_err_set(err, a.rc, "%s",
                      a.text[0] != '\0' ? a.text : "the process that keeps it says nothing");
}

int ft_store_start_keeper(void *cookie, const struct ft_store_ask *ask, int *out_fd, pid_t *out_pid,
                          struct ft_err *err)
{
    const bool *sandbox = cookie;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return ft_err_set(err, errno == ENOSYS ? FT_E_PRIVILEGE : FT_E_IO,
                          "%s: its keeper could not be started: %s", ask->folder,
                          errno == ENOSYS ? "a store is opened at the start only"
                                          : strerror(errno));
    }
    pid_t pid = fork();

    if (pid == 0) {
        close(pair[0]);
        child(pair[1], ask, *sandbox);
    }
    int error = errno;

    close(pair[1]);
    int rc = pid > 0 ? hear_open(pair[0], err)
                     : ft_err_set(err, error == ENOSYS ? FT_E_PRIVILEGE : FT_E_IO,
                                  "%s: its keeper could not be started: %s", ask->folder,
                                  error == ENOSYS ? "a store is opened at the start only"
                                                  : strerror(error));

    if (rc != FT_OK) {
        close(pair[0]);
        if (pid > 0) {
            waitpid(pid, NULL, 0); /* it has said its last word */
        }
        return rc;
    }
    *out_fd = pair[0];
    *out_pid = pid;
    return FT_OK;
}
