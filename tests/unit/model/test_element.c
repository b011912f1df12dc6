/* SPDX-License-Identifier: Apache-2.0 */
/* Information elements: the tables are in order, their names are unique and in style, their widths
 * fit their types, and elements across the ranges are what the registries say: IANA's as of
 * 2026-07-22, the vendors' documents, and other collectors' tables (libfds, the Logstash codec,
 * Wireshark). */
#include "harness.h"
#include "model/elements/element.h"

enum { IANA_LAST = 533, PER_PEN_MAX = 600 };

/* The numbers up to IANA_LAST that have no public meaning. */
static bool iana_gap(uint32_t id)
{
    return id == 0 || id == 97 || (id >= 105 && id <= 127) || id == 416 || id == 419;
}

static void test_order(void)
{
    const struct ft_element *before = NULL, *e;
    uint32_t n = 0;

    for (; (e = ft_element_at(n)) != NULL; n++) {
        CHECK(before == NULL || before->pen < e->pen ||
              (before->pen == e->pen && before->id < e->id));
        CHECK(ft_element_find(e->pen, e->id) == e);
        before = e;
    }
    CHECK(n > IANA_LAST);
    CHECK(ft_element_at(n + 1) == NULL);
    CHECK(ft_element_at(UINT32_MAX) == NULL);
}

static void test_iana_whole(void)
{
    for (uint32_t id = 0; id <= UINT16_MAX; id++) {
        const struct ft_element *e = ft_element_find(0, (uint16_t)id);

        CHECK((e == NULL) == (id > IANA_LAST || iana_gap(id)));
        CHECK(e == NULL || (e->id == id && e->pen == 0));
        CHECK(ft_element_find(29305, (uint16_t)id) == e); /* RFC 5103 */
    }
}

/* Lower-case letters and digits in words of one underscore between them; a letter first. */
static bool in_style(const char *name)
{
    char before = '_';

    if (name[0] < 'a' || name[0] > 'z') {
        return false;
    }
    for (const char *c = name; *c != '\0'; c++) {
        bool word = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9');

        if (!word && (*c != '_' || before == '_')) {
            return false;
        }
        before = *c;
    }
    return before != '_';
}

static void test_names(void)
{
    const struct ft_element *seen[PER_PEN_MAX], *e;
    uint32_t n_seen = 0;

    CHECK(in_style("a1_b") && !in_style("a__b") && !in_style("_a") && !in_style("a_"));
    CHECK(!in_style("1a") && !in_style("aB") && !in_style("") && !in_style("a-b"));
    for (uint32_t i = 0; (e = ft_element_at(i)) != NULL; i++) {
        if (!in_style(e->name)) {
            fprintf(stderr, "%u %u: %s\n", e->pen, e->id, e->name);
        }
        CHECK(in_style(e->name));
        n_seen = n_seen > 0 && seen[0]->pen == e->pen ? n_seen : 0;
        for (uint32_t k = 0; k < n_seen; k++) {
            CHECK(strcmp(seen[k]->name, e->name) != 0);
        }
        CHECK(n_seen < PER_PEN_MAX);
        if (n_seen < PER_PEN_MAX) {
            seen[n_seen++] = e;
        }
    }
}

/* A record may have elements of IANA and of an enterprise: never two keys of one name. */
static void test_names_not_iana(void)
{
    const struct ft_element *e, *iana;

    for (uint32_t i = 0; (e = ft_element_at(i)) != NULL; i++) {
        for (uint16_t id = 1; e->pen != 0 && id <= IANA_LAST; id++) {
            iana = ft_element_find(0, id);
            CHECK(iana == NULL || strcmp(iana->name, e->name) != 0);
        }
    }
}

static bool width_fits(const struct ft_element *e)
{
    uint8_t w = e->width;

    switch ((enum ft_xtype)e->type) {
    case FT_X_UINT:
    case FT_X_INT:
        return w == 1 || w == 2 || w == 4 || w == 8;
    case FT_X_FLOAT:
        return w == 4 || w == 8;
    case FT_X_BOOL:
        return w == 1;
    case FT_X_MAC:
        return w == 6;
    case FT_X_IPV4:
    case FT_X_SECONDS:
        return w == 4;
    case FT_X_IPV6:
        return w == 16;
    case FT_X_MILLISECONDS:
    case FT_X_MICROSECONDS:
    case FT_X_NANOSECONDS:
        return w == 8;
    case FT_X_UINT256:
        return w == 32;
    case FT_X_OCTETS:
    case FT_X_STRING:
    case FT_X_BASIC_LIST:
    case FT_X_SUBTEMPLATE_LIST:
    case FT_X_SUBTEMPLATE_MULTI_LIST:
        return w == 0;
    case FT_X_UINT32_LIST: /* sFlow's, no element has it */
        return false;
    }
    return false;
}

static void test_widths(void)
{
    const struct ft_element *e;

    for (uint32_t i = 0; (e = ft_element_at(i)) != NULL; i++) {
        if (!width_fits(e)) {
            fprintf(stderr, "%u %u %s: %u bytes\n", e->pen, e->id, e->name, e->width);
        }
        CHECK(width_fits(e));
    }
}

struct known {
    uint32_t pen;
    uint16_t id;
    uint8_t type, width;
    const char *name;
};

static void check_known(const struct known *k, size_t n)
{
    for (; n > 0; k++, n--) {
        const struct ft_element *e = ft_element_find(k->pen, k->id);

        CHECK(e != NULL);
        if (e != NULL) {
            CHECK_STR(e->name, k->name);
            CHECK_EQ(e->type, k->type);
            CHECK_EQ(e->width, k->width);
            CHECK_EQ(e->pen, k->pen);
            CHECK_EQ(e->id, k->id);
        }
    }
}

#define CHECK_KNOWN(rows) check_known(rows, sizeof(rows) / sizeof(rows)[0])

static void test_iana_known(void)
{
    static const struct known rows[] = {
        {0, 1, FT_X_UINT, 8, "octet_delta_count"},
        {0, 2, FT_X_UINT, 8, "packet_delta_count"},
        {0, 3, FT_X_UINT, 8, "delta_flow_count"},
        {0, 4, FT_X_UINT, 1, "protocol_identifier"},
        {0, 6, FT_X_UINT, 2, "tcp_control_bits"},
        {0, 8, FT_X_IPV4, 4, "source_ipv4_address"},
        {0, 10, FT_X_UINT, 4, "ingress_interface"},
        {0, 16, FT_X_UINT, 4, "bgp_source_as_number"},
        {0, 19, FT_X_UINT, 8, "post_mcast_packet_delta_count"},
        {0, 21, FT_X_UINT, 4, "flow_end_sys_up_time"},
        {0, 27, FT_X_IPV6, 16, "source_ipv6_address"},
        {0, 32, FT_X_UINT, 2, "icmp_type_code_ipv4"},
        {0, 34, FT_X_UINT, 4, "sampling_interval"},
        {0, 35, FT_X_UINT, 1, "sampling_algorithm"},
        {0, 38, FT_X_UINT, 1, "engine_type"},
        {0, 39, FT_X_UINT, 1, "engine_id"},
        {0, 43, FT_X_IPV4, 4, "ipv4_router_sc"},
        {0, 48, FT_X_UINT, 1, "sampler_id"},
        {0, 51, FT_X_UINT, 1, "class_id"},
        {0, 56, FT_X_MAC, 6, "source_mac_address"},
        {0, 70, FT_X_OCTETS, 0, "mpls_top_label_stack_section"},
        {0, 79, FT_X_OCTETS, 0, "mpls_label_stack_section10"},
        {0, 82, FT_X_STRING, 0, "interface_name"},
        {0, 84, FT_X_STRING, 0, "sampler_name"},
        {0, 87, FT_X_UINT, 4, "flags_and_sampler_id"},
        {0, 89, FT_X_UINT, 4, "forwarding_status"},
        {0, 90, FT_X_OCTETS, 0, "mpls_vpn_route_distinguisher"},
        {0, 92, FT_X_UINT, 4, "src_traffic_index"},
        {0, 95, FT_X_OCTETS, 0, "application_id"},
        {0, 104, FT_X_OCTETS, 0, "layer2_packet_section_data"},
        {0, 136, FT_X_UINT, 1, "flow_end_reason"},
        {0, 148, FT_X_UINT, 8, "flow_id"},
        {0, 150, FT_X_SECONDS, 4, "flow_start_seconds"},
        {0, 153, FT_X_MILLISECONDS, 8, "flow_end_milliseconds"},
        {0, 154, FT_X_MICROSECONDS, 8, "flow_start_microseconds"},
        {0, 157, FT_X_NANOSECONDS, 8, "flow_end_nanoseconds"},
        {0, 160, FT_X_MILLISECONDS, 8, "system_init_time_milliseconds"},
        {0, 209, FT_X_UINT, 8, "tcp_options"},
        {0, 210, FT_X_OCTETS, 0, "padding_octets"},
        {0, 225, FT_X_IPV4, 4, "post_nat_source_ipv4_address"},
        {0, 227, FT_X_UINT, 2, "post_napt_source_transport_port"},
        {0, 230, FT_X_UINT, 1, "nat_event"},
        {0, 234, FT_X_UINT, 4, "ingress_vrfid"},
        {0, 236, FT_X_STRING, 0, "vrf_name"},
        {0, 243, FT_X_UINT, 2, "dot1q_vlan_id"},
        {0, 262, FT_X_OCTETS, 0, "message_md5_checksum"},
        {0, 276, FT_X_BOOL, 1, "data_records_reliability"},
        {0, 288, FT_X_STRING, 0, "p2p_technology"},
        {0, 291, FT_X_BASIC_LIST, 0, "basic_list"},
        {0, 292, FT_X_SUBTEMPLATE_LIST, 0, "sub_template_list"},
        {0, 293, FT_X_SUBTEMPLATE_MULTI_LIST, 0, "sub_template_multi_list"},
        {0, 295, FT_X_UINT, 4, "ipsec_spi"},
        {0, 305, FT_X_UINT, 4, "sampling_packet_interval"},
        {0, 311, FT_X_FLOAT, 8, "sampling_probability"},
        {0, 315, FT_X_OCTETS, 0, "data_link_frame_section"},
        {0, 346, FT_X_UINT, 4, "private_enterprise_number"},
        {0, 352, FT_X_UINT, 8, "layer2_octet_delta_count"},
        {0, 371, FT_X_STRING, 0, "user_name"},
        {0, 388, FT_X_BOOL, 1, "dot1q_dei"},
        {0, 410, FT_X_UINT, 2, "section_exported_octets"},
        {0, 434, FT_X_INT, 4, "mib_object_value_integer"},
        {0, 438, FT_X_IPV4, 4, "mib_object_value_ip_address"},
        {0, 443, FT_X_SUBTEMPLATE_LIST, 0, "mib_object_value_table"},
        {0, 459, FT_X_STRING, 0, "http_request_method"},
        {0, 483, FT_X_UINT, 4, "bgp_community"},
        {0, 484, FT_X_BASIC_LIST, 0, "bgp_source_community_list"},
        {0, 489, FT_X_OCTETS, 0, "bgp_large_community"},
        {0, 495, FT_X_IPV6, 16, "srh_active_segment_ipv6"},
        {0, 502, FT_X_UINT, 2, "srh_segment_ipv6_endpoint_behavior"},
        {0, 507, FT_X_UINT, 4, "gtpu_teid"},
        {0, 512, FT_X_BASIC_LIST, 0, "bgp_destination_as_path_list"},
        {0, 515, FT_X_UINT256, 32, "ipv6_extension_headers_full"},
        {0, 517, FT_X_BOOL, 1, "ipv6_extension_headers_limit"},
        {0, 520, FT_X_UINT256, 32, "tcp_options_full"},
        {0, 525, FT_X_UINT256, 32, "udp_safe_options"},
        {0, 526, FT_X_UINT, 8, "udp_unsafe_options"},
        {0, 530, FT_X_UINT, 4, "path_delay_mean_delta_microseconds"},
        {0, 533, FT_X_UINT, 8, "path_delay_sum_delta_microseconds"},
    };

    CHECK_KNOWN(rows);
}

static void test_enterprise_known(void)
{
    static const struct known rows[] = {
        {9, 232, FT_X_OCTETS, 0, "ingress_acl_id"},
        {9, 4254, FT_X_UINT, 4, "transport_rtp_ssrc"},
        {9, 9272, FT_X_UINT, 4, "transaction_count_delta"},
        {9, 12235, FT_X_STRING, 0, "app_http_host"},
        {9, 12236, FT_X_IPV4, 4, "client_ipv4_address"},
        {9, 12242, FT_X_UINT, 4, "connection_id"},
        {637, 93, FT_X_STRING, 0, "alu_nat_sub_string"},
        {2011, 1, FT_X_UINT, 2, "ingress_gpon_gem_port_id"},
        {2636, 137, FT_X_UINT, 8, "juniper_common_properties_id"},
        {3054, 110, FT_X_UINT, 4, "l7_app_id"},
        {3054, 199, FT_X_IPV4, 4, "dns_rdata_ipv4"},
        {3746, 16, FT_X_BOOL, 1, "is_renormalized"},
        {5951, 129, FT_X_UINT, 4, "transaction_id"},
        {5951, 203, FT_X_IPV4, 4, "ica_client_ip"},
        {6871, 14, FT_X_UINT, 2, "initial_tcp_flags"},
        {6871, 33, FT_X_UINT, 2, "silk_app_label"},
        {6871, 40, FT_X_UINT, 2, "flow_attributes"},
        {6871, 0x4000 | 14, FT_X_UINT, 2, "reverse_initial_tcp_flags"},
        {6871, 0x4000 | 502, FT_X_UINT, 8, "reverse_data_byte_count"},
        {6871, 554, FT_X_SUBTEMPLATE_LIST, 0, "tombstone_access_list"},
        {6871, 179, FT_X_STRING, 0, "dns_qname"},
        {6876, 880, FT_X_UINT, 1, "tenant_protocol"},
        {6876, 883, FT_X_IPV6, 16, "tenant_source_ipv6"},
        {6876, 950, FT_X_UINT, 4, "rule_id"},
        {8057, 808, FT_X_STRING, 0, "tls_sni"},
        {8057, 1013, FT_X_INT, 2, "packet_length"},
        {8057, 1020, FT_X_FLOAT, 4, "nts_mean_packet_payload"},
        {10704, 8, FT_X_IPV4, 4, "bind_ipv4_address"},
        {13745, 101, FT_X_STRING, 0, "client_hostname"},
        {15397, 43, FT_X_IPV6, 16, "procera_local_ipv6_host"},
        {23867, 11, FT_X_UINT, 4, "connection_server_response_delay"},
        {25461, 56702, FT_X_STRING, 0, "user_id"},
        {26866, 112, FT_X_STRING, 0, "ssl_server_name_indication"},
        {35632, 118, FT_X_UINT, 2, "l7_proto"},
        {35632, 353, FT_X_MAC, 6, "dhcp_client_mac"},
        {35632, 489, FT_X_STRING, 0, "ja3c_hash"},
        {35632, 493, FT_X_UINT, 2, "tls_cipher"},
        {39499, 1, FT_X_STRING, 0, "http_host"},
        {43874, 2, FT_X_UINT, 8, "tag2"},
    };

    CHECK_KNOWN(rows);
}

static void test_unknown(void)
{
    CHECK(ft_element_find(9, 0) == NULL);            /* before the first row */
    CHECK(ft_element_find(9, 12239 + 1000) == NULL); /* after the last */
    CHECK(ft_element_find(9, 4233) == NULL);         /* between two */
    CHECK(ft_element_find(25461, 56700) == NULL);
    CHECK(ft_element_find(25461, 56703) == NULL);
    for (uint32_t pen = 1; pen < 9; pen++) { /* below the first table */
        CHECK(ft_element_find(pen, 1) == NULL);
    }
    CHECK(ft_element_find(10, 232) == NULL); /* between two tables */
    CHECK(ft_element_find(29304, 8) == NULL);
    CHECK(ft_element_find(43875, 1) == NULL);
    CHECK(ft_element_find(UINT32_MAX, 8) == NULL);
}

static void check_v9(uint16_t type, uint32_t pen, uint16_t id)
{
    const struct ft_element *e = ft_element_v9(type);

    CHECK(e != NULL);
    CHECK(e == NULL || (e->pen == pen && e->id == id));
}

static void test_v9(void)
{
    for (uint32_t type = 0; type < 32768; type++) {
        CHECK(ft_element_v9((uint16_t)type) == ft_element_find(0, (uint16_t)type));
    }
    check_v9(33000, 9, 232); /* ASA: NF_F_INGRESS_ACL_ID */
    check_v9(33001, 9, 233);
    check_v9(33002, 9, 234); /* NF_F_FW_EXT_EVENT */
    check_v9(34000, 9, 1232);
    check_v9(37083, 9, 4315);
    check_v9(40000, 9, 7232); /* NF_F_USERNAME */
    check_v9(40001, 9, 7233);
    check_v9(40002, 9, 7234);
    check_v9(40003, 9, 7235);
    check_v9(40004, 9, 7236);
    check_v9(40005, 9, 7237); /* NF_F_FW_EVENT */
    check_v9(45004, 9, 12236);
    check_v9(56701, 25461, 56701); /* PAN-OS App-ID */
    check_v9(56702, 25461, 56702); /* PAN-OS User-ID */
    check_v9(57590, 35632, 118);   /* nProbe L7_PROTO */
    check_v9(57943, 35632, 471);
    check_v9(58063, 35632, 591); /* L7_DOMAIN_INFO */
    CHECK(ft_element_v9(32768) == NULL);
    CHECK(ft_element_v9(33003) == NULL);
    CHECK(ft_element_v9(56700) == NULL);
    CHECK(ft_element_v9(56703) == NULL);
    CHECK(ft_element_v9(57471) == NULL);
    CHECK(ft_element_v9(57472) == NULL);
    CHECK(ft_element_v9(UINT16_MAX) == NULL);
}

int main(void)
{
    RUN(test_order);
    RUN(test_iana_whole);
    RUN(test_names);
    RUN(test_names_not_iana);
    RUN(test_widths);
    RUN(test_iana_known);
    RUN(test_enterprise_known);
    RUN(test_unknown);
    RUN(test_v9);
    return test_end();
}
