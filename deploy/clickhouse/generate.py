#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ClickHouse behind Kafka, as SQL, from the columns that `flowtap schema --format clickhouse` tells: for each topic a Kafka
table, a table that keeps each event once, and what brings the one into the other; totals per minute and per hour, and views
that answer questions. docs/deploy.md says what is what.

    generate.py flows|collect [-p LIST] [--brokers HOST:PORT,...] [--raw-days N] ... > NAME.sql

deploy/clickhouse/flows.sql and collect.sql are what it writes without more arguments.
"""
import argparse
import os
import re
import subprocess

# of a message: which one it is. flowtap sends the header where there is a spool; without one the broker's number serves, which
# is another one for a message that was sent again, but the same for one that is read again
ID = ["`producer` LowCardinality(String) COMMENT 'the spool that sent it, or topic/partition'",
      "`chunk` UInt64 COMMENT 'number of the chunk at its producer, or the offset'",
      "`message` UInt64 COMMENT 'number of the message in the chunk'"]
STORED = "`stored_at` DateTime COMMENT 'when ClickHouse took it'"
HEADER = "arrayFirst((v, n) -> n = 'flowtap-id', `_headers.value`, `_headers.name`)"
WITH = f"""WITH
    splitByChar('-', {HEADER}) AS flowtap_id,
    length(flowtap_id) = 3 AS has_flowtap_id"""
WHICH = """    if(has_flowtap_id, flowtap_id[1], concat(_topic, '/', toString(_partition))) AS producer,
    if(has_flowtap_id, toUInt64OrZero(flowtap_id[2]), _offset) AS chunk,
    if(has_flowtap_id, toUInt64OrZero(flowtap_id[3]), 0) AS message,
    now() AS stored_at"""
# a partition for each day that is so near; all other days share one: times are what exporters say, and ClickHouse takes no block
# of more than 100 partitions
NEAR_DAYS = 40
# those of an event that do not change from one to the next of its kind by less than they tell
CODECS = {"DateTime64(6)": "Delta, ZSTD(1)"}


def tables(args):
    """name -> its columns, as lines without a comma."""
    command = [args.flowtap, "schema", "--format", "clickhouse", *(["-p", args.profile] if args.profile else ["-p", "base"])]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    made = {}
    for name, body in re.findall(r"CREATE TABLE (\w+)\n\(\n(.*?)\n\)\n", text, re.S):
        made[name] = [line.strip().rstrip(",") for line in body.split("\n")]
    return made


def names(columns):
    return [re.match(r"`([^`]+)`", c)[1] for c in columns]


def packed(column):
    """With how it is packed on the disk."""
    kind = re.match(r"`[^`]+` (?:Nullable\()?(\w+(?:\(\d+\))?)", column)[1]
    at = column.find(" COMMENT ")
    return f"{column[:at]} CODEC({CODECS.get(kind, 'ZSTD(1)')}){column[at:]}"


def block(lines):
    return ",\n".join("    " + line for line in lines)


def landing(args, table, topic, columns, key, copies=False):
    """From the topic into a table that has each event once. key: what tells the events of a message apart; copies: with what
    the exporter sent, which may be the same twice: such are numbered."""
    raw = names(columns)
    more = ["`copy` UInt32 COMMENT 'number among the equal events of a message'"] if copies else []
    listed = ", ".join(f"`{n}`" for n in raw)
    numbered = (f",\n    row_number() OVER (PARTITION BY _topic, _partition, _offset, {', '.join(key)}, other) AS copy"
                if copies else "")
    order = ", ".join(["timestamp", "producer", "chunk", "message", *key, *(["cityHash64(other)", "copy"] if copies else [])])
    ttl = f"\nTTL toDateTime(least(timestamp, stored_at)) + INTERVAL {args.raw_days} DAY" if args.raw_days else ""
    near = f"INTERVAL {min(args.raw_days or NEAR_DAYS, NEAR_DAYS)} DAY"
    return f"""
CREATE TABLE IF NOT EXISTS {table}
(
{block([packed(c) for c in [*columns, *ID, *more, STORED]])}
)
ENGINE = ReplacingMergeTree
PARTITION BY if(timestamp BETWEEN stored_at - {near} AND stored_at + {near}, toDate(timestamp), toDate(0))
ORDER BY ({order}){ttl}
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS {table}_kafka
(
{block(c.split(" COMMENT ")[0] for c in columns)}
)
ENGINE = Kafka
SETTINGS kafka_broker_list = '{args.brokers}', kafka_topic_list = '{topic}', kafka_group_name = '{args.group}',
    kafka_format = 'ArrowStream', kafka_num_consumers = {args.consumers}, kafka_handle_error_mode = 'stream';

CREATE MATERIALIZED VIEW IF NOT EXISTS {table}_in TO {table} AS
{WITH}
SELECT
    {listed},
{WHICH}{numbered}
FROM {table}_kafka
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS {table}_errors TO kafka_errors AS
SELECT now() AS time, _topic AS topic, _partition AS `partition`, _offset AS `offset`, _error AS error, length(_raw_message) AS size
FROM {table}_kafka
WHERE _error != '';
"""


def errors():
    return """
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
"""


def rollup(name, key, sums, source, unit, days, every, since):
    """A table of totals, and what makes those anew of which events came: the same however often it runs, and however late or
    often an event comes. source(touched): rows whose totals they are."""
    partition = "toYYYYMM" if unit == "hour" else "toDate"
    of_key = [f"`{n}` {t} COMMENT '{c}'" for n, t, c in key]
    of_sums = [f"`{n}` UInt64 COMMENT '{c}'" for n, _, c in sums]
    grouped = ", ".join(n for n, _, _ in key)
    return f"""
CREATE TABLE IF NOT EXISTS {name}
(
{block([f"`{unit}` DateTime CODEC(Delta, ZSTD(1)) COMMENT 'its beginning'", *map(packed, [*of_key, *of_sums]),
        "`made` DateTime CODEC(Delta, ZSTD(1)) COMMENT 'when this total was made; the newest counts: FINAL'"])}
)
ENGINE = ReplacingMergeTree(made)
PARTITION BY {partition}({unit})
ORDER BY ({unit}, {grouped})
TTL {unit} + INTERVAL {days} DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS {name}_refresh
REFRESH EVERY {every} MINUTE APPEND TO {name} AS
WITH (SELECT greatest(max(made), toDateTime(86400)) FROM {name}) - INTERVAL {since} MINUTE AS since
SELECT {unit}, {grouped}, {", ".join(f"{s} AS {n}" for n, s, _ in sums)}, now() AS made
FROM
({source}
)
GROUP BY {unit}, {grouped};
"""


def touched(args, table, columns):
    """Of the minutes of which something came since, all events, each once; not of such that are kept in part, or to come."""
    guard = (f" AND timestamp >= toStartOfDay(now() - INTERVAL {(args.raw_days or args.minute_days) - 1} DAY)"
             " AND timestamp < now() + INTERVAL 1 DAY")
    return f"""
    SELECT toStartOfMinute(timestamp) AS minute, {columns}
    FROM {table} FINAL
    WHERE toStartOfMinute(timestamp) IN (SELECT toStartOfMinute(timestamp) FROM {table} WHERE stored_at >= since){guard}"""


def hours(name, key, sums):
    columns = ", ".join([n for n, _, _ in key] + [n for n, _, _ in sums])
    return f"""
    SELECT toStartOfHour(minute) AS hour, {columns}
    FROM {name}_minute FINAL
    WHERE toStartOfHour(minute) IN (SELECT toStartOfHour(minute) FROM {name}_minute WHERE made >= since)"""


def rollups(args, name, key, sums, source):
    again = [(n, f"sum({n})", c) for n, _, c in sums]
    return (rollup(f"{name}_minute", key, sums, source, "minute", args.minute_days, 1, 1) +
            rollup(f"{name}_hour", key, again, hours(name, key, again), "hour", args.hour_days, 20, 20))


OBSERVER = [("observer_id", "LowCardinality(String)", "who saw it"), ("observation_domain", "UInt32", "what that one watches")]
CONVERSATION = [("src_ip", "String", "initiator''s address"), ("dst_ip", "String", "responder''s address"),
                ("protocol", "UInt8", "IP protocol"), ("dst_port", "UInt16", "responder''s port")]


def flows(args, made):
    columns = made["network_flow_record"]
    key = OBSERVER + CONVERSATION
    sums = [("flows", "countIf(is_final)", "flows that ended"), ("records", "count()", "records of flows"),
            ("fwd_packets", "sum(fwd_packets_delta)", "packets from the initiator"),
            ("rev_packets", "sum(rev_packets_delta)", "packets from the responder"),
            ("fwd_bytes", "sum(fwd_bytes_delta)", "wire bytes from the initiator"),
            ("rev_bytes", "sum(rev_bytes_delta)", "wire bytes from the responder")]
    taken = ", ".join([k for k, _, _ in key] + ["is_final", "fwd_packets_delta", "rev_packets_delta", "fwd_bytes_delta",
                                                "rev_bytes_delta"])
    yield errors()
    yield landing(args, "network_flow_record", args.topic or "flowtap-flows", columns, ["flow_id", "segment"])
    yield landing(args, "pipeline_stats", args.stats_topic, made["pipeline_stats"], [])
    yield rollups(args, "flow", key, sums, touched(args, "network_flow_record", taken))
    for unit in "minute", "hour":
        yield f"""
CREATE VIEW IF NOT EXISTS traffic_per_{unit} AS
SELECT {unit}, observer_id, protocol, sum(flows) AS flows, sum(fwd_packets + rev_packets) AS packets, sum(fwd_bytes + rev_bytes) AS bytes
FROM flow_{unit} FINAL
GROUP BY {unit}, observer_id, protocol;
"""
    yield """
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
"""


def collect(args, made):
    record, sample = made["network_flow_record_of_collect"], made["network_flow_sample_of_collect"]
    key = OBSERVER + [
        ("address", "String", "sender of the datagrams"), ("domain_id", "UInt32", "observation domain, source id or sub-agent"),
        ("sampling_rate", "UInt32", "1 packet in this many was seen; 0: not told"),
        ("src_ip", "String", "source address"), ("dst_ip", "String", "destination address"),
        ("protocol", "UInt8", "IP protocol"), ("dst_port", "UInt16", "destination port")]
    sums = [("records", "count()", "records, or samples"), ("packets", "sum(packet_n)", "as exported, never multiplied"),
            ("bytes", "sum(byte_n)", "as exported, never multiplied")]

    def taken(packets, size):
        nullable = {"sampling_rate": 0, "src_ip": "''", "dst_ip": "''", "protocol": 0, "dst_port": 0}
        return ", ".join([f"ifNull(r.{k}, {nullable[k]}) AS {k}" if k in nullable else k for k, _, _ in key] +
                         [f"ifNull({packets}, 0) AS packet_n", f"ifNull({size}, 0) AS byte_n"])

    yield errors()
    yield landing(args, "network_flow_record_of_collect", args.topic or "flowtap-collect", record, ["flow_id", "sequence"],
                  copies=True)
    yield landing(args, "network_flow_sample_of_collect", args.samples_topic, sample,
                  ["address", "domain_id", "sequence", "sample_sequence", "source_class", "source_index"], copies=True)
    yield landing(args, "exporter_health", args.health_topic, made["exporter_health"], ["address", "domain_id"])
    rows = (touched(args, "network_flow_record_of_collect AS r", taken("packet_count", "byte_count")),
            touched(args, "network_flow_sample_of_collect AS r", taken("1", "packet_size_bytes")))
    yield rollups(args, "collect", key, sums, "\n    UNION ALL".join(rows))
    for unit in "minute", "hour":
        yield f"""
CREATE VIEW IF NOT EXISTS collect_traffic_per_{unit} AS
SELECT {unit}, address, protocol, sum(packets * greatest(sampling_rate, 1)) AS estimated_packets,
    sum(bytes * greatest(sampling_rate, 1)) AS estimated_bytes, sumIf(bytes, sampling_rate = 0) AS bytes_of_unknown_rate
FROM collect_{unit} FINAL
GROUP BY {unit}, address, protocol;
"""
    yield """
CREATE VIEW IF NOT EXISTS collect_top_talkers AS
SELECT src_ip AS host, sum(packets * greatest(sampling_rate, 1)) AS estimated_packets,
    sum(bytes * greatest(sampling_rate, 1)) AS estimated_bytes
FROM collect_minute FINAL
WHERE minute >= {from:DateTime} AND minute < {to:DateTime}
GROUP BY host
ORDER BY estimated_bytes DESC, host
LIMIT {n:UInt64};
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("what", choices=["flows", "collect"], help="events of live and read, or of collect")
    parser.add_argument("-p", "--profile", help="profiles of the records, as flowtap's -p (base)")
    parser.add_argument("--flowtap", default=os.environ.get("FLOWTAP", "flowtap"), help="the program")
    parser.add_argument("--brokers", default="kafka:9092", help="of Kafka (%(default)s)")
    parser.add_argument("--topic", help="of the records (flowtap-flows, flowtap-collect)")
    parser.add_argument("--samples-topic", default="flowtap-samples", help="of sFlow's samples (%(default)s)")
    parser.add_argument("--stats-topic", default="flowtap-stats", help="of pipeline_stats (%(default)s)")
    parser.add_argument("--health-topic", default="flowtap-exporters", help="of exporter_health (%(default)s)")
    parser.add_argument("--group", default="clickhouse", help="the consumer group (%(default)s)")
    parser.add_argument("--consumers", type=int, default=1, help="threads that read a topic (%(default)s)")
    parser.add_argument("--database", default="flowtap", help="(%(default)s)")
    parser.add_argument("--raw-days", type=int, default=7, help="how long each event is kept; 0: for ever (%(default)s)")
    parser.add_argument("--minute-days", type=int, default=90, help="how long totals per minute are (%(default)s)")
    parser.add_argument("--hour-days", type=int, default=730, help="how long totals per hour are (%(default)s)")
    args = parser.parse_args()
    made = tables(args)
    print("-- SPDX-License-Identifier: Apache-2.0\n-- Made by generate.py from the columns of flowtap: see docs/deploy.md.\n"
          f"CREATE DATABASE IF NOT EXISTS {args.database};\nUSE {args.database};")
    for part in {"flows": flows, "collect": collect}[args.what](args, made):
        print(part, end="")


if __name__ == "__main__":
    main()
