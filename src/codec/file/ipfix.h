/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file: IPFIX files, RFC 5655: messages, one behind the other, and nothing else.
 *
 *   message header (RFC 7011 §3.1)
 *    0  version     10
 *    2  length      of the message, header included: 16..65535
 *    4  export time seconds since 1970
 *    8  sequence number, 12 observation domain
 *
 * There is no header of the file and no mark of its end, so files that are put behind one another
 * are one file. Where a message says that it ends the next one begins: behind a header that cannot
 * be, nothing is found any more (the trailing padding and the error recovery of RFC 5655 Appendix
 * B.4 are not looked for). */
#ifndef FT_CODEC_FILE_IPFIX_H
#define FT_CODEC_FILE_IPFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/file/walk.h"
#include "flowtap/errors.h"
#include "model/packet.h"

enum { FT_IPFIX_HEADER_LEN = 16, FT_IPFIX_VERSION = 10 };

/* Do these four bytes begin a message? */
bool ft_ipfix_is_magic(const uint8_t p[4]);

/* Fills views[*n..cap) with messages, of link type FT_LINK_MESSAGE and interface `input`, and
 * counts *n up; the time of each is its export time. Codes as those of ft_pcap_walk(), but
 * FT_E_FORMAT. */
FT_NODISCARD int ft_ipfix_walk(uint16_t input, struct ft_walk *w, struct ft_view *views,
                               uint32_t cap, uint32_t *n);

#endif
