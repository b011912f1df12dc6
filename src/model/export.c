/* SPDX-License-Identifier: Apache-2.0 */
/* model: bounds of exported values, see export.h. */
#include "model/export.h"

uint32_t ft_xvalue_room(const struct ft_xvalue *v)
{
    uint32_t room = v->key_len + 4u; /* "key":value, */
    uint32_t len = v->len;

    switch ((enum ft_xtype)v->type) {
    case FT_X_STRING:
        return room + 2 + 6 * (len < FT_XTEXT_STRING ? len : FT_XTEXT_STRING);
    case FT_X_OCTETS:
    case FT_X_UINT256:
        return room + 2 + 2 * (len < FT_XTEXT_OCTETS ? len : FT_XTEXT_OCTETS);
    case FT_X_UINT32_LIST:
        return room + 2 + 11 * (len / 4);
    case FT_X_BASIC_LIST:
    case FT_X_SUBTEMPLATE_LIST:
    case FT_X_SUBTEMPLATE_MULTI_LIST:
        return room + FT_XTEXT_LIST;
    default:
        return room + 48; /* a full IPv6 address with its quotes */
    }
}

uint32_t ft_xvalues_room(const struct ft_xvalue *v, uint32_t n)
{
    uint32_t room = 0;

    for (uint32_t i = 0; i < n; i++) {
        room += ft_xvalue_room(&v[i]);
    }
    return room;
}

bool ft_xvalue_fits(uint8_t type, uint16_t len)
{
    switch ((enum ft_xtype)type) {
    case FT_X_UINT:
    case FT_X_INT:
        return len >= 1 && len <= 8;
    case FT_X_FLOAT:
        return len == 4 || len == 8;
    case FT_X_BOOL:
        return len == 1;
    case FT_X_MAC:
        return len == 6;
    case FT_X_IPV4:
    case FT_X_SECONDS:
        return len == 4;
    case FT_X_IPV6:
        return len == 16;
    case FT_X_MILLISECONDS:
    case FT_X_MICROSECONDS:
    case FT_X_NANOSECONDS:
        return len == 8;
    case FT_X_UINT256:
        return len >= 1 && len <= 32;
    default:
        return true;
    }
}

int64_t ft_ntp_to_ns(uint64_t ntp, bool micro)
{
    /* seconds from the NTP era 0 (1900) to 1970; era 1 begins in 2036 (RFC 7011 §6.1.10) */
    static const int64_t ntp_to_unix_s = 2208988800;
    uint64_t frac = ntp & 0xffffffff;
    int64_t s = (int64_t)(ntp >> 32);

    if (micro) {
        frac &= ~(uint64_t)0x7ff; /* RFC 7011 §6.1.9: the low 11 bits are not used */
    }
    s += s < 0x80000000 ? 0x100000000 : 0;
    return (s - ntp_to_unix_s) * 1000000000 + (int64_t)(frac * 1000000000 >> 32);
}

const char *ft_export_protocol_name(enum ft_export_protocol p)
{
    static const char *const names[] = {"netflow_v1", "netflow_v5", "netflow_v7",
                                        "netflow_v9", "ipfix",      "sflow_v5"};

    return (unsigned)p < FT_XP__COUNT ? names[p] : "unknown";
}

const char *ft_template_change_name(enum ft_template_change_kind k)
{
    static const char *const names[] = {"learnt", "changed", "withdrawn", "expired"};

    return (unsigned)k < FT_TEMPLATE__COUNT ? names[k] : "unknown";
}

const char *ft_sequence_unit_name(enum ft_sequence_unit u)
{
    static const char *const names[] = {
        [FT_SEQUENCE_MESSAGES] = "messages",
        [FT_SEQUENCE_RECORDS] = "records",
        [FT_SEQUENCE_RECORDS_TEMPLATES] = "records_and_templates",
        [FT_SEQUENCE_RECORDS_TEMPLATE_SETS] = "records_and_template_sets",
        [FT_SEQUENCE_DATA_RECORDS] = "data_records",
        [FT_SEQUENCE_DATA_RECORDS_TEMPLATES] = "data_records_and_templates",
        [FT_SEQUENCE_SETS] = "sets",
        [FT_SEQUENCE_DATA_SETS] = "data_sets",
    };

    return (unsigned)u < FT_SEQUENCE__UNITS ? names[u] : "none";
}
