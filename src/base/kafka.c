/* SPDX-License-Identifier: Apache-2.0 */
/* base: configurations of librdkafka, see kafka.h. */
#include "base/kafka.h"

#ifdef FT_HAVE_RDKAFKA

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "base/pem.h"
#include "base/secret.h"
#include "base/whole.h"

#define NO_KERBEROS "there is no Kerberos: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"

static const char prefix[] = "kafka.";

/* Settings that are not to be had, and what is instead. */
static const struct ft_kafka_pair refused[] = {
    {"bootstrap.servers", "the hosts of the URL are asked"},
    {"metadata.broker.list", "the hosts of the URL are asked"},
    {"plugin.library.paths", "no code is loaded"},
    {"log.queue", "its log is flowtap's at -vv"},
    {"sasl.kerberos.", NO_KERBEROS},
    {"ssl.keystore.", "give kafka.ssl.certificate.location and kafka.ssl.key.location (PEM)"},
    {"ssl.crl.location", "there is no file system later"},
    {"ssl.engine.", "no code is loaded"},
};

/* Settings that name a file, and those that take what is in it; NULL: authorities. */
static const struct ft_kafka_pair files[] = {
    {"ssl.ca.location", NULL},
    {"ssl.certificate.location", "ssl.certificate.pem"},
    {"ssl.key.location", "ssl.key.pem"},
};

static int bad(const char *whose, struct ft_err *err, const char *name, const char *why)
{
    return ft_err_set(err, FT_E_USAGE, "%s: %s%s: %s", whose, prefix, name, why);
}

/* librdkafka tells its settings as a table, a line each. */
static int no_such_setting(const char *whose, const char *name, struct ft_err *err)
{
    struct ft_nearest near = {0};
    char *table = NULL, *rest = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&table, &len);

    if (f != NULL) {
        rd_kafka_conf_properties_show(f);
        fclose(f);
    }
    for (char *line = table != NULL ? strtok_r(table, "\n", &rest) : NULL; line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        line[strcspn(line, " ")] = '\0';
        ft_nearest_try(&near, name, line);
    }
    ft_err_set(err, FT_E_USAGE, "%s: librdkafka has no setting '%s'%s%s%s", whose, name,
               near.name != NULL ? "; did you mean " : "", near.name != NULL ? near.name : "",
               near.name != NULL ? "?" : "");
    free(table);
    return FT_E_USAGE;
}

static int set(struct ft_kafka_config *c, const char *whose, const char *name, const char *value,
               bool secret, struct ft_err *err)
{
    char why[256] = "";
    rd_kafka_conf_res_t res = rd_kafka_conf_set(c->conf, name, value, why, sizeof why);

    if (res == RD_KAFKA_CONF_UNKNOWN) {
        return no_such_setting(whose, name, err);
    }
    return res == RD_KAFKA_CONF_OK ? FT_OK : bad(whose, err, name, secret ? "is not taken" : why);
}

int ft_kafka_set(struct ft_kafka_config *c, const char *whose, const char *name, const char *value,
                 struct ft_err *err)
{
    return set(c, whose, name, value, false, err);
}

/* ---- files ---- */

static int read_pem(const char *whose, const char *path, char **out, size_t *out_len,
                    struct ft_err *err)
{
    const char *why;
    int rc = ft_pem_read(path, out, out_len, &why);

    return rc == FT_OK ? rc : ft_err_set(err, rc, "%s: %s: %s", whose, path, why);
}

/* Certificates that others' are checked against, of a file. */
static int set_ca(struct ft_kafka_config *c, const char *whose, const char *path,
                  struct ft_err *err)
{
    char why[256] = "";

    ft_whole_forget(c->ca, c->ca_len);
    c->ca = NULL;
    int rc = read_pem(whose, path, &c->ca, &c->ca_len, err);

    if (rc == FT_OK &&
        rd_kafka_conf_set_ssl_cert(c->conf, RD_KAFKA_CERT_CA, RD_KAFKA_CERT_ENC_PEM, c->ca,
                                   c->ca_len, why, sizeof why) != RD_KAFKA_CONF_OK) {
        rc = ft_err_set(err, FT_E_USAGE, "%s: %s: %s", whose, path, why);
    }
    return rc;
}

/* A setting takes what is in a file. */
static int set_text(struct ft_kafka_config *c, const char *whose, const char *name,
                    const char *path, struct ft_err *err)
{
    char *text;
    size_t len;
    int rc = read_pem(whose, path, &text, &len, err);

    if (rc == FT_OK) {
        rc = set(c, whose, name, text, true, err);
        ft_whole_forget(text, len);
    }
    return rc;
}

/* ---- parameters ---- */

static bool is_secret(const char *key)
{
#define KEY(name, help) name,
    static const char *const keys[] = {FT_KAFKA_SECRETS(KEY)};
#undef KEY

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(key, keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int set_secret(const struct ft_kafka_url *url, struct ft_kafka_config *c, const char *name,
                      const char *value, struct ft_err *err)
{
    struct ft_err why;
    char *secret;

    if (url->shown && value[0] != '@') {
        return bad(url->whose, err, name, "a secret is to be written as @FILE");
    }
    int rc = ft_secret_read(value, &secret, &why);

    if (rc != FT_OK) {
        return ft_err_set(err, rc, "%s: %s%s: %s", url->whose, prefix, name, why.what);
    }
    rc = set(c, url->whose, name, secret, true, err);
    ft_secret_forget(secret);
    return rc;
}

/* Why a setting is not to be had; NULL: it is. */
static const char *why_refused(const char *name, const struct ft_kafka_pair *of, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strncmp(name, of[i].name, strlen(of[i].name)) == 0) {
            return of[i].value;
        }
    }
    return NULL;
}

static int set_param(const struct ft_kafka_url *url, struct ft_kafka_config *c, const char *key,
                     const char *value, struct ft_err *err)
{
    const char *name = key + sizeof prefix - 1;
    const char *why = why_refused(name, refused, sizeof refused / sizeof refused[0]);

    why = why != NULL ? why : why_refused(name, url->refused, url->n_refused);
    why = why == NULL && strcmp(value, "GSSAPI") == 0 ? NO_KERBEROS : why;
    if (why != NULL) {
        return bad(url->whose, err, name, why);
    }
    if (is_secret(key)) {
        return set_secret(url, c, name, value, err);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(name, files[i].name) == 0) {
            return files[i].value == NULL ? set_ca(c, url->whose, value, err)
                                          : set_text(c, url->whose, files[i].value, value, err);
        }
    }
    return set(c, url->whose, name, value, false, err);
}

static const char *get(const struct ft_kafka_url *url, const char *key)
{
    for (uint32_t i = 0; i < url->n_params; i++) {
        if (strcmp(url->param[i].name, key) == 0) {
            return url->param[i].value;
        }
    }
    return NULL;
}

static bool has(const struct ft_kafka_url *url, const char *key)
{
    return get(url, key) != NULL;
}

/* ---- TLS and SASL ---- */

static bool has_mechanism(const struct ft_kafka_url *url)
{
    return has(url, "kafka.sasl.mechanism") || has(url, "kafka.sasl.mechanisms");
}

/* What is to be had of SASL is there, and goes together. */
static int check_sasl(const struct ft_kafka_url *url, const char *protocol, struct ft_err *err)
{
    bool sasl = strncasecmp(protocol, "sasl", 4) == 0;

    if (sasl && !has_mechanism(url)) {
        return bad(url->whose, err, "sasl.mechanism",
                   "is missing: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER");
    }
    if (!sasl && has(url, "kafka.sasl.password")) {
        return bad(url->whose, err, "security.protocol",
                   "is not sasl_ssl or sasl_plaintext, and a password is given");
    }
    return FT_OK;
}

/* ca=, cert=, key= and verify= into librdkafka's settings. */
static int set_tls(const struct ft_kafka_url *url, struct ft_kafka_config *c, struct ft_err *err)
{
    const char *ca = url->ca != NULL ? url->ca : ft_whole_authorities();
    bool own_ca = has(url, "kafka.ssl.ca.location") || has(url, "kafka.ssl.ca.pem");
    int rc = FT_OK;

    if (url->ca != NULL && own_ca) {
        return bad(url->whose, err, "ssl.ca.location", "ca= says it already");
    }
    if (url->any) {
        rc = set(c, url->whose, "enable.ssl.certificate.verification", "false", false, err);
    } else if (!has(url, "kafka.ssl.endpoint.identification.algorithm")) {
        /* librdkafka 1.x takes a certificate of any host otherwise */
        rc = set(c, url->whose, "ssl.endpoint.identification.algorithm", "https", false, err);
    }
    if (rc == FT_OK && !own_ca && ca != NULL && !url->any) {
        rc = set_ca(c, url->whose, ca, err);
    }
    if (rc == FT_OK && url->cert != NULL) {
        rc = set_text(c, url->whose, "ssl.certificate.pem", url->cert, err);
        if (rc == FT_OK && !has(url, "kafka.ssl.key.location") && !has(url, "kafka.ssl.key.pem")) {
            rc = set_text(c, url->whose, "ssl.key.pem", url->key != NULL ? url->key : url->cert,
                          err);
        }
    }
    return rc;
}

/* Whether there is TLS is said by kafka.security.protocol, or else by one of TLS's parameters. */
static int set_security(const struct ft_kafka_url *url, struct ft_kafka_config *c,
                        struct ft_err *err)
{
    const char *protocol = get(url, "kafka.security.protocol");
    int rc = FT_OK;

    if (protocol == NULL && url->tls) {
        protocol = has_mechanism(url) ? "sasl_ssl" : "ssl";
        rc = set(c, url->whose, "security.protocol", protocol, false, err);
    }
    protocol = protocol != NULL ? protocol : "plaintext";
    rc = rc == FT_OK ? check_sasl(url, protocol, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    if (strcasecmp(protocol, "ssl") == 0 || strcasecmp(protocol, "sasl_ssl") == 0) {
        return set_tls(url, c, err);
    }
    return url->tls ? bad(url->whose, err, "security.protocol",
                          "is without TLS, and ca=, cert=, key= or verify= is given")
                    : FT_OK;
}

int ft_kafka_configure(const struct ft_kafka_url *url, struct ft_kafka_config *out,
                       struct ft_err *err)
{
    struct ft_kafka_config c = {.conf = rd_kafka_conf_new()};
    int rc = set(&c, url->whose, "client.id", "flowtap", false, err);

    for (uint32_t i = 0; i < url->n_ours && rc == FT_OK; i++) {
        rc = set(&c, url->whose, url->ours[i].name, url->ours[i].value, false, err);
    }
    rc = rc == FT_OK ? set(&c, url->whose, "log.queue", "true", false, err) : rc;
    for (uint32_t i = 0; i < url->n_params && rc == FT_OK; i++) {
        if (strncmp(url->param[i].name, prefix, sizeof prefix - 1) == 0) {
            rc = set_param(url, &c, url->param[i].name, url->param[i].value, err);
        }
    }
    rc = rc == FT_OK ? set_security(url, &c, err) : rc;
    if (rc != FT_OK) {
        ft_kafka_config_fini(&c);
        return rc;
    }
    *out = c;
    return FT_OK;
}

void ft_kafka_config_fini(struct ft_kafka_config *c)
{
    if (c->conf != NULL) {
        rd_kafka_conf_destroy(c->conf);
    }
    ft_whole_forget(c->ca, c->ca_len);
    *c = (struct ft_kafka_config){0};
}

/* ---- targets ---- */

bool ft_kafka_topic(const char *s, size_t len)
{
    return len > 0 && len <= FT_KAFKA_TOPIC &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") >= len;
}

bool ft_kafka_split(const char *target, size_t len, char brokers[FT_KAFKA_BROKERS],
                    const char **out_topics)
{
    const char *slash = memchr(target, '/', len);
    size_t hosts = slash != NULL ? (size_t)(slash - target) : 0;

    if (hosts == 0 || hosts >= FT_KAFKA_BROKERS || memchr(target, '@', hosts) != NULL) {
        return false;
    }
    snprintf(brokers, FT_KAFKA_BROKERS, "%.*s", (int)hosts, target);
    *out_topics = slash + 1;
    return true;
}

/* ---- clients ---- */

rd_kafka_t *ft_kafka_new(const struct ft_kafka_config *c, rd_kafka_type_t type, const char *brokers,
                         char *why, size_t cap)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(c->conf);
    rd_kafka_t *rk = NULL;

    /* a client takes the certificates out of its configuration and out of all copies of it */
    if ((c->ca == NULL ||
         rd_kafka_conf_set_ssl_cert(conf, RD_KAFKA_CERT_CA, RD_KAFKA_CERT_ENC_PEM, c->ca, c->ca_len,
                                    why, cap) == RD_KAFKA_CONF_OK) &&
        (brokers == NULL ||
         rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, cap) == RD_KAFKA_CONF_OK)) {
        rk = rd_kafka_new(type, conf, why, cap);
    }
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
    }
    return rk;
}

#endif
