# SPDX-License-Identifier: Apache-2.0
"""A filter of hundreds of terms, which libpcap compiles for minutes: it is said, and a stop ends it."""
import os
import pathlib
import select
import signal
import struct
import subprocess
import time
import unittest

from faults import SAMPLE, Case, main, wait_for
from support import FLOWTAP, udp_frame


def terms(n):
    return " or ".join(f"host 10.{i // 62500}.{i // 250 % 250}.{i % 250 + 1}" for i in range(n))


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


class Slow(Case):
    FILTER = terms(2500)  # minutes

    def hear(self, p, text, seconds=60):
        """Reads what it says until it says that."""
        said, end = "", time.monotonic() + seconds
        while text not in said:
            left = end - time.monotonic()
            if left < 0 or not select.select([p.stderr], [], [], left)[0]:
                self.fail(f"it does not say '{text}' but {said}")
            data = os.read(p.stderr.fileno(), 4096)
            if not data:
                self.fail(f"it ends and says {said}")
            said += data.decode()

    def stop(self, p, sig, status, target=None):
        """A signal ends it and its child at once."""
        pid = target or p.pid
        left = children(pid)
        begin = time.monotonic()
        os.kill(pid, sig)
        err = self.ended(p, status)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertTrue(wait_for(lambda: not any(os.path.exists(f"/proc/{c}") for c in left)),
                        f"left behind: {left}")
        return err

    def test_read(self):
        out = self.dir / "out"
        p = self.started("read", "-w1", "-f", self.FILTER, "-o", f"ndjson:{out}", SAMPLE,
                         stderr=subprocess.PIPE)
        self.hear(p, "still compiling the filter")
        self.stop(p, signal.SIGINT, 130)
        self.assertFalse(out.exists())

    @unittest.skipUnless(os.geteuid() == 0, "capturing needs root")
    def test_live(self):
        for sig, status in (signal.SIGINT, 130), (signal.SIGTERM, 143):
            p = self.started("live", "-i", "lo", "-w2", "-f", self.FILTER, "-o", "null:",
                             stderr=subprocess.PIPE)
            self.assertTrue(wait_for(lambda: children(p.pid)), "there is no opener")
            time.sleep(0.5)
            self.stop(p, sig, status)

    @unittest.skipUnless(os.geteuid() == 0, "a process namespace needs root")
    def test_first_process(self):
        """Number 1 of a container: a signal that it does not handle would not reach it."""
        p = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", FLOWTAP, "read",
                              "-w1", "-f", self.FILTER, "-o", "null:", SAMPLE], text=True,
                             stderr=subprocess.PIPE)
        self.addCleanup(p.stderr.close)
        self.addCleanup(lambda: p.poll() is None and p.kill())
        if not wait_for(lambda: p.poll() is not None or children(p.pid)) or p.poll() is not None:
            self.skipTest("no process namespace")
        self.hear(p, "still compiling the filter")
        self.stop(p, signal.SIGTERM, 143, int(children(p.pid)[0]))

    def test_while_it_runs(self):
        """A link type that comes later in a file: compiled between packets, left behind by a stop,
        which ends in order."""
        def block(kind, body):
            body += b"\0" * (-len(body) % 4)
            n = struct.pack("<I", 12 + len(body))
            return struct.pack("<I", kind) + n + body + n

        def packet(interface, frame):
            return block(6, struct.pack("<IIIII", interface, 0, 1, len(frame), len(frame)) + frame)
        section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        raw, ethernet = (block(1, struct.pack("<HHI", link, 0, 65535)) for link in (101, 1))
        path = self.file("in.pcapng", section + raw + packet(0, udp_frame(1)[14:]) * 100 + ethernet
                         + packet(1, udp_frame(1)))
        for more in ["-w1"], ["-w2"], ["-w2", "--overflow", "drop"]:
            p = self.started("read", *more, "-f", terms(1200) + " or udp", "-o", "null:", path,
                             stderr=subprocess.PIPE)
            self.hear(p, "memory budget")
            time.sleep(1)
            self.assertIn("packets received", self.stop(p, signal.SIGTERM, 0))

    @unittest.skipUnless(os.geteuid() == 0, "capturing needs root")
    def test_too_long_for_the_kernel(self):
        """Said as such, and not as an invalid argument."""
        text = " or ".join(f"(src host 10.0.{i // 250}.{i % 250 + 1} and dst port {1000 + i})"
                           for i in range(900))
        p = self.started("live", "-i", "lo", "-w2", "-f", text, "-o", "null:", stderr=subprocess.PIPE)
        self.assertRegex(self.ended(p, 2), r"lo: the filter is too long for the kernel: \d+ "
                                           "instructions, 4096 are possible")


if __name__ == "__main__":
    main()
