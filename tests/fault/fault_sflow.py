#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sFlow when the other side is not there and comes back, with URLs that cannot be, and its account.

    fault_sflow.py [--flowtap PROGRAM] [--capture FILE]
"""
import argparse
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

import fault_flow_export as export

DEADLINE = 20


class Reader:
    """Datagrams as one receiver has them."""

    def __init__(self):
        self.samples, self.sequences, self.pools, self.gaps, self.next = 0, [], [], 0, None

    def message(self, data):
        version, agent, _, _, sequence, _, n = struct.unpack("!7I", data[:28])
        assert (version, agent) == (5, 1), (version, agent)
        self.gaps += 0 if self.next is None else sequence - self.next
        self.next = sequence + 1
        at = 28
        for _ in range(n):
            tag, length, number, _, _, pool = struct.unpack("!6I", data[at:at + 24])
            assert tag == 1
            self.sequences.append(number)
            self.pools.append(pool)
            at += 8 + length
        assert at == len(data)
        self.samples += n


def check_away(c, program):
    """A receiver that goes and comes: what is missing is counted here, and missing there."""
    s, before, after = export.udp_socket(), Reader(), Reader()
    port = s.getsockname()[1]
    f = export.Feed(program, "-o", "sflow+udp://127.0.0.1:%d" % port)
    f.phase(30)
    c.same("there: the first samples", True, export.hear(s, before, lambda: before.samples == 30))
    s.close()
    for _ in range(4):
        f.phase(10)
        time.sleep(0.4)
    s = export.udp_socket(port)
    end = time.monotonic() + DEADLINE
    while after.samples == 0 and time.monotonic() < end:  # it is asked with what comes
        f.phase(10)
        export.hear(s, after, lambda: after.samples > 0, 0.4)
    time.sleep(0.4)
    f.phase(25)
    export.hear(s, after, lambda: after.samples >= 35, 1)
    sent = 30 + 10 * (f.phases - 2) + 25
    _, err = f.p.communicate(timeout=DEADLINE)
    err = err.decode(errors="replace")
    export.hear(s, after, lambda: False, 0.2)
    s.close()
    m = re.search(r"(\d+) sample events = (\d+) written \+ (\d+) dropped(?: \+ (\d+) lost)?", err)
    made, written, dropped, lost = (int(x or 0) for x in m.groups())
    came = before.samples + after.samples
    c.same("away: all samples", sent, made)
    c.same("away: written is what came", came, written)
    c.same("away: the others are lost", (made - came, 0), (lost, dropped))
    c.same("away: some came, some did not", (True, True), (lost > 0, after.samples > 0))
    c.same("away: numbers go on", True, after.sequences[-1] == made - 1 == after.pools[-1] - 1)
    c.same("away: no datagram is missing while it is there", (0, 0), (before.gaps, after.gaps))
    c.same("away: said once", (1, 1), (err.count("its events are lost"),
                                       err.count("somebody is there after")))
    c.same("away: exit status", 1, f.p.returncode)


def check_stats(c, program, capture, scratch):
    """The account of the output: samples of what the filter leaves, of whatever protocol."""
    out = os.path.join(scratch, "stats.ndjson")
    s = export.udp_socket()
    for options, want in (((), 118), (("-s", "7"), 17), (("-f", "tcp"), None), (("-f", "arp"), 2)):
        reader = Reader()
        r = subprocess.run([program, "read", capture, "-e", "stats", "-o", "ndjson:" + out, "-w", "2",
                            "-o", "sflow+udp://127.0.0.1:%d" % s.getsockname()[1], *options],
                           capture_output=True, timeout=60, check=False)
        export.hear(s, reader, lambda: False, 0.3)
        with open(out, encoding="utf-8") as f:
            stats = json.loads(f.readlines()[-1])
        o = stats["outputs"][1]["by_event"]["sample"]
        wanted = stats["decoded"] if want is None else want
        c.same("account of %s" % (options,), (0, wanted, wanted, wanted),
               (r.returncode, o["made"], o["written"], reader.samples))
    s.close()


def check_usage(c, program, capture):
    key = "0" * 64
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(key)
        f.flush()
        for url, said, options in (
                ("sflow:x", "sflow goes over udp", ()),
                ("sflow+tcp://127.0.0.1:1", "sflow goes over udp", ()),
                ("sflow+udp://127.0.0.1", "HOST:PORT", ()),
                ("sflow+udp://127.0.0.1:1?header=8", "16 to 16384", ()),
                ("sflow+udp://127.0.0.1:1?header=1400", "longer than a datagram (mtu=1400)", ()),
                ("sflow+udp://127.0.0.1:1?header=400&mtu=512", "longer than a datagram", ()),
                ("sflow+udp://127.0.0.1:1?mtu=100", "512 to 65507", ()),
                ("sflow+udp://127.0.0.1:1?agent=host", "an IPv4 or IPv6 address", ()),
                ("sflow+udp://127.0.0.1:1?counters=x", "0 to 86400", ()),
                ("sflow+udp://127.0.0.1:1?counters=5", "counters= is for live", ()),
                ("sflow+udp://127.0.0.1:1?overflow=spool", "stand alone", ()),
                ("sflow+udp://127.0.0.1:1?event=sample", "holds packets", ()),
                ("sflow+udp://127.0.0.1:1?columns=src_ip", "holds packets", ()),
                ("sflow+udp://127.0.0.1:1?where=protocol=6", "holds packets", ()),
                ("sflow+udp://127.0.0.1:1?template_refresh=5", "is for ipfix, netflow9", ()),
                ("ipfix+udp://127.0.0.1:1?agent=127.0.0.1", "agent= is for sflow", ()),
                ("sflow+udp://127.0.0.1:1", "bytes of packets: not with --anonymize",
                 ("--anonymize", f.name)),
                ("sflow+udp://127.0.0.1:1", "bytes of packets: not with --anonymize or --no-identity",
                 ("--no-identity",))):
            r = subprocess.run([program, "read", capture, "-o", url, *options], capture_output=True,
                               timeout=60, check=False)
            c.same("%s: %s" % (url, r.stderr.decode()[-300:]), (2, True),
                   (r.returncode, said in r.stderr.decode()))
    r = subprocess.run([program, "collect", "-l", "pcap:" + capture, "-o", "sflow+udp://127.0.0.1:1"],
                       capture_output=True, timeout=60, check=False)
    c.same("collect", (2, True), (r.returncode, "for live and read" in r.stderr.decode()))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", default=os.environ.get("FLOWTAP"))
    p.add_argument("--capture", default=os.path.join(here, "../../examples/sample.pcap"))
    args = p.parse_args()
    c = export.Checks()
    check_away(c, args.flowtap)
    with tempfile.TemporaryDirectory() as scratch:
        check_stats(c, args.flowtap, args.capture, scratch)
    check_usage(c, args.flowtap, args.capture)
    for line in c.failed:
        print(line)
    print("%d checks, %d failed" % (c.n, len(c.failed)))
    return 1 if c.failed else 0


if __name__ == "__main__":
    sys.exit(main())
