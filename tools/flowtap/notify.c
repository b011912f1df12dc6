/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap: what systemd is told, see notify.h. */
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const int64_t status_ns = 10000000000;

static int64_t mono_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* A number of an environment variable, or 0. */
static int64_t number_of(const char *name)
{
    const char *text = getenv(name);
    char *end = NULL;

    errno = 0;
    long long v = text != NULL ? strtoll(text, &end, 10) : 0;

    return text != NULL && *text != '\0' && *end == '\0' && errno == 0 && v > 0 ? v : 0;
}

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if ((path[0] != '/' && path[0] != '@') || len >= sizeof to.sun_path) {
        return -1;
    }
    memcpy(to.sun_path, path, len);
    if (path[0] == '@') { /* of the abstract namespace */
        to.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)(const void *)&to, size) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* What cannot be told is not: it does not hold up anybody. */
static void tell(const struct notify *n, const char *text)
{
    if (n->fd >= 0 && send(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        return;
    }
}

void notify_open(struct notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    int64_t pid = number_of("WATCHDOG_PID"), usec = number_of("WATCHDOG_USEC");

    *n = (struct notify){.fd = path != NULL ? connect_to(path) : -1};
    if (n->fd >= 0 && (pid == 0 || pid == getpid()) && usec < INT64_MAX / 1000) {
        n->watchdog_ns = usec * 1000;
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

static int64_t every_ns(const struct notify *n)
{
    int64_t quarter = n->watchdog_ns / 4;

    return quarter > 0 && quarter < status_ns ? quarter : status_ns;
}

void notify_ready(struct notify *n, struct ft_pipeline *p)
{
    if (n->fd < 0) {
        return;
    }
    ft_pipeline_get_stats(p, &n->last);
    n->next_ns = mono_ns() + every_ns(n);
    tell(n, "READY=1\nSTATUS=Running");
}

int notify_wait_ms(const struct notify *n, int most_ms)
{
    int64_t ms = (n->next_ns - mono_ns()) / 1000000 + 1;

    return n->fd < 0 || ms > most_ms ? most_ms : ms > 1 ? (int)ms : 1;
}

bool notify_advanced(const struct ft_stats *before, const struct ft_stats *now)
{
    for (uint32_t i = 0; i < now->n_workers; i++) {
        if (!now->worker_ended[i] && now->worker_turns[i] == before->worker_turns[i]) {
            return false;
        }
    }
    return true;
}

void notify_tick(struct notify *n, struct ft_pipeline *p)
{
    int64_t now_ns = mono_ns();
    char text[256];
    struct ft_stats now;
    uint64_t dropped = 0;

    if (n->fd < 0 || now_ns < n->next_ns) {
        return;
    }
    n->next_ns = now_ns + every_ns(n);
    ft_pipeline_get_stats(p, &now);
    for (uint32_t i = 0; i < now.n_outputs; i++) {
        for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
            dropped += now.output[i].dropped[e] + now.output[i].lost[e];
        }
    }
    bool advanced = notify_advanced(&n->last, &now);

    snprintf(text, sizeof text,
             "%sSTATUS=%llu %s, %llu dropped by the kernel, %llu at queues; %llu events dropped or "
             "lost%s",
             advanced && n->watchdog_ns > 0 ? "WATCHDOG=1\n" : "", (unsigned long long)now.received,
             now.collecting ? "datagrams" : "packets", (unsigned long long)now.kernel_dropped,
             (unsigned long long)now.queue_dropped, (unsigned long long)dropped,
             advanced ? "" : "; a worker stands still");
    tell(n, text);
    if (advanced) {
        n->last = now;
    }
}

void notify_reloading(struct notify *n)
{
    char text[96];

    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=Loading",
             (long long)(mono_ns() / 1000));
    tell(n, text);
}

/* Who waits for an output's end has --drain-timeout for it, and the service its time to stop. */
void notify_stopping(struct notify *n)
{
    tell(n, n->watchdog_ns > 0
                ? "STOPPING=1\nSTATUS=Writing what is queued\nWATCHDOG_USEC=86400000000"
                : "STOPPING=1\nSTATUS=Writing what is queued");
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0) {
        close(n->fd);
    }
    n->fd = -1;
}
