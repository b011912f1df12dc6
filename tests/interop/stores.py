# SPDX-License-Identifier: Apache-2.0
"""What the tests of redis, nats and postgres outputs have in common: runs whose input is a pipe, so that a server can go
and come meanwhile, and the account of an output."""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent / "servers"), str(pathlib.Path(__file__).resolve().parents[1])]
from s3_moto import Relay, write_capture  # noqa: E402,F401: for those that import this

FLOWS = 20000
LOSE = "queue=64MB&overflow=drop"  # read waits for ever for who is away, but with this
failures = 0


def lose(more):
    return f"{more}&{LOSE}" if more else LOSE


def check(ok, *what):
    global failures
    if not ok:
        failures += 1
        print("FAIL", *what, flush=True)


def wait_for(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            check(False, "waited for", what)
            return False
        time.sleep(0.05)
    return True


def account(stderr, url, kind):
    """(made, written, dropped, lost) of events of an output."""
    m = re.search(re.escape(url) + rf"\s+(\d+) {kind} events = (\d+) written \+ (\d+) dropped(?: \+ (\d+) lost)?", stderr)
    return tuple(int(x or 0) for x in m.groups()) if m else None


class Run:
    """flowtap read - with an input that ends with end(); what it says is read meanwhile."""

    def __init__(self, flowtap, *args):
        self.process = subprocess.Popen([flowtap, "read", "-", "--workers", "1", *map(str, args)], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.text = ""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.text += line.decode()

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def feed(self, data):
        """Until it ends."""
        try:
            self.write(data)
        except OSError:
            pass

    def end(self, timeout=120):
        try:
            self.process.stdin.close()
        except OSError:
            pass
        _, status, self.usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.reader.join(timeout)
        return self.process.returncode


class Stores:
    """The tests of one kind of output; those of a class are its test_ methods."""

    def __init__(self, flowtap, capture, work):
        self.flowtap, self.capture, self.work = flowtap, capture, work
        self.large = work / "large.pcap"
        write_capture(self.large, FLOWS)

    def run(self, *args, timeout=120):
        return subprocess.run([self.flowtap, *map(str, args)], capture_output=True, text=True, timeout=timeout)

    def piped(self, *args):
        return Run(self.flowtap, *args)

    def check_sums(self, stderr, url, flows=FLOWS, kind="flow"):
        a = account(stderr, url, kind)
        check(a is not None and a[0] == a[1] + a[2] + a[3] and flows in (a[0], None), "account", a, stderr[-1500:])
        return a or (0, 0, 0, 0)

    def usage(self, rows):
        for url, text in rows:
            r = self.run("read", self.capture, "-o", url)
            check(r.returncode == 2 and text in r.stderr, url, r.returncode, r.stderr)
            check("topsecret" not in r.stderr, "a secret was shown", r.stderr)


def main(make, feature, program):
    """make(flowtap, capture, work): a Stores; feature: of flowtap --version; program: the server's path or None."""
    a = argparse.ArgumentParser()
    a.add_argument("--flowtap", required=True)
    a.add_argument("--capture", required=True, type=pathlib.Path)
    a.add_argument("--only", default="")
    args = a.parse_args()
    if feature not in subprocess.run([args.flowtap, "--version"], capture_output=True, text=True).stdout:
        print(f"skipped: this build lacks {feature}")
        sys.exit(77)
    if program is None:
        print("skipped: its server is not here (scripts/setup.sh test)")
        sys.exit(77)
    work = pathlib.Path(tempfile.mkdtemp(prefix="flowtap-stores-"))
    try:
        t = make(args.flowtap, args.capture, work)
        for name in sorted(n for n in dir(t) if n.startswith("test_") and args.only in n):
            begin, before = time.monotonic(), failures
            getattr(t, name)()
            print(f"{'ok  ' if failures == before else 'FAIL'} {name} {time.monotonic() - begin:.1f} s", flush=True)
    finally:
        shutil.rmtree(work)
    sys.exit(1 if failures else 0)
