/* SPDX-License-Identifier: Apache-2.0 */
/* serve: connections and their time, and the thread that keeps it; see http.h. */
#include "serve/http.h"

#ifdef FT_HAVE_MICROHTTPD

#include <sys/socket.h>

#include "base/wait.h"
#include "serve/http_parts.h"

enum { TICK_MS = 1000 };

static struct ft_slot *slot_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}

static void shut(struct ft_slot *s)
{
    shutdown(s->fd, SHUT_RDWR);
    s->shut = true;
}

/* Of those that wait for their client, the one that has waited longest. */
static void make_room(struct ft_web *h)
{
    struct ft_slot *oldest = NULL;
    uint32_t used = 0;

    for (uint32_t i = 0; i < FT_WEB_SLOTS; i++) {
        struct ft_slot *s = &h->slots[i];

        used += s->connection != NULL && !s->shut;
        if (s->connection != NULL && !s->shut && !s->busy &&
            (oldest == NULL || s->turn < oldest->turn)) {
            oldest = s;
        }
    }
    if (used > FT_WEB_CONNECTIONS && oldest != NULL) {
        shut(oldest);
    }
}

static void take_slot(struct ft_web *h, struct MHD_Connection *c, void **socket_context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

    for (uint32_t i = 0; i < FT_WEB_SLOTS && info != NULL; i++) {
        if (h->slots[i].connection == NULL) {
            h->slots[i] = (struct ft_slot){.connection = c,
                                           .fd = info->connect_fd,
                                           .since_ms = ft_mono_ms(),
                                           .turn = ++h->turns};
            *socket_context = &h->slots[i];
            break;
        }
    }
    make_room(h);
}

void ft_web_on_connection(void *cookie, struct MHD_Connection *c, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct ft_web *h = cookie;

    pthread_mutex_lock(&h->lock);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        take_slot(h, c, socket_context);
    } else if (*socket_context != NULL) {
        *(struct ft_slot *)*socket_context = (struct ft_slot){.connection = NULL};
    }
    pthread_mutex_unlock(&h->lock);
}

void ft_web_done(struct ft_web *h, struct MHD_Connection *c)
{
    struct ft_slot *s = slot_of(c);

    pthread_mutex_lock(&h->lock);
    if (s != NULL) {
        s->since_ms = ft_mono_ms();
        s->turn = ++h->turns;
        s->busy = false;
    }
    pthread_mutex_unlock(&h->lock);
}

void ft_web_busy(struct ft_web *h, struct MHD_Connection *c)
{
    struct ft_slot *s = slot_of(c);

    pthread_mutex_lock(&h->lock);
    if (s != NULL) {
        s->busy = true;
    }
    pthread_mutex_unlock(&h->lock);
}

static void shut_late(struct ft_web *h)
{
    int64_t now = ft_mono_ms();

    for (uint32_t i = 0; i < FT_WEB_SLOTS; i++) {
        struct ft_slot *s = &h->slots[i];

        if (s->connection != NULL && !s->shut && !s->busy &&
            now - s->since_ms > FT_WEB_REQUEST_S * 1000) {
            shut(s);
        }
    }
}

static uint32_t rows_watched(const struct ft_web *h)
{
    uint32_t rows = 0;

    for (uint32_t i = 0; i < FT_LISTEN_ROWS; i++) {
        rows |= h->watched[i] > 0 ? UINT32_C(1) << i : 0;
    }
    return rows;
}

/* Looks at what streams wait for, without the lock. */
static void look(struct ft_web *h)
{
    uint32_t rows = rows_watched(h);
    struct ft_versions versions = h->versions;

    if (rows == 0) {
        return;
    }
    pthread_mutex_unlock(&h->lock);
    struct ft_desk *d = h->rpc.take(h->rpc.cookie);

    if (d != NULL) {
        ft_listen_look(h->rpc.catalogue, d, rows, &versions);
        h->rpc.give(h->rpc.cookie, d);
    }
    pthread_mutex_lock(&h->lock);
    if (d != NULL) {
        for (uint32_t i = 0; i < FT_LISTEN_ROWS; i++) { /* others may have come meanwhile */
            h->versions.of[i] = (rows >> i & 1) != 0 ? versions.of[i] : h->versions.of[i];
        }
        pthread_cond_broadcast(&h->changed);
    }
}

void *ft_web_keep(void *http)
{
    struct ft_web *h = http;

    pthread_mutex_lock(&h->lock);
    while (!h->stopping) {
        struct timespec until = ft_wait_until(TICK_MS);

        while (!h->stopping && pthread_cond_timedwait(&h->changed, &h->lock, &until) == 0) {
        }
        shut_late(h);
        look(h);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

#endif
