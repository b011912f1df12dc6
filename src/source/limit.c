/* SPDX-License-Identifier: Apache-2.0 */
/* source: an end before the input's, see limit.h. */
#include "source/limit.h"

#include <string.h>

#include "base/mem.h"
#include "model/peer.h"

/* owner: the reading thread. release, stop, stats: any thread, as of the source inside. */
struct limited {
    struct ft_source base;
    struct ft_source_ops ops; /* of this instance: flags are those of the source inside */
    struct ft_source *inside; /* owned */
    struct ft_limit *limit;
    bool begun; /* first_ns holds */
    bool over;
    int64_t first_ns;
};

static struct limited *limited_of(struct ft_source *s)
{
    return (struct limited *)(void *)s;
}

/* What a collector is told beside its datagrams does not count either. */
static bool counts(const struct ft_view *v)
{
    struct ft_peer peer;

    if (v->linktype != FT_LINK_DATAGRAM) {
        return (v->flags & FT_VIEW_LEFT_OUT) == 0;
    }
    memcpy(&peer, v->data - sizeof peer, sizeof peer);
    return (peer.flags & FT_PEER_ENDED) == 0;
}

/* How many of n views lie within the time. */
static uint32_t within_span(struct limited *s, const struct ft_view *views, uint32_t n)
{
    if (s->limit->span_ns == 0) {
        return n;
    }
    if (!s->begun) {
        s->begun = true;
        s->first_ns = views[0].ts_ns;
    }
    for (uint32_t i = 0; i < n; i++) {
        int64_t since;

        if (__builtin_sub_overflow(views[i].ts_ns, s->first_ns, &since)) {
            since = views[i].ts_ns < s->first_ns ? INT64_MIN : INT64_MAX;
        }
        if (since >= s->limit->span_ns) {
            s->over = true;
            return i;
        }
    }
    return n;
}

/* How many of n views there is still a place for. */
static uint32_t within_count(struct limited *s, const struct ft_view *views, uint32_t n)
{
    uint64_t counted = 0, before, room;
    uint32_t i = 0;

    if (s->limit->packets == 0) {
        return n;
    }
    for (uint32_t k = 0; k < n; k++) {
        counted += counts(&views[k]);
    }
    before = atomic_fetch_add_explicit(&s->limit->taken, counted, memory_order_relaxed);
    room = before < s->limit->packets ? s->limit->packets - before : 0;
    if (counted < room) {
        return n;
    }
    s->over = true;
    while (room > 0) {
        room -= counts(&views[i++]);
    }
    return i;
}

/* The others have taken all that there was to take. */
static bool nothing_left(const struct limited *s)
{
    return s->limit->packets > 0 &&
           atomic_load_explicit(&s->limit->taken, memory_order_relaxed) >= s->limit->packets;
}

static void end(struct limited *s)
{
    s->over = true;
    s->inside->ops->stop(s->inside);
    if (s->limit->on_end != NULL) {
        s->limit->on_end(s->limit->cookie);
    }
}

static int limited_read(struct ft_source *source, struct ft_batch *b, int timeout_ms,
                        struct ft_err *err)
{
    struct limited *s = limited_of(source);
    int rc;

    b->n = 0;
    if (s->over) {
        return FT_E_EOF;
    }
    if (nothing_left(s)) {
        end(s);
        return FT_E_EOF;
    }
    rc = s->inside->ops->read(s->inside, b, timeout_ms, err);
    if (rc != FT_OK || b->n == 0) {
        return rc;
    }
    b->n = within_span(s, b->views, b->n);
    b->n = within_count(s, b->views, b->n);
    if (!s->over) {
        return FT_OK;
    }
    end(s);
    if (b->n == 0) {
        s->inside->ops->release(s->inside, b->token);
        return FT_E_EOF;
    }
    return FT_OK;
}

static void limited_release(struct ft_source *source, uint64_t token)
{
    struct limited *s = limited_of(source);

    s->inside->ops->release(s->inside, token);
}

static void limited_stop(struct ft_source *source)
{
    struct limited *s = limited_of(source);

    s->inside->ops->stop(s->inside);
}

static void limited_stats(struct ft_source *source, struct ft_source_stats *out)
{
    struct limited *s = limited_of(source);

    s->inside->ops->stats(s->inside, out);
}

static void limited_settled(struct ft_source *source, bool well)
{
    struct limited *s = limited_of(source);

    s->inside->ops->settled(s->inside, well);
}

static void limited_close(struct ft_source *source)
{
    struct limited *s = limited_of(source);

    if (s != NULL) {
        s->inside->ops->close(s->inside);
        ft_mem_free(s);
    }
}

int ft_limit_wrap(struct ft_limit *limit, struct ft_source **source)
{
    struct limited *s;

    if (limit->packets == 0 && limit->span_ns == 0) {
        return FT_OK;
    }
    s = ft_mem_alloc(1, sizeof *s);
    if (s == NULL) {
        return FT_E_NOMEM;
    }
    s->inside = *source;
    s->limit = limit;
    s->ops = *s->inside->ops;
    s->ops.read = limited_read;
    s->ops.release = limited_release;
    s->ops.stop = limited_stop;
    s->ops.stats = limited_stats;
    s->ops.settled = s->ops.settled != NULL ? limited_settled : NULL;
    s->ops.close = limited_close;
    s->base.ops = &s->ops;
    s->base.left_out = s->inside->left_out;
    *source = &s->base;
    return FT_OK;
}
