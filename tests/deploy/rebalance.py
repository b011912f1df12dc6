#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two probes to a real Kafka at once. Consumers of a group that join and leave meanwhile see each flow's events in order, those
that leave without a word repeat some, in order; and what the topic has, with its headers, comes through ClickHouse's tables
(chdb) to the same totals.

    rebalance.py --flowtap PROGRAM

Kafka comes by tests/interop/servers/kafka.sh; without it, or without the Python packages, the test is skipped (77).
"""
import argparse
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "interop"), str(HERE.parent / "support"), str(HERE.parent), str(HERE)]
import checks  # noqa: E402: tests/support/checks.py
import readers  # noqa: E402: tests/readers.py

readers.needs("confluent_kafka")
import confluent_kafka  # noqa: E402
import kafka  # noqa: E402: tests/interop/kafka.py
from checks import check, wait_for  # noqa: E402

FLOWS, ROUNDS = 2000, 12


class Group:
    """What its consumers saw, in the order in which they did."""

    def __init__(self, hosts, topic):
        self.hosts, self.topic, self.seen, self.lock = hosts, topic, [], threading.Lock()
        self.rebalances = 0

    def count(self):
        return len(self.seen)


class Consumer(threading.Thread):
    """A member of the group. Its place is committed when a partition is taken from it, and when it leaves; unless it leaves
    without a word."""

    def __init__(self, group, polite=True):
        super().__init__(daemon=True)
        self.group, self.polite, self.stop, self.got = group, polite, False, 0
        self.at = {}
        self.consumer = confluent_kafka.Consumer({
            "bootstrap.servers": group.hosts, "group.id": "readers", "auto.offset.reset": "earliest",
            "enable.auto.commit": False, "session.timeout.ms": 6000})
        self.consumer.subscribe([group.topic], on_assign=self.assigned, on_revoke=self.revoked)
        self.start()

    def assigned(self, _, parts):
        self.group.rebalances += 1
        self.at = {p.partition: None for p in parts}

    def commit(self):
        offsets = [confluent_kafka.TopicPartition(self.group.topic, p, o) for p, o in self.at.items() if o is not None]
        if offsets and self.polite:
            self.consumer.commit(offsets=offsets, asynchronous=False)

    def revoked(self, _, __):
        self.commit()
        self.at = {}

    def run(self):
        while not self.stop:
            for m in self.consumer.consume(200, 0.1):
                if m.error() is None:
                    self.at[m.partition()] = m.offset() + 1
                    self.got += 1
                    with self.group.lock:
                        self.group.seen.append((m.partition(), m.offset(), m.key(), m.value()))
        self.commit()
        self.consumer.close()

    def leave(self):
        self.stop = True
        self.join(30)


def probes(flowtap, folder, url):
    """Two at once, whose input takes its time."""
    started = []
    for n in range(2):
        capture = folder / f"{n}.pcap"
        kafka.write_capture(capture, FLOWS, ROUNDS, 0x0b000001 + n)
        p = subprocess.Popen([flowtap, "read", "-", "--quiet", "-e", "sample", "-o", url], stdin=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        started.append(p)

        def feed(p=p, data=capture.read_bytes()):
            step = len(data) // 100
            for i in range(0, len(data), step):
                p.stdin.write(data[i:i + step])
                p.stdin.flush()
                time.sleep(0.25)
            p.stdin.close()
        threading.Thread(target=feed, daemon=True).start()
    return started


def ordered(case, flowtap, folder):
    """Members come and go; one of them without a word."""
    case.create("order", 6)
    group = Group(case.hosts, "order")
    started = probes(flowtap, folder, f"ndjson+kafka://{case.hosts}/order?batch=4KiB&batch_age=1s")
    members = [Consumer(group)]
    wait_for(lambda: group.count() > 50, "the first", 60)
    members.append(Consumer(group))
    wait_for(lambda: members[1].got > 20, "the second", 60)
    members[0].leave()
    members.append(Consumer(group, polite=False))
    wait_for(lambda: members[2].got > 20, "the third", 60)
    members.append(Consumer(group))
    wait_for(lambda: members[3].got > 20, "the fourth", 60)
    members[2].leave()
    check([p.wait(120) for p in started] == [0, 0], "probes", [p.stderr.read() for p in started if p.returncode])
    unique = lambda: {(p, o) for p, o, _, _ in group.seen}  # noqa: E731
    total = sum(1 for _ in kafka.Broker.read(case, "order"))
    wait_for(lambda: len(unique()) == total, "all messages", 60)
    for m in members:
        m.leave()
    check(group.rebalances > 4, "rebalances", group.rebalances)
    check_order(group)


def check_order(group):
    """Of each partition, offsets go up but where a place was gone back to; without what was repeated each flow is in order, on
    one partition, whole."""
    best, messages, repeated = collections.defaultdict(lambda: -1), [], 0
    for partition, offset, _, value in group.seen:
        check(offset <= best[partition] + 1, partition, "leaves out", best[partition] + 1, "to", offset)
        if offset == best[partition] + 1:
            best[partition] = offset
            messages += [(partition, None, line) for line in value.split(b"\n")]
        else:
            repeated += 1
    check(kafka.in_order(messages) is None, kafka.in_order(messages))
    check(len(messages) == 2 * 2 * FLOWS * ROUNDS, "events", len(messages))
    print(f"     {len(group.seen)} messages of {len(messages)} events, {group.rebalances} assignments, {repeated} seen again")


def consumed(hosts, topic, count):
    """All messages of a topic."""
    c = confluent_kafka.Consumer({"bootstrap.servers": hosts, "group.id": f"all-{topic}", "auto.offset.reset": "earliest"})
    c.subscribe([topic])
    got = []
    wait_for(lambda: got.extend(m for m in c.consume(1000, 0.2) if m.error() is None) or len(got) >= count, topic, 60)
    c.close()
    return got


def stored(case, flowtap, folder):
    """Arrow through the spool of each of two probes: the tables have each record once, and the totals."""
    os.environ["FLOWTAP"] = flowtap
    import tables  # pylint: disable=import-outside-toplevel # tests/deploy/tables.py
    import pyarrow.ipc  # pylint: disable=import-outside-toplevel
    case.create("arrows", 4)
    started = [subprocess.Popen([flowtap, "read", "--quiet", "-e", "flow", folder / f"{n}.pcap", "-o",
                                 f"kafka://{case.hosts}/arrows?format=arrow&overflow=spool&spool={folder}/spool{n}"])
               for n in range(2)]
    check([p.wait(120) for p in started] == [0, 0], "probes")
    got = consumed(case.hosts, "arrows", len(kafka.Broker.ids(case, "arrows")))
    messages, now = [], int(time.time() * 1e6)
    for m in got:
        header = dict(m.headers())["flowtap-id"].decode()
        for batch in pyarrow.ipc.open_stream(m.value()).read_all().to_batches():
            messages.append((tables.moved(batch, now - 1_700_000_003_000_000), header, m.partition(), m.offset()))
    with tempfile.TemporaryDirectory() as work:
        store = tables.Store(tables.generated("flows"), work)
        store.take("network_flow_record", messages)
        store.take("network_flow_record", messages[::2])
        store.refresh("flow_minute", "flow_hour")
        packets = 2 * 2 * FLOWS * ROUNDS
        for table in "flow_minute", "flow_hour":
            row = store.row(f"SELECT sum(flows), sum(fwd_packets + rev_packets), sum(fwd_bytes + rev_bytes) FROM flowtap.{table} FINAL")
            check(row == [2 * FLOWS, packets, packets * 50], table, row)
        row = store.row("SELECT uniqExact(producer), count() FROM flowtap.network_flow_record FINAL")
        check(row == [2, 2 * FLOWS], "producers, records", row)
        store.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowtap", required=True)
    args = parser.parse_args()
    checks.needs_built(args.flowtap, "librdkafka")
    fetched = subprocess.run([kafka.SERVER, "fetch"], capture_output=True, text=True, check=False)
    if fetched.returncode != 0 or shutil.which("kcat") is None:
        print("skipped:", fetched.stderr.strip() or "there is no kcat")
        return 77
    folder = pathlib.Path(tempfile.mkdtemp(prefix="flowtap-rebalance-"))
    broker = kafka.Broker(folder)
    try:
        if broker.start():
            ordered(broker, args.flowtap, folder)
            stored(broker, args.flowtap, folder)
    finally:
        if broker.process is not None and broker.process.poll() is None:
            broker.kill()
        shutil.rmtree(folder)
    checks.ended()
    return 0


if __name__ == "__main__":
    sys.exit(main())
