/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: TLS and DTLS of those who send, by OpenSSL (RFC 7011 §11, RFC 6347).
 *
 * Theory of operation: files are read when a listening address is opened, before privileges and the
 * file system go; nothing of them is needed later. Who sends has to show a certificate of an
 * authority in ca= (§11.3: mutual authentication), and, with peers=, one that has one of these
 * names or addresses. Each session is verified in full: none is resumed, none renegotiated.
 *
 *     TLS    start -> [ shake ]* -> [ read ]* -> end        over a socket
 *     DTLS   start -> [ feed, listen ]* until the cookie came back -> [ feed, shake ]*
 *                  -> [ feed, read ]* -> end                a datagram at a time
 *
 * Calls of one ft__secure and its sessions come from one thread. */
#ifndef FT_SOURCE_UDP_SECURE_H
#define FT_SOURCE_UDP_SECURE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "model/peer.h"
#include "source/udp/listen.h"

struct ft__secure;  /* what the sessions of a listening address share */
struct ft__session; /* one connection, or DTLS association */

enum { FT__SECURE_WHY = 160 };

/* Reads what l names. FT_E_UNSUPPORTED: no OpenSSL in this build; FT_E_USAGE: a file cannot be
 * used; FT_E_IO; FT_E_NOMEM. url is for messages. */
FT_NODISCARD int ft__secure_open(const char *url, const struct ft__listen *l,
                                 struct ft__secure **out, struct ft_err *err);
/* Not used for sessions any more: it goes with the last of them. NULL is a no-op. */
void ft__secure_free(struct ft__secure *s);

/* TLS over a connected socket, which is borrowed. FT_E_NOMEM. */
FT_NODISCARD int ft__session_start(struct ft__secure *s, int fd, const struct ft_peer *peer,
                                   struct ft__session **out);
/* DTLS: answers go out of fd, to whom ft__session_feed() told. FT_E_NOMEM. */
FT_NODISCARD int ft__session_start_datagrams(struct ft__secure *s, int fd,
                                             struct ft__session **out);
void ft__session_end(struct ft__session *t); /* NULL is a no-op; says farewell */

/* DTLS: the datagram that the next call is about, borrowed until then, and its sender. */
void ft__session_feed(struct ft__session *t, const struct sockaddr_storage *from,
                      const struct ft_peer *peer, const uint8_t *data, size_t len);

/* DTLS, before anything is kept of a sender: answers a hello with a cookie of its address. FT_OK:
 * the cookie came back, the handshake goes on with ft__session_shake(); FT_E_AGAIN: all else. */
FT_NODISCARD int ft__session_listen(struct ft__session *t, int64_t now_ns);

/* A step of the handshake. FT_OK: it is done; FT_E_AGAIN: *out_events of poll are waited for, or
 * the next datagram; FT_E_CLOSED: it failed, why tells. */
FT_NODISCARD int ft__session_shake(struct ft__session *t, short *out_events,
                                   char why[FT__SECURE_WHY]);

/* DTLS: sends again what may have been lost, when it is time. */
void ft__session_again(struct ft__session *t);

/* Bytes that were sent, up to room: > 0; 0: none now; < 0: the session is over. TLS: as many as
 * there are; DTLS: of one record. */
long ft__session_read(struct ft__session *t, uint8_t *to, size_t room);

#endif
