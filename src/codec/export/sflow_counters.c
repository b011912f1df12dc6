/* SPDX-License-Identifier: Apache-2.0 */
/* codec: layouts of sFlow's counter records: sflow_version_5.txt, sflow_80211.txt, sflow_lag.txt,
 * sflow_optics.txt, sflow_pfc.txt, sflow_openflow.txt, sflow_host.txt, sflow_host_ip.txt,
 * sflow_jvm.txt, sflow_memcache.txt, sflow_http.txt, sflow_application.txt, sflow_nvml.txt,
 * sflow_broadcom_tables.txt and what sflow.org/developers/structures.php lists beside them. */

#include "codec/export/sflow_structs.h"

#define F FT__SFLOW_F

static const struct ft__sflow_field generic_fields[] = {
    F(U32, "if_index"),
    F(U32, "if_type"),
    F(U64, "if_speed"),
    F(U32, "if_direction"),
    F(U32, "if_status"),
    F(C64, "if_in_octets"),
    F(C32, "if_in_ucast_pkts"),
    F(C32, "if_in_multicast_pkts"),
    F(C32, "if_in_broadcast_pkts"),
    F(C32, "if_in_discards"),
    F(C32, "if_in_errors"),
    F(C32, "if_in_unknown_protos"),
    F(C64, "if_out_octets"),
    F(C32, "if_out_ucast_pkts"),
    F(C32, "if_out_multicast_pkts"),
    F(C32, "if_out_broadcast_pkts"),
    F(C32, "if_out_discards"),
    F(C32, "if_out_errors"),
    F(C32, "if_promiscuous_mode"),
};

static const struct ft__sflow_field ethernet_fields[] = {
    F(C32, "dot3_stats_alignment_errors"),
    F(C32, "dot3_stats_fcs_errors"),
    F(C32, "dot3_stats_single_collision_frames"),
    F(C32, "dot3_stats_multiple_collision_frames"),
    F(C32, "dot3_stats_sqe_test_errors"),
    F(C32, "dot3_stats_deferred_transmissions"),
    F(C32, "dot3_stats_late_collisions"),
    F(C32, "dot3_stats_excessive_collisions"),
    F(C32, "dot3_stats_internal_mac_transmit_errors"),
    F(C32, "dot3_stats_carrier_sense_errors"),
    F(C32, "dot3_stats_frame_too_longs"),
    F(C32, "dot3_stats_internal_mac_receive_errors"),
    F(C32, "dot3_stats_symbol_errors"),
};

static const struct ft__sflow_field tokenring_fields[] = {
    F(C32, "dot5_stats_line_errors"),
    F(C32, "dot5_stats_burst_errors"),
    F(C32, "dot5_stats_ac_errors"),
    F(C32, "dot5_stats_abort_trans_errors"),
    F(C32, "dot5_stats_internal_errors"),
    F(C32, "dot5_stats_lost_frame_errors"),
    F(C32, "dot5_stats_receive_congestions"),
    F(C32, "dot5_stats_frame_copied_errors"),
    F(C32, "dot5_stats_token_errors"),
    F(C32, "dot5_stats_soft_errors"),
    F(C32, "dot5_stats_hard_errors"),
    F(C32, "dot5_stats_signal_loss"),
    F(C32, "dot5_stats_transmit_beacons"),
    F(C32, "dot5_stats_recoverys"),
    F(C32, "dot5_stats_lobe_wires"),
    F(C32, "dot5_stats_removes"),
    F(C32, "dot5_stats_singles"),
    F(C32, "dot5_stats_freq_errors"),
};

static const struct ft__sflow_field vg_fields[] = {
    F(C32, "dot12_in_high_priority_frames"),
    F(C64, "dot12_in_high_priority_octets"),
    F(C32, "dot12_in_norm_priority_frames"),
    F(C64, "dot12_in_norm_priority_octets"),
    F(C32, "dot12_in_ipm_errors"),
    F(C32, "dot12_in_oversize_frame_errors"),
    F(C32, "dot12_in_data_errors"),
    F(C32, "dot12_in_null_addressed_frames"),
    F(C32, "dot12_out_high_priority_frames"),
    F(C64, "dot12_out_high_priority_octets"),
    F(C32, "dot12_transition_into_trainings"),
    F(C64, "dot12_hc_in_high_priority_octets"),
    F(C64, "dot12_hc_in_norm_priority_octets"),
    F(C64, "dot12_hc_out_high_priority_octets"),
};

static const struct ft__sflow_field vlan_fields[] = {
    F(U32, "vlan_id"),        F(C64, "octets"),         F(C32, "ucast_pkts"),
    F(C32, "multicast_pkts"), F(C32, "broadcast_pkts"), F(C32, "discards"),
};

static const struct ft__sflow_field ieee80211_fields[] = {
    F(C32, "dot11_transmitted_fragment_count"),
    F(C32, "dot11_multicast_transmitted_frame_count"),
    F(C32, "dot11_failed_count"),
    F(C32, "dot11_retry_count"),
    F(C32, "dot11_multiple_retry_count"),
    F(C32, "dot11_frame_duplicate_count"),
    F(C32, "dot11_rts_success_count"),
    F(C32, "dot11_rts_failure_count"),
    F(C32, "dot11_ack_failure_count"),
    F(C32, "dot11_received_fragment_count"),
    F(C32, "dot11_multicast_received_frame_count"),
    F(C32, "dot11_fcs_error_count"),
    F(C32, "dot11_transmitted_frame_count"),
    F(C32, "dot11_wep_undecryptable_count"),
    F(C32, "dot11_qos_discarded_fragment_count"),
    F(C32, "dot11_associated_station_count"),
    F(C32, "dot11_qos_cf_polls_received_count"),
    F(C32, "dot11_qos_cf_polls_unused_count"),
    F(C32, "dot11_qos_cf_polls_unusable_count"),
    F(C32, "dot11_qos_cf_polls_lost_count"),
};

static const struct ft__sflow_field lag_port_stats_fields[] = {
    F(MAC, "dot3ad_agg_port_actor_system_id"),
    F(MAC, "dot3ad_agg_port_partner_oper_system_id"),
    F(U32, "dot3ad_agg_port_attached_agg_id"),
    F(U8, "dot3ad_agg_port_actor_admin_state"),
    F(U8, "dot3ad_agg_port_actor_oper_state"),
    F(U8, "dot3ad_agg_port_partner_admin_state"),
    F(U8, "dot3ad_agg_port_partner_oper_state"),
    F(C32, "dot3ad_agg_port_stats_lacpdus_rx"),
    F(C32, "dot3ad_agg_port_stats_marker_pdus_rx"),
    F(C32, "dot3ad_agg_port_stats_marker_response_pdus_rx"),
    F(C32, "dot3ad_agg_port_stats_unknown_rx"),
    F(C32, "dot3ad_agg_port_stats_illegal_rx"),
    F(C32, "dot3ad_agg_port_stats_lacpdus_tx"),
    F(C32, "dot3ad_agg_port_stats_marker_pdus_tx"),
    F(C32, "dot3ad_agg_port_stats_marker_response_pdus_tx"),
};

static const struct ft__sflow_field slow_path_counts_fields[] = {
    F(C32, "unknown"),  F(C32, "other"),         F(C32, "cam_miss"),
    F(C32, "cam_full"), F(C32, "no_hw_support"), F(C32, "cntrl"),
};

static const struct ft__sflow_field ib_counters_fields[] = {
    F(C64, "port_xmit_pkts"),
    F(C64, "port_rcv_pkts"),
    F(C32, "symbol_error_counter"),
    F(C32, "link_error_recovery_counter"),
    F(C32, "link_downed_counter"),
    F(C32, "port_rcv_errors"),
    F(C32, "port_rcv_remote_physical_errors"),
    F(C32, "port_rcv_switch_relay_errors"),
    F(C32, "port_xmit_discards"),
    F(C32, "port_xmit_constraint_errors"),
    F(C32, "port_rcv_constraint_errors"),
    F(C32, "local_link_integrity_errors"),
    F(C32, "excessive_buffer_overrun_errors"),
    F(C32, "vl15_dropped"),
};

static const struct ft__sflow_field sfp_fields[] = {
    F(U32, "module_id"),
    F(U32, "module_num_lanes"),
    F(U32, "module_supply_voltage_mv"),
    F(I32, "module_temperature_mc"),
    F(LANES, "lanes"),
};

static const struct ft__sflow_field pfc_fields[] = {
    F(C32, "requests"),       F(C32, "indications"),    F(C32, "pause_duration_us"),
    F(C32, "storm_detected"), F(C32, "storm_restored"),
};

static const struct ft__sflow_field processor_fields[] = {
    F(PCT, "cpu_5s_percent_x100"), F(PCT, "cpu_1m_percent_x100"), F(PCT, "cpu_5m_percent_x100"),
    F(U64, "total_memory_bytes"),  F(U64, "free_memory_bytes"),
};

static const struct ft__sflow_field radio_utilization_fields[] = {
    F(C32, "elapsed_time_ms"),
    F(C32, "on_channel_time_ms"),
    F(C32, "on_channel_busy_time_ms"),
};

static const struct ft__sflow_field queue_length_fields[] = {
    F(U32, "queue_index"),      F(U32, "segment_size_bytes"), F(U32, "queue_segments"),
    F(C32, "queue_length_0"),   F(C32, "queue_length_1"),     F(C32, "queue_length_2"),
    F(C32, "queue_length_4"),   F(C32, "queue_length_8"),     F(C32, "queue_length_32"),
    F(C32, "queue_length_128"), F(C32, "queue_length_1024"),  F(C32, "queue_length_more"),
    F(C32, "dropped"),
};

static const struct ft__sflow_field of_port_fields[] = {
    F(U64, "datapath_id"),
    F(U32, "port_no"),
};

static const struct ft__sflow_field port_name_fields[] = {
    F(STR, "name"),
};

static const struct ft__sflow_field host_descr_fields[] = {
    F(STR, "hostname"), F(ID16, "uuid"),      F(U32, "machine_type"),
    F(U32, "os_name"),  F(STR, "os_release"),
};

static const struct ft__sflow_field host_adapters_fields[] = {
    F(MACS, "adapters"),
};

static const struct ft__sflow_field host_parent_fields[] = {
    F(U32, "container_type"),
    F(U32, "container_index"),
};

static const struct ft__sflow_field host_cpu_fields[] = {
    F(LOAD, "load_one"),     F(LOAD, "load_five"),        F(LOAD, "load_fifteen"),
    F(U32, "proc_run"),      F(U32, "proc_total"),        F(U32, "cpu_num"),
    F(U32, "cpu_speed_mhz"), F(U32, "uptime_s"),          F(C32, "cpu_user_ms"),
    F(C32, "cpu_nice_ms"),   F(C32, "cpu_system_ms"),     F(C32, "cpu_idle_ms"),
    F(C32, "cpu_wio_ms"),    F(C32, "cpu_intr_ms"),       F(C32, "cpu_sintr_ms"),
    F(C32, "interrupts"),    F(C32, "contexts"),          F(C32, "cpu_steal_ms"),
    F(C32, "cpu_guest_ms"),  F(C32, "cpu_guest_nice_ms"),
};

static const struct ft__sflow_field host_memory_fields[] = {
    F(C64, "mem_total_bytes"),   F(C64, "mem_free_bytes"),   F(C64, "mem_shared_bytes"),
    F(C64, "mem_buffers_bytes"), F(C64, "mem_cached_bytes"), F(C64, "swap_total_bytes"),
    F(C64, "swap_free_bytes"),   F(C32, "page_in"),          F(C32, "page_out"),
    F(C32, "swap_in"),           F(C32, "swap_out"),
};

static const struct ft__sflow_field host_disk_io_fields[] = {
    F(C64, "disk_total_bytes"),
    F(C64, "disk_free_bytes"),
    F(PCT, "part_max_used_percent_x100"),
    F(C32, "reads"),
    F(C64, "bytes_read"),
    F(C32, "read_time_ms"),
    F(C32, "writes"),
    F(C64, "bytes_written"),
    F(C32, "write_time_ms"),
};

static const struct ft__sflow_field host_net_io_fields[] = {
    F(C64, "bytes_in"),  F(C32, "pkts_in"),  F(C32, "errs_in"),  F(C32, "drops_in"),
    F(C64, "bytes_out"), F(C32, "pkts_out"), F(C32, "errs_out"), F(C32, "drops_out"),
};

static const struct ft__sflow_field mib2_ip_group_fields[] = {
    F(U32, "ip_forwarding"),        F(U32, "ip_default_ttl"),    F(C32, "ip_in_receives"),
    F(C32, "ip_in_hdr_errors"),     F(C32, "ip_in_addr_errors"), F(C32, "ip_forw_datagrams"),
    F(C32, "ip_in_unknown_protos"), F(C32, "ip_in_discards"),    F(C32, "ip_in_delivers"),
    F(C32, "ip_out_requests"),      F(C32, "ip_out_discards"),   F(C32, "ip_out_no_routes"),
    F(C32, "ip_reasm_timeout"),     F(C32, "ip_reasm_reqds"),    F(C32, "ip_reasm_oks"),
    F(C32, "ip_reasm_fails"),       F(C32, "ip_frag_oks"),       F(C32, "ip_frag_fails"),
    F(C32, "ip_frag_creates"),
};

static const struct ft__sflow_field mib2_icmp_group_fields[] = {
    F(C32, "icmp_in_msgs"),
    F(C32, "icmp_in_errors"),
    F(C32, "icmp_in_dest_unreachs"),
    F(C32, "icmp_in_time_excds"),
    F(C32, "icmp_in_param_probs"),
    F(C32, "icmp_in_src_quenchs"),
    F(C32, "icmp_in_redirects"),
    F(C32, "icmp_in_echos"),
    F(C32, "icmp_in_echo_reps"),
    F(C32, "icmp_in_timestamps"),
    F(C32, "icmp_in_addr_masks"),
    F(C32, "icmp_in_addr_mask_reps"),
    F(C32, "icmp_out_msgs"),
    F(C32, "icmp_out_errors"),
    F(C32, "icmp_out_dest_unreachs"),
    F(C32, "icmp_out_time_excds"),
    F(C32, "icmp_out_param_probs"),
    F(C32, "icmp_out_src_quenchs"),
    F(C32, "icmp_out_redirects"),
    F(C32, "icmp_out_echos"),
    F(C32, "icmp_out_echo_reps"),
    F(C32, "icmp_out_timestamps"),
    F(C32, "icmp_out_timestamp_reps"),
    F(C32, "icmp_out_addr_masks"),
    F(C32, "icmp_out_addr_mask_reps"),
};

static const struct ft__sflow_field mib2_tcp_group_fields[] = {
    F(U32, "tcp_rto_algorithm"), F(U32, "tcp_rto_min_ms"),   F(U32, "tcp_rto_max_ms"),
    F(I32, "tcp_max_conn"),      F(C32, "tcp_active_opens"), F(C32, "tcp_passive_opens"),
    F(C32, "tcp_attempt_fails"), F(C32, "tcp_estab_resets"), F(C32, "tcp_curr_estab"),
    F(C32, "tcp_in_segs"),       F(C32, "tcp_out_segs"),     F(C32, "tcp_retrans_segs"),
    F(C32, "tcp_in_errs"),       F(C32, "tcp_out_rsts"),     F(C32, "tcp_in_csum_errors"),
};

static const struct ft__sflow_field mib2_udp_group_fields[] = {
    F(C32, "udp_in_datagrams"),   F(C32, "udp_no_ports"),      F(C32, "udp_in_errors"),
    F(C32, "udp_out_datagrams"),  F(C32, "udp_rcvbuf_errors"), F(C32, "udp_sndbuf_errors"),
    F(C32, "udp_in_csum_errors"),
};

static const struct ft__sflow_field virt_node_fields[] = {
    F(U32, "mhz"),         F(U32, "cpus"), F(C64, "memory_bytes"), F(C64, "memory_free_bytes"),
    F(U32, "num_domains"),
};

static const struct ft__sflow_field virt_cpu_fields[] = {
    F(U32, "state"),
    F(C32, "cpu_time_ms"),
    F(U32, "nr_virt_cpu"),
};

static const struct ft__sflow_field virt_memory_fields[] = {
    F(C64, "memory_bytes"),
    F(C64, "max_memory_bytes"),
};

static const struct ft__sflow_field virt_disk_io_fields[] = {
    F(C64, "capacity_bytes"),  F(C64, "allocation_bytes"),
    F(C64, "available_bytes"), F(C32, "rd_req"),
    F(C64, "rd_bytes"),        F(C32, "wr_req"),
    F(C64, "wr_bytes"),        F(C32, "errs"),
};

static const struct ft__sflow_field virt_net_io_fields[] = {
    F(C64, "rx_bytes"), F(C32, "rx_packets"), F(C32, "rx_errs"), F(C32, "rx_drop"),
    F(C64, "tx_bytes"), F(C32, "tx_packets"), F(C32, "tx_errs"), F(C32, "tx_drop"),
};

static const struct ft__sflow_field jvm_runtime_fields[] = {
    F(STR, "vm_name"),
    F(STR, "vm_vendor"),
    F(STR, "vm_version"),
};

static const struct ft__sflow_field jvm_statistics_fields[] = {
    F(C64, "heap_initial_bytes"),
    F(C64, "heap_used_bytes"),
    F(C64, "heap_committed_bytes"),
    F(C64, "heap_max_bytes"),
    F(C64, "non_heap_initial_bytes"),
    F(C64, "non_heap_used_bytes"),
    F(C64, "non_heap_committed_bytes"),
    F(C64, "non_heap_max_bytes"),
    F(C32, "gc_count"),
    F(C32, "gc_time_ms"),
    F(C32, "classes_loaded"),
    F(C32, "classes_total"),
    F(C32, "classes_unloaded"),
    F(C32, "compilation_time_ms"),
    F(C32, "thread_num_live"),
    F(C32, "thread_num_daemon"),
    F(C32, "thread_num_started"),
    F(C32, "fd_open_count"),
    F(C32, "fd_max_count"),
};

static const struct ft__sflow_field memcache_counters_v1_fields[] = {
    F(C32, "uptime_s"),         F(C32, "rusage_user_ms"),    F(C32, "rusage_system_ms"),
    F(C32, "curr_connections"), F(C32, "total_connections"), F(C32, "connection_structures"),
    F(C32, "cmd_get"),          F(C32, "cmd_set"),           F(C32, "cmd_flush"),
    F(C32, "get_hits"),         F(C32, "get_misses"),        F(C32, "delete_misses"),
    F(C32, "delete_hits"),      F(C32, "incr_misses"),       F(C32, "incr_hits"),
    F(C32, "decr_misses"),      F(C32, "decr_hits"),         F(C32, "cas_misses"),
    F(C32, "cas_hits"),         F(C32, "cas_badval"),        F(C32, "auth_cmds"),
    F(C32, "auth_errors"),      F(C64, "bytes_read"),        F(C64, "bytes_written"),
    F(C32, "limit_maxbytes"),   F(C32, "accepting_conns"),   F(C32, "listen_disabled_num"),
    F(C32, "threads"),          F(C32, "conn_yields"),       F(C64, "bytes"),
    F(C32, "curr_items"),       F(C32, "total_items"),       F(C32, "evictions"),
};

static const struct ft__sflow_field http_counters_fields[] = {
    F(C32, "method_option_count"), F(C32, "method_get_count"),     F(C32, "method_head_count"),
    F(C32, "method_post_count"),   F(C32, "method_put_count"),     F(C32, "method_delete_count"),
    F(C32, "method_trace_count"),  F(C32, "method_connect_count"), F(C32, "method_other_count"),
    F(C32, "status_1xx_count"),    F(C32, "status_2xx_count"),     F(C32, "status_3xx_count"),
    F(C32, "status_4xx_count"),    F(C32, "status_5xx_count"),     F(C32, "status_other_count"),
};

static const struct ft__sflow_field app_operations_fields[] = {
    F(STR, "application"),     F(C32, "success"),     F(C32, "other"),       F(C32, "timeout"),
    F(C32, "internal_error"),  F(C32, "bad_request"), F(C32, "forbidden"),   F(C32, "too_large"),
    F(C32, "not_implemented"), F(C32, "not_found"),   F(C32, "unavailable"), F(C32, "unauthorized"),
};

static const struct ft__sflow_field app_resources_fields[] = {
    F(C32, "user_time_ms"),  F(C32, "system_time_ms"), F(C64, "mem_used_bytes"),
    F(C64, "mem_max_bytes"), F(C32, "fd_open"),        F(C32, "fd_max"),
    F(C32, "conn_open"),     F(C32, "conn_max"),
};

static const struct ft__sflow_field memcache_counters_fields[] = {
    F(C32, "cmd_set"),
    F(C32, "cmd_touch"),
    F(C32, "cmd_flush"),
    F(C32, "get_hits"),
    F(C32, "get_misses"),
    F(C32, "delete_hits"),
    F(C32, "delete_misses"),
    F(C32, "incr_hits"),
    F(C32, "incr_misses"),
    F(C32, "decr_hits"),
    F(C32, "decr_misses"),
    F(C32, "cas_hits"),
    F(C32, "cas_misses"),
    F(C32, "cas_badval"),
    F(C32, "auth_cmds"),
    F(C32, "auth_errors"),
    F(C32, "threads"),
    F(C32, "conn_yields"),
    F(C32, "listen_disabled_num"),
    F(C32, "curr_connections"),
    F(C32, "rejected_connections"),
    F(C32, "total_connections"),
    F(C32, "connection_structures"),
    F(C32, "evictions"),
    F(C32, "reclaimed"),
    F(C32, "curr_items"),
    F(C32, "total_items"),
    F(C64, "bytes_read"),
    F(C64, "bytes_written"),
    F(C64, "bytes"),
    F(C64, "limit_maxbytes"),
};

static const struct ft__sflow_field vdi_counters_fields[] = {
    F(C32, "sessions_current"), F(C32, "sessions_total"),  F(C32, "sessions_duration_s"),
    F(C32, "rx_bytes"),         F(C32, "tx_bytes"),        F(C32, "rx_packets"),
    F(C32, "tx_packets"),       F(C32, "rx_packets_lost"), F(C32, "tx_packets_lost"),
    F(C32, "rtt_min_ms"),       F(C32, "rtt_max_ms"),      F(C32, "rtt_avg_ms"),
    F(C32, "audio_rx_bytes"),   F(C32, "audio_tx_bytes"),  F(C32, "audio_tx_limit_bps"),
    F(C32, "img_rx_bytes"),     F(C32, "img_tx_bytes"),    F(C32, "img_frames"),
    F(C32, "img_qual_min"),     F(C32, "img_qual_max"),    F(C32, "img_qual_avg"),
    F(C32, "usb_rx_bytes"),     F(C32, "usb_tx_bytes"),
};

static const struct ft__sflow_field app_workers_fields[] = {
    F(C32, "workers_active"), F(C32, "workers_idle"), F(C32, "workers_max"),
    F(C32, "req_delayed"),    F(C32, "req_dropped"),
};

static const struct ft__sflow_field ovs_dp_stats_fields[] = {
    F(C32, "hits"),      F(C32, "misses"), F(C32, "lost"),
    F(C32, "mask_hits"), F(C32, "flows"),  F(C32, "masks"),
};

static const struct ft__sflow_field energy_fields[] = {
    F(C32, "voltage_mv"),    F(C32, "current_ma"),
    F(C32, "real_power_mw"), F(I32, "power_factor_percent_x100"),
    F(C32, "energy_mj"),     F(C32, "errors"),
};

static const struct ft__sflow_field temperature_fields[] = {
    F(I32, "minimum_tenths_c"),
    F(I32, "maximum_tenths_c"),
    F(C32, "errors"),
};

static const struct ft__sflow_field humidity_fields[] = {
    F(I32, "relative_percent"),
};

static const struct ft__sflow_field fans_fields[] = {
    F(U32, "total"),
    F(U32, "failed"),
    F(U32, "speed_percent"),
};

static const struct ft__sflow_field bst_device_buffers_fields[] = {
    F(PCT, "uc_percent_x100"),
    F(PCT, "mc_percent_x100"),
};

static const struct ft__sflow_field bst_port_buffers_fields[] = {
    F(PCT, "ingress_uc_percent_x100"),       F(PCT, "ingress_mc_percent_x100"),
    F(PCT, "egress_uc_percent_x100"),        F(PCT, "egress_mc_percent_x100"),
    F(PCTS, "egress_queue_uc_percent_x100"), F(PCTS, "egress_queue_mc_percent_x100"),
};

static const struct ft__sflow_field bcm_tables_fields[] = {
    F(C32, "bcm_host_entries"),         F(C32, "bcm_host_entries_max"),
    F(C32, "bcm_ipv4_entries"),         F(C32, "bcm_ipv4_entries_max"),
    F(C32, "bcm_ipv6_entries"),         F(C32, "bcm_ipv6_entries_max"),
    F(C32, "bcm_ipv4_ipv6_entries"),    F(C32, "bcm_ipv4_ipv6_entries_max"),
    F(C32, "bcm_long_ipv6_entries"),    F(C32, "bcm_long_ipv6_entries_max"),
    F(C32, "bcm_total_routes"),         F(C32, "bcm_total_routes_max"),
    F(C32, "bcm_ecmp_nexthops"),        F(C32, "bcm_ecmp_nexthops_max"),
    F(C32, "bcm_mac_entries"),          F(C32, "bcm_mac_entries_max"),
    F(C32, "bcm_ipv4_neighbors"),       F(C32, "bcm_ipv6_neighbors"),
    F(C32, "bcm_ipv4_routes"),          F(C32, "bcm_ipv6_routes"),
    F(C32, "bcm_acl_ingress_entries"),  F(C32, "bcm_acl_ingress_entries_max"),
    F(C32, "bcm_acl_ingress_counters"), F(C32, "bcm_acl_ingress_counters_max"),
    F(C32, "bcm_acl_ingress_meters"),   F(C32, "bcm_acl_ingress_meters_max"),
    F(C32, "bcm_acl_ingress_slices"),   F(C32, "bcm_acl_ingress_slices_max"),
    F(C32, "bcm_acl_egress_entries"),   F(C32, "bcm_acl_egress_entries_max"),
    F(C32, "bcm_acl_egress_counters"),  F(C32, "bcm_acl_egress_counters_max"),
    F(C32, "bcm_acl_egress_meters"),    F(C32, "bcm_acl_egress_meters_max"),
    F(C32, "bcm_acl_egress_slices"),    F(C32, "bcm_acl_egress_slices_max"),
};

static const struct ft__sflow_field nvidia_gpu_fields[] = {
    F(C32, "device_count"),      F(C32, "processes"),       F(C32, "gpu_time_ms"),
    F(C32, "mem_time_ms"),       F(C64, "mem_total_bytes"), F(C64, "mem_free_bytes"),
    F(C32, "ecc_errors"),        F(C32, "energy_mj"),       F(C32, "temperature_c"),
    F(C32, "fan_speed_percent"),
};

#define S FT__SFLOW_S

static const struct ft__sflow_struct structs[] = {
    S(0, 1, "generic", generic_fields, 0),
    S(0, 2, "ethernet", ethernet_fields, 0),
    S(0, 3, "tokenring", tokenring_fields, 0),
    S(0, 4, "vg", vg_fields, 0),
    S(0, 5, "vlan", vlan_fields, 0),
    S(0, 6, "ieee80211", ieee80211_fields, 0),
    S(0, 7, "lag_port_stats", lag_port_stats_fields, 0),
    S(0, 8, "slow_path_counts", slow_path_counts_fields, 0),
    S(0, 9, "ib_counters", ib_counters_fields, 0),
    S(0, 10, "sfp", sfp_fields, 0),
    S(0, 11, "pfc", pfc_fields, 0),
    S(0, 1001, "processor", processor_fields, 0),
    S(0, 1002, "radio_utilization", radio_utilization_fields, 0),
    S(0, 1003, "queue_length", queue_length_fields, 0),
    S(0, 1004, "of_port", of_port_fields, 0),
    S(0, 1005, "port_name", port_name_fields, 0),
    S(0, 2000, "host_descr", host_descr_fields, 0),
    S(0, 2001, "host_adapters", host_adapters_fields, 0),
    S(0, 2002, "host_parent", host_parent_fields, 0),
    S(0, 2003, "host_cpu", host_cpu_fields, 3),
    S(0, 2004, "host_memory", host_memory_fields, 0),
    S(0, 2005, "host_disk_io", host_disk_io_fields, 0),
    S(0, 2006, "host_net_io", host_net_io_fields, 0),
    S(0, 2007, "mib2_ip_group", mib2_ip_group_fields, 0),
    S(0, 2008, "mib2_icmp_group", mib2_icmp_group_fields, 0),
    S(0, 2009, "mib2_tcp_group", mib2_tcp_group_fields, 0),
    S(0, 2010, "mib2_udp_group", mib2_udp_group_fields, 0),
    S(0, 2100, "virt_node", virt_node_fields, 0),
    S(0, 2101, "virt_cpu", virt_cpu_fields, 0),
    S(0, 2102, "virt_memory", virt_memory_fields, 0),
    S(0, 2103, "virt_disk_io", virt_disk_io_fields, 0),
    S(0, 2104, "virt_net_io", virt_net_io_fields, 0),
    S(0, 2105, "jvm_runtime", jvm_runtime_fields, 0),
    S(0, 2106, "jvm_statistics", jvm_statistics_fields, 2),
    S(0, 2200, "memcache_counters_v1", memcache_counters_v1_fields, 0),
    S(0, 2201, "http_counters", http_counters_fields, 0),
    S(0, 2202, "app_operations", app_operations_fields, 0),
    S(0, 2203, "app_resources", app_resources_fields, 0),
    S(0, 2204, "memcache_counters", memcache_counters_fields, 0),
    S(0, 2205, "vdi_counters", vdi_counters_fields, 0),
    S(0, 2206, "app_workers", app_workers_fields, 0),
    S(0, 2207, "ovs_dp_stats", ovs_dp_stats_fields, 0),
    S(0, 3000, "energy", energy_fields, 0),
    S(0, 3001, "temperature", temperature_fields, 0),
    S(0, 3002, "humidity", humidity_fields, 0),
    S(0, 3003, "fans", fans_fields, 0),
    S(4413, 1, "bst_device_buffers", bst_device_buffers_fields, 0),
    S(4413, 2, "bst_port_buffers", bst_port_buffers_fields, 0),
    S(4413, 3, "bcm_tables", bcm_tables_fields, 0),
    S(5703, 1, "nvidia_gpu", nvidia_gpu_fields, 0),
};

const struct ft__sflow_struct *ft__sflow_counter_structs(uint32_t *out_n)
{
    *out_n = sizeof structs / sizeof structs[0];
    return structs;
}
