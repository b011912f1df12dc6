/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/nats: events as messages of a JetStream stream, through libnats.
 *
 *     chunks -> messages in flight -> PUB subject, reply to INBOX.number -> stream
 *                    ^--------------- acknowledgement to INBOX.number ------'
 *
 * Theory of operation: each message asks for an answer, by its number, and what the stream has
 * acknowledged has arrived. Its id (Nats-Msg-Id) is of the chunk and of where it lies in it, the
 * same when it is sent again, so that the stream takes it once (within its duplicate window, two
 * minutes when nobody has set it). libnats reads and flushes in threads of its own; it connects
 * when this sink tells it to, and never by itself. */
#include "output/output.h"

#ifdef FT_HAVE_NATS

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/units.h"
#include "base/wait.h"
#include "base/whole.h"
#include "output/sink/flight.h"
#include "output/sink/nats/nats_parts.h"
#include "output/sink/receiver.h"
#include "output/sink/tls.h"

enum {
    CONNECT_MS = 2000,
    WRITE_MS = 5000,
    ANSWER_MS = 10000, /* nothing is answered for so long: it hangs */
    STEP_MS = 100,     /* how soon it is seen that it was given up */
    SUBJECT_MOST = 256,
    TOO_LARGE = 10054, /* JetStream's error codes */
    OTHER_STREAM = 10060,
};

/* owner: the output's thread, but for give_up() */
struct nats_sink {
    struct ft_sink sink;
    struct ft_receiver receiver;
    char *url, *subject, *stream;  /* owned; stream: NULL ok */
    char *user, *password, *token; /* owned, secret; NULL ok */
    natsOptions *options;          /* of each connection */
    natsConnection *c;             /* NULL: there is no connection */
    natsSubscription *answers;
    char inbox[128];
    bool held_up; /* an error was answered: nothing more is sent */
    bool said_refused;
    struct ft_flight flight;
};

static struct nats_sink *nats_of(struct ft_sink *s)
{
    return (struct nats_sink *)(void *)s;
}

/* ---- the connection ---- */

/* The connection ends first: a subscription that goes while libnats's thread delivers to it leaves
 * that thread with a lock that is none any more (3.4.1). */
static void hang_up(struct nats_sink *s)
{
    natsConnection_Close(s->c);
    natsSubscription_Destroy(s->answers);
    natsConnection_Destroy(s->c);
    s->answers = NULL;
    s->c = NULL;
}

/* What libnats tells in threads of its own is told by its calls, too. */
static void ignore_error(natsConnection *c, natsSubscription *sub, natsStatus status, void *cookie)
{
    (void)c, (void)sub, (void)status, (void)cookie;
}

static natsStatus set_options(struct nats_sink *s, natsOptions *o)
{
    natsStatus st = natsOptions_SetURL(o, s->url);

    st = st == NATS_OK ? natsOptions_SetName(o, "flowtap") : st;
    st = st == NATS_OK ? natsOptions_SetTimeout(o, CONNECT_MS) : st;
    st = st == NATS_OK ? natsOptions_SetWriteDeadline(o, WRITE_MS) : st;
    st = st == NATS_OK ? natsOptions_SetAllowReconnect(o, false) : st;
    st = st == NATS_OK ? natsOptions_SetErrorHandler(o, ignore_error, NULL) : st;
    if (st == NATS_OK && s->user != NULL) {
        st = natsOptions_SetUserInfo(o, s->user, s->password);
    }
    return st == NATS_OK && s->token != NULL ? natsOptions_SetToken(o, s->token) : st;
}

/* One of libnats's settings that takes the text of a file, or of two. */
static int set_pem(struct nats_sink *s, const struct ft_output_url *url, const char *path,
                   const char *key_path, struct ft_err *err)
{
    char *text = NULL, *key = NULL;
    size_t len = 0, key_len = 0;
    int rc = ft_tls_read(url, path, &text, &len, err);

    rc = rc == FT_OK && key_path != NULL ? ft_tls_read(url, key_path, &key, &key_len, err) : rc;
    if (rc == FT_OK) {
        natsStatus st = key != NULL ? natsOptions_SetCertificatesChain(s->options, text, key)
                                    : natsOptions_SetCATrustedCertificates(s->options, text);

        if (st != NATS_OK) {
            rc = ft_err_set(err, FT_E_USAGE, "output %s: %s: %s", url->text, path,
                            st == NATS_NO_MEMORY ? "out of memory" : "cannot be used");
        }
    }
    ft_whole_forget(text, len);
    ft_whole_forget(key, key_len);
    return rc;
}

static int set_tls(struct nats_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    struct ft_tls_files f;
    int rc = ft_tls_files_of(url, true, &f, err);

    if (rc == FT_OK && (natsOptions_SetSecure(s->options, true) != NATS_OK ||
                        natsOptions_SkipServerVerification(s->options, f.any) != NATS_OK)) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "output %s: libnats was built without TLS",
                          url->text);
    }
    f.ca = f.ca != NULL ? f.ca : ft_whole_authorities();
    if (rc == FT_OK && f.ca != NULL && !f.any) {
        rc = set_pem(s, url, f.ca, NULL, err);
    }
    rc = rc == FT_OK ? ft_tls_fits(url, &f, err) : rc;
    return rc == FT_OK && f.cert != NULL ? set_pem(s, url, f.cert, f.key, err) : rc;
}

/* What all connections have in common; files are read now. */
static int make_options(struct nats_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    if (natsOptions_Create(&s->options) != NATS_OK || set_options(s, s->options) != NATS_OK) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    return s->sink.ops == &ft_sink_natss ? set_tls(s, url, err) : FT_OK;
}

/* A subject that takes the answers to what is sent through this connection. */
static natsStatus subscribe(struct nats_sink *s)
{
    natsInbox *inbox = NULL;
    char all[sizeof s->inbox + 2];
    natsStatus st = natsInbox_Create(&inbox);

    if (st == NATS_OK) {
        snprintf(s->inbox, sizeof s->inbox, "%.100s", (const char *)inbox);
        snprintf(all, sizeof all, "%s.*", s->inbox);
        natsInbox_Destroy(inbox);
        st = natsConnection_SubscribeSync(&s->answers, s->c, all);
    }
    return st;
}

static const char *advice_for(const struct nats_sink *s, natsStatus st, const char *more)
{
    switch (st) {
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
        return "check user=, password=@FILE or token=@FILE";
    case NATS_SECURE_CONNECTION_WANTED:
        return "it has no TLS: nats:// is without";
    case NATS_SECURE_CONNECTION_REQUIRED:
        return "it wants TLS: natss:// is with it";
    case NATS_PROTOCOL_ERROR: /* TLS 1.3 begins before the server has looked at our certificate */
    case NATS_IO_ERROR:
    case NATS_CONNECTION_CLOSED:
        if (s->sink.ops == &ft_sink_natss && strstr(more, "uthorization") == NULL) {
            return "if it asks for a certificate: see cert= and key=";
        }
        break;
    default:
        break;
    }
    return strstr(more, "uthorization") != NULL ? "check user=, password=@FILE or token=@FILE"
                                                : ft_tls_advice(more);
}

/* Notes why there is no connection. */
static void say_why(struct nats_sink *s, natsStatus st)
{
    const char *more = nats_GetLastError(NULL);

    more = more != NULL ? more : "";
    ft_receiver_why(&s->receiver,
                    st == NATS_SSL_ERROR && more[0] != '\0' ? more : natsStatus_GetText(st),
                    advice_for(s, st, more));
}

/* FT_OK; FT_E_IO: why says it. */
static int dial(struct nats_sink *s)
{
    if (s->c != NULL && !natsConnection_IsClosed(s->c)) {
        ft_receiver_is_there(&s->receiver);
        return FT_OK;
    }
    hang_up(s);
    natsStatus st = natsConnection_Connect(&s->c, s->options);

    st = st == NATS_OK ? subscribe(s) : st;
    if (st == NATS_OK) {
        ft_receiver_is_there(&s->receiver);
        return FT_OK;
    }
    say_why(s, st);
    hang_up(s);
    return FT_E_IO;
}

/* ---- sending ---- */

static natsStatus publish(struct nats_sink *s, const struct ft_message *m, uint64_t number)
{
    const struct ft_chunk *c = &s->flight.chunks[m->chunk];
    char reply[sizeof s->inbox + 24], id[64];
    natsMsg *msg = NULL;

    snprintf(reply, sizeof reply, "%s.%llu", s->inbox, (unsigned long long)number);
    snprintf(id, sizeof id, "%016llx-%llu-%u", (unsigned long long)c->producer,
             (unsigned long long)c->number, m->begin);
    natsStatus st = natsMsg_Create(&msg, s->subject, reply, (const char *)c->data + m->begin,
                                   (int)(m->end - m->begin - 1)); /* without its last newline */

    st = st == NATS_OK ? natsMsgHeader_Set(msg, "Nats-Msg-Id", id) : st;
    if (st == NATS_OK && s->stream != NULL) {
        st = natsMsgHeader_Set(msg, "Nats-Expected-Stream", s->stream);
    }
    st = st == NATS_OK ? natsConnection_PublishMsg(s->c, msg) : st;
    natsMsg_Destroy(msg);
    return st;
}

/* An event that no server or no stream of this kind takes. */
static void lose_one(struct nats_sink *s, uint64_t number)
{
    if (!s->said_refused) {
        ft_log(&s->receiver.log, FT_LOG_ERROR,
               "%s: a message is larger than what is taken there; it is lost, and counted, as "
               "others of its size will be",
               s->receiver.name);
    }
    s->said_refused = true;
    ft_ignore(ft_flight_settle(&s->flight, number, false)); /* it waits */
}

/* FT_OK, FT_E_CLOSED. */
static int send_some(struct nats_sink *s)
{
    const struct ft_message *m;
    uint64_t number;

    while (!s->held_up && (m = ft_flight_next(&s->flight, &number)) != NULL) {
        natsStatus st = publish(s, m, number);

        if (st == NATS_MAX_PAYLOAD) {
            lose_one(s, number);
        } else if (st != NATS_OK) {
            ft_receiver_why(&s->receiver, natsStatus_GetText(st), NULL);
            return FT_E_CLOSED;
        }
    }
    return FT_OK;
}

/* ---- answers ---- */

/* The number behind "key": in an answer, 0: there is none. */
static unsigned long number_of(const char *json, const char *key)
{
    const char *at = strstr(json, key);

    return at != NULL ? strtoul(at + strlen(key), NULL, 10) : 0;
}

/* The text behind "description": */
static void describe(const char *json, char *out, size_t cap)
{
    static const char key[] = "\"description\":\"";
    const char *at = strstr(json, key);
    size_t len = at != NULL ? strcspn(at + sizeof key - 1, "\"") : 0;

    snprintf(out, cap, "%.*s", (int)(len < cap ? len : cap - 1),
             at != NULL ? at + sizeof key - 1 : "");
}

static void take_refusal(struct nats_sink *s, uint64_t number, const char *json)
{
    unsigned long code = number_of(json, "\"err_code\":");
    char text[150];

    if (code == TOO_LARGE) {
        lose_one(s, number);
        return;
    }
    ft_flight_refused(&s->flight);
    if (!s->held_up) {
        describe(json, text, sizeof text);
        ft_receiver_why(&s->receiver, text,
                        code == OTHER_STREAM ? "another stream takes this subject; check stream="
                                             : NULL);
    }
    s->held_up = true;
}

/* The server says that nobody listens. */
static void take_silence(struct nats_sink *s)
{
    ft_flight_refused(&s->flight);
    if (!s->held_up) {
        ft_receiver_why(&s->receiver, "no stream takes this subject",
                        "make one, in a server that runs with JetStream");
    }
    s->held_up = true;
}

static void take_answer(struct nats_sink *s, natsMsg *m)
{
    const char *subject = natsMsg_GetSubject(m);
    const char *last = strrchr(subject, '.');
    uint64_t number = last != NULL ? strtoull(last + 1, NULL, 10) : 0;
    char json[1024];

    snprintf(json, sizeof json, "%.*s", natsMsg_GetDataLength(m), natsMsg_GetData(m));
    if (strstr(json, "\"error\":") != NULL) {
        take_refusal(s, number, json);
    } else if (strstr(json, "\"seq\":") != NULL && ft_flight_settle(&s->flight, number, true) &&
               !s->held_up) {
        ft_receiver_works(&s->receiver);
    }
}

/* Takes what was answered, waiting for the first. FT_OK, FT_E_AGAIN: nothing yet; FT_E_CLOSED. */
static int take_answers(struct nats_sink *s)
{
    natsMsg *m = NULL;
    natsStatus st = natsSubscription_NextMsg(&m, s->answers, STEP_MS);

    if (st == NATS_TIMEOUT) {
        return FT_E_AGAIN;
    }
    while (st == NATS_OK || st == NATS_NO_RESPONDERS) {
        if (st == NATS_OK) {
            take_answer(s, m);
            natsMsg_Destroy(m);
            m = NULL;
        } else {
            take_silence(s);
        }
        st = natsSubscription_NextMsg(&m, s->answers, 0);
    }
    if (st != NATS_TIMEOUT) {
        ft_receiver_why(&s->receiver, natsStatus_GetText(st), NULL);
        return FT_E_CLOSED;
    }
    return FT_OK;
}

/* Sends and takes answers until all is settled, or an error was answered and nothing is under way.
 * FT_OK, FT_E_CLOSED, FT_E_INTERRUPTED. */
static int talk(struct nats_sink *s)
{
    int64_t since_ms = ft_mono_ms();
    int rc = FT_OK;

    while (rc == FT_OK) {
        rc = send_some(s);
        if (rc != FT_OK || s->flight.waiting == 0) {
            return rc;
        }
        rc = take_answers(s);
        if (rc == FT_OK) {
            since_ms = ft_mono_ms();
        } else if (rc == FT_E_AGAIN) {
            rc = FT_OK;
        }
        if (ft_receiver_gave_up(&s->receiver)) {
            rc = FT_E_INTERRUPTED;
        } else if (rc == FT_OK && ft_mono_ms() - since_ms > ANSWER_MS) {
            ft_receiver_why(&s->receiver, "it does not answer", NULL);
            rc = FT_E_CLOSED;
        }
    }
    return rc;
}

/* ---- the sink's operations ---- */

static int nats_write(struct ft_sink *sink, const struct ft_chunk *chunks, uint32_t *n)
{
    struct nats_sink *s = nats_of(sink);
    int rc = FT_OK;

    ft_flight_begin(&s->flight, chunks, *n);
    while (rc == FT_OK && !ft_flight_is_over(&s->flight)) {
        ft_flight_rewind(&s->flight);
        s->held_up = false;
        rc = ft_receiver_gave_up(&s->receiver) ? FT_E_INTERRUPTED : dial(s);
        rc = rc == FT_OK ? talk(s) : rc;
        if (rc == FT_E_CLOSED) {
            hang_up(s);
        }
        if (rc == FT_E_CLOSED || rc == FT_E_IO || (rc == FT_OK && s->held_up)) {
            rc = ft_receiver_failed(&s->receiver, s->receiver.why, rc == FT_E_CLOSED);
        }
    }
    if (rc != FT_OK) {
        ft_flight_lose(&s->flight);
    }
    return rc;
}

static void nats_give_up(struct ft_sink *sink)
{
    ft_receiver_give_up(&nats_of(sink)->receiver);
}

static int nats_close(struct ft_sink *sink)
{
    struct nats_sink *s = nats_of(sink);

    hang_up(s);
    natsOptions_Destroy(s->options);
    ft_receiver_fini(&s->receiver);
    ft_secret_forget(s->password);
    ft_secret_forget(s->token);
    ft_mem_free(s->url);
    ft_mem_free(s->subject);
    ft_mem_free(s->stream);
    ft_mem_free(s->user);
    ft_map_free(s, sizeof *s);
    return FT_OK;
}

/* ---- configuration ---- */

static bool valid_subject(const char *subject)
{
    return subject != NULL && strlen(subject) <= SUBJECT_MOST &&
           strpbrk(subject, " \t\r\n*>/") == NULL && subject[0] != '.' &&
           subject[strlen(subject) - 1] != '.' && strstr(subject, "..") == NULL;
}

static int make_url(struct nats_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    struct ft_target t = {NULL, NULL, NULL};
    int rc = ft_target_split(url->target, "4222", &t);
    bool bare;

    if (rc == FT_E_USAGE || (rc == FT_OK && !valid_subject(t.rest))) {
        ft_mem_free(t.host);
        return ft_err_set(err, FT_E_USAGE, "output %s: write %s://HOST[:PORT]/SUBJECT", url->text,
                          url->transport);
    }
    if (rc == FT_OK) {
        size_t cap = strlen(t.host) + 32;

        bare = strchr(t.host, ':') != NULL; /* an IPv6 address */
        s->url = ft_mem_alloc(1, cap);
        s->subject = ft_mem_strdup(t.rest);
        if (s->url != NULL) {
            snprintf(s->url, cap, "nats://%s%s%s:%s", bare ? "[" : "", t.host, bare ? "]" : "",
                     t.port);
        }
        ft_mem_free(t.host);
    }
    return s->url != NULL && s->subject != NULL
               ? FT_OK
               : ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
}

static int configure(struct nats_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    const char *user = ft_output_url_get(url, "user"), *stream = ft_output_url_get(url, "stream");
    const char *batch = ft_output_url_get(url, "batch");
    uint64_t most = 0;

    if (strcmp(url->format, "ndjson") != 0) {
        return ft_err_set(err, FT_E_USAGE, "output %s: nats takes ndjson", url->text);
    }
    if (batch != NULL) {
        ft_ignore(ft_parse_size(batch, &most)); /* it was checked with the URL */
    }
    s->flight.most = (size_t)most;
    s->user = user != NULL ? ft_mem_strdup(user) : NULL;
    s->stream = stream != NULL ? ft_mem_strdup(stream) : NULL;
    if ((user != NULL && s->user == NULL) || (stream != NULL && s->stream == NULL)) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    int rc = ft_receiver_secret(url, "password", &s->password, err);

    rc = rc == FT_OK ? ft_receiver_secret(url, "token", &s->token, err) : rc;
    if (rc == FT_OK &&
        ((s->user != NULL) != (s->password != NULL) || (s->user != NULL && s->token != NULL))) {
        rc =
            ft_err_set(err, FT_E_USAGE,
                       "output %s: user= and password= belong together, without token=", url->text);
    }
    return rc == FT_OK ? make_options(s, url, err) : rc;
}

static int nats_open(const struct ft_output_url *url, const struct ft_output_env *env,
                     struct ft_sink **out, struct ft_err *err)
{
    struct nats_sink *s = ft_map_alloc(sizeof *s);

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    s->sink.ops = strcmp(url->transport, "natss") == 0 ? &ft_sink_natss : &ft_sink_nats;
    s->flight.sink = &s->sink;
    int rc = ft_receiver_init(&s->receiver, &s->sink, url, env, err);

    rc = rc == FT_OK ? make_url(s, url, err) : rc;
    rc = rc == FT_OK ? configure(s, url, err) : rc;
    if (rc != FT_OK) {
        nats_close(&s->sink);
        return rc;
    }
    s->sink.memory = sizeof *s;
    *out = &s->sink;
    return FT_OK;
}

#else

#include "output/sink/nats/nats_parts.h"

static int nats_open(const struct ft_output_url *url, const struct ft_output_env *env,
                     struct ft_sink **out, struct ft_err *err)
{
    (void)env, (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "output %s: this build lacks libnats (libnats-dev)",
                      url->text);
}

#define nats_write   NULL
#define nats_give_up NULL
#define nats_close   NULL

#endif

#define NATS_SINK                                                                                  \
    .needs = FT_SANDBOX_NETWORK, .alone = true, .waits = true, .open = nats_open,                  \
    .write = nats_write, .give_up = nats_give_up, .close = nats_close

const struct ft_sink_ops ft_sink_nats = {
    .name = "nats",
    .help = "messages of a NATS JetStream stream: //HOST[:PORT]/SUBJECT",
    .params = {&ft__nats_params},
    NATS_SINK,
};

const struct ft_sink_ops ft_sink_natss = {
    .name = "natss",
    .help = "the same through TLS",
    .params = {&ft__nats_params, &ft_tls_params},
    NATS_SINK,
};
