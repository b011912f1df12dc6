/* SPDX-License-Identifier: Apache-2.0 */
/* model: what a column or an exported value gives away: its class.
 *
 * Theory of operation: every column of every event (field.h) and every information element
 * (elements/element.h) has one class. What is done with a class is decided in one place, the
 * pipeline (pipeline/anonymize.h): formats and outputs see events in which it has been done
 * already. A column cannot be without one: 0 is no class, and a test looks at all of them. */
#ifndef FT_MODEL_PRIVACY_H
#define FT_MODEL_PRIVACY_H

enum ft_privacy {
    FT_PRIVACY_UNSET,    /* of no column */
    FT_PRIVACY_NONE,     /* counters, sizes, ports, numbers of protocols, flowtap's own words */
    FT_PRIVACY_IDENTITY, /* addresses, and what is made from them */
    FT_PRIVACY_NAME,     /* text that somebody else wrote: names, hosts, users, banners */
    FT_PRIVACY_PAYLOAD,  /* bytes of packets, and what may hold any of the others inside */
    FT_PRIVACY_TIME,
    FT_PRIVACY_BY_VALUE, /* an object of exported values, each with its own class */
    FT_PRIVACY__COUNT
};

#endif
