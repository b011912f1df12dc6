#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy/clickhouse in ClickHouse (chdb): the tables behind Kafka, fed with the messages of two probes, some of which come
twice; totals per minute and hour equal the sums of the records to the byte, whatever came twice, late or in pieces.

A Kafka table does not run embedded: its syntax is checked, and a table of the engine Null with the same columns, and those
that Kafka adds, stands in its place.

    tables.py [--figures]: what a million records take, on this machine
"""
import datetime
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "cli")]
import readers  # noqa: E402: tests/readers.py

readers.needs("chdb", "pyarrow")
import pyarrow  # noqa: E402
import pyarrow.compute  # noqa: E402
import pyarrow.ipc  # noqa: E402
from chdb.session import Session  # noqa: E402
from cli_csv import of_every_kind  # noqa: E402
from support import FLOWTAP, SAMPLE  # noqa: E402

DEPLOY = ROOT / "deploy" / "clickhouse"
# what a Kafka table has besides
VIRTUAL = [("_topic", "LowCardinality(String)"), ("_key", "String"), ("_partition", "UInt64"), ("_offset", "UInt64"),
           ("_headers.name", "Array(String)"), ("_headers.value", "Array(String)"), ("_raw_message", "String"),
           ("_error", "String")]
SUMS = {"fwd_packets": "fwd_packets_delta", "rev_packets": "rev_packets_delta", "fwd_bytes": "fwd_bytes_delta",
        "rev_bytes": "rev_bytes_delta"}


def generated(what, *args):
    return subprocess.run([sys.executable, "-B", DEPLOY / "generate.py", what, "--flowtap", FLOWTAP, *args], check=True,
                          capture_output=True, text=True).stdout


def statements(text):
    return [s.strip() for s in re.sub(r"^--.*\n", "", text, flags=re.M).split(";\n") if s.strip()]


class Store:
    """The tables of one file, with those of Kafka as Null."""

    def __init__(self, text, folder):
        self.session, self.folder, self.kafka = Session(), folder, []
        for s in statements(text):
            if "ENGINE = Kafka" in s:
                self.session.query("EXPLAIN AST " + s)
                self.kafka.append(s)
                added = "".join(f",\n    `{n}` {t}" for n, t in VIRTUAL)
                s = re.sub(r"\n\)\nENGINE = Kafka.*", added + "\n)\nENGINE = Null", s, flags=re.S)
            # they are run when the test says so, not by the clock
            self.session.query(re.sub(r"REFRESH EVERY \d+ MINUTE", "REFRESH EVERY 1 YEAR", s))

    def close(self):
        self.session.cleanup()

    def rows(self, query):
        text = str(self.session.query(query, "TSV"))
        return [line.split("\t") for line in text.split("\n") if line]

    def row(self, query):
        return list(map(int, self.rows(query)[0]))

    def refresh(self, *names):
        for name in names:
            self.session.query(f"SYSTEM REFRESH VIEW flowtap.{name}_refresh")
            self.session.query(f"SYSTEM WAIT VIEW flowtap.{name}_refresh")

    def take(self, table, messages):
        """messages: (batch, header or None, partition, offset), in the order in which Kafka has them."""
        path = os.path.join(self.folder, "messages.arrows")
        with open(path, "wb") as f:
            out = None
            for batch, header, partition, offset in messages:
                n = batch.num_rows
                values = {"_topic": "flows", "_key": "", "_partition": partition, "_offset": offset,
                          "_headers.name": ["flowtap-id"] if header else [], "_headers.value": [header] if header else [],
                          "_raw_message": "", "_error": ""}
                for name, value in values.items():
                    kind = (pyarrow.list_(pyarrow.string()) if isinstance(value, list) else
                            pyarrow.uint64() if isinstance(value, int) else pyarrow.string())
                    batch = batch.append_column(name, pyarrow.array([value] * n, kind))
                out = out or pyarrow.ipc.new_stream(f, batch.schema)
                out.write_batch(batch)
            out.close()
        self.session.query(f"INSERT INTO flowtap.{table}_kafka FROM INFILE '{path}' FORMAT ArrowStream")


def moved(batch, by):
    """With all its times by so many microseconds later."""
    for i, field in enumerate(batch.schema):
        if pyarrow.types.is_timestamp(field.type):
            us = pyarrow.compute.add(batch.column(i).cast(pyarrow.timestamp("us")).cast(pyarrow.int64()), by)
            batch = batch.set_column(i, field, us.cast(pyarrow.timestamp("us")).cast(field.type))
    return batch


def batches(path, newest):
    """Of a file of flowtap's, as if the run had lasted for two hours until then: what is old goes by its TTL."""
    with open(path, "rb") as f:
        table = pyarrow.ipc.open_stream(f).read_all()
    last = pyarrow.compute.max(table["timestamp"]).cast(pyarrow.int64()).as_py()
    by = int(newest.timestamp() * 1e6) - last
    return [moved(b, by - i % 120 * 60_000_000) for i, b in enumerate(table.to_batches())]


def million(folder, records=500_000):
    """What two probes that run at once write of traffic of their own: records of one packet and of two ways."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    subprocess.run([compiler, "-O1", "-o", f"{folder}/gen_pcap", ROOT / "bench" / "gen_pcap.c", "-lm"], check=True)
    running = []
    for n, profile in enumerate(("small", "flows")):
        subprocess.run([f"{folder}/gen_pcap", "-p", profile, "-n", str(records * 2), "-f", str(records), "-s", str(n + 1), "-o",
                        f"{folder}/{n}.pcap"], check=True, capture_output=True)
    for n in range(2):
        running.append(subprocess.Popen([FLOWTAP, "read", "--quiet", "-w1", "--max-flows", "1048576", f"{folder}/{n}.pcap", "-o",
                                         f"arrow:{folder}/{n}.arrows?event=flow"]))
    assert [p.wait() for p in running] == [0, 0]
    return [f"{folder}/{n}.arrows" for n in range(2)]


def sent(lots, again=0.05, seed=7):
    """The batches of each probe as messages: numbered by a producer, a partition for each; some come twice, later."""
    rng, messages = random.Random(seed), []
    for n, lot in enumerate(lots):
        mine = [(b, f"{n + 1:016x}-{i // 2}-{i % 2}") for i, b in enumerate(lot)]
        mine += [m for m in mine if rng.random() < again]
        messages += [(b, h, n, i) for i, (b, h) in enumerate(mine)]
    rng.shuffle(messages)
    return messages


def truth(lots):
    """flows, records, packets and bytes of each direction."""
    table = pyarrow.Table.from_batches([b for lot in lots for b in lot])
    total = {"flows": pyarrow.compute.sum(table["is_final"]).as_py(), "records": table.num_rows}
    return total | {name: pyarrow.compute.sum(table[column]).as_py() for name, column in SUMS.items()}


class Deploy(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="flowtap-deploy-")
        self.addCleanup(shutil.rmtree, self.folder)

    def store(self, what, *args):
        store = Store(generated(what, *args), self.folder)
        self.addCleanup(store.close)
        return store

    def test_generated(self):
        """What is in the folder is what is made of the columns of this flowtap."""
        for what in "flows", "collect":
            self.assertEqual((DEPLOY / f"{what}.sql").read_text(), generated(what),
                             f"deploy/clickhouse/generate.py {what} > deploy/clickhouse/{what}.sql")

    def test_two_probes(self):
        """A million records, some sent twice, in two lots with a refresh between them: all totals are the sums, to the byte."""
        now = datetime.datetime.now(datetime.timezone.utc)
        lots = [batches(path, now) for path in million(self.folder)]
        want, messages, store = truth(lots), sent(lots), self.store("flows")
        self.assertEqual(want["records"], 1_000_000)
        self.assertGreater(len(messages), sum(map(len, lots)))
        half = len(messages) // 2
        for part in messages[:half], messages[half:], messages[:20]:
            store.take("network_flow_record", part)
            store.refresh("flow_minute", "flow_hour")
        columns = ", ".join(f"sum({n})" for n in want)
        for table in "flow_minute", "flow_hour":
            self.assertEqual(store.row(f"SELECT {columns} FROM flowtap.{table} FINAL"), list(want.values()), table)
        for view in "traffic_per_minute", "traffic_per_hour":
            self.assertEqual(store.row(f"SELECT sum(flows), sum(packets), sum(bytes) FROM flowtap.{view}"),
                             [want["flows"], want["fwd_packets"] + want["rev_packets"], want["fwd_bytes"] + want["rev_bytes"]])
        self.assertEqual(store.row("SELECT count(), uniqExact(producer) FROM flowtap.network_flow_record FINAL"), [1_000_000, 2])
        self.talkers(store, lots, now)

    def talkers(self, store, lots, now):
        """The ten hosts with the most bytes, both directions."""
        table = pyarrow.Table.from_batches([b for lot in lots for b in lot])
        bytes_of = {}
        for end, ways in (("src_ip", ("fwd", "rev")), ("dst_ip", ("rev", "fwd"))):
            totals = table.group_by(end).aggregate([(f"{w}_bytes_delta", "sum") for w in ways])
            for host, a, b in zip(*(totals[c].to_pylist() for c in (end, *(f"{w}_bytes_delta_sum" for w in ways)))):
                old = bytes_of.get(host, (0, 0))
                bytes_of[host] = old[0] + a, old[1] + b
        want = sorted(((-a - b, host, a, b) for host, (a, b) in bytes_of.items()))[:10]
        first, last = (f"{t:%Y-%m-%d %H:%M:%S}" for t in (now - datetime.timedelta(days=1), now + datetime.timedelta(minutes=1)))
        got = store.rows("SELECT host, bytes_sent, bytes_received, bytes FROM "
                         f"flowtap.top_talkers(from = '{first}', to = '{last}', n = 10)")
        self.assertEqual([[host, str(a), str(b), str(-both)] for both, host, a, b in want], got)

    def collected(self, event):
        """The messages' batches of what exporters send: NetFlow, IPFIX, sFlow, sampled and not, and one of every kind."""
        compiler, lot = shutil.which("cc") or shutil.which("gcc"), []
        program = f"{self.folder}/gen_netflow"
        if not os.path.exists(program):
            subprocess.run([compiler, "-O1", "-o", program, ROOT / "bench" / "gen_netflow.c"], check=True)
            for kind in "v5", "v9", "ipfix", "sflow":
                subprocess.run([program, "-k", kind, "-n", "400", "-o", f"{self.folder}/{kind}.pcap"], check=True,
                               capture_output=True)
            pathlib.Path(self.folder, "every.pcap").write_bytes(of_every_kind())
        for path in sorted(pathlib.Path(self.folder).glob("*.pcap")):
            out = path.with_suffix(f".{event}")
            subprocess.run([FLOWTAP, "collect", "--quiet", "-l", f"pcap:{path}", "-o", f"arrow:{out}?event={event}"], check=True)
            if os.path.getsize(out):
                with open(out, "rb") as f:
                    lot += pyarrow.ipc.open_stream(f).read_all().to_batches()
        now = datetime.datetime.now(datetime.timezone.utc)
        return [moved(b, int(now.timestamp() * 1e6) - pyarrow.compute.max(b["timestamp"]).cast(pyarrow.int64()).as_py())
                for b in lot if b.num_rows]

    def test_exporters(self):
        """Of collect: what is sampled is multiplied by the query, what was sent twice counts once, and what an exporter sends
        twice, twice."""
        store, want, rows = self.store("collect"), {"records": 0, "packets": 0, "bytes": 0}, 0
        for event, table, packets, size in (("flow", "network_flow_record_of_collect", "packet_count", "byte_count"),
                                            ("sample", "network_flow_sample_of_collect", None, "packet_size_bytes")):
            lot = self.collected(event)
            lot.append(pyarrow.Table.from_batches([lot[0], lot[0]]).combine_chunks().to_batches()[0])
            messages = [(b, f"{7:016x}-{n}-0", 0, n) for n, b in enumerate(lot)]
            store.take(table, messages + [(*m[:3], m[3] + len(lot)) for m in messages[1::2]])
            for row in pyarrow.Table.from_batches(lot).to_pylist():
                rate = row["sampling_rate"] or 1
                want["records"] += 1
                want["packets"] += (row[packets] or 0 if packets else 1) * rate
                want["bytes"] += (row[size] or 0) * rate
            rows += sum(b.num_rows for b in lot)
            self.assertEqual(store.row(f"SELECT count() FROM flowtap.{table} FINAL"), [sum(b.num_rows for b in lot)])
        self.assertGreater(want["bytes"], 0)
        store.refresh("collect_minute", "collect_hour")
        for unit in "minute", "hour":
            self.assertEqual(store.row("SELECT sum(estimated_packets), sum(estimated_bytes) FROM "
                                       f"flowtap.collect_traffic_per_{unit}"), [want["packets"], want["bytes"]])
            self.assertEqual(store.row(f"SELECT sum(records) FROM flowtap.collect_{unit} FINAL"), [rows])
        best = store.rows("SELECT src_ip, sum(bytes * greatest(sampling_rate, 1)) b FROM flowtap.collect_minute FINAL "
                          "GROUP BY src_ip ORDER BY b DESC, src_ip LIMIT 3")
        got = store.rows("SELECT host, estimated_bytes FROM flowtap.collect_top_talkers(from = '2020-01-01 00:00:00', "
                         "to = '2100-01-01 00:00:00', n = 3)")
        self.assertEqual(got, best)

    def test_without_ids(self):
        """Without a spool there is no header: a message is known by its place in the topic. Messages that are none are kept as
        errors, and an account of a probe is taken."""
        now = datetime.datetime.now(datetime.timezone.utc)
        store = self.store("flows")
        for event in "flow", "stats":
            subprocess.run([FLOWTAP, "read", "--quiet", "-w1", SAMPLE, "-o", f"arrow:{self.folder}/{event}?event={event}"], check=True)
        (flows,), (stats,) = (batches(f"{self.folder}/{event}", now) for event in ("flow", "stats"))
        store.take("network_flow_record", [(flows, None, p, o) for p, o in ((0, 5), (1, 5), (0, 5), (0, 6))])
        self.assertEqual(store.row("SELECT count(), uniqExact(producer, chunk) FROM flowtap.network_flow_record FINAL"),
                         [3 * flows.num_rows, 3])
        store.take("pipeline_stats", [(stats, None, 0, 0)])
        self.assertEqual(store.row("SELECT count(), any(decoded) FROM flowtap.pipeline_stats FINAL"),
                         [1, stats["decoded"][0].as_py()])
        store.session.query("INSERT INTO flowtap.network_flow_record_kafka (_topic, _partition, _offset, _raw_message, _error) "
                            "VALUES ('flows', 3, 9, 'what?', 'no Arrow')")
        self.assertEqual(store.rows("SELECT topic, `partition`, `offset`, error, size FROM flowtap.kafka_errors"),
                         [["flows", "3", "9", "no Arrow", "5"]])
        self.assertEqual(store.row("SELECT count() FROM flowtap.network_flow_record FINAL"), [3 * flows.num_rows])

    def test_kept_for_so_long(self):
        """What is older than its time goes, and its totals stay."""
        now = datetime.datetime.now(datetime.timezone.utc)
        store = self.store("flows", "--raw-days", "3")
        subprocess.run([FLOWTAP, "read", "--quiet", "-w1", SAMPLE, "-o", f"arrow:{self.folder}/flow?event=flow"], check=True)
        (new,) = batches(f"{self.folder}/flow", now)
        old = moved(new, -5 * 86_400_000_000)
        store.session.query("SYSTEM STOP MERGES")
        store.take("network_flow_record", [(new, None, 0, 0)])
        store.refresh("flow_minute")
        store.take("network_flow_record", [(old, None, 0, 1)])
        store.session.query("SYSTEM START MERGES")
        store.session.query("OPTIMIZE TABLE flowtap.network_flow_record FINAL")
        store.refresh("flow_minute")
        self.assertEqual(store.row("SELECT count() FROM flowtap.network_flow_record FINAL"), [new.num_rows])
        self.assertEqual(store.row("SELECT sum(records) FROM flowtap.flow_minute FINAL"), [new.num_rows])

    def test_any_day(self):
        """Records of 400 days, as a capture of long ago has them, or an exporter whose clock is anything: they hold up
        nobody's, and those of no other day are in the totals."""
        now = datetime.datetime.now(datetime.timezone.utc)
        store = self.store("flows")
        subprocess.run([FLOWTAP, "read", "--quiet", "-w1", SAMPLE, "-o", f"arrow:{self.folder}/flow?event=flow"], check=True)
        (new,) = batches(f"{self.folder}/flow", now)
        days = [moved(new, day * 86_400_000_000) for day in range(-1000, 1000, 5) if abs(day) > 7]
        lot = pyarrow.Table.from_batches([new, *days]).combine_chunks().to_batches()[0]
        for offset in 0, 0, 1:  # the second is the first again
            store.take("network_flow_record", [(lot, None, 0, offset)])
            store.refresh("flow_minute", "flow_hour")
        # now() is cut to its second, and the newest record may be of that second
        kept = store.row("SELECT countIf(abs(dateDiff('hour', timestamp, now())) <= 24), countIf(timestamp > now() + INTERVAL 1 DAY) "
                         "FROM flowtap.network_flow_record FINAL")
        self.assertEqual(kept, [2 * new.num_rows, 2 * new.num_rows * sum(day > 7 for day in range(-1000, 1000, 5))])
        for unit in "minute", "hour":
            self.assertEqual(store.row(f"SELECT sum(records) FROM flowtap.flow_{unit} FINAL"), [2 * new.num_rows])
        (parts,) = store.row("SELECT uniqExact(partition) FROM system.parts WHERE active AND table = 'network_flow_record'")
        self.assertLess(parts, 5)

    def test_profiles(self):
        """Other columns than base's: the tables are made, and take the records."""
        for profile in "nfstream", "all,app", "cic":
            store = self.store("flows", "-p", profile)
            subprocess.run([FLOWTAP, "read", "--quiet", "-w1", "-p", profile, SAMPLE, "-o", f"arrow:{self.folder}/x?event=flow"], check=True)
            lot = batches(f"{self.folder}/x", datetime.datetime.now(datetime.timezone.utc))
            store.take("network_flow_record", [(b, None, 0, n) for n, b in enumerate(lot)])
            store.refresh("flow_minute")
            self.assertEqual(store.row("SELECT sum(records) FROM flowtap.flow_minute FINAL"), [sum(b.num_rows for b in lot)])
            store.close()

    def test_kafka_tables(self):
        """A table for each topic, with the columns of the event."""
        for what, topics in (("flows", ["flowtap-flows", "flowtap-stats"]),
                             ("collect", ["flowtap-collect", "flowtap-samples", "flowtap-exporters"])):
            kafka = self.store(what, "--brokers", "a:1,b:2", "--consumers", "4").kafka
            self.assertEqual([re.search("kafka_topic_list = '([^']*)'", s)[1] for s in kafka], topics)
            for s in kafka:
                self.assertIn("kafka_broker_list = 'a:1,b:2'", s)
                self.assertIn("kafka_num_consumers = 4", s)


def figures(folder):
    """CPU time of one thread for a million records, none twice and no two of a conversation; bytes on the way and at rest."""
    lots = [batches(path, datetime.datetime.now(datetime.timezone.utc)) for path in million(folder)]
    messages, store, streams = sent(lots, again=0), Store(generated("flows"), folder), []
    for batch, *_ in messages:
        out = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(out, batch.schema) as stream:
            stream.write_batch(batch)
        streams.append(out.getvalue())
    for how in None, "lz4", "zstd":
        size = sum(len(pyarrow.compress(b, how) if how else b) for b in streams)
        print(f"{size / 1e6:6.1f} bytes a record as Arrow{f', {how}' if how else ''}")
    store.session.query("SET max_threads = 1")
    optimize = "OPTIMIZE TABLE flowtap.network_flow_record FINAL"
    for what, act in (("taking them", lambda: store.take("network_flow_record", messages)),
                      ("totals per minute", lambda: store.refresh("flow_minute")),
                      ("totals per hour", lambda: store.refresh("flow_hour")),
                      ("a merge", lambda: store.session.query(optimize)),
                      ("talkers", lambda: store.rows("SELECT * FROM flowtap.top_talkers(from = '2020-01-01 00:00:00', "
                                                     "to = '2100-01-01 00:00:00', n = 10)"))):
        begin = time.process_time()
        act()
        print(f"{time.process_time() - begin:6.2f} us a record: {what}")
    for table in "network_flow_record", "flow_minute", "flow_hour":
        store.session.query(f"OPTIMIZE TABLE flowtap.{table} FINAL")
    for table, size in store.rows("SELECT table, sum(data_compressed_bytes) / sum(rows) FROM system.parts WHERE active AND "
                                  "database = 'flowtap' GROUP BY table"):
        print(f"{float(size):6.1f} bytes a row of {table}")
    store.close()


if __name__ == "__main__":
    if "--figures" in sys.argv:
        with tempfile.TemporaryDirectory() as work:
            figures(work)
    else:
        unittest.main(verbosity=2)
