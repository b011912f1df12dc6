#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy/clickhouse/deduplicate.sql in ClickHouse (chdb): its view gives the totals that `flowtap merge` gives of the same
records, flow by flow: copies by clocks that are off and with losses, parts, samples of both, and observers of no group."""
import collections
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "cli")]
import readers  # noqa: E402: tests/readers.py

readers.needs("chdb", "pyarrow")
from chdb.session import Session  # noqa: E402
from support import FLOWTAP  # noqa: E402

sys.argv = [sys.argv[0], FLOWTAP]
sys.path.insert(0, str(ROOT / "tests" / "correct"))
import observers  # noqa: E402: the capture, and how it is split

DEPLOY = ROOT / "deploy" / "clickhouse"


def statements(name):
    text = re.sub(r"--.*\n", "", (DEPLOY / name).read_text(encoding="utf-8"))
    return [s.strip() for s in text.split(";\n") if s.strip()]


class Deduplicated(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="flowtap-deduplicate-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.session = Session()
        self.addCleanup(self.session.cleanup)
        made = statements("flows.sql")
        self.session.query(made[0])
        self.session.query(next(s for s in made if s.startswith("CREATE TABLE IF NOT EXISTS network_flow_record\n"))
                           .replace("network_flow_record\n", "flowtap.network_flow_record\n", 1).split("\nTTL")[0])
        for s in statements("deduplicate.sql"):
            self.session.query(s)

    def probe(self, name, some, offset=0):
        """Its records as lines for merge, and in the table."""
        pcap, lines, arrow = (os.path.join(self.folder, f"{name}.{x}") for x in ("pcap", "ndjson", "arrows"))
        observers.capture(pcap, some, offset)
        subprocess.run([FLOWTAP, "read", "--quiet", "-w1", "-e", "flow", "--observer", name, "-o", f"ndjson:{lines}",
                        "-o", f"arrow:{arrow}", pcap], check=True)
        self.session.query(f"INSERT INTO flowtap.network_flow_record SELECT *, '{name}', 0, 0, now() "
                           f"FROM file('{arrow}', 'ArrowStream')")
        return lines

    def group(self, name, how, members, rate=1):
        for m in members:
            self.session.query("INSERT INTO flowtap.observer_groups (observer, name, how, rate) "
                               f"VALUES ('{m}', '{name}', '{how}', {rate})")

    def ask(self):
        text = str(self.session.query(
            "SELECT observer_group, community_id, packets_a, packets_b, bytes_a, bytes_b, packet_count, byte_count, merged, "
            "length(observers) AS observers, estimated_packets, estimated_packets_sigma FROM flowtap.flows_deduplicated("
            "from = '2023-01-01 00:00:00', to = '2024-01-01 00:00:00', tolerance = 1) SETTINGS "
            "output_format_json_quote_64bit_integers = 0", "JSONEachRow"))
        return list(map(json.loads, text.splitlines()))

    def merge(self, inputs, *args):
        r = subprocess.run([FLOWTAP, "merge", "--window", "0", "--quiet", *args, *inputs], capture_output=True, text=True,
                           check=True)
        return list(map(json.loads, r.stdout.splitlines()))

    def same(self, rows, merged):
        """Row by row; the ends by their text, as ClickHouse orders them."""
        want = []
        for r in merged:
            k, f = r["flow_key"], r["features"]
            way = ("fwd", "rev") if (k["src_ip"], k["src_port"]) <= (k["dst_ip"], k["dst_port"]) else ("rev", "fwd")
            want.append((r["observer_id"], f["community_id"], *(f[f"{w}_{c}"] for c in ("packets", "bytes") for w in way),
                         r["merged"], len(r["observers"]), *(round(r[c], 6) if c in r else None for c in (
                             "estimated_packets", "estimated_packets_sigma"))))
        got = [(r["observer_group"], r["community_id"], r["packets_a"], r["packets_b"], r["bytes_a"], r["bytes_b"], r["merged"],
                r["observers"], *(None if r[c] is None else round(r[c], 6) for c in (
                    "estimated_packets", "estimated_packets_sigma"))) for r in rows]
        self.assertEqual(sorted(got, key=repr), sorted(want, key=repr))
        return collections.Counter(r[0] for r in got)

    def test_copies_and_parts(self):
        r = random.Random(3)
        copies = [self.probe(f"c{k}", [p for i, p in enumerate(observers.PACKETS) if p[2] % 3 != k or i % 4],
                             r.randrange(-300_000, 300_000)) for k in range(3)]
        shared = collections.defaultdict(list)
        for p in observers.PACKETS:
            shared[p[2] % 5].append(p)
        parts = [self.probe(f"p{k}", shared[k]) for k in range(5)]
        self.group("all", "copies", ["c0", "c1", "c2"])
        self.group("shares", "parts", [f"p{k}" for k in range(5)])
        merged = self.merge(copies + parts, "--copies", "all=c0,c1,c2", "--parts", "shares=p*")
        self.assertEqual(set(self.same(self.ask(), merged)), {"all", "shares"})
        for name in "all", "shares":  # and both are what there was
            self.assertEqual(sum(r["aggregate_metrics"]["packet_count"] for r in merged if r["observer_id"] == name),
                             len(observers.PACKETS))

    def test_sampled(self):
        r = random.Random(4)
        copies = [self.probe(f"c{k}", [p for p in observers.PACKETS if r.random() < 1 / 4]) for k in range(3)]
        self.group("all", "copies", ["c0", "c1", "c2"], 4)
        merged = self.merge(copies, "--copies", "all=c*", "--sampled", "c*=4")
        # where single packets of a flow are a timeout apart, one may say two flows and the other one: the sums are the same
        sums = collections.defaultdict(lambda: [0, 0])
        for sign, rows in ((1, self.ask()), (-1, merged)):
            for row in rows:
                one = sums[row["community_id"] if sign > 0 else row["features"]["community_id"]]
                one[0] += sign * row["estimated_packets"]
                one[1] += sign * row["estimated_packets_sigma"] ** 2
        self.assertGreater(len(sums), 100)
        for packets, variance in sums.values():
            self.assertAlmostEqual(packets, 0, places=6)
            self.assertAlmostEqual(variance, 0, places=6)

    def test_of_no_group(self):
        path = self.probe("alone", observers.PACKETS)
        self.assertEqual(set(self.same(self.ask(), self.merge([path], "--parts", "alone=*"))), {"alone"})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
