# SPDX-License-Identifier: Apache-2.0
"""Kills at random instants, and what they leave: KILLS of them (12) over plain, zstd and gzip files,
rotating and appending ones and a saved state, as root and as another user.

After each kill the whole lines and frames that are there are noted; the next start on the same files
has to leave exactly these, all files readable to their last byte by other programs, every line one
event, none twice. What a stats event counted as written before the kill is among them. A kill seldom
tears a write: so every other time the file is cut short by the test, too, as a power cut does it.
"""
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

from faults import COMPRESSIONS, Case, Heard, main, pcap_header, pcap_records, wait_for
from keeping import (FRAMES, NOBODY, Collecting, all_gone, children, flow_id, ipfix, ipfix_data,
                     ipfix_templates, unpacked)
from support import FLOWTAP

KILLS = int(os.environ.get("KILLS", "12"))
SEED = int(os.environ.get("KILLS_SEED", "1"))
LONGEST = 1.0           # seconds under load before a kill
FRESH = 20              # kills after which a series begins in a new folder
TEMPLATES = range(300, 700)
ENDINGS = {"": "", "gzip": ".gz", "zstd": ".zst"}


class Stats(threading.Thread):
    """Reads the stats events from the program's stdout to its end."""

    def __init__(self, stream, output):
        super().__init__(daemon=True)
        self.stream, self.output, self.last, self.seen, self.wrong = stream, output, {}, 0, None
        self.start()

    def run(self):
        for line in iter(self.stream.readline, ""):
            if not line.endswith("\n"):
                return  # torn by the kill
            s = json.loads(line)
            self.last = next(o for o in s["outputs"] if o["output"].startswith(self.output))
            self.seen += 1
            o = self.last
            if o["events_made"] < o["events_written"] + o["events_dropped"] + o.get("events_lost", 0):
                self.wrong = line

    def written(self, kind):
        return self.last["by_event"][kind]["written"] if self.last else 0


def said(h):
    """Without the line that comes with each stats event."""
    return "".join(x for x in h.err.splitlines(True) if " | " not in x)


class Series:
    """Starts and kills on the same files."""

    def __init__(self, case, mode, user, seed):
        self.case, self.mode, self.user = case, mode, user
        self.random = random.Random(seed)
        self.folders = 0
        self.fresh()

    def fresh(self):
        compress = self.mode if self.mode in COMPRESSIONS else (
            "" if self.mode in ("plain", "state") else self.random.choice(COMPRESSIONS))
        self.compress, self.kills = compress, 0
        self.dir = self.case.dir / f"{self.mode}-{self.user or 'root'}-{self.folders}"
        self.folders += 1
        self.dir.mkdir()
        if self.user:
            os.chown(self.dir, self.user, self.user)
        self.out = self.dir / ("x.ndjson" + ENDINGS[compress])
        self.kind = "sample" if self.mode in ("plain", "zstd", "gzip") else "flow"
        self.next = 0          # the number of the next event
        self.known = {}        # by inode: bytes that are whole, their hash
        self.ids = set()       # of all events that are known to be in the files
        self.left = None       # after a kill: the events that are whole since the start
        self.torn = 0          # after a kill: bytes behind the last whole line or frame
        self.state = self.dir / "state"

    # ---- the program ----

    def started(self):
        c, kw = self.case, {"stdout": subprocess.PIPE}
        url = f"ndjson:{self.out}?event={self.kind}" + (f"&compress={self.compress}" if self.compress else "")
        if self.user:
            kw.update(user=self.user, group=self.user, extra_groups=[])
        if self.kind == "sample":
            url += "&append=true"
        elif self.mode == "rotating":
            url += "&rotate=" + ("60KB" if self.compress else "1MB")
        args = ["-e", f"{self.kind},stats", "--stats", "0.1", "-o", url, "-o", "ndjson:-?event=stats"]
        if self.kind == "sample":
            h = Heard(c, "read", "-w2", *args, "-", stdin=subprocess.PIPE, **kw)
            h.wait("memory budget")
            h.send(pcap_header())
        else:
            h = Collecting(c, *args, *(["--state", self.state] if self.mode == "state" else []), **kw)
        h.stats = Stats(h.p.stdout, f"ndjson:{self.out}")
        return h

    def send(self, h):
        """A little of what makes events."""
        with contextlib.suppress(ConnectionRefusedError, BrokenPipeError):
            if self.kind == "sample":
                h.send(pcap_records(300, first=self.next))
                self.next += 300
            elif self.mode == "state":
                for _ in range(3):
                    h.s.send(ipfix(self.next, ipfix_data(self.random.choice(TEMPLATES), self.next, 30)))
                    self.next += 30
            else:
                h.flows(120, self.next)
                self.next += 120

    def load(self, h, over):
        while not over.is_set():
            self.send(h)
            time.sleep(0.004)

    # ---- what is in the files ----

    def id_of(self, event):
        return round(event["timestamp"] * 1000) if self.kind == "sample" else flow_id(event)

    def new_events(self, torn):
        """The events since the last look, by file; torn: the current file may end with a torn one.
        What was there before is there still, to the byte. Notes nothing."""
        found, looks = [], {}
        for p in sorted(self.dir.iterdir()):
            if not p.name.startswith("x"):
                continue
            data, inode = p.read_bytes(), p.stat().st_ino
            size, digest = self.known.get(inode, (0, hashlib.sha256(b"").digest()))
            self.case.assertEqual(hashlib.sha256(data[:size]).digest(), digest, f"{p}: was changed")
            new = data[size:]
            ends = FRAMES[self.compress](new)
            end = ends[-1] if ends else 0
            if end < len(new):
                self.case.assertTrue(torn and p == self.out,
                                     f"{p}: {len(new) - end} bytes behind the last whole line or frame")
            text = unpacked(self.compress, new[:end])
            self.case.assertTrue(text == b"" or text.endswith(b"\n"), f"{p}: a frame ends within a line")
            for line in text.splitlines():
                try:
                    found.append(self.id_of(json.loads(line)))
                except ValueError:
                    self.case.fail(f"{p}: not an event: {line!r}")
            looks[inode] = size + end, hashlib.sha256(data[:size + end]).digest()
        self.case.assertEqual(set(self.known) - set(looks), set(), "a file of an earlier run is gone")
        return found, looks

    def check_repaired(self, h):
        """After a start: the files hold what was whole, and nothing behind it, which was said."""
        found, looks = self.new_events(torn=False)
        if self.torn:
            self.case.assertRegex(said(h), rf"\b{self.torn} bytes", "the bytes cut are not said")
        self.torn = 0
        if self.left is not None:
            self.case.assertEqual(sorted(found), self.left)
        self.case.assertEqual(len(set(found)), len(found), "an event is there twice")
        self.case.assertEqual(self.ids & set(found), set(), "an event is there twice")
        self.ids |= set(found)
        self.known, self.left = looks, None

    def check_killed(self, h):
        """After a kill: what was counted as written is there."""
        found, looks = self.new_events(torn=True)
        self.case.assertIsNone(h.stats.wrong)
        written = h.stats.written(self.kind)
        self.case.assertGreaterEqual(len(found), written,
                                     f"{self.mode}: counted as written, and not there")
        self.case.totals["events"] += len(found)
        self.case.totals["written"] += written
        if self.out.exists() and self.random.random() < 0.5:
            old = self.known.get(self.out.stat().st_ino, (0,))[0]
            size = self.out.stat().st_size
            os.truncate(self.out, self.random.randint(max(old, size - 100000), size))
            found, looks = self.new_events(torn=True)
        self.left = sorted(found)
        if self.out.exists():
            st = self.out.stat()
            self.torn = st.st_size - looks[st.st_ino][0]
            self.case.totals["torn"] += self.torn > 0

    # ---- rounds ----

    def make_state(self):
        """A state with templates, saved by an end in order."""
        h = self.started()
        for i in range(0, len(TEMPLATES), 100):
            h.s.send(ipfix(0, ipfix_templates(*TEMPLATES[i:i + 100])))
        self.send(h)
        self.case.assertTrue(wait_for(lambda: h.stats.written(self.kind) >= 90, 10),
                             said(h))
        h.stop()
        self.case.assertTrue(self.state.exists())
        self.check_repaired(h)

    def check_state(self, h):
        """What the state has is known: data without templates becomes events."""
        self.case.assertNotRegex(said(h), "no saved state|cannot be read")
        self.send(h)
        self.case.assertTrue(wait_for(lambda: h.stats.written(self.kind) >= 90, 10),
                             f"the templates of the state are lost: {said(h)}")

    @contextlib.contextmanager
    def running(self):
        """A program that has started on what was left, all of which it has kept."""
        if self.mode == "state" and not self.state.exists():
            self.make_state()
        h = self.started()
        try:
            self.check_repaired(h)
            if self.mode == "state":
                self.check_state(h)
            yield h
        finally:
            h.p.kill()
            h.p.wait(20)

    def kill(self):
        if self.kills == FRESH:
            self.fresh()
        self.kills += 1
        with self.running() as h:
            helpers = children(h.p.pid)
            if os.geteuid() == 0 and not self.user:
                self.case.assertGreater(len(helpers), 0, "there is no opener")
            over = threading.Event()
            thread = threading.Thread(target=self.load, args=(h, over), daemon=True)
            thread.start()
            time.sleep(self.random.choice((0.05, LONGEST)) * self.random.random())
            if self.mode == "state" and self.random.random() < 0.7:
                h.p.terminate()  # the state is saved at the end
                time.sleep(0.12 * self.random.random())
        over.set()
        thread.join()
        h.stats.join(20)
        self.case.assertTrue(all_gone(helpers), "the opener outlives the program")
        self.check_killed(h)

    def end(self):
        """A last start and an end in order."""
        with self.running() as h:
            for _ in range(10):
                self.send(h)
            if self.kind == "sample":
                h.p.stdin.close()
                a = h.ended()
            else:
                self.case.assertTrue(wait_for(lambda: h.stats.written(self.kind) > 0))
                a = h.stop()
        h.stats.join(20)
        before = len(self.ids)
        self.check_repaired(h)
        self.case.assertEqual(len(self.ids) - before, a["outputs"][0][self.kind]["written"])


def other_user():
    """nobody, if it may run the program."""
    if os.geteuid() != 0:
        return None
    r = subprocess.run([FLOWTAP, "--version"], user=NOBODY, group=NOBODY, extra_groups=[],
                       capture_output=True)
    return NOBODY if r.returncode == 0 else None


class Kills(Case):
    def test_kills(self):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self.totals = {"events": 0, "written": 0, "torn": 0}
        modes = ["plain", "gzip", "rotating", "appending", "state"] + ["zstd"] * ("zstd" in COMPRESSIONS)
        users = [None, other_user()]
        pairs = [(m, users[(i + k) % 2]) for k in range(2) for i, m in enumerate(modes)]
        n = min(len(pairs), max(len(modes), KILLS // 2))
        series = [Series(self, m, u, SEED * 1000 + i) for i, (m, u) in enumerate(pairs[:n])]
        for k in range(KILLS):
            s = series[k % len(series)]
            with self.subTest(kill=k, mode=s.mode, user=s.user or os.geteuid(), seed=SEED):
                s.kill()
                continue
            s.fresh()  # it failed; the others go on
        for s in series[:KILLS]:
            with self.subTest("end", mode=s.mode, user=s.user or os.geteuid(), seed=SEED):
                s.end()
        print(f"{KILLS} kills, {self.totals['events']} events in the files, {self.totals['written']} of "
              f"them counted as written, {self.totals['torn']} torn tails", file=sys.stderr)
        if KILLS >= 12:
            self.assertGreater(self.totals["written"], 0, "the load made nothing")


if __name__ == "__main__":
    unittest.TestCase.maxDiff = 500
    main()
