/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/stream: connecting, see connect.h. */
#include "output/sink/stream/connect.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { DEAD_MS = 60000 }; /* that long nothing was acknowledged: the connection is over */

/* FT_OK: fd is connected. */
static int finish(int fd, const struct sockaddr *to, socklen_t len, struct ft_receiver *r,
                  int timeout_ms)
{
    socklen_t size = sizeof(int);
    int error = 0;

    if (connect(fd, to, len) == 0) {
        return FT_OK;
    }
    if (errno != EINPROGRESS && errno != EINTR) {
        return FT_E_IO;
    }
    int rc = ft_receiver_wait(r, fd, POLLOUT, timeout_ms);

    if (rc == FT_E_INTERRUPTED) {
        return rc;
    }
    if (rc == FT_E_AGAIN) {
        errno = ETIMEDOUT;
        return FT_E_IO;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        errno = error != 0 ? error : errno;
        return FT_E_IO;
    }
    return FT_OK;
}

static int try_one(int family, const struct sockaddr *to, socklen_t len, struct ft_receiver *r,
                   int timeout_ms, int *out_fd)
{
    /* a machine that vanished says nothing: without these it is waited for a quarter of an hour
     * when something is under way, and for hours when nothing is */
    int on = 1, idle_s = 30, again_s = 10, dead_ms = DEAD_MS;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return FT_E_IO;
    }
    if (family != AF_UNIX) { /* best effort: they only make it faster, or find a dead peer */
        (void)!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)!setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        (void)!setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
        (void)!setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &again_s, sizeof again_s);
        (void)!setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
    }
    int rc = finish(fd, to, len, r, timeout_ms);

    if (rc != FT_OK) {
        int error = errno;

        close(fd);
        errno = error;
        return rc;
    }
    *out_fd = fd;
    return FT_OK;
}

int ft__connect_inet(const char *host, const char *port, struct ft_receiver *r, int timeout_ms,
                     int *out_fd, const char **out_why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int error = getaddrinfo(host, port, &hints, &list), rc = FT_E_IO;

    if (error != 0) {
        *out_why = gai_strerror(error);
        return FT_E_IO;
    }
    for (const struct addrinfo *a = list; a != NULL && rc == FT_E_IO; a = a->ai_next) {
        rc = try_one(a->ai_family, a->ai_addr, a->ai_addrlen, r, timeout_ms, out_fd);
    }
    *out_why = strerror(errno);
    freeaddrinfo(list);
    return rc;
}

int ft__connect_unix(const char *path, struct ft_receiver *r, int timeout_ms, int *out_fd,
                     const char **out_why)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof to.sun_path) {
        *out_why = "the path is too long";
        return FT_E_IO;
    }
    memcpy(to.sun_path, path, strlen(path));
    int rc = try_one(AF_UNIX, (struct sockaddr *)(void *)&to, sizeof to, r, timeout_ms, out_fd);

    *out_why = strerror(errno);
    return rc;
}
