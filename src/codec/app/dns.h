/* SPDX-License-Identifier: Apache-2.0 */
/* codec: DNS messages, and those that are made like them: mDNS, LLMNR, NetBIOS name service.
 *
 * Theory of operation: the first question is what a message is about. Where there is none (what
 * mDNS announces, what NetBIOS answers) the first answer's owner is kept, so that the caller can
 * tell what it answers. Names are written as text: a dot between labels, `\.` and `\\` for a dot
 * and a backslash inside one (RFC 1035 §5.1, RFC 6763 §4.3), all other bytes as they are. */
#ifndef FT_CODEC_APP_DNS_H
#define FT_CODEC_APP_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FT_DNS_NAME = 512 }; /* 255 bytes on the wire; as text each may take two */

enum ft_dns_kind {
    FT_DNS_PLAIN,
    FT_DNS_NETBIOS /* names are decoded: NAME<20>, NAME<20>.scope */
};

struct ft_dns {
    bool response;
    bool has_question; /* name and qtype are the first question's; else the first answer's owner */
    uint8_t rcode;
    uint16_t id;
    uint16_t qtype;
    uint16_t answers;
    uint32_t ttl;      /* lowest of the answers; with answers_read */
    bool answers_read; /* at least one answer's TTL was captured */
    bool has_a;        /* at least one A record's was */
    bool a_listed;  /* the first of them is in 127.0.0.0/8: an entry of a list (RFC 5782 §2.1) */
    uint32_t a_ttl; /* of the first of them */
    uint16_t name_len; /* 0: none; "." is the root */
    uint8_t name[FT_DNS_NAME];
};

/* A message where a port says that it is one (RFC 1035 §4.1; RFC 6762 §18; RFC 4795 §2.1; RFC 1002
 * §4.2). cut: it goes on behind len; what comes behind the first question may be missing. */
bool ft_dns_read(const uint8_t *p, size_t len, bool cut, enum ft_dns_kind kind, struct ft_dns *out);

/* Whether the bytes are a DNS message and nothing else, where no port says so: one question, flags,
 * classes and counts that such a message has, every record inside, nothing behind the last. cut:
 * the message goes on behind len; then what is there has to be so, with the question. */
bool ft_dns_is(const uint8_t *p, size_t len, bool cut);

/* Whether the first len bytes of a message may be the beginning of one that ft_dns_is() takes. */
bool ft_dns_begins(const uint8_t *p, size_t len);

#endif
