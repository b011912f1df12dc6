/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/kafka: the sink's operations; see kafka_parts.h. */
#include "output/sink/kafka/kafka_parts.h"

#include <poll.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/units.h"
#include "base/wait.h"
#include "base/whole.h"
#include "model/datagram.h"

#ifdef FT_HAVE_RDKAFKA

enum {
    HEAR_MS = 20,  /* while reports are waited for */
    IDLE_MS = 500, /* errors are heard of, too */
    WAIT_MS = 50,
    QUEUE_MEMORY = (64 << 20) + 200000 * 256, /* librdkafka's: bytes, and what goes with each */
};

static struct kafka_sink *kafka_of(struct ft_sink *s)
{
    return (struct kafka_sink *)(void *)s;
}

static void lose_chunk(struct kafka_sink *s, const struct ft_chunk *c)
{
    struct ft_tally t = {{0}, 0};

    ft_tally_chunk(&t, c, 0, c->len);
    ft__kafka_lose(s, &t);
}

/* A batch of rows between header and end is a message. */
static void put_rows(struct kafka_sink *s, const struct ft_chunk *c)
{
    struct ft_tally *t = ft_mem_alloc(1, sizeof *t);
    size_t at = s->header_len;

    if (t == NULL || at + c->len + s->tail_len > s->frame_len) {
        ft_mem_free(t);
        lose_chunk(s, c);
        return;
    }
    memcpy(s->frame + at, c->data, c->len);
    memcpy(s->frame + at + c->len, s->tail, s->tail_len);
    ft_tally_chunk(t, c, 0, c->len);
    t->bytes += at + s->tail_len;
    ft__kafka_add(s, NULL, 0, s->frame, at + c->len + s->tail_len, -1, FT_EVENT_FLOW, t);
    ft__kafka_send(s);
}

/* The chunk goes into a block, since its messages outlive it. */
static void put_lines(struct kafka_sink *s, const struct ft_chunk *c)
{
    struct ft_chunk kept = *c;
    struct ft__kafka_walk w = {.c = &kept};
    struct ft__kafka_event e;

    kept.data = ft__kafka_room(s, c->len);
    if (kept.data == NULL) {
        lose_chunk(s, c);
        return;
    }
    memcpy(kept.data, c->data, c->len);
    while (ft__kafka_next(&w, &e)) {
        uint32_t head = s->datagrams ? FT_DATAGRAM_HEAD : 0; /* which becomes headers */

        ft__kafka_add(s, e.key, e.key_len, e.data + head, e.len - head, -1, e.event, NULL);
    }
    ft__kafka_send(s);
}

/* A producer is there, and for batches, or behind a spool, the partitions are known; waits for that
 * as long as a message would wait. */
static bool ready(struct kafka_sink *s)
{
    for (;;) {
        ft__kafka_start(s);
        ft__kafka_look(s);
        if (s->rkt != NULL && (s->partitions > 0 || (!s->by_partition && !s->kept))) {
            s->unknown_since_ms = 0;
            return true;
        }
        if (s->unknown_since_ms == 0) {
            s->unknown_since_ms = ft_mono_ms();
        }
        int64_t waited = ft_mono_ms() - s->unknown_since_ms;

        if (atomic_load_explicit(&s->gave_up, memory_order_relaxed) ||
            (s->patience_ms > 0 && waited >= s->patience_ms) ||
            (s->no_topic && s->patience_ms > 0 && waited >= s->topic_ms)) {
            return false;
        }
        if (s->rk != NULL) {
            ft__kafka_hear(s, WAIT_MS);
        } else {
            poll(NULL, 0, WAIT_MS);
        }
    }
}

static int kafka_write(struct ft_sink *sink, const struct ft_chunk *chunks, uint32_t *n)
{
    struct kafka_sink *s = kafka_of(sink);

    for (uint32_t i = 0; i < *n; i++) {
        s->chunk = &chunks[i];
        s->n_of_chunk = 0;
        if (!ready(s)) {
            lose_chunk(s, &chunks[i]);
        } else if (!s->single) {
            put_rows(s, &chunks[i]);
        } else if (s->by_partition) {
            ft__kafka_batch(s, &chunks[i]);
            if (s->kept) { /* the same messages each time that it is handed over */
                ft__kafka_batch_due(s, true);
            }
        } else {
            put_lines(s, &chunks[i]);
        }
    }
    ft__kafka_hear(s, 0);
    return FT_OK;
}

static int kafka_flush(struct ft_sink *sink)
{
    struct kafka_sink *s = kafka_of(sink);

    ft__kafka_batch_due(s, true);
    ft__kafka_finish(s);
    return FT_OK;
}

static int kafka_tick(struct ft_sink *sink, int64_t *out_next_ms)
{
    struct kafka_sink *s = kafka_of(sink);
    int64_t due, next;

    ft__kafka_start(s);
    ft__kafka_look(s);
    ft__kafka_hear(s, 0);
    due = ft__kafka_batch_due(s, false);
    next = s->waiting > 0 ? HEAR_MS : IDLE_MS;
    *out_next_ms = due >= 0 && due < next ? due : next;
    return FT_OK;
}

static void kafka_give_up(struct ft_sink *sink)
{
    atomic_store_explicit(&kafka_of(sink)->gave_up, true, memory_order_relaxed);
}

static int kafka_close(struct ft_sink *sink)
{
    struct kafka_sink *s = kafka_of(sink);

    ft__kafka_stop(s);
    ft_kafka_config_fini(&s->config);
    ft_map_free(s->blocks, (size_t)s->n_blocks * s->block_len);
    ft_mem_free(s->block);
    ft_map_free(s->room, FT__KAFKA_ROOM);
    ft_map_free(s->slot, sizeof *s->slot * FT__KAFKA_SLOTS);
    ft_map_free(s->frame, s->frame_len);
    ft_mem_free(s->burst);
    ft_mem_free(s->topic);
    ft_mem_free(s->text);
    ft_mem_free(s);
    return FT_OK;
}

/* ---- configuration ---- */

/* What the format makes has to be whole in each message. */
static int check_format(struct kafka_sink *s, const struct ft_output_url *url,
                        const struct ft_output_env *env, struct ft_err *err)
{
    bool rows = strcmp(url->format, "arrow") == 0 || strcmp(url->format, "avro") == 0;

    s->datagrams = strcmp(url->format, "datagram") == 0;
    if (!rows && !s->datagrams && strcmp(url->format, "ndjson") != 0) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: Kafka takes ndjson, arrow, avro and datagram, not %s",
                          url->text, url->format);
    }
    if (s->datagrams && ft_output_url_get(url, "batch") != NULL) {
        return ft_err_set(err, FT_E_USAGE, "output %s: batch=: a message is one datagram",
                          url->text);
    }
    const char *format = ft_output_url_get(url, "format");

    if (format != NULL && strcmp(format, url->format) != 0) {
        return ft_err_set(err, FT_E_USAGE, "output %s: format=%s: it is %s", url->text, format,
                          url->format);
    }
    if (env->trailer_each > 0) {
        return ft_err_set(err, FT_E_USAGE, "output %s: messages are streams; no name in .arrow",
                          url->text);
    }
    bool framed = ft_output_url_get(url, "schema_id") != NULL;

    if (framed && strcmp(url->format, "avro") != 0) {
        return ft_err_set(err, FT_E_USAGE, "output %s: schema_id= is of avro", url->text);
    }
    if (env->pack != NULL || (framed && ft_output_url_get(url, "codec") != NULL)) {
        return ft_err_set(
            err, FT_E_USAGE,
            "output %s: codec=: messages are packed by kafka.compression.type=", url->text);
    }
    s->single = !rows || framed;
    return FT_OK;
}

/* Header and end of messages of rows. */
static int make_frame(struct kafka_sink *s, const struct ft_output_env *env)
{
    struct ft_trailer t = {.fd = -1};
    size_t len;

    s->header_len = env->header_len;
    s->frame_len = env->header_len + env->chunk_most + sizeof s->tail;
    s->frame = ft_map_alloc_sparse(s->frame_len);
    if (s->frame == NULL) {
        return FT_E_NOMEM;
    }
    memcpy(s->frame, env->header, env->header_len);
    len = env->trailer != NULL ? env->trailer(env->trailer_cookie, &t, s->frame + s->header_len,
                                              s->frame_len - s->header_len)
                               : 0;
    s->tail_len = len <= sizeof s->tail ? len : 0;
    memcpy(s->tail, s->frame + s->header_len, s->tail_len);
    return FT_OK;
}

/* Their texts were checked with the URL. */
static int take_params(struct kafka_sink *s, const struct ft_output_url *url,
                       const struct ft_output_env *env, struct ft_err *err)
{
    const char *batch = ft_output_url_get(url, "batch"), *age = ft_output_url_get(url, "batch_age");
    const char *key = ft_output_url_get(url, "key");
    uint64_t size = FT__KAFKA_BATCH_DEFAULT;
    int64_t age_ns = 1000000000;

    if (age != NULL) {
        ft_ignore(ft_parse_duration(age, &age_ns));
    }
    s->kept = env->spooled;
    s->age_ms = age_ns / 1000000;
    s->by_partition = s->single && batch != NULL && strcmp(batch, "false") != 0;
    if (s->by_partition && strcmp(url->format, "ndjson") != 0) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: batch=: who reads messages of a schema registry takes one "
                          "event of each; without schema_id= each is a container of many",
                          url->text);
    }
    if (s->by_partition) {
        ft_ignore(ft_parse_size(batch, &size)); /* or it is "true" */
    }
    s->batch_len = (uint32_t)size;
    s->sink.keys = key == NULL                    ? (s->datagrams ? FT_KEYS_EXPORTER : FT_KEYS_FLOW)
                   : strcmp(key, "flow") == 0     ? FT_KEYS_FLOW
                   : strcmp(key, "exporter") == 0 ? FT_KEYS_EXPORTER
                                                  : FT_KEYS_NONE;
    if (s->datagrams && s->sink.keys == FT_KEYS_FLOW) {
        return ft_err_set(err, FT_E_USAGE, "output %s: key=flow: a datagram is of many flows",
                          url->text);
    }
    if (s->sink.keys == FT_KEYS_EXPORTER && !env->collect) {
        return ft_err_set(err, FT_E_USAGE, "output %s: key=exporter is for collect", url->text);
    }
    if (key != NULL && s->sink.keys != FT_KEYS_NONE && (!s->single || env->no_identity)) {
        return ft_err_set(err, FT_E_USAGE, "output %s: key=%s: %s", url->text, key,
                          s->single ? "it tells of hosts: not with --no-identity"
                                    : "a message has rows of many flows: key=none, or of avro "
                                      "schema_id=N");
    }
    if (!s->single || env->no_identity) {
        s->sink.keys = FT_KEYS_NONE;
    }
    return FT_OK;
}

static int make_memory(struct kafka_sink *s, const struct ft_output_env *env)
{
    s->burst = ft_mem_alloc(FT__KAFKA_BURST, sizeof *s->burst);
    if (s->by_partition) {
        s->room = ft_map_alloc_sparse(FT__KAFKA_ROOM);
        s->slot = ft_map_alloc_sparse(sizeof *s->slot * FT__KAFKA_SLOTS);
    }
    s->in_blocks = s->single && !s->by_partition;
    if (s->in_blocks) {
        s->block_len = env->chunk_most;
        s->n_blocks = FT__KAFKA_BLOCKS / s->block_len + 2;
        s->blocks = ft_map_alloc_sparse((size_t)s->n_blocks * s->block_len);
        s->block = ft_mem_alloc(s->n_blocks, sizeof *s->block);
    }
    if (s->burst == NULL || (s->in_blocks && (s->blocks == NULL || s->block == NULL)) ||
        (s->by_partition && (s->room == NULL || s->slot == NULL))) {
        return FT_E_NOMEM;
    }
    s->sink.memory = QUEUE_MEMORY + (s->by_partition ? FT__KAFKA_ROOM : 0);
    return s->single ? FT_OK : make_frame(s, env);
}

static int kafka_open(const struct ft_output_url *url, const struct ft_output_env *env,
                      struct ft_sink **out, struct ft_err *err)
{
    struct kafka_sink *s = ft_mem_alloc(1, sizeof *s);

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    s->sink.ops = &ft_sink_kafka;
    if (env->log != NULL) {
        s->log = *env->log;
    }
    s->text = ft_mem_strdup(url->text);
    int rc = s->text == NULL ? FT_E_NOMEM : check_format(s, url, env, err);

    rc = rc == FT_OK ? take_params(s, url, env, err) : rc;
    rc = rc == FT_OK ? make_memory(s, env) : rc;
    rc = rc == FT_OK ? ft__kafka_configure(s, url, err) : rc;
    if (rc != FT_OK) {
        kafka_close(&s->sink);
        return rc == FT_E_NOMEM ? ft_err_set(err, rc, "output %s: out of memory", url->text) : rc;
    }
    *out = &s->sink;
    return FT_OK;
}

#else

static int kafka_open(const struct ft_output_url *url, const struct ft_output_env *env,
                      struct ft_sink **out, struct ft_err *err)
{
    (void)env;
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED,
                      "output %s: this build lacks librdkafka (librdkafka-dev)", url->text);
}

#endif

const struct ft_sink_ops ft_sink_kafka = {
    .name = "kafka",
    .help = "messages of a Kafka topic: //HOST:PORT[,HOST:PORT]/TOPIC",
    .params = {&ft__kafka_params, &ft_tls_params},
    .needs = FT_SANDBOX_NETWORK | FT_SANDBOX_BROKERS,
    .alone = true,
    .waits = true,
    .open = kafka_open,
#ifdef FT_HAVE_RDKAFKA
    .write = kafka_write,
    .flush = kafka_flush,
    .tick = kafka_tick,
    .give_up = kafka_give_up,
    .close = kafka_close,
#endif
};
