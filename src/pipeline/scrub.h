/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: messages with their addresses mapped, for --anonymize.
 *
 * Theory of operation: every message of the pipeline and its parts goes through one callback
 * (flowtap/log.h). With --anonymize that callback is this one, which finds what reads as an IPv4,
 * IPv6 or MAC address in the finished text and puts the mapped one there, so that no message has to
 * be written with care. 0.0.0.0 and :: name nobody and stay. */
#ifndef FT_PIPELINE_SCRUB_H
#define FT_PIPELINE_SCRUB_H

#include <stddef.h>

#include "codec/net/cryptopan.h"
#include "flowtap/log.h"

struct ft_scrub;

/* to: where messages go afterwards. FT_E_NOMEM, FT_E_UNSUPPORTED. */
FT_NODISCARD int ft_scrub_new(const uint8_t key[FT_CRYPTOPAN_KEY], const struct ft_log *to,
                              struct ft_scrub **out);
void ft_scrub_free(struct ft_scrub *s); /* NULL is a no-op */

/* The log that maps and hands on; its cookie is s. */
struct ft_log ft_scrub_log(struct ft_scrub *s);

/* Copies text into out (cap bytes with its NUL, cut when it is longer), addresses mapped. Any
 * thread. */
void ft_scrub_text(struct ft_scrub *s, const char *text, char *out, size_t cap);

#endif
