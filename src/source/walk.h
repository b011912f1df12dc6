/* SPDX-License-Identifier: Apache-2.0 */
/* source: from a window of capture-file bytes to views.
 *
 * Theory of operation: a walker keeps the format's state; ft_walk() takes as many whole records as
 * fit into the caller's views off the front of a window. A mapped file is one window; a stream is a
 * window that grows. It does no I/O. */
#ifndef FT_SOURCE_WALK_H
#define FT_SOURCE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/file/pcap.h"
#include "codec/file/pcapng.h"
#include "flowtap/errors.h"
#include "model/packet.h"
#include "source/filter.h"

enum ft_walk_kind { FT_WALK_START, FT_WALK_PCAP, FT_WALK_PCAPNG };

struct ft_walker {
    enum ft_walk_kind kind;
    struct ft_pcap pcap;
    struct ft_pcapng ng;
    struct ft_filter *filter;      /* or NULL; borrowed */
    bool (*linktype_ok)(uint16_t); /* or NULL: any */
};

struct ft_walked {
    uint32_t n;        /* views written */
    uint64_t used;     /* bytes taken off the front */
    uint64_t need;     /* FT_E_AGAIN: bytes that the next record needs, from used on */
    const char *why;   /* FT_E_CORRUPT, FT_E_FORMAT: static */
    uint16_t linktype; /* FT_E_UNSUPPORTED: which */
};

/* FT_OK: out->n == cap or the window is used up; FT_E_AGAIN: the rest of the window is less than a
 * record; FT_E_FORMAT: no capture file; FT_E_UNSUPPORTED: link type; FT_E_CORRUPT. out is valid in
 * every case. limit: no record that starts at or after p + limit is taken. */
FT_NODISCARD int ft_walk(struct ft_walker *w, const uint8_t *p, uint64_t left, uint64_t limit,
                         struct ft_view *views, uint32_t cap, struct ft_walked *out);

#endif
