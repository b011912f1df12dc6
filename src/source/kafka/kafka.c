/* SPDX-License-Identifier: Apache-2.0 */
/* source: datagrams of exporters out of topics of Kafka, by librdkafka.
 *
 * Theory of operation: a message is a datagram as it came to somebody else: its value the bytes,
 * its headers or its key the sender and the time (model/datagram.h). Who asks is a member of a
 * group, and reads the partitions that fall to it; a sender's datagrams are in one partition, if
 * its address is the key, and so in order.
 *
 *     message -> slot -> view ... settled(well) -> commit -> brokers
 *
 * What is read is committed only when the pipeline says that all that came of it went on, so it is
 * read again after a kill: at least once. A rebalance that takes partitions away is answered only
 * then, too: the batch says that it has to be settled, and who gets them goes on behind that.
 *
 * Nothing is connected, and no thread of librdkafka is there, before the first read: threads that
 * were there before would not be under the system-call filter. */
#include "source/kafka/kafka_parts.h"

#include <string.h>

#ifdef FT_HAVE_RDKAFKA

#include <stdatomic.h>
#include <time.h>

#include "base/mem.h"
#include "base/wait.h"
#include "model/datagram.h"

enum {
    SLOTS = 64,
    SLOT_HEAD = 64, /* the peer lies at its end */
    SLOT_LEN = SLOT_HEAD + 65536,
    POLL_MS = 100, /* a stop is seen that often */
    AGAIN_MS = 1000,
    SAID = 8
};

_Static_assert(sizeof(struct ft_peer) <= SLOT_HEAD, "a peer fits in the head of a slot");

/* owner: its thread, but stopped */
struct kafka {
    struct ft_source source;
    struct ft__kafka_config config; /* its conf is what the consumer is made of */
    struct ft_log log;
    char *url;
    rd_kafka_t *rk;                         /* NULL: to be made */
    int64_t again_ms;                       /* not before */
    rd_kafka_topic_partition_list_t *read;  /* behind the last message of each partition */
    rd_kafka_topic_partition_list_t *taken; /* partitions to be let go once all is settled; NULL */
    bool some;                              /* read has what was not committed */
    bool closing;
    rd_kafka_resp_err_t said[SAID]; /* since a message came */
    uint32_t n_said;
    uint8_t *slots; /* mapped */
    _Atomic bool stopped;
};

static struct kafka *kafka_of(struct ft_source *s)
{
    return (struct kafka *)(void *)s;
}

/* Each error once, until a message comes again. */
static void say(struct kafka *k, rd_kafka_resp_err_t e, const char *why)
{
    for (uint32_t i = 0; i < k->n_said; i++) {
        if (k->said[i] == e) {
            return;
        }
    }
    if (k->n_said < SAID) {
        k->said[k->n_said++] = e;
        ft_log(&k->log, FT_LOG_WARN, "%.200s: %s; it is tried again", k->url,
               why != NULL ? why : rd_kafka_err2str(e));
    }
}

/* ---- callbacks: all of them in rd_kafka_consumer_poll(), on the source's thread ---- */

static void on_error(rd_kafka_t *rk, int e, const char *why, void *cookie)
{
    (void)rk;
    say(cookie, (rd_kafka_resp_err_t)e, why);
}

static void on_log(const rd_kafka_t *rk, int level, const char *part, const char *text)
{
    struct kafka *k = rd_kafka_opaque(rk);

    (void)level;
    if (k != NULL) {
        ft_log(&k->log, FT_LOG_DEBUG, "librdkafka: %s: %s", part, text);
    }
}

/* Partitions go to somebody else; what was read of them is not ours to commit any more. */
static void let_go(struct kafka *k, const rd_kafka_topic_partition_list_t *parts)
{
    bool some_only = strcmp(rd_kafka_rebalance_protocol(k->rk), "COOPERATIVE") == 0;

    for (int i = 0; i < parts->cnt; i++) {
        rd_kafka_topic_partition_list_del(k->read, parts->elems[i].topic,
                                          parts->elems[i].partition);
    }
    if (some_only) {
        rd_kafka_error_destroy(rd_kafka_incremental_unassign(k->rk, parts));
    } else {
        rd_kafka_assign(k->rk, NULL);
    }
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t e,
                         rd_kafka_topic_partition_list_t *parts, void *cookie)
{
    struct kafka *k = cookie;

    ft_log(&k->log, FT_LOG_INFO, "%.200s: %d partitions %s", k->url, parts->cnt,
           e == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? "are read here" : "go to another");
    if (e != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        if (k->closing || k->taken != NULL || !k->some) {
            let_go(k, parts);
        } else {
            k->taken = rd_kafka_topic_partition_list_copy(parts);
        }
    } else if (strcmp(rd_kafka_rebalance_protocol(rk), "COOPERATIVE") == 0) {
        rd_kafka_error_destroy(rd_kafka_incremental_assign(rk, parts));
    } else {
        rd_kafka_assign(rk, parts);
    }
}

/* ---- life ---- */

/* Makes the consumer, if there is none; false: later. */
static bool start(struct kafka *k)
{
    char why[256] = "";

    if (k->rk != NULL || ft_mono_ms() < k->again_ms) {
        return k->rk != NULL;
    }
    k->rk = ft_kafka_new(&k->config.of, RD_KAFKA_CONSUMER, k->config.brokers, why, sizeof why);
    if (k->rk == NULL) { /* no threads, no memory */
        say(k, RD_KAFKA_RESP_ERR__FAIL, why);
        k->again_ms = ft_mono_ms() + AGAIN_MS;
        return false;
    }
    rd_kafka_set_log_queue(k->rk, NULL);
    rd_kafka_poll_set_consumer(k->rk);

    rd_kafka_resp_err_t e = rd_kafka_subscribe(k->rk, k->config.topics);

    if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
        say(k, e, NULL);
    }
    return true;
}

static void kafka_close(struct ft_source *s)
{
    struct kafka *k = kafka_of(s);

    if (k == NULL) {
        return;
    }
    k->closing = true;
    if (k->rk != NULL) {
        rd_kafka_consumer_close(k->rk);
        rd_kafka_destroy(k->rk);
    }
    if (k->taken != NULL) {
        rd_kafka_topic_partition_list_destroy(k->taken);
    }
    if (k->read != NULL) {
        rd_kafka_topic_partition_list_destroy(k->read);
    }
    ft__kafka_config_fini(&k->config);
    ft_map_free(k->slots, (size_t)SLOTS * SLOT_LEN);
    ft_mem_free(k->url);
    ft_mem_free(k);
}

/* Whether a consumer can be made of it is seen by making one, that knows no host. */
static int try_out(struct kafka *k, struct ft_err *err)
{
    char why[200] = "";
    rd_kafka_t *rk = ft_kafka_new(&k->config.of, RD_KAFKA_CONSUMER, NULL, why, sizeof why);

    if (rk == NULL) {
        return ft_err_set(err, FT_E_USAGE, "listen: '%.80s': librdkafka: %s", k->url, why);
    }
    rd_kafka_destroy(rk);
    return FT_OK;
}

static int kafka_open(const struct ft_source_config *cfg, struct ft_source **out,
                      struct ft_err *err)
{
    struct kafka *k = ft_mem_alloc(1, sizeof *k);
    int rc = FT_OK;

    if (k == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    k->source.ops = &ft_source_kafka;
    if (cfg->log != NULL) {
        k->log = *cfg->log;
    }
    k->url = ft_mem_strdup(cfg->targets[0]);
    k->slots = ft_map_alloc((size_t)SLOTS * SLOT_LEN);
    k->read = rd_kafka_topic_partition_list_new(16);
    if (k->url == NULL || k->slots == NULL || k->read == NULL) {
        rc = ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    rc = rc == FT_OK ? ft__kafka_config(k->url, &k->config, err) : rc;
    if (rc == FT_OK) {
        rd_kafka_conf_set_opaque(k->config.of.conf, k);
        rd_kafka_conf_set_error_cb(k->config.of.conf, on_error);
        rd_kafka_conf_set_log_cb(k->config.of.conf, on_log);
        rd_kafka_conf_set_rebalance_cb(k->config.of.conf, on_rebalance);
        rc = try_out(k, err);
    }
    if (rc != FT_OK) {
        kafka_close(&k->source);
        return rc;
    }
    *out = &k->source;
    return FT_OK;
}

/* ---- messages ---- */

static int64_t wall_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Who sent it, and when it came: by the headers, else by the key and the message's time. */
static int64_t describe(const rd_kafka_message_t *m, struct ft_peer *peer)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(m, &type), ts_ns;
    rd_kafka_headers_t *h;
    const void *value;
    size_t len;

    *peer = (struct ft_peer){.ip_version = 4};
    ts_ns = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ms > 0 && ms < INT64_MAX / 1000000
                ? ms * 1000000
                : wall_ns();
    if (m->key != NULL) {
        ft__kafka_sender(m->key, m->key_len, peer);
    }
    if (rd_kafka_message_headers(m, &h) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (rd_kafka_header_get_last(h, FT_DATAGRAM_EXPORTER, &value, &len) ==
                RD_KAFKA_RESP_ERR_NO_ERROR &&
            value != NULL) {
            ft__kafka_sender(value, len, peer);
        }
        if (rd_kafka_header_get_last(h, FT_DATAGRAM_TIME, &value, &len) ==
                RD_KAFKA_RESP_ERR_NO_ERROR &&
            value != NULL) {
            ft__kafka_time(value, len, &ts_ns);
        }
    }
    return ts_ns;
}

static void note(struct kafka *k, const rd_kafka_message_t *m)
{
    const char *topic = rd_kafka_topic_name(m->rkt);
    rd_kafka_topic_partition_t *p =
        rd_kafka_topic_partition_list_find(k->read, topic, m->partition);

    if (p == NULL) {
        p = rd_kafka_topic_partition_list_add(k->read, topic, m->partition);
    }
    p->offset = m->offset + 1;
    k->some = true;
}

/* A message becomes a view; what is longer than a datagram can be is cut, and will be malformed. */
static void take(struct kafka *k, struct ft_batch *b, const rd_kafka_message_t *m)
{
    uint8_t *to = k->slots + (size_t)b->n * SLOT_LEN + SLOT_HEAD;
    uint32_t len = m->len < 65536 ? (uint32_t)m->len : 65536;
    struct ft_peer peer;

    b->views[b->n] = (struct ft_view){.data = to,
                                      .ts_ns = describe(m, &peer),
                                      .caplen = len,
                                      .len = len,
                                      .linktype = FT_LINK_DATAGRAM};
    memcpy(to - sizeof peer, &peer, sizeof peer);
    if (len > 0) {
        memcpy(to, m->payload, len);
    }
    b->n++;
    note(k, m);
}

static int kafka_read(struct ft_source *s, struct ft_batch *b, int timeout_ms, struct ft_err *err)
{
    struct kafka *k = kafka_of(s);
    uint32_t cap = b->cap < SLOTS ? b->cap : SLOTS;
    int wait_ms = timeout_ms < POLL_MS ? timeout_ms : POLL_MS;
    struct timespec pause = {.tv_nsec = 20000000};

    (void)err;
    b->n = 0;
    b->token = 0;
    if (atomic_load_explicit(&k->stopped, memory_order_relaxed)) {
        return FT_E_EOF;
    }
    if (!start(k)) {
        nanosleep(&pause, NULL);
        return FT_OK;
    }
    while (b->n < cap && k->taken == NULL) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(k->rk, b->n == 0 ? wait_ms : 0);

        if (m == NULL) {
            break;
        }
        if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            k->n_said = 0;
            take(k, b, m);
        } else {
            say(k, m->err, rd_kafka_message_errstr(m));
        }
        rd_kafka_message_destroy(m);
    }
    b->settle = k->taken != NULL;
    return FT_OK;
}

static void kafka_release(struct ft_source *s, uint64_t token)
{
    (void)s;
    (void)token; /* the slots are used again by the next read of the same thread */
}

/* Committed at once when somebody else is to go on from there, or nobody will come again. */
static void kafka_settled(struct ft_source *s, bool well)
{
    struct kafka *k = kafka_of(s);
    bool last = k->taken != NULL || atomic_load_explicit(&k->stopped, memory_order_relaxed);

    if (k->rk != NULL && well && k->some && k->read->cnt > 0) {
        rd_kafka_resp_err_t e = rd_kafka_commit(k->rk, k->read, !last);

        if (e != RD_KAFKA_RESP_ERR_NO_ERROR) {
            say(k, e, NULL);
        }
        k->some = e != RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    if (k->taken != NULL) {
        let_go(k, k->taken);
        rd_kafka_topic_partition_list_destroy(k->taken);
        k->taken = NULL;
    }
}

static void kafka_stop(struct ft_source *s)
{
    atomic_store_explicit(&kafka_of(s)->stopped, true, memory_order_relaxed);
}

static void kafka_stats(struct ft_source *s, struct ft_source_stats *out)
{
    (void)s;
    *out = (struct ft_source_stats){.dropped_known = false};
}

#else

static int kafka_open(const struct ft_source_config *cfg, struct ft_source **out,
                      struct ft_err *err)
{
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED,
                      "listen: '%.100s': this build lacks librdkafka (librdkafka-dev)",
                      cfg->targets[0]);
}

#endif

const struct ft_source_ops ft_source_kafka = {
    .name = "kafka",
    .help = "datagrams of exporters from topics of Kafka",
    .flags = FT_SOURCE_LIVE,
    .open = kafka_open,
#ifdef FT_HAVE_RDKAFKA
    .read = kafka_read,
    .release = kafka_release,
    .stop = kafka_stop,
    .stats = kafka_stats,
    .settled = kafka_settled,
    .close = kafka_close,
#endif
};
