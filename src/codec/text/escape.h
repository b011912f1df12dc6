/* SPDX-License-Identifier: Apache-2.0 */
/* codec/text: strings that may hold anything, as JSON and as CSV. */
#ifndef FT_CODEC_TEXT_ESCAPE_H
#define FT_CODEC_TEXT_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A JSON string with its quotes: control characters, quotes, backslashes and bytes that are not
 * UTF-8 are escaped; cut after max bytes of s. Writes at most 6 * max + 2 bytes. */
uint8_t *ft_put_json_string(uint8_t *p, const char *s, size_t max);

/* What stands between the quotes of a text of len bytes: in JSON, control characters, quotes and
 * backslashes are escaped; in CSV, quotes are doubled and control characters are spaces. What is no
 * UTF-8 becomes U+FFFD, a byte each. Writes at most 6 * len bytes. */
uint8_t *ft_put_text(uint8_t *p, const uint8_t *text, uint32_t len, bool json);

/* A text of len bytes as it is; what is no UTF-8 becomes U+FFFD, a byte each. Writes at most 3 *
 * len bytes. */
uint8_t *ft_put_utf8(uint8_t *p, const uint8_t *text, uint32_t len);

#endif
