/* SPDX-License-Identifier: Apache-2.0 */
/* model: the tables behind element.h. */
#ifndef FT_MODEL_ELEMENT_TABLES_H
#define FT_MODEL_ELEMENT_TABLES_H

#include "model/element.h"

#define E(pen_, id_, name_, type_, width_)                                                         \
    {                                                                                              \
        .pen = pen_, .id = id_, .name = #name_, .type = FT_X_##type_, .width = width_              \
    }

enum { FT__IANA_MAX = 533 };

extern const struct ft_element ft__element_iana[FT__IANA_MAX + 1];

/* X(PEN, table), in order of the PENs. */
#define FT__ELEMENT_TABLES(X)                                                                      \
    X(9, cisco)                                                                                    \
    X(637, nokia)                                                                                  \
    X(2636, juniper)                                                                               \
    X(3054, ixia)                                                                                  \
    X(5951, netscaler)                                                                             \
    X(6871, cert)                                                                                  \
    X(6876, vmware)                                                                                \
    X(8057, cesnet)                                                                                \
    X(9789, afc)                                                                                   \
    X(10704, barracuda)                                                                            \
    X(12326, barracuda2)                                                                           \
    X(13745, plixer)                                                                               \
    X(15397, procera)                                                                              \
    X(21373, conntrack)                                                                            \
    X(25461, paloalto)                                                                             \
    X(26866, gigamon)                                                                              \
    X(35632, ntop)                                                                                 \
    X(39499, flowmon)                                                                              \
    X(41916, viptela)

#define FT__ELEMENT_DECLARE(pen_, table)                                                           \
    extern const struct ft_element ft__element_##table[];                                          \
    extern const uint32_t ft__element_##table##_n;
FT__ELEMENT_TABLES(FT__ELEMENT_DECLARE)
#undef FT__ELEMENT_DECLARE

#endif
