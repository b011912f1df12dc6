/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/redis: events as entries of a Redis stream, through hiredis.
 *
 *     chunks -> messages in flight -> [AUTH SELECT | XADD XADD ...] -> (TLS) -> socket -> answers
 *
 * Theory of operation: each event is one XADD; many are under way at once, and answers come in
 * their order. What was answered with an id has arrived. An error is said and what met it is sent
 * again, after a pause. When the connection breaks, what was not answered is sent again: an event
 * may be there twice then, and none is missing. */
#include "output/output.h"

#ifdef FT_HAVE_HIREDIS

#include <errno.h>
#include <hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/units.h"
#include "base/wait.h"
#include "output/sink/flight.h"
#include "output/sink/receiver.h"
#include "output/sink/redis/redis_parts.h"
#include "output/sink/tls.h"

enum {
    CONNECT_MS = 5000,
    ANSWER_MS = 30000, /* nothing is answered for so long: it hangs */
    OUT_USUAL = 256 * 1024,
    COMMAND_MOST = 4096, /* of one, besides its event */
    NAME_MOST = 512,
    TLS_PIECE = 16 * 1024, /* a record */
};

/* owner: the output's thread, but for give_up() */
struct redis_sink {
    struct ft_sink sink;
    struct ft_receiver receiver;
    struct ft_target target;
    int port;
    char *user, *password, *db; /* owned; NULL ok; password: secret */
    redisContext *c;            /* NULL: there is no connection */
    struct ft_tls_config *tls;  /* owned; NULL: none */
    struct ft_tls *cipher;      /* of the connection */
    short wants;                /* of the socket, besides answers, before more can be sent */
    char *prefix;               /* owned: of each XADD, in front of the event */
    size_t prefix_len;
    uint8_t *out; /* [out_cap]: commands */
    size_t out_cap, out_at, out_len;
    uint32_t greetings; /* answers to AUTH and the like that are to come */
    uint64_t answered;  /* number of the message that the next answer is about, or before it */
    bool held_up;       /* an error was answered: nothing more is sent */
    struct ft_flight flight;
};

static struct redis_sink *redis_of(struct ft_sink *s)
{
    return (struct redis_sink *)(void *)s;
}

/* ---- commands ---- */

static void put_out(struct redis_sink *s, const void *data, size_t len)
{
    memcpy(s->out + s->out_len, data, len); /* there is room: see OUT_USUAL */
    s->out_len += len;
}

/* A word of a command, at offset at of out, where there is room for it; returns its end. */
static size_t put_word(char *out, size_t at, size_t room, const char *text)
{
    int n = snprintf(out + at, room - at, "$%zu\r\n%s\r\n", strlen(text), text);

    return at + (size_t)n;
}

/* A command of the connection's beginning. */
static void greet(struct redis_sink *s, const char *command, const char *one, const char *two)
{
    char *out = (char *)s->out;

    put_out(s, two != NULL ? "*3\r\n" : "*2\r\n", 4);
    s->out_len = put_word(out, s->out_len, s->out_cap, command);
    s->out_len = put_word(out, s->out_len, s->out_cap, one);
    s->out_len = two != NULL ? put_word(out, s->out_len, s->out_cap, two) : s->out_len;
    s->greetings++;
}

static void put_message(struct redis_sink *s, const struct ft_message *m)
{
    uint32_t len = m->end - m->begin - 1; /* without its newline */
    char head[32];

    put_out(s, s->prefix, s->prefix_len);
    put_out(s, head, (size_t)snprintf(head, sizeof head, "$%u\r\n", len));
    put_out(s, s->flight.chunks[m->chunk].data + m->begin, len);
    put_out(s, "\r\n", 2);
}

/* ---- the connection ---- */

static void hang_up(struct redis_sink *s)
{
    ft_tls_end(s->cipher);
    s->cipher = NULL;
    if (s->c != NULL) {
        redisFree(s->c);
    }
    s->c = NULL;
    s->greetings = 0;
    s->out_at = s->out_len = 0;
}

/* FT_OK, FT_E_INTERRUPTED, FT_E_IO: why says it. */
static int connect_steps(struct redis_sink *s)
{
    int error = 0, rc;
    socklen_t len = sizeof error;

    s->c = redisConnectNonBlock(s->target.host, s->port);
    if (s->c == NULL || s->c->err != 0) {
        ft_receiver_why(&s->receiver, s->c != NULL ? s->c->errstr : "out of memory", NULL);
        return FT_E_IO;
    }
    rc = ft_receiver_wait(&s->receiver, s->c->fd, POLLOUT, CONNECT_MS);
    if (rc == FT_E_INTERRUPTED) {
        return rc;
    }
    if (rc != FT_OK || getsockopt(s->c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 ||
        error != 0) {
        ft_receiver_why(&s->receiver, rc != FT_OK ? "it does not answer" : strerror(error), NULL);
        return FT_E_IO;
    }
    return s->tls == NULL ? FT_OK
                          : ft_tls_begin(s->tls, s->c->fd, &s->receiver, CONNECT_MS, &s->cipher);
}

/* Likewise. */
static int dial(struct redis_sink *s)
{
    if (s->c != NULL) {
        return FT_OK;
    }
    int rc = connect_steps(s);

    if (rc != FT_OK) {
        hang_up(s);
        return rc;
    }
    ft_receiver_is_there(&s->receiver);
    if (s->password != NULL) {
        greet(s, "AUTH", s->user != NULL ? s->user : s->password,
              s->user != NULL ? s->password : NULL);
    }
    if (s->db != NULL) {
        greet(s, "SELECT", s->db, NULL);
    }
    return FT_OK;
}

/* ---- answers ---- */

static const char *advice_for(const char *error)
{
    static const char *const rows[][2] = {
        {"NOAUTH", "set password=@FILE"},
        {"WRONGPASS", "check user= and password=@FILE"},
        {"ERR invalid password", "check password=@FILE"},
        {"ERR Client sent AUTH", "it asks for no password; leave password= out"},
        {"ERR AUTH", "it asks for no password; leave password= out"},
        {"NOPERM", "the user may not write to this stream"},
        {"WRONGTYPE", "the key is of another type; name another stream"},
        {"OOM", "it is full; set maxlen=, or give it more memory"},
        {"READONLY", "it is a replica; name the master"},
        {"MOVED", "it is a node of a cluster; name the one that has the stream"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strncmp(error, rows[i][0], strlen(rows[i][0])) == 0) {
            return rows[i][1];
        }
    }
    return NULL;
}

static void take_answer(struct redis_sink *s, const redisReply *r)
{
    bool failed = r->type == REDIS_REPLY_ERROR;

    if (failed && !s->held_up) {
        ft_receiver_why(&s->receiver, r->str, advice_for(r->str));
        s->held_up = true;
    }
    if (s->greetings > 0) {
        s->greetings--;
        return;
    }
    uint64_t number = ft_flight_oldest(&s->flight, s->answered);

    s->answered = number + 1;
    if (failed) {
        ft_flight_refused(&s->flight);
    } else if (ft_flight_settle(&s->flight, number, true) && !s->held_up) {
        ft_receiver_works(&s->receiver);
    }
}

/* TLS is over. FT_E_CLOSED. */
static int ended(struct redis_sink *s)
{
    const char *why = ft_tls_why(s->cipher);

    ft_receiver_why(&s->receiver, why != NULL ? why : "it ended the connection",
                    why != NULL ? ft_tls_advice(why) : NULL);
    return FT_E_CLOSED;
}

/* What has come goes to hiredis's reader. FT_OK, FT_E_CLOSED. */
static int read_some(struct redis_sink *s)
{
    char heard[16 * 1024];
    long got;

    if (s->cipher == NULL) {
        if (redisBufferRead(s->c) != REDIS_OK) {
            ft_receiver_why(&s->receiver, s->c->errstr, NULL);
            return FT_E_CLOSED;
        }
        return FT_OK;
    }
    do { /* all of it: what TLS holds, poll does not tell of */
        got = ft_tls_hear(s->cipher, heard, sizeof heard, &s->wants);
        if (got > 0 && redisReaderFeed(s->c->reader, heard, (size_t)got) != REDIS_OK) {
            got = FT_E_CLOSED;
        }
    } while (got > 0);
    return got == FT_E_AGAIN ? FT_OK : ended(s);
}

/* Takes what was answered. FT_OK, FT_E_CLOSED. */
static int take_answers(struct redis_sink *s)
{
    void *reply;

    if (read_some(s) != FT_OK) {
        return FT_E_CLOSED;
    }
    do {
        reply = NULL;
        if (redisGetReplyFromReader(s->c, &reply) != REDIS_OK) {
            ft_receiver_why(&s->receiver, "it does not speak Redis's protocol", NULL);
            return FT_E_CLOSED;
        }
        if (reply != NULL) {
            take_answer(s, reply);
            freeReplyObject(reply);
        }
    } while (reply != NULL);
    return FT_OK;
}

/* ---- sending ---- */

static void fill(struct redis_sink *s)
{
    const struct ft_message *m;
    uint64_t number;

    if (s->out_at == s->out_len) {
        s->out_at = s->out_len = 0;
    }
    while (!s->held_up && s->out_len < OUT_USUAL &&
           (m = ft_flight_next(&s->flight, &number)) != NULL) {
        put_message(s, m);
    }
}

/* Bytes that the socket took; FT_E_AGAIN with wants; FT_E_CLOSED: why says it. */
static long put_bytes(struct redis_sink *s, const uint8_t *data, size_t len)
{
    if (s->cipher != NULL) {
        long got = ft_tls_write(s->cipher, data, len < TLS_PIECE ? len : TLS_PIECE, &s->wants);

        return got == FT_E_CLOSED ? ended(s) : got;
    }
    ssize_t n;

    do {
        n = send(s->c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        return n;
    }
    s->wants = POLLOUT;
    ft_receiver_why(&s->receiver, strerror(errno), NULL);
    return errno == EAGAIN || errno == EWOULDBLOCK ? FT_E_AGAIN : FT_E_CLOSED;
}

/* FT_OK, FT_E_CLOSED. */
static int send_some(struct redis_sink *s)
{
    s->wants = 0;
    while (s->out_at < s->out_len) {
        long n = put_bytes(s, s->out + s->out_at, s->out_len - s->out_at);

        if (n < 0) {
            return n == FT_E_AGAIN ? FT_OK : FT_E_CLOSED;
        }
        s->out_at += (size_t)n;
    }
    return FT_OK;
}

/* Sends and takes answers until all is settled, or an error was answered and nothing is under way.
 * FT_OK, FT_E_CLOSED, FT_E_INTERRUPTED. */
static int talk(struct redis_sink *s)
{
    int rc = FT_OK;

    while (rc == FT_OK) {
        fill(s);
        rc = send_some(s);
        if (rc != FT_OK || (s->flight.waiting == 0 && s->greetings == 0)) {
            return rc;
        }
        rc = ft_receiver_wait(&s->receiver, s->c->fd, (short)(POLLIN | s->wants), ANSWER_MS);
        if (rc == FT_E_AGAIN) {
            ft_receiver_why(&s->receiver, "it does not answer", NULL);
            return FT_E_CLOSED;
        }
        rc = rc == FT_OK ? take_answers(s) : rc;
    }
    return rc;
}

/* ---- the sink's operations ---- */

static int redis_write(struct ft_sink *sink, const struct ft_chunk *chunks, uint32_t *n)
{
    struct redis_sink *s = redis_of(sink);
    int rc = FT_OK;

    ft_flight_begin(&s->flight, chunks, *n);
    while (rc == FT_OK && !ft_flight_is_over(&s->flight)) {
        ft_flight_rewind(&s->flight);
        s->answered = 0;
        s->held_up = false;
        rc = dial(s);
        rc = rc == FT_OK ? talk(s) : rc;
        if (rc == FT_E_CLOSED || rc == FT_E_IO || (rc == FT_OK && s->held_up)) {
            hang_up(s);
            rc = ft_receiver_failed(&s->receiver, s->receiver.why, rc == FT_E_CLOSED);
        }
    }
    if (rc != FT_OK) {
        ft_flight_lose(&s->flight);
        hang_up(s);
    }
    return rc;
}

static void redis_give_up(struct ft_sink *sink)
{
    ft_receiver_give_up(&redis_of(sink)->receiver);
}

static int redis_close(struct ft_sink *sink)
{
    struct redis_sink *s = redis_of(sink);

    hang_up(s);
    ft_receiver_fini(&s->receiver);
    ft_tls_config_free(s->tls);
    ft_secret_forget(s->password);
    if (s->out != NULL) {
        explicit_bzero(s->out, COMMAND_MOST); /* where AUTH was */
    }
    ft_map_free(s->out, s->out_cap);
    ft_mem_free(s->target.host);
    ft_mem_free(s->user);
    ft_mem_free(s->db);
    ft_mem_free(s->prefix);
    ft_map_free(s, sizeof *s);
    return FT_OK;
}

/* ---- configuration ---- */

/* What stands before the event in an XADD. */
static int make_prefix(struct redis_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    const char *maxlen = ft_output_url_get(url, "maxlen"), *field = ft_output_url_get(url, "field");
    const char *word[] = {
        "XADD", s->target.rest, "MAXLEN", "~", maxlen, "*", field != NULL ? field : "event"};
    int n = maxlen != NULL ? 8 : 5;

    if (strlen(s->target.rest) > NAME_MOST || strlen(word[6]) > NAME_MOST) {
        return ft_err_set(err, FT_E_USAGE, "output %s: a name is longer than %d bytes", url->text,
                          NAME_MOST);
    }
    s->prefix = ft_mem_alloc(1, COMMAND_MOST);
    if (s->prefix == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    s->prefix_len = (size_t)snprintf(s->prefix, COMMAND_MOST, "*%d\r\n", n);
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++) {
        if (maxlen != NULL || i < 2 || i > 4) {
            s->prefix_len = put_word(s->prefix, s->prefix_len, COMMAND_MOST, word[i]);
        }
    }
    return FT_OK;
}

static int configure(struct redis_sink *s, const struct ft_output_url *url,
                     const struct ft_output_env *env, struct ft_err *err)
{
    const char *user = ft_output_url_get(url, "user"), *db = ft_output_url_get(url, "db");
    int rc = ft_target_split(url->target, "6379", &s->target);
    uint64_t port = 0;
    const char *end;

    if (rc == FT_E_USAGE ||
        (rc == FT_OK && (s->target.rest == NULL || !ft_parse_number(s->target.port, &port, &end) ||
                         port > UINT16_MAX))) {
        return ft_err_set(err, FT_E_USAGE, "output %s: write %s://HOST[:PORT]/STREAM", url->text,
                          url->transport);
    }
    if (strcmp(url->format, "ndjson") != 0) {
        return ft_err_set(err, FT_E_USAGE, "output %s: redis takes ndjson", url->text);
    }
    s->port = (int)port;
    s->user = user != NULL ? ft_mem_strdup(user) : NULL;
    s->db = db != NULL ? ft_mem_strdup(db) : NULL;
    s->out_cap = OUT_USUAL + env->chunk_most + 2 * COMMAND_MOST;
    s->out = ft_map_alloc_sparse(s->out_cap);
    if (rc != FT_OK || (user != NULL && s->user == NULL) || (db != NULL && s->db == NULL) ||
        s->out == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    rc = ft_receiver_secret(url, "password", &s->password, err);
    if (rc == FT_OK && user != NULL && s->password == NULL) {
        rc = ft_err_set(err, FT_E_USAGE, "output %s: user= goes with password=", url->text);
    }
    if (rc == FT_OK && ((s->password != NULL && strlen(s->password) > COMMAND_MOST / 2) ||
                        (user != NULL && strlen(user) > NAME_MOST))) {
        rc = ft_err_set(err, FT_E_USAGE, "output %s: user= or password= is too long", url->text);
    }
    if (rc == FT_OK && s->sink.ops == &ft_sink_rediss) {
        rc = ft_tls_config_open(url, s->target.host, &s->tls, err);
    }
    return rc == FT_OK ? make_prefix(s, url, err) : rc;
}

static int redis_open(const struct ft_output_url *url, const struct ft_output_env *env,
                      struct ft_sink **out, struct ft_err *err)
{
    struct redis_sink *s = ft_map_alloc(sizeof *s);

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    s->sink.ops = strcmp(url->transport, "rediss") == 0 ? &ft_sink_rediss : &ft_sink_redis;
    s->flight.sink = &s->sink;
    int rc = ft_receiver_init(&s->receiver, &s->sink, url, env, err);

    rc = rc == FT_OK ? configure(s, url, env, err) : rc;
    if (rc != FT_OK) {
        redis_close(&s->sink);
        return rc;
    }
    s->sink.memory = sizeof *s + s->out_cap;
    *out = &s->sink;
    return FT_OK;
}

#else

#include "output/sink/redis/redis_parts.h"

static int redis_open(const struct ft_output_url *url, const struct ft_output_env *env,
                      struct ft_sink **out, struct ft_err *err)
{
    (void)env, (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "output %s: this build lacks hiredis (libhiredis-dev)",
                      url->text);
}

#define redis_write   NULL
#define redis_give_up NULL
#define redis_close   NULL

#endif

#define REDIS_SINK                                                                                 \
    .needs = FT_SANDBOX_NETWORK, .alone = true, .waits = true, .open = redis_open,                 \
    .write = redis_write, .give_up = redis_give_up, .close = redis_close

const struct ft_sink_ops ft_sink_redis = {
    .name = "redis",
    .help = "entries of a Redis stream: //HOST[:PORT]/STREAM",
    .params = {&ft__redis_params},
    REDIS_SINK,
};

const struct ft_sink_ops ft_sink_rediss = {
    .name = "rediss",
    .help = "the same through TLS",
    .params = {&ft__redis_params, &ft_tls_params},
    REDIS_SINK,
};
