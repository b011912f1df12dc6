/* SPDX-License-Identifier: Apache-2.0 */
/* source: a BPF filter for files, where no kernel filters.
 *
 * Theory of operation: libpcap compiles the expression once per link type; running a program is a
 * pure function of the frame. Compiling happens at open, and when a pcapng file brings a new link
 * type, under the source's read lock. */
#ifndef FT_SOURCE_FILTER_H
#define FT_SOURCE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "model/packet.h"

struct ft_filter;

/* Checks the expression against Ethernet. FT_E_USAGE with libpcap's words; FT_E_UNSUPPORTED in a
 * build without libpcap. Freed with _free. */
FT_NODISCARD int ft_filter_new(const char *expression, struct ft_filter **out, struct ft_err *err);
void ft_filter_free(struct ft_filter *f);

/* Compiles for a link type; again is a no-op. A type for which the expression cannot be compiled
 * matches nothing. */
void ft_filter_prepare(struct ft_filter *f, uint16_t linktype);

/* True when the frame matches; its link type was prepared. Any thread. */
bool ft_filter_match(const struct ft_filter *f, const struct ft_view *v);

#endif
