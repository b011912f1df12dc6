/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: messages of flow export, see messages.h. */
#include "output/sink/messages.h"

#include <string.h>
#include <time.h>

#include "base/bounds.h"
#include "base/mem.h"
#include "base/rd.h"
#include "base/units.h"
#include "base/wait.h"
#include "codec/export/netflow_put.h"
#include "output/sink/streams.h"

enum {
    MESSAGE_MOST = 65535,
    REFRESH_S = 60,
    SET_HEADER = 4,
    PADDING = 3,
    MARKS_ROOM = 64 * 1024,
    V5_FIRST = 24, /* in a record, ms of the message's clock; last is behind it */
    NO_SET = 0,
    MARGIN_S = 86400,
    REPORT_ID = FT_FLOW_OPTIONS_FIRST
};

/* Messages that lie one behind the other, and their marks from the end of the buffer on. */
struct buffer {
    uint8_t *data; /* mapped */
    uint32_t cap, len, n;
};

struct ft__messages {
    const struct ft_flow_template_list *list;
    bool by_clock, datagrams;
    uint32_t limit; /* bytes of a message */
    int64_t refresh_ms;
    struct buffer out, greeting;
    /* the rows that are left of a chunk */
    struct ft_chunk rows;
    uint32_t mark, row_at; /* the event, and its row, that come next */
    /* the message that is open in out; header: it has one, at begin */
    bool open;
    uint32_t begin, set_at; /* set_at: of the open set; NO_SET: none */
    uint16_t set_id;
    uint32_t records, counted, events; /* data records; as v9 counts; events that begin in it */
    uint16_t sampling;                 /* v5: of all its records */
    enum ft_event event;
    uint32_t time_s;
    /* of all messages, or of those of one source */
    struct ft__stream own, *now;
    struct ft__streams *streams;  /* by source; NULL: there is one, own */
    struct ft_sink *sink;         /* with streams: says from whom it can send */
    struct ft_flow_source source; /* with streams: whose messages these are; */
    struct ft_flow_source heard;  /* of the row before, when known */
    bool known, said;             /* said: that one was forgotten */
    struct ft_log log;
    bool options_due; /* options data is to come before the next record */
    /* what it says of itself, see put_report() */
    int64_t report_ms, report_due_ms; /* 0: it does not */
    uint64_t messages, bytes, all_records;
    uint64_t (*events_lost)(const void *cookie);
    const void *events_cookie;
};

static struct ft_mark *marks_end(const struct buffer *b)
{
    return (struct ft_mark *)(void *)(b->data + b->cap); /* whole pages */
}

/* ---- a message ---- */

static uint32_t n_templates(const struct ft__messages *m)
{
    return atomic_load_explicit(&m->list->n, memory_order_acquire); /* pairs with its maker */
}

/* The time of day; of a capture, that of its newest record. NetFlow's is never before its records,
 * which count from it; what exporters say of the time, which IPFIX relays, is theirs. */
static uint32_t now_s(const struct ft__messages *m)
{
    uint32_t now = m->by_clock ? (uint32_t)time(NULL) : 0;

    if (m->by_clock && m->list->version == FT_FLOW_IPFIX) {
        return now;
    }
    return now > m->time_s ? now : m->time_s;
}

/* Is there room for a message of so many bytes? */
static bool room_for(const struct ft__messages *m, const struct buffer *b, uint32_t len)
{
    uint32_t most = (len > m->limit ? len : m->limit) + (uint32_t)sizeof m->source;

    return b->len + most + sizeof(struct ft_mark) * (b->n + 1) <= b->cap;
}

static uint32_t header_len(const struct ft__messages *m)
{
    return ft_nf_header_len((uint16_t)m->list->version);
}

static void begin_message(struct ft__messages *m)
{
    m->open = true;
    if (m->streams != NULL) { /* it goes before the message, for the sink */
        memcpy(m->out.data + m->out.len, &m->source, sizeof m->source);
        m->out.len += (uint32_t)sizeof m->source;
    }
    m->begin = m->out.len;
    m->out.len += header_len(m);
    m->set_at = NO_SET;
    m->records = m->counted = m->events = 0;
}

static void close_set(struct ft__messages *m)
{
    struct buffer *b = &m->out;

    if (m->set_at != NO_SET) {
        while (m->list->version == FT_FLOW_NETFLOW_9 && (b->len - m->set_at) % 4 != 0) {
            b->data[b->len++] = 0; /* RFC 3954 §5.3 */
        }
        ft_nf_put_set(b->data + m->set_at, m->set_id, b->len - m->set_at);
    }
    m->set_at = NO_SET;
}

static void open_set(struct ft__messages *m, uint16_t id)
{
    if (m->set_at == NO_SET || m->set_id != id) {
        close_set(m);
        m->set_at = m->out.len;
        m->set_id = id;
        m->out.len += SET_HEADER;
    }
}

static void mark_message(struct buffer *b, enum ft_event e, uint32_t events)
{
    marks_end(b)[-1 - (int64_t)b->n++] =
        (struct ft_mark){.key = FT_NO_KEY, .end = b->len, .count = events, .event = e};
}

static void close_message(struct ft__messages *m)
{
    struct ft_nf_header h = {.version = (uint16_t)m->list->version,
                             .count = (uint16_t)m->counted,
                             .time_s = now_s(m),
                             .sequence = (uint32_t)m->now->sequence,
                             .domain = m->list->domain,
                             .sampling = m->sampling};

    if (!m->open) {
        return;
    }
    close_set(m);
    h.len = m->out.len - m->begin;
    if (m->now->boot_ms != INT64_MIN) {
        h.uptime_ms = (uint32_t)(h.time_s * INT64_C(1000) - m->now->boot_ms);
    }
    ft_nf_put_header(m->out.data + m->begin, &h);
    mark_message(&m->out, m->event, m->events);
    m->messages++;
    m->bytes += h.len;
    m->all_records += m->records;
    m->now->sequence += m->list->version == FT_FLOW_NETFLOW_9 ? 1 : m->records;
    m->open = false;
}

/* ---- templates ---- */

static uint16_t template_set(const struct ft__messages *m, bool options)
{
    return (uint16_t)((m->list->version == FT_FLOW_NETFLOW_9 ? 0 : 2) + options);
}

static void put_template(struct ft__messages *m, uint32_t i)
{
    const struct ft_flow_template *t = &m->list->of[i];

    open_set(m, template_set(m, false));
    memcpy(m->out.data + m->out.len, t->record, t->len);
    m->out.len += t->len;
    m->counted++;
    m->now->told[i] = true;
}

/* A message that has so many bytes free. False: there is no room for another one. */
static bool message_with(struct ft__messages *m, uint32_t need)
{
    if (m->open && m->out.len - m->begin + need > m->limit) {
        close_message(m);
    }
    if (!m->open) {
        if (!room_for(m, &m->out, header_len(m) + need)) {
            return false;
        }
        begin_message(m);
    }
    return true;
}

/* All of them, in as many messages as they take; of those for which there is no room none is told:
 * they come with their first record. */
static void put_templates(struct ft__messages *m)
{
    memset(m->now->told, 0, sizeof m->now->told);
    for (uint32_t i = 0; i < n_templates(m); i++) {
        if (!message_with(m, SET_HEADER + m->list->of[i].len + PADDING)) {
            return;
        }
        put_template(m, i);
    }
    close_message(m);
}

/* ---- options data ---- */

static void put_bytes(struct ft__messages *m, const uint8_t *from, uint32_t len)
{
    memcpy(m->out.data + m->out.len, from, len);
    m->out.len += len;
    m->counted++;
}

/* All of it, the template of each kind before its records. */
static void put_options(struct ft__messages *m)
{
    const struct ft_flow_options *o = &m->list->options;
    bool told[FT_FLOW_OPTION__KINDS] = {false};

    for (uint32_t i = 0; i < o->n; i++) {
        const struct ft_flow_option *d = &o->of[i];
        uint32_t template = o->template[d->kind].len;

        if (!message_with(m, 2 * (SET_HEADER + PADDING) + template + d->len)) {
            return; /* buffers are made for all of it */
        }
        if (!told[d->kind]) {
            open_set(m, template_set(m, true));
            put_bytes(m, o->template[d->kind].record, template);
            told[d->kind] = true;
        }
        open_set(m, o->template[d->kind].id);
        put_bytes(m, o->bytes + d->at, d->len);
        m->records++;
    }
    close_message(m);
    m->all_records -= o->n; /* they are no records of flows */
    m->options_due = false;
}

/* Bytes of buffer that it takes. */
static uint32_t options_room(const struct ft_flow_options *o)
{
    return o->n > 0 ? 2 * o->len + o->n * 4 * (SET_HEADER + PADDING) + MESSAGE_MOST : 0;
}

/* ---- what it says of itself ---- */

/* RFC 7011 §4.1 and §4.3: of this domain, messages, records, octets that were exported, and records
 * that were not. The template is in each message with it. */
/* clang-format off */
static const uint8_t report_ipfix[] = {
    REPORT_ID >> 8, REPORT_ID & 0xff, 0, 5, 0, 1, /* id, fields, scopes */
    0, 149, 0, 4,                                 /* observationDomainId */
    0, 41,  0, 8,                                 /* exportedMessageTotalCount */
    0, 42,  0, 8,                                 /* exportedFlowRecordTotalCount */
    0, 40,  0, 8,                                 /* exportedOctetTotalCount */
    0, 166, 0, 8,                                 /* notSentFlowTotalCount */
};

/* RFC 3954 §6.1: the scope is the system. */
static const uint8_t report_v9[] = {
    REPORT_ID >> 8, REPORT_ID & 0xff, 0, 4, 0, 12, /* id, bytes of scopes, of fields */
    0, 1,  0, 4,                                   /* System */
    0, 41, 0, 8,                                   /* TOTAL_PKTS_EXP */
    0, 42, 0, 8,                                   /* TOTAL_FLOWS_EXP */
    0, 40, 0, 8,                                   /* TOTAL_BYTES_EXP */
};
/* clang-format on */

static void put_be(struct ft__messages *m, uint64_t v, uint32_t len)
{
    v = htobe64(v);
    memcpy(m->out.data + m->out.len, (const uint8_t *)&v + 8 - len, len);
    m->out.len += len;
}

static void put_report(struct ft__messages *m)
{
    bool v9 = m->list->version == FT_FLOW_NETFLOW_9;
    size_t len = v9 ? sizeof report_v9 : sizeof report_ipfix;

    begin_message(m); /* there is room: nothing but templates is in the buffer yet */
    open_set(m, template_set(m, true));
    memcpy(m->out.data + m->out.len, v9 ? report_v9 : report_ipfix, len);
    m->out.len += (uint32_t)len;
    open_set(m, REPORT_ID);
    put_be(m, m->list->domain, 4);
    put_be(m, m->messages, 8);
    put_be(m, m->all_records, 8);
    put_be(m, m->bytes, 8);
    if (!v9) {
        put_be(m, m->events_lost != NULL ? m->events_lost(m->events_cookie) : 0, 8);
    }
    m->records = 1;
    m->counted = 2;
    close_message(m);
    m->all_records--; /* it is no record of a flow */
}

/* ---- by source ---- */

/* A source that was not heard of, or not for long enough to be forgotten. */
static void begin_stream(struct ft__messages *m)
{
    m->now->boot_ms = INT64_MIN;
    m->now->due_ms = ft_mono_ms() + m->refresh_ms;
    if (ft__streams_forgotten(m->streams) > 0 && !m->said) {
        ft_log(&m->log, FT_LOG_WARN,
               "spoof=true: more than %d addresses send: the one that was silent for longest is "
               "forgotten, and its sequence numbers begin at 0 again",
               FT__STREAMS_MOST);
        m->said = true;
    }
}

/* Who sent the row that comes next: a message has one source, and each its own numbers, templates
 * and clock. Those whose address it cannot have share the relay's own. */
static void take_source(struct ft__messages *m, const uint8_t *behind)
{
    bool is_new;

    if (m->known && memcmp(&m->heard, behind, sizeof m->heard) == 0) {
        return;
    }
    close_message(m);
    memcpy(&m->heard, behind, sizeof m->heard);
    m->known = true;
    m->source = m->sink->ops->sends_as(m->sink, &m->heard) ? m->heard : (struct ft_flow_source){0};
    m->now = ft__streams_get(m->streams, &m->source, &is_new);
    if (is_new) {
        begin_stream(m);
    } else if (ft_mono_ms() >= m->now->due_ms) { /* each is told with its next record */
        memset(m->now->told, 0, sizeof m->now->told);
        m->now->due_ms = ft_mono_ms() + m->refresh_ms;
    }
}

/* ---- rows ---- */

/* Clocks of exporters differ: a message has the time of its records, which are of about one. */
static void take_time(struct ft__messages *m, const struct ft_flow_head *h)
{
    int64_t differs = (int64_t)h->time_s - m->time_s;

    if (m->list->relayed && (!m->open || differs > MARGIN_S || differs < -MARGIN_S)) {
        close_message(m);
        m->time_s = h->time_s;
    }
}

/* Does the message's clock hold the times of a row? */
static bool clock_holds(const struct ft__messages *m, const struct ft_flow_head *h)
{
    int64_t now_ms = (now_s(m) > h->time_s ? now_s(m) : h->time_s) * INT64_C(1000);
    int64_t newest = h->last_ms > now_ms ? h->last_ms : now_ms;

    return m->now->boot_ms != INT64_MIN && h->first_ms >= m->now->boot_ms &&
           newest + 1000 - m->now->boot_ms <= UINT32_MAX;
}

/* Sets it anew if it does not. */
static void set_clock(struct ft__messages *m, const struct ft_flow_head *row)
{
    struct ft_flow_head none = {.time_s = row->time_s,
                                .first_ms = row->time_s * INT64_C(1000),
                                .last_ms = row->time_s * INT64_C(1000)};
    const struct ft_flow_head *h = row->first_ms == INT64_MIN ? &none : row;

    if (clock_holds(m, h)) {
        return;
    }
    close_message(m);
    m->time_s =
        m->by_clock ? m->time_s : 0; /* a capture of another time has its own newest record */
    /* whole seconds, since those are what a header has of the time of day; and others of its time
     * may have begun before it */
    m->now->boot_ms = (h->first_ms / 1000 - MARGIN_S) * 1000;
}

/* NetFlow: times of the message's clock. */
static void fill_times(const struct ft__messages *m, const struct ft_flow_head *h, uint8_t *record)
{
    uint8_t *p = record + (m->list->version == FT_FLOW_NETFLOW_5 ? V5_FIRST : 0);
    uint32_t first = htobe32((uint32_t)(h->first_ms - m->now->boot_ms));
    uint32_t last = htobe32((uint32_t)(h->last_ms - m->now->boot_ms));

    memcpy(p, &first, sizeof first);
    memcpy(p + sizeof first, &last, sizeof last);
}

static void see_time(struct ft__messages *m, const struct ft_flow_head *h)
{
    /* a clock of whole seconds holds it */
    uint32_t last = h->last_ms != INT64_MIN ? (uint32_t)((h->last_ms + 999) / 1000) : 0;

    m->time_s = h->time_s > m->time_s ? h->time_s : m->time_s;
    m->time_s = last > m->time_s ? last : m->time_s;
}

/* Does the open message take a record of so many bytes? */
static bool takes(const struct ft__messages *m, uint32_t need)
{
    return m->open && m->out.len - m->begin + need <= m->limit &&
           (m->list->version != FT_FLOW_NETFLOW_5 || m->records < FT_NF_PUT_V5_MOST);
}

/* A message that takes so many bytes is open. False: there is no room for it in the chunk. */
static bool make_room(struct ft__messages *m, uint32_t need)
{
    if (takes(m, need)) {
        return true;
    }
    close_message(m);
    if (!room_for(m, &m->out, header_len(m) + need)) {
        return false;
    }
    begin_message(m);
    return true;
}

/* Room for a row and its template; the template goes first, into a message before, when a message
 * does not hold both. False: there is no room in the chunk. */
static bool make_room_for_row(struct ft__messages *m, uint32_t len, uint32_t template)
{
    /* what is filled up behind the set that is open, and behind this one */
    uint32_t need = PADDING + SET_HEADER + len + PADDING, templates;

    if (m->list->version == FT_FLOW_NETFLOW_5 || m->now->told[template]) {
        return make_room(m, need);
    }
    templates = PADDING + SET_HEADER + m->list->of[template].len;
    if (header_len(m) + templates + need > m->limit) {
        if (!make_room(m, templates)) {
            return false;
        }
        put_template(m, template);
        return make_room(m, need);
    }
    if (!make_room(m, templates + need)) {
        return false;
    }
    put_template(m, template);
    return true;
}

/* v5: a header says of all its records how packets were sampled. */
static void take_rate(struct ft__messages *m, uint16_t rate)
{
    if (rate != m->sampling) {
        close_message(m);
    }
    m->sampling = rate;
}

/* The row's record, which is the first of so many events. False: there is no room in the chunk. */
static bool put_row(struct ft__messages *m, const struct ft_flow_head *h, const uint8_t *record,
                    uint32_t events)
{
    uint32_t len = h->len - (uint32_t)sizeof *h;

    if (m->streams != NULL) {
        len -= (uint32_t)sizeof m->source;
        take_source(m, record + len);
    }
    if (m->list->version != FT_FLOW_IPFIX) {
        take_time(m, h);
        set_clock(m, h);
    }
    if (m->list->version == FT_FLOW_NETFLOW_5) {
        take_rate(m, h->template);
    }
    if (!make_room_for_row(m, len, h->template)) {
        return false;
    }
    if (m->list->version != FT_FLOW_NETFLOW_5) {
        open_set(m, (uint16_t)(FT_FLOW_TEMPLATE_FIRST + h->template));
    }
    memcpy(m->out.data + m->out.len, record, len);
    if (m->list->version != FT_FLOW_IPFIX && h->first_ms != INT64_MIN) {
        fill_times(m, h, m->out.data + m->out.len);
    }
    see_time(m, h);
    m->out.len += len;
    m->records++;
    m->counted++;
    m->events += events;
    return true;
}

/* ---- chunks ---- */

void ft__messages_of(struct ft__messages *m, const struct ft_chunk *rows)
{
    m->rows = *rows;
    m->mark = 0;
    m->row_at = 0;
    m->known = false; /* it may be able to send as others now, and templates may be due */
}

static bool made_some(struct ft__messages *m, struct ft_chunk *out)
{
    *out = (struct ft_chunk){.data = m->out.data,
                             .len = m->out.len,
                             .n = m->out.n,
                             .behind = marks_end(&m->out),
                             .producer = m->rows.producer,
                             .number = m->rows.number};
    return m->out.n > 0;
}

/* What comes before the first record is said at its time. */
static void see_first(struct ft__messages *m)
{
    struct ft_flow_head h;

    if (m->rows.n > 0 && m->mark == 0 && m->row_at == 0) {
        memcpy(&h, m->rows.data, sizeof h);
        if (m->list->version != FT_FLOW_IPFIX) {
            take_time(m, &h);
            set_clock(m, &h);
        }
        see_time(m, &h);
    }
}

/* Templates and options data that are due. */
static void put_due(struct ft__messages *m)
{
    if (m->datagrams && m->streams == NULL && m->list->version != FT_FLOW_NETFLOW_5 &&
        ft_mono_ms() >= m->now->due_ms) {
        put_templates(m);
        m->options_due = true;
        m->now->due_ms = ft_mono_ms() + m->refresh_ms;
    }
    /* with rows, or behind some: until then it is not known what time it is */
    if (m->options_due && m->list->options.n > 0 && (m->rows.n > 0 || m->messages > 0)) {
        see_first(m);
        put_options(m);
    }
}

bool ft__messages_next(struct ft__messages *m, struct ft_chunk *out)
{
    m->out.len = m->out.n = 0;
    put_due(m);
    if (m->report_ms > 0 && n_templates(m) > 0 && ft_mono_ms() >= m->report_due_ms) {
        put_report(m);
        m->report_due_ms = ft_mono_ms() + m->report_ms;
    }
    while (m->mark < m->rows.n) {
        const struct ft_mark *mark = ft_chunk_mark(&m->rows, m->mark);
        uint32_t begin = m->mark > 0 ? ft_chunk_mark(&m->rows, m->mark - 1)->end : 0;
        struct ft_flow_head h;

        if (m->row_at == mark->end) {
            m->mark++;
            continue;
        }
        memcpy(&h, m->rows.data + m->row_at, sizeof h);
        if (mark->event != m->event) {
            close_message(m); /* its events are counted as of one kind */
        }
        m->event = mark->event;
        if (!put_row(m, &h, m->rows.data + m->row_at + sizeof h,
                     m->row_at == begin ? mark->count : 0)) {
            break;
        }
        m->row_at += h.len;
    }
    close_message(m);
    return made_some(m, out);
}

static void sooner(int64_t *next_ms, int64_t due_ms)
{
    int64_t left = due_ms - ft_mono_ms();

    left = left > 0 ? left : 0;
    *next_ms = *next_ms < 0 || *next_ms > left ? left : *next_ms;
}

void ft__messages_due(struct ft__messages *m, int64_t *out_next_ms)
{
    m->rows = (struct ft_chunk){0};
    m->mark = 0;
    if (n_templates(m) > 0 && m->datagrams && m->streams == NULL) {
        sooner(out_next_ms, m->now->due_ms);
    }
    if (n_templates(m) > 0 && m->report_ms > 0) {
        sooner(out_next_ms, m->report_due_ms);
    }
}

/* ---- greetings ---- */

/* All that a receiver has to know before the first record, numbered from sequence on. */
static void make_greeting(const struct ft__messages *m, uint64_t sequence, struct ft__messages *out)
{
    *out = *m;
    out->own = *m->now;
    out->now = &out->own;
    out->out = m->greeting;
    out->out.len = out->out.n = 0;
    out->open = false;
    out->now->sequence = sequence;
    put_templates(out);
    put_options(out);
}

/* Is the first message of all the next one, which has what it needs? It begins with templates, of
 * options data if there is some, and may be followed by others of the same number, when it has
 * templates only. Of IPFIX. */
static bool is_first(const struct ft__messages *m, const uint8_t *next)
{
    if (next == NULL) {
        return m->messages == 0;
    }
    uint16_t set = ft_load_be16(next + FT_NF_PUT_IPFIX_HEADER);

    return ft_nf_header_sequence(next) == 0 &&
           (set == template_set(m, false) || set == template_set(m, true));
}

static void greet(void *cookie, const uint8_t *next, struct ft_chunk *out)
{
    struct ft__messages *m = cookie;
    struct ft__messages with;
    uint64_t number = next != NULL ? ft_nf_header_sequence(next) : m->now->sequence;

    *out = (struct ft_chunk){0};
    if (m->list->version == FT_FLOW_NETFLOW_5 || (!m->datagrams && is_first(m, next))) {
        return;
    }
    /* it takes the numbers before: of what was lost, since a receiver that was away is greeted, or
     * that nobody misses at the start of a connection */
    make_greeting(m, 0, &with);
    make_greeting(m, number - with.now->sequence, &with);
    memcpy(m->now->told, with.now->told, sizeof m->now->told);
    m->messages = with.messages;
    m->bytes = with.bytes;
    *out = (struct ft_chunk){.data = with.out.data,
                             .len = with.out.len,
                             .n = with.out.n,
                             .behind = marks_end(&with.out)};
}

/* ---- life ---- */

static int make_buffer(struct buffer *b, uint32_t len)
{
    enum { PAGE = 4096 };

    b->cap = (len + PAGE - 1) / PAGE * PAGE;
    b->data = ft_map_alloc_sparse(b->cap);
    return b->data != NULL ? FT_OK : FT_E_NOMEM;
}

static uint64_t number_of(const struct ft_output_url *url, const char *key, uint64_t usual)
{
    const char *value = ft_output_url_get(url, key), *rest;
    uint64_t n = usual;

    return value != NULL && ft_parse_number(value, &n, &rest) ? n : usual; /* it was checked */
}

static int check(const struct ft_sink_ops *ops, const struct ft_output_url *url,
                 const struct ft_output_env *env, struct ft_err *err)
{
    static const char *const not_for[] = {"compress", "append", "hive", "group"};
    static const char *const of_datagrams[] = {"mtu", "template_refresh", "spoof"};
    const char *overflow = ft_output_url_get(url, "overflow");

    if (!ops->messages || (env->templates->version != FT_FLOW_IPFIX && !ops->datagrams)) {
        return ft_err_set(err, FT_E_USAGE, "output %s: %s goes %s", url->text, url->format,
                          env->templates->version == FT_FLOW_IPFIX
                              ? "over udp, tcp, tls or unix, or into a file"
                              : "over udp");
    }
    for (size_t i = 0; i < sizeof not_for / sizeof not_for[0]; i++) {
        if (ft_output_url_get(url, not_for[i]) != NULL) {
            return ft_err_set(err, FT_E_USAGE, "output %s: %s= is not for %s", url->text,
                              not_for[i], url->format);
        }
    }
    for (size_t i = 0; i < sizeof of_datagrams / sizeof of_datagrams[0] && !ops->datagrams; i++) {
        if (ft_output_url_get(url, of_datagrams[i]) != NULL) {
            return ft_err_set(err, FT_E_USAGE, "output %s: %s= is for UDP", url->text,
                              of_datagrams[i]);
        }
    }
    if (overflow != NULL && strcmp(overflow, "spool") == 0) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: overflow=spool is for events that stand alone", url->text);
    }
    if (env->templates->sources && ft_output_url_get(url, "report") != NULL) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: report= is of all that a relay sends as itself: not with "
                          "spoof=true",
                          url->text);
    }
    return FT_OK;
}

int ft__messages_open(const struct ft_sink_ops *ops, const struct ft_output_url *url,
                      struct ft_output_env *env, struct ft__messages **out, struct ft_err *err)
{
    int rc = check(ops, url, env, err);
    struct ft__messages *m = rc == FT_OK ? ft_mem_alloc(1, sizeof *m) : NULL;
    uint32_t templates = FT_FLOW_TEMPLATES_MOST * (env->templates->record_room + SET_HEADER) +
                         options_room(&env->templates->options);

    if (rc != FT_OK) {
        return rc;
    }
    if (m == NULL ||
        make_buffer(&m->out, env->chunk_most + 2 * MESSAGE_MOST + templates + MARKS_ROOM) !=
            FT_OK ||
        (env->templates->sources && (m->streams = ft__streams_new()) == NULL) ||
        make_buffer(&m->greeting, templates + 2 * MESSAGE_MOST + MARKS_ROOM) != FT_OK) {
        ft__messages_close(m);
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    m->list = env->templates;
    m->by_clock =
        env->by_clock && (!env->templates->relayed || env->templates->version == FT_FLOW_IPFIX);
    m->datagrams = ops->datagrams;
    m->now = &m->own;
    m->now->boot_ms = INT64_MIN;
    m->options_due = true;
    m->limit = m->datagrams ? (uint32_t)number_of(url, "mtu", FT_OUTPUT_MTU) : MESSAGE_MOST;
    m->refresh_ms = (int64_t)number_of(url, "template_refresh", REFRESH_S) * 1000;
    m->now->due_ms = ft_mono_ms() + m->refresh_ms;
    m->report_ms = (int64_t)number_of(url, "report", 0) * 1000;
    m->report_due_ms = ft_mono_ms() + m->report_ms;
    if (env->log != NULL) {
        m->log = *env->log;
    }
    m->events_lost = env->events_lost;
    m->events_cookie = env->events_cookie;
    env->chunk_most = m->out.cap;
    env->greet = greet;
    env->greet_cookie = m;
    *out = m;
    return FT_OK;
}

void ft__messages_sink(struct ft__messages *m, struct ft_sink *sink)
{
    m->sink = sink;
}

void ft__messages_close(struct ft__messages *m)
{
    if (m == NULL) {
        return;
    }
    if (m->out.data != NULL) {
        ft_map_free(m->out.data, m->out.cap);
    }
    if (m->greeting.data != NULL) {
        ft_map_free(m->greeting.data, m->greeting.cap);
    }
    ft__streams_free(m->streams);
    ft_mem_free(m);
}

size_t ft__messages_memory(const struct ft__messages *m)
{
    return sizeof *m + m->out.cap + m->greeting.cap +
           (m->streams != NULL ? ft__streams_memory() : 0);
}
