/* SPDX-License-Identifier: Apache-2.0 */
/* store: the process that keeps a store, see serve.h. */
#include "store/serve.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "store/writer.h"

/* All of len bytes. False: the other side is gone. */
static bool take(int sock, void *out, size_t len)
{
    uint8_t *p = out;

    while (len > 0) {
        ssize_t n = recv(sock, p, len, MSG_WAITALL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool say(int sock, const struct ft_store_answer *a)
{
    const uint8_t *p = (const void *)a;
    size_t len = sizeof *a;

    while (len > 0) {
        ssize_t n = send(sock, p, len, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Did anything become of events? */
static bool tells(const struct ft_store_answer *a)
{
    bool any = a->rc != FT_OK || a->text[0] != '\0';

    for (int e = 0; e < FT_EVENT__COUNT; e++) {
        any |= a->arrived[e] + a->lost[e] > 0;
    }
    return any;
}

/* One frame. False: it is over. */
static bool serve_frame(int sock, struct ft_store_writer *w)
{
    struct ft_store_answer told = {.say = FT_STORE_TOLD};
    struct ft_store_frame head;

    if (!take(sock, &head, sizeof head) || head.len > FT_STORE_FRAME_MOST) {
        return false;
    }
    if (head.say == FT_STORE_FLUSH) {
        told.say = FT_STORE_FLUSHED;
        ft_store_writer_commit(w, &told);
        return say(sock, &told);
    }
    uint8_t *p = ft_store_writer_room(w, head.len);

    if (p == NULL || !take(sock, p, head.len)) {
        return false;
    }
    int rc = ft_store_writer_take(w, head.len, &told);

    return rc == FT_OK && (!tells(&told) || say(sock, &told));
}

static void serve_all(int sock, struct ft_store_writer *w)
{
    for (bool go_on = true; go_on;) {
        struct pollfd p = {.fd = sock, .events = POLLIN};
        int n = poll(&p, 1, ft_store_writer_due_ms(w));

        if (n > 0) {
            go_on = serve_frame(sock, w);
        } else if (n == 0) {
            struct ft_store_answer told = {.say = FT_STORE_TOLD};

            ft_store_writer_commit(w, &told);
            go_on = say(sock, &told);
        } else {
            go_on = errno == EINTR;
        }
    }
}

int ft_store_serve(int sock, const struct ft_store_ask *ask,
                   int (*confine)(void *cookie, int folder, struct ft_err *err), void *cookie)
{
    struct ft_store_answer a = {.say = FT_STORE_OPENED};
    struct ft_store_writer *w = NULL;
    struct ft_err err = {0};
    int rc = ft_store_writer_open(ask, a.text, &w, &err);

    if (rc == FT_OK && confine != NULL) {
        rc = confine(cookie, ft_store_writer_folder(w), &err);
    }
    if (rc != FT_OK) {
        a.say = FT_STORE_FAILED;
        a.rc = rc;
        snprintf(a.text, sizeof a.text, "%s", err.what);
    }
    if (say(sock, &a) && rc == FT_OK) {
        serve_all(sock, w);
    }
    struct ft_store_answer last = {.say = FT_STORE_TOLD};

    if (w != NULL) {
        ft_store_writer_close(w, &last);
    }
    return rc == FT_OK && last.rc == FT_OK ? 0 : 1;
}
