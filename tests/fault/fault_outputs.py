# SPDX-License-Identifier: Apache-2.0
"""Outputs that nobody reads yet, that are read slowly or no more, whose disk is full, and a clock that is
set back: nothing hangs, every event is written, dropped (a full queue) or lost (and then the exit
status is 1)."""
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import threading
import time
import unittest

from faults import COMPRESSIONS, SAMPLE, Case, Heard, events, main, pcap_header, pcap_records, run, wait_for
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from arrow_reader import Arrow  # noqa: E402
from keeping import ROTATED, mount_tmpfs, private_mounts, status  # noqa: E402
from parquet_footer import Parquet  # noqa: E402

SOON = 12  # seconds that an end may take whose patience is 1: the machine may be slow
CLOCK = r"""
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
/* the program's wall clock is an hour ahead of the kernel's, as just after the latter was set back
 * between a look at the clock and the wait until a time by it */
int clock_gettime(clockid_t c, struct timespec *t)
{
    int r = (int)syscall(SYS_clock_gettime, c, t);

    if (c == CLOCK_REALTIME) {
        t->tv_sec += 3600;
    }
    return r;
}
"""


MOUNTS = False


def setUpModule():
    global MOUNTS
    MOUNTS = private_mounts()


class Outputs(Case):
    def setUp(self):
        super().setUp()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def fifo(self, name="fifo"):
        path = self.dir / name
        os.mkfifo(path, 0o600)
        return path

    def fed(self, *outputs, more=(), **kw):
        """flowtap read, fed through a pipe, its header sent."""
        args = [y for o in outputs for y in ("-o", o)]
        h = Heard(self, "read", "-w1", "--drain-timeout", "1", *args, *more, "-", stdin=subprocess.PIPE, **kw)
        h.wait("memory budget")
        h.send(pcap_header())
        return h

    def feed(self, h, n, first=0):
        """Sends packets in a thread of its own, which may be made to wait."""
        def body():
            try:
                for at in range(first, first + n, 500):
                    h.send(pcap_records(min(500, first + n - at), first=at))
            except (BrokenPipeError, ValueError):
                pass
        t = threading.Thread(target=body, daemon=True)
        t.start()
        return t

    def stopped(self, h, sig=signal.SIGTERM, seconds=SOON):
        """Its account after a signal; it has to end in time. The status is 1 when anything was lost."""
        h.p.send_signal(sig)
        return self.over(h, time.monotonic() + seconds)

    def over(self, h, deadline=None):
        try:
            h.p.wait(30 if deadline is None else max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            h.p.kill()
            h.p.wait()
            self.fail("it does not end: " + h.err)
        h.thread.join(20)
        a = json.loads(h.err.splitlines()[-1])
        self.assertTrue(a["adds_up"], h.err)
        lost = 0
        for o in a["outputs"]:
            for kind, n in o.items():
                if isinstance(n, dict):
                    self.assertEqual(n["made"], n["written"] + n["dropped"] + n["lost"], o)
                    lost += n["lost"]
        self.assertEqual(h.p.returncode, 1 if lost else 0, (a["outputs"], h.err))
        return a


class Fifos(Outputs):
    """A FIFO that nobody reads (yet)."""

    def test_drop_without_reader(self):
        """Other outputs get everything, once it is said, the events are counted, and it ends."""
        whole = self.dir / "whole.ndjson"
        h = self.fed(f"ndjson:{self.fifo()}?overflow=drop&queue=256KB", f"ndjson:{whole}")
        self.feed(h, 20000).join(20)
        self.assertTrue(wait_for(lambda: whole.stat().st_size > 1000), h.err)
        h.p.stdin.close()
        a = self.over(h, time.monotonic() + SOON)
        fifo, file = (o["sample"] for o in a["outputs"])
        self.assertEqual((file["made"], file["written"]), (20000, 20000))
        self.assertEqual((fifo["made"], fifo["written"]), (20000, 0))
        self.assertGreater(fifo["dropped"], 0)
        self.assertEqual(h.err.count("nobody reads yet"), 1, h.err)
        self.assertEqual(len(events(whole)), 20000)

    def test_block_without_reader(self):
        """The input waits; SIGTERM ends it."""
        h = self.fed(f"ndjson:{self.fifo()}?overflow=block&queue=256KB")
        feeder = self.feed(h, 200000)
        h.wait("nobody reads yet")
        feeder.join(1)
        self.assertTrue(feeder.is_alive(), "the input did not wait")
        a = self.stopped(h)
        n = a["outputs"][0]["sample"]
        self.assertEqual((n["written"], n["dropped"]), (0, 0), "block drops nothing")
        self.assertEqual(n["lost"], n["made"])
        self.assertEqual(h.err.count("nobody reads yet"), 1, h.err)

    def test_signal_at_once(self):
        """Also with nothing to write, from the first moment on, and when it is the only output."""
        for overflow in "drop", "block":
            for sig in signal.SIGTERM, signal.SIGINT:
                h = self.fed(f"ndjson:{self.fifo(overflow + sig.name)}?overflow={overflow}")
                self.stopped(h, sig)

    def test_reader_comes(self):
        """With block, and with drop and a queue that is long enough: it gets everything."""
        for overflow in "block", "drop":
            path = self.fifo(overflow)
            h = self.fed(f"ndjson:{path}?overflow={overflow}")
            h.send(pcap_records(2000))
            h.wait("nobody reads yet")
            time.sleep(0.3)
            reader = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
            self.addCleanup(reader.stdout.close)
            h.p.stdin.close()
            found = reader.stdout.read().splitlines()
            reader.wait(20)
            a = self.over(h)
            self.assertEqual(a["outputs"][0]["sample"],
                             {"made": 2000, "written": 2000, "dropped": 0, "lost": 0})
            self.assertEqual(len([json.loads(x) for x in found]), 2000)

    def test_after_a_hangup(self):
        """The file was moved away and a FIFO stands there; the other output goes on."""
        for overflow in "drop", "block":
            with self.subTest(overflow=overflow):
                path, whole = self.dir / f"x-{overflow}", self.dir / f"whole-{overflow}"
                h = self.fed(f"ndjson:{path}?overflow={overflow}", f"ndjson:{whole}")
                h.send(pcap_records(100))
                self.assertTrue(wait_for(lambda: whole.exists() and len(events_so_far(whole)) == 100))
                path.rename(self.dir / f"moved-{overflow}")
                self.fifo(path.name)
                h.p.send_signal(signal.SIGHUP)
                h.wait("nobody reads yet")
                h.send(pcap_records(100, first=100))
                self.assertTrue(wait_for(lambda: len(events_so_far(whole)) == 200), "the other one stands")
                a = self.stopped(h)
                n = a["outputs"][0]["sample"]
                self.assertEqual((n["made"], n["written"]), (200, 100))

    def test_after_a_rotation(self):
        """Somebody is quicker than the new file: a FIFO stands where it is to be."""
        path, whole = self.dir / "x.ndjson", self.dir / "whole.ndjson"
        spare = self.fifo("spare")
        h = self.fed(f"ndjson:{path}?overflow=drop&rotate=1KB", f"ndjson:{whole}")
        n, end, put, won = 0, time.monotonic() + 10, threading.Event(), []

        def plant():
            while not put.is_set():
                try:
                    os.link(spare, path)
                    won.append(True)
                    put.set()
                except FileExistsError:
                    pass
        planter = threading.Thread(target=plant, daemon=True)
        planter.start()
        while not put.is_set() and time.monotonic() < end:
            h.send(pcap_records(20, first=n))
            n += 20
            time.sleep(0.005)
        put.set()
        planter.join()
        if not won:
            self.skipTest("the rotation was quicker each time")
        h.wait("nobody reads yet")
        h.send(pcap_records(50, first=n))
        self.assertTrue(wait_for(lambda: len(events_so_far(whole)) == n + 50), "the other one stands")
        self.stopped(h)

    def test_it_is_not_root_any_more_and_sleeps(self):
        """Waiting for a reader costs next to nothing, and no privilege is held meanwhile."""
        h = self.fed(f"ndjson:{self.fifo()}?overflow=block")
        h.send(pcap_records(100))
        h.wait("nobody reads yet")
        if os.geteuid() == 0:
            self.assertNotIn("0", status(h.p.pid)["Uid"].split())
        before = cpu_seconds(h.p.pid)
        time.sleep(2)
        self.assertLess(cpu_seconds(h.p.pid) - before, 0.4)
        self.stopped(h)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def events_so_far(path):
    data = path.read_bytes()
    return data[:data.rfind(b"\n") + 1].splitlines()


class Readers(Outputs):
    """Readers that stop, go away, or take their time."""

    def piped(self, *urls, **kw):
        r, w = os.pipe()
        h = self.fed(*urls, stdout=w, **kw)
        os.close(w)
        self.r = os.fdopen(r, "rb", buffering=0)
        self.addCleanup(self.r.close)
        return h

    def test_block_and_a_stopped_reader(self):
        """SIGINT with a full queue of a block output: given up after --drain-timeout, said with the
        number, counted as lost, exit status 1."""
        for sig in signal.SIGINT, signal.SIGTERM:
            h = self.piped("ndjson:-?overflow=block&queue=1MB")
            feeder = self.feed(h, 100000)
            feeder.join(2)
            self.assertTrue(feeder.is_alive(), "nothing was held back")
            begin = time.monotonic()
            a = self.stopped(h, sig)
            n = a["outputs"][0]["sample"]
            self.assertGreaterEqual(time.monotonic() - begin, 0.9, "no patience at all")
            self.assertEqual(n["dropped"], 0, "block drops nothing")
            self.assertGreater(n["lost"], 0)
            self.assertIn(str(n["lost"]), "".join(h.err.splitlines(True)[:-1]), "the number is not said")
            got = self.r.read()
            self.assertEqual(got.count(b"\n"), n["written"])

    def test_drop_and_a_stopped_reader(self):
        """What finds the queue full is dropped, which is no failure; what was queued is lost."""
        h = self.piped("ndjson:-?overflow=drop&queue=1MB")
        self.feed(h, 50000).join(20)
        h.p.stdin.close()
        a = self.over(h, time.monotonic() + SOON)
        n = a["outputs"][0]["sample"]
        self.assertGreater(n["dropped"], 0)
        self.assertGreater(n["lost"], 0)
        self.assertEqual(self.r.read().count(b"\n"), n["written"])

    def test_only_dropped(self):
        """A reader that is too slow and reads to the end: nothing is lost, exit status 0."""
        h = self.piped("ndjson:-?overflow=drop&queue=1MB")
        self.feed(h, 50000).join(20)
        h.p.stdin.close()
        got = bytearray()
        while True:
            more = self.r.read(65536)
            if not more:
                break
            got += more
        n = self.over(h)["outputs"][0]["sample"]
        self.assertEqual((n["lost"], n["written"]), (0, got.count(b"\n")))
        self.assertGreater(n["dropped"], 0)

    def test_slow_reader_is_waited_for(self):
        """The drain goes on as long as bytes move, much longer than the patience."""
        for sig in None, signal.SIGINT:
            h = self.piped("ndjson:-?overflow=block&queue=1MB")
            feeder = self.feed(h, 100000 if sig else 4000)
            feeder.join(1)
            begin = time.monotonic()
            if sig:
                h.p.send_signal(sig)
            else:
                h.p.stdin.close()
            got = bytearray()
            while True:
                more = self.r.read(1 << 16)
                if not more:
                    break
                got += more
                time.sleep(0.15)
            a = self.over(h)
            self.assertGreater(time.monotonic() - begin, 1.5, "the test was too quick to tell")
            n = a["outputs"][0]["sample"]
            self.assertEqual((n["lost"], n["dropped"], n["written"]), (0, 0, n["made"]))
            self.assertEqual(got.count(b"\n"), n["made"])
            self.assertEqual(n["made"], a["decoded"])

    def test_reader_that_left(self):
        """Whatever the policy: lost, not dropped; the other output gets everything; 1."""
        for overflow in "drop", "block":
            whole = self.dir / f"whole-{overflow}"
            h = self.piped(f"ndjson:-?overflow={overflow}", f"ndjson:{whole}")
            h.send(pcap_records(1000))
            self.r.read(1000)
            self.r.close()
            h.send(pcap_records(1000, first=1000))
            h.wait("went away")
            h.send(pcap_records(1000, first=2000))
            h.p.stdin.close()
            a = self.over(h)
            left, other = (o["sample"] for o in a["outputs"])
            self.assertEqual(h.p.returncode, 1)
            self.assertEqual((left["made"], left["dropped"]), (3000, 0))
            self.assertGreaterEqual(left["lost"], 1000)
            self.assertEqual(other, {"made": 3000, "written": 3000, "dropped": 0, "lost": 0})
            self.assertEqual(len(events(whole)), 3000)

    def test_the_last_events(self):
        """A reader that leaves during the drain, when no packet is to come any more."""
        h = self.piped("ndjson:-?overflow=block")
        h.send(pcap_records(4000))
        h.p.stdin.close()
        self.r.read(1000)
        time.sleep(0.3)
        self.r.close()
        a = self.over(h)
        self.assertEqual(h.p.returncode, 1)
        n = a["outputs"][0]["sample"]
        self.assertEqual((n["made"], n["dropped"]), (4000, 0))
        self.assertGreater(n["lost"], 0)


class Disks(Outputs):
    """Full disks. What counts is what was lost, not whether the last write had room."""

    def limited(self, size, *urls, **kw):
        """No file may become longer than that; the limit can be changed."""
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, -1))
        root = ["--user", "root"] if os.geteuid() == 0 else []  # so that we may change it later
        return self.fed(*urls, preexec_fn=limit, more=root, **kw)

    def grow(self, h):
        resource.prlimit(h.p.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, -1))

    def test_last_write_fails(self):
        for c in COMPRESSIONS:
            path = self.dir / f"x-{c}"
            h = self.limited(30000, f"ndjson:{path}?queue=1MB" + (f"&compress={c}" if c else ""))
            self.feed(h, 30000).join(20)
            h.p.stdin.close()
            a = self.over(h)
            n = a["outputs"][0]["sample"]
            self.assertEqual(h.p.returncode, 1)
            self.assertEqual((n["made"], n["dropped"]), (30000, 0), "block drops nothing")
            self.assertGreater(n["lost"], 0)
            self.assertEqual(len(events(path)), n["written"])

    def test_last_write_fits(self):
        for c in COMPRESSIONS:
            path = self.dir / f"x-{c}"
            h = self.limited(30000, f"ndjson:{path}?queue=1MB" + (f"&compress={c}" if c else ""))
            self.feed(h, 30000).join(20)
            h.wait("disk full?")
            self.grow(h)
            n = 30000
            while "works again" not in h.err and n < 60000:
                h.send(pcap_records(500, first=n))
                n += 500
                time.sleep(0.1)
            h.send(pcap_records(500, first=n))
            h.p.stdin.close()
            a = self.over(h)
            sample = a["outputs"][0]["sample"]
            self.assertEqual(h.p.returncode, 1, "what was lost before is forgotten")
            self.assertEqual((sample["made"], sample["dropped"]), (n + 500, 0))
            self.assertGreater(sample["lost"], 0)
            self.assertEqual(len(events(path)), sample["written"])

    def test_room_enough(self):
        h = self.limited(30_000_000, f"ndjson:{self.dir}/x")
        self.feed(h, 3000).join(20)
        h.p.stdin.close()
        self.assertEqual(self.over(h)["outputs"][0]["sample"]["written"], 3000)

    def test_drop_output(self):
        """Lost is lost, also for an output that may drop."""
        h = self.limited(30000, f"ndjson:{self.dir}/x?overflow=drop", "ndjson:-?event=stats", stdout=subprocess.DEVNULL)
        self.feed(h, 3000).join(20)
        h.p.stdin.close()
        n = self.over(h)["outputs"][0]["sample"]
        self.assertEqual((n["made"], n["dropped"]), (3000, 0))
        self.assertGreater(n["lost"], 0)

    def test_full_disk(self):
        """A real one, of one file and of rotated ones; a failed rotation is said once."""
        if not MOUNTS:
            self.skipTest("mounting needs root")
        for more in "", "&rotate=20KB":
            for c in COMPRESSIONS:
                with self.subTest(more=more, compress=c):
                    disk = self.dir / f"disk{more[1:4]}{c}"
                    disk.mkdir()
                    why = mount_tmpfs(disk, 100 << 10)
                    if why:
                        self.skipTest(why)
                    self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
                    h = self.fed(f"ndjson:{disk}/x.ndjson?queue=1MB{more}" + (f"&compress={c}" if c else ""))
                    self.feed(h, 60000).join(30)
                    h.p.stdin.close()
                    a = self.over(h)
                    n = a["outputs"][0]["sample"]
                    self.assertEqual(h.p.returncode, 1)
                    self.assertEqual((n["made"], n["dropped"]), (60000, 0))
                    self.assertGreater(n["lost"], 0)
                    self.assertEqual(sum(len(events(p)) for p in disk.iterdir()), n["written"])
                    said = [x for x in h.err.splitlines() if '"level":"error"' in x or '"warn' in x]
                    self.assertLess(len(said), 12, "it goes on and on: " + "\n".join(said[:15]))

    def test_full_disk_of_several(self):
        """What others take of the room that is left is not what a footer needs."""
        if not MOUNTS:
            self.skipTest("mounting needs root")
        disk = self.dir / "disk"
        disk.mkdir()
        why = mount_tmpfs(disk, 3 << 20)
        if why:
            self.skipTest(why)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        h = self.fed(f"arrow:{disk}/x.arrow?event=sample", f"ndjson:{disk}/x.ndjson?queue=1MB&event=sample",
                     f"parquet:{disk}/x.parquet?event=sample&rotate=200KB", more=("-e", "sample"))
        self.feed(h, 60000).join(30)
        h.p.stdin.close()
        a = self.over(h)
        self.assertEqual(h.p.returncode, 1)
        written = [o["sample"]["written"] for o in a["outputs"]]
        self.assertEqual(len(Arrow((disk / "x.arrow").read_bytes()).rows["timestamp"]), written[0])
        self.assertEqual(len(events(disk / "x.ndjson")), written[1])
        self.assertEqual(sum(Parquet(f.read_bytes()).rows for f in disk.glob("*.parquet")), written[2])
        self.assertTrue(all(n < 60000 for n in written) and any(written), written)

    def test_failed_rotation_is_said_once(self):
        """The folder cannot be changed any more: it goes on in the old file."""
        if not MOUNTS:
            self.skipTest("making a file immovable needs root")
        out = self.dir / "out"
        out.mkdir()
        h = self.fed(f"ndjson:{out}/x.ndjson?rotate=1KB")
        if subprocess.run(["mount", "--bind", out / "x.ndjson", out / "x.ndjson"],
                          capture_output=True).returncode != 0:
            self.skipTest("no bind mounts")
        self.addCleanup(subprocess.run, ["umount", "-l", out / "x.ndjson"], check=True)
        for k in range(30):
            h.send(pcap_records(100, first=100 * k))
            time.sleep(0.02)
        h.p.stdin.close()
        a = self.over(h)
        n = a["outputs"][0]["sample"]
        self.assertEqual(sum(len(events(p)) for p in out.iterdir()), n["written"])
        self.assertEqual(n["made"], 3000)
        said = [x for x in h.err.splitlines() if '"error"' in x or '"warn' in x]
        self.assertEqual(len(said), 2, h.err)  # when it began, and at the end how often
        self.assertRegex(said[1], r"\d+ times it could not be rotated")


class Clock(Outputs):
    """The wall clock is set back: no wait may go by it."""

    @classmethod
    def setUpClass(cls):
        cls.shim = None
        folder = os.path.join("/tmp", f"flowtap-clock-{os.getpid()}")
        os.mkdir(folder, 0o755)
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", folder], check=True)
        source = os.path.join(folder, "clock.c")
        with open(source, "w", encoding="ascii") as f:
            f.write(CLOCK)
        try:
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", folder + "/clock.so", source], check=True,
                           capture_output=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as e:
            raise unittest.SkipTest(f"no compiler: {e}")
        cls.shim = folder + "/clock.so"

    def env(self):
        env = dict(os.environ, LD_PRELOAD=self.shim)
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return env

    def test_end(self):
        """An ordinary run is as quick as ever."""
        begin = time.monotonic()
        r = run("read", "-e", "all", SAMPLE, env=self.env())
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertLess(time.monotonic() - begin, SOON)

    def test_drain(self):
        """SIGTERM with a stopped reader, whatever the policy."""
        for overflow in "block", "drop":
            r, w = os.pipe()
            self.addCleanup(os.close, r)
            h = self.fed(f"ndjson:-?overflow={overflow}&queue=1MB", stdout=w, env=self.env())
            os.close(w)
            self.feed(h, 100000).join(1)
            self.stopped(h)

    def test_without_reader(self):
        for overflow in "block", "drop":
            h = self.fed(f"ndjson:{self.fifo(overflow)}?overflow={overflow}", env=self.env())
            h.send(pcap_records(2000))
            h.wait("nobody reads yet")
            self.stopped(h)

    def test_rotation_and_frames(self):
        """What is due each second comes: a frame is closed, a file is rotated."""
        path = self.dir / "x.ndjson"
        for c in COMPRESSIONS:
            out = self.dir / f"out-{c}"
            out.mkdir()
            path = out / "x.ndjson"
            h = self.fed(f"ndjson:{path}?rotate=1s" + (f"&compress={c}" if c else ""), env=self.env())
            h.send(pcap_records(100))
            self.assertTrue(wait_for(lambda: len(list(out.glob("x-*"))) == 1, 10), os.listdir(out))
            h.send(pcap_records(100, first=100))
            h.p.stdin.close()
            self.over(h)
            self.assertEqual(sum(len(events(p)) for p in out.iterdir()), 200)
            self.assertRegex(next(out.glob("x-*")).name, f"^x{ROTATED}")


if __name__ == "__main__":
    main()
