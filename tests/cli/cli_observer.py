#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""observer_id and observation_domain: in every event, in every form."""
import csv
import io
import json
import os
import pathlib
import socket
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from cli_csv import of_every_kind  # noqa: E402
from support import SAMPLE, Case, run  # noqa: E402

TAIL = ["observer_id", "observation_domain"]
NAME = ["--observer", "fra1:tap-3.x_y", "--observation-domain", "4294967295"]
SAYS = ["fra1:tap-3.x_y", 4294967295]


def keyfile(folder, byte):
    path = os.path.join(folder, f"key{byte}")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as f:
        f.write(bytes([byte]) * 32)
    return path


class Observer(Case):
    def lines(self, *args):
        return [json.loads(x) for x in self.good("read", "--quiet", "-w1", *args, SAMPLE).stdout.splitlines()]

    def test_every_event(self):
        """The last two keys of each, but of samples, whose object is fixed."""
        for e in self.lines("-e", "all", *NAME):
            if e["event_type"] == "network_flow_sample":
                self.assertEqual(list(e)[-1], "aggregate_metrics")
            else:
                self.assertEqual(list(e)[-2:], TAIL)
                self.assertEqual(list(e.values())[-2:], SAYS)

    def test_of_collect(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "every.pcap")
            pathlib.Path(path).write_bytes(of_every_kind())
            seen = set()
            for null in "", "?null=omit":
                r = self.good("collect", "--quiet", "-w1", "-e", "all", *NAME, "-o", f"ndjson:-{null}", "-l", f"pcap:{path}")
                for e in map(json.loads, r.stdout.splitlines()):
                    self.assertEqual(list(e)[-2:], TAIL)
                    self.assertEqual(list(e.values())[-2:], SAYS)
                    seen.add(e["event_type"])
        self.assertGreaterEqual(len(seen), 7)

    def test_default(self):
        host = "".join(c if c.isascii() and (c.isalnum() or c in "._:-") else "_" for c in socket.gethostname())
        e = self.lines("-e", "flow")[0]
        self.assertEqual([e[k] for k in TAIL], [host if host[:1].isalnum() else "unnamed", 0])

    def test_csv_and_columns(self):
        r = self.good("read", "--quiet", "-e", "flow", *NAME, "-o", "csv:-", SAMPLE)
        for row in csv.DictReader(io.StringIO(r.stdout)):
            self.assertEqual([row[k] for k in TAIL], [SAYS[0], str(SAYS[1])])
            self.assertEqual(list(row)[-2:], TAIL)
        for null in "", "&null=omit":
            e = self.lines("-e", "flow", *NAME, "-o", f"ndjson:-?columns=observer_id,packet_count,observation_domain{null}")[0]
            self.assertEqual(list(e), ["event_type", "observer_id", "packet_count", "observation_domain"])
            self.assertEqual([e["observer_id"], e["observation_domain"]], SAYS)

    def test_samples(self):
        """Their columns by name, with the observer's, which are not in their object."""
        whole = self.lines("-e", "sample")
        flat = self.lines("-e", "sample", *NAME, "-o", "ndjson:-?columns=src_ip,packet_count,observer_id,observation_domain")
        self.assertEqual([list(e.values()) for e in flat],
                         [[e["event_type"], e["flow_key"]["src_ip"], e["aggregate_metrics"]["packet_count"], *SAYS] for e in whole])
        r = self.good("read", "--quiet", "-w1", *NAME, "-o", "csv:-?event=sample&columns=last_seen,observer_id", SAMPLE).stdout
        self.assertEqual(r.splitlines()[0], "last_seen,observer_id")
        self.assertEqual([x.split(",")[1] for x in r.splitlines()[1:]], [SAYS[0]] * len(whole))
        r = run("read", "-o", "ndjson:-?columns=src_ip,fwd_bytes", SAMPLE)
        self.assertIn("are for flow records, and none go there: add -e flow", r.stderr)

    def test_where(self):
        self.assertTrue(self.lines(*NAME, "--where", "observer_id='fra1:tap-3.x_y' and observation_domain>5"))
        self.assertFalse(self.lines(*NAME, "--where", "observer_id=else"))
        self.assertFalse(self.lines(*NAME, "-e", "flow", "-o", "ndjson:-?where=observation_domain%3D5"))

    def test_anonymize(self):
        """A pseudonym: of the name and the key, not of the run."""
        with tempfile.TemporaryDirectory() as folder:
            ids = {}
            for key in 1, 2:
                for name in "a", "b", "a":
                    r = self.good("read", "--quiet", "-e", "flow,stats", "--observer", name, "--anonymize",
                                  keyfile(folder, key), SAMPLE).stdout
                    got = {json.loads(x)["observer_id"] for x in r.splitlines()}
                    self.assertEqual(len(got), 1)
                    self.assertRegex(*got, "^observer-[0-9a-f]{16}$")
                    ids.setdefault((key, name), set()).update(got)
            self.assertEqual({len(v) for v in ids.values()}, {1})
            self.assertEqual(len(set.union(*ids.values())), 4)

    def test_wrong(self):
        allowed = "1 to 64 letters, digits and . _ : -, the first a letter or digit"
        for name in "a b", "-a", "=1", "a" * 65, "\u00e4", 'a"':
            r = run("read", f"--observer={name}", SAMPLE)
            self.assertEqual(r.returncode, 2, r.stderr)
            self.assertIn(allowed, r.stderr)
        self.assertEqual(self.lines("-e", "flow", "--observer", "a" * 64)[0]["observer_id"], "a" * 64)
        self.assertEqual(run("read", "--observation-domain", "4294967296", SAMPLE).returncode, 2)

    def test_clock(self):
        """Null, or what adjtimex() may say."""
        e = self.lines("-e", "stats")[-1]
        self.assertTrue(e["clock_offset_us"] is None or abs(e["clock_offset_us"]) < 1000000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
