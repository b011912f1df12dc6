/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http: operations and requests; see http_parts.h. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/wait.h"
#include "output/sink/file_parts.h"
#include "output/sink/http/http_parts.h"

enum { PART_BITS = 48 }; /* of a sequence that are a chunk's number */

static struct http_sink *http_of(struct ft_sink *s)
{
    return (struct http_sink *)(void *)s;
}

/* ---- a request ---- */

static const char *type_of(const struct http_sink *s)
{
    static const char *const rows[][2] = {
        {"ndjson", "application/x-ndjson"},
        {"csv", "text/csv"},
        {"arrow", "application/vnd.apache.arrow.stream"},
        {"parquet", "application/vnd.apache.parquet"},
        {"pcap", "application/vnd.tcpdump.pcap"},
    };

    if (s->preset != NULL && s->preset->type != NULL) {
        return s->preset->type;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], s->format) == 0) {
            return rows[i][1];
        }
    }
    return "application/octet-stream";
}

/* The URL of this batch. */
static const char *url_of(const struct http_sink *s, char *out, size_t cap)
{
    char query[FT_PRESET_ROOM];

    if (s->preset == NULL || s->preset->query == NULL) {
        return s->url;
    }
    s->preset->query(&s->body, s->format, query, sizeof query);
    if (strchr(s->url, '?') != NULL) {
        query[0] = '&';
    }
    snprintf(out, cap, "%s%s", s->url, query);
    return out;
}

static int post(struct http_sink *s, const uint8_t *data, size_t len, struct ft_http_reply *reply)
{
    static const char *const encoding[] = {NULL, "Content-Encoding: gzip",
                                           "Content-Encoding: zstd"};
    char url[4096], type[FT__HTTP_HEADER], who[96], number[96], events[96];
    struct ft_http_request r = {.method = s->preset != NULL ? s->preset->method : "POST",
                                .url = url_of(s, url, sizeof url),
                                .body = data,
                                .len = len};
    int h = 0;

    snprintf(type, sizeof type, "Content-Type: %s", type_of(s));
    snprintf(who, sizeof who, "X-Flowtap-Producer: %016llx", (unsigned long long)s->body.producer);
    snprintf(number, sizeof number, "X-Flowtap-Sequence: %llu",
             (unsigned long long)s->body.sequence);
    snprintf(events, sizeof events, "X-Flowtap-Events: %llu",
             (unsigned long long)ft_tally_events(&s->held));
    r.header[h++] = "Expect:";
    r.header[h++] = type;
    r.header[h++] = who;
    r.header[h++] = number;
    r.header[h++] = events;
    if (s->z != NULL) {
        r.header[h++] = encoding[ft_compressor_kind(s->z)];
    }
    if (s->auth != NULL) {
        r.header[h++] = s->auth;
    }
    for (int i = 0; i < FT__HTTP_MORE && s->more[i] != NULL; i++) {
        r.header[h++] = s->more[i];
    }
    return ft_http_send(s->client, &r, reply);
}

/* ---- what became of a batch ---- */

static const char *advice(int status, const char *body)
{
    (void)body;
    return status == 401 || status == 403 ? "check token= or password= and what they may do"
           : status == 404                ? "check the path of the URL, and into="
           : status == 413                ? "its limit is lower: set batch="
           : status / 100 == 3            ? "it is somewhere else: name that"
                                          : NULL;
}

static void count_line(struct ft_tally *to, struct ft_tally *held, const struct ft__http_line *line)
{
    to->n[line->event]++;
    to->bytes += line->len;
    held->n[line->event]--;
    held->bytes -= line->len;
}

/* The events of a batch that was answered; those that are to be sent again stay in the body, which
 * has no end any more. Returns how many are lost. */
static uint32_t settle_items(struct http_sink *s, const char *reply)
{
    uint32_t kept = 0, lost = 0, begin = 0, at = 0;

    s->preset->items(reply, s->body.n, s->item);
    for (uint32_t i = 0; i < s->body.n; i++) {
        struct ft__http_line line = s->line[i];

        if (s->item[i] == FT_ITEM_AGAIN) {
            memmove(s->body.data + at, s->body.data + begin, line.end - begin);
            at += line.end - begin;
            s->line[kept++] = (struct ft__http_line){at, line.len, line.event};
        } else {
            lost += s->item[i] == FT_ITEM_LOST;
            count_line(s->item[i] == FT_ITEM_TAKEN ? &s->sink.arrived : &s->sink.lost, &s->held,
                       &line);
        }
        begin = line.end;
    }
    s->body.n = kept;
    s->body.len = at;
    return lost;
}

/* What kind of error the first event that was refused met. */
static void say_items(struct http_sink *s, uint32_t lost, const char *reply)
{
    const char *type = ft_reply_value(reply, "type");
    size_t len = 0;

    if (lost > 0 && !s->said_items) {
        type = type != NULL && *type == '"' ? type + 1 : "";
        len = strspn(type, "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        ft_log(&s->log, FT_LOG_ERROR, "%s: %u events of a batch were refused%s%.*s; they are lost",
               s->text, lost, len > 0 ? ": " : "", (int)len, type);
    }
    s->said_items = lost > 0;
}

/* FT_OK: nothing is held any more. Otherwise as ft_http_send(). */
static int settle(struct http_sink *s, struct ft_http_reply *reply)
{
    int64_t since_ms = ft_mono_ms();
    uint32_t failures = 0;
    const uint8_t *data;
    size_t len;
    int rc = FT_OK;

    if (s->preset == NULL || s->preset->items == NULL) {
        ft_tally_move(&s->sink.arrived, &s->held);
        return FT_OK;
    }
    while (rc == FT_OK) {
        say_items(s, settle_items(s, reply->body), reply->body);
        if (s->body.n == 0) {
            return FT_OK;
        }
        rc = ft_http_wait(s->client, failures++, since_ms);
        if (rc == FT_OK && s->preset->end != NULL) {
            s->preset->end(&s->body);
        }
        rc = rc == FT_OK ? ft__http_batch_again(s, &data, &len) : rc;
        rc = rc == FT_OK ? post(s, data, len, reply) : rc;
    }
    return rc;
}

/* What is held arrives, or is lost. */
static void send_batch(struct http_sink *s)
{
    struct ft_http_reply reply = {.status = 0};
    const uint8_t *data;
    size_t len;

    if (ft_tally_events(&s->held) == 0) {
        return;
    }
    int rc = ft__http_batch_close(s, &data, &len);

    rc = rc == FT_OK ? post(s, data, len, &reply) : rc;
    rc = rc == FT_OK ? settle(s, &reply) : rc;
    if (rc == FT_OK) {
        ft_http_works(&s->outage, &s->log, s->text);
    } else {
        ft_http_lose(&s->outage, &s->sink, &s->held);
    }
    if (rc == FT_E_IO || (rc == FT_E_FORMAT && ft_http_refuses_all(reply.status))) {
        ft_http_begin_pause(&s->outage, &s->log, s->text, "nothing can be delivered");
    }
    ft__http_batch_reset(s);
}

/* ---- the sink's operations ---- */

/* Behind a spool a chunk is a batch, so that it is the same one after a restart; or several, where
 * it has more lines than a batch may have. */
static void write_spooled(struct http_sink *s, const struct ft_chunk *c)
{
    uint64_t part = 0;

    for (uint32_t at = 0; at < c->len; part++) {
        s->body.producer = c->producer;
        s->body.sequence = c->number + (part << PART_BITS);
        at = ft__http_batch_add(s, c, at);
        send_batch(s);
    }
}

static void write_chunk(struct http_sink *s, const struct ft_chunk *c)
{
    if (s->spooled) {
        write_spooled(s, c);
        return;
    }
    for (uint32_t at = 0; at < c->len;) {
        if (ft_http_pauses(&s->outage, &s->sink, c, at)) {
            return;
        }
        at = ft__http_batch_add(s, c, at);
        if (at < c->len || ft__http_batch_is_full(s)) {
            send_batch(s);
        }
    }
}

static int http_write(struct ft_sink *sink, const struct ft_chunk *chunks, uint32_t *n)
{
    for (uint32_t i = 0; i < *n; i++) {
        write_chunk(http_of(sink), &chunks[i]);
    }
    return FT_OK;
}

static int http_flush(struct ft_sink *sink)
{
    send_batch(http_of(sink));
    return FT_OK;
}

static int http_tick(struct ft_sink *sink, int64_t *out_next_ms)
{
    struct http_sink *s = http_of(sink);
    int64_t left = s->begun_ms + s->linger_ms - ft_mono_ms();

    *out_next_ms = -1;
    if (ft_tally_events(&s->held) == 0) {
        return FT_OK;
    }
    if (left <= 0) {
        send_batch(s);
    } else {
        *out_next_ms = left;
    }
    return FT_OK;
}

static void http_give_up(struct ft_sink *sink)
{
    ft_http_give_up(http_of(sink)->client);
}

static int http_close(struct ft_sink *sink)
{
    struct http_sink *s = http_of(sink);

    ft__http_batch_fini(s);
    ft_http_free(s->client);
    ft_secret_forget(s->auth);
    ft_secret_forget(s->headers);
    ft_mem_free(s->text);
    ft_mem_free(s->format);
    ft_mem_free(s->url);
    ft_mem_free(s->into);
    ft_mem_free(s);
    return FT_OK;
}

/* ---- configuration ---- */

/* A word of a list of words. */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = list; p != NULL; p = strchr(p, ' ')) {
        p += *p == ' ';
        if (strncmp(p, word, len) == 0 && (p[len] == ' ' || p[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static int find_preset(struct http_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    const char *name = ft_output_url_get(url, "preset"), *into = ft_output_url_get(url, "into");

    s->preset = name != NULL ? ft_preset_find(name) : NULL;
    if (s->preset == NULL) {
        return into == NULL
                   ? FT_OK
                   : ft_err_set(err, FT_E_USAGE, "output %s: into= goes with preset=", url->text);
    }
    if (!has_word(s->preset->formats, url->format)) {
        return ft_err_set(err, FT_E_USAGE, "output %s: preset=%s takes %s", url->text, name,
                          s->preset->formats);
    }
    into = into != NULL ? into : s->preset->into;
    if (into == NULL) {
        return ft_err_set(err, FT_E_USAGE, "output %s: preset=%s needs into=NAME", url->text, name);
    }
    s->into = ft_mem_strdup(into);
    s->body.into = s->into;
    return s->into != NULL ? FT_OK
                           : ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
}

/* //HOST[:PORT][/PATH], what libcurl takes as it is. */
static bool valid_target(const char *target)
{
    size_t host = strncmp(target, "//", 2) == 0 ? strcspn(target + 2, "/?#") : 0;

    for (const char *p = target; *p != '\0'; p++) {
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *p == '#') {
            return false;
        }
    }
    return host > 0 && memchr(target, '@', host + 2) == NULL && target[2] != ':';
}

static int make_url(struct http_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    const char *host = url->target, *path;
    char usual[2 * FT_PRESET_INTO_MOST + 128] = "";
    size_t cap = strlen(host) + sizeof usual + 16;

    if (!valid_target(host)) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: write %s://HOST[:PORT]/PATH, without a user's name",
                          url->text, url->transport);
    }
    path = strpbrk(host + 2, "/?");
    if (s->preset != NULL && (path == NULL || strcmp(path, "/") == 0)) {
        const char *at = strstr(s->preset->path, "%s");

        snprintf(usual, sizeof usual, "%.*s%s%s",
                 (int)(at != NULL ? at - s->preset->path : (int)strlen(s->preset->path)),
                 s->preset->path, at != NULL ? s->into : "", at != NULL ? at + 2 : "");
    }
    s->url = ft_mem_alloc(1, cap);
    if (s->url == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    size_t len = strlen(host);

    snprintf(s->url, cap, "%s:%.*s%s", url->transport,
             (int)(len - (usual[0] != '\0' && host[len - 1] == '/')), host, usual);
    return FT_OK;
}

/* The header that carries a token. */
static int make_auth(struct http_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    const char *token = ft_output_url_get(url, "token");
    const char *head = s->preset != NULL ? s->preset->auth : "Authorization: Bearer ";
    struct ft_err why;
    char *secret;

    if (token == NULL) {
        return FT_OK;
    }
    int rc = ft_secret_read(token, &secret, &why);

    if (rc != FT_OK) {
        return ft_err_set(err, rc, "output %s: token=: %s", url->text, why.what);
    }
    size_t cap = strlen(head) + strlen(secret) + 1;

    if (strpbrk(secret, "\r\n") != NULL) {
        rc = ft_err_set(err, FT_E_USAGE, "output %s: token=: it is more than one line", url->text);
    } else if ((s->auth = ft_mem_alloc(1, cap)) == NULL) {
        rc = ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    } else {
        snprintf(s->auth, cap, "%s%s", head, secret);
    }
    ft_secret_forget(secret);
    return rc;
}

/* The lines of headers=. */
static int make_headers(struct http_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    const char *headers = ft_output_url_get(url, "headers");
    struct ft_err why;
    int n = 0, rc = headers != NULL ? ft_secret_read(headers, &s->headers, &why) : FT_OK;

    if (rc != FT_OK) {
        return ft_err_set(err, rc, "output %s: headers=: %s", url->text, why.what);
    }
    for (char *p = s->headers, *next; p != NULL; p = next) {
        next = strchr(p, '\n');
        if (next != NULL) {
            next[next > p && next[-1] == '\r' ? -1 : 0] = '\0';
            next++;
        }
        if (*p == '\0') {
            continue;
        }
        if (strchr(p, ':') == NULL || n == FT__HTTP_MORE) {
            return ft_err_set(err, FT_E_USAGE,
                              "output %s: headers=: at most %d lines NAME: VALUE are allowed",
                              url->text, FT__HTTP_MORE);
        }
        s->more[n++] = p;
    }
    return FT_OK;
}

static int make_client(struct http_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    struct ft_http_config cfg = {
        .url = url, .log = s->env.log, .moved = &s->sink.moved, .advice = advice};
    const char *password = ft_output_url_get(url, "password");
    struct ft_err why;
    char *user = NULL;
    int rc = password != NULL ? ft_secret_read(password, &user, &why) : FT_OK;

    if (rc != FT_OK) {
        return ft_err_set(err, rc, "output %s: password=: %s", url->text, why.what);
    }
    cfg.user = user;
    cfg.endless = s->spooled;
    if (user != NULL && strchr(user, ':') == NULL) {
        rc = ft_err_set(err, FT_E_USAGE, "output %s: password=: write USER:PASSWORD", url->text);
    } else if (user != NULL && s->auth != NULL) {
        rc = ft_err_set(err, FT_E_USAGE, "output %s: password= and token= exclude each other",
                        url->text);
    } else {
        rc = ft_http_new(&cfg, &s->client, err);
    }
    ft_secret_forget(user);
    return rc;
}

static int http_open(const struct ft_output_url *url, const struct ft_output_env *env,
                     struct ft_sink **out, struct ft_err *err)
{
    struct http_sink *s = ft_mem_alloc(1, sizeof *s);

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    s->sink.ops = strcmp(url->transport, "https") == 0 ? &ft_sink_https : &ft_sink_http;
    s->env = *env;
    s->fd = -1;
    s->spooled = env->spooled;
    s->body.producer = env->producer;
    if (env->log != NULL) {
        s->log = *env->log;
    }
    s->text = ft_mem_strdup(url->text);
    s->format = ft_mem_strdup(url->format);
    int rc = s->text == NULL || s->format == NULL
                 ? ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text)
             : env->sidecar != NULL
                 ? ft_err_set(err, FT_E_USAGE, "output %s: %s needs a file", url->text, url->format)
                 : find_preset(s, url, err);

    rc = rc == FT_OK ? make_url(s, url, err) : rc;
    rc = rc == FT_OK ? make_auth(s, url, err) : rc;
    rc = rc == FT_OK ? make_headers(s, url, err) : rc;
    rc = rc == FT_OK ? make_client(s, url, err) : rc;
    rc = rc == FT_OK ? ft__http_batch_init(s, url, err) : rc;
    if (rc != FT_OK) {
        http_close(&s->sink);
        return rc;
    }
    *out = &s->sink;
    return FT_OK;
}

#define HTTP_SINK(scheme, what)                                                                    \
    {                                                                                              \
        .name = scheme, .help = what,                                                              \
        .params = {&ft__http_params, &ft_http_params, &ft_tls_params, &ft__compress_params},       \
        .needs = FT_SANDBOX_NETWORK, .waits = true, .open = http_open, .write = http_write,        \
        .flush = http_flush, .tick = http_tick, .give_up = http_give_up, .close = http_close,      \
    }

const struct ft_sink_ops ft_sink_http = HTTP_SINK("http", "batches by POST: //HOST[:PORT]/PATH");
const struct ft_sink_ops ft_sink_https = HTTP_SINK("https", "the same through TLS");
