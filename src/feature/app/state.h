/* SPDX-License-Identifier: Apache-2.0 */
/* feature/app: what is kept of a flow while its first payloads are looked at. Internal to the
 * folder.
 *
 * Theory of operation: each direction is a stream: of TCP by sequence number, of QUIC the CRYPTO
 * frames by offset, of DTLS a handshake message by the offsets of its parts. A stream whose bytes
 * are needed but not whole holds a buffer; the bytes lie in it at their offsets from base. */
#ifndef FT_FEATURE_APP_STATE_H
#define FT_FEATURE_APP_STATE_H

#include "codec/app/quic.h"
#include "codec/app/tls.h"
#include "feature/app/app.h"
#include "model/packet.h"
#include "model/record.h"

/* Datagrams that are looked at until both hellos were read. */
enum { HELLO_DATAGRAMS = 32 };
/* RANGES: clients of QUIC cut a hello into dozens of CRYPTO frames and shuffle them, over several
 * datagrams too. */
enum { BUFFER_LEN = FT_PAYLOAD_MAX, RANGES = 64, NO_BUFFER = 0xffff };

/* Bytes of a stream that have come, by their offset. */
struct buffer {
    uint16_t next_free;
    uint16_t n_ranges;
    uint32_t range[RANGES][2]; /* [start, end), apart from each other */
    uint8_t data[BUFFER_LEN];
};

struct stream {
    uint32_t base;   /* TCP: sequence number of the first byte; DTLS: number of the message */
    uint16_t buffer; /* or NO_BUFFER */
    uint8_t packets;
    bool begun, over;
    bool wrapped; /* it began with something that TLS may follow */
    bool hello;   /* a hello of TLS has begun and is not whole */
};

struct state {
    bool used;
    uint8_t proto;
    uint8_t datagrams;
    uint8_t read[2];  /* FT_APP_* of the message that was read in this direction */
    bool read_tls[2]; /* a hello */
    bool midstream;   /* the connection's beginning was not seen */
    uint16_t src_port, dst_port;
    struct stream stream[2];
    struct ft_quic quic;
    uint8_t quic_client; /* FT_DIR_* of the client, once an Initial was opened */
    struct ft_app_info info;
};

_Static_assert(sizeof(struct state) <= 832, "what docs/app.md says that a flow takes");

struct ft_apps {
    struct state *state; /* [max_flows], mapped */
    struct buffer *buffer;
    uint32_t max_flows;
    uint16_t free;  /* list of buffers given back, or NO_BUFFER */
    uint16_t fresh; /* buffers never used yet begin here */
    struct ft_apps_stats stats;
    uint8_t message[FT_PAYLOAD_MAX]; /* a handshake message out of its records; an opened packet */
    struct ft_tls_hello hello;
    struct ft_tls_work work;
};

/* ---- what is found ---- */

/* A message of this application was read; both ways make it sure, unless the other side spoke of
 * something else. */
FT_INLINE void found(struct state *st, enum ft_app app, enum ft_app_part part, int dir)
{
    uint8_t other = st->read[!dir] == FT_APP_WEBSOCKET ? FT_APP_HTTP : st->read[!dir];

    st->read[dir] = (uint8_t)app;
    st->info.app = (uint8_t)app;
    st->info.part = (uint8_t)part;
    st->info.confidence = other == (app == FT_APP_WEBSOCKET ? FT_APP_HTTP : app)
                              ? FT_APP_BY_EXCHANGE
                              : FT_APP_BY_MESSAGE;
}

/* Only its first bytes are known; they say nothing against a message that was read. */
FT_INLINE bool looks_like(struct state *st, enum ft_app app)
{
    if (app != FT_APP_UNKNOWN && st->info.confidence < FT_APP_BY_PATTERN) {
        st->info.app = (uint8_t)app;
        st->info.confidence = FT_APP_BY_PATTERN;
    }
    return app != FT_APP_UNKNOWN;
}

/* ---- buffers ---- */

/* False: there is none, which is counted. */
bool ft__app_take_buffer(struct ft_apps *a, struct stream *s);
void ft__app_give_back(struct ft_apps *a, struct stream *s);
/* No more of this stream is wanted. */
void ft__app_finish(struct ft_apps *a, struct stream *s);

/* Puts bytes at their offset; what lies beyond the end is cut off. False: something was cut off, or
 * there are too many holes. */
bool ft__app_put(struct buffer *b, uint64_t offset, const uint8_t *data, uint32_t len);
/* How many bytes there are from the beginning. */
uint32_t ft__app_prefix(const struct buffer *b);
/* Takes the first n bytes away; the others move to the beginning. */
void ft__app_drop(struct buffer *b, uint32_t n);

/* ---- TLS ---- */

/* The beginning of a stream of TLS. */
enum ft_parse ft__app_tls(struct ft_apps *a, struct state *st, int dir, const uint8_t *p,
                          size_t len);

/* True when this beginning of a stream says that TLS may follow in it: STARTTLS and its like, a
 * proxy's request. */
bool ft__app_wraps(struct state *st, int dir, const uint8_t *p, size_t len);

/* Any bytes of such a stream, in which TLS may begin. With MORE the first *out_skip of them are not
 * needed again. */
enum ft_parse ft__app_wrapped(struct ft_apps *a, struct state *st, int dir, const uint8_t *p,
                              size_t len, size_t *out_skip);

/* A datagram of QUIC or DTLS (behind skip bytes). False: no more of this flow. */
bool ft__app_quic(struct ft_apps *a, struct state *st, const struct ft_app_packet *p);
bool ft__app_dtls(struct ft_apps *a, struct state *st, const struct ft_app_packet *p, size_t skip);

void ft__app_hide(struct ft_cryptopan *map, enum ft_names names, void *part);

#endif
