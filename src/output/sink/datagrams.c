/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: datagrams of sFlow, see datagrams.h. */
#include "output/sink/datagrams.h"

#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "base/wait.h"
#include "codec/export/sflow_put.h"

enum { BUFFER = 512 * 1024, SEQUENCES = 2 };

struct source {
    uint32_t sequence[SEQUENCES]; /* of the next flow sample, counters */
    uint32_t pool, drops;
};

struct ft__datagrams {
    const struct ft_sflow_agent *agent;
    struct ft_sink *sink;
    uint32_t limit; /* bytes of a datagram */
    uint8_t *data;  /* [BUFFER], mapped: datagrams; their marks from its end on */
    uint32_t len, n;
    /* the rows that are left of a chunk */
    struct ft_chunk rows;
    uint32_t mark, row_at; /* the event, and its row, that come next */
    /* the datagram that is open, at begin */
    bool open;
    uint32_t begin, samples;
    enum ft_event event;
    /* of all datagrams */
    uint8_t address[16], version; /* who sends them; 0: not known yet */
    uint32_t sequence;
    int64_t begun_ms; /* monotonic; or of the first packet, INT64_MIN: none has come */
    int64_t newest_ms;
    struct source source[FT_SFLOW_SOURCES];
    uint64_t lost_seen, lost_rest; /* packets by the kernel; those that make no whole sample yet */
};

static struct ft_mark *marks_end(const struct ft__datagrams *d)
{
    return (struct ft_mark *)(void *)(d->data + BUFFER); /* whole pages */
}

/* ---- a datagram ---- */

/* The socket's address, once it has one, stays the agent's. */
static void find_agent(struct ft__datagrams *d)
{
    if (d->version == 0 && d->sink->ops->local != NULL) {
        d->version = d->sink->ops->local(d->sink, d->address);
    }
}

static uint32_t uptime_ms(const struct ft__datagrams *d)
{
    int64_t now = d->agent->by_clock ? ft_mono_ms() : d->newest_ms;

    return d->begun_ms == INT64_MIN ? 0 : (uint32_t)(now - d->begun_ms);
}

static void begin_datagram(struct ft__datagrams *d, enum ft_event e)
{
    d->open = true;
    d->begin = d->len;
    d->len += ft_sflow_put_datagram_len(d->version);
    d->samples = 0;
    d->event = e;
}

static void close_datagram(struct ft__datagrams *d)
{
    struct ft_sflow_put_datagram head = {.agent_version = d->version,
                                         .sub_agent = d->agent->sub_agent,
                                         .sequence = d->sequence,
                                         .uptime_ms = uptime_ms(d),
                                         .n_samples = d->samples};

    if (!d->open) {
        return;
    }
    memcpy(head.agent, d->address, sizeof head.agent);
    ft_sflow_put_datagram(d->data + d->begin, &head);
    marks_end(d)[-1 - (int64_t)d->n++] =
        (struct ft_mark){.key = FT_NO_KEY, .end = d->len, .count = d->samples, .event = d->event};
    d->sequence++;
    d->open = false;
}

/* ---- rows ---- */

/* What the kernel has dropped since the last look could have been sampled, and some of it was to
 * be. */
static void add_lost(struct ft__datagrams *d, struct source *s, uint32_t rate)
{
    uint64_t lost = d->agent->packets_lost(d->agent->packets_cookie), more = lost - d->lost_seen;

    d->lost_seen = lost;
    d->lost_rest += more;
    s->pool += (uint32_t)more;
    s->drops += (uint32_t)(d->lost_rest / rate);
    d->lost_rest %= rate;
}

static void number(struct ft__datagrams *d, const struct ft_sflow_row *row, uint8_t *sample)
{
    struct source *s = &d->source[row->source];

    s->pool += row->pool;
    s->drops += row->drops;
    ft_sflow_put_numbers(sample, s->sequence[row->rate == 0]++, s->pool, s->drops);
}

/* Is there room for a datagram of so many bytes, and for its mark? */
static bool room_for(const struct ft__datagrams *d, uint32_t len)
{
    uint32_t most = len > d->limit ? len : d->limit;

    return d->len + most + sizeof(struct ft_mark) * (d->n + 1) <= BUFFER;
}

/* False: there is no room in the buffer. */
static bool put_row(struct ft__datagrams *d, const struct ft_sflow_row *row, const uint8_t *sample,
                    enum ft_event e)
{
    uint32_t len = row->len - (uint32_t)sizeof *row;

    if (d->open && (d->event != e || d->len - d->begin + len > d->limit)) {
        close_datagram(d);
    }
    if (!d->open) {
        if (!room_for(d, FT_SFLOW_PUT_DATAGRAM_MOST + len)) {
            return false;
        }
        begin_datagram(d, e);
    }
    memcpy(d->data + d->len, sample, len);
    number(d, row, d->data + d->len);
    d->len += len;
    d->samples++;
    if (!d->agent->by_clock) {
        int64_t ms = row->ts_ns / 1000000;

        d->begun_ms = d->begun_ms == INT64_MIN ? ms : d->begun_ms;
        d->newest_ms = ms > d->newest_ms ? ms : d->newest_ms;
    }
    return true;
}

/* ---- chunks ---- */

void ft__datagrams_of(struct ft__datagrams *d, const struct ft_chunk *rows)
{
    struct ft_sflow_row first;

    d->rows = *rows;
    d->mark = d->row_at = 0;
    find_agent(d);
    if (rows->n == 0 || d->agent->packets_lost == NULL) {
        return;
    }
    memcpy(&first, rows->data, sizeof first);
    if (first.rate > 0) {
        add_lost(d, &d->source[first.source], first.rate);
    }
}

bool ft__datagrams_next(struct ft__datagrams *d, struct ft_chunk *out)
{
    d->len = d->n = 0;
    while (d->mark < d->rows.n) {
        struct ft_sflow_row row;

        memcpy(&row, d->rows.data + d->row_at, sizeof row);
        if (!put_row(d, &row, d->rows.data + d->row_at + sizeof row,
                     (enum ft_event)ft_chunk_mark(&d->rows, d->mark)->event)) {
            break;
        }
        d->row_at += row.len;
        d->mark++;
    }
    close_datagram(d);
    *out = (struct ft_chunk){.data = d->data,
                             .len = d->len,
                             .n = d->n,
                             .behind = marks_end(d),
                             .producer = d->rows.producer,
                             .number = d->rows.number};
    return d->n > 0;
}

/* ---- life ---- */

static int check(const struct ft_sink_ops *ops, const struct ft_output_url *url, struct ft_err *err)
{
    const char *overflow = ft_output_url_get(url, "overflow");

    if (!ops->datagrams) {
        return ft_err_set(err, FT_E_USAGE, "output %s: %s goes over udp", url->text, url->format);
    }
    if (overflow != NULL && strcmp(overflow, "spool") == 0) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: overflow=spool is for events that stand alone", url->text);
    }
    return FT_OK;
}

int ft__datagrams_open(const struct ft_sink_ops *ops, const struct ft_output_url *url,
                       const struct ft_output_env *env, struct ft_sink **out_sink,
                       struct ft__datagrams **out, struct ft_err *err)
{
    const char *mtu = ft_output_url_get(url, "mtu"), *rest;
    uint64_t limit = FT_OUTPUT_MTU;
    int rc = check(ops, url, err);

    rc = rc == FT_OK ? ops->open(url, env, out_sink, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    struct ft__datagrams *d = ft_mem_alloc(1, sizeof *d);

    if (d == NULL || (d->data = ft_map_alloc_sparse(BUFFER)) == NULL) {
        ft_mem_free(d);
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    if (mtu != NULL) {
        ft_ignore(ft_parse_number(mtu, &limit, &rest)); /* it was checked with the URL */
    }
    d->agent = env->sflow;
    d->sink = *out_sink;
    d->limit = (uint32_t)limit;
    d->version = d->agent->version;
    memcpy(d->address, d->agent->address, sizeof d->address);
    d->begun_ms = d->agent->by_clock ? ft_mono_ms() : INT64_MIN;
    d->newest_ms = INT64_MIN;
    *out = d;
    return FT_OK;
}

void ft__datagrams_close(struct ft__datagrams *d)
{
    if (d != NULL) {
        ft_map_free(d->data, BUFFER);
        ft_mem_free(d);
    }
}

size_t ft__datagrams_memory(const struct ft__datagrams *d)
{
    return sizeof *d + BUFFER;
}
