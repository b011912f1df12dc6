-- SPDX-License-Identifier: Apache-2.0
-- Made by generate.py from the columns of flowtap: see docs/deploy.md.
CREATE DATABASE IF NOT EXISTS flowtap;
USE flowtap;

CREATE TABLE IF NOT EXISTS kafka_errors
(
    `time` DateTime COMMENT 'when it was read',
    `topic` LowCardinality(String) COMMENT 'where it was',
    `partition` UInt64 COMMENT 'of the topic',
    `offset` UInt64 COMMENT 'in the partition',
    `error` String COMMENT 'why it is no event',
    `size` UInt64 COMMENT 'bytes of the message'
)
ENGINE = MergeTree
ORDER BY time
TTL time + INTERVAL 30 DAY;

CREATE TABLE IF NOT EXISTS network_flow_record
(
    `timestamp` DateTime64(6) CODEC(Delta, ZSTD(1)) COMMENT 'packet time at which the reason came true',
    `flow_id` FixedString(16) CODEC(ZSTD(1)) COMMENT 'the same in every record of a flow, and in every run',
    `reason` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'end, idle, active, snapshot, evicted, shutdown, eof or reuse',
    `is_final` Bool CODEC(ZSTD(1)) COMMENT 'the last record of this flow_id',
    `segment` UInt32 CODEC(ZSTD(1)) COMMENT 'number of this record among those of its flow_id, from 0',
    `src_ip` String CODEC(ZSTD(1)) COMMENT 'initiator''s address (IPv6: element 27)',
    `dst_ip` String CODEC(ZSTD(1)) COMMENT 'responder''s address (IPv6: element 28)',
    `src_port` UInt16 CODEC(ZSTD(1)) COMMENT 'initiator''s port; 0 for protocols without ports',
    `dst_port` UInt16 CODEC(ZSTD(1)) COMMENT 'responder''s port; 0 for protocols without ports',
    `protocol` UInt8 CODEC(ZSTD(1)) COMMENT 'IP protocol; of IPv6, the one after the extension headers',
    `packet_count` UInt64 CODEC(ZSTD(1)) COMMENT 'packets of both directions, cumulative over the flow_id',
    `byte_count` UInt64 CODEC(ZSTD(1)) COMMENT 'wire bytes of both directions, cumulative over the flow_id',
    `first_seen` DateTime64(6) CODEC(Delta, ZSTD(1)) COMMENT 'earliest packet of the flow',
    `last_seen` DateTime64(6) CODEC(Delta, ZSTD(1)) COMMENT 'latest packet of the flow so far',
    `duration_us` UInt64 CODEC(ZSTD(1)) COMMENT 'last_seen - first_seen',
    `ip_version` UInt8 CODEC(ZSTD(1)) COMMENT '4 or 6',
    `vlan_id` Nullable(UInt16) CODEC(ZSTD(1)) COMMENT 'innermost VLAN id; part of the flow key',
    `fwd_packets` UInt64 CODEC(ZSTD(1)) COMMENT 'packets from the initiator',
    `rev_packets` UInt64 CODEC(ZSTD(1)) COMMENT 'packets from the responder',
    `fwd_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'wire bytes from the initiator',
    `rev_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'wire bytes from the responder',
    `fwd_ip_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'IP bytes from the initiator',
    `rev_ip_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'IP bytes from the responder',
    `fwd_payload_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'bytes after the transport header, from the initiator',
    `rev_payload_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'bytes after the transport header, from the responder',
    `fwd_tcp_flags` UInt8 CODEC(ZSTD(1)) COMMENT 'OR of the TCP flags from the initiator; 0 for other protocols',
    `rev_tcp_flags` UInt8 CODEC(ZSTD(1)) COMMENT 'OR of the TCP flags from the responder; 0 for other protocols',
    `community_id` LowCardinality(Nullable(String)) CODEC(ZSTD(1)) COMMENT 'the flow''s name in Zeek, Suricata, Wireshark and others',
    `fwd_packets_delta` UInt64 CODEC(ZSTD(1)) COMMENT 'packets from the initiator since the record before of this flow_id',
    `rev_packets_delta` UInt64 CODEC(ZSTD(1)) COMMENT 'packets from the responder since the record before of this flow_id',
    `fwd_bytes_delta` UInt64 CODEC(ZSTD(1)) COMMENT 'wire bytes from the initiator since the record before of this flow_id',
    `rev_bytes_delta` UInt64 CODEC(ZSTD(1)) COMMENT 'wire bytes from the responder since the record before of this flow_id',
    `tunnel_type` LowCardinality(Nullable(String)) CODEC(ZSTD(1)) COMMENT 'what the innermost packet came in: gre, vxlan, geneve, gtpu, mpls, ...',
    `tunnel_id` Nullable(UInt32) CODEC(ZSTD(1)) COMMENT 'its id from the initiator: VNI, VSID, key, TEID, label, session',
    `icmp_type` Nullable(UInt8) CODEC(ZSTD(1)) COMMENT 'ICMP or ICMPv6 type of the first packet (ICMPv6: element 178)',
    `icmp_code` Nullable(UInt8) CODEC(ZSTD(1)) COMMENT 'its code (ICMPv6: element 179)',
    `truncated` Bool CODEC(ZSTD(1)) COMMENT 'some frames were captured shorter than they were (snap length); no counter depends on it',
    `conn_state` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR or OTH',
    `observer_id` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'who saw it: the name of this flowtap, the host''s unless told',
    `observation_domain` UInt32 CODEC(ZSTD(1)) COMMENT 'what it watches, where one name watches several: 0 unless told',
    `producer` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'the spool that sent it, or topic/partition',
    `chunk` UInt64 CODEC(ZSTD(1)) COMMENT 'number of the chunk at its producer, or the offset',
    `message` UInt64 CODEC(ZSTD(1)) COMMENT 'number of the message in the chunk',
    `stored_at` DateTime CODEC(ZSTD(1)) COMMENT 'when ClickHouse took it'
)
ENGINE = ReplacingMergeTree
PARTITION BY if(timestamp BETWEEN stored_at - INTERVAL 7 DAY AND stored_at + INTERVAL 7 DAY, toDate(timestamp), toDate(0))
ORDER BY (timestamp, producer, chunk, message, flow_id, segment)
TTL toDateTime(least(timestamp, stored_at)) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS network_flow_record_kafka
(
    `timestamp` DateTime64(6),
    `flow_id` FixedString(16),
    `reason` LowCardinality(String),
    `is_final` Bool,
    `segment` UInt32,
    `src_ip` String,
    `dst_ip` String,
    `src_port` UInt16,
    `dst_port` UInt16,
    `protocol` UInt8,
    `packet_count` UInt64,
    `byte_count` UInt64,
    `first_seen` DateTime64(6),
    `last_seen` DateTime64(6),
    `duration_us` UInt64,
    `ip_version` UInt8,
    `vlan_id` Nullable(UInt16),
    `fwd_packets` UInt64,
    `rev_packets` UInt64,
    `fwd_bytes` UInt64,
    `rev_bytes` UInt64,
    `fwd_ip_bytes` UInt64,
    `rev_ip_bytes` UInt64,
    `fwd_payload_bytes` UInt64,
    `rev_payload_bytes` UInt64,
    `fwd_tcp_flags` UInt8,
    `rev_tcp_flags` UInt8,
    `community_id` LowCardinality(Nullable(String)),
    `fwd_packets_delta` UInt64,
    `rev_packets_delta` UInt64,
    `fwd_bytes_delta` UInt64,
    `rev_bytes_delta` UInt64,
    `tunnel_type` LowCardinality(Nullable(String)),
    `tunnel_id` Nullable(UInt32),
    `icmp_type` Nullable(UInt8),
    `icmp_code` Nullable(UInt8),
    `truncated` Bool,
    `conn_state` LowCardinality(String),
    `observer_id` LowCardinality(String),
    `observation_domain` UInt32
)
ENGINE = Kafka
SETTINGS kafka_broker_list = 'kafka:9092', kafka_topic_list = 'flowtap-flows', kafka_group_name = 'clickhouse',
    kafka_format = 'ArrowStream', kafka_num_consumers = 1, kafka_handle_error_mode = 'stream';

CREATE MATERIALIZED VIEW IF NOT EXISTS network_flow_record_in TO network_flow_record AS
WITH
    splitByChar('-', arrayFirst((v, n) -> n = 'flowtap-id', `_headers.value`, `_headers.name`)) AS flowtap_id,
    length(flowtap_id) = 3 AS has_flowtap_id
SELECT
    `timestamp`, `flow_id`, `reason`, `is_final`, `segment`, `src_ip`, `dst_ip`, `src_port`, `dst_port`, `protocol`, `packet_count`, `byte_count`, `first_seen`, `last_seen`, `duration_us`, `ip_version`, `vlan_id`, `fwd_packets`, `rev_packets`, `fwd_bytes`, `rev_bytes`, `fwd_ip_bytes`, `rev_ip_bytes`, `fwd_payload_bytes`, `rev_payload_bytes`, `fwd_tcp_flags`, `rev_tcp_flags`, `community_id`, `fwd_packets_delta`, `rev_packets_delta`, `fwd_bytes_delta`, `rev_bytes_delta`, `tunnel_type`, `tunnel_id`, `icmp_type`, `icmp_code`, `truncated`, `conn_state`, `observer_id`, `observation_domain`,
    if(has_flowtap_id, flowtap_id[1], concat(_topic, '/', toString(_partition))) AS producer,
    if(has_flowtap_id, toUInt64OrZero(flowtap_id[2]), _offset) AS chunk,
    if(has_flowtap_id, toUInt64OrZero(flowtap_id[3]), 0) AS message,
    now() AS stored_at
FROM network_flow_record_kafka
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS network_flow_record_errors TO kafka_errors AS
SELECT now() AS time, _topic AS topic, _partition AS `partition`, _offset AS `offset`, _error AS error, length(_raw_message) AS size
FROM network_flow_record_kafka
WHERE _error != '';

CREATE TABLE IF NOT EXISTS pipeline_stats
(
    `timestamp` DateTime64(6) CODEC(Delta, ZSTD(1)) COMMENT 'when the account was taken: wall clock live, newest packet on replay',
    `is_final` Bool CODEC(ZSTD(1)) COMMENT 'nothing is in flight any more: the numbers are exact',
    `schema_version` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'of the columns of all events: MAJOR.MINOR; a minor version only adds columns',
    `elapsed_ms` UInt64 CODEC(ZSTD(1)) COMMENT 'since the start, by the monotonic clock',
    `received` UInt64 CODEC(ZSTD(1)) COMMENT 'captured + kernel_dropped',
    `kernel_dropped` Nullable(UInt64) CODEC(ZSTD(1)) COMMENT 'lost in the kernel for want of room in its ring',
    `captured` UInt64 CODEC(ZSTD(1)) COMMENT 'queue_dropped + decoded + ignored + malformed',
    `queue_dropped` UInt64 CODEC(ZSTD(1)) COMMENT 'lost at full hand-off queues',
    `decoded` UInt64 CODEC(ZSTD(1)) COMMENT 'IP packets counted in a flow',
    `ignored` UInt64 CODEC(ZSTD(1)) COMMENT 'sum of ignored_by_reason',
    `malformed` UInt64 CODEC(ZSTD(1)) COMMENT 'sum of malformed_by_reason',
    `received_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'wire bytes of the captured packets',
    `decoded_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'wire bytes of the decoded packets',
    `ignored_by_reason` String CODEC(ZSTD(1)) COMMENT 'packets that are not decoded, by reason',
    `not_ip_by_ethertype` String CODEC(ZSTD(1)) COMMENT 'ignored_by_reason.not_ip by EtherType: the 16 most frequent, llc for 802.2 without one, other for all others and for packets without either',
    `malformed_by_reason` String CODEC(ZSTD(1)) COMMENT 'packets that break their protocol''s rules, by reason',
    `flows` String CODEC(ZSTD(1)) COMMENT 'created, active, max, ended (final records, by reason), updates (interim records), packets and bytes in final records and of flows in the table',
    `collect` Nullable(String) CODEC(ZSTD(1)) COMMENT 'records, options records, samples, counter samples, discards, templates, sets without a template, lost, reordered and repeated messages, restarts, exporters; received, captured, decoded, ignored and malformed count datagrams then',
    `clock_steps` UInt64 CODEC(ZSTD(1)) COMMENT 'times the packet clock went back by more than the idle timeout',
    `late_packets` UInt64 CODEC(ZSTD(1)) COMMENT 'older than their flow''s newest packet',
    `fragments_held` UInt64 CODEC(ZSTD(1)) COMMENT 'fragments that waited for the first of their datagram',
    `fragments_duplicate` UInt64 CODEC(ZSTD(1)) COMMENT 'fragments whose bytes had all come before',
    `fragments_overlap` UInt64 CODEC(ZSTD(1)) COMMENT 'fragments of which some bytes had come before',
    `fragments_unassembled` UInt64 CODEC(ZSTD(1)) COMMENT 'fragments of packets that may be a tunnel''s and could not be put together: they count for the carrier',
    `app_packets` UInt64 CODEC(ZSTD(1)) COMMENT 'looked into for names (--app)',
    `app_no_buffer` UInt64 CODEC(ZSTD(1)) COMMENT 'streams whose names were given up because all buffers were taken (--app)',
    `where_left_out` UInt64 CODEC(ZSTD(1)) COMMENT 'flow records that do not satisfy --where: no output has them',
    `profile_skipped` UInt64 CODEC(ZSTD(1)) COMMENT 'flow records that the tool drops that a profile is named for: outputs with its columns have them not',
    `labelled` UInt64 CODEC(ZSTD(1)) COMMENT 'final flow records that a rule of --labels knows',
    `unlabelled` UInt64 CODEC(ZSTD(1)) COMMENT 'those that no rule knows (--labels)',
    `labels_unclear` UInt64 CODEC(ZSTD(1)) COMMENT 'of the labelled: another rule says something else; the first one''s stands',
    `window_late_packets` UInt64 CODEC(ZSTD(1)) COMMENT 'packets that came too late for their window: they are in none (-e window)',
    `window_untracked_packets` UInt64 CODEC(ZSTD(1)) COMMENT 'packets of hosts that others took the place of in a full window: they are in no row (-e window)',
    `window_no_room` UInt64 CODEC(ZSTD(1)) COMMENT 'distinct values or ends of flows that found no room: null, or not counted, in their rows (-e window)',
    `alerts` UInt64 CODEC(ZSTD(1)) COMMENT 'alerts that were made (-e alert)',
    `alerts_suppressed` UInt64 CODEC(ZSTD(1)) COMMENT 'alerts that were kept back: of a rule and an entity that had one not long ago, or too many in a second (-e alert)',
    `alerts_no_room` UInt64 CODEC(ZSTD(1)) COMMENT 'ended flows that detectors were not told of, and entities that others took the place of in their full tables (-e alert)',
    `afterimage_evicted` UInt64 CODEC(ZSTD(1)) COMMENT 'streams, and pairs of streams, that made room for others: they begin anew when they come again (-p afterimage)',
    `interface_events` UInt64 CODEC(ZSTD(1)) COMMENT 'times an interface went down, vanished or came back',
    `workers` UInt64 CODEC(ZSTD(1)) COMMENT 'threads that keep flows',
    `queue_capacity` UInt64 CODEC(ZSTD(1)) COMMENT 'bound of each queue',
    `queues` String CODEC(ZSTD(1)) COMMENT 'by worker: packets waiting now, packets dropped',
    `memory_budget_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'as planned at the start',
    `outputs` String CODEC(ZSTD(1)) COMMENT 'by output: events made, written, dropped (its queue was full), lost (its target refused or lost them) and waiting, also by event; bytes; whether it is gone. The event that carries the numbers is not in them',
    `clock_offset_us` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'what the clock of this host still has to be corrected by: reference less clock',
    `observer_id` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'who saw it: the name of this flowtap, the host''s unless told',
    `observation_domain` UInt32 CODEC(ZSTD(1)) COMMENT 'what it watches, where one name watches several: 0 unless told',
    `producer` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'the spool that sent it, or topic/partition',
    `chunk` UInt64 CODEC(ZSTD(1)) COMMENT 'number of the chunk at its producer, or the offset',
    `message` UInt64 CODEC(ZSTD(1)) COMMENT 'number of the message in the chunk',
    `stored_at` DateTime CODEC(ZSTD(1)) COMMENT 'when ClickHouse took it'
)
ENGINE = ReplacingMergeTree
PARTITION BY if(timestamp BETWEEN stored_at - INTERVAL 7 DAY AND stored_at + INTERVAL 7 DAY, toDate(timestamp), toDate(0))
ORDER BY (timestamp, producer, chunk, message)
TTL toDateTime(least(timestamp, stored_at)) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS pipeline_stats_kafka
(
    `timestamp` DateTime64(6),
    `is_final` Bool,
    `schema_version` LowCardinality(String),
    `elapsed_ms` UInt64,
    `received` UInt64,
    `kernel_dropped` Nullable(UInt64),
    `captured` UInt64,
    `queue_dropped` UInt64,
    `decoded` UInt64,
    `ignored` UInt64,
    `malformed` UInt64,
    `received_bytes` UInt64,
    `decoded_bytes` UInt64,
    `ignored_by_reason` String,
    `not_ip_by_ethertype` String,
    `malformed_by_reason` String,
    `flows` String,
    `collect` Nullable(String),
    `clock_steps` UInt64,
    `late_packets` UInt64,
    `fragments_held` UInt64,
    `fragments_duplicate` UInt64,
    `fragments_overlap` UInt64,
    `fragments_unassembled` UInt64,
    `app_packets` UInt64,
    `app_no_buffer` UInt64,
    `where_left_out` UInt64,
    `profile_skipped` UInt64,
    `labelled` UInt64,
    `unlabelled` UInt64,
    `labels_unclear` UInt64,
    `window_late_packets` UInt64,
    `window_untracked_packets` UInt64,
    `window_no_room` UInt64,
    `alerts` UInt64,
    `alerts_suppressed` UInt64,
    `alerts_no_room` UInt64,
    `afterimage_evicted` UInt64,
    `interface_events` UInt64,
    `workers` UInt64,
    `queue_capacity` UInt64,
    `queues` String,
    `memory_budget_bytes` UInt64,
    `outputs` String,
    `clock_offset_us` Nullable(Int64),
    `observer_id` LowCardinality(String),
    `observation_domain` UInt32
)
ENGINE = Kafka
SETTINGS kafka_broker_list = 'kafka:9092', kafka_topic_list = 'flowtap-stats', kafka_group_name = 'clickhouse',
    kafka_format = 'ArrowStream', kafka_num_consumers = 1, kafka_handle_error_mode = 'stream';

CREATE MATERIALIZED VIEW IF NOT EXISTS pipeline_stats_in TO pipeline_stats AS
WITH
    splitByChar('-', arrayFirst((v, n) -> n = 'flowtap-id', `_headers.value`, `_headers.name`)) AS flowtap_id,
    length(flowtap_id) = 3 AS has_flowtap_id
SELECT
    `timestamp`, `is_final`, `schema_version`, `elapsed_ms`, `received`, `kernel_dropped`, `captured`, `queue_dropped`, `decoded`, `ignored`, `malformed`, `received_bytes`, `decoded_bytes`, `ignored_by_reason`, `not_ip_by_ethertype`, `malformed_by_reason`, `flows`, `collect`, `clock_steps`, `late_packets`, `fragments_held`, `fragments_duplicate`, `fragments_overlap`, `fragments_unassembled`, `app_packets`, `app_no_buffer`, `where_left_out`, `profile_skipped`, `labelled`, `unlabelled`, `labels_unclear`, `window_late_packets`, `window_untracked_packets`, `window_no_room`, `alerts`, `alerts_suppressed`, `alerts_no_room`, `afterimage_evicted`, `interface_events`, `workers`, `queue_capacity`, `queues`, `memory_budget_bytes`, `outputs`, `clock_offset_us`, `observer_id`, `observation_domain`,
    if(has_flowtap_id, flowtap_id[1], concat(_topic, '/', toString(_partition))) AS producer,
    if(has_flowtap_id, toUInt64OrZero(flowtap_id[2]), _offset) AS chunk,
    if(has_flowtap_id, toUInt64OrZero(flowtap_id[3]), 0) AS message,
    now() AS stored_at
FROM pipeline_stats_kafka
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS pipeline_stats_errors TO kafka_errors AS
SELECT now() AS time, _topic AS topic, _partition AS `partition`, _offset AS `offset`, _error AS error, length(_raw_message) AS size
FROM pipeline_stats_kafka
WHERE _error != '';

CREATE TABLE IF NOT EXISTS flow_minute
(
    `minute` DateTime CODEC(Delta, ZSTD(1)) COMMENT 'its beginning',
    `observer_id` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'who saw it',
    `observation_domain` UInt32 CODEC(ZSTD(1)) COMMENT 'what that one watches',
    `src_ip` String CODEC(ZSTD(1)) COMMENT 'initiator''s address',
    `dst_ip` String CODEC(ZSTD(1)) COMMENT 'responder''s address',
    `protocol` UInt8 CODEC(ZSTD(1)) COMMENT 'IP protocol',
    `dst_port` UInt16 CODEC(ZSTD(1)) COMMENT 'responder''s port',
    `flows` UInt64 CODEC(ZSTD(1)) COMMENT 'flows that ended',
    `records` UInt64 CODEC(ZSTD(1)) COMMENT 'records of flows',
    `fwd_packets` UInt64 CODEC(ZSTD(1)) COMMENT 'packets from the initiator',
    `rev_packets` UInt64 CODEC(ZSTD(1)) COMMENT 'packets from the responder',
    `fwd_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'wire bytes from the initiator',
    `rev_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'wire bytes from the responder',
    `made` DateTime CODEC(Delta, ZSTD(1)) COMMENT 'when this total was made; the newest counts: FINAL'
)
ENGINE = ReplacingMergeTree(made)
PARTITION BY toDate(minute)
ORDER BY (minute, observer_id, observation_domain, src_ip, dst_ip, protocol, dst_port)
TTL minute + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS flow_minute_refresh
REFRESH EVERY 1 MINUTE APPEND TO flow_minute AS
WITH (SELECT greatest(max(made), toDateTime(86400)) FROM flow_minute) - INTERVAL 1 MINUTE AS since
SELECT minute, observer_id, observation_domain, src_ip, dst_ip, protocol, dst_port, countIf(is_final) AS flows, count() AS records, sum(fwd_packets_delta) AS fwd_packets, sum(rev_packets_delta) AS rev_packets, sum(fwd_bytes_delta) AS fwd_bytes, sum(rev_bytes_delta) AS rev_bytes, now() AS made
FROM
(
    SELECT toStartOfMinute(timestamp) AS minute, observer_id, observation_domain, src_ip, dst_ip, protocol, dst_port, is_final, fwd_packets_delta, rev_packets_delta, fwd_bytes_delta, rev_bytes_delta
    FROM network_flow_record FINAL
    WHERE toStartOfMinute(timestamp) IN (SELECT toStartOfMinute(timestamp) FROM network_flow_record WHERE stored_at >= since) AND timestamp >= toStartOfDay(now() - INTERVAL 6 DAY) AND timestamp < now() + INTERVAL 1 DAY
)
GROUP BY minute, observer_id, observation_domain, src_ip, dst_ip, protocol, dst_port;

CREATE TABLE IF NOT EXISTS flow_hour
(
    `hour` DateTime CODEC(Delta, ZSTD(1)) COMMENT 'its beginning',
    `observer_id` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'who saw it',
    `observation_domain` UInt32 CODEC(ZSTD(1)) COMMENT 'what that one watches',
    `src_ip` String CODEC(ZSTD(1)) COMMENT 'initiator''s address',
    `dst_ip` String CODEC(ZSTD(1)) COMMENT 'responder''s address',
    `protocol` UInt8 CODEC(ZSTD(1)) COMMENT 'IP protocol',
    `dst_port` UInt16 CODEC(ZSTD(1)) COMMENT 'responder''s port',
    `flows` UInt64 CODEC(ZSTD(1)) COMMENT 'flows that ended',
    `records` UInt64 CODEC(ZSTD(1)) COMMENT 'records of flows',
    `fwd_packets` UInt64 CODEC(ZSTD(1)) COMMENT 'packets from the initiator',
    `rev_packets` UInt64 CODEC(ZSTD(1)) COMMENT 'packets from the responder',
    `fwd_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'wire bytes from the initiator',
    `rev_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'wire bytes from the responder',
    `made` DateTime CODEC(Delta, ZSTD(1)) COMMENT 'when this total was made; the newest counts: FINAL'
)
ENGINE = ReplacingMergeTree(made)
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, observer_id, observation_domain, src_ip, dst_ip, protocol, dst_port)
TTL hour + INTERVAL 730 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS flow_hour_refresh
REFRESH EVERY 20 MINUTE APPEND TO flow_hour AS
WITH (SELECT greatest(max(made), toDateTime(86400)) FROM flow_hour) - INTERVAL 20 MINUTE AS since
SELECT hour, observer_id, observation_domain, src_ip, dst_ip, protocol, dst_port, sum(flows) AS flows, sum(records) AS records, sum(fwd_packets) AS fwd_packets, sum(rev_packets) AS rev_packets, sum(fwd_bytes) AS fwd_bytes, sum(rev_bytes) AS rev_bytes, now() AS made
FROM
(
    SELECT toStartOfHour(minute) AS hour, observer_id, observation_domain, src_ip, dst_ip, protocol, dst_port, flows, records, fwd_packets, rev_packets, fwd_bytes, rev_bytes
    FROM flow_minute FINAL
    WHERE toStartOfHour(minute) IN (SELECT toStartOfHour(minute) FROM flow_minute WHERE made >= since)
)
GROUP BY hour, observer_id, observation_domain, src_ip, dst_ip, protocol, dst_port;

CREATE VIEW IF NOT EXISTS traffic_per_minute AS
SELECT minute, observer_id, protocol, sum(flows) AS flows, sum(fwd_packets + rev_packets) AS packets, sum(fwd_bytes + rev_bytes) AS bytes
FROM flow_minute FINAL
GROUP BY minute, observer_id, protocol;

CREATE VIEW IF NOT EXISTS traffic_per_hour AS
SELECT hour, observer_id, protocol, sum(flows) AS flows, sum(fwd_packets + rev_packets) AS packets, sum(fwd_bytes + rev_bytes) AS bytes
FROM flow_hour FINAL
GROUP BY hour, observer_id, protocol;

CREATE VIEW IF NOT EXISTS top_talkers AS
SELECT host, sum(sent) AS bytes_sent, sum(taken) AS bytes_received, bytes_sent + bytes_received AS bytes, sum(ended) AS flows
FROM
(
    SELECT src_ip AS host, fwd_bytes AS sent, rev_bytes AS taken, flows AS ended
    FROM flow_minute FINAL WHERE minute >= {from:DateTime} AND minute < {to:DateTime}
    UNION ALL
    SELECT dst_ip, rev_bytes, fwd_bytes, flows
    FROM flow_minute FINAL WHERE minute >= {from:DateTime} AND minute < {to:DateTime}
)
GROUP BY host
ORDER BY bytes DESC, host
LIMIT {n:UInt64};
