# SPDX-License-Identifier: Apache-2.0
"""overflow=spool: a receiver that is away, kills at random instants (KILLS of them), a full spool, damage.
Nothing that reached the spool is missing, and the account says where every event is."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

from faults import Case, Heard, account, main, pcap_header, pcap_records, run, wait_for
from receiver import Receiver

N = 30000
KILLS = int(os.environ.get("KILLS", "12"))


def times(lines):
    """When each event was, as whole milliseconds."""
    return (int(float(t) * 1000 + 0.5) for t in re.findall(r'"network_flow_sample","timestamp":([0-9.]+)', lines))


class Spool(Case):
    def setUp(self):
        super().setUp()
        self.capture = self.file("c.pcap", pcap_header() + pcap_records(N))
        self.folder = self.dir / "spool"
        self.r = Receiver()
        self.addCleanup(self.r.end)

    def url(self, form="ndjson", more=""):
        return f"{form}+tcp://127.0.0.1:{self.r.where}?overflow=spool&spool={self.folder}{more}"

    def want(self, *args):
        r = run("read", "-w1", *args, self.capture, "--quiet")
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout.encode()

    def read(self, *args, url=None, capture=None, status=0):
        h = Heard(self, "read", "-w1", *args, "-o", url or self.url(), capture or self.capture)
        return h, h.ended(status)["outputs"][0]

    def empty(self):
        """A capture of no packet: a run that only delivers what is there."""
        return self.file("e.pcap", pcap_header())

    def content(self):
        r = run("spool", "--json", self.folder)
        self.assertEqual(r.returncode, 0, r.stderr)
        return json.loads(r.stdout)

    def test_there(self):
        """A receiver that is there has everything, in order; the spool is empty then."""
        h, n = self.read("-e", "sample,flow")
        self.r.end()
        self.assertEqual(self.r.bytes(), self.want("-e", "sample,flow"))
        self.assertEqual(n["sample"], {"made": N, "written": N, "dropped": 0, "lost": 0}, h.err)
        c = self.content()
        self.assertEqual((c["events"], c["batches"], c["disk_bytes"], c["orderly"]), ({}, 0, 0, True))

    def test_away(self):
        """Away for three runs, then back: all in order, each once, and counted as of an earlier run."""
        self.r.end()
        for i in range(1, 4):
            h, n = self.read("-e", "sample,flow")
            earlier = {} if i == 1 else {"earlier_dropped": 0, "earlier_lost": 0, "earlier_spooled": N * (i - 1)}
            self.assertEqual(n["sample"], {"made": N, "written": 0, "dropped": 0, "lost": 0, "spooled": N,
                                           "replayed": 0, **earlier}, h.err)
            c = self.content()
            self.assertEqual(c["events"], {"sample": N * i, "flow": 1000 * i})
        want = self.want("-e", "sample,flow")
        waiting = run("spool", "--events", self.folder).stdout.encode()
        self.assertEqual(waiting, want * 3)
        self.r.begin()
        empty = self.file("e.pcap", pcap_header() + pcap_records(10))
        h, n = self.read("-e", "sample,flow", capture=empty)
        self.r.end()
        self.assertEqual((n["sample"]["replayed"], n["flow"]["replayed"], n["sample"]["written"]), (3 * N, 3000, 10))
        self.assertTrue(self.r.bytes().startswith(want * 3))
        self.assertEqual(self.content()["events"], {})

    def test_stats(self):
        """The last stats event tells what is on disk."""
        self.r.end()
        self.read("-e", "sample,stats")
        waiting = run("spool", "--events", self.folder).stdout
        last = json.loads(waiting.splitlines()[-1])
        o = last["outputs"][0]
        self.assertTrue(last["is_final"])
        self.assertEqual((o["events_made"], o["events_spooled"], o["events_waiting"], o["events_written"]), (N, N, 0, 0))

    def test_comes_back(self):
        """Gone in the middle of a run and back again."""
        h = Heard(self, "read", "-e", "sample", "-w1", "-o", self.url(), "-", stdin=subprocess.PIPE)
        h.send(pcap_header() + pcap_records(N // 2))
        self.assertTrue(wait_for(lambda: self.r.bytes().count(b"\n") > N // 4))
        self.r.end()
        h.send(pcap_records(N - N // 2, N // 2))
        time.sleep(0.5)
        self.r.begin()
        h.p.stdin.close()
        n = h.ended()["outputs"][0]["sample"]
        self.r.end()
        self.assertEqual((n["made"], n["lost"], n["dropped"], n["written"]), (N, 0, 0, N))
        got = self.r.lines()
        want = self.want("-e", "sample").splitlines()
        self.assertEqual(set(got) - set(want), set())
        # what the kernel of the receiver had acknowledged and the receiver has not read is its loss
        self.assertGreater(len(set(got)), N // 2)

    def test_kills(self):
        """Killed at random instants, the receiver there or not: every event that a spool had told of is delivered,
        and the numbers of batches leave one out. No event is made twice: each has a time of its own."""
        rng = random.Random(1)
        self.r.end()
        here, told, got, numbers, each = False, set(), set(), 0, 5000
        for turn in range(KILLS):
            if not here and rng.random() < 0.5:
                self.r.begin()
                here = True
            elif here:
                self.r.end()
                here = False
            stream = pcap_header() + pcap_records(each, turn * each)
            p = self.started("read", "-w1", "-e", "sample", "-o", self.url(), "-", "--quiet",
                             stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
            end = time.monotonic() + rng.random() * 0.4
            try:
                at = 0
                os.set_blocking(p.stdin.fileno(), False)
                while time.monotonic() < end:
                    try:
                        at += os.write(p.stdin.fileno(), stream[at:at + 16384])
                    except BlockingIOError:
                        pass
                    time.sleep(0.001)
            finally:
                p.send_signal(signal.SIGKILL)
                p.wait()
            c = self.content()
            self.assertGreaterEqual(c["next_batch"], numbers)
            numbers = c["next_batch"]
            self.assertEqual(c["damaged_batches"], 0)
            waiting = run("spool", "--events", self.folder).stdout
            self.assertEqual(waiting.count("\n"), sum(c["events"].values()))
            self.assertTrue(waiting == "" or waiting.endswith("\n"))
            told.update(times(waiting))
            got.update(times(b"\n".join(self.r.taken()).decode()))
        if not here:
            self.r.begin()
        self.read("-e", "sample", capture=self.file("e.pcap", pcap_header() + pcap_records(10, KILLS * each)))
        self.r.end()
        got.update(times(b"\n".join(self.r.taken()).decode()))
        self.assertGreater(len(told), KILLS * each / 20)
        self.assertEqual(len(told - got), 0, f"{len(told - got)} of {len(told)} are missing")
        self.assertEqual(self.content()["events"], {})

    def test_smaller_queue(self):
        """What was made in large batches is delivered by a run with a small queue."""
        self.r.end()
        self.read("-e", "sample", url=self.url(more="&queue=64MB"))
        self.r.begin()
        empty = self.file("e.pcap", pcap_header() + pcap_records(10))
        h, n = self.read("-e", "sample", url=self.url(more="&queue=512KB"), capture=empty)
        self.r.end()
        self.assertEqual(n["sample"]["replayed"], N, h.err)

    def test_full(self):
        """Samples are dropped before records are; nothing is more than spool_max."""
        self.r.end()
        big = self.file("b.pcap", pcap_header() + pcap_records(150000))
        h, n = self.read("-e", "sample,flow", "--active-timeout", "1", "--idle-timeout", "1", url=self.url(more="&spool_max=16MB"),
                         capture=big)
        self.assertGreater(n["sample"]["dropped"], 0)
        self.assertGreater(n["flow"]["spooled"], 0)
        for kind in "sample", "flow":
            self.assertEqual(n[kind]["made"], n[kind]["spooled"] + n[kind]["dropped"])
        self.assertGreater(n["flow"]["spooled"] / n["flow"]["made"], n["sample"]["spooled"] / n["sample"]["made"])
        self.assertLessEqual(self.content()["disk_bytes"], 16000000)
        self.assertIn("three quarters full", h.err)

    def test_damage(self):
        """A byte that is another one: that batch is passed over and told, those around it are delivered."""
        self.r.end()
        self.read("-e", "sample")
        path = self.folder / "000.seg"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        self.assertEqual(self.content()["damaged_batches"], 1)
        self.r.begin()
        h, n = self.read("-e", "sample", capture=self.file("e.pcap", pcap_header() + pcap_records(10)), status=1)
        self.r.end()
        self.assertIn("is damaged", h.err)
        n = n["sample"]
        self.assertGreater(n["earlier_lost"], 0)
        self.assertEqual((n["replayed"] + n["earlier_lost"], n["earlier_dropped"], n["earlier_spooled"]), (N, 0, 0))
        want = self.want("-e", "sample").splitlines()
        got = self.r.lines()[:-10]
        self.assertTrue(0 < len(want) - len(got) < 3000, len(got))
        place = {line: i for i, line in enumerate(want)}
        self.assertEqual(len(place), N)
        at = [place[line] for line in got]  # nothing else came
        self.assertEqual(at, sorted(set(at)))

    def test_damaged_header(self):
        """A batch without its header is lost, and told to the event; those behind it in its file are delivered."""
        self.r.end()
        self.read("-e", "sample,flow")
        path = self.folder / "000.seg"
        data = bytearray(path.read_bytes())
        at = [m.start() for m in re.finditer(b"FRM2", data)]
        self.assertGreater(len(at), 3)
        for i in 1, 2:
            data[at[i] + 17] ^= 0x10
        path.write_bytes(data)
        c = self.content()
        self.assertEqual((c["damaged_batches"], c["damaged_segments"]), (0, 1))
        self.assertGreater(c["missing_events"], 0)
        self.assertEqual(sum(c["events"].values()) + c["missing_events"], N + 1000)
        self.r.begin()
        h, n = self.read("-e", "sample,flow", capture=self.empty(), status=1)
        self.r.end()
        self.assertIn(f"their {c['missing_events']} events are lost", h.err)
        self.assertEqual(n["sample"]["earlier_lost"] + n["flow"].get("earlier_lost", 0), c["missing_events"])
        self.assertEqual(n["sample"]["replayed"] + n["sample"]["earlier_lost"], N)
        self.assertEqual(len(self.r.lines()), N + 1000 - c["missing_events"])
        c = self.content()
        self.assertEqual((c["events"], c["missing_events"], c["disk_bytes"]), ({}, 0, 0))

    def test_age(self):
        """What an earlier run left and is too old is dropped, counted as of that run; the account holds."""
        self.r.end()
        self.read("-e", "sample,flow")
        few = self.file("e.pcap", pcap_header() + pcap_records(10))
        h, n = self.read("-e", "sample", capture=few)
        self.assertEqual((n["sample"]["made"], n["sample"]["spooled"], n["sample"]["earlier_spooled"]), (10, 10, N))
        time.sleep(1.2)
        self.r.begin()
        r = run("read", "-w1", "-e", "sample,stats", "--log-format", "json", "-o",
                self.url(more="&spool_age=1s&event=sample"), "-o", "ndjson:-?event=stats", few)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.r.end()
        n = account(self, r.stderr)["outputs"][0]
        o = json.loads(r.stdout.splitlines()[-1])["outputs"][0]
        self.assertEqual((o["events_replayed"], o["earlier"]), (0, {"dropped": N + 1010, "lost": 0, "spooled": 0}))
        s, f = n["sample"], n["flow"]
        self.assertEqual((s["written"], s["replayed"], s["earlier_dropped"], s["earlier_lost"], s["earlier_spooled"]),
                         (10, 0, N + 10, 0, 0))
        self.assertEqual((f["made"], f["earlier_dropped"]), (0, 1000))
        self.assertIn("older than spool_age", r.stderr)
        self.assertEqual(len(self.r.lines()), 10)

    def test_gone(self):
        """The folder is removed while it is in use: what waited there is lost, not spooled, and told at once."""
        self.r.end()
        h = Heard(self, "read", "-w1", "-e", "sample", "-o", self.url(), "-", stdin=subprocess.PIPE)
        h.send(pcap_header() + pcap_records(N))
        self.assertTrue(wait_for((self.folder / "cursor").exists))
        self.assertTrue(wait_for(lambda: self.content()["events"].get("sample", 0) > N // 2))
        shutil.rmtree(self.folder)
        h.wait("its files were removed")
        h.p.stdin.close()
        n = h.ended(1)["outputs"][0]["sample"]
        self.assertEqual(n, {"made": N, "written": 0, "dropped": 0, "lost": N})
        self.read("-e", "sample")
        shutil.rmtree(self.folder)

    def test_gone_delivered(self):
        """The same, and the receiver comes back in time: nothing is lost."""
        self.r.end()
        h = Heard(self, "read", "-w1", "-e", "sample", "-o", self.url(), "-", stdin=subprocess.PIPE)
        h.send(pcap_header() + pcap_records(N))
        self.assertTrue(wait_for(lambda: self.folder.exists() and self.content()["events"].get("sample", 0) > N // 2))
        shutil.rmtree(self.folder)
        self.r.begin()
        h.p.stdin.close()
        n = h.ended()["outputs"][0]["sample"]
        self.r.end()
        self.assertEqual(n, {"made": N, "written": N, "dropped": 0, "lost": 0})
        self.assertEqual(len(set(self.r.lines())), N)

    def test_look(self):
        """Looked at all the time while it is written and emptied: nothing is said to be missing or damaged."""
        big = self.file("b.pcap", pcap_header() + pcap_records(300000))
        h = Heard(self, "read", "-w1", "-e", "sample,flow", "--idle-timeout", "1", "-o",
                  self.url(more="&queue=512KB&spool_max=16MB"), big)
        looks = 0
        while h.p.poll() is None:
            if (self.folder / "cursor").exists():
                c = self.content()
                self.assertEqual((c["missing_events"], c["damaged_batches"]), (0, 0), c)
                looks += 1
        h.ended()
        self.assertGreater(looks, 0)

    def test_two(self):
        """Two outputs each with a spool of its own; with the same one they are refused, the folder named."""
        other = Receiver()
        self.addCleanup(other.end)
        self.r.end()
        urls = [self.url(), f"ndjson+tcp://127.0.0.1:{other.where}?overflow=spool&spool={self.dir / 'second'}"]
        for url in urls[0], urls[1].replace("second", "spool"):
            r = run("read", "-o", urls[0], "-o", url, self.capture)
            self.assertEqual(r.returncode, 2, r.stderr)
            self.assertIn(f"spool {self.folder}: another output or another process uses it", r.stderr)
        h = Heard(self, "read", "-w1", "-e", "sample", "-o", urls[0], "-o", urls[1], self.capture)
        a = h.ended()["outputs"]
        self.assertEqual((a[0]["sample"]["spooled"], a[1]["sample"]["written"]), (N, N))
        self.r.begin()
        h, n = self.read("-e", "sample", capture=self.empty())
        self.r.end()
        other.end()
        self.assertEqual(n["sample"]["replayed"], N)
        self.assertEqual(self.r.bytes(), other.bytes())
        self.assertEqual(self.r.bytes(), self.want("-e", "sample"))

    def test_other_shape(self):
        """What waits is not mixed with another format; an empty spool takes any."""
        self.r.end()
        self.read("-e", "flow", url=self.url("csv"))
        r = run("read", "-e", "flow", "-o", self.url("arrow"), self.capture)
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertIn("another format or of other columns", r.stderr)
        self.r.begin()
        self.read("-e", "flow", url=self.url("csv"))
        self.read("-e", "flow", url=self.url("arrow"))
        self.r.end()
        self.assertTrue(bytes(self.r.got[0]).startswith(b"event_type,timestamp") or
                        bytes(self.r.got[0]).startswith(b"timestamp"), bytes(self.r.got[0])[:60])
        self.assertEqual(bytes(self.r.got[1])[:4], b"\xff\xff\xff\xff")
        self.assertEqual(bytes(self.r.got[1])[-8:], b"\xff\xff\xff\xff\0\0\0\0")

    def test_in_use(self):
        h = Heard(self, "read", "-o", self.url(), "-", stdin=subprocess.PIPE)
        self.assertTrue(wait_for((self.folder / "cursor").exists))
        r = run("read", "-o", self.url(), self.capture)
        self.assertEqual(r.returncode, 2, r.stderr)
        self.assertIn("uses it: each output needs a folder of its own", r.stderr)
        h.send(pcap_header())
        h.p.stdin.close()
        h.ended()


if __name__ == "__main__":
    unittest.TestCase.maxDiff = 2000
    main()
