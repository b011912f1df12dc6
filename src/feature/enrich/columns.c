/* SPDX-License-Identifier: Apache-2.0 */
/* feature/enrich: the columns of the enrich profile, of flow records of packets and of exporters
 * alike. */
#include <string.h>

#include "model/columns.h"

static void text_or_null(const char *text, uint32_t len, struct ft_value *v)
{
    v->null = text == NULL;
    v->text = (const uint8_t *)text;
    v->text_len = text != NULL ? len : 0;
}

static void country_of(const struct ft_enrich_side *s, struct ft_value *v)
{
    memcpy(v->buf, s->country, sizeof s->country);
    v->s = v->buf;
    v->null = s->country[0] == '\0';
}

#define ENRICH(name, stmt)                                                                         \
    static void e_##name(const void *part, struct ft_value *v)                                     \
    {                                                                                              \
        const struct ft_enrich_record *r = part;                                                   \
        stmt;                                                                                      \
    }

ENRICH(src_as_name, text_or_null(r->side[0].as_name, r->side[0].as_name_len, v))
ENRICH(dst_as_name, text_or_null(r->side[1].as_name, r->side[1].as_name_len, v))
ENRICH(src_country, country_of(&r->side[0], v))
ENRICH(dst_country, country_of(&r->side[1], v))
ENRICH(src_network, text_or_null(r->side[0].network, r->side[0].network_len, v))
ENRICH(dst_network, text_or_null(r->side[1].network, r->side[1].network_len, v))
ENRICH(if_in, text_or_null(r->if_in, r->if_in != NULL ? (uint32_t)strlen(r->if_in) : 0, v))
ENRICH(if_out, text_or_null(r->if_out, r->if_out != NULL ? (uint32_t)strlen(r->if_out) : 0, v))

#define NO_GEO  "no database of --geo knows it"
#define NO_NET  "no prefix of --networks holds the address"
#define NO_NAME "options data or the capture gives it none"

/* AS and country tell where an address is: beside a mapped one they would say of its whole prefix,
 * and so of its neighbours, which one it is. */
#define ROW(at_rank, field, kind, class)                                                           \
    .name = field, .rank = at_rank, .group = FT_GROUP_ENRICHMENT, .type = kind, .unit = "",        \
    .privacy = class, .profile = "enrich"

static const struct ft_field rows[] = {
    {ROW(60000, "src_as", FT_T_U32, FT_PRIVACY_PAYLOAD), FT_AT(struct ft_enrich_record, side[0].as),
     .absent = FT_ABSENT_ZERO, .ie = 16, .null = NO_GEO, .source = "--geo",
     .meaning = "number of the autonomous system of the source address"},
    {ROW(60010, "src_as_name", FT_T_TEXT, FT_PRIVACY_PAYLOAD), .get = e_src_as_name, .null = NO_GEO,
     .source = "--geo", .meaning = "who runs that autonomous system"},
    {ROW(60020, "src_country", FT_T_STRING, FT_PRIVACY_PAYLOAD), .get = e_src_country,
     .null = NO_GEO, .source = "--geo", .meaning = "country of the source address, ISO 3166-1"},
    {ROW(60030, "src_network", FT_T_TEXT, FT_PRIVACY_NAME), .get = e_src_network, .null = NO_NET,
     .source = "--networks", .meaning = "name of the longest prefix that holds the source address"},
    {ROW(60040, "dst_as", FT_T_U32, FT_PRIVACY_PAYLOAD), FT_AT(struct ft_enrich_record, side[1].as),
     .absent = FT_ABSENT_ZERO, .ie = 17, .null = NO_GEO, .source = "--geo",
     .meaning = "number of the autonomous system of the destination address"},
    {ROW(60050, "dst_as_name", FT_T_TEXT, FT_PRIVACY_PAYLOAD), .get = e_dst_as_name, .null = NO_GEO,
     .source = "--geo", .meaning = "who runs that autonomous system"},
    {ROW(60060, "dst_country", FT_T_STRING, FT_PRIVACY_PAYLOAD), .get = e_dst_country,
     .null = NO_GEO, .source = "--geo",
     .meaning = "country of the destination address, ISO 3166-1"},
    {ROW(60070, "dst_network", FT_T_TEXT, FT_PRIVACY_NAME), .get = e_dst_network, .null = NO_NET,
     .source = "--networks",
     .meaning = "name of the longest prefix that holds the destination address"},
    {ROW(60080, "ingress_interface_name", FT_T_TEXT, FT_PRIVACY_NAME), .get = e_if_in,
     .null = NO_NAME, .source = "RFC 7270 §4.2 (element 82)",
     .meaning = "name of the interface at which the packets came in"},
    {ROW(60090, "egress_interface_name", FT_T_TEXT, FT_PRIVACY_NAME), .get = e_if_out,
     .null = NO_NAME, .source = "likewise",
     .meaning = "name of the interface at which they went out"},
};

const struct ft_column_set ft_columns_enrich = {
    .profile = "enrich",
    .meaning = "AS, country and network of the hosts, as files say, and names of interfaces",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_ENRICH};
