/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/kafka: the parameters of the sink. */
#include <string.h>

#include "base/kafka.h"
#include "base/units.h"
#include "output/sink/kafka/kafka_parts.h"

#define KAFKA "kafka"

static bool valid_batch(const char *value)
{
    uint64_t size;

    return strcmp(value, "true") == 0 || strcmp(value, "false") == 0 ||
           (ft_parse_size(value, &size) && size >= FT__KAFKA_BATCH_LEAST &&
            size <= FT__KAFKA_BATCH_MOST);
}

static bool valid_age(const char *value)
{
    int64_t ns;

    return ft_parse_duration(value, &ns) && ns <= INT64_C(3600) * 1000000000;
}

static bool valid_id(const char *value)
{
    const char *rest;
    uint64_t n;

    return ft_parse_number(value, &n, &rest) && *rest == '\0' && n <= INT32_MAX;
}

static bool some(const char *value)
{
    return value[0] != '\0';
}

static bool valid_secret(const char *value)
{
    return value[0] != '\0' && strcmp(value, "@") != 0;
}

#define SECRET(setting, text)                                                                      \
    {.row = {.name = (setting), .of = KAFKA, .value = "@FILE", .help = (text)},                    \
     .check = valid_secret,                                                                        \
     .allowed = "@FILE",                                                                           \
     .secret = true},

static const struct ft_param rows[] = {
    {.row = {.name = "batch",
             .of = KAFKA,
             .value = "true|SIZE",
             .defval = "false",
             .help = "lines of one partition in a message (256KiB), in place of one event in each"},
     .check = valid_batch,
     .allowed = "true, false, or a size from 4KiB to 900KiB"},
    {.row = {.name = "batch_age",
             .of = KAFKA,
             .value = "DURATION",
             .defval = "1s",
             .help = "how old the first event of a batch gets at most before it is sent"},
     .check = valid_age,
     .allowed = "a duration up to 1h"},
    {.row = {.name = "format",
             .of = KAFKA,
             .choices = "ndjson|arrow|avro|datagram",
             .defval = "ndjson",
             .help = "what messages hold, of kafka://HOST:PORT/TOPIC"}},
    {.row = {.name = "schema_id",
             .of = KAFKA,
             .value = "N",
             .help = "avro: one event in each message, framed with this id of a schema registry"},
     .check = valid_id,
     .allowed = "a number from 0 to 2147483647"},
    {.row = {.name = "key",
             .of = KAFKA,
             .choices = "flow|exporter|none",
             .defval = "flow",
             .help = "the key of messages: the Community ID of the flow, the exporter's address, "
                     "or none"}},
    FT_KAFKA_SECRETS(SECRET){
        .row = {.name = "kafka.*",
                .of = KAFKA,
                .value = "VALUE",
                .help = "a setting of librdkafka, as kafka.compression.type=zstd"},
        .check = some,
        .allowed = "a value"},
};

const struct ft_params ft__kafka_params = {rows, sizeof rows / sizeof rows[0]};

uint32_t ft__kafka_murmur2(const uint8_t *key, size_t len)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28c ^ (uint32_t)len;
    size_t i = 0;

    for (; i + 4 <= len; i += 4) {
        uint32_t k = key[i] | (uint32_t)key[i + 1] << 8 | (uint32_t)key[i + 2] << 16 |
                     (uint32_t)key[i + 3] << 24;

        k *= m;
        k ^= k >> 24;
        h = (h * m) ^ (k * m);
    }
    if (i < len) {
        for (size_t k = 0; i + k < len; k++) {
            h ^= (uint32_t)key[i + k] << (8 * k);
        }
        h *= m;
    }
    h = (h ^ (h >> 13)) * m;
    return h ^ (h >> 15);
}
