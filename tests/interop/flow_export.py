#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`-o ipfix+udp://` and its like, read by other programs over loopback, number by number.

What flowtap says of a capture as NDJSON is what each of them must have read of the same capture
exported: its own collector (IPFIX over UDP, TCP and from a file, NetFlow v9, v5), tshark, nfcapd
with nfdump, nfacctd, goflow2. Then numbers in sequence across restarts, templates for a collector
that starts late.

    flow_export.py --flowtap PROGRAM --capture FILE [--corpus DIR]

A program that is not installed is left out, and named. Exit 0: all the same; 1: not so.
"""
import argparse
import glob
import ipaddress
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

import collect_live as live
import collect_support as support

REASONS = {"idle": 1, "active": 2, "snapshot": 2, "end": 3, "reuse": 3, "shutdown": 4, "eof": 4,
           "evicted": 5}
OPTIONS = ("--active-timeout", "1")  # so that some flows have several records


class Checks:
    def __init__(self):
        self.n, self.failed, self.skipped = 0, [], []

    def same(self, what, wanted, found):
        self.n += 1
        if wanted != found:
            self.failed.append("%s: %.400s, not %.400s" % (what, found, wanted))

    def rows(self, what, wanted, found):
        """Lists of dicts or tuples, whatever their order."""
        self.same(what + ": how many", len(wanted), len(found))
        key = repr
        missing, more = sorted(map(key, wanted)), sorted(map(key, found))
        for m, o in zip(missing, more):
            if m != o:
                self.same(what, m, o)
                return
        self.n += 1

    def account(self, what, run):
        self.n += 1
        self.failed += ["%s: %s" % (what, w) for w in run.wrong]


# ---- what is there ----

def ms(text):
    return support.seconds_to_ns(text) // 10 ** 6


def truth_of(args, capture):
    out = subprocess.run([args.flowtap, "read", capture, "-e", "flow", "-o", "ndjson:-", *OPTIONS],
                         capture_output=True, timeout=300, check=False).stdout
    return [json.loads(line, parse_float=str) for line in out.splitlines()]


def octets_since(flows):
    """Adds what has come of IP bytes since the record before of a flow."""
    seen = {}
    for e in flows:
        f = e["features"]
        before = seen.get(e["flow_id"], (0, 0))
        now = f["fwd_ip_bytes"], f["rev_ip_bytes"]
        f["fwd_ip_delta"], f["rev_ip_delta"] = now[0] - before[0], now[1] - before[1]
        seen[e["flow_id"]] = now
    return flows


def as_ipfix(e):
    """The elements of a record, by their names in snake_case."""
    f, k, a = e["features"], e["flow_key"], e["aggregate_metrics"]
    v = f["ip_version"]
    r = {"observation_time_milliseconds": ms(e["timestamp"]), "flow_id": int(e["flow_id"], 16),
         "flow_end_reason": REASONS[e["reason"]], "source_ipv%d_address" % v: k["src_ip"],
         "destination_ipv%d_address" % v: k["dst_ip"], "source_transport_port": k["src_port"],
         "destination_transport_port": k["dst_port"], "protocol_identifier": k["protocol"],
         "flow_start_milliseconds": ms(a["first_seen"]), "flow_end_milliseconds": ms(a["last_seen"]),
         "flow_duration_microseconds": f["duration_us"], "ip_version": v,
         "dot1q_vlan_id": f["vlan_id"], "icmp_type_ipv%d" % v: f["icmp_type"],
         "icmp_code_ipv%d" % v: f["icmp_code"]}
    if f["duration_us"] >= 1 << 32:
        r["flow_duration_microseconds"] = None
    for way, before in (("fwd", ""), ("rev", "reverse_")):
        if way == "fwd" or f["rev_packets"] > 0:
            r.update({before + "packet_total_count": f[way + "_packets"],
                      before + "layer2_octet_total_count": f[way + "_bytes"],
                      before + "octet_total_count": f[way + "_ip_bytes"],
                      before + "tcp_control_bits": f[way + "_tcp_flags"],
                      before + "packet_delta_count": f[way + "_packets_delta"],
                      before + "octet_delta_count": f[way + "_ip_delta"],
                      before + "layer2_octet_delta_count": f[way + "_bytes_delta"]})
            if way == "rev":
                r["biflow_direction"] = 1
    return {name: x for name, x in sorted(r.items()) if x is not None}


def as_uniflows(flows, v6=True):
    """(key, packets, IP bytes, TCP flags) of each direction that has packets since the record
    before: what NetFlow has."""
    found = []
    for e in flows:
        f, k = e["features"], e["flow_key"]
        if f["ip_version"] == 6 and not v6:
            continue
        ends = [(k["src_ip"], k["src_port"]), (k["dst_ip"], k["dst_port"])]
        for way in ("fwd", "rev"):
            if f[way + "_packets_delta"] > 0:
                (src, sport), (dst, dport) = ends
                found.append(((src, dst, sport, dport, k["protocol"]), f[way + "_packets_delta"],
                              f[way + "_ip_delta"], f[way + "_tcp_flags"]))
            ends.reverse()
    return found


# ---- our own collector ----

def export(args, capture, to, *options):
    r = subprocess.run([args.flowtap, "read", capture, "-e", "flow", "-o", to, *OPTIONS, *options],
                       capture_output=True, timeout=300, check=False)
    return r.returncode, r.stderr.decode(errors="replace")


def collected(args, scheme, capture, to):
    """A run of the collector to which the capture was exported."""
    with live.Collector(args.flowtap, scheme=scheme) as c:
        rc, err = export(args, capture, to % c.port)
        if rc != 0:
            raise RuntimeError("%s: %s" % (to, err[-400:]))
        time.sleep(0.3)
        return c.run()


def ipfix_of(run):
    return [dict(sorted(e["features"].items())) for e in run.flows]


def uniflows_of(run):
    found = []
    for e in run.flows:
        k, f = e["flow_key"], e["features"]
        found.append(((k["src_ip"], k["dst_ip"], k["src_port"] or 0, k["dst_port"] or 0,
                       k["protocol"]), f["packet_delta_count"], f["octet_delta_count"],
                      f["tcp_control_bits"]))
    return found


def without_icmp_ports(rows):
    return [((*k[:2], 0, 0, k[4]) if k[4] in (1, 58) else k, *rest) for k, *rest in rows]


def check_own(c, args, capture, flows):
    wanted = [as_ipfix(e) for e in flows]
    for name, scheme, to in (("udp", "udp", "ipfix+udp://127.0.0.1:%d"),
                             ("small mtu", "udp", "ipfix+udp://127.0.0.1:%d?mtu=512"),
                             ("tcp", "ipfix+tcp", "ipfix+tcp://127.0.0.1:%d")):
        run = collected(args, scheme, capture, to)
        c.account("own, " + name, run)
        c.rows("own, " + name, wanted, ipfix_of(run))
    for version, v6 in (("netflow9", True), ("netflow5", False)):
        run = collected(args, "udp", capture, version + "+udp://127.0.0.1:%d")
        c.account("own, " + version, run)
        c.rows("own, " + version, without_icmp_ports(as_uniflows(flows, v6)),
               without_icmp_ports(uniflows_of(run)))


# ---- tshark ----

NAMES = {"OctetDeltaCount": "octet_delta_count"}


def tshark_records(path):
    """The records of an IPFIX file as tshark has them: dicts of what it prints."""
    out = subprocess.run(["tshark", "-r", path, "-V"], capture_output=True, timeout=300,
                         check=True).stdout.decode(errors="replace")
    found, row = [], None
    for line in out.splitlines():
        if re.match(r"\s+Flow \d+$", line):
            row = {}
            found.append(row)
        elif re.match(r"\S", line) or re.match(r"\s+Set \d+", line):
            row = None
        elif row is not None and ":" in line:
            name, _, value = line.strip().partition(": ")
            row.setdefault(name, value)
    return found


def tshark_row(e):
    """What tshark prints of it."""
    r = as_ipfix(e)
    v = e["features"]["ip_version"]
    found = {"SrcAddr": r["source_ipv%d_address" % v], "DstAddr": r["destination_ipv%d_address" % v],
             "SrcPort": str(r["source_transport_port"]), "DstPort": str(r["destination_transport_port"]),
             "Octets": str(r["octet_delta_count"]), "Packets": str(r["packet_delta_count"]),
             "Permanent Octets": str(r["octet_total_count"]),
             "Permanent Packets": str(r["packet_total_count"])}
    return found


def check_tshark(c, args, capture, flows, scratch):
    if shutil.which("tshark") is None:
        c.skipped.append("tshark")
        return
    path = os.path.join(scratch, "flows.ipfix")
    rc, err = export(args, capture, "ipfix:" + path)
    c.same("file: exit status, " + err[-200:], 0, rc)
    rows = tshark_records(path)
    wanted = [tshark_row(e) for e in flows]
    c.rows("tshark", wanted, [{k: r.get(k, "").split(" ")[0] for k in w}
                              for r, w in zip(rows, wanted)] if len(rows) == len(wanted) else rows)


# ---- all ----

def main():
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", required=True)
    p.add_argument("--capture", required=True)
    p.add_argument("--corpus")
    args = p.parse_args()
    c = Checks()
    with tempfile.TemporaryDirectory() as scratch:
        flows = octets_since(truth_of(args, args.capture))
        c.same("there are flows", True, len(flows) > 0)
        check_own(c, args, args.capture, flows)
        check_tshark(c, args, args.capture, flows, scratch)
    for line in c.failed:
        print(line)
    print("%d checks, %d failed%s" % (c.n, len(c.failed), "; without " + ", ".join(c.skipped)
                                      if c.skipped else ""))
    return 1 if c.failed else 0


if __name__ == "__main__":
    sys.exit(main())
