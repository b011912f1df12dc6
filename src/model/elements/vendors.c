/* SPDX-License-Identifier: Apache-2.0 */
/* model: enterprise elements: vendors with few elements. Rows: number, name, type, bytes. */
#include "model/elements/tables.h"

/* clang-format off */
#define E(id_, name_, type_, width_) {PEN, id_, FT_X_##type_, width_, #name_}

/* Nokia (Alcatel-Lucent). */
#define PEN 637
static const struct ft_element nokia[] = {
    E(91, alu_inside_service_id,  UINT,   2),
    E(92, alu_outside_service_id, UINT,   2),
    E(93, alu_nat_sub_string,     STRING, 0),
};
const struct ft__element_table ft__elements_nokia = FT__ELEMENT_TABLE(PEN, nokia);
#undef PEN

/* Huawei. */
#define PEN 2011
static const struct ft_element huawei[] = {
    E(1, ingress_gpon_gem_port_id, UINT, 2),
    E(2, egress_gpon_gem_port_id,  UINT, 2),
};
const struct ft__element_table ft__elements_huawei = FT__ELEMENT_TABLE(PEN, huawei);
#undef PEN

/* Juniper. */
#define PEN 2636
static const struct ft_element juniper[] = {
    E(137, juniper_common_properties_id, UINT, 8),
};
const struct ft__element_table ft__elements_juniper = FT__ELEMENT_TABLE(PEN, juniper);
#undef PEN

/* Swisscom: NetGauze. */
#define PEN 3746
static const struct ft_element swisscom[] = {
    E(1,  window_start,                         SECONDS, 4),
    E(2,  window_end,                           SECONDS, 4),
    E(3,  original_template_id,                 UINT,    2),
    E(4,  original_exporter_transport_port,     UINT,    2),
    E(5,  node_id,                              STRING,  0),
    E(6,  platform_id,                          STRING,  0),
    E(7,  data_collection_manifest_name,        STRING,  0),
    E(8,  ingress_interface_name,               STRING,  0),
    E(9,  egress_interface_name,                STRING,  0),
    E(10, ingress_interface_description,        STRING,  0),
    E(11, egress_interface_description,         STRING,  0),
    E(12, ingress_vrf_name,                     STRING,  0),
    E(13, egress_vrf_name,                      STRING,  0),
    E(14, ingress_mpls_vpn_route_distinguisher, OCTETS,  0),
    E(15, egress_mpls_vpn_route_distinguisher,  OCTETS,  0),
    E(16, is_renormalized,                      BOOL,    1),
};
const struct ft__element_table ft__elements_swisscom = FT__ELEMENT_TABLE(PEN, swisscom);
#undef PEN

/* VMware: NSX, and Open vSwitch. */
#define PEN 6876
static const struct ft_element vmware[] = {
    E(880, tenant_protocol,                   UINT,   1),
    E(881, tenant_source_ipv4,                IPV4,   4),
    E(882, tenant_dest_ipv4,                  IPV4,   4),
    E(883, tenant_source_ipv6,                IPV6,   16),
    E(884, tenant_dest_ipv6,                  IPV6,   16),
    E(886, tenant_source_port,                UINT,   2),
    E(887, tenant_dest_port,                  UINT,   2),
    E(888, egress_interface_attr,             UINT,   2),
    E(889, vxlan_export_role,                 UINT,   1),
    E(890, ingress_interface_attr,            UINT,   2),
    E(891, tunnel_type,                       UINT,   1),
    E(892, tunnel_key,                        OCTETS, 0),
    E(893, tunnel_source_ipv4_address,        IPV4,   4),
    E(894, tunnel_destination_ipv4_address,   IPV4,   4),
    E(895, tunnel_protocol_identifier,        UINT,   1),
    E(896, tunnel_source_transport_port,      UINT,   2),
    E(897, tunnel_destination_transport_port, UINT,   2),
    E(898, virtual_obs_id,                    STRING, 0),
    E(950, rule_id,                           UINT,   4),
    E(951, vm_uuid,                           OCTETS, 0),
    E(952, vnic_index,                        UINT,   4),
    E(953, session_flags,                     UINT,   1),
    E(954, vmware_flow_direction,             UINT,   1),
    E(955, alg_control_flow_id,               UINT,   8),
    E(956, alg_type,                          UINT,   1),
    E(957, alg_flow_type,                     UINT,   1),
    E(958, average_latency,                   UINT,   4),
    E(959, retransmission_count,              UINT,   4),
    E(960, vif_uuid,                          OCTETS, 0),
    E(961, vif_id,                            STRING, 0),
};
const struct ft__element_table ft__elements_vmware = FT__ELEMENT_TABLE(PEN, vmware);
#undef PEN

/* Astaro (Sophos UTM): application flow classifier. */
#define PEN 9789
static const struct ft_element astaro[] = {
    E(1, afc_protocol,          UINT,   2),
    E(2, afc_protocol_name,     STRING, 0),
    E(4, astaro_flow_direction, UINT,   1),
};
const struct ft__element_table ft__elements_astaro = FT__ELEMENT_TABLE(PEN, astaro);
#undef PEN

/* Barracuda. */
#define PEN 10704
static const struct ft_element barracuda[] = {
    E(1,  timestamp,           UINT,   4),
    E(2,  log_op,              UINT,   1),
    E(3,  traffic_type,        UINT,   1),
    E(4,  fw_rule,             STRING, 0),
    E(5,  service_name,        STRING, 0),
    E(6,  reason,              UINT,   4),
    E(7,  reason_text,         STRING, 0),
    E(8,  bind_ipv4_address,   IPV4,   4),
    E(9,  bind_transport_port, UINT,   2),
    E(10, conn_ipv4_address,   IPV4,   4),
    E(11, conn_transport_port, UINT,   2),
    E(12, audit_counter,       UINT,   4),
};
const struct ft__element_table ft__elements_barracuda = FT__ELEMENT_TABLE(PEN, barracuda);
#undef PEN

/* Barracuda; seen under this PEN too, which is not its own. */
#define PEN 12326
static const struct ft_element barracuda_old[] = {
    E(1,  timestamp,           UINT,   4),
    E(2,  log_op,              UINT,   1),
    E(3,  traffic_type,        UINT,   1),
    E(4,  fw_rule,             STRING, 0),
    E(5,  service_name,        STRING, 0),
    E(6,  reason,              UINT,   4),
    E(7,  reason_text,         STRING, 0),
    E(8,  bind_ipv4_address,   IPV4,   4),
    E(9,  bind_transport_port, UINT,   2),
    E(10, conn_ipv4_address,   IPV4,   4),
    E(11, conn_transport_port, UINT,   2),
    E(12, audit_counter,       UINT,   4),
};
const struct ft__element_table ft__elements_barracuda_old = FT__ELEMENT_TABLE(PEN, barracuda_old);
#undef PEN

/* Linux connection tracking (ipt_NETFLOW). */
#define PEN 21373
static const struct ft_element conntrack[] = {
    E(4, mark,         UINT, 4),
    E(6, conntrack_id, UINT, 4),
};
const struct ft__element_table ft__elements_conntrack = FT__ELEMENT_TABLE(PEN, conntrack);
#undef PEN

/* Silver Peak (HPE Aruba EdgeConnect). */
#define PEN 23867
static const struct ft_element silver_peak[] = {
    E(1,  client_ipv4_address,                           IPV4,   4),
    E(2,  server_ipv4_address,                           IPV4,   4),
    E(3,  connection_server_octet_delta_count,           UINT,   8),
    E(4,  connection_server_packet_delta_count,          UINT,   8),
    E(5,  connection_client_octet_delta_count,           UINT,   8),
    E(6,  connection_client_packet_delta_count,          UINT,   8),
    E(7,  connection_initiator,                          IPV4,   4),
    E(8,  application_http_host,                         STRING, 0),
    E(9,  connection_number_of_connections,              UINT,   1),
    E(10, connection_server_responses_count,             UINT,   1),
    E(11, connection_server_response_delay,              UINT,   4),
    E(12, connection_network_to_server_delay,            UINT,   4),
    E(13, connection_network_to_client_delay,            UINT,   4),
    E(14, connection_client_packet_retransmission_count, UINT,   4),
    E(15, connection_client_to_server_network_delay,     UINT,   4),
    E(16, connection_application_delay,                  UINT,   4),
    E(17, connection_client_to_server_response_delay,    UINT,   4),
    E(18, connection_transaction_duration,               UINT,   4),
    E(19, connection_transaction_duration_min,           UINT,   4),
    E(20, connection_transaction_duration_max,           UINT,   4),
    E(21, connection_transaction_complete_count,         UINT,   1),
    E(22, from_zone,                                     STRING, 0),
    E(23, to_zone,                                       STRING, 0),
    E(24, tag,                                           STRING, 0),
    E(25, overlay,                                       STRING, 0),
    E(26, direction,                                     STRING, 0),
    E(27, application_category,                          STRING, 0),
};
const struct ft__element_table ft__elements_silver_peak = FT__ELEMENT_TABLE(PEN, silver_peak);
#undef PEN

/* Palo Alto Networks: its NetFlow v9 numbers as they are. */
#define PEN 25461
static const struct ft_element palo_alto[] = {
    E(56701, app_id,  STRING, 0),
    E(56702, user_id, STRING, 0),
};
const struct ft__element_table ft__elements_palo_alto = FT__ELEMENT_TABLE(PEN, palo_alto);
#undef PEN

/* Viptela (Cisco SD-WAN). */
#define PEN 41916
static const struct ft_element viptela[] = {
    E(4321, viptela_vpn_id, UINT, 8),
};
const struct ft__element_table ft__elements_viptela = FT__ELEMENT_TABLE(PEN, viptela);
#undef PEN

/* pmacct. */
#define PEN 43874
static const struct ft_element pmacct[] = {
    E(1, tag,   UINT,   8),
    E(2, tag2,  UINT,   8),
    E(3, label, STRING, 0),
};
const struct ft__element_table ft__elements_pmacct = FT__ELEMENT_TABLE(PEN, pmacct);
#undef PEN
