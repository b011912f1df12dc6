/* SPDX-License-Identifier: Apache-2.0 */
/* source/kafka: what its files share: the URL (config.c), messages (message.c), the consumer
 * (kafka.c). */
#ifndef FT_SOURCE_KAFKA_PARTS_H
#define FT_SOURCE_KAFKA_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/peer.h"
#include "source/source.h"

/* A sender as text, "ADDRESS:PORT", "[ADDRESS]:PORT", or an address alone (port 0); numeric. False:
 * it is none, *out is as it was. */
bool ft__kafka_sender(const char *text, size_t len, struct ft_peer *out);

/* A time as decimal text of nanoseconds since 1970. False: it is none. */
bool ft__kafka_time(const char *text, size_t len, int64_t *out_ns);

#ifdef FT_HAVE_RDKAFKA

#include "base/kafka.h"

struct ft__kafka_config {
    struct ft_kafka_config of; /* what the consumer is made of */
    rd_kafka_topic_partition_list_t *topics;
    char brokers[FT_KAFKA_BROKERS];
};

/* Of kafka://HOST:PORT[,...]/TOPIC[,TOPIC...]?group=NAME&ca=FILE&cert=FILE&key=FILE&verify=false
 * &kafka.SETTING=VALUE; reads the files that it names. FT_E_USAGE, FT_E_IO, FT_E_NOMEM. */
FT_NODISCARD int ft__kafka_config(const char *url, struct ft__kafka_config *out,
                                  struct ft_err *err);
void ft__kafka_config_fini(struct ft__kafka_config *c);

#endif
#endif
