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

CREATE TABLE IF NOT EXISTS network_flow_record_of_collect
(
    `timestamp` DateTime64(6) CODEC(Delta, ZSTD(1)) COMMENT 'export time of the message',
    `flow_id` FixedString(16) CODEC(ZSTD(1)) COMMENT 'of exporter, domain, key and start: the same in every run',
    `reason` LowCardinality(Nullable(String)) CODEC(ZSTD(1)) COMMENT 'idle, active, end, shutdown or evicted',
    `is_final` Bool CODEC(ZSTD(1)) COMMENT 'false when the exporter says that the flow goes on: reason active; of a firewall''s record that it is created or updated',
    `segment` UInt32 CODEC(ZSTD(1)) COMMENT '0: exporters do not number their records of a flow',
    `src_ip` Nullable(String) CODEC(ZSTD(1)) COMMENT 'source address (IPv6: element 27)',
    `dst_ip` Nullable(String) CODEC(ZSTD(1)) COMMENT 'destination address (IPv6: element 28)',
    `src_port` Nullable(UInt16) CODEC(ZSTD(1)) COMMENT 'source port; 0 for protocols without ports',
    `dst_port` Nullable(UInt16) CODEC(ZSTD(1)) COMMENT 'destination port; 0 for protocols without ports',
    `protocol` Nullable(UInt8) CODEC(ZSTD(1)) COMMENT 'IP protocol',
    `packet_count` Nullable(UInt64) CODEC(ZSTD(1)) COMMENT 'as exported (delta, else total); of a biflow both directions together',
    `byte_count` Nullable(UInt64) CODEC(ZSTD(1)) COMMENT 'as exported, likewise',
    `first_seen` Nullable(DateTime64(6)) CODEC(Delta, ZSTD(1)) COMMENT 'start of the flow',
    `last_seen` Nullable(DateTime64(6)) CODEC(Delta, ZSTD(1)) COMMENT 'end of the flow',
    `address` String CODEC(ZSTD(1)) COMMENT 'sender of the datagram',
    `domain_id` UInt32 CODEC(ZSTD(1)) COMMENT 'observation domain; v9: source id; v5: engine type * 256 + engine id',
    `export_protocol` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'netflow_v1, _v5, _v7, _v9 or ipfix',
    `sampling_rate` Nullable(UInt32) CODEC(ZSTD(1)) COMMENT '1 packet in this many was seen',
    `sequence` UInt32 CODEC(ZSTD(1)) COMMENT 'of the message that the record came in',
    `estimated_packets` Nullable(UInt64) CODEC(ZSTD(1)) COMMENT 'packet_count * sampling_rate',
    `estimated_bytes` Nullable(UInt64) CODEC(ZSTD(1)) COMMENT 'byte_count * sampling_rate',
    `other` String CODEC(ZSTD(1)) COMMENT 'everything that the exporter sent, by the elements'' names in snake_case',
    `observer_id` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'who saw it: the name of this flowtap, the host''s unless told',
    `observation_domain` UInt32 CODEC(ZSTD(1)) COMMENT 'what it watches, where one name watches several: 0 unless told',
    `producer` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'the spool that sent it, or topic/partition',
    `chunk` UInt64 CODEC(ZSTD(1)) COMMENT 'number of the chunk at its producer, or the offset',
    `message` UInt64 CODEC(ZSTD(1)) COMMENT 'number of the message in the chunk',
    `copy` UInt32 CODEC(ZSTD(1)) COMMENT 'number among the equal events of a message',
    `stored_at` DateTime CODEC(ZSTD(1)) COMMENT 'when ClickHouse took it'
)
ENGINE = ReplacingMergeTree
PARTITION BY if(timestamp BETWEEN stored_at - INTERVAL 7 DAY AND stored_at + INTERVAL 7 DAY, toDate(timestamp), toDate(0))
ORDER BY (timestamp, producer, chunk, message, flow_id, sequence, cityHash64(other), copy)
TTL toDateTime(least(timestamp, stored_at)) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS network_flow_record_of_collect_kafka
(
    `timestamp` DateTime64(6),
    `flow_id` FixedString(16),
    `reason` LowCardinality(Nullable(String)),
    `is_final` Bool,
    `segment` UInt32,
    `src_ip` Nullable(String),
    `dst_ip` Nullable(String),
    `src_port` Nullable(UInt16),
    `dst_port` Nullable(UInt16),
    `protocol` Nullable(UInt8),
    `packet_count` Nullable(UInt64),
    `byte_count` Nullable(UInt64),
    `first_seen` Nullable(DateTime64(6)),
    `last_seen` Nullable(DateTime64(6)),
    `address` String,
    `domain_id` UInt32,
    `export_protocol` LowCardinality(String),
    `sampling_rate` Nullable(UInt32),
    `sequence` UInt32,
    `estimated_packets` Nullable(UInt64),
    `estimated_bytes` Nullable(UInt64),
    `other` String,
    `observer_id` LowCardinality(String),
    `observation_domain` UInt32
)
ENGINE = Kafka
SETTINGS kafka_broker_list = 'kafka:9092', kafka_topic_list = 'flowtap-collect', kafka_group_name = 'clickhouse',
    kafka_format = 'ArrowStream', kafka_num_consumers = 1, kafka_handle_error_mode = 'stream';

CREATE MATERIALIZED VIEW IF NOT EXISTS network_flow_record_of_collect_in TO network_flow_record_of_collect AS
WITH
    splitByChar('-', arrayFirst((v, n) -> n = 'flowtap-id', `_headers.value`, `_headers.name`)) AS flowtap_id,
    length(flowtap_id) = 3 AS has_flowtap_id
SELECT
    `timestamp`, `flow_id`, `reason`, `is_final`, `segment`, `src_ip`, `dst_ip`, `src_port`, `dst_port`, `protocol`, `packet_count`, `byte_count`, `first_seen`, `last_seen`, `address`, `domain_id`, `export_protocol`, `sampling_rate`, `sequence`, `estimated_packets`, `estimated_bytes`, `other`, `observer_id`, `observation_domain`,
    if(has_flowtap_id, flowtap_id[1], concat(_topic, '/', toString(_partition))) AS producer,
    if(has_flowtap_id, toUInt64OrZero(flowtap_id[2]), _offset) AS chunk,
    if(has_flowtap_id, toUInt64OrZero(flowtap_id[3]), 0) AS message,
    now() AS stored_at,
    row_number() OVER (PARTITION BY _topic, _partition, _offset, flow_id, sequence, other) AS copy
FROM network_flow_record_of_collect_kafka
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS network_flow_record_of_collect_errors TO kafka_errors AS
SELECT now() AS time, _topic AS topic, _partition AS `partition`, _offset AS `offset`, _error AS error, length(_raw_message) AS size
FROM network_flow_record_of_collect_kafka
WHERE _error != '';

CREATE TABLE IF NOT EXISTS network_flow_sample_of_collect
(
    `timestamp` DateTime64(6) CODEC(Delta, ZSTD(1)) COMMENT 'when the datagram came',
    `src_ip` Nullable(String) CODEC(ZSTD(1)) COMMENT 'source address',
    `dst_ip` Nullable(String) CODEC(ZSTD(1)) COMMENT 'destination address',
    `src_port` Nullable(UInt16) CODEC(ZSTD(1)) COMMENT 'source port',
    `dst_port` Nullable(UInt16) CODEC(ZSTD(1)) COMMENT 'destination port',
    `protocol` Nullable(UInt8) CODEC(ZSTD(1)) COMMENT 'IP protocol',
    `packet_size_bytes` UInt32 CODEC(ZSTD(1)) COMMENT 'the frame on the wire',
    `packet_count` UInt64 CODEC(ZSTD(1)) COMMENT 'sampled packets of this 5-tuple in this direction at this source so far, this one included',
    `byte_count` UInt64 CODEC(ZSTD(1)) COMMENT 'their bytes on the wire',
    `first_seen` DateTime64(6) CODEC(Delta, ZSTD(1)) COMMENT 'the first of them',
    `last_seen` DateTime64(6) CODEC(Delta, ZSTD(1)) COMMENT 'this one',
    `address` String CODEC(ZSTD(1)) COMMENT 'sender of the datagram',
    `domain_id` UInt32 CODEC(ZSTD(1)) COMMENT 'sub-agent',
    `export_protocol` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'sflow_v5',
    `sampling_rate` Nullable(UInt32) CODEC(ZSTD(1)) COMMENT '1 packet in this many is sampled',
    `sequence` UInt32 CODEC(ZSTD(1)) COMMENT 'of the datagram',
    `agent` Nullable(String) CODEC(ZSTD(1)) COMMENT 'the agent''s own address',
    `sample_sequence` UInt32 CODEC(ZSTD(1)) COMMENT 'of the sample at its source',
    `source_class` UInt32 CODEC(ZSTD(1)) COMMENT '0 ifIndex, 1 VLAN, 2 entity',
    `source_index` UInt32 CODEC(ZSTD(1)) COMMENT 'ifIndex or number of the source',
    `input_interface` Nullable(UInt32) CODEC(ZSTD(1)) COMMENT 'ifIndex that the packet came in by; 0: not known',
    `output_interface` Nullable(UInt32) CODEC(ZSTD(1)) COMMENT 'ifIndex that the packet went out by, likewise',
    `output_interfaces` Nullable(UInt32) CODEC(ZSTD(1)) COMMENT 'number of interfaces that the packet went out by; 0: more than one',
    `output_discard_reason` Nullable(UInt32) CODEC(ZSTD(1)) COMMENT 'sFlow drop reason',
    `sample_pool` UInt32 CODEC(ZSTD(1)) COMMENT 'packets that could have been sampled, modulo 2^32',
    `drops` UInt32 CODEC(ZSTD(1)) COMMENT 'samples that the agent lost since it started',
    `effective_sampling_rate` Nullable(UInt64) CODEC(ZSTD(1)) COMMENT 'packets of the pool for each sample that came: more than the nominal rate where samples are lost',
    `truncated` Bool CODEC(ZSTD(1)) COMMENT 'the sampled header ends before the ports',
    `src_mac` LowCardinality(Nullable(String)) CODEC(ZSTD(1)) COMMENT 'source MAC address of the frame',
    `dst_mac` LowCardinality(Nullable(String)) CODEC(ZSTD(1)) COMMENT 'destination MAC address of the frame',
    `tos` Nullable(UInt8) CODEC(ZSTD(1)) COMMENT 'type of service of IPv4, traffic class of IPv6: DSCP and ECN',
    `ttl` Nullable(UInt8) CODEC(ZSTD(1)) COMMENT 'time to live, or hop limit',
    `tcp_flags` Nullable(UInt8) CODEC(ZSTD(1)) COMMENT 'flags byte of the TCP header',
    `icmp_type` Nullable(UInt8) CODEC(ZSTD(1)) COMMENT 'type of ICMP or ICMPv6',
    `icmp_code` Nullable(UInt8) CODEC(ZSTD(1)) COMMENT 'its code',
    `estimated_packets` Nullable(UInt64) CODEC(ZSTD(1)) COMMENT 'what these packets stand for: the sum of each one''s own sampling rate',
    `estimated_bytes` Nullable(UInt64) CODEC(ZSTD(1)) COMMENT 'the sum of each one''s bytes times its own sampling rate',
    `other` String CODEC(ZSTD(1)) COMMENT 'what the agent tells besides the header, by the structures'' field names',
    `observer_id` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'who saw it: the name of this flowtap, the host''s unless told',
    `observation_domain` UInt32 CODEC(ZSTD(1)) COMMENT 'what it watches, where one name watches several: 0 unless told',
    `producer` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'the spool that sent it, or topic/partition',
    `chunk` UInt64 CODEC(ZSTD(1)) COMMENT 'number of the chunk at its producer, or the offset',
    `message` UInt64 CODEC(ZSTD(1)) COMMENT 'number of the message in the chunk',
    `copy` UInt32 CODEC(ZSTD(1)) COMMENT 'number among the equal events of a message',
    `stored_at` DateTime CODEC(ZSTD(1)) COMMENT 'when ClickHouse took it'
)
ENGINE = ReplacingMergeTree
PARTITION BY if(timestamp BETWEEN stored_at - INTERVAL 7 DAY AND stored_at + INTERVAL 7 DAY, toDate(timestamp), toDate(0))
ORDER BY (timestamp, producer, chunk, message, address, domain_id, sequence, sample_sequence, source_class, source_index, cityHash64(other), copy)
TTL toDateTime(least(timestamp, stored_at)) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS network_flow_sample_of_collect_kafka
(
    `timestamp` DateTime64(6),
    `src_ip` Nullable(String),
    `dst_ip` Nullable(String),
    `src_port` Nullable(UInt16),
    `dst_port` Nullable(UInt16),
    `protocol` Nullable(UInt8),
    `packet_size_bytes` UInt32,
    `packet_count` UInt64,
    `byte_count` UInt64,
    `first_seen` DateTime64(6),
    `last_seen` DateTime64(6),
    `address` String,
    `domain_id` UInt32,
    `export_protocol` LowCardinality(String),
    `sampling_rate` Nullable(UInt32),
    `sequence` UInt32,
    `agent` Nullable(String),
    `sample_sequence` UInt32,
    `source_class` UInt32,
    `source_index` UInt32,
    `input_interface` Nullable(UInt32),
    `output_interface` Nullable(UInt32),
    `output_interfaces` Nullable(UInt32),
    `output_discard_reason` Nullable(UInt32),
    `sample_pool` UInt32,
    `drops` UInt32,
    `effective_sampling_rate` Nullable(UInt64),
    `truncated` Bool,
    `src_mac` LowCardinality(Nullable(String)),
    `dst_mac` LowCardinality(Nullable(String)),
    `tos` Nullable(UInt8),
    `ttl` Nullable(UInt8),
    `tcp_flags` Nullable(UInt8),
    `icmp_type` Nullable(UInt8),
    `icmp_code` Nullable(UInt8),
    `estimated_packets` Nullable(UInt64),
    `estimated_bytes` Nullable(UInt64),
    `other` String,
    `observer_id` LowCardinality(String),
    `observation_domain` UInt32
)
ENGINE = Kafka
SETTINGS kafka_broker_list = 'kafka:9092', kafka_topic_list = 'flowtap-samples', kafka_group_name = 'clickhouse',
    kafka_format = 'ArrowStream', kafka_num_consumers = 1, kafka_handle_error_mode = 'stream';

CREATE MATERIALIZED VIEW IF NOT EXISTS network_flow_sample_of_collect_in TO network_flow_sample_of_collect AS
WITH
    splitByChar('-', arrayFirst((v, n) -> n = 'flowtap-id', `_headers.value`, `_headers.name`)) AS flowtap_id,
    length(flowtap_id) = 3 AS has_flowtap_id
SELECT
    `timestamp`, `src_ip`, `dst_ip`, `src_port`, `dst_port`, `protocol`, `packet_size_bytes`, `packet_count`, `byte_count`, `first_seen`, `last_seen`, `address`, `domain_id`, `export_protocol`, `sampling_rate`, `sequence`, `agent`, `sample_sequence`, `source_class`, `source_index`, `input_interface`, `output_interface`, `output_interfaces`, `output_discard_reason`, `sample_pool`, `drops`, `effective_sampling_rate`, `truncated`, `src_mac`, `dst_mac`, `tos`, `ttl`, `tcp_flags`, `icmp_type`, `icmp_code`, `estimated_packets`, `estimated_bytes`, `other`, `observer_id`, `observation_domain`,
    if(has_flowtap_id, flowtap_id[1], concat(_topic, '/', toString(_partition))) AS producer,
    if(has_flowtap_id, toUInt64OrZero(flowtap_id[2]), _offset) AS chunk,
    if(has_flowtap_id, toUInt64OrZero(flowtap_id[3]), 0) AS message,
    now() AS stored_at,
    row_number() OVER (PARTITION BY _topic, _partition, _offset, address, domain_id, sequence, sample_sequence, source_class, source_index, other) AS copy
FROM network_flow_sample_of_collect_kafka
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS network_flow_sample_of_collect_errors TO kafka_errors AS
SELECT now() AS time, _topic AS topic, _partition AS `partition`, _offset AS `offset`, _error AS error, length(_raw_message) AS size
FROM network_flow_sample_of_collect_kafka
WHERE _error != '';

CREATE TABLE IF NOT EXISTS exporter_health
(
    `timestamp` DateTime64(6) CODEC(Delta, ZSTD(1)) COMMENT 'when the account was taken',
    `address` String CODEC(ZSTD(1)) COMMENT 'sender of the datagrams',
    `domain_id` UInt32 CODEC(ZSTD(1)) COMMENT 'observation domain, source id or sub-agent',
    `export_protocol` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'what it speaks',
    `agent` Nullable(String) CODEC(ZSTD(1)) COMMENT 'sFlow: the agent''s own address',
    `sampling_rate` Nullable(UInt32) CODEC(ZSTD(1)) COMMENT '1 in this many, of the whole domain',
    `first_heard` DateTime64(6) CODEC(Delta, ZSTD(1)) COMMENT 'its first datagram',
    `last_heard` DateTime64(6) CODEC(Delta, ZSTD(1)) COMMENT 'its latest datagram',
    `messages` UInt64 CODEC(ZSTD(1)) COMMENT 'datagrams or messages',
    `bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'of the messages',
    `records` UInt64 CODEC(ZSTD(1)) COMMENT 'flow records',
    `options_records` UInt64 CODEC(ZSTD(1)) COMMENT 'options data records',
    `samples` UInt64 CODEC(ZSTD(1)) COMMENT 'sFlow flow samples',
    `counter_samples` UInt64 CODEC(ZSTD(1)) COMMENT 'sFlow counter samples',
    `discards` UInt64 CODEC(ZSTD(1)) COMMENT 'sFlow discard notifications',
    `sequence_unit` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'what its sequence numbers count: messages, records, none, or what else it was found to be',
    `lost` UInt64 CODEC(ZSTD(1)) COMMENT 'by sequence numbers, in that unit; what came late is taken off',
    `reordered` UInt64 CODEC(ZSTD(1)) COMMENT 'messages that came late',
    `duplicates` UInt64 CODEC(ZSTD(1)) COMMENT 'messages that came twice',
    `resets` UInt64 CODEC(ZSTD(1)) COMMENT 'times its numbers or its uptime started again',
    `no_template` UInt64 CODEC(ZSTD(1)) COMMENT 'data sets given up for want of a template',
    `waiting_bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'of data sets that wait for their template',
    `malformed` UInt64 CODEC(ZSTD(1)) COMMENT 'faults in its messages',
    `wrong_values` UInt64 CODEC(ZSTD(1)) COMMENT 'values whose length does not fit their type',
    `templates` UInt64 CODEC(ZSTD(1)) COMMENT 'templates known now',
    `clock_skew_ms` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'arrival less export time of its latest message',
    `observer_id` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'who saw it: the name of this flowtap, the host''s unless told',
    `observation_domain` UInt32 CODEC(ZSTD(1)) COMMENT 'what it watches, where one name watches several: 0 unless told',
    `producer` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'the spool that sent it, or topic/partition',
    `chunk` UInt64 CODEC(ZSTD(1)) COMMENT 'number of the chunk at its producer, or the offset',
    `message` UInt64 CODEC(ZSTD(1)) COMMENT 'number of the message in the chunk',
    `stored_at` DateTime CODEC(ZSTD(1)) COMMENT 'when ClickHouse took it'
)
ENGINE = ReplacingMergeTree
PARTITION BY if(timestamp BETWEEN stored_at - INTERVAL 7 DAY AND stored_at + INTERVAL 7 DAY, toDate(timestamp), toDate(0))
ORDER BY (timestamp, producer, chunk, message, address, domain_id)
TTL toDateTime(least(timestamp, stored_at)) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS exporter_health_kafka
(
    `timestamp` DateTime64(6),
    `address` String,
    `domain_id` UInt32,
    `export_protocol` LowCardinality(String),
    `agent` Nullable(String),
    `sampling_rate` Nullable(UInt32),
    `first_heard` DateTime64(6),
    `last_heard` DateTime64(6),
    `messages` UInt64,
    `bytes` UInt64,
    `records` UInt64,
    `options_records` UInt64,
    `samples` UInt64,
    `counter_samples` UInt64,
    `discards` UInt64,
    `sequence_unit` LowCardinality(String),
    `lost` UInt64,
    `reordered` UInt64,
    `duplicates` UInt64,
    `resets` UInt64,
    `no_template` UInt64,
    `waiting_bytes` UInt64,
    `malformed` UInt64,
    `wrong_values` UInt64,
    `templates` UInt64,
    `clock_skew_ms` Nullable(Int64),
    `observer_id` LowCardinality(String),
    `observation_domain` UInt32
)
ENGINE = Kafka
SETTINGS kafka_broker_list = 'kafka:9092', kafka_topic_list = 'flowtap-exporters', kafka_group_name = 'clickhouse',
    kafka_format = 'ArrowStream', kafka_num_consumers = 1, kafka_handle_error_mode = 'stream';

CREATE MATERIALIZED VIEW IF NOT EXISTS exporter_health_in TO exporter_health AS
WITH
    splitByChar('-', arrayFirst((v, n) -> n = 'flowtap-id', `_headers.value`, `_headers.name`)) AS flowtap_id,
    length(flowtap_id) = 3 AS has_flowtap_id
SELECT
    `timestamp`, `address`, `domain_id`, `export_protocol`, `agent`, `sampling_rate`, `first_heard`, `last_heard`, `messages`, `bytes`, `records`, `options_records`, `samples`, `counter_samples`, `discards`, `sequence_unit`, `lost`, `reordered`, `duplicates`, `resets`, `no_template`, `waiting_bytes`, `malformed`, `wrong_values`, `templates`, `clock_skew_ms`, `observer_id`, `observation_domain`,
    if(has_flowtap_id, flowtap_id[1], concat(_topic, '/', toString(_partition))) AS producer,
    if(has_flowtap_id, toUInt64OrZero(flowtap_id[2]), _offset) AS chunk,
    if(has_flowtap_id, toUInt64OrZero(flowtap_id[3]), 0) AS message,
    now() AS stored_at
FROM exporter_health_kafka
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS exporter_health_errors TO kafka_errors AS
SELECT now() AS time, _topic AS topic, _partition AS `partition`, _offset AS `offset`, _error AS error, length(_raw_message) AS size
FROM exporter_health_kafka
WHERE _error != '';

CREATE TABLE IF NOT EXISTS collect_minute
(
    `minute` DateTime CODEC(Delta, ZSTD(1)) COMMENT 'its beginning',
    `observer_id` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'who saw it',
    `observation_domain` UInt32 CODEC(ZSTD(1)) COMMENT 'what that one watches',
    `address` String CODEC(ZSTD(1)) COMMENT 'sender of the datagrams',
    `domain_id` UInt32 CODEC(ZSTD(1)) COMMENT 'observation domain, source id or sub-agent',
    `sampling_rate` UInt32 CODEC(ZSTD(1)) COMMENT '1 packet in this many was seen; 0: not told',
    `src_ip` String CODEC(ZSTD(1)) COMMENT 'source address',
    `dst_ip` String CODEC(ZSTD(1)) COMMENT 'destination address',
    `protocol` UInt8 CODEC(ZSTD(1)) COMMENT 'IP protocol',
    `dst_port` UInt16 CODEC(ZSTD(1)) COMMENT 'destination port',
    `records` UInt64 CODEC(ZSTD(1)) COMMENT 'records, or samples',
    `packets` UInt64 CODEC(ZSTD(1)) COMMENT 'as exported, never multiplied',
    `bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'as exported, never multiplied',
    `made` DateTime CODEC(Delta, ZSTD(1)) COMMENT 'when this total was made; the newest counts: FINAL'
)
ENGINE = ReplacingMergeTree(made)
PARTITION BY toDate(minute)
ORDER BY (minute, observer_id, observation_domain, address, domain_id, sampling_rate, src_ip, dst_ip, protocol, dst_port)
TTL minute + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS collect_minute_refresh
REFRESH EVERY 1 MINUTE APPEND TO collect_minute AS
WITH (SELECT greatest(max(made), toDateTime(86400)) FROM collect_minute) - INTERVAL 1 MINUTE AS since
SELECT minute, observer_id, observation_domain, address, domain_id, sampling_rate, src_ip, dst_ip, protocol, dst_port, count() AS records, sum(packet_n) AS packets, sum(byte_n) AS bytes, now() AS made
FROM
(
    SELECT toStartOfMinute(timestamp) AS minute, observer_id, observation_domain, address, domain_id, ifNull(r.sampling_rate, 0) AS sampling_rate, ifNull(r.src_ip, '') AS src_ip, ifNull(r.dst_ip, '') AS dst_ip, ifNull(r.protocol, 0) AS protocol, ifNull(r.dst_port, 0) AS dst_port, ifNull(packet_count, 0) AS packet_n, ifNull(byte_count, 0) AS byte_n
    FROM network_flow_record_of_collect AS r FINAL
    WHERE toStartOfMinute(timestamp) IN (SELECT toStartOfMinute(timestamp) FROM network_flow_record_of_collect AS r WHERE stored_at >= since) AND timestamp >= toStartOfDay(now() - INTERVAL 6 DAY) AND timestamp < now() + INTERVAL 1 DAY
    UNION ALL
    SELECT toStartOfMinute(timestamp) AS minute, observer_id, observation_domain, address, domain_id, ifNull(r.sampling_rate, 0) AS sampling_rate, ifNull(r.src_ip, '') AS src_ip, ifNull(r.dst_ip, '') AS dst_ip, ifNull(r.protocol, 0) AS protocol, ifNull(r.dst_port, 0) AS dst_port, ifNull(1, 0) AS packet_n, ifNull(packet_size_bytes, 0) AS byte_n
    FROM network_flow_sample_of_collect AS r FINAL
    WHERE toStartOfMinute(timestamp) IN (SELECT toStartOfMinute(timestamp) FROM network_flow_sample_of_collect AS r WHERE stored_at >= since) AND timestamp >= toStartOfDay(now() - INTERVAL 6 DAY) AND timestamp < now() + INTERVAL 1 DAY
)
GROUP BY minute, observer_id, observation_domain, address, domain_id, sampling_rate, src_ip, dst_ip, protocol, dst_port;

CREATE TABLE IF NOT EXISTS collect_hour
(
    `hour` DateTime CODEC(Delta, ZSTD(1)) COMMENT 'its beginning',
    `observer_id` LowCardinality(String) CODEC(ZSTD(1)) COMMENT 'who saw it',
    `observation_domain` UInt32 CODEC(ZSTD(1)) COMMENT 'what that one watches',
    `address` String CODEC(ZSTD(1)) COMMENT 'sender of the datagrams',
    `domain_id` UInt32 CODEC(ZSTD(1)) COMMENT 'observation domain, source id or sub-agent',
    `sampling_rate` UInt32 CODEC(ZSTD(1)) COMMENT '1 packet in this many was seen; 0: not told',
    `src_ip` String CODEC(ZSTD(1)) COMMENT 'source address',
    `dst_ip` String CODEC(ZSTD(1)) COMMENT 'destination address',
    `protocol` UInt8 CODEC(ZSTD(1)) COMMENT 'IP protocol',
    `dst_port` UInt16 CODEC(ZSTD(1)) COMMENT 'destination port',
    `records` UInt64 CODEC(ZSTD(1)) COMMENT 'records, or samples',
    `packets` UInt64 CODEC(ZSTD(1)) COMMENT 'as exported, never multiplied',
    `bytes` UInt64 CODEC(ZSTD(1)) COMMENT 'as exported, never multiplied',
    `made` DateTime CODEC(Delta, ZSTD(1)) COMMENT 'when this total was made; the newest counts: FINAL'
)
ENGINE = ReplacingMergeTree(made)
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, observer_id, observation_domain, address, domain_id, sampling_rate, src_ip, dst_ip, protocol, dst_port)
TTL hour + INTERVAL 730 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS collect_hour_refresh
REFRESH EVERY 20 MINUTE APPEND TO collect_hour AS
WITH (SELECT greatest(max(made), toDateTime(86400)) FROM collect_hour) - INTERVAL 20 MINUTE AS since
SELECT hour, observer_id, observation_domain, address, domain_id, sampling_rate, src_ip, dst_ip, protocol, dst_port, sum(records) AS records, sum(packets) AS packets, sum(bytes) AS bytes, now() AS made
FROM
(
    SELECT toStartOfHour(minute) AS hour, observer_id, observation_domain, address, domain_id, sampling_rate, src_ip, dst_ip, protocol, dst_port, records, packets, bytes
    FROM collect_minute FINAL
    WHERE toStartOfHour(minute) IN (SELECT toStartOfHour(minute) FROM collect_minute WHERE made >= since)
)
GROUP BY hour, observer_id, observation_domain, address, domain_id, sampling_rate, src_ip, dst_ip, protocol, dst_port;

CREATE VIEW IF NOT EXISTS collect_traffic_per_minute AS
SELECT minute, address, protocol, sum(packets * greatest(sampling_rate, 1)) AS estimated_packets,
    sum(bytes * greatest(sampling_rate, 1)) AS estimated_bytes, sumIf(bytes, sampling_rate = 0) AS bytes_of_unknown_rate
FROM collect_minute FINAL
GROUP BY minute, address, protocol;

CREATE VIEW IF NOT EXISTS collect_traffic_per_hour AS
SELECT hour, address, protocol, sum(packets * greatest(sampling_rate, 1)) AS estimated_packets,
    sum(bytes * greatest(sampling_rate, 1)) AS estimated_bytes, sumIf(bytes, sampling_rate = 0) AS bytes_of_unknown_rate
FROM collect_hour FINAL
GROUP BY hour, address, protocol;

CREATE VIEW IF NOT EXISTS collect_top_talkers AS
SELECT src_ip AS host, sum(packets * greatest(sampling_rate, 1)) AS estimated_packets,
    sum(bytes * greatest(sampling_rate, 1)) AS estimated_bytes
FROM collect_minute FINAL
WHERE minute >= {from:DateTime} AND minute < {to:DateTime}
GROUP BY host
ORDER BY estimated_bytes DESC, host
LIMIT {n:UInt64};
