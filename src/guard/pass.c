/* SPDX-License-Identifier: Apache-2.0 */
/* guard: messages and descriptors, see pass.h. */
#include "guard/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/wait.h"

union control {
    struct cmsghdr head;
    char space[CMSG_SPACE(sizeof(int))];
};

bool ft__pass_send(int sock, const void *data, size_t len, int fd)
{
    union control control = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
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

ssize_t ft__pass_recv(int sock, void *out, size_t len, int *out_fd, bool *out_cut)
{
    union control control = {0};
    struct iovec iov = {.iov_base = out, .iov_len = len};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.space,
                       .msg_controllen = sizeof control.space};
    ssize_t n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

    *out_fd = -1;
    *out_cut = n > 0 && (m.msg_flags & MSG_CTRUNC) != 0;
    if (h != NULL && h->cmsg_type == SCM_RIGHTS) {
        memcpy(out_fd, CMSG_DATA(h), sizeof *out_fd);
    }
    return n;
}

bool ft__pass_wait(int sock, int ms)
{
    struct pollfd p = {.fd = sock, .events = POLLIN};
    int64_t end = ft_mono_ms() + ms, left = ms;
    int rc;

    do {
        rc = poll(&p, 1, (int)left);
        left = end - ft_mono_ms();
    } while (rc < 0 && errno == EINTR && left > 0);
    return rc > 0;
}

void ft__pass_keep_on(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction sa = {.sa_handler = SIG_IGN};

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        sigaction(ignored[i], &sa, NULL);
    }
}

static bool close_range_of(unsigned from, unsigned to)
{
#ifdef SYS_close_range
    return from > to || syscall(SYS_close_range, from, to, 0) == 0;
#else
    (void)from;
    (void)to;
    return false;
#endif
}

/* Closes from..to, both included; to: -1 for the last that there may be. */
static void close_all(int from, int to)
{
    int most = to < 0 ? (int)sysconf(_SC_OPEN_MAX) : to;

    if (!close_range_of((unsigned)from, (unsigned)to)) {
        for (int fd = from; fd <= most; fd++) {
            close(fd);
        }
    }
}

/* The least of n that is not less than from; -1: there is none. */
static int least(const int *of, int n, int from)
{
    int found = -1;

    for (int i = 0; i < n; i++) {
        if (of[i] >= from && (found < 0 || of[i] < found)) {
            found = of[i];
        }
    }
    return found;
}

bool ft__pass_detach(const int *keep, int n)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), from = STDERR_FILENO + 1;

    if (null < 0) {
        return false;
    }
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    for (int next; (next = least(keep, n, from)) >= 0; from = next + 1) {
        close_all(from, next - 1);
    }
    close_all(from, -1);
    return true;
}
