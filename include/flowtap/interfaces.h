/* SPDX-License-Identifier: Apache-2.0 */
/* The interfaces of this machine, for people and for choosing one. No privilege is needed. */
#ifndef FLOWTAP_INTERFACES_H
#define FLOWTAP_INTERFACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FT_IFACE_NAME = 64, FT_IFACE_ADDRESSES = 16, FT_IFACE_ADDRESS = 64, FT_IFACE_TEXT = 64 };

struct ft_interface {
    uint32_t index; /* the kernel's */
    char name[FT_IFACE_NAME];
    char address[FT_IFACE_ADDRESSES][FT_IFACE_ADDRESS]; /* "192.0.2.1/24", "2001:db8::1/64" */
    uint32_t n_addresses;
    char link_type[FT_IFACE_TEXT];   /* "EN10MB", "RAW", ... */
    char description[FT_IFACE_TEXT]; /* "loopback", a driver's name, "" */
    bool up;                         /* administratively up and running */
    bool loopback;
};

/* All interfaces in the order of their index. On success *out is the caller's, freed with
 * ft_interfaces_free. FT_E_NOMEM, FT_E_IO. Any thread. */
FT_API FT_NODISCARD int ft_interfaces_list(struct ft_interface **out, size_t *out_n,
                                           struct ft_err *err);
FT_API void ft_interfaces_free(struct ft_interface *list);

/* The name that text stands for: a name, an index, or "any". FT_E_NOT_FOUND: err names what there
 * is. */
FT_API FT_NODISCARD int ft_interface_resolve(const char *text, char out_name[FT_IFACE_NAME],
                                             struct ft_err *err);

/* The interface of the default route, else the first that is up and not loopback; *out_why is a
 * static text that says which of the two. FT_E_NOT_FOUND. */
FT_API FT_NODISCARD int ft_interface_default(char out_name[FT_IFACE_NAME], const char **out_why,
                                             struct ft_err *err);

#ifdef __cplusplus
}
#endif

#endif
