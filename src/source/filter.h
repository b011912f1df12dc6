/* SPDX-License-Identifier: Apache-2.0 */
/* source: BPF expressions for sources whose packets do not pass a kernel filter.
 *
 * Theory of operation: an expression means something else on each link type, so it is compiled once
 * for every link type that is met (ft_filter_add) and looked up by a view's link type
 * (ft_filter_mark). libpcap's compiler makes the programs; without libpcap ft_filter_new() says so.
 * A link type for which the expression makes no sense (an Ethernet address on raw IP) matches
 * nothing; an expression that makes sense nowhere is for the caller to refuse. */
#ifndef FT_SOURCE_FILTER_H
#define FT_SOURCE_FILTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/log.h"
#include "model/packet.h"

enum { FT_FILTER_LINKTYPES_MAX = 32 };

struct ft_filter;
struct pcap;
struct bpf_program;

/* Who hears that a compilation takes long, and what ends the wait for it; either may be NULL. */
struct ft_filter_wait {
    const struct ft_log *log;
    const atomic_bool *stop;
};

/* pcap_compile() for p. Hundreds of terms take libpcap minutes, and it cannot be interrupted: it
 * works in a thread of its own; after five seconds it is said, and a stop leaves it behind. FT_OK:
 * out is the program, for pcap_freecode(); FT_E_USAGE: err has libpcap's words; FT_E_INTERRUPTED:
 * stop came, and p belongs to the thread that is left behind. On all others p stays the caller's.
 */
FT_NODISCARD int ft_filter_compile(struct pcap *p, const char *expr,
                                   const struct ft_filter_wait *wait, struct bpf_program *out,
                                   struct ft_err *err);

/* A filter without programs. expr is copied; what wait points to outlives the filter.
 * FT_E_UNSUPPORTED: this build has no libpcap; FT_E_NOMEM. */
FT_NODISCARD int ft_filter_new(const char *expr, const struct ft_filter_wait *wait,
                               struct ft_filter **out, struct ft_err *err);
void ft_filter_free(struct ft_filter *f); /* NULL is a no-op */

/* Compiles the expression for a link type; a no-op when that was done. FT_E_USAGE: it cannot be
 * compiled, err has libpcap's message and the expression, and from now on this link type matches
 * nothing; FT_E_INTERRUPTED: stop came before it was done; FT_E_FULL: FT_FILTER_LINKTYPES_MAX link
 * types were met. One thread at a time, and not while another one is in ft_filter_mark(). */
FT_NODISCARD int ft_filter_add(struct ft_filter *f, uint16_t linktype, struct ft_err *err);

/* Was ft_filter_add() called for this link type? */
bool ft_filter_has(const struct ft_filter *f, uint16_t linktype);

/* Sets FT_VIEW_FILTERED on every view that does not match; views of link types that were not added
 * do not match. Pure: any number of threads. */
void ft_filter_mark(const struct ft_filter *f, struct ft_view *views, uint32_t n);

#endif
