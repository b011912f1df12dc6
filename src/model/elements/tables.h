/* SPDX-License-Identifier: Apache-2.0 */
/* model: the tables behind element.h.
 *
 * The IANA registry is indexed by number; its gaps have no name. Every enterprise has one table in
 * order of the numbers. A new enterprise is a table, a line below and a line in element.c; the test
 * checks all of them for order, names and widths. */
#ifndef FT_MODEL_ELEMENTS_TABLES_H
#define FT_MODEL_ELEMENTS_TABLES_H

#include "model/elements/element.h"

enum { FT__IANA_MAX = 533 };

extern const struct ft_element ft__element_iana[FT__IANA_MAX + 1];

struct ft__element_table {
    uint32_t pen;
    uint32_t n;                    /* rows */
    const struct ft_element *rows; /* in order of their numbers */
};

#define FT__ELEMENT_TABLE(pen_, rows_)                                                             \
    {                                                                                              \
        pen_, sizeof rows_ / sizeof rows_[0], rows_                                                \
    }

extern const struct ft__element_table ft__elements_astaro;
extern const struct ft__element_table ft__elements_barracuda;
extern const struct ft__element_table ft__elements_barracuda_old;
extern const struct ft__element_table ft__elements_cert;
extern const struct ft__element_table ft__elements_cesnet;
extern const struct ft__element_table ft__elements_cisco;
extern const struct ft__element_table ft__elements_conntrack;
extern const struct ft__element_table ft__elements_flowmon;
extern const struct ft__element_table ft__elements_gigamon;
extern const struct ft__element_table ft__elements_huawei;
extern const struct ft__element_table ft__elements_ixia;
extern const struct ft__element_table ft__elements_juniper;
extern const struct ft__element_table ft__elements_netscaler;
extern const struct ft__element_table ft__elements_nokia;
extern const struct ft__element_table ft__elements_ntop;
extern const struct ft__element_table ft__elements_palo_alto;
extern const struct ft__element_table ft__elements_plixer;
extern const struct ft__element_table ft__elements_pmacct;
extern const struct ft__element_table ft__elements_procera;
extern const struct ft__element_table ft__elements_silver_peak;
extern const struct ft__element_table ft__elements_swisscom;
extern const struct ft__element_table ft__elements_viptela;
extern const struct ft__element_table ft__elements_vmware;

#endif
