/* SPDX-License-Identifier: Apache-2.0 */
/* base: PEM into OpenSSL, see pem.h. */
#include "base/pem.h"

#include <errno.h>
#include <string.h>

#include "base/whole.h"

enum { FILE_MOST = 8 << 20 };

int ft_pem_read(const char *path, char **out, size_t *out_len, const char **out_why)
{
    *out = ft_whole_read(path, FILE_MOST, out_len);
    if (*out == NULL) {
        *out_why = strerror(errno);
        return errno == ENOMEM ? FT_E_NOMEM : FT_E_USAGE;
    }
    if (strstr(*out, "-----BEGIN ") == NULL) {
        ft_whole_forget(*out, *out_len);
        *out = NULL;
        *out_why = "there is nothing in it in PEM";
        return FT_E_USAGE;
    }
    return FT_OK;
}

#ifdef FT_HAVE_TLS

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

/* It would be asked of a terminal. */
static int no_password(char *out, int cap, int rw, void *cookie)
{
    (void)out, (void)cap, (void)rw, (void)cookie;
    return -1;
}

/* Whether reading certificates came to the end of the text, not to one that is damaged. */
static bool at_end(void)
{
    unsigned long last = ERR_peek_last_error();
    bool end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;

    if (end) {
        ERR_clear_error();
    }
    return end;
}

/* Does something with a certificate, which it may keep by a reference of its own. */
typedef bool take_fn(SSL_CTX *ctx, X509 *x, unsigned n);

static bool each(SSL_CTX *ctx, const char *text, size_t len, take_fn *take)
{
    BIO *pem = BIO_new_mem_buf(text, (int)len);
    bool good = pem != NULL;
    unsigned n = 0;
    X509 *x;

    ERR_clear_error();
    while (good && (x = PEM_read_bio_X509_AUX(pem, NULL, no_password, NULL)) != NULL) {
        good = take(ctx, x, n++);
        X509_free(x);
    }
    good = good && n > 0 && at_end();
    BIO_free(pem);
    return good;
}

static bool add_authority(SSL_CTX *ctx, X509 *x, unsigned n)
{
    (void)n;
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x) == 1;
}

static bool add_name(SSL_CTX *ctx, X509 *x, unsigned n)
{
    (void)n;
    return SSL_CTX_add_client_CA(ctx, x) == 1;
}

static bool add_link(SSL_CTX *ctx, X509 *x, unsigned n)
{
    return (n == 0 ? SSL_CTX_use_certificate(ctx, x) : SSL_CTX_add1_chain_cert(ctx, x)) == 1;
}

bool ft_pem_authorities(SSL_CTX *ctx, const char *text, size_t len)
{
    return each(ctx, text, len, add_authority);
}

bool ft_pem_names(SSL_CTX *ctx, const char *text, size_t len)
{
    return each(ctx, text, len, add_name);
}

bool ft_pem_chain(SSL_CTX *ctx, const char *text, size_t len)
{
    return each(ctx, text, len, add_link);
}

bool ft_pem_key(SSL_CTX *ctx, const char *text, size_t len)
{
    BIO *pem = BIO_new_mem_buf(text, (int)len);

    ERR_clear_error();
    EVP_PKEY *key = pem != NULL ? PEM_read_bio_PrivateKey(pem, NULL, no_password, NULL) : NULL;
    /* of another kind than the certificate's it is taken and never used, unless that is asked */
    bool good =
        key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;

    EVP_PKEY_free(key);
    BIO_free(pem);
    return good;
}

bool ft_pem_unfit(const char *cert, size_t cert_len, const char *key, size_t key_len,
                  const char **out_why)
{
    SSL_CTX *ctx = strstr(key, "ENCRYPTED") == NULL ? SSL_CTX_new(TLS_client_method()) : NULL;

    if (ctx == NULL) {
        return false;
    }
    bool unfit = !ft_pem_chain(ctx, cert, cert_len) || !ft_pem_key(ctx, key, key_len);
    const char *why = ERR_reason_error_string(ERR_peek_last_error());

    *out_why = why != NULL ? why : "cannot be used";
    ERR_clear_error();
    SSL_CTX_free(ctx);
    return unfit;
}

#else

bool ft_pem_unfit(const char *cert, size_t cert_len, const char *key, size_t key_len,
                  const char **out_why)
{
    (void)cert, (void)cert_len, (void)key, (void)key_len;
    *out_why = "";
    return false;
}

#endif
