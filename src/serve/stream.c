/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the answer to subscriptions/listen over HTTP: Server-Sent Events (WHATWG HTML §9.2). */
#include "serve/http.h"

#ifdef FT_HAVE_MICROHTTPD

#include <string.h>

#include "base/mem.h"
#include "base/wait.h"
#include "serve/http_parts.h"

struct ft_web_stream {
    struct ft_web *http; /* borrowed */
    struct ft_listener listener;
    struct ft_text text; /* what is being said */
    size_t at;           /* bytes of it that were */
    bool last;           /* it is the last */
};

static void put_event(struct ft_web_stream *s, const struct ft_text *message)
{
    ft_text_put(&s->text, "event: message\ndata: ");
    ft_text_add(&s->text, message->p, message->len);
    ft_text_put(&s->text, "\n\n");
}

/* Under the lock. Of a row that nobody watched the version is what this listener was told. */
static bool join(struct ft_web *h, const struct ft_listener *l)
{
    if (h->stopping || h->n_streams == FT_WEB_STREAMS) {
        return false;
    }
    h->n_streams++;
    for (uint32_t i = 0; i < FT_LISTEN_ROWS; i++) {
        if ((l->rows >> i & 1) != 0) {
            if (h->watched[i]++ == 0) {
                h->versions.of[i] = l->told.of[i];
            }
        }
    }
    return true;
}

struct ft_web_stream *ft_web_stream_new(struct ft_web *h, const struct ft_listener *l,
                                        const struct ft_text *first)
{
    struct ft_web_stream *s = ft_mem_alloc(1, sizeof *s);

    if (s == NULL) {
        return NULL;
    }
    s->http = h;
    s->listener = *l;
    put_event(s, first);
    pthread_mutex_lock(&h->lock);
    bool joined = join(h, l);

    pthread_mutex_unlock(&h->lock);
    if (!joined) {
        ft_text_fini(&s->text);
        ft_mem_free(s);
        return NULL;
    }
    return s;
}

/* Waits for something to say. */
static void next_text(struct ft_web_stream *s)
{
    struct ft_web *h = s->http;
    struct timespec until = ft_wait_until(FT_WEB_STREAM_COMMENT_S * 1000);
    struct ft_text message = {0};
    bool any = false;
    int rc = 0;

    s->text.len = s->at = 0;
    pthread_mutex_lock(&h->lock);
    while (!any && !h->stopping && rc == 0) {
        any = ft_listen_next(h->rpc.catalogue, &s->listener, &h->versions, &message);
        rc = any ? 0 : pthread_cond_timedwait(&h->changed, &h->lock, &until);
    }
    s->last = h->stopping && !any;
    pthread_mutex_unlock(&h->lock);
    if (s->last) {
        ft_listen_end(&s->listener, &message);
    }
    if (message.len > 0) {
        put_event(s, &message);
    } else {
        ft_text_put(&s->text, ":\n\n");
    }
    ft_text_fini(&message);
}

ssize_t ft_web_stream_read(void *stream, uint64_t pos, char *out, size_t max)
{
    struct ft_web_stream *s = stream;

    (void)pos;
    if (s->at == s->text.len) {
        if (s->last) {
            return MHD_CONTENT_READER_END_OF_STREAM;
        }
        next_text(s);
    }
    size_t left = s->text.len - s->at, n = left < max ? left : max;

    if (s->text.failed || n == 0) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    memcpy(out, s->text.p + s->at, n);
    s->at += n;
    return (ssize_t)n;
}

void ft_web_stream_free(void *stream)
{
    struct ft_web_stream *s = stream;
    struct ft_web *h = s->http;

    pthread_mutex_lock(&h->lock);
    h->n_streams--;
    for (uint32_t i = 0; i < FT_LISTEN_ROWS; i++) {
        h->watched[i] -= s->listener.rows >> i & 1;
    }
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    ft_text_fini(&s->text);
    ft_mem_free(s);
}

#endif
