/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: TLS by OpenSSL, see tls.h. */
#include "output/sink/tls.h"

#include <poll.h>
#include <string.h>

#include "base/mem.h"
#include "base/pem.h"
#include "base/wait.h"
#include "base/whole.h"

#ifdef FT_HAVE_TLS

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum {
    LISTEN_MOST = 16,
    STEP_MS = 100,
    LATE = 1,         /* the time is over; no error of the project's */
    REFUSAL_MS = 500, /* a refusal of our certificate is waited for; at the end there is 1 s */
};

struct ft_tls_config {
    SSL_CTX *ctx;
    char *host;
};

struct ft_tls {
    SSL *ssl;
    const char *why; /* static: what the other side, or OpenSSL, said at the end */
    bool asked;      /* for our certificate */
};

static int wrong(const struct ft_output_url *url, struct ft_err *err, const char *key,
                 const char *value)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return ft_err_set(err, FT_E_USAGE, "output %s: %s=%s: %s", url->text, key, value,
                      why != NULL ? why : "cannot be used");
}

/* What a file holds goes where it belongs; name: its parameter. */
static int from_file(struct ft_tls_config *c, const struct ft_output_url *url, const char *name,
                     const char *path, bool (*take)(SSL_CTX *ctx, const char *text, size_t len),
                     struct ft_err *err)
{
    size_t len = 0;
    char *text;
    int rc = ft_tls_read(url, path, &text, &len, err);

    if (rc == FT_OK && !take(c->ctx, text, len)) {
        rc = wrong(url, err, name, path);
    }
    ft_whole_forget(text, len);
    return rc;
}

/* All of them, before the file system goes. */
static int read_files(struct ft_tls_config *c, const struct ft_output_url *url, struct ft_err *err)
{
    struct ft_tls_files f;
    int rc = ft_tls_files_of(url, true, &f, err);

    if (rc != FT_OK) {
        return rc;
    }
    const char *ca = f.ca != NULL ? f.ca : ft_whole_authorities();

    if (ca != NULL) {
        rc = from_file(c, url, "ca", ca, ft_pem_authorities, err);
    }
    if (ca == NULL || (rc != FT_OK && f.ca == NULL)) {
        SSL_CTX_set_default_verify_paths(c->ctx);
        ERR_clear_error();
        rc = FT_OK;
    }
    if (rc == FT_OK && f.cert != NULL) {
        rc = from_file(c, url, "cert", f.cert, ft_pem_chain, err);
        rc = rc == FT_OK ? from_file(c, url, "key", f.key, ft_pem_key, err) : rc;
    }
    SSL_CTX_set_verify(c->ctx, f.any ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    return rc;
}

int ft_tls_config_open(const struct ft_output_url *url, const char *host,
                       struct ft_tls_config **out, struct ft_err *err)
{
    struct ft_tls_config *c = ft_mem_alloc(1, sizeof *c);
    int rc = FT_E_NOMEM;

    if (c != NULL) {
        c->host = ft_mem_strdup(host);
        c->ctx = SSL_CTX_new(TLS_client_method());
    }
    if (c == NULL || c->host == NULL || c->ctx == NULL) {
        ft_err_set(err, rc, "output %s: out of memory", url->text);
    } else {
        SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION);
        SSL_CTX_set_mode(c->ctx,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        rc = read_files(c, url, err);
    }
    if (rc != FT_OK) {
        ft_tls_config_free(c);
        return rc;
    }
    *out = c;
    return FT_OK;
}

void ft_tls_config_free(struct ft_tls_config *c)
{
    if (c != NULL) {
        SSL_CTX_free(c->ctx);
        ft_mem_free(c->host);
        ft_mem_free(c);
    }
}

/* Called when the server asks for our certificate; what there is of it is in the context. */
static int note_asked(SSL *ssl, void *cookie)
{
    struct ft_tls *t = SSL_get_app_data(ssl);

    (void)cookie;
    t->asked = true;
    return 1;
}

static int start(struct ft_tls_config *c, int fd, struct ft_tls **out)
{
    struct ft_tls *t = ft_mem_alloc(1, sizeof *t);

    if (t == NULL) {
        return FT_E_NOMEM;
    }
    t->ssl = SSL_new(c->ctx);
    if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1) {
        ft_tls_end(t);
        return FT_E_NOMEM;
    }
    SSL_set_app_data(t->ssl, t);
    SSL_set_cert_cb(t->ssl, note_asked, NULL);
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);

    bool named = X509_VERIFY_PARAM_set1_ip_asc(param, c->host) == 1;

    if (!named) { /* a name, then; without it any certificate would do */
        named = SSL_set_tlsext_host_name(t->ssl, c->host) == 1 &&
                X509_VERIFY_PARAM_set1_host(param, c->host, 0) == 1;
    }
    ERR_clear_error();
    if (!named) {
        ft_tls_end(t);
        return FT_E_NOMEM;
    }
    *out = t;
    return FT_OK;
}

/* What a call that did not succeed wants: FT_E_AGAIN, or the connection is over. */
static int wants(struct ft_tls *t, int got, short *out_events)
{
    switch (SSL_get_error(t->ssl, got)) {
    case SSL_ERROR_WANT_READ:
        *out_events = POLLIN;
        return FT_E_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        *out_events = POLLOUT;
        return FT_E_AGAIN;
    default:
        t->why = ERR_reason_error_string(ERR_peek_last_error());
        return FT_E_CLOSED;
    }
}

/* One step of the beginning. FT_OK, FT_E_AGAIN with *out_events, FT_E_IO: why says it. */
static int shake(struct ft_tls *t, short *out_events)
{
    ERR_clear_error();
    int got = SSL_connect(t->ssl), rc = got == 1 ? FT_OK : wants(t, got, out_events);
    long verify = SSL_get_verify_result(t->ssl);

    if (rc == FT_OK || rc == FT_E_AGAIN) {
        return rc;
    }
    if (verify != X509_V_OK && (SSL_get_verify_mode(t->ssl) & SSL_VERIFY_PEER) != 0) {
        t->why = X509_verify_cert_error_string(verify);
    }
    t->why = t->why != NULL ? t->why : "the other side ended the connection while TLS began";
    ERR_clear_error();
    return FT_E_IO;
}

/* Whether the server has said something behind the handshake: tickets when it took our certificate,
 * an alert when not. FT_OK, FT_E_AGAIN, FT_E_IO. */
static int confirmed(struct ft_tls *t, uint64_t before, short *out_events)
{
    char byte;
    size_t n;

    ERR_clear_error();
    int got = SSL_peek_ex(t->ssl, &byte, 1, &n), rc = got == 1 ? FT_OK : wants(t, got, out_events);

    if (rc == FT_E_AGAIN && BIO_number_read(SSL_get_rbio(t->ssl)) > before) {
        return FT_OK;
    }
    return rc == FT_E_CLOSED ? FT_E_IO : rc;
}

static int wait_step(struct ft_receiver *r, int fd, short events, int64_t until)
{
    int64_t left = until - ft_mono_ms();
    int rc = left > 0 ? ft_receiver_wait(r, fd, events, left < STEP_MS ? left : STEP_MS) : LATE;

    return rc == FT_E_AGAIN ? FT_OK : rc;
}

int ft_tls_begin(struct ft_tls_config *c, int fd, struct ft_receiver *r, int timeout_ms,
                 struct ft_tls **out)
{
    int64_t until = ft_mono_ms() + timeout_ms;
    short events = 0;
    int rc = start(c, fd, out), step;

    if (rc != FT_OK) {
        ft_receiver_why(r, "no memory for TLS", NULL);
        return FT_E_IO;
    }
    do {
        step = shake(*out, &events);
        rc = step == FT_E_AGAIN ? wait_step(r, fd, events, until) : step;
    } while (step == FT_E_AGAIN && rc == FT_OK);
    if (rc == FT_OK && (*out)->asked && SSL_version((*out)->ssl) == TLS1_3_VERSION) {
        uint64_t before = BIO_number_read(SSL_get_rbio((*out)->ssl));

        until = ft_mono_ms() + REFUSAL_MS;
        do {
            step = confirmed(*out, before, &events);
            rc = step == FT_E_AGAIN ? wait_step(r, fd, events, until) : step;
        } while (step == FT_E_AGAIN && rc == FT_OK);
        rc = rc == LATE ? FT_OK : rc; /* it does not confirm */
    }
    if (rc == FT_OK || rc == FT_E_INTERRUPTED) {
        return rc;
    }
    const char *why = rc == LATE ? "TLS did not begin in time" : (*out)->why;

    why = why != NULL ? why : "the other side ended the connection while TLS began";
    ft_receiver_why(r, why, ft_tls_advice(why));
    return FT_E_IO;
}

long ft_tls_write(struct ft_tls *t, const void *data, size_t len, short *out_events)
{
    size_t taken = 0;

    ERR_clear_error();
    int got = SSL_write_ex(t->ssl, data, len, &taken);

    return got == 1 ? (long)taken : wants(t, got, out_events);
}

long ft_tls_hear(struct ft_tls *t, void *out, size_t len, short *out_events)
{
    size_t n = 0;

    ERR_clear_error();
    int got = SSL_read_ex(t->ssl, out, len, &n);

    return got == 1 ? (long)n : wants(t, got, out_events);
}

int ft_tls_listen(struct ft_tls *t)
{
    char told[4096];
    size_t n = 0;
    short events;
    int got, turns = 0;

    ERR_clear_error();
    do { /* tickets and alerts; what else comes is not for us */
        got = SSL_read_ex(t->ssl, told, sizeof told, &n);
    } while (got == 1 && ++turns < LISTEN_MOST);
    if (got == 1) {
        return FT_OK; /* who talks without end does not keep us from sending */
    }
    return wants(t, got, &events) == FT_E_AGAIN ? FT_OK : FT_E_CLOSED;
}

const char *ft_tls_why(struct ft_tls *t)
{
    if (t->why == NULL) { /* a write that failed does not know what there is to be read */
        ft_ignore(ft_tls_listen(t));
    }
    return t->why;
}

uint64_t ft_tls_sent(struct ft_tls *t)
{
    return BIO_number_written(SSL_get_wbio(t->ssl));
}

void ft_tls_end(struct ft_tls *t)
{
    if (t != NULL) {
        if (t->ssl != NULL && SSL_is_init_finished(t->ssl)) {
            SSL_shutdown(t->ssl); /* a word of farewell; nobody waits for the answer */
            ERR_clear_error();
        }
        SSL_free(t->ssl);
        ft_mem_free(t);
    }
}

#else

int ft_tls_config_open(const struct ft_output_url *url, const char *host,
                       struct ft_tls_config **out, struct ft_err *err)
{
    (void)host;
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "output %s: this build lacks OpenSSL (libssl-dev)",
                      url->text);
}

void ft_tls_config_free(struct ft_tls_config *c)
{
    (void)c;
}

int ft_tls_begin(struct ft_tls_config *c, int fd, struct ft_receiver *r, int timeout_ms,
                 struct ft_tls **out)
{
    (void)c, (void)fd, (void)timeout_ms, (void)out;
    ft_receiver_why(r, "built without OpenSSL", NULL);
    return FT_E_IO;
}

long ft_tls_write(struct ft_tls *t, const void *data, size_t len, short *out_events)
{
    (void)t;
    (void)data;
    (void)len;
    (void)out_events;
    return FT_E_IO;
}

long ft_tls_hear(struct ft_tls *t, void *out, size_t len, short *out_events)
{
    (void)t, (void)out, (void)len, (void)out_events;
    return FT_E_CLOSED;
}

int ft_tls_listen(struct ft_tls *t)
{
    (void)t;
    return FT_E_CLOSED;
}

const char *ft_tls_why(struct ft_tls *t)
{
    (void)t;
    return NULL;
}

uint64_t ft_tls_sent(struct ft_tls *t)
{
    (void)t;
    return 0;
}

void ft_tls_end(struct ft_tls *t)
{
    (void)t;
}

#endif
