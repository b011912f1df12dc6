#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad days, one after the other, for SOAK_SECONDS (600): part of soak.py, which runs it beside itself.

    soak_faults.py PROGRAM SOURCE_DIR        skips (77) without the right to make namespaces

`flowtap live` on a link that goes down, vanishes and comes back, under changing traffic and floods of
SYNs and datagrams; `flowtap collect` with NetFlow, IPFIX, sFlow and junk, stopped and started again on
its files; both write to a small disk that fills and is emptied, to FIFOs whose readers stop, die and
come back, and are told to reopen, to rotate and to keep few files. Every stats event and every end is
checked: the sums, no counter that goes back, the exit status; in the end every line of every file, the
number of them where the test has them all, and memory and descriptors of the second half of the time.
"""
import ctypes
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import test_live
from test_live import A, B, DEADLINE, PROGRAM, VB, WORK, Sender, check, frame, libc, make_link, sh, wait_for

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from keeping import ipfix, ipfix_data, ipfix_templates, mount_tmpfs, unpacked, v5  # noqa: E402

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
GENERATION = max(2.0, min(30.0, SECONDS / 2))  # seconds that one collect lives
DISK, SIZE = os.path.join(WORK, "disk"), 8 << 20
FIFO_LIVE, FIFO_COLLECT = os.path.join(WORK, "fifo.live"), os.path.join(WORK, "fifo.collect")
KEPT = 4
PORT = 2055


# ---- the sums ----

class Account:
    """Stats events of one run, each checked against the sums and against the one before."""

    def __init__(self, name, packets):
        self.name, self.packets, self.last, self.n, self.final = name, packets, None, 0, None

    def look(self, s):
        def same(what, a, b):
            check("%s: %s" % (self.name, what), a == b, (a, b, s) if a != b else "")
        same("received = captured + kernel dropped", s["received"], s["captured"] + (s["kernel_dropped"] or 0))
        same("captured = its parts", s["captured"],
             s["queue_dropped"] + s["decoded"] + s["ignored"] + s["malformed"])
        same("ignored by reason", s["ignored"], sum(s["ignored_by_reason"].values()))
        same("malformed by reason", s["malformed"], sum(s["malformed_by_reason"].values()))
        if self.packets:
            there = s["flows"]["packets_final"] + s["flows"]["packets_active"]
            if s["is_final"]:
                same("decoded = in final records", s["decoded"], s["flows"]["packets_final"])
            else:  # taken while the workers go on
                check("%s: decoded = in the flows" % self.name,
                      abs(s["decoded"] - there) <= 20000 + s["decoded"] // 20, (s["decoded"], there))
        for o in s["outputs"]:
            same("%s: made" % o["output"], o["events_made"], o["events_written"] + o["events_dropped"]
                 + o["events_lost"] + o["events_waiting"])
            for kind, n in o["by_event"].items():
                check("%s: %s %s" % (self.name, o["output"], kind),
                      n["made"] >= n["written"] + n["dropped"] + n["lost"], n)
            if s["is_final"] and "event=stats" not in o["output"]:
                same("%s: nothing waits at the end" % o["output"], o["events_waiting"], 0)
        if self.last:
            for key in "received", "captured", "decoded", "ignored", "malformed":
                check("%s: %s does not go back" % (self.name, key), s[key] >= self.last[key], s[key])
            for a, b in zip(self.last["outputs"], s["outputs"]):
                for key in "made", "written", "dropped", "lost":
                    check("%s: %s does not go back" % (b["output"], key),
                          b["events_" + key] >= a["events_" + key], (a, b))
        self.last, self.n = s, self.n + 1
        if s["is_final"]:
            self.final = s


class Run:
    """A program whose stats events come on its stdout, which is always read."""

    def __init__(self, name, packets, *args):
        self.account, self.err = Account(name, packets), ""
        self.p = subprocess.Popen(["ip", "netns", "exec", B, PROGRAM, *args, "--stats", "0.5", "--drain-timeout",
                                   "1", "-o", "ndjson:-?event=stats"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.threads = [threading.Thread(target=t, daemon=True) for t in (self.hear, self.read)]
        for t in self.threads:
            t.start()
        if not wait_for(lambda: "memory budget" in self.err or self.p.poll() is not None) or \
                self.p.poll() is not None:
            raise RuntimeError("%s does not start: %s" % (name, self.err))

    def hear(self):
        for line in self.p.stderr:
            if b" | " not in line:  # not the line that comes with each stats event
                self.err = (self.err + line.decode())[-100000:]

    def read(self):
        for line in self.p.stdout:
            try:
                self.account.look(json.loads(line))
            except ValueError:
                check("%s: stats are lines of JSON" % self.account.name, False, line)

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        try:
            self.p.wait(30)
        except subprocess.TimeoutExpired:
            check("%s ends" % self.account.name, False, self.err[-3000:])
            self.p.kill()
            self.p.wait()
        for t in self.threads:
            t.join(DEADLINE)
        s = self.account.final
        check("%s: a last stats event" % self.account.name, s is not None, self.err[-3000:])
        check("%s: its account adds up" % self.account.name, "DOES NOT" not in self.err, self.err[-3000:])
        lost = sum(o["events_lost"] for o in s["outputs"]) if s else 0
        check("%s: exit status 1 when something was lost" % self.account.name,
              self.p.returncode == (1 if lost else 0), (self.p.returncode, lost, self.err[-3000:]))
        return s


# ---- readers ----

class FifoReader(threading.Thread):
    """Reads a FIFO, unless told not to; what it got is whole lines but for the last one of a writer, which
    may have been torn by its end, and the first one, of which a reader that died may have had the head."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.over, self.stopped, self.lines, self.ends = path, False, False, 0, 0
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.start()

    def run(self):
        rest, first = b"", 1
        while not self.over:
            if self.stopped or not select.select([self.fd], [], [], 0.05)[0]:
                time.sleep(0.01)
                continue
            try:
                data = os.read(self.fd, 1 << 18)
            except BlockingIOError:
                continue
            if not data:  # nobody writes
                rest = b""
                self.ends += 1
                time.sleep(0.02)
                continue
            *lines, rest = (rest + data).split(b"\n")
            self.check(lines[first:])
            first = 0 if lines else first
        os.close(self.fd)

    def check(self, lines):
        for line in lines:
            self.lines += 1
            if self.lines % 10 == 1 or not line.startswith(b'{"event_type":"') or not line.endswith(b"}"):
                try:
                    json.loads(line)
                except ValueError:
                    check("%s: whole lines" % self.path, False, line[:300])

    def die(self):
        self.over = True
        self.join(DEADLINE)


# ---- traffic ----

def in_namespace(make):
    with open("/proc/self/ns/net") as here, open("/var/run/netns/" + B) as there:
        libc.setns(there.fileno(), 0)
        try:
            return make()
        finally:
            libc.setns(here.fileno(), 0)


def sflow(n):
    """A datagram with n flow samples of one header each."""
    samples = b""
    for i in range(n):
        head = frame(i)[:60]
        raw = struct.pack("!IIII", 1, 1000, 4, len(head)) + head
        body = struct.pack("!IIIIIIII", i, 1, 100, 1000, 0, 1, 2, 1) + struct.pack("!II", 1, len(raw)) + raw
        samples += struct.pack("!II", 1, len(body)) + body
    return struct.pack("!II4sIIII", 5, 1, b"\x0a\0\0\1", 0, 1, 1000, n) + samples


def syn(i):
    data = struct.pack("!HHIIBBHHH", 1024 + i % 60000, 80, i, 0, 0x50, 2, 1000, 0, 0)
    return frame(i & 0xFFFF, proto=6, data=data)


# ---- the soak ----

class Faults:
    def __init__(self):
        self.random = random.Random(SEED)
        for path in FIFO_LIVE, FIFO_COLLECT:
            os.mkfifo(path)
        self.frames = [frame(i, reply=i % 3 == 0, size=60 + i % 900) for i in range(3000)]
        self.sender = Sender()
        self.taken, self.files, self.done, self.sizes, self.runs = 0, 0, {}, [], 0
        self.readers = {FIFO_LIVE: None, FIFO_COLLECT: FifoReader(FIFO_COLLECT)}
        self.live = Run("live", True, "live", "-i", VB, "-w", "2", "--queue", "2048", "--max-flows", "5000",
                        "--idle-timeout", "2", "--active-timeout", "5", "-e", "all", "-f", "ip",
                        "-o", "ndjson:%s/y.ndjson.gz?rotate=60KB&compress=gzip&queue=2MB" % DISK,
                        "-o", "ndjson:%s/k.ndjson?rotate=50KB&keep=%d&queue=2MB" % (DISK, KEPT),
                        "-o", "ndjson:%s?queue=1MB" % FIFO_LIVE, "-o", "null:")
        self.s = in_namespace(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.number = 0
        self.collect = self.started()

    def started(self):
        self.runs += 1
        return Run("collect %d" % self.runs, False, "collect", "-w", "2", "-l", "udp://127.0.0.1:%d" % PORT,
                   "-e", "all", "--state", DISK + "/state",
                   "-o", "ndjson:%s/c.ndjson.zst?compress=zstd&rotate=100KB&keep=%d&queue=2MB" % (DISK, KEPT),
                   "-o", "csv:%s/c.csv?event=flow&rotate=100KB&keep=%d&queue=2MB" % (DISK, KEPT),
                   "-o", "ndjson:%s?queue=1MB" % FIFO_COLLECT)

    # ---- what comes in ----

    def packets(self):
        at, n = self.random.randrange(3000), self.random.choice((10, 300, 2000))
        self.send(self.frames[(at + i) % 3000] for i in range(n))

    def send(self, frames):
        try:
            self.sender.send(frames)
        except OSError:
            pass  # the link is gone: the next one comes with a sender of its own

    def datagrams(self):
        for _ in range(self.random.choice((1, 5, 30))):
            n = self.number = (self.number + 30) & 0xFFFFFF
            kind = self.random.randrange(8)
            data = (v5(n), ipfix(n, ipfix_data(300 + n % 7, n, 20)), ipfix(n, ipfix_templates(*range(300, 307))),
                    sflow(5), v5(n)[:self.random.randrange(1400)], self.random.randbytes(200),
                    ipfix(n, ipfix_data(900, n, 10)), b"")[kind]
            try:
                self.s.sendto(data, ("127.0.0.1", PORT))
            except OSError:
                pass  # between two runs nobody listens

    # ---- what goes wrong ----

    def flood(self):
        base = self.random.getrandbits(32)
        self.send(syn(base + i) for i in range(5000))

    def datagram_flood(self):
        data = [ipfix(i, ipfix_data(300 + i % 7, i, 30)) for i in range(50)]
        try:
            for i in range(3000):
                self.s.sendto(data[i % 50], ("127.0.0.1", PORT))
        except OSError:
            pass

    def fill(self):
        """The disk is full for a while."""
        with open(DISK + "/ballast", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 65536)
            except OSError:
                pass
        for _ in range(4):
            self.packets()
            self.datagrams()
        time.sleep(self.random.uniform(0.05, 0.6))
        os.unlink(DISK + "/ballast")

    def reader(self):
        """A reader stops, goes on, dies, or comes."""
        path = self.random.choice((FIFO_LIVE, FIFO_COLLECT))
        r = self.readers[path]
        if r is None:
            self.readers[path] = FifoReader(path)
        elif self.random.random() < 0.3 and path == FIFO_COLLECT:
            r.die()
            self.readers[path] = None
        else:
            r.stopped = not r.stopped

    def link(self):
        sh("ip", "-n", B, "link", "set", VB, "down")
        self.packets()
        time.sleep(self.random.uniform(0, 0.3))
        sh("ip", "-n", B, "link", "set", VB, "up")

    def new_link(self):
        sh("ip", "-n", B, "link", "del", VB)
        time.sleep(self.random.uniform(0, 0.3))
        make_link()
        self.sender.s.close()
        self.sender = Sender()

    def hang_up(self):
        for run in self.live, self.collect:
            run.p.send_signal(signal.SIGHUP)

    def pause(self):
        os.kill(self.live.p.pid, signal.SIGSTOP)
        self.packets()
        time.sleep(0.1)
        os.kill(self.live.p.pid, signal.SIGCONT)

    def again(self):
        """collect ends, and starts on what it left, at times with a killed one in between."""
        if self.random.random() < 0.3:
            self.collect.p.kill()
            self.collect.p.wait()
            for t in self.collect.threads:
                t.join(DEADLINE)
        else:
            self.collect.stop()
        r = self.readers[FIFO_COLLECT]
        if r is None:
            self.readers[FIFO_COLLECT] = FifoReader(FIFO_COLLECT)
        else:  # a new writer must not come behind the torn line of the old one
            seen, r.stopped = r.ends, False
            check("the reader reaches the end", wait_for(lambda: r.ends > seen + 1))
        self.collect = self.started()

    # ---- what there is ----

    def look(self):
        """Takes the rotated files of the one output that keeps them all; counts the others."""
        for name in os.listdir(DISK):
            if name.startswith("y-"):
                self.take(DISK + "/" + name)
        for stem in "k-", "c-":
            for ending in ".ndjson", ".csv", ".zst":
                n = sum(x.startswith(stem) and x.endswith(ending) for x in os.listdir(DISK))
                check("keep=%d" % KEPT, n <= KEPT + 1, n)

    def take(self, path):
        with open(path, "rb") as f:
            data = f.read()
        os.unlink(path)
        self.files += 1
        self.taken += self.lines(path, data)  # without stats events: the last one does not count itself

    def lines(self, path, data):
        try:
            text = unpacked({".gz": "gzip", ".zst": "zstd"}.get(path[path.rindex("."):], ""), data)
        except subprocess.CalledProcessError as e:
            check("%s is readable" % path, False, e.stderr)
            return 0
        check("%s: the last line is whole" % path, not text or text.endswith(b"\n"), text[-200:])
        if not path.endswith(".csv"):
            for line in text.splitlines():
                try:
                    json.loads(line)
                except ValueError:
                    check("%s: lines" % path, False, line[:300])
        return text.count(b"\n") - text.count(b'{"event_type":"pipeline_stats"')

    def measure(self):
        with open("/proc/%d/status" % self.live.p.pid) as f:
            status = dict(line.split(":", 1) for line in f if ":" in line)
        self.sizes.append((int(status["VmRSS"].split()[0]), len(os.listdir("/proc/%d/fd" % self.live.p.pid))))

    # ---- the run ----

    def run(self):
        faults = [self.fill, self.reader, self.link, self.new_link, self.hang_up, self.flood,
                  self.datagram_flood, self.pause, self.reader]
        queue = []
        begin = generation = fault = measured = time.monotonic()
        every = min(1.0, SECONDS / (len(faults) + 3))
        while time.monotonic() < begin + SECONDS and self.live.p.poll() is None:
            self.packets()
            self.datagrams()
            now = time.monotonic()
            if now > fault + every:
                if not queue:  # each of them, in an order of chance
                    queue = faults[:]
                    self.random.shuffle(queue)
                what = queue.pop()
                self.done[what.__name__] = self.done.get(what.__name__, 0) + 1
                what()
                fault = time.monotonic()
            if now > generation + GENERATION:
                self.again()
                generation = time.monotonic()
            if now > measured + 0.5:
                self.measure()
                measured = now
            self.look()
            time.sleep(self.random.choice((0, 0.01, 0.1)))
        check("live is still there", self.live.p.poll() is None, self.live.err[-3000:])
        check("collect is still there", self.collect.p.poll() is None, self.collect.err[-3000:])

    def finish(self):
        for r in self.readers.values():
            if r is not None:
                r.stopped = False
        last = self.live.stop()
        self.collect.stop()
        for r in self.readers.values():
            if r is not None:
                r.die()
        self.look()
        for name in sorted(os.listdir(DISK)):
            path = DISK + "/" + name
            if name.startswith("y"):
                self.take(path)
            elif name.startswith(("k", "c")):
                with open(path, "rb") as f:
                    self.lines(path, f.read())
        y, k, fifo = last["outputs"][:3]
        written = sum(n["written"] for kind, n in y["by_event"].items() if kind != "stats")
        check("what was written is there", self.taken == written, (self.taken, y))
        if SECONDS >= 30:
            self.check_sizes()
        print("faults: %d packets received, %d dropped by the kernel; %s; %d runs of collect; %d stats events; "
              "%d files of %d events; lost %s, dropped %s" % (
                  last["received"], last["kernel_dropped"],
                  ", ".join("%d %s" % (n, what) for what, n in sorted(self.done.items())), self.runs,
                  self.live.account.n, self.files, self.taken,
                  [o["events_lost"] for o in (y, k, fifo)], [o["events_dropped"] for o in (y, k, fifo)]))

    def check_sizes(self):
        n = len(self.sizes) // 3
        for at, what, slack in (0, "KiB of memory", 2048), (1, "file descriptors", 1):
            most = [max(s[at] for s in self.sizes[k * n:(k + 1) * n]) for k in range(3)]
            print("faults: %s: most in each third %s" % (what, most))
            check("faults: %s do not grow" % what, most[2] <= most[1] * (1.02 if at == 0 else 1) + slack, most)


def main():
    own_mounts = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or own_mounts.unshare(0x20000) != 0 or own_mounts.mount(
            b"none", b"/", None, 0x44000, None) != 0 or sh("ip", "netns", "add", A, check=False).returncode:
        print("skipped: needs root and namespaces")
        os.rmdir(WORK)
        return 77
    soak = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what is made is removed then, too
    try:
        sh("ip", "netns", "add", B)
        sh("ip", "-n", B, "link", "set", "lo", "up")
        make_link()
        os.chmod(WORK, 0o755)
        os.mkdir(DISK)
        why = mount_tmpfs(DISK, SIZE)
        if why is not None:
            print("skipped: no tmpfs: " + why)
            return 77
        soak = Faults()
        soak.run()
        soak.finish()
    finally:
        for run in filter(None, (soak and soak.live, soak and soak.collect)):
            if run.p.poll() is None:
                run.p.kill()
                run.p.wait()
        sh("umount", "-l", DISK, check=False)
        sh("ip", "netns", "del", A, check=False)
        sh("ip", "netns", "del", B, check=False)
        sh("rm", "-rf", WORK)
    print("faults: %d passed, %d failed" % (test_live.passed, test_live.failures))
    return 1 if test_live.failures else 0


if __name__ == "__main__":
    sys.exit(main())
