/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http: the client by libcurl; see client.h. */
#include "output/sink/http/client.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/units.h"
#include "base/wait.h"
#include "base/whole.h"
#include "output/sink/tls.h"

#ifdef FT_HAVE_CURL

#include <curl/curl.h>

enum {
    CONNECT_MS = 10000,
    TIMEOUT_MS = 30000,
    RETRY_MS = 5 * 60000,
    LAST_MS = 2000,
    PAUSE_MIN_MS = 200,
    PAUSE_MOST_MS = 30000,
    TOLD_MOST_MS = 10 * 60000, /* of Retry-After */
};

/* owner: the output's thread, but for gave_up and multi's wakeup */
struct ft_http {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers; /* of the request that is being made */
    struct ft_log log;
    char *name; /* of the output, for messages */
    const char *(*advice)(int status, const char *body);
    _Atomic uint64_t *moved;
    _Atomic bool gave_up;
    int64_t retry_ms;
    uint64_t random;
    bool failing; /* said */
    bool endless;
    /* the request that is being made */
    const struct ft_http_request *request;
    uint64_t sent, seen; /* bytes of its body that were read; that were told to moved */
    struct ft_http_reply reply;
    char *text; /* owned, [FT_HTTP_REPLY_MOST + 1], pages that are touched when needed */
    char error[CURL_ERROR_SIZE];
    const char *why; /* what to do about it; NULL: nothing is known */
};

/* ---- libcurl's callbacks ---- */

static size_t take_reply(char *data, size_t size, size_t n, void *cookie)
{
    struct ft_http *h = cookie;
    size_t room = FT_HTTP_REPLY_MOST - h->reply.len, len = size * n;

    len = len < room ? len : room;
    memcpy(h->text + h->reply.len, data, len);
    h->reply.len += len;
    return size * n; /* what is too much is read and thrown away */
}

static size_t take_header(char *data, size_t size, size_t n, void *cookie)
{
    static const char etag[] = "etag:";
    struct ft_http *h = cookie;
    size_t len = size * n, at = sizeof etag - 1;

    if (len <= at || strncasecmp(data, etag, at) != 0) {
        return len;
    }
    while (at < len && data[at] == ' ') {
        at++;
    }
    size_t end = len;

    while (end > at && (data[end - 1] == '\n' || data[end - 1] == '\r' || data[end - 1] == ' ')) {
        end--;
    }
    if (end - at < sizeof h->reply.etag) {
        memcpy(h->reply.etag, data + at, end - at);
        h->reply.etag[end - at] = '\0';
    }
    return len;
}

static size_t give_body(char *out, size_t size, size_t n, void *cookie)
{
    struct ft_http *h = cookie;
    const struct ft_http_request *r = h->request;
    uint64_t left = r->len - h->sent;
    size_t len = size * n < left ? size * n : (size_t)left;

    if (len == 0) {
        return 0;
    }
    ssize_t got = pread(r->fd, out, len, (off_t)(r->offset + h->sent));

    if (got <= 0) {
        return CURL_READFUNC_ABORT;
    }
    h->sent += (uint64_t)got;
    return (size_t)got;
}

static int seek_body(void *cookie, curl_off_t offset, int origin)
{
    struct ft_http *h = cookie;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > h->request->len) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    h->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int progress(void *cookie, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
                    curl_off_t ulnow)
{
    struct ft_http *h = cookie;
    uint64_t now = (uint64_t)(dlnow + ulnow);

    (void)dltotal, (void)ultotal;
    if (now > h->seen) {
        atomic_fetch_add_explicit(h->moved, now - h->seen, memory_order_relaxed);
        h->seen = now;
    }
    return 0;
}

/* ---- one attempt ---- */

static bool told_to_give_up(const struct ft_http *h)
{
    return atomic_load_explicit(&h->gave_up, memory_order_relaxed) &&
           (h->request == NULL || !h->request->last);
}

static int set_headers(struct ft_http *h, const struct ft_http_request *r)
{
    curl_slist_free_all(h->headers);
    h->headers = NULL;
    for (int i = 0; i < FT_HTTP_HEADERS_MOST && r->header[i] != NULL; i++) {
        struct curl_slist *more = curl_slist_append(h->headers, r->header[i]);

        if (more == NULL) {
            return FT_E_NOMEM;
        }
        h->headers = more;
    }
    return FT_OK;
}

static void set_method(struct ft_http *h, const struct ft_http_request *r)
{
    curl_easy_setopt(h->easy, CURLOPT_HTTPGET, 1L); /* what another request has left goes */
    if (strcmp(r->method, "HEAD") == 0) {
        curl_easy_setopt(h->easy, CURLOPT_NOBODY, 1L);
    } else if (r->body == NULL && r->len > 0) {
        curl_easy_setopt(h->easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(h->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->len);
    } else if (strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0) {
        curl_easy_setopt(h->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, r->body != NULL ? (const char *)r->body : "");
        curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->len);
    }
    curl_easy_setopt(h->easy, CURLOPT_CUSTOMREQUEST,
                     strcmp(r->method, "HEAD") == 0 ? NULL : r->method);
}

/* Runs what is set until it is over. FT_OK: *out is libcurl's result. */
static int run(struct ft_http *h, CURLcode *out)
{
    int running = 1, left, rc = FT_OK;

    if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK) {
        return FT_E_NOMEM;
    }
    while (running > 0 && rc == FT_OK) {
        if (told_to_give_up(h)) {
            rc = FT_E_INTERRUPTED;
        } else if (curl_multi_perform(h->multi, &running) != CURLM_OK) {
            rc = FT_E_NOMEM;
        } else if (running > 0) {
            curl_multi_poll(h->multi, NULL, 0, 1000, NULL);
        }
    }
    CURLMsg *m = rc == FT_OK ? curl_multi_info_read(h->multi, &left) : NULL;

    *out = m != NULL && m->msg == CURLMSG_DONE ? m->data.result : CURLE_ABORTED_BY_CALLBACK;
    curl_multi_remove_handle(h->multi, h->easy);
    return rc;
}

/* What to do about an attempt without a reply, or NULL. */
static const char *advice_for(const struct ft_http *h, const struct ft_http_request *r,
                              CURLcode result)
{
    const char *advice = ft_tls_advice(h->error);

    if (advice != NULL) {
        return advice;
    }
    if (result == CURLE_PEER_FAILED_VERIFICATION) {
        return "see ca= and verify=";
    }
    /* with TLS 1.3 who is not known is told so when the request is under way */
    return strncmp(r->url, "https:", 6) == 0 &&
                   (result == CURLE_SEND_ERROR || result == CURLE_RECV_ERROR)
               ? "if it asks for a certificate: see cert= and key="
               : NULL;
}

/* FT_OK: there was a reply. FT_E_IO: there was none; h->error tells. */
static int attempt(struct ft_http *h, const struct ft_http_request *r)
{
    CURLcode result;
    long status = 0;

    h->reply = (struct ft_http_reply){.body = h->text};
    h->sent = h->seen = 0;
    h->error[0] = '\0';
    int rc = set_headers(h, r);

    if (rc != FT_OK) {
        return rc;
    }
    set_method(h, r);
    curl_easy_setopt(h->easy, CURLOPT_URL, r->url);
    curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers);
    curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, (long)(r->last ? LAST_MS : 0));
    rc = run(h, &result);
    h->text[h->reply.len] = '\0';
    if (rc != FT_OK) {
        return rc;
    }
    if (result != CURLE_OK) {
        if (h->error[0] == '\0') {
            snprintf(h->error, sizeof h->error, "%s", curl_easy_strerror(result));
        }
        h->why = advice_for(h, r, result);
        return FT_E_IO;
    }
    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    h->reply.status = (int)status;
    return FT_OK;
}

/* ---- trying again ---- */

/* An answer after which the same request may go well. */
static bool is_passing(int status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

/* Refusals that the next request would meet, too. */
bool ft_http_refuses_all(int status)
{
    return status == 401 || status == 403 || status == 404 || status == 405 || status == 407 ||
           status / 100 == 3;
}

static bool is_good(const struct ft_http_request *r, int status)
{
    return (status >= 200 && status < 300) || (r->takes_404 && status == 404) ||
           (r->takes_refusal && status / 100 == 4 && !is_passing(status));
}

static uint64_t next_random(struct ft_http *h)
{
    h->random ^= h->random << 13;
    h->random ^= h->random >> 7;
    h->random ^= h->random << 17;
    return h->random;
}

/* Between half of it and all of it, so that many do not come back at once; what the other side asks
 * for at least. */
static int64_t pause_ms(struct ft_http *h, uint32_t failures)
{
    int64_t most = failures < 8 ? (int64_t)PAUSE_MIN_MS << failures : PAUSE_MOST_MS, told;
    curl_off_t after_s = 0;

    most = most < PAUSE_MOST_MS ? most : PAUSE_MOST_MS;
    int64_t ms = most / 2 + (int64_t)(next_random(h) % (uint64_t)(most / 2 + 1));

    if (h->reply.status != 0 &&
        curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &after_s) == CURLE_OK && after_s > 0) {
        told = after_s < TOLD_MOST_MS / 1000 ? (int64_t)after_s * 1000 : TOLD_MOST_MS;
        ms = ms < told ? told + ms : ms;
    }
    return ms;
}

/* FT_OK or FT_E_INTERRUPTED. */
static int wait_ms(struct ft_http *h, int64_t ms)
{
    int64_t until = ft_mono_ms() + ms, left;

    while (!told_to_give_up(h) && (left = until - ft_mono_ms()) > 0) {
        curl_multi_poll(h->multi, NULL, 0, (int)left, NULL);
    }
    return told_to_give_up(h) ? FT_E_INTERRUPTED : FT_OK;
}

/* The beginning of a reply, as one line. */
static const char *shorten(const char *body, char *out, size_t cap)
{
    size_t n = 0;

    for (; body[n] != '\0' && n + 1 < cap; n++) {
        out[n] = (unsigned char)body[n] < ' ' || body[n] == 0x7f ? ' ' : body[n];
    }
    out[n] = '\0';
    return out;
}

/* What went wrong, once. */
static void say_failure(struct ft_http *h, bool again)
{
    const char *advice = h->reply.status != 0 && h->advice != NULL
                             ? h->advice(h->reply.status, h->reply.body)
                             : NULL;
    char text[200];

    if (h->failing) {
        return;
    }
    h->failing = true;
    if (h->reply.status == 0) {
        ft_log(&h->log, FT_LOG_WARN, "%s: %s%s%s%s", h->name, h->error, h->why != NULL ? "; " : "",
               h->why != NULL ? h->why : "", again ? "; tried again, with growing pauses" : "");
        return;
    }
    ft_log(&h->log, again ? FT_LOG_WARN : FT_LOG_ERROR, "%s: the other side answers %d%s%s%s%s%s",
           h->name, h->reply.status, h->reply.len > 0 ? ": " : "",
           shorten(h->reply.body, text, sizeof text), advice != NULL ? "; " : "",
           advice != NULL ? advice : "", again ? "; tried again, with growing pauses" : "");
}

static void say_success(struct ft_http *h)
{
    if (h->failing) {
        ft_log(&h->log, FT_LOG_WARN, "%s: works again", h->name);
    }
    h->failing = false;
}

int ft_http_send(struct ft_http *h, const struct ft_http_request *r, struct ft_http_reply *out)
{
    int64_t until = ft_mono_ms() + h->retry_ms;
    uint32_t failures = 0;
    int rc;

    h->request = r;
    for (;;) {
        rc = told_to_give_up(h) ? FT_E_INTERRUPTED : attempt(h, r);
        if (rc != FT_OK && rc != FT_E_IO) {
            break;
        }
        if (rc == FT_OK && is_good(r, h->reply.status)) {
            say_success(h);
            break;
        }
        bool passing = rc == FT_E_IO || is_passing(h->reply.status) ||
                       (h->endless && ft_http_refuses_all(h->reply.status));
        int64_t ms = passing ? pause_ms(h, failures++) : 0;

        rc = passing ? FT_E_IO : FT_E_FORMAT;
        if (r->last) {
            break;
        }
        bool again = passing && ft_mono_ms() + ms < until;

        say_failure(h, again);
        if (!again) {
            break;
        }
        rc = wait_ms(h, ms);
        if (rc != FT_OK) {
            break;
        }
    }
    *out = h->reply;
    h->request = NULL;
    return rc;
}

int ft_http_wait(struct ft_http *h, uint32_t failures, int64_t since_ms)
{
    int64_t ms = pause_ms(h, failures);

    return ft_mono_ms() + ms - since_ms < h->retry_ms ? wait_ms(h, ms) : FT_E_IO;
}

void ft_http_give_up(struct ft_http *h)
{
    atomic_store_explicit(&h->gave_up, true, memory_order_relaxed);
    curl_multi_wakeup(h->multi);
}

/* ---- life ---- */

/* The file that a parameter names becomes one of libcurl's blobs. */
static int set_blob(struct ft_http *h, const struct ft_output_url *url, CURLoption option,
                    const char *path, struct ft_err *err)
{
    size_t len;
    char *text;
    int rc = ft_tls_read(url, path, &text, &len, err);

    if (rc != FT_OK) {
        return rc;
    }
    struct curl_blob blob = {.data = text, .len = len, .flags = CURL_BLOB_COPY};

    if (curl_easy_setopt(h->easy, option, &blob) != CURLE_OK) {
        rc = ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", h->name);
    }
    ft_whole_forget(text, len);
    return rc;
}

static int set_tls(struct ft_http *h, const struct ft_output_url *url, struct ft_err *err)
{
    struct ft_tls_files f;
    int rc = ft_tls_files_of(url, true, &f, err);

    if (rc == FT_OK && f.any) {
        curl_easy_setopt(h->easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(h->easy, CURLOPT_SSL_VERIFYHOST, 0L);
    } else if (rc == FT_OK) {
        f.ca = f.ca != NULL ? f.ca : ft_whole_authorities();
        rc = f.ca != NULL ? set_blob(h, url, CURLOPT_CAINFO_BLOB, f.ca, err) : FT_OK;
    }
    rc = rc == FT_OK ? ft_tls_fits(url, &f, err) : rc;
    if (rc == FT_OK && f.cert != NULL) {
        rc = set_blob(h, url, CURLOPT_SSLCERT_BLOB, f.cert, err);
        rc = rc == FT_OK ? set_blob(h, url, CURLOPT_SSLKEY_BLOB, f.key, err) : rc;
    }
    return rc;
}

static int64_t duration_ms(const struct ft_output_url *url, const char *key, int64_t usual_ms)
{
    const char *value = ft_output_url_get(url, key);
    int64_t ns;

    if (value == NULL || !ft_parse_duration(value, &ns)) {
        return usual_ms;
    }
    ns = ns < INT32_MAX * INT64_C(1000000) ? ns : INT32_MAX * INT64_C(1000000);
    return ns >= 1000000 ? ns / 1000000 : 1;
}

static void set_auth(struct ft_http *h, const struct ft_http_config *cfg)
{
    if (cfg->sign != NULL) {
        curl_easy_setopt(h->easy, CURLOPT_AWS_SIGV4, cfg->sign);
        curl_easy_setopt(h->easy, CURLOPT_USERPWD, cfg->sign_key);
    } else if (cfg->bearer != NULL) {
        curl_easy_setopt(h->easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(h->easy, CURLOPT_XOAUTH2_BEARER, cfg->bearer);
    } else if (cfg->user != NULL) {
        curl_easy_setopt(h->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(h->easy, CURLOPT_USERPWD, cfg->user);
    }
}

static void set_callbacks(struct ft_http *h)
{
    curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, take_reply);
    curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
    curl_easy_setopt(h->easy, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(h->easy, CURLOPT_READDATA, h);
    curl_easy_setopt(h->easy, CURLOPT_SEEKFUNCTION, seek_body);
    curl_easy_setopt(h->easy, CURLOPT_SEEKDATA, h);
    curl_easy_setopt(h->easy, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(h->easy, CURLOPT_XFERINFODATA, h);
    curl_easy_setopt(h->easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->error);
}

static int set_all(struct ft_http *h, const struct ft_http_config *cfg, struct ft_err *err)
{
    const char *proxy = ft_output_url_get(cfg->url, "proxy");

    curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(h->easy, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L);
    curl_easy_setopt(h->easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(h->easy, CURLOPT_UPLOAD_BUFFERSIZE, 256 * 1024L);
    curl_easy_setopt(h->easy, CURLOPT_USERAGENT, "flowtap/" FT_VERSION);
    set_callbacks(h);
    set_auth(h, cfg);
    if (proxy != NULL) {
        curl_easy_setopt(h->easy, CURLOPT_PROXY, strcmp(proxy, "none") == 0 ? "" : proxy);
    }
    curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_TIME,
                     (long)(duration_ms(cfg->url, "timeout", TIMEOUT_MS) + 999) / 1000);
    h->endless = cfg->endless;
    h->retry_ms = cfg->endless ? INT64_MAX / 4 : duration_ms(cfg->url, "retry", RETRY_MS);
    return set_tls(h, cfg->url, err);
}

int ft_http_new(const struct ft_http_config *cfg, struct ft_http **out, struct ft_err *err)
{
    struct ft_http *h = ft_mem_alloc(1, sizeof *h);

    if (h == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        ft_mem_free(h);
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", cfg->url->text);
    }
    h->name = ft_mem_strdup(cfg->url->text);
    h->text = ft_map_alloc_sparse(FT_HTTP_REPLY_MOST + 1);
    h->multi = curl_multi_init();
    h->easy = curl_easy_init();
    h->advice = cfg->advice;
    h->moved = cfg->moved;
    if (cfg->log != NULL) {
        h->log = *cfg->log;
    }
    if (getrandom(&h->random, sizeof h->random, GRND_NONBLOCK) != sizeof h->random) {
        h->random = (uint64_t)ft_mono_ms();
    }
    h->random |= 1;
    int rc = h->name != NULL && h->text != NULL && h->multi != NULL && h->easy != NULL
                 ? set_all(h, cfg, err)
                 : ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", cfg->url->text);

    if (rc != FT_OK) {
        ft_http_free(h);
        return rc;
    }
    *out = h;
    return FT_OK;
}

void ft_http_free(struct ft_http *h)
{
    if (h == NULL) {
        return;
    }
    curl_easy_cleanup(h->easy);
    curl_multi_cleanup(h->multi);
    curl_slist_free_all(h->headers);
    ft_map_free(h->text, FT_HTTP_REPLY_MOST + 1);
    ft_mem_free(h->name);
    ft_mem_free(h);
    curl_global_cleanup();
}

#else

int ft_http_new(const struct ft_http_config *cfg, struct ft_http **out, struct ft_err *err)
{
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED,
                      "output %s: this build lacks libcurl (libcurl4-openssl-dev)", cfg->url->text);
}

void ft_http_free(struct ft_http *h)
{
    (void)h;
}

int ft_http_send(struct ft_http *h, const struct ft_http_request *r, struct ft_http_reply *out)
{
    (void)h, (void)r, (void)out;
    return FT_E_UNSUPPORTED;
}

int ft_http_wait(struct ft_http *h, uint32_t failures, int64_t since_ms)
{
    (void)h, (void)failures, (void)since_ms;
    return FT_E_UNSUPPORTED;
}

bool ft_http_refuses_all(int status)
{
    (void)status;
    return false;
}

void ft_http_give_up(struct ft_http *h)
{
    (void)h;
}

#endif
