#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A long run under changing load: live between two network namespaces, with bursts and pauses, more
flows than the table holds, a reader of stdout that stalls, a file that is moved away under SIGHUP,
another that rotates and is compressed, and moments in which the program does not run at all.

    soak.py PROGRAM SOURCE_DIR        for SOAK_SECONDS (600); skips (77) without the right to do so

At the end everything is counted against each other: packets sent and received, the account's sums,
the events of every file against what was written to it; and memory, file descriptors and threads of
the last third of the time against those of the second.
"""
import collections
import glob
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import test_live
from test_live import A, B, DEADLINE, WORK, Capture, Sender, check, frame, identities, make_link, sh

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
FLOWS, MAX_FLOWS = 30000, 20000
KINDS = {"network_flow_sample": "sample", "network_flow_record": "flow", "pipeline_stats": "stats",
         "window": "window", "alert": "alert"}
ROTATED, MOVED = os.path.join(WORK, "rot"), os.path.join(WORK, "hup")


class Tally:
    """Events by kind and packets of final records; files are counted, then removed."""

    def __init__(self):
        self.kinds, self.packets, self.files = collections.Counter(), 0, 0

    def add(self, data):
        check("the last line is whole", not data or data.endswith(b"\n"))
        for line in data.splitlines():
            kind = KINDS[line[15:line.index(b'"', 15)].decode()]
            self.kinds[kind] += 1
            if kind == "flow" and b'"is_final":true,"segment"' in line:
                self.packets += json.loads(line)["aggregate_metrics"]["packet_count"]

    def take(self, path):
        with open(path, "rb") as f:
            data = f.read()
        os.unlink(path)
        self.files += 1
        if path.endswith(".zst") and data:
            data = subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout
        self.add(data)


class Reader(threading.Thread):
    """Reads the program's stdout, at times not at all."""

    def __init__(self, fd, seed):
        super().__init__(daemon=True)
        self.fd, self.random, self.tally, self.over, self.stalls = fd, random.Random(seed), Tally(), False, 0

    def run(self):
        rest = b""
        stall = time.monotonic() + 2
        while True:
            if not self.over and time.monotonic() > stall:
                self.stalls += 1
                time.sleep(self.random.uniform(0.5, 3))
                stall = time.monotonic() + self.random.uniform(0.5, 4)
            data = os.read(self.fd, 1 << 20)
            if not data:
                break
            end = data.rfind(b"\n") + 1
            self.tally.add(rest + data[:end] if end else b"")
            rest = data[end:] if end else rest + data
        check("stdout ends with a whole event", rest == b"", rest)


def sizes(pid):
    """KiB of memory, file descriptors, threads."""
    with open("/proc/%d/status" % pid) as f:
        status = dict(line.split(":", 1) for line in f if ":" in line)
    return (int(status["VmRSS"].split()[0]), len(os.listdir("/proc/%d/fd" % pid)),
            int(status["Threads"]))


class Soak:
    def __init__(self):
        self.random = random.Random(SEED)
        self.frames = [frame(i, reply=i % 3 == 0, size=60 + i % 900) for i in range(FLOWS)]
        self.sent, self.hangups, self.pauses, self.sizes = 0, 0, 0, []
        self.rotated, self.moved = Tally(), Tally()
        r, w = os.pipe()
        self.reader = Reader(r, SEED + 1)
        self.c = Capture("-w", "2", "--queue", "2048", "--max-flows", str(MAX_FLOWS), "--idle-timeout", "2",
                         "--active-timeout", "5", "--stats", "1", "-o", "ndjson:-?queue=1MB", "-o",
                         "ndjson:%s/x.ndjson.zst?rotate=300KB&compress=zstd&queue=8MB" % ROTATED,
                         "-o", "ndjson:%s/x.ndjson?queue=8MB" % MOVED, "-o", "null:", stdout=w, only="udp")
        os.close(w)
        self.reader.start()
        self.sender = Sender()

    def burst(self):
        n = self.random.choice((10, 500, 5000, 20000))
        at = self.random.randrange(FLOWS)
        self.sender.send(self.frames[(at + i) % FLOWS] for i in range(n))
        self.sent += n

    def hang_up(self):
        """As logrotate does; the moved file is whole once the new one is there."""
        here = MOVED + "/x.ndjson"
        moved = "%s/moved" % MOVED
        os.rename(here, moved)
        self.c.p.send_signal(signal.SIGHUP)
        check("SIGHUP makes a new file", test_live.wait_for(lambda: os.path.exists(here)))
        self.moved.take(moved)
        self.hangups += 1

    def pause(self):
        """Stopped while packets come: the kernel drops some."""
        os.kill(self.c.p.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.c.p.pid, os.WSTOPPED)
        self.burst()
        os.kill(self.c.p.pid, signal.SIGCONT)
        self.pauses += 1

    def run(self):
        end = time.monotonic() + SECONDS
        begin = hangup = pause = measure = time.monotonic()
        while time.monotonic() < end and self.c.p.poll() is None:
            self.burst()
            now = time.monotonic()
            if now > hangup + 2:
                self.hang_up()
                hangup = now
            if now > pause + 5:
                self.pause()
                pause = now
            if now > measure + 0.5:
                self.sizes.append((now - begin, *sizes(self.c.p.pid)))
                measure = now
            for path in glob.glob(ROTATED + "/x-*"):
                self.rotated.take(path)
            time.sleep(self.random.choice((0, 0, 0.05, 0.3)))

    def finish(self):
        self.reader.over = True
        check("exit 0", self.c.stop() == 0, self.c.err[-3000:])
        self.reader.join(DEADLINE)
        self.read_last()
        for tally, files in (self.rotated, ROTATED), (self.moved, MOVED):
            for path in glob.glob(files + "/*"):
                tally.take(path)
        self.check_account()
        self.check_sizes()

    def check_account(self):
        check("the account adds up", "DOES NOT" not in self.c.err)
        check("it says so of every output", self.c.err.count("stats events") == 4, self.c.err[-3000:])
        outputs = {}
        for line in self.c.err.splitlines():
            words = line.split()
            if line.startswith("  ") and "events = " in line:
                made, kind, written, dropped = int(words[1]), words[2], int(words[5]), int(words[8])
                outputs.setdefault(words[0].split("?")[0], {})[kind] = (made, written, dropped)
        last = self.last
        check("identities", identities(last), last)
        check("all that was sent is in the account", last["received"] == self.sent,
              (last["received"], self.sent))
        for name, tally in (("ndjson:-", self.reader.tally), ("ndjson:%s/x.ndjson.zst" % ROTATED, self.rotated),
                            ("ndjson:%s/x.ndjson" % MOVED, self.moved)):
            for kind, (made, written, dropped) in outputs[name].items():
                check("%s: %s made" % (name, kind), made == written + dropped)
                check("%s: %s written are there" % (name, kind), tally.kinds[kind] == written,
                      (tally.kinds[kind], written))
            if outputs[name]["flow"][2] == 0:
                check("%s: every decoded packet in one final record" % name,
                      tally.packets == last["decoded"], (tally.packets, last["decoded"]))
        print("sent %d, kernel dropped %d, flows %d (evicted %d); %d rotated files, %d SIGHUPs, %d stalls, "
              "%d pauses; stdout lost %d samples, %d records" % (
                  self.sent, last["kernel_dropped"], last["flows"]["ended"],
                  last["flows"]["ended_by_reason"]["evicted"], self.rotated.files, self.hangups,
                  self.reader.stalls, self.pauses, outputs["ndjson:-"]["sample"][2],
                  outputs["ndjson:-"]["flow"][2]))

    def check_sizes(self):
        if SECONDS < 30:
            return  # too short to be past the first touch of everything
        thirds = [[s for s in self.sizes if k / 3 <= s[0] / SECONDS < (k + 1) / 3] for k in range(3)]
        for at, what, slack in (1, "KiB of memory", 2048), (2, "file descriptors", 0), (3, "threads", 0):
            most = [max(s[at] for s in third) for third in thirds]
            print("%s: most in each third %s" % (what, most))
            check(what + " do not grow", most[2] <= most[1] * (1.02 if slack else 1) + slack, most)

    def read_last(self):
        """The last stats event, before its file is counted and removed."""
        with open(MOVED + "/x.ndjson", "rb") as f:
            self.last = json.loads(f.read().splitlines()[-1])


def main():
    if os.geteuid() != 0 or sh("ip", "netns", "add", A, check=False).returncode != 0:
        print("skipped: needs root and network namespaces")
        os.rmdir(WORK)
        return 77
    faults = None
    try:
        sh("ip", "netns", "add", B)
        make_link()
        for path in ROTATED, MOVED:
            os.mkdir(path)
        os.chmod(WORK, 0o755)
        faults = subprocess.Popen([sys.executable, "-B", os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                                                      "soak_faults.py"), *sys.argv[1:]])
        soak = Soak()
        soak.run()
        soak.finish()
        check("the bad days beside it", faults.wait(120) in (0, 77))
    finally:
        if faults is not None and faults.poll() is None:
            faults.terminate()
            faults.wait(60)
        sh("ip", "netns", "del", A, check=False)
        sh("ip", "netns", "del", B, check=False)
        sh("rm", "-rf", WORK)
    print("%d passed, %d failed" % (test_live.passed, test_live.failures))
    return 1 if test_live.failures else 0


if __name__ == "__main__":
    sys.exit(main())
