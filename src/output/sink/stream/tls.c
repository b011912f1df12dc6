/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/stream: TLS by OpenSSL, see stream_parts.h. */
#include "output/sink/stream/stream_parts.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#ifdef FT_HAVE_TLS

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* where a Debian keeps what it trusts, in one file: it is read before the file system goes */
#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

enum { LISTEN_MOST = 16 };

struct ft__tls_config {
    SSL_CTX *ctx;
    char *host;
};

struct ft__tls {
    SSL *ssl;
    char why[200];
};

static int wrong(const struct ft_output_url *url, struct ft_err *err, const char *key,
                 const char *value)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return ft_err_set(err, FT_E_USAGE, "output %s: %s=%s: %s", url->text, key, value,
                      why != NULL ? why : "cannot be used");
}

static int read_files(struct ft__tls_config *c, const struct ft_output_url *url, struct ft_err *err)
{
    const char *ca = ft_output_url_get(url, "ca"), *cert = ft_output_url_get(url, "cert");
    const char *key = ft_output_url_get(url, "key"), *verify = ft_output_url_get(url, "verify");

    if (ca != NULL && SSL_CTX_load_verify_locations(c->ctx, ca, NULL) != 1) {
        return wrong(url, err, "ca", ca);
    }
    if (ca == NULL && (access(SYSTEM_CA, R_OK) != 0 ||
                       SSL_CTX_load_verify_locations(c->ctx, SYSTEM_CA, NULL) != 1)) {
        SSL_CTX_set_default_verify_paths(c->ctx);
        ERR_clear_error();
    }
    if (cert != NULL && SSL_CTX_use_certificate_chain_file(c->ctx, cert) != 1) {
        return wrong(url, err, "cert", cert);
    }
    if (cert != NULL &&
        SSL_CTX_use_PrivateKey_file(c->ctx, key != NULL ? key : cert, SSL_FILETYPE_PEM) != 1) {
        return wrong(url, err, "key", key != NULL ? key : cert);
    }
    SSL_CTX_set_verify(
        c->ctx, verify != NULL && strcmp(verify, "false") == 0 ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
        NULL);
    return FT_OK;
}

int ft__tls_config_open(const struct ft_output_url *url, const char *host,
                        struct ft__tls_config **out, struct ft_err *err)
{
    struct ft__tls_config *c = ft_mem_alloc(1, sizeof *c);
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
        ft__tls_config_free(c);
        return rc;
    }
    *out = c;
    return FT_OK;
}

void ft__tls_config_free(struct ft__tls_config *c)
{
    if (c != NULL) {
        SSL_CTX_free(c->ctx);
        ft_mem_free(c->host);
        ft_mem_free(c);
    }
}

int ft__tls_start(struct ft__tls_config *c, int fd, struct ft__tls **out)
{
    struct ft__tls *t = ft_mem_alloc(1, sizeof *t);

    if (t == NULL) {
        return FT_E_NOMEM;
    }
    t->ssl = SSL_new(c->ctx);
    if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1) {
        ft__tls_end(t);
        return FT_E_NOMEM;
    }
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, c->host) != 1) { /* a name, then */
        SSL_set_tlsext_host_name(t->ssl, c->host);
        X509_VERIFY_PARAM_set1_host(param, c->host, 0);
    }
    ERR_clear_error();
    *out = t;
    return FT_OK;
}

/* What a call that did not succeed wants: FT_E_AGAIN, or the connection is over. */
static int wants(struct ft__tls *t, int got, short *out_events)
{
    switch (SSL_get_error(t->ssl, got)) {
    case SSL_ERROR_WANT_READ:
        *out_events = POLLIN;
        return FT_E_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        *out_events = POLLOUT;
        return FT_E_AGAIN;
    default:
        return FT_E_CLOSED;
    }
}

int ft__tls_shake(struct ft__tls *t, short *out_events, const char **out_why)
{
    ERR_clear_error();
    int got = SSL_connect(t->ssl), rc = got == 1 ? FT_OK : wants(t, got, out_events);
    long verify = SSL_get_verify_result(t->ssl);

    if (rc == FT_OK || rc == FT_E_AGAIN) {
        return rc;
    }
    const char *why = verify != X509_V_OK ? X509_verify_cert_error_string(verify)
                                          : ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    *out_why = why != NULL ? why : "the other side ended the connection while TLS began";
    return FT_E_IO;
}

long ft__tls_write(struct ft__tls *t, const void *data, size_t len, short *out_events)
{
    size_t taken = 0;

    ERR_clear_error();
    int got = SSL_write_ex(t->ssl, data, len, &taken);

    return got == 1 ? (long)taken : wants(t, got, out_events);
}

int ft__tls_listen(struct ft__tls *t)
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

uint64_t ft__tls_sent(struct ft__tls *t)
{
    return BIO_number_written(SSL_get_wbio(t->ssl));
}

void ft__tls_end(struct ft__tls *t)
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

int ft__tls_config_open(const struct ft_output_url *url, const char *host,
                        struct ft__tls_config **out, struct ft_err *err)
{
    (void)host;
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "output %s: this build lacks OpenSSL (libssl-dev)",
                      url->text);
}

void ft__tls_config_free(struct ft__tls_config *c)
{
    (void)c;
}

int ft__tls_start(struct ft__tls_config *c, int fd, struct ft__tls **out)
{
    (void)c;
    (void)fd;
    (void)out;
    return FT_E_UNSUPPORTED;
}

int ft__tls_shake(struct ft__tls *t, short *out_events, const char **out_why)
{
    (void)t;
    (void)out_events;
    *out_why = "built without OpenSSL";
    return FT_E_IO;
}

long ft__tls_write(struct ft__tls *t, const void *data, size_t len, short *out_events)
{
    (void)t;
    (void)data;
    (void)len;
    (void)out_events;
    return FT_E_IO;
}

int ft__tls_listen(struct ft__tls *t)
{
    (void)t;
    return FT_E_CLOSED;
}

uint64_t ft__tls_sent(struct ft__tls *t)
{
    (void)t;
    return 0;
}

void ft__tls_end(struct ft__tls *t)
{
    (void)t;
}

#endif
