/* SPDX-License-Identifier: Apache-2.0 */
/* model: information elements: what an exporter may send, by number.
 *
 * Theory of operation: the IANA registry (RFC 7012) and the enterprise elements in common use stand
 * in constant tables, sorted by (PEN, number). Names are the registered ones in snake_case, where
 * IPv4, IPv6, MPLS, BGP and so on are one word each: sourceIPv4Address is source_ipv4_address.
 * An enterprise's element that has the name of one of IANA's gets the vendor's name before it: a
 * record may have both. NetFlow v9 numbers below 32768 are the IANA ones; above, they are vendors'
 * (ft_element_v9). */
#ifndef FT_MODEL_ELEMENTS_ELEMENT_H
#define FT_MODEL_ELEMENTS_ELEMENT_H

#include <stdint.h>

#include "flowtap/macros.h"
#include "model/privacy.h"

/* How the bytes of an exported value are to be read: the abstract types of RFC 7012 §3.1 and RFC
 * 6313 §4.5 in the encodings of RFC 7011 §6, and a few that sFlow needs. Big-endian. */
enum ft_xtype {
    FT_X_OCTETS,       /* octetArray; text: hex */
    FT_X_UINT,         /* unsigned8..64, 1 to 8 bytes */
    FT_X_INT,          /* signed8..64, 1 to 8 bytes, two's complement */
    FT_X_FLOAT,        /* float32 or float64: 4 or 8 bytes */
    FT_X_BOOL,         /* 1 byte: 1 true, 2 false; else null */
    FT_X_MAC,          /* 6 bytes */
    FT_X_IPV4,         /* 4 bytes */
    FT_X_IPV6,         /* 16 bytes */
    FT_X_STRING,       /* UTF-8, untrusted */
    FT_X_SECONDS,      /* u32 s since 1970; text: the integer */
    FT_X_MILLISECONDS, /* u64 ms since 1970 */
    FT_X_MICROSECONDS, /* NTP 64 bit, RFC 7011 §6.1.9; text: integer us since 1970 */
    FT_X_NANOSECONDS,  /* NTP 64 bit, RFC 7011 §6.1.10; text: integer ns since 1970 */
    FT_X_BASIC_LIST,   /* RFC 6313 */
    FT_X_SUBTEMPLATE_LIST,
    FT_X_SUBTEMPLATE_MULTI_LIST,
    FT_X_UINT256,    /* up to 32 bytes; text: hex */
    FT_X_UINT32_LIST /* n * 4 bytes; text: an array of integers (sFlow AS paths, label stacks) */
};

struct ft_element {
    uint32_t pen;     /* private enterprise number (IANA); 0: the IANA registry */
    uint16_t id;      /* element number, without the enterprise bit */
    uint8_t type;     /* enum ft_xtype */
    uint8_t width;    /* bytes of the full size: 1, 2, 4, 6, 8, 16, 32; 0: any length */
    const char *name; /* snake_case; unique within the table of its PEN */
};

/* The element, or NULL when no table has it. PEN 29305 (RFC 5103) gives the forward element: the
 * caller knows that it is reversed. Any thread. */
const struct ft_element *ft_element_find(uint32_t pen, uint16_t id);

/* The element of a NetFlow v9 field type: IANA up to 32767; above that Palo Alto's two (PEN 25461,
 * 56701 and 56702 as they are), ntop's (PEN 35632, number less 57472) from 57472 on, and else
 * Cisco's (PEN 9, number less 32768). NULL when unknown. Any thread. */
const struct ft_element *ft_element_v9(uint16_t type);

/* The class of a type of values. Any thread. */
enum ft_privacy ft_xtype_privacy(enum ft_xtype type);

/* The class of an element: that of its type, but for the few numbers that name a person or are made
 * from packets. NULL (an unknown element): bytes. Any thread. */
enum ft_privacy ft_element_privacy(const struct ft_element *e);

/* Element number i in order of (PEN, id); NULL after the last. For tables and tests. */
const struct ft_element *ft_element_at(uint32_t i);

#endif
