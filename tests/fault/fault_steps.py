# SPDX-License-Identifier: Apache-2.0
"""The wall clock is set while it runs, by hours and days, forth and back: nothing stops, nothing is lost or
written over, spans of time are never negative, and a stop ends it."""
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

from faults import Case, Heard, events, main, pcap_header, pcap_records, wait_for
from support import BUILD

SHIM = os.environ.get("CLOCK_SHIM", str(BUILD / "tests/fault/libclock_shim.so"))
HOUR = 3600 * 10**9
STEPS = (HOUR, -HOUR, 48 * HOUR, 0, -48 * HOUR, -49 * HOUR, 0)


class Steps(Case):
    def setUp(self):
        super().setUp()
        if not os.path.exists(SHIM):
            self.skipTest("the clock that can be set was not built")
        self.clock = self.dir / "clock"
        self.set(0)
        self.env = {**os.environ, "LD_PRELOAD": SHIM, "FT_CLOCK_AHEAD": str(self.clock),
                    "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}

    def set(self, ns):
        with open(self.clock, "r+b" if self.clock.exists() else "wb") as f:
            f.write(struct.pack("<q", ns))

    def found(self, path, kind):
        data = path.read_bytes() if path.exists() else b""
        lines = data[:data.rfind(b"\n") + 1].splitlines()
        return [e for e in map(json.loads, lines) if e["event_type"] == kind]

    def test_the_shim(self):
        """The clock that the tests set is the one that the program sees."""
        self.set(400 * 24 * HOUR)
        r = subprocess.run(["date", "+%s"], env=self.env, capture_output=True, text=True)
        self.assertAlmostEqual(int(r.stdout), time.time() + 400 * 86400, delta=100)

    def test_collect(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        out = self.dir / "out.ndjson"
        h = Heard(self, "collect", "-l", f"netflow://127.0.0.1:{port}", "-e", "flow,stats", "--stats", "0.2",
                  "-o", f"ndjson:{out}", env=self.env)
        h.wait("memory budget")
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sender.close)
        for k, step in enumerate(STEPS):
            self.set(step)
            record = struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", b"\n\0\0\1", b"\n\0\0\2", b"", 0, 0, 5, 500, 0,
                                 10, 1, 2, 0, 0, 6, 0, 0, 0, 0, 0, 0)
            sender.sendto(struct.pack("!HHIIIIBBH", 5, 1, 1000, 1719409371, 0, k, 0, 0, 0) + record,
                          ("127.0.0.1", port))
            self.assertTrue(wait_for(lambda: len(self.found(out, "network_flow_record")) == k + 1),
                            f"no record after step {k}: {h.err}")
            n = len(self.found(out, "pipeline_stats"))
            self.assertTrue(wait_for(lambda: len(self.found(out, "pipeline_stats")) > n),
                            f"no statistics after step {k}")
        h.p.send_signal(signal.SIGTERM)
        self.assertEqual(h.ended(0)["received"], len(STEPS))
        elapsed = [e["elapsed_ms"] for e in self.found(out, "pipeline_stats")]
        self.assertEqual(elapsed, sorted(elapsed))
        self.assertLess(elapsed[-1], 120000)

    def test_rotation(self):
        """Files are named for the second in which they are put aside: one that comes again names no
        other file over."""
        folder = self.dir / "out"
        folder.mkdir()
        h = Heard(self, "read", "-w1", "--stats", "0.2", "-o", f"ndjson:{folder}/x.ndjson?rotate=20KB", "-",
                  stdin=subprocess.PIPE, env=self.env)
        h.wait("memory budget")
        h.send(pcap_header())
        second = -(time.time_ns() % 10**9)
        for k in range(8):
            self.set(second + STEPS[k % len(STEPS)])
            h.send(pcap_records(1000, first=1000 * k))
            time.sleep(0.15)
        h.p.stdin.close()
        sample = h.ended(0)["outputs"][0]["sample"]
        self.assertEqual((sample["made"], sample["written"]), (8000, 8000))
        found = [e for p in pathlib.Path(folder).iterdir() for e in events(p)]
        self.assertEqual(len({e["timestamp"] for e in found}), 8000)
        self.assertEqual(len(found), 8000)
        self.assertGreater(len(list(folder.iterdir())), 3)

    def test_stop(self):
        """A stop ends it in order at once, whatever the clock did just before."""
        for step in STEPS:
            h = Heard(self, "read", "-w2", "-o", f"ndjson:{self.dir}/stop.ndjson", "-",
                      stdin=subprocess.PIPE, env=self.env)
            h.wait("memory budget")
            h.send(pcap_header() + pcap_records(1000))
            self.set(step)
            time.sleep(0.2)
            h.p.send_signal(signal.SIGTERM)
            begin = time.monotonic()
            h.ended(0)
            self.assertLess(time.monotonic() - begin, 10)


if __name__ == "__main__":
    main()
