/* SPDX-License-Identifier: Apache-2.0 */
/* codec: what a proxy puts before a connection that it hands on (PROXY protocol, versions 1 and 2,
 * haproxy's doc/proxy-protocol.txt §2.1, §2.2). */
#ifndef FT_CODEC_APP_PROXY_H
#define FT_CODEC_APP_PROXY_H

#include "codec/app/tls.h"

/* DONE: the stream's own bytes begin behind *out_skip. NOT: nothing was put before them. */
enum ft_parse ft_proxy_read(const uint8_t *p, size_t len, size_t *out_skip);

#endif
