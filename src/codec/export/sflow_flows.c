/* SPDX-License-Identifier: Apache-2.0 */
/* codec: layouts of sFlow's flow records: sflow_version_5.txt, sflow_80211.txt, sflow_tunnels.txt,
 * sflow_drops.txt, sflow_transit.txt, sflow_host.txt, sflow_http.txt, sflow_application.txt and
 * what sflow.org/developers/structures.php lists beside them. extended_transit's delay of
 * 0xffffffff means that much or more. */

#include "codec/export/sflow_structs.h"

#define F FT__SFLOW_F

static const struct ft__sflow_field header_fields[] = {
    F(U32, "header_protocol"),
    F(U32, "frame_length"),
    F(U32, "stripped"),
    F(OPQ, "header"),
};

static const struct ft__sflow_field ethernet_fields[] = {
    F(U32, "length"),
    F(MAC, "src_mac"),
    F(MAC, "dst_mac"),
    F(U32, "type"),
};

static const struct ft__sflow_field ipv4_fields[] = {
    F(U32, "length"),   F(U32, "protocol"), F(IP4, "src_ip"),    F(IP4, "dst_ip"),
    F(U32, "src_port"), F(U32, "dst_port"), F(U32, "tcp_flags"), F(U32, "tos"),
};

static const struct ft__sflow_field ipv6_fields[] = {
    F(U32, "length"),   F(U32, "protocol"), F(IP6, "src_ip"),    F(IP6, "dst_ip"),
    F(U32, "src_port"), F(U32, "dst_port"), F(U32, "tcp_flags"), F(U32, "priority"),
};

static const struct ft__sflow_field extended_switch_fields[] = {
    F(C32, "src_vlan"),
    F(C32, "src_priority"),
    F(C32, "dst_vlan"),
    F(C32, "dst_priority"),
};

static const struct ft__sflow_field extended_router_fields[] = {
    F(ADDR, "nexthop"),
    F(U32, "src_mask_len"),
    F(U32, "dst_mask_len"),
};

static const struct ft__sflow_field extended_gateway_fields[] = {
    F(ADDR, "bgp_nexthop"), F(U32, "as"),           F(U32, "src_as"),    F(U32, "src_peer_as"),
    F(PATH, "dst_as_path"), F(LIST, "communities"), F(U32, "localpref"),
};

static const struct ft__sflow_field extended_user_fields[] = {
    F(U32, "src_charset"),
    F(STR, "src_user"),
    F(U32, "dst_charset"),
    F(STR, "dst_user"),
};

static const struct ft__sflow_field extended_url_fields[] = {
    F(U32, "direction"),
    F(STR, "url"),
    F(STR, "host"),
};

static const struct ft__sflow_field extended_mpls_fields[] = {
    F(ADDR, "mpls_nexthop"),
    F(LIST, "in_stack"),
    F(LIST, "out_stack"),
};

static const struct ft__sflow_field extended_nat_fields[] = {
    F(ADDR, "src_address"),
    F(ADDR, "dst_address"),
};

static const struct ft__sflow_field extended_mpls_tunnel_fields[] = {
    F(STR, "tunnel_lsp_name"),
    F(U32, "tunnel_id"),
    F(U32, "tunnel_cos"),
};

static const struct ft__sflow_field extended_mpls_vc_fields[] = {
    F(STR, "vc_instance_name"),
    F(U32, "vll_vc_id"),
    F(U32, "vc_label_cos"),
};

static const struct ft__sflow_field extended_mpls_ftn_fields[] = {
    F(STR, "mpls_ftn_descr"),
    F(U32, "mpls_ftn_mask"),
};

static const struct ft__sflow_field extended_mpls_ldp_fec_fields[] = {
    F(U32, "mpls_fec_addr_prefix_length"),
};

static const struct ft__sflow_field extended_vlantunnel_fields[] = {
    F(LIST, "stack"),
};

static const struct ft__sflow_field extended_80211_payload_fields[] = {
    F(U32, "ciphersuite"),
    F(OPQ, "data"),
};

static const struct ft__sflow_field extended_80211_rx_fields[] = {
    F(STR, "ssid"),  F(MAC, "bssid"), F(U32, "version"), F(U32, "channel"),
    F(U64, "speed"), F(U32, "rsni"),  F(U32, "rcpi"),    F(U32, "packet_duration_us"),
};

static const struct ft__sflow_field extended_80211_tx_fields[] = {
    F(STR, "ssid"),
    F(MAC, "bssid"),
    F(U32, "version"),
    F(U32, "transmissions"),
    F(U32, "packet_duration_us"),
    F(U32, "retrans_duration_us"),
    F(U32, "channel"),
    F(U64, "speed"),
    F(U32, "power_mw"),
};

static const struct ft__sflow_field extended_80211_aggregation_fields[] = {
    F(U32, "pdu_count"),
    F(REST, "pdus"),
};

static const struct ft__sflow_field extended_openflow_v1_fields[] = {
    F(U64, "flow_cookie"),
    F(U32, "flow_match"),
    F(U32, "flow_actions"),
};

static const struct ft__sflow_field extended_fc_fields[] = {
    F(U32, "src_mask_len"),
    F(U32, "dst_mask_len"),
    F(U32, "next_hop"),
    F(U32, "metric"),
};

static const struct ft__sflow_field extended_queue_length_fields[] = {
    F(U32, "queue_index"),
    F(U32, "queue_length_segments"),
};

static const struct ft__sflow_field extended_nat_port_fields[] = {
    F(U32, "src_port"),
    F(U32, "dst_port"),
};

static const struct ft__sflow_field extended_decapsulate_egress_fields[] = {
    F(U32, "inner_header_offset"),
};

static const struct ft__sflow_field extended_vni_egress_fields[] = {
    F(U32, "vni"),
};

static const struct ft__sflow_field extended_ib_lrh_fields[] = {
    F(U32, "src_vl"), F(U32, "src_sl"), F(U32, "src_dlid"), F(U32, "src_slid"), F(U32, "src_lnh"),
    F(U32, "dst_vl"), F(U32, "dst_sl"), F(U32, "dst_dlid"), F(U32, "dst_slid"), F(U32, "dst_lnh"),
};

static const struct ft__sflow_field extended_ib_grh_fields[] = {
    F(U32, "flow_label"), F(U32, "tc"),          F(ID16, "s_gid"),
    F(ID16, "d_gid"),     F(U32, "next_header"), F(U32, "length"),
};

static const struct ft__sflow_field extended_ib_bth_fields[] = {
    F(U32, "pkey"),
    F(U32, "dst_qp"),
    F(U32, "opcode"),
};

static const struct ft__sflow_field extended_egress_queue_fields[] = {
    F(U32, "queue"),
};

static const struct ft__sflow_field extended_acl_fields[] = {
    F(U32, "number"),
    F(STR, "name"),
    F(U32, "direction"),
};

static const struct ft__sflow_field extended_function_fields[] = {
    F(STR, "symbol"),
};

static const struct ft__sflow_field extended_transit_fields[] = {
    F(U32, "delay_ns"),
};

static const struct ft__sflow_field extended_queue_fields[] = {
    F(U32, "depth_bytes"),
};

static const struct ft__sflow_field extended_hw_trap_fields[] = {
    F(STR, "group"),
    F(STR, "trap"),
};

static const struct ft__sflow_field extended_linux_drop_reason_fields[] = {
    F(STR, "reason"),
};

static const struct ft__sflow_field extended_timestamp_fields[] = {
    F(U64, "timestamp_ns"),
};

static const struct ft__sflow_field transaction_fields[] = {
    F(U32, "direction"), F(U32, "wait_us"),        F(U32, "duration_us"),
    F(U32, "status"),    F(U64, "bytes_received"), F(U64, "bytes_sent"),
};

static const struct ft__sflow_field extended_nfs_storage_transaction_fields[] = {
    F(OPQ, "path"),
    F(U32, "operation"),
    F(U32, "status"),
};

static const struct ft__sflow_field extended_scsi_storage_transaction_fields[] = {
    F(U32, "lun"),
    F(U32, "operation"),
    F(U32, "status"),
};

static const struct ft__sflow_field extended_http_transaction_fields[] = {
    F(STR, "url"),       F(STR, "host"), F(STR, "referer"),
    F(STR, "useragent"), F(STR, "user"), F(U32, "status"),
};

static const struct ft__sflow_field extended_socket_ipv4_fields[] = {
    F(U32, "protocol"),   F(IP4, "local_ip"),    F(IP4, "remote_ip"),
    F(U32, "local_port"), F(U32, "remote_port"),
};

static const struct ft__sflow_field extended_socket_ipv6_fields[] = {
    F(U32, "protocol"),   F(IP6, "local_ip"),    F(IP6, "remote_ip"),
    F(U32, "local_port"), F(U32, "remote_port"),
};

static const struct ft__sflow_field memcache_operation_fields[] = {
    F(U32, "protocol"),    F(U32, "cmd"),         F(STR, "key"),    F(U32, "nkeys"),
    F(U32, "value_bytes"), F(U32, "duration_us"), F(U32, "status"),
};

static const struct ft__sflow_field http_request_v1_fields[] = {
    F(U32, "method"),  F(U32, "protocol"),    F(STR, "uri"),      F(STR, "host"),
    F(STR, "referer"), F(STR, "useragent"),   F(STR, "authuser"), F(STR, "mime_type"),
    F(U64, "bytes"),   F(U32, "duration_us"), F(U32, "status"),
};

static const struct ft__sflow_field app_operation_fields[] = {
    F(STR, "application"), F(STR, "operation"),  F(STR, "attributes"),  F(STR, "status_descr"),
    F(U64, "req_bytes"),   F(U64, "resp_bytes"), F(U32, "duration_us"), F(U32, "status"),
};

static const struct ft__sflow_field app_parent_context_fields[] = {
    F(STR, "application"),
    F(STR, "operation"),
    F(STR, "attributes"),
};

static const struct ft__sflow_field app_initiator_fields[] = {
    F(STR, "actor"),
};

static const struct ft__sflow_field app_target_fields[] = {
    F(STR, "actor"),
};

static const struct ft__sflow_field http_request_fields[] = {
    F(U32, "method"),    F(U32, "protocol"),  F(STR, "uri"),        F(STR, "host"),
    F(STR, "referer"),   F(STR, "useragent"), F(STR, "xff"),        F(STR, "authuser"),
    F(STR, "mime_type"), F(U64, "req_bytes"), F(U64, "resp_bytes"), F(U32, "duration_us"),
    F(I32, "status"),
};

static const struct ft__sflow_field extended_proxy_request_fields[] = {
    F(STR, "uri"),
    F(STR, "host"),
};

static const struct ft__sflow_field extended_nav_timing_fields[] = {
    F(U32, "type"),
    F(U32, "redirect_count"),
    F(U32, "navigation_start"),
    F(U32, "unload_event_start"),
    F(U32, "unload_event_end"),
    F(U32, "redirect_start"),
    F(U32, "redirect_end"),
    F(U32, "fetch_start"),
    F(U32, "domain_lookup_start"),
    F(U32, "domain_lookup_end"),
    F(U32, "connect_start"),
    F(U32, "connect_end"),
    F(U32, "secure_connection_start"),
    F(U32, "request_start"),
    F(U32, "response_start"),
    F(U32, "response_end"),
    F(U32, "dom_loading"),
    F(U32, "dom_interactive"),
    F(U32, "dom_content_loaded_event_start"),
    F(U32, "dom_content_loaded_event_end"),
    F(U32, "dom_complete"),
    F(U32, "load_event_start"),
    F(U32, "load_event_end"),
};

static const struct ft__sflow_field extended_tcp_info_fields[] = {
    F(U32, "dir"),       F(U32, "snd_mss"),  F(U32, "rcv_mss"),    F(U32, "unacked"),
    F(U32, "lost"),      F(U32, "retrans"),  F(U32, "pmtu"),       F(U32, "rtt_us"),
    F(U32, "rttvar_us"), F(U32, "snd_cwnd"), F(U32, "reordering"), F(U32, "min_rtt_us"),
};

static const struct ft__sflow_field extended_entities_fields[] = {
    F(U32, "src_class"),
    F(U32, "src_index"),
    F(U32, "dst_class"),
    F(U32, "dst_index"),
};

#define S FT__SFLOW_S

static const struct ft__sflow_struct structs[] = {
    S(0, 1, "header", header_fields, 0),
    S(0, 2, "ethernet", ethernet_fields, 0),
    S(0, 3, "ipv4", ipv4_fields, 0),
    S(0, 4, "ipv6", ipv6_fields, 0),
    S(0, 1001, "extended_switch", extended_switch_fields, 0),
    S(0, 1002, "extended_router", extended_router_fields, 0),
    S(0, 1003, "extended_gateway", extended_gateway_fields, 0),
    S(0, 1004, "extended_user", extended_user_fields, 0),
    S(0, 1005, "extended_url", extended_url_fields, 0),
    S(0, 1006, "extended_mpls", extended_mpls_fields, 0),
    S(0, 1007, "extended_nat", extended_nat_fields, 0),
    S(0, 1008, "extended_mpls_tunnel", extended_mpls_tunnel_fields, 0),
    S(0, 1009, "extended_mpls_vc", extended_mpls_vc_fields, 0),
    S(0, 1010, "extended_mpls_ftn", extended_mpls_ftn_fields, 0),
    S(0, 1011, "extended_mpls_ldp_fec", extended_mpls_ldp_fec_fields, 0),
    S(0, 1012, "extended_vlantunnel", extended_vlantunnel_fields, 0),
    S(0, 1013, "extended_80211_payload", extended_80211_payload_fields, 0),
    S(0, 1014, "extended_80211_rx", extended_80211_rx_fields, 0),
    S(0, 1015, "extended_80211_tx", extended_80211_tx_fields, 0),
    S(0, 1016, "extended_80211_aggregation", extended_80211_aggregation_fields, 0),
    S(0, 1017, "extended_openflow_v1", extended_openflow_v1_fields, 0),
    S(0, 1018, "extended_fc", extended_fc_fields, 0),
    S(0, 1019, "extended_queue_length", extended_queue_length_fields, 0),
    S(0, 1020, "extended_nat_port", extended_nat_port_fields, 0),
    S(0, 1021, "extended_l2_tunnel_egress", ethernet_fields, 0),
    S(0, 1022, "extended_l2_tunnel_ingress", ethernet_fields, 0),
    S(0, 1023, "extended_ipv4_tunnel_egress", ipv4_fields, 0),
    S(0, 1024, "extended_ipv4_tunnel_ingress", ipv4_fields, 0),
    S(0, 1025, "extended_ipv6_tunnel_egress", ipv6_fields, 0),
    S(0, 1026, "extended_ipv6_tunnel_ingress", ipv6_fields, 0),
    S(0, 1027, "extended_decapsulate_egress", extended_decapsulate_egress_fields, 0),
    S(0, 1028, "extended_decapsulate_ingress", extended_decapsulate_egress_fields, 0),
    S(0, 1029, "extended_vni_egress", extended_vni_egress_fields, 0),
    S(0, 1030, "extended_vni_ingress", extended_vni_egress_fields, 0),
    S(0, 1031, "extended_ib_lrh", extended_ib_lrh_fields, 0),
    S(0, 1032, "extended_ib_grh", extended_ib_grh_fields, 0),
    S(0, 1033, "extended_ib_bth", extended_ib_bth_fields, 0),
    S(0, 1034, "extended_vlanin", extended_vlantunnel_fields, 0),
    S(0, 1035, "extended_vlanout", extended_vlantunnel_fields, 0),
    S(0, 1036, "extended_egress_queue", extended_egress_queue_fields, 0),
    S(0, 1037, "extended_acl", extended_acl_fields, 0),
    S(0, 1038, "extended_function", extended_function_fields, 0),
    S(0, 1039, "extended_transit", extended_transit_fields, 0),
    S(0, 1040, "extended_queue", extended_queue_fields, 0),
    S(0, 1041, "extended_hw_trap", extended_hw_trap_fields, 0),
    S(0, 1042, "extended_linux_drop_reason", extended_linux_drop_reason_fields, 0),
    S(0, 1043, "extended_timestamp", extended_timestamp_fields, 0),
    S(0, 2000, "transaction", transaction_fields, 0),
    S(0, 2001, "extended_nfs_storage_transaction", extended_nfs_storage_transaction_fields, 0),
    S(0, 2002, "extended_scsi_storage_transaction", extended_scsi_storage_transaction_fields, 0),
    S(0, 2003, "extended_http_transaction", extended_http_transaction_fields, 0),
    S(0, 2100, "extended_socket_ipv4", extended_socket_ipv4_fields, 0),
    S(0, 2101, "extended_socket_ipv6", extended_socket_ipv6_fields, 0),
    S(0, 2102, "extended_proxy_socket_ipv4", extended_socket_ipv4_fields, 0),
    S(0, 2103, "extended_proxy_socket_ipv6", extended_socket_ipv6_fields, 0),
    S(0, 2200, "memcache_operation", memcache_operation_fields, 0),
    S(0, 2201, "http_request_v1", http_request_v1_fields, 0),
    S(0, 2202, "app_operation", app_operation_fields, 0),
    S(0, 2203, "app_parent_context", app_parent_context_fields, 0),
    S(0, 2204, "app_initiator", app_initiator_fields, 0),
    S(0, 2205, "app_target", app_target_fields, 0),
    S(0, 2206, "http_request", http_request_fields, 0),
    S(0, 2207, "extended_proxy_request", extended_proxy_request_fields, 0),
    S(0, 2208, "extended_nav_timing", extended_nav_timing_fields, 0),
    S(0, 2209, "extended_tcp_info", extended_tcp_info_fields, 0),
    S(0, 2210, "extended_entities", extended_entities_fields, 0),
    S(4413, 1, "extended_bst_egress_queue", extended_egress_queue_fields, 0),
};

const struct ft__sflow_struct *ft__sflow_flow_structs(uint32_t *out_n)
{
    *out_n = sizeof structs / sizeof structs[0];
    return structs;
}
