/* SPDX-License-Identifier: Apache-2.0 */
/* codec: protocols whose beginning is lines of text: HTTP/1, SSH. Answers are views into the bytes
 * that were given. */
#ifndef FT_CODEC_APP_PLAIN_H
#define FT_CODEC_APP_PLAIN_H

#include "codec/app/tls.h"

struct ft_http {
    bool response;
    uint16_t status;                                 /* response */
    struct ft_text method, target, host, user_agent; /* request */
    bool websocket;                                  /* Upgrade: websocket */
    bool sure; /* with MORE: the line of a request is there, only its fields are not */
};

/* The head of an HTTP/1 message (RFC 9112). MORE: the head has not ended; final: no more will come,
 * and what is there has to do. Of fields that come more than once the last is given. Values that
 * were folded over lines (§5.2) hold the line ends. */
enum ft_parse ft_http_read(const uint8_t *p, size_t len, bool final, struct ft_http *out);

struct ft_ssh {
    struct ft_text banner; /* "SSH-2.0-..." without the line's end */
    bool has_hassh;
    char hassh[FT_MD5_TEXT]; /* of this side: hassh of a client, hasshServer of a server */
};

/* The identification line and key exchange offer at the beginning of a side's stream (RFC 4253
 * §4.2, §7.1; salesforce/hassh). MORE: the offer is not there yet; banner may be set already. */
enum ft_parse ft_ssh_read(const uint8_t *p, size_t len, bool client, struct ft_ssh *out);

/* Lines of text that a server may send before its identification line (RFC 4253 §4.2). DONE: that
 * one begins behind *out_skip bytes. MORE: nothing but text has come, and not too much of it. */
enum ft_parse ft_ssh_text(const uint8_t *p, size_t len, size_t *out_skip);

#endif
