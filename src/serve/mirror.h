/* SPDX-License-Identifier: Apache-2.0 */
/* serve: headers that mirror a message. MCP 2026-07-28, transports, Streamable HTTP, request
 * metadata. */
#ifndef FT_SERVE_MIRROR_H
#define FT_SERVE_MIRROR_H

#include <stdbool.h>

/* header is text, or "=?base64?" its base64 "?=" (RFC 4648 §4, padded). */
bool ft_mirror_equals(const char *header, const char *text);

#endif
