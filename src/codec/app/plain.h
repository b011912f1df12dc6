/* SPDX-License-Identifier: Apache-2.0 */
/* codec: protocols whose beginning is in the clear: DNS, HTTP/1, SSH. Answers are views into the
 * bytes that were given, or copies where the protocol writes names its own way. */
#ifndef FT_CODEC_APP_PLAIN_H
#define FT_CODEC_APP_PLAIN_H

#include "codec/app/tls.h"

enum { FT_DNS_NAME = 254 };

struct ft_dns {
    bool response;
    uint8_t rcode;
    uint16_t qtype;
    uint16_t answers;
    uint32_t ttl;      /* lowest of the answers; with answers_read */
    bool answers_read; /* at least one answer's TTL was captured */
    uint8_t name_len;  /* of the query name, dots between labels; "." is the root */
    uint8_t name[FT_DNS_NAME];
};

/* A DNS message with one question (RFC 1035 §4.1). */
bool ft_dns_read(const uint8_t *p, size_t len, struct ft_dns *out);

struct ft_http {
    bool response;
    uint16_t status;                                 /* response */
    struct ft_text method, target, host, user_agent; /* request */
    bool websocket;                                  /* Upgrade: websocket */
};

/* The head of an HTTP/1 message (RFC 9112). MORE: the head has not ended; final: no more will come,
 * and what is there has to do. */
enum ft_parse ft_http_read(const uint8_t *p, size_t len, bool final, struct ft_http *out);

struct ft_ssh {
    struct ft_text banner; /* "SSH-2.0-..." without the line's end */
    bool has_hassh;
    char hassh[FT_MD5_TEXT]; /* of this side: hassh of a client, hasshServer of a server */
};

/* The identification line and key exchange offer at the beginning of a side's stream (RFC 4253
 * §4.2, §7.1; salesforce/hassh). MORE: the offer is not there yet; banner may be set already. */
enum ft_parse ft_ssh_read(const uint8_t *p, size_t len, bool client, struct ft_ssh *out);

#endif
