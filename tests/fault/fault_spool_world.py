# SPDX-License-Identifier: Apache-2.0
"""The spool and what is around it: disks that are full, free again, read-only; another user and the system-call
filter; collect and live, their receiver killed in the middle. Every event is counted where it is."""
import ctypes
import importlib.util
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import unittest

from faults import Case, Heard, free_port, main, pcap_header, pcap_records, run, wait_for
from keeping import NOBODY, Collecting, mount_tmpfs, private_mounts, status
from receiver import Receiver

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "support"), str(TESTS / "http")]
spec = importlib.util.spec_from_file_location("http_receiver", TESTS / "http" / "receiver.py")
http = importlib.util.module_from_spec(spec)
spec.loader.exec_module(http)

CLONE_NEWNET, CAP_NET_RAW = 0x40000000, 1 << 13
PAGE = 4096
WORLD = NET = False


def setUpModule():
    """Mounts and a network of our own."""
    global WORLD, NET
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    WORLD = private_mounts()
    NET = (WORLD and ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0
           and subprocess.run(["ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0)


def content(case, folder):
    r = run("spool", "--json", folder)
    case.assertEqual(r.returncode, 0, r.stderr)
    return json.loads(r.stdout)


class Disk(Case):
    def setUp(self):
        super().setUp()
        if not WORLD:
            self.skipTest("mounting needs root")
        self.disk = self.dir / "disk"
        self.disk.mkdir()
        self.port = free_port()
        self.url = f"ndjson+tcp://127.0.0.1:{self.port}?overflow=spool&spool={self.disk / 'spool'}&spool_max=16MB"

    def mount(self, size):
        why = mount_tmpfs(self.disk, size)
        if why:
            self.skipTest(why)
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], capture_output=True)

    def remount(self, how):
        return subprocess.run(["mount", "-o", f"remount,{how}", self.disk], capture_output=True).returncode == 0

    def test_sizes(self):
        """Disks from one page on: what is told to be spooled is there, to the event, and is delivered; the rest was
        dropped, samples before records."""
        capture = self.file("c.pcap", pcap_header() + pcap_records(3000))
        url = self.url + "&queue=512KB"
        shares = []
        for pages in (1, 2, 3, 4, 5, 6, 8, 11, 16, 17, 18, 19, 33, 64, 150, 400, 600):
            with self.subTest(pages=pages):
                self.mount(pages * PAGE)
                h = Heard(self, "read", "-w1", "-e", "sample,flow", "-o", url, capture)
                n = h.ended()["outputs"][0]
                there = content(self, self.disk / "spool")
                for kind in "sample", "flow":
                    self.assertEqual(n[kind]["made"], n[kind].get("spooled", 0) + n[kind]["dropped"], h.err)
                    self.assertEqual(there["events"].get(kind, 0), n[kind].get("spooled", 0))
                self.assertEqual((there["missing_events"], there["damaged_batches"]), (0, 0))
                self.assertEqual(" full" in h.err, n["sample"]["dropped"] + n["flow"]["dropped"] > 0)
                shares.append((n["sample"].get("spooled", 0), n["flow"].get("spooled", 0)))
                r = Receiver(self.port)
                h = Heard(self, "read", "-w1", "-o", url, self.file("e.pcap", pcap_header()))
                n = h.ended()["outputs"][0]
                r.end()
                self.assertEqual(tuple(n.get(k, {}).get("replayed", 0) for k in ("sample", "flow")), shares[-1])
                self.assertEqual(len(r.lines()), sum(shares[-1]))
                subprocess.run(["umount", self.disk], check=True)
        self.assertEqual((shares[0], shares[-1]), ((0, 0), (3000, 1000)))
        self.assertTrue(all(flow > 0 for sample, flow in shares if sample > 400), shares)  # they have a quarter

    def test_free_again(self):
        """A disk that is full and has room again: it goes on, and each event is delivered or counted as dropped."""
        self.mount(100 * PAGE)
        h = Heard(self, "read", "-w1", "-e", "sample", "-o", self.url + "&queue=512KB", "-", stdin=subprocess.PIPE)
        h.send(pcap_header() + pcap_records(5000))
        h.wait(" full")
        before = content(self, self.disk / "spool")["events"].get("sample", 0)
        self.assertTrue(self.remount("size=16M"))
        h.send(pcap_records(5000, 5000))
        self.assertTrue(wait_for(lambda: content(self, self.disk / "spool")["events"].get("sample", 0) > before + 3000))
        r = Receiver(self.port)
        self.assertTrue(wait_for(lambda: len(r.bytes()) > 0))
        h.p.stdin.close()
        n = h.ended()["outputs"][0]["sample"]
        r.end()
        self.assertEqual((n["made"], n["written"] + n["dropped"], n["lost"]), (10000, 10000, 0))
        self.assertGreater(n["dropped"], 0)
        self.assertEqual(len(set(r.lines())), n["written"])

    def test_read_only(self):
        """At the start it is refused in clear words; a running one keeps the disk from being made read-only."""
        self.mount(1 << 20)
        capture = self.file("c.pcap", pcap_header() + pcap_records(100))
        h = Heard(self, "read", "-w1", "-e", "sample", "-o", self.url, "-", stdin=subprocess.PIPE)
        h.send(pcap_header() + pcap_records(100))
        self.assertTrue(wait_for((self.disk / "spool" / "cursor").exists))
        self.assertFalse(self.remount("ro"))
        h.p.stdin.close()
        self.assertEqual(h.ended()["outputs"][0]["sample"]["spooled"], 100)
        self.assertTrue(self.remount("ro"))
        r = run("read", "-o", self.url, capture)
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertRegex(r.stderr, "spool .*: its cursor cannot be opened: Read-only file system")
        self.assertEqual(content(self, self.disk / "spool")["events"], {"sample": 100})


@unittest.skipUnless(os.geteuid() == 0, "becoming another user needs root")
class Delivered(Case):
    """By HTTP, whose batches have a producer and a sequence."""

    def setUp(self):
        super().setUp()
        if not NET:
            self.skipTest("no network of our own")
        self.folder = self.dir / "spool"  # root's, mode 0750
        self.r = http.Receiver()
        self.addCleanup(lambda: self.r.close())

    def url(self):
        return (f"ndjson+http://127.0.0.1:{self.r.port}/in?overflow=spool&spool={self.folder}&linger=1s&queue=512KB")

    def kill_receiver(self):
        """What is under way is taken, and never answered."""
        self.r.answer = lambda q: ("reset", "taken")
        self.r.close()

    def new_receiver(self):
        old = self.r
        self.r = http.Receiver(port=old.port)
        self.r.taken, self.r.seen = old.taken, old.seen

    def lines(self):
        return [line for q in self.r.taken for line in q.body.splitlines()]

    def check_confined(self, h):
        """Another user, the filter on."""
        self.assertTrue(wait_for(lambda: status(h.p.pid)["Uid"].split()[1] == str(NOBODY)), status(h.p.pid)["Uid"])
        self.assertIn(int(status(h.p.pid)["CapEff"], 16), (0, CAP_NET_RAW))  # live opens an interface again with it
        if "sanitizer" not in h.err:
            self.assertTrue(wait_for(lambda: status(h.p.pid)["Seccomp"] == "2"))

    def check_ended(self, n, made):
        self.assertEqual((n["made"], n["written"], n["dropped"], n["lost"]), (made, made, 0, 0))
        self.assertEqual(len(self.lines()), made)
        self.assertEqual(len({q.id[0] for q in self.r.taken}), 1)

    def test_collect(self):
        """As nobody, under the filter, the spool in a folder that nobody may not enter."""
        h = Collecting(self, "-e", "flow", "-o", self.url())
        self.check_confined(h)
        n = 0
        for turn in range(6):
            for _ in range(20):
                h.flows(90, n)
                n += 90
                time.sleep(0.01)
            if turn == 1:
                self.assertTrue(wait_for(lambda: self.r.taken))
                self.kill_receiver()
            if turn == 4:
                self.assertGreater(content(self, self.folder)["events"]["flow"], 0)
                self.new_receiver()
        self.assertTrue(wait_for(lambda: len(self.lines()) == n))
        self.check_ended(h.stop()["outputs"][0]["flow"], n)
        self.assertEqual(len({json.loads(line)["flow_key"]["src_ip"] for line in self.lines()}), n)
        self.assertEqual(content(self, self.folder)["events"], {})

    def test_live(self):
        """The same of packets; stopped while the receiver is away, the next run delivers."""
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        args = ["live", "-i", "lo", "-f", f"udp port {port}", "-w1", "-e", "sample", "-o", self.url()]

        def send(n):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                for i in range(n):
                    s.sendto(b"x" * 20, ("127.0.0.1", port))
                    if i % 20 == 0:
                        time.sleep(0.002)

        h = Heard(self, *args)
        h.wait("memory budget")
        self.check_confined(h)
        send(1000)
        self.assertTrue(wait_for(lambda: self.r.taken))
        self.kill_receiver()
        send(1000)
        time.sleep(0.5)
        h.p.terminate()
        first = h.ended()["outputs"][0]["sample"]
        self.assertGreaterEqual(first["made"], 2000)
        self.assertEqual(first["made"], first["written"] + first["spooled"])
        self.new_receiver()
        h = Heard(self, *args)
        h.wait("memory budget")
        send(1000)
        self.assertTrue(wait_for(lambda: len(self.lines()) >= first["made"] + 1000))
        h.p.terminate()
        second = h.ended()["outputs"][0]["sample"]
        self.assertEqual(second["replayed"], first["spooled"])
        self.assertEqual((second["made"], second["dropped"], second["lost"]), (second["written"], 0, 0))
        self.assertEqual(len(self.lines()), first["made"] + second["made"])
        self.assertEqual(len({q.id[0] for q in self.r.taken}), 1)


if __name__ == "__main__":
    unittest.TestCase.maxDiff = 2000
    main()
