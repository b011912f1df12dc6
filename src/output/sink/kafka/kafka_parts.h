/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/kafka: what the files of the sink share.
 *
 * Theory of operation: an event, or a batch of them, becomes a message of librdkafka, which copies
 * it, sends it from threads of its own and reports what became of it; a report tells the account,
 * so an event is written when the brokers have said so. Nothing is connected, and no thread of
 * librdkafka is there, before the first call on the output's thread: threads that were there before
 * would not be under the system-call filter. All files (secrets, certificates) are read when the
 * sink is opened, since there is no file system later.
 *
 *     events --key, murmur2--> slot of a partition --full or old--> message   (batch=)
 *     events --------------------------------------------------> messages     (one each) */
#ifndef FT_OUTPUT_SINK_KAFKA_PARTS_H
#define FT_OUTPUT_SINK_KAFKA_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/output.h"

extern const struct ft_params ft__kafka_params;

enum {
    FT__KAFKA_BATCH_DEFAULT = 256 << 10,
    FT__KAFKA_BATCH_LEAST = 4 << 10,
    FT__KAFKA_BATCH_MOST = 900 << 10, /* brokers take messages of 1 MB unless told otherwise */
};

/* Java's murmur2 of a key, as its clients choose a partition by it. */
uint32_t ft__kafka_murmur2(const uint8_t *key, size_t len);

#ifdef FT_HAVE_RDKAFKA

#include "base/kafka.h"

enum {
    FT__KAFKA_BURST = 512,       /* messages that librdkafka is handed at once */
    FT__KAFKA_BLOCKS = 64 << 20, /* bytes of chunks whose messages were not reported yet */
    FT__KAFKA_SLOTS = 4096,      /* partitions that a batch is made for at the same time */
    FT__KAFKA_ROOM = 32 << 20,   /* bytes of all batches that are being made */
};

/* Bytes of chunks that messages point into, until the last of them was reported. */
struct ft__kafka_block {
    uint32_t used;  /* bytes */
    uint32_t holds; /* messages, and one while it is filled; 0: it is free */
};

/* A batch that is being made. */
struct ft__kafka_slot {
    uint32_t len;
    int32_t partition; /* -1: any */
    int64_t since_ms;  /* of its first event */
    struct ft_tally tally;
};

/* What was said and is not over yet: each once. */
enum ft__kafka_said {
    FT__KAFKA_SAID_AWAY = 1,
    FT__KAFKA_SAID_REFUSED = 2,
    FT__KAFKA_SAID_TOPIC = 4,
    FT__KAFKA_SAID_LOST = 8,
};

/* owner: the output's thread, but for gave_up */
struct kafka_sink {
    struct ft_sink sink;
    struct ft_log log;
    char *text;  /* the URL, for messages */
    char *topic; /* its name */
    char brokers[FT_KAFKA_BROKERS];
    struct ft_kafka_config config; /* what each producer is made of */
    rd_kafka_t *rk;                /* NULL: to be made */
    rd_kafka_topic_t *rkt;
    rd_kafka_message_t *burst; /* [FT__KAFKA_BURST], n_burst of them to be handed over */
    uint32_t n_burst;
    int32_t partitions; /* of the topic; 0: not known yet */
    uint32_t looks;     /* that brought nothing */
    int64_t look_at_ms; /* when to ask for them again */
    int64_t unknown_since_ms;
    int64_t patience_ms;  /* message.timeout.ms: how long a message waits; 0: for ever */
    int64_t topic_ms;     /* likewise, when brokers say that there is no such topic */
    bool no_topic;        /* they do */
    uint64_t waiting;     /* messages of which nothing was reported yet */
    uint64_t outage_lost; /* events lost since something was said */
    unsigned said;        /* enum ft__kafka_said */
    _Atomic bool gave_up;
    bool single;                  /* events one by one, else each chunk is a batch of rows */
    bool datagrams;               /* a head before each (model/datagram.h) */
    bool in_blocks;               /* messages are in blocks, and not copied again */
    bool by_partition;            /* lines become batches */
    bool kept;                    /* a spool stands before: messages tell which they are */
    const struct ft_chunk *chunk; /* that is being written, */
    uint32_t n_of_chunk;          /* and how many messages were made of it */
    bool fatal;                   /* this producer can do no more */
    uint32_t batch_len;
    int64_t age_ms;
    struct ft__kafka_slot *slot; /* [FT__KAFKA_SLOTS], of which n_slots are used */
    uint8_t *room;               /* [FT__KAFKA_ROOM]: slot_len bytes for each slot */
    uint32_t n_slots, slot_len;
    struct ft__kafka_block *block; /* [n_blocks], block_len bytes each at blocks */
    uint8_t *blocks;
    uint32_t n_blocks, block_len, filling; /* filling: the one that is filled */
    uint8_t *frame; /* a message of rows, which begins with the header: [frame_len] */
    size_t frame_len, header_len;
    uint8_t tail[64]; /* its end */
    size_t tail_len;
};

/* The configuration of a producer, of the URL's parameters; files are read. FT_E_USAGE, FT_E_IO,
 * FT_E_NOMEM. */
FT_NODISCARD int ft__kafka_configure(struct kafka_sink *s, const struct ft_output_url *url,
                                     struct ft_err *err);

/* ---- producer.c ---- */

/* What librdkafka calls, into the configuration. */
void ft__kafka_callbacks(struct kafka_sink *s);

/* Makes the producer, if there is none. */
void ft__kafka_start(struct kafka_sink *s);
/* Hears what librdkafka has to say, waiting for it up to so long. */
void ft__kafka_hear(struct kafka_sink *s, int wait_ms);
/* Room for so many bytes in a block, or NULL: told to give up. */
uint8_t *ft__kafka_room(struct kafka_sink *s, uint32_t len);
/* One more message of one event, or, with tally (heap; taken), of several. It is copied by
 * ft__kafka_send(), but when in_blocks. */
void ft__kafka_add(struct kafka_sink *s, const uint8_t *key, size_t key_len, const uint8_t *data,
                   size_t len, int32_t partition, enum ft_event e, struct ft_tally *tally);
/* Hands over what was added. */
void ft__kafka_send(struct kafka_sink *s);
/* Asks for the partitions of the topic, when they are not known and it is time to. */
void ft__kafka_look(struct kafka_sink *s);
/* All that was handed over arrives, or is lost. */
void ft__kafka_finish(struct kafka_sink *s);
void ft__kafka_stop(struct kafka_sink *s);
/* Says once what hinders, until something arrives. */
void ft__kafka_say(struct kafka_sink *s, rd_kafka_resp_err_t e, const char *why);
/* Events that are lost without a message. */
void ft__kafka_lose(struct kafka_sink *s, const struct ft_tally *t);

/* ---- batch.c ---- */

/* The partitions have become known; no slot is begun. */
void ft__kafka_batch_begin(struct kafka_sink *s);
/* The events of a chunk of lines into their slots. */
void ft__kafka_batch(struct kafka_sink *s, const struct ft_chunk *c);
/* Slots that are old, or all, become messages; returns when the next is old, -1: none is begun. */
int64_t ft__kafka_batch_due(struct kafka_sink *s, bool all);

/* An event of a chunk. */
struct ft__kafka_event {
    const uint8_t *key, *data;
    uint32_t key_len, len; /* len: of lines without the newline */
    enum ft_event event;
};

/* Walks over the events of a chunk, which are no rows: begins as {c}. */
struct ft__kafka_walk {
    const struct ft_chunk *c;
    uint32_t mark, at;
};
bool ft__kafka_next(struct ft__kafka_walk *w, struct ft__kafka_event *out);

#endif
#endif
