/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/kafka: what a producer is made of: the URL's parameters, and the files they name. */
#include "output/sink/kafka/kafka_parts.h"

#ifdef FT_HAVE_RDKAFKA

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "output/sink/tls.h"

/* What is otherwise than librdkafka's default; the URL may change it again. */
static const struct ft_kafka_pair ours[] = {
    {"compression.type", "lz4"}, /* fewer and fuller requests: a quarter of the CPU */
    {"enable.idempotence", "true"},
    {"linger.ms", "50"},
    {"partitioner", "murmur2_random"}, /* as Java's, and as batches are made */
    {"queue.buffering.max.kbytes", "65536"},
    {"queue.buffering.max.messages", "200000"},
};

static const struct ft_kafka_pair refused[] = {
    {"transactional.id", "there are no transactions"},
    {"delivery.report.only.error", "every report is counted"},
};

/* Whether a producer can be made of it is seen by making one, that knows no host. */
static int try_out(struct kafka_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    char why[256] = "";
    rd_kafka_t *rk = ft_kafka_new(&s->config, RD_KAFKA_PRODUCER, NULL, why, sizeof why);

    if (rk == NULL) {
        return ft_err_set(err, FT_E_USAGE, "output %s: librdkafka: %s", url->text, why);
    }
    rd_kafka_destroy(rk);
    return FT_OK;
}

/* "//HOST:PORT[,HOST:PORT]/TOPIC". */
static int take_target(struct kafka_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    const char *at = strncmp(url->target, "//", 2) == 0 ? url->target + 2 : "", *topic = "";

    if (!ft_kafka_split(at, strlen(at), s->brokers, &topic) || topic[0] == '\0') {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: write kafka://HOST:PORT[,HOST:PORT...]/TOPIC; who asks is "
                          "said by kafka.sasl.username= and kafka.sasl.password=@FILE",
                          url->text);
    }
    if (!ft_kafka_topic(topic, strlen(topic))) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: a topic's name is of letters, digits, '.', '_' and '-', "
                          "at most %d",
                          url->text, FT_KAFKA_TOPIC);
    }
    s->topic = ft_mem_strdup(topic);
    return s->topic != NULL ? FT_OK
                            : ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
}

/* A setting's value; 0: there is none. */
static int64_t number_of(const rd_kafka_conf_t *conf, const char *name)
{
    char value[32] = "";
    size_t len = sizeof value;

    return rd_kafka_conf_get(conf, name, value, &len) == RD_KAFKA_CONF_OK ? atoll(value) : 0;
}

/* The URL as the configuration reads it. */
static int configure(struct kafka_sink *s, const struct ft_output_url *url, const char *whose,
                     struct ft_err *err)
{
    struct ft_kafka_pair param[sizeof url->param / sizeof url->param[0]];
    struct ft_tls_files f;
    int rc = ft_tls_files_of(url, false, &f, err);

    for (uint32_t i = 0; i < url->n_params; i++) {
        param[i] = (struct ft_kafka_pair){url->param[i].key, url->param[i].value};
    }
    const struct ft_kafka_url u = {.whose = whose,
                                   .param = param,
                                   .n_params = url->n_params,
                                   .ca = f.ca,
                                   .cert = f.cert,
                                   .any = f.any,
                                   .tls = f.given,
                                   .ours = ours,
                                   .n_ours = sizeof ours / sizeof ours[0],
                                   .refused = refused,
                                   .n_refused = sizeof refused / sizeof refused[0]};

    return rc == FT_OK ? ft_kafka_configure(&u, &s->config, err) : rc;
}

int ft__kafka_configure(struct kafka_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    char whose[sizeof err->what];
    int rc;

    snprintf(whose, sizeof whose, "output %s", url->text);
    rc = configure(s, url, whose, err);
    if (rc == FT_OK) {
        ft__kafka_callbacks(s);
        rc = try_out(s, url, err);
    }
    rc = rc == FT_OK ? take_target(s, url, err) : rc;
    if (rc == FT_OK && s->kept && ft_output_url_get(url, "kafka.message.timeout.ms") == NULL) {
        /* a spool waits for ever */
        rc = ft_kafka_set(&s->config, whose, "message.timeout.ms", "0", err);
    }
    if (rc == FT_OK) {
        s->patience_ms = number_of(s->config.conf, "message.timeout.ms");
        s->topic_ms = number_of(s->config.conf, "topic.metadata.propagation.max.ms");
    }
    return rc;
}

#endif
