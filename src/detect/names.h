/* SPDX-License-Identifier: Apache-2.0 */
/* detect: what a name that somebody asked for is made of; for src/detect only. */
#ifndef FT_DETECT_NAMES_H
#define FT_DETECT_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

enum { FT__NAME_SHOWN = 64, FT__NAME_MOST = 255, FT__NXDOMAIN = 3 };

/* A name, in small letters: what can be registered, and what stands before it. */
struct ft_note_name {
    uint64_t domain, sub;         /* hashes */
    float sub_entropy;            /* bits: of the characters before the domain */
    float surprise;               /* bits: mean of the domain's pairs of letters, in English */
    uint8_t sub_len, label_len;   /* before the domain; of its first label */
    uint8_t rcode;                /* of the answer */
    bool looked_up;               /* an address turned round, or one of a list (RFC 5782) */
    uint8_t text_len;             /* of what is shown of the domain */
    uint8_t text[FT__NAME_SHOWN]; /* whatever it was */
};

/* name: text with dots, as ft_dns_read() writes it; changed to small letters. False: it has no
 * domain: one label, or the root. */
bool ft__name_read(const struct ft_hash_seed *seed, uint8_t *name, uint32_t len,
                   struct ft_note_name *out);

#endif
