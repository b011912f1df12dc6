/* SPDX-License-Identifier: Apache-2.0 */
/* base: configurations of librdkafka, as URLs of outputs and of listeners say them.
 *
 * kafka.SETTING=VALUE, ca=, cert= and verify= mean the same in both. What they name is read now,
 * since there is no file system later; nothing is connected. */
#ifndef FT_BASE_KAFKA_H
#define FT_BASE_KAFKA_H

/* Parameters that are secret, and what they are. */
#define FT_KAFKA_SECRETS(X)                                                                        \
    X("kafka.sasl.password", "the password")                                                       \
    X("kafka.sasl.oauthbearer.client.secret", "the client's secret")                               \
    X("kafka.sasl.oauthbearer.config", "settings of OAUTHBEARER, which may be secret")             \
    X("kafka.ssl.key.password", "the password of the key")                                         \
    X("kafka.ssl.key.pem", "the key of our certificate (PEM)")                                     \
    X("kafka.ssl_key", "likewise")

#ifdef FT_HAVE_RDKAFKA

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"

struct ft_kafka_pair {
    const char *name, *value;
};

/* All borrowed. */
struct ft_kafka_url {
    const char *whose; /* begins what is said: "output kafka://..." */
    /* its parameters, decoded; of them those that begin with "kafka." are taken */
    const struct ft_kafka_pair *param;
    uint32_t n_params;
    const char *ca, *cert, *key;      /* files; NULL: not given */
    bool any;                         /* verify=false: a broker's certificate is not checked */
    bool tls;                         /* one of ca=, cert=, key=, verify= is there */
    bool shown;                       /* others see the URL: secrets are @FILE */
    const struct ft_kafka_pair *ours; /* other than librdkafka's defaults; the URL changes them */
    uint32_t n_ours;
    const struct ft_kafka_pair *refused; /* beginnings of names besides those that nobody may set */
    uint32_t n_refused;                  /* (values: what is instead) */
};

struct ft_kafka_config {
    rd_kafka_conf_t *conf; /* owned; what each client is made of */
    char *ca; /* owned: certificates of authorities, PEM, [ca_len]; NULL: librdkafka's own */
    size_t ca_len;
};

/* FT_E_USAGE, FT_E_IO, FT_E_NOMEM. */
FT_NODISCARD int ft_kafka_configure(const struct ft_kafka_url *url, struct ft_kafka_config *out,
                                    struct ft_err *err);
void ft_kafka_config_fini(struct ft_kafka_config *c); /* also of zeros */

/* One more setting. FT_E_USAGE. */
FT_NODISCARD int ft_kafka_set(struct ft_kafka_config *c, const char *whose, const char *name,
                              const char *value, struct ft_err *err);

/* "HOST:PORT[,HOST:PORT...]/TOPIC", of len bytes. brokers: the hosts. *out_topics: what is behind
 * the "/", ft_kafka_topic() says whether that is one. False: it is not of that form. */
enum { FT_KAFKA_BROKERS = 1024, FT_KAFKA_TOPIC = 249 };
bool ft_kafka_split(const char *target, size_t len, char brokers[FT_KAFKA_BROKERS],
                    const char **out_topics);
bool ft_kafka_topic(const char *s, size_t len);

/* A client of the configuration, which stays. brokers: NULL: it is only tried out, and connects to
 * nobody. NULL: why says it. */
rd_kafka_t *ft_kafka_new(const struct ft_kafka_config *c, rd_kafka_type_t type, const char *brokers,
                         char *why, size_t cap);

#endif
#endif
