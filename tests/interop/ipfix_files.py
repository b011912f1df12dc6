#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""IPFIX files that another program has written (the Python package ipfix, by an author of RFC 5655) give every number,
and the same events as when its messages come over TCP.

    ipfix_files.py --flowtap PROGRAM
"""
import argparse
import datetime
import ipaddress
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "support")]
import readers  # noqa: E402: tests/readers.py

readers.needs("ipfix.writer")
import checks  # noqa: E402: tests/support/checks.py
import ipfix.ie  # noqa: E402
import ipfix.template  # noqa: E402
import ipfix.writer  # noqa: E402
from checks import check, wait_for  # noqa: E402

START = datetime.datetime(2026, 11, 23, 13, 0, 0, tzinfo=datetime.timezone.utc)
NAMES = ("flowStartMilliseconds", "flowEndMilliseconds", "octetDeltaCount", "packetDeltaCount", "sourceTransportPort",
         "destinationTransportPort", "protocolIdentifier")


def rows(n):
    for i in range(n):
        start = START.replace(tzinfo=None) + datetime.timedelta(milliseconds=37 * i)
        v6 = i % 3 == 2
        src = ipaddress.ip_address("2001:db8::%x" % (i + 1)) if v6 else ipaddress.ip_address(0x0a000000 + i)
        dst = ipaddress.ip_address("2001:db8:1::%x" % (i + 1)) if v6 else ipaddress.ip_address(0x0b000000 + i)
        yield v6, {"flowStartMilliseconds": start, "flowEndMilliseconds": start + datetime.timedelta(milliseconds=i),
                   "octetDeltaCount": i << 33 if i % 5 == 0 else 100 + i, "packetDeltaCount": 1 + i,
                   "sourceTransportPort": i % 65536, "destinationTransportPort": 443, "protocolIdentifier": 6,
                   ("sourceIPv6Address" if v6 else "sourceIPv4Address"): src,
                   ("destinationIPv6Address" if v6 else "destinationIPv4Address"): dst}


def write(path, n):
    with open(path, "wb") as f:
        w = ipfix.writer.to_stream(f, mtu=1400)
        w.set_domain(17)
        for tid, version in ((1001, 4), (1002, 6)):
            names = (*NAMES, f"sourceIPv{version}Address", f"destinationIPv{version}Address")
            w.add_template(ipfix.template.from_ielist(tid, ipfix.ie.spec_list(names)))
        for v6, row in rows(n):
            w.set_export_template(1002 if v6 else 1001)
            w.export_namedict(row)
        w.flush()


def flows(text):
    return [e for e in map(json.loads, text.splitlines()) if e["event_type"] == "network_flow_record"]


def over_tcp(flowtap, data, n, folder):
    port, out = checks.free_port(), folder / "tcp.ndjson"
    p = subprocess.Popen([flowtap, "collect", "-w", "1", "-l", f"ipfix+tcp://127.0.0.1:{port}", "-e", "flow", "-o",
                          f"ndjson:{out}?overflow=block"], stderr=subprocess.DEVNULL)
    try:
        def connect():
            try:
                return socket.create_connection(("127.0.0.1", port), 5)
            except OSError:
                time.sleep(0.05)
        until = time.monotonic() + 20
        s = None
        while s is None and time.monotonic() < until:
            s = connect()
        s.sendall(data)
        wait_for(lambda: out.exists() and out.read_bytes().count(b"\n") >= n, "records over TCP")
        s.close()
    finally:
        p.terminate()
        p.wait(30)
    return flows(out.read_text())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowtap", required=True)
    args = parser.parse_args()
    n = 3000
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        path = folder / "export.ipfix"
        ipfix.ie.use_iana_default()
        write(path, n)
        r = checks.run(args.flowtap, "collect", "-l", f"ipfix:{path}", "-e", "flow,stats", "-o", "ndjson:-")
        check(r.returncode == 0, r.stderr)
        found = flows(r.stdout)
        last = json.loads(r.stdout.splitlines()[-1])
        check(len(found) == n and last["malformed"] == 0 and last["collect"]["lost"] == 0, len(found), last)
        for (v6, row), e in zip(rows(n), found):
            key, f, m = e["flow_key"], e["features"], e["aggregate_metrics"]
            start = row["flowStartMilliseconds"].replace(tzinfo=datetime.timezone.utc)
            side = "IPv6" if v6 else "IPv4"
            good = (key["src_ip"] == str(row[f"source{side}Address"]) and key["dst_ip"] == str(row[f"destination{side}Address"])
                    and (key["src_port"], key["dst_port"], key["protocol"]) == (row["sourceTransportPort"], 443, 6)
                    and (m["packet_count"], m["byte_count"]) == (row["packetDeltaCount"], row["octetDeltaCount"])
                    and abs(m["first_seen"] - start.timestamp()) < 1e-6 and e["exporter"]["domain_id"] == 17
                    and f["octet_delta_count"] == row["octetDeltaCount"])
            if not check(good, row, e):
                break
        there = over_tcp(args.flowtap, path.read_bytes(), n, folder)
        for e in there + found:
            e.pop("exporter")
            e.pop("flow_id")
        check(there == found, "other records than over TCP")
    checks.ended()


if __name__ == "__main__":
    main()
