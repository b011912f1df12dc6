/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: the parameters of every sink that has TLS, see tls.h. */
#include <string.h>

#include "base/pem.h"
#include "base/whole.h"
#include "output/sink/tls.h"

#define KEYED "http, https, natss, postgres, rediss, s3, tls"
#define SINKS "http, https, kafka, natss, postgres, rediss, s3, tls"

static bool valid_file(const char *value)
{
    return value[0] != '\0';
}

static const struct ft_param rows[] = {
    {.row = {.name = "ca",
             .of = SINKS,
             .value = "FILE",
             .defval = "the system's",
             .help = "certificates of the authorities that the other side's is checked against"},
     .check = valid_file,
     .allowed = "the name of a file"},
    {.row = {.name = "cert",
             .of = SINKS,
             .value = "FILE",
             .help = "our certificate (PEM), for who asks for one"},
     .check = valid_file,
     .allowed = "the name of a file"},
    {.row = {.name = "key",
             .of = KEYED,
             .value = "FILE",
             .defval = "in the file of cert=",
             .help = "the key of our certificate (PEM)"},
     .check = valid_file,
     .allowed = "the name of a file"},
    {.row = {.name = "verify",
             .of = SINKS,
             .choices = "true|false",
             .defval = "true",
             .help = "false: any certificate will do, and who takes the events may be anybody"}},
};

const struct ft_params ft_tls_params = {rows, sizeof rows / sizeof rows[0]};

int ft_tls_files_of(const struct ft_output_url *url, bool keyed, struct ft_tls_files *out,
                    struct ft_err *err)
{
    const char *verify = ft_output_url_get(url, "verify");

    *out = (struct ft_tls_files){
        .ca = ft_output_url_get(url, "ca"),
        .cert = ft_output_url_get(url, "cert"),
        .key = keyed ? ft_output_url_get(url, "key") : NULL,
        .any = verify != NULL && strcmp(verify, "false") == 0,
    };
    out->given = out->ca != NULL || out->cert != NULL || out->key != NULL || verify != NULL;
    if (out->key != NULL && out->cert == NULL) {
        return ft_err_set(err, FT_E_USAGE, "output %s: key= is the key of cert=, which is missing",
                          url->text);
    }
    if (out->ca != NULL && out->any) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: with verify=false nothing is checked by ca=", url->text);
    }
    out->key = out->key != NULL ? out->key : out->cert;
    return FT_OK;
}

int ft_tls_read(const struct ft_output_url *url, const char *path, char **out, size_t *out_len,
                struct ft_err *err)
{
    const char *why;
    int rc = ft_pem_read(path, out, out_len, &why);

    return rc == FT_OK ? rc : ft_err_set(err, rc, "output %s: %s: %s", url->text, path, why);
}

int ft_tls_fits(const struct ft_output_url *url, const struct ft_tls_files *f, struct ft_err *err)
{
    char *cert = NULL, *key = NULL;
    size_t cert_len = 0, key_len = 0;
    const char *why;
    int rc = f->cert != NULL ? ft_tls_read(url, f->cert, &cert, &cert_len, err) : FT_OK;

    if (rc == FT_OK && f->cert != NULL) {
        rc = ft_tls_read(url, f->key, &key, &key_len, err);
    }
    if (rc == FT_OK && f->cert != NULL && ft_pem_unfit(cert, cert_len, key, key_len, &why)) {
        rc = ft_err_set(err, FT_E_USAGE, "output %s: key=%s is not that of cert=%s: %s", url->text,
                        f->key, f->cert, why);
    }
    ft_whole_forget(cert, cert_len);
    ft_whole_forget(key, key_len);
    return rc;
}

const char *ft_tls_advice(const char *why)
{
    static const char *const known[][2] = {
        {"mismatch", "name the host as its certificate does"},
        {"does not match", "name the host as its certificate does"},
        {"expired", "its certificate is to be renewed, or a clock is wrong"},
        {"self-signed", "name who signed its certificate by ca="},
        {"self signed", "name who signed its certificate by ca="},
        {"local issuer", "name who signed its certificate by ca="},
        {"verify failed", "its certificate does not fit: see ca= and the host's name"},
        {"certificate required", "it asks for a certificate: see cert= and key="},
        {"bad certificate", "it does not take our certificate: see cert= and key="},
        {"certificate unknown", "it does not take our certificate: see cert= and key="},
        {"unknown ca", "it does not know who signed our certificate: see cert= and key="},
        {"handshake failure", "if it asks for a certificate: see cert= and key="},
        {"wrong version number", "the other side does not speak TLS on this port"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strstr(why, known[i][0]) != NULL) {
            return known[i][1];
        }
    }
    return NULL;
}
