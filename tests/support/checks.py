# SPDX-License-Identifier: Apache-2.0
"""What tests share that go on after a failure and tell them all: what was wrong is said and counted, ended() is the exit
status; with it a free port, a capture of many flows, and the methods test_* of an object."""
import importlib
import os
import random
import socket
import struct
import subprocess
import sys
import time

failures = 0


def check(ok, *what):
    global failures
    if not ok:
        failures += 1
        print("FAIL", *(str(w)[:3000] for w in what), flush=True)
    return ok


def ended():
    """Ends the test with what it has found."""
    print(f"{failures} failures")
    sys.exit(1 if failures else 0)


def wait_for(condition, what, seconds=30, pause=0.05):
    """That it never was so is a failure."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return check(False, "waited for", what)
        time.sleep(pause)
    return True


def free_port(kind=socket.SOCK_STREAM):
    """Below those that the kernel gives to connections: no test beside this one is handed it before it is bound."""
    while True:
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(("127.0.0.1", random.randrange(10000, 32768)))
            except OSError:
                continue
            return s.getsockname()[1]


def load(name):
    """A library that may be missing."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not here: skipped")
        return None


def needs_built(flowtap, feature):
    """The end as skipped where --version does not name it."""
    if feature not in subprocess.run([flowtap, "--version"], capture_output=True, text=True, check=True).stdout:
        print(f"skipped: this build lacks {feature}")
        sys.exit(77)


def run(flowtap, *args, env=None, timeout=120):
    return subprocess.run([flowtap, *map(str, args)], capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **(env or {})})


def run_methods(tests, only=""):
    """Its methods test_* one after the other; with a text in their name."""
    for name in sorted(n for n in dir(tests) if n.startswith("test_") and only in n):
        begin, before = time.monotonic(), failures
        getattr(tests, name)()
        print(f"{'ok  ' if failures == before else 'FAIL'} {name} {time.monotonic() - begin:.1f} s", flush=True)


def write_capture(path, flows, payload=64):
    """One packet each of so many flows, source ports 1024 and up."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        body = b"\x00" * payload
        for i in range(flows):
            ip = struct.pack(">BBHHHBBHII", 0x45, 0, 28 + payload, i & 0xffff, 0, 64, 17, 0, 0x0a000001 + i // 60000,
                             0x0b000001)
            udp = struct.pack(">HHHH", 1024 + i % 60000, 53, 8 + payload, 0)
            frame = b"\x02" * 12 + b"\x08\x00" + ip + udp + body
            f.write(struct.pack("<IIII", 1700000000 + i // 10000, i % 10000 * 100, len(frame), len(frame)) + frame)
