/* SPDX-License-Identifier: Apache-2.0 */
/* source/kafka: the URL, and the files that it names. */
#include "source/kafka/kafka_parts.h"

#ifdef FT_HAVE_RDKAFKA

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/whole.h"

enum { FILE_MOST = 8 << 20, TEXT_MOST = 1024, TOPIC_MOST = 249 };

static const char prefix[] = "kafka.";

/* What is otherwise than librdkafka's default; the URL may change the first ones. */
static const char *const ours[][2] = {
    {"client.id", "flowtap"},
    {"group.id", "flowtap"},
    {"auto.offset.reset", "earliest"}, /* a group that is new misses nothing */
    {"queued.max.messages.kbytes", "65536"},
    {"log.queue", "true"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
};

static const struct {
    const char *name, *instead;
} refused[] = {
    {"bootstrap.servers", "the hosts of the URL are asked"},
    {"metadata.broker.list", "the hosts of the URL are asked"},
    {"group.id", "group= says it"},
    {"enable.auto.", "offsets are committed when the events went on"},
    {"auto.commit.", "offsets are committed when the events went on"},
    {"plugin.library.paths", "no code is loaded"},
    {"log.queue", "its log is flowtap's at -vv"},
    {"ssl.keystore.", "give kafka.ssl.certificate.location and kafka.ssl.key.location (PEM)"},
    {"ssl.crl.location", "there is no file system later"},
    {"ssl.engine.", "no code is loaded"},
    {"sasl.kerberos.", "there is no Kerberos"},
};

/* Settings that name a file, those that take what is in it, and parameters that do the same. */
static const char *const files[][3] = {
    {"ssl.ca.location", "ssl.ca.pem", "ca"},
    {"ssl.certificate.location", "ssl.certificate.pem", "cert"},
    {"ssl.key.location", "ssl.key.pem", "key"},
};

/* Settings that are secret: what stands there is @FILE, for everybody can read command lines. */
static const char *const secrets[] = {"sasl.password", "sasl.oauthbearer.client.secret",
                                      "sasl.oauthbearer.config", "ssl.key.password", "ssl.key.pem"};

static int set(const char *url, struct ft__kafka_config *c, const char *name, const char *value,
               struct ft_err *err)
{
    char why[160] = "";

    return rd_kafka_conf_set(c->conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK
               ? FT_OK
               : ft_err_set(err, FT_E_USAGE, "listen: '%.80s': kafka.%.60s: %s", url, name, why);
}

/* What is in a file; a secret has no newline at its end. */
static int set_from(const char *url, struct ft__kafka_config *c, const char *name, const char *path,
                    bool secret, struct ft_err *err)
{
    size_t len;
    char *text = ft_whole_read(path, FILE_MOST, &len);
    int rc;

    if (text == NULL) {
        return ft_err_set(err, FT_E_IO, "listen: '%.80s': %.120s: %s", url, path, strerror(errno));
    }
    if (secret) {
        text[strcspn(text, "\r\n")] = '\0';
    }
    rc = set(url, c, name, text, err);
    ft_whole_forget(text, len);
    return rc;
}

static int set_param(const char *url, struct ft__kafka_config *c, const char *name,
                     const char *value, struct ft_err *err)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (strncmp(name, refused[i].name, strlen(refused[i].name)) == 0) {
            return ft_err_set(err, FT_E_USAGE, "listen: '%.80s': kafka.%.60s: %s", url, name,
                              refused[i].instead);
        }
    }
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        if (strcmp(name, secrets[i]) == 0) {
            return value[0] == '@'
                       ? set_from(url, c, name, value + 1, true, err)
                       : ft_err_set(err, FT_E_USAGE,
                                    "listen: kafka.%s: a secret; write kafka.%s=@FILE", name, name);
        }
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(name, files[i][0]) == 0) {
            return set_from(url, c, files[i][1], value, false, err);
        }
    }
    return set(url, c, name, value, err);
}

/* ---- the URL ---- */

static int hex_digit(char ch)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = ch != '\0' ? strchr(digits, ch) : NULL;

    return at != NULL ? (int)(at - digits) % 16 : -1;
}

/* len bytes with %XX decoded. False: they are too many. */
static bool decode(const char *s, size_t len, char out[TEXT_MOST])
{
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        int hi = s[i] == '%' && i + 2 < len ? hex_digit(s[i + 1]) : -1;
        int lo = hi >= 0 ? hex_digit(s[i + 2]) : -1;

        if (at == TEXT_MOST - 1) {
            return false;
        }
        out[at++] = lo >= 0 && (hi | lo) != 0 ? (char)(hi << 4 | lo) : s[i];
        i += lo >= 0 && (hi | lo) != 0 ? 2 : 0;
    }
    out[at] = '\0';
    return true;
}

static int take_param(const char *url, struct ft__kafka_config *c, const char *s, size_t len,
                      struct ft_err *err)
{
    const char *eq = memchr(s, '=', len);
    char key[TEXT_MOST], value[TEXT_MOST];

    if (eq == NULL || !decode(s, (size_t)(eq - s), key) ||
        !decode(eq + 1, len - (size_t)(eq + 1 - s), value) || value[0] == '\0') {
        return ft_err_set(err, FT_E_USAGE, "listen: '%.80s': '%.*s' is not key=value", url,
                          (int)(len < 60 ? len : 60), s);
    }
    if (strcmp(key, "group") == 0) {
        return set(url, c, "group.id", value, err);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(key, files[i][2]) == 0) {
            return set_from(url, c, files[i][1], value, false, err);
        }
    }
    if (strncmp(key, prefix, sizeof prefix - 1) == 0) {
        return set_param(url, c, key + sizeof prefix - 1, value, err);
    }
    return ft_err_set(err, FT_E_USAGE,
                      "listen: '%.80s': there is no parameter '%.60s' (there are: group=NAME, "
                      "ca=FILE, cert=FILE, key=FILE, kafka.SETTING=VALUE)",
                      url, key);
}

static bool is_topic(const char *s, size_t len)
{
    return len > 0 && len <= TOPIC_MOST &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") >= len;
}

static int take_topics(const char *url, struct ft__kafka_config *c, const char *s, size_t len,
                       struct ft_err *err)
{
    for (size_t at = 0; at <= len;) {
        size_t n = strcspn(s + at, ",?");
        char name[TOPIC_MOST + 1];

        n = n < len - at ? n : len - at;
        if (!is_topic(s + at, n)) {
            return ft_err_set(err, FT_E_USAGE,
                              "listen: '%.100s': write kafka://HOST:PORT[,HOST:PORT...]/TOPIC; a "
                              "topic's name is of letters, digits, '.', '_' and '-'",
                              url);
        }
        snprintf(name, sizeof name, "%.*s", (int)n, s + at);
        rd_kafka_topic_partition_list_add(c->topics, name, RD_KAFKA_PARTITION_UA);
        at += n + 1;
    }
    return FT_OK;
}

static int take_target(const char *url, struct ft__kafka_config *c, struct ft_err *err)
{
    const char *at = url + sizeof "kafka://" - 1;
    size_t hosts = strcspn(at, "/?"), len = strcspn(at, "?");

    if (hosts == 0 || at[hosts] != '/' || hosts >= sizeof c->brokers || memchr(at, '@', hosts)) {
        return ft_err_set(err, FT_E_USAGE,
                          "listen: '%.100s': write kafka://HOST:PORT[,HOST:PORT...]/TOPIC", url);
    }
    snprintf(c->brokers, sizeof c->brokers, "%.*s", (int)hosts, at);
    return take_topics(url, c, at + hosts + 1, len - hosts - 1, err);
}

/* Whether the parameters have one of this name, or one that begins so. */
static bool has(const char *url, const char *name)
{
    const char *at = strchr(url, '?');

    for (; at != NULL; at = strchr(at + 1, '&')) {
        if (strncmp(at + 1, name, strlen(name)) == 0) {
            return true;
        }
    }
    return false;
}

/* Who names certificates wants TLS. Without authorities of its own it gets the system's, which are
 * a file, too. */
static int default_tls(const char *url, struct ft__kafka_config *c, struct ft_err *err)
{
    bool sasl = has(url, "kafka.sasl.mechanism"),
         own = has(url, "ca=") || has(url, "kafka.ssl.ca.");
    char value[32] = "";
    size_t len = sizeof value;

    if (!has(url, "kafka.security.protocol=") && (has(url, "ca=") || has(url, "cert="))) {
        int rc = set(url, c, "security.protocol", sasl ? "sasl_ssl" : "ssl", err);

        if (rc != FT_OK) {
            return rc;
        }
    }

    if (rd_kafka_conf_get(c->conf, "security.protocol", value, &len) != RD_KAFKA_CONF_OK ||
        strstr(value, "ssl") == NULL || own) {
        return FT_OK;
    }
    const char *system = ft_whole_authorities();

    return system != NULL ? set_from(url, c, "ssl.ca.pem", system, false, err) : FT_OK;
}

int ft__kafka_config(const char *url, struct ft__kafka_config *out, struct ft_err *err)
{
    struct ft__kafka_config c = {.conf = rd_kafka_conf_new(),
                                 .topics = rd_kafka_topic_partition_list_new(1)};
    const char *s = strchr(url, '?');
    int rc = FT_OK;

    for (size_t i = 0; i < sizeof ours / sizeof ours[0] && rc == FT_OK; i++) {
        rc = set(url, &c, ours[i][0], ours[i][1], err);
    }
    rc = rc == FT_OK ? take_target(url, &c, err) : rc;
    for (s = s != NULL ? s + 1 : ""; *s != '\0' && rc == FT_OK;) {
        size_t len = strcspn(s, "&");

        rc = take_param(url, &c, s, len, err);
        s += len + (s[len] == '&');
    }
    rc = rc == FT_OK ? default_tls(url, &c, err) : rc;
    if (rc != FT_OK) {
        ft__kafka_config_fini(&c);
        return rc;
    }
    *out = c;
    return FT_OK;
}

void ft__kafka_config_fini(struct ft__kafka_config *c)
{
    if (c->conf != NULL) {
        rd_kafka_conf_destroy(c->conf);
    }
    if (c->topics != NULL) {
        rd_kafka_topic_partition_list_destroy(c->topics);
    }
}

#endif
