#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--where: what is written is what satisfies it, worked out again from all records; on every road; and what is said to
a condition that is wrong."""
import gzip
import ipaddress
import json
import os
import pathlib
import subprocess
import unittest

import support
from cli_limits import netflow5, udp_capture
from support import FLOWTAP, SAMPLE, run


def flat(event):
    """The columns of a record by name."""
    out = {}
    for key, value in event.items():
        if isinstance(value, dict):
            for k, v in value.items():
                out.setdefault(k, v)
        else:
            out[key] = value
    return out


def inside(address, prefix):
    net = ipaddress.ip_network(prefix)
    return address is not None and ipaddress.ip_address(address) in net


# a condition, and the same in Python over the columns c; one on a column that is null does not hold
CONDITIONS = [
    ("dst_port=443", lambda c: c["dst_port"] == 443),
    ("dst_port != 443 and protocol = 6", lambda c: c["dst_port"] != 443 and c["protocol"] == 6),
    ("byte_count > 1e3", lambda c: c["byte_count"] > 1000),
    ("byte_count>=0.5k or packet_count<2", lambda c: c["byte_count"] >= 500 or c["packet_count"] < 2),
    ("not (dst_port in [53, 443])", lambda c: c["dst_port"] not in (53, 443)),
    ("dst_port not in (53, 443)", lambda c: c["dst_port"] not in (53, 443)),
    ("src_ip=192.0.2.0/24", lambda c: inside(c["src_ip"], "192.0.2.0/24")),
    ("src_ip=2001:db8::/32 or dst_ip=198.51.100.0/24",
     lambda c: inside(c["src_ip"], "2001:db8::/32") or inside(c["dst_ip"], "198.51.100.0/24")),
    ("is_final and reason=eof", lambda c: c["is_final"] and c["reason"] == "eof"),
    ("not is_final", lambda c: not c["is_final"]),
    ("reason in [end, idle]", lambda c: c["reason"] in ("end", "idle")),
    ("conn_state ~ s*", lambda c: (c["conn_state"] or "").lower().startswith("s")),
    ("conn_state = null", lambda c: c["conn_state"] is None),
    ("conn_state != null and conn_state != SF", lambda c: c["conn_state"] not in (None, "SF")),
    ("conn_state != SF", lambda c: c["conn_state"] not in (None, "SF")),
    ("not conn_state = SF", lambda c: c["conn_state"] != "SF"),
    ("vlan_id != null", lambda c: c["vlan_id"] is not None),
    ("tcp_rtt_client_us < 1e9", lambda c: c["tcp_rtt_client_us"] is not None),
    ("tcp_rtt_client_us = null", lambda c: c["tcp_rtt_client_us"] is None),
    ("rev_packets = 0", lambda c: c["rev_packets"] == 0),
    ("fwd_iat_mean_us > 100.5", lambda c: c["fwd_iat_mean_us"] is not None and c["fwd_iat_mean_us"] > 100.5),
    ("first_seen < 1719409371.1", lambda c: c["first_seen"] < 1719409371.1),
    ("community_id ~ 1:*", lambda c: True),
    ("ip_version = 6", lambda c: c["ip_version"] == 6),
]


class Where(support.Case):
    def records(self, *args, pipe=None):
        cat = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) if pipe else None
        r = subprocess.run([FLOWTAP, "read", "-e", "flow,stats", *args], stdin=cat.stdout if cat else None,
                           capture_output=True, timeout=60, check=False)
        if cat:
            cat.stdout.close()
            cat.wait()
        self.assertEqual(r.returncode, 0, r.stderr)
        events = [json.loads(line) for line in r.stdout.splitlines()]
        stats = events.pop()
        flows = stats["flows"]
        made = stats["outputs"][0]["by_event"]["flow"]["made"]
        self.assertEqual(flows["ended"] + flows["updates"], made + stats["where_left_out"])
        self.assertEqual(made, len(events))
        self.assertEqual(stats["decoded"], flows["packets_final"])  # what is left out was counted all the same
        return sorted(json.dumps(e) for e in events)

    def test_the_same_as_by_hand(self):
        every = ("-p", "all", "--snapshot", "1,4")
        all_ = [json.loads(e) for e in self.records(*every, SAMPLE)]
        some = 0
        for text, want in CONDITIONS:
            expected = sorted(json.dumps(e) for e in all_ if want(flat(e)))
            self.assertEqual(self.records(*every, "--where", text, SAMPLE), expected, text)
            some += 0 < len(expected) < len(all_)
        self.assertGreater(some, 12)  # conditions that told records apart

    def test_every_road(self):
        packed = self.file("s.pcap.gz", gzip.compress(pathlib.Path(SAMPLE).read_bytes(), 1))
        how = ("--snapshot", "2", "--where", "protocol=6 and (byte_count>500 or not is_final)")
        want = self.records("-w", "1", *how, SAMPLE)
        self.assertTrue(want)
        for w in ("1", "2", "4"):
            self.assertEqual(self.records("-w", w, *how, SAMPLE), want)
            self.assertEqual(self.records("-w", w, *how, packed), want)
            self.assertEqual(self.records("-w", w, *how, "-", pipe=SAMPLE), want)
        self.assertEqual(self.records("-w", "2", "--overflow", "drop", *how, SAMPLE), want)

    def test_makes_flow_records_the_default(self):
        r = self.good("read", "--where", "dst_port=443", SAMPLE)
        self.assertEqual({json.loads(x)["event_type"] for x in r.stdout.splitlines()}, {"network_flow_record"})
        r = self.good("read", "-e", "sample,flow", "--where", "packet_count>1e9", SAMPLE)
        self.assertEqual(len(r.stdout.splitlines()), 116)  # samples are no records
        for args in (("-e", "sample", "--where", "segment=0"), ("--where", "segment=0", "-e", "stats")):
            self.refused("--where: is asked of flow records, of which --events names none", *args)

    def test_every_output(self):
        csv, nd = self.dir / "f.csv", self.dir / "f.json"
        r = self.good("read", "-e", "flow", "--where", "dst_port=443", "-o", f"csv:{csv}", "-o", f"ndjson:{nd}", "-o",
                      "null:", SAMPLE)
        n = len(nd.read_text().splitlines())
        self.assertEqual(len(csv.read_text().splitlines()), n + 1)
        self.assertRegex(r.stderr, rf"null: +{n} flow events")
        self.assertRegex(r.stderr, rf"left out by --where +{15 - n} +flow records")
        self.assertNotIn("left out", self.good("read", SAMPLE).stderr)

    def test_names(self):
        """Columns of --app; without it they are kept for the condition, and not written."""
        all_ = [json.loads(e) for e in self.records("--app", SAMPLE)]
        named = [e for e in all_ if e["features"]["app"] is not None]
        self.assertTrue(0 < len(named) < len(all_))
        for w in ("1", "3"):
            self.assertEqual(self.records("-w", w, "--app", "--where", "app != null", SAMPLE),
                             sorted(json.dumps(e) for e in named))
            plain = self.records("-w", w, "--where", "app != null", SAMPLE)
            self.assertNotIn("app", json.loads(plain[0])["features"])
            ids = sorted(e["flow_id"] for e in named)
            self.assertEqual(sorted(json.loads(e)["flow_id"] for e in plain), ids)

    def test_anonymized(self):
        """It is asked of true addresses, and what is written is mapped."""
        key = self.file("key", bytes(range(32)))
        r = self.good("read", "--anonymize", key, "--where", "src_ip=192.0.2.0/24", SAMPLE)
        found = [json.loads(x) for x in r.stdout.splitlines()]
        self.assertEqual(len(found), len(self.records("--where", "src_ip=192.0.2.0/24", SAMPLE)))
        self.assertFalse([e for e in found if inside(e["flow_key"]["src_ip"], "192.0.2.0/24")])

    def test_collect(self):
        path = self.file("nf.pcap", udp_capture([netflow5(i) for i in range(20)]))
        for text, want in (("src_port in [1003, 1007]", [1003, 1007]), ("src_port >= 1018", [1018, 1019]),
                           ("exporter.export_protocol = netflow_v5 and flow_key.protocol = 17 and src_port < 1002", [1000, 1001]),
                           ("sampling_rate != null", []), ("address = 192.0.2.7 and src_port=1000", [1000])):
            r = self.good("collect", "-l", "pcap:" + path, "-e", "flow,stats", "--where", text)
            events = [json.loads(x) for x in r.stdout.splitlines()]
            self.assertEqual([e["flow_key"]["src_port"] for e in events[:-1]], want)
            self.assertEqual(events[-1]["where_left_out"], 20 - len(want))
            self.assertEqual(events[-1]["collect"]["records"], 20)
        self.refused("--where: at character 1, 'features': it holds many values", "--where", "features=1",
                     command="collect")
        self.refused("--where: at character 1, 'conn_state': there is no such column", "--where", "conn_state=SF",
                     command="collect")

    def refused(self, what, *args, command="read"):
        r = run(command, *args, *([SAMPLE] if command == "read" else ["-l", "pcap:" + SAMPLE]))
        self.assertEqual(r.returncode, 2, r.stderr)
        self.assertIn(what, r.stderr)
        self.assertEqual(r.stdout, "")

    def test_wrong(self):
        for text, what in (("dst_prt=443", "--where: at character 1, 'dst_prt': there is no such column; did you mean "
                            "dst_port?"),
                           ("dst_port=443 and", "--where: at the end: here a column is to stand"),
                           ("dst_port=44x", "--where: at character 10, '44x': dst_port is compared with a number"),
                           ("(dst_port=443", "--where: at the end: here ), and or or is to stand"),
                           ("", "--where: ''")):
            self.refused(what, "--where", text)

    def test_configuration(self):
        good = self.file("c.yaml", "where: dst_port=443\nworkers: 1\n")
        wanted = [json.loads(x)["flow_key"]["dst_port"] for x in self.good("read", "-c", good, SAMPLE).stdout.splitlines()]
        self.assertEqual(set(wanted), {443})
        over = self.good("read", "-c", good, "--where", "dst_port=53", SAMPLE).stdout  # the command line wins
        self.assertEqual({json.loads(x)["flow_key"]["dst_port"] for x in over.splitlines()}, {53})
        bad = self.file("d.yaml", "# a comment\nwhere: dst_port=\n")
        self.refused(f"{bad}:2: where: at the end: here a number is to stand", "-c", bad)


class OfAnOutput(Where):
    """?where=: the same for one output alone."""

    def records(self, *args, pipe=None):
        """What --where gives, from an output's own condition; beside it an output that has all."""
        args = list(args)
        if "--where" not in args:
            return super().records(*args, pipe=pipe)
        text = args.pop(args.index("--where") + 1).replace("&", "%26")
        args.remove("--where")
        every = self.dir / "every.json"
        cat = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) if pipe else None
        r = subprocess.run([FLOWTAP, "read", "-e", "flow,stats", "-o", f"ndjson:-?where={text}", "-o",
                            f"ndjson:{every}?event=flow", *args], stdin=cat.stdout if cat else None,
                           capture_output=True, timeout=60, check=False)
        if cat:
            cat.stdout.close()
            cat.wait()
        self.assertEqual(r.returncode, 0, r.stderr)
        events = [json.loads(line) for line in r.stdout.splitlines()]
        stats = events.pop()
        one, other = stats["outputs"]
        flows = stats["flows"]
        made = one["by_event"]["flow"]["made"]
        self.assertEqual(made, len(events))
        self.assertEqual(flows["ended"] + flows["updates"], made + one["where_left_out"])
        self.assertEqual(flows["ended"] + flows["updates"], other["by_event"]["flow"]["made"])
        self.assertEqual(other["where_left_out"] + stats["where_left_out"], 0)
        self.assertEqual(len(every.read_text().splitlines()), other["by_event"]["flow"]["made"])
        return sorted(json.dumps(e) for e in events)

    def test_makes_flow_records_the_default(self):
        both = self.dir / "both.json"
        r = self.good("read", "-o", "ndjson:-?where=dst_port=443", "-o", f"ndjson:{both}", SAMPLE)
        self.assertEqual({json.loads(x)["event_type"] for x in r.stdout.splitlines()}, {"network_flow_record"})
        self.assertEqual({json.loads(x)["event_type"] for x in both.read_text().splitlines()}, {"network_flow_sample"})
        r = self.good("read", "-e", "sample,flow", "-o", "ndjson:-?where=packet_count>1e9", SAMPLE)
        self.assertEqual(len(r.stdout.splitlines()), 116)  # samples are no records
        for o in ("ndjson:-?where=segment=0", "null:?event=stats&where=segment=0"):
            self.refused("where= is for flow records, and none go there", "-e", "sample", "-o", o)

    def test_every_output(self):
        files = {k: self.dir / f"f.{k}" for k in ("csv", "ndjson", "npy", "arrow", "parquet", "zeek")}
        outputs = [x for k in ("csv", "ndjson", "npy", "arrow", "parquet")
                   for x in ("-o", f"{k}:{files[k]}?where=dst_port=443")]
        r = self.good("read", "-w", "2", *outputs, "-o", f"csv:{files['zeek']}?dialect=zeek&where=dst_port=443", "-o",
                      "null:?where=dst_port=443", "-o", "null:?event=flow", SAMPLE)
        n = len(files["ndjson"].read_text().splitlines())
        self.assertTrue(0 < n < 15)
        self.assertEqual(len(files["csv"].read_text().splitlines()), n + 1)
        lines = [x for x in files["zeek"].read_text().splitlines() if not x.startswith("#")]
        self.assertEqual(len(lines), n)
        self.assertIn(f"'shape': ({n}, ".encode(), files["npy"].read_bytes())
        for k in ("arrow", "parquet", "npy"):
            self.assertRegex(r.stderr, rf"{files[k]}\S+ +{n} flow events = {n} written")
        self.assertRegex(r.stderr, rf"null:\?where=dst_port=443 +{n} flow events = {n} written")
        self.assertRegex(r.stderr, r"null:\?event=flow +15 flow events")
        self.assertEqual(r.stderr.count("left out by its where="), 7)

    def test_both(self):
        """--where of all, and an output's own."""
        r = self.good("read", "-e", "flow,stats", "--where", "protocol=6", "-o", "ndjson:-?where=dst_port=443", SAMPLE)
        events = [json.loads(x) for x in r.stdout.splitlines()]
        stats = events.pop()
        self.assertEqual({(e["flow_key"]["protocol"], e["flow_key"]["dst_port"]) for e in events}, {(6, 443)})
        left = stats["where_left_out"], stats["outputs"][0]["where_left_out"]
        self.assertTrue(min(left) > 0)
        self.assertEqual(sum(left) + len(events), 15)

    def test_written_in_a_url(self):
        want = self.records("--where", "dst_port=443 and src_port>50000", SAMPLE)
        for text in ("dst_port=443 %26%26 src_port>50000", "dst_port%3D443%20and%20src_port%3E50000",
                     "dst_port=443 and src_port>50000&queue=1MB"):
            r = self.good("read", "-o", "ndjson:-?where=" + text, SAMPLE)
            self.assertEqual(sorted(json.dumps(json.loads(x)) for x in r.stdout.splitlines()), want)
        self.refused("'' is not key=value (& in a value is %26)", "-o", "ndjson:-?where=dst_port=443 && segment=0")

    def test_anonymized(self):
        key = self.file("key", bytes(range(32)))
        r = self.good("read", "--anonymize", key, "-o", "ndjson:-?where=src_ip=192.0.2.0/24", SAMPLE)
        found = [json.loads(x) for x in r.stdout.splitlines()]
        self.assertEqual(len(found), len(self.records("--where", "src_ip=192.0.2.0/24", SAMPLE)))
        self.assertFalse([e for e in found if inside(e["flow_key"]["src_ip"], "192.0.2.0/24")])

    def test_collect(self):
        path = self.file("nf.pcap", udp_capture([netflow5(i) for i in range(20)]))
        r = self.good("collect", "-l", "pcap:" + path, "-e", "flow,stats", "-o", "ndjson:-?where=src_port in [1003, 1007]",
                      "-o", "null:?where=src_port >= 1018", "-o", "null:")
        events = [json.loads(x) for x in r.stdout.splitlines()]
        self.assertEqual([e["flow_key"]["src_port"] for e in events[:-1]], [1003, 1007])
        o = events[-1]["outputs"]
        self.assertEqual([x["by_event"]["flow"]["made"] for x in o], [2, 2, 20])
        self.assertEqual([x["where_left_out"] for x in o], [18, 18, 0])
        self.refused("where=: at character 1, 'conn_state': there is no such column", "-o", "null:?where=conn_state=SF",
                     command="collect")

    def test_wrong(self):
        for text, what in (("dst_prt=443", "where=: at character 1, 'dst_prt': there is no such column; did you mean dst_port?"),
                           ("dst_port=443 and", "where=: at the end: here a column is to stand"),
                           ("dst_port=44x", "where=: at character 10, '44x': dst_port is compared with a number"),
                           ("", "where=: allowed is a condition")):
            self.refused(f"output ndjson:-?where={text}: {what}", "-o", f"ndjson:-?where={text}")

    def test_configuration(self):
        good = self.file("c.yaml", "output:\n  - ndjson:-?where=dst_port=443 and segment=0\nworkers: 1\n")
        wanted = [json.loads(x)["flow_key"]["dst_port"] for x in self.good("read", "-c", good, SAMPLE).stdout.splitlines()]
        self.assertEqual(set(wanted), {443})
        bad = self.file("d.yaml", "# a comment\noutput: 'ndjson:-?where=dst_port='\n")
        self.refused(f"{bad}:2: output ndjson:-?where=dst_port=: where=: at the end: here a number is to stand", "-c", bad)


if __name__ == "__main__":
    support.main()
