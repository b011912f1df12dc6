/* SPDX-License-Identifier: Apache-2.0 */
/* codec: applications by the first bytes that they send, and by their ports.
 *
 * Only what a protocol's own document says that its messages begin with, and enough of it that
 * other traffic does not look the same by chance. */
#ifndef FT_CODEC_APP_KNOWN_H
#define FT_CODEC_APP_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "model/app.h"

/* By the first payload of one side; server: that of the responder. FT_APP_UNKNOWN. */
enum ft_app ft_known_tcp(const uint8_t *p, size_t len, bool server, uint16_t port);
/* By one datagram; ports of the flow. */
enum ft_app ft_known_udp(const uint8_t *p, size_t len, uint16_t sport, uint16_t dport);

/* By the responder's port alone (IANA). */
enum ft_app ft_known_port(uint8_t proto, uint16_t port);

#endif
