/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: TLS and DTLS by OpenSSL, see secure.h. */
#include "source/udp/secure.h"

#include <string.h>

#ifdef FT_HAVE_TLS

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/pem.h"
#include "base/whole.h"

enum {
    FILE_MOST = 1 << 20,
    DATAGRAM_MOST = 1400, /* of ours */
    SECRET_LEN = 32,
    COOKIE_LEN = 32,
    COOKIE_EPOCH_S = 60, /* a cookie is good for one to two of them */
};

struct ft__secure {
    uint32_t users; /* the address, and its sessions */
    SSL_CTX *ctx;
    BIO_METHOD *method;         /* DTLS */
    uint8_t secret[SECRET_LEN]; /* of cookies */
    bool datagrams, verify;
    char peers[FT__LISTEN_TEXT];
};

struct ft__session {
    struct ft__secure *secure;
    SSL *ssl;
    struct ft_peer peer;
    const char *unfit; /* what is wrong with its certificate besides what OpenSSL finds; or NULL */
    /* DTLS: */
    int fd;
    struct sockaddr_storage to;
    const uint8_t *data; /* the datagram that is worked on; NULL: it was read */
    size_t len;
    int64_t now_s;
};

/* ---- files ---- */

static int wrong(const char *url, const char *name, const char *path, struct ft_err *err)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return ft_err_set(err, FT_E_USAGE, "listen: '%.80s': %s=%.100s: %s", url, name, path,
                      why != NULL ? why : "cannot be used");
}

/* Whom we believe; their names are told to who has to choose among certificates. */
static bool use_authorities(SSL_CTX *ctx, const char *text, size_t len)
{
    return ft_pem_authorities(ctx, text, len) && ft_pem_names(ctx, text, len);
}

static int use_file(struct ft__secure *s, const char *url, const char *name, const char *path,
                    bool (*use)(SSL_CTX *ctx, const char *text, size_t len), struct ft_err *err)
{
    size_t len = 0;
    char *text = ft_whole_read(path, FILE_MOST, &len);

    if (text == NULL) {
        return ft_err_set(err, FT_E_IO, "listen: '%.80s': %s=%.100s: %s", url, name, path,
                          strerror(errno));
    }
    int rc = use(s->ctx, text, len) ? FT_OK : wrong(url, name, path, err);

    ft_whole_forget(text, len);
    return rc;
}

/* ---- whose certificate it is ---- */

static struct ft__session *session_of(SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

/* One of peers=, "" ends it. */
static bool fits(X509 *x, const char *name, size_t len, const struct ft_peer *peer)
{
    char text[FT__LISTEN_TEXT];

    if (len == 6 && memcmp(name, "sender", 6) == 0) {
        return X509_check_ip(x, peer->addr, peer->ip_version == 4 ? 4 : 16, 0) == 1;
    }
    snprintf(text, sizeof text, "%.*s", (int)len, name);
    return X509_check_ip_asc(x, text, 0) == 1 || X509_check_host(x, text, 0, 0, NULL) == 1;
}

static bool named(X509 *x, const char *peers, const struct ft_peer *peer)
{
    while (*peers != '\0') {
        size_t len = strcspn(peers, ",");

        if (len > 0 && fits(x, peers, len, peer)) {
            return true;
        }
        peers += len + (peers[len] == ',');
    }
    return false;
}

static int on_verify(int good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct ft__session *t = session_of(ssl);

    if (good != 1 || X509_STORE_CTX_get_error_depth(store) > 0 || t->secure->peers[0] == '\0') {
        return good;
    }
    if (named(X509_STORE_CTX_get_current_cert(store), t->secure->peers, &t->peer)) {
        return 1;
    }
    t->unfit = "its certificate has none of the names and addresses of peers=";
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

/* ---- cookies (RFC 6347 §4.2.1): nothing is kept of a sender until it has shown its address ----
 */

static void make_cookie(const struct ft__session *t, int64_t epoch, uint8_t out[COOKIE_LEN])
{
    struct {
        int64_t epoch;
        uint8_t addr[16];
        uint16_t port, version;
    } of;
    unsigned len = COOKIE_LEN;

    memset(&of, 0, sizeof of);
    of.epoch = epoch;
    memcpy(of.addr, t->peer.addr, sizeof of.addr);
    of.port = t->peer.port;
    of.version = t->peer.ip_version;
    HMAC(EVP_sha256(), t->secure->secret, SECRET_LEN, (const void *)&of, sizeof of, out, &len);
}

static int on_cookie_make(SSL *ssl, unsigned char *cookie, unsigned *len)
{
    const struct ft__session *t = session_of(ssl);

    make_cookie(t, t->now_s / COOKIE_EPOCH_S, cookie);
    *len = COOKIE_LEN;
    return 1;
}

static int on_cookie_verify(SSL *ssl, const unsigned char *cookie, unsigned len)
{
    const struct ft__session *t = session_of(ssl);
    int64_t epoch = t->now_s / COOKIE_EPOCH_S;
    uint8_t want[COOKIE_LEN];

    for (int64_t e = epoch; e >= epoch - 1 && len == COOKIE_LEN; e--) {
        make_cookie(t, e, want);
        if (CRYPTO_memcmp(want, cookie, COOKIE_LEN) == 0) {
            return 1;
        }
    }
    return 0;
}

/* ---- DTLS: what OpenSSL reads and writes is a datagram at a time ---- */

static int bio_write(BIO *bio, const char *data, int len)
{
    struct ft__session *t = BIO_get_data(bio);
    struct iovec iov = {.iov_base = (char *)(uintptr_t)data, .iov_len = (size_t)len};
    struct msghdr m = {.msg_name = &t->to,
                       .msg_namelen = t->to.ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                                                 : sizeof(struct sockaddr_in6),
                       .msg_iov = &iov,
                       .msg_iovlen = 1};

    BIO_clear_retry_flags(bio);
    ft_ignore(sendmsg(t->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL)); /* else it is lost, as on the way */
    return len;
}

static int bio_read(BIO *bio, char *out, int room)
{
    struct ft__session *t = BIO_get_data(bio);
    int n = t->len < (size_t)room ? (int)t->len : room;

    BIO_clear_retry_flags(bio);
    if (t->data == NULL) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, t->data, (size_t)n);
    t->data = NULL;
    return n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio, (void)num, (void)ptr;
    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return DATAGRAM_MOST;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return 48;
    default:
        return 0;
    }
}

static BIO_METHOD *make_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_DGRAM, "datagrams of a session");

    if (m != NULL && (BIO_meth_set_write(m, bio_write) != 1 ||
                      BIO_meth_set_read(m, bio_read) != 1 || BIO_meth_set_ctrl(m, bio_ctrl) != 1)) {
        BIO_meth_free(m);
        return NULL;
    }
    return m;
}

/* ---- the settings of an address ---- */

static bool prepare(struct ft__secure *s)
{
    if (SSL_CTX_set_min_proto_version(s->ctx, s->datagrams ? DTLS1_2_VERSION : TLS1_2_VERSION) !=
        1) {
        return false;
    }
    SSL_CTX_set_options(s->ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_QUERY_MTU);
    SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(s->ctx, 0);
    SSL_CTX_set_mode(s->ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(
        s->ctx, s->verify ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE,
        on_verify);
    if (!s->datagrams) {
        return true;
    }
    SSL_CTX_set_cookie_generate_cb(s->ctx, on_cookie_make);
    SSL_CTX_set_cookie_verify_cb(s->ctx, on_cookie_verify);
    s->method = make_method();
    return s->method != NULL && RAND_bytes(s->secret, SECRET_LEN) == 1;
}

int ft__secure_open(const char *url, const struct ft__listen *l, struct ft__secure **out,
                    struct ft_err *err)
{
    struct ft__secure *s = ft_mem_alloc(1, sizeof *s);
    const char *key = l->key[0] != '\0' ? l->key : l->cert;
    int rc = FT_OK;

    if (s != NULL) {
        s->users = 1;
        s->datagrams = l->transport == FT__LISTEN_DTLS;
        s->verify = l->verify;
        memcpy(s->peers, l->peers, sizeof s->peers);
        s->ctx = SSL_CTX_new(s->datagrams ? DTLS_server_method() : TLS_server_method());
    }
    if (s == NULL || s->ctx == NULL || !prepare(s)) {
        ft__secure_free(s);
        ERR_clear_error();
        return ft_err_set(err, FT_E_NOMEM, "listen: '%.100s': OpenSSL cannot be set up", url);
    }
    rc = use_file(s, url, "cert", l->cert, ft_pem_chain, err);
    rc = rc == FT_OK ? use_file(s, url, "key", key, ft_pem_key, err) : rc;
    if (rc == FT_OK && l->verify) {
        rc = use_file(s, url, "ca", l->ca, use_authorities, err);
    }
    if (rc != FT_OK) {
        ft__secure_free(s);
        return rc;
    }
    *out = s;
    return FT_OK;
}

void ft__secure_free(struct ft__secure *s)
{
    if (s != NULL && --s->users == 0) {
        SSL_CTX_free(s->ctx);
        BIO_meth_free(s->method);
        ft_whole_forget((char *)s, sizeof *s);
    }
}

/* ---- sessions ---- */

static struct ft__session *new_session(struct ft__secure *s)
{
    struct ft__session *t = ft_mem_alloc(1, sizeof *t);

    if (t == NULL) {
        return NULL;
    }
    t->secure = s;
    s->users++;
    t->ssl = SSL_new(s->ctx);
    if (t->ssl == NULL || SSL_set_app_data(t->ssl, t) != 1) {
        ft__session_end(t);
        return NULL;
    }
    SSL_set_accept_state(t->ssl);
    return t;
}

int ft__session_start(struct ft__secure *s, int fd, const struct ft_peer *peer,
                      struct ft__session **out)
{
    struct ft__session *t = new_session(s);

    if (t == NULL || SSL_set_fd(t->ssl, fd) != 1) {
        ft__session_end(t);
        ERR_clear_error();
        return FT_E_NOMEM;
    }
    t->peer = *peer;
    *out = t;
    return FT_OK;
}

int ft__session_start_datagrams(struct ft__secure *s, int fd, struct ft__session **out)
{
    struct ft__session *t = new_session(s);
    BIO *bio = t != NULL ? BIO_new(s->method) : NULL;

    if (bio == NULL) {
        ft__session_end(t);
        ERR_clear_error();
        return FT_E_NOMEM;
    }
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_mtu(t->ssl, DATAGRAM_MOST);
    SSL_set_options(t->ssl, SSL_OP_COOKIE_EXCHANGE);
    t->fd = fd;
    *out = t;
    return FT_OK;
}

void ft__session_end(struct ft__session *t)
{
    if (t == NULL) {
        return;
    }
    if (t->ssl != NULL && SSL_is_init_finished(t->ssl)) {
        SSL_shutdown(t->ssl); /* nobody waits for the answer */
        ERR_clear_error();
    }
    SSL_free(t->ssl);
    ft__secure_free(t->secure);
    ft_mem_free(t);
}

void ft__session_feed(struct ft__session *t, const struct sockaddr_storage *from,
                      const struct ft_peer *peer, const uint8_t *data, size_t len)
{
    t->to = *from;
    t->peer = *peer;
    t->data = data;
    t->len = len;
}

int ft__session_listen(struct ft__session *t, int64_t now_ns)
{
    BIO_ADDR *nobody = BIO_ADDR_new();
    int rc = -1;

    t->now_s = now_ns / 1000000000;
    if (nobody != NULL) {
        ERR_clear_error();
        rc = DTLSv1_listen(t->ssl, nobody);
        ERR_clear_error();
    }
    BIO_ADDR_free(nobody);
    t->data = NULL;
    return rc == 1 ? FT_OK : FT_E_AGAIN;
}

/* Why a handshake failed. */
static void tell(struct ft__session *t, int error, char why[FT__SECURE_WHY])
{
    long verify = SSL_get_verify_result(t->ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    if (t->unfit != NULL) {
        snprintf(why, FT__SECURE_WHY, "%s", t->unfit);
    } else if (verify != X509_V_OK) {
        snprintf(why, FT__SECURE_WHY, "its certificate: %s", X509_verify_cert_error_string(verify));
    } else if (reason != NULL) {
        snprintf(why, FT__SECURE_WHY, "%s", reason);
    } else {
        snprintf(why, FT__SECURE_WHY, "it ended the connection while the handshake was under way%s",
                 error == SSL_ERROR_SSL ? ", badly" : "");
    }
    ERR_clear_error();
}

int ft__session_shake(struct ft__session *t, short *out_events, char why[FT__SECURE_WHY])
{
    int got, error;

    ERR_clear_error();
    got = SSL_accept(t->ssl);
    t->data = NULL;
    error = got == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, got);
    *out_events = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
    if (error == SSL_ERROR_NONE) {
        return FT_OK;
    }
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return FT_E_AGAIN;
    }
    tell(t, error, why);
    return FT_E_CLOSED;
}

void ft__session_again(struct ft__session *t)
{
    ERR_clear_error();
    DTLSv1_handle_timeout(t->ssl);
    ERR_clear_error();
}

long ft__session_read(struct ft__session *t, uint8_t *to, size_t room)
{
    size_t at = 0, n = 0;
    int got = 1, error;

    ERR_clear_error();
    while (at < room && (got = SSL_read_ex(t->ssl, to + at, room - at, &n)) == 1) {
        at += n;
        if (t->secure->datagrams) {
            break;
        }
    }
    t->data = NULL;
    if (at > 0) {
        return (long)at; /* what is wrong behind it, the next call finds */
    }
    error = SSL_get_error(t->ssl, got);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

#else

int ft__secure_open(const char *url, const struct ft__listen *l, struct ft__secure **out,
                    struct ft_err *err)
{
    (void)l;
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED,
                      "listen: '%.100s': this build lacks OpenSSL (libssl-dev)", url);
}

void ft__secure_free(struct ft__secure *s)
{
    (void)s;
}

int ft__session_start(struct ft__secure *s, int fd, const struct ft_peer *peer,
                      struct ft__session **out)
{
    (void)s, (void)fd, (void)peer, (void)out;
    return FT_E_UNSUPPORTED;
}

int ft__session_start_datagrams(struct ft__secure *s, int fd, struct ft__session **out)
{
    (void)s, (void)fd, (void)out;
    return FT_E_UNSUPPORTED;
}

void ft__session_end(struct ft__session *t)
{
    (void)t;
}

void ft__session_feed(struct ft__session *t, const struct sockaddr_storage *from,
                      const struct ft_peer *peer, const uint8_t *data, size_t len)
{
    (void)t, (void)from, (void)peer, (void)data, (void)len;
}

int ft__session_listen(struct ft__session *t, int64_t now_ns)
{
    (void)t, (void)now_ns;
    return FT_E_AGAIN;
}

int ft__session_shake(struct ft__session *t, short *out_events, char why[FT__SECURE_WHY])
{
    (void)t, (void)out_events;
    why[0] = '\0';
    return FT_E_CLOSED;
}

void ft__session_again(struct ft__session *t)
{
    (void)t;
}

long ft__session_read(struct ft__session *t, uint8_t *to, size_t room)
{
    (void)t, (void)to, (void)room;
    return -1;
}

#endif
