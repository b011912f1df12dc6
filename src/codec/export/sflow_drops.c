/* SPDX-License-Identifier: Apache-2.0 */
/* codec: names of sFlow's drop reasons (sflow_drops.txt and the list that sflow.org keeps). */
#include "codec/export/sflow.h"

enum { UNREACHABLE = 16, FIRST = 256, LAST = 372 };

/* 0 to 15: ICMP destination unreachable, by code. */
static const char *const unreachable[UNREACHABLE] = {
    "net_unreachable",          "host_unreachable",      "protocol_unreachable",
    "port_unreachable",         "frag_needed",           "src_route_failed",
    "dst_net_unknown",          "dst_host_unknown",      "src_host_isolated",
    "dst_net_prohibited",       "dst_host_prohibited",   "dst_net_tos_unreachable",
    "dst_host_tos_unreachable", "comm_admin_prohibited", "host_precedence_violation",
    "precedence_cutoff",
};

static const char *const reasons[LAST - FIRST + 1] = {
    [256 - FIRST] = "unknown",
    [257 - FIRST] = "ttl_exceeded",
    [258 - FIRST] = "acl",
    [259 - FIRST] = "no_buffer_space",
    [260 - FIRST] = "red",
    [261 - FIRST] = "traffic_shaping",
    [262 - FIRST] = "pkt_too_big",
    [263 - FIRST] = "src_mac_is_multicast",
    [264 - FIRST] = "vlan_tag_mismatch",
    [265 - FIRST] = "ingress_vlan_filter",
    [266 - FIRST] = "ingress_spanning_tree_filter",
    [267 - FIRST] = "port_list_is_empty",
    [268 - FIRST] = "port_loopback_filter",
    [269 - FIRST] = "blackhole_route",
    [270 - FIRST] = "non_ip",
    [271 - FIRST] = "uc_dip_over_mc_dmac",
    [272 - FIRST] = "dip_is_loopback_address",
    [273 - FIRST] = "sip_is_mc",
    [274 - FIRST] = "sip_is_loopback_address",
    [275 - FIRST] = "ip_header_corrupted",
    [276 - FIRST] = "ipv4_sip_is_limited_bc",
    [277 - FIRST] = "ipv6_mc_dip_reserved_scope",
    [278 - FIRST] = "ipv6_mc_dip_interface_local_scope",
    [279 - FIRST] = "unresolved_neigh",
    [280 - FIRST] = "mc_reverse_path_forwarding",
    [281 - FIRST] = "non_routable_packet",
    [282 - FIRST] = "decap_error",
    [283 - FIRST] = "overlay_smac_is_mc",
    [284 - FIRST] = "unknown_l2",
    [285 - FIRST] = "unknown_l3",
    [286 - FIRST] = "unknown_l3_exception",
    [287 - FIRST] = "unknown_buffer",
    [288 - FIRST] = "unknown_tunnel",
    [289 - FIRST] = "unknown_l4",
    [290 - FIRST] = "sip_is_unspecified",
    [291 - FIRST] = "mlag_port_isolation",
    [292 - FIRST] = "blackhole_arp_neigh",
    [293 - FIRST] = "src_mac_is_dmac",
    [294 - FIRST] = "dmac_is_reserved",
    [295 - FIRST] = "sip_is_class_e",
    [296 - FIRST] = "mc_dmac_mismatch",
    [297 - FIRST] = "sip_is_dip",
    [298 - FIRST] = "dip_is_local_network",
    [299 - FIRST] = "dip_is_link_local",
    [300 - FIRST] = "overlay_smac_is_dmac",
    [301 - FIRST] = "egress_vlan_filter",
    [302 - FIRST] = "uc_reverse_path_forwarding",
    [303 - FIRST] = "split_horizon",
    [304 - FIRST] = "locked_port",
    [305 - FIRST] = "dmac_filter",
    [306 - FIRST] = "blackhole_nexthop",
    [307 - FIRST] = "vxlan_parsing",
    [308 - FIRST] = "llc_snap_parsing",
    [309 - FIRST] = "vlan_parsing",
    [310 - FIRST] = "pppoe_ppp_parsing",
    [311 - FIRST] = "mpls_parsing",
    [312 - FIRST] = "arp_parsing",
    [313 - FIRST] = "ip_1_parsing",
    [314 - FIRST] = "ip_n_parsing",
    [315 - FIRST] = "gre_parsing",
    [316 - FIRST] = "udp_parsing",
    [317 - FIRST] = "tcp_parsing",
    [318 - FIRST] = "ipsec_parsing",
    [319 - FIRST] = "sctp_parsing",
    [320 - FIRST] = "dccp_parsing",
    [321 - FIRST] = "gtp_parsing",
    [322 - FIRST] = "esp_parsing",
    [323 - FIRST] = "unknown_parsing",
    [324 - FIRST] = "pkt_too_small",
    [325 - FIRST] = "unhandled_proto",
    [326 - FIRST] = "ipv6disabled",
    [327 - FIRST] = "invalid_proto",
    [328 - FIRST] = "ip_noproto",
    [329 - FIRST] = "skb_csum",
    [330 - FIRST] = "skb_ucopy_fault",
    [331 - FIRST] = "dev_ready",
    [332 - FIRST] = "dev_hdr",
    [333 - FIRST] = "dup_frag",
    [334 - FIRST] = "skb_gso_seg",
    [335 - FIRST] = "reverse_path_forwarding",
    [336 - FIRST] = "icmp_parsing",
    [337 - FIRST] = "tcp_md5notfound",
    [338 - FIRST] = "tcp_md5unexpected",
    [339 - FIRST] = "tcp_md5failure",
    [340 - FIRST] = "tcp_flags",
    [341 - FIRST] = "tcp_zerowindow",
    [342 - FIRST] = "tcp_old_data",
    [343 - FIRST] = "tcp_overwindow",
    [344 - FIRST] = "tcp_ofomerge",
    [345 - FIRST] = "tcp_rfc7323_paws",
    [346 - FIRST] = "tcp_invalid_sequence",
    [347 - FIRST] = "tcp_reset",
    [348 - FIRST] = "tcp_invalid_syn",
    [349 - FIRST] = "tcp_close",
    [350 - FIRST] = "tcp_fastopen",
    [351 - FIRST] = "tcp_old_ack",
    [352 - FIRST] = "tcp_too_old_ack",
    [353 - FIRST] = "tcp_ack_unsent_data",
    [354 - FIRST] = "tcp_ofo_queue_prune",
    [355 - FIRST] = "tcp_ofo_drop",
    [356 - FIRST] = "tcp_minttl",
    [357 - FIRST] = "ipv6_bad_exthdr",
    [358 - FIRST] = "ipv6_ndisc_frag",
    [359 - FIRST] = "ipv6_ndisc_hop_limit",
    [360 - FIRST] = "ipv6_ndisc_bad_code",
    [361 - FIRST] = "ipv6_ndisc_bad_options",
    [362 - FIRST] = "ipv6_ndisc_ns_otherhost",
    [363 - FIRST] = "tap_filter",
    [364 - FIRST] = "tap_txfilter",
    [365 - FIRST] = "tc_ingress",
    [366 - FIRST] = "tc_egress",
    [367 - FIRST] = "xdp",
    [368 - FIRST] = "cpu_backlog",
    [369 - FIRST] = "bpf_cgroup_egress",
    [370 - FIRST] = "xfrm_policy",
    [371 - FIRST] = "socket_filter",
    [372 - FIRST] = "bgp_flowspec",
};

const char *ft_sflow_drop_reason_name(uint32_t code)
{
    if (code < UNREACHABLE) {
        return unreachable[code];
    }
    if (code >= FIRST && code <= LAST) {
        return reasons[code - FIRST];
    }
    switch (code) { /* two digits that the published table lost, and agents send so */
    case 33:
        return reasons[332 - FIRST];
    case 36:
        return reasons[366 - FIRST];
    default:
        return NULL;
    }
}
