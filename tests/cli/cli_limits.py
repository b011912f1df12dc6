#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--count and --duration: the same packets whatever reads them, and an end like any other."""
import gzip
import json
import socket
import struct
import subprocess
import unittest

import support
from support import FLOWTAP, pcap_header, pcap_records, run

N = 5000  # packets of the capture, a millisecond apart


def netflow5(n):
    """A datagram of NetFlow v5 with one record, from port 1000 + n."""
    record = struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", b"\xc0\0\2\1", b"\xc0\0\2\2", b"\0\0\0\0", 1, 2, 3, 300, 0, 1000,
                         1000 + n, 53, 0, 0, 17, 0, 0, 0, 24, 24, 0)
    return struct.pack("!HHIIIIBBH", 5, 1, 10000, 1719409371, 0, n, 0, 0, 0) + record


def udp_capture(payloads):
    out = bytearray(pcap_header())
    for i, data in enumerate(payloads):
        udp = struct.pack("!HHHH", 4000, 2055, 8 + len(data), 0) + data
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i, 0, 64, 17, 0, b"\xc0\0\2\7", b"\xc0\0\2\x08")
        frame = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + udp
        out += struct.pack("<IIII", 1719409371 + i, 0, len(frame), len(frame)) + frame
    return bytes(out)


class Limits(support.Case):
    def setUp(self):
        super().setUp()
        self.data = pcap_header() + pcap_records(N)
        self.pcap = self.file("all.pcap", self.data)
        self.packed = self.file("all.pcap.gz", gzip.compress(self.data, 1))

    def first(self, n):
        return self.file("first%d.pcap" % n, pcap_header() + pcap_records(n))

    def read(self, *args, pipe=None):
        cat = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) if pipe else None
        r = subprocess.run([FLOWTAP, "read", "--log-format", "json", "-e", "flow,stats", *args],
                           stdin=cat.stdout if cat else None, capture_output=True, timeout=60, check=False)
        if cat:
            cat.stdout.close()
            cat.wait()  # of a pipe that nobody reads to its end
        self.assertEqual(r.returncode, 0, r.stderr)
        events = [json.loads(line) for line in r.stdout.splitlines()]
        flows = sorted(json.dumps(e) for e in events if e["event_type"] == "network_flow_record")
        return flows, events[-1]

    def roads(self, *args):
        """The records and the account by every way there is."""
        for w in ("1", "2", "4"):
            yield self.read("-w", w, *args, self.pcap)
            yield self.read("-w", w, *args, self.packed)
            yield self.read("-w", w, *args, "-", pipe=self.pcap)
        for w in ("2", "3"):  # a reader and queues, large enough that nothing is dropped
            yield self.read("-w", w, "--overflow", "drop", "-q", "65536", *args, self.pcap)

    def test_count(self):
        for n in (1, 63, 64, 65, 1000, N - 1, N, N + 1):
            want, _ = self.read("-w", "1", self.first(min(n, N)))
            for flows, stats in self.roads("--count", str(n)):
                self.assertEqual(stats["captured"], min(n, N))
                self.assertEqual(stats["decoded"], min(n, N))
                self.assertEqual(flows, want)
            self.assertIn('"reason": "eof"', want[0])

    def test_count_is_of_what_passes_the_filter(self):
        if "libpcap" in run("read", "-f", "udp", self.pcap).stderr:
            self.skipTest("no filters in this build")
        for _, stats in self.roads("--count", "500", "-f", "udp src port 1000"):  # there are fewer
            self.assertEqual(stats["decoded"], N // 1000)
            self.assertEqual(stats["ignored_by_reason"]["filtered"], N - N // 1000)
        for flows, stats in self.roads("--count", "3", "-f", "udp src port 1007"):
            self.assertEqual(stats["decoded"], 3)
            self.assertEqual(stats["ignored_by_reason"]["filtered"], 2007 - 2)
            self.assertEqual(stats["captured"], 2008)
            self.assertEqual(len(flows), 1)

    def test_count_with_samples(self):
        r = self.good("read", "-w", "4", "--count", "100", self.pcap)
        self.assertEqual(len(r.stdout.splitlines()), 100)

    def test_several_files_count_together(self):
        flows, stats = self.read("--count", "30", self.first(20), self.first(20))
        self.assertEqual(stats["captured"], 30)
        self.assertEqual(len(flows), 20)

    def test_duration(self):
        # packets i // 1000 seconds and i % 1000 milliseconds after the first
        for text, n in (("0.001", 1), ("0.0015", 2), ("0.5", 500), ("1", 1000), ("2.25", 2250), ("100", N)):
            want, _ = self.read("-w", "1", self.first(n))
            for flows, stats in self.roads("--duration", text):
                self.assertEqual(stats["captured"], n, text)
                self.assertEqual(flows, want)

    def test_the_first_of_both(self):
        self.assertEqual(self.read("--duration", "1", "--count", "10", self.pcap)[1]["captured"], 10)
        self.assertEqual(self.read("--duration", "1", "--count", "3000", self.pcap)[1]["captured"], 1000)

    def test_damage_behind_the_end_is_not_met(self):
        path = self.file("cut.pcap", self.data[:-5])
        self.assertEqual(run("read", "-e", "flow", path).returncode, 1)
        self.good("read", "-e", "flow", "--count", "100", path)
        self.good("read", "-e", "flow", "--duration", "3", "-w", "4", path)

    def test_wrong(self):
        for args in (("--count", "0"), ("--count", "-1"), ("--count", "x"), ("--duration", "0"),
                     ("--duration", "1h")):
            r = run("read", *args, self.pcap)
            self.assertEqual(r.returncode, 2, r.stderr)
            self.assertIn(args[0], r.stderr)

    def test_configuration(self):
        path = self.file("c.yaml", "count: 7\nduration: 2.5\n")
        self.assertEqual(self.read("-c", path, self.pcap)[1]["captured"], 7)

    def test_collect_counts_datagrams(self):
        path = self.file("nf.pcap", udp_capture([netflow5(i) for i in range(20)]))
        for args, n in ((("--count", "5"), 5), (("--duration", "7"), 7), ((), 20)):
            r = self.good("collect", "-l", "pcap:" + path, "-e", "flow", *args)
            self.assertEqual([json.loads(x)["flow_key"]["src_port"] for x in r.stdout.splitlines()],
                             [1000 + i for i in range(n)])

    def test_collect_from_sockets(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        p = subprocess.Popen([FLOWTAP, "collect", "-w", "2", "-l", "netflow://127.0.0.1:%d" % port, "-e",
                              "flow,stats", "--count", "10"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True)
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                def send():
                    s.sendto(netflow5(1), ("127.0.0.1", port))
                    return p.poll() is not None
                self.assertTrue(support.wait_for(send))  # ends by itself
            out = p.stdout.read()
            self.assertEqual(p.returncode, 0)
            events = [json.loads(x) for x in out.splitlines()]
            self.assertEqual(events[-1]["captured"], 10)
            self.assertEqual(len([e for e in events if e["event_type"] == "network_flow_record"]), 10)
        finally:
            p.kill()
            p.wait()
            p.stdout.close()

    def test_collect_for_a_while(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        r = self.good("collect", "-l", "netflow://127.0.0.1:%d" % port, "-e", "stats", "--duration", "0.3")
        self.assertGreaterEqual(json.loads(r.stdout.splitlines()[-1])["elapsed_ms"], 300)


if __name__ == "__main__":
    support.main()
