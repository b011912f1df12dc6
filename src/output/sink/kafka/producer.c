/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/kafka: the producer: messages out, reports in. */
#include "output/sink/kafka/kafka_parts.h"

#ifdef FT_HAVE_RDKAFKA

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/wait.h"
#include "model/datagram.h"

enum {
    FULL_STEP_MS = 20, /* librdkafka's queue is full: until it is looked at again */
    LOOK_MS = 200,     /* for an answer about the topic */
    LOOK_AGAIN_MS = 1000,
    LOOKS_QUIET = 20, /* brokers that make a topic say first that it is not there */
    FINISH_STEP_MS = 50,
    SCRAM_VERSION = 0x02060100,
};

/* What a message is of, in the pointer that comes back with its report: of one event its kind and
 * its block, odd; otherwise a tally. */
static void *opaque_of(enum ft_event e, uint32_t block)
{
    return (void *)((uintptr_t)block << 8 | (uintptr_t)e << 1 | 1); // NOLINT: a number
}

/* What became of a message is known: its events are added, and its block holds one less. */
static void tell(struct kafka_sink *s, struct ft_tally *to, const rd_kafka_message_t *m)
{
    uintptr_t one = (uintptr_t)m->_private;

    if ((one & 1) == 0) {
        ft_tally_move(to, m->_private);
        ft_mem_free(m->_private);
        return;
    }
    to->n[one >> 1 & 0x7f]++;
    to->bytes += m->len;
    if (s->in_blocks) {
        s->block[one >> 8].holds--;
    }
}

void ft__kafka_lose(struct kafka_sink *s, const struct ft_tally *t)
{
    struct ft_tally lost = *t;

    s->outage_lost += ft_tally_events(t);
    ft_tally_move(&s->sink.lost, &lost);
}

static void lose_message(struct kafka_sink *s, const rd_kafka_message_t *m)
{
    struct ft_tally t = {{0}, 0};

    tell(s, &t, m);
    ft__kafka_lose(s, &t);
}

/* ---- what is said ---- */

static enum ft__kafka_said kind_of(rd_kafka_resp_err_t e)
{
    switch (e) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
        return FT__KAFKA_SAID_REFUSED;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        return FT__KAFKA_SAID_TOPIC;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        return FT__KAFKA_SAID_AWAY;
    default:
        return FT__KAFKA_SAID_LOST;
    }
}

/* librdkafka before 2.6.1 answers SCRAM with a nonce that brokers take until 3.x only. */
static bool scram_is_old(const struct kafka_sink *s)
{
    char name[32] = "";
    size_t len = sizeof name;

    return rd_kafka_version() < SCRAM_VERSION &&
           rd_kafka_conf_get(s->config.conf, "sasl.mechanisms", name, &len) == RD_KAFKA_CONF_OK &&
           strncmp(name, "SCRAM", 5) == 0;
}

static const char *advice_of(const struct kafka_sink *s, enum ft__kafka_said kind)
{
    if (kind == FT__KAFKA_SAID_REFUSED && scram_is_old(s)) {
        return "look at kafka.sasl.* and ca=; with brokers of Kafka 4 or later this librdkafka "
               "cannot do "
               "SCRAM, 2.6.1 can (or PLAIN through TLS); it is tried again";
    }
    switch (kind) {
    case FT__KAFKA_SAID_AWAY:
        return "is a broker up, and its advertised.listeners an address that is reached from here? "
               "It is tried again";
    case FT__KAFKA_SAID_REFUSED:
        return "look at ca=, cert=, kafka.security.protocol, kafka.sasl.*, kafka.ssl.* and the "
               "brokers' ACLs "
               "(Write and Describe of the topic, IdempotentWrite); it is tried again";
    case FT__KAFKA_SAID_TOPIC:
        return "make the topic (kafka-topics.sh --create), or let brokers make it "
               "(auto.create.topics.enable); it is looked for again";
    default:
        return "events are lost and counted until it works";
    }
}

void ft__kafka_say(struct kafka_sink *s, rd_kafka_resp_err_t e, const char *why)
{
    enum ft__kafka_said kind = kind_of(e);

    if (kind == FT__KAFKA_SAID_AWAY && why != NULL && strstr(why, "SSL routines") != NULL) {
        kind = FT__KAFKA_SAID_REFUSED; /* with TLS 1.3 it comes behind the handshake */
    }
    bool follows = kind == FT__KAFKA_SAID_AWAY && (s->said & FT__KAFKA_SAID_REFUSED) != 0;

    if ((s->said & kind) == 0 && !follows) {
        ft_log(&s->log, FT_LOG_WARN, "%s: %s: %s", s->text, why != NULL ? why : rd_kafka_err2str(e),
               advice_of(s, kind));
    }
    s->said |= kind;
}

static void works_again(struct kafka_sink *s)
{
    if (s->said != 0) {
        ft_log(&s->log, FT_LOG_WARN, "%s: works; %llu events were lost", s->text,
               (unsigned long long)s->outage_lost);
    }
    s->said = 0;
    s->outage_lost = 0;
}

/* ---- callbacks: all of them in rd_kafka_poll(), on the output's thread ---- */

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *cookie)
{
    struct kafka_sink *s = cookie;

    (void)rk;
    s->waiting--;
    if (FT_LIKELY(m->err == RD_KAFKA_RESP_ERR_NO_ERROR)) {
        tell(s, &s->sink.arrived, m);
        return;
    }
    if (m->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE && m->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
        ft__kafka_say(s, m->err, NULL);
    }
    lose_message(s, m);
}

static void on_error(rd_kafka_t *rk, int e, const char *why, void *cookie)
{
    struct kafka_sink *s = cookie;
    char text[512] = "";

    if (e == RD_KAFKA_RESP_ERR__FATAL) {
        e = rd_kafka_fatal_error(rk, text, sizeof text);
        why = text;
        s->fatal = true;
    }
    ft__kafka_say(s, (rd_kafka_resp_err_t)e, why);
}

static void on_log(const rd_kafka_t *rk, int level, const char *part, const char *text)
{
    const struct kafka_sink *s = rd_kafka_opaque(rk);

    (void)level;
    if (s != NULL) {
        ft_log(&s->log, FT_LOG_DEBUG, "%s: librdkafka: %s: %s", s->text, part, text);
    }
}

void ft__kafka_callbacks(struct kafka_sink *s)
{
    rd_kafka_conf_set_opaque(s->config.conf, s);
    rd_kafka_conf_set_dr_msg_cb(s->config.conf, on_report);
    rd_kafka_conf_set_error_cb(s->config.conf, on_error);
    rd_kafka_conf_set_log_cb(s->config.conf, on_log);
}

/* ---- life of a producer ---- */

void ft__kafka_start(struct kafka_sink *s)
{
    char why[256] = "";

    if (s->rk != NULL || ft_mono_ms() < s->look_at_ms) {
        return;
    }
    s->rk = ft_kafka_new(&s->config, RD_KAFKA_PRODUCER, s->brokers, why, sizeof why);
    if (s->rk != NULL) {
        rd_kafka_set_log_queue(s->rk, NULL);
        s->rkt = rd_kafka_topic_new(s->rk, s->topic, NULL);
    }
    if (s->rkt == NULL) { /* no threads, no memory */
        ft__kafka_say(s, RD_KAFKA_RESP_ERR__FAIL, s->rk == NULL ? why : NULL);
        ft__kafka_stop(s);
        s->look_at_ms = ft_mono_ms() + LOOK_AGAIN_MS;
        return;
    }
    s->fatal = false;
    s->look_at_ms = ft_mono_ms();
}

void ft__kafka_stop(struct kafka_sink *s)
{
    if (s->rkt != NULL) {
        rd_kafka_topic_destroy(s->rkt);
        s->rkt = NULL;
    }
    if (s->rk != NULL) {
        rd_kafka_destroy(s->rk);
        s->rk = NULL;
    }
}

void ft__kafka_hear(struct kafka_sink *s, int wait_ms)
{
    uint64_t before = s->waiting;

    if (s->rk == NULL) {
        return;
    }
    rd_kafka_poll(s->rk, wait_ms);
    if (s->waiting < before) {
        atomic_fetch_add_explicit(&s->sink.moved, before - s->waiting, memory_order_relaxed);
    }
    if (s->sink.arrived.bytes > 0) {
        works_again(s);
    }
    if (s->fatal) { /* its sequence numbers are confused: another one begins anew */
        ft__kafka_finish(s);
        ft__kafka_stop(s);
        s->look_at_ms = ft_mono_ms() + LOOK_AGAIN_MS;
    }
}

static bool gave_up(const struct kafka_sink *s)
{
    return atomic_load_explicit(&s->gave_up, memory_order_relaxed);
}

void ft__kafka_finish(struct kafka_sink *s)
{
    bool purged = false;

    while (s->rk != NULL && s->waiting > 0) {
        if (!purged && (gave_up(s) || s->fatal)) {
            rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
            purged = true;
        }
        uint64_t before = s->waiting;

        rd_kafka_flush(s->rk, FINISH_STEP_MS); /* calls back as poll does, and lingers no more */
        if (s->waiting < before) {
            atomic_fetch_add_explicit(&s->sink.moved, before - s->waiting, memory_order_relaxed);
        }
    }
    if (s->sink.arrived.bytes > 0) {
        works_again(s);
    }
}

/* ---- messages ---- */

void ft__kafka_add(struct kafka_sink *s, const uint8_t *key, size_t key_len, const uint8_t *data,
                   size_t len, int32_t partition, enum ft_event e, struct ft_tally *tally)
{
    rd_kafka_message_t *m = &s->burst[s->n_burst];

    *m = (rd_kafka_message_t){
        .partition = partition < 0 ? RD_KAFKA_PARTITION_UA : partition,
        .payload = (void *)(uintptr_t)data, /* it is copied */
        .len = len,
        .key = key_len > 0 ? (void *)(uintptr_t)key : NULL,
        .key_len = key_len,
        ._private = tally != NULL ? (void *)tally : opaque_of(e, s->filling),
    };
    if (tally == NULL && s->in_blocks) {
        s->block[s->filling].holds++;
    }
    s->n_of_chunk++;
    if (++s->n_burst == FT__KAFKA_BURST) {
        ft__kafka_send(s);
    }
}

uint8_t *ft__kafka_room(struct kafka_sink *s, uint32_t len)
{
    struct ft__kafka_block *b = &s->block[s->filling];

    if (b->holds == 0 || b->used + len > s->block_len) { /* a ring: the oldest is free first */
        uint32_t next = (s->filling + 1) % s->n_blocks;

        while (s->block[next].holds > 0) {
            if (gave_up(s) || s->rk == NULL) {
                return NULL;
            }
            ft__kafka_hear(s, FULL_STEP_MS);
        }
        b->holds -= b->holds > 0;
        s->filling = next;
        b = &s->block[next];
        b->holds = 1;
        b->used = 0;
    }
    b->used += len;
    return s->blocks + (size_t)s->filling * s->block_len + b->used - len;
}

static int flags_of(const struct kafka_sink *s)
{
    return s->in_blocks ? 0 : RD_KAFKA_MSG_F_COPY;
}

/* One that librdkafka did not take, for good. */
static void refuse(struct kafka_sink *s, const rd_kafka_message_t *m)
{
    ft__kafka_say(s, m->err != 0 ? m->err : RD_KAFKA_RESP_ERR__FAIL, NULL);
    s->fatal |= m->err == RD_KAFKA_RESP_ERR__FATAL;
    lose_message(s, m);
}

/* Who sent a datagram, and when it came. */
static void add_sender(rd_kafka_headers_t *h, const uint8_t *datagram)
{
    struct ft_datagram_head head;
    char addr[INET6_ADDRSTRLEN] = "", text[INET6_ADDRSTRLEN + 16];
    int len;

    memcpy(&head, datagram - sizeof head, sizeof head);
    inet_ntop(head.peer.ip_version == 4 ? AF_INET : AF_INET6, head.peer.addr, addr, sizeof addr);
    len = snprintf(text, sizeof text, head.peer.ip_version == 4 ? "%s:%u" : "[%s]:%u", addr,
                   head.peer.port);
    rd_kafka_header_add(h, FT_DATAGRAM_EXPORTER, -1, text, len);
    len = snprintf(text, sizeof text, "%lld", (long long)head.ts_ns);
    rd_kafka_header_add(h, FT_DATAGRAM_TIME, -1, text, len);
}

/* "producer-number-message": what is the same each time that a chunk is handed over. */
static void add_id(const struct kafka_sink *s, rd_kafka_headers_t *h, uint32_t i)
{
    char id[64];
    int len = snprintf(id, sizeof id, "%016llx-%llu-%u", (unsigned long long)s->chunk->producer,
                       (unsigned long long)s->chunk->number, s->n_of_chunk - s->n_burst + i);

    rd_kafka_header_add(h, "flowtap-id", -1, id, len);
}

static rd_kafka_headers_t *headers_of(const struct kafka_sink *s, const rd_kafka_message_t *m,
                                      uint32_t i)
{
    rd_kafka_headers_t *h = rd_kafka_headers_new(3);

    if (s->kept) {
        add_id(s, h, i);
    }
    if (s->datagrams) {
        add_sender(h, m->payload);
    }
    return h;
}

/* Likewise n messages, with headers. */
static uint32_t hand_over_told(struct kafka_sink *s, rd_kafka_message_t *m, uint32_t n,
                               uint32_t first)
{
    for (uint32_t i = 0; i < n; i++) {
        rd_kafka_headers_t *h = headers_of(s, &m[i], first + i);

        m[i].err = rd_kafka_producev(
            s->rk, RD_KAFKA_V_RKT(s->rkt), RD_KAFKA_V_PARTITION(m[i].partition),
            RD_KAFKA_V_MSGFLAGS(flags_of(s)), RD_KAFKA_V_VALUE(m[i].payload, m[i].len),
            RD_KAFKA_V_KEY(m[i].key, m[i].key_len), RD_KAFKA_V_OPAQUE(m[i]._private),
            RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_END);
        if (m[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_headers_destroy(h); /* it was not taken */
        }
        if (m[i].err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            return i;
        }
        if (m[i].err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            s->waiting++;
        } else {
            refuse(s, &m[i]);
        }
    }
    return n;
}

/* n messages; returns how many were dealt with: what does not fit now comes again, in order. */
static uint32_t hand_over(struct kafka_sink *s, rd_kafka_message_t *m, uint32_t n)
{
    rd_kafka_produce_batch(s->rkt, RD_KAFKA_PARTITION_UA, flags_of(s) | RD_KAFKA_MSG_F_PARTITION, m,
                           (int)n);
    for (uint32_t i = 0; i < n; i++) {
        if (m[i].err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            return i;
        }
        if (m[i].err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            s->waiting++;
        } else {
            refuse(s, &m[i]);
        }
    }
    return n;
}

void ft__kafka_send(struct kafka_sink *s)
{
    uint32_t done = 0;

    while (done < s->n_burst && s->rkt != NULL && !gave_up(s)) {
        done += s->kept || s->datagrams
                    ? hand_over_told(s, s->burst + done, s->n_burst - done, done)
                    : hand_over(s, s->burst + done, s->n_burst - done);
        ft__kafka_hear(s, done < s->n_burst ? FULL_STEP_MS : 0);
    }
    for (; done < s->n_burst; done++) {
        lose_message(s, &s->burst[done]);
    }
    s->n_burst = 0;
}

/* ---- the topic ---- */

void ft__kafka_look(struct kafka_sink *s)
{
    const struct rd_kafka_metadata *md = NULL;

    if (s->rk == NULL || s->partitions > 0 || ft_mono_ms() < s->look_at_ms) {
        return;
    }
    rd_kafka_resp_err_t e = rd_kafka_metadata(s->rk, 0, s->rkt, &md, LOOK_MS);

    if (e == RD_KAFKA_RESP_ERR_NO_ERROR && md->topic_cnt == 1) {
        e = md->topics[0].err;
        s->partitions = e == RD_KAFKA_RESP_ERR_NO_ERROR ? md->topics[0].partition_cnt : 0;
    }
    if (md != NULL) {
        rd_kafka_metadata_destroy(md);
    }
    s->no_topic = kind_of(e) == FT__KAFKA_SAID_TOPIC;
    if (s->partitions > 0 && s->by_partition) {
        ft__kafka_batch_begin(s);
    } else if (s->looks >= LOOKS_QUIET && e != RD_KAFKA_RESP_ERR_NO_ERROR &&
               e != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE &&
               kind_of(e) != FT__KAFKA_SAID_AWAY) { /* who is away is told by on_error() */
        ft__kafka_say(s, e, NULL);
    }
    s->look_at_ms = ft_mono_ms() + (s->looks < LOOKS_QUIET ? LOOK_MS : LOOK_AGAIN_MS);
    s->looks += s->looks < LOOKS_QUIET;
}

#endif
