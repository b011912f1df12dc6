/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http: outages, see outage.h. */
#include "output/sink/http/outage.h"

#include "base/wait.h"

enum { PAUSE_MIN_MS = 1000, PAUSE_MOST_MS = 60000 };

void ft_http_lose(struct ft_http_outage *o, struct ft_sink *s, struct ft_tally *held)
{
    o->lost += ft_tally_events(held);
    ft_tally_move(&s->lost, held);
}

void ft_http_lose_chunk(struct ft_http_outage *o, struct ft_sink *s, const struct ft_chunk *c,
                        uint32_t at)
{
    struct ft_tally t = {{0}, 0};

    ft_tally_chunk(&t, c, at, c->len);
    ft_http_lose(o, s, &t);
}

bool ft_http_pauses(struct ft_http_outage *o, struct ft_sink *s, const struct ft_chunk *c,
                    uint32_t at)
{
    if (o->until_ms == 0 || ft_mono_ms() >= o->until_ms) {
        o->until_ms = 0;
        return false;
    }
    ft_http_lose_chunk(o, s, c, at);
    return true;
}

void ft_http_begin_pause(struct ft_http_outage *o, const struct ft_log *log, const char *name,
                         const char *what)
{
    int64_t ms = o->failures < 7 ? (int64_t)PAUSE_MIN_MS << o->failures : PAUSE_MOST_MS;

    if (o->failures++ == 0) {
        ft_log(log, FT_LOG_ERROR, "%s: %s; events are lost and counted until that works", name,
               what);
    }
    o->until_ms = ft_mono_ms() + (ms < PAUSE_MOST_MS ? ms : PAUSE_MOST_MS);
}

void ft_http_works(struct ft_http_outage *o, const struct ft_log *log, const char *name)
{
    if (o->failures > 0) {
        ft_log(log, FT_LOG_WARN, "%s: works again; %llu events were lost", name,
               (unsigned long long)o->lost);
    }
    *o = (struct ft_http_outage){0, 0, 0};
}
