/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/kafka: what a producer is made of: the URL's parameters, and the files they name. */
#include "output/sink/kafka/kafka_parts.h"

#ifdef FT_HAVE_RDKAFKA

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/whole.h"
#include "output/sink/secret.h"
#include "output/sink/tls.h"

static const char prefix[] = "kafka.";

/* What is otherwise than librdkafka's default; the URL may change it again. */
static const char *const ours[][2] = {
    {"client.id", "flowtap"},
    {"compression.type", "lz4"}, /* fewer and fuller requests: a quarter of the CPU */
    {"enable.idempotence", "true"},
    {"linger.ms", "50"},
    {"partitioner", "murmur2_random"}, /* as Java's, and as batches are made */
    {"queue.buffering.max.kbytes", "65536"},
    {"queue.buffering.max.messages", "200000"},
};

/* Settings that are not to be had, and what is instead. */
static const struct {
    const char *name, *instead;
} refused[] = {
    {"bootstrap.servers", "the hosts of the URL are asked"},
    {"metadata.broker.list", "the hosts of the URL are asked"},
    {"plugin.library.paths", "no code is loaded"},
    {"transactional.id", "there are no transactions"},
    {"delivery.report.only.error", "every report is counted"},
    {"log.queue", "its log is flowtap's at -vv"},
    {"sasl.kerberos.", "there is no Kerberos: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"},
    {"ssl.keystore.", "give kafka.ssl.certificate.location and kafka.ssl.key.location (PEM)"},
    {"ssl.crl.location", "there is no file system later"},
    {"ssl.engine.", "no code is loaded"},
};

/* Settings that name a file, and those that take what is in it. */
static const char *const files[][2] = {
    {"ssl.ca.location", NULL},
    {"ssl.certificate.location", "ssl.certificate.pem"},
    {"ssl.key.location", "ssl.key.pem"},
};

static int bad(const struct ft_output_url *url, struct ft_err *err, const char *name,
               const char *why)
{
    return ft_err_set(err, FT_E_USAGE, "output %s: %s%s: %s", url->text, prefix, name, why);
}

/* librdkafka tells its settings as a table, a line each. */
static int no_such_setting(const struct ft_output_url *url, const char *name, struct ft_err *err)
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
    ft_err_set(err, FT_E_USAGE, "output %s: librdkafka has no setting '%s'%s%s%s", url->text, name,
               near.name != NULL ? "; did you mean " : "", near.name != NULL ? near.name : "",
               near.name != NULL ? "?" : "");
    free(table);
    return FT_E_USAGE;
}

static int set(struct kafka_sink *s, const struct ft_output_url *url, const char *name,
               const char *value, bool secret, struct ft_err *err)
{
    char why[256] = "";
    rd_kafka_conf_res_t res = rd_kafka_conf_set(s->conf, name, value, why, sizeof why);

    if (res == RD_KAFKA_CONF_UNKNOWN) {
        return no_such_setting(url, name, err);
    }
    return res == RD_KAFKA_CONF_OK ? FT_OK : bad(url, err, name, secret ? "is not taken" : why);
}

/* Certificates that others' are checked against, of a file. */
static int set_ca(struct kafka_sink *s, const struct ft_output_url *url, const char *path,
                  struct ft_err *err)
{
    char why[256] = "";

    ft_whole_forget(s->ca, s->ca_len);
    s->ca = NULL;
    int rc = ft_tls_read(url, path, &s->ca, &s->ca_len, err);

    if (rc == FT_OK &&
        rd_kafka_conf_set_ssl_cert(s->conf, RD_KAFKA_CERT_CA, RD_KAFKA_CERT_ENC_PEM, s->ca,
                                   s->ca_len, why, sizeof why) != RD_KAFKA_CONF_OK) {
        rc = ft_err_set(err, FT_E_USAGE, "output %s: %s: %s", url->text, path, why);
    }
    return rc;
}

/* A setting takes what is in a file. */
static int set_text(struct kafka_sink *s, const struct ft_output_url *url, const char *name,
                    const char *path, struct ft_err *err)
{
    char *text;
    size_t len;
    int rc = ft_tls_read(url, path, &text, &len, err);

    if (rc == FT_OK) {
        rc = set(s, url, name, text, true, err);
        ft_whole_forget(text, len);
    }
    return rc;
}

/* A setting that names a file; *out_done: it was one. */
static int set_file(struct kafka_sink *s, const struct ft_output_url *url, const char *name,
                    const char *path, bool *out_done, struct ft_err *err)
{
    size_t i = 0;

    while (i < sizeof files / sizeof files[0] && strcmp(files[i][0], name) != 0) {
        i++;
    }
    *out_done = i < sizeof files / sizeof files[0];
    if (!*out_done) {
        return FT_OK;
    }
    return files[i][1] == NULL ? set_ca(s, url, path, err)
                               : set_text(s, url, files[i][1], path, err);
}

static bool is_secret(const char *key)
{
    for (uint32_t i = 0; i < ft__kafka_params.n; i++) {
        if (ft__kafka_params.rows[i].secret &&
            strcmp(ft__kafka_params.rows[i].row.name, key) == 0) {
            return true;
        }
    }
    return false;
}

static int set_param(struct kafka_sink *s, const struct ft_output_url *url, const char *key,
                     const char *value, struct ft_err *err)
{
    const char *name = key + sizeof prefix - 1;
    bool done = false;
    struct ft_err why;
    char *secret;

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (strncmp(name, refused[i].name, strlen(refused[i].name)) == 0) {
            return bad(url, err, name, refused[i].instead);
        }
    }
    if (strcmp(value, "GSSAPI") == 0) {
        return bad(url, err, name,
                   "there is no Kerberos: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER");
    }
    if (!is_secret(key)) {
        int rc = set_file(s, url, name, value, &done, err);

        return done || rc != FT_OK ? rc : set(s, url, name, value, false, err);
    }
    int rc = ft_secret_read(value, &secret, &why);

    if (rc != FT_OK) {
        return ft_err_set(err, rc, "output %s: %s%s: %s", url->text, prefix, name, why.what);
    }
    rc = set(s, url, name, secret, true, err);
    ft_secret_forget(secret);
    return rc;
}

static bool has(const struct ft_output_url *url, const char *key)
{
    return ft_output_url_get(url, key) != NULL;
}

static bool is_sasl(const char *protocol)
{
    return strncasecmp(protocol, "sasl", 4) == 0;
}

/* What is to be had of SASL is there, and goes together. */
static int check_sasl(const struct ft_output_url *url, const char *protocol, struct ft_err *err)
{
    if (is_sasl(protocol) && !has(url, "kafka.sasl.mechanism") &&
        !has(url, "kafka.sasl.mechanisms")) {
        return bad(url, err, "sasl.mechanism",
                   "is missing: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER");
    }
    if (!is_sasl(protocol) && has(url, "kafka.sasl.password")) {
        return bad(url, err, "security.protocol",
                   "is not sasl_ssl or sasl_plaintext, and a "
                   "password is given");
    }
    return FT_OK;
}

/* ca=, cert= and verify=, as every sink with TLS has them, into librdkafka's settings. */
static int set_tls(struct kafka_sink *s, const struct ft_output_url *url,
                   const struct ft_tls_files *f, struct ft_err *err)
{
    const char *ca = f->ca != NULL ? f->ca : ft_whole_authorities();
    bool own_ca = has(url, "kafka.ssl.ca.location") || has(url, "kafka.ssl.ca.pem");
    int rc = FT_OK;

    if (f->ca != NULL && own_ca) {
        return bad(url, err, "ssl.ca.location", "ca= says it already");
    }
    if (f->any) {
        rc = set(s, url, "enable.ssl.certificate.verification", "false", false, err);
    } else if (!has(url, "kafka.ssl.endpoint.identification.algorithm")) {
        /* librdkafka 1.x takes a certificate of any host otherwise */
        rc = set(s, url, "ssl.endpoint.identification.algorithm", "https", false, err);
    }
    if (rc == FT_OK && !own_ca && ca != NULL && !f->any) {
        rc = set_ca(s, url, ca, err);
    }
    if (rc == FT_OK && f->cert != NULL) {
        rc = set_text(s, url, "ssl.certificate.pem", f->cert, err);
        if (rc == FT_OK && !has(url, "kafka.ssl.key.location") && !has(url, "kafka.ssl.key.pem")) {
            rc = set_text(s, url, "ssl.key.pem", f->cert, err);
        }
    }
    return rc;
}

/* Whether there is TLS is said by kafka.security.protocol, or else by one of TLS's parameters. */
static int set_security(struct kafka_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    const char *protocol = ft_output_url_get(url, "kafka.security.protocol");
    struct ft_tls_files f;
    int rc = ft_tls_files_of(url, false, &f, err);

    if (rc == FT_OK && protocol == NULL && f.given) {
        protocol = has(url, "kafka.sasl.mechanism") || has(url, "kafka.sasl.mechanisms")
                       ? "sasl_ssl"
                       : "ssl";
        rc = set(s, url, "security.protocol", protocol, false, err);
    }
    protocol = protocol != NULL ? protocol : "plaintext";
    rc = rc == FT_OK ? check_sasl(url, protocol, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    if (strcasecmp(protocol, "ssl") == 0 || strcasecmp(protocol, "sasl_ssl") == 0) {
        return set_tls(s, url, &f, err);
    }
    return f.given ? bad(url, err, "security.protocol",
                         "is without TLS, and ca=, cert= or verify= is given")
                   : FT_OK;
}

/* Whether a producer can be made of it is seen by making one, that knows no host. */
static int try_out(struct kafka_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    char why[256] = "";
    rd_kafka_t *rk = ft__kafka_new(s, why, sizeof why);

    if (rk == NULL) {
        return ft_err_set(err, FT_E_USAGE, "output %s: librdkafka: %s", url->text, why);
    }
    rd_kafka_destroy(rk);
    return FT_OK;
}

/* "//HOST:PORT[,HOST:PORT]/TOPIC". */
static int take_target(struct kafka_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    const char *at = strncmp(url->target, "//", 2) == 0 ? url->target + 2 : "";
    size_t hosts = strcspn(at, "/");
    const char *topic = at[hosts] == '/' ? at + hosts + 1 : "";
    char brokers[1024];

    if (hosts == 0 || hosts >= sizeof brokers || topic[0] == '\0' || memchr(at, '@', hosts)) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: write kafka://HOST:PORT[,HOST:PORT...]/TOPIC; who asks is "
                          "said by kafka.sasl.username= and kafka.sasl.password=@FILE",
                          url->text);
    }
    if (strlen(topic) > 249 || strspn(topic, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                             "0123456789._-") != strlen(topic)) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: a topic's name is of letters, digits, '.', '_' and '-', "
                          "at most 249",
                          url->text);
    }
    snprintf(brokers, sizeof brokers, "%.*s", (int)hosts, at);
    s->topic = ft_mem_strdup(topic);
    if (s->topic == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    return set(s, url, "bootstrap.servers", brokers, false, err);
}

/* A setting's value; 0: there is none. */
static int64_t number_of(const rd_kafka_conf_t *conf, const char *name)
{
    char value[32] = "";
    size_t len = sizeof value;

    return rd_kafka_conf_get(conf, name, value, &len) == RD_KAFKA_CONF_OK ? atoll(value) : 0;
}

int ft__kafka_configure(struct kafka_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    int rc = FT_OK;

    s->conf = rd_kafka_conf_new();
    ft__kafka_callbacks(s);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0] && rc == FT_OK; i++) {
        rc = set(s, url, ours[i][0], ours[i][1], false, err);
    }
    rc = rc == FT_OK ? set(s, url, "log.queue", "true", false, err) : rc;
    for (uint32_t i = 0; i < url->n_params && rc == FT_OK; i++) {
        if (strncmp(url->param[i].key, prefix, sizeof prefix - 1) == 0) {
            rc = set_param(s, url, url->param[i].key, url->param[i].value, err);
        }
    }
    rc = rc == FT_OK ? set_security(s, url, err) : rc;
    rc = rc == FT_OK ? try_out(s, url, err) : rc;
    rc = rc == FT_OK ? take_target(s, url, err) : rc;
    if (rc == FT_OK && s->kept && ft_output_url_get(url, "kafka.message.timeout.ms") == NULL) {
        rc = set(s, url, "message.timeout.ms", "0", false, err); /* a spool waits for ever */
    }
    s->patience_ms = number_of(s->conf, "message.timeout.ms");
    s->topic_ms = number_of(s->conf, "topic.metadata.propagation.max.ms");
    return rc;
}

#endif
