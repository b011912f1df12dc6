/* SPDX-License-Identifier: Apache-2.0 */
/* model: finding information elements, see element.h. */
#include "model/elements/element.h"

#include <stddef.h>

#include "model/elements/tables.h"

enum {
    REVERSE_PEN = 29305, /* RFC 5103 */
    CISCO_PEN = 9,
    NTOP_PEN = 35632,
    HUAWEI = 2011,
    IXIA = 3054,
    NETSCALER = 5951,
    CERT = 6871,
    PROCERA = 15397,
    PALO_ALTO_PEN = 25461,
    VENDOR_MIN = 32768, /* v9 types from here on are vendors' */
    NTOP_MIN = 57472,
    PALO_ALTO_APP = 56701,
    PALO_ALTO_USER = 56702
};

/* In order of their PENs. */
static const struct ft__element_table *const tables[] = {
    &ft__elements_cisco,         &ft__elements_nokia,       &ft__elements_huawei,
    &ft__elements_juniper,       &ft__elements_ixia,        &ft__elements_swisscom,
    &ft__elements_netscaler,     &ft__elements_cert,        &ft__elements_vmware,
    &ft__elements_cesnet,        &ft__elements_astaro,      &ft__elements_barracuda,
    &ft__elements_barracuda_old, &ft__elements_plixer,      &ft__elements_procera,
    &ft__elements_conntrack,     &ft__elements_silver_peak, &ft__elements_palo_alto,
    &ft__elements_gigamon,       &ft__elements_ntop,        &ft__elements_flowmon,
    &ft__elements_viptela,       &ft__elements_pmacct,
};

enum { N_TABLES = sizeof tables / sizeof tables[0] };

static const struct ft_element *iana(uint16_t id)
{
    return id <= FT__IANA_MAX && ft__element_iana[id].name != NULL ? &ft__element_iana[id] : NULL;
}

static const struct ft__element_table *find_table(uint32_t pen)
{
    uint32_t lo = 0, hi = N_TABLES;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (tables[mid]->pen == pen) {
            return tables[mid];
        }
        if (tables[mid]->pen < pen) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return NULL;
}

static const struct ft_element *find_row(const struct ft__element_table *t, uint16_t id)
{
    uint32_t lo = 0, hi = t->n;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (t->rows[mid].id == id) {
            return &t->rows[mid];
        }
        if (t->rows[mid].id < id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return NULL;
}

const struct ft_element *ft_element_find(uint32_t pen, uint16_t id)
{
    const struct ft__element_table *t;

    if (pen == 0 || pen == REVERSE_PEN) {
        return iana(id);
    }
    t = find_table(pen);
    return t != NULL ? find_row(t, id) : NULL;
}

const struct ft_element *ft_element_v9(uint16_t type)
{
    if (type < VENDOR_MIN) {
        return iana(type);
    }
    if (type == PALO_ALTO_APP || type == PALO_ALTO_USER) {
        return ft_element_find(PALO_ALTO_PEN, type);
    }
    if (type >= NTOP_MIN) {
        return ft_element_find(NTOP_PEN, (uint16_t)(type - NTOP_MIN));
    }
    return ft_element_find(CISCO_PEN, (uint16_t)(type - VENDOR_MIN));
}

const struct ft_element *ft_element_at(uint32_t i)
{
    for (uint32_t id = 0; id <= FT__IANA_MAX; id++) {
        if (ft__element_iana[id].name != NULL && i-- == 0) {
            return &ft__element_iana[id];
        }
    }
    for (uint32_t k = 0; k < N_TABLES; k++) {
        if (i < tables[k]->n) {
            return &tables[k]->rows[i];
        }
        i -= tables[k]->n;
    }
    return NULL;
}

enum ft_privacy ft_xtype_privacy(enum ft_xtype type)
{
    switch (type) { /* no default: the compiler asks for the class of a new type */
    case FT_X_UINT:
    case FT_X_INT:
    case FT_X_FLOAT:
    case FT_X_BOOL:
        return FT_PRIVACY_NONE;
    case FT_X_MAC:
    case FT_X_IPV4:
    case FT_X_IPV6:
        return FT_PRIVACY_IDENTITY;
    case FT_X_STRING:
        return FT_PRIVACY_NAME;
    case FT_X_SECONDS:
    case FT_X_MILLISECONDS:
    case FT_X_MICROSECONDS:
    case FT_X_NANOSECONDS:
        return FT_PRIVACY_TIME;
    case FT_X_OCTETS:
    case FT_X_BASIC_LIST:
    case FT_X_SUBTEMPLATE_LIST:
    case FT_X_SUBTEMPLATE_MULTI_LIST:
    case FT_X_UINT256:
    case FT_X_UINT32_LIST:
        break;
    }
    return FT_PRIVACY_PAYLOAD; /* may hold anything */
}

/* Numbers that are more than numbers. */
static const struct {
    uint32_t pen;
    uint16_t id;
} telling[] = {
    /* made from the packet's bytes, addresses among them */
    {0, 326},        /* digestHashValue */
    {CERT, 106},     /* yafFlowKeyHash */
    {NTOP_PEN, 438}, /* payload_hash */
    /* a subscriber, a user */
    {PROCERA, 29},   /* msisdn */
    {PROCERA, 30},   /* imsi */
    {NTOP_PEN, 407}, /* s1ap_enb_ue_s1ap_id */
    {NTOP_PEN, 408}, /* s1ap_mme_ue_s1ap_id */
    {NTOP_PEN, 425}, /* src_proc_uid */
    {NTOP_PEN, 426}, /* dst_proc_uid */
    {HUAWEI, 1},     /* ingress_gpon_gem_port_id: a subscriber's line */
    {HUAWEI, 2},     /* egress_gpon_gem_port_id */
    /* a machine */
    {PROCERA, 32},    /* device_id: the handset's */
    {NETSCALER, 247}, /* ica_device_serial_no */
    {NTOP_PEN, 589},  /* unique_source_id */
    {CERT, 552},      /* exporter_unique_id */
    /* where one of them is */
    {NTOP_PEN, 234}, /* gtpv1_uli_cell_ci */
    {NTOP_PEN, 282}, /* gtpv2_uli_cell_id */
    {IXIA, 126},     /* src_latitude */
    {IXIA, 127},     /* src_longitude */
    {IXIA, 146},     /* dst_latitude */
    {IXIA, 147},     /* dst_longitude */
};

enum ft_privacy ft_element_privacy(const struct ft_element *e)
{
    for (size_t i = 0; e != NULL && i < sizeof telling / sizeof telling[0]; i++) {
        if (telling[i].pen == e->pen && telling[i].id == e->id) {
            return FT_PRIVACY_PAYLOAD;
        }
    }
    return ft_xtype_privacy(e != NULL ? (enum ft_xtype)e->type : FT_X_OCTETS);
}
