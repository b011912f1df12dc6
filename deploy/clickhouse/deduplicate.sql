-- SPDX-License-Identifier: Apache-2.0
-- Flows that several observers saw, each once: what `flowtap merge` does to streams, asked of flows.sql's tables.
-- docs/observers.md says what is what.
USE flowtap;

CREATE TABLE IF NOT EXISTS observer_groups
(
    `observer` String COMMENT 'observer_id, and /observation_domain where that is not 0',
    `name` LowCardinality(String) COMMENT 'of its group',
    `how` Enum8('copies' = 1, 'parts' = 2) COMMENT 'the group sees the same packets: the larger count holds; or parts of them: they add up',
    `rate` UInt32 DEFAULT 1 COMMENT 'it sees 1 packet in so many',
    `since` DateTime DEFAULT now() COMMENT 'the newest row of an observer counts'
)
ENGINE = ReplacingMergeTree(since)
ORDER BY observer;

-- A row a flow and group, of records from one time to another: SELECT ... FROM flows_deduplicated(from = '2026-11-29 00:00:00',
-- to = '2026-11-30 00:00:00', tolerance = 1). Records of one Community ID that overlap, or are apart by no more than the
-- tolerance (seconds; clocks are off), are one flow. a is the end with the smaller address and port. An observer without a
-- row in observer_groups is a group of its own.
CREATE VIEW IF NOT EXISTS flows_deduplicated AS
WITH
    members AS (SELECT * FROM observer_groups FINAL),
    shares AS
    (
        SELECT name, sum(1 / rate) AS share, sum(1 / rate * (1 - 1 / rate)) AS spread
        FROM members GROUP BY name
    ),
    records AS
    (
        SELECT
            r.observer_id || if(r.observation_domain = 0, '', '/' || toString(r.observation_domain)) AS observer,
            if(m.observer = '', observer, m.name) AS group_name,
            if(m.observer = '', 'parts', toString(m.how)) AS group_how,
            if(m.observer = '', 1, m.rate) AS one_in,
            toString(ifNull(r.community_id, '')) AS community_id,
            toUnixTimestamp64Micro(r.first_seen) AS first_us, toUnixTimestamp64Micro(r.last_seen) AS last_us,
            (r.src_ip, r.src_port) <= (r.dst_ip, r.dst_port) AS straight,
            if(straight, r.fwd_packets_delta, r.rev_packets_delta) AS packets_a,
            if(straight, r.rev_packets_delta, r.fwd_packets_delta) AS packets_b,
            if(straight, r.fwd_bytes_delta, r.rev_bytes_delta) AS bytes_a,
            if(straight, r.rev_bytes_delta, r.fwd_bytes_delta) AS bytes_b
        FROM network_flow_record AS r FINAL
        LEFT JOIN members AS m
            ON m.observer = r.observer_id || if(r.observation_domain = 0, '', '/' || toString(r.observation_domain))
        WHERE r.timestamp >= {from:DateTime64(6)} AND r.timestamp < {to:DateTime64(6)} AND r.community_id IS NOT NULL
    ),
    -- a flow begins where nothing before reaches to
    begun AS
    (
        SELECT *, first_us > max(last_us) OVER (PARTITION BY group_name, community_id ORDER BY first_us, last_us, observer
                                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                             + {tolerance:Float64} * 1000000 AS begins
        FROM records
    ),
    numbered AS
    (
        SELECT *, sum(begins) OVER (PARTITION BY group_name, community_id ORDER BY first_us, last_us, observer
                                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
        FROM begun
    ),
    by_observer AS
    (
        SELECT group_name, group_how, community_id, number, observer, max(one_in) AS one_in, count() AS records,
            min(first_us) AS first_us, max(last_us) AS last_us, sum(packets_a) AS packets_a, sum(packets_b) AS packets_b,
            sum(bytes_a) AS bytes_a, sum(bytes_b) AS bytes_b
        FROM numbered
        GROUP BY group_name, group_how, community_id, number, observer
    )
SELECT
    f.group_name AS observer_group, f.group_how AS how, f.community_id AS community_id,
    fromUnixTimestamp64Micro(min(f.first_us), 'UTC') AS first_seen, fromUnixTimestamp64Micro(max(f.last_us), 'UTC') AS last_seen,
    if(how = 'copies', max(f.packets_a), sum(f.packets_a)) AS packets_a,
    if(how = 'copies', max(f.packets_b), sum(f.packets_b)) AS packets_b,
    if(how = 'copies', max(f.bytes_a), sum(f.bytes_a)) AS bytes_a,
    if(how = 'copies', max(f.bytes_b), sum(f.bytes_b)) AS bytes_b,
    packets_a + packets_b AS packet_count, bytes_a + bytes_b AS byte_count,
    if(how = 'copies' AND any(s.share) > 0 AND max(f.one_in) > 1, sum(f.packets_a + f.packets_b) / any(s.share),
       sum(f.one_in * (f.packets_a + f.packets_b))) AS estimate,
    max(f.one_in) > 1 AS is_sampled,
    if(is_sampled, estimate, NULL) AS estimated_packets,
    if(is_sampled, sqrt(if(how = 'copies', estimate * any(s.spread) / pow(any(s.share), 2),
                           sum(f.one_in * (f.one_in - 1.) * (f.packets_a + f.packets_b)))), NULL) AS estimated_packets_sigma,
    groupArray(f.observer) AS observers, sum(f.records) AS merged
FROM by_observer AS f
LEFT JOIN shares AS s ON s.name = f.group_name
GROUP BY f.group_name, f.group_how, f.community_id, f.number;
