/* SPDX-License-Identifier: Apache-2.0 */
/* source: what the live sources share about interfaces. */
#ifndef FT_SOURCE_IFACE_H
#define FT_SOURCE_IFACE_H

/* The link type of a Linux ARPHRD_* number, as libpcap names it; "unknown". */
const char *ft_iface_arphrd_name(unsigned arphrd);

#endif
