#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--labels and the command label: columns, counts, messages."""
import csv
import io
import json
import unittest

from support import SAMPLE, Case, run


class Labels(Case):
    def records(self, *args, rules, status=0):
        path = self.file("rules.csv", rules.encode())
        r = run(*args, *[f"--rules={path}"] if args[0] == "label" else ["--labels", path], SAMPLE)
        self.assertEqual(r.returncode, status, r.stderr)
        lines = [json.loads(x) for x in r.stdout.splitlines()]
        return [x for x in lines if x["event_type"] == "network_flow_record"], lines[-1], r.stderr

    def test_columns_and_counts(self):
        """Each flow to the protocol of port 443 is an attack; DNS is none; the rest nobody knows."""
        rules = ("dst_port,protocol,label,attack\n"
                 "443,tcp,1,Web\n"
                 "53,udp,0,\n")
        flows, stats, _ = self.records("read", "-e", "flow,stats", rules=rules)
        self.assertGreater(len(flows), 5)
        want = {(443, 6): (1, "Web"), (53, 17): (0, None)}
        for f in flows:
            key = f["flow_key"]
            got = f["features"]["label"], f["features"]["attack"]
            ends = [want[p, key["protocol"]] for p in (key["src_port"], key["dst_port"])
                    if (p, key["protocol"]) in want]
            self.assertEqual(got, ends[0] if ends else (None, None), key)
        known = sum(f["features"]["label"] is not None for f in flows)
        self.assertGreater(known, 0)
        self.assertGreater(len(flows), known)
        self.assertEqual((stats["labelled"], stats["unlabelled"], stats["labels_unclear"]),
                         (known, len(flows) - known, 0))

    def test_command(self):
        """label is read -e flow --labels; what is unclear and what is unlabelled is said."""
        rules = "dst_port,attack\n1-443,one\n443-500,two\n443,three\n"
        flows, _, said = self.records("label", rules=rules)
        names = {f["features"]["attack"] for f in flows}
        self.assertIn("one", names)
        self.assertFalse(names & {"two", "three"})
        self.assertRegex(said, r"labelled, unclear +\d+ +flows")

    def test_workers(self):
        """The same labels and counts whoever keeps the flows."""
        rules = "dst_port,attack\n443,one\n440-500,two\n"
        want = None
        for n in "1", "2", "4":
            flows, stats, _ = self.records("read", "-w", n, "-e", "flow,stats", rules=rules)
            got = (sorted(json.dumps(f) for f in flows),
                   [stats[k] for k in ("labelled", "unlabelled", "labels_unclear")])
            want = want or got
            self.assertEqual(got, want)
        self.assertGreater(want[1][0], 0)

    def test_records_that_are_only_counted(self):
        """Labels are counted where nobody writes the records, too."""
        rules = "dst_port,attack\n443,one\n"
        _, want, _ = self.records("read", "-e", "flow,stats", rules=rules)
        _, stats, _ = self.records("read", "-e", "flow,stats", "-o", "null:?event=flow", "-o", "ndjson:-?event=stats",
                                   rules=rules)
        self.assertEqual([stats[k] for k in ("labelled", "unlabelled")], [want[k] for k in ("labelled", "unlabelled")])
        self.assertGreater(stats["labelled"], 0)

    def test_table_of_a_tool(self):
        """CICFlowMeter's column of that name has what the rules say, quoted only where a comma asks for it; what the
        tool writes where no rule knows the flow. The label columns need not stand beside it."""
        rules = ('dst_port,label,attack\n443,1,"DoS, ""slow"""\n22,1,Brute Force\n80,1,\n53,0,\n')
        path = self.file("rules.csv", rules.encode())
        want = {"443": 'DoS, "slow"', "22": "Brute Force", "80": "ATTACK", "53": "BENIGN"}
        for tool in "cic", "cic-compat":
            r = run("label", "--rules", path, "-e", "flow,stats", "-o", f"csv:-?dialect={tool}&event=flow", SAMPLE)
            self.assertEqual(r.returncode, 0, r.stderr)
            rows = list(csv.DictReader(io.StringIO(r.stdout)))
            for row in rows:
                self.assertEqual(row["Label"], want.get(row["Dst Port"], "NeedManualLabel"), row["Flow ID"])
            self.assertTrue({row["Label"] for row in rows} >= {'DoS, "slow"', "BENIGN", "NeedManualLabel"})
            quoted = {line.rsplit(',"', 1)[1] for line in r.stdout.splitlines() if '"' in line}
            self.assertEqual(quoted, {'DoS, ""slow"""'})
            self.assertRegex(r.stderr, r"labelled +[1-9]\d* +flows")
        r = self.good("read", "--labels", path, "--anonymize", self.file("key", bytes(32)), "-e", "flow", "-p", "cic", SAMPLE)
        for f in map(json.loads, r.stdout.splitlines()):
            self.assertEqual(f["features"]["Label"], want.get(str(f["features"]["Dst Port"]), "NeedManualLabel"))

    def test_own_columns(self):
        flows, _, _ = self.records("read", "-e", "flow", "-o", "ndjson:-?columns=src_ip,attack",
                                   rules="attack\nall\n")
        self.assertEqual({f["attack"] for f in flows}, {"all"})

    def test_wrong(self):
        path = self.file("rules.csv", b"src,label\n10.0.0,1\n")
        r = run("label", "--rules", path, SAMPLE)
        self.assertEqual((r.returncode, r.stderr),
                         (2, f"flowtap: error: labels: {path}: line 2: src: '10.0.0': allowed is an "
                             "address or a prefix\n"))
        r = run("label", SAMPLE)
        self.assertEqual((r.returncode, r.stderr), (2, "flowtap: label: --rules FILE is missing\n"))
        r = run("label", "--rules", "/nowhere/x", SAMPLE)
        self.assertEqual(r.returncode, 1)
        self.assertIn("labels: /nowhere/x: No such file", r.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
