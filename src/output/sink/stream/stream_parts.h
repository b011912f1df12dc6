/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/stream: sinks at the end of a connection: tcp, tls, unix.
 *
 *     chunk --copied--> window (frames) --write--> socket ... acknowledged --> arrived
 *
 * Theory of operation: what goes into a socket has not arrived: it is in this machine's buffer,
 * under way, or, on a UNIX socket, not read yet. So chunks are copied into a window, which is a
 * ring of bytes, and count as arrived when the kernel says that the other side has them (SIOCOUTQ).
 * When a connection breaks, the window is sent again from the first event that was not
 * acknowledged: an event may come twice, at the joint, and none is missing. What the program at the
 * other side had not read when it died is its loss; nobody else can know of it.
 *
 * A receiver that is away (receiver.h) is waited for in write() and flush(). */
#ifndef FT_OUTPUT_SINK_STREAM_STREAM_PARTS_H
#define FT_OUTPUT_SINK_STREAM_STREAM_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "output/output.h"

enum ft__stream_kind { FT__STREAM_TCP, FT__STREAM_TLS, FT__STREAM_UNIX };

#endif
